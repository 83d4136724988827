package condition

import (
	"strconv"
	"strings"
)

// Describe says in German ("de") or English ("en") what a rule asks for, in the notation that clerks know from the
// documents: SG4 STS+7++E01, the elements of a segment behind plus signs.
func Describe(r *Rule, lang string) string {
	w := words{en: lang == "en"}
	switch {
	case r.Kind == Hint:
		return ""
	case r.Kind == Open:
		return w.pick("nicht ausgewertet", "not evaluated")
	case r.External:
		return w.pick("steht nicht in der Nachricht: ", "not told by the message: ") + r.Key
	case r.Kind == Card:
		return w.cardinality(r.Card)
	}
	return w.predicate(r.Test, false)
}

// DescribePredicate is Describe for a part of a rule.
func DescribePredicate(p *Predicate, lang string) string {
	return words{en: lang == "en"}.predicate(p, false)
}

type words struct{ en bool }

func (w words) pick(de, en string) string {
	if w.en {
		return en
	}
	return de
}

func (w words) cardinality(k *Cardinality) string {
	high := "n"
	if k.Max >= 0 {
		high = strconv.Itoa(k.Max)
	}
	s := strconv.Itoa(k.Min) + " " + w.pick("bis", "to") + " " + high + " "
	if k.Min == k.Max {
		s = w.pick("genau ", "exactly ") + high + " "
	}
	switch {
	case k.Each != nil:
		return s + w.pick("je ", "per ") + w.operand(k.Each)
	case k.EachSel != nil:
		return s + w.pick("je ", "per ") + w.selector(k.EachSel)
	case k.Scope == ScopeMessage:
		return s + w.pick("je Nachricht", "per message")
	case k.Scope == ScopeGroup:
		return s + w.pick("je ", "per ") + k.Group
	}
	return s + w.pick("je Vorgang", "per transaction")
}

// predicate renders a predicate; nested asks for parentheses around a junction.
func (w words) predicate(p *Predicate, nested bool) string {
	switch p.Op {
	case True:
		return w.pick("immer", "always")
	case False:
		return w.pick("nie", "never")
	case And, Or:
		joint := w.pick(" und ", " and ")
		if p.Op == Or {
			joint = w.pick(" oder ", " or ")
		}
		var list []string
		for _, a := range p.Args {
			list = append(list, w.predicate(a, true))
		}
		s := strings.Join(list, joint)
		if nested {
			return "(" + s + ")"
		}
		return s
	case Not:
		if a := p.Args[0]; a.Op == Exists {
			return w.selector(a.Sel) + w.pick(" nicht vorhanden", " not present")
		}
		return w.pick("nicht ", "not ") + w.predicate(p.Args[0], true)
	case Exists:
		return w.selector(p.Sel) + w.pick(" vorhanden", " present")
	case Count:
		return w.pick("Anzahl ", "number of ") + w.selector(p.Sel) + " " + p.Cmp.String() + " " + strconv.Itoa(p.N)
	case Compare:
		return w.operand(p.Left) + " " + w.comparison(p) + " " + w.operand(p.Right)
	}
	return w.property(p)
}

// property renders what is said of values, partners and facts.
func (w words) property(p *Predicate) string {
	switch p.Op {
	case Like:
		return w.operand(p.Left) + w.pick(" in der Form ", " of the form ") + shape(p.Text)
	case Same:
		return w.pick("alle gleich: ", "all equal: ") + w.operand(p.Left)
	case Unique:
		return w.pick("alle verschieden: ", "all different: ") + w.operand(p.Left)
	case Role:
		return "NAD+" + p.Text + w.pick(" in der Rolle ", " in the role ") + strings.Join(p.Names, w.pick(" oder ", " or "))
	case Sparte:
		return "NAD+" + p.Text + w.pick(" in der Sparte ", " in the Sparte ") + title(p.Names[0])
	case List:
		return w.operand(p.Left) + w.pick(" in der Codeliste ", " in the code list ") + p.Text
	case Cluster:
		return w.operand(p.Left) + w.pick(" im Cluster ", " in the cluster ") + p.Text + w.pick(" von ", " of ") + w.operand(p.Right)
	case Format:
		return w.operand(p.Left) + w.pick(" als ", " as ") + w.form(p.Text)
	case External:
		return w.pick("steht nicht in der Nachricht: ", "not told by the message: ") + p.Text
	case Summer:
		return w.operand(p.Left) + w.pick(" in der Sommerzeit", " in summer time")
	case Winter:
		return w.operand(p.Left) + w.pick(" in der Winterzeit", " in winter time")
	}
	return ""
}

func (w words) comparison(p *Predicate) string {
	instants := p.Left.Instant() || p.Right.Instant()
	switch {
	case p.Cmp == Equal:
		return "="
	case p.Cmp == NotEqual:
		return w.pick("ungleich", "other than")
	case p.Cmp == Less && instants:
		return w.pick("vor", "before")
	case p.Cmp == LessEqual && instants:
		return w.pick("nicht nach", "not after")
	case p.Cmp == Greater && instants:
		return w.pick("nach", "after")
	case p.Cmp == GreaterEqual && instants:
		return w.pick("nicht vor", "not before")
	}
	return p.Cmp.String()
}

// forms are the names of identifiers in the texts.
var forms = map[string][2]string{
	"malo": {"MaLo-ID mit Prüfziffer", "MaLo-ID with check digit"}, "melo": {"MeLo-ID", "MeLo-ID"},
	"nelo": {"NeLo-ID mit Prüfziffer", "NeLo-ID with check digit"}, "sr": {"SR-ID mit Prüfziffer", "SR-ID with check digit"},
	"tr": {"TR-ID mit Prüfziffer", "TR-ID with check digit"}, "mpid": {"MP-ID", "MP-ID"}, "obis": {"OBIS-Kennzahl", "OBIS number"},
	"eic": {"EIC mit Prüfzeichen", "EIC with check character"}, "geraet": {"Gerätenummer", "device number"},
	"artikel": {"Artikelnummer", "article number"},
}

func (w words) form(name string) string {
	if f, ok := forms[name]; ok {
		return w.pick(f[0], f[1])
	}
	return name
}

func (w words) operand(o *Operand) string {
	of := func(de, en string) string { return w.pick(de, en) + w.operand(o.Arg) }
	switch o.Kind {
	case Value:
		return w.pick("der Wert", "the value")
	case Now:
		return w.pick("Empfangszeitpunkt", "time of receipt")
	case Ref:
		s := w.selector(o.Sel)
		if o.Element == 1 && o.Component == 2 && strings.Count(s, "+") == 1 {
			return s // the usual place of the value behind a qualifier
		}
		return s + w.pick(" Stelle ", " place ") + strconv.Itoa(o.Element) + "." + strconv.Itoa(o.Component)
	case Text:
		return `"` + o.Text + `"`
	case NumberOf:
		if o.Arg == nil {
			return o.Text
		}
		return w.operand(o.Arg)
	case DateOf:
		if o.Arg == nil {
			return o.Time.Format("02.01.2006 15:04 UTC")
		}
		return w.operand(o.Arg)
	case Decimals:
		return of("Nachkommastellen von ", "decimals of ")
	case Integers:
		return of("Vorkommastellen von ", "integer digits of ")
	case Digits:
		return of("Ziffern von ", "digits of ")
	case Length:
		return of("Länge von ", "length of ")
	case Day:
		return of("Tag von ", "day of ")
	case Year:
		return of("Jahr von ", "year of ")
	case Clock:
		return of("Uhrzeit von ", "time of ")
	case Zone:
		return of("Zeitzone von ", "time zone of ")
	case Part:
		return strconv.Itoa(o.M) + w.pick(" Stellen ab ", " characters from ") + strconv.Itoa(o.N) + of(" von ", " of ")
	case Before:
		return of("Teil vor \""+o.Text+"\" von ", "part before \""+o.Text+"\" of ")
	case After:
		return of("Teil nach \""+o.Text+"\" von ", "part after \""+o.Text+"\" of ")
	case Berlin:
		return of("gesetzliche Uhrzeit von ", "legal time of ")
	case Workdays:
		return strconv.Itoa(o.N) + of(" Werktage nach ", " Werktage after ")
	case Hours:
		return strconv.Itoa(o.N) + of(" Stunden nach ", " hours after ")
	case Seq:
		return w.pick("laufende Nummer unter ", "ordinal among ") + w.selector(o.Sel)
	}
	return ""
}

func (w words) selector(s *Selector) string {
	var b strings.Builder
	switch s.Scope {
	case ScopeSelf:
		b.WriteString(w.pick("hier ", "here "))
	case ScopeGroup:
		b.WriteString(w.pick("in derselben ", "in the same ") + s.Group)
		if len(s.Steps) > 0 {
			b.WriteString(": ")
		}
	case ScopeMessage:
		b.WriteString(w.pick("in der Nachricht ", "in the message "))
	}
	for i := range s.Steps {
		st := &s.Steps[i]
		if i > 0 {
			b.WriteByte(' ')
		}
		if st.Other {
			b.WriteString(w.pick("andere ", "other "))
		}
		b.WriteString(st.Group)
		if st.Where != nil {
			b.WriteString(" [" + strings.TrimSuffix(w.predicate(st.Where, false), w.pick(" vorhanden", " present")) + "]")
		}
		if st.Segment != nil {
			b.WriteString(w.pattern(st.Segment))
		}
	}
	return strings.TrimSpace(b.String())
}

func (w words) pattern(p *Pattern) string {
	s := p.Tag
	for _, e := range p.Elements {
		s += "+"
		for i, c := range e {
			if i > 0 {
				s += ":"
			}
			s += w.component(&c)
		}
	}
	return s
}

func (w words) component(c *Component) string {
	var list []string
	for i := range c.Alts {
		a := &c.Alts[i]
		switch {
		case a.Any:
			list = append(list, "…")
		case a.Empty:
			list = append(list, w.pick("leer", "empty"))
		case a.Ref != nil:
			list = append(list, "{"+w.operand(a.Ref)+"}")
		default:
			list = append(list, shape(a.Text))
		}
	}
	s := strings.Join(list, "/")
	if c.Not {
		return w.pick("nicht ", "not ") + s
	}
	return s
}

// shape prints a form with its wildcards.
func shape(text string) string {
	return strings.NewReplacer(string(rune(Wild)), "*", string(rune(WildDigit)), "#").Replace(text)
}

func title(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
