package gateway

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/check"
	"github.com/marktbote/marktbote/store"
)

// fill writes the result of a check into the row of its interchange.
func fill(x *store.Interchange, r *check.Result) {
	x.State = store.StateChecked
	x.Verdict = string(r.Verdict)
	x.FormatVersion, x.Sparte = string(r.FormatVersion), string(r.Sparte)
	x.Sender, x.Recipient, x.ControlRef, x.ApplicationRef = r.Sender, r.Receiver, r.Reference, r.ApplicationRef
	x.Test, x.MessageCount, x.FindingCount = r.Test, len(r.Messages), r.FindingCount
	if len(r.Messages) > 0 {
		x.MessageType = r.Messages[0].Type
	}
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

// knowledge answers the check from configuration and store.
type knowledge struct {
	ctx  context.Context //nolint:containedctx // lives for one check
	g    *Gateway
	self int64 // the interchange being checked
}

func (k knowledge) IsOwn(mpID string) bool { return k.g.config.IsOwn(mpID) }

func (k knowledge) IsPartner(mpID string) bool { return k.g.config.IsPartner(mpID) }

func (k knowledge) AcceptsTests() bool { return k.g.config.AcceptTests }

// Seen looks for an earlier interchange with the same identity, whatever became of it.
//
// Spec: Allgemeine Festlegungen 6.1 ch. 5 (UNB 0020 is not used again within ten years)
func (k knowledge) Seen(sender, controlRef string) (seen bool, err error) {
	err = k.g.store.View(k.ctx, func(tx store.Tx) error {
		list, err := tx.FindControlRef(store.In, sender, controlRef)
		for _, x := range list {
			seen = seen || x.ID < k.self
		}
		return err
	})
	return seen, err
}

// EventJSON returns the CloudEvent of an outbox row with its place in the outbox, which is known only since the
// commit.
func EventJSON(e store.Event) []byte {
	head := fmt.Appendf(nil, `{"sequence":"%020d",`, e.Seq)
	return append(head, e.Data[1:]...)
}
