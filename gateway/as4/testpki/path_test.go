package testpki

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/marktbote/marktbote/gateway/as4/brainpool"
	"github.com/marktbote/marktbote/gateway/as4/smpki"
)

// authority is a CA of a test.
type authority struct {
	*x509.Certificate
	key *ecdsa.PrivateKey
}

// authorities makes the CAs of one test and has an empty list of each.
type authorities struct {
	t     *testing.T
	lists map[string]*x509.RevocationList // by key identifier
}

func (a *authorities) CRL(issuer *x509.Certificate) (*x509.RevocationList, error) {
	if l := a.lists[string(issuer.SubjectKeyId)]; l != nil {
		return l, nil
	}
	return nil, errors.New("no such list")
}

// issue lets a CA, or with nil itself, issue a certificate for a new key; edit changes what is usual.
func (a *authorities) issue(cn string, issuer *authority, edit func(*draft)) *authority {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(brainpool.P256r1(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	return a.issueTo(cn, key, issuer, edit)
}

func (a *authorities) issueTo(cn string, key *ecdsa.PrivateKey, issuer *authority, edit func(*draft)) *authority {
	a.t.Helper()
	d := draft{
		subject: caName(cn, smpki.Test), key: key.Public(), serial: big.NewInt(time.Now().UnixNano()),
		notBefore: time.Now().Add(-time.Hour), notAfter: time.Now().Add(time.Hour), extensions: caExtensions(-1),
	}
	if edit != nil {
		edit(&d)
	}
	made := &authority{key: key}
	var err error
	if issuer == nil {
		made.Certificate, err = d.selfSigned(key)
	} else {
		made.Certificate, err = d.signedBy(issuer.Certificate, issuer.key)
	}
	if err != nil {
		a.t.Fatal(err)
	}
	l := crlDraft{signer: made.Certificate, key: key, thisUpdate: time.Now().Add(-time.Hour), nextUpdate: time.Now().Add(time.Hour)}
	if a.lists[string(made.SubjectKeyId)], err = l.sign(); err != nil {
		a.t.Fatal(err)
	}
	return made
}

// leaf lets a CA issue the certificate of a participant.
func (a *authorities) leaf(issuer *authority) *x509.Certificate {
	return a.issue("", issuer, func(d *draft) {
		request := smpki.Request{
			Name: "Netz", MPID: "9900000000001", Environment: smpki.Test, Email: "as4@example.com", Endpoint: "https://netz.example/as4",
		}
		var err error
		if d.subject, err = request.Subject(); err != nil {
			a.t.Fatal(err)
		}
		if d.extensions, err = request.Extensions(smpki.Signature); err != nil {
			a.t.Fatal(err)
		}
	}).Certificate
}

func withPathLen(n int) func(*draft) { return func(d *draft) { d.extensions = caExtensions(n) } }

func TestPaths(t *testing.T) {
	t.Parallel()
	a := &authorities{t: t, lists: map[string]*x509.RevocationList{}}
	root := a.issue("Root.CA", nil, nil)
	middle := a.issue("Middle.CA", root, nil)
	deep := a.issue("Deep.CA", middle, nil)
	sub := a.issue("Sub.CA", root, withPathLen(0))
	expired := a.issue("Expired.CA", root, func(d *draft) { d.notAfter = time.Now().Add(-time.Minute) })
	noSigning := a.issue("Lists.CA", root, func(d *draft) { d.extensions[0].Value = []byte{3, 2, 1, 2} })
	production := a.issue("Production.CA", root, func(d *draft) { d.subject = caName("Production.CA", smpki.Production) })
	constrained := a.issue("Constrained.CA", root, func(d *draft) {
		d.extensions = append(d.extensions, pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 30}, Critical: true,
			Value: []byte{0x30, 0x0a, 0xa0, 8, 0x30, 6, 0x82, 4, 'a', '.', 'd', 'e'}})
	})
	newRoot := a.issue("Root.CA", nil, nil)
	link := a.issueTo("Root.CA", newRoot.key, root, nil)
	newSub := a.issue("New.CA", newRoot, nil)

	for name, tt := range map[string]struct {
		others []*authority // the first has issued the leaf
		reason smpki.Reason
		length int
		fault  *authority
	}{
		"two levels":                       {[]*authority{root}, "", 2, nil},
		"three levels":                     {[]*authority{middle}, "", 3, nil},
		"four levels":                      {[]*authority{deep, middle}, "", 4, nil},
		"unordered and needless":           {[]*authority{deep, newSub, root, sub, middle, newRoot}, "", 4, nil},
		"five levels":                      {[]*authority{a.issue("Deeper.CA", deep, nil), middle, deep}, smpki.UnknownIssuer, 0, middle},
		"one missing":                      {[]*authority{deep}, smpki.UnknownIssuer, 0, deep},
		"below a path length of none":      {[]*authority{a.issue("Forbidden.CA", sub, nil), sub}, smpki.BadExtension, 0, sub},
		"CA expired":                       {[]*authority{expired}, smpki.Expired, 0, expired},
		"CA may sign lists only":           {[]*authority{noSigning}, smpki.WrongUsage, 0, noSigning},
		"CA of production":                 {[]*authority{production}, smpki.WrongEnvironment, 0, production},
		"CA with name constraints":         {[]*authority{constrained}, smpki.BadExtension, 0, constrained},
		"new root, not linked":             {[]*authority{newSub, newRoot}, smpki.UnknownIssuer, 0, newRoot},
		"new root, linked by the old":      {[]*authority{newSub, newRoot, link}, "", 4, nil},
		"new root, linked, another order":  {[]*authority{newSub, link, newRoot}, "", 4, nil},
		"two CAs that issued one another ": {cross(a), smpki.UnknownIssuer, 0, nil},
	} {
		leaf := a.leaf(tt.others[0])
		others := make([]*x509.Certificate, len(tt.others))
		for i, o := range tt.others {
			others[i] = o.Certificate
		}
		trust := &smpki.Trust{Roots: []*x509.Certificate{root.Certificate}, Environment: smpki.Test, CRLs: a}
		path, err := trust.Verify(leaf, others, smpki.Signature, time.Now())
		invalid, _ := errors.AsType[*smpki.Invalid](err)
		switch {
		case tt.reason == "":
			if err != nil || len(path) != tt.length || path[0] != root.Certificate || path[len(path)-1] != leaf {
				t.Errorf("%s: path of %d certificates, %v", name, len(path), err)
			}
		case invalid == nil || invalid.Reason != tt.reason || tt.fault != nil && invalid.Certificate != tt.fault.Certificate:
			t.Errorf("%s: got %v, want %q", name, err, tt.reason)
		}
	}
}

// cross returns two CAs that have certificates from each other, and one of them as the issuer of the leaf.
func cross(a *authorities) []*authority {
	one := a.issue("One.CA", nil, nil)
	two := a.issue("Two.CA", one, nil)
	return []*authority{a.issueTo("One.CA", one.key, two, nil), two}
}

// TestManyIssuers sends more CAs than are tried, all of the right name along.
func TestManyIssuers(t *testing.T) {
	t.Parallel()
	a := &authorities{t: t, lists: map[string]*x509.RevocationList{}}
	root := a.issue("Root.CA", nil, nil)
	sub := a.issue("Sub.CA", root, nil)
	leaf := a.leaf(sub)
	var others []*x509.Certificate
	for range 20 {
		c := *a.issue("Sub.CA", nil, nil).Certificate
		c.SubjectKeyId = nil
		others = append(others, &c)
	}
	trust := &smpki.Trust{Roots: []*x509.Certificate{root.Certificate}, Environment: smpki.Test, CRLs: a}
	_, err := trust.Verify(leaf, others, smpki.Signature, time.Now())
	if invalid, ok := errors.AsType[*smpki.Invalid](err); !ok || invalid.Reason != smpki.UnknownIssuer || !strings.Contains(invalid.Detail, "first 16") {
		t.Errorf("got %v", err)
	}
}

// TestCRLSigners checks who may sign the list of a root in its place.
func TestCRLSigners(t *testing.T) {
	t.Parallel()
	a := &authorities{t: t, lists: map[string]*x509.RevocationList{}}
	root := a.issue("Root.CA", nil, nil)
	leaf := a.leaf(root)
	imitation := a.issue("Root.CA", nil, nil) // another key under the name of the root
	signs := func(d *draft) { d.extensions = crlSignerExtensions() }
	for name, tt := range map[string]struct {
		issuer *authority
		cn     string
		edit   func(*draft)
		valid  bool
	}{
		"signer of lists":                {root, "Root.CA.CRL-S", signs, true},
		"under the name of the root":     {root, "Root.CA", signs, true},
		"CA":                             {root, "Sub.CA", nil, false},
		"without cRLSign":                {root, "Other", func(d *draft) { d.extensions = leafExtensions(smpki.Test) }, false},
		"expired":                        {root, "Root.CA.CRL-S", func(d *draft) { signs(d); d.notAfter = time.Now().Add(-time.Minute) }, false},
		"of the other environment":       {root, "", func(d *draft) { signs(d); d.subject = caName("Root.CA.CRL-S", smpki.Production) }, false},
		"issued by somebody else":        {a.issue("Foreign.CA", nil, nil), "Root.CA.CRL-S", signs, false},
		"issued by a root of this name":  {imitation, "Root.CA.CRL-S", signs, false},
		"the root of this name itself":   {nil, "Root.CA", nil, false},
		"nobody: issued by himself":      {nil, "Root.CA.CRL-S", signs, false},
		"issued by the signer of a list": {a.issue("Root.CA.CRL-S", root, signs), "Root.CA.CRL-S", signs, false},
	} {
		signer := a.issue(tt.cn, tt.issuer, tt.edit)
		for _, keyID := range []bool{true, false} {
			c := *signer.Certificate
			if !keyID { // the key identifiers do not decide, the signatures do
				c.AuthorityKeyId = nil
			}
			l := crlDraft{signer: &c, key: signer.key, thisUpdate: time.Now().Add(-time.Hour), nextUpdate: time.Now().Add(time.Hour)}
			list, err := l.sign()
			if err != nil {
				t.Fatal(err)
			}
			a.lists[string(root.SubjectKeyId)] = list
			trust := &smpki.Trust{
				Roots: []*x509.Certificate{root.Certificate}, CAs: []*x509.Certificate{&c}, Environment: smpki.Test, CRLs: a,
			}
			_, err = trust.Verify(leaf, nil, smpki.Signature, time.Now())
			invalid, _ := errors.AsType[*smpki.Invalid](err)
			if tt.valid && err != nil || !tt.valid && (invalid == nil || invalid.Reason != smpki.BadCRL) {
				t.Errorf("%s: got %v", name, err)
			}
			if again := trust.CheckCRL(list, root.Certificate, time.Now()); (again == nil) != tt.valid {
				t.Errorf("%s, asked again: got %v", name, again)
			}
		}
	}
}

// TestVersions refuses certificates of version 1 and 2, which have no extensions to look at.
func TestVersions(t *testing.T) {
	t.Parallel()
	a := &authorities{t: t, lists: map[string]*x509.RevocationList{}}
	root := a.issue("Root.CA", nil, nil)
	leaf := *a.leaf(root)
	leaf.Version = 1
	trust := &smpki.Trust{Roots: []*x509.Certificate{root.Certificate}, Environment: smpki.Test, CRLs: a}
	_, err := trust.Verify(&leaf, nil, smpki.Signature, time.Now())
	if invalid, ok := errors.AsType[*smpki.Invalid](err); !ok || invalid.Reason != smpki.BadExtension {
		t.Errorf("got %v", err)
	}
}
