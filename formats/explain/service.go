package explain

import (
	"slices"
	"strconv"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats/calendar"
	"github.com/marktbote/marktbote/formats/rules"
)

// likeNode returns the first node with a tag, -1 if there is none.
func likeNode(p *rules.Pack, tag edifact.Tag) int32 {
	if p == nil || tag == 0 {
		return -1
	}
	for i := range p.Nodes {
		if n := &p.Nodes[i]; n.Tag == tag && !n.IsGroup {
			return int32(i)
		}
	}
	return -1
}

// servicePack returns the newest pack that describes a service segment.
func servicePack(shelf *rules.Shelf, tag edifact.Tag) *rules.Pack {
	for _, entry := range slices.Backward(shelf.List()) {
		p, err := shelf.Load(entry.FormatVersion, entry.Name)
		if err == nil && likeNode(p, tag) >= 0 {
			return p
		}
	}
	return nil
}

// around explains a service segment outside the messages. The handbooks have rows for UNB; those of the first
// transaction count.
func (b *builder) around(s *edifact.Segment, id string, offset int64) *Segment {
	if s == nil {
		return nil
	}
	out := &Segment{ID: id, Offset: offset, Tag: b.tag(s), Raw: b.raw(s)}
	d := decoder{words: b.words, sparte: b.sparte}
	if b.first != nil {
		d.pack = b.first.pack
	}
	if d.node = likeNode(d.pack, s.Tag()); d.node < 0 {
		d.pack = servicePack(b.opts.Rules, s.Tag())
		d.node = likeNode(d.pack, s.Tag())
	}
	if d.node >= 0 {
		out.Name = d.pack.Nodes[d.node].Name
	}
	out.Elements, out.Omitted = d.elements(s)
	if b.first == nil {
		return out
	}
	if row, ok := b.first.segments[d.node]; ok && d.pack == b.first.pack {
		x := messageBuilder{builder: b, explained: map[string]Place{}}
		out.Rule = x.rule(d.pack, b.first, d.node, Place{ID: id}, d.rows(b.first, row, out.Elements))
	}
	return out
}

// una explains the service string.
func (b *builder) una() *Segment {
	raw, ok := b.ends.una()
	if !ok {
		return nil
	}
	names := []string{
		b.words.pick("Trennzeichen der Bestandteile", "component separator"), b.words.pick("Trennzeichen der Datenelemente", "element separator"),
		b.words.pick("Dezimalzeichen", "decimal mark"), b.words.pick("Freigabezeichen", "release character"),
		b.words.pick("reserviert", "reserved"), b.words.pick("Segmentende", "segment terminator"),
	}
	out := &Segment{ID: "una", Tag: "UNA", Name: b.words.pick("Trennzeichen-Vorgabe", "service characters"), Raw: visible(edifact.Latin1String(raw))}
	for i, name := range names {
		c := visible(edifact.Latin1String(raw[3+i : 4+i]))
		if c == " " {
			c = b.words.pick("Leerzeichen", "space")
		}
		out.Elements = append(out.Elements, Element{Place: strconv.Itoa(i + 1), Name: name, Value: c})
	}
	return out
}

// created returns UNB S004 in local time.
func created(w words, unb *edifact.Segment) string {
	if unb == nil {
		return ""
	}
	t, err := calendar.ParseInterchangeTime(unb.Text(5, 1), unb.Text(5, 2))
	if err != nil {
		return ""
	}
	return w.instant(t)
}
