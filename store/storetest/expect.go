package storetest

import (
	"errors"
	"fmt"
	"testing"

	"github.com/marktbote/marktbote/store"
)

func expectTests() []test {
	return []test{
		{"expect/changes no answer", testExpect},
		{"expect/a duplicate is refused", func(t *testing.T, st store.Store) {
			x := store.Interchange{Direction: store.Out, ReceivedID: "answer/1/1"}
			insert := func(tx store.Tx) error {
				if err := tx.Expect(store.Expected{Interchanges: 1}); err != nil {
					return err
				}
				_, err := tx.InsertInterchange(x)
				return err
			}
			update(t, st, insert)
			wantError(t, "InsertInterchange", st.Update(t.Context(), insert), store.ErrDuplicate)
			equal(t, "interchanges", 1, len(view(t, st, func(tx store.Tx) ([]store.Interchange, error) {
				return tx.Interchanges(store.InterchangeQuery{})
			})))
		}},
		{"expect/numbers grow", func(t *testing.T, st store.Store) {
			var ids []int64
			for i := range 3 {
				update(t, st, func(tx store.Tx) error {
					if err := tx.Expect(store.Expected{Interchanges: i}); err != nil {
						return err
					}
					for range i + 1 { // one more than expected
						id, err := tx.InsertInterchange(store.Interchange{Direction: store.In})
						if err != nil {
							return err
						}
						ids = append(ids, id)
						if err := tx.InsertMessage(store.Message{InterchangeID: id, Index: 1}); err != nil {
							return err
						}
					}
					return nil
				})
			}
			for i := range ids[1:] {
				if ids[i+1] <= ids[i] {
					t.Errorf("the numbers do not grow: %v", ids)
				}
			}
			if got := addInterchange(t, st); got <= ids[len(ids)-1] {
				t.Errorf("%d after %v", got, ids)
			}
		}},
	}
}

// testExpect asks everything that can be expected, before and after the transaction has changed it, expected or not.
func testExpect(t *testing.T, st store.Store) {
	old := store.Interchange{Direction: store.In, Sender: "s", ControlRef: "old"}
	owed := store.LedgerEntry{Kind: store.LedgerContrl, State: store.LedgerOpen}
	update(t, st, func(tx store.Tx) (err error) {
		if old.ID, err = tx.InsertInterchange(old); err != nil {
			return err
		}
		owed.InterchangeID = old.ID
		_, err = tx.InsertEvents(store.Event{ID: "e1"})
		return errors.Join(err, tx.InsertLedger(owed))
	})
	everything := store.Expected{
		Locks:       []string{"b", "a", "b"},
		ControlRefs: []store.ControlRef{{Direction: store.In, Sender: "s", ControlRef: "old"}, {Direction: store.In, Sender: "s\xff", ControlRef: "new"}},
		Events:      []string{"e1", "e2", "e3"}, Ledgers: []int64{old.ID, 4711}, Interchanges: 1,
	}
	var answers [2][]string
	for i, expected := range []store.Expected{everything, {}} {
		err := st.Update(t.Context(), func(tx store.Tx) error {
			if err := tx.Expect(expected); err != nil {
				return err
			}
			var out []string
			fresh := store.Interchange{Direction: store.In, Sender: "s\xff", ControlRef: "new"}
			ask := func() error {
				a, err := tx.FindControlRef(store.In, "s", "old")
				b, err2 := tx.FindControlRef(store.In, fresh.Sender, "new")
				ledger, err3 := tx.Ledger(old.ID)
				none, err4 := tx.Ledger(4711)
				for _, list := range [][]store.Interchange{a, b} {
					for _, x := range list {
						out = append(out, fmt.Sprint(x.Sender, x.ControlRef, x.State, x.Verdict))
					}
					out = append(out, ".")
				}
				for _, e := range ledger {
					out = append(out, fmt.Sprint(e.MessageIndex, e.Kind, e.State))
				}
				out = append(out, fmt.Sprint(len(none)))
				return errors.Join(err, err2, err3, err4)
			}
			events := func(ids ...string) error {
				var list []store.Event
				for _, id := range ids {
					list = append(list, store.Event{ID: id})
				}
				known, err := tx.InsertEvents(list...)
				out = append(out, fmt.Sprint(known))
				return err
			}
			id, err := tx.InsertInterchange(fresh)
			before := owed
			before.MessageIndex = 2
			if err := errors.Join(err, tx.InsertLedger(before), ask(), events("e1", "e2", "e2"), events("e2", "e3"), events("e4", "e3")); err != nil {
				return err
			}
			fresh.ID, fresh.Verdict, fresh.State = id, "v", store.StateChecked
			later := owed
			later.MessageIndex = 1
			if err := errors.Join(tx.UpdateInterchange(fresh), tx.SetState(old.ID, store.StatePublished), tx.InsertLedger(later), ask()); err != nil {
				return err
			}
			answers[i] = out
			return errUndone
		})
		if !errors.Is(err, errUndone) {
			t.Fatal(err)
		}
	}
	equal(t, "answers", answers[1], answers[0])
	// What is expected and never asked does no harm.
	update(t, st, func(tx store.Tx) error { return tx.Expect(everything) })
}

var errUndone = errors.New("undone")
