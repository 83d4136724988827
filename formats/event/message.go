package event

import (
	"errors"
	"strconv"
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
	List               *Part                    `json:"list,omitempty"`     // the message is a part of a list
}

// Part says which part of a list a message is. The list is complete when all parts up to the last one are there.
//
// Spec: UTILMD MIG Strom S2.2, UNH 0068, 0070, 0073; MSCONS MIG 2.5, the same
type Part struct {
	Reference string `json:"reference"` // that all parts share
	Number    int    `json:"number"`    // from 1
	Last      bool   `json:"last"`
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
		row := mappings().lookup(t.Pruefidentifikator, code, statusOf(m, t))
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
		list := p.events(t, rows[i], transactions[0].First)
		if p.err != nil {
			return nil, p.err
		}
		events = append(events, list...)
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
			p.part(&s)
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

// part reads which part of a list the message is.
func (p *parser) part(s *edifact.Segment) {
	if s.Empty(4, 1) && s.Empty(5, 1) {
		return
	}
	n := 1
	if !s.Empty(5, 1) {
		var err error
		if n, err = strconv.Atoi(s.Text(5, 1)); err != nil || n < 1 {
			p.fail(s, 5, 1, errors.New("it is no number of a part"))
		}
	}
	p.header.List = &Part{Reference: s.Text(4, 1), Number: n, Last: s.Is(5, 2, "F") || s.Empty(5, 1)}
}

// reference appends an RFF, without those that have a field of their own and those without value.
func (p *parser) reference(s *edifact.Segment, list *[]Reference) {
	q := s.Text(2, 1)
	if q == "" || q == "Z13" || q == "Z60" || s.Empty(2, 2) {
		return
	}
	*list = append(*list, Reference{Qualifier: q, Value: s.Text(2, 2), Meaning: referenceNames[q]})
}

// statusOf returns the category of the status of a transaction of IFTSTA, which can decide what it means.
func statusOf(m *edifact.Message, t Transaction) string {
	if MessageType(m) != "IFTSTA" {
		return ""
	}
	for n := t.First; n <= t.Last; n++ {
		if m.Tag(n) == tagSTS {
			s := m.Segment(n)
			return s.Text(2, 1)
		}
	}
	return ""
}

// events builds the events of a transaction: one, but for message types that have one per document.
func (p *parser) events(t Transaction, row *mapping, first int) []Event {
	msg := p.header
	msg.References = append([]Reference(nil), p.header.References...)
	msg.Transaction, msg.Pruefidentifikator = t.Number, t.Pruefidentifikator
	msg.FirstSegment, msg.LastSegment = t.First, t.Last
	if row.family != 0 {
		return []Event{p.event(t, row, msg, 0, p.meter(t, msg, row))}
	}
	root := row.table.tree(p.m, p.spans(t, first)...)
	msg.References = p.references(root)
	if row.table.split == nil {
		return []Event{p.event(t, row, msg, 0, p.record(t, msg, row, root))}
	}
	var list []Event
	all := root.below
	for _, in := range all {
		if in.group != row.table.split || p.err != nil {
			continue
		}
		root.below = nil
		for _, other := range all {
			if other == in || other.group != in.group {
				root.below = append(root.below, other)
			}
		}
		list = append(list, p.event(t, row, msg, len(list)+1, p.record(t, msg, row, root)))
	}
	return list
}

// spans returns the segments that belong to a transaction: what stands before all of them, of IFTSTA also what its
// statuses share, and its own.
func (p *parser) spans(t Transaction, first int) []span {
	list := []span{{1, first - 1}}
	if t.Status > 1 {
		cni := t.First
		for cni > 1 && p.m.Tag(cni) != tagCNI {
			cni--
		}
		end := cni
		for end+1 < t.First && p.m.Tag(end+1) != tagSTS {
			end++
		}
		list = append(list, span{cni, end})
	}
	return append(list, span{t.First, t.Last})
}

// references reads the references of a message and of its transaction: those that stand in them directly, not in what
// they say about locations, positions or partners.
func (p *parser) references(root *instance) (list []Reference) {
	for _, n := range p.referencesIn(root) {
		s := p.m.Segment(n)
		p.reference(&s, &list)
	}
	return list
}

// referencesIn returns the RFF of the message, of its references and of the group that is the transaction, in order.
func (p *parser) referencesIn(root *instance) (list []int) {
	add := func(in *instance) {
		for _, n := range in.segments {
			if p.m.Tag(n) == tagRFF {
				list = append(list, n)
			}
		}
	}
	add(root)
	for _, in := range root.below {
		switch in.group.trigger {
		case tagRFF:
			add(in)
		case tagIDE, tagCNI, tagDOC, tagEQD:
			add(in)
			for _, sub := range in.below {
				if sub.group.trigger == tagRFF || sub.group.trigger == tagSTS {
					add(sub)
				}
			}
		}
	}
	return list
}

// event puts data into its envelope. n counts the events of a transaction that has more than one, from 1.
func (p *parser) event(t Transaction, row *mapping, msg Message, n int, data any) Event {
	e := Event{
		Type: typePrefix + row.name + typeSuffix, Time: msg.DocumentTime, Sparte: p.env.Sparte, Direction: p.env.Direction,
		Pruefidentifikator: t.Pruefidentifikator, FormatVersion: p.env.FormatVersion, Test: p.env.Test,
		Sender: msg.Sender.ID, SenderRole: p.env.SenderRole, Recipient: msg.Recipient.ID, RecipientRole: p.env.RecipientRole,
		Source: source(p.env, msg.Sender.ID, msg.Recipient.ID), Data: data,
	}
	e.IdempotencyKey = idempotencyKey(p.env.Sparte, t, &msg, n)
	if p.env.Test {
		e.IdempotencyKey += "\ntest" // what is tested first comes again in earnest
	}
	e.ID = eventID(e.IdempotencyKey, e.Type)
	e.Subject = subject(t, &msg, row, data)
	e.PartitionKey = partitionKey(t, e.Subject, row)
	return e
}

// idempotencyKey returns what makes a transaction the same transaction when it arrives again: its number, or the
// document number where the type has none. Numbers that count inside a document only go with that of the document.
func idempotencyKey(sparte formats.Sparte, t Transaction, msg *Message, n int) string {
	key := string(sparte) + "\n" + msg.Sender.ID.String() + "\n"
	own := msg.Type == "UTILMD" || msg.Type == "UTILTS"
	switch {
	case own && msg.Transaction != "":
		key += msg.Transaction
	default:
		key += msg.Type + "\n" + msg.Document
		if msg.Transaction != "" {
			key += "\n" + msg.Transaction
		}
		if t.Status > 0 {
			key += "\n" + strconv.Itoa(t.Status)
		}
		if n > 0 {
			key += "\n" + strconv.Itoa(n)
		}
	}
	if msg.List != nil && (t.List || !own) {
		key += "\npart " + strconv.Itoa(msg.List.Number)
	}
	return key
}

// subject names the object of the event. An answer without object is bound to the transaction it answers, which the
// own side of the answer's recipient numbered; anything else without object to its own number.
func subject(t Transaction, msg *Message, row *mapping, data any) string {
	r, _ := data.(*Record)
	switch row.table.subject {
	case "document": // of many locations
		return "document/" + msg.Sender.ID.String() + "/" + msg.Document
	case "party":
		return "party/" + msg.Sender.ID.String()
	case "invoice":
		return "invoice/" + msg.Sender.ID.String() + "/" + msg.Document
	case "paid-invoice": // the payer writes about an invoice of the recipient
		return "invoice/" + msg.Recipient.ID.String() + "/" + r.Text("dokument")
	case "own-invoice": // who wrote the invoice, or a delivery note, writes about it again
		if kind, ok := r.Fields.Get("dokumentart").(*Code); ok && kind.Code != "380" {
			return "document/" + msg.Sender.ID.String() + "/" + r.Text("dokument")
		}
		return "invoice/" + msg.Sender.ID.String() + "/" + r.Text("dokument")
	}
	request := ""
	if r != nil {
		request = r.Text("requestTransaction")
	}
	switch {
	case t.Object != "" && t.ObjectKind != ident.KindUnknown:
		return string(t.ObjectKind) + "/" + t.Object
	case request != "":
		return "transaction/" + msg.Recipient.ID.String() + "/" + request
	case t.Number != "" && (msg.Type == "UTILMD" || msg.Type == "UTILTS"):
		return "transaction/" + msg.Sender.ID.String() + "/" + t.Number
	}
	return "document/" + msg.Sender.ID.String() + "/" + msg.Document
}

// partitionKey returns what events are ordered by: the location where the subject is an invoice for one.
func partitionKey(t Transaction, subject string, row *mapping) string {
	if row.table.subject == "invoice" && t.Object != "" && t.ObjectKind != ident.KindUnknown {
		return string(t.ObjectKind) + "/" + t.Object
	}
	return subject
}
