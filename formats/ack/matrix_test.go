package ack_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/ack"
	"github.com/marktbote/marktbote/formats/calendar"
	"github.com/marktbote/marktbote/formats/check"
	"github.com/marktbote/marktbote/formats/rules"
	"github.com/marktbote/marktbote/formats/sample"
)

var update = flag.Bool("update", false, "rewrite the golden files; make messages for cases that are new")

// cases are what can be the matter with a file.
var cases = []string{"ok", "syntax-error", "ahb-error", "unknown-object", "late", "duplicate", "test"}

// lateness is how long after its creation the file of the case "late" arrives.
const lateness = 30 * 24 * time.Hour

// memory knows all partners, and all files or none.
type memory struct{ seen bool }

func (memory) IsOwn(string) bool                   { return true }
func (memory) IsPartner(string) bool               { return true }
func (memory) AcceptsTests() bool                  { return true }
func (m memory) Seen(string, string) (bool, error) { return m.seen, nil }

// TestMatrix compares the answers in every combination of format version, Sparte, message type and case with golden
// files: testdata/FV2610/strom_UTILMD_Strom.txtar has the sections ok/in.edi, ok/contrl.edi, ok/aperak.edi, ok/why.txt
// and so on. Segments stand there on lines of their own and in UTF-8; the
// files have no line breaks and are ISO 8859-1. Texts for people have tests of their own and are left out.
func TestMatrix(t *testing.T) {
	t.Parallel()
	for _, fv := range []formats.FormatVersion{"FV2604", "FV2610"} {
		for _, info := range rules.List() {
			if info.FormatVersion != fv {
				continue
			}
			for _, sparte := range []formats.Sparte{formats.Strom, formats.Gas} {
				name := filepath.Join("testdata", string(fv), string(sparte)+"_"+info.Name+".txtar")
				t.Run(filepath.Base(filepath.Dir(name))+"/"+filepath.Base(name), func(t *testing.T) {
					t.Parallel()
					matrix(t, name, info, sparte)
				})
			}
		}
	}
}

func matrix(t *testing.T, name string, info rules.Info, sparte formats.Sparte) {
	golden, err := txtar.ParseFile(name)
	if errors.Is(err, os.ErrNotExist) {
		golden = &txtar.Archive{}
	} else if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, f := range golden.Files {
		want[f.Name] = string(f.Data)
	}
	if *update && want["ok/in.edi"] == "" {
		for name, in := range inputs(t, info, sparte) {
			want[name+"/in.edi"] = lines(in)
		}
	}
	var got []txtar.File
	for _, c := range cases {
		in := want[c+"/in.edi"]
		if in == "" {
			continue
		}
		answers := solve(t, c, latin1(t, strings.ReplaceAll(in, "'\n", "'")), info.FormatVersion)
		for _, section := range []string{"in.edi", "contrl.edi", "aperak.edi", "why.txt"} {
			text := answers[section]
			if section == "in.edi" {
				text = in
			}
			if text != "" {
				got = append(got, txtar.File{Name: c + "/" + section, Data: []byte(text)})
			}
		}
	}
	if len(got) == 0 {
		t.Skip("the Sparte does not use this message type")
	}
	archive := &txtar.Archive{Comment: golden.Comment, Files: got}
	if *update {
		if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, txtar.Format(archive), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(txtar.Format(golden)), string(txtar.Format(archive))); diff != "" {
		t.Error(diff)
	}
}

// solve answers the file of a case.
func solve(t *testing.T, name string, file []byte, fv formats.FormatVersion) map[string]string {
	t.Helper()
	at := createdAt(t, file).Add(8 * time.Minute)
	if name == "late" {
		at = at.Add(lateness)
	}
	checks := check.Options{At: at, Knowledge: memory{seen: name == "duplicate"}}
	opts := ack.Options{NoHelp: true}
	if name == "unknown-object" {
		r, err := check.File(bytes.NewReader(file), checks)
		if err != nil {
			t.Fatal(err)
		}
		opts.Outside = []ack.Outside{{Code: "Z14"}} // in an Initialprozess, which looks for more than an ID
		if tr := r.Messages[0].Transactions[0]; tr.Pruefidentifikator != "44001" {
			_, id, _ := strings.Cut(tr.Object, "/")
			opts.Outside = []ack.Outside{{Code: "Z10", Content: ack.Content{IDs: []string{id}}}}
		}
	}
	a := answer(t, file, checks, opts)
	verify(t, file, a, fv, at.Add(5*time.Minute))
	out := map[string]string{"why.txt": fmt.Sprintf("CONTRL: %s\nAPERAK: %s\n", a.decision.ContrlReason, a.decision.AperakReason)}
	if a.decision.Contrl != nil {
		out["why.txt"] += "CONTRL due " + due(a.decision.ContrlDue)
	}
	if len(a.decision.Aperaks) > 0 {
		out["why.txt"] += "APERAK due " + due(a.decision.Aperaks[0].Due)
	}
	for _, x := range a.files {
		out[strings.ToLower(x.Type)+".edi"] += lines(x.Bytes)
	}
	return out
}

func due(d ack.Deadline) string {
	return fmt.Sprintf("%s (%s)\n", d.By.In(formats.Berlin).Format("2006-01-02 15:04 MST"), d.Rule)
}

// lines puts every segment on a line of its own, in UTF-8.
func lines(file []byte) string {
	return terminator.ReplaceAllString(edifact.Latin1String(file), "$1'\n")
}

func latin1(t *testing.T, text string) []byte {
	t.Helper()
	b, err := edifact.AppendLatin1(nil, text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var terminator = regexp.MustCompile(`([^?]|\?\?)'`)

func createdAt(t *testing.T, file []byte) time.Time {
	t.Helper()
	m := regexp.MustCompile(`^UNB\+[^+]*\+[^+]*\+[^+]*\+(\d+):(\d+)`).FindSubmatch(file)
	if m == nil {
		t.Fatalf("no UNB in %q", file[:min(len(file), 80)])
	}
	at, err := calendar.ParseInterchangeTime(string(m[1]), string(m[2]))
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// inputs makes the files of a new message type, from the first Pruefidentifikator of the Sparte.
func inputs(t *testing.T, info rules.Info, sparte formats.Sparte) map[string][]byte {
	t.Helper()
	pack, err := rules.Load(info.FormatVersion, info.Name)
	if err != nil {
		t.Fatal(err)
	}
	for _, use := range pack.UseCases() {
		var buf bytes.Buffer
		if err := sample.Generate(&buf, pack, use.Pruefidentifikator, sample.Options{Variant: sample.Minimal, Seed: 1}); err != nil {
			continue
		}
		ok := inSparte(buf.Bytes(), sparte, pack.Type)
		r, err := check.File(bytes.NewReader(ok), check.Options{At: createdAt(t, ok).Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		if r.Sparte != sparte || len(allFindings(r)) > 0 {
			continue
		}
		out := map[string][]byte{"ok": ok, "late": ok, "duplicate": ok, "test": asTest(ok), "syntax-error": withStray(t, ok)}
		if bad := withError(t, pack, use.Pruefidentifikator, sparte); bad != nil {
			out["ahb-error"] = bad
		}
		if r.Messages[0].Transactions[0].Object != "" && pack.Type != "INVOIC" { // objects of invoices are not looked for
			out["unknown-object"] = ok
		}
		return out
	}
	return nil
}

// inSparte turns an acknowledgement into one of the other Sparte: their columns are the same for both.
func inSparte(file []byte, sparte formats.Sparte, messageType string) []byte {
	if messageType != "APERAK" && messageType != "CONTRL" || sparte != formats.Gas {
		return file
	}
	return []byte(strings.NewReplacer(":500", ":502", "::293", "::332", "+9900", "+9800").Replace(string(file)))
}

// asTest sets UNB 0035.
func asTest(file []byte) []byte {
	unb, rest, _ := bytes.Cut(file, []byte("'"))
	for bytes.Count(unb, []byte("+")) < 11 {
		unb = append(slices.Clone(unb), '+')
	}
	return append(append(unb, "1'"...), rest...)
}

// withStray puts a segment behind the second one that no message has.
func withStray(t *testing.T, file []byte) []byte {
	t.Helper()
	segments := strings.SplitAfter(string(file), "'")
	segments = slices.Insert(segments, 3, "XYZ+1'")
	text := strings.Join(segments, "")
	count := regexp.MustCompile(`'UNT\+(\d+)`)
	return []byte(count.ReplaceAllStringFunc(text, func(s string) string {
		var n int
		if _, err := fmt.Sscanf(s, "'UNT+%d", &n); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("'UNT+%d", n+1)
	}))
}

// withError returns a message with an error of the handbook, nil if none can be made.
func withError(t *testing.T, pack *rules.Pack, pid string, sparte formats.Sparte) []byte {
	t.Helper()
	var found []byte
	err := sample.Mutants(pack, pid, sample.Options{Variant: sample.Minimal, Seed: 1}, func(_ sample.Mutation, file []byte) error {
		if found != nil {
			return nil
		}
		file = bytes.Clone(inSparte(file, sparte, pack.Type))
		r, err := check.File(bytes.NewReader(file), check.Options{At: createdAt(t, file).Add(time.Hour)})
		if err == nil && r.Verdict == check.RejectedProcessing {
			found = file
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
