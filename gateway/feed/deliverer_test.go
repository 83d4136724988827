package feed

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/marktbote/marktbote/gateway/config"
	"github.com/marktbote/marktbote/store"
)

func TestDelivers(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	r := newReceiver(t)
	publish(t, st, series("a", 300, 7)...)
	_, stop := start(t, st, webhookTo(t, "billing", r.server.URL))
	r.count(t, 300)
	publish(t, st, series("b", 50, 7)...)
	r.count(t, 350)
	settled(t, st, "billing")
	stop()
	got := r.ids()
	inOrder(t, got[:300], 300, 7)
	inOrder(t, got[300:], 50, 7)
	if row := rowOf(t, st, "billing"); row.Lease != "" {
		t.Errorf("the lease was not given back: %+v", row)
	}
	// Another gateway goes on behind it.
	_, stop = start(t, st, webhookTo(t, "billing", r.server.URL))
	publish(t, st, series("c", 1, 1)...)
	r.count(t, 351)
	stop()
	if got := r.ids(); len(got) != 351 {
		t.Errorf("%d deliveries", len(got))
	}
}

// TestRefusedPartition: what the receiver refuses holds up its partition and no other, over a restart too.
func TestRefusedPartition(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	r := newReceiver(t)
	var healed atomic.Bool
	r.set(func(id string, _ int) int {
		if id == "a-3" && !healed.Load() {
			return http.StatusUnprocessableEntity
		}
		return http.StatusOK
	})
	sub := webhookTo(t, "billing", r.server.URL)
	sub.MaxAttempts = 1000
	publish(t, st, series("a", 100, 10)...)
	_, stop := start(t, st, sub)
	eventually(t, "the others are delivered", func() bool { return len(r.ids()) == 90 && len(heldOf(t, st, "billing")) == 10 })
	eventually(t, "the position has passed", func() bool { return rowOf(t, st, "billing").Position >= 100 })
	stop()
	_, stop = start(t, st, sub)
	publish(t, st, series("b", 100, 10)...)
	eventually(t, "the others go on", func() bool { return len(r.ids()) == 180 && len(heldOf(t, st, "billing")) == 20 })
	healed.Store(true)
	r.count(t, 200)
	settled(t, st, "billing")
	stop()
	got := r.ids()
	inOrder(t, slices.DeleteFunc(slices.Clone(got), func(id string) bool { return id[0] != 'a' }), 100, 10)
	inOrder(t, slices.DeleteFunc(slices.Clone(got), func(id string) bool { return id[0] != 'b' }), 100, 10)
	if slices.Index(got, "b-3") < slices.Index(got, "a-93") {
		t.Errorf("b-3 overtook a-93")
	}
}

// TestDead: after all attempts a person decides.
func TestDead(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	r := newReceiver(t)
	var healed atomic.Bool
	r.set(func(id string, _ int) int {
		if (id == "a-0" || id == "a-1") && !healed.Load() {
			return http.StatusInternalServerError
		}
		return http.StatusOK
	})
	publish(t, st, series("a", 12, 3)...)
	metrics := prometheus.NewRegistry()
	f, err := Open(t.Context(), Options{Store: st, Metrics: metrics, Config: config.Config{Subscriptions: []config.Subscription{webhookTo(t, "billing", r.server.URL)}}})
	if err != nil {
		t.Fatal(err)
	}
	f.pace = quick
	runFeed(t, f)
	dead := func() (n int) {
		for _, d := range heldOf(t, st, "billing") {
			if d.State == store.HeldDead {
				n++
				if d.Attempt != 4 || !strings.Contains(d.Reason, "500") {
					t.Errorf("%+v", d)
				}
			}
		}
		return n
	}
	eventually(t, "two are dead", func() bool { return dead() == 2 })
	eventually(t, "the third partition is delivered", func() bool { return len(r.ids()) == 4 })
	gauge := f.metrics.held.WithLabelValues("billing", string(store.HeldDead))
	eventually(t, "the metric tells", func() bool { return testutil.ToFloat64(gauge) == 2 })

	m := &Manager{Store: st}
	if _, err := m.Retry(t.Context(), "billing", 0, "", "why"); !errors.Is(err, ErrDecision) {
		t.Errorf("without who: %v", err)
	}
	if err := m.Skip(t.Context(), "billing", 1, "Jördis", "gibt es nicht"); err != nil {
		t.Fatal(err)
	}
	if err := m.Skip(t.Context(), "billing", 1, "Jördis", "gibt es nicht"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("skipped twice: %v", err)
	}
	r.count(t, 7)
	healed.Store(true)
	if n, err := m.Retry(t.Context(), "billing", 0, "Jördis", "behoben"); n != 1 || err != nil {
		t.Fatalf("retry: %d, %v", n, err)
	}
	r.count(t, 11)
	settled(t, st, "billing")
	if got := r.ids(); len(got) != 11 || slices.Contains(got, "a-0") {
		t.Errorf("delivered: %v", got)
	}
	var decisions []store.Decision
	err = st.View(t.Context(), func(tx store.Tx) (err error) {
		decisions, err = tx.Decisions(store.DecisionQuery{Subject: "subscription/billing"})
		return err
	})
	if err != nil || len(decisions) != 2 || decisions[0].Action != "retry" || decisions[1].Action != "skip" || decisions[1].Actor != "Jördis" {
		t.Errorf("%+v, %v", decisions, err)
	}
	auditor := st.(store.Auditor)
	if _, err := auditor.Verify(t.Context(), store.AuditHead{}, func(p store.AuditProblem) { t.Error(p) }); err != nil {
		t.Error(err)
	}
}

// TestReceiverDown: a receiver that is away costs no event an attempt.
func TestReceiverDown(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]int{"503": http.StatusServiceUnavailable, "404": http.StatusNotFound, "500 for everything": http.StatusInternalServerError} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st := openStore(t)
			r := newReceiver(t)
			var up atomic.Bool
			var tries atomic.Int32
			r.set(func(string, int) int {
				if up.Load() {
					return http.StatusAccepted
				}
				tries.Add(1)
				return status
			})
			publish(t, st, series("a", 200, 40)...)
			start(t, st, webhookTo(t, "billing", r.server.URL))
			eventually(t, "many attempts", func() bool { return tries.Load() > 9 })
			eventually(t, "the fault is noted", func() bool { return strings.Contains(rowOf(t, st, "billing").Fault, fmt.Sprint(status)) })
			up.Store(true)
			if err := (&Manager{Store: st}).Resume(t.Context(), "billing", "test", "it is back"); err != nil { // do not wait longer
				t.Fatal(err)
			}
			r.count(t, 200)
			settled(t, st, "billing")
			inOrder(t, r.ids(), 200, 40)
			eventually(t, "the fault is gone", func() bool { return rowOf(t, st, "billing").Fault == "" })
		})
	}
}

// TestHangingPartition: a receiver that does not answer for one partition.
func TestHangingPartition(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	r := newReceiver(t)
	release := make(chan struct{})
	r.set(func(id string, attempt int) int {
		if id == "a-0" && attempt == 1 {
			<-release
		}
		return http.StatusOK
	})
	t.Cleanup(func() { close(release) })
	sub := webhookTo(t, "billing", r.server.URL)
	sub.Webhook.Timeout = 300 * time.Millisecond
	publish(t, st, series("a", 60, 6)...)
	start(t, st, sub)
	r.count(t, 60)
	settled(t, st, "billing")
	inOrder(t, r.ids(), 60, 6)
}

func TestGone(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	r := newReceiver(t)
	var back atomic.Bool
	r.set(func(string, int) int {
		if back.Load() {
			return http.StatusOK
		}
		return http.StatusGone
	})
	publish(t, st, series("a", 5, 5)...)
	start(t, st, webhookTo(t, "billing", r.server.URL))
	eventually(t, "it is paused", func() bool { return rowOf(t, st, "billing").State == store.SubscriptionPaused })
	if row := rowOf(t, st, "billing"); !strings.Contains(row.Reason, "410") || row.Position != 0 {
		t.Errorf("%+v", row)
	}
	back.Store(true)
	if err := (&Manager{Store: st}).Resume(t.Context(), "billing", "test", "back"); err != nil {
		t.Fatal(err)
	}
	r.count(t, 5)
	settled(t, st, "billing")
}

// TestRetryAfter: the receiver says when it wants to be asked again.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	r := newReceiver(t)
	r.header.Set("Retry-After", "1")
	var mu sync.Mutex
	var first, second time.Time
	r.set(func(string, int) int {
		mu.Lock()
		defer mu.Unlock()
		if first.IsZero() {
			first = time.Now()
			return http.StatusTooManyRequests
		}
		if second.IsZero() {
			second = time.Now()
		}
		return http.StatusOK
	})
	publish(t, st, series("a", 1, 1)...)
	start(t, st, webhookTo(t, "billing", r.server.URL))
	r.count(t, 1)
	mu.Lock()
	defer mu.Unlock()
	if pause := second.Sub(first); pause < 900*time.Millisecond {
		t.Errorf("asked again after %s", pause)
	}
}

func TestPauseAndReplay(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	r := newReceiver(t)
	m := &Manager{Store: st}
	start(t, st, webhookTo(t, "billing", r.server.URL))
	publish(t, st, series("a", 10, 2)...)
	r.count(t, 10)
	settled(t, st, "billing")
	if err := m.Pause(t.Context(), "billing", "test", "maintenance"); err != nil {
		t.Fatal(err)
	}
	publish(t, st, series("b", 10, 2)...)
	if err := m.Replay(t.Context(), "billing", config.Position{Seq: 5}, "test", "lost a backup"); err != nil {
		t.Fatal(err)
	}
	if got := rowOf(t, st, "billing"); got.Position != 5 || got.State != store.SubscriptionPaused {
		t.Errorf("%+v", got)
	}
	if err := m.Resume(t.Context(), "billing", "test", "done"); err != nil {
		t.Fatal(err)
	}
	settled(t, st, "billing")
	got := r.ids()[10:] // some of b perhaps twice: who delivers needs a moment to notice the pause
	if !slices.Contains(got, "a-5") || !slices.Contains(got, "a-9") || slices.Contains(got, "a-4") {
		t.Errorf("after the replay: %v", got)
	}
	inOrder(t, slices.DeleteFunc(got, func(id string) bool { return id[0] != 'b' }), 10, 2)
	if err := m.Pause(t.Context(), "unknown", "test", "x"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("unknown: %v", err)
	}
}

// TestTwoGateways: one delivers at a time, and when it goes the other one takes over.
func TestTwoGateways(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	r := newReceiver(t)
	_, stop := start(t, st, webhookTo(t, "billing", r.server.URL))
	start(t, st, webhookTo(t, "billing", r.server.URL))
	publish(t, st, series("a", 100, 9)...)
	r.count(t, 100)
	settled(t, st, "billing")
	stop()
	publish(t, st, series("b", 100, 9)...)
	r.count(t, 200)
	settled(t, st, "billing")
	if got := r.ids(); len(got) != 200 {
		t.Errorf("%d deliveries of 200 events", len(got))
	}
}

// TestStolenLease: who lost the lease notes nothing any more, and nothing gets lost.
func TestStolenLease(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	r := newReceiver(t)
	start(t, st, webhookTo(t, "billing", r.server.URL))
	m := &Manager{Store: st}
	for round := range 20 {
		publish(t, st, series(fmt.Sprintf("r%d", round), 20, 4)...)
		if err := m.Resume(t.Context(), "billing", "test", "steals the lease"); err != nil {
			t.Fatal(err)
		}
	}
	settled(t, st, "billing")
	for round := range 20 {
		prefix := fmt.Sprintf("r%d-", round)
		inOrder(t, slices.DeleteFunc(r.ids(), func(id string) bool { return !strings.HasPrefix(id, prefix) }), 20, 4)
	}
}

func TestFilterAndStart(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	early := series("a", 4, 2)
	for i := range early {
		early[i].RecordedAt = time.Date(2026, 10, 1, 0, i, 0, 0, time.UTC)
	}
	publish(t, st, early...)
	all, even, late, now, behind := newReceiver(t), newReceiver(t), newReceiver(t), newReceiver(t), newReceiver(t)
	list := []config.Subscription{
		webhookTo(t, "all", all.server.URL), webhookTo(t, "even", even.server.URL), webhookTo(t, "late", late.server.URL),
		webhookTo(t, "now", now.server.URL), webhookTo(t, "behind", behind.server.URL),
	}
	list[1].Filter = `int(data.n) % 2 == 0 && partitionkey == "p0"`
	list[2].Start = "2026-10-01T00:02:00Z"
	list[3].Start = config.StartNow
	list[4].Start = "1"
	start(t, st, list...)
	publish(t, st, series("b", 2, 2)...)
	for _, s := range list {
		settled(t, st, s.Name)
	}
	for _, c := range []struct {
		name string
		r    *receiver
		want []string
	}{
		{"all", all, []string{"a-0", "a-1", "a-2", "a-3", "b-0", "b-1"}},
		{"even", even, []string{"a-0", "a-2", "b-0"}},
		{"late", late, []string{"a-2", "a-3", "b-0", "b-1"}},
		{"now", now, []string{"b-0", "b-1"}},
		{"behind", behind, []string{"a-1", "a-2", "a-3", "b-0", "b-1"}},
	} {
		got := c.r.ids()
		slices.Sort(got)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestSlowPartition: an event that takes long does not keep the others back, however many they are.
func TestSlowPartition(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	r := newReceiver(t)
	release := make(chan struct{})
	r.set(func(id string, attempt int) int {
		if id == "a-0" && attempt == 1 {
			<-release
		}
		return http.StatusOK
	})
	free := sync.OnceFunc(func() { close(release) })
	t.Cleanup(free)
	sub := webhookTo(t, "billing", r.server.URL)
	sub.Webhook.Timeout = time.Minute
	const n = 4 * maxWindow
	publish(t, st, series("a", n, 10)...)
	_, stop := start(t, st, sub)
	r.count(t, n*9/10)
	eventually(t, "the position has passed", func() bool { return rowOf(t, st, "billing").Position > maxWindow })
	if held := heldOf(t, st, "billing"); len(held) == 0 || held[0].EventID != "a-0" || held[0].Attempt != 0 {
		t.Errorf("held: %d", len(held))
	}
	free()
	r.count(t, n)
	settled(t, st, "billing")
	stop()
	inOrder(t, r.ids(), n, 10)
}

// TestManyHeld: what is held back is bounded; then nothing more of a partition that stands still is read.
func TestManyHeld(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	r := newReceiver(t)
	var healed atomic.Bool
	r.set(func(id string, _ int) int {
		if id == "a-0" && !healed.Load() {
			return http.StatusBadRequest
		}
		return http.StatusOK
	})
	f, err := Open(t.Context(), Options{Store: st, Config: config.Config{Subscriptions: []config.Subscription{webhookTo(t, "billing", r.server.URL)}}})
	if err != nil {
		t.Fatal(err)
	}
	f.pace = quick
	f.pace.held = 50
	publish(t, st, series("a", 3, 3)...)
	runFeed(t, f)
	eventually(t, "it is dead", func() bool {
		held := heldOf(t, st, "billing")
		return len(held) == 1 && held[0].State == store.HeldDead
	})
	more := series("a", 3000, 3)
	publish(t, st, more[3:]...)
	eventually(t, "it is full", func() bool { return len(heldOf(t, st, "billing")) == 50 })
	eventually(t, "the others are delivered up to there", func() bool { return len(r.ids()) == 100 })
	healed.Store(true)
	if _, err := (&Manager{Store: st}).Retry(t.Context(), "billing", 0, "test", "healed"); err != nil {
		t.Fatal(err)
	}
	r.count(t, 3000)
	settled(t, st, "billing")
	inOrder(t, r.ids(), 3000, 3)
}

// TestKillingEvent: an event on which the receiver dies is in the end not taken for a receiver that is away.
func TestKillingEvent(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	r := newReceiver(t)
	r.set(func(id string, _ int) int {
		if id == "a-0" {
			panic(http.ErrAbortHandler)
		}
		return http.StatusOK
	})
	publish(t, st, series("a", 400, 40)...)
	start(t, st, webhookTo(t, "billing", r.server.URL))
	r.count(t, 390)
	eventually(t, "it is dead", func() bool {
		publish(t, st, cloudEvent(time.Now().String(), "t", time.Now().String(), nil)) // others go on
		held := heldOf(t, st, "billing")
		return len(held) == 10 && held[0].State == store.HeldDead && held[0].EventID == "a-0"
	})
}
