package event

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/marktbote/marktbote/formats/ident"
)

// one translates a message made of segments.
func one(t *testing.T, kind string, segments ...string) []Event {
	t.Helper()
	unb, messages := parse(t, message(kind, segments...))
	list, err := FromMessage(received, unb, messages[0])
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// head is what every message begins with behind BGM.
const (
	documentTime = "DTM+137:202611200630?+00:303"
	sender       = "NAD+MS+9999200000020::293"
	recipient    = "NAD+MR+9999100000013::293"
)

// TestSubjects checks for every kind of subject and key what an event is about, what it is ordered by and what makes it
// the same when it comes again.
func TestSubjects(t *testing.T) {
	t.Parallel()
	const malo, melo = "90000000019", "DE00099999999MUSTERBACH0000000001"
	for _, tt := range []struct {
		name     string
		kind     string
		segments []string
		want     []string // type, subject, partition key and idempotency key without Sparte and sender
	}{
		{"invoice", "INVOIC", []string{"BGM+380+R1+9", documentTime, "RFF+Z13:31002", sender, recipient, "NAD+DP", "LOC+172+" + malo, "UNS+S"},
			[]string{"billing.invoice.received invoice/9999200000020/R1 malo/" + malo + " INVOIC|R1"}},
		{"cancelled invoice", "INVOIC", []string{"BGM+457+R2+9", documentTime, "RFF+Z13:31004", "RFF+OI:R1", sender, recipient, "UNS+S"},
			[]string{"billing.invoice.cancelled invoice/9999200000020/R2 invoice/9999200000020/R2 INVOIC|R2"}},
		{"payments", "REMADV", []string{"BGM+481+Z1", documentTime, "RFF+Z13:33001", sender, recipient, "DOC+380+R1", "MOA+9:1.5", "DOC+389+R7",
			"MOA+9:2", "UNS+S", "MOA+12:3.5"},
			[]string{"billing.payment.advised invoice/9999100000013/R1 invoice/9999100000013/R1 REMADV|Z1|1",
				"billing.payment.advised invoice/9999100000013/R7 invoice/9999100000013/R7 REMADV|Z1|2"}},
		{"contested", "COMDIS", []string{"BGM+456+C1", documentTime, "RFF+Z13:29001", sender, recipient, "DOC+380+R1"},
			[]string{"billing.refusal.contested invoice/9999200000020/R1 invoice/9999200000020/R1 COMDIS|C1|1"}},
		{"contested objection", "COMDIS", []string{"BGM+739+C1", documentTime, "RFF+Z13:29002", sender, recipient, "DOC+Z41+L1"},
			[]string{"billing.delivery-note.objection-rejected document/9999200000020/L1 document/9999200000020/L1 COMDIS|C1|1"}},
		{"price sheet", "PRICAT", []string{"BGM+Z32+P1", documentTime, "RFF+Z13:27002", sender, recipient},
			[]string{"market.price-sheet.published party/9999200000020 party/9999200000020 PRICAT|P1"}},
		{"order", "ORDERS", []string{"BGM+Z51+O1", documentTime, "RFF+Z13:17115", sender, recipient, "NAD+DP", "LOC+172+" + malo, "UNS+S"},
			[]string{"order.disconnection.requested malo/" + malo + " malo/" + malo + " ORDERS|O1"}},
		{"statuses", "IFTSTA", []string{"BGM+Z33+I1", documentTime, sender, recipient, "CNI+1", "LOC+172+" + malo, "STS+Z37+Z14", "RFF+Z13:21039",
			"STS+Z38+Z14", "RFF+Z13:21039", "CNI+2", "STS+Z39+Z17", "RFF+Z13:21040"},
			[]string{"order.disconnection.status malo/" + malo + " malo/" + malo + " IFTSTA|I1|1|1",
				"order.reconnection.status malo/" + malo + " malo/" + malo + " IFTSTA|I1|1|2",
				"order.reconnection.planned document/9999200000020/I1 document/9999200000020/I1 IFTSTA|I1|2|1"}},
		{"faults", "INSRPT", []string{"BGM+4+F1", documentTime, sender, recipient, "DOC+21+M1", "RFF+Z13:23001", "LIN+1", "NAD+DP", "LOC+172+" + melo},
			[]string{"metering.fault.reported melo/" + melo + " melo/" + melo + " INSRPT|F1|M1"}},
		{"definition", "UTILTS", []string{"BGM+Z59+D1", documentTime, sender, recipient, "IDE+24+V1", "LOC+Z09+ABC", "RFF+Z13:25005"},
			[]string{"metering.definition.published definition/ABC definition/ABC V1"}},
		{"gas", "UTILMD", []string{"BGM+E01+D1", documentTime, sender, recipient, "IDE+24+V1", "LOC+172+" + melo, "RFF+Z13:44001"},
			[]string{"contract.supply-start.requested melo/" + melo + " melo/" + melo + " V1"}},
		{"identified by data", "UTILMD", []string{"BGM+E01+D1", documentTime, sender, recipient, "IDE+24+V1", "RFF+Z13:44001"},
			[]string{"contract.supply-start.requested transaction/9999200000020/V1 transaction/9999200000020/V1 V1"}},
	} {
		var got []string
		for _, e := range one(t, tt.kind, tt.segments...) {
			name := strings.TrimSuffix(strings.TrimPrefix(e.Type, typePrefix), typeSuffix)
			key := strings.ReplaceAll(strings.TrimPrefix(e.IdempotencyKey, "strom\n9999200000020\n"), "\n", "|")
			got = append(got, strings.Join([]string{name, e.Subject, e.PartitionKey, key}, " "))
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// TestList checks a clearing list that is spread over messages: one event per part, with the rows in it.
func TestList(t *testing.T) {
	t.Parallel()
	part := func(unh string, rows ...string) Event {
		segments := append([]string{"BGM+Z05+D1", documentTime, sender, recipient, "IDE+Z01+L1", "RFF+Z13:55065"}, rows...)
		raw := strings.Replace(string(message("UTILMD", segments...)), "UNH+1+UTILMD:D:11A:UN:1.0'", "UNH+1+UTILMD:D:11A:UN:S2.2"+unh+"'", 1)
		unb, messages := parse(t, []byte(raw))
		list, err := FromMessage(received, unb, messages[0])
		if err != nil || len(list) != 1 {
			t.Fatalf("%d events, %v", len(list), err)
		}
		return list[0]
	}
	first := part("+REF1+1:C", "IDE+24+R1", "LOC+Z15+DE1", "SEQ+Z22", "CCI+Z19++11XBK", "IDE+24+R2", "LOC+Z15+DE2")
	last := part("+REF1+2:F", "IDE+24+R3", "LOC+Z15+DE3")
	if first.ID == last.ID || first.Subject != last.Subject {
		t.Errorf("ids %s, %s, subjects %s, %s", first.ID, last.ID, first.Subject, last.Subject)
	}
	r := first.Data.(*Record)
	if diff := cmp.Diff(&Part{Reference: "REF1", Number: 1}, r.Message.List); diff != "" {
		t.Error(diff)
	}
	if p := last.Data.(*Record).Message.List; p.Number != 2 || !p.Last {
		t.Errorf("%+v", p)
	}
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	want := `"rows":[{"transaction":"R1","mabisZaehlpunkte":["DE1"],"summenzeitreihe":[{"bilanzkreis":"11XBK"}]},` +
		`{"transaction":"R2","mabisZaehlpunkte":["DE2"]}]`
	if !strings.Contains(string(b), want) || len(r.More) > 0 {
		t.Errorf("%s\nwant %s", b, want)
	}
}

// TestSlices checks time slices: all are there, and from the first one on they hold instead of what was said before.
func TestSlices(t *testing.T) {
	t.Parallel()
	e := one(t, "UTILMD", "BGM+E03+D1", documentTime, sender, recipient, "IDE+24+V1", "LOC+Z16+90000000019", "RFF+Z13:55218",
		"RFF+Z49::1", "DTM+Z25:202612312300?+00:303", "DTM+Z26:202701312300?+00:303", "RFF+Z53::2", "DTM+Z25:202701312300?+00:303",
		"SEQ+Z45+1", "PIA+Z02+1-02-0-015:Z10", "QTY+Z38:1:H87")[0]
	b, err := json.Marshal(e.Data)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"validity":[{"status":{"code":"Z49","name":"valid"},"id":"1","from":"2026-12-31T23:00:00Z","to":"2027-01-31T23:00:00Z"},` +
			`{"status":{"code":"Z53","name":"no-data"},"id":"2","from":"2027-01-31T23:00:00Z"}]`,
		`"supersedesFrom":"2026-12-31T23:00:00Z"`,
		`"netznutzungsabrechnung":[{"fassung":{"code":"Z45"},"zeitraumId":"1","artikel":[{"code":"1-02-0-015","list":"Z10"}],` +
			`"anzahl":{"value":"1","unit":"H87"}}]`,
	} {
		if !strings.Contains(string(b), want) {
			t.Errorf("%s\nis not in %s", want, b)
		}
	}
}

// TestUnknownStays checks that what the mapping does not know is kept as it came, and what is about people apart.
func TestUnknownStays(t *testing.T) {
	t.Parallel()
	r := one(t, "UTILMD", "BGM+E02+D1", documentTime, sender, recipient, "IDE+24+V1", "LOC+Z16+90000000019", "RFF+Z13:55004",
		"SEQ+Q99+7", "CCI+Q1++Q?+2", "NAD+Q7+++Erika:Beispiel+++Q", "XYZ+1:2+3")[0].Data.(*Record)
	want := []Segment{
		{Segment: 9, Group: "SG8", Tag: "SEQ", Elements: [][]string{{"Q99"}, {"7"}}},
		{Segment: 10, Group: "SG10", Tag: "CCI", Elements: [][]string{{"Q1"}, {""}, {"Q+2"}}},
		{Segment: 12, Tag: "XYZ", Elements: [][]string{{"1", "2"}, {"3"}}},
	}
	if diff := cmp.Diff(want, r.More); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	people, _ := r.Personal.Get("more").([]Segment)
	if r.Personal.Get("parties") == nil || len(people) > 0 && people[0].Tag != "NAD" {
		t.Errorf("parties %v, more %v", r.Personal.Get("parties"), people)
	}
}

// TestPlaces checks what those who write messages from events are told.
func TestPlaces(t *testing.T) {
	t.Parallel()
	fields := FieldsOf("55001")
	i := slices.IndexFunc(fields, func(f Field) bool { return f.Name == "start" })
	want := Field{Name: "start", Kind: "start:startDay", Group: "SG4", Segment: "DTM+92", Element: 1, Component: 2}
	if diff := cmp.Diff(want, fields[i]); diff != "" {
		t.Error(diff)
	}
	if FieldsOf("55999") != nil || EventsOf("55999") != nil {
		t.Error("want nothing for an unknown Pruefidentifikator")
	}
	if got := EventsOf(ident.Pruefidentifikator("55013")); !slices.Equal(got, []string{"contract.basic-supply.announced", "contract.basic-supply.assigned"}) {
		t.Error(got)
	}
}

// TestBrokenMappings checks that a mapping file with a mistake is refused with its line.
func TestBrokenMappings(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"nonsense x\n": "m:1",
		"message UTILMD\nevent 5500 contract.x\n":                                   "m:2",
		"event 55001 contract.x BGM\n":                                              "m:1",
		"event 55001 contract.x as nothing\n":                                       "m:1",
		"  group SG1 RFF\n":                                                         "m:1",
		"group SG1 RFF\ngroup SG1 RFF\n":                                            "m:2",
		"fields\nx nokind DTM+1@1.1\n":                                              `no kind "nokind"`,
		"fields\nx text SG9 DTM+1@1.1\n":                                            `no group "SG9"`,
		"group SG1 RFF\nfields\nx text SG1 DTM+1@1.1\n":                             "is not in SG1",
		"group SG1 RFF DTM\nfields\nx text SG1 DTM+1 DTM+2@1.1\n":                   "does not open SG1",
		"group SG1 RFF DTM\nfields\nx object SG1 DTM+1\n":                           "does not open SG1",
		"fields\nx text DTM+1@a.b\n":                                                "m:2",
		"fields\nx code:names DTM+1@1.1\n":                                          `no names "names"`,
		"fields\nuse other\n":                                                       `no file "other"`,
		"fields\nuse m\n":                                                           "uses itself",
		"fields\nx text DTM+1@1.1\n y text DTM+1@1.1\n":                             "m:3",
		"group SG1 NAD\nfields\nx[] object SG1 NAD\n personal.y text SG1 NAD@1.1\n": "m:4",
	} {
		_, err := parseMappings(map[string]string{"m": text})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
