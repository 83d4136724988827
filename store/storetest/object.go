package storetest

import (
	"cmp"
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/marktbote/marktbote/store"
)

func objectTests() []test {
	return []test{
		{"object/assignments behave like the model", testAssignmentModel},
		{"object/source", func(t *testing.T, st store.Store) {
			a := store.Assignment{MPID: "1", Object: "malo/1", Partner: "2", From: at(1), Rolle: "LF", Source: "interchange/7"}
			again := a
			again.Source = "import"
			update(t, st, func(tx store.Tx) error { return errors.Join(tx.SetAssignment(a), tx.SetAssignment(again)) })
			got := view(t, st, func(tx store.Tx) ([]store.Assignment, error) { return tx.Assignments(store.AssignmentQuery{MPID: "1"}) })
			equal(t, "assignments", []store.Assignment{again}, got)
		}},
		{"object/completeness", func(t *testing.T, st store.Store) {
			first := store.Completeness{MPID: "1", Kind: "malo", From: at(1), TrustedUntil: at(2)}
			others := []store.Completeness{{MPID: "1", Kind: "melo", From: at(3), TrustedUntil: at(4)}, {MPID: "2", Kind: "malo"}}
			update(t, st, func(tx store.Tx) error {
				return errors.Join(tx.SetCompleteness(others[1]), tx.SetCompleteness(others[0]), tx.SetCompleteness(first))
			})
			first.TrustedUntil = time.Time{}
			update(t, st, func(tx store.Tx) error { return tx.SetCompleteness(first) })
			want := []store.Completeness{first, others[0], others[1]}
			equal(t, "all", want, view(t, st, func(tx store.Tx) ([]store.Completeness, error) { return tx.Completeness("") }))
			equal(t, "of one", want[:2], view(t, st, func(tx store.Tx) ([]store.Completeness, error) { return tx.Completeness("1") }))
		}},
	}
}

// testAssignmentModel compares the assignments with a map.
func testAssignmentModel(t *testing.T, st store.Store) {
	type key struct {
		mpID, object, partner string
		from                  time.Time
	}
	keyOf := func(a store.Assignment) key { return key{a.MPID, a.Object, a.Partner, a.From} }
	compare := func(a, b store.Assignment) int {
		return cmp.Or(cmp.Compare(a.Object, b.Object), cmp.Compare(a.Partner, b.Partner), a.From.Compare(b.From))
	}
	model := map[key]store.Assignment{}
	draw := func(rt *rapid.T) store.Assignment {
		return store.Assignment{
			MPID: rapid.SampledFrom([]string{"1", "2"}).Draw(rt, "own"), Object: rapid.SampledFrom([]string{"malo/1", "malo/A", "malo/a", "melo/1"}).Draw(rt, "object"),
			Partner: rapid.SampledFrom([]string{"", "1", "2"}).Draw(rt, "partner"), From: rapid.SampledFrom([]time.Time{{}, at(1), at(2)}).Draw(rt, "from"),
			Until: rapid.SampledFrom([]time.Time{{}, at(3)}).Draw(rt, "until"), Rolle: rapid.SampledFrom([]string{"LF", "NB"}).Draw(rt, "role"), Source: "import",
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			a := draw(rt)
			_, exists := model[keyOf(a)]
			remove := rapid.Bool().Draw(rt, "remove")
			var want error
			switch {
			case remove && !exists:
				want = store.ErrNotFound
			case remove:
				delete(model, keyOf(a))
			default:
				model[keyOf(a)] = a
			}
			err := st.Update(t.Context(), func(tx store.Tx) error {
				if remove {
					return tx.DeleteAssignment(a)
				}
				return tx.SetAssignment(a)
			})
			if !errors.Is(err, want) {
				rt.Fatalf("remove %v %+v: got %v, want %v", remove, a, err, want)
			}
		}
		q := store.AssignmentQuery{MPID: "1", Limit: rapid.IntRange(0, 5).Draw(rt, "limit")}
		if rapid.Bool().Draw(rt, "of one object") {
			q.Object = "malo/A"
		}
		if rapid.Bool().Draw(rt, "go on") {
			q.After = draw(rt)
		}
		var want []store.Assignment
		for _, a := range model {
			if a.MPID == "1" && (q.Object == "" || a.Object == q.Object) && (q.After == (store.Assignment{}) || compare(a, q.After) > 0) {
				want = append(want, a)
			}
		}
		slices.SortFunc(want, compare)
		if q.Limit > 0 {
			want = want[:min(len(want), q.Limit)]
		}
		equal(t, "assignments", want, view(t, st, func(tx store.Tx) ([]store.Assignment, error) { return tx.Assignments(q) }))
	})
}
