package event

import (
	"errors"

	"github.com/marktbote/marktbote/edifact"
)

// Decimals is a list of decimal numbers that keeps every digit. It holds one text instead of one string per value,
// because a month of quarter hours has 2,976 of them.
type Decimals struct {
	text []byte
	ends []uint32
}

// Len returns the number of values.
func (d *Decimals) Len() int { return len(d.ends) }

// At returns value i, counted from 0, as decimal text with a point. It panics if there is none.
func (d *Decimals) At(i int) string {
	start := uint32(0)
	if i > 0 {
		start = d.ends[i-1]
	}
	return string(d.text[start:d.ends[i]])
}

// MarshalJSON returns a JSON array of strings.
func (d Decimals) MarshalJSON() ([]byte, error) {
	out := make([]byte, 0, len(d.text)+3*len(d.ends)+2)
	out = append(out, '[')
	start := uint32(0)
	for i, end := range d.ends {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(append(out, '"'), d.text[start:end]...), '"')
		start = end
	}
	return append(out, ']'), nil
}

// add appends a value from the message.
func (d *Decimals) add(value []byte, mark byte) error {
	text, err := appendDecimal(d.text, value, mark)
	if err != nil {
		return err
	}
	d.text = text
	d.ends = append(d.ends, uint32(len(text)))
	return nil
}

var errDecimal = errors.New("it is no decimal number")

// appendDecimal appends a number of the message: digits, a sign in front, mark as decimal mark. The point takes the
// place of the mark, everything else stays.
//
// Spec: ISO 9735:1988 10 (numeric values); Allgemeine Festlegungen 6.1 2.18
func appendDecimal(dst, value []byte, mark byte) ([]byte, error) {
	digits, marks := 0, 0
	for i, c := range value {
		switch {
		case c-'0' <= 9:
			digits++
		case c == '-' && i == 0:
		case c == mark && marks == 0 && digits > 0 && i < len(value)-1:
			marks++
			c = '.'
		default:
			return dst, errDecimal
		}
		dst = append(dst, c)
	}
	if digits == 0 {
		return dst, errDecimal
	}
	return dst, nil
}

// decimal reads a number of a segment.
func (p *parser) decimal(s *edifact.Segment, e, c int) string {
	b, err := appendDecimal(nil, s.Value(e, c), s.Service().Decimal)
	if err != nil {
		p.fail(s, e, c, err)
	}
	return string(b)
}
