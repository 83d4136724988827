package mig

import (
	"slices"
	"strconv"
	"strings"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/rules"
)

type findingCode = formats.Code

// The findings of this package; texts and wire codes are in codes.json.
//
// Spec: CONTRL MIG 2.0b, DE 0085
const (
	codeUnknownTag        findingCode = "E2001" // 15: segment that the message type does not have
	codeWrongPlace        findingCode = "E2002" // 15: segment that may not stand here
	codeSegmentMissing    findingCode = "E2003" // 13
	codeGroupMissing      findingCode = "E2004" // 13
	codeSegmentSurplus    findingCode = "E2005" // 35
	codeGroupSurplus      findingCode = "E2006" // 36
	codeTooManyElements   findingCode = "E2007" // 16
	codeTooManyComponents findingCode = "E2008" // 16
	codeElementMissing    findingCode = "E2009" // 13
	codeComponentMissing  findingCode = "E2010" // 13
	codeNotUsed           findingCode = "E2011" // 12: status N, but filled
	codeTooLong           findingCode = "E2012" // 39
	codeTooShort          findingCode = "E2013" // 40
	codeKind              findingCode = "E2014" // 37
	codeMark              findingCode = "E2015" // 19
	codeNoInteger         findingCode = "E2016" // 38
	codeNoFraction        findingCode = "E2017" // 12: no digit behind the decimal mark
	codeValue             findingCode = "E2018" // 12: not in the code list
	codeQualifier         findingCode = "E2019" // 12: no segment here has this qualifier
	codeDate              findingCode = "E2020" // 12: no possible date
)

// maxFoundRunes and maxExpectedCodes bound what a finding quotes.
const (
	maxFoundRunes    = 40
	maxExpectedCodes = 12
)

// silent counts a finding instead of making it if this is a trial.
func (c *Checker) silent(m missing) bool {
	if c.trial {
		c.found = append(c.found, pending{missing: m})
	}
	return c.trial
}

// add completes a finding and keeps it.
func (c *Checker) add(f formats.Finding, m missing) {
	lang := c.Lang
	if lang == "" {
		lang = formats.German
	}
	f.Complete(lang)
	c.found = append(c.found, pending{f, m})
}

// rule names the place in the document: "MSCONS 2.5 SG10 QTY 6063".
func (c *Checker) rule(node *rules.Node, id string) string {
	s := c.pack.Type + " " + c.pack.Version
	if node.Group != "" {
		s += " " + node.Group
	}
	s += " " + node.Tag.String()
	if id != "" {
		s += " " + id
	}
	return s
}

// finding begins a finding at an element of c.seg.
func (c *Checker) finding(code findingCode, node *rules.Node, pos edifact.Position, id, name string) formats.Finding {
	return formats.Finding{Code: code, Path: c.placement.Path(pos.Segment), Segment: c.seg.tag.String(),
		SegmentNumber: pos.Segment, Element: pos.Element, Component: pos.Component, Offset: pos.Offset,
		Length: pos.Length, Rule: c.rule(node, id), Name: name}
}

// position returns where an element of c.seg stands, or one of its components, or with 0 and 0 the segment.
func (c *Checker) position(pos, j int) edifact.Position {
	seg := c.seg.segment()
	switch {
	case pos == 0:
		return seg.Position()
	case j == 0:
		return seg.ElementPosition(pos)
	}
	return seg.ComponentPosition(pos, j)
}

// notUsed reports an element of c.seg that should be empty.
func (c *Checker) notUsed(node *rules.Node, pos, j int, id, name string) {
	if c.silent(missing{}) {
		return
	}
	p := c.position(pos, j)
	f := c.finding(codeNotUsed, node, p, id, name)
	f.Found = c.quote(p)
	c.add(f, missing{})
}

// wrongValue reports a wrong value.
func (c *Checker) wrongValue(code findingCode, node *rules.Node, comp *rules.Component, pos, j int, expected string) {
	if c.silent(missing{}) {
		return
	}
	p := c.position(pos, j)
	f := c.finding(code, node, p, comp.ID, comp.Name)
	f.Expected = expected
	f.Found = cut(edifact.Latin1String(c.value(&c.seg, pos, max(j, 1))))
	c.add(f, missing{})
}

// expected says what a component should hold.
func (c *Checker) expected(code findingCode, comp *rules.Component) string {
	switch code {
	case codeValue:
		return list(c.pack.Codes(comp.Codes))
	case codeMark:
		return string(c.svc.Decimal)
	}
	return comp.Format.String()
}

// elementMissing reports an element that is not there: its first required component if it has one.
func (c *Checker) elementMissing(node *rules.Node, e *rules.Element, pos int) {
	if e.Composite {
		for j := e.Components.First; j < e.Components.End; j++ {
			if c.pack.Components[j].Status.Required() {
				c.componentMissing(node, &c.pack.Components[j], pos, int(j-e.Components.First)+1)
				return
			}
		}
	}
	if c.silent(missing{}) {
		return
	}
	f := c.finding(codeElementMissing, node, c.position(pos, 0), e.ID, e.Name)
	if comp := &c.pack.Components[e.Components.First]; !e.Composite {
		f.Expected = c.wanted(comp)
	}
	c.add(f, missing{})
}

// componentsMissing reports the required components of a composite that are not there.
func (c *Checker) componentsMissing(node *rules.Node, e *rules.Element, pos int) {
	for j := range e.Components.Len() {
		comp := &c.pack.Components[int(e.Components.First)+j]
		if comp.Status.Required() && blank(c.seg.RawComponent(pos, j+1)) {
			c.componentMissing(node, comp, pos, j+1)
		}
	}
}

func (c *Checker) componentMissing(node *rules.Node, comp *rules.Component, pos, j int) {
	if c.silent(missing{}) {
		return
	}
	f := c.finding(codeComponentMissing, node, c.position(pos, j), comp.ID, comp.Name)
	f.Expected = c.wanted(comp)
	c.add(f, missing{})
}

// wanted says what a missing component should hold.
func (c *Checker) wanted(comp *rules.Component) string {
	if comp.Codes.Len() > 0 && !comp.Open {
		return list(c.pack.Codes(comp.Codes))
	}
	return comp.Format.String()
}

// tooManyElements reports the first surplus element, at the segment.
func (c *Checker) tooManyElements(node *rules.Node, pos int) {
	if c.silent(missing{}) {
		return
	}
	p := c.position(pos, 0)
	f := c.finding(codeTooManyElements, node, p, "", node.Name)
	f.Element, f.Found = 0, c.quote(p)
	c.add(f, missing{})
}

// tooManyComponents reports the first filled component behind the defined ones.
func (c *Checker) tooManyComponents(node *rules.Node, e *rules.Element, pos, defined int) {
	if c.silent(missing{}) {
		return
	}
	j := defined + 1
	for j < c.seg.Components(pos) && blank(c.seg.RawComponent(pos, j)) {
		j++
	}
	p := c.position(pos, j)
	f := c.finding(codeTooManyComponents, node, p, e.ID, e.Name)
	f.Found = c.quote(p)
	c.add(f, missing{})
}

// surplus reports the segment being looked at as one too many of its kind.
func (c *Checker) surplus(node *rules.Node) {
	if c.silent(missing{}) {
		return
	}
	code := codeSegmentSurplus
	if node.IsGroup {
		code = codeGroupSurplus
	}
	f := c.finding(code, node, c.position(0, 0), "", node.Name)
	f.Expected = strconv.Itoa(int(node.Max))
	c.add(f, missing{})
}

// unplaceable reports segment n as not supported at its place.
func (c *Checker) unplaceable(n int, tag edifact.Tag) {
	if c.silent(missing{}) {
		return
	}
	f := formats.Finding{Code: codeUnknownTag, Segment: tag.String(), SegmentNumber: n,
		Rule: c.pack.Type + " " + c.pack.Version, Path: c.placement.Path(n)}
	for i := range c.pack.Nodes {
		if k := &c.pack.Nodes[i]; k.Tag == tag && !k.IsGroup {
			f.Code = codeWrongPlace
			break
		}
	}
	p := c.position(0, 0)
	f.Offset, f.Length, f.Found = p.Offset, p.Length, c.quote(p)
	c.add(f, missing{})
}

// missing reports a required child of an open group; last is the segment before the gap.
func (c *Checker) missing(f *frame, node int32, last int) {
	m := missing{f.instance, node}
	if c.explained(m) {
		return
	}
	code := codeSegmentMissing
	if c.pack.Nodes[node].IsGroup {
		code = codeGroupMissing
	}
	c.gap(code, f, node, last, m)
}

// gap reports a segment or group that is not there.
func (c *Checker) gap(code findingCode, f *frame, node int32, last int, m missing) {
	if c.silent(m) {
		return
	}
	k := &c.pack.Nodes[node]
	path := c.placement.GroupPath(f.instance)
	if k.IsGroup {
		path += k.Group + "/"
	}
	out := formats.Finding{Code: code, Path: path + k.Tag.String(), Segment: k.Tag.String(), SegmentNumber: last,
		Rule: c.rule(k, ""), Name: k.Name}
	if seg := c.pack.Segment(node); last >= 1 && last <= c.msg.Len() {
		before := c.msg.Segment(last)
		out.Offset = before.Offset() + int64(len(before.Raw()))
		for _, t := range c.pack.Tests(k) {
			if t.Kind == rules.OneOf {
				out.Expected = seg.Tag.String() + " " + list(c.pack.Codes(t.Codes))
				break
			}
		}
	}
	c.add(out, m)
}

// wrongQualifier reports the place at which segment n differs from the node it was taken for.
func (c *Checker) wrongQualifier(n int, group, taken int32) {
	if c.silent(missing{}) {
		return
	}
	node := &c.pack.Nodes[taken]
	seg := c.pack.Segment(taken)
	for _, t := range c.pack.Tests(node) {
		if _, ok := c.meets(&t, &c.seg); ok {
			continue
		}
		pos, j := int(t.Element), int(t.Component)
		if pos-2 >= seg.Elements.Len() {
			c.tooManyElements(seg, pos)
			return
		}
		e := &c.pack.Elements[int(seg.Elements.First)+pos-2]
		if j > e.Components.Len() {
			c.tooManyComponents(seg, e, pos, e.Components.Len())
			return
		}
		comp := &c.pack.Components[int(e.Components.First)+j-1]
		at := j
		if !e.Composite {
			at = 0
		}
		value := c.value(&c.seg, pos, j)
		switch {
		case len(value) == 0 && at == 0:
			c.elementMissing(seg, e, pos)
		case len(value) == 0:
			c.componentMissing(seg, comp, pos, j)
		case t.Kind == rules.None:
			c.notUsed(seg, pos, at, comp.ID, comp.Name)
		default:
			codes, formed := c.alternatives(group, node, t, value)
			if code := c.valueFault(comp, value); !formed && code != codeValue && code != "" {
				c.wrongValue(code, seg, comp, pos, at, c.expected(code, comp))
				return
			}
			c.wrongValue(codeQualifier, seg, comp, pos, at, list(codes))
		}
		return
	}
	c.unplaceable(n, c.seg.tag)
}

// alternatives returns the codes that the siblings of a node have at the place of a test, in order of the document,
// and whether a value has the form that one of them prescribes there.
func (c *Checker) alternatives(group int32, node *rules.Node, t rules.Test, value []byte) (codes []string, formed bool) {
	for _, k := range c.pack.Children(&c.pack.Nodes[group]) {
		other := &c.pack.Nodes[k]
		if other.Tag != node.Tag || other.Counter != node.Counter {
			continue
		}
		for _, o := range c.pack.Tests(other) {
			if o.Element != t.Element || o.Component != t.Component || o.Kind == rules.None {
				continue
			}
			e := &c.pack.Elements[int(c.pack.Segment(k).Elements.First)+int(t.Element)-2]
			code := c.valueFault(&c.pack.Components[int(e.Components.First)+int(t.Component)-1], value)
			formed = formed || code == codeValue || code == ""
			for _, code := range c.pack.Codes(o.Codes) {
				if !slices.Contains(codes, code) {
					codes = append(codes, code)
				}
			}
		}
	}
	return codes, formed
}

// quote returns the bytes at a position of c.seg as text.
func (c *Checker) quote(p edifact.Position) string {
	seg := c.seg.segment()
	start := int(p.Offset - seg.Offset())
	return cut(edifact.Latin1String(seg.Raw()[start : start+p.Length]))
}

// cut shortens a text to what a finding quotes.
func cut(s string) string {
	n := 0
	for i := range s {
		if n == maxFoundRunes {
			return s[:i] + "…"
		}
		n++
	}
	return s
}

// list joins codes and shortens the list.
func list(codes []string) string {
	if len(codes) > maxExpectedCodes {
		return strings.Join(codes[:maxExpectedCodes], ", ") + " …"
	}
	return strings.Join(codes, ", ")
}
