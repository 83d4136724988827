package smpki

import (
	"crypto/x509"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Limits of a path, as sent in a BinarySecurityToken and as built by Verify.
const (
	maxPathBytes = 16 << 10
	maxPath      = 4 // root, a CA more than there is today, Sub-CA, leaf
)

// MarshalPkiPath writes certificates as ASN.1 PkiPath: SEQUENCE OF Certificate. The order is that of the path: issuer first,
// leaf last. It is the value of a token X509PKIPathv1.
//
// Spec: WSS 1.1.1, X.509 token profile 3.1
func MarshalPkiPath(path []*x509.Certificate) ([]byte, error) {
	if len(path) == 0 || len(path) > maxPath {
		return nil, fmt.Errorf("smpki: a path has 1 to %d certificates, not %d", maxPath, len(path))
	}
	var b cryptobyte.Builder
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for _, c := range path {
			b.AddBytes(c.Raw)
		}
	})
	der, err := b.Bytes()
	if err == nil && len(der) > maxPathBytes {
		err = fmt.Errorf("smpki: path of %d bytes, at most %d are sent", len(der), maxPathBytes)
	}
	return der, err
}

// ParsePkiPath reads an ASN.1 PkiPath of at most 16 KiB and four certificates: issuer first, leaf last. Only the form is
// checked; that each certificate has issued the next is found out by Trust.Verify.
func ParsePkiPath(der []byte) ([]*x509.Certificate, error) {
	if len(der) > maxPathBytes {
		return nil, fmt.Errorf("smpki: path of %d bytes, at most %d are read", len(der), maxPathBytes)
	}
	input := cryptobyte.String(der)
	var list cryptobyte.String
	if !input.ReadASN1(&list, casn1.SEQUENCE) || !input.Empty() {
		return nil, errors.New("smpki: malformed PkiPath")
	}
	var path []*x509.Certificate
	for !list.Empty() {
		if len(path) == maxPath {
			return nil, fmt.Errorf("smpki: path of more than %d certificates", maxPath)
		}
		var raw cryptobyte.String
		if !list.ReadASN1Element(&raw, casn1.SEQUENCE) {
			return nil, errors.New("smpki: malformed PkiPath")
		}
		c, err := ParseCertificate(raw)
		if err != nil {
			return nil, fmt.Errorf("certificate %d of the path: %w", len(path)+1, err)
		}
		path = append(path, c)
	}
	if len(path) == 0 {
		return nil, errors.New("smpki: empty PkiPath")
	}
	return path, nil
}
