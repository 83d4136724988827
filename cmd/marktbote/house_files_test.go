package main_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"path"
	"regexp"
	"slices"
	"strings"
)

// maxGoLines bounds a Go file: a longer one holds two stories.
const maxGoLines = 800

const codesPath = "formats/codes.json"

// codeRow is what the rule looks at in a row of the table of findings.
type codeRow struct {
	Code     string `json:"code"`
	Severity string `json:"severity"`
	Wire     string `json:"wire"`
	Value    string `json:"value"`
	DE       string `json:"de"`
	EN       string `json:"en"`
}

// contrlValues are the values of DE 0085 in CONTRL.
var contrlValues = strings.Fields("2 7 12 13 15 16 19 20 21 22 23 25 26 28 29 32 35 36 37 38 39 40")

var (
	codeForm    = regexp.MustCompile(`^[EW][0-9]{4}$`)
	placeholder = regexp.MustCompile(`\{[^}]*\}`)
	aperakForm  = regexp.MustCompile(`^[A-Z][0-9A-Z]{2}$`)
)

// codeViolations checks the table of findings.
func codeViolations(repo tree) []string {
	text, ok := repo[codesPath]
	if !ok {
		return []string{codesPath + " is missing"}
	}
	var rows []codeRow
	if err := json.Unmarshal([]byte(text), &rows); err != nil {
		return []string{codesPath + ": " + err.Error()}
	}
	var violations []string
	seen := map[string]bool{}
	for i, r := range rows {
		bad := func(format string, args ...any) {
			violations = append(violations, fmt.Sprintf("%s: row %d, %s: ", codesPath, i+1, r.Code)+fmt.Sprintf(format, args...))
		}
		if !codeForm.MatchString(r.Code) {
			bad("a code is E or W and four digits")
		}
		if seen[r.Code] {
			bad("the code occurs twice")
		}
		seen[r.Code] = true
		if want := map[byte]string{'E': "error", 'W': "warning"}; r.Code != "" && want[r.Code[0]] != r.Severity {
			bad("severity %q does not go with the letter of the code", r.Severity)
		}
		if strings.TrimSpace(r.DE) == "" || strings.TrimSpace(r.EN) == "" {
			bad("the German or the English text is missing")
		}
		if de, en := placeholders(r.DE), placeholders(r.EN); !slices.Equal(de, en) {
			bad("the texts have different placeholders: %v and %v", de, en)
		}
		switch r.Wire {
		case "":
			if r.Value != "" {
				bad("a value without the message that carries it")
			}
		case "CONTRL":
			if !slices.Contains(contrlValues, r.Value) {
				bad("CONTRL has no DE 0085 value %q", r.Value)
			}
		case "APERAK":
			if !aperakForm.MatchString(r.Value) {
				bad("APERAK has no DE 9321 value %q", r.Value)
			}
		default:
			bad("wire is CONTRL, APERAK or empty, not %q", r.Wire)
		}
	}
	return violations
}

// placeholders returns the placeholders of a text, each once, in order.
func placeholders(text string) []string {
	list := placeholder.FindAllString(text, -1)
	slices.Sort(list)
	return slices.Compact(list)
}

// The two words are put together here so that this file does not break its own rule.
var openMark = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME)\b(\(#[0-9]+\))?`)

// openMarkViolations checks that every mark of unfinished work names its issue.
func openMarkViolations(repo tree) []string {
	var violations []string
	for _, name := range sorted(repo) {
		for i, line := range strings.Split(repo[name], "\n") {
			for _, m := range openMark.FindAllStringSubmatch(line, -1) {
				if m[2] == "" {
					violations = append(violations, fmt.Sprintf("%s:%d: %s without an issue, as in %s(#12)", name, i+1, m[1], m[1]))
				}
			}
		}
	}
	return violations
}

// lengthViolations checks the length of Go files.
func lengthViolations(repo tree) []string {
	var violations []string
	for _, name := range sorted(repo) {
		if path.Ext(name) != ".go" {
			continue
		}
		if n := strings.Count(repo[name], "\n"); n > maxGoLines {
			violations = append(violations, fmt.Sprintf("%s has %d lines, more than %d: split it", name, n, maxGoLines))
		}
	}
	return violations
}

// initViolations checks that nothing runs before main without being called.
func initViolations(repo tree) []string {
	files, _ := goFiles(repo)
	var violations []string
	for i := range files {
		f := &files[i]
		for _, decl := range f.ast.Decls {
			if d, ok := decl.(*ast.FuncDecl); ok && d.Recv == nil && d.Name.Name == "init" {
				violations = append(violations, f.at(d.Pos())+": no init functions: build tables explicitly")
			}
		}
	}
	return violations
}

// emptyNames say nothing about what a package does.
var emptyNames = []string{"util", "utils", "common", "helper", "helpers", "types", "models", "misc", "pkg", "shared"}

// nameViolations checks the names of packages and their folders.
func nameViolations(repo tree) []string {
	files, _ := goFiles(repo)
	var violations []string
	for i := range files {
		f := &files[i]
		for _, name := range []string{strings.TrimSuffix(f.ast.Name.Name, "_test"), path.Base(f.dir)} {
			if slices.Contains(emptyNames, name) {
				violations = append(violations, fmt.Sprintf("%s: package name %s does not say what the package does", f.path, name))
				break
			}
		}
	}
	return violations
}
