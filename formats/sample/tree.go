package sample

import (
	"slices"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats/rules"
)

// item is a segment or group instance of a message in the making.
type item struct {
	node   int32
	up     *item // the group instance around, nil for the message
	kids   []*item
	values [][]string      // of a segment: by element and component, both from 0
	pinned map[[2]int]bool // values that something else depends on
	forced bool            // something else depends on it
}

// plan is a row of the use case: a group or a segment with its data elements.
type plan struct {
	row    *rules.Row
	places []place
}

// place is a data element of a segment. Element and component count from 1, as in rules.Row.
type place struct {
	element, component int
	free               *rules.Expression // of any value, nil if only codes are allowed
	codes              []choice
}

// choice is a code with its row.
type choice struct {
	code string
	expr *rules.Expression
}

// plan reads the rows of the use case.
func (g *generator) plan() {
	var open *plan
	for i := range g.use.Rows {
		r := &g.use.Rows[i]
		if r.Kind < rules.RowValue {
			open = &plan{row: r}
			if g.pack.Nodes[r.Node].Parent < 0 && r.Kind == rules.RowSegment {
				if g.pack.Nodes[r.Node].Tag == edifact.UNB {
					g.head = open
				}
				continue
			}
			g.plans[r.Node] = open
			continue
		}
		at := slices.IndexFunc(open.places, func(p place) bool { return p.element == r.Element && p.component == r.Component })
		if at < 0 {
			at = len(open.places)
			open.places = append(open.places, place{element: r.Element, component: r.Component})
		}
		p := &open.places[at]
		if r.Kind == rules.RowValue {
			p.free = r.Expr
		}
		for _, code := range r.Codes {
			p.codes = append(p.codes, choice{code, r.Expr})
		}
	}
}

func (g *generator) info(it *item) *rules.Node { return &g.pack.Nodes[it.node] }

// add puts a new item into a group instance, where the order of the document wants it. A group comes with its first
// segment.
func (g *generator) add(up *item, node int32) *item {
	g.changed, g.last = true, node
	it := g.make(up, node)
	counter := g.pack.Nodes[node].Counter
	at := len(up.kids)
	for at > 0 {
		before := up.kids[at-1]
		if c := g.info(before).Counter; c < counter || c == counter && before.node <= node {
			break
		}
		at--
	}
	up.kids = slices.Insert(up.kids, at, it)
	return it
}

func (g *generator) make(up *item, node int32) *item {
	it := &item{node: node, up: up, pinned: map[[2]int]bool{}}
	n := &g.pack.Nodes[node]
	if n.IsGroup {
		if first := g.pack.Children(n)[0]; up != nil {
			it.kids = append(it.kids, g.make(it, first))
		}
		return it
	}
	for _, e := range g.pack.Elements[n.Elements.First:n.Elements.End] {
		it.values = append(it.values, make([]string, e.Components.Len()))
	}
	return it
}

// remove takes an item out.
func (g *generator) remove(it *item) {
	g.changed, g.last = true, it.node
	up := it.up
	up.kids = slices.DeleteFunc(up.kids, func(k *item) bool { return k == it })
}

// instances returns the items of a node in a group instance.
func (it *item) instances(node int32) []*item {
	var list []*item
	for _, k := range it.kids {
		if k.node == node {
			list = append(list, k)
		}
	}
	return list
}

// below calls visit for all items of a node below a group instance.
func (it *item) below(visit func(*item)) {
	for _, k := range it.kids {
		visit(k)
		k.below(visit)
	}
}

// get returns a value; element and component count from 1.
func (it *item) get(element, component int) string {
	if element < 1 || element > len(it.values) || component < 1 || component > len(it.values[element-1]) {
		return ""
	}
	return it.values[element-1][component-1]
}

func (g *generator) set(it *item, element, component int, value string) {
	if it.get(element, component) != value && element <= len(it.values) && component <= len(it.values[element-1]) {
		it.values[element-1][component-1] = value
		g.changed, g.last = true, it.node
	}
}

// pin sets a value that must stay.
func (g *generator) pin(it *item, element, component int, value string) {
	g.set(it, element, component, value)
	it.pinned[[2]int{element, component}] = true
	for up := it; up != nil; up = up.up {
		up.forced = true
	}
}

// component returns what the structure says about a place.
func (g *generator) component(it *item, element, component int) (*rules.Element, *rules.Component) {
	e := &g.pack.Elements[int(g.info(it).Elements.First)+element-1]
	return e, &g.pack.Components[int(e.Components.First)+component-1]
}

// opensTransaction are the first segments of the groups that are a Geschaeftsvorfall each, by message type; the
// messages of other types are one as a whole.
//
// Spec: APERAK AHB 1.1 (transaction number by message type)
var opensTransaction = map[string][]edifact.Tag{
	"UTILMD": {edifact.MakeTag("IDE")}, "UTILTS": {edifact.MakeTag("IDE")}, "INSRPT": {edifact.MakeTag("DOC")},
	"IFTSTA": {edifact.MakeTag("CNI"), edifact.MakeTag("EQD")},
}

// transaction returns the instance that is the Geschaeftsvorfall around an item, or the message.
func (g *generator) transaction(it *item) *item {
	top := it
	for top.up != nil && top.up.up != nil {
		top = top.up
	}
	if n := g.info(top); top.up != nil && n.IsGroup && slices.Contains(opensTransaction[g.pack.Type], n.Tag) {
		return top
	}
	return g.root
}
