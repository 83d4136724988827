package ack

import (
	"strings"
	"testing"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/rules"
)

// TestMissingName checks the names of segments that are not there, by what findings say about them.
func TestMissingName(t *testing.T) {
	t.Parallel()
	pack, err := rules.Load("FV2610", "UTILMD_Strom")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		x    formats.Finding
		want string
	}{
		{formats.Finding{Code: codeSegmentMissing, Segment: "DTM", Path: "SG4[1]/DTM", Name: "Beginn zum"}, "Beginn zum"},
		{formats.Finding{Code: codeGroupMissing, Segment: "LOC", Path: "SG4[2]/SG5", Name: "Marktlokation"}, "Marktlokation"},
		{formats.Finding{Code: codeGroupMissing, Segment: "SEQ", Path: "SG4[2]/SG8", Name: "Daten der Summenzeitreihe"}, "Daten der Summenzeitreihe"},
		{formats.Finding{Code: codeTooRarely, Segment: "DTM", Path: "SG4[1]/DTM", Name: "Beginn zum"}, "Beginn zum"},
		{formats.Finding{Code: codeTooFewCodes, Segment: "CAV", Path: "SG4[1]/SG8[1]/SG10[1]/CAV", Name: "irrelevant", Expected: "ZF1 (mindestens 1)"}, "Bezeichnung der Summenzeitreihe"},
		{formats.Finding{Code: codeTooFewCodes, Segment: "CAV", Path: "SG4[1]/CAV", Name: "irrelevant", Expected: "ZF1"}, "Bezeichnung der Summenzeitreihe"},
		{formats.Finding{Code: codeTooFewCodes, Segment: "CAV", Path: "CAV", Name: "what the finding says", Expected: "?"}, "what the finding says"},
	} {
		if got := missingName(&tt.x, pack); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.x, got, tt.want)
		}
	}
}

// TestRaw checks that only what fits is repeated.
func TestRaw(t *testing.T) {
	t.Parallel()
	for length, want := range map[int]bool{504: true, 505: false} {
		var m edifact.Message
		text := strings.Repeat("\xFC", length)
		r := edifact.NewReader(strings.NewReader("UNB+UNOC:3'UNH+1'FTX+ACB+"+text+"'UNT+3+1'"), edifact.Options{})
		if err := r.NextMessage(&m); err != nil {
			t.Fatal(err)
		}
		s := m.Segment(2)
		if got := raw(&s); (got != "") != want || want && got != "FTX+ACB+"+strings.Repeat("ü", length) {
			t.Errorf("%d: %q", length, got)
		}
	}
}
