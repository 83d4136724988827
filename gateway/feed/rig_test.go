package feed

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/marktbote/marktbote/gateway/config"
	"github.com/marktbote/marktbote/store"
	"github.com/marktbote/marktbote/store/sqlite"
	"github.com/marktbote/marktbote/store/storetest/pgtest"
)

func TestMain(m *testing.M) {
	if job := os.Getenv(childEnv); job != "" {
		os.Exit(crashChild(job))
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

// quick are the times of tests.
var quick = pace{
	look: 5 * time.Millisecond, lease: 2 * time.Second, renew: 50 * time.Millisecond, commit: 10 * time.Millisecond,
	retry: 5 * time.Millisecond, measure: 20 * time.Millisecond, linger: time.Second, slow: 50 * time.Millisecond, held: maxHeld,
}

func openStore(t testing.TB) store.Store {
	t.Helper()
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return st
}

// cloudEvent is the content of a test event as the gateway stores it.
func cloudEvent(id, kind, partition string, data any) store.Event {
	body, err := json.Marshal(struct {
		SpecVersion     string    `json:"specversion"`
		ID              string    `json:"id"`
		Source          string    `json:"source"`
		Type            string    `json:"type"`
		Subject         string    `json:"subject"`
		Time            time.Time `json:"time"`
		DataContentType string    `json:"datacontenttype"`
		PartitionKey    string    `json:"partitionkey,omitempty"`
		Sparte          string    `json:"sparte"`
		PID             string    `json:"pid"`
		TestIndicator   bool      `json:"testindicator"`
		Data            any       `json:"data"`
	}{"1.0", id, "urn:test", kind, "malo/" + partition, time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC), typeJSON, partition, "strom", "55001", false, data})
	if err != nil {
		panic(err)
	}
	return store.Event{ID: id, Type: kind, Subject: "malo/" + partition, PartitionKey: partition, RecordedAt: time.Now(), Data: body}
}

// publish adds events to the outbox.
func publish(t testing.TB, st store.Store, events ...store.Event) {
	t.Helper()
	err := st.Update(context.Background(), func(tx store.Tx) error {
		_, err := tx.InsertEvents(events...)
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// series makes n events in some partitions in turn, named PREFIX-0 and so on.
func series(prefix string, n, partitions int) (list []store.Event) {
	for i := range n {
		list = append(list, cloudEvent(fmt.Sprintf("%s-%d", prefix, i), "de.marktbote.test.v1", fmt.Sprintf("p%d", i%partitions), map[string]any{"n": i}))
	}
	return list
}

// start runs a feed with the subscriptions until the returned function is called or the test ends.
func start(t testing.TB, st store.Store, subscriptions ...config.Subscription) (f *Feed, stop func()) {
	t.Helper()
	f, err := Open(t.Context(), Options{Store: st, Config: config.Config{Subscriptions: subscriptions, PublicURL: "https://gateway.example/"}})
	if err != nil {
		t.Fatal(err)
	}
	f.pace = quick
	return f, runFeed(t, f)
}

func runFeed(t testing.TB, f *Feed) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

const testSecret = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// secretFile writes a secret for webhooks.
func secretFile(t testing.TB, secret string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(secretPrefix+base64.StdEncoding.EncodeToString([]byte(secret))+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func webhookTo(t testing.TB, name, url string) config.Subscription {
	t.Helper()
	return config.Subscription{Name: name, Start: config.StartBeginning, MaxAttempts: 4, MaxEventBytes: 256 << 10, Webhook: &config.Webhook{
		URL: url, SecretFile: secretFile(t, testSecret), Mode: config.ModeStructured, Timeout: 5 * time.Second, Parallel: 8,
	}}
}

// receiver is a webhook that notes what it confirmed and answers as it is told.
type receiver struct {
	server *httptest.Server

	mu       sync.Mutex
	got      []string // ids in the order of confirmation
	requests []*http.Request
	bodies   []string
	answer   func(id string, attempt int) int // nil: 204
	attempts map[string]int
	header   http.Header // of answers
}

func newReceiver(t testing.TB) *receiver {
	t.Helper()
	r := &receiver{attempts: map[string]int{}, header: http.Header{}}
	r.server = httptest.NewServer(r)
	t.Cleanup(r.server.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	id := req.Header.Get("Webhook-Id")
	r.mu.Lock()
	r.attempts[id]++
	status := http.StatusNoContent
	answer, attempt := r.answer, r.attempts[id]
	r.mu.Unlock()
	if answer != nil {
		status = answer(id, attempt)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if status < 300 {
		r.got = append(r.got, id)
		r.requests, r.bodies = append(r.requests, req), append(r.bodies, string(body))
	}
	maps.Copy(w.Header(), r.header)
	w.WriteHeader(status)
}

func (r *receiver) set(answer func(id string, attempt int) int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

func (r *receiver) ids() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

// eventually waits for a condition that something else brings about.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
		time.Sleep(2 * time.Millisecond) // between two looks at what has no signal
	}
}

// count waits until the receiver has n events.
func (r *receiver) count(t testing.TB, n int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d events", n), func() bool { return len(r.ids()) >= n })
}

func rowOf(t testing.TB, st store.Store, name string) (row store.Subscription) {
	t.Helper()
	err := st.View(context.Background(), func(tx store.Tx) (err error) { row, err = tx.Subscription(name); return err })
	if err != nil {
		t.Fatal(err)
	}
	return row
}

func heldOf(t testing.TB, st store.Store, name string) (list []store.HeldDelivery) {
	t.Helper()
	err := st.View(context.Background(), func(tx store.Tx) (err error) {
		list, err = tx.HeldDeliveries(store.HeldQuery{Subscription: name, After: -1, Limit: 100_000})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// settled waits until everything was delivered and noted.
func settled(t testing.TB, st store.Store, name string) {
	t.Helper()
	eventually(t, name+" has caught up", func() bool {
		var head int64
		if err := st.View(context.Background(), func(tx store.Tx) (err error) { head, err = tx.EventHead(); return err }); err != nil {
			t.Fatal(err)
		}
		return rowOf(t, st, name).Position == head && len(heldOf(t, st, name)) == 0
	})
}

// inOrder checks that every event arrived and that the first arrivals of each partition come in order. Ids are
// PREFIX-N, the partition is N modulo partitions.
func inOrder(t testing.TB, got []string, n, partitions int) {
	t.Helper()
	seen, last := map[string]bool{}, map[int]int{}
	for _, id := range got {
		if seen[id] {
			continue
		}
		seen[id] = true
		var i int
		if _, err := fmt.Sscanf(id[strings.LastIndexByte(id, '-')+1:], "%d", &i); err != nil {
			t.Fatalf("id %q: %v", id, err)
		}
		before, some := last[i%partitions]
		if want := before + partitions; some && i != want || !some && i >= partitions {
			t.Fatalf("partition %d: %d came after %d (some %v)", i%partitions, i, before, some)
		}
		last[i%partitions] = i
	}
	if len(seen) != n {
		t.Fatalf("%d of %d events arrived", len(seen), n)
	}
}
