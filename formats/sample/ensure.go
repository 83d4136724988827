package sample

import (
	"slices"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats/condition"
	"github.com/marktbote/marktbote/formats/rules"
)

// ensure returns what a selector means, and adds it if it is not there; nil if the use case does not allow it.
func (g *generator) ensure(sel *condition.Selector, s scene) *item {
	if list := g.find(sel, s); len(list) > 0 {
		return list[0]
	}
	at := s.base
	switch sel.Scope {
	case condition.ScopeSelf:
		if s.self != nil && g.shape(s.self, sel.Steps[0].Segment, s) {
			return s.self
		}
		return nil
	case condition.ScopeGroup:
		if at = g.around(s.inst, sel.Group); at == nil {
			at = g.transaction(s.inst)
		}
	case condition.ScopeTransaction:
		at = g.transaction(s.inst)
	case condition.ScopeMessage:
		at = g.root
	}
	for i := range sel.Steps {
		if at = g.enter(at, &sel.Steps[i], s); at == nil {
			return nil
		}
	}
	at.forced = true
	return at
}

// enter makes one step of a selector true below an instance.
func (g *generator) enter(at *item, st *condition.Step, s scene) *item {
	if list := g.step(at, st, s); len(list) > 0 {
		return list[0]
	}
	if st.Group == "" {
		for _, k := range at.kids {
			if g.shape(k, st.Segment, s) {
				return k
			}
		}
	}
	for _, node := range g.pack.Children(g.info(at)) {
		n := &g.pack.Nodes[node]
		if g.plans[node] == nil || n.IsGroup != (st.Group != "") || n.IsGroup && n.Group != st.Group {
			continue
		}
		if !n.IsGroup && n.Tag != edifact.MakeTag(st.Segment.Tag) || int(n.Max) <= len(at.instances(node)) {
			continue
		}
		changed := g.changed // an attempt that fails is no change
		it := g.add(at, node)
		inner := s
		inner.base = it
		if n.IsGroup && (st.Where == nil || g.meet(st.Where, inner)) || !n.IsGroup && g.shape(it, st.Segment, s) {
			it.forced = true
			return it
		}
		g.remove(it)
		g.changed = changed
	}
	return nil
}

// meet tries to make a predicate true by adding what it asks for.
func (g *generator) meet(p *condition.Predicate, s scene) bool {
	if g.holds(p, s) == isTrue {
		return true
	}
	switch p.Op {
	case condition.Exists:
		return g.ensure(p.Sel, s) != nil
	case condition.And:
		return !slices.ContainsFunc(p.Args, func(a *condition.Predicate) bool { return !g.meet(a, s) })
	case condition.Or:
		return slices.ContainsFunc(p.Args, func(a *condition.Predicate) bool { return g.meet(a, s) })
	case condition.Count:
		return g.meetCount(p, s)
	}
	return false
}

// meetCount adds segments beside one that a selector means until there are enough.
func (g *generator) meetCount(p *condition.Predicate, s scene) bool {
	for n := len(g.find(p.Sel, s)); n < p.N+1 && g.holds(p, s) != isTrue; n++ {
		it := g.ensure(p.Sel, s)
		if it == nil || p.Cmp == condition.Less || p.Cmp == condition.LessEqual || int(g.info(it).Max) <= len(it.up.instances(it.node)) {
			return false
		}
		again := g.add(it.up, it.node)
		again.forced = true
		if last := p.Sel.Steps[len(p.Sel.Steps)-1]; last.Segment != nil && !g.shape(again, last.Segment, s) {
			return false
		}
	}
	return g.holds(p, s) == isTrue
}

// achieve tries to make a term true: its premises and its demands.
func (g *generator) achieve(t *rules.Term, s scene) bool {
	if t == nil {
		return true
	}
	switch t.Kind {
	case rules.TermCondition:
		r := g.rule(t.Number)
		return r.Test == nil || g.holds(r.Test, s) != isFalse || g.meet(r.Test, s)
	case rules.TermPackage, rules.TermMacro:
		return g.achieve(g.pack.Packages[t.Name], s)
	case rules.TermAnd:
		return !slices.ContainsFunc(t.Terms, func(k *rules.Term) bool { return !g.achieve(k, s) })
	}
	for _, k := range t.Terms {
		if p, d := g.term(k, s, &ruling{}); p != isFalse && d != isFalse {
			return true
		}
	}
	return slices.ContainsFunc(t.Terms, func(k *rules.Term) bool { return g.achieve(k, s) })
}

// shape gives a segment the values that a pattern names, if structure and use case allow them.
func (g *generator) shape(it *item, p *condition.Pattern, s scene) bool {
	n := g.info(it)
	if n.IsGroup || n.Tag != edifact.MakeTag(p.Tag) {
		return false
	}
	type setting struct {
		e, c  int
		value string
	}
	var list []setting
	for e, components := range p.Elements {
		for c := range components {
			x := &components[c]
			if len(x.Alts) == 0 || g.allows(x, it.get(e+1, c+1), s) {
				continue
			}
			value := g.offered(it, x, e+1, c+1, s)
			if value == "" || it.pinned[[2]int{e + 1, c + 1}] {
				return false
			}
			list = append(list, setting{e + 1, c + 1, value})
		}
	}
	for _, x := range list {
		g.pin(it, x.e, x.c, x.value)
	}
	return true
}

// offered returns a value that a component of a pattern wants and that may stand there.
func (g *generator) offered(it *item, x *condition.Component, e, c int, s scene) string {
	if e > len(it.values) || c > len(it.values[e-1]) {
		return ""
	}
	p := g.plans[it.node]
	at := p.at(e, c)
	var texts []string
	for i := range x.Alts {
		switch a := &x.Alts[i]; {
		case a.Any, a.Empty, a.Glob:
		case a.Ref != nil:
			texts = append(texts, distinct(g.values(a.Ref, s))...)
		default:
			texts = append(texts, a.Text)
		}
	}
	for _, text := range append(texts, g.candidates(it, at, e, c)...) {
		if g.allows(x, text, s) && g.grade(it, p, at, e, c, text) > 0 {
			return text
		}
	}
	return ""
}
