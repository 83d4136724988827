// Package mig checks a message against the structure that its message description prescribes: which segments may
// stand where and how often, which must be there, and what their data elements may hold. Every fault is a
// formats.Finding with the code that CONTRL has for it.
//
// It first places every segment at a node of the rule pack, led by the segment's qualifier, and keeps the result as
// a Placement: which node each segment belongs to and which group instances there are. Later checks and translations
// work on the Placement.
//
//	c := mig.Checker{Lang: formats.German}
//	p := c.Check(pack, msg, 100, func(f formats.Finding) { fmt.Println(f.Text) })
//	fmt.Println(p.Path(7)) // SG4[2]/SG8[1]/SG10[3]/CCI[1]
//
// One fault is to give one finding: after a segment that cannot be placed the check finds its way back (see
// resync.go). UNH and UNT are not looked into; the values they carry are checked where the pack is chosen.
//
// Spec: Allgemeine Festlegungen 6.1 ch. 6 (status, repetition, formats)
// Spec: CONTRL MIG 2.0b, DE 0085; CONTRL AHB 1.0
// Spec: APERAK/CONTRL AHB 2.3k ch. 2 (explicit occurrence of a segment, mandatory parts)
package mig

import (
	"bytes"
	"cmp"
	"math"
	"slices"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/rules"
)

// defaultLimit is how many findings are reported when the caller sets no limit.
const defaultLimit = 200

// Checker checks messages. Its buffers are reused from message to message, so it is not safe for concurrent use.
// The zero value works and writes German texts.
type Checker struct {
	Lang formats.Lang

	pack      *rules.Pack
	msg       *edifact.Message
	limit     int
	svc       edifact.ServiceChars // of the message
	seg       view                 // the segment being looked at
	ahead     view                 // a later one
	placement Placement
	frames    []frame
	counts    []int32 // per open group and child: how often it occurred
	found     []pending
	scratch   []byte

	// State of finding the way back, see resync.go.
	credit   int       // segments that could not be placed just before
	owed     int       // the group that this segment opens has a child in front of it
	gaps     []gap     // segments that could not be placed
	guesses  []guess   // segments placed with a wrong qualifier
	rejected []missing // segments that came too early
	skip     []int32   // groups whose content is passed over, empty if none
	trial    bool      // findings are counted only
	tried    int       // faults that explanations were tried for
	before   int       // findings before the trial
	taken    []int     // which of them the trial has taken back
	returned bool      // something reported missing has turned up at a wrong place
}

// frame is an open group instance.
type frame struct {
	group    int32   // node
	instance int32   // in Placement.Instances
	counter  int32   // of the child placed last
	base     int32   // of its counts; -1 if the group is not open
	required []int32 // children that must be present and have not been passed
}

// missing names a node that does not occur in a group instance.
type missing struct{ instance, node int32 }

// pending is a finding that may still be taken back.
type pending struct {
	formats.Finding
	missing missing // for a missing segment, else zero
}

// Check places and checks a message and reports its findings, by segment, at most limit of them (200 if limit is
// less than 1); when the limit is reached the rest of the message is not looked at. The Placement is valid until the
// next call.
func (c *Checker) Check(pack *rules.Pack, m *edifact.Message, limit int, report func(formats.Finding)) *Placement {
	if limit < 1 {
		limit = defaultLimit
	}
	c.pack, c.msg, c.limit = pack, m, limit
	c.frames, c.counts, c.found = c.frames[:0], c.counts[:0], c.found[:0]
	c.tried = 0
	c.credit, c.owed, c.guesses, c.gaps, c.rejected, c.skip = 0, 0, c.guesses[:0], c.gaps[:0], c.rejected[:0], c.skip[:0]
	if m.Len() > 0 {
		first := m.Segment(1)
		c.svc = first.Service()
	}
	c.placement.reset(pack, m)
	c.push(0, -1, 1)
	for n := 1; n <= m.Len() && len(c.found) < limit; n++ {
		tag := m.Tag(n)
		c.placement.add(n)
		if n == 1 && tag == edifact.UNH {
			c.placement.set(n, pack.Children(&pack.Nodes[0])[0], 0)
			continue
		}
		c.seg.load(m, n)
		c.segment(n, tag)
	}
	c.placement.Complete = len(c.found) < limit
	if c.placement.Complete {
		c.close(0, m.Len())
	}
	c.placement.finish(m.Len())
	slices.SortStableFunc(c.found, func(a, b pending) int { return cmp.Compare(a.order(), b.order()) })
	for i := range min(len(c.found), limit) {
		report(c.found[i].Finding)
	}
	c.msg, c.pack, c.seg.msg, c.ahead.msg = nil, nil, nil, nil
	return &c.placement
}

// order sorts findings by segment; what is missing behind a segment comes after its own findings.
func (p *pending) order() int {
	if p.missing.node != 0 {
		return 2*p.SegmentNumber + 1
	}
	return 2 * p.SegmentNumber
}

// segment places segment n, which is c.seg, and checks it.
func (c *Checker) segment(n int, tag edifact.Tag) {
	if tag == edifact.UNT && c.end(n) {
		return
	}
	if len(c.skip) > 0 {
		if c.skipped(tag) {
			return
		}
		c.skip = c.skip[:0]
	}
	// Nearly every segment fits a node of an open group at no cost.
	for i := len(c.frames) - 1; i >= 0; i-- {
		f := &c.frames[i]
		node, over := c.exact(f, &c.seg, tag)
		if node < 0 {
			if len(f.required) > 0 && c.lacking(f, math.MaxInt32) > 0 {
				break
			}
			continue
		}
		if over || len(f.required) > 0 && c.lacking(f, c.pack.Nodes[node].Counter) > 0 {
			break
		}
		c.place(i, node, n)
		return
	}
	c.resync(n, tag, c.option(&c.seg, tag))
}

// option is a node that a segment fits.
type option struct {
	ok      bool
	frame   int
	node    int32
	lacking int  // required nodes that would be left out
	over    bool // the node occurs too often
}

func (o *option) cost() int {
	if o.over {
		return o.lacking + 1
	}
	return o.lacking
}

// option returns the best node that a segment fits exactly, in or behind the current place, innermost group first.
func (c *Checker) option(seg *view, tag edifact.Tag) (best option) {
	lacking := 0
	for i := len(c.frames) - 1; i >= 0; i-- {
		f := &c.frames[i]
		if node, over := c.exact(f, seg, tag); node >= 0 {
			o := option{true, i, node, lacking + c.lacking(f, c.pack.Nodes[node].Counter), over}
			if !best.ok || o.cost() < best.cost() {
				best = o
			}
			if best.cost() == 0 {
				return best
			}
		}
		lacking += c.lacking(f, math.MaxInt32)
	}
	return best
}

// exact returns the child of a group that a segment fits, -1 if there is none at or behind the place reached. A
// child that may still occur comes before one that may not, one told by more codes before one told by fewer.
func (c *Checker) exact(f *frame, seg *view, tag edifact.Tag) (node int32, over bool) {
	d := c.pack.Dispatch(&c.pack.Nodes[f.group], tag)
	if d == nil {
		return -1, false
	}
	node = -1
	most := 0
	try := func(list []int32) {
		for _, k := range list {
			n := &c.pack.Nodes[k]
			if n.Counter < f.counter {
				continue
			}
			coded, ok := c.match(n, seg)
			if !ok {
				continue
			}
			full := f.base >= 0 && c.counts[f.base+n.Index] >= n.Max
			if node < 0 || over && !full || over == full && coded > most {
				node, over, most = k, full, coded
			}
		}
	}
	if d.Element > 0 {
		list := c.pack.ByKey(d, c.key(seg.RawComponent(int(d.Element), int(d.Component))))
		if len(list) == 1 && d.Wild.Len() == 0 {
			if n := &c.pack.Nodes[list[0]]; n.Plain && n.Counter >= f.counter {
				return list[0], f.base >= 0 && c.counts[f.base+n.Index] >= n.Max
			}
		}
		try(list)
	}
	try(c.pack.Wild(d))
	return node, over
}

// match runs the tests of a node and says how many codes it was recognized by.
func (c *Checker) match(n *rules.Node, seg *view) (coded int, ok bool) {
	for i, tests := 0, c.pack.Tests(n); i < len(tests); i++ {
		hit, ok := c.meets(&tests[i], seg)
		if !ok {
			return 0, false
		}
		if hit {
			coded++
		}
	}
	return coded, true
}

// meets runs one test; hit says that a code was recognized.
func (c *Checker) meets(t *rules.Test, seg *view) (hit, ok bool) {
	raw := seg.RawComponent(int(t.Element), int(t.Component))
	if blank(raw) {
		return false, t.Kind != rules.OneOf
	}
	if t.Kind == rules.None {
		return false, false
	}
	hit = c.hasCode(t.Codes, raw)
	return hit, hit
}

// key is rules.Key for a component as sent.
func (c *Checker) key(raw []byte) uint64 {
	if key, ok := rules.RawKey(raw, c.svc.Release); ok {
		return key
	}
	return rules.Key(c.unescape(raw))
}

// hasCode reports whether a component as sent is in a list of codes.
func (c *Checker) hasCode(codes rules.Range, raw []byte) bool {
	if key, ok := rules.RawKey(raw, c.svc.Release); ok {
		return c.pack.HasCode(codes, key, raw)
	}
	v := c.unescape(raw)
	return c.pack.HasCode(codes, rules.Key(v), v)
}

// value returns a component without release characters and without spaces at its ends; nil if nothing is left. It is
// valid until the next call.
func (c *Checker) value(seg *view, element, component int) []byte {
	return c.unescape(seg.RawComponent(element, component))
}

func (c *Checker) unescape(raw []byte) []byte {
	if blank(raw) {
		return nil
	}
	i := bytes.IndexByte(raw, c.svc.Release)
	if i < 0 || c.svc.Release == 0 {
		return bytes.Trim(raw, " ")
	}
	c.scratch = append(c.scratch[:0], raw[:i]...)
	c.scratch = edifact.AppendUnescaped(c.scratch, raw[i:], c.svc)
	return bytes.Trim(c.scratch, " ")
}

// blank reports whether a component counts as empty.
//
// Spec: Allgemeine Festlegungen 6.1 6.10 (spaces at the ends are not transferred)
func blank(raw []byte) bool {
	for _, b := range raw {
		if b != ' ' {
			return false
		}
	}
	return true
}

// lacking counts the required children of a group with a counter below until that have not occurred and have not
// been reported.
func (c *Checker) lacking(f *frame, until int32) (n int) {
	for _, k := range f.required {
		child := &c.pack.Nodes[k]
		if child.Counter >= until {
			break
		}
		if c.counts[f.base+child.Index] == 0 {
			n++
		}
	}
	return n
}

// push opens a group instance whose first segment is n.
func (c *Checker) push(group, parent int32, n int) {
	base := len(c.counts)
	children := c.pack.Nodes[group].Children.Len()
	c.counts = slices.Grow(c.counts, children)[:base+children]
	clear(c.counts[base:])
	instance := c.placement.open(group, parent, n)
	c.frames = append(c.frames, frame{})
	f := &c.frames[len(c.frames)-1] // set field by field, which is faster than copying a whole frame
	f.group, f.instance, f.base, f.required = group, instance, int32(base), c.pack.Required(&c.pack.Nodes[group])
}

// close ends the group instances from depth on and reports what they lack; last is the segment before the gap.
func (c *Checker) close(depth, last int) {
	for i := len(c.frames) - 1; i >= depth; i-- {
		f := &c.frames[i]
		c.advance(f, math.MaxInt32, last)
		c.placement.Instances[f.instance].End = int32(last) + 1
		c.counts = c.counts[:f.base]
		c.frames = c.frames[:i]
	}
}

// advance moves the place in a group forward and reports what was left out.
func (c *Checker) advance(f *frame, to int32, last int) {
	for len(f.required) > 0 {
		k := f.required[0]
		child := &c.pack.Nodes[k]
		if child.Counter >= to {
			break
		}
		f.required = f.required[1:]
		if c.counts[f.base+child.Index] == 0 {
			c.missing(f, k, last)
		}
	}
	f.counter = to
}

// place puts segment n at a node of the group at that depth.
func (c *Checker) place(depth int, node int32, n int) {
	c.close(depth+1, n-1)
	f := &c.frames[depth]
	k := &c.pack.Nodes[node]
	if k.Counter > f.counter {
		c.advance(f, k.Counter, n-1)
	}
	if c.credit > 0 {
		c.gaps = append(c.gaps, gap{f.instance, k.Counter, n})
		c.credit = 0
	}
	count := &c.counts[f.base+k.Index]
	*count++
	surplus := *count > k.Max
	segment, instance := node, f.instance
	if k.IsGroup {
		c.push(node, f.instance, n)
		segment, instance = node+1, c.frames[len(c.frames)-1].instance
		if n == c.owed {
			c.gaps = append(c.gaps, gap{instance, math.MaxInt32, n})
		}
	}
	c.placement.set(n, segment, instance)
	if surplus {
		c.surplus(k)
	}
	if k.Tag != edifact.UNT && k.Tag != edifact.UNH {
		c.elements(&c.pack.Nodes[segment])
	}
}
