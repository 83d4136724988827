package ahb

import (
	"bytes"

	"github.com/marktbote/marktbote/formats/condition"
)

// repetition is a demand on how often a row occurs. Repetitions of an alternative have the number of their branch: all
// of one branch must hold. Those that must hold in any case have branch 0.
type repetition struct {
	*term
	branch int
}

// repetitions checks how often a row occurs, seen from an instance of the group around it.
//
// Spec: Allgemeine Festlegungen 6.1 ch. 6 (conditions 2000-2499); APERAK AHB 1.1 Z40
func (c *Checker) repetitions(i int32, kid *row) {
	at := c.at(i, c.p.Instances[i].First)
	o := c.evaluate(kid.expr, &at, kid.source)
	if o.holds != yes {
		return
	}
	c.judged = append(c.judged[:0], c.cards...) // counting evaluates more expressions
	cards := c.judged
	if len(cards) == 0 {
		if o.status.Required() && c.count(i, kid, nil) == 0 {
			c.missing(i, kid, kid.expr) // a branch without a repetition
		}
		return
	}
	branches := 0
	for _, x := range cards {
		if branches = max(branches, x.branch); x.branch == 0 {
			c.repeats(x.term, i, kid, &at, o)
		}
	}
	if branches == 0 {
		return
	}
	for b := 1; b <= branches; b++ {
		c.trial, c.broken = true, false
		for _, x := range cards {
			if x.branch == b {
				c.repeats(x.term, i, kid, &at, o)
			}
		}
		if c.trial = false; !c.broken {
			return
		}
	}
	for _, x := range cards {
		if x.branch == 1 {
			c.repeats(x.term, i, kid, &at, o)
		}
	}
}

// repeats checks one repetition.
func (c *Checker) repeats(t *term, i int32, kid *row, at *context, o outcome) {
	k := t.rule.card
	scope := i
	switch k.Scope {
	case condition.ScopeMessage:
		scope = 0
	case condition.ScopeTransaction:
		scope = at.tx
	case condition.ScopeGroup:
		if scope = c.around(i, k.group); scope < 0 {
			scope = at.tx
		}
	}
	if k.each != nil || k.eachSel != nil {
		scope = at.tx
	}
	if !c.trial {
		if c.counted[t.count] == scope+1 {
			return // counted from another instance of the group around
		}
		c.counted[t.count] = scope + 1
	}
	if k.each != nil || k.eachSel != nil {
		c.perItem(scope, i, kid, t.rule, at, o)
		return
	}
	c.judge(c.count(scope, kid, nil), k.Min, k.Max, scope, i, kid, t.rule, o, "")
}

// judge reports a number of occurrences outside the limits.
func (c *Checker) judge(n, low, high int, scope, i int32, kid *row, r *rule, o outcome, each string) {
	switch {
	case c.trial:
		c.broken = c.broken || high >= 0 && n > high || n < low && o.status.Required()
	case high >= 0 && n > high:
		c.tooOften(scope, kid, r, high, each)
	case n < low && o.status.Required():
		c.tooRarely(i, kid, r, low, n, each)
	}
}

// perItem checks the number of occurrences for every item that a selector finds, or for every distinct value.
func (c *Checker) perItem(scope, i int32, kid *row, r *rule, at *context, o outcome) {
	k := r.card
	if k.eachSel != nil {
		start := c.find(k.eachSel, at, 0)
		items := len(c.hits) - start
		c.hits = c.hits[:start]
		high := -1
		if k.Max >= 0 {
			high = k.Max * items
		}
		c.judge(c.count(scope, kid, nil), k.Min*items, high, scope, i, kid, r, o, "")
		return
	}
	start := c.values(k.each, at)
	defer func() { c.vals = c.vals[:start] }()
	distinct := c.vals[start:start]
	for _, v := range c.vals[start:] {
		if !contains(distinct, v.text) {
			distinct = append(distinct, v)
		}
		if c.work -= len(distinct); c.work < 0 {
			return
		}
	}
	if k.own == nil {
		high := -1
		if k.Max >= 0 {
			high = k.Max * len(distinct)
		}
		c.judge(c.count(scope, kid, nil), k.Min*len(distinct), high, scope, i, kid, r, o, "")
		return
	}
	for _, v := range distinct {
		if n := c.countWith(scope, kid, k, v.text); n < k.Min || k.Max >= 0 && n > k.Max {
			c.judge(n, k.Min, k.Max, scope, i, kid, r, o, string(v.text))
		}
	}
}

func contains(list []val, text []byte) bool {
	for _, v := range list {
		if bytes.Equal(v.text, text) {
			return true
		}
	}
	return false
}

// count counts the occurrences of a row in a scope.
func (c *Checker) count(scope int32, kid *row, keep func(inst, n int32) bool) int {
	n := 0
	c.visit(scope, kid, func(inst, segment int32) bool {
		if keep == nil || keep(inst, segment) {
			n++
		}
		return true
	})
	return n
}

// countWith counts the occurrences that hold a value of their own.
func (c *Checker) countWith(scope int32, kid *row, k *cardinality, value []byte) int {
	return c.count(scope, kid, func(inst, segment int32) bool {
		at := c.at(inst, segment)
		at.base = inst
		return c.among(k.own, value, &at) && (k.where == nil || c.test(k.where, &at) == yes)
	})
}

// visit goes over the occurrences of a row in a scope as long as do returns true.
func (c *Checker) visit(scope int32, kid *row, do func(inst, segment int32) bool) {
	list, end := c.p.Instances, c.end(scope)
	if kid.group {
		for j := scope + 1; int(j) < len(list) && list[j].First < end; j++ {
			if c.work--; c.work < 0 || list[j].Node == kid.node && !do(j, list[j].First) {
				return
			}
		}
		return
	}
	for n := list[scope].First; n < end; n++ {
		if c.work--; c.work < 0 || c.p.Nodes[n-1] == kid.node && !do(c.p.Instance[n-1], n) {
			return
		}
	}
}
