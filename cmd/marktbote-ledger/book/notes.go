package book

import (
	"fmt"
	"slices"
	"strings"
)

// The codes of notes.
const (
	noteWithdrawn = "withdrawn"       // a cancelled value waits for its replacement
	noteGap       = "gap"             // no quantity for a time before one that is due
	noteSum       = "sum-differs"     // energy and load profile of the same time differ
	noteGas       = "gas-check"       // energy computed from readings, calorific value and Zustandszahl
	noteOutside   = "outside-supply"  // a quantity reaches beyond the supply
	noteNoSupply  = "no-supply"       // quantities without a confirmed supply
	noteConflict  = "conflict"        // documents that disagree
	noteMissing   = "values-missing"  // values of a profile have not come
	noteUnkept    = "unknown-cancels" // a cancellation of a document that has not come
)

func (d *drafting) note(code, format string, args ...any) {
	d.s.Notes = append(d.s.Notes, Note{code, fmt.Sprintf(format, args...)})
}

// days tells a time in days.
func (d *drafting) days(s span) string {
	return dayOf(d.sparte, s.from).German() + " bis " + lastDay(d.sparte, s.to).German()
}

// gaps notes what a bill lacks.
func (d *drafting) gaps() {
	if len(d.s.Supplies) == 0 {
		d.note(noteNoSupply, "Mengen ohne bestätigte Belieferung im Zeitraum.")
	}
	for i := range d.s.Lines {
		l := &d.s.Lines[i]
		switch {
		case l.State == Outside && len(d.s.Supplies) > 0:
			d.note(noteOutside, "%s vom %s bis %s reicht über die Belieferung hinaus.", l.OBIS, l.FirstDay.German(), l.LastDay.German())
		case l.State == Conflict:
			d.note(noteConflict, "%s vom %s bis %s: mehrere Nachrichten gelten und widersprechen sich.", l.OBIS, l.FirstDay.German(), l.LastDay.German())
		case l.State == Missing:
			d.note(noteMissing, "%s: %d von %d Werten fehlen.", l.OBIS, l.Values.Missing, l.Values.Expected)
		}
	}
	for _, p := range d.all {
		if p.state == Withdrawn && d.due(&p) {
			for _, left := range p.left {
				d.note(noteWithdrawn, "%s vom %s ist storniert (%s), der Ersatz steht aus: nicht abrechnen.", p.value.OBIS, d.days(left), p.by.Number)
			}
			if len(p.left) == 0 {
				d.note(noteWithdrawn, "%s zum %s ist storniert (%s), der Ersatz steht aus.", p.value.OBIS, dayOf(d.sparte, p.value.At).German(), p.by.Number)
			}
		}
	}
	d.chain()
	seen := map[string]bool{}
	d.s.Notes = slices.DeleteFunc(d.s.Notes, func(n Note) bool {
		again := seen[n.Text]
		seen[n.Text] = true
		return again
	})
	for _, n := range d.list {
		if (n.Name == valuesReversed || n.Name == noteReversed) && !slices.ContainsFunc(d.list, func(x *Document) bool {
			return x != n && x.Sender == n.Sender && x.Number == n.Cancels
		}) {
			d.note(noteUnkept, "Storno %s hebt %s auf, die Nachricht ist noch nicht da.", n.Number, n.Cancels)
		}
	}
}

// chain notes time of the supply before an energy that is due for which there is no quantity.
func (d *drafting) chain() {
	for i := range d.all {
		p := &d.all[i]
		direction := directionOf(p.value.OBIS)
		if p.kind != Energy || !d.due(p) || p.state == Withdrawn || p.state == Outside || direction == "" {
			continue
		}
		for _, s := range d.supplied {
			if !s.holds(p.span) || !s.from.Before(p.span.from) {
				continue
			}
			var there []span
			for _, q := range d.all {
				if q.kind == Energy && q.state != Withdrawn && directionOf(q.value.OBIS) == direction {
					there = append(there, q.span)
				}
			}
			for i := range d.profiles {
				if directionOf(d.profiles[i].obis) == direction {
					there = append(there, covered(d.profiles[i].cells)...)
				}
			}
			for _, hole := range (span{s.from, p.span.from}).minus(there) {
				if len(d.profiles) > 0 { // those of other times have not been looked at
					hole, _ = hole.clip(d.during)
				}
				if hole.to.Equal(p.span.from) && hole.to.After(hole.from) {
					d.note(noteGap, "Vom %s fehlt die Menge vor %s.", d.days(hole), p.value.OBIS)
				}
			}
		}
	}
}

// checks compares quantities that say the same in two ways.
func (d *drafting) checks() {
	for i := range d.all {
		p := &d.all[i]
		if p.kind != Energy || !d.due(p) || p.state == Withdrawn {
			continue
		}
		if d.sparte == gas {
			d.checkGas(p)
		}
		if !isTotal(p.value.OBIS) {
			continue
		}
		for j := range d.profiles {
			f := &d.profiles[j]
			if directionOf(f.obis) != directionOf(p.value.OBIS) || isProvisionalGas(d.sparte, f.obis) {
				continue
			}
			billable, provisional, n := f.sum(p.span, d.sparte)
			if n.Missing == 0 && n.Expected > 0 && !billable.Add(provisional).Equal(p.value.Amount) {
				d.note(noteSum, "%s vom %s: %s %s, die Summe des Lastgangs %s ist %s.", p.value.OBIS, d.days(p.span), p.value.Amount.German(),
					p.value.Unit, f.obis, billable.Add(provisional).German())
			}
		}
	}
}

// checkGas computes an energy of gas from the readings of the same time: volume × Zustandszahl × calorific value, in whole kWh.
//
// MSCONS AHB 3.2 ch. 6.2, 6.4
func (d *drafting) checkGas(p *position) {
	factor := map[string]*position{}
	var opening, closing []*position
	for i := range d.all {
		q := &d.all[i]
		switch {
		case q.state == Withdrawn || q.kind != Reading && q.kind != GasQuality:
		case q.kind == GasQuality && q.span == p.span && strings.HasSuffix(q.value.OBIS, ":52.0.22"):
			factor["Z"] = q
		case q.kind == GasQuality && q.span == p.span && strings.HasSuffix(q.value.OBIS, ":54.0.22"):
			factor["H"] = q
		case q.kind == Reading && q.value.Unit == "m3" && q.value.At.Equal(p.span.from):
			opening = append(opening, q)
		case q.kind == Reading && q.value.Unit == "m3" && q.value.At.Equal(p.span.to):
			closing = append(closing, q)
		}
	}
	if p.value.Unit != "kWh" || factor["Z"] == nil || factor["H"] == nil || len(opening) == 0 || len(opening) != len(closing) {
		return
	}
	var volume Amount
	for _, to := range closing {
		i := slices.IndexFunc(opening, func(from *position) bool {
			return from.doc.Object == to.doc.Object && from.value.OBIS == to.value.OBIS && from.value.Device == to.value.Device
		})
		if i < 0 {
			return // the device changed in between: the readings explain the parts only
		}
		volume = volume.Add(to.value.Amount.Sub(opening[i].value.Amount))
	}
	z, h := factor["Z"].value.Amount, factor["H"].value.Amount
	energy := volume.Mul(z).Mul(h).Round()
	verdict := "stimmt"
	if !energy.Equal(p.value.Amount) {
		verdict = "weicht ab von " + p.value.Amount.German() + " kWh"
	}
	d.note(noteGas, "Probe: %s m³ × %s × %s kWh/m³ = %s kWh, %s.", volume.German(), z.German(), h.German(), energy.German(), verdict)
}
