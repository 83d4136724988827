package check_test

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/marktbote/marktbote/fixtures"
	"github.com/marktbote/marktbote/formats/check"
	"github.com/marktbote/marktbote/formats/rules"
)

// A pack of a format version that nobody has set a date for judges messages of its version when it is asked for, or
// when a message names it; then the message is before its time.
func TestRulesFromDirectory(t *testing.T) {
	t.Parallel()
	pack, err := os.ReadFile("../rules/packs/FV2610/MSCONS.pack")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("format-version FV2610", "format-version FV2704", "version 2.5", "version 2.6",
		"codes 2.5", "codes 2.6", "X 2.5\n", "X 2.6\n").Replace(string(pack))
	old, _, _ := strings.Cut(text[strings.Index(text, "hash "):], "\n")
	text = strings.Replace(text, old, "hash sha256:"+rules.ContentHash([]byte(text)), 1)
	shelf, err := rules.Open(fstest.MapFS{"FV2704/MSCONS.pack": {Data: []byte(text)}})
	if err != nil {
		t.Fatal(err)
	}
	message := func(name, from, to string) []byte {
		data, err := fixtures.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		return []byte(strings.Replace(string(data), from, to, 1))
	}
	next := message("valid/mscons-13017.edi", ":2.5'", ":2.6'")
	for _, c := range []struct {
		what  string
		data  []byte
		opts  check.Options
		codes string
	}{
		{"without the directory", next, check.Options{At: received}, "E1047"},
		{"by its dates", next, check.Options{At: received, Rules: shelf}, "E1049"},
		{"by name", next, check.Options{At: received, Rules: shelf, FormatVersion: "FV2704"}, ""},
		{"today's version by name", message("valid/mscons-13017.edi", "", ""), check.Options{At: received, Rules: shelf, FormatVersion: "FV2704"}, "E1049"},
		{"a type that the directory lacks", message("valid/utilmd-55001.edi", "", ""), check.Options{At: received, Rules: shelf, FormatVersion: "FV2704"}, ""},
	} {
		r := judge(t, c.data, c.opts)
		var codes []string
		for _, f := range findings(r) {
			codes = append(codes, string(f.Code))
		}
		if got := strings.Join(codes, " "); got != c.codes {
			t.Errorf("%s: %s, want %s", c.what, got, c.codes)
		}
		if c.codes == "" && r.Coverage.Rows == 0 {
			t.Errorf("%s: the handbook was not looked at", c.what)
		}
	}
}

// Every row of UNB and UNZ that the coverage of the rules counts as decided is checked indeed. The places are those of
// ahb.FiguresOf.
func TestServiceSegments(t *testing.T) {
	t.Parallel()
	data, err := fixtures.Read("valid/mscons-13017.edi")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		place, from, to string
	}{
		{"UNB 1.1", "UNOC", "UNOA"},
		{"UNB 1.2", "UNOC:3", "UNOC:2"},
		{"UNB 2.1", "9999300000037:500", ":500"},
		{"UNB 2.2", "0037:500", "0037:501"},
		{"UNB 3.1", "9999100000013:500", ":500"},
		{"UNB 3.2", "0013:500", "0013:"},
		{"UNB 4.1", "261106:0807", ":0807"},
		{"UNB 4.2", "261106:0807", "261106:"},
		{"UNB 5.1", "MW261106000401++VL", "++VL"},
		{"UNB 7.1", "++VL", "++XX"},
		{"UNB 7.1", "++VL", ""},
		{"UNB 11.1", "++VL", "++VL++++2"},
		{"UNZ 1.1", "UNZ+1", "UNZ+2"},
		{"UNZ 2.1", "UNZ+1+MW261106000401", "UNZ+1+MW"},
		{"UNZ", "UNZ+1+MW261106000401'", ""},
		{"UNB 2.2, other Sparte", "0037:500", "0037:502"},
		{"UNB 7.1, other Pruefidentifikator", "++VL", "++EM"},
		{"UNB 5.1, small letters", "MW261106000401", "mw261106000401"},
	} {
		text := string(data)
		if !strings.Contains(text, c.from) {
			t.Errorf("%s: %q is not in the file", c.place, c.from)
		}
		n := 1
		if strings.HasSuffix(c.place, "letters") {
			n = -1 // UNZ has the reference, too
		}
		r := judge(t, []byte(strings.Replace(text, c.from, c.to, n)), check.Options{At: received})
		if len(findings(r)) == 0 {
			t.Errorf("%s: nothing was found", c.place)
		}
	}
}
