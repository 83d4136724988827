package book_test

import (
	"encoding/json"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/marktbote/marktbote/cmd/marktbote-ledger/book"
)

// year is a period that holds all stories of the tests.
var year = book.Period{First: book.Day{Year: 2025, Month: 10, Day: 1}, Last: book.Day{Year: 2026, Month: 12, Day: 31}}

// state is everything a book says about a period, as JSON and as text.
func state(t failing, b *book.Book) string {
	t.Helper()
	text, err := json.Marshal(struct {
		Statements []*book.Statement
		Usage      []book.Usage
	}{b.Statements(year, book.Filter{}), b.Usage(year)})
	if err != nil {
		t.Fatal(err)
	}
	return string(text) + texts(b, year)
}

// permutations calls f with every order of list.
func permutations[T any](list []T, f func([]T)) {
	var walk func(int)
	walk = func(n int) {
		if n == len(list) {
			f(list)
			return
		}
		for i := n; i < len(list); i++ {
			list[n], list[i] = list[i], list[n]
			walk(n + 1)
			list[n], list[i] = list[i], list[n]
		}
	}
	walk(0)
}

// stories are sets of messages whose order of arrival must not matter.
func stories(t testing.TB) map[string][]message {
	t.Helper()
	start := vorgang("55002", "E01", "NB1", "2025-09-20 09:00", nb, lfn, malo, "LF1", begin("2025-10-01"))
	quarter := row{obis: "1-0:1.9.0", quality: "220", value: "612.400", from: "2025-10-01", to: "2026-01-01"}
	changed := quarter
	changed.value = "598.150"
	late := row{obis: "1-0:1.9.0", quality: "220", value: "2911.25", from: "2026-01-01", to: "2026-11-05"}
	newer := row{obis: "1-0:1.9.0", quality: "67", value: "2912.00", from: "2026-01-01", to: "2026-11-05"}
	day := func(document, at, from, to, value, quality string) message {
		return profile("13025", document, at, msb, lfn, malo, "1-0:1.29.0", from, to, viertelstunde, func(int) (string, string) { return value, quality })
	}
	return map[string][]message{
		// original, cancellation, replacement, a second document with cancellation: cancel and resend
		"energy": {
			start,
			values("13019", "7", "M1", "2026-01-09 09:00", msb, lfn, malo, quarter),
			cancel("S1", "2026-01-12 09:00", msb, lfn, malo, "M1"),
			values("13019", "7", "M2", "2026-01-13 09:00", msb, lfn, malo, changed),
			values("13019", "7", "M3", "2026-11-09 09:00", msb, lfn, malo, late),
			cancel("S3", "2026-11-10 09:00", msb, lfn, malo, "M3"),
			values("13019", "7", "M4", "2026-11-11 09:00", msb, lfn, malo, newer),
		},
		// the gap: what was cancelled is gone, whatever came first
		"gap": {
			start,
			values("13019", "7", "M1", "2026-01-09 09:00", msb, lfn, malo, quarter),
			cancel("S1", "2026-01-12 09:00", msb, lfn, malo, "M1"),
			cancel("S9", "2026-01-12 09:05", msb, lfn, malo, "M9"),
		},
		// two documents that nobody cancelled disagree
		"conflict": {
			start,
			values("13019", "7", "M1", "2026-01-09 09:00", msb, lfn, malo, quarter),
			values("13019", "7", "M2", "2026-01-09 09:00", msb, lfn, malo, changed),
			values("13019", "7", "M3", "2026-01-10 09:00", msb, lfn, malo, quarter),
		},
		// original, newer version, older document that comes late, another cut of the time, two equal versions
		"profile": {
			start,
			day("P1", "2026-11-02 08:00", "2026-11-01", "2026-11-02", "1.000", "Z18"),
			day("P2", "2026-11-05 08:00", "2026-11-01", "2026-11-02", "1.100", "67"),
			day("P3", "2026-11-07 08:00", "2026-11-01 12:00", "2026-11-02 12:00", "1.200", "220"),
			day("P0", "2026-11-01 23:00", "2026-11-01", "2026-11-03", "0.900", "Z18"),
			day("P4", "2026-11-07 08:00", "2026-11-02 06:00", "2026-11-02 18:00", "1.300", "220"),
		},
		// readings of the meter, named by the Marktlokation they belong to
		"reading": {
			vorgangWithMeLo(start),
			values("13017", "7", "Z1", "2026-11-06 08:00", msb, lfn, melo, row{obis: "1-0:1.8.0", quality: "220", value: "48211.350", at: "2026-11-05"}),
			cancel("ZS", "2026-11-12 08:00", msb, lfn, melo, "Z1"),
			values("13017", "7", "Z2", "2026-11-13 08:00", msb, lfn, melo, row{obis: "1-0:1.8.0", quality: "220", value: "48112.350", at: "2026-11-05"}),
		},
		// contract: confirmation, its cancellation in two messages, a new start, an end, an older end that comes late
		"contract": {
			start,
			vorgang("55022", "E01", "LFS1", "2025-09-22 09:00", lfn, nb, "", "", "RFF+ACW:LF1'"),
			vorgang("55023", "E01", "NBS1", "2025-09-22 10:00", nb, lfn, "", "LFS1"),
			vorgang("55002", "E01", "NB2", "2025-10-20 09:00", nb, lfn, malo, "LF2", begin("2025-11-01")),
			vorgang("55037", "E02", "NB3", "2026-08-20 09:00", nb, lfn, malo, "", ends("2026-10-01")),
			vorgang("55004", "E02", "LF4", "2026-08-24 09:00", lfn, nb, malo, "", ends("2026-09-01")),
			vorgang("55005", "E02", "NB4", "2026-08-25 09:00", nb, lfn, "", "LF4", ends("2026-09-01")),
		},
		// the end of an assignment that has not begun
		"never begun": {
			start,
			vorgang("55037", "E02", "NB3", "2026-08-20 09:00", nb, lfn, malo, "", ends("2026-09-01")),
			vorgang("55002", "E01", "NB5", "2026-08-25 09:00", nb, lfn, malo, "LF5", begin("2026-10-01")),
			vorgang("55004", "E02", "LF6", "2026-08-27 09:00", lfn, nb, malo, "", begin("2026-10-01")),
			vorgang("55005", "E02", "NB6", "2026-08-28 09:00", nb, lfn, "", "LF6", begin("2026-10-01")),
		},
		// overtaking: a confirmed start, an earlier one, the future assignment cancelled
		"overtaken": {
			vorgang("55002", "E01", "NB1", "2026-09-01 09:00", nb, lfa, malo, "LF1", begin("2026-10-01")),
			vorgang("55002", "E01", "NB2", "2026-09-02 09:00", nb, lfn, malo, "LF2", begin("2026-09-28")),
			vorgang("55038", "E02", "NB3", "2026-09-02 09:00", nb, lfa, malo, "", begin("2026-10-01")),
			vorgang("55013", "Z89", "NB4", "2026-09-10 09:00", nb, lfa, malo, "", begin("2026-09-16")),
			vorgang("55037", "E02", "NB5", "2026-09-10 09:00", nb, lfa, malo, "", ends("2026-09-28")),
		},
	}
}

// vorgangWithMeLo adds the Messlokation to a confirmation.
func vorgangWithMeLo(m message) message {
	m.body += "LOC+Z17+" + melo + "'"
	return m
}

// TestEveryOrderOfArrival: whatever the order of arrival, the book says the same in the end. All orders of every story,
// each event twice.
func TestEveryOrderOfArrival(t *testing.T) {
	t.Parallel()
	for name, story := range stories(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			events := feed(t, withOwn(story)...)
			want := state(t, bookOf(t, events...))
			n := 0
			permutations(documents(t, events), func(order []*book.Document) {
				n++
				b := book.New()
				for _, d := range order {
					b.Add(d)
				}
				for _, d := range slices.Backward(order) {
					if again := *d; b.Add(&again) {
						t.Fatal("an event that comes twice changes the book")
					}
				}
				if got := state(t, b); got != want && !t.Failed() {
					t.Errorf("order %d:\n%s\nin the order of the story:\n%s", n, got, want)
				}
			})
			t.Logf("%d orders", n)
		})
	}
}

// withOwn marks what a supplier sent himself, so that all events of a story are those of his gateway.
func withOwn(story []message) []message {
	var out []message
	for _, m := range story {
		if m.to == nb {
			m.own = m.from
		}
		out = append(out, m)
	}
	return out
}

// TestAnyOrderOfAll mixes all stories of one supplier, repeats events and changes what the gateway adds at commit.
func TestAnyOrderOfAll(t *testing.T) {
	t.Parallel()
	var events []string
	all := stories(t)
	for _, name := range []string{"energy", "profile", "reading", "contract"} {
		events = append(events, feed(t, withOwn(all[name])...)...)
	}
	slices.Sort(events)
	events = slices.Compact(events)
	want := state(t, bookOf(t, events...))
	rapid.Check(t, func(t *rapid.T) {
		order := rapid.Permutation(events).Draw(t, "order")
		again := rapid.SliceOf(rapid.SampledFrom(events)).Draw(t, "again")
		if got := state(t, bookOf(t, append(order, again...)...)); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}
