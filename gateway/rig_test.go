package gateway

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/marktbote/marktbote/fixtures"
	"github.com/marktbote/marktbote/formats/check"
	"github.com/marktbote/marktbote/gateway/config"
	"github.com/marktbote/marktbote/gateway/work"
	"github.com/marktbote/marktbote/store"
	"github.com/marktbote/marktbote/store/sqlite"
	"github.com/marktbote/marktbote/store/storetest/pgtest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestMain(m *testing.M) {
	if path := os.Getenv(crashChildEnv); path != "" {
		os.Exit(crashChild(path))
	}
	code := m.Run()
	pgtest.Stop()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// received is when the fixtures arrive: after the last of them was written.
var received = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

// rig is a gateway on a SQLite store.
type rig struct {
	*Gateway
	t  *testing.T
	st store.Store
}

// inBubble runs test inside a bubble of testing/synctest with a gateway of its own, whose clock begins at received.
// The options may be changed by the given functions.
func inBubble(t *testing.T, test func(t *testing.T, r *rig), change ...func(*Options)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		test(t, newRig(t, dir, change...))
	})
}

// newRig opens the store in dir; it is closed at the end of the test.
func newRig(t *testing.T, dir string, change ...func(*Options)) *rig {
	t.Helper()
	st, err := sqlite.Open(t.Context(), filepath.Join(dir, "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	begun := time.Now()
	opts := Options{
		Store: st, Config: config.Default(), Log: zap.NewNop(), Metrics: prometheus.NewRegistry(),
		Now: func() time.Time { return received.Add(time.Since(begun)) },
	}
	opts.Config.AcceptTests = true
	for _, f := range change {
		f(&opts)
	}
	return &rig{Gateway: New(opts), t: t, st: st}
}

// run lets the gateway work for a time and, after that, until there is nothing to do at the moment.
func (r *rig) run(d time.Duration) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.Run(ctx)
	}()
	time.Sleep(d)
	synctest.Wait()
	cancel()
	<-done
}

func (r *rig) receive(receivedID string, body []byte) int64 {
	r.t.Helper()
	id, err := r.Receive(context.Background(), "test", receivedID, bytes.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	return id
}

// rows is everything about one interchange.
type rows struct {
	x            store.Interchange
	messages     []store.Message
	transactions []store.Transaction
	findings     []store.Finding
	events       []store.Event
}

func (r *rig) rows(id int64) (out rows) {
	r.t.Helper()
	err := r.st.View(context.Background(), func(tx store.Tx) (err error) {
		if out.x, err = tx.Interchange(id); err != nil {
			return err
		}
		if out.messages, err = tx.Messages(id); err != nil {
			return err
		}
		if out.transactions, err = tx.Transactions(id); err != nil {
			return err
		}
		if out.findings, err = tx.Findings(id); err != nil {
			return err
		}
		out.events, err = tx.Events(0, id, 10_000)
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

// codes returns the codes of the findings.
func (x rows) codes() []string {
	var list []string
	for _, f := range x.findings {
		list = append(list, f.Code)
	}
	return list
}

// eventIDs returns the IDs of all events in the outbox, sorted.
func (r *rig) eventIDs() []string {
	r.t.Helper()
	var ids []string
	err := r.st.View(context.Background(), func(tx store.Tx) error {
		list, err := tx.Events(0, 0, 10_000)
		for _, e := range list {
			ids = append(ids, e.ID)
		}
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	slices.Sort(ids)
	return ids
}

// payload returns the bytes kept for an interchange.
func (r *rig) payload(id int64) []byte {
	r.t.Helper()
	body, err := r.st.OpenPayload(context.Background(), r.rows(id).x.PayloadDigest)
	if err != nil {
		r.t.Fatal(err)
	}
	defer body.Close()
	data, err := io.ReadAll(body)
	if err != nil {
		r.t.Fatal(err)
	}
	return data
}

// wantQuiet checks that no work is left but so many parked items, which it returns.
func (r *rig) wantQuiet(parked int) []store.Work {
	r.t.Helper()
	list := r.wantQuietBut()
	if len(list) != parked {
		r.t.Errorf("%d items parked, want %d: %+v", len(list), parked, list)
	}
	return list
}

// wantQuietBut checks that no work is left but the parked items that it returns.
func (r *rig) wantQuietBut() (parked []store.Work) {
	r.t.Helper()
	err := r.st.View(context.Background(), func(tx store.Tx) error {
		pending, err := tx.PendingWork()
		if err != nil {
			return err
		}
		parked, err = tx.ParkedWork(0)
		if pending != 0 {
			r.t.Errorf("%d items pending", pending)
		}
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return parked
}

// interchanges counts the interchanges in the store.
func (r *rig) interchanges() int {
	r.t.Helper()
	n := 0
	err := r.st.View(context.Background(), func(tx store.Tx) error {
		list, err := tx.Interchanges(store.InterchangeQuery{Limit: 10_000})
		n = len(list)
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return n
}

// claim leases the due items of all lanes.
func (r *rig) claim() []store.Work {
	r.t.Helper()
	var list []store.Work
	for _, lane := range []string{work.Urgent, work.Bulk, work.Large, work.Send, work.SendBulk, work.Deliver} {
		items, err := r.st.ClaimWork(context.Background(), store.Claim{Lane: lane, Now: r.now(), Lease: time.Hour, Limit: 100})
		if err != nil {
			r.t.Fatal(err)
		}
		list = append(list, items...)
	}
	return list
}

// step does an item and commits it.
func (r *rig) step(item store.Work) error {
	do := map[string]work.Handler{kindCheck: r.check, kindDispatch: r.dispatch}[item.Kind]
	c, err := do(context.Background(), item)
	if err != nil {
		return err
	}
	return r.store.Update(context.Background(), c.Do)
}

// fixture returns the bytes of a fixture.
func fixture(t *testing.T, name string) []byte {
	t.Helper()
	data, err := fixtures.Read(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// replaced returns data with every old text replaced; each must occur.
func replaced(t *testing.T, data []byte, pairs ...string) []byte {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if !bytes.Contains(data, []byte(pairs[i])) {
			t.Fatalf("%q does not occur", pairs[i])
		}
		data = bytes.ReplaceAll(data, []byte(pairs[i]), []byte(pairs[i+1]))
	}
	return data
}

const accepted = string(check.Accepted)
