package prose

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/rules"
)

// PackDifference is what changes of a message type.
type PackDifference struct {
	old, now       *rules.Pack
	structure      *Difference
	added, removed []rules.UseCaseInfo
	changed        []useDifference
	same           int // use cases without a change
	common         []commonChange
}

// commonChange is the same change in many use cases.
type commonChange struct {
	kind  commonKind
	place string
	times int
}

type commonKind uint8

const (
	commonGone commonKind = iota
	commonNew
	commonChanged
)

// minCommon is how many use cases a change must concern to be named as a common one.
const minCommon = 3

// useDifference is a use case with changes.
type useDifference struct {
	info rules.UseCaseInfo
	rows int
}

// ComparePacks compares two versions of a message type. The error is that of a use case that cannot be read.
func ComparePacks(old, now *rules.Pack) (*PackDifference, error) {
	d := &PackDifference{old: old, now: now, structure: Compare(Side{Pack: old}, Side{Pack: now})}
	for _, info := range now.UseCases() {
		a, err := old.UseCase(info.Pruefidentifikator)
		if err != nil {
			return nil, err
		}
		if a == nil {
			d.added = append(d.added, info)
			continue
		}
		b, err := now.UseCase(info.Pruefidentifikator)
		if err != nil {
			return nil, err
		}
		c := Compare(Side{old, a}, Side{now, b})
		if c.Empty() {
			d.same++
		} else {
			d.changed = append(d.changed, useDifference{info, c.Rows()})
			d.note(c)
		}
	}
	for _, info := range old.UseCases() {
		if b, _ := now.UseCase(info.Pruefidentifikator); b == nil {
			d.removed = append(d.removed, info)
		}
	}
	d.common = slices.DeleteFunc(d.common, func(c commonChange) bool { return c.times < minCommon || 2*c.times < len(d.changed) })
	slices.SortStableFunc(d.common, func(a, b commonChange) int { return b.times - a.times })
	return d, nil
}

// note counts the changes of a use case by their places.
func (d *PackDifference) note(c *Difference) {
	seen := map[commonChange]bool{}
	count := func(s Side, kind commonKind, x *part) {
		key := commonChange{kind: kind, place: s.path(x) + "\n" + s.name(x)}
		if seen[key] {
			return
		}
		seen[key] = true
		for i := range d.common {
			if d.common[i].kind == kind && d.common[i].place == key.place {
				d.common[i].times++
				return
			}
		}
		key.times = 1
		d.common = append(d.common, key)
	}
	for _, x := range c.removed {
		count(c.old, commonGone, x)
	}
	for _, x := range c.added {
		count(c.now, commonNew, x)
	}
	for i := range c.changed {
		count(c.now, commonChanged, c.changed[i].now)
	}
}

// Empty reports whether neither the structure nor a use case changes.
func (d *PackDifference) Empty() bool {
	return d.structure.Empty() && len(d.added)+len(d.removed)+len(d.changed) == 0
}

// Write prints documents, Pruefidentifikatoren and the structure.
func (d *PackDifference) Write(w io.Writer, lang formats.Lang) error {
	p := &page{w: w, lang: lang}
	p.line(0, d.now.Name)
	p.line(1, "MIG  "+p.editions(d.old.Version, d.old.Date, d.now.Version, d.now.Date))
	p.line(1, "AHB  "+strings.Join(d.handbooks(p), "; "))
	if d.Empty() {
		p.line(1, p.pick("keine Änderungen", "no changes"))
		return p.err
	}
	list := func(de, en string, infos []rules.UseCaseInfo) {
		if len(infos) == 0 {
			return
		}
		p.line(0, "")
		p.line(1, p.pick(de, en))
		for _, i := range infos {
			p.line(2, pidAndName(i))
		}
	}
	list("Neue Prüfidentifikatoren", "New Prüfidentifikatoren", d.added)
	list("Entfallene Prüfidentifikatoren", "Prüfidentifikatoren that are gone", d.removed)
	if len(d.changed) > 0 {
		p.line(0, "")
		p.line(1, p.pick("Geänderte Prüfidentifikatoren", "Changed Prüfidentifikatoren"))
		for _, c := range d.changed {
			p.line(2, pad(pidAndName(c.info), 70)+fmt.Sprintf(p.pick("%4d %s", "%4d %s"), c.rows, p.rows(c.rows)))
		}
	}
	if len(d.common) > 0 {
		p.line(0, "")
		p.line(1, p.pick("Gemeinsame Änderungen (mindestens jeder zweite von ihnen)", "Changes in common (at least every second of them)"))
		for _, c := range d.common {
			kind := [...]string{p.pick("entfallen", "gone"), p.pick("neu", "new"), p.pick("geändert", "changed")}[c.kind]
			path, name, _ := strings.Cut(c.place, "\n")
			p.text(2, fmt.Sprintf("%3d × %s: %s %s", c.times, kind, path, p.quote(name)))
		}
	}
	if d.same > 0 {
		p.line(0, "")
		p.line(1, fmt.Sprintf(p.pick("Unveränderte Prüfidentifikatoren: %d", "Prüfidentifikatoren without a change: %d"), d.same))
	}
	p.line(0, "")
	p.line(1, p.pick("Struktur (MIG)", "Structure (MIG)"))
	d.structure.write(p, 2)
	return p.err
}

func (p *page) rows(n int) string {
	if n == 1 {
		return p.pick("Zeile", "row")
	}
	if n == 0 {
		return p.pick("Zeilen (nur Bedingungen)", "rows (conditions only)")
	}
	return p.pick("Zeilen", "rows")
}

func pidAndName(i rules.UseCaseInfo) string {
	if i.Name == i.Pruefidentifikator {
		return i.Name
	}
	return i.Pruefidentifikator + "  " + i.Name
}

// edition renders version and date of a document.
func (p *page) edition(version, date string) string {
	if version == "-" || version == "" {
		return p.pick("Ausgabe unbekannt", "edition unknown")
	}
	return version + " (" + p.date(date) + ")"
}

// editions renders two editions, or one if nothing changes.
func (p *page) editions(oldVersion, oldDate, version, date string) string {
	old, now := p.edition(oldVersion, oldDate), p.edition(version, date)
	if old == now {
		return now + p.pick(", unverändert", ", unchanged")
	}
	return old + " → " + now
}

// handbooks names the editions of the handbooks; columns of a message type have as a rule the same one.
func (d *PackDifference) handbooks(p *page) []string {
	var list []string
	for _, b := range d.now.UseCases() {
		for _, a := range d.old.UseCases() {
			if a.Pruefidentifikator != b.Pruefidentifikator {
				continue
			}
			if text := p.editions(a.Version, a.Date, b.Version, b.Date); !slices.Contains(list, text) {
				list = append(list, text)
			}
		}
	}
	if list == nil {
		list = []string{"–"}
	}
	return list
}
