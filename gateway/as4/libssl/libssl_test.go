//go:build libssl && cgo

package libssl

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/marktbote/marktbote/gateway/as4/smpki"
	"github.com/marktbote/marktbote/gateway/as4/testpki"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	lf, lfHost = "9999100000013", "as4-9999100000013.example"
	nb, nbHost = "9999200000026", "as4-9999200000026.example"
)

type pki struct {
	t testing.TB
	*testpki.PKI
}

func newPKI(t testing.TB, opts ...testpki.Option) pki {
	t.Helper()
	p, err := testpki.New(opts...)
	if err != nil {
		t.Fatal(err)
	}
	return pki{t, p}
}

func (p pki) identity(mpID, host string, flaws ...testpki.Flaw) Identity {
	p.t.Helper()
	pair, err := p.Pair(smpki.TLS, mpID, host)
	for _, flaw := range flaws {
		pair, err = p.Broken(flaw, smpki.TLS, mpID, host)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	id := Identity{MPID: mpID, ServerNames: []string{host}, Path: pair.Path}
	if pair.Key != nil {
		id.KeyPEM, err = smpki.MarshalKey(pair.Key, nil)
	} else {
		var der []byte
		der, err = x509.MarshalPKCS8PrivateKey(pair.Foreign)
		id.KeyPEM = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	}
	if err != nil {
		p.t.Fatal(err)
	}
	return id
}

// tls returns a Context that trusts the PKI.
func (p pki) tls(ids ...Identity) *Context {
	p.t.Helper()
	trust := p.Trust()
	x, err := New(Config{Identities: ids, Verify: func(leaf *x509.Certificate, others []*x509.Certificate) error {
		_, err := trust.Verify(leaf, others, smpki.TLS, time.Now())
		return err
	}})
	if err != nil {
		p.t.Fatal(err)
	}
	return x
}

// pipe connects a client with a server over TCP.
func pipe(t testing.TB) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return client, server
}

// one is a listener of one connection.
type one struct {
	net.Listener
	c net.Conn
}

func (o one) Accept() (net.Conn, error) { return o.c, nil }

// shake makes a handshake between two sides and returns both ends and errors.
func shake(t testing.TB, client, server *Context, mpID, host string) (c, s *Conn, clientErr, serverErr error) {
	t.Helper()
	a, b := pipe(t)
	accepted, err := server.Listener(one{c: b}).Accept()
	if err != nil {
		t.Fatal(err)
	}
	s = accepted.(*Conn)
	done := make(chan error, 1)
	go func() { done <- s.HandshakeContext(t.Context()) }()
	c, clientErr = client.Client(t.Context(), a, mpID, host)
	if clientErr == nil { // in TLS 1.3 the server may still refuse
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	}
	serverErr = <-done
	if clientErr == nil && serverErr != nil {
		_, clientErr = c.Read(make([]byte, 1))
	}
	t.Cleanup(func() {
		if c != nil {
			_ = c.Close()
		}
		_ = s.Close()
	})
	return c, s, clientErr, serverErr
}

// TestHandshake: both sides show their certificates, and what is negotiated is what the profile wants.
func TestHandshake(t *testing.T) {
	for name, opts := range map[string][]testpki.Option{"now": nil, "after the change of the root": {testpki.Large()}} {
		t.Run(name, func(t *testing.T) {
			p := newPKI(t, opts...)
			lfID, nbID := p.identity(lf, lfHost), p.identity(nb, nbHost)
			c, s, err, err2 := shake(t, p.tls(lfID), p.tls(nbID, p.identity("9999300000039", "third.example")), lf, nbHost)
			if err != nil || err2 != nil {
				t.Fatal(err, err2)
			}
			for _, x := range []struct {
				state State
				own   string
				peer  Identity
			}{{c.State(), lf, nbID}, {s.State(), nb, lfID}} {
				good := x.state.Protocol == "TLSv1.2" && x.state.Cipher == "ECDHE-ECDSA-AES128-GCM-SHA256" ||
					x.state.Protocol == "TLSv1.3" && x.state.Cipher == "TLS_AES_128_GCM_SHA256"
				if !good || x.state.Group != "brainpoolP256r1" || !x.state.ExtendedMasterSecret || x.state.Own != x.own {
					t.Errorf("%+v", x.state)
				}
				if len(x.state.Peer) != 2 || !x.state.Peer[0].Equal(x.peer.Path[1]) || !x.state.Peer[1].Equal(x.peer.Path[0]) {
					t.Errorf("peer %v", x.state.Peer)
				}
			}
			t.Log(c.State().Protocol)
		})
	}
}

// TestRefused: each side refuses what it must, tells why, and lets the other know.
func TestRefused(t *testing.T) {
	p, foreign := newPKI(t), newPKI(t)
	good := func(mpID, host string) *Context { return p.tls(p.identity(mpID, host)) }
	for _, flaw := range []testpki.Flaw{testpki.Expired, testpki.Revoked, testpki.NISTCurve, testpki.SelfSigned, testpki.OtherUsage, testpki.WrongClass, testpki.ForgedSignature} {
		for _, side := range []string{"client", "server"} {
			client, server := good(lf, lfHost), good(nb, nbHost)
			if side == "client" {
				client = p.tls(p.identity(lf, lfHost, flaw))
			} else {
				server = p.tls(p.identity(nb, nbHost, flaw))
			}
			_, _, clientErr, serverErr := shake(t, client, server, lf, nbHost)
			err, told := serverErr, clientErr
			if side == "server" {
				err, told = clientErr, serverErr
			}
			var invalid *smpki.Invalid
			if !errors.As(err, &invalid) || told == nil || !strings.Contains(told.Error(), "alert") {
				t.Errorf("%s of the %s: %v; the other one heard: %v", flaw, side, err, told)
			}
		}
	}
	for _, x := range []struct {
		what           string
		client, server *Context
		mpID, host     string
		clientErr      string
		serverErr      string
	}{
		{"foreign client", p.tls(foreign.identity(lf, lfHost)), good(nb, nbHost), lf, nbHost, "alert", "unknown-issuer"},
		{"foreign server", good(lf, lfHost), foreign.tls(foreign.identity(nb, nbHost)), lf, nbHost, "unknown-issuer", "alert"},
		{"other host", good(lf, lfHost), good(nb, nbHost), lf, "other.example", "x509: certificate is valid for " + nbHost + ", not other.example", "alert"},
		{"unknown name", good(lf, lfHost), p.tls(p.identity(nb, nbHost), p.identity("9999300000039", "third.example")), lf, "other.example", "unrecognized name", "none of the own names"},
		{"no own identity", good(lf, lfHost), good(nb, nbHost), nb, nbHost, "there is no identity of " + nb, ""},
	} {
		_, _, clientErr, serverErr := shake(t, x.client, x.server, x.mpID, x.host)
		if !has(clientErr, x.clientErr) || !has(serverErr, x.serverErr) {
			t.Errorf("%s:\nclient %v\nserver %v", x.what, clientErr, serverErr)
		}
	}
	if _, err := New(Config{Identities: []Identity{{MPID: lf, Path: p.identity(lf, lfHost).Path, KeyPEM: p.identity(lf, lfHost).KeyPEM}}, Verify: func(*x509.Certificate, []*x509.Certificate) error { return nil }}); !has(err, "key values mismatch") {
		t.Errorf("foreign key: %v", err)
	}
	if _, err := New(Config{}); !has(err, "no Verify") {
		t.Errorf("without Verify: %v", err)
	}
}

func has(err error, text string) bool {
	if invalid, ok := errors.AsType[*smpki.Invalid](err); ok && string(invalid.Reason) == text {
		return true
	}
	return err != nil && strings.Contains(err.Error(), text)
}

// serve starts an http.Server that answers with who the client is and the digest of the body.
func serve(t testing.TB, x *Context) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{ReadHeaderTimeout: time.Minute, ConnContext: ConnContext, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cert, err := ClientCertificate(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		mpID, _ := smpki.MPID(cert)
		h := sha256.New()
		if _, err := io.Copy(h, r.Body); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		fmt.Fprintf(w, "%s %x", mpID, h.Sum(nil))
	})}
	done := make(chan error, 1)
	go func() { done <- s.Serve(x.Listener(l)) }()
	t.Cleanup(func() {
		if err := errors.Join(s.Close(), <-done); !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

// TestHTTP: twenty messages of three megabytes at the same time, each with the identity of its MP-ID.
func TestHTTP(t *testing.T) {
	p := newPKI(t)
	address := serve(t, p.tls(p.identity(nb, "localhost"), p.identity("9999300000039", "third.example")))
	third := "9999300000039"
	client := p.tls(p.identity(lf, lfHost), p.identity(third, "third.example"))
	type key struct{}
	transport := client.Transport(func(ctx context.Context) string { s, _ := ctx.Value(key{}).(string); return s }, nil)
	body := bytes.Repeat([]byte("0123456789abcdef"), 3<<20/16)
	want := fmt.Sprintf("%x", sha256.Sum256(body))
	_, port, _ := net.SplitHostPort(address)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			mpID := lf
			if i%2 == 1 {
				mpID = third
			}
			req, err := http.NewRequestWithContext(context.WithValue(t.Context(), key{}, mpID), http.MethodPost, "https://localhost:"+port+"/as4", bytes.NewReader(body))
			if err != nil {
				t.Error(err)
				return
			}
			resp, err := transport.RoundTrip(req)
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			text, err := io.ReadAll(resp.Body)
			if string(text) != mpID+" "+want || err != nil {
				t.Errorf("%s, %v", text, err)
			}
		})
	}
	wg.Wait()
}

// TestBothWays: reading and writing at the same time.
func TestBothWays(t *testing.T) {
	p := newPKI(t)
	c, s, err, err2 := shake(t, p.tls(p.identity(lf, lfHost)), p.tls(p.identity(nb, nbHost)), lf, nbHost)
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	data := bytes.Repeat([]byte{1, 2, 3, 4, 5, 6, 7}, 1<<20)
	var wg sync.WaitGroup
	for _, conn := range []*Conn{c, s} {
		wg.Go(func() {
			if n, err := conn.Write(data); n != len(data) || err != nil {
				t.Errorf("%d, %v", n, err)
			}
		})
		wg.Go(func() {
			got := make([]byte, len(data))
			if _, err := io.ReadFull(conn, got); err != nil || !bytes.Equal(got, data) {
				t.Errorf("%v", err)
			}
		})
	}
	wg.Wait()
	go func() { _ = c.Close() }()
	if n, err := s.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("after goodbye: %d, %v", n, err)
	}
}

// TestEnds: deadlines and Close wake up who waits, a connection that is cut is no orderly end, and nothing works afterwards.
func TestEnds(t *testing.T) {
	p := newPKI(t)
	client, server := p.tls(p.identity(lf, lfHost)), p.tls(p.identity(nb, nbHost))
	c, s, err, err2 := shake(t, client, server, lf, nbHost)
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("deadline: %v", err)
	}
	_ = c.SetReadDeadline(time.Time{})
	waiting := make(chan error, 1)
	go func() { _, err := c.Read(make([]byte, 1)); waiting <- err }()
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := <-waiting; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Read while it was closed: %v", err)
	}
	for what, err := range map[string]error{"Close": c.Close(), "Write": second(c.Write([]byte("x"))), "Read": second(c.Read(make([]byte, 1)))} {
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s after Close: %v", what, err)
		}
	}
	_ = s.Close()

	c, s, err, err2 = shake(t, client, server, lf, nbHost)
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	_ = c.raw.Close()
	if _, err := s.Read(make([]byte, 1)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cut: %v", err)
	}

	a, b := pipe(t)
	defer b.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := client.Client(ctx, a, lf, nbHost); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a server that says nothing: %v", err)
	}
	a, b = pipe(t)
	conn, err := server.Listener(one{c: b}).Accept()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Write([]byte("GET / HTTP/1.1\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); !has(err, "http request") {
		t.Errorf("no TLS: %v", err)
	}
	_, _ = a.Close(), conn.Close()
}

func second(_ int, err error) error { return err }

// TestUse: new identities are for new connections, and what is gone is freed only when nobody uses it.
func TestUse(t *testing.T) {
	p := newPKI(t)
	first, next := p.identity(nb, nbHost), p.identity(nb, nbHost)
	client, server := p.tls(p.identity(lf, lfHost)), p.tls(first)
	c, s, err, err2 := shake(t, client, server, lf, nbHost)
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	if err := server.Use([]Identity{next}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		runtime.GC()
	}
	d, _, err, err2 := shake(t, client, server, lf, nbHost)
	if err != nil || err2 != nil || !d.State().Peer[0].Equal(next.Path[1]) {
		t.Errorf("%v, %v", err, err2)
	}
	go func() { _, _ = s.Write([]byte("x")) }()
	if _, err := c.Read(make([]byte, 1)); err != nil {
		t.Errorf("the connection of before: %v", err)
	}
	if err := server.Use([]Identity{first, next}); err == nil {
		t.Error("one MP-ID twice")
	}
}

// TestOpenSSL: openssl s_client sees what the profile asks for, and is refused what it forbids.
func TestOpenSSL(t *testing.T) {
	program, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("no openssl program: what is negotiated is NOT looked at from outside")
	}
	p := newPKI(t)
	address := serve(t, p.tls(p.identity(nb, nbHost)))
	id := p.identity(lf, lfHost)
	var chain bytes.Buffer
	for _, cert := range slices.Backward(id.Path) {
		_ = pem.Encode(&chain, &pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
	}
	dir := t.TempDir()
	for name, data := range map[string][]byte{"crt": chain.Bytes(), "key": id.KeyPEM} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	client := func(args ...string) string {
		args = append([]string{"s_client", "-connect", address, "-servername", nbHost, "-tlsextdebug", "-cert", filepath.Join(dir, "crt"), "-cert_chain", filepath.Join(dir, "crt"), "-key", filepath.Join(dir, "key")}, args...)
		out, _ := exec.Command(program, args...).CombinedOutput()
		return string(out)
	}
	for _, x := range []struct {
		args []string
		want []string
	}{
		{[]string{"-tls1_2", "-groups", "brainpoolP256r1"}, []string{"Cipher is ECDHE-ECDSA-AES128-GCM-SHA256", "Temp Key: ECDH, brainpoolP256r1", "Extended master secret: yes"}},
		{[]string{"-tls1_2", "-groups", "brainpoolP256r1", "-cipher", "ECDHE-ECDSA-AES256-SHA384"}, []string{"Cipher is ECDHE-ECDSA-AES256-SHA384", `extension "encrypt-then-mac"`}},
		{[]string{"-tls1_2", "-groups", "brainpoolP256r1", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"}, []string{"alert handshake failure"}},
		{[]string{"-tls1_2", "-groups", "X25519"}, []string{"alert handshake failure"}},
		{[]string{"-tls1_1", "-groups", "brainpoolP256r1", "-cipher", "ALL:@SECLEVEL=0"}, []string{"alert protocol version"}},
	} {
		out := client(x.args...)
		for _, want := range x.want {
			if !strings.Contains(out, want) {
				t.Errorf("%v: no %s in\n%s", x.args, want, out)
			}
		}
	}
}
