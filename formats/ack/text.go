package ack

import (
	"strings"
	"unicode/utf8"
)

// replaced are characters that UNOC lacks, by what people write instead.
var replaced = strings.NewReplacer("„", `"`, "“", `"`, "”", `"`, "‚", "'", "‘", "'", "’", "'", "–", "-", "—", "-", "−", "-",
	"…", "...", "→", "->", "≥", ">=", "≤", "<=", "≠", "!=", "∧", "UND", "∨", "ODER", "⊻", "XODER", "€", "EUR", "\t", " ", "\n", " ", "\r", "")

// unoc returns the text with nothing but characters of UNOC, at most limit of them. What cannot be replaced becomes a
// question mark.
//
// Spec: Allgemeine Festlegungen 6.1 ch. 5 (UNOC is ISO 8859-1)
func unoc(text string, limit int) string {
	var b strings.Builder
	n := 0
	for _, r := range replaced.Replace(text) {
		if n == limit {
			break
		}
		if !inUNOC(r) {
			r = '?'
		}
		b.WriteRune(r)
		n++
	}
	return strings.Trim(b.String(), " ")
}

// repeated returns a value of the original as an answer repeats it: without octets that do not belong into a file, cut
// to the length that the answer has for it.
func repeated(value string, limit int) string {
	var b strings.Builder
	for _, r := range value {
		if inUNOC(r) && limit > 0 {
			b.WriteRune(r)
			limit--
		}
	}
	return strings.Trim(b.String(), " ")
}

func inUNOC(r rune) bool { return r >= 0x20 && r <= 0x7E || r >= 0xA0 && r <= 0xFF }

func fits(text string, limit int) bool { return utf8.RuneCountInString(text) <= limit }
