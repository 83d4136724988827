package brainpool

import (
	"crypto/hmac"
	"crypto/sha256"
)

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
