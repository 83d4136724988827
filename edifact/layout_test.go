package edifact_test

import (
	"bytes"
	"testing"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/edifact/edifacttest"
)

// TestLayout: a Layout shows of every segment what a Segment shows.
func TestLayout(t *testing.T) {
	t.Parallel()
	odd := []byte("UNB+UNOC:3+A:500+B:500+261103:0715+R'UNH+1+X:D:1:UN:1'\r\nAAA'BBB+'CCC+:'DDD+1:2+?+?:?'::+'EEE++++:?? '\nUNT+7+1'UNZ+1+R'")
	for _, data := range [][]byte{odd, edifacttest.MSCONS(1, 96), edifacttest.UTILMD(1)} {
		m := new(edifact.Message)
		for range 2 { // in a Message that is used again, too
			if err := edifact.NewReader(bytes.NewReader(data), edifact.Options{}).NextMessage(m); err != nil {
				t.Fatal(err)
			}
		}
		segments := 0
		for n := 1; n <= m.Len(); n++ {
			s, l := m.Segment(n), m.Layout(n)
			segments += len(s.Raw()) + 1
			if s.Elements() != l.Elements() {
				t.Errorf("%s: %d elements, want %d", s.Raw(), l.Elements(), s.Elements())
			}
			for e := -1; e <= s.Elements()+1; e++ {
				if s.Components(e) != l.Components(e) {
					t.Errorf("%s: %d components in element %d, want %d", s.Raw(), l.Components(e), e, s.Components(e))
				}
				for c := 0; c <= s.Components(e)+1; c++ {
					if want, got := s.RawComponent(e, c), l.RawComponent(e, c); !bytes.Equal(want, got) {
						t.Errorf("%s: %d:%d is %q, want %q", s.Raw(), e, c, got, want)
					}
				}
			}
		}
		if segments != len(m.Raw()) || m.Size() != segments {
			t.Errorf("Raw has %d bytes, the segments %d", len(m.Raw()), segments)
		}
	}
}
