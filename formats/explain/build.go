package explain

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/check"
	"github.com/marktbote/marktbote/formats/event"
	"github.com/marktbote/marktbote/formats/mig"
	"github.com/marktbote/marktbote/formats/rules"
)

// builder makes the page while the check goes through the file.
type builder struct {
	opts     Options
	words    words
	ends     *ends
	sparte   formats.Sparte // by UNB, known from the first message on
	list     []*Message     // as many as the check has seen; nil for those that are not shown
	segments int            // explained so far
	first    *column        // of the first transaction: it holds for UNB
	columns  map[*rules.UseCase]*column
}

// messageBuilder holds what concerns one message.
type messageBuilder struct {
	*builder
	out       *Message
	msg       *edifact.Message
	places    *mig.Placement // nil: no rules
	cut       []event.Transaction
	columns   []*column // parallel to cut, nil where no column is known
	explained map[string]Place
	obis      string // of the series that the segment belongs to
}

// message explains one message. It is called by the check.
func (b *builder) message(m *edifact.Message, p *mig.Placement) {
	if len(b.list) == 0 {
		b.sparte = sparteOf(b.ends.unb())
	}
	unh := m.Segment(1)
	out := &Message{
		ID: fmt.Sprintf("m%d", m.Index()), Number: m.Index(), Segments: m.Len(), Reference: b.text(unh.Text(2, 1)),
		Type: b.text(unh.Text(3, 1)), Version: b.text(unh.Text(3, 5)),
	}
	out.Shown = min(out.Segments, maxMessageSegments, maxSegments-b.segments)
	if out.Shown <= 0 {
		b.list = append(b.list, nil) // finish brings back those with findings
		return
	}
	b.segments += out.Shown
	b.list = append(b.list, out)
	x := &messageBuilder{builder: b, out: out, msg: m, places: p, cut: event.Transactions(m), explained: map[string]Place{}}
	if p != nil {
		out.Document = p.Pack.Document
		out.untouched = firstUntouched(p)
	}
	for _, t := range x.cut {
		if t.First > out.Shown {
			break
		}
		x.columns = append(x.columns, x.columnOf(t))
	}
	if len(b.list) == 1 && len(x.columns) > 0 {
		b.first = x.columns[0]
	}
	x.sections()
}

// text prepares a value of the file for the page.
func (b *builder) text(s string) string { return visible(clip(s, maxValue)) }

// firstUntouched returns the first of the segments at the end that a check which was broken off has not placed.
func firstUntouched(p *mig.Placement) int {
	if p.Complete {
		return 0
	}
	n := len(p.Nodes)
	for n > 0 && p.Nodes[n-1] < 0 {
		n--
	}
	return n + 1
}

// sparteOf tells the Sparte by UNB 0007: that of the recipient, whose days count, else that of the sender.
func sparteOf(unb *edifact.Segment) formats.Sparte {
	if unb == nil {
		return ""
	}
	for _, e := range []int{4, 3} {
		switch unb.Text(e, 2) {
		case "500":
			return formats.Strom
		case "502":
			return formats.Gas
		}
	}
	return ""
}

func (x *messageBuilder) columnOf(t event.Transaction) *column {
	if x.places == nil {
		return nil
	}
	use, _ := check.UseCaseOf(x.places, x.msg, t)
	if use == nil {
		return nil
	}
	if x.builder.columns == nil {
		x.builder.columns = map[*rules.UseCase]*column{}
	}
	c := x.builder.columns[use]
	if c == nil {
		c = newColumn(x.places.Pack, use, x.words)
		x.builder.columns[use] = c
	}
	return c
}

// sections splits the message: the part in front of the transactions, each transaction, the part behind them.
func (x *messageBuilder) sections() {
	next := 1
	for i, t := range x.cut {
		if t.First > x.out.Shown {
			break
		}
		if t.First > next {
			x.section(&Section{Head: true}, x.columns[i], next, t.First-1)
		}
		x.section(&Section{Transaction: x.transaction(i, t)}, x.columns[i], t.First, t.Last)
		next = t.Last + 1
	}
	if next <= x.out.Segments {
		var col *column
		if len(x.columns) > 0 {
			col = x.columns[0]
		}
		x.section(&Section{Head: len(x.cut) == 0}, col, next, x.out.Segments)
	}
}

func (x *messageBuilder) transaction(i int, t event.Transaction) *Transaction {
	out := &Transaction{
		ID: fmt.Sprintf("%st%d", x.out.ID, i+1), Number: x.text(t.Number), Message: x.out,
		Pruefidentifikator: x.text(t.Pruefidentifikator.String()),
	}
	if t.Number == "" {
		out.Number = x.text(event.DocumentNumber(x.msg))
	}
	if t.Object != "" {
		out.Object = x.text(string(t.ObjectKind) + "/" + t.Object)
	}
	if c := x.columns[i]; c != nil {
		out.Name, out.Handbook = strings.ReplaceAll(c.use.Name, "_", " "), c.use.Version
	}
	return out
}

// section explains the segments from first to last.
func (x *messageBuilder) section(s *Section, col *column, first, last int) {
	var group *Group
	current := int32(-1)
	for n := first; n <= min(last, x.out.Shown); n++ {
		instance := int32(0)
		if x.places != nil {
			instance = x.places.Instance[n-1]
		}
		if group == nil || instance != current {
			group, current = x.group(col, instance, n), instance
			s.Groups = append(s.Groups, group)
		}
		group.Segments = append(group.Segments, x.segment(col, group, n))
	}
	if len(s.Groups) > 0 {
		x.out.Sections = append(x.out.Sections, s)
	}
}

// group begins a run of segments of one instance with segment n.
func (x *messageBuilder) group(col *column, instance int32, n int) *Group {
	g := &Group{}
	if instance == 0 {
		return g
	}
	p := x.places
	i := p.Instances[instance]
	g.Path = strings.TrimSuffix(p.GroupPath(instance), "/")
	g.Depth = strings.Count(g.Path, "/") + 1
	g.Name = p.Pack.Nodes[i.Node].Name
	g.Continued = int(i.First) != n
	if !g.Continued {
		g.Rule = x.rule(p.Pack, col, i.Node, Place{x.segmentID(n), n}, nil)
	}
	return g
}

func (x *messageBuilder) segmentID(n int) string { return x.out.ID + "s" + strconv.Itoa(n) }

// segment explains segment n.
func (x *messageBuilder) segment(col *column, g *Group, n int) *Segment {
	s := x.msg.Segment(n)
	out := &Segment{ID: x.segmentID(n), Number: n, Offset: s.Offset(), Tag: x.tag(&s), Depth: g.Depth, State: Unchecked}
	out.Raw = x.raw(&s)
	node := int32(-1)
	var pack *rules.Pack
	if x.places != nil {
		pack, node, out.Path = x.places.Pack, x.places.Nodes[n-1], x.places.Path(n)
		if out.State = Placed; node < 0 && (x.out.untouched == 0 || n < x.out.untouched) {
			out.State = Unplaced
		} else if node < 0 {
			out.State = Unchecked
		}
	}
	d := decoder{words: x.words, sparte: x.sparte, series: &x.obis, pack: pack}
	if d.pack == nil {
		d.pack = servicePack(x.opts.Rules, edifact.UNH) // the service segments are the same everywhere
	}
	switch like := likeNode(d.pack, s.Tag()); {
	case node >= 0:
		d.node, out.Name = node, d.pack.Nodes[node].Name
	case like >= 0 && (pack != nil || s.Tag() == edifact.UNH || s.Tag() == edifact.UNT):
		d.node = like // its elements have the same names, whatever the segment is for
	default:
		d.node = -1
	}
	row := -1
	if col != nil && node >= 0 {
		if i, ok := col.segments[node]; ok {
			row = i
		} else {
			out.State = Unused
		}
	}
	out.Elements, out.Omitted = d.elements(&s)
	if node >= 0 && out.State == Placed {
		var rows []int
		if row >= 0 {
			rows = d.rows(col, row, out.Elements)
		}
		out.Rule = x.rule(pack, col, node, Place{out.ID, n}, rows)
	}
	return out
}

// tag returns the tag, or what stands in its place.
func (b *builder) tag(s *edifact.Segment) string {
	if tag := s.Tag().String(); tag != "" {
		return tag
	}
	return visible(clip(s.Text(1, 1), 10))
}

// raw returns a segment as sent, with its terminator.
func (b *builder) raw(s *edifact.Segment) string {
	svc := s.Service()
	raw := s.Raw()
	if len(raw) > maxRaw {
		return visible(edifact.Latin1String(raw[:maxRaw])) + "…"
	}
	return visible(edifact.Latin1String(raw)) + string(rune(svc.Terminator))
}
