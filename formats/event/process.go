package event

import (
	"fmt"
	"time"

	"github.com/marktbote/marktbote/formats/ident"
)

// Process is what the gateway derived about the step of a transaction: no message says it.
type Process struct {
	Interchange        int64                    `json:"interchange"` // as in /interchanges/{id}
	Message            int                      `json:"message"`     // from 1
	Transaction        int                      `json:"transaction"` // from 1
	Pruefidentifikator ident.Pruefidentifikator `json:"pruefidentifikator"`
	Meaning            string                   `json:"meaning"`             // of package process, such as confirmed-by-silence
	Silence            string                   `json:"silence,omitempty"`   // what silence means in this step
	Reference          string                   `json:"reference,omitempty"` // what an answer refers to that nobody knows
	Due                time.Time                `json:"due,omitzero"`
	At                 time.Time                `json:"at"` // of what happened
}

// OfProcess returns the event of a name such as deadline-missed.
func OfProcess(name string, p Process, env Envelope, sender, recipient ident.MarktpartnerID) Event {
	p.Due, p.At = p.Due.UTC(), p.At.UTC()
	key := fmt.Sprintf("process/%d/%d/%d/%s/%d", p.Interchange, p.Message, p.Transaction, p.Meaning, p.At.UnixMicro())
	e := Event{
		IdempotencyKey: key, Source: source(env, sender, recipient), Type: typePrefix + "process." + name + typeSuffix,
		Subject: fmt.Sprintf("interchange/%d/%d/%d", p.Interchange, p.Message, p.Transaction), Time: p.At, Sparte: env.Sparte,
		Direction: env.Direction, Pruefidentifikator: p.Pruefidentifikator, FormatVersion: env.FormatVersion,
		Sender: sender, SenderRole: env.SenderRole, Recipient: recipient, RecipientRole: env.RecipientRole, Test: env.Test, Data: p,
	}
	e.ID = eventID(e.IdempotencyKey, e.Type)
	e.PartitionKey = e.Subject
	return e
}
