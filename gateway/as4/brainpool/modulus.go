package brainpool

import (
	"encoding/binary"
	"math/big"
	"math/bits"
)

// NOTE
//
// Numbers mod p and mod n are arrays of 64-bit limbs in Montgomery form: x stands for x·R, R = 2^(64·limbs), so that a
// product needs no division. Every number is below its modulus, before and after every operation. Both moduli of a curve
// have their highest bit set: a sum can overflow the limbs by one bit, and everything below R is below twice the modulus.
//
// Nothing in this file branches on a number or uses one as an index, and math/bits promises constant time for what is
// used of it. What decides about loops and branches is public: the number of limbs and the modulus itself.

const maxLimbs = 8

// element is a number below a modulus, lowest limb first. Limbs that its modulus does not have are 0.
type element [maxLimbs]uint64

// modulus is an odd number whose length is a multiple of 64 bits.
type modulus struct {
	limbs    int
	m        element
	negative uint64  // -1/m mod 2⁶⁴
	one      element // R mod m
	square   element // R² mod m
	lessTwo  []byte  // m-2, big-endian
}

func newModulus(m *big.Int) *modulus {
	mod := &modulus{limbs: m.BitLen() / 64, lessTwo: new(big.Int).Sub(m, big.NewInt(2)).Bytes()}
	mod.m = mod.limbsOf(m.Bytes())
	r := new(big.Int).Lsh(big.NewInt(1), uint(m.BitLen()))
	mod.one = mod.limbsOf(new(big.Int).Mod(r, m).Bytes())
	mod.square = mod.limbsOf(new(big.Int).Mod(new(big.Int).Mul(r, r), m).Bytes())
	word := new(big.Int).Lsh(big.NewInt(1), 64)
	mod.negative = -new(big.Int).ModInverse(m, word).Uint64()
	return mod
}

// bytes is the length of a number in bytes.
func (m *modulus) bytes() int { return 8 * m.limbs }

// limbsOf reads a big-endian number of at most m.bytes() bytes. It may be as large as they permit.
func (m *modulus) limbsOf(b []byte) (x element) {
	var full [8 * maxLimbs]byte
	copy(full[len(full)-len(b):], b)
	for i := range m.limbs {
		x[i] = binary.BigEndian.Uint64(full[len(full)-8*i-8:])
	}
	return x
}

// parse reads a big-endian number of at most m.bytes() bytes. below is 1 if it is below m and 0 if not; then it must not
// be used.
func (m *modulus) parse(b []byte) (x element, below uint64) {
	raw := m.limbsOf(b)
	for i := range m.limbs {
		_, below = bits.Sub64(raw[i], m.m[i], below)
	}
	m.mul(&x, &raw, &m.square)
	return x, below
}

// parseReduced reads a big-endian number of at most m.bytes() bytes and takes it mod m.
func (m *modulus) parseReduced(b []byte) (x element) {
	raw := m.limbsOf(b)
	m.reduce(&raw, &raw, 0)
	m.mul(&x, &raw, &m.square)
	return x
}

// put writes x big-endian into b, which has m.bytes() bytes.
func (m *modulus) put(b []byte, x *element) {
	var raw element
	m.mul(&raw, x, &element{1})
	for i := range m.limbs {
		binary.BigEndian.PutUint64(b[8*(m.limbs-1-i):], raw[i])
	}
}

// isZero returns 1 if x is 0, otherwise 0.
func (m *modulus) isZero(x *element) uint64 {
	var all uint64
	for i := range m.limbs {
		all |= x[i]
	}
	return (all|-all)>>63 ^ 1
}

// equal returns 1 if x and y are the same number, otherwise 0.
func (m *modulus) equal(x, y *element) uint64 {
	var difference element
	for i := range m.limbs {
		difference[i] = x[i] ^ y[i]
	}
	return m.isZero(&difference)
}

// add sets z = x + y.
func (m *modulus) add(z, x, y *element) {
	if m.limbs == 4 {
		add4(z, x, y, &m.m)
		return
	}
	var carry uint64
	var sum element
	for i := range m.limbs {
		sum[i], carry = bits.Add64(x[i], y[i], carry)
	}
	m.reduce(z, &sum, carry)
}

// sub sets z = x - y.
func (m *modulus) sub(z, x, y *element) {
	if m.limbs == 4 {
		sub4(z, x, y, &m.m)
		return
	}
	var borrow, carry uint64
	for i := range m.limbs {
		z[i], borrow = bits.Sub64(x[i], y[i], borrow)
	}
	negative := -borrow
	for i := range m.limbs {
		z[i], carry = bits.Add64(z[i], m.m[i]&negative, carry)
	}
}

// reduce sets z = x - m if x, with carry as one more bit above it, is not below m, and z = x otherwise.
func (m *modulus) reduce(z, x *element, carry uint64) {
	var difference element
	var borrow uint64
	for i := range m.limbs {
		difference[i], borrow = bits.Sub64(x[i], m.m[i], borrow)
	}
	_, borrow = bits.Sub64(carry, 0, borrow)
	below := -borrow
	for i := range m.limbs {
		z[i] = x[i]&below | difference[i]&^below
	}
}

// mul sets z = x·y. One of the two may be any number below R.
func (m *modulus) mul(z, x, y *element) {
	if m.limbs == 4 {
		mul4(z, x, y, &m.m, m.negative)
		return
	}
	// One limb of y at a time: add its product with x, then the multiple of m that makes the lowest limb 0, and drop it.
	// The sum stays below m + R.
	var sum element
	var top uint64 // the bit above sum
	for i := range m.limbs {
		var high, carry uint64
		for j := range m.limbs {
			sum[j], high = multiplyAdd(x[j], y[i], sum[j], high)
		}
		top, carry = bits.Add64(top, high, 0)
		factor := sum[0] * m.negative
		_, high = multiplyAdd(factor, m.m[0], sum[0], 0)
		for j := 1; j < m.limbs; j++ {
			sum[j-1], high = multiplyAdd(factor, m.m[j], sum[j], high)
		}
		sum[m.limbs-1], high = bits.Add64(top, high, 0)
		top = carry + high
	}
	m.reduce(z, &sum, top)
}

// multiplyAdd returns x·y + a + b.
func multiplyAdd(x, y, a, b uint64) (low, high uint64) {
	high, low = bits.Mul64(x, y)
	low, carry := bits.Add64(low, a, 0)
	high += carry
	low, carry = bits.Add64(low, b, 0)
	return low, high + carry
}

// invert sets z = 1/x, and z = 0 for x = 0, as x to the power of m-2; m is a prime number.
func (m *modulus) invert(z, x *element) {
	var powers [16]element
	powers[0] = m.one
	for i := 1; i < len(powers); i++ {
		m.mul(&powers[i], &powers[i-1], x)
	}
	power := m.one
	for _, b := range m.lessTwo {
		for _, digit := range [2]byte{b >> 4, b & 15} {
			for range 4 {
				m.mul(&power, &power, &power)
			}
			m.mul(&power, &power, &powers[digit])
		}
	}
	*z = power
}
