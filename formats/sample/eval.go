package sample

import (
	"slices"
	"strings"

	"github.com/marktbote/marktbote/formats/condition"
	"github.com/marktbote/marktbote/formats/ident"
	"github.com/marktbote/marktbote/formats/rules"
)

// truth is an outcome: false, true, or open where the message does not tell. silent is that of an expression without a
// part of the kind asked for.
type truth int

const (
	isFalse truth = iota
	isTrue
	isOpen
	silent
)

func asTruth(b bool) truth {
	if b {
		return isTrue
	}
	return isFalse
}

// all joins by and.
func all(list ...truth) truth {
	out := silent
	for _, t := range list {
		switch {
		case t == isFalse:
			return isFalse
		case t == isOpen:
			out = isOpen
		case t == isTrue && out == silent:
			out = isTrue
		}
	}
	return out
}

// scene is where something is asked: at a segment or group instance, perhaps about a value of it.
type scene struct {
	self *item // segment
	inst *item // group instance
	base *item // where selectors without a scope begin
	// value is the data element asked about, with its place in self.
	value              string
	element, component int
}

// sceneOf returns the scene of a segment or of a group instance, with its first segment.
func (g *generator) sceneOf(it *item) scene {
	s := scene{self: it, inst: it.up}
	if g.info(it).IsGroup {
		s.inst, s.self = it, nil
		if len(it.kids) > 0 {
			s.self = it.kids[0]
		}
	}
	s.base = g.transaction(s.inst)
	return s
}

// ruling is what an expression says in a scene.
type ruling struct {
	status   rules.Requirement
	applies  truth // whether a branch holds
	met      truth // whether the demands of it are met
	packages []*rules.Term
	cards    []*condition.Cardinality
}

func (r *ruling) required() bool { return r.applies == isTrue && r.status.Required() }

// rule returns the meaning of a condition in this use case.
func (g *generator) rule(number int) *condition.Rule {
	if r := g.use.Overrides[number]; r != nil {
		return r
	}
	if r := g.pack.Rules[number]; r != nil {
		return r
	}
	return &condition.Rule{Kind: condition.Open}
}

// decide evaluates an expression: of the branches whose premises hold the first one with the strongest status counts,
// and the one without premises if there is no other.
func (g *generator) decide(e *rules.Expression, s scene) ruling {
	best := ruling{applies: isFalse, met: silent}
	for _, b := range e.Branches {
		r := ruling{status: b.Status, applies: isTrue, met: silent}
		if b.When == nil || g.hintsOnly(b.When) {
			if best.applies == isFalse || best.applies == isOpen && (best.status.Required() || !r.status.Required()) {
				return r
			}
			return best
		}
		if r.applies, r.met = g.term(b.When, s, &r); r.applies == silent {
			r.applies = isTrue
		}
		stronger := r.status.Required() && !best.status.Required() || r.status == rules.Soll && best.status == rules.Kann
		switch {
		case r.applies == isFalse:
		case best.applies == isFalse,
			r.applies == isTrue && (best.applies == isOpen || stronger),
			r.applies == isOpen && best.applies == isOpen && stronger:
			best = r
		}
	}
	return best
}

// term returns whether the premises hold and whether the demands are met, and notes packages and repetitions.
func (g *generator) term(t *rules.Term, s scene, r *ruling) (premise, demand truth) {
	switch t.Kind {
	case rules.TermCondition:
		rule := g.rule(t.Number)
		switch rule.Kind {
		case condition.If:
			return g.asked(rule, s), silent
		case condition.Must:
			return silent, g.asked(rule, s)
		case condition.Card:
			r.cards = append(r.cards, rule.Card)
		case condition.Open:
			return isOpen, silent
		}
		return silent, silent
	case rules.TermMacro, rules.TermPackage:
		premise, demand = silent, silent
		if inner := g.pack.Packages[t.Name]; inner != nil {
			premise, demand = g.term(inner, s, r)
		}
		if t.Kind == rules.TermPackage && premise != isFalse {
			r.packages = append(r.packages, t)
		}
		return premise, demand
	case rules.TermAnd:
		premise, demand = silent, silent
		for _, k := range t.Terms {
			p, d := g.term(k, s, r)
			premise, demand = all(premise, p), all(demand, d)
		}
		return premise, demand
	}
	return g.alternatives(t, s, r)
}

// alternatives evaluates or and xor. Where demands are involved, one branch that applies and whose demands are met is
// enough; among premises alone, xor wants exactly one.
func (g *generator) alternatives(t *rules.Term, s scene, r *ruling) (premise, demand truth) {
	var applies, open int
	best := isFalse
	pure := true
	for _, k := range t.Terms {
		part := ruling{}
		p, d := g.term(k, s, &part)
		pure = pure && g.premisesOnly(k)
		if p == isFalse {
			continue
		}
		if p == isOpen {
			open++
			if best == isFalse {
				best = isOpen
			}
			continue
		}
		applies++
		r.packages, r.cards = append(r.packages, part.packages...), append(r.cards, part.cards...)
		switch {
		case d == isTrue || d == silent:
			best = isTrue
		case d == isOpen && best != isTrue:
			best = isOpen
		}
	}
	xor := t.Kind == rules.TermXor && pure
	switch {
	case xor && applies > 1, applies == 0 && open == 0:
		return isFalse, silent
	case applies == 0, xor && open > 0:
		return isOpen, silent
	case pure:
		return isTrue, silent
	}
	return isTrue, best
}

// premisesOnly reports whether a term has nothing but premises in it.
func (g *generator) premisesOnly(t *rules.Term) bool {
	switch t.Kind {
	case rules.TermCondition:
		k := g.rule(t.Number).Kind
		return k == condition.If || k == condition.Open
	case rules.TermMacro:
		inner := g.pack.Packages[t.Name]
		return inner != nil && g.premisesOnly(inner)
	case rules.TermPackage:
		return false
	}
	only := 0
	for _, k := range t.Terms {
		if g.hintsOnly(k) {
			if t.Kind != rules.TermAnd {
				return false
			}
			continue
		}
		if !g.premisesOnly(k) {
			return false
		}
		only++
	}
	return only > 0
}

// hintsOnly reports whether a term says nothing at all.
func (g *generator) hintsOnly(t *rules.Term) bool {
	switch t.Kind {
	case rules.TermCondition:
		return g.rule(t.Number).Kind == condition.Hint
	case rules.TermPackage:
		return false
	case rules.TermMacro:
		inner := g.pack.Packages[t.Name]
		return inner == nil || g.hintsOnly(inner)
	}
	return !slices.ContainsFunc(t.Terms, func(k *rules.Term) bool { return !g.hintsOnly(k) })
}

func (g *generator) asked(r *condition.Rule, s scene) truth {
	if r.External {
		return isOpen
	}
	return g.holds(r.Test, s)
}

// holds evaluates a predicate.
func (g *generator) holds(p *condition.Predicate, s scene) truth {
	switch p.Op {
	case condition.True:
		return isTrue
	case condition.False:
		return isFalse
	case condition.And:
		out := isTrue
		for _, a := range p.Args {
			if t := g.holds(a, s); t == isFalse {
				return isFalse
			} else if t == isOpen {
				out = isOpen
			}
		}
		return out
	case condition.Or:
		out := isFalse
		for _, a := range p.Args {
			if t := g.holds(a, s); t == isTrue {
				return isTrue
			} else if t == isOpen {
				out = isOpen
			}
		}
		return out
	case condition.Not:
		switch t := g.holds(p.Args[0], s); t {
		case isTrue:
			return isFalse
		case isFalse:
			return isTrue
		}
		return isOpen
	case condition.Exists:
		return asTruth(len(g.find(p.Sel, s)) > 0)
	case condition.Count:
		return asTruth(compares(p.Cmp, len(g.find(p.Sel, s))-p.N))
	case condition.Same, condition.Unique:
		return g.uniform(p, s)
	case condition.Role, condition.External:
		return isOpen
	case condition.Sparte:
		return g.sparte(p)
	}
	return g.some(p, s)
}

// some evaluates what one value, or one pair of values, is enough for.
func (g *generator) some(p *condition.Predicate, s scene) truth {
	left := g.values(p.Left, s)
	if len(left) == 0 {
		return isOpen
	}
	out := isFalse
	note := func(t truth) {
		if t == isTrue || t == isOpen && out == isFalse {
			out = t
		}
	}
	for _, v := range left {
		if p.Op != condition.Compare {
			if v.bad {
				note(isOpen)
			} else {
				note(g.property(p, v, s))
			}
			continue
		}
		right := g.values(p.Right, s)
		if len(right) == 0 {
			return isOpen
		}
		for _, w := range right {
			if v.bad || w.bad {
				note(isOpen)
			} else {
				note(asTruth(compares(p.Cmp, v.compare(w))))
			}
		}
	}
	return out
}

// property evaluates what is asked of one value.
func (g *generator) property(p *condition.Predicate, v val, s scene) truth {
	switch p.Op {
	case condition.Like:
		return asTruth(like(p.Text, v.text))
	case condition.Summer, condition.Winter:
		t, ok := instant(v.text)
		if !ok {
			return isOpen
		}
		return asTruth(inBerlin(t).IsDST() == (p.Op == condition.Summer))
	case condition.Format:
		return shaped(p.Text, v.text)
	case condition.List:
		if g.lists != nil {
			if member, known := g.lists.HasFor(p.Text, g.use.Pruefidentifikator, []byte(v.text)); known {
				return asTruth(member)
			}
		}
		return isOpen
	case condition.Cluster:
		ebds := g.values(p.Right, s)
		out := isFalse
		if g.lists == nil || len(ebds) == 0 {
			return isOpen
		}
		for _, ebd := range ebds {
			member, known := g.lists.InCluster(p.Text, ebd.text, v.text)
			if known && member {
				return isTrue
			}
			if !known {
				out = isOpen
			}
		}
		return out
	}
	return isOpen
}

func (g *generator) uniform(p *condition.Predicate, s scene) truth {
	seen := map[string]int{}
	list := g.values(p.Left, s)
	for _, v := range list {
		seen[v.text]++
	}
	if p.Op == condition.Same {
		return asTruth(len(seen) <= 1)
	}
	return asTruth(len(seen) == len(list))
}

// sparte asks for the Sparte of a Marktpartner, which the agency of its MP-ID tells.
func (g *generator) sparte(p *condition.Predicate) truth {
	is := ""
	for _, nad := range g.segments("NAD") {
		if nad.get(1, 1) != p.Text || is != "" {
			continue
		}
		switch nad.get(2, 3) {
		case "293":
			is = "strom"
		case "332":
			is = "gas"
		}
	}
	if is == "" {
		return isOpen
	}
	return asTruth(is == p.Names[0])
}

// shaped reports whether a text has the form of an identifier.
func shaped(name, text string) truth {
	var err error
	switch name {
	case "malo", "tranche":
		_, err = ident.ParseMaLoID(text)
	case "melo", "zaehlpunkt":
		_, err = ident.ParseMeLoID(text)
	case "nelo":
		_, err = ident.ParseNeLoID(text)
	case "sr":
		_, err = ident.ParseSRID(text)
	case "tr":
		_, err = ident.ParseTRID(text)
	case "mpid":
		_, err = ident.ParseMarktpartnerID(text)
	case "eic":
		_, err = ident.ParseEIC(text)
	case "geraet":
		return asTruth(len(text) == 14 && like("\x01*\x01\x01\x01\x01\x01\x01\x01\x01", "1*"+text[len(text)-8:]) && text == strings.ToUpper(text))
	case "telefon":
		return asTruth(len(text) > 1 && text[0] == '+' && strings.Trim(text[1:], digits) == "")
	case "artikel":
		return asTruth(len(text) == 13 && strings.Trim(text, digits) == "")
	case "grossbuchstaben":
		return asTruth(text == strings.ToUpper(text))
	default:
		return isOpen
	}
	return asTruth(err == nil)
}
