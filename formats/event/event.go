// Package event translates messages of the market into events for the systems behind the gateway: CloudEvents 1.0
// in JSON that carry everything needed to act on them, with the codes of the message beside normalised names.
//
// Vocabulary: a Transaction is one Geschaeftsvorfall of a message (a Vorgang of UTILMD, a whole MSCONS message);
// every Transaction becomes one Event. The Envelope is what the gateway knows about the message and the message does
// not say.
//
//	events, err := event.FromMessage(event.Envelope{Direction: event.In, Sparte: formats.Strom}, r.UNB(), &m)
//	if none, ok := errors.AsType[*event.NoMapping](err); ok {
//		// nothing failed: these Pruefidentifikatoren have no event
//	}
//
// The package expects messages that passed the checks of syntax and AHB. A value it cannot read ends the translation
// with a *ValueError and no event at all: better none than a wrong one. Numbers are decimal text with the digits of
// the sender, times are RFC 3339 in UTC with the local day of the Sparte beside them.
//
// Identifiers in events are those of the message; their check digits have been looked at before.
//
// All functions are pure, except that a Message is not safe for concurrent use, not even for reading.
package event

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/ident"
)

// Direction says whether the gateway received or sent the message.
type Direction string

// The directions of a message.
const (
	In  Direction = "in"
	Out Direction = "out"
)

// Envelope is what the gateway knows about a message beyond its text.
type Envelope struct {
	Direction     Direction
	SenderRole    string // short form such as LF, NB, MSB; may be empty
	RecipientRole string // as SenderRole
	FormatVersion formats.FormatVersion
	Sparte        formats.Sparte // empty: that of the recipient's MP-ID
	ReceivedAt    time.Time      // transport receipt; zero if unknown
	Test          bool           // the interchange is a test
	Original      string         // link to the stored interchange; may be empty
}

// Event is one CloudEvent. The gateway sets Sequence and RecordedAt when it commits the event, and may replace
// Subject and PartitionKey when it knows more about the object than the message says: the MaLo behind a MeLo, the
// object of a request that an answer only names by number.
type Event struct {
	ID                 string // from IdempotencyKey and Type; unique together with Source
	IdempotencyKey     string // equal keys are the same transaction; not part of the JSON
	Source             string
	Type               string
	Subject            string
	PartitionKey       string
	Time               time.Time // document time (DTM+137), UTC
	Sequence           int64     // in the partition, from 1; 0 before commit
	RecordedAt         time.Time // commit; zero before
	CorrelationID      string    // process of the gateway; may be empty
	CausationID        string    // event that led to this one; may be empty
	Sparte             formats.Sparte
	Direction          Direction
	Pruefidentifikator ident.Pruefidentifikator
	FormatVersion      formats.FormatVersion
	Sender             ident.MarktpartnerID
	SenderRole         string
	Recipient          ident.MarktpartnerID
	RecipientRole      string
	Test               bool
	Data               any // *Contract or *Meter
}

// The parts of type and schema that do not depend on the event.
const (
	typePrefix = "de.marktbote."
	typeSuffix = ".v1"
	schemaBase = "https://marktbote.de/schemas/"
)

// cloudEvent is the JSON form of an Event. Extension names are lower case, as CloudEvents demands.
type cloudEvent struct {
	SpecVersion     string    `json:"specversion"`
	ID              string    `json:"id"`
	Source          string    `json:"source"`
	Type            string    `json:"type"`
	Subject         string    `json:"subject,omitempty"`
	Time            time.Time `json:"time"`
	DataContentType string    `json:"datacontenttype"`
	DataSchema      string    `json:"dataschema"`
	PartitionKey    string    `json:"partitionkey,omitempty"`
	Sequence        string    `json:"sequence,omitempty"`
	RecordedTime    time.Time `json:"recordedtime,omitzero"`
	CorrelationID   string    `json:"correlationid,omitempty"`
	CausationID     string    `json:"causationid,omitempty"`
	Sparte          string    `json:"sparte,omitempty"`
	Direction       string    `json:"direction,omitempty"`
	PID             string    `json:"pid,omitempty"`
	FormatVersion   string    `json:"formatversion,omitempty"`
	Sender          string    `json:"sender,omitempty"`
	SenderRole      string    `json:"senderrole,omitempty"`
	Recipient       string    `json:"recipient,omitempty"`
	RecipientRole   string    `json:"recipientrole,omitempty"`
	TestIndicator   bool      `json:"testindicator"`
	Data            any       `json:"data"`
}

// MarshalJSON returns the event as CloudEvent in JSON. Sequence becomes a text of 20 digits, because integers of
// CloudEvents have 32 bits and texts are compared by character.
//
// Spec: CloudEvents 1.0.2 JSON event format 3; CloudEvents sequence extension
func (e Event) MarshalJSON() ([]byte, error) {
	c := cloudEvent{
		SpecVersion: "1.0", ID: e.ID, Source: e.Source, Type: e.Type, Subject: e.Subject, Time: e.Time.UTC(),
		DataContentType: "application/json", DataSchema: schemaBase + strings.TrimPrefix(e.Type, typePrefix) + ".json",
		PartitionKey: e.PartitionKey, CorrelationID: e.CorrelationID, CausationID: e.CausationID,
		Sparte: string(e.Sparte), Direction: string(e.Direction), PID: e.Pruefidentifikator.String(),
		FormatVersion: string(e.FormatVersion), Sender: e.Sender.String(), SenderRole: e.SenderRole,
		Recipient: e.Recipient.String(), RecipientRole: e.RecipientRole, TestIndicator: e.Test, Data: e.Data,
	}
	if e.Sequence > 0 {
		c.Sequence = fmt.Sprintf("%020d", e.Sequence)
	}
	if !e.RecordedAt.IsZero() {
		c.RecordedTime = e.RecordedAt.UTC()
	}
	return json.Marshal(c)
}

// eventID derives the id of an event from its key, so that the same transaction always gets the same id.
func eventID(key, eventType string) string {
	sum := sha256.Sum256([]byte(key + "\n" + eventType))
	return hex.EncodeToString(sum[:16])
}

// source returns the urn of the own market partner: the recipient of what came in, the sender of what went out.
func source(env Envelope, sender, recipient ident.MarktpartnerID) string {
	id, role := recipient, env.RecipientRole
	if env.Direction == Out {
		id, role = sender, env.SenderRole
	}
	if role == "" {
		role = "unknown"
	}
	return "urn:mako:" + string(env.Sparte) + ":" + strings.ToLower(role) + ":" + id.String()
}

// NoMapping says which Pruefidentifikatoren of a message have no event. It is no failure.
type NoMapping struct {
	MessageType         string // UNH 0065
	DocumentCode        string // BGM 1001
	Pruefidentifikators []ident.Pruefidentifikator
}

// Error names the Pruefidentifikatoren, or the message type if it has none.
func (e *NoMapping) Error() string {
	if len(e.Pruefidentifikators) == 0 {
		return "event: no mapping for " + e.MessageType
	}
	var list []string
	for _, p := range e.Pruefidentifikators {
		list = append(list, p.String())
	}
	return fmt.Sprintf("event: no mapping for %s yet (%s, BGM %s)", strings.Join(list, ", "), e.MessageType, e.DocumentCode)
}

// ValueError says that a value of a message could not be read.
type ValueError struct {
	Pos edifact.Position
	Err error
}

// Error names place and cause.
func (e *ValueError) Error() string { return fmt.Sprintf("event: %s: %v", e.Pos, e.Err) }

// Unwrap returns the cause.
func (e *ValueError) Unwrap() error { return e.Err }
