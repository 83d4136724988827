package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/fixtures"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/ident"
)

var update = flag.Bool("update", false, "write the golden files anew")

// received is the envelope of the tests: the gateway received everything after the last of the documents.
var received = Envelope{
	Direction: In, FormatVersion: "FV2610", Sparte: formats.Strom, ReceivedAt: time.Date(2026, 11, 20, 8, 5, 0, 0, time.UTC),
}

// with sets the roles of an envelope.
func (e Envelope) with(sender, recipient string) Envelope {
	e.SenderRole, e.RecipientRole = sender, recipient
	return e
}

// read returns the messages of a fixture.
func read(tb testing.TB, name string) (*edifact.Segment, []*edifact.Message) {
	tb.Helper()
	b, err := fixtures.Read(name)
	if err != nil {
		tb.Fatal(err)
	}
	return parse(tb, b)
}

// parse returns the messages of an interchange.
func parse(tb testing.TB, b []byte) (*edifact.Segment, []*edifact.Message) {
	tb.Helper()
	r := edifact.NewReader(bytes.NewReader(b), edifact.Options{})
	var list []*edifact.Message
	for {
		m := new(edifact.Message)
		if err := r.NextMessage(m); err != nil {
			return r.UNB(), list
		}
		list = append(list, m)
	}
}

// events translates all messages of a fixture.
func events(tb testing.TB, name string, env Envelope) []Event {
	tb.Helper()
	unb, messages := read(tb, name)
	var list []Event
	for _, m := range messages {
		got, err := FromMessage(env, unb, m)
		if err != nil {
			tb.Fatalf("%s: %v", name, err)
		}
		list = append(list, got...)
	}
	return list
}

// golden lists the golden files: testdata/FV2610/<name>.golden.json from a fixture.
var golden = []struct{ name, fixture, sender, recipient string }{
	{"55001_switch", "utilmd-55001", "LF", "NB"},
	{"55001_move_temporary_umlauts", "utilmd-55001-umlaute-befristet", "LF", "NB"},
	{"55001_release_characters", "utilmd-55001-freigabezeichen", "LF", "NB"},
	{"55002_confirmed", "utilmd-55002", "NB", "LF"},
	{"55003_old_supplier_refuses", "utilmd-55003", "NB", "LF"},
	{"55003_three_transactions", "utilmd-55003-drei-vorgaenge", "NB", "LF"},
	{"55004_two_transactions", "utilmd-55004", "LF", "NB"},
	{"55005_confirmed", "utilmd-55005", "NB", "LF"},
	{"55006_rejected", "utilmd-55006", "NB", "LF"},
	{"13006_reading", "mscons-13006", "MSB", "LF"},
	{"13006_delivery_note", "mscons-13006-lieferschein", "NB", "LF"},
	{"13017_registers", "mscons-13017", "MSB", "LF"},
	{"13017_bundle", "mscons-13017-buendel", "MSB", "NB"},
	{"13019_energy", "mscons-13019", "MSB", "NB"},
	{"13019_delivery_note", "mscons-13019-lieferschein", "NB", "LF"},
	{"13025_day", "mscons-13025", "MSB", "LF"},
	{"13025_clock_change", "mscons-13025-zeitumstellung", "MSB", "NB"},
	{"13025_substitute_values", "mscons-13025-ersatzwerte", "MSB", "LF"},
}

// longArray matches the values of a profile, which the golden files hold on one line.
var longArray = regexp.MustCompile(`"values": \[[^\]]*\]`)

func TestGolden(t *testing.T) {
	t.Parallel()
	for _, tt := range golden {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			list := events(t, "valid/"+tt.fixture+".edi", received.with(tt.sender, tt.recipient))
			b, err := json.MarshalIndent(list, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			got := longArray.ReplaceAllStringFunc(string(b), func(s string) string {
				return strings.Join(strings.Fields(s), " ")
			}) + "\n"
			file := filepath.Join("testdata", "FV2610", tt.name+".golden.json")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s differs (-want +got):\n%s", file, diff)
			}
		})
	}
}

// TestVariantsAgree checks that other service characters and line breaks change nothing in the events.
func TestVariantsAgree(t *testing.T) {
	t.Parallel()
	marshal := func(name string) string {
		b, err := json.Marshal(events(t, name, received))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	want := marshal("valid/mscons-13017.edi")
	for _, name := range []string{"valid/mscons-13017-una.edi", "valid/mscons-13017-zeilenumbruch.edi"} {
		if diff := cmp.Diff(want, marshal(name)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestEnvelope checks the attributes that the gateway decides or sets at commit.
func TestEnvelope(t *testing.T) {
	t.Parallel()
	env := received.with("LF", "NB")
	env.Direction, env.Test, env.Sparte = Out, true, ""
	e := events(t, "valid/utilmd-55001.edi", env)[0]
	if want := "urn:mako:strom:lf:9999100000013"; e.Source != want {
		t.Errorf("source %q, want %q", e.Source, want)
	}
	in := events(t, "valid/utilmd-55001.edi", received)[0]
	if want := "urn:mako:strom:unknown:9999200000020"; in.Source != want {
		t.Errorf("source %q, want %q", in.Source, want)
	}
	env.Test = false
	out := events(t, "valid/utilmd-55001.edi", env)[0]
	if len(out.ID) != 32 || out.ID != in.ID || out.IdempotencyKey != "strom\n9999100000013\nLFVG0000101" {
		t.Errorf("id %q and %q, key %q", out.ID, in.ID, out.IdempotencyKey)
	}
	if e.ID == in.ID {
		t.Error("the event of a test has the id of the one that counts")
	}
	e.Sequence, e.RecordedAt = 42, time.Date(2026, 11, 20, 9, 0, 0, 0, formats.Berlin)
	e.CorrelationID, e.CausationID = "process-1", "event-1"
	b, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{
		"sequence": "00000000000000000042", "recordedtime": "2026-11-20T08:00:00Z", "testindicator": true,
		"correlationid": "process-1", "causationid": "event-1", "direction": "out", "specversion": "1.0",
		"dataschema": "https://marktbote.de/schemas/contract.supply-start.requested.v1.json",
	} {
		if got[key] != want {
			t.Errorf("%s is %v, want %v", key, got[key], want)
		}
	}
	for key := range got {
		if key != strings.ToLower(key) || len(key) > 20 {
			t.Errorf("attribute name %q is not allowed", key)
		}
	}
}

// TestNoMapping checks what messages without event say.
func TestNoMapping(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"valid/aperak-312.edi":                      "event: no mapping for APERAK",
		"valid/contrl-syntaxfehler-datei.edi":       "event: no mapping for CONTRL",
		"invalid/unknown-pruefidentifikator.edi":    "event: no mapping for 55999 yet (UTILMD, BGM E01)",
		"invalid/missing-pruefidentifikator.edi":    "event: no mapping for UTILMD",
		"valid/contrl-syntaxfehler-nachricht.edi":   "event: no mapping for CONTRL",
		"valid/contrl-empfangsbestaetigung-gas.edi": "event: no mapping for CONTRL",
	} {
		unb, messages := read(t, name)
		got, err := FromMessage(received, unb, messages[0])
		if none, ok := errors.AsType[*NoMapping](err); !ok || len(got) > 0 || none.Error() != want {
			t.Errorf("%s: %d events, %v, want %q", name, len(got), err, want)
		}
	}
	if _, err := FromMessage(received, nil, new(edifact.Message)); err == nil {
		t.Error("empty message: want an error")
	}
}

// TestValueError checks that unreadable values give an error with their place and no event.
func TestValueError(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"invalid/impossible-date.edi":                   "no such day",
		"invalid/impossible-time.edi":                   "no such hour",
		"invalid/missing-component.edi":                 "not an instant",
		"invalid/decimal-comma.edi":                     "no decimal number",
		"invalid/letter-in-number.edi":                  "no decimal number",
		"invalid/missing-digit-before-decimal-mark.edi": "no decimal number",
		"invalid/ahb-reversed-interval.edi":             "does not end after its start",
		"invalid/missing-mandatory-segment.edi":         "no document time",
	} {
		unb, messages := read(t, name)
		got, err := FromMessage(received, unb, messages[0])
		var e *ValueError
		if !errors.As(err, &e) || len(got) > 0 || e.Pos.Segment == 0 || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %d events, %v, want %q", name, len(got), err, want)
		}
	}
}

// TestFixturesReadable checks that the valid fixtures have no fault of syntax and no value that stays unread.
func TestFixturesReadable(t *testing.T) {
	t.Parallel()
	for _, name := range fixtures.List() {
		if !strings.HasPrefix(name, "valid/") {
			continue
		}
		b, err := fixtures.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		r := edifact.NewReader(bytes.NewReader(b), edifact.Options{})
		var m edifact.Message
		for r.NextMessage(&m) == nil {
			_, err := FromMessage(received, r.UNB(), &m)
			if _, ok := errors.AsType[*NoMapping](err); err != nil && !ok {
				t.Errorf("%s: %v", name, err)
			}
		}
		if r.Messages() == 0 || r.FaultCount() > 0 {
			t.Errorf("%s: %d messages, faults %v", name, r.Messages(), r.Faults())
		}
	}
}

// values translates a MSCONS message made of segments.
func values(t *testing.T, segments ...string) (Event, *Meter) {
	t.Helper()
	unb, messages := parse(t, message("MSCONS", segments...))
	list, err := FromMessage(received, unb, messages[0])
	if err != nil || len(list) != 1 {
		t.Fatalf("%d events, %v", len(list), err)
	}
	return list[0], list[0].Data.(*Meter)
}

// TestMaximum checks 13016: the maximum keeps its month, and BGM decides between values and delivery note.
func TestMaximum(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]string{"Z28": "meter.energy.received", "Z42": "billing.delivery-note.received"} {
		e, d := values(t, "BGM+"+code+"+D1+9", "DTM+137:202611200630?+00:303", "RFF+AGI:ORD1", "RFF+Z13:13016", "UNS+D", "NAD+DP",
			"LOC+172+90000000019", "LIN+1", "PIA+5+1-0?:1.6.0:SRW", "QTY+220:12.30", "DTM+306:202610:610")
		if e.Type != "de.marktbote."+want+".v1" || d.OrderRef != "ORD1" {
			t.Errorf("%s: type %s, order %q", code, e.Type, d.OrderRef)
		}
		if v := d.Energies[0]; v.Unit != "kW" || v.PowerPeriod != "2026-10" || v.Value != "12.30" {
			t.Errorf("%s: %+v", code, v)
		}
	}
}

// TestCorrectionEnergy checks 13019 for a MeLo: the reference points at the reading, the quantity may be negative.
func TestCorrectionEnergy(t *testing.T) {
	t.Parallel()
	_, d := values(t, "BGM+7+D1+9", "DTM+137:202611200630?+00:303", "RFF+AGI:READ1", "RFF+Z13:13019", "UNS+D", "NAD+DP",
		"LOC+172+DE00099999999MUSTERBACH0000000001", "LIN+1", "PIA+5+1-0?:1.9.0:SRW", "QTY+220:-3.5",
		"DTM+163:202611010715?+00:303", "DTM+164:202611010830?+00:303")
	if d.BaseMessageRef != "READ1" || d.OrderRef != "" || d.ObjectKind != ident.KindMeLo {
		t.Errorf("base %q, order %q, kind %q", d.BaseMessageRef, d.OrderRef, d.ObjectKind)
	}
	v := d.Energies[0]
	if v.Value != "-3.5" || v.Interval == nil || v.Interval.FirstDay != v.Interval.LastDay {
		t.Errorf("%+v", v)
	}
}

// TestProfileOfMeLo checks 13018, whose values need not follow on each other or be of one length.
func TestProfileOfMeLo(t *testing.T) {
	t.Parallel()
	e, d := values(t, "BGM+7+D1+9", "DTM+137:202611200630?+00:303", "RFF+Z13:13018", "UNS+D", "NAD+DP",
		"LOC+172+DE00099999999MUSTERBACH0000000001", "DTM+163:202611010000?+00:303", "DTM+164:202611010200?+00:303",
		"LIN+1", "PIA+5+1-0?:3.29.0:SRW",
		"QTY+220:1", "DTM+163:202611010000?+00:303", "DTM+164:202611010015?+00:303",
		"QTY+220:2", "DTM+163:202611010015?+00:303", "DTM+164:202611010115?+00:303",
		"QTY+67:3", "DTM+163:202611010115?+00:303", "DTM+164:202611010215?+00:303", "STS+Z32++Z92")
	if e.Type != "de.marktbote.meter.load-profile.received.v1" || len(d.Series) != 2 {
		t.Fatalf("type %s, %d series", e.Type, len(d.Series))
	}
	a, b := d.Series[0], d.Series[1]
	if a.Resolution != "PT15M" || a.Unit != "kvarh" || a.ExpectedCount != 8 || b.Resolution != "PT1H" || b.Count != 2 {
		t.Errorf("first %+v, second %+v", a, b)
	}
	want := []StatusRun{{From: 1, Count: 1, Status: []Status{{Category: "Z32", Name: "substitution-method", Code: "Z92"}}}}
	if diff := cmp.Diff(want, b.StatusInfo); diff != "" {
		t.Error(diff)
	}
}

// TestGap checks that a missing quarter hour splits the series instead of moving all later values.
func TestGap(t *testing.T) {
	t.Parallel()
	d := events(t, "invalid/ahb-incomplete-series.edi", received)[0].Data.(*Meter)
	if len(d.Series) != 2 || d.Series[0].Count != 50 || d.Series[1].Count != 45 || d.Series[0].ExpectedCount != 96 {
		t.Fatalf("got %d series, first %+v", len(d.Series), d.Series[0])
	}
	if gap := d.Series[1].Start.Sub(d.Series[0].End); gap != 15*time.Minute {
		t.Errorf("gap of %v, want 15m", gap)
	}
}

// TestGasDay checks 13008: a Gas day has 24 hours, the one that begins before the clock change on Sunday 23 or 25.
func TestGasDay(t *testing.T) {
	t.Parallel()
	for day, hours := range map[string]int{"2026-11-14": 24, "2026-03-28": 23, "2026-10-24": 25} {
		first, err := time.ParseInLocation(time.DateOnly, day, formats.Berlin)
		if err != nil {
			t.Fatal(err)
		}
		at := time.Date(first.Year(), first.Month(), first.Day(), 6, 0, 0, 0, formats.Berlin)
		end := time.Date(first.Year(), first.Month(), first.Day()+1, 6, 0, 0, 0, formats.Berlin)
		dtm := func(q string, t time.Time) string {
			return "DTM+" + q + ":" + t.UTC().Format("200601021504") + "?+00:303"
		}
		segments := []string{"BGM+7+D1+9", "DTM+137:202612200630?+00:303", "RFF+Z13:13008", "UNS+D", "NAD+DP",
			"LOC+172+90000000019", dtm("163", at), dtm("164", end), "LIN+1", "PIA+5+7-20?:99.33.17:SRW"}
		for ; at.Before(end); at = at.Add(time.Hour) {
			segments = append(segments, "QTY+220:7", dtm("163", at), dtm("164", at.Add(time.Hour)))
		}
		unb, messages := parse(t, message("MSCONS", segments...))
		env := received
		env.Sparte = formats.Gas
		list, err := FromMessage(env, unb, messages[0])
		if err != nil {
			t.Fatal(err)
		}
		s := list[0].Data.(*Meter).Series
		if len(s) != 1 || s[0].Count != hours || s[0].ExpectedCount != hours || s[0].Resolution != "PT1H" ||
			s[0].FirstDay.String() != day || s[0].LastDay.String() != day || s[0].Unit != "kWh" {
			t.Errorf("%s: %d series, %+v", day, len(s), s[0])
		}
	}
}

func TestUnit(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ obis, stated, want string }{
		{"1-0:1.29.0", "", "kWh"}, {"1-1:2.8.63", "", "kWh"}, {"1-0:1.6.0", "", "kW"}, {"1-0:3.9.0", "", "kvarh"},
		{"1-0:5.6.0", "", "kvar"}, {"7-0:33.86.0", "", "kWh"}, {"7-20:99.33.17", "", "kWh"}, {"7-0:3.0.0", "", "m3"},
		{"7-0:54.0.22", "", "kWh/m3"}, {"7-0:52.0.22", "", "1"}, {"", "", ""}, {"1-0", "", ""}, {"AUA", "KWH", "kWh"},
		{"AUA", "XYZ", "XYZ"},
	} {
		if got := unit(tt.obis, tt.stated); got != tt.want {
			t.Errorf("unit(%q, %q) = %q, want %q", tt.obis, tt.stated, got, tt.want)
		}
	}
}

func TestDecimals(t *testing.T) {
	t.Parallel()
	var d Decimals
	for _, s := range []string{"1.50", "0", "-3", "000.100"} {
		if err := d.add([]byte(s), '.'); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
	for _, s := range []string{"", "-", ".5", "5.", "1,5", "1.2.3", "1e3", "+1", "1-"} {
		if err := d.add([]byte(s), '.'); err == nil {
			t.Errorf("%q: want an error", s)
		}
	}
	b, err := json.Marshal(d)
	if want := `["1.50","0","-3","000.100"]`; err != nil || string(b) != want {
		t.Errorf("got %s, %v, want %s", b, err, want)
	}
	if d.Len() != 4 || d.At(0) != "1.50" || d.At(3) != "000.100" {
		t.Errorf("Len %d, At %q, %q", d.Len(), d.At(0), d.At(3))
	}
}

// month writes a 13025 of the first days of December 2026, with values of five characters.
func month(days int) []byte {
	start := time.Date(2026, 12, 1, 0, 0, 0, 0, formats.Berlin).UTC()
	end := time.Date(2026, 12, 1+days, 0, 0, 0, 0, formats.Berlin).UTC()
	stamp := func(t time.Time) string { return t.Format("200601021504") + "?+00:303'" }
	var b bytes.Buffer
	b.WriteString("UNB+UNOC:3+9999300000037:500+9999100000013:500+270102:0630+MW270102000430++TL'" +
		"UNH+1+MSCONS:D:04B:UN:2.5'BGM+Z48+MSB-2027-000430+9'DTM+137:202701020630?+00:303'RFF+Z13:13025'" +
		"NAD+MS+9999300000037::293'NAD+MR+9999100000013::293'UNS+D'NAD+DP'LOC+172+90000000019'" +
		"DTM+163:" + stamp(start) + "DTM+164:" + stamp(end) + "LIN+1'PIA+5+1-0?:1.29.0:SRW'")
	segments := 13
	for at := start; at.Before(end); at = at.Add(15 * time.Minute) {
		fmt.Fprintf(&b, "QTY+220:%d.%03d'DTM+163:%sDTM+164:%s", at.Day()%10, at.Unix()/900%1000, stamp(at),
			stamp(at.Add(15*time.Minute)))
		segments += 3
	}
	fmt.Fprintf(&b, "UNT+%d+1'UNZ+1+MW270102000430'", segments+1)
	return b.Bytes()
}

// TestMonthSize checks the limit for the profile of 31 days.
func TestMonthSize(t *testing.T) {
	t.Parallel()
	unb, messages := parse(t, month(31))
	list, err := FromMessage(received, unb, messages[0])
	if err != nil || len(list) != 1 {
		t.Fatalf("%d events, %v", len(list), err)
	}
	s := list[0].Data.(*Meter).Series
	if len(s) != 1 || s[0].Count != 2976 || s[0].ExpectedCount != 2976 {
		t.Fatalf("%d series, %d values, %d expected", len(s), s[0].Count, s[0].ExpectedCount)
	}
	b, err := json.Marshal(list[0])
	if err != nil || len(b) > 30_000 {
		t.Errorf("%d bytes of JSON, want at most 30000; %v", len(b), err)
	}
	t.Logf("%d bytes of JSON", len(b))
}

// TestMonthAllocs holds the allocations of a profile to a number that does not grow with its values.
func TestMonthAllocs(t *testing.T) {
	unb, messages := parse(t, month(31))
	allocs := testing.AllocsPerRun(10, func() {
		if _, err := FromMessage(received, unb, messages[0]); err != nil {
			t.Fatal(err)
		}
	})
	if allocs > 200 {
		t.Errorf("%v allocations for 2976 values, want at most 200", allocs)
	}
}

// BenchmarkProfileMonth answers: how many values a second become an event, with and without JSON?
func BenchmarkProfileMonth(b *testing.B) {
	raw := month(31)
	unb, messages := parse(b, raw)
	for _, withJSON := range []bool{false, true} {
		b.Run(fmt.Sprintf("json=%v", withJSON), func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				list, err := FromMessage(received, unb, messages[0])
				if err != nil {
					b.Fatal(err)
				}
				if withJSON {
					if _, err := json.Marshal(list[0]); err != nil {
						b.Fatal(err)
					}
				}
				n++
			}
			b.ReportMetric(float64(n)*2976/b.Elapsed().Seconds(), "values/s")
		})
	}
}

// FuzzFromMessage checks that no bytes make the translation panic, and that events always become JSON.
func FuzzFromMessage(f *testing.F) {
	for _, name := range fixtures.List() {
		b, err := fixtures.Read(name)
		if err != nil {
			f.Fatal(err)
		}
		if len(b) < 4096 {
			f.Add(b)
		}
	}
	f.Add([]byte("UNB+UNOC:3+1:500+2:500+260101:0000+R'UNH+1+IFTSTA:D:18A:UN:2.1'CNI+1'STS+1'RFF+Z13:21039'STS+2'UNT+6+1'"))
	f.Fuzz(func(t *testing.T, b []byte) {
		unb, messages := parse(t, b)
		for _, m := range messages {
			for _, tr := range Transactions(m) {
				if tr.First < 1 || tr.Last < tr.First || tr.Last > m.Len() {
					t.Errorf("transaction from %d to %d of %d", tr.First, tr.Last, m.Len())
				}
			}
			list, _ := FromMessage(Envelope{}, unb, m)
			for _, e := range list {
				if _, err := json.Marshal(e); err != nil {
					t.Error(err)
				}
			}
		}
	})
}

// pids returns the Pruefidentifikatoren of transactions.
func pids(list []Transaction) (out []ident.Pruefidentifikator) {
	for _, t := range list {
		out = append(out, t.Pruefidentifikator)
	}
	return out
}
