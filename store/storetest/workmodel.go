package storetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/marktbote/marktbote/store"
)

// workModel says in a few lines of memory what work items do. It drives the store and itself with the same
// calls and compares.
type workModel struct {
	st      store.Store
	ctx     context.Context
	lanes   [2]string // of this run only
	now     time.Time
	items   []*store.Work // all that are not completed, by ID
	held    []store.Work  // everything ClaimWork ever returned, also leases that were lost
	foreign int           // pending items of other runs in the same store
}

// A run makes this many calls.
const minModelSteps, maxModelSteps = 10, 40

func testWorkModel(t *testing.T, st store.Store) {
	runs := 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		m := &workModel{st: st, ctx: t.Context(), now: at(0)}
		m.lanes = [2]string{fmt.Sprintf("a%d", runs), fmt.Sprintf("b%d", runs)}
		m.foreign = m.pending(rt)
		names := []string{"add", "claim", "claim", "claim", "complete", "retry", "park", "park", "wait", "list"}
		for _, name := range rapid.SliceOfN(rapid.SampledFrom(names), minModelSteps, maxModelSteps).Draw(rt, "actions") {
			m.step(rt, name)
		}
		m.check(rt)
	})
}

func (m *workModel) step(rt *rapid.T, name string) {
	switch name {
	case "add":
		m.add(rt)
	case "claim":
		m.claim(rt)
	case "complete":
		m.complete(rt)
	case "retry":
		m.retry(rt)
	case "park":
		m.park(rt)
	case "wait":
		m.now = m.now.Add(m.duration(rt, "wait"))
	case "list":
		m.check(rt)
	default:
		rt.Fatalf("no action %q", name)
	}
}

func (m *workModel) duration(rt *rapid.T, label string) time.Duration {
	return time.Duration(rapid.IntRange(0, 10).Draw(rt, label)) * time.Microsecond
}

func (m *workModel) update(rt *rapid.T, fn func(tx store.Tx) error) {
	if err := m.st.Update(m.ctx, fn); err != nil {
		rt.Fatalf("Update: %v", err)
	}
}

func (m *workModel) add(rt *rapid.T) {
	var added []*store.Work
	for range rapid.IntRange(1, 3).Draw(rt, "items") {
		added = append(added, &store.Work{
			Kind:   rapid.StringOf(rapid.RuneFrom([]rune("aZä'"))).Draw(rt, "kind"),
			Lane:   rapid.SampledFrom(m.lanes[:]).Draw(rt, "lane"),
			DueAt:  m.now.Add(m.duration(rt, "due") - 5*time.Microsecond),
			Reason: rapid.SampledFrom([]string{"", "r"}).Draw(rt, "reason"),
		})
	}
	m.update(rt, func(tx store.Tx) (err error) {
		for _, w := range added {
			if w.ID, err = addOne(tx, *w); err != nil {
				return err
			}
		}
		return nil
	})
	m.items = append(m.items, added...)
}

func (m *workModel) claim(rt *rapid.T) {
	lane := rapid.SampledFrom(m.lanes[:]).Draw(rt, "lane")
	lease := m.duration(rt, "lease") + time.Microsecond
	limit := rapid.IntRange(0, 4).Draw(rt, "max")
	var want []*store.Work
	for _, w := range m.items {
		if w.Lane == lane && !w.Parked && !w.DueAt.After(m.now) && !w.LeasedUntil.After(m.now) {
			want = append(want, w)
		}
	}
	slices.SortStableFunc(want, func(a, b *store.Work) int {
		return cmp.Or(a.DueAt.Compare(b.DueAt), cmp.Compare(a.ID, b.ID))
	})
	want = want[:min(limit, len(want))]
	got, err := m.st.ClaimWork(m.ctx, store.Claim{Lane: lane, Now: m.now, Lease: lease, Limit: limit})
	if err != nil {
		rt.Fatalf("ClaimWork: %v", err)
	}
	if len(got) != len(want) {
		rt.Fatalf("claimed %d items, want %d", len(got), len(want))
	}
	for i, w := range want {
		if got[i].Lease == "" || got[i].Lease == w.Lease {
			rt.Fatalf("lease %q after %q", got[i].Lease, w.Lease)
		}
		w.Attempt++
		w.Lease, w.LeasedUntil = got[i].Lease, m.now.Add(lease)
		if diff := gocmp.Diff(*w, got[i]); diff != "" {
			rt.Fatalf("claimed (-want +got):\n%s", diff)
		}
	}
	m.held = append(m.held, got...)
}

// end draws a claim of the past, ends it in the store with do and returns the item if the claim still counts.
func (m *workModel) end(rt *rapid.T, do func(tx store.Tx, w store.Work) error) *store.Work {
	if len(m.held) == 0 {
		return nil
	}
	w := rapid.SampledFrom(m.held).Draw(rt, "item")
	i := slices.IndexFunc(m.items, func(x *store.Work) bool { return x.ID == w.ID && x.Lease == w.Lease })
	err := m.st.Update(m.ctx, func(tx store.Tx) error { return do(tx, w) })
	if i < 0 {
		if !errors.Is(err, store.ErrLeaseLost) {
			rt.Fatalf("lost lease of item %d: got %v", w.ID, err)
		}
		return nil
	}
	if err != nil {
		rt.Fatalf("item %d: %v", w.ID, err)
	}
	return m.items[i]
}

func (m *workModel) complete(rt *rapid.T) {
	if w := m.end(rt, store.Tx.CompleteWork); w != nil {
		m.items = slices.DeleteFunc(m.items, func(x *store.Work) bool { return x == w })
	}
}

func (m *workModel) retry(rt *rapid.T) {
	due := m.now.Add(m.duration(rt, "due"))
	w := m.end(rt, func(tx store.Tx, w store.Work) error { return tx.RetryWork(w, due, "again") })
	if w != nil {
		w.DueAt, w.Reason, w.Lease, w.LeasedUntil = due, "again", "", time.Time{}
	}
}

func (m *workModel) park(rt *rapid.T) {
	w := m.end(rt, func(tx store.Tx, w store.Work) error { return tx.ParkWork(w, "parked") })
	if w != nil {
		w.Parked, w.Reason, w.Lease, w.LeasedUntil = true, "parked", "", time.Time{}
	}
}

func (m *workModel) pending(rt *rapid.T) (n int) {
	err := m.st.View(m.ctx, func(tx store.Tx) (err error) {
		n, err = tx.PendingWork()
		return err
	})
	if err != nil {
		rt.Fatalf("PendingWork: %v", err)
	}
	return n
}

// check compares what the store lists with the model. It is one action among others, because what earlier runs
// parked stays and makes it slow.
func (m *workModel) check(rt *rapid.T) {
	wantPending := m.foreign
	var wantParked, gotParked []store.Work
	for _, w := range m.items {
		if w.Parked {
			wantParked = append(wantParked, *w)
		} else {
			wantPending++
		}
	}
	if got := m.pending(rt); got != wantPending {
		rt.Fatalf("PendingWork: got %d, want %d", got, wantPending)
	}
	err := m.st.View(m.ctx, func(tx store.Tx) error {
		all, err := tx.ParkedWork(1 << 20)
		for _, w := range all {
			if slices.Contains(m.lanes[:], w.Lane) {
				gotParked = append(gotParked, w)
			}
		}
		return err
	})
	if err != nil {
		rt.Fatalf("ParkedWork: %v", err)
	}
	if diff := gocmp.Diff(wantParked, gotParked); diff != "" {
		rt.Fatalf("ParkedWork (-want +got):\n%s", diff)
	}
}
