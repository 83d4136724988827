package web

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/marktbote/marktbote/fixtures"
	"github.com/marktbote/marktbote/gateway"
	"github.com/marktbote/marktbote/gateway/config"
	"github.com/marktbote/marktbote/store"
	"github.com/marktbote/marktbote/store/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// site is a message log with a gateway behind it.
type site struct {
	t       *testing.T
	st      store.Store
	g       *gateway.Gateway
	handler http.Handler
}

const maxBytes = 1 << 20

func newSite(t *testing.T) *site {
	t.Helper()
	t.Parallel()
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	cfg := config.Default()
	cfg.AcceptTests, cfg.MaxInterchangeBytes = true, maxBytes
	now := func() time.Time { return time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC) }
	g := gateway.New(gateway.Options{Store: st, Config: cfg, Log: zap.NewNop(), Metrics: prometheus.NewRegistry(), Now: now})
	s := &Site{Name: "Lichtbogen <Test>", Store: st, Receiver: g, Clearing: g, Log: zap.NewNop(), Prefix: "/log"}
	return &site{t, st, g, http.StripPrefix("/log", s.Handler())}
}

// do sends a request and returns the answer, whose security headers it has checked. Headers are name, value, ...
func (s *site) do(method, path string, body io.Reader, headers ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	r := httptest.NewRequest(method, "/log"+path, body)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	for name, want := range map[string]string{
		"Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
		"X-Content-Type-Options":  "nosniff", "Referrer-Policy": "same-origin", "Cache-Control": "no-store",
	} {
		if got := w.Header().Get(name); got != want {
			s.t.Errorf("%s %s: header %s is %q", method, path, name, got)
		}
	}
	return w
}

// get returns the body of an answer with status 200; a page is checked.
func (s *site) get(path string) string {
	s.t.Helper()
	w := s.do(http.MethodGet, path, nil)
	if w.Code != http.StatusOK {
		s.t.Fatalf("GET %s: %d %s", path, w.Code, w.Body)
	}
	if strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
		if err := checkPage(w.Body.String()); err != nil {
			s.t.Errorf("GET %s: %v", path, err)
		}
	}
	return w.Body.String()
}

var reference = regexp.MustCompile(`(?i)\b(?:href|src|action|formaction|srcset|style|on[a-z]+)="([^"]*)"`)

// checkPage looks for elements that are not closed and for anything that leads elsewhere or runs.
func checkPage(page string) error {
	d := xml.NewDecoder(strings.NewReader(page))
	d.Entity = xml.HTMLEntity
	var open []string
	for {
		token, err := d.RawToken()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		switch x := token.(type) {
		case xml.StartElement:
			switch x.Name.Local {
			case "script", "iframe", "img", "object", "embed":
				return fmt.Errorf("a page has the element %s", x.Name.Local)
			case "meta", "link", "br", "input":
			default:
				open = append(open, x.Name.Local)
			}
		case xml.EndElement:
			if len(open) == 0 || open[len(open)-1] != x.Name.Local {
				return fmt.Errorf("</%s> closes %v", x.Name.Local, open)
			}
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		return fmt.Errorf("not closed: %v", open)
	}
	for _, m := range reference.FindAllStringSubmatch(page, -1) {
		if !strings.HasPrefix(m[1], "/log/") {
			return fmt.Errorf("a page refers to %q", m[0])
		}
	}
	return nil
}

// post hands in an interchange and returns its ID.
func (s *site) post(data []byte) int64 {
	s.t.Helper()
	w := s.do(http.MethodPost, "/interchanges", bytes.NewReader(data))
	if w.Code != http.StatusAccepted {
		s.t.Fatalf("POST: %d %s", w.Code, w.Body)
	}
	var answer struct{ Interchange int64 }
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		s.t.Fatal(err)
	}
	return answer.Interchange
}

// work lets the gateway do everything that is due.
func (s *site) work() {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.g.Run(ctx)
	}()
	for pending := 1; pending > 0; time.Sleep(time.Millisecond) {
		err := s.st.View(ctx, func(tx store.Tx) (err error) {
			pending, err = tx.PendingWork()
			return err
		})
		if err != nil {
			s.t.Error(err)
			break
		}
	}
	cancel()
	<-done
}

func fixture(t *testing.T, name string) []byte {
	t.Helper()
	data, err := fixtures.Read(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// want checks that a page contains texts.
func want(t *testing.T, page string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(page, text) {
			t.Errorf("the page lacks %q:\n%s", text, page)
		}
	}
}

func TestList(t *testing.T) {
	s := newSite(t)
	want(t, s.get("/"), "Noch keine Übertragungsdatei", "/log/interchanges")
	s.post(fixture(t, "valid/utilmd-55001.edi"))
	want(t, s.get("/"), "in Prüfung", "1 Arbeitsschritte stehen noch aus")
	s.post(fixture(t, "invalid/decimal-comma.edi"))
	s.post(fixture(t, "invalid/empty.edi"))
	s.work()
	all := s.get("/")
	want(t, all, "Lichtbogen &lt;Test&gt;", `href="/log/interchanges/1"`, `href="/log/interchanges/2"`, `href="/log/interchanges/3"`,
		"LB261102000101", "MW261106000921", "01.12.2026 13:00:00", "2026-12-01T12:00:00Z", "angenommen", "Syntaxfehler", "nicht lesbar", "eingehend")
	if strings.Index(all, "interchanges/3") > strings.Index(all, "interchanges/1") {
		t.Error("the newest is not the first")
	}
	for verdict, id := range map[string]int{"accepted": 1, "rejected-syntax": 2, "unreadable": 3, "rejected-processing": 0} {
		page := s.get("/?verdict=" + verdict)
		for n := 1; n <= 3; n++ {
			if shown := strings.Contains(page, fmt.Sprintf(`href="/log/interchanges/%d"`, n)); shown != (n == id) {
				t.Errorf("filter %s: interchange %d shown: %v", verdict, n, shown)
			}
		}
		want(t, page, fmt.Sprintf(`href="/log/?verdict=%s" aria-current="page"`, verdict))
	}
}

func TestPaging(t *testing.T) {
	s := newSite(t)
	err := s.st.Update(t.Context(), func(tx store.Tx) error {
		for range 2*pageSize + 1 {
			if _, err := tx.InsertInterchange(store.Interchange{Direction: store.Out, State: store.StateChecked, Verdict: "accepted"}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	link := regexp.MustCompile(`href="/log/interchanges/(\d+)"`)
	older := regexp.MustCompile(`href="/log(/\?before=[^"]*)">ältere`)
	for _, first := range []string{"/", "/?verdict=accepted"} {
		var seen []string
		pages := 0
		for path := first; path != ""; pages++ {
			page := s.get(path)
			for _, m := range link.FindAllStringSubmatch(page, -1) {
				seen = append(seen, m[1])
			}
			path = ""
			if m := older.FindStringSubmatch(page); m != nil {
				path = strings.ReplaceAll(m[1], "&amp;", "&")
			}
		}
		if pages != 3 || len(seen) != 2*pageSize+1 || seen[0] != strconv.Itoa(2*pageSize+1) || seen[2*pageSize] != "1" {
			t.Errorf("%s: %d pages with %d interchanges: %v", first, pages, len(seen), seen)
		}
		slices.Sort(seen)
		if len(slices.Compact(seen)) != 2*pageSize+1 {
			t.Errorf("%s: interchanges occur twice: %v", first, seen)
		}
	}
}

func TestParkedWorkIsShown(t *testing.T) {
	s := newSite(t)
	id, err := s.g.Submit(t.Context(), bytes.NewReader(fixture(t, "valid/utilmd-55001.edi")))
	if err != nil {
		t.Fatal(err)
	}
	s.work()
	want(t, s.get("/"), "Braucht eine Entscheidung", fmt.Sprintf(`href="/log/interchanges/%d"`, id), "Schritt Versand", "no channel", "ausgehend")
}

// form sends a form.
func (s *site) form(path, who, reason string, headers ...string) *httptest.ResponseRecorder {
	s.t.Helper()
	body := url.Values{"who": {who}, "reason": {reason}}.Encode()
	return s.do(http.MethodPost, path, strings.NewReader(body), append(headers, "Content-Type", "application/x-www-form-urlencoded")...)
}

// TestDecide: what needs a person can be decided on the page, with name and reason.
func TestDecide(t *testing.T) {
	s := newSite(t)
	if _, err := s.g.Submit(t.Context(), bytes.NewReader(fixture(t, "valid/utilmd-55001.edi"))); err != nil {
		t.Fatal(err)
	}
	s.work()
	page := s.get("/")
	want(t, page, "Erneut versuchen", "Erledigt", "Name", "Grund")
	actions := regexp.MustCompile(`(?:form)?action="/log(/clearing/[0-9]+/[a-z]+)"`).FindAllStringSubmatch(page, -1)
	if len(actions) != 2 {
		t.Fatalf("actions %v", actions)
	}
	requeue, solve := actions[0][1], actions[1][1]
	for _, c := range []struct {
		name      string
		got, want int
	}{
		{"no name", s.form(requeue, " ", "x").Code, http.StatusUnprocessableEntity},
		{"no reason", s.form(requeue, "Eva", "").Code, http.StatusUnprocessableEntity},
		{"long reason", s.form(requeue, "Eva", strings.Repeat("x", 1001)).Code, http.StatusUnprocessableEntity},
		{"long form", s.form(requeue, "Eva", strings.Repeat("x", maxForm)).Code, http.StatusBadRequest},
		{"other site", s.form(requeue, "Eva", "x", "Sec-Fetch-Site", "cross-site").Code, http.StatusForbidden},
		{"other origin", s.form(requeue, "Eva", "x", "Origin", "https://evil.example").Code, http.StatusForbidden},
		{"unknown action", s.form(strings.Replace(requeue, "requeue", "destroy", 1), "Eva", "x").Code, http.StatusNotFound},
		{"unknown item", s.form("/clearing/999/solve", "Eva", "x").Code, http.StatusConflict},
		{"no item", s.form("/clearing/x/solve", "Eva", "x").Code, http.StatusNotFound},
		{"not sent", s.form("/interchanges/1/resend", "Eva", "x").Code, http.StatusConflict},
		{"no interchange", s.form("/interchanges/99/resend", "Eva", "x").Code, http.StatusNotFound},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d, want %d", c.name, c.got, c.want)
		}
	}
	if w := s.form(requeue, "Eva", "Kanal eingerichtet"); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/log/" {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	s.work()
	if w := s.form(solve, "Eva", "<b>telefonisch</b>"); w.Code != http.StatusSeeOther {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if strings.Contains(s.get("/"), "Braucht eine Entscheidung") {
		t.Error("what is solved is still listed")
	}
	page = s.get("/interchanges/1")
	want(t, page, "Entscheidungen", "Kanal eingerichtet", "&lt;b&gt;telefonisch", "Eva")
	if strings.Contains(page, "Noch einmal versenden") {
		t.Error("what was not sent can be sent again")
	}
}

// TestFailing: what is tried in vain can be held back.
func TestFailing(t *testing.T) {
	s := newSite(t)
	s.post(fixture(t, "valid/utilmd-55001.edi"))
	err := s.st.Update(t.Context(), func(tx store.Tx) error {
		if err := tx.AddWork(store.Work{Kind: "deliver", Lane: "test", Target: "crm", InterchangeID: 1, Reason: "kein Kontakt"}); err != nil {
			return err
		}
		return tx.InsertLedger(store.LedgerEntry{InterchangeID: 1, Kind: store.LedgerTransport, State: store.LedgerMet, DoneAt: time.Now()})
	})
	if err != nil {
		t.Fatal(err)
	}
	claimed, err := s.st.ClaimWork(t.Context(), store.Claim{Lane: "test", Now: time.Now(), Lease: time.Minute, Limit: 1})
	if err != nil || len(claimed) != 1 {
		t.Fatal(claimed, err)
	}
	if err := s.st.Update(t.Context(), func(tx store.Tx) error { return tx.RetryWork(claimed[0], time.Now(), "kein Kontakt") }); err != nil {
		t.Fatal(err)
	}
	page := s.get("/")
	want(t, page, "Wird noch einmal versucht", "Schritt Zustellung an crm: kein Kontakt", "Zurückhalten")
	action := regexp.MustCompile(`action="/log(/clearing/[0-9]+/hold)"`).FindStringSubmatch(page)
	if w := s.form(action[1], "Eva", "Wartung"); w.Code != http.StatusSeeOther {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	want(t, s.get("/"), "Braucht eine Entscheidung", "Wartung")
	if strings.Contains(s.get("/interchanges/1"), "Noch einmal versenden") {
		t.Error("what was received can be sent again")
	}
}

// TestNoClearing: a log without a gateway behind it has no forms.
func TestNoClearing(t *testing.T) {
	s := newSite(t)
	handler := (&Site{Name: "x", Store: s.st, Log: zap.NewNop()}).Handler()
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/clearing/1/solve", strings.NewReader("who=a&reason=b")))
	if w.Code != http.StatusNotFound {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestDetail(t *testing.T) {
	s := newSite(t)
	good := s.post(fixture(t, "valid/utilmd-55001.edi"))
	bad := s.post(fixture(t, "invalid/decimal-comma.edi"))
	envelope := s.post(fixture(t, "invalid/wrong-unz-count.edi"))
	s.work()
	page := s.get(fmt.Sprintf("/interchanges/%d", good))
	want(t, page, "LFVG0000101", "55001", "malo/90000000019", "de.marktbote.", "LF-2026-000101", "FV2610", "strom", "über http",
		fmt.Sprintf(`href="/log/interchanges/%d/raw"`, good), "<code>UNB&#43;UNOC:3&#43;9999100000013", "&#34;sequence&#34;")
	if strings.Contains(page, "Befunde") || strings.Contains(page, `class="mark"`) {
		t.Error("findings without reason")
	}
	page = s.get(fmt.Sprintf("/interchanges/%d", bad))
	want(t, page, "Befunde", "CONTRL", "Segment 13")
	marked := regexp.MustCompile(`<li class="mark"><span class="pos">13</span><code>QTY[^<]*48211,350&#39;</code><em>[^<]+</em></li>`)
	if !marked.MatchString(page) || strings.Count(page, `class="mark"`) != 1 {
		t.Errorf("the finding does not stand at its segment:\n%s", page)
	}
	page = s.get(fmt.Sprintf("/interchanges/%d", envelope))
	if marked := regexp.MustCompile(`<li class="mark"><span class="pos"></span><code>UNZ[^<]*</code><em>`); !marked.MatchString(page) {
		t.Errorf("the finding does not stand at UNZ:\n%s", page)
	}
}

// TestLedger: what is owed is shown with its deadline and where it came with.
func TestLedger(t *testing.T) {
	s := newSite(t)
	id := s.post(fixture(t, "valid/utilmd-55001.edi"))
	err := s.st.Update(t.Context(), func(tx store.Tx) error {
		return tx.InsertLedger(store.LedgerEntry{
			InterchangeID: id, MessageIndex: 1, TransactionIndex: 1, Kind: store.LedgerAperak, State: store.LedgerMissed,
			DueAt: time.Date(2026, 12, 1, 12, 45, 0, 0, time.UTC), AnsweredBy: id,
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	want(t, s.get(fmt.Sprintf("/interchanges/%d", id)), "Quittungen und Fristen", "01.12.2026 13:45:00", "Frist abgelaufen",
		fmt.Sprintf(`href="/log/interchanges/%d"`, id))
}

// TestDetailOfEverything: whatever was received can be looked at.
func TestDetailOfEverything(t *testing.T) {
	s := newSite(t)
	names := fixtures.List()
	for _, name := range names {
		s.post(fixture(t, name))
	}
	s.get("/interchanges/1") // before the check
	s.work()
	for i, name := range names {
		page := s.get(fmt.Sprintf("/interchanges/%d", i+1))
		want(t, page, "SHA-256")
		if raw := s.get(fmt.Sprintf("/interchanges/%d/raw", i+1)); raw != string(fixture(t, name)) {
			t.Errorf("%s: raw bytes differ", name)
		}
	}
}

func TestRaw(t *testing.T) {
	s := newSite(t)
	data := []byte("UNB+\xe4\xf6\xfc\x00\xff<script>\r\n'\xc3")
	id := s.post(data)
	w := s.do(http.MethodGet, fmt.Sprintf("/interchanges/%d/raw", id), nil)
	if !bytes.Equal(w.Body.Bytes(), data) {
		t.Errorf("raw bytes %q", w.Body)
	}
	if w.Header().Get("Content-Type") != "application/octet-stream" || w.Header().Get("Content-Disposition") != "attachment; filename=1.edi" {
		t.Errorf("headers %v", w.Header())
	}
}

func TestHostileContent(t *testing.T) {
	s := newSite(t)
	const attack = `<script>alert(1)</script><img src=x onerror=alert(2)>"&`
	data := bytes.ReplaceAll(fixture(t, "valid/utilmd-55001.edi"), []byte("Erika"), []byte(attack))
	data = bytes.ReplaceAll(data, []byte("LFVG0000101"), []byte("<b>&\"VG"))
	data = bytes.ReplaceAll(data, []byte("LB261102000101"), []byte("<i>\"LB"))
	id := s.post(data)
	second := s.post(bytes.ReplaceAll(fixture(t, "invalid/wrong-code.edi"), []byte("UTILMD:D"), []byte("<script>alert(3)</script>:D")))
	s.work()
	for _, path := range []string{"/", fmt.Sprintf("/interchanges/%d", id), fmt.Sprintf("/interchanges/%d", second), "/?verdict=" + "%3Cscript%3E%22"} {
		page := s.get(path)
		for _, raw := range []string{"<script", "<img", "<b>", "<i>"} {
			if strings.Contains(page, raw) {
				t.Errorf("%s contains %s", path, raw)
			}
		}
	}
	want(t, s.get(fmt.Sprintf("/interchanges/%d", id)), "&lt;script&gt;alert(1)")
}

func TestReceive(t *testing.T) {
	s := newSite(t)
	data := fixture(t, "valid/utilmd-55001.edi")
	post := func(data []byte, headers ...string) *httptest.ResponseRecorder {
		return s.do(http.MethodPost, "/interchanges", bytes.NewReader(data), headers...)
	}
	w := post(data, "Idempotency-Key", "k1")
	if w.Code != http.StatusAccepted || w.Header().Get("Location") != "/log/interchanges/1" || w.Body.String() != "{\"interchange\": 1}\n" {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	if again := post(data, "Idempotency-Key", "k1"); again.Code != http.StatusAccepted || again.Body.String() != w.Body.String() {
		t.Errorf("repeated: %d %s", again.Code, again.Body)
	}
	if other := post([]byte("UNB"), "Idempotency-Key", "k1"); other.Code != http.StatusConflict {
		t.Errorf("same key for other bytes: %d %s", other.Code, other.Body)
	}
	if next := post(data); next.Header().Get("Location") != "/log/interchanges/2" {
		t.Errorf("without key: %d %s", next.Code, next.Body)
	}
	if large := post(make([]byte, maxBytes+1)); large.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("too large: %d %s", large.Code, large.Body)
	}
	broken := s.do(http.MethodPost, "/interchanges", io.MultiReader(bytes.NewReader(data), iotest.ErrReader(io.ErrUnexpectedEOF)))
	if broken.Code != http.StatusBadRequest {
		t.Errorf("broken off: %d %s", broken.Code, broken.Body)
	}
	slow := s.do(http.MethodPost, "/interchanges", iotest.TimeoutReader(iotest.OneByteReader(bytes.NewReader(data))))
	if slow.Code != http.StatusBadRequest {
		t.Errorf("unknown reader error: %d %s", slow.Code, slow.Body)
	}
	for _, h := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://evil.example"}} {
		if foreign := post(data, h...); foreign.Code != http.StatusForbidden {
			t.Errorf("%v: %d %s", h, foreign.Code, foreign.Body)
		}
	}
	if strings.Contains(s.get("/"), "interchanges/3") {
		t.Error("a refused interchange was kept")
	}
}

func TestReceiveNothing(t *testing.T) {
	s := newSite(t)
	handler := (&Site{Name: "x", Store: s.st, Log: zap.NewNop()}).Handler()
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/interchanges", strings.NewReader("UNB")))
	if w.Code != http.StatusNotFound {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestEvents(t *testing.T) {
	s := newSite(t)
	if body := s.get("/events"); body != "" {
		t.Errorf("no events yet, but %q", body)
	}
	for _, name := range []string{"valid/utilmd-55001.edi", "valid/utilmd-55004.edi", "valid/mscons-13025.edi"} {
		s.post(fixture(t, name))
	}
	s.work()
	read := func(path string) (sequences []string) {
		for line := range strings.Lines(s.get(path)) {
			var e struct{ SpecVersion, ID, Type, Sequence string }
			if err := json.Unmarshal([]byte(line), &e); err != nil || e.SpecVersion != "1.0" || e.ID == "" || len(e.Sequence) != 20 {
				t.Errorf("%v: %s", err, line)
			}
			sequences = append(sequences, e.Sequence)
		}
		return sequences
	}
	all := read("/events")
	if len(all) != 4 || !slices.IsSorted(all) {
		t.Fatalf("sequences %v", all)
	}
	for i, after := range all {
		if got := read("/events?after=" + after); !slices.Equal(got, all[i+1:]) {
			t.Errorf("after %s: %v", after, got)
		}
	}
	if w := s.do(http.MethodGet, "/events?after=x", nil); w.Code != http.StatusBadRequest {
		t.Errorf("after=x: %d", w.Code)
	}
	if w := s.do(http.MethodGet, "/events", nil); w.Header().Get("Content-Type") != "application/x-ndjson" {
		t.Errorf("headers %v", w.Header())
	}
}

// TestManyEvents: one answer has eventPage events, and nothing is lost between two answers.
func TestManyEvents(t *testing.T) {
	s := newSite(t)
	const n = eventPage + shownEvents + 1
	err := s.st.Update(t.Context(), func(tx store.Tx) error {
		for i := range n {
			if _, err := tx.InsertEvents(store.Event{ID: strconv.Itoa(i), Data: []byte(`{"n":1}`)}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(s.get("/events"), "\n"); lines != eventPage {
		t.Errorf("%d events in one answer", lines)
	}
	if lines := strings.Count(s.get(fmt.Sprintf("/events?after=%d", eventPage)), "\n"); lines != n-eventPage {
		t.Errorf("%d events in the second answer", lines)
	}
}

func TestNotFound(t *testing.T) {
	s := newSite(t)
	for _, path := range []string{"/interchanges/1", "/interchanges/1/raw", "/interchanges/x", "/interchanges/x/raw", "/interchanges/", "/other", "/interchanges/99999999999999999999"} {
		if w := s.do(http.MethodGet, path, nil); w.Code != http.StatusNotFound {
			t.Errorf("GET %s: %d %s", path, w.Code, w.Body)
		}
	}
	if w := s.do(http.MethodDelete, "/interchanges/1", nil); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("DELETE: %d", w.Code)
	}
}

// TestManyTransactions: a page stays a page.
func TestManyTransactions(t *testing.T) {
	s := newSite(t)
	id := s.post([]byte("UNB+" + strings.Repeat("x", 3*shownBytes) + "'"))
	const n = 1000
	err := s.st.Update(t.Context(), func(tx store.Tx) error {
		for i := range n {
			if err := tx.InsertMessage(store.Message{InterchangeID: id, Index: i + 1}); err != nil {
				return err
			}
			if err := tx.InsertTransaction(store.Transaction{InterchangeID: id, MessageIndex: i + 1, Index: 1, Number: "VG"}); err != nil {
				return err
			}
			if _, err := tx.InsertEvents(store.Event{ID: strconv.Itoa(i), InterchangeID: id, Data: []byte(`{"n":1}`)}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	page := s.get(fmt.Sprintf("/interchanges/%d", id))
	if rows, events := strings.Count(page, "<td>VG</td>"), strings.Count(page, "<details>"); rows != shownRows || events != shownEvents || len(page) > 1<<20 {
		t.Errorf("%d transactions and %d events on a page of %d bytes", rows, events, len(page))
	}
	want(t, page, "Weitere Geschäftsvorfälle", "Weitere Ereignisse", "x…</code>")
}

func TestStoreFails(t *testing.T) {
	s := newSite(t)
	if body := s.get("/healthz"); body != "ok\n" {
		t.Errorf("healthz: %q", body)
	}
	if err := s.st.Close(); err != nil {
		t.Fatal(err)
	}
	for path, code := range map[string]int{"/healthz": 503, "/": 500, "/events": 500, "/interchanges/1": 500, "/interchanges/1/raw": 500} {
		if w := s.do(http.MethodGet, path, nil); w.Code != code || strings.Contains(w.Body.String(), "closed") {
			t.Errorf("GET %s: %d %s", path, w.Code, w.Body)
		}
	}
	if w := s.do(http.MethodPost, "/interchanges", strings.NewReader("UNB")); w.Code != http.StatusInternalServerError {
		t.Errorf("POST: %d %s", w.Code, w.Body)
	}
}

func TestStyle(t *testing.T) {
	s := newSite(t)
	if style := s.get("/style.css"); strings.Contains(style, "http") || strings.Contains(style, "@import") {
		t.Error("the style sheet loads something from elsewhere")
	}
}

// TestCancelled: a request that was cancelled is not answered as if it had been done.
func TestCancelled(t *testing.T) {
	s := newSite(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("gone"))
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/log/interchanges", strings.NewReader("UNB"))
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestDestroyed: what retention has destroyed is left out or named so, and keeps nothing else from being shown.
func TestDestroyed(t *testing.T) {
	s := newSite(t)
	err := s.st.Update(t.Context(), func(tx store.Tx) error {
		payload, err := tx.PutPayload([]byte("UNB"))
		if err != nil {
			return err
		}
		id, err := tx.InsertInterchange(store.Interchange{Direction: store.In, State: store.StateChecked, PayloadDigest: payload.Digest})
		if err != nil {
			return err
		}
		_, err = tx.InsertEvents(store.Event{ID: "old", Type: "x", InterchangeID: id}, store.Event{ID: "new", Type: "y", InterchangeID: id, Data: []byte(`{"id":"new"}`)})
		return errors.Join(err, tx.InsertFinding(store.Finding{InterchangeID: id, Index: 1, Code: "E1053", Severity: "error"}))
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := s.get("/events"); got != `{"sequence":"00000000000000000002","id":"new"}`+"\n" {
		t.Errorf("events: %s", got)
	}
	if page := s.get("/interchanges/1"); !strings.Contains(page, destroyed) || !strings.Contains(page, "E1053") {
		t.Error("the page does not say what is missing")
	}
}
