package ahb

import "github.com/marktbote/marktbote/edifact"

// interchange checks the header of the interchange against what the column says of it: the code lists of the message
// description are wider than those of a single Pruefidentifikator. That something is missing is a matter of the
// syntax check.
//
// Spec: MSCONS AHB 3.2, UNB; APERAK/CONTRL AHB 2.3k 2.1 (a code or form that only the column forbids is no syntax error)
func (c *Checker) interchange() {
	if c.prog.unb == nil || c.in.UNB == nil {
		return
	}
	at := c.at(0, 0)
	for i := range c.prog.unb.places {
		p := &c.prog.unb.places[i]
		value := c.unescape(c.in.UNB.RawComponent(p.element+1, p.component))
		if len(value) == 0 || !p.check {
			continue
		}
		at.value, at.element, at.component = value, p.element+1, p.component
		c.filledPlace(p, &at, c.prog.unb)
	}
}

// own returns the segment of a context: without one, the header of the interchange.
func (c *Checker) own(at *context) edifact.Segment {
	if at.self == 0 {
		return *c.in.UNB
	}
	return c.in.Message.Segment(int(at.self))
}
