package process

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/event"
	"github.com/marktbote/marktbote/formats/ident"
	"github.com/marktbote/marktbote/formats/rules"
	"github.com/marktbote/marktbote/formats/sample"
)

const (
	asker    = "9900000000001"
	answerer = "9900000000002"
)

// interchange wraps the segments of a message, without UNH and UNT.
func interchange(messageType, sender, receiver string, segments ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "UNB+UNOC:3+%s:500+%s:500+261120:0812+F4711'UNH+N1+%s'", sender, receiver, messageType)
	parties := "NAD+MS+" + sender + "::293'NAD+MR+" + receiver + "::293'"
	for _, s := range segments {
		if s == "NAD" {
			b.WriteString(parties)
			continue
		}
		b.WriteString(s + "'")
	}
	b.WriteString("UNT+9+N1'UNZ+1+F4711'")
	return b.String()
}

// readFirst returns the first message of an interchange and its transactions.
func readFirst(tb testing.TB, file string) (Message, []event.Transaction) {
	tb.Helper()
	r := edifact.NewReader(strings.NewReader(file), edifact.Options{})
	m := new(edifact.Message)
	if err := r.NextMessage(m); err != nil {
		tb.Fatal(err)
	}
	return Read(r.UNB(), m), event.Transactions(m)
}

// pairs are requests and answers of every day, with the number that holds them together.
var pairs = []struct {
	name            string
	request, answer string // interchanges
	relation        Relation
	key             Key
	own             bool // the answer comes from the sender of the request
}{
	{"Anmeldung, confirmed",
		interchange("UTILMD:D:11A:UN:S2.2", asker, answerer, "BGM+E01+A1", "NAD", "IDE+24+LFVG1", "RFF+Z13:55001"),
		interchange("UTILMD:D:11A:UN:S2.2", answerer, asker, "BGM+E01+B1", "NAD", "IDE+24+NBVG1", "RFF+Z13:55002", "RFF+TN:LFVG1"),
		Answers, Key{LevelTransaction, asker, "LFVG1"}, false},
	{"Anmeldung, refused, second of two transactions",
		interchange("UTILMD:D:11A:UN:S2.2", asker, answerer, "BGM+E01+A1", "NAD", "IDE+24+LFVG2", "RFF+Z13:55001"),
		interchange("UTILMD:D:11A:UN:S2.2", answerer, asker, "BGM+E01+B1", "NAD", "IDE+24+NBVG2", "RFF+Z13:55003", "RFF+TN:LFVG2"),
		Answers, Key{LevelTransaction, asker, "LFVG2"}, false},
	{"Kuendigung",
		interchange("UTILMD:D:11A:UN:S2.2", asker, answerer, "BGM+E35+A1", "NAD", "IDE+24+K1", "RFF+Z13:55016"),
		interchange("UTILMD:D:11A:UN:S2.2", answerer, asker, "BGM+E35+B1", "NAD", "IDE+24+K2", "RFF+Z13:55017", "RFF+TN:K1"),
		Answers, Key{LevelTransaction, asker, "K1"}, false},
	{"Stornierung",
		interchange("UTILMD:D:11A:UN:S2.2", asker, answerer, "BGM+E01+A1", "NAD", "IDE+24+LFVG1", "RFF+Z13:55001"),
		interchange("UTILMD:D:11A:UN:S2.2", asker, answerer, "BGM+E01+A2", "NAD", "IDE+24+LFVG9", "RFF+Z13:55022", "RFF+ACW:LFVG1"),
		Cancels, Key{LevelTransaction, asker, "LFVG1"}, true},
	{"Stornierung, confirmed",
		interchange("UTILMD:D:11A:UN:S2.2", asker, answerer, "BGM+E01+A2", "NAD", "IDE+24+LFVG9", "RFF+Z13:55022", "RFF+ACW:LFVG1"),
		interchange("UTILMD:D:11A:UN:S2.2", answerer, asker, "BGM+E01+B2", "NAD", "IDE+24+NBVG9", "RFF+Z13:55023", "RFF+TN:LFVG9"),
		Answers, Key{LevelTransaction, asker, "LFVG9"}, false},
	{"EoG: assignment after the announcement",
		interchange("UTILMD:D:11A:UN:S2.2", asker, answerer, "BGM+E01+A1", "NAD", "IDE+24+EOG1", "RFF+Z13:55013"),
		interchange("UTILMD:D:11A:UN:S2.2", asker, answerer, "BGM+Z89+A2", "NAD", "IDE+24+EOG2", "RFF+Z13:55013", "RFF+TN:EOG1"),
		Follows, Key{LevelTransaction, asker, "EOG1"}, true},
	{"Sperrauftrag",
		interchange("ORDERS:D:09B:UN:1.4c", asker, answerer, "BGM+Z51+SP1", "RFF+Z13:17115", "NAD"),
		interchange("ORDRSP:D:10A:UN:1.4c", answerer, asker, "BGM+Z51+SP2", "RFF+ON:SP1", "RFF+Z13:19116", "NAD"),
		Answers, Key{LevelDocument, asker, "SP1"}, false},
	{"Stornierung of a Sperrauftrag, refused",
		interchange("ORDCHG:D:09B:UN:1.1", asker, answerer, "BGM+Z51+SP3", "RFF+ON:SP1", "RFF+Z13:39000", "NAD"),
		interchange("ORDRSP:D:10A:UN:1.4c", answerer, asker, "BGM+Z51+SP4", "RFF+ACW:SP3", "RFF+Z13:19129", "NAD"),
		Answers, Key{LevelDocument, asker, "SP3"}, false},
	{"Anfrage, Angebot",
		interchange("REQOTE:D:10A:UN:1.3c", asker, answerer, "BGM+311+AN1", "RFF+Z13:35001", "NAD"),
		interchange("QUOTES:D:10A:UN:1.3b", answerer, asker, "BGM+310+ANG1", "RFF+Z13:15001", "RFF+AAV:AN1", "NAD"),
		Answers, Key{LevelDocument, asker, "AN1"}, false},
	{"Angebot, Bestellung",
		interchange("QUOTES:D:10A:UN:1.3b", answerer, asker, "BGM+310+ANG1", "RFF+Z13:15001", "RFF+AAV:AN1", "NAD"),
		interchange("ORDERS:D:09B:UN:1.4c", asker, answerer, "BGM+Z10+BE1", "RFF+AAG:ANG1", "RFF+Z13:17001", "NAD"),
		Answers, Key{LevelDocument, answerer, "ANG1"}, false},
	{"Bestellung, confirmed",
		interchange("ORDERS:D:09B:UN:1.4c", asker, answerer, "BGM+Z10+BE1", "RFF+AAG:ANG1", "RFF+Z13:17001", "NAD"),
		interchange("ORDRSP:D:10A:UN:1.4c", answerer, asker, "BGM+Z10+BB1", "RFF+ON:BE1", "RFF+Z13:19001", "NAD"),
		Answers, Key{LevelDocument, asker, "BE1"}, false},
	{"invoice, third of three, refused",
		interchange("INVOIC:D:06A:UN:2.8e", answerer, asker, "BGM+380+RE3", "RFF+Z13:31002", "RFF+ACE:LS1", "NAD"),
		interchange("REMADV:D:05A:UN:2.9e", asker, answerer, "BGM+239+ZA1", "RFF+Z13:33002", "NAD", "DOC+380+RE1", "AJT+A15", "RFF+ACW:XX", "DOC+380+RE2", "DOC+380+RE3"),
		Answers, Key{LevelDocument, answerer, "RE3"}, false},
	{"delivery note of an invoice",
		interchange("MSCONS:D:04B:UN:2.5", answerer, asker, "BGM+Z41+LS1+9", "RFF+Z13:13019", "NAD"),
		interchange("INVOIC:D:06A:UN:2.8e", answerer, asker, "BGM+380+RE3", "RFF+Z13:31002", "RFF+ACE:LS1", "NAD"),
		Follows, Key{LevelDocument, answerer, "LS1"}, true},
	{"refusal of the invoice, objected",
		interchange("REMADV:D:05A:UN:2.9e", asker, answerer, "BGM+239+ZA1", "RFF+Z13:33002", "NAD", "DOC+380+RE3", "AJT+A15"),
		interchange("COMDIS:D:17A:UN:1.0h", answerer, asker, "BGM+456+CO1", "RFF+Z13:29001", "NAD", "DOC+380+RE3"),
		Answers, Key{LevelReply, asker, "RE3"}, false},
	{"invoice, the refusal of which is objected to",
		interchange("INVOIC:D:06A:UN:2.8e", answerer, asker, "BGM+380+RE3", "RFF+Z13:31002", "RFF+ACE:LS1", "NAD"),
		interchange("COMDIS:D:17A:UN:1.0h", answerer, asker, "BGM+456+CO1", "RFF+Z13:29001", "NAD", "DOC+380+RE3"),
		Disputes, Key{LevelDocument, answerer, "RE3"}, true},
	{"objection, refused again",
		interchange("COMDIS:D:17A:UN:1.0h", answerer, asker, "BGM+456+CO1", "RFF+Z13:29001", "NAD", "DOC+380+RE3"),
		interchange("REMADV:D:05A:UN:2.9e", asker, answerer, "BGM+239+ZA2", "RFF+Z13:33002", "NAD", "DOC+380+RE3", "RFF+ACW:CO1", "AJT+A15"),
		Follows, Key{LevelDocument, answerer, "CO1"}, false},
	{"objection, paid after all",
		interchange("COMDIS:D:17A:UN:1.0h", answerer, asker, "BGM+456+CO1", "RFF+Z13:29001", "NAD", "DOC+380+RE3"),
		interchange("REMADV:D:05A:UN:2.9e", asker, answerer, "BGM+481+ZA3", "RFF+Z13:33001", "NAD", "DOC+380+RE3"),
		Answers, Key{LevelReply, answerer, "RE3"}, false},
	{"Storno of an invoice",
		interchange("INVOIC:D:06A:UN:2.8e", answerer, asker, "BGM+380+RE3", "RFF+Z13:31002", "NAD"),
		interchange("INVOIC:D:06A:UN:2.8e", answerer, asker, "BGM+457+RE4", "RFF+Z13:31004", "RFF+OI:RE3", "NAD"),
		Cancels, Key{LevelDocument, answerer, "RE3"}, true},
	{"Storno of readings",
		interchange("MSCONS:D:04B:UN:2.5", answerer, asker, "BGM+7+MS1+9", "RFF+Z13:13017", "NAD"),
		interchange("MSCONS:D:04B:UN:2.5", answerer, asker, "BGM+7+MS2+1", "RFF+ACW:MS1", "RFF+Z13:13006", "NAD"),
		Cancels, Key{LevelDocument, answerer, "MS1"}, true},
	{"master data, feedback",
		interchange("UTILMD:D:11A:UN:S2.2", answerer, asker, "BGM+E03+A1", "NAD", "IDE+24+ST1", "RFF+Z13:55218"),
		interchange("UTILMD:D:11A:UN:S2.2", asker, answerer, "BGM+E03+B1", "NAD", "IDE+24+RM1", "RFF+Z13:55220", "RFF+TN:ST1"),
		Answers, Key{LevelTransaction, answerer, "ST1"}, false},
	{"feedback, status",
		interchange("UTILMD:D:11A:UN:S2.2", asker, answerer, "BGM+E03+B1", "NAD", "IDE+24+RM1", "RFF+Z13:55220", "RFF+TN:ST1"),
		interchange("IFTSTA:D:18A:UN:2.1", answerer, asker, "BGM+Z33+IF1", "NAD", "CNI+1", "STS+Z43+Z47", "RFF+Z13:21047", "RFF+ACW:RM1"),
		Answers, Key{LevelTransaction, asker, "RM1"}, false},
	{"status of the second item of an IFTSTA",
		interchange("IFTSTA:D:18A:UN:2.1", asker, answerer, "BGM+Z09+IF1", "NAD", "CNI+2", "STS+Z10+Z12", "RFF+Z13:21010"),
		interchange("IFTSTA:D:18A:UN:2.1", answerer, asker, "BGM+Z09+IF2", "NAD", "CNI+1", "STS+Z10+Z13", "RFF+Z13:21011", "RFF+ACW:IF1", "RFF+ADY:2"),
		Answers, Key{LevelItem, asker, "IF1/2"}, false},
	{"version of a series",
		interchange("MSCONS:D:04B:UN:2.5", asker, answerer, "BGM+BK+MS1+9", "RFF+Z13:13003", "NAD", "UNS+D", "NAD+DP", "LOC+172+DE7409211011500000000000200718882", "DTM+492:202609:610", "DTM+293:20261015080000?+00:304"),
		interchange("IFTSTA:D:18A:UN:2.1", answerer, asker, "BGM+Z03+IF1", "NAD", "EQD+Z01+1", "RFF+Z13:21001", "RFF+AUU:20261015080000?+00", "LOC+172+DE7409211011500000000000200718882", "DTM+492:202609:610"),
		Answers, Key{LevelSeries, asker, "DE7409211011500000000000200718882/202609/20261015080000+00"}, false},
	{"list on request",
		interchange("ORDERS:D:09B:UN:1.4c", asker, answerer, "BGM+Z05+BE1", "RFF+Z13:17202", "NAD"),
		interchange("UTILMD:D:11A:UN:S2.2", answerer, asker, "BGM+Z05+LI1", "RFF+AAV:BE1", "NAD", "IDE+Z01+LISTE", "RFF+Z13:55065", "IDE+24+1"),
		Answers, Key{LevelDocument, asker, "BE1"}, false},
}

// TestPairs: the reference of the second message is a key of the first one.
func TestPairs(t *testing.T) {
	t.Parallel()
	for _, tt := range pairs {
		request, requested := readFirst(t, tt.request)
		answer, answered := readFirst(t, tt.answer)
		if keys := request.Identifies(requested[0]); !slices.Contains(keys, tt.key) {
			t.Errorf("%s: the first message has keys %v, want %v among them", tt.name, keys, tt.key)
		}
		refs := answer.Refers(answered[0])
		if !slices.ContainsFunc(refs, func(r Reference) bool { return r.Relation == tt.relation && r.Key == tt.key }) {
			t.Errorf("%s: the second message refers to %v, want %s %v among it", tt.name, refs, tt.relation, tt.key)
		}
		if tt.own != (request.Sender == answer.Sender) {
			t.Errorf("%s: the pair is not what it says", tt.name)
		}
	}
}

// TestRefers looks at all references of a message, and at what is none.
func TestRefers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		file string
		want []Reference
	}{
		{"REMADV: positions and their references do not count",
			interchange("REMADV:D:05A:UN:2.9e", asker, answerer, "BGM+239+ZA1", "RFF+Z13:33004", "NAD", "DOC+380+RE1", "RFF+ACW:CO1", "DLI+1+1", "AJT+A15", "RFF+ACW:BE1", "DOC+380+RE2", "DLI+1+1", "RFF+ACW:BE2"),
			[]Reference{{Answers, "DOC", Key{LevelDocument, answerer, "RE1"}}, {Answers, "DOC", Key{LevelDocument, answerer, "RE2"}},
				{Answers, "DOC", Key{LevelReply, answerer, "RE1"}}, {Answers, "DOC", Key{LevelReply, answerer, "RE2"}}, {Follows, "ACW", Key{LevelDocument, answerer, "CO1"}}}},
		{"an announcement follows nothing", interchange("UTILMD:D:11A:UN:S2.2", asker, answerer, "BGM+E01+A1", "NAD", "IDE+24+EOG1", "RFF+Z13:55013", "RFF+TN:X"), nil},
		{"an own order about master data answers nothing", interchange("UTILMD:D:11A:UN:S2.2", asker, answerer, "BGM+Z88+A1", "NAD", "IDE+24+RM1", "RFF+Z13:55645", "RFF+TN:X"), nil},
		{"number without its message", interchange("IFTSTA:D:18A:UN:2.1", answerer, asker, "BGM+Z09+IF2", "NAD", "CNI+1", "STS+Z10", "RFF+Z13:21011", "RFF+ADY:2"), nil},
		{"third party", interchange("IFTSTA:D:18A:UN:2.1", answerer, asker, "BGM+Z09+IF2", "NAD", "CNI+1", "STS+Z10", "RFF+Z13:21007", "RFF+TN:VG1"),
			[]Reference{{Follows, "TN", Key{LevelTransaction, "", "VG1"}}}},
		{"unknown Prüfidentifikator", interchange("UTILMD:D:11A:UN:S2.2", asker, answerer, "BGM+E01+A1", "NAD", "IDE+24+X", "RFF+Z13:99999", "RFF+TN:X"), nil},
		{"ORDERS counterpart of an interrupted list", interchange("UTILMD:D:11A:UN:S2.2", asker, answerer, "BGM+E01+A1", "NAD"), nil},
	} {
		msg, list := readFirst(t, tt.file)
		var got []Reference
		for _, tx := range list {
			got = append(got, msg.Refers(tx)...)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// TestTransactionsApart: in a message with several transactions each has its own references and keys.
func TestTransactionsApart(t *testing.T) {
	t.Parallel()
	msg, list := readFirst(t, interchange("UTILMD:D:11A:UN:S2.2", answerer, asker, "BGM+E01+B1", "NAD",
		"IDE+24+N1", "RFF+Z13:55002", "RFF+TN:L1", "IDE+24+N2", "RFF+Z13:55003", "RFF+TN:L2", "IDE+24+N3", "RFF+Z13:55002"))
	if len(list) != 3 || msg.Interchange != "F4711" || msg.Reference != "N1" || msg.Document != "B1" || msg.Code != "E01" {
		t.Fatalf("got %d transactions of %+v", len(list), msg)
	}
	for i, want := range []string{"L1", "L2", ""} {
		refs := msg.Refers(list[i])
		if want == "" && len(refs) > 0 || want != "" && (len(refs) != 1 || refs[0].Key != Key{LevelTransaction, asker, want}) {
			t.Errorf("transaction %d refers to %v, want %q", i+1, refs, want)
		}
		wantKeys := []Key{{LevelTransaction, answerer, fmt.Sprintf("N%d", i+1)}, {LevelDocument, answerer, "B1"}, {LevelMessage, answerer, "F4711/N1"}}
		if diff := cmp.Diff(wantKeys, msg.Identifies(list[i])); diff != "" {
			t.Errorf("transaction %d (-want +got):\n%s", i+1, diff)
		}
	}
}

func TestMessageFacts(t *testing.T) {
	t.Parallel()
	msg, list := readFirst(t, interchange("UTILMD:D:11A:UN:S2.2", asker, answerer, "BGM+E02+A1", "DTM+137:202611240550?+00:303", "NAD",
		"IDE+24+N1", "DTM+93:202611242300?+00:303", "DTM+154:20261123:102", "DTM+93:209901012300?+00:303", "RFF+Z13:55010", "IDE+24+N2", "DTM+154:20261130:102", "RFF+Z13:55010"))
	f := msg.Facts(list[0])
	if f.Sparte != formats.Strom || f.Code != "E02" || len(f.Dates) != 3 {
		t.Errorf("got %+v", f)
	}
	e, _ := Lookup("55010")
	for i, want := range []string{"2026-11-24 09:00", "2026-12-01 09:00"} {
		if got, ok := e.Due.Due(local(t, "2026-11-24 06:50"), msg.Facts(list[i])); !ok || !got.Equal(local(t, want)) {
			t.Errorf("transaction %d: due %v, %v, want %s", i+1, got.In(formats.Berlin), ok, want)
		}
	}
}

// unlinked are answers that name their request by nothing but the object.
var unlinked = map[string]bool{
	"17113 13006": true,                      // the Storno names the values; the new values name the complaint
	"17103 13007": true,                      // gas quality has no reference
	"17201 13010": true, "17201 13011": true, // profiles have none either
	"21005 21003": true, "21005 21004": true, // all three name the version of the series
}

// maxSeeds is how many random messages are tried until one has the reference: some are conditional.
const maxSeeds = 60

// TestEveryAnswer generates a request and an answer for every pair of the table, writes the number of the request
// where the answer refers to, and must find the request.
func TestEveryAnswer(t *testing.T) {
	t.Parallel()
	packs := map[ident.Pruefidentifikator]*rules.Pack{}
	for _, v := range []formats.FormatVersion{"FV2604", "FV2610"} {
		for _, info := range rules.List() {
			if info.FormatVersion != v {
				continue
			}
			pack, err := rules.Load(v, info.Name)
			if err != nil {
				t.Fatal(err)
			}
			for _, use := range pack.UseCases() {
				packs[ident.Pruefidentifikator(use.Pruefidentifikator)] = pack
			}
		}
	}
	count := 0
	for _, e := range All() {
		if len(e.Answers) == 0 {
			continue
		}
		request := generate(t, packs[e.Pruefidentifikator], e.Pruefidentifikator, sample.Options{Variant: sample.Full})
		msg, list := readFirst(t, request)
		keys := msg.Identifies(list[0])
		if len(keys) < 2 {
			t.Errorf("%s has keys %v only", e.Pruefidentifikator, keys)
		}
		for _, a := range e.Answers {
			if unlinked[e.Pruefidentifikator.String()+" "+a.Pruefidentifikator.String()] {
				continue
			}
			pack := packs[a.Pruefidentifikator]
			if e.Until != "" { // with it went the reference to it
				var err error
				if pack, err = rules.Load(e.Until, pack.Name); err != nil {
					t.Fatal(err)
				}
			}
			if !linked(t, pack, a.Pruefidentifikator, keys) {
				t.Errorf("%s does not find %s, which has keys %v", a.Pruefidentifikator, e.Pruefidentifikator, keys)
			}
			count++
		}
	}
	if count < 250 {
		t.Errorf("only %d pairs", count)
	}
}

// generate writes a message of a Pruefidentifikator.
func generate(t *testing.T, pack *rules.Pack, pid ident.Pruefidentifikator, o sample.Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := sample.Generate(&b, pack, pid.String(), o); err != nil {
		if errors.Is(err, sample.ErrWithdrawn) {
			t.Fatalf("%s is withdrawn", pid)
		}
		t.Fatalf("%s: %v", pid, err)
	}
	return b.String()
}

// linked reports whether an answer that names one of the keys refers to it.
func linked(t *testing.T, pack *rules.Pack, pid ident.Pruefidentifikator, keys []Key) bool {
	t.Helper()
	for seed := range uint64(maxSeeds) {
		o := sample.Options{Variant: sample.Full}
		if seed > 0 {
			o = sample.Options{Variant: sample.Random, Seed: seed}
		}
		file := generate(t, pack, pid, o)
		msg, list := readFirst(t, file)
		for _, ref := range msg.Refers(list[0]) {
			if ref.Relation != Answers {
				continue
			}
			for _, key := range keys {
				if key.Level != ref.Key.Level {
					continue
				}
				// The answer goes to whom the key belongs to, and names it.
				if got, gotList := readFirst(t, rename(file, string(ref.Key.Sender), string(key.Sender), ref.Key.Value, key.Value)); slices.ContainsFunc(
					got.Refers(gotList[0]), func(r Reference) bool { return r.Relation == Answers && r.Key == key }) {
					return true
				}
			}
		}
	}
	return false
}

// rename exchanges a partner and the parts of a number in a file.
func rename(file, sender, newSender, value, newValue string) string {
	file = strings.ReplaceAll(file, "+"+sender+":", "+"+newSender+":")
	from, to := strings.Split(value, "/"), strings.Split(newValue, "/")
	for i := range min(len(from), len(to)) {
		f, n := strings.ReplaceAll(from[i], "+", "?+"), strings.ReplaceAll(to[i], "+", "?+")
		for _, around := range [][2]string{{":", "'"}, {"+", "'"}, {":", ":"}} {
			file = strings.ReplaceAll(file, around[0]+f+around[1], around[0]+n+around[1])
		}
	}
	return file
}

// TestAllocations: looking a transaction up costs its values and the two slices.
func TestAllocations(t *testing.T) {
	msg, list := readFirst(t, pairs[0].answer)
	if n := testing.AllocsPerRun(100, func() { msg.Refers(list[0]); msg.Identifies(list[0]) }); n > 12 {
		t.Errorf("%v allocations", n)
	}
}
