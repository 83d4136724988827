package ahb

import (
	"slices"
	"strconv"
	"strings"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/condition"
	"github.com/marktbote/marktbote/formats/rules"
)

// The findings of this package; texts and wire codes are in codes.json.
//
// Spec: APERAK AHB 1.1 2.1.2 (DE 9321)
const (
	codeSegmentMissing formats.Code = "E3001" // Z29
	codeGroupMissing   formats.Code = "E3002" // Z29
	codeValueMissing   formats.Code = "E3003" // Z29
	codeWrongCode      formats.Code = "E3004" // Z39
	codeCodeNotNow     formats.Code = "E3005" // Z39: the code depends on a condition that does not hold
	codeTooOften       formats.Code = "E3006" // Z40
	codeTooRarely      formats.Code = "E3007" // Z29
	codeTooManyCodes   formats.Code = "E3008" // Z38
	codeTooFewCodes    formats.Code = "E3009" // Z29
	codeNotForUs       formats.Code = "E3020" // Z31
	codeNotFromThem    formats.Code = "E3021" // Z37
)

// demandCodes are the findings for violated demands, by APERAK code.
var demandCodes = map[string]formats.Code{
	"Z21": "E3010", "Z29": "E3011", "Z30": "E3012", "Z34": "E3013", "Z35": "E3014", "Z38": "E3008", "Z39": "E3015",
	"Z40": "E3016", "Z41": "E3017",
}

// maxFound and maxListed bound what a finding quotes.
const (
	maxFound  = 40
	maxListed = 12
	maxReason = 300
)

// rule names the row of the document: "UTILMD S2.2 55001 SG4 DTM+93".
func (c *Checker) rule(group, segment string) string {
	s := c.in.Pack.Type + " " + c.in.Pack.Version + " " + c.in.UseCase.Pruefidentifikator
	for _, part := range []string{group, segment} {
		if part != "" {
			s += " " + part
		}
	}
	return s
}

// ruleOf names the row of a segment or group with its qualifier.
func (c *Checker) ruleOf(r *row) string {
	n := c.in.Pack.Segment(r.node)
	return c.rule(n.Group, n.Tag.String()+c.qualifier(r))
}

// qualifier returns what tells the segment of a row from others, such as +92.
func (c *Checker) qualifier(r *row) string {
	if r.parent < 0 {
		return "" // there is one UNB only
	}
	if r.group && len(r.children) > 0 {
		r = &c.prog.rows[r.children[0]]
	}
	for i := range r.places {
		if p := &r.places[i]; len(p.codes) == 1 {
			return strings.Repeat("+", p.element) + strings.Repeat(":", p.component-1) + p.codes[0].text
		} else if len(p.codes) > 0 {
			return ""
		}
	}
	return ""
}

// reportAt completes a finding and passes it on.
func (c *Checker) reportAt(x formats.Finding, pos edifact.Position) {
	limit := c.Limit
	if limit < 1 {
		limit = defaultLimit
	}
	if c.found++; c.found > limit {
		return
	}
	x.SegmentNumber, x.Offset, x.Length = pos.Segment, pos.Offset, pos.Length
	x.Element, x.Component = pos.Element, pos.Component
	if x.Segment == "" {
		x.Segment = pos.Tag.String()
	}
	if x.Path == "" {
		x.Path = x.Segment
	}
	x.Pruefidentifikator = c.in.UseCase.Pruefidentifikator
	x.Complete(c.language())
	c.report(x)
}

func (c *Checker) firstPosition() edifact.Position {
	s := c.in.Message.Segment(c.in.First)
	return s.Position()
}

// missing reports a segment or group that an instance lacks. The gap is behind the last segment that stands in front of
// it by the order of the document.
func (c *Checker) missing(i int32, kid *row, why *expression) {
	x := formats.Finding{Code: codeSegmentMissing, Rule: c.ruleOf(kid), Name: c.in.Pack.Nodes[kid.node].Name}
	x.Segment = c.in.Pack.Nodes[kid.node].Tag.String()
	if kid.group {
		x.Code = codeGroupMissing
	}
	x.Expected = x.Segment + c.qualifier(kid)
	x.Conditions = conditionsOf(why)
	if why != nil {
		x.Reason = c.reason(c.held)
	}
	x.Path = c.p.GroupPath(i) + c.placeName(kid)
	c.reportAt(x, c.gap(i, kid))
}

func (c *Checker) placeName(r *row) string {
	n := &c.in.Pack.Nodes[r.node]
	if r.group {
		return n.Group
	}
	return n.Tag.String()
}

// gap returns where a row is missing in an instance: the end of the segment before.
func (c *Checker) gap(i int32, kid *row) edifact.Position {
	list := c.p.Instances
	before := list[i].First
	for n := list[i].First; n < c.end(i); n++ {
		node, last := c.p.Nodes[n-1], n
		if k := c.p.Instance[n-1]; k != i {
			k = c.child(k, i)
			node, last = list[k].Node, list[k].End-1
		}
		if node >= 0 && c.in.Pack.Nodes[node].Counter > kid.counter {
			break
		}
		before, n = last, last
	}
	s := c.in.Message.Segment(int(before))
	pos := s.Position()
	pos.Offset, pos.Length = pos.Offset+int64(pos.Length), 0
	return pos
}

// missingValue reports a data element that must be filled.
func (c *Checker) missingValue(p *place, at *context, r *row, e *expression) {
	x := formats.Finding{Code: codeValueMissing, Rule: c.ruleOf(r) + " " + p.de, Name: p.name, Conditions: conditionsOf(e),
		Path: c.p.Path(int(at.self)), Expected: c.expectedAt(p, r), Reason: c.reason(c.held)}
	s := c.in.Message.Segment(int(at.self))
	c.reportAt(x, s.ComponentPosition(p.element+1, p.component))
}

// wrongCode reports a code that the column does not have, or not under the circumstances.
func (c *Checker) wrongCode(at *context, r *row, p *place, listed bool) {
	x := formats.Finding{Code: codeWrongCode, Rule: c.ruleOf(r) + " " + p.de, Name: p.name, Path: c.p.Path(int(at.self)),
		Found: quote(at.value), Expected: c.codeList(p)}
	if listed {
		x.Code, x.Reason = codeCodeNotNow, c.reason(c.refused)
		for i := range p.codes {
			if p.codes[i].text == edifact.Latin1String(at.value) {
				x.Conditions = append(x.Conditions, conditionsOf(p.codes[i].expr)...)
			}
		}
	}
	c.reportAt(x, c.valuePosition(at))
}

func (c *Checker) valuePosition(at *context) edifact.Position {
	s := c.own(at)
	return s.ComponentPosition(at.element, at.component)
}

// violated reports a demand that is not met. What it says comes from the condition itself.
func (c *Checker) violated(at *context, r *row, p *place, e *expression) {
	x := formats.Finding{Code: demandCodes["Z35"], Rule: c.ruleOf(r), Name: c.in.Pack.Nodes[r.node].Name,
		Path: c.p.Path(int(at.self)), Conditions: conditionsOf(e)}
	if len(c.failed) > 0 {
		first := c.failed[0]
		x.Code = demandCodes[first.src.Code]
		x.Expected = condition.Describe(first.src, string(c.language()))
		x.Conditions = []string{"[" + strconv.Itoa(first.number) + "]"}
	}
	s := c.own(at)
	pos := s.Position()
	x.Found = quote(s.Raw())
	if p != nil {
		x.Name, x.Found = p.name, quote(at.value)
		x.Rule += " " + p.de
		pos = c.valuePosition(at)
	}
	c.reportAt(x, pos)
}

func (c *Checker) language() formats.Lang {
	if c.Lang == "" {
		return formats.German
	}
	return c.Lang
}

// tooOften reports the first occurrence beyond the limit.
func (c *Checker) tooOften(scope int32, kid *row, r *rule, limit int, each string) {
	n, surplus := 0, int32(0)
	c.visit(scope, kid, func(inst, segment int32) bool {
		if each != "" {
			at := c.at(inst, segment)
			at.base = inst
			if !c.among(r.card.own, []byte(each), &at) {
				return true
			}
		}
		if n++; n > limit {
			surplus = segment
		}
		return surplus == 0
	})
	if surplus == 0 {
		return
	}
	s := c.in.Message.Segment(int(surplus))
	c.reportAt(formats.Finding{Code: codeTooOften, Rule: c.ruleOf(kid), Name: c.in.Pack.Nodes[kid.node].Name,
		Path: c.p.Path(int(surplus)), Expected: strconv.Itoa(limit), Found: quote(s.Raw()),
		Conditions: []string{"[" + strconv.Itoa(r.number) + "]"}}, s.Position())
}

// tooRarely reports that something must occur more often.
func (c *Checker) tooRarely(i int32, kid *row, r *rule, limit, n int, each string) {
	if n == 0 && each == "" {
		c.missing(i, kid, kid.expr)
		return
	}
	x := formats.Finding{Code: codeTooRarely, Rule: c.ruleOf(kid), Name: c.in.Pack.Nodes[kid.node].Name,
		Segment: c.in.Pack.Nodes[kid.node].Tag.String(), Path: c.p.GroupPath(i) + c.placeName(kid), Expected: strconv.Itoa(limit),
		Found: strconv.Itoa(n), Conditions: []string{"[" + strconv.Itoa(r.number) + "]"}}
	if each != "" {
		x.Found += " (" + edifact.Latin1String([]byte(each)) + ")"
	}
	c.reportAt(x, c.gap(i, kid))
}

// tooManyCodes reports the last occurrence of a code beyond the limit of its package.
func (c *Checker) tooManyCodes(n int32, r *row, p *place, k *code, limit *term) {
	s := c.in.Message.Segment(int(n))
	c.reportAt(formats.Finding{Code: codeTooManyCodes, Rule: c.ruleOf(r) + " " + p.de, Name: p.name, Path: c.p.Path(int(n)),
		Expected: strconv.Itoa(limit.max), Found: k.text, Conditions: []string{packageName(limit)}},
		s.ComponentPosition(p.element+1, p.component))
}

// tooFewCodes reports a code that must occur more often.
func (c *Checker) tooFewCodes(i int32, r *row, p *place, k *code, limit *term) {
	x := formats.Finding{Code: codeTooFewCodes, Rule: c.ruleOf(r) + " " + p.de, Name: p.name,
		Segment: c.in.Pack.Nodes[r.node].Tag.String(), Path: c.p.GroupPath(i) + c.placeName(r), Expected: k.text,
		Conditions: []string{packageName(limit)}}
	c.reportAt(x, c.gap(i, r))
}

func packageName(t *term) string {
	high := "n"
	if t.max >= 0 {
		high = strconv.Itoa(t.max)
	}
	return "[" + t.name + strconv.Itoa(t.min) + ".." + high + "]"
}

// codeList names the codes of a place for people.
func (c *Checker) codeList(p *place) string {
	var list []string
	for i := range p.codes {
		if text := p.codes[i].text; !slices.Contains(list, text) {
			list = append(list, text)
		}
	}
	if len(list) > maxListed {
		list = append(list[:maxListed], "…")
	}
	return strings.Join(list, ", ")
}

// reason puts conditions into words: what they ask for, by their numbers.
func (c *Checker) reason(list []*rule) string {
	var parts []string
	for _, r := range list {
		s := "[" + strconv.Itoa(r.number) + "]"
		if text := condition.Describe(r.src, string(c.language())); text != "" {
			s += " " + text
		}
		if !slices.Contains(parts, s) {
			parts = append(parts, s)
		}
	}
	text := strings.Join(parts, "; ")
	if r := []rune(text); len(r) > maxReason {
		return string(r[:maxReason]) + "…"
	}
	return text
}

// expectedAt says what belongs in a data element: one of its codes, or a value in the format of the structure.
func (c *Checker) expectedAt(p *place, r *row) string {
	if list := c.codeList(p); list != "" {
		return list
	}
	seg := &c.in.Pack.Nodes[r.node]
	e := &c.in.Pack.Elements[int(seg.Elements.First)+p.element-1]
	return c.in.Pack.Components[int(e.Components.First)+p.component-1].Format.String()
}

// conditionsOf lists the conditions and packages of an expression as the document prints them.
func conditionsOf(e *expression) []string {
	if e == nil {
		return nil
	}
	var list []string
	for _, b := range e.src.Branches {
		list = appendConditions(list, b.When)
	}
	return list
}

func appendConditions(list []string, t *rules.Term) []string {
	if t == nil {
		return list
	}
	name := ""
	switch t.Kind {
	case rules.TermCondition:
		name = "[" + strconv.Itoa(t.Number) + "]"
	case rules.TermPackage, rules.TermMacro:
		name = "[" + t.Name + "]"
	}
	if name != "" && !slices.Contains(list, name) {
		list = append(list, name)
	}
	for _, k := range t.Terms {
		list = appendConditions(list, k)
	}
	return list
}

func quote(b []byte) string {
	s := edifact.Latin1String(b)
	if r := []rune(s); len(r) > maxFound {
		return string(r[:maxFound]) + "…"
	}
	return s
}
