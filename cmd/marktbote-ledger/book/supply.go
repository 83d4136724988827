package book

import (
	"cmp"
	"slices"
	"time"
)

// Supply is a time for which a point is assigned to a supplier.
type Supply struct {
	Supplier string     `json:"supplier"` // MP-ID
	Kind     SupplyKind `json:"kind"`
	From     time.Time  `json:"from"`
	To       time.Time  `json:"to,omitzero"` // excluded; zero: open
	Reason   string     `json:"reason,omitempty"`
	Begun    Source     `json:"begun"`
	Ended    *Source    `json:"ended,omitempty"`
}

// SupplyKind says why a point is supplied.
type SupplyKind string

// The kinds of supply.
const (
	KindContract SupplyKind = "contract" // registered by the supplier
	KindBasic    SupplyKind = "basic"    // basic or substitute supply, by the grid operator
	KindFeedIn   SupplyKind = "feed-in"  // a generating point, by the grid operator
)

// Source names the document that says something.
type Source struct {
	Document string    `json:"document"` // number (BGM), or that of the Vorgang
	Sender   string    `json:"sender"`
	Time     time.Time `json:"time"` // document time
}

func sourceOf(d *Document) Source {
	return Source{Document: cmp.Or(d.Transaction, d.Number), Sender: d.Sender, Time: d.Time}
}

// assignsSupply reports whether an event begins a supply. A request begins none: only the confirmation of the grid operator
// assigns a point.
//
// The rule is GPKE Teil 2, Lieferbeginn, Ersatz-/Grundversorgung.
func assignsSupply(name string) bool {
	return name == supplyStarted || name == basicAssigned || name == feedInAssigned
}

// endsSupply reports whether an event ends a supply. In gas the supplier's consent to the announcement of the grid operator
// does; in Strom the grid operator sends the end itself afterwards.
func endsSupply(d *Document) bool {
	switch d.Name {
	case supplyEnded, supplyEndedGrid:
		return true
	case assignmentEnded:
		return d.PID != "55611" // tells a metering point operator what happened to a supplier, without naming him
	case endAgreed:
		return d.Sparte == gas
	}
	return false
}

// cancelsFuture reports whether an event takes back an assignment that has not begun. It names the start of it. The
// confirmation of an end does so too for the reasons ZG9, ZH1 and ZH2.
//
// UTILMD AHB Strom 2.2, 55005 and 55038, SG4 DTM+92
func cancelsFuture(d *Document) bool {
	return d.Name == futureCancelled || endsSupply(d) && d.End.IsZero()
}

// supplier returns whom a contract document is about: all but the consent to an end are sent by the grid operator.
func supplier(d *Document) string {
	if d.Name == endAgreed {
		return d.Sender
	}
	return d.Receiver
}

// sent is the identity of a transaction or document: numbers are unique for whoever sends them.
type sent struct{ sender, number string }

// voidTransactions returns the transactions that are void: those whose cancellation was asked for and agreed to, and the
// announcements of basic supply in gas that were refused. It looks at all documents of a mandator, because an agreement
// names the request and nothing else.
func voidTransactions(list []*Document) map[sent]bool {
	asked := map[sent]sent{}
	for _, d := range list {
		if d.Name == cancelAsked && d.Cancels != "" {
			asked[sent{d.Sender, d.Transaction}] = sent{d.Sender, d.Cancels}
		}
	}
	void := map[sent]bool{}
	for _, d := range list {
		switch d.Name {
		case cancelAgreed:
			if target, ok := asked[sent{d.Receiver, d.Request}]; ok {
				void[target] = true
			}
		case basicRefused:
			if d.Sparte == gas && d.Request != "" {
				void[sent{d.Receiver, d.Request}] = true
			}
		}
	}
	return void
}

// isVoid reports whether a contract document is void: it was cancelled, or the request of the receiver that it confirms was.
func isVoid(void map[sent]bool, d *Document) bool {
	return d.Disputed || void[sent{d.Sender, d.Transaction}] || d.Request != "" && void[sent{d.Receiver, d.Request}]
}

// supplies returns the timeline of a point, by supplier and start. list are the documents of a mandator in document order.
//
// Each document holds from its first instant on and replaces what older ones said about the time after it; an end cuts the
// supply that runs at that instant and leaves later ones alone.
func supplies(list []*Document, void map[sent]bool, point string) []Supply {
	lines := map[string][]Supply{}
	for _, d := range list {
		if d.Point != point || isVoid(void, d) {
			continue
		}
		who := supplier(d)
		switch {
		case assignsSupply(d.Name):
			lines[who] = assign(lines[who], d)
		case endsSupply(d) && !d.End.IsZero():
			lines[who] = end(lines[who], d.End, d)
		case cancelsFuture(d):
			lines[who] = slices.DeleteFunc(lines[who], func(s Supply) bool {
				return s.From.Equal(d.Start) || d.Start.IsZero() && s.From.After(d.Time)
			})
		}
	}
	var all []Supply
	for _, line := range lines {
		all = append(all, line...)
	}
	slices.SortFunc(all, func(a, b Supply) int { return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.Supplier, b.Supplier)) })
	return all
}

// assign adds a supply to those of one supplier.
func assign(line []Supply, d *Document) []Supply {
	if !d.End.IsZero() && !d.End.After(d.Start) {
		return line
	}
	s := Supply{Supplier: supplier(d), Kind: KindContract, From: d.Start, To: d.End, Reason: d.Reason, Begun: sourceOf(d)}
	switch d.Name {
	case basicAssigned:
		s.Kind = KindBasic
	case feedInAssigned:
		s.Kind = KindFeedIn
	}
	return append(end(slices.DeleteFunc(line, func(old Supply) bool { return !old.From.Before(d.Start) }), d.Start, d), s)
}

// end cuts the supply that runs at an instant.
func end(line []Supply, at time.Time, d *Document) []Supply {
	for i := range line {
		if s := &line[i]; s.From.Before(at) && (s.To.IsZero() || s.To.After(at)) {
			by := sourceOf(d)
			s.To, s.Ended = at, &by
		}
	}
	return line
}

// Usage is the number of points that a mandator has contracts for in a period.
type Usage struct {
	MPID      string `json:"mp_id"`
	Sparte    string `json:"sparte"`
	Contracts int    `json:"contracts"`
}

// Usage counts, for every mandator, the points with an assignment that is effective at any instant of a period. A supply
// that was asked for and not confirmed never counts, whatever happened to it later; one that ended on the first instant of
// the period does not count either.
func (b *Book) Usage(p Period) []Usage {
	var out []Usage
	for _, own := range b.Mandators() {
		list := b.of(own)
		void := voidTransactions(list)
		of := map[string][]*Document{}
		for _, d := range list {
			if d.Point != "" && (assignsSupply(d.Name) || endsSupply(d) || cancelsFuture(d)) {
				of[d.Point] = append(of[d.Point], d)
			}
		}
		counts := map[string]int{}
		for point, documents := range of {
			sparte := documents[0].Sparte
			during := p.span(sparte)
			if slices.ContainsFunc(supplies(documents, void, point), func(s Supply) bool {
				_, ok := span{s.From, s.To}.clip(during)
				return ok
			}) {
				counts[sparte]++
			}
		}
		for sparte, n := range counts {
			out = append(out, Usage{own, sparte, n})
		}
	}
	slices.SortFunc(out, func(x, y Usage) int { return cmp.Or(cmp.Compare(x.MPID, y.MPID), cmp.Compare(x.Sparte, y.Sparte)) })
	return out
}
