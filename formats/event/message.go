package event

import (
	"errors"
	"time"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/calendar"
	"github.com/marktbote/marktbote/formats/ident"
)

// Message is the block every event begins with: where it comes from and what it refers to.
type Message struct {
	Interchange        string                   `json:"interchange"` // UNB 0020
	Reference          string                   `json:"reference"`   // UNH 0062
	Type               string                   `json:"type"`        // UNH 0065
	Version            string                   `json:"version"`     // UNH 0057
	Document           string                   `json:"document"`    // BGM 1004
	DocumentCode       string                   `json:"documentCode"`
	DocumentFunction   string                   `json:"documentFunction,omitempty"` // BGM 1225: 9 original, 1 cancellation
	DocumentTime       time.Time                `json:"documentTime"`               // DTM+137
	ReceivedTime       time.Time                `json:"receivedTime,omitzero"`
	Transaction        string                   `json:"transaction,omitempty"` // IDE 7402
	Pruefidentifikator ident.Pruefidentifikator `json:"pruefidentifikator"`
	Sender             Party                    `json:"sender"`
	Recipient          Party                    `json:"recipient"`
	References         []Reference              `json:"references,omitempty"`
	FirstSegment       int                      `json:"firstSegment"` // of the transaction in the message, UNH = 1
	LastSegment        int                      `json:"lastSegment"`
	Original           string                   `json:"original,omitempty"` // link to the stored interchange
}

// Party is a market partner as NAD names it.
type Party struct {
	ID       ident.MarktpartnerID `json:"id"`
	CodeList string               `json:"codeList"` // NAD 3055: 293 BDEW, 332 DVGW, 9 GS1
}

// Reference is an RFF of the message or transaction. Meaning is empty if the qualifier has none here.
type Reference struct {
	Qualifier string `json:"qualifier"`
	Value     string `json:"value"`
	Meaning   string `json:"meaning,omitempty"`
}

// FromMessage translates a message into events, one per transaction, in the order of the message. unb is the UNB of
// its interchange and may be nil.
//
// Transactions without mapping yield no event and a *NoMapping beside the events of the others. A value that cannot
// be read yields a *ValueError and no events. Events share no memory with m.
func FromMessage(env Envelope, unb *edifact.Segment, m *edifact.Message) ([]Event, error) {
	p := &parser{env: env, m: m}
	transactions := Transactions(m)
	if len(transactions) == 0 {
		return nil, &NoMapping{MessageType: MessageType(m)}
	}
	code := DocumentCode(m)
	var none *NoMapping
	var rows []*mapping
	for _, t := range transactions {
		row := lookup(t.Pruefidentifikator, code)
		if row == nil {
			if none == nil {
				none = &NoMapping{MessageType: MessageType(m), DocumentCode: code}
			}
			if t.Pruefidentifikator != "" {
				none.Pruefidentifikators = append(none.Pruefidentifikators, t.Pruefidentifikator)
			}
		}
		rows = append(rows, row)
	}
	var events []Event
	for i, t := range transactions {
		if rows[i] == nil {
			continue
		}
		if p.header.DocumentTime.IsZero() {
			p.readHeader(unb, transactions[0].First)
		}
		e := p.event(t, rows[i])
		if p.err != nil {
			return nil, p.err
		}
		events = append(events, e)
	}
	if none != nil {
		return events, none
	}
	return events, nil
}

// parser translates one message. The first value it cannot read stays in err.
type parser struct {
	env    Envelope
	m      *edifact.Message
	header Message
	err    error
}

var errMissing = errors.New("there is no value")

// fail notes the first error, with its place.
func (p *parser) fail(s *edifact.Segment, e, c int, err error) {
	if p.err == nil {
		p.err = &ValueError{Pos: s.ComponentPosition(e, c), Err: err}
	}
}

// instant reads the instant of a DTM segment.
func (p *parser) instant(s *edifact.Segment) time.Time {
	t, err := calendar.ParseInstant(s.Text(2, 3), s.Value(2, 2))
	if err != nil {
		p.fail(s, 2, 2, err)
	}
	return t
}

// readHeader reads what all transactions of the message share. Types with one transaction begin it at UNH; their
// header ends where the values or positions begin.
//
// Spec: UTILMD MIG Strom S2.2, UNH to SG2; MSCONS MIG 2.5, UNH to SG2
func (p *parser) readHeader(unb *edifact.Segment, first int) {
	h := &p.header
	h.ReceivedTime, h.Original = p.env.ReceivedAt.UTC(), p.env.Original
	if p.env.ReceivedAt.IsZero() {
		h.ReceivedTime = time.Time{}
	}
	if unb != nil {
		h.Interchange = unb.Text(6, 1)
	}
	h.Document, h.DocumentCode = DocumentNumber(p.m), DocumentCode(p.m)
	end := p.m.Len()
	if first > 1 {
		end = first - 1
	}
	for n := 1; n <= end && p.m.Tag(n) != edifact.UNS; n++ {
		s := p.m.Segment(n)
		switch s.Tag() {
		case edifact.UNH:
			h.Reference, h.Type, h.Version = s.Text(2, 1), s.Text(3, 1), s.Text(3, 5)
		case tagBGM:
			h.DocumentFunction = s.Text(4, 1)
		case tagDTM:
			if s.Is(2, 1, "137") && h.DocumentTime.IsZero() {
				h.DocumentTime = p.instant(&s)
			}
		case tagRFF:
			p.reference(&s, &h.References)
		case tagNAD:
			party := Party{ID: ident.MarktpartnerID(s.Text(3, 1)), CodeList: s.Text(3, 3)}
			switch s.Text(2, 1) {
			case "MS":
				h.Sender = party
			case "MR":
				h.Recipient = party
			}
		}
	}
	if h.DocumentTime.IsZero() && p.err == nil {
		s := p.m.Segment(1)
		p.fail(&s, 1, 1, errors.New("the message has no document time (DTM+137)"))
	}
	if p.env.Sparte == "" {
		p.env.Sparte = h.Recipient.ID.Sparte()
	}
}

// reference appends an RFF, without those that have a field of their own.
func (p *parser) reference(s *edifact.Segment, list *[]Reference) {
	q := s.Text(2, 1)
	if q == "" || q == "Z13" || q == "Z60" {
		return
	}
	*list = append(*list, Reference{Qualifier: q, Value: s.Text(2, 2), Meaning: referenceNames[q]})
}

// event builds the event of one transaction.
func (p *parser) event(t Transaction, row *mapping) Event {
	msg := p.header
	msg.References = append([]Reference(nil), p.header.References...)
	msg.Transaction, msg.Pruefidentifikator = t.Number, t.Pruefidentifikator
	msg.FirstSegment, msg.LastSegment = t.First, t.Last

	e := Event{
		Type: typePrefix + row.name + typeSuffix, Time: msg.DocumentTime, Sparte: p.env.Sparte, Direction: p.env.Direction,
		Pruefidentifikator: t.Pruefidentifikator, FormatVersion: p.env.FormatVersion, Test: p.env.Test,
		Sender: msg.Sender.ID, SenderRole: p.env.SenderRole, Recipient: msg.Recipient.ID, RecipientRole: p.env.RecipientRole,
		Source: source(p.env, msg.Sender.ID, msg.Recipient.ID),
	}
	e.IdempotencyKey = idempotencyKey(p.env.Sparte, &msg)
	if p.env.Test {
		e.IdempotencyKey += "\ntest" // what is tested first comes again in earnest
	}
	e.ID = eventID(e.IdempotencyKey, e.Type)
	request := ""
	if row.family == contractFamily {
		c := p.contract(t, msg)
		request = c.RequestTransaction
		e.Data = c
	} else {
		e.Data = p.meter(t, msg, row.family)
	}
	e.Subject = subject(t, &msg, request)
	e.PartitionKey = e.Subject
	return e
}

// idempotencyKey returns what makes a transaction the same transaction when it arrives again: its number, or the
// document number where the type has none.
func idempotencyKey(sparte formats.Sparte, msg *Message) string {
	number := msg.Transaction
	if number == "" {
		number = msg.Type + "\n" + msg.Document
	}
	return string(sparte) + "\n" + msg.Sender.ID.String() + "\n" + number
}

// subject names the object of the event. An answer without object is bound to the transaction it answers, which the
// own side of the answer's recipient numbered; anything else without object to its own number.
func subject(t Transaction, msg *Message, request string) string {
	switch {
	case t.Object != "" && t.ObjectKind != ident.KindUnknown:
		return string(t.ObjectKind) + "/" + t.Object
	case request != "":
		return "transaction/" + msg.Recipient.ID.String() + "/" + request
	case t.Number != "":
		return "transaction/" + msg.Sender.ID.String() + "/" + t.Number
	}
	return "document/" + msg.Sender.ID.String() + "/" + msg.Document
}
