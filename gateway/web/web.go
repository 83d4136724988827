// Package web serves the message log of a gateway: the interchanges with their verdicts, and for each one its
// messages, findings, events and the EDIFACT as it was received. It also takes in interchanges over HTTP and shows
// the outbox as newline-delimited JSON.
//
//	GET  /                        the log, newest first (?before=ID pages, ?verdict= filters)
//	GET  /interchanges/{id}       one interchange
//	GET  /interchanges/{id}/raw   its bytes
//	POST /interchanges            receive an interchange; 202 when it is kept
//	GET  /events                  events, one CloudEvent per line (?after=SEQUENCE)
//	GET  /healthz                 200 when the store answers
//
// There is no login yet: a gateway listens on loopback. All pages work without scripts and load nothing from
// elsewhere.
package web

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"strconv"
	"time"

	"go.uber.org/zap"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/gateway"
	"github.com/marktbote/marktbote/store"
)

// Limits of what one page shows.
const (
	pageSize     = 50
	eventPage    = 1000
	shownSegment = 400 // segments of the EDIFACT on a page; the rest is in the raw bytes
)

//go:embed *.html static/style.css
var files embed.FS

// Receiver takes in an interchange.
type Receiver interface {
	Receive(ctx context.Context, channel, receivedID string, body io.Reader) (int64, error)
}

// Site is the message log of one gateway.
type Site struct {
	Name     string // shown in the title, such as the company's name
	Store    store.Store
	Receiver Receiver // nil: nothing can be handed in
	Log      *zap.Logger
	Prefix   string // path under which the site is mounted, without slash at its end; may be empty
	pages    *template.Template
}

// Handler returns the site's handler. The paths it serves do not contain Prefix.
func (s *Site) Handler() http.Handler {
	s.Log = s.Log.Named("web")
	s.pages = template.Must(template.New("").Funcs(template.FuncMap{
		"local": func(t time.Time) string {
			if t.IsZero() {
				return "–"
			}
			return t.In(formats.Berlin).Format("02.01.2006 15:04:05")
		},
		"iso":     func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"url":     func(parts ...any) string { return s.Prefix + fmt.Sprint(parts...) },
		"verdict": verdictText,
		"size":    sizeText,
	}).ParseFS(files, "*.html"))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.list)
	mux.HandleFunc("GET /interchanges/{id}", s.show)
	mux.HandleFunc("GET /interchanges/{id}/raw", s.raw)
	mux.HandleFunc("POST /interchanges", s.receive)
	mux.HandleFunc("GET /events", s.events)
	mux.HandleFunc("GET /healthz", s.health)
	mux.HandleFunc("GET /style.css", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFileFS(w, r, files, "static/style.css")
	})
	return secure(http.NewCrossOriginProtection().Handler(mux))
}

// secure sets the headers that every answer carries.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

func verdictText(v string) string {
	switch v {
	case "accepted":
		return "angenommen"
	case "rejected-syntax":
		return "Syntaxfehler"
	case "rejected-processing":
		return "nicht verarbeitbar"
	case "unreadable":
		return "nicht lesbar"
	case "":
		return "in Prüfung"
	}
	return v
}

func sizeText(n int64) string {
	switch {
	case n < 10_000:
		return fmt.Sprintf("%d Byte", n)
	case n < 10_000_000:
		return fmt.Sprintf("%d kB", n/1000)
	}
	return fmt.Sprintf("%d MB", n/1_000_000)
}

// list shows the log.
func (s *Site) list(w http.ResponseWriter, r *http.Request) {
	q := store.InterchangeQuery{Limit: pageSize + 1, Verdict: r.FormValue("verdict")}
	q.Before, _ = strconv.ParseInt(r.FormValue("before"), 10, 64)
	var page struct {
		Name    string
		Verdict string
		List    []store.Interchange
		Next    int64
		Pending int
		Parked  []store.Work
		CanSend bool
	}
	page.Name, page.Verdict, page.CanSend = s.Name, q.Verdict, s.Receiver != nil
	err := s.Store.View(r.Context(), func(tx store.Tx) (err error) {
		if page.List, err = tx.Interchanges(q); err != nil {
			return err
		}
		if page.Pending, err = tx.PendingWork(); err != nil {
			return err
		}
		page.Parked, err = tx.ParkedWork(pageSize)
		return err
	})
	if err != nil {
		s.fail(w, err)
		return
	}
	if len(page.List) > pageSize {
		page.List = page.List[:pageSize]
		page.Next = page.List[pageSize-1].ID
	}
	s.render(w, "list.html", page)
}

// show shows one interchange.
func (s *Site) show(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	page := detail{Name: s.Name}
	err = s.Store.View(r.Context(), func(tx store.Tx) (err error) {
		if page.X, err = tx.Interchange(id); err != nil {
			return err
		}
		messages, err := tx.Messages(id)
		if err != nil {
			return err
		}
		transactions, err := tx.Transactions(id)
		if err != nil {
			return err
		}
		findings, err := tx.Findings(id)
		if err != nil {
			return err
		}
		events, err := tx.Events(0, id, eventPage)
		if err != nil {
			return err
		}
		return page.fill(messages, transactions, findings, events)
	})
	if err == nil {
		page.Segments, page.More, err = s.segments(r.Context(), page.X.PayloadDigest, page.marks)
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	s.render(w, "show.html", page)
}

// detail is what the page of one interchange shows.
type detail struct {
	Name         string
	X            store.Interchange
	Transactions []transaction
	Findings     []finding
	Events       []eventRow
	Segments     []segment
	More         bool
	marks        map[[2]int]string // message and segment number -> text of the finding
}

type transaction struct {
	store.Transaction
	Message store.Message
}

type finding struct {
	formats.Finding
	Message int
}

type eventRow struct {
	store.Event
	JSON string
}

type segment struct {
	Number int
	Text   string
	Mark   string
}

func (d *detail) fill(messages []store.Message, transactions []store.Transaction, findings []store.Finding, events []store.Event) error {
	for _, t := range transactions {
		row := transaction{Transaction: t}
		for _, m := range messages {
			if m.Index == t.MessageIndex {
				row.Message = m
			}
		}
		d.Transactions = append(d.Transactions, row)
	}
	d.marks = map[[2]int]string{}
	for _, f := range findings {
		row := finding{Message: f.MessageIndex}
		if err := json.Unmarshal(f.Data, &row.Finding); err != nil {
			return fmt.Errorf("web: stored finding: %w", err)
		}
		d.Findings = append(d.Findings, row)
		if row.SegmentNumber > 0 {
			d.marks[[2]int{f.MessageIndex, row.SegmentNumber}] = row.Text
		}
	}
	for _, e := range events {
		var out bytes.Buffer
		if err := json.Indent(&out, gateway.EventJSON(e), "", "  "); err != nil {
			return fmt.Errorf("web: stored event: %w", err)
		}
		d.Events = append(d.Events, eventRow{e, out.String()})
	}
	return nil
}

// segments reads the beginning of an interchange as lines.
func (s *Site) segments(ctx context.Context, digest string, marks map[[2]int]string) (list []segment, more bool, err error) {
	body, err := s.Store.OpenPayload(ctx, digest)
	if err != nil {
		return nil, false, err
	}
	defer body.Close()
	r := edifact.NewReader(body, edifact.Options{})
	for {
		seg, err := r.Next()
		if err == io.EOF {
			return list, false, nil
		}
		if err != nil {
			return nil, false, err
		}
		if len(list) == shownSegment {
			return list, true, nil
		}
		list = append(list, segment{seg.Number(), edifact.Latin1String(seg.Raw()) + string([]byte{seg.Service().Terminator}), marks[[2]int{seg.Message(), seg.Number()}]})
	}
}

// raw serves the bytes of an interchange.
func (s *Site) raw(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	var x store.Interchange
	err = s.Store.View(r.Context(), func(tx store.Tx) (err error) {
		x, err = tx.Interchange(id)
		return err
	})
	if err != nil {
		s.fail(w, err)
		return
	}
	body, err := s.Store.OpenPayload(r.Context(), x.PayloadDigest)
	if err != nil {
		s.fail(w, err)
		return
	}
	defer body.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%d.edi", id))
	if _, err := io.Copy(w, body); err != nil {
		s.Log.Error("payload could not be served", zap.Int64("interchange", id), zap.Error(err))
		panic(http.ErrAbortHandler) // the peer must not take a part for the whole
	}
}

// receive takes in an interchange.
func (s *Site) receive(w http.ResponseWriter, r *http.Request) {
	if s.Receiver == nil {
		http.Error(w, "this gateway takes no interchanges over HTTP", http.StatusNotFound)
		return
	}
	id, err := s.Receiver.Receive(r.Context(), "http", r.Header.Get("Idempotency-Key"), r.Body)
	switch {
	case errors.Is(err, gateway.ErrTooLarge):
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	case err != nil:
		s.fail(w, err)
		return
	}
	w.Header().Set("Location", fmt.Sprintf("%s/interchanges/%d", s.Prefix, id))
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	fmt.Fprintf(w, "{\"interchange\": %d}\n", id)
}

// events serves the outbox.
func (s *Site) events(w http.ResponseWriter, r *http.Request) {
	after := int64(0)
	if v := r.FormValue("after"); v != "" {
		var err error
		if after, err = strconv.ParseInt(v, 10, 64); err != nil {
			http.Error(w, "after must be a sequence number", http.StatusBadRequest)
			return
		}
	}
	var list []store.Event
	err := s.Store.View(r.Context(), func(tx store.Tx) (err error) {
		list, err = tx.Events(after, 0, eventPage)
		return err
	})
	if err != nil {
		s.fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	for _, e := range list {
		if _, err := w.Write(append(gateway.EventJSON(e), '\n')); err != nil {
			return // the peer has gone
		}
	}
}

// health answers whether the store can be read.
func (s *Site) health(w http.ResponseWriter, r *http.Request) {
	if err := s.Store.View(r.Context(), func(store.Tx) error { return nil }); err != nil {
		s.Log.Error("store does not answer", zap.Error(err))
		http.Error(w, "the store does not answer", http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ok")
}

// fail answers an error without its internals.
func (s *Site) fail(w http.ResponseWriter, err error) {
	if errors.Is(err, store.ErrNotFound) {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	if errors.Is(err, context.Canceled) {
		return
	}
	s.Log.Error("request failed", zap.Error(err))
	http.Error(w, "internal error", http.StatusInternalServerError)
}

// render executes a page before anything is sent.
func (s *Site) render(w http.ResponseWriter, name string, data any) {
	var out bytes.Buffer
	if err := s.pages.ExecuteTemplate(&out, name, data); err != nil {
		s.fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if _, err := out.WriteTo(w); err != nil {
		s.Log.Debug("page not delivered", zap.Error(err))
	}
}
