package compile_test

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/marktbote/marktbote/formats/rules/compile"
)

var update = flag.Bool("update", false, "write the expected packs anew")

// TestCompile compares with small.pack: nodes in the order of their counters, codes sorted and once each, long lists
// in lines by their stems, names on one line, no descriptions, the group named after its segment.
func TestCompile(t *testing.T) {
	t.Parallel()
	src, err := os.ReadFile("testdata/small.json")
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := compile.Compile(bytes.NewReader(src), nil)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("testdata/small.pack", got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/small.pack")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	again, _, err := compile.Compile(bytes.NewReader(src), nil)
	if err != nil || !bytes.Equal(got, again) {
		t.Errorf("a second run differs (%v)", err)
	}
	if bytes.Contains(got, []byte("not taken over")) {
		t.Error("a description was taken over")
	}
}

func TestCompileErrors(t *testing.T) {
	t.Parallel()
	src, err := os.ReadFile("testdata/small.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ replace, with, want string }{
		{`{"fv"`, `{fv`, "compile: source: "},
		{"24.12.2025", "2025-12-24", `stand "2025-12-24" is no date`},
		{`"type": "SMALL"`, `"type": "LARGE"`, "UNH names SMALL 1.0, the document LARGE 1.0"},
		{`"tag": "UNH"`, `"tag": "UNX"`, "tree has no UNH"},
		{`"k": "G"`, `"k": "X"`, `SG1 : kind "X" is neither G nor S`},
		{`"id": "1225", "pos": 1`, `"id": "1225", "pos": 2`, "BGM 00002: element 1225 has pos 2, expected 1"},
		{`["an..14", "an..14"]`, `["an..14", "bn..14"]`, `"bn..14" is no format`},
		{`["Z01", "a"]`, `["Z 01", "a"]`, `element 1001 has the code "Z 01"`},
		{`"fidelity": "xml"`, `"fidelity": ""`, "fidelity is empty"},
		{`"type": "SMALL"`, `"type": "MSCONS_X"`, "UNH names SMALL 1.0"},
	} {
		broken := strings.Replace(string(src), c.replace, c.with, 1)
		if broken == string(src) {
			t.Errorf("%q is not in the source", c.replace)
			continue
		}
		if _, _, err := compile.Compile(strings.NewReader(broken), nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.with, err, c.want)
		}
	}
}

// A correction that does not fit its source is an error: the source has changed and the correction needs review.
func TestCorrectionMustFit(t *testing.T) {
	t.Parallel()
	src, err := os.ReadFile("testdata/small.json")
	if err != nil {
		t.Fatal(err)
	}
	other := strings.NewReplacer(`"type": "SMALL"`, `"type": "ORDERS"`, `["SMALL", `, `["ORDERS", `).Replace(string(src))
	if _, _, err := compile.Compile(strings.NewReader(other), nil); err == nil || !strings.Contains(err.Error(), "correction does not fit") {
		t.Errorf("got %v", err)
	}
}
