package testpki

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/marktbote/marktbote/gateway/as4/smpki"
)

// Password protects the PKCS #12 files of WriteDir.
const Password = "test"

// WriteDir writes the PKI and triples as files for openssl, nginx and Java. The folder is made if it is missing, its files
// are replaced.
//
//	root.pem, subca.pem, crlsigner.pem   one certificate each
//	ca.pem                               root and Sub-CA: what to trust and to build paths from
//	root.crl.pem, subca.crl.pem          the current revocation lists
//	crl.pem                              both
//	<MP-ID>/{signature,encryption,tls}.pem         the certificate
//	<MP-ID>/{signature,encryption,tls}.chain.pem   the certificate, then the Sub-CA
//	<MP-ID>/{signature,encryption,tls}.key         the key, PKCS #8 in the clear, readable by its owner only
//	<MP-ID>/{signature,encryption,tls}.p12         key and chain, alias "as4", where there is an openssl command
//	trust.p12                                      root and Sub-CA, where there is an openssl command
//
// The MP-ID of a triple is that of its signature certificate; a later triple of one MP-ID replaces an earlier one.
func (p *PKI) WriteDir(dir string, triples ...Triple) error {
	w := writer{dir: dir}
	w.certificates("root.pem", p.Root)
	w.certificates("subca.pem", p.SubCA)
	w.certificates("crlsigner.pem", p.CRLSigner)
	w.certificates("ca.pem", p.Root, p.SubCA)
	rootList, err := p.CRL(p.Root)
	if err != nil {
		return err
	}
	subList, err := p.CRL(p.SubCA)
	if err != nil {
		return err
	}
	w.lists("root.crl.pem", rootList)
	w.lists("subca.crl.pem", subList)
	w.lists("crl.pem", rootList, subList)
	w.openssl("-nokeys", "-in", "ca.pem", "-out", "trust.p12")
	for i := range triples {
		mpID, err := smpki.MPID(triples[i].Signature.Certificate)
		if err != nil {
			return err
		}
		for usage, pair := range triples[i].byUsage() {
			w.pair(filepath.Join(mpID, usage.String()), *pair)
		}
	}
	if w.err != nil {
		return fmt.Errorf("testpki: %w", w.err)
	}
	return nil
}

// writer writes files until one fails.
type writer struct {
	dir string
	err error
}

func (w *writer) file(name string, data []byte, mode os.FileMode) {
	path := filepath.Join(w.dir, name)
	if w.err == nil {
		w.err = os.MkdirAll(filepath.Dir(path), 0o755) //nolint:gosec // certificates are public; keys have their own mode
	}
	if w.err == nil {
		w.err = os.WriteFile(path, data, mode)
	}
}

func (w *writer) certificates(name string, certs ...*x509.Certificate) {
	var b bytes.Buffer
	for _, c := range certs {
		b.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
	}
	w.file(name, b.Bytes(), 0o644)
}

func (w *writer) lists(name string, lists ...*x509.RevocationList) {
	var b bytes.Buffer
	for _, l := range lists {
		b.Write(pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: l.Raw}))
	}
	w.file(name, b.Bytes(), 0o644)
}

func (w *writer) pair(name string, pair Pair) {
	w.certificates(name+".pem", pair.Certificate)
	chain := []*x509.Certificate{pair.Certificate}
	for i := len(pair.Path) - 2; i >= 0; i-- {
		chain = append(chain, pair.Path[i])
	}
	w.certificates(name+".chain.pem", chain...)
	key, err := smpki.MarshalKey(pair.Key, nil)
	if err != nil && w.err == nil {
		w.err = err
	}
	w.file(name+".key", key, 0o600)
	w.openssl("-name", "as4", "-inkey", name+".key", "-in", name+".chain.pem", "-out", name+".p12")
}

// openssl makes a PKCS #12 file if the command is there; nothing but Java needs one.
func (w *writer) openssl(args ...string) {
	program, err := exec.LookPath("openssl")
	if err != nil || w.err != nil {
		return
	}
	cmd := exec.Command(program, append([]string{"pkcs12", "-export", "-passout", "pass:" + Password}, args...)...) //nolint:gosec,noctx // constant arguments
	cmd.Dir = w.dir
	cmd.WaitDelay = time.Minute
	if out, err := cmd.CombinedOutput(); err != nil {
		w.err = fmt.Errorf("openssl pkcs12: %w: %s", err, bytes.TrimSpace(out))
	}
}
