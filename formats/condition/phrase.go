package condition

import (
	"reflect"
	"strconv"
	"strings"
)

// phrase renders a predicate, or that it does not hold. nested asks for parentheses around what has several parts.
func (s sayer) phrase(p *Predicate, not, nested bool) string {
	switch p.Op {
	case True, False:
		if (p.Op == True) != not {
			return s.pick("immer", "always")
		}
		return s.pick("nie", "never")
	case Not:
		return s.phrase(p.Args[0], !not, nested)
	case And, Or:
		return s.junction(p, not, nested)
	case Exists:
		return s.exists(p.Sel, not, nested)
	case Count:
		return s.count(p, not)
	case Compare:
		return s.compare(p, not, nested)
	case Same:
		return s.operand(p.Left) + s.unless(not, " überall gleich", " is the same everywhere", " nicht überall gleich", " is not the same everywhere")
	case Unique:
		return s.operand(p.Left) + s.unless(not, " jeweils verschieden", " is different each time", " nicht jeweils verschieden", " is not different each time")
	case Role:
		return s.partner(p.Text) + s.unless(not, " hat die Rolle ", " has the role ", " hat nicht die Rolle ", " does not have the role ") + s.or(roles(p.Names))
	case Sparte:
		return s.partner(p.Text) + s.unless(not, " gehört zur Sparte ", " belongs to the Sparte ", " gehört nicht zur Sparte ", " does not belong to the Sparte ") + word(p.Names[0])
	case Cluster:
		return s.cluster(p, not)
	case External:
		return s.external(p.Text, not)
	}
	return s.property(p, not)
}

// unless picks the words of a statement or of its negation.
func (s sayer) unless(not bool, de, en, notDE, notEN string) string {
	if not {
		return s.pick(notDE, notEN)
	}
	return s.pick(de, en)
}

func (s sayer) junction(p *Predicate, not, nested bool) string {
	and := (p.Op == And) != not
	var list []string
	for i := 0; i < len(p.Args); {
		n := 1
		if !and && !not {
			n = alike(p.Args[i:])
		}
		if n > 1 {
			list = append(list, s.choice(p.Args[i:i+n]))
		} else {
			list = append(list, s.phrase(p.Args[i], not, true))
		}
		i += n
	}
	joint := s.pick(" oder ", " or ")
	if and {
		joint = s.pick(" und ", " and ")
	}
	text := strings.Join(list, joint)
	if nested && len(list) > 1 {
		return "(" + text + ")"
	}
	return text
}

// alike counts the alternatives at the beginning that say of the same operand that it has one of several values, or is
// in one of several parts of a code list.
func alike(args []*Predicate) int {
	first := args[0]
	constant := func(p *Predicate) bool { return p.Op == Compare && p.Cmp == Equal && p.Right.constant() }
	n := 1
	for ; n < len(args); n++ {
		p := args[n]
		switch {
		case constant(first) && constant(p):
		case first.Op == List && p.Op == List && listName(first.Text) == listName(p.Text):
		default:
			return n
		}
		if !reflect.DeepEqual(first.Left, p.Left) {
			return n
		}
	}
	return n
}

func (o *Operand) constant() bool { return o.Kind == Text || o.Kind == NumberOf && o.Arg == nil }

// choice renders alternatives that are alike.
func (s sayer) choice(args []*Predicate) string {
	var values []string
	for _, p := range args {
		if p.Op == List {
			values = append(values, p.Text)
		} else {
			values = append(values, s.operand(p.Right))
		}
	}
	if args[0].Op == List {
		return s.inList(args[0].Left, values, false)
	}
	return s.says(args[0].Left, s.or(values))
}

func (s sayer) exists(sel *Selector, not, nested bool) string {
	if sel.Scope == ScopeSelf {
		return s.thisSegment(sel, not, nested)
	}
	return s.selector(sel) + s.unless(not, " vorhanden", " present", " nicht vorhanden", " not present")
}

// thisSegment says what the segment at hand is like. Behind a qualifier everything is told by the notation; elements
// alone are better named.
func (s sayer) thisSegment(sel *Selector, not, nested bool) string {
	p := sel.Steps[0].Segment
	if n := s.nameable(p); n == 1 || n > 1 && !not {
		text := strings.Join(s.elements(p, not), s.pick(" und ", " and "))
		if nested && n > 1 {
			return "(" + text + ")"
		}
		return text
	}
	return s.unless(not, "dieses Segment ist ", "this segment is ", "dieses Segment ist nicht ", "this segment is not ") + s.pattern(p)
}

// nameable counts the data elements that a pattern restricts; 0 if the notation tells better.
func (s sayer) nameable(p *Pattern) (n int) {
	if s.Name == nil || len(p.Elements) == 0 || len(p.Elements[0][0].Alts) > 0 {
		return 0
	}
	for _, components := range p.Elements {
		for _, c := range components {
			for _, a := range c.Alts {
				if (a.Any || a.Empty) && (len(c.Alts) > 1 || c.Not) {
					return 0
				}
			}
			if len(c.Alts) > 0 {
				n++
			}
		}
	}
	return n
}

// elements says of each data element that a pattern restricts what it holds.
func (s sayer) elements(p *Pattern, not bool) (list []string) {
	bare := &Selector{Scope: ScopeSelf, Steps: []Step{{Segment: &Pattern{Tag: p.Tag}}}}
	for e, components := range p.Elements {
		for c := range components {
			x := &components[c]
			if len(x.Alts) == 0 {
				continue
			}
			place := s.place(&Operand{Kind: Ref, Sel: bare, Element: e + 1, Component: c + 1})
			if a := &x.Alts[0]; a.Any || a.Empty {
				list = append(list, place+s.unless(a.Any == not, " ist gefüllt", " is filled", " ist leer", " is empty"))
				continue
			}
			list = append(list, place+s.unless(x.Not != not, " ist ", " is ", " ist nicht ", " is not ")+s.or(s.alternatives(p, e+1, c+1)))
		}
	}
	return list
}

func (s sayer) count(p *Predicate, not bool) string {
	cmp := p.Cmp
	if not {
		cmp = inverse[cmp]
	}
	return s.selector(p.Sel) + " " + s.atLeast(cmp) + s.often(p.N) + s.pick(" vorhanden", " present")
}

// inverse is the comparison that holds if the other one does not.
var inverse = [...]Cmp{Equal: NotEqual, NotEqual: Equal, Less: GreaterEqual, LessEqual: Greater, Greater: LessEqual, GreaterEqual: Less}

// atLeast renders the comparison of a quantity with a number that follows.
func (s sayer) atLeast(cmp Cmp) string {
	return s.pick([...]string{"genau ", "nicht ", "weniger als ", "höchstens ", "mehr als ", "mindestens "}[cmp],
		[...]string{"exactly ", "not ", "fewer than ", "at most ", "more than ", "at least "}[cmp])
}

// single reports whether an operand has one value at most: not of some pair of values then a comparison is said, and
// its negation is another comparison.
func (o *Operand) single() bool {
	switch o.Kind {
	case Value, Text, Now, Seq:
		return true
	case Ref:
		return o.Sel.Scope == ScopeSelf
	}
	return o.Arg == nil || o.Arg.single()
}

func (s sayer) compare(p *Predicate, not, nested bool) string {
	cmp := p.Cmp
	if not && p.Left.single() && p.Right.single() {
		cmp, not = inverse[cmp], false
	}
	text := s.says(p.Left, s.relation(p, cmp))
	if !not {
		return text
	}
	text = s.pick("nicht der Fall: ", "not the case: ") + text
	if nested {
		return "(" + text + ")"
	}
	return text
}

// says joins an operand and what is said of it. The value at hand is not named.
func (s sayer) says(left *Operand, text string) string {
	left = left.inner()
	verb := s.pick(" ist ", " is ")
	switch left.Kind {
	case Value:
		if s.implied(left) {
			return text
		}
	case Decimals, Integers, Digits, Length, Clock, Berlin, Zone:
		if verb = s.pick(" hat ", " has "); s.implied(left.Arg) {
			return text
		}
		return s.operand(left.Arg) + verb + text
	case Day, Year:
		if s.implied(left.Arg) {
			verb = " "
		}
	case Part:
		if left.M > 1 || left.M < 1 {
			verb = s.pick(" sind ", " are ")
		}
	}
	return s.operand(left) + verb + text
}

// inner returns the operand without what only says how it is compared.
func (o *Operand) inner() *Operand {
	for (o.Kind == NumberOf || o.Kind == DateOf) && o.Arg != nil {
		o = o.Arg
	}
	return o
}

// relation renders a comparison and what stands on its right.
func (s sayer) relation(p *Predicate, cmp Cmp) string {
	left, say := p.Left.inner(), s.operand
	if cmp == Equal || cmp == NotEqual {
		say = s.dative // behind "gleich"
	}
	right := say(p.Right)
	switch left.Kind {
	case Decimals, Integers, Digits, Length:
		if n, err := strconv.Atoi(p.Right.Text); err == nil && p.Right.constant() {
			return s.quantity(left.Kind, cmp, n)
		}
		return s.noun(left.Kind, 2) + " " + s.than(cmp) + right
	case Clock, Berlin, Zone:
		return s.clock(left.Kind, cmp, right)
	}
	switch {
	case p.Left.Instant() || left.Kind == Day || left.Kind == Year:
		return s.pick([...]string{"gleich ", "nicht gleich ", "früher als ", "nicht später als ", "später als ", "nicht früher als "}[cmp],
			[...]string{"equal to ", "not equal to ", "earlier than ", "not later than ", "later than ", "not earlier than "}[cmp]) + right
	case p.Right.Kind == Seq && cmp == Equal:
		return right
	case p.Right.constant():
		return s.pick([...]string{"", "nicht ", "kleiner als ", "höchstens ", "größer als ", "mindestens "}[cmp],
			[...]string{"", "not ", "less than ", "at most ", "greater than ", "at least "}[cmp]) + right
	}
	return s.than(cmp) + right
}

func (s sayer) than(cmp Cmp) string {
	return s.pick([...]string{"gleich ", "nicht gleich ", "kleiner als ", "nicht größer als ", "größer als ", "nicht kleiner als "}[cmp],
		[...]string{"equal to ", "not equal to ", "less than ", "not greater than ", "greater than ", "not less than "}[cmp])
}

// quantity renders a number of digits or characters.
func (s sayer) quantity(kind OperandKind, cmp Cmp, n int) string {
	noun := s.noun(kind, n)
	if n == 0 && (cmp == Equal || cmp == LessEqual) {
		return s.pick("keine ", "no ") + noun
	}
	return s.atLeast(cmp) + strconv.Itoa(n) + " " + noun
}

func (s sayer) noun(kind OperandKind, n int) string {
	de := map[OperandKind]string{Decimals: "Nachkommastelle", Integers: "Vorkommastelle", Digits: "Ziffer", Length: "Zeichen"}[kind]
	en := map[OperandKind]string{Decimals: "decimal", Integers: "integer digit", Digits: "digit", Length: "character"}[kind]
	if n != 1 {
		en += "s"
		if kind != Length {
			de += "n"
		}
	}
	return s.pick(de, en)
}

// clock renders a time of day or a zone.
func (s sayer) clock(kind OperandKind, cmp Cmp, right string) string {
	noun := s.pick("Uhrzeit (HHMM) ", "time (HHMM) ")
	switch kind {
	case Berlin:
		noun = s.pick("deutsche Uhrzeit (HHMM) ", "German time (HHMM) ")
	case Zone:
		noun = s.pick("Zeitzone ", "time zone ")
	}
	return noun + s.pick([...]string{"", "nicht ", "früher als ", "nicht später als ", "später als ", "nicht früher als "}[cmp],
		[...]string{"", "not ", "earlier than ", "not later than ", "later than ", "not earlier than "}[cmp]) + right
}
