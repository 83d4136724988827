package main_test

import (
	"strings"
	"testing"
)

// file returns a Go file that imports the given packages.
func file(pkg string, imports ...string) string {
	var b strings.Builder
	b.WriteString("// Package x is an example.\npackage " + pkg + "\n")
	for _, name := range imports {
		b.WriteString("import _ \"" + strings.ReplaceAll(name, "~", modulePath) + "\"\n")
	}
	return b.String()
}

// row returns a table of findings with one row.
func row(code, severity, wire, value, de, en string) tree {
	return tree{codesPath: `[{"code":"` + code + `","severity":"` + severity + `","wire":"` + wire + `","value":"` + value +
		`","de":"` + de + `","en":"` + en + `"}]`}
}

const listed = "| `UTILMD MIG Strom S2.2` | title | 2026-10-01 | open | partly | none |\n"

// open is the mark of unfinished work, put together so that this file may name it.
const open = "TO" + "DO"

// TestHouseRulesFail shows every rule what it must object to, and what it must let pass (empty want).
func TestHouseRulesFail(t *testing.T) {
	t.Parallel()
	seen := map[string][2]bool{}
	for _, tt := range []struct {
		rule string
		repo tree
		want string // part of the only violation; empty: none
	}{
		{"imports", tree{"edifact/a.go": file("edifact", "bytes", "io", "iter")}, ""},
		{"imports", tree{"edifact/a.go": file("edifact", "~/formats")}, "edifact/a.go:3 imports"},
		{"imports", tree{"edifact/a.go": file("edifact", "time")}, "no clock"},
		{"imports", tree{"edifact/a.go": file("edifact", "net/http")}, "no network"},
		{"imports", tree{"edifact/a.go": file("edifact", "os")}, "no files"},
		{"imports", tree{"edifact/a.go": file("edifact", "log/slog")}, "no logging"},
		{"imports", tree{"edifact/a.go": file("edifact", "golang.org/x/text")}, "not on the list"},
		{"imports", tree{"edifact/a.go": file("edifact", "~/edifact/edifacttest")}, "tests only"},
		{"imports", tree{"edifact/a_test.go": file("edifact_test", "os", "~/edifact", "~/edifact/edifacttest", "pgregory.net/rapid")}, ""},
		{"imports", tree{"edifact/a_test.go": file("edifact_test", "~/formats")}, "syntax only"},
		{"imports", tree{"formats/a.go": file("formats", "embed", "io/fs", "~/edifact", "time", "github.com/cockroachdb/apd/v3")}, ""},
		{"imports", tree{"formats/a.go": file("formats", "os")}, "no files"},
		{"imports", tree{"formats/a.go": file("formats", "~/formats/ident")}, "below"},
		{"imports", tree{"formats/ident/a.go": file("ident", "~/formats/calendar")}, "below"},
		{"imports", tree{"formats/mig/a.go": file("mig", "~/formats/rules", "~/formats/ident", "~/formats", "~/edifact")}, ""},
		{"imports", tree{"formats/mig/a.go": file("mig", "~/formats/check")}, "below"},
		{"imports", tree{"formats/rules/compile/a.go": file("compile", "~/formats/rules")}, ""},
		{"imports", tree{"formats/event/a.go": file("event", "~/store")}, "formats is pure"},
		{"imports", tree{"formats/event/a.go": file("event", "net/http")}, "no network"},
		{"imports", tree{"formats/event/a.go": file("event", "database/sql")}, "no database"},
		{"imports", tree{"formats/event/a.go": file("event", "example.org/x")}, "not on the list"},
		{"imports", tree{"formats/event/a.go": file("event", "~/fixtures")}, "formats is pure"},
		{"imports", tree{"formats/event/a_test.go": file("event", "~/fixtures", "os")}, ""},
		{"imports", tree{"formats/unheard/a.go": file("unheard")}, "no place in the import direction"},
		{"imports", tree{"elsewhere/a.go": file("elsewhere")}, "no place in the import direction"},
		{"imports", tree{"a.go": file("marktbote")}, "no place in the import direction"},
		{"imports", tree{"store/a.go": file("store", "~/edifact")}, "knows nothing of ours"},
		{"imports", tree{"store/a.go": file("store", "net/http")}, "no HTTP"},
		{"imports", tree{"store/sqlstore/a.go": file("sqlstore", "~/store", "database/sql")}, ""},
		{"imports", tree{"store/sqlstore/a.go": file("sqlstore", "~/store/sqlite")}, "drivers know"},
		{"imports", tree{"store/sqlite/a.go": file("sqlite", "~/store", "~/store/sqlstore", "modernc.org/sqlite")}, ""},
		{"imports", tree{"store/sqlite/a.go": file("sqlite", "~/store/storetest")}, "tests only"},
		{"imports", tree{"store/sqlite/a_test.go": file("sqlite", "~/store/storetest")}, ""},
		{"imports", tree{"fixtures/a.go": file("fixtures", "~/edifact")}, "fixtures are plain"},
		{"imports", tree{"gateway/a.go": file("gateway", "~/formats/check", "~/edifact", "~/store", "~/gateway/work", "net/http")}, ""},
		{"imports", tree{"gateway/a.go": file("gateway", "~/store/sqlite")}, "no driver"},
		{"imports", tree{"gateway/a.go": file("gateway", "~/fixtures")}, "no driver"},
		{"imports", tree{"gateway/a.go": file("gateway", "~/gateway/api")}, "further down"},
		{"imports", tree{"gateway/as4/a.go": file("as4", "~/gateway/work")}, "further down"},
		{"imports", tree{"gateway/as4/soap/a.go": file("soap", "~/gateway/as4", "~/gateway/partner")}, ""},
		{"imports", tree{"gateway/a_test.go": file("gateway", "~/store/sqlite", "~/fixtures")}, ""},
		{"imports", tree{"cmd/marktbote-ledger/book/a.go": file("book", "~/formats/event")}, "published form"},
		{"imports", tree{"cmd/marktbote-ledger/book/a_test.go": file("book_test", "~/cmd/marktbote-ledger/book", "~/formats/event", "~/edifact")}, ""},
		{"imports", tree{"cmd/marktbote-ledger/a.go": file("main", "~/cmd/marktbote-ledger/book", "modernc.org/sqlite")}, ""},
		{"imports", tree{"cmd/marktbote-ledger/a.go": file("main", "~/store/sqlite")}, "published form"},
		{"imports", tree{"cmd/marktbote/a.go": file("main", "~/cmd/marktbote-ledger/book")}, ""},
		{"imports", tree{"cmd/marktbote/a.go": file("main", "~/cmd/marktbote-ledger")}, "another command"},
		{"imports", tree{"gateway/a.go": file("gateway", "~/cmd/marktbote-ledger/book")}, "gateway knows"},
		{"imports", tree{"cmd/x/a.go": file("main", "~/store/sqlite", "~/gateway", "~/fixtures", "~/formats/check")}, ""},
		{"imports", tree{"cmd/x/a.go": file("main", "~/cmd/y")}, "another command"},
		{"imports", tree{"formats/a.go": "package formats\nimport ("}, "formats/a.go"},

		{"clock", tree{"formats/a.go": "package formats\nimport \"time\"\nvar t = time.Now()\n"}, "formats/a.go:3 uses time.Now"},
		{"clock", tree{"formats/a.go": "package formats\nimport \"time\"\nvar t = time.Unix(0, 0)\n"}, ""},
		{"clock", tree{"gateway/a.go": "package gateway\nimport \"time\"\nvar t = time.Now()\n"}, ""},

		{"package-docs", tree{"store/a.go": "package store\n", "store/b.go": "// Package store keeps.\npackage store\n"}, ""},
		{"package-docs", tree{"store/a.go": "package store\n"}, "no package comment"},
		{"package-docs", tree{"store/a_test.go": "package store_test\n"}, ""},

		{"exported-docs", tree{"store/a.go": "package store\n\ntype Store struct{}\n"}, "store/a.go:3: Store"},
		{"exported-docs", tree{"store/a.go": "package store\n\nfunc Open() {}\n"}, "Open has no comment"},
		{"exported-docs", tree{"store/a.go": "package store\n\n// S is.\ntype S struct{}\nfunc (*S) Close() {}\n"}, "Close has no comment"},
		{"exported-docs", tree{"store/a.go": "package store\n\n// S is.\ntype S[T any] struct{}\nfunc (*S[T]) Close() {}\n"}, "Close has no comment"},
		{"exported-docs", tree{"store/a.go": "package store\n\ntype s struct{}\nfunc (s) Close() {}\n"}, ""},
		{"exported-docs", tree{"store/a.go": "package store\n\nconst Max = 1\n"}, "Max has no comment"},
		{"exported-docs", tree{"store/a.go": "package store\n\n// Both limits.\nconst (\n\tMax = 1\n\tMin = 2\n)\n"}, ""},
		{"exported-docs", tree{"store/a.go": "package store\n\n// Both.\ntype (\n\tA int\n)\n"}, "A has no comment"},
		{"exported-docs", tree{"store/a_test.go": "package store\n\nfunc TestX() {}\n"}, ""},

		{"spec-keys", tree{specsPath: listed, "formats/a.go": "package formats\n\n// Spec: UTILMD MIG Strom S2.2, SG4\nvar a int\n"}, ""},
		{"spec-keys", tree{specsPath: listed, "formats/a.go": "package formats\n\n// Spec: UTILMD MIG Strom S2.2 ch. 3; more\nvar a int\n"}, ""},
		{"spec-keys", tree{specsPath: listed, "formats/a.go": "package formats\n\n// Spec: UTILMD MIG Strom S2.1, SG4\nvar a int\n"}, "formats/a.go:3: document \"UTILMD MIG Strom S2.1\""},
		{"spec-keys", tree{specsPath: listed, "formats/a.go": "package formats\n\n// Spec: UTILMD MIG Strom S2.22\nvar a int\n"}, "not listed"},
		{"spec-keys", tree{specsPath: listed, "formats/a.go": "package formats\n\n//Spec: UTILMD MIG Strom S2.2\nvar a int\n"}, "write it as"},
		{"spec-keys", tree{"formats/a.go": "package formats\n\n// Spec: UTILMD MIG Strom S2.2\nvar a int\n"}, "not listed"},
		{"spec-keys", tree{specsPath: listed + listed}, "listed twice"},
		{"spec-keys", tree{specsPath: strings.Replace(listed, "partly", "mostly", 1)}, "status \"mostly\""},
		{"spec-keys", tree{specsPath: strings.Replace(listed, "| none ", "", 1)}, "5 columns"},

		{"finding-codes", row("E2001", "error", "CONTRL", "15", "{segment} falsch", "wrong {segment}"), ""},
		{"finding-codes", row("W2001", "warning", "", "", "a", "b"), ""},
		{"finding-codes", row("E3001", "error", "APERAK", "Z17", "a", "b"), ""},
		{"finding-codes", row("E201", "error", "", "", "a", "b"), "four digits"},
		{"finding-codes", row("E2001", "warning", "", "", "a", "b"), "severity"},
		{"finding-codes", row("E2001", "error", "CONTRL", "14", "a", "b"), "no DE 0085 value"},
		{"finding-codes", row("E2001", "error", "APERAK", "17", "a", "b"), "no DE 9321 value"},
		{"finding-codes", row("E2001", "error", "", "15", "a", "b"), "value without"},
		{"finding-codes", row("E2001", "error", "MSCONS", "15", "a", "b"), "wire is"},
		{"finding-codes", row("E2001", "error", "", "", "", "b"), "text is missing"},
		{"finding-codes", row("E2001", "error", "", "", "a", " "), "text is missing"},
		{"finding-codes", row("E2001", "error", "", "", "{found}", "{name}"), "different placeholders"},
		{"finding-codes", tree{codesPath: `[{"code":"E1","severity":"error","de":"a","en":"b"}`}, "unexpected end"},
		{"finding-codes", tree{}, "missing"},
		{"finding-codes", tree{codesPath: `[{"code":"E1001","severity":"error","de":"a","en":"b"},` +
			`{"code":"E1001","severity":"error","de":"a","en":"b"}]`}, "occurs twice"},

		{"open-marks", tree{"docs/a.md": "one\n" + open + ": later\n"}, "docs/a.md:2"},
		{"open-marks", tree{"Makefile": "# FIX" + "ME\n"}, "without an issue"},
		{"open-marks", tree{"docs/a.md": open + "(#12): later\n"}, ""},
		{"open-marks", tree{"docs/a.md": "MA" + open + "S is a name\n"}, ""},

		{"file-length", tree{"a/a.go": strings.Repeat("\n", maxGoLines+1)}, "801 lines"},
		{"file-length", tree{"a/a.go": strings.Repeat("\n", maxGoLines), "a.md": strings.Repeat("\n", maxGoLines+1)}, ""},

		{"init", tree{"a/a.go": "package a\n\nfunc init() {}\n"}, "a/a.go:3"},
		{"init", tree{"a/a.go": "package a\n\ntype T int\n\nfunc (T) init() {}\n"}, ""},

		{"package-names", tree{"a/a.go": "package helpers\n"}, "package name helpers"},
		{"package-names", tree{"a/util/a.go": "package a\n"}, "package name util"},
		{"package-names", tree{"a/common/a_test.go": "package common_test\n"}, "package name common"},
		{"package-names", tree{"a/partner/a.go": "package partner\n"}, ""},
	} {
		got := rules[tt.rule](tt.repo)
		ok := len(got) == 0
		if tt.want != "" {
			ok = len(got) == 1 && strings.Contains(got[0], tt.want)
		}
		if !ok {
			t.Errorf("%s on %q: got %q, want %q", tt.rule, tt.repo, got, tt.want)
		}
		s := seen[tt.rule]
		if tt.want == "" {
			s[0] = true
		} else {
			s[1] = true
		}
		seen[tt.rule] = s
	}
	for name := range rules {
		if seen[name] != [2]bool{true, true} {
			t.Errorf("rule %s has no example that passes and one that fails", name)
		}
	}
}
