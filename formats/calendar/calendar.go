// Package calendar turns the date and time values of messages into instants and days, and knows the days of the
// German energy market: the Strom day from local midnight, the Gas day from 06:00 local time, both 23, 24 or 25
// hours long.
//
//	at, err := calendar.ParseInstant("303", "202611302300+00") // 1 December 2026, 00:00 in Berlin
//	day := calendar.DayOf(formats.Strom, at)                   // 2026-12-01
//	from, to := calendar.DayBounds(formats.Strom, day)
//	n := calendar.QuarterHours(formats.Strom, day)             // 96
//
// Instants are UTC. Intervals are half open: the end of one is the start of the next. All functions are pure and
// safe for concurrent use.
package calendar

import "fmt"

// Error says why the value of a DTM segment is not a date or time of its format.
type Error struct {
	Format string // DE 2379
	Value  string
	Reason string
}

// Error names value, format and reason.
func (e *Error) Error() string {
	return fmt.Sprintf("calendar: %q is no value of format %s: %s", e.Value, e.Format, e.Reason)
}

func fail[T ~string | ~[]byte](format string, v T, reason string) error {
	return &Error{Format: format, Value: string(v), Reason: reason}
}

// number reads the digits of v from i to j; -1 if there are others.
func number[T ~string | ~[]byte](v T, i, j int) int {
	n := 0
	for ; i < j; i++ {
		c := v[i] - '0'
		if c > 9 {
			return -1
		}
		n = n*10 + int(c)
	}
	return n
}
