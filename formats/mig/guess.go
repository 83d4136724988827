package mig

import (
	"math"
	"slices"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats/rules"
)

// NOTE: Segments with a wrong qualifier.
//
// The tag may stand here, the qualifier fits no node. What was meant is the node that least of the segment would have
// to be changed for; if several are as near, those that the next segment belongs to, then those that are missing. If it
// is known which, the segment is placed there, and what follows belongs to it; otherwise the content is passed over.

// candidates are the nodes that a segment with a wrong qualifier may have been meant for.
type candidates struct {
	option
	nodes []int32
}

// candidates returns the nodes with the tag in the innermost group that has any, at or behind the place reached:
// those that most of the segment agrees with.
func (c *Checker) candidates(n int, tag edifact.Tag) (g candidates) {
	lacking := 0
	for i := len(c.frames) - 1; i >= 0; i-- {
		f := &c.frames[i]
		best := math.MinInt
		exact := c.dispatched(f, tag)
		for _, k := range c.pack.Children(&c.pack.Nodes[f.group]) {
			node := &c.pack.Nodes[k]
			if node.Tag != tag || node.Counter < f.counter || i > 0 && node.Index == 0 {
				continue
			}
			if _, fits := c.match(node, &c.seg); fits && slices.Contains(exact, k) {
				continue // has been found not to be the explanation
			}
			score := c.score(k)
			if score > best {
				best, g.nodes = score, g.nodes[:0]
			}
			if score == best {
				g.nodes = append(g.nodes, k)
			}
		}
		if len(g.nodes) > 0 {
			g.nodes = c.narrow(f, g.nodes, n)
			node := &c.pack.Nodes[g.nodes[0]]
			g.option = option{ok: true, frame: i, node: g.nodes[0], lacking: lacking + c.lacking(f, node.Counter)}
			return g
		}
		lacking += c.lacking(f, math.MaxInt32)
	}
	return g
}

// dispatched returns the children of a group that exact looks at for c.seg: others have another code than c.seg where
// most siblings have their qualifier, though it may not be what tells them.
func (c *Checker) dispatched(f *frame, tag edifact.Tag) []int32 {
	d := c.pack.Dispatch(&c.pack.Nodes[f.group], tag)
	if d == nil {
		return nil
	}
	list := slices.Clone(c.pack.Wild(d))
	if d.Element > 0 {
		list = append(list, c.pack.ByKey(d, c.key(c.seg.RawComponent(int(d.Element), int(d.Component))))...)
	}
	return list
}

// Scores of a node for c.seg: the segment has the qualifier; something in it would have to be changed; it has another
// code that tells the node; it is empty where it should be. A wrong code counts the more the earlier it stands, as
// qualifiers stand first.
const (
	qualified = 10_000
	changed   = -100
	agreed    = 2
	empty     = 1
	early     = 10
)

// score says how near c.seg is to a node: what it has to be changed least to become it was likely meant to be.
func (c *Checker) score(node int32) (score int) {
	wrong := 0 // first element with another code than the node's
	for i, tests := 0, c.pack.Tests(&c.pack.Nodes[node]); i < len(tests); i++ {
		t := &tests[i]
		switch hit, ok := c.meets(t, &c.seg); {
		case hit && i == 0:
			score += qualified
		case hit:
			score += agreed
		case ok:
			score += empty
		case t.Kind != rules.None && (wrong == 0 || int(t.Element) < wrong) && !blank(c.seg.RawComponent(int(t.Element), int(t.Component))):
			wrong = int(t.Element)
		}
	}
	if wrong > 0 {
		score += max(0, early-wrong)
	}
	trial, found := c.trial, len(c.found)
	c.trial = true
	c.elements(c.pack.Segment(node))
	score += changed * (len(c.found) - found)
	c.found, c.trial = c.found[:found], trial
	return score
}

// named reports whether c.seg has the qualifier of a node, whatever else is wrong with it.
func (c *Checker) named(n *rules.Node) bool {
	tests := c.pack.Tests(n)
	if len(tests) == 0 {
		return false
	}
	hit, _ := c.meets(&tests[0], &c.seg)
	return hit
}

// narrow prefers groups that the next segment fits into, then nodes that are required and have not occurred.
func (c *Checker) narrow(f *frame, nodes []int32, n int) []int32 {
	keep := func(good func(k int32) bool) {
		if slices.ContainsFunc(nodes, good) {
			nodes = slices.DeleteFunc(nodes, func(k int32) bool { return !good(k) })
		}
	}
	if n < c.msg.Len() {
		c.ahead.load(c.msg, n+1)
		keep(func(k int32) bool { return c.takes(k, &c.ahead) })
	}
	keep(func(k int32) bool {
		node := &c.pack.Nodes[k]
		return node.Status.Required() && c.counts[f.base+node.Index] == 0
	})
	return nodes
}

// guess places a segment with a wrong qualifier.
func (c *Checker) guess(n int, tag edifact.Tag, m *move) {
	node := &c.pack.Nodes[m.node]
	if len(m.nodes) == 1 && c.named(node) {
		c.place(m.frame, m.node, n) // known by its qualifier: whatever else is wrong shows in its elements
		return
	}
	c.close(m.frame+1, n-1)
	f := &c.frames[m.frame]
	if node.Counter > f.counter {
		c.advance(f, node.Counter, n-1)
	}
	c.credit = 0
	c.guesses = append(c.guesses, guess{f.instance, tag})
	instance, group := f.instance, f.group
	known := len(m.nodes) == 1
	if node.IsGroup && known {
		c.push(m.node, f.instance, n)
		instance = c.frames[len(c.frames)-1].instance
	} else if node.IsGroup {
		c.skip = append(c.skip[:0], m.nodes...)
	}
	if known || !node.IsGroup {
		segment := m.node
		if node.IsGroup {
			segment++
		}
		c.placement.set(n, segment, instance)
	}
	c.wrongQualifier(n, group, m.node)
}
