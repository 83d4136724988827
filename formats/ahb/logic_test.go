package ahb_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/marktbote/marktbote/formats/rules"
)

// NOTE: Properties of the three-valued logic over random expressions. Their conditions are facts of five keys, a to e:
//
//	1 to 5      premises, one for each key
//	11 to 14    premises that join several keys
//	901 to 905  demands, one for each key
//	500         a hint

const keys = "abcde"

var logicRules = func() []string {
	list := []string{"condition 500 hint", "package UB1 [1]∧[901]", "package UB2 [2]⊻[3]",
		"condition 11 if external(a) and not external(b)", "condition 12 if external(c) or external(d) and external(e)",
		"condition 13 if not (external(a) or external(e))", "condition 14 if not not external(b) or false"}
	for i, key := range strings.Split(keys, "") {
		list = append(list, fmt.Sprintf("condition %d external %s", i+1, key), fmt.Sprintf("condition %d external must Z35 %s", i+901, key))
	}
	return list
}()

// genTerm draws a term in one of the notations, at most deep levels high.
func genTerm(t *rapid.T, deep int) string {
	if deep == 0 || rapid.IntRange(0, 3).Draw(t, "leaf") == 0 {
		return "[" + rapid.SampledFrom([]string{"1", "2", "3", "4", "5", "11", "12", "13", "14", "901", "902", "903", "904", "905", "500", "UB1", "UB2"}).Draw(t, "condition") + "]"
	}
	joint := rapid.SampledFrom([]string{"∧", "∨", "⊻", "U", "O", ""}).Draw(t, "joint")
	var parts []string
	for range rapid.IntRange(2, 3).Draw(t, "parts") {
		parts = append(parts, genTerm(t, deep-1))
	}
	return "(" + strings.Join(parts, joint) + ")"
}

func genExpression(t *rapid.T) string {
	var b strings.Builder
	for range rapid.IntRange(1, 3).Draw(t, "branches") {
		b.WriteString(rapid.SampledFrom([]string{"Muss", "Soll", "Kann", "X"}).Draw(t, "status"))
		if rapid.IntRange(0, 5).Draw(t, "conditional") > 0 {
			b.WriteString(genTerm(t, 3))
		}
	}
	return b.String()
}

// logicColumn has one expression at a segment that is missing, at a value that is missing, at one that is there, and at a
// code that is there.
func logicColumn(expression string) mini {
	return mini{rules: logicRules, rows: []string{
		"s 00002 Muss", "c 1.1 X A", "c 1.1 " + expression + " B", "d 2.1 " + expression, "s 00003 " + expression,
		"s 00004 Muss", "d 2.1 " + expression,
	}}
}

const logicSegments = "BGM+B+1'FTX+AAA'"

// resolutions calls visit with every way to know what is not known.
func resolutions(known facts, visit func(facts)) {
	for key := range strings.SplitSeq(keys, "") {
		if _, ok := known[key]; ok {
			continue
		}
		for _, answer := range []bool{true, false} {
			more := facts{key: answer}
			maps.Copy(more, known)
			resolutions(more, visit)
		}
		return
	}
	visit(known)
}

// place is what a finding is about, without its code and conditions: they depend on why it was made.
func place(finding string) string { return strings.Fields(finding)[1] }

// TestUnknownIsNoFinding: a finding that is made although something is not known is one whatever the answer would be. So
// what is unknown never leads to a finding.
func TestUnknownIsNoFinding(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		expression := genExpression(rt)
		known := facts{}
		for key := range strings.SplitSeq(keys, "") {
			switch rapid.IntRange(0, 2).Draw(rt, key) {
			case 0:
				known[key] = true
			case 1:
				known[key] = false
			}
		}
		x := judgement{pack: logicColumn(expression).pack(t), segments: logicSegments, facts: known}
		v := x.run(t)
		if len(known) == len(keys) && (v.External != 0 || v.NotCompiled != 0) {
			rt.Fatalf("%s: everything is known, but %+v", expression, v.Coverage)
		}
		resolutions(known, func(all facts) {
			x.facts = all
			there := map[string]bool{}
			for _, f := range x.run(t).Findings {
				there[place(f)] = true
			}
			for _, f := range v.Findings {
				if !there[place(f)] {
					rt.Fatalf("%s with %v: %s, but not with %v", expression, known, f, all)
				}
			}
		})
	})
}

// oracle is the meaning of an expression where everything is known, written from the documentation of the package.
type oracle struct {
	pack  *rules.Pack
	holds func(number int) bool
}

// term returns whether there are premises and whether they hold, whether the demands are met, and whether there is
// nothing but premises. A hint is nothing at all.
func (o oracle) term(t *rules.Term) (premises, holds, met, pure, hint bool) {
	switch t.Kind {
	case rules.TermCondition:
		switch {
		case t.Number == 500:
			return false, true, true, false, true
		case t.Number > 900:
			return false, true, o.holds(t.Number), false, false
		}
		return true, o.holds(t.Number), true, true, false
	case rules.TermMacro:
		return o.term(o.pack.Packages[t.Name])
	}
	type child struct{ premises, holds, met, pure bool }
	var kids []child
	for _, k := range t.Terms {
		var x child
		var empty bool
		if x.premises, x.holds, x.met, x.pure, empty = o.term(k); !empty || t.Kind != rules.TermAnd {
			kids = append(kids, x)
		}
	}
	switch {
	case len(kids) == 0:
		return false, true, true, false, true
	case len(kids) == 1:
		return kids[0].premises, kids[0].holds, kids[0].met, kids[0].pure, false
	}
	pure, holds, met = true, true, true
	active := 0
	anyMet := false
	for _, k := range kids {
		premises, pure = premises || k.premises, pure && k.pure
		holds, met = holds && k.holds, met && k.met
		if k.holds {
			active++
			anyMet = anyMet || k.met
		}
	}
	if t.Kind == rules.TermAnd {
		return premises, holds, met, pure, false
	}
	holds = active > 0
	if pure && t.Kind == rules.TermXor {
		holds = active == 1
	}
	return true, holds, anyMet || pure, pure, false
}

// expression returns the status that counts, the strongest of those that hold, and whether its demands are met; ok is
// false if no branch holds. A branch without conditions is for all other cases.
func (o oracle) expression(e *rules.Expression) (status rules.Requirement, met, ok bool) {
	strength := map[rules.Requirement]int{rules.Muss: 3, rules.X: 3, rules.Soll: 2, rules.Kann: 1}
	for _, b := range e.Branches {
		holds, demands, always := true, true, b.When == nil
		if !always {
			_, holds, demands, _, always = o.term(b.When) // a hint is no condition
		}
		if always {
			if !ok {
				return b.Status, true, true
			}
			break
		}
		if holds && (!ok || strength[b.Status] > strength[status]) {
			status, met, ok = b.Status, demands, true
		}
	}
	return status, met, ok
}

// TestKnownExpressions: where everything is known, findings are those that the documentation of the package leads to.
func TestKnownExpressions(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		text := genExpression(rt)
		all := facts{}
		for key := range strings.SplitSeq(keys, "") {
			all[key] = rapid.Bool().Draw(rt, key)
		}
		p := logicColumn(text).pack(t)
		o := oracle{p, func(n int) bool {
			switch n {
			case 11:
				return all["a"] && !all["b"]
			case 12:
				return all["c"] || all["d"] && all["e"]
			case 13:
				return !(all["a"] || all["e"])
			case 14:
				return all["b"]
			}
			return all[keys[n%100-1:n%100]]
		}}
		e, err := rules.ParseExpression(text)
		if err != nil {
			rt.Fatal(err)
		}
		status, met, ok := o.expression(e)
		want := map[string]bool{
			"FTX[1]": ok && status.Required(), // the value that is missing
			"DTM":    ok && status.Required(), // the segment that is missing
			"BGM[1]": !ok || !met,             // the code is refused, or it or the value beside it breaks a demand
		}
		got := map[string]bool{}
		for _, f := range (judgement{pack: p, segments: logicSegments, facts: all}).run(t).Findings {
			got[place(f)] = true
		}
		for _, where := range []string{"FTX[1]", "DTM", "BGM[1]"} {
			if got[where] != want[where] {
				rt.Fatalf("%s with %v: finding at %s: %v, want %v", text, all, where, got[where], want[where])
			}
		}
	})
}
