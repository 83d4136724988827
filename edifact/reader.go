package edifact

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
)

// Default limits of a Reader.
const (
	DefaultMaxMessageBytes = 64 << 20 // one message, UNH to UNT
	DefaultMaxSegmentBytes = 1 << 20  // one segment; the longest that any message of the market allows is about 3 kB
	DefaultMaxFaults       = 1000     // syntax errors kept; further ones are counted
)

const (
	readSize  = 64 << 10 // the buffer's first size; it grows only for longer segments
	blockSize = 64       // bytes per mask, see scan.go
	maxFound  = 40       // characters of the input quoted in a SyntaxError
)

// Options bound and configure a Reader. The zero value gives the defaults.
type Options struct {
	MaxMessageBytes int64 // 0: DefaultMaxMessageBytes; at most 2 GiB
	MaxSegmentBytes int   // 0: DefaultMaxSegmentBytes; at most 1 GiB
	MaxFaults       int   // 0: DefaultMaxFaults

	// Strict makes a release character before an ordinary character an error instead of a tolerated fault.
	Strict bool
	// Concatenated allows several interchanges in one input. Without it a second UNB is a fault and what
	// follows is skipped.
	Concatenated bool
}

// Reader reads the segments of an EDIFACT interchange from a stream and checks the syntax as it goes. It holds
// one segment in memory, never the interchange, and does not allocate per segment.
//
// Syntax errors do not stop the Reader: they are collected in Faults, with positions, and reading goes on as far
// as the structure can be followed. Errors returned by Next and NextMessage are failures to read.
// A Reader is not safe for concurrent use.
type Reader struct {
	src  io.Reader
	opts Options

	// The buffer: buf[start:filled] has not been passed on yet, all of it has been scanned.
	buf    []byte
	start  int   // begin of the next segment
	filled int   // end of the bytes read
	origin int64 // offset in the input of buf[0]
	srcErr error // sticky error of src, io.EOF included
	found  scanner
	mark   int // first of found.marks at or behind start
	term   int // index in found.terms of the next terminator
	odd    int // first of found.odds at or behind start
	clear  int // the short way of Next may pass on segments that end before this place

	seg   Segment // the current segment
	arena []byte

	// What has been seen.
	state        state
	interchanges int
	messages     int   // in this interchange
	segments     int   // in this message
	messageStart int64 // offset of UNH
	unb          savedSegment
	unh          savedSegment
	refs         refSet
	grouped      bool // a functional group of this interchange has been reported
	cut          bool // the input ends in the current segment
	strays       bool // the segment before stood outside messages, too
	heldKind     Kind // of the segment outside messages that was held back; 0: none
	heldPos      Position
	held         []byte
	unread       bool // Next returns the current segment once more
	started      bool
	done         bool

	faults     []SyntaxError
	faultCount int
	errorCount int // faults that are not tolerated
}

// state is where in the frame of service segments the Reader is.
type state uint8

const (
	beforeUNB state = iota
	inInterchange
	inMessage
	afterUNZ
)

// NewReader returns a Reader of src.
func NewReader(src io.Reader, opts Options) *Reader {
	r := &Reader{}
	r.Reset(src, opts)
	return r
}

// Reset makes r read src from its beginning, keeping its buffers.
func (r *Reader) Reset(src io.Reader, opts Options) {
	if opts.MaxMessageBytes <= 0 {
		opts.MaxMessageBytes = DefaultMaxMessageBytes
	}
	if opts.MaxSegmentBytes <= 0 {
		opts.MaxSegmentBytes = DefaultMaxSegmentBytes
	}
	opts.MaxMessageBytes = min(opts.MaxMessageBytes, 1<<31) // positions in a Message have 32 bits
	opts.MaxSegmentBytes = min(opts.MaxSegmentBytes, 1<<30)
	if opts.MaxFaults <= 0 {
		opts.MaxFaults = DefaultMaxFaults
	}
	*r = Reader{
		src: src, opts: opts, buf: r.buf, found: r.found, arena: r.arena[:0],
		unb: r.unb.reset(), unh: r.unh.reset(), refs: r.refs, faults: r.faults[:0],
	}
	r.refs.reset()
	r.found.clear()
	r.found.carry = 0
	if size := bufferSize(src); len(r.buf) < size {
		r.buf = make([]byte, size)
	}
	if r.found.svc != DefaultService {
		r.found.setService(DefaultService)
	}
}

// bufferSize is the length of a buffer to read src with: all of it if it says how long it is and is short.
func bufferSize(src io.Reader) int {
	size := readSize
	if s, ok := src.(interface{ Len() int }); ok {
		size = min(size, max(s.Len()+1, blockSize))
	}
	return size + blockSize
}

// Next returns the next segment, service segments included, UNA excepted. It returns io.EOF when the input has
// been read to its end, and other errors only if the source fails. The segment is valid until the next call.
func (r *Reader) Next() (*Segment, error) {
	// The short way for what nearly every segment is: held in the buffer, inside a message, with a regular tag
	// that is no service segment, and nothing to report (see lookAhead).
	if r.term < len(r.found.terms) {
		last := int(r.found.terms[r.term])
		start, end := r.start, int(r.found.marks[last])
		if end < r.clear && end >= start+4 {
			head := binary.LittleEndian.Uint32(r.buf[start:])
			tag := Tag(bits.ReverseBytes32(head) >> 8)
			if upperCase(head) && tag>>8 != 'U'<<8|'N' && byte(head>>24) == r.found.svc.Element {
				if len(r.arena) > 0 {
					r.arena = r.arena[:0]
				}
				r.segments++
				s := &r.seg
				s.start, s.end, s.first, s.last = uint32(start), uint32(end), r.mark, last
				s.tag, s.number, s.offset = tag, r.segments, r.origin+int64(start)
				r.start, r.mark = end+1, last+1
				r.term++
				return s, nil
			}
		}
	}
	return r.nextSlow()
}

// upperCase reports whether the three low bytes are letters from A to Z: adding 0x3F carries into the high bit of a
// byte from A on, adding 0x25 from the character behind Z on.
func upperCase(w uint32) bool {
	return (w|(w&0x7F7F7F+0x252525)|^(w&0x7F7F7F+0x3F3F3F))&0x808080 == 0
}

// nextSlow is Next for everything that needs a closer look.
func (r *Reader) nextSlow() (*Segment, error) {
	if r.unread {
		r.unread = false
		r.lookAhead()
		return &r.seg, nil
	}
	for !r.done {
		ok, err := r.readSegment()
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		ok, err = r.frame()
		r.lookAhead()
		if err != nil {
			return nil, err
		}
		if ok {
			return &r.seg, nil
		}
	}
	r.finish()
	return nil, io.EOF
}

// NextMessage reads the next message into m, from UNH to UNT, or to where it breaks off. It returns io.EOF when
// there is none. Segments outside messages are passed over; they have been reported as faults.
func (r *Reader) NextMessage(m *Message) error {
	for {
		s, err := r.Next()
		if err != nil {
			return err
		}
		if s.tag == UNH && s.msg > 0 {
			break
		}
	}
	m.reset(r.messages, r.found.svc)
	m.add(&r.seg)
	for {
		s, err := r.Next()
		if err == io.EOF {
			return nil // the missing UNT has been reported
		}
		if err != nil {
			return err
		}
		if s.msg != m.index || s.tag == UNH {
			r.unread = true
			r.lookAhead()
			return nil
		}
		m.add(s)
		if s.tag == UNT {
			return nil
		}
	}
}

// UNB returns the header of the interchange being read, or of the last one; nil before the first. It is valid
// until the next UNB is read.
func (r *Reader) UNB() *Segment { return r.unb.segment() }

// Faults returns the syntax errors found so far, in the order of their discovery: at most Options.MaxFaults, and
// the one that ended the reading. The slice is valid until the next call of a method that reads.
func (r *Reader) Faults() []SyntaxError { return r.faults }

// FaultCount returns how many syntax errors were found so far, those beyond Options.MaxFaults included.
func (r *Reader) FaultCount() int { return r.faultCount }

// ErrorCount returns how many of the syntax errors found so far are not tolerated, those beyond
// Options.MaxFaults included.
func (r *Reader) ErrorCount() int { return r.errorCount }

// Interchanges returns how many UNB have been read.
func (r *Reader) Interchanges() int { return r.interchanges }

// Messages returns how many messages of the current interchange have begun.
func (r *Reader) Messages() int { return r.messages }

// Service returns the service characters in force.
func (r *Reader) Service() ServiceChars { return r.found.svc }

// Offset returns how many bytes of the input have been taken.
func (r *Reader) Offset() int64 { return r.origin + int64(r.start) }

// fault records a syntax error. One that ends the reading, and so comes once, is kept beyond the limit.
func (r *Reader) fault(kind Kind, pos Position, found []byte, want string) {
	r.faultCount++
	tolerated := kind == KindLeadingSpace || kind == KindStrayRelease && !r.opts.Strict
	if !tolerated {
		r.errorCount++
	}
	room := r.opts.MaxFaults
	if tolerated {
		room /= 2 // tolerated faults must not push out the others
	}
	if len(r.faults) < room || kinds[kind].code == 0 && !tolerated {
		r.faults = append(r.faults, SyntaxError{Kind: kind, Pos: pos, Found: quote(found), Want: want, Tolerated: tolerated})
	}
}

// stray records a segment outside messages: one fault for all that follow each other. Before the first message it is
// held back, because if none comes at all, that is the fault.
func (r *Reader) stray(kind Kind, pos Position, found []byte) {
	switch {
	case r.strays:
		return
	case r.messages == 0:
		r.held = append(r.held[:0], found[:min(len(found), maxFound+1)]...)
		r.heldKind, r.heldPos = kind, pos
	default:
		r.fault(kind, pos, found, "UNH")
	}
	r.strays = true
}

// release records the segment outside messages that was held back.
func (r *Reader) release() {
	if r.heldKind != 0 {
		r.fault(r.heldKind, r.heldPos, r.held, "UNH")
	}
	r.heldKind = 0
}

// quote cuts and converts bytes of the input for a message to people.
func quote(b []byte) string {
	if len(b) > maxFound {
		return Latin1String(b[:maxFound]) + "…"
	}
	return Latin1String(b)
}

// readSegment reads up to the next terminator and fills r.seg. It returns false at the end of the input or when
// nothing more can be read.
func (r *Reader) readSegment() (bool, error) {
	if !r.started {
		if ok, err := r.begin(); !ok {
			return false, err
		}
	}
	if r.peek() <= ' ' {
		if err := r.skipBreaks(); err != nil {
			return false, err
		}
	}
	if r.state == afterUNZ {
		if ok, err := r.between(); !ok {
			return false, err
		}
	}
	for r.term >= len(r.found.terms) {
		if ok, err := r.more(); err != nil {
			return false, err
		} else if !ok {
			return r.lastSegment(), nil
		}
	}
	last := int(r.found.terms[r.term])
	end := int(r.found.marks[last])
	r.setSegment(end, last)
	if r.odd < len(r.found.odds) && int(r.found.odds[r.odd].pos) < end {
		r.oddOctets()
	}
	r.start = end + 1
	r.mark = last + 1
	r.term++
	return true, nil
}

// lookAhead works out up to where the short way of Next may go: not beyond the next odd octet, the limit of the message
// or of the segment, and nowhere outside messages.
func (r *Reader) lookAhead() {
	r.clear = 0
	if r.state != inMessage || r.unread {
		return
	}
	limit := min(r.messageStart+r.opts.MaxMessageBytes-r.origin, int64(r.start+r.opts.MaxSegmentBytes))
	if r.odd < len(r.found.odds) {
		limit = min(limit, int64(r.found.odds[r.odd].pos))
	}
	r.clear = int(max(limit, 0))
}

// setSegment makes r.seg the segment buf[start:end], which ends with the given mark.
func (r *Reader) setSegment(end, last int) {
	start := r.start
	r.arena = r.arena[:0]
	s := &r.seg
	r.lend()
	s.start, s.end, s.first, s.last = uint32(start), uint32(end), r.mark, last
	s.svc, s.arena = r.found.svc, &r.arena
	s.offset = r.origin + int64(start)
	s.tag, s.number, s.msg = 0, 0, 0
	if b := r.buf[start:end]; len(b) >= 3 && int(r.found.marks[r.mark])-start == 3 && (len(b) == 3 || b[3] == r.found.svc.Element) {
		s.tag = packTag(b[0], b[1], b[2])
	}
}

// lend points the current segment to the buffer and the marks. It must be called whenever they have changed.
func (r *Reader) lend() { r.seg.buf, r.seg.marks = r.buf, r.found.marks }

// place gives a segment that has not passed frame yet the position it will have. It has no message if it stands outside
// messages.
func (r *Reader) place(s *Segment) Position {
	p := s.Position()
	switch {
	case s.tag == UNH:
		p.Message, p.Segment = r.messages+1, 1
	case r.state == inMessage && s.tag != UNZ && s.tag != UNB && s.tag != UNG && s.tag != UNE:
		p.Message, p.Segment = r.messages, r.segments+1
	}
	return p
}

// belongs reports whether a segment at that place is part of the interchange at all. One that is not is the fault
// itself, whatever it holds.
func belongs(p Position) bool { return p.Message > 0 || p.Tag == UNB || p.Tag == UNZ }

// oddOctets reports the octets of the current segment that are outside the repertoire or needlessly released:
// one finding for each component.
func (r *Reader) oddOctets() {
	s := &r.seg
	p := r.place(s)
	if !belongs(p) {
		for r.odd < len(r.found.odds) && r.found.odds[r.odd].pos < s.end {
			r.odd++
		}
		return
	}
	list := r.found.odds[r.odd:]
	stop := s.start - 1
	for at, raw := range s.All() {
		stop += 1 + uint32(len(raw))
		reported := false
		for len(list) > 0 && list[0].pos < stop {
			o := list[0]
			list = list[1:]
			r.odd++
			if reported {
				continue
			}
			reported = true
			b := r.buf[o.pos]
			p.Element, p.Component = at.Element, at.Component
			p.Offset, p.Length = r.origin+int64(o.pos), 1
			if o.released {
				p.Offset, p.Length = p.Offset-1, 2
			}
			switch {
			case o.released && validOctet(b):
				r.fault(KindStrayRelease, p, r.buf[o.pos-1:o.pos+1], "")
			case o.released:
				r.fault(KindRelease, p, nil, "")
				r.noteOctet(b)
			default:
				r.fault(KindOctet, p, nil, "")
				r.noteOctet(b)
			}
		}
	}
}

// noteOctet writes the hexadecimal form of b into the last fault, if it was kept.
func (r *Reader) noteOctet(b byte) {
	if r.faultCount == len(r.faults) { // none was dropped
		r.faults[len(r.faults)-1].Found = fmt.Sprintf("0x%02X", b)
	}
}

// lastSegment deals with what stands behind the last terminator at the end of the input. It returns false if
// there is nothing that can be used.
func (r *Reader) lastSegment() bool {
	if r.done || len(bytes.Trim(r.buf[r.start:r.filled], " \r\n")) == 0 {
		return false
	}
	end := r.filled
	r.buf[end] = r.found.svc.Terminator // behind what was read; a segment is always followed by one
	r.found.marks = append(r.found.marks, uint32(end))
	r.setSegment(end, len(r.found.marks)-1)
	s := &r.seg
	r.oddOctets()
	p := r.place(s)
	r.start = end
	r.mark = len(r.found.marks)
	if !belongs(p) {
		return false // that UNZ is missing says it all
	}
	r.cut = true
	r.fault(KindUnterminated, p, s.Raw(), string([]byte{r.found.svc.Terminator}))
	return s.tag>>8 == 'U'<<8|'N' // what is left of another segment says nothing
}

// tooLong reports that a limit was exceeded and skips the rest of the input.
func (r *Reader) tooLong(kind Kind, limit int64) error {
	p := Position{Offset: r.origin + int64(r.start), Length: int(min(limit, 1<<30)), Tag: r.nearest()}
	switch {
	case kind == KindMessageTooLong:
		p = Position{Offset: r.messageStart, Message: r.messages, Segment: 1, Tag: UNH}
	case r.state == inMessage:
		p.Message, p.Segment, p.Tag = r.messages, r.segments+1, 0
	}
	r.fault(kind, p, nil, fmt.Sprintf("at most %d bytes", limit))
	return r.skipRest()
}

// skipRest reads the input to its end without looking at it.
func (r *Reader) skipRest() error {
	r.done = true
	for {
		r.origin += int64(r.filled)
		r.start, r.filled = 0, 0
		n, err := r.fill()
		if err != nil {
			return err
		}
		if n == 0 {
			return nil
		}
	}
}
