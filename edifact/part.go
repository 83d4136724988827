package edifact

// Part says which piece of a list that is split over several messages a message is. The pieces may come in
// interchanges of their own and in any order; all of them together are one business message.
//
// Spec: ISO 9735:1988, UNH 0068 and S010; Allgemeine Festlegungen 6.1 2.11
type Part struct {
	Series string // UNH 0068: reference that all parts have in common
	Number int    // UNH 0070: running number, from 1
	First  bool   // UNH 0073 = C
	Last   bool   // UNH 0073 = F
}

// PartOf reads the part from UNH. It returns false if the message is no part of a list.
func PartOf(unh *Segment) (Part, bool) {
	if unh.Empty(4, 1) && unh.Empty(5, 1) && unh.Empty(5, 2) {
		return Part{}, false
	}
	n, _ := parseCounter(unh.Value(5, 1))
	return Part{Series: unh.Text(4, 1), Number: n, First: unh.Is(5, 2, "C"), Last: unh.Is(5, 2, "F")}, true
}

// Fault returns the position of what is wrong or missing in UNH 0068 and S010, and whether anything is. A part
// needs the common reference, its number (one or two digits), and C or F if it is the first or the last one.
func (p Part) Fault(unh *Segment) (pos Position, missing, bad bool) {
	switch {
	case unh.Empty(4, 1):
		return unh.ElementPosition(4), true, true
	case unh.Empty(5, 1):
		return unh.ComponentPosition(5, 1), true, true
	case !unh.Empty(5, 2) && !p.First && !p.Last:
		return unh.ComponentPosition(5, 2), false, true
	case p.Number < 1 || p.Number > 99 || p.First != (p.Number == 1):
		return unh.ComponentPosition(5, 1), false, true
	}
	return Position{}, false, false
}
