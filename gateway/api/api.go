// Package api is the HTTP interface for the systems of the company. Answers are JSON; what goes wrong is answered with
// problem+json (RFC 9457).
//
//	POST /v1/interchanges               hand in an interchange that is to be sent; ?number=true numbers it
//	GET  /v1/interchanges/{id}          what became of an interchange, in either direction
//	POST /v1/interchanges/{id}/resend   send it once more
//	POST /v1/interchanges/{id}/lift-rejection   a partner has taken back that it was rejected: its deadlines run again
//	GET  /v1/clearing                   work that waits for a person
//	POST /v1/clearing/{item}/requeue    try it again
//	POST /v1/clearing/{item}/hold       do not try it any more for now
//	POST /v1/clearing/{item}/solve      end it without doing it
//	GET  /v1/events ...                 the event feed, see package feed
//
// The last three, resend and lift-rejection take {"who": "...", "reason": "..."}. There is no login yet: a gateway listens on loopback.
package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"strconv"
	"strings"

	"go.uber.org/zap"

	"github.com/marktbote/marktbote/gateway"
	"github.com/marktbote/marktbote/store"
)

// Limits of requests.
const (
	maxKey      = 255      // characters of an Idempotency-Key
	maxDecision = 16 << 10 // bytes of a decision
	listLimit   = 100      // work items in one answer, if nothing else is asked for
	maxList     = 1000     // work items in one answer at most
)

// Gateway is what the interface does its work with.
type Gateway interface {
	HandIn(ctx context.Context, s gateway.Submission) (int64, error)
	Resend(ctx context.Context, id int64, who, reason string) error
	LiftRejection(ctx context.Context, id int64, who, reason string) error
	Decide(ctx context.Context, action gateway.Action, item int64, who, reason string) error
}

// API is the HTTP interface of one gateway.
type API struct {
	Gateway Gateway
	Store   store.Store
	Events  http.Handler // of /v1/events and what is below it; nil: there is no feed
	Log     *zap.Logger
}

// Handler returns the handler of everything below /v1/.
func (a *API) Handler() http.Handler {
	a.Log = a.Log.Named("api")
	mux := http.NewServeMux()
	handle := func(path, method string, h http.HandlerFunc) {
		mux.HandleFunc(method+" "+path, h)
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Allow", method)
			answer(w, problem{Status: http.StatusMethodNotAllowed, Type: "method", Title: "The resource does not know this method"})
		})
	}
	handle("/v1/interchanges", http.MethodPost, a.handIn)
	handle("/v1/interchanges/{id}", http.MethodGet, a.show)
	handle("/v1/interchanges/{id}/resend", http.MethodPost, func(w http.ResponseWriter, r *http.Request) { a.decideAbout(w, r, a.Gateway.Resend) })
	handle("/v1/interchanges/{id}/lift-rejection", http.MethodPost, func(w http.ResponseWriter, r *http.Request) {
		a.decideAbout(w, r, a.Gateway.LiftRejection)
	})
	handle("/v1/clearing", http.MethodGet, a.clearing)
	for _, action := range []gateway.Action{gateway.Requeue, gateway.Hold, gateway.Solve} {
		handle("/v1/clearing/{id}/"+string(action), http.MethodPost, func(w http.ResponseWriter, r *http.Request) { a.decide(w, r, action) })
	}
	if a.Events != nil {
		mux.Handle("/v1/events", a.Events)
		mux.Handle("/v1/events/", a.Events)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { answer(w, notFound) })
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		answer(w, problem{Status: http.StatusForbidden, Type: "cross-origin", Title: "Requests from pages of other sites are refused"})
	}))
	return secure(protection.Handler(mux))
}

// secure sets the headers that every answer carries.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// handIn takes an interchange that is to be sent.
func (a *API) handIn(w http.ResponseWriter, r *http.Request) {
	s := gateway.Submission{Channel: "http"}
	var bad string
	if s.Number, bad = numberOf(r); bad == "" {
		s.ID, bad = keyOf(r)
	}
	if bad != "" {
		answer(w, problem{Status: http.StatusBadRequest, Type: "request", Title: "The request is wrong", Detail: bad})
		return
	}
	body := peer{body: r.Body}
	s.Body = &body
	id, err := a.Gateway.HandIn(r.Context(), s)
	switch {
	case errors.Is(err, gateway.ErrTooLarge):
		answer(w, problem{
			Status: http.StatusRequestEntityTooLarge, Type: "too-large", Title: "The interchange is too large",
			Detail: "It is larger than max_interchange_bytes in the configuration allows. Nothing of it was kept.",
		})
		return
	case errors.Is(err, gateway.ErrReusedID):
		answer(w, problem{
			Status: http.StatusConflict, Type: "key-reused", Title: "The Idempotency-Key was used for another interchange",
			Detail: "There is no interchange with these bytes. Hand it in with a new key.",
		})
		return
	case err != nil && body.err != nil:
		a.Log.Info("interchange not received completely", zap.Error(body.err))
		p := problem{
			Status: http.StatusBadRequest, Type: "incomplete", Title: "The interchange did not arrive completely", Detail: "It was not kept.",
		}
		if errors.Is(body.err, os.ErrDeadlineExceeded) {
			p.Status = http.StatusRequestTimeout
		}
		w.Header().Set("Connection", "close")
		answer(w, p)
		return
	case err != nil:
		a.fail(w, err)
		return
	}
	x, err := a.load(r.Context(), id)
	if err != nil {
		a.fail(w, err)
		return
	}
	w.Header().Set("Location", x.Links.Self)
	if x.State == stateRefused {
		answer(w, problem{
			Status: http.StatusUnprocessableEntity, Type: "refused", Title: "The interchange is not sent",
			Detail:   fmt.Sprintf("It was kept as number %d with %d findings. What is wrong must be mended and handed in again.", id, x.FindingCount),
			Instance: x.Links.Self, Interchange: x,
		})
		return
	}
	writeJSON(w, http.StatusAccepted, "application/json", x)
}

// numberOf reads the query; bad says what is wrong with it.
func numberOf(r *http.Request) (number bool, bad string) {
	query := r.URL.Query()
	for name := range query {
		if name != "number" {
			return false, fmt.Sprintf("The query knows only number, not %.40q.", name)
		}
	}
	switch v := query["number"]; {
	case len(v) == 0:
		return false, ""
	case len(v) == 1 && (v[0] == "true" || v[0] == "false"):
		return v[0] == "true", ""
	}
	return false, "number must be true or false."
}

// keyOf reads the Idempotency-Key.
func keyOf(r *http.Request) (key, bad string) {
	values := r.Header.Values("Idempotency-Key")
	if len(values) == 0 {
		return "", ""
	}
	key = values[0]
	if len(values) > 1 || key == "" || len(key) > maxKey || strings.ContainsFunc(key, func(c rune) bool { return c < ' ' || c > '~' }) {
		return "", fmt.Sprintf("Idempotency-Key must be one header of 1 to %d visible ASCII characters.", maxKey)
	}
	return key, ""
}

// show tells what became of an interchange.
func (a *API) show(w http.ResponseWriter, r *http.Request) {
	id, ok := idOf(w, r)
	if !ok {
		return
	}
	x, err := a.load(r.Context(), id)
	if err != nil {
		a.fail(w, err)
		return
	}
	writeJSON(w, http.StatusOK, "application/json", x)
}

// idOf returns the number in the path; without one it answers.
func idOf(w http.ResponseWriter, r *http.Request) (id int64, ok bool) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil || id < 1 {
		answer(w, notFound)
		return 0, false
	}
	return id, true
}

// decideAbout carries out what a person decided about an interchange, and answers with what it is now.
func (a *API) decideAbout(w http.ResponseWriter, r *http.Request, do func(ctx context.Context, id int64, who, reason string) error) {
	id, ok := idOf(w, r)
	if !ok {
		return
	}
	d, ok := decisionOf(w, r)
	if !ok {
		return
	}
	err := do(r.Context(), id, d.Who, d.Reason)
	if err != nil {
		a.fail(w, err)
		return
	}
	x, err := a.load(r.Context(), id)
	if err != nil {
		a.fail(w, err)
		return
	}
	w.Header().Set("Location", x.Links.Self)
	writeJSON(w, http.StatusAccepted, "application/json", x)
}

// decide carries out what a person decided about a work item.
func (a *API) decide(w http.ResponseWriter, r *http.Request, action gateway.Action) {
	id, ok := idOf(w, r)
	if !ok {
		return
	}
	d, ok := decisionOf(w, r)
	if !ok {
		return
	}
	if err := a.Gateway.Decide(r.Context(), action, id, d.Who, d.Reason); err != nil {
		a.fail(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// decision is who decides, and why.
type decision struct {
	Who    string `json:"who"`
	Reason string `json:"reason"`
}

// decisionOf reads a decision; if there is none it answers.
func decisionOf(w http.ResponseWriter, r *http.Request) (d decision, ok bool) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		answer(w, problem{Status: http.StatusUnsupportedMediaType, Type: "media-type", Title: "The body must be application/json"})
		return d, false
	}
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxDecision))
	dec.DisallowUnknownFields()
	err := dec.Decode(&d)
	if err == nil && dec.More() {
		err = errors.New("more than one value")
	}
	if err != nil {
		answer(w, problem{
			Status: http.StatusBadRequest, Type: "request", Title: "The request is wrong",
			Detail: `The body must be {"who": "...", "reason": "..."}.`,
		})
		return d, false
	}
	return d, true
}

// peer is a request body that remembers why it broke off, to tell the peer's faults from our own.
type peer struct {
	body io.Reader
	err  error
}

func (p *peer) Read(b []byte) (int, error) {
	n, err := p.body.Read(b)
	if err != nil && err != io.EOF {
		p.err = err
	}
	return n, err
}
