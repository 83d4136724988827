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
	length := own.p.bytes()
	if len(b) != 1+2*length || b[0] != 4 {
		return nil, fmt.Errorf("brainpool: an uncompressed point of %s has %d bytes and begins with 4", own.params.Name, 1+2*length)
	}
	x, y := new(big.Int).SetBytes(b[1:1+length]), new(big.Int).SetBytes(b[1+length:])
	if !own.IsOnCurve(x, y) {
		return nil, errPoint
	}
	return &ecdsa.PublicKey{Curve: c, X: x, Y: y}, nil
}

// MarshalPoint writes a public key as ParsePoint reads it. It panics if pub is not a point of a curve of this package.
func MarshalPoint(pub *ecdsa.PublicKey) []byte {
	c, _, err := pointOf(pub)
	if err != nil {
		panic(err)
	}
	length := c.p.bytes()
	b := make([]byte, 1+2*length)
	b[0] = 4
	pub.X.FillBytes(b[1 : 1+length])
	pub.Y.FillBytes(b[1+length:])
	return b
}

// pointOf returns the curve and the point of a key after checking that the one is on the other: anybody can fill an
// ecdsa.PublicKey.
func pointOf(pub *ecdsa.PublicKey) (*curve, point, error) {
	if pub == nil || pub.X == nil || pub.Y == nil {
		return nil, point{}, errPoint
	}
	c, ok := pub.Curve.(*curve)
	if !ok {
		return nil, point{}, errCurve
	}
	s, ok := c.point(pub.X, pub.Y)
	if !ok {
		return nil, point{}, errPoint
	}
	return c, s, nil
}
