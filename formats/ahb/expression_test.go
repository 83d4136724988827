package ahb_test

import (
	"fmt"
	"strings"
	"testing"
)

// kleene is an outcome of three-valued logic as the letter that tests write: t, f or u.
type kleene byte

func (a kleene) not() kleene {
	return map[kleene]kleene{'t': 'f', 'f': 't', 'u': 'u'}[a]
}

func (a kleene) and(b kleene) kleene {
	switch {
	case a == 'f' || b == 'f':
		return 'f'
	case a == 'u' || b == 'u':
		return 'u'
	}
	return 't'
}

func (a kleene) or(b kleene) kleene { return a.not().and(b.not()).not() }

// xor of several is true if exactly one is: two that are true are too many whatever the others are.
func xor(list ...kleene) kleene {
	held, open := 0, 0
	for _, k := range list {
		switch k {
		case 't':
			held++
		case 'u':
			open++
		}
	}
	switch {
	case held > 1 || held+open == 0:
		return 'f'
	case open > 0:
		return 'u'
	}
	return 't'
}

// premise, demand and repetition rules with each outcome: 1 to 3 and 901 to 903 are true, false and unknown.
var outcomes = []string{
	"condition 1 if true", "condition 2 if false", "condition 3 external fact",
	"condition 901 must Z35 true", "condition 902 must Z35 false", "condition 903 external must Z35 fact",
	"condition 500 hint", "condition 4 open",
}

var numberOf = map[kleene]int{'t': 1, 'f': 2, 'u': 3}

// TestPremises has the truth tables of the operators in both notations: a segment is missing if the premise of its Muss
// is true, and only then.
func TestPremises(t *testing.T) {
	t.Parallel()
	type table struct {
		form string // with %d for the conditions
		want func(a, b, c kleene) kleene
	}
	and := func(a, b, _ kleene) kleene { return a.and(b) }
	or := func(a, b, _ kleene) kleene { return a.or(b) }
	tables := []table{
		{"Muss[%d]∧[%d]", and}, {"M[%d]U[%d]", and}, {"Muss[%d][%d]", and},
		{"Muss[%d]∨[%d]", or}, {"M[%d]O[%d]", or},
		{"Muss[%d]⊻[%d]", func(a, b, _ kleene) kleene { return xor(a, b) }},
		{"Muss[%d]⊻[%d]⊻[%d]", func(a, b, c kleene) kleene { return xor(a, b, c) }},
		{"Muss[%d]∨[%d]∧[%d]", func(a, b, c kleene) kleene { return a.or(b.and(c)) }},
		{"Muss([%d]∨[%d])∧[%d]", func(a, b, c kleene) kleene { return a.or(b).and(c) }},
		{"Muss[%d]⊻([%d]∧[%d])", func(a, b, c kleene) kleene { return xor(a, b.and(c)) }},
		{"Muss([%d]O[%d])U[%d]", func(a, b, c kleene) kleene { return a.or(b).and(c) }},
	}
	all := []kleene{'t', 'f', 'u'}
	for _, x := range tables {
		slots := strings.Count(x.form, "%d")
		for _, a := range all {
			for _, b := range all {
				for _, c := range all[:map[int]int{2: 1, 3: 3}[slots]] {
					form := fmt.Sprintf(x.form, []any{numberOf[a], numberOf[b], numberOf[c]}[:slots]...)
					want := x.want(a, b, c)
					v := judgement{pack: mini{rules: outcomes, rows: []string{"s 00004 " + form}}.pack(t), segments: "BGM+A'"}.run(t)
					if missing := len(v.Findings) == 1; missing != (want == 't') {
						t.Errorf("%s (%c %c %c): %v, want %c", form, a, b, c, v.Findings, want)
					}
					if want == 'u' && v.External != 1 {
						t.Errorf("%s: unknown, but counted as %+v", form, v.Coverage)
					}
				}
			}
		}
	}
}

// TestBranches: of the branches whose premises hold the strongest gives the status, in whatever order they stand; one
// without conditions counts if no other holds. Where an unknown one could change the outcome nothing is demanded.
func TestBranches(t *testing.T) {
	t.Parallel()
	tests := []struct {
		expression string
		missing    bool
	}{
		{"Muss", true}, {"Soll", false}, {"Kann", false}, {"M", true}, {"S", false}, {"K", false},
		{"Muss[1]", true}, {"Muss[2]", false}, {"Muss[3]", false},
		{"Muss[2]Muss[1]", true}, {"Muss[2]Soll", false}, {"Soll[2]Muss", true}, {"Kann[2]Muss[1]", true},
		{"Soll[1]Muss", false}, {"Kann[1]Muss[1]", true}, {"Soll[1]Muss[2]", false}, {"Muss[1]Kann", true},
		{"Muss[3]Muss", true}, {"Muss[3]Muss[1]", true}, // whether the first one holds or not
		{"Kann[3]Muss", false}, {"Muss[3]Kann[1]", false}, {"Muss[3]Soll[3]Muss", false},
		{"Muss[2]Kann[2]Muss[1]", true},        // the third
		{"Muss[500]", true},                    // a hint is no condition
		{"Muss[500]∧[1]", true},                // nor in a junction
		{"Muss[500]∧[2]", false},               //
		{"Kann[500]Muss", false},               // a branch with a hint always holds
		{"Muss[4]", false},                     // not translated
		{"Muss[4]∧[2]", false},                 //
		{"Muss[777]", false},                   // not in the pack: as if not translated
		{"Muss([1]∧[500])∨[2]", true},          //
		{"Muss[2]∨[500]", true},                // an alternative that is a hint always holds
		{"Soll[1]∧[2]Muss[1]∧([2]∨[1])", true}, //
	}
	for _, tt := range tests {
		x := mini{rules: outcomes, rows: []string{"s 00004 " + tt.expression}}
		var want []string
		if tt.missing {
			want = []string{"E3001 FTX"}
		}
		got := x.findings(t, "BGM+A'")
		for i := range got {
			got[i], _, _ = strings.Cut(got[i], " [")
		}
		expect(t, tt.expression, got, want...)
		expect(t, tt.expression+" with the segment", x.findings(t, "BGM+A'FTX+AAA+x'"))
	}
}

// TestDemands: a demand is no premise; where it stands it must be met. In an alternative one active branch that meets
// its demands is enough.
func TestDemands(t *testing.T) {
	t.Parallel()
	tests := []struct {
		expression string
		violated   string // conditions named by the finding, empty if there is none
	}{
		{"X[901]", ""}, {"X[902]", "[902]"}, {"X[903]", ""},
		{"X[1]∧[902]", "[902]"}, {"X[2]∧[902]", ""}, {"X[3]∧[902]", ""}, {"X[902]∧[2]", ""},
		{"X[901]∧[902]", "[902]"}, {"X[903]∧[902]", "[902]"}, {"X[903]∧[901]", ""}, {"X[902]∧[903]", "[902]"},
		{"X[902]∧[500]", "[902]"}, {"X[902]∧[4]", ""},
		{"X[901]∨[902]", ""}, {"X[902]∨[902]", "[902]"}, {"X[902]∨[903]", ""}, {"X[902]⊻[901]", ""}, {"X[901]⊻[901]", ""},
		{"X([1]∧[902])∨([2]∧[901])", "[902]"}, // only the first branch is active
		{"X([1]∧[902])∨([1]∧[901])", ""},
		{"X([1]∧[902])∨([3]∧[901])", ""},      // the second may be active
		{"X([2]∧[902])∨([2]∧[902])", ""},      // no branch is active
		{"X([1]∧[902])⊻([1]∧[902])", "[902]"}, // with demands, xor chooses among branches
		{"X[902]∨[500]", ""},                  // a hint can be chosen
	}
	for _, tt := range tests {
		x := mini{rules: outcomes, rows: []string{"s 00002 Muss", "d 2.1 " + tt.expression}}
		var want []string
		if tt.violated != "" {
			want = []string{"E3014 BGM[1] " + tt.violated}
		}
		expect(t, tt.expression, x.findings(t, "BGM+A+1'"), want...)
	}
}

// TestDemandedAlternatives: a finding names all alternatives that would do, of a conjunction the first demand.
func TestDemandedAlternatives(t *testing.T) {
	t.Parallel()
	x := mini{rules: []string{"condition 901 must Z39 format(malo, value)", "condition 902 must Z35 length(value) = 3", "condition 1 if true"},
		rows: []string{"s 00002 Muss", "d 2.1 X([1]∧[901])∨[902]"}}
	expect(t, "alternative", x.findings(t, "BGM+A+1'"), "E3015 BGM[1] [901][902]")
	expect(t, "met", x.findings(t, "BGM+A+123'"))
	x.rows[1] = "d 2.1 X[902]∧[901]"
	expect(t, "conjunction", x.findings(t, "BGM+A+1'"), "E3014 BGM[1] [902]")
	expect(t, "second", x.findings(t, "BGM+A+123'"), "E3015 BGM[1] [901]")
}

// TestDemandsMetElsewhere: what another branch made good is not named.
func TestDemandsMetElsewhere(t *testing.T) {
	t.Parallel()
	x := mini{rules: []string{"condition 901 must Z39 false", "condition 902 must Z39 true", "condition 903 must Z35 false"},
		rows: []string{"s 00002 Muss", "d 2.1 X([901]∨[902])∧[903]"}}
	expect(t, "met in an alternative", x.findings(t, "BGM+A+1'"), "E3014 BGM[1] [903]")
}

// TestDemandCodes: every APERAK code that a demand may have leads to its finding.
func TestDemandCodes(t *testing.T) {
	t.Parallel()
	for code, finding := range map[string]string{"Z21": "E3010", "Z29": "E3011", "Z30": "E3012", "Z34": "E3013", "Z35": "E3014", "Z38": "E3008",
		"Z39": "E3015", "Z40": "E3016", "Z41": "E3017"} {
		x := mini{rules: []string{"condition 901 must " + code + " false"}, rows: []string{"s 00002 Muss", "d 2.1 X[901]"}}
		expect(t, code, x.findings(t, "BGM+A+1'"), finding+" BGM[1] [901]")
		x.rows = []string{"s 00002 Muss[901]"}
		expect(t, code+" at a segment", x.findings(t, "BGM+A+1'"), finding+" BGM[1] [901]")
	}
}

// TestCodes: a code must be one of the column, under conditions that hold or may hold.
func TestCodes(t *testing.T) {
	t.Parallel()
	x := mini{rules: outcomes, rows: []string{"s 00002 Muss", "c 1.1 X A", "c 1.1 X[2] B", "c 1.1 X[3] C"}}
	for segments, want := range map[string][]string{
		"BGM+A'": nil, "BGM+B'": {"E3005 BGM[1] [2]"}, "BGM+C'": nil, "BGM+D'": {"E3004 BGM[1]"}, "BGM'": {"E3003 BGM[1]"},
	} {
		expect(t, segments, x.findings(t, segments), want...)
	}
	// Listing the codes that are allowed asks for conditions that nobody asked for: that is no coverage.
	if v := (judgement{pack: x.pack(t), segments: "BGM+B'"}).run(t); v.External != 0 {
		t.Errorf("%+v", v.Coverage)
	}
	// A code may stand in several rows: one that holds is enough.
	x.rows = []string{"s 00002 Muss", "c 1.1 X[2] A B", "c 1.1 X[1] B"}
	expect(t, "in two rows", x.findings(t, "BGM+B'"))
	expect(t, "in one row", x.findings(t, "BGM+A'"), "E3005 BGM[1] [2]")
	// Beside a row for any value, codes demand nothing, but their demands count.
	x.rows = []string{"s 00002 Muss", "d 1.1 Kann", "c 1.1 X C", "c 1.1 Kann[902] B"}
	expect(t, "any value", x.findings(t, "BGM+A'"))
	expect(t, "empty", x.findings(t, "BGM'"))
	expect(t, "code with a demand", x.findings(t, "BGM+B'"), "E3014 BGM[1] [902]")
}

// TestValues: a data element must be filled if its status says so and its segment is there.
func TestValues(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string][]string{
		"X": {"E3003 BGM[1]"}, "Muss": {"E3003 BGM[1]"}, "Soll": nil, "Kann": nil, "X[1]": {"E3003 BGM[1] [1]"}, "X[2]": nil, "X[3]": nil,
		"X[902]": {"E3003 BGM[1] [902]"}, "Soll[1]X": nil, "Soll[2]X": {"E3003 BGM[1] [2]"},
	} {
		x := mini{rules: outcomes, rows: []string{"s 00002 Kann", "d 2.1 " + expression}}
		expect(t, expression, x.findings(t, "BGM+A'"), want...)
		expect(t, expression+" without the segment", x.findings(t, "FTX+AAA'"))
	}
}

// TestOverrides: a condition may have another meaning in one column.
func TestOverrides(t *testing.T) {
	t.Parallel()
	p := mini{rules: []string{"condition 1 if false"}, rows: []string{"condition 1 if true", "s 00004 Muss[1]"}}.pack(t)
	expect(t, "with its own meaning", judgement{pack: p, segments: "BGM+A'"}.run(t).Findings, "E3001 FTX [1]")
	expect(t, "without", judgement{pack: p, column: other, segments: "BGM+A'"}.run(t).Findings)
}

// TestCoverageCounts: what is unknown makes no finding and is counted, by its reason.
func TestCoverageCounts(t *testing.T) {
	t.Parallel()
	p := mini{rules: outcomes, rows: []string{
		"s 00002 Muss", "c 1.1 X A B", "d 2.1 X[903]",
		"s 00003 Muss[3]", "s 00004 Muss[4]", "g 00010 Muss[3]∧[2]", "s 00010 Muss", "g 00011 Muss[777]∨[3]", "s 00011 Muss",
	}}.pack(t)
	v := judgement{pack: p, segments: "BGM+A+1'"}.run(t)
	expect(t, "findings", v.Findings)
	// Rows: UNH, BGM, two codes, value, DTM, FTX, two groups with a segment each.
	if v.Rows != 11 || v.External != 2 || v.NotCompiled != 2 {
		t.Errorf("%+v", v.Coverage)
	}
	known := facts{"fact": true}
	v = judgement{pack: p, segments: "BGM+A+1'", facts: known}.run(t)
	expect(t, "findings with facts", v.Findings, "E3001 DTM [3]", "E3002 SG2 [777][3]")
	if v.Rows != 11 || v.External != 0 || v.NotCompiled != 1 { // of an alternative one that holds is enough
		t.Errorf("with facts: %+v", v.Coverage)
	}
}
