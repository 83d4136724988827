package smpki_test

import (
	"crypto/x509"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/marktbote/marktbote/gateway/as4/smpki"
	"github.com/marktbote/marktbote/gateway/as4/testpki"
)

const (
	mpID = "9900000000001"
	host = "mp9900000000001.example"
)

var usages = []smpki.Usage{smpki.Signature, smpki.Encryption, smpki.TLS}

// trees are the PKI before and after the change of the root, with both ways of signing the list of the root.
var trees = map[string][]testpki.Option{
	"today":  nil,
	"large":  {testpki.Large()},
	"direct": {testpki.DirectRootList()},
}

func newPKI(t testing.TB, opts ...testpki.Option) *testpki.PKI {
	t.Helper()
	p, err := testpki.New(opts...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func reasonOf(err error) smpki.Reason {
	if invalid, ok := errors.AsType[*smpki.Invalid](err); ok {
		return invalid.Reason
	}
	return ""
}

func TestVerifyTriple(t *testing.T) {
	t.Parallel()
	for name, opts := range trees {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPKI(t, opts...)
			triple, err := p.Triple(mpID, host)
			if err != nil {
				t.Fatal(err)
			}
			trust := p.Trust()
			anchorsOnly := p.Trust()
			anchorsOnly.CAs = []*x509.Certificate{p.CRLSigner}
			for i, pair := range []testpki.Pair{triple.Signature, triple.Encryption, triple.TLS} {
				if got, err := smpki.UsageOf(pair.Certificate); err != nil || got != usages[i] {
					t.Errorf("UsageOf: got %v, %v, want %v", got, err, usages[i])
				}
				if got, err := smpki.MPID(pair.Certificate); err != nil || got != mpID {
					t.Errorf("MPID: got %v, %v", got, err)
				}
				path, err := trust.Verify(pair.Certificate, nil, usages[i], time.Now())
				if err != nil {
					t.Fatalf("%s with the configured Sub-CA: %v", usages[i], err)
				}
				if len(path) != 3 || path[0] != p.Root || path[1] != p.SubCA || path[2] != pair.Certificate {
					t.Errorf("%s: path of %d certificates is not root, Sub-CA, leaf", usages[i], len(path))
				}
				others := pair.Path[:len(pair.Path)-1]
				if _, err := anchorsOnly.Verify(pair.Certificate, others, usages[i], time.Now()); err != nil {
					t.Errorf("%s with the Sub-CA sent along: %v", usages[i], err)
				}
				if _, err := anchorsOnly.Verify(pair.Certificate, append(others, p.Root), usages[i], time.Now()); err != nil {
					t.Errorf("%s with the root sent along: %v", usages[i], err)
				}
				if _, err := anchorsOnly.Verify(pair.Certificate, nil, usages[i], time.Now()); reasonOf(err) != smpki.UnknownIssuer {
					t.Errorf("%s without the Sub-CA: got %v", usages[i], err)
				}
				wrong := usages[(i+1)%3]
				if _, err := trust.Verify(pair.Certificate, nil, wrong, time.Now()); reasonOf(err) != smpki.WrongUsage {
					t.Errorf("%s as %s: got %v", usages[i], wrong, err)
				}
			}
		})
	}
}

func TestBrokenCertificates(t *testing.T) {
	t.Parallel()
	for name, opts := range trees {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPKI(t, opts...)
			for _, flaw := range testpki.Flaws() {
				for _, usage := range usages {
					if flaw == testpki.NoKeyAgreement && usage != smpki.Encryption {
						continue
					}
					pair, err := p.Broken(flaw, usage, mpID, host)
					if err != nil {
						t.Fatalf("%s: %v", flaw, err)
					}
					_, err = p.Trust().Verify(pair.Certificate, pair.Path[:len(pair.Path)-1], usage, time.Now())
					if got := reasonOf(err); got != flaw.Reason() {
						t.Errorf("%s, %s: got %q (%v), want %q", flaw, usage, got, err, flaw.Reason())
					}
					if usage == smpki.Encryption && name == "today" {
						t.Logf("%s: %v", flaw, err)
					}
				}
			}
			if _, err := p.Triple(mpID, host); err != nil {
				t.Fatal(err)
			}
		})
	}
	if len(slices.Compact(slices.Sorted(slices.Values(testpki.Flaws())))) != len(testpki.Flaws()) {
		t.Error("a flaw is listed twice")
	}
}

func TestTestPKIIsFast(t *testing.T) {
	start := time.Now()
	p := newPKI(t)
	for range 3 {
		if _, err := p.Triple(mpID, host); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("New and three triples: %v", time.Since(start))
}
