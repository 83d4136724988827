package book

import (
	"fmt"
	"time"
	_ "time/tzdata" // the zone must be there on every machine
)

// berlin is the zone of all days of the market.
var berlin = mustLoad("Europe/Berlin")

func mustLoad(name string) *time.Location {
	l, err := time.LoadLocation(name)
	if err != nil {
		panic(err) // embedded by time/tzdata
	}
	return l
}

const gas = "gas"

// Day is a day of the calendar. A day of Strom begins at local midnight, one of Gas at 06:00 local time.
type Day struct {
	Year  int
	Month time.Month
	Day   int
}

// String returns the day as 2026-11-01.
func (d Day) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day) }

// German returns the day as 01.11.2026.
func (d Day) German() string { return fmt.Sprintf("%02d.%02d.%04d", d.Day, d.Month, d.Year) }

// MarshalText implements encoding.TextMarshaler.
func (d Day) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// start returns the instant a day begins.
func (d Day) start(sparte string) time.Time {
	hour := 0
	if sparte == gas {
		hour = 6
	}
	return time.Date(d.Year, d.Month, d.Day, hour, 0, 0, 0, berlin).UTC()
}

func (d Day) next() Day { return dayOf("", time.Date(d.Year, d.Month, d.Day+1, 0, 0, 0, 0, berlin)) }

// dayOf returns the day that an instant belongs to.
func dayOf(sparte string, t time.Time) Day {
	t = t.In(berlin)
	y, m, d := t.Date()
	if sparte == gas && t.Hour() < 6 {
		y, m, d = t.AddDate(0, 0, -1).Date()
	}
	return Day{y, m, d}
}

// lastDay returns the day that ends at an instant, or runs before it.
func lastDay(sparte string, end time.Time) Day { return dayOf(sparte, end.Add(-time.Nanosecond)) }

// Period is a number of whole days, first and last included.
type Period struct{ First, Last Day }

// MonthOf returns a month as period.
func MonthOf(year int, month time.Month) Period {
	return Period{Day{year, month, 1}, dayOf("", time.Date(year, month+1, 0, 12, 0, 0, 0, berlin))}
}

// ParseMonth reads a month such as 2026-11.
func ParseMonth(text string) (Period, error) {
	t, err := time.Parse("2006-01", text)
	if err != nil {
		return Period{}, fmt.Errorf("%q is no month such as 2026-11", text)
	}
	return MonthOf(t.Year(), t.Month()), nil
}

// ParsePeriod reads first and last day, such as 2026-01-01 and 2026-12-31.
func ParsePeriod(first, last string) (Period, error) {
	var p Period
	for _, x := range []struct {
		text string
		day  *Day
	}{{first, &p.First}, {last, &p.Last}} {
		t, err := time.Parse(time.DateOnly, x.text)
		if err != nil {
			return p, fmt.Errorf("%q is no day such as 2026-11-01", x.text)
		}
		x.day.Year, x.day.Month, x.day.Day = t.Date()
	}
	if p.Last.start("").Before(p.First.start("")) {
		return p, fmt.Errorf("%s is before %s", last, first)
	}
	return p, nil
}

// span returns the instants of the period: the first, and the first after it.
func (p Period) span(sparte string) span {
	return span{p.First.start(sparte), p.Last.next().start(sparte)}
}

// span is a half open interval of instants. A zero to means open.
type span struct{ from, to time.Time }

// clip returns the part of s within t, and whether there is one.
func (s span) clip(t span) (span, bool) {
	if t.from.After(s.from) {
		s.from = t.from
	}
	if s.to.IsZero() || !t.to.IsZero() && t.to.Before(s.to) {
		s.to = t.to
	}
	return s, s.to.IsZero() || s.to.After(s.from)
}

// holds reports whether s contains all of t.
func (s span) holds(t span) bool {
	return !s.from.After(t.from) && (s.to.IsZero() || !t.to.IsZero() && !t.to.After(s.to))
}

// minus returns what is left of s without the spans of the list. None of them is open.
func (s span) minus(list []span) []span {
	left := []span{s}
	for _, t := range list {
		var next []span
		for _, x := range left {
			if !t.to.After(x.from) || !x.to.After(t.from) {
				next = append(next, x)
				continue
			}
			if t.from.After(x.from) {
				next = append(next, span{x.from, t.from})
			}
			if x.to.After(t.to) {
				next = append(next, span{t.to, x.to})
			}
		}
		left = next
	}
	return left
}
