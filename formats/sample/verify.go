package sample

import "fmt"

// verify says what the finished message still lacks by the rows of the use case.
func (g *generator) verify() error {
	var fault error
	note := func(it *item, what string) {
		if n := g.info(it); fault == nil {
			fault = fmt.Errorf("no way to satisfy %s %s (%s): %s", n.Tag, n.Nr, n.Name, what)
		}
	}
	check := func(it *item) {
		if g.info(it).IsGroup {
			g.verifyGroup(it, note)
		} else {
			g.verifySegment(it, note)
		}
		if p := g.plans[it.node]; p != nil && g.demanding(p.row.Expr) {
			if r := g.decide(p.row.Expr, g.sceneOf(it)); r.applies == isTrue && r.met == isFalse {
				note(it, "a demand on it")
			}
		}
	}
	g.verifyGroup(g.root, note)
	g.root.below(check)
	return fault
}

// verifyGroup looks for rows that a group instance must have.
func (g *generator) verifyGroup(up *item, note func(*item, string)) {
	for _, node := range g.pack.Children(g.info(up)) {
		p := g.plans[node]
		if p == nil || len(up.instances(node)) > 0 {
			continue
		}
		if r := g.decide(p.row.Expr, g.sceneOf(up)); r.required() && len(r.cards) == 0 {
			note(&item{node: node, up: up}, "it must be there")
		}
	}
}

// verifySegment looks for data elements that must be filled, and for values that may not stand there.
func (g *generator) verifySegment(it *item, note func(*item, string)) {
	p := g.plans[it.node]
	if p == nil {
		return
	}
	for i := range p.places {
		at := &p.places[i]
		value := it.get(at.element, at.component)
		if required, _ := g.rows(it, at, at.element, at.component); required && value == "" && !g.skipped(it, at.element) {
			note(it, fmt.Sprintf("element %d.%d must be filled", at.element, at.component))
		}
		if value != "" && g.grade(it, p, at, at.element, at.component, value) == 0 {
			note(it, fmt.Sprintf("%q in element %d.%d", value, at.element, at.component))
		}
	}
}
