package testpki_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/marktbote/marktbote/gateway/as4/smpki"
	"github.com/marktbote/marktbote/gateway/as4/testpki"
)

// TestOpenSSLVerifies lets the openssl command judge what was made, with the revocation lists of both levels.
func TestOpenSSLVerifies(t *testing.T) {
	t.Parallel()
	program, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("no openssl command")
	}
	for name, opts := range map[string][]testpki.Option{
		"today":  nil,
		"large":  {testpki.Large()},
		"direct": {testpki.DirectRootList()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			p, err := testpki.New(opts...)
			if err != nil {
				t.Fatal(err)
			}
			triple, err := p.Triple("9900000000001", "one.example:8443")
			if err != nil {
				t.Fatal(err)
			}
			revoked, err := p.Triple("9900000000002", "two.example")
			if err != nil {
				t.Fatal(err)
			}
			for _, pair := range []testpki.Pair{revoked.Signature, revoked.Encryption, revoked.TLS} {
				p.Revoke(pair.Certificate)
			}
			if err := p.WriteDir(dir, triple, revoked); err != nil {
				t.Fatal(err)
			}
			// With indirect lists the command can check one certificate at a time only.
			check := "-crl_check"
			if name == "direct" {
				check = "-crl_check_all"
			}
			verify := func(certificate, purpose string) (string, error) {
				args := []string{"verify", "-x509_strict", "-CAfile", "root.pem", "-untrusted", "subca.pem", "-untrusted", "crlsigner.pem",
					check, "-extended_crl", "-CRLfile", "root.crl.pem", "-CRLfile", "subca.crl.pem"}
				if purpose != "" {
					args = append(args, "-purpose", purpose)
				}
				cmd := exec.Command(program, append(args, certificate)...)
				cmd.Dir = dir
				out, err := cmd.CombinedOutput()
				return string(out), err
			}
			for file, purpose := range map[string]string{"signature": "", "encryption": "", "tls": "sslserver"} {
				if out, err := verify("9900000000001/"+file+".pem", purpose); err != nil {
					t.Errorf("%s: %v\n%s", file, err, out)
				}
				if out, err := verify("9900000000002/"+file+".pem", purpose); err == nil {
					t.Errorf("%s of the revoked triple passes: %s", file, out)
				}
			}
			if out, err := verify("subca.pem", ""); err != nil {
				t.Errorf("Sub-CA: %v\n%s", err, out)
			}
			p.Revoke(p.SubCA)
			if err := p.WriteDir(dir); err != nil {
				t.Fatal(err)
			}
			if out, err := verify("subca.pem", ""); err == nil {
				t.Errorf("revoked Sub-CA passes: %s", out)
			}
			key, err := os.ReadFile(filepath.Join(dir, "9900000000001", "tls.key"))
			if err != nil {
				t.Fatal(err)
			}
			if k, err := smpki.ParseKey(key, nil); err != nil || !smpki.Holds(triple.TLS.Certificate, k) {
				t.Errorf("key file: %v", err)
			}
		})
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	p, err := testpki.New(testpki.Environment(smpki.Production), testpki.Clock(func() time.Time { return now }), testpki.SubCAName("Mine.CA"),
		testpki.DistributionPoints("http://127.0.0.1/root", "http://127.0.0.1/mine"))
	if err != nil {
		t.Fatal(err)
	}
	until := now.AddDate(0, 0, 10)
	pair, err := p.Pair(smpki.TLS, "9900000000001", "unused", testpki.Valid(now, until), testpki.Endpoint("https://as4.example:8443/in"),
		testpki.Name("Netz"), testpki.Counter("7"))
	if err != nil {
		t.Fatal(err)
	}
	c := pair.Certificate
	if _, err := p.Trust().Verify(c, nil, smpki.TLS, now); err != nil {
		t.Error(err)
	}
	got := []string{p.Root.Subject.CommonName, c.Issuer.CommonName, c.Subject.CommonName, c.Subject.SerialNumber, c.NotBefore.String(), c.NotAfter.String(),
		c.DNSNames[0], c.URIs[0].String(), smpki.CRLURLs(c)[0], smpki.CRLURLs(p.SubCA)[0], c.Subject.Organization[0]}
	want := []string{"SM-Root.CA", "Mine.CA", "Netz.EMT.MAK", "7", now.String(), until.String(),
		"as4.example", "https://as4.example:8443/in", "http://127.0.0.1/mine", "http://127.0.0.1/root", smpki.Production}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
