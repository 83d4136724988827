package edifact

import "bytes"

// Segment is a view of one segment: its tag and its data elements. It points into the buffer of the Reader or
// Message it came from; a Segment of a Reader is valid until the next call to Next, one of a Message until the
// Message is read into again.
//
// Elements and components are counted as CONTRL counts them: element 1 is the tag, the first data element is 2,
// components start at 1. What was not sent is empty: indexes beyond the end return nil, never panic.
type Segment struct {
	raw    []byte   // from the tag up to, not including, the terminator
	ends   []uint32 // per component: end in raw, shifted left by one; low bit: a release character is inside
	elems  []uint32 // per element, tag included: number of components up to and including it
	svc    ServiceChars
	arena  *[]byte // where values with release characters are decoded to
	tag    Tag
	number int   // in the message, UNH = 1; 0 outside
	msg    int   // message in the interchange, from 1; 0 outside
	offset int64 // of raw in the input
}

// Tag returns the segment's tag, 0 if it is not three upper-case letters.
func (s *Segment) Tag() Tag { return s.tag }

// Number returns the position in the message, UNH = 1 (DE 0096); 0 outside messages.
func (s *Segment) Number() int { return s.number }

// Message returns which message of the interchange this segment belongs to, from 1; 0 outside messages.
func (s *Segment) Message() int { return s.msg }

// Offset returns the byte offset of the tag in the input.
func (s *Segment) Offset() int64 { return s.offset }

// Raw returns the bytes from the tag up to, not including, the terminator, as received.
func (s *Segment) Raw() []byte { return s.raw }

// Service returns the service characters in force.
func (s *Segment) Service() ServiceChars { return s.svc }

// Elements returns the number of elements including the tag; trailing empty ones count if they were sent.
func (s *Segment) Elements() int { return len(s.elems) }

// Components returns the number of components of element e (1 for a simple element, also an empty one);
// 0 if the element was not sent.
func (s *Segment) Components(e int) int {
	if uint(e-1) >= uint(len(s.elems)) {
		return 0
	}
	if e == 1 {
		return int(s.elems[0])
	}
	return int(s.elems[e-1] - s.elems[e-2])
}

// index returns the place of (e, c) in ends, or -1.
func (s *Segment) index(e, c int) int {
	if uint(e-1) >= uint(len(s.elems)) || c < 1 {
		return -1
	}
	i := c - 1
	if e > 1 {
		i += int(s.elems[e-2])
	}
	if i >= int(s.elems[e-1]) {
		return -1
	}
	return i
}

// span returns start and end in raw of the component at index i of ends.
func (s *Segment) span(i int) (int, int) {
	start := 0
	if i > 0 {
		start = int(s.ends[i-1]>>1) + 1
	}
	return start, int(s.ends[i] >> 1)
}

// RawComponent returns component c of element e as sent, release characters included.
func (s *Segment) RawComponent(e, c int) []byte {
	i := s.index(e, c)
	if i < 0 {
		return nil
	}
	start, end := s.span(i)
	return s.raw[start:end:end]
}

// Value returns component c of element e without release characters, in the character set of the
// interchange. The result must not be changed and is valid as long as the segment.
func (s *Segment) Value(e, c int) []byte {
	i := s.index(e, c)
	if i < 0 {
		return nil
	}
	start, end := s.span(i)
	if s.ends[i]&1 == 0 {
		return s.raw[start:end:end]
	}
	return s.decode(s.raw[start:end])
}

// decode removes release characters into the arena. Earlier values stay valid: append either writes behind
// them or moves to a new array.
func (s *Segment) decode(b []byte) []byte {
	if s.arena == nil {
		return AppendUnescaped(nil, b, s.svc)
	}
	n := len(*s.arena)
	*s.arena = AppendUnescaped(*s.arena, b, s.svc)
	return (*s.arena)[n:len(*s.arena):len(*s.arena)]
}

// Text returns component c of element e as UTF-8.
func (s *Segment) Text(e, c int) string { return Latin1String(s.Value(e, c)) }

// Is reports whether component c of element e is exactly v (without release characters).
func (s *Segment) Is(e, c int, v string) bool { return string(s.Value(e, c)) == v }

// Empty reports whether component c of element e was not sent, is empty or holds only spaces.
//
// Spec: EDI@Energy Allgemeine Festlegungen 6.10 (spaces at the ends are not transferred)
func (s *Segment) Empty(e, c int) bool {
	return len(bytes.TrimLeft(s.RawComponent(e, c), " ")) == 0
}

// Position returns the position of the whole segment.
func (s *Segment) Position() Position {
	return Position{Offset: s.offset, Length: len(s.raw), Message: s.msg, Segment: s.number, Tag: s.tag}
}

// ElementPosition returns the position of element e, or, if it was not sent, of the place where it is missing.
func (s *Segment) ElementPosition(e int) Position {
	p := s.Position()
	p.Element = e
	n := s.Components(e)
	if n == 0 {
		p.Offset, p.Length = s.offset+int64(len(s.raw)), 0
		return p
	}
	start, _ := s.span(s.index(e, 1))
	_, end := s.span(s.index(e, n))
	p.Offset, p.Length = s.offset+int64(start), end-start
	return p
}

// ComponentPosition returns the position of component c of element e, or of the place where it is missing.
func (s *Segment) ComponentPosition(e, c int) Position {
	i := s.index(e, c)
	p := s.ElementPosition(e)
	p.Component = c
	if i < 0 {
		p.Offset, p.Length = p.Offset+int64(p.Length), 0
		return p
	}
	start, end := s.span(i)
	p.Offset, p.Length = s.offset+int64(start), end-start
	return p
}
