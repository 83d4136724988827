package prose

import (
	"fmt"
	"slices"
	"strings"
)

// valueLine is a data element with its codes.
func (d *Difference) valueLine(p *page, s Side, v *value) string {
	_, c := s.component(v)
	text := s.valueName(p, v)
	if s.UseCase == nil {
		text += fmt.Sprintf(" %c %s", c.Status, c.Format)
	}
	var parts []string
	for _, g := range groupEntries(entryPointers(v.entries)) {
		line := strings.Join(d.codeNames(p, s, v, g), ", ")
		if g[0].expr != nil {
			line = strings.TrimSpace(line + " " + g[0].expr.String())
		}
		if line != "" {
			parts = append(parts, line)
		}
	}
	if len(parts) == 0 {
		return text
	}
	return text + " " + strings.Join(parts, ", ")
}

func entryPointers(list []entry) []*entry {
	var out []*entry
	for i := range list {
		out = append(out, &list[i])
	}
	return out
}

// groupEntries puts entries with the same expression together, in order.
func groupEntries(list []*entry) [][]*entry {
	var out [][]*entry
	for _, e := range list {
		i := slices.IndexFunc(out, func(g []*entry) bool {
			return exprText(g[0].expr) == exprText(e.expr) && (g[0].code == "") == (e.code == "")
		})
		if i < 0 {
			out = append(out, []*entry{e})
			continue
		}
		out[i] = append(out[i], e)
	}
	return out
}

// codeNames names the codes of entries; nothing for any value.
func (d *Difference) codeNames(p *page, s Side, v *value, list []*entry) []string {
	var names []string
	_, c := s.component(v)
	for _, e := range list {
		if e.code == "" {
			continue
		}
		name := e.code
		if text := s.Pack.CodeName(c.ID, e.code); text != "" {
			name += " " + p.quote(text)
		}
		names = append(names, name)
	}
	return names
}

// writeValue prints what changes at a data element.
func (d *Difference) writeValue(p *page, indent int, c *valueChange) {
	switch {
	case c.old == nil:
		p.text(indent, p.pick("neu: ", "new: ")+d.valueLine(p, d.now, c.now))
		for _, g := range groupEntries(entryPointers(c.now.entries)) {
			d.explain(p, indent+2, g[0].expr)
		}
		return
	case c.now == nil:
		p.text(indent, p.pick("entfällt: ", "gone: ")+d.valueLine(p, d.old, c.old))
		return
	}
	e, k := d.old.component(c.old)
	f, n := d.now.component(c.now)
	name := d.now.valueName(p, c.now)
	if c.format {
		var list []string
		if k.Format != n.Format {
			list = append(list, fmt.Sprintf("Format %s → %s", k.Format, n.Format))
		}
		if d.now.UseCase == nil {
			if k.Status != n.Status {
				list = append(list, fmt.Sprintf("Status %c → %c%s", k.Status, n.Status, structureWords(p, k.Status, n.Status)))
			}
			if e.Composite && e.Status != f.Status {
				list = append(list, fmt.Sprintf("%s %s: Status %c → %c%s", f.ID, p.quote(f.Name), e.Status, f.Status, structureWords(p, e.Status, f.Status)))
			}
			if k.Open != n.Open {
				list = append(list, p.pick("Codeliste ", "code list ")+map[bool]string{true: p.pick("nicht mehr abschließend", "not exhaustive any more"), false: p.pick("jetzt abschließend", "exhaustive now")}[n.Open])
			}
		}
		p.text(indent, name+": "+strings.Join(list, "; "))
	}
	d.writeEntries(p, indent, name, c)
}

// writeEntries prints new codes, codes that are gone, and codes with another expression, those with the same change
// together.
func (d *Difference) writeEntries(p *page, indent int, name string, c *valueChange) {
	var added, removed []*entry
	var changed []entryChange
	for _, e := range c.entries {
		switch {
		case e.old == nil:
			added = append(added, e.now)
		case e.now == nil:
			removed = append(removed, e.old)
		default:
			changed = append(changed, e)
		}
	}
	if before, after := groupEntries(removed), groupEntries(added); len(before) == 1 && len(after) == 1 && d.replaced(before[0], after[0]) {
		p.text(indent, name+": "+d.entryText(p, d.old, c.old, before[0])+" → "+d.entryText(p, d.now, c.now, after[0]))
		added, removed = nil, nil
	}
	for _, g := range groupEntries(removed) {
		p.text(indent, name+p.pick(": entfällt ", ": gone: ")+d.entryText(p, d.old, c.old, g))
	}
	for _, g := range groupEntries(added) {
		p.text(indent, name+p.pick(": neu ", ": new: ")+d.entryText(p, d.now, c.now, g))
		d.explain(p, indent+2, g[0].expr)
	}
	for len(changed) > 0 {
		first := changed[0]
		same := func(e entryChange) bool {
			return exprText(e.old.expr) == exprText(first.old.expr) && exprText(e.now.expr) == exprText(first.now.expr)
		}
		var list []*entry
		for _, e := range changed {
			if same(e) {
				list = append(list, e.now)
			}
		}
		changed = slices.DeleteFunc(changed, same)
		what := strings.Join(d.codeNames(p, d.now, c.now, list), ", ")
		d.writeExpressions(p, indent, strings.TrimSpace(name+" "+what)+": ", first.old.expr, first.now.expr)
	}
}

// replaced reports whether entries take the place of others: a code of a code, or codes of any value.
func (d *Difference) replaced(before, after []*entry) bool {
	same := exprText(before[0].expr) == exprText(after[0].expr)
	return same && (len(before) == 1 && len(after) == 1 || (before[0].code == "") != (after[0].code == ""))
}

// entryText names codes, or any value, with their expression.
func (d *Difference) entryText(p *page, s Side, v *value, g []*entry) string {
	text := strings.Join(d.codeNames(p, s, v, g), ", ")
	switch {
	case text == "":
		text = p.pick("beliebiger Wert", "any value")
	case len(g) == 1:
		text = p.pick("Code ", "code ") + text
	default:
		text = p.pick("Codes ", "codes ") + text
	}
	if g[0].expr != nil {
		text += ": " + g[0].expr.String()
	}
	return text
}
