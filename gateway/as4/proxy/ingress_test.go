package proxy

import (
	"bytes"
	"encoding/pem"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/marktbote/marktbote/gateway/as4/smpki"
)

func escaped(der []byte) string {
	return url.PathEscape(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
}

// TestConnectionOf: the headers count only if they came over a Unix socket.
func TestConnectionOf(t *testing.T) {
	t.Parallel()
	pair, err := newPKI(t).Pair(smpki.TLS, lf, lfHost)
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(t.TempDir(), "s", "ingress.sock")
	l, err := Listen(socket)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(socket); err == nil {
		t.Error("a socket that is served was taken over")
	}
	var got Connection
	handler := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got, err = ConnectionOf(r) })
	unix := &httptest.Server{Listener: l, Config: &http.Server{Handler: handler}}
	unix.Start()
	defer unix.Close()
	tcp := httptest.NewServer(handler)
	defer tcp.Close()
	overUnix := &http.Client{Transport: NewEgress(socket).transport}
	full := http.Header{
		headerCertificate: {escaped(pair.Certificate.Raw)}, headerOwn: {nb}, headerPeer: {"192.0.2.1"}, headerTLS: {"TLSv1.2 X"},
	}
	get := func(c *http.Client, url string, h http.Header) {
		t.Helper()
		got, err = Connection{}, nil
		req, err2 := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err2 != nil {
			t.Fatal(err2)
		}
		req.Header = h
		resp, err2 := c.Do(req)
		if err2 != nil {
			t.Fatal(err2)
		}
		_ = resp.Body.Close()
	}
	get(overUnix, "http://x/", full)
	if err != nil || !got.Certificate.Equal(pair.Certificate) || got.Own != nb || got.Peer != "192.0.2.1" || got.TLS != "TLSv1.2 X" {
		t.Errorf("%+v, %v", got, err)
	}
	get(overUnix, "http://x/", http.Header{headerOwn: {nb}})
	if !errors.Is(err, ErrNoCertificate) {
		t.Errorf("without a certificate: %+v, %v", got, err)
	}
	get(overUnix, "http://x/", http.Header{headerCertificate: {full.Get(headerCertificate), full.Get(headerCertificate)}})
	if !errors.Is(err, ErrNoCertificate) {
		t.Errorf("two certificates: %+v, %v", got, err)
	}
	get(http.DefaultClient, tcp.URL, full)
	if !errors.Is(err, ErrNotProxied) || got.Certificate != nil {
		t.Errorf("over TCP: %+v, %v", got, err)
	}
	if _, err := ConnectionOf(httptest.NewRequest(http.MethodPost, "/", nil)); !errors.Is(err, ErrNotProxied) {
		t.Errorf("without a server: %v", err)
	}
}

func TestListen(t *testing.T) {
	t.Parallel()
	open := t.TempDir()
	if err := os.Chmod(open, 0o755); err != nil { //nolint:gosec // that is what is tested
		t.Fatal(err)
	}
	if _, err := Listen(filepath.Join(open, "ingress.sock")); err == nil || !strings.Contains(err.Error(), "chmod 700") {
		t.Errorf("in a directory for everybody: %v", err)
	}
	socket := filepath.Join(t.TempDir(), "s", "ingress.sock")
	l, err := Listen(socket)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(socket)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false) // as after a crash
	_ = l.Close()
	l, err = Listen(socket)
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
}

func FuzzUnescapeCertificate(f *testing.F) {
	pair, err := newPKI(f).Pair(smpki.TLS, lf, lfHost)
	if err != nil {
		f.Fatal(err)
	}
	good := escaped(pair.Certificate.Raw)
	f.Add(good)
	f.Add(good + good)
	f.Add("%")
	f.Add(url.PathEscape("-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n"))
	f.Add(strings.Repeat("%41", maxCertificate))
	f.Fuzz(func(t *testing.T, s string) {
		cert, err := unescapeCertificate(s)
		if (cert == nil) != (err != nil) {
			t.Fatalf("%v, %v", cert, err)
		}
		if err == nil {
			again, err := unescapeCertificate(escaped(cert.Raw))
			if err != nil || !bytes.Equal(again.Raw, cert.Raw) {
				t.Fatalf("not the same again: %v", err)
			}
		}
	})
}
