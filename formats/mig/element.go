package mig

import (
	"bytes"
	"slices"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats/rules"
)

// elements checks the data elements of c.seg, which is placed at a node.
//
// Spec: APERAK/CONTRL AHB 2.3k ch. 2 (a part with M or R must be there when what it is part of is there; N must be
// empty); Allgemeine Festlegungen 6.1 6.10 (separators at the end are no fault)
func (c *Checker) elements(node *rules.Node) {
	sent := c.seg.Elements() - 1
	list := c.pack.Elements[node.Elements.First:node.Elements.End]
	for i := range list[:min(sent, len(list))] {
		if e := &list[i]; e.Composite {
			c.composite(node, e, i+2)
		} else {
			c.simple(node, e, i+2)
		}
	}
	for i := sent; i < int(node.Needed); i++ {
		if e := &list[i]; e.Status.Required() {
			c.elementMissing(node, e, i+2)
		}
	}
	for i := len(list); i < sent; i++ {
		if c.filled(i+2, 1) {
			c.tooManyElements(node, i+2)
			return
		}
	}
}

// filled reports whether element e has content in component from or behind it.
func (c *Checker) filled(e, from int) bool {
	for j := from; j <= c.seg.Components(e); j++ {
		if !blank(c.seg.RawComponent(e, j)) {
			return true
		}
	}
	return false
}

func (c *Checker) simple(node *rules.Node, e *rules.Element, pos int) {
	comp := &c.pack.Components[e.Components.First]
	value := c.seg.RawComponent(pos, 1)
	switch {
	case blank(value):
		if e.Status.Required() {
			c.elementMissing(node, e, pos)
		}
	case e.Status == 'N':
		c.notUsed(node, pos, 0, comp.ID, e.Name)
	default:
		c.component(node, comp, pos, 0, value)
	}
	if c.seg.Components(pos) > 1 && c.filled(pos, 2) {
		c.tooManyComponents(node, e, pos, 1)
	}
}

func (c *Checker) composite(node *rules.Node, e *rules.Element, pos int) {
	if e.Status == 'N' {
		if c.filled(pos, 1) {
			c.notUsed(node, pos, 0, e.ID, e.Name)
		}
		return
	}
	parts := c.pack.Components[e.Components.First:e.Components.End]
	sent := c.seg.Components(pos)
	opened, lacking, before := false, false, len(c.found)
	for j := range parts {
		comp := &parts[j]
		if j >= sent {
			lacking = lacking || comp.Status.Required()
			continue
		}
		switch value := c.seg.RawComponent(pos, j+1); {
		case blank(value):
			lacking = lacking || comp.Status.Required()
		case comp.Status == 'N':
			opened = true
			c.notUsed(node, pos, j+1, comp.ID, comp.Name)
		default:
			opened = true
			c.component(node, comp, pos, j+1, value)
		}
	}
	if sent > len(parts) && c.filled(pos, len(parts)+1) {
		opened = true
		c.tooManyComponents(node, e, pos, len(parts))
	}
	switch {
	case opened && lacking:
		c.componentsMissing(node, e, pos)
	case !opened && e.Status.Required():
		c.elementMissing(node, e, pos)
	case node.Tag == tagDTM && opened && len(c.found) == before:
		c.date(node, e, pos)
	}
}

var tagDTM = edifact.MakeTag("DTM")

// component checks a value that is not empty; j is 0 for a simple data element. A value from the code list is right
// whatever the format.
func (c *Checker) component(node *rules.Node, comp *rules.Component, pos, j int, raw []byte) {
	if comp.Codes.Len() > 0 {
		if c.hasCode(comp.Codes, raw) {
			return
		}
	} else if comp.Format.Kind == 'x' && comp.Format.Min == 1 && len(raw) <= int(comp.Format.Max) {
		return
	}
	if code := c.valueFault(comp, c.unescape(raw)); code != "" {
		c.wrongValue(code, node, comp, pos, j, c.expected(code, comp))
	}
}

// valueFault returns what is wrong with a value that is not in the code list: the kind of characters first, then
// the length, then that it is not in the list.
func (c *Checker) valueFault(comp *rules.Component, value []byte) findingCode {
	f, length := comp.Format, len(value)
	switch f.Kind {
	case 'n':
		digits, code := number(value, c.svc.Decimal)
		if code != "" {
			return code
		}
		length = digits
	case 'a':
		if slices.ContainsFunc(value, func(b byte) bool { return !letter(b) && b != ' ' }) {
			return codeKind
		}
	}
	switch {
	case length > int(f.Max):
		return codeTooLong
	case length < int(f.Min):
		return codeTooShort
	case comp.Codes.Len() > 0 && !comp.Open:
		return codeValue
	}
	return ""
}

// letter reports whether an octet of ISO 8859-1 is a letter.
func letter(b byte) bool {
	return b|0x20 >= 'a' && b|0x20 <= 'z' || b >= 0xC0 && b != 0xD7 && b != 0xF7
}

// number checks a numeric value and counts its digits: sign and decimal mark do not count for the length.
//
// Spec: ISO 9735:1988 (numeric values); Allgemeine Festlegungen 6.1 2.18
func number(value []byte, mark byte) (digits int, code findingCode) {
	v := bytes.TrimPrefix(value, []byte("-"))
	other := byte(',')
	if mark == ',' {
		other = '.'
	}
	point := -1
	for i, b := range v {
		switch {
		case b-'0' <= 9:
			digits++
		case b == mark && point < 0:
			point = i
		case b == other:
			return 0, codeMark
		default:
			return 0, codeKind
		}
	}
	switch {
	case len(v) == 0 || point == 0:
		return 0, codeNoInteger
	case point == len(v)-1:
		return 0, codeNoFraction
	}
	return digits, ""
}
