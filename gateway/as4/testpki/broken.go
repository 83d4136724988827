package testpki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/marktbote/marktbote/gateway/as4/brainpool"
	"github.com/marktbote/marktbote/gateway/as4/smpki"
)

// Flaw is the one thing that is wrong with a certificate.
type Flaw string

// The flaws that Broken makes.
const (
	Expired           Flaw = "expired"            // since yesterday
	NotYetValid       Flaw = "not-yet-valid"      // from tomorrow on
	Revoked           Flaw = "revoked"            // on the current list of the Sub-CA
	WrongClass        Flaw = "wrong-class"        // EMT.API
	WrongEnvironment  Flaw = "wrong-environment"  // O of the other environment
	NoUnit            Flaw = "no-unit"            // no OU, so no MP-ID
	TwoUnits          Flaw = "two-units"          // two OUs with MP-IDs
	ShortUnit         Flaw = "short-unit"         // an OU of 12 digits
	NoKeyUsage        Flaw = "no-key-usage"       // extension missing
	NoKeyAgreement    Flaw = "no-key-agreement"   // keyEncipherment alone
	OtherUsage        Flaw = "other-usage"        // that of another certificate of the triple
	NISTCurve         Flaw = "nist-curve"         // key on P-256
	BigCurve          Flaw = "big-curve"          // key on brainpoolP384r1
	SelfSigned        Flaw = "self-signed"        // no CA involved
	ForeignRoot       Flaw = "foreign-root"       // complete path to another root, which is sent along
	ImitatedRoot      Flaw = "imitated-root"      // the same, with the names of the true CAs
	ForgedSignature   Flaw = "forged-signature"   // names and key identifiers of the true Sub-CA, key of somebody else
	MarkedAsCA        Flaw = "marked-as-ca"       // basic constraints of a CA
	IssuedByLeaf      Flaw = "issued-by-leaf"     // by a genuine participant who plays CA
	CriticalExtension Flaw = "critical-extension" // an unknown one
)

// Flaws returns all flaws.
func Flaws() []Flaw {
	return []Flaw{Expired, NotYetValid, Revoked, WrongClass, WrongEnvironment, NoUnit, TwoUnits, ShortUnit, NoKeyUsage,
		NoKeyAgreement, OtherUsage, NISTCurve, BigCurve, SelfSigned, ForeignRoot, ImitatedRoot, ForgedSignature, MarkedAsCA,
		IssuedByLeaf, CriticalExtension}
}

// Reason returns why a verifier must refuse a certificate with this flaw.
func (f Flaw) Reason() smpki.Reason {
	switch f {
	case Expired:
		return smpki.Expired
	case NotYetValid:
		return smpki.NotYetValid
	case Revoked:
		return smpki.Revoked
	case WrongClass:
		return smpki.WrongClass
	case WrongEnvironment:
		return smpki.WrongEnvironment
	case NoUnit, TwoUnits, ShortUnit:
		return smpki.BadMPID
	case NoKeyUsage, NoKeyAgreement, OtherUsage:
		return smpki.WrongUsage
	case NISTCurve, BigCurve:
		return smpki.BadAlgorithm
	case SelfSigned, ForeignRoot, ImitatedRoot:
		return smpki.UnknownIssuer
	case ForgedSignature:
		return smpki.BadSignature
	}
	return smpki.BadExtension
}

// Broken issues a certificate for one usage that has one flaw, and else is as Pair makes it. Its key fits, so it can sign.
func (p *PKI) Broken(flaw Flaw, usage smpki.Usage, mpID, host string, opts ...LeafOption) (Pair, error) {
	pair, signer, err := brokenKey(flaw)
	if err != nil {
		return Pair{}, fmt.Errorf("testpki: %w", err)
	}
	l := p.leaf(mpID, host, opts)
	made := usage
	if flaw == OtherUsage {
		made = usage%smpki.TLS + 1
	}
	d, err := p.draft(made, signer.Public(), l)
	if err != nil {
		return Pair{}, err
	}
	p.spoilFields(flaw, &d)
	p.spoilExtensions(flaw, &d)

	issuer, path, err := p.brokenIssuer(flaw, usage, host)
	if err != nil {
		return Pair{}, err
	}
	if flaw == SelfSigned {
		pair.Certificate, err = d.selfSigned(signer)
	} else {
		pair.Certificate, err = d.signedBy(path[len(path)-1], issuer)
	}
	if err != nil {
		return Pair{}, err
	}
	if flaw == Revoked {
		p.Revoke(pair.Certificate)
	}
	pair.Path = append(path, pair.Certificate)
	if flaw == SelfSigned {
		pair.Path = pair.Path[len(path):]
	}
	return pair, nil
}

// brokenKey makes the key of the participant.
func brokenKey(flaw Flaw) (pair Pair, signer crypto.Signer, err error) {
	switch flaw {
	case NISTCurve:
		pair.Foreign, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		return pair, pair.Foreign, err
	case BigCurve:
		pair.Foreign, err = ecdsa.GenerateKey(brainpool.P384r1(), rand.Reader)
		return pair, pair.Foreign, err
	}
	pair.Key, err = brainpool.GenerateKey()
	return pair, pair.Key, err
}

// spoilFields makes subject and dates wrong.
func (p *PKI) spoilFields(flaw Flaw, d *draft) {
	day := 24 * time.Hour
	now := p.options.now()
	switch flaw {
	case Expired:
		d.notBefore, d.notAfter = now.AddDate(-2, 0, -1), now.Add(-day)
	case NotYetValid:
		d.notBefore = now.Add(day)
	case WrongClass:
		d.editSubject(oidCN, func(v string) []string { return []string{strings.Replace(v, ".MAK", ".API", 1)} })
	case WrongEnvironment:
		other := smpki.Production
		if p.options.environment == other {
			other = smpki.Test
		}
		d.editSubject(oidO, func(string) []string { return []string{other} })
	case NoUnit:
		d.editSubject(oidOU, func(string) []string { return nil })
	case TwoUnits:
		d.editSubject(oidOU, func(v string) []string { return []string{v, "9999999999999"} })
	case ShortUnit:
		d.editSubject(oidOU, func(v string) []string { return []string{v[:12]} })
	}
}

// spoilExtensions makes extensions wrong.
func (p *PKI) spoilExtensions(flaw Flaw, d *draft) {
	replace := func(oid asn1.ObjectIdentifier, value ...byte) {
		i := slices.IndexFunc(d.extensions, func(e pkix.Extension) bool { return e.Id.Equal(oid) })
		d.extensions[i].Value = value
	}
	switch flaw {
	case NoKeyUsage:
		d.extensions = slices.DeleteFunc(d.extensions, func(e pkix.Extension) bool { return e.Id.Equal(oidKeyUsage) })
	case NoKeyAgreement:
		replace(oidKeyUsage, 3, 2, 5, 0x20)
	case MarkedAsCA:
		replace(oidBasicConstraints, 0x30, 3, 1, 1, 0xff)
	case CriticalExtension:
		d.extensions = append(d.extensions, pkix.Extension{
			Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 99999, 1}, Critical: true, Value: []byte{5, 0},
		})
	}
}

// brokenIssuer returns the key that signs and the path above the participant; its last certificate gives the names.
func (p *PKI) brokenIssuer(flaw Flaw, usage smpki.Usage, host string) (crypto.Signer, []*x509.Certificate, error) {
	switch flaw {
	case ForeignRoot, ImitatedRoot:
		o := p.options
		foreign, err := New(func(mine *options) {
			*mine = o
			if flaw == ForeignRoot {
				mine.caName, mine.rootCN = "Foreign.CA", "Foreign-Root.CA"
			}
		})
		if err != nil {
			return nil, nil, err
		}
		return foreign.subKey, []*x509.Certificate{foreign.Root, foreign.SubCA}, nil
	case ForgedSignature:
		key, err := brainpool.GenerateKey()
		return key, []*x509.Certificate{p.SubCA}, err
	case IssuedByLeaf:
		genuine, err := p.Pair(usage, "9988888888888", host)
		return genuine.Key, genuine.Path, err
	}
	return p.subKey, []*x509.Certificate{p.SubCA}, nil
}

var (
	oidCN = asn1.ObjectIdentifier{2, 5, 4, 3}
	oidO  = asn1.ObjectIdentifier{2, 5, 4, 10}
	oidOU = asn1.ObjectIdentifier{2, 5, 4, 11}
)

// editSubject replaces the values of one attribute.
func (d *draft) editSubject(oid asn1.ObjectIdentifier, edit func(string) []string) {
	var old, name pkix.RDNSequence
	if _, err := asn1.Unmarshal(d.subject, &old); err != nil {
		panic("testpki: " + err.Error()) // the subject is ours
	}
	for _, rdn := range old {
		value, _ := rdn[0].Value.(string)
		values := []string{value}
		if rdn[0].Type.Equal(oid) {
			values = edit(value)
		}
		for _, v := range values {
			name = append(name, pkix.RelativeDistinguishedNameSET{{Type: rdn[0].Type, Value: v}})
		}
	}
	d.subject = marshal(name)
}
