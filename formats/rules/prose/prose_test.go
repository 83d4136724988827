package prose_test

import (
	"bytes"
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/rules"
	"github.com/marktbote/marktbote/formats/rules/prose"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func parse(t *testing.T, text string) *rules.Pack {
	t.Helper()
	text = regexp.MustCompile(`(?m)^hash sha256:.*$`).ReplaceAllLiteralString(text, "hash sha256:"+rules.ContentHash([]byte(text)))
	p, err := rules.Parse("test.pack", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func load(t *testing.T, file string) *rules.Pack {
	t.Helper()
	text, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, string(text))
}

func side(t *testing.T, p *rules.Pack, pid string) prose.Side {
	t.Helper()
	use, err := p.UseCase(pid)
	if err != nil || use == nil {
		t.Fatalf("%s %s: %v", p.Name, pid, err)
	}
	return prose.Side{Pack: p, UseCase: use}
}

// golden compares a text with a file that a person has read.
func golden(t *testing.T, file string, write func(*bytes.Buffer) error) {
	t.Helper()
	var out bytes.Buffer
	if err := write(&out); err != nil {
		t.Fatal(err)
	}
	file = "testdata/" + file
	if *update {
		if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), out.String()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

func TestCompareUseCases(t *testing.T) {
	old, now := load(t, "old.pack"), load(t, "new.pack")
	for _, lang := range []formats.Lang{formats.German, formats.English} {
		golden(t, "diff."+string(lang)+".txt", func(w *bytes.Buffer) error {
			d := prose.Compare(side(t, old, "10001"), side(t, now, "10001"))
			if err := d.WriteHead(w, lang); err != nil {
				return err
			}
			return d.Write(w, lang)
		})
	}
}

func TestComparePacks(t *testing.T) {
	old, now := load(t, "old.pack"), load(t, "new.pack")
	for _, lang := range []formats.Lang{formats.German, formats.English} {
		golden(t, "packs."+string(lang)+".txt", func(w *bytes.Buffer) error {
			d, err := prose.ComparePacks(old, now)
			if err != nil {
				return err
			}
			return d.Write(w, lang)
		})
	}
}

func TestShow(t *testing.T) {
	p := load(t, "new.pack")
	for _, lang := range []formats.Lang{formats.German, formats.English} {
		golden(t, "show."+string(lang)+".txt", func(w *bytes.Buffer) error {
			return prose.UseCase(w, p, side(t, p, "10001").UseCase, lang)
		})
		golden(t, "structure."+string(lang)+".txt", func(w *bytes.Buffer) error {
			return prose.Structure(w, p, lang)
		})
	}
}

// The same content has no differences, also with other segment numbers, another order of codes, another notation of
// operators and another edition of the documents.
func TestSameContent(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/old.pack")
	if err != nil {
		t.Fatal(err)
	}
	first := strings.Replace(string(text), "s 00004 Muss[1]", "s 00004 Muss[1]∧[2]∨[3]", 1)
	second := regexp.MustCompile(`\b000([0-9][0-9])\b`).ReplaceAllString(first, "009$1")
	second = strings.NewReplacer("version 1.0", "version 1.9", "codes 1.0", "codes 1.9", "X 1.0", "X 1.9", "2025-12-24", "2026-12-24",
		"X E01 E02", "X E02 E01", "Muss[1]∧[2]∨[3]", "M([1]U[2])O[3]").Replace(second)
	old, now := parse(t, first), parse(t, second)
	d, err := prose.ComparePacks(old, now)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := d.Write(&out, formats.German); err != nil {
		t.Fatal(err)
	}
	if !d.Empty() || !strings.Contains(out.String(), "keine Änderungen") {
		t.Errorf("%s", out.String())
	}
}

// Every pack equals itself, and whatever changes between two format versions can be told in both languages.
func TestAllPacks(t *testing.T) {
	t.Parallel()
	before := map[string]*rules.Pack{}
	for _, info := range rules.List() {
		p, err := rules.Load(info.FormatVersion, info.Name)
		if err != nil {
			t.Fatal(err)
		}
		d, err := prose.ComparePacks(p, p)
		if err != nil || !d.Empty() {
			t.Errorf("%s %s differs from itself (%v)", info.FormatVersion, info.Name, err)
		}
		if old := before[info.Name]; old != nil {
			compareAll(t, old, p)
		}
		before[info.Name] = p
	}
}

// compareAll checks what every comparison must hold.
func compareAll(t *testing.T, old, now *rules.Pack) {
	t.Helper()
	for _, info := range now.UseCases() {
		a, err := old.UseCase(info.Pruefidentifikator)
		if err != nil {
			t.Fatal(err)
		}
		if a == nil {
			continue
		}
		b := side(t, now, info.Pruefidentifikator)
		d, back := prose.Compare(prose.Side{Pack: old, UseCase: a}, b), prose.Compare(b, prose.Side{Pack: old, UseCase: a})
		if d.Empty() != back.Empty() || d.Rows() != back.Rows() {
			t.Errorf("%s %s: %d rows change, backwards %d", now.FormatVersion, info.Pruefidentifikator, d.Rows(), back.Rows())
		}
		var de, en bytes.Buffer
		if err := d.Write(&de, formats.German); err != nil {
			t.Fatal(err)
		}
		if err := d.Write(&en, formats.English); err != nil {
			t.Fatal(err)
		}
		if !d.Empty() && strings.Contains(en.String(), "kommt hinzu") {
			t.Errorf("%s %s: German words in the English text", now.FormatVersion, info.Pruefidentifikator)
		}
	}
}

// A segment with another qualifier is another segment, even under the same name and number.
func TestOtherQualifier(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/old.pack")
	if err != nil {
		t.Fatal(err)
	}
	old, now := parse(t, string(text)), parse(t, strings.ReplaceAll(string(text), " 471", " 472"))
	var out bytes.Buffer
	if err := prose.Compare(side(t, old, "10001"), side(t, now, "10001")).Write(&out, formats.German); err != nil {
		t.Fatal(err)
	}
	want := `
Entfallen
  DTM+471 „Kündigungstermin“: Kann

Neu
  DTM+472 „Kündigungstermin“: Kann
    2005 „Funktion“ 472 X; 2380 „Wert“ X

Nicht verglichen, weil in einer der Versionen nicht übersetzt: [8]
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
