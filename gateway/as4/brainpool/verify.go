package brainpool

import (
	"crypto/ecdsa"
	"math/big"
)

// Verify says whether der is the signature of digest by pub: a DER sequence of r and s and nothing else, as certificates
// and revocation lists have it. The digest is one of SHA-256, SHA-384 or SHA-512; of one that is longer than the order of
// the curve the leading bytes count. A key that is no point of a curve of this package verifies nothing.
//
// Spec: BSI TR-03111, 4.2 (verification), 5.2 (X9.62 format)
func Verify(pub *ecdsa.PublicKey, digest, der []byte) bool {
	r, s, ok := parseSignature(der)
	return ok && verify(pub, digest, r, s)
}

// VerifyRaw is Verify for r and s one after the other, each in the length of the order, as in XML signatures.
//
// Spec: BSI TR-03111, 5.2 (plain format)
func VerifyRaw(pub *ecdsa.PublicKey, digest, rs []byte) bool {
	if len(rs)%2 != 0 {
		return false
	}
	c, err := curveOf(pub)
	if err != nil || len(rs) != 2*c.bytes {
		return false
	}
	return verify(pub, digest, rs[:c.bytes], rs[c.bytes:])
}

// verify takes r and s as big-endian numbers of any length.
func verify(pub *ecdsa.PublicKey, digest, rBytes, sBytes []byte) bool {
	c, err := curveOf(pub)
	if err != nil || !isDigest(digest) || len(rBytes) > c.bytes || len(sBytes) > c.bytes {
		return false
	}
	n := c.params.N
	r, s := new(big.Int).SetBytes(rBytes), new(big.Int).SetBytes(sBytes)
	if r.Sign() == 0 || s.Sign() == 0 || r.Cmp(n) >= 0 || s.Cmp(n) >= 0 {
		return false
	}
	w := new(big.Int).ModInverse(s, n)
	u := new(big.Int).SetBytes(leading(digest, c.bytes))
	u.Mod(u.Mul(u, w), n)
	v := w.Mul(r, w)
	v.Mod(v, n)
	sum := c.combine(u, c.jacobian(pub.X, pub.Y), v)
	if sum.z.Sign() == 0 {
		return false
	}
	x, _ := c.affine(sum)
	return x.Mod(x, n).Cmp(r) == 0
}

// isDigest says whether digest has the length of a hash function that the SM-PKI permits. Everything else, the message
// itself above all, is a mistake of the caller.
func isDigest(digest []byte) bool {
	switch len(digest) {
	case 32, 48, 64:
		return true
	}
	return false
}

// leading returns the leading bytes of a digest that count. The bit length of all orders is a multiple of eight.
func leading(digest []byte, bytes int) []byte {
	return digest[:min(len(digest), bytes)]
}
