package edifact_test

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/edifact/edifacttest"
)

// seed adds the inputs that every fuzz target starts from.
func seed(f *testing.F) {
	for _, in := range []string{
		"", "'", "UNA", "UNA:+.? '", simple, "UNA:+.? '\r\n" + strings.ReplaceAll(simple, "'", "'\r\n"), simple + simple,
		"UNA;*,! #UNB*UNOC;3*a*b*261103;0715*R#UNH*1*X#UNT*2*1#UNZ*1*R#", unb + unh + "FTX+a??+b?'c'UNT+3+1'" + unz,
		"\xEF\xBB\xBF" + simple, "U\x00N\x00B\x00", unb + unh + "DTM+137:202611030715?+00:303'", unb + "UNG+x'" + unz, unb + unb + unh + unh + unt + unt,
		string(edifacttest.MSCONS(1, 4)),
	} {
		f.Add([]byte(in))
	}
}

// FuzzReader holds what is true of every input: no panic, every position lies in the input and shows the segment,
// the pieces in which the input arrives do not matter, and limits hold.
func FuzzReader(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, in []byte) {
		opts := edifact.Options{Concatenated: true}
		whole := render(t, bytes.NewReader(in), opts)
		if pieces := render(t, iotest.OneByteReader(bytes.NewReader(in)), opts); pieces != whole {
			t.Fatalf("byte by byte:\n%s\nwhole:\n%s", pieces, whole)
		}
		if pieces := render(t, edifacttest.Chunks(in, uint64(len(in))), opts); pieces != whole {
			t.Fatalf("in pieces:\n%s\nwhole:\n%s", pieces, whole)
		}
		opts = edifact.Options{MaxFaults: 5, MaxMessageBytes: 1000, MaxSegmentBytes: 100, Strict: true}
		r := edifact.NewReader(bytes.NewReader(in), opts)
		var end int64
		number := 0
		for {
			s, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			raw := s.Raw()
			if s.Offset() < end || s.Offset()+int64(len(raw)) > int64(len(in)) || len(raw) > 100 {
				t.Fatalf("segment at %d, length %d, after %d", s.Offset(), len(raw), end)
			}
			if !bytes.Equal(in[s.Offset():s.Offset()+int64(len(raw))], raw) {
				t.Fatalf("segment at %d is not %q", s.Offset(), raw)
			}
			end = s.Offset() + int64(len(raw))
			if s.Number() > 1 && s.Number() != number+1 {
				t.Fatalf("segment %d follows segment %d", s.Number(), number)
			}
			number = s.Number()
			for at, part := range s.All() {
				if !bytes.Equal(part, s.RawComponent(at.Element, at.Component)) {
					t.Fatalf("component %v: %q and %q", at, part, s.RawComponent(at.Element, at.Component))
				}
				p := s.ComponentPosition(at.Element, at.Component)
				if string(in[p.Offset:p.Offset+int64(p.Length)]) != string(part) {
					t.Fatalf("position of %v is wrong", at)
				}
				_ = s.Text(at.Element, at.Component)
			}
		}
		if r.Offset() > int64(len(in)) || len(r.Faults()) > 6 || r.ErrorCount() > r.FaultCount() || r.FaultCount() < len(r.Faults()) {
			t.Fatalf("offset %d of %d, %d faults", r.Offset(), len(in), len(r.Faults()))
		}
		for _, fault := range r.Faults() {
			if fault.Pos.Offset < 0 || fault.Pos.Offset+int64(fault.Pos.Length) > int64(len(in))+int64(opts.MaxMessageBytes) || fault.Error() == "" {
				t.Fatalf("%v of %d", fault.Pos, len(in))
			}
		}
	})
}
