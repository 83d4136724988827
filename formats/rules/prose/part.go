package prose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats/rules"
)

// part is a group or segment of one side, with what stands in it. The root is the message.
type part struct {
	node   int32
	up     *part
	expr   *rules.Expression // nil for the root, and in a structure
	parts  []*part
	values []*value // of a segment
}

// value is a data element of a segment.
type value struct {
	in                 *part
	element, component int
	entries            []entry
}

// entry is a code of a data element, or any value if code is empty, with its expression (nil in a structure).
type entry struct {
	code string
	expr *rules.Expression
}

// tree makes the parts of a side: those of the use case, or of the structure if it has none.
func (s Side) tree() *part {
	if s.UseCase == nil {
		root := &part{}
		nodes := slices.Concat(s.Pack.Service, s.Pack.Children(&s.Pack.Nodes[0]))
		slices.Sort(nodes) // UNZ stands behind the message
		for _, node := range nodes {
			root.parts = append(root.parts, s.structure(root, node))
		}
		return root
	}
	root := &part{}
	at := map[int32]*part{-1: root} // by row
	var segment *part
	for i := range s.UseCase.Rows {
		row := &s.UseCase.Rows[i]
		if row.Kind < rules.RowValue {
			segment = &part{node: row.Node, up: at[row.Parent], expr: row.Expr}
			segment.up.parts = append(segment.up.parts, segment)
			at[int32(i)] = segment
			continue
		}
		v := segment.value(row.Element, row.Component)
		if v == nil {
			v = &value{in: segment, element: row.Element, component: row.Component}
			segment.values = append(segment.values, v)
		}
		if row.Kind == rules.RowValue {
			v.entries = append(v.entries, entry{"", row.Expr})
		}
		for _, code := range row.Codes {
			v.entries = append(v.entries, entry{code, row.Expr})
		}
	}
	return root
}

// structure makes the part of a node and all below it. Data elements that are not to be used are left out.
func (s Side) structure(up *part, node int32) *part {
	x := &part{node: node, up: up}
	n := &s.Pack.Nodes[node]
	if n.IsGroup {
		for _, child := range s.Pack.Children(n) {
			x.parts = append(x.parts, s.structure(x, child))
		}
		return x
	}
	for e := range n.Elements.Len() {
		element := &s.Pack.Elements[int(n.Elements.First)+e]
		for c := range element.Components.Len() {
			v := &value{in: x, element: e + 1, component: c + 1}
			component := &s.Pack.Components[int(element.Components.First)+c]
			if element.Status == 'N' || component.Status == 'N' {
				continue
			}
			for _, code := range s.Pack.Codes(component.Codes) {
				v.entries = append(v.entries, entry{code, nil})
			}
			if len(v.entries) == 0 {
				v.entries = []entry{{}}
			}
			x.values = append(x.values, v)
		}
	}
	return x
}

func (x *part) value(element, component int) *value {
	for _, v := range x.values {
		if v.element == element && v.component == component {
			return v
		}
	}
	return nil
}

// trigger returns the segment that opens a group; a segment itself.
func (s Side) trigger(x *part) *part {
	if s.Pack.Nodes[x.node].IsGroup && len(x.parts) > 0 {
		return x.parts[0]
	}
	return x
}

// rows counts the lines of the document that a part takes, what is in it included.
func (x *part) rows() int {
	n := 1
	for _, v := range x.values {
		n += len(v.entries)
	}
	for _, child := range x.parts {
		n += child.rows()
	}
	return n
}

// codesAt returns the codes that a part allows at a place of its segment; nil if any value is allowed, or none.
func (s Side) codesAt(x *part, element, component int) []string {
	x = s.trigger(x)
	if v := x.value(element, component); v != nil {
		var list []string
		for _, e := range v.entries {
			if e.code == "" {
				return nil
			}
			if !slices.Contains(list, e.code) {
				list = append(list, e.code)
			}
		}
		return list
	}
	return nil
}

// at is a place in a segment.
type at struct{ element, component int }

// tests returns where a part differs from its siblings; the first place is that of the qualifier.
func (s Side) tests(x *part) []at {
	n := &s.Pack.Nodes[x.node]
	var list []at
	for _, t := range s.Pack.Tests(n) {
		list = append(list, at{int(t.Element) - 1, int(t.Component)})
	}
	return list
}

// maxQualifiers bounds the codes that are named as a qualifier.
const maxQualifiers = 3

// tag names a segment with what tells it from others: DTM+93, CCI+++Z15, STS+7. A group has the tag of its trigger.
func (s Side) tag(x *part) string {
	n := s.Pack.Segment(x.node)
	tag := n.Tag.String()
	switch n.Tag {
	case edifact.UNA, edifact.UNB, edifact.UNH, edifact.UNT, edifact.UNZ:
		return tag
	}
	tests := s.tests(x)
	if len(tests) == 0 {
		tests = []at{{1, 1}}
	}
	for _, t := range tests {
		codes := s.codesAt(x, t.element, t.component)
		if len(codes) == 0 {
			continue
		}
		list := strings.Join(codes, "/")
		if len(codes) > maxQualifiers {
			if t != tests[0] {
				continue
			}
			list = strings.Join(codes[:maxQualifiers], "/") + "/…"
		}
		return tag + strings.Repeat("+", t.element) + strings.Repeat(":", t.component-1) + list
	}
	return tag
}

// path names the groups around a part, from the message down, and the part itself.
func (s Side) path(x *part) string {
	var names []string
	for ; x.up != nil; x = x.up {
		n := &s.Pack.Nodes[x.node]
		name := s.tag(x)
		if n.IsGroup {
			name = n.Group + " " + name
		} else if x.up.up != nil && x == x.up.parts[0] {
			continue // the trigger is named by its group
		}
		names = append(names, name)
	}
	slices.Reverse(names)
	return strings.Join(names, " › ")
}

func (s Side) name(x *part) string { return s.Pack.Nodes[x.node].Name }

// valueName names a data element: its number, its place if the segment has that number more than once, and its name.
func (s Side) valueName(p *page, v *value) string {
	_, c := s.component(v)
	n := &s.Pack.Nodes[v.in.node]
	times := 0
	for _, e := range s.Pack.Elements[n.Elements.First:n.Elements.End] {
		for _, k := range s.Pack.Components[e.Components.First:e.Components.End] {
			if k.ID == c.ID {
				times++
			}
		}
	}
	if times > 1 {
		return fmt.Sprintf("%s (%d.%d) %s", c.ID, v.element, v.component, p.quote(c.Name))
	}
	return c.ID + " " + p.quote(c.Name)
}

// component returns the data element of a value.
func (s Side) component(v *value) (*rules.Element, *rules.Component) {
	n := &s.Pack.Nodes[v.in.node]
	e := &s.Pack.Elements[int(n.Elements.First)+v.element-1]
	return e, &s.Pack.Components[int(e.Components.First)+v.component-1]
}
