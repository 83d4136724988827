package check_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/marktbote/marktbote/formats/check"
)

// TestIdentifiers: a transaction must have a Pruefidentifikator, wherever its type has the place for it; if something
// else is wrong that hides it, only that is reported.
func TestIdentifiers(t *testing.T) {
	t.Parallel()
	iftsta := []string{"UNH+1+IFTSTA:D:18A:UN:2.1", "BGM+Z09+ST-1", "DTM+137:202611020812?+00:303", "NAD+MR+9999200000020::293",
		"NAD+MS+9999100000013::293", "CNI+1", "LOC+172+DE2931981011500000000000472301187", "STS+Z10+209", "RFF+Z13:21007",
		"RFF+TN:60250018500", "DTM+76:202611152300?+00:303", "NAD+DEB+9900003688822::293"}
	list := []string{"UNH+1+UTILMD:D:11A:UN:S2.2", "BGM+Z05+ZP-1", "DTM+137:202611020812?+00:303", "DTM+157:202610:610", "RFF+AAV:42931980753",
		"NAD+MS+9999100000013::293", "NAD+MR+9999200000020::293", "IDE+Z01+VG-1", "LOC+Z15+DE6411351011500000000000742243751", "RFF+Z13:55065",
		"SEQ+Z22", "RFF+AUU:66888229725", "IDE+24+VG-2", "LOC+Z21+19463447486", "SEQ+Z01", "RFF+Z18:92500026107", "CCI+15++Z21", "CAV+XXX"}
	without := func(message []string, from, to int) []string {
		return append(append([]string(nil), message[:from]...), message[to:]...)
	}
	tests := []struct {
		name    string
		message []string
		old     string
		new     string
		want    string // code, its value in CONTRL and the number of the segment
	}{
		{"status", iftsta, "", "", ""},
		{"no status", without(iftsta, 7, 12), "", "", "E1055 13 s7"},
		{"nothing but its number", without(iftsta, 6, 12), "", "", "E1055 13 s6"},
		{"a second one without status", append(append([]string(nil), iftsta...), "CNI+2"), "", "", "E1055 13 s13"},
		{"a second one before it without status", append(append(append([]string(nil), iftsta[:5]...), "CNI+1"), iftsta[5:]...), "CNI+1'LOC", "CNI+2'LOC", "E1055 13 s6"},
		{"the same status again", append(append([]string(nil), iftsta...), iftsta[7:]...), "", "", "E2006 36 s13"},
		{"status without it", iftsta, "RFF+Z13:21007'", "", "E2003 13 s9"},
		{"status of no kind", iftsta, "STS+Z10", "STS+QQ9", "E2019 12 s8"},
		{"misspelt status", iftsta, "STS+Z10", "STX+Z10", "E2001 15 s8"},
		{"row of a list", list, "", "", ""},
		{"list without it", list, "RFF+Z13:55065'", "", "E2004 13 s9"},
		{"list with a wrong qualifier", list, "IDE+Z01", "IDE+QQ9", "E2019 12 s8"},
		{"MP-ID too long", iftsta, "NAD+MS+9999100000013", "NAD+MS+" + strings.Repeat("9", 36), "E2012 39 s5"},
	}
	for _, tt := range tests {
		text := strings.Join(tt.message, "'") + "'UNT+" + "%d+1'"
		if !strings.Contains(text, tt.old) {
			t.Fatalf("%s: %q is not in the message", tt.name, tt.old)
		}
		text = strings.Replace(text, tt.old, tt.new, 1)
		text = fmt.Sprintf(text, strings.Count(text, "'"))
		file := "UNB+UNOC:3+9999100000013:500+9999200000020:500+261102:0812+R1'" + text + "UNZ+1+R1'"
		var got []string
		for _, f := range findings(judge(t, []byte(file), check.Options{At: received})) {
			if f.Wire != nil && f.Wire.Kind == "CONTRL" {
				got = append(got, fmt.Sprintf("%s %s s%d", f.Code, f.Wire.Code, f.SegmentNumber))
			}
		}
		if s := strings.Join(got, ", "); s != tt.want {
			t.Errorf("%s: got %q, want %q\n%s", tt.name, s, tt.want, file)
		}
	}
}
