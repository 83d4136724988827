package sample

import (
	"slices"
	"strings"
	"time"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats/rules"
)

// fill chooses the values of a segment: codes first, because what else belongs there depends on them.
func (g *generator) fill(it *item) {
	n := g.info(it)
	if n.Tag == edifact.UNT {
		return
	}
	p := g.plans[it.node]
	for _, codes := range []bool{true, false} {
		for e := range it.values {
			for c := range it.values[e] {
				_, comp := g.component(it, e+1, c+1)
				at := p.at(e+1, c+1)
				coded := at != nil && len(at.codes) > 0 || at == nil && g.codesOf(comp) != nil
				if coded == codes {
					g.fillPlace(it, p, at, e+1, c+1)
				}
			}
		}
	}
}

// fillPlace decides whether a data element is filled, and with what.
func (g *generator) fillPlace(it *item, p *plan, at *place, e, c int) {
	if it.pinned[[2]int{e, c}] || g.skipped(it, e) {
		return
	}
	element, comp := g.component(it, e, c)
	need := comp.Status.Required() && (element.Status.Required() || !blank(it.values[e-1], c-1))
	required, possible := g.rows(it, at, e, c)
	w := wish{it, it.node, e, c}
	now := it.get(e, c)
	switch {
	case !need && !required && !(possible && g.wanted(w)):
		if now != "" {
			g.set(it, e, c, "")
		}
		return
	case now != "" && g.grade(it, p, at, e, c, now) > 0:
		return
	}
	best, most := "", 0
	for _, value := range g.candidates(it, at, e, c) {
		if grade := g.grade(it, p, at, e, c, value); grade > most {
			if best, most = value, grade; most == good {
				break
			}
		}
	}
	if most == 0 && !need && !required {
		g.banned[w] = maxBans // nothing may stand here as things are
		best = ""
	}
	if most == 0 && (need || required) {
		best = g.strive(it, p, at, e, c)
	}
	g.set(it, e, c, best)
}

// patience is how many rounds a place may be without a good value before what it belongs to is taken out.
const patience = 4

// strive makes some value possible at a place that must be filled, by adding what its row asks for. It returns the
// value, or one that the structure at least allows: later rounds may find better.
func (g *generator) strive(it *item, p *plan, at *place, e, c int) string {
	list := g.candidates(it, at, e, c)
	if at != nil {
		for _, value := range list[:min(len(list), maxStriven)] {
			if !g.structural(it, e, c, value) {
				continue
			}
			s := g.sceneOf(it)
			s.value, s.element, s.component = value, e, c
			for _, expr := range at.exprs(value) {
				if len(expr.Branches) > 0 && g.achieve(expr.Branches[0].When, s) && g.grade(it, p, at, e, c, value) > 0 {
					return value
				}
			}
		}
		if g.fails[it]++; g.fails[it] > patience {
			g.giveUp(it)
		}
	}
	if now := it.get(e, c); now != "" && g.structural(it, e, c, now) {
		return now
	}
	for _, value := range list {
		if g.structural(it, e, c, value) {
			return value
		}
	}
	return ""
}

// maxStriven bounds the values of a place that things are added for.
const maxStriven = 12

// exprs returns the expressions that a value is under.
func (p *place) exprs(value string) []*rules.Expression {
	var list []*rules.Expression
	for _, k := range p.codes {
		if k.code == value {
			list = append(list, k.expr)
		}
	}
	if p.free != nil {
		list = append(list, p.free)
	}
	return list
}

// giveUp takes out the nearest thing around a segment that need not be there.
func (g *generator) giveUp(it *item) {
	for ; it.up != nil; it = it.up {
		if it.up.up != nil && it.up.kids[0] == it {
			continue // goes with its group
		}
		p := g.plans[it.node]
		if p == nil || slices.Contains(g.pack.Required(g.info(it.up)), it.node) {
			continue
		}
		if r := g.decide(p.row.Expr, g.sceneOf(it.up)); !r.required() {
			g.banned[wish{in: it.up, node: it.node}] = maxBans
			g.remove(it)
			return
		}
	}
}

// skipped reports whether an element is never filled: UNT is the writer's business, and no message is a part of a list.
func (g *generator) skipped(it *item, element int) bool {
	tag := g.info(it).Tag
	return tag == edifact.UNT || tag == edifact.UNH && element > 2
}

// blank reports whether all values but one are empty.
func blank(values []string, but int) bool {
	for i, v := range values {
		if i != but && v != "" {
			return false
		}
	}
	return true
}

// rows asks the rows of a place whether it must and whether it may be filled.
func (g *generator) rows(it *item, at *place, e, c int) (required, possible bool) {
	if at == nil {
		return false, false
	}
	s := g.sceneOf(it)
	s.element, s.component = e, c
	if at.free != nil {
		r := g.decide(at.free, s)
		required, possible = r.required(), r.applies != isFalse
	}
	for _, k := range at.codes {
		r := g.decide(k.expr, s)
		if at.free == nil || k.expr.Branches[0].When != nil {
			required = required || r.required()
		}
		possible = possible || r.applies != isFalse
	}
	return required, possible
}

// The grades of a value: not allowed, allowed as far as is known, good.
const (
	fair = 1
	good = 2
)

// grade judges a value for a place by structure, codes and demands.
func (g *generator) grade(it *item, p *plan, at *place, e, c int, value string) int {
	if value == "" || !g.structural(it, e, c, value) {
		return 0
	}
	if at == nil {
		return good
	}
	before := it.values[e-1][c-1]
	it.values[e-1][c-1] = value
	defer func() { it.values[e-1][c-1] = before }()

	s := g.sceneOf(it)
	s.value, s.element, s.component = value, e, c
	grade := 0
	for _, k := range at.codes {
		if k.code != value || grade > 0 {
			continue
		}
		switch r := g.decide(k.expr, s); {
		case r.applies == isFalse:
		case r.met == isFalse, g.full(it, at, value, r.packages):
			return 0
		case r.applies == isTrue && r.met != isOpen:
			grade = good
		default:
			grade = fair
		}
	}
	if grade == 0 && at.free != nil {
		switch r := g.decide(at.free, s); {
		case r.met == isFalse:
			return 0
		case r.applies == isTrue && r.met != isOpen:
			grade = good
		default:
			grade = fair
		}
	}
	if grade > 0 && !g.rowDemands(it, p) {
		return 0
	}
	return grade
}

// full reports whether a code occurs as often as its packages allow already.
func (g *generator) full(it *item, at *place, code string, packages []*rules.Term) bool {
	if len(packages) == 0 {
		return false
	}
	_, high := limits(packages)
	row, up := it.node, it.up
	if up.up != nil && up.kids[0] == it {
		row, up = up.node, up.up // the first segment counts over the occurrences of its group
	}
	return high >= 0 && g.having(g.packageScope(up, row, at), it.node, at, code) > high // the value is set for the trial
}

// rowDemands reports whether the demands of the rows of a segment and of the group that it opens are met.
func (g *generator) rowDemands(it *item, p *plan) bool {
	if p == nil || !g.demanding(p.row.Expr) {
		return g.groupDemands(it)
	}
	r := g.decide(p.row.Expr, g.sceneOf(it))
	return (r.applies == isFalse || r.met != isFalse) && g.groupDemands(it)
}

func (g *generator) groupDemands(it *item) bool {
	up := g.plans[it.up.node]
	if it.up.up == nil || up == nil || !g.demanding(up.row.Expr) {
		return true
	}
	r := g.decide(up.row.Expr, g.sceneOf(it.up))
	return r.applies == isFalse || r.met != isFalse
}

// structural reports whether the structure allows a value: code list, format, and the form of a date.
func (g *generator) structural(it *item, e, c int, value string) bool {
	_, comp := g.component(it, e, c)
	if codes := g.codesOf(comp); codes != nil {
		return slices.Contains(codes, value)
	}
	if !slices.Contains(g.pack.Codes(comp.Codes), value) && !formatted(comp.Format, value) {
		return false
	}
	if g.info(it).Tag == tagDTM && e == 1 && c == 2 {
		return dateForm(it.get(1, 3), value) && g.inOrder(it, value)
	}
	return true
}

// inOrder reports whether a value that ends an interval comes after its beginning.
func (g *generator) inOrder(it *item, value string) bool {
	from, ok := g.begin(it)
	to, readable := instant(value)
	return !ok || !readable || to.After(from)
}

var tagDTM = edifact.MakeTag("DTM")

// formatted reports whether a value has a format such as an..35 or n5. Of a number the digits count.
func formatted(f rules.Format, value string) bool {
	length := len([]rune(value))
	switch f.Kind {
	case 'n':
		whole, fraction, point := strings.Cut(strings.TrimPrefix(value, "-"), ".")
		if whole == "" || point && fraction == "" || strings.Trim(whole+fraction, digits) != "" {
			return false
		}
		length = len(whole + fraction)
	case 'a':
		if strings.ContainsAny(value, digits) {
			return false
		}
	}
	return length >= int(f.Min) && length <= int(f.Max)
}

const digits = "0123456789"

// dateLayouts are the formats of DE 2379 that are calendar times.
var dateLayouts = map[string]string{
	"102": "20060102", "203": "200601021504", "303": "200601021504-07", "304": "20060102150405-07", "602": "2006", "610": "200601",
	"401": "1504", "106": "0102",
}

// dateForm reports whether a value has the form that DE 2379 names.
//
// Spec: DE 2379, code list
func dateForm(format, value string) bool {
	if layout, ok := dateLayouts[format]; ok {
		_, err := time.Parse(layout, value)
		return err == nil && (format != "303" || len(value) == 15)
	}
	switch format {
	case "802", "803", "804":
		return len(value) <= 3 && strings.Trim(value, digits) == ""
	case "Z01":
		return len(value) == 4 && strings.Contains("TWM", value[2:3]) && strings.Trim(value[:2], digits) == ""
	case "501", "104":
		return len(value) == 8 && strings.Trim(value, digits) == "" && (format == "501") == (value[2:4] == "00")
	}
	return true
}
