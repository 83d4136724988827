package smpki_test

import (
	"bytes"
	"crypto/x509"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/marktbote/marktbote/gateway/as4/smpki"
	"github.com/marktbote/marktbote/gateway/as4/testpki"
)

// damaged calls f with copies of der in which one bit of one octet is another, for every octet; with -short for some.
func damaged(der []byte, f func(at int, der []byte)) {
	random := rand.New(rand.NewPCG(1, uint64(len(der))))
	step := 1
	if testing.Short() {
		step = 13
	}
	for i := 0; i < len(der); i += step {
		d := bytes.Clone(der)
		d[i] ^= 1 << random.IntN(8)
		f(i, d)
	}
}

// TestDamaged is the property that no octet of a certificate, of a list or of a path can be changed without the
// change being noticed.
func TestDamaged(t *testing.T) {
	t.Parallel()
	p := newPKI(t)
	pair, err := p.Pair(smpki.Signature, mpID, host)
	if err != nil {
		t.Fatal(err)
	}
	revoked, err := p.Pair(smpki.Signature, mpID, host)
	if err != nil {
		t.Fatal(err)
	}
	p.Revoke(revoked.Certificate)
	bare := p.Trust() // the Sub-CA must come along
	bare.CAs = []*x509.Certificate{p.CRLSigner}
	if _, err := bare.Verify(pair.Certificate, pair.Path[:1], smpki.Signature, time.Now()); err != nil {
		t.Fatal(err)
	}

	t.Run("leaf", func(t *testing.T) {
		t.Parallel()
		parsed := 0
		damaged(pair.Certificate.Raw, func(at int, der []byte) {
			c, err := smpki.ParseCertificate(der)
			if err != nil {
				return
			}
			parsed++
			if _, err := bare.Verify(c, []*x509.Certificate{p.SubCA}, smpki.Signature, time.Now()); err == nil {
				t.Errorf("octet %d can be changed", at)
			}
		})
		if parsed == 0 {
			t.Error("no damaged certificate was read: the test proves nothing about signatures")
		}
	})
	t.Run("path", func(t *testing.T) {
		t.Parallel()
		token, err := smpki.MarshalPkiPath(pair.Path)
		if err != nil {
			t.Fatal(err)
		}
		damaged(token, func(at int, der []byte) {
			path, err := smpki.ParsePkiPath(der)
			if err != nil {
				return
			}
			last := len(path) - 1
			if _, err := bare.Verify(path[last], path[:last], smpki.Signature, time.Now()); err == nil {
				t.Errorf("octet %d can be changed", at)
			}
		})
	})
	for _, ca := range []*x509.Certificate{p.Root, p.SubCA} {
		t.Run("list of "+ca.Subject.CommonName, func(t *testing.T) {
			t.Parallel()
			list, err := p.CRL(ca)
			if err != nil {
				t.Fatal(err)
			}
			trust := p.Trust()
			if err := trust.CheckCRL(list, ca, time.Now()); err != nil {
				t.Fatal(err)
			}
			damaged(list.Raw, func(at int, der []byte) {
				l, err := smpki.ParseCRL(der)
				if err == nil && trust.CheckCRL(l, ca, time.Now()) == nil {
					t.Errorf("octet %d can be changed", at)
				}
			})
		})
	}
}

func TestParseCertificateKeepsBytes(t *testing.T) {
	t.Parallel()
	for name, opts := range trees {
		p := newPKI(t, opts...)
		pair, err := p.Pair(smpki.TLS, mpID, host)
		if err != nil {
			t.Fatal(err)
		}
		foreign, err := p.Broken(testpki.NISTCurve, smpki.TLS, mpID, host)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []*x509.Certificate{p.Root, p.SubCA, p.CRLSigner, pair.Certificate, foreign.Certificate} {
			der := bytes.Clone(c.Raw)
			got, err := smpki.ParseCertificate(der)
			if err != nil {
				t.Fatal(err)
			}
			clear(der) // a copy is held
			if !bytes.Equal(got.Raw, c.Raw) || !bytes.Contains(c.Raw, got.RawTBSCertificate) ||
				!bytes.Contains(got.RawTBSCertificate, got.RawSubjectPublicKeyInfo) || !bytes.Contains(got.RawTBSCertificate, got.RawSubject) ||
				!bytes.Contains(got.RawTBSCertificate, got.RawIssuer) || !bytes.HasSuffix(c.Raw, got.Signature) {
				t.Errorf("%s, %s: raw fields are not parts of the certificate", name, c.Subject.CommonName)
			}
		}
		if err := pair.Certificate.VerifyHostname(host); err != nil {
			t.Error(err)
		}
	}
}
