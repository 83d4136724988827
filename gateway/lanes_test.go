package gateway

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/marktbote/marktbote/gateway/config"
	"github.com/marktbote/marktbote/gateway/work"
	"github.com/marktbote/marktbote/store"
	"github.com/marktbote/marktbote/store/storetest/pgtest"
)

// queuedEnv says how many MSCONS are queued in TestUrgentOvertakes.
const queuedEnv = "MARKTBOTE_QUEUED"

// TestUrgentOvertakes: what is answered within 45 minutes does not wait for the MSCONS in front of it, however many. What
// decides is how many of them are done in between; the times are only logged.
func TestUrgentOvertakes(t *testing.T) {
	t.Parallel()
	for name, place := range map[string]func(t *testing.T) string{
		"sqlite":   func(t *testing.T) string { return filepath.Join(t.TempDir(), "store.db") },
		"postgres": func(t *testing.T) string { return pgtest.DSN(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testUrgentOvertakes(t, place(t))
		})
	}
}

func testUrgentOvertakes(t *testing.T, place string) {
	queued, urgent := 1000, 5
	if n, err := strconv.Atoi(os.Getenv(queuedEnv)); err == nil {
		queued, urgent = n, 100
	}
	st, err := openCrashed(t.Context(), place)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	p := &watcher{urgent: map[string]time.Time{}}
	r := &rig{t: t, st: st, Gateway: New(Options{
		Store: st, Config: config.Default(), Log: zap.NewNop(), Metrics: prometheus.NewRegistry(), Channel: p, Now: crashClock(time.Now().Unix()),
	})}
	r.queue(queued)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.Run(ctx)
	}()
	defer func() { cancel(); <-done }()
	var waits []time.Duration
	most := 0
	for i := range urgent {
		data, err := crashInterchange(i)
		if err != nil {
			t.Fatal(err)
		}
		before := p.bulk()
		begun := time.Now()
		r.receive("", data)
		for p.sent(fmt.Sprintf(crashReference, "CR", i)).IsZero() {
			if time.Since(begun) > time.Minute {
				t.Fatal("no answer within a minute")
			}
			time.Sleep(time.Millisecond)
		}
		waits = append(waits, p.sent(fmt.Sprintf(crashReference, "CR", i)).Sub(begun))
		most = max(most, p.bulk()-before)
		if left := queued - p.bulk(); left < queued/10 {
			t.Logf("only %d MSCONS were left after %d urgent ones", left, i+1)
			break
		}
	}
	// Some batches that were claimed before may end first.
	if limit := 10 * 64; most > limit {
		t.Errorf("%d MSCONS were answered between the receipt of a UTILMD and its APERAK, want %d at most", most, limit)
	}
	slices.Sort(waits)
	t.Logf("%d MSCONS queued: from receipt to APERAK %v in the middle, %v at most; %d MSCONS in between at most",
		queued, waits[len(waits)/2].Round(time.Millisecond), waits[len(waits)-1].Round(time.Millisecond), most)
}

// queue keeps MSCONS as if they had been received, without doing anything.
func (r *rig) queue(n int) {
	r.t.Helper()
	data := replaced(r.t, fixture(r.t, "valid/mscons-13017.edi"), "9999100000013", "9999200000020", "9999300000037", "9999100000013") // that of the urgent ones
	end := data[bytes.LastIndex(data, []byte("UNZ+1+"))+len("UNZ+1+"):]
	ref := []byte(string(end[:bytes.IndexByte(end, '\'')]))
	for from := 0; from < n; from += 500 {
		err := r.st.Update(context.Background(), func(tx store.Tx) error {
			for i := from; i < min(n, from+500); i++ {
				tx.SetClass("meter")
				payload, err := tx.PutPayload(bytes.ReplaceAll(data, ref, fmt.Appendf(nil, crashReference, "MS", i)))
				if err != nil {
					return err
				}
				id, err := tx.InsertInterchange(store.Interchange{
					Direction: store.In, Channel: "test", ReceivedAt: r.now(), PayloadDigest: payload.Digest, PayloadSize: payload.Size, State: store.StateReceived,
				})
				if err != nil {
					return err
				}
				if err := tx.AddWork(store.Work{Kind: kindCheck, Lane: work.Bulk, InterchangeID: id, DueAt: r.now()}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			r.t.Fatal(err)
		}
	}
}

// watcher is a Channel that notes when the APERAK about urgent messages leave, by the reference of what they answer.
type watcher struct {
	mu     sync.Mutex
	urgent map[string]time.Time
	others int
}

func (w *watcher) Send(_ context.Context, out Outgoing) (time.Time, error) {
	var text bytes.Buffer
	if _, err := text.ReadFrom(out.Body); err != nil {
		return time.Time{}, err
	}
	_, ref, _ := strings.Cut(text.String(), "RFF+ACE:")
	ref, _, _ = strings.Cut(ref, "'")
	time.Sleep(5 * time.Millisecond) // a partner far away
	w.mu.Lock()
	defer w.mu.Unlock()
	if strings.HasPrefix(ref, "CR") {
		w.urgent[ref] = time.Now()
	} else {
		w.others++
	}
	return time.Time{}, nil
}

func (w *watcher) sent(ref string) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.urgent[ref]
}

func (w *watcher) bulk() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.others
}
