package book

import (
	"maps"
	"slices"
	"time"
)

// cell is one interval of a load profile. Instants are Unix seconds.
type cell struct {
	start, end int64
	amount     Amount
	quality    string
	doc        *Document
	conflict   bool
	was        *cell // what a newer version replaced
}

func (c *cell) span() span { return span{time.Unix(c.start, 0).UTC(), time.Unix(c.end, 0).UTC()} }

// billable reports whether a bill may rest on the value.
func (c *cell) billable() bool { return !c.conflict && isBillable(c.quality) }

// profile is the load profile of one OBIS number, ascending.
type profile struct {
	obis, unit string
	step       time.Duration // of the newest version
	cells      []*cell
}

// profiles lays the versions of all load profiles of a point over each other, for a time. Every interval has the value of the
// newest version that contains it, whenever that arrived and however its transmission period was cut. Versions that are
// equal and disagree are a conflict.
//
// MSCONS AHB 3.2 ch. 5: the document time is the version of 13008, 13018 and 13025.
func (v *view) profiles(during span) []profile {
	type layer struct {
		unit  string
		step  time.Duration
		cells map[int64]*cell
	}
	layers := map[string]*layer{}
	for _, d := range v.list { // in the order of versions
		if d.Name != profileReceived || d.Object != v.point || v.cancelled(d) != nil {
			continue
		}
		for i := range d.Series {
			s := &d.Series[i]
			if _, ok := (span{s.Start, s.Start.Add(time.Duration(len(s.Amounts)) * s.Step)}).clip(during); !ok {
				continue
			}
			l := layers[s.OBIS]
			if l == nil {
				l = &layer{cells: map[int64]*cell{}}
				layers[s.OBIS] = l
			}
			l.unit, l.step = s.Unit, s.Step
			n := 0
			for _, run := range s.Quality {
				for range run.Count {
					start := s.Start.Add(time.Duration(n) * s.Step)
					if !start.Before(during.from) && start.Before(during.to) {
						put(l.cells, &cell{
							start: start.Unix(), end: start.Add(s.Step).Unix(), amount: s.Amounts[n], quality: run.Code, doc: d, conflict: d.Disputed,
						})
					}
					n++
				}
			}
		}
	}
	var out []profile
	for _, obis := range slices.Sorted(maps.Keys(layers)) {
		l := layers[obis]
		p := profile{obis: obis, unit: l.unit, step: l.step}
		for _, start := range slices.Sorted(maps.Keys(l.cells)) {
			p.cells = stack(p.cells, l.cells[start])
		}
		out = append(out, p)
	}
	return out
}

// put places the value of the same or a newer version.
func put(cells map[int64]*cell, c *cell) {
	old := cells[c.start]
	cells[c.start] = c
	if old == nil {
		return
	}
	c.was = old
	same := old.end == c.end && old.quality == c.quality && old.amount.Equal(c.amount)
	if old.doc.Version.Equal(c.doc.Version) && !same {
		c.conflict = true
	}
	if same && old.doc.Version.Equal(c.doc.Version) {
		c.was, c.conflict = old.was, c.conflict || old.conflict
	}
}

// stack appends a cell. Where versions cut the time differently, the newer one keeps its interval.
func stack(cells []*cell, c *cell) []*cell {
	for len(cells) > 0 {
		last := cells[len(cells)-1]
		switch {
		case last.end <= c.start:
			return append(cells, c)
		case last.doc.Version.After(c.doc.Version):
			return cells
		case last.doc.Version.Equal(c.doc.Version):
			last.conflict, c.conflict = true, true
			return append(cells, c)
		}
		cells = cells[:len(cells)-1]
	}
	return append(cells, c)
}

// Counts are the values of a load profile by what they are good for.
type Counts struct {
	Expected    int `json:"expected"` // intervals of the time
	True        int `json:"true"`
	Substitute  int `json:"substitute"`
	Preliminary int `json:"preliminary"`
	Conflict    int `json:"conflict"`
	Missing     int `json:"missing"`
}

// sum adds up the cells of a time: what a bill may rest on, and what not yet.
func (p *profile) sum(during span, sparte string) (billable, provisional Amount, n Counts) {
	n.Expected = int(during.to.Sub(during.from) / p.step)
	var covered time.Duration
	for _, c := range p.within(during) {
		covered += time.Duration(c.end-c.start) * time.Second
		switch {
		case c.conflict:
			n.Conflict++
		case c.quality == "220":
			n.True++
		case c.quality == "67":
			n.Substitute++
		default:
			n.Preliminary++
		}
		if c.billable() && !isProvisionalGas(sparte, p.obis) {
			billable = billable.Add(c.amount)
		} else {
			provisional = provisional.Add(c.amount)
		}
	}
	n.Missing = max(0, int((during.to.Sub(during.from)-covered)/p.step))
	return billable, provisional, n
}

// within returns the cells that lie in a time.
func (p *profile) within(during span) []*cell {
	i, _ := slices.BinarySearchFunc(p.cells, during.from.Unix(), func(c *cell, at int64) int { return int(c.start - at) })
	j := i
	for j < len(p.cells) && p.cells[j].end <= during.to.Unix() {
		j++
	}
	return p.cells[i:j]
}

// corrections tells how the values of a time changed, one entry for two documents and one change of status.
func (p *profile) corrections(during span, object, sparte string) []Correction {
	type change struct {
		by, replaced *Document
		was, is      string
	}
	found := map[change]*Correction{}
	for _, c := range p.within(during) {
		for c.was != nil {
			old := c.was
			if old.quality != c.quality || !old.amount.Equal(c.amount) {
				k := change{c.doc, old.doc, old.quality, c.quality}
				x := found[k]
				if x == nil {
					x = &Correction{
						Kind: correctionKind(old.quality, c.quality), Object: object, OBIS: p.obis, Unit: p.unit, From: c.span().from,
						FirstDay: dayOf(sparte, c.span().from), OldQuality: old.quality, NewQuality: c.quality,
						Replaced: documentOf(old.doc), By: documentOf(c.doc),
					}
					found[k] = x
				}
				x.To, x.LastDay = c.span().to, lastDay(sparte, c.span().to)
				x.Count++
				x.Old, x.New = x.Old.Add(old.amount), x.New.Add(c.amount)
				x.Difference = x.New.Sub(x.Old)
			}
			c = old
		}
	}
	var out []Correction
	for _, x := range found {
		out = append(out, *x)
	}
	sortCorrections(out)
	return out
}

// isProvisionalGas reports whether an hourly profile was computed with the preliminary calorific value: the one with the
// billing value is another profile (channel 20), no correction of it.
//
// Codeliste der OBIS-Kennzahlen 2.5c, 7-10:99.33.17 and 7-20:99.33.17
func isProvisionalGas(sparte, obis string) bool { return sparte == gas && obis == "7-10:99.33.17" }
