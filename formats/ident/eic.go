package ident

import "strings"

// EIC is an Energy Identification Code of ENTSO-E with 16 characters: balancing groups, control areas, balancing
// areas.
type EIC string

const eicAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-"

// ParseEIC checks form and check character; the error is an *Error.
//
// Spec: ENTSO-E EIC Reference Manual 5.5 (check character)
func ParseEIC(s string) (EIC, error) {
	const name = "EIC"
	switch {
	case len(s) != 16:
		return "", &Error{name, s, "it does not have 16 characters"}
	case !all(s[:2], false):
		return "", &Error{name, s, "it does not begin with the two digits of an issuing office"}
	case strings.IndexByte("ATVWXYZ", s[2]) < 0:
		return "", &Error{name, s, "its third character names no kind of object"}
	}
	sum := 0
	for i := range 15 {
		v := strings.IndexByte(eicAlphabet, s[i])
		if v < 0 {
			return "", &Error{name, s, "it has characters other than digits, upper-case letters and -"}
		}
		sum += v * (16 - i)
	}
	want := eicAlphabet[36-(sum+36)%37]
	if want == '-' || s[15] != want {
		return "", &Error{name, s, "the check character is " + string(want)}
	}
	return EIC(s), nil
}

// String returns the code.
func (e EIC) String() string { return string(e) }

// MarshalText returns the code.
func (e EIC) MarshalText() ([]byte, error) { return []byte(e), nil }
