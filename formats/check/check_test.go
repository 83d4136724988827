package check_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/marktbote/marktbote/fixtures"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/check"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// received is when the fixtures are checked: shortly after the last of them was written.
var received = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

func judge(t testing.TB, data []byte, opts check.Options) *check.Result {
	t.Helper()
	r, err := check.File(bytes.NewReader(data), opts)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// findings returns all findings of a result, those of the file first.
func findings(r *check.Result) []formats.Finding {
	list := append([]formats.Finding(nil), r.Findings...)
	for _, m := range r.Messages {
		list = append(list, m.Findings...)
		for _, tr := range m.Transactions {
			list = append(list, tr.Findings...)
		}
	}
	return list
}

// TestFixtures compares the judgement of every fixture with the golden file, which a person has read.
func TestFixtures(t *testing.T) {
	var out strings.Builder
	for _, name := range fixtures.List() {
		data, err := fixtures.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		r := judge(t, data, check.Options{At: received})
		fmt.Fprintf(&out, "%s: %s %s %s\n", name, r.Verdict, r.FormatVersion, r.Sparte)
		for _, m := range r.Messages {
			for _, tr := range m.Transactions {
				fmt.Fprintf(&out, "  %s %s %s %s: %s %s %s\n", m.Type, m.Version, m.DocumentNumber, tr.Number, tr.Pruefidentifikator, tr.Object, tr.Verdict)
			}
		}
		for _, x := range findings(r) {
			wire := "-"
			if x.Wire != nil {
				wire = x.Wire.Kind + " " + x.Wire.Code
			}
			fmt.Fprintf(&out, "  %s (%s) %s, segment %d, %d:%d, byte %d+%d, %s\n    %s\n",
				x.Code, wire, x.Path, x.SegmentNumber, x.Element, x.Component, x.Offset, x.Length, x.Rule, x.Text)
		}
		if valid := strings.HasPrefix(name, "valid/"); valid && len(findings(r)) > 0 {
			t.Errorf("%s: %v", name, findings(r))
		} else if !valid && r.Verdict == check.Accepted {
			t.Errorf("%s is accepted", name)
		}
	}
	const golden = "testdata/fixtures.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(out.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestVersionInForce(t *testing.T) {
	const file = "UNB+UNOC:3+9899100000015:502+9899200000022:502+%s+REF1'UNH+1+CONTRL:D:3:UN:2.0b'UCI+REF0001+9899200000022:502+9899100000015:502+7'UNT+3+1'UNZ+1+REF1'"
	const utilmd = "UNB+UNOC:3+9999100000013:500+9999200000020:500+%s+REF1'UNH+1+UTILMD:D:11A:UN:%s'UNT+2+1'UNZ+1+REF1'"
	tests := []struct {
		name, in string
		at       time.Time
		fv       formats.FormatVersion
		want     formats.FormatVersion
		codes    string
	}{
		{"unchanged version before the change", fmt.Sprintf(file, "260930:2159"), received, "", "FV2604", ""},
		{"unchanged version after the change", fmt.Sprintf(file, "260930:2200"), received, "", "FV2610", ""},
		{"old version sent in time, received late", fmt.Sprintf(utilmd, "260930:2159", "S2.1"), received, "", "FV2604", ""},
		{"old version sent after the change", fmt.Sprintf(utilmd, "260930:2200", "S2.1"), received, "", "FV2604", "E1049"},
		{"new version sent before the change", fmt.Sprintf(utilmd, "260930:2159", "S2.2"), received, "", "FV2610", "E1049"},
		{"version forced", fmt.Sprintf(utilmd, "260930:2159", "S2.2"), received, "FV2610", "FV2610", ""},
		{"version forced, other one sent", fmt.Sprintf(utilmd, "261101:0800", "S2.2"), received, "FV2604", "FV2610", "E1049"},
		{"from the future", fmt.Sprintf(utilmd, "261201:1206", "S2.2"), received, "", "FV2610", "E1035"},
		{"within the tolerance of clocks", fmt.Sprintf(utilmd, "261201:1205", "S2.2"), received, "", "FV2610", ""},
	}
	for _, tt := range tests {
		r := judge(t, []byte(tt.in), check.Options{At: tt.at, FormatVersion: tt.fv})
		codes := ""
		for _, x := range findings(r) {
			if strings.HasPrefix(string(x.Code), "E10") {
				codes += string(x.Code)
			}
		}
		if codes != tt.codes || r.FormatVersion != tt.want {
			t.Errorf("%s: %s %q, want %s %q", tt.name, r.FormatVersion, codes, tt.want, tt.codes)
		}
	}
}

func TestWarnings(t *testing.T) {
	data, err := fixtures.Read("valid/utilmd-55001.edi")
	if err != nil {
		t.Fatal(err)
	}
	for old, want := range map[string]string{
		"Musterweg": "W1042", "Musterbach++": "W1028", "+LB261102000101'UNH": "W1039", "UNB": "W1005",
	} {
		repl := map[string]string{"W1042": "M\xC3\xBCsterweg", "W1028": "Muster?bach++", "W1039": "+LB261102000101++TL'UNH", "W1005": "\r\nUNB"}[want]
		in := bytes.Replace(data, []byte(old), []byte(repl), 1)
		r := judge(t, in, check.Options{At: received, Lang: formats.English})
		list := findings(r)
		if r.Verdict != check.Accepted || len(list) != 1 || string(list[0].Code) != want || list[0].Severity != formats.Warning {
			t.Errorf("%s: %s %+v", want, r.Verdict, list)
		}
	}
}

// known answers like a gateway whose partners are all unknown.
type known struct{ err error }

func (known) IsOwn(string) bool                   { return false }
func (known) IsPartner(string) bool               { return false }
func (known) AcceptsTests() bool                  { return false }
func (k known) Seen(string, string) (bool, error) { return true, k.err }

func TestKnowledge(t *testing.T) {
	data, err := fixtures.Read("valid/utilmd-55001-test.edi")
	if err != nil {
		t.Fatal(err)
	}
	r := judge(t, data, check.Options{At: received, Knowledge: known{}})
	got := ""
	for _, x := range findings(r) {
		got += x.Wire.Code + " "
	}
	if got != "7 23 25 26 " || r.Verdict != check.RejectedSyntax || r.Messages[0].Transactions[0].Verdict != check.RejectedSyntax {
		t.Errorf("%s %s", got, r.Verdict)
	}
	got = ""
	r = judge(t, data, check.Options{At: received, Knowledge: known{}, Outgoing: true})
	for _, x := range findings(r) {
		got += string(x.Code) + " "
	}
	if got != "E1060 E1061 " || r.Verdict != check.RejectedSyntax {
		t.Errorf("outgoing: %s %s", got, r.Verdict)
	}
	broken := errors.New("store is gone")
	if _, err := check.File(bytes.NewReader(data), check.Options{At: received, Knowledge: known{broken}}); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if _, err := check.File(iotest.ErrReader(broken), check.Options{}); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestLimits(t *testing.T) {
	var in bytes.Buffer
	in.WriteString("UNB+UNOC:3+9999100000013:500+9999200000020:500+261103:0715+REF1'")
	for i := range 30 {
		fmt.Fprintf(&in, "UNH+%d+UTILMD:D:11A:UN:S2.2'UNT+99+%d'", i+1, i+1)
	}
	in.WriteString("UNZ+30+REF1'")
	r := judge(t, in.Bytes(), check.Options{At: received, MaxFindings: 7})
	if len(findings(r)) != 7 || r.FindingCount < 30 || r.Verdict != check.RejectedSyntax {
		t.Errorf("%d findings of %d, %s", len(findings(r)), r.FindingCount, r.Verdict)
	}
	flood, err := fixtures.Read("valid/utilmd-55001.edi")
	if err != nil {
		t.Fatal(err)
	}
	for old, repl := range map[string]string{"UNZ+1": "UNZ+2", "Musterweg": "Muster?weg", "Erika:": "Eri?ka:", "Musterbach+": "Muster?bach+"} {
		flood = bytes.ReplaceAll(flood, []byte(old), []byte(repl))
	}
	r = judge(t, flood, check.Options{At: received, MaxFindings: 2})
	errs := 0
	for _, x := range r.Findings {
		if x.Code == "E1010" {
			errs++
		}
	}
	if errs != 1 {
		t.Errorf("warnings push out the error: %d findings of the file", len(r.Findings))
	}
	r = judge(t, []byte("UNA"), check.Options{At: received})
	if r.Verdict != check.Unreadable {
		t.Errorf("UNA alone: %s", r.Verdict)
	}
	r = judge(t, in.Bytes(), check.Options{At: received, MaxMessages: 5})
	if len(r.Messages) != 5 || r.Verdict != check.Unreadable {
		t.Errorf("%d messages, %s", len(r.Messages), r.Verdict)
	}
}

// FuzzFile: whatever the bytes are, there is a verdict, and it agrees with the findings.
func FuzzFile(f *testing.F) {
	for _, name := range fixtures.List() {
		if data, err := fixtures.Read(name); err == nil && len(data) < 2000 {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		r := judge(t, in, check.Options{At: received, MaxFindings: 50, MaxMessages: 20})
		if _, err := json.Marshal(r); err != nil {
			t.Fatal(err)
		}
		errs := 0
		for _, x := range findings(r) {
			if x.Severity == formats.Error {
				errs++
			}
			if x.Offset < 0 || x.Offset > int64(len(in)) || x.Text == "" {
				t.Fatalf("finding %+v of %d bytes", x, len(in))
			}
		}
		if (r.Verdict == check.Accepted) != (errs == 0) && r.FindingCount <= 50 {
			t.Fatalf("verdict %s with %d errors, %d findings", r.Verdict, errs, r.FindingCount)
		}
	})
}

func mustRead(tb testing.TB, name string) []byte {
	tb.Helper()
	data, err := fixtures.Read(name)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}
