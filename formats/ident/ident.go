// Package ident holds the identifiers of the German energy market as types: locations (MaLo, MeLo, NeLo, SR, TR),
// Marktpartner, Pruefidentifikatoren and EIC codes. Parse functions check form and check digit, so that a value of
// these types is well formed:
//
//	malo, err := ident.ParseMaLoID("51238696781")
//	kind := ident.KindOf("DE0005626680200000000000000000123") // ident.KindMeLo
//
// The check digit of a MarktpartnerID never rejects it: numbers in use do not all satisfy it. Ask CheckDigitOK.
//
// All functions are pure and safe for concurrent use.
package ident

import "fmt"

// Error says why a text is not the identifier it should be.
type Error struct {
	Type   string // German short name of the identifier: MaLo-ID, MeLo-ID, ...
	Value  string
	Reason string
}

// Error names type, value and reason.
func (e *Error) Error() string {
	return fmt.Sprintf("ident: %q is no %s: %s", e.Value, e.Type, e.Reason)
}

// checkDigit computes the check digit that MaLo-IDs, location ids with letters and code numbers of BDEW and DVGW
// share: odd positions count once, even positions twice, a letter counts as its ASCII code, the digit completes
// the sum to a multiple of ten.
//
// Spec: BDEW Anwendungshilfe Identifikatoren in der Marktkommunikation 1.2, check digit of the MaLo-ID
func checkDigit(s string) byte {
	sum := 0
	for i := range len(s) {
		v := int(s[i])
		if digit(s[i]) {
			v -= '0'
		}
		sum += v * (1 + i%2)
	}
	return byte('0' + (10-sum%10)%10)
}

// checkDigitGS1 computes the check digit of a GLN: weights 1 and 3.
//
// Spec: GS1 General Specifications 7.9 (check digit of a GLN)
func checkDigitGS1(s string) byte {
	sum := 0
	for i := range len(s) {
		sum += int(s[i]-'0') * (1 + 2*(i%2))
	}
	return byte('0' + (10-sum%10)%10)
}

func digit(c byte) bool { return c-'0' <= 9 }

func upper(c byte) bool { return c-'A' <= 'Z'-'A' }

// all reports whether every byte of s is a digit or, if letters are allowed, an upper-case letter.
func all(s string, letters bool) bool {
	for i := range len(s) {
		if !digit(s[i]) && (!letters || !upper(s[i])) {
			return false
		}
	}
	return true
}
