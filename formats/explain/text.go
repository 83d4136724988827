package explain

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/marktbote/marktbote/formats"
)

// TextOptions say how much WriteText writes.
type TextOptions struct {
	Conditions bool // the conditions in words and the codes that are allowed
}

// The form of the text.
const (
	textWidth    = 110 // lines are broken before this column, values of the file excepted
	maxNameWidth = 44
	maxShown     = 20 // width of the value column; longer values push the meaning to the right
	maxTextList  = 30 // transactions and findings in the summary; all findings stand further down
	maxTeaser    = 60 // of a finding's text in the summary
	maxStatus    = 40 // of an expression, unless the conditions are asked for
)

// WriteText writes the page for a terminal: UTF-8, no control characters but line feeds.
func WriteText(w io.Writer, x *Interchange, opts TextOptions) error {
	t := textWriter{out: bufio.NewWriter(w), words: words{x.Lang == formats.English}, opts: opts}
	t.summary(x)
	for _, f := range x.Findings {
		t.finding("", f)
	}
	for _, s := range []*Segment{x.UNA, x.UNB} {
		t.around(s)
	}
	for _, m := range x.Messages {
		t.message(m)
	}
	if x.Skipped > 0 {
		t.line("")
		t.line("%s", t.words.skipped(x.Skipped))
	}
	t.around(x.UNZ)
	return t.out.Flush() // a bufio.Writer keeps the first error
}

// textWriter writes lines.
type textWriter struct {
	out   *bufio.Writer
	words words
	opts  TextOptions
}

func (t *textWriter) line(format string, args ...any) {
	fmt.Fprintf(t.out, format+"\n", args...)
}

func (t *textWriter) summary(x *Interchange) {
	r, w := x.Result, t.words
	t.line("%s: %s", x.Title, w.verdict(r.Verdict))
	row := func(de, en, value string) {
		if value != "" {
			t.line("  %s %s", pad(w.pick(de, en), 16), value)
		}
	}
	row("Datei", "file", visible(clip(r.Reference, maxValue)))
	row("Erstellt", "created", x.Created)
	row("Absender", "sender", x.Sender)
	row("Empfänger", "receiver", x.Receiver)
	row("Formatversion", "format version", strings.TrimPrefix(string(r.FormatVersion)+sparteText(r.Sparte), ", "))
	if r.Test {
		row("Kennzeichen", "indicator", w.pick("Testdatei", "test"))
	}
	row("Umfang", "size", fmt.Sprintf("%d Bytes, %s", r.Bytes, w.messages(x)))
	for i, tr := range x.Transactions[:min(len(x.Transactions), maxTextList)] {
		label := ""
		if i == 0 {
			label = w.pick("Vorgänge", "transactions")
		}
		t.line("  %s %s", pad(label, 16), strings.Join(nonEmpty(tr.Number, tr.Pruefidentifikator, tr.Name, "– "+w.short(tr.Verdict)), "  "))
	}
	if more := x.MoreCount + max(0, len(x.Transactions)-maxTextList); more > 0 {
		t.line("  %s %s", pad("", 16), w.more(more))
	}
	row("Befunde", "findings", w.count(x))
	all := x.All()
	for _, f := range all[:min(len(all), maxTextList)] {
		t.line("    %s  %s  %s", f.Code, f.At, clip(f.Text, maxTeaser))
	}
	if more := len(all) - maxTextList; more > 0 {
		t.line("    %s", w.more(more))
	}
	for _, l := range x.Start {
		if l.Offset == 0 {
			t.line("\n  %s", w.pick("Anfang der Datei", "beginning of the file"))
		}
		t.line("    %06d  %s  %s", l.Offset, pad(l.Hex, 47), l.Text)
	}
}

func nonEmpty(list ...string) []string {
	var out []string
	for _, s := range list {
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
}

func (t *textWriter) around(s *Segment) {
	if s != nil {
		t.line("")
		t.segment(s)
	}
}

func (t *textWriter) message(m *Message) {
	w := t.words
	t.line("\n%s", strings.Repeat("═", textWidth))
	head := strings.Join(nonEmpty(m.Type, m.Version), " ")
	if m.Document != "" {
		head += " (" + m.Document + ")"
	}
	t.line("%s %d: %s – %s", w.pick("Nachricht", "message"), m.Number, head, w.outcome(m))
	t.wrapped("", w.unevaluated(m))
	for _, f := range m.Findings {
		t.finding("", f)
	}
	for _, s := range m.Sections {
		t.section(s)
	}
	if text := w.cut(m); text != "" {
		t.line("")
		t.wrapped("", text)
	}
	if len(m.Rest) > 0 {
		t.line("\n%s", w.rest())
	}
	for _, f := range m.Rest {
		t.finding("", f)
	}
}

func (t *textWriter) section(s *Section) {
	title := t.words.title(s)
	t.line("\n── %s %s", title, strings.Repeat("─", max(0, textWidth-4-utf8.RuneCountInString(title))))
	for _, g := range s.Groups {
		t.group(g)
	}
}

func (t *textWriter) group(g *Group) {
	indent := strings.Repeat("  ", max(0, g.Depth-1))
	if g.Path != "" {
		text := g.Path + "  " + g.Name
		if g.Continued {
			text += t.words.pick(" (Fortsetzung)", " (continued)")
		}
		t.line("\n%s▸ %s", indent, strings.Join(nonEmpty(text, t.status(g.Rule)), "  · "))
		t.conditions(indent+"  ", g.Rule)
	}
	for i, s := range g.Segments {
		if i > 0 || g.Path == "" {
			t.line("")
		}
		t.segment(s)
	}
}

// status is the expression of a rule, shortened unless the conditions are asked for.
func (t *textWriter) status(r *Rule) string {
	text := t.words.ruleStatus(r)
	if t.opts.Conditions {
		return text
	}
	return clip(text, maxStatus)
}

func (t *textWriter) segment(s *Segment) {
	indent := strings.Repeat("  ", s.Depth)
	number := ""
	if s.Number > 0 {
		number = fmt.Sprintf("%d ", s.Number)
	}
	head := indent + strings.Join(nonEmpty(number+s.Tag+"  "+s.Name, t.status(s.Rule)), "  · ")
	at := strings.Join(nonEmpty(s.Path, fmt.Sprintf("Byte %d", s.Offset)), ", ")
	t.line("%s  %s", pad(head, textWidth-2-utf8.RuneCountInString(at)), at)
	inner := indent + "    "
	t.line("%s%s", inner, s.Raw)
	t.wrapped(inner, t.words.state(s.State))
	width := 0
	for _, e := range s.Elements {
		width = max(width, min(maxNameWidth, utf8.RuneCountInString(elementName(&e))))
	}
	for _, e := range s.Elements {
		mark := "  "
		if e.Wrong {
			mark = "✗ "
		}
		text := mark + pad(e.Place, 5) + pad(elementName(&e), width) + "  "
		if e.Meaning != "" || e.Status != "" && t.opts.Conditions {
			text += pad(e.Value, maxShown)
		} else {
			text += e.Value
		}
		if e.Meaning != "" {
			text += "  " + e.Meaning
		}
		if e.Status != "" && t.opts.Conditions {
			text += "  · " + e.Status
		}
		t.line("%s%s", inner, text)
	}
	if s.Omitted > 0 {
		t.line("%s  … %d %s", inner, s.Omitted, t.words.pick("weitere Datenelemente", "further data elements"))
	}
	t.conditions(inner+"  ", s.Rule)
	for _, f := range s.Findings {
		t.finding(inner, f)
	}
	for _, f := range s.Gaps {
		t.line("")
		t.finding(indent, f)
	}
}

func elementName(e *Element) string {
	if e.Name == "" {
		return "–"
	}
	return clip(e.Name, maxNameWidth-1)
}

// conditions writes what stands behind an expression.
func (t *textWriter) conditions(indent string, r *Rule) {
	if r == nil || !t.opts.Conditions {
		return
	}
	if r.SameAs != nil {
		t.line("%s%s %d", indent, t.words.pick("Bedingungen und Codes: wie bei Segment", "conditions and codes: as at segment"), r.SameAs.Number)
	}
	for _, c := range r.Conditions {
		t.wrapped(indent, c.Number+" "+c.Words)
	}
	for _, a := range r.Allowed {
		var codes []string
		for _, c := range a.Codes {
			codes = append(codes, strings.Join(nonEmpty(c.Value, c.Name), " "))
		}
		if a.More > 0 {
			codes = append(codes, "…")
		}
		t.wrapped(indent, t.words.pick("Codes für ", "codes of ")+a.Place+" "+a.Name+": "+strings.Join(codes, "; "))
	}
}

func (t *textWriter) finding(indent string, f *Finding) {
	wire := ""
	if f.Wire != nil {
		wire = ", " + f.Wire.Kind + " " + f.Wire.Code
	}
	t.wrapped(indent+"▲ ", fmt.Sprintf("%s %s%s: %s", t.words.severity(f), f.Code, wire, f.Text))
	place := t.words.position(f)
	if f.Rule != "" {
		place += "; " + t.words.pick("Regel ", "rule ") + f.Rule
	}
	t.wrapped(indent+"  ", place)
}

// wrapped writes a text in lines of limited width; those after the first are indented by spaces.
func (t *textWriter) wrapped(indent, text string) {
	if text == "" {
		return
	}
	rest := strings.Repeat(" ", utf8.RuneCountInString(indent))
	line, width := indent, 0
	for i, word := range strings.Split(text, " ") {
		n := utf8.RuneCountInString(word)
		if i > 0 && utf8.RuneCountInString(rest)+width+1+n > textWidth {
			t.line("%s", line)
			line, width = rest, 0
		} else if i > 0 {
			line += " "
			width++
		}
		line += word
		width += n
	}
	t.line("%s", line)
}
