package explain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/check"
)

// finish completes the page with the judgement: verdicts, and every finding beside the segment it is about.
func (b *builder) finish(r *check.Result) *Interchange {
	unb := b.ends.unb()
	out := &Interchange{
		Result: r, Lang: b.opts.Lang, Title: visible(r.File), Created: created(b.words, unb),
		Sender: b.party(r.Sender), Receiver: b.party(r.Receiver),
		Unlisted: r.FindingCount,
		UNA:      b.una(),
	}
	b.sparte = sparteOf(unb)
	if unb != nil {
		out.UNB = b.around(unb, "unb", unb.Offset())
		unz, offset := b.ends.unz(unb.Service())
		out.UNZ = b.around(unz, "unz", offset)
	} else {
		out.Start = b.ends.preview()
	}
	p := placer{builder: b, page: out}
	for _, x := range r.Findings {
		p.file(x)
	}
	for i := range r.Messages {
		if m := p.message(i, &r.Messages[i]); m != nil {
			out.Messages = append(out.Messages, m)
		} else {
			out.Skipped++
		}
	}
	p.number()
	out.Unlisted = max(0, out.Unlisted-out.Errors-out.Warnings)
	return out
}

// party is an MP-ID with what its number tells.
func (b *builder) party(id string) string {
	if id == "" {
		return ""
	}
	return b.text(id) + " – " + b.words.partner(id)
}

// placer sets findings beside segments.
type placer struct {
	*builder
	page *Interchange
}

// finding copies a finding and makes its texts safe.
func (p *placer) finding(x formats.Finding) *Finding {
	for _, s := range []*string{&x.Path, &x.Segment, &x.Rule, &x.Name, &x.Expected, &x.Found, &x.Text} {
		*s = visible(*s)
	}
	return &Finding{Finding: x}
}

// file places a finding that belongs to no message.
func (p *placer) file(x formats.Finding) {
	if s := p.around(&x); s != nil {
		s.add(p.finding(x))
		return
	}
	p.page.Findings = append(p.page.Findings, p.finding(x))
}

// around returns the service segment that a finding is about, nil if there is none.
func (p *placer) around(x *formats.Finding) *Segment {
	s := map[string]*Segment{"UNA": p.page.UNA, "UNB": p.page.UNB, "UNZ": p.page.UNZ}[x.Segment]
	if s == nil || x.SegmentNumber > 0 || x.Offset < s.Offset || x.Offset > s.Offset+int64(len(s.Raw)) {
		return nil
	}
	return s
}

// add puts a finding under the segment, or behind it if something is missing there.
func (s *Segment) add(x *Finding) {
	if x.Length == 0 && x.Element == 0 {
		s.Gaps = append(s.Gaps, x)
		return
	}
	s.Findings = append(s.Findings, x)
	for i := range s.Elements {
		e := &s.Elements[i]
		if e.element == x.Element && (x.Component == 0 || x.Component == e.component) {
			e.Wrong = true
		}
	}
}

// message completes a message; nil if it is not shown.
func (p *placer) message(i int, m *check.Message) *Message {
	list := slices.Clone(m.Findings)
	for _, t := range m.Transactions {
		list = append(list, t.Findings...)
	}
	var out *Message
	if i < len(p.list) {
		out = p.list[i]
	}
	if out == nil {
		if len(list) == 0 {
			p.transactions(nil, m)
			return nil
		}
		out = &Message{ID: fmt.Sprintf("m%d", i+1), Number: i + 1, Reference: p.text(m.Reference), Type: p.text(m.Type), Version: p.text(m.Version)}
	}
	out.Verdict = m.Verdict
	p.transactions(out, m)
	segments := map[int]*Segment{}
	for _, s := range out.Sections {
		for _, g := range s.Groups {
			for _, seg := range g.Segments {
				segments[seg.Number] = seg
			}
		}
	}
	syntax := false
	for _, x := range list {
		syntax = syntax || answeredBySyntax(&x)
		switch f := p.finding(x); {
		case p.around(&x) != nil:
			p.around(&x).add(f)
		case segments[x.SegmentNumber] != nil:
			segments[x.SegmentNumber].add(f)
		case x.SegmentNumber > out.Shown:
			out.Rest = append(out.Rest, f)
		default:
			out.Findings = append(out.Findings, f)
		}
	}
	for _, s := range out.Sections {
		out.Checked = out.Checked || !syntax && s.Transaction != nil && s.Transaction.Handbook != ""
	}
	out.Checked = out.Checked && out.untouched == 0
	return out
}

// answeredBySyntax reports whether a finding ends the check before the rules of the Pruefidentifikator.
func answeredBySyntax(x *formats.Finding) bool {
	if x.Wire == nil {
		return x.Severity == formats.Error
	}
	return x.Wire.Kind == "CONTRL"
}

// transactions completes those that are explained and lists them; the message is nil if it is not shown.
func (p *placer) transactions(out *Message, m *check.Message) {
	shown := map[int]*Transaction{}
	if out != nil {
		k := 0
		for _, s := range out.Sections {
			if s.Transaction != nil {
				shown[k] = s.Transaction
				k++
			}
		}
	}
	for k, t := range m.Transactions {
		x := shown[k]
		if x == nil {
			if t.Pruefidentifikator == "" && t.Number == "" {
				continue
			}
			x = &Transaction{Number: p.text(t.Number), Pruefidentifikator: p.text(t.Pruefidentifikator), Object: p.text(t.Object), Message: out}
		}
		x.Verdict = t.Verdict
		if out != nil {
			out.Transactions++
			if t.Verdict != check.Accepted {
				out.Rejected++
			}
		}
		if len(p.page.Transactions) < maxTransactions {
			p.page.Transactions = append(p.page.Transactions, x)
		} else {
			p.page.MoreCount++
		}
	}
}

// All returns all findings of the page from top to bottom.
func (x *Interchange) All() []*Finding {
	list := slices.Clone(x.Findings)
	around := func(s *Segment) {
		if s != nil {
			list = append(append(list, s.Findings...), s.Gaps...)
		}
	}
	around(x.UNA)
	around(x.UNB)
	for _, m := range x.Messages {
		list = append(list, m.Findings...)
		for _, s := range m.Sections {
			for _, g := range s.Groups {
				for _, seg := range g.Segments {
					around(seg)
				}
			}
		}
		list = append(list, m.Rest...)
	}
	around(x.UNZ)
	return list
}

// number gives the findings their anchors and counts them.
func (p *placer) number() {
	for _, m := range p.page.Messages {
		for _, f := range m.all() {
			f.At = p.words.pick("Nachricht ", "message ") + fmt.Sprint(m.Number)
			if f.SegmentNumber > 0 {
				f.At += fmt.Sprintf(", Segment %d", f.SegmentNumber)
			}
		}
	}
	for i, f := range p.page.All() {
		f.ID = fmt.Sprintf("f%d", i+1)
		if f.At == "" {
			f.At = p.words.pick("Datei", "file")
		}
		if f.Segment != "" {
			f.At += " (" + strings.TrimSpace(f.Segment) + ")"
		}
		if f.Severity == formats.Error {
			p.page.Errors++
		} else {
			p.page.Warnings++
		}
	}
}

// all returns the findings of a message.
func (m *Message) all() []*Finding {
	return (&Interchange{Messages: []*Message{m}}).All()
}
