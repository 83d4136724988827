package smpki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	_ "crypto/sha512" // SHA-384 and SHA-512 of the newer CAs
	"crypto/x509"
	"errors"
	"sync"

	"github.com/marktbote/marktbote/gateway/as4/brainpool"
)

var (
	errAlgorithm = errors.New("signature algorithm outside the list")
	errSignature = errors.New("signature does not fit")
)

// hashOf returns the hash of a signature algorithm of the closed list, 0 for any other.
//
// Spec: BSI TR-03116-3, table 5
func hashOf(a x509.SignatureAlgorithm) crypto.Hash {
	switch a {
	case x509.ECDSAWithSHA256:
		return crypto.SHA256
	case x509.ECDSAWithSHA384:
		return crypto.SHA384
	case x509.ECDSAWithSHA512:
		return crypto.SHA512
	}
	return 0
}

// brainpoolKey returns the key of a certificate if it is on one of the three curves.
func brainpoolKey(c *x509.Certificate) (*ecdsa.PublicKey, bool) {
	pub, ok := c.PublicKey.(*ecdsa.PublicKey)
	if !ok {
		return nil, false
	}
	switch pub.Curve {
	case brainpool.P256r1(), brainpool.P384r1(), brainpool.P512r1():
		return pub, true
	}
	return nil, false
}

// keyName names the kind of key of a certificate for messages.
func keyName(c *x509.Certificate) string {
	switch pub := c.PublicKey.(type) {
	case *ecdsa.PublicKey:
		switch pub.Curve {
		case elliptic.P224(), elliptic.P256(), elliptic.P384(), elliptic.P521():
			return "NIST " + pub.Curve.Params().Name
		}
		return pub.Curve.Params().Name
	case nil:
		return "of an unknown kind"
	}
	return c.PublicKeyAlgorithm.String()
}

// verify checks the signature of issuer over signed. The errors are errAlgorithm and errSignature.
//
// It does not use x509.Certificate.CheckSignatureFrom, which goes through the deprecated path of crypto/ecdsa for curves
// that the standard library does not know.
func verify(issuer *x509.Certificate, algorithm x509.SignatureAlgorithm, signed, signature []byte) error {
	pub, ok := brainpoolKey(issuer)
	hash := hashOf(algorithm)
	if !ok || hash == 0 {
		return errAlgorithm
	}
	h := hash.New()
	h.Write(signed)
	if !brainpool.Verify(pub, h.Sum(nil), signature) {
		return errSignature
	}
	return nil
}

// maxSeen and maxLists bound what a Trust remembers.
const (
	maxSeen  = 4096
	maxLists = 64
)

// memory remembers which signatures were found good, so that the certificates of a partner who sends a thousand messages
// cost one verification. It is asked with everything a signature depends on, and only good ones are kept.
type memory struct {
	mu    sync.Mutex
	good  map[[sha256.Size]byte]bool
	lists map[[sha256.Size]byte]*crl // by SHA-256 of the CA's certificate
}

// verified checks that issuer has signed c.
func (m *memory) verified(issuer, c *x509.Certificate) error {
	h := sha256.New()
	h.Write(issuer.RawSubjectPublicKeyInfo) // DER: the end of one and the beginning of the other are plain
	h.Write(c.Raw)
	key := [sha256.Size]byte(h.Sum(nil))
	m.mu.Lock()
	known := m.good[key]
	m.mu.Unlock()
	if known {
		return nil
	}
	if err := verify(issuer, c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.good == nil || len(m.good) >= maxSeen {
		m.good = map[[sha256.Size]byte]bool{}
	}
	m.good[key] = true
	return nil
}
