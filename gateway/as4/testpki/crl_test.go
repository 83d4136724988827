package testpki

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"testing"
	"time"

	"github.com/marktbote/marktbote/gateway/as4/smpki"
)

// oneList has one list for the root, and the current one for the Sub-CA.
type oneList struct {
	*PKI
	root *x509.RevocationList
}

func (l oneList) CRL(issuer *x509.Certificate) (*x509.RevocationList, error) {
	if issuer.Subject.CommonName == l.Root.Subject.CommonName {
		return l.root, nil
	}
	return l.PKI.CRL(issuer)
}

// TestIndirectEntries checks whose certificates the entries of an indirect list are about.
func TestIndirectEntries(t *testing.T) {
	t.Parallel()
	p, err := New()
	if err != nil {
		t.Fatal(err)
	}
	pair, err := p.Pair(smpki.Signature, "9900000000001", "one.example")
	if err != nil {
		t.Fatal(err)
	}
	entry := func(c *x509.Certificate, about ...*x509.Certificate) x509.RevocationListEntry {
		e := x509.RevocationListEntry{SerialNumber: c.SerialNumber, RevocationTime: time.Now()}
		for _, ca := range about {
			e.ExtraExtensions = []pkix.Extension{certificateIssuer(ca)}
		}
		return e
	}
	for name, tt := range map[string]struct {
		entries []x509.RevocationListEntry
		revoked bool
	}{
		"named":                       {[]x509.RevocationListEntry{entry(p.SubCA, p.Root)}, true},
		"not named":                   {[]x509.RevocationListEntry{entry(p.SubCA)}, true},
		"another issuer":              {[]x509.RevocationListEntry{entry(p.SubCA, p.SubCA)}, false},
		"named by the entry before":   {[]x509.RevocationListEntry{entry(pair.Certificate, p.Root), entry(p.SubCA)}, true},
		"another by the entry before": {[]x509.RevocationListEntry{entry(pair.Certificate, p.SubCA), entry(p.SubCA)}, false},
		"same number, another, ours":  {[]x509.RevocationListEntry{entry(p.SubCA, p.SubCA), entry(p.SubCA, p.Root)}, true},
		"other certificates":          {[]x509.RevocationListEntry{entry(p.CRLSigner, p.Root), entry(pair.Certificate)}, false},
		"a leaf on the root's list":   {[]x509.RevocationListEntry{entry(pair.Certificate, p.SubCA)}, false},
	} {
		l := p.crlDraft(p.Root, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
		l.revoked = tt.entries
		list, err := l.sign()
		if err != nil {
			t.Fatal(err)
		}
		trust := p.Trust()
		trust.CRLs = oneList{p, list}
		_, err = trust.Verify(pair.Certificate, nil, smpki.Signature, time.Now())
		invalid, _ := errors.AsType[*smpki.Invalid](err)
		if got := invalid != nil && invalid.Reason == smpki.Revoked && invalid.Certificate == p.SubCA; got != tt.revoked || !tt.revoked && err != nil {
			t.Errorf("%s: got %v, want revoked %v", name, err, tt.revoked)
		}
	}
}
