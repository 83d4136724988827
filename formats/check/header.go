package check

import (
	"slices"
	"strings"
	"time"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/calendar"
	"github.com/marktbote/marktbote/formats/event"
	"github.com/marktbote/marktbote/formats/mig"
	"github.com/marktbote/marktbote/formats/rules"
)

// clockTolerance is how far the clocks of two partners may differ before a file counts as being from the future.
const clockTolerance = 5 * time.Minute

// header checks UNB as the market uses it, once, when it is known.
//
// Spec: Allgemeine Festlegungen 6.1 ch. 5; MSCONS MIG 2.5, UNB; CONTRL AHB 1.0
func (f *file) header() error {
	unb := f.reader.UNB()
	if unb == nil || f.headed {
		return nil
	}
	f.headed = true
	faults := slices.DeleteFunc(slices.Clone(f.reader.Faults()), func(e edifact.SyntaxError) bool { return e.Pos.Tag != edifact.UNB || e.Tolerated })
	f.spoilt, f.unbWrong = spoiltValues(faults), len(faults) > 0
	r := f.result
	r.Sender, r.Receiver, r.Reference = unb.Text(3, 1), unb.Text(4, 1), unb.Text(6, 1)
	r.ApplicationRef, r.Test = unb.Text(8, 1), unb.Is(12, 1, "1")
	f.senderQ, f.recipQ = unb.Text(3, 2), unb.Text(4, 2)
	r.Sparte = sparteOfQualifier(f.recipQ, f.senderQ)

	f.identity(unb)
	f.created(unb)
	f.inForce = f.opts.FormatVersion
	if f.inForce == "" {
		sent := f.opts.At
		if !r.CreatedAt.IsZero() && r.CreatedAt.Before(sent) {
			sent = r.CreatedAt
		}
		f.inForce = formats.VersionAt(sent)
	}
	for _, e := range []int{7, 9, 10, 11} {
		for c := 1; c <= unb.Components(e); c++ {
			if !unb.Empty(e, c) { // separators alone are tolerated
				f.unb("E1036", unb.ElementPosition(e), unb.Text(e, c), "")
				break
			}
		}
	}
	for _, e := range []int{3, 4} {
		if !unb.Empty(e, 3) {
			f.unb("E1024", unb.ComponentPosition(e, 3), unb.Text(e, 3), "")
		}
	}
	if v := unb.Text(12, 1); !unb.Empty(12, 1) && v != "1" {
		f.unb("E1037", unb.ElementPosition(12), v, "1")
	}
	return f.known(unb)
}

// sparteOfQualifier tells the Sparte by UNB 0007: of the recipient, whose rules apply, else of the sender.
func sparteOfQualifier(recipient, sender string) formats.Sparte {
	for _, q := range []string{recipient, sender} {
		switch q {
		case "500":
			return formats.Strom
		case "502":
			return formats.Gas
		}
	}
	return "" // 14 (GLN) tells nothing
}

// unb adds a finding on UNB, unless the value holds an octet that does not belong there, which is reported.
func (f *file) unb(code formats.Code, p edifact.Position, found, expected string) {
	if f.spoilt[valuePlace{0, p.Element, max(p.Component, 1)}] {
		return
	}
	x := at(code, p)
	x.Found, x.Expected = found, expected
	f.unbWrong = f.unbWrong || answeredByCONTRL(x)
	f.add(nil, x)
}

// identity checks what CONTRL would have to copy: without it nothing can be answered.
//
// Spec: CONTRL AHB 1.0 (no CONTRL without usable UNB 0004, 0007, 0010 and 0020)
func (f *file) identity(unb *edifact.Segment) {
	for _, e := range []int{3, 4} {
		switch id := unb.Text(e, 1); {
		case unb.Empty(e, 1):
			f.unb("E1040", unb.ComponentPosition(e, 1), "", "an..35")
		case len(unb.Value(e, 1)) > 35:
			f.unb("E1040", unb.ComponentPosition(e, 1), cutText(id), "an..35")
		}
		switch q := unb.Text(e, 2); q {
		case "14", "500", "502":
		default:
			f.unb("E1040", unb.ComponentPosition(e, 2), cutText(q), "14, 500, 502")
		}
	}
	if ref := unb.Text(6, 1); len(unb.Value(6, 1)) > 14 {
		f.unb("E1040", unb.ElementPosition(6), cutText(ref), "an..14")
	}
}

// cutText shortens a value for a text.
func cutText(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}

// created checks date and time of creation.
func (f *file) created(unb *edifact.Segment) {
	for i, format := range []string{"JJMMTT", "HHMM"} {
		if unb.Empty(5, i+1) {
			f.unb("E1033", unb.ComponentPosition(5, i+1), "", format)
		}
	}
	if unb.Empty(5, 1) || unb.Empty(5, 2) {
		return
	}
	date, clock := unb.Text(5, 1), unb.Text(5, 2)
	t, err := calendar.ParseInterchangeTime(date, clock)
	if err != nil {
		c, found, format := 1, date, "JJMMTT"
		if _, err := calendar.ParseInterchangeTime(date, "0000"); err == nil {
			c, found, format = 2, clock, "HHMM"
		}
		f.unb("E1034", unb.ComponentPosition(5, c), cutText(found), format)
		return
	}
	f.result.CreatedAt = t
	if !f.opts.At.IsZero() && t.After(f.opts.At.Add(clockTolerance)) {
		f.unb("E1035", unb.ElementPosition(5), t.Format("2006-01-02 15:04 UTC"), f.opts.At.UTC().Format("2006-01-02 15:04 UTC"))
	}
}

// known asks what only the gateway knows.
//
// Spec: CONTRL MIG 2.0b, DE 0085 codes 7, 23, 25, 26; Allgemeine Festlegungen 6.1 ch. 5
func (f *file) known(unb *edifact.Segment) error {
	k := f.opts.Knowledge
	if k == nil {
		return nil
	}
	r := f.result
	if f.opts.Outgoing {
		if !k.IsOwn(r.Sender) {
			f.unb("E1060", unb.ComponentPosition(3, 1), cutText(r.Sender), "")
		}
		seen, err := k.Seen(r.Sender, r.Reference)
		if seen {
			f.unb("E1061", unb.ElementPosition(6), cutText(r.Reference), "")
		}
		return err
	}
	if !k.IsOwn(r.Receiver) {
		f.unb("E1050", unb.ComponentPosition(4, 1), cutText(r.Receiver), "")
	}
	if !k.IsPartner(r.Sender) {
		f.unb("E1051", unb.ComponentPosition(3, 1), cutText(r.Sender), "")
	}
	if r.Test && !k.AcceptsTests() {
		f.unb("E1052", unb.ElementPosition(12), "1", "")
	}
	seen, err := k.Seen(r.Sender, r.Reference)
	if seen {
		f.unb("E1053", unb.ElementPosition(6), cutText(r.Reference), "")
	}
	return err
}

// identifier checks UNH and finds the rule pack for the message; nil if it has none.
//
// Spec: CONTRL AHB 1.0, UCM; CONTRL MIG 2.0b, UCM 0062 and 0065 (what CONTRL has to repeat to name a message)
// Spec: Allgemeine Festlegungen 6.1 2.3, 2.7
func (f *file) identifier(m *edifact.Message, put func(formats.Finding)) *rules.Pack {
	s := m.Segment(1)
	report := func(code formats.Code, p edifact.Position, found, expected string) {
		x := at(code, p)
		x.Found, x.Expected = cutText(found), expected
		put(x)
	}
	if len(s.Value(2, 1)) > 14 {
		report("E1057", s.ElementPosition(2), s.Text(2, 1), "an..14")
	}
	messageType, version := s.Text(3, 1), s.Text(3, 5)
	if s.Empty(3, 1) {
		report("E1058", s.ComponentPosition(3, 1), "", "")
		return nil
	}
	names := f.versionsOf(messageType)
	if len(names) == 0 {
		report("E1046", s.ComponentPosition(3, 1), messageType, "")
		return nil
	}
	if f.firstType == "" {
		f.firstType = messageType
		f.application() // belongs to the file, whatever else is wrong with UNH
	}
	if messageType == "CONTRL" && f.firstType != messageType {
		report("E1057", s.ComponentPosition(3, 1), messageType, f.firstType)
		return nil
	}
	for c := 2; c <= 5; c++ {
		if s.Empty(3, c) {
			report("E1044", s.ComponentPosition(3, c), "", "")
			return nil
		}
	}
	if messageType != f.firstType {
		report("E1045", s.ComponentPosition(3, 1), messageType, f.firstType)
		return nil
	}
	if len(s.Value(3, 5)) > 6 {
		report("E1043", s.ComponentPosition(3, 5), version, "an..6")
		return nil
	}
	pack, err := f.pack(messageType, version)
	if err != nil || pack == nil {
		report("E1047", s.ComponentPosition(3, 5), version, strings.Join(names, ", "))
		return nil
	}
	for i, want := range strings.Split(pack.Directory, ":") {
		if !s.Is(3, i+2, want) {
			report("E1048", s.ComponentPosition(3, i+2), s.Text(3, i+2), want)
			return nil
		}
	}
	if len(s.Value(4, 1)) > 35 {
		report("E1043", s.ElementPosition(4), s.Text(4, 1), "an..35")
	}
	if part, ok := edifact.PartOf(&s); ok {
		if pos, missing, bad := part.Fault(&s); bad && missing {
			report("E1044", pos, "", "")
		} else if bad {
			report("E1056", pos, s.Text(pos.Element, max(pos.Component, 1)), "")
		}
	}
	if !slices.Contains(names, version) {
		report("E1049", s.ComponentPosition(3, 5), version, strings.Join(names, ", ")+" ("+string(f.inForce)+")")
	}
	return pack
}

// versionsOf returns the versions of a message type in the format version in force, see rules.Shelf.Versions.
func (f *file) versionsOf(messageType string) []string {
	if names, ok := f.versions[messageType]; ok {
		return names
	}
	now := f.opts.Rules.Versions(messageType, f.inForce)
	if f.versions == nil {
		f.versions = map[string][]string{}
	}
	if len(f.versions) < maxTypes {
		f.versions[messageType] = now
	}
	return now
}

// maxTypes bounds the message types remembered; a file should have one.
const maxTypes = 50

// application checks UNB 0026, which only MSCONS uses.
//
// Spec: MSCONS MIG 2.5, UNB 0026
func (f *file) application() {
	unb := f.reader.UNB()
	v := unb.Text(8, 1)
	switch {
	case f.firstType != "MSCONS" && v != "":
		f.unb("W1039", unb.ElementPosition(8), cutText(v), "")
	case f.firstType != "MSCONS":
	case v == "":
		f.unb("E1033", unb.ElementPosition(8), "", "EM, TL, VL")
	case v != "EM" && v != "TL" && v != "VL":
		f.unb("E1038", unb.ElementPosition(8), cutText(v), "EM, TL, VL")
	}
}

// parties compares the MP-IDs of UNB with those of NAD+MS and NAD+MR.
//
// Spec: Allgemeine Festlegungen 6.1 2.13
func (f *file) parties(m *edifact.Message, put func(formats.Finding)) {
	nad := edifact.MakeTag("NAD")
	var sender, receiver bool
	for n := 2; n <= m.Len() && n <= 30 && !(sender && receiver); n++ {
		if m.Tag(n) != nad {
			continue
		}
		s := m.Segment(n)
		want := ""
		switch {
		case s.Is(2, 1, "MS") && !sender:
			sender, want = true, f.comparable(3)
		case s.Is(2, 1, "MR") && !receiver:
			receiver, want = true, f.comparable(4)
		default:
			continue
		}
		if id := s.Text(3, 1); id != want && want != "" && !s.Empty(3, 1) && len(s.Value(3, 1)) <= 35 { // else: reported as too long
			x := at("E1054", s.ComponentPosition(3, 1))
			x.Found, x.Expected, x.Name, x.Rule = cutText(id), want, "MP-ID", "Allgemeine Festlegungen 6.1 2.13"
			put(x)
		}
	}
}

// comparable returns the MP-ID in element e of UNB; empty if it holds an octet that does not belong there.
func (f *file) comparable(e int) string {
	if f.spoilt[valuePlace{0, e, 1}] {
		return ""
	}
	return f.reader.UNB().Text(e, 1)
}

// identifiers reports transactions without Pruefidentifikator where the structure does not demand it by itself: in
// UTILMD it stands per Vorgang or per list, in IFTSTA in the status, and a Vorgang may have none.
//
// Spec: Allgemeine Festlegungen 6.1 2.20; CONTRL AHB 1.0
func (f *file) identifiers(m *edifact.Message, p *mig.Placement, cut []event.Transaction, put func(formats.Finding)) {
	if strayIdentifier(m, p) {
		return
	}
	for _, t := range cut {
		if t.Pruefidentifikator != "" || hasIdentifier(m, t) || t.First > len(p.Nodes) || p.Nodes[t.First-1] < 0 {
			continue
		}
		around := p.Pack.Nodes[p.Nodes[t.First-1]].Parent
		group := identifierGroup(p.Pack, around)
		if group == nil || group.Status.Required() {
			continue
		}
		before, there := gapBefore(p, t, around, group)
		if there {
			continue // it demands the RFF by itself
		}
		s := m.Segment(before)
		pos := s.Position()
		pos.Offset, pos.Length, pos.Tag = pos.Offset+int64(pos.Length), 0, tagRFF
		x := at("E1055", pos)
		x.Name = group.Name
		x.Rule = p.Pack.Type + " " + p.Pack.Version + " " + group.Group + " RFF+Z13"
		put(x)
	}
}

var tagRFF = edifact.MakeTag("RFF")

// gapBefore returns the last segment of a transaction that stands before the place of a group in the group around it,
// and whether the transaction has a group that can carry the Pruefidentifikator.
func gapBefore(p *mig.Placement, t event.Transaction, around int32, group *rules.Node) (before int, there bool) {
	before = t.First
	for n := t.First; n <= t.Last; n++ {
		node := p.Nodes[n-1]
		for node >= 0 && p.Pack.Nodes[node].Parent != around {
			node = p.Pack.Nodes[node].Parent
		}
		if node < 0 {
			continue
		}
		there = there || identifies(p.Pack, node)
		if p.Pack.Nodes[node].Counter < group.Counter {
			before = n
		}
	}
	return before, there
}

// hasIdentifier reports whether the transaction has a segment for the Pruefidentifikator, though perhaps an empty one.
func hasIdentifier(m *edifact.Message, t event.Transaction) bool {
	for n := t.First; n <= min(t.Last, m.Len()); n++ {
		if m.Tag(n) == tagRFF {
			if s := m.Segment(n); s.Is(2, 1, "Z13") {
				return true
			}
		}
	}
	return false
}

// strayIdentifier reports whether a segment for the Pruefidentifikator could not be placed, because of another fault:
// whose it is cannot be known then.
func strayIdentifier(m *edifact.Message, p *mig.Placement) bool {
	for n, node := range p.Nodes {
		if node < 0 && m.Tag(n+1) == tagRFF {
			if s := m.Segment(n + 1); s.Is(2, 1, "Z13") {
				return true
			}
		}
	}
	return false
}

// identifierGroup returns the first group directly below a node that carries the Pruefidentifikator, in itself or
// deeper; nil if there is none.
func identifierGroup(p *rules.Pack, around int32) *rules.Node {
	for _, child := range p.Children(&p.Nodes[around]) {
		if identifies(p, child) {
			return &p.Nodes[child]
		}
	}
	return nil
}

// identifies reports whether a node is a group with a segment for the Pruefidentifikator.
func identifies(p *rules.Pack, group int32) bool {
	g := &p.Nodes[group]
	if !g.IsGroup {
		return false
	}
	for i := group + 1; i < g.End; i++ {
		n := &p.Nodes[i]
		if n.IsGroup || n.Tag != tagRFF {
			continue
		}
		for _, e := range p.Elements[n.Elements.First:n.Elements.End] {
			for _, c := range p.Components[e.Components.First:e.Components.End] {
				if slices.Contains(p.Codes(c.Codes), "Z13") {
					return true
				}
			}
		}
	}
	return false
}
