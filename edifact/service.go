package edifact

// ServiceChars are the characters that UNA defines.
//
// Spec: ISO 9735:1988 (syntax version 3), 5.1 and annex on UNA
type ServiceChars struct {
	Component  byte // separates components, default ':'
	Element    byte // separates data elements, default '+'
	Decimal    byte // decimal mark of numeric values, default '.'
	Release    byte // takes away the meaning of the next character, default '?'; 0 means there is none
	Reserved   byte // not used in syntax version 3, default ' '
	Terminator byte // ends a segment, default '\''
}

// DefaultService are the service characters in force when there is no UNA.
var DefaultService = ServiceChars{Component: ':', Element: '+', Decimal: '.', Release: '?', Reserved: ' ', Terminator: '\''}

// special reports whether b needs a release character to be data.
func (c ServiceChars) special(b byte) bool {
	return b == c.Component || b == c.Element || b == c.Terminator || (b == c.Release && c.Release != 0)
}

// problem says why the characters cannot serve, with the index (0 to 5) of the offending one; -1 if they can.
// All must differ (the reserved one does not count: it has no meaning in version 3), separators must be graphic
// characters other than letters and digits, the decimal mark is a point or a comma, and a space in the place of
// the release character means that there is none.
func (c ServiceChars) problem() int {
	chars := [6]byte{c.Component, c.Element, c.Decimal, c.Release, c.Reserved, c.Terminator}
	for i, b := range chars {
		switch i {
		case 2:
			if b != '.' && b != ',' {
				return i
			}
		case 3:
			if b != 0 && !separator(b) {
				return i
			}
		case 4:
			continue
		default:
			if !separator(b) {
				return i
			}
		}
		for j, other := range chars[:i] {
			if j != 4 && other == b {
				return i
			}
		}
	}
	return -1
}

// separator reports whether b is in the repertoire of UNOC and neither letter, digit nor space.
func separator(b byte) bool {
	switch {
	case b <= ' ' || b == 0x7F || b >= 0x80 && b <= 0xA0:
		return false
	case b >= '0' && b <= '9', b|0x20 >= 'a' && b|0x20 <= 'z', b >= 0xC0:
		return false
	}
	return true
}

// una returns the nine bytes of UNA.
func (c ServiceChars) una() [9]byte {
	release := c.Release
	if release == 0 {
		release = ' '
	}
	return [9]byte{'U', 'N', 'A', c.Component, c.Element, c.Decimal, release, c.Reserved, c.Terminator}
}

// AppendUnescaped appends b without its release characters.
func AppendUnescaped(dst, b []byte, svc ServiceChars) []byte {
	for i := 0; i < len(b); i++ {
		if b[i] == svc.Release && svc.Release != 0 && i+1 < len(b) {
			i++
		}
		dst = append(dst, b[i])
	}
	return dst
}
