package calendar

import (
	"errors"
	"time"

	"github.com/marktbote/marktbote/formats"
)

// ParseInstant reads a value of format 303 (CCYYMMDDHHMMZZZ) or 304 (CCYYMMDDHHMMSSZZZ) and returns it in UTC. The
// zone ZZZ is a sign and two digits for hours. Whether it is +00, as the market demands, is a rule of the AHB and
// not checked here. Second 60 is a leap second; it is the same instant as second 0 of the next minute. The error
// is an *Error.
//
// Spec: Allgemeine Festlegungen 6.1 ch. 3; DE 2379 codes 303 and 304
func ParseInstant[T ~string | ~[]byte](format string, v T) (time.Time, error) {
	zone := 12
	switch format {
	case "303":
	case "304":
		zone = 14
	default:
		return time.Time{}, fail(format, v, "the format is not an instant (303 or 304)")
	}
	if len(v) != zone+3 {
		return time.Time{}, fail(format, v, "it has the wrong length")
	}
	year, month, day := number(v, 0, 4), number(v, 4, 6), number(v, 6, 8)
	hour, minute, second := number(v, 8, 10), number(v, 10, 12), 0
	if zone == 14 {
		second = number(v, 12, 14)
	}
	offset := number(v, zone+1, zone+3)
	if year < 0 || month < 0 || day < 0 || hour < 0 || minute < 0 || second < 0 || offset < 0 {
		return time.Time{}, fail(format, v, "it has characters other than digits")
	}
	if reason := checkDay(year, month, day); reason != "" {
		return time.Time{}, fail(format, v, reason)
	}
	switch {
	case hour > 23:
		return time.Time{}, fail(format, v, "there is no such hour")
	case minute > 59:
		return time.Time{}, fail(format, v, "there is no such minute")
	case second > 60:
		return time.Time{}, fail(format, v, "there is no such second")
	case offset > 14:
		return time.Time{}, fail(format, v, "there is no such zone")
	}
	switch v[zone] {
	case '+':
	case '-':
		offset = -offset
	default:
		return time.Time{}, fail(format, v, "the zone has no sign")
	}
	return time.Date(year, time.Month(month), day, hour-offset, minute, second, 0, time.UTC), nil
}

// checkDay returns why there is no such day, "" if there is.
func checkDay(year, month, day int) string {
	switch {
	case year == 0:
		return "there is no year 0"
	case month < 1 || month > 12:
		return "there is no such month"
	case day < 1 || day > 28 && day > daysIn(year, time.Month(month)):
		return "the month has no such day"
	}
	return ""
}

func daysIn(year int, month time.Month) int {
	return time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// ParseInterchangeTime reads date and time of UNB (S004): YYMMDD and HHMM, UTC, of this century. The error is an
// *Error.
//
// Spec: Allgemeine Festlegungen 6.1 ch. 5, UNB S004
func ParseInterchangeTime(date, clock string) (time.Time, error) {
	if len(date) != 6 || len(clock) != 4 {
		return time.Time{}, fail("S004", date+":"+clock, "it has the wrong length")
	}
	t, err := ParseInstant("303", "20"+date+clock+"+00")
	if err != nil {
		reason := "it is no date and time"
		if e, ok := errors.AsType[*Error](err); ok {
			reason = e.Reason
		}
		return time.Time{}, fail("S004", date+":"+clock, reason)
	}
	return t, nil
}

// IsDayStart reports whether t is the start of a day of the Sparte, as a start of supply must be.
//
// Spec: Allgemeine Festlegungen 6.1 3.8, [UB1] for Strom, [UB2] for Gas
func IsDayStart(sparte formats.Sparte, t time.Time) bool {
	local := t.In(formats.Berlin)
	hour, minute, second := local.Clock()
	return hour == startHour(sparte) && minute == 0 && second == 0 && local.Nanosecond() == 0
}

// startHour is the local hour at which the days of the Sparte begin.
func startHour(sparte formats.Sparte) int {
	if sparte == formats.Gas {
		return 6
	}
	return 0
}
