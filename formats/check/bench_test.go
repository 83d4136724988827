package check_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/marktbote/marktbote/edifact/edifacttest"
	"github.com/marktbote/marktbote/formats/check"
)

// BenchmarkFile answers: what does the whole check of a file cost, from its bytes to verdict and findings?
func BenchmarkFile(b *testing.B) {
	files := []struct {
		name string
		data []byte
	}{
		{"UTILMD", mustRead(b, "valid/utilmd-55001.edi")},
		{"UTILMD3kB", utilmd3kB(b)},
		{"MSCONS96", edifacttest.MSCONS(1, 96)},
		{"MSCONS220kB", edifacttest.MSCONS(1, 2976)},
	}
	for _, f := range files {
		b.Run(f.name, func(b *testing.B) {
			src := bytes.NewReader(f.data)
			b.SetBytes(int64(len(f.data)))
			b.ReportAllocs()
			for b.Loop() {
				src.Reset(f.data)
				if r, err := check.File(src, check.Options{At: received}); err != nil || r.FindingCount > 0 {
					b.Fatal(err, r.Findings)
				}
			}
		})
	}
}

// utilmd3kB is the fixture 55001 with so many Vorgaenge that it has about 3 kB.
func utilmd3kB(tb testing.TB) []byte {
	data := mustRead(tb, "valid/utilmd-55001.edi")
	start, end := bytes.Index(data, []byte("IDE+24")), bytes.Index(data, []byte("UNT+"))
	vorgang := data[start:end]
	var out []byte
	out = append(out, data[:start]...)
	for n := 1; len(out) < 2900; n++ {
		out = append(out, bytes.Replace(vorgang, []byte("LFVG0000101"), fmt.Appendf(nil, "LFVG0000%d", 100+n), 1)...)
	}
	segments := bytes.Count(out, []byte("'")) // UNB does not count, UNT does
	return fmt.Appendf(out, "UNT+%d+1'UNZ+1+LB261102000101'", segments)
}
