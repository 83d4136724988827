package process

import (
	"slices"
	"time"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/calendar"
)

// Due returns the instant, in UTC, up to which something is in time for a message received at an instant; false if there
// is no deadline, or the facts do not tell it. It can lie before the receipt.
func (d Deadline) Due(received time.Time, f Facts) (time.Time, bool) {
	earliest, latest, certain := d.bounds(received, &f)
	return latest, certain && earliest.Equal(latest)
}

// Bounds returns the earliest and the latest instant that Due can have, whatever the unknown facts turn out to be; false
// if nothing can be said. Who owes an answer goes by the earliest, who waits for one by the latest.
func (d Deadline) Bounds(received time.Time, f Facts) (earliest, latest time.Time, ok bool) {
	earliest, latest, _ = d.bounds(received, &f)
	return earliest, latest, !latest.IsZero()
}

// Dates returns the qualifiers (DE 2005) of the dates that the deadline depends on, sorted.
func (d Deadline) Dates() []string {
	var list []string
	for _, a := range d.alternatives {
		list = append(list, a.from, a.term.date)
		for _, c := range a.only {
			if c.on == "ahead" || c.on == "past" {
				list = append(list, c.words...)
			}
		}
	}
	slices.Sort(list)
	return slices.DeleteFunc(slices.Compact(list), func(q string) bool { return q == "" })
}

// bounds goes through the alternatives. certain means that one of them applies.
func (d Deadline) bounds(received time.Time, f *Facts) (earliest, latest time.Time, certain bool) {
	for i := range d.alternatives {
		a := &d.alternatives[i]
		applies := a.only.holdAt(f, received)
		if applies == no {
			continue
		}
		anchor, known := received, true
		switch {
		case a.from != "":
			anchor, known = f.date(a.from)
		case a.of != nil:
			if anchor, known = f.receipt(a.of); !known { // that message does not belong to this process
				continue
			}
		}
		if known && a.term.form == werktag && a.term.n == 0 && !calendar.StromDayOf(anchor).IsWerktag() {
			continue
		}
		var at time.Time
		if known {
			at, known = a.term.at(anchor, f)
		}
		if !known {
			return time.Time{}, time.Time{}, false
		}
		if a.term.today() && !at.After(received) && d.later(i, f, received) {
			continue // it was over before the message came
		}
		if earliest.IsZero() || at.Before(earliest) {
			earliest = at
		}
		if latest.IsZero() || at.After(latest) {
			latest = at
		}
		if applies == yes {
			return earliest, latest, true
		}
	}
	return earliest, latest, false
}

// later reports whether an alternative behind i may apply.
func (d Deadline) later(i int, f *Facts, received time.Time) bool {
	for _, a := range d.alternatives[i+1:] {
		if a.only.holdAt(f, received) != no {
			return true
		}
	}
	return false
}

// today reports whether the term is a time on the day of receipt itself.
func (t *term) today() bool { return (t.form == day || t.form == werktag) && t.n == 0 }

// at computes the instant. The day of receipt is the one of legal German time, in Gas as well.
//
// Spec: GPKE, ch. 7 (Fristen); the day of the event does not count
func (t *term) at(anchor time.Time, f *Facts) (time.Time, bool) {
	switch t.form {
	case hours:
		return anchor.Add(time.Duration(t.n) * time.Hour).UTC(), true
	case minutes:
		return anchor.Add(time.Duration(t.n) * time.Minute).UTC(), true
	case werktag:
		return t.clock.on(calendar.StromDayOf(anchor).AddWerktage(t.n)), true
	case day:
		return t.clock.on(calendar.StromDayOf(anchor).AddDays(t.n)), true
	}
	at, known := f.date(t.date)
	if !known {
		return time.Time{}, false
	}
	d := calendar.StromDayOf(at)
	switch t.form {
	case before:
		return t.clock.on(werktageBefore(d, t.n)), true
	case after:
		return t.clock.on(d.AddWerktage(t.n)), true
	case on:
		return t.clock.on(d), true
	case lead: // the first of the whole Werktage has not begun
		return werktageBefore(d, t.n).At(0, 0), true
	case monthWerktag:
		return t.clock.on(lastOfMonth(d).AddWerktage(t.n)), true
	default:
		return t.clock.on(lastOfMonth(d).AddDays(t.n)), true
	}
}

func (c clock) on(d calendar.Date) time.Time {
	if c.end {
		return d.End()
	}
	return d.At(c.hour, c.minute)
}

// werktageBefore returns the n-th Werktag before a day, which does not count itself.
func werktageBefore(d calendar.Date, n int) calendar.Date {
	for ; n > 0; n-- {
		for d = d.AddDays(-1); !d.IsWerktag(); {
			d = d.AddDays(-1)
		}
	}
	return d
}

func lastOfMonth(d calendar.Date) calendar.Date {
	from, _ := calendar.MonthBounds(formats.Strom, calendar.Month{Year: d.Year, Month: d.Month + 1})
	return calendar.StromDayOf(from).AddDays(-1)
}
