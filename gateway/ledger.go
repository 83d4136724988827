package gateway

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/ack"
	"github.com/marktbote/marktbote/formats/check"
	"github.com/marktbote/marktbote/formats/ident"
	"github.com/marktbote/marktbote/gateway/work"
	"github.com/marktbote/marktbote/store"
)

// laneOfAnswers is the lane of CONTRL and APERAK, whatever they answer.
const laneOfAnswers = work.Urgent

// sent notes in the transaction of a dispatch what it settles and what the partner owes for it now.
func (g *Gateway) sent(tx store.Tx, x store.Interchange, at time.Time) error {
	if original, ok := answeredBy(x); ok {
		list, err := tx.Ledger(original)
		if err != nil {
			return err
		}
		for _, e := range list {
			if e.AnsweredBy != x.ID || !e.DoneAt.IsZero() {
				continue
			}
			if err := g.settle(tx, e, at, x.ID); err != nil {
				return err
			}
		}
	}
	transactions, err := tx.Transactions(x.ID)
	if err != nil {
		return err
	}
	for _, e := range owedFor(x, transactions, at) {
		// What is there already was settled by an answer that was faster than this transaction.
		if err := tx.InsertLedger(e); err != nil && !errors.Is(err, store.ErrDuplicate) {
			return err
		}
	}
	return nil
}

// owedFor lists what the partner owes for an interchange that was sent at an instant. In Gas silence accepts a
// transaction, so that no APERAK is owed.
//
// Spec: CONTRL AHB 1.0; APERAK AHB 1.1 ch. 1, 2
func owedFor(x store.Interchange, transactions []store.Transaction, at time.Time) []store.LedgerEntry {
	list := []store.LedgerEntry{{InterchangeID: x.ID, Kind: store.LedgerTransport, State: store.LedgerMet, DoneAt: at}}
	sparte := ident.MarktpartnerID(x.Recipient).Sparte()
	if sparte == "" {
		sparte = formats.Sparte(x.Sparte)
	}
	switch {
	case x.MessageType == "CONTRL":
	case sparte == formats.Gas:
		list = append(list, store.LedgerEntry{
			InterchangeID: x.ID, Kind: store.LedgerContrl, State: store.LedgerOpen, DueAt: ack.ContrlDeadline(at, x.MessageType).Until,
		})
	case sparte == formats.Strom && x.MessageType != "APERAK":
		for _, t := range transactions {
			list = append(list, store.LedgerEntry{
				InterchangeID: x.ID, MessageIndex: t.MessageIndex, TransactionIndex: t.Index, Kind: store.LedgerAperak,
				State: store.LedgerOpen, DueAt: ack.AperakDeadline(at, sparte, x.MessageType, t.Pruefidentifikator).Until,
			})
		}
	}
	return list
}

// settle notes that something owed has come.
func (g *Gateway) settle(tx store.Tx, e store.LedgerEntry, at time.Time, answer int64) error {
	e.State, e.DoneAt, e.AnsweredBy = store.LedgerMet, at, answer
	if !e.DueAt.IsZero() && at.After(e.DueAt) {
		e.State = store.LedgerLate
	}
	return tx.UpdateLedger(e)
}

// correlate finds out what the CONTRL and APERAK of a partner are about and settles it. What answers nothing that was
// sent from here is set aside for a person, when all else in the file is done.
func (g *Gateway) correlate(ctx context.Context, item store.Work) error {
	x, err := g.interchange(ctx, item.InterchangeID)
	if err != nil {
		return err
	}
	body, err := g.store.OpenPayload(ctx, x.PayloadDigest)
	if err != nil {
		return fmt.Errorf("gateway: correlate: %w", err)
	}
	defer body.Close()
	file, err := ack.Read(body, edifact.Options{MaxMessageBytes: g.config.MaxMessageBytes})
	if err != nil {
		return final{fmt.Errorf("gateway: correlate: %w", err)}
	}
	var c *correlation
	err = g.store.Update(ctx, func(tx store.Tx) error {
		c = &correlation{g: g, tx: tx, x: x}
		if err := c.file(file); err != nil {
			return err
		}
		if x.State != store.StatePublished {
			if _, err := tx.AddWork(store.Work{Kind: kindPublish, Lane: item.Lane, InterchangeID: x.ID, DueAt: g.now()}); err != nil {
				return err
			}
		}
		if c.lost != "" {
			return tx.ParkWork(item, "gateway: correlate: "+c.lost)
		}
		return tx.CompleteWork(item)
	})
	if err != nil {
		return fmt.Errorf("gateway: correlate: %w", err)
	}
	if c.lost != "" {
		g.log.Warn("an answer of a partner fits nothing that was sent", zap.Int64("interchange", x.ID),
			zap.String("partner", x.Sender), zap.String("reason", c.lost))
	}
	if c.rejected > 0 {
		g.log.Warn("a partner rejected what was sent", zap.Int64("interchange", x.ID), zap.String("partner", x.Sender),
			zap.Int("rejected", c.rejected))
	}
	g.work.Wake()
	return nil
}

// correlation settles what one file with answers is about, in one transaction.
type correlation struct {
	g        *Gateway
	tx       store.Tx
	x        store.Interchange // the file with the answers
	rejected int               // CONTRL and APERAK that reject
	lost     string            // what the first answer was about that fits nothing
}

func (c *correlation) file(file *ack.Answers) error {
	for i := range file.Contrls {
		a := &file.Contrls[i]
		if a.Action == ack.Rejected {
			c.rejected++
		}
		// Some partners turn sender and receiver round.
		if err := c.answer(a, store.LedgerContrl, a.Action == ack.Rejected, a.ControlRef, a.Sender.ID, a.Receiver.ID); err != nil {
			return err
		}
	}
	for i := range file.Aperaks {
		a := &file.Aperaks[i]
		if a.Code == ack.NotAccepted {
			c.rejected++
		}
		if a.Receiver.ID == "" { // the message does not say, the envelope does
			a.Sender, a.Receiver = file.Sender, file.Receiver
		}
		if err := c.answer(a, store.LedgerAperak, false, a.ControlRef, a.Receiver.ID); err != nil {
			return err
		}
	}
	return nil
}

// answer settles what one CONTRL or APERAK is about: the senders are who may have sent that.
func (c *correlation) answer(a ack.Answer, kind store.LedgerKind, rejectsFile bool, ref string, senders ...string) error {
	var files []store.Interchange
	var sent []ack.Sent
	for _, sender := range senders {
		list, err := c.tx.FindControlRef(store.Out, sender, ref)
		if err != nil {
			return err
		}
		for _, x := range list {
			s, err := c.sent(x)
			if err != nil {
				return err
			}
			files, sent = append(files, x), append(sent, s)
		}
	}
	m := ack.Match(a, sent)
	if m.File < 0 {
		c.lose(fmt.Sprintf("%s about interchange %q, which was not sent from here", kind, ref))
		return nil
	}
	for _, unknown := range m.Unknown {
		c.lose(fmt.Sprintf("%s about %q, which is not in interchange %q", kind, unknown, ref))
	}
	original := files[m.File]
	if kind == store.LedgerContrl || len(m.Places) == 0 && len(m.Unknown) == 0 {
		m.Places = []ack.Place{{Message: -1, Transaction: -1}}
	}
	entries, err := c.tx.Ledger(original.ID)
	if err != nil {
		return err
	}
	for _, p := range m.Places {
		if err := c.place(original, sent[m.File], entries, p, kind); err != nil {
			return err
		}
	}
	if rejectsFile {
		return c.cancel(entries)
	}
	return nil
}

func (c *correlation) lose(what string) {
	if c.lost == "" {
		c.lost = what
	}
}

// sent describes what was sent, as answers can refer to it.
func (c *correlation) sent(x store.Interchange) (ack.Sent, error) {
	s := ack.Sent{Sender: x.Sender, Receiver: x.Recipient, ControlRef: x.ControlRef}
	messages, err := c.tx.Messages(x.ID)
	if err != nil {
		return s, err
	}
	for _, m := range messages {
		s.Messages = append(s.Messages, ack.SentMessage{Reference: m.Reference, Document: m.DocumentNo})
	}
	transactions, err := c.tx.Transactions(x.ID)
	if err != nil {
		return s, err
	}
	for _, t := range transactions {
		if i := t.MessageIndex - 1; i >= 0 && i < len(s.Messages) {
			s.Messages[i].Transactions = append(s.Messages[i].Transactions, t.Number)
		}
	}
	return s, nil
}

// place settles the entries of one place; -1 stands for all. A transaction can have several entries with its number,
// one for each of its statuses. What nobody waited for gets an entry now: a rejection in Gas, for example.
func (c *correlation) place(original store.Interchange, sent ack.Sent, entries []store.LedgerEntry, p ack.Place, kind store.LedgerKind) error {
	number := func(message, transaction int) (string, bool) {
		if message < 0 || message >= len(sent.Messages) || transaction < 0 || transaction >= len(sent.Messages[message].Transactions) {
			return "", false
		}
		return sent.Messages[message].Transactions[transaction], true
	}
	wanted, one := number(p.Message, p.Transaction)
	found := false
	for i := range entries {
		e := &entries[i]
		if e.Kind != kind || p.Message >= 0 && e.MessageIndex != p.Message+1 {
			continue
		}
		if one && e.TransactionIndex != p.Transaction+1 {
			if other, ok := number(e.MessageIndex-1, e.TransactionIndex-1); !ok || other != wanted {
				continue
			}
		}
		found = true
		if !e.DoneAt.IsZero() {
			continue // the first answer counts
		}
		if err := c.g.settle(c.tx, *e, c.x.ReceivedAt, c.x.ID); err != nil {
			return err
		}
	}
	if found {
		return nil
	}
	return c.tx.InsertLedger(store.LedgerEntry{
		InterchangeID: original.ID, MessageIndex: p.Message + 1, TransactionIndex: p.Transaction + 1, Kind: kind,
		State: store.LedgerMet, DoneAt: c.x.ReceivedAt, AnsweredBy: c.x.ID,
	})
}

// cancel ends the wait for APERAK: a file that was rejected counts as not sent.
//
// Spec: CONTRL AHB 1.0 (a rejected file is not processed); APERAK AHB 1.1 ch. 2
func (c *correlation) cancel(entries []store.LedgerEntry) error {
	for _, e := range entries {
		if e.Kind == store.LedgerContrl || !e.DoneAt.IsZero() {
			continue
		}
		e.State, e.AnsweredBy = store.LedgerCancelled, c.x.ID
		if err := c.tx.UpdateLedger(e); err != nil {
			return err
		}
	}
	return nil
}

// Watching what is owed.
const (
	watchEvery = 10 * time.Second
	watchBatch = 1000 // entries in one transaction
)

// watch marks what has not come in time, until ctx ends.
func (g *Gateway) watch(ctx context.Context) {
	for {
		if err := g.missed(ctx); err != nil && ctx.Err() == nil {
			g.log.Error("deadlines cannot be watched", zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(watchEvery):
		}
	}
}

// missed marks the open entries whose deadline has passed.
func (g *Gateway) missed(ctx context.Context) error {
	for {
		now := g.now()
		var list []store.LedgerEntry
		find := func(tx store.Tx) (err error) {
			list, err = tx.LedgerDue(now, watchBatch)
			return err
		}
		if err := g.store.View(ctx, find); err != nil || len(list) == 0 {
			return err
		}
		err := g.store.Update(ctx, func(tx store.Tx) error {
			if err := find(tx); err != nil { // another gateway may have been here
				return err
			}
			for _, e := range list {
				e.State = store.LedgerMissed
				if err := tx.UpdateLedger(e); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, e := range list {
			g.overdue.WithLabelValues(string(e.Kind)).Inc()
			g.log.Warn("deadline missed", zap.Int64("interchange", e.InterchangeID), zap.Int("message", e.MessageIndex),
				zap.Int("transaction", e.TransactionIndex), zap.String("kind", string(e.Kind)), zap.Time("due", e.DueAt))
		}
	}
}

// isAnswer reports whether an accepted interchange is one that answers what was sent.
func isAnswer(x store.Interchange) bool {
	return x.Direction == store.In && x.Verdict == string(check.Accepted) && (x.MessageType == "CONTRL" || x.MessageType == "APERAK")
}
