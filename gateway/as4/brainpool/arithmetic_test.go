package brainpool

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
)

var curves = []*curve{p256r1, p384r1, p512r1}

// moduli are all moduli of the package by name.
func moduli() map[string]*modulus {
	all := map[string]*modulus{}
	for _, c := range curves {
		all[c.params.Name+" p"], all[c.params.Name+" n"] = c.p, c.n
	}
	return all
}

// value returns the modulus as a number.
func (m *modulus) value() *big.Int {
	return new(big.Int).Add(new(big.Int).SetBytes(m.lessTwo), big.NewInt(2))
}

func (m *modulus) element(t testing.TB, x *big.Int) element {
	t.Helper()
	e, below := m.parse(x.Bytes())
	if below != 1 {
		t.Fatalf("%x is not below the modulus", x)
	}
	return e
}

func (m *modulus) number(x *element) *big.Int {
	b := make([]byte, m.bytes())
	m.put(b, x)
	return new(big.Int).SetBytes(b)
}

// edges returns numbers below m at which carries, borrows and reductions change.
func (m *modulus) edges(source *rand.Rand) (numbers []*big.Int) {
	value := m.value()
	add := func(x *big.Int) { numbers = append(numbers, new(big.Int).Mod(x, value)) }
	r := new(big.Int).Lsh(big.NewInt(1), uint(8*m.bytes()))
	inverse := new(big.Int).ModInverse(r, value)
	for _, small := range []int64{0, 1, 2, 3} {
		add(big.NewInt(small))
		add(big.NewInt(-small))
		// Numbers whose limbs, after conversion, are those of the small ones, and of those just below the modulus.
		add(new(big.Int).Mul(big.NewInt(small), inverse))
		add(new(big.Int).Mul(big.NewInt(-small), inverse))
	}
	for bit := 63; bit <= 8*m.bytes(); bit += 64 {
		for _, offset := range []int64{-1, 0, 1} {
			power := new(big.Int).Lsh(big.NewInt(1), uint(bit+1))
			power.Add(power, big.NewInt(offset))
			add(power)
			add(new(big.Int).Neg(power))
			add(power.Mul(power, inverse))
		}
	}
	add(new(big.Int).Rsh(value, 1))
	add(new(big.Int).Rsh(new(big.Int).Add(value, big.NewInt(1)), 1))
	for range 20 {
		add(randomNumber(source, m.bytes()))
	}
	return numbers
}

func randomNumber(source *rand.Rand, bytes int) *big.Int {
	b := make([]byte, bytes)
	for i := range b {
		b[i] = byte(source.Uint32())
	}
	return new(big.Int).SetBytes(b)
}

func TestModulusAgainstBig(t *testing.T) {
	t.Parallel()
	for name, m := range moduli() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			numbers := m.edges(rand.New(rand.NewPCG(1, 2)))
			for _, x := range numbers {
				for _, y := range numbers {
					checkModulus(t, m, x, y)
				}
			}
		})
	}
}

// checkModulus compares every operation with math/big.
func checkModulus(t testing.TB, m *modulus, x, y *big.Int) {
	t.Helper()
	value := m.value()
	ex, ey := m.element(t, x), m.element(t, y)
	check := func(op string, z element, want *big.Int) {
		t.Helper()
		raw := new(big.Int)
		for i := m.limbs - 1; i >= 0; i-- {
			raw.Or(raw.Lsh(raw, 64), new(big.Int).SetUint64(z[i]))
		}
		if raw.Cmp(value) >= 0 {
			t.Errorf("%s of %x and %x is not below the modulus: %x", op, x, y, raw)
		}
		for _, limb := range z[m.limbs:] {
			if limb != 0 {
				t.Errorf("%s of %x and %x has limbs that are not its own: %x", op, x, y, z)
			}
		}
		if got := m.number(&z); got.Cmp(want.Mod(want, value)) != 0 {
			t.Errorf("%s of %x and %x is %x, want %x", op, x, y, got, want)
		}
	}
	var z element
	m.add(&z, &ex, &ey)
	check("sum", z, new(big.Int).Add(x, y))
	m.sub(&z, &ex, &ey)
	check("difference", z, new(big.Int).Sub(x, y))
	m.mul(&z, &ex, &ey)
	check("product", z, new(big.Int).Mul(x, y))
	z = ex
	m.mul(&z, &z, &z)
	check("square in place", z, new(big.Int).Mul(x, x))
	if got, want := m.equal(&ex, &ey) == 1, x.Cmp(y) == 0; got != want {
		t.Errorf("%x equal %x: %v", x, y, got)
	}
	if got, want := m.isZero(&ex) == 1, x.Sign() == 0; got != want {
		t.Errorf("%x is zero: %v", x, got)
	}
	if x.Cmp(y) == 0 {
		m.invert(&z, &ex)
		want := new(big.Int)
		if x.Sign() != 0 {
			want.ModInverse(x, value)
		}
		check("inverse", z, want)
	}
}

// One factor of a product may be any number that the limbs can hold.
func TestProductWithHighestNumber(t *testing.T) {
	t.Parallel()
	for name, m := range moduli() {
		value := m.value()
		var ones element
		for i := range m.limbs {
			ones[i] = math.MaxUint64
		}
		// It stands for (R-1)/R.
		r := new(big.Int).Lsh(big.NewInt(1), uint(8*m.bytes()))
		stands := new(big.Int).ModInverse(r, value)
		stands.Sub(big.NewInt(1), stands)
		for _, y := range m.edges(rand.New(rand.NewPCG(5, 6))) {
			ey := m.element(t, y)
			want := new(big.Int).Mul(stands, y)
			want.Mod(want, value)
			for _, factors := range [][2]*element{{&ones, &ey}, {&ey, &ones}} {
				var z element
				m.mul(&z, factors[0], factors[1])
				if got := m.number(&z); got.Cmp(want) != 0 {
					t.Errorf("%s: product with %x is %x, want %x", name, y, got, want)
				}
			}
		}
	}
}

func TestModulusBounds(t *testing.T) {
	t.Parallel()
	for name, m := range moduli() {
		value := m.value()
		highest := new(big.Int).Lsh(big.NewInt(1), uint(8*m.bytes()))
		for _, x := range []*big.Int{value, new(big.Int).Add(value, big.NewInt(1)), highest.Sub(highest, big.NewInt(1))} {
			if _, below := m.parse(x.Bytes()); below != 0 {
				t.Errorf("%s: %x taken for a number below the modulus", name, x)
			}
			reduced := m.parseReduced(x.Bytes())
			if got, want := m.number(&reduced), new(big.Int).Mod(x, value); got.Cmp(want) != 0 {
				t.Errorf("%s: %x reduced is %x, want %x", name, x, got, want)
			}
		}
	}
}

// The textbook, on coordinates: (0, 0) is the point at infinity.
func textbookSum(c *curve, x1, y1, x2, y2 *big.Int) (x, y *big.Int) {
	p := c.params.P
	if x1.Sign() == 0 && y1.Sign() == 0 {
		return x2, y2
	}
	if x2.Sign() == 0 && y2.Sign() == 0 {
		return x1, y1
	}
	slope, divisor := new(big.Int), new(big.Int)
	switch {
	case x1.Cmp(x2) != 0:
		slope.Sub(y2, y1)
		divisor.Sub(x2, x1)
	case y1.Cmp(y2) == 0:
		slope.Mul(x1, x1)
		slope.Mul(slope, big.NewInt(3))
		slope.Add(slope, c.p.number(&c.a))
		divisor.Lsh(y1, 1)
	default:
		return new(big.Int), new(big.Int)
	}
	slope.Mul(slope, divisor.ModInverse(divisor.Mod(divisor, p), p))
	x = new(big.Int).Mul(slope, slope)
	x.Sub(x, x1)
	x.Mod(x.Sub(x, x2), p)
	y = new(big.Int).Sub(x1, x)
	y.Sub(y.Mul(y, slope), y1)
	return x, y.Mod(y, p)
}

func textbookProduct(c *curve, x, y *big.Int, k *big.Int) (px, py *big.Int) {
	px, py = new(big.Int), new(big.Int)
	for i := k.BitLen() - 1; i >= 0; i-- {
		px, py = textbookSum(c, px, py, px, py)
		if k.Bit(i) == 1 {
			px, py = textbookSum(c, px, py, x, y)
		}
	}
	return px, py
}

func TestGroupAgainstTextbook(t *testing.T) {
	t.Parallel()
	for _, c := range curves {
		t.Run(c.params.Name, func(t *testing.T) {
			t.Parallel()
			source := rand.New(rand.NewPCG(3, 4))
			g := [2]*big.Int{c.params.Gx, c.params.Gy}
			negative := [2]*big.Int{g[0], new(big.Int).Sub(c.params.P, g[1])}
			points := [][2]*big.Int{{new(big.Int), new(big.Int)}, g, negative}
			for range 4 {
				x, y := textbookProduct(c, g[0], g[1], randomNumber(source, c.n.bytes()))
				points = append(points, [2]*big.Int{x, y}, [2]*big.Int{x, new(big.Int).Sub(c.params.P, y)})
			}
			for _, s := range points {
				for _, u := range points {
					wantX, wantY := textbookSum(c, s[0], s[1], u[0], u[1])
					if x, y := c.Add(s[0], s[1], u[0], u[1]); x.Cmp(wantX) != 0 || y.Cmp(wantY) != 0 {
						t.Errorf("sum of %x and %x is (%x, %x), want (%x, %x)", s, u, x, y, wantX, wantY)
					}
				}
				wantX, wantY := textbookSum(c, s[0], s[1], s[0], s[1])
				if x, y := c.Double(s[0], s[1]); x.Cmp(wantX) != 0 || y.Cmp(wantY) != 0 {
					t.Errorf("double of %x is (%x, %x), want (%x, %x)", s, x, y, wantX, wantY)
				}
			}

			n := c.params.N
			scalars := []*big.Int{new(big.Int), n, new(big.Int).Sub(n, big.NewInt(1)), new(big.Int).Add(n, big.NewInt(1))}
			for i := range int64(34) {
				scalars = append(scalars, big.NewInt(i+1))
			}
			for range 10 {
				scalars = append(scalars, randomNumber(source, c.n.bytes()))
			}
			s := points[3]
			for _, k := range scalars {
				wantX, wantY := textbookProduct(c, s[0], s[1], k)
				if x, y := c.ScalarMult(s[0], s[1], k.Bytes()); x.Cmp(wantX) != 0 || y.Cmp(wantY) != 0 {
					t.Errorf("%x times %x is (%x, %x), want (%x, %x)", k, s, x, y, wantX, wantY)
				}
				wantX, wantY = textbookProduct(c, g[0], g[1], k)
				if x, y := c.ScalarBaseMult(k.Bytes()); x.Cmp(wantX) != 0 || y.Cmp(wantY) != 0 {
					t.Errorf("%x times the generator is (%x, %x), want (%x, %x)", k, x, y, wantX, wantY)
				}
			}
		})
	}
}
