package ahb_test

import (
	"strings"
	"testing"

	"github.com/marktbote/marktbote/formats/ahb"
	"github.com/marktbote/marktbote/formats/rules"
)

// No row and no condition of any pack may be left out of the count.
func TestFiguresAreComplete(t *testing.T) {
	t.Parallel()
	for _, info := range rules.List() {
		p, err := rules.Load(info.FormatVersion, info.Name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := ahb.FiguresOf(p)
		if err != nil {
			t.Fatal(err)
		}
		rows, conditional := 0, 0
		for _, u := range p.UseCases() {
			use, err := p.UseCase(u.Pruefidentifikator)
			if err != nil {
				t.Fatal(err)
			}
			for i := range use.Rows {
				n := max(1, len(use.Rows[i].Codes))
				rows += n
				if strings.Contains(use.Rows[i].Expr.Text, "[") {
					conditional += n
				}
			}
		}
		where := string(info.FormatVersion) + " " + info.Name
		for _, c := range []struct {
			what string
			got  ahb.Coverage
			want int
		}{{"rows", f.All, rows}, {"rows with an expression", f.Expression, conditional}} {
			if c.got.Rows != c.want || c.got.Decided+c.got.External+c.got.NotCompiled != c.want {
				t.Errorf("%s: %d %s, counted %+v", where, c.want, c.what, c.got)
			}
		}
		if f.UseCases != len(p.UseCases()) {
			t.Errorf("%s: %d use cases, counted %d", where, len(p.UseCases()), f.UseCases)
		}
		c := f.Conditions
		if c.Total < len(p.Rules) || c.Hints+c.Compiled+c.External+c.NotCompiled != c.Total {
			t.Errorf("%s: %d conditions, counted %+v", where, len(p.Rules), c)
		}
	}
}

// figuresPack has one row of every kind that counts differently; the numbers below are those of its rows.
const figuresPack = `marktbote-pack 1
name SMALL
type SMALL
version 1.0
directory D:00A:UN
format-version FV2610
document SMALL MIG 1.0
date 2026-01-01
fidelity xml
hash sha256:HASH
segment UNB 00002 0000 0 M/M 1/1 Kopf
 composite S001 M/M Syntax
  part 0001 M/M a4 Syntax-Kennung
   codes UNOC
 composite S002 M/M Absender
  part 0004 M/M an..35 MP-ID
  part 0007 C/R an..4 Qualifier
   codes 14 500 502
 simple 0017 M/M n6 Datum
 simple 0019 M/M n6 Uhrzeit
 simple 0020 M/M an..14 Referenz
 simple 0022 C/N an..14 Passwort
 simple 0026 C/R an..14 Anwendungsreferenz
 simple 0029 C/N a1 Prioritaet
 simple 0031 C/N n1 Anforderung
segment UNH 00003 0010 0 M/M 1/1 Nachrichten-Kopfsegment
 simple 0062 M/M an..14 Referenz
segment BGM 00004 0020 0 M/M 1/1 Beginn
 simple 1001 C/R an..3 Code
  codes 7 9 E01
segment DTM 00005 0030 1 C/O 9/9 Datum
 simple 2380 C/R an..35 Wert
segment UNT 00006 0040 0 M/M 1/1 Ende
 simple 0062 M/M an..14 Referenz
condition 1 if msg:BGM+7
condition 2 external vertrag
condition 3 open
condition 4 hint
condition 5 if role(MR, LF)
condition 6 if list(nirgends, msg:BGM@1.1)
condition 7 card 0..1 per tx
condition 8 must Z35 format(nie-gehoert, value)
condition 9 must Z35 length(value) > 1
package 1P
package 2P [3]
use 10001 1.0 2026-01-01 - - Probe
ROWS`

func TestFigures(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		rows string
		want string // outcome per row: d decided, e external, n not compiled; capitals for rows with an expression
	}{
		{" s 00003 Muss\n  d 1.1 X\n", "dd"},
		{" s 00004 Muss\n  c 1.1 X 7 9\n  c 1.1 X[1] E01\n", "dddD"},
		{" s 00004 Muss\n  c 1.1 X[1P0..1] 7 9\n  c 1.1 X[2P0..1] E01\n", "dDDN"},
		{" s 00005 Muss[2]\n  d 1.1 X[9]\n", "ED"},
		{" s 00005 Muss[1]∧[3]\n  d 1.1 X[4]\n", "ND"},
		{" s 00005 Muss[5]\n  d 1.1 X[6]\n", "EE"},
		{" s 00005 Muss[5]∨[3]\n  d 1.1 X[8]\n", "NN"},
		{" s 00005 Muss[7]\n  d 1.1 X[7]\n", "DN"},
		{" s 00005 Muss[99]\n  d 1.1 X[3P0..1]\n", "NN"},
		{" s 00004 Muss\n  c 1.1 X[7P0..1] 7 9\n  c 1.1 X[UB1] E01\n", "dNNN"},
		{" s 00005 Muss[1P0..1]\n  d 1.1 X[1P]\n", "ND"},
		{" s 00005 Muss\n  d 1.1 X\n s 00005 Kann\n  d 1.1 X\n", "ddnd"},
		{" s 00002 Muss\n  c 1.1 X UNOC\n  d 2.1 X[9]\n  c 2.2 X 14 500\n", "ddDdd"},
		{" s 00002 Muss\n  d 2.1 X[3]\n  d 8.1 X\n  d 9.1 Kann\n s 00003 Muss\n  d 1.1 X\n", "dNnddd"},
		{" condition 3 if msg:BGM+9\n s 00005 Muss[3]\n  d 1.1 X\n", "Dd"},
	} {
		text := strings.Replace(figuresPack, "ROWS", c.rows, 1)
		text = strings.Replace(text, "HASH", rules.ContentHash([]byte(text)), 1)
		p, err := rules.Parse("figures.pack", []byte(text))
		if err != nil {
			t.Errorf("%q: %v", c.rows, err)
			continue
		}
		f, err := ahb.FiguresOf(p)
		if err != nil {
			t.Errorf("%q: %v", c.rows, err)
			continue
		}
		n := func(letter string) int { return strings.Count(c.want, letter) }
		want := ahb.Coverage{Rows: len(c.want), Decided: n("d") + n("D"), External: n("e") + n("E"), NotCompiled: n("n") + n("N")}
		if f.All != want {
			t.Errorf("%q: %+v, want %+v", c.rows, f.All, want)
		}
		want = ahb.Coverage{Rows: n("D") + n("E") + n("N"), Decided: n("D"), External: n("E"), NotCompiled: n("N")}
		if f.Expression != want {
			t.Errorf("%q: with an expression %+v, want %+v", c.rows, f.Expression, want)
		}
	}
}

// A number with another meaning in a use case is a condition of its own, and so is one that the pack lacks.
func TestFiguresOfConditions(t *testing.T) {
	t.Parallel()
	text := strings.Replace(figuresPack, "ROWS", " condition 3 if msg:BGM+9\n condition 4 hint\n s 00005 Muss[99]\n  d 1.1 X\n", 1)
	text = strings.Replace(text, "HASH", rules.ContentHash([]byte(text)), 1)
	p, err := rules.Parse("figures.pack", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	f, err := ahb.FiguresOf(p)
	want := ahb.ConditionFigures{Total: 12, Hints: 2, Compiled: 4, External: 3, NotCompiled: 3}
	if err != nil || f.Conditions != want {
		t.Errorf("%+v, want %+v (%v)", f.Conditions, want, err)
	}
}
