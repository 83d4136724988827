package edifact

import (
	"encoding/binary"
	"math/bits"
)

// NOTE on the strategy. A segment terminator or separator stands every four to seven bytes, so the cost of reading
// EDIFACT is the cost of finding and telling apart these bytes without mispredicted branches. It is done in
// three steps. scanBlocks compares 64 bytes at a time with the service characters and makes bit masks (AVX2 where
// there is, else eight bytes in a word). fold removes every bit that a release character made ordinary, with
// a few operations per 64 bytes. The bits that are left become three lists of positions:
//
//	marks  separators and terminators, ascending
//	terms  which of the marks are terminators
//	odds   octets outside the repertoire and needlessly released ones; nearly always empty
//
// A segment is then a window of marks, and nothing of it has been looked at but its end.

// blockMask holds the findings of scanBlocks for 64 bytes, bit i for byte i.
type blockMask struct {
	sep  uint64 // component or element separator
	term uint64 // terminator
	rel  uint64 // release character
	inv  uint64 // octet outside the repertoire
}

// pattern holds the bytes that scanBlocks compares with, each repeated to fill a vector register: component and
// element separator, terminator, release character, 7F and 20.
type pattern [6][16]byte

// newPattern makes the pattern for the service characters.
func newPattern(svc ServiceChars) *pattern {
	if svc.Release == 0 {
		svc.Release = svc.Terminator // fold ignores release bits then
	}
	var p pattern
	for i, b := range [6]byte{svc.Component, svc.Element, svc.Terminator, svc.Release, 0x7F, 0x20} {
		for j := range p[i] {
			p[i][j] = b
		}
	}
	return &p
}

// fold takes out of the masks of one block what a release character made ordinary. carry is 1 if the byte before
// the block is an unreleased release character; valid is the number of bytes of the block that count. The result
// holds unreleased separators and terminators, in inv also ordinary characters behind a release character, and in
// rel the bytes released.
func fold(m *blockMask, carry uint64, valid int, hasRelease bool) (carryOut uint64) {
	keep := ^uint64(0)
	if valid < 64 {
		keep = uint64(1)<<valid - 1
		m.sep, m.term, m.rel, m.inv = m.sep&keep, m.term&keep, m.rel&keep, m.inv&keep
	}
	if !hasRelease || m.rel|carry == 0 {
		m.rel = 0
		return 0
	}
	released, carryOut := releasedBytes(m.rel, carry)
	if valid < 64 {
		carryOut = m.rel &^ released >> (valid - 1) & 1
	}
	m.inv |= released &^ (m.sep | m.term | m.rel) & keep
	m.sep &^= released
	m.term &^= released
	m.rel = released & keep
	return carryOut
}

// releasedBytes returns the bytes that follow an unreleased release character. In a run of release characters
// every second one is released by its predecessor; an addition carries that through the whole run at once.
func releasedBytes(rel, carry uint64) (released, carryOut uint64) {
	const even = 0x5555555555555555
	rel &^= carry
	follows := rel<<1 | carry
	oddStarts := rel &^ even &^ follows
	sum, carryOut := bits.Add64(oddStarts, rel, 0)
	return (even ^ sum<<1) & follows, carryOut
}

// scanBlocks fills dst from src, 64 bytes per entry, with eight bytes at a time in one word. It takes the place of
// scanBlocksVector where there are no vector instructions.
func scanBlocks(dst []blockMask, src []byte, p *pattern) {
	var want [5]uint64
	for i := range want {
		want[i] = binary.LittleEndian.Uint64(p[i][:])
	}
	for i := range dst {
		var m blockMask
		block := src[i*blockSize : i*blockSize+blockSize]
		for j := 0; j < blockSize; j += 8 {
			w := binary.LittleEndian.Uint64(block[j:])
			m.sep |= gather(equalBytes(w, want[0])|equalBytes(w, want[1])) << j
			m.term |= gather(equalBytes(w, want[2])) << j
			m.rel |= gather(equalBytes(w, want[3])) << j
			// b&7F < 20 or b == 7F
			m.inv |= gather(^(w&low7+0x60*ones)&high|equalBytes(w, want[4])) << j
		}
		dst[i] = m
	}
}

// The same bits in each of the eight bytes of a word.
const (
	ones = 0x0101010101010101
	low7 = 0x7F * ones
	high = 0x80 * ones
)

// equalBytes sets the high bit of every byte that is the same in both words: adding 7F to the difference carries into
// the high bit unless the low seven bits are zero.
func equalBytes(a, b uint64) uint64 {
	x := a ^ b
	return ^((x&low7 + low7) | x) & high
}

// gather moves the high bits of the eight bytes into the low eight bits; byte 0 gives bit 0.
func gather(x uint64) uint64 { return x >> 7 * 0x0102040810204080 >> 56 }

// scanner finds the bytes that matter in a buffer. The positions in its lists are indexes of the buffer.
type scanner struct {
	svc     ServiceChars
	pattern *pattern
	vector  bool // use the vector forms
	blocks  [32]blockMask
	carry   uint64 // 1: the byte before the next one to scan is an unreleased release character

	marks []uint32
	terms []uint32 // indexes of marks
	odds  []odd
}

// odd is the place of an octet that needs to be reported.
type odd struct {
	pos      uint32
	released bool // it follows a release character
}

// setService puts service characters in force for the bytes not yet scanned.
func (s *scanner) setService(svc ServiceChars) {
	s.svc, s.pattern, s.vector = svc, newPattern(svc), hasVector
}

// scan appends what it finds in buf[from:to] to the lists. buf must be readable for a block beyond to.
func (s *scanner) scan(buf []byte, from, to int) {
	marks, terms := room(s.marks, to-from+2*blockSize), room(s.terms, to-from+2*blockSize)
	nm, nt := len(s.marks), len(s.terms)
	hasRelease := s.svc.Release != 0
	for from < to {
		n := min((to-from+blockSize-1)/blockSize, len(s.blocks))
		blocks := s.blocks[:n]
		if s.vector {
			scanBlocksVector(blocks, buf[from:from+n*blockSize], s.pattern)
		} else {
			scanBlocks(blocks, buf[from:from+n*blockSize], s.pattern)
		}
		for i := range blocks {
			m := &blocks[i]
			s.carry = fold(m, s.carry, min(to-from, blockSize), hasRelease)
			all := m.sep | m.term
			// Behind the last terminator of the block the list may hold garbage, see positions.
			for t, k := m.term, nt; ; k += 4 {
				w := terms[k : k+4 : k+4]
				for j := range w {
					w[j] = uint32(nm + bits.OnesCount64(all&(t&-t-1)))
					t &= t - 1
				}
				if t == 0 {
					break
				}
			}
			nt += bits.OnesCount64(m.term)
			if s.vector {
				nm += positionsVector(marks[nm:nm+blockSize], all, uint32(from))
			} else {
				nm += positions(marks[nm:nm+blockSize], all, uint32(from))
			}
			for v := m.inv; v != 0; v &= v - 1 {
				at := bits.TrailingZeros64(v)
				s.odds = append(s.odds, odd{uint32(from + at), m.rel>>at&1 != 0})
			}
			from += blockSize
		}
	}
	s.marks, s.terms = marks[:nm], terms[:nt]
}

// positions writes base plus the index of every bit of d to dst and returns how many there are. It writes eight at a
// time, garbage behind the last one included, because a loop that ends after an unforeseeable number of rounds
// costs more than the rounds.
func positions(dst []uint32, d uint64, base uint32) int {
	n := bits.OnesCount64(d)
	for i := 0; ; i += 8 {
		w := dst[i : i+8 : i+8]
		w[0] = base + uint32(bits.TrailingZeros64(d))
		d &= d - 1
		w[1] = base + uint32(bits.TrailingZeros64(d))
		d &= d - 1
		w[2] = base + uint32(bits.TrailingZeros64(d))
		d &= d - 1
		w[3] = base + uint32(bits.TrailingZeros64(d))
		d &= d - 1
		w[4] = base + uint32(bits.TrailingZeros64(d))
		d &= d - 1
		w[5] = base + uint32(bits.TrailingZeros64(d))
		d &= d - 1
		w[6] = base + uint32(bits.TrailingZeros64(d))
		d &= d - 1
		w[7] = base + uint32(bits.TrailingZeros64(d))
		d &= d - 1
		if d == 0 {
			return n
		}
	}
}

// room returns list with its length extended by n entries to be filled.
func room(list []uint32, n int) []uint32 {
	if len(list)+n > cap(list) {
		list = append(make([]uint32, 0, len(list)+n), list...)
	}
	return list[:len(list)+n]
}

// clear empties the lists.
func (s *scanner) clear() {
	s.marks, s.terms, s.odds = s.marks[:0], s.terms[:0], s.odds[:0]
}
