package storetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/marktbote/marktbote/store"
)

// addEvent adds an event that must be new.
func addEvent(tx store.Tx, e store.Event) error {
	known, err := tx.InsertEvents(e)
	if err == nil && len(known) > 0 {
		err = store.ErrDuplicate
	}
	return err
}

func eventTests() []test {
	return []test{
		{"event/every field comes back", func(t *testing.T, st store.Store) {
			want := []store.Event{
				{ID: "01-a", Type: "de.example.checked", Subject: "malo/51238696781", PartitionKey: "malo/1",
					InterchangeID: addInterchange(t, st), RecordedAt: at(3), Data: []byte(`{"id":"01-a"}`)},
				{ID: "01-A"},
			}
			var inside []store.Event
			update(t, st, func(tx store.Tx) (err error) {
				for _, e := range want {
					if err := addEvent(tx, e); err != nil {
						return err
					}
				}
				inside, err = tx.Events(0, 0, 0)
				return err
			})
			got := view(t, st, func(tx store.Tx) ([]store.Event, error) { return tx.Events(0, 0, 0) })
			equal(t, "events seen inside", got, inside)
			for i := range got {
				if got[i].Seq <= 0 || i > 0 && got[i].Seq <= got[i-1].Seq {
					t.Errorf("event %d has number %d", i, got[i].Seq)
				}
				got[i].Seq = 0
			}
			equal(t, "events", want, got)
			for _, e := range want {
				one := view(t, st, func(tx store.Tx) (store.Event, error) { return tx.Event(e.ID) })
				one.Seq = 0
				equal(t, "event", e, one)
			}
			wantError(t, "Event", st.View(t.Context(), func(tx store.Tx) error { _, err := tx.Event("01-b"); return err }), store.ErrNotFound)
		}},
		{"event/list", func(t *testing.T, st store.Store) {
			a, b := addInterchange(t, st), addInterchange(t, st)
			update(t, st, func(tx store.Tx) error {
				for i, id := range []int64{a, b, a, 0, a} {
					if err := addEvent(tx, store.Event{ID: fmt.Sprint(i), InterchangeID: id}); err != nil {
						return err
					}
				}
				return nil
			})
			var seqs []int64
			for _, e := range view(t, st, func(tx store.Tx) ([]store.Event, error) { return tx.Events(0, 0, 0) }) {
				seqs = append(seqs, e.Seq)
			}
			for _, c := range []struct {
				name  string
				after int64
				id    int64
				limit int
				want  []string
			}{
				{"all", 0, 0, 0, []string{"0", "1", "2", "3", "4"}},
				{"after", seqs[1], 0, 0, []string{"2", "3", "4"}},
				{"limit", seqs[0], 0, 2, []string{"1", "2"}},
				{"of one interchange", 0, a, 0, []string{"0", "2", "4"}},
				{"of one interchange, after, limit", seqs[0], a, 1, []string{"2"}},
				{"after the last", seqs[4], 0, 0, nil},
			} {
				var got []string
				for _, e := range view(t, st, func(tx store.Tx) ([]store.Event, error) {
					return tx.Events(c.after, c.id, c.limit)
				}) {
					got = append(got, e.ID)
				}
				equal(t, c.name, c.want, got)
			}
		}},
		{"event/duplicate", func(t *testing.T, st store.Store) {
			add := func(tx store.Tx) error { return addEvent(tx, store.Event{ID: "same"}) }
			update(t, st, add)
			wantError(t, "InsertEvents", st.Update(t.Context(), add), store.ErrDuplicate)
			update(t, st, func(tx store.Tx) error {
				for _, c := range []struct {
					events []store.Event
					known  []int
				}{
					{[]store.Event{{ID: "new"}, {ID: "same"}, {ID: "twice"}, {ID: "twice"}}, []int{1, 3}},
					{[]store.Event{{ID: "new"}, {ID: "last"}}, []int{0}},
					{nil, nil},
				} {
					known, err := tx.InsertEvents(c.events...)
					if err != nil {
						return err
					}
					equal(t, "known", c.known, known)
				}
				return nil
			})
			var got []string
			for _, e := range view(t, st, func(tx store.Tx) ([]store.Event, error) { return tx.Events(0, 0, 0) }) {
				got = append(got, e.ID)
			}
			equal(t, "events", []string{"same", "new", "twice", "last"}, got)
		}},
		{"event/strictly increasing in commit order", testEventOrder},
	}
}

// testEventOrder follows the outbox like a sink does while many writers add to it: nothing may appear below the
// number already read.
func testEventOrder(t *testing.T, st store.Store) {
	const writers, rounds, perRound = 8, 12, 2
	const total = writers * rounds * perRound
	var wg sync.WaitGroup
	lost := errors.New("rolled back")
	for w := range writers {
		wg.Go(func() {
			for round := range rounds {
				err := st.Update(t.Context(), func(tx store.Tx) error {
					for i := range perRound {
						if err := addEvent(tx, store.Event{ID: fmt.Sprintf("%d/%d/%d", w, round, i)}); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					t.Errorf("Update: %v", err)
				}
				err = st.Update(t.Context(), func(tx store.Tx) error {
					if err := addEvent(tx, store.Event{ID: fmt.Sprintf("%d/%d/lost", w, round)}); err != nil {
						return err
					}
					return lost
				})
				if !errors.Is(err, lost) {
					t.Errorf("Update: got %v, want %v", err, lost)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	defer func() { <-done }()
	seen := map[string]bool{}
	var last int64
	for finished := false; ; {
		batch := view(t, st, func(tx store.Tx) ([]store.Event, error) { return tx.Events(last, 0, 7) })
		for _, e := range batch {
			if e.Seq <= last || seen[e.ID] {
				t.Fatalf("event %s has number %d after %d", e.ID, e.Seq, last)
			}
			last, seen[e.ID] = e.Seq, true
		}
		if len(batch) == 0 {
			if finished {
				break
			}
			select {
			case <-done:
				finished = true // one more look
			default:
			}
		}
	}
	equal(t, "events read", total, len(seen))
}
