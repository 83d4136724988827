package ahb_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// crowd is a transaction with n SG8 of either kind, the SEQ+Z02 first: each SEQ+Z01 has its SEQ+Z02.
func crowd(n int) string {
	var b strings.Builder
	b.WriteString("BGM+A'IDE+24+1'")
	for _, code := range []string{"Z02", "Z01"} {
		for i := range n {
			fmt.Fprintf(&b, "SEQ+%s+%d'", code, i)
		}
	}
	return b.String()
}

// TestWorkLimit: the work that conditions take in a message made to be slow is bounded. What is beyond is unknown: it
// makes no finding, whatever was being looked for when the limit was reached.
func TestWorkLimit(t *testing.T) {
	const many = 4000
	search := func(predicate string) mini {
		return mini{rules: []string{"condition 901 must Z39 " + predicate},
			rows: []string{"g 00020 Muss", "s 00020 Muss", "g 00040 Kann", "s 00040 Muss", "d 2.1 X[901]"}}
	}
	tests := []struct {
		name  string
		mini  mini
		extra string // a fault at the end of the message
		found int    // findings in a small message
	}{
		{"no other", search("not other SG8[SEQ+Z01+{SG8:SEQ@2.1}]"), "SEQ+Z01+x'SEQ+Z01+x'", 2},
		{"another", search("SG8[SEQ+Z02+{SG8:SEQ@2.1}]"), "SEQ+Z01+x'", 1},
		{"count", search("count(SG8[SEQ+Z02+{SG8:SEQ@2.1}]) = 1"), "SEQ+Z01+x'", 1},
		{"value", search("SG8[SEQ+Z02+{SG8:SEQ@2.1}]/SEQ@1.1 = \"Z02\""), "", 0},
		{"component", search("SG8:SEQ++{SG8[SEQ+Z02+{SG8:SEQ@2.1}]/SEQ@2.1}"), "SEQ+Z01+x'", 1},
		{"different values", search("unique(SG8[SEQ+Z01]/SEQ@2.1)"), "SEQ+Z01+x'SEQ+Z01+x'", 5},
	}
	for _, tt := range tests {
		small := judgement{pack: tt.mini.pack(t), segments: crowd(3) + tt.extra}.run(t)
		if len(small.Findings) != tt.found {
			t.Errorf("%s, small: %v, want %d", tt.name, small.Findings, tt.found)
		}
		start := time.Now()
		v := judgement{pack: tt.mini.pack(t), segments: crowd(many) + tt.extra}.run(t)
		if len(v.Findings) != 0 || v.External == 0 {
			t.Errorf("%s: %v, %+v", tt.name, v.Findings, v.Coverage)
		}
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%s took %v", tt.name, took)
		}
	}
}

// TestWorkLimitOfCounting: a number that could not be counted to its end says nothing.
func TestWorkLimitOfCounting(t *testing.T) {
	const many = 3000
	rows := []string{"g 00020 Muss", "s 00020 Muss", "g 00040 Muss[2001]", "s 00040 Muss"}
	for name, x := range map[string]mini{
		"each value":  {rules: []string{"condition 2001 card 1..1 each SG8[SEQ+Z02]/SEQ@2.1 = SEQ@2.1"}, rows: rows},
		"with where":  {rules: []string{"condition 2001 card 1..1 each SG8[SEQ+Z02]/SEQ@2.1 = SEQ@2.1 where tx:SG8/SEQ+Z02"}, rows: rows},
		"of packages": {rules: []string{"package 1P [901]", "condition 901 if SG8[SEQ+Z02+{SG8:SEQ@2.1}] or true"}, rows: append(rows[:2:2], "g 00040 Muss", "s 00040 Muss", "c 1.1 X[1P1..n] Z01", "d 2.1 Kann")},
	} {
		if v := (judgement{pack: x.pack(t), segments: crowd(many)}).run(t); len(v.Findings) != 0 {
			t.Errorf("%s: %d findings: %v", name, len(v.Findings), v.Findings[:min(3, len(v.Findings))])
		}
	}
}
