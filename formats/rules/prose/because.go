package prose

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/marktbote/marktbote/formats/condition"
	"github.com/marktbote/marktbote/formats/rules"
)

// writeExpressions prints an old and a new expression, and in words what changes from one to the other.
func (d *Difference) writeExpressions(p *page, indent int, what string, old, now *rules.Expression) {
	p.text(indent, what+old.String()+" → "+now.String())
	words := d.statusWords(p, old, now)
	words = append(words, d.conditionWords(p, old, now)...)
	if len(words) == 0 {
		words = []string{p.pick("dieselben Bedingungen, anders verknüpft", "the same conditions, joined in another way")}
	}
	for _, w := range words {
		p.text(indent+1, w)
	}
}

// statusWords says what becomes of the duty.
func (d *Difference) statusWords(p *page, old, now *rules.Expression) []string {
	if len(old.Branches) != 1 || len(now.Branches) != 1 {
		if len(old.Branches) != len(now.Branches) {
			return []string{p.pick("der Status hängt anders von den Bedingungen ab", "the status depends on the conditions in another way")}
		}
		return nil
	}
	a, b := old.Branches[0], now.Branches[0]
	was, is := d.old.premise(a.When), d.now.premise(b.When)
	switch {
	case b.Status.Required() && !a.Status.Required() && !is:
		return []string{p.pick("wird Pflicht", "becomes mandatory")}
	case b.Status.Required() && !a.Status.Required():
		return []string{p.pick("wird Pflicht, wenn die Bedingungen erfüllt sind", "becomes mandatory if the conditions hold")}
	case a.Status.Required() && !b.Status.Required():
		return []string{p.pick("ist nicht mehr Pflicht", "is not mandatory any more")}
	case a.Status != b.Status:
		return []string{fmt.Sprintf(p.pick("%s statt %s", "%s instead of %s"), b.Status, a.Status)}
	case was && !is && b.Status.Required():
		return []string{p.pick("wird in jedem Fall Pflicht", "becomes mandatory in any case")}
	case !was && is && b.Status.Required():
		return []string{p.pick("ist nur noch unter Bedingungen Pflicht", "is mandatory under conditions only")}
	}
	return nil
}

// premise reports whether a term has a condition on which a status depends.
func (s Side) premise(t *rules.Term) bool {
	found := false
	s.Pack.Conditions(t, func(n int) {
		r := s.rule(n)
		found = found || r.Kind == condition.If || r.Kind == condition.Open
	})
	return found
}

// conditionWords says which conditions and packages come and go. A condition that only has another number is no news.
func (d *Difference) conditionWords(p *page, old, now *rules.Expression) []string {
	oldNumbers, oldPackages := conditions(old)
	numbers, packages := conditions(now)
	gone := slices.DeleteFunc(slices.Clone(oldNumbers), func(n int) bool { return slices.Contains(numbers, n) })
	come := slices.DeleteFunc(slices.Clone(numbers), func(n int) bool { return slices.Contains(oldNumbers, n) })
	var words []string
	for _, n := range come {
		r := d.now.rule(n)
		i := slices.IndexFunc(gone, func(g int) bool {
			o := d.old.rule(g)
			return !o.unknown() && !r.unknown() && o.Kind != condition.Hint && sameMeaning(o, r)
		})
		if i >= 0 {
			words = append(words, fmt.Sprintf(p.pick("[%d] hat jetzt die Nummer [%d], gleicher Inhalt", "[%d] has the number [%d] now, same meaning"), gone[i], n))
			gone = slices.Delete(gone, i, i+1)
			continue
		}
		words = append(words, p.move(r, "kommt hinzu", "comes"))
	}
	for _, n := range gone {
		words = append(words, p.move(d.old.rule(n), "entfällt", "goes"))
	}
	for _, name := range packages {
		switch {
		case !slices.Contains(oldPackages, name):
			words = append(words, p.pick("Paket ", "package ")+"["+name+"] "+p.pick("kommt hinzu: ", "comes: ")+d.condition(p, d.now, name))
		case limits(old, name) != limits(now, name):
			words = append(words, fmt.Sprintf(p.pick("zulässige Anzahl im Paket [%s]: %s → %s", "number allowed in package [%s]: %s → %s"), name, limits(old, name), limits(now, name)))
		}
	}
	for _, name := range oldPackages {
		if !slices.Contains(packages, name) {
			words = append(words, p.pick("Paket ", "package ")+"["+name+"] "+p.pick("entfällt", "goes"))
		}
	}
	return words
}

// move says that a condition comes or goes.
func (p *page) move(r *rule, de, en string) string {
	text := p.kind(r) + " [" + strconv.Itoa(r.number) + "] " + p.pick(de, en)
	if r.unknown() {
		text = p.pick("Bedingung", "condition") + " [" + strconv.Itoa(r.number) + "] " + p.pick(de, en) + " (" + p.kind(r) + ")"
	}
	if m := p.meaning(r); m != "" {
		text += ": " + m
	}
	return text
}

// limits returns how often the codes of a package may occur by an expression, such as 0..1.
func limits(e *rules.Expression, name string) string {
	found := ""
	var visit func(t *rules.Term)
	visit = func(t *rules.Term) {
		if t == nil {
			return
		}
		if t.Kind == rules.TermPackage && t.Name == name {
			found = "0..n"
			if t.Max >= 0 {
				found = fmt.Sprintf("%d..%d", t.Min, t.Max)
			} else if t.Min > 0 {
				found = fmt.Sprintf("%d..n", t.Min)
			}
		}
		for _, child := range t.Terms {
			visit(child)
		}
	}
	for _, b := range e.Branches {
		visit(b.When)
	}
	return found
}
