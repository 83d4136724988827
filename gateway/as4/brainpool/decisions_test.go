package brainpool

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"slices"
	"strings"
	"testing"
)

// decisions is everything that the functions which see secrets branch on, loop over or use as an index, and why it tells
// nothing. What is not in it fails the test, so that somebody looks at it before it is added.
var decisions = map[string]string{
	"if m.limbs == 4":     "public: which curve it is",
	"range m.limbs":       "public: which curve it is",
	"range limbs":         "public: which curve it is",
	"for j < m.limbs":     "public: which curve it is",
	"for i < len(t)":      "constant",
	"for i < len(powers)": "constant",
	"for i >= 0":          "public: number of tables",
	"range m.lessTwo":     "public: the modulus",
	"range [2]byte{…}":    "always two",
	"range 4":             "constant",
	"range t":             "constant: all entries of a table",
	"range k":             "always the length of the order; the bytes are used by pick only",
	"if i == 0 && j == 0": "public: the first digit",

	"index 0": "constant", "index 1": "constant", "index 2": "constant", "index 3": "constant", "index 8": "constant",
	"index i": "loop", "index j": "loop", "index j - 1": "loop", "index i - 1": "loop", "index 2 * i + j": "loop",
	"index m.limbs - 1":            "public: which curve it is",
	"index digit":                  "in invert only: digits of the modulus, which is public",
	"slice len(full) - 8 * i - 8:": "loop",
	"slice len(full) - len(b):":    "public: length of the input",
	"slice 8 * (m.limbs - 1 - i):": "loop",
	"slice :scalarBytes":           "constant",
	"slice scalarBytes:":           "constant",
	"slice :":                      "all of it",

	"if len(scalar) != scalarBytes":        "public: length of the input",
	"if below &^ p256r1.n.isZero(&d) == 0": "tells that a number is no private key",
	"if !isDigest(digest)":                 "public: length of the input",
	"if err == nil":                        "tells that a random number is no private key",
	"if err != nil":                        "errors of the random source, or of the peer's point, which is public",
	"for":                                  "until a nonce fits",
	"if below &^ n.isZero(&nonce) == 0":    "tells about a nonce that is not used",
	"if n.isZero(&r) | n.isZero(&s) == 1":  "tells about a signature that is not used; r and s are public otherwise",
	"if c != p256r1":                       "public: which curve it is",
	"if n.again":                           "tells that a nonce was not used",
	"range data":                           "constant: number of parts",
	"range n.value":                        "constant: length of a hash",
}

func TestDecisions(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for file, functions := range map[string][]string{
		"limbs.go":   nil,
		"modulus.go": nil,
		"group.go":   nil,
		"nonce.go":   nil,
		"key.go":     nil,
		"verify.go":  {"residue"},
	} {
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		note := func(kind, text string) {
			decision := strings.TrimSpace(kind + " " + text)
			seen[decision] = true
			if decisions[decision] == "" {
				t.Errorf("%s: %q is not in the list of decisions", file, decision)
			}
		}
		for _, declaration := range parsed.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if !ok || functions != nil && !slices.Contains(functions, function.Name.Name) || function.Name.Name == "newModulus" {
				continue
			}
			ast.Inspect(function.Body, func(node ast.Node) bool {
				switch node := node.(type) {
				case *ast.IfStmt:
					note("if", text(node.Cond))
				case *ast.ForStmt:
					note("for", text(node.Cond))
				case *ast.RangeStmt:
					note("range", text(node.X))
				case *ast.IndexExpr:
					note("index", text(node.Index))
					if text(node.Index) == "digit" && function.Name.Name != "invert" {
						t.Errorf("%s: index digit in %s", file, function.Name.Name)
					}
				case *ast.SliceExpr:
					note("slice", text(node.Low)+":"+text(node.High))
				case *ast.SwitchStmt, *ast.TypeSwitchStmt, *ast.SelectStmt, *ast.GoStmt, *ast.BranchStmt:
					if branch, ok := node.(*ast.BranchStmt); !ok || branch.Tok != token.CONTINUE {
						t.Errorf("%s: a statement of another kind in %s", file, function.Name.Name)
					}
				case *ast.BinaryExpr:
					if node.Op == token.QUO || node.Op == token.REM {
						t.Errorf("%s: division in %s takes as long as its operands are", file, function.Name.Name)
					}
				}
				return true
			})
		}
	}
	for _, text := range slices.Sorted(maps.Keys(decisions)) {
		if !seen[text] {
			t.Errorf("%q is in the list of decisions, but nowhere else", text)
		}
	}
}

func text(expression ast.Expr) string {
	if expression == nil {
		return ""
	}
	return types.ExprString(expression)
}
