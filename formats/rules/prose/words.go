// Package prose puts rules into words for people: what a Pruefidentifikator demands, how a message type is built, and
// what changes from one format version to the next.
//
//	prose.UseCase(os.Stdout, pack, use, formats.German)
//	d := prose.Compare(prose.Side{Pack: old, UseCase: oldUse}, prose.Side{Pack: now, UseCase: nowUse})
//	d.Write(os.Stdout, formats.German)
//
// Texts are ours: names are the short names of the documents, conditions are described by what the pack has of them.
// Hints have numbers only.
package prose

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/condition"
	"github.com/marktbote/marktbote/formats/rules"
)

// page writes lines in a language and keeps the first error.
type page struct {
	w    io.Writer
	lang formats.Lang
	err  error
}

func (p *page) line(indent int, text string) {
	if p.err == nil {
		_, p.err = fmt.Fprintln(p.w, strings.TrimRight(strings.Repeat("  ", indent)+text, " "))
	}
}

// pageWidth is where running text is wrapped.
const pageWidth = 116

// text writes running text. Lines after the first are indented further.
func (p *page) text(indent int, text string) {
	line, more := "", 0
	for word := range strings.SplitSeq(text, " ") {
		width := pageWidth - 2*(indent+more)
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			p.line(indent+more, line)
			line, more = "", 2
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	p.line(indent+more, line)
}

// heading writes a headline with an empty line before it.
func (p *page) heading(de, en string) {
	p.line(0, "")
	p.line(0, p.pick(de, en))
}

func (p *page) pick(de, en string) string { return pick(p.lang, de, en) }

func pick(lang formats.Lang, de, en string) string {
	if lang == formats.English {
		return en
	}
	return de
}

// date renders CCYY-MM-DD as people of the language write it.
func (p *page) date(iso string) string {
	if len(iso) != 10 || p.lang == formats.English {
		return iso
	}
	return iso[8:] + "." + iso[5:7] + "." + iso[:4]
}

func (p *page) quote(name string) string {
	if p.lang == formats.English {
		return `"` + name + `"`
	}
	return "„" + name + "“"
}

// pad fills a text up to a width with spaces.
func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(text)))
}

// directions renders LF>NB|NB>LF.
func directions(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, "|", ", "), ">", " → ")
}

// sparten renders Strom|Gas.
func sparten(text string) string { return strings.ReplaceAll(text, "|", ", ") }

// handbookName names the document of a use case.
func handbookName(p *rules.Pack) string {
	if sparte, ok := strings.CutPrefix(p.Name, "UTILMD_"); ok {
		return "UTILMD AHB " + sparte
	}
	return p.Type + " AHB"
}

// kind names what a condition is.
func (p *page) kind(r *rule) string {
	switch {
	case r.missing:
		return p.pick("fehlt im Regelpaket", "missing in the pack")
	case r.Kind == condition.Hint:
		return p.pick("Hinweis", "hint")
	case r.Kind == condition.Open:
		return p.pick("nicht übersetzt", "not translated")
	case r.External && r.Kind == condition.Must:
		return p.pick("Forderung (extern)", "demand (external)")
	case r.External:
		return p.pick("Voraussetzung (extern)", "premise (external)")
	case r.Kind == condition.Must:
		return p.pick("Forderung", "demand")
	case r.Kind == condition.Card:
		return p.pick("Wiederholbarkeit", "repetition")
	}
	return p.pick("Voraussetzung", "premise")
}

// meaning describes a condition; empty if there is nothing to say beyond its kind.
func (p *page) meaning(r *rule) string {
	if r.unknown() {
		return ""
	}
	w := condition.Wording{Lang: p.lang, Name: r.pack.NameOf}
	text := w.Describe(r.Rule)
	if r.External {
		text = w.Fact(r.Key) // that it is outside the message is said by the kind
	}
	if r.Kind == condition.Must && r.Code != "" {
		text += " (" + p.pick("sonst ", "else ") + r.Code + ")"
	}
	return text
}

// named is a condition with its number, its kind and what it means.
func (p *page) named(r *rule) string {
	text := p.kind(r) + " [" + strconv.Itoa(r.number) + "]"
	if m := p.meaning(r); m != "" {
		text += ": " + m
	}
	return text
}

// rule is a condition as a use case understands it.
type rule struct {
	*condition.Rule
	pack    *rules.Pack // names the places that the condition speaks of
	number  int
	missing bool // the pack does not have it
}

// unknown reports that what the condition asks for is not known.
func (r *rule) unknown() bool { return r.missing || r.Kind == condition.Open }

// Side is one version of a use case with the pack it stands in. Without a use case it is the structure alone.
type Side struct {
	Pack    *rules.Pack
	UseCase *rules.UseCase
}

// rule returns a condition by number.
func (s Side) rule(number int) *rule {
	if s.UseCase != nil && s.UseCase.Overrides[number] != nil {
		return &rule{s.UseCase.Overrides[number], s.Pack, number, false}
	}
	if r := s.Pack.Rules[number]; r != nil {
		return &rule{r, s.Pack, number, false}
	}
	return &rule{&condition.Rule{Kind: condition.Open}, s.Pack, number, true}
}

// conditions returns the numbers of the conditions that an expression names, packages not resolved, and the packages.
func conditions(e *rules.Expression) (numbers []int, packages []string) {
	for _, b := range e.Branches {
		numbers, packages = appendConditions(numbers, packages, b.When)
	}
	return numbers, packages
}

func appendConditions(numbers []int, packages []string, t *rules.Term) ([]int, []string) {
	if t == nil {
		return numbers, packages
	}
	switch t.Kind {
	case rules.TermCondition:
		if !slices.Contains(numbers, t.Number) {
			numbers = append(numbers, t.Number)
		}
	case rules.TermPackage, rules.TermMacro:
		if !slices.Contains(packages, t.Name) {
			packages = append(packages, t.Name)
		}
	default:
	}
	for _, child := range t.Terms {
		numbers, packages = appendConditions(numbers, packages, child)
	}
	return numbers, packages
}

// used returns all conditions and packages of a use case, those that packages depend on included, in order.
func (s Side) used() (numbers []int, packages []string) {
	seen := map[*rules.Expression]bool{}
	for i := range s.UseCase.Rows {
		if e := s.UseCase.Rows[i].Expr; !seen[e] {
			seen[e] = true
			n, p := conditions(e)
			numbers, packages = append(numbers, n...), append(packages, p...)
		}
	}
	packages = unique(packages)
	for i := 0; i < len(packages); i++ { // grows
		n, p := appendConditions(nil, nil, s.Pack.Packages[packages[i]])
		numbers = append(numbers, n...)
		for _, name := range p {
			if !slices.Contains(packages, name) {
				packages = append(packages, name)
			}
		}
	}
	numbers = unique(numbers)
	slices.SortFunc(packages, comparePackages)
	return numbers, packages
}

func unique[T int | string](list []T) []T {
	slices.Sort(list)
	return slices.Compact(list)
}

// comparePackages orders 2P before 10P, and UB1 behind.
func comparePackages(a, b string) int {
	na, errA := strconv.Atoi(strings.TrimSuffix(a, "P"))
	nb, errB := strconv.Atoi(strings.TrimSuffix(b, "P"))
	switch {
	case errA == nil && errB == nil:
		return na - nb
	case errA == nil:
		return -1
	case errB == nil:
		return 1
	}
	return strings.Compare(a, b)
}
