package edifact

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// TestScanBlocks compares the vector forms with their definitions.
func TestScanBlocks(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	alphabet := []byte("AZaz09 :+.?'*;\r\n\x00\x1F\x20\x7E\x7F\x80\x9F\xA0\xFF")
	for _, svc := range []ServiceChars{DefaultService, {';', '*', ',', '!', ' ', '#'}, {':', '+', '.', 0, ' ', '\''}} {
		p := newPattern(svc)
		for range 2000 {
			src := make([]byte, 64*(1+rnd.IntN(4)))
			for i := range src {
				if rnd.IntN(4) == 0 {
					src[i] = byte(rnd.IntN(256))
				} else {
					src[i] = alphabet[rnd.IntN(len(alphabet))]
				}
			}
			got, want := make([]blockMask, len(src)/64), make([]blockMask, len(src)/64)
			scanBlocksVector(got, src, p)
			scanBlocks(want, src, p)
			for i := range got {
				if svc.Release == 0 {
					got[i].rel, want[i].rel = 0, 0
				}
				if got[i] != want[i] {
					t.Fatalf("block %q: got %x, want %x", src[64*i:64*i+64], got[i], want[i])
				}
			}
		}
	}
}

// TestPositions compares the vector form with the portable one.
func TestPositions(t *testing.T) {
	rnd := rand.New(rand.NewPCG(2, 2))
	for i := range 5000 {
		d := rnd.Uint64()
		for range i % 7 {
			d &= rnd.Uint64()
		}
		var got, want [blockSize]uint32
		n, m := positionsVector(got[:], d, 1000), positions(want[:], d, 1000)
		if n != m || !equal(got[:n], want[:m]) {
			t.Fatalf("%x: got %v, want %v", d, got[:n], want[:m])
		}
	}
}

func TestUpperCase(t *testing.T) {
	for b := range uint32(256) {
		letter := b >= 'A' && b <= 'Z'
		for _, w := range []uint32{b | 'A'<<8 | 'Z'<<16, 'Z' | b<<8 | 'A'<<16, 'A' | 'Z'<<8 | b<<16} {
			if upperCase(w|'+'<<24) != letter || upperCase(w|0xFF<<24) != letter {
				t.Errorf("%08x: %v", w, !letter)
			}
		}
	}
}

// FuzzScan compares the masks and their folding with a plain loop over the bytes.
func FuzzScan(f *testing.F) {
	f.Add([]byte("UNB+UNOC:3+a??+b?'c'?x\r\n?\n"), uint8(7))
	f.Add([]byte("?????????????????????????????????????????????????????????????????'"), uint8(64))
	f.Fuzz(func(t *testing.T, data []byte, split uint8) {
		for _, vector := range []bool{false, hasVector} {
			compareScan(t, data, split, vector)
		}
	})
}

// compareScan scans data in two parts and compares the lists with those of a plain loop.
func compareScan(t *testing.T, data []byte, split uint8, vector bool) {
	var s scanner
	s.setService(DefaultService)
	s.vector = vector
	buf := append(append([]byte(nil), data...), make([]byte, blockSize)...)
	at := min(int(split), len(data))
	tail := buf[at]
	if at < len(data) {
		// What stands behind the part scanned must not matter.
		s.scan(buf, 0, at)
		buf[at] = tail
	}
	if at == len(data) {
		at = 0
	}
	s.scan(buf, at, len(data))

	var marks, terms []uint32
	var odds []odd
	released := false
	for i, b := range data {
		special := DefaultService.special(b)
		switch {
		case released && special:
		case released || !validOctet(b):
			odds = append(odds, odd{uint32(i), released})
		case b == '?':
			released = true
			continue
		case special:
			if b == '\'' {
				terms = append(terms, uint32(len(marks)))
			}
			marks = append(marks, uint32(i))
		}
		released = false
	}
	if !equal(s.marks, marks) || !equal(s.terms, terms) || !equal(s.odds, odds) || (s.carry == 1) != released {
		t.Fatalf("%q split %d: got %v %v %v %d, want %v %v %v %v", data, split, s.marks, s.terms, s.odds, s.carry, marks, terms, odds, released)
	}
}

func equal[T comparable](a, b []T) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// BenchmarkScan compares the two forms of the scanner on the bytes of a load profile.
func BenchmarkScan(b *testing.B) {
	data := bytes.Repeat([]byte("QTY+220:12.7'DTM+163:202609302200?+00:303'DTM+164:202609302215?+00:303'"), 800)
	buf := append(data, make([]byte, blockSize)...)
	for _, tt := range []struct {
		name   string
		vector bool
	}{{"vector", hasVector}, {"portable", false}} {
		b.Run(tt.name, func(b *testing.B) {
			var s scanner
			s.setService(DefaultService)
			s.vector = tt.vector
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				s.clear()
				s.scan(buf, 0, len(data))
			}
		})
	}
}
