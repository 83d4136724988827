package storetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/marktbote/marktbote/store"
)

func workTests() []test {
	return []test{
		{"work/every field comes back", func(t *testing.T, st store.Store) {
			w := store.Work{
				Kind: "acknowledge", Lane: "urgent", Target: "9900000000001", InterchangeID: addInterchange(t, st), DueAt: at(5), Reason: "first",
				// These belong to the store.
				ID: 99, Attempt: 7, Lease: "x", LeasedUntil: at(9),
			}
			id := addWork(t, st, w)[0]
			got := claim(t, st, "urgent", at(6), time.Minute, 10)
			if len(got) != 1 || got[0].Lease == "" {
				t.Fatalf("claimed %+v, want one leased item", got)
			}
			equal(t, "claimed", store.Work{
				ID: id, Kind: "acknowledge", Lane: "urgent", Target: w.Target, InterchangeID: w.InterchangeID, DueAt: at(5), Attempt: 1,
				Lease: got[0].Lease, LeasedUntil: at(6).Add(time.Minute), Reason: "first",
			}, got[0])
		}},
		{"work/oldest due first, within the lane", func(t *testing.T, st store.Store) {
			ids := addWork(t, st,
				store.Work{Lane: "bulk", DueAt: at(3)}, store.Work{Lane: "bulk", DueAt: at(1)},
				store.Work{Lane: "urgent", DueAt: at(0)}, store.Work{Lane: "bulk", DueAt: at(2)},
				store.Work{Lane: "bulk", DueAt: at(1)}, store.Work{Lane: "bulk"},
				store.Work{Lane: "bulk", DueAt: at(8)}, store.Work{Lane: "Bulk", DueAt: at(0)})
			equal(t, "none", 0, len(claim(t, st, "bulk", at(7), time.Minute, 0)))
			equal(t, "first two", []int64{ids[5], ids[1]}, idsOf(claim(t, st, "bulk", at(7), time.Minute, 2)))
			equal(t, "rest", []int64{ids[4], ids[3], ids[0]}, idsOf(claim(t, st, "bulk", at(7), time.Minute, 10)))
			equal(t, "due now", []int64{ids[6]}, idsOf(claim(t, st, "bulk", at(8), time.Minute, 10)))
			equal(t, "other lane", []int64{ids[2]}, idsOf(claim(t, st, "urgent", at(7), time.Minute, 10)))
			equal(t, "no such lane", 0, len(claim(t, st, "", at(7), time.Minute, 10)))
		}},
		{"work/set aside from the beginning", func(t *testing.T, st store.Store) {
			ids := addWork(t, st, store.Work{Kind: "a", Lane: "bulk", Parked: true, Reason: "why"}, store.Work{Lane: "bulk"})
			equal(t, "claimed", ids[1:], idsOf(claim(t, st, "bulk", at(0), time.Minute, 9)))
			parked := view(t, st, func(tx store.Tx) ([]store.Work, error) { return tx.ParkedWork(0) })
			equal(t, "parked", []store.Work{{ID: ids[0], Kind: "a", Lane: "bulk", Parked: true, Reason: "why"}}, parked)
		}},
		{"work/next", func(t *testing.T, st store.Store) {
			equal(t, "nothing", time.Time{}, view(t, st, store.Tx.NextWork))
			addWork(t, st, store.Work{Lane: "bulk", DueAt: at(7)}, store.Work{Lane: "urgent", DueAt: at(5)}, store.Work{DueAt: at(1), Parked: true})
			equal(t, "first due", at(5), view(t, st, store.Tx.NextWork))
			claim(t, st, "urgent", at(6), 2*time.Second, 1)
			equal(t, "held", at(7), view(t, st, store.Tx.NextWork))
			claim(t, st, "bulk", at(7), 2*time.Second, 1)
			equal(t, "first lease that ends", at(8), view(t, st, store.Tx.NextWork))
		}},
		{"work/without targets", func(t *testing.T, st store.Store) {
			ids := addWork(t, st, store.Work{Lane: "bulk", Target: "a"}, store.Work{Lane: "bulk", Target: "b"}, store.Work{Lane: "bulk"},
				store.Work{Lane: "bulk", Target: "ab"}, store.Work{Lane: "bulk", Target: "A"}, store.Work{Lane: "bulk", Target: "b"})
			without := func(targets ...string) []int64 {
				items, err := st.ClaimWork(t.Context(), store.Claim{Lane: "bulk", Now: at(1), Lease: time.Minute, Limit: 2, Without: targets})
				if err != nil {
					t.Fatal(err)
				}
				return idsOf(items)
			}
			equal(t, "first", []int64{ids[2], ids[3]}, without("a", "b"))
			equal(t, "second", []int64{ids[0], ids[4]}, without("b"))
			equal(t, "third", 0, len(without("b", "c")))
			equal(t, "rest", []int64{ids[1], ids[5]}, without("B"))
		}},
		{"work/lease must be positive", func(t *testing.T, st store.Store) {
			addWork(t, st, store.Work{Lane: "bulk"})
			if got, err := st.ClaimWork(t.Context(), store.Claim{Lane: "bulk", Now: at(0), Limit: 1}); err == nil {
				t.Errorf("claimed %v without a lease", got)
			}
		}},
		{"work/lease runs out", func(t *testing.T, st store.Store) {
			addWork(t, st, store.Work{Lane: "bulk", DueAt: at(0)})
			first := claim(t, st, "bulk", at(1), 3*time.Second, 1)[0]
			equal(t, "before the end", 0, len(claim(t, st, "bulk", at(4).Add(-time.Microsecond), time.Second, 1)))
			second := claim(t, st, "bulk", at(4), 3*time.Second, 1)[0]
			if second.ID != first.ID || second.Attempt != 2 || second.Lease == first.Lease {
				t.Fatalf("claimed %+v after %+v", second, first)
			}
			wantLeaseLost(t, st, "of the first claim", first)
			update(t, st, func(tx store.Tx) error { return tx.CompleteWork(second) })
			equal(t, "pending", 0, view(t, st, store.Tx.PendingWork))
		}},
		{"work/lease that ran out but nobody wanted", func(t *testing.T, st store.Store) {
			addWork(t, st, store.Work{Lane: "bulk"})
			w := claim(t, st, "bulk", at(1), time.Microsecond, 1)[0]
			update(t, st, func(tx store.Tx) error { return tx.CompleteWork(w) })
			equal(t, "pending", 0, view(t, st, store.Tx.PendingWork))
		}},
		{"work/IDs are not used again", func(t *testing.T, st store.Store) {
			first := addWork(t, st, store.Work{Lane: "bulk"})[0]
			w := claim(t, st, "bulk", at(1), time.Minute, 1)[0]
			update(t, st, func(tx store.Tx) error { return tx.CompleteWork(w) })
			if second := addWork(t, st, store.Work{Lane: "bulk"})[0]; second <= first {
				t.Errorf("ID %d after %d was completed", second, first)
			}
		}},
		{"work/lost leases", testLostLeases},
		{"work/completing rolls back", func(t *testing.T, st store.Store) {
			addWork(t, st, store.Work{Lane: "bulk"})
			w := claim(t, st, "bulk", at(1), time.Minute, 1)[0]
			own := errors.New("own")
			err := st.Update(t.Context(), func(tx store.Tx) error { return errors.Join(tx.CompleteWork(w), own) })
			wantError(t, "Update", err, own)
			equal(t, "pending", 1, view(t, st, store.Tx.PendingWork))
			update(t, st, func(tx store.Tx) error { return tx.CompleteWork(w) })
		}},
		{"work/retry", func(t *testing.T, st store.Store) {
			id := addWork(t, st, store.Work{Kind: "send", Lane: "bulk", DueAt: at(0)})[0]
			w := claim(t, st, "bulk", at(1), time.Hour, 1)[0]
			update(t, st, func(tx store.Tx) error { return tx.RetryWork(w, at(30), "peer busy") })
			equal(t, "before it is due", 0, len(claim(t, st, "bulk", at(29), time.Hour, 1)))
			got := claim(t, st, "bulk", at(30), time.Hour, 1)
			if len(got) != 1 || got[0].Lease == "" || got[0].Lease == w.Lease {
				t.Fatalf("claimed %+v", got)
			}
			equal(t, "claimed again", store.Work{
				ID: id, Kind: "send", Lane: "bulk", DueAt: at(30), Attempt: 2, Lease: got[0].Lease,
				LeasedUntil: at(30).Add(time.Hour), Reason: "peer busy",
			}, got[0])
		}},
		{"work/park", func(t *testing.T, st store.Store) {
			ids := addWork(t, st, store.Work{Kind: "a", Lane: "bulk", DueAt: at(2)}, store.Work{Kind: "b", Lane: "bulk", DueAt: at(1)},
				store.Work{Lane: "bulk", DueAt: at(3)})
			items := claim(t, st, "bulk", at(2), time.Second, 2)
			update(t, st, func(tx store.Tx) error {
				return errors.Join(tx.ParkWork(items[0], "why b"), tx.ParkWork(items[1], "why a"))
			})
			equal(t, "pending", 1, view(t, st, store.Tx.PendingWork))
			want := []store.Work{
				{ID: ids[0], Kind: "a", Lane: "bulk", DueAt: at(2), Attempt: 1, Parked: true, Reason: "why a"},
				{ID: ids[1], Kind: "b", Lane: "bulk", DueAt: at(1), Attempt: 1, Parked: true, Reason: "why b"},
			}
			parked := func(limit int) []store.Work {
				return view(t, st, func(tx store.Tx) ([]store.Work, error) { return tx.ParkedWork(limit) })
			}
			equal(t, "parked", want, parked(0))
			equal(t, "parked, limit", want[:1], parked(1))
			equal(t, "claimed later", ids[2:], idsOf(claim(t, st, "bulk", at(59), time.Second, 10)))
		}},
		{"work/claimers never share an item", testClaimers},
		{"work/leases are renewed", testRenewedLeases},
		{"work/behaves like the model", testWorkModel},
	}
}

// addOne adds an item and returns its ID.
func addOne(tx store.Tx, w store.Work) (int64, error) {
	if err := tx.AddWork(w); err != nil {
		return 0, err
	}
	var last int64
	for {
		items, err := tx.WorkItems(store.WorkQuery{After: last, Limit: 10_000})
		if err != nil || len(items) == 0 {
			return last, err
		}
		last = items[len(items)-1].ID
	}
}

func addWork(t *testing.T, st store.Store, items ...store.Work) (ids []int64) {
	t.Helper()
	update(t, st, func(tx store.Tx) error {
		for _, w := range items {
			id, err := addOne(tx, w)
			if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		return nil
	})
	return ids
}

func claim(t *testing.T, st store.Store, lane string, now time.Time, lease time.Duration, n int) []store.Work {
	t.Helper()
	items, err := st.ClaimWork(t.Context(), store.Claim{Lane: lane, Now: now, Lease: lease, Limit: n})
	if err != nil {
		t.Fatalf("ClaimWork: %v", err)
	}
	return items
}

func idsOf(items []store.Work) (ids []int64) {
	for _, w := range items {
		ids = append(ids, w.ID)
	}
	return ids
}

// wantLeaseLost fails the test unless w is not leased to its holder any more, whatever he wants to do with it.
func wantLeaseLost(t *testing.T, st store.Store, what string, w store.Work) {
	t.Helper()
	for name, fn := range map[string]func(tx store.Tx) error{
		"CompleteWork": func(tx store.Tx) error { return tx.CompleteWork(w) },
		"RetryWork":    func(tx store.Tx) error { return tx.RetryWork(w, at(0), "late") },
		"ParkWork":     func(tx store.Tx) error { return tx.ParkWork(w, "late") },
	} {
		wantError(t, name+" "+what, st.Update(t.Context(), fn), store.ErrLeaseLost)
	}
	wantError(t, "RenewWork "+what, st.RenewWork(t.Context(), w, at(60)), store.ErrLeaseLost)
}

func testRenewedLeases(t *testing.T, st store.Store) {
	ids := addWork(t, st, store.Work{Lane: "bulk", DueAt: at(0)}, store.Work{Lane: "bulk", DueAt: at(1)})
	leased := claim(t, st, "bulk", at(10), time.Minute, 2)
	renewed := at(10).Add(time.Hour)
	if err := st.RenewWork(t.Context(), leased[0], renewed); err != nil {
		t.Fatal(err)
	}
	later := at(10).Add(2 * time.Minute)
	equal(t, "items whose lease ran out", ids[1:], idsOf(claim(t, st, "bulk", later, time.Minute, 10)))
	update(t, st, func(tx store.Tx) error {
		return tx.CompleteWork(leased[0]) // the token is still the same
	})
	wantLeaseLost(t, st, "claimed by another", leased[1])
	wantLeaseLost(t, st, "completed after it was renewed", leased[0])
}

func testLostLeases(t *testing.T, st store.Store) {
	items := make([]store.Work, 5)
	for i := range items {
		items[i] = store.Work{Lane: "bulk", DueAt: at(i)}
	}
	ids := addWork(t, st, items...)
	wantLeaseLost(t, st, "never claimed", store.Work{ID: ids[0]})
	wantLeaseLost(t, st, "unknown", store.Work{ID: 4711, Lease: "x"})
	leased := claim(t, st, "bulk", at(10), time.Minute, 4)
	update(t, st, func(tx store.Tx) error {
		return errors.Join(tx.CompleteWork(leased[0]), tx.RetryWork(leased[1], at(50), ""), tx.ParkWork(leased[2], ""))
	})
	wantLeaseLost(t, st, "completed", leased[0])
	wantLeaseLost(t, st, "given back", leased[1])
	wantLeaseLost(t, st, "parked", leased[2])
	wrong := leased[3]
	wrong.Lease += "x"
	wantLeaseLost(t, st, "wrong token", wrong)
	wrong.Lease = ""
	wantLeaseLost(t, st, "no token", wrong)
	other := leased[3]
	other.ID = ids[4]
	wantLeaseLost(t, st, "token of another item", other)
	update(t, st, func(tx store.Tx) error {
		wantError(t, "CompleteWork", tx.CompleteWork(wrong), store.ErrLeaseLost)
		return tx.CompleteWork(leased[3]) // the transaction can go on after a lost lease
	})
	equal(t, "pending", 2, view(t, st, store.Tx.PendingWork))
}

func testClaimers(t *testing.T, st store.Store) {
	const claimers, items = 6, 150
	want := make([]store.Work, items)
	for i := range want {
		want[i] = store.Work{Lane: "bulk", DueAt: at(i % 7)}
	}
	ids := addWork(t, st, want...)
	var mu sync.Mutex
	holder := map[int64]int{}
	var wg sync.WaitGroup
	for c := range claimers {
		wg.Go(func() {
			for {
				got, err := st.ClaimWork(t.Context(), store.Claim{Lane: "bulk", Now: at(30), Lease: time.Hour, Limit: 1 + c})
				if err != nil {
					t.Errorf("ClaimWork: %v", err)
					return
				}
				if len(got) == 0 {
					return
				}
				mu.Lock()
				for _, w := range got {
					if other, taken := holder[w.ID]; taken || w.Attempt != 1 {
						t.Errorf("item %d claimed by %d and %d, attempt %d", w.ID, other, c, w.Attempt)
					}
					holder[w.ID] = c
				}
				mu.Unlock()
				if err := st.Update(t.Context(), func(tx store.Tx) error {
					for _, w := range got {
						if err := tx.CompleteWork(w); err != nil {
							return fmt.Errorf("item %d: %w", w.ID, err)
						}
					}
					return nil
				}); err != nil {
					t.Errorf("Update: %v", err)
				}
			}
		})
	}
	wg.Wait()
	for _, id := range ids {
		if _, taken := holder[id]; !taken {
			t.Errorf("item %d was never claimed", id)
		}
	}
	equal(t, "pending", 0, view(t, st, store.Tx.PendingWork))
}
