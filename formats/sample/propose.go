package sample

import (
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/condition"
	"github.com/marktbote/marktbote/formats/rules"
)

// candidates returns values to try at a place: its codes, what the conditions of its rows suggest, and what is usual.
// The order is by preference; Random shuffles it.
func (g *generator) candidates(it *item, at *place, e, c int) []string {
	_, comp := g.component(it, e, c)
	if value, ok := g.fixed(it, e, c); ok {
		return []string{value}
	}
	var list []string
	if at == nil {
		list = append(list, g.codesOf(comp)...)
	} else {
		for _, k := range at.codes {
			list = append(list, k.code)
		}
	}
	if at != nil && at.free == nil && len(list) > 0 || at == nil && len(list) > 0 {
		return g.unmet(it, at, g.preferred(it, e, c, g.shuffled(list)))
	}
	var proposed []string
	if at != nil {
		s := g.sceneOf(it)
		s.element, s.component = e, c
		add := func(v string) {
			if v != "" && !slices.Contains(proposed, v) {
				proposed = append(proposed, v)
			}
		}
		rows := []*rules.Expression{at.free, g.plans[it.node].row.Expr}
		if up := g.plans[it.up.node]; up != nil {
			rows = append(rows, up.row.Expr)
		}
		for _, expr := range rows {
			if expr == nil {
				continue
			}
			for _, b := range expr.Branches {
				g.pack.Conditions(b.When, func(number int) {
					if r := g.rule(number); r.Test != nil {
						g.propose(it, r.Test, s, add)
					}
				})
			}
		}
	}
	if g.shuffles() {
		proposed = g.shuffled(proposed)
	}
	usual := g.usual(it, comp, e, c)
	if g.info(it).Tag == tagDTM {
		return append(append(usual, proposed...), list...)
	}
	return append(append(proposed, list...), usual...)
}

// shuffled returns a list in the order that the seed decides; in other variants as it is.
func (g *generator) shuffled(list []string) []string {
	if !g.shuffles() {
		return list
	}
	out := append([]string(nil), list...)
	g.rng.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

// preferred puts the agency of the MP-IDs and the zone-less simple formats of dates first.
func (g *generator) preferred(it *item, e, c int, list []string) []string {
	first := ""
	switch _, comp := g.component(it, e, c); comp.ID {
	case "3055":
		if slices.Contains(list, g.agency) {
			first = g.agency
		}
	case "2379":
		for _, f := range []string{"303", "102"} {
			if first == "" && slices.Contains(list, f) && !g.shuffles() {
				first = f
			}
		}
	}
	if first == "" {
		return list
	}
	return append([]string{first}, list...)
}

// unmet puts codes first that must occur and do not yet.
func (g *generator) unmet(it *item, at *place, list []string) []string {
	if at == nil {
		return list
	}
	var first []string
	for _, c := range at.codes {
		r := g.decide(c.expr, g.sceneOf(it))
		if r.applies == isFalse || len(r.packages) == 0 {
			continue
		}
		row, up := it.node, it.up
		if up.up != nil && up.kids[0] == it {
			row, up = up.node, up.up
		}
		if low, _ := limits(r.packages); low > 0 && g.having(g.packageScope(up, row, at), it.node, at, c.code) < low {
			first = append(first, c.code)
		}
	}
	return append(first, list...)
}

// fixed returns the values that belong to the message as a whole.
func (g *generator) fixed(it *item, e, c int) (string, bool) {
	switch n := g.info(it); {
	case n.Tag == edifact.UNH && e == 1:
		return "1", true
	case n.Tag == edifact.MakeTag("NAD") && e == 2 && c == 1 && it.get(1, 1) == "MS":
		return g.sender, true
	case n.Tag == edifact.MakeTag("NAD") && e == 2 && c == 1 && it.get(1, 1) == "MR":
		return g.receiver, true
	case n.Tag == tagDTM && e == 1 && c == 2 && it.up == g.root && it.get(1, 1) == "137":
		return g.date(it, g.opts.At), true
	case n.Tag == edifact.MakeTag("RFF") && e == 1 && c == 2 && it.get(1, 1) == "Z13":
		return g.use.Pruefidentifikator, true
	}
	return "", false
}

// propose collects values that would make a predicate true at a place.
func (g *generator) propose(it *item, p *condition.Predicate, s scene, add func(string)) {
	for _, a := range p.Args {
		g.propose(it, a, s, add)
	}
	switch p.Op {
	case condition.Compare:
		g.proposeFor(it, p.Left, p.Right, p.Cmp, s, add)
		g.proposeFor(it, p.Right, p.Left, p.Cmp, s, add)
	case condition.Like:
		if p.Left.Kind == condition.Value {
			add(strings.NewReplacer(string(rune(condition.Wild)), "a", string(rune(condition.WildDigit)), "1").Replace(p.Text))
		}
	case condition.Format:
		g.identifiers(p.Text, g.info(it).Tag == tagLOC, add)
	case condition.List:
		if p.Left.Kind == condition.Value && g.lists != nil {
			for _, v := range g.lists.Examples(p.Text, g.use.Pruefidentifikator, maxExamples) {
				add(v)
			}
		}
	case condition.Cluster:
		if (p.Left.Kind == condition.Value || here(p.Left, s)) && g.lists != nil {
			for _, ebd := range g.values(p.Right, s) {
				for _, v := range g.lists.Answers(p.Text, ebd.text) {
					add(v)
				}
			}
		}
	case condition.Same:
		for _, v := range g.values(p.Left, s) {
			add(v.text)
		}
	case condition.Exists, condition.Count:
		g.proposeRef(p.Sel, s, add)
	}
}

var tagLOC = edifact.MakeTag("LOC")

// maxExamples bounds the members of a code list that are tried.
const maxExamples = 400

// proposeFor collects what one side of a comparison would have to be, if it is about the value.
func (g *generator) proposeFor(it *item, side, other *condition.Operand, cmp condition.Cmp, s scene, add func(string)) {
	chain := side
	for chain.Arg != nil {
		chain = chain.Arg
	}
	if chain.Kind != condition.Value && chain.Kind != condition.Ref {
		return
	}
	for _, w := range g.values(other, s) {
		if w.bad {
			continue
		}
		switch {
		case !w.at.IsZero():
			for _, d := range []time.Duration{0, time.Minute, -time.Minute, time.Hour, -time.Hour, 24 * time.Hour, -24 * time.Hour} {
				t := w.at.Add(d)
				y, m, day := inBerlin(t).Date()
				add(g.date(it, t))
				add(g.date(it, time.Date(y, m, day, 0, 0, 0, 0, formats.Berlin)))
				add(g.date(it, time.Date(y, m, day+1, 0, 0, 0, 0, formats.Berlin)))
			}
		case w.num != nil && side.Kind == condition.Decimals:
			n, _ := w.num.Float64()
			add("1." + strings.Repeat("5", max(1, int(n))))
			add("1")
		case w.num != nil && side.Kind == condition.Length:
			n, _ := w.num.Float64()
			add(strings.Repeat("1", int(n)))
		case w.num != nil:
			add(printed(w.num, 0))
			for _, d := range []int64{1, -1} {
				add(printed(new(big.Rat).Add(w.num, big.NewRat(d, 1)), 0))
				add(printed(new(big.Rat).Add(w.num, big.NewRat(d, 100)), 2))
			}
			add(printed(new(big.Rat).Neg(w.num), 0))
		case side.Kind == condition.Year:
			g.yearOf(it, w.text, add)
		case cmp == condition.Equal && (side.Kind == condition.Value || here(side, s)):
			add(w.text)
		case cmp == condition.Equal && side.Kind == condition.After:
			add("1" + side.Text + w.text)
		case cmp == condition.Equal && side.Kind == condition.Before:
			add(w.text + side.Text + "1")
		}
	}
}

// here reports whether an operand is the data element at hand, named by its place.
func here(o *condition.Operand, s scene) bool {
	return o.Kind == condition.Ref && o.Sel.Scope == condition.ScopeSelf && o.Element == s.element && o.Component == s.component
}

// yearOf proposes the beginning and the end of a year and of those around it.
func (g *generator) yearOf(it *item, text string, add func(string)) {
	for d := -1; d <= 2; d++ {
		if y, err := time.Parse("2006", text); err == nil {
			t := time.Date(y.Year()+d, 1, 1, 0, 0, 0, 0, formats.Berlin)
			add(g.date(it, t))
			add(g.date(it, t.Add(6*time.Hour)))
		}
	}
}

// proposeRef collects the values that a selector compares with the value: it must lead to a segment that has it.
func (g *generator) proposeRef(sel *condition.Selector, s scene, add func(string)) {
	for i := range sel.Steps {
		if w := sel.Steps[i].Where; w != nil {
			g.propose(s.self, w, s, add)
		}
	}
	if len(sel.Steps) == 0 || sel.Steps[len(sel.Steps)-1].Segment == nil {
		return
	}
	pattern := sel.Steps[len(sel.Steps)-1].Segment
	for e, components := range pattern.Elements {
		for c := range components {
			for _, a := range components[c].Alts {
				if a.Ref == nil || a.Ref.Kind != condition.Value {
					continue
				}
				for _, seg := range g.segments(pattern.Tag) {
					add(seg.get(e+1, c+1))
				}
			}
		}
	}
}

// date prints an instant as the DTM at hand wants it.
func (g *generator) date(it *item, t time.Time) string {
	switch format := it.get(1, 3); format {
	case "303", "304", "203":
		return t.UTC().Format(dateLayouts[format])
	default:
		if layout, ok := dateLayouts[format]; ok {
			return inBerlin(t).Format(layout)
		}
	}
	return ""
}
