package sample

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats/condition"
	"github.com/marktbote/marktbote/formats/rules"
)

// Fault is what is wrong in a message that was valid before.
type Fault string

// The faults.
const (
	Dropped     Fault = "required row taken out"
	Conditional Fault = "row taken out whose condition holds"
	ForeignCode Fault = "code of another use case"
	UnknownCode Fault = "code that the structure does not have"
	TooLong     Fault = "value longer than its format"
	Repeated    Fault = "segment or group once too often for the structure"
	Surplus     Fault = "row once too often for its repetition or package"
	Broken      Fault = "demand of a condition not met"
)

// Mutation is one fault in one message.
type Mutation struct {
	Fault Fault
	Place string   // where, for people
	Wire  []string // the codes one of which the acknowledgement must have, of DE 0085 or DE 9321
}

// maxMutants bounds the mutants of one kind of one message.
const maxMutants = 12

// Mutants generates a message as Generate does and then every fault that it can have, at most a dozen of a kind, and
// hands the interchanges to yield.
//
// Spec: CONTRL MIG 2.0b, DE 0085; APERAK AHB 1.1 2.1.2
func Mutants(pack *rules.Pack, pruefidentifikator string, o Options, yield func(m Mutation, file []byte) error) error {
	o.Messages = 1
	g, err := open(pack, pruefidentifikator, o)
	if err != nil {
		return err
	}
	valid, err := g.message()
	if err != nil {
		return fmt.Errorf("sample: %s %s: %w", pack.FormatVersion, pruefidentifikator, err)
	}
	count := map[Fault]int{}
	n := 0
	valid.below(func(*item) { n++ })
	for _, i := range g.rng.Perm(n) {
		for _, x := range []mutator{drop, foreign, unknown, stretch, repeat, surplus, breakDemand} {
			g.root = valid.clone(nil)
			it := g.root.nth(i)
			m, ok := x(g, it)
			if !ok || count[m.Fault] >= maxMutants {
				continue
			}
			count[m.Fault]++
			n := g.info(it)
			m.Place = fmt.Sprintf("%s %s %s %s", n.Group, n.Tag, n.Nr, m.Place)
			var buf bytes.Buffer
			if err := g.interchange(&buf, g.root); err != nil {
				return err
			}
			if err := yield(m, buf.Bytes()); err != nil {
				return err
			}
		}
	}
	return nil
}

// mutator makes one fault at an item; false if it cannot.
type mutator func(g *generator, it *item) (Mutation, bool)

func (it *item) clone(up *item) *item {
	c := &item{node: it.node, up: up, pinned: it.pinned, forced: it.forced}
	for _, v := range it.values {
		c.values = append(c.values, slices.Clone(v))
	}
	for _, k := range it.kids {
		c.kids = append(c.kids, k.clone(c))
	}
	return c
}

// nth returns the item with that number in the order of the message.
func (it *item) nth(n int) (found *item) {
	it.below(func(k *item) {
		if n == 0 {
			found = k
		}
		n--
	})
	return found
}

// opensGroup reports whether a segment is the first of its group.
func (it *item) opensGroup() bool { return it.up.up != nil && it.up.kids[0] == it }

// framing reports whether a segment belongs to the frame of the message, or tells what the message is.
func (g *generator) framing(it *item) bool {
	switch g.info(it).Tag {
	case edifact.UNH, edifact.UNT, edifact.MakeTag("BGM"), edifact.MakeTag("UNS"), edifact.MakeTag("UCI"):
		return true
	case edifact.MakeTag("RFF"):
		return it.get(1, 1) == "Z13" || g.info(it).IsGroup && it.kids[0].get(1, 1) == "Z13"
	}
	return false
}

// identifies reports whether the Pruefidentifikator stands in an item: without it there is no column to check against.
func (g *generator) identifies(it *item) bool {
	found := false
	it.below(func(k *item) { found = found || g.info(k).Tag == edifact.MakeTag("RFF") && k.get(1, 1) == "Z13" })
	return found
}

// transactional reports whether an item is, or opens, a Geschaeftsvorfall of its own.
func (g *generator) transactional(it *item) bool {
	return g.transaction(it) == it || it.opensGroup() && g.transaction(it.up) == it.up
}

func drop(g *generator, it *item) (Mutation, bool) {
	p := g.plans[it.node]
	if p == nil || it.opensGroup() || g.framing(it) || g.transactional(it) || len(it.up.instances(it.node)) > 1 {
		return Mutation{}, false
	}
	m := Mutation{Fault: Dropped, Wire: []string{"Z29"}}
	if g.identifies(it) || slices.Contains(g.pack.Required(g.info(it.up)), it.node) {
		m.Wire = []string{"13"}
	}
	up := it.up
	g.remove(it)
	r := g.decide(p.row.Expr, g.sceneOf(up)) // without it
	if p.row.Expr.Branches[0].When != nil {
		m.Fault = Conditional
	}
	for _, k := range r.cards {
		if k.Min < 1 || k.Each != nil || k.EachSel != nil {
			return m, false
		}
	}
	return m, r.required()
}

// coded returns a place of a segment that has codes, and whether the structure tells the segment by it.
func (g *generator) coded(it *item) (at *place, tells bool) {
	p := g.plans[it.node]
	if p == nil || g.info(it).IsGroup {
		return nil, false
	}
	var list []*place
	for i := range p.places {
		if at := &p.places[i]; len(at.codes) > 0 && at.free == nil && it.get(at.element, at.component) != "" {
			list = append(list, at)
		}
	}
	if len(list) == 0 {
		return nil, false
	}
	at = list[g.rng.IntN(len(list))]
	node := it.node
	if it.opensGroup() {
		node = it.up.node
	}
	for _, t := range g.pack.Tests(&g.pack.Nodes[node]) {
		if int(t.Element) == at.element+1 && int(t.Component) == at.component {
			return at, true
		}
	}
	return at, false
}

func foreign(g *generator, it *item) (Mutation, bool) {
	at, tells := g.coded(it)
	if at == nil || tells || g.framing(it) {
		return Mutation{}, false
	}
	_, comp := g.component(it, at.element, at.component)
	for _, code := range g.pack.Codes(comp.Codes) {
		if !slices.ContainsFunc(at.codes, func(c choice) bool { return c.code == code }) {
			it.values[at.element-1][at.component-1] = code
			m := Mutation{Fault: ForeignCode, Place: code, Wire: []string{"Z39"}}
			if g.info(it).Tag == tagDTM && at.component == 3 && !dateForm(code, it.get(1, 2)) {
				m.Wire = []string{"12"} // the value does not have the form that the code names
			}
			return m, true
		}
	}
	return Mutation{}, false
}

func unknown(g *generator, it *item) (Mutation, bool) {
	at, _ := g.coded(it)
	if at == nil || g.framing(it) {
		return Mutation{}, false
	}
	_, comp := g.component(it, at.element, at.component)
	codes := g.codesOf(comp)
	for _, code := range []string{"QQ9", "QQ", "Q", "987", "98", "9"} {
		if codes != nil && formatted(comp.Format, code) && !slices.Contains(codes, code) {
			it.values[at.element-1][at.component-1] = code
			return Mutation{Fault: UnknownCode, Place: code, Wire: []string{"12"}}, true
		}
	}
	return Mutation{}, false
}

func stretch(g *generator, it *item) (Mutation, bool) {
	if g.framing(it) {
		return Mutation{}, false
	}
	for _, e := range g.rng.Perm(len(it.values)) {
		for c := range it.values[e] {
			_, comp := g.component(it, e+1, c+1)
			if v := it.values[e][c]; v == "" || comp.Codes.Len() > 0 || comp.Format.Kind == 'a' {
				continue
			}
			it.values[e][c] = strings.Repeat("9", int(comp.Format.Max)+1)
			return Mutation{Fault: TooLong, Place: comp.ID, Wire: []string{"39"}}, true
		}
	}
	return Mutation{}, false
}

func repeat(g *generator, it *item) (Mutation, bool) {
	n := g.info(it)
	if it.opensGroup() || g.framing(it) || n.Max > 9 || g.transactional(it) {
		return Mutation{}, false
	}
	m := Mutation{Fault: Repeated, Wire: []string{"35"}}
	if n.IsGroup {
		m.Wire = []string{"36"}
	}
	for len(it.up.instances(it.node)) <= int(n.Max) {
		g.again(it)
	}
	return m, true
}

// again puts a copy behind an item.
func (g *generator) again(it *item) *item {
	c := it.clone(it.up)
	i := slices.Index(it.up.kids, it)
	it.up.kids = slices.Insert(it.up.kids, i+1, c)
	return c
}

func surplus(g *generator, it *item) (Mutation, bool) {
	p, n := g.plans[it.node], g.info(it)
	if p == nil || it.opensGroup() || g.framing(it) || g.transactional(it) || int(n.Max) <= len(it.up.instances(it.node)) {
		return Mutation{}, false
	}
	g.again(it)
	r := g.decide(p.row.Expr, g.sceneOf(it.up))
	if r.applies != isTrue || len(r.cards) != 1 || r.cards[0].Max < 0 || r.cards[0].Each != nil || r.cards[0].EachSel != nil {
		return Mutation{}, false
	}
	k, scope := r.cards[0], g.transaction(it.up)
	switch k.Scope {
	case condition.ScopeMessage:
		scope = g.root
	case condition.ScopeGroup:
		if scope = g.around(it.up, k.Group); scope == nil {
			return Mutation{}, false
		}
	}
	have := 0
	scope.below(func(x *item) {
		if x.node == it.node {
			have++
		}
	})
	return Mutation{Fault: Surplus, Wire: []string{"Z40"}}, have > k.Max
}

// wrongs are values that break demands on form, number and time.
var wrongs = []string{"-7", "0", "0.1234567890123", "123456789.5", "1", "99", "ABC", "12345678901", "DE000562668020O6G56M11SN51G21M24S", "+49-30",
	"nobody", "E1234848430", "202611092217+00", "202611092200+01", "203611092300+00", "200011092300+00", "20361109", "0a"}

func breakDemand(g *generator, it *item) (Mutation, bool) {
	p := g.plans[it.node]
	if p == nil || g.info(it).IsGroup || g.framing(it) || len(p.places) == 0 {
		return Mutation{}, false
	}
	for _, i := range g.rng.Perm(len(p.places)) {
		at := &p.places[i]
		if at.free == nil || !g.demanding(at.free) || it.get(at.element, at.component) == "" {
			continue
		}
		for _, value := range wrongs {
			s := g.sceneOf(it)
			s.value, s.element, s.component = value, at.element, at.component
			if !g.structural(it, at.element, at.component, value) {
				continue
			}
			it.values[at.element-1][at.component-1] = value
			if r := g.decide(at.free, s); r.applies == isTrue && r.met == isFalse {
				return Mutation{Fault: Broken, Place: value, Wire: g.violated(at.free, s)}, true
			}
		}
		return Mutation{}, false
	}
	return Mutation{}, false
}

// violated returns the codes of the demands of an expression that are not met.
func (g *generator) violated(e *rules.Expression, s scene) []string {
	var list []string
	for _, b := range e.Branches {
		g.pack.Conditions(b.When, func(number int) {
			if r := g.rule(number); r.Kind == condition.Must && !r.External && g.holds(r.Test, s) == isFalse {
				list = append(list, r.Code)
			}
		})
	}
	return list
}
