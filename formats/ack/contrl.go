package ack

import (
	"cmp"
	"slices"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/rules"
)

// Contrl is the content of a CONTRL: what it says about one file.
type Contrl struct {
	Action           Action
	ControlRef       string // UCI 0020: UNB 0020 of the file
	Sender, Receiver Party  // UCI S002, S003: of the file, not of the answer
	Fault            *Fault // an error in UNA, UNB or UNZ
	Messages         []ContrlMessage
}

// Action is DE 0083.
type Action string

// The two actions of the market.
const (
	Rejected Action = "4" // the file and everything in it
	Received Action = "7" // no syntax errors; Gas only
)

// Fault is an error in a service segment.
type Fault struct {
	Code    string // 0085
	Segment string // 0013
	// Place is 0098 and 0104 as CONTRL counts: the tag is element 1. Zero if it is not told.
	Place edifact.Place
}

// ContrlMessage is what a CONTRL says about a message with errors (UCM).
type ContrlMessage struct {
	Reference  string // UNH 0062
	Identifier Identifier
	Fault      *Fault // in UNH or UNT; then there are no Segments
	Segments   []SegmentFault
}

// SegmentFault is an error of a segment, or a segment with errors in its elements (UCS).
type SegmentFault struct {
	Position int    // 0096, UNH = 1; for a missing segment that of the one before
	Code     string // 0085; empty if the errors are in the elements
	Elements []ElementFault
}

// ElementFault is an error in a data element (UCD).
type ElementFault struct {
	Code  string // 0085
	Place edifact.Place
}

// contrlCodes are the codes that each segment of CONTRL has, as the rule pack lists them.
type contrlCodes struct {
	uci, ucm, ucs, ucd, types []string
}

// contrlForm reads the code lists of CONTRL from its rule pack.
//
// Spec: CONTRL MIG 2.0b, DE 0085 in UCI, UCM, UCS and UCD; UCM 0065
func contrlForm(pack *rules.Pack) contrlCodes {
	list := func(tag string, element, component int) []string {
		for i := range pack.Nodes {
			n := &pack.Nodes[i]
			if n.IsGroup || n.Tag != edifact.MakeTag(tag) || element-2 >= n.Elements.Len() {
				continue
			}
			e := &pack.Elements[int(n.Elements.First)+element-2]
			if component > e.Components.Len() {
				return nil
			}
			return pack.Codes(pack.Components[int(e.Components.First)+component-1].Codes)
		}
		return nil
	}
	return contrlCodes{
		uci: list("UCI", 6, 1), ucm: list("UCM", 5, 1), ucs: list("UCS", 3, 1), ucd: list("UCD", 2, 1), types: list("UCM", 3, 1),
	}
}

// rejectFile builds the CONTRL on a file with syntax errors. A nil CONTRL means that it cannot be put into one.
//
// Spec: CONTRL AHB 1.0 (the first error of UNA, UNB and UNZ ends the check; of UNH and UNT that of the message)
func (d *decider) rejectFile() *Contrl {
	c := d.contrl(Rejected)
	var service []*formats.Finding
	for i := range d.result.Findings {
		service = append(service, &d.result.Findings[i])
	}
	service = errorsFor("CONTRL", service)
	slices.SortStableFunc(service, func(a, b *formats.Finding) int { return cmp.Compare(a.Offset, b.Offset) })
	if len(service) > 0 {
		c.Fault = d.serviceFault(service[0], d.codes.uci, "UNA", "UNB", "UNZ")
		if c.Fault == nil {
			return nil
		}
		return c
	}
	for i := range d.result.Messages {
		m, ok := d.rejectMessage(i)
		if !ok {
			return nil
		}
		if m != nil && len(c.Messages) < maxUCM {
			c.Messages = append(c.Messages, *m)
		}
	}
	if len(c.Messages) == 0 {
		return nil
	}
	return c
}

// serviceFault reports a finding on one of the service segments; nil if CONTRL has no code for it there.
func (d *decider) serviceFault(x *formats.Finding, codes []string, segments ...string) *Fault {
	f := &Fault{Code: x.Wire.Code, Segment: x.Segment}
	if !slices.Contains(segments, f.Segment) {
		f.Segment = "UNB" // a byte order mark stands in front of it, a group behind it
	}
	if f.Code == "15" && f.Segment != "UNH" && f.Segment != "UNT" {
		f.Code = "16" // an empty segment between the messages: as all that may not stand there
	}
	if !slices.Contains(codes, f.Code) {
		return nil
	}
	if f.Segment != "UNA" { // has no data elements
		f.Place = placeInSegment(x)
	}
	return f
}

// placeInSegment returns S011 of a finding, zero if it is about the whole segment.
func placeInSegment(x *formats.Finding) edifact.Place {
	if x.Element < 2 || x.Element > 999 {
		return edifact.Place{}
	}
	return edifact.Place{Element: x.Element, Component: min(x.Component, 999)}
}

// rejectMessage reports the syntax errors of a message; nil if it has none, false if CONTRL cannot carry them.
func (d *decider) rejectMessage(i int) (*ContrlMessage, bool) {
	in := &d.result.Messages[i]
	list := errorsFor("CONTRL", findingsOf(in))
	if len(list) == 0 {
		return nil, true
	}
	slices.SortStableFunc(list, func(a, b *formats.Finding) int {
		return cmp.Or(cmp.Compare(a.SegmentNumber, b.SegmentNumber), cmp.Compare(a.Offset, b.Offset))
	})
	m := &ContrlMessage{Reference: repeated(in.Reference, 14), Identifier: d.identifier(d.headers[i])}
	if m.Reference == "" || !slices.Contains(d.codes.types, m.Identifier.Type) {
		return nil, false
	}
	for _, x := range list {
		if x.Segment == "UNH" || x.Segment == "UNT" {
			m.Fault = d.serviceFault(x, d.codes.ucm, "UNH", "UNT")
			return m, m.Fault != nil
		}
	}
	for _, x := range list {
		if !m.add(x, &d.codes) {
			return nil, false
		}
	}
	return m, true
}

// add reports an error of a segment or of one of its elements.
func (m *ContrlMessage) add(x *formats.Finding, codes *contrlCodes) bool {
	code := x.Wire.Code
	place := placeInSegment(x)
	if place.Element == 0 && !slices.Contains(codes.ucs, code) || place.Element != 0 && !slices.Contains(codes.ucd, code) {
		return false
	}
	if place.Element == 0 {
		if len(m.Segments) < maxUCS {
			m.Segments = append(m.Segments, SegmentFault{Position: x.SegmentNumber, Code: code})
		}
		return true
	}
	e := ElementFault{Code: code, Place: place}
	n := len(m.Segments)
	if n == 0 || m.Segments[n-1].Position != x.SegmentNumber || m.Segments[n-1].Code != "" {
		if n == maxUCS {
			return true
		}
		m.Segments = append(m.Segments, SegmentFault{Position: x.SegmentNumber})
		n++
	}
	s := &m.Segments[n-1]
	if len(s.Elements) < maxUCD && !slices.Contains(s.Elements, e) {
		s.Elements = append(s.Elements, e)
	}
	return true
}

// identifier returns S009 as UCM can repeat it: what is missing or has another value than CONTRL allows is as the
// message description prescribes it, what is too long is cut.
//
// Spec: CONTRL MIG 2.0b, UCM S009
func (d *decider) identifier(in Identifier) Identifier {
	out := Identifier{
		Type: repeated(in.Type, 6), Version: "D", Release: repeated(in.Release, 3), Agency: "UN", Code: repeated(in.Code, 6),
	}
	if out.Release != "" && out.Code != "" {
		return out
	}
	if pack := newest(d.shelf, out.Type, d.result.FormatVersion, d.version); pack != nil {
		if gas, err := d.shelf.Load(pack.FormatVersion, pack.Type+"_Gas"); err == nil && d.sparte == formats.Gas {
			pack = gas // UTILMD has a version for each Sparte
		}
		now := identifierOf(pack)
		out.Release, out.Code = cmp.Or(out.Release, now[2]), cmp.Or(out.Code, pack.Version)
	}
	return out
}
