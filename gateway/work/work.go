// Package work runs the durable work items of a store: it claims what is due, calls the handler of the kind, commits
// what that found out, and tries again later what failed. The effect of an item on the store and its completion are one
// transaction, so it happens exactly once; an item whose process died is claimed again when its lease runs out.
//
// Items that were claimed together are committed together, because a commit costs more than most steps; when that
// fails, each is committed alone.
package work

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/marktbote/marktbote/store"
)

// Lanes keep what takes long from delaying what has a deadline of minutes.
const (
	Urgent   = "urgent"    // UTILMD, ORDERS and acknowledgements
	Bulk     = "bulk"      // everything else
	Large    = "large"     // whatever it is, if it is large
	Send     = "send"      // to partners: what is urgent, and answers to it
	SendBulk = "send-bulk" // to partners: everything else
	Deliver  = "deliver"   // to the systems behind the gateway
)

// lanes says how each lane is worked on. Without targets a lane commits in the order in which the items became due: what
// a partner sent later does not overtake; a second worker computes while the first one's items are committed. Those with
// targets wait for others most of the time, and one target must not
// have all their workers.
var lanes = []lane{
	{name: Urgent, workers: 2, batch: batch},
	{name: Bulk, workers: 2, batch: batch},
	{name: Large, workers: 1, batch: 1},
	{name: Send, workers: 64, batch: 1, perTarget: 8},
	{name: SendBulk, workers: 64, batch: 1, perTarget: 8},
	{name: Deliver, workers: 32, batch: 1, perTarget: 4},
}

// Handler does one work item: it looks, computes and does what has an effect outside the store, and returns what is to
// be committed. An error gives the item back for another try, after the wait that it names with RetryAfter or after one that
// grows; an error with Temporary() false parks it for a person. The errors of package net and of the
// operating system do not park: their Temporary means something else, a refused connection for example is not temporary
// to them.
type Handler func(ctx context.Context, item store.Work) (Commit, error)

// ErrStale is an error of Commit.Do: what the handler found out does not hold any more, and it is called again at once.
var ErrStale = errors.New("overtaken")

// again is the key under which a context says that the handler is called because of ErrStale.
type again struct{}

// Again reports whether a handler is called again because its Commit.Do returned ErrStale. Everything that became due
// before the item is committed then, as far as this lane does it.
func Again(ctx context.Context) bool { return ctx.Value(again{}) != nil }

// Commit is the effect of an item on the store.
type Commit struct {
	// Expect says what Do is going to ask, as far as that is known. It may be empty.
	Expect store.Expected
	// Do changes the rows. It must call CompleteWork, and may run several times, together with that of other items.
	Do func(tx store.Tx) error
	// After runs once after the commit; nil: nothing is left to do.
	After func()
}

// Limits of a Runner.
const (
	batch       = 64               // items that are committed together at most
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
	for _, l := range lanes {
		r.wake[l.name] = make(chan struct{}, 1)
	}
	return r
}

// Handle sets the handler of a kind. It must not be called after Run.
func (r *Runner) Handle(kind string, h Handler) { r.handlers[kind] = h }

// Wake tells the Runner that new work was committed in some lanes; without names: perhaps in all.
func (r *Runner) Wake(lanes ...string) {
	for name, c := range r.wake {
		if len(lanes) > 0 && !slices.Contains(lanes, name) {
			continue
		}
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// Run works until ctx ends and returns when the items in progress are done.
func (r *Runner) Run(ctx context.Context) {
	var wg sync.WaitGroup
	for _, l := range lanes {
		wg.Go(func() { r.lane(ctx, l) })
	}
	wg.Wait()
}

// Drain does in the calling goroutine what is due now, and what that brings about, one after another, and returns when
// the next item is due; zero if there is none. It is for a simulated clock and not to be mixed with Run.
func (r *Runner) Drain(ctx context.Context) (next time.Time, err error) {
	for again := true; again && ctx.Err() == nil; {
		again = false
		for _, l := range lanes {
			items, err := r.store.ClaimWork(ctx, store.Claim{Lane: l.name, Now: r.now(), Lease: lease, Limit: l.batch})
			if err != nil {
				return time.Time{}, err
			}
			if len(items) > 0 {
				again = true
				r.commit(ctx, r.call(ctx, items))
			}
		}
	}
	if ctx.Err() != nil {
		return time.Time{}, ctx.Err()
	}
	err = r.store.View(ctx, func(tx store.Tx) error {
		next, err = tx.NextWork()
		return err
	})
	return next, err
}

// claims are the claimed items that are not done yet. Their leases are renewed as long as the process lives, so that a
// lease can be short, and the work of a process that died is taken over soon.
type claims struct {
	mu    sync.Mutex
	items []store.Work
}

func (c *claims) add(items []store.Work) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.items = append(c.items, items...)
}

func (c *claims) left() []store.Work {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.items)
}

func (c *claims) remove(items []store.Work) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.items = slices.DeleteFunc(c.items, func(w store.Work) bool {
		return slices.ContainsFunc(items, func(x store.Work) bool { return x.ID == w.ID })
	})
}

// renew renews the leases of c until ctx ends.
func (r *Runner) renew(ctx context.Context, c *claims) {
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

// suspectAfter is how many claims of an item may have come to nothing before it is done alone: it may be what ended the
// process.
const suspectAfter = 2

// commit commits items together that their handlers were called for. It returns the IDs of those that failed.
func (r *Runner) commit(ctx context.Context, all []tried) (failed map[int64]bool) {
	failed = map[int64]bool{}
	var list []tried
	for _, t := range all {
		if t.err != nil {
			failed[t.item.ID] = true
			r.failed(ctx, t.item, t.err)
			continue
		}
		list = append(list, t)
	}
	// What has happened outside is committed even if the runner is being stopped.
	longer, cancel := linger(ctx, commitPatience)
	defer cancel()
	commit := func(list []tried) error {
		return r.guard("commit", func() error {
			return r.store.Update(longer, func(tx store.Tx) error {
				var expect store.Expected
				for _, p := range list {
					expect.Add(p.commit.Expect)
				}
				if err := tx.Expect(expect); err != nil {
					return err
				}
				for _, p := range list {
					if err := p.commit.Do(tx); err != nil {
						return err
					}
				}
				return nil
			})
		})
	}
	succeeded := func(p tried) {
		r.done.WithLabelValues(p.item.Kind, "done").Inc()
		if p.commit.After != nil {
			p.commit.After()
		}
	}
	if len(list) > 1 && commit(list) == nil {
		for _, p := range list {
			succeeded(p)
		}
		return failed
	}
	for _, p := range list {
		err := commit([]tried{p})
		if errors.Is(err, ErrStale) {
			if p = r.callOne(context.WithValue(ctx, again{}, true), p.item); p.err == nil {
				p.err = commit([]tried{p})
			}
			err = p.err
		}
		if err != nil {
			failed[p.item.ID] = true
			r.failed(ctx, p.item, err)
			continue
		}
		succeeded(p)
	}
	return failed
}

// commitPatience is how long a commit may take when the runner is being stopped.
const commitPatience = 5 * time.Second

// linger returns a context that ends some time after ctx.
func linger(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		select {
		case <-time.After(d):
			cancel()
		case <-longer.Done():
		}
	})
	return longer, func() { stop(); cancel() }
}

// failed decides what becomes of an item that failed.
func (r *Runner) failed(ctx context.Context, item store.Work, err error) {
	fields := []zap.Field{zap.String("kind", item.Kind), zap.Int64("interchange", item.InterchangeID), zap.Int("attempt", item.Attempt)}
	switch {
	case errors.Is(err, store.ErrLeaseLost):
		r.log.Warn("somebody else did the work", fields...)
		return
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		r.giveBack(item) // that we stop is no failure of the item
		return
	}
	outcome := "retried"
	wait, chosen := retryAfter(err)
	if !chosen {
		wait = backoff(item.Attempt)
	}
	if item.Attempt >= maxAttempts && !chosen || isFinal(err) {
		outcome = "parked"
	}
	r.done.WithLabelValues(item.Kind, outcome).Inc()
	// The outcome is written even if the runner is being stopped.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	due := r.now().Add(wait)
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

// retryAfter returns the wait that an error asks for.
func retryAfter(err error) (time.Duration, bool) {
	if t, ok := errors.AsType[interface {
		error
		RetryAfter() time.Duration
	}](err); ok && t.RetryAfter() > 0 {
		return t.RetryAfter(), true
	}
	return 0, false
}

// tried is an item whose handler has run.
type tried struct {
	item   store.Work
	commit Commit
	err    error
}

// call runs the handlers of items, on all processors.
func (r *Runner) call(ctx context.Context, items []store.Work) []tried {
	list := make([]tried, len(items))
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(len(items), runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(items)); i = next.Add(1) - 1 {
				list[i] = r.callOne(ctx, items[i])
			}
		})
	}
	wg.Wait()
	return list
}

// callOne runs the handler of an item; a panic becomes an error.
func (r *Runner) callOne(ctx context.Context, item store.Work) tried {
	t := tried{item: item}
	h, ok := r.handlers[item.Kind]
	switch {
	case ctx.Err() != nil:
		t.err = ctx.Err()
	case item.Attempt > maxClaims:
		t.err = errUnfinished
	case !ok:
		t.err = fmt.Errorf("work: no handler for %q", item.Kind)
	default:
		t.err = r.guard(item.Kind, func() (err error) {
			t.commit, err = h(ctx, item)
			return err
		})
	}
	return t
}

// guard turns a panic into an error.
func (r *Runner) guard(what string, fn func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			r.log.Error("handler panicked", zap.Any("panic", p), zap.ByteString("stack", debug.Stack()))
			err = fmt.Errorf("work: %s panicked: %v", what, p)
		}
	}()
	return fn()
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
