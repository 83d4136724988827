package brainpool

import "math/bits"

// The operations of modulus for four limbs, without loops: these are what brainpoolP256r1 spends its time with.

// add4 sets z = x + y mod m.
func add4(z, x, y, m *element) {
	s0, c := bits.Add64(x[0], y[0], 0)
	s1, c := bits.Add64(x[1], y[1], c)
	s2, c := bits.Add64(x[2], y[2], c)
	s3, c := bits.Add64(x[3], y[3], c)
	reduce4(z, s0, s1, s2, s3, c, m)
}

// sub4 sets z = x - y mod m.
func sub4(z, x, y, m *element) {
	d0, b := bits.Sub64(x[0], y[0], 0)
	d1, b := bits.Sub64(x[1], y[1], b)
	d2, b := bits.Sub64(x[2], y[2], b)
	d3, b := bits.Sub64(x[3], y[3], b)
	negative := -b
	var c uint64
	z[0], c = bits.Add64(d0, m[0]&negative, 0)
	z[1], c = bits.Add64(d1, m[1]&negative, c)
	z[2], c = bits.Add64(d2, m[2]&negative, c)
	z[3], _ = bits.Add64(d3, m[3]&negative, c)
}

// reduce4 sets z to the number with limbs s0 to s3 and one more bit, less m if it is not below m.
func reduce4(z *element, s0, s1, s2, s3, bit uint64, m *element) {
	d0, b := bits.Sub64(s0, m[0], 0)
	d1, b := bits.Sub64(s1, m[1], b)
	d2, b := bits.Sub64(s2, m[2], b)
	d3, b := bits.Sub64(s3, m[3], b)
	_, b = bits.Sub64(bit, 0, b)
	below := -b
	z[0] = s0&below | d0&^below
	z[1] = s1&below | d1&^below
	z[2] = s2&below | d2&^below
	z[3] = s3&below | d3&^below
}

// row returns the five limbs of x·y.
func row(x *element, y uint64) (r0, r1, r2, r3, r4 uint64) {
	h0, r0 := bits.Mul64(x[0], y)
	h1, l1 := bits.Mul64(x[1], y)
	h2, l2 := bits.Mul64(x[2], y)
	h3, l3 := bits.Mul64(x[3], y)
	r1, c := bits.Add64(l1, h0, 0)
	r2, c = bits.Add64(l2, h1, c)
	r3, c = bits.Add64(l3, h2, c)
	return r0, r1, r2, r3, h3 + c
}

// mul4 sets z = x·y/2²⁵⁶ mod m; negative is -1/m mod 2⁶⁴.
func mul4(z, x, y, m *element, negative uint64) {
	var s0, s1, s2, s3, s4, bit, c uint64
	for _, limb := range y[:4] {
		r0, r1, r2, r3, r4 := row(x, limb)
		s0, c = bits.Add64(s0, r0, 0)
		s1, c = bits.Add64(s1, r1, c)
		s2, c = bits.Add64(s2, r2, c)
		s3, c = bits.Add64(s3, r3, c)
		s4, bit = bits.Add64(s4, r4, c)

		r0, r1, r2, r3, r4 = row(m, s0*negative)
		_, c = bits.Add64(s0, r0, 0)
		s0, c = bits.Add64(s1, r1, c)
		s1, c = bits.Add64(s2, r2, c)
		s2, c = bits.Add64(s3, r3, c)
		s3, c = bits.Add64(s4, r4, c)
		s4 = bit + c
	}
	reduce4(z, s0, s1, s2, s3, s4, m)
}
