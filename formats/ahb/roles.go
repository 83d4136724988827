package ahb

import (
	"strings"

	"github.com/marktbote/marktbote/formats"
)

// roles checks whether the receiver's role processes the Pruefidentifikator, and whether the sender's role may send it
// there. It says nothing as long as the roles are not known.
//
// Spec: APERAK AHB 1.1 2.1.2 steps 1 and 2 (Z31, Z37)
func (c *Checker) roles() {
	u := c.in.UseCase
	if c.Facts == nil || u.Directions == "" {
		return
	}
	sender, receiver := c.partners().sender.id, c.partners().receiver.id
	if sender == "" || receiver == "" {
		return
	}
	received, sent := no, no
	for direction := range strings.SplitSeq(u.Directions, "|") {
		from, to, _ := strings.Cut(direction, ">")
		r := c.hasRole(receiver, to)
		received = either(received, r)
		sent = either(sent, both(r, c.hasRole(sender, from)))
	}
	x := formats.Finding{Rule: c.rule("", ""), Found: u.Pruefidentifikator, Expected: strings.NewReplacer("|", ", ", ">", " → ").Replace(u.Directions), Name: u.Name}
	switch {
	case received == no:
		x.Code = codeNotForUs
	case sent == no:
		x.Code = codeNotFromThem
	default:
		return
	}
	c.reportAt(x, c.firstPosition())
}

func either(a, b truth) truth {
	switch {
	case a == yes || b == yes:
		return yes
	case a == unknown || b == unknown:
		return unknown
	}
	return no
}

// hasRole asks for a role as the overview of the Pruefidentifikatoren prints it: variants such as LFN or MSBA are the
// same Marktrolle in a certain part of a process.
func (c *Checker) hasRole(id, printed string) truth {
	role := ""
	for _, r := range []string{"MSB", "UENB", "BIKO", "BKV", "ESA", "MGV", "HKN-R", "KN", "BTR", "NB", "LF"} {
		if strings.Contains(printed, r) {
			role = r
			break
		}
	}
	if role == "" {
		return unknown
	}
	has, known := c.Facts.HasRole(id, role)
	if !known {
		return unknown
	}
	return truthOf(has)
}
