package smpki_test

import (
	"bytes"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/marktbote/marktbote/gateway/as4/brainpool"
	"github.com/marktbote/marktbote/gateway/as4/smpki"
	"github.com/marktbote/marktbote/gateway/as4/testpki"
)

// seeds adds the certificates of a PKI, among them broken ones.
func seeds(f *testing.F) (*testpki.PKI, []*x509.Certificate) {
	p := newPKI(f, testpki.Large())
	certs := []*x509.Certificate{p.Root, p.CRLSigner, p.SubCA}
	for _, usage := range usages {
		pair, err := p.Pair(usage, mpID, host)
		if err != nil {
			f.Fatal(err)
		}
		certs = append(certs, pair.Certificate)
	}
	for _, flaw := range testpki.Flaws() {
		pair, err := p.Broken(flaw, smpki.Encryption, mpID, host)
		if err != nil {
			f.Fatal(err)
		}
		certs = append(certs, pair.Certificate)
	}
	return p, certs
}

// examine calls everything that looks into a certificate.
func examine(c *x509.Certificate) {
	_ = smpki.Describe(c)
	_, _ = smpki.UsageOf(c)
	_, _ = smpki.MPID(c)
	_ = smpki.CRLURLs(c)
	_ = smpki.Fingerprint(c)
}

func FuzzParseCertificate(f *testing.F) {
	p, certs := seeds(f)
	for _, c := range certs {
		f.Add(c.Raw)
	}
	trust := p.Trust()
	f.Fuzz(func(t *testing.T, der []byte) {
		c, err := smpki.ParseCertificate(der)
		if err != nil {
			return
		}
		examine(c)
		if !bytes.Equal(c.Raw, der) {
			t.Error("Raw is not what was read")
		}
		for _, usage := range usages {
			_, err := trust.Verify(c, []*x509.Certificate{c, p.SubCA}, usage, time.Now())
			if err == nil && !contains(certs, c) {
				t.Error("a certificate of nobody passes")
			}
		}
	})
}

func contains(certs []*x509.Certificate, c *x509.Certificate) bool {
	for _, x := range certs {
		if bytes.Equal(x.Raw, c.Raw) {
			return true
		}
	}
	return false
}

func FuzzParsePkiPath(f *testing.F) {
	p, certs := seeds(f)
	for _, c := range certs {
		for _, path := range [][]*x509.Certificate{{c}, {p.SubCA, c}, {p.Root, p.SubCA, c}} {
			token, err := smpki.MarshalPkiPath(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(token)
		}
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		path, err := smpki.ParsePkiPath(der)
		if err != nil {
			return
		}
		for _, c := range path {
			examine(c)
		}
		if token, err := smpki.MarshalPkiPath(path); err != nil || !bytes.Equal(token, der) {
			t.Errorf("written back: %v", err)
		}
	})
}

func FuzzParseCRL(f *testing.F) {
	p, certs := seeds(f)
	for _, ca := range []*x509.Certificate{p.Root, p.SubCA} {
		p.Revoke(certs[len(certs)-1])
		list, err := p.CRL(ca)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(list.Raw)
		for _, flaw := range testpki.ListFlaws() {
			list, err := p.BrokenCRL(flaw, ca)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(list.Raw)
		}
	}
	trust := p.Trust()
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := smpki.ParseCRL(data)
		if err != nil {
			return
		}
		_ = smpki.StateOf(list, time.Now())
		for _, ca := range []*x509.Certificate{p.Root, p.SubCA} {
			_ = trust.CheckCRL(list, ca, time.Now())
		}
	})
}

func FuzzParseKey(f *testing.F) {
	key, err := brainpool.GenerateKey()
	if err != nil {
		f.Fatal(err)
	}
	for _, password := range [][]byte{nil, []byte("geheim")} {
		file, err := smpki.MarshalKey(key, password)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(file, "geheim")
	}
	f.Add([]byte("-----BEGIN EC PRIVATE KEY-----\nMAA=\n-----END EC PRIVATE KEY-----\n"), "")
	f.Fuzz(func(t *testing.T, file []byte, password string) {
		k, err := smpki.ParseKey(file, []byte(password))
		if err != nil {
			return
		}
		again, err := smpki.MarshalKey(k, nil)
		if err != nil {
			t.Fatal(err)
		}
		if k2, err := smpki.ParseKey(again, nil); err != nil || !bytes.Equal(k.Scalar(), k2.Scalar()) {
			t.Errorf("written back: %v", err)
		}
	})
}

func FuzzParsePKCS12(f *testing.F) {
	files, err := filepath.Glob("testdata/fast/*.p12") // one iteration
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		file, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(file, "geheim")
	}
	f.Fuzz(func(t *testing.T, file []byte, password string) {
		_, certs, err := smpki.ParsePKCS12Within(file, []byte(password), 100)
		if err != nil {
			return
		}
		for _, c := range certs {
			examine(c)
		}
	})
}
