package event

import (
	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats/ident"
)

// The tags of user segments that the package reads.
var (
	tagBGM = edifact.MakeTag("BGM")
	tagCCI = edifact.MakeTag("CCI")
	tagCNI = edifact.MakeTag("CNI")
	tagCOM = edifact.MakeTag("COM")
	tagCTA = edifact.MakeTag("CTA")
	tagDOC = edifact.MakeTag("DOC")
	tagDTM = edifact.MakeTag("DTM")
	tagEQD = edifact.MakeTag("EQD")
	tagIDE = edifact.MakeTag("IDE")
	tagLIN = edifact.MakeTag("LIN")
	tagLOC = edifact.MakeTag("LOC")
	tagNAD = edifact.MakeTag("NAD")
	tagPIA = edifact.MakeTag("PIA")
	tagQTY = edifact.MakeTag("QTY")
	tagRFF = edifact.MakeTag("RFF")
	tagSTS = edifact.MakeTag("STS")
)

// The kinds of objects that only the place in a message tells, not the form of the id.
const (
	KindTranche       ident.Kind = "tranche"
	KindMaBiSZP       ident.Kind = "mabiszp"
	KindConfiguration ident.Kind = "config" // Konfigurations-ID of an iMS
	KindDefinition    ident.Kind = "definition"
)

// Transaction is one Geschaeftsvorfall of a message: the part that is answered, rejected and published on its own.
type Transaction struct {
	// Number is the transaction number where the message type has one: IDE 7402, DOC 1004, EQD 8260 or CNI 1490.
	Number string
	// Status counts the statuses of one IFTSTA transaction, from 1; 0 for other message types.
	Status int
	// List is set for a list (IDE+Z01), whose rows are no transactions.
	List               bool
	Pruefidentifikator ident.Pruefidentifikator // empty for CONTRL and APERAK, and if the message has none
	Object             string                   // id of the location, empty if the transaction names none
	ObjectKind         ident.Kind
	First, Last        int // segment numbers, UNH = 1; both included
	rank               int // of Object among the locations of the transaction; 0: none
}

// DocumentCode returns BGM 1001, "" without BGM.
func DocumentCode(m *edifact.Message) string { return fromBGM(m, 2) }

// DocumentNumber returns BGM 1004, "" without BGM.
func DocumentNumber(m *edifact.Message) string { return fromBGM(m, 3) }

func fromBGM(m *edifact.Message, element int) string {
	for n := 1; n <= m.Len() && n <= 3; n++ {
		if m.Tag(n) == tagBGM {
			s := m.Segment(n)
			return s.Text(element, 1)
		}
	}
	return ""
}

// MessageType returns UNH 0065, "" without UNH.
func MessageType(m *edifact.Message) string {
	if m.Len() == 0 || m.Tag(1) != edifact.UNH {
		return ""
	}
	s := m.Segment(1)
	return s.Text(3, 1)
}

// cut says how the messages of a type fall into transactions: which segments open one.
//
// Spec: Allgemeine Festlegungen 6.1 2.20; APERAK AHB 1.1 (transaction number by message type)
var cut = map[string]func(tag edifact.Tag, inCNI bool) bool{
	"UTILMD": func(tag edifact.Tag, _ bool) bool { return tag == tagIDE },
	"UTILTS": func(tag edifact.Tag, _ bool) bool { return tag == tagIDE },
	"INSRPT": func(tag edifact.Tag, _ bool) bool { return tag == tagDOC },
	"IFTSTA": func(tag edifact.Tag, inCNI bool) bool {
		return tag == tagEQD || tag == tagCNI || tag == tagSTS && inCNI
	},
}

// segmentsEach is about how many segments a transaction has at least: a guess that saves growing the list.
const segmentsEach = 20

// Transactions splits a message. UTILMD and UTILTS have one per IDE+24, or one for a whole list after IDE+Z01;
// INSRPT one per DOC; IFTSTA one per status, or per EQD; all other types are one transaction from UNH to UNT. The
// Pruefidentifikator is looked for inside the transaction. Segments before the first transaction belong to none.
func Transactions(m *edifact.Message) []Transaction {
	if m.Len() == 0 {
		return nil
	}
	opens := cut[MessageType(m)]
	if opens == nil {
		t := Transaction{First: 1, Last: m.Len()}
		for n := 1; n <= m.Len(); n++ {
			t.look(m, n)
		}
		return []Transaction{t}
	}
	list := make([]Transaction, 0, 1+m.Len()/segmentsEach)
	cur := -1 // index of the open transaction
	cni := "" // number of the open CNI
	inCNI, fresh := false, false
	for n, last := 1, m.Len(); n <= last; n++ {
		tag := m.Tag(n)
		if tag == edifact.UNT {
			break
		}
		switch {
		case !opens(tag, inCNI):
		case cur >= 0 && list[cur].List: // a row of the list
		case tag == tagSTS && fresh: // the first status belongs to the segments from CNI on
			fresh = false
			list[cur].Status = 1
		default:
			s := m.Segment(n)
			t := Transaction{First: n}
			switch tag {
			case tagCNI:
				inCNI, fresh, cni = true, true, s.Text(2, 1)
				t.Number = cni
			case tagSTS:
				t.Number, t.Status = cni, list[cur].Status+1
				t.Object, t.ObjectKind, t.rank = list[cur].Object, list[cur].ObjectKind, list[cur].rank
			case tagEQD:
				inCNI = false
				t.Number = s.Text(3, 1)
			default:
				t.Number = s.Text(3, 1)
				t.List = tag == tagIDE && s.Is(2, 1, "Z01")
			}
			list = append(list, t)
			cur++
		}
		if cur >= 0 {
			list[cur].Last = n
			list[cur].look(m, n)
		}
	}
	return list
}

// locations are the qualifiers of LOC that name the object of a transaction, best first. With LOC+172 the form of
// the id tells the kind.
//
// Spec: UTILMD MIG Strom S2.2, SG5 LOC; MSCONS MIG 2.5, SG6 LOC; UTILTS MIG 1.1e, SG5 LOC
var locations = []struct {
	qualifier string
	kind      ident.Kind
}{
	{"Z16", ident.KindMaLo}, {"Z22", ident.KindMaLo}, {"Z21", KindTranche}, {"Z18", ident.KindNeLo}, {"Z19", ident.KindSR},
	{"Z20", ident.KindTR}, {"Z17", ident.KindMeLo}, {"Z15", KindMaBiSZP}, {"172", ""}, {"Z09", KindDefinition},
}

// look takes Pruefidentifikator and object from segment n.
func (t *Transaction) look(m *edifact.Message, n int) {
	switch m.Tag(n) {
	case tagRFF:
		s := m.Segment(n)
		switch {
		case s.Is(2, 1, "Z13") && t.Pruefidentifikator == "":
			t.Pruefidentifikator = ident.Pruefidentifikator(s.Text(2, 2))
		case s.Is(2, 1, "AGK") && t.Object == "":
			t.Object, t.ObjectKind = s.Text(2, 2), KindConfiguration
		}
	case tagLOC:
		if t.List {
			return
		}
		s := m.Segment(n)
		qualifier := s.Value(2, 1)
		for i, l := range locations {
			rank := len(locations) - i
			if rank <= t.rank || l.qualifier != string(qualifier) || s.Empty(3, 1) {
				continue
			}
			t.Object, t.ObjectKind, t.rank = s.Text(3, 1), l.kind, rank
			if l.kind == "" {
				t.ObjectKind = ident.KindOf(t.Object)
			}
		}
	}
}
