package ident

import "github.com/marktbote/marktbote/formats"

// MarktpartnerID is the id of a market partner in one role and Sparte (MP-ID): 13 digits.
type MarktpartnerID string

// Issuer says who gave a MarktpartnerID.
type Issuer string

// The issuers of MarktpartnerIDs.
const (
	BDEW Issuer = "BDEW" // UNB 0007 = 500, NAD 3055 = 293; Strom
	DVGW Issuer = "DVGW" // UNB 0007 = 502, NAD 3055 = 332; Gas
	GLN  Issuer = "GLN"  // UNB 0007 = 14, NAD 3055 = 9; either Sparte
)

// ParseMarktpartnerID checks that s has 13 digits. The check digit is not part of the check; see CheckDigitOK. The
// error is an *Error.
//
// Spec: Allgemeine Festlegungen 6.1 2.13, 2.14
func ParseMarktpartnerID(s string) (MarktpartnerID, error) {
	const name = "MP-ID"
	switch {
	case len(s) != 13:
		return "", &Error{name, s, "it does not have 13 digits"}
	case !all(s, false):
		return "", &Error{name, s, "it has characters other than digits"}
	}
	return MarktpartnerID(s), nil
}

// Issuer returns who gave the id, judged by its first digits; the code beside it in the message is what counts
// there.
func (id MarktpartnerID) Issuer() Issuer {
	if len(id) == 13 && id[0] == '9' {
		switch id[1] {
		case '9':
			return BDEW
		case '8':
			return DVGW
		}
	}
	return GLN
}

// Sparte returns the Sparte that follows from the number alone; "" for a GLN, which only the directory of partners
// can tell.
func (id MarktpartnerID) Sparte() formats.Sparte {
	switch id.Issuer() {
	case BDEW:
		return formats.Strom
	case DVGW:
		return formats.Gas
	default:
		return ""
	}
}

// CheckDigitOK reports whether the last digit fits the others. Real partners have numbers for which it does not, so
// this is a hint for people who type a number, and no reason to reject a message.
func (id MarktpartnerID) CheckDigitOK() bool {
	if len(id) != 13 || !all(string(id), false) {
		return false
	}
	if id.Issuer() == GLN {
		return checkDigitGS1(string(id[:12])) == id[12]
	}
	return checkDigit(string(id[:12])) == id[12]
}

// String returns the id.
func (id MarktpartnerID) String() string { return string(id) }

// MarshalText returns the id.
func (id MarktpartnerID) MarshalText() ([]byte, error) { return []byte(id), nil }

// Pruefidentifikator names a use case of the AHB: five digits, such as 55001.
type Pruefidentifikator string

// ParsePruefidentifikator checks the form; whether the use case exists is for the rules of a format version. The
// error is an *Error.
func ParsePruefidentifikator(s string) (Pruefidentifikator, error) {
	if len(s) != 5 || !all(s, false) || s[0] == '0' {
		return "", &Error{"Prüfidentifikator", s, "it does not have 5 digits"}
	}
	return Pruefidentifikator(s), nil
}

// String returns the five digits.
func (p Pruefidentifikator) String() string { return string(p) }

// MarshalText returns the five digits.
func (p Pruefidentifikator) MarshalText() ([]byte, error) { return []byte(p), nil }
