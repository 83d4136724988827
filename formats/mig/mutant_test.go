package mig_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// TestMutants does one wrong thing to every segment of the correct messages in turn. Whatever it is, it is one fault
// and gives one finding; a segment that is left out or sent twice may also give none.
func TestMutants(t *testing.T) {
	t.Parallel()
	type mutation struct {
		name     string
		least    int
		codes    string                            // of CONTRL that are right; empty if that depends
		mutate   func(segment, next []byte) []byte // returns what stands in the place of both
		needNext bool
	}
	first := func(segment []byte) (tag, qualifier, rest []byte) {
		tag, rest, ok := bytes.Cut(segment, []byte("+"))
		rest = bytes.TrimLeft(rest, "+")
		if !ok {
			return tag, nil, nil
		}
		end := bytes.IndexAny(rest, "+:")
		if end < 0 {
			end = len(rest)
		}
		skip := len(segment) - len(tag) - len(rest)
		return segment[:len(tag)+skip], rest[:end], rest[end:]
	}
	mutations := []mutation{
		{"left out", 0, "", func(s, n []byte) []byte { return n }, false},
		{"tag misspelt", 1, "15", func(s, n []byte) []byte { return bytes.Join([][]byte{append([]byte("QQQ"), s[3:]...), n}, []byte("'")) }, false},
		{"qualifier wrong", 1, "12 37 39", func(s, n []byte) []byte {
			tag, _, rest := first(s)
			return fmt.Appendf(nil, "%sQQQ%s'%s", tag, rest, n)
		}, false},
		{"qualifier left out", 1, "", func(s, n []byte) []byte {
			tag, _, rest := first(s)
			return fmt.Appendf(nil, "%s%s'%s", tag, rest, n)
		}, false},
		{"sent twice", 0, "", func(s, n []byte) []byte { return bytes.Join([][]byte{s, s, n}, []byte("'")) }, false},
		{"stray segment before", 1, "15", func(s, n []byte) []byte { return bytes.Join([][]byte{[]byte("ZZZ+1"), s, n}, []byte("'")) }, false},
		{"surplus element", 1, "16", func(s, n []byte) []byte { return fmt.Appendf(nil, "%s+++++++++++++X'%s", s, n) }, false},
		{"exchanged with the next", 0, "", func(s, n []byte) []byte { return bytes.Join([][]byte{n, s}, []byte("'")) }, true},
	}
	for key, file := range faultFiles {
		segments := bytes.Split(read(t, file), []byte("'"))
		for _, m := range mutations {
			for i := 0; i < len(segments)-3; i++ {
				if tag := string(segments[i][:3]); tag == "UNA" || tag == "UNB" || tag == "UNH" || tag == "UNT" ||
					bytes.HasPrefix(segments[i], []byte(" ")) || !bytes.Contains(segments[i], []byte("+")) {
					continue
				}
				if m.needNext && string(segments[i+1][:3]) == "UNT" {
					continue
				}
				data := bytes.Join(segments[:i], []byte("'"))
				data = append(append(data, '\''), m.mutate(segments[i], segments[i+1])...)
				data = append(append(data, '\''), bytes.Join(segments[i+2:], []byte("'"))...)
				got := check(t, data)
				least := m.least
				if _, qualifier, _ := first(segments[i]); m.name == "qualifier wrong" && string(segments[i][:3]) == "COM" ||
					m.name == "qualifier left out" && len(qualifier) == 0 {
					least = 0 // COM begins with the address, some CAV with nothing
				}
				right := len(got) == 0 || m.codes == "" || least == 0 || strings.Contains(m.codes, got[0].Wire.Code)
				if len(got) >= least && len(got) <= 1 && right {
					continue
				}
				t.Errorf("%s %s %s: %d findings", key, m.name, segments[i], len(got))
				for _, g := range got {
					t.Logf("    %s %s %s %d %d:%d %s", g.Code, g.Wire.Code, g.Path, g.SegmentNumber, g.Element, g.Component, g.Text)
				}
			}
		}
	}
}
