package proxy

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/marktbote/marktbote/gateway/as4/smpki"
	"github.com/marktbote/marktbote/gateway/as4/testpki"
)

// The tests in this file run real nginx and openssl programs. MARKTBOTE_NGINX and MARKTBOTE_OPENSSL name others than those of
// the system; make tls-test installs them and does not let them be missing.

const (
	lf, lfHost = "9999100000013", "as4-9999100000013.example"
	nb, nbHost = "9999200000026", "as4-9999200000026.example"
)

// program returns the path of a program, or says loudly that TLS is not tested.
func program(t testing.TB, variable, name string) string {
	t.Helper()
	if other := os.Getenv(variable); other != "" {
		name = other
	}
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
		return path
	case os.Getenv("MARKTBOTE_TLS_TEST") != "":
		t.Fatalf("%s is missing: TLS is NOT tested", name)
	}
	t.Skipf("%s is missing: TLS is NOT tested (make tls-test installs it)", name)
	return ""
}

func nginxProgram(t testing.TB) string   { return program(t, "MARKTBOTE_NGINX", "nginx") }
func opensslProgram(t testing.TB) string { return program(t, "MARKTBOTE_OPENSSL", "openssl") }

// pki makes what tests need from a testpki.PKI, and fails the test instead of returning errors.
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

// identity issues a TLS certificate.
func (p pki) identity(mpID, host string) Identity {
	p.t.Helper()
	pair, err := p.Pair(smpki.TLS, mpID, host)
	if err != nil {
		p.t.Fatal(err)
	}
	return p.identityOf(pair, mpID, host)
}

// broken issues one with a flaw.
func (p pki) broken(flaw testpki.Flaw, mpID, host string) Identity {
	p.t.Helper()
	pair, err := p.Broken(flaw, smpki.TLS, mpID, host)
	if err != nil {
		p.t.Fatal(err)
	}
	return p.identityOf(pair, mpID, host)
}

func (p pki) identityOf(pair testpki.Pair, mpID, host string) Identity {
	p.t.Helper()
	id := Identity{MPID: mpID, ServerNames: []string{host}, Path: pair.Path}
	var err error
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

// client writes an identity to files, for openssl.
func (p pki) client(id Identity) (certificate, key string) {
	p.t.Helper()
	dir := p.t.TempDir()
	var chain bytes.Buffer
	for _, c := range slices.Backward(id.Path) {
		writePEM(&chain, c.Raw)
	}
	certificate, key = filepath.Join(dir, "client.crt"), filepath.Join(dir, "client.key")
	for path, data := range map[string][]byte{certificate: chain.Bytes(), key: id.KeyPEM} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			p.t.Fatal(err)
		}
	}
	return certificate, key
}

// side is nginx with a gateway behind it and an egress that finds every host on loopback.
type side struct {
	Config
	nginx, port string
	egress      *Egress
}

// settingsFor returns the configuration of a side that listens on a free port.
func settingsFor(t testing.TB, p pki, ids ...Identity) Config {
	t.Helper()
	build, err := ReadBuild(t.Context(), nginxProgram(t))
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "tls")
	return Config{
		Dir: dir, Listen: []string{freeAddress(t)},
		IngressSocket: filepath.Join(dir, "ingress.sock"), EgressSocket: filepath.Join(dir, "egress.sock"),
		Identities: ids, Roots: []*x509.Certificate{p.Root}, Build: build,
	}
}

func start(t testing.TB, c Config, h http.HandlerFunc) *side {
	t.Helper()
	s := &side{Config: c, nginx: nginxProgram(t)}
	_, s.port, _ = net.SplitHostPort(c.Listen[0])
	if changed, running, err := s.Apply(t.Context(), s.nginx); !changed || running || err != nil {
		t.Fatalf("changed %v, running %v, %v", changed, running, err)
	}
	l, err := Listen(s.IngressSocket)
	if err != nil {
		t.Fatal(err)
	}
	if h == nil {
		h = http.NotFound
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	t.Cleanup(func() {
		if err := errors.Join(server.Close(), <-served); !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	s.run(t)
	s.egress = NewEgress(s.EgressSocket)
	s.egress.Lookup = func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
	}
	return s
}

// run starts nginx and waits until it listens; it ends with the test.
func (s *side) run(t testing.TB) {
	t.Helper()
	cmd := Command(context.Background(), s.nginx, s.Dir)
	var out bytes.Buffer
	cmd.Stderr = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		if err := <-exited; err != nil {
			t.Errorf("nginx: %v", err)
		}
		if t.Failed() {
			t.Log(out.String())
			for _, name := range []string{"error.log", "ingress.log", "egress.log"} {
				data, _ := os.ReadFile(filepath.Join(s.Dir, name))
				t.Logf("%s:\n%s", name, data)
			}
		}
	})
	eventually(t, "nginx listens", func() bool {
		if len(exited) > 0 {
			t.Fatalf("nginx does not start: %s", out.String())
		}
		conn, err := net.Dial("tcp", s.Listen[0])
		if err == nil {
			_ = conn.Close()
		}
		_, unready := PID(s.Dir)
		return err == nil && unready == nil
	})
}

// eventually waits for what another process does.
func eventually(t testing.TB, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("in vain: %s", what)
		}
	}
}

func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// post sends a message from one side to a host on the port of the other.
func (s *side) post(t testing.TB, as, host, port string, body []byte) (status int, answer string, err error) {
	t.Helper()
	req, err := http.NewRequestWithContext(SendAs(t.Context(), as), http.MethodPost, "https://"+host+":"+port+"/as4/%2f?a=b", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := s.egress.RoundTrip(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

// receive answers as a receiver must: who the client is by nginx is judged by Trust.
func receive(p pki) http.HandlerFunc {
	trust := p.Trust()
	return func(w http.ResponseWriter, r *http.Request) {
		c, err := ConnectionOf(r)
		if err == nil {
			_, err = trust.Verify(c.Certificate, nil, smpki.TLS, time.Now())
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		mpID, err := smpki.MPID(c.Certificate)
		n, err2 := io.Copy(io.Discard, r.Body)
		if err = errors.Join(err, err2); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Marktbote-Failed", "1 -") // a partner cannot feign that nginx failed
		w.WriteHeader(http.StatusAccepted)
		fmt.Fprintf(w, "%s %s to %s at %s: %s of %d bytes (%d) from %s by %s", r.Method, mpID, c.Own, r.Host, r.RequestURI, n, r.ContentLength, c.Peer, c.TLS)
	}
}

// TestMessage: from Go through egress and ingress to Go, with both certificates on brainpool, and the receiver knows who sent.
func TestMessage(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]testpki.Option{"now": nil, "after the change of the root": {testpki.Large()}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPKI(t, opts...)
			receiver := start(t, settingsFor(t, p, p.identity(nb, nbHost)), receive(p))
			sender := start(t, settingsFor(t, p, p.identity(lf, lfHost), p.identity("9999300000039", "third.example")), nil)
			for _, body := range []int{0, 1000, 30 << 20} {
				status, answer, err := sender.post(t, lf, nbHost, receiver.port, make([]byte, body))
				protocol := "TLSv1.2 ECDHE-ECDSA-AES128-GCM-SHA256"
				if receiver.Build.OpenSSL.AtLeast(3, 2) {
					protocol = "TLSv1.3 TLS_AES_128_GCM_SHA256"
				}
				want := fmt.Sprintf("POST %s to %s at %s:%s: /as4/%%2f?a=b of %d bytes (%d) from 127.0.0.1 by %s", lf, nb, nbHost, receiver.port, body, body, protocol)
				if status != http.StatusAccepted || answer != want || err != nil {
					t.Errorf("%d %s, %v\nwant %s", status, answer, err, want)
				}
			}
			if _, answer, err := sender.post(t, "9999300000039", nbHost, receiver.port, nil); err != nil || !strings.HasPrefix(answer, "POST 9999300000039 to "+nb) {
				t.Errorf("from the other MP-ID: %s, %v", answer, err)
			}
		})
	}
}

// TestUnsent: what the sender must refuse, and what it hears about it.
func TestUnsent(t *testing.T) {
	t.Parallel()
	p := newPKI(t)
	receiver := start(t, settingsFor(t, p, p.identity(nb, nbHost)), receive(p))
	foreign := settingsFor(t, newPKI(t), newPKI(t).identity(nb, nbHost))
	stranger := start(t, foreign, nil)
	expired := start(t, settingsFor(t, p, p.broken(testpki.Expired, nb, nbHost)), nil)
	self := start(t, settingsFor(t, p, p.broken(testpki.SelfSigned, nb, nbHost)), nil)
	sender := start(t, settingsFor(t, p, p.identity(lf, lfHost)), nil)
	_, closed, _ := net.SplitHostPort(freeAddress(t))
	body := make([]byte, 3<<20)
	for _, x := range []struct{ what, as, host, port, reason string }{
		{"another name", lf, "other.example", receiver.port, `upstream SSL certificate does not match "other.example"`},
		{"an address", lf, "127.0.0.1", receiver.port, `upstream SSL certificate does not match "127.0.0.1"`},
		{"foreign root", lf, nbHost, stranger.port, "upstream SSL certificate verify error"},
		{"expired", lf, nbHost, expired.port, "upstream SSL certificate verify error: (10:certificate has expired)"},
		{"self-signed", lf, nbHost, self.port, "upstream SSL certificate verify error"},
		{"closed port", lf, nbHost, closed, "connect() failed (111: Connection refused)"},
		{"foreign MP-ID", nb, nbHost, receiver.port, "the proxy does not send for this MP-ID"},
	} {
		status, answer, err := sender.post(t, x.as, x.host, x.port, body)
		var unsent *Unsent
		if !errors.As(err, &unsent) || unsent.Began || !strings.Contains(unsent.Reason, x.reason) {
			t.Errorf("%s: %d %s, %v\nwant %s", x.what, status, answer, err, x.reason)
		}
	}
	// The partner broke off after it had the message: it may have kept it.
	cut := start(t, settingsFor(t, p, p.identity(nb, nbHost)), func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		panic(http.ErrAbortHandler)
	})
	if status, _, err := sender.post(t, lf, nbHost, cut.port, body); err != nil || status != http.StatusBadGateway {
		t.Errorf("broken off behind the partner's nginx: %d, %v", status, err)
	}
}

// TestRefused: what the receiver must refuse.
func TestRefused(t *testing.T) {
	t.Parallel()
	p := newPKI(t)
	c := settingsFor(t, p, p.identity(nb, nbHost), p.identity("9999300000039", "third.example"))
	c.MaxBodyBytes = 1 << 20
	receiver := start(t, c, receive(p))
	request := "POST /as4 HTTP/1.1\r\nHost: " + nbHost + "\r\nContent-Length: 0\r\nConnection: close\r\n" +
		"Marktbote-Client-Certificate: forged\r\nmarktbote-own: 1\r\nMarktbote-Peer: 1\r\nMarktbote-TLS: 1\r\n\r\n"
	probe := Probe{OpenSSL: opensslProgram(t), Address: c.Listen[0], Name: nbHost, Request: request}
	probe.Certificate, probe.Key = p.client(p.identity(lf, lfHost))
	if h, err := probe.Run(t.Context()); err != nil || !bytes.Contains(h.Response, []byte("POST "+lf+" to "+nb)) || bytes.Contains(h.Response, []byte("by 1")) {
		t.Fatalf("%s, %v", h.Response, err)
	}
	for _, x := range []struct {
		what, status string
		id           Identity
	}{
		{"no client certificate", "400", Identity{}},
		{"foreign root", "400", newPKI(t).identity(lf, lfHost)},
		{"expired", "400", p.broken(testpki.Expired, lf, lfHost)},
		{"NIST curve", "403", p.broken(testpki.NISTCurve, lf, lfHost)},
		{"revoked", "403", p.broken(testpki.Revoked, lf, lfHost)},
		{"not for TLS", "403", p.broken(testpki.OtherUsage, lf, lfHost)},
	} {
		q := probe
		if q.Certificate, q.Key = "", ""; x.id.Path != nil {
			q.Certificate, q.Key = p.client(x.id)
		}
		if h, err := q.Run(t.Context()); err != nil || !bytes.HasPrefix(h.Response, []byte("HTTP/1.1 "+x.status)) {
			t.Errorf("%s: %.80s, %v", x.what, h.Response, err)
		}
	}
	for _, x := range []struct {
		what  string
		alert string
		edit  func(*Probe)
	}{
		{"a suite that is not permitted", "handshake failure", func(p *Probe) { p.Ciphers = "ECDHE-ECDSA-CHACHA20-POLY1305" }},
		{"no brainpool among the groups", "handshake failure", func(p *Probe) { p.Groups = "prime256v1" }},
		{"a hash that is not permitted", "handshake failure", func(p *Probe) { p.Signatures = "ECDSA+SHA224"; p.Ciphers = ciphers + ":@SECLEVEL=0" }},
		{"TLS 1.1", "protocol version", func(p *Probe) { p.Protocol = "TLSv1.1" }},
		{"no own host name", "unrecognized name", func(p *Probe) { p.Name = "other.example" }},
	} {
		q := probe
		x.edit(&q)
		h, err := q.Run(t.Context())
		var not *NotShaken
		if !errors.As(err, &not) || !strings.Contains(not.Alert, x.alert) {
			t.Errorf("%s: %+v, %v", x.what, h, err)
		}
	}
	sender := start(t, settingsFor(t, p, p.identity(lf, lfHost)), nil)
	for _, size := range []int{1 << 20, 1<<20 + 1, 8 << 20} {
		want := http.StatusAccepted
		if size > 1<<20 {
			want = http.StatusRequestEntityTooLarge
		}
		if status, answer, err := sender.post(t, lf, nbHost, receiver.port, make([]byte, size)); status != want || err != nil {
			t.Errorf("%d bytes: %d %s, %v", size, status, answer, err)
		}
	}
}

// TestNegotiated: what the profile asks for is what openssl s_client sees.
//
// Spec: BSI TR-03116-3, Stand 2023 4.1 and 4.2
func TestNegotiated(t *testing.T) {
	t.Parallel()
	p := newPKI(t)
	id := p.identity(nb, nbHost)
	s := start(t, settingsFor(t, p, id), nil)
	probe := Probe{OpenSSL: opensslProgram(t), Address: s.Listen[0], Name: nbHost}
	probe.Certificate, probe.Key = p.client(p.identity(lf, lfHost))
	for _, x := range []struct {
		ciphers, groups, cipher, group string
		etm                            bool
	}{
		{"", "", "ECDHE-ECDSA-AES128-GCM-SHA256", "brainpoolP256r1", false},
		{"ECDHE-ECDSA-AES256-GCM-SHA384", "", "ECDHE-ECDSA-AES256-GCM-SHA384", "brainpoolP256r1", false},
		{"ECDHE-ECDSA-AES128-SHA256", "", "ECDHE-ECDSA-AES128-SHA256", "brainpoolP256r1", true},
		{"ECDHE-ECDSA-AES256-SHA384", "", "ECDHE-ECDSA-AES256-SHA384", "brainpoolP256r1", true},
		{"ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256", "", "ECDHE-ECDSA-AES128-GCM-SHA256", "brainpoolP256r1", false},
		{"", "brainpoolP256r1", "ECDHE-ECDSA-AES128-GCM-SHA256", "brainpoolP256r1", false},
		{"", "prime256v1:brainpoolP256r1", "ECDHE-ECDSA-AES128-GCM-SHA256", "brainpoolP256r1", false},
	} {
		q := probe
		q.Ciphers, q.Groups = x.ciphers, x.groups
		h, err := q.Run(t.Context())
		if err != nil {
			t.Errorf("%s %s: %v", x.ciphers, x.groups, err)
			continue
		}
		if h.Protocol != "TLSv1.2" || h.Cipher != x.cipher || h.Group != x.group || h.EncryptThenMAC != x.etm || !h.ExtendedMasterSecret || h.SignatureHash != "SHA256" {
			t.Errorf("%s %s: %+v", x.ciphers, x.groups, h)
		}
		if len(h.Path) != 2 || !h.Path[0].Equal(id.Path[1]) || !h.Path[1].Equal(id.Path[0]) {
			t.Errorf("path %v", h.Path)
		}
	}
	cmd := exec.Command(probe.OpenSSL, "s_client", "-connect", probe.Address, "-servername", nbHost, "-tls1_2", "-groups", groups, "-cert", probe.Certificate, "-key", probe.Key)
	cmd.Stdin = strings.NewReader("R\n")
	out, _ := cmd.CombinedOutput()
	if !bytes.Contains(out, []byte("no renegotiation")) {
		t.Errorf("renegotiation: %s", out)
	}
	if !s.Build.OpenSSL.AtLeast(3, 2) {
		t.Logf("nginx has OpenSSL %s, before 3.2: TLS 1.3 is off and NOT tested", s.Build.OpenSSL)
		return
	}
	probe.Protocol = "TLSv1.3"
	for group, want := range map[string]string{
		"": "brainpoolP256r1", "brainpoolP256r1tls13": "brainpoolP256r1", "brainpoolP384r1tls13": "brainpoolP384r1", "secp256r1": "prime256v1",
	} {
		q := probe
		q.Groups = group
		h, err := q.Run(t.Context())
		if err != nil || h.Protocol != "TLSv1.3" || h.Group != want || h.Cipher != "TLS_AES_128_GCM_SHA256" {
			t.Errorf("%s: %+v, %v", group, h, err)
		}
	}
}

// TestChange: a new certificate is in use without an interruption, and the old key goes.
func TestChange(t *testing.T) {
	t.Parallel()
	p := newPKI(t)
	s := start(t, settingsFor(t, p, p.identity(nb, nbHost)), receive(p))
	probe := Probe{OpenSSL: opensslProgram(t), Address: s.Listen[0], Name: nbHost}
	next := p.identity(nb, nbHost)
	c := s.Config
	c.Identities = []Identity{next}
	rounds := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		Keep(ctx, s.nginx, time.Millisecond, func(context.Context) (Config, error) {
			select {
			case rounds <- struct{}{}:
			case <-ctx.Done():
			}
			return c, nil
		}, func(changed, running bool, err error) {
			if !changed || !running || err != nil {
				t.Errorf("changed %v, running %v, %v", changed, running, err)
			}
		})
	}()
	<-rounds
	<-rounds
	cancel()
	<-done
	eventually(t, "the new certificate is in use", func() bool {
		h, err := probe.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return h.Path[0].Equal(next.Path[1])
	})
	keys, err := filepath.Glob(filepath.Join(s.Dir, "keys", "*.key"))
	if err != nil || len(keys) != 1 {
		t.Errorf("keys %v, %v", keys, err)
	}
	if changed, running, err := c.Apply(t.Context(), s.nginx); changed || !running || err != nil {
		t.Errorf("again: changed %v, running %v, %v", changed, running, err)
	}
	for _, x := range []struct {
		what string
		edit func(*Config)
		want string
	}{
		{"key of another certificate", func(c *Config) { c.Identities[0].KeyPEM = p.identity(nb, nbHost).KeyPEM }, "key values mismatch"},
		{"foreign address", func(c *Config) { c.Listen = []string{"192.0.2.1:443"} }, "bind() to 192.0.2.1:443 failed"},
	} {
		bad := c
		bad.Identities = slices.Clone(c.Identities)
		x.edit(&bad)
		if changed, _, err := bad.Apply(t.Context(), s.nginx); changed || err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: %v, %v", x.what, changed, err)
		}
	}
	if wrong, err := c.InSync(); len(wrong) > 0 || err != nil {
		t.Errorf("after a refusal: %v, %v", wrong, err)
	}
	if h, err := probe.Run(t.Context()); err != nil || !h.Path[0].Equal(next.Path[1]) {
		t.Errorf("after a refusal: %v", err)
	}
}

// TestCrash: an nginx that was killed leaves its socket; the next one starts all the same.
func TestCrash(t *testing.T) {
	t.Parallel()
	p := newPKI(t)
	c := settingsFor(t, p, p.identity(nb, nbHost))
	if err := os.Mkdir(c.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: c.EgressSocket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	_ = l.Close()
	if err := os.WriteFile(filepath.Join(c.Dir, "nginx.pid"), []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, c, nil)
}

// TestVerifier: what nginx lets pass although the rules do not.
func TestVerifier(t *testing.T) {
	t.Parallel()
	p := newPKI(t)
	sender := start(t, settingsFor(t, p, p.identity(lf, lfHost)), nil)
	trust := p.Trust()
	now := time.Now()
	v := &Verifier{Dir: sender.Dir, OpenSSL: opensslProgram(t), Now: func() time.Time { return now }, Check: func(_ context.Context, leaf *x509.Certificate, others []*x509.Certificate) error {
		_, err := trust.Verify(leaf, others, smpki.TLS, now)
		return err
	}}
	sender.egress.Verify = v.Verify
	good := p.identity(nb, nbHost)
	receiver := start(t, settingsFor(t, p, good), receive(p))
	for _, flaw := range []testpki.Flaw{testpki.Revoked, testpki.NISTCurve, testpki.WrongEnvironment} {
		bad := start(t, settingsFor(t, p, p.broken(flaw, nb, nbHost)), receive(p))
		_, answer, err := sender.post(t, lf, nbHost, bad.port, nil)
		var invalid *smpki.Invalid
		if !errors.As(err, &invalid) || invalid.Reason != flaw.Reason() {
			t.Errorf("%s: %s, %v", flaw, answer, err)
		}
	}
	if status, _, err := sender.post(t, lf, nbHost, receiver.port, nil); status != http.StatusAccepted || err != nil {
		t.Errorf("%d, %v", status, err)
	}
	p.Revoke(good.Path[1])
	if status, _, err := sender.post(t, lf, nbHost, receiver.port, nil); status != http.StatusAccepted || err != nil {
		t.Errorf("before it is looked at again: %d, %v", status, err)
	}
	now = now.Add(verifyEvery)
	if status, _, err := sender.post(t, lf, nbHost, receiver.port, nil); err == nil {
		t.Errorf("revoked: %d", status)
	}
}
