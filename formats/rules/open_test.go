package rules_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/rules"
)

// packText returns the small pack with changed headers and a hash that fits.
func packText(t *testing.T, replace ...string) string {
	t.Helper()
	text, err := os.ReadFile("compile/testdata/small.pack")
	if err != nil {
		t.Fatal(err)
	}
	return rehash(strings.NewReplacer(replace...).Replace(string(text)))
}

func listsText(fv, code string) string {
	text := "marktbote-lists 1\nformat-version " + fv + "\nhash sha256:HASH\nlist laender\n edition Probe\n codes " + code + "\n"
	return strings.Replace(text, "HASH", rules.ContentHash([]byte(text)), 1)
}

func files(list map[string]string) fstest.MapFS {
	m := fstest.MapFS{}
	for name, text := range list {
		m[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return m
}

// A directory adds packs, replaces embedded ones, and brings the lists of its format versions along. Both layouts do.
func TestOpen(t *testing.T) {
	t.Parallel()
	next := packText(t, "format-version FV2610", "format-version FV2704")
	other := packText(t, "name SMALL", "name CONTRL", "type SMALL", "type CONTRL", "codes SMALL", "codes CONTRL", "version 1.0", "version 2.0b")
	s, err := rules.Open(files(map[string]string{
		"packs/FV2704/SMALL.pack": next, "FV2610/CONTRL.pack": other, "lists/FV2704.lists": listsText("FV2704", "DE"),
		"FV2610.lists": listsText("FV2610", "AT"), "README.md": "ours", ".old/FV2610/BROKEN.pack": "nonsense",
	}))
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(s.FormatVersions()); got != "[FV2510 FV2604 FV2610 FV2704]" {
		t.Errorf("format versions: %s", got)
	}
	if n := len(s.List()); n != len(rules.List())+1 {
		t.Errorf("%d packs, embedded %d", n, len(rules.List()))
	}
	added, err := s.Load("FV2704", "SMALL")
	if err != nil || s.File("FV2704", "SMALL") != "packs/FV2704/SMALL.pack" {
		t.Fatalf("added pack: %v", err)
	}
	replaced, err := s.Find("CONTRL", "2.0b", "FV2610")
	if err != nil || replaced.Document != "SMALL MIG 1.0" || s.File("FV2610", "CONTRL") != "FV2610/CONTRL.pack" {
		t.Errorf("replaced pack: %v", err)
	}
	kept, err := s.Find("CONTRL", "2.0b", "FV2604")
	if err != nil || kept.FormatVersion != "FV2604" || s.File("FV2604", "CONTRL") != "" {
		t.Errorf("embedded pack: %v", err)
	}
	for _, c := range []struct {
		pack   *rules.Pack
		code   string
		member bool
	}{{added, "DE", true}, {added, "AT", false}, {replaced, "AT", true}, {replaced, "DE", false}} {
		lists, err := c.pack.Lists()
		if err != nil {
			t.Fatal(err)
		}
		if member, _ := lists.Has("laender", []byte(c.code)); member != c.member {
			t.Errorf("%s in the lists of %s: %t", c.code, c.pack.FormatVersion, member)
		}
	}
	if p, err := rules.Find("CONTRL", "2.0b", "FV2610"); err != nil || p.Document == "SMALL MIG 1.0" {
		t.Errorf("the embedded shelf has changed: %v", err)
	}
	if lists, err := kept.Lists(); err != nil || lists.FormatVersion != "FV2604" {
		t.Errorf("lists of an embedded pack: %v", err)
	}
	parsed, err := rules.Parse("alone.pack", []byte(next))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parsed.Lists(); !errors.Is(err, rules.ErrNotFound) {
		t.Errorf("lists of a pack without a shelf: %v", err)
	}
}

// Of a format version of which some packs are there only, the other message types go on with the version before.
func TestVersions(t *testing.T) {
	t.Parallel()
	s, err := rules.Open(files(map[string]string{"FV2704/SMALL.pack": packText(t, "format-version FV2610", "format-version FV2704")}))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		messageType string
		fv          formats.FormatVersion
		want        string
	}{
		{"SMALL", "FV2704", "[1.0]"},
		{"SMALL", "FV2610", "[1.0]"}, // not there before; better the only version than none
		{"MSCONS", "FV2604", "[2.4c]"},
		{"MSCONS", "FV2704", "[2.5]"},
		{"UTILMD", "FV2704", "[G1.2 S2.2]"},
		{"MSCONS", "FV2804", "[2.4c 2.5]"}, // no packs at all
		{"NOSUCH", "FV2704", "[]"},
	} {
		if got := fmt.Sprint(s.Versions(c.messageType, c.fv)); got != c.want {
			t.Errorf("%s in %s: %s, want %s", c.messageType, c.fv, got, c.want)
		}
	}
}

// Every fault names file, reason and what to do; faults in several files are reported together.
func TestOpenErrors(t *testing.T) {
	t.Parallel()
	good := packText(t)
	use := "use 10001 1.0 2026-01-01 - - Probe\n s 00002 Muss\n  c 1.1 X[1] Z01\n"
	line := strings.Count(good, "\n") + 1
	for _, c := range []struct {
		name  string
		files map[string]string
		want  []string
	}{
		{"nothing", map[string]string{"readme": ""}, []string{"there are no packs; expected files such as FV2704/MSCONS.pack"}},
		{"schema", map[string]string{"FV2610/SMALL.pack": rehash(strings.Replace(good, "segment BGM", "segmend BGM", 1))},
			[]string{`FV2610/SMALL.pack:24: unknown record "segmend"; make it again with "marktbote rules compile"`}},
		{"hash", map[string]string{"FV2610/SMALL.pack": good + "# changed by hand\n"}, []string{"FV2610/SMALL.pack:10: hash is ", "make it again"}},
		{"use case", map[string]string{"FV2610/SMALL.pack": rehash(good + strings.Replace(use, "s 00002", "s 99999", 1))},
			[]string{fmt.Sprintf("FV2610/SMALL.pack:%d: use case 10001: no segment 99999 in the structure; make it again", line+1)}},
		{"use case without rows", map[string]string{"FV2610/SMALL.pack": rehash(good + "use 10001 1.0 2026-01-01 - - Probe\n")},
			[]string{fmt.Sprintf("FV2610/SMALL.pack:%d: use case 10001 has no rows; make it again", line)}},
		{"no format version", map[string]string{"FV2613/SMALL.pack": packText(t, "format-version FV2610", "format-version FV2613")},
			[]string{`"FV2613" is no format version: they are called FV, year and month`}},
		{"wrong folder", map[string]string{"FV2604/SMALL.pack": good}, []string{"FV2604/SMALL.pack: by its header it is FV2610/SMALL.pack or packs/FV2610/SMALL.pack; move it there"}},
		{"no folder", map[string]string{"SMALL.pack": good}, []string{"SMALL.pack: by its header it is FV2610/SMALL.pack", "move it there"}},
		{"twice", map[string]string{"FV2610/SMALL.pack": good, "packs/FV2610/SMALL.pack": good}, []string{"packs/FV2610/SMALL.pack: FV2610/SMALL.pack is the same pack; remove one of them"}},
		{"two for the same messages", map[string]string{"FV2610/CONTRL2.pack": packText(t, "name SMALL", "name CONTRL2", "type SMALL", "type CONTRL", "version 1.0", "version 2.0b")},
			[]string{"packs CONTRL and CONTRL2 of FV2610 are both for CONTRL 2.0b; keep one of them"}},
		{"lists", map[string]string{"FV2610.lists": strings.Replace(listsText("FV2610", "DE"), "codes DE", "codes AT", 1)}, []string{"FV2610.lists:3: hash is", "make it again"}},
		{"lists of another version", map[string]string{"FV2604.lists": listsText("FV2610", "DE")}, []string{"FV2604.lists: by its header it is FV2610.lists or lists/FV2610.lists"}},
		{"too large", map[string]string{"FV2610/SMALL.pack": strings.Repeat("#", 17<<20)}, []string{"FV2610/SMALL.pack: larger than 16777216 bytes"}},
		{"several", map[string]string{"FV2610/SMALL.pack": "x", "FV2704/SMALL.pack": "y"}, []string{"FV2610/SMALL.pack:1: first line", "FV2704/SMALL.pack:1: first line"}},
	} {
		s, err := rules.Open(files(c.files))
		if err == nil || s != nil {
			t.Errorf("%s: no error", c.name)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", c.name, err, want)
			}
		}
	}
}

// An error ends the report after the first faults, however many files there are.
func TestOpenManyErrors(t *testing.T) {
	t.Parallel()
	list := map[string]string{}
	for i := range 100 {
		list[fmt.Sprintf("FV2610/P%03d.pack", i)] = "x"
	}
	_, err := rules.Open(files(list))
	if err == nil || strings.Count(err.Error(), "\n") != 20 || !strings.Contains(err.Error(), "further files were not looked at") {
		t.Errorf("%v", err)
	}
}

// Expressions are rendered in one notation, whatever the document uses.
func TestExpressionString(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Muss":                    "Muss",
		"X[931][494]":             "X [931] ∧ [494]",
		"X([1]U[2])O[3]":          "X ([1] ∧ [2]) ∨ [3]",
		"M[268]S[166]":            "Muss [268] Soll [166]",
		"X[1P0..1]⊻[2P1..n]∧[3P]": "X [1P0..1] ⊻ ([2P1..n] ∧ [3P])",
		"X[UB1]":                  "X [UB1]",
	} {
		e, err := rules.ParseExpression(text)
		if err != nil || e.String() != want {
			t.Errorf("%s: %s, want %s (%v)", text, e, want, err)
			continue
		}
		again, err := rules.ParseExpression(e.String())
		if err != nil || again.String() != want {
			t.Errorf("%s is not read as it is written: %v", want, err)
		}
	}
}
