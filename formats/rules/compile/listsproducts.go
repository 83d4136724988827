package compile

import (
	"fmt"
	"maps"
	"slices"
)

// productForms is the form of product codes.
var productForms = []string{"9991#########"}

// productChapters leads from the kinds of the source to the chapters of the Codeliste der Konfigurationen. Kinds of
// Messprodukte were assigned by whoever made the source and are wrong in places (those of gas are among those of the
// Netzlokation): obis names the chapter of the Codeliste der OBIS-Kennzahlen that must agree, empty if that list does
// not have the kind.
var productChapters = []struct {
	kind, obis string
	gateway    bool // for chapter 3.3.5: the values come from the Smart-Meter-Gateway
	chapter    string
}{
	{"messprodukt_standard_marktlokation", "3.3.1", false, "2.1"},
	{"messprodukt_standard_tranche", "3.3.4", false, "2.2"},
	{"messprodukt_standard_messlokation", "3.3.2", false, "2.3"},
	{"messprodukt_standard_netzlokation", "3.3.3", false, "2.4"},
	{"messprodukt_standard_netzlokation", "4.6.1", false, "3"},
	{"messprodukt_standard_netzlokation", "4.6.2", false, "3"},
	{"config_product_schaltzeitdefinition", "", false, "4.1"},
	{"config_product_leistungskurve", "", false, "4.2"},
	{"config_product_adhoc_steuerkanal", "", false, "4.3"},
	{"messprodukt_typ2_smgw", "3.3.6", true, "4.4"},
	{"messprodukt_esa", "3.3.5", false, "4.6.1"},
	{"messprodukt_esa", "3.3.5", true, "4.6.2"},
	{"messprodukt_position_codes", "", false, "4.7"},
	{"produkte_anmeldung_zuordnung_lfn", "", false, "6.1"},
	{"produkte_aenderung_abrechnungsdaten", "", false, "6.2"},
	{"produkte_aenderung_lokation", "", false, "7"},
}

// mixedChapters cannot be told from each other for certain: nothing confirms the kinds, and their numbers interlock.
var mixedChapters = []string{"6.1", "6.2", "7"}

// tariffChapters are the parts of chapters with the products that may have a Zaehlzeit, which the Codeliste der
// OBIS-Kennzahlen tells.
var tariffChapters = []struct{ part, chapter, obis string }{
	{"2.1.1", "2.1", "3.3.1"},
	{"2.3.1", "2.3", "3.3.2"},
}

// products makes the lists of product codes. Chapters come from the one edition that has them; a code that is not in
// the list of this format version, or new in it, is in none.
func (l *lists) products(o *obisDocument) error {
	src, err := l.read(l.sources.products)
	if err != nil {
		return err
	}
	byKind, err := l.read(chapterFile)
	if err != nil {
		return err
	}
	codes, err := src.codes()
	if err != nil {
		return fmt.Errorf("%s: %w", l.sources.products, err)
	}
	l.all["konfigurationen"] = &list{edition: src.Title, open: productForms, codes: codes}

	chapters := map[string][]string{}
	for _, c := range productChapters {
		kind, ok := byKind.Categories[c.kind]
		if !ok {
			return fmt.Errorf("%s has no kind %s", chapterFile, c.kind)
		}
		for _, code := range kind {
			p := o.products[code]
			agreed := c.obis == "" || p != nil && slices.Contains(p.chapters, c.obis) && p.gateway == c.gateway
			if agreed && slices.Contains(codes, code) && !slices.Contains(chapters[c.chapter], code) {
				chapters[c.chapter] = append(chapters[c.chapter], code)
			}
		}
	}
	const base = "konfigurationen/kapitel"
	edition := src.Title + "; chapters of " + byKind.Title
	placed := &list{edition: edition, open: productForms}
	for _, chapter := range slices.Sorted(maps.Keys(chapters)) {
		placed.codes = append(placed.codes, chapters[chapter]...)
		x := &list{edition: edition, base: base, open: productForms, codes: chapters[chapter]}
		if slices.Contains(mixedChapters, chapter) {
			for _, other := range mixedChapters {
				if other != chapter {
					x.unknown = append(x.unknown, chapters[other]...)
				}
			}
		}
		l.all["konfigurationen/"+chapter] = x
	}
	l.all[base] = placed
	for _, t := range tariffChapters {
		x := &list{edition: edition + "; Zählzeit by " + o.edition, base: base, open: productForms}
		for _, code := range chapters[t.chapter] {
			if slices.Contains(o.products[code].tariffs, t.obis) {
				x.codes = append(x.codes, code)
			}
		}
		l.all["konfigurationen/"+t.part] = x
	}
	return nil
}
