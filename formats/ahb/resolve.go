package ahb

import (
	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats/condition"
	"github.com/marktbote/marktbote/formats/rules"
)

// reach says what a value or outcome depends on, beside the message: it is worked out once for each.
type reach uint8

const (
	perTransaction reach = iota
	perInstance          // the group instance it is asked from
	perPlace             // the segment or value it is asked at
)

// predicate is a condition.Predicate with tags and group names resolved.
type predicate struct {
	condition.Predicate
	args        []*predicate
	sel         *selector
	left, right *operand
	reach       reach
}

type operand struct {
	condition.Operand
	sel      *selector
	arg      *operand
	reach    reach
	single   bool  // it has one value at most
	constant []val // its one value, nil if it has none that is the same always
	slot     int   // in Checker.cache, -1 if the values depend on the place
	text     []byte
}

type selector struct {
	scope condition.Scope
	group int32
	steps []step
	reach reach
}

type step struct {
	group   int32 // 0: a segment
	other   bool
	where   *predicate
	segment *pattern
}

type pattern struct {
	tag   edifact.Tag
	parts []part
}

// part is a component of a pattern that says something; elements count as in edifact, the tag is 1.
type part struct {
	element, component int
	not                bool
	alts               []alternative
	keys               []uint64 // of the alternatives, if they are short literals all
}

type alternative struct {
	condition.Alternative
	text []byte // as sent, without release characters
	ref  *operand
}

type cardinality struct {
	*condition.Cardinality
	group   int32
	each    *operand
	eachSel *selector
	own     *operand
	where   *predicate
}

// inside says that a resolved selector stands in brackets: its default scope is the instance there, which is no
// dependence on the place of the condition.
type inside bool

func (c *compiler) predicate(src *condition.Predicate) *predicate { return c.resolve(src, false) }

func (c *compiler) resolve(src *condition.Predicate, in inside) *predicate {
	if src == nil {
		return nil
	}
	p := &predicate{Predicate: *src}
	for _, a := range src.Args {
		k := c.resolve(a, in)
		p.args = append(p.args, k)
		p.reach = max(p.reach, k.reach)
	}
	if src.Sel != nil {
		p.sel = c.selector(src.Sel, in)
		p.reach = max(p.reach, p.sel.reach)
	}
	for _, o := range []struct {
		src *condition.Operand
		to  **operand
	}{{src.Left, &p.left}, {src.Right, &p.right}} {
		if o.src != nil {
			*o.to = c.operand(o.src, in)
			p.reach = max(p.reach, (*o.to).reach)
		}
	}
	return p
}

func (c *compiler) operand(src *condition.Operand, in inside) *operand {
	o := &operand{Operand: *src, slot: -1}
	if src.Text != "" {
		o.text = latin1(src.Text)
	}
	switch src.Kind {
	case condition.Value, condition.Seq:
		o.reach = perPlace
	}
	if src.Sel != nil {
		o.sel = c.selector(src.Sel, in)
		o.reach = max(o.reach, o.sel.reach)
	}
	if src.Arg != nil {
		o.arg = c.operand(src.Arg, in)
		o.reach = max(o.reach, o.arg.reach)
	}
	o.constant = constantOf(o)
	o.single = src.Kind == condition.Value || src.Sel == nil && (src.Arg == nil || o.arg.single)
	if o.reach == perTransaction && !bool(in) && (src.Sel != nil || src.Arg != nil) {
		o.slot = c.cached
		c.cached++
	}
	if src.Kind == condition.Seq && o.sel.reach == perTransaction && !bool(in) {
		o.slot = c.cached
		c.cached++
	}
	return o
}

func latin1(text string) []byte {
	b, err := edifact.AppendLatin1(nil, text)
	if err != nil {
		return []byte(text)
	}
	return b
}

func (c *compiler) selector(src *condition.Selector, in inside) *selector {
	s := &selector{scope: src.Scope}
	if src.Group != "" {
		s.group = c.group(src.Group)
	}
	switch src.Scope {
	case condition.ScopeSelf:
		s.reach = perPlace
	case condition.ScopeGroup:
		s.reach = perInstance
	}
	for i := range src.Steps {
		from := &src.Steps[i]
		st := step{other: from.Other}
		if from.Other {
			s.reach = max(s.reach, perInstance)
		}
		if from.Group != "" {
			st.group = c.group(from.Group)
		}
		if from.Where != nil {
			st.where = c.resolve(from.Where, true)
			s.reach = max(s.reach, st.where.reach)
		}
		if from.Segment != nil {
			st.segment = c.pattern(from.Segment, in)
			for _, part := range st.segment.parts {
				for _, a := range part.alts {
					if a.ref != nil {
						s.reach = max(s.reach, a.ref.reach)
					}
				}
			}
		}
		s.steps = append(s.steps, st)
	}
	return s
}

func (c *compiler) pattern(src *condition.Pattern, in inside) *pattern {
	p := &pattern{tag: edifact.MakeTag(src.Tag)}
	for e, components := range src.Elements {
		for k, comp := range components {
			if len(comp.Alts) == 0 {
				continue
			}
			x := part{element: e + 2, component: k + 1, not: comp.Not}
			for i := range comp.Alts {
				a := alternative{Alternative: comp.Alts[i], text: latin1(comp.Alts[i].Text)}
				if comp.Alts[i].Ref != nil {
					a.ref = c.operand(comp.Alts[i].Ref, in)
				}
				x.alts = append(x.alts, a)
			}
			x.keys = keysOf(&x)
			p.parts = append(p.parts, x)
		}
	}
	return p
}

// keysOf returns the keys of the values that a part takes, see rules.RawKey; nil if they alone do not tell.
func keysOf(x *part) (keys []uint64) {
	if x.not {
		keys = append(keys, 0) // no value, see fits
	}
	for i := range x.alts {
		a := &x.alts[i]
		if a.Any || a.Empty || a.Glob || a.ref != nil || len(a.text) > 8 {
			return nil
		}
		keys = append(keys, rules.Key(a.text))
	}
	return keys
}

func (c *compiler) cardinality(src *condition.Cardinality) *cardinality {
	k := &cardinality{Cardinality: src}
	if src.Group != "" {
		k.group = c.group(src.Group)
	}
	if src.Each != nil {
		k.each = c.operand(src.Each, false)
		k.each.slot = -1
	}
	if src.EachSel != nil {
		k.eachSel = c.selector(src.EachSel, false)
	}
	if src.Own != nil {
		k.own = c.operand(src.Own, true)
	}
	if src.Where != nil {
		k.where = c.resolve(src.Where, true)
	}
	return k
}
