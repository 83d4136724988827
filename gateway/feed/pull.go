package feed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"go.uber.org/zap"

	"github.com/marktbote/marktbote/store"
)

// Limits of the feed over HTTP.
const (
	defaultPull = 100              // events in one answer, if nothing else is asked for
	maxPull     = 1000             // events in one answer at most
	maxPullSize = 16 << 20         // bytes of the events in one answer, but for the first one
	maxLooked   = 20_000           // events looked at for one answer, of which the filter may want none
	maxLook     = 2 * time.Second  // that looking for them may take
	maxWait     = 60 * time.Second // that a request may wait for events
	maxWrite    = 60 * time.Second // that the reader of an answer may take for it
	maxReaders  = 100              // requests that wait or stream at the same time
)

// Handler returns the handler of what is fetched:
//
//	GET /v1/events?after=SEQ&limit=N&filter=CEL&wait=SECONDS   events behind a sequence number, and where to go on
//	GET /v1/events/stream?after=SEQ&filter=CEL                 the same without end, as server-sent events
//	GET /v1/events/{id}                                        one CloudEvent
//	GET /v1/events/{id}/data                                   its data, as dataref of large events links to them
//
// Faults are answered with problem+json (RFC 9457). Streams end when Run ends.
func (f *Feed) Handler() http.Handler {
	mux := http.NewServeMux()
	for path, h := range map[string]http.HandlerFunc{
		"/v1/events": f.pull, "/v1/events/stream": f.stream, "/v1/events/{id}": f.show, "/v1/events/{id}/data": f.showData,
	} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				h(w, r)
				return
			}
			w.Header().Set("Allow", "GET")
			answer(w, problem{Status: http.StatusMethodNotAllowed, Type: "method", Title: "The resource does not know this method"})
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { answer(w, notFound) })
	return mux
}

// problem is an answer of RFC 9457. Type is the last part of the URN here.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
}

var (
	notFound = problem{Status: http.StatusNotFound, Type: "not-found", Title: "There is nothing here"}
	crowded  = problem{Status: http.StatusServiceUnavailable, Type: "crowded", Title: "Too many requests wait for events"}
)

func answer(w http.ResponseWriter, p problem) {
	p.Type = "urn:marktbote:problem:" + p.Type
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // a peer that has gone
}

// fail answers an error without its internals.
func (f *Feed) fail(w http.ResponseWriter, err error) {
	var temporary interface{ Temporary() bool }
	switch {
	case errors.Is(err, store.ErrNotFound):
		answer(w, notFound)
	case errors.Is(err, context.Canceled):
		answer(w, problem{Status: http.StatusServiceUnavailable, Type: "cancelled", Title: "The request was cancelled"})
	case errors.As(err, &temporary) && temporary.Temporary():
		f.log.Warn("request failed for the moment", zap.Error(err))
		w.Header().Set("Retry-After", "5")
		answer(w, problem{Status: http.StatusServiceUnavailable, Type: "unavailable", Title: "The gateway cannot do this at the moment", Detail: "Try again."})
	default:
		f.log.Error("request failed", zap.Error(err))
		answer(w, problem{Status: http.StatusInternalServerError, Type: "internal", Title: "Internal error"})
	}
}

// query is what a reader asks for.
type query struct {
	after  int64 // -1: not said
	limit  int
	filter *Filter
	wait   time.Duration
}

// queryOf reads the query; bad says what is wrong with it.
func queryOf(r *http.Request, known ...string) (q query, bad string) {
	q = query{after: -1, limit: defaultPull}
	values := r.URL.Query()
	for name, v := range values {
		if !slices.Contains(known, name) {
			return q, fmt.Sprintf("The query knows only %q, not %.40q.", known, name)
		}
		if len(v) != 1 {
			return q, fmt.Sprintf("%s occurs more than once.", name)
		}
	}
	var err error
	if s := values.Get("after"); s != "" {
		if q.after, err = strconv.ParseInt(s, 10, 64); err != nil || q.after < 0 {
			return q, "after must be a sequence number."
		}
	}
	if s := values.Get("limit"); s != "" {
		if q.limit, err = strconv.Atoi(s); err != nil || q.limit < 1 || q.limit > maxPull {
			return q, fmt.Sprintf("limit must be 1 to %d.", maxPull)
		}
	}
	if s := values.Get("wait"); s != "" {
		seconds, err := strconv.Atoi(s)
		if err != nil || seconds < 0 || seconds > int(maxWait/time.Second) {
			return q, fmt.Sprintf("wait must be 0 to %d seconds.", int(maxWait/time.Second))
		}
		q.wait = time.Duration(seconds) * time.Second
	}
	if q.filter, err = ParseFilter(values.Get("filter")); err != nil {
		return q, err.Error()
	}
	return q, ""
}

func badRequest(w http.ResponseWriter, detail string) {
	answer(w, problem{Status: http.StatusBadRequest, Type: "request", Title: "The request is wrong", Detail: detail})
}

// pull answers with a page of events.
func (f *Feed) pull(w http.ResponseWriter, r *http.Request) {
	q, bad := queryOf(r, "after", "limit", "filter", "wait")
	if bad != "" {
		badRequest(w, bad)
		return
	}
	page := struct {
		Events []json.RawMessage `json:"events"`
		Next   int64             `json:"next"` // after, for the next request
		More   bool              `json:"more"` // there are events behind next already
	}{Events: []json.RawMessage{}, Next: max(q.after, 0)}
	if q.wait > 0 {
		if !f.enter() {
			answer(w, crowded)
			return
		}
		defer f.leave()
	}
	deadline := f.now().Add(q.wait)
	for {
		changed := f.news()
		found, next, more, err := f.read(r.Context(), page.Next, q.limit, q.filter)
		if err != nil {
			f.fail(w, err)
			return
		}
		page.Next, page.More = next, more
		for _, e := range found {
			page.Events = append(page.Events, eventJSON(e))
		}
		left := deadline.Sub(f.now())
		if len(page.Events) > 0 || more || left <= 0 {
			break
		}
		if !f.await(r.Context(), changed, left) {
			break
		}
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(maxWrite)) // a reader who is slower comes again
	w.Header().Set("Content-Type", typeJSON)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(page) // a peer that has gone
}

// read returns wanted events behind a number, the number of the last one looked at, and whether there are more.
func (f *Feed) read(ctx context.Context, after int64, limit int, filter *Filter) (found []store.Event, next int64, more bool, err error) {
	next = after
	size := 0
	begin := time.Now()
	for looked := 0; looked < maxLooked && time.Since(begin) < maxLook; {
		var page []store.Event
		err := f.store.View(ctx, func(tx store.Tx) (err error) {
			page, err = tx.Events(next, 0, readPage)
			return err
		})
		if err != nil {
			return nil, after, false, err
		}
		for _, e := range page {
			if len(found) == limit || size > 0 && size+len(e.Data) > maxPullSize {
				return found, next, true, nil
			}
			wanted, err := filter.Wants(e)
			if errors.Is(err, errFilterCost) {
				wanted = true // rather one too many
			} else if err != nil {
				return nil, after, false, err
			}
			if next = e.Seq; wanted {
				found, size = append(found, e), size+len(e.Data)
			}
		}
		looked += len(page)
		if len(page) < readPage {
			return found, next, false, nil
		}
	}
	return found, next, true, nil
}

// news returns a channel that is closed when there are new events. It is taken before looking.
func (f *Feed) news() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.changed
}

// await waits for new events; false if there were none in time.
func (f *Feed) await(ctx context.Context, changed <-chan struct{}, limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-changed:
		return true
	case <-timer.C:
	case <-ctx.Done():
	case <-f.stopped:
	}
	return false
}

// enter counts a request that waits; false if there are too many.
func (f *Feed) enter() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.waiting >= maxReaders {
		return false
	}
	f.waiting++
	f.metrics.readers.Set(float64(f.waiting))
	return true
}

func (f *Feed) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiting--
	f.metrics.readers.Set(float64(f.waiting))
}

// event reads the event in the path; without one it answers.
func (f *Feed) event(w http.ResponseWriter, r *http.Request) (e store.Event, ok bool) {
	err := f.store.View(r.Context(), func(tx store.Tx) (err error) {
		e, err = tx.Event(r.PathValue("id"))
		return err
	})
	if err != nil {
		f.fail(w, err)
		return e, false
	}
	return e, true
}

// show answers with one event.
func (f *Feed) show(w http.ResponseWriter, r *http.Request) {
	if e, ok := f.event(w, r); ok {
		w.Header().Set("Content-Type", typeEvent)
		_, _ = w.Write(eventJSON(e)) // a peer that has gone
	}
}

// showData answers with the data of one event.
func (f *Feed) showData(w http.ResponseWriter, r *http.Request) {
	e, ok := f.event(w, r)
	if !ok {
		return
	}
	if len(e.Data) == 0 {
		answer(w, problem{Status: http.StatusGone, Type: "destroyed", Title: "The data were destroyed by retention"})
		return
	}
	m := Message{ID: e.ID, JSON: eventJSON(e)}
	_, contentType, data, err := m.binary()
	if err != nil {
		f.fail(w, err)
		return
	}
	w.Header().Set("Content-Type", contentType)
	_, _ = w.Write(data) // a peer that has gone
}
