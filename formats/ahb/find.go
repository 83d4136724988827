package ahb

import (
	"bytes"
	"slices"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats/condition"
	"github.com/marktbote/marktbote/formats/rules"
)

// hit is what a selector found: a segment, or a group instance if segment is 0.
type hit struct{ inst, segment int32 }

// find appends to c.hits what a selector finds, at most limit (0: all), and returns where the new hits begin.
func (c *Checker) find(s *selector, at *context, limit int) int {
	start := len(c.hits)
	switch s.scope {
	case condition.ScopeSelf:
		if at.self > 0 && c.matches(s.steps[0].segment, int(at.self), at) {
			c.hits = append(c.hits, hit{at.inst, at.self})
		}
		return start
	case condition.ScopeGroup:
		base := c.around(at.inst, s.group)
		if base < 0 {
			base = at.tx
		}
		c.walk(base, s.steps, at, start, limit)
	case condition.ScopeTransaction:
		c.walk(at.tx, s.steps, at, start, limit)
	case condition.ScopeMessage:
		c.walk(0, s.steps, at, start, limit)
	default:
		c.walk(at.base, s.steps, at, start, limit)
	}
	return start
}

// around returns the nearest instance of a group around an instance, itself included, or -1.
func (c *Checker) around(inst, group int32) int32 {
	for ; inst > 0; inst = c.p.Instances[inst].Parent {
		if c.prog.groups[c.p.Instances[inst].Node] == group {
			return inst
		}
	}
	return -1
}

// walk follows the steps of a selector from an instance.
func (c *Checker) walk(inst int32, steps []step, at *context, start, limit int) {
	st := &steps[0]
	if st.group == 0 {
		c.walkSegments(inst, st.segment, at, start, limit)
		return
	}
	own := int32(-1)
	if st.other {
		own = c.around(at.inst, st.group)
	}
	list, end := c.p.Instances, c.end(inst)
	for j := inst + 1; int(j) < len(list) && list[j].First < end; j++ {
		if c.work--; c.work < 0 {
			return
		}
		if c.prog.groups[list[j].Node] != st.group || j == own {
			continue
		}
		if st.where != nil {
			around := at.base
			at.base = j
			holds := c.test(st.where, at)
			at.base = around
			if holds != yes {
				continue
			}
		}
		if len(steps) == 1 {
			c.hits = append(c.hits, hit{j, 0})
		} else {
			c.walk(j, steps[1:], at, start, limit)
		}
		if limit > 0 && len(c.hits)-start >= limit {
			return
		}
	}
}

// walkSegments finds segments that stand directly in an instance.
func (c *Checker) walkSegments(inst int32, p *pattern, at *context, start, limit int) {
	list, end := c.p.Instances, c.end(inst)
	for n := list[inst].First; n < end; n++ {
		if c.work--; c.work < 0 {
			return
		}
		if k := c.p.Instance[n-1]; k != inst {
			n = list[c.child(k, inst)].End - 1
			continue
		}
		if c.in.Message.Tag(int(n)) == p.tag && c.matches(p, int(n), at) {
			c.hits = append(c.hits, hit{inst, n})
			if limit > 0 && len(c.hits)-start >= limit {
				return
			}
		}
	}
}

// child returns the child of an instance that another one is part of.
func (c *Checker) child(k, of int32) int32 {
	for c.p.Instances[k].Parent > of {
		k = c.p.Instances[k].Parent
	}
	return k
}

// matches reports whether segment n fits a pattern.
func (c *Checker) matches(p *pattern, n int, at *context) bool {
	if c.in.Message.Tag(n) != p.tag {
		return false
	}
	seg := c.in.Message.Layout(n)
	for i := range p.parts {
		x := &p.parts[i]
		raw := seg.RawComponent(x.element, x.component)
		key, short := rules.RawKey(raw, c.svc.Release)
		if short && x.keys != nil {
			if slices.Contains(x.keys, key) == x.not {
				return false
			}
		} else if c.fits(x, c.unescape(raw), at) == x.not {
			return false
		}
	}
	return true
}

// fits reports whether a value is one of the alternatives of a component. With a negation an empty value counts as
// one of them, because the negation demands a value.
func (c *Checker) fits(x *part, value []byte, at *context) bool {
	if x.not && len(value) == 0 {
		return true
	}
	for i := range x.alts {
		a := &x.alts[i]
		switch {
		case a.Any:
			if len(value) > 0 {
				return true
			}
		case a.Empty:
			if len(value) == 0 {
				return true
			}
		case a.ref != nil:
			if len(value) > 0 && c.among(a.ref, value, at) {
				return true
			}
		case a.Glob:
			if glob(a.text, value) {
				return true
			}
		case bytes.Equal(a.text, value):
			return true
		}
	}
	return false
}

// among reports whether a value is one of those of an operand.
func (c *Checker) among(o *operand, value []byte, at *context) bool {
	start := c.values(o, at)
	found := false
	for _, v := range c.vals[start:] {
		found = found || bytes.Equal(v.text, value)
	}
	c.vals = c.vals[:start]
	return found
}

// glob reports whether a value has a form: Wild stands for any characters, WildDigit for one digit.
func glob(form, value []byte) bool {
	back, again := -1, 0
	i, j := 0, 0
	for j < len(value) {
		switch {
		case i < len(form) && form[i] == condition.Wild:
			back, again = i, j
			i++
		case i < len(form) && (form[i] == value[j] || form[i] == condition.WildDigit && value[j]-'0' <= 9):
			i++
			j++
		case back >= 0:
			again++
			i, j = back+1, again
		default:
			return false
		}
	}
	for i < len(form) && form[i] == condition.Wild {
		i++
	}
	return i == len(form)
}

// unescape returns a component without release characters and without spaces at its ends.
//
// Spec: Allgemeine Festlegungen 6.1 6.10 (spaces at the ends are not transferred)
func (c *Checker) unescape(raw []byte) []byte {
	if n := len(raw); n > 0 && (raw[0] == ' ' || raw[n-1] == ' ') {
		raw = bytes.Trim(raw, " ")
	}
	for _, b := range raw { // nearly all are too short for bytes.IndexByte to be faster
		if b == c.svc.Release && b != 0 {
			n := len(c.arena)
			c.arena = edifact.AppendUnescaped(c.arena, raw, c.svc)
			return c.arena[n:len(c.arena):len(c.arena)]
		}
	}
	return raw
}

// blank reports whether nothing but spaces was sent.
func blank(raw []byte) bool {
	for _, b := range raw {
		if b != ' ' {
			return false
		}
	}
	return true
}

// partners are the Marktpartner of NAD+MS and NAD+MR.
type partners struct {
	known            bool // they have been looked for
	sender, receiver partner
}

type partner struct {
	id     string
	agency string // DE 3055
}

var tagNAD = edifact.MakeTag("NAD")

// partners finds the Marktpartner of the message, once and only when asked for: they stand in its head, in front of the
// first transaction.
func (c *Checker) partners() *partners {
	p := &c.parts
	if p.known {
		return p
	}
	p.known = true
	root := c.p.Instances[0]
	for n := root.First; n < root.End && (p.sender.id == "" || p.receiver.id == ""); n++ {
		k := c.p.Instance[n-1]
		if k != 0 && c.in.Message.Tag(int(n)) != tagNAD {
			n = max(n, c.p.Instances[c.child(k, 0)].End-1)
			continue
		}
		if c.in.Message.Tag(int(n)) != tagNAD {
			continue
		}
		s := c.in.Message.Segment(int(n))
		switch {
		case s.Is(2, 1, "MS"):
			p.sender = partner{s.Text(3, 1), s.Text(3, 3)}
		case s.Is(2, 1, "MR"):
			p.receiver = partner{s.Text(3, 1), s.Text(3, 3)}
		}
	}
	return p
}

// partner returns the Marktpartner of a NAD in the head of the message.
func (c *Checker) partner(qualifier string) partner {
	switch qualifier {
	case "MS":
		return c.partners().sender
	case "MR":
		return c.partners().receiver
	}
	for n := 1; n <= min(c.in.Message.Len(), 100); n++ {
		if c.in.Message.Tag(n) == tagNAD {
			if s := c.in.Message.Segment(n); s.Is(2, 1, qualifier) {
				return partner{s.Text(3, 1), s.Text(3, 3)}
			}
		}
	}
	return partner{}
}

// requiredAt reports whether an outcome demands presence.
func (o outcome) required() bool { return o.holds == yes && o.status.Required() }
