package formats_test

import (
	"strings"
	"testing"
	"time"

	"github.com/marktbote/marktbote/formats"
)

func TestVersionAt(t *testing.T) {
	tests := []struct {
		at   string
		want formats.FormatVersion
	}{
		{"2023-09-30T21:59:59Z", ""},
		{"2023-09-30T22:00:00Z", "FV2310"},
		{"2024-04-02T21:59:59Z", "FV2310"}, // the change was on 3 April
		{"2024-04-02T22:00:00Z", "FV2404"},
		{"2025-06-05T21:59:59Z", "FV2410"}, // and on 6 June
		{"2025-06-05T22:00:00Z", "FV2504"},
		{"2026-03-31T21:59:59Z", "FV2510"},
		{"2026-03-31T22:00:00Z", "FV2604"},
		{"2026-09-30T21:59:59Z", "FV2604"},
		{"2026-09-30T22:00:00Z", "FV2610"},
		{"2030-01-01T00:00:00Z", "FV2610"},
	}
	for _, tt := range tests {
		at, err := time.Parse(time.RFC3339, tt.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := formats.VersionAt(at); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.at, got, tt.want)
		}
	}
	list := formats.Versions()
	for i := 1; i < len(list); i++ {
		if !list[i-1].From.Before(list[i].From) || list[i-1].Version >= list[i].Version {
			t.Errorf("%v is not before %v", list[i-1], list[i])
		}
	}
	list[0].Version = "changed"
	if formats.Versions()[0].Version == "changed" {
		t.Error("Versions gives away its table")
	}
}

func TestComplete(t *testing.T) {
	f := formats.Finding{Code: "E1010", Segment: "UNZ", Found: "2", Expected: "1", Wire: &formats.Wire{Kind: "APERAK", Code: "Z29"}}
	f.Complete(formats.English)
	if f.Severity != formats.Error || f.Wire == nil || *f.Wire != (formats.Wire{Kind: "CONTRL", Code: "29"}) ||
		f.Text != "UNZ counts 2 messages, but the file holds 1." {
		t.Errorf("%+v", f)
	}
	f = formats.Finding{Code: "W1005", Wire: &formats.Wire{}}
	f.Complete(formats.German)
	if f.Severity != formats.Warning || f.Wire != nil {
		t.Errorf("%+v", f)
	}
	defer func() {
		if p := recover(); p == nil || !strings.Contains(p.(string), "X9999") {
			t.Errorf("unknown code: %v", p)
		}
	}()
	f.Code = "X9999"
	f.Complete(formats.German)
}
