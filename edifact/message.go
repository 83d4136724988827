package edifact

import "slices"

// Message is one message, UNH to UNT, kept in memory with the positions of everything in it. It is filled by
// Reader.NextMessage and can be reused: its buffers grow to the largest message and stay. It is not safe for
// concurrent use, not even for reading, because values with release characters are decoded on demand.
type Message struct {
	raw   []byte
	marks []uint32 // positions in raw
	segs  []segmentRef
	svc   ServiceChars
	index int
	arena []byte
}

// segmentRef says where a segment's bytes and marks begin in the Message.
type segmentRef struct {
	raw, marks uint32
	tag        Tag
	offset     int64
}

// reset empties the message for reuse.
func (m *Message) reset(index int, svc ServiceChars) {
	m.raw, m.marks, m.segs, m.arena = m.raw[:0], m.marks[:0], m.segs[:0], m.arena[:0]
	m.index, m.svc = index, svc
}

// add copies a segment.
func (m *Message) add(s *Segment) {
	base := uint32(len(m.raw))
	m.segs = append(m.segs, segmentRef{raw: base, marks: uint32(len(m.marks)), tag: s.tag, offset: s.offset})
	m.raw = append(m.raw, s.Raw()...)
	m.raw = append(m.raw, s.svc.Terminator)
	for _, k := range s.marks[s.first : s.last+1] {
		m.marks = append(m.marks, k-s.start+base)
	}
}

// Index returns which message of the interchange this is, from 1.
func (m *Message) Index() int { return m.index }

// Len returns the number of segments, UNH and UNT included.
func (m *Message) Len() int { return len(m.segs) }

// Size returns the bytes held for the message's segments.
func (m *Message) Size() int { return len(m.raw) }

// Tag returns the tag of segment n without making a view; n counts from 1 (UNH).
func (m *Message) Tag(n int) Tag { return m.segs[n-1].tag }

// Segment returns a view of segment n, counted from 1 (UNH) as CONTRL does. It panics if there is none.
func (m *Message) Segment(n int) Segment {
	ref := m.segs[n-1]
	raw, marks := uint32(len(m.raw)), uint32(len(m.marks))
	if n < len(m.segs) {
		raw, marks = m.segs[n].raw, m.segs[n].marks
	}
	return Segment{
		buf: m.raw, start: ref.raw, end: raw - 1, marks: m.marks, first: int(ref.marks), last: int(marks) - 1,
		svc: m.svc, arena: &m.arena, tag: ref.tag, number: n, msg: m.index, offset: ref.offset,
	}
}

// Clone returns a copy that shares nothing with m.
func (m *Message) Clone() *Message {
	c := *m
	c.raw, c.marks, c.segs, c.arena = slices.Clone(m.raw), slices.Clone(m.marks), slices.Clone(m.segs), nil
	return &c
}
