package ahb

import (
	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats/ident"
)

// form reports whether a value has a form that a condition names; unknown if the name is none of ours.
//
// Spec: EDI@Energy AHBs, format conditions 900 to 999
func form(name string, value []byte) truth {
	text := edifact.Latin1String(value)
	var err error
	switch name {
	case "malo", "tranche":
		_, err = ident.ParseMaLoID(text)
	case "melo", "zaehlpunkt":
		_, err = ident.ParseMeLoID(text)
	case "nelo":
		_, err = ident.ParseNeLoID(text)
	case "sr":
		_, err = ident.ParseSRID(text)
	case "tr":
		_, err = ident.ParseTRID(text)
	case "mpid":
		_, err = ident.ParseMarktpartnerID(text)
	case "eic":
		_, err = ident.ParseEIC(text)
	case "geraet":
		return truthOf(isDeviceNumber(value))
	case "telefon":
		return truthOf(len(value) > 1 && value[0] == '+' && every(value[1:], isDigit))
	case "artikel":
		return truthOf(len(value) == 13 && every(value, isDigit))
	case "grossbuchstaben":
		return truthOf(every(value, func(b byte) bool { return !isLower(b) }))
	default:
		return unknown
	}
	return truthOf(err == nil)
}

// isDeviceNumber reports whether a value is an identification of a device: Sparte, three letters of the manufacturer,
// two characters, eight digits.
//
// Spec: DIN 43863-5, form of the identification number (named by format condition 952)
func isDeviceNumber(v []byte) bool {
	return len(v) == 14 && every(v[:1], isUpperOrDigit) && every(v[1:4], isUpper) && every(v[4:6], isUpperOrDigit) && every(v[6:], isDigit)
}

func every(v []byte, is func(byte) bool) bool {
	for _, b := range v {
		if !is(b) {
			return false
		}
	}
	return true
}

func isDigit(b byte) bool        { return b >= '0' && b <= '9' }
func isUpper(b byte) bool        { return b >= 'A' && b <= 'Z' }
func isUpperOrDigit(b byte) bool { return isUpper(b) || isDigit(b) }

// isLower knows the small letters of ISO 8859-1; the one that has no capital there is not among them.
func isLower(b byte) bool { return b >= 'a' && b <= 'z' || b >= 0xe0 && b <= 0xfe && b != 0xf7 }
