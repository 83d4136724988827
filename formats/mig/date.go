package mig

import (
	"github.com/marktbote/marktbote/formats/rules"
)

// date checks DTM 2380 against the format named in 2379. An unknown format is not checked.
//
// Spec: Allgemeine Festlegungen 6.1 ch. 3; code list of DE 2379
func (c *Checker) date(node *rules.Node, e *rules.Element, pos int) {
	raw, format := c.seg.RawComponent(pos, 2), c.seg.RawComponent(pos, 3)
	if blank(raw) || blank(format) || e.Components.Len() < 3 {
		return
	}
	if len(format) > 3 {
		format = c.unescape(format) // with spaces at its ends
	}
	pattern := datePattern(format)
	if len(raw) == 16 && raw[12] == c.svc.Release { // the common form: CCYYMMDDHHMM?+00
		c.scratch = append(append(c.scratch[:0], raw[:12]...), raw[13:]...)
		raw = c.scratch
	} else {
		raw = c.unescape(raw)
	}
	if !validDate(pattern, raw) {
		comp := &c.pack.Components[e.Components.First+1]
		c.wrongValue(codeDate, node, comp, pos, 2, pattern)
	}
}

// datePattern returns how a value of a format is built, as code lists write it; empty for an unknown format.
func datePattern(format []byte) string {
	if len(format) != 3 {
		return ""
	}
	switch uint32(format[0])<<16 | uint32(format[1])<<8 | uint32(format[2]) {
	case '3'<<16 | '0'<<8 | '3':
		return "CCYYMMDDHHMMZZZ"
	case '3'<<16 | '0'<<8 | '4':
		return "CCYYMMDDHHMMSSZZZ"
	case '1'<<16 | '0'<<8 | '2':
		return "CCYYMMDD"
	case '1'<<16 | '0'<<8 | '4':
		return "MMWWMMWW"
	case '1'<<16 | '0'<<8 | '6':
		return "MMDD"
	case '2'<<16 | '0'<<8 | '3':
		return "CCYYMMDDHHMM"
	case '4'<<16 | '0'<<8 | '1':
		return "HHMM"
	case '5'<<16 | '0'<<8 | '1':
		return "HHMMHHMM"
	case '6'<<16 | '0'<<8 | '2':
		return "CCYY"
	case '6'<<16 | '1'<<8 | '0':
		return "CCYYMM"
	case '8'<<16 | '0'<<8 | '2', '8'<<16 | '0'<<8 | '3', '8'<<16 | '0'<<8 | '4':
		return "1 - 999"
	case 'Z'<<16 | '0'<<8 | '1':
		return "ZZRB"
	}
	return ""
}

// validDate reports whether a value is a possible date, time or period of a pattern.
func validDate(pattern string, v []byte) bool {
	switch pattern {
	case "":
		return true
	case "1 - 999":
		return len(v) <= 3 && digits(v)
	case "ZZRB":
		return len(v) == 4 && digits(v[:2]) && (v[2] == 'T' || v[2] == 'W' || v[2] == 'M') && letter(v[3])
	}
	if len(v) != len(pattern) {
		return false
	}
	if len(v) > 12 { // time zone, with a sign
		zone := v[len(v)-3:]
		if zone[0] != '+' && zone[0] != '-' || !digits(zone[1:]) {
			return false
		}
		v = v[:len(v)-3]
	}
	if !digits(v) {
		return false
	}
	switch pattern {
	case "MMWWMMWW":
		return month(v[0:]) && week(v[2:]) && month(v[4:]) && week(v[6:])
	case "MMDD":
		return month(v) && day(2000, two(v), two(v[2:])) // a day of any year, so 29 February is one
	case "HHMM":
		return clock(v)
	case "HHMMHHMM":
		return clock(v) && (clock(v[4:]) || string(v[4:]) == "2400")
	}
	year := two(v)*100 + two(v[2:])
	if year == 0 || len(v) >= 6 && !month(v[4:]) {
		return false
	}
	if len(v) >= 8 && !day(year, two(v[4:]), two(v[6:])) {
		return false
	}
	if len(v) >= 12 && !clock(v[8:]) {
		return false
	}
	return len(v) < 14 || two(v[12:]) <= 60 // 60 is the leap second
}

func digits(v []byte) bool {
	for _, b := range v {
		if b-'0' > 9 {
			return false
		}
	}
	return true
}

func two(v []byte) int    { return int(v[0]-'0')*10 + int(v[1]-'0') }
func month(v []byte) bool { return two(v)-1 < 12 && two(v) > 0 }
func week(v []byte) bool  { return two(v)-1 < 4 && two(v) > 0 }
func clock(v []byte) bool { return two(v) < 24 && two(v[2:]) < 60 }

func day(year, month, day int) bool {
	days := 31
	switch month {
	case 4, 6, 9, 11:
		days = 30
	case 2:
		days = 28
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			days = 29
		}
	}
	return day >= 1 && day <= days
}
