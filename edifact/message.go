package edifact

import "slices"

// Message is one message, UNH to UNT, kept in memory with the positions of everything in it. It is filled by
// Reader.NextMessage and can be reused: its buffers grow to the largest message and stay. It is not safe for
// concurrent use, not even for reading, because values with release characters are decoded on demand.
type Message struct {
	raw      []byte
	marks    []uint32     // ends of components in raw; marks[0] is the end of nothing, in front of the first byte
	elements []uint32     // first component of each element, as index in marks
	segs     []segmentRef // and one more for the end
	svc      ServiceChars
	index    int
	arena    []byte
}

// segmentRef says where a segment begins in the lists of the Message.
type segmentRef struct {
	raw, mark, element uint32
	tag                Tag
	offset             int64
}

// reset empties the message for reuse.
func (m *Message) reset(index int, svc ServiceChars) {
	m.raw, m.elements, m.arena = m.raw[:0], append(m.elements[:0], 1), m.arena[:0]
	m.marks = append(m.marks[:0], ^uint32(0))
	m.segs = append(m.segs[:0], segmentRef{mark: 1})
	m.index, m.svc = index, svc
}

// add copies a segment. What is not known yet is where the next one begins, which is the end of this one.
func (m *Message) add(s *Segment) {
	last := &m.segs[len(m.segs)-1]
	last.tag, last.offset = s.tag, s.offset
	shift := last.raw - s.start
	m.raw = append(m.raw, s.buf[s.start:s.end+1]...)
	ends, plus := s.marks[s.first:s.last+1], s.svc.Element
	mark, element := len(m.marks), len(m.elements)
	if cap(m.marks) < mark+len(ends) || cap(m.elements) < element+len(ends) {
		m.marks, m.elements = slices.Grow(m.marks, len(ends)), slices.Grow(m.elements, len(ends))
	}
	m.marks = m.marks[:mark+len(ends)]
	marks, elements := m.marks[mark:], m.elements[element:element+len(ends)]
	found := 0
	for i, end := range ends {
		marks[i] = end + shift
		elements[found] = uint32(mark + i + 1)
		more := 0 // 1 if an element begins behind this component, else the entry is written again; kept free of branches
		if s.buf[end] == plus {
			more = 1
		}
		found += more
	}
	element += found
	m.elements = m.elements[:element+1]
	m.segs = append(m.segs, segmentRef{})
	next := &m.segs[len(m.segs)-1]
	next.raw, next.mark, next.element = uint32(len(m.raw)), uint32(len(m.marks)), uint32(element)
}

// Index returns which message of the interchange this is, from 1.
func (m *Message) Index() int { return m.index }

// Len returns the number of segments, UNH and UNT included.
func (m *Message) Len() int { return max(len(m.segs)-1, 0) }

// Raw returns the segments as sent, each with its terminator, without what stood between them. It must not be changed.
func (m *Message) Raw() []byte { return m.raw }

// Size returns the bytes held for the message's segments.
func (m *Message) Size() int { return len(m.raw) }

// Tag returns the tag of segment n without making a view; n counts from 1 (UNH).
func (m *Message) Tag(n int) Tag { return m.segs[n-1].tag }

// Segment returns a view of segment n, counted from 1 (UNH) as CONTRL does. It panics if there is none.
func (m *Message) Segment(n int) Segment {
	ref, next := &m.segs[n-1], &m.segs[n]
	return Segment{
		buf: m.raw, start: ref.raw, end: next.raw - 1, marks: m.marks, first: int(ref.mark), last: int(next.mark) - 1,
		svc: m.svc, arena: &m.arena, tag: ref.tag, number: n, msg: m.index, offset: ref.offset,
	}
}

// Clone returns a copy that shares nothing with m.
func (m *Message) Clone() *Message {
	c := *m
	c.raw, c.marks, c.elements, c.segs, c.arena = slices.Clone(m.raw), slices.Clone(m.marks), slices.Clone(m.elements), slices.Clone(m.segs), nil
	return &c
}
