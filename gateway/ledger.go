package gateway

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/ack"
	"github.com/marktbote/marktbote/formats/check"
	"github.com/marktbote/marktbote/formats/ident"
	"github.com/marktbote/marktbote/formats/process"
	"github.com/marktbote/marktbote/gateway/work"
	"github.com/marktbote/marktbote/store"
)

// sent notes in the transaction of a dispatch what it settles and what the partner owes for it now.
func (g *Gateway) sent(tx store.Tx, x store.Interchange, transactions []store.Transaction, at time.Time) error {
	if original, ok := answeredBy(x); ok {
		if err := tx.SettleLedger(original, x.ID, at); err != nil {
			return err
		}
	}
	if err := lockSent(tx, x.ID); err != nil {
		return err
	}
	early, err := tx.Ledger(x.ID)
	if err != nil {
		return err
	}
	for _, e := range owedFor(x, transactions, at) {
		// What is there already was settled by an answer that was faster than this transaction.
		if err := tx.InsertLedgerOnce(e); err != nil {
			return err
		}
	}
	return g.settleAgain(tx, early, at)
}

// lockSent makes the note that an interchange was sent and the answers to it wait for each other: either the note sees the
// answer or the answer the note.
func lockSent(tx store.Tx, id int64) error { return tx.Lock(sentKey(id)) }

func sentKey(id int64) string { return fmt.Sprintf("sent/%d", id) }

// settleAgain has the CONTRL and APERAK settled once more that were faster than the note of the sending, of which early are
// the entries: they could neither cancel nor accept what was not waited for yet.
func (g *Gateway) settleAgain(tx store.Tx, early []store.LedgerEntry, at time.Time) error {
	var done []int64
	for _, e := range early {
		if e.AnsweredBy == 0 || e.Kind == store.LedgerAnswer || slices.Contains(done, e.AnsweredBy) {
			continue
		}
		done = append(done, e.AnsweredBy)
		if err := tx.AddWork(store.Work{Kind: kindCorrelate, Lane: work.Urgent, InterchangeID: e.AnsweredBy, DueAt: at}); err != nil {
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
		due := ack.ContrlDeadline(at, x.MessageType).Until
		list = append(list, store.LedgerEntry{InterchangeID: x.ID, Kind: store.LedgerContrl, State: store.LedgerOpen, DueAt: due, LookAt: due})
	case sparte == formats.Strom && x.MessageType != "APERAK":
		for _, t := range transactions {
			due := ack.AperakDeadline(at, sparte, x.MessageType, t.Pruefidentifikator).Until
			list = append(list, store.LedgerEntry{
				InterchangeID: x.ID, MessageIndex: t.MessageIndex, TransactionIndex: t.Index, Kind: store.LedgerAperak,
				State: store.LedgerOpen, DueAt: due, LookAt: due,
			})
		}
	}
	return list
}

// settle notes that something owed has come.
func (g *Gateway) settle(tx store.Tx, e store.LedgerEntry, at time.Time, answer int64) error {
	e.State, e.DoneAt, e.AnsweredBy, e.LookAt = store.LedgerMet, at, answer, time.Time{}
	if !e.DueAt.IsZero() && at.After(e.DueAt) {
		e.State = store.LedgerLate
	}
	return tx.UpdateLedger(e)
}

// correlation settles what one file with CONTRL or APERAK of a partner is about, in one transaction.
type correlation struct {
	g    *Gateway
	x    store.Interchange // the file with the answers
	said *ack.Answers

	tx       store.Tx
	rejected int    // CONTRL and APERAK that reject
	lost     string // what the first answer was about that fits nothing
}

// readAnswers reads the CONTRL and APERAK of a partner.
func (g *Gateway) readAnswers(ctx context.Context, x store.Interchange) (*correlation, error) {
	body, err := g.payload(ctx, x.PayloadDigest)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	said, err := ack.Read(body, edifact.Options{MaxMessageBytes: g.config.MaxMessageBytes})
	if err != nil {
		return nil, final{err}
	}
	return &correlation{g: g, x: x, said: said}, nil
}

// settleAll settles everything that the file is about.
func (c *correlation) settleAll(tx store.Tx) error {
	c.tx, c.rejected, c.lost = tx, 0, "" // the transaction may run again
	return c.file(c.said)
}

// commit settles what the file is about. What answers nothing that was sent from here is set aside for a person.
func (c *correlation) commit(tx store.Tx) error {
	if err := c.settleAll(tx); err != nil || c.lost == "" {
		return err
	}
	err := tx.AddWork(store.Work{
		Kind: kindCorrelate, Lane: work.Urgent, InterchangeID: c.x.ID, DueAt: c.g.now(), Parked: true, Reason: "gateway: correlate: " + c.lost,
	})
	return err
}

func (c *correlation) after() {
	if c.lost != "" {
		c.g.log.Warn("an answer of a partner fits nothing that was sent", zap.Int64("interchange", c.x.ID),
			zap.String("partner", c.x.Sender), zap.String("reason", c.lost))
	}
	if c.rejected > 0 {
		c.g.log.Warn("a partner rejected what was sent", zap.Int64("interchange", c.x.ID), zap.String("partner", c.x.Sender),
			zap.Int("rejected", c.rejected))
	}
}

// correlateAgain is for a person who has found out what was missing, and for answers that were too fast.
func (g *Gateway) correlateAgain(ctx context.Context, item store.Work) (work.Commit, error) {
	x, err := g.interchange(ctx, item.InterchangeID)
	if err != nil {
		return work.Commit{}, err
	}
	c, err := g.readAnswers(ctx, x)
	if err != nil {
		return work.Commit{}, fmt.Errorf("gateway: correlate: %w", err)
	}
	return work.Commit{
		Do: func(tx store.Tx) error {
			tx.SetClass(dataClass(x.MessageType))
			if err := c.settleAll(tx); err != nil {
				return err
			}
			if c.lost != "" {
				return tx.ParkWork(item, "gateway: correlate: "+c.lost)
			}
			return tx.CompleteWork(item)
		},
		After: c.after,
	}, nil
}

func (c *correlation) file(file *ack.Answers) error {
	for i := range file.Contrls {
		a := &file.Contrls[i]
		if a.Action == ack.Rejected {
			c.rejected++
		}
		// Some partners turn sender and receiver round.
		means := process.Event{At: c.x.ReceivedAt}
		if a.Action == ack.Rejected {
			means.Kind = process.EventContrl4
		}
		if err := c.answer(a, store.LedgerContrl, means, a.ControlRef, a.Sender.ID, a.Receiver.ID); err != nil {
			return err
		}
	}
	for i := range file.Aperaks {
		a := &file.Aperaks[i]
		means := process.Event{Kind: process.EventAperak312, At: c.x.ReceivedAt}
		if a.Code == ack.NotAccepted {
			c.rejected++
			means.Kind = process.EventAperak313
		}
		if a.Receiver.ID == "" { // the message does not say, the envelope does
			a.Sender, a.Receiver = file.Sender, file.Receiver
		}
		if err := c.answer(a, store.LedgerAperak, means, a.ControlRef, a.Receiver.ID); err != nil {
			return err
		}
	}
	return nil
}

// answer settles what one CONTRL or APERAK is about: the senders are who may have sent that. means is what it does to the
// steps of the transactions.
func (c *correlation) answer(a ack.Answer, kind store.LedgerKind, means process.Event, ref string, senders ...string) error {
	var files []store.Interchange
	var sent []ack.Sent
	for _, sender := range senders {
		list, err := c.tx.FindControlRef(store.Out, sender, ref)
		if err != nil {
			return err
		}
		for _, x := range list {
			if x.Verdict != string(check.Accepted) {
				continue // it never left, and its reference was free for another one
			}
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
	if means.Kind == process.EventContrl4 {
		again, err := c.sentAgain(a, original)
		if err != nil {
			return err
		}
		if again {
			means.Kind = ""
		}
	}
	if kind == store.LedgerContrl || len(m.Places) == 0 && len(m.Unknown) == 0 {
		m.Places = []ack.Place{{Message: -1, Transaction: -1}}
	}
	if err := lockSent(c.tx, original.ID); err != nil {
		return err
	}
	entries, err := c.tx.Ledger(original.ID)
	if err != nil {
		return err
	}
	for _, p := range m.Places {
		if means.Kind == process.EventContrl4 || means.Kind == process.EventAperak313 {
			if err := c.reopen(original, sent[m.File], p); err != nil {
				return err
			}
		}
		if err := c.place(original, sent[m.File], entries, p, kind, means); err != nil {
			return err
		}
	}
	if means.Kind == process.EventContrl4 {
		return c.cancel(original, entries, means)
	}
	return nil
}

// codeDuplicate is the code of CONTRL (DE 0085) for a file that came before.
const codeDuplicate = "26"

// sentAgain reports whether a CONTRL only says that the partner had a file before that a person has sent once more: then
// the first one counts, and nothing is rejected.
func (c *correlation) sentAgain(a ack.Answer, original store.Interchange) (bool, error) {
	contrl, ok := a.(*ack.Contrl)
	if !ok || contrl.Fault == nil || contrl.Fault.Code != codeDuplicate {
		return false, nil
	}
	list, err := c.tx.Decisions(store.DecisionQuery{InterchangeID: original.ID})
	return slices.ContainsFunc(list, func(d store.Decision) bool { return d.Action == actionResend }), err
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
func (c *correlation) place(original store.Interchange, sent ack.Sent, entries []store.LedgerEntry, p ack.Place, kind store.LedgerKind, means process.Event) error {
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
		step := e.Kind == store.LedgerAnswer && kind == store.LedgerAperak
		if e.Kind != kind && !step || p.Message >= 0 && e.MessageIndex != p.Message+1 {
			continue
		}
		if one && e.TransactionIndex != p.Transaction+1 {
			if other, ok := number(e.MessageIndex-1, e.TransactionIndex-1); !ok || other != wanted {
				continue
			}
		}
		if step {
			if _, err := c.g.advance(c.tx, original, *e, means, c.x.ID); err != nil {
				return err
			}
			continue
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

// reopen takes back what the rejected transactions of a place answered; -1 stands for all.
func (c *correlation) reopen(original store.Interchange, sent ack.Sent, p ack.Place) error {
	for i := range sent.Messages {
		for k := range sent.Messages[i].Transactions {
			if p.Message >= 0 && p.Message != i || p.Transaction >= 0 && p.Transaction != k {
				continue
			}
			if err := c.g.reopen(c.tx, original, place{i + 1, k + 1}, c.x.ReceivedAt); err != nil {
				return err
			}
		}
	}
	return nil
}

// cancel ends the wait for APERAK and for answers: a file that was rejected counts as not sent.
//
// Spec: CONTRL AHB 1.0 (a rejected file is not processed); APERAK AHB 1.1 ch. 2
func (c *correlation) cancel(original store.Interchange, entries []store.LedgerEntry, means process.Event) error {
	for _, e := range entries {
		switch {
		case e.Kind == store.LedgerAnswer:
			if _, err := c.g.advance(c.tx, original, e, means, c.x.ID); err != nil {
				return err
			}
		case e.Kind == store.LedgerAperak && e.DoneAt.IsZero():
			e.State, e.AnsweredBy, e.LookAt = store.LedgerCancelled, c.x.ID, time.Time{}
			if err := c.tx.UpdateLedger(e); err != nil {
				return err
			}
		}
	}
	return nil
}

// acknowledges reports whether an interchange is one that answers what was sent, technically.
func acknowledges(x store.Interchange) bool {
	return x.MessageType == "CONTRL" || x.MessageType == "APERAK"
}
