package brainpool

// NOTE
//
// Points are projective, (X/Z, Y/Z), and added with the complete formulas of Renes, Costello and Batina ("Complete
// addition formulas for prime order elliptic curves", algorithms 4 and 6): they hold for all pairs of points, equal ones,
// opposite ones and the point at infinity, so there is nothing to branch on. Scalars are taken four bits at a time, all
// of them; a multiple comes out of its table by reading all sixteen. So the time depends on neither scalar nor point,
// which verification does not need but has for the price of one set of formulas.
//
// The formulas are shorter for a = -3. Every curve here has a twin with that a, to which (x, y) -> (f²·x, f³·y) maps it,
// f⁴ = -3/a; points are those of the twin from the moment they are read until affine returns their coordinates.
//
// Spec: RFC 5639, 2.2 (twisted curves)

// point is (X/Z, Y/Z) on the twin of a curve; Z is 0 for the point at infinity alone.
type point struct{ x, y, z element }

// table has the multiples of a point from 0 to 15.
type table [16]point

// infinity returns the neutral point.
func (c *curve) infinity() point { return point{y: c.p.one} }

// add sets r = s + t.
func (c *curve) add(r, s, t *point) {
	p := c.p
	var xx, yy, zz, xy, xz, yz element
	p.mul(&xx, &s.x, &t.x)
	p.mul(&yy, &s.y, &t.y)
	p.mul(&zz, &s.z, &t.z)
	c.cross(&xy, &s.x, &s.y, &t.x, &t.y, &xx, &yy)
	c.cross(&xz, &s.x, &s.z, &t.x, &t.z, &xx, &zz)
	c.cross(&yz, &s.y, &s.z, &t.y, &t.z, &yy, &zz)

	var low, high element
	c.terms(&low, &high, &xx, &yy, &zz, &xz)
	p.mul(&r.x, &xy, &low)
	p.mul(&yy, &yz, &xz)
	p.sub(&r.x, &r.x, &yy)
	p.mul(&r.y, &low, &high)
	p.mul(&yy, &xx, &xz)
	p.add(&r.y, &r.y, &yy)
	p.mul(&r.z, &yz, &high)
	p.mul(&yy, &xy, &xx)
	p.add(&r.z, &r.z, &yy)
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

// terms sets low, high = yy ∓ 3(b·zz - xz), and replaces xz by 3(b·xz - xx - 3zz) and xx by 3(xx - zz). zz is lost.
func (c *curve) terms(low, high, xx, yy, zz, xz *element) {
	p := c.p
	var u, v element
	p.mul(&u, &c.twinB, zz)
	p.sub(&u, &u, xz)
	p.add(&v, &u, &u)
	p.add(&u, &u, &v)
	p.sub(low, yy, &u)
	p.add(high, yy, &u)

	p.add(&v, zz, zz)
	p.add(zz, zz, &v)
	p.mul(&u, &c.twinB, xz)
	p.sub(&u, &u, xx)
	p.sub(&u, &u, zz)
	p.add(&v, &u, &u)
	p.add(xz, &u, &v)

	p.add(&v, xx, xx)
	p.add(xx, xx, &v)
	p.sub(xx, xx, zz)
}

// double sets r = 2s.
func (c *curve) double(r, s *point) {
	p := c.p
	var xx, yy, zz, xy, xz, yz element
	p.mul(&xx, &s.x, &s.x)
	p.mul(&yy, &s.y, &s.y)
	p.mul(&zz, &s.z, &s.z)
	p.mul(&xy, &s.x, &s.y)
	p.add(&xy, &xy, &xy)
	p.mul(&xz, &s.x, &s.z)
	p.add(&xz, &xz, &xz)
	p.mul(&yz, &s.y, &s.z)
	p.add(&yz, &yz, &yz)

	p.mul(&r.z, &yz, &yy)
	p.add(&r.z, &r.z, &r.z)
	p.add(&r.z, &r.z, &r.z)
	var low, high element
	c.terms(&low, &high, &xx, &yy, &zz, &xz)
	p.mul(&r.x, &xy, &low)
	p.mul(&yy, &yz, &xz)
	p.sub(&r.x, &r.x, &yy)
	p.mul(&r.y, &low, &high)
	p.mul(&yy, &xx, &xz)
	p.add(&r.y, &r.y, &yy)
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
	s := c.generator
	for i := len(tables) - 1; i >= 0; i-- {
		c.fill(&tables[i], &s)
		c.double(&s, &tables[i][8])
	}
	return tables
}

// twin returns the point of the twin that belongs to the point (x, y) of the curve.
func (c *curve) twin(x, y *element) (s point) {
	c.p.mul(&s.x, x, &c.toTwin[0])
	c.p.mul(&s.y, y, &c.toTwin[1])
	s.z = c.p.one
	return s
}

// affine returns the coordinates of s on the curve, (0, 0) if it is the point at infinity.
func (c *curve) affine(s *point) (x, y element) {
	var inverse element
	c.p.invert(&inverse, &s.z)
	c.p.mul(&x, &s.x, &inverse)
	c.p.mul(&x, &x, &c.fromTwin[0])
	c.p.mul(&y, &s.y, &inverse)
	c.p.mul(&y, &y, &c.fromTwin[1])
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
