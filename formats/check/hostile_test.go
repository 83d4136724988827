package check_test

import (
	"io"
	"strings"
	"testing"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/edifact/edifacttest"
	"github.com/marktbote/marktbote/formats/check"
)

// TestHostile: inputs made to hurt get a verdict, with findings and memory bounded.
func TestHostile(t *testing.T) {
	if testing.Short() {
		t.Skip("reads gigabytes")
	}
	const head = "UNB+UNOC:3+9999100000013:500+9999200000020:500+261103:0715+REF1'UNH+1+UTILMD:D:11A:UN:S2.2'"
	tests := []struct {
		name string
		in   io.Reader
		want check.Verdict
	}{
		{"a gigabyte without a terminator", edifacttest.Repeat([]byte("x"), 1<<30), check.Unreadable},
		{"one segment of a gigabyte", io.MultiReader(strings.NewReader(head+"FTX+"), edifacttest.Repeat([]byte("x"), 1<<30)), check.Unreadable},
		{"a million empty segments", io.MultiReader(strings.NewReader(head), edifacttest.Repeat([]byte("'"), 1_000_000)), check.RejectedSyntax},
		{"ten million release characters", io.MultiReader(strings.NewReader(head), edifacttest.Repeat([]byte("?"), 10_000_000)), check.Unreadable},
		{"released release characters", strings.NewReader(head + "FTX+ACB+++" + strings.Repeat("??", 100) + "?'x'UNT+3+1'UNZ+1+REF1'"), check.RejectedSyntax},
		{"many unknown segments", io.MultiReader(strings.NewReader(head), edifacttest.Repeat([]byte("XYZ+1'"), 200_000), strings.NewReader("UNT+200002+1'UNZ+1+REF1'")), check.RejectedSyntax},
		{"a message of a gigabyte", io.MultiReader(strings.NewReader(head), edifacttest.Repeat([]byte("FTX+ACB+++x'"), 1<<24)), check.Unreadable},
		{"a million messages", io.MultiReader(strings.NewReader(head), edifacttest.Repeat([]byte("UNT+2+1'UNH+1+UTILMD:D:11A:UN:S2.2'"), 1_000_000)), check.Unreadable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := check.File(tt.in, check.Options{At: received, MaxMessages: 5000, Read: edifact.Options{MaxMessageBytes: 8 << 20}})
			if err != nil {
				t.Fatal(err)
			}
			if n := len(findings(r)); r.Verdict != tt.want || n == 0 || n > check.DefaultMaxFindings+1 {
				t.Errorf("%s with %d findings, want %s: %+v", r.Verdict, n, tt.want, r.Findings[:min(3, len(r.Findings))])
			}
		})
	}
}
