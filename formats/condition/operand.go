package condition

import (
	"strconv"
	"strings"

	"github.com/marktbote/marktbote/formats"
)

// operand names the values of an operand.
func (s sayer) operand(o *Operand) string {
	switch o.Kind {
	case Value:
		return s.pick("dieser Wert", "this value")
	case Now:
		return s.pick("der Empfang", "the receipt")
	case Text:
		if o.Text == "" || strings.Contains(o.Text, " ") {
			return s.quote(o.Text)
		}
		return o.Text
	case Ref:
		return s.ref(o)
	case Seq:
		return s.pick("laufende Nummer unter ", "ordinal among ") + s.selector(o.Sel)
	case NumberOf:
		if o.Arg == nil {
			if s.Lang == formats.English {
				return o.Text
			}
			return strings.Replace(o.Text, ".", ",", 1)
		}
		return s.operand(o.Arg)
	case DateOf:
		if o.Arg == nil {
			return formats.LocalTime(o.Time, s.Lang)
		}
		return s.operand(o.Arg)
	case Workdays:
		return s.pick("der "+strconv.Itoa(o.N)+". Werktag nach ", "Werktag "+strconv.Itoa(o.N)+" after ") + s.dative(o.Arg)
	case Hours:
		return strconv.Itoa(o.N) + s.pick(" Stunden nach ", " hours after ") + s.dative(o.Arg)
	}
	noun := s.cut(o)
	if o.Arg.inner().Kind == Value {
		return noun
	}
	return noun + s.pick(" von ", " of ") + s.dative(o.Arg)
}

// dative is operand behind a word that takes the dative in German.
func (s sayer) dative(o *Operand) string {
	text := s.operand(o)
	switch {
	case s.Lang == formats.English:
	case o.inner().Kind == Value:
		return "diesem Wert"
	case o.Kind == Now || o.Kind == Workdays:
		return "dem" + strings.TrimPrefix(text, "der")
	}
	return text
}

// cut names the part of a value that a function takes.
func (s sayer) cut(o *Operand) string {
	switch o.Kind {
	case Decimals, Integers, Digits, Length:
		return s.pick("Anzahl ", "number of ") + s.noun(o.Kind, 2)
	case Day:
		return s.pick("Tag", "day")
	case Year:
		return s.pick("Jahr", "year")
	case Clock:
		return s.pick("Uhrzeit (HHMM)", "time (HHMM)")
	case Zone:
		return s.pick("Zeitzone", "time zone")
	case Berlin:
		return s.pick("deutsche Uhrzeit (HHMM)", "German time (HHMM)")
	case Before:
		return s.pick("Teil vor dem ersten ", "part before the first ") + s.quote(o.Text)
	case After:
		return s.pick("Teil nach dem letzten ", "part after the last ") + s.quote(o.Text)
	}
	return s.characters(o.N, o.M)
}

// characters names m characters from the n-th; the last is -1.
func (s sayer) characters(n, m int) string {
	switch {
	case n < 0 && n+m == 0 && m == 1:
		return s.pick("letzte Stelle", "last character")
	case n < 0 && n+m == 0:
		return s.pick("letzte "+strconv.Itoa(m)+" Stellen", "last "+strconv.Itoa(m)+" characters")
	case n == -2 && m == 1:
		return s.pick("vorletzte Stelle", "last character but one")
	case n < 0:
		return strconv.Itoa(m) + s.pick(" Stellen ab der "+strconv.Itoa(-n)+". von hinten", " characters from number "+strconv.Itoa(-n)+" from the end")
	case m == 1:
		return s.pick("Stelle ", "character ") + strconv.Itoa(n)
	}
	return s.pick("Stellen ", "characters ") + strconv.Itoa(n) + s.pick(" bis ", " to ") + strconv.Itoa(n+m-1)
}

// ref names a component. The usual place of a value, behind the qualifier in the same element, needs no further name.
func (s sayer) ref(o *Operand) string {
	last := &o.Sel.Steps[len(o.Sel.Steps)-1]
	switch {
	case o.bare():
		return s.pick("Wert in ", "value in ") + s.selector(o.Sel)
	case o.Element == 1 && o.Component == 2 && len(last.Segment.Elements) > 0:
		return s.selector(o.Sel)
	}
	return s.place(o)
}

// bare reports whether an operand is at the usual place in the segment at hand.
func (o *Operand) bare() bool {
	return o.Kind == Ref && o.Sel.Scope == ScopeSelf && o.Element == 1 && o.Component == 2
}

// place names a component by its name or its number.
func (s sayer) place(o *Operand) string {
	text := s.pick("Element "+strconv.Itoa(o.Element)+", Bestandteil "+strconv.Itoa(o.Component),
		"element "+strconv.Itoa(o.Element)+", component "+strconv.Itoa(o.Component))
	if s.Name != nil {
		if name, number := s.Name(s.inside(o.Sel), o.Element, o.Component); name != "" {
			text = s.quote(name) + " (DE " + number + ")"
		}
	}
	return text + " in " + s.selector(o.Sel)
}
