package ahb_test

import "testing"

// TestRepetitions: how often a segment or group occurs, by what it is counted.
func TestRepetitions(t *testing.T) {
	t.Parallel()
	group := func(expression string) []string {
		return []string{"g 00020 Muss", "s 00020 Muss", "g 00030 Kann", "s 00030 Muss", "g 00040 " + expression, "s 00040 Muss", "s 00041 Kann"}
	}
	const head = "BGM+A'"
	tests := []struct {
		name       string
		conditions []string
		rows       []string
		segments   string
		want       []string
	}{
		{"once per transaction", []string{"condition 2001 card 1..1 per tx"}, group("Muss[2001]"), head + "IDE+24+1'SEQ+Z01'IDE+24+2'SEQ+Z01'", nil},
		{"twice in one transaction", []string{"condition 2001 card 1..1 per tx"}, group("Muss[2001]"), head + "IDE+24+1'SEQ+Z01'SEQ+Z01'IDE+24+2'SEQ+Z01'",
			[]string{"E3006 SG4[1]/SG8[2]/SEQ[1] [2001]"}},
		{"lacking in one", []string{"condition 2001 card 1..1 per tx"}, group("Muss[2001]"), head + "IDE+24+1'SEQ+Z01'IDE+24+2'",
			[]string{"E3002 SG4[2]/SG8 [2001]"}},
		{"too rarely", []string{"condition 2001 card 2..3 per tx"}, group("Muss[2001]"), head + "IDE+24+1'SEQ+Z01'", []string{"E3007 SG4[1]/SG8 [2001]"}},
		{"too often", []string{"condition 2001 card 2..3 per tx"}, group("Muss[2001]"), head + "IDE+24+1'SEQ+Z01'SEQ+Z01'SEQ+Z01'SEQ+Z01'SEQ+Z01'",
			[]string{"E3006 SG4[1]/SG8[4]/SEQ[1] [2001]"}}, // the first one beyond
		{"no upper limit", []string{"condition 2001 card 2..* per tx"}, group("Muss[2001]"), head + "IDE+24+1'SEQ+Z01'SEQ+Z01'SEQ+Z01'", nil},
		{"Kann may be absent", []string{"condition 2001 card 2..3 per tx"}, group("Kann[2001]"), head + "IDE+24+1'", nil},
		{"Kann below the limit", []string{"condition 2001 card 2..3 per tx"}, group("Kann[2001]"), head + "IDE+24+1'SEQ+Z01'", nil},
		{"Kann beyond the limit", []string{"condition 2001 card 0..1 per tx"}, group("Kann[2001]"), head + "IDE+24+1'SEQ+Z01'SEQ+Z01'",
			[]string{"E3006 SG4[1]/SG8[2]/SEQ[1] [2001]"}},
		{"once per message", []string{"condition 2001 card 0..1 per msg"}, group("Kann[2001]"), head + "IDE+24+1'SEQ+Z01'IDE+24+2'SEQ+Z01'SEQ+Z01'",
			[]string{"E3006 SG4[2]/SG8[1]/SEQ[1] [2001]"}}, // said once, by the transaction that has it
		{"once per message, twice in the first", []string{"condition 2001 card 0..1 per msg"}, group("Kann[2001]"), head + "IDE+24+1'SEQ+Z01'SEQ+Z01'IDE+24+2'",
			[]string{"E3006 SG4[1]/SG8[2]/SEQ[1] [2001]"}},
		{"once per SG8", []string{"condition 2001 card 1..1 per SG8"},
			[]string{"g 00020 Muss", "s 00020 Muss", "g 00040 Muss", "s 00040 Muss", "g 00050 Muss[2001]", "s 00050 Muss"},
			head + "IDE+24+1'SEQ+Z01'CCI+11'SEQ+Z01'CCI+11'CCI+22'SEQ+Z01'",
			[]string{"E3006 SG4[1]/SG8[2]/SG10[2]/CCI[1] [2001]", "E3002 SG4[1]/SG8[3]/SG10 [2001]"}},
		{"a segment once per SG4", []string{"condition 2001 card 0..1 per SG4"},
			[]string{"g 00020 Muss", "s 00020 Muss", "g 00040 Kann", "s 00040 Muss", "s 00041 Kann[2001]"},
			head + "IDE+24+1'SEQ+Z01'RFF+Z18:1'SEQ+Z01'RFF+Z18:2'", []string{"E3006 SG4[1]/SG8[2]/RFF[1] [2001]"}},
		{"premise does not hold", []string{"condition 2001 card 1..1 per tx", "condition 2 if false"}, group("Muss[2]∧[2001]"), head + "IDE+24+1'SEQ+Z01'SEQ+Z01'", nil},
		{"premise is unknown", []string{"condition 2001 card 1..1 per tx", "condition 3 external fact"}, group("Muss[3]∧[2001]"), head + "IDE+24+1'", nil},
		// each
		{"one per SEQ+Z02", []string{"condition 2001 card 1..1 each SG8/SEQ+Z02"}, group("Muss[2001]"), head + "IDE+24+1'SEQ+Z01'SEQ+Z01'SEQ+Z02'SEQ+Z02'", nil},
		{"more than one per SEQ+Z02", []string{"condition 2001 card 1..1 each SG8/SEQ+Z02"}, group("Muss[2001]"), head + "IDE+24+1'SEQ+Z01'SEQ+Z01'SEQ+Z02'",
			[]string{"E3006 SG4[1]/SG8[2]/SEQ[1] [2001]"}},
		{"fewer than one per SEQ+Z02", []string{"condition 2001 card 1..1 each SG8/SEQ+Z02"}, group("Muss[2001]"), head + "IDE+24+1'SEQ+Z01'SEQ+Z02'SEQ+Z02'",
			[]string{"E3007 SG4[1]/SG8 [2001]"}},
		{"one per value", []string{"condition 2001 card 1..1 each SG6/RFF@1.2"}, group("Muss[2001]"), head + "IDE+24+1'RFF+Z13:A'RFF+Z49:A'RFF+Z49:B'SEQ+Z01'SEQ+Z01'", nil},
		{"fewer than one per value", []string{"condition 2001 card 1..1 each SG6/RFF@1.2"}, group("Muss[2001]"), head + "IDE+24+1'RFF+Z13:A'RFF+Z49:B'SEQ+Z01'",
			[]string{"E3007 SG4[1]/SG8 [2001]"}},
		// own: the occurrence holds the value
		{"one with every value", []string{"condition 2001 card 1..1 each SG6/RFF@1.2 = SEQ@2.1"}, group("Muss[2001]"),
			head + "IDE+24+1'RFF+Z13:A'RFF+Z49:B'SEQ+Z01+B'SEQ+Z01+A'", nil},
		{"a value without one", []string{"condition 2001 card 1..1 each SG6/RFF@1.2 = SEQ@2.1"}, group("Muss[2001]"),
			head + "IDE+24+1'RFF+Z13:A'RFF+Z49:B'SEQ+Z01+A'SEQ+Z01+C'", []string{"E3007 SG4[1]/SG8 [2001]"}},
		{"a value with two", []string{"condition 2001 card 1..1 each SG6/RFF@1.2 = SEQ@2.1"}, group("Muss[2001]"),
			head + "IDE+24+1'RFF+Z13:A'SEQ+Z01+B'SEQ+Z01+A'SEQ+Z01+A'", []string{"E3006 SG4[1]/SG8[3]/SEQ[1] [2001]"}},
		{"values of another transaction", []string{"condition 2001 card 1..1 each SG6/RFF@1.2 = SEQ@2.1"}, group("Muss[2001]"),
			head + "IDE+24+1'RFF+Z13:A'SEQ+Z01+A'IDE+24+2'RFF+Z13:B'SEQ+Z01+B'", nil},
		{"no values", []string{"condition 2001 card 1..1 each SG6/RFF@1.2 = SEQ@2.1"}, group("Muss[2001]"), head + "IDE+24+1'SEQ+Z01+A'", nil},
		{"over all groups of the transaction", []string{"condition 2001 card 1..1 each SG6/RFF@1.2 = RFF@1.2"},
			[]string{"g 00020 Muss", "s 00020 Muss", "g 00030 Kann", "s 00030 Muss", "g 00040 Kann", "s 00040 Muss", "s 00041 Muss[2001]"},
			head + "IDE+24+1'RFF+Z13:A'RFF+Z49:B'SEQ+Z01'RFF+Z18:A'SEQ+Z01'RFF+Z18:B'", nil},
		// where: only some occurrences count
		{"counted where", []string{"condition 2001 card 1..1 each SG6/RFF@1.2 = SEQ@2.1 where RFF+Z18"}, group("Muss[2001]"),
			head + "IDE+24+1'RFF+Z13:A'SEQ+Z01+A'SEQ+Z01+A'RFF+Z18:1'", nil},
		{"not counted", []string{"condition 2001 card 1..1 each SG6/RFF@1.2 = SEQ@2.1 where RFF+Z18"}, group("Muss[2001]"),
			head + "IDE+24+1'RFF+Z13:A'SEQ+Z01+A'", []string{"E3007 SG4[1]/SG8 [2001]"}},
	}
	for _, tt := range tests {
		x := mini{kind: "UTILMD", rules: tt.conditions, rows: tt.rows}
		expect(t, tt.name, x.findings(t, tt.segments), tt.want...)
	}
}

// TestRepetitionAlternatives: of the repetitions of an alternative those of one active branch must hold; the first branch
// is reported if none does.
func TestRepetitionAlternatives(t *testing.T) {
	t.Parallel()
	conditions := []string{"condition 1 if true", "condition 2 if false", "condition 3 external fact",
		"condition 2001 card 1..1 per tx", "condition 2002 card 3..3 per tx", "condition 2003 card 0..5 per tx"}
	tests := []struct {
		expression string
		n          int
		want       []string
	}{
		{"Muss([1]∧[2001])⊻([1]∧[2002])", 1, nil},
		{"Muss([1]∧[2001])⊻([1]∧[2002])", 3, nil},
		{"Muss([1]∧[2001])⊻([1]∧[2002])", 2, []string{"E3006 SG4[1]/SG8[2]/SEQ[1] [2001]"}},
		{"Muss([1]∧[2001])⊻([2]∧[2002])", 3, []string{"E3006 SG4[1]/SG8[2]/SEQ[1] [2001]"}},
		{"Muss([2]∧[2001])⊻([1]∧[2002])", 3, nil},
		{"Muss([2]∧[2001])⊻([1]∧[2002])", 1, []string{"E3007 SG4[1]/SG8 [2002]"}},
		{"Muss([2]∧[2001])⊻([2]∧[2002])", 2, nil},
		{"Muss([1]∧[2001])⊻([3]∧[2002])", 1, nil},
		{"Muss[2003]∧[2001]", 2, []string{"E3006 SG4[1]/SG8[2]/SEQ[1] [2001]"}},
		{"Muss[2003]∧(([1]∧[2001])⊻([1]∧[2002]))", 3, nil},
		{"Muss[2]∧[2001]Muss[1]∧[2002]", 3, nil},
		{"Muss[2]∧[2001]Muss[1]∧[2002]", 1, []string{"E3007 SG4[1]/SG8 [2002]"}},
		{"Muss[2]∧[2001]Muss", 0, []string{"E3002 SG4[1]/SG8 [2][2001]"}}, // a branch without a repetition
		{"Muss[2]∧[2001]Kann", 0, nil},
	}
	for _, tt := range tests {
		segments := "BGM+A'IDE+24+1'"
		for range tt.n {
			segments += "SEQ+Z01'"
		}
		x := mini{kind: "UTILMD", rules: conditions, rows: []string{"g 00020 Muss", "s 00020 Muss", "g 00040 " + tt.expression, "s 00040 Muss"}}
		expect(t, tt.expression, x.findings(t, segments), tt.want...)
	}
}
