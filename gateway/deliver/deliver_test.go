package deliver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"go.uber.org/goleak"

	"github.com/marktbote/marktbote/gateway/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func example() *Notice {
	return &Notice{
		ID: 17, Destination: "crm", Sender: "9999100000013", Receiver: "9999200000020", Reference: "LB\xe4 '1", Type: "UTILMD", FormatVersion: "FV2610",
		Sparte: "strom", Test: true, ReceivedAt: time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC), SHA256: strings.Repeat("0a", 32), Size: 4,
		Pruefidentifikatoren: []string{"55001", "55002"},
		Transactions:         []Transaction{{Message: 1, Transaction: 1, Deliver: true}, {Message: 1, Transaction: 2}, {Message: 2, Deliver: true}},
		Links:                Links{"/v1/interchanges/17", "/interchanges/17/raw"},
	}
}

func TestName(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"UTILMD": "0000000017-UTILMD-0a0a0a0a0a0a.edi", "": "0000000017-EDIFACT-0a0a0a0a0a0a.edi", "../etc": "0000000017-EDIFACT-0a0a0a0a0a0a.edi",
		"UTILMDX": "0000000017-EDIFACT-0a0a0a0a0a0a.edi",
	} {
		n := example()
		n.Type = in
		if got := n.Name(); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

func TestDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := New(config.Destination{Name: "crm", Directory: dir})
	defer d.Close()
	n := example()
	names := func() (list []string) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			list = append(list, e.Name())
		}
		return list
	}
	broken := errors.New("broken")
	if err := d.Deliver(t.Context(), n, io.MultiReader(strings.NewReader("UN"), iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	if got := names(); len(got) != 1 || got[0] != n.Name()+".json" {
		t.Errorf("a part was left: %v", got)
	}
	for range 2 {
		if err := d.Deliver(t.Context(), n, strings.NewReader("UNB'")); err != nil {
			t.Fatal(err)
		}
	}
	if got := names(); len(got) != 2 {
		t.Errorf("files %v", got)
	}
	if got, err := os.ReadFile(filepath.Join(dir, n.Name())); err != nil || string(got) != "UNB'" {
		t.Errorf("%q, %v", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.Deliver(ctx, n, strings.NewReader("UNB'")); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if err := New(config.Destination{Directory: filepath.Join(dir, "none")}).Deliver(t.Context(), n, strings.NewReader("")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

// TestPost: what is sent, and the same key each time.
func TestPost(t *testing.T) {
	t.Parallel()
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var got []*http.Request
	var body bytes.Buffer
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r)
		_, _ = io.Copy(&body, r.Body)
		w.WriteHeader(http.StatusNoContent)
	}))
	defer server.Close()
	d := New(config.Destination{Name: "crm", URL: server.URL + "/in?a=b", TokenFile: token})
	defer d.Close()
	for range 2 {
		if err := d.Deliver(t.Context(), example(), strings.NewReader("UNB'")); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range got {
		for name, want := range map[string]string{
			"Idempotency-Key": "17-0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a-crm", "Content-Type": "application/EDIFACT", "Authorization": "Bearer s3cret",
			"Marktbote-Interchange": "17", "Marktbote-Sender": "9999100000013", "Marktbote-Reference": "LB? '1", "Marktbote-Type": "UTILMD", "Marktbote-Test": "1",
			"Marktbote-Pruefidentifikatoren": "55001, 55002", "Marktbote-Transactions": "1.1, 2.0", "Marktbote-Received-At": "2026-12-01T12:00:00Z",
			"Link": `</v1/interchanges/17>; rel="describedby", </interchanges/17/raw>; rel="original"`,
		} {
			if v := r.Header.Get(name); v != want {
				t.Errorf("%s: %q, want %q", name, v, want)
			}
		}
		if r.Method != http.MethodPost || r.URL.RequestURI() != "/in?a=b" || r.ContentLength != 4 {
			t.Errorf("%s %s, %d bytes", r.Method, r.URL, r.ContentLength)
		}
	}
	if body.String() != "UNB'UNB'" {
		t.Errorf("body %q", body.String())
	}
	many := example()
	for i := range 1000 {
		many.Transactions = append(many.Transactions, Transaction{Message: 3, Transaction: i, Deliver: true})
	}
	if err := d.Deliver(t.Context(), many, strings.NewReader("UNB'")); err != nil || got[2].Header.Get("Marktbote-Transactions") != "" {
		t.Errorf("%v, %v", err, got[2].Header)
	}
	for _, content := range []string{"", "two words", "a\nb", strings.Repeat("x", maxToken+1)} {
		if err := os.WriteFile(token, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := d.Deliver(t.Context(), example(), strings.NewReader("UNB'")); err == nil || strings.Contains(err.Error(), "words") {
			t.Errorf("token %.10q: error %v", content, err)
		}
	}
	if len(got) != 3 {
		t.Errorf("%d requests", len(got))
	}
}

// TestPostFails: which answers are final, and what an error must not say.
func TestPostFails(t *testing.T) {
	t.Parallel()
	status, elsewhere := 0, 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/elsewhere" {
			elsewhere++
		}
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
		fmt.Fprint(w, "Erika Beispiel")
	}))
	d := New(config.Destination{URL: server.URL + "/?key=s3cret"})
	defer d.Close()
	for code, final := range map[int]bool{
		200: false, 202: false, 302: false, 307: false, 400: true, 401: false, 403: false, 404: false, 410: true, 408: false, 409: true, 422: true, 425: false, 429: false, 500: false, 503: false,
	} {
		status = code
		err := d.Deliver(t.Context(), example(), strings.NewReader("UNB'"))
		if code < 300 {
			if err != nil {
				t.Errorf("%d: %v", code, err)
			}
			continue
		}
		var temporary interface{ Temporary() bool }
		if !errors.As(err, &temporary) || temporary.Temporary() == final || !strings.Contains(err.Error(), fmt.Sprint(code)) || strings.Contains(err.Error(), "Erika") {
			t.Errorf("%d: %v", code, err)
		}
	}
	if elsewhere > 0 {
		t.Error("a redirect was followed")
	}
	server.Close()
	if err := d.Deliver(t.Context(), example(), strings.NewReader("UNB'")); err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("error %v", err)
	}
	broken := errors.New("broken")
	if err := d.Deliver(t.Context(), example(), iotest.ErrReader(broken)); err == nil {
		t.Error("no error")
	}
}
