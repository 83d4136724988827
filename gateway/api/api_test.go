package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/marktbote/marktbote/fixtures"
	"github.com/marktbote/marktbote/gateway"
	"github.com/marktbote/marktbote/gateway/config"
	"github.com/marktbote/marktbote/gateway/pickup"
	"github.com/marktbote/marktbote/gateway/route"
	"github.com/marktbote/marktbote/store"
	"github.com/marktbote/marktbote/store/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// node is a gateway with its HTTP interface.
type node struct {
	t      *testing.T
	st     store.Store
	g      *gateway.Gateway
	url    string
	client *http.Client
}

const maxBytes = 4 << 20

// newNode starts the interface; the gateway works only during work.
func newNode(t *testing.T, change ...func(*gateway.Options)) *node {
	t.Helper()
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	opts := gateway.Options{
		Store: st, Config: config.Default(), Log: zap.NewNop(), Metrics: prometheus.NewRegistry(),
		Now: func() time.Time { return time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC) },
	}
	opts.Config.MaxInterchangeBytes = maxBytes
	opts.Config.Own = []config.Party{{MPID: "9999100000013", Rolle: "LF"}, {MPID: "9999300000037", Rolle: "MSB"}}
	for _, f := range change {
		f(&opts)
	}
	n := &node{t: t, st: st, g: gateway.New(opts)}
	server := httptest.NewServer((&API{Gateway: n.g, Store: st, Log: zap.NewNop()}).Handler())
	t.Cleanup(server.Close)
	n.url, n.client = server.URL, server.Client()
	return n
}

// answered is what a request was answered with.
type answered struct {
	code   int
	header http.Header
	body   string
	x      interchange
	p      problem
}

// do sends a request and checks what every answer must have.
func (n *node) do(method, path string, body io.Reader, headers ...string) (a answered) {
	n.t.Helper()
	req, err := http.NewRequestWithContext(n.t.Context(), method, n.url+path, body)
	if err != nil {
		n.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	res, err := n.client.Do(req)
	if err != nil {
		n.t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		n.t.Fatal(err)
	}
	a = answered{code: res.StatusCode, header: res.Header, body: string(data)}
	kind, into := "application/json", any(&a.x)
	if a.code >= 400 {
		kind, into = "application/problem+json", &a.p
	}
	if a.code != http.StatusNoContent {
		if err := json.Unmarshal(data, into); err != nil || res.Header.Get("Content-Type") != kind {
			n.t.Errorf("%s %s: %v, %s: %s", method, path, err, res.Header.Get("Content-Type"), data)
		}
		if a.code >= 400 && (a.p.Status != a.code || a.p.Title == "" || !strings.HasPrefix(a.p.Type, "urn:marktbote:problem:")) {
			n.t.Errorf("%s %s: problem %+v", method, path, a.p)
		}
	}
	if h := res.Header; h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cache-Control") != "no-store" || h.Get("Content-Security-Policy") == "" {
		n.t.Errorf("%s %s: headers %v", method, path, h)
	}
	return a
}

func (n *node) post(path string, body []byte, headers ...string) answered {
	n.t.Helper()
	return n.do(http.MethodPost, path, bytes.NewReader(body), headers...)
}

// decide posts a decision.
func (n *node) decide(path, who, reason string) answered {
	n.t.Helper()
	body, err := json.Marshal(decision{who, reason})
	if err != nil {
		n.t.Fatal(err)
	}
	return n.post(path, body, "Content-Type", "application/json")
}

// work lets gateways work until none has anything to do.
func work(t *testing.T, nodes ...*node) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for _, n := range nodes {
		wg.Go(func() { n.g.Run(ctx) })
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		pending := 0
		for _, n := range nodes {
			err := n.st.View(ctx, func(tx store.Tx) error {
				p, err := tx.PendingWork()
				pending += p
				return err
			})
			if err != nil {
				t.Error(err)
			}
		}
		if pending == 0 || time.Now().After(deadline) {
			break
		}
	}
	cancel()
	wg.Wait()
}

func fixture(t *testing.T, name string) []byte {
	t.Helper()
	data, err := fixtures.Read(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestHandIn(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	data := fixture(t, "valid/utilmd-55001.edi")
	a := n.post("/v1/interchanges", data, "Idempotency-Key", "k1")
	if a.code != http.StatusAccepted || a.header.Get("Location") != "/v1/interchanges/1" || a.x.ID != 1 || a.x.State != "waiting" || a.x.Verdict != "accepted" ||
		a.x.Direction != "out" || a.x.Reference != "LB261102000101" || a.x.Size != int64(len(data)) || a.x.Type != "UTILMD" || a.x.FormatVersion != "FV2610" {
		t.Errorf("%d %s", a.code, a.body)
	}
	if m := a.x.Messages; len(m) != 1 || len(m[0].Transactions) != 1 || m[0].Transactions[0].Pruefidentifikator != "55001" || m[0].Transactions[0].Object != "malo/90000000019" {
		t.Errorf("messages %+v", m)
	}
	if again := n.post("/v1/interchanges", data, "Idempotency-Key", "k1"); again.code != http.StatusAccepted || again.body != a.body {
		t.Errorf("repeated: %d %s", again.code, again.body)
	}
	if shown := n.do(http.MethodGet, "/v1/interchanges/1", nil); shown.code != http.StatusOK || shown.body != a.body {
		t.Errorf("shown: %d %s", shown.code, shown.body)
	}
	numbered := n.post("/v1/interchanges?number=true", data, "Idempotency-Key", "k2")
	if numbered.code != http.StatusAccepted || numbered.x.Reference != "M2612010000010" {
		t.Errorf("numbered: %d %s", numbered.code, numbered.body)
	}
	if again := n.post("/v1/interchanges?number=true", data, "Idempotency-Key", "k2"); again.body != numbered.body {
		t.Errorf("numbered again: %d %s", again.code, again.body)
	}
	for _, c := range []struct {
		name, path string
		data       []byte
		headers    []string
		code       int
		kind       string
	}{
		{"other bytes", "", fixture(t, "valid/utilmd-55004.edi"), []string{"Idempotency-Key", "k1"}, 409, "key-reused"},
		{"too large", "", make([]byte, maxBytes+1), nil, 413, "too-large"},
		{"unknown query", "?numbers=true", data, nil, 400, "request"},
		{"bad query", "?number=yes", data, nil, 400, "request"},
		{"empty key", "", data, []string{"Idempotency-Key", ""}, 400, "request"},
		{"long key", "", data, []string{"Idempotency-Key", strings.Repeat("k", maxKey+1)}, 400, "request"},
		{"two keys", "", data, []string{"Idempotency-Key", "a", "Idempotency-Key", "b"}, 400, "request"},
		{"foreign page", "", data, []string{"Sec-Fetch-Site", "cross-site"}, 403, "cross-origin"},
		{"reference used", "", data, nil, 422, "refused"},
		{"nothing", "", nil, nil, 422, "refused"},
	} {
		a := n.post("/v1/interchanges"+c.path, c.data, c.headers...)
		if a.code != c.code || a.p.Type != "urn:marktbote:problem:"+c.kind {
			t.Errorf("%s: %d %s", c.name, a.code, a.body)
		}
	}
	for path, allow := range map[string]string{"/v1/interchanges": "POST", "/v1/interchanges/1": "GET", "/v1/interchanges/1/resend": "POST", "/v1/clearing": "GET"} {
		if a := n.do(http.MethodPut, path, nil); a.code != http.StatusMethodNotAllowed || a.header.Get("Allow") != allow {
			t.Errorf("PUT %s: %d %v", path, a.code, a.header)
		}
	}
	for _, path := range []string{"/v1/interchanges/99", "/v1/interchanges/x", "/v1/interchanges/-1", "/v1/", "/v1/nothing"} {
		if a := n.do(http.MethodGet, path, nil); a.code != http.StatusNotFound {
			t.Errorf("GET %s: %d", path, a.code)
		}
	}
}

// TestRefused: whoever hands in something wrong learns all of it at once.
func TestRefused(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	a := n.post("/v1/interchanges", fixture(t, "invalid/ahb-missing-customer.edi"), "Idempotency-Key", "k")
	x := a.p.Interchange
	if a.code != http.StatusUnprocessableEntity || x == nil || a.p.Instance != "/v1/interchanges/1" || x.State != "refused" || x.Verdict != "rejected-processing" {
		t.Fatalf("%d %s", a.code, a.body)
	}
	var f struct {
		Code, Severity, Text string
		Wire                 struct{ Kind, Code string }
		SegmentNumber        int `json:"segment_number"`
	}
	if list := x.Messages[0].Transactions[0].Findings; len(list) != 1 || json.Unmarshal(list[0], &f) != nil || f.Wire.Kind != "APERAK" || f.Text == "" || f.SegmentNumber == 0 {
		t.Errorf("findings %s", list)
	}
	if again := n.post("/v1/interchanges", fixture(t, "invalid/ahb-missing-customer.edi"), "Idempotency-Key", "k"); again.code != a.code || again.body != a.body {
		t.Errorf("repeated: %d %s", again.code, again.body)
	}
	foreign := n.post("/v1/interchanges?number=true", bytes.ReplaceAll(fixture(t, "valid/utilmd-55001.edi"), []byte("9999100000013"), []byte("9999200000026")))
	if foreign.code != http.StatusUnprocessableEntity || !strings.Contains(foreign.body, "E1060") || foreign.p.Interchange.Reference != "LB261102000101" {
		t.Errorf("%d %s", foreign.code, foreign.body)
	}
	work(t, n)
	if list := n.do(http.MethodGet, "/v1/clearing", nil); !strings.Contains(list.body, `"items":[]`) {
		t.Errorf("clearing %s", list.body)
	}
}

// TestIncomplete: what breaks off is not kept. A client of net/http would not let us break off, so there is none.
func TestIncomplete(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	for err, code := range map[error]int{io.ErrUnexpectedEOF: http.StatusBadRequest, os.ErrDeadlineExceeded: http.StatusRequestTimeout} {
		body := io.MultiReader(bytes.NewReader(fixture(t, "valid/utilmd-55001.edi")), iotest.ErrReader(err))
		w := httptest.NewRecorder()
		(&API{Gateway: n.g, Store: n.st, Log: zap.NewNop()}).Handler().ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/v1/interchanges", body))
		if w.Code != code {
			t.Errorf("%v: %d %s", err, w.Code, w.Body)
		}
	}
	if a := n.do(http.MethodGet, "/v1/interchanges/1", nil); a.code != http.StatusNotFound {
		t.Errorf("%d %s", a.code, a.body)
	}
}

// TestEvents: the feed is below /v1/, with the headers of everything there; without a feed there is nothing.
func TestEvents(t *testing.T) {
	t.Parallel()
	feed := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.URL.Path) })
	for _, events := range []http.Handler{feed, nil} {
		handler := (&API{Events: events, Log: zap.NewNop()}).Handler()
		for _, path := range []string{"/v1/events", "/v1/events/stream", "/v1/events/1/data"} {
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
			if got := w.Body.String() == path; got != (events != nil) || w.Header().Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s: %d %s %v", path, w.Code, w.Body, w.Header())
			}
		}
	}
}

// TestClearing: each decision needs who and why, is carried out once, and is remembered.
func TestClearing(t *testing.T) {
	t.Parallel()
	n := newNode(t) // without a channel nothing can be sent
	n.post("/v1/interchanges", fixture(t, "valid/utilmd-55001.edi"))
	if a := n.decide("/v1/interchanges/1/resend", "Eva", "lost"); a.code != http.StatusConflict || a.p.Type != "urn:marktbote:problem:not-sent" {
		t.Errorf("resend of what was not sent: %d %s", a.code, a.body)
	}
	list := func(query string) (out struct {
		Items []item
		Next  string
	}) {
		a := n.do(http.MethodGet, "/v1/clearing"+query, nil)
		if err := json.Unmarshal([]byte(a.body), &out); err != nil || a.code != http.StatusOK {
			t.Fatalf("%d %s", a.code, a.body)
		}
		return out
	}
	if out := list("?parked=false"); len(out.Items) != 1 || out.Items[0].Parked {
		t.Fatalf("pending %+v", out)
	}
	hold := fmt.Sprintf("/v1/clearing/%d/hold", list("?parked=false").Items[0].ID)
	if a := n.decide(hold, "Eva", "Rückfrage beim Partner"); a.code != http.StatusNoContent {
		t.Errorf("hold: %d %s", a.code, a.body)
	}
	if a := n.decide(hold, "Eva", "again"); a.code != http.StatusConflict {
		t.Errorf("hold again: %d %s", a.code, a.body)
	}
	out := list("?limit=1")
	if len(out.Items) != 1 || !out.Items[0].Parked || out.Items[0].Step != "dispatch" || out.Items[0].Interchange != "/v1/interchanges/1" || out.Items[0].Reason != "Rückfrage beim Partner" {
		t.Fatalf("clearing %+v", out)
	}
	if more := n.do(http.MethodGet, out.Next, nil); more.code != http.StatusOK || !strings.Contains(more.body, `"items":[]`) {
		t.Errorf("next %s: %s", out.Next, more.body)
	}
	path := fmt.Sprintf("/v1/clearing/%d", out.Items[0].ID)
	for _, c := range [][2]string{{"", "x"}, {"Eva", "  "}, {"Eva", "a\nb"}, {"Eva", strings.Repeat("ä", 1001)}, {strings.Repeat("x", 101), "y"}} {
		if a := n.decide(path+"/solve", c[0], c[1]); a.code != http.StatusUnprocessableEntity || a.p.Type != "urn:marktbote:problem:decision" {
			t.Errorf("%.20q: %d %s", c, a.code, a.body)
		}
	}
	for body, code := range map[string]int{`{"who":"a","reason":"b","x":1}`: 400, `{`: 400, `{"who":"a","reason":"b"}{}`: 400, `{"who":"` + strings.Repeat("x", maxDecision) + `"}`: 400} {
		if a := n.post(path+"/solve", []byte(body), "Content-Type", "application/json"); a.code != code {
			t.Errorf("%.40s: %d %s", body, a.code, a.body)
		}
	}
	if a := n.post(path+"/solve", []byte(`{"who":"a","reason":"b"}`)); a.code != http.StatusUnsupportedMediaType {
		t.Errorf("without media type: %d", a.code)
	}
	if a := n.decide(path+"/requeue", "Eva", "geklärt"); a.code != http.StatusNoContent {
		t.Errorf("requeue: %d %s", a.code, a.body)
	}
	work(t, n)
	if out := list(""); len(out.Items) != 1 || !strings.Contains(out.Items[0].Reason, "no channel") {
		t.Fatalf("clearing %+v", out)
	}
	if a := n.decide(path+"/solve", "Eva", "per Post geschickt"); a.code != http.StatusNoContent {
		t.Errorf("solve: %d %s", a.code, a.body)
	}
	for _, action := range []string{"requeue", "hold", "solve"} {
		if a := n.decide(path+"/"+action, "Eva", "zu spät"); a.code != http.StatusConflict {
			t.Errorf("%s: %d %s", action, a.code, a.body)
		}
	}
	x := n.do(http.MethodGet, "/v1/interchanges/1", nil).x
	var actions []string
	for _, d := range x.Decisions {
		actions = append(actions, d.Action+" "+d.Who)
	}
	if len(x.Clearing) != 0 || strings.Join(actions, ", ") != "solve Eva, requeue Eva, hold Eva" {
		t.Errorf("decisions %v, clearing %v", actions, x.Clearing)
	}
	for _, q := range []string{"?limit=0", "?limit=1001", "?after=x", "?what=1", "?parked=maybe"} {
		if a := n.do(http.MethodGet, "/v1/clearing"+q, nil); a.code != http.StatusBadRequest {
			t.Errorf("%s: %d", q, a.code)
		}
	}
}

// line is a channel between gateways in this process that remembers the message IDs.
type line struct {
	mu  sync.Mutex
	to  map[string]*gateway.Gateway
	ids []string
}

func (l *line) Send(ctx context.Context, out gateway.Outgoing) (time.Time, error) {
	l.mu.Lock()
	l.ids = append(l.ids, out.MessageID)
	peer := l.to[out.Recipient]
	l.mu.Unlock()
	_, err := peer.Receive(ctx, "local", out.MessageID, out.Body)
	return time.Time{}, err
}

// TestThrough: an ERP posts a file without a number, or leaves it in a directory; it reaches a system of the partner,
// whose APERAK is found again. Sent once more it is another transport message and reaches the system not again.
func TestThrough(t *testing.T) {
	t.Parallel()
	l := &line{}
	in, out := t.TempDir(), t.TempDir()
	supplier := newNode(t, func(o *gateway.Options) {
		o.Channel = l
		o.Config.Partners = []config.Party{{MPID: "9999200000020", Rolle: "NB"}}
	})
	grid := newNode(t, func(o *gateway.Options) {
		o.Channel = l
		o.Config.Own, o.Config.Partners = []config.Party{{MPID: "9999200000020", Rolle: "NB"}}, o.Config.Own
		o.Config.Destinations = []config.Destination{{Name: "netz", Directory: out}}
		o.Config.Routes = []route.Rule{{Rolle: []string{"NB"}, PID: []string{"55001"}, To: []string{"netz"}}}
	})
	l.to = map[string]*gateway.Gateway{"9999100000013": supplier.g, "9999200000020": grid.g}
	data := fixture(t, "valid/utilmd-55001.edi")
	wantMet := func(path, reference string) {
		t.Helper()
		x := supplier.do(http.MethodGet, path, nil).x
		states := map[string]string{}
		for _, e := range x.Ledger {
			states[e.Kind] = e.State
			if e.Kind == "aperak" {
				if by := supplier.do(http.MethodGet, e.AnsweredBy, nil).x; by.Type != "APERAK" || by.Direction != "in" || e.Due.IsZero() || e.Done.IsZero() {
					t.Errorf("%s: %+v, %+v", path, e, by)
				}
			}
		}
		if x.State != "sent" || x.Reference != reference || states["transport"] != "met" || states["aperak"] != "met" || states["answer"] != "open" || len(x.Clearing) != 0 {
			t.Errorf("%s: %s %s, %v", path, x.State, x.Reference, states)
		}
	}
	files := func() int {
		t.Helper()
		list, err := filepath.Glob(filepath.Join(out, "*.edi"))
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}

	a := supplier.post("/v1/interchanges?number=true", data, "Idempotency-Key", "erp-1")
	if a.code != http.StatusAccepted {
		t.Fatalf("%d %s", a.code, a.body)
	}
	// Handed in once more with that number, by mistake, it is refused and must not get the answer to the first one.
	wrong := bytes.ReplaceAll(data, []byte("LB261102000101"), []byte(a.x.Reference))
	if again := supplier.post("/v1/interchanges", wrong); again.code != http.StatusUnprocessableEntity || !strings.Contains(again.body, "E1061") {
		t.Fatalf("%d %s", again.code, again.body)
	}
	work(t, supplier, grid)
	wantMet(a.header.Get("Location"), "M2612010000010")

	w, err := pickup.Open(config.Pickup{Dir: in, Number: true}, supplier.g, supplier.st, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	other := bytes.ReplaceAll(data, []byte("LFVG0000101"), []byte("LFVG0000102"))
	if err := os.WriteFile(filepath.Join(in, "neu.edi"), other, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := w.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	work(t, supplier, grid)
	var result struct{ Link, Reference string }
	raw, err := os.ReadFile(filepath.Join(in, "accepted", "neu.edi.json"))
	if err == nil {
		err = json.Unmarshal(raw, &result)
	}
	if err != nil || result.Reference == "" {
		t.Fatalf("%v: %s", err, raw)
	}
	wantMet(result.Link, result.Reference)
	if n := files(); n != 2 {
		t.Errorf("%d files in the destination", n)
	}

	sent := len(l.ids)
	if a := supplier.decide("/v1/interchanges/1/resend", "Eva", "Der Partner fragt danach"); a.code != http.StatusAccepted {
		t.Fatalf("%d %s", a.code, a.body)
	}
	if a := supplier.decide("/v1/interchanges/1/resend", "Eva", "zu schnell"); a.code != http.StatusConflict {
		t.Errorf("%d %s", a.code, a.body)
	}
	work(t, supplier, grid)
	seen := map[string]bool{}
	for _, id := range l.ids {
		if seen[id] {
			t.Errorf("the message ID %s was used twice", id)
		}
		seen[id] = true
	}
	if len(l.ids) <= sent || files() != 2 {
		t.Errorf("%d messages more, %d files in the destination", len(l.ids)-sent, files())
	}
	// The partner has it already and says so with a CONTRL. The first one counts.
	if x := supplier.do(http.MethodGet, "/v1/interchanges/1", nil).x; x.State != "sent" || len(x.Clearing) != 0 ||
		len(x.Decisions) != 1 || x.Decisions[0].Action != "resend" {
		t.Errorf("after the resend: %s, %+v, %+v", x.State, x.Clearing, x.Decisions)
	}
	if a := supplier.decide("/v1/interchanges/1/lift-rejection", "Eva", "x"); a.code != http.StatusConflict || a.p.Type != "urn:marktbote:problem:not-rejected" {
		t.Errorf("lift: %d %s", a.code, a.body)
	}
	for _, path := range []string{"/v1/interchanges/99/lift-rejection", "/v1/interchanges/99/resend", "/v1/interchanges/x/resend"} {
		if a := supplier.decide(path, "Eva", "x"); a.code != http.StatusNotFound {
			t.Errorf("%s: %d", path, a.code)
		}
	}
}
