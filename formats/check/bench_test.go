package check_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"sync"
	"testing"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/edifact/edifacttest"
	"github.com/marktbote/marktbote/fixtures"
	"github.com/marktbote/marktbote/formats/check"
	"github.com/marktbote/marktbote/formats/event"
)

// BenchmarkFile answers: what does the whole check of a file cost, from its bytes to verdict and findings?
func BenchmarkFile(b *testing.B) {
	for _, f := range []struct {
		name string
		data []byte
	}{
		{"UTILMD3kB", utilmd3kB(b)},
		{"MSCONS96", edifacttest.MSCONS(1, 96)},
		{"MSCONS220kB", edifacttest.MSCONS(1, 2976)},
	} {
		b.Run(f.name, func(b *testing.B) {
			src := bytes.NewReader(nil)
			b.SetBytes(int64(len(f.data)))
			b.ReportAllocs()
			for b.Loop() {
				src.Reset(f.data)
				if r, err := check.File(src, check.Options{At: received}); err != nil || r.FindingCount > 0 || r.Coverage.Rows == 0 {
					b.Fatal(err, r)
				}
			}
		})
	}
}

// BenchmarkEvents answers: what does the way from the bytes of a file to the JSON of its events cost, the check included?
func BenchmarkEvents(b *testing.B) {
	for _, f := range []struct {
		name   string
		values int
		data   []byte
	}{
		{"UTILMD3kB", 0, utilmd3kB(b)},
		{"MSCONS96", 96, edifacttest.MSCONS(1, 96)},
		{"MSCONS2976", 2976, edifacttest.MSCONS(1, 2976)},
	} {
		b.Run(f.name, func(b *testing.B) {
			b.SetBytes(int64(len(f.data)))
			b.ReportAllocs()
			size := 0
			for b.Loop() {
				size = encodeEvents(b, f.data)
			}
			b.ReportMetric(float64(b.N*f.values)/b.Elapsed().Seconds(), "values/s")
			b.ReportMetric(float64(size), "bytes/events")
		})
	}
}

// encodeEvents checks a file and returns the size of its events.
func encodeEvents(b *testing.B, data []byte) (size int) {
	r, err := check.File(bytes.NewReader(data), check.Options{At: received})
	if err != nil || r.FindingCount > 0 {
		b.Fatal(err, r)
	}
	env := event.Envelope{Direction: event.In, FormatVersion: r.FormatVersion, Sparte: r.Sparte}
	reader := edifact.NewReader(bytes.NewReader(data), edifact.Options{})
	var m edifact.Message
	for {
		err := reader.NextMessage(&m)
		if err == io.EOF {
			return size
		}
		if err != nil {
			b.Fatal(err)
		}
		list, err := event.FromMessage(env, reader.UNB(), &m)
		if err != nil {
			b.Fatal(err)
		}
		for _, e := range list {
			text, err := e.MarshalJSON()
			if err != nil {
				b.Fatal(err)
			}
			size += len(text)
		}
	}
}

// utilmd3kB is the fixture 55001 with as many Vorgaenge as bring it nearest to 3 kB.
func utilmd3kB(tb testing.TB) []byte {
	data := mustRead(tb, "valid/utilmd-55001.edi")
	start, end := bytes.Index(data, []byte("IDE+24")), bytes.Index(data, []byte("UNT+"))
	vorgang := data[start:end]
	out := bytes.Clone(data[:start])
	for n := 1; len(out)+len(vorgang)/2 < 3000; n++ {
		out = append(out, bytes.Replace(vorgang, []byte("LFVG0000101"), fmt.Appendf(nil, "LFVG0000%d", 100+n), 1)...)
	}
	segments := bytes.Count(out, []byte("'")) // without UNB, with UNT
	return fmt.Appendf(out, "UNT+%d+1'UNZ+1+LB261102000101'", segments)
}

// TestAllocations: however many values a message has, its check allocates the same. Buffers that have to grow, or that
// the garbage collector has taken, are left out by taking the least of several files.
func TestAllocations(t *testing.T) {
	allocations := func(values int) float64 {
		data := edifacttest.MSCONS(1, values)
		least := math.Inf(1)
		for range 20 {
			least = min(least, testing.AllocsPerRun(1, func() { judge(t, data, check.Options{At: received}) }))
		}
		return least
	}
	if day, month := allocations(96), allocations(2976); day != month {
		t.Errorf("%v allocations with 96 values, %v with 2976", day, month)
	}
}

// TestAtOnce: files that are checked at the same time, with the tools of files before them, do not get into each
// other's results, and these stay what they are.
func TestAtOnce(t *testing.T) {
	var files [][]byte
	var want []string
	for _, name := range fixtures.List() {
		data := mustRead(t, name)
		files = append(files, data)
		want = append(want, asJSON(t, judge(t, data, check.Options{At: received})))
	}
	var wg sync.WaitGroup
	for k := range 4 {
		wg.Go(func() {
			results := make([]*check.Result, len(files))
			for i := range files {
				n := (i + k*3) % len(files)
				results[n], _ = check.File(bytes.NewReader(files[n]), check.Options{At: received})
			}
			for n, r := range results {
				if r != nil && asJSON(t, r) != want[n] {
					t.Errorf("%s has another result", fixtures.List()[n])
				}
			}
		})
	}
	wg.Wait()
}

func asJSON(t *testing.T, r *check.Result) string {
	b, err := json.Marshal(r)
	if err != nil {
		t.Error(err)
	}
	return string(b)
}
