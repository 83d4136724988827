package compile_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/marktbote/marktbote/formats/condition"
	"github.com/marktbote/marktbote/formats/rules"
	"github.com/marktbote/marktbote/formats/rules/compile"
)

// The texts of conditions in these tables are our own.
const (
	smallRows = `pid,kind,path,segment,nr,de,pos,code,name,expr
90001,S,,UNH,00001,,,,,Muss
90001,D,,UNH,00001,0062,0,,,X
90001,S,,BGM,00002,,,,,Muss
90001,C,,BGM,00002,1001,0.0,Z01,Erste,X
90001,C,,BGM,00002,1001,0.0,Z09,Neunte,X
90001,S,,DTM,00003,,,,,Muss
90001,C,,DTM,00003,2005,0.0,137,Datum,X
90001,D,,DTM,00003,2380,0.1,,,X [931] ∧ [1]
90001,G,SG1,,00004,,,,,Muss [2] Soll [3]
90001,S,SG1,NAD,00004,,,,,Muss
90001,C,SG1,NAD,00004,3035,0,A01,Anna,X [1P0..1]
90001,C,SG1,NAD,00004,3035,0,A02,Aaron,X [1P0..1]
90001,S,,UNT,00006,,,,,Muss
90002,S,,UNH,00001,,,,,Muss
90002,S,,BGM,00002,,,,,Muss
90002,C,,BGM,00002,1001,0.0,Z09,Neunte,X [2]
`
	smallHeads      = "pid,name,ahb_version,ahb_date\n90001,Erster  Fall,1.0,2025-12-24\n90002,Zweiter Fall,1.0,2025-12-24\n"
	smallConditions = "type,key,kind,text\nSMALL,1,COND,nicht später als das Dokument\nSMALL,2,COND,\"im Kopf\n steht Z01\"\n" +
		"SMALL,3,COND,hat noch keine Regel\nSMALL,931,FORMAT,Format: ZZZ = +00\nSMALL,500,HINT,nur ein Hinweis\nOTHER,4,COND,einer anderen Nachricht\n"
	smallPackages  = "type,key,expression\nSMALL,1P,\nSMALL,2P,[2]\n"
	smallOverrides = "pid,type,key,text\n90002,SMALL,2,im Kopf steht Z09\n"
)

// smallRules are the translations of the conditions; one belongs to a text that several types share.
func smallRules() fstest.MapFS {
	line := func(text, number, rule string) string {
		return fmt.Sprintf("%s %s %s\n", compile.TextHash(text), number, rule)
	}
	return fstest.MapFS{
		"SMALL_1.txt": {Data: []byte("# rules of SMALL\n\n" + line("nicht später als das Dokument", "1", "must Z41 date(value) <= now") +
			line("im Kopf steht Z01", "2", "if BGM+Z01"))},
		"SMALL_2.txt": {Data: []byte(line("im Kopf steht Z09", "2", "if BGM+Z09"))},
		"OTHER.txt":   {Data: []byte(line("hat noch keine Regel", "3", "if false"))},
	}
}

func smallHandbook() *compile.Handbook {
	return &compile.Handbook{Rows: strings.NewReader(smallRows), Heads: strings.NewReader(smallHeads), Conditions: strings.NewReader(smallConditions),
		Packages: strings.NewReader(smallPackages), Overrides: strings.NewReader(smallOverrides), Translations: smallRules()}
}

// TestHandbook compares with handbook.pack: conditions by number and by the hash of their text, an own meaning in one use
// case, packages, names of codes, rows in order, codes that share an expression in one line.
func TestHandbook(t *testing.T) {
	t.Parallel()
	src, err := os.ReadFile("testdata/small.json")
	if err != nil {
		t.Fatal(err)
	}
	got, report, err := compile.Compile(bytes.NewReader(src), smallHandbook())
	if err != nil {
		t.Fatal(err)
	}
	const file = "testdata/handbook.pack"
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if report.UseCases != 2 || report.Rows != 16 {
		t.Errorf("report says %d use cases and %d rows", report.UseCases, report.Rows)
	}
	if len(report.ToReview) != 1 || !strings.HasPrefix(report.ToReview[0], compile.TextHash("hat noch keine Regel")+" 3: ") {
		t.Errorf("to review: %q", report.ToReview)
	}
	for _, text := range []string{"Dokument\n", "keine Regel", "Hinweis"} {
		if bytes.Contains(got, []byte(text)) {
			t.Errorf("the pack has a text of the source: %q", text)
		}
	}
}

// A text that changes must not keep its old rule.
func TestChangedTextIsOpen(t *testing.T) {
	t.Parallel()
	src, err := os.ReadFile("testdata/small.json")
	if err != nil {
		t.Fatal(err)
	}
	h := smallHandbook()
	h.Conditions = strings.NewReader(strings.Replace(smallConditions, "nicht später", "nicht mehr als einen Tag später", 1))
	got, report, err := compile.Compile(bytes.NewReader(src), h)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(got, []byte("\ncondition 1 open\n")) || len(report.ToReview) != 2 {
		t.Errorf("condition 1 is not open; to review: %q", report.ToReview)
	}
}

func TestHandbookErrors(t *testing.T) {
	t.Parallel()
	src, err := os.ReadFile("testdata/small.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ replace, with, want string }{
		{"pid,kind", "pid,kin", `column "kind" is missing`},
		{"DTM,00003,,,,,Muss", "DTM,00007,,,,,Muss", "segment number 00007 is not in the structure"},
		{"X [931] ∧ [1]", "X [931] ∧", "90001"},
		{"X [931] ∧ [1]", "[931]", "expected a status"},
		{"NAD,00004,3035,0,A01", "NAD,00004,3035,9,A01", "no component"},
		{"C,,BGM,00002,1001,0.0,Z01", "C,,BGM,00002,1001,0.0,Z 01", `the code "Z 01"`},
		{"90001,G,SG1,,00004", "90001,G,SG1/SG2,,00004", "stands outside"},
	} {
		rows := strings.Replace(smallRows, c.replace, c.with, 1)
		if rows == smallRows {
			t.Errorf("%q is not in the rows", c.replace)
			continue
		}
		h := smallHandbook()
		h.Rows = strings.NewReader(rows)
		if _, _, err := compile.Compile(bytes.NewReader(src), h); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.with, err, c.want)
		}
	}
	h := smallHandbook()
	h.Translations = fstest.MapFS{"SMALL.txt": {Data: []byte("0123abcd 1 if (\n")}}
	if _, _, err := compile.Compile(bytes.NewReader(src), h); err == nil || !strings.Contains(err.Error(), "SMALL.txt:1: column 5") {
		t.Errorf("broken translation: %v", err)
	}
}

// Every pack in the binary has a rule for each of its conditions.
func TestNothingOpen(t *testing.T) {
	t.Parallel()
	for _, info := range rules.List() {
		pack, err := rules.Load(info.FormatVersion, info.Name)
		if err != nil {
			t.Fatal(err)
		}
		for n, r := range pack.Rules {
			if r.Kind == condition.Open {
				t.Errorf("%s %s: condition %d is open", info.FormatVersion, info.Name, n)
			}
		}
	}
}
