package main_test

import (
	"fmt"
	"go/ast"
	"go/token"
	"regexp"
	"strings"
)

// packageDocViolations checks that every package says what it is.
func packageDocViolations(repo tree) []string {
	files, _ := goFiles(repo)
	documented := map[string]bool{}
	first := map[string]*goFile{}
	var dirs []string
	for i := range files {
		f := &files[i]
		if f.test {
			continue
		}
		if first[f.dir] == nil {
			first[f.dir] = f
			dirs = append(dirs, f.dir)
		}
		documented[f.dir] = documented[f.dir] || f.ast.Doc != nil && strings.TrimSpace(f.ast.Doc.Text()) != ""
	}
	var violations []string
	for _, dir := range dirs {
		if !documented[dir] {
			violations = append(violations, fmt.Sprintf("%s: package %s has no package comment", first[dir].path, dir))
		}
	}
	return violations
}

// exportedDocViolations checks that every exported identifier of a package, and every exported method of an exported
// type, has a comment. Constants and variables declared together may share one.
func exportedDocViolations(repo tree) []string {
	files, _ := goFiles(repo)
	var violations []string
	for i := range files {
		f := &files[i]
		if f.test || f.ast.Name.Name == "main" {
			continue
		}
		missing := func(name *ast.Ident) {
			violations = append(violations, fmt.Sprintf("%s: %s has no comment", f.at(name.Pos()), name.Name))
		}
		for _, decl := range f.ast.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && exportedReceiver(d) && d.Doc.Text() == "" {
					missing(d.Name)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					for _, name := range undocumented(d, spec) {
						missing(name)
					}
				}
			}
		}
	}
	return violations
}

// exportedReceiver reports whether a function is no method or the method of an exported type.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return true
	}
	expr := d.Recv.List[0].Type
	for {
		switch x := expr.(type) {
		case *ast.StarExpr:
			expr = x.X
		case *ast.IndexExpr:
			expr = x.X
		case *ast.IndexListExpr:
			expr = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return true
		}
	}
}

// undocumented returns the exported names of a declaration that no comment explains.
func undocumented(d *ast.GenDecl, spec ast.Spec) []*ast.Ident {
	switch s := spec.(type) {
	case *ast.TypeSpec:
		if s.Name.IsExported() && s.Doc.Text() == "" && (d.Lparen != token.NoPos || d.Doc.Text() == "") {
			return []*ast.Ident{s.Name}
		}
	case *ast.ValueSpec:
		if d.Doc.Text() != "" || s.Doc.Text() != "" || s.Comment.Text() != "" {
			return nil
		}
		var names []*ast.Ident
		for _, name := range s.Names {
			if name.IsExported() {
				names = append(names, name)
			}
		}
		return names
	}
	return nil
}

const specsPath = "formats/SPECS.md"

var (
	specComment = regexp.MustCompile(`(?i)^//\s*spec:`)
	specRow     = regexp.MustCompile("^\\| `([^`|]+)` \\|(.*)\\|$")
)

// specViolations checks the lines that name the source of a rule against the list of documents.
func specViolations(repo tree) []string {
	keys, violations := specKeys(repo[specsPath])
	files, _ := goFiles(repo)
	for i := range files {
		f := &files[i]
		for _, group := range f.ast.Comments {
			for _, c := range group.List {
				if !specComment.MatchString(c.Text) {
					continue
				}
				source, ok := strings.CutPrefix(c.Text, "// Spec: ")
				if !ok {
					violations = append(violations, fmt.Sprintf("%s: write it as \"// Spec: document, place\"", f.at(c.Pos())))
					continue
				}
				document, _, _ := strings.Cut(source, ";")
				document, _, _ = strings.Cut(document, ",")
				if !knownDocument(keys, document) {
					violations = append(violations, fmt.Sprintf("%s: document %q is not listed in %s", f.at(c.Pos()), document, specsPath))
				}
			}
		}
	}
	return violations
}

// specKeys reads the rows of SPECS.md: | `key` | title | from | to | status | deviations |.
func specKeys(text string) (keys, violations []string) {
	seen := map[string]bool{}
	for i, line := range strings.Split(text, "\n") {
		m := specRow.FindStringSubmatch(strings.TrimSpace(line))
		if m == nil {
			continue
		}
		cells := strings.Split(m[2], "|")
		if len(cells) != 5 {
			violations = append(violations, fmt.Sprintf("%s:%d: %s has %d columns, want 6", specsPath, i+1, m[1], len(cells)+1))
			continue
		}
		switch status := strings.TrimSpace(cells[3]); status {
		case "done", "partly", "not":
		default:
			violations = append(violations, fmt.Sprintf("%s:%d: %s has the status %q, want done, partly or not", specsPath, i+1, m[1], status))
		}
		if seen[m[1]] {
			violations = append(violations, fmt.Sprintf("%s:%d: %s is listed twice", specsPath, i+1, m[1]))
		}
		seen[m[1]] = true
		keys = append(keys, m[1])
	}
	return keys, violations
}

// knownDocument reports whether a key, or a key and a place in the document, is named.
func knownDocument(keys []string, document string) bool {
	for _, key := range keys {
		if rest, ok := strings.CutPrefix(document, key); ok && (rest == "" || rest[0] == ' ' || rest[0] == ':') {
			return true
		}
	}
	return false
}
