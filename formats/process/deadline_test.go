package process

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/calendar"
	"github.com/marktbote/marktbote/formats/ident"
)

// local reads a time of a test in legal German time; a day alone is its beginning.
func local(t testing.TB, s string) time.Time {
	t.Helper()
	for _, layout := range []string{"2006-01-02 15:04", "2006-01-02"} {
		if at, err := time.ParseInLocation(layout, s, formats.Berlin); err == nil {
			return at
		}
	}
	t.Fatalf("%q is no time", s)
	return time.Time{}
}

func deadline(t testing.TB, s string) Deadline {
	t.Helper()
	d, err := ParseDeadline(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// dates makes facts of a qualifier and a day each.
func dates(t testing.TB, pairs ...string) Facts {
	t.Helper()
	f := Facts{Sparte: formats.Strom}
	for i := 0; i < len(pairs); i += 2 {
		f.Dates = append(f.Dates, Date{pairs[i], local(t, pairs[i+1])})
	}
	return f
}

// TestDue holds the examples of the documents, and awkward days. Times are legal German time.
func TestDue(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, expression, received, want string }{
		// GPKE ch. 7: received on Monday 4 July 2016.
		{"6 Werktage", "wt 6 end", "2016-07-04 10:00", "2016-07-13"},
		{"7 Werktage", "wt 7 end", "2016-07-04 10:00", "2016-07-14"},
		{"10 Werktage", "wt 10 end", "2016-07-04 10:00", "2016-07-19"},

		// Lieferbeginn, received on an ordinary Monday and at the edges of that day.
		{"55036", "wt 1 07:00", "2026-11-23 08:12", "2026-11-24 07:00"},
		{"55011", "wt 1 09:00", "2026-11-23 08:12", "2026-11-24 09:00"},
		{"55002", "wt 1 11:00", "2026-11-23 08:12", "2026-11-24 11:00"},
		{"55037", "wt 1 12:00", "2026-11-23 08:12", "2026-11-24 12:00"},
		{"first minute of the day", "wt 1 11:00", "2026-11-23 00:00", "2026-11-24 11:00"},
		{"last minute of the day", "wt 1 11:00", "2026-11-23 23:59", "2026-11-24 11:00"},
		{"Friday", "wt 1 11:00", "2026-11-20 23:59", "2026-11-23 11:00"},
		{"Saturday", "wt 1 11:00", "2026-11-21 12:00", "2026-11-23 11:00"},
		{"Sunday", "wt 1 11:00", "2026-11-22 12:00", "2026-11-23 11:00"},
		{"Buß- und Bettag, Saxony alone", "wt 1 11:00", "2026-11-17 12:00", "2026-11-19 11:00"},
		{"Epiphany, three states", "wt 1 11:00", "2026-01-05 12:00", "2026-01-07 11:00"},
		{"Corpus Christi", "wt 1 11:00", "2026-06-03 12:00", "2026-06-05 11:00"},
		{"Women's Day, Berlin", "wt 1 11:00", "2027-03-05 12:00", "2027-03-09 11:00"},
		{"Children's Day, Thuringia", "wt 1 11:00", "2027-09-17 12:00", "2027-09-21 11:00"},
		{"All Saints on a Monday", "wt 1 11:00", "2027-10-29 12:00", "2027-11-02 11:00"},
		{"24 December", "wt 1 11:00", "2026-12-23 12:00", "2026-12-28 11:00"},
		{"received on 24 December", "wt 1 11:00", "2026-12-24 12:00", "2026-12-28 11:00"},
		{"31 December", "wt 1 11:00", "2026-12-30 12:00", "2027-01-04 11:00"},
		{"Easter", "wt 1 12:00", "2026-04-02 17:10", "2026-04-07 12:00"},
		{"6 June 2025", "wt 1 11:00", "2025-06-05 12:00", "2025-06-10 11:00"},

		{"Kuendigung 55016", "wt 1 end", "2026-11-20 15:00", "2026-11-24"},
		{"gas 44001", "wt 4 end", "2026-11-20 15:00", "2026-11-27"},
		{"gas over Christmas", "wt 3 end", "2026-12-28 09:00", "2027-01-05"},
		{"Neuanlage 55600", "wt 61 00:00", "2026-11-23 08:00", "2027-02-23"},
		{"EoG on the day itself", "day 0 15:00 else wt 1 15:00", "2026-11-23 12:59", "2026-11-23 15:00"},
		{"EoG, over already", "day 0 15:00 else wt 1 15:00", "2026-11-20 15:00", "2026-11-23 15:00"},
		{"day of receipt is no Werktag", "wt 0 15:00 else wt 1 15:00", "2026-11-22 10:00", "2026-11-23 15:00"},
		{"end of the day of assignment", "day 0 end", "2026-11-23 12:59", "2026-11-24"},
		{"calendar days do not care", "day 1 end", "2026-12-24 12:00", "2026-12-26"},

		// Hours and minutes are elapsed time, clocks are wall clocks, over the changes of the clock.
		{"CONTRL, autumn", "hours 6", "2026-10-24 23:00", "2026-10-25 04:00"},
		{"CONTRL, spring", "hours 6", "2027-03-27 23:00", "2027-03-28 06:00"},
		{"APERAK", "minutes 45", "2026-05-08 23:50", "2026-05-09 00:35"},
		{"over the spring change", "wt 1 11:00", "2027-03-25 23:30", "2027-03-30 11:00"},
		{"over the autumn change", "wt 1 11:00", "2026-10-23 23:30", "2026-10-26 11:00"},
		{"the day of 25 hours ends late", "day 0 end", "2026-10-25 10:00", "2026-10-26"},
	} {
		got, ok := deadline(t, tt.expression).Due(local(t, tt.received), Facts{})
		if want := local(t, tt.want); !ok || !got.Equal(want) {
			t.Errorf("%s: %s from %s: got %v, %v, want %v", tt.name, tt.expression, tt.received, got.In(formats.Berlin), ok, want)
		}
	}
}

// TestLead holds the examples for what must be received before a date: the last permitted day, and that the day after
// it is too late.
func TestLead(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, expression, date, lastDay string }{
		// LFW24 ch. 9: the day before the last Werktag before the date.
		{"end of assignment on a Tuesday", "lead 1 wt DTM+92", "2025-10-07", "2025-10-05"},
		{"over 3 October", "lead 1 wt DTM+92", "2025-10-05", "2025-10-01"},
		{"start on a Monday", "lead 1 wt DTM+92", "2026-11-30", "2026-11-26"},
		{"start on 1 January", "lead 1 wt DTM+92", "2027-01-01", "2026-12-29"},
		// GPKE ch. 7, the other way round.
		{"start of supply 14 July", "lead 7 wt DTM+92", "2016-07-14", "2016-07-04"},
		{"start of supply 19 July", "lead 10 wt DTM+92", "2016-07-19", "2016-07-04"},
		{"end of supply 12 July, 24:00", "lead 6 wt DTM+92", "2016-07-13", "2016-07-04"},
	} {
		got, ok := deadline(t, tt.expression).Due(time.Time{}, dates(t, "92", tt.date))
		if last := calendar.StromDayOf(got.Add(-time.Second)).String(); !ok || last != tt.lastDay {
			t.Errorf("%s: %s for %s: last day is %s, want %s", tt.name, tt.expression, tt.date, last, tt.lastDay)
		}
	}
}

// TestDueByFacts looks deadlines of the table up that depend on more than the receipt.
func TestDueByFacts(t *testing.T) {
	t.Parallel()
	invoice := dates(t, "265", "2026-12-30")
	at := func(f Facts, change func(*Facts)) Facts {
		change(&f)
		return f
	}
	for _, tt := range []struct {
		name     string
		pid      ident.Pruefidentifikator
		received string
		facts    Facts
		want     string // empty: none
	}{
		{"LFA counts from the Anmeldung", "55010", "2026-11-24 06:50", dates(t, "154", "2026-11-23"), "2026-11-24 09:00"},
		{"without DTM+154", "55010", "2026-11-24 06:50", Facts{}, ""},
		{"EoG ahead", "55013", "2026-11-23 12:00", at(dates(t, "92", "2026-11-24"), func(f *Facts) { f.Code = "E01" }), "2026-11-23 15:00"},
		{"EoG in the past", "55013", "2026-11-23 12:00", at(dates(t, "92", "2026-11-20"), func(f *Facts) { f.Code = "E01" }), "2026-11-24 15:00"},
		{"EoG assigned: no answer", "55013", "2026-11-23 15:30", at(dates(t, "92", "2026-11-24"), func(f *Facts) { f.Code = "Z89" }), ""},
		{"EoG, start unknown", "55013", "2026-11-23 12:00", Facts{Code: "E01"}, ""},
		{"REMADV", "31002", "2026-12-10 12:00", invoice, "2026-12-23"},
		{"REMADV, payment target unknown", "31002", "2026-12-10 12:00", Facts{Sparte: formats.Strom}, ""},
		{"REMADV of Gas is not established", "31002", "2026-12-10 12:00", at(invoice, func(f *Facts) { f.Sparte = formats.Gas }), ""},
		{"MSB invoice to an NB", "31009", "2026-12-10 12:00", at(invoice, func(f *Facts) { f.Role = "NB" }), "2026-12-23"},
		{"MSB invoice to an LF", "31009", "2026-12-10 12:00", at(invoice, func(f *Facts) { f.Role = "LF" }), "2026-12-31"},
		{"COMDIS", "33004", "2026-12-20 12:00", invoice, "2026-12-29"},
		{"device change", "17009", "2026-11-20 12:00", dates(t, "203", "2026-12-01"), "2026-11-28"},
		{"fault, conventional meter", "23001", "2026-11-20 12:00", Facts{Sparte: formats.Strom, Metering: "kME"}, "2026-11-26"},
		{"fault, iMS", "23001", "2026-11-20 12:00", Facts{Sparte: formats.Strom, Metering: "iMS"}, "2026-11-24"},
		{"fault, unknown", "23001", "2026-11-20 12:00", Facts{Sparte: formats.Strom}, ""},
		{"complaint", "17113", "2026-11-20 12:00", Facts{Sparte: formats.Strom, Cases: map[string]bool{"second-msb": false}}, "2026-11-27"},
		{"complaint, second MSB", "17113", "2026-11-20 12:00", Facts{Sparte: formats.Strom, Cases: map[string]bool{"second-msb": true}}, "2026-12-03"},
		{"delivery note", "13019", "2026-11-20 12:00", Facts{Code: "Z41"}, "2026-11-25"},
		{"meter values", "13019", "2026-11-20 12:00", Facts{Code: "7"}, ""},
		{"own order about master data", "55645", "2026-11-02 12:00", Facts{Code: "Z88"}, "2026-11-17"},
		{"not established", "55022", "2026-11-20 12:00", Facts{}, ""},
		{"answers are not answered", "55002", "2026-11-20 12:00", Facts{}, ""},
	} {
		e, ok := Lookup(tt.pid)
		if !ok {
			t.Fatalf("%s has no entry", tt.pid)
		}
		got, ok := e.Due.Due(local(t, tt.received), tt.facts)
		if ok != (tt.want != "") || ok && !got.Equal(local(t, tt.want)) {
			t.Errorf("%s, %s from %s: got %v, %v, want %q", tt.name, tt.pid, tt.received, got.In(formats.Berlin), ok, tt.want)
		}
	}
}

// TestOther checks the clock that runs from another message.
func TestOther(t *testing.T) {
	t.Parallel()
	e, _ := Lookup("55037")
	for _, tt := range []struct {
		of   ident.Pruefidentifikator
		want string
	}{{"55001", "2026-11-24 12:00"}, {"55077", "2026-11-24 12:00"}, {"55007", "2026-11-24 07:00"}} {
		f := Facts{Receipts: []Receipt{{"55016", local(t, "2026-11-02 08:00")}, {tt.of, local(t, "2026-11-23 08:00")}}}
		if got, ok := e.Send.Due(time.Time{}, f); !ok || !got.Equal(local(t, tt.want)) {
			t.Errorf("after %s: got %v, %v, want %s", tt.of, got.In(formats.Berlin), ok, tt.want)
		}
	}
	if got, ok := e.Send.Due(time.Time{}, Facts{}); ok {
		t.Errorf("without any: got %v", got)
	}
}

// TestBounds: what is owed goes by the earliest, what is waited for by the latest possible deadline.
func TestBounds(t *testing.T) {
	t.Parallel()
	e, _ := Lookup("23001")
	earliest, latest, ok := e.Due.Bounds(local(t, "2026-11-20 12:00"), Facts{Sparte: formats.Strom})
	if !ok || !earliest.Equal(local(t, "2026-11-24")) || !latest.Equal(local(t, "2026-11-26")) {
		t.Errorf("got %v, %v, %v", earliest, latest, ok)
	}
	if _, _, ok := (Deadline{}).Bounds(time.Now(), Facts{}); ok {
		t.Error("a deadline that is not established has bounds")
	}
}

func TestParseDeadline(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "wt", "wt 1", "wt x end", "wt -1 end", "wt 1 24:00", "wt 1 9:00", "wt 401 end", "hours 0", "before 4 due end",
		"before 4 wt 265 end", "wt 1 end if", "wt 1 end if nonsense", "wt 1 end if Strom and", "of wt 1 end", "from 154 wt 1 end", "lead 1 wt DTM+92 end",
		"month x 1 DTM+92 end", "wt 1 end else", "unknown else wt 1 end"} {
		if d, err := ParseDeadline(s); err == nil {
			t.Errorf("%q was accepted as %v", s, d)
		}
	}
	for _, s := range []string{"unknown", "wt 1 11:00", "month wt 10 DTM+92 end", "month day 5 DTM+92 end", "of 55001 55077 wt 1 07:00", "after 3 wt DTM+203 end",
		"from DTM+154 wt 1 09:00 if BGM E01 Z89 and not Gas else on DTM+265 end"} {
		if got := deadline(t, s).String(); got != s {
			t.Errorf("%q became %q", s, got)
		}
	}
}

func TestMonths(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ expression, date, want string }{
		{"month day 5 DTM+92 end", "2026-11-17", "2026-12-06"}, {"month day 8 DTM+92 11:00", "2026-12-31", "2027-01-08 11:00"},
		{"month wt 10 DTM+92 end", "2026-11-01", "2026-12-15"}, {"month wt 1 DTM+92 end", "2026-12-01", "2027-01-05"},
		{"after 3 wt DTM+92 end", "2026-12-22", "2026-12-30"},
	} {
		got, ok := deadline(t, tt.expression).Due(time.Time{}, dates(t, "92", tt.date))
		if !ok || !got.Equal(local(t, tt.want)) {
			t.Errorf("%s for %s: got %v, want %s", tt.expression, tt.date, got.In(formats.Berlin), tt.want)
		}
	}
}

// drawTime draws a minute of ten years.
func drawTime(t *rapid.T, label string) time.Time {
	minute := rapid.IntRange(0, 10*366*24*60).Draw(t, label)
	return time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(minute) * time.Minute)
}

// TestDueProperties: who receives later has at least as much time, a deadline in Werktage lies on one, and behind the
// receipt.
func TestDueProperties(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		form := rapid.SampledFrom([]string{"wt 1 11:00", "wt 1 00:00", "wt 3 end", "wt 61 00:00", "wt 10 23:59", "day 0 15:00 else wt 1 15:00", "hours 6", "minutes 45",
			"day 2 12:00", "wt 0 12:00 else wt 1 12:00"}).Draw(t, "form")
		d, err := ParseDeadline(form)
		if err != nil {
			t.Fatal(err)
		}
		a, b := drawTime(t, "a"), drawTime(t, "b")
		if b.Before(a) {
			a, b = b, a
		}
		dueA, okA := d.Due(a, Facts{})
		dueB, okB := d.Due(b, Facts{})
		if !okA || !okB || dueB.Before(dueA) {
			t.Fatalf("%s: received %v due %v, received %v due %v", form, a, dueA, b, dueB)
		}
		if !dueA.After(a) {
			t.Fatalf("%s: received %v, due %v", form, a, dueA)
		}
		if last := d.alternatives[len(d.alternatives)-1]; last.term.form == werktag && len(d.alternatives) == 1 {
			onDay := calendar.StromDayOf(dueA)
			if last.term.clock.end {
				onDay = calendar.StromDayOf(dueA.Add(-time.Second))
			}
			if !onDay.IsWerktag() {
				t.Fatalf("%s: due on %v, which is no Werktag", form, onDay)
			}
		}
	})
}

// TestLeadProperty: between the last permitted day and the date lie exactly as many Werktage as asked for.
func TestLeadProperty(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 25).Draw(t, "n")
		date := calendar.StromDayOf(drawTime(t, "date"))
		at := (&term{form: lead, n: n, date: "92"})
		limit, ok := at.at(time.Time{}, &Facts{Dates: []Date{{"92", date.At(0, 0)}}})
		if !ok {
			t.Fatal("no result")
		}
		count := 0
		for d := calendar.StromDayOf(limit); d != date; d = d.AddDays(1) {
			if d.IsWerktag() {
				count++
			}
		}
		if count != n {
			t.Fatalf("%d Werktage from %v to %v, want %d", count, limit, date, n)
		}
	})
}
