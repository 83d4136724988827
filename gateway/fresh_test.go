package gateway

import (
	"bytes"
	"fmt"
	"testing"
)

// TestFresh: what is held is bounded, the oldest goes first, and what was dropped does not count.
func TestFresh(t *testing.T) {
	t.Parallel()
	var f fresh
	const one = maxFresh / 8
	name := func(i int) string { return fmt.Sprint("digest ", i) }
	for i := range 20 {
		f.put(name(i), bytes.Repeat([]byte{byte(i)}, one))
		f.put(name(i), []byte("held already"))
	}
	for i := range 20 {
		got := f.get(name(i))
		if want := i >= 12; (got != nil) != want || want && (len(got) != one || got[0] != byte(i)) {
			t.Errorf("%d: %d bytes", i, len(got))
		}
	}
	f.drop(name(15))
	f.drop(name(15))
	f.drop("never there")
	f.put(name(20), make([]byte, one))
	if f.get(name(12)) == nil || f.get(name(15)) != nil || f.size != maxFresh {
		t.Errorf("%d bytes after one was dropped and one added", f.size)
	}
	for i := range 100_000 {
		f.put(name(i), []byte{1})
		f.drop(name(i))
	}
	if len(f.digest) > 2000+2*len(f.held) || len(f.held) > 8 {
		t.Errorf("%d names, %d held", len(f.digest), len(f.held))
	}
}
