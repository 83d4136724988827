package calendar

import (
	"fmt"
	"time"

	"github.com/marktbote/marktbote/formats"
)

// Date is a calendar day without time zone. As a Strom day or Gas day it is named after the day on which it begins.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// ParseDate reads a value of format 102 (CCYYMMDD). The error is an *Error.
//
// Spec: DE 2379 code 102
func ParseDate[T ~string | ~[]byte](v T) (Date, error) {
	if len(v) != 8 {
		return Date{}, fail("102", v, "it has the wrong length")
	}
	year, month, day := number(v, 0, 4), number(v, 4, 6), number(v, 6, 8)
	if year < 0 || month < 0 || day < 0 {
		return Date{}, fail("102", v, "it has characters other than digits")
	}
	if reason := checkDay(year, month, day); reason != "" {
		return Date{}, fail("102", v, reason)
	}
	return Date{year, time.Month(month), day}, nil
}

// String formats the date as in 2026-12-01.
func (d Date) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day) }

// MarshalText formats the date as in 2026-12-01.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// AddDays returns the date n days later; n may be negative.
func (d Date) AddDays(n int) Date {
	y, m, day := time.Date(d.Year, d.Month, d.Day+n, 0, 0, 0, 0, time.UTC).Date()
	return Date{y, m, day}
}

// DayOf returns the day of the Sparte in which t lies: for Strom the calendar day in Berlin, for Gas the day that
// began at 06:00 local time.
//
// Spec: Allgemeine Festlegungen 6.1 3.3, 3.4
func DayOf(sparte formats.Sparte, t time.Time) Date {
	local := t.In(formats.Berlin)
	y, m, day := local.Date()
	d := Date{y, m, day}
	if local.Hour() < startHour(sparte) {
		return d.AddDays(-1)
	}
	return d
}

// StromDayOf returns the Strom day in which t lies.
func StromDayOf(t time.Time) Date { return DayOf(formats.Strom, t) }

// GasDayOf returns the Gas day in which t lies.
func GasDayOf(t time.Time) Date { return DayOf(formats.Gas, t) }

// DayBounds returns start and end (exclusive) of the day of the Sparte, in UTC.
//
// Spec: Allgemeine Festlegungen 6.1 3.3, 3.4
func DayBounds(sparte formats.Sparte, d Date) (from, to time.Time) {
	hour := startHour(sparte)
	from = time.Date(d.Year, d.Month, d.Day, hour, 0, 0, 0, formats.Berlin).UTC()
	to = time.Date(d.Year, d.Month, d.Day+1, hour, 0, 0, 0, formats.Berlin).UTC()
	return from, to
}

// Hours returns how many hours the day of the Sparte has: 23, 24 or 25. The clock change of a Sunday morning makes
// that Sunday the long or short Strom day, but the Saturday before the long or short Gas day.
//
// Spec: MSCONS AHB 3.2 4.3 (clock change)
func Hours(sparte formats.Sparte, d Date) int {
	from, to := DayBounds(sparte, d)
	return Count(from, to, time.Hour)
}

// QuarterHours returns how many quarter hours the day of the Sparte has: 92, 96 or 100.
//
// Spec: MSCONS AHB 3.2 4.3 (clock change)
func QuarterHours(sparte formats.Sparte, d Date) int {
	from, to := DayBounds(sparte, d)
	return Count(from, to, 15*time.Minute)
}

// Count returns how many whole steps fit between from and to; 0 if to is not after from or the step not positive.
func Count(from, to time.Time, step time.Duration) int {
	if step <= 0 || !to.After(from) {
		return 0
	}
	return int(to.Sub(from) / step)
}

// Month is a calendar month, as the balancing month or the period of a maximum.
type Month struct {
	Year  int
	Month time.Month
}

// ParseMonth reads a value of format 610 (CCYYMM). The error is an *Error.
//
// Spec: DE 2379 code 610
func ParseMonth[T ~string | ~[]byte](v T) (Month, error) {
	if len(v) != 6 {
		return Month{}, fail("610", v, "it has the wrong length")
	}
	year, month := number(v, 0, 4), number(v, 4, 6)
	if year < 0 || month < 0 {
		return Month{}, fail("610", v, "it has characters other than digits")
	}
	if reason := checkDay(year, month, 1); reason != "" {
		return Month{}, fail("610", v, reason)
	}
	return Month{year, time.Month(month)}, nil
}

// String formats the month as in 2026-12.
func (m Month) String() string { return fmt.Sprintf("%04d-%02d", m.Year, m.Month) }

// MarshalText formats the month as in 2026-12.
func (m Month) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// MonthBounds returns start and end (exclusive) of the month in days of the Sparte, in UTC.
//
// Spec: Allgemeine Festlegungen 6.1 3.3, 3.4; DE 2379 code 610
func MonthBounds(sparte formats.Sparte, m Month) (from, to time.Time) {
	from, _ = DayBounds(sparte, Date{m.Year, m.Month, 1})
	to, _ = DayBounds(sparte, Date{m.Year, m.Month + 1, 1})
	return from, to
}
