package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// feigned is an egress whose other end is a handler of the test instead of nginx.
func feigned(t *testing.T, h http.HandlerFunc) *Egress {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "e", "egress.sock")
	l, err := Listen(socket)
	if err != nil {
		t.Fatal(err)
	}
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: h}}
	s.Start()
	t.Cleanup(s.Close)
	e := NewEgress(socket)
	e.Lookup = func(_ context.Context, host string) ([]netip.Addr, error) {
		if host == "none.example" {
			return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
		}
		return []netip.Addr{netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("::ffff:192.0.2.1"), netip.MustParseAddr("192.0.2.2")}, nil
	}
	return e
}

// TestAddresses: IPv4 first; the next address only if nothing can have arrived at the one before, each time with the whole body.
func TestAddresses(t *testing.T) {
	t.Parallel()
	const body = "message"
	for _, x := range []struct {
		what   string
		failed []string // Marktbote-Failed of the attempts; "" is an answer of the partner
		tried  []string
		began  bool
	}{
		{"the first answers", []string{""}, []string{"192.0.2.1:8443"}, false},
		{"the last answers", []string{"7 -", "8 -", ""}, []string{"192.0.2.1:8443", "192.0.2.2:8443", "[2001:db8::1]:8443"}, false},
		{"none answers", []string{"7 -", "8 -", "9 -"}, []string{"192.0.2.1:8443", "192.0.2.2:8443", "[2001:db8::1]:8443"}, false},
		{"the second may have it", []string{"7 -", "8 0.010"}, []string{"192.0.2.1:8443", "192.0.2.2:8443"}, true},
	} {
		t.Run(x.what, func(t *testing.T) {
			t.Parallel()
			var tried []string
			e := feigned(t, func(w http.ResponseWriter, r *http.Request) {
				failed := x.failed[min(len(tried), len(x.failed)-1)]
				tried = append(tried, r.Header.Get("Marktbote-Address"))
				got, err := io.ReadAll(r.Body)
				if r.Host != lf || r.Header.Get("Marktbote-Name") != nbHost || r.Header.Get("Marktbote-Host") != nbHost+":8443" || string(got) != body || err != nil {
					t.Errorf("%s %v %s %v", r.Host, r.Header, got, err)
				}
				if failed != "" {
					w.Header().Set("Marktbote-Failed", failed)
					w.WriteHeader(http.StatusBadGateway)
					return
				}
				w.WriteHeader(http.StatusBadGateway) // the partner's own
			})
			log := "2026/11/24 20:00:00 [error] 1#1: *77 other\n" +
				"2026/11/24 20:00:00 [error] 1#1: *7 connect() failed (111: Connection refused) while connecting to upstream, client: unix:, server: 1\n" +
				"2026/11/24 20:00:00 [error] 1#1: *8 upstream prematurely closed connection while reading response header from upstream, client: unix:\n"
			if err := os.WriteFile(e.log, []byte(log), 0o600); err != nil {
				t.Fatal(err)
			}
			req, err := http.NewRequestWithContext(SendAs(t.Context(), lf), http.MethodPost, "https://AS4-"+nb+".example:8443/a", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			req.Host, req.URL.Host = "", nbHost+":8443"
			resp, err := e.RoundTrip(req)
			if diff := cmp.Diff(x.tried, tried); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if x.failed[len(x.failed)-1] == "" {
				if err != nil || resp.StatusCode != http.StatusBadGateway {
					t.Fatalf("%v, %v", resp, err)
				}
				_ = resp.Body.Close()
				return
			}
			var unsent *Unsent
			if !errors.As(err, &unsent) || unsent.Began != x.began || !unsent.Temporary() {
				t.Fatalf("%v", err)
			}
			if want := "upstream prematurely closed connection"; x.began && unsent.Reason != want {
				t.Errorf("reason %q, want %q", unsent.Reason, want)
			}
		})
	}
}

// TestUnusable: requests that are not sent at all, and an nginx that is not there.
func TestUnusable(t *testing.T) {
	t.Parallel()
	e := feigned(t, func(http.ResponseWriter, *http.Request) { t.Error("sent") })
	for _, x := range []struct{ as, url, want string }{
		{"", "https://" + nbHost, "does not say which own MP-ID"},
		{lf + " x", "https://" + nbHost, "does not say which own MP-ID"},
		{lf, "http://" + nbHost, "is no https URL"},
		{lf, "https://user:secret@" + nbHost, "is no https URL"},
		{lf, "https://" + nbHost + ":0", "no valid port"},
		{lf, "https://none.example", "no such host"},
	} {
		body := &closing{Reader: strings.NewReader("x")}
		req, err := http.NewRequestWithContext(SendAs(t.Context(), x.as), http.MethodPost, x.url, body)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := e.RoundTrip(req)
		if err == nil {
			_ = resp.Body.Close()
			t.Fatalf("%s: sent", x.url)
		}
		if !strings.Contains(err.Error(), x.want) || strings.Contains(err.Error(), "secret") || !body.closed {
			t.Errorf("%s: %v, body closed: %v", x.url, err, body.closed)
		}
	}
	nowhere := NewEgress(filepath.Join(t.TempDir(), "egress.sock"))
	req, err := http.NewRequestWithContext(SendAs(t.Context(), lf), http.MethodPost, "https://127.0.0.1", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := nowhere.RoundTrip(req)
	if err == nil {
		_ = resp.Body.Close()
	}
	var unsent *Unsent
	if !errors.As(err, &unsent) || unsent.Began || !strings.Contains(err.Error(), "nginx cannot be reached") {
		t.Errorf("without nginx: %v", err)
	}
}

// TestBrokenOff: nginx that dies in the middle leaves open what the partner has.
func TestBrokenOff(t *testing.T) {
	t.Parallel()
	e := feigned(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	req, err := http.NewRequestWithContext(SendAs(t.Context(), lf), http.MethodPost, "https://"+nbHost, strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := e.RoundTrip(req)
	if err == nil {
		_ = resp.Body.Close()
	}
	var unsent *Unsent
	if !errors.As(err, &unsent) || !unsent.Began {
		t.Errorf("%v", err)
	}
}

type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error { c.closed = true; return nil }

// TestReason: only the end of a long log is read, and only what belongs to the connection.
func TestReason(t *testing.T) {
	t.Parallel()
	e := &Egress{log: filepath.Join(t.TempDir(), "egress.log")}
	if got := e.reason("1"); !strings.Contains(got, "egress.log") {
		t.Errorf("without a log: %q", got)
	}
	var log strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&log, "2026/11/24 20:00:00 [error] 1#1: *%d reason %[1]d while connecting to upstream, client: unix:\n", i)
	}
	if err := os.WriteFile(e.log, []byte(log.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := e.reason("4990"); got != "reason 4990" {
		t.Errorf("%q", got)
	}
	for connection, want := range map[string]string{"1": "egress.log", "-": "does not send for this MP-ID", "": "does not send for this MP-ID", "4990 x": "does not send"} {
		if got := e.reason(connection); !strings.Contains(got, want) {
			t.Errorf("%q: %q, want %q", connection, got, want)
		}
	}
}
