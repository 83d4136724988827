package event

import "strings"

// units tells the unit from an OBIS number A-B:C.D.E: the first row that fits counts, an empty field fits all.
//
// Spec: Codeliste der OBIS-Kennzahlen und Medien 2.5c
var units = []struct{ a, c, d, e, unit string }{
	{"1", "1", "6", "", "kW"},
	{"1", "2", "6", "", "kW"},
	{"1", "1", "4", "", "kW"},
	{"1", "2", "4", "", "kW"},
	{"1", "", "6", "", "kvar"},
	{"1", "1", "", "", "kWh"},
	{"1", "2", "", "", "kWh"},
	{"1", "9", "99", "", "1"},                                  // share of a profile
	{"1", "13", "", "", "kvarh"}, {"1", "14", "", "", "kvarh"}, // excess of reactive energy
	{"1", "3", "", "", "kvarh"}, {"1", "4", "", "", "kvarh"}, {"1", "5", "", "", "kvarh"},
	{"1", "6", "", "", "kvarh"}, {"1", "7", "", "", "kvarh"}, {"1", "8", "", "", "kvarh"},
	{"7", "33", "86", "", "kWh"},
	{"7", "99", "33", "17", "kWh"},
	{"7", "9", "98", "", "kWh"},
	{"7", "52", "0", "22", "1"},
	{"7", "54", "", "", "kWh/m3"},
	{"7", "3", "", "", "m3"},
	{"7", "13", "2", "", "m3"},
}

// unitCodes are the units that some messages state.
//
// Spec: MSCONS MIG 2.5, SG10 QTY DE 6411
var unitCodes = map[string]string{"KWH": "kWh", "KWT": "kW", "D54": "W/m2", "MTS": "m/s"}

// unit returns the unit of a value: that of the message if it states one, else that of the OBIS number, else "".
func unit(obis, stated string) string {
	if stated != "" {
		if u := unitCodes[stated]; u != "" {
			return u
		}
		return stated
	}
	a, rest, ok := strings.Cut(obis, "-")
	_, rest, ok2 := strings.Cut(rest, ":")
	c, rest, ok3 := strings.Cut(rest, ".")
	d, e, ok4 := strings.Cut(rest, ".")
	if !ok || !ok2 || !ok3 || !ok4 {
		return ""
	}
	for _, u := range units {
		if u.a == a && (u.c == "" || u.c == c) && (u.d == "" || u.d == d) && (u.e == "" || u.e == e) {
			return u.unit
		}
	}
	return ""
}
