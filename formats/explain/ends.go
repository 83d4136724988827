package explain

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/marktbote/marktbote/edifact"
)

const (
	endSize     = 8 << 10 // kept of either end; UNB and UNZ have less than 200 bytes
	previewSize = 256
)

// ends is a reader that keeps the first and the last bytes that pass through it: the service segments around the
// messages, which the check does not hand out, stand there.
type ends struct {
	src  io.Reader
	head []byte
	tail []byte // at most twice endSize
	size int64
}

// Read reads from the source.
func (e *ends) Read(p []byte) (int, error) {
	n, err := e.src.Read(p)
	got := p[:n]
	e.size += int64(n)
	if room := endSize - len(e.head); room > 0 {
		e.head = append(e.head, got[:min(room, n)]...)
	}
	got = got[max(0, n-endSize):]
	if len(e.tail)+len(got) > 2*endSize {
		e.tail = append(e.tail[:0], e.tail[len(e.tail)-endSize:]...)
	}
	e.tail = append(e.tail, got...)
	return n, err
}

// una returns the nine bytes of UNA.
func (e *ends) una() (raw []byte, ok bool) {
	return e.head[:min(9, len(e.head))], len(e.head) >= 9 && string(e.head[:3]) == "UNA"
}

// unb returns the header of the interchange, nil if there is none.
func (e *ends) unb() *edifact.Segment {
	return firstOf(edifact.UNB, e.head)
}

// unz returns the segment at the end and its offset in the file, nil if there is none.
func (e *ends) unz(svc edifact.ServiceChars) (s *edifact.Segment, offset int64) {
	i := bytes.LastIndex(e.tail, []byte{'U', 'N', 'Z', svc.Element})
	if i < 0 {
		return nil, 0
	}
	before := bytes.TrimRight(e.tail[:i], "\r\n")
	if len(before) == 0 || before[len(before)-1] != svc.Terminator {
		return nil, 0
	}
	// The reader wants the beginning of an interchange, with the same service characters.
	release := svc.Release
	if release == 0 {
		release = ' '
	}
	file := append([]byte{'U', 'N', 'A', svc.Component, svc.Element, svc.Decimal, release, ' ', svc.Terminator}, "UNB"...)
	file = append(file, svc.Element, '1', svc.Terminator)
	return firstOf(edifact.UNZ, append(file, e.tail[i:]...)), e.size - int64(len(e.tail)-i)
}

// firstOf returns the first segment with a tag among the first ones.
func firstOf(tag edifact.Tag, data []byte) *edifact.Segment {
	r := edifact.NewReader(bytes.NewReader(data), edifact.Options{})
	for range 3 {
		s, err := r.Next()
		if err != nil {
			return nil
		}
		if s.Tag() == tag {
			return s
		}
	}
	return nil
}

// preview dumps the first bytes of the file.
func (e *ends) preview() []PreviewLine {
	var list []PreviewLine
	data := e.head[:min(len(e.head), previewSize)]
	for i := 0; i < len(data); i += 16 {
		line := data[i:min(i+16, len(data))]
		text := strings.Map(func(r rune) rune {
			if r < ' ' || r >= 0x7F && r <= 0xA0 {
				return '·'
			}
			return r
		}, edifact.Latin1String(line))
		list = append(list, PreviewLine{Offset: int64(i), Hex: fmt.Sprintf("% X", line), Text: text})
	}
	return list
}
