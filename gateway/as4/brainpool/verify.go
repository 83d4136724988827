package brainpool

import "crypto/ecdsa"

// Verify says whether der is the signature of digest by pub: a DER sequence of r and s and nothing else, as certificates
// and revocation lists have it. The digest is one of SHA-256, SHA-384 or SHA-512; of one that is longer than the order of
// the curve the leading bytes count. A key that is no point of a curve of this package verifies nothing.
//
// Spec: BSI TR-03111, 4.2 (verification), 5.2 (X9.62 format)
func Verify(pub *ecdsa.PublicKey, digest, der []byte) bool {
	r, s, ok := parseSignature(der)
	if !ok {
		return false
	}
	c, q, err := pointOf(pub)
	return err == nil && c.verify(&q, digest, r, s)
}

// VerifyRaw is Verify for r and s one after the other, each in the length of the order, as in XML signatures.
//
// Spec: BSI TR-03111, 5.2 (plain format)
func VerifyRaw(pub *ecdsa.PublicKey, digest, rs []byte) bool {
	c, q, err := pointOf(pub)
	if err != nil || len(rs) != 2*c.n.bytes() {
		return false
	}
	return c.verify(&q, digest, rs[:c.n.bytes()], rs[c.n.bytes():])
}

// verify takes r and s as big-endian numbers of any length.
func (c *curve) verify(q *point, digest, rBytes, sBytes []byte) bool {
	length := c.n.bytes()
	if !isDigest(digest) || len(rBytes) > length || len(sBytes) > length {
		return false
	}
	n := c.n
	r, rBelow := n.parse(rBytes)
	s, sBelow := n.parse(sBytes)
	if rBelow&sBelow == 0 || n.isZero(&r)|n.isZero(&s) == 1 {
		return false
	}
	e := n.parseReduced(leading(digest, length))
	var w element
	n.invert(&w, &s)
	n.mul(&e, &e, &w)
	n.mul(&w, &r, &w)
	u, v := make([]byte, length), make([]byte, length)
	n.put(u, &e)
	n.put(v, &w)
	var sum, share point
	c.multiplyBase(&sum, u)
	c.multiply(&share, q, v)
	c.add(&sum, &sum, &share)
	if c.p.isZero(&sum.z) == 1 {
		return false
	}
	got := c.residue(&sum)
	return n.equal(&got, &r) == 1
}

// residue returns the x coordinate of s, which is not the point at infinity, mod n.
func (c *curve) residue(s *point) element {
	x, _ := c.affine(s)
	b := make([]byte, c.p.bytes())
	c.p.put(b, &x)
	return c.n.parseReduced(b)
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
