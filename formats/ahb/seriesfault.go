package ahb

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats"
)

// slot is the interval of one value with its segments.
type slot struct {
	start, end  int64
	first, last int32
}

// incomplete looks for what is wrong with a series of the object whose segments end in front of segment end, and
// reports the first place: one finding for a series. Values in another order are no fault.
func (c *Checker) incomplete(x *chain, end int32, covers bool) {
	list := c.slots(x, end)
	if len(list) < x.values {
		return // too much work
	}
	slices.SortStableFunc(list, func(a, b slot) int { return cmp.Compare(a.start, b.start) })
	from, to := list[0].start, int64(0)
	if covers {
		from, to = c.clock.period.unix[0], c.clock.period.unix[1]
	}
	step := int64(c.clock.rule.step / time.Second)
	for i := range list {
		s := &list[i]
		switch {
		case step > 0 && s.end-s.start != step:
			c.seriesFault(s.first, c.say(sayQuarter), c.say(sayOne, s.start, s.end))
		case covers && (s.start < c.clock.period.unix[0] || s.end > to):
			c.seriesFault(s.first, c.say(sayWithin, c.clock.period.unix[0], to), c.say(sayOne, s.start, s.end))
		case s.start > from:
			c.seriesFault(s.first, c.say(sayValues, from, s.start), c.say(sayNone))
		case s.start < from:
			c.seriesFault(s.first, c.say(saySingle, s.start, min(from, s.end)), c.say(saySeveral))
		default:
			from = s.end
			continue
		}
		return
	}
	if covers && from < to {
		c.seriesFault(x.last, c.say(sayValues, from, to), c.say(sayNone))
	}
}

// saying is what a finding on intervals says.
type saying uint8

const (
	sayAfter saying = iota
	sayFromTo
	sayQuarter
	sayWithin
	sayValues
	saySingle
	sayOne
	sayNone
	saySeveral
)

var sayings = [...]struct{ de, en string }{
	sayAfter:   {"das Ende nach dem Beginn", "the end after the beginning"},
	sayFromTo:  {"%v bis %v", "%v to %v"},
	sayQuarter: {"ein Wert für jede Viertelstunde", "a value for each quarter hour"},
	sayWithin:  {"nur Werte von %v bis %v", "values from %v to %v only"},
	sayValues:  {"die Werte von %v bis %v", "the values from %v to %v"},
	saySingle:  {"ein einziger Wert von %v bis %v", "a single value from %v to %v"},
	sayOne:     {"ein Wert von %v bis %v", "a value from %v to %v"},
	sayNone:    {"keine", "none"},
	saySeveral: {"mehrere", "several"},
}

// say fills in instants (seconds since 1970) and texts.
func (c *Checker) say(what saying, args ...any) string {
	for i, a := range args {
		if unix, ok := a.(int64); ok {
			args[i] = formats.LocalTime(time.Unix(unix, 0), c.language())
		}
	}
	if c.language() == formats.English {
		return fmt.Sprintf(sayings[what].en, args...)
	}
	return fmt.Sprintf(sayings[what].de, args...)
}

// slots collects the values of a series.
func (c *Checker) slots(x *chain, end int32) []slot {
	var list []slot
	ours := false
	var s span
	for n := c.clock.first; n < end && c.work >= 0; n++ {
		c.work--
		node := c.p.Nodes[n-1]
		if node < 0 {
			continue
		}
		switch t := c.prog.times[node]; {
		case t.kind == timePosition:
			ours = false
		case t.kind == timeProduct:
			seg := c.in.Message.Segment(int(n))
			ours = string(seg.RawComponent(3, 1)) == string(x.product)
		case t.kind == timeQuantity:
			s = span{}
		case t.kind == timeValue && ours:
			s.unix[t.end], _, s.has[t.end] = c.readTime(n)
			s.segment[t.end] = n
			if s.has[0] && s.has[1] {
				list = append(list, slot{s.unix[0], s.unix[1], s.segment[0], s.segment[1]})
			}
		}
	}
	return list
}

// seriesFault reports that a series is not complete, at the interval that shows it.
func (c *Checker) seriesFault(n int32, expected, found string) {
	s := c.in.Message.Segment(int(n))
	c.reportAt(formats.Finding{Code: demandCodes["Z30"], Rule: c.timeRule(n), Name: c.in.Pack.Nodes[c.p.Nodes[n-1]].Name,
		Path: c.p.Path(int(n)), Expected: expected, Found: found}, s.ComponentPosition(2, 2))
}

// reversed reports an interval that is negative or zero, at its end.
func (c *Checker) reversed(x *span) {
	n := x.segment[1]
	start, end := c.in.Message.Segment(int(x.segment[0])), c.in.Message.Segment(int(n))
	c.reportAt(formats.Finding{Code: demandCodes["Z34"], Rule: c.timeRule(n), Name: c.in.Pack.Nodes[c.p.Nodes[n-1]].Name,
		Path: c.p.Path(int(n)), Expected: c.say(sayAfter), Found: c.say(sayFromTo, c.withLocal(&start), c.withLocal(&end))}, end.ComponentPosition(2, 2))
}

// withLocal returns the value of a DTM as it stands there and in legal German time.
func (c *Checker) withLocal(s *edifact.Segment) string { return s.Text(2, 2) + c.local(s.Value(2, 2)) }

// timeRule names the row of a DTM.
func (c *Checker) timeRule(n int32) string {
	if r := c.prog.row(c.p.Nodes[n-1]); r != nil {
		return c.ruleOf(r)
	}
	return c.rule("", "")
}
