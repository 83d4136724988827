package prose

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/condition"
	"github.com/marktbote/marktbote/formats/rules"
)

// WriteHead prints what is compared: the Pruefidentifikator, the editions of the documents, and what changes of the head.
func (d *Difference) WriteHead(w io.Writer, lang formats.Lang) error {
	p := &page{w: w, lang: lang}
	a, b := d.old.UseCase, d.now.UseCase
	p.line(0, fmt.Sprintf("%s %s: %s → %s", b.Pruefidentifikator, b.Name, d.old.Pack.FormatVersion, d.now.Pack.FormatVersion))
	edition := func(name, oldVersion, oldDate, version, date string) {
		p.line(0, pad(name, 20)+p.editions(oldVersion, oldDate, version, date))
	}
	edition(handbookName(d.now.Pack), a.Version, a.Date, b.Version, b.Date)
	edition(d.now.Pack.Type+" MIG", d.old.Pack.Version, d.old.Pack.Date, d.now.Pack.Version, d.now.Pack.Date)
	for _, f := range []struct{ name, old, now string }{
		{p.pick("Name", "name"), a.Name, b.Name},
		{p.pick("Richtung", "direction"), directions(a.Directions), directions(b.Directions)},
		{"Sparte", sparten(a.Sparten), sparten(b.Sparten)},
	} {
		if f.old != f.now {
			p.line(0, pad(f.name, 20)+p.pick("bisher ", "before ")+orNone(f.old)+p.pick("; jetzt ", "; now ")+orNone(f.now))
		}
	}
	return p.err
}

func orNone(text string) string {
	if text == "" {
		return "–"
	}
	return text
}

// Write prints the differences like release notes: what is gone, what is new, what changes and why. Nothing but a
// remark is printed if there are none.
func (d *Difference) Write(w io.Writer, lang formats.Lang) error {
	p := &page{w: w, lang: lang}
	d.write(p, 0)
	return p.err
}

func (d *Difference) write(p *page, indent int) {
	section := func(de, en string) {
		p.line(0, "")
		p.line(indent, p.pick(de, en))
	}
	if d.Empty() {
		if indent == 0 {
			p.line(0, "")
		}
		p.line(indent, p.pick("keine Änderungen", "no changes"))
		d.notCompared(p, indent)
		return
	}
	if len(d.removed) > 0 {
		section("Entfallen", "Gone")
		for _, x := range d.removed {
			text := d.old.path(x) + " " + p.quote(d.old.name(x)) + d.standing(p, d.old, x)
			if n := x.rows(); len(x.parts) > 0 && d.old.UseCase != nil {
				text += p.pick(fmt.Sprintf(", mit allem darin (%d Zeilen)", n), fmt.Sprintf(", with all in it (%d rows)", n))
			}
			p.text(indent+1, text)
		}
	}
	if len(d.added) > 0 {
		section("Neu", "New")
		for _, x := range d.added {
			p.text(indent+1, d.now.path(x)+" "+p.quote(d.now.name(x))+d.standing(p, d.now, x))
			if x.expr != nil {
				d.explain(p, indent+3, x.expr)
			}
			d.contents(p, indent+2, x)
		}
	}
	if len(d.changed) > 0 {
		section("Geändert", "Changed")
		for i := range d.changed {
			d.writeChange(p, indent+1, &d.changed[i])
		}
	}
	if len(d.conditions) > 0 {
		section("Bedingungen mit anderem Inhalt", "Conditions with another meaning")
		for _, c := range d.conditions {
			d.writeMeaning(p, indent+1, c)
		}
	}
	if len(d.packages) > 0 {
		section("Pakete", "Packages")
		for _, name := range d.packages {
			p.text(indent+1, "["+name+"]: "+d.condition(p, d.old, name)+" → "+d.condition(p, d.now, name))
		}
	}
	d.notCompared(p, indent)
}

// notCompared says what the comparison leaves open.
func (d *Difference) notCompared(p *page, indent int) {
	if len(d.unknown) == 0 {
		return
	}
	var list []string
	for _, n := range d.unknown {
		list = append(list, "["+strconv.Itoa(n)+"]")
	}
	p.line(0, "")
	p.text(indent, p.pick("Nicht verglichen, weil in einer der Versionen nicht übersetzt: ", "Not compared, because not translated in one of the versions: ")+
		strings.Join(list, " "))
}

// condition is what a package depends on.
func (d *Difference) condition(p *page, s Side, name string) string {
	if t := s.Pack.Packages[name]; t != nil {
		return t.String()
	}
	return p.pick("ohne Bedingung", "without condition")
}

// standing is the status of a part: its expression, or in a structure status and repetitions.
func (d *Difference) standing(p *page, s Side, x *part) string {
	if x.expr != nil {
		return ": " + x.expr.String()
	}
	n := &s.Pack.Nodes[x.node]
	return fmt.Sprintf(": %c, %s %d", n.Status, p.pick("Wiederholungen", "repetitions"), n.Max)
}

// contents lists what stands in a new part: one line per group or segment.
func (d *Difference) contents(p *page, indent int, x *part) {
	if len(x.values) > 0 {
		var list []string
		for _, v := range x.values {
			list = append(list, d.valueLine(p, d.now, v))
		}
		p.text(indent, strings.Join(list, "; "))
	}
	for i, child := range x.parts {
		if i == 0 && d.now.Pack.Nodes[x.node].IsGroup {
			d.contents(p, indent, child) // the trigger
			continue
		}
		name := d.now.tag(child)
		if n := &d.now.Pack.Nodes[child.node]; n.IsGroup {
			name = n.Group + " " + name
		}
		p.text(indent, name+" "+p.quote(d.now.name(child))+d.standing(p, d.now, child))
		d.contents(p, indent+1, child)
	}
}

// writeChange prints what changes at a part.
func (d *Difference) writeChange(p *page, indent int, c *change) {
	name := p.quote(d.now.name(c.now))
	if old := d.old.name(c.old); old != d.now.name(c.now) {
		name = p.quote(old) + p.pick(", jetzt ", ", now ") + name
	}
	p.text(indent, d.now.path(c.now)+" "+name)
	if c.expr {
		d.writeStanding(p, indent+1, c)
	}
	for i := range c.values {
		d.writeValue(p, indent+1, &c.values[i])
	}
}

func (d *Difference) writeStanding(p *page, indent int, c *change) {
	m, n := &d.old.Pack.Nodes[c.old.node], &d.now.Pack.Nodes[c.now.node]
	if m.Max != n.Max {
		p.text(indent, fmt.Sprintf("%s: %d → %d", p.pick("Wiederholungen der Struktur", "repetitions of the structure"), m.Max, n.Max))
	}
	if d.now.UseCase == nil {
		if m.Status != n.Status {
			p.text(indent, fmt.Sprintf("Status: %c → %c%s", m.Status, n.Status, structureWords(p, m.Status, n.Status)))
		}
		return
	}
	if exprText(c.old.expr) != exprText(c.now.expr) {
		d.writeExpressions(p, indent, "", c.old.expr, c.now.expr)
	}
}

func structureWords(p *page, old, now rules.Status) string {
	switch {
	case now == 'N':
		return p.pick(": wird nicht mehr benutzt", ": is not used any more")
	case old == 'N':
		return p.pick(": wird jetzt benutzt", ": is used now")
	case now.Required() && !old.Required():
		return p.pick(": wird Pflicht", ": becomes mandatory")
	case old.Required() && !now.Required():
		return p.pick(": ist nicht mehr Pflicht", ": is not mandatory any more")
	}
	return ""
}

// writeMeaning prints the old and the new meaning of a condition and where it counts.
func (d *Difference) writeMeaning(p *page, indent int, c meaningChange) {
	var list []string
	for _, x := range c.at {
		if name := d.now.path(x); !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	const most = 4
	if n := len(list); n > most {
		list = append(list[:most], fmt.Sprintf(p.pick("und %d weiteren", "and %d more"), n-most))
	}
	p.text(indent, "["+strconv.Itoa(c.now.number)+"]"+p.pick(" bei ", " at ")+strings.Join(list, ", "))
	for _, side := range []struct {
		word string
		r    *rule
	}{{p.pick("bisher: ", "before: "), c.old}, {p.pick("jetzt: ", "now: "), c.now}} {
		text := p.kind(side.r)
		if m := p.meaning(side.r); m != "" {
			text += ": " + m
		}
		p.text(indent+1, side.word+text)
	}
}

// explain describes the conditions of a new expression.
func (d *Difference) explain(p *page, indent int, e *rules.Expression) {
	if e == nil {
		return
	}
	numbers, packages := conditions(e)
	for _, n := range numbers {
		if r := d.now.rule(n); r.Kind != condition.Hint {
			p.text(indent, p.named(r))
		}
	}
	for _, name := range packages {
		if d.now.Pack.Packages[name] != nil {
			p.text(indent, p.pick("Paket ", "package ")+"["+name+"]: "+d.condition(p, d.now, name))
		}
	}
}
