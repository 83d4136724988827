package condition

import (
	"strconv"
	"strings"
)

// property renders what is said of values one by one: that they have a form, or are in a list. The value at hand is not
// named.
func (s sayer) property(p *Predicate, not bool) string {
	switch p.Op {
	case Like:
		return s.like(p, not)
	case List:
		return s.inList(p.Left, []string{p.Text}, not)
	case Format:
		return s.form(p, not)
	case Summer, Winter:
		text := s.unless(not, "in der ", "in ", "nicht in der ", "not in ") + s.unless(p.Op == Winter, "Sommerzeit", "summer time", "Winterzeit", "winter time")
		if s.implied(p.Left) {
			return text
		}
		return s.operand(p.Left) + s.pick(" liegt ", " is ") + text
	}
	return ""
}

// about puts the operand in front of what is said of it, unless it is the value at hand. Of the value the words without
// a verb are enough, a negation needs one.
func (s sayer) about(o *Operand, not bool, noun, verb, notVerb string) string {
	switch {
	case !s.implied(o) && not:
		return s.operand(o) + " " + notVerb
	case !s.implied(o):
		return s.operand(o) + " " + verb
	case not && noun == verb:
		return notVerb
	case not:
		return s.pick("nicht ", "not ") + noun
	}
	return noun
}

// like renders a form of a text.
func (s sayer) like(p *Predicate, not bool) string {
	wild, digit := string(rune(Wild)), string(rune(WildDigit))
	core := strings.Trim(p.Text, wild)
	start, end := strings.HasPrefix(p.Text, wild), strings.HasSuffix(p.Text, wild)
	plain := core != "" && !strings.ContainsAny(core, wild+digit)
	switch {
	case plain && start && end:
		return s.about(p.Left, not, s.pick("enthält ", "contains ")+s.quote(core), s.pick("enthält ", "contains ")+s.quote(core),
			s.pick("enthält nicht ", "does not contain ")+s.quote(core))
	case plain && end:
		return s.about(p.Left, not, s.pick("beginnt mit ", "begins with ")+s.quote(core), s.pick("beginnt mit ", "begins with ")+s.quote(core),
			s.pick("beginnt nicht mit ", "does not begin with ")+s.quote(core))
	case plain && start:
		return s.about(p.Left, not, s.pick("endet mit ", "ends with ")+s.quote(core), s.pick("endet mit ", "ends with ")+s.quote(core),
			s.pick("endet nicht mit ", "does not end with ")+s.quote(core))
	case p.Text != "" && strings.Trim(p.Text, digit) == "":
		noun := strconv.Itoa(len(p.Text)) + s.pick(" Ziffern", " digits")
		return s.about(p.Left, not, noun, s.pick("besteht aus ", "consists of ")+noun, s.pick("besteht nicht aus ", "does not consist of ")+noun)
	}
	form := strings.NewReplacer(wild, "*", digit, "#").Replace(p.Text)
	if strings.Contains(form, "#") {
		form += s.pick(" (# = Ziffer)", " (# = digit)")
	}
	return s.about(p.Left, not, s.pick("Form ", "form ")+form, s.pick("hat die Form ", "has the form ")+form, s.pick("hat nicht die Form ", "does not have the form ")+form)
}

// inList says that a value is in one of several parts of a code list, named as konfigurationen/4.2.
func (s sayer) inList(o *Operand, names []string, not bool) string {
	var parts []string
	chapters := ""
	for _, name := range names {
		_, part, ok := strings.Cut(name, "/")
		switch {
		case !ok:
			continue
		case part != "" && part[0] >= '0' && part[0] <= '9':
			chapters = s.pick("Kapitel ", "chapter ")
		default:
			part = strings.ReplaceAll(word(part), " ", "-")
		}
		parts = append(parts, part)
	}
	list := s.pick("der Codeliste ", "the code list ") + s.quote(word(listName(names[0])))
	if len(parts) == len(names) { // else the whole list is meant as well
		list += ", " + chapters + s.or(parts)
	}
	return s.about(o, not, s.pick("Code aus ", "code of ")+list, s.pick("steht in ", "is in ")+list, s.pick("steht nicht in ", "is not in ")+list)
}

func listName(text string) string {
	name, _, _ := strings.Cut(text, "/")
	return name
}

// cluster says that an answer belongs to a cluster of its Entscheidungsbaum.
func (s sayer) cluster(p *Predicate, not bool) string {
	ebd := " EBD " + s.operand(p.Right)
	if p.Right.Kind != Text {
		ebd = s.pick(" EBD aus ", " EBD in ") + s.dative(p.Right)
	}
	name, part, ok := strings.Cut(p.Text, "/")
	name = s.quote(word(name))
	if ok {
		name += " (" + word(part) + ")"
	}
	noun := s.pick("Antwortcode aus dem Cluster ", "answer code of the cluster ") + name + s.pick(" des", " of the") + ebd
	verb := s.pick("im Cluster ", "in the cluster ") + name + s.pick(" des", " of the") + ebd
	return s.about(p.Left, not, noun, s.pick("ist ", "is ")+verb, s.pick("ist nicht ", "is not ")+verb)
}

// formName is the name of a form in both languages, with the articles it takes; without one it is said that a value has it.
type formName struct{ article, de, articleEN, en string }

// forms are the names of forms.
var forms = map[string]formName{
	"malo":            {"eine ", "MaLo-ID mit richtiger Prüfziffer", "a ", "MaLo-ID with the right check digit"},
	"tranche":         {"eine ", "Tranchen-ID mit richtiger Prüfziffer", "a ", "Tranchen-ID with the right check digit"},
	"nelo":            {"eine ", "NeLo-ID mit richtiger Prüfziffer", "a ", "NeLo-ID with the right check digit"},
	"sr":              {"eine ", "SR-ID mit richtiger Prüfziffer", "an ", "SR-ID with the right check digit"},
	"tr":              {"eine ", "TR-ID mit richtiger Prüfziffer", "a ", "TR-ID with the right check digit"},
	"melo":            {"eine ", "MeLo-ID (33 Stellen)", "a ", "MeLo-ID (33 characters)"},
	"zaehlpunkt":      {"eine ", "Zählpunktbezeichnung (33 Stellen)", "a ", "Zählpunktbezeichnung (33 characters)"},
	"mpid":            {"eine ", "MP-ID mit richtiger Prüfziffer", "an ", "MP-ID with the right check digit"},
	"eic":             {"ein ", "EIC mit richtigem Prüfzeichen", "an ", "EIC with the right check character"},
	"geraet":          {"eine ", "Gerätenummer nach DIN 43863-5", "a ", "device number of DIN 43863-5"},
	"telefon":         {"eine ", "Telefonnummer aus „+“ und Ziffern", "a ", `phone number of "+" and digits`},
	"artikel":         {"eine ", "Artikelnummer (13 Ziffern)", "an ", "article number (13 digits)"},
	"grossbuchstaben": {"", "nur Großbuchstaben", "", "capital letters only"},
}

// form says that a value has the form of an identifier.
func (s sayer) form(p *Predicate, not bool) string {
	f, known := forms[p.Text]
	if !known {
		f = formName{"", s.quote(word(p.Text)), "", s.quote(word(p.Text))}
	}
	noun := s.pick(f.de, f.en)
	if f.article == "" {
		return s.about(p.Left, not, noun, s.pick("hat ", "has ")+noun, s.pick("hat nicht ", "does not have ")+noun)
	}
	noun = s.pick(f.article+f.de, f.articleEN+f.en)
	return s.about(p.Left, not, s.pick(f.de, f.en), s.pick("ist ", "is ")+noun, s.pick("ist k"+noun, "is not "+noun))
}

// partner names a Marktpartner by the qualifier of its NAD.
func (s sayer) partner(qualifier string) string {
	switch qualifier {
	case "MS":
		return s.pick("Absender (NAD+MS)", "sender (NAD+MS)")
	case "MR":
		return s.pick("Empfänger (NAD+MR)", "receiver (NAD+MR)")
	}
	return "NAD+" + qualifier
}
