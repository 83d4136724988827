package storetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/marktbote/marktbote/store"
)

func eventTests() []test {
	return []test{
		{"event/every field comes back", func(t *testing.T, st store.Store) {
			want := []store.Event{
				{ID: "01-a", Type: "de.example.checked", Subject: "malo/51238696781", PartitionKey: "malo/1",
					InterchangeID: addInterchange(t, st), RecordedAt: at(3), Data: []byte(`{"id":"01-a"}`)},
				{ID: "01-A"},
			}
			update(t, st, func(tx store.Tx) (err error) {
				for i := range want {
					if want[i].Seq, err = tx.InsertEvent(want[i]); err != nil {
						return err
					}
				}
				return nil
			})
			equal(t, "events", want, view(t, st, func(tx store.Tx) ([]store.Event, error) { return tx.Events(0, 0, 0) }))
			for _, e := range want {
				equal(t, "event", e, view(t, st, func(tx store.Tx) (store.Event, error) { return tx.Event(e.ID) }))
			}
			wantError(t, "Event", st.View(t.Context(), func(tx store.Tx) error { _, err := tx.Event("01-b"); return err }), store.ErrNotFound)
		}},
		{"event/list", func(t *testing.T, st store.Store) {
			a, b := addInterchange(t, st), addInterchange(t, st)
			var seqs []int64
			update(t, st, func(tx store.Tx) error {
				for i, id := range []int64{a, b, a, 0, a} {
					seq, err := tx.InsertEvent(store.Event{ID: fmt.Sprint(i), InterchangeID: id})
					if err != nil {
						return err
					}
					seqs = append(seqs, seq)
				}
				return nil
			})
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
			add := func(tx store.Tx) error {
				_, err := tx.InsertEvent(store.Event{ID: "same"})
				return err
			}
			update(t, st, add)
			wantError(t, "InsertEvent", st.Update(t.Context(), add), store.ErrDuplicate)
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
						if _, err := tx.InsertEvent(store.Event{ID: fmt.Sprintf("%d/%d/%d", w, round, i)}); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					t.Errorf("Update: %v", err)
				}
				err = st.Update(t.Context(), func(tx store.Tx) error {
					if _, err := tx.InsertEvent(store.Event{ID: fmt.Sprintf("%d/%d/lost", w, round)}); err != nil {
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
