package testpki

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"time"

	"github.com/marktbote/marktbote/gateway/as4/smpki"
)

// ListFlaw is the one thing that is wrong with a revocation list.
type ListFlaw string

// The flaws that BrokenCRL makes.
const (
	ForgedList        ListFlaw = "forged"             // right names, key of somebody else
	ListOfParticipant ListFlaw = "of-participant"     // signed by the certificate of a participant
	ListOfOtherCA     ListFlaw = "of-other-ca"        // the root's instead of the Sub-CA's and the reverse
	NoNextUpdate      ListFlaw = "no-next-update"     // does not say when it is overdue
	DeltaList         ListFlaw = "delta"              // changes only
	SomeReasons       ListFlaw = "some-reasons"       // key compromise only
	AttributeList     ListFlaw = "attribute-list"     // attribute certificates only
	WrongScope        ListFlaw = "wrong-scope"        // participants only for the root, CAs only for the Sub-CA
	OtherPoint        ListFlaw = "other-point"        // of a distribution point that no certificate names
	CriticalList      ListFlaw = "critical-extension" // an unknown one
	CriticalEntry     ListFlaw = "critical-entry"     // an unknown one in an entry
	StaleList         ListFlaw = "stale"              // overdue by a day: still to be used
	OverdueList       ListFlaw = "overdue"            // by three days and a second
)

// ListFlaws returns all flaws of lists.
func ListFlaws() []ListFlaw {
	return []ListFlaw{ForgedList, ListOfParticipant, ListOfOtherCA, NoNextUpdate, DeltaList, SomeReasons, AttributeList,
		WrongScope, OtherPoint, CriticalList, CriticalEntry, StaleList, OverdueList}
}

// Reason returns why a verifier must refuse what depends on a list with this flaw, "" if it must not.
func (f ListFlaw) Reason() smpki.Reason {
	switch f {
	case WrongScope, OtherPoint:
		return smpki.RevocationUnknown
	case OverdueList:
		return smpki.RevocationTooOld
	case StaleList:
		return ""
	}
	return smpki.BadCRL
}

// BrokenCRL makes a revocation list of the root or of the Sub-CA with one flaw.
func (p *PKI) BrokenCRL(flaw ListFlaw, issuer *x509.Certificate) (*x509.RevocationList, error) {
	ca, err := p.ca(issuer)
	if err != nil {
		return nil, err
	}
	now := p.options.now()
	l := p.crlDraft(ca, now.Add(-time.Hour), now.Add(crlLifetime))
	root := ca == p.Root
	// A list of the true form has this extension if it is the root's.
	scope := func(parts ...[]byte) {
		var value []byte
		for _, part := range parts {
			value = append(value, part...)
		}
		l.indirect = nil
		l.extensions = append(l.extensions, pkix.Extension{
			Id: oidDistributionPoint, Critical: true, Value: append([]byte{0x30, byte(len(value))}, value...),
		})
	}
	flag := func(tag byte) []byte { return []byte{0x80 | tag, 1, 0xff} }
	unknown := pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 99999, 2}, Critical: true, Value: []byte{5, 0}}
	switch flaw {
	case ForgedList:
		pub, ok := l.key.Public().(*ecdsa.PublicKey)
		if !ok {
			return nil, fmt.Errorf("testpki: no lists with %T", l.key.Public())
		}
		if l.key, err = ecdsa.GenerateKey(pub.Curve, rand.Reader); err != nil {
			return nil, fmt.Errorf("testpki: %w", err)
		}
	case ListOfParticipant:
		participant, err := p.Pair(smpki.Signature, "9988888888888", "participant.example")
		if err != nil {
			return nil, err
		}
		l.signer, l.key, l.indirect = participant.Certificate, participant.Key, nil
	case ListOfOtherCA:
		if root {
			return p.CRL(p.SubCA)
		}
		return p.CRL(p.Root)
	case NoNextUpdate:
		l.nextUpdate = time.Time{}
	case DeltaList:
		l.extensions = append(l.extensions, pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 27}, Critical: true, Value: marshal(big.NewInt(1))})
	case SomeReasons:
		scope([]byte{0x83, 2, 6, 0x40})
	case AttributeList:
		scope(flag(5))
	case WrongScope:
		if root {
			scope(flag(1))
		} else {
			scope(flag(2))
		}
	case OtherPoint:
		point := distributionPoint{urls: []string{"http://other.invalid/"}}
		l.indirect = nil
		l.extensions = append(l.extensions, point.issuing())
	case CriticalList:
		l.extensions = append(l.extensions, unknown)
	case CriticalEntry:
		l.revoked = append(l.revoked, x509.RevocationListEntry{
			SerialNumber: big.NewInt(1), RevocationTime: now, ExtraExtensions: []pkix.Extension{unknown},
		})
	case StaleList:
		l.thisUpdate, l.nextUpdate = now.Add(-crlLifetime), now.Add(-24*time.Hour)
	case OverdueList:
		l.thisUpdate, l.nextUpdate = now.Add(-crlLifetime), now.Add(-smpki.CRLTolerance-time.Second)
	}
	return l.sign()
}
