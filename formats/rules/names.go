package rules

import (
	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats/condition"
)

// NameOf returns the name that the segments of a selector have in the message description, or if element is not 0, name
// and number of one of their data elements; element and component count as in the language of conditions. Both are empty
// if there is no such place, the name alone if it differs from segment to segment. A selector without a group finds what
// stands nearest to the message.
//
// It has the form that condition.Wording asks for.
func (p *Pack) NameOf(s *condition.Selector, element, component int) (name, number string) {
	last := len(s.Steps) - 1
	pattern, group := s.Steps[last].Segment, s.Group
	if last > 0 {
		group = s.Steps[last-1].Group
	}
	if pattern == nil {
		return "", ""
	}
	tag, level := edifact.MakeTag(pattern.Tag), int32(-1)
	for i := range p.Nodes {
		n := &p.Nodes[i]
		if n.IsGroup || n.Tag != tag || group != "" && n.Group != group || !p.mayMatch(n, pattern) {
			continue
		}
		own, id := p.NameAt(int32(i), element, component)
		switch {
		case own == "" || level >= 0 && n.Level > level:
		case level < 0 || n.Level < level:
			level, name, number = n.Level, own, id
		case number != id:
			name, number = "", ""
		case name != own:
			name = ""
		}
	}
	return name, number
}

// NameAt is NameOf for one segment.
func (p *Pack) NameAt(node int32, element, component int) (name, number string) {
	n := &p.Nodes[node]
	if element == 0 {
		return n.Name, ""
	}
	if c := p.componentAt(n, element, component); c != nil {
		return c.Name, c.ID
	}
	return "", ""
}

func (p *Pack) componentAt(n *Node, element, component int) *Component {
	if element < 1 || element > n.Elements.Len() {
		return nil
	}
	e := &p.Elements[int(n.Elements.First)+element-1]
	if component < 1 || component > e.Components.Len() {
		return nil
	}
	return &p.Components[int(e.Components.First)+component-1]
}

// mayMatch reports whether the code lists of a segment allow what a pattern demands by codes.
func (p *Pack) mayMatch(n *Node, pattern *condition.Pattern) bool {
	for e, components := range pattern.Elements {
		for k, want := range components {
			c := p.componentAt(n, e+1, k+1)
			if want.Not || len(want.Alts) == 0 || c != nil && (c.Open || c.Codes.Len() == 0) {
				continue
			}
			if !p.allows(c, want.Alts) {
				return false
			}
		}
	}
	return true
}

// allows reports whether a component may have one of the values; nil is a component that does not exist.
func (p *Pack) allows(c *Component, alternatives []condition.Alternative) bool {
	for i := range alternatives {
		a := &alternatives[i]
		switch {
		case a.Empty, c != nil && (a.Any || a.Glob || a.Ref != nil):
			return true
		case c != nil && p.HasCode(c.Codes, codeKey(a.Text), []byte(a.Text)):
			return true
		}
	}
	return false
}
