package edifacttest

import (
	"bytes"
	"io"
	"math/rand/v2"
)

// Chunks returns a reader of b that delivers pieces of random size, some of them empty, decided by the seed.
func Chunks(b []byte, seed uint64) io.Reader {
	return &chunks{b: b, rnd: rand.New(rand.NewPCG(seed, 7))}
}

type chunks struct {
	b   []byte
	rnd *rand.Rand
}

func (c *chunks) Read(p []byte) (int, error) {
	if len(c.b) == 0 {
		return 0, io.EOF
	}
	n := c.rnd.IntN(min(len(p), len(c.b)) + 1)
	if c.rnd.IntN(3) > 0 {
		n = min(n, 1+c.rnd.IntN(70))
	}
	copy(p, c.b[:n])
	c.b = c.b[n:]
	if len(c.b) == 0 && c.rnd.IntN(2) == 0 {
		return n, io.EOF
	}
	return n, nil
}

// Repeat returns a reader of n copies of pattern, without holding them all.
func Repeat(pattern []byte, n int) io.Reader {
	batch := min(n, max(1, 1<<16/len(pattern)))
	block := bytes.Repeat(pattern, batch)
	return io.LimitReader(&cycle{block: block}, int64(n)*int64(len(pattern)))
}

// cycle delivers its block again and again.
type cycle struct {
	block []byte
	at    int
}

func (c *cycle) Read(p []byte) (int, error) {
	n := copy(p, c.block[c.at:])
	c.at = (c.at + n) % len(c.block)
	return n, nil
}
