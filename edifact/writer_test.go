package edifact_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/edifact/edifacttest"
)

func TestWriter(t *testing.T) {
	var out bytes.Buffer
	w := edifact.NewWriter(&out, edifact.DefaultService)
	steps := []error{
		w.UNA(),
		w.Segment("UNB", edifact.C("UNOC", "3"), edifact.C("9900123400007", "500"), edifact.C("9900987600009", "500"),
			edifact.C("261103", "0715"), edifact.C("RE'F"), nil, edifact.C("TL"), nil),
		w.BeginMessage("1", edifact.C("UTILMD", "D", "11A", "UN", "S2.2")),
		w.Segment("NAD", edifact.C("Z09"), nil, nil, edifact.C("Müller: 100%?", "", "", "Ö+", "", ""), edifact.C("")),
		w.Segment("IMD", nil, edifact.C("", "Z")),
		w.EndMessage(),
		w.EndInterchange(),
		w.Flush(),
	}
	if err := errors.Join(steps...); err != nil {
		t.Fatal(err)
	}
	want := "UNA:+.? 'UNB+UNOC:3+9900123400007:500+9900987600009:500+261103:0715+RE?'F++TL'UNH+1+UTILMD:D:11A:UN:S2.2'" +
		"NAD+Z09+++M\xFCller?: 100%??:::\xD6?+'IMD++:Z'UNT+4+1'UNZ+1+RE?'F'"
	if got := out.String(); got != want {
		t.Error(cmp.Diff(want, got))
	}
	if list := faults(t, out.String(), edifact.Options{}); list != nil {
		t.Error(list)
	}
}

func TestWriterRefuses(t *testing.T) {
	begin := func(w *edifact.Writer) error {
		return errors.Join(w.Segment("UNB", edifact.C("UNOC", "3")), w.BeginMessage("1", edifact.C("X")))
	}
	tests := []struct {
		name string
		do   func(w *edifact.Writer) error
	}{
		{"euro sign", func(w *edifact.Writer) error {
			return errors.Join(begin(w), w.Segment("FTX", edifact.C("5 €")))
		}},
		{"control character", func(w *edifact.Writer) error { return errors.Join(begin(w), w.Segment("FTX", edifact.C("a\nb"))) }},
		{"C1 character", func(w *edifact.Writer) error { return errors.Join(begin(w), w.Segment("FTX", edifact.C("a\u0085b"))) }},
		{"invalid UTF-8", func(w *edifact.Writer) error { return errors.Join(begin(w), w.Segment("FTX", edifact.C("a\xFFb"))) }},
		{"bad tag", func(w *edifact.Writer) error { return errors.Join(begin(w), w.Segment("ft", edifact.C("a"))) }},
		{"UNT by hand", func(w *edifact.Writer) error { return errors.Join(begin(w), w.Segment("UNT", edifact.C("2"))) }},
		{"segment outside", func(w *edifact.Writer) error { return w.Segment("BGM") }},
		{"UNH outside", func(w *edifact.Writer) error { return w.BeginMessage("1", nil) }},
		{"UNT outside", func(w *edifact.Writer) error { return w.EndMessage() }},
		{"UNZ outside", func(w *edifact.Writer) error { return w.EndInterchange() }},
		{"UNZ in a message", func(w *edifact.Writer) error { return errors.Join(begin(w), w.EndInterchange()) }},
		{"UNB in a message", func(w *edifact.Writer) error { return errors.Join(begin(w), w.Segment("UNB")) }},
		{"UNH in a message", func(w *edifact.Writer) error { return errors.Join(begin(w), w.BeginMessage("2", nil)) }},
	}
	for _, tt := range tests {
		w := edifact.NewWriter(io.Discard, edifact.DefaultService)
		err := tt.do(w)
		if err == nil {
			t.Errorf("%s: accepted", tt.name)
		} else if w.Flush() == nil || w.Segment("BGM") == nil {
			t.Errorf("%s: the error is not sticky", tt.name)
		}
	}
	ce, ok := errors.AsType[*edifact.CharsetError](tests[0].do(edifact.NewWriter(io.Discard, edifact.DefaultService)))
	if !ok || ce.Rune != '€' || ce.Offset != 2 {
		t.Errorf("got %v", ce)
	}
}

// rewrite reads an interchange and writes it again from its values.
func rewrite(in []byte) ([]byte, error) {
	r := edifact.NewReader(bytes.NewReader(in), edifact.Options{Concatenated: true})
	var out bytes.Buffer
	var w *edifact.Writer
	for {
		s, err := r.Next()
		if err == io.EOF {
			if w == nil {
				return nil, errors.New("no interchange")
			}
			err = w.Flush()
			return out.Bytes(), err
		}
		if err != nil {
			return nil, err
		}
		var elements [][]string
		for e := 2; e <= s.Elements(); e++ {
			var components []string
			for c := 1; c <= s.Components(e); c++ {
				components = append(components, s.Text(e, c))
			}
			elements = append(elements, components)
		}
		switch s.Tag() {
		case edifact.UNB:
			if w != nil {
				if err := w.Flush(); err != nil {
					return nil, err
				}
			}
			w = edifact.NewWriter(&out, s.Service())
			if bytes.HasPrefix(in[max(0, int(s.Offset())-9):], []byte("UNA")) {
				err = w.UNA()
			}
			err = errors.Join(err, w.Segment("UNB", elements...))
		case edifact.UNH:
			for len(elements) < 2 {
				elements = append(elements, nil)
			}
			err = w.BeginMessage(s.Text(2, 1), elements[1], elements[2:]...)
		case edifact.UNT:
			err = w.EndMessage()
		case edifact.UNZ:
			err = w.EndInterchange()
		default:
			err = w.Segment(s.Tag().String(), elements...)
		}
		if err != nil {
			return nil, err
		}
	}
}

// TestRoundTrip is the property write(read(x)) = x for canonical x: from the values, and by copying.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := canonical(t)
		out, err := rewrite(in)
		if err != nil {
			t.Fatalf("%q: %v", in, err)
		}
		if !bytes.Equal(in, out) {
			t.Fatalf("in  %q\nout %q", in, out)
		}
		r := edifact.NewReader(bytes.NewReader(in), edifact.Options{})
		var copied bytes.Buffer
		var w *edifact.Writer
		for s, err := r.Next(); err == nil; s, err = r.Next() {
			if w == nil {
				w = edifact.NewWriter(&copied, s.Service())
				_ = w.UNA()
			}
			_ = w.Copy(s)
		}
		if err := w.Flush(); err != nil || !bytes.Equal(in, copied.Bytes()) {
			t.Fatalf("copy: %v\nin  %q\nout %q", err, in, copied.Bytes())
		}
		if r.FaultCount() != 0 {
			t.Fatalf("%q: %v", in, r.Faults())
		}
	})
	for _, in := range [][]byte{edifacttest.MSCONS(1, 96), edifacttest.UTILMD(30_000)} {
		if out, err := rewrite(in); err != nil || !bytes.Equal(in, out) {
			t.Errorf("%v: %d bytes became %d", err, len(in), len(out))
		}
	}
}

// canonical draws an interchange in canonical form: no empty elements at the end, counters and references right.
func canonical(t *rapid.T) []byte {
	svc := rapid.SampledFrom([]edifact.ServiceChars{
		edifact.DefaultService,
		{Component: ';', Element: '*', Decimal: ',', Release: '!', Reserved: ' ', Terminator: '#'},
	}).Draw(t, "service characters")
	text := rapid.StringOfN(rapid.SampledFrom([]rune("ABCxyz09 :+.?'*;!#äÖß§°\u00A0ÿ-/()&%")), 1, 12, -1)
	element := rapid.Custom(func(t *rapid.T) []string {
		list := rapid.SliceOfN(rapid.OneOf(text, rapid.Just("")), 0, 5).Draw(t, "components")
		return list
	})
	ref := rapid.StringMatching(`[A-Z0-9]{1,14}`)
	var out bytes.Buffer
	w := edifact.NewWriter(&out, svc)
	_ = w.UNA()
	_ = w.Segment("UNB", edifact.C("UNOC", "3"), edifact.C(ref.Draw(t, "sender"), "500"), edifact.C("9900987600009", "500"), edifact.C("261103", "0715"),
		edifact.C(ref.Draw(t, "control reference")))
	refs := rapid.SliceOfNDistinct(ref, 1, 4, rapid.ID).Draw(t, "message references")
	for _, r := range refs {
		_ = w.BeginMessage(r, edifact.C("UTILMD", "D", "11A", "UN", "S2.2"))
		for range rapid.IntRange(0, 6).Draw(t, "segments") {
			tag := rapid.StringMatching(`[A-TV-Z][A-Z]{2}`).Draw(t, "tag")
			_ = w.Segment(tag, rapid.SliceOfN(element, 0, 6).Draw(t, "elements")...)
		}
		_ = w.EndMessage()
	}
	_ = w.EndInterchange()
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// FuzzRoundTrip writes what could be read without a fault, and reads it again: the values are the same.
func FuzzRoundTrip(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, in []byte) {
		r := edifact.NewReader(bytes.NewReader(in), edifact.Options{})
		for {
			s, err := r.Next()
			if err != nil {
				break
			}
			if s.Tag() == edifact.UNA {
				return // an unknown segment to the message, which only its rules can say; the Writer refuses it
			}
		}
		if r.FaultCount() > 0 {
			return
		}
		once, err := rewrite(in)
		if err != nil {
			t.Fatalf("%q: %v", in, err)
		}
		if a, b := values(t, in), values(t, once); a != b {
			t.Fatalf("values differ:\n%s", cmp.Diff(a, b))
		}
		twice, err := rewrite(once)
		if err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("not canonical: %v\n%q\n%q", err, once, twice)
		}
	})
}

// values renders tags and values without places; empty elements at the end do not count.
func values(tb testing.TB, in []byte) string {
	var out strings.Builder
	r := edifact.NewReader(bytes.NewReader(in), edifact.Options{})
	for s, err := r.Next(); err == nil; s, err = r.Next() {
		out.WriteString(s.Tag().String())
		if tag := s.Tag(); tag == edifact.UNT || tag == edifact.UNZ {
			continue // leading zeros of counters are not kept
		}
		line := ""
		for e := 2; e <= s.Elements(); e++ {
			element := ""
			for c := 1; c <= s.Components(e); c++ {
				element += "\x00" + s.Text(e, c)
			}
			line += "\x01" + strings.TrimRight(element, "\x00")
		}
		out.WriteString(strings.TrimRight(line, "\x01"))
		out.WriteByte('\n')
	}
	return out.String()
}

// FuzzWriter writes any text and reads it back.
func FuzzWriter(f *testing.F) {
	f.Add("Müller", "a+b:c'd?e", "", "x")
	f.Add("€", "\n", "?", "''")
	f.Fuzz(func(t *testing.T, a, b, c, d string) {
		var out bytes.Buffer
		w := edifact.NewWriter(&out, edifact.DefaultService)
		_ = w.Segment("UNB", edifact.C("UNOC", "3"), edifact.C("S"), edifact.C("R"), edifact.C("261103", "0715"), edifact.C("REF"))
		_ = w.BeginMessage("1", edifact.C("UTILMD"))
		_ = w.Segment("FTX", edifact.C(a, b), edifact.C(c), edifact.C("", d))
		_ = w.EndMessage()
		_ = w.EndInterchange()
		if err := w.Flush(); err != nil {
			if _, ok := errors.AsType[*edifact.CharsetError](err); !ok {
				t.Fatal(err)
			}
			return
		}
		r := edifact.NewReader(&out, edifact.Options{Strict: true})
		var m edifact.Message
		if err := r.NextMessage(&m); err != nil {
			t.Fatal(err)
		}
		for r.NextMessage(&m) == nil {
			t.Fatal("more than one message")
		}
		s := m.Segment(2)
		got := []string{s.Text(2, 1), s.Text(2, 2), s.Text(3, 1), s.Text(4, 2)}
		want := []string{a, b, c, d}
		for i := range want {
			want[i] = strings.Trim(want[i], " ") // spaces at the ends are not transferred
		}
		if diff := cmp.Diff(want, got); diff != "" || r.FaultCount() > 0 {
			t.Fatalf("%s %v", diff, r.Faults())
		}
	})
}
