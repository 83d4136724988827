package brainpool

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"errors"
	"fmt"
	"math/big"
)

var (
	errCurve = errors.New("brainpool: not a curve of this package")
	errPoint = errors.New("brainpool: not a point of the curve")
)

// ParsePoint reads a public key of the curve c, which is one of this package: 4, then X and Y in full length. It refuses
// everything else, compressed points and the point at infinity included, and points that are not on the curve.
//
// Spec: BSI TR-03111, 3.2 (uncompressed encoding)
func ParsePoint(c elliptic.Curve, b []byte) (*ecdsa.PublicKey, error) {
	own, ok := c.(*curve)
	if !ok {
		return nil, errCurve
	}
	if len(b) != 1+2*own.bytes || b[0] != 4 {
		return nil, fmt.Errorf("brainpool: an uncompressed point of %s has %d bytes and begins with 4", own.params.Name, 1+2*own.bytes)
	}
	x, y := new(big.Int).SetBytes(b[1:1+own.bytes]), new(big.Int).SetBytes(b[1+own.bytes:])
	if !own.IsOnCurve(x, y) {
		return nil, errPoint
	}
	return &ecdsa.PublicKey{Curve: c, X: x, Y: y}, nil
}

// MarshalPoint writes a public key as ParsePoint reads it. It panics if pub is not a point of a curve of this package.
func MarshalPoint(pub *ecdsa.PublicKey) []byte {
	c, err := curveOf(pub)
	if err != nil {
		panic(err)
	}
	b := make([]byte, 1+2*c.bytes)
	b[0] = 4
	pub.X.FillBytes(b[1 : 1+c.bytes])
	pub.Y.FillBytes(b[1+c.bytes:])
	return b
}

// curveOf returns the curve of a key after checking that the key is a point of it: anybody can fill an ecdsa.PublicKey.
func curveOf(pub *ecdsa.PublicKey) (*curve, error) {
	if pub == nil || pub.X == nil || pub.Y == nil {
		return nil, errPoint
	}
	c, ok := pub.Curve.(*curve)
	if !ok {
		return nil, errCurve
	}
	if !c.IsOnCurve(pub.X, pub.Y) {
		return nil, errPoint
	}
	return c, nil
}
