package main

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/marktbote/marktbote/fixtures"
	"github.com/marktbote/marktbote/gateway/as4"
	"github.com/marktbote/marktbote/gateway/as4/doctor"
	"github.com/marktbote/marktbote/gateway/as4/proxy"
	"github.com/marktbote/marktbote/gateway/as4/smpki"
	"github.com/marktbote/marktbote/gateway/as4/testpki"
	"github.com/marktbote/marktbote/gateway/config"
	"github.com/marktbote/marktbote/gateway/partner"
)

// participant is a company with a gateway behind nginx on this machine. Its host name is localhost, so that nobody has to feign a
// resolver.
type participant struct {
	t        *testing.T
	mpID     string
	cfg      config.Config
	file     string // configuration
	endpoint string
	triple   testpki.Triple
}

// join gives a participant of a PKI its configuration and keys.
func join(t *testing.T, pki *testpki.PKI, mpID string) *participant {
	t.Helper()
	for _, name := range []string{"nginx", "openssl"} {
		if _, err := exec.LookPath(name); err != nil {
			if os.Getenv("MARKTBOTE_TLS_TEST") != "" {
				t.Fatalf("%s is missing: TLS is NOT tested", name)
			}
			t.Skipf("%s is missing: TLS is NOT tested (make tls-test installs it)", name)
		}
	}
	// The path of a socket must be short.
	dir, err := os.MkdirTemp("", "mb")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	address := freePort(t)
	_, port, _ := net.SplitHostPort(address)
	p := &participant{t: t, mpID: mpID, file: filepath.Join(dir, "marktbote.yml"), endpoint: "https://localhost:" + port + "/as4"}
	if p.triple, err = pki.Triple(mpID, "localhost:"+port); err != nil {
		t.Fatal(err)
	}
	if err := pki.WriteDir(filepath.Join(dir, "pki"), p.triple); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf(`data_dir: data
listen: %s
own: [{mp_id: "%s", rolle: LF}]
as4:
  trust: {environment: SM-Test-PKI-DE, roots: [pki/root.pem], cas: [pki/subca.pem, pki/crlsigner.pem], crls: [{file: pki/root.crl.pem}, {file: pki/subca.crl.pem}]}
  tls: {listen: ["%s"], nginx: "%s", openssl: "%s"}
`, freePort(t), mpID, address, os.Getenv("MARKTBOTE_NGINX"), os.Getenv("MARKTBOTE_OPENSSL"))
	if err := os.WriteFile(p.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if p.cfg, err = config.Load(p.file); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(p.cfg.DataDir, 0o700); err != nil {
		t.Fatal(err)
	}
	p.directory(func(d *partner.Directory) {
		in := partner.KeyImport{Who: "test"}
		for _, pair := range []testpki.Pair{p.triple.Signature, p.triple.Encryption, p.triple.TLS} {
			key, err := smpki.MarshalKey(pair.Key, nil)
			if err != nil {
				t.Fatal(err)
			}
			in.Files = append(in.Files, partner.File{Name: "key", Data: key}, partner.File{Name: "certificate", Data: pemOf(pair)})
		}
		if err := d.Revocation().Refresh(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Keys().Import(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	})
	return p
}

func pemOf(pair testpki.Pair) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate.Raw})
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// directory calls fn with the directory of the participant's store.
func (p *participant) directory(fn func(d *partner.Directory)) {
	p.t.Helper()
	st, err := openStore(p.t.Context(), p.cfg)
	if err != nil {
		p.t.Fatal(err)
	}
	defer st.Close()
	d, err := openDirectory(p.t.Context(), p.cfg, st, zap.NewNop(), nil)
	if err != nil {
		p.t.Fatal(err)
	}
	fn(d)
}

// knows puts another participant into the directory.
func (p *participant) knows(other *participant) {
	p.t.Helper()
	p.directory(func(d *partner.Directory) {
		entry := partner.New(other.mpID)
		entry.Endpoint = other.endpoint
		if err := d.Put(p.t.Context(), entry, "test", "test"); err != nil {
			p.t.Fatal(err)
		}
		out, err := d.Import(p.t.Context(), pemOf(other.triple.Encryption), "test")
		if err != nil || out[0].Problem != nil {
			p.t.Fatal(out, err)
		}
	})
}

// nginx lets marktbote write the configuration and starts nginx with it.
func (p *participant) nginx() {
	p.t.Helper()
	code, out := p.command("tls", "nginx")
	if code != exitOK || !strings.Contains(out, p.mpID+": localhost, certificate valid until") || !strings.Contains(out, "nginx.conf: written") {
		p.t.Fatalf("tls nginx: %d %s", code, out)
	}
	settings := p.cfg.AS4.TLS.WithDefaults(p.cfg.DataDir)
	cmd := proxy.Command(context.Background(), settings.Nginx, settings.Dir)
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	p.t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		if err := <-exited; err != nil {
			p.t.Errorf("nginx: %v %s", err, log.String())
		}
	})
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		conn, err := net.Dial("tcp", settings.Listen[0])
		if err == nil {
			_ = conn.Close()
		}
		if _, unready := proxy.PID(settings.Dir); err == nil && unready == nil {
			return
		}
		if len(exited) > 0 || time.Now().After(deadline) {
			p.t.Fatalf("nginx does not start: %v %s", err, log.String())
		}
	}
}

// command runs a command with the configuration of the participant.
func (p *participant) command(args ...string) (code int, out string) {
	var b bytes.Buffer
	code = run(env{p.t.Context(), strings.NewReader(""), &b, &b}, append(args, "--config", p.file))
	return code, b.String()
}

// TestDoctorCommand: a gateway that was set up by the documentation has no fault, also by a message that it sends to itself
// through nginx; one that is not there has.
func TestDoctorCommand(t *testing.T) {
	t.Parallel()
	pki, err := testpki.New()
	if err != nil {
		t.Fatal(err)
	}
	p := join(t, pki, "9999100000013")
	p.nginx()
	serving := start(t, "serve", "--config", p.file)
	serving.await("Message log: ")
	code, out := p.command("doctor")
	if code != exitOK || !strings.Contains(out, "a message of the test service was sent, received and receipted") || !strings.Contains(out, " 0 faults") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	serving.cancel()
	if code := <-serving.code; code != exitOK {
		t.Errorf("serve: %d %s", code, serving.out.String())
	}
	code, out = p.command("doctor", "--format", "json")
	var report struct {
		State   doctor.State
		Results []doctor.Result
	}
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if code != exitRejected || report.State != doctor.Fault || !slices.ContainsFunc(report.Results, func(r doctor.Result) bool {
		return r.Check == doctor.CheckGateway && r.State == doctor.Fault && strings.Contains(r.Remedy, "marktbote serve --config "+p.file)
	}) {
		t.Errorf("without serve: exit code %d:\n%s", code, out)
	}
}

// TestDoctorWithout: what is missing altogether is a fault with a remedy, not an error.
func TestDoctorWithout(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, x := range []struct{ file, want string }{
		{filepath.Join(dir, "none.yml"), "fault    configuration"},
		{write("bad.yml", "as4: {tls: {lisen: x}}\n"), "field lisen not found"},
		{write("nostore.yml", "data_dir: nowhere\n"), "fault    store"},
	} {
		var b bytes.Buffer
		code := run(env{t.Context(), strings.NewReader(""), &b, &b}, []string{"doctor", "--config", x.file})
		if code != exitRejected || !strings.Contains(b.String(), x.want) || !strings.Contains(b.String(), "help: ") {
			t.Errorf("%s: exit code %d:\n%s", x.file, code, b.String())
		}
	}
}

// TestMessageThroughNginx: a UTILMD goes from one gateway through both nginx to the other, which keeps it, and the receipt comes
// back.
func TestMessageThroughNginx(t *testing.T) {
	t.Parallel()
	pki, err := testpki.New()
	if err != nil {
		t.Fatal(err)
	}
	lf, nb := join(t, pki, "9999100000013"), join(t, pki, "9999200000020")
	lf.knows(nb)
	lf.nginx()
	nb.nginx()
	serving := start(t, "serve", "--config", nb.file)
	serving.await("Message log: ")

	st, err := openStore(t.Context(), lf.cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	channel, err := openAS4(t.Context(), lf.cfg, st, zap.NewNop(), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	file, err := fixtures.Read("valid/utilmd-55001.edi")
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now().Truncate(time.Second)
	arrived, err := channel.node.Send(t.Context(), as4.Message{
		Key: "1", From: lf.mpID, To: nb.mpID, DocumentType: "UTILMD", DocumentNo: "1", Created: begin, Body: bytes.NewReader(file),
	})
	if err != nil || arrived.Before(begin) {
		t.Errorf("%v, %v", arrived, err)
	}
	code, out := lf.command("doctor", "--partners")
	if !strings.Contains(out, "9999200000020: "+nb.endpoint+": TLSv1.") {
		t.Errorf("doctor: %d %s", code, out)
	}
}
