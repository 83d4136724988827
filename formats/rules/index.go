package rules

import (
	"cmp"
	"slices"

	"github.com/marktbote/marktbote/edifact"
)

// NOTE: How a segment finds its node.
//
// The MIG prints one segment many times with different qualifiers (twenty SG8, told apart by SEQ 1229). For every
// group and tag there is one Dispatch: all children with that tag, where a child group counts with the tag of its
// first segment. A Dispatch names one element, the one that most of the children have a code list for, and keeps
// the children sorted by those codes. A child that must leave the element empty is under the key 0, a child that
// says nothing about it is wild and has to be looked at always.
//
// Codes of one element are not always enough (CCI is told by 7059 or by C240 7037). Every child has therefore Tests:
// its qualifier, and every other place where it differs from a sibling that the tests so far cannot exclude.

// Dispatch leads from a tag to the children of a group that may take a segment with that tag.
type Dispatch struct {
	Tag                edifact.Tag
	Element, Component int32 // where the keys stand, counted as in CONTRL; 0 if there are none
	Keys               Range
	Wild               Range
}

// TestKind says what a Test demands.
type TestKind uint8

// The kinds of tests.
const (
	OneOf     TestKind = iota // one of the codes
	OneOrNone                 // empty or one of the codes
	None                      // empty
)

// Test is one condition that a segment meets if it belongs to a node.
type Test struct {
	Element, Component int32 // counted as in CONTRL
	Kind               TestKind
	Codes              Range
}

// Dispatch returns the entry for a tag in a group, nil if no child has it.
func (p *Pack) Dispatch(group *Node, tag edifact.Tag) *Dispatch {
	for i, t := range p.dispTags[group.Dispatch.First:group.Dispatch.End] {
		if t == tag {
			return &p.dispatches[int(group.Dispatch.First)+i]
		}
	}
	return nil
}

// ByKey returns the children whose qualifier may have the value of that key, in the order of the document.
func (p *Pack) ByKey(d *Dispatch, key uint64) []int32 {
	keys := p.dispKeys[d.Keys.First:d.Keys.End]
	lo, hi := 0, len(keys)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if keys[mid] < key {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	end := lo
	for end < len(keys) && keys[end] == key {
		end++
	}
	return p.dispNodes[int(d.Keys.First)+lo : int(d.Keys.First)+end]
}

// Wild returns the children that the key of d says nothing about, in the order of the document.
func (p *Pack) Wild(d *Dispatch) []int32 { return p.wild[d.Wild.First:d.Wild.End] }

// place is a component in a segment, counted as in CONTRL.
type place struct{ element, component int32 }

// Segment returns the segment node itself, or the first segment of a group.
func (p *Pack) Segment(node int32) *Node {
	if p.Nodes[node].IsGroup {
		return &p.Nodes[node+1]
	}
	return &p.Nodes[node]
}

// testAt returns what a node demands at a place; false if it accepts anything.
func (p *Pack) testAt(node int32, at place) (Test, bool) {
	t := Test{Element: at.element, Component: at.component}
	if at.element < 2 || at.component < 1 {
		return t, false
	}
	seg := p.Segment(node)
	i := at.element - 2
	if i >= int32(seg.Elements.Len()) {
		t.Kind = None
		return t, true
	}
	e := &p.Elements[seg.Elements.First+i]
	j := at.component - 1
	if e.Status == 'N' || j >= int32(e.Components.Len()) {
		t.Kind = None
		return t, true
	}
	c := &p.Components[e.Components.First+j]
	switch {
	case c.Status == 'N':
		t.Kind = None
	case c.Open || c.Codes.Len() == 0:
		return t, false
	case c.Status.Required() && e.Status.Required():
		t.Kind, t.Codes = OneOf, c.Codes
	default:
		t.Kind, t.Codes = OneOrNone, c.Codes
	}
	return t, true
}

// places returns where a node has a closed code list, in the order of the segment.
func (p *Pack) places(node int32) []place {
	var list []place
	seg := p.Segment(node)
	for i := seg.Elements.First; i < seg.Elements.End; i++ {
		e := &p.Elements[i]
		for j := e.Components.First; j < e.Components.End; j++ {
			at := place{i - seg.Elements.First + 2, j - e.Components.First + 1}
			if t, ok := p.testAt(node, at); ok && t.Kind != None {
				list = append(list, at)
			}
		}
	}
	return list
}

// qualifier returns the place of the first code list that must be used.
func (p *Pack) qualifier(node int32) (place, bool) {
	for _, at := range p.places(node) {
		if t, _ := p.testAt(node, at); t.Kind == OneOf {
			return at, true
		}
	}
	return place{}, false
}

// excludes reports whether no segment can meet both tests.
func (p *Pack) excludes(a, b Test) bool {
	switch {
	case a.Kind == None && b.Kind == None, a.Kind == OneOrNone && b.Kind != OneOf, b.Kind == OneOrNone && a.Kind != OneOf:
		return false
	case a.Kind == None || b.Kind == None:
		return true
	}
	for _, k := range p.codeKeys[a.Codes.First:a.Codes.End] {
		if slices.Contains(p.codeKeys[b.Codes.First:b.Codes.End], k) {
			return false
		}
	}
	return true
}

// buildIndex makes children, required, dispatches and tests of all groups.
func (p *Pack) buildIndex() {
	byParent := make([][]int32, len(p.Nodes))
	for i := range p.Nodes {
		if parent := p.Nodes[i].Parent; parent >= 0 {
			byParent[parent] = append(byParent[parent], int32(i))
		}
	}
	for g := range p.Nodes {
		n := &p.Nodes[g]
		if !n.IsGroup {
			continue
		}
		kids := byParent[g]
		n.Children.First = int32(len(p.children))
		for i, k := range kids {
			p.Nodes[k].Index = int32(i)
		}
		p.children = append(p.children, kids...)
		n.Children.End = int32(len(p.children))
		p.buildRequired(n, kids)
		p.buildDispatches(n, kids, g > 0)
	}
}

// buildRequired lists the children that must be present. UNH and UNT frame the message and the first segment of a
// group is what opens it: their absence shows elsewhere.
func (p *Pack) buildRequired(n *Node, kids []int32) {
	n.Required.First = int32(len(p.required))
	for i, k := range kids {
		kid := &p.Nodes[k]
		if !kid.Status.Required() || kid.Tag == edifact.UNH || kid.Tag == edifact.UNT || i == 0 && n.Parent >= 0 {
			continue
		}
		p.required = append(p.required, k)
	}
	n.Required.End = int32(len(p.required))
	slices.SortStableFunc(p.required[n.Required.First:], func(a, b int32) int {
		return cmp.Compare(p.Nodes[a].Counter, p.Nodes[b].Counter)
	})
}

// buildDispatches groups the children by tag. The trigger of a group (not of the message) opens it and is found in
// the group around.
func (p *Pack) buildDispatches(n *Node, kids []int32, hasTrigger bool) {
	if hasTrigger {
		kids = kids[1:]
	}
	n.Dispatch.First = int32(len(p.dispatches))
	for i, k := range kids {
		tag := p.Nodes[k].Tag
		if slices.ContainsFunc(kids[:i], func(o int32) bool { return p.Nodes[o].Tag == tag }) {
			continue
		}
		var set []int32
		for _, o := range kids[i:] {
			if p.Nodes[o].Tag == tag {
				set = append(set, o)
			}
		}
		p.dispatches = append(p.dispatches, p.buildDispatch(tag, set))
		p.dispTags = append(p.dispTags, tag)
	}
	n.Dispatch.End = int32(len(p.dispatches))
}

func (p *Pack) buildDispatch(tag edifact.Tag, set []int32) Dispatch {
	d := Dispatch{Tag: tag}
	votes := map[place]int{}
	for _, k := range set {
		if at, ok := p.qualifier(k); ok {
			votes[at]++
			if n := votes[at]; n > votes[place{d.Element, d.Component}] || d.Element == 0 {
				d.Element, d.Component = at.element, at.component
			}
		}
	}
	type entry struct {
		key  uint64
		node int32
	}
	var entries []entry
	d.Wild.First = int32(len(p.wild))
	for _, k := range set {
		t, ok := p.testAt(k, place{d.Element, d.Component})
		switch {
		case d.Element == 0 || !ok || t.Kind == OneOrNone:
			p.wild = append(p.wild, k)
		case t.Kind == None:
			entries = append(entries, entry{0, k})
		default:
			for _, key := range p.codeKeys[t.Codes.First:t.Codes.End] {
				entries = append(entries, entry{key, k})
			}
		}
		p.buildTests(k, set)
		n := &p.Nodes[k]
		n.Plain = n.Tests.Len() == 1 && p.tests[n.Tests.First] == t && t.Kind == OneOf
	}
	d.Wild.End = int32(len(p.wild))
	slices.SortStableFunc(entries, func(a, b entry) int { return cmp.Compare(a.key, b.key) })
	d.Keys.First = int32(len(p.dispKeys))
	for _, e := range entries {
		p.dispKeys = append(p.dispKeys, e.key)
		p.dispNodes = append(p.dispNodes, e.node)
	}
	d.Keys.End = int32(len(p.dispKeys))
	return d
}

// buildTests finds the tests of one node among its siblings.
func (p *Pack) buildTests(k int32, set []int32) {
	n := &p.Nodes[k]
	n.Tests.First = int32(len(p.tests))
	own := p.places(k)
	if at, ok := p.qualifier(k); ok {
		t, _ := p.testAt(k, at)
		p.tests = append(p.tests, t)
	}
	for _, o := range set {
		if o == k {
			continue
		}
		excluded := func(t Test) bool {
			other, ok := p.testAt(o, place{t.Element, t.Component})
			return ok && p.excludes(t, other)
		}
		if slices.ContainsFunc(p.tests[n.Tests.First:], excluded) {
			continue
		}
		for _, at := range append(slices.Clone(own), p.places(o)...) {
			if t, ok := p.testAt(k, at); ok && excluded(t) {
				p.tests = append(p.tests, t)
				break
			}
		}
	}
	n.Tests.End = int32(len(p.tests))
}
