package work

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/marktbote/marktbote/store"
)

// TestOneOfManyFails: items that are committed together do not suffer from one whose commit fails.
func TestOneOfManyFails(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var done []int64
		r.Runner.Handle("step", func(_ context.Context, item store.Work) (Commit, error) {
			return Commit{
				Do: func(tx store.Tx) error {
					if item.ID == 3 {
						return lasting{errors.New("does not fit")}
					}
					if item.ID == 5 {
						panic("nobody thought of this")
					}
					return tx.CompleteWork(item)
				},
				After: func() { done = append(done, item.ID) },
			}, nil
		})
		r.add(Bulk, "step", 6)
		stop := r.start()
		synctest.Wait()
		stop()
		parked := r.wantLeft(1, 1)
		if !slices.Equal(done, []int64{1, 2, 4, 6}) || parked[0].ID != 3 || parked[0].Reason != "does not fit" {
			t.Errorf("done %v, parked %+v", done, parked)
		}
	})
}

// TestPoison: an item that ends the process each time takes little with it, and everything else gets done.
func TestPoison(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.add(Bulk, "poison", 1)
		r.add(Bulk, "step", 500)
		died := errors.New("the process died")
		for life := range 3 * maxClaims {
			ctx, kill := context.WithCancelCause(t.Context())
			x := New(deadly{r.st, ctx}, zap.NewNop(), r.now, prometheus.NewRegistry())
			x.Handle("step", func(_ context.Context, item store.Work) (Commit, error) {
				return Commit{Do: func(tx store.Tx) error { return tx.CompleteWork(item) }}, nil
			})
			x.Handle("poison", func(context.Context, store.Work) (Commit, error) {
				kill(died)
				return Commit{}, died
			})
			run, stop := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() {
				defer close(done)
				x.Run(run)
			}()
			synctest.Wait()
			stop()
			<-done
			pending, parked := r.left()
			if len(parked) > 0 && (len(parked) > 1 || parked[0].Kind != "poison") {
				t.Fatalf("life %d: parked %+v", life, parked)
			}
			if pending == 0 {
				return
			}
			r.ahead.Add(int64(lease) + 1)
		}
		t.Error("not everything was done")
	})
}

// deadly is a store that a process cannot reach any more when it is dead.
type deadly struct {
	store.Store
	life context.Context //nolint:containedctx // that of the process
}

func (d deadly) Update(ctx context.Context, fn func(tx store.Tx) error) error {
	if err := d.life.Err(); err != nil {
		return err
	}
	return d.Store.Update(ctx, fn)
}

func (d deadly) ClaimWork(ctx context.Context, c store.Claim) ([]store.Work, error) {
	if err := d.life.Err(); err != nil {
		return nil, err
	}
	return d.Store.ClaimWork(ctx, c)
}

// waiters are handlers that wait for a target until it is released.
type waiters struct {
	mu      sync.Mutex
	running map[string]int
	most    map[string]int
	done    map[string]int
	release map[string]chan error
}

func newWaiters(targets ...string) *waiters {
	w := &waiters{running: map[string]int{}, most: map[string]int{}, done: map[string]int{}, release: map[string]chan error{}}
	for _, name := range targets {
		w.release[name] = make(chan error)
	}
	return w
}

func (w *waiters) handle(ctx context.Context, item store.Work) (Commit, error) {
	w.count(item.Target, 1)
	defer w.count(item.Target, -1)
	select {
	case err := <-w.release[item.Target]:
		if err != nil {
			return Commit{}, err
		}
	case <-ctx.Done():
		return Commit{}, ctx.Err()
	}
	return Commit{Do: func(tx store.Tx) error { return tx.CompleteWork(item) }, After: func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.done[item.Target]++
	}}, nil
}

func (w *waiters) count(name string, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running[name] += n
	w.most[name] = max(w.most[name], w.running[name])
}

func (w *waiters) now(of map[string]int) map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := maps.Clone(of)
	maps.DeleteFunc(out, func(_ string, n int) bool { return n == 0 })
	return out
}

func (r *rig) addFor(lane, kind string, targets ...string) {
	r.t.Helper()
	r.update(func(tx store.Tx) error {
		for _, name := range targets {
			if err := tx.AddWork(store.Work{Kind: kind, Lane: lane, Target: name, DueAt: r.now()}); err != nil {
				return err
			}
		}
		return nil
	})
}

// TestTargets: a target that does not answer leaves the workers of its lane to the others.
func TestTargets(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		w := newWaiters("dead", "alive")
		r.Runner.Handle("send", w.handle)
		r.addFor(Send, "send", slices.Repeat([]string{"dead"}, 200)...)
		r.addFor(Send, "send", slices.Repeat([]string{"alive"}, 20)...)
		stop := r.start()
		synctest.Wait()
		if got := fmt.Sprint(w.now(w.running)); got != "map[alive:8 dead:8]" {
			t.Errorf("running: %s", got)
		}
		for range 20 {
			w.release["alive"] <- nil
			synctest.Wait()
		}
		if got := fmt.Sprint(w.now(w.done), w.now(w.most)); got != "map[alive:20] map[alive:8 dead:8]" {
			t.Errorf("done and most: %s", got)
		}
		// A failure leaves the target one worker until something succeeds.
		for range 8 {
			w.release["dead"] <- errors.New("connection refused")
			synctest.Wait()
		}
		time.Sleep(time.Second)
		if got := fmt.Sprint(w.now(w.running)); got != "map[dead:1]" {
			t.Errorf("running after failures: %s", got)
		}
		w.release["dead"] <- nil
		synctest.Wait()
		if got := fmt.Sprint(w.now(w.running)); got != "map[dead:8]" {
			t.Errorf("running after a success: %s", got)
		}
		stop()
		pending, _ := r.left()
		if pending != 199 {
			t.Errorf("%d pending", pending)
		}
		items, err := r.st.ClaimWork(t.Context(), store.Claim{Lane: Send, Now: r.now(), Lease: lease, Limit: 1000})
		if err != nil || len(items) < 190 {
			t.Errorf("after the stop %d can be claimed at once, %v", len(items), err)
		}
	})
}

// TestTargetsTakeTurns: who is due later is not behind all that is for one target.
func TestTargetsTakeTurns(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		w := newWaiters("a", "b", "c")
		r.Runner.Handle("send", w.handle)
		r.addFor(Deliver, "send", slices.Repeat([]string{"a"}, 100)...)
		r.addFor(Deliver, "send", slices.Repeat([]string{"b"}, 100)...)
		r.addFor(Deliver, "send", "c")
		stop := r.start()
		defer stop()
		synctest.Wait()
		if got := fmt.Sprint(w.now(w.running)); got != "map[a:4 b:4 c:1]" {
			t.Errorf("running: %s", got)
		}
	})
}

func TestDrain(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var done []string
		for _, kind := range []string{"first", "second", "later"} {
			r.Runner.Handle(kind, func(_ context.Context, item store.Work) (Commit, error) {
				return Commit{
					Do: func(tx store.Tx) error {
						next := map[string]store.Work{
							"first":  {Kind: "second", Lane: Send, Target: "x", DueAt: r.now()},
							"second": {Kind: "later", Lane: Bulk, DueAt: r.now().Add(time.Hour)},
						}
						if w, ok := next[item.Kind]; ok {
							if err := tx.AddWork(w); err != nil {
								return err
							}
						}
						return tx.CompleteWork(item)
					},
					After: func() { done = append(done, item.Kind) },
				}, nil
			})
		}
		r.add(Urgent, "first", 1)
		drain := func(want time.Time) {
			t.Helper()
			next, err := r.Drain(t.Context())
			if err != nil || !next.Equal(want) {
				t.Errorf("next %v, %v; want %v", next, err, want)
			}
		}
		begun := r.now()
		drain(begun.Add(time.Hour).Truncate(time.Microsecond))
		r.advance(time.Hour)
		drain(time.Time{})
		if got := fmt.Sprint(done); got != "[first second later]" {
			t.Errorf("done %s", got)
		}
	})
}

// TestOneClaimForMany: what ended together is followed by one claim, not by one for each item: a claim takes as long as
// a commit, and until the lane has seen that an item ended it has no worker for another one.
func TestOneClaimForMany(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		const items = 40
		claims := atomic.Int64{}
		x := New(counting{r.st, &claims}, zap.NewNop(), r.now, prometheus.NewRegistry())
		release := make(chan struct{})
		x.Handle("step", func(_ context.Context, item store.Work) (Commit, error) {
			<-release
			return Commit{Do: func(tx store.Tx) error { return tx.CompleteWork(item) }}, nil
		})
		if err := r.st.Update(t.Context(), func(tx store.Tx) error {
			for i := range items {
				if err := tx.AddWork(store.Work{Kind: "step", Lane: Send, Target: fmt.Sprint(i), DueAt: r.now()}); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			x.Run(ctx)
		}()
		synctest.Wait()
		for range 8 { // until all workers have an item: the lane begins with a few
			time.Sleep(idle)
			synctest.Wait()
		}
		before := claims.Load()
		close(release)
		synctest.Wait()
		if n := claims.Load() - before; n > items/4 {
			t.Errorf("%d claims while %d items ended", n, items)
		}
		stop()
		<-done
		r.wantLeft(0, 0)
	})
}

// counting is a store that counts claims.
type counting struct {
	store.Store
	claims *atomic.Int64
}

func (c counting) ClaimWork(ctx context.Context, q store.Claim) ([]store.Work, error) {
	if q.Lane == Send {
		c.claims.Add(1)
	}
	return c.Store.ClaimWork(ctx, q)
}
