package condition

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxDepth bounds the nesting of a rule.
const maxDepth = 40

// ParseError says where in a rule it cannot be read.
type ParseError struct {
	Column int // from 1
	Err    error
}

// Error names column and reason.
func (e *ParseError) Error() string { return fmt.Sprintf("column %d: %v", e.Column, e.Err) }

// Unwrap returns the reason.
func (e *ParseError) Unwrap() error { return e.Err }

// Parse reads one rule. The error is a *ParseError.
func Parse(text string) (*Rule, error) {
	p := parser{text: text}
	r, err := p.rule()
	if err == nil {
		if p.space(); p.at < len(p.text) {
			err = fmt.Errorf("unexpected %q", p.text[p.at:])
		}
	}
	if err != nil {
		return nil, &ParseError{Column: p.at + 1, Err: err}
	}
	return r, nil
}

// parser is a recursive descent over the text of one rule.
type parser struct {
	text  string
	at    int
	depth int
}

func (p *parser) space() {
	for p.at < len(p.text) && p.text[p.at] == ' ' {
		p.at++
	}
}

// has reports whether s follows, and passes over it.
func (p *parser) has(s string) bool {
	if strings.HasPrefix(p.text[p.at:], s) {
		p.at += len(s)
		return true
	}
	return false
}

func (p *parser) expect(s string) error {
	p.space()
	if !p.has(s) {
		return fmt.Errorf("expected %q", s)
	}
	return nil
}

// peekWord returns the letters, digits and hyphens that follow.
func (p *parser) peekWord() string {
	p.space()
	end := p.at
	for end < len(p.text) && wordByte(p.text[end]) {
		end++
	}
	return p.text[p.at:end]
}

func wordByte(b byte) bool {
	return b|0x20 >= 'a' && b|0x20 <= 'z' || b >= '0' && b <= '9' || b == '-' || b == '_'
}

// word passes over a word if it is the one wanted.
func (p *parser) word(want string) bool {
	if p.peekWord() == want {
		p.at += len(want)
		return true
	}
	return false
}

func (p *parser) rule() (*Rule, error) {
	r := &Rule{}
	switch word := p.peekWord(); word {
	case "hint", "open":
		p.at += len(word)
		if r.Kind = Hint; word == "open" {
			r.Kind = Open
		}
		return r, nil
	case "if":
		p.at += len(word)
		r.Kind = If
		var err error
		r.Test, err = p.predicate()
		return r, err
	case "must":
		p.at += len(word)
		r.Kind = Must
		if err := p.code(r); err != nil {
			return nil, err
		}
		var err error
		r.Test, err = p.predicate()
		return r, err
	case "card":
		p.at += len(word)
		r.Kind = Card
		var err error
		r.Card, err = p.card()
		return r, err
	case "external":
		p.at += len(word)
		r.Kind, r.External = If, true
		if p.word("must") {
			r.Kind = Must
			if err := p.code(r); err != nil {
				return nil, err
			}
		}
		if r.Key = p.peekWord(); r.Key == "" {
			return nil, errors.New("expected the name of a fact")
		}
		p.at += len(r.Key)
		return r, nil
	default:
		return nil, fmt.Errorf("expected if, must, card, external, hint or open, found %q", word)
	}
}

// codes are the APERAK codes a demand may have.
var codes = []string{"Z21", "Z29", "Z30", "Z34", "Z35", "Z38", "Z39", "Z40", "Z41"}

func (p *parser) code(r *Rule) error {
	r.Code = p.peekWord()
	if !slices.Contains(codes, r.Code) {
		return fmt.Errorf("%q is no APERAK code of a condition (%s)", r.Code, strings.Join(codes, ", "))
	}
	p.at += len(r.Code)
	return nil
}

func (p *parser) card() (*Cardinality, error) {
	c := &Cardinality{Max: -1}
	var err error
	if c.Min, err = p.number(); err != nil {
		return nil, err
	}
	if err = p.expect(".."); err != nil {
		return nil, err
	}
	if !p.has("*") {
		if c.Max, err = p.number(); err != nil {
			return nil, err
		}
		if c.Max < c.Min {
			return nil, errors.New("the upper limit is less than the lower one")
		}
	}
	if c.Min < 0 {
		return nil, errors.New("a limit is less than 0")
	}
	switch {
	case p.word("per"):
		switch word := p.peekWord(); {
		case word == "tx":
			c.Scope = ScopeTransaction
		case word == "msg":
			c.Scope = ScopeMessage
		case isGroup(word):
			c.Scope, c.Group = ScopeGroup, word
		default:
			return nil, fmt.Errorf("expected tx, msg or a group, found %q", word)
		}
		p.at += len(p.peekWord())
	case p.word("each"):
		sel, err := p.selector()
		if err != nil {
			return nil, err
		}
		if p.has("@") {
			if c.Each, err = p.place(sel); err != nil {
				return nil, err
			}
			if p.space(); p.has("=") {
				if c.Own, err = p.operand(); err != nil {
					return nil, err
				}
			}
		} else {
			c.EachSel = sel
		}
	default:
		return nil, errors.New("expected per or each")
	}
	if p.word("where") {
		c.Where, err = p.predicate()
	}
	return c, err
}

func (p *parser) number() (int, error) {
	p.space()
	end := p.at
	for end < len(p.text) && (p.text[end] >= '0' && p.text[end] <= '9' || end == p.at && p.text[end] == '-') {
		end++
	}
	n, err := strconv.Atoi(p.text[p.at:end])
	if err != nil {
		return 0, errors.New("expected a number")
	}
	p.at = end
	return n, nil
}

// predicate reads alternatives joined by or.
func (p *parser) predicate() (*Predicate, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, errors.New("nested too deeply")
	}
	defer func() { p.depth-- }()
	return p.joined("or", Or, func() (*Predicate, error) { return p.joined("and", And, p.negation) })
}

func (p *parser) joined(word string, op Op, part func() (*Predicate, error)) (*Predicate, error) {
	first, err := part()
	if err != nil {
		return nil, err
	}
	if !p.word(word) {
		return first, nil
	}
	joined := &Predicate{Op: op, Args: []*Predicate{first}}
	for {
		next, err := part()
		if err != nil {
			return nil, err
		}
		joined.Args = append(joined.Args, next)
		if !p.word(word) {
			return joined, nil
		}
	}
}

func (p *parser) negation() (*Predicate, error) {
	if p.word("not") {
		if p.depth++; p.depth > maxDepth {
			return nil, errors.New("nested too deeply")
		}
		defer func() { p.depth-- }()
		arg, err := p.negation()
		return &Predicate{Op: Not, Args: []*Predicate{arg}}, err
	}
	if p.space(); p.has("(") {
		inner, err := p.predicate()
		if err != nil {
			return nil, err
		}
		return inner, p.expect(")")
	}
	return p.atom()
}

// atom reads a predicate that is not composed.
func (p *parser) atom() (*Predicate, error) {
	word := p.peekWord()
	start := p.at
	p.at += len(word)
	call := p.has("(")
	switch {
	case !call && word == "true":
		return &Predicate{Op: True}, nil
	case !call && word == "false":
		return &Predicate{Op: False}, nil
	case !call:
	case word == "role", word == "sparte":
		return p.partner(word)
	case word == "external":
		key := p.peekWord()
		if key == "" {
			return nil, errors.New("expected the name of a fact")
		}
		p.at += len(key)
		return &Predicate{Op: External, Text: key}, p.expect(")")
	case word == "count":
		return p.count()
	case word == "same", word == "unique", word == "summer", word == "winter":
		ops := map[string]Op{"same": Same, "unique": Unique, "summer": Summer, "winter": Winter}
		o, err := p.operand()
		if err != nil {
			return nil, err
		}
		return &Predicate{Op: ops[word], Left: o}, p.expect(")")
	case word == "list", word == "cluster", word == "format":
		return p.membership(word)
	}
	p.at = start
	return p.comparison()
}

// partner reads the arguments of role and sparte.
func (p *parser) partner(word string) (*Predicate, error) {
	x := &Predicate{Op: Role, Text: p.peekWord()}
	if word == "sparte" {
		x.Op = Sparte
	}
	p.at += len(x.Text)
	for p.space(); p.has(","); p.space() {
		name := p.peekWord()
		p.at += len(name)
		x.Names = append(x.Names, name)
	}
	if x.Text == "" || len(x.Names) == 0 || slices.Contains(x.Names, "") {
		return nil, fmt.Errorf("%s needs a qualifier of NAD and names", word)
	}
	if x.Op == Sparte && (len(x.Names) != 1 || x.Names[0] != "strom" && x.Names[0] != "gas") {
		return nil, errors.New("sparte is strom or gas")
	}
	return x, p.expect(")")
}

func (p *parser) count() (*Predicate, error) {
	sel, err := p.selector()
	if err != nil {
		return nil, err
	}
	if err := p.expect(")"); err != nil {
		return nil, err
	}
	x := &Predicate{Op: Count, Sel: sel}
	if x.Cmp, err = p.cmp(); err != nil {
		return nil, err
	}
	x.N, err = p.number()
	return x, err
}

// membership reads the arguments of list, cluster and format.
func (p *parser) membership(word string) (*Predicate, error) {
	x := &Predicate{Op: map[string]Op{"list": List, "cluster": Cluster, "format": Format}[word]}
	p.space()
	end := p.at
	for end < len(p.text) && (wordByte(p.text[end]) || strings.IndexByte("/.:", p.text[end]) >= 0) {
		end++
	}
	if x.Text = p.text[p.at:end]; x.Text == "" {
		return nil, fmt.Errorf("%s needs a name", word)
	}
	p.at = end
	if err := p.expect(","); err != nil {
		return nil, err
	}
	var err error
	if x.Left, err = p.operand(); err != nil {
		return nil, err
	}
	if x.Op == Cluster {
		if err := p.expect(","); err != nil {
			return nil, err
		}
		if x.Right, err = p.operand(); err != nil {
			return nil, err
		}
	}
	return x, p.expect(")")
}

func (p *parser) cmp() (Cmp, error) {
	p.space()
	for _, c := range []Cmp{NotEqual, LessEqual, GreaterEqual, Less, Greater, Equal} {
		if p.has(c.String()) {
			return c, nil
		}
	}
	return 0, errors.New("expected one of = <> < <= > >=")
}

// comparison reads a selector standing alone, or two operands with what is between.
func (p *parser) comparison() (*Predicate, error) {
	if p.selectorAhead() {
		sel, err := p.selector()
		if err != nil {
			return nil, err
		}
		if !p.has("@") {
			return &Predicate{Op: Exists, Sel: sel}, nil
		}
		left, err := p.place(sel)
		if err != nil {
			return nil, err
		}
		return p.compareWith(left)
	}
	left, err := p.operand()
	if err != nil {
		return nil, err
	}
	return p.compareWith(left)
}

func (p *parser) compareWith(left *Operand) (*Predicate, error) {
	if p.word("like") {
		p.space()
		text, err := p.quoted()
		if err != nil {
			return nil, err
		}
		form := strings.NewReplacer("*", string(rune(Wild)), "#", string(rune(WildDigit))).Replace(text)
		return &Predicate{Op: Like, Left: left, Text: form}, nil
	}
	cmp, err := p.cmp()
	if err != nil {
		return nil, err
	}
	right, err := p.operand()
	if err != nil {
		return nil, err
	}
	switch {
	case left.Instant() != right.Instant():
		return nil, errors.New("an instant can only be compared with an instant, write date(...) on both sides")
	case left.Numeric() != right.Numeric():
		return nil, errors.New("a number can only be compared with a number, write number(...) on both sides")
	case !left.Numeric() && !left.Instant() && cmp != Equal && cmp != NotEqual && !ordered(left, right):
		return nil, errors.New("texts are only compared by = and <>")
	}
	return &Predicate{Op: Compare, Left: left, Cmp: cmp, Right: right}, nil
}

// ordered reports whether texts may be compared by order: parts of dates have a fixed length.
func ordered(a, b *Operand) bool {
	fixed := func(o *Operand) bool { return o.Kind == Day || o.Kind == Year || o.Kind == Clock || o.Kind == Text }
	return fixed(a) && fixed(b)
}

func (p *parser) quoted() (string, error) {
	if !p.has(`"`) {
		return "", errors.New("expected a text in quotes")
	}
	end := strings.IndexByte(p.text[p.at:], '"')
	if end < 0 {
		return "", errors.New("quote is not closed")
	}
	text := p.text[p.at : p.at+end]
	p.at += end + 1
	return text, nil
}

// unary are the functions of one operand.
var unary = map[string]OperandKind{
	"number": NumberOf, "decimals": Decimals, "integers": Integers, "digits": Digits, "length": Length, "date": DateOf,
	"day": Day, "year": Year, "clock": Clock, "zone": Zone, "berlin": Berlin,
	"part": Part, "before": Before, "after": After, "workdays": Workdays, "hours": Hours,
}

func (p *parser) operand() (*Operand, error) {
	p.space()
	switch {
	case p.at < len(p.text) && p.text[p.at] == '"':
		text, err := p.quoted()
		return &Operand{Kind: Text, Text: text}, err
	case p.at < len(p.text) && (p.text[p.at] >= '0' && p.text[p.at] <= '9' || p.text[p.at] == '-'):
		return p.constant()
	case p.selectorAhead():
		sel, err := p.selector()
		if err != nil {
			return nil, err
		}
		if !p.has("@") {
			return nil, errors.New("expected @element.component")
		}
		return p.place(sel)
	}
	word := p.peekWord()
	p.at += len(word)
	switch word {
	case "value":
		return &Operand{Kind: Value}, nil
	case "now":
		return &Operand{Kind: Now}, nil
	}
	kind, ok := unary[word]
	switch {
	case word == "":
		return nil, errors.New("expected an operand")
	case !ok && word != "seq":
		p.at -= len(word)
		return nil, fmt.Errorf("unknown operand %q", word)
	}
	if err := p.expect("("); err != nil {
		return nil, err
	}
	return p.function(word, kind)
}

func (p *parser) constant() (*Operand, error) {
	end := p.at
	for end < len(p.text) && (p.text[end] >= '0' && p.text[end] <= '9' || p.text[end] == '.' || p.text[end] == '-') {
		end++
	}
	text := p.text[p.at:end]
	if _, err := strconv.ParseFloat(text, 64); err != nil {
		return nil, fmt.Errorf("%q is no number", text)
	}
	p.at = end
	return &Operand{Kind: NumberOf, Text: text}, nil
}

// function reads the arguments of a function behind its bracket.
func (p *parser) function(word string, kind OperandKind) (*Operand, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, errors.New("nested too deeply")
	}
	defer func() { p.depth-- }()
	if word == "seq" {
		sel, err := p.selector()
		if err != nil {
			return nil, err
		}
		return &Operand{Kind: Seq, Sel: sel}, p.expect(")")
	}
	arg, err := p.operand()
	if err != nil {
		return nil, err
	}
	o := &Operand{Kind: kind, Arg: arg}
	switch kind {
	case DateOf:
		if arg.Kind == Text {
			if o.Time, err = time.Parse("2006-01-02T15:04Z", arg.Text); err != nil {
				return nil, fmt.Errorf("%q is no instant like 2023-12-31T23:00Z", arg.Text)
			}
			o.Arg = nil
		}
	case Part:
		if err = p.expect(","); err == nil {
			if o.N, err = p.number(); err == nil {
				if err = p.expect(","); err == nil {
					o.M, err = p.number()
				}
			}
		}
	case Workdays, Hours:
		if err = p.expect(","); err == nil {
			o.N, err = p.number()
		}
	case Before, After:
		if err = p.expect(","); err == nil {
			p.space()
			o.Text, err = p.quoted()
		}
	}
	if err != nil {
		return nil, err
	}
	return o, p.expect(")")
}

// place reads e.c behind the @ of an operand.
func (p *parser) place(sel *Selector) (*Operand, error) {
	o := &Operand{Kind: Ref, Sel: sel}
	var err error
	if o.Element, err = p.number(); err != nil {
		return nil, err
	}
	if !p.has(".") {
		return nil, errors.New("expected @element.component")
	}
	if o.Component, err = p.number(); err != nil {
		return nil, err
	}
	if o.Element < 1 || o.Component < 1 {
		return nil, errors.New("elements and components count from 1")
	}
	if n := len(sel.Steps); n > 0 && sel.Steps[n-1].Segment == nil || n == 0 && sel.Scope != ScopeSelf {
		return nil, errors.New("a component belongs to a segment")
	}
	return o, nil
}
