package swa

import (
	"bytes"
	stdgzip "compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/compress/gzip"
)

// lastgang writes MSCONS-like text with values that differ.
func lastgang(size int) []byte {
	r := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, "QTY+220:%d.%03d'DTM+163:2026%02d%02d%02d%02d?+00:303'DTM+164:2026%02d%02d%02d%02d?+00:303'", r.IntN(500), r.IntN(1000),
			i/96/28%12+1, i/96%28+1, i/4%24, i%4*15, i/96/28%12+1, i/96%28+1, (i+1)/4%24, (i+1)%4*15)
	}
	return b.Bytes()[:size]
}

func random50() []byte {
	data := make([]byte, 50<<20)
	_, _ = rand.NewChaCha8([32]byte{}).Read(data)
	return data
}

func BenchmarkRead50MiB(b *testing.B) {
	contentType, body, err := Write([]byte(envelope), []Part{{ID: "p@h", Data: random50()}})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Read(contentType, int64(len(body)), bytes.NewReader(body), DefaultLimits); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWrite50MiB(b *testing.B) {
	data := random50()
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := Write([]byte(envelope), []Part{{ID: "p@h", Data: data}}); err != nil {
			b.Fatal(err)
		}
	}
}

// Which implementation and level compresses EDIFACT: bytes of text per second, and the part of it that is left.
func BenchmarkGzipChoice(b *testing.B) {
	data := lastgang(8 << 20)
	run := func(name string, level int, open func(io.Writer, int) (io.WriteCloser, error)) {
		b.Run(fmt.Sprintf("%s/%d", name, level), func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			var out bytes.Buffer
			for b.Loop() {
				out.Reset()
				w, err := open(&out, level)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := w.Write(data); err != nil {
					b.Fatal(err)
				}
				if err := w.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(100*float64(out.Len())/float64(len(data)), "%left")
		})
	}
	for _, level := range []int{1, 3, 5, 6} {
		run("std", level, func(w io.Writer, l int) (io.WriteCloser, error) { return stdgzip.NewWriterLevel(w, l) })
		run("klauspost", level, func(w io.Writer, l int) (io.WriteCloser, error) { return gzip.NewWriterLevel(w, l) })
	}
}

func BenchmarkGunzip(b *testing.B) {
	data := lastgang(8 << 20)
	z, err := Gzip(data)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("ours", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := io.Copy(io.Discard, Gunzip(z, MaxPayload)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("std", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			r, err := stdgzip.NewReader(bytes.NewReader(z))
			if err != nil {
				b.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, r); err != nil {
				b.Fatal(err)
			}
		}
	})
}
