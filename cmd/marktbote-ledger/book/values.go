package book

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// State says what a quantity is good for.
type State string

// The states of quantities, from good to bad.
const (
	Billable    State = "billable"    // true or substitute values: a bill may rest on it
	Preliminary State = "preliminary" // the final value is still to come
	Withdrawn   State = "withdrawn"   // cancelled, and what replaces it has not come: it does not exist
	Missing     State = "missing"     // some values of the time have not come
	Conflict    State = "conflict"    // two documents hold and disagree: people have to look
	Outside     State = "outside"     // reaches beyond the supply
	Information State = "information" // is no basis of a bill
)

// The status codes of values that a bill may rest on.
//
// MSCONS AHB 3.2, SG10 QTY DE 6063; WiM Strom Teil 2 ch. 2.1
var billableQualities = map[string]bool{"220": true, "67": true}

func isBillable(quality string) bool { return billableQualities[quality] }

// QuantityKind says what a quantity is.
type QuantityKind string

// The kinds of quantities.
const (
	Energy       QuantityKind = "energy"
	Maximum      QuantityKind = "maximum"
	Profile      QuantityKind = "profile"
	Reading      QuantityKind = "reading"
	DeliveryNote QuantityKind = "delivery-note"
	GasQuality   QuantityKind = "gas-quality" // Zustandszahl and calorific value
	Balance      QuantityKind = "balance"
	MeLoEnergy   QuantityKind = "melo-energy" // of a Messlokation, mostly correction energy: explains, that of the Marktlokation counts
)

// position is a value with its document and what became of it.
type position struct {
	kind  QuantityKind
	doc   *Document
	value Value
	span  span // of the value; a reading has none
	state State
	by    *Document // the cancellation of a withdrawn position
	left  []span    // of a withdrawn position: what nothing has replaced
}

// slot is what two values share that cannot both hold.
type slot struct {
	kind             QuantityKind
	object, obis     string
	from, to, at     int64
	power            string
	document, device string // only where values stand beside each other; only of readings
}

// view is what a mandator knows about a point.
type view struct {
	own, point, sparte string
	list               []*Document // of the mandator, in document order
	supplies           []Supply
	meters             map[string]bool // Messlokationen of the point
	void               map[sent]*Document
}

// look collects what is known about a point. list are all documents of the mandator in document order.
func look(own, point string, list []*Document, void map[sent]bool) *view {
	v := &view{own: own, point: point, supplies: supplies(list, void, point), meters: map[string]bool{}, void: map[sent]*Document{}}
	for _, d := range list {
		switch {
		case d.Name == valuesReversed || d.Name == noteReversed:
			if k := (sent{d.Sender, d.Cancels}); v.void[k] == nil {
				v.void[k] = d
			}
			continue
		case d.Point == point && strings.HasPrefix(d.Name, "contract."):
			for _, m := range d.MeLos {
				v.meters[m] = true
			}
		}
	}
	for _, d := range list {
		if d.Point == point || d.Object != "" && v.meters[d.Object] {
			v.list = append(v.list, d)
			v.sparte = d.Sparte
		}
	}
	return v
}

// cancelled returns the cancellation of a document, nil if it holds.
func (v *view) cancelled(d *Document) *Document { return v.void[sent{d.Sender, d.Number}] }

// kindOf says what a value is, "" for what has no place in a statement.
func kindOf(d *Document, x Value) QuantityKind {
	if strings.HasPrefix(x.OBIS, "7-") && (x.Unit == "kWh/m3" || strings.HasSuffix(x.OBIS, ":52.0.22")) {
		return GasQuality
	}
	switch d.Name {
	case readingReceived:
		return Reading
	case noteReceived:
		return DeliveryNote
	case balanceReceived:
		return Balance
	case energyReceived:
		switch {
		case d.ObjectKind != "malo" && d.ObjectKind != "tranche":
			return MeLoEnergy
		case x.Power != "" || x.Unit == "kW" || x.Unit == "kvar":
			return Maximum
		}
		return Energy
	}
	return ""
}

// positions returns the values of readings, energies, delivery notes and balanced quantities as they hold now, those that
// were withdrawn without replacement, and how they came about.
//
// Values that are cancelled and sent again exclude each other by slot: a second one that is not cancelled is a conflict,
// unless the first was preliminary.
func (v *view) positions() ([]position, []Correction) {
	slots := map[slot][]position{}
	var order []slot
	for _, d := range v.list {
		for _, x := range d.Values {
			kind := kindOf(d, x)
			if kind == "" {
				continue
			}
			p := position{kind: kind, doc: d, value: x, span: span{x.From, x.To}, by: v.cancelled(d)}
			if x.From.IsZero() && x.Power != "" {
				p.span = powerSpan(v.sparte, x.Power)
			}
			k := slot{
				kind: kind, object: d.Object, obis: x.OBIS, from: p.span.from.Unix(), to: p.span.to.Unix(), at: x.At.Unix(), power: x.Power, device: x.Device,
			}
			if kind == Balance {
				k.document = d.Sender + "\n" + d.Number
			}
			if slots[k] == nil {
				order = append(order, k)
			}
			slots[k] = append(slots[k], p)
		}
	}
	var live, gone []position
	var corrections []Correction
	for _, k := range order {
		entries := slots[k]
		for i := 1; i < len(entries); i++ {
			if c, changed := corrected(v.sparte, entries[i-1], entries[i]); changed {
				corrections = append(corrections, c)
			}
		}
		if p, ok := standing(entries); ok {
			live = append(live, p)
		} else {
			gone = append(gone, entries[len(entries)-1])
		}
	}
	live = overlaps(live)
	for _, p := range gone {
		if p.open(live) {
			p.state = Withdrawn
			live = append(live, p)
		}
	}
	return live, corrections
}

// standing returns the value of a slot that holds, if one does.
func standing(entries []position) (position, bool) {
	var best position
	found := false
	for _, p := range entries {
		if p.by != nil {
			continue
		}
		p.state = Preliminary
		switch {
		case p.doc.Disputed:
			p.state = Conflict
		case isBillable(p.value.Quality):
			p.state = Billable
		}
		same := found && best.value.Amount.Equal(p.value.Amount) && best.value.Quality == p.value.Quality
		if found && (best.state == Conflict || best.state != Preliminary && !same) {
			p.state = Conflict
		}
		best, found = p, true
	}
	return best, found
}

// overlaps finds energies of one register whose times overlap: one of them should have been cancelled. A preliminary one gives
// way to final ones.
func overlaps(list []position) []position {
	drop := map[int]bool{}
	for i := range list {
		for j := range list {
			a, b := &list[i], &list[j]
			if i == j || a.kind != Energy && a.kind != DeliveryNote || a.kind != b.kind || a.doc.Object != b.doc.Object || a.value.OBIS != b.value.OBIS ||
				a.span == b.span || !a.span.from.Before(b.span.to) || !b.span.from.Before(a.span.to) {
				continue
			}
			switch {
			case a.state == Preliminary && b.state != Preliminary:
				drop[i] = true
			case b.state == Preliminary && a.state != Preliminary:
			default:
				a.state = Conflict
			}
		}
	}
	var out []position
	for i, p := range list {
		if !drop[i] {
			out = append(out, p)
		}
	}
	return out
}

// open reports whether nothing has replaced a cancelled value, and notes for which time. What replaces it may have other
// limits, or tariff registers instead of the total and the other way round.
func (p *position) open(live []position) bool {
	if p.kind == Balance {
		return false // the next one does not replace it
	}
	var covered []span
	for _, q := range live {
		if q.kind != p.kind || q.doc.Object != p.doc.Object || !replaces(q.value.OBIS, p.value.OBIS) {
			continue
		}
		if p.span.from.IsZero() {
			if q.value.At.Equal(p.value.At) && q.span == p.span {
				return false
			}
			continue
		}
		covered = append(covered, q.span)
	}
	if p.span.from.IsZero() {
		return true
	}
	p.left = p.span.minus(covered)
	return len(p.left) > 0
}

// replaces reports whether a register can take the place of another: the same, or total and tariff of one quantity.
func replaces(a, b string) bool {
	if a == b {
		return true
	}
	i, j := strings.LastIndexByte(a, '.'), strings.LastIndexByte(b, '.')
	return i > 0 && j > 0 && a[:i] == b[:j] && (a[i:] == ".0") != (b[j:] == ".0")
}

// powerSpan returns the time of a maximum: a month such as 2026-11 or a day.
func powerSpan(sparte, power string) span {
	if p, err := ParseMonth(power); err == nil {
		return p.span(sparte)
	}
	if p, err := ParsePeriod(power, power); err == nil {
		return p.span(sparte)
	}
	return span{}
}

// Correction says how a quantity changed.
type Correction struct {
	Kind       CorrectionKind `json:"kind"`
	Object     string         `json:"object"`
	OBIS       string         `json:"obis"`
	Unit       string         `json:"unit"`
	From       time.Time      `json:"from"` // of a reading: its instant
	To         time.Time      `json:"to,omitzero"`
	FirstDay   Day            `json:"firstDay"`
	LastDay    Day            `json:"lastDay"`
	Count      int            `json:"count"` // values that changed
	Old        Amount         `json:"old"`
	New        Amount         `json:"new"`
	Difference Amount         `json:"difference"`
	OldQuality string         `json:"oldQuality,omitempty"` // if they all had the same
	NewQuality string         `json:"newQuality,omitempty"`
	Replaced   Source         `json:"replaced"`
	By         Source         `json:"by"`
}

// CorrectionKind says why a quantity changed.
type CorrectionKind string

// The kinds of corrections.
const (
	MadeFinal CorrectionKind = "made-final" // preliminary values became final ones
	Corrected CorrectionKind = "corrected"
)

func correctionKind(oldQuality, newQuality string) CorrectionKind {
	if !isBillable(oldQuality) && isBillable(newQuality) {
		return MadeFinal
	}
	return Corrected
}

// corrected compares two values of a slot that followed on each other.
func corrected(sparte string, a, b position) (Correction, bool) {
	if a.value.Amount.Equal(b.value.Amount) && a.value.Quality == b.value.Quality {
		return Correction{}, false
	}
	c := Correction{
		Kind: correctionKind(a.value.Quality, b.value.Quality), Object: b.doc.Object, OBIS: b.value.OBIS, Unit: b.value.Unit,
		From: b.span.from, To: b.span.to, Count: 1, Old: a.value.Amount, New: b.value.Amount, Difference: b.value.Amount.Sub(a.value.Amount),
		OldQuality: a.value.Quality, NewQuality: b.value.Quality, Replaced: documentOf(a.doc), By: documentOf(b.doc),
	}
	if c.From.IsZero() {
		c.From, c.FirstDay, c.LastDay = b.value.At, dayOf(sparte, b.value.At), dayOf(sparte, b.value.At)
	} else {
		c.FirstDay, c.LastDay = dayOf(sparte, c.From), lastDay(sparte, c.To)
	}
	return c, true
}

// documentOf names the document of values.
func documentOf(d *Document) Source {
	return Source{Document: d.Number, Sender: d.Sender, Time: d.Version}
}

// sortCorrections puts corrections in the order of time.
func sortCorrections(list []Correction) {
	slices.SortStableFunc(list, func(a, b Correction) int {
		return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.OBIS, b.OBIS), a.By.Time.Compare(b.By.Time), a.Replaced.Time.Compare(b.Replaced.Time),
			cmp.Compare(fmt.Sprint(a.By, a.Replaced), fmt.Sprint(b.By, b.Replaced)))
	})
}
