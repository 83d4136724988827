package ahb

import (
	"github.com/marktbote/marktbote/formats/condition"
	"github.com/marktbote/marktbote/formats/rules"
)

// truth is an outcome. none is that of a part without anything of the kind asked for: no premise, or no demand.
type truth uint8

const (
	no truth = iota
	yes
	unknown
	none
)

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

func (t truth) not() truth {
	switch t {
	case yes:
		return no
	case no:
		return yes
	}
	return t
}

// both joins by and, leaving out what has nothing to say.
func both(a, b truth) truth {
	switch {
	case a == none:
		return b
	case b == none:
		return a
	case a == no || b == no:
		return no
	case a == unknown || b == unknown:
		return unknown
	}
	return yes
}

// context is the place that an expression or condition is asked at.
type context struct {
	self  int32 // segment, from 1; 0 if there is none
	inst  int32 // group instance
	tx    int32 // instance of the transaction, 0 for the message
	base  int32 // where selectors without a scope begin
	value []byte
	// Where value stands, counted as in edifact.
	element, component int
}

// at returns the context of an instance, with a segment or without.
func (c *Checker) at(inst, self int32) (at context) {
	at.self, at.inst = self, inst
	if !c.in.Whole {
		at.tx = c.transactionOf(inst)
		at.base = at.tx
	}
	return at
}

// transactionOf returns the instance of the transaction that an instance is part of, 0 for the head of the message.
func (c *Checker) transactionOf(inst int32) int32 {
	list, first := c.p.Instances, int32(c.in.First)
	for inst > 0 && list[inst].Parent > 0 && list[list[inst].Parent].First >= first {
		inst = list[inst].Parent
	}
	if list[inst].First < first {
		return 0
	}
	return inst
}

// outcome is what an expression says at a place.
type outcome struct {
	holds  truth // whether a branch holds: yes, no or unknown
	status rules.Requirement
	demand truth // whether its demands are met; none if it has none
}

// evaluate finds the branch that holds; of several the strongest, which stand first. The packages and repetitions of it
// are left in c.pkgs and c.cards, the demands that were not met in c.failed, the premises by their outcome in c.held
// and c.refused.
func (c *Checker) evaluate(e *expression, at *context, source int32) outcome {
	c.pkgs, c.cards, c.failed, c.saw = c.pkgs[:0], c.cards[:0], c.failed[:0], 0
	c.held, c.refused = c.held[:0], c.refused[:0]
	open, required, optional := false, false, false // some branch before may hold, with which duties
	for i := range e.branches {
		b := &e.branches[i]
		premise, demand := none, none
		if b.when != nil {
			if premise, demand = c.term(b.when, at); premise == unknown || demand == unknown {
				c.marks[source] |= c.saw
			}
		}
		holds := premise == yes || premise == none
		if holds && !open {
			return outcome{yes, b.status, demand}
		}
		c.pkgs, c.cards, c.failed, c.held = c.pkgs[:0], c.cards[:0], c.failed[:0], c.held[:0]
		switch {
		case premise == unknown:
			open, required, optional = true, required || b.status.Required(), optional || !b.status.Required()
		case holds && (b.status.Required() && optional || !b.status.Required() && required):
			return outcome{unknown, b.status, none} // another duty may hold instead
		case holds:
			return outcome{yes, b.status, none} // the duty is certain, what goes with it is not
		}
	}
	if open {
		return outcome{holds: unknown}
	}
	return outcome{holds: no}
}

// term evaluates a term: its premises and its demands.
func (c *Checker) term(t *term, at *context) (premise, demand truth) {
	switch t.kind {
	case rules.TermCondition:
		return c.leaf(t, at)
	case rules.TermPackage:
		premise = none
		if len(t.terms) > 0 {
			premise, demand = c.term(t.terms[0], at)
		} else {
			demand = none
		}
		if premise != no {
			c.pkgs = append(c.pkgs, t)
		}
		return premise, demand
	case rules.TermAnd:
		premise, demand = none, none
		for _, k := range t.terms {
			p, d := c.term(k, at)
			premise, demand = both(premise, p), both(demand, d)
			if premise == no {
				return no, none
			}
		}
		return premise, demand
	}
	return c.alternative(t, at)
}

func (c *Checker) leaf(t *term, at *context) (premise, demand truth) {
	r := t.rule
	switch r.kind {
	case condition.If:
		out := c.ask(r, at)
		switch out {
		case yes:
			c.held = append(c.held, r)
		case no:
			c.refused = append(c.refused, r)
		}
		return out, none
	case condition.Must:
		out := c.ask(r, at)
		if out == unknown && r.numeric && len(at.value) > 0 && !isDecimal(at.value, c.svc.Decimal) {
			out = no // a demand on a number, and the value is none
		}
		if out == no {
			c.failed = append(c.failed, r)
		}
		return none, out
	case condition.Card:
		c.cards = append(c.cards, repetition{t, 0})
		return none, none
	}
	c.saw |= sawOpen
	return unknown, none
}

// alternative evaluates or and xor. Premises alone follow logic; where demands are involved, an active branch that
// meets its demands is enough.
func (c *Checker) alternative(t *term, at *context) (premise, demand truth) {
	held, open, met := 0, 0, no
	failed, start, choices := len(c.failed), len(c.cards), 0
	for _, k := range t.terms {
		pkgs, cards, demands := len(c.pkgs), len(c.cards), len(c.failed)
		p, d := c.term(k, at)
		if p == no || p == unknown { // what else the branch says does not apply, or not for certain
			c.pkgs, c.cards, c.failed = c.pkgs[:pkgs], c.cards[:cards], c.failed[:demands]
		}
		switch p {
		case no:
			continue
		case unknown:
			open++
			if met == no {
				met = unknown
			}
			continue
		}
		held++
		if len(c.cards) > cards {
			choices++
			for i := range c.cards[cards:] {
				c.cards[cards+i].branch = choices
			}
		}
		switch {
		case d == none || d == yes:
			met = yes
		case d == unknown && met == no:
			met = unknown
		}
	}
	if met != no {
		c.failed = c.failed[:failed]
	}
	if choices == 1 { // nothing to choose between
		for i := range c.cards[start:] {
			c.cards[start+i].branch = 0
		}
	}
	switch {
	case t.kind == rules.TermXor && t.pure && held > 1:
		return no, none
	case held == 0 && open == 0:
		return no, none
	case held == 0, t.kind == rules.TermXor && t.pure && open > 0:
		return unknown, none
	case t.pure:
		return yes, none
	}
	return yes, met
}

// ask evaluates the predicate of a condition.
func (c *Checker) ask(r *rule, at *context) truth {
	if r.src.External {
		return c.fact(r.src.Key)
	}
	if r.slot < 0 {
		return c.test(r.test, at)
	}
	slot, asker := &c.cache[r.slot], at.tx
	if r.test.reach == perInstance {
		asker = at.inst
	}
	if slot.asker != asker+1 {
		saw := c.saw
		c.saw = 0
		slot.out = c.test(r.test, at)
		slot.asker, slot.saw = asker+1, c.saw
		c.saw = saw
	}
	if slot.out == unknown {
		c.saw |= slot.saw
	}
	return slot.out
}

// cached is an outcome, or the values of an operand, that is needed more than once.
type cached struct {
	asker int32 // instance of the transaction, or the one asked from, + 1
	out   truth
	saw   uint8
	vals  []val
	hits  []hit
}

// fact asks what nothing in the message can answer.
func (c *Checker) fact(key string) truth {
	if c.Facts != nil {
		holds, known := c.Facts.Fact(key, Subject{c.in.UseCase.Pruefidentifikator, c.in.Number, c.partners().sender.id, c.partners().receiver.id})
		if known {
			return truthOf(holds)
		}
	}
	c.saw |= sawExternal
	return unknown
}
