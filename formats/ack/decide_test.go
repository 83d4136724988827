package ack_test

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/fixtures"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/ack"
	"github.com/marktbote/marktbote/formats/check"
)

// receivedAt is when the fixtures are received.
var receivedAt = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

func fixture(tb testing.TB, name string, oldnew ...string) []byte {
	tb.Helper()
	b, err := fixtures.Read(name)
	if err != nil {
		tb.Fatal(err)
	}
	for i := 0; i < len(oldnew); i += 2 {
		if !bytes.Contains(b, []byte(oldnew[i])) {
			tb.Fatalf("%s: no %q", name, oldnew[i])
		}
		b = bytes.Replace(b, []byte(oldnew[i]), []byte(oldnew[i+1]), 1)
	}
	return b
}

// answerFixture answers a file and checks what must hold for all answers.
func answerFixture(tb testing.TB, file []byte, opts ack.Options) answered {
	tb.Helper()
	a := answer(tb, file, check.Options{At: receivedAt}, opts)
	fv := opts.FormatVersion
	if fv == "" {
		fv = "FV2610"
	}
	verify(tb, file, a, fv, receivedAt.Add(time.Hour))
	return a
}

// codes lists the APERAK of a decision: code, transaction and error codes.
func codes(d *ack.Decision) string {
	var list []string
	for _, x := range d.Aperaks {
		s := string(x.Code) + " " + x.Transaction
		for _, e := range x.Errors {
			s += " " + e.Code
		}
		list = append(list, s)
	}
	return strings.Join(list, "; ")
}

// TestPrecedence checks which errors of which step are reported.
func TestPrecedence(t *testing.T) {
	t.Parallel()
	good, bad := fixture(t, "valid/utilmd-55001.edi"), fixture(t, "invalid/ahb-missing-customer.edi")
	for _, tt := range []struct {
		name    string
		file    []byte
		outside string
		want    string
	}{
		{"nothing found", good, "", "312 LFVG0000101"},
		{"the handbook comes before the assignment", bad, "Z17 Z43", "Z29"},
		{"the first of the assignment", good, "Z17 Z18", "Z17"},
		{"in the order given", good, "Z18 Z17", "Z18"},
		{"the property comes behind", good, "Z43 Z10", "Z10"},
		{"the property alone", good, "Z44 Z43", "Z44"},
		{"take-over", good, "Z27", "Z27"},
		{"all OBIS numbers", good, "Z20 Z20 Z19", "Z20 Z20"},
		{"but only if they come first", good, "Z19 Z20 Z20", "Z19"},
		{"the role of the receiver before everything", bad, "Z37 Z31 Z10", "Z31"},
		{"the role of the sender before the handbook", bad, "Z37 Z10", "Z37"},
		{"errors of the handbook from outside are added", bad, "Z30 Z10", "Z29 Z30"},
		{"and reported alone", good, "Z30 Z30 Z10", "Z30 Z30"},
	} {
		var list []ack.Outside
		for i, code := range strings.Fields(tt.outside) {
			list = append(list, ack.Outside{Code: code, Content: ack.Content{IDs: []string{fmt.Sprint(i)}}})
		}
		a := answerFixture(t, tt.file, ack.Options{Outside: list})
		got := codes(a.decision)
		if len(a.decision.Aperaks) != 1 || !strings.HasSuffix(got, tt.want) || strings.Count(got, "Z") != strings.Count(tt.want, "Z") {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// TestTransactions checks that every transaction has an answer of its own and an error in front of them rejects all.
func TestTransactions(t *testing.T) {
	t.Parallel()
	const name = "valid/utilmd-55003-drei-vorgaenge.edi"
	three := fixture(t, name)
	all := answerFixture(t, three, ack.Options{})
	if got := codes(all.decision); strings.Count(got, "312") != 3 || len(all.files) != 1 || all.files[0].Messages != 3 {
		t.Errorf("three accepted: %s in %d files", got, len(all.files))
	}
	second := all.decision.Aperaks[1].Transaction
	one := answerFixture(t, three, ack.Options{Outside: []ack.Outside{{Transaction: 1, Code: "Z10"}}})
	if got := codes(one.decision); strings.Count(got, "312") != 2 || !strings.Contains(got, "313 "+second+" Z10") || len(one.files) != 1 {
		t.Errorf("the second one rejected: %s", got)
	}
	if r := one.decision.AperakReason; r != ack.ProcessingError {
		t.Error(r)
	}
	i := bytes.Index(three, []byte("DTM+137:2026"))
	head := bytes.Replace(bytes.Clone(three), three[i:i+12], []byte("DTM+137:2027"), 1)
	for _, fv := range []formats.FormatVersion{"FV2604", "FV2610"} {
		whole := answerFixture(t, head, ack.Options{FormatVersion: fv, Outside: []ack.Outside{{Transaction: 1, Code: "Z10"}}})
		if got := codes(whole.decision); got != "313  Z41" || whole.decision.Aperaks[0].TransactionIndex != -1 {
			t.Errorf("%s: error in the header: %q", fv, got)
		}
		text := string(whole.files[0].Bytes)
		if strings.Contains(text, "RFF+TN") || !strings.Contains(text, "'FTX+Z02+++") {
			t.Errorf("%s: %s", fv, text)
		}
	}
}

// TestStatusesAreOne checks that all statuses of an IFTSTA transaction are answered together.
func TestStatusesAreOne(t *testing.T) {
	t.Parallel()
	wire := &formats.Wire{Kind: "APERAK", Code: "Z39"}
	result := &check.Result{
		Verdict: check.Accepted, FormatVersion: "FV2610", Sparte: formats.Strom, Reference: "R1", CreatedAt: receivedAt,
		Messages: []check.Message{{Type: "IFTSTA", Version: "2.1", Reference: "1", DocumentNumber: "D1", Transactions: []check.Transaction{
			{Number: "1"}, {Number: "1", Findings: []formats.Finding{{Code: "E3004", Severity: formats.Error, Wire: wire}}}, {Number: "2"},
		}}},
	}
	src := "UNB+UNOC:3+9999100000013:500+9999200000020:500+261201:1100+R1'UNH+1+IFTSTA:D:18A:UN:2.1'UNT+2+1'UNZ+1+R1'"
	o, err := ack.Inspect(strings.NewReader(src), result, check.Options{})
	if err != nil {
		t.Fatal(err)
	}
	d, err := ack.Decide(o, ack.Options{ReceivedAt: receivedAt, SentAt: receivedAt, Numbers: &counter{}})
	if err != nil || codes(d) != "313 1 Z39; 312 2 " && codes(d) != "313 1 Z39; 312 2" {
		t.Errorf("%q, %v", codes(d), err)
	}
}

// TestSparte checks how the Sparte of the receiver is found and what is answered without it.
func TestSparte(t *testing.T) {
	t.Parallel()
	gln := []string{"9999100000013:500", "4012345678901:14", "9999200000020:500", "4012345393651:14",
		"9999100000013::293", "4012345678901::9", "9999200000020::293", "4012345393651::9"}
	utilmd := answerFixture(t, fixture(t, "valid/utilmd-55001.edi", gln...), ack.Options{})
	if got := codes(utilmd.decision); got != "312 LFVG0000101" || utilmd.decision.Contrl != nil {
		t.Errorf("the pack tells Strom: %s", got)
	}
	const orders = "UNB+UNOC:3+4012345678901:14+4012345393651:14+261102:0812+R1'UNH+1+ORDERS:D:09B:UN:1.4c'BGM+Z10+D1'DTM+137:202611020812?+00:303'" +
		"DTM+203:202611152300?+00:303'RFF+AAG:72007188824'RFF+Z13:17001'NAD+MS+4012345678901::9'CTA+IC+:XX'COM+info@example.org:EM'" +
		"NAD+MR+4012345393651::9'LIN+1'RFF+Z03:12395481283'UNS+S'UNT+14+1'UNZ+1+R1'"
	for _, tt := range []struct {
		sparte           formats.Sparte
		outside          []ack.Outside
		contrl           ack.Reason
		aperak           ack.Reason
		aperaks, contrls int
	}{
		{"", nil, ack.SparteUnknown, ack.SparteUnknown, 0, 0},
		{"", []ack.Outside{{Code: "Z33"}}, ack.SparteUnknown, ack.ProcessingError, 1, 0},
		{formats.Gas, nil, ack.ReceiptInGas, ack.SilenceInGas, 0, 1},
	} {
		a := answerFixture(t, []byte(orders), ack.Options{Sparte: tt.sparte, Outside: tt.outside})
		d := a.decision
		if d.ContrlReason != tt.contrl || d.AperakReason != tt.aperak || len(d.Aperaks) != tt.aperaks || len(a.files)-len(d.Aperaks) != tt.contrls {
			t.Errorf("%q: %s %s %s", tt.sparte, d.ContrlReason, d.AperakReason, codes(d))
		}
		for _, r := range []ack.Reason{d.ContrlReason, d.AperakReason} {
			if r.Text(formats.German) == "" || r.Text(formats.English) == "" {
				t.Errorf("%s has no text", r)
			}
		}
	}
	// 312 by a receiver with a GLN whose Sparte only the caller knows.
	a := answer(t, []byte(orders), check.Options{At: receivedAt}, ack.Options{Sparte: formats.Strom})
	if got := codes(a.decision); got != "312 " {
		t.Errorf("told to be Strom: %q", got)
	}
}

// TestContent checks the forms of FTX+ABO.
func TestContent(t *testing.T) {
	t.Parallel()
	from, to := time.Date(2026, 11, 1, 23, 0, 0, 0, time.UTC), time.Date(2026, 11, 30, 23, 0, 0, 0, time.UTC)
	long := strings.Repeat("A", 400)
	for _, tt := range []struct {
		content ack.Content
		want    string
	}{
		{ack.Content{}, ""},
		{ack.Content{IDs: []string{"51238696781"}}, "FTX+ABO+++51238696781'"},
		{ack.Content{IDs: []string{"51238696781"}, From: from}, "FTX+ABO+++51238696781:202611012300?+00?:303'"},
		{ack.Content{IDs: []string{"51238696781"}, From: from, To: to}, "FTX+ABO+++51238696781:202611012300?+00?:303 202611302300?+00?:303'"},
		{ack.Content{IDs: []string{"DOC1", "1-0:1.8.0"}}, "FTX+ABO+++(DOC1, 1-0?:1.8.0)'"},
		{ack.Content{IDs: []string{long, long}}, "FTX+ABO+++(" + long + ", " + strings.Repeat("A", 109) + ":" + strings.Repeat("A", 291) + ")'"},
	} {
		a := answerFixture(t, fixture(t, "valid/utilmd-55001.edi"), ack.Options{Outside: []ack.Outside{{Code: "Z25", Content: tt.content}}})
		text := string(a.files[0].Bytes)
		if tt.want == "" && strings.Contains(text, "ABO") || !strings.Contains(text, "ERC+Z25'"+tt.want) {
			t.Errorf("%+v: %s", tt.content, text)
		}
	}
	interval := answerFixture(t, fixture(t, "invalid/ahb-reversed-interval.edi"), ack.Options{})
	if text := string(interval.files[0].Bytes); !strings.Contains(text, "ERC+Z34'FTX+ABO+++2026") || strings.Count(text, "?+00?:303") != 2 || strings.Contains(text, "Z02") {
		t.Errorf("Z34 has to name both ends: %s", text)
	}
}

// TestSuccessor checks RFF+Z08, which comes with Z16 only and always.
func TestSuccessor(t *testing.T) {
	t.Parallel()
	file := fixture(t, "valid/utilmd-55001.edi")
	for _, fv := range []formats.FormatVersion{"FV2604", "FV2610"} {
		a := answerFixture(t, file, ack.Options{FormatVersion: fv, Outside: []ack.Outside{{Code: "Z16", Successor: "9900987600009", Help: "Übergeben zum 01.11. – siehe „Netzkonzession“"}}})
		text := edifact.Latin1String(a.files[0].Bytes)
		if !strings.Contains(text, "RFF+TN:LFVG0000101'FTX+AAO+++Übergeben zum 01.11. - siehe \"Netzkonzession\"'RFF+Z08:9900987600009'UNT") {
			t.Errorf("%s: %s", fv, text)
		}
	}
}

// TestWrongOptions checks that what cannot be meant is an error.
func TestWrongOptions(t *testing.T) {
	t.Parallel()
	file := fixture(t, "valid/utilmd-55001.edi")
	r, err := check.File(bytes.NewReader(file), check.Options{At: receivedAt})
	if err != nil {
		t.Fatal(err)
	}
	o, err := ack.Inspect(bytes.NewReader(file), r, check.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		want string
		opts ack.Options
	}{
		{"no message 1", ack.Options{Outside: []ack.Outside{{Message: 1, Code: "Z10"}}}},
		{"no transaction 1", ack.Options{Outside: []ack.Outside{{Transaction: 1, Code: "Z10"}}}},
		{`"Z99" is no code`, ack.Options{Outside: []ack.Outside{{Code: "Z99"}}}},
		{"Z16 needs", ack.Options{Outside: []ack.Outside{{Code: "Z16"}}}},
		{"Numbers is missing", ack.Options{}},
		{"no more", ack.Options{Numbers: broken{}}},
	} {
		tt.opts.ReceivedAt, tt.opts.SentAt = receivedAt, receivedAt
		if _, err := ack.Decide(o, tt.opts); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got %v, want %q", err, tt.want)
		}
	}
	good := ack.Options{ReceivedAt: receivedAt, SentAt: receivedAt, Numbers: &counter{}}
	d, err := ack.Decide(o, good)
	if err != nil {
		t.Fatal(err)
	}
	for want, opts := range map[string]ack.Options{
		"control reference: no more": {SentAt: receivedAt, Numbers: broken{}},
		"there are no rules":         {SentAt: time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC), Numbers: &counter{}},
		`"mb-1" is not 1 to 14`:      {SentAt: receivedAt, Numbers: &small{}},
	} {
		if _, err := ack.Write(opts, d); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

type broken struct{}

func (broken) ControlRef() (string, error)     { return "", errors.New("no more") }
func (broken) DocumentNumber() (string, error) { return "", errors.New("no more") }

type small struct{ counter }

func (small) ControlRef() (string, error) { return "mb-1", nil }

// TestIncomplete checks that nothing is accepted if findings were thrown away.
func TestIncomplete(t *testing.T) {
	t.Parallel()
	file := fixture(t, "valid/utilmd-55003-drei-vorgaenge.edi")
	file = regexp.MustCompile(`RFF\+TN:\w+'`).ReplaceAll(file, nil) // each of the three must name its request
	file = bytes.Replace(file, []byte("UNT+26"), []byte("UNT+23"), 1)
	for _, limit := range []int{1, 2} {
		checks := check.Options{At: receivedAt, MaxFindings: limit}
		r, err := check.File(bytes.NewReader(file), checks)
		if err != nil {
			t.Fatal(err)
		}
		if r.FindingCount <= limit || r.Verdict == check.RejectedSyntax {
			t.Fatalf("the file has %d findings, %s", r.FindingCount, r.Verdict)
		}
		o, err := ack.Inspect(bytes.NewReader(file), r, checks)
		if err != nil {
			t.Fatal(err)
		}
		if d, err := ack.Decide(o, ack.Options{ReceivedAt: receivedAt, SentAt: receivedAt, Numbers: &counter{}}); !errors.Is(err, ack.ErrIncomplete) {
			t.Errorf("%v %s", err, codes(d))
		}
	}
}

// TestBundles checks that the answers to several files of a partner travel together, and tests apart.
func TestBundles(t *testing.T) {
	t.Parallel()
	opts := ack.Options{Numbers: &counter{}}
	var decisions []*ack.Decision
	for _, name := range []string{"valid/utilmd-55001.edi", "valid/utilmd-55001-test.edi", "invalid/ahb-missing-customer.edi", "invalid/wrong-code.edi", "valid/utilmd-55002.edi"} {
		decisions = append(decisions, answerFixture(t, fixture(t, name), opts).decision)
	}
	opts.ReceivedAt, opts.SentAt = receivedAt, receivedAt
	files, err := ack.Write(opts, decisions...)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range files {
		got = append(got, fmt.Sprintf("%s %s>%s %d %v", f.Type, f.Sender.ID, f.Receiver.ID, f.Messages, f.Test))
	}
	want := []string{
		"CONTRL 9999200000020>9999100000013 1 false",
		"APERAK 9999200000020>9999100000013 2 false",
		"APERAK 9999200000020>9999100000013 1 true",
		"APERAK 9999100000013>9999200000020 1 false",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestHelp checks the text for people: German, of UNOC, and only if wanted.
func TestHelp(t *testing.T) {
	t.Parallel()
	file := fixture(t, "invalid/ahb-missing-customer.edi")
	for _, lang := range []formats.Lang{formats.German, formats.English} {
		a := answer(t, file, check.Options{At: receivedAt, Lang: lang}, ack.Options{})
		e := a.decision.Aperaks[0].Errors[0]
		if !strings.HasPrefix(e.Help, `Es fehlt die Angabe "Kunde des Lieferanten"`) || e.Place.Name != "Kunde des Lieferanten" || e.Place.Raw != "" {
			t.Errorf("%s: %+v", lang, e)
		}
	}
	a := answerFixture(t, file, ack.Options{NoHelp: true})
	if text := string(a.files[0].Bytes); strings.Contains(text, "AAO") || !strings.Contains(text, "FTX+Z02+++Kunde des Lieferanten'") {
		t.Errorf("without help: %s", text)
	}
	long := answerFixture(t, fixture(t, "valid/utilmd-55001.edi"), ack.Options{Outside: []ack.Outside{{Code: "Z10", Help: strings.Repeat("ä€", 300)}}})
	if e := long.decision.Aperaks[0].Errors[0]; len([]rune(e.Help)) != 512 || !strings.HasPrefix(e.Help, "äEURä") {
		t.Errorf("%d characters: %s", len([]rune(e.Help)), e.Help)
	}
}
