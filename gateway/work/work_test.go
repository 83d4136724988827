package work

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/marktbote/marktbote/store"
	"github.com/marktbote/marktbote/store/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a Runner on a SQLite store. Everything runs inside a bubble of testing/synctest, so waiting costs nothing.
type rig struct {
	*Runner
	t    *testing.T
	st   store.Store
	logs *observer.ObservedLogs

	metrics *prometheus.Registry
	ahead   *atomic.Int64 // nanoseconds that the clock of the work items is ahead of that of the bubble
}

// advance moves the clock of the work items, which costs less than days in the bubble with a claim every two seconds.
func (r *rig) advance(d time.Duration) {
	r.ahead.Add(int64(d))
	r.Wake()
	synctest.Wait()
}

// inBubble runs test with a rig of its own.
func inBubble(t *testing.T, test func(t *testing.T, r *rig)) {
	t.Helper()
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		st, err := sqlite.Open(t.Context(), filepath.Join(dir, "store.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer st.Close()
		core, logs := observer.New(zapcore.DebugLevel)
		metrics, ahead := prometheus.NewRegistry(), new(atomic.Int64)
		now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
		test(t, &rig{Runner: New(st, zap.New(core), now, metrics), t: t, st: st, logs: logs, metrics: metrics, ahead: ahead})
	})
}

// start runs the Runner; the returned function stops it and waits for its end.
func (r *rig) start() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.Run(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}

// add commits work items that are due now.
func (r *rig) add(lane, kind string, n int) {
	r.t.Helper()
	r.update(func(tx store.Tx) error {
		for range n {
			if err := tx.AddWork(store.Work{Kind: kind, Lane: lane, DueAt: time.Now()}); err != nil {
				return err
			}
		}
		return nil
	})
}

// warm lets a running lane claim many items at once.
func (r *rig) warm(lane string) {
	r.t.Helper()
	r.Runner.Handle("warm", func(_ context.Context, item store.Work) (Commit, error) {
		return Commit{Do: func(tx store.Tx) error { return tx.CompleteWork(item) }}, nil
	})
	r.add(lane, "warm", 15)
	r.Wake()
	synctest.Wait()
	r.wantLeft(0, 0)
}

func (r *rig) update(fn func(tx store.Tx) error) {
	r.t.Helper()
	if err := r.st.Update(context.Background(), fn); err != nil {
		r.t.Error(err)
	}
}

// Handle sets a handler that commits by itself what it does.
func (r *rig) Handle(kind string, h func(ctx context.Context, item store.Work) error) {
	r.Runner.Handle(kind, func(ctx context.Context, item store.Work) (Commit, error) {
		return Commit{Do: func(store.Tx) error { return nil }}, h(ctx, item)
	})
}

// complete is a handler without effect.
func (r *rig) complete(ctx context.Context, item store.Work) error {
	return r.st.Update(ctx, func(tx store.Tx) error { return tx.CompleteWork(item) })
}

// left returns how many items are pending and which are parked.
func (r *rig) left() (pending int, parked []store.Work) {
	r.t.Helper()
	err := r.st.View(context.Background(), func(tx store.Tx) (err error) {
		if pending, err = tx.PendingWork(); err != nil {
			return err
		}
		parked, err = tx.ParkedWork(0)
		return err
	})
	if err != nil {
		r.t.Error(err)
	}
	return pending, parked
}

func (r *rig) wantLeft(pending, parked int) []store.Work {
	r.t.Helper()
	n, list := r.left()
	if n != pending || len(list) != parked {
		r.t.Errorf("%d items pending and %d parked, want %d and %d", n, len(list), pending, parked)
	}
	return list
}

func (r *rig) wantLog(level zapcore.Level, message string, n int) {
	r.t.Helper()
	found := r.logs.FilterMessage(message).FilterLevelExact(level).Len()
	if found != n {
		r.t.Errorf("logged %d times %s %q, want %d; log: %v", found, level, message, n, r.logs.All())
	}
}

func (r *rig) wantOutcome(kind, outcome string, n float64) {
	r.t.Helper()
	families, err := r.metrics.Gather()
	if err != nil {
		r.t.Error(err)
	}
	got := 0.0
	for _, f := range families {
		for _, m := range f.GetMetric() {
			l := m.GetLabel() // sorted by name
			if f.GetName() == "gateway_work_items_total" && l[0].GetValue() == kind && l[1].GetValue() == outcome {
				got = m.GetCounter().GetValue()
			}
		}
	}
	if got != n {
		r.t.Errorf("metric says %v items %s, want %v", got, outcome, n)
	}
}

func TestDone(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var seen []int64
		r.Runner.Handle("step", func(_ context.Context, item store.Work) (Commit, error) {
			return Commit{
				Do:    func(tx store.Tx) error { return tx.CompleteWork(item) },
				After: func() { seen = append(seen, item.ID) },
			}, nil
		})
		r.add(Urgent, "step", batch+3)
		stop := r.start()
		synctest.Wait()
		r.wantLeft(0, 0)
		begun := time.Now()
		r.add(Urgent, "step", 1)
		r.Wake()
		synctest.Wait()
		r.wantLeft(0, 0)
		if waited := time.Since(begun); waited != 0 {
			t.Errorf("woken, but the work was done only after %v", waited)
		}
		r.add(Urgent, "step", 1)
		time.Sleep(idle + time.Second)
		r.wantLeft(0, 0)
		stop()
		for i, id := range seen {
			if id != int64(i+1) {
				t.Fatalf("order of the items: %v", seen)
			}
		}
		r.wantOutcome("step", "done", batch+5)
	})
}

func TestRetry(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var at []time.Time
		var reasons []string
		r.Handle("step", func(ctx context.Context, item store.Work) error {
			at, reasons = append(at, time.Now()), append(reasons, item.Reason)
			if len(at) <= 4 {
				return fmt.Errorf("failure %d", len(at))
			}
			return r.complete(ctx, item)
		})
		r.add(Bulk, "step", 1)
		stop := r.start()
		time.Sleep(5 * time.Minute)
		stop()
		r.wantLeft(0, 0)
		if want := "[ failure 1 failure 2 failure 3 failure 4]"; fmt.Sprint(reasons) != want {
			t.Errorf("reasons %q, want %s", reasons, want)
		}
		for i := 1; i < len(at); i++ {
			shortest := firstRetry << (i - 1)
			longest := shortest + shortest/5 + idle
			if gap := at[i].Sub(at[i-1]); gap < shortest || gap > longest {
				t.Errorf("wait %d was %v, want %v to %v", i, gap, shortest, longest)
			}
		}
		r.wantLog(zapcore.WarnLevel, "work failed and will be tried again", 4)
		r.wantOutcome("step", "retried", 4)
		r.wantOutcome("step", "done", 1)
	})
}

// lasting is an error that says itself that another try is in vain.
type lasting struct{ error }

func (lasting) Temporary() bool { return false }

// passing is an error that says the opposite.
type passing struct{ error }

func (passing) Temporary() bool { return true }

func TestFinalErrorParks(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		tries := 0
		r.Handle("step", func(context.Context, store.Work) error {
			tries++
			return fmt.Errorf("step: %w", lasting{errors.New("the partner does not exist")})
		})
		r.add(Urgent, "step", 1)
		stop := r.start()
		synctest.Wait()
		r.advance(24 * time.Hour)
		stop()
		parked := r.wantLeft(0, 1)
		if want := "step: the partner does not exist"; parked[0].Reason != want || parked[0].Attempt != 1 || tries != 1 {
			t.Errorf("parked %+v after %d tries, want reason %q and one try", parked[0], tries, want)
		}
		r.wantLog(zapcore.ErrorLevel, "work is set aside for a person", 1)
		r.wantOutcome("step", "parked", 1)
	})
}

func TestIsFinal(t *testing.T) {
	t.Parallel()
	refused := &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	for _, c := range []struct {
		err  error
		want bool
	}{
		{errors.New("unknown"), false},
		{lasting{errors.New("final")}, true},
		{passing{lasting{errors.New("the outer one knows better")}}, false},
		{fmt.Errorf("send: %w", lasting{refused}), true},
		{fmt.Errorf("send: %w", refused), false},
		{fmt.Errorf("write: %w", syscall.ENOSPC), false},
		{&net.DNSError{Err: "no such host", IsNotFound: true}, false},
		{context.DeadlineExceeded, false},
	} {
		if got := isFinal(c.err); got != c.want {
			t.Errorf("isFinal(%T %v) = %v", c.err, c.err, got)
		}
	}
}

func TestPanic(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		reason := ""
		r.Handle("step", func(ctx context.Context, item store.Work) error {
			if item.Attempt == 1 {
				panic("index out of range")
			}
			reason = item.Reason
			return r.complete(ctx, item)
		})
		r.add(Urgent, "step", 1)
		stop := r.start()
		time.Sleep(time.Minute)
		stop()
		r.wantLeft(0, 0)
		if want := "work: step panicked: index out of range"; reason != want {
			t.Errorf("reason %q, want %q", reason, want)
		}
		r.wantLog(zapcore.ErrorLevel, "handler panicked", 1)
		fields := r.logs.FilterMessage("handler panicked").All()[0].ContextMap()
		if stack := fmt.Sprintf("%s", fields["stack"]); !strings.Contains(stack, "work_test.go") {
			t.Errorf("the stack does not name the place: %s", stack)
		}
	})
}

func TestAttemptsAreLimited(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		tries := 0
		r.Handle("step", func(context.Context, store.Work) error {
			tries++
			return errors.New("nobody there")
		})
		r.add(Urgent, "step", 1)
		stop := r.start()
		synctest.Wait()
		for range 2 * maxAttempts {
			r.advance(2 * lastRetry)
		}
		stop()
		parked := r.wantLeft(0, 1)
		if tries != maxAttempts || parked[0].Attempt != maxAttempts || parked[0].Reason != "nobody there" {
			t.Errorf("%d tries, parked %+v", tries, parked[0])
		}
	})
}

// TestTriesThatNeverEnd: an item that takes the process with it comes back without having failed.
func TestTriesThatNeverEnd(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		tries := 0
		r.Handle("step", func(context.Context, store.Work) error {
			tries++
			return nil
		})
		r.add(Urgent, "step", 1)
		for range maxClaims {
			items, err := r.st.ClaimWork(t.Context(), store.Claim{Lane: Urgent, Now: time.Now(), Lease: time.Second, Limit: 1})
			if err != nil || len(items) != 1 {
				t.Fatal(items, err)
			}
			time.Sleep(time.Second)
		}
		stop := r.start()
		synctest.Wait()
		stop()
		parked := r.wantLeft(0, 1)
		if tries != 0 || parked[0].Reason != errUnfinished.Error() {
			t.Errorf("%d tries, reason %q", tries, parked[0].Reason)
		}
	})
}

func TestLostLease(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.Handle("step", func(ctx context.Context, item store.Work) error {
			// Another process takes over and does the work, as if this one had been stopped for a while.
			items, err := r.st.ClaimWork(ctx, store.Claim{Lane: Urgent, Now: time.Now().Add(lease + time.Second), Lease: lease, Limit: 1})
			if err != nil || len(items) != 1 {
				t.Error(items, err)
			}
			if err := r.complete(ctx, items[0]); err != nil {
				t.Error(err)
			}
			return r.st.Update(ctx, func(tx store.Tx) error {
				if _, err := tx.InsertEvents(store.Event{ID: "twice"}); err != nil {
					return err
				}
				return tx.CompleteWork(item)
			})
		})
		r.add(Urgent, "step", 1)
		stop := r.start()
		time.Sleep(lease + time.Minute)
		stop()
		r.wantLeft(0, 0)
		r.wantLog(zapcore.WarnLevel, "somebody else did the work", 1)
		err := r.st.View(context.Background(), func(tx store.Tx) error {
			events, err := tx.Events(0, 0, 0)
			if len(events) != 0 {
				t.Errorf("the effect was committed without the lease: %v", events)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// TestLongWork: as long as the process lives nobody takes its work, however long it takes.
func TestLongWork(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var tries atomic.Int32
		r.Handle("step", func(ctx context.Context, item store.Work) error {
			tries.Add(1)
			time.Sleep(3 * lease)
			return r.complete(ctx, item)
		})
		stop := r.start()
		defer stop()
		r.warm(Urgent)
		r.add(Urgent, "step", 2) // the second one waits for the first
		r.Wake()
		for range 12 * lease / time.Second {
			time.Sleep(time.Second / 2)
			items, err := r.st.ClaimWork(t.Context(), store.Claim{Lane: Urgent, Now: time.Now(), Lease: lease, Limit: 10})
			if err != nil || len(items) != 0 {
				t.Fatalf("claimed beside: %v, %v", items, err)
			}
		}
		synctest.Wait()
		if n := tries.Load(); n != 2 {
			t.Errorf("%d tries", n)
		}
		r.wantLeft(0, 0)
	})
}

// TestTakeOver: the work of a process that died is done by another one within half a minute.
func TestTakeOver(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.Handle("step", r.complete)
		r.add(Urgent, "step", batch)
		items, err := r.st.ClaimWork(t.Context(), store.Claim{Lane: Urgent, Now: time.Now(), Lease: lease, Limit: batch}) // and never comes back
		if err != nil || len(items) != batch {
			t.Fatal(items, err)
		}
		stop := r.start()
		defer stop()
		time.Sleep(30 * time.Second)
		synctest.Wait()
		r.wantLeft(0, 0)
	})
}

func TestStopGivesBack(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var tries atomic.Int32
		r.Handle("step", func(ctx context.Context, _ store.Work) error {
			tries.Add(1)
			<-ctx.Done()
			return fmt.Errorf("step: %w", ctx.Err())
		})
		stop := r.start()
		r.warm(Bulk)
		r.add(Bulk, "step", 3)
		r.Wake()
		synctest.Wait()
		stop()
		if n := int(tries.Load()); n == 0 || n > 2*runtime.GOMAXPROCS(0) {
			t.Errorf("%d items were begun", n)
		}
		items, err := r.st.ClaimWork(context.Background(), store.Claim{Lane: Bulk, Now: time.Now(), Lease: lease, Limit: batch})
		if err != nil || len(items) != 3 {
			t.Fatalf("after the stop %d items can be claimed at once, %v; want 3", len(items), err)
		}
		for _, item := range items {
			if item.Reason != "stopped" {
				t.Errorf("reason %q", item.Reason)
			}
		}
		r.wantOutcome("step", "retried", 0)
	})
}

// TestFailureWhileStopping: what failed for its own reason while the runner stops keeps this reason.
func TestFailureWhileStopping(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.Handle("step", func(ctx context.Context, _ store.Work) error {
			<-ctx.Done()
			return lasting{errors.New("rejected")}
		})
		r.add(Bulk, "step", 1)
		stop := r.start()
		synctest.Wait()
		stop()
		if parked := r.wantLeft(0, 1); parked[0].Reason != "rejected" {
			t.Errorf("reason %q", parked[0].Reason)
		}
	})
}

func TestLanesAreIndependent(t *testing.T) {
	for _, c := range []struct{ blocked, free string }{{Bulk, Urgent}, {Urgent, Bulk}} {
		t.Run(c.blocked, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				release := make(chan struct{})
				var done atomic.Int32
				r.Handle("slow", func(ctx context.Context, item store.Work) error {
					<-release
					return r.complete(ctx, item)
				})
				r.Handle("quick", func(ctx context.Context, item store.Work) error {
					done.Add(1)
					return r.complete(ctx, item)
				})
				r.add(c.blocked, "slow", 1)
				stop := r.start()
				synctest.Wait()
				r.add(c.free, "quick", 2*batch)
				r.Wake()
				synctest.Wait()
				if n := done.Load(); n != 2*batch {
					t.Errorf("%d of %d items done while the other lane is blocked", n, 2*batch)
				}
				close(release)
				synctest.Wait()
				stop()
				r.wantLeft(0, 0)
			})
		})
	}
}

func TestUnknownKind(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.add(Urgent, "from a later version", 1)
		stop := r.start()
		time.Sleep(time.Second)
		stop()
		r.wantLeft(1, 0)
		items, err := r.st.ClaimWork(context.Background(), store.Claim{Lane: Urgent, Now: time.Now().Add(time.Hour), Lease: lease, Limit: 1})
		if want := `work: no handler for "from a later version"`; err != nil || len(items) != 1 || items[0].Reason != want {
			t.Errorf("claimed %+v, %v; want reason %s", items, err, want)
		}
	})
}

// TestStoreFails: a store that does not answer is asked again in peace.
func TestStoreFails(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		if err := r.st.Close(); err != nil {
			t.Fatal(err)
		}
		stop := r.start()
		time.Sleep(10*idle + time.Second)
		stop()
		r.wantLog(zapcore.ErrorLevel, "work cannot be claimed", len(lanes)*11)
	})
}

// TestTwoRunners: two processes on one store never do an item twice.
func TestTwoRunners(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		other := &rig{Runner: New(r.st, zap.NewNop(), time.Now, prometheus.NewRegistry()), t: t, st: r.st, logs: r.logs}
		var mu sync.Mutex
		count := map[int64]int{}
		for _, x := range []*rig{r, other} {
			x.Handle("step", func(ctx context.Context, item store.Work) error {
				mu.Lock()
				count[item.ID]++
				mu.Unlock()
				time.Sleep(time.Second / 10)
				return r.complete(ctx, item)
			})
		}
		r.add(Urgent, "step", 5*batch)
		stop, stopOther := r.start(), other.start()
		time.Sleep(time.Minute)
		stop()
		stopOther()
		r.wantLeft(0, 0)
		for id, n := range count {
			if n != 1 {
				t.Errorf("item %d was done %d times", id, n)
			}
		}
	})
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	for attempt := range 100 {
		for range 20 {
			if wait := backoff(attempt); wait < firstRetry || wait > lastRetry+lastRetry/5 {
				t.Fatalf("wait after attempt %d: %v", attempt, wait)
			}
		}
	}
	day := time.Duration(0)
	for attempt := 1; attempt < maxAttempts; attempt++ {
		day += backoff(attempt)
	}
	if day < 20*time.Hour || day > 36*time.Hour {
		t.Errorf("the last try is after %v, want about a day", day)
	}
}
