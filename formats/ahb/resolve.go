package ahb

import (
	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats/condition"
)

// predicate is a condition.Predicate with tags and group names resolved. local says that its outcome depends on the
// place it is asked at, not only on the transaction.
type predicate struct {
	*condition.Predicate
	args        []*predicate
	sel         *selector
	left, right *operand
	local       bool
}

type operand struct {
	*condition.Operand
	sel   *selector
	arg   *operand
	local bool
	slot  int // in Checker.cache, -1 if the values depend on the place
	text  []byte
}

type selector struct {
	scope condition.Scope
	group int32
	steps []step
	local bool
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
}

type alternative struct {
	*condition.Alternative
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
	p := &predicate{Predicate: src}
	for _, a := range src.Args {
		k := c.resolve(a, in)
		p.args = append(p.args, k)
		p.local = p.local || k.local
	}
	if src.Sel != nil {
		p.sel = c.selector(src.Sel, in)
		p.local = p.local || p.sel.local
	}
	for _, o := range []struct {
		src *condition.Operand
		to  **operand
	}{{src.Left, &p.left}, {src.Right, &p.right}} {
		if o.src != nil {
			*o.to = c.operand(o.src, in)
			p.local = p.local || (*o.to).local
		}
	}
	return p
}

func (c *compiler) operand(src *condition.Operand, in inside) *operand {
	o := &operand{Operand: src, slot: -1}
	if src.Text != "" {
		o.text = latin1(src.Text)
	}
	switch src.Kind {
	case condition.Value, condition.Seq:
		o.local = true
	}
	if src.Sel != nil {
		o.sel = c.selector(src.Sel, in)
		o.local = o.local || o.sel.local
	}
	if src.Arg != nil {
		o.arg = c.operand(src.Arg, in)
		o.local = o.local || o.arg.local
	}
	if !o.local && !bool(in) && (src.Sel != nil || src.Arg != nil) {
		o.slot = c.cached
		c.cached++
	}
	if src.Kind == condition.Seq && !o.sel.local && !bool(in) {
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
	s.local = src.Scope == condition.ScopeSelf || src.Scope == condition.ScopeGroup
	for i := range src.Steps {
		from := &src.Steps[i]
		st := step{other: from.Other}
		s.local = s.local || from.Other
		if from.Group != "" {
			st.group = c.group(from.Group)
		}
		if from.Where != nil {
			st.where = c.resolve(from.Where, true)
			s.local = s.local || st.where.local
		}
		if from.Segment != nil {
			st.segment = c.pattern(from.Segment, in)
			for _, part := range st.segment.parts {
				for _, a := range part.alts {
					s.local = s.local || a.ref != nil && a.ref.local
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
				a := alternative{Alternative: &comp.Alts[i], text: latin1(comp.Alts[i].Text)}
				if comp.Alts[i].Ref != nil {
					a.ref = c.operand(comp.Alts[i].Ref, in)
				}
				x.alts = append(x.alts, a)
			}
			p.parts = append(p.parts, x)
		}
	}
	return p
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
