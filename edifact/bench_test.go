package edifact_test

import (
	"bytes"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/edifact/edifacttest"
)

// walk visits every segment, element and component and returns how many there are, with a sum over the values'
// lengths so that nothing can be optimised away.
func walk(tb testing.TB, r *edifact.Reader) (segments, components, octets int) {
	for {
		s, err := r.Next()
		if err == io.EOF {
			return segments, components, octets
		}
		if err != nil {
			tb.Fatal(err)
		}
		segments++
		for _, raw := range s.All() {
			octets += len(raw)
			components++
		}
	}
}

// terminators is the yardstick: a walk from terminator to terminator.
func terminators(b []byte) int {
	n := 0
	for {
		i := bytes.IndexByte(b, '\'')
		if i < 0 {
			return n
		}
		n++
		b = b[i+1:]
	}
}

var corpora = map[string]func() []byte{
	"MSCONS100MB":  sync.OnceValue(func() []byte { return edifacttest.MSCONS(100e6, 2976) }),
	"UTILMD100MB":  sync.OnceValue(func() []byte { return edifacttest.UTILMD(100e6) }),
	"MSCONS220kB":  sync.OnceValue(func() []byte { return edifacttest.MSCONS(1, 2976) }),
	"MSCONSdaily":  sync.OnceValue(func() []byte { return edifacttest.MSCONS(1, 96) }),
	"UTILMDsingle": sync.OnceValue(func() []byte { return edifacttest.UTILMD(1) }),
}

// BenchmarkReader walks every segment, element and component of a file, alternating with the yardstick over the
// same bytes; "ratio" is the Reader's speed as a share of the yardstick's.
func BenchmarkReader(b *testing.B) {
	for _, name := range []string{"MSCONS100MB", "UTILMD100MB", "MSCONS220kB", "MSCONSdaily", "UTILMDsingle"} {
		b.Run(name, func(b *testing.B) {
			data := corpora[name]()
			var r edifact.Reader
			src := bytes.NewReader(nil)
			run := func() int {
				src.Reset(data)
				r.Reset(src, edifact.Options{Concatenated: true})
				n, _, _ := walk(b, &r)
				return n
			}
			segments := run()
			if r.FaultCount() > 0 {
				b.Fatal(r.Faults()[0].Error())
			}
			if want := terminators(data); segments+bytes.Count(data, []byte("UNA"))+bytes.Count(data, []byte("?'")) != want {
				b.Fatalf("%d segments, %d terminators", segments, want)
			}
			var own, yard time.Duration
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				t0 := time.Now()
				run()
				t1 := time.Now()
				terminators(data)
				own += t1.Sub(t0)
				yard += time.Since(t1)
			}
			b.ReportMetric(float64(len(data))*float64(b.N)/own.Seconds()/1e6, "reader-MB/s")
			b.ReportMetric(float64(len(data))*float64(b.N)/yard.Seconds()/1e6, "IndexByte-MB/s")
			b.ReportMetric(yard.Seconds()/own.Seconds(), "ratio")
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(segments), "segments/op")
		})
	}
}
