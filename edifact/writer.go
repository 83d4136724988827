package edifact

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Writer writes an interchange: it escapes values, cuts off spaces at their ends and empty elements at the end, and counts
// segments and messages. Errors are sticky: after the first one every call returns it and nothing more is written.
//
//	w := edifact.NewWriter(out, edifact.DefaultService)
//	w.UNA()
//	w.Segment("UNB", edifact.C("UNOC", "3"), edifact.C("9900123400007", "500"), ...)
//	w.BeginMessage("1", edifact.C("UTILMD", "D", "11A", "UN", "S2.2"))
//	w.Segment("BGM", edifact.C("E01"), edifact.C("DOC1"))
//	w.EndMessage()
//	w.EndInterchange()
//	err := w.Flush()
//
// Text is UTF-8 and leaves as ISO 8859-1; a character that UNOC cannot carry is a *CharsetError. A Writer is not
// safe for concurrent use.
type Writer struct {
	dst      io.Writer
	svc      ServiceChars
	buf      []byte
	err      error
	control  []byte // UNB 0020, escaped
	open     bool   // between UNB and UNZ
	inMsg    bool
	ref      string
	segments int
	messages int
}

// flushAt is the size at which the Writer hands its buffer on.
const flushAt = 64 << 10

// C is one data element: its components. A simple element has one.
func C(components ...string) []string { return components }

// NewWriter returns a Writer to dst that uses the given service characters. It panics if they cannot serve.
func NewWriter(dst io.Writer, svc ServiceChars) *Writer {
	if i := svc.problem(); i >= 0 {
		panic(fmt.Sprintf("edifact: service character %d cannot serve", i+1))
	}
	return &Writer{dst: dst, svc: svc}
}

// UNA writes the service string advice. It is needed if the service characters are not the default ones.
func (w *Writer) UNA() error {
	if w.err == nil {
		una := w.svc.una()
		w.buf = append(w.buf, una[:]...)
	}
	return w.err
}

// Segment writes one segment. UNB begins the interchange; UNH, UNT and UNZ have their own methods because their
// counters and references are the Writer's business.
func (w *Writer) Segment(tag string, elements ...[]string) error {
	if w.err != nil {
		return w.err
	}
	switch t := MakeTag(tag); {
	case t == 0:
		return w.fail(fmt.Errorf("edifact: %q is no segment tag", tag))
	case t == UNA || t == UNH || t == UNT || t == UNZ:
		return w.fail(fmt.Errorf("edifact: %s has a method of its own", tag))
	case t == UNB && w.open:
		return w.fail(errors.New("edifact: UNB inside an interchange"))
	case t != UNB && !w.inMsg:
		return w.fail(fmt.Errorf("edifact: segment %s outside a message", tag))
	}
	return w.segment(tag, elements)
}

func (w *Writer) segment(tag string, elements [][]string) error {
	begin := len(w.buf)
	w.buf = append(w.buf, tag...)
	keep := len(w.buf) // up to the last component that is not empty
	for i, components := range elements {
		w.buf = append(w.buf, w.svc.Element)
		start := len(w.buf)
		for j, c := range components {
			if j > 0 {
				w.buf = append(w.buf, w.svc.Component)
			}
			if c = strings.Trim(c, " "); c == "" {
				continue
			}
			if err := w.value(c); err != nil {
				w.buf = w.buf[:begin]
				return w.fail(fmt.Errorf("edifact: %s element %d component %d: %w", tag, i+2, j+1, err))
			}
			keep = len(w.buf)
		}
		if keep >= start {
			w.buf = w.buf[:keep] // components at the end of the composite
		} else {
			w.buf = w.buf[:start]
		}
		if tag == "UNB" && i == 4 {
			w.control = append([]byte(nil), w.buf[start:]...)
		}
	}
	w.buf = append(w.buf[:keep], w.svc.Terminator)
	w.segments++
	if tag == "UNB" {
		w.open, w.messages = true, 0
	}
	return w.flushFull()
}

// value appends an escaped value.
func (w *Writer) value(text string) error {
	for i, r := range text {
		if r > 0xFF || !validOctet(byte(r)) {
			return &CharsetError{Rune: r, Offset: i}
		}
		b := byte(r)
		if w.svc.special(b) {
			if w.svc.Release == 0 {
				return fmt.Errorf("edifact: %q needs a release character and there is none", r)
			}
			w.buf = append(w.buf, w.svc.Release)
		}
		w.buf = append(w.buf, b)
	}
	return nil
}

// Copy writes a segment as it was read, byte for byte, and counts it. The service characters must be the
// Writer's; UNB, UNH, UNT and UNZ are allowed and keep their own counters and references.
func (w *Writer) Copy(s *Segment) error {
	if w.err != nil {
		return w.err
	}
	if s.svc != w.svc {
		return w.fail(errors.New("edifact: segment has other service characters than the writer"))
	}
	w.buf = append(append(w.buf, s.Raw()...), w.svc.Terminator)
	return w.flushFull()
}

// BeginMessage writes UNH with a simple reference and the components of S009 and whatever elements follow.
func (w *Writer) BeginMessage(ref string, identifier []string, more ...[]string) error {
	switch {
	case w.err != nil:
		return w.err
	case !w.open:
		return w.fail(errors.New("edifact: UNH outside an interchange"))
	case w.inMsg:
		return w.fail(errors.New("edifact: UNH inside a message"))
	}
	w.inMsg, w.segments, w.ref = true, 0, ref
	w.messages++
	return w.segment("UNH", append([][]string{{ref}, identifier}, more...))
}

// EndMessage writes UNT with the number of segments and the message's reference.
func (w *Writer) EndMessage() error {
	switch {
	case w.err != nil:
		return w.err
	case !w.inMsg:
		return w.fail(errors.New("edifact: UNT outside a message"))
	}
	w.inMsg = false
	return w.segment("UNT", [][]string{{strconv.Itoa(w.segments + 1)}, {w.ref}})
}

// EndInterchange writes UNZ with the number of messages and the reference of UNB.
func (w *Writer) EndInterchange() error {
	switch {
	case w.err != nil:
		return w.err
	case !w.open:
		return w.fail(errors.New("edifact: UNZ outside an interchange"))
	case w.inMsg:
		return w.fail(errors.New("edifact: UNZ inside a message"))
	}
	w.open = false
	w.buf = append(w.buf, "UNZ"...)
	w.buf = append(w.buf, w.svc.Element)
	w.buf = strconv.AppendInt(w.buf, int64(w.messages), 10)
	w.buf = append(w.buf, w.svc.Element)
	w.buf = append(append(w.buf, w.control...), w.svc.Terminator)
	return w.flushFull()
}

// Flush hands everything written so far to the destination.
func (w *Writer) Flush() error {
	if w.err != nil || len(w.buf) == 0 {
		return w.err
	}
	n, err := w.dst.Write(w.buf)
	if err == nil && n < len(w.buf) {
		err = io.ErrShortWrite
	}
	w.buf = w.buf[:0]
	if err != nil {
		return w.fail(fmt.Errorf("edifact: write: %w", err))
	}
	return nil
}

func (w *Writer) flushFull() error {
	if len(w.buf) < flushAt {
		return nil
	}
	return w.Flush()
}

func (w *Writer) fail(err error) error {
	w.err = err
	return err
}
