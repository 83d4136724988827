package check

import (
	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/ahb"
	"github.com/marktbote/marktbote/formats/event"
	"github.com/marktbote/marktbote/formats/mig"
	"github.com/marktbote/marktbote/formats/rules"
)

// handbook checks the transactions of a message against the columns of their Pruefidentifikatoren. The part in front
// of the first transaction is checked with the column of that one: all transactions of a message share it.
func (f *file) handbook(m *edifact.Message, p *mig.Placement, cut []event.Transaction, put func(formats.Finding)) {
	for i, t := range cut {
		use, pid := UseCaseOf(p, m, t)
		if use == nil {
			if pid != "" {
				s := m.Segment(t.First)
				x := at("W3001", s.Position())
				x.Found = pid
				put(x)
			}
			continue
		}
		f.ahb.Limit = max(1, f.opts.MaxFindings-f.kept)
		in := ahb.Input{
			Pack: p.Pack, UseCase: use, Message: m, Placement: p, Head: i == 0, First: t.First, Last: t.Last,
			Whole: t.First == 1, Number: t.Number, ReceivedAt: f.opts.At,
		}
		if i == 0 && !f.unbWrong {
			in.UNB = f.reader.UNB()
		}
		cov := f.ahb.Check(in, put)
		c := &f.result.Coverage
		c.Rows += cov.Rows
		c.Decided += cov.Decided
		c.External += cov.External
		c.NotCompiled += cov.NotCompiled
	}
}

// UseCaseOf returns the column by which a transaction is judged, nil if the pack has none, and the name that was looked
// for: the Pruefidentifikator, or of an acknowledgement, which has none, the name of its column.
func UseCaseOf(p *mig.Placement, m *edifact.Message, t event.Transaction) (use *rules.UseCase, name string) {
	name = t.Pruefidentifikator.String()
	if name == "" {
		name = acknowledgementUse(p, m)
	}
	use, err := p.Pack.UseCase(name)
	if err != nil {
		return nil, name
	}
	return use, name
}

// acknowledgementUse returns the column of an acknowledgement, which has no Pruefidentifikator: its content tells.
//
// Spec: CONTRL AHB 1.0; APERAK AHB 1.1 (columns)
func acknowledgementUse(p *mig.Placement, m *edifact.Message) string {
	switch p.Pack.Type {
	case "APERAK":
		if event.DocumentCode(m) == "313" {
			return "APERAK_Fehlermeldung"
		}
		return "APERAK_Anerkennungsmeldung"
	case "CONTRL":
		return contrlUse(m)
	}
	return ""
}

// contrlUse tells by UCI 0083 and by UCM.
func contrlUse(m *edifact.Message) string {
	for n := 2; n <= m.Len(); n++ {
		s := m.Segment(n)
		switch {
		case m.Tag(n) == edifact.MakeTag("UCM"):
			return "CONTRL_Syntaxfehler_Nachricht"
		case m.Tag(n) == edifact.MakeTag("UCI") && !s.Is(5, 1, "4"):
			return "CONTRL_Empfangsbestaetigung"
		}
	}
	return "CONTRL_Syntaxfehler_Uebertragungsdatei"
}
