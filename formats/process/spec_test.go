package process

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/ident"
)

// everyDeadline holds one worked example for every Pruefidentifikator that is answered by a deadline: received on
// Friday, 13 November 2026, at 10:00. The Werktage behind it are 16, 17, 19 (18 is Buß- und Bettag), 20, 23, 24, 25, 26,
// 27 and 30 November; the 61st is 16 February 2027. What depends on a date has 1 December for a start (DTM+92), an end
// (DTM+93) and an execution (DTM+203), and 30 December for a payment target (DTM+265).
var everyDeadline = []struct {
	due   string
	facts Facts
	pids  string
}{
	{"2026-11-16 05:00", Facts{Code: "E02"}, "55007"},
	{"2026-11-16 06:00", Facts{}, "55004"},
	{"2026-11-16 09:00", Facts{}, "55010"}, // with DTM+154 of the same day
	{"2026-11-16 11:00", Facts{}, "55001 55077"},
	{"2026-11-13 15:00", Facts{Code: "E01"}, "55013 55607"},
	{"2026-11-17", Facts{Sparte: formats.Strom}, "55016 55168 17002 17115 17117 39000 13003 21009 21010"},
	{"2026-11-18", Facts{Sparte: formats.Strom}, `17001 17007 17008 17133 35004 39002 44013
		55109 55110 55126 55156 55173 55175 55218 55220 55225 55230 55557 55613 55614 55615 55616 55617 55618 55619 55620
		55627 55628 55629 55630 55632 55639 55640 55641 55642 55643 55649 55650 55651 55652 55653 55659 55660 55661 55662
		55663 55672 55673 55674 55675 55684 55686 55688 55691 55693`},
	{"2026-11-18", Facts{Code: "Z42"}, "13016"},
	{"2026-11-18", Facts{Code: "Z41"}, "13019"},
	{"2026-11-20", Facts{Sparte: formats.Strom}, "55039 17116 15001 21029 44004 44007 44010 44016"},
	{"2026-11-20", Facts{Sparte: formats.Strom, Metering: "mME"}, "23001"},
	{"2026-11-21", Facts{Sparte: formats.Strom, Cases: map[string]bool{"second-msb": false}}, "35001 44001 17113"},
	{"2026-11-24", Facts{}, "55042 25001 35002 35003"},
	{"2026-11-26", Facts{}, "55051"},
	{"2026-11-27", Facts{}, "17006 15002"},
	{"2026-12-01", Facts{}, "17011 35005 44039 44042 44051 44168"},
	{"2026-12-01", Facts{Code: "Z88"}, `55136 55137 55177 55180 55227 55232 55559 55621 55622 55623 55624 55625 55626 55633
		55634 55635 55636 55638 55644 55645 55646 55647 55648 55654 55655 55656 55657 55658 55664 55665 55666 55667 55669 55685
		55687 55689 55692 55694`},
	{"2027-02-16 00:00", Facts{}, "55600 55601"},
	{"2026-11-28", Facts{Sparte: formats.Strom}, "17009"},                               // 2nd Werktag before 1 December: 27 November
	{"2026-12-23", Facts{Sparte: formats.Strom, Role: "NB"}, "31001 31002 31009 31011"}, // 4th before 30 December: 22 December
	{"2026-12-29", Facts{Sparte: formats.Strom}, "33002 33003 33004"},                   // 2nd before it: 28 December
	{"2026-12-31", Facts{Sparte: formats.Strom}, "31003 29001"},
}

// TestEveryDeadline: the table of the examples is the table of the package, no more and no less.
func TestEveryDeadline(t *testing.T) {
	t.Parallel()
	seen := map[ident.Pruefidentifikator]bool{}
	received := local(t, "2026-11-13 10:00")
	for _, tt := range everyDeadline {
		for s := range strings.FieldsSeq(tt.pids) {
			e, ok := Lookup(ident.Pruefidentifikator(s))
			if !ok || seen[e.Pruefidentifikator] {
				t.Fatalf("%s: no entry, or listed twice", s)
			}
			seen[e.Pruefidentifikator] = true
			f := tt.facts
			f.Dates = dates(t, "92", "2026-12-01", "93", "2026-12-01", "203", "2026-12-01", "154", "2026-11-13", "265", "2026-12-30").Dates
			got, ok := e.Due.Due(received, f)
			if !ok || !got.Equal(local(t, tt.due)) {
				t.Errorf("%s: got %v, %v, want %s", s, got.In(formats.Berlin), ok, tt.due)
			}
		}
	}
	for _, e := range All() {
		if e.Due.Known() && !seen[e.Pruefidentifikator] {
			t.Errorf("%s has a deadline %q and no example", e.Pruefidentifikator, e.Due)
		}
	}
}

// TestEveryAnswerDeadline: the deadlines that only one of the answers has.
func TestEveryAnswerDeadline(t *testing.T) {
	t.Parallel()
	want := map[ident.Pruefidentifikator]string{"19007": "2026-11-18", "19114": "2026-11-20"}
	for _, e := range All() {
		for _, a := range e.Answers {
			if !a.By.Known() {
				continue
			}
			got, ok := a.By.Due(local(t, "2026-11-13 10:00"), Facts{Sparte: formats.Strom})
			if !ok || !got.Equal(local(t, want[a.Pruefidentifikator])) {
				t.Errorf("%s: got %v, %v", a.Pruefidentifikator, got.In(formats.Berlin), ok)
			}
			delete(want, a.Pruefidentifikator)
		}
	}
	if len(want) > 0 {
		t.Errorf("without a deadline of their own: %v", want)
	}
}

// TestEverySend holds one example for every Pruefidentifikator that must have been received before a date, or within a
// time of another message. The date is Monday, 4 January 2027: the Werktage before it are 30, 29, 28, 23, 22, 21, 18, 17,
// 16, 15, 14, 11, 10, 9, 8, 7, 4, 3, 2 and 1 December. The other message was received on Friday, 13 November, at 10:00.
func TestEverySend(t *testing.T) {
	t.Parallel()
	first, late := map[string]bool{"first-set-up": false, "msb-involved": false}, map[string]bool{"first-set-up": true, "msb-involved": true}
	seen := map[ident.Pruefidentifikator]bool{}
	for _, tt := range []struct {
		due   string // a beginning of a day: the day before was the last
		of    ident.Pruefidentifikator
		cases map[string]bool
		pids  string
	}{
		{"2026-12-30", "", nil, "55001 55004 55077"}, // the last day is the 29th
		{"2026-12-30 13:00", "", nil, "55013"},
		{"2026-12-18", "", late, "55042"},                              // 7 whole Werktage from the 18th on
		{"2026-12-08", "", first, "55042"},                             // 15
		{"2026-12-21", "", first, "17115"},                             // 6
		{"2026-12-11", "", late, "17115"},                              // 12
		{"2026-12-18", "", nil, "44004"},                               // 7
		{"2026-12-15", "", nil, "44001 31001 31002 31003 31009 31011"}, // 10
		{"2026-12-01", "", nil, "55051 17011"},                         // 20
		{"2026-12-23", "", nil, "55168"},                               // the end of the 5th Werktag before, the 22nd
		{"2026-12-15", "", nil, "17121"},                               // the end of the 11th, the 14th
		{"2026-11-16 07:00", "55001", nil, "55010 55036"},
		{"2026-11-16 12:00", "55001", nil, "55037 55038"},
		{"2026-11-16 07:00", "55007", nil, "55037 55038 55611"},
		{"2026-11-14", "55002", nil, "55126 55218 55613 55672 55674"},
	} {
		for s := range strings.FieldsSeq(tt.pids) {
			e, ok := Lookup(ident.Pruefidentifikator(s))
			if !ok {
				t.Fatal(s)
			}
			seen[e.Pruefidentifikator] = true
			f := dates(t, "76", "2027-01-04", "92", "2027-01-04", "93", "2027-01-04", "203", "2027-01-04", "265", "2027-01-04")
			f.Code, f.Cases = "E01", tt.cases
			if tt.of != "" {
				f.Receipts = []Receipt{{tt.of, local(t, "2026-11-13 10:00")}}
			}
			got, ok := e.Send.Due(local(t, "2026-11-13 10:00"), f)
			if !ok || !got.Equal(local(t, tt.due)) {
				t.Errorf("%s: got %v, %v, want %s", s, got.In(formats.Berlin), ok, tt.due)
			}
		}
	}
	for _, e := range All() {
		if e.Send.Known() && !seen[e.Pruefidentifikator] {
			t.Errorf("%s must be sent %q and has no example", e.Pruefidentifikator, e.Send)
		}
	}
}

// TestEverySilence: what silence means, as the documents have it; in all other rows with a deadline it is a breach.
func TestEverySilence(t *testing.T) {
	t.Parallel()
	other := map[Silence]string{
		Consent: "55010 17116", NBEnds: "55007", NBAssigns: "55013 55607", Approved: "13016 13019",
		Waived: "21035 33002 33003 33004", SilenceUnknown: "13003 15001 15002 21029",
		NoDeviation: `25001 55109 55110 55126 55173 55175 55218 55225 55230 55557 55613 55615 55616 55617 55618 55619 55620 55627 55628
			55629 55630 55632 55639 55640 55641 55642 55643 55649 55650 55651 55652 55653 55659 55660 55661 55662 55663 55672
			55674 55684 55686 55688 55691 55693`,
	}
	for _, e := range All() {
		if !e.Due.Known() && e.Silence == SilenceUnknown {
			continue
		}
		want := Breach
		for s, pids := range other {
			if slices.Contains(strings.Fields(pids), e.Pruefidentifikator.String()) {
				want = s
			}
		}
		if e.Silence != want {
			t.Errorf("%s: silence is %q, want %q", e.Pruefidentifikator, e.Silence, want)
		}
		if e.VoidLate != (e.Pruefidentifikator == "55010") {
			t.Errorf("%s: late answers void %v", e.Pruefidentifikator, e.VoidLate)
		}
	}
}

// TestDates: what a deadline needs to be computed, and whether facts have it.
func TestDates(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"wt 1 11:00": "", "before 2 wt DTM+265 end": "265", "from DTM+154 wt 1 09:00 else on DTM+92 end": "154 92",
		"day 0 15:00 if DTM+92 ahead else wt 1 15:00 if not DTM+92 past": "92",
	} {
		if got := strings.Join(deadline(t, s).Dates(), " "); got != want {
			t.Errorf("%s needs %q, want %q", s, got, want)
		}
	}
	f := dates(t, "92", "2026-11-24")
	if !f.Has() || !f.Has("92") || f.Has("92", "265") {
		t.Error("the facts have DTM+92 and no other date")
	}
}

// TestChainBasicSupply is a published chain: 55013 in the afternoon, silence, and the assignment that follows from it.
func TestChainBasicSupply(t *testing.T) {
	t.Parallel()
	e, _ := Lookup("55013")
	f := dates(t, "92", "2026-11-24")
	f.Code = "E01"
	due, ok := e.Due.Due(local(t, "2026-11-23 13:00"), f)
	if !ok || !due.Equal(local(t, "2026-11-23 15:00")) {
		t.Fatalf("due %v, %v", due.In(formats.Berlin), ok)
	}
	step := Step{Rule: e.Rule(f)}
	for _, x := range []struct {
		event Event
		want  Meaning
	}{
		{Event{Kind: EventReceived, At: local(t, "2026-11-23 13:00"), Due: due}, MeansStarted},
		{Event{Kind: EventDeadline, At: due.Add(-time.Microsecond)}, MeansNothing},
		{Event{Kind: EventDeadline, At: due}, MeansConfirmedBySilence},
	} {
		var got Meaning
		if step, got = step.On(x.event); got != x.want {
			t.Errorf("%s at %v means %q, want %q", x.event.Kind, x.event.At, got, x.want)
		}
	}
	f.Code = "Z89"
	if _, ok := e.Due.Due(local(t, "2026-11-23 15:30"), f); ok || e.Expects(f) {
		t.Error("the assignment itself is answered")
	}
}
