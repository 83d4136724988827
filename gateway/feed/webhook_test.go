package feed

import (
	"context"
	"crypto/hmac"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/marktbote/marktbote/gateway/config"
	"github.com/marktbote/marktbote/store"
)

// TestSign has the example of the specification.
func TestSign(t *testing.T) {
	t.Parallel()
	key, err := parseSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	got := sign([][]byte{key}, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("got %s", got)
	}
	for _, bad := range []string{"", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_####", "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 65)), "whsec_c2hvcnQ="} {
		if _, err := parseSecret(bad); err == nil {
			t.Errorf("%q is a secret", bad)
		}
	}
}

// delivered posts one event and returns what the receiver got.
func delivered(t *testing.T, e store.Event, limit int, edit func(*config.Webhook)) (*http.Request, string) {
	t.Helper()
	r := newReceiver(t)
	sub := webhookTo(t, "billing", r.server.URL)
	if edit != nil {
		edit(sub.Webhook)
	}
	w, err := openWebhook(*sub.Webhook)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	m, err := toMessage(e, limit, "https://gateway.example/")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := w.Deliver(t.Context(), []Message{m}); n != 1 || err != nil {
		t.Fatalf("delivered %d, %v", n, err)
	}
	return r.requests[0], r.bodies[0]
}

func TestWebhookStructured(t *testing.T) {
	t.Parallel()
	e := cloudEvent("id-1", "t.v1", "p", map[string]any{"n": 1})
	e.Seq = 17
	req, body := delivered(t, e, 0, nil)
	var got map[string]any
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	if got["id"] != "id-1" || got["sequence"] != "00000000000000000017" || got["data"].(map[string]any)["n"] != 1.0 {
		t.Errorf("%s", body)
	}
	if req.Header.Get("Content-Type") != typeEvent || req.Header.Get("Webhook-Id") != "id-1" {
		t.Errorf("%v", req.Header)
	}
	wantSigned(t, req, body, testSecret)
}

func wantSigned(t *testing.T, req *http.Request, body string, secrets ...string) {
	t.Helper()
	seconds, err := time.ParseDuration(req.Header.Get("Webhook-Timestamp") + "s")
	at := time.Unix(int64(seconds/time.Second), 0)
	if err != nil || time.Since(at).Abs() > time.Minute {
		t.Errorf("timestamp %s, %v", at, err)
	}
	var keys [][]byte
	for _, s := range secrets {
		keys = append(keys, []byte(s))
	}
	want := sign(keys, req.Header.Get("Webhook-Id"), at, []byte(body))
	if got := req.Header.Get("Webhook-Signature"); !hmac.Equal([]byte(got), []byte(want)) {
		t.Errorf("signature %s, want %s", got, want)
	}
}

// TestWebhookKeyChange: both keys sign while the old one is there, without a restart.
func TestWebhookKeyChange(t *testing.T) {
	t.Parallel()
	const newer = "another secret that is long enough"
	req, body := delivered(t, cloudEvent("1", "t", "p", nil), 0, func(w *config.Webhook) {
		w.PreviousSecretFile = w.SecretFile
		w.SecretFile = secretFile(t, newer)
	})
	wantSigned(t, req, body, newer, testSecret)
	req, body = delivered(t, cloudEvent("1", "t", "p", nil), 0, func(w *config.Webhook) { w.PreviousSecretFile = filepath.Join(t.TempDir(), "gone") })
	wantSigned(t, req, body, testSecret)
}

func TestWebhookBinary(t *testing.T) {
	t.Parallel()
	e := cloudEvent("id-1", "t.v1", "ä \"%", map[string]any{"n": 1})
	e.Seq = 17
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("word\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	req, body := delivered(t, e, 0, func(w *config.Webhook) { w.Mode, w.TokenFile = config.ModeBinary, token })
	if body != `{"n":1}` {
		t.Errorf("%s", body)
	}
	got := map[string]string{}
	for name := range req.Header {
		if strings.HasPrefix(name, "Ce-") || name == "Content-Type" || name == "Authorization" {
			got[name] = req.Header.Get(name)
		}
	}
	want := map[string]string{
		"Ce-Id": "id-1", "Ce-Specversion": "1.0", "Ce-Source": "urn:test", "Ce-Type": "t.v1", "Ce-Subject": "malo/%C3%A4%20%22%25",
		"Ce-Time": "2026-11-24T08:00:00Z", "Ce-Partitionkey": "%C3%A4%20%22%25", "Ce-Sequence": "00000000000000000017", "Ce-Sparte": "strom", "Ce-Pid": "55001",
		"Ce-Testindicator": "false", "Content-Type": typeJSON, "Authorization": "Bearer word",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	wantSigned(t, req, body, testSecret)
}

// TestLargeEvent: what is too large goes without data and with a link.
func TestLargeEvent(t *testing.T) {
	t.Parallel()
	e := cloudEvent("a/b ü", "t", "p", strings.Repeat("x", 5000))
	_, body := delivered(t, e, 4096, nil)
	var got map[string]any
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	if _, ok := got["data"]; ok || got["dataref"] != "https://gateway.example/v1/events/a%2Fb%20%C3%BC/data" || got["partitionkey"] != "p" {
		t.Errorf("%s", body)
	}
	req, body := delivered(t, e, 4096, func(w *config.Webhook) { w.Mode = config.ModeBinary })
	if body != "" || req.Header.Get("Ce-Dataref") == "" || req.Header.Get("Content-Type") != "" {
		t.Errorf("%q %v", body, req.Header)
	}
	if _, body := delivered(t, e, 0, nil); len(body) < 5000 {
		t.Errorf("without a limit: %s", body)
	}
}

// TestTombstone: an event whose data retention has destroyed.
func TestTombstone(t *testing.T) {
	t.Parallel()
	e := cloudEvent("1", "t", "p", nil)
	e.Seq, e.Data, e.RecordedAt = 3, nil, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	_, body := delivered(t, e, 1024, nil)
	want := `{"sequence":"00000000000000000003","specversion":"1.0","id":"1","source":"urn:marktbote:tombstone","type":"t","subject":"malo/p",` +
		`"partitionkey":"p","recordedtime":"2026-01-02T03:04:05Z","tombstone":true}`
	if body != want {
		t.Errorf("%s", body)
	}
}

// TestWebhookAnswers: what an answer means.
func TestWebhookAnswers(t *testing.T) {
	t.Parallel()
	var status int
	var header http.Header
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		maps.Copy(w.Header(), header)
		w.WriteHeader(status)
	}))
	defer server.Close()
	w, err := openWebhook(*webhookTo(t, "x", server.URL).Webhook)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for _, c := range []struct {
		status int
		header string
		want   string
	}{
		{200, "", "confirmed"}, {204, "", "confirmed"}, {202, "", "confirmed"}, {301, "", "down"}, {307, "", "down"},
		{400, "", "refused"}, {401, "", "down"}, {403, "", "down"}, {404, "", "down"}, {409, "", "refused"}, {410, "", "gone"}, {413, "", "refused"},
		{422, "", "refused"}, {429, "", "later 0s"}, {429, "7", "later 7s"}, {500, "", "refused"}, {502, "", "down"}, {503, "99999999", "later 1h0m0s"},
		{503, "Mon, 02 Jan 2006 15:04:05 GMT", "later 0s"}, {503, "-5", "later 0s"}, {504, "", "down"},
	} {
		status, header = c.status, http.Header{"Retry-After": {c.header}, "Location": {server.URL + "/elsewhere"}}
		_, err := w.Deliver(t.Context(), []Message{{ID: "1", JSON: []byte("{}")}})
		var asked *later
		var no *refusal
		got := "down"
		switch {
		case err == nil:
			got = "confirmed"
		case errors.Is(err, errGone):
			got = "gone"
		case errors.As(err, &asked):
			got = "later " + asked.after.String()
		case errors.As(err, &no):
			got = "refused"
		}
		if got != c.want {
			t.Errorf("%d %q: %s (%v), want %s", c.status, c.header, got, err, c.want)
		}
	}
}

// TestWebhookTLS: a certificate nobody vouches for is refused; a URL with a secret is not quoted.
func TestWebhookTLS(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	sub := webhookTo(t, "x", server.URL+"/?key=topsecret")
	post := func() error {
		w, err := openWebhook(*sub.Webhook)
		if err != nil {
			return err
		}
		defer w.Close()
		_, err = w.Deliver(context.Background(), []Message{{ID: "1", JSON: []byte("{}")}})
		return err
	}
	var no *refusal
	if err := post(); err == nil || errors.As(err, &no) || strings.Contains(err.Error(), "topsecret") {
		t.Errorf("unknown CA: %v", err)
	}
	sub.Webhook.CAFile = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(sub.Webhook.CAFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := post(); err != nil {
		t.Errorf("known CA: %v", err)
	}
	server.Close()
	if err := post(); err == nil || errors.As(err, &no) || strings.Contains(err.Error(), "topsecret") {
		t.Errorf("nobody there: %v", err)
	}
	sub.Webhook.SecretFile = filepath.Join(t.TempDir(), "missing")
	if err := post(); err == nil {
		t.Error("no secret: no error")
	}
	if describe(sub).Target != server.URL+"/" {
		t.Errorf("the definition has %s", describe(sub).Target)
	}
}

// FuzzMessage: whatever lies in the outbox, splitting it neither panics nor loses the data.
func FuzzMessage(f *testing.F) {
	f.Add([]byte(`{"id":"1","data":{"n":[1,2]},"datacontenttype":"application/json","testindicator":false,"x":null}`))
	f.Add([]byte(`{"data":null}`))
	f.Add([]byte(`{"id":1,"id":2}`))
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"a":"\ud800"`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 2 || data[0] != '{' {
			return // the outbox has objects
		}
		m, err := toMessage(store.Event{ID: "1", Seq: 5, Data: data}, 40, "")
		valid := json.Valid(m.JSON)
		if err == nil && len(m.JSON) > 40 && json.Valid(data) && !valid {
			t.Fatalf("%s", m.JSON)
		}
		attributes, _, _, err := m.binary()
		if valid && err != nil {
			t.Fatalf("%s: %v", m.JSON, err)
		}
		for _, a := range attributes {
			if v := headerValue(a.value); strings.ContainsFunc(v, func(c rune) bool { return c <= ' ' || c > '~' }) {
				t.Fatalf("%q", v)
			}
		}
	})
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"", "5", "-1", "99999999999999999999", "Mon, 02 Jan 2006 15:04:05 GMT", "1.5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if d := retryAfter(s, time.Unix(0, 0)); d < 0 || d > maxPause {
			t.Error(d)
		}
	})
}
