package ahb

import (
	"bytes"
	"strconv"
	"time"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/calendar"
	"github.com/marktbote/marktbote/formats/condition"
)

// val is one value of an operand. bad says that it could not be read as what it should be.
type val struct {
	text  []byte
	unix  int64 // of an instant, in seconds
	num   int   // of a count, or of a decimal if whole is set
	kind  valKind
	bad   bool
	sent  bool // a text of the message, with its decimal mark
	whole bool
}

// clockTolerance is how far the clocks of two Marktpartner may differ.
const clockTolerance = 5 * time.Minute

type valKind uint8

const (
	text valKind = iota
	instant
	count
	decimal // text holds a number as sent
)

// single finds the value of an operand that has one at most, and reports whether there is one.
func (c *Checker) single(o *operand, at *context, v *val) bool {
	switch o.Kind {
	case condition.Value:
		v.text, v.sent = at.value, true
		return len(at.value) > 0
	case condition.Now:
		v.unix, v.kind = c.in.ReceivedAt.Add(clockTolerance).Unix(), instant
		return !c.in.ReceivedAt.IsZero()
	}
	if o.constant != nil {
		*v = o.constant[0]
		return true
	}
	if !c.single(o.arg, at, v) {
		return false
	}
	c.convert(o, v)
	return true
}

// constantOf returns the value of an operand that is the same always, nil for others.
func constantOf(o *operand) []val {
	switch {
	case o.Kind == condition.Text:
		return []val{{text: o.text}}
	case o.Kind == condition.NumberOf && o.arg == nil:
		n, err := strconv.Atoi(string(o.text))
		return []val{{text: o.text, kind: decimal, num: n, whole: err == nil}}
	case o.Kind == condition.DateOf && o.arg == nil:
		return []val{{unix: o.Time.Unix(), kind: instant}}
	}
	return nil
}

// values appends the values of an operand to c.vals and returns where they begin.
func (c *Checker) values(o *operand, at *context) int {
	start := len(c.vals)
	if o.kept() {
		c.vals = append(c.vals, c.keptValues(o, at)...)
	} else {
		c.compute(o, at)
	}
	return start
}

// kept reports whether the values of an operand are the same all over the transaction.
func (o *operand) kept() bool { return o.slot >= 0 && o.Kind != condition.Seq }

// keptValues returns the values of such an operand. They are valid for the transaction and must not be changed.
func (c *Checker) keptValues(o *operand, at *context) []val {
	slot := &c.cache[o.slot]
	if slot.asker != at.tx+1 {
		start := len(c.vals)
		c.compute(o, at)
		slot.vals = append(slot.vals[:0], c.vals[start:]...)
		slot.asker = at.tx + 1
		c.vals = c.vals[:start]
	}
	return slot.vals
}

// compute makes the values of an operand.
func (c *Checker) compute(o *operand, at *context) {
	if o.single {
		var v val
		if c.single(o, at, &v) {
			c.vals = append(c.vals, v)
		}
		return
	}
	switch o.Kind {
	case condition.Ref:
		start := c.find(o.sel, at, 0)
		for _, h := range c.hits[start:] {
			if h.segment == 0 {
				continue
			}
			seg := c.in.Message.Layout(int(h.segment))
			if v := c.unescape(seg.RawComponent(o.Element+1, o.Component)); len(v) > 0 {
				c.vals = append(c.vals, val{text: v, sent: true})
			}
		}
		c.hits = c.hits[:start]
		return
	case condition.Seq:
		c.ordinal(o, at)
		return
	}
	start := c.values(o.arg, at)
	for i := start; i < len(c.vals); i++ {
		c.convert(o, &c.vals[i])
	}
}

// convert applies a function to a value.
func (c *Checker) convert(o *operand, v *val) {
	if v.bad {
		return
	}
	switch o.Kind {
	case condition.NumberOf:
		v.kind, v.bad = decimal, !isDecimal(v.text, c.svc.Decimal)
	case condition.Decimals, condition.Integers, condition.Digits:
		whole, fraction := split(v.text, c.svc.Decimal)
		v.bad = !isDecimal(v.text, c.svc.Decimal)
		v.kind = count
		switch o.Kind {
		case condition.Decimals:
			v.num = len(fraction)
		case condition.Integers:
			v.num = len(whole)
		default:
			v.num = len(whole) + len(fraction)
		}
	case condition.Length:
		v.kind, v.num = count, len(v.text)
	case condition.DateOf:
		c.instantOf(v)
	case condition.Workdays, condition.Hours:
		if v.kind != instant {
			c.instantOf(v)
		}
		if !v.bad && o.Kind == condition.Hours {
			v.unix += int64(o.N) * 3600
		} else if !v.bad {
			v.unix = workdays(v.unix, o.N)
		}
	default:
		c.cutOut(o, v)
	}
}

// cutOut takes a part of a value.
func (c *Checker) cutOut(o *operand, v *val) {
	switch o.Kind {
	case condition.Day:
		v.slice(0, 8)
	case condition.Year:
		v.slice(0, 4)
	case condition.Clock:
		v.slice(8, 12)
	case condition.Zone:
		v.slice(max(0, len(v.text)-3), len(v.text))
	case condition.Part:
		from := o.N - 1
		if o.N < 0 {
			from = len(v.text) + o.N
		}
		v.slice(from, from+o.M)
	case condition.Before:
		if i := bytes.Index(v.text, o.text); i >= 0 {
			v.slice(0, i)
		}
	case condition.After:
		if i := bytes.LastIndex(v.text, o.text); i >= 0 {
			v.slice(i+len(o.text), len(v.text))
		}
	case condition.Berlin:
		if c.instantOf(v); !v.bad {
			v.kind = text
			v.text = time.Unix(v.unix, 0).In(formats.Berlin).AppendFormat(nil, "1504")
		}
	}
}

// slice cuts a text; one that is too short has no such part.
func (v *val) slice(from, to int) {
	if from < 0 || to > len(v.text) || from > to {
		v.bad = true
		return
	}
	v.text = v.text[from:to]
}

// instantOf reads an instant by the format code that stands behind the value; the length tells where there is none.
func (c *Checker) instantOf(v *val) {
	v.kind = instant
	t := v.text
	if n := len(t); n == 15 && (t[12] == '+' || t[12] == '-') {
		if unix, ok := fast303(t); ok {
			v.unix = unix
			return
		}
		parsed, err := calendar.ParseInstant("303", t)
		v.unix, v.bad = parsed.Unix(), err != nil
		return
	}
	switch len(t) {
	case 8: // 102, a day
		d, err := time.ParseInLocation("20060102", string(t), formats.Berlin)
		v.unix, v.bad = d.Unix(), err != nil
	case 12: // 203
		d, err := time.ParseInLocation("200601021504", string(t), time.UTC)
		v.unix, v.bad = d.Unix(), err != nil
	case 6: // 610, a month
		d, err := time.ParseInLocation("200601", string(t), formats.Berlin)
		v.unix, v.bad = d.Unix(), err != nil
	case 4: // 602, a year
		d, err := time.ParseInLocation("2006", string(t), formats.Berlin)
		v.unix, v.bad = d.Unix(), err != nil
	case 17: // 304, with seconds
		d, err := time.Parse("20060102150405-07", string(t))
		v.unix, v.bad = d.Unix(), err != nil
	default:
		v.bad = true
	}
}

// fast303 reads CCYYMMDDHHMM+00, which nearly every instant is; ok is false for others and for impossible ones.
func fast303(t []byte) (unix int64, ok bool) {
	if t[12] != '+' || t[13] != '0' || t[14] != '0' {
		return 0, false
	}
	two := func(i int) int {
		a, b := t[i]-'0', t[i+1]-'0'
		if a > 9 || b > 9 {
			return -1 << 20
		}
		return int(a)*10 + int(b)
	}
	year, month, day, hour, minute := two(0)*100+two(2), two(4), two(6), two(8), two(10)
	if year < 1900 || month < 1 || month > 12 || day < 1 || day > 28 || hour < 0 || hour > 23 || minute < 0 || minute > 59 {
		return 0, false // the 29th and later are rare enough for the slow way
	}
	// Days since 1970 by the civil calendar, the year beginning in March.
	y, m := year, month
	if m <= 2 {
		y--
		m += 12
	}
	days := 365*y + y/4 - y/100 + y/400 + (153*(m-3)+2)/5 + day - 1 - 719468
	return int64(days)*86400 + int64(hour)*3600 + int64(minute)*60, true
}

// workdays returns the start of the n-th Werktag after an instant.
func workdays(unix int64, n int) int64 {
	day := calendar.StromDayOf(time.Unix(unix, 0))
	for n > 0 {
		day = day.AddDays(1)
		if day.IsWerktag() {
			n--
		}
	}
	from, _ := calendar.DayBounds(formats.Strom, day)
	return from.Unix()
}

// ordinal is the place of the own segment or instance among what a selector finds, from 1.
func (c *Checker) ordinal(o *operand, at *context) {
	var list []hit
	start := len(c.hits)
	if o.slot >= 0 {
		slot := &c.cache[o.slot]
		if slot.asker != at.tx+1 {
			c.find(o.sel, at, 0)
			slot.hits = append(slot.hits[:0], c.hits[start:]...)
			slot.asker = at.tx + 1
			c.hits = c.hits[:start]
		}
		list = slot.hits
	} else {
		c.find(o.sel, at, 0)
		list = c.hits[start:]
		c.hits = c.hits[:start]
	}
	for lo, hi := 0, len(list); lo < hi; {
		mid := (lo + hi) / 2
		h := list[mid]
		place := h.segment
		if place == 0 {
			place = c.p.Instances[h.inst].First
		}
		switch {
		case h.segment == at.self && at.self > 0, h.segment == 0 && c.within(at.inst, h.inst):
			c.vals = append(c.vals, val{kind: count, num: mid + 1})
			return
		case place < max(at.self, c.p.Instances[at.inst].First):
			lo = mid + 1
		default:
			hi = mid
		}
	}
}

// within reports whether an instance is another one or part of it.
func (c *Checker) within(inst, of int32) bool {
	for inst > of {
		inst = c.p.Instances[inst].Parent
	}
	return inst == of
}
