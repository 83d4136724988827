package gateway

import (
	"bytes"
	"context"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/marktbote/marktbote/gateway/config"
	"github.com/marktbote/marktbote/store"
	"github.com/marktbote/marktbote/store/postgres"
	"github.com/marktbote/marktbote/store/storetest/pgtest"
)

// TestTwoNodes: two gateways on one PostgreSQL database share the work, answer everything once, and when one stops the
// other goes on.
func TestTwoNodes(t *testing.T) {
	t.Parallel()
	dsn := pgtest.DSN(t)
	counts := make([]*counter, 2)
	nodes := make([]*rig, 2)
	stops := make([]func(), 2)
	for i := range nodes {
		st, err := postgres.Open(t.Context(), dsn)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := st.Close(); err != nil {
				t.Error(err)
			}
		})
		counts[i] = &counter{}
		nodes[i] = &rig{t: t, st: st, Gateway: New(Options{
			Store: st, Config: config.Default(), Log: zap.NewNop(), Metrics: prometheus.NewRegistry(), Channel: counts[i],
			Now: func() time.Time { return received },
		})}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() {
			defer close(done)
			nodes[i].Run(ctx)
		}()
		stops[i] = func() { cancel(); <-done }
		t.Cleanup(stops[i])
	}
	const each = 40
	var ids []int64
	receive := func(from, to int) {
		for number := from; number < to; number++ {
			data, err := crashInterchange(number)
			if err != nil {
				t.Fatal(err)
			}
			id, err := nodes[0].Receive(t.Context(), "test", "", bytes.NewReader(data))
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id)
		}
	}
	receive(0, each)
	nodes[1].awaitQuiet(time.Minute)
	if counts[0].n() == 0 || counts[1].n() == 0 || counts[0].n()+counts[1].n() != each {
		t.Errorf("%d and %d answers sent for %d files", counts[0].n(), counts[1].n(), each)
	}
	stops[0]()
	receive(each, 2*each)
	nodes[1].awaitQuiet(time.Minute)
	if counts[0].n()+counts[1].n() != 2*each {
		t.Errorf("%d and %d answers sent for %d files", counts[0].n(), counts[1].n(), 2*each)
	}
	for _, id := range ids {
		if out := nodes[1].rows(id); out.x.State != store.StatePublished || len(out.events) != eventsOfOne {
			t.Errorf("interchange %d: state %s, %v, %d events", id, out.x.State, out.codes(), len(out.events))
		}
		nodes[1].wantAnswered(id)
	}
	nodes[1].wantQuiet(0)
}

// TestKilledNode: when one of two gateways is killed at work, the other one has done everything within 30 seconds.
func TestKilledNode(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits for leases in real time")
	}
	dsn := pgtest.DSN(t)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	st, err := postgres.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	begun := time.Now().Unix()
	kept, tried := map[int]int64{}, map[int]bool{}
	// The child takes the work that it receives itself, and what it holds when it is killed waits for its leases.
	crash(t, exe, dsn, begun, kept, tried)
	killed := time.Now()
	r := &rig{t: t, st: st, Gateway: New(Options{
		Store: st, Config: config.Default(), Log: zap.NewNop(), Metrics: prometheus.NewRegistry(), Channel: sink{}, Now: crashClock(begun),
	})}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.Run(ctx)
	}()
	r.awaitQuiet(time.Minute)
	waited := time.Since(killed)
	cancel()
	<-done
	r.wantQuiet(0)
	if waited > 30*time.Second {
		t.Errorf("the last message waited %v", waited)
	}
	for number, id := range kept {
		if out := r.rows(id); out.x.State != store.StatePublished {
			t.Errorf("interchange %d, promised as %d: state %s", number, id, out.x.State)
		}
	}
	t.Logf("%d messages promised; all was done %v after the kill", len(kept), waited.Round(time.Second/10))
}

// awaitQuiet waits in real time until no work is pending.
func (r *rig) awaitQuiet(patience time.Duration) {
	r.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		pending := 0
		err := r.st.View(context.Background(), func(tx store.Tx) (err error) {
			pending, err = tx.PendingWork()
			return err
		})
		if err != nil {
			r.t.Fatal(err)
		}
		if pending == 0 {
			return
		}
		if time.Now().After(end) {
			r.t.Fatalf("%d items are still pending", pending)
		}
	}
}

// counter is a Channel to a partner who takes everything.
type counter struct {
	sink
	mu   sync.Mutex
	sent int
}

func (c *counter) Send(ctx context.Context, out Outgoing) (time.Time, error) {
	c.mu.Lock()
	c.sent++
	c.mu.Unlock()
	return c.sink.Send(ctx, out)
}

func (c *counter) n() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sent
}
