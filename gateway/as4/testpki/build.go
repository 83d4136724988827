package testpki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // the key identifier of RFC 5280 is a SHA-1
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"time"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/marktbote/marktbote/gateway/as4/smpki"
)

// draft is a certificate before it is signed. x509.CreateCertificate refuses brainpool keys, and would not write most of
// what broken certificates need.
type draft struct {
	subject             []byte // DER of the name
	key                 crypto.PublicKey
	serial              *big.Int
	notBefore, notAfter time.Time
	extensions          []pkix.Extension // beside the key identifiers
}

func (d draft) selfSigned(key crypto.Signer) (*x509.Certificate, error) {
	return d.sign(d.subject, nil, key)
}

func (d draft) signedBy(issuer *x509.Certificate, key crypto.Signer) (*x509.Certificate, error) {
	return d.sign(issuer.RawSubject, issuer.SubjectKeyId, key)
}

func (d draft) sign(issuer, authority []byte, key crypto.Signer) (*x509.Certificate, error) {
	spki, err := subjectPublicKeyInfo(d.key)
	if err != nil {
		return nil, err
	}
	_, algorithm, err := algorithmOf(key)
	if err != nil {
		return nil, err
	}
	id, err := keyID(spki)
	if err != nil {
		return nil, err
	}
	identifiers := []pkix.Extension{{Id: oidSubjectKeyID, Value: append([]byte{4, byte(len(id))}, id...)}}
	if authority != nil {
		identifiers = append(identifiers, authorityKeyID(authority))
	}
	extensions, err := asn1.Marshal(append(identifiers, d.extensions...))
	if err != nil {
		return nil, fmt.Errorf("testpki: extensions: %w", err)
	}
	der, err := signed(key, func(b *cryptobyte.Builder) {
		b.AddASN1(casn1.Tag(0).Constructed().ContextSpecific(), func(b *cryptobyte.Builder) { b.AddASN1Int64(2) })
		b.AddASN1BigInt(d.serial)
		b.AddBytes(algorithm)
		b.AddBytes(issuer)
		b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
			addTime(b, d.notBefore)
			addTime(b, d.notAfter)
		})
		b.AddBytes(d.subject)
		b.AddBytes(spki)
		b.AddASN1(casn1.Tag(3).Constructed().ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes(extensions) })
	})
	if err != nil {
		return nil, err
	}
	c, err := smpki.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("testpki: %w", err)
	}
	return c, nil
}

// signed returns SEQUENCE { SEQUENCE { content }, algorithm, signature }.
func signed(key crypto.Signer, content cryptobyte.BuilderContinuation) ([]byte, error) {
	hash, algorithm, err := algorithmOf(key)
	if err != nil {
		return nil, err
	}
	var b cryptobyte.Builder
	b.AddASN1(casn1.SEQUENCE, content)
	tbs, err := b.Bytes()
	if err != nil {
		return nil, fmt.Errorf("testpki: %w", err)
	}
	h := hash.New()
	h.Write(tbs)
	signature, err := key.Sign(rand.Reader, h.Sum(nil), hash)
	if err != nil {
		return nil, fmt.Errorf("testpki: sign: %w", err)
	}
	b = cryptobyte.Builder{}
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(tbs)
		b.AddBytes(algorithm)
		b.AddASN1BitString(signature)
	})
	return b.Bytes()
}

// algorithmOf returns hash and AlgorithmIdentifier of the signatures of a key: the hash has the size of the curve.
func algorithmOf(key crypto.Signer) (crypto.Hash, []byte, error) {
	pub, ok := key.Public().(*ecdsa.PublicKey)
	if !ok {
		return 0, nil, fmt.Errorf("testpki: no certificates with %T", key.Public())
	}
	hash, last := crypto.SHA256, 2
	switch size := pub.Curve.Params().BitSize; {
	case size > 384:
		hash, last = crypto.SHA512, 4
	case size > 256:
		hash, last = crypto.SHA384, 3
	}
	der, err := asn1.Marshal(pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, last}})
	return hash, der, err
}

func subjectPublicKeyInfo(key crypto.PublicKey) ([]byte, error) {
	pub, ok := key.(*ecdsa.PublicKey)
	if !ok {
		return nil, fmt.Errorf("testpki: no certificates for %T", key)
	}
	if pub.Curve == elliptic.P256() {
		return x509.MarshalPKIXPublicKey(pub)
	}
	if der := smpki.MarshalPublicKey(pub); der != nil {
		return der, nil
	}
	return nil, errors.New("testpki: unknown curve")
}

// keyID returns the SHA-1 of the subjectPublicKey.
func keyID(spki []byte) ([]byte, error) {
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(spki, &info); err != nil {
		return nil, fmt.Errorf("testpki: %w", err)
	}
	sum := sha1.Sum(info.Key.Bytes) //nolint:gosec // see the import
	return sum[:], nil
}

// addTime adds UTCTime, after 2049 GeneralizedTime.
//
// Spec: RFC 5280 4.1.2.5
func addTime(b *cryptobyte.Builder, t time.Time) {
	if t = t.UTC(); t.Year() < 2050 {
		b.AddASN1UTCTime(t)
	} else {
		b.AddASN1GeneralizedTime(t)
	}
}

var (
	oidSubjectKeyID      = asn1.ObjectIdentifier{2, 5, 29, 14}
	oidKeyUsage          = asn1.ObjectIdentifier{2, 5, 29, 15}
	oidIssuerAltName     = asn1.ObjectIdentifier{2, 5, 29, 18}
	oidBasicConstraints  = asn1.ObjectIdentifier{2, 5, 29, 19}
	oidCRLNumber         = asn1.ObjectIdentifier{2, 5, 29, 20}
	oidReasonCode        = asn1.ObjectIdentifier{2, 5, 29, 21}
	oidDistributionPoint = asn1.ObjectIdentifier{2, 5, 29, 28}
	oidCertificateIssuer = asn1.ObjectIdentifier{2, 5, 29, 29}
	oidCRLPoints         = asn1.ObjectIdentifier{2, 5, 29, 31}
	oidPolicies          = asn1.ObjectIdentifier{2, 5, 29, 32}
	oidAuthorityKeyID    = asn1.ObjectIdentifier{2, 5, 29, 35}
)

func authorityKeyID(id []byte) pkix.Extension {
	return pkix.Extension{Id: oidAuthorityKeyID, Value: append([]byte{0x30, byte(len(id) + 2), 0x80, byte(len(id))}, id...)}
}

// caName returns the DER of the name of a CA.
func caName(cn, environment string) []byte {
	return marshal(pkix.RDNSequence{
		{{Type: asn1.ObjectIdentifier{2, 5, 4, 6}, Value: "DE"}},
		{{Type: asn1.ObjectIdentifier{2, 5, 4, 10}, Value: environment}},
		{{Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: cn}},
		{{Type: asn1.ObjectIdentifier{2, 5, 4, 5}, Value: "1"}},
	})
}

// caExtensions are those of a CA that may have pathLen CAs below it; -1 means any number.
func caExtensions(pathLen int) []pkix.Extension {
	constraints := marshal(struct{ CA bool }{true})
	if pathLen >= 0 {
		constraints = marshal(struct {
			CA      bool
			PathLen int
		}{true, pathLen})
	}
	return []pkix.Extension{
		{Id: oidKeyUsage, Critical: true, Value: []byte{3, 2, 1, 0x06}}, // keyCertSign, cRLSign
		{Id: oidBasicConstraints, Critical: true, Value: constraints},
	}
}

func crlSignerExtensions() []pkix.Extension {
	return []pkix.Extension{
		{Id: oidKeyUsage, Critical: true, Value: []byte{3, 2, 1, 0x02}}, // cRLSign
		{Id: oidBasicConstraints, Critical: true, Value: []byte{0x30, 0}},
	}
}

// leafExtensions are those of a participant that the CA adds to what was requested.
func leafExtensions(environment string) []pkix.Extension {
	policies := marshal([]struct{ Policy asn1.ObjectIdentifier }{{asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 3, 4, 1, 1, 1}}})
	var names cryptobyte.Builder
	names.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		addName(b, 6, "http://"+environment+".invalid")
	})
	return []pkix.Extension{
		{Id: oidBasicConstraints, Critical: true, Value: []byte{0x30, 0}},
		{Id: oidPolicies, Value: policies},
		{Id: oidIssuerAltName, Value: names.BytesOrPanic()},
	}
}

func addName(b *cryptobyte.Builder, tag uint8, name string) {
	b.AddASN1(casn1.Tag(tag).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes([]byte(name)) })
}

// marshal writes a constant structure.
func marshal(v any) []byte {
	der, err := asn1.Marshal(v)
	if err != nil {
		panic("testpki: " + err.Error()) // the structure is ours
	}
	return der
}

// distributionPoint is where the list for a certificate is, and who signs it if that is not the issuer of the certificate.
type distributionPoint struct {
	urls   []string
	issuer []byte // DER of a name
}

// addNames adds DistributionPointName with the URLs.
func (p distributionPoint) addNames(b *cryptobyte.Builder) {
	b.AddASN1(casn1.Tag(0).Constructed().ContextSpecific(), func(b *cryptobyte.Builder) {
		b.AddASN1(casn1.Tag(0).Constructed().ContextSpecific(), func(b *cryptobyte.Builder) {
			for _, u := range p.urls {
				addName(b, 6, u)
			}
		})
	})
}

// extension returns the extension of a certificate.
func (p distributionPoint) extension() pkix.Extension {
	var b cryptobyte.Builder
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
			p.addNames(b)
			if p.issuer != nil {
				b.AddASN1(casn1.Tag(2).Constructed().ContextSpecific(), func(b *cryptobyte.Builder) { addDirectoryName(b, p.issuer) })
			}
		})
	})
	return pkix.Extension{Id: oidCRLPoints, Value: b.BytesOrPanic()}
}

// issuing returns the extension of the list.
func (p distributionPoint) issuing() pkix.Extension {
	var b cryptobyte.Builder
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		p.addNames(b)
		if p.issuer != nil {
			b.AddASN1(casn1.Tag(4).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddUint8(0xff) })
		}
	})
	return pkix.Extension{Id: oidDistributionPoint, Critical: true, Value: b.BytesOrPanic()}
}

func addDirectoryName(b *cryptobyte.Builder, name []byte) {
	b.AddASN1(casn1.Tag(4).Constructed().ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes(name) })
}
