package ack_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/marktbote/marktbote/formats/ack"
	"github.com/marktbote/marktbote/formats/check"
)

// body returns the segments of a CONTRL from UCI on, without UNT.
func body(t *testing.T, a answered) string {
	t.Helper()
	if len(a.files) == 0 {
		return string(a.decision.ContrlReason)
	}
	text := string(a.files[0].Bytes)
	return text[strings.Index(text, "UCI"):strings.LastIndex(text, "UNT")]
}

// TestContrlOfFaults checks what CONTRL says about single faults, the first of all faults of service segments
// included. The file is one that has a fault replaced for a good place.
func TestContrlOfFaults(t *testing.T) {
	t.Parallel()
	const uci = "UCI+LB261102000101+9999100000013:500+9999200000020:500+4"
	const ucm = uci + "'UCM+1+UTILMD:D:11A:UN:S2.2+4"
	const unh = "UTILMD:D:11A:UN:S2.2"
	for _, tt := range []struct{ name, old, new, want string }{
		{"UNA", "UNB+UNOC", "UNA::.? 'UNB+UNOC", uci + "+20+UNA'"},
		{"byte order mark", "UNB+UNOC", "\xEF\xBB\xBFUNB+UNOC", uci + "+21+UNB'"},
		{"syntax identifier", "UNOC:3", "UNOA:3", uci + "+2+UNB+2:1'"},
		{"impossible time", ":0812+", ":0861+", uci + "+12+UNB+5:2'"},
		{"the first one of UNB, whichever was found first", "UNOC:3+9999100000013:500+9999200000020:500+261102:0812", "UNOC:4+9999100000013:500+9999200000020:500+261102:0861", uci + "+2+UNB+2:2'"},
		{"no receiver", "+9999200000020:500+", "++", string(ack.Unreadable)},
		{"group", "'UNH", "'UNG+1'UNH", uci + "+16+UNB'"},
		{"data between the messages", "UNZ", "FTX+AAI'UNZ", uci + "+16+UNZ'"},
		{"empty segment between the messages", "UNZ", "'UNZ", uci + "+16+UNZ'"},
		{"UNZ counts wrong", "UNZ+1", "UNZ+2", uci + "+29+UNZ+2'"},
		{"UNZ with another reference", "UNZ+1+LB", "UNZ+1+XX", uci + "+28+UNZ+3'"},
		{"UNZ missing", "UNZ+1+LB261102000101'", "", uci + "+13+UNZ'"},
		{"syntax version", "UNB+UNOC:3", "UNB+UNOC:4", uci + "+2+UNB+2:2'"},
		{"UNT counts wrong", "UNT+30", "UNT+31", ucm + "+29+UNT+2'"},
		{"UNT missing", "UNT+30+1'", "", ucm + "+13+UNT'"},
		{"UNT with another reference", "UNT+30+1", "UNT+30+2", ucm + "+28+UNT+3'"},
		{"unknown version", unh, "UTILMD:D:11A:UN:X9.9", uci + "'UCM+1+UTILMD:D:11A:UN:X9.9+4+12+UNH+3:5'"},
		{"version too long", unh, "UTILMD:D:11A:UN:S2.2222", uci + "'UCM+1+UTILMD:D:11A:UN:S2.222+4+39+UNH+3:5'"},
		{"version missing", unh, "UTILMD:D:11A:UN", uci + "'UCM+1+UTILMD:D:11A:UN:S2.2+4+13+UNH+3:5'"},
		{"release missing", unh, "UTILMD:D::UN:S2.2", uci + "'UCM+1+UTILMD:D:11A:UN:S2.2+4+13+UNH+3:3'"},
		{"wrong agency", unh, "UTILMD:D:11A:EU:S2.2", ucm + "+12+UNH+3:4'"},
		{"unknown type", unh, "UTILXX:D:11A:UN:S2.2", string(ack.Unreadable)},
		{"no reference", "UNH+1+", "UNH++", string(ack.Unreadable)},
		{"octet in the reference", "UNH+1+", "UNH+1\x01+", ucm + "+21+UNH+2'"},
		{"unknown segment", "DTM+92", "XYZ+1'DTM+92", ucm + "'UCS+7+15'"},
		{"mandatory segment missing", "BGM+E01+LF-2026-000101'", "", ucm + "'UCS+1+13'"},
		{"wrong qualifier", "DTM+92", "DTM+XX", ucm + "'UCS+7'UCD+12+2:1'"},
		{"mandatory element missing", "IDE+24+LFVG0000101", "IDE+24", ucm + "'UCS+6'UCD+13+3:1'"},
		{"too many elements", "IDE+24+LFVG0000101", "IDE+24+LFVG0000101+1+2+3+4+5+6+7+8", ucm + "'UCS+6+16'"},
		{"octet", "Musterweg", "Muster\x1Fweg", ucm + "'UCS+27'UCD+21+6:1'"},
	} {
		file := fixture(t, "valid/utilmd-55001.edi", tt.old, tt.new)
		a := answerFixture(t, file, ack.Options{})
		if got := body(t, a); got != tt.want && !fixCount(t, tt.want, tt.old, tt.new, got) {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

// fixCount answers the file again with UNT counting right, for faults that add or take away a segment.
func fixCount(t *testing.T, want, old, changed, got string) bool {
	t.Helper()
	if !strings.Contains(got, "+29+UNT") {
		return false
	}
	n := 30 + strings.Count(changed, "'") - strings.Count(old, "'")
	file := fixture(t, "valid/utilmd-55001.edi", old, changed, "UNT+30", fmt.Sprintf("UNT+%d", n))
	return body(t, answerFixture(t, file, ack.Options{})) == want
}

// TestContrlOfMessages checks that every faulty message is named, and only those.
func TestContrlOfMessages(t *testing.T) {
	t.Parallel()
	file := fixture(t, "valid/mscons-13017-buendel.edi")
	if strings.Count(string(file), "UNH+") < 2 {
		t.Fatal("the fixture has one message only")
	}
	bad := strings.ReplaceAll(string(file), "UNS+D'", "UNS+Q'")
	a := answerFixture(t, []byte(bad), ack.Options{})
	if got := body(t, a); strings.Count(got, "UCM") != strings.Count(bad, "UNH+") || a.decision.Contrl.Fault != nil {
		t.Error(got)
	}
	last := strings.LastIndex(string(file), "UNS+D'")
	a = answerFixture(t, []byte(string(file[:last])+"UNS+Q'"+string(file[last+6:])), ack.Options{})
	if got := body(t, a); strings.Count(got, "UCM") != 1 || strings.Contains(got, "UCM+1+") {
		t.Error(got)
	}
}

// TestContrlLimits checks that no more is reported than a CONTRL can hold.
func TestContrlLimits(t *testing.T) {
	t.Parallel()
	const n = 2500
	file := fixture(t, "valid/utilmd-55001.edi", "DTM+92", strings.Repeat("XYZ+1'", n)+"DTM+92", "UNT+30", fmt.Sprintf("UNT+%d", 30+n))
	checks := check.Options{At: receivedAt, MaxFindings: 10_000}
	a := answer(t, file, checks, ack.Options{})
	verify(t, file, a, "FV2610", receivedAt.Add(3600e9))
	if got := len(a.decision.Contrl.Messages[0].Segments); got != 999 {
		t.Errorf("%d UCS", got)
	}
}

// TestOwnSender checks who answers a file that was addressed to somebody else.
func TestOwnSender(t *testing.T) {
	t.Parallel()
	file := fixture(t, "valid/utilmd-55001.edi")
	a := answer(t, file, check.Options{At: receivedAt, Knowledge: stranger{}}, ack.Options{Own: ack.Party{ID: "9900987600009", Qualifier: "500"}})
	verify(t, file, a, "FV2610", receivedAt.Add(3600e9))
	text := string(a.files[0].Bytes)
	if !strings.HasPrefix(text, "UNB+UNOC:3+9900987600009:500+9999100000013:500+") || !strings.Contains(text, "UCI+LB261102000101+9999100000013:500+9999200000020:500+4+7+UNB+4:1'") {
		t.Error(text)
	}
}

// stranger is addressed by mistake.
type stranger struct{ memory }

func (stranger) IsOwn(string) bool { return false }
