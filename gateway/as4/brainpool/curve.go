package brainpool

import (
	"crypto/elliptic"
	"math/big"
)

// curve is y² = x³ + ax + b over the integers mod p, with a prime number of points. elliptic.CurveParams cannot do its
// arithmetic, because it takes a for -3.
type curve struct {
	params *elliptic.CurveParams
	a      *big.Int
	bytes  int // length of a coordinate and of a scalar
}

// Params returns the parameters. Its methods are those of another curve and must not be used.
func (c *curve) Params() *elliptic.CurveParams { return c.params }

// IsOnCurve says whether (x, y) is a point of the curve. Coordinates that are not reduced are none.
func (c *curve) IsOnCurve(x, y *big.Int) bool {
	p := c.params.P
	if x.Sign() < 0 || y.Sign() < 0 || x.Cmp(p) >= 0 || y.Cmp(p) >= 0 {
		return false
	}
	right := new(big.Int).Mul(x, x)
	right.Add(right, c.a)
	right.Mul(right, x)
	right.Add(right, c.params.B)
	right.Mod(right, p)
	left := new(big.Int).Mul(y, y)
	return left.Mod(left, p).Cmp(right) == 0
}

// Add returns the sum of two points; (0, 0) stands for the point at infinity.
func (c *curve) Add(x1, y1, x2, y2 *big.Int) (x, y *big.Int) {
	return c.affine(c.add(c.jacobian(x1, y1), c.jacobian(x2, y2)))
}

// Double returns twice a point.
func (c *curve) Double(x1, y1 *big.Int) (x, y *big.Int) {
	return c.affine(c.double(c.jacobian(x1, y1)))
}

// ScalarMult returns the k-fold of a point, k big-endian. Its duration depends on k: not for secrets.
func (c *curve) ScalarMult(x1, y1 *big.Int, k []byte) (x, y *big.Int) {
	return c.affine(c.combine(new(big.Int), c.jacobian(x1, y1), new(big.Int).SetBytes(k)))
}

// ScalarBaseMult returns the k-fold of the generator, k big-endian. Its duration depends on k: not for secrets.
func (c *curve) ScalarBaseMult(k []byte) (x, y *big.Int) {
	return c.ScalarMult(c.params.Gx, c.params.Gy, k)
}

// point is (X/Z², Y/Z³); Z is 0 for the point at infinity. Points are never changed once made.
type point struct{ x, y, z *big.Int }

func (c *curve) jacobian(x, y *big.Int) point {
	if x.Sign() == 0 && y.Sign() == 0 {
		return point{new(big.Int), new(big.Int), new(big.Int)}
	}
	return point{x, y, big.NewInt(1)}
}

func (c *curve) affine(p point) (x, y *big.Int) {
	if p.z.Sign() == 0 {
		return new(big.Int), new(big.Int)
	}
	inverse := new(big.Int).ModInverse(p.z, c.params.P)
	square := c.mul(inverse, inverse)
	return c.mul(p.x, square), c.mul(p.y, c.mul(square, inverse))
}

func (c *curve) mul(a, b *big.Int) *big.Int {
	product := new(big.Int).Mul(a, b)
	return product.Mod(product, c.params.P)
}

func (c *curve) sub(a, b *big.Int) *big.Int {
	difference := new(big.Int).Sub(a, b)
	if difference.Sign() < 0 {
		difference.Add(difference, c.params.P)
	}
	return difference
}

func (c *curve) twice(a *big.Int) *big.Int {
	sum := new(big.Int).Lsh(a, 1)
	if sum.Cmp(c.params.P) >= 0 {
		sum.Sub(sum, c.params.P)
	}
	return sum
}

// double returns 2p.
func (c *curve) double(p point) point {
	if p.z.Sign() == 0 || p.y.Sign() == 0 {
		return point{new(big.Int), new(big.Int), new(big.Int)}
	}
	yy := c.mul(p.y, p.y)
	s := c.twice(c.twice(c.mul(p.x, yy)))
	zz := c.mul(p.z, p.z)
	m := new(big.Int).Mul(p.x, p.x)
	m.Mul(m, big.NewInt(3))
	m.Add(m, new(big.Int).Mul(c.a, c.mul(zz, zz)))
	m.Mod(m, c.params.P)
	x := c.sub(c.sub(c.mul(m, m), s), s)
	y := c.sub(c.mul(m, c.sub(s, x)), c.twice(c.twice(c.twice(c.mul(yy, yy)))))
	return point{x, y, c.twice(c.mul(p.y, p.z))}
}

// add returns p + q.
func (c *curve) add(p, q point) point {
	if p.z.Sign() == 0 {
		return q
	}
	if q.z.Sign() == 0 {
		return p
	}
	pzz, qzz := c.mul(p.z, p.z), c.mul(q.z, q.z)
	u1, u2 := c.mul(p.x, qzz), c.mul(q.x, pzz)
	s1, s2 := c.mul(p.y, c.mul(q.z, qzz)), c.mul(q.y, c.mul(p.z, pzz))
	h, r := c.sub(u2, u1), c.sub(s2, s1)
	if h.Sign() == 0 {
		if r.Sign() == 0 {
			return c.double(p)
		}
		return point{new(big.Int), new(big.Int), new(big.Int)}
	}
	hh := c.mul(h, h)
	hhh, v := c.mul(h, hh), c.mul(u1, hh)
	x := c.sub(c.sub(c.sub(c.mul(r, r), hhh), v), v)
	y := c.sub(c.mul(r, c.sub(v, x)), c.mul(s1, hhh))
	return point{x, y, c.mul(c.mul(p.z, q.z), h)}
}

// combine returns u·G + v·q, going through both scalars at once with windows of two bits.
func (c *curve) combine(u *big.Int, q point, v *big.Int) point {
	const width = 2
	var table [1 << (2 * width)]point // table[i<<width|j] is i·G + j·q
	table[0] = c.jacobian(new(big.Int), new(big.Int))
	for i := range 1 << width {
		if i > 0 {
			table[i<<width] = c.add(table[(i-1)<<width], c.jacobian(c.params.Gx, c.params.Gy))
		}
		for j := 1; j < 1<<width; j++ {
			table[i<<width|j] = c.add(table[i<<width|j-1], q)
		}
	}
	sum := table[0]
	for bit := (max(u.BitLen(), v.BitLen()) + width - 1) / width * width; bit > 0; bit -= width {
		sum = c.double(c.double(sum))
		i := u.Bit(bit-1)<<1 | u.Bit(bit-2)
		j := v.Bit(bit-1)<<1 | v.Bit(bit-2)
		sum = c.add(sum, table[i<<width|j])
	}
	return sum
}
