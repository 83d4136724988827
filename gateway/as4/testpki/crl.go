package testpki

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/marktbote/marktbote/gateway/as4/smpki"
)

// crlLifetime is the time from one list to the next.
const crlLifetime = 7 * 24 * time.Hour

// CRLs returns the current revocation lists of the root and of the Sub-CA.
func (p *PKI) CRLs() smpki.CRLs { return p }

// CRL returns the current revocation list of the root or of the Sub-CA, made one hour before it is asked for and valid for a
// week; it is kept until something is revoked or it is overdue. It implements smpki.CRLs.
func (p *PKI) CRL(issuer *x509.Certificate) (*x509.RevocationList, error) {
	ca, err := p.ca(issuer)
	if err != nil {
		return nil, err
	}
	now := p.options.now()
	p.mu.Lock()
	list := p.lists[ca]
	p.mu.Unlock()
	if list != nil && smpki.StateOf(list, now) == smpki.CRLFresh {
		return list, nil
	}
	thisUpdate := now.Add(-time.Hour)
	if list, err = p.CRLAt(ca, thisUpdate, thisUpdate.Add(crlLifetime)); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lists[ca] = list
	return list, nil
}

// ca returns the CA of ours that a certificate is.
func (p *PKI) ca(c *x509.Certificate) (*x509.Certificate, error) {
	switch {
	case bytes.Equal(c.Raw, p.Root.Raw):
		return p.Root, nil
	case bytes.Equal(c.Raw, p.SubCA.Raw):
		return p.SubCA, nil
	}
	return nil, errors.New("testpki: not a CA of this PKI")
}

// Revoke puts a certificate on the list of its issuer, the root or the Sub-CA.
func (p *PKI) Revoke(c *x509.Certificate) {
	ca := p.SubCA
	if bytes.Equal(c.RawIssuer, p.Root.RawSubject) {
		ca = p.Root
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.revoked[ca] = append(p.revoked[ca], x509.RevocationListEntry{
		SerialNumber: c.SerialNumber, RevocationTime: p.options.now().Add(-time.Hour), ReasonCode: 1,
	})
	delete(p.lists, ca)
}

// CRLAt makes a revocation list of the root or of the Sub-CA with the given dates. That of the root is signed by CRLSigner
// unless DirectRootList says otherwise.
func (p *PKI) CRLAt(issuer *x509.Certificate, thisUpdate, nextUpdate time.Time) (*x509.RevocationList, error) {
	ca, err := p.ca(issuer)
	if err != nil {
		return nil, err
	}
	return p.crlDraft(ca, thisUpdate, nextUpdate).sign()
}

func (p *PKI) crlDraft(ca *x509.Certificate, thisUpdate, nextUpdate time.Time) crlDraft {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := crlDraft{revoked: p.revoked[ca], thisUpdate: thisUpdate, nextUpdate: nextUpdate}
	switch {
	case ca == p.SubCA:
		l.signer, l.key = p.SubCA, p.subKey
	case p.options.direct:
		l.signer, l.key = p.Root, p.rootKey
	default:
		l.signer, l.key = p.CRLSigner, p.signerKey
		l.indirect = &distributionPoint{urls: p.options.rootCRL, issuer: p.CRLSigner.RawSubject}
		if len(l.revoked) > 0 { // the next entries are about the same issuer
			l.revoked = slices.Clone(l.revoked)
			l.revoked[0].ExtraExtensions = []pkix.Extension{certificateIssuer(p.Root)}
		}
	}
	return l
}

// crlDraft is a revocation list before it is signed.
type crlDraft struct {
	signer                 *x509.Certificate
	key                    crypto.Signer
	indirect               *distributionPoint // of an indirect list
	revoked                []x509.RevocationListEntry
	extensions             []pkix.Extension
	thisUpdate, nextUpdate time.Time // nextUpdate may be zero
}

func (l crlDraft) sign() (*x509.RevocationList, error) {
	_, algorithm, err := algorithmOf(l.key)
	if err != nil {
		return nil, err
	}
	extensions := []pkix.Extension{
		authorityKeyID(l.signer.SubjectKeyId),
		{Id: oidCRLNumber, Value: marshal(big.NewInt(l.thisUpdate.Unix()))},
	}
	if l.indirect != nil {
		extensions = append(extensions, l.indirect.issuing())
	}
	extensions = append(extensions, l.extensions...)
	der, err := signed(l.key, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1)
		b.AddBytes(algorithm)
		b.AddBytes(l.signer.RawSubject)
		addTime(b, l.thisUpdate)
		if !l.nextUpdate.IsZero() {
			addTime(b, l.nextUpdate)
		}
		if len(l.revoked) > 0 {
			b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
				for _, e := range l.revoked {
					addEntry(b, e)
				}
			})
		}
		b.AddASN1(casn1.Tag(0).Constructed().ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes(marshal(extensions)) })
	})
	if err != nil {
		return nil, err
	}
	list, err := smpki.ParseCRL(der)
	if err != nil {
		return nil, fmt.Errorf("testpki: %w", err)
	}
	return list, nil
}

func addEntry(b *cryptobyte.Builder, e x509.RevocationListEntry) {
	extensions := []pkix.Extension{{Id: oidReasonCode, Value: marshal(asn1.Enumerated(e.ReasonCode))}}
	extensions = append(extensions, e.ExtraExtensions...)
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1BigInt(e.SerialNumber)
		addTime(b, e.RevocationTime)
		b.AddBytes(marshal(extensions))
	})
}

// certificateIssuer is the extension of an entry that is about a certificate of the given CA.
func certificateIssuer(ca *x509.Certificate) pkix.Extension {
	var names cryptobyte.Builder
	names.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) { addDirectoryName(b, ca.RawSubject) })
	return pkix.Extension{Id: oidCertificateIssuer, Critical: true, Value: names.BytesOrPanic()}
}
