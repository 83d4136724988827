package explain

import (
	"strconv"
	"strings"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/rules"
)

// decoder puts the data elements of one segment into words.
type decoder struct {
	words  words
	sparte formats.Sparte
	pack   *rules.Pack // nil: nothing is known
	node   int32       // of the segment, -1: nothing is known
	series *string     // OBIS number of the series at hand: set by PIA, used by QTY; nil outside messages
	tag    edifact.Tag
}

// elements lists the filled data elements of a segment.
//
// Spec: Allgemeine Festlegungen 6.1 6.10 (spaces at the ends are not transferred)
func (d *decoder) elements(s *edifact.Segment) (list []Element, omitted int) {
	d.tag = s.Tag()
	svc := s.Service()
	for at, raw := range s.All() {
		if at.Element == 1 || strings.TrimRight(string(raw[:min(len(raw), maxValue)]), " ") == "" {
			continue
		}
		if len(list) == maxElements {
			omitted++
			continue
		}
		value := edifact.Latin1String(edifact.AppendUnescaped(nil, raw[:min(len(raw), 2*maxValue)], svc))
		e := Element{Value: visible(clip(value, maxValue)), element: at.Element, component: at.Component}
		comp, composite := d.component(at)
		if comp != nil {
			e.ID, e.Name = comp.ID, comp.Name
		}
		e.Place = elementPlace(composite || comp == nil && s.Components(at.Element) > 1, at.Element, at.Component)
		list = append(list, e)
	}
	for i := range list {
		list[i].Meaning = d.meaning(list, i)
	}
	return list, omitted
}

// elementPlace counts as CONTRL does: the tag is element 1, a simple element has no component.
func elementPlace(composite bool, element, component int) string {
	if !composite {
		return strconv.Itoa(element)
	}
	return strconv.Itoa(element) + "." + strconv.Itoa(component)
}

// component returns what the structure says of a place; nil if it has none there.
func (d *decoder) component(at edifact.Place) (comp *rules.Component, composite bool) {
	if d.node < 0 || d.pack == nil {
		return nil, false
	}
	elements := d.pack.Nodes[d.node].Elements
	i := int(elements.First) + at.Element - 2
	if i >= int(elements.End) {
		return nil, false
	}
	e := &d.pack.Elements[i]
	j := int(e.Components.First) + at.Component - 1
	if j >= int(e.Components.End) {
		return nil, e.Composite
	}
	return &d.pack.Components[j], e.Composite
}

// beside returns the value of another data element of the same composite.
func beside(list []Element, i int, id string) string {
	for _, e := range list {
		if e.element == list[i].element && e.ID == id {
			return e.Value
		}
	}
	return ""
}

// meaning says what a value means; empty if it speaks for itself.
func (d *decoder) meaning(list []Element, i int) string {
	e := &list[i]
	if d.pack != nil && e.ID != "" {
		if name := d.pack.CodeName(e.ID, e.Value); name != "" {
			return name
		}
	}
	switch e.ID {
	case "2380":
		return d.date(beside(list, i, "2379"), e.Value)
	case "0017", "0019":
		return d.created(e.ID, beside(list, i, "0017"), beside(list, i, "0019"))
	case "0007", "3055":
		return agencies[e.Value]
	case "0004", "0010", "3039":
		return d.words.partner(e.Value)
	case "3225":
		return d.words.location(e.Value)
	case "7140":
		return d.product(beside(list, i, "7143"), e.Value)
	case "6060":
		return d.quantity(e.Value, beside(list, i, "6411"))
	case "5004":
		return d.words.amount(e.Value, beside(list, i, "6345"))
	case "1154":
		return d.reference(beside(list, i, "1153"), e.Value)
	case "0057":
		if d.tag == edifact.UNH && d.pack != nil && d.pack.Version == e.Value {
			return d.pack.Document + ", " + string(d.pack.FormatVersion)
		}
	}
	return ""
}

// agencies are those that give MP-IDs: UNB 0007 and NAD 3055.
//
// Spec: Allgemeine Festlegungen 6.1 2.13, 2.14
var agencies = map[string]string{"500": "BDEW", "293": "BDEW", "502": "DVGW", "332": "DVGW", "14": "GS1 (GLN)", "9": "GS1 (GLN)"}

// identify adds what the rules know of a value: that it is an identifier, and whether its check digit is right.
func (d *decoder) identify(e *Element, form string) {
	if e.Meaning != "" {
		return
	}
	switch form {
	case "malo", "tranche", "melo", "zaehlpunkt", "nelo", "sr", "tr":
		e.Meaning = d.words.location(e.Value)
	case "mpid":
		e.Meaning = d.words.partner(e.Value)
	case "eic":
		e.Meaning = d.words.eic(e.Value)
	case "obis":
		e.Meaning = d.words.obis(e.Value)
	}
}

// reference explains RFF 1154.
func (d *decoder) reference(qualifier, value string) string {
	if qualifier != "Z13" || d.pack == nil {
		return ""
	}
	for _, u := range d.pack.UseCases() {
		if u.Pruefidentifikator == value {
			return u.Name
		}
	}
	return ""
}

// product explains PIA 7140 and keeps the OBIS number for the quantities that follow.
//
// Spec: MSCONS MIG 2.5, SG9 PIA
func (d *decoder) product(kind, value string) string {
	if kind != "SRW" && kind != "Z02" {
		return ""
	}
	if d.series != nil {
		*d.series = value
	}
	return d.words.obis(value)
}

// quantity explains QTY 6060: with the unit of the message, else with that of the series.
//
// Spec: MSCONS MIG 2.5, SG10 QTY
func (d *decoder) quantity(value, unit string) string {
	if unit == "" && d.series != nil {
		unit = obisUnit(*d.series)
	} else if name := d.pack.CodeName("6411", unit); name != "" {
		unit = name
	}
	return d.words.amount(value, unit)
}

// amount writes a number as people do, with its unit; empty if it is none.
func (w words) amount(value, unit string) string {
	whole, fraction, point := strings.Cut(strings.TrimPrefix(value, "-"), ".")
	if whole == "" || len(whole) > 18 || point && fraction == "" || strings.Trim(whole+fraction, "0123456789") != "" {
		return ""
	}
	thousands, mark := ".", ","
	if w.en {
		thousands, mark = ",", "."
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + thousands + whole[i:]
	}
	if point {
		whole += mark + fraction
	}
	if strings.HasPrefix(value, "-") {
		whole = "−" + whole
	}
	if unit == "" {
		if whole == value {
			return ""
		}
		return whole
	}
	return whole + " " + unit
}
