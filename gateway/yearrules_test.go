package gateway

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/ident"
	"github.com/marktbote/marktbote/formats/process"
)

// NOTE: What the simulated year is compared with: the deadlines and the meaning of silence as the documents of the
// processes have them, with a calendar of two years written down day by day. Nothing in this file computes with the
// packages that the gateway computes with.

// yearRule is one deadline of the documents, with everybody it holds for.
type yearRule struct {
	pids    string
	code    string // BGM 1001 that the rule is about; empty: any
	from    string // what the days are counted from; below zero: before it
	days    int    // Werktage
	clock   string // 24:00 is the end of the day
	waits   int    // Werktage that who asked waits at most, where no message tells which rule holds; 0: as days
	silence string
}

// What days are counted from.
const (
	fromReceipt   = "receipt"
	fromToday     = "the day itself" // of receipt
	fromPayment   = "DTM+265"
	fromExecution = "DTM+203"
)

// yearRules are all rules.
//
// Spec: GPKE Teil 2, Teil 3, Teil 4; WiM Strom Teil 1, Teil 2; LFW24 1.7; AWH GeLi Gas 2.0; AWH WiM Gas 2.0; MaBiS
var yearRules = []yearRule{
	{"55007", "E02", fromReceipt, 1, "05:00", 0, "nb-ends"},
	{"55004", "", fromReceipt, 1, "06:00", 0, "breach"},
	{"55010", "", fromReceipt, 1, "09:00", 0, "consent"}, // received with the Anmeldung, DTM+154
	{"55001 55077", "", fromReceipt, 1, "11:00", 0, "breach"},
	{"55013 55607", "E01", fromToday, 0, "15:00", 0, "nb-assigns"},
	{"55016 55168 17002 17115 17117 39000 21009 21010", "", fromReceipt, 1, "24:00", 0, "breach"},
	{"13003", "", fromReceipt, 1, "24:00", 0, ""},
	{"17001 17007 17008 17133 35004 39002 44013 55156 55220 55614 55673 55675", "", fromReceipt, 2, "24:00", 0, "breach"},
	{"13016", "Z42", fromReceipt, 2, "24:00", 0, "approved"},
	{"13019", "Z41", fromReceipt, 2, "24:00", 0, "approved"},
	{`55109 55110 55126 55173 55175 55218 55225 55230 55557 55613 55615 55616 55617 55618 55619 55620 55627 55628 55629 55630 55632
		55639 55640 55641 55642 55643 55649 55650 55651 55652 55653 55659 55660 55661 55662 55663 55672 55674 55684 55686 55688
		55691 55693`, "", fromReceipt, 2, "24:00", 0, "no-deviation"},
	{"55039 44004 44007 44010 44016", "", fromReceipt, 3, "24:00", 0, "breach"},
	{"17116", "", fromReceipt, 3, "24:00", 0, "consent"},
	{"15001 21029", "", fromReceipt, 3, "24:00", 0, ""},
	{"23001", "", fromReceipt, 1, "24:00", 3, "breach"}, // one for RLM and iMS, three for others
	{"35001 44001", "", fromReceipt, 4, "24:00", 0, "breach"},
	{"17113", "", fromReceipt, 4, "24:00", 8, "breach"}, // eight if the MSB has to ask another
	{"55042 35002 35003", "", fromReceipt, 5, "24:00", 0, "breach"},
	{"25001", "", fromReceipt, 5, "24:00", 0, "no-deviation"},
	{"55051", "", fromReceipt, 7, "24:00", 0, "breach"},
	{"17006", "", fromReceipt, 8, "24:00", 0, "breach"},
	{"15002", "", fromReceipt, 8, "24:00", 0, ""},
	{"17011 35005 44039 44042 44051 44168", "", fromReceipt, 10, "24:00", 0, "breach"},
	{`55136 55137 55177 55180 55227 55232 55559 55621 55622 55623 55624 55625 55626 55633 55634 55635 55636 55638 55644 55645 55646
		55647 55648 55654 55655 55656 55657 55658 55664 55665 55666 55667 55669 55685 55687 55689 55692 55694`,
		"Z88", fromReceipt, 10, "24:00", 0, "breach"},
	{"55600 55601", "", fromReceipt, 61, "00:00", 0, "breach"},
	{"17009", "", fromExecution, -2, "24:00", 0, "breach"},
	{"31001 31002 31009 31011", "", fromPayment, -4, "24:00", 0, "breach"},
	{"31003", "", fromPayment, 0, "24:00", 0, "breach"},
	{"33002 33003 33004", "", fromPayment, -2, "24:00", 0, "waived"},
	{"29001", "", fromPayment, 0, "24:00", 0, "breach"},
}

// ownLimits are the Werktage of answers that have a deadline of their own.
//
// Spec: WiM Strom Teil 2
var ownLimits = map[ident.Pruefidentifikator]int{"19007": 2, "19114": 3}

// ruleOf returns the rule of a Pruefidentifikator.
func ruleOf(pid ident.Pruefidentifikator) (yearRule, bool) {
	for _, r := range yearRules {
		if slices.Contains(strings.Fields(r.pids), pid.String()) {
			return r, true
		}
	}
	return yearRule{}, false
}

// freeDays are the days from Monday to Friday on which nobody works, from April 2026 to the end of 2027.
const freeDays = `2026-04-03 2026-04-06 2026-05-01 2026-05-14 2026-05-25 2026-06-04 2026-11-18 2026-12-24 2026-12-25 2026-12-31
	2027-01-01 2027-01-06 2027-03-08 2027-03-26 2027-03-29 2027-05-06 2027-05-17 2027-05-27 2027-09-20 2027-11-01 2027-11-17
	2027-12-24 2027-12-31`

// isWorkday reports whether a local day, given by any time of it, is a Werktag.
func isWorkday(day time.Time) bool {
	return day.Weekday() != time.Saturday && day.Weekday() != time.Sunday && !strings.Contains(freeDays, day.Format("2006-01-02"))
}

// due returns the deadline, and the one that who asked waits for.
func (r yearRule) due(received, date time.Time) (ours, theirs time.Time) {
	count := func(n int) time.Time {
		day := received.In(formats.Berlin)
		if r.from != fromReceipt && r.from != fromToday {
			day = date.In(formats.Berlin)
		}
		step := 1
		if n < 0 {
			step = -1
		}
		for ; n != 0; n -= step {
			for day = day.AddDate(0, 0, step); !isWorkday(day); {
				day = day.AddDate(0, 0, step)
			}
		}
		if r.clock == "24:00" {
			return time.Date(day.Year(), day.Month(), day.Day()+1, 0, 0, 0, 0, formats.Berlin)
		}
		var hour, minute int
		if _, err := fmt.Sscanf(r.clock, "%d:%d", &hour, &minute); err != nil {
			panic(err)
		}
		return time.Date(day.Year(), day.Month(), day.Day(), hour, minute, 0, 0, formats.Berlin)
	}
	ours = count(r.days)
	if theirs = ours; r.waits != 0 {
		theirs = count(r.waits)
	}
	return ours, theirs
}

// acknowledgedBy is until when a message of a Sparte must be acknowledged, and until when that is waited for: around a new
// format version longer.
//
// Spec: CONTRL AHB 1.0; APERAK AHB 1.1 2.4, 2.5
func acknowledgedBy(sparte formats.Sparte, kind string, received time.Time) (ours, theirs time.Time) {
	local := received.In(formats.Berlin)
	switch {
	case sparte == formats.Gas: // CONTRL
		ours = received.Add(6 * time.Hour)
	case kind != "UTILMD" && kind != "ORDERS":
		ours, _ = yearRule{from: fromReceipt, days: 1, clock: "12:00"}.due(received, received)
	case local.Weekday() == time.Saturday:
		ours = time.Date(local.Year(), local.Month(), local.Day()+1, 12, 0, 0, 0, formats.Berlin)
	default:
		ours = received.Add(45 * time.Minute)
	}
	for _, change := range []time.Time{yearBegin, time.Date(2026, 10, 1, 0, 0, 0, 0, formats.Berlin)} {
		if until := change.AddDate(0, 0, 1); !ours.Before(change.Add(-6*time.Hour)) && ours.Before(until) {
			return ours, until
		}
	}
	return ours, ours
}

// meaning is what the deadline means when it passes.
func (r yearRule) meaning() string {
	switch r.silence {
	case "breach":
		return "breach"
	case "":
		return "deadline-missed"
	case "waived":
		return "objection-waived"
	}
	return "confirmed-by-silence"
}

// late is what an answer after it means.
func (r yearRule) late() string {
	if r.pids == "55010" {
		return "late-and-void"
	}
	return "answered-late"
}

// TestYearRules: the year knows a rule for everything that has one, and for nothing else.
func TestYearRules(t *testing.T) {
	t.Parallel()
	for _, e := range process.All() {
		if _, ok := ruleOf(e.Pruefidentifikator); ok != e.Due.Known() {
			t.Errorf("%s: the year has a rule %v, the table %v", e.Pruefidentifikator, ok, e.Due.Known())
		}
	}
}
