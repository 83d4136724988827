package edifact_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/edifact/edifacttest"
)

const (
	unb    = "UNB+UNOC:3+9900123400007:500+9900987600009:500+261103:0715+REF1'"
	unh    = "UNH+1+UTILMD:D:11A:UN:S2.2'"
	unt    = "UNT+2+1'"
	unz    = "UNZ+1+REF1'"
	simple = unb + unh + unt + unz
)

// render reads everything and prints tags, places and values, then the faults.
func render(tb testing.TB, src io.Reader, opts edifact.Options) string {
	tb.Helper()
	var out strings.Builder
	r := edifact.NewReader(src, opts)
	for {
		s, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			tb.Fatal(err)
		}
		fmt.Fprintf(&out, "%d m%d s%d %s", s.Offset(), s.Message(), s.Number(), s.Tag())
		for e := 2; e <= s.Elements(); e++ {
			for c := 1; c <= s.Components(e); c++ {
				fmt.Fprintf(&out, " %d:%d=%q", e, c, s.Text(e, c))
			}
		}
		out.WriteByte('\n')
	}
	for _, f := range r.Faults() {
		fmt.Fprintf(&out, "%s\n", fault(f))
	}
	return out.String()
}

// fault prints what a test wants to know of a fault: code, level, place.
func fault(f edifact.SyntaxError) string {
	level := [...]string{"-", "UCI", "UCM", "UCS", "UCD"}[f.Level()]
	return fmt.Sprintf("%s %d %s m%d s%d %d:%d @%d+%d", level, f.Code(), f.Pos.Tag, f.Pos.Message, f.Pos.Segment,
		f.Pos.Element, f.Pos.Component, f.Pos.Offset, f.Pos.Length)
}

func faults(tb testing.TB, in string, opts edifact.Options) []string {
	tb.Helper()
	r := edifact.NewReader(strings.NewReader(in), opts)
	for {
		if _, err := r.Next(); err == io.EOF {
			break
		} else if err != nil {
			tb.Fatal(err)
		}
	}
	var list []string
	for _, f := range r.Faults() {
		list = append(list, fault(f))
	}
	return list
}

func TestReaderValues(t *testing.T) {
	in := "UNA:+.? '\r\n" + unb + "\n" + unh + "DTM+137:202611030715?+00:303'\r\nNAD+Z09+++M\xFCller ??:?'Erna??'IMD++'X?+Y'" +
		"FTX+AAI+++a::c+'" + "UNT+6+1'" + unz + "\r\n"
	got := render(t, strings.NewReader(in), edifact.Options{})
	want := `11 m0 s0 UNB 2:1="UNOC" 2:2="3" 3:1="9900123400007" 3:2="500" 4:1="9900987600009" 4:2="500" 5:1="261103" 5:2="0715" 6:1="REF1"
76 m1 s1 UNH 2:1="1" 3:1="UTILMD" 3:2="D" 3:3="11A" 3:4="UN" 3:5="S2.2"
103 m1 s2 DTM 2:1="137" 2:2="202611030715+00" 2:3="303"
134 m1 s3 NAD 2:1="Z09" 3:1="" 4:1="" 5:1="Müller ?" 5:2="'Erna?"
163 m1 s4 IMD 2:1="" 3:1=""
169 m1 s5 
174 m1 s6 FTX 2:1="AAI" 3:1="" 4:1="" 5:1="a" 5:2="" 5:3="c" 6:1=""
190 m1 s7 UNT 2:1="6" 3:1="1"
198 m0 s0 UNZ 2:1="1" 3:1="REF1"
UCS 15  m1 s5 0:0 @169+4
UCM 29 UNT m1 s7 2:0 @194+1
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestServiceChars(t *testing.T) {
	want := render(t, strings.NewReader("UNA:+.? '"+simple), edifact.Options{})
	for _, una := range []string{"UNA;*,! #", "UNA|~.\\ $", "UNA:+.? ]", "UNA+:.? '", "UNA:+,? ;", "UNA:+.? \xA7"} {
		svc := []byte(una[3:])
		in := []byte(una + simple)
		for i := 9; i < len(in); i++ {
			switch in[i] {
			case ':':
				in[i] = svc[0]
			case '+':
				in[i] = svc[1]
			case '\'':
				in[i] = svc[5]
			}
		}
		if got := render(t, bytes.NewReader(in), edifact.Options{}); got != want {
			t.Errorf("%s: %s", una, cmp.Diff(want, got))
		}
	}
	// No release character: it is data.
	in := "UNA:+.  '" + unb + unh + "FTX+a?+b'UNT+3+1'" + unz
	if got := render(t, strings.NewReader(in), edifact.Options{}); !strings.Contains(got, `FTX 2:1="a?" 3:1="b"`) {
		t.Errorf("without release character: %s", got)
	}
}

// TestFaults holds one input per fault; every one must be found exactly once, at its place.
func TestFaults(t *testing.T) {
	msg := func(segments string, n int) string {
		return unb + unh + segments + "UNT+" + strconv.Itoa(n) + "+1'" + unz
	}
	at := func(in, what string) int { return strings.Index(in, what) }
	tests := []struct {
		name, in string
		opts     edifact.Options
		want     func(in string) []string
	}{
		{"good", simple, edifact.Options{}, func(string) []string { return nil }},
		{"empty", "", edifact.Options{}, func(string) []string { return []string{"- 0  m0 s0 0:0 @0+0"} }},
		{"only line breaks", " \r\n\n ", edifact.Options{}, func(string) []string { return []string{"- 0  m0 s0 0:0 @5+0"} }},
		{"not EDIFACT", "%PDF-1.7 whatever 'x+y'", edifact.Options{}, func(string) []string { return []string{"- 0  m0 s0 0:0 @0+3"} }},
		{"UTF-16", "U\x00N\x00B\x00+\x00", edifact.Options{}, func(string) []string { return []string{"- 0  m0 s0 0:0 @0+2"} }},
		{"UTF-16 with byte order mark", "\xFF\xFEU\x00N\x00", edifact.Options{}, func(string) []string { return []string{"- 0  m0 s0 0:0 @0+2"} }},
		{"byte order mark", "\xEF\xBB\xBF" + simple, edifact.Options{}, func(string) []string { return []string{"UCI 21 UNB m0 s0 1:0 @0+3"} }},
		{"byte order mark before UNA", "\xEF\xBB\xBFUNA:+.? '" + simple, edifact.Options{}, func(string) []string { return []string{"UCI 21 UNA m0 s0 1:0 @0+3"} }},
		{"line break before UNB", "\r\n" + simple, edifact.Options{}, func(string) []string { return []string{"- 0  m0 s0 0:0 @0+2"} }},
		{"UNA with equal characters", "UNA:+.: '" + simple, edifact.Options{}, func(string) []string { return []string{"UCI 20 UNA m0 s0 2:4 @0+9"} }},
		{"UNA with a letter", "UNA:A.? '" + simple, edifact.Options{}, func(string) []string { return []string{"UCI 20 UNA m0 s0 2:2 @0+9"} }},
		{"UNA with a digit as terminator", "UNA:+.? 7" + simple, edifact.Options{}, func(string) []string { return []string{"UCI 20 UNA m0 s0 2:6 @0+9"} }},
		{"UNA too short", "UNA:+.?'" + simple, edifact.Options{}, func(string) []string { return []string{"UCI 20 UNA m0 s0 2:6 @0+9"} }},
		{"only UNA", "UNA:+", edifact.Options{}, func(string) []string { return []string{"UCI 20 UNA m0 s0 0:0 @0+5"} }},
		{"UNA and nothing else", "UNA:+.? '", edifact.Options{}, func(string) []string { return []string{"- 0  m0 s0 0:0 @9+0"} }},
		{"other syntax identifier", strings.Replace(simple, "UNOC", "UNOA", 1), edifact.Options{}, func(string) []string { return []string{"UCI 2 UNB m0 s0 2:1 @4+4"} }},
		{"other syntax version", strings.Replace(simple, "UNOC:3", "UNOC:4", 1), edifact.Options{}, func(string) []string { return []string{"UCI 2 UNB m0 s0 2:2 @9+1"} }},
		{"no control reference", strings.Replace(strings.Replace(simple, "+REF1'", "'", 1), "+REF1", "+", 1), edifact.Options{}, func(in string) []string {
			return []string{"UCI 13 UNB m0 s0 6:0 @58+0"}
		}},
		{"UNB too long", strings.Replace(simple, "+REF1'", "+REF1+++++++X'", 1), edifact.Options{}, func(in string) []string {
			return []string{"UCI 16 UNB m0 s0 13:0 @" + strconv.Itoa(at(in, "X'")) + "+1"}
		}},
		{"UNB composite too long", strings.Replace(simple, "UNOC:3", "UNOC:3:X", 1), edifact.Options{}, func(in string) []string { return []string{"UCI 16 UNB m0 s0 2:3 @11+1"} }},
		{"UNZ missing", unb + unh + unt, edifact.Options{}, func(in string) []string { return []string{fmt.Sprintf("UCI 13 UNZ m0 s0 0:0 @%d+0", len(in))} }},
		{"UNT and UNZ missing", unb + unh, edifact.Options{}, func(in string) []string {
			return []string{fmt.Sprintf("UCM 13 UNT m1 s1 0:0 @%d+0", len(in)), fmt.Sprintf("UCI 13 UNZ m0 s0 0:0 @%d+0", len(in))}
		}},
		{"UNT missing", unb + unh + unz, edifact.Options{}, func(in string) []string { return []string{fmt.Sprintf("UCM 13 UNT m1 s1 0:0 @%d+0", at(in, "UNZ"))} }},
		{"UNT missing before UNH", unb + unh + "UNH+2+UTILMD:D:11A:UN:S2.2'UNT+2+2'UNZ+2+REF1'", edifact.Options{}, func(in string) []string {
			return []string{fmt.Sprintf("UCM 13 UNT m1 s1 0:0 @%d+0", at(in, "UNH+2"))}
		}},
		{"count in UNT", unb + unh + "UNT+3+1'" + unz, edifact.Options{}, func(in string) []string { return []string{fmt.Sprintf("UCM 29 UNT m1 s2 2:0 @%d+1", at(in, "3+1'"))} }},
		{"count in UNT no number", unb + unh + "UNT+A+1'" + unz, edifact.Options{}, func(in string) []string { return []string{fmt.Sprintf("UCM 12 UNT m1 s2 2:0 @%d+1", at(in, "A+1'"))} }},
		{"count in UNT empty", unb + unh + "UNT++1'" + unz, edifact.Options{}, func(in string) []string { return []string{fmt.Sprintf("UCM 13 UNT m1 s2 2:0 @%d+0", at(in, "+1'UNZ"))} }},
		{"reference in UNT", unb + unh + "UNT+2+9'" + unz, edifact.Options{}, func(in string) []string { return []string{fmt.Sprintf("UCM 28 UNT m1 s2 3:0 @%d+1", at(in, "9'UNZ"))} }},
		{"UNT too long", unb + unh + "UNT+2+1+X'" + unz, edifact.Options{}, func(in string) []string { return []string{fmt.Sprintf("UCM 16 UNT m1 s2 4:0 @%d+1", at(in, "X'UNZ"))} }},
		{"UNH composite too long", unb + "UNH+1+UTILMD:D:11A:UN:S2.2:X'" + unt + unz, edifact.Options{}, func(in string) []string { return []string{fmt.Sprintf("UCM 16 UNH m1 s1 3:6 @%d+1", at(in, "X'"))} }},
		{"message reference empty", unb + "UNH++UTILMD:D:11A:UN:S2.2'UNT+2+'" + unz, edifact.Options{}, func(in string) []string {
			return []string{fmt.Sprintf("UCM 13 UNH m1 s1 2:0 @%d+0", at(in, "+UTILMD"))}
		}},
		{"message reference twice", unb + unh + unt + unh + unt + "UNZ+2+REF1'", edifact.Options{}, func(in string) []string {
			return []string{fmt.Sprintf("UCM 26 UNH m2 s1 2:0 @%d+1", strings.LastIndex(in, "UNH")+4)}
		}},
		{"count in UNZ", unb + unh + unt + "UNZ+2+REF1'", edifact.Options{}, func(in string) []string {
			return []string{fmt.Sprintf("UCI 29 UNZ m0 s0 2:0 @%d+1", at(in, "2+REF1'"))}
		}},
		{"count in UNZ no number", unb + unh + unt + "UNZ+x+REF1'", edifact.Options{}, func(in string) []string {
			return []string{fmt.Sprintf("UCI 12 UNZ m0 s0 2:0 @%d+1", at(in, "x+REF1'"))}
		}},
		{"reference in UNZ", unb + unh + unt + "UNZ+1+REF2'", edifact.Options{}, func(in string) []string { return []string{fmt.Sprintf("UCI 28 UNZ m0 s0 3:0 @%d+4", at(in, "REF2"))} }},
		{"UNZ too long", unb + unh + unt + "UNZ+1+REF1+X'", edifact.Options{}, func(in string) []string { return []string{fmt.Sprintf("UCI 16 UNZ m0 s0 4:0 @%d+1", at(in, "X'"))} }},
		{"no message", unb + "UNZ+0+REF1'", edifact.Options{}, func(in string) []string { return []string{fmt.Sprintf("UCI 32 UNZ m0 s0 0:0 @%d+10", at(in, "UNZ"))} }},
		{"functional group", unb + "UNG+UTILMD'" + unh + unt + unz, edifact.Options{}, func(in string) []string { return []string{fmt.Sprintf("UCI 16 UNB m0 s0 0:0 @%d+10", at(in, "UNG"))} }},
		{"segment before UNH", unb + "BGM+E01'" + unh + unt + unz, edifact.Options{}, func(in string) []string { return []string{fmt.Sprintf("UCI 16 UNB m0 s0 0:0 @%d+7", at(in, "BGM"))} }},
		{"segment after UNT", unb + unh + unt + "BGM+E01'" + unz, edifact.Options{}, func(in string) []string { return []string{fmt.Sprintf("UCI 16 UNZ m0 s0 0:0 @%d+7", at(in, "BGM"))} }},
		{"several segments before UNH", unb + "BGM+E01'RFF+1''" + unh + unt + unz, edifact.Options{}, func(in string) []string { return []string{fmt.Sprintf("UCI 16 UNB m0 s0 0:0 @%d+7", at(in, "BGM"))} }},
		{"several segments after UNT", unb + unh + unt + "BGM+E01'RFF+1'" + unz, edifact.Options{}, func(in string) []string { return []string{fmt.Sprintf("UCI 16 UNZ m0 s0 0:0 @%d+7", at(in, "BGM"))} }},
		{"UNH missing", unb + "BGM+E01'" + unt + unz, edifact.Options{}, func(in string) []string { return []string{fmt.Sprintf("UCI 32 UNZ m0 s0 0:0 @%d+10", at(in, "UNZ"))} }},
		{"UNH, UNT and UNZ missing", unb + "BGM+E01'", edifact.Options{}, func(in string) []string {
			return []string{fmt.Sprintf("UCI 16 UNB m0 s0 0:0 @%d+7", at(in, "BGM")), fmt.Sprintf("UCI 13 UNZ m0 s0 0:0 @%d+0", len(in))}
		}},
		{"trailing garbage", simple + "garbage", edifact.Options{}, func(string) []string { return []string{fmt.Sprintf("UCI 16 UNZ m0 s0 0:0 @%d+3", len(simple))} }},
		{"trailing line breaks", simple + "\r\n \n", edifact.Options{}, func(string) []string { return nil }},
		{"trailing spaces", simple + "   ", edifact.Options{}, func(string) []string { return nil }},
		{"second interchange", simple + simple, edifact.Options{}, func(string) []string { return []string{fmt.Sprintf("UCI 16 UNZ m0 s0 0:0 @%d+3", len(simple))} }},
		{"second interchange with UNA", simple + "\nUNA:+.? '" + simple, edifact.Options{}, func(string) []string { return []string{fmt.Sprintf("UCI 16 UNZ m0 s0 0:0 @%d+3", len(simple)+1)} }},
		{"second interchange allowed", simple + "\nUNA:+.? '" + simple, edifact.Options{Concatenated: true}, func(string) []string { return nil }},
		{"second UNB without UNZ", unb + unh + unt + simple, edifact.Options{}, func(in string) []string {
			return []string{fmt.Sprintf("UCI 13 UNZ m0 s0 0:0 @%d+0", strings.LastIndex(in, "UNB"))}
		}},
		{"tag in lower case", msg("bgm+1'", 3), edifact.Options{}, func(in string) []string { return []string{fmt.Sprintf("UCS 15  m1 s2 0:0 @%d+5", at(in, "bgm"))} }},
		{"tag too long", msg("BGMX+1'", 3), edifact.Options{}, func(in string) []string { return []string{fmt.Sprintf("UCS 15  m1 s2 0:0 @%d+6", at(in, "BGM"))} }},
		{"tag nested", msg("BGM:1+1'", 3), edifact.Options{}, func(in string) []string { return []string{fmt.Sprintf("UCS 15  m1 s2 0:0 @%d+7", at(in, "BGM"))} }},
		{"empty segment", msg("BGM+1''", 3), edifact.Options{}, func(in string) []string { return []string{fmt.Sprintf("UCS 15  m1 s3 0:0 @%d+1", at(in, "'UNT"))} }},
		{"octet in UNB", strings.Replace(simple, "REF1'", "RE\x81F1'", 1), edifact.Options{}, func(in string) []string {
			return []string{fmt.Sprintf("UCI 21 UNB m0 s0 6:1 @%d+1", at(in, "\x81"))}
		}},
		{"octet in UNH", strings.Replace(simple, "UTILMD", "UTI\x00LMD", 1), edifact.Options{}, func(in string) []string { return []string{fmt.Sprintf("UCM 21 UNH m1 s1 3:1 @%d+1", at(in, "\x00"))} }},
		{"octet in an element", msg("FTX+ACB+++a:b\x7Fc\x1F'", 3), edifact.Options{}, func(in string) []string { return []string{fmt.Sprintf("UCD 21 FTX m1 s2 5:2 @%d+1", at(in, "\x7F"))} }},
		{"line break in an element", msg("FTX+ACB+++a\r\nb'", 3), edifact.Options{}, func(in string) []string { return []string{fmt.Sprintf("UCD 21 FTX m1 s2 5:1 @%d+1", at(in, "\r"))} }},
		{"needless release", msg("FTX+ACB+++a?bc'", 3), edifact.Options{}, func(in string) []string { return []string{fmt.Sprintf("UCD 22 FTX m1 s2 5:1 @%d+2", at(in, "?b"))} }},
		{"release before line break", msg("FTX+ACB+++a?\nb'", 3), edifact.Options{}, func(in string) []string { return []string{fmt.Sprintf("UCD 22 FTX m1 s2 5:1 @%d+2", at(in, "?\n"))} }},
		{"release releases release", msg("FTX+ACB+++a????'", 3), edifact.Options{}, func(in string) []string { return nil }},
		{"unterminated UNZ", simple[:len(simple)-1], edifact.Options{}, func(in string) []string { return []string{fmt.Sprintf("UCI 13 UNZ m0 s0 0:0 @%d+10", at(in, "UNZ"))} }},
		{"ends in a segment", unb + unh + "BGM+E0", edifact.Options{}, func(in string) []string {
			return []string{fmt.Sprintf("UCS 22 BGM m1 s2 0:0 @%d+6", at(in, "BGM")), fmt.Sprintf("UCM 13 UNT m1 s1 0:0 @%d+0", len(in)), fmt.Sprintf("UCI 13 UNZ m0 s0 0:0 @%d+0", len(in))}
		}},
		{"ends in a release character", unb + unh + "BGM+E0?", edifact.Options{}, func(in string) []string {
			return []string{fmt.Sprintf("UCS 22 BGM m1 s2 0:0 @%d+7", at(in, "BGM")),
				fmt.Sprintf("UCM 13 UNT m1 s1 0:0 @%d+0", len(in)), fmt.Sprintf("UCI 13 UNZ m0 s0 0:0 @%d+0", len(in))}
		}},
		{"octet in UNZ", strings.Replace(simple, "1+REF1'", "1\x00+RE\x81F1'", 1), edifact.Options{}, func(in string) []string {
			return []string{fmt.Sprintf("UCI 21 UNZ m0 s0 2:1 @%d+1", at(in, "\x00")), fmt.Sprintf("UCI 21 UNZ m0 s0 3:1 @%d+1", at(in, "\x81"))}
		}},
		{"octet in UNT", strings.Replace(simple, "UNT+2+1'", "UNT+\x002+1\x81'", 1), edifact.Options{}, func(in string) []string {
			return []string{fmt.Sprintf("UCM 21 UNT m1 s2 2:1 @%d+1", at(in, "\x00")), fmt.Sprintf("UCM 21 UNT m1 s2 3:1 @%d+1", at(in, "\x81"))}
		}},
		{"octet in the syntax identifier", strings.Replace(simple, "UNOC", "UN\x00C", 1), edifact.Options{}, func(in string) []string { return []string{"UCI 21 UNB m0 s0 2:1 @6+1"} }},
		{"S001 empty", strings.Replace(simple, "UNOC:3", "", 1), edifact.Options{}, func(string) []string { return []string{"UCI 13 UNB m0 s0 2:0 @4+0"} }},
		{"syntax version missing", strings.Replace(simple, "UNOC:3", "UNOC", 1), edifact.Options{}, func(string) []string { return []string{"UCI 13 UNB m0 s0 2:2 @8+0"} }},
		{"several functional groups", unb + "UNG+A'" + unh + unt + "UNE+1+1'UNG+B'UNE+0+2'" + unz, edifact.Options{}, func(in string) []string { return []string{fmt.Sprintf("UCI 16 UNB m0 s0 0:0 @%d+5", at(in, "UNG"))} }},
		{"count in UNT too long", unb + unh + "UNT+0000002+1'" + unz, edifact.Options{}, func(in string) []string {
			return []string{fmt.Sprintf("UCM 39 UNT m1 s2 2:0 @%d+7", at(in, "0000002"))}
		}},
		{"count in UNZ too long", unb + unh + unt + "UNZ+" + strings.Repeat("9", 30) + "+REF1'", edifact.Options{}, func(in string) []string {
			return []string{fmt.Sprintf("UCI 12 UNZ m0 s0 2:0 @%d+30", at(in, "9999999"))}
		}},
		{"spaces at the ends of values", "UNB+ UNOC:3 +9900123400007:500+9900987600009:500+261103:0715+REF1 'UNH+1 +UTILMD:D:11A:UN:S2.2'UNT+ 2+1'UNZ+1 + REF1'", edifact.Options{}, func(string) []string { return nil }},
		{"space between UNA and UNB", "UNA:+.? ' " + simple, edifact.Options{}, func(string) []string { return []string{"- 0  m0 s0 0:0 @9+1"} }},
		{"octet in a segment before UNH", unb + "BGM+\x00'" + unh + unt + unz, edifact.Options{}, func(in string) []string { return []string{fmt.Sprintf("UCI 16 UNB m0 s0 0:0 @%d+5", at(in, "BGM"))} }},
		{"octet in a segment after UNT", unb + unh + unt + "\x81+x'" + unz, edifact.Options{}, func(in string) []string { return []string{fmt.Sprintf("UCI 16 UNZ m0 s0 0:0 @%d+3", at(in, "\x81"))} }},
		{"octet in a functional group", unb + unh + "UNG+\x00'" + unz, edifact.Options{}, func(in string) []string {
			return []string{fmt.Sprintf("UCM 13 UNT m1 s1 0:0 @%d+0", at(in, "UNG")), fmt.Sprintf("UCI 16 UNB m0 s0 0:0 @%d+5", at(in, "UNG"))}
		}},
		{"ends in a segment after UNT", unb + unh + unt + "BGM+1\x00", edifact.Options{}, func(in string) []string { return []string{fmt.Sprintf("UCI 13 UNZ m0 s0 0:0 @%d+0", len(in))} }},
		{"ends in a segment before UNH", unb + "BGM", edifact.Options{}, func(in string) []string { return []string{fmt.Sprintf("UCI 13 UNZ m0 s0 0:0 @%d+0", len(in))} }},
		{"ends in the tag of UNZ", unb + unh + unt + "UN", edifact.Options{}, func(in string) []string { return []string{fmt.Sprintf("UCI 13 UNZ m0 s0 0:0 @%d+0", len(in))} }},
		{"ends in UNZ", unb + unh + unt + "UNZ+1+RE", edifact.Options{}, func(in string) []string { return []string{fmt.Sprintf("UCI 13 UNZ m0 s0 0:0 @%d+8", at(in, "UNZ"))} }},
		{"UNZ ends in a release character", unb + unh + unt + "UNZ+1+REF1?", edifact.Options{}, func(in string) []string { return []string{fmt.Sprintf("UCI 13 UNZ m0 s0 0:0 @%d+11", at(in, "UNZ"))} }},
		{"terminator of UNZ released", unb + unh + unt + "UNZ+1+REF1?'", edifact.Options{}, func(in string) []string { return []string{fmt.Sprintf("UCI 13 UNZ m0 s0 0:0 @%d+12", at(in, "UNZ"))} }},
		{"segment too long outside messages", unb + strings.Repeat("x", 500) + "'", edifact.Options{MaxSegmentBytes: 400}, func(in string) []string { return []string{fmt.Sprintf("- 0 UNB m0 s0 0:0 @%d+400", at(in, "xxx"))} }},
		{"message too long", msg("FTX+"+strings.Repeat("x", 500)+"'", 3), edifact.Options{MaxMessageBytes: 400}, func(in string) []string { return []string{fmt.Sprintf("- 0 UNH m1 s1 0:0 @%d+0", at(in, "UNH"))} }},
		{"segment too long", msg("FTX+"+strings.Repeat("x", 500)+"'", 3), edifact.Options{MaxSegmentBytes: 400}, func(in string) []string { return []string{fmt.Sprintf("- 0  m1 s2 0:0 @%d+400", at(in, "FTX"))} }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want(tt.in), faults(t, tt.in, tt.opts)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTolerated(t *testing.T) {
	in := unb + unh + "FTX+a?b'UNT+3+1'" + unz
	for _, strict := range []bool{false, true} {
		r := edifact.NewReader(strings.NewReader(in), edifact.Options{Strict: strict})
		for {
			if _, err := r.Next(); err != nil {
				break
			}
		}
		if n := r.FaultCount(); n != 1 || r.Faults()[0].Tolerated == strict {
			t.Errorf("strict %v: %d faults, tolerated %v", strict, n, r.Faults()[0].Tolerated)
		}
	}
}

// TestChunking reads inputs in pieces of all sizes: segments and faults must not depend on them.
func TestChunking(t *testing.T) {
	inputs := []string{
		simple, string(edifacttest.MSCONS(1, 96)), string(edifacttest.UTILMD(20_000)),
		"UNA|~.! $" + "\r\n  UNB~UNOC|3~a~b~c~d!~!$$ \r\n UNH~1~X$ X!" + strings.Repeat("!", 200) + "$$UNT~3~1$",
		unb + unh + strings.Repeat("FTX+"+strings.Repeat("??", 100)+"?''\r\n", 20) + "UNT+22+1'" + unz + "?",
		strings.Repeat("'", 300), unb + strings.Repeat("?", 1000) + "'", unb + " \r\n \r\n " + unh + "\n" + unt + "   \n" + unz + "  ",
	}
	for i, in := range inputs {
		opts := edifact.Options{Concatenated: true}
		want := render(t, strings.NewReader(in), opts)
		if got := render(t, iotest.OneByteReader(strings.NewReader(in)), opts); got != want {
			t.Errorf("input %d byte by byte: %s", i, cmp.Diff(want, got))
		}
		for seed := range uint64(30) {
			if got := render(t, edifacttest.Chunks([]byte(in), seed), opts); got != want {
				t.Fatalf("input %d, seed %d: %s", i, seed, cmp.Diff(want, got))
			}
		}
	}
}

// TestConcatenated reads many interchanges, each with service characters of its own.
func TestConcatenated(t *testing.T) {
	var in strings.Builder
	for i := range 2000 {
		ref := fmt.Sprintf("R%d", i)
		text := strings.ReplaceAll(simple, "REF1", ref)
		if i%3 == 1 {
			text = "UNA|~.! $" + strings.NewReplacer(":", "|", "+", "~", "'", "$").Replace(text)
		}
		in.WriteString(text)
	}
	r := edifact.NewReader(strings.NewReader(in.String()), edifact.Options{Concatenated: true})
	n := 0
	for {
		s, err := r.Next()
		if err == io.EOF {
			break
		}
		if s.Tag() == edifact.UNB && !s.Is(6, 1, fmt.Sprintf("R%d", n)) {
			t.Fatalf("interchange %d has reference %q", n, s.Text(6, 1))
		}
		if s.Tag() == edifact.UNZ {
			n++
		}
	}
	// A second interchange without UNA uses the defaults again.
	if n != 2000 || r.FaultCount() != 0 {
		t.Errorf("%d interchanges, %d faults, first %v", n, r.FaultCount(), r.Faults())
	}
}

func TestNextMessage(t *testing.T) {
	in := unb + unh + "BGM+E01'" + // UNT missing
		"UNH+2+UTILMD:D:11A:UN:S2.2'BGM+a?+b+c'UNT+3+2'" + "RFF+x'" +
		"UNH+3+UTILMD:D:11A:UN:S2.2'UNT+2+3'UNZ+3+REF1'"
	r := edifact.NewReader(strings.NewReader(in), edifact.Options{})
	var m edifact.Message
	var got []string
	for {
		err := r.NextMessage(&m)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		text := ""
		for n := 1; n <= m.Len(); n++ {
			s := m.Segment(n)
			if in[s.Offset():s.Offset()+int64(len(s.Raw()))] != string(s.Raw()) || s.Number() != n || s.Message() != m.Index() {
				t.Errorf("message %d segment %d is misplaced", m.Index(), n)
			}
			text += s.Tag().String() + " " + s.Text(2, 1) + " "
		}
		got = append(got, fmt.Sprintf("%d: %s", m.Index(), text))
	}
	want := []string{"1: UNH 1 BGM E01 ", "2: UNH 2 BGM a+b UNT 3 ", "3: UNH 3 UNT 2 "}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if r.FaultCount() != 2 {
		t.Errorf("faults: %v", r.Faults())
	}
	if !r.UNB().Is(6, 1, "REF1") {
		t.Errorf("UNB: %q", r.UNB().Raw())
	}
}

func TestSourceErrors(t *testing.T) {
	broken := errors.New("broken pipe")
	r := edifact.NewReader(io.MultiReader(strings.NewReader(unb+unh), iotest.ErrReader(broken)), edifact.Options{})
	var err error
	for err == nil {
		_, err = r.Next()
	}
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if _, again := r.Next(); !errors.Is(again, broken) {
		t.Errorf("second call: %v", again)
	}
}

// TestHostile reads inputs made to hurt: they must end, with bounded memory and a verdict.
func TestHostile(t *testing.T) {
	if testing.Short() {
		t.Skip("reads gigabytes")
	}
	size := 1 << 30
	if raceEnabled {
		size = 1 << 27
	}
	head := unb + unh
	tests := []struct {
		name string
		in   io.Reader
		want edifact.Kind
	}{
		{"one segment of a gigabyte", edifacttest.Repeat([]byte("x"), size), edifact.KindSegmentTooLong},
		{"a gigabyte of separators", edifacttest.Repeat([]byte("+"), size), edifact.KindSegmentTooLong},
		{"a gigabyte of release characters", edifacttest.Repeat([]byte("?"), size), edifact.KindSegmentTooLong},
		{"a gigabyte of odd octets", edifacttest.Repeat([]byte("\x00"), size), edifact.KindSegmentTooLong},
		{"ten million empty segments", edifacttest.Repeat([]byte("'"), 10_000_000), edifact.KindEmptySegment},
		{"a million line breaks", edifacttest.Repeat([]byte("\r\n "), 1_000_000), edifact.KindMissingUNT},
		{"a message of a gigabyte", edifacttest.Repeat([]byte("FTX+AAA'"), size/8), edifact.KindMessageTooLong},
		{"a million messages", edifacttest.Repeat([]byte("UNT+2+1'UNH+1+UTILMD:D:11A:UN:S2.2'"), 1_000_000), edifact.KindDuplicateMessage},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := edifact.NewReader(io.MultiReader(strings.NewReader(head), tt.in), edifact.Options{})
			for {
				if _, err := r.Next(); err == io.EOF {
					break
				} else if err != nil {
					t.Fatal(err)
				}
			}
			if len(r.Faults()) == 0 || len(r.Faults()) > edifact.DefaultMaxFaults+1 || !hasKind(r.Faults(), tt.want) {
				t.Errorf("%d faults, %d kept, without %v", r.FaultCount(), len(r.Faults()), tt.want)
			}
		})
	}
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	if mem.Sys > 256<<20 {
		t.Errorf("%d MiB taken from the system", mem.Sys>>20)
	}
}

func hasKind(list []edifact.SyntaxError, kind edifact.Kind) bool {
	for _, f := range list {
		if f.Kind == kind {
			return true
		}
	}
	return false
}

// TestGigabyte reads an interchange of a gigabyte with 4,000 messages, message by message, in a process of its own,
// whose resident set must stay below 64 MB.
func TestGigabyte(t *testing.T) {
	if os.Getenv("EDIFACT_GIGABYTE") != "" {
		readGigabyte(t)
		return
	}
	if testing.Short() || raceEnabled {
		t.Skip("reads a gigabyte; the race detector needs memory of its own")
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe, "-test.run=^TestGigabyte$", "-test.v")
	cmd.Env = append(os.Environ(), "EDIFACT_GIGABYTE=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	_, rest, ok := strings.Cut(string(out), "peak ")
	if !ok {
		t.Skipf("no /proc here\n%s", out)
	}
	kb, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil || kb > 64_000 {
		t.Errorf("peak resident set %d kB, %v", kb, err)
	}
	t.Logf("peak resident set %d kB", kb)
}

func readGigabyte(t *testing.T) {
	r := edifact.NewReader(edifacttest.Stream(4000, 3600), edifact.Options{})
	var m edifact.Message
	n := 0
	for {
		if err := r.NextMessage(&m); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 4000 || r.FaultCount() != 0 || r.Offset() < 1e9 {
		t.Errorf("%d messages, %d faults, %d bytes", n, r.FaultCount(), r.Offset())
	}
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			t.Logf("peak %s", strings.TrimSpace(rest))
		}
	}
}

// TestNoAllocations holds the promise that a Reader in its steady state does not allocate.
func TestNoAllocations(t *testing.T) {
	data := edifacttest.UTILMD(200_000)
	src := bytes.NewReader(nil)
	var r edifact.Reader
	var m edifact.Message
	run := func() {
		src.Reset(data)
		r.Reset(src, edifact.Options{Concatenated: true})
		for r.NextMessage(&m) == nil {
			for n := 1; n <= m.Len(); n++ {
				s := m.Segment(n)
				_ = s.Value(2, 2)
			}
		}
	}
	run()
	if n := testing.AllocsPerRun(5, run); n > 0 {
		t.Errorf("%v allocations for %d bytes", n, len(data))
	}
}
