package condition

import (
	"slices"
	"strconv"
	"strings"

	"github.com/marktbote/marktbote/formats"
)

// NOTE: How a rule is put into words.
//
// The words stand in findings behind "Verlangt:" and "Bedingung:" and are read by clerks. They are statements as short
// as they can be. A demand on the value at hand does not name the value: "höchstens 3 Nachkommastellen". Everything else
// is named by its place in the notation that clerks know from the documents, the elements of a segment behind plus
// signs: "STS+7++E01 in derselben SG4 vorhanden". With a Name function places have the names of the documents as well.
//
// Negations are moved inwards, to where they can be said in words: "nicht (A oder B)" is "nicht A und nicht B".

// Wording says how rules are put into words.
type Wording struct {
	Lang formats.Lang // German if empty
	// Name tells what the message description calls the segments that a selector finds, such as Nachrichtendatum, or one
	// of their data elements if element is not 0, then with its number, such as 1131. The name is empty if there is none,
	// or more than one. Name may be nil.
	Name func(s *Selector, element, component int) (name, number string)
}

// Describe is Wording.Describe in German ("de") or English ("en"), without names.
func Describe(r *Rule, lang string) string { return Wording{Lang: formats.Lang(lang)}.Describe(r) }

// Describe says what a rule asks for: one line without a full stop; nothing for a hint.
func (w Wording) Describe(r *Rule) string {
	s := sayer{Wording: w, named: map[string]bool{}, mixed: r.Test != nil && !ofValue(r.Test)}
	switch {
	case r.Kind == Hint:
		return ""
	case r.Kind == Open:
		return s.pick("nicht ausgewertet", "not evaluated")
	case r.External:
		return s.external(r.Key, false)
	case r.Kind == Card:
		return s.cardinality(r.Card)
	}
	return s.phrase(r.Test, false, false)
}

// sayer renders one rule.
type sayer struct {
	Wording
	named map[string]bool // patterns whose name was said
	base  string          // the group in whose brackets something is said
	mixed bool            // the value at hand is not all that is spoken of: it has to be named
}

// ofValue reports whether a predicate speaks of the value at hand and of facts only.
func ofValue(p *Predicate) bool {
	for _, a := range p.Args {
		if !ofValue(a) {
			return false
		}
	}
	switch p.Op {
	case True, False, And, Or, Not, External:
		return true
	}
	left := p.Left
	for left != nil && left.Arg != nil {
		left = left.Arg
	}
	return left != nil && left.Kind == Value
}

// implied reports whether an operand is the value at hand and need not be named.
func (s sayer) implied(o *Operand) bool { return !s.mixed && o.inner().Kind == Value }

func (s sayer) pick(de, en string) string {
	if s.Lang == formats.English {
		return en
	}
	return de
}

func (s sayer) quote(text string) string { return s.pick("„"+text+"“", `"`+text+`"`) }

// join joins by commas and, in front of the last, a word.
func join(list []string, word string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	last := len(list) - 1
	return strings.Join(list[:last], ", ") + word + list[last]
}

func (s sayer) or(list []string) string { return join(list, s.pick(" oder ", " or ")) }

// external names a fact from outside the message.
func (s sayer) external(key string, not bool) string {
	text := s.Fact(key)
	if not {
		text = s.pick("nicht ", "not ") + s.quote(text)
	} else if s.Lang == formats.English {
		text = s.quote(text) // the words are German
	}
	return text + s.pick(" (steht nicht in der Nachricht)", " (not told by the message)")
}

// cardinality says how often something occurs.
func (s sayer) cardinality(k *Cardinality) string {
	text := s.times(k) + s.pick(" je ", " per ")
	switch {
	case k.Each != nil:
		text += s.pick("Wert von ", "value of ") + s.operand(k.Each)
	case k.EachSel != nil:
		text += s.selector(k.EachSel)
	case k.Scope == ScopeMessage:
		text += s.pick("Nachricht", "message")
	case k.Scope == ScopeGroup:
		text += k.Group
	default:
		text += s.pick("Vorgang", "transaction")
	}
	if k.Own != nil {
		text += s.pick(", mit diesem Wert in ", ", with this value in ") + s.operand(k.Own)
	}
	if k.Where != nil {
		text += s.pick(", gezählt wenn ", ", counted if ") + s.phrase(k.Where, false, false)
	}
	return text
}

func (s sayer) times(k *Cardinality) string {
	switch {
	case k.Max < 0:
		return s.pick("mindestens ", "at least ") + s.often(k.Min)
	case k.Min == k.Max:
		return s.pick("genau ", "exactly ") + s.often(k.Max)
	case k.Min == 0:
		return s.pick("höchstens ", "at most ") + s.often(k.Max)
	}
	return strconv.Itoa(k.Min) + s.pick("- bis ", " to ") + strconv.Itoa(k.Max) + s.pick("-mal", " times")
}

func (s sayer) often(n int) string {
	if n == 1 {
		return s.pick("einmal", "once")
	}
	return strconv.Itoa(n) + s.pick("-mal", " times")
}

// selector names what a selector finds, from the inside to the outside: CAV+E14 in SG10 mit CCI+++ZA6 in derselben SG8.
func (s sayer) selector(sel *Selector) string {
	var text string
	for i, st := range slices.Backward(sel.Steps) {
		last := i == len(sel.Steps)-1
		switch {
		case st.Segment != nil:
			text = s.segment(sel, st.Segment)
			continue
		case !last:
			text += " in "
		}
		if st.Other {
			text += s.other(last)
		}
		text += st.Group + s.in(st.Group).where(st.Where)
	}
	switch sel.Scope {
	case ScopeGroup:
		text += s.pick(" in derselben ", " in the same ") + sel.Group
	case ScopeTransaction:
		text += s.pick(" im Vorgang", " in the transaction")
	case ScopeMessage:
		if len(sel.Steps) > 1 || sel.Steps[0].Segment == nil { // segments of its own are known by their qualifier
			text += s.pick(" in der Nachricht", " in the message")
		}
	}
	return text
}

// in returns the sayer for what stands in the brackets of a group.
func (s sayer) in(group string) sayer {
	s.base = group
	return s
}

func (s sayer) other(first bool) string {
	if first {
		return s.pick("andere ", "another ")
	}
	return s.pick("einer anderen ", "another ")
}

// segment renders a segment pattern with its name.
func (s sayer) segment(sel *Selector, p *Pattern) string {
	if sel.Scope == ScopeSelf {
		return s.pick("diesem ", "this ") + s.pattern(p)
	}
	text := s.pattern(p)
	if name := s.segmentName(sel, p); name != "" && !s.named[text] {
		s.named[text] = true
		text += " (" + name + ")"
	}
	return text
}

func (s sayer) segmentName(sel *Selector, p *Pattern) string {
	if s.Name == nil || len(p.Elements) == 0 {
		return ""
	}
	name, _ := s.Name(s.inside(sel), 0, 0)
	return name
}

// inside returns a selector that names the group it begins in, if it stands in the brackets of one.
func (s sayer) inside(sel *Selector) *Selector {
	if sel.Scope != ScopeDefault || s.base == "" {
		return sel
	}
	return &Selector{Scope: ScopeGroup, Group: s.base, Steps: sel.Steps}
}

// where says what an instance must have: mit SEQ+Z01, ohne RFF+Z14.
func (s sayer) where(p *Predicate) string {
	if p == nil {
		return ""
	}
	parts := []*Predicate{p}
	if p.Op == And {
		parts = p.Args
	}
	for _, x := range parts {
		if x.Op != Exists && (x.Op != Not || x.Args[0].Op != Exists) {
			return " (" + s.phrase(p, false, false) + ")"
		}
	}
	var with, without []string
	for _, x := range parts {
		if x.Op == Exists {
			with = append(with, s.selector(x.Sel))
		} else {
			without = append(without, s.selector(x.Args[0].Sel))
		}
	}
	text := ""
	if with != nil {
		text = s.pick(" mit ", " with ") + join(with, s.pick(" und ", " and "))
	}
	if without != nil {
		text += s.pick(" ohne ", " without ") + join(without, s.pick(" und ", " and "))
	}
	return text
}

// pattern renders tag, elements and components.
func (s sayer) pattern(p *Pattern) string {
	var text strings.Builder
	text.WriteString(p.Tag)
	for e, components := range p.Elements {
		text.WriteByte('+')
		for c := range components {
			if c > 0 {
				text.WriteByte(':')
			}
			text.WriteString(s.component(p, e+1, c+1))
		}
	}
	return text.String()
}

func (s sayer) component(p *Pattern, element, component int) string {
	text := strings.Join(s.alternatives(p, element, component), "/")
	if p.Elements[element-1][component-1].Not {
		return s.pick("(nicht ", "(not ") + text + ")"
	}
	return text
}

// alternatives renders the values that a component may have.
func (s sayer) alternatives(p *Pattern, element, component int) (list []string) {
	c := &p.Elements[element-1][component-1]
	for i := range c.Alts {
		switch a := &c.Alts[i]; {
		case a.Any:
			list = append(list, "…")
		case a.Empty:
			list = append(list, s.pick("(leer)", "(empty)"))
		case a.Ref != nil:
			list = append(list, "{"+s.reference(p, a.Ref, element, component)+"}")
		default:
			list = append(list, strings.ReplaceAll(a.Text, string(rune(Wild)), "*"))
		}
	}
	return list
}

// reference names a value found elsewhere that a component must have.
func (s sayer) reference(p *Pattern, o *Operand, element, component int) string {
	own := o.Kind == Ref && (o.Sel.Scope == ScopeSelf || o.Sel.Scope == ScopeGroup)
	switch {
	case o.Kind == Value:
		return s.pick("dieser Wert", "this value")
	case own && o.Element == element && o.Component == component && o.Sel.Steps[len(o.Sel.Steps)-1].Segment.Tag == p.Tag:
		return s.pick("derselbe Wert wie hier", "same value as here")
	case o.bare():
		return s.operand(o)
	}
	return s.pick("Wert von ", "value of ") + s.operand(o)
}
