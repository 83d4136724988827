package ack_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/fixtures"
	"github.com/marktbote/marktbote/formats/ack"
)

const contrlHead = "UNB+UNOC:3+9900987600009:500+9900123400007:500+260405:0820+C000001++++++1'UNH+1+CONTRL:D:3:UN:2.0b'"

func read(tb testing.TB, text string) *ack.Answers {
	tb.Helper()
	a, err := ack.Read(strings.NewReader(text), edifact.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	return a
}

func TestReadContrl(t *testing.T) {
	t.Parallel()
	us, them := ack.Party{ID: "9900123400007", Qualifier: "500"}, ack.Party{ID: "9900987600009", Qualifier: "500"}
	for _, tt := range []struct {
		name, body string
		want       ack.Contrl
	}{
		{"receipt", "UCI+REF0001+9900123400007:500+9900987600009:500+7'",
			ack.Contrl{Action: ack.Received, ControlRef: "REF0001", Sender: us, Receiver: them}},
		{"error of the file", "UCI+REF0001+9900123400007:500+9900987600009:500+4+29+UNZ+2'",
			ack.Contrl{Action: ack.Rejected, ControlRef: "REF0001", Sender: us, Receiver: them,
				Fault: &ack.Fault{Code: "29", Segment: "UNZ", Place: edifact.Place{Element: 2}}}},
		{"errors of messages", "UCI+REF0001+9900123400007:500+9900987600009:500+4'UCM+1+MSCONS:D:04B:UN:2.4c+4'UCS+7'UCD+12+2:1'UCD+13+4'UCS+9+13'" +
			"UCM+2+MSCONS:D:04B:UN:2.4c+4+29+UNT+2'",
			ack.Contrl{Action: ack.Rejected, ControlRef: "REF0001", Sender: us, Receiver: them, Messages: []ack.ContrlMessage{
				{Reference: "1", Identifier: ack.Identifier{Type: "MSCONS", Version: "D", Release: "04B", Agency: "UN", Code: "2.4c"}, Segments: []ack.SegmentFault{
					{Position: 7, Elements: []ack.ElementFault{{Code: "12", Place: edifact.Place{Element: 2, Component: 1}}, {Code: "13", Place: edifact.Place{Element: 4}}}},
					{Position: 9, Code: "13"},
				}},
				{Reference: "2", Identifier: ack.Identifier{Type: "MSCONS", Version: "D", Release: "04B", Agency: "UN", Code: "2.4c"},
					Fault: &ack.Fault{Code: "29", Segment: "UNT", Place: edifact.Place{Element: 2}}},
			}}},
		{"nonsense is passed over", "UCS+1+13'UCI+REF0001+9900123400007:500+9900987600009:500+4'UCD+12+2'UCS+1'UCM+1+X+4'UCD+12+2'UCS+A'UCD+12+-1:X'",
			ack.Contrl{Action: ack.Rejected, ControlRef: "REF0001", Sender: us, Receiver: them, Messages: []ack.ContrlMessage{
				{Reference: "1", Identifier: ack.Identifier{Type: "X"}, Segments: []ack.SegmentFault{{Elements: []ack.ElementFault{{Code: "12"}}}}},
			}}},
	} {
		got := read(t, contrlHead+tt.body+"UNT+3+1'UNZ+1+C000001'")
		if diff := cmp.Diff([]ack.Contrl{tt.want}, got.Contrls); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
		env := ack.Envelope{Sender: them, Receiver: us, ControlRef: "C000001", CreatedAt: time.Date(2026, 4, 5, 8, 20, 0, 0, time.UTC), Test: true}
		if got.Envelope != env {
			t.Errorf("%s: %+v", tt.name, got.Envelope)
		}
	}
}

const aperakHead = "UNB+UNOC:3+9900987600009:500+9900123400007:500+260405:0830+A000001'UNH+1+APERAK:D:07B:UN:2.1i'"

// rejection is the APERAK that both forms write down.
var rejection = ack.Aperak{
	Code: ack.NotAccepted, Number: "AP0001", CreatedAt: time.Date(2026, 4, 5, 8, 30, 0, 0, time.UTC),
	Sender: ack.Party{ID: "9900987600009", Qualifier: "500"}, Receiver: ack.Party{ID: "9900123400007", Qualifier: "500"},
	ControlRef: "REF0001", FileCreatedAt: time.Date(2026, 4, 5, 8, 15, 0, 0, time.UTC), Document: "DOC0001", Transaction: "VG0001",
	Errors: []ack.ApplicationError{
		{Code: "Z29", Place: ack.SegmentPlace{Name: "Beginn zum"}},
		{Code: "Z35", Help: "zwei Teile", Place: ack.SegmentPlace{Name: "Marktlokation", Raw: "LOC+Z16+90000000010"}},
	},
}

func TestReadAperak(t *testing.T) {
	t.Parallel()
	old := rejection
	old.Message = "1"
	for _, tt := range []struct {
		name, body string
		want       ack.Aperak
	}{
		{"form up to 2.1i", "BGM+313+AP0001'DTM+137:202604050830?+00:303'RFF+ACE:REF0001'DTM+171:202604050815?+00:303'NAD+MS+9900987600009::293'" +
			"NAD+MR+9900123400007::293'ERC+Z29'RFF+ACW:1'RFF+AGO:DOC0001'RFF+TN:VG0001'FTX+Z02+++Beginn zum'ERC+Z35'RFF+ACW:1'RFF+AGO:DOC0001'" +
			"RFF+TN:VG0001'FTX+AAO+++zwei T:eile'FTX+Z02+++Marktlokation:LOC?+Z16?+90000000010'", old},
		{"form from 2.2", "BGM+313+AP0001'DTM+137:202604050830?+00:303'RFF+ACE:REF0001'DTM+171:202604050815?+00:303'RFF+AGO:DOC0001'RFF+TN:VG0001'" +
			"NAD+MS+9900987600009::293'NAD+MR+9900123400007::293'ERC+Z29'RFF+TN:VG0001'FTX+Z02+++Beginn zum'ERC+Z35'" +
			"RFF+TN:VG0001'FTX+AAO+++zwei Teile'FTX+Z02+++Marktlokation:LOC?+Z16?+90000000010'", rejection},
		{"recognition", "BGM+312+AP0001'RFF+ACE:REF0001'RFF+AGO:DOC0001'NAD+MS+9800000000001::332'NAD+MR+4012345678901::9'",
			ack.Aperak{Code: ack.Recognized, Number: "AP0001", ControlRef: "REF0001", Document: "DOC0001",
				Sender: ack.Party{ID: "9800000000001", Qualifier: "502"}, Receiver: ack.Party{ID: "4012345678901", Qualifier: "14"}}},
		{"two transactions in one, which must not be", "BGM+313+AP0001'RFF+ACE:REF0001'DTM+171:nonsense:303'ERC+Z10'FTX+ABO+++1:2'RFF+TN:VG1'RFF+Z08:99'ERC+Z10'RFF+TN:VG2'",
			ack.Aperak{Code: ack.NotAccepted, Number: "AP0001", ControlRef: "REF0001", Transaction: "VG1", Errors: []ack.ApplicationError{
				{Code: "Z10", Content: [2]string{"1", "2"}, Successor: "99"}, {Code: "Z10", Transaction: "VG2"}}}},
	} {
		got := read(t, aperakHead+tt.body+"UNT+3+1'UNZ+1+A000001'")
		if diff := cmp.Diff([]ack.Aperak{tt.want}, got.Aperaks); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

func TestReadErrors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]error{
		contrlHead + "UNT+2+1'":                      ack.ErrEmpty,
		aperakHead + "BGM+313+A'":                    ack.ErrEmpty,
		string(fixture(t, "valid/utilmd-55001.edi")): ack.ErrOtherType,
	} {
		if _, err := ack.Read(strings.NewReader(text), edifact.Options{}); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", text, err, want)
		}
	}
	var m edifact.Message
	if _, err := ack.ParseContrl(&m); !errors.Is(err, ack.ErrOtherType) {
		t.Error(err)
	}
	if _, err := ack.ParseAperak(&m); !errors.Is(err, ack.ErrOtherType) {
		t.Error(err)
	}
}

// FuzzRead checks that nothing makes the readers panic, and that what can be written down again reads the same.
func FuzzRead(f *testing.F) {
	for _, name := range fixtures.List() {
		if strings.Contains(name, "aperak") || strings.Contains(name, "contrl") {
			f.Add(fixture(f, name))
		}
	}
	f.Add([]byte(contrlHead + "UCI+REF0001+A:500+B:500+4'UCM+1+MSCONS:D:04B:UN:2.4c+4'UCS+7'UCD+12+2:1'"))
	f.Add([]byte(aperakHead + "BGM+313+A'RFF+ACE:R'ERC+Z34'FTX+ABO+++a:b'RFF+ACW:1'RFF+TN:V'FTX+AAO+++x:y'FTX+Z02+++n:r'RFF+Z08:9'"))
	f.Fuzz(func(t *testing.T, file []byte) {
		a, err := ack.Read(bytes.NewReader(file), edifact.Options{MaxMessageBytes: 1 << 20})
		if err != nil {
			return
		}
		opts := ack.Options{SentAt: receivedAt, Numbers: &counter{}}
		for i := range a.Contrls {
			if len(a.Contrls[i].Messages) > 0 || a.Contrls[i].Fault != nil {
				_ = ack.Match(&a.Contrls[i], []ack.Sent{{ControlRef: a.Contrls[i].ControlRef, Sender: a.Contrls[i].Sender.ID, Receiver: a.Contrls[i].Receiver.ID}})
			}
			x, err := ack.WriteContrl(opts, ack.Envelope{}, &a.Contrls[i])
			if err != nil {
				continue
			}
			again, err := ack.Read(bytes.NewReader(x.Bytes), edifact.Options{})
			if err != nil || len(again.Contrls) != 1 {
				t.Fatalf("%v: %s", err, x.Bytes)
			}
			once, _ := ack.WriteContrl(opts, ack.Envelope{ControlRef: x.ControlRef}, &again.Contrls[0])
			if !bytes.Equal(once.Bytes, x.Bytes) {
				t.Errorf("%q\n%q", x.Bytes, once.Bytes)
			}
		}
		for i := range a.Aperaks {
			_ = ack.Match(&a.Aperaks[i], []ack.Sent{{ControlRef: a.Aperaks[i].ControlRef, Sender: a.Aperaks[i].Receiver.ID, Receiver: a.Aperaks[i].Sender.ID,
				Messages: []ack.SentMessage{{Reference: "1", Document: "D", Transactions: []string{"V"}}}}})
			x, err := ack.WriteAperaks(opts, ack.Envelope{}, a.Aperaks[i:i+1])
			if err != nil {
				continue
			}
			again, err := ack.Read(bytes.NewReader(x.Bytes), edifact.Options{})
			if errors.Is(err, ack.ErrEmpty) {
				continue // references of spaces only
			}
			if err != nil || len(again.Aperaks) != 1 {
				t.Fatalf("%v: %s", err, x.Bytes)
			}
			if got := again.Aperaks[0]; got.Code != a.Aperaks[i].Code || len(got.Errors) != len(a.Aperaks[i].Errors) {
				t.Errorf("%+v\n%+v", a.Aperaks[i], got)
			}
		}
	})
}
