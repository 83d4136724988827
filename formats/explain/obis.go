package explain

import "strings"

// obis is an OBIS number A-B:C.D.E.
type obis struct{ a, b, c, d, e string }

func parseOBIS(v string) (o obis, ok bool) {
	var rest string
	if o.a, rest, ok = strings.Cut(v, "-"); !ok {
		return o, false
	}
	if o.b, rest, ok = strings.Cut(rest, ":"); !ok {
		return o, false
	}
	if o.c, rest, ok = strings.Cut(rest, "."); !ok {
		return o, false
	}
	o.d, o.e, ok = strings.Cut(rest, ".")
	return o, ok
}

// measured are the quantities of electricity by the value group C, with the units of energy and of power.
//
// Spec: Codeliste der OBIS-Kennzahlen und Medien 2.5c
var measured = map[string]struct{ de, en, energy, power string }{
	"1": {"Wirkarbeit Bezug (+A)", "active energy, import (+A)", "kWh", "kW"},
	"2": {"Wirkarbeit Lieferung (−A)", "active energy, export (−A)", "kWh", "kW"},
	"3": {"Blindarbeit positiv (+R)", "reactive energy, positive (+R)", "kvarh", "kvar"},
	"4": {"Blindarbeit negativ (−R)", "reactive energy, negative (−R)", "kvarh", "kvar"},
	"5": {"Blindarbeit Quadrant I", "reactive energy, quadrant I", "kvarh", "kvar"},
	"6": {"Blindarbeit Quadrant II", "reactive energy, quadrant II", "kvarh", "kvar"},
	"7": {"Blindarbeit Quadrant III", "reactive energy, quadrant III", "kvarh", "kvar"},
	"8": {"Blindarbeit Quadrant IV", "reactive energy, quadrant IV", "kvarh", "kvar"},
}

// kinds are the kinds of measurement by the value group D.
//
// Spec: Codeliste der OBIS-Kennzahlen und Medien 2.5c
var kinds = map[string][2]string{
	"6": {"Maximum", "maximum"}, "8": {"Zählerstand", "meter reading"}, "9": {"Vorschub", "advance"},
	"29": {"Lastgang", "load profile"},
}

// obis says what an OBIS number measures, for the common ones of electricity; empty for all others.
func (w words) obis(v string) string {
	o, ok := parseOBIS(v)
	m, known := measured[o.c]
	k, kind := kinds[o.d]
	if !ok || o.a != "1" || !known || !kind {
		return ""
	}
	text := w.pick(m.de, m.en) + ", " + w.pick(k[0], k[1])
	if o.d == "6" {
		text = strings.Replace(text, "arbeit", "leistung", 1)
		text = strings.Replace(text, " energy", " power", 1)
	}
	if o.e != "0" {
		text += w.pick(", Tarif ", ", tariff ") + o.e
	}
	return text + " (" + obisUnit(v) + ")"
}

// obisUnit returns the unit of a common OBIS number of electricity, else "". A test compares it with package event.
//
// Spec: Codeliste der OBIS-Kennzahlen und Medien 2.5c
func obisUnit(v string) string {
	o, ok := parseOBIS(v)
	m, known := measured[o.c]
	if !ok || o.a != "1" || !known {
		return ""
	}
	if o.d == "6" || o.d == "4" {
		return m.power
	}
	return m.energy
}
