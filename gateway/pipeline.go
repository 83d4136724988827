// Package gateway carries an interchange from the transport to the systems behind: kept, checked, published.
//
// This file tells the path of a message. Every arrow is one durable work item and one transaction of the store:
//
//	in   transport -> Receive:   bytes kept, item "check"  -> the transport may confirm the receipt
//	               -> check:     verdict, messages, transactions, findings; the answers (acknowledge.go), each an
//	                             outgoing interchange with an item "check"; item "publish" if accepted
//	               -> publish:   events in the outbox
//	               -> correlate: in front of publish, for CONTRL and APERAK (ledger.go): what they settle
//	out  caller    -> Submit:    bytes kept, item "check"  -> the caller may forget them
//	               -> check:     as above; item "dispatch" if accepted
//	               -> dispatch:  one attempt through the Channel; what the partner owes for it now; item "publish"
//	               -> publish
//
// After a crash between any two steps the item of the next step is in the store and is done then. A gateway without a
// Channel answers nothing and waits for nothing.
package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/check"
	"github.com/marktbote/marktbote/formats/event"
	"github.com/marktbote/marktbote/formats/rules"
	"github.com/marktbote/marktbote/gateway/config"
	"github.com/marktbote/marktbote/gateway/work"
	"github.com/marktbote/marktbote/store"
)

// The kinds of work items.
const (
	kindCheck     = "check"
	kindCorrelate = "correlate"
	kindDispatch  = "dispatch"
	kindPublish   = "publish"
)

// Errors of Receive and Submit that are the caller's to mend.
var (
	// ErrTooLarge: the interchange is larger than the configuration allows. Nothing of it was kept.
	ErrTooLarge = errors.New("gateway: interchange is larger than max_interchange_bytes")
	// ErrReusedID: the identity of the delivery belongs to an interchange with other bytes. There is no interchange with
	// these.
	ErrReusedID = errors.New("gateway: the identity of the delivery was used before for other bytes")
)

// Channel sends one interchange to a partner: one attempt, no retry. An error with Temporary() false is final.
type Channel interface {
	Send(ctx context.Context, out Outgoing) error
}

// Outgoing is what a Channel sends.
type Outgoing struct {
	MessageID string // stays the same when the attempt is repeated, so that the partner can tell
	Sender    string // UNB 0004
	Recipient string // UNB 0010
	Body      io.Reader
}

// Options make a Gateway.
type Options struct {
	Store   store.Store
	Config  config.Config
	Log     *zap.Logger
	Metrics prometheus.Registerer
	Channel Channel          // nil: nothing can be sent
	Rules   *rules.Shelf     // nil: the packs in the binary
	Now     func() time.Time // nil: time.Now
}

// Gateway is one gateway. Its methods are safe for concurrent use.
type Gateway struct {
	store    store.Store
	config   config.Config
	log      *zap.Logger
	channel  Channel
	rules    *rules.Shelf
	now      func() time.Time
	work     *work.Runner
	verdicts *prometheus.CounterVec // gateway_interchanges_total; labels: direction (in, out), verdict (see check)
	events   prometheus.Counter     // gateway_events_total
	overdue  *prometheus.CounterVec // gateway_deadlines_missed_total; labels: kind (of the ledger)
}

// New returns a Gateway that does nothing until Run.
func New(opts Options) *Gateway {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	g := &Gateway{
		store: opts.Store, config: opts.Config, log: opts.Log.Named("gateway"), channel: opts.Channel, rules: opts.Rules, now: opts.Now,
		work: work.New(opts.Store, opts.Log, opts.Now, opts.Metrics),
		verdicts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gateway_interchanges_total", Help: "Interchanges checked, by direction and verdict.",
		}, []string{"direction", "verdict"}),
		events: prometheus.NewCounter(prometheus.CounterOpts{Name: "gateway_events_total", Help: "Events put into the outbox."}),
		overdue: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gateway_deadlines_missed_total", Help: "Acknowledgements that did not come or go out in time, by kind.",
		}, []string{"kind"}),
	}
	opts.Metrics.MustRegister(g.verdicts, g.events, g.overdue)
	g.work.Handle(kindCheck, g.check)
	g.work.Handle(kindDispatch, g.dispatch)
	g.work.Handle(kindPublish, g.publish)
	g.work.Handle(kindCorrelate, g.correlate)
	return g
}

// Run works until ctx ends and returns when the work in progress is done.
func (g *Gateway) Run(ctx context.Context) {
	var beside sync.WaitGroup
	if g.channel != nil {
		beside.Go(func() { g.watch(ctx) })
	}
	if w, ok := g.store.(store.Waiter); ok {
		beside.Go(func() { g.listen(ctx, w) })
	}
	g.work.Run(ctx)
	beside.Wait()
}

// listen wakes the lanes when another gateway on the same database has added work. Without it, and while it fails, they
// look from time to time.
func (g *Gateway) listen(ctx context.Context, w store.Waiter) {
	for ctx.Err() == nil {
		if err := w.WaitWork(ctx); err == nil {
			g.work.Wake()
			continue
		} else if ctx.Err() == nil {
			g.log.Warn("new work of other gateways is not announced at the moment", zap.Error(err))
		}
		select {
		case <-ctx.Done():
		case <-time.After(listenAgain):
		}
	}
}

// listenAgain is the wait after the database could not be listened to.
const listenAgain = 5 * time.Second

// Receive keeps an interchange that a transport received. When it returns without error the bytes and the work item
// survive a crash and the transport may confirm the receipt. receivedID is the transport's identity of the
// delivery; a second delivery with the same one and the same bytes is not processed again and returns the first
// interchange's ID. An empty one makes every delivery a new one. Errors: ErrTooLarge, ErrReusedID, those of body,
// of ctx and of the store.
func (g *Gateway) Receive(ctx context.Context, channel, receivedID string, body io.Reader) (int64, error) {
	return g.keep(ctx, store.In, channel, receivedID, body)
}

// Submit keeps an interchange that is to be sent. When it returns without error it will be checked and sent.
func (g *Gateway) Submit(ctx context.Context, body io.Reader) (int64, error) {
	return g.keep(ctx, store.Out, "", "", body)
}

// keep is the first step in both directions. Usual bytes are kept in the same transaction as their row, long ones in
// front of it.
func (g *Gateway) keep(ctx context.Context, direction store.Direction, channel, receivedID string, body io.Reader) (int64, error) {
	head := headWriter{}
	body = &guard{body: body, left: g.config.MaxInterchangeBytes, head: &head}
	content, err := io.ReadAll(io.LimitReader(body, store.MaxInlinePayload+1))
	if err != nil {
		return 0, fmt.Errorf("gateway: keep interchange: %w", err)
	}
	var payload store.Payload
	long := len(content) > store.MaxInlinePayload
	if long {
		if payload, err = g.store.PutPayload(ctx, io.MultiReader(bytes.NewReader(content), body)); err != nil {
			return 0, fmt.Errorf("gateway: keep interchange: %w", err)
		}
	}
	now := g.now()
	messageType := head.messageType()
	var id int64
	err = g.store.Update(ctx, func(tx store.Tx) error {
		tx.SetClass(dataClass(messageType))
		var err error
		if !long {
			if payload, err = tx.PutPayload(content); err != nil {
				return err
			}
		}
		id, err = tx.InsertInterchange(store.Interchange{
			Direction: direction, Channel: channel, ReceivedID: receivedID, ReceivedAt: now,
			PayloadDigest: payload.Digest, PayloadSize: payload.Size, State: store.StateReceived,
		})
		if err != nil {
			return err
		}
		_, err = tx.AddWork(store.Work{Kind: kindCheck, Lane: lane(messageType), InterchangeID: id, DueAt: now})
		return err
	})
	if errors.Is(err, store.ErrDuplicate) {
		return g.repeated(ctx, id, channel, payload.Digest)
	}
	if err != nil {
		return 0, fmt.Errorf("gateway: keep interchange: %w", err)
	}
	g.log.Info("interchange kept", zap.Int64("interchange", id), zap.String("direction", string(direction)),
		zap.String("channel", channel), zap.Int64("bytes", payload.Size))
	g.work.Wake()
	return id, nil
}

// repeated answers a delivery whose identity is known: it is a repetition only if the bytes are the same.
func (g *Gateway) repeated(ctx context.Context, id int64, channel, digest string) (int64, error) {
	first, err := g.interchange(ctx, id)
	if err != nil {
		return 0, fmt.Errorf("gateway: keep interchange: %w", err)
	}
	if first.PayloadDigest != digest {
		g.log.Warn("delivery with the identity of another one refused", zap.Int64("interchange", id), zap.String("channel", channel))
		return 0, ErrReusedID
	}
	g.log.Info("delivery repeated", zap.Int64("interchange", id), zap.String("channel", channel))
	return id, nil
}

// guard ends reading with ErrTooLarge when the limit is passed, and remembers the beginning of the bytes.
type guard struct {
	body io.Reader
	left int64 // bytes allowed
	head *headWriter
}

func (g *guard) Read(p []byte) (int, error) {
	n, err := g.body.Read(p)
	if g.left -= int64(n); g.left < 0 {
		return 0, ErrTooLarge
	}
	g.head.add(p[:n])
	return n, err
}

// headWriter keeps the first bytes of an interchange.
type headWriter struct{ bytes []byte }

const headBytes = 1 << 10 // enough for UNA, UNB and UNH

func (h *headWriter) add(p []byte) {
	if left := headBytes - len(h.bytes); left > 0 {
		h.bytes = append(h.bytes, p[:min(left, len(p))]...)
	}
}

// messageType returns UNH 0065 of the first message, empty if it cannot be read that early.
func (h *headWriter) messageType() string {
	r := edifact.NewReader(bytes.NewReader(h.bytes), edifact.Options{})
	for s, err := r.Next(); err == nil; s, err = r.Next() {
		if s.Tag() == edifact.UNH {
			return s.Text(3, 1)
		}
	}
	return ""
}

// lane chooses the lane of an interchange. One whose type is not known is not urgent.
//
// Spec: APERAK AHB 1.1 2.4 (45 minutes for UTILMD and ORDERS)
func lane(messageType string) string {
	switch messageType {
	case "UTILMD", "ORDERS", "ORDRSP", "ORDCHG", "APERAK", "CONTRL":
		return work.Urgent
	}
	return work.Bulk
}

// dataClass chooses what is kept how long; docs/operations.md tells the classes. What is not known is kept longest.
// Bytes too long for the transaction of their row are not sorted.
func dataClass(messageType string) store.Class {
	switch messageType {
	case "INVOIC", "REMADV":
		return "billing"
	case "MSCONS":
		return "meter"
	case "UTILMD", "ORDERS", "ORDRSP", "ORDCHG", "APERAK", "CONTRL", "IFTSTA", "COMDIS", "INSRPT":
		return "process"
	}
	return store.ClassUnsorted
}

// maxFindings is how many findings are kept of an interchange that is answered, so that no transaction is answered
// without its own.
const maxFindings = 100_000

// check judges an interchange and keeps what it found and how it is answered.
func (g *Gateway) check(ctx context.Context, item store.Work) error {
	x, err := g.interchange(ctx, item.InterchangeID)
	if err != nil {
		return err
	}
	opts := check.Options{At: x.ReceivedAt, Rules: g.rules, Facts: facts{g.config}, Read: edifact.Options{MaxMessageBytes: g.config.MaxMessageBytes}}
	known := &knowledge{ctx: ctx, g: g, self: x.ID}
	if x.Direction == store.In {
		opts.Knowledge = known
		if g.channel != nil {
			opts.MaxFindings = maxFindings
		}
	}
	body, err := g.store.OpenPayload(ctx, x.PayloadDigest)
	if err != nil {
		return fmt.Errorf("gateway: check: %w", err)
	}
	defer body.Close()
	result, err := check.File(body, opts)
	if err != nil {
		return fmt.Errorf("gateway: check: %w", err)
	}
	fill(&x, result)
	x.CheckedAt = g.now()
	next := ""
	if result.Verdict == check.Accepted {
		switch {
		case x.Direction == store.Out:
			next = kindDispatch
		case g.channel != nil && isAnswer(x):
			next = kindCorrelate
		default:
			next = kindPublish
		}
	}
	var reply *answers
	if x.Direction == store.In && g.channel != nil {
		if reply, err = g.answer(ctx, x, result, opts); err != nil {
			return fmt.Errorf("gateway: check: answer: %w", err)
		}
	}
	err = g.store.Update(ctx, func(tx store.Tx) error {
		tx.SetClass(dataClass(x.MessageType))
		if err := known.confirm(tx); err != nil {
			return err
		}
		if err := tx.ReplaceMessages(x.ID); err != nil {
			return err
		}
		if err := insertResult(tx, x.ID, result); err != nil {
			return err
		}
		if err := tx.UpdateInterchange(x); err != nil {
			return err
		}
		if reply != nil {
			if err := g.keepAnswers(tx, x, reply); err != nil {
				return err
			}
		}
		if next != "" {
			if _, err := tx.AddWork(store.Work{Kind: next, Lane: item.Lane, InterchangeID: x.ID, DueAt: g.now()}); err != nil {
				return err
			}
		}
		return tx.CompleteWork(item)
	})
	if err != nil {
		return fmt.Errorf("gateway: check: %w", err)
	}
	g.verdicts.WithLabelValues(string(x.Direction), x.Verdict).Inc()
	g.log.Info("interchange checked", zap.Int64("interchange", x.ID), zap.String("verdict", x.Verdict),
		zap.String("partner", x.Sender), zap.String("reference", x.ControlRef), zap.Int("messages", x.MessageCount),
		zap.Int("findings", x.FindingCount))
	if original, ok := answeredBy(x); ok && result.Verdict != check.Accepted {
		g.log.Error("an answer is wrong and was not sent", zap.Int64("interchange", x.ID), zap.Int64("answers", original))
	}
	g.work.Wake()
	return nil
}

// dispatch sends an accepted outgoing interchange.
func (g *Gateway) dispatch(ctx context.Context, item store.Work) error {
	x, err := g.interchange(ctx, item.InterchangeID)
	if err != nil {
		return err
	}
	if g.channel == nil {
		return final{errors.New("gateway: dispatch: no channel to send through is configured")}
	}
	body, err := g.store.OpenPayload(ctx, x.PayloadDigest)
	if err != nil {
		return fmt.Errorf("gateway: dispatch: %w", err)
	}
	defer body.Close()
	out := Outgoing{
		MessageID: fmt.Sprintf("%d.%s@%s", x.ID, x.PayloadDigest[:16], x.Sender),
		Sender:    x.Sender, Recipient: x.Recipient, Body: body,
	}
	if err := g.channel.Send(ctx, out); err != nil {
		return fmt.Errorf("gateway: dispatch: %w", err)
	}
	at := g.now()
	err = g.store.Update(ctx, func(tx store.Tx) error {
		if err := g.sent(tx, x, at); err != nil {
			return err
		}
		if _, err := tx.AddWork(store.Work{Kind: kindPublish, Lane: item.Lane, InterchangeID: x.ID, DueAt: at}); err != nil {
			return err
		}
		return tx.CompleteWork(item)
	})
	if err != nil {
		return fmt.Errorf("gateway: dispatch: %w", err)
	}
	g.log.Info("interchange sent", zap.Int64("interchange", x.ID), zap.String("partner", x.Recipient), zap.String("reference", x.ControlRef))
	g.work.Wake()
	return nil
}

// final marks an error that another try cannot mend.
type final struct{ error }

func (final) Temporary() bool { return false }

func (f final) Unwrap() error { return f.error }

// publish puts the events of an accepted interchange into the outbox.
func (g *Gateway) publish(ctx context.Context, item store.Work) error {
	x, err := g.interchange(ctx, item.InterchangeID)
	if err != nil {
		return err
	}
	count := 0
	err = g.store.Update(ctx, func(tx store.Tx) error {
		count = 0 // Update may run this again
		tx.SetClass(dataClass(x.MessageType))
		body, err := g.store.OpenPayload(ctx, x.PayloadDigest)
		if err != nil {
			return err
		}
		defer body.Close()
		rejected, err := rejectedTransactions(tx, x.ID)
		if err != nil {
			return err
		}
		err = g.eachEvent(body, x, rejected, func(e event.Event) error {
			inserted, err := g.insertEvent(tx, x, e)
			if inserted {
				count++
			}
			return err
		})
		if err != nil {
			return err
		}
		x.State = store.StatePublished
		if err := tx.UpdateInterchange(x); err != nil {
			return err
		}
		return tx.CompleteWork(item)
	})
	if err != nil {
		return fmt.Errorf("gateway: publish: %w", err)
	}
	g.events.Add(float64(count))
	g.log.Info("events published", zap.Int64("interchange", x.ID), zap.Int("events", count))
	return nil
}

// eachEvent translates the messages of an interchange, one in memory at a time, but not what the check rejected: of
// an accepted interchange that can be single transactions.
func (g *Gateway) eachEvent(body io.Reader, x store.Interchange, rejected map[place]bool, emit func(event.Event) error) error {
	env := event.Envelope{
		Direction: event.Direction(x.Direction), SenderRole: g.config.Rolle(x.Sender), RecipientRole: g.config.Rolle(x.Recipient),
		FormatVersion: formats.FormatVersion(x.FormatVersion), Sparte: formats.Sparte(x.Sparte), ReceivedAt: x.ReceivedAt, Test: x.Test,
		Original: fmt.Sprintf("/interchanges/%d", x.ID),
	}
	r := edifact.NewReader(body, edifact.Options{MaxMessageBytes: g.config.MaxMessageBytes})
	var m edifact.Message
	for {
		err := r.NextMessage(&m)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		list, err := event.FromMessage(env, r.UNB(), &m)
		var none *event.NoMapping
		var value *event.ValueError
		switch {
		case errors.As(err, &none):
			g.log.Info("no event for a message", zap.Int64("interchange", x.ID), zap.Int("message", m.Index()), zap.String("reason", none.Error()))
		case errors.As(err, &value):
			return final{err} // the check let pass what cannot be translated: a person must look
		case err != nil:
			return err
		}
		refused := map[int]bool{} // first segments of rejected transactions
		for i, t := range event.Transactions(&m) {
			refused[t.First] = rejected[place{m.Index(), i + 1}]
		}
		for _, e := range list {
			if refused[firstSegment(e)] {
				continue
			}
			if err := emit(e); err != nil {
				return err
			}
		}
	}
}

// insertEvent adds an event to the outbox. It returns false if the event is there already: the same business
// transaction arrived before.
func (g *Gateway) insertEvent(tx store.Tx, x store.Interchange, e event.Event) (bool, error) {
	e.RecordedAt = g.now()
	data, err := json.Marshal(e)
	if err != nil {
		return false, fmt.Errorf("encode event %s: %w", e.ID, err)
	}
	_, err = tx.InsertEvent(store.Event{
		ID: e.ID, Type: e.Type, Subject: e.Subject, PartitionKey: e.PartitionKey, InterchangeID: x.ID,
		RecordedAt: e.RecordedAt, Data: data,
	})
	if errors.Is(err, store.ErrDuplicate) {
		g.log.Warn("business transaction arrived before", zap.Int64("interchange", x.ID), zap.String("event", e.ID))
		return false, nil
	}
	return err == nil, err
}

func (g *Gateway) interchange(ctx context.Context, id int64) (x store.Interchange, err error) {
	err = g.store.View(ctx, func(tx store.Tx) error {
		x, err = tx.Interchange(id)
		return err
	})
	return x, err
}
