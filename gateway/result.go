package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/check"
	"github.com/marktbote/marktbote/gateway/work"
	"github.com/marktbote/marktbote/store"
)

// fill writes the result of a check into the row of its interchange. What is to be sent is accepted only as a whole: a
// transaction that the partner would reject does not leave, and what would be left without it only the sender can say.
func fill(x *store.Interchange, r *check.Result) {
	x.State = store.StateChecked
	x.Verdict = string(r.Verdict)
	if x.Direction == store.Out && r.Verdict == check.Accepted && anyRejected(r) {
		x.Verdict = string(check.RejectedProcessing)
	}
	x.FormatVersion, x.Sparte = string(r.FormatVersion), string(r.Sparte)
	x.Sender, x.Recipient, x.ControlRef, x.ApplicationRef = r.Sender, r.Receiver, r.Reference, r.ApplicationRef
	x.Test, x.MessageCount, x.FindingCount = r.Test, len(r.Messages), r.FindingCount
	if len(r.Messages) > 0 {
		x.MessageType = r.Messages[0].Type
	}
}

// anyRejected reports whether a message or a transaction is not accepted.
func anyRejected(r *check.Result) bool {
	return slices.ContainsFunc(r.Messages, func(m check.Message) bool {
		return m.Verdict != check.Accepted || slices.ContainsFunc(m.Transactions, func(t check.Transaction) bool { return t.Verdict != check.Accepted })
	})
}

// insertResult adds the messages, transactions and findings of a check.
func insertResult(tx store.Tx, id int64, r *check.Result) error {
	next := 0
	findings := func(message, transaction int, list []formats.Finding) error {
		for _, f := range list {
			data, err := json.Marshal(f)
			if err != nil {
				return fmt.Errorf("encode finding %s: %w", f.Code, err)
			}
			next++
			err = tx.InsertFinding(store.Finding{
				InterchangeID: id, MessageIndex: message, TransactionIndex: transaction, Index: next,
				Code: string(f.Code), Severity: string(f.Severity), Data: data,
			})
			if err != nil {
				return err
			}
		}
		return nil
	}
	if err := findings(0, 0, r.Findings); err != nil {
		return err
	}
	for i, m := range r.Messages {
		err := tx.InsertMessage(store.Message{
			InterchangeID: id, Index: i + 1, Reference: m.Reference, Type: m.Type, Version: m.Version,
			DocumentCode: m.DocumentCode, DocumentNo: m.DocumentNumber, Verdict: string(m.Verdict),
		})
		if err != nil {
			return err
		}
		if err := findings(i+1, 0, m.Findings); err != nil {
			return err
		}
		for k, t := range m.Transactions {
			err := tx.InsertTransaction(store.Transaction{
				InterchangeID: id, MessageIndex: i + 1, Index: k + 1, Number: t.Number,
				Pruefidentifikator: t.Pruefidentifikator, Subject: t.Object, Verdict: string(t.Verdict),
			})
			if err != nil {
				return err
			}
			if err := findings(i+1, k+1, t.Findings); err != nil {
				return err
			}
		}
	}
	return nil
}

// place is where a transaction stands: message and transaction in it, both counted from 1.
type place struct{ message, transaction int }

// rejectedIn returns the transactions that the check did not accept.
func rejectedIn(r *check.Result) map[place]bool {
	rejected := map[place]bool{}
	for i, m := range r.Messages {
		for k, t := range m.Transactions {
			if t.Verdict != check.Accepted {
				rejected[place{i + 1, k + 1}] = true
			}
		}
	}
	return rejected
}

// rejectedOf is rejectedIn for what was checked before.
func rejectedOf(list []store.Transaction) map[place]bool {
	rejected := map[place]bool{}
	for _, t := range list {
		if t.Verdict != string(check.Accepted) {
			rejected[place{t.MessageIndex, t.Index}] = true
		}
	}
	return rejected
}

// knowledge answers one check from configuration and store.
type knowledge struct {
	ctx  context.Context //nolint:containedctx // lives for one check
	g    *Gateway
	self int64 // the interchange being checked; 0: it is not kept yet

	direction store.Direction

	fresh              bool // Seen was asked and said no
	sender, controlRef string
}

func (k *knowledge) IsOwn(mpID string) bool { return k.g.config.IsOwn(mpID) }

func (k *knowledge) IsPartner(mpID string) bool { return k.g.config.IsPartner(mpID) }

func (k *knowledge) AcceptsTests() bool { return k.g.config.AcceptTests }

// Seen looks for another interchange with the same identity that was checked before this one, whatever became of it.
// Which of the two was received first does not matter: the check of the first may have had to be repeated. Of those to
// be sent only the accepted ones count: the reference of what has never left is free. Without sender or reference there
// is no identity.
//
// Spec: Allgemeine Festlegungen 6.1 ch. 5 (UNB 0020 is not used again within ten years)
func (k *knowledge) Seen(sender, controlRef string) (seen bool, err error) {
	if sender == "" || controlRef == "" {
		return false, nil
	}
	k.sender, k.controlRef = sender, controlRef
	err = k.g.store.Look(k.ctx, func(tx store.Tx) error {
		seen, err = k.find(tx)
		return err
	})
	k.fresh = err == nil && !seen
	return seen, err
}

var errSeenMeanwhile = fmt.Errorf("%w: another interchange with the same control reference was checked at the same time", work.ErrStale)

// key is what those lock who decide about one control reference.
func (k *knowledge) key() string {
	return "control-ref/" + string(k.direction) + "/" + k.sender + "/" + k.controlRef
}

// expect says what confirm is going to ask.
func (k *knowledge) expect(e *store.Expected) {
	if k.fresh {
		e.Locks = append(e.Locks, k.key())
		e.ControlRefs = append(e.ControlRefs, store.ControlRef{Direction: k.direction, Sender: k.sender, ControlRef: k.controlRef})
	}
}

// confirm asks again in the transaction that makes this interchange known, because lanes and gateways check side by side.
func (k *knowledge) confirm(tx store.Tx) error {
	if !k.fresh {
		return nil
	}
	if err := tx.Lock(k.key()); err != nil {
		return err
	}
	seen, err := k.find(tx)
	if seen {
		return errSeenMeanwhile
	}
	return err
}

func (k *knowledge) find(tx store.Tx) (bool, error) {
	list, err := tx.FindControlRef(k.direction, k.sender, k.controlRef)
	return slices.ContainsFunc(list, func(x store.Interchange) bool {
		refused := x.Direction == store.Out && x.Verdict != string(check.Accepted) // it has not left
		return x.ID != k.self && !refused
	}), err
}
