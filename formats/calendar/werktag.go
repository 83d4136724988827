package calendar

import (
	"slices"
	"time"
)

// IsWerktag reports whether a day is a Werktag of market communication: not a Saturday or Sunday, not a public holiday
// of any of the sixteen states, not 24 or 31 December. Holidays of single municipalities do not count.
//
// Spec: GPKE, definitions (Werktag)
func (d Date) IsWerktag() bool {
	t := time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC)
	weekend := t.Weekday() == time.Saturday || t.Weekday() == time.Sunday
	return !weekend && !d.isHoliday(t)
}

// fixedHolidays are holidays with a date of their own: New Year, Epiphany, Women's Day, Labour Day, Assumption,
// Children's Day, German Unity, Reformation Day, All Saints, Christmas; 24 and 31 December count as holidays.
var fixedHolidays = map[time.Month][]int{
	time.January: {1, 6}, time.March: {8}, time.May: {1}, time.August: {15}, time.September: {20}, time.October: {3, 31},
	time.November: {1}, time.December: {24, 25, 26, 31},
}

// singleHolidays are days that were holidays once: 8 May 2025 in Berlin, and 6 June 2025, when market communication
// stood still for the change of the supplier switching process.
var singleHolidays = []Date{{2025, time.May, 8}, {2025, time.June, 6}}

func (d Date) isHoliday(t time.Time) bool {
	if slices.Contains(fixedHolidays[d.Month], d.Day) || slices.Contains(singleHolidays, d) {
		return true
	}
	// Good Friday, Easter Monday, Ascension, Whit Monday, Corpus Christi.
	switch int(t.Sub(easter(d.Year)).Hours() / 24) {
	case -2, 1, 39, 50, 60:
		return true
	}
	// Day of Repentance: the Wednesday before 23 November.
	return d.Month == time.November && t.Weekday() == time.Wednesday && d.Day >= 16 && d.Day <= 22
}

// easter returns Easter Sunday by the Gregorian rule.
func easter(year int) time.Time {
	a, b, c := year%19, year/100, year%100
	d, e := b/4, b%4
	g := (8*b + 13) / 25
	h := (19*a + b - d - g + 15) % 30
	m := (a + 11*h) / 319
	j, k := c/4, c%4
	l := (2*e + 2*j - k - h + m + 32) % 7
	month := (h - m + l + 90) / 25
	day := (h - m + l + month + 19) % 32
	return time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
}
