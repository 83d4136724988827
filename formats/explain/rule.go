package explain

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/condition"
	"github.com/marktbote/marktbote/formats/rules"
)

// column finds the rows of a use case by the places of the structure.
type column struct {
	pack     *rules.Pack
	use      *rules.UseCase
	words    words
	segments map[int32]int // row by node
	groups   map[int32]int
}

func newColumn(pack *rules.Pack, use *rules.UseCase, w words) *column {
	c := &column{pack: pack, use: use, words: w, segments: map[int32]int{}, groups: map[int32]int{}}
	for i := range use.Rows {
		r := &use.Rows[i]
		list := c.segments
		if r.Kind == rules.RowGroup {
			list = c.groups
		} else if r.Kind != rules.RowSegment {
			continue
		}
		if _, twice := list[r.Node]; !twice {
			list[r.Node] = i
		}
	}
	return c
}

// values returns the rows of a segment's data elements: they follow its own row.
func (c *column) values(segment int) (first, end int) {
	end = segment + 1
	for end < len(c.use.Rows) && c.use.Rows[end].Kind >= rules.RowValue {
		end++
	}
	return segment + 1, end
}

// at returns the row of a data element: the one that lists its code, else the one for any value; -1 if there is none.
func (c *column) at(segment int, e *Element) int {
	free := -1
	first, end := c.values(segment)
	for i := first; i < end; i++ {
		r := &c.use.Rows[i]
		switch {
		case r.Element != e.element-1 || r.Component != e.component:
		case r.Kind == rules.RowValue:
			free = i
		case slices.Contains(r.Codes, e.Value):
			return i
		}
	}
	return free
}

// rows returns the rows that a segment and its filled data elements have, and gives the elements their statuses.
func (d *decoder) rows(col *column, segment int, list []Element) []int {
	rows := []int{segment}
	for i := range list {
		e := &list[i]
		if r := col.at(segment, e); r >= 0 {
			rows = append(rows, r)
			e.Status = expressionText(col.use.Rows[r].Expr)
			d.identify(e, col.form(&col.use.Rows[r]))
		}
	}
	return rows
}

// rule returns what a column says of a node, without a column what the structure says. Conditions and codes of the
// rows used are put into words once for a message: at later segments with the same rows the Rule leads to the first.
func (x *messageBuilder) rule(pack *rules.Pack, col *column, node int32, at Place, rows []int) *Rule {
	n := &pack.Nodes[node]
	if col == nil {
		return &Rule{Status: x.words.status(n.Status)}
	}
	list := col.segments
	if n.IsGroup {
		list = col.groups
	}
	row, ok := list[node]
	if !ok {
		return nil
	}
	out := &Rule{Status: expressionText(col.use.Rows[row].Expr), Handbook: true}
	if n.IsGroup {
		rows = []int{row}
	}
	worded := rows
	if !n.IsGroup {
		var choices []int
		out.Allowed, choices = col.allowed(row)
		worded = append(slices.Clone(rows), choices...)
	}
	out.Conditions = col.conditions(worded)
	if len(out.Conditions)+len(out.Allowed) == 0 {
		return out
	}
	key := fmt.Sprint(col.use.Pruefidentifikator, rows)
	if before, ok := x.explained[key]; ok {
		out.Conditions, out.Allowed, out.SameAs = nil, nil, &before
	} else {
		x.explained[key] = at
	}
	return out
}

// status is the word for a status of the message description.
func (w words) status(s rules.Status) string {
	switch {
	case s.Required():
		return w.pick("Muss", "required")
	case s == 'N':
		return w.pick("nicht benutzt", "not used")
	}
	return w.pick("Kann", "optional")
}

// conditions puts the conditions of rows into words, each once.
func (c *column) conditions(rows []int) []Condition {
	var list []Condition
	for _, i := range rows {
		for _, b := range c.use.Rows[i].Expr.Branches {
			list = c.appendTerm(list, b.When)
		}
	}
	return list
}

func (c *column) appendTerm(list []Condition, t *rules.Term) []Condition {
	if t == nil || len(list) >= maxConditions {
		return list
	}
	var x Condition
	var inner *rules.Term
	switch t.Kind {
	case rules.TermCondition:
		x = Condition{termText(t, false), c.describe(t.Number)}
	case rules.TermPackage, rules.TermMacro:
		inner = c.pack.Packages[t.Name]
		x = Condition{termText(t, false), c.members(t, inner)}
	}
	if x.Number != "" && !slices.ContainsFunc(list, func(have Condition) bool { return have.Number == x.Number }) {
		list = c.appendTerm(append(list, x), inner)
	}
	for _, k := range t.Terms {
		list = c.appendTerm(list, k)
	}
	return list
}

// members says what a package or time condition stands for.
func (c *column) members(t, inner *rules.Term) string {
	w := c.words
	text := w.pick("Zeitangabe", "time")
	if t.Kind == rules.TermPackage {
		text = w.pick("Paket: jeder Code höchstens ", "package: each code at most ") + strconv.Itoa(t.Max) + w.pick("-mal", " times")
		if t.Max < 0 {
			text = w.pick("Paket: jeder Code beliebig oft", "package: each code any number of times")
		}
		if t.Min > 0 {
			text += w.pick(", mindestens ", ", at least ") + strconv.Itoa(t.Min) + w.pick("-mal", " times")
		}
	}
	if inner != nil {
		text += w.pick("; gilt mit ", "; applies with ") + termText(inner, false)
	}
	return text
}

// describe puts a condition into words.
//
// Spec: Allgemeine Festlegungen 6.1 ch. 6 (500 to 899 are hints)
func (c *column) describe(number int) string {
	r := c.use.Overrides[number]
	if r == nil {
		r = c.pack.Rules[number]
	}
	w := c.words
	if r == nil {
		return w.pick("Bedingung ist nicht bekannt", "condition is not known")
	}
	lang := formats.German
	if w.en {
		lang = formats.English
	}
	text := condition.Wording{Lang: lang, Name: c.pack.NameOf}.Describe(r)
	switch {
	case r.Kind == condition.Hint:
		return w.pick("Hinweis, nichts zu prüfen", "hint, nothing to check")
	case r.Kind == condition.Open, r.External:
		return text
	case r.Kind == condition.If:
		return w.pick("wenn: ", "if: ") + text
	}
	return w.pick("verlangt: ", "demands: ") + text
}

// form returns the identifier form that the conditions of a row demand of the value, such as malo; empty if none.
func (c *column) form(r *rules.Row) string {
	form := ""
	for _, b := range r.Expr.Branches {
		c.pack.Conditions(b.When, func(number int) {
			rule := c.use.Overrides[number]
			if rule == nil {
				rule = c.pack.Rules[number]
			}
			if rule == nil || rule.Test == nil || rule.Test.Op != condition.Format || rule.Test.Left.Kind != condition.Value {
				return
			}
			form = rule.Test.Text
		})
	}
	return form
}

// allowed lists the codes of a segment's data elements where there is a choice, and the rows that offer it.
func (c *column) allowed(segment int) (list []Allowed, rows []int) {
	first, end := c.values(segment)
	n := &c.pack.Nodes[c.use.Rows[segment].Node]
	for i := first; i < end; {
		r := &c.use.Rows[i]
		e := &c.pack.Elements[int(n.Elements.First)+r.Element-1]
		comp := &c.pack.Components[int(e.Components.First)+r.Component-1]
		a := Allowed{Place: elementPlace(e.Composite, r.Element+1, r.Component), Name: comp.Name}
		begin := i
		for ; i < end && c.use.Rows[i].Element == r.Element && c.use.Rows[i].Component == r.Component; i++ {
			for _, code := range c.use.Rows[i].Codes {
				if len(a.Codes) == maxAllowed {
					a.More++
					continue
				}
				a.Codes = append(a.Codes, Code{code, c.pack.CodeName(comp.ID, code), expressionText(c.use.Rows[i].Expr)})
			}
		}
		if len(a.Codes) < 2 {
			continue
		}
		list = append(list, a)
		for k := begin; k < i; k++ {
			rows = append(rows, k)
		}
	}
	return list, rows
}

// expressionText prints an expression as documents do, with spaces.
func expressionText(e *rules.Expression) string {
	var parts []string
	for _, b := range e.Branches {
		s := b.Status.String()
		if b.When != nil {
			s += " " + termText(b.When, false)
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, " ")
}

// termText prints a term; nested asks for parentheses around a junction.
func termText(t *rules.Term, nested bool) string {
	switch t.Kind {
	case rules.TermCondition:
		return "[" + strconv.Itoa(t.Number) + "]"
	case rules.TermMacro:
		return "[" + t.Name + "]"
	case rules.TermPackage:
		high := "n"
		if t.Max >= 0 {
			high = strconv.Itoa(t.Max)
		}
		return "[" + t.Name + strconv.Itoa(t.Min) + ".." + high + "]"
	}
	joint := map[rules.TermKind]string{rules.TermAnd: " ∧ ", rules.TermOr: " ∨ ", rules.TermXor: " ⊻ "}[t.Kind]
	var parts []string
	for _, k := range t.Terms {
		parts = append(parts, termText(k, true))
	}
	if s := strings.Join(parts, joint); !nested {
		return s
	}
	return "(" + strings.Join(parts, joint) + ")"
}
