package ahb_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/ahb"
	"github.com/marktbote/marktbote/formats/event"
	"github.com/marktbote/marktbote/formats/mig"
)

// TestTexts has what a clerk reads, for each kind of finding: where, what was found, what is demanded, and by which
// condition.
func TestTexts(t *testing.T) {
	t.Parallel()
	const start = "BGM+A'IDE+24+1'"
	transaction := func(rows ...string) []string { return append([]string{"g 00020 Muss", "s 00020 Muss"}, rows...) }
	tests := []struct {
		name     string
		rules    []string
		rows     []string
		segments string
		facts    facts
		de, en   string
	}{
		{"segment", []string{"condition 1 if BGM+A and external(lieferant-bekannt)"}, []string{"s 00003 Muss[1]", "c 1.1 X 137"}, "BGM+A'", facts{"lieferant-bekannt": true},
			"Es fehlt das Segment DTM+137 (Datum), das der Prüfidentifikator 99001 hier verlangt. Bedingung: [1] BGM+A (Beginn) vorhanden und " +
				"Lieferant bekannt (steht nicht in der Nachricht).",
			`The segment DTM+137 (Datum), which the Prüfidentifikator 99001 demands here, is missing. Condition: [1] BGM+A (Beginn) present and ` +
				`"Lieferant bekannt" (not told by the message).`},
		{"group", nil, transaction("g 00040 Muss", "s 00040 Muss", "c 1.1 X Z01"), start, nil,
			"Es fehlt die Angabe „Daten der Marktlokation“ (Segmentgruppe, die mit SEQ+Z01 beginnt), die der Prüfidentifikator 99001 hier verlangt.",
			`"Daten der Marktlokation" (the segment group that begins with SEQ+Z01), which the Prüfidentifikator 99001 demands here, is missing.`},
		{"value", nil, []string{"s 00002 Muss", "d 2.1 X"}, "BGM+A'", nil,
			"Im Segment BGM fehlt die Angabe „Beginn: Nummer“, die der Prüfidentifikator 99001 hier verlangt. Erwartet: ein Wert im Format an..35.",
			`In the segment BGM the value "Beginn: Nummer", which the Prüfidentifikator 99001 demands here, is missing. Expected: a value in the format an..35.`},
		{"code", []string{"name 1001 A Anmeldung", "name 1001 B Abmeldung"}, []string{"s 00002 Muss", "c 1.1 X A B"}, "BGM+D'", nil,
			"Im Segment BGM ist „D“ für „Beginn: Dokument“ beim Prüfidentifikator 99001 nicht erlaubt. Erlaubt: A (Anmeldung), B (Abmeldung).",
			`In the segment BGM "D" is not allowed for "Beginn: Dokument" with the Prüfidentifikator 99001. Allowed: A (Anmeldung), B (Abmeldung).`},
		{"code not now", []string{"condition 1 if SG4", "condition 2 external fact"}, []string{"s 00002 Muss", "c 1.1 X A", "c 1.1 X[1] B C", "c 1.1 X[2] D"}, "BGM+B'", nil,
			"Im Segment BGM ist „B“ für „Beginn: Dokument“ hier nicht erlaubt, weil die Voraussetzung nicht erfüllt ist. Bedingung: [1] SG4 vorhanden. Erlaubt: A, D.",
			`In the segment BGM "B" is not allowed for "Beginn: Dokument" here, because what it depends on is not the case. Condition: [1] SG4 present. Allowed: A, D.`},
		{"no code at all", []string{"condition 1 if SG4"}, []string{"s 00002 Muss", "c 1.1 X[1] B"}, "BGM+B'", nil,
			"Im Segment BGM ist „B“ für „Beginn: Dokument“ hier nicht erlaubt, weil die Voraussetzung nicht erfüllt ist. Bedingung: [1] SG4 vorhanden. " +
				"Erlaubt: keiner der Codes unter diesen Umständen.",
			`In the segment BGM "B" is not allowed for "Beginn: Dokument" here, because what it depends on is not the case. Condition: [1] SG4 present. ` +
				`Allowed: none of the codes in this case.`},
		{"too often", []string{"condition 2001 card 0..1 per tx"}, transaction("g 00040 Kann[2001]", "s 00040 Muss"), start + "SEQ+Z01'SEQ+Z01'", nil,
			"Die Angabe „Daten der Marktlokation“ (SEQ) kommt zu oft vor. Erlaubt: höchstens 1. Bedingung: [2001] höchstens einmal je Vorgang.",
			`"Daten der Marktlokation" (SEQ) occurs too often. Allowed: at most 1. Condition: [2001] at most once per transaction.`},
		{"too rarely", []string{"condition 2001 card 2..3 per tx"}, transaction("g 00040 Muss[2001]", "s 00040 Muss"), start + "SEQ+Z01'", nil,
			"Die Angabe „Daten der Marktlokation“ (SEQ) kommt zu selten vor. Gefunden: 1, verlangt: mindestens 2. Bedingung: [2001] 2- bis 3-mal je Vorgang.",
			`"Daten der Marktlokation" (SEQ) occurs too rarely. Found: 1, demanded: at least 2. Condition: [2001] 2 to 3 times per transaction.`},
		{"code too often", []string{"package 1P"}, transaction("g 00040 Kann", "s 00040 Muss", "c 1.1 X[1P0..1] Z01"), start + "SEQ+Z01'SEQ+Z01'", nil,
			"Im Segment SEQ kommt der Wert „Z01“ für „Daten der Marktlokation: Handlung“ zu oft vor. Erlaubt: höchstens 1 (Bedingung [1P0..1]).",
			`In the segment SEQ the value "Z01" of "Daten der Marktlokation: Handlung" occurs too often. Allowed: at most 1 (condition [1P0..1]).`},
		{"code too rarely", []string{"package 1P"}, transaction("g 00030 Kann", "s 00030 Muss", "c 1.1 X[1P1..1] Z13 Z49"), start + "RFF+Z13:1'", nil,
			"Im Segment RFF kommt für „Verweis: Qualifier“ ein verlangter Code nicht oft genug vor: Z49 (mindestens 1) (Bedingung [1P1..1]).",
			`In the segment RFF a code that is demanded for "Verweis: Qualifier" does not occur often enough: Z49 (at least 1) (condition [1P1..1]).`},
		{"form", []string{"condition 950 must Z35 format(malo, value)"}, transaction("g 00040 Kann", "s 00040 Muss", "s 00041 Kann", "d 1.2 X[950]"), start + "SEQ+Z01'RFF+Z18:1'", nil,
			"Im Segment RFF entspricht der Wert „1“ für „Marktlokation“ nicht der Vorgabe. Verlangt: MaLo-ID mit richtiger Prüfziffer (Bedingung [950]).",
			`In the segment RFF the value "1" of "Marktlokation" is not as demanded. Demanded: MaLo-ID with the right check digit (condition [950]).`},
		{"instant", []string{"condition 494 must Z41 date(value) <= date(DTM+92@1.2)"}, transaction("s 00021 Muss", "s 00022 Muss", "d 1.2 X[494]"),
			start + "DTM+92:202607312200?+00:303'DTM+93:202612312300?+00:303'", nil,
			"Im Segment DTM ist der Zeitpunkt 202612312300+00 (01.01.2027 00:00 MEZ) für „Ende zum“ nicht zulässig. Verlangt: nicht später als DTM+92 (Beginn zum) (Bedingung [494]).",
			`In the segment DTM the instant 202612312300+00 (2027-01-01 00:00 CET) of "Ende zum" is not allowed. Demanded: not later than DTM+92 (Beginn zum) (condition [494]).`},
		{"segment at hand", []string{`condition 901 must Z39 self:BGM@2.1 = "7"`}, []string{"s 00002 Muss[901]"}, "BGM+A+1'", nil,
			"Im Segment BGM ist „BGM+A+1“ für „Beginn“ nicht erlaubt. Verlangt: „Nummer“ (DE 1004) in diesem BGM ist 7 (Bedingung [901]).",
			`In the segment BGM "BGM+A+1" is not allowed for "Beginn". Demanded: "Nummer" (DE 1004) in this BGM is 7 (condition [901]).`},
		{"long", []string{"condition 901 must Z35 " + strings.Repeat(`value = "abcdefghij" and `, 40) + "true"}, []string{"s 00002 Muss", "d 2.1 X[901]"}, "BGM+A+1'", nil,
			"Im Segment BGM entspricht der Wert „1“ für „Beginn: Nummer“ nicht der Vorgabe. Verlangt: " + strings.Repeat("abcdefghij und ", 20) + "… (Bedingung [901]).",
			`In the segment BGM the value "1" of "Beginn: Nummer" is not as demanded. Demanded: ` + strings.Repeat("abcdefghij and ", 20) + "… (condition [901])."},
	}
	for _, tt := range tests {
		p := mini{kind: "UTILMD", rules: tt.rules, rows: tt.rows}.pack(t)
		if !strings.HasPrefix(tt.segments, start) {
			p = mini{rules: tt.rules, rows: tt.rows}.pack(t)
		}
		m := letter(t, p, tt.segments)
		use, err := p.UseCase(pid)
		if err != nil {
			t.Fatal(err)
		}
		var structure mig.Checker
		placement := structure.Check(p, m, 1, func(f formats.Finding) { t.Errorf("%s: structure: %s", tt.name, f.Text) })
		in := ahb.Input{Pack: p, UseCase: use, Message: m, Placement: placement}
		for _, x := range event.Transactions(m) {
			in.First, in.Last, in.Whole, in.Head = x.First, x.Last, x.First == 1, true
		}
		for lang, want := range map[formats.Lang]string{formats.German: tt.de, formats.English: tt.en} {
			c := ahb.Checker{Lang: lang, Facts: tt.facts}
			var got []string
			c.Check(in, func(f formats.Finding) { got = append(got, f.Text) })
			if diff := cmp.Diff([]string{want}, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.name, diff)
			}
		}
	}
}
