package ident

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/marktbote/marktbote/formats"
)

// parsers are the Parse functions that check everything they can, by name.
var parsers = map[string]func(string) (string, error){
	"MaLo": func(s string) (string, error) { id, err := ParseMaLoID(s); return id.String(), err },
	"MeLo": func(s string) (string, error) { id, err := ParseMeLoID(s); return id.String(), err },
	"NeLo": func(s string) (string, error) { id, err := ParseNeLoID(s); return id.String(), err },
	"SR":   func(s string) (string, error) { id, err := ParseSRID(s); return id.String(), err },
	"TR":   func(s string) (string, error) { id, err := ParseTRID(s); return id.String(), err },
	"EIC":  func(s string) (string, error) { id, err := ParseEIC(s); return id.String(), err },
	"PID":  func(s string) (string, error) { id, err := ParsePruefidentifikator(s); return id.String(), err },
	"MP":   func(s string) (string, error) { id, err := ParseMarktpartnerID(s); return id.String(), err },
}

func TestParse(t *testing.T) {
	t.Parallel()
	tests := []struct{ kind, valid, invalid string }{
		{"MaLo", "51238696781 41373559241 57685676748 20072281644 12345678913",
			"51238696782 41373559242 01234567890 5123869678 5123869678A"},
		{"NeLo", "E1234848431 EOI05HSBJG0 E0000001A20 E1137355921 EXY12ZK90Q7",
			"E1234848434 EOI05HSBJG3 e1234848431 D1234848431 E123484843"},
		{"SR", "C0000001A22 C1137355923 CXY12ZK90Q9 COI05HSBJG2 C1234848433",
			"C0000001A25 C1137355926 CXY12ZK90QQ C12348484Ä3 C12348484333"},
		{"TR", "D0000001A21 D1137355922 DXY12ZK90Q8 DOI05HSBJG1 D1234848432",
			"D0000001A24 D1137355925 DXY12ZK90Q1 D-234848432 DOI05HSBJG"},
		{"MeLo", "DE0005626680200000000000000000123 DE00056266802AO6G56M11SN51G21M24S " +
			"DE0001234567890123456789012345678 DE9999990111500000000000000000042 DE123456012340000000000000ABCDEFG",
			"DE000562668020000000000000000012 DE00056266802000000000000000001234 AT0005626680200000000000000000123 " +
				"DE00056266802ao6g56m11sn51g21m24s DE00056X6680200000000000000000123"},
		{"EIC", "10YDE-EON------1 10YDE-VE-------2 11XVE-N-GHM----Q 10Y1001A1001A83F 37Y701125MH0000I",
			"10YDE-EON------2 11XVE-N-GHM----R 11YR00000001234Y 10YDE-EON-----1 10QDE-EON------1"},
		{"PID", "55001 13025", "5500 055001 05500 5500A"},
		{"MP", "9900123400007 4012345393651 9900123400002", "990012340000 98000123000055 98000123O0005 40123456789O1"},
	}
	for _, tt := range tests {
		for s := range strings.FieldsSeq(tt.valid) {
			if got, err := parsers[tt.kind](s); err != nil || got != s {
				t.Errorf("%s %q: got %q, %v", tt.kind, s, got, err)
			}
		}
		for s := range strings.FieldsSeq(tt.invalid) {
			if got, err := parsers[tt.kind](s); err == nil || got != "" {
				t.Errorf("%s %q: got %q, want an error", tt.kind, s, got)
			}
		}
	}
}

// TestClusterLetters checks that the procedure also fits the letters this package has no type for.
func TestClusterLetters(t *testing.T) {
	t.Parallel()
	for s := range strings.FieldsSeq("A1137355925 A0000001A24 AXY12ZK90Q1 B1137355924 B0000001A23") {
		if err := checkLettered("", s[0], s); err != nil {
			t.Error(err)
		}
	}
	for s := range strings.FieldsSeq("A1137355928 A0000001A27 B1137355927 B0000001A26") {
		if checkLettered("", s[0], s) == nil {
			t.Errorf("%s: want an error", s)
		}
	}
}

func TestMarktpartner(t *testing.T) {
	t.Parallel()
	tests := []struct {
		issuer     Issuer
		sparte     formats.Sparte
		good, poor string
	}{
		{BDEW, formats.Strom, "9900123400007 9900987600009 9904555000005 9979123000000 9903007000000",
			"9900123400002 9900987600004 9904555000000"},
		{DVGW, formats.Gas, "9800012300005 9800456700001 9870008900002 9800999000009 9870123400002",
			"9800012300000 9800456700006 9870008900007"},
		{GLN, "", "4012345393651 4012345678901 4045399000008 4399901876453 4260123456788",
			"4012345678902 4045399000009 4399901876450"},
	}
	for _, tt := range tests {
		for s := range strings.FieldsSeq(tt.good + " " + tt.poor) {
			id, err := ParseMarktpartnerID(s)
			if err != nil || id.Issuer() != tt.issuer || id.Sparte() != tt.sparte {
				t.Errorf("%s: issuer %s, Sparte %q, error %v", s, id.Issuer(), id.Sparte(), err)
			}
			if want := strings.Contains(tt.good, s); id.CheckDigitOK() != want {
				t.Errorf("%s: CheckDigitOK = %v, want %v", s, !want, want)
			}
		}
	}
	if MarktpartnerID("97").CheckDigitOK() {
		t.Error("CheckDigitOK of a short value, want false")
	}
}

func TestKindOf(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]Kind{
		"51238696781": KindMaLo, "51238696782": KindMaLo, "E1234848431": KindNeLo, "C1234848433": KindSR,
		"D1234848432": KindTR, "DE0005626680200000000000000000123": KindMeLo, "AT0005626680200000000000000000123": KindMeLo,
		"": KindUnknown, "5123869678": KindUnknown, "X1234848431": KindUnknown,
	} {
		if got := KindOf(id); got != want {
			t.Errorf("KindOf(%q) = %q, want %q", id, got, want)
		}
	}
}

func TestMarshalText(t *testing.T) {
	t.Parallel()
	b, err := json.Marshal([]any{MaLoID("1"), MeLoID("2"), NeLoID("3"), SRID("4"), TRID("5"), MarktpartnerID("6"),
		Pruefidentifikator("7"), EIC("8")})
	if want := `["1","2","3","4","5","6","7","8"]`; err != nil || string(b) != want {
		t.Errorf("got %s, %v, want %s", b, err, want)
	}
}

// FuzzParse checks that no text makes a parser panic and that an accepted one comes back unchanged.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "51238696781", "E1234848431", "DE0005626680200000000000000000123", "10YDE-VE-------2",
		"9900123400007", "ÄÄÄÄÄÄÄÄÄÄÄ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for name, parse := range parsers {
			if got, err := parse(s); err == nil && got != s {
				t.Errorf("%s: %q became %q", name, s, got)
			}
		}
		_, _ = MarktpartnerID(s).CheckDigitOK(), KindOf(s) // must not panic
	})
}
