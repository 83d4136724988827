package feed

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/marktbote/marktbote/store"
)

// serveFeed serves what is fetched and returns the address.
func serveFeed(t *testing.T, st store.Store) (address string, stop func()) {
	t.Helper()
	f, stop := start(t, st)
	server := httptest.NewServer(f.Handler())
	t.Cleanup(server.Close)
	t.Cleanup(stop) // before Close, which waits for streams
	return server.URL, stop
}

type pulled struct {
	Events []struct {
		ID       string
		Sequence string
		Data     json.RawMessage
	}
	Next int64
	More bool
}

func get(t *testing.T, address string) (status int, body []byte, header http.Header) {
	t.Helper()
	res, err := http.Get(address) //nolint:gosec,noctx // the server of the test
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, err = io.ReadAll(res.Body); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, body, res.Header
}

func pull(t *testing.T, address string) (p pulled) {
	t.Helper()
	status, body, _ := get(t, address)
	if err := json.Unmarshal(body, &p); err != nil || status != http.StatusOK {
		t.Fatalf("%s: %d %s %v", address, status, body, err)
	}
	return p
}

func TestPull(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	publish(t, st, series("a", 250, 5)...)
	base, _ := serveFeed(t, st)
	var got []string
	after := int64(0)
	for {
		p := pull(t, fmt.Sprintf("%s/v1/events?after=%d&limit=60", base, after))
		for _, e := range p.Events {
			got = append(got, e.ID)
		}
		after = p.Next
		if !p.More {
			break
		}
	}
	inOrder(t, got, 250, 5)
	p := pull(t, base+"/v1/events?filter="+url.QueryEscape(`data.n == 249.0`))
	if len(p.Events) != 1 || p.Events[0].ID != "a-249" || p.Next != after || p.More || p.Events[0].Sequence != fmt.Sprintf("%020d", after) {
		t.Errorf("with a filter: %+v", p)
	}
	status, body, header := get(t, base+"/v1/events/a-7")
	if status != http.StatusOK || header.Get("Content-Type") != typeEvent || !strings.Contains(string(body), `"id":"a-7"`) {
		t.Errorf("one event: %d %s", status, body)
	}
	status, body, header = get(t, base+"/v1/events/a-7/data")
	if status != http.StatusOK || header.Get("Content-Type") != typeJSON || string(body) != `{"n":7}` {
		t.Errorf("its data: %d %s", status, body)
	}
	for path, want := range map[string]int{
		"/v1/events?after=x": 400, "/v1/events?after=-1": 400, "/v1/events?limit=0": 400, "/v1/events?limit=1001": 400, "/v1/events?wait=61": 400, "/v1/events?page=1": 400,
		"/v1/events?after=1&after=2": 400, "/v1/events?filter=(": 400, "/v1/events/unknown": 404, "/v1/events/unknown/data": 404, "/v1/events/a-7/else": 404,
		"/v1/events/stream?after=x": 400, "/v1/events/stream?wait=3": 400,
	} {
		if status, body, header := get(t, base+path); status != want || header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	res, err := http.Post(base+"/v1/events", typeJSON, nil) //nolint:gosec,noctx // the server of the test
	if err != nil || res.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %v, %v", res, err)
	}
	_ = res.Body.Close()
}

// TestPullWaits: a request is answered as soon as there is something.
func TestPullWaits(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	base, stop := serveFeed(t, st)
	done := make(chan pulled)
	go func() { done <- pull(t, base+"/v1/events?wait=30") }()
	publish(t, st, series("a", 1, 1)...)
	if p := <-done; len(p.Events) != 1 {
		t.Errorf("%+v", p)
	}
	go func() { done <- pull(t, base+"/v1/events?after=1&wait=30") }()
	stop()
	if p := <-done; len(p.Events) != 0 || p.Next != 1 {
		t.Errorf("after the end: %+v", p)
	}
}

func TestDestroyed(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	e := cloudEvent("1", "t", "p", nil)
	e.Data = nil
	publish(t, st, e)
	base, _ := serveFeed(t, st)
	if status, _, _ := get(t, base+"/v1/events/1/data"); status != http.StatusGone {
		t.Errorf("data: %d", status)
	}
	if _, body, _ := get(t, base+"/v1/events"); !strings.Contains(string(body), `"tombstone":true`) {
		t.Errorf("%s", body)
	}
}

// readStream reads ids of events until n have come.
func readStream(t *testing.T, address, last string, n int) (ids []string, lastID string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.Header.Get("Content-Type") != typeStream {
		t.Fatalf("%d %v", res.StatusCode, res.Header)
	}
	lines := bufio.NewScanner(res.Body)
	for len(ids) < n && lines.Scan() {
		if id, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
			lastID = id
		}
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			var e struct{ ID string }
			if err := json.Unmarshal([]byte(data), &e); err != nil {
				t.Fatal(err)
			}
			ids = append(ids, e.ID)
		}
	}
	if len(ids) < n {
		t.Fatalf("%d of %d events: %v", len(ids), n, lines.Err())
	}
	return ids, lastID
}

func TestStream(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	publish(t, st, series("a", 350, 5)...)
	base, _ := serveFeed(t, st)
	first, last := readStream(t, base+"/v1/events/stream?after=0", "", 120)
	go publish(t, st, series("b", 5, 5)...)
	second, _ := readStream(t, base+"/v1/events/stream", last, 235)
	inOrder(t, slices.DeleteFunc(append(first, second...), func(id string) bool { return id[0] == 'b' }), 350, 5)
	if got := first[119]; got != "a-119" || second[0] != "a-120" || second[234] != "b-4" {
		t.Errorf("%s, %s ... %s", got, second[0], second[234])
	}
	only, _ := readStream(t, base+"/v1/events/stream?after=0&filter="+url.QueryEscape(`id == "b-4"`), "", 1)
	if only[0] != "b-4" {
		t.Errorf("%v", only)
	}
}

// TestStreamNow: without a place to begin, only what comes from now on.
func TestStreamNow(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	publish(t, st, series("a", 3, 1)...)
	f, stop := start(t, st)
	server := httptest.NewServer(f.Handler())
	defer server.Close()
	defer stop()
	go func() {
		for range 2000 {
			f.mu.Lock()
			n := f.waiting
			f.mu.Unlock()
			if n > 0 {
				break
			}
			time.Sleep(time.Millisecond)
		}
		publish(t, st, series("b", 1, 1)...)
	}()
	if got, _ := readStream(t, server.URL+"/v1/events/stream", "", 1); got[0] != "b-0" {
		t.Errorf("%v", got)
	}
}

// TestCrowd: more than a number of readers do not wait.
func TestCrowd(t *testing.T) {
	t.Parallel()
	st := openStore(t)
	f, stop := start(t, st)
	defer stop()
	for range maxReaders {
		if !f.enter() {
			t.Fatal("too early")
		}
	}
	server := httptest.NewServer(f.Handler())
	defer server.Close()
	for _, path := range []string{"/v1/events?wait=1", "/v1/events/stream"} {
		if status, _, _ := get(t, server.URL+path); status != http.StatusServiceUnavailable {
			t.Errorf("%s: %d", path, status)
		}
	}
	if status, _, _ := get(t, server.URL+"/v1/events"); status != http.StatusOK {
		t.Errorf("without waiting: %d", status)
	}
}
