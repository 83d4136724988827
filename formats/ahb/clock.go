package ahb

import (
	"time"

	"github.com/marktbote/marktbote/formats/calendar"
)

// readTime returns the instant of a DTM. day says that it is a day as a whole.
func (c *Checker) readTime(n int32) (unix int64, day, ok bool) {
	s := c.in.Message.Segment(int(n))
	if unix, ok := c.usual(s.Raw()); ok {
		return unix, false, true
	}
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

// usual reads a DTM as nearly all are, such as DTM+163:202611152300?+00:303, without taking it apart.
func (c *Checker) usual(raw []byte) (unix int64, ok bool) {
	at := len(raw) - len("202611152300?+00:303")
	if at < len("DTM+1:") || raw[3] != c.svc.Element || raw[at-1] != c.svc.Component {
		return 0, false
	}
	value := raw[at:]
	if value[12] != c.svc.Release || string(value[13:16]) != "+00" || value[16] != c.svc.Component || string(value[17:]) != "303" {
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
