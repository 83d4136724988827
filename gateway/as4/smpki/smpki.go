// Package smpki reads and judges the certificates of the SM-PKI, the public key infrastructure of smart metering in which
// market communication over AS4 takes place.
//
// Every MP-ID has three certificates, its triple: one for signatures, one for encryption, one for TLS. A Sub-CA has issued
// them, the root has issued the Sub-CA:
//
//	root (SM-Root.CA)  ──issues──▶  Sub-CA (Example.CA)  ──issues──▶  Example.EMT.MAK, OU = MP-ID, three times
//	     │                              │
//	     └▶ CRL signer (SM-Root.CA.CRL-S)  └▶ its own revocation list
//	            └▶ revocation list of the root
//
// All keys are on the curves of RFC 5639, which crypto/x509 refuses. [ParseCertificate] lets crypto/x509 read everything but
// the key and puts the key in; [Trust.Verify] builds and checks the path itself, by a closed list of algorithms:
//
//	trust := &smpki.Trust{Roots: roots, CAs: cas, Environment: smpki.Production, CRLs: lists}
//	path, err := smpki.ParsePkiPath(token)
//	leaf := path[len(path)-1]
//	path, err = trust.Verify(leaf, path[:len(path)-1], smpki.Signature, time.Now())
//	var invalid *smpki.Invalid // says which certificate, why, and what to do
//	mpID, err := smpki.MPID(leaf)
//
// The package fetches nothing and has no clock: revocation lists come from a [CRLs], the instant is an argument. Keys in all
// the forms that operators have them in are read by [ParseKey] and [ParsePKCS12], certificate requests written by [Request].
//
// Sources: BDEW AS4-Profil 1.1, 2.2.6 and 2.3.4; Regelungen zum Übertragungsweg AS4, 5.2 to 5.4; BSI TR-03116-3, chapters 3
// and 9; RFC 5280 for paths and lists.
package smpki

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/marktbote/marktbote/gateway/as4/brainpool"
)

// maxCertificateBytes bounds one certificate. Those of the SM-PKI have about 1 KiB.
const maxCertificateBytes = 64 << 10

// Limits of a file of certificates.
const (
	maxFileBytes    = 8 << 20
	maxCertificates = 1000
)

var (
	oidECPublicKey = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
	oidP256r1      = asn1.ObjectIdentifier{1, 3, 36, 3, 3, 2, 8, 1, 1, 7}
	oidP384r1      = asn1.ObjectIdentifier{1, 3, 36, 3, 3, 2, 8, 1, 1, 11}
	oidP512r1      = asn1.ObjectIdentifier{1, 3, 36, 3, 3, 2, 8, 1, 1, 13}
)

// curveOf returns the brainpool curve of an OID, nil if it is another one.
//
// Spec: RFC 5639 4.1
func curveOf(oid asn1.ObjectIdentifier) elliptic.Curve {
	switch {
	case oid.Equal(oidP256r1):
		return brainpool.P256r1()
	case oid.Equal(oidP384r1):
		return brainpool.P384r1()
	case oid.Equal(oidP512r1):
		return brainpool.P512r1()
	}
	return nil
}

// placeholder is the SubjectPublicKeyInfo that stands for a brainpool key while crypto/x509 reads a certificate: the base
// point of P-256.
var placeholder = sync.OnceValue(func() []byte {
	one := make([]byte, 32)
	one[31] = 1
	key, err := ecdh.P256().NewPrivateKey(one)
	if err != nil {
		panic("smpki: " + err.Error()) // the argument is constant
	}
	der, err := x509.MarshalPKIXPublicKey(key.PublicKey())
	if err != nil {
		panic("smpki: " + err.Error())
	}
	return der
})

// ParseCertificate reads a certificate in DER. It is x509.ParseCertificate that also knows keys on brainpoolP256r1, P384r1
// and P512r1, which become an *ecdsa.PublicKey; other certificates are read as crypto/x509 reads them. The certificate holds
// a copy of der. Nothing about it is checked but its form.
func ParseCertificate(der []byte) (*x509.Certificate, error) {
	if len(der) > maxCertificateBytes {
		return nil, fmt.Errorf("smpki: certificate of %d bytes, at most %d are read", len(der), maxCertificateBytes)
	}
	raw := bytes.Clone(der)
	parts, ok := splitCertificate(raw)
	if !ok {
		return nil, errors.New("smpki: malformed certificate")
	}
	pub, err := parseSubjectPublicKeyInfo(parts.spki)
	if err != nil {
		return nil, err
	}
	if pub == nil { // not a brainpool key
		return x509.ParseCertificate(raw)
	}
	var b cryptobyte.Builder
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddBytes(parts.before)
			b.AddBytes(placeholder())
			b.AddBytes(parts.after)
		})
		b.AddBytes(parts.signature)
	})
	exchanged, err := b.Bytes()
	if err != nil {
		return nil, fmt.Errorf("smpki: malformed certificate: %w", err)
	}
	c, err := x509.ParseCertificate(exchanged)
	if err != nil {
		return nil, err
	}
	c.Raw, c.RawTBSCertificate, c.RawSubjectPublicKeyInfo = raw, parts.tbs, parts.spki
	c.PublicKey = pub
	return c, nil
}

// certificateParts are the places of a certificate that the exchange of the key needs. They point into one buffer.
type certificateParts struct {
	tbs       []byte // whole TBSCertificate, as signed
	before    []byte // its content before the SubjectPublicKeyInfo
	spki      []byte // the SubjectPublicKeyInfo
	after     []byte // its content after it
	signature []byte // signature algorithm and signature
}

func splitCertificate(der []byte) (p certificateParts, ok bool) {
	input := cryptobyte.String(der)
	var cert, tbs, body, spki cryptobyte.String
	if !input.ReadASN1(&cert, casn1.SEQUENCE) || !input.Empty() || !cert.ReadASN1Element(&tbs, casn1.SEQUENCE) {
		return p, false
	}
	p.tbs, p.signature = tbs, cert
	if !cert.SkipASN1(casn1.SEQUENCE) || !cert.SkipASN1(casn1.BIT_STRING) || !cert.Empty() {
		return p, false
	}
	if !tbs.ReadASN1(&body, casn1.SEQUENCE) {
		return p, false
	}
	content := []byte(body)
	if !body.SkipOptionalASN1(casn1.Tag(0).Constructed().ContextSpecific()) || // version
		!body.SkipASN1(casn1.INTEGER) || // serial number
		!body.SkipASN1(casn1.SEQUENCE) || // signature algorithm
		!body.SkipASN1(casn1.SEQUENCE) || // issuer
		!body.SkipASN1(casn1.SEQUENCE) || // validity
		!body.SkipASN1(casn1.SEQUENCE) { // subject
		return p, false
	}
	p.before = content[:len(content)-len(body)]
	if !body.ReadASN1Element(&spki, casn1.SEQUENCE) {
		return p, false
	}
	p.spki, p.after = spki, body
	return p, true
}

// parseSubjectPublicKeyInfo returns the key if it is on a brainpool curve, nil if it is any other.
func parseSubjectPublicKeyInfo(der []byte) (*ecdsa.PublicKey, error) {
	input := cryptobyte.String(der)
	var spki, algorithm cryptobyte.String
	var oid, curveOID asn1.ObjectIdentifier
	if !input.ReadASN1(&spki, casn1.SEQUENCE) || !spki.ReadASN1(&algorithm, casn1.SEQUENCE) ||
		!algorithm.ReadASN1ObjectIdentifier(&oid) {
		return nil, errors.New("smpki: malformed public key")
	}
	if !oid.Equal(oidECPublicKey) || !algorithm.PeekASN1Tag(casn1.OBJECT_IDENTIFIER) {
		return nil, nil
	}
	if !algorithm.ReadASN1ObjectIdentifier(&curveOID) || !algorithm.Empty() {
		return nil, errors.New("smpki: malformed public key")
	}
	curve := curveOf(curveOID)
	if curve == nil {
		return nil, nil
	}
	var point []byte
	if !spki.ReadASN1BitStringAsBytes(&point) || !spki.Empty() {
		return nil, errors.New("smpki: malformed public key")
	}
	pub, err := brainpool.ParsePoint(curve, point)
	if err != nil {
		return nil, fmt.Errorf("smpki: public key: %w", err)
	}
	return pub, nil
}

// ParseCertificates reads a file of certificates: one in DER, or any number in PEM, between which other blocks and text may
// stand. It is an error if there is none.
func ParseCertificates(file []byte) ([]*x509.Certificate, error) {
	if len(file) > maxFileBytes {
		return nil, fmt.Errorf("smpki: file of %d bytes, at most %d are read", len(file), maxFileBytes)
	}
	if len(file) > 0 && file[0] == 0x30 {
		c, err := ParseCertificate(file)
		if err != nil {
			return nil, err
		}
		return []*x509.Certificate{c}, nil
	}
	var certs []*x509.Certificate
	for rest := file; len(certs) <= maxCertificates; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" && block.Type != "X509 CERTIFICATE" {
			continue
		}
		c, err := ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d of the file: %w", len(certs)+1, err)
		}
		certs = append(certs, c)
	}
	switch {
	case len(certs) == 0:
		return nil, errors.New("smpki: no certificate in PEM or DER found")
	case len(certs) > maxCertificates:
		return nil, fmt.Errorf("smpki: more than %d certificates in one file", maxCertificates)
	}
	return certs, nil
}

// Fingerprint returns the SHA-256 of the certificate's DER in lower-case hex.
func Fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}
