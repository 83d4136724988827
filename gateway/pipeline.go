// Package gateway carries an interchange from the transport to the systems behind: kept, checked, answered, published.
//
// This file tells the path of a message. Every arrow is one durable work item; what a step finds out is committed in one
// transaction of the store together with the next item:
//
//	in   transport -> Receive:  bytes kept                        -> the transport may confirm the receipt
//	               -> check:    verdict and findings (result.go)
//	                            answers, each an outgoing interchange that is to be sent (acknowledge.go)
//	                            what an answer of a partner settles (ledger.go)
//	                            what the transactions are in their processes, and what is owed until when (process.go)
//	                            events in the outbox (publish.go)
//	                            which systems it goes to (route.go)
//	               -> deliver:  one attempt to hand it to a system
//	out  caller    -> Submit:   bytes kept                        -> the caller may forget them
//	               -> check:    verdict and findings; both at once for what a system hands in (handin.go)
//	               -> dispatch: one attempt through the Channel; what the partner owes for it now; events
//	time watch (watch.go):      what is due soon, what was missed, and what silence means
//
// After a crash between any two steps the item of the next step is in the store and is done then. A gateway without a
// Channel answers nothing and waits for nothing.
package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats/ack"
	"github.com/marktbote/marktbote/formats/check"
	"github.com/marktbote/marktbote/formats/process"
	"github.com/marktbote/marktbote/formats/rules"
	"github.com/marktbote/marktbote/gateway/config"
	"github.com/marktbote/marktbote/gateway/deliver"
	"github.com/marktbote/marktbote/gateway/work"
	"github.com/marktbote/marktbote/store"
)

// The kinds of work items.
const (
	kindCheck     = "check"
	kindDispatch  = "dispatch"
	kindCorrelate = "correlate" // again, because a person wants it or the answer was faster than the note of the sending
)

// Errors of Receive and Submit that are the caller's to mend.
var (
	// ErrTooLarge: the interchange is larger than the configuration allows. Nothing of it was kept.
	ErrTooLarge = errors.New("gateway: interchange is larger than max_interchange_bytes")
	// ErrReusedID: the identity of the delivery belongs to an interchange with other bytes. There is no interchange with
	// these.
	ErrReusedID = errors.New("gateway: the identity of the delivery was used before for other bytes")
)

// Channel sends one interchange to a partner: one attempt, no retry. It returns when the partner had it, which may be
// earlier than this attempt; the zero time means now. An error with Temporary() false is final, one with RetryAfter says
// when another attempt makes sense.
type Channel interface {
	Send(ctx context.Context, out Outgoing) (arrived time.Time, err error)
}

// Outgoing is what a Channel sends.
type Outgoing struct {
	Interchange    int64     // of the store
	MessageID      string    // stays the same when the attempt is repeated, so that the partner can tell
	Sender         string    // UNB 0004
	Recipient      string    // UNB 0010
	ControlRef     string    // UNB 0020
	ApplicationRef string    // UNB 0026
	MessageType    string    // UNH 0065 of the first message
	ReceivedAt     time.Time // when it was handed to the gateway
	Body           io.Reader
}

// Delivery is an interchange that a transport received.
type Delivery struct {
	Channel    string    // how it travelled
	ReceivedID string    // identity that the transport gave; empty: every delivery is a new one
	Sender     string    // MP-ID of the partner as the transport proves it; empty: nothing is proved
	ControlRef string    // UNB 0020 as the transport says; empty: it does not
	At         time.Time // of the receipt that the transport confirms; zero: now
	Body       io.Reader
	// Keep, if not nil, keeps what belongs to the transport in the transaction of the interchange, whose ID it gets. It is
	// not called for a delivery that is known, and may be called several times.
	Keep func(tx store.Tx, interchange int64) error
}

// Options make a Gateway.
type Options struct {
	Store   store.Store
	Config  config.Config
	Log     *zap.Logger
	Metrics prometheus.Registerer
	Channel Channel // nil: nothing can be sent
	Lookup  Lookup  // nil: what messages and imports left in Store
	// Assignments says which transactions Lookup may reject; nil: the table in the binary.
	Assignments *process.Assignments
	Rules       *rules.Shelf     // nil: the packs in the binary
	Now         func() time.Time // nil: time.Now
}

// Gateway is one gateway. Its methods are safe for concurrent use.
type Gateway struct {
	store        store.Store
	config       config.Config
	log          *zap.Logger
	channel      Channel
	rules        *rules.Shelf
	lookup       Lookup
	assignments  *process.Assignments
	now          func() time.Time
	work         *work.Runner
	numbers      reserve
	fresh        fresh
	checking     chan struct{}                  // holds an element for every check in HandIn
	destinations map[string]deliver.Destination // by name
	verdicts     *prometheus.CounterVec         // gateway_interchanges_total; labels: direction (in, out), verdict (see check)
	events       prometheus.Counter             // gateway_events_total
	overdue      *prometheus.CounterVec         // gateway_deadlines_missed_total; labels: kind (of the ledger)
}

// New returns a Gateway that does nothing until Run.
func New(opts Options) *Gateway {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Lookup == nil {
		opts.Lookup = storeLookup{opts.Store, opts.Config}
	}
	if opts.Assignments == nil {
		opts.Assignments = process.KnownAssignments()
	}
	g := &Gateway{
		lookup: opts.Lookup, assignments: opts.Assignments,
		store: opts.Store, config: opts.Config, log: opts.Log.Named("gateway"), channel: opts.Channel, rules: opts.Rules, now: opts.Now,
		work:     work.New(opts.Store, opts.Log, opts.Now, opts.Metrics),
		checking: make(chan struct{}, runtime.GOMAXPROCS(0)), destinations: map[string]deliver.Destination{},
		verdicts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gateway_interchanges_total", Help: "Interchanges checked, by direction and verdict.",
		}, []string{"direction", "verdict"}),
		events: prometheus.NewCounter(prometheus.CounterOpts{Name: "gateway_events_total", Help: "Events put into the outbox."}),
		overdue: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gateway_deadlines_missed_total", Help: "Acknowledgements that did not come or go out in time, by kind.",
		}, []string{"kind"}),
	}
	for _, d := range opts.Config.Destinations {
		g.destinations[d.Name] = deliver.New(d)
	}
	opts.Metrics.MustRegister(g.verdicts, g.events, g.overdue)
	g.work.Handle(kindCheck, g.check)
	g.work.Handle(kindDispatch, g.dispatch)
	g.work.Handle(kindCorrelate, g.correlateAgain)
	g.work.Handle(kindRoute, g.routeAgain)
	g.work.Handle(kindDeliver, g.deliver)
	g.work.Handle(kindDecide, func(_ context.Context, item store.Work) (work.Commit, error) {
		return work.Commit{}, final{errors.New(item.Reason)}
	})
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
	for _, d := range g.destinations {
		d.Close()
	}
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

// Receive is ReceiveDelivery for a transport that proves nothing about the sender.
func (g *Gateway) Receive(ctx context.Context, channel, receivedID string, body io.Reader) (int64, error) {
	return g.keep(ctx, store.In, Delivery{Channel: channel, ReceivedID: receivedID, Body: body})
}

// ReceiveDelivery keeps an interchange that a transport received. When it returns without error the bytes and the work
// item survive a crash and the transport may confirm the receipt. A second delivery with the same ReceivedID and the same
// bytes is not processed again and returns the first interchange's ID. One whose UNB names another sender than the
// transport proves is kept and confirmed, but waits for a person. Errors: ErrTooLarge, ErrReusedID, those of Body and Keep,
// of ctx and of the store.
func (g *Gateway) ReceiveDelivery(ctx context.Context, d Delivery) (int64, error) {
	return g.keep(ctx, store.In, d)
}

// Submit keeps an interchange that is to be sent. When it returns without error it will be checked and sent.
func (g *Gateway) Submit(ctx context.Context, body io.Reader) (int64, error) {
	return g.keep(ctx, store.Out, Delivery{Body: body})
}

// keep is the first step in both directions. Usual bytes are kept in the same transaction as their row, long ones in
// front of it.
func (g *Gateway) keep(ctx context.Context, direction store.Direction, d Delivery) (int64, error) {
	head := headWriter{}
	body := io.Reader(&guard{body: d.Body, left: g.config.MaxInterchangeBytes, head: &head})
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
	at := d.At
	if at.IsZero() {
		at = now
	}
	start := head.read()
	item := store.Work{Kind: kindCheck, Lane: lane(start.messageType, payload.Size), DueAt: now}
	if d.Sender != "" && start.sender != "" && start.sender != d.Sender {
		item.Parked = true
		item.Reason = fmt.Sprintf("gateway: UNB names the sender %s, but %s proves that it comes from %s; requeue to process it all the same",
			start.sender, d.Channel, d.Sender)
	}
	var id int64
	err = g.store.Update(ctx, func(tx store.Tx) error {
		tx.SetClass(dataClass(start.messageType))
		var err error
		if !long {
			if payload, err = tx.PutPayload(content); err != nil {
				return err
			}
			g.fresh.put(payload.Digest, content)
		}
		id, err = tx.InsertInterchange(store.Interchange{
			Direction: direction, Channel: d.Channel, ReceivedID: d.ReceivedID, ReceivedAt: at,
			PayloadDigest: payload.Digest, PayloadSize: payload.Size, State: store.StateReceived,
		})
		if err != nil {
			return err
		}
		if d.Keep != nil {
			if err := d.Keep(tx, id); err != nil {
				return err
			}
		}
		w := item
		w.InterchangeID = id
		return tx.AddWork(w)
	})
	if errors.Is(err, store.ErrDuplicate) {
		return g.repeated(ctx, id, d.Channel, payload.Digest)
	}
	if err != nil {
		return 0, fmt.Errorf("gateway: keep interchange: %w", err)
	}
	g.log.Info("interchange kept", zap.Int64("interchange", id), zap.String("direction", string(direction)),
		zap.String("channel", d.Channel), zap.Int64("bytes", payload.Size))
	if item.Parked {
		g.log.Warn("the sender in UNB is not the one that the transport proves", zap.Int64("interchange", id), zap.String("unb", start.sender), zap.String("transport", d.Sender))
	}
	if d.ControlRef != "" && d.ControlRef != start.controlRef {
		g.log.Warn("the transport names another reference than UNB; UNB counts", zap.Int64("interchange", id),
			zap.String("unb", start.controlRef), zap.String("transport", d.ControlRef))
	}
	g.work.Wake(item.Lane)
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

// start is what the first bytes of an interchange say; fields are empty if they cannot be read that early.
type start struct {
	sender      string // UNB 0004
	controlRef  string // UNB 0020
	messageType string // UNH 0065 of the first message
}

func (h *headWriter) read() (s start) {
	r := edifact.NewReader(bytes.NewReader(h.bytes), edifact.Options{})
	for seg, err := r.Next(); err == nil; seg, err = r.Next() {
		switch seg.Tag() {
		case edifact.UNB:
			s.sender, s.controlRef = seg.Text(3, 1), seg.Text(6, 1)
		case edifact.UNH:
			s.messageType = seg.Text(3, 1)
			return s
		}
	}
	return s
}

// lane chooses the lane of an interchange. One whose type is not known is not urgent; one that takes long to check must
// not keep the others waiting, whatever it is.
//
// Spec: APERAK AHB 1.1 2.4 (45 minutes for UTILMD and ORDERS)
func lane(messageType string, size int64) string {
	if size > store.MaxInlinePayload {
		return work.Large
	}
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

// check judges an interchange. Everything that follows from the verdict is committed with it.
func (g *Gateway) check(ctx context.Context, item store.Work) (work.Commit, error) {
	x, err := g.interchange(ctx, item.InterchangeID)
	if err != nil {
		return work.Commit{}, err
	}
	opts, known := g.checkOptions(ctx, x)
	if x.Direction == store.In && g.channel != nil {
		opts.MaxFindings = maxFindings
	}
	result, err := g.judge(ctx, x.PayloadDigest, opts)
	if err != nil {
		return work.Commit{}, fmt.Errorf("gateway: check: %w", err)
	}
	again := x.State != store.StateReceived
	outside, err := g.assign(ctx, x, result)
	if err != nil {
		return work.Commit{}, fmt.Errorf("gateway: check: assignment: %w", err)
	}
	fill(&x, result)
	x.CheckedAt = g.now()
	in := &incoming{g: g, x: x, outside: outside}
	if x.Direction == store.In {
		if err := in.prepare(ctx, result, opts); err != nil {
			return work.Commit{}, fmt.Errorf("gateway: check: %w", err)
		}
	}
	expect := in.expect()
	known.expect(&expect)
	return work.Commit{
		Expect: expect,
		Do: func(tx store.Tx) error {
			tx.SetClass(dataClass(x.MessageType))
			if err := known.confirm(tx); err != nil {
				return err
			}
			if len(outside) > 0 && !work.Again(ctx) {
				// Something was not known that an interchange in front of this one may have told meanwhile.
				return fmt.Errorf("%w: the assignment is looked up again", work.ErrStale)
			}
			if again {
				if err := tx.ReplaceMessages(x.ID); err != nil {
					return err
				}
			}
			if err := insertResult(tx, x.ID, result); err != nil {
				return err
			}
			row := x
			switch {
			case x.Direction == store.In:
				if err := in.commit(ctx, tx, &row); err != nil {
					return err
				}
			case x.Verdict == string(check.Accepted):
				if err := g.addDispatch(tx, x, x.MessageType); err != nil {
					return err
				}
			}
			if err := tx.UpdateInterchange(row); err != nil {
				return err
			}
			return tx.CompleteWork(item)
		},
		After: func() {
			g.verdicts.WithLabelValues(string(x.Direction), x.Verdict).Inc()
			g.log.Info("interchange checked", zap.Int64("interchange", x.ID), zap.String("verdict", x.Verdict),
				zap.String("partner", x.Sender), zap.String("reference", x.ControlRef), zap.Int("messages", x.MessageCount),
				zap.Int("findings", x.FindingCount))
			in.after()
			if x.Direction == store.In {
				g.fresh.drop(x.PayloadDigest)
			}
			g.work.Wake(work.Send, work.SendBulk, work.Deliver)
		},
	}, nil
}

// checkOptions returns how an interchange is checked, and what has to be confirmed when the verdict is kept.
func (g *Gateway) checkOptions(ctx context.Context, x store.Interchange) (check.Options, *knowledge) {
	known := &knowledge{ctx: ctx, g: g, self: x.ID, direction: x.Direction}
	return check.Options{
		At: x.ReceivedAt, Rules: g.rules, Facts: facts{g.config}, Knowledge: known, Outgoing: x.Direction == store.Out,
		Read: edifact.Options{MaxMessageBytes: g.config.MaxMessageBytes},
	}, known
}

// judge checks kept bytes.
func (g *Gateway) judge(ctx context.Context, digest string, opts check.Options) (*check.Result, error) {
	body, err := g.payload(ctx, digest)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return check.File(body, opts)
}

// incoming is what follows from the check of a received interchange.
type incoming struct {
	g          *Gateway
	x          store.Interchange
	outside    []ack.Outside // what its transactions are rejected for beside their content
	answers    *answers      // nil: nobody is answered
	correlated *correlation  // nil: it is no answer of a partner
	content    *content      // nil: nothing of it counts
}

// prepare finds out what needs no transaction.
func (in *incoming) prepare(ctx context.Context, result *check.Result, opts check.Options) (err error) {
	g := in.g
	if g.channel != nil {
		if in.answers, err = g.answer(ctx, in.x, result, opts, in.outside); err != nil {
			return fmt.Errorf("answer: %w", err)
		}
	}
	switch {
	case result.Verdict != check.Accepted:
	case acknowledges(in.x):
		if g.channel != nil {
			in.correlated, err = g.readAnswers(ctx, in.x)
		}
	default:
		in.content, err = g.readContent(ctx, in.x, rejectedIn(result))
	}
	return err
}

// expect says what commit is going to ask.
func (in *incoming) expect() (e store.Expected) {
	if in.answers != nil {
		e.Interchanges = len(in.answers.files)
	}
	if in.content != nil {
		for _, row := range in.content.rows {
			e.Events = append(e.Events, row.ID)
		}
	}
	return e
}

// commit goes through what follows in the order of the story above. x is changed to what it has become.
func (in *incoming) commit(ctx context.Context, tx store.Tx, x *store.Interchange) error {
	if in.answers != nil {
		if err := in.g.keepAnswers(tx, *x, in.answers); err != nil {
			return err
		}
	}
	if in.correlated != nil {
		if err := in.correlated.commit(tx); err != nil {
			return err
		}
	}
	if in.content != nil {
		if err := in.content.commit(ctx, tx, x.ReceivedAt); err != nil {
			return err
		}
	}
	if x.Verdict == string(check.Accepted) {
		x.State = store.StatePublished
	}
	return in.g.route(tx, *x)
}

func (in *incoming) after() {
	if in.correlated != nil {
		in.correlated.after()
	}
	if in.content != nil {
		in.content.after()
	}
}

// addDispatch puts an accepted outgoing interchange on its way. An answer is as urgent as the message type that it
// answers, so that those to many MSCONS are no hindrance either.
func (g *Gateway) addDispatch(tx store.Tx, x store.Interchange, about string) error {
	err := tx.AddWork(store.Work{Kind: kindDispatch, Lane: sendLane(about), Target: x.Recipient, InterchangeID: x.ID, DueAt: g.now()})
	return err
}

func sendLane(messageType string) string {
	if lane(messageType, 0) == work.Urgent {
		return work.Send
	}
	return work.SendBulk
}

// dispatch sends an accepted outgoing interchange.
func (g *Gateway) dispatch(ctx context.Context, item store.Work) (work.Commit, error) {
	x, transactions, err := g.outgoing(ctx, item.InterchangeID)
	if err != nil {
		return work.Commit{}, err
	}
	if g.channel == nil {
		return work.Commit{}, final{errors.New("gateway: dispatch: no channel to send through is configured")}
	}
	again := x.State == store.StatePublished // what follows from it was done the first time
	var c *content
	if !again && !acknowledges(x) {
		if c, err = g.readContent(ctx, x, rejectedOf(transactions)); err != nil {
			return work.Commit{}, fmt.Errorf("gateway: dispatch: %w", err)
		}
	}
	at, err := g.send(ctx, x, item.ID)
	if err != nil {
		return work.Commit{}, fmt.Errorf("gateway: dispatch: %w", err)
	}
	expect := store.Expected{}
	if !again {
		expect = store.Expected{Locks: []string{sentKey(x.ID)}, Ledgers: []int64{x.ID}}
		if c != nil {
			for _, row := range c.rows {
				expect.Events = append(expect.Events, row.ID)
			}
		}
	}
	return work.Commit{
		Expect: expect,
		Do: func(tx store.Tx) error {
			if again {
				return tx.CompleteWork(item)
			}
			tx.SetClass(dataClass(x.MessageType))
			if err := g.sent(tx, x, transactions, at); err != nil {
				return err
			}
			if c != nil {
				if err := c.commit(ctx, tx, at); err != nil {
					return err
				}
			}
			if err := tx.SetState(x.ID, store.StatePublished); err != nil {
				return err
			}
			return tx.CompleteWork(item)
		},
		After: func() {
			g.fresh.drop(x.PayloadDigest)
			g.log.Info("interchange sent", zap.Int64("interchange", x.ID), zap.String("partner", x.Recipient), zap.String("reference", x.ControlRef))
			if c != nil {
				c.after()
			}
		},
	}, nil
}

// send makes one attempt. Each work item is one message for the transport, so that a partner can tell a repeated attempt,
// which he may have got already, from what is sent once more because he asks for it.
func (g *Gateway) send(ctx context.Context, x store.Interchange, item int64) (arrived time.Time, err error) {
	body, err := g.payload(ctx, x.PayloadDigest)
	if err != nil {
		return time.Time{}, err
	}
	defer body.Close()
	arrived, err = g.channel.Send(ctx, Outgoing{
		Interchange: x.ID, MessageID: fmt.Sprintf("%d.%d.%s@%s", x.ID, item, x.PayloadDigest[:16], x.Sender),
		Sender: x.Sender, Recipient: x.Recipient, ControlRef: x.ControlRef, ApplicationRef: x.ApplicationRef,
		MessageType: x.MessageType, ReceivedAt: x.ReceivedAt, Body: body,
	})
	if arrived.IsZero() {
		arrived = g.now()
	}
	return arrived, err
}

// final marks an error that another try cannot mend.
type final struct{ error }

func (final) Temporary() bool { return false }

func (f final) Unwrap() error { return f.error }

// outgoing returns an interchange that is to be sent, with its transactions if partners answer them.
func (g *Gateway) outgoing(ctx context.Context, id int64) (x store.Interchange, transactions []store.Transaction, err error) {
	x, err = g.interchange(ctx, id)
	if err != nil || acknowledges(x) {
		return x, nil, err
	}
	err = g.store.Look(ctx, func(tx store.Tx) error {
		transactions, err = tx.Transactions(id)
		return err
	})
	return x, transactions, err
}

func (g *Gateway) interchange(ctx context.Context, id int64) (x store.Interchange, err error) {
	err = g.store.Look(ctx, func(tx store.Tx) error {
		x, err = tx.Interchange(id)
		return err
	})
	return x, err
}
