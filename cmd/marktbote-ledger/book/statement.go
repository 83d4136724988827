package book

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Statement is what a bill for a point and a period is made of.
type Statement struct {
	MPID     string `json:"mp_id"` // the mandator
	Supplier string `json:"supplier"`
	MaLoID   string `json:"malo_id"` // or that of a Tranche
	Sparte   string `json:"sparte"`
	FirstDay Day    `json:"firstDay"`
	LastDay  Day    `json:"lastDay"`
	State    State  `json:"state"` // of all totals together; empty: no quantity falls due

	Supplies    []SupplyLine `json:"supplies"`
	Lines       []Line       `json:"lines"`
	Totals      []Total      `json:"totals"`
	Corrections []Correction `json:"corrections,omitempty"`
	Notes       []Note       `json:"notes,omitempty"`
}

// SupplyLine is a supply as far as it lies in the period.
type SupplyLine struct {
	Supply
	FirstDay Day `json:"firstDay"`
	LastDay  Day `json:"lastDay"`
}

// Line is one quantity. A quantity belongs to the period in which its time ends, so that each is in one statement; a load
// profile is cut at the limits of period and supply.
type Line struct {
	Kind        QuantityKind `json:"kind"`
	Object      string       `json:"object"`
	OBIS        string       `json:"obis"`
	From        time.Time    `json:"from,omitzero"`
	To          time.Time    `json:"to,omitzero"`
	At          time.Time    `json:"at,omitzero"` // of a reading
	FirstDay    Day          `json:"firstDay"`
	LastDay     Day          `json:"lastDay"`
	Amount      Amount       `json:"amount"`                // of a profile: the part that a bill may rest on
	Provisional *Amount      `json:"provisional,omitempty"` // of a profile: the part that it may not rest on yet
	Unit        string       `json:"unit"`
	State       State        `json:"state"`
	Quality     string       `json:"quality,omitempty"` // DE 6063, of a single value
	Values      *Counts      `json:"values,omitempty"`  // of a profile
	Document    *Source      `json:"document,omitempty"`
	CancelledBy *Source      `json:"cancelledBy,omitempty"`
	Device      string       `json:"device,omitempty"`
}

// Total is what was taken from the grid, or fed in, by the quantities that count.
type Total struct {
	Direction   Direction `json:"direction"`
	Unit        string    `json:"unit"`
	Billable    Amount    `json:"billable"`
	Provisional Amount    `json:"provisional"`
	Missing     int       `json:"missing"` // values of profiles that have not come
	State       State     `json:"state"`
}

// Direction of energy, seen from the grid.
type Direction string

// The directions.
const (
	Consumption Direction = "consumption"
	FeedIn      Direction = "feed-in"
)

// Note is a remark that people should read before they send a bill.
type Note struct {
	Code string `json:"code"`
	Text string `json:"text"` // German
}

// Filter selects statements; empty fields do not restrict.
type Filter struct {
	MPID   string // mandator
	MaLoID string // Marktlokation or Tranche
}

// Statements derives the statements of a period, by mandator, point and supplier. Points that are neither supplied in the
// period nor have quantities in it have none.
func (b *Book) Statements(p Period, f Filter) []*Statement {
	var out []*Statement
	for _, own := range b.Mandators() {
		if f.MPID != "" && f.MPID != own {
			continue
		}
		list := b.of(own)
		void := voidTransactions(list)
		points := map[string]bool{}
		for _, d := range list {
			if d.Point != "" && (f.MaLoID == "" || f.MaLoID == d.Point) {
				points[d.Point] = true
			}
		}
		for _, point := range slices.Sorted(maps.Keys(points)) {
			out = append(out, look(own, point, list, void).statements(p)...)
		}
	}
	return out
}

// statements derives one statement for every supplier of the point in the period.
func (v *view) statements(p Period) []*Statement {
	during := p.span(v.sparte)
	var suppliers []string
	for _, s := range v.supplies {
		if _, ok := (span{s.From, s.To}).clip(during); ok && !slices.Contains(suppliers, s.Supplier) {
			suppliers = append(suppliers, s.Supplier)
		}
	}
	if len(suppliers) == 0 {
		suppliers = []string{v.own} // values without supply: somebody has to look
	}
	positions, corrections := v.positions()
	profiles := v.profiles(during)
	var out []*Statement
	for _, who := range suppliers {
		d := &drafting{
			view: v, during: during, all: positions, corrections: corrections, profiles: profiles,
			s: &Statement{MPID: v.own, Supplier: who, MaLoID: v.point, Sparte: v.sparte, FirstDay: p.First, LastDay: p.Last},
		}
		if d.draft(); len(d.s.Supplies)+len(d.s.Lines) > 0 {
			out = append(out, d.s)
		}
	}
	return out
}

// drafting is the work on one statement.
type drafting struct {
	*view
	s           *Statement
	during      span
	all         []position // of all times
	corrections []Correction
	profiles    []profile // of the period

	supplied []span // whole supplies of the supplier, joined where they follow on each other
	others   []span // supplies of others
	billed   []span // parts of supplied in the period
	counted  map[Direction][]span
}

func (d *drafting) draft() {
	for _, x := range d.view.supplies {
		whole := span{x.From, x.To}
		if x.Supplier != d.s.Supplier {
			d.others = append(d.others, whole)
			continue
		}
		if n := len(d.supplied); n > 0 && d.supplied[n-1].to.Equal(x.From) {
			d.supplied[n-1].to = x.To
		} else {
			d.supplied = append(d.supplied, whole)
		}
		if part, ok := whole.clip(d.during); ok {
			d.billed = append(d.billed, part)
			d.s.Supplies = append(d.s.Supplies, SupplyLine{x, dayOf(d.sparte, part.from), lastDay(d.sparte, part.to)})
		}
	}
	totals := map[Direction]*Total{}
	d.counted = map[Direction][]span{}
	d.energies(totals)
	d.loadProfiles(totals)
	slices.SortStableFunc(d.s.Lines, func(a, b Line) int {
		return cmp.Or(cmp.Compare(kindOrder[a.Kind], kindOrder[b.Kind]), cmp.Compare(a.Object, b.Object), a.start().Compare(b.start()),
			cmp.Compare(a.OBIS, b.OBIS), cmp.Compare(fmt.Sprint(a.Document), fmt.Sprint(b.Document)))
	})
	for _, direction := range []Direction{Consumption, FeedIn} {
		t := totals[direction]
		if t == nil {
			continue
		}
		d.s.Totals = append(d.s.Totals, *t)
		d.s.State = worse(d.s.State, t.State)
	}
	d.changes()
	d.gaps()
	d.checks()
}

var kindOrder = map[QuantityKind]int{Energy: 1, Profile: 2, Maximum: 3, MeLoEnergy: 4, Reading: 5, GasQuality: 6, DeliveryNote: 7, Balance: 8}

func (l *Line) start() time.Time {
	if l.From.IsZero() {
		return l.At
	}
	return l.From
}

// severity orders states; what is worse decides about a sum.
var severity = map[State]int{"": 0, Information: 1, Billable: 2, Preliminary: 3, Missing: 4, Withdrawn: 5, Outside: 6, Conflict: 7}

func worse(a, b State) State {
	if severity[b] > severity[a] {
		return b
	}
	return a
}

// directionOf returns the direction of an OBIS number of energy, "" for reactive energy and others.
//
// Codeliste der OBIS-Kennzahlen 2.5c
func directionOf(obis string) Direction {
	medium, rest, ok := strings.Cut(obis, "-")
	_, rest, ok2 := strings.Cut(rest, ":")
	c, rest, _ := strings.Cut(rest, ".")
	switch {
	case !ok || !ok2:
		return ""
	case medium == "1" && c == "1":
		return Consumption
	case medium == "1" && c == "2":
		return FeedIn
	case medium == "7" && (c == "33" && strings.HasPrefix(rest, "86.") || c == "99" && strings.HasPrefix(rest, "33.")):
		return Consumption
	}
	return ""
}

// due reports whether a position belongs to the period: that in which its time ends. A reading at the limit of two periods
// closes one and opens the other.
func (d *drafting) due(p *position) bool {
	if p.span.from.IsZero() {
		return !p.value.At.Before(d.during.from) && !p.value.At.After(d.during.to)
	}
	return p.span.to.After(d.during.from) && !p.span.to.After(d.during.to)
}

// within reports whether one of the spans holds s.
func within(list []span, s span) bool {
	return slices.ContainsFunc(list, func(x span) bool { return x.holds(s) })
}

// energies adds the lines of single values, and those that count to the totals.
func (d *drafting) energies(totals map[Direction]*Total) {
	var mine []position
	for _, p := range d.all {
		if !d.due(&p) || !p.span.from.IsZero() && !within(d.supplied, p.span) && within(d.others, p.span) {
			continue
		}
		line := Line{
			Kind: p.kind, Object: p.doc.Object, OBIS: p.value.OBIS, From: p.span.from, To: p.span.to, At: p.value.At, Amount: p.value.Amount,
			Unit: p.value.Unit, State: p.state, Quality: p.value.Quality, Device: p.value.Device,
		}
		document := documentOf(p.doc)
		line.Document = &document
		if p.by != nil {
			by := documentOf(p.by)
			line.CancelledBy = &by
		}
		if p.span.from.IsZero() {
			line.FirstDay = dayOf(d.sparte, p.value.At)
			line.LastDay = line.FirstDay
		} else {
			line.FirstDay, line.LastDay = dayOf(d.sparte, p.span.from), lastDay(d.sparte, p.span.to)
		}
		switch p.kind {
		case Energy, Maximum:
			if !within(d.supplied, p.span) && !d.maximumOfPart(&p) && p.state != Withdrawn && p.state != Conflict {
				line.State, p.state = Outside, Outside
			}
		default:
			if p.state == Billable {
				line.State = Information
			}
		}
		d.s.Lines = append(d.s.Lines, line)
		if p.kind == Energy && directionOf(p.value.OBIS) != "" {
			mine = append(mine, p)
		}
	}
	for i := range mine {
		if p := &mine[i]; isTotal(p.value.OBIS) {
			d.count(totals, p)
		}
	}
	sums := map[Direction][]span{}
	for direction, list := range d.counted {
		sums[direction] = slices.Clone(list)
	}
	for i := range mine { // registers count where no total does
		if p := &mine[i]; !isTotal(p.value.OBIS) && !within(sums[directionOf(p.value.OBIS)], p.span) {
			d.count(totals, p)
		}
	}
}

// maximumOfPart reports whether a maximum belongs to a month that is supplied in part only.
func (d *drafting) maximumOfPart(p *position) bool {
	return p.kind == Maximum && slices.ContainsFunc(d.supplied, func(s span) bool { _, ok := s.clip(p.span); return ok })
}

func isTotal(obis string) bool { return strings.HasSuffix(obis, ".0") || strings.HasPrefix(obis, "7-") }

// total returns the total of a direction.
func total(totals map[Direction]*Total, direction Direction, unit string) *Total {
	if totals[direction] == nil {
		totals[direction] = &Total{Direction: direction, Unit: unit, State: Billable}
	}
	return totals[direction]
}

// count adds an energy to its total.
func (d *drafting) count(totals map[Direction]*Total, p *position) {
	direction := directionOf(p.value.OBIS)
	t := total(totals, direction, p.value.Unit)
	d.counted[direction] = append(d.counted[direction], p.span)
	t.State = worse(t.State, p.state)
	switch p.state {
	case Billable:
		t.Billable = t.Billable.Add(p.value.Amount)
	case Preliminary, Conflict:
		t.Provisional = t.Provisional.Add(p.value.Amount)
	}
}

// loadProfiles adds one line for every profile and supply, and the values that no energy covers to the totals.
func (d *drafting) loadProfiles(totals map[Direction]*Total) {
	billing := slices.ContainsFunc(d.profiles, func(p profile) bool { return directionOf(p.obis) != "" && !isProvisionalGas(d.sparte, p.obis) })
	for i := range d.profiles {
		p := &d.profiles[i]
		for _, part := range d.billed {
			billable, provisional, n := p.sum(part, d.sparte)
			line := Line{
				Kind: Profile, Object: d.point, OBIS: p.obis, From: part.from, To: part.to, FirstDay: dayOf(d.sparte, part.from),
				LastDay: lastDay(d.sparte, part.to), Amount: billable, Provisional: &provisional, Unit: p.unit, Values: &n,
			}
			direction := directionOf(p.obis)
			switch {
			case n.Conflict > 0:
				line.State = Conflict
			case n.Missing > 0:
				line.State = Missing
			case n.Preliminary > 0 || isProvisionalGas(d.sparte, p.obis):
				line.State = Preliminary
			case direction == "":
				line.State = Information
			default:
				line.State = Billable
			}
			if isProvisionalGas(d.sparte, p.obis) && billing {
				line.State = Information
			}
			d.s.Lines = append(d.s.Lines, line)
		}
	}
	for _, part := range d.billed {
		for _, direction := range []Direction{Consumption, FeedIn} {
			d.sumProfiles(totals, direction, part)
		}
	}
}

// sumProfiles adds the profiles of a direction. Of the two profiles of gas the one with the billing calorific value counts;
// the other stands in for it, provisionally, where it has not come.
func (d *drafting) sumProfiles(totals map[Direction]*Total, direction Direction, part span) {
	var list []*profile
	for i := range d.profiles {
		if p := &d.profiles[i]; directionOf(p.obis) == direction {
			list = append(list, p)
		}
	}
	if len(list) == 0 {
		return
	}
	open := part.minus(d.counted[direction])
	for _, p := range list {
		if isProvisionalGas(d.sparte, p.obis) {
			continue
		}
		for _, s := range open {
			billable, provisional, n := p.sum(s, d.sparte)
			t := total(totals, direction, p.unit)
			t.Billable, t.Provisional = t.Billable.Add(billable), t.Provisional.Add(provisional)
			switch {
			case n.Conflict > 0:
				t.State = worse(t.State, Conflict)
			case n.Preliminary > 0:
				t.State = worse(t.State, Preliminary)
			}
			missing := s.minus(covered(p.within(s)))
			for _, q := range list { // the provisional one stands in
				if !isProvisionalGas(d.sparte, q.obis) {
					continue
				}
				var still []span
				for _, hole := range missing {
					_, stand, m := q.sum(hole, d.sparte)
					t.Provisional = t.Provisional.Add(stand)
					if m.Preliminary+m.True+m.Substitute > 0 {
						t.State = worse(t.State, Preliminary)
					}
					still = append(still, hole.minus(covered(q.within(hole)))...)
				}
				missing = still
			}
			for _, hole := range missing {
				t.Missing += int(hole.to.Sub(hole.from) / p.step)
				t.State = worse(t.State, Missing)
			}
		}
	}
	if d.sparte == gas && !slices.ContainsFunc(list, func(p *profile) bool { return !isProvisionalGas(d.sparte, p.obis) }) {
		for _, p := range list {
			for _, s := range open {
				_, provisional, n := p.sum(s, d.sparte)
				t := total(totals, direction, p.unit)
				t.Provisional, t.Missing = t.Provisional.Add(provisional), t.Missing+n.Missing
				t.State = worse(t.State, Preliminary)
				if n.Missing > 0 {
					t.State = worse(t.State, Missing)
				}
			}
		}
	}
}

// covered returns the times of cells, joined.
func covered(cells []*cell) []span {
	var list []span
	for _, c := range cells {
		s := c.span()
		if n := len(list); n > 0 && list[n-1].to.Equal(s.from) {
			list[n-1].to = s.to
			continue
		}
		list = append(list, s)
	}
	return list
}

// changes adds the corrections of what is in the period.
func (d *drafting) changes() {
	for _, c := range d.corrections {
		p := position{span: span{c.From, c.To}, value: Value{At: c.From}}
		if c.To.IsZero() {
			p.span = span{}
		}
		if d.due(&p) && (p.span.from.IsZero() || within(d.supplied, p.span) || !within(d.others, p.span)) {
			d.s.Corrections = append(d.s.Corrections, c)
		}
	}
	for i := range d.profiles {
		for _, part := range d.billed {
			d.s.Corrections = append(d.s.Corrections, d.profiles[i].corrections(part, d.point, d.sparte)...)
		}
	}
	sortCorrections(d.s.Corrections)
}
