package ack

import (
	"regexp"
	"slices"
	"strings"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/mig"
	"github.com/marktbote/marktbote/formats/rules"
)

// placed are the codes for which an APERAK must say where the error is.
//
// Spec: APERAK MIG 2.1i, SG5 FTX+Z02; APERAK AHB 1.1 (Z21, Z29, Z35, Z38 to Z41)
var placed = map[string]bool{"Z21": true, "Z29": true, "Z35": true, "Z38": true, "Z39": true, "Z40": true, "Z41": true}

// Findings on something that is not there. They stand at the segment in front of the gap.
const (
	codeSegmentMissing formats.Code = "E3001"
	codeGroupMissing   formats.Code = "E3002"
	codeTooRarely      formats.Code = "E3007"
	codeTooFewCodes    formats.Code = "E3009"
)

// placeOf names the segment that a finding is about as the message description of the original prints it, and repeats
// it. For a group it is the segment that opens it.
//
// Spec: APERAK MIG 2.1i, SG5 FTX+Z02; APERAK MIG 2.2, SG5 FTX+Z02
func placeOf(x *formats.Finding, m *edifact.Message, p *mig.Placement, unb *edifact.Segment) SegmentPlace {
	var name string
	switch x.Code {
	case codeSegmentMissing, codeGroupMissing, codeTooRarely, codeTooFewCodes:
		return SegmentPlace{Name: unoc(missingName(x, p.Pack), maxText)}
	}
	switch n := x.SegmentNumber; {
	case n == 0 && unb != nil:
		name = "UNB"
		if node, ok := p.Pack.ServiceSegment(edifact.UNB); ok {
			name = node.Name
		}
		return SegmentPlace{unoc(name, maxText), raw(unb)}
	case n >= 1 && n <= len(p.Nodes) && n <= m.Len():
		name = x.Segment
		if node := p.Nodes[n-1]; node >= 0 {
			name = p.Pack.Nodes[node].Name
		}
		s := m.Segment(n)
		return SegmentPlace{unoc(name, maxText), raw(&s)}
	}
	return SegmentPlace{Name: unoc(x.Segment, maxText)}
}

// raw returns a segment as it was sent, if it is short enough to be repeated.
func raw(s *edifact.Segment) string {
	text := strings.Trim(edifact.Latin1String(s.Raw()), " ")
	if !fits(text, maxText) {
		return ""
	}
	return text
}

var pathIndex = regexp.MustCompile(`\[\d+\]`)

// missingName returns the name of the segment that is not there. The finding has the name of the segment or group that
// is missing and its path, or the code that is missing in a segment.
func missingName(x *formats.Finding, pack *rules.Pack) string {
	path := strings.Split(pathIndex.ReplaceAllString(x.Path, ""), "/")
	last := path[len(path)-1]
	isGroup := strings.HasPrefix(last, "SG")
	groups := strings.Join(path[:len(path)-1], "/")
	if isGroup {
		groups = strings.Join(path, "/")
	}
	code, _, _ := strings.Cut(x.Expected, " ")
	for i := range pack.Nodes {
		n := &pack.Nodes[i]
		if n.IsGroup != isGroup || i == 0 || n.Tag.String() != x.Segment || pack.GroupPath(int32(i)) != groups {
			continue
		}
		if x.Code == codeTooFewCodes && hasCode(pack, n, code) || x.Code != codeTooFewCodes && n.Name == x.Name {
			return pack.Segment(int32(i)).Name
		}
	}
	if x.Code == codeTooFewCodes {
		for i := range pack.Nodes {
			if n := &pack.Nodes[i]; !n.IsGroup && n.Tag.String() == x.Segment && hasCode(pack, n, code) {
				return n.Name
			}
		}
	}
	return x.Name
}

// hasCode reports whether a segment has a data element with the code.
func hasCode(pack *rules.Pack, n *rules.Node, code string) bool {
	if n.IsGroup {
		return false
	}
	return slices.ContainsFunc(pack.Elements[n.Elements.First:n.Elements.End], func(e rules.Element) bool {
		return slices.ContainsFunc(pack.Components[e.Components.First:e.Components.End], func(c rules.Component) bool {
			return slices.Contains(pack.Codes(c.Codes), code)
		})
	})
}
