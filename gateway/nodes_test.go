package gateway

import (
	"bytes"
	"context"
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

func (c *counter) Send(ctx context.Context, out Outgoing) error {
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
