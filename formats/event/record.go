package event

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"

	"github.com/marktbote/marktbote/edifact"
)

// Record is the data of all events but those with metered values: the fields that the mapping file names, and what is
// left of the message.
type Record struct {
	Message  Message
	Fields   Object
	Personal Object    // names, addresses and contacts of people; consumers that may not see them get the event without
	More     []Segment // what no field takes
}

// Segment is a segment as it was sent, without its release characters.
type Segment struct {
	Segment  int        `json:"segment"` // in the message, UNH = 1
	Group    string     `json:"group,omitempty"`
	Tag      string     `json:"tag"`
	Elements [][]string `json:"elements"` // components of the elements behind the tag
}

// MarshalJSON returns the message block, the fields in the order of the mapping file, the personal data and the rest.
func (r *Record) MarshalJSON() ([]byte, error) {
	o := Object{names: []string{"message"}, values: []any{&r.Message}}
	o.names, o.values = append(o.names, r.Fields.names...), append(o.values, r.Fields.values...)
	if r.Personal.Len() > 0 {
		o.set("personal", &r.Personal)
	}
	if len(r.More) > 0 {
		o.set("more", r.More)
	}
	return o.MarshalJSON()
}

// Text returns a field of kind text, "" if the message does not have it.
func (r *Record) Text(name string) string {
	s, _ := r.Fields.Get(name).(string)
	return s
}

// Instant returns a field that is an instant, zero if the message does not have it.
func (r *Record) Instant(name string) time.Time {
	t, _ := r.Fields.Get(name).(time.Time)
	return t
}

// Object is a JSON object with its fields in order.
type Object struct {
	names  []string
	values []any
}

// Len returns the number of fields.
func (o *Object) Len() int { return len(o.names) }

// Get returns the value of a field, nil if there is none.
func (o *Object) Get(name string) any {
	if i := slices.Index(o.names, name); i >= 0 {
		return o.values[i]
	}
	return nil
}

// set adds a field.
func (o *Object) set(name string, value any) {
	o.names, o.values = append(o.names, name), append(o.values, value)
}

// MarshalJSON returns the object.
func (o *Object) MarshalJSON() ([]byte, error) { return o.append(nil) }

// append writes the object itself instead of having encoding/json check the text of every object inside again.
func (o *Object) append(b []byte) ([]byte, error) {
	b = append(b, '{')
	for i, name := range o.names {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), name...), '"', ':')
		var err error
		if b, err = appendJSON(b, o.values[i]); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

// appendJSON writes a value of an object.
func appendJSON(b []byte, v any) ([]byte, error) {
	var err error
	switch x := v.(type) {
	case *Object:
		return x.append(b)
	case []any:
		b = append(b, '[')
		for i, y := range x {
			if i > 0 {
				b = append(b, ',')
			}
			if b, err = appendJSON(b, y); err != nil {
				return nil, err
			}
		}
		return append(b, ']'), nil
	case string:
		if plainText(x) {
			return append(append(append(b, '"'), x...), '"'), nil
		}
	case *Code:
		if plainText(x.Code) && x.Name == "" {
			return append(append(append(b, `{"code":"`...), x.Code...), '"', '}'), nil
		}
	case time.Time:
		return append(x.AppendFormat(append(b, '"'), time.RFC3339Nano), '"'), nil
	}
	text, err := json.Marshal(v)
	return append(b, text...), err
}

// plainText reports whether a text needs no escape in JSON.
func plainText(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			return false
		}
	}
	return true
}

// filler takes the fields of one event out of a message.
type filler struct {
	p     *parser
	taken map[int][]edifact.Place // components that the data has, by segment
}

// take notes that the data has components of element e of segment n.
func (f *filler) take(n, e int, components ...int) {
	for _, c := range components {
		f.taken[n] = append(f.taken[n], edifact.Place{Element: e, Component: c})
	}
}

// takeAll notes that the data has a whole segment.
func (f *filler) takeAll(n int) { f.take(n, 0, 0) }

// takePattern notes the codes that a place leaves no choice in: the name of the field says them.
func (f *filler) takePattern(n int, p *pattern) {
	if p == nil {
		return
	}
	s := f.p.m.Segment(n)
	for _, x := range p.codes {
		if len(x.alts) == 1 && (!x.free || s.Is(x.e, x.c, x.alts[0])) {
			f.take(n, x.e, x.c)
		}
	}
}

// slots are the values of an object while it is filled, parallel to its fields.
type slots []any

// fill reads an object from a group. at is the group and the groups inside that have no object of their own.
func (f *filler) fill(o *object, s slots, at *instance) {
	in := o.within(at.group)
	for _, n := range at.segments {
		tag := f.p.m.Tag(n)
		for _, i := range in.values {
			x := o.fields[i]
			if x.segment.tag != tag || s[i] != nil && !x.list {
				continue
			}
			seg := f.p.m.Segment(n)
			if !x.segment.matches(&seg) {
				continue
			}
			if x.trigger != nil {
				first := f.p.m.Segment(at.segments[0])
				if !x.trigger.matches(&first) {
					continue
				}
			}
			v := kinds[x.kind].read(f, n, &seg, x)
			if v == nil {
				continue
			}
			f.takePattern(n, x.segment)
			if x.trigger != nil {
				f.takePattern(at.segments[0], x.trigger)
			}
			s.put(i, x, v)
		}
	}
	for _, sub := range at.below {
		i := f.objectFor(o, s, sub)
		if i < 0 {
			f.fill(o, s, sub)
			continue
		}
		x := o.fields[i]
		inner := make(slots, len(x.object.fields))
		f.fill(x.object, inner, sub)
		if v, _ := f.object(x.object, inner); v.Len() > 0 {
			f.takePattern(sub.segments[0], x.segment)
			s.put(i, x, v)
		}
	}
}

// objectFor returns the field of an object that a group is an object of its own in, -1 if there is none.
func (f *filler) objectFor(o *object, s slots, at *instance) int {
	in := o.within(at.group)
	if len(in.objects) == 0 {
		return -1
	}
	first := f.p.m.Segment(at.segments[0])
	for _, i := range in.objects {
		if x := o.fields[i]; x.segment.matches(&first) {
			if s[i] != nil && !x.list {
				return -1
			}
			return i
		}
	}
	return -1
}

// deep reads a field from anywhere.
func (f *filler) deep(x *field, i int, s slots, at *instance) {
	segments := at.segments
	if x.group != at.group {
		segments = nil
	}
	for _, n := range segments {
		seg := f.p.m.Segment(n)
		if !x.segment.matches(&seg) || s[i] != nil && !x.list {
			continue
		}
		if x.object != nil {
			f.deepObject(x, i, s, at)
			break
		}
		if v := kinds[x.kind].read(f, n, &seg, x); v != nil {
			f.takePattern(n, x.segment)
			s.put(i, x, v)
		}
	}
	for _, sub := range at.below {
		f.deep(x, i, s, sub)
	}
}

// deepObject reads an object that says more than a code and a number; it only gives a second view of the group.
func (f *filler) deepObject(x *field, i int, s slots, at *instance) {
	view := &filler{p: f.p, taken: map[int][]edifact.Place{}}
	inner := make(slots, len(x.object.fields))
	view.fill(x.object, inner, at)
	says := false
	for k, y := range x.object.fields {
		says = says || inner[k] != nil && y.kind != "code" && y.kind != "party" && y.kind != "id"
	}
	if !says {
		return
	}
	for n, places := range view.taken {
		f.taken[n] = append(f.taken[n], places...)
	}
	f.takePattern(at.segments[0], x.segment)
	v, _ := f.object(x.object, inner)
	s.put(i, x, v)
}

func (s slots) put(i int, x *field, v any) {
	if !x.list {
		s[i] = v
		return
	}
	list, _ := s[i].([]any)
	s[i] = append(list, v)
}

// object makes the JSON object of filled slots; fields of the personal block come apart.
func (f *filler) object(o *object, s slots) (fields, personal *Object) {
	fields, personal = new(Object), new(Object)
	for i, x := range o.fields {
		if s[i] == nil {
			continue
		}
		to := fields
		if x.personal {
			to = personal
		}
		to.set(x.name, s[i])
		if extra := kinds[x.kind].extra; extra != nil {
			if v := extra(f, s[i]); v != nil {
				to.set(x.arg, v)
			}
		}
	}
	return fields, personal
}

// record reads an event.
func (p *parser) record(t Transaction, msg Message, row *mapping, root *instance) *Record {
	f := &filler{p: p, taken: map[int][]edifact.Place{}}
	r := &Record{Message: msg}
	f.message(root, t)
	o := row.table.object
	s := make(slots, len(o.fields))
	f.fill(o, s, root)
	for i, x := range o.fields {
		switch k := kinds[x.kind]; {
		case k.whole != nil:
			s[i] = k.whole(f, root, s, o)
		case x.deep:
			f.deep(x, i, s, root)
		}
	}
	fields, personal := f.object(o, s)
	r.Fields, r.Personal = *fields, *personal
	more, people := f.rest(root)
	r.More = more
	if len(people) > 0 {
		r.Personal.set("more", people)
	}
	return r
}

// message notes what the message block has.
func (f *filler) message(root *instance, t Transaction) {
	for _, n := range root.segments {
		s := f.p.m.Segment(n)
		switch s.Tag() {
		case edifact.UNH, edifact.UNS, edifact.UNT:
			f.takeAll(n) // UNS and UNT follow from the rest
		case tagBGM:
			f.take(n, 2, 1)
			f.take(n, 3, 1)
			f.take(n, 4, 1)
		case tagDTM:
			if s.Is(2, 1, "137") {
				f.take(n, 2, 1, 2, 3)
			}
		}
	}
	for _, in := range root.below {
		n := in.segments[0]
		s := f.p.m.Segment(n)
		switch s.Tag() {
		case tagNAD:
			if s.Is(2, 1, "MS") || s.Is(2, 1, "MR") {
				f.take(n, 2, 1)
				f.take(n, 3, 1, 3)
			}
		case tagCNI:
			f.take(n, 2, 1)
		case tagIDE, tagDOC, tagEQD:
			if n == t.First && t.Number != "" {
				f.take(n, 3, 1)
				if s.Tag() == tagIDE {
					f.take(n, 2, 1)
				}
			}
		}
	}
	for _, n := range f.p.referencesIn(root) {
		f.reference(n)
	}
}

// reference notes an RFF that the message block has.
func (f *filler) reference(n int) {
	s := f.p.m.Segment(n)
	if !s.Empty(2, 2) && !s.Is(2, 1, "Z60") {
		f.take(n, 2, 1, 2)
	}
}

// rest returns the segments of a tree that the data does not have completely, in the order of the message; those about
// people apart.
func (f *filler) rest(root *instance) (more, people []Segment) {
	var walk func(in *instance)
	walk = func(in *instance) {
		for _, n := range in.segments {
			s := f.p.m.Segment(n)
			if f.complete(n, &s) {
				continue
			}
			if in.group.aboutPeople() || s.Tag() == tagCOM || s.Tag() == tagCTA || s.Tag() == tagNAD && s.Elements() > 3 {
				people = append(people, segmentOf(&s, n, in.group))
			} else {
				more = append(more, segmentOf(&s, n, in.group))
			}
		}
		for _, sub := range in.below {
			walk(sub)
		}
	}
	walk(root)
	byNumber := func(a, b Segment) int { return a.Segment - b.Segment }
	slices.SortFunc(more, byNumber)
	slices.SortFunc(people, byNumber)
	return more, people
}

// aboutPeople reports whether a group is about contacts.
func (g *group) aboutPeople() bool { return g.trigger == tagCTA }

// complete reports whether the data has every component of a segment.
func (f *filler) complete(n int, s *edifact.Segment) bool {
	taken := f.taken[n]
	for at, value := range s.All() {
		if at.Element == 1 || len(bytes.TrimLeft(value, " ")) == 0 {
			continue
		}
		if !slices.Contains(taken, at) && !slices.Contains(taken, edifact.Place{}) {
			return false
		}
	}
	return s.Elements() > 1 || slices.Contains(taken, edifact.Place{})
}

// segmentOf copies a segment.
func segmentOf(s *edifact.Segment, n int, g *group) Segment {
	out := Segment{Segment: n, Group: g.name, Tag: string(s.Value(1, 1))}
	for e := 2; e <= s.Elements(); e++ {
		var list []string
		for c := 1; c <= s.Components(e); c++ {
			list = append(list, s.Text(e, c))
		}
		out.Elements = append(out.Elements, list)
	}
	return out
}
