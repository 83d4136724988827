package brainpool

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io"
	"math/big"
)

// scalarBytes is the length of a private key of brainpoolP256r1, of r and of s.
const scalarBytes = 32

// errDigest is the answer to a digest of another length than those of SHA-256, SHA-384 and SHA-512.
var errDigest = errors.New("brainpool: a digest has 32, 48 or 64 bytes")

// PrivateKey is a private key of brainpoolP256r1. It is a crypto.Signer. It is safe for concurrent use.
type PrivateKey struct {
	d      *big.Int
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
	d := new(big.Int).SetBytes(scalar)
	if len(scalar) != scalarBytes || d.Sign() == 0 || d.Cmp(p256r1.params.N) >= 0 {
		return nil, errors.New("brainpool: a private key is a number of 32 bytes from 1 to the order less 1")
	}
	x, y := p256r1.ScalarBaseMult(scalar)
	return &PrivateKey{d: d, public: &ecdsa.PublicKey{Curve: p256r1, X: x, Y: y}}, nil
}

// Scalar returns the private number: 32 bytes, big-endian.
func (k *PrivateKey) Scalar() []byte { return k.d.FillBytes(make([]byte, scalarBytes)) }

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
	n := p256r1.params.N
	e := new(big.Int).SetBytes(leading(digest, scalarBytes))
	nonces := newNonces(k.Scalar(), e.Mod(e, n).FillBytes(make([]byte, scalarBytes)), extra[:])
	for {
		nonce := new(big.Int).SetBytes(nonces.next())
		if nonce.Sign() == 0 || nonce.Cmp(n) >= 0 {
			continue
		}
		r, _ := p256r1.ScalarBaseMult(nonce.Bytes())
		r.Mod(r, n)
		s := new(big.Int).Mul(r, k.d)
		s.Mul(s.Add(s, e), nonce.ModInverse(nonce, n))
		s.Mod(s, n)
		if r.Sign() != 0 && s.Sign() != 0 {
			rs := make([]byte, 2*scalarBytes)
			r.FillBytes(rs[:scalarBytes])
			s.FillBytes(rs[scalarBytes:])
			return rs, nil
		}
	}
}

// ECDH returns the x coordinate of the product of the private number and the point of the peer, 32 bytes. It refuses a
// key that is not a point of brainpoolP256r1.
//
// Spec: BSI TR-03111, 4.3 (ECKA); the cofactor is 1
func (k *PrivateKey) ECDH(peer *ecdsa.PublicKey) ([]byte, error) {
	c, err := curveOf(peer)
	if err != nil {
		return nil, err
	}
	if c != p256r1 {
		return nil, errCurve
	}
	x, _ := c.ScalarMult(peer.X, peer.Y, k.Scalar())
	return x.FillBytes(make([]byte, scalarBytes)), nil
}

// nonces makes candidates for the nonce of a signature with HMAC-SHA256.
type nonces struct {
	key, value []byte
	again      bool
}

// newNonces begins with the private number, the digest mod the order, and additional data.
func newNonces(scalar, digest, extra []byte) *nonces {
	n := &nonces{key: make([]byte, sha256.Size), value: make([]byte, sha256.Size)}
	for i := range n.value {
		n.value[i] = 1
	}
	n.update(0, scalar, digest, extra)
	n.update(1, scalar, digest, extra)
	return n
}

func (n *nonces) update(round byte, data ...[]byte) {
	n.key = n.mac(append([][]byte{n.value, {round}}, data...)...)
	n.value = n.mac(n.value)
}

func (n *nonces) mac(data ...[]byte) []byte {
	h := hmac.New(sha256.New, n.key)
	for _, d := range data {
		h.Write(d)
	}
	return h.Sum(nil)
}

// next returns 32 bytes, a number that need not be below the order.
func (n *nonces) next() []byte {
	if n.again {
		n.update(0)
	}
	n.again = true
	n.value = n.mac(n.value)
	return n.value
}
