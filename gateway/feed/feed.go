// Package feed delivers the events of the outbox to the systems behind the gateway: pushed to webhooks, NATS JetStream,
// Kafka and files (Sink), or fetched by them over HTTP (Handler).
//
// What a receiver can rely on: every event that its filter wants arrives at least once; of one partition key the first
// arrivals come in the order of the outbox; an event that comes again has the same id. Nothing is promised across
// partition keys.
//
// A subscription is a row of the store with a position. A gateway that has it in its configuration leases it; one
// delivers at a time, and another takes over within half a minute. deliverer.go tells how.
//
//	f, err := feed.Open(ctx, feed.Options{Store: st, Config: cfg, Log: log, Metrics: metrics})
//	mux.Handle("/v1/events/", f.Handler())
//	err = f.Run(ctx)
package feed

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/marktbote/marktbote/gateway/config"
	"github.com/marktbote/marktbote/store"
)

// Options is what Open needs. Store and Config must be set.
type Options struct {
	Store   store.Store
	Config  config.Config
	Log     *zap.Logger           // nil: none
	Metrics prometheus.Registerer // nil: none
	Now     func() time.Time      // nil: time.Now
}

// pace are the times and sizes of the machinery; tests make them smaller.
type pace struct {
	look    time.Duration // between two looks for new events and for decisions of people
	lease   time.Duration // of a subscription
	renew   time.Duration // between two renewals, and between two attempts to take over
	commit  time.Duration // between two notes of the position while events are delivered
	retry   time.Duration // before the second attempt at an event; doubles up to retryMax
	measure time.Duration // between two measurements for metrics
	linger  time.Duration // for deliveries under way when the gateway stops
	slow    time.Duration // under way for longer, an event does not keep the position back
	held    int           // held events, of which only the numbers are in memory
}

var defaultPace = pace{
	look: 200 * time.Millisecond, lease: 20 * time.Second, renew: 5 * time.Second, commit: 200 * time.Millisecond,
	retry: time.Second, measure: 10 * time.Second, linger: 5 * time.Second, slow: 5 * time.Second, held: maxHeld,
}

// Feed delivers the events of one gateway. It is safe for concurrent use.
type Feed struct {
	store   store.Store
	log     *zap.Logger
	now     func() time.Time
	base    string // of links to events
	pace    pace
	metrics *metrics

	subscriptions []*subscription
	stopped       chan struct{} // closed when Run returns

	mu      sync.Mutex
	head    int64         // newest event seen
	changed chan struct{} // closed when head grows
	waiting int           // requests that wait or stream
}

// subscription is one of the configuration.
type subscription struct {
	config config.Subscription
	filter *Filter
	kind   kind
	wake   chan struct{} // capacity 1: there may be something to do
	lost   chan struct{} // capacity 1: the lease may be lost

	mu    sync.Mutex
	lease string // of this process; empty: none
}

// Open compiles the filters of the configuration and brings the subscriptions of the store up to date with it. It
// connects to nobody.
func Open(ctx context.Context, o Options) (*Feed, error) {
	f := &Feed{
		store: o.Store, log: o.Log, now: o.Now, base: o.Config.PublicURL, pace: defaultPace,
		stopped: make(chan struct{}), changed: make(chan struct{}),
	}
	if f.log == nil {
		f.log = zap.NewNop()
	}
	f.log = f.log.Named("feed")
	if f.now == nil {
		f.now = time.Now
	}
	f.metrics = newMetrics(o.Metrics)
	var errs []error
	for _, c := range o.Config.Subscriptions {
		filter, err := ParseFilter(c.Filter)
		if err != nil {
			errs = append(errs, fmt.Errorf("subscription %s: %w", c.Name, err))
		}
		f.subscriptions = append(f.subscriptions, &subscription{
			config: c, filter: filter, kind: kindOf(c), wake: make(chan struct{}, 1), lost: make(chan struct{}, 1),
		})
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	for _, s := range f.subscriptions {
		if err := f.declare(ctx, s); err != nil {
			return nil, fmt.Errorf("subscription %s: %w", s.config.Name, err)
		}
	}
	return f, nil
}

// declare adds a subscription to the store, or rewrites its definition if it is another one.
func (f *Feed) declare(ctx context.Context, s *subscription) error {
	definition, err := json.Marshal(describe(s.config))
	if err != nil {
		return err
	}
	start, err := config.ParsePosition(s.config.Start)
	if err != nil {
		return err
	}
	return f.store.Update(ctx, func(tx store.Tx) error {
		if err := tx.Lock("subscription/" + s.config.Name); err != nil {
			return err
		}
		tx.SetActor("", "configuration")
		now := f.now()
		row, err := tx.Subscription(s.config.Name)
		switch {
		case errors.Is(err, store.ErrNotFound):
			position, err := find(tx, start)
			if err != nil {
				return err
			}
			return tx.InsertSubscription(store.Subscription{
				Name: s.config.Name, Definition: definition, State: store.SubscriptionActive, Position: position, CreatedAt: now, UpdatedAt: now,
			})
		case err != nil || bytes.Equal(row.Definition, definition):
			return err
		}
		row.Definition, row.UpdatedAt = definition, now
		return tx.UpdateSubscription(row)
	})
}

// Definition is what the store knows about the configuration of a subscription, without secrets.
type Definition struct {
	Sink          string `json:"sink"`   // webhook, nats, kafka, files
	Target        string `json:"target"` // where events go
	Filter        string `json:"filter,omitempty"`
	Start         string `json:"start"`
	MaxAttempts   int    `json:"max_attempts"`
	MaxEventBytes int    `json:"max_event_bytes,omitempty"`
	Mode          string `json:"mode,omitempty"`
}

func describe(c config.Subscription) Definition {
	d := Definition{Sink: kindOf(c).name, Filter: c.Filter, Start: c.Start, MaxAttempts: c.MaxAttempts, MaxEventBytes: c.MaxEventBytes}
	switch {
	case c.Webhook != nil:
		d.Target, d.Mode = withoutQuery(c.Webhook.URL), c.Webhook.Mode
	case c.NATS != nil:
		d.Target, d.Mode = c.NATS.URL+" "+c.NATS.Subject, c.NATS.Mode
	case c.Kafka != nil:
		d.Target, d.Mode = fmt.Sprint(c.Kafka.Brokers, " ", c.Kafka.Topic), c.Kafka.Mode
	case c.Files != nil:
		d.Target = c.Files.Directory
	}
	return d
}

// Run delivers until ctx ends. Deliveries under way get a few seconds then.
func (f *Feed) Run(ctx context.Context) error {
	defer close(f.stopped)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { f.watch(ctx); return nil })
	for _, s := range f.subscriptions {
		group.Go(func() error { f.attend(ctx, s); return nil })
	}
	return group.Wait()
}

// watch looks for new events and for what people decided.
func (f *Feed) watch(ctx context.Context) {
	tick := time.NewTicker(f.pace.look)
	defer tick.Stop()
	var measured time.Time
	broken := false
	for {
		var rows []store.Subscription
		var head int64
		err := f.store.View(ctx, func(tx store.Tx) (err error) {
			if rows, err = tx.Subscriptions(); err == nil {
				head, err = tx.EventHead()
			}
			return err
		})
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !broken:
			f.log.Warn("cannot look for events", zap.Error(err))
		case err == nil:
			f.see(head)
			f.look(rows)
			if now := f.now(); now.Sub(measured) >= f.pace.measure {
				measured = now
				f.measure(ctx, rows, head)
			}
		}
		broken = err != nil
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// see wakes everybody if there are new events.
func (f *Feed) see(head int64) {
	f.mu.Lock()
	grown := head > f.head
	if grown {
		f.head = head
		close(f.changed)
		f.changed = make(chan struct{})
	}
	f.mu.Unlock()
	if grown {
		for _, s := range f.subscriptions {
			signal(s.wake)
		}
	}
}

// look tells who delivers with a lease that is not his any more.
func (f *Feed) look(rows []store.Subscription) {
	byName := map[string]store.Subscription{}
	for _, row := range rows {
		byName[row.Name] = row
	}
	for _, s := range f.subscriptions {
		s.mu.Lock()
		mine := s.lease
		s.mu.Unlock()
		switch row := byName[s.config.Name]; {
		case mine != "" && row.Lease != mine:
			signal(s.lost)
		case mine == "" && row.Lease == "" && row.State == store.SubscriptionActive:
			signal(s.wake) // perhaps it was resumed
		}
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// attend leases a subscription whenever nobody has it, and delivers.
func (f *Feed) attend(ctx context.Context, s *subscription) {
	for ctx.Err() == nil {
		row, ok, err := f.claim(ctx, s)
		if err != nil && ctx.Err() == nil {
			f.log.Warn("subscription cannot be leased", zap.String("subscription", s.config.Name), zap.Error(err))
		}
		if ok {
			f.log.Info("delivering", zap.String("subscription", s.config.Name), zap.Int64("position", row.Position))
			f.deliver(ctx, s, row)
		}
		wait := time.NewTimer(f.pace.renew)
		select {
		case <-ctx.Done():
		case <-wait.C:
		case <-s.wake:
		}
		wait.Stop()
	}
}

// claim leases a subscription if it is free.
func (f *Feed) claim(ctx context.Context, s *subscription) (row store.Subscription, ok bool, err error) {
	name := s.config.Name
	err = f.store.View(ctx, func(tx store.Tx) (err error) { row, err = tx.Subscription(name); return err })
	now := f.now()
	if err != nil || row.State != store.SubscriptionActive || row.LeasedUntil.After(now) {
		return row, false, err
	}
	err = f.store.Update(ctx, func(tx store.Tx) (err error) {
		row, ok, err = tx.ClaimSubscription(name, now, now.Add(f.pace.lease))
		return err
	})
	return row, ok && err == nil, err
}

// deliver delivers for a leased subscription until the lease is lost or ctx ends.
func (f *Feed) deliver(ctx context.Context, s *subscription, row store.Subscription) {
	s.hold(row.Lease)
	defer s.hold("")
	d := newDeliverer(f, s, row)
	err := d.run(ctx)
	switch {
	case errors.Is(err, store.ErrLeaseLost):
		f.log.Info("lease ended", zap.String("subscription", s.config.Name))
	case errors.Is(err, errGone):
		err = f.change(context.WithoutCancel(ctx), s.config.Name, func(_ store.Tx, row *store.Subscription) error {
			row.State, row.Reason = store.SubscriptionPaused, errGone.Error()
			return nil
		})
		f.log.Error("subscription paused", zap.String("subscription", s.config.Name), zap.String("reason", errGone.Error()), zap.Error(err))
	case err != nil && ctx.Err() == nil:
		f.log.Error("delivery stopped", zap.String("subscription", s.config.Name), zap.Error(err))
	}
}

func (s *subscription) hold(lease string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lease = lease
	select {
	case <-s.lost: // it was about the lease before
	default:
	}
}

// change rewrites a subscription.
func (f *Feed) change(ctx context.Context, name string, fn func(tx store.Tx, row *store.Subscription) error) error {
	return f.store.Update(ctx, func(tx store.Tx) error { return change(tx, name, f.now(), fn) })
}

func change(tx store.Tx, name string, now time.Time, fn func(tx store.Tx, row *store.Subscription) error) error {
	if err := tx.Lock("subscription/" + name); err != nil {
		return err
	}
	row, err := tx.Subscription(name)
	if err != nil {
		return err
	}
	if err := fn(tx, &row); err != nil {
		return err
	}
	row.UpdatedAt = now
	return tx.UpdateSubscription(row)
}
