package ahb_test

import (
	"testing"
	"time"
)

// two is a message with two transactions: in the first one SEQ+Z01+1 and SEQ+Z01+2, in the second one SEQ+Z02+1.
const two = "BGM+A'DTM+137:202611300630?+00:303'" +
	"IDE+24+V1'DTM+92:202611302300?+00:303'SEQ+Z01+1'RFF+Z18:X'CCI+11'CAV+A1'SEQ+Z01+2'CCI+22'CAV+A2'CAV+A3'" +
	"IDE+24+V2'FTX+ACB+x'SEQ+Z02+1'"

// TestScopes asks a condition at a place of the message above: SG10 of the first SEQ, SG10 of the second, or the second
// transaction. The column demands a segment there that the message does not have.
func TestScopes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		predicate string
		holds     [3]bool // in SG8[1]/SG10[1], SG8[2]/SG10[1], SG4[2]
	}{
		{"BGM", [3]bool{false, false, false}}, // the transaction does not have it
		{"msg:BGM+A", [3]bool{true, true, true}},
		{"msg:BGM+B", [3]bool{false, false, false}},
		{"IDE+24+V1", [3]bool{true, true, false}},
		{"tx:IDE+24+V1", [3]bool{true, true, false}},
		{"tx:IDE+24+V2", [3]bool{false, false, true}},
		{"msg:IDE", [3]bool{false, false, false}}, // stands in SG4, not in the message itself
		{"msg:SG4/IDE+24+V1", [3]bool{true, true, true}},
		{"SG4:IDE+24+V1", [3]bool{true, true, false}},
		{"SG8:SEQ+Z01+1", [3]bool{true, false, false}},
		{"SG8:SEQ+Z01+2", [3]bool{false, true, false}},
		{"SG8:FTX", [3]bool{false, false, true}}, // no SG8 around: the transaction
		{"SG10:CCI+11", [3]bool{true, false, false}},
		{"SG10:CAV+A1", [3]bool{true, false, false}},
		{"self:CCI+11", [3]bool{true, false, false}},
		{"self:CCI", [3]bool{true, true, false}},
		{"self:CAV", [3]bool{false, false, false}},
		{"self:IDE", [3]bool{false, false, true}},
		{"SG8", [3]bool{true, true, true}},
		{"SG10", [3]bool{true, true, false}},
		{"SG8/SEQ+Z01+2", [3]bool{true, true, false}},
		{"SG8/CCI", [3]bool{false, false, false}}, // not directly in SG8
		{"SG8/SG10/CCI+22", [3]bool{true, true, false}},
		{"SG10/CAV+A3", [3]bool{true, true, false}}, // at any depth
		{"SG8:SG10/CAV+A3", [3]bool{false, true, false}},
		{"SG8[SEQ+Z01+1]/SG10/CAV+A1", [3]bool{true, true, false}},
		{"SG8[SEQ+Z01+1]/SG10/CAV+A2", [3]bool{false, false, false}},
		{"SG8[SEQ+Z01 and SG10[CCI+22]/CAV+A3]", [3]bool{true, true, false}},
		{"SG8[SEQ+Z01 and not RFF]", [3]bool{true, true, false}},
		{"SG8[SEQ+Z01 and not RFF]/SEQ+Z01+1", [3]bool{false, false, false}},
		{"SG8[tx:IDE+24+V1]", [3]bool{true, true, false}}, // a scope leads out of the brackets
		{"SG8[msg:SG4/IDE+24+V1]", [3]bool{true, true, true}},
		{"SG8[SG4:IDE+24+V2]", [3]bool{false, false, true}},
		{"other SG8", [3]bool{true, true, true}}, // SG4[2] stands in none: all are others
		{"other SG8[SEQ+Z01+1]", [3]bool{false, true, false}},
		{"other SG8[SEQ+Z01+2]", [3]bool{true, false, false}},
		{"other SG8/SG10/CAV+A1", [3]bool{false, true, false}},
		{"other SG10", [3]bool{true, true, false}},
		{"SG8:other SG10", [3]bool{false, false, false}},
		{"other SG8[SEQ+{SG8:SEQ@1.1}]", [3]bool{true, true, false}},
		{"other SG8[SEQ++{SG8:SEQ@2.1}]", [3]bool{false, false, false}},
		{"SG10:CCI+!22", [3]bool{true, false, false}},
		{"SG10:CCI+11+-", [3]bool{true, false, false}},
		{"SG10:CCI+11+!x", [3]bool{false, false, false}}, // a negation demands a value
		{"SG10:CCI+11+*", [3]bool{false, false, false}},
		{"SG8/RFF+Z*:X", [3]bool{true, true, false}},
		{"count(SG8) = 2", [3]bool{true, true, false}},
		{"count(SG8:SG10/CAV) = 2", [3]bool{false, true, false}},
		{"count(other SG8) = 1", [3]bool{true, true, true}},
		{"SG8:RFF@1.2 = \"X\"", [3]bool{true, false, false}},
		{"SG8/RFF@1.2 = \"X\"", [3]bool{true, true, false}},
		{"number(SG8:SEQ@2.1) < 2", [3]bool{true, false, false}}, // none around: SEQ does not stand in the transaction itself
		{"number(SG8/SEQ@2.1) > number(SG8:SEQ@2.1)", [3]bool{true, false, false}},
		{"seq(SG8) = 2", [3]bool{false, true, false}},
		{"seq(msg:SG4) = 2", [3]bool{false, false, true}},
		{"same(SG8/SEQ@1.1)", [3]bool{true, true, true}},
		{"same(SG8/SEQ@2.1)", [3]bool{false, false, true}},
		{"unique(SG8/SEQ@2.1)", [3]bool{true, true, true}},
		{"date(DTM+92@1.2) > date(msg:DTM+137@1.2)", [3]bool{true, true, false}},
		{"date(DTM+92@1.2) > date(\"2026-11-30T23:01Z\")", [3]bool{false, false, false}},
		{"hours(date(DTM+92@1.2), 1) > date(\"2026-11-30T23:30Z\")", [3]bool{true, true, false}},
		{"date(DTM+92@1.2) < workdays(msg:DTM+137@1.2, 1)", [3]bool{false, false, false}}, // both are midnight of 1 December
		{"date(DTM+92@1.2) = workdays(msg:DTM+137@1.2, 1)", [3]bool{true, true, false}},
		{"berlin(DTM+92@1.2) = \"0000\"", [3]bool{true, true, false}},
		{"winter(DTM+92@1.2)", [3]bool{true, true, false}},
	}
	rows := []string{
		"g 00020 Kann", "s 00020 Muss", "s 00022 Muss[1]",
		"g 00040 Kann", "s 00040 Muss", "g 00050 Kann", "s 00050 Muss", "c 1.1 X[1] 11 22",
	}
	places := []string{"SG4[1]/SG8[1]/SG10[1]/CCI[1]", "SG4[1]/SG8[2]/SG10[1]/CCI[1]", "SG4[2]/DTM"}
	for _, tt := range tests {
		// At a CCI the codes are allowed if the condition does not hold: a finding says that it does.
		p := mini{kind: "UTILMD", rules: []string{"condition 1 if " + tt.predicate}, rows: rows}.pack(t)
		negated := mini{kind: "UTILMD", rules: []string{"condition 1 if not (" + tt.predicate + ")"}, rows: rows}.pack(t)
		missing := judgement{pack: p, segments: two, received: time.Now()}.run(t).Findings
		refused := judgement{pack: negated, segments: two}.run(t).Findings
		for i, place := range places {
			want, got, code := tt.holds[i], false, "E3005 "
			findings := refused
			if i == 2 {
				code, findings = "E3001 ", missing
			}
			for _, f := range findings {
				got = got || f == code+place+" [1]"
			}
			if got != want {
				t.Errorf("%s at %s: %v, want %v (%v)", tt.predicate, place, got, want, findings)
			}
		}
	}
}

// TestTransactions: each transaction is judged by itself, the head once, with the first.
func TestTransactions(t *testing.T) {
	t.Parallel()
	rows := []string{"s 00002 Muss", "c 1.1 X A", "s 00004 Muss[1]", "g 00020 Muss", "s 00020 Muss", "s 00021 Muss", "s 00023 Muss[2]",
		"g 00060 Muss", "s 00060 Muss"}
	x := mini{kind: "UTILMD", rules: []string{"condition 1 if msg:DTM and SG4", "condition 2 if msg:BGM+A and count(SG8) = 1"}, rows: rows}
	expect(t, "two", x.findings(t, two),
		"E3001 FTX [1]", // asked in the head, whose transaction is the message
		"E3002 SG4[1]/SG8", "E3001 SG4[2]/DTM")
	expect(t, "head", x.findings(t, "BGM+B'IDE+24+V1'DTM+92:202611302300?+00:303'SEQ+Z02'"), "E3004 BGM[1]")
	// Nothing of a transaction is said twice by its neighbour.
	x.rows = []string{"g 00020 Muss", "s 00020 Muss", "s 00022 Muss"}
	expect(t, "each once", x.findings(t, two), "E3001 SG4[1]/DTM", "E3001 SG4[2]/DTM")
}

// TestLaterTransactions: what is looked for in the message is found in transactions behind the own one as well.
func TestLaterTransactions(t *testing.T) {
	t.Parallel()
	x := mini{kind: "UTILMD", rules: []string{"condition 1 if msg:SG4/IDE+24+V2", "condition 2 if SG4/SG8/SEQ+Z02"},
		rows: []string{"s 00004 Muss[2]", "g 00020 Muss", "s 00020 Muss", "s 00022 Muss[1]"}}
	expect(t, "from the first", x.findings(t, two), "E3001 FTX [2]", "E3001 SG4[1]/DTM [1]", "E3001 SG4[2]/DTM [1]")
}

// TestStatuses: the transactions of IFTSTA are the statuses of a CNI. What belongs to another status of the same CNI is
// not part of it.
func TestStatuses(t *testing.T) {
	t.Parallel()
	const segments = "BGM+A'CNI+1'STS+Z01'RFF+TN:1'STS+Z02'CNI+2'STS+Z02'RFF+TN:1'"
	x := mini{kind: "IFTSTA", rows: []string{"g 00070 Muss", "s 00070 Muss", "g 00071 Muss", "s 00071 Muss", "s 00072 Muss"}}
	expect(t, "every status", x.findings(t, segments), "E3001 SG14[1]/SG15[2]/RFF")
	x.rules = []string{"condition 1 if SG15/STS+Z02"}
	x.rows[4] = "s 00072 Muss[1]"
	// The first status of a CNI has the whole of it around, up to the next status.
	expect(t, "within a status", x.findings(t, "BGM+A'CNI+1'STS+Z01'STS+Z02'CNI+2'STS+Z01'"))
}

// TestGroups: what a group demands is demanded of each of its instances, and of none if the group is not there.
func TestGroups(t *testing.T) {
	t.Parallel()
	x := mini{rows: []string{"g 00020 Muss", "s 00020 Muss", "g 00040 Kann", "s 00040 Muss", "s 00041 Muss", "g 00050 Muss", "s 00050 Muss", "s 00051 Muss"}}
	expect(t, "without", x.findings(t, "BGM+A'"), "E3002 SG4")
	expect(t, "without what is optional", x.findings(t, "BGM+A'IDE+24+1'"))
	expect(t, "empty ones", x.findings(t, "BGM+A'IDE+24+1'SEQ+Z01'SEQ+Z01'RFF+Z18:1'CCI+11'CCI+22'CAV+A1'"),
		"E3001 SG4[1]/SG8[1]/RFF", "E3002 SG4[1]/SG8[1]/SG10", "E3001 SG4[1]/SG8[2]/SG10[1]/CAV")
	// What the column does not have is not looked at.
	x = mini{rows: []string{"s 00002 Muss", "c 1.1 X A"}}
	expect(t, "beyond the column", x.findings(t, "BGM+A'FTX+AAA'IDE+24+1'SEQ+Z01'"))
}
