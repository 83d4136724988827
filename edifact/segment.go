package edifact

import (
	"bytes"
	"iter"
)

// Segment is a view of one segment: its tag and its data elements. It points into the buffer of the Reader or
// Message it came from; a Segment of a Reader is valid until the next call to Next, one of a Message until the
// Message is read into again.
//
// Elements and components are counted as CONTRL counts them: element 1 is the tag, the first data element is 2,
// components start at 1. What was not sent is empty: indexes beyond the end return nil, never panic.
type Segment struct {
	buf    []byte   // holds the segment and its terminator
	marks  []uint32 // ends of components in buf
	start  uint32   // of the segment in buf
	end    uint32   // of the segment in buf, where the terminator stands
	first  int      // in marks, of this segment
	last   int      // in marks, of this segment
	svc    ServiceChars
	tag    Tag
	number int     // in the message, UNH = 1; 0 outside
	msg    int     // message in the interchange, from 1; 0 outside
	offset int64   // of the segment in the input
	arena  *[]byte // where values with release characters are decoded to
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
func (s *Segment) Raw() []byte { return s.buf[s.start:s.end:s.end] }

// Service returns the service characters in force.
func (s *Segment) Service() ServiceChars { return s.svc }

// Place numbers a component: Element as CONTRL counts (the tag is 1), Component from 1.
type Place struct{ Element, Component int }

// All goes over all components of the segment in order, the tag first, as sent (release characters included). It
// is the fastest way to see a whole segment.
func (s *Segment) All() iter.Seq2[Place, []byte] {
	return func(yield func(Place, []byte) bool) {
		buf, plus := s.buf, s.svc.Element
		start := s.start
		at := Place{1, 1}
		for _, end := range s.marks[s.first : s.last+1] {
			if !yield(at, buf[start:end]) {
				return
			}
			next := 0 // 1 if the next component begins an element; kept free of branches
			if buf[end] == plus {
				next = 1
			}
			at.Element += next
			at.Component = at.Component&(next-1) + 1
			start = end + 1
		}
	}
}

// Elements returns the number of elements including the tag; trailing empty ones count if they were sent.
func (s *Segment) Elements() int {
	n := 1
	for _, m := range s.marks[s.first:s.last] {
		if s.buf[m] == s.svc.Element {
			n++
		}
	}
	return n
}

// element returns the index in marks of the first component of element e and the number of its components; 0
// components if it was not sent.
func (s *Segment) element(e int) (first, n int) {
	if e < 1 {
		return 0, 0
	}
	first = s.first
	for i := s.first; i < s.last; i++ {
		if s.buf[s.marks[i]] == s.svc.Element {
			if e--; e == 0 {
				return first, i - first + 1
			}
			first = i + 1
		}
	}
	if e > 1 {
		return 0, 0
	}
	return first, s.last - first + 1
}

// Components returns the number of components of element e (1 for a simple element, also an empty one);
// 0 if the element was not sent.
func (s *Segment) Components(e int) int {
	_, n := s.element(e)
	return n
}

// index returns the place of (e, c) in marks, or -1.
func (s *Segment) index(e, c int) int {
	first, n := s.element(e)
	if c < 1 || c > n {
		return -1
	}
	return first + c - 1
}

// span returns start and end in buf of the component at index i of marks.
func (s *Segment) span(i int) (uint32, uint32) {
	if i == s.first {
		return s.start, s.marks[i]
	}
	return s.marks[i-1] + 1, s.marks[i]
}

// RawComponent returns component c of element e as sent, release characters included.
func (s *Segment) RawComponent(e, c int) []byte {
	i := s.index(e, c)
	if i < 0 {
		return nil
	}
	start, end := s.span(i)
	return s.buf[start:end:end]
}

// Value returns component c of element e without release characters and without spaces at its ends, in the character
// set of the interchange. The result must not be changed and is valid as long as the segment.
//
// Spec: Allgemeine Festlegungen 6.1 6.10 (spaces at the ends are not transferred)
func (s *Segment) Value(e, c int) []byte {
	b := s.RawComponent(e, c)
	if bytes.IndexByte(b, s.svc.Release) >= 0 && s.svc.Release != 0 {
		b = s.decode(b)
	}
	if n := len(b); n == 0 || b[0] != ' ' && b[n-1] != ' ' {
		return b
	}
	return bytes.Trim(b, " ")
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

// Text returns Value as UTF-8.
func (s *Segment) Text(e, c int) string { return Latin1String(s.Value(e, c)) }

// Is reports whether Value is exactly v.
func (s *Segment) Is(e, c int, v string) bool { return string(s.Value(e, c)) == v }

// Empty reports whether component c of element e was not sent, is empty or holds only spaces.
//
// Spec: Allgemeine Festlegungen 6.1 6.10 (spaces at the ends are not transferred)
func (s *Segment) Empty(e, c int) bool {
	return len(bytes.TrimLeft(s.RawComponent(e, c), " ")) == 0
}

// Position returns the position of the whole segment.
func (s *Segment) Position() Position {
	return Position{Offset: s.offset, Length: int(s.end - s.start), Message: s.msg, Segment: s.number, Tag: s.tag}
}

// ElementPosition returns the position of element e, or, if it was not sent, of the place where it is missing.
func (s *Segment) ElementPosition(e int) Position {
	p := s.Position()
	p.Element = e
	first, n := s.element(e)
	if n == 0 {
		p.Offset, p.Length = s.offset+int64(p.Length), 0
		return p
	}
	start, _ := s.span(first)
	_, end := s.span(first + n - 1)
	p.Offset, p.Length = s.offset+int64(start-s.start), int(end-start)
	return p
}

// ComponentPosition returns the position of component c of element e, or of the place where it is missing.
func (s *Segment) ComponentPosition(e, c int) Position {
	p := s.ElementPosition(e)
	p.Component = c
	i := s.index(e, c)
	if i < 0 {
		p.Offset, p.Length = p.Offset+int64(p.Length), 0
		return p
	}
	start, end := s.span(i)
	p.Offset, p.Length = s.offset+int64(start-s.start), int(end-start)
	return p
}
