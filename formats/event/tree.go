package event

import (
	"slices"

	"github.com/marktbote/marktbote/edifact"
)

// instance is a segment group of a message with the segments that stand in it.
type instance struct {
	group    *group
	segments []int // numbers; the one that opens the group first
	below    []*instance
}

// span is a range of segments, both ends included.
type span struct{ first, last int }

// tree puts the segments of ranges into their groups. It does not judge: a segment that no open group has stands in the
// message itself.
func (t *table) tree(m *edifact.Message, ranges ...span) *instance {
	root := &instance{group: t.root}
	open := []*instance{root}
	behind := false
	for _, r := range ranges {
		for n := r.first; n <= r.last; n++ {
			tag := m.Tag(n)
			if tag == edifact.UNS {
				behind, open = true, open[:1]
			}
			open = place(open, n, tag, behind)
		}
	}
	return root
}

// place adds a segment to the innermost open group that has it or a group it opens; it returns the groups open then.
func place(open []*instance, n int, tag edifact.Tag, behind bool) []*instance {
	for i, in := range slices.Backward(open) {
		for _, g := range in.group.children {
			if g.trigger == tag && (g.behind == behind || in.group.parent != nil) {
				next := &instance{group: g, segments: []int{n}}
				in.below = append(in.below, next)
				return append(open[:i+1], next)
			}
		}
		if slices.Contains(in.group.segments, tag) {
			in.segments = append(in.segments, n)
			return open[:i+1]
		}
	}
	open[0].segments = append(open[0].segments, n)
	return open[:1]
}
