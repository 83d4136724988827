package edifact

import (
	"errors"
	"io"
)

// This file keeps the Reader's buffer: it fills it, finds in it what scan.go looks for, and passes over what lies
// between segments. The buffer holds the segment being read and whatever was read behind it. It is moved to the
// front when it is full and grows only for a segment that fills most of it.

// peek returns the first byte of the next segment, or 0 if it has not been read yet.
func (r *Reader) peek() byte {
	if r.start < r.filled {
		return r.buf[r.start]
	}
	return 0
}

// skipBreaks passes over line breaks, and spaces next to them, between segments. Spaces alone belong to the
// segment, unless nothing follows.
func (r *Reader) skipBreaks() error {
	for i := 0; ; i++ {
		for r.start+i >= r.filled {
			if ok, err := r.more(); err != nil {
				return err
			} else if !ok {
				if !r.done {
					r.advance(r.filled)
				}
				return nil
			}
		}
		switch r.buf[r.start+i] {
		case '\r', '\n':
			r.advance(r.start + i + 1)
			i = -1
		case ' ':
		default:
			if i > 0 && r.start > 0 && isBreak(r.buf[r.start-1]) {
				r.advance(r.start + i)
			}
			return nil
		}
	}
}

func isBreak(b byte) bool { return b == '\r' || b == '\n' }

// advance makes the next segment begin at to and forgets what was found before.
func (r *Reader) advance(to int) {
	r.start = to
	for r.mark < len(r.found.marks) && int(r.found.marks[r.mark]) < to {
		r.mark++
	}
	for r.term < len(r.found.terms) && int(r.found.terms[r.term]) < r.mark {
		r.term++
	}
	for r.odd < len(r.found.odds) && int(r.found.odds[r.odd].pos) < to {
		r.odd++
	}
}

// more reads more of the input behind the bytes it has and scans them. It returns false if the input has ended
// or the segment is longer than allowed.
func (r *Reader) more() (bool, error) {
	if r.srcErr == io.EOF {
		return false, nil
	}
	if ok, err := r.makeRoom(); !ok {
		return false, err
	}
	n, err := r.fill()
	if n > 0 {
		r.found.scan(r.buf, r.filled-n, r.filled)
		r.lend()
	}
	return n > 0, err
}

// makeRoom makes sure that something can be read: it moves what has not been passed on to the front of a full
// buffer, and doubles the buffer if a segment fills most of it. It returns false if the segment is longer than
// allowed.
func (r *Reader) makeRoom() (bool, error) {
	if r.filled+blockSize < len(r.buf) {
		return true, nil
	}
	r.shift(max(r.start-1, 0)) // skipBreaks looks at the byte before the segment
	if r.filled > len(r.buf)/2 {
		if r.filled-r.start > r.opts.MaxSegmentBytes {
			return false, r.tooLong(KindSegmentTooLong, int64(r.opts.MaxSegmentBytes))
		}
		bigger := make([]byte, 2*len(r.buf))
		copy(bigger, r.buf[:r.filled])
		r.buf = bigger
	}
	return true, nil
}

// shift moves buf[by:] to the front, and the lists of the scanner with it.
func (r *Reader) shift(by int) {
	copy(r.buf, r.buf[by:r.filled])
	r.start -= by
	r.filled -= by
	r.origin += int64(by)
	f := &r.found
	f.marks = f.marks[:copy(f.marks, f.marks[r.mark:])]
	f.terms = f.terms[:copy(f.terms, f.terms[r.term:])]
	f.odds = f.odds[:copy(f.odds, f.odds[r.odd:])]
	for i := range f.marks {
		f.marks[i] -= uint32(by)
	}
	for i := range f.terms {
		f.terms[i] -= uint32(r.mark)
	}
	for i := range f.odds {
		f.odds[i].pos -= uint32(by)
	}
	r.mark, r.term, r.odd = 0, 0, 0
	r.clear = 0
}

// ensure reads until n bytes of the next segment are held or the input ends.
func (r *Reader) ensure(n int) error {
	for r.filled-r.start < n {
		if ok, err := r.more(); !ok {
			return err
		}
	}
	return nil
}

// rescan scans what is held of the next segment and behind it anew.
func (r *Reader) rescan() {
	r.found.clear()
	r.found.carry = 0
	r.mark, r.term, r.odd = 0, 0, 0
	r.found.scan(r.buf, r.start, r.filled)
	r.lend()
}

// fill reads once from the source to the end of the bytes held. It returns 0 at the end of the input.
func (r *Reader) fill() (int, error) {
	if r.srcErr != nil {
		if r.srcErr == io.EOF {
			return 0, nil
		}
		return 0, r.srcErr
	}
	for range 100 {
		n, err := r.src.Read(r.buf[r.filled : len(r.buf)-blockSize])
		if n < 0 || n > len(r.buf)-blockSize-r.filled {
			err, n = errors.New("edifact: source returned an impossible count"), 0
		}
		r.filled += n
		if err != nil {
			r.srcErr = err
			if err != io.EOF && n == 0 {
				return 0, err
			}
		}
		if n > 0 || err == io.EOF {
			return n, nil
		}
	}
	r.srcErr = io.ErrNoProgress
	return 0, r.srcErr
}
