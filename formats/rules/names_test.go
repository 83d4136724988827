package rules_test

import (
	"testing"

	"github.com/marktbote/marktbote/formats/condition"
	"github.com/marktbote/marktbote/formats/rules"
)

// TestNameOfNearest: a selector without a group means what stands nearest to the message.
func TestNameOfNearest(t *testing.T) {
	t.Parallel()
	p, err := rules.Load("FV2610", "INVOIC")
	if err != nil {
		t.Fatal(err)
	}
	for selector, want := range map[string]string{
		"DTM+155": "Abrechnungszeitraum Beginn", "SG26:DTM+155": "Positionsbezogener Abrechnungszeitraum Beginn", "RFF+Z13": "Prüfidentifikator",
	} {
		r, err := condition.Parse("if " + selector)
		if err != nil {
			t.Fatal(err)
		}
		if name, _ := p.NameOf(r.Test.Sel, 0, 0); name != want {
			t.Errorf("%s: %q, want %q", selector, name, want)
		}
	}
}

// TestNameOf looks up segments and data elements as conditions name them.
func TestNameOf(t *testing.T) {
	t.Parallel()
	p, err := rules.Load("FV2610", "UTILMD_Strom")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		selector           string // with a place behind @ for a data element
		element, component int
		name, number       string
	}{
		{"msg:DTM+137", 0, 0, "Nachrichtendatum", ""},
		{"DTM+92", 0, 0, "Beginn zum", ""},
		{"SG8/SEQ+Z01", 0, 0, "Daten der Marktlokation", ""},
		{"SG8[SEQ+Z01]/SG10/CCI+Z30++Z07", 0, 0, "Lieferrichtung", ""},
		{"SG8:SG10/CCI+Z30++Z06", 0, 0, "Lieferrichtung", ""},
		{"SG8/SEQ", 0, 0, "", ""},         // many names
		{"SG8/SEQ+Z01,Z22", 0, 0, "", ""}, // two names
		{"SG8/SEQ+Q99", 0, 0, "", ""},     // no such code
		{"SG8/DTM+137", 0, 0, "", ""},     // not in that group
		{"SG8", 0, 0, "", ""},             // no segment
		{"XXX", 0, 0, "", ""},
		{"self:STS", 3, 2, "Codeliste, Code", "1131"},
		{"STS+E01", 3, 2, "Codeliste, Code", "1131"},
		{"SG5/LOC+Z16", 2, 1, "Ortsangabe, Nummer", "3225"},
		{"SG5/LOC+Z16", 9, 1, "", ""},
		{"SG5/LOC+Z16", 2, 99, "", ""},
		{"SG5/LOC+!Z16", 2, 1, "Ortsangabe, Nummer", "3225"}, // a negation excludes nothing here
		{"SG5/LOC+Z16+*:-", 0, 0, "Marktlokation", ""},
	}
	for _, tt := range tests {
		r, err := condition.Parse("if " + tt.selector)
		if err != nil {
			t.Fatal(err)
		}
		if name, number := p.NameOf(r.Test.Sel, tt.element, tt.component); name != tt.name || number != tt.number {
			t.Errorf("%s %d.%d: %q %q, want %q %q", tt.selector, tt.element, tt.component, name, number, tt.name, tt.number)
		}
	}
}
