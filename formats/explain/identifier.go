package explain

import (
	"errors"
	"strings"

	"github.com/marktbote/marktbote/formats/ident"
)

// partner says who gave an MP-ID and whether its check digit fits.
func (w words) partner(v string) string {
	id, err := ident.ParseMarktpartnerID(v)
	if err != nil {
		return w.pick("keine MP-ID: es sind nicht 13 Ziffern", "no MP-ID: it does not have 13 digits")
	}
	text := "MP-ID (" + string(id.Issuer()) + "), "
	if id.CheckDigitOK() {
		return text + w.pick("Prüfziffer richtig", "check digit right")
	}
	return text + w.pick("Prüfziffer passt nicht", "check digit does not fit")
}

// locationNames are the short names of location ids.
var locationNames = map[ident.Kind]string{
	ident.KindMaLo: "MaLo-ID", ident.KindNeLo: "NeLo-ID", ident.KindSR: "SR-ID", ident.KindTR: "TR-ID",
}

// location says what a location id is and whether it is well formed; empty if it has the form of none.
func (w words) location(v string) string {
	var err error
	kind := ident.KindOf(v)
	switch kind {
	case ident.KindMaLo:
		_, err = ident.ParseMaLoID(v)
	case ident.KindNeLo:
		_, err = ident.ParseNeLoID(v)
	case ident.KindSR:
		_, err = ident.ParseSRID(v)
	case ident.KindTR:
		_, err = ident.ParseTRID(v)
	case ident.KindMeLo:
		if _, err := ident.ParseMeLoID(v); err != nil {
			return w.pick("keine gültige Zählpunktbezeichnung", "no valid Zählpunktbezeichnung")
		}
		return w.pick("Zählpunktbezeichnung (MeLo-ID), Form richtig", "Zählpunktbezeichnung (MeLo-ID), well formed")
	default:
		return ""
	}
	return w.digit(locationNames[kind], err)
}

// eic says whether an EIC code is right.
func (w words) eic(v string) string {
	_, err := ident.ParseEIC(v)
	return w.digit("EIC", err)
}

// digit says how the check of an identifier went, with the digit that would be right.
func (w words) digit(name string, err error) string {
	if err == nil {
		return name + w.pick(", Prüfziffer richtig", ", check digit right")
	}
	if e, ok := errors.AsType[*ident.Error](err); ok {
		for _, begin := range []string{"the check digit is ", "the check character is "} {
			if want, ok := strings.CutPrefix(e.Reason, begin); ok {
				return name + w.pick(", Prüfziffer falsch: richtig wäre ", ", check digit wrong: it should be ") + want
			}
		}
	}
	return w.pick("keine gültige ", "no valid ") + name
}
