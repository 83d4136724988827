package explain_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/marktbote/marktbote/fixtures"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/check"
	"github.com/marktbote/marktbote/formats/explain"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// received is when the fixtures are explained: shortly after the last of them was written.
var received = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

func page(t testing.TB, name string, data []byte, lang formats.Lang) *explain.Interchange {
	t.Helper()
	x, err := explain.File(bytes.NewReader(data), explain.Options{At: received, File: name, Lang: lang})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func text(t testing.TB, x *explain.Interchange, opts explain.TextOptions) string {
	t.Helper()
	var b strings.Builder
	if err := explain.WriteText(&b, x, opts); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func html(t testing.TB, x *explain.Interchange) string {
	t.Helper()
	var b strings.Builder
	if err := explain.WriteHTML(&b, x); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	data, err := fixtures.Read(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// goldenFixtures are explained in golden files.
var goldenFixtures = []string{
	"valid/utilmd-55001.edi", "valid/mscons-13025.edi", "valid/aperak-313.edi", "valid/contrl-syntaxfehler-nachricht.edi",
	"invalid/ahb-missing-customer.edi", "invalid/decimal-comma.edi", "invalid/unknown-segment.edi", "invalid/binary-junk.edi",
}

// maxGoldenLines of a page are kept in a golden file: what follows in a load profile is more of the same.
const maxGoldenLines = 330

// The golden files hold neither the style nor the words of conditions, which are those of package condition: a better
// translation of a condition does not touch them. TestConditions looks at the words.
var (
	styleOf    = regexp.MustCompile(`(?s)(<style>).*(</style>)`)
	wordsOf    = regexp.MustCompile(`(<li><span class="mono">[^<]*</span>)[^<]*`)
	reasonText = regexp.MustCompile(` Bedingung: [^<\n]*`)
)

func TestGolden(t *testing.T) {
	t.Parallel()
	for _, name := range goldenFixtures {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := page(t, name, fixture(t, name), formats.German)
			base := "testdata/" + strings.TrimSuffix(path.Base(name), ".edi")
			golden(t, base+".txt", text(t, x, explain.TextOptions{}))
			golden(t, base+".html", wordsOf.ReplaceAllString(styleOf.ReplaceAllString(html(t, x), "$1$2"), "$1…"))
		})
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	got = reasonText.ReplaceAllString(got, " Bedingung: …")
	if lines := strings.SplitAfter(got, "\n"); len(lines) > maxGoldenLines {
		got = strings.Join(lines[:maxGoldenLines], "")
	}
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// TestFindings checks that every finding of every fixture stands on the page exactly once, in both forms.
func TestFindings(t *testing.T) {
	t.Parallel()
	for _, name := range fixtures.List() {
		data := fixture(t, name)
		r, err := check.File(bytes.NewReader(data), check.Options{At: received})
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		add := func(list []formats.Finding) {
			for _, f := range list {
				want = append(want, fmt.Sprintf("%s %d", f.Code, f.Offset))
			}
		}
		add(r.Findings)
		for _, m := range r.Messages {
			add(m.Findings)
			for _, tr := range m.Transactions {
				add(tr.Findings)
			}
		}
		x := page(t, name, data, formats.German)
		got := map[string]int{}
		for _, f := range x.All() {
			got[fmt.Sprintf("%s %d", f.Code, f.Offset)]++
		}
		for _, k := range want {
			if got[k]--; got[k] < 0 {
				t.Errorf("%s: finding %s is not on the page", name, k)
			}
		}
		if n := len(x.All()); n != len(want) || x.Errors+x.Warnings != n || x.Unlisted != 0 {
			t.Errorf("%s: %d findings (%d errors, %d warnings, %d unlisted), want %d", name, n, x.Errors, x.Warnings, x.Unlisted, len(want))
		}
		if x.Result.Verdict != r.Verdict {
			t.Errorf("%s: verdict %s, want %s", name, x.Result.Verdict, r.Verdict)
		}
		out, plain := html(t, x), text(t, x, explain.TextOptions{})
		for _, f := range x.All() {
			if n := strings.Count(out, ` id="`+f.ID+`"`); n != 1 || !strings.Contains(out, `href="#`+f.ID+`"`) {
				t.Errorf("%s: finding %s stands %d times in the HTML, want once, with a link", name, f.Code, n)
			}
		}
		if n := strings.Count(plain, "▲ "); n != len(want) {
			t.Errorf("%s: %d findings in the text, want %d", name, n, len(want))
		}
	}
}

// TestEverySegment checks that all segments of valid fixtures are there, placed and named.
func TestEverySegment(t *testing.T) {
	t.Parallel()
	for _, name := range fixtures.List() {
		if !strings.HasPrefix(name, "valid/") {
			continue
		}
		x := page(t, name, fixture(t, name), formats.German)
		if x.UNB == nil || x.UNZ == nil || x.UNZ.Name == "" {
			t.Errorf("%s: UNB or UNZ is missing", name)
		}
		for _, m := range x.Messages {
			n := 0
			for _, s := range m.Sections {
				for _, g := range s.Groups {
					for _, seg := range g.Segments {
						if n++; seg.Number != n {
							t.Errorf("%s: segment %d stands at %d", name, seg.Number, n)
						}
						if seg.Name == "" || seg.State == explain.Unplaced || seg.State == explain.Unchecked {
							t.Errorf("%s: segment %d %s: name %q, state %q", name, n, seg.Raw, seg.Name, seg.State)
						}
						for _, e := range seg.Elements {
							if e.Name == "" || e.ID == "" || e.Value == "" {
								t.Errorf("%s: segment %d, element %s: %+v", name, n, e.Place, e)
							}
						}
					}
				}
			}
			if n != m.Segments || !m.Checked {
				t.Errorf("%s: %d of %d segments, checked: %v", name, n, m.Segments, m.Checked)
			}
		}
	}
}

// TestUNZ checks the segment at the end, which comes from the kept bytes of the file, in a file that arrives byte by byte.
func TestUNZ(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"valid/mscons-13025.edi", "valid/mscons-13017-una.edi", "valid/mscons-13017-zeilenumbruch.edi"} {
		data := fixture(t, name)
		x, err := explain.File(iotest.OneByteReader(bytes.NewReader(data)), explain.Options{At: received})
		if err != nil {
			t.Fatal(err)
		}
		if x.UNZ == nil || !bytes.HasPrefix(data[x.UNZ.Offset:], []byte(x.UNZ.Raw)) || !strings.HasPrefix(x.UNZ.Raw, "UNZ") {
			t.Errorf("%s: UNZ %+v", name, x.UNZ)
		}
		if whole := page(t, "", data, ""); !cmp.Equal(text(t, whole, explain.TextOptions{}), text(t, x, explain.TextOptions{})) {
			t.Errorf("%s: the page depends on how the file arrives", name)
		}
	}
}

func TestReadError(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	_, err := explain.File(iotest.ErrReader(broken), explain.Options{At: received})
	if !errors.Is(err, broken) {
		t.Errorf("error %v, want that of the source", err)
	}
}

// TestSelfContained checks that the HTML asks for nothing, runs nothing, and shows values as text.
func TestSelfContained(t *testing.T) {
	t.Parallel()
	data := bytes.Replace(fixture(t, "valid/utilmd-55001.edi"), []byte("Musterweg"), []byte(`<script>alert(1)</script>"&`), 1)
	out := html(t, page(t, `"><img src=x>`, data, formats.German))
	for _, bad := range []string{"<script", "<img", "<link", `src="`, "http://", "https://", "url(", "@import", "javascript:"} {
		if strings.Contains(out, bad) {
			t.Errorf("the page contains %q", bad)
		}
	}
	if !strings.Contains(out, "&lt;script&gt;alert(1)&lt;/script&gt;") {
		t.Error("the value is not on the page")
	}
	if !strings.Contains(out, `<html lang="de">`) || !strings.Contains(html(t, page(t, "", data, formats.English)), `<html lang="en">`) {
		t.Error("the page does not name its language")
	}
	refs := regexp.MustCompile(`href="#([^"]+)"`)
	for _, m := range refs.FindAllStringSubmatch(out, -1) {
		if !strings.Contains(out, ` id="`+m[1]+`"`) {
			t.Errorf("link to %s leads nowhere", m[1])
		}
	}
	ids := map[string]bool{}
	for _, m := range regexp.MustCompile(` id="([^"]+)"`).FindAllStringSubmatch(out, -1) {
		if ids[m[1]] {
			t.Errorf("id %s stands twice", m[1])
		}
		ids[m[1]] = true
	}
}

// TestTerminal checks that nothing in a file reaches the terminal as a control character.
func TestTerminal(t *testing.T) {
	t.Parallel()
	data := bytes.Replace(fixture(t, "valid/utilmd-55001.edi"), []byte("Musterweg"), []byte("\x1b[31m\x9b0m\x00\x07"), 1)
	out := text(t, page(t, "a\x1bb", data, formats.German), explain.TextOptions{Conditions: true})
	for _, r := range out {
		if r < ' ' && r != '\n' || r >= 0x7F && r < 0xA0 {
			t.Fatalf("the text contains %U", r)
		}
	}
}

// TestLimits checks that a large file gives a page of limited size with all its findings.
func TestLimits(t *testing.T) {
	t.Parallel()
	whole := string(fixture(t, "valid/mscons-13025.edi"))
	head, rest, _ := strings.Cut(whole, "UNH+")
	body, _, _ := strings.Cut("UNH+"+rest, "UNZ+")
	block := body[strings.Index(body, "QTY+"):strings.Index(body, "UNT+")]
	long := strings.Replace(body, block, strings.Repeat(block, 30), 1) // 8,600 segments
	file := head + strings.Repeat(long, 5) + strings.Repeat(body, 40) + "QTY+junk'UNZ+1+MW'"
	x := page(t, "", []byte(file), formats.German)
	shown, listed := 0, 0
	for _, m := range x.Messages {
		listed += len(m.Rest)
		if m.Shown > 5_000 {
			t.Errorf("message %d: %d segments are explained", m.Number, m.Shown)
		}
		shown += m.Shown
	}
	if shown != 20_000 {
		t.Errorf("%d segments are explained, want 20000", shown)
	}
	if listed == 0 {
		t.Error("no finding is listed for a segment that is not explained")
	}
	if len(x.Messages)+x.Skipped != 45 {
		t.Errorf("%d messages and %d skipped, want 45", len(x.Messages), x.Skipped)
	}
	out := text(t, x, explain.TextOptions{})
	if !strings.Contains(out, "Erläutert sind 5000 von ") || !strings.Contains(out, "nicht erläutert") {
		t.Error("the text does not say that something is left out")
	}
	if n := len(html(t, x)); n > 40<<20 {
		t.Errorf("the page has %d bytes", n)
	}
}

// TestConditions checks that the rules are put into words, once for each combination.
func TestConditions(t *testing.T) {
	t.Parallel()
	data := fixture(t, "valid/mscons-13025.edi")
	de := text(t, page(t, "", data, formats.German), explain.TextOptions{Conditions: true})
	en := text(t, page(t, "", data, formats.English), explain.TextOptions{Conditions: true})
	for _, want := range []string{"X [902] ∧ [906]", "[902] verlangt: ", "Codes für 2.1 Menge, Qualifier: 220 Wahrer Wert", "wie bei Segment 14"} {
		if !strings.Contains(de, want) {
			t.Errorf("the German text does not contain %q", want)
		}
	}
	for _, want := range []string{"[902] demands: ", "codes of 2.1", "as at segment 14", "accepted", "(CET)"} {
		if !strings.Contains(en, want) {
			t.Errorf("the English text does not contain %q", want)
		}
	}
	if short := text(t, page(t, "", data, formats.German), explain.TextOptions{}); strings.Contains(short, "verlangt:") {
		t.Error("the short text has conditions")
	}
}

// FuzzExplain checks that any bytes give a page, in valid UTF-8 and no larger than the limits allow.
func FuzzExplain(f *testing.F) {
	for _, name := range fixtures.List() {
		if data := fixture(f, name); len(data) < 3_000 {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, lang := range []formats.Lang{formats.German, formats.English} {
			x := page(t, "fuzz", data, lang)
			for _, out := range []string{text(t, x, explain.TextOptions{Conditions: true}), html(t, x)} {
				if !utf8.ValidString(out) {
					t.Error("the page is no valid UTF-8")
				}
				if len(out) > 500_000+8_000*len(data) {
					t.Errorf("%d bytes give a page of %d", len(data), len(out))
				}
			}
		}
	})
}
