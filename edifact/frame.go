package edifact

import (
	"bytes"
	"hash/maphash"
	"math"
	"strconv"
)

// This file follows the frame of service segments: where an interchange begins, which message a segment belongs
// to, and whether counters and references agree.
//
// Spec: ISO 9735:1988 (syntax version 3), service segments; CONTRL MIG 2.0b for the codes

// serviceShapes returns the number of components of each element of a service segment, tag included.
//
// Spec: ISO 9735:1988, UNB, UNH, UNT, UNZ
func serviceShapes(tag Tag) string {
	switch tag {
	case UNB:
		return "\x01\x02\x03\x03\x02\x01\x02\x01\x01\x01\x01\x01"
	case UNH:
		return "\x01\x01\x05\x01\x02"
	}
	return "\x01\x01\x01" // UNT, UNZ
}

// begin looks at the first bytes of the input. It returns false if they are not an interchange.
func (r *Reader) begin() (bool, error) {
	r.started = true
	if err := r.ensure(16); err != nil {
		return false, err
	}
	head := r.buf[r.start:r.filled]
	switch {
	case wide(head):
		r.fault(KindWideCharacters, Position{Length: 2}, nil, "UNOC")
		return false, r.skipRest()
	case bytes.HasPrefix(head, []byte("\xEF\xBB\xBF")):
		p := Position{Length: 3, Tag: UNB, Element: 1}
		if bytes.HasPrefix(head[3:], []byte("UNA")) {
			p.Tag = UNA
		}
		r.fault(KindByteOrderMark, p, nil, "")
		r.noteOctet(0xEF)
		r.advance(3)
	}
	if err := r.skipLeading(); err != nil {
		return false, err
	}
	if r.start == r.filled {
		r.fault(KindEmpty, Position{Offset: r.Offset()}, nil, "UNA or UNB")
		r.done = true
		return false, nil
	}
	return r.header(KindNotEDIFACT)
}

// wide reports whether the input begins as UTF-16 or UTF-32.
func wide(b []byte) bool {
	return bytes.HasPrefix(b, []byte{0xFF, 0xFE}) || bytes.HasPrefix(b, []byte{0xFE, 0xFF}) ||
		bytes.HasPrefix(b, []byte{'U', 0}) || bytes.HasPrefix(b, []byte{0, 'U'}) || bytes.HasPrefix(b, []byte{0, 0, 0, 'U'})
}

// skipLeading passes over line breaks and spaces before the first segment.
func (r *Reader) skipLeading() error {
	begin := r.Offset()
	for {
		n := 0
		for _, b := range r.buf[r.start:r.filled] {
			if !isBreak(b) && b != ' ' {
				break
			}
			n++
		}
		r.advance(r.start + n)
		more := r.start == r.filled && r.srcErr == nil
		if err := r.ensure(16); err != nil {
			return err
		}
		if !more {
			break
		}
	}
	if n := r.Offset() - begin; n > 0 && r.start < r.filled {
		r.fault(KindLeadingSpace, Position{Offset: begin, Length: int(min(n, 1<<30))}, nil, "")
	}
	return nil
}

// header reads UNA, if there is one, and expects UNB behind it. If something else stands there it reports kind,
// skips the rest and returns false.
func (r *Reader) header(kind Kind) (bool, error) {
	if err := r.ensure(16); err != nil {
		return false, err
	}
	head := r.buf[r.start:r.filled]
	svc := DefaultService
	if bytes.HasPrefix(head, []byte("UNA")) {
		length := 9
		if svc, length = r.serviceString(head); length < 0 {
			r.start = r.filled
			r.done = true
			return false, r.skipRest()
		}
		r.advance(r.start + length)
	} else if !bytes.HasPrefix(head, []byte("UNB")) {
		p := Position{Offset: r.Offset(), Length: min(len(head), 3)}
		if kind == KindTrailingData {
			p.Tag = UNZ
		}
		r.fault(kind, p, head, "")
		return false, r.skipRest()
	}
	if svc != r.found.svc {
		r.found.setService(svc)
		r.rescan()
	}
	if err := r.skipBreaks(); err != nil || r.peek() != ' ' {
		return true, err
	}
	return true, r.skipLeading()
}

// serviceString reads UNA at the beginning of head. It returns the service characters and the length of UNA, or
// -1 if nothing can be read behind it. Characters that cannot serve are reported, and the defaults are tried.
func (r *Reader) serviceString(head []byte) (ServiceChars, int) {
	p := Position{Offset: r.Offset(), Length: min(len(head), 9), Tag: UNA}
	if len(head) < 9 {
		r.fault(KindServiceChars, p, head, "")
		return DefaultService, -1
	}
	svc := ServiceChars{Component: head[3], Element: head[4], Decimal: head[5], Release: head[6], Reserved: head[7], Terminator: head[8]}
	if svc.Release == ' ' {
		svc.Release = 0
	}
	bad := svc.problem()
	if bad < 0 {
		return svc, 9
	}
	r.fault(KindServiceChars, Position{Offset: p.Offset, Length: 9, Tag: UNA, Element: 2, Component: bad + 1}, head[:9], string([]byte{
		DefaultService.Component, DefaultService.Element, DefaultService.Decimal, DefaultService.Release, ' ', DefaultService.Terminator}))
	if i := bytes.Index(head[:min(len(head), 16)], []byte("UNB")); i > 0 {
		return DefaultService, i
	}
	return DefaultService, 9
}

// between deals with what follows UNZ. It returns false at the end of the input, or when the rest was skipped.
func (r *Reader) between() (bool, error) {
	if err := r.ensure(16); err != nil {
		return false, err
	}
	head := r.buf[r.start:r.filled]
	if len(head) == 0 {
		r.done = true
		return false, nil
	}
	if len(bytes.Trim(head, " ")) == 0 && r.srcErr != nil {
		r.done = true
		return false, nil
	}
	if !r.opts.Concatenated && (bytes.HasPrefix(head, []byte("UNA")) || bytes.HasPrefix(head, []byte("UNB"))) {
		r.fault(KindSecondInterchange, Position{Offset: r.Offset(), Length: 3, Tag: UNZ}, head[:3], "")
		return false, r.skipRest()
	}
	r.state = beforeUNB
	return r.header(KindTrailingData)
}

// frame gives the segment just read its place. It returns false if the segment is not passed on.
func (r *Reader) frame() (bool, error) {
	s := &r.seg
	if int(s.end-s.start) > r.opts.MaxSegmentBytes {
		r.start = int(s.start)
		return false, r.tooLong(KindSegmentTooLong, int64(r.opts.MaxSegmentBytes))
	}
	if r.state == inMessage && s.tag>>8 != 'U'<<8|'N' {
		return r.inMessage()
	}
	if r.state == beforeUNB && s.tag != UNB {
		r.fault(KindNotEDIFACT, s.Position(), s.Raw(), "UNB")
		return false, r.skipRest()
	}
	switch s.tag {
	case UNB:
		return r.beginInterchange()
	case UNH:
		r.beginMessage()
		return true, nil
	case UNT:
		if r.state == inMessage {
			r.endMessage()
			return true, nil
		}
	case UNZ:
		r.endInterchange()
		return true, nil
	case UNG, UNE:
		r.missingUNT()
		if !r.grouped { // one fault, however many groups there are
			r.grouped = true
			p := s.Position()
			p.Tag = UNB
			r.fault(KindFunctionalGroup, p, s.Raw(), "")
		}
		return false, nil
	}
	switch {
	case r.state == inMessage:
		return r.inMessage()
	case s.end == s.start:
		r.stray(KindEmptySegment, r.outside(), nil)
	default:
		r.stray(KindOutsideMessage, r.outside(), s.Raw())
	}
	return false, nil
}

// outside returns the position of a segment outside messages.
func (r *Reader) outside() Position {
	p := r.seg.Position()
	p.Tag = r.nearest()
	return p
}

// nearest returns the segment that CONTRL can name for what stands outside messages.
func (r *Reader) nearest() Tag {
	if r.messages > 0 {
		return UNZ
	}
	return UNB
}

// inMessage counts a segment of a message.
func (r *Reader) inMessage() (bool, error) {
	s := &r.seg
	s.msg, s.number = r.messages, r.segments+1
	if s.offset+int64(s.end-s.start)-r.messageStart >= r.opts.MaxMessageBytes {
		return false, r.tooLong(KindMessageTooLong, r.opts.MaxMessageBytes)
	}
	if s.tag == 0 {
		if s.end == s.start {
			p := s.Position()
			p.Length = 1
			r.fault(KindEmptySegment, p, nil, "")
			return false, nil
		}
		p := s.Position()
		r.fault(KindTag, p, s.RawComponent(1, 1), "")
	}
	r.segments++
	return true, nil
}

// beginInterchange handles UNB.
func (r *Reader) beginInterchange() (bool, error) {
	s := &r.seg
	if r.state == inMessage || r.state == inInterchange {
		r.missingUNT()
		r.release()
		r.fault(KindMissingUNZ, Position{Offset: s.offset, Tag: UNZ}, s.Raw(), "UNZ")
		if !r.opts.Concatenated {
			return false, r.skipRest()
		}
	}
	r.state = inInterchange
	r.interchanges++
	r.messages = 0
	r.strays, r.heldKind, r.grouped = false, 0, false
	r.refs.reset()
	r.unb.save(s)
	r.checkSyntax()
	if s.Empty(6, 1) {
		r.fault(KindMissingElement, s.ElementPosition(6), nil, "")
	}
	r.checkShape()
	return true, nil
}

// checkSyntax checks S001, which names the character set and the version of the syntax.
func (r *Reader) checkSyntax() {
	s := &r.seg
	if s.Empty(2, 1) && s.Empty(2, 2) {
		r.fault(KindMissingElement, s.ElementPosition(2), nil, "")
		return
	}
	check := func(c int, want string, kind Kind) {
		switch {
		case s.Empty(2, c):
			r.fault(KindMissingElement, s.ComponentPosition(2, c), nil, "")
		case !s.Is(2, c, want) && !spoilt(s.RawComponent(2, c)):
			r.fault(kind, s.ComponentPosition(2, c), s.Value(2, c), want)
		}
	}
	check(1, "UNOC", KindSyntaxIdentifier)
	check(2, "3", KindSyntaxVersion)
}

// beginMessage handles UNH.
func (r *Reader) beginMessage() {
	s := &r.seg
	r.missingUNT()
	r.release()
	r.strays = false
	r.state = inMessage
	r.messages++
	r.segments = 1
	r.messageStart = s.offset
	s.msg, s.number = r.messages, 1
	r.unh.save(s)
	ref := s.Value(2, 1)
	switch {
	case s.Empty(2, 1):
		r.fault(KindMissingElement, s.ElementPosition(2), nil, "")
	case !r.refs.add(ref):
		r.fault(KindDuplicateMessage, s.ElementPosition(2), ref, "")
	}
	r.checkShape()
}

// endMessage handles UNT.
func (r *Reader) endMessage() {
	s := &r.seg
	r.segments++
	s.msg, s.number = r.messages, r.segments
	r.state = inInterchange
	r.checkCount(2, r.segments, KindSegmentCount)
	r.checkRef(3, r.unh.segment(), 2, KindMessageRef)
	r.checkShape()
}

// endInterchange handles UNZ.
func (r *Reader) endInterchange() {
	r.missingUNT()
	r.state = afterUNZ
	if r.messages == 0 {
		r.heldKind = 0
		r.fault(KindNoMessage, r.seg.Position(), nil, "UNH")
	} else {
		r.checkCount(2, r.messages, KindInterchangeCount)
	}
	r.checkRef(3, r.unb.segment(), 6, KindInterchangeRef)
	r.checkShape()
}

// missingUNT closes a message that is still open where the current segment stands.
func (r *Reader) missingUNT() {
	if r.state != inMessage {
		return
	}
	r.state = inInterchange
	p := Position{Offset: r.seg.offset, Message: r.messages, Segment: r.segments, Tag: UNT}
	r.fault(KindMissingUNT, p, nil, "UNT")
}

// finish reports what is missing at the end of the input.
func (r *Reader) finish() {
	if r.done || !r.started {
		r.done = true
		return
	}
	r.done = true
	end := r.Offset()
	if r.state == inMessage {
		r.fault(KindMissingUNT, Position{Offset: end, Message: r.messages, Segment: r.segments, Tag: UNT}, nil, "UNT")
	}
	if r.state == beforeUNB {
		r.fault(KindNotEDIFACT, Position{Offset: end}, nil, "UNB")
	}
	r.release()
	if r.state == inMessage || r.state == inInterchange {
		r.state = afterUNZ
		r.fault(KindMissingUNZ, Position{Offset: end, Tag: UNZ}, nil, "UNZ")
	}
}

// maxCounter is the length of a control counter, UNT 0074 and UNZ 0036.
//
// Spec: ISO 9735:1988, UNT, UNZ (n..6)
const maxCounter = 6

// checkCount compares a control counter with what was counted.
func (r *Reader) checkCount(e, counted int, kind Kind) {
	s := &r.seg
	v := s.Value(e, 1)
	n, ok := parseCounter(v)
	switch {
	case !r.usable(e):
	case len(v) == 0:
		r.fault(KindMissingElement, s.ElementPosition(e), nil, "")
	case !ok:
		r.fault(KindCounter, s.ElementPosition(e), v, "")
	case len(v) > maxCounter:
		r.fault(KindTooLong, s.ElementPosition(e), v, "n..6")
	case n != counted:
		r.fault(kind, s.ElementPosition(e), v, strconv.Itoa(counted))
	}
}

// checkRef compares the reference in the trailer with that in element at of the header. If the header has none, or one
// with octets that do not belong there, that has been reported and there is nothing to compare.
func (r *Reader) checkRef(e int, header *Segment, at int, kind Kind) {
	s := &r.seg
	v, want := s.Value(e, 1), header.Value(at, 1)
	switch {
	case !r.usable(e), len(want) == 0, spoilt(header.RawComponent(at, 1)):
	case len(v) == 0:
		r.fault(KindMissingElement, s.ElementPosition(e), nil, "")
	case !bytes.Equal(v, want):
		r.fault(kind, s.ElementPosition(e), v, quote(want))
	}
}

// usable reports whether element e of the trailer is to be judged: not if it holds an octet that does not belong there,
// or if the input ends in it or before it. Both have been reported.
func (r *Reader) usable(e int) bool {
	return !spoilt(r.seg.RawComponent(e, 1)) && (!r.cut || e < r.seg.Elements())
}

// spoilt reports whether a component holds an octet outside the repertoire.
func spoilt(raw []byte) bool {
	for _, b := range raw {
		if !validOctet(b) {
			return true
		}
	}
	return false
}

// checkShape reports elements and components that the service segment does not have. Empty ones at the end are
// tolerated.
func (r *Reader) checkShape() {
	s := &r.seg
	shape := serviceShapes(s.tag)
	reported := 0
	for at, raw := range s.All() {
		if at.Element <= len(shape) && at.Component <= int(shape[at.Element-1]) || len(bytes.TrimLeft(raw, " ")) == 0 {
			continue
		}
		if at.Element > len(shape) {
			r.fault(KindTooManyElements, s.ElementPosition(at.Element), raw, "")
			return
		}
		if at.Element != reported {
			reported = at.Element
			r.fault(KindTooManyComponents, s.ComponentPosition(at.Element, at.Component), raw, "")
		}
	}
}

// parseCounter reads an unsigned number; one that does not fit into an int gives the largest int.
func parseCounter(b []byte) (int, bool) {
	n := 0
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		if n > (math.MaxInt-9)/10 {
			n = math.MaxInt
		} else {
			n = n*10 + int(c-'0')
		}
	}
	return n, len(b) > 0
}

// savedSegment keeps a segment beyond the next read.
type savedSegment struct {
	seg   Segment
	raw   []byte
	marks []uint32
	arena []byte
	set   bool
}

// reset forgets the segment but keeps the memory.
func (c savedSegment) reset() savedSegment {
	return savedSegment{raw: c.raw, marks: c.marks, arena: c.arena}
}

func (c *savedSegment) save(s *Segment) {
	c.raw = append(append(c.raw[:0], s.Raw()...), s.svc.Terminator)
	c.marks = c.marks[:0]
	for _, k := range s.marks[s.first : s.last+1] {
		c.marks = append(c.marks, k-s.start)
	}
	c.arena = c.arena[:0]
	c.seg = *s
	c.seg.buf, c.seg.start, c.seg.end = c.raw, 0, uint32(len(c.raw)-1)
	c.seg.marks, c.seg.first, c.seg.last = c.marks, 0, len(c.marks)-1
	c.seg.arena = &c.arena
	c.set = true
}

func (c *savedSegment) segment() *Segment {
	if !c.set {
		return nil
	}
	return &c.seg
}

// refSet remembers the message references of an interchange without allocating for each.
type refSet struct {
	seed  maphash.Seed
	index map[uint64]ref // by hash
	bytes []byte
}

// ref is a piece of refSet.bytes.
type ref struct{ from, to uint32 }

// maxRefs bounds the memory of refSet. UNZ 0036 counts at most 999,999 messages.
const maxRefs = 1_000_000

// keptRefs is how many references the memory may have held that is used again: emptying it costs as much as it held.
const keptRefs = 1000

func (s *refSet) reset() {
	if s.index == nil || len(s.index) > keptRefs {
		s.index, s.seed = make(map[uint64]ref), maphash.MakeSeed()
	}
	clear(s.index)
	s.bytes = s.bytes[:0]
}

// add returns false if the reference is in the set already. Two different references with one hash are not told
// apart for the later one: it is then not remembered, never wrongly reported.
func (s *refSet) add(b []byte) bool {
	b = b[:min(len(b), 1<<10)]
	h := maphash.Bytes(s.seed, b)
	if at, ok := s.index[h]; ok {
		return !bytes.Equal(s.bytes[at.from:at.to], b)
	}
	if len(s.index) < maxRefs {
		from := uint32(len(s.bytes))
		s.bytes = append(s.bytes, b...)
		s.index[h] = ref{from, uint32(len(s.bytes))}
	}
	return true
}
