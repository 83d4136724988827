package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/marktbote/marktbote/fixtures"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/check"
	"github.com/marktbote/marktbote/store"
	"github.com/marktbote/marktbote/store/sqlite"
)

// faultsAt is when the faulty files are received.
const faultsAt = "2026-11-20T12:00:00+01:00"

// A fault changes a valid file in one place. What check must say about it: "CODE SEGMENT sNUMBER ELEMENT:COMPONENT
// @PLACE", where CODE is the one of CONTRL ("-" if there is none) and PLACE the text at the finding's offset ("|x"
// means behind x).
type fault struct {
	name     string // line of the fault table
	base     string // file name in fixtures/valid
	old, new string // the first old becomes new; "" stands before the file
	mend     bool   // correct the counts in UNT, which are no part of the fault
	args     []string
	want     []string
	verdict  check.Verdict // if not rejected-syntax
}

const (
	utilmd = "utilmd-55001"
	mscons = "mscons-13017"
	bundle = "mscons-13017-buendel"
)

// faults has every line of the fault table: which fault is reported with which code at which segment and element.
//
// Spec: CONTRL MIG 2.0b; CONTRL AHB 1.0; Allgemeine Festlegungen 6.1
var faults = []fault{
	{name: "UNA shorter than nine characters", base: utilmd, new: "UNA:+.?'", want: []string{"20 UNA s0 2:6 @UNA"}},
	{name: "UNA with two equal characters", base: utilmd, new: "UNA:+.+ '", want: []string{"20 UNA s0 2:4 @UNA"}},
	{name: "UNA with a letter", base: utilmd, new: "UNA:X.? '", want: []string{"20 UNA s0 2:2 @UNA"}},
	{name: "UNA with a digit", base: utilmd, new: "UNA:+.1 '", want: []string{"20 UNA s0 2:4 @UNA"}},
	{name: "byte order mark", base: utilmd, new: "\xEF\xBB\xBF", want: []string{"21 UNB s0 1:0 @\xEF"}},
	{name: "S001 not UNOC", base: utilmd, old: "UNOC", new: "UNOB", want: []string{"2 UNB s0 2:1 @UNOB"}},
	{name: "S001 version not 3", base: utilmd, old: "UNOC:3", new: "UNOC:4", want: []string{"2 UNB s0 2:2 @4+9999"}},
	{name: "sender qualifier unknown", base: utilmd, old: "13:500", new: "13:501", want: []string{"- UNB s0 3:2 @501"}, verdict: check.Unreadable},
	{name: "recipient qualifier missing", base: utilmd, old: "20:500", new: "20", want: []string{"- UNB s0 4:2 @+261102"}, verdict: check.Unreadable},
	{name: "sender missing", base: utilmd, old: "+9999100000013:500", new: "+:500", want: []string{"- UNB s0 3:1 @:500"}, verdict: check.Unreadable},
	{name: "recipient too long", base: utilmd, old: "9999200000020:500", new: strings.Repeat("9", 36) + ":500", want: []string{"- UNB s0 4:1 @" + strings.Repeat("9", 36), "12 NAD s5 3:1 @9999200000020::"}, verdict: check.Unreadable},
	{name: "control reference missing", base: utilmd, old: "+LB261102000101'UNH", new: "'UNH", want: []string{"- UNB s0 6:0 @'UNH"}, verdict: check.Unreadable},
	{name: "control reference too long", base: utilmd, old: "LB261102000101", new: "LB2611020001012", want: []string{"- UNB s0 6:0 @LB261102000101", "28 UNZ s0 3:0 @LB261102000101'|"}, verdict: check.Unreadable},
	{name: "date of creation impossible", base: utilmd, old: "261102:0812", new: "261131:0812", want: []string{"12 UNB s0 5:1 @261131"}},
	{name: "time of creation impossible", base: utilmd, old: "261102:0812", new: "261102:2460", want: []string{"12 UNB s0 5:2 @2460"}},
	{name: "date of creation missing", base: utilmd, old: "261102:0812", new: ":0812", want: []string{"13 UNB s0 5:1 @:0812"}},
	{name: "time of creation missing", base: utilmd, old: "261102:0812", new: "261102", want: []string{"13 UNB s0 5:2 @+LB"}},
	{name: "created in the future", base: utilmd, old: "261102:0812", new: "261202:0812", want: []string{"12 UNB s0 5:0 @261202"}},
	{name: "application reference missing in MSCONS", base: mscons, old: "++VL", new: "", want: []string{"13 UNB s0 8:0 @'UNH"}},
	{name: "application reference unknown", base: mscons, old: "++VL", new: "++LG", want: []string{"12 UNB s0 8:0 @LG"}},
	{name: "test indicator other than 1", base: utilmd, old: "000101'UNH", new: "000101++++++2'UNH", want: []string{"12 UNB s0 12:0 @2'UNH"}},
	{name: "application reference missing and UNH wrong", base: mscons, old: "++VL'UNH+1+MSCONS:D:04B:UN:2.5", new: "'UNH+1+MSCONS:D:04B:UN:9.9", want: []string{"12 UNH s1 3:5 @9.9", "13 UNB s0 8:0 @'UNH"}},
	{name: "first part of a list with a wrong letter", base: utilmd, old: "S2.2'", new: "S2.2+LB261102000101+1:X'", want: []string{"12 UNH s1 5:2 @X'BGM"}},
	{name: "S005 filled", base: utilmd, old: "000101'UNH", new: "000101+X'UNH", want: []string{"12 UNB s0 7:0 @X'UNH"}},
	{name: "0029 filled", base: utilmd, old: "000101'UNH", new: "000101+++A'UNH", want: []string{"12 UNB s0 9:0 @A'UNH"}},
	{name: "0031 filled", base: utilmd, old: "000101'UNH", new: "000101++++1'UNH", want: []string{"12 UNB s0 10:0 @1'UNH"}},
	{name: "0032 filled", base: utilmd, old: "000101'UNH", new: "000101+++++X'UNH", want: []string{"12 UNB s0 11:0 @X'UNH"}},
	{name: "UNB longer than defined", base: utilmd, old: "000101'UNH", new: "000101+++++++X'UNH", want: []string{"16 UNB s0 13:0 @X'UNH"}},
	{name: "routing address in S002", base: utilmd, old: "13:500", new: "13:500:X", want: []string{"16 UNB s0 3:3 @X+9999"}},
	{name: "UNZ missing", base: utilmd, old: "UNZ+1+LB261102000101'", new: "", want: []string{"13 UNZ s0 0:0 @"}},
	{name: "UNZ counts wrongly", base: utilmd, old: "UNZ+1", new: "UNZ+2", want: []string{"29 UNZ s0 2:0 @2+LB261102000101'|"}},
	{name: "UNZ count no number", base: utilmd, old: "UNZ+1", new: "UNZ+X", want: []string{"12 UNZ s0 2:0 @X+LB"}},
	{name: "UNZ reference differs", base: utilmd, old: "UNZ+1+LB261102000101", new: "UNZ+1+LB261102000102", want: []string{"28 UNZ s0 3:0 @LB261102000102"}},
	{name: "UNZ longer than defined", base: utilmd, old: "UNZ+1+LB261102000101", new: "UNZ+1+LB261102000101+X", want: []string{"16 UNZ s0 4:0 @X'"}},
	{name: "unterminated UNZ", base: utilmd, old: "UNZ+1+LB261102000101'", new: "UNZ+1+LB261102000101", want: []string{"13 UNZ s0 0:0 @UNZ"}},
	{name: "data after UNZ", base: utilmd, old: "UNZ+1+LB261102000101'", new: "UNZ+1+LB261102000101'XXX", want: []string{"16 UNZ s0 0:0 @XXX"}},
	{name: "segment outside a message", base: utilmd, old: "UNH+1", new: "XXX+1'UNH+1", want: []string{"16 UNB s0 0:0 @XXX"}},
	{name: "no UNH", base: utilmd, old: "UNH+1+UTILMD:D:11A:UN:S2.2'", new: "", want: []string{"32 UNZ s0 0:0 @UNZ"}},
	{name: "functional group", base: utilmd, old: "UNH+1", new: "UNG+UTILMD'UNH+1", want: []string{"16 UNB s0 0:0 @UNG"}},
	{name: "octet in UNB", base: utilmd, old: "261102:0812", new: "261102:0812\x81", want: []string{"21 UNB s0 5:2 @\x81"}},
	{name: "octet in the sender", base: utilmd, old: "9999100000013:500", new: "99991\x8100013:500", want: []string{"21 UNB s0 3:1 @\x81"}},
	{name: "octet in the recipient's qualifier", base: utilmd, old: "20:500", new: "20:5\x0E00", want: []string{"21 UNB s0 4:2 @\x0E"}},
	{name: "octet in the control reference", base: utilmd, old: "LB261102000101", new: "LB2611\x810101", want: []string{"21 UNB s0 6:0 @\x81"}},
	{name: "octet in the application reference", base: mscons, old: "++VL", new: "++V\x07", want: []string{"21 UNB s0 8:0 @\x07"}},
	{name: "octet in UNZ", base: utilmd, old: "UNZ+1+LB", new: "UNZ+1+L\x0B", want: []string{"21 UNZ s0 3:0 @\x0B"}},
	{name: "octet in the count of UNZ", base: utilmd, old: "UNZ+1", new: "UNZ+1\x0B", want: []string{"21 UNZ s0 2:0 @\x0B"}},
	{name: "S001 empty", base: utilmd, old: "UNOC:3", new: "", want: []string{"13 UNB s0 2:0 @+99991"}},
	{name: "S001 without version", base: utilmd, old: "UNOC:3", new: "UNOC", want: []string{"13 UNB s0 2:2 @+99991"}},
	{name: "UNG and UNE", base: utilmd, old: "UNT+30+1'", new: "UNT+30+1'UNE+1+1'UNG+UTILMD'UNE+0+2'", want: []string{"16 UNB s0 0:0 @UNE"}},
	{name: "count in UNZ too long", base: utilmd, old: "UNZ+1", new: "UNZ+0000001", want: []string{"12 UNZ s0 2:0 @0000001+LB"}},
	{name: "UNZ cut off", base: utilmd, old: "UNZ+1+LB261102000101'", new: "UNZ+1+LB26", want: []string{"13 UNZ s0 0:0 @UNZ"}},
	{name: "UNZ ends in a release character", base: utilmd, old: "UNZ+1+LB261102000101'", new: "UNZ+1+LB261102000101?", want: []string{"13 UNZ s0 0:0 @UNZ"}},
	{name: "terminator of UNZ released", base: utilmd, old: "UNZ+1+LB261102000101'", new: "UNZ+1+LB261102000101?'", want: []string{"13 UNZ s0 0:0 @UNZ"}},
	{name: "octet in a segment before UNH", base: utilmd, old: "UNH+1", new: "X\x81X+1'UNH+1", want: []string{"16 UNB s0 0:0 @X\x81"}},
	{name: "octet in a segment behind UNT", base: utilmd, old: "UNZ+1", new: "XXX+\x81'UNZ+1", want: []string{"16 UNZ s0 0:0 @XXX"}},
	{name: "cut off in a segment behind UNT", base: utilmd, old: "UNZ+1+LB261102000101'", new: "XXX+\x81", want: []string{"13 UNZ s0 0:0 @"}},
	{name: "version unknown", base: utilmd, old: "S2.2", new: "S9.9", want: []string{"12 UNH s1 3:5 @S9.9"}},
	{name: "version expired", base: mscons, old: "2.5'", new: "2.4c'", want: []string{"12 UNH s1 3:5 @2.4c"}},
	{name: "version not yet in force", base: mscons, old: "261106:0807", new: "260930:2159", want: []string{"12 UNH s1 3:5 @2.5'"}},
	{name: "message type unknown", base: utilmd, old: "UTILMD:D", new: "UTILXX:D", want: []string{"- UNH s1 3:1 @UTILXX"}, verdict: check.Unreadable},
	{name: "message type missing", base: utilmd, old: "UTILMD:D", new: ":D", want: []string{"- UNH s1 3:1 @:D"}, verdict: check.Unreadable},
	{name: "message type unknown in the first UNH", base: bundle, old: "UNH+1+MSCONS", new: "UNH+1+MSCONX", want: []string{"- UNH s1 3:1 @MSCONX"}, verdict: check.Unreadable},
	{name: "CONTRL among others", base: bundle, old: "UNH+2+MSCONS", new: "UNH+2+CONTRL", want: []string{"- UNH s1 3:1 @CONTRL"}, verdict: check.Unreadable},
	{name: "directory in S009 wrong", base: utilmd, old: "11A", new: "10A", want: []string{"12 UNH s1 3:3 @10A"}},
	{name: "agency in S009 wrong", base: utilmd, old: ":UN:", new: ":ZZ:", want: []string{"12 UNH s1 3:4 @ZZ"}},
	{name: "0057 missing", base: utilmd, old: ":S2.2", new: "", want: []string{"13 UNH s1 3:5 @'BGM"}},
	{name: "0057 too long", base: utilmd, old: "S2.2", new: "S2.2222", want: []string{"39 UNH s1 3:5 @S2.2222"}},
	{name: "message reference missing", base: utilmd, old: "UNH+1+", new: "UNH++", want: []string{"- UNH s1 2:0 @+UTILMD"}, verdict: check.Unreadable},
	{name: "message reference too long", base: utilmd, old: "UNH+1+", new: "UNH+123456789012345+", want: []string{"- UNH s1 2:0 @123456789012345", "28 UNT s30 3:0 @1'UNZ"}, verdict: check.Unreadable},
	{name: "reference of a list too long", base: utilmd, old: "S2.2'", new: "S2.2+" + strings.Repeat("L", 36) + "+1:C'", want: []string{"39 UNH s1 4:0 @" + strings.Repeat("L", 36)}},
	{name: "UNH longer than defined", base: utilmd, old: "S2.2'", new: "S2.2+++X'", want: []string{"16 UNH s1 6:0 @X'"}},
	{name: "part of a list without reference", base: utilmd, old: "S2.2'", new: "S2.2++1:C'", want: []string{"13 UNH s1 4:0 @+1:C"}},
	{name: "part of a list neither first nor last", base: utilmd, old: "S2.2'", new: "S2.2+LB261102000101+2:X'", want: []string{"12 UNH s1 5:2 @X'BGM"}},
	{name: "octet in UNH", base: utilmd, old: "UNH+1+", new: "UNH+1\x0F+", want: []string{"21 UNH s1 2:0 @\x0F"}},
	{name: "octet in UNT", base: utilmd, old: "UNT+30+1", new: "UNT+30\x0F+1", want: []string{"21 UNT s30 2:0 @\x0F"}},
	{name: "message reference twice", base: bundle, old: "UNT+17+2'UNH+3", new: "UNT+17+2'UNH+2", want: []string{"26 UNH s1 2:0 @2+MSCONS:D:04B:UN:2.5'BGM+7+MSB-2026-000405", "28 UNT s15 3:0 @3'UNZ"}},
	{name: "UNT missing", base: utilmd, old: "UNT+30+1'", new: "", want: []string{"13 UNT s29 0:0 @UNZ"}},
	{name: "UNT counts wrongly", base: utilmd, old: "UNT+30", new: "UNT+31", want: []string{"29 UNT s30 2:0 @31+1'"}},
	{name: "UNT count too long", base: utilmd, old: "UNT+30", new: "UNT+0000030", want: []string{"39 UNT s30 2:0 @0000030+1'"}},
	{name: "UNT count empty", base: utilmd, old: "UNT+30", new: "UNT+", want: []string{"13 UNT s30 2:0 @+1'UNZ"}},
	{name: "UNT reference differs", base: utilmd, old: "UNT+30+1", new: "UNT+30+7", want: []string{"28 UNT s30 3:0 @7'UNZ"}},
	{name: "UNT longer than defined", base: utilmd, old: "UNT+30+1", new: "UNT+30+1+X", want: []string{"16 UNT s30 4:0 @X'UNZ"}},
	{name: "other message type in the second UNH", base: bundle, old: "UNH+2+MSCONS", new: "UNH+2+UTILMD", want: []string{"12 UNH s1 3:1 @UTILMD"}},
	{name: "unknown segment", base: utilmd, old: "STS+7", new: "XYZ+1'STS+7", mend: true, want: []string{"15 XYZ s8 0:0 @XYZ"}},
	{name: "tag in lower case", base: utilmd, old: "STS+7", new: "xyz+1'STS+7", mend: true, want: []string{"15  s8 0:0 @xyz"}},
	{name: "empty segment", base: utilmd, old: "STS+7", new: "'STS+7", want: []string{"15  s8 0:0 @'STS"}},
	{name: "segment at the wrong place", base: utilmd, old: "NAD+MS+9999100000013::293'NAD+MR+9999200000020::293'IDE+24+LFVG0000101'", new: "NAD+MS+9999100000013::293'NAD+MR+9999200000020::293'IDE+24+LFVG0000101'UNS+D'", mend: true, want: []string{"15 UNS s7 0:0 @UNS"}},
	{name: "mandatory segment missing", base: utilmd, old: "DTM+137:202611020812?+00:303'", new: "", mend: true, want: []string{"13 DTM s2 0:0 @|LF-2026-000101"}},
	{name: "mandatory group missing", base: utilmd, old: "NAD+MR+9999200000020::293'", new: "", mend: true, want: []string{"13 NAD s4 0:0 @|9999100000013::293"}},
	{name: "message ends early", base: mscons, old: "UNS+D'NAD+DP'LOC+172+DE00099999999MUSTERBACH0000000001'", new: "UNT+7+1'UNZ+1+MW261106000401'\x00", want: []string{"13 UNS s6 0:0 @|13::293", "13 NAD s6 0:0 @|13::293"}},
	{name: "segment too often", base: utilmd, old: "STS+7", new: "DTM+92:202611042300?+00:303'STS+7", mend: true, want: []string{"35 DTM s8 0:0 @DTM+92:202611042300?+00:303'STS"}},
	{name: "group too often", base: utilmd, old: "IDE+24", new: "NAD+MR+9999200000020::293'IDE+24", mend: true, want: []string{"36 NAD s6 0:0 @NAD+MR+9999200000020::293'IDE"}},
	{name: "group too often with its content", base: mscons, old: "UNT+", new: "LOC+172+DE00099999999MUSTERBACH0000000001'RFF+MG:1EMH0099990001'LIN+1'PIA+5+1-0?:1.8.0:SRW'QTY+220:48211.350'DTM+9:20261105:102'UNT+", mend: true, want: []string{"36 LOC s31 0:0 @LOC+172+DE00099999999MUSTERBACH0000000001'RFF+MG:1EMH0099990001'LIN+1'PIA+5+1-0?:1.8.0:SRW'QTY+220:48211.350'DTM+9:20261105:102'UNT"}},
	{name: "segment missing that the next group has as well", base: utilmd, old: "PIA+5+9991000002082:Z11'CCI+Z66'CAV+ZV4:::11XMUSTERBACH-LM'", new: "CCI+Z66'CAV+ZV4:::11XMUSTERBACH-LM'", mend: true, want: []string{"13 PIA s11 0:0 @|SEQ+Z79+1"}},
	{name: "too many elements", base: utilmd, old: "IDE+24+LFVG0000101", new: "IDE+24+LFVG0000101+X", want: []string{"16 IDE s6 0:0 @X'DTM"}},
	{name: "too many components", base: utilmd, old: "DTM+92:202611042300?+00:303", new: "DTM+92:202611042300?+00:303:X", want: []string{"16 DTM s7 2:4 @X'STS"}},
	{name: "needless release character, strict", base: utilmd, old: "Musterweg", new: "Muster?weg", args: []string{"--strict"}, want: []string{"22 NAD s27 6:1 @?weg"}},
	{name: "release character before a line break", base: utilmd, old: "Musterweg", new: "Musterweg?\n", want: []string{"22 NAD s27 6:1 @?\n"}},
	{name: "file ends in a segment", base: utilmd, old: "STS+7++E03+ZW4'", new: "STS+7++E\x00", want: []string{"13 UNZ s0 0:0 @", "13 UNT s7 0:0 @", "22 STS s8 0:0 @STS"}},
	{name: "mandatory element missing", base: utilmd, old: "IDE+24+LFVG0000101", new: "IDE+24", want: []string{"13 IDE s6 3:1 @'DTM+92"}},
	{name: "mandatory component missing", base: utilmd, old: "DTM+92:202611042300?+00:303", new: "DTM+92:202611042300?+00", want: []string{"13 DTM s7 2:3 @'STS"}},
	{name: "qualifier not in the value set", base: utilmd, old: "DTM+92", new: "DTM+999", want: []string{"12 DTM s7 2:1 @999:"}},
	{name: "qualifier of a reference not in the value set", base: mscons, old: "RFF+MG", new: "RFF+QQ9", want: []string{"12 RFF s10 2:1 @QQ9"}},
	{name: "code not in the value set", base: utilmd, old: "STS+7++E03", new: "STS+7++XXX", want: []string{"12 STS s8 4:1 @XXX"}},
	{name: "document code not in the value set", base: utilmd, old: "BGM+E01", new: "BGM+X01", want: []string{"12 BGM s2 2:1 @X01"}},
	{name: "date impossible", base: utilmd, old: "DTM+92:202611042300", new: "DTM+92:202611312300", want: []string{"12 DTM s7 2:2 @202611312300"}},
	{name: "Prüfidentifikator unknown", base: utilmd, old: "Z13:55001", new: "Z13:55999", want: []string{"12 RFF s10 2:2 @55999"}},
	{name: "Prüfidentifikator missing", base: utilmd, old: "RFF+Z13:55001'", new: "", mend: true, want: []string{"13 RFF s9 0:0 @|90000000019"}},
	{name: "Prüfidentifikator missing in MSCONS", base: mscons, old: "RFF+Z13:13017'", new: "", mend: true, want: []string{"13 RFF s3 0:0 @|+00:303"}},
	{name: "unused element filled", base: utilmd, old: "NAD+MS+9999100000013::293", new: "NAD+MS+9999100000013:X:293", want: []string{"12 NAD s4 3:2 @X:293"}},
	{name: "wrong decimal mark", base: mscons, old: "48211.350", new: "48211,350", want: []string{"19 QTY s13 2:2 @48211,350"}},
	{name: "no digit before the decimal mark", base: mscons, old: "48211.350", new: ".350", want: []string{"38 QTY s13 2:2 @.350"}},
	{name: "no digit behind the decimal mark", base: mscons, old: "48211.350", new: "48211.", want: []string{"12 QTY s13 2:2 @48211."}},
	{name: "letter in a number", base: mscons, old: "48211.350", new: "48Z11.350", want: []string{"37 QTY s13 2:2 @48Z11.350"}},
	{name: "exponent", base: mscons, old: "48211.350", new: "48E3", want: []string{"37 QTY s13 2:2 @48E3"}},
	{name: "value too long", base: utilmd, old: "LF-2026-000101", new: strings.Repeat("L", 36), want: []string{"39 BGM s2 3:1 @" + strings.Repeat("L", 36)}},
	{name: "value too short", base: utilmd, old: "LOC+Z16+90000000019", new: "LOC+Z16+9000000001", want: []string{"40 LOC s9 3:1 @9000000001'"}},
	{name: "octet in an element", base: utilmd, old: "Musterweg", new: "Muster\x7Fweg", want: []string{"21 NAD s27 6:1 @\x7F"}},
	{name: "octet in a number", base: mscons, old: "48211.350", new: "48211\x07350", want: []string{"21 QTY s13 2:2 @\x07"}},
	{name: "octet in a simple element", base: utilmd, old: "IDE+24", new: "IDE+2\x814", want: []string{"21 IDE s6 2:0 @\x81"}},
	{name: "Prüfidentifikator empty", base: utilmd, old: "Z13:55001", new: "Z13", want: []string{"13 RFF s10 2:2 @'SEQ"}},
	{name: "line break in an element", base: utilmd, old: "Musterweg", new: "Muster\r\nweg", want: []string{"21 NAD s27 6:1 @\r\n"}},
	{name: "UNB and NAD differ", base: utilmd, old: "NAD+MS+9999100000013", new: "NAD+MS+9999400000044", want: []string{"12 NAD s4 3:1 @9999400000044"}},
}

// apply makes the faulty file.
func (f *fault) apply(t *testing.T) []byte {
	t.Helper()
	data, err := fixtures.Read("valid/" + f.base + ".edi")
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	if !strings.Contains(text, f.old) {
		t.Fatalf("%s does not contain %q", f.base, f.old)
	}
	text = strings.Replace(text, f.old, f.new, 1)
	if strings.Contains(f.new, "\x00") {
		text = text[:strings.Index(text, "\x00")] // cut the file there
	}
	if f.mend {
		text = mendCounts(text)
	}
	return []byte(text)
}

var unt = regexp.MustCompile(`UNT\+\d+\+`)

// mendCounts corrects the number of segments of a file with one message.
func mendCounts(text string) string {
	body := text[strings.Index(text, "UNH+"):strings.Index(text, "UNZ+")]
	return unt.ReplaceAllString(text, "UNT+"+strconv.Itoa(strings.Count(body, "'"))+"+")
}

// judge runs "marktbote check --format json" and returns the result with all findings.
func judge(t *testing.T, in []byte, args ...string) (check.Result, []formats.Finding) {
	t.Helper()
	var out, errs bytes.Buffer
	args = append([]string{"check", "--format", "json", "--at", faultsAt}, append(args, "-")...)
	code := run(env{context.Background(), bytes.NewReader(in), &out, &errs}, args)
	var r check.Result
	if err := json.Unmarshal(out.Bytes(), &r); err != nil {
		t.Fatalf("%v\n%s%s", err, out.String(), errs.String())
	}
	if want := map[bool]int{true: exitOK, false: exitRejected}[r.Verdict == check.Accepted]; code != want {
		t.Errorf("exit code %d with verdict %s", code, r.Verdict)
	}
	list := r.Findings
	for _, m := range r.Messages {
		list = append(list, m.Findings...)
		for _, tr := range m.Transactions {
			list = append(list, tr.Findings...)
		}
	}
	return r, list
}

// describe renders what a fault wants to know of a finding, with the place as number.
func describe(f formats.Finding) string {
	code := "-"
	if f.Wire != nil {
		code = f.Wire.Code
	}
	return fmt.Sprintf("%s %s s%d %d:%d @%d", code, f.Segment, f.SegmentNumber, f.Element, f.Component, f.Offset)
}

// locate replaces the text of a place by its offset.
func locate(t *testing.T, in []byte, want string) string {
	t.Helper()
	at := strings.Index(want, "@")
	text := want[at+1:]
	offset := 0
	switch {
	case text == "":
		offset = len(in)
	case strings.HasPrefix(text, "|"):
		offset = bytes.Index(in, []byte(text[1:])) + len(text) - 1
	case strings.HasSuffix(text, "|"):
		offset = bytes.LastIndex(in, []byte(text[:len(text)-1]))
	default:
		offset = bytes.Index(in, []byte(text))
	}
	if offset < 0 {
		t.Fatalf("%q does not occur", text)
	}
	return want[:at+1] + strconv.Itoa(offset)
}

// TestFaultTable checks one file for every line of the fault table.
func TestFaultTable(t *testing.T) {
	if len(faults) < 45 {
		t.Errorf("%d faults", len(faults))
	}
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			in := f.apply(t)
			r, list := judge(t, in, f.args...)
			var got, want []string
			for _, x := range list {
				got = append(got, describe(x))
				if x.Wire != nil && x.Wire.Kind != "CONTRL" || x.Text == "" || strings.ContainsAny(x.Text, "{}") {
					t.Errorf("finding %+v", x)
				}
			}
			for _, w := range f.want {
				want = append(want, locate(t, in, w))
			}
			slices.Sort(got)
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s\n%+v", diff, list)
			}
			verdict := f.verdict
			if verdict == "" {
				verdict = check.RejectedSyntax
			}
			if r.Verdict != verdict {
				t.Errorf("verdict %s, want %s", r.Verdict, verdict)
			}
		})
	}
}

// TestFaultsOfTheGateway has the lines of the fault table that only a configured gateway can judge.
func TestFaultsOfTheGateway(t *testing.T) {
	dir := t.TempDir()
	in, err := fixtures.Read("valid/" + utilmd + ".edi")
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const own, partner = "own: [{mp_id: '9999200000020', rolle: NB}]\n", "partners: [{mp_id: '9999100000013', rolle: LF}]\n"
	tests := []struct{ name, config, in, want string }{
		{"accepted", own + partner, string(in), ""},
		{"receiver not ours", "own: [{mp_id: '9999400000044', rolle: LF}]\n" + partner, string(in), "7 UNB s0 4:1 @9999200000020"},
		{"sender unknown", own + "partners: [{mp_id: '9999400000044', rolle: LF}]\n", string(in), "23 UNB s0 3:1 @9999100000013"},
		{"test not supported", own + partner, strings.Replace(string(in), "000101'UNH", "000101++++++1'UNH", 1), "25 UNB s0 12:0 @1'UNH"},
		{"test supported", "accept_tests: true\n" + own + partner, strings.Replace(string(in), "000101'UNH", "000101++++++1'UNH", 1), ""},
	}
	for i, tt := range tests {
		config := write(fmt.Sprintf("%d.yml", i), "data_dir: store-that-is-not-there\n"+tt.config)
		_, list := judge(t, []byte(tt.in), "--config", config)
		got, want := "", ""
		for _, x := range list {
			got += describe(x)
		}
		if tt.want != "" {
			want = locate(t, []byte(tt.in), tt.want)
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", tt.name, got, want)
		}
	}

	// A duplicate is known from the store.
	config := write("duplicate.yml", "data_dir: data\n"+own+partner)
	st, err := sqlite.Open(t.Context(), filepath.Join(dir, "data", "marktbote.db"))
	if err != nil {
		t.Fatal(err)
	}
	payload, err := st.PutPayload(t.Context(), bytes.NewReader(in))
	if err != nil {
		t.Fatal(err)
	}
	err = st.Update(t.Context(), func(tx store.Tx) error {
		_, err := tx.InsertInterchange(store.Interchange{
			Direction: store.In, PayloadDigest: payload.Digest, ReceivedAt: time.Now(), State: store.StateReceived,
			Sender: "9999100000013", ControlRef: "LB261102000101",
		})
		return err
	})
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	_, list := judge(t, in, "--config", config)
	if len(list) != 1 || describe(list[0]) != locate(t, in, "26 UNB s0 6:0 @LB261102000101") {
		t.Errorf("duplicate: %+v", list)
	}
}
