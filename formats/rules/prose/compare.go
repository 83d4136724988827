package prose

import (
	"reflect"
	"slices"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats/rules"
)

// Difference is what changes from one version to another, of a use case or of a structure.
type Difference struct {
	old, now   Side
	removed    []*part // of old, without what is in them
	added      []*part // of now
	changed    []change
	conditions []meaningChange
	packages   []string
	unknown    []int // conditions that are not translated in one of the versions, so that their meaning cannot be compared
	rows       int
}

// Rows counts the lines of the document that are new, gone or changed.
func (d *Difference) Rows() int { return d.rows }

// Empty reports whether there is no change. The versions and dates of the documents are none.
func (d *Difference) Empty() bool {
	return len(d.removed)+len(d.added)+len(d.changed)+len(d.conditions)+len(d.packages) == 0
}

// change is what changes at a group or segment that both versions have.
type change struct {
	old, now *part
	expr     bool // status or conditions of the part itself
	values   []valueChange
}

// valueChange is what changes at a data element. old is nil for a new one, now for one that is gone.
type valueChange struct {
	old, now *value
	entries  []entryChange
	format   bool // in a structure: or status, or whether other values than the codes are allowed
}

// entryChange is what changes at a code, or at any value. old is nil for a new one, now for one that is gone.
type entryChange struct{ old, now *entry }

// meaningChange is a condition with another meaning under the same number.
type meaningChange struct {
	old, now *rule
	at       []*part // of now, where it stands
}

// Compare compares two use cases, or two structures if the sides have none.
func Compare(old, now Side) *Difference {
	d := &Difference{old: old, now: now}
	d.below(old.tree(), now.tree())
	if old.UseCase != nil {
		d.meanings()
	}
	return d
}

// below compares what stands in two matched parts.
func (d *Difference) below(x, y *part) {
	p := match(d.old, d.now, x.parts, y.parts)
	d.removed, d.added = append(d.removed, p.removed...), append(d.added, p.added...)
	for _, z := range slices.Concat(p.removed, p.added) {
		d.rows += z.rows()
	}
	for _, pair := range p.pairs {
		c := change{old: pair[0], now: pair[1]}
		c.expr = d.partChanged(c.old, c.now)
		if c.expr {
			d.rows++
		}
		c.values = d.values(c.old, c.now)
		if c.expr || len(c.values) > 0 {
			d.changed = append(d.changed, c)
		}
		d.below(c.old, c.now)
	}
}

func (d *Difference) partChanged(x, y *part) bool {
	m, n := &d.old.Pack.Nodes[x.node], &d.now.Pack.Nodes[y.node]
	if d.old.UseCase != nil {
		return x.expr.String() != y.expr.String() || m.Max != n.Max
	}
	return m.Status != n.Status || m.Max != n.Max || m.Name != n.Name
}

// isVersion reports whether a data element holds the version of the message, which the head of the comparison names.
func (d *Difference) isVersion(v, w *value) bool {
	_, c := d.now.component(w)
	return c.ID == "0057" && d.now.Pack.Nodes[w.in.node].Tag == edifact.UNH && len(v.entries) == 1 && len(w.entries) == 1 &&
		v.entries[0].code == d.old.Pack.Version && w.entries[0].code == d.now.Pack.Version &&
		exprText(v.entries[0].expr) == exprText(w.entries[0].expr)
}

// values compares the data elements of two segments.
func (d *Difference) values(x, y *part) []valueChange {
	var list []valueChange
	for _, w := range y.values {
		v := x.value(w.element, w.component)
		if v == nil || !d.sameElement(v, w) {
			list = append(list, valueChange{now: w})
			d.rows += len(w.entries)
			continue
		}
		if d.isVersion(v, w) {
			continue
		}
		c := valueChange{old: v, now: w, entries: d.entries(v, w), format: d.formatChanged(v, w)}
		if len(c.entries) > 0 || c.format {
			list = append(list, c)
			d.rows += max(1, len(c.entries))
		}
	}
	for _, v := range x.values {
		if w := y.value(v.element, v.component); w == nil || !d.sameElement(v, w) {
			list = append(list, valueChange{old: v})
			d.rows += len(v.entries)
		}
	}
	return list
}

func (d *Difference) sameElement(v, w *value) bool {
	_, c := d.old.component(v)
	_, k := d.now.component(w)
	return c.ID == k.ID
}

// formatChanged compares what the structure says of a data element.
func (d *Difference) formatChanged(v, w *value) bool {
	e, c := d.old.component(v)
	f, k := d.now.component(w)
	if c.Format != k.Format {
		return true
	}
	return d.old.UseCase == nil && (c.Status != k.Status || c.Open != k.Open || e.Status != f.Status)
}

// entries compares the codes of a data element, and what is said of any value. The order does not matter.
func (d *Difference) entries(v, w *value) []entryChange {
	var list []entryChange
	taken := make([]bool, len(v.entries))
	var open []*entry
	for i := range w.entries {
		if j := counterpart(v.entries, &w.entries[i], taken, true); j >= 0 {
			taken[j] = true
		} else {
			open = append(open, &w.entries[i])
		}
	}
	for _, e := range open {
		c := entryChange{now: e}
		if j := counterpart(v.entries, e, taken, false); j >= 0 {
			taken[j], c.old = true, &v.entries[j]
		}
		list = append(list, c)
	}
	for j := range v.entries {
		if !taken[j] {
			list = append(list, entryChange{old: &v.entries[j]})
		}
	}
	return list
}

// counterpart finds the entry with the code of e, or with the same expression as well.
func counterpart(list []entry, e *entry, taken []bool, equal bool) int {
	for i := range list {
		if !taken[i] && list[i].code == e.code && (!equal || exprText(list[i].expr) == exprText(e.expr)) {
			return i
		}
	}
	return -1
}

func exprText(e *rules.Expression) string {
	if e == nil {
		return ""
	}
	return e.String()
}

// meanings compares the conditions and packages that both versions use.
func (d *Difference) meanings() {
	oldNumbers, oldPackages := d.old.used()
	numbers, packages := d.now.used()
	for _, n := range numbers {
		if !slices.Contains(oldNumbers, n) {
			continue
		}
		switch a, b := d.old.rule(n), d.now.rule(n); {
		case a.unknown() || b.unknown():
			d.unknown = append(d.unknown, n)
		case !sameMeaning(a, b):
			d.conditions = append(d.conditions, meaningChange{a, b, d.now.places(n)})
		}
	}
	for _, name := range packages {
		if slices.Contains(oldPackages, name) && d.old.Pack.Packages[name].String() != d.now.Pack.Packages[name].String() {
			d.packages = append(d.packages, name)
		}
	}
}

// sameMeaning reports whether two conditions ask for the same, whatever their numbers.
func sameMeaning(a, b *rule) bool { return reflect.DeepEqual(a.Rule, b.Rule) }

// places returns the parts where a condition stands, by itself or in a package.
func (s Side) places(number int) []*part {
	var list []*part
	names := func(e *rules.Expression) bool {
		found := false
		for _, b := range e.Branches {
			s.Pack.Conditions(b.When, func(n int) { found = found || n == number })
		}
		return found
	}
	var visit func(x *part)
	visit = func(x *part) {
		here := x.expr != nil && names(x.expr)
		for _, v := range x.values {
			here = here || slices.ContainsFunc(v.entries, func(e entry) bool { return names(e.expr) })
		}
		if here {
			list = append(list, x)
		}
		for _, child := range x.parts {
			visit(child)
		}
	}
	visit(s.tree())
	return list
}
