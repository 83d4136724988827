package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/marktbote/marktbote/formats/rules"
)

var updateREADME = flag.Bool("update-readme", false, "write the figures in README.md anew")

// coverageTable is what README.md states, from the same count as "marktbote rules coverage".
func coverageTable(t *testing.T) string {
	t.Helper()
	shelf := rules.Embedded()
	var b strings.Builder
	b.WriteString("| format version | Prüfidentifikatoren | rows | decided | external | not compiled | conditions | with a rule | external | hints | not compiled |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, fv := range slices.Backward(shelf.FormatVersions()) {
		v, err := coverageOf(shelf, fv)
		if err != nil {
			t.Fatal(err)
		}
		x := v.Total
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d | %d | %d | %d | %d | %d |\n", fv, x.Pruefidentifikatoren, x.Rows, x.Decided, x.External,
			x.NotCompiled, x.Conditions.Total, x.Conditions.Compiled, x.Conditions.External, x.Conditions.Hints, x.Conditions.NotCompiled)
	}
	return b.String()
}

// TestREADMECoverage: README.md claims what the command counts.
func TestREADMECoverage(t *testing.T) {
	t.Parallel()
	const file = "../../README.md"
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text, want := string(data), coverageTable(t)
	start := strings.Index(text, "| format version | Prüfidentifikatoren |")
	if start < 0 {
		t.Fatal("README.md has no table of coverage")
	}
	end := start + strings.Index(text[start:], "\n\n") + 1
	if *updateREADME {
		if err := os.WriteFile(file, []byte(text[:start]+want+text[end:]), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got := text[start:end]; got != want {
		t.Errorf("README.md says\n%sthe command counts\n%sgo test ./cmd/marktbote -run README -update-readme writes it", got, want)
	}
}

// TestREADMEFinding: the finding that README.md shows is the one that the command prints.
func TestREADMEFinding(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), "    $ marktbote check --at 2026-11-20 ")
	shown, _, found := strings.Cut(rest, "\n\n")
	name, shown, _ := strings.Cut(shown, "\n")
	if !found {
		t.Fatal("README.md shows no finding")
	}
	var out strings.Builder
	run(env{t.Context(), strings.NewReader(""), &out, &out}, []string{"check", "--at", "2026-11-20", "../../" + name})
	got := strings.ReplaceAll(strings.TrimSpace(strings.ReplaceAll(out.String(), "../../", "")), "\n", "\n    ")
	if got := "    " + got; got != shown {
		t.Errorf("README.md shows\n%s\nthe command prints\n%s", shown, got)
	}
}
