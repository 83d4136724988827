// Package work runs the durable work items of a store: it claims what is due, calls the handler of the kind, and
// tries again later what failed. A handler commits its effect and the completion of its item in one transaction of
// the store, so a database effect happens exactly once; an item whose process died is claimed again when its lease
// runs out.
package work

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/marktbote/marktbote/store"
)

// Lanes keep bulk from delaying what has a deadline of minutes.
const (
	Urgent = "urgent" // UTILMD, ORDERS and acknowledgements
	Bulk   = "bulk"   // everything else
)

// Handler does one work item. It must call CompleteWork in the transaction that holds its effect. An error gives
// the item back for another try; an error with Temporary() false parks it for a person. The errors of package net
// and of the operating system do not park: their Temporary means something else, a refused connection for example
// is not temporary to them.
type Handler func(ctx context.Context, item store.Work) error

// Limits of a Runner.
const (
	batch       = 8                // items claimed at a time
	maxAttempts = 19               // claims after which a failure parks the item: about a day with the backoff below
	maxClaims   = 2 * maxAttempts  // claims after which it is parked untried: no try came to its end
	firstRetry  = 2 * time.Second  // wait after the first failure; doubles up to lastRetry
	lastRetry   = 4 * time.Hour    // longest wait
	idle        = 2 * time.Second  // how often the store is asked without being woken
	lease       = 20 * time.Second // how long a claim holds if its process dies
	renewal     = 5 * time.Second  // how often it is renewed while its process lives
)

// Runner runs the work items of a store.
type Runner struct {
	store    store.Store
	log      *zap.Logger
	now      func() time.Time
	handlers map[string]Handler
	wake     map[string]chan struct{}
	done     *prometheus.CounterVec // gateway_work_items_total; labels: kind (handlers), outcome (done, retried, parked)
}

// New returns a Runner without handlers. now is the clock that work items are due by.
func New(st store.Store, log *zap.Logger, now func() time.Time, metrics prometheus.Registerer) *Runner {
	r := &Runner{
		store: st, log: log.Named("work"), now: now, handlers: map[string]Handler{}, wake: map[string]chan struct{}{},
		done: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "gateway_work_items_total", Help: "Work items that were tried, by kind and outcome.",
		}, []string{"kind", "outcome"}),
	}
	metrics.MustRegister(r.done)
	for _, lane := range []string{Urgent, Bulk} {
		r.wake[lane] = make(chan struct{}, 1)
	}
	return r
}

// Handle sets the handler of a kind. It must not be called after Run.
func (r *Runner) Handle(kind string, h Handler) { r.handlers[kind] = h }

// Wake tells the Runner that new work was committed.
func (r *Runner) Wake() {
	for _, c := range r.wake {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// Run works until ctx ends, one goroutine for each lane, and returns when the items in progress are done.
func (r *Runner) Run(ctx context.Context) {
	var wg sync.WaitGroup
	for lane := range r.wake {
		wg.Go(func() { r.lane(ctx, lane) })
	}
	wg.Wait()
}

func (r *Runner) lane(ctx context.Context, lane string) {
	for ctx.Err() == nil {
		items, err := r.store.ClaimWork(ctx, lane, r.now(), lease, batch)
		if err != nil && ctx.Err() == nil {
			r.log.Error("work cannot be claimed", zap.String("lane", lane), zap.Error(err))
		}
		held := r.hold(ctx, items)
		for i, item := range items {
			if ctx.Err() != nil {
				held.end()
				r.giveBack(items[i:]...)
				return
			}
			r.try(ctx, item)
			held.done(item)
		}
		held.end()
		if len(items) > 0 {
			continue
		}
		select {
		case <-ctx.Done():
		case <-r.wake[lane]:
		case <-time.After(idle):
		}
	}
}

// claims are the items of one claim that are not done yet. Their leases are renewed as long as the process lives, so
// that a lease can be short, and the work of a process that died is taken over soon.
type claims struct {
	mu    sync.Mutex
	items []store.Work
	end   func() // stops renewing
}

// hold renews the leases of items until end.
func (r *Runner) hold(ctx context.Context, items []store.Work) *claims {
	c := &claims{items: slices.Clone(items)}
	if len(items) == 0 {
		c.end = func() {}
		return c
	}
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(renewal):
			}
			for _, item := range c.left() {
				// A lost lease shows when the item ends; an error is over at the next renewal, or the lease runs out.
				if err := r.store.RenewWork(ctx, item, r.now().Add(lease)); err != nil && ctx.Err() == nil && !errors.Is(err, store.ErrLeaseLost) {
					r.log.Warn("a lease cannot be renewed", zap.Int64("interchange", item.InterchangeID), zap.Error(err))
				}
			}
		}
	})
	c.end = func() { cancel(); wg.Wait() }
	return c
}

func (c *claims) left() []store.Work {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.items)
}

func (c *claims) done(item store.Work) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.items = slices.DeleteFunc(c.items, func(w store.Work) bool { return w.ID == item.ID })
}

// giveBack returns claimed items that were not begun or were interrupted, so that nobody has to wait for their lease.
func (r *Runner) giveBack(items ...store.Work) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := r.store.Update(ctx, func(tx store.Tx) error {
		for _, item := range items {
			if err := tx.RetryWork(item, item.DueAt, "stopped"); err != nil && !errors.Is(err, store.ErrLeaseLost) {
				return err
			}
		}
		return nil
	})
	if err != nil {
		r.log.Warn("work could not be given back; its lease will run out", zap.Error(err))
	}
}

// try runs one item and decides what becomes of it.
func (r *Runner) try(ctx context.Context, item store.Work) {
	fields := []zap.Field{zap.String("kind", item.Kind), zap.Int64("interchange", item.InterchangeID), zap.Int("attempt", item.Attempt)}
	err := errUnfinished
	if item.Attempt <= maxClaims {
		err = r.call(ctx, item)
	}
	switch {
	case err == nil:
		r.done.WithLabelValues(item.Kind, "done").Inc()
		return
	case errors.Is(err, store.ErrLeaseLost):
		r.log.Warn("somebody else did the work", fields...)
		return
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		r.giveBack(item) // that we stop is no failure of the item
		return
	}
	outcome := "retried"
	if item.Attempt >= maxAttempts || isFinal(err) {
		outcome = "parked"
	}
	r.done.WithLabelValues(item.Kind, outcome).Inc()
	// The outcome is written even if the runner is being stopped.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	due := r.now().Add(backoff(item.Attempt))
	saveErr := r.store.Update(ctx, func(tx store.Tx) error {
		if outcome == "parked" {
			return tx.ParkWork(item, err.Error())
		}
		return tx.RetryWork(item, due, err.Error())
	})
	if outcome == "parked" {
		r.log.Error("work is set aside for a person", append(fields, zap.Error(err))...)
	} else {
		r.log.Warn("work failed and will be tried again", append(fields, zap.Time("due", due), zap.Error(err))...)
	}
	if saveErr != nil {
		r.log.Error("the outcome of work could not be kept; its lease will run out", append(fields, zap.Error(saveErr))...)
	}
}

// errUnfinished is why an item is parked whose every try was cut off by the end of the process. It may be what ends
// the process.
var errUnfinished = fmt.Errorf("work: claimed %d times, but neither done nor failed", maxClaims)

// isFinal reports whether another try is in vain.
func isFinal(err error) bool {
	t, ok := errors.AsType[interface {
		error
		Temporary() bool
	}](err)
	if !ok || t.Temporary() {
		return false
	}
	_, foreign := t.(interface{ Timeout() bool }) // net.Error, syscall.Errno
	return !foreign
}

// call runs the handler; a panic becomes an error.
func (r *Runner) call(ctx context.Context, item store.Work) (err error) {
	defer func() {
		if p := recover(); p != nil {
			r.log.Error("handler panicked", zap.Any("panic", p), zap.ByteString("stack", debug.Stack()))
			err = fmt.Errorf("work: %s panicked: %v", item.Kind, p)
		}
	}()
	h, ok := r.handlers[item.Kind]
	if !ok {
		return fmt.Errorf("work: no handler for %q", item.Kind)
	}
	return h(ctx, item)
}

// backoff is the wait before the next try: it doubles with every attempt and varies by a fifth, so that many items
// that failed together do not come back together.
func backoff(attempt int) time.Duration {
	wait := lastRetry
	if attempt < 16 {
		wait = min(firstRetry<<max(attempt-1, 0), lastRetry)
	}
	return wait + time.Duration(rand.Int64N(int64(wait/5)+1)) //nolint:gosec // no secret
}
