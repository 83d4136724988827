package ahb_test

import "testing"

// packaged is a column whose SG10 is told by a package; cciMax and cavMax are in the structure: CCI once in each SG10, CAV
// nine times.
func packaged(rules []string, cci, cav string) mini {
	return mini{rules: rules, rows: []string{"g 00020 Muss", "s 00020 Muss", "g 00040 Kann", "s 00040 Muss",
		"g 00050 Kann", "s 00050 Muss", "c 1.1 " + cci, "s 00051 Kann", "c 1.1 " + cav}}
}

// TestPackages: each code of a package occurs as often as its limits say, counted over the occurrences of its segment.
func TestPackages(t *testing.T) {
	t.Parallel()
	rules := append([]string{"package 1P", "package 2P [1]", "package 3P [2]", "package 4P [3]", "package 5P [501]", "condition 501 hint"}, outcomes...)
	const start = "BGM+A'IDE+24+1'SEQ+Z01'CCI+11'"
	tests := []struct {
		name, expression, segments string
		want                       []string
	}{
		{"once", "X[1P0..1] A1", "CAV+A1'", nil},
		{"none", "X[1P0..1] A1", "", nil},
		{"twice", "X[1P0..1] A1", "CAV+A1'CAV+A1'", []string{"E3008 SG4[1]/SG8[1]/SG10[1]/CAV[2] [1P0..1]"}},
		{"each once", "X[1P0..1] A1 A2", "CAV+A1'CAV+A2'", nil},
		{"each once, one twice", "X[1P0..1] A1 A2", "CAV+A1'CAV+A2'CAV+A2'", []string{"E3008 SG4[1]/SG8[1]/SG10[1]/CAV[3] [1P0..1]"}},
		{"three at the most", "X[1P1..2] A1", "CAV+A1'CAV+A1'CAV+A1'", []string{"E3008 SG4[1]/SG8[1]/SG10[1]/CAV[3] [1P1..2]"}},
		{"any number", "X[1P0..n] A1", "CAV+A1'CAV+A1'CAV+A1'", nil},
		{"no limits", "X[1P] A1", "CAV+A1'CAV+A1'", nil},
		{"too few", "X[1P1..1] A1 A2", "CAV+A1'", []string{"E3009 SG4[1]/SG8[1]/SG10[1]/CAV [1P1..1]"}},
		{"premise holds", "X[2P0..1] A1", "CAV+A1'CAV+A1'", []string{"E3008 SG4[1]/SG8[1]/SG10[1]/CAV[2] [2P0..1]"}},
		{"premise does not hold", "X[3P0..1] A1", "CAV+A1'CAV+A1'", []string{
			"E3005 SG4[1]/SG8[1]/SG10[1]/CAV[1] [3P]", "E3005 SG4[1]/SG8[1]/SG10[1]/CAV[2] [3P]"}},
		{"premise unknown", "X[4P0..1] A1", "CAV+A1'CAV+A1'", nil},
		{"premise is a hint", "X[5P0..1] A1", "CAV+A1'CAV+A1'", []string{"E3008 SG4[1]/SG8[1]/SG10[1]/CAV[2] [5P0..1]"}},
		{"the milder of two", "X[1P0..1]∧[2P0..2] A1", "CAV+A1'CAV+A1'", nil},
		{"beyond the milder of two", "X[1P0..1]∧[2P0..2] A1", "CAV+A1'CAV+A1'CAV+A1'", []string{"E3008 SG4[1]/SG8[1]/SG10[1]/CAV[3] [2P0..2]"}},
	}
	for _, tt := range tests {
		got := packaged(rules, "X 11 22", tt.expression).findings(t, start+tt.segments)
		for i := range got { // the premises are beside the package
			if len(got[i]) > 3 && got[i][:5] == "E3005" {
				got[i] = got[i][:len("E3005 SG4[1]/SG8[1]/SG10[1]/CAV[1] [3P]")]
			}
		}
		expect(t, tt.name, got, tt.want...)
	}
}

// TestPackageScope: a segment that the structure has once in its group cannot hold several codes. Then the limits mean the
// nearest group around that may be repeated, and are counted once for it.
func TestPackageScope(t *testing.T) {
	t.Parallel()
	rules := []string{"package 1P"}
	x := packaged(rules, "X[1P1..1] 11 22", "X A1")
	expect(t, "each in one SG10", x.findings(t, "BGM+A'IDE+24+1'SEQ+Z01'CCI+11'CCI+22'"))
	expect(t, "in another order", x.findings(t, "BGM+A'IDE+24+1'SEQ+Z01'CCI+22'CCI+11'"))
	expect(t, "one lacking", x.findings(t, "BGM+A'IDE+24+1'SEQ+Z01'CCI+11'"), "E3009 SG4[1]/SG8[1]/SG10 [1P1..1]")
	expect(t, "one twice", x.findings(t, "BGM+A'IDE+24+1'SEQ+Z01'CCI+11'CCI+11'CCI+22'"), "E3008 SG4[1]/SG8[1]/SG10[2]/CCI[1] [1P1..1]")
	// A group that an SG8 has once: its codes are spread over the SG8 of the transaction.
	x = mini{kind: "UTILMD", rules: rules, rows: []string{"g 00020 Muss", "s 00020 Muss", "g 00040 Kann", "s 00040 Muss",
		"g 00052 Muss", "s 00052 Muss", "c 1.1 X[1P1..1] 33 44"}}
	expect(t, "one in each SG8", x.findings(t, "BGM+A'IDE+24+1'SEQ+Z01'CCI+33'SEQ+Z01'CCI+44'"))
	expect(t, "one lacking in all SG8", x.findings(t, "BGM+A'IDE+24+1'SEQ+Z01'CCI+33'IDE+24+2'SEQ+Z01'CCI+44'SEQ+Z01'CCI+33'"),
		"E3009 SG4[1]/SG8[1]/SG10 [1P1..1]")
	expect(t, "one twice in all SG8", x.findings(t, "BGM+A'IDE+24+1'SEQ+Z01'CCI+33'SEQ+Z01'CCI+44'SEQ+Z01'CCI+44'"),
		"E3008 SG4[1]/SG8[3]/SG10[1]/CCI[1] [1P1..1]") // counted once, not from every SG8
	x.kind = ""
	expect(t, "no further than the nearest group", x.findings(t, "BGM+A'IDE+24+1'SEQ+Z01'CCI+33'SEQ+Z01'CCI+44'IDE+24+2'SEQ+Z01'CCI+33'SEQ+Z01'CCI+44'"))
	// So it is with the one and only SEQ of each SG8.
	x = mini{rules: rules, rows: []string{"g 00020 Muss", "s 00020 Muss", "g 00040 Kann", "s 00040 Muss", "c 1.1 X[1P0..1] Z01"}}
	expect(t, "one SG8", x.findings(t, "BGM+A'IDE+24+1'SEQ+Z01'IDE+24+2'SEQ+Z01'"))
	expect(t, "two SG8 in a transaction", x.findings(t, "BGM+A'IDE+24+1'SEQ+Z01'SEQ+Z01'IDE+24+2'SEQ+Z01'"), "E3008 SG4[1]/SG8[2]/SEQ[1] [1P0..1]")
	x.kind = "UTILMD"
	expect(t, "each transaction by itself", x.findings(t, "BGM+A'IDE+24+1'SEQ+Z01'IDE+24+2'SEQ+Z01'SEQ+Z01'"), "E3008 SG4[2]/SG8[2]/SEQ[1] [1P0..1]")
}

// TestMacros: UB1 to UB3 are expressions of their own.
func TestMacros(t *testing.T) {
	t.Parallel()
	rules := []string{"package UB1 ([931]∧[490])⊻([932]∧[491])", "condition 490 if summer(value)", "condition 491 if winter(value)",
		`condition 931 must Z35 clock(value) = "2200"`, `condition 932 must Z35 clock(value) = "2300"`}
	x := mini{rules: rules, rows: []string{"g 00020 Muss", "s 00020 Muss", "s 00021 Muss", "d 1.2 X[UB1]"}}
	for value, want := range map[string][]string{
		"202607312200?+00": nil, "202611302300?+00": nil,
		"202607312300?+00": {"E3014 SG4[1]/DTM[1] [931]"}, "202611302200?+00": {"E3014 SG4[1]/DTM[1] [932]"},
	} {
		expect(t, value, x.findings(t, "BGM+A'IDE+24+1'DTM+92:"+value+":303'"), want...)
	}
}
