package edifact

import (
	"fmt"
	"unicode/utf8"
)

// The market sends UNOC, that is ISO 8859-1: one octet per character. Inside Marktbote text is UTF-8; views of
// segments stay in ISO 8859-1 so that positions and lengths are those of the file.

// validOctet reports whether b is in the repertoire of UNOC: 20-7E and A0-FF.
//
// Spec: ISO 9735:1988 level C, ISO 8859-1
func validOctet(b byte) bool { return b&0x7F >= 0x20 && b != 0x7F }

// Latin1String converts ISO 8859-1 to a UTF-8 string.
func Latin1String(b []byte) string {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return string(AppendUTF8(make([]byte, 0, len(b)+len(b)/8+2), b))
		}
	}
	return string(b)
}

// AppendUTF8 appends ISO 8859-1 octets as UTF-8.
func AppendUTF8(dst, latin1 []byte) []byte {
	for _, c := range latin1 {
		dst = utf8.AppendRune(dst, rune(c))
	}
	return dst
}

// CharsetError reports a character that UNOC cannot carry.
type CharsetError struct {
	Rune   rune
	Offset int // bytes into the UTF-8 text
}

// Error names the character and where it stands.
func (e *CharsetError) Error() string {
	return fmt.Sprintf("edifact: character %q (U+%04X) at byte %d cannot be sent in UNOC (ISO 8859-1)", e.Rune, e.Rune, e.Offset)
}

// AppendLatin1 appends UTF-8 text as ISO 8859-1 octets. A character outside the repertoire of UNOC, such as the
// euro sign or a control character, is a *CharsetError: it cannot be transferred and must be replaced by the
// sender, who alone knows how.
func AppendLatin1(dst []byte, text string) ([]byte, error) {
	for i, r := range text {
		if r > 0xFF || !validOctet(byte(r)) {
			return dst, &CharsetError{Rune: r, Offset: i}
		}
		dst = append(dst, byte(r))
	}
	return dst, nil
}
