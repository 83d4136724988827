package check_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/marktbote/marktbote/fixtures"
	"github.com/marktbote/marktbote/formats/check"
)

// TestInterchangeByUseCase: what the column of a Pruefidentifikator forbids in UNB is answered with APERAK for every
// message; what no column allows is a syntax error of the file, once.
func TestInterchangeByUseCase(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, base, old, repl string
		want                  string
		verdict               check.Verdict
	}{
		{"as it should be", "mscons-13017", "++VL'", "++VL'", "", check.Accepted},
		{"application reference of another use case", "mscons-13017", "++VL'", "++TL'", "Z39 UNB 8:1 TL; ", check.RejectedProcessing},
		{"of no use case", "mscons-13017", "++VL'", "++XL'", "12 UNB 8:0 XL; ", check.RejectedSyntax},
		{"one finding for each message", "mscons-13017-buendel", "++VL'", "++EM'", "Z39 UNB 8:1 EM; Z39 UNB 8:1 EM; Z39 UNB 8:1 EM; ", check.RejectedProcessing},
		{"cancellation of either", "mscons-13006", "++VL'", "++EM'", "", check.Accepted},
		{"qualifier of the other Sparte", "mscons-13017", "9999300000037:500", "9999300000037:502", "Z39 UNB 3:2 502; ", check.RejectedProcessing},
		{"small letter in the reference", "mscons-13017", "MW26", "Mw26", "Z35 UNB 6:1 Mw261106000401; ", check.RejectedProcessing},
		{"small letter in the reference of another type", "utilmd-55001", "LB26", "Lb26", "", check.Accepted},
		{"test", "mscons-13017", "++VL'", "++VL++++1'", "", check.Accepted},
	}
	for _, tt := range tests {
		data, err := fixtures.Read("valid/" + tt.base + ".edi")
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(data, []byte(tt.old)) {
			t.Fatalf("%s: %q does not occur", tt.name, tt.old)
		}
		r := judge(t, bytes.ReplaceAll(data, []byte(tt.old), []byte(tt.repl)), check.Options{At: received})
		got := ""
		for _, x := range findings(r) {
			if x.Wire != nil {
				got += fmt.Sprintf("%s %s %d:%d %s; ", x.Wire.Code, x.Path, x.Element, x.Component, x.Found)
			}
		}
		if got != tt.want || r.Verdict != tt.verdict {
			t.Errorf("%s: %s %q, want %s %q", tt.name, r.Verdict, got, tt.verdict, tt.want)
		}
	}
}
