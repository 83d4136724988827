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

// mul4 sets z = x·y/2²⁵⁶ mod m; negative is -1/m mod 2⁶⁴. For each limb of y it adds x times the limb, and then the multiple
// of m that makes the lowest limb 0. It is written out, because the compiler keeps the sum in registers only so.
func mul4(z, x, y, m *element, negative uint64) {
	var s0, s1, s2, s3, s4, bit, factor, c uint64
	var h0, h1, h2, h3, l0, l1, l2, l3 uint64
	x0, x1, x2, x3 := x[0], x[1], x[2], x[3]
	m0, m1, m2, m3 := m[0], m[1], m[2], m[3]

	h0, l0 = bits.Mul64(x0, y[0])
	h1, l1 = bits.Mul64(x1, y[0])
	h2, l2 = bits.Mul64(x2, y[0])
	h3, l3 = bits.Mul64(x3, y[0])
	s0 = l0
	s1, c = bits.Add64(l1, h0, 0)
	s2, c = bits.Add64(l2, h1, c)
	s3, c = bits.Add64(l3, h2, c)
	s4, bit = h3+c, 0
	factor = s0 * negative
	h0, l0 = bits.Mul64(m0, factor)
	h1, l1 = bits.Mul64(m1, factor)
	h2, l2 = bits.Mul64(m2, factor)
	h3, l3 = bits.Mul64(m3, factor)
	l1, c = bits.Add64(l1, h0, 0)
	l2, c = bits.Add64(l2, h1, c)
	l3, c = bits.Add64(l3, h2, c)
	h3 += c
	_, c = bits.Add64(s0, l0, 0)
	s0, c = bits.Add64(s1, l1, c)
	s1, c = bits.Add64(s2, l2, c)
	s2, c = bits.Add64(s3, l3, c)
	s3, c = bits.Add64(s4, h3, c)
	s4 = bit + c

	h0, l0 = bits.Mul64(x0, y[1])
	h1, l1 = bits.Mul64(x1, y[1])
	h2, l2 = bits.Mul64(x2, y[1])
	h3, l3 = bits.Mul64(x3, y[1])
	l1, c = bits.Add64(l1, h0, 0)
	l2, c = bits.Add64(l2, h1, c)
	l3, c = bits.Add64(l3, h2, c)
	h3 += c
	s0, c = bits.Add64(s0, l0, 0)
	s1, c = bits.Add64(s1, l1, c)
	s2, c = bits.Add64(s2, l2, c)
	s3, c = bits.Add64(s3, l3, c)
	s4, bit = bits.Add64(s4, h3, c)
	factor = s0 * negative
	h0, l0 = bits.Mul64(m0, factor)
	h1, l1 = bits.Mul64(m1, factor)
	h2, l2 = bits.Mul64(m2, factor)
	h3, l3 = bits.Mul64(m3, factor)
	l1, c = bits.Add64(l1, h0, 0)
	l2, c = bits.Add64(l2, h1, c)
	l3, c = bits.Add64(l3, h2, c)
	h3 += c
	_, c = bits.Add64(s0, l0, 0)
	s0, c = bits.Add64(s1, l1, c)
	s1, c = bits.Add64(s2, l2, c)
	s2, c = bits.Add64(s3, l3, c)
	s3, c = bits.Add64(s4, h3, c)
	s4 = bit + c

	h0, l0 = bits.Mul64(x0, y[2])
	h1, l1 = bits.Mul64(x1, y[2])
	h2, l2 = bits.Mul64(x2, y[2])
	h3, l3 = bits.Mul64(x3, y[2])
	l1, c = bits.Add64(l1, h0, 0)
	l2, c = bits.Add64(l2, h1, c)
	l3, c = bits.Add64(l3, h2, c)
	h3 += c
	s0, c = bits.Add64(s0, l0, 0)
	s1, c = bits.Add64(s1, l1, c)
	s2, c = bits.Add64(s2, l2, c)
	s3, c = bits.Add64(s3, l3, c)
	s4, bit = bits.Add64(s4, h3, c)
	factor = s0 * negative
	h0, l0 = bits.Mul64(m0, factor)
	h1, l1 = bits.Mul64(m1, factor)
	h2, l2 = bits.Mul64(m2, factor)
	h3, l3 = bits.Mul64(m3, factor)
	l1, c = bits.Add64(l1, h0, 0)
	l2, c = bits.Add64(l2, h1, c)
	l3, c = bits.Add64(l3, h2, c)
	h3 += c
	_, c = bits.Add64(s0, l0, 0)
	s0, c = bits.Add64(s1, l1, c)
	s1, c = bits.Add64(s2, l2, c)
	s2, c = bits.Add64(s3, l3, c)
	s3, c = bits.Add64(s4, h3, c)
	s4 = bit + c

	h0, l0 = bits.Mul64(x0, y[3])
	h1, l1 = bits.Mul64(x1, y[3])
	h2, l2 = bits.Mul64(x2, y[3])
	h3, l3 = bits.Mul64(x3, y[3])
	l1, c = bits.Add64(l1, h0, 0)
	l2, c = bits.Add64(l2, h1, c)
	l3, c = bits.Add64(l3, h2, c)
	h3 += c
	s0, c = bits.Add64(s0, l0, 0)
	s1, c = bits.Add64(s1, l1, c)
	s2, c = bits.Add64(s2, l2, c)
	s3, c = bits.Add64(s3, l3, c)
	s4, bit = bits.Add64(s4, h3, c)
	factor = s0 * negative
	h0, l0 = bits.Mul64(m0, factor)
	h1, l1 = bits.Mul64(m1, factor)
	h2, l2 = bits.Mul64(m2, factor)
	h3, l3 = bits.Mul64(m3, factor)
	l1, c = bits.Add64(l1, h0, 0)
	l2, c = bits.Add64(l2, h1, c)
	l3, c = bits.Add64(l3, h2, c)
	h3 += c
	_, c = bits.Add64(s0, l0, 0)
	s0, c = bits.Add64(s1, l1, c)
	s1, c = bits.Add64(s2, l2, c)
	s2, c = bits.Add64(s3, l3, c)
	s3, c = bits.Add64(s4, h3, c)
	s4 = bit + c

	reduce4(z, s0, s1, s2, s3, s4, m)
}
