package condition_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/condition"
)

var update = flag.Bool("update", false, "rewrite the golden file")

const goldenFile = "testdata/rules.golden"

// goldenRules returns the rules of the golden file: its lines that are not indented. They are rules of the packs.
func goldenRules(tb testing.TB) (list []string, text string) {
	tb.Helper()
	data, err := os.ReadFile(goldenFile)
	if err != nil {
		tb.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if !strings.HasPrefix(line, " ") {
			list = append(list, strings.TrimSpace(line))
		}
	}
	return list, string(data)
}

// TestDescribe compares the words of a rule, German and English, with those that a person has read.
func TestDescribe(t *testing.T) {
	t.Parallel()
	list, want := goldenRules(t)
	var got strings.Builder
	for _, text := range list {
		r, err := condition.Parse(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		got.WriteString(text + "\n  " + condition.Describe(r, "de") + "\n  " + condition.Describe(r, "en") + "\n")
	}
	if *update {
		if err := os.WriteFile(goldenFile, []byte(got.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", goldenFile, diff)
	}
}

// TestNames has what names of the message description add.
func TestNames(t *testing.T) {
	t.Parallel()
	var asked []string
	names := func(s *condition.Selector, element, component int) (name, number string) {
		p := s.Steps[len(s.Steps)-1].Segment
		group := s.Group
		if n := len(s.Steps); n > 1 {
			group = s.Steps[n-2].Group
		}
		asked = append(asked, group+"/"+p.Tag)
		switch {
		case p.Tag == "XXX":
			return "", ""
		case element == 0:
			return "Name von " + p.Tag, ""
		}
		return "Feld von " + p.Tag, "1131"
	}
	tests := []struct{ rule, want string }{
		{"must Z41 date(value) <= date(msg:DTM+137@1.2)", "nicht später als DTM+137 (Name von DTM)"},
		{"must Z39 self:STS@3.2 = \"E_0487\"", "„Feld von STS“ (DE 1131) in diesem STS ist E_0487"},
		{"must Z39 same(SG4:STS+E01@3.2)", "„Feld von STS“ (DE 1131) in STS+E01 (Name von STS) in derselben SG4 überall gleich"},
		{"if self:COM+:TE,FX", "„Feld von COM“ (DE 1131) in diesem COM ist TE oder FX"},
		{"if not self:COM+:TE,FX", "„Feld von COM“ (DE 1131) in diesem COM ist nicht TE oder FX"},
		{"if self:COM+:!TE", "„Feld von COM“ (DE 1131) in diesem COM ist nicht TE"},
		{"if not self:NAD+++*", "„Feld von NAD“ (DE 1131) in diesem NAD ist leer"},
		{"if not self:NAD+++-", "„Feld von NAD“ (DE 1131) in diesem NAD ist gefüllt"},
		{"if self:NAD+++*:-", "„Feld von NAD“ (DE 1131) in diesem NAD ist gefüllt und „Feld von NAD“ (DE 1131) in diesem NAD ist leer"},
		{"if not self:NAD+++-:-", "dieses Segment ist nicht NAD+++(leer):(leer)"},
		{"if self:NAD+MS:TE", "dieses Segment ist NAD+MS:TE"},
		{"if self:XXX@2.3 = \"1\"", "Element 2, Bestandteil 3 in diesem XXX ist 1"},
		{"if SG8[SEQ+Z01 and RFF+Z18]/SG10/CCI+Z30 and SG8/SEQ+Z01",
			"CCI+Z30 (Name von CCI) in SG10 in SG8 mit SEQ+Z01 (Name von SEQ) und RFF+Z18 (Name von RFF) vorhanden und SEQ+Z01 in SG8 vorhanden"},
	}
	for _, tt := range tests {
		r, err := condition.Parse(tt.rule)
		if err != nil {
			t.Fatalf("%s: %v", tt.rule, err)
		}
		asked = nil
		got := condition.Wording{Lang: formats.German, Name: names}.Describe(r)
		if got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.rule, got, tt.want)
		}
	}
	want := []string{"SG10/CCI", "SG8/SEQ", "SG8/RFF", "SG8/SEQ"}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("asked in the groups (-want +got):\n%s", diff)
	}
}

// TestFact has keys of facts as words.
func TestFact(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"in-anfrage-vorhanden":                     "in Anfrage vorhanden",
		"artikel-id-fuer-sonderrechnung":           "Artikel-ID für Sonderrechnung",
		"mpid-sparte-strom":                        "MP-ID Sparte Strom",
		"produkt-ebene-steuerbare-ressource":       "Produkt Ebene steuerbare Ressource",
		"geraeteuebernahmeangebot-smgw":            "Geräteübernahmeangebot SMGW",
		"empfaenger-ist-aktueller-lf":              "Empfänger ist aktueller LF",
		"in-aenderungsmeldung-gefuellt":            "in Änderungsmeldung gefüllt",
		"keine-grosskundenpostleitzahl":            "keine Großkundenpostleitzahl",
		"veraeusserungsform-marktpraemie":          "Veräußerungsform Marktprämie",
		"verwendungszweck-malo-uenb":               "Verwendungszweck MaLo ÜNB",
		"messprodukt-9991000001498-bestellt":       "Messprodukt 9991000001498 bestellt",
		"referenz-abweichend-von-z30":              "Referenz abweichend von Z30",
		"aktiver-mabis-zp-im-betrachtungszeitraum": "aktiver MaBiS ZP im Betrachtungszeitraum",
		"neue-frequenz-manuell":                    "Neue Frequenz Manuell",
		"id":                                       "ID",
		"-":                                        " ",
		"":                                         "",
	}
	for key, want := range tests {
		if got := (condition.Wording{}).Fact(key); got != want {
			t.Errorf("%q: %q, want %q", key, got, want)
		}
	}
}
