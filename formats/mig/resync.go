package mig

import (
	"math"
	"slices"

	"github.com/marktbote/marktbote/edifact"
)

// NOTE: Finding the way back.
//
// A segment that does not fit at no cost has one of these explanations (moves):
//
//   - it is in place, and required segments before it are missing, or it is one too many;
//   - the first segment of its group is missing, or could not be placed just before: the group is opened without it;
//   - it belongs to a place that the message has passed, or to one that it has not reached (wrong place);
//   - its tag fits here, its qualifier does not: it is placed at the best candidate (wrong value);
//   - nothing fits (wrong place).
//
// moves lists those that are possible, the likeliest first. Each is then tried on the next segments, and the one
// that leads to the fewest findings is taken; among equals one that does not call something missing which turns up
// soon after, then the likeliest. So a segment with a gap before it is in place as long as nothing speaks against it,
// and a complete group once more is one too many. Within a trial the likeliest is taken at once, so that the work for
// one fault is bounded by (number of moves) x trialSegments.
//
// UNT is no matter of choice: it ends the message, so whatever is missing is missing before it (end).
//
// What follows from one fault must not be reported again: a segment that could not be placed may be one that is
// missing near it (credit, gaps), a segment with a wrong qualifier may be any of its missing siblings (guesses), and
// a segment reported at the wrong place is not missing at the right one (rejected). When it cannot be known which
// group a first segment was to open, the content of the group is passed over (skip).

// Limits of the work for one fault.
const (
	trialSegments = 10 // on which an explanation is tried
	lookback      = 64 // findings among which a segment that turns up is looked for

	// maxTried is for how many faults of a message explanations are tried. Further ones get the likeliest: what is
	// hostile must not cost more than what is large.
	maxTried = 1000
)

// guess is a segment with a wrong qualifier; it stands for one missing sibling with that tag.
type guess struct {
	instance int32
	tag      edifact.Tag
}

// gap is a place where something could not be placed: it stands for one missing child up to the counter, or for the
// first segment of a group that shows soon after.
type gap struct {
	instance, counter int32
	segment           int // behind it
}

// gapSegments is how soon a group must show after a gap to be explained by it.
const gapSegments = 4

// move is one explanation for a segment that does not fit.
type move struct {
	kind  moveKind
	frame int
	node  int32
	nodes []int32 // the candidates, if more than one is possible
	gone  missing // where the segment is missing because it stands here
}

type moveKind uint8

const (
	moveUnknown moveKind = iota
	movePlace
	moveOpen
	moveGuess
	moveWrongPlace
	moveTooSoon // before the first segment of its group
)

// resync handles segment n, which does not fit at no cost; best is where it fits.
func (c *Checker) resync(n int, tag edifact.Tag, best option) {
	if tag == 0 { // no segment at all, which the syntax check has reported
		c.credit = 1
		return
	}
	if best.ok && !best.over && best.lacking <= c.credit {
		c.place(best.frame, best.node, n)
		return
	}
	list := c.moves(n, tag, best)
	chosen, least := 0, math.MaxInt
	// A caller who takes one finding only wants to know whether the message is right.
	if !c.trial && len(list) > 1 && c.tried < maxTried && c.limit > 1 {
		c.tried++
		for i := range list {
			if cost := c.try(n, tag, &list[i]); cost < least {
				chosen, least = i, cost
			}
		}
	}
	c.apply(n, tag, &list[chosen])
}

// end places UNT, which nothing of the message can follow. It returns false if the pack does not have it.
func (c *Checker) end(n int) bool {
	last := c.pack.Children(&c.pack.Nodes[0])
	node := last[len(last)-1]
	if c.pack.Nodes[node].Tag != edifact.UNT {
		return false
	}
	c.skip = c.skip[:0]
	c.place(0, node, n)
	return true
}

// moves lists the explanations for segment n, the likeliest first.
func (c *Checker) moves(n int, tag edifact.Tag, best option) (list []move) {
	open := c.openable(&c.seg, tag)
	earlier := c.earlier(&c.seg, tag)
	g := c.candidates(n, tag)
	follows := c.fits(n + 1) // the message goes on whatever segment n is
	opens := g.ok && c.opensFor(g.nodes, n+1)

	add := func(possible, likely bool, m move) {
		switch {
		case possible && likely:
			list = slices.Insert(list, 0, m)
		case possible:
			list = append(list, m)
		}
	}
	place := move{kind: movePlace, frame: best.frame, node: best.node}
	without := move{kind: moveOpen, frame: open.frame, nodes: open.nodes}
	guessed := move{kind: moveGuess, frame: g.frame, node: g.node, nodes: g.nodes}
	late := move{kind: moveWrongPlace, node: earlier.node, gone: missing{c.frames[earlier.frame].instance, earlier.node}}
	tooEarly := move{kind: moveWrongPlace, node: best.node, gone: missing{c.frames[best.frame].instance, best.node}}
	lost, isLost := c.reportedMissing(tag)

	// From the least likely to the likeliest; what is likely goes to the front.
	add(true, false, move{})
	add(open.ok, true, without)
	add(c.beforeGroup(n), false, move{kind: moveTooSoon})
	add(best.ok && best.lacking > 0, true, tooEarly)
	add(g.ok, !open.ok || follows || opens || !open.coded && g.frame > open.frame, guessed)
	add(isLost, true, move{kind: moveWrongPlace, node: lost.node, gone: lost})
	add(earlier.ok, true, late)
	add(earlier.ok && open.ok, !follows && !c.opensFor([]int32{earlier.node}, n+1), without)
	add(earlier.ok && g.ok, !follows && opens, guessed)
	add(best.ok, true, place)
	add(best.ok && best.lacking == 0 && open.ok, !follows && !c.opensFor([]int32{best.node}, n+1), without)
	add(open.ok, c.credit > 0, without)
	return list
}

// apply takes a move.
func (c *Checker) apply(n int, tag edifact.Tag, m *move) {
	switch m.kind {
	case movePlace:
		c.place(m.frame, m.node, n)
	case moveOpen:
		c.openWithout(n, tag, m)
	case moveGuess:
		c.guess(n, tag, m)
	case moveWrongPlace:
		c.wrongPlace(n, m)
	case moveTooSoon:
		c.unplaceable(n, tag)
		c.owed = n + 1
	default:
		c.unplaceable(n, tag)
		c.credit = 1
	}
}

// try takes a move, goes on for some segments and takes everything back. The cost is two for a finding, and one more
// if something that was called missing has turned up.
func (c *Checker) try(n int, tag edifact.Tag, m *move) int {
	var saved struct {
		frames   []frame
		counts   []int32
		guesses  []guess
		gaps     []gap
		rejected []missing
		skip     []int32
	}
	saved.frames, saved.counts = slices.Clone(c.frames), slices.Clone(c.counts)
	saved.guesses, saved.gaps = slices.Clone(c.guesses), slices.Clone(c.gaps)
	saved.rejected, saved.skip = slices.Clone(c.rejected), slices.Clone(c.skip)
	credit, owed, instances := c.credit, c.owed, len(c.placement.Instances)
	node, instance := c.placement.Nodes[n-1], c.placement.Instance[n-1]

	c.trial, c.returned, c.before, c.taken = true, false, len(c.found), c.taken[:0]
	c.apply(n, tag, m)
	for k := n + 1; k <= min(n+trialSegments, c.msg.Len()); k++ {
		c.placement.add(k)
		c.seg.load(c.msg, k)
		c.segment(k, c.msg.Tag(k))
	}
	cost := 2 * (weigh(c.found[c.before:]) - len(c.taken))
	if c.returned {
		cost++
	}
	c.trial, c.found, c.taken = false, c.found[:c.before], c.taken[:0]

	c.frames, c.counts = append(c.frames[:0], saved.frames...), append(c.counts[:0], saved.counts...)
	c.guesses, c.gaps = append(c.guesses[:0], saved.guesses...), append(c.gaps[:0], saved.gaps...)
	c.rejected, c.skip = append(c.rejected[:0], saved.rejected...), append(c.skip[:0], saved.skip...)
	c.credit, c.owed = credit, owed
	p := &c.placement
	p.Nodes, p.Instance, p.Instances = p.Nodes[:n], p.Instance[:n], p.Instances[:instances]
	p.Nodes[n-1], p.Instance[n-1] = node, instance
	for _, f := range c.frames {
		p.Instances[f.instance].End = -1
	}
	c.seg.load(c.msg, n)
	return cost
}

// weigh counts the findings of a trial. What several instances of a group lack in the same way counts once: whoever
// leaves it out of one leaves it out of all, and they are several instances all the same.
func weigh(found []pending) int {
	n := len(found)
	for i := range found {
		same := func(p pending) bool { return p.missing.node > 0 && p.missing.node == found[i].missing.node }
		if slices.ContainsFunc(found[:i], same) {
			n--
		}
	}
	return n
}

// fits reports whether segment n fits at no cost as things are.
func (c *Checker) fits(n int) bool {
	if n > c.msg.Len() {
		return true
	}
	c.ahead.load(c.msg, n)
	o := c.option(&c.ahead, c.ahead.tag)
	return o.ok && o.cost() == 0
}

// earlier returns a node of an open group that the segment fits but that the message has passed.
func (c *Checker) earlier(seg *view, tag edifact.Tag) option {
	for i, f := range slices.Backward(c.frames) {
		reached := f.counter
		f.counter = 0
		if node, _ := c.exact(&f, seg, tag); node >= 0 && c.pack.Nodes[node].Counter < reached {
			return option{ok: true, frame: i, node: node}
		}
	}
	return option{}
}

// opening is a group that can be opened without its first segment; more than one node means that it is not known
// which.
type opening struct {
	ok    bool
	coded bool // the segment was recognized by a code
	frame int
	nodes []int32
}

// openable looks for child groups of the open groups that the segment fits into.
func (c *Checker) openable(seg *view, tag edifact.Tag) (o opening) {
	for i := len(c.frames) - 1; i >= 0 && !o.ok; i-- {
		f := &c.frames[i]
		for _, g := range c.pack.Children(&c.pack.Nodes[f.group]) {
			group := &c.pack.Nodes[g]
			if !group.IsGroup || group.Counter < f.counter || c.counts[f.base+group.Index] >= group.Max {
				continue
			}
			coded, ok := c.accepts(g, seg, tag)
			switch {
			case !ok || o.coded && coded == 0:
				continue
			case coded > 0 && !o.coded:
				o.nodes = o.nodes[:0]
			}
			o.ok, o.frame, o.coded = true, i, coded > 0
			o.nodes = append(o.nodes, g)
		}
	}
	return o
}

// accepts reports whether a segment fits a child of a group that is not open, and by how many codes.
func (c *Checker) accepts(group int32, seg *view, tag edifact.Tag) (coded int, ok bool) {
	f := frame{group: group, base: -1}
	node, _ := c.exact(&f, seg, tag)
	if node < 0 {
		return 0, false
	}
	coded, ok = c.match(&c.pack.Nodes[node], seg)
	return coded, ok
}

// takes reports whether a node is a group that a segment fits into.
func (c *Checker) takes(node int32, seg *view) bool {
	if !c.pack.Nodes[node].IsGroup {
		return false
	}
	_, ok := c.accepts(node, seg, seg.tag)
	return ok
}

// openWithout opens a group whose first segment is not there and places segment n in it. If the segment before
// could not be placed it is taken for the first segment.
func (c *Checker) openWithout(n int, tag edifact.Tag, m *move) {
	explained := c.credit > 0
	c.close(m.frame+1, n-1)
	f := &c.frames[m.frame]
	node := m.nodes[0]
	group := &c.pack.Nodes[node]
	if group.Counter > f.counter {
		c.advance(f, group.Counter, n-1)
	}
	c.credit = 0
	near := func(g gap) bool { return g.instance == f.instance && n-g.segment <= gapSegments }
	if i := slices.IndexFunc(c.gaps, near); i >= 0 && !explained {
		c.gaps, explained = slices.Delete(c.gaps, i, i+1), true
	}
	if first := (missing{f.instance, node}); !explained && !c.explained(first) {
		c.gap(codeSegmentMissing, f, node, n-1, first)
	}
	if len(m.nodes) > 1 {
		c.guesses = append(c.guesses, guess{f.instance, group.Tag})
		c.skip = append(c.skip[:0], m.nodes...)
		return
	}
	c.counts[f.base+group.Index]++
	c.push(node, f.instance, n)
	top := len(c.frames) - 1
	if k, _ := c.exact(&c.frames[top], &c.seg, tag); k >= 0 {
		c.place(top, k, n)
	}
}

// skipped reports whether a tag belongs to the content of the groups that are passed over.
func (c *Checker) skipped(tag edifact.Tag) bool {
	for _, g := range c.skip {
		for i := g + 2; i < c.pack.Nodes[g].End; i++ {
			if c.pack.Nodes[i].Tag == tag {
				return true
			}
		}
	}
	return false
}

// reportedMissing returns what has been reported missing last and c.seg may be.
func (c *Checker) reportedMissing(tag edifact.Tag) (missing, bool) {
	for i := len(c.found) - 1; i >= max(0, len(c.found)-lookback); i-- {
		m := c.found[i].missing
		if node := &c.pack.Nodes[m.node]; m.node > 0 && node.Tag == tag && !slices.Contains(c.taken, i) {
			if _, ok := c.match(node, &c.seg); ok {
				return m, true
			}
		}
	}
	return missing{}, false
}

// beforeGroup reports whether segment n+1 opens a group that segment n belongs to.
func (c *Checker) beforeGroup(n int) bool {
	if n >= c.msg.Len() {
		return false
	}
	c.ahead.load(c.msg, n+1)
	o := c.option(&c.ahead, c.ahead.tag)
	return o.ok && c.takes(o.node, &c.seg)
}

// opensFor reports whether one of the nodes is a group that takes segment n.
func (c *Checker) opensFor(nodes []int32, n int) bool {
	if n > c.msg.Len() {
		return false
	}
	c.ahead.load(c.msg, n)
	return slices.ContainsFunc(nodes, func(k int32) bool {
		return c.takes(k, &c.ahead)
	})
}

// wrongPlace reports segment n, which belongs to a node that is not up now. Its content, if it has any, is passed
// over with it.
func (c *Checker) wrongPlace(n int, m *move) {
	c.takeBack(m.gone)
	c.rejected = append(c.rejected, m.gone)
	if !c.fits(n+1) && c.opensFor([]int32{m.node}, n+1) {
		c.skip = append(c.skip[:0], m.node)
	}
	c.unplaceable(n, c.pack.Nodes[m.node].Tag)
}

// takeBack removes the finding that something is missing. A trial only notes it if the finding was there before.
func (c *Checker) takeBack(gone missing) {
	i := slices.IndexFunc(c.found, func(p pending) bool { return p.missing == gone })
	switch {
	case i < 0 || slices.Contains(c.taken, i):
		return
	case c.trial && i < c.before:
		c.taken = append(c.taken, i)
	default:
		c.found = slices.Delete(c.found, i, i+1)
	}
	c.returned = true
}

// explained reports whether a missing node follows from something reported before; that is used up by it.
func (c *Checker) explained(m missing) bool {
	if c.credit > 0 {
		c.credit--
		return true
	}
	counter := c.pack.Nodes[m.node].Counter
	covers := func(g gap) bool { return g.instance == m.instance && counter <= g.counter }
	if i := slices.IndexFunc(c.gaps, covers); i >= 0 {
		c.gaps = slices.Delete(c.gaps, i, i+1)
		return true
	}
	if i := slices.Index(c.guesses, guess{m.instance, c.pack.Nodes[m.node].Tag}); i >= 0 {
		c.guesses = slices.Delete(c.guesses, i, i+1)
		return true
	}
	return slices.Contains(c.rejected, m)
}
