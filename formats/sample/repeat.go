package sample

import (
	"slices"

	"github.com/marktbote/marktbote/formats/condition"
)

// repeat makes a row occur as often as a condition wants.
func (g *generator) repeat(up *item, node int32, k *condition.Cardinality, required bool) {
	s := g.sceneOf(up)
	scope := g.transaction(up)
	low, high := k.Min, k.Max
	switch {
	case k.Each != nil && k.Own != nil:
		g.repeatEach(up, node, k, required)
		return
	case k.Each != nil:
		low, high = times(low, high, len(distinct(g.values(k.Each, s))))
	case k.EachSel != nil:
		low, high = times(low, high, len(g.find(k.EachSel, s)))
	case k.Scope == condition.ScopeMessage:
		scope = g.root
	case k.Scope == condition.ScopeGroup:
		if around := g.around(up, k.Group); around != nil {
			scope = around
		}
	}
	var all []*item
	scope.below(func(it *item) {
		if it.node == node {
			all = append(all, it)
		}
	})
	for n := len(all); required && n < low; n++ {
		g.add(up, node)
	}
	for i := len(all) - 1; high >= 0 && i >= high && i >= 0; i-- {
		if !all[i].forced || all[i].up == up {
			g.remove(all[i])
			g.banned[wish{in: up, node: node}]++
		}
	}
}

func times(low, high, n int) (int, int) {
	if high >= 0 {
		high *= n
	}
	return low * n, high
}

func distinct(list []val) []string {
	var out []string
	for _, v := range list {
		if !slices.Contains(out, v.text) {
			out = append(out, v.text)
		}
	}
	return out
}

// repeatEach gives every value its occurrences.
func (g *generator) repeatEach(up *item, node int32, k *condition.Cardinality, required bool) {
	wanted := distinct(g.values(k.Each, g.sceneOf(up)))
	of := map[string][]*item{}
	var free []*item
	g.transaction(up).below(func(it *item) {
		if it.node != node {
			return
		}
		s := g.sceneOf(it)
		s.base = it
		taken := false // by one of these values, or by one that another repetition has given it
		for _, v := range g.values(k.Own, s) {
			if slices.Contains(wanted, v.text) {
				of[v.text] = append(of[v.text], it)
				taken = true
			}
		}
		if k.Own.Kind == condition.Ref {
			for _, seg := range g.find(k.Own.Sel, s) {
				taken = taken || seg.pinned[[2]int{k.Own.Element, k.Own.Component}]
			}
		}
		if !taken {
			free = append(free, it)
		}
	})
	for _, value := range wanted {
		have := len(of[value])
		for have < k.Min && required || have == 0 && len(free) > 0 && k.Max != 0 {
			if len(free) > 0 {
				if g.own(free[0], k.Own, value) {
					have++
				}
				free = free[1:]
				continue
			}
			it := g.add(up, node)
			if !g.own(it, k.Own, value) {
				g.remove(it)
				break
			}
			have++
		}
		for i := have - 1; k.Max >= 0 && i >= k.Max && i < len(of[value]) && i >= 0; i-- {
			g.remove(of[value][i])
		}
	}
	for _, it := range free { // refers to nothing
		if len(wanted) > 0 && k.Max >= 0 && !it.forced {
			g.remove(it)
			g.banned[wish{in: up, node: node}]++
		}
	}
}

// own lets an occurrence hold a value where a condition looks for it. The qualifier beside it may have to change with
// the kind of the value.
func (g *generator) own(it *item, o *condition.Operand, value string) bool {
	if o.Kind != condition.Ref {
		return false
	}
	s := g.sceneOf(it)
	s.base = it
	seg := g.ensure(o.Sel, s)
	if seg == nil || o.Element > len(seg.values) || o.Component > len(seg.values[o.Element-1]) {
		return false
	}
	p := g.plans[seg.node]
	fits := func() bool { return g.grade(seg, p, p.at(o.Element, o.Component), o.Element, o.Component, value) > 0 }
	if !fits() {
		g.qualify(seg, o.Sel.Steps[len(o.Sel.Steps)-1].Segment, fits)
	}
	g.pin(seg, o.Element, o.Component, value)
	return true
}

// qualify tries the codes that a pattern allows until a test holds.
func (g *generator) qualify(it *item, p *condition.Pattern, fits func() bool) {
	for e, components := range p.Elements {
		for c := range components {
			before := it.get(e+1, c+1)
			for _, a := range components[c].Alts {
				if a.Text == "" || a.Glob || !g.structural(it, e+1, c+1, a.Text) {
					continue
				}
				it.values[e][c] = a.Text
				if fits() {
					it.values[e][c] = before
					g.pin(it, e+1, c+1, a.Text)
					return
				}
			}
			if e < len(it.values) && c < len(it.values[e]) {
				it.values[e][c] = before
			}
		}
	}
}
