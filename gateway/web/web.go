// Package web serves the message log of a gateway: the interchanges with their verdicts, and for each one its
// messages, findings, events and the EDIFACT as it was received. It also takes in interchanges over HTTP and shows
// the outbox as newline-delimited JSON.
//
//	GET  /                        the log, newest first (?before=ID pages, ?verdict= filters)
//	GET  /interchanges/{id}       one interchange
//	GET  /interchanges/{id}/raw   its bytes
//	POST /interchanges            receive an interchange; 202 when it is kept
//	POST /interchanges/{id}/resend       send it once more (clearing.go)
//	POST /clearing/{item}/{action}       decide about a work item (clearing.go)
//	GET  /events                  events, one CloudEvent per line (?after=SEQUENCE)
//	GET  /healthz                 200 when the store answers
//
// There is no login yet: a gateway listens on loopback. All pages work without scripts and load nothing from
// elsewhere.
package web

import (
	"bytes"
	"cmp"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"os"
	"slices"
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
	shownSegment = 400     // segments of the EDIFACT on a page; the rest is in the raw bytes
	shownBytes   = 4 << 10 // of one segment; none of the market is longer
	shownRows    = 400     // transactions on a page
	shownEvents  = 50      // events on a page, and events in memory while /events is served
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
	Clearing Clearing // nil: nothing can be decided
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
		"iso":      func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"url":      func(parts ...any) string { return s.Prefix + fmt.Sprint(parts...) },
		"verdict":  verdictText,
		"owed":     func(e store.LedgerEntry) string { return owedTexts[e.Kind] },
		"step":     func(e store.LedgerEntry) string { return gateway.DescribeStep(e, formats.German) },
		"became":   func(e store.LedgerEntry) string { return becameTexts[e.State] },
		"size":     sizeText,
		"stepName": func(kind string) string { return cmp.Or(stepTexts[kind], kind) },
	}).ParseFS(files, "*.html"))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.list)
	mux.HandleFunc("GET /interchanges/{id}", s.show)
	mux.HandleFunc("GET /interchanges/{id}/raw", s.raw)
	mux.HandleFunc("POST /interchanges", s.receive)
	mux.HandleFunc("POST /interchanges/{id}/resend", s.resend)
	mux.HandleFunc("POST /clearing/{id}/{action}", s.decide)
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

// owedTexts and becameTexts tell the ledger in German.
var (
	owedTexts = map[store.LedgerKind]string{
		store.LedgerTransport: "Empfang (Übertragungsweg)", store.LedgerContrl: "CONTRL", store.LedgerAperak: "APERAK",
		store.LedgerAnswer: "Antwort des Prozesses",
	}
	becameTexts = map[store.LedgerState]string{
		store.LedgerOpen: "offen", store.LedgerMet: "rechtzeitig", store.LedgerLate: "verspätet", store.LedgerMissed: "Frist abgelaufen",
		store.LedgerCancelled: "entfallen",
	}
)

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
		Failing []store.Work // tried in vain and tried again
		CanSend bool
		Decides bool
	}
	page.Name, page.Verdict, page.CanSend, page.Decides = s.Name, q.Verdict, s.Receiver != nil, s.Clearing != nil
	err := s.Store.View(r.Context(), func(tx store.Tx) (err error) {
		if page.List, err = tx.Interchanges(q); err != nil {
			return err
		}
		if page.Pending, err = tx.PendingWork(); err != nil {
			return err
		}
		if page.Parked, err = tx.ParkedWork(pageSize); err != nil {
			return err
		}
		page.Failing, err = failing(tx)
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
		events, err := tx.Events(0, id, shownEvents+1)
		if err != nil {
			return err
		}
		ledger, err := tx.Ledger(id)
		if err != nil {
			return err
		}
		if page.MoreLedger = len(ledger) > shownRows; page.MoreLedger {
			ledger = ledger[:shownRows]
		}
		page.Ledger = ledger
		page.CanResend = s.Clearing != nil && page.X.Direction == store.Out && slices.ContainsFunc(ledger, func(e store.LedgerEntry) bool {
			return e.Kind == store.LedgerTransport && !e.DoneAt.IsZero()
		})
		if page.Decisions, err = tx.Decisions(store.DecisionQuery{InterchangeID: id}); err != nil {
			return err
		}
		return page.fill(messages, transactions, findings, events)
	})
	if err == nil {
		page.Segments, page.More, err = s.segments(r.Context(), page.X.PayloadDigest, page.marks)
	}
	if errors.Is(err, store.ErrShredded) {
		page.Segments, err = []segment{{Text: destroyed}}, nil
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	s.render(w, "show.html", page)
}

// destroyed stands for what retention has destroyed.
const destroyed = "(gelöscht, weil die Zeit der Aufbewahrung um ist)"

// detail is what the page of one interchange shows.
type detail struct {
	Name         string
	X            store.Interchange
	Transactions []transaction
	Findings     []finding
	Ledger       []store.LedgerEntry
	Events       []eventRow
	Segments     []segment
	More         bool // segments
	MoreRows     bool // transactions
	MoreLedger   bool
	CanResend    bool
	Decisions    []store.Decision // newest first
	MoreEvents   bool
	marks        marks
}

// marks are the texts of the findings by the segment they are shown at.
type marks struct {
	inside  map[[2]int][]string // by message and segment number
	outside []formats.Finding   // those outside messages, by offset
}

// at returns the texts for a segment and takes those outside messages that stand before its end.
func (m *marks) at(s *edifact.Segment) []string {
	texts := m.inside[[2]int{s.Message(), s.Number()}]
	end := s.Offset() + int64(len(s.Raw()))
	for len(m.outside) > 0 && m.outside[0].Offset <= end {
		texts = append(slices.Clip(texts), m.outside[0].Text)
		m.outside = m.outside[1:]
	}
	return texts
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
	Marks  []string
}

func (d *detail) fill(messages []store.Message, transactions []store.Transaction, findings []store.Finding, events []store.Event) error {
	if d.MoreRows = len(transactions) > shownRows; d.MoreRows {
		transactions = transactions[:shownRows]
	}
	if d.MoreEvents = len(events) > shownEvents; d.MoreEvents {
		events = events[:shownEvents]
	}
	byIndex := make(map[int]store.Message, len(messages))
	for _, m := range messages {
		byIndex[m.Index] = m
	}
	for _, t := range transactions {
		d.Transactions = append(d.Transactions, transaction{t, byIndex[t.MessageIndex]})
	}
	d.marks.inside = map[[2]int][]string{}
	for _, f := range findings {
		row := finding{Message: f.MessageIndex}
		if len(f.Data) == 0 {
			row.Finding = formats.Finding{Code: formats.Code(f.Code), Severity: formats.Severity(f.Severity), Text: destroyed}
		} else if err := json.Unmarshal(f.Data, &row.Finding); err != nil {
			return fmt.Errorf("web: stored finding: %w", err)
		}
		d.Findings = append(d.Findings, row)
		if key := [2]int{f.MessageIndex, row.SegmentNumber}; key[0] > 0 && key[1] > 0 {
			d.marks.inside[key] = append(d.marks.inside[key], row.Text)
		} else {
			d.marks.outside = append(d.marks.outside, row.Finding)
		}
	}
	slices.SortStableFunc(d.marks.outside, func(a, b formats.Finding) int { return cmp.Compare(a.Offset, b.Offset) })
	for _, e := range events {
		if len(e.Data) == 0 {
			d.Events = append(d.Events, eventRow{e, destroyed})
			continue
		}
		var out bytes.Buffer
		if err := json.Indent(&out, gateway.EventJSON(e), "", "  "); err != nil {
			return fmt.Errorf("web: stored event: %w", err)
		}
		d.Events = append(d.Events, eventRow{e, out.String()})
	}
	return nil
}

// segments reads the beginning of an interchange as lines.
func (s *Site) segments(ctx context.Context, digest string, m marks) (list []segment, more bool, err error) {
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
		text := edifact.Latin1String(seg.Raw()[:min(len(seg.Raw()), shownBytes)])
		if len(seg.Raw()) > shownBytes {
			text += "…"
		} else {
			text += string([]byte{seg.Service().Terminator})
		}
		list = append(list, segment{seg.Number(), text, m.at(seg)})
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
	if errors.Is(err, store.ErrShredded) {
		http.Error(w, "Die Bytes sind nach Ablauf der Aufbewahrung vernichtet.", http.StatusGone)
		return
	}
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
	body := peer{body: r.Body}
	id, err := s.Receiver.Receive(r.Context(), "http", r.Header.Get("Idempotency-Key"), &body)
	switch {
	case errors.Is(err, gateway.ErrTooLarge):
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	case errors.Is(err, gateway.ErrReusedID):
		http.Error(w, err.Error(), http.StatusConflict)
		return
	case err != nil && body.err != nil:
		s.Log.Info("interchange not received completely", zap.Error(body.err))
		code := http.StatusBadRequest
		if errors.Is(body.err, os.ErrDeadlineExceeded) {
			code = http.StatusRequestTimeout
		}
		w.Header().Set("Connection", "close")
		http.Error(w, "the interchange did not arrive completely and was not kept", code)
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
	for sent := 0; sent < eventPage; {
		var list []store.Event
		err := s.Store.View(r.Context(), func(tx store.Tx) (err error) {
			list, err = tx.Events(after, 0, min(shownEvents, eventPage-sent))
			return err
		})
		if err != nil && sent == 0 {
			s.fail(w, err)
			return
		}
		if err != nil {
			s.Log.Error("events could not be served to the end", zap.Error(err))
			return // every line is whole, and the reader asks again after the last one
		}
		w.Header().Set("Content-Type", "application/x-ndjson")
		if len(list) == 0 {
			return
		}
		for _, e := range list {
			if after = e.Seq; len(e.Data) == 0 {
				continue // destroyed by retention
			}
			if _, err := w.Write(append(gateway.EventJSON(e), '\n')); err != nil {
				return // the peer has gone
			}
			sent++
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
		http.Error(w, "cancelled", http.StatusServiceUnavailable) // for a peer that is still there
		return
	}
	s.Log.Error("request failed", zap.Error(err))
	http.Error(w, "internal error", http.StatusInternalServerError)
}

// visible shows control characters, which HTML does not allow and which senders use nevertheless.
func visible(r rune) rune {
	switch {
	case r == '\n' || r == '\t':
	case r < ' ':
		return r + '\u2400' // the symbol for it
	case r == 0x7f:
		return '\u2421'
	case r > 0x7f && r < 0xa0:
		return '\ufffd'
	}
	return r
}

// render executes a page before anything is sent.
func (s *Site) render(w http.ResponseWriter, name string, data any) {
	var out bytes.Buffer
	if err := s.pages.ExecuteTemplate(&out, name, data); err != nil {
		s.fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if _, err := w.Write(bytes.Map(visible, out.Bytes())); err != nil {
		s.Log.Debug("page not delivered", zap.Error(err))
	}
}
