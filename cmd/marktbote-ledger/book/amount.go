package book

import (
	"errors"
	"math/big"
	"strings"
)

// Amount is an exact decimal number that keeps the digits it was written with; sums have the digits of the most exact
// summand. The zero value is 0. Amounts are values: no method changes one.
type Amount struct {
	unscaled *big.Int // nil: 0
	scale    int      // digits behind the point
}

const (
	maxDigits = 100 // of a number in an event
	maxScale  = 30
)

var errAmount = errors.New("it is no decimal number")

// ParseAmount reads decimal text with a point, such as -0.50.
func ParseAmount(text string) (Amount, error) {
	digits := strings.TrimPrefix(text, "-")
	whole, fraction, point := strings.Cut(digits, ".")
	if whole == "" || point && fraction == "" || len(digits) > maxDigits || len(fraction) > maxScale ||
		strings.Trim(whole+fraction, "0123456789") != "" {
		return Amount{}, errAmount
	}
	n, ok := new(big.Int).SetString(whole+fraction, 10)
	if !ok {
		return Amount{}, errAmount
	}
	if strings.HasPrefix(text, "-") {
		n.Neg(n)
	}
	return Amount{n, len(fraction)}, nil
}

// int returns the number times 10^scale; scale is not below that of a.
func (a Amount) int(scale int) *big.Int {
	n := new(big.Int)
	if a.unscaled == nil {
		return n
	}
	if scale == a.scale {
		return n.Set(a.unscaled)
	}
	return n.Mul(a.unscaled, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale-a.scale)), nil))
}

// Add returns a + b.
func (a Amount) Add(b Amount) Amount {
	scale := max(a.scale, b.scale)
	n := a.int(scale)
	return Amount{n.Add(n, b.int(scale)), scale}
}

// Sub returns a - b.
func (a Amount) Sub(b Amount) Amount {
	scale := max(a.scale, b.scale)
	n := a.int(scale)
	return Amount{n.Sub(n, b.int(scale)), scale}
}

// Mul returns a × b.
func (a Amount) Mul(b Amount) Amount {
	n := a.int(a.scale)
	return Amount{n.Mul(n, b.int(b.scale)), a.scale + b.scale}
}

// Round returns a as whole number; halves go away from zero.
func (a Amount) Round() Amount {
	if a.scale == 0 {
		return a
	}
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(a.scale)), nil)
	half := new(big.Int).Rsh(unit, 1)
	n := a.int(a.scale)
	if n.Sign() < 0 {
		half.Neg(half)
	}
	return Amount{n.Quo(n.Add(n, half), unit), 0}
}

// Equal reports whether two amounts are the same number; 1.50 equals 1.5.
func (a Amount) Equal(b Amount) bool {
	scale := max(a.scale, b.scale)
	return a.int(scale).Cmp(b.int(scale)) == 0
}

// String returns the number with a point and all its digits.
func (a Amount) String() string {
	n := a.int(a.scale)
	text := new(big.Int).Abs(n).String()
	if a.scale > 0 {
		if missing := a.scale + 1 - len(text); missing > 0 {
			text = strings.Repeat("0", missing) + text
		}
		text = text[:len(text)-a.scale] + "." + text[len(text)-a.scale:]
	}
	if n.Sign() < 0 {
		text = "-" + text
	}
	return text
}

// German returns the number as people in Germany write it.
func (a Amount) German() string { return strings.Replace(a.String(), ".", ",", 1) }

// MarshalText implements encoding.TextMarshaler: in JSON an amount is a string.
func (a Amount) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (a *Amount) UnmarshalText(text []byte) (err error) {
	*a, err = ParseAmount(string(text))
	return err
}
