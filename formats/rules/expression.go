package rules

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Expression is what an Anwendungshandbuch prints in the column of a Pruefidentifikator: one or more statuses, each
// with the conditions it depends on. The first whose conditions hold counts.
type Expression struct {
	Text     string // as printed, without spaces
	Branches []Branch
}

// Branch is one status and its conditions.
type Branch struct {
	Status Requirement
	When   *Term // nil if there are none
}

// Requirement is a status of an Anwendungshandbuch.
type Requirement uint8

// The statuses. Only Muss leads to a rejection when something is missing.
//
// Spec: Allgemeine Festlegungen 6.1 ch. 6 (Muss, Soll, Kann for segments and groups; X, M, S, K for data elements)
const (
	Muss Requirement = iota // Muss, M
	Soll                    // Soll, S
	Kann                    // Kann, K
	X                       // X: used; must be there if what it is part of is there
)

// Required reports whether the status demands presence.
func (r Requirement) Required() bool { return r == Muss || r == X }

// String returns the word for people.
func (r Requirement) String() string { return [...]string{"Muss", "Soll", "Kann", "X"}[r] }

// TermKind is the kind of a Term.
type TermKind uint8

// The kinds of terms.
const (
	TermAnd       TermKind = iota // Terms
	TermOr                        // Terms
	TermXor                       // Terms
	TermCondition                 // Number
	TermPackage                   // Name, Min, Max
	TermMacro                     // Name: UB1, UB2 or UB3, an expression of its own
)

// Term is a node of a condition expression.
type Term struct {
	Kind     TermKind
	Terms    []*Term
	Number   int    // of the condition
	Name     string // 4P, UB1
	Min, Max int    // of a package; Max is -1 if there is no limit
}

// maxTermDepth bounds the nesting of an expression.
const maxTermDepth = 30

var requirements = []struct {
	word   string
	status Requirement
}{{"Muss", Muss}, {"Soll", Soll}, {"Kann", Kann}, {"X", X}, {"M", Muss}, {"S", Soll}, {"K", Kann}}

// ParseExpression reads an expression. Both notations of the operators are understood, the signs and the letters
// U, O and X; conditions that follow each other without an operator are joined by and.
func ParseExpression(text string) (*Expression, error) {
	text = strings.Join(strings.Fields(text), "")
	e := &Expression{Text: text}
	p := termParser{rest: text}
	for p.rest != "" {
		b, err := p.branch()
		if err != nil {
			return nil, fmt.Errorf("expression %q: %w", text, err)
		}
		e.Branches = append(e.Branches, b)
	}
	if len(e.Branches) == 0 {
		return nil, errors.New("expression is empty")
	}
	return e, nil
}

// ParseTerm reads an expression without a status, as packages have it; nil if it is empty.
func ParseTerm(text string) (*Term, error) {
	text = strings.Join(strings.Fields(text), "")
	if text == "" {
		return nil, nil
	}
	p := termParser{rest: text}
	t, err := p.or()
	if err == nil && p.rest != "" {
		err = fmt.Errorf("unexpected %q", p.rest)
	}
	if err != nil {
		return nil, fmt.Errorf("expression %q: %w", text, err)
	}
	return t, nil
}

type termParser struct {
	rest  string
	depth int
}

func (p *termParser) has(words ...string) bool {
	for _, w := range words {
		if strings.HasPrefix(p.rest, w) {
			p.rest = p.rest[len(w):]
			return true
		}
	}
	return false
}

func (p *termParser) branch() (Branch, error) {
	for _, r := range requirements {
		if p.has(r.word) {
			b := Branch{Status: r.status}
			if p.rest == "" || p.rest[0] != '[' && p.rest[0] != '(' {
				return b, nil
			}
			var err error
			b.When, err = p.or()
			return b, err
		}
	}
	return Branch{}, fmt.Errorf("expected a status at %q", p.rest)
}

// or binds weakest, and strongest. A letter X is always the status of the next branch: exclusive or is ⊻.
func (p *termParser) or() (*Term, error) {
	if p.depth++; p.depth > maxTermDepth {
		return nil, errors.New("nested too deeply")
	}
	defer func() { p.depth-- }()
	return p.joined(TermOr, []string{"∨", "O"}, p.xor)
}

func (p *termParser) xor() (*Term, error) { return p.joined(TermXor, []string{"⊻"}, p.and) }

func (p *termParser) and() (*Term, error) {
	first, err := p.atom()
	if err != nil {
		return nil, err
	}
	t := first
	for p.rest != "" {
		if !p.has("∧", "U") && p.rest[0] != '[' && p.rest[0] != '(' {
			break
		}
		next, err := p.atom()
		if err != nil {
			return nil, err
		}
		if t == first {
			t = &Term{Kind: TermAnd, Terms: []*Term{first}}
		}
		t.Terms = append(t.Terms, next)
	}
	return t, nil
}

func (p *termParser) joined(kind TermKind, words []string, part func() (*Term, error)) (*Term, error) {
	first, err := part()
	if err != nil || !p.has(words...) {
		return first, err
	}
	t := &Term{Kind: kind, Terms: []*Term{first}}
	for {
		next, err := part()
		if err != nil {
			return nil, err
		}
		t.Terms = append(t.Terms, next)
		if !p.has(words...) {
			return t, nil
		}
	}
}

func (p *termParser) atom() (*Term, error) {
	if p.has("(") {
		t, err := p.or()
		if err == nil && !p.has(")") {
			err = errors.New("bracket is not closed")
		}
		return t, err
	}
	if !p.has("[") {
		return nil, fmt.Errorf("expected a condition at %q", p.rest)
	}
	inner, rest, ok := strings.Cut(p.rest, "]")
	if !ok {
		return nil, errors.New("bracket is not closed")
	}
	p.rest = rest
	if strings.HasPrefix(inner, "UB") {
		return &Term{Kind: TermMacro, Name: inner}, nil
	}
	if name, limits, ok := strings.Cut(inner, "P"); ok {
		return packageTerm(name+"P", limits)
	}
	n, err := strconv.Atoi(inner)
	if err != nil || n < 1 {
		return nil, fmt.Errorf("[%s] is no condition", inner)
	}
	return &Term{Kind: TermCondition, Number: n}, nil
}

// packageTerm reads the limits of a package: a..b, b may be n; without limits any number.
func packageTerm(name, limits string) (*Term, error) {
	t := &Term{Kind: TermPackage, Name: name, Max: -1}
	if limits == "" {
		return t, nil
	}
	low, high, ok := strings.Cut(limits, "..")
	var err error
	if t.Min, err = strconv.Atoi(low); err != nil || !ok {
		return nil, fmt.Errorf("[%s%s] is no package", name, limits)
	}
	if high != "n" {
		if t.Max, err = strconv.Atoi(high); err != nil {
			return nil, fmt.Errorf("[%s%s] is no package", name, limits)
		}
	}
	return t, nil
}

// String renders an expression in one notation, whatever the document uses: Muss [1] ∧ ([2] ∨ [3]) Soll.
func (e *Expression) String() string {
	var parts []string
	for _, b := range e.Branches {
		parts = append(parts, b.Status.String())
		if b.When != nil {
			parts = append(parts, b.When.String())
		}
	}
	return strings.Join(parts, " ")
}

var termSigns = map[TermKind]string{TermAnd: " ∧ ", TermOr: " ∨ ", TermXor: " ⊻ "}

// String renders a term in one notation; "" if it is nil.
func (t *Term) String() string {
	switch {
	case t == nil:
		return ""
	case t.Kind == TermCondition:
		return "[" + strconv.Itoa(t.Number) + "]"
	case t.Kind == TermMacro:
		return "[" + t.Name + "]"
	case t.Kind == TermPackage && t.Min == 0 && t.Max < 0:
		return "[" + t.Name + "]"
	case t.Kind == TermPackage:
		high := "n"
		if t.Max >= 0 {
			high = strconv.Itoa(t.Max)
		}
		return "[" + t.Name + strconv.Itoa(t.Min) + ".." + high + "]"
	}
	var parts []string
	for _, child := range t.Terms {
		s := child.String()
		if len(child.Terms) > 1 {
			s = "(" + s + ")"
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, termSigns[t.Kind])
}

// Conditions calls visit for every condition number of the term, packages and macros resolved by the pack.
func (p *Pack) Conditions(t *Term, visit func(number int)) {
	if t == nil {
		return
	}
	switch t.Kind {
	case TermCondition:
		visit(t.Number)
	case TermPackage, TermMacro:
		p.Conditions(p.Packages[t.Name], visit)
	}
	for _, child := range t.Terms {
		p.Conditions(child, visit)
	}
}
