package gateway

import (
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/ahb"
	"github.com/marktbote/marktbote/formats/ident"
	"github.com/marktbote/marktbote/gateway/config"
)

// facts tells the check what no message tells, as far as the configuration knows it: the roles of the own and of the
// known Marktpartner, and the Sparte that an MP-ID belongs to. What nobody has entered is unknown and rejects nothing.
type facts struct{ config config.Config }

var _ ahb.Facts = facts{}

// roleNames are the names in the configuration of roles that the rules call otherwise.
var roleNames = map[string]string{"HKN-R": "HKNR"}

// HasRole compares with the role of the configuration. An MP-ID stands for one role.
//
// Spec: Allgemeine Festlegungen 6.1 2.13 (an MP-ID for each role)
func (f facts) HasRole(mpID, role string) (has, known bool) {
	configured := f.config.Rolle(mpID)
	if name, ok := roleNames[role]; ok {
		role = name
	}
	return configured == role, configured != ""
}

// Sparte is told by who gave the MP-ID; a GLN does not tell it.
//
// Spec: Allgemeine Festlegungen 6.1 2.13 (MP-IDs of BDEW are for Strom, those of DVGW for Gas)
func (f facts) Sparte(mpID string) (formats.Sparte, bool) {
	sparte := ident.MarktpartnerID(mpID).Sparte()
	return sparte, sparte != ""
}

// Fact knows nothing yet about objects and earlier messages.
func (f facts) Fact(string, ahb.Subject) (holds, known bool) { return false, false }

// InList knows no lists beside those of the rules.
func (f facts) InList(_, _ string) (member, known bool) { return false, false }
