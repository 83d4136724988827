package smpki

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/marktbote/marktbote/gateway/as4/brainpool"
)

var (
	oidECDSAWithSHA256  = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}
	oidExtensionRequest = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 14}
	oidSubjectAltName   = asn1.ObjectIdentifier{2, 5, 29, 17}
	oidKeyUsage         = asn1.ObjectIdentifier{2, 5, 29, 15}
	oidExtKeyUsage      = asn1.ObjectIdentifier{2, 5, 29, 37}
)

// Request says what the certificates of a triple are to contain. A CA copies it from a certificate request, which PKCS10
// writes. Empty fields marked optional are left out.
type Request struct {
	Name        string // first part of the CN, without dots: <Name>.EMT.MAK
	Class       string // third part of the CN; empty means MAK
	MPID        string // 13 digits, the OU
	Environment string // the O: Production or Test
	Counter     string // optional: serialNumber of the subject, which the holder counts up with every new triple
	Street      string // optional
	PostalCode  string // optional
	Locality    string // optional
	State       string // optional
	Email       string // contact, rfc822Name
	Endpoint    string // URL at which messages are received, https://host[:port]/path
}

// host checks a Request and returns the host name of its endpoint.
func (r Request) host() (string, error) {
	u, err := url.Parse(r.Endpoint)
	switch {
	case r.Name == "" || strings.Contains(r.Name, "."):
		return "", fmt.Errorf("smpki: the name %q is empty or has a dot; the CN is built as <name>.EMT.MAK", r.Name)
	case r.Class != "" && !strings.HasPrefix(r.Class, "MAK"):
		return "", fmt.Errorf("smpki: the class %q does not begin with MAK", r.Class)
	case !isMPID(r.MPID):
		return "", fmt.Errorf("smpki: %q is no MP-ID of 13 digits", r.MPID)
	case r.Environment != Production && r.Environment != Test:
		return "", fmt.Errorf("smpki: the environment is %q, not %q or %q", r.Environment, Production, Test)
	case !strings.Contains(r.Email, "@") || !isASCII(r.Email):
		return "", fmt.Errorf("smpki: %q is no e-mail address", r.Email)
	case err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || !isASCII(r.Endpoint):
		return "", fmt.Errorf("smpki: the endpoint %q is no https URL in ASCII", r.Endpoint)
	}
	return u.Hostname(), nil
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// Subject returns the DER of the subject name. It is the same for all three certificates.
func (r Request) Subject() ([]byte, error) {
	if _, err := r.host(); err != nil {
		return nil, err
	}
	class := r.Class
	if class == "" {
		class = "MAK"
	}
	var name pkix.RDNSequence
	for _, a := range []pkix.AttributeTypeAndValue{
		{Type: oidCountry, Value: "DE"},
		{Type: oidState, Value: r.State},
		{Type: oidLocality, Value: r.Locality},
		{Type: oidPostalCode, Value: r.PostalCode},
		{Type: oidStreet, Value: r.Street},
		{Type: oidOrganization, Value: r.Environment},
		{Type: oidOrganizationalUnit, Value: r.MPID},
		{Type: oidCommonName, Value: r.Name + ".EMT." + class},
		{Type: oidSerialNumber, Value: r.Counter},
	} {
		if a.Value != "" {
			name = append(name, pkix.RelativeDistinguishedNameSET{a})
		}
	}
	der, err := asn1.Marshal(name)
	if err != nil {
		return nil, fmt.Errorf("smpki: subject: %w", err)
	}
	return der, nil
}

// Extensions returns the extensions that a request asks for and a CA copies: key usage, for TLS extended key usage, and the
// alternative names.
func (r Request) Extensions(usage Usage) ([]pkix.Extension, error) {
	host, err := r.host()
	if err != nil {
		return nil, err
	}
	var extensions []pkix.Extension
	switch usage {
	case Signature, TLS:
		extensions = append(extensions, keyUsageExtension(0x80, 7)) // digitalSignature
	case Encryption:
		extensions = append(extensions, keyUsageExtension(0x28, 3)) // keyEncipherment, keyAgreement
	default:
		return nil, fmt.Errorf("smpki: no certificates for %s", usage)
	}
	if usage == TLS {
		eku, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 1}, {1, 3, 6, 1, 5, 5, 7, 3, 2}}) // serverAuth, clientAuth
		if err != nil {
			return nil, fmt.Errorf("smpki: %w", err)
		}
		extensions = append(extensions, pkix.Extension{Id: oidExtKeyUsage, Critical: true, Value: eku})
	}
	var b cryptobyte.Builder
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		addName(b, 1, r.Email)
		if usage == TLS {
			addName(b, 2, host)
		}
		addName(b, 6, r.Endpoint)
	})
	names, err := b.Bytes()
	if err != nil {
		return nil, fmt.Errorf("smpki: alternative names: %w", err)
	}
	return append(extensions, pkix.Extension{Id: oidSubjectAltName, Value: names}), nil
}

// addName adds a GeneralName: 1 rfc822Name, 2 dNSName, 6 uniformResourceIdentifier.
func addName(b *cryptobyte.Builder, tag uint8, name string) {
	b.AddASN1(casn1.Tag(tag).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes([]byte(name)) })
}

func keyUsageExtension(bits, unused byte) pkix.Extension {
	return pkix.Extension{Id: oidKeyUsage, Critical: true, Value: []byte{3, 2, unused, bits}}
}

// PKCS10 returns the certificate request for one usage in DER, signed with its key: ecdsa-with-SHA256. Each usage needs a
// key of its own.
//
// Spec: RFC 2986 4
func (r Request) PKCS10(usage Usage, key *brainpool.PrivateKey) ([]byte, error) {
	subject, err := r.Subject()
	if err != nil {
		return nil, err
	}
	extensions, err := r.Extensions(usage)
	if err != nil {
		return nil, err
	}
	wanted, err := asn1.Marshal(extensions)
	if err != nil {
		return nil, fmt.Errorf("smpki: extensions: %w", err)
	}
	pub, ok := key.Public().(*ecdsa.PublicKey)
	if !ok {
		return nil, errors.New("smpki: key without a public key")
	}
	var b cryptobyte.Builder
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(0)
		b.AddBytes(subject)
		b.AddBytes(MarshalPublicKey(pub))
		b.AddASN1(casn1.Tag(0).Constructed().ContextSpecific(), func(b *cryptobyte.Builder) {
			b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(oidExtensionRequest)
				b.AddASN1(casn1.SET, func(b *cryptobyte.Builder) { b.AddBytes(wanted) })
			})
		})
	})
	info, err := b.Bytes()
	if err != nil {
		return nil, fmt.Errorf("smpki: certificate request: %w", err)
	}
	digest := sha256.Sum256(info)
	signature, err := key.Sign(nil, digest[:], crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("smpki: sign the certificate request: %w", err)
	}
	b = cryptobyte.Builder{}
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(info)
		b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(oidECDSAWithSHA256) })
		b.AddASN1BitString(signature)
	})
	return b.Bytes()
}

// MarshalPublicKey returns the SubjectPublicKeyInfo of a key on one of the three curves, nil for any other.
func MarshalPublicKey(pub *ecdsa.PublicKey) []byte {
	var oid asn1.ObjectIdentifier
	switch pub.Curve {
	case brainpool.P256r1():
		oid = oidP256r1
	case brainpool.P384r1():
		oid = oidP384r1
	case brainpool.P512r1():
		oid = oidP512r1
	default:
		return nil
	}
	var b cryptobyte.Builder
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(oidECPublicKey)
			b.AddASN1ObjectIdentifier(oid)
		})
		b.AddASN1BitString(brainpool.MarshalPoint(pub))
	})
	der, err := b.Bytes()
	if err != nil {
		return nil
	}
	return der
}

// Holds reports whether a certificate is about the public half of a key.
func Holds(c *x509.Certificate, key *brainpool.PrivateKey) bool {
	pub, ok := c.PublicKey.(*ecdsa.PublicKey)
	own, isKey := key.Public().(*ecdsa.PublicKey)
	return ok && isKey && pub.Curve == own.Curve && bytes.Equal(brainpool.MarshalPoint(pub), brainpool.MarshalPoint(own))
}
