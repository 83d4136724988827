package ack

import (
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats/calendar"
)

// Answers is a received interchange with CONTRL or APERAK.
type Answers struct {
	Envelope
	Contrls []Contrl
	Aperaks []Aperak
}

// The errors of the parsers.
var (
	ErrOtherType = errors.New("ack: the message is neither CONTRL nor APERAK")
	ErrEmpty     = errors.New("ack: the message does not say what it is about")
)

// Read reads an interchange with answers of a partner. It takes what it finds: whether the content is right is the
// business of package check. Messages of other types are an ErrOtherType; further errors are those of src.
func Read(src io.Reader, opts edifact.Options) (*Answers, error) {
	opts.Concatenated = false
	r := edifact.NewReader(src, opts)
	a := &Answers{}
	var m edifact.Message
	for {
		err := r.NextMessage(&m)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		unh := m.Segment(1)
		switch {
		case unh.Is(3, 1, "CONTRL"):
			c, err := ParseContrl(&m)
			if err != nil {
				return nil, fmt.Errorf("message %d: %w", m.Index(), err)
			}
			a.Contrls = append(a.Contrls, *c)
		case unh.Is(3, 1, "APERAK"):
			x, err := ParseAperak(&m)
			if err != nil {
				return nil, fmt.Errorf("message %d: %w", m.Index(), err)
			}
			a.Aperaks = append(a.Aperaks, *x)
		default:
			return nil, fmt.Errorf("message %d: %w", m.Index(), ErrOtherType)
		}
	}
	if unb := r.UNB(); unb != nil {
		a.Sender, a.Receiver = Party{unb.Text(3, 1), unb.Text(3, 2)}, Party{unb.Text(4, 1), unb.Text(4, 2)}
		a.ControlRef, a.Test = unb.Text(6, 1), unb.Is(12, 1, "1")
		a.CreatedAt, _ = calendar.ParseInterchangeTime(unb.Text(5, 1), unb.Text(5, 2)) // zero if it cannot be read
	}
	return a, nil
}

// The tags of both messages.
var (
	tagUCI = edifact.MakeTag("UCI")
	tagUCM = edifact.MakeTag("UCM")
	tagUCS = edifact.MakeTag("UCS")
	tagUCD = edifact.MakeTag("UCD")
	tagBGM = edifact.MakeTag("BGM")
	tagDTM = edifact.MakeTag("DTM")
	tagRFF = edifact.MakeTag("RFF")
	tagNAD = edifact.MakeTag("NAD")
	tagERC = edifact.MakeTag("ERC")
	tagFTX = edifact.MakeTag("FTX")
)

// ParseContrl reads a CONTRL. The result shares nothing with m. The error is ErrOtherType, or ErrEmpty if there is no
// UCI.
//
// Spec: CONTRL MIG 2.0b
func ParseContrl(m *edifact.Message) (*Contrl, error) {
	if !isType(m, "CONTRL") {
		return nil, ErrOtherType
	}
	var c *Contrl
	for n := 2; n <= m.Len(); n++ {
		s := m.Segment(n)
		switch tag := m.Tag(n); {
		case tag == tagUCI && c == nil:
			c = &Contrl{
				ControlRef: s.Text(2, 1), Sender: Party{s.Text(3, 1), s.Text(3, 2)}, Receiver: Party{s.Text(4, 1), s.Text(4, 2)},
				Action: Action(s.Text(5, 1)), Fault: faultOf(&s, 6),
			}
		case c == nil:
		case tag == tagUCM:
			c.Messages = append(c.Messages, ContrlMessage{
				Reference:  s.Text(2, 1),
				Identifier: Identifier{s.Text(3, 1), s.Text(3, 2), s.Text(3, 3), s.Text(3, 4), s.Text(3, 5)},
				Fault:      faultOf(&s, 5),
			})
		case len(c.Messages) == 0:
		case tag == tagUCS:
			last := &c.Messages[len(c.Messages)-1]
			last.Segments = append(last.Segments, SegmentFault{Position: numberAt(&s, 2, 1), Code: s.Text(3, 1)})
		case tag == tagUCD:
			last := &c.Messages[len(c.Messages)-1]
			if k := len(last.Segments); k > 0 {
				last.Segments[k-1].Elements = append(last.Segments[k-1].Elements, ElementFault{s.Text(2, 1), placeAt(&s, 3)})
			}
		}
	}
	if c == nil {
		return nil, ErrEmpty
	}
	return c, nil
}

func isType(m *edifact.Message, name string) bool {
	if m.Len() == 0 {
		return false
	}
	unh := m.Segment(1)
	return unh.Is(3, 1, name)
}

// faultOf reads 0085, 0013 and S011 from element e on; nil if there is no code.
func faultOf(s *edifact.Segment, e int) *Fault {
	if s.Empty(e, 1) {
		return nil
	}
	return &Fault{Code: s.Text(e, 1), Segment: s.Text(e+1, 1), Place: placeAt(s, e+2)}
}

func placeAt(s *edifact.Segment, e int) edifact.Place {
	return edifact.Place{Element: numberAt(s, e, 1), Component: numberAt(s, e, 2)}
}

// numberAt reads a number of up to six digits, 0 if there is none.
func numberAt(s *edifact.Segment, e, c int) int {
	n, err := strconv.Atoi(s.Text(e, c))
	if err != nil || n < 0 || n > 999_999 {
		return 0
	}
	return n
}

// ParseAperak reads an APERAK of any form. The result shares nothing with m. The error is ErrOtherType, or ErrEmpty if
// it names neither a file nor a document nor a transaction.
//
// Spec: APERAK MIG 2.1i; APERAK MIG 2.2
func ParseAperak(m *edifact.Message) (*Aperak, error) {
	if !isType(m, "APERAK") {
		return nil, ErrOtherType
	}
	a := &Aperak{}
	for n := 2; n <= m.Len(); n++ {
		s := m.Segment(n)
		switch m.Tag(n) {
		case tagBGM:
			a.Code, a.Number = AperakCode(s.Text(2, 1)), s.Text(3, 1)
		case tagDTM:
			t, _ := calendar.ParseInstant(s.Text(2, 3), s.Value(2, 2)) // zero if it cannot be read
			switch {
			case s.Is(2, 1, "137"):
				a.CreatedAt = t
			case s.Is(2, 1, "171"):
				a.FileCreatedAt = t
			}
		case tagNAD:
			switch p := partyOf(s.Text(3, 1), s.Text(3, 3)); {
			case s.Is(2, 1, "MS"):
				a.Sender = p
			case s.Is(2, 1, "MR"):
				a.Receiver = p
			}
		case tagERC:
			a.Errors = append(a.Errors, ApplicationError{Code: s.Text(2, 1)})
		case tagRFF:
			a.reference(&s)
		case tagFTX:
			a.text(&s)
		}
	}
	if a.ControlRef == "" && a.Document == "" && a.Transaction == "" {
		return nil, ErrEmpty
	}
	return a, nil
}

// reference reads an RFF: of the message, or of the last error.
func (a *Aperak) reference(s *edifact.Segment) {
	value := s.Text(2, 2)
	first := func(field *string) {
		if *field == "" {
			*field = value
		}
	}
	switch s.Text(2, 1) {
	case "ACE":
		first(&a.ControlRef)
	case "ACW":
		first(&a.Message)
	case "AGO":
		first(&a.Document)
	case "TN":
		first(&a.Transaction)
		if n := len(a.Errors); n > 0 && value != a.Transaction {
			a.Errors[n-1].Transaction = value
		}
	case "Z08":
		if n := len(a.Errors); n > 0 {
			a.Errors[n-1].Successor = value
		}
	}
}

// text reads an FTX of the last error.
func (a *Aperak) text(s *edifact.Segment) {
	if len(a.Errors) == 0 {
		return
	}
	e := &a.Errors[len(a.Errors)-1]
	one, two := s.Text(5, 1), s.Text(5, 2)
	switch s.Text(2, 1) {
	case "ABO":
		e.Content = [2]string{one, two}
	case "AAO":
		e.Help = one + two // a text of two parts is joined without anything between them
	case "Z02":
		e.Place = SegmentPlace{one, two}
	}
}
