package smpki_test

import (
	"crypto/x509"
	"encoding/pem"
	"testing"
	"time"

	"github.com/marktbote/marktbote/gateway/as4/smpki"
	"github.com/marktbote/marktbote/gateway/as4/testpki"
)

// TestCRLTimes is the rule of three days.
func TestCRLTimes(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	p := newPKI(t, testpki.Clock(func() time.Time { return at }))
	pair, err := p.Pair(smpki.Signature, mpID, host)
	if err != nil {
		t.Fatal(err)
	}
	day := 24 * time.Hour
	for _, tt := range []struct {
		name    string
		overdue time.Duration // since nextUpdate
		state   smpki.CRLState
		reason  smpki.Reason
	}{
		{"a week to go", -7 * day, smpki.CRLFresh, ""},
		{"a second to go", -time.Second, smpki.CRLFresh, ""},
		{"due now", 0, smpki.CRLFresh, ""},
		{"a second", time.Second, smpki.CRLStale, ""},
		{"a day", day, smpki.CRLStale, ""},
		{"three days", 3 * day, smpki.CRLStale, ""},
		{"three days and a second", 3*day + time.Second, smpki.CRLDistrusted, smpki.RevocationTooOld},
		{"a year", 365 * day, smpki.CRLDistrusted, smpki.RevocationTooOld},
	} {
		for _, ca := range []*x509.Certificate{p.Root, p.SubCA} {
			next := at.Add(-tt.overdue)
			list, err := p.CRLAt(ca, next.Add(-8*day), next)
			if err != nil {
				t.Fatal(err)
			}
			trust := p.Trust()
			trust.CRLs = withList(p, ca, list)
			if got := smpki.StateOf(list, at); got != tt.state {
				t.Errorf("%s, %s: state %v, want %v", tt.name, ca.Subject.CommonName, got, tt.state)
			}
			_, err = trust.Verify(pair.Certificate, nil, smpki.Signature, at)
			if got := reasonOf(err); got != tt.reason || tt.reason == "" && err != nil {
				t.Errorf("%s, %s: got %v, want %q", tt.name, ca.Subject.CommonName, err, tt.reason)
			}
			if err := trust.CheckCRL(list, ca, at); err != nil {
				t.Errorf("%s, %s: the age concerns CheckCRL: %v", tt.name, ca.Subject.CommonName, err)
			}
		}
	}
}

// withList returns the current lists, except that of one CA.
func withList(p *testpki.PKI, ca *x509.Certificate, list *x509.RevocationList) smpki.CRLs {
	l := lists{ca.Subject.CommonName: list}
	for _, other := range []*x509.Certificate{p.Root, p.SubCA} {
		if other != ca {
			l[other.Subject.CommonName], _ = p.CRL(other)
		}
	}
	return l
}

func TestBrokenLists(t *testing.T) {
	t.Parallel()
	for name, opts := range trees {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPKI(t, opts...)
			pair, err := p.Pair(smpki.TLS, mpID, host)
			if err != nil {
				t.Fatal(err)
			}
			for _, flaw := range testpki.ListFlaws() {
				for _, ca := range []*x509.Certificate{p.Root, p.SubCA} {
					list, err := p.BrokenCRL(flaw, ca)
					if err != nil {
						t.Fatalf("%s: %v", flaw, err)
					}
					trust := p.Trust()
					trust.CRLs = withList(p, ca, list)
					_, err = trust.Verify(pair.Certificate, nil, smpki.TLS, time.Now())
					if got := reasonOf(err); got != flaw.Reason() || got == "" && err != nil {
						t.Errorf("%s of %s: got %v, want %q", flaw, ca.Subject.CommonName, err, flaw.Reason())
					}
					if got := reasonOf(trust.CheckCRL(list, ca, time.Now())); (got == smpki.BadCRL) != (flaw.Reason() == smpki.BadCRL) {
						t.Errorf("%s of %s: CheckCRL says %q", flaw, ca.Subject.CommonName, got)
					}
					if name == "today" {
						t.Logf("%s: %v", flaw, err)
					}
				}
			}
		})
	}
}

func TestRevocationIsNeeded(t *testing.T) {
	t.Parallel()
	p := newPKI(t)
	pair, err := p.Pair(smpki.Signature, mpID, host)
	if err != nil {
		t.Fatal(err)
	}
	verify := func(trust *smpki.Trust) smpki.Reason {
		_, err := trust.Verify(pair.Certificate, nil, smpki.Signature, time.Now())
		return reasonOf(err)
	}
	trust := p.Trust()
	trust.CRLs = nil
	if got := verify(trust); got != smpki.RevocationUnknown {
		t.Errorf("without lists: got %q", got)
	}
	trust = p.Trust()
	trust.CRLs = lists{}
	if got := verify(trust); got != smpki.RevocationUnknown {
		t.Errorf("with other lists: got %q", got)
	}
	trust = p.Trust()
	trust.CAs = []*x509.Certificate{p.SubCA}
	if got := verify(trust); got != smpki.BadCRL {
		t.Errorf("without the certificate of the root's signer: got %q", got)
	}
	trust = p.Trust()
	if got := verify(trust); got != "" {
		t.Errorf("complete: got %q", got)
	}
	p.Revoke(p.SubCA)
	if got := verify(trust); got != smpki.Revoked {
		t.Errorf("Sub-CA revoked: got %q", got)
	}
}

func TestParseCRLForms(t *testing.T) {
	t.Parallel()
	p := newPKI(t)
	list, err := p.CRL(p.SubCA)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"PEM": pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: list.Raw}),
		"DER": list.Raw,
	} {
		if got, err := smpki.ParseCRL(data); err != nil || got.Issuer.CommonName != "Example.CA" {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, data := range map[string][]byte{
		"nothing":            nil,
		"certificate":        p.Root.Raw,
		"certificate in PEM": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Root.Raw}),
		"more behind it":     append(append([]byte(nil), list.Raw...), 0),
		"page of a proxy":    []byte("<html><body>404</body></html>"),
		"too long":           make([]byte, 17<<20),
	} {
		if _, err := smpki.ParseCRL(data); err == nil {
			t.Errorf("%s passes", name)
		}
	}
}
