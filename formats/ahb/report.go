package ahb

import (
	"slices"
	"strconv"
	"strings"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/calendar"
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

// What a finding quotes is bounded.
const (
	maxFound  = 40  // characters of a value
	maxListed = 12  // codes
	maxNamed  = 4   // codes that are listed with their names
	maxReason = 300 // characters of conditions in words
)

// rule names the row of the document: "UTILMD S2.2 55001 SG4 DTM+93".
func (c *Checker) rule(group, segment string) string {
	s := c.in.Pack.Type + " " + c.in.Pack.Version + " " + c.in.UseCase.Pruefidentifikator
	if group != "" {
		s += " " + group
	}
	if segment != "" {
		s += " " + segment
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

// reportAt completes a finding and passes it on. When the work limit has been reached a finding that rests on conditions
// is not made: a search that was cut short looks like one that found nothing.
func (c *Checker) reportAt(x formats.Finding, pos edifact.Position) {
	if c.work < 0 && len(x.Conditions) > 0 {
		return
	}
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
		x.Reason = c.reason(c.held, kid.node)
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
	x := formats.Finding{Code: codeValueMissing, Rule: c.ruleOf(r) + " " + p.de, Name: c.nameOf(r, p), Conditions: conditionsOf(e),
		Path: c.p.Path(int(at.self)), Reason: c.reason(c.held, r.node)}
	x.Expected = c.expectedAt(p, r, at)
	s := c.in.Message.Segment(int(at.self))
	c.reportAt(x, s.ComponentPosition(p.element+1, p.component))
}

// wrongCode reports a code that the column does not have, or not under the circumstances.
func (c *Checker) wrongCode(at *context, r *row, p *place, listed bool) {
	x := formats.Finding{Code: codeWrongCode, Rule: c.ruleOf(r) + " " + p.de, Name: c.nameOf(r, p), Path: c.p.Path(int(at.self)),
		Found: quote(at.value)}
	if listed {
		x.Code, x.Reason = codeCodeNotNow, c.reason(c.refused, r.node)
		for i := range p.codes {
			if p.codes[i].text == edifact.Latin1String(at.value) {
				x.Conditions = append(x.Conditions, conditionsOf(p.codes[i].expr)...)
			}
		}
	}
	if x.Expected = c.allowed(p, at); x.Expected == "" {
		x.Expected = c.pick("keiner der Codes unter diesen Umständen", "none of the codes in this case")
	}
	c.reportAt(x, c.valuePosition(at))
}

func (c *Checker) valuePosition(at *context) edifact.Position {
	s := c.own(at)
	return s.ComponentPosition(at.element, at.component)
}

// violated reports a demand that is not met. What it says comes from the condition itself.
func (c *Checker) violated(at *context, r *row, p *place, e *expression) {
	x := formats.Finding{Code: demandCodes["Z35"], Rule: c.ruleOf(r), Name: c.in.Pack.Nodes[r.node].Name, Path: c.p.Path(int(at.self))}
	if len(c.failed) > 0 {
		x.Code = demandCodes[c.failed[0].src.Code]
		for i := range e.branches {
			if x.Expected = c.demanded(e.branches[i].when, r.node, &x.Conditions); x.Expected != "" {
				break
			}
		}
		x.Expected = shorten(x.Expected, maxReason)
	}
	s := c.own(at)
	pos := s.Position()
	x.Found = quote(s.Raw())
	if p != nil {
		x.Name, x.Found = c.nameOf(r, p), quote(at.value)
		x.Rule += " " + p.de
		pos = c.valuePosition(at)
		if x.Code == demandCodes["Z41"] {
			x.Found += c.local(at.value)
		}
	}
	c.reportAt(x, pos)
}

// demanded puts the demands into words that a term makes and that were not met, and lists their conditions: the first
// one of several that must be met together, all of an alternative.
func (c *Checker) demanded(t *term, node int32, numbers *[]string) string {
	if t == nil {
		return ""
	}
	if t.kind == rules.TermCondition {
		if !slices.Contains(c.failed, t.rule) {
			return ""
		}
		if name := "[" + strconv.Itoa(t.rule.number) + "]"; !slices.Contains(*numbers, name) {
			*numbers = append(*numbers, name)
		}
		return c.describe(t.rule.src, node)
	}
	var list []string
	for _, k := range t.terms {
		text := c.demanded(k, node, numbers)
		if text != "" && t.kind != rules.TermOr && t.kind != rules.TermXor {
			return text
		}
		if text != "" && !slices.Contains(list, text) {
			list = append(list, text)
		}
	}
	return strings.Join(list, c.pick(" oder ", " or "))
}

// describe puts a condition into words, with the names that places have in the structure. The segment at hand is one of
// a node.
func (c *Checker) describe(r *condition.Rule, node int32) string {
	own := c.in.Pack.Segment(node)
	w := condition.Wording{Lang: c.language(), Name: func(s *condition.Selector, element, component int) (name, number string) {
		if p := s.Steps[0].Segment; s.Scope == condition.ScopeSelf && p.Tag == own.Tag.String() {
			if c.in.Pack.Nodes[node].IsGroup {
				return c.in.Pack.NameAt(node+1, element, component)
			}
			return c.in.Pack.NameAt(node, element, component)
		}
		return c.in.Pack.NameOf(s, element, component)
	}}
	return w.Describe(r)
}

// generic are the data elements whose name says nothing that the name of their segment does not say better.
var generic = []string{"1154", "2380", "3225"}

// nameOf names a data element as people know it: by its segment, and by its own name where that adds something.
func (c *Checker) nameOf(r *row, p *place) string {
	name := c.in.Pack.Nodes[r.node].Name
	if name == p.name || slices.Contains(generic, p.de) {
		return name
	}
	return name + ": " + p.name
}

// local adds the legal German time to an instant, which messages hold in UTC.
func (c *Checker) local(value []byte) string {
	t, err := calendar.ParseInstant("303", value)
	if err != nil {
		return ""
	}
	return " (" + formats.LocalTime(t, c.language()) + ")"
}

func (c *Checker) pick(de, en string) string {
	if c.language() == formats.English {
		return en
	}
	return de
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
	ours := c.in.Whole || int(surplus) <= c.in.Last && (c.in.Head || int(surplus) >= c.in.First)
	if surplus == 0 || !ours { // counted over the message: it is said by the transaction that has it
		return
	}
	s := c.in.Message.Segment(int(surplus))
	c.reportAt(formats.Finding{Code: codeTooOften, Rule: c.ruleOf(kid), Name: c.in.Pack.Nodes[kid.node].Name,
		Path: c.p.Path(int(surplus)), Expected: strconv.Itoa(limit), Found: quote(s.Raw()), Reason: c.reason([]*rule{r}, kid.node),
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
		Found: strconv.Itoa(n), Reason: c.reason([]*rule{r}, kid.node), Conditions: []string{"[" + strconv.Itoa(r.number) + "]"}}
	if each != "" {
		x.Found += " (" + edifact.Latin1String([]byte(each)) + ")"
	}
	c.reportAt(x, c.gap(i, kid))
}

// tooManyCodes reports the last occurrence of a code beyond the limit of its package.
func (c *Checker) tooManyCodes(n int32, r *row, p *place, k *code, limit *term) {
	s := c.in.Message.Segment(int(n))
	c.reportAt(formats.Finding{Code: codeTooManyCodes, Rule: c.ruleOf(r) + " " + p.de, Name: c.nameOf(r, p), Path: c.p.Path(int(n)),
		Expected: c.pick("höchstens ", "at most ") + strconv.Itoa(limit.max), Found: k.text, Conditions: []string{packageName(limit)}},
		s.ComponentPosition(p.element+1, p.component))
}

// tooFewCodes reports a code that must occur more often.
func (c *Checker) tooFewCodes(i int32, r *row, p *place, k *code, limit *term) {
	x := formats.Finding{Code: codeTooFewCodes, Rule: c.ruleOf(r) + " " + p.de, Name: c.nameOf(r, p),
		Segment: c.in.Pack.Nodes[r.node].Tag.String(), Path: c.p.GroupPath(i) + c.placeName(r),
		Expected: k.text + c.pick(" (mindestens ", " (at least ") + strconv.Itoa(limit.min) + ")", Conditions: []string{packageName(limit)}}
	if n := &c.in.Pack.Nodes[r.node]; n.Parent != c.p.Instances[i].Node { // the group that the segment opens
		x.Path = c.p.GroupPath(i) + n.Group
	}
	c.reportAt(x, c.gap(i, r))
}

func packageName(t *term) string {
	high := "n"
	if t.max >= 0 {
		high = strconv.Itoa(t.max)
	}
	return "[" + t.name + strconv.Itoa(t.min) + ".." + high + "]"
}

// allowed names the codes of a place that are not excluded by their conditions, a few of them with their names.
func (c *Checker) allowed(p *place, at *context) string {
	var list []string
	for i := range p.codes {
		k := &p.codes[i]
		mark := c.marks[k.source] // asking again what was not asked for changes nothing in the coverage
		if c.evaluate(k.expr, at, k.source).holds != no && !slices.Contains(list, k.text) {
			list = append(list, k.text)
		}
		c.marks[k.source] = mark
	}
	if len(list) <= maxNamed {
		for i, code := range list {
			if name := c.in.Pack.CodeName(p.de, code); name != "" {
				list[i] += " (" + name + ")"
			}
		}
	}
	if len(list) > maxListed {
		list = append(list[:maxListed], "…")
	}
	return strings.Join(list, ", ")
}

// reason puts conditions into words: what they ask for, by their numbers.
func (c *Checker) reason(list []*rule, node int32) string {
	var parts []string
	for _, r := range list {
		s := "[" + strconv.Itoa(r.number) + "]"
		if text := c.describe(r.src, node); text != "" {
			s += " " + text
		}
		if !slices.Contains(parts, s) {
			parts = append(parts, s)
		}
	}
	return shorten(strings.Join(parts, "; "), maxReason)
}

// expectedAt says what belongs in a data element: one of its codes, or a value in the format of the structure.
func (c *Checker) expectedAt(p *place, r *row, at *context) string {
	if list := c.allowed(p, at); list != "" {
		return list
	}
	seg := &c.in.Pack.Nodes[r.node]
	e := &c.in.Pack.Elements[int(seg.Elements.First)+p.element-1]
	return c.pick("ein Wert im Format ", "a value in the format ") + c.in.Pack.Components[int(e.Components.First)+p.component-1].Format.String()
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

func quote(b []byte) string { return shorten(edifact.Latin1String(b), maxFound) }

// shorten cuts a text after a number of characters.
func shorten(text string, limit int) string {
	if r := []rune(text); len(r) > limit {
		return string(r[:limit]) + "…"
	}
	return text
}
