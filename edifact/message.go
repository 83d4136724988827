package edifact

// Message is one message, UNH to UNT, kept in memory with the positions of everything in it. It is filled by
// Reader.NextMessage and can be reused: its buffers grow to the largest message and stay. It is not safe for
// concurrent use, not even for reading, because values with release characters are decoded on demand.
type Message struct {
	raw   []byte
	ends  []uint32
	elems []uint32
	segs  []segmentRef
	svc   ServiceChars
	index int
	arena []byte
	fault int // how many syntax errors were found inside the message, UNH and UNT included
}

// segmentRef says where a segment's bytes and positions begin in the Message.
type segmentRef struct {
	raw, ends, elems uint32
	tag              Tag
	offset           int64
}

// reset empties the message for reuse.
func (m *Message) reset(index int, svc ServiceChars) {
	m.raw, m.ends, m.elems, m.segs, m.arena = m.raw[:0], m.ends[:0], m.elems[:0], m.segs[:0], m.arena[:0]
	m.index, m.svc, m.fault = index, svc, 0
}

// add copies a segment.
func (m *Message) add(s *Segment) {
	m.segs = append(m.segs, segmentRef{
		raw: uint32(len(m.raw)), ends: uint32(len(m.ends)), elems: uint32(len(m.elems)), tag: s.tag, offset: s.offset,
	})
	m.raw = append(m.raw, s.raw...)
	m.ends = append(m.ends, s.ends...)
	m.elems = append(m.elems, s.elems...)
}

// Index returns which message of the interchange this is, from 1.
func (m *Message) Index() int { return m.index }

// Len returns the number of segments, UNH and UNT included.
func (m *Message) Len() int { return len(m.segs) }

// Size returns the bytes held for the message's segments, without terminators.
func (m *Message) Size() int { return len(m.raw) }

// Faults returns how many syntax errors the Reader found in this message.
func (m *Message) Faults() int { return m.fault }

// Tag returns the tag of segment n without making a view; n counts from 1 (UNH).
func (m *Message) Tag(n int) Tag { return m.segs[n-1].tag }

// Segment returns a view of segment n, counted from 1 (UNH) as CONTRL does. It panics if there is none.
func (m *Message) Segment(n int) Segment {
	ref := m.segs[n-1]
	raw, ends, elems := uint32(len(m.raw)), uint32(len(m.ends)), uint32(len(m.elems))
	if n < len(m.segs) {
		next := m.segs[n]
		raw, ends, elems = next.raw, next.ends, next.elems
	}
	return Segment{
		raw: m.raw[ref.raw:raw:raw], ends: m.ends[ref.ends:ends:ends], elems: m.elems[ref.elems:elems:elems],
		svc: m.svc, arena: &m.arena, tag: ref.tag, number: n, msg: m.index, offset: ref.offset,
	}
}

// Clone returns a copy that shares nothing with m.
func (m *Message) Clone() *Message {
	c := *m
	c.raw, c.ends, c.elems, c.segs = append([]byte(nil), m.raw...), append([]uint32(nil), m.ends...),
		append([]uint32(nil), m.elems...), append([]segmentRef(nil), m.segs...)
	c.arena = nil
	return &c
}
