package ahb_test

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/ahb"
	"github.com/marktbote/marktbote/formats/event"
	"github.com/marktbote/marktbote/formats/mig"
	"github.com/marktbote/marktbote/formats/rules"
)

// NOTE: Tests of single rules have a pack of their own, with the structure below and the rows that the test is about: what
// a column does not have is not looked at. A message is written as its segments between UNH and UNT.

// miniStructure is a message with a transaction per SG4 (IDE) or, of type IFTSTA, per SG15 (STS) in SG14 (CNI).
const miniStructure = `marktbote-pack 1
name TYPE
type TYPE
version 1.0
directory D:04B:UN
format-version FV2610
document TYPE MIG 1.0
date 2026-01-01
fidelity xml
hash sha256:0
segment UNH 00001 0010 0 M/M 1/1 Kopf
 simple 0062 M/M an..14 Referenz
 composite S009 M/M Kennung
  part 0065 M/M an..6 Typ
  part 0052 M/M an..3 Version
  part 0054 M/M an..3 Freigabe
  part 0051 M/M an..2 Organisation
  part 0057 M/M an..6 Anwendungscode
segment BGM 00002 0020 0 C/D 1/1 Beginn
 simple 1001 C/D an..3 Dokument
  codes A B C D
 simple 1004 C/D an..35 Nummer
segment DTM 00003 0030 1 C/D 9/9 Datum
 composite C507 M/M Zeit
  part 2005 M/M an..3 Funktion
   codes 137
  part 2380 C/D an..35 Wert
  part 2379 C/D an..3 Format
segment FTX 00004 0040 1 C/D 9/9 Text
 simple 4451 M/M an..3 Thema
  codes AAA
 composite C108 C/D Text
  part 4440 C/D an..512 Text
group SG2 0050 1 C/D 9/9 Absender
 segment NAD 00010 0060 1 M/M 1/1 Absender
  simple 3035 M/M an..3 Rolle
   codes MS
  composite C082 C/D Partner
   part 3039 C/D an..35 MP-ID
   part 1131 C/D an..17 Liste
   part 3055 C/D an..3 Stelle
group SG2 0050 1 C/D 9/9 Empfaenger
 segment NAD 00011 0060 1 M/M 1/1 Empfaenger
  simple 3035 M/M an..3 Rolle
   codes MR
  composite C082 C/D Partner
   part 3039 C/D an..35 MP-ID
   part 1131 C/D an..17 Liste
   part 3055 C/D an..3 Stelle
group SG4 0100 1 C/D 999/999 Vorgang
 segment IDE 00020 0110 1 M/M 1/1 Vorgang
  simple 7495 M/M an..3 Objekt
   codes 24
  composite C206 C/D Nummer
   part 7402 C/D an..35 Nummer
 segment DTM 00021 0120 2 C/D 9/9 Beginn zum
  composite C507 M/M Zeit
   part 2005 M/M an..3 Funktion
    codes 92
   part 2380 C/D an..35 Wert
   part 2379 C/D an..3 Format
 segment DTM 00022 0120 2 C/D 9/9 Ende zum
  composite C507 M/M Zeit
   part 2005 M/M an..3 Funktion
    codes 93
   part 2380 C/D an..35 Wert
   part 2379 C/D an..3 Format
 segment FTX 00023 0140 2 C/D 99/99 Bemerkung
  simple 4451 M/M an..3 Thema
   codes ACB
  composite C108 C/D Text
   part 4440 C/D an..512 Text
 group SG6 0150 2 C/D 99/99 Verweis
  segment RFF 00030 0160 2 M/M 1/1 Verweis
   composite C506 M/M Referenz
    part 1153 M/M an..3 Qualifier
     codes Z13 Z49
    part 1154 C/D an..70 Nummer
 group SG8 0170 2 C/D 9999/9999 Daten der Marktlokation
  segment SEQ 00040 0180 2 M/M 1/1 Daten der Marktlokation
   simple 1229 M/M an..3 Handlung
    codes Z01
   composite C286 C/D Folge
    part 1050 C/D an..10 Folgenummer
  segment RFF 00041 0190 3 C/D 9/9 Marktlokation
   composite C506 M/M Referenz
    part 1153 M/M an..3 Qualifier
     codes Z18
    part 1154 C/D an..70 Nummer
  group SG10 0200 3 C/D 99/99 Merkmal
   segment CCI 00050 0210 3 M/M 1/1 Merkmal
    simple 7059 M/M an..3 Klasse
     codes 11 22
   segment CAV 00051 0220 4 C/D 9/9 Wert
    simple 7111 C/D an..3 Wert
     codes A1 A2 A3
  group SG10 0200 3 C/D 99/1 Rang
   segment CCI 00052 0210 3 M/M 1/1 Rang
    simple 7059 M/M an..3 Klasse
     codes 33 44
 group SG8 0170 2 C/D 9999/9999 Daten der Messlokation
  segment SEQ 00060 0180 2 M/M 1/1 Daten der Messlokation
   simple 1229 M/M an..3 Handlung
    codes Z02
   composite C286 C/D Folge
    part 1050 C/D an..10 Folgenummer
group SG14 0400 1 C/D 99/99 Sendung
 segment CNI 00070 0410 1 M/M 1/1 Sendung
  simple 1490 M/M an..6 Nummer
 group SG15 0420 2 C/D 99/99 Status
  segment STS 00071 0430 2 M/M 1/1 Status
   simple 9015 M/M an..3 Kategorie
    codes Z01 Z02
  segment RFF 00072 0440 3 C/D 9/9 Verweis
   composite C506 M/M Referenz
    part 1153 M/M an..3 Qualifier
     codes Z13 TN
    part 1154 C/D an..70 Nummer
segment UNT 00099 0900 0 M/M 1/1 Ende
 simple 0074 M/M n..6 Anzahl
 simple 0062 M/M an..14 Referenz
`

// mini is a pack of one column.
type mini struct {
	kind       string   // message type, TEST if empty
	rules      []string // conditions and packages: "condition 1 if true", "package 1P [1]"
	directions string   // "LF>NB", - if empty
	rows       []string // of the column; a condition there is another meaning of it in this column
}

// pid is the Pruefidentifikator of the column of a mini pack; other is one with the same rows but no other meanings.
const pid, other = "99001", "99002"

var hashLine = regexp.MustCompile(`(?m)^hash sha256:.*$`)

// pack parses the text of the pack with the right hash.
func (x mini) pack(tb testing.TB) *rules.Pack {
	tb.Helper()
	kind, directions := x.kind, x.directions
	if kind == "" {
		kind = "TEST"
	}
	if directions == "" {
		directions = "-"
	}
	var b strings.Builder
	b.WriteString(strings.ReplaceAll(miniStructure, "TYPE", kind))
	for _, line := range x.rules {
		b.WriteString(line + "\n")
	}
	for _, name := range []string{pid, other} {
		fmt.Fprintf(&b, "use %s 1.0 2026-01-01 %s - Test\n s 00001 Muss\n", name, directions)
		for _, row := range x.rows {
			if name == pid || !strings.HasPrefix(row, "condition") {
				b.WriteString(" " + row + "\n")
			}
		}
	}
	text := b.String()
	text = hashLine.ReplaceAllString(text, "hash sha256:"+rules.ContentHash([]byte(text)))
	p, err := rules.Parse("mini.pack", []byte(text))
	if err == nil {
		err = p.Verify()
	}
	if err != nil {
		tb.Fatalf("%v\n%s", err, text)
	}
	return p
}

// letter reads segments as a message of the type of a pack.
func letter(tb testing.TB, p *rules.Pack, segments string) *edifact.Message {
	tb.Helper()
	data := fmt.Sprintf("UNB+UNOC:3+1:500+2:500+261130:0630+REF'UNH+1+%s:D:04B:UN:1.0'%sUNT+%d+1'UNZ+1+REF'", p.Type, segments, strings.Count(segments, "'")+2)
	m := new(edifact.Message)
	if err := edifact.NewReader(bytes.NewReader([]byte(data)), edifact.Options{}).NextMessage(m); err != nil {
		tb.Fatal(err)
	}
	return m
}

// verdict is what the checker says of a message: its findings as "CODE path [conditions]", and the coverage.
type verdict struct {
	Findings []string
	ahb.Coverage
}

// judgement is a message to be judged by one column of a pack.
type judgement struct {
	pack     *rules.Pack
	column   string // pid if empty
	segments string
	facts    ahb.Facts
	received time.Time
}

// run checks all transactions of the message with one Checker.
func (x judgement) run(tb testing.TB) verdict {
	tb.Helper()
	m := letter(tb, x.pack, x.segments)
	var structure mig.Checker
	placement := structure.Check(x.pack, m, 10, func(f formats.Finding) { tb.Errorf("structure: %s %s %s", f.Segment, f.Path, f.Text) })
	column := x.column
	if column == "" {
		column = pid
	}
	use, err := x.pack.UseCase(column)
	if err != nil || use == nil {
		tb.Fatalf("%v %v", use, err)
	}
	var v verdict
	c := ahb.Checker{Lang: formats.English, Facts: x.facts}
	for i, t := range event.Transactions(m) {
		cov := c.Check(ahb.Input{Pack: x.pack, UseCase: use, Message: m, Placement: placement, Head: i == 0, First: t.First, Last: t.Last,
			Whole: t.First == 1, Number: t.Number, ReceivedAt: x.received}, func(f formats.Finding) {
			v.Findings = append(v.Findings, strings.TrimSpace(string(f.Code)+" "+f.Path+" "+strings.Join(f.Conditions, "")))
		})
		v.Rows, v.Decided = v.Rows+cov.Rows, v.Decided+cov.Decided
		v.External, v.NotCompiled = v.External+cov.External, v.NotCompiled+cov.NotCompiled
	}
	if v.Decided+v.External+v.NotCompiled != v.Rows {
		tb.Errorf("%+v does not add up", v.Coverage)
	}
	return v
}

// findings are those of a message without facts.
func (x mini) findings(tb testing.TB, segments string) []string {
	tb.Helper()
	return judgement{pack: x.pack(tb), segments: segments}.run(tb).Findings
}

// expect compares findings.
func expect(tb testing.TB, what string, got []string, want ...string) {
	tb.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		tb.Errorf("%s (-want +got):\n%s", what, diff)
	}
}
