package ident

// The ids of locations. Each is unique in Germany; those with 11 characters end in a check digit.
type (
	// MaLoID is the id of a Marktlokation or Tranche: 11 digits.
	MaLoID string
	// MeLoID is a Zaehlpunktbezeichnung: the id of a Messlokation, MaBiS-Zaehlpunkt or Netzkoppelpunkt; 33 characters.
	MeLoID string
	// NeLoID is the id of a Netzlokation: E and 10 characters.
	NeLoID string
	// SRID is the id of a Steuerbare Ressource: C and 10 characters.
	SRID string
	// TRID is the id of a Technische Ressource: D and 10 characters.
	TRID string
)

// ParseMaLoID checks form and check digit; the error is an *Error.
//
// Spec: UTILMD AHB Strom 2.2, format condition [950]
func ParseMaLoID(s string) (MaLoID, error) {
	const name = "MaLo-ID"
	switch {
	case len(s) != 11:
		return "", &Error{name, s, "it does not have 11 digits"}
	case !all(s, false):
		return "", &Error{name, s, "it has characters other than digits"}
	case s[0] == '0':
		return "", &Error{name, s, "it begins with 0"}
	case checkDigit(s[:10]) != s[10]:
		return "", &Error{name, s, "the check digit is " + string(checkDigit(s[:10]))}
	}
	return MaLoID(s), nil
}

// ParseMeLoID checks the form of a German Zaehlpunktbezeichnung; it has no check digit. The error is an *Error.
//
// Spec: UTILMD AHB Strom 2.2, format condition [951]
func ParseMeLoID(s string) (MeLoID, error) {
	const name = "Zählpunktbezeichnung"
	switch {
	case len(s) != 33:
		return "", &Error{name, s, "it does not have 33 characters"}
	case s[:2] != "DE":
		return "", &Error{name, s, "it does not begin with DE"}
	case !all(s[2:13], false):
		return "", &Error{name, s, "characters 3 to 13 (network operator, postal code) are not all digits"}
	case !all(s[13:], true):
		return "", &Error{name, s, "it has characters other than digits and upper-case letters"}
	}
	return MeLoID(s), nil
}

// ParseNeLoID checks form and check digit; the error is an *Error.
//
// Spec: UTILMD AHB Strom 2.2, format condition [960]
func ParseNeLoID(s string) (NeLoID, error) {
	if err := checkLettered("NeLo-ID", 'E', s); err != nil {
		return "", err
	}
	return NeLoID(s), nil
}

// ParseSRID checks form and check digit; the error is an *Error.
//
// Spec: UTILMD AHB Strom 2.2, format condition [961]
func ParseSRID(s string) (SRID, error) {
	if err := checkLettered("SR-ID", 'C', s); err != nil {
		return "", err
	}
	return SRID(s), nil
}

// ParseTRID checks form and check digit; the error is an *Error.
//
// Spec: UTILMD AHB Strom 2.2, format condition [922]
func ParseTRID(s string) (TRID, error) {
	if err := checkLettered("TR-ID", 'D', s); err != nil {
		return "", err
	}
	return TRID(s), nil
}

// checkLettered checks an id of 11 characters that begins with the letter of its kind.
func checkLettered(name string, letter byte, s string) error {
	switch {
	case len(s) != 11:
		return &Error{name, s, "it does not have 11 characters"}
	case s[0] != letter:
		return &Error{name, s, "it does not begin with " + string(letter)}
	case !all(s, true):
		return &Error{name, s, "it has characters other than digits and upper-case letters"}
	case !digit(s[10]):
		return &Error{name, s, "it does not end with a digit"}
	case checkDigit(s[:10]) != s[10]:
		return &Error{name, s, "the check digit is " + string(checkDigit(s[:10]))}
	}
	return nil
}

// String returns the id.
func (id MaLoID) String() string { return string(id) }

// String returns the id.
func (id MeLoID) String() string { return string(id) }

// String returns the id.
func (id NeLoID) String() string { return string(id) }

// String returns the id.
func (id SRID) String() string { return string(id) }

// String returns the id.
func (id TRID) String() string { return string(id) }

// MarshalText returns the id.
func (id MaLoID) MarshalText() ([]byte, error) { return []byte(id), nil }

// MarshalText returns the id.
func (id MeLoID) MarshalText() ([]byte, error) { return []byte(id), nil }

// MarshalText returns the id.
func (id NeLoID) MarshalText() ([]byte, error) { return []byte(id), nil }

// MarshalText returns the id.
func (id SRID) MarshalText() ([]byte, error) { return []byte(id), nil }

// MarshalText returns the id.
func (id TRID) MarshalText() ([]byte, error) { return []byte(id), nil }

// Kind is the kind of a location, in the short form that event subjects use.
type Kind string

// The kinds of locations that KindOf tells apart. A Tranche has the form of a MaLo; a MaBiS-Zaehlpunkt and a
// Netzkoppelpunkt have that of a MeLo.
const (
	KindUnknown Kind = ""
	KindMaLo    Kind = "malo"
	KindMeLo    Kind = "melo"
	KindNeLo    Kind = "nelo"
	KindSR      Kind = "sr"
	KindTR      Kind = "tr"
)

// KindOf returns the kind of a location id from its length and first character. It does not check the digit: an id
// with a typing error still names a location of its kind.
func KindOf(id string) Kind {
	switch {
	case len(id) == 33:
		return KindMeLo
	case len(id) != 11:
		return KindUnknown
	case id[0] == 'E':
		return KindNeLo
	case id[0] == 'C':
		return KindSR
	case id[0] == 'D':
		return KindTR
	case all(id, false):
		return KindMaLo
	}
	return KindUnknown
}
