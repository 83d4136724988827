package brainpool

import (
	"crypto/rand"
	"math"
	"os"
	"slices"
	"testing"
	"time"
)

// TestTiming looks for secrets in the time that operations take: half of the runs have the same number all the time, one
// of few bits, the others have random ones, in random order. Welch's t says whether the two kinds differ; above 10 they
// do. It runs with BRAINPOOL_TIMING=1 only, best on an idle machine. The last operation is one that does leak: a method
// that does not find it finds nothing.
func TestTiming(t *testing.T) {
	if os.Getenv("BRAINPOOL_TIMING") == "" {
		t.Skip("BRAINPOOL_TIMING is not set")
	}
	c := p256r1
	g := c.generator
	var result point
	var number element
	for _, o := range []struct {
		name   string
		runs   int
		leaks  bool
		prober func(k []byte)
	}{
		{"multiply", 20_000, false, func(k []byte) { c.multiply(&result, &g, k) }},
		{"multiplyBase", 40_000, false, func(k []byte) { c.multiplyBase(&result, k) }},
		{"parse and invert mod n", 100_000, false, func(k []byte) {
			number, _ = c.n.parse(k)
			c.n.invert(&number, &number)
		}},
		{"double and add", 20_000, true, func(k []byte) {
			result = c.infinity()
			for _, b := range k {
				for bit := 7; bit >= 0; bit-- {
					c.double(&result, &result)
					if b>>bit&1 == 1 {
						c.add(&result, &result, &g)
					}
				}
			}
		}},
	} {
		largest := welch(t, o.runs, o.prober)
		t.Logf("%s: |t| = %.2f over %d runs", o.name, largest, o.runs)
		if leaks := largest > 10; leaks != o.leaks {
			t.Errorf("%s: leaks: %v, want %v", o.name, leaks, o.leaks)
		}
	}
}

// welch returns the largest |t| over several cuts: what interrupts a run makes it long, so the longest are left out.
func welch(t *testing.T, runs int, operation func(k []byte)) (largest float64) {
	fixed := make([]byte, scalarBytes)
	fixed[scalarBytes-1] = 1
	inputs, kinds := make([]byte, scalarBytes*runs), make([]byte, runs)
	for _, random := range [][]byte{inputs, kinds} {
		if _, err := rand.Read(random); err != nil {
			t.Fatal(err)
		}
	}
	for i, kind := range kinds {
		input := inputs[scalarBytes*i:][:scalarBytes]
		input[0] &= 0x7f // below the order
		if kind&1 == 0 {
			copy(input, fixed)
		}
	}
	times := [2][]float64{}
	all := make([]float64, 0, runs)
	k := make([]byte, scalarBytes)
	for i := range runs {
		copy(k, inputs[scalarBytes*i:])
		started := time.Now()
		operation(k)
		used := float64(time.Since(started))
		if i >= runs/10 { // until then caches and branch predictors learn
			times[kinds[i]&1] = append(times[kinds[i]&1], used)
			all = append(all, used)
		}
	}
	slices.Sort(all)
	for _, share := range []float64{0.5, 0.75, 0.9, 0.99} {
		limit := all[int(share*float64(len(all)-1))]
		var mean, variance, count [2]float64
		for kind, values := range times {
			for _, v := range values {
				if v <= limit {
					count[kind]++
					delta := v - mean[kind]
					mean[kind] += delta / count[kind]
					variance[kind] += delta * (v - mean[kind])
				}
			}
			variance[kind] /= count[kind] - 1
		}
		spread := math.Sqrt(variance[0]/count[0] + variance[1]/count[1])
		largest = max(largest, math.Abs(mean[0]-mean[1])/spread)
	}
	return largest
}
