package sample

import (
	"fmt"
	"slices"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats/condition"
	"github.com/marktbote/marktbote/formats/rules"
)

// NOTE: How a message comes to rest.
//
// One round goes over the tree from the top and adds, removes and fills what the rows say in the light of what is there
// now. Rounds are repeated until one changes nothing. Conditions that exclude each other could go on for ever, so what
// was taken out a few times is not wished for any more (banned), and what something else depends on stays (forced).

const (
	maxRounds = 80
	maxItems  = 20_000 // segments and groups of a message
	maxBans   = 3      // times that something is taken out before it is not wished for any more
)

// attempts is how often a message is begun again, with other choices, if no way was found to satisfy everything.
const attempts = 8

// message makes one message.
func (g *generator) message() (root *item, err error) {
	for g.attempt = range attempts {
		if root, err = g.settle(); err != nil {
			continue
		}
		if err = g.verify(); err == nil {
			break
		}
	}
	return root, err
}

// settle grows one message until it comes to rest.
func (g *generator) settle() (*item, error) {
	g.root = nil
	g.wishes, g.banned, g.fails = map[wish]bool{}, map[wish]int{}, map[*item]int{}
	g.root = g.make(nil, 0)
	for range maxRounds {
		g.changed = false
		g.grow(g.root)
		g.series()
		if !g.changed {
			return g.root, nil
		}
		items := 0
		if g.root.below(func(*item) { items++ }); items > maxItems {
			return nil, fmt.Errorf("more than %d segments", maxItems)
		}
	}
	n := &g.pack.Nodes[g.last]
	return nil, fmt.Errorf("the conditions do not come to rest in %d rounds, at the last %s %s (%s)", maxRounds, n.Tag, n.Nr, n.Name)
}

// grow makes a group instance complete.
func (g *generator) grow(up *item) {
	children := g.pack.Children(g.info(up))
	for i, node := range children {
		if i == 0 && up.up != nil {
			continue // the first segment is there as long as the group is
		}
		g.presence(up, node)
	}
	g.identify(up)
	for _, k := range slices.Clone(up.kids) {
		if g.info(k).IsGroup {
			g.grow(k)
		} else {
			g.fill(k)
		}
		g.demands(k)
	}
	for _, node := range children {
		if p := g.plans[node]; p != nil && len(up.instances(node)) > 0 {
			g.packages(up, node)
		}
	}
}

// identify adds the group that has the Pruefidentifikator where the rows leave open which of several it is.
func (g *generator) identify(up *item) {
	first := int32(-1)
	for _, node := range g.pack.Children(g.info(up)) {
		if !g.pack.Nodes[node].IsGroup || g.plans[node] == nil || !g.tells(node) {
			continue
		}
		if len(up.instances(node)) > 0 {
			return
		}
		if first < 0 {
			first = node
		}
	}
	if first >= 0 {
		g.add(up, first).forced = true
	}
}

// tells reports whether a group of the use case has the Pruefidentifikator in it.
func (g *generator) tells(group int32) bool {
	for node := group + 1; node < g.pack.Nodes[group].End; node++ {
		n := &g.pack.Nodes[node]
		if p := g.plans[node]; p == nil || n.IsGroup || n.Tag != edifact.MakeTag("RFF") {
			continue
		} else if at := p.at(1, 1); at != nil && len(at.codes) == 1 && at.codes[0].code == "Z13" {
			return true
		}
	}
	return false
}

// demands meets what the row of an item demands.
func (g *generator) demands(it *item) {
	p := g.plans[it.node]
	if p == nil || !g.demanding(p.row.Expr) {
		return
	}
	s := g.sceneOf(it)
	if r := g.decide(p.row.Expr, s); r.applies != isTrue || r.met != isFalse {
		return
	}
	for _, b := range p.row.Expr.Branches {
		if g.achieve(b.When, s) {
			return
		}
	}
}

// presence decides whether a row is there in a group instance, and how often.
func (g *generator) presence(up *item, node int32) {
	n := &g.pack.Nodes[node]
	list := up.instances(node)
	structural := n.Tag == edifact.UNH || n.Tag == edifact.UNT || slices.Contains(g.pack.Required(g.info(up)), node)
	p := g.plans[node]
	if p == nil {
		if structural && len(list) == 0 {
			g.add(up, node)
		}
		return
	}
	r := g.decide(p.row.Expr, g.sceneOf(up))
	w := wish{in: up, node: node}
	switch {
	case len(list) == 0 && (structural || r.required() && len(r.cards) == 0 || r.applies != isFalse && g.wanted(w)):
		g.add(up, node)
	case len(list) > 0 && r.applies == isFalse && !structural:
		for _, it := range list {
			if !it.forced {
				g.remove(it)
				g.banned[w]++
			}
		}
	}
	if r.applies == isTrue {
		for _, card := range r.cards {
			g.repeat(up, node, card, r.status.Required())
		}
	}
	if g.random() && len(list) == 1 && up == g.root && slices.Contains(opensTransaction[g.pack.Type], n.Tag) && n.Max > 1 &&
		len(r.cards) == 0 && g.wanted(wish{in: up, node: node, element: -1}) {
		g.add(up, node) // a second transaction
	}
}

// wanted reports whether the variant has something that may be there.
func (g *generator) wanted(w wish) bool {
	if g.banned[w] >= maxBans {
		return false
	}
	yes, known := g.wishes[w]
	if !known {
		yes = g.opts.Variant == Full || g.random() && g.rng.IntN(5) < 2
		g.wishes[w] = yes
	}
	return yes
}

// at returns the place of a data element in a plan, nil if the use case does not have it.
func (p *plan) at(element, component int) *place {
	if p == nil {
		return nil
	}
	for i := range p.places {
		if p.places[i].element == element && p.places[i].component == component {
			return &p.places[i]
		}
	}
	return nil
}

// demanding reports whether an expression has demands.
func (g *generator) demanding(e *rules.Expression) bool {
	found := false
	for _, b := range e.Branches {
		g.pack.Conditions(b.When, func(number int) { found = found || g.rule(number).Kind == condition.Must })
	}
	return found
}
