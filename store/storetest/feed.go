package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/marktbote/marktbote/store"
)

func feedTests() []test {
	return []test{
		{"feed/every field comes back", testSubscriptionFields},
		{"feed/one deliverer at a time", testSubscriptionLease},
		{"feed/a change by a person ends the lease", testSubscriptionChanged},
		{"feed/held deliveries", testHeld},
		{"feed/remove", func(t *testing.T, st store.Store) {
			seqs := addEvents(t, st, 1)
			update(t, st, func(tx store.Tx) error {
				return errors.Join(
					tx.InsertSubscription(store.Subscription{Name: "a", State: store.SubscriptionActive}),
					tx.InsertSubscription(store.Subscription{Name: "b", State: store.SubscriptionActive}),
					tx.HoldDelivery(store.HeldDelivery{Subscription: "a", Seq: seqs[0], State: store.HeldDead}),
					tx.HoldDelivery(store.HeldDelivery{Subscription: "b", Seq: seqs[0], State: store.HeldWaiting}),
				)
			})
			update(t, st, func(tx store.Tx) error { return tx.DeleteSubscription("a") })
			wantError(t, "DeleteSubscription", st.Update(t.Context(), func(tx store.Tx) error { return tx.DeleteSubscription("a") }), store.ErrNotFound)
			left := view(t, st, func(tx store.Tx) ([]store.HeldCount, error) { return tx.CountHeld() })
			equal(t, "held", []store.HeldCount{{Subscription: "b", State: store.HeldWaiting, Count: 1}}, left)
		}},
		{"feed/newest event", func(t *testing.T, st store.Store) {
			head := func() int64 {
				return view(t, st, func(tx store.Tx) (int64, error) { return tx.EventHead() })
			}
			equal(t, "head of an empty outbox", int64(0), head())
			seqs := addEvents(t, st, 3)
			equal(t, "head", seqs[2], head())
			update(t, st, func(tx store.Tx) error {
				if err := addEvent(tx, store.Event{ID: "one more"}); err != nil {
					return err
				}
				inside, err := tx.EventHead()
				if inside <= seqs[2] {
					t.Errorf("head inside is %d", inside)
				}
				return err
			})
		}},
	}
}

// addEvents adds events p/0, p/1 ... in two partitions in turn and returns their numbers.
func addEvents(t *testing.T, st store.Store, n int) (seqs []int64) {
	t.Helper()
	update(t, st, func(tx store.Tx) error {
		seqs = nil
		for i := range n {
			if err := addEvent(tx, store.Event{ID: fmt.Sprintf("p/%d", i), Type: "t", PartitionKey: fmt.Sprintf("malo/%d", i%2)}); err != nil {
				return err
			}
		}
		events, err := tx.Events(0, 0, n)
		for _, e := range events {
			seqs = append(seqs, e.Seq)
		}
		return err
	})
	return seqs
}

func subscription(t *testing.T, st store.Store, name string) store.Subscription {
	t.Helper()
	return view(t, st, func(tx store.Tx) (store.Subscription, error) { return tx.Subscription(name) })
}

func testSubscriptionFields(t *testing.T, st store.Store) {
	want := store.Subscription{
		Name: "b", Definition: []byte(`{"filter":"ä"}`), State: store.SubscriptionPaused, Reason: "weil", Position: 7, Fault: "down",
		CreatedAt: at(1), UpdatedAt: at(2), MovedAt: at(3),
	}
	add := func(s store.Subscription) error {
		return st.Update(t.Context(), func(tx store.Tx) error { return tx.InsertSubscription(s) })
	}
	if err := errors.Join(add(want), add(store.Subscription{Name: "a", State: store.SubscriptionActive})); err != nil {
		t.Fatal(err)
	}
	equal(t, "subscription", want, subscription(t, st, "b"))
	wantError(t, "InsertSubscription", add(want), store.ErrDuplicate)
	want.Definition, want.State, want.Reason, want.Position, want.Fault, want.UpdatedAt = nil, store.SubscriptionActive, "", 3, "", at(9)
	update(t, st, func(tx store.Tx) error { return tx.UpdateSubscription(want) })
	all := view(t, st, func(tx store.Tx) ([]store.Subscription, error) { return tx.Subscriptions() })
	equal(t, "all", []store.Subscription{{Name: "a", State: store.SubscriptionActive}, want}, all)
	wantError(t, "Subscription", st.View(t.Context(), func(tx store.Tx) error { _, err := tx.Subscription("c"); return err }), store.ErrNotFound)
	err := st.Update(t.Context(), func(tx store.Tx) error {
		return tx.UpdateSubscription(store.Subscription{Name: "c", State: store.SubscriptionActive})
	})
	wantError(t, "UpdateSubscription", err, store.ErrNotFound)
}

// claimSubscription claims at second n for ten seconds.
func claimSubscription(t *testing.T, st store.Store, name string, n int) (s store.Subscription, ok bool) {
	t.Helper()
	update(t, st, func(tx store.Tx) (err error) {
		s, ok, err = tx.ClaimSubscription(name, at(n), at(n+10))
		return err
	})
	return s, ok
}

func testSubscriptionLease(t *testing.T, st store.Store) {
	update(t, st, func(tx store.Tx) error {
		return errors.Join(
			tx.InsertSubscription(store.Subscription{Name: "a", State: store.SubscriptionActive, Position: 5}),
			tx.InsertSubscription(store.Subscription{Name: "paused", State: store.SubscriptionPaused}),
		)
	})
	for _, name := range []string{"paused", "unknown"} {
		if _, ok := claimSubscription(t, st, name, 0); ok {
			t.Errorf("%s was claimed", name)
		}
	}
	first, ok := claimSubscription(t, st, "a", 0)
	if !ok || first.Position != 5 || first.Lease == "" || !first.LeasedUntil.Equal(at(10)) {
		t.Fatalf("claimed %v %+v", ok, first)
	}
	if _, ok := claimSubscription(t, st, "a", 9); ok {
		t.Error("claimed while the lease runs")
	}
	renew := func(s store.Subscription, until time.Time) error {
		return st.Update(t.Context(), func(tx store.Tx) error { return tx.RenewSubscription(s, until) })
	}
	advance := func(s store.Subscription) error {
		return st.Update(t.Context(), func(tx store.Tx) error { return tx.AdvanceSubscription(s) })
	}
	if err := renew(first, at(20)); err != nil {
		t.Fatal(err)
	}
	if _, ok := claimSubscription(t, st, "a", 19); ok {
		t.Error("claimed while the renewed lease runs")
	}
	first.Position, first.Fault, first.MovedAt = 6, "down", at(1)
	if err := advance(first); err != nil {
		t.Fatal(err)
	}
	second, ok := claimSubscription(t, st, "a", 20)
	if !ok || second.Position != 6 || second.Fault != "down" || !second.MovedAt.Equal(at(1)) || second.Lease == first.Lease {
		t.Fatalf("claimed %v %+v", ok, second)
	}
	wantError(t, "renew a lost lease", renew(first, at(30)), store.ErrLeaseLost)
	wantError(t, "advance with a lost lease", advance(first), store.ErrLeaseLost)
	wantError(t, "advance without a lease", advance(store.Subscription{Name: "paused"}), store.ErrLeaseLost)
	wantError(t, "renew without a lease", renew(store.Subscription{Name: "paused"}, at(30)), store.ErrLeaseLost)
	if err := renew(second, time.Time{}); err != nil {
		t.Fatal(err)
	}
	wantError(t, "renew what was given back", renew(second, at(30)), store.ErrLeaseLost)
	if _, ok := claimSubscription(t, st, "a", 0); !ok {
		t.Error("what was given back cannot be claimed")
	}
	verify(t, st, store.AuditHead{})
}

func testSubscriptionChanged(t *testing.T, st store.Store) {
	update(t, st, func(tx store.Tx) error {
		return tx.InsertSubscription(store.Subscription{Name: "a", State: store.SubscriptionActive})
	})
	claimed, _ := claimSubscription(t, st, "a", 0)
	update(t, st, func(tx store.Tx) error {
		s := claimed
		s.Position = 3
		return tx.UpdateSubscription(s)
	})
	lost := st.Update(t.Context(), func(tx store.Tx) error {
		claimed.Position = 99
		return tx.AdvanceSubscription(claimed)
	})
	wantError(t, "AdvanceSubscription", lost, store.ErrLeaseLost)
	equal(t, "position", int64(3), subscription(t, st, "a").Position)
	if _, ok := claimSubscription(t, st, "a", 0); !ok {
		t.Error("cannot be claimed")
	}
}

func testHeld(t *testing.T, st store.Store) {
	seqs := addEvents(t, st, 4)
	update(t, st, func(tx store.Tx) error {
		return tx.InsertSubscription(store.Subscription{Name: "a", State: store.SubscriptionActive})
	})
	held := func(i int) store.HeldDelivery {
		return store.HeldDelivery{
			Subscription: "a", Seq: seqs[i], State: store.HeldWaiting, Attempt: i, DueAt: at(i), Reason: "r", HeldAt: at(5),
			EventID: fmt.Sprintf("p/%d", i), EventType: "t", PartitionKey: fmt.Sprintf("malo/%d", i%2),
		}
	}
	list := func(q store.HeldQuery) []store.HeldDelivery {
		q.Subscription = "a"
		return view(t, st, func(tx store.Tx) ([]store.HeldDelivery, error) { return tx.HeldDeliveries(q) })
	}
	update(t, st, func(tx store.Tx) error { // in any order
		return errors.Join(tx.HoldDelivery(held(2)), tx.HoldDelivery(held(0)), tx.HoldDelivery(held(1)))
	})
	equal(t, "held", []store.HeldDelivery{held(0), held(1), held(2)}, list(store.HeldQuery{}))
	dead := held(1)
	dead.State, dead.Attempt, dead.DueAt, dead.Reason = store.HeldDead, 9, time.Time{}, "refused"
	update(t, st, func(tx store.Tx) error {
		again := dead
		again.HeldAt = at(50)
		return tx.HoldDelivery(again)
	})
	equal(t, "dead", []store.HeldDelivery{dead}, list(store.HeldQuery{State: store.HeldDead}))
	equal(t, "after, limit", []store.HeldDelivery{dead}, list(store.HeldQuery{After: seqs[0], Limit: 1}))
	counts := view(t, st, func(tx store.Tx) ([]store.HeldCount, error) { return tx.CountHeld() })
	equal(t, "counts", []store.HeldCount{{Subscription: "a", State: store.HeldDead, Count: 1}, {Subscription: "a", State: store.HeldWaiting, Count: 2}}, counts)
	update(t, st, func(tx store.Tx) error { return tx.ReleaseDelivery("a", seqs[0]) })
	wantError(t, "ReleaseDelivery", st.Update(t.Context(), func(tx store.Tx) error { return tx.ReleaseDelivery("a", seqs[0]) }), store.ErrNotFound)
	update(t, st, func(tx store.Tx) error { return tx.ReleaseDeliveriesAfter("a", seqs[1]) })
	equal(t, "left", []store.HeldDelivery{dead}, list(store.HeldQuery{}))
	for name, d := range map[string]store.HeldDelivery{"subscription": {Subscription: "b", Seq: seqs[0]}, "event": {Subscription: "a", Seq: seqs[3] + 1}} {
		d.State = store.HeldWaiting
		wantError(t, "unknown "+name, st.Update(t.Context(), func(tx store.Tx) error { return tx.HoldDelivery(d) }), store.ErrNotFound)
	}
	// What a deliverer decided without its lease has no effect.
	lost := st.Update(t.Context(), func(tx store.Tx) error {
		if err := tx.AdvanceSubscription(store.Subscription{Name: "a", Lease: "lost"}); err != nil {
			return err
		}
		return tx.ReleaseDelivery("a", seqs[1])
	})
	wantError(t, "without the lease", lost, store.ErrLeaseLost)
	equal(t, "still held", []store.HeldDelivery{dead}, list(store.HeldQuery{}))
}

// fillFeed runs every kind of change of the feed and leaves rows of both tables.
func fillFeed(t *testing.T, st store.Store) {
	t.Helper()
	seqs := addEvents(t, st, 3)
	s := store.Subscription{Name: "ä b", State: store.SubscriptionActive, Definition: []byte("{}"), Reason: "r", Fault: "f", CreatedAt: at(1)}
	update(t, st, func(tx store.Tx) error {
		held := store.HeldDelivery{Subscription: s.Name, Seq: seqs[0], State: store.HeldWaiting, HeldAt: at(1)}
		more, most := held, held
		more.Seq, most.Seq = seqs[1], seqs[2]
		again := held
		again.State, again.Reason = store.HeldDead, "r"
		return errors.Join(tx.InsertSubscription(s), tx.UpdateSubscription(s), tx.InsertSubscription(store.Subscription{Name: "gone", State: store.SubscriptionActive}),
			tx.DeleteSubscription("gone"), tx.HoldDelivery(held), tx.HoldDelivery(again), tx.HoldDelivery(more), tx.HoldDelivery(most),
			tx.ReleaseDelivery(s.Name, seqs[1]), tx.ReleaseDeliveriesAfter(s.Name, seqs[1]))
	})
	claimed, _ := claimSubscription(t, st, s.Name, 0)
	claimed.Position = seqs[2]
	update(t, st, func(tx store.Tx) error { return tx.AdvanceSubscription(claimed) })
}
