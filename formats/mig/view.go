package mig

import "github.com/marktbote/marktbote/edifact"

// view is a segment with its components laid out, so that any of them is found at once. It points into the message.
type view struct {
	msg   *edifact.Message
	n     int
	tag   edifact.Tag
	raw   [][]byte // all components in order, as sent
	first []int32  // per element its first component in raw, and one entry for the end
}

// load lays out segment n of a message.
func (v *view) load(m *edifact.Message, n int) {
	seg := m.Segment(n)
	v.msg, v.n, v.tag = m, n, seg.Tag()
	raw, first := v.raw[:0], v.first[:0]
	for at, component := range seg.All() {
		if at.Component == 1 {
			first = append(first, int32(len(raw)))
		}
		raw = append(raw, component)
	}
	v.raw, v.first = raw, append(first, int32(len(raw)))
}

// segment returns the segment itself.
func (v *view) segment() edifact.Segment { return v.msg.Segment(v.n) }

// Elements returns the number of elements including the tag.
func (v *view) Elements() int { return len(v.first) - 1 }

// Components returns the number of components of element e.
func (v *view) Components(e int) int { return len(v.element(e)) }

// RawComponent returns component c of element e as sent.
func (v *view) RawComponent(e, c int) []byte {
	if raw := v.element(e); uint(c-1) < uint(len(raw)) {
		return raw[c-1]
	}
	return nil
}

// element returns the components of element e.
func (v *view) element(e int) [][]byte {
	if uint(e-1) >= uint(len(v.first)-1) {
		return nil
	}
	return v.raw[v.first[e-1]:v.first[e]]
}
