package main_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// NOTE: The house rules of CONTRIBUTING.md as tests. A rule is a function from the files of the repository to a list
// of violations, each with the file and the reason. TestHouseRules runs all rules on the repository,
// TestHouseRulesFail (house_fail_test.go) shows each rule small trees that it must object to. The rules themselves
// are in house_imports_test.go, house_docs_test.go and house_files_test.go.

// tree holds the files of a repository: slash-separated path from its root, and content.
type tree map[string]string

// rule returns the violations that it finds.
type rule func(tree) []string

// rules are all house rules by name.
var rules = map[string]rule{
	"imports":       importViolations,
	"clock":         clockViolations,
	"package-docs":  packageDocViolations,
	"exported-docs": exportedDocViolations,
	"spec-keys":     specViolations,
	"finding-codes": codeViolations,
	"open-marks":    openMarkViolations,
	"file-length":   lengthViolations,
	"init":          initViolations,
	"package-names": nameViolations,
}

func TestHouseRules(t *testing.T) {
	t.Parallel()
	repo := load(t)
	for name, check := range rules {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, v := range check(repo) {
				t.Error(v)
			}
		})
	}
}

// load reads the text files of the repository. Test data is left out: it shows what is wrong on purpose.
func load(t *testing.T) tree {
	t.Helper()
	root := moduleRoot(t)
	repo := tree{}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return nil // removed while we walk, such as the temporary file of an editor
			}
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if rel != "." && skipFolder(rel) {
				return filepath.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() || !isText(rel) {
			return nil
		}
		content, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		repo[rel] = string(content)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(repo) < 10 {
		t.Fatalf("only %d files found below %s", len(repo), root)
	}
	return repo
}

// moduleRoot returns the folder of go.mod.
func moduleRoot(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test")
		}
		dir = filepath.Dir(dir)
	}
}

// skipFolder reports whether a folder is not part of the sources.
func skipFolder(rel string) bool {
	switch base := path.Base(rel); {
	case rel == ".ci", rel == ".github":
		return false
	case strings.HasPrefix(base, "."), strings.HasPrefix(base, "_"):
		return true
	default:
		return base == "testdata" || base == "vendor" || rel == "marktbote-data"
	}
}

// isText reports whether a file is written by people or for them.
func isText(rel string) bool {
	switch path.Ext(rel) {
	case ".go", ".s", ".md", ".sql", ".sh", ".yml", ".yaml", ".json", ".html", ".css", ".js", ".pack", ".txt":
		return true
	case "":
		return slices.Contains([]string{"Makefile", "NOTICE", "run"}, path.Base(rel))
	}
	return false
}

// goFile is one parsed Go file.
type goFile struct {
	path string // from the root
	dir  string // package folder, "." for the root
	test bool   // a _test.go file
	fset *token.FileSet
	ast  *ast.File
}

// at formats a place in the file.
func (f *goFile) at(pos token.Pos) string {
	return f.path + ":" + strconv.Itoa(f.fset.Position(pos).Line)
}

// goFiles parses the Go files of the tree in the order of their paths. A file that cannot be parsed is a violation.
func goFiles(repo tree) (files []goFile, violations []string) {
	for _, name := range sorted(repo) {
		if path.Ext(name) != ".go" {
			continue
		}
		fset := token.NewFileSet()
		parsed, err := parser.ParseFile(fset, name, repo[name], parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			violations = append(violations, err.Error())
			continue
		}
		files = append(files, goFile{
			path: name, dir: path.Dir(name), test: strings.HasSuffix(name, "_test.go"), fset: fset, ast: parsed,
		})
	}
	return files, violations
}

// sorted returns the paths of the tree in order.
func sorted(repo tree) []string {
	names := make([]string, 0, len(repo))
	for name := range repo {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
