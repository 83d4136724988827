package gateway

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/marktbote/marktbote/formats/ident"
	"github.com/marktbote/marktbote/gateway/config"
)

// TestRoles: who may send a Prüfidentifikator to whom is judged by the configured roles, and not at all as long as one of
// them is not known.
func TestRoles(t *testing.T) {
	const lf, nb ident.MarktpartnerID = "9999100000013", "9999200000020"
	for _, c := range []struct {
		name          string
		own, partners []config.Party
		want          []string
	}{
		{"nothing known", nil, nil, nil},
		{"right roles", []config.Party{{MPID: nb, Rolle: "NB"}}, []config.Party{{MPID: lf, Rolle: "LF"}}, nil},
		{"not processed in the role of the receiver", []config.Party{{MPID: nb, Rolle: "MSB"}}, []config.Party{{MPID: lf, Rolle: "LF"}}, []string{"E3020"}},
		{"not sent by the role of the sender", []config.Party{{MPID: nb, Rolle: "NB"}}, []config.Party{{MPID: lf, Rolle: "MSB"}}, []string{"E3021"}},
		{"role of the sender not entered", []config.Party{{MPID: nb, Rolle: "NB"}}, []config.Party{{MPID: lf}}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				id := r.receive("a", fixture(t, "valid/utilmd-55001.edi"))
				r.run(0)
				got := r.rows(id)
				if diff := cmp.Diff(c.want, got.codes()); diff != "" {
					t.Errorf("findings (-want +got):\n%s", diff)
				}
			}, func(o *Options) { o.Config.Own, o.Config.Partners = c.own, c.partners })
		})
	}
}

// TestHasRole: names of roles, and that only what was entered is known.
func TestHasRole(t *testing.T) {
	t.Parallel()
	f := facts{config.Config{Own: []config.Party{{MPID: "9900000000001", Rolle: "HKNR"}, {MPID: "9900000000002"}}}}
	for _, c := range []struct {
		mpID, role string
		has, known bool
	}{
		{"9900000000001", "HKN-R", true, true},
		{"9900000000001", "NB", false, true},
		{"9900000000002", "NB", false, false},
		{"9900000000003", "NB", false, false},
	} {
		if has, known := f.HasRole(c.mpID, c.role); has != c.has || known != c.known {
			t.Errorf("HasRole(%s, %s) = %v, %v", c.mpID, c.role, has, known)
		}
	}
	if s, known := f.Sparte("9800000000001"); s != "gas" || !known {
		t.Errorf("Sparte of an MP-ID of DVGW is %q, %v", s, known)
	}
	if _, known := f.Sparte("4012345000009"); known {
		t.Error("a GLN tells no Sparte")
	}
}
