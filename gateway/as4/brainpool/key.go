package brainpool

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"errors"
	"io"
)

// scalarBytes is the length of a private key of brainpoolP256r1, of r and of s.
const scalarBytes = 32

var (
	errDigest = errors.New("brainpool: a digest has 32, 48 or 64 bytes")
	errScalar = errors.New("brainpool: a private key is a number of 32 bytes from 1 to the order less 1")
)

// PrivateKey is a private key of brainpoolP256r1. It is a crypto.Signer. It is safe for concurrent use.
type PrivateKey struct {
	scalar [scalarBytes]byte // big-endian
	d      element           // the same mod n
	public *ecdsa.PublicKey
}

// GenerateKey makes a private key from the random source of the system.
func GenerateKey() (*PrivateKey, error) {
	for {
		scalar := make([]byte, scalarBytes)
		if _, err := rand.Read(scalar); err != nil {
			return nil, err
		}
		if key, err := NewPrivateKey(scalar); err == nil {
			return key, nil
		}
	}
}

// NewPrivateKey returns the private key with the given scalar: 32 bytes, big-endian, from 1 to the order less 1.
func NewPrivateKey(scalar []byte) (*PrivateKey, error) {
	if len(scalar) != scalarBytes {
		return nil, errScalar
	}
	d, below := p256r1.n.parse(scalar)
	if below&^p256r1.n.isZero(&d) == 0 {
		return nil, errScalar
	}
	k := &PrivateKey{d: d}
	copy(k.scalar[:], scalar)
	var q point
	p256r1.multiplyBase(&q, k.scalar[:])
	x, y := p256r1.coordinates(&q)
	k.public = &ecdsa.PublicKey{Curve: p256r1, X: x, Y: y}
	return k, nil
}

// Scalar returns the private number: 32 bytes, big-endian.
func (k *PrivateKey) Scalar() []byte { return bytes.Clone(k.scalar[:]) }

// Public returns the public key, an *ecdsa.PublicKey on P256r1.
func (k *PrivateKey) Public() crypto.PublicKey { return k.public }

// Sign signs a digest of SHA-256, SHA-384 or SHA-512 and returns the signature as DER. Neither the reader nor the
// options matter: randomness comes from the system, and the length of the digest says what it is.
func (k *PrivateKey) Sign(_ io.Reader, digest []byte, _ crypto.SignerOpts) ([]byte, error) {
	rs, err := k.SignRaw(digest)
	if err != nil {
		return nil, err
	}
	return marshalSignature(rs[:scalarBytes], rs[scalarBytes:]), nil
}

// SignRaw signs a digest of SHA-256, SHA-384 or SHA-512 and returns r and s, 32 bytes each.
//
// Spec: BSI TR-03111, 4.2; RFC 6979, 3.2 and 3.6 (additional randomness)
func (k *PrivateKey) SignRaw(digest []byte) ([]byte, error) {
	if !isDigest(digest) {
		return nil, errDigest
	}
	var extra [32]byte
	if _, err := rand.Read(extra[:]); err != nil {
		return nil, err
	}
	c, n := p256r1, p256r1.n
	e := n.parseReduced(leading(digest, scalarBytes))
	var reduced [scalarBytes]byte
	n.put(reduced[:], &e)
	nonces := newNonces(k.scalar[:], reduced[:], extra[:])
	for {
		candidate := nonces.next()
		nonce, below := n.parse(candidate)
		if below&^n.isZero(&nonce) == 0 { // says nothing about the one that is taken
			continue
		}
		var point point
		c.multiplyBase(&point, candidate)
		r := c.residue(&point)
		var s element
		n.mul(&s, &r, &k.d)
		n.add(&s, &s, &e)
		n.invert(&nonce, &nonce)
		n.mul(&s, &s, &nonce)
		if n.isZero(&r)|n.isZero(&s) == 1 {
			continue
		}
		rs := make([]byte, 2*scalarBytes)
		n.put(rs[:scalarBytes], &r)
		n.put(rs[scalarBytes:], &s)
		return rs, nil
	}
}

// ECDH returns the x coordinate of the product of the private number and the point of the peer, 32 bytes. It refuses a
// key that is not a point of brainpoolP256r1.
//
// Spec: BSI TR-03111, 4.3 (ECKA); the cofactor is 1
func (k *PrivateKey) ECDH(peer *ecdsa.PublicKey) ([]byte, error) {
	c, s, err := pointOf(peer)
	if err != nil {
		return nil, err
	}
	if c != p256r1 {
		return nil, errCurve
	}
	c.multiply(&s, &s, k.scalar[:])
	x, _ := c.affine(&s)
	secret := make([]byte, scalarBytes)
	c.p.put(secret, &x)
	return secret, nil
}
