package ahb

import "bytes"

// Numbers are compared as they are written, without rounding: a market value is never a float.

// isDecimal reports whether a text is a number: an optional sign, digits, and digits behind the decimal mark.
func isDecimal(text []byte, mark byte) bool {
	if len(text) > 0 && text[0] == '-' {
		text = text[1:]
	}
	point, digits := false, 0
	for _, b := range text {
		switch {
		case b-'0' <= 9:
			digits++
		case b == mark && !point:
			point = true
		default:
			return false
		}
	}
	return digits > 0
}

// split returns the digits before and behind the decimal mark.
func split(text []byte, mark byte) (whole, fraction []byte) {
	if len(text) > 0 && text[0] == '-' {
		text = text[1:]
	}
	for i, b := range text {
		if b == mark {
			return text[:i], text[i+1:]
		}
	}
	return text, nil
}

// compareDecimals compares two numbers; each has its own decimal mark.
func compareDecimals(a, b []byte, markA, markB byte) int {
	wa, fa := split(a, markA)
	wb, fb := split(b, markB)
	wa, wb = bytes.TrimLeft(wa, "0"), bytes.TrimLeft(wb, "0")
	fa, fb = bytes.TrimRight(fa, "0"), bytes.TrimRight(fb, "0")
	negA := a[0] == '-' && len(wa)+len(fa) > 0
	negB := b[0] == '-' && len(wb)+len(fb) > 0
	if negA != negB {
		if negA {
			return -1
		}
		return 1
	}
	out := len(wa) - len(wb)
	if out == 0 {
		if out = bytes.Compare(wa, wb); out == 0 {
			out = bytes.Compare(fa, fb)
		}
	}
	if negA {
		return -out
	}
	return out
}
