package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/ack"
	"github.com/marktbote/marktbote/formats/check"
	"github.com/marktbote/marktbote/formats/ident"
	"github.com/marktbote/marktbote/store"
)

// answers are the CONTRL and APERAK that a received interchange is answered with, and until when they must be out.
type answers struct {
	decision *ack.Decision
	files    []ack.Interchange
	checked  []*check.Result       // of the files
	long     map[int]store.Payload // files too long for the transaction of their row
}

// answer decides how a received interchange is answered.
func (g *Gateway) answer(ctx context.Context, x store.Interchange, result *check.Result, checked check.Options, outside []ack.Outside) (*answers, error) {
	body, err := g.payload(ctx, x.PayloadDigest)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	original, err := ack.Inspect(body, result, checked)
	if err != nil {
		return nil, err
	}
	own := g.answerer(original.Receiver)
	opts := ack.Options{
		ReceivedAt: x.ReceivedAt, SentAt: g.now(), Own: own, Sparte: result.Sparte, Rules: g.rules, Outside: outside,
		Numbers: &numbers{take: func() (int64, error) { return g.numbers.take(ctx, g.store, own.ID) }, now: g.now()},
	}
	a := &answers{long: map[int]store.Payload{}}
	if a.decision, err = ack.Decide(original, opts); err != nil {
		if errors.Is(err, ack.ErrIncomplete) {
			return nil, final{err}
		}
		return nil, err
	}
	if a.files, err = ack.Write(opts, a.decision); err != nil {
		return nil, err
	}
	for i := range a.files {
		result, err := check.File(bytes.NewReader(a.files[i].Bytes), check.Options{
			At: opts.SentAt, Rules: g.rules, Facts: facts{g.config}, Read: edifact.Options{MaxMessageBytes: g.config.MaxMessageBytes},
		})
		if err != nil {
			return nil, err
		}
		a.checked = append(a.checked, result)
		if len(a.files[i].Bytes) <= store.MaxInlinePayload {
			continue
		}
		if a.long[i], err = g.store.PutPayload(ctx, bytes.NewReader(a.files[i].Bytes)); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// answerer returns who answers a file: the MP-ID that it was sent to, or, if that is not an own one, an own one of the
// same code list, else the first.
func (g *Gateway) answerer(receiver ack.Party) ack.Party {
	if g.config.IsOwn(receiver.ID) {
		return receiver
	}
	best := qualified(g.config.Own[0].MPID)
	for _, p := range g.config.Own {
		if own := qualified(p.MPID); own.Qualifier == receiver.Qualifier {
			return own
		}
	}
	return best
}

// qualified returns an MP-ID with the code list that its first digits name.
//
// Spec: Allgemeine Festlegungen 6.1 2.13 (UNB 0007)
func qualified(id ident.MarktpartnerID) ack.Party {
	qualifier := "14"
	switch id.Sparte() {
	case formats.Strom:
		qualifier = "500"
	case formats.Gas:
		qualifier = "502"
	}
	return ack.Party{ID: string(id), Qualifier: qualifier}
}

// numberBlock is how many numbers are taken from the store at a time.
const numberBlock = 64

// reserve are numbers for control references that were taken from the store, by own MP-ID. Those left when the process
// ends are lost, which does no harm.
type reserve struct {
	mu     sync.Mutex
	blocks map[string]block
}

// block are the numbers from next to before end.
type block struct{ next, end int64 }

// take returns the next number of an own MP-ID.
func (r *reserve) take(ctx context.Context, st store.Store, mpID string) (int64, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.blocks[mpID]
	if b.next == b.end {
		err := st.Update(ctx, func(tx store.Tx) error {
			first, err := tx.NextControlRefs(mpID, numberBlock)
			b = block{first, first + numberBlock}
			return err
		})
		if err != nil {
			return 0, err
		}
	}
	if r.blocks == nil {
		r.blocks = map[string]block{}
	}
	r.blocks[mpID] = block{b.next + 1, b.end}
	return b.next, nil
}

// numbers makes the numbers of the answers to one interchange from a single number of the store. Numbers of answers
// that were never sent are lost, which does no harm.
type numbers struct {
	take func() (int64, error)
	now  time.Time

	base            string // day and number; empty before the first
	refs, documents int
}

// ControlRef returns the day, a number that goes on from day to day, and the place of the file among the answers: what
// a store that was set up anew gives on later days was not used before.
//
// Spec: Allgemeine Festlegungen 6.1 ch. 5 (UNB 0020: 14 characters, not used again within ten years)
func (n *numbers) ControlRef() (string, error) {
	if err := n.reserve(); err != nil {
		return "", err
	}
	n.refs++
	if n.refs > 9 {
		return "", errors.New("more than nine files with answers to one file")
	}
	return fmt.Sprintf("M%s%d", n.base, n.refs), nil
}

// DocumentNumber returns the same with a count of its own.
func (n *numbers) DocumentNumber() (string, error) {
	if err := n.reserve(); err != nil {
		return "", err
	}
	n.documents++
	return fmt.Sprintf("AP%s-%d", n.base, n.documents), nil
}

func (n *numbers) reserve() error {
	if n.base != "" {
		return nil
	}
	number, err := n.take()
	if err == nil {
		n.base = n.now.In(formats.Berlin).Format("060102") + numberText(number)
	}
	return err
}

// answerID is the identity of an answer, so that an interchange is never answered twice.
func answerID(original int64, file int) string { return fmt.Sprintf("answer/%d/%d", original, file) }

// answeredBy returns the interchange that an outgoing one answers.
func answeredBy(x store.Interchange) (original int64, ok bool) {
	id, ok := strings.CutPrefix(x.ReceivedID, "answer/")
	if !ok || x.Direction != store.Out {
		return 0, false
	}
	id, _, _ = strings.Cut(id, "/")
	original, err := strconv.ParseInt(id, 10, 64)
	return original, err == nil
}

// keepAnswers puts the answers on their way, in the transaction that makes the verdict known: each is an outgoing
// interchange of its own, and the ledger of what was received says until when it must have been sent.
func (g *Gateway) keepAnswers(tx store.Tx, x store.Interchange, a *answers) error {
	now := g.now()
	for i := range a.files {
		tx.SetClass(dataClass(a.files[i].Type))
		payload, ok := a.long[i]
		if !ok {
			var err error
			if payload, err = tx.PutPayload(a.files[i].Bytes); err != nil {
				return err
			}
			g.fresh.put(payload.Digest, a.files[i].Bytes)
		}
		answer := store.Interchange{
			Direction: store.Out, ReceivedID: answerID(x.ID, i+1), ReceivedAt: now, CheckedAt: now,
			PayloadDigest: payload.Digest, PayloadSize: payload.Size,
		}
		fill(&answer, a.checked[i])
		var err error
		if answer.ID, err = tx.InsertInterchange(answer); err != nil {
			return err
		}
		if err := insertResult(tx, answer.ID, a.checked[i]); err != nil {
			return err
		}
		if err := g.addAnswer(tx, answer, x.MessageType); err != nil {
			return err
		}
		if err := a.owed(x, answer.ID, a.files[i].Type, tx.InsertLedger); err != nil {
			return err
		}
	}
	tx.SetClass(dataClass(x.MessageType))
	return nil
}

// addAnswer puts an answer on its way. One that our own check does not accept is for a person.
func (g *Gateway) addAnswer(tx store.Tx, answer store.Interchange, about string) error {
	if answer.Verdict == string(check.Accepted) {
		return g.addDispatch(tx, answer, about)
	}
	err := tx.AddWork(store.Work{
		Kind: kindDispatch, Lane: sendLane(about), Target: answer.Recipient, InterchangeID: answer.ID, DueAt: answer.CheckedAt, Parked: true,
		Reason: fmt.Sprintf("gateway: the answer is wrong and was not sent: %s", answer.Verdict),
	})
	return err
}

// owed lists what an answer settles.
func (a *answers) owed(original store.Interchange, answer int64, kind string, insert func(store.LedgerEntry) error) error {
	e := store.LedgerEntry{InterchangeID: original.ID, State: store.LedgerOpen, AnsweredBy: answer}
	if kind == "CONTRL" {
		e.Kind, e.DueAt = store.LedgerContrl, a.decision.ContrlDue.By
		e.LookAt = warnAt(original.ReceivedAt, e.DueAt)
		return insert(e)
	}
	for i := range a.decision.Aperaks {
		r := &a.decision.Aperaks[i]
		e.Kind, e.DueAt = store.LedgerAperak, r.Due.By
		e.LookAt = warnAt(original.ReceivedAt, e.DueAt)
		e.MessageIndex, e.TransactionIndex = r.MessageIndex+1, r.TransactionIndex+1
		if err := insert(e); err != nil {
			return err
		}
	}
	return nil
}
