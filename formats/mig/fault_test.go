package mig_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/marktbote/marktbote/formats"
)

// A fault is made in a correct message by replacing the first occurrence of a text; it must give exactly one
// finding. at is what the finding points to; for something missing it is the text directly before the place, with
// a vertical bar at its end.
var faults = []struct {
	name               string
	file               string
	replace, with      string
	code               formats.Code
	wire               string
	segment            int
	element, component int
	at                 string
}{
	{"unknown tag", "13025", "UNS+D'", "XYZ+1'UNS+D'", "E2001", "15", 7, 0, 0, "XYZ+1"},
	{"misspelt mandatory segment", "13025", "BGM+", "BGX+", "E2001", "15", 2, 0, 0, "BGX+Z48+LG-2026-11-02-17+9"},
	{"misspelt first group trigger", "13025", "LIN+1", "LIX+1", "E2001", "15", 12, 0, 0, "LIX+1"},
	{"misspelt later group trigger", "13025", "LIN+2", "LIX+2", "E2001", "15", 28, 0, 0, "LIX+2"},
	{"misspelt location", "13025", "LOC+172", "LOX+172", "E2001", "15", 9, 0, 0, "LOX+172+51238696781"},
	{"misspelt quantity", "13025", "QTY+220:16.5", "QTX+220:16.5", "E2001", "15", 17, 0, 0, "QTX+220:16.5"},
	{"misspelt transaction", "55001", "IDE+24+VG-2026-0815-2", "IDX+24+VG-2026-0815-2", "E2001", "15", 27, 0, 0, "IDX+24+VG-2026-0815-2"},
	{"misspelt SEQ", "55001", "SEQ+ZH0", "SEX+ZH0", "E2001", "15", 15, 0, 0, "SEX+ZH0+1"},
	{"misspelt CCI", "55001", "CCI+Z66", "CCX+Z66", "E2001", "15", 13, 0, 0, "CCX+Z66"},

	{"segments exchanged", "13025", "BGM+Z48+LG-2026-11-02-17+9'DTM+137:202611030830?+00:303'",
		"DTM+137:202611030830?+00:303'BGM+Z48+LG-2026-11-02-17+9'", "E2002", "15", 2, 0, 0, "DTM+137:202611030830?+00:303"},
	{"segment too early", "13025", "NAD+MR", "UNS+D'NAD+MR", "E2002", "15", 6, 0, 0, "UNS+D"},
	{"segment much too early", "13025", "DTM+137", "UNS+D'DTM+137", "E2002", "15", 3, 0, 0, "UNS+D"},
	{"segment too late", "13025", "QTY+67", "DTM+492:202611:610'QTY+67", "E2002", "15", 20, 0, 0, "DTM+492:202611:610"},
	{"group too late", "55001", "NAD+Z04", "SEQ+Z79+1'PIA+5+9991000002082:Z11'CCI+Z66'NAD+Z04", "E2002", "15", 23, 0, 0, "SEQ+Z79+1"},
	{"reference behind location", "55001", "SEQ+Z79+1'", "SEQ+Z79+1'LOC+Z16+51238696781'", "E2002", "15", 12, 0, 0, "LOC+Z16+51238696781"},

	{"first segment missing", "13025", "BGM+Z48+LG-2026-11-02-17+9'", "", "E2003", "13", 1, 0, 0, "UN:2.5|"},
	{"segment missing", "13025", "DTM+137:202611030830?+00:303'", "", "E2003", "13", 2, 0, 0, "-17+9|"},
	{"segment missing before a group", "13025", "UNS+D'", "", "E2003", "13", 6, 0, 0, "9900987600009::293|"},
	{"segment missing in a group", "13025", "PIA+5+1-1?:1.29.0:SRW'", "", "E2003", "13", 12, 0, 0, "LIN+1|"},
	{"first segment of a group missing", "13025", "LIN+1'", "", "E2003", "13", 11, 0, 0, "202611020000?+00:303|"},
	{"first segment of a later group missing", "13025", "QTY+220:16.5'", "", "E2003", "13", 16, 0, 0, "202611012315?+00:303|"},
	{"transaction without its first segment", "55001", "IDE+24+VG-2026-0815-2'", "", "E2003", "13", 26, 0, 0, ":EM|"},
	{"group missing", "13025", "RFF+Z13:13025'", "", "E2004", "13", 3, 0, 0, "0830?+00:303|"},
	{"one of two groups missing", "13025", "NAD+MR+9900987600009::293'", "", "E2004", "13", 5, 0, 0, "NAD+MS+9900123400007::293|"},
	{"group missing at the end of a group", "13017", "QTY+67:1204.7'DTM+7:202610312300?+00:303'STS+Z32++Z92'STS+Z40++Z74'", "",
		"E2004", "13", 12, 0, 0, ":SRW|"},

	{"segment too often", "13025", "DTM+137:202611030830?+00:303'", "DTM+137:202611030830?+00:303'DTM+137:202611030831?+00:303'",
		"E2005", "35", 4, 0, 0, "DTM+137:202611030831?+00:303"},
	{"segment too often in a group", "13025", "DTM+164:202611012315", "DTM+163:202611012315", "E2005", "35", 16, 0, 0, "DTM+163:202611012315?+00:303"},
	{"group too often", "13025", "NAD+MR", "NAD+MS+9900123400007::293'NAD+MR", "E2006", "36", 6, 0, 0, "NAD+MS+9900123400007::293"},
	{"group too often with its content", "13025", "UNT+33", "LOC+172+51238696781'DTM+163:202611012300?+00:303'DTM+164:202611020000?+00:303'" +
		"LIN+3'PIA+5+1-1?:2.29.0:SRW'QTY+220:0.125'DTM+163:202611012300?+00:303'DTM+164:202611012315?+00:303'UNT+41",
		"E2006", "36", 33, 0, 0, "LOC+172+51238696781"},
	{"group too often for another object", "13025", "UNT+33", "LOC+172+41373559241'DTM+163:202611012300?+00:303'DTM+164:202611020000?+00:303'" +
		"LIN+1'PIA+5+1-1?:1.29.0:SRW'QTY+220:0.125'DTM+163:202611012300?+00:303'DTM+164:202611012315?+00:303'UNT+41",
		"E2006", "36", 33, 0, 0, "LOC+172+41373559241"},
	{"group too often deep inside", "55035", "CAV+E04'", "CAV+E04'CCI+++E03'CAV+E04'", "E2006", "36", 27, 0, 0, "CCI+++E03"},
	{"group too often at the end of a group", "55035", "CAV+AMR'", "CAV+AMR'CCI+++E12'CAV+AMR'", "E2006", "36", 54, 0, 0, "CCI+++E12"},

	{"segment missing, and the next party has one", "31005", "RFF+VA:DE123456789'", "", "E2004", "13", 9, 0, 0, ":::::Z02++Musterbach++24999+DE|"},
	{"segment missing, and the next group has one", "44147", "CAV+Z30:::69269912068'", "", "E2003", "13", 13, 0, 0, "CCI+++E13|"},
	{"segment missing, and other groups have one", "55035", "RFF+Z33:1111111111111'", "", "E2003", "13", 16, 0, 0, "RFF+Z18:73590211528|"},
	{"segment missing at the end of the groups", "55035", "CAV+AMR'", "", "E2003", "13", 52, 0, 0, "CCI+++E12|"},

	{"too many elements", "13025", "-17+9'", "-17+9++X'", "E2007", "16", 2, 0, 0, "X"},
	{"too many components", "13025", "DTM+137:202611030830?+00:303'", "DTM+137:202611030830?+00:303::X'", "E2008", "16", 3, 2, 5, "X"},
	{"simple element with components", "13025", "-17+9'", "-17+9:1'", "E2008", "16", 2, 4, 2, "1"},

	{"element missing", "13025", "-17+9'", "-17'", "E2009", "13", 2, 4, 0, "-17|"},
	{"composite missing", "13025", "+LG-2026-11-02-17+", "++", "E2010", "13", 2, 3, 1, "Z48+|"},
	{"component missing", "13025", "NAD+MS+9900123400007::293", "NAD+MS+9900123400007", "E2010", "13", 5, 3, 3, "NAD+MS+9900123400007|"},
	{"component of spaces", "13025", "QTY+220:16.5", "QTY+220:  ", "E2010", "13", 17, 2, 2, "  "},
	{"qualifier missing", "13025", "DTM+137:", "DTM+:", "E2010", "13", 3, 2, 1, ""},
	{"optional composite opened", "55001", "SEQ+ZH0+1", "SEQ+ZH0+ :", "", "", 0, 0, 0, ""},

	{"unused component filled", "13025", "NAD+MS+9900123400007::293", "NAD+MS+9900123400007:X:293", "E2011", "12", 5, 3, 2, "X"},
	{"unused composite filled", "55001", "STS+7++E01", "STS+7+A:B+E01", "E2011", "12", 8, 3, 0, "A:B"},

	{"unused simple element filled", "55001", "STS+7++E01+ZW4'", "STS+7++E01+ZW4'FTX+ACB+1++Bitte anrufen'", "E2011", "12", 9, 3, 0, "1"},

	{"longest text", "13025", "LG-2026-11-02-17", "LG-2026-11-02-17-890123456789?+12345", "", "", 0, 0, 0, ""},
	{"text one too long", "13025", "LG-2026-11-02-17", "LG-2026-11-02-17-890123456789012345?+7", "E2012", "39", 2, 3, 1, "LG-2026-11-02-17-890123456789012345?+7"},
	{"number too long", "13025", "QTY+220:16.5", "QTY+220:-123456789012345678901234567890123.456", "E2012", "39", 17, 2, 2, "-123456789012345678901234567890123.456"},
	{"code too long", "13025", "QTY+220:16.5", "QTY+2200:16.5", "E2012", "39", 17, 2, 1, "2200"},
	{"too short", "13025", "RFF+Z13:13025", "RFF+Z13:1302", "E2013", "40", 4, 2, 2, "1302"},
	{"letter in a number", "13025", "QTY+220:16.5", "QTY+220:16O5", "E2014", "37", 17, 2, 2, "16O5"},
	{"exponent", "13025", "QTY+220:16.5", "QTY+220:16E5", "E2014", "37", 17, 2, 2, "16E5"},
	{"plus sign", "13025", "QTY+220:16.5", "QTY+220:?+16.5", "E2014", "37", 17, 2, 2, "?+16.5"},
	{"digit in letters", "13025", "UNS+D", "UNS+1", "E2014", "37", 7, 2, 0, "1"},
	{"comma under default service characters", "13025", "QTY+220:16.5", "QTY+220:16,5", "E2015", "19", 17, 2, 2, "16,5"},
	{"no digit before the mark", "13025", "QTY+220:16.5", "QTY+220:-.5", "E2016", "38", 17, 2, 2, "-.5"},
	{"no digit behind the mark", "13025", "QTY+220:16.5", "QTY+220:16.", "E2017", "12", 17, 2, 2, "16."},

	{"code not in the list", "13025", "QTY+220:16.5", "QTY+220:16.5:XYZ", "E2018", "12", 17, 2, 3, "XYZ"},
	{"unknown Pruefidentifikator", "13025", "RFF+Z13:13025", "RFF+Z13:13999", "E2018", "12", 4, 2, 2, "13999"},
	{"second qualifier wrong", "55001", "CCI+Z61++ZG0", "CCI+Z61++ZQ0", "E2018", "12", 21, 4, 1, "ZQ0"},
	{"lower case code", "13025", "UNS+D", "UNS+d", "E2019", "12", 7, 2, 0, "d"},

	{"qualifier of a date", "13025", "DTM+137", "DTM+999", "E2019", "12", 3, 2, 1, "999"},
	{"qualifier of a date in a group", "13025", "DTM+164:202611012315", "DTM+999:202611012315", "E2019", "12", 16, 2, 1, "999"},
	{"qualifier of a quantity", "13025", "QTY+220:16.5", "QTY+999:16.5", "E2019", "12", 17, 2, 1, "999"},
	{"qualifier of the Pruefidentifikator", "13025", "RFF+Z13", "RFF+Q13", "E2019", "12", 4, 2, 1, "Q13"},
	{"qualifier of a party", "13025", "NAD+MR", "NAD+XX", "E2019", "12", 6, 2, 0, "XX"},
	{"qualifier of a party, legal elsewhere behind", "13025", "NAD+MR", "NAD+DP", "E2019", "12", 6, 2, 0, "DP"},
	{"qualifier of a party, legal elsewhere before", "13025", "NAD+DP", "NAD+MS", "E2019", "12", 8, 2, 0, "MS"},
	{"qualifier of a location", "13025", "LOC+172", "LOC+999", "E2019", "12", 9, 2, 0, "999"},
	{"qualifier of a product", "13025", "PIA+5+1-1?:2", "PIA+9+1-1?:2", "E2019", "12", 29, 2, 0, "9"},
	{"qualifier of a transaction", "55001", "IDE+24", "IDE+42", "E2019", "12", 6, 2, 0, "42"},
	{"qualifier of a sequence", "55001", "SEQ+Z79", "SEQ+Q79", "E2019", "12", 11, 2, 0, "Q79"},
	{"qualifier of a characteristic", "55001", "CCI+++Z15", "CCI+++Q15", "E2019", "12", 19, 4, 1, "Q15"},
	{"qualifier of a characteristic with content", "55001", "CCI+Z66", "CCI+Q66", "E2019", "12", 13, 2, 0, "Q66"},
	{"qualifier of a characteristic value", "55001", "CAV+ZH9", "CAV+QH9", "E2019", "12", 14, 2, 1, "QH9"},
	{"qualifier of a status", "55001", "STS+7", "STS+8", "E2019", "12", 8, 2, 1, "8"},
	{"qualifier of an amount behind all others", "33001", "MOA+12:1.55'DTM", "MOA+QQ9:1.55'DTM", "E2019", "12", 10, 2, 1, "QQ9"},
	{"qualifier of a date in the last place", "33001", "DTM+137:202611020812?+00:303'UNS", "DTM+QQ9:202611020812?+00:303'UNS", "E2019", "12", 11, 2, 1, "QQ9"},
	{"qualifier of a reference among others", "55035", "RFF+Z33", "RFF+QQ9", "E2019", "12", 17, 2, 1, "QQ9"},
	{"qualifier that one of the siblings wants as a number", "55035", "CCI+11++ZF6", "CCI+QQ9++ZF6", "E2019", "12", 46, 2, 0, "QQ9"},
	{"qualifier right and the other code wrong", "44147", "CCI+11++Z33", "CCI+11++QQ9", "E2018", "12", 19, 4, 1, "QQ9"},
	{"qualifier before a value without codes", "55001", "CCI+++Z15'", "CCI+++Z15'CCI+QQ9++XXXX'", "E2019", "12", 20, 2, 0, "QQ9"},
	{"qualifier before a value that could be a code", "55001", "CCI+++Z15'", "CCI+++Z15'CCI+QQ9++XXX'", "E2019", "12", 20, 2, 0, "QQ9"},
	{"qualifier where the group has to be found by the value", "55223", "CCI+Z20", "CCI+QQ9", "E2019", "12", 19, 2, 0, "QQ9"},
	{"qualifier that one of the siblings wants as a number of two digits", "S2.1", "CCI+Z53++LK1", "CCI+QQ9++ZF6", "E2019", "12", 18, 2, 0, "QQ9"},
	{"qualifier and a value that no sibling's code is like", "55035", "CCI+Z99++X:X:293", "CCI+QQ9++XXXX:X:293", "E2019", "12", 58, 2, 0, "QQ9"},
	{"value of a characteristic", "55035", "CAV+E04", "CAV+QQ9", "E2019", "12", 26, 2, 1, "QQ9"},

	{"impossible month", "13025", "DTM+137:202611030830", "DTM+137:202613030830", "E2020", "12", 3, 2, 2, "202613030830?+00"},
	{"impossible day", "13017", "DTM+9:20261101", "DTM+9:20261131", "E2020", "12", 15, 2, 2, "20261131"},
	{"date of the wrong length", "13017", "DTM+9:20261101", "DTM+9:2026111", "E2020", "12", 15, 2, 2, "2026111"},
	{"format of a date", "13017", "DTM+9:20261101:102", "DTM+9:20261101:610", "E2018", "12", 15, 2, 3, "610"},

	{"trailing separators", "13025", "NAD+MS+9900123400007::293'", "NAD+MS+9900123400007::293:++:'", "", "", 0, 0, 0, ""},
	{"spaces at the ends of codes", "13025", "NAD+MS+9900123400007::293", "NAD+ MS +9900123400007 :: 293 ", "", "", 0, 0, 0, ""},
	{"spaces at the ends of a date", "13025", "DTM+137:202611030830?+00:303'", "DTM+137 : 202611030830?+00 :303 '", "", "", 0, 0, 0, ""},
	{"spaces at the ends of a wrong date", "13025", "DTM+137:202611030830?+00:303'", "DTM+137:202613030830?+00: 303'", "E2020", "12", 3, 2, 2, "202613030830?+00"},
	{"spaces at the ends of a number", "13025", "QTY+220:16.5", "QTY+220: 16.5 ", "", "", 0, 0, 0, ""},
	{"spaces at the ends of a text", "13025", "LG-2026-11-02-17", "  LG-2026-11-02-17-890123456789012345 ", "", "", 0, 0, 0, ""},
	{"negative number", "13025", "QTY+220:16.5", "QTY+220:-12345678901234567890123456789012.345", "", "", 0, 0, 0, ""},
	{"leap second", "13025", "DTM+137:202611030830", "DTM+137:202602282359", "", "", 0, 0, 0, ""},
}

var faultFiles = map[string]string{
	"13025": "FV2610/13025_lastgang.edi",
	"13017": "FV2610/13017_zaehlerstand.edi",
	"55001": "FV2610/55001_einzug.edi",
	"31005": "FV2610/31005_rechnung.edi",
	"33001": "FV2610/33001_zahlungsavis.edi",
	"44147": "FV2610/44147_gas.edi",
	"55035": "FV2610/55035_netzlokation.edi",
	"55223": "FV2610/55223_summenzeitreihe.edi",
	"S2.1":  "FV2604/55035_leistungskurve.edi",
}

func TestOneFaultOneFinding(t *testing.T) {
	t.Parallel()
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			data := read(t, faultFiles[f.file])
			if !bytes.Contains(data, []byte(f.replace)) {
				t.Fatalf("%q is not in the message", f.replace)
			}
			data = bytes.Replace(data, []byte(f.replace), []byte(f.with), 1)
			got := check(t, data)
			if f.code == "" && len(got) == 0 {
				return
			}
			if len(got) != 1 {
				for _, g := range got {
					t.Logf("%s at segment %d %s, %d:%d: %s", g.Code, g.SegmentNumber, g.Path, g.Element, g.Component, g.Text)
				}
				t.Fatalf("%d findings", len(got))
			}
			g := got[0]
			if g.Code != f.code || g.Wire == nil || g.Wire.Kind != "CONTRL" || g.Wire.Code != f.wire ||
				g.SegmentNumber != f.segment || g.Element != f.element || g.Component != f.component {
				t.Errorf("got %s %+v at segment %d, %d:%d: %s\nwant %s %s at segment %d, %d:%d", g.Code, g.Wire, g.SegmentNumber,
					g.Element, g.Component, g.Text, f.code, f.wire, f.segment, f.element, f.component)
			}
			if before, gap := strings.CutSuffix(f.at, "|"); gap {
				if !bytes.HasSuffix(data[:g.Offset], []byte(before)) || g.Length != 0 {
					t.Errorf("offset %d, length %d is behind %q, want %q", g.Offset, g.Length, data[max(0, g.Offset-20):g.Offset], before)
				}
			} else if at := string(data[g.Offset : g.Offset+int64(g.Length)]); at != f.at {
				t.Errorf("points to %q, want %q", at, f.at)
			}
			if strings.ContainsAny(g.Text, "{}") || strings.Contains(g.Text, "„“") || strings.HasSuffix(g.Text, ": .") {
				t.Errorf("text is not complete: %s", g.Text)
			}
		})
	}
}
