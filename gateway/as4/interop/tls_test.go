package interop

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/marktbote/marktbote/gateway/as4"
	"github.com/marktbote/marktbote/gateway/as4/ebms"
	"github.com/marktbote/marktbote/gateway/as4/proxy"
	"github.com/marktbote/marktbote/gateway/as4/smpki"
)

// TestTLS exchanges messages over TLS, with nginx on our side and the JSSE of Bouncy Castle on that of phase4, both with
// certificates on brainpoolP256r1, each demanding one of the other.
//
// Spec: BSI TR-03116-3, Stand 2023 4
func TestTLS(t *testing.T) {
	p := runPhase4(t)
	front := startNginx(t, p.parties)
	n := openNode(t, p.dir, us, func(o *as4.Options) {
		o.ClientCertificate, o.Transport = proxy.ClientCertificate, front
	})
	l, err := proxy.Listen(front.IngressSocket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: n.Node, ReadHeaderTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	t.Cleanup(func() {
		if err := errors.Join(server.Close(), <-served); !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	n.introduce(t, them, p.tls+"/as4/"+them, p.triple[them].Encryption.Certificate)

	const row, rowOther = "over TLS, nginx and Bouncy Castle", "TLS certificate of another partner"
	withPhase4.cell(t, row, toPhase4, func(t *testing.T) string {
		p.received(t)
		_, err := n.Send(t.Context(), as4.Message{Key: "1", From: us, To: them, Created: time.Now(), Body: bytes.NewReader(edifact(1))})
		if err != nil {
			t.Fatal(err)
		}
		list := p.received(t)
		if len(list) != 1 || !strings.Contains(list[0].TLS, "OU="+us) {
			t.Fatalf("phase4 has received %+v", list)
		}
		p.compare(t, draft{file: edifact(1)}, list[0])
		return "receipt"
	})
	withPhase4.cell(t, row, fromPhase4, func(t *testing.T) string {
		x := p.send(t, front.url, edifact(2))
		if files := n.take(); len(files) != 1 || !bytes.Equal(files[them+"|"+x.RefTo], edifact(2)) {
			t.Errorf("%d files were handed on", len(files))
		}
		return x.outcome(t)
	})
	withPhase4.none(rowOther, toPhase4, "our nginx has no other")
	withPhase4.cell(t, rowOther, fromPhase4, func(t *testing.T) string {
		code := p.send(t, front.url, edifact(3), "tls="+us).outcome(t)
		if code != string(ebms.FailedAuthentication) || len(n.take()) > 0 {
			t.Error(code)
		}
		return code
	})
}

// nginx is a running nginx with our configuration, and the transport through it.
type nginx struct {
	proxy.Config
	egress *proxy.Egress
	url    string // of the ingress
}

// RoundTrip implements http.RoundTripper for an as4.Node.
func (f *nginx) RoundTrip(r *http.Request) (*http.Response, error) {
	return f.egress.RoundTrip(r.WithContext(proxy.SendAs(r.Context(), as4.OwnMPID(r.Context()))))
}

func startNginx(t *testing.T, p *parties) *nginx {
	t.Helper()
	program, err := exec.LookPath("nginx")
	if err != nil {
		t.Fatalf("%v: run \"make interop\"", err)
	}
	build, err := proxy.ReadBuild(t.Context(), program)
	if err != nil {
		t.Fatal(err)
	}
	version("TLS", "nginx "+build.Nginx.String()+"\nopenssl "+build.OpenSSL.String())
	key, err := smpki.MarshalKey(p.triple[us].TLS.Key, nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "tls")
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	_ = free.Close()
	_, port, _ := net.SplitHostPort(address)
	f := &nginx{Config: proxy.Config{
		Dir: dir, Listen: []string{address},
		IngressSocket: filepath.Join(dir, "ingress.sock"), EgressSocket: filepath.Join(dir, "egress.sock"),
		Identities: []proxy.Identity{{MPID: us, ServerNames: []string{host}, Path: p.triple[us].TLS.Path, KeyPEM: key}},
		Roots:      []*x509.Certificate{p.pki.Root}, Build: build,
	}, url: "https://" + net.JoinHostPort(host, port) + "/as4"}
	if _, _, err := f.Apply(t.Context(), program); err != nil {
		t.Fatal(err)
	}
	cmd := proxy.Command(context.Background(), program, dir)
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
			for _, name := range []string{"error.log", "ingress.log", "egress.log"} {
				data, _ := os.ReadFile(filepath.Join(dir, name))
				t.Logf("%s:\n%s", name, data)
			}
		}
	})
	// There is no other sign of another process being ready than that it answers.
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
			break
		}
		if len(exited) > 0 || time.Now().After(deadline) {
			t.Fatalf("nginx does not listen: %v\n%s", err, out.String())
		}
	}
	f.egress = proxy.NewEgress(f.EgressSocket)
	return f
}
