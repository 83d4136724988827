package condition

import (
	"slices"
	"strings"
)

// Fact puts the key of an external fact into words. Keys are ours: German words in small ASCII letters, joined by
// hyphens.
func (w Wording) Fact(key string) string { return word(key) }

// small are the words of keys that are no nouns.
var small = strings.Fields(`ab alle als am an anbietbar anderer anderes angebbar angefordert angefragt angefragtem anwendbar
	anzugeben auch auf aus ausgerollte ausgetauscht befristet behebbar behoben beim bekannt benoetigt beschreibbar
	bestaetigt bestaetigte bestellbar bestellt das dem den der des die direkt drei durch ein eine einem einer eines endet erfassen
	erfolgt erforderlich erfuellt faellt falscher fehlerhafter fehlt feststellbar findet fuer ganzen geaendert gefuellt genannt
	genauer genutzt gewuenscht gewuenschten gezont gleich hat hohe im in informiert ist je kein keine letzte letzten liegt
	mehr mehrere mehrfach mindestens mit moeglich naechstmoeglich nach neu nicht nimmt noetig oder ohne passt pauschal per
	rechtlich referenzierter reicht reklamiert ruhende soll statt steuerbare stillgelegt stornierender strittige technische
	teil trotz uebermittelt und unveraendert unverbindliche verlangt vergeben vollstaendig vom von vor vorausbezahlter
	vorhanden wegen weitere weiterer werden wird zeitabhaengiger zu zugeordnet zum zur zuzuordnen abweichend aktiv aktiver
	aktueller`)

// special are the words of keys that are written in their own way.
var special = map[string]string{
	"malo": "MaLo", "melo": "MeLo", "nelo": "NeLo", "malos": "MaLos", "melos": "MeLos", "nelos": "NeLos", "mabis": "MaBiS", "ims": "iMS",
	"mpid": "MP-ID", "uenb": "ÜNB", "geraets": "Geräts",
}

// acronyms are written in capital letters.
var acronyms = strings.Fields(`aperak biko bk bg bkv btr cls contrl dzr ebd esa gmsb h id invoic ka kn lf lfn lfa mgv msb msba msbn nb nzr obis ok
	orders plz pricat reqote smgw sr szr tr unh unt utilmd utilts zp`)

// word puts a key or a part of it into words: nouns with a capital letter, umlauts where they are certain. "id" belongs
// to the word before.
func word(key string) string {
	var b strings.Builder
	for i, w := range strings.Split(key, "-") {
		switch {
		case i > 0 && w == "id":
			b.WriteByte('-')
		case i > 0:
			b.WriteByte(' ')
		}
		b.WriteString(spell(w))
	}
	return b.String()
}

// roles writes the names of roles: UENB is the only one with an umlaut.
func roles(names []string) []string {
	list := slices.Clone(names)
	for i, name := range list {
		list[i] = strings.Replace(name, "UENB", "ÜNB", 1)
	}
	return list
}

func spell(w string) string {
	switch {
	case special[w] != "":
		return special[w]
	case slices.Contains(acronyms, w), w != "" && strings.Trim(w[1:], "0123456789") == "":
		return strings.ToUpper(w)
	case slices.Contains(small, w):
		return umlauts(w)
	}
	w = umlauts(w)
	if w == "" {
		return ""
	}
	first := []rune(w)
	return strings.ToUpper(string(first[:1])) + string(first[1:])
}

// umlauts writes umlauts where two letters certainly stand for one: "ue" is none behind another vowel or q (neu,
// steuerbar, Frequenz) and in "uell" behind d, n, s or t (aktuell, manuell), except in "ueber".
func umlauts(w string) string {
	w = strings.NewReplacer("ueber", "über", "gross", "groß", "aeusser", "äußer").Replace(w)
	var b strings.Builder
	for i := 0; i < len(w); i++ {
		pair := w[i:min(i+2, len(w))]
		before := byte(0)
		if i > 0 {
			before = w[i-1]
		}
		switch {
		case pair == "ae", pair == "oe":
			b.WriteString(map[string]string{"ae": "ä", "oe": "ö"}[pair])
			i++
		case pair == "ue" && strings.IndexByte("aeiouqy", before) < 0 && !(strings.HasPrefix(w[i+2:], "ll") && strings.IndexByte("dnst", before) >= 0):
			b.WriteString("ü")
			i++
		default:
			b.WriteByte(w[i])
		}
	}
	return b.String()
}
