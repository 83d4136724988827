package brainpool

import (
	"crypto/elliptic"
	"math/big"
	"sync"
)

// curve is y² = x³ + ax + b mod p with a prime number n of points.
type curve struct {
	params *elliptic.CurveParams
	p, n   *modulus
	a, b   element // mod p

	// The twin of the curve, see group.go.
	toTwin, fromTwin [2]element // f², f³ and their inverses
	twinB            element    // b·f⁶
	generator        point
	base             func() []table
}

// newCurve returns the curve with the given parameters in hexadecimal.
func newCurve(name, p, a, b, x, y, n string) *curve {
	number := func(hex string) *big.Int {
		x, ok := new(big.Int).SetString(hex, 16)
		if !ok {
			panic("brainpool: malformed parameter of " + name)
		}
		return x
	}
	params := &elliptic.CurveParams{P: number(p), N: number(n), B: number(b), Gx: number(x), Gy: number(y), Name: name}
	params.BitSize = params.P.BitLen()
	c := &curve{params: params, p: newModulus(params.P), n: newModulus(params.N)}
	c.a = c.p.parseReduced(number(a).Bytes())
	c.b = c.p.parseReduced(params.B.Bytes())

	// f² is that root of -3/a which is a square itself; p is 3 mod 4, so one of the two is.
	quotient := new(big.Int).ModInverse(number(a), params.P)
	quotient.Mod(quotient.Mul(quotient, big.NewInt(-3)), params.P)
	square := new(big.Int).ModSqrt(quotient, params.P)
	if big.Jacobi(square, params.P) < 0 {
		square.Sub(params.P, square)
	}
	f2 := c.p.parseReduced(square.Bytes())
	f3 := c.p.parseReduced(square.ModSqrt(square, params.P).Bytes())
	c.p.mul(&f3, &f3, &f2)
	c.toTwin = [2]element{f2, f3}
	c.p.invert(&c.fromTwin[0], &f2)
	c.p.invert(&c.fromTwin[1], &f3)
	c.p.mul(&c.twinB, &f3, &f3)
	c.p.mul(&c.twinB, &c.twinB, &c.b)

	gx, gy := c.p.parseReduced(params.Gx.Bytes()), c.p.parseReduced(params.Gy.Bytes())
	c.generator = c.twin(&gx, &gy)
	c.base = sync.OnceValue(c.baseTables)
	return c
}

// The methods of elliptic.Curve. Its numbers are big.Int values, which are not made for secrets.

// Params returns the parameters. The methods of elliptic.CurveParams take a for -3: what they compute is wrong here.
func (c *curve) Params() *elliptic.CurveParams { return c.params }

// IsOnCurve says whether (x, y) is a point of the curve other than infinity. Coordinates that are not reduced are none.
func (c *curve) IsOnCurve(x, y *big.Int) bool {
	_, ok := c.point(x, y)
	return ok
}

// Add returns the sum of two points; (0, 0) stands for the point at infinity. It panics if one is not on the curve.
func (c *curve) Add(x1, y1, x2, y2 *big.Int) (x, y *big.Int) {
	s, t := c.mustPoint(x1, y1), c.mustPoint(x2, y2)
	c.add(&s, &s, &t)
	return c.coordinates(&s)
}

// Double returns twice a point. It panics if it is not on the curve.
func (c *curve) Double(x1, y1 *big.Int) (x, y *big.Int) {
	s := c.mustPoint(x1, y1)
	c.double(&s, &s)
	return c.coordinates(&s)
}

// ScalarMult returns the k-fold of a point, k big-endian. It panics if the point is not on the curve.
func (c *curve) ScalarMult(x1, y1 *big.Int, k []byte) (x, y *big.Int) {
	s := c.mustPoint(x1, y1)
	c.multiply(&s, &s, c.scalar(k))
	return c.coordinates(&s)
}

// ScalarBaseMult returns the k-fold of the generator, k big-endian.
func (c *curve) ScalarBaseMult(k []byte) (x, y *big.Int) {
	var s point
	c.multiplyBase(&s, c.scalar(k))
	return c.coordinates(&s)
}

// scalar returns k mod n in full length.
func (c *curve) scalar(k []byte) []byte {
	number := new(big.Int).SetBytes(k)
	return number.Mod(number, c.params.N).FillBytes(make([]byte, c.n.bytes()))
}

// point returns the point with the given coordinates if there is one.
func (c *curve) point(x, y *big.Int) (point, bool) {
	if x.Sign() < 0 || y.Sign() < 0 || x.BitLen() > c.params.BitSize || y.BitLen() > c.params.BitSize {
		return point{}, false
	}
	ex, belowX := c.p.parse(x.Bytes())
	ey, belowY := c.p.parse(y.Bytes())
	return c.twin(&ex, &ey), belowX&belowY&c.contains(&ex, &ey) == 1
}

func (c *curve) mustPoint(x, y *big.Int) point {
	if x.Sign() == 0 && y.Sign() == 0 {
		return c.infinity()
	}
	s, ok := c.point(x, y)
	if !ok {
		panic(errPoint)
	}
	return s
}

func (c *curve) coordinates(s *point) (x, y *big.Int) {
	ax, ay := c.affine(s)
	b := make([]byte, c.p.bytes())
	c.p.put(b, &ax)
	x = new(big.Int).SetBytes(b)
	c.p.put(b, &ay)
	return x, new(big.Int).SetBytes(b)
}
