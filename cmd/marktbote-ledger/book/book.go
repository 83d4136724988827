// Package book is a reference consumer of the event feed: it keeps contracts and values from events alone and derives
// what a bill is made of. It knows nothing of the gateway but the published JSON form of the events, so that it proves
// that the feed is enough.
//
//	b := book.New()
//	d, err := book.Read(line) // one CloudEvent; nil if it does not matter here
//	if d != nil {
//		b.Add(d)
//	}
//	for _, s := range b.Statements(book.MonthOf(2026, time.November), book.Filter{}) {
//		fmt.Print(s.Text())
//	}
//
// Vocabulary: a Document is what one event says, reduced to what a bill needs. A point is a Marktlokation or Tranche. A
// mandator is an own MP-ID. The supply of a point is the time for which a grid operator has assigned it to a supplier.
//
// A Book is a set of Documents. Everything else is computed from the set, ordered by document time and never by arrival, so
// that the order of arrival cannot matter: an event that comes twice changes nothing, a cancellation waits for what it
// cancels, an older document that comes late takes its place below the younger ones. It is bitemporal for the same reason: the
// subset recorded until an instant is what was known then.
//
// What replaces what (the three families of MSCONS, AHB 3.2 ch. 5 and 12):
//
//	readings, energies   hold until a cancellation names their document; in between they do not exist
//	load profiles        for every interval the newest version holds
//	balanced quantities  stand beside each other
//
// Numbers are decimal and exact. The package is pure: no clock, no files. A Book is not safe for concurrent use.
package book

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// Book is a set of documents.
type Book struct {
	documents map[key]*Document
}

// key is the identity of an event: CloudEvents demands that source and id together are unique.
type key struct{ source, id string }

// New returns an empty book.
func New() *Book { return &Book{documents: map[key]*Document{}} }

// Add puts a document into the book and reports whether the book changed. The book keeps d.
func (b *Book) Add(d *Document) bool {
	k := key{d.Source, d.ID}
	old := b.documents[k]
	if old == nil {
		b.documents[k] = d
		return true
	}
	merged, changed := Merge(old, d)
	b.documents[k] = merged
	return changed
}

// Merge joins two documents of the same event, and reports whether the result differs from the first. An event that comes
// again with other content is disputed: both senders of bills and people have to look, so its values do not count. The
// result does not depend on the order of the two, nor on that of three.
func Merge(a, b *Document) (*Document, bool) {
	ta, tb := a.content(), b.content()
	out := *a
	if tb < ta {
		out = *b
	}
	out.Disputed = a.Disputed || b.Disputed || ta != tb
	out.Recorded = a.Recorded
	if !b.Recorded.IsZero() && (a.Recorded.IsZero() || b.Recorded.Before(a.Recorded)) {
		out.Recorded = b.Recorded
	}
	changed := out.Disputed != a.Disputed || !out.Recorded.Equal(a.Recorded) || out.content() != ta
	return &out, changed
}

// content is what two events with the same identity must agree in.
func (d *Document) content() string {
	c := *d
	c.Recorded, c.Disputed = time.Time{}, false
	text, err := json.Marshal(&c)
	if err != nil {
		panic("book: a document has no JSON form: " + err.Error()) // it consists of texts, numbers and times
	}
	return string(text)
}

// Len returns the number of documents.
func (b *Book) Len() int { return len(b.documents) }

// KnownAt returns the book as it was at an instant: what the gateway had recorded until then. Documents without that time,
// such as those of "marktbote events", have always been known. The two share documents.
func (b *Book) KnownAt(t time.Time) *Book {
	old := New()
	for k, d := range b.documents {
		if !d.Recorded.After(t) {
			old.documents[k] = d
		}
	}
	return old
}

// of returns the documents of a mandator in document order: by document time, then by what they do, then by number. The
// order is total, whatever the order of arrival was. Answers that name a request instead of a point have the point of it.
func (b *Book) of(own string) []*Document {
	var list []*Document
	points := map[sent]string{}
	for _, d := range b.documents {
		if d.Own != own {
			continue
		}
		list = append(list, d)
		if d.Point != "" && d.Transaction != "" && !d.Disputed {
			points[sent{d.Sender, d.Transaction}] = d.Point
		}
	}
	for i, d := range list {
		if point := points[sent{d.Receiver, d.Request}]; d.Point == "" && point != "" {
			answer := *d
			answer.Point = point
			list[i] = &answer
		}
	}
	slices.SortFunc(list, func(x, y *Document) int {
		return cmp.Or(x.Version.Compare(y.Version), cmp.Compare(effects[x.Name], effects[y.Name]), cmp.Compare(x.Number, y.Number),
			cmp.Compare(x.Transaction, y.Transaction), cmp.Compare(x.Source, y.Source), cmp.Compare(x.ID, y.ID))
	})
	return list
}

// Mandators returns the own MP-IDs in the book.
func (b *Book) Mandators() []string {
	seen := map[string]bool{}
	for _, d := range b.documents {
		seen[d.Own] = true
	}
	return slices.Sorted(maps.Keys(seen))
}
