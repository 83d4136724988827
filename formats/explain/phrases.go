package explain

import (
	"fmt"
	"strings"

	"github.com/marktbote/marktbote/formats"
)

// skipped says that messages are left out.
func (w words) skipped(n int) string {
	return fmt.Sprintf(w.pick("Weitere %d Nachrichten ohne Befund sind nicht aufgeführt: Erläutert werden höchstens %d Segmente einer Datei.",
		"%d further messages without findings are not shown: at most %d segments of a file are explained."), n, maxSegments)
}

// more ends a list that is not complete.
func (w words) more(n int) string {
	return fmt.Sprintf(w.pick("und %d weitere", "and %d more"), n)
}

// cut says that segments of a message are left out; empty if none are.
func (w words) cut(m *Message) string {
	if len(m.Sections) == 0 {
		return w.pick("Die Segmente dieser Nachricht sind nicht erläutert, weil die Seite voll ist. Ihre Befunde sind aufgeführt.",
			"The segments of this message are not explained because the page is full. Its findings are listed.")
	}
	if m.Shown >= m.Segments {
		return ""
	}
	return fmt.Sprintf(w.pick("Erläutert sind %d von %d Segmenten dieser Nachricht (höchstens %d je Nachricht, %d je Datei). Befunde zu den übrigen sind darunter aufgeführt.",
		"%d of %d segments of this message are explained (at most %d of a message, %d of a file). Findings on the others are listed below."),
		m.Shown, m.Segments, maxMessageSegments, maxSegments)
}

// unevaluated says that the rules on the page were not evaluated; empty if they were, or if there are none.
func (w words) unevaluated(m *Message) string {
	if m.Checked || len(m.Sections) == 0 {
		return ""
	}
	for _, s := range m.Sections {
		if s.Transaction != nil && s.Transaction.Handbook != "" {
			return w.pick("Die Regeln des Anwendungshandbuchs sind aufgeführt, aber nicht geprüft: Davor sind die Fehler in Syntax und Struktur zu beheben.",
				"The rules of the Anwendungshandbuch are shown but were not checked: errors in syntax and structure come first.")
		}
	}
	return w.pick("Für diese Nachricht liegen keine Regeln des Anwendungshandbuchs vor.", "There are no rules of the Anwendungshandbuch for this message.")
}

// messages says how many messages the file has.
func (w words) messages(x *Interchange) string {
	if n := len(x.Result.Messages); n != 1 {
		return fmt.Sprintf(w.pick("%d Nachrichten", "%d messages"), n)
	}
	return w.pick("1 Nachricht", "1 message")
}

// count says how many findings there are.
func (w words) count(x *Interchange) string {
	if x.Errors+x.Warnings+x.Unlisted == 0 {
		return w.pick("keine", "none")
	}
	text := fmt.Sprintf(w.pick("%d Fehler", "errors: %d"), x.Errors)
	if x.Warnings > 0 {
		text += fmt.Sprintf(w.pick(", Hinweise: %d", ", warnings: %d"), x.Warnings)
	}
	if x.Unlisted > 0 {
		text += fmt.Sprintf(w.pick(", %d weitere sind nicht aufgeführt", ", %d more are not listed"), x.Unlisted)
	}
	return text
}

func (w words) rest() string {
	return w.pick("Befunde zu Segmenten, die nicht erläutert sind:", "findings on segments that are not explained:")
}

// title names a section.
func (w words) title(s *Section) string {
	tr := s.Transaction
	if tr == nil {
		if s.Head {
			return w.pick("Kopf der Nachricht", "head of the message")
		}
		return w.pick("Ende der Nachricht", "end of the message")
	}
	text := strings.Join(nonEmpty(w.pick("Vorgang", "transaction"), tr.Number), " ")
	if tr.Pruefidentifikator != "" {
		text += ", Prüfidentifikator " + tr.Pruefidentifikator
	}
	return strings.Join(nonEmpty(text, tr.Name), " ") + " – " + w.short(tr.Verdict)
}

// ruleStatus is the expression of a rule with where it comes from.
func (w words) ruleStatus(r *Rule) string {
	switch {
	case r == nil:
		return ""
	case r.Handbook:
		return r.Status
	}
	return r.Status + w.pick(" (Nachrichtenbeschreibung)", " (message description)")
}

// severity names the kind of a finding.
func (w words) severity(f *Finding) string {
	if f.Severity == formats.Warning {
		return w.pick("Hinweis", "warning")
	}
	return w.pick("Fehler", "error")
}

func sparteText(s formats.Sparte) string {
	if s == "" {
		return ""
	}
	return ", " + strings.ToUpper(string(s[:1])) + string(s[1:])
}

// position says where in its segment a finding is, for people.
func (w words) position(f *Finding) string {
	text := fmt.Sprintf("Byte %d", f.Offset)
	if f.SegmentNumber > 0 {
		text += fmt.Sprintf(", Segment %d", f.SegmentNumber)
	}
	if f.Path != "" && f.Path != f.Segment {
		text += " (" + f.Path + ")"
	}
	if f.Element > 0 {
		text += w.pick(", Datenelement ", ", element ") + elementPlace(f.Component > 0, f.Element, f.Component)
	}
	return text
}
