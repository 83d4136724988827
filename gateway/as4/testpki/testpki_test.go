package testpki_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

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
