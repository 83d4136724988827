package doctor

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/marktbote/marktbote/gateway/as4/proxy"
	"github.com/marktbote/marktbote/gateway/as4/smpki"
	"github.com/marktbote/marktbote/gateway/as4/testpki"
	"github.com/marktbote/marktbote/gateway/config"
	"github.com/marktbote/marktbote/gateway/partner"
	"github.com/marktbote/marktbote/store/sqlite"
)

const (
	lf, lfHost = "9999100000013", "as4-9999100000013.example"
	nb, nbHost = "9999200000026", "as4-9999200000026.example"
)

// program returns the path of a program, or says loudly that nothing is tested.
func program(t *testing.T, variable, name string) string {
	t.Helper()
	if other := os.Getenv(variable); other != "" {
		name = other
	}
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
		return path
	case os.Getenv("MARKTBOTE_TLS_TEST") != "":
		t.Fatalf("%s is missing: doctor is NOT tested", name)
	}
	t.Skipf("%s is missing: doctor is NOT tested (make tls-test installs it)", name)
	return ""
}

// patient is a gateway on this machine: a store with keys and revocation lists, and what nginx needs. A test spoils it before or
// after nginx has started.
type patient struct {
	*Doctor
	t   *testing.T
	pki *testpki.PKI
	dir string
	log bytes.Buffer

	stores int
}

// newPatient makes a healthy one that is not running.
func newPatient(t *testing.T, opts ...testpki.LeafOption) *patient {
	t.Helper()
	p := &patient{t: t, dir: t.TempDir()}
	var err error
	if p.pki, err = testpki.New(); err != nil {
		t.Fatal(err)
	}
	triple, err := p.pki.Triple(lf, lfHost, opts...)
	if err != nil {
		t.Fatal(err)
	}
	pki := filepath.Join(p.dir, "pki")
	if err := p.pki.WriteDir(pki, triple); err != nil {
		t.Fatal(err)
	}
	cfg := config.Default()
	cfg.DataDir = p.dir
	cfg.Own = []config.Party{{MPID: lf}}
	cfg.AS4.Trust.Environment = smpki.Test
	cfg.AS4.Trust.Roots = []string{filepath.Join(pki, "root.pem")}
	cfg.AS4.TLS.Listen = []string{freeAddress(t)}
	cfg.AS4.TLS.Nginx, cfg.AS4.TLS.OpenSSL = program(t, "MARKTBOTE_NGINX", "nginx"), program(t, "MARKTBOTE_OPENSSL", "openssl")
	p.Doctor = &Doctor{
		Config: cfg, ConfigFile: "marktbote.yml",
		Lookup: func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, nil
		},
	}
	p.Directory = p.directory(p.current(p.pki.Root), p.current(p.pki.SubCA))
	return p
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// directory opens one with the own keys and these revocation lists.
func (p *patient) directory(lists ...*x509.RevocationList) *partner.Directory {
	p.t.Helper()
	p.stores++
	st, err := sqlite.Open(p.t.Context(), filepath.Join(p.dir, fmt.Sprintf("store%d.db", p.stores)))
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = st.Close() })
	d, err := partner.Open(p.t.Context(), partner.Options{
		Store: st, Environment: smpki.Test, Roots: []*x509.Certificate{p.pki.Root}, CAs: []*x509.Certificate{p.pki.SubCA, p.pki.CRLSigner},
		Own: []string{lf}, Dial: func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no network") },
	})
	if err != nil {
		p.t.Fatal(err)
	}
	for _, list := range lists {
		out, err := d.Import(p.t.Context(), list.Raw, "test")
		if err != nil || out[0].Problem != nil {
			p.t.Fatal(err, out)
		}
	}
	for _, usage := range []string{"signature", "encryption", "tls"} {
		p.importKey(d, filepath.Join(p.dir, "pki", lf, usage))
	}
	return d
}

// current returns the revocation list of a CA.
func (p *patient) current(issuer *x509.Certificate) *x509.RevocationList {
	p.t.Helper()
	list, err := p.pki.CRL(issuer)
	if err != nil {
		p.t.Fatal(err)
	}
	return list
}

// overdue returns a list of the Sub-CA that was to be renewed some time ago.
func (p *patient) overdue(by time.Duration) *x509.RevocationList {
	p.t.Helper()
	next := time.Now().Add(-by)
	list, err := p.pki.CRLAt(p.pki.SubCA, next.AddDate(0, 0, -7), next)
	if err != nil {
		p.t.Fatal(err)
	}
	return list
}

func (p *patient) importKey(d *partner.Directory, base string) {
	p.t.Helper()
	var files []partner.File
	for _, ext := range []string{".key", ".chain.pem"} {
		data, err := os.ReadFile(base + ext)
		if err != nil {
			p.t.Fatal(err)
		}
		files = append(files, partner.File{Name: base + ext, Data: data})
	}
	if _, err := d.Keys().Import(p.t.Context(), partner.KeyImport{Files: files, Who: "test"}); err != nil {
		p.t.Fatal(err)
	}
}

// write writes the configuration of nginx.
func (p *patient) write() proxy.Config {
	p.t.Helper()
	settings := p.Config.AS4.TLS.WithDefaults(p.dir)
	build, err := proxy.ReadBuild(p.t.Context(), settings.Nginx)
	if err != nil {
		p.t.Fatal(err)
	}
	c, missing, err := proxy.From(p.t.Context(), build, &p.Config, p.Directory, time.Now())
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := c.Write(p.t.Context(), settings.Nginx); err != nil || len(missing) > 0 {
		p.t.Fatal(missing, err)
	}
	return c
}

// edit changes the configuration of nginx behind its back.
func (p *patient) edit(old, changed string) {
	p.t.Helper()
	path := proxy.ConfFile(filepath.Join(p.dir, "tls"))
	text, err := os.ReadFile(path)
	if err != nil || !bytes.Contains(text, []byte(old)) {
		p.t.Fatal(old, err)
	}
	if err := os.WriteFile(path, bytes.ReplaceAll(text, []byte(old), []byte(changed)), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// serve starts a gateway that takes whatever comes.
func (p *patient) serve(c proxy.Config) {
	p.t.Helper()
	l, err := proxy.Listen(c.IngressSocket)
	if err != nil {
		p.t.Fatal(err)
	}
	s := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := proxy.ClientCertificate(r); err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
		}
	})}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	p.t.Cleanup(func() {
		if err := errors.Join(s.Close(), <-done); !errors.Is(err, http.ErrServerClosed) {
			p.t.Error(err)
		}
	})
}

// start starts nginx.
func (p *patient) start(c proxy.Config) {
	p.t.Helper()
	cmd := proxy.Command(context.Background(), p.Config.AS4.TLS.Nginx, c.Dir)
	cmd.Stderr = &p.log
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	p.t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		<-exited //nolint:errcheck // it was told to end
		if p.t.Failed() {
			p.t.Log(p.log.String())
		}
	})
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		conn, err := net.Dial("unix", c.EgressSocket)
		if err == nil {
			_ = conn.Close()
		}
		if _, unready := proxy.PID(c.Dir); err == nil && unready == nil {
			return
		}
		if len(exited) > 0 || time.Now().After(deadline) {
			p.t.Fatalf("nginx does not start: %v %s", err, p.log.String())
		}
	}
}

// TestDoctorHealthy: nothing is wrong with what works, but for what the machine of the test says about its clock and disk.
func TestDoctorHealthy(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	sent := ""
	p.SendTest = func(ctx context.Context, mpID, endpoint string, lookup func(context.Context, string) ([]netip.Addr, error)) error {
		sent = mpID + " " + endpoint
		_, err := lookup(ctx, "x")
		return err
	}
	p.Partners = true
	c := p.write()
	p.serve(c)
	p.start(c)
	results := p.Run(t.Context())
	checked := map[string]bool{}
	for _, r := range results {
		checked[r.Check] = true
		if r.State != OK && r.Check != CheckClock && r.Check != CheckDisk {
			t.Errorf("%+v", r)
		}
		if (r.State == OK) != (r.Remedy == "") {
			t.Errorf("%+v", r)
		}
	}
	for _, check := range []string{CheckDisk, CheckPermissions, CheckRoots, CheckOwn, CheckCRL, CheckClock, CheckNginx, CheckFiles, CheckProcess,
		CheckPort, CheckHandshake, CheckGroups, CheckSuites, CheckClients, CheckEgress, CheckGateway, CheckSelf, CheckNames} {
		if !checked[check] {
			t.Errorf("%s was not checked", check)
		}
	}
	_, port, _ := net.SplitHostPort(p.Config.AS4.TLS.Listen[0])
	if want := lf + " https://" + lfHost + ":" + port + "/"; sent != want {
		t.Errorf("sent %s, want %s", sent, want)
	}
}

// TestDoctorBroken: each fault is named, with what helps, and what follows from it does not hide it.
func TestDoctorBroken(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		name                         string
		check, about, detail, remedy string
		state                        State
		leaf                         []testpki.LeafOption
		before                       func(p *patient) // before nginx is configured
		spoil                        func(p *patient) // before it starts
		after                        func(p *patient) // when everything runs
		without                      string           // nginx or gateway: does not run
	}{
		{
			name: "expired certificate", check: CheckOwn, about: lf, state: Fault, detail: "expired", remedy: "marktbote keys request 9999100000013 --config marktbote.yml",
			after: func(p *patient) { p.Now = func() time.Time { return time.Now().AddDate(2, 1, 0) } },
		},
		{
			name: "certificate ends", check: CheckOwn, about: lf, state: Warning, detail: "no successor is here", remedy: "keys request",
			leaf: []testpki.LeafOption{testpki.Valid(time.Now().Add(-time.Hour), time.Now().AddDate(0, 0, 10))},
		},
		{
			name: "wrong group list", check: CheckGroups, about: lf, state: Fault, detail: "on prime256v1 and not on brainpool: the group list is wrong", remedy: "ssl_ecdh_curve",
			spoil: func(p *patient) { p.edit("ssl_ecdh_curve ", "ssl_ecdh_curve prime256v1; #") },
		},
		{
			name: "default group list", check: CheckGroups, about: lf, state: Fault, detail: "on X25519 and not on brainpool", remedy: "ssl_ecdh_curve",
			spoil: func(p *patient) { p.edit("ssl_ecdh_curve ", "ssl_ecdh_curve X25519; #") },
		},
		{
			name: "without brainpoolP384r1", check: CheckGroups, about: "127.0.0.1:", state: Fault, detail: "brainpoolP384r1 is not in the group list", remedy: "tls nginx",
			spoil: func(p *patient) { p.edit("brainpoolP384r1:", "") },
		},
		{
			name: "wrong group list to partners", check: CheckEgress, about: lf, state: Fault, detail: "handshake failure", remedy: "proxy_ssl_conf_command Groups",
			spoil: func(p *patient) {
				p.edit("proxy_ssl_conf_command Groups", "proxy_ssl_conf_command Groups P-256; #")
				p.edit("proxy_ssl_protocols", "proxy_ssl_protocols TLSv1.2; #") // in 1.3 it would not matter
			},
		},
		{
			name: "missing CRL", check: CheckCRL, about: "Example.CA", state: Fault, detail: "there was never a revocation list", remedy: "as4.trust.crls",
			after: func(p *patient) { p.Directory = p.directory(p.current(p.pki.Root)) },
		},
		{
			name: "stale CRL", check: CheckCRL, about: "Example.CA", state: Warning, detail: "then the CA is distrusted", remedy: "partners import",
			before: func(p *patient) { p.Directory = p.directory(p.current(p.pki.Root), p.overdue(24*time.Hour)) },
		},
		{
			name: "old CRL", check: CheckCRL, about: "Example.CA", state: Fault, detail: "more than three days ago", remedy: "partners import",
			after: func(p *patient) { p.Directory = p.directory(p.current(p.pki.Root), p.overdue(5*24*time.Hour)) },
		},
		{
			name: "closed port", check: CheckPort, about: "127.0.0.1:", state: Fault, detail: "connection refused", remedy: "error.log",
			after: func(p *patient) { p.Config.AS4.TLS.Listen = []string{freeAddress(p.t)} },
		},
		{name: "no nginx", check: CheckProcess, about: "/tls", state: Fault, detail: "no nginx runs", remedy: "systemctl start", without: "nginx"},
		{name: "no gateway", check: CheckGateway, about: lf, state: Fault, detail: "nothing takes messages at", remedy: "marktbote serve --config marktbote.yml", without: "gateway"},
		{
			name: "no nginx program", check: CheckNginx, about: "/missing", state: Fault, detail: "no such file", remedy: "as4.tls.nginx",
			after: func(p *patient) { p.Config.AS4.TLS.Nginx = "/missing/nginx" },
		},
		{
			name: "no openssl program", check: CheckHandshake, about: lf, state: Fault, detail: "no such file", remedy: "as4.tls.openssl",
			after: func(p *patient) { p.Config.AS4.TLS.OpenSSL = "/missing/openssl" },
		},
		{
			name: "forbidden suite", check: CheckSuites, about: "127.0.0.1:", state: Fault, detail: "is accepted, which the profile forbids", remedy: "ssl_ciphers",
			spoil: func(p *patient) { p.edit("    ssl_ciphers ", "    ssl_ciphers ECDHE-ECDSA-CHACHA20-POLY1305:") },
		},
		{
			name: "only forbidden suites", check: CheckSuites, about: lf, state: Fault, detail: "no suite of the profile can be negotiated, but ECDHE-ECDSA-CHACHA20-POLY1305 can", remedy: "ssl_ciphers",
			spoil: func(p *patient) { p.edit("    ssl_ciphers ", "    ssl_ciphers ECDHE-ECDSA-CHACHA20-POLY1305; #") },
		},
		{
			name: "old TLS", check: CheckSuites, about: "127.0.0.1:", state: Fault, detail: "TLS 1.1 is accepted", remedy: "ssl_protocols",
			spoil: func(p *patient) {
				p.edit("    ssl_protocols ", "    ssl_protocols TLSv1.1 ")
				p.edit("    ssl_ciphers ", "    ssl_ciphers ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0:")
				p.edit("    ssl_conf_command SignatureAlgorithms ", "    ssl_conf_command SignatureAlgorithms ECDSA+SHA1:")
			},
		},
		{
			name: "clients without certificates", check: CheckClients, about: "127.0.0.1:", state: Fault, detail: "a client without a certificate is let in", remedy: "ssl_verify_client",
			spoil: func(p *patient) { p.edit("ssl_verify_client on", "ssl_verify_client optional") },
		},
		{
			name: "older certificate", check: CheckHandshake, about: lf, state: Fault, detail: "the newest one is valid until", remedy: "tls nginx",
			after: func(p *patient) {
				next, err := p.pki.Triple(lf, lfHost, testpki.Valid(time.Now().Add(-time.Minute), time.Now().AddDate(3, 0, 0)))
				if err != nil {
					p.t.Fatal(err)
				}
				if err := p.pki.WriteDir(filepath.Join(p.dir, "next"), next); err != nil {
					p.t.Fatal(err)
				}
				p.importKey(p.Directory, filepath.Join(p.dir, "next", lf, "tls"))
			},
		},
		{
			name: "other host name", check: CheckHandshake, about: lf, state: Fault, detail: "is not for other.example but for " + lfHost, remedy: "as4.tls.server_names",
			before: func(p *patient) { p.Config.AS4.TLS.ServerNames = map[string][]string{lf: {"other.example"}} },
		},
		{
			name: "edited", check: CheckFiles, about: "/tls", state: Fault, detail: "nginx.conf is not what", remedy: "marktbote tls nginx --config marktbote.yml",
			after: func(p *patient) { p.edit("daemon off", "daemon on") },
		},
		{
			name: "open directory", check: CheckPermissions, about: "/tls", state: Fault, detail: "other users may enter", remedy: "chmod 700",
			after: func(p *patient) {
				if err := os.Chmod(filepath.Join(p.dir, "tls"), 0o755); err != nil { //nolint:gosec // that is what is tested
					p.t.Fatal(err)
				}
			},
		},
		{
			name: "open key", check: CheckFiles, about: "/tls", state: Fault, detail: "is open to other users", remedy: "tls nginx",
			after: func(p *patient) {
				keys, err := filepath.Glob(filepath.Join(p.dir, "tls", "keys", "*.key"))
				if err == nil {
					err = os.Chmod(keys[0], 0o644) //nolint:gosec // that is what is tested
				}
				if err != nil {
					p.t.Fatal(err)
				}
			},
		},
		{
			name: "clock behind", check: CheckClock, about: "Example.CA", state: Fault, detail: "the clock is behind by", remedy: "NTP",
			after: func(p *patient) { p.Now = func() time.Time { return time.Now().Add(-26 * time.Hour) } },
		},
		{
			name: "unknown name", check: CheckNames, about: lf, state: Warning, detail: "no such host", remedy: "DNS",
			after: func(p *patient) {
				p.Lookup = func(context.Context, string) ([]netip.Addr, error) { return nil, errors.New("no such host") }
			},
		},
		{
			name: "no roots", check: CheckRoots, state: Fault, detail: "no root certificate", remedy: "as4.trust.roots",
			after: func(p *patient) {
				st, err := sqlite.Open(p.t.Context(), filepath.Join(p.dir, "empty.db"))
				if err != nil {
					p.t.Fatal(err)
				}
				p.t.Cleanup(func() { _ = st.Close() })
				if p.Directory, err = partner.Open(p.t.Context(), partner.Options{Store: st, Environment: smpki.Test}); err != nil {
					p.t.Fatal(err)
				}
			},
		},
		{
			name: "message to self fails", check: CheckSelf, about: lf, state: Fault, detail: "EBMS:0102", remedy: "log",
			after: func(p *patient) {
				p.SendTest = func(context.Context, string, string, func(context.Context, string) ([]netip.Addr, error)) error {
					return errors.New("EBMS:0102")
				}
			},
		},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			p := newPatient(t, x.leaf...)
			call := func(f func(*patient)) {
				if f != nil {
					f(p)
				}
			}
			call(x.before)
			c := p.write()
			call(x.spoil)
			if x.without != "gateway" {
				p.serve(c)
			}
			if x.without != "nginx" {
				p.start(c)
			}
			call(x.after)
			results := p.Run(t.Context())
			found := slices.ContainsFunc(results, func(r Result) bool {
				return r.Check == x.check && r.State == x.state && strings.Contains(r.About, x.about) && strings.Contains(r.Detail, x.detail) && strings.Contains(r.Remedy, x.remedy)
			})
			if !found || x.state == Fault && Worst(results) != Fault {
				for _, r := range results {
					t.Errorf("%s %s %s: %s | %s", r.State, r.Check, r.About, r.Detail, r.Remedy)
				}
			}
			for _, r := range results {
				if r.State != OK && r.Remedy == "" {
					t.Errorf("no remedy: %+v", r)
				}
			}
		})
	}
}
