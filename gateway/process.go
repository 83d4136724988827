package gateway

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/check"
	"github.com/marktbote/marktbote/formats/event"
	"github.com/marktbote/marktbote/formats/ident"
	"github.com/marktbote/marktbote/formats/process"
	"github.com/marktbote/marktbote/gateway/work"
	"github.com/marktbote/marktbote/store"
)

// kindDecide is the kind of items that only a person can end: a contradiction that no rule resolves.
const kindDecide = "decide"

// Levels of process keys beside those of package process: how two transactions are related, the value is the place of
// the other one.
const (
	levelCancelledBy = "cancelled-by"
	levelAnsweredBy  = "answered-by"
	levelObject      = "object" // of a request that has answers without a reference
)

// transaction is what a transaction is in its process.
type transaction struct {
	place
	entry *process.Entry
	keys  []process.Key // names that its number and its document do not tell
	refs  []process.Reference
	facts process.Facts
	about string // object of an answer that does not say what it answers
}

// transactions calls yield for the transactions of a message that are steps of a process and were not rejected.
func (g *Gateway) transactions(x store.Interchange, unb *edifact.Segment, m *edifact.Message, rejected map[place]bool, yield func(transaction) error) error {
	var msg process.Message
	for i, t := range event.Transactions(m) {
		at := place{m.Index(), i + 1}
		entry, ok := process.Lookup(t.Pruefidentifikator)
		if !ok || rejected[at] {
			continue
		}
		if msg.Type == "" {
			msg = process.Read(unb, m)
		}
		facts := msg.Facts(t)
		facts.Role = g.config.Rolle(x.Recipient)
		step := transaction{place: at, entry: entry, refs: msg.Refers(t), facts: facts}
		for _, k := range msg.Identifies(t) {
			if k.Level == process.LevelReply || k.Level == process.LevelSeries {
				step.keys = append(step.keys, k)
			}
		}
		if t.Object != "" && slices.ContainsFunc(entry.Answers, namesNothing) {
			step.keys = append(step.keys, process.Key{Level: levelObject, Value: t.Object})
		}
		if len(entry.AnswersTo()) > 0 && !entry.NamesRequest() {
			step.about = t.Object
		}
		if !entry.Expects(facts) && len(step.refs) == 0 && len(step.keys) == 0 && step.about == "" {
			continue
		}
		if err := yield(step); err != nil {
			return err
		}
	}
	return nil
}

// namesNothing reports whether an answer does not refer to what it answers.
func namesNothing(a process.Answer) bool {
	e, ok := process.Lookup(a.Pruefidentifikator)
	return ok && !e.NamesRequest()
}

// follow notes what a transaction that was received or sent at an instant means for its process: what it answers, cancels
// or disputes, and whether it is answered itself, until when.
func (g *Gateway) follow(ctx context.Context, tx store.Tx, x store.Interchange, t transaction, at time.Time) error {
	for _, k := range t.keys {
		if err := tx.InsertProcessKey(processKey(x.ID, t.place, string(k.Level), k.Value)); err != nil {
			return err
		}
	}
	var err error
	if t.facts, err = g.borrow(ctx, tx, x, t); err != nil {
		return err
	}
	if err := g.open(tx, x, t, at); err != nil {
		return err
	}
	if t.about != "" {
		if err := g.answerAbout(tx, x, t, at); err != nil {
			return err
		}
	}
	answered, asked := false, ""
	for _, ref := range t.refs {
		found, err := g.find(tx, x, ref.Key)
		if err != nil {
			return err
		}
		for _, f := range found {
			switch ref.Relation {
			case process.Answers:
				hit, err := g.answerStep(tx, x, t, f, at)
				if err != nil {
					return err
				}
				answered = answered || hit
			case process.Cancels:
				err = g.cancelStep(tx, x, t, f, at)
			case process.Disputes:
				err = g.advancePlace(tx, f, process.Event{Kind: process.EventObjected, At: at}, x.ID)
			default: // one process, but nothing changes
			}
			if err != nil {
				return err
			}
		}
		if ref.Relation == process.Answers && asked == "" {
			asked = ref.Key.Value
		}
	}
	if asked == "" || answered {
		return nil
	}
	g.log.Info("an answer to nothing that is known", zap.Int64("interchange", x.ID), zap.Int("message", t.message),
		zap.Int("transaction", t.transaction), zap.Stringer("pid", t.entry.Pruefidentifikator))
	return g.report(tx, x, step{place: t.place, pid: t.entry.Pruefidentifikator, reference: asked, at: at}, process.MeansUnexpected)
}

// borrow returns the facts of a transaction, with the dates of what it answers or disputes if its deadline depends on dates
// that it does not have: what is about an invoice must be answered by the payment target of the invoice. If it is about
// several the first one counts.
func (g *Gateway) borrow(ctx context.Context, tx store.Tx, x store.Interchange, t transaction) (process.Facts, error) {
	if !t.entry.Expects(t.facts) || t.facts.Has(t.entry.Due.Dates()...) {
		return t.facts, nil
	}
	for _, ref := range t.refs {
		if ref.Relation != process.Answers && ref.Relation != process.Disputes {
			continue
		}
		found, err := g.find(tx, x, ref.Key)
		if err != nil {
			return t.facts, err
		}
		for _, f := range found {
			theirs, err := g.factsOf(ctx, tx, f)
			if err != nil {
				return t.facts, err
			}
			if theirs.Has(t.entry.Due.Dates()...) {
				t.facts.Dates = append(slices.Clip(t.facts.Dates), theirs.Dates...)
				return t.facts, nil
			}
		}
	}
	return t.facts, nil
}

// factsOf reads the facts of a transaction from the bytes that were kept; none if they are kept no more.
func (g *Gateway) factsOf(ctx context.Context, tx store.Tx, f store.Found) (process.Facts, error) {
	x, err := tx.Interchange(f.InterchangeID)
	if err != nil {
		return process.Facts{}, err
	}
	body, err := g.store.OpenPayload(ctx, x.PayloadDigest)
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrShredded) {
		return process.Facts{}, nil
	}
	if err != nil {
		return process.Facts{}, err
	}
	defer body.Close()
	r := edifact.NewReader(body, edifact.Options{MaxMessageBytes: g.config.MaxMessageBytes})
	var m edifact.Message
	for m.Index() < f.MessageIndex {
		if err := r.NextMessage(&m); err != nil {
			return process.Facts{}, err
		}
	}
	list := event.Transactions(&m)
	if f.Index > len(list) {
		return process.Facts{}, nil
	}
	msg := process.Read(r.UNB(), &m)
	return msg.Facts(list[f.Index-1]), nil
}

// open begins the step of a transaction that is answered. Who owes an answer goes by the earliest instant that its
// deadline can be, who waits for one by the latest.
func (g *Gateway) open(tx store.Tx, x store.Interchange, t transaction, at time.Time) error {
	if !t.entry.Expects(t.facts) {
		return nil
	}
	due := time.Time{}
	if earliest, latest, ok := t.entry.Due.Bounds(at, t.facts); ok {
		if due = latest; x.Direction == store.In {
			due = earliest
		}
	}
	s, _ := process.Step{Rule: t.entry.Rule(t.facts)}.On(process.Event{Kind: process.EventReceived, At: at, Due: due})
	e := store.LedgerEntry{InterchangeID: x.ID, MessageIndex: t.message, TransactionIndex: t.transaction, Kind: store.LedgerAnswer}
	keepStep(&e, t.entry.Pruefidentifikator, s)
	if x.Direction == store.In && !due.IsZero() {
		e.LookAt = warnAt(at, due)
	}
	return tx.InsertLedgerOnce(e) // the answer may have been faster than this transaction
}

// answerStep applies an answer to the step of a transaction. It returns false if it is none that this one has.
func (g *Gateway) answerStep(tx store.Tx, x store.Interchange, t transaction, f store.Found, at time.Time) (bool, error) {
	asked, ok := process.Lookup(ident.Pruefidentifikator(f.Pruefidentifikator))
	if !ok {
		return false, nil
	}
	answer, ok := asked.AnswerBy(t.entry.Pruefidentifikator, process.Facts{})
	if !ok {
		return false, nil
	}
	e, exists, err := answerEntry(tx, f)
	if err != nil {
		return false, err
	}
	if !exists { // faster than the transaction that notes that the request was sent
		e = store.LedgerEntry{InterchangeID: f.InterchangeID, MessageIndex: f.MessageIndex, TransactionIndex: f.Index, Kind: store.LedgerAnswer}
		s, _ := process.Step{Rule: asked.Rule(process.Facts{})}.On(process.Event{Kind: process.EventReceived, At: at})
		keepStep(&e, asked.Pruefidentifikator, s)
		if err := tx.InsertLedger(e); err != nil {
			return false, err
		}
	}
	if _, s, ok := stepOf(e); ok {
		if due, running := s.Running(); running && at.After(due) { // the deadline passed, and nobody has looked since
			if err := g.advancePlace(tx, f, process.Event{Kind: process.EventDeadline, At: at}, 0); err != nil {
				return false, err
			}
			if e, _, err = answerEntry(tx, f); err != nil {
				return false, err
			}
		}
	}
	meaning, err := g.advance(tx, store.Interchange{ID: f.InterchangeID, Direction: opposite(x.Direction)}, e,
		process.Event{Kind: process.EventAnswer, At: at, Effect: answer.Effect}, x.ID)
	if err != nil {
		return false, err
	}
	if err := tx.InsertProcessKey(processKey(f.InterchangeID, place{f.MessageIndex, f.Index}, levelAnsweredBy, placeText(x.ID, t.place))); err != nil {
		return false, err
	}
	// Some answers have a deadline of their own, such as the refusal where the values themselves have none.
	by, own := answer.By.Due(f.ReceivedAt, process.Facts{Sparte: ident.MarktpartnerID(f.Recipient).Sparte()})
	if own && at.After(by) && meaning == process.MeansRefused {
		late := step{place: place{f.MessageIndex, f.Index}, pid: asked.Pruefidentifikator, due: by, at: at}
		if err := g.report(tx, store.Interchange{ID: f.InterchangeID}, late, process.MeansAnsweredLate); err != nil {
			return false, err
		}
	}
	if meaning != process.MeansConfirmed {
		return true, nil
	}
	// A cancellation that was confirmed ends what it was about.
	list, err := tx.ProcessKeys(levelCancelledBy, placeText(f.InterchangeID, place{f.MessageIndex, f.Index}), 0)
	for _, k := range list {
		target := store.Found{Transaction: store.Transaction{InterchangeID: k.InterchangeID, MessageIndex: k.MessageIndex, Index: k.TransactionIndex}}
		if err := g.advancePlace(tx, target, process.Event{Kind: process.EventCancelled, At: at}, x.ID); err != nil {
			return true, err
		}
	}
	return true, err
}

// maxUnanswered is how many requests about one object that nobody has answered are looked at.
const maxUnanswered = 1000

// answerAbout applies an answer without a reference to the oldest open request about its object.
func (g *Gateway) answerAbout(tx store.Tx, x store.Interchange, t transaction, at time.Time) error {
	keys, err := tx.UnansweredKeys(levelObject, t.about, maxUnanswered)
	if err != nil {
		return err
	}
	found, err := namedBy(tx, x, opposite(x.Direction), x.Recipient, keys)
	if err != nil {
		return err
	}
	for _, f := range found {
		e, exists, err := answerEntry(tx, f)
		if err != nil {
			return err
		}
		if !exists || !e.DoneAt.IsZero() || e.State == store.LedgerCancelled {
			continue
		}
		if hit, err := g.answerStep(tx, x, t, f, at); hit || err != nil {
			return err
		}
	}
	return nil
}

// cancelStep notes what a transaction wants cancelled. Where nobody is asked it is cancelled at once.
func (g *Gateway) cancelStep(tx store.Tx, x store.Interchange, t transaction, f store.Found, at time.Time) error {
	if t.entry.Expects(t.facts) {
		return tx.InsertProcessKey(processKey(f.InterchangeID, place{f.MessageIndex, f.Index}, levelCancelledBy, placeText(x.ID, t.place)))
	}
	return g.advancePlace(tx, f, process.Event{Kind: process.EventCancelled, At: at}, x.ID)
}

// reopen takes back the answers that a transaction gave, because the partner rejected it: it counts as not received, and
// the answer is owed as before.
//
// Spec: APERAK AHB 1.1 ch. 1 (a rejected transaction counts as not received)
func (g *Gateway) reopen(tx store.Tx, rejected store.Interchange, at place, now time.Time) error {
	list, err := tx.ProcessKeys(levelAnsweredBy, placeText(rejected.ID, at), 0)
	if err != nil {
		return err
	}
	for _, k := range list {
		e, exists, err := answerEntry(tx, store.Found{Transaction: store.Transaction{InterchangeID: k.InterchangeID, MessageIndex: k.MessageIndex, Index: k.TransactionIndex}})
		if err != nil {
			return err
		}
		pid, s, ok := stepOf(e)
		if !exists || !ok || e.AnsweredBy != rejected.ID {
			continue
		}
		s = process.Step{Rule: s.Rule, State: process.Open, Due: e.DueAt}
		e.DoneAt, e.AnsweredBy = time.Time{}, 0
		keepStep(&e, pid, s)
		if !e.DueAt.IsZero() {
			e.LookAt = warnAt(now, e.DueAt)
		}
		if err := tx.UpdateLedger(e); err != nil {
			return err
		}
		if err := g.report(tx, store.Interchange{ID: k.InterchangeID}, step{place: place{k.MessageIndex, k.TransactionIndex}, pid: pid, due: e.DueAt, at: now}, process.MeansReopened); err != nil {
			return err
		}
	}
	return nil
}

// ErrNotRejected: nothing of the interchange was rejected by a partner, or it was not sent from here.
var ErrNotRejected = errors.New("gateway: nothing of the interchange was rejected by a partner")

// LiftRejection takes back that a partner rejected an outgoing interchange, because the partner was wrong: the first receipt
// counts again, and with it the deadlines that ran from it. who and reason are kept. Errors:
// ErrNotRejected, *DecisionError, store.ErrNotFound.
//
// Spec: APERAK AHB 1.1 ch. 1.5
func (g *Gateway) LiftRejection(ctx context.Context, id int64, who, reason string) error {
	who, reason, err := justify(who, reason)
	if err != nil {
		return err
	}
	return g.store.Update(ctx, func(tx store.Tx) error {
		tx.SetActor(who, reason)
		x, err := tx.Interchange(id)
		if err != nil {
			return err
		}
		entries, err := tx.Ledger(id)
		if err != nil {
			return err
		}
		lifted := 0
		for _, e := range entries {
			switch {
			case x.Direction != store.Out:
			case e.Kind == store.LedgerAnswer:
				meaning, err := g.advance(tx, x, e, process.Event{Kind: process.EventRejectionLifted, At: g.now()}, 0)
				if err != nil {
					return err
				}
				if meaning == process.MeansRestored {
					lifted++
				}
			case e.Kind == store.LedgerAperak && e.State == store.LedgerCancelled:
				e.State, e.AnsweredBy, e.LookAt = store.LedgerOpen, 0, e.DueAt
				if err := tx.UpdateLedger(e); err != nil {
					return err
				}
				lifted++
			}
		}
		if lifted == 0 {
			return ErrNotRejected
		}
		_, err = tx.InsertDecision(store.Decision{
			DecidedAt: g.now(), Actor: who, Action: "lift-rejection", Subject: fmt.Sprintf("interchange/%d", id), Reason: reason, InterchangeID: id,
		})
		return err
	})
}

// advancePlace is advance for a transaction that may have no step.
func (g *Gateway) advancePlace(tx store.Tx, f store.Found, ev process.Event, by int64) error {
	e, exists, err := answerEntry(tx, f)
	if err != nil || !exists {
		return err
	}
	x, err := tx.Interchange(f.InterchangeID)
	if err != nil {
		return err
	}
	_, err = g.advance(tx, x, e, ev, by)
	return err
}

// advance moves a step on, because of the interchange by; 0: because of the time. A contradiction is set aside for a
// person. Of x the ID and the Direction are needed.
func (g *Gateway) advance(tx store.Tx, x store.Interchange, e store.LedgerEntry, ev process.Event, by int64) (process.Meaning, error) {
	pid, s, ok := stepOf(e)
	if !ok {
		return process.MeansNothing, fmt.Errorf("gateway: step %q of interchange %d cannot be read", e.Step, e.InterchangeID)
	}
	s, meaning := s.On(ev)
	if ev.Kind == process.EventAnswer && e.DoneAt.IsZero() && meaning != process.MeansUnexpected {
		e.DoneAt, e.AnsweredBy = ev.At, by // the first answer counts
	}
	if meaning == process.MeansNothing {
		return meaning, nil
	}
	keepStep(&e, pid, s)
	if err := tx.UpdateLedger(e); err != nil {
		return meaning, err
	}
	at := place{e.MessageIndex, e.TransactionIndex}
	if s.State == process.NeedsClearing {
		err := tx.AddWork(store.Work{
			Kind: kindDecide, Lane: work.Urgent, InterchangeID: e.InterchangeID, DueAt: g.now(), Parked: true,
			Reason: fmt.Sprintf("gateway: %s in message %d, transaction %d: %s, because of interchange %d", pid, at.message, at.transaction, meaning, by),
		})
		if err != nil {
			return meaning, err
		}
	}
	return meaning, g.report(tx, x, step{place: at, pid: pid, due: e.DueAt, at: ev.At, silence: s.Rule.Silence}, meaning)
}

// find returns the transactions that a reference of an interchange can mean. They went the same way as the interchange if
// its sender sent them, else the other way.
func (g *Gateway) find(tx store.Tx, x store.Interchange, k process.Key) ([]store.Found, error) {
	q := store.TransactionQuery{Direction: opposite(x.Direction), Sender: string(k.Sender)}
	if string(k.Sender) == x.Sender {
		q.Direction = x.Direction
	}
	switch k.Level {
	case process.LevelTransaction:
		q.Number = k.Value
	case process.LevelDocument:
		q.DocumentNo = k.Value
	case process.LevelItem:
		q.DocumentNo, q.Number, _ = strings.Cut(k.Value, "/")
	default:
		keys, err := tx.ProcessKeys(string(k.Level), k.Value, 0)
		if err != nil {
			return nil, err
		}
		return namedBy(tx, x, q.Direction, string(k.Sender), keys)
	}
	list, err := tx.FindTransactions(q)
	if err != nil {
		return nil, err
	}
	counts := list[:0]
	for _, f := range list {
		whole := f.InterchangeVerdict == string(check.Accepted) // else one that was to be sent has not left
		if f.Verdict == string(check.Accepted) && whole && f.InterchangeID != x.ID && !f.Test {
			counts = append(counts, f)
		}
	}
	return counts, nil
}

// namedBy finds what process keys name that went in a direction, from a sender if it is not empty.
func namedBy(tx store.Tx, x store.Interchange, direction store.Direction, sender string, keys []store.ProcessKey) (list []store.Found, err error) {
	for _, key := range keys {
		named, err := tx.Interchange(key.InterchangeID)
		if err != nil {
			return nil, err
		}
		if named.ID == x.ID || named.Direction != direction || sender != "" && named.Sender != sender {
			continue
		}
		t, err := tx.Transaction(named.ID, key.MessageIndex, key.TransactionIndex)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		list = append(list, store.Found{Transaction: t, ReceivedAt: named.ReceivedAt, Recipient: named.Recipient})
	}
	return list, nil
}

// answerEntry returns the entry for the answer to a transaction.
func answerEntry(tx store.Tx, f store.Found) (e store.LedgerEntry, exists bool, err error) {
	e, err = tx.LedgerEntry(f.InterchangeID, f.MessageIndex, f.Index, store.LedgerAnswer)
	if errors.Is(err, store.ErrNotFound) {
		return e, false, nil
	}
	return e, err == nil, err
}

// keepStep writes a step into its entry. DoneAt must be that of the answer.
func keepStep(e *store.LedgerEntry, pid ident.Pruefidentifikator, s process.Step) {
	e.Step, e.DueAt, e.LookAt = pid.String()+" "+s.Text(), s.Due, time.Time{}
	switch s.State {
	case process.Open, process.Accepted:
		e.State, e.LookAt = store.LedgerOpen, s.Due
	case process.Rejected, process.Cancelled:
		e.State = store.LedgerCancelled
	case process.Silent, process.Overdue:
		if e.State = store.LedgerMissed; !e.DoneAt.IsZero() {
			e.State = store.LedgerLate
		}
	case process.Sent, process.Draft:
		e.State = store.LedgerOpen
	case process.Confirmed, process.Refused, process.Answered, process.Done, process.NeedsClearing:
		if e.State = store.LedgerMet; !s.Due.IsZero() && e.DoneAt.After(s.Due) {
			e.State = store.LedgerLate
		}
	}
}

// stepOf reads what keepStep has written.
func stepOf(e store.LedgerEntry) (ident.Pruefidentifikator, process.Step, bool) {
	pid, text, _ := strings.Cut(e.Step, " ")
	entry, ok := process.Lookup(ident.Pruefidentifikator(pid))
	if !ok {
		return "", process.Step{}, false
	}
	rule := entry.Rule(process.Facts{})
	rule.Answered = true
	return entry.Pruefidentifikator, rule.Restore(text, e.DueAt), true
}

// DescribeStep says in words where the step of a ledger entry stands; empty if the entry has none.
func DescribeStep(e store.LedgerEntry, lang formats.Lang) string {
	pid, s, ok := stepOf(e)
	if !ok {
		return ""
	}
	text := pid.String() + ": " + s.State.Describe(lang)
	if s.State == process.Silent {
		text += ". " + s.Rule.Silence.Describe(lang)
	}
	return text
}

func processKey(id int64, at place, level, value string) store.ProcessKey {
	return store.ProcessKey{InterchangeID: id, MessageIndex: at.message, TransactionIndex: at.transaction, Level: level, Value: value}
}

func placeText(id int64, at place) string {
	return fmt.Sprintf("%d/%d/%d", id, at.message, at.transaction)
}

func opposite(d store.Direction) store.Direction {
	if d == store.In {
		return store.Out
	}
	return store.In
}

// step is what is reported about a step.
type step struct {
	place
	pid       ident.Pruefidentifikator
	due       time.Time
	at        time.Time // of what happened
	silence   process.Silence
	reference string // of an answer to nothing that is known
}

// reported are the meanings that the systems behind are told of.
var reported = map[process.Meaning]string{
	process.MeansConfirmedBySilence: "accepted-by-silence",
	process.MeansObjectionWaived:    "objection-waived",
	process.MeansBreach:             "deadline-missed",
	process.MeansDeadlineMissed:     "deadline-missed",
	process.MeansAnsweredLate:       "answered-late",
	process.MeansLateAndVoid:        "answered-late",
	process.MeansUnexpected:         "answer-unexpected",
	process.MeansCancelled:          "cancelled",
	process.MeansReopened:           "reopened",
	process.MeansRestored:           "reopened",
	meansDueSoon:                    "deadline-approaching",
}

// meansDueSoon is what a warning reports.
const meansDueSoon process.Meaning = "due-soon"

// report puts what happened to a step into the outbox.
func (g *Gateway) report(tx store.Tx, x store.Interchange, s step, meaning process.Meaning) error {
	name, ok := reported[meaning]
	if !ok {
		return nil
	}
	whole, err := tx.Interchange(x.ID)
	if err != nil {
		return err
	}
	e := event.OfProcess(name, event.Process{
		Interchange: whole.ID, Message: s.message, Transaction: s.transaction, Pruefidentifikator: s.pid, Meaning: string(meaning),
		Due: s.due, At: s.at, Silence: string(s.silence), Reference: s.reference,
	}, event.Envelope{
		Direction: event.Direction(whole.Direction), SenderRole: g.config.Rolle(whole.Sender), RecipientRole: g.config.Rolle(whole.Recipient),
		FormatVersion: formats.FormatVersion(whole.FormatVersion), Sparte: formats.Sparte(whole.Sparte), Test: whole.Test,
	}, ident.MarktpartnerID(whole.Sender), ident.MarktpartnerID(whole.Recipient))
	t, err := tx.Transaction(whole.ID, s.message, s.transaction)
	if err == nil && t.Subject != "" {
		e.Subject, e.PartitionKey = t.Subject, t.Subject
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) { // an entry about a whole message has none
		return err
	}
	row, err := g.outboxEvent(whole, e)
	if err != nil {
		return err
	}
	known, err := tx.InsertEvents(row)
	if err == nil && len(known) > 0 {
		err = g.arrivedBefore(tx, whole, e, row.Data)
	}
	return err
}
