package ahb_test

import (
	"testing"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/ahb"
)

// facts answers facts by their keys. Roles have the key "MP-ID ROLE", Sparten "MP-ID Sparte", lists "list LIST VALUE".
type facts map[string]bool

func (f facts) HasRole(id, role string) (has, known bool) {
	has, known = f[id+" "+role]
	return has, known
}

func (f facts) Sparte(id string) (sparte formats.Sparte, known bool) {
	for _, s := range []formats.Sparte{formats.Strom, formats.Gas} {
		if f[id+" "+string(s)] {
			return s, true
		}
	}
	return "", false
}

func (f facts) Fact(key string, _ ahb.Subject) (holds, known bool) {
	holds, known = f[key]
	return holds, known
}

func (f facts) InList(list, value string) (member, known bool) {
	member, known = f["list "+list+" "+value]
	return member, known
}

const partners = "BGM+A'NAD+MS+1::9'NAD+MR+2::9'"

// TestFacts: what nothing in the message can answer is asked; where nobody knows it is unknown.
func TestFacts(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, condition string
		segments        string
		facts           facts
		want            kleene
	}{
		{"fact", "if external(bekannt)", partners, facts{"bekannt": true}, 't'},
		{"no fact", "if external(bekannt)", partners, facts{"bekannt": false}, 'f'},
		{"unknown fact", "if external(bekannt)", partners, facts{}, 'u'},
		{"nobody to ask", "if external(bekannt)", partners, nil, 'u'},
		{"external premise", "external bekannt", partners, facts{"bekannt": true}, 't'},
		{"role", "if role(MS, LF)", partners, facts{"1 LF": true}, 't'},
		{"another role", "if role(MS, LF)", partners, facts{"1 LF": false}, 'f'},
		{"one of two roles", "if role(MR, NB, MSB)", partners, facts{"2 NB": false, "2 MSB": true}, 't'},
		{"one of two roles, one unknown", "if role(MR, NB, MSB)", partners, facts{"2 MSB": true}, 't'},
		{"two roles, one unknown", "if role(MR, NB, MSB)", partners, facts{"2 NB": false}, 'u'},
		{"role of nobody", "if role(VY, LF)", partners, facts{" LF": true}, 'u'},
		{"no partner", "if role(MS, LF)", "BGM+A'", facts{" LF": true}, 'u'},
		{"Sparte by agency", "if sparte(MS, strom)", "BGM+A'NAD+MS+1::293'", nil, 't'},
		{"other Sparte by agency", "if sparte(MS, strom)", "BGM+A'NAD+MS+1::332'", nil, 'f'},
		{"Sparte of a GLN", "if sparte(MS, gas)", partners, facts{"1 gas": true}, 't'},
		{"Sparte of a GLN, unknown", "if sparte(MS, gas)", partners, facts{}, 'u'},
		{"member of a list", "if list(meine, BGM@1.1)", partners, facts{"list meine A": true}, 't'},
		{"no member", "if list(meine, BGM@1.1)", partners, facts{"list meine A": false}, 'f'},
		{"unknown list", "if list(meine, BGM@1.1)", partners, facts{}, 'u'},
		{"list of nothing", "if list(meine, BGM@2.1)", partners, facts{"list meine A": true}, 'u'},
		{"cluster without lists", "if cluster(ablehnung, BGM@1.1, BGM@1.1)", partners, facts{}, 'u'},
		{"not unknown", "if not external(bekannt)", partners, nil, 'u'},
		{"unknown and false", "if external(bekannt) and false", partners, nil, 'f'},
		{"unknown or true", "if external(bekannt) or true", partners, nil, 't'},
	}
	for _, tt := range tests {
		p := mini{rules: []string{"condition 1 " + tt.condition}, rows: []string{"s 00004 Muss[1]"}}.pack(t)
		x := judgement{pack: p, segments: tt.segments}
		if tt.facts != nil {
			x.facts = tt.facts
		}
		v := x.run(t)
		got := kleene('f')
		switch {
		case len(v.Findings) == 1:
			got = 't'
		case v.External > 0:
			got = 'u'
		}
		if got != tt.want && !(tt.want == 'u' && tt.name == "list of nothing" && got == 'f') {
			t.Errorf("%s: %c, want %c", tt.name, got, tt.want)
		}
	}
}

// subject keeps what it was asked about.
type subject struct {
	facts
	about []ahb.Subject
}

func (s *subject) Fact(key string, about ahb.Subject) (holds, known bool) {
	s.about = append(s.about, about)
	return s.facts.Fact(key, about)
}

// TestSubject: a fact is asked about the transaction and its partners.
func TestSubject(t *testing.T) {
	t.Parallel()
	p := mini{kind: "UTILMD", rules: []string{"condition 1 external bekannt"}, rows: []string{"g 00020 Muss", "s 00020 Muss", "s 00021 Muss[1]"}}.pack(t)
	s := &subject{facts: facts{"bekannt": true}}
	v := judgement{pack: p, segments: partners + "IDE+24+V1'IDE+24+V2'", facts: s}.run(t)
	expect(t, "findings", v.Findings, "E3001 SG4[1]/DTM [1]", "E3001 SG4[2]/DTM [1]")
	want := []ahb.Subject{{pid, "V1", "1", "2"}, {pid, "V2", "1", "2"}}
	if len(s.about) != 2 || s.about[0] != want[0] || s.about[1] != want[1] {
		t.Errorf("asked about %+v", s.about)
	}
}

// TestDirections: the roles of the partners must be those of a direction; without knowing them nothing is said.
func TestDirections(t *testing.T) {
	t.Parallel()
	p := mini{directions: "LF>NB|NB>LF", rows: []string{"s 00002 Muss"}}.pack(t)
	tests := []struct {
		name  string
		facts facts
		want  []string
	}{
		{"LF to NB", facts{"1 LF": true, "1 NB": false, "2 LF": false, "2 NB": true}, nil},
		{"NB to LF", facts{"1 LF": false, "1 NB": true, "2 LF": true, "2 NB": false}, nil},
		{"to a MSB", facts{"1 LF": true, "1 NB": false, "2 LF": false, "2 NB": false}, []string{"E3020 UNH"}},
		{"from a MSB", facts{"1 LF": false, "1 NB": false, "2 LF": false, "2 NB": true}, []string{"E3021 UNH"}},
		{"LF to LF", facts{"1 LF": true, "1 NB": false, "2 LF": true, "2 NB": false}, []string{"E3021 UNH"}},
		{"receiver unknown", facts{"1 LF": false, "1 NB": false}, []string{"E3021 UNH"}},
		{"receiver unknown, sender not of every direction", facts{"1 LF": true, "1 NB": false}, nil},
		{"sender unknown", facts{"2 LF": false, "2 NB": true}, nil},
		{"nothing known", facts{}, nil},
	}
	for _, tt := range tests {
		expect(t, tt.name, judgement{pack: p, segments: partners, facts: tt.facts}.run(t).Findings, tt.want...)
	}
	register := mini{directions: "HKN-R>NB", rows: []string{"s 00002 Muss"}}.pack(t)
	expect(t, "HKN-R is no KN", judgement{pack: register, segments: partners, facts: facts{"1 HKN-R": true, "1 KN": false, "2 NB": true}}.run(t).Findings)
	expect(t, "without partners", judgement{pack: p, segments: "BGM+A'", facts: facts{" LF": false, " NB": false}}.run(t).Findings)
	expect(t, "nobody to ask", judgement{pack: p, segments: partners}.run(t).Findings)
}
