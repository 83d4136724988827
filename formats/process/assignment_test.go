package process

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/ident"
)

// TestKnownAssignments: every line is about a Pruefidentifikator of its version, and who checks the earlier transaction
// knows where it is named.
func TestKnownAssignments(t *testing.T) {
	t.Parallel()
	known := KnownAssignments()
	if len(known.lines) < 100 {
		t.Errorf("%d lines", len(known.lines))
	}
	for key, line := range known.lines {
		e, ok := Lookup(key.pid)
		switch {
		case !ok || !e.ValidIn(key.version):
			t.Errorf("%s has no %s", key.version, key.pid)
		case slices.Contains(line.Checks, CheckTransaction) && !slices.ContainsFunc(e.refers, func(r reference) bool { return r.relation == Answers }):
			t.Errorf("%s answers nothing", key.pid)
		case line.Source == "" || line.Sure == "":
			t.Errorf("%s has no source", key.pid)
		case key.version >= "FV2610":
			t.Errorf("%s %s: the column is not established for that version", key.version, key.pid)
		}
	}
}

func TestParseAssignments(t *testing.T) {
	t.Parallel()
	a, err := ParseAssignments("# mine\n\nsource Blatt 1 (high)\nFV2610 55002 55003 transaction object\nFV2604 55002 object sender\nnever Z33 UTILMD E01\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		version formats.FormatVersion
		pid     string
		want    []AssignmentCheck
	}{
		{"FV2610", "55003", []AssignmentCheck{CheckTransaction, CheckObject}},
		{"FV2604", "55002", []AssignmentCheck{CheckObject, CheckSender}}, // replaced
		{"FV2604", "55003", []AssignmentCheck{CheckTransaction}},         // in the binary
		{"FV2610", "55001", nil},
	} {
		line, ok := a.Line(tt.version, ident.Pruefidentifikator(tt.pid))
		if diff := cmp.Diff(tt.want, line.Checks); diff != "" || ok != (tt.want != nil) {
			t.Errorf("%s %s: %v (-want +got):\n%s", tt.version, tt.pid, ok, diff)
		}
	}
	for text, want := range map[string]string{
		"FV2610 55001":                      "line 1: the line needs Prüfidentifikatoren and checks",
		"\nFV2610 object":                   "line 2: the line needs Prüfidentifikatoren and checks",
		"FV2610 55001 object 55002":         "line 1: 55002 stands behind a check",
		"FV2610 55001 object object":        "line 1: object stands twice",
		"FV2610 55001 55001 object":         "line 1: 55001 stands twice",
		"FV2610 55001 Objekt":               `line 1: "Objekt" is neither a Prüfidentifikator nor a check`,
		"55001 object":                      `line 1: "55001" is neither a format version nor source nor never`,
		"source Blatt":                      "line 1: the line does not end with how sure it is",
		"never UTILMD":                      "line 1: never needs codes and a message type",
		"never Z10 E01":                     "line 1: never needs codes and a message type",
		"FV2610 55001 object\nsource a (b)": "line 2: the line does not end with how sure it is",
	} {
		if _, err := ParseAssignments(text); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

func TestAssignmentCode(t *testing.T) {
	t.Parallel()
	a := KnownAssignments()
	for _, tt := range []struct {
		check         AssignmentCheck
		sparte        formats.Sparte
		message, code string
		want          string
	}{
		{CheckTransaction, formats.Strom, "UTILMD", "E01", "Z33"},
		{CheckTransaction, formats.Strom, "INVOIC", "380", ""},
		{CheckSender, formats.Strom, "UTILMD", "E01", ""},
		{CheckSender, formats.Gas, "UTILMD", "E01", "Z17"},
		{CheckSender, "", "UTILMD", "E01", ""}, // not known which
		{CheckSender, formats.Strom, "UTILMD", "E02", "Z17"},
		{CheckReceiver, formats.Strom, "UTILTS", "Z59", ""},
		{CheckObject, formats.Strom, "UTILMD", "E01", "Z10"},
		{CheckSearch, formats.Gas, "UTILMD", "E01", "Z14"},
	} {
		if got := a.Code(tt.check, tt.sparte, tt.message, tt.code); got != tt.want {
			t.Errorf("%s %s %s %s: %q, want %q", tt.check, tt.sparte, tt.message, tt.code, got, tt.want)
		}
	}
}
