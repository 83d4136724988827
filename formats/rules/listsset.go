package rules

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// NOTE: How a value finds its code.
//
// A code is literal text in which placeholders stand for numbers: 1-{0..65}:1.8.{0..62}, 7-{0..64}:70.60.{16,20,22}.
// A placeholder takes the place of a whole run of digits. The shape of a code is the set of runs that are
// placeholders, as bits (run 0 is bit 0; a code without placeholders has shape 0). A set has few shapes: for each of
// them the value is hashed with those runs masked, the hash is looked up among the sorted keys, and what is found is
// compared in full. The effort does not depend on the number of codes.

// maxRuns bounds the runs of digits in a code with placeholders.
const maxRuns = 32

// maxNumber bounds the numbers of a placeholder.
const maxNumber = 999999

// codeSet is a set of codes. The zero value is empty.
type codeSet struct {
	shapes []uint32
	keys   []uint64 // sorted
	texts  []string // parallel to keys
}

// newCodeSet makes the set; all texts have passed checkCode.
func newCodeSet(texts []string) codeSet {
	type entry struct {
		key  uint64
		text string
	}
	var s codeSet
	var entries []entry
	for _, text := range texts {
		key, shape := codeShape(text)
		entries = append(entries, entry{key, text})
		if !slices.Contains(s.shapes, shape) {
			s.shapes = append(s.shapes, shape)
		}
	}
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.key, b.key) })
	slices.Sort(s.shapes)
	for _, e := range entries {
		s.keys, s.texts = append(s.keys, e.key), append(s.texts, e.text)
	}
	return s
}

// has reports whether a value is one of the codes; plain is its hash without masked runs, which several sets need.
func (s *codeSet) has(value []byte, plain uint64) bool {
	for _, shape := range s.shapes {
		key := plain
		if shape != 0 {
			key = maskedKey(value, shape)
		}
		i, found := slices.BinarySearch(s.keys, key)
		if !found {
			continue
		}
		for ; i < len(s.keys) && s.keys[i] == key; i++ {
			if matchCode(s.texts[i], value) {
				return true
			}
		}
	}
	return false
}

const (
	hashStart = uint64(14695981039346656037)
	hashPrime = uint64(1099511628211)
)

// plainKey is maskedKey for shape 0.
func plainKey(value []byte) uint64 {
	h := hashStart
	for _, b := range value {
		h = (h ^ uint64(b)) * hashPrime
	}
	return h
}

// maskedKey hashes a value; a run of digits whose bit is set counts as one #.
func maskedKey(value []byte, shape uint32) uint64 {
	h, run := hashStart, 0
	for i := 0; i < len(value); {
		if !isDigit(value[i]) {
			h, i = (h^uint64(value[i]))*hashPrime, i+1
			continue
		}
		masked := run < maxRuns && shape>>run&1 == 1
		if masked {
			h = (h ^ '#') * hashPrime
		}
		for ; i < len(value) && isDigit(value[i]); i++ {
			if !masked {
				h = (h ^ uint64(value[i])) * hashPrime
			}
		}
		run++
	}
	return h
}

// codeShape returns key and shape of a code.
func codeShape(text string) (key uint64, shape uint32) {
	var masked []byte
	for run, i := 0, 0; i < len(text); {
		switch {
		case text[i] == '{':
			shape |= 1 << run
			masked = append(masked, '0')
			i += strings.IndexByte(text[i:], '}') + 1
			run++
		case isDigit(text[i]):
			for ; i < len(text) && isDigit(text[i]); i++ {
				masked = append(masked, text[i])
			}
			run++
		default:
			masked = append(masked, text[i])
			i++
		}
	}
	return maskedKey(masked, shape), shape
}

// matchCode compares a value with a code. Numbers have no leading zeros.
func matchCode(text string, value []byte) bool {
	j := 0
	for i := 0; i < len(text); {
		if text[i] != '{' {
			if j >= len(value) || value[j] != text[i] {
				return false
			}
			i, j = i+1, j+1
			continue
		}
		end := i + strings.IndexByte(text[i:], '}')
		start, n := j, 0
		for ; j < len(value) && isDigit(value[j]); j++ {
			if n = n*10 + int(value[j]-'0'); n > maxNumber {
				return false
			}
		}
		if j == start || value[start] == '0' && j > start+1 || !inNumbers(text[i+1:end], n) {
			return false
		}
		i = end + 1
	}
	return j == len(value)
}

// inNumbers reports whether n is among numbers as in 0..5,16.
func inNumbers(numbers string, n int) bool {
	for numbers != "" {
		var part string
		part, numbers, _ = strings.Cut(numbers, ",")
		from, to, err := numberRange(part)
		if err == nil && from <= n && n <= to {
			return true
		}
	}
	return false
}

func numberRange(part string) (from, to int, err error) {
	first, last, isRange := strings.Cut(part, "..")
	if from, err = plainNumber(first); err != nil {
		return 0, 0, err
	}
	to = from
	if isRange {
		if to, err = plainNumber(last); err != nil {
			return 0, 0, err
		}
	}
	if to < from {
		return 0, 0, fmt.Errorf("%q is no range", part)
	}
	return from, to, nil
}

func plainNumber(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n > maxNumber || strconv.Itoa(n) != s || n < 0 {
		return 0, fmt.Errorf("%q is no number", s)
	}
	return n, nil
}

// checkCode says what is wrong with a code.
func checkCode(text string) error {
	runs := 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c <= ' ' || c > '~' || c == '}':
			return fmt.Errorf("code %q has a character that codes do not have", text)
		case c == '{':
			n := strings.IndexByte(text[i:], '}')
			if n < 0 {
				return fmt.Errorf("code %q has an open brace", text)
			}
			if i > 0 && isDigit(text[i-1]) || i+n+1 < len(text) && (isDigit(text[i+n+1]) || text[i+n+1] == '{') {
				return fmt.Errorf("placeholder in %q is not a number of its own", text)
			}
			for part := range strings.SplitSeq(text[i+1:i+n], ",") {
				if _, _, err := numberRange(part); err != nil {
					return fmt.Errorf("code %q: %w", text, err)
				}
			}
			i += n
			runs++
		case isDigit(c) && (i == 0 || !isDigit(text[i-1])):
			runs++
		}
	}
	switch {
	case text == "":
		return errors.New("empty code")
	case runs > maxRuns:
		return fmt.Errorf("code %q has more than %d numbers", text, maxRuns)
	}
	return nil
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
