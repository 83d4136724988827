package mig_test

import (
	"bytes"
	"testing"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/edifact/edifacttest"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/mig"
	"github.com/marktbote/marktbote/formats/rules"
)

// utilmd3kB is a correct message 55001 with so many transactions that it has about 3 kB.
func utilmd3kB(tb testing.TB) []byte {
	data := read(tb, "FV2610/55001_einzug.edi")
	start, end := bytes.Index(data, []byte("IDE+24")), bytes.Index(data, []byte("UNT+"))
	transactions := data[start:end]
	out := bytes.Clone(data[:end])
	for len(out) < 2900 {
		out = append(out, transactions...)
	}
	return append(out, data[end:]...)
}

func benchmarkCheck(b *testing.B, data []byte) {
	m := messages(b, data)[0]
	p := packFor(b, m)
	var c mig.Checker
	fail := func(f formats.Finding) { b.Fatal(f.Text) }
	b.SetBytes(int64(m.Size()))
	b.ReportAllocs()
	for b.Loop() {
		c.Check(p, m, 100, fail)
	}
	b.ReportMetric(float64(m.Len())*float64(b.N)/b.Elapsed().Seconds()/1e6, "Msegments/s")
}

func BenchmarkCheckMSCONS2976(b *testing.B) { benchmarkCheck(b, edifacttest.MSCONS(1, 2976)) }
func BenchmarkCheckUTILMD3kB(b *testing.B)  { benchmarkCheck(b, utilmd3kB(b)) }
func BenchmarkCheckMSCONS13017(b *testing.B) {
	benchmarkCheck(b, read(b, "FV2610/13017_zaehlerstand.edi"))
}

// BenchmarkCheckFaulty says what a message costs in which every quantity has a wrong qualifier.
func BenchmarkCheckFaulty(b *testing.B) {
	data := bytes.ReplaceAll(edifacttest.MSCONS(1, 2976), []byte("QTY+220"), []byte("QTY+999"))
	m := messages(b, data)[0]
	p := packFor(b, m)
	var c mig.Checker
	b.ReportAllocs()
	for b.Loop() {
		c.Check(p, m, 100, func(formats.Finding) {})
	}
}

func BenchmarkLoadPacks(b *testing.B) {
	for _, name := range []string{"MSCONS", "UTILMD_Strom"} {
		b.Run(name, func(b *testing.B) {
			data := packText(b, name)
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if _, err := rules.Parse(name, data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestCheckDoesNotAllocate(t *testing.T) {
	for _, data := range [][]byte{edifacttest.MSCONS(1, 96), utilmd3kB(t), read(t, "FV2610/13017_zaehlerstand.edi")} {
		m := messages(t, data)[0]
		p := packFor(t, m)
		var c mig.Checker
		check := func() { c.Check(p, m, 100, func(f formats.Finding) { t.Error(f.Text) }) }
		check()
		if n := testing.AllocsPerRun(20, check); n > 0 {
			t.Errorf("%s: %v allocations", edifact.UNH, n)
		}
	}
}
