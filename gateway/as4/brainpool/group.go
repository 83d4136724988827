package brainpool

// NOTE
//
// Points are projective, (X/Z, Y/Z), and added with the complete formulas of Renes, Costello and Batina ("Complete
// addition formulas for prime order elliptic curves", algorithms 1 and 3): they hold for all pairs of points, equal ones,
// opposite ones and the point at infinity, so there is nothing to branch on. Scalars are taken four bits at a time, all
// of them; a multiple comes out of its table by reading all sixteen. So the time depends on neither scalar nor point,
// which verification does not need but has for the price of one set of formulas.

// point is (X/Z, Y/Z); Z is 0 for the point at infinity alone.
type point struct{ x, y, z element }

// table has the multiples of a point from 0 to 15.
type table [16]point

// infinity returns the neutral point.
func (c *curve) infinity() point { return point{y: c.p.one} }

// add sets r = s + t.
func (c *curve) add(r, s, t *point) {
	p := c.p
	var xx, yy, zz, xy, xz, yz, u, v element
	p.mul(&xx, &s.x, &t.x)
	p.mul(&yy, &s.y, &t.y)
	p.mul(&zz, &s.z, &t.z)
	c.cross(&xy, &s.x, &s.y, &t.x, &t.y, &xx, &yy)
	c.cross(&xz, &s.x, &s.z, &t.x, &t.z, &xx, &zz)
	c.cross(&yz, &s.y, &s.z, &t.y, &t.z, &yy, &zz)

	var low, high element // yy ∓ (a·xz + 3b·zz)
	p.mul(&u, &c.a, &xz)
	p.mul(&v, &c.b3, &zz)
	p.add(&u, &u, &v)
	p.sub(&low, &yy, &u)
	p.add(&high, &yy, &u)

	p.mul(&zz, &c.a, &zz)
	p.mul(&v, &c.b3, &xz)
	p.sub(&u, &xx, &zz)
	p.mul(&u, &c.a, &u)
	p.add(&v, &v, &u) // 3b·xz + a·(xx - a·zz)
	p.add(&u, &xx, &xx)
	p.add(&u, &u, &xx)
	p.add(&u, &u, &zz) // 3·xx + a·zz

	p.mul(&r.x, &xy, &low)
	p.mul(&xx, &yz, &v)
	p.sub(&r.x, &r.x, &xx)
	p.mul(&r.y, &low, &high)
	p.mul(&xx, &u, &v)
	p.add(&r.y, &r.y, &xx)
	p.mul(&r.z, &yz, &high)
	p.mul(&xx, &xy, &u)
	p.add(&r.z, &r.z, &xx)
}

// cross sets z = s1·t2 + s2·t1, given s1·t1 and s2·t2.
func (c *curve) cross(z, s1, s2, t1, t2, first, second *element) {
	var u, v element
	c.p.add(&u, s1, s2)
	c.p.add(&v, t1, t2)
	c.p.mul(z, &u, &v)
	c.p.sub(z, z, first)
	c.p.sub(z, z, second)
}

// double sets r = 2s.
func (c *curve) double(r, s *point) {
	p := c.p
	var xx, yy, zz, xy, xz, yz, u, v element
	p.mul(&xx, &s.x, &s.x)
	p.mul(&yy, &s.y, &s.y)
	p.mul(&zz, &s.z, &s.z)
	p.mul(&xy, &s.x, &s.y)
	p.add(&xy, &xy, &xy)
	p.mul(&xz, &s.x, &s.z)
	p.add(&xz, &xz, &xz)
	p.mul(&yz, &s.y, &s.z)
	p.add(&yz, &yz, &yz)

	var low, high element // yy ∓ (a·xz + 3b·zz)
	p.mul(&u, &c.a, &xz)
	p.mul(&v, &c.b3, &zz)
	p.add(&u, &u, &v)
	p.sub(&low, &yy, &u)
	p.add(&high, &yy, &u)

	p.mul(&zz, &c.a, &zz)
	p.mul(&v, &c.b3, &xz)
	p.sub(&u, &xx, &zz)
	p.mul(&u, &c.a, &u)
	p.add(&v, &v, &u) // 3b·xz + a·(xx - a·zz)
	p.add(&u, &xx, &xx)
	p.add(&u, &u, &xx)
	p.add(&u, &u, &zz) // 3·xx + a·zz

	p.mul(&r.x, &xy, &low)
	p.mul(&xx, &yz, &v)
	p.sub(&r.x, &r.x, &xx)
	p.mul(&r.y, &low, &high)
	p.mul(&xx, &u, &v)
	p.add(&r.y, &r.y, &xx)
	p.mul(&r.z, &yz, &yy)
	p.add(&r.z, &r.z, &r.z)
	p.add(&r.z, &r.z, &r.z)
}

// fill makes t the table of s.
func (c *curve) fill(t *table, s *point) {
	t[0], t[1] = c.infinity(), *s
	for i := 2; i < len(t); i++ {
		c.add(&t[i], &t[i-1], s)
	}
}

// pick sets r = t[digit] and reads all of t.
func (c *curve) pick(r *point, t *table, digit byte) {
	var x, y, z element
	limbs := c.p.limbs
	for i := range t {
		mask := -((uint64(i) ^ uint64(digit) - 1) >> 63) // all ones for i = digit, otherwise 0
		for j := range limbs {
			x[j] |= mask & t[i].x[j]
			y[j] |= mask & t[i].y[j]
			z[j] |= mask & t[i].z[j]
		}
	}
	r.x, r.y, r.z = x, y, z
}

// multiply sets r = k·s. k is big-endian and has as many bytes as the order.
func (c *curve) multiply(r, s *point, k []byte) {
	var multiples table
	c.fill(&multiples, s)
	var sum, next point
	for i, b := range k {
		for j, digit := range [2]byte{b >> 4, b & 15} {
			c.pick(&next, &multiples, digit)
			if i == 0 && j == 0 {
				sum = next
				continue
			}
			for range 4 {
				c.double(&sum, &sum)
			}
			c.add(&sum, &sum, &next)
		}
	}
	*r = sum
}

// multiplyBase sets r = k·G. k is big-endian and has as many bytes as the order.
func (c *curve) multiplyBase(r *point, k []byte) {
	tables := c.base()
	var sum, next point
	for i, b := range k {
		for j, digit := range [2]byte{b >> 4, b & 15} {
			c.pick(&next, &tables[2*i+j], digit)
			if i == 0 && j == 0 {
				sum = next
				continue
			}
			c.add(&sum, &sum, &next)
		}
	}
	*r = sum
}

// baseTables returns one table for every four bits of a scalar, the highest first, of G times the value of the lowest of
// the four.
func (c *curve) baseTables() []table {
	tables := make([]table, 2*c.n.bytes())
	s := point{c.gx, c.gy, c.p.one}
	for i := len(tables) - 1; i >= 0; i-- {
		c.fill(&tables[i], &s)
		c.double(&s, &tables[i][8])
	}
	return tables
}

// affine returns the coordinates of s, (0, 0) if it is the point at infinity.
func (c *curve) affine(s *point) (x, y element) {
	var inverse element
	c.p.invert(&inverse, &s.z)
	c.p.mul(&x, &s.x, &inverse)
	c.p.mul(&y, &s.y, &inverse)
	return x, y
}

// contains returns 1 if (x, y) is on the curve, otherwise 0.
func (c *curve) contains(x, y *element) uint64 {
	var left, right element
	c.p.mul(&right, x, x)
	c.p.add(&right, &right, &c.a)
	c.p.mul(&right, &right, x)
	c.p.add(&right, &right, &c.b)
	c.p.mul(&left, y, y)
	return c.p.equal(&left, &right)
}
