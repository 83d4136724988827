package sample

import (
	"strings"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats/condition"
)

// find returns the segments or group instances that a selector means.
func (g *generator) find(sel *condition.Selector, s scene) []*item {
	from := s.base
	switch sel.Scope {
	case condition.ScopeSelf:
		if s.self != nil && g.fits(s.self, sel.Steps[0].Segment, s) {
			return []*item{s.self}
		}
		return nil
	case condition.ScopeGroup:
		if from = g.around(s.inst, sel.Group); from == nil {
			from = g.transaction(s.inst)
		}
	case condition.ScopeTransaction:
		from = g.transaction(s.inst)
	case condition.ScopeMessage:
		from = g.root
	}
	found := []*item{from}
	for i := range sel.Steps {
		var next []*item
		for _, it := range found {
			next = append(next, g.step(it, &sel.Steps[i], s)...)
		}
		found = next
	}
	return found
}

// step returns what one step of a selector leads to.
func (g *generator) step(from *item, st *condition.Step, s scene) []*item {
	var found []*item
	if st.Group == "" {
		for _, k := range from.kids {
			if g.fits(k, st.Segment, s) {
				found = append(found, k)
			}
		}
		return found
	}
	var own *item
	if st.Other {
		own = g.around(s.inst, st.Group)
	}
	from.below(func(k *item) {
		if n := g.info(k); !n.IsGroup || n.Group != st.Group || k == own && own != nil {
			return
		}
		if st.Where != nil {
			inner := s
			inner.base = k
			if g.holds(st.Where, inner) != isTrue {
				return
			}
		}
		found = append(found, k)
	})
	return found
}

// around returns the nearest instance of a group around an item, itself included.
func (g *generator) around(it *item, group string) *item {
	for ; it != nil && it.up != nil; it = it.up {
		if n := g.info(it); n.IsGroup && n.Group == group {
			return it
		}
	}
	return nil
}

// fits reports whether an item is a segment that a pattern describes.
func (g *generator) fits(it *item, p *condition.Pattern, s scene) bool {
	n := g.info(it)
	if n.IsGroup || n.Tag != edifact.MakeTag(p.Tag) {
		return false
	}
	for e, components := range p.Elements {
		for c := range components {
			if x := &components[c]; len(x.Alts) > 0 && !g.allows(x, it.get(e+1, c+1), s) {
				return false
			}
		}
	}
	return true
}

// allows reports whether a value is one that a component of a pattern wants. A negation wants a value.
func (g *generator) allows(x *condition.Component, value string, s scene) bool {
	hit := false
	for i := range x.Alts {
		a := &x.Alts[i]
		switch {
		case a.Any:
			hit = hit || value != ""
		case a.Empty:
			hit = hit || value == ""
		case a.Ref != nil:
			for _, v := range g.values(a.Ref, s) {
				hit = hit || value != "" && v.text == value
			}
		case a.Glob:
			hit = hit || like(a.Text, value)
		default:
			hit = hit || value == a.Text
		}
	}
	if x.Not {
		return value != "" && !hit
	}
	return hit
}

// like compares with a form: Wild is any text, WildDigit one digit.
func like(form, text string) bool {
	if form == "" {
		return text == ""
	}
	switch form[0] {
	case condition.Wild:
		for i := 0; i <= len(text); i++ {
			if like(form[1:], text[i:]) {
				return true
			}
		}
		return false
	case condition.WildDigit:
		return text != "" && strings.IndexByte(digits, text[0]) >= 0 && like(form[1:], text[1:])
	}
	return text != "" && text[0] == form[0] && like(form[1:], text[1:])
}

// segments returns all segments of a message with a tag.
func (g *generator) segments(tag string) []*item {
	var list []*item
	g.root.below(func(it *item) {
		if n := g.info(it); !n.IsGroup && n.Tag == edifact.MakeTag(tag) {
			list = append(list, it)
		}
	})
	return list
}
