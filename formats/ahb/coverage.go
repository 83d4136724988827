package ahb

import (
	"fmt"
	"slices"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats/condition"
	"github.com/marktbote/marktbote/formats/rules"
)

// NOTE: What can be said of the rules without a message.
//
// Check counts how the rows went for one message; Figures counts what the checker is able to do with them at all, so
// that nobody has to believe the word "complete". A row counts as what its worst part is:
//
//	not compiled   a condition is not translated, or missing in the pack; or the checker does not look at the row, or
//	               not at all of it
//	external       a condition whose outcome may depend on something outside the message: a named fact, the role or
//	               Sparte of a Marktpartner, a code list that does not tell for every value
//	decided        everything else
//
// Decided + External + NotCompiled = Rows, always. Several codes of a data element are several rows, as in Coverage.

// Figures is what the checker can do with use cases.
type Figures struct {
	UseCases   int
	All        Coverage // all rows
	Expression Coverage // rows with conditions or packages beside the status
	Conditions ConditionFigures
}

// ConditionFigures counts conditions. A number with another meaning in some use cases is a condition for each meaning.
// Hints + Compiled + External + NotCompiled = Total.
type ConditionFigures struct {
	Total, Hints, Compiled, External, NotCompiled int
}

// Add adds other figures.
func (f *Figures) Add(o Figures) {
	f.UseCases += o.UseCases
	f.All.add(o.All)
	f.Expression.add(o.Expression)
	c, d := &f.Conditions, o.Conditions
	c.Total, c.Hints, c.Compiled = c.Total+d.Total, c.Hints+d.Hints, c.Compiled+d.Compiled
	c.External, c.NotCompiled = c.External+d.External, c.NotCompiled+d.NotCompiled
}

// Share returns the percentage of rows with an expression that are decided or external by nature; 100 if there are none.
func (f *Figures) Share() float64 {
	x := f.Expression
	if x.Rows == 0 {
		return 100
	}
	return 100 * float64(x.Decided+x.External) / float64(x.Rows)
}

func (c *Coverage) add(o Coverage) {
	c.Rows, c.Decided, c.External, c.NotCompiled = c.Rows+o.Rows, c.Decided+o.Decided, c.External+o.External, c.NotCompiled+o.NotCompiled
}

// count counts n rows that went as the marks say.
func (c *Coverage) count(n int, saw uint8) {
	c.Rows += n
	switch {
	case saw&sawOpen != 0:
		c.NotCompiled += n
	case saw&sawExternal != 0:
		c.External += n
	default:
		c.Decided += n
	}
}

// FiguresOf returns the figures of all use cases of a pack. The error is that of a use case that cannot be read.
func FiguresOf(pack *rules.Pack) (Figures, error) {
	var f Figures
	s := survey{pack: pack, missing: map[int]bool{}, meanings: map[string]bool{}}
	if lists, err := pack.Lists(); err == nil {
		s.lists = lists
	}
	for _, info := range pack.UseCases() {
		use, err := pack.UseCase(info.Pruefidentifikator)
		if err != nil {
			return Figures{}, err
		}
		f.Add(s.useCase(use))
	}
	s.use = &rules.UseCase{} // what follows is said of no use case in particular
	for _, r := range pack.Rules {
		f.Conditions.count(r, s.rule(r))
	}
	for range s.missing {
		f.Conditions.count(&condition.Rule{Kind: condition.Open}, sawOpen)
	}
	return f, nil
}

func (c *ConditionFigures) count(r *condition.Rule, saw uint8) {
	c.Total++
	switch {
	case r.Kind == condition.Hint:
		c.Hints++
	case saw&sawOpen != 0:
		c.NotCompiled++
	case saw&sawExternal != 0:
		c.External++
	default:
		c.Compiled++
	}
}

// survey looks at the use cases of a pack.
type survey struct {
	pack     *rules.Pack
	lists    *rules.Lists // nil if the format version has none
	use      *rules.UseCase
	missing  map[int]bool    // condition numbers that the pack does not have
	meanings map[string]bool // of conditions with another meaning in some use cases
}

func (s *survey) useCase(use *rules.UseCase) Figures {
	s.use = use
	f := Figures{UseCases: 1}
	seen := map[int32]bool{}
	service := false
	for i := range use.Rows {
		row := &use.Rows[i]
		n := max(1, len(row.Codes))
		saw, expression := s.expression(row)
		if row.Kind < rules.RowValue {
			service = s.pack.Nodes[row.Node].Parent < 0
			if seen[row.Node] {
				saw |= sawOpen // the program has one row for a node
			}
			seen[row.Node] = true
		}
		if service && !s.checkedElsewhere(row) {
			saw |= sawOpen
		}
		f.All.count(n, saw)
		if expression {
			f.Expression.count(n, saw)
		}
	}
	for number, r := range use.Overrides {
		// The meaning stands for the text: equal ones are counted once.
		if key := fmt.Sprint(number, r.Kind, r.External, r.Key, r.Code, condition.Describe(r, "en")); !s.meanings[key] {
			s.meanings[key] = true
			f.Conditions.count(r, s.rule(r))
		}
	}
	return f
}

// expression looks at the conditions of a row. It reports whether there are any, or packages.
func (s *survey) expression(row *rules.Row) (saw uint8, expression bool) {
	for _, b := range row.Expr.Branches {
		expression = expression || b.When != nil
		saw |= s.term(b.When, row)
	}
	return saw, expression
}

func (s *survey) term(t *rules.Term, row *rules.Row) (saw uint8) {
	if t == nil {
		return 0
	}
	switch t.Kind {
	case rules.TermCondition:
		r := s.use.Overrides[t.Number]
		if r == nil {
			r = s.pack.Rules[t.Number]
		}
		if r == nil {
			s.missing[t.Number] = true
			return sawOpen
		}
		if r.Kind == condition.Card && row.Kind >= rules.RowValue {
			return sawOpen // repetitions of groups and segments are counted, of data elements they are not
		}
		return s.rule(r)
	case rules.TermPackage, rules.TermMacro:
		when, known := s.pack.Packages[t.Name]
		if limited := t.Min > 0 || t.Max >= 0; !known || t.Kind == rules.TermPackage && limited && row.Kind != rules.RowCodes {
			return sawOpen // the limits of a package are counted for codes
		}
		return s.term(when, row)
	default:
	}
	for _, child := range t.Terms {
		saw |= s.term(child, row)
	}
	return saw
}

// rule says why the outcome of a condition may be unknown.
func (s *survey) rule(r *condition.Rule) (saw uint8) {
	switch {
	case r.Kind == condition.Open:
		return sawOpen
	case r.External:
		return sawExternal
	}
	saw = s.predicate(r.Test)
	if k := r.Card; k != nil {
		saw |= s.selector(k.EachSel) | s.operand(k.Each) | s.operand(k.Own) | s.predicate(k.Where)
	}
	return saw
}

func (s *survey) predicate(p *condition.Predicate) (saw uint8) {
	if p == nil {
		return 0
	}
	switch p.Op {
	case condition.External, condition.Role:
		saw = sawExternal
	case condition.Sparte: // told by the agency of the MP-ID, but not for a GLN
		if s.pack.Name != "UTILMD_Strom" && s.pack.Name != "UTILMD_Gas" {
			saw = sawExternal
		}
	case condition.List:
		if s.lists == nil || !s.lists.Complete(p.Text, s.use.Pruefidentifikator) {
			saw = sawExternal
		}
	case condition.Cluster: // not every Entscheidungsbaum is held, nor every cluster
		saw = sawExternal
	case condition.Format:
		if form(p.Text, []byte("0")) == unknown {
			saw = sawOpen
		}
	default:
	}
	for _, a := range p.Args {
		saw |= s.predicate(a)
	}
	return saw | s.selector(p.Sel) | s.operand(p.Left) | s.operand(p.Right)
}

func (s *survey) operand(o *condition.Operand) uint8 {
	if o == nil {
		return 0
	}
	return s.selector(o.Sel) | s.operand(o.Arg)
}

func (s *survey) selector(sel *condition.Selector) (saw uint8) {
	if sel == nil {
		return 0
	}
	for i := range sel.Steps {
		st := &sel.Steps[i]
		saw |= s.predicate(st.Where)
		if st.Segment == nil {
			continue
		}
		for _, e := range st.Segment.Elements {
			for _, c := range e {
				for i := range c.Alts {
					saw |= s.operand(c.Alts[i].Ref)
				}
			}
		}
	}
	return saw
}

// checkedElsewhere reports whether the presence of a row of UNB or UNZ is checked: UNZ and UNB S001 by the reader, the
// rest of UNB by package check for the whole file. Values of UNB are held against the column by this package.
//
// The parts of a list in UNH (0068, S010) are checked by package check as well, and count by their conditions.
//
// Spec: MSCONS MIG 2.5, UNB; ISO 9735:1988, UNZ
func (s *survey) checkedElsewhere(row *rules.Row) bool {
	switch row.Kind {
	case rules.RowSegment:
		return true // an interchange without them is unreadable or breaks off
	case rules.RowGroup:
		return false
	default:
	}
	if s.pack.Nodes[row.Node].Tag == edifact.UNZ {
		return row.Kind == rules.RowValue && row.Element <= 2 && row.Component == 1
	}
	switch [2]int{row.Element, row.Component} {
	case [2]int{1, 1}, [2]int{1, 2}, [2]int{2, 1}, [2]int{2, 2}, [2]int{3, 1}, [2]int{3, 2}, [2]int{4, 1}, [2]int{4, 2},
		[2]int{5, 1}, [2]int{7, 1}:
		return true
	}
	return !slices.ContainsFunc(row.Expr.Branches, func(b rules.Branch) bool { return b.Status.Required() })
}
