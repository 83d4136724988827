package ahb

import (
	"cmp"
	"slices"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats/condition"
	"github.com/marktbote/marktbote/formats/rules"
)

// program is a use case made ready for checking. It is shared and not changed after it was made.
type program struct {
	pack   *rules.Pack
	use    *rules.UseCase
	lists  *rules.Lists // nil if the format version has none
	rows   []row        // groups and segments; rows[0] is the message
	ofNode []int32      // node of the pack -> row, 0 if the use case does not have it
	groups []int32      // node of the pack -> number of its group name, 0 for segments and the message
	rules  map[int]*rule
	unb    *row    // what the column says of the interchange, nil if nothing
	times  []timed // by node, see series.go; nil if the column has no intervals
	total  int     // rows of the document
	cached int     // places in Checker.cache
	counts int     // places in Checker.counted
}

// row is a group or segment of the use case.
type row struct {
	index    int32 // in program.rows
	source   int32 // in UseCase.Rows, -1 for the message
	node     int32
	parent   int32 // row
	bit      int32 // among the children of parent
	group    bool
	counter  int32
	expr     *expression
	children []int32
	must     []uint64 // children that must be there in any case
	maybe    []uint64 // children that must be there under a condition
	special  []int32  // children with repetitions, packages or demands
	places   []place  // data elements of a segment, by element and component
	busy     []*place // those of places that have anything to check
	packages bool     // some place has a package with limits
}

// place is a data element of a segment.
type place struct {
	element, component int // 1 is the first behind the tag
	required           bool
	maybe              bool        // required under a condition
	free               *expression // of a value row, nil if only codes are allowed
	freeRow            int32       // in UseCase.Rows
	codes              []code
	check              bool // present values have to be looked at
	packages           bool // some code has a package with limits
	most               int  // how often the packages may want the segment, see mostWanted
	count              int  // place in Checker.counted, if it has packages
	name               string
	de                 string
}

// code is a code of a place.
type code struct {
	text   string
	key    uint64
	expr   *expression
	source int32 // in UseCase.Rows
}

// expression is a rules.Expression with its conditions resolved.
type expression struct {
	src      *rules.Expression
	branches []branch
	plain    bool // one branch without any condition
	demands  bool
	cards    bool
	packages bool
}

type branch struct {
	status rules.Requirement
	when   *term // nil if there is nothing to evaluate
}

// term is a rules.Term with hints taken out.
type term struct {
	kind     rules.TermKind
	terms    []*term
	rule     *rule
	name     string // of a package
	min, max int
	pure     bool // has premises only
	count    int  // of a repetition: its place in Checker.counted
}

// rule is a condition of the use case.
type rule struct {
	number int
	src    *condition.Rule
	kind   condition.Kind
	test   *predicate
	card   *cardinality
	slot   int // in Checker.cache, -1 if the outcome depends on the place
	// numeric says that the test takes the value for a number: one that is none does not meet it.
	numeric bool
}

// programOf returns the program of a use case, made when first asked for.
func programOf(pack *rules.Pack, use *rules.UseCase) *program {
	return use.Derive(func() any { return compile(pack, use) }).(*program)
}

type compiler struct {
	*program
	names map[string]int32 // of groups
}

func compile(pack *rules.Pack, use *rules.UseCase) *program {
	c := compiler{&program{pack: pack, use: use, rules: map[int]*rule{}}, map[string]int32{}}
	if lists, err := pack.Lists(); err == nil {
		c.lists = lists
	}
	c.ofNode, c.groups = make([]int32, len(pack.Nodes)), make([]int32, len(pack.Nodes))
	for i := range pack.Nodes {
		if n := &pack.Nodes[i]; n.IsGroup && i > 0 {
			c.groups[i] = c.group(n.Group)
		}
	}
	c.rows = append(c.rows, row{source: -1, group: true})
	byRow := map[int32]int32{-1: 0} // row of the use case -> row
	for i := range use.Rows {
		src := &use.Rows[i]
		c.total += rowsOf(src)
		if pack.Nodes[src.Node].Parent < 0 { // of UNB and UNZ
			if src.Kind == rules.RowSegment && pack.Nodes[src.Node].Tag == edifact.UNB {
				c.unb = &row{source: int32(i), node: src.Node, parent: -1}
				c.places(c.unb, use.Rows[i+1:], int32(i+1))
			}
			continue
		}
		if src.Kind >= rules.RowValue {
			continue
		}
		r := row{index: int32(len(c.rows)), source: int32(i), node: src.Node, parent: byRow[src.Parent],
			group: src.Kind == rules.RowGroup, counter: pack.Nodes[src.Node].Counter, expr: c.expression(src.Expr)}
		if r.group {
			byRow[int32(i)] = r.index
		} else {
			c.places(&r, use.Rows[i+1:], int32(i+1))
		}
		c.ofNode[src.Node] = r.index
		c.rows = append(c.rows, r)
	}
	for i := 1; i < len(c.rows); i++ {
		r := &c.rows[i]
		up := &c.rows[r.parent]
		r.bit = int32(len(up.children))
		up.children = append(up.children, r.index)
	}
	for i := range c.rows {
		c.summary(&c.rows[i])
	}
	c.times = c.timesOf()
	return c.program
}

// row returns the row of a node, nil if the use case does not have it.
func (p *program) row(node int32) *row {
	if node < 0 || p.ofNode[node] == 0 {
		return nil
	}
	return &p.rows[p.ofNode[node]]
}

// summary works out what has to be looked at in every instance of a group.
func (c *compiler) summary(r *row) {
	words := (len(r.children) + 63) / 64
	r.must, r.maybe = make([]uint64, words), make([]uint64, words)
	for bit, k := range r.children {
		kid := &c.rows[k]
		e := kid.expr
		trigger := kid
		if kid.group && len(kid.children) > 0 {
			trigger = &c.rows[kid.children[0]]
		}
		first := bit == 0 && r.source >= 0 && !kid.group // what opens the group: its absence is that of the group
		switch {
		case first, e.cards: // repetitions say how often by themselves
		case e.plain && e.branches[0].status.Required():
			r.must[bit/64] |= 1 << (bit % 64)
		case !e.plain && slices.ContainsFunc(e.branches, func(b branch) bool { return b.status.Required() }):
			r.maybe[bit/64] |= 1 << (bit % 64)
		}
		if e.cards || e.demands || trigger.packages && (kid.group || !first) {
			r.special = append(r.special, k)
		}
	}
}

// lastOfIdentifier is the last element of UNH, counted from 1 behind the tag, that every message has: S009.
const lastOfIdentifier = 2

// places makes the data elements of a segment from the rows behind it.
func (c *compiler) places(r *row, list []rules.Row, source int32) {
	seg := &c.pack.Nodes[r.node]
	for i := range list {
		src := &list[i]
		if src.Kind < rules.RowValue {
			break
		}
		if seg.Tag == edifact.UNH && src.Element > lastOfIdentifier {
			continue // parts of a list are checked where lists are put together, in package check
		}
		at := slices.IndexFunc(r.places, func(p place) bool { return p.element == src.Element && p.component == src.Component })
		if at < 0 {
			e := &c.pack.Elements[int(seg.Elements.First)+src.Element-1]
			comp := &c.pack.Components[int(e.Components.First)+src.Component-1]
			at = len(r.places)
			r.places = append(r.places, place{element: src.Element, component: src.Component, name: comp.Name, de: comp.ID})
		}
		p := &r.places[at]
		e := c.expression(src.Expr)
		if src.Kind == rules.RowValue {
			p.free, p.freeRow = e, source+int32(i)
			p.check = p.check || e.demands
		}
		for _, text := range src.Codes {
			p.codes = append(p.codes, code{text, codeKey(text), e, source + int32(i)})
			p.check = true
			if e.packages && !p.packages {
				r.packages, p.packages, p.count = true, true, c.counts
				c.counts++
			}
		}
		for _, b := range e.branches {
			if b.status.Required() {
				p.required = p.required || e.plain
				p.maybe = p.maybe || !e.plain
			}
		}
	}
	for i := range r.places {
		r.places[i].most = mostWanted(&r.places[i])
		c.trim(seg, &r.places[i])
	}
	slices.SortStableFunc(r.places, func(a, b place) int {
		if a.element != b.element {
			return a.element - b.element
		}
		return a.component - b.component
	})
	for i := range r.places {
		if p := &r.places[i]; p.required || p.maybe || p.check {
			r.busy = append(r.busy, p)
		}
	}
}

// trim drops work that the structure check has done: a place that must be filled there as well, and codes that are
// all of the code list without a condition.
func (c *compiler) trim(seg *rules.Node, p *place) {
	e := &c.pack.Elements[int(seg.Elements.First)+p.element-1]
	comp := &c.pack.Components[int(e.Components.First)+p.component-1]
	if e.Status.Required() && comp.Status.Required() {
		p.required, p.maybe = false, false
	}
	if p.free != nil && !p.free.demands && p.free.plain {
		p.check = slices.ContainsFunc(p.codes, func(k code) bool { return !k.expr.plain })
	}
	if len(p.codes) == 0 || comp.Open || comp.Codes.Len() == 0 {
		return
	}
	for _, text := range c.pack.Codes(comp.Codes) {
		if !slices.ContainsFunc(p.codes, func(k code) bool { return k.text == text && k.expr.plain }) {
			return
		}
	}
	p.check = false
}

func codeKey(text string) uint64 {
	latin1, err := edifact.AppendLatin1(nil, text)
	if err != nil {
		return rules.Key([]byte(text))
	}
	return rules.Key(latin1)
}

func (c *compiler) group(name string) int32 {
	id, ok := c.names[name]
	if !ok {
		id = int32(len(c.names) + 1)
		c.names[name] = id
	}
	return id
}

// expression resolves an expression. Hints are taken out: they decide nothing.
func (c *compiler) expression(src *rules.Expression) *expression {
	e := &expression{src: src}
	for _, b := range src.Branches {
		k := branch{b.Status, c.term(b.When, e)}
		if e.branches = append(e.branches, k); k.when == nil {
			break // what holds in all other cases
		}
	}
	// Of several statuses that hold the strongest counts, in whatever order the document prints them.
	slices.SortStableFunc(e.branches, func(a, b branch) int {
		return cmp.Or(cmp.Compare(tail(a), tail(b)), cmp.Compare(strength(a.status), strength(b.status)))
	})
	e.plain = e.branches[0].when == nil
	if e.plain {
		e.branches = e.branches[:1]
	}
	return e
}

// tail is 1 for the branch without a condition, which stands last.
func tail(b branch) int {
	if b.when == nil {
		return 1
	}
	return 0
}

// strength orders statuses, the strongest first.
func strength(r rules.Requirement) int {
	switch r {
	case rules.Muss, rules.X:
		return 0
	case rules.Soll:
		return 1
	}
	return 2
}

// term resolves a term; nil if there is nothing to evaluate.
func (c *compiler) term(src *rules.Term, e *expression) *term {
	if src == nil {
		return nil
	}
	t := &term{kind: src.Kind, name: src.Name, min: src.Min, max: src.Max}
	switch src.Kind {
	case rules.TermCondition:
		t.rule = c.rule(src.Number)
		switch t.rule.kind {
		case condition.Hint:
			return nil
		case condition.Must:
			e.demands = true
		case condition.Card:
			e.cards = true
			t.count = c.counts
			c.counts++
		default:
			t.pure = true
		}
		return t
	case rules.TermMacro:
		return c.term(c.pack.Packages[src.Name], e)
	case rules.TermPackage:
		e.packages = e.packages || src.Min > 0 || src.Max >= 0
		if when := c.term(c.pack.Packages[src.Name], e); when != nil {
			t.terms = append(t.terms, when)
		}
		return t
	}
	t.pure = true
	for _, child := range src.Terms {
		if k := c.term(child, e); k != nil {
			t.terms = append(t.terms, k)
			t.pure = t.pure && k.pure
		} else if src.Kind != rules.TermAnd {
			t.terms = append(t.terms, &term{kind: rules.TermAnd}) // a branch of an alternative that always holds
			t.pure = false
		}
	}
	switch len(t.terms) {
	case 0:
		return nil
	case 1:
		return t.terms[0]
	}
	return t
}

// rule resolves a condition; one that the pack does not have counts as not translated.
func (c *compiler) rule(number int) *rule {
	if r := c.rules[number]; r != nil {
		return r
	}
	src := c.use.Overrides[number]
	if src == nil {
		src = c.pack.Rules[number]
	}
	if src == nil {
		src = &condition.Rule{Kind: condition.Open}
	}
	r := &rule{number: number, src: src, kind: src.Kind, slot: -1}
	c.rules[number] = r
	if src.Test != nil {
		r.test = c.predicate(src.Test)
		if r.test.reach < perPlace {
			r.slot = c.cached
			c.cached++
		}
		r.numeric = src.Code == "Z35" && aboutNumber(src.Test)
	}
	if src.Card != nil {
		r.card = c.cardinality(src.Card)
	}
	return r
}

// aboutNumber reports whether a test takes the value at hand for a number.
func aboutNumber(p *condition.Predicate) bool {
	for _, o := range []*condition.Operand{p.Left, p.Right} {
		if o != nil && o.Arg != nil && o.Arg.Kind == condition.Value {
			switch o.Kind {
			case condition.NumberOf, condition.Decimals, condition.Integers, condition.Digits:
				return true
			}
		}
	}
	return slices.ContainsFunc(p.Args, aboutNumber)
}
