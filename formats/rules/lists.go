package rules

import (
	"strings"

	"github.com/marktbote/marktbote/formats"
)

// Lists is what the conditions of one format version need from documents beside the Anwendungshandbuch: the code
// lists that EDI@Energy publishes on their own, and which answer codes an Entscheidungsbaum (EBD) has. Nothing may be
// changed after loading; it is safe for concurrent use and looking something up allocates nothing.
//
// No list claims more than its source says. Every answer has therefore two parts: known is false if the list is not
// held at all, if the source leaves open whether the value belongs to it, or if the source may be incomplete and the
// value has the form of its codes. A value that is not a member counts as wrong only if known is true.
//
// The lists, by name (a slash before a chapter or column of the document):
//
//	konfigurationen            product codes of the Codeliste der Konfigurationen
//	konfigurationen/2.1 ...    those of a chapter. The source has chapters for the edition 1.3c only and there by
//	                           kind, not by number. A Messprodukt belongs to a chapter if the Codeliste der OBIS-Kennzahlen
//	                           agrees; a code that is new in a later edition, or on which the two differ, is of unknown
//	                           chapter. Chapters 6.1, 6.2 and 7 are not told from each other for certain: a code of
//	                           one of them is unknown in the other two. 4.5 and the columns of all chapters are missing
//	konfigurationen/kapitel    codes whose chapter is known
//	obis                       OBIS numbers with their ranges of channel and tariff
//	obis/zaehlerstand          by kind: also vorschub, lastgang, maximum, energiemenge (a Vorschub, while Lastgang and
//	                           other quantities are unknown), wirkarbeit, blindarbeit, wirkleistung, blindleistung,
//	                           zaehlzeit (tariffs 1 to 62), strom and gas
//	medien, medien/pid         media of time series, and those of a Pruefidentifikator
//	artikelnummern             BDEW article numbers; which Pruefidentifikator may use them is missing
//	artikel-id                 group article and article IDs
//	artikel-id/utilmd-code     those with an X in a column: also utilmd-preis, pricat-code, pricat-preis, invoic-code
//	                           and invoic-preis. IDs whose columns the source prints incompletely are unknown
//	artikel-id/spalten         IDs whose columns are known
//	lokationsbuendel           codes of structures and objects
//	verwendungszwecke          codes; the matrix of Lokation and Marktrolle is missing
//	laender, temperaturanbieter, zeitreihentypen
//	ebd/E_0624 ...             answer codes of an EBD or a code list of answers (G_0009)
//
// Spec: Codeliste der OBIS-Kennzahlen und Medien 2.5c, ch. 2 to 5
type Lists struct {
	FormatVersion formats.FormatVersion
	Hash          string // sha256 over the file without the hash line, in hex

	lists map[string]*codeList
	ebds  map[string]*codeList
}

// codeList is one list. A value is looked for in codes, then unknown, then base (the codes that the source has
// assigned: what is there and not here is no member), then open (the form of codes that the source may lack).
type codeList struct {
	edition  string
	codes    codeSet
	unknown  codeSet
	base     *codeList
	baseName string
	open     []string
	pids     map[string]*codeSet // nil if the list does not differ by Pruefidentifikator
	clusters map[string]string   // of an EBD, by answer code
}

// Has reports whether a list has a value, as sent but without release characters. known is false if that cannot be
// said; of a list that differs by Pruefidentifikator it never can. Nothing is known about an empty value.
func (l *Lists) Has(name string, value []byte) (member, known bool) {
	list := l.find(name)
	if list == nil || list.pids != nil {
		return false, false
	}
	return list.has(&list.codes, value)
}

// HasFor is Has for a message with a Pruefidentifikator. A list that does not differ by it gives the answer of Has.
func (l *Lists) HasFor(name, pid string, value []byte) (member, known bool) {
	list := l.find(name)
	if list == nil {
		return false, false
	}
	if list.pids == nil {
		return list.has(&list.codes, value)
	}
	codes := list.pids[pid]
	if codes == nil {
		return false, false
	}
	return list.has(codes, value)
}

// Complete reports whether HasFor knows the answer for every value.
func (l *Lists) Complete(name, pid string) bool {
	list := l.find(name)
	if list == nil || list.pids != nil && list.pids[pid] == nil {
		return false
	}
	return len(list.open) == 0 && len(list.unknown.texts) == 0
}

// Cluster returns the cluster of an answer code in an EBD: zustimmung, ablehnung, abweisung, erfolgreich, gescheitert,
// aenderung, keine-aenderung or korrekturliste. known is false if the source names none.
func (l *Lists) Cluster(ebd, code string) (cluster string, known bool) {
	if list := l.ebds[ebd]; list != nil {
		cluster = list.clusters[code]
	}
	cluster, _, _ = strings.Cut(cluster, "/")
	return cluster, cluster != ""
}

// InCluster reports whether an answer code belongs to a cluster or a part of one, such as ablehnung/kopfebene. known
// is false if the source names no cluster, or not the part that is asked for. A list with corrections is a rejection
// of a kind: whether it belongs to ablehnung is not known.
func (l *Lists) InCluster(name, ebd, code string) (member, known bool) {
	list := l.ebds[ebd]
	if list == nil {
		return false, false
	}
	have := list.clusters[code]
	switch {
	case have == "":
		return false, false
	case have == name || strings.HasPrefix(have, name) && have[len(name)] == '/':
		return true, true
	case strings.HasPrefix(name, have) && name[len(have)] == '/':
		return false, false
	case have == "korrekturliste" && strings.HasPrefix(name, "ablehnung"):
		return false, false
	}
	return false, true
}

func (l *Lists) find(name string) *codeList {
	if ebd, ok := strings.CutPrefix(name, "ebd/"); ok {
		return l.ebds[ebd]
	}
	return l.lists[name]
}

func (x *codeList) has(codes *codeSet, value []byte) (member, known bool) {
	plain := plainKey(value)
	switch {
	case len(value) == 0:
		return false, false
	case codes.has(value, plain):
		return true, true
	case x.unknown.has(value, plain):
		return false, false
	case x.base != nil && x.base.codes.has(value, plain):
		return false, true
	}
	for _, form := range x.open {
		if matchForm(form, value) {
			return false, false
		}
	}
	return false, true
}

// matchForm compares with a form in which # stands for a digit and * for any characters.
func matchForm(form string, value []byte) bool {
	i, star, mark := 0, -1, 0
	for j := 0; j < len(value); {
		switch {
		case i < len(form) && form[i] == '*':
			star, mark = i, j
			i++
			continue
		case i < len(form) && (form[i] == value[j] || form[i] == '#' && isDigit(value[j])):
			i, j = i+1, j+1
			continue
		case star < 0:
			return false
		}
		mark++
		i, j = star+1, mark
	}
	for i < len(form) && form[i] == '*' {
		i++
	}
	return i == len(form)
}
