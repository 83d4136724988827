package book

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

var (
	stateTexts = map[State]string{
		"": "keine Menge fällig", Billable: "abrechenbar", Preliminary: "vorläufig", Withdrawn: "zurückgezogen", Missing: "unvollständig",
		Conflict: "zu klären", Outside: "außerhalb der Belieferung", Information: "nachrichtlich",
	}
	kindTexts = map[QuantityKind]string{
		Energy: "Energiemenge", Maximum: "Maximum", Profile: "Lastgang", MeLoEnergy: "Menge Messlokation", Reading: "Zählerstand",
		GasQuality:   "Gasbeschaffenheit",
		DeliveryNote: "Lieferschein", Balance: "bilanzierte Menge",
	}
	supplyTexts    = map[SupplyKind]string{KindContract: "Lieferung", KindBasic: "Grund-/Ersatzversorgung", KindFeedIn: "Zuordnung Einspeisung"}
	directionTexts = map[Direction]string{Consumption: "Bezug", FeedIn: "Einspeisung"}
	qualityTexts   = map[string]string{
		"220": "wahrer Wert", "67": "Ersatzwert", "Z18": "vorläufiger Wert", "201": "Vorschlagswert", "20": "nicht verwendbar", "187": "Prognosewert",
		"79": "Summe", "Z31": "Lieferschein", "Z47": "POG",
	}
	correctionTexts = map[CorrectionKind]string{MadeFinal: "endgültig", Corrected: "korrigiert"}
	units           = strings.NewReplacer("m3", "m³", "1", "")
	sparteTexts     = map[string]string{"strom": "Strom", gas: "Gas"}
)

func qualityText(code string) string {
	if t := qualityTexts[code]; t != "" {
		return t
	}
	return code
}

// Text returns the statement for people, in German, with a line end after every line.
func (s *Statement) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Marktlokation %s (%s), %s bis %s\n", s.MaLoID, sparteTexts[s.Sparte], s.FirstDay.German(), s.LastDay.German())
	fmt.Fprintf(&b, "Lieferant %s, Stand: %s\n", s.Supplier, stateTexts[s.State])
	for _, x := range s.Supplies {
		fmt.Fprintf(&b, "\nBelieferung %s bis %s: %s", x.FirstDay.German(), x.LastDay.German(), supplyTexts[x.Kind])
		fmt.Fprintf(&b, "\n  Beginn %s, bestätigt mit %s (%s)\n", dayOf(s.Sparte, x.From).German(), x.Begun.Document, x.Begun.Sender)
		if !x.To.IsZero() {
			fmt.Fprintf(&b, "  letzter Tag %s", lastDay(s.Sparte, x.To).German())
			if x.Ended != nil {
				fmt.Fprintf(&b, ", beendet mit %s (%s)", x.Ended.Document, x.Ended.Sender)
			}
			b.WriteByte('\n')
		}
	}
	if len(s.Lines) > 0 {
		b.WriteString("\nMengen\n")
		table(&b, func(w *tabwriter.Writer) {
			for i := range s.Lines {
				s.Lines[i].print(w)
			}
		})
	}
	if len(s.Corrections) > 0 {
		b.WriteString("\nKorrekturen\n")
		table(&b, func(w *tabwriter.Writer) {
			for i := range s.Corrections {
				s.Corrections[i].print(w)
			}
		})
	}
	if len(s.Notes) > 0 {
		b.WriteString("\nHinweise\n")
		for _, n := range s.Notes {
			fmt.Fprintf(&b, "  %s\n", n.Text)
		}
	}
	if len(s.Totals) > 0 {
		b.WriteString("\nSumme\n")
		for _, t := range s.Totals {
			fmt.Fprintf(&b, "  %s: %s %s abrechenbar, %s %s vorläufig", directionTexts[t.Direction], t.Billable.German(), t.Unit, t.Provisional.German(), t.Unit)
			if t.Missing > 0 {
				fmt.Fprintf(&b, ", %d Werte fehlen", t.Missing)
			}
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// table aligns columns; no line ends in blanks.
func table(b *strings.Builder, fill func(*tabwriter.Writer)) {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 1, 2, ' ', 0)
	fill(w)
	_ = w.Flush() // a strings.Builder does not fail
	for line := range strings.Lines(text.String()) {
		b.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
}

func (l *Line) print(w *tabwriter.Writer) {
	days := l.FirstDay.German() + " bis " + l.LastDay.German()
	if l.From.IsZero() {
		days = "zum " + l.FirstDay.German()
	}
	about := qualityText(l.Quality)
	amount := l.Amount.German()
	if n := l.Values; n != nil {
		about = n.text()
		if l.Provisional != nil && !l.Provisional.Equal(Amount{}) {
			amount += " + " + l.Provisional.German() + " vorläufig"
		}
	}
	if l.Document != nil {
		about += ", " + l.Document.Document
	}
	if l.CancelledBy != nil {
		about += ", Storno " + l.CancelledBy.Document
	}
	fmt.Fprintf(w, "  %s\t%s\t%s\t%s %s\t%s\t%s\n", kindTexts[l.Kind], l.OBIS, days, amount, units.Replace(l.Unit), stateTexts[l.State], about)
}

// text tells the counts that are not zero.
func (n *Counts) text() string {
	var parts []string
	for _, x := range []struct {
		n    int
		text string
	}{{n.True, "wahre"}, {n.Substitute, "Ersatz"}, {n.Preliminary, "vorläufige"}, {n.Conflict, "zu klären"}, {n.Missing, "fehlen"}} {
		if x.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", x.n, x.text))
		}
	}
	return fmt.Sprintf("%d Werte: %s", n.Expected, strings.Join(parts, ", "))
}

func (c *Correction) print(w *tabwriter.Writer) {
	days := c.FirstDay.German() + " bis " + c.LastDay.German()
	if c.To.IsZero() {
		days = "zum " + c.FirstDay.German()
	}
	values := ""
	if c.Count != 1 {
		values = fmt.Sprintf("%d Werte, ", c.Count)
	}
	sign := ""
	if !strings.HasPrefix(c.Difference.String(), "-") {
		sign = "+"
	}
	fmt.Fprintf(w, "  %s\t%s\t%s\t%s%s → %s %s (%s%s)\t%s → %s\t%s → %s\n", correctionTexts[c.Kind], c.OBIS, days, values, c.Old.German(), c.New.German(), c.Unit,
		sign, c.Difference.German(), qualityText(c.OldQuality), qualityText(c.NewQuality), c.Replaced.Document, c.By.Document)
}
