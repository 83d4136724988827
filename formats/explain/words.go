package explain

import (
	"strings"

	"github.com/marktbote/marktbote/formats/check"
)

// words chooses between the languages of the page.
type words struct{ en bool }

func (w words) pick(de, en string) string {
	if w.en {
		return en
	}
	return de
}

// verdict puts a verdict into words.
func (w words) verdict(v check.Verdict) string {
	switch v {
	case check.Accepted:
		return w.pick("angenommen", "accepted")
	case check.RejectedSyntax:
		return w.pick("abgelehnt: Syntaxfehler, wird mit CONTRL beantwortet", "rejected: syntax error, answered with CONTRL")
	case check.RejectedProcessing:
		return w.pick("abgelehnt: nicht verarbeitbar, wird mit APERAK beantwortet", "rejected: cannot be processed, answered with APERAK")
	default:
		return w.pick("nicht lesbar: kann nicht mit EDIFACT beantwortet werden", "unreadable: cannot be answered with EDIFACT")
	}
}

// short is verdict for a table.
func (w words) short(v check.Verdict) string {
	s, _, _ := strings.Cut(w.verdict(v), ":")
	return s
}

// outcome puts into a word what becomes of a message: of an accepted one all transactions may be rejected.
func (w words) outcome(m *Message) string {
	switch {
	case m.Verdict != check.Accepted || m.Rejected == 0:
		return w.short(m.Verdict)
	case m.Rejected < m.Transactions:
		return w.pick("teilweise abgelehnt", "rejected in part")
	}
	return w.short(check.RejectedProcessing)
}

// state says why a segment has no rule; empty if it has.
func (w words) state(s State) string {
	switch s {
	case Unused:
		return w.pick("Im Anwendungsfall nicht vorgesehen: wird nicht geprüft und nicht beachtet.", "Not part of the use case: neither checked nor looked at.")
	case Unplaced:
		return w.pick("Hat an dieser Stelle der Nachricht keinen Platz: Die Struktur sieht es hier nicht vor.", "Has no place here: the structure does not provide for it.")
	case Unchecked:
		return w.pick("Nicht geprüft: Für dieses Segment sind keine Regeln bekannt, oder die Prüfung endete vorher.", "Not checked: there are no rules for this segment, or the check ended before it.")
	}
	return ""
}

// visible makes a text safe to show: control characters, which a terminal would obey, become symbols.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == 0x7F:
			return '\u2421'
		case r < ' ':
			return 0x2400 + r
		case r >= 0x80 && r < 0xA0:
			return '\uFFFD'
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// clip shortens a text to n characters.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	if r := []rune(s); len(r) > n {
		return string(r[:n]) + "…"
	}
	return s
}
