package sample

import "github.com/marktbote/marktbote/formats/rules"

// packages lets codes occur as often as their packages want.
func (g *generator) packages(up *item, node int32) {
	segment := node
	if n := &g.pack.Nodes[node]; n.IsGroup {
		segment = g.pack.Children(n)[0]
	}
	p := g.plans[segment]
	if p == nil {
		return
	}
	for i := range p.places {
		at := &p.places[i]
		scope := g.packageScope(up, node, at)
		for _, c := range at.codes {
			r := g.decide(c.expr, g.sceneOf(up))
			if r.applies != isTrue || len(r.packages) == 0 {
				continue
			}
			low, _ := limits(r.packages)
			if have := g.having(scope, segment, at, c.code); have < low {
				g.spread(up, scope, node, segment, at, c.code)
			}
		}
	}
}

// limits returns the mildest limits of packages; high is -1 if there is no upper limit.
func limits(list []*rules.Term) (low, high int) {
	low, high = list[0].Min, list[0].Max
	for _, t := range list[1:] {
		low = min(low, t.Min)
		if high >= 0 && (t.Max < 0 || t.Max > high) {
			high = t.Max
		}
	}
	return low, high
}

// packageScope returns the instance over which the codes of a place are counted: the group instance around, or, if the
// structure has the segment less often there than the packages want, the one around the next group that repeats.
func (g *generator) packageScope(up *item, node int32, at *place) *item {
	low, high := 0, 0
	for _, c := range at.codes {
		if r := g.decide(c.expr, g.sceneOf(up)); r.applies == isTrue && len(r.packages) > 0 {
			least, most := limits(r.packages)
			low, high = low+least, max(high, most)
		}
	}
	if max(low, high) <= int(g.pack.Nodes[node].Max) {
		return up
	}
	for top := g.transaction(up); up != top; {
		n := g.info(up)
		if up = up.up; n.Max > 1 {
			break
		}
	}
	return up
}

// spread lets one more segment have a code: one whose code is not needed, a new one, or one in a further instance of
// the group that repeats.
func (g *generator) spread(up, scope *item, node, segment int32, at *place, code string) {
	var spare *item
	scope.below(func(it *item) {
		if it.node == segment && spare == nil && !it.pinned[[2]int{at.element, at.component}] && !g.needed(scope, it, at) {
			spare = it
		}
	})
	switch {
	case spare != nil:
	case len(up.instances(node)) < int(g.pack.Nodes[node].Max):
		spare = g.add(up, node)
		if g.info(spare).IsGroup {
			spare = spare.kids[0]
		}
	default:
		again := up
		for again.up != scope && again.up != nil {
			again = again.up
		}
		if again.up == scope && int(g.info(again).Max) > len(scope.instances(again.node)) {
			g.add(scope, again.node)
		}
		return
	}
	g.pin(spare, at.element, at.component, code)
}

// needed reports whether the code of a segment must not be taken away.
func (g *generator) needed(scope, it *item, at *place) bool {
	code := it.get(at.element, at.component)
	for _, c := range at.codes {
		if c.code != code {
			continue
		}
		if r := g.decide(c.expr, g.sceneOf(it)); r.applies == isTrue && len(r.packages) > 0 {
			low, _ := limits(r.packages)
			return g.having(scope, it.node, at, code) <= low
		}
	}
	return false
}

// having counts the segments in an instance and below it that have a code.
func (g *generator) having(scope *item, segment int32, at *place, code string) int {
	n := 0
	scope.below(func(it *item) {
		if it.node == segment && it.get(at.element, at.component) == code {
			n++
		}
	})
	return n
}
