package ahb

import (
	"time"

	"github.com/marktbote/marktbote/formats/calendar"
)

// readTime returns the instant of a DTM. day says that it is a day as a whole.
func (c *Checker) readTime(n int32) (unix int64, day, ok bool) {
	fields := c.in.Message.Layout(int(n))
	if unix, ok := c.usual(fields.RawComponent(2, 2), fields.RawComponent(2, 3)); ok {
		return unix, false, true
	}
	s := c.in.Message.Segment(int(n))
	v := s.Value(2, 2)
	for _, format := range [...]string{"303", "304"} {
		if s.Is(2, 3, format) {
			t, err := calendar.ParseInstant(format, v)
			return t.Unix(), false, err == nil
		}
	}
	if s.Is(2, 3, "102") {
		d, err := calendar.ParseDate(v)
		return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC).Unix(), true, err == nil
	}
	return 0, false, false
}

// usual reads the value of a DTM as nearly all are, such as 202611152300?+00 with the format 303, as sent.
func (c *Checker) usual(value, format []byte) (unix int64, ok bool) {
	if len(value) != 16 || value[12] != c.svc.Release || string(value[13:]) != "+00" || string(format) != "303" {
		return 0, false
	}
	return c.clock.minute(value[:12])
}

// minute reads CCYYMMDDHHMM. Most are of the day of the one before.
func (k *clock) minute(t []byte) (unix int64, ok bool) {
	if string(t[:8]) != string(k.day[:]) {
		var full [15]byte
		copy(full[copy(full[:], t[:8]):], "0000+00")
		day, err := calendar.ParseInstant("303", full[:])
		if err != nil {
			return 0, false
		}
		copy(k.day[:], t)
		k.dayUnix = day.Unix()
	}
	hour, minute := two(t[8:]), two(t[10:])
	return k.dayUnix + int64(hour)*3600 + int64(minute)*60, hour < 24 && minute < 60
}

// two reads two digits; a number beyond all hours and minutes if they are none.
func two(b []byte) int {
	if b[0]-'0' > 9 || b[1]-'0' > 9 {
		return 99
	}
	return int(b[0]-'0')*10 + int(b[1]-'0')
}
