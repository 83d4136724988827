package check

import (
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/mig"
)

// syntaxCodes maps the kinds of syntax errors to the codes of findings.
var syntaxCodes = map[edifact.Kind]formats.Code{
	edifact.KindEmpty:             "E1001",
	edifact.KindNotEDIFACT:        "E1002",
	edifact.KindWideCharacters:    "E1003",
	edifact.KindByteOrderMark:     "E1004",
	edifact.KindLeadingSpace:      "W1005",
	edifact.KindServiceChars:      "E1006",
	edifact.KindSyntaxIdentifier:  "E1007",
	edifact.KindSyntaxVersion:     "E1008",
	edifact.KindMissingUNZ:        "E1009",
	edifact.KindInterchangeCount:  "E1010",
	edifact.KindInterchangeRef:    "E1011",
	edifact.KindNoMessage:         "E1012",
	edifact.KindFunctionalGroup:   "E1013",
	edifact.KindOutsideMessage:    "E1014",
	edifact.KindTrailingData:      "E1015",
	edifact.KindSecondInterchange: "E1016",
	edifact.KindDuplicateMessage:  "E1017",
	edifact.KindMissingUNT:        "E1018",
	edifact.KindSegmentCount:      "E1019",
	edifact.KindMessageRef:        "E1020",
	edifact.KindMissingElement:    "E1021",
	edifact.KindCounter:           "E1022",
	edifact.KindTooLong:           "E1043",
	edifact.KindTooManyElements:   "E1023",
	edifact.KindTooManyComponents: "E1024",
	edifact.KindTag:               "E1025",
	edifact.KindEmptySegment:      "E1026",
	edifact.KindOctet:             "E1027",
	edifact.KindStrayRelease:      "W1028",
	edifact.KindRelease:           "E1029",
	edifact.KindUnterminated:      "E1030",
	edifact.KindMessageTooLong:    "E1031",
	edifact.KindSegmentTooLong:    "E1032",
}

// syntaxFinding turns a syntax error of the reader into a finding.
func syntaxFinding(e edifact.SyntaxError) formats.Finding {
	x := at(syntaxCodes[e.Kind], e.Pos)
	x.Expected, x.Found = e.Want, e.Found
	switch {
	case e.Kind != edifact.KindMissingElement:
	case e.Pos.Tag == edifact.UNB && e.Pos.Element == 6:
		x.Code = "E1040" // without UNB 0020 there is nothing that CONTRL could refer to
	case e.Pos.Tag == edifact.UNH:
		x.Code = "E1058" // and without UNH 0062 none for UCM
	}
	if code := e.Code(); code != 0 {
		x.Wire = &formats.Wire{Kind: "CONTRL", Code: strconv.Itoa(code)}
	}
	return x
}

// valuePlace is the place of a value in a message; a simple element has component 1.
type valuePlace struct{ segment, element, component int }

// spoiltValues returns the values that hold an octet that does not belong there: whatever else is wrong with them is
// a consequence.
func spoiltValues(faults []edifact.SyntaxError) map[valuePlace]bool {
	var list map[valuePlace]bool
	for _, e := range faults {
		if e.Kind == edifact.KindOctet || e.Kind == edifact.KindRelease {
			if list == nil {
				list = map[valuePlace]bool{}
			}
			list[valuePlace{e.Pos.Segment, e.Pos.Element, max(e.Pos.Component, 1)}] = true
		}
	}
	return list
}

// simple reports whether the rules say that an element has no components, so that CONTRL leaves out DE 0104.
func simple(p *mig.Placement, segment, element int) bool {
	if p == nil || segment < 1 || segment > len(p.Nodes) || p.Nodes[segment-1] < 0 || element < 2 {
		return false
	}
	elements := p.Pack.Nodes[p.Nodes[segment-1]].Elements
	i := elements.First + int32(element) - 2
	return i < elements.End && !p.Pack.Elements[i].Composite
}

// at returns a finding with a position and the rule it concerns.
func at(code formats.Code, p edifact.Position) formats.Finding {
	x := formats.Finding{
		Code: code, Segment: p.Tag.String(), SegmentNumber: p.Segment, Element: p.Element, Component: p.Component,
		Offset: p.Offset, Length: p.Length,
	}
	x.Path = x.Segment
	if x.Segment == "" {
		return x
	}
	x.Rule = "ISO 9735 " + x.Segment
	if s, ok := serviceElements[p.Tag]; ok && p.Element >= 2 && p.Element-2 < len(s) {
		e := s[p.Element-2]
		x.Name, x.Rule = e.name, x.Rule+" "+e.id
		if len(e.parts) == 0 && p.Component == 1 {
			x.Component = 0 // a simple element: CONTRL leaves out DE 0104
		}
		if c := p.Component; c >= 1 && c <= len(e.parts) {
			x.Name, x.Rule = e.parts[c-1].name, "ISO 9735 "+x.Segment+" "+e.parts[c-1].id
		}
	}
	return x
}

// serviceElement is a data element of a service segment.
type serviceElement struct {
	id, name string
	parts    []serviceElement
}

// serviceElements lists the elements of the service segments behind the tag.
//
// Spec: ISO 9735:1988, UNB, UNH, UNT, UNZ; MSCONS MIG 2.5 (German names)
var serviceElements = map[edifact.Tag][]serviceElement{
	edifact.UNB: {
		{id: "S001", name: "Syntax-Bezeichner", parts: []serviceElement{{id: "0001", name: "Syntax-Kennung"}, {id: "0002", name: "Syntax-Versionsnummer"}}},
		{id: "S002", name: "Absender", parts: []serviceElement{{id: "0004", name: "MP-ID Absender"}, {id: "0007", name: "Qualifier der MP-ID"}, {id: "0008", name: "Adresse für Rückleitung"}}},
		{id: "S003", name: "Empfänger", parts: []serviceElement{{id: "0010", name: "MP-ID Empfänger"}, {id: "0007", name: "Qualifier der MP-ID"}, {id: "0014", name: "Weiterleitungsadresse"}}},
		{id: "S004", name: "Zeitpunkt der Erstellung", parts: []serviceElement{{id: "0017", name: "Datum der Erstellung"}, {id: "0019", name: "Uhrzeit der Erstellung"}}},
		{id: "0020", name: "Datenaustauschreferenz"},
		{id: "S005", name: "Referenz oder Passwort des Empfängers"},
		{id: "0026", name: "Anwendungsreferenz"},
		{id: "0029", name: "Verarbeitungspriorität"},
		{id: "0031", name: "Bestätigungsanforderung"},
		{id: "0032", name: "Austauschvereinbarungskennung"},
		{id: "0035", name: "Test-Kennzeichen"},
	},
	edifact.UNH: {
		{id: "0062", name: "Nachrichten-Referenznummer"},
		{id: "S009", name: "Nachrichten-Kennung", parts: []serviceElement{
			{id: "0065", name: "Nachrichtentyp"}, {id: "0052", name: "Versionsnummer des Nachrichtentyps"}, {id: "0054", name: "Freigabenummer des Nachrichtentyps"},
			{id: "0051", name: "Verwaltende Organisation"}, {id: "0057", name: "Version der Nachrichtenbeschreibung"}}},
		{id: "0068", name: "Allgemeine Zuordnungsreferenz"},
		{id: "S010", name: "Status der Übertragung", parts: []serviceElement{{id: "0070", name: "Übertragungsfolgenummer"}, {id: "0073", name: "Erste oder letzte Übertragung"}}},
	},
	edifact.UNT: {{id: "0074", name: "Anzahl der Segmente"}, {id: "0062", name: "Nachrichten-Referenznummer"}},
	edifact.UNZ: {{id: "0036", name: "Anzahl der Nachrichten"}, {id: "0020", name: "Datenaustauschreferenz"}},
}

// ascii reports whether there is nothing but ASCII, as in most messages, eight octets at a time.
func ascii(b []byte) bool {
	var all uint64
	for ; len(b) >= 8; b = b[8:] {
		all |= binary.LittleEndian.Uint64(b)
	}
	for _, c := range b {
		all |= uint64(c)
	}
	return all&0x8080808080808080 == 0
}

// utf8Pairs reports whether b holds UTF-8 letters such as Ã¼ read as ISO 8859-1, and nothing that is not UTF-8.
func utf8Pairs(b []byte) (pairs bool, first int) {
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case c < 0x80:
		case (c == 0xC2 || c == 0xC3) && i+1 < len(b) && b[i+1] >= 0x80 && b[i+1] <= 0xBF:
			if !pairs {
				pairs, first = true, i
			}
			i++
		default:
			return false, 0
		}
	}
	return pairs, first
}

// charset warns once for a file if text is UTF-8 although UNB says UNOC: legal octets, broken letters.
//
// Spec: Allgemeine Festlegungen 6.1 ch. 5 (UNOC is ISO 8859-1)
func (f *file) charset(m *edifact.Message, put func(formats.Finding)) {
	if f.utf8 || ascii(m.Raw()) {
		return
	}
	for n := 1; n <= m.Len() && !f.utf8; n++ {
		s := m.Segment(n)
		pairs, first := utf8Pairs(s.Raw())
		if !pairs {
			continue
		}
		f.utf8 = true
		p := s.Position()
		p.Offset, p.Length = p.Offset+int64(first), 2
		x := at("W1042", p)
		x.Found = fmt.Sprintf("%X", s.Raw()[first:first+2])
		put(x)
	}
}
