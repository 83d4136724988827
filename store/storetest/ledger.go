package storetest

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/marktbote/marktbote/store"
)

func ledgerTests() []test {
	return []test{
		{"ledger/every field comes back", func(t *testing.T, st store.Store) {
			id, answer := addInterchange(t, st), addInterchange(t, st)
			want := store.LedgerEntry{InterchangeID: id, MessageIndex: 2, TransactionIndex: 70000, Kind: store.LedgerAnswer,
				State: store.LedgerLate, DueAt: at(3), DoneAt: at(4), AnsweredBy: answer, LookAt: at(2), Step: "open"}
			empty := store.LedgerEntry{InterchangeID: id, Kind: store.LedgerContrl, State: store.LedgerOpen}
			update(t, st, func(tx store.Tx) error { return errors.Join(tx.InsertLedger(want), tx.InsertLedger(empty)) })
			got := view(t, st, func(tx store.Tx) ([]store.LedgerEntry, error) { return tx.Ledger(id) })
			equal(t, "ledger", []store.LedgerEntry{empty, want}, got)
			wantRefused(t, st, "InsertLedger", id, func(tx store.Tx) error { return tx.InsertLedger(empty) }, store.ErrDuplicate)
			err := st.Update(t.Context(), func(tx store.Tx) error {
				return tx.UpdateLedger(store.LedgerEntry{InterchangeID: answer, Kind: store.LedgerContrl, State: store.LedgerMet})
			})
			wantError(t, "UpdateLedger", err, store.ErrNotFound)
			for name, e := range map[string]store.LedgerEntry{
				"interchange": {InterchangeID: 4711, Kind: store.LedgerContrl, State: store.LedgerOpen},
				"answer":      {InterchangeID: answer, Kind: store.LedgerContrl, State: store.LedgerOpen, AnsweredBy: 4711},
			} {
				err := st.Update(t.Context(), func(tx store.Tx) error { return tx.InsertLedger(e) })
				wantError(t, name+" must exist", err, store.ErrNotFound)
			}
		}},
		{"ledger/behaves like the model", testLedgerModel},
		{"ledger/settle", func(t *testing.T, st store.Store) {
			id, other, answer := addInterchange(t, st), addInterchange(t, st), addInterchange(t, st)
			list := []store.LedgerEntry{
				{InterchangeID: id, MessageIndex: 1, AnsweredBy: answer, DueAt: at(5)},
				{InterchangeID: id, MessageIndex: 2, AnsweredBy: answer, DueAt: at(4)},
				{InterchangeID: id, MessageIndex: 3, AnsweredBy: answer},
				{InterchangeID: id, MessageIndex: 4, AnsweredBy: answer, DoneAt: at(1)},
				{InterchangeID: id, MessageIndex: 5, AnsweredBy: other},
				{InterchangeID: id, MessageIndex: 6},
				{InterchangeID: other, MessageIndex: 1, AnsweredBy: answer},
			}
			for i := range list {
				list[i].Kind, list[i].State, list[i].LookAt = store.LedgerAperak, store.LedgerOpen, at(2)
			}
			update(t, st, func(tx store.Tx) error {
				for _, e := range list {
					if err := tx.InsertLedger(e); err != nil {
						return err
					}
				}
				return tx.SettleLedger(id, answer, at(5))
			})
			for i, state := range []store.LedgerState{store.LedgerMet, store.LedgerLate, store.LedgerMet} {
				list[i].State, list[i].DoneAt, list[i].LookAt = state, at(5), time.Time{}
			}
			got := view(t, st, func(tx store.Tx) ([]store.LedgerEntry, error) {
				here, err := tx.Ledger(id)
				there, err2 := tx.Ledger(other)
				return append(here, there...), errors.Join(err, err2)
			})
			equal(t, "ledger", list, got)
		}},
		{"ledger/what is read is not changed by others", testLedgerLock},
		{"process key/find", func(t *testing.T, st store.Store) {
			a, b := addInterchange(t, st), addInterchange(t, st)
			keys := []store.ProcessKey{
				{InterchangeID: a, MessageIndex: 1, TransactionIndex: 2, Level: "reply", Value: "RE1"},
				{InterchangeID: b, MessageIndex: 1, TransactionIndex: 1, Level: "reply", Value: "RE1"},
				{InterchangeID: a, MessageIndex: 1, TransactionIndex: 2, Level: "series", Value: "RE1"},
			}
			update(t, st, func(tx store.Tx) error {
				return errors.Join(tx.InsertProcessKey(keys[1]), tx.InsertProcessKey(keys[0]), tx.InsertProcessKey(keys[0]), tx.InsertProcessKey(keys[2]))
			})
			find := func(level, value string, limit int) []store.ProcessKey {
				return view(t, st, func(tx store.Tx) ([]store.ProcessKey, error) { return tx.ProcessKeys(level, value, limit) })
			}
			equal(t, "both", keys[:2], find("reply", "RE1", 0))
			equal(t, "first", keys[:1], find("reply", "RE1", 1))
			equal(t, "none", 0, len(find("reply", "RE2", 0)))
			unanswered := func() []store.ProcessKey {
				return view(t, st, func(tx store.Tx) ([]store.ProcessKey, error) { return tx.UnansweredKeys("reply", "RE1", 0) })
			}
			equal(t, "unanswered without an entry", 0, len(unanswered()))
			e := store.LedgerEntry{InterchangeID: b, MessageIndex: 1, TransactionIndex: 1, Kind: store.LedgerAnswer, State: store.LedgerMissed}
			update(t, st, func(tx store.Tx) error { return tx.InsertLedger(e) })
			equal(t, "unanswered", keys[1:2], unanswered())
			e.DoneAt = at(1)
			update(t, st, func(tx store.Tx) error { return tx.UpdateLedger(e) })
			equal(t, "answered", 0, len(unanswered()))
			e.DoneAt, e.State = time.Time{}, store.LedgerCancelled
			update(t, st, func(tx store.Tx) error { return tx.UpdateLedger(e) })
			equal(t, "cancelled", 0, len(unanswered()))
			err := st.Update(t.Context(), func(tx store.Tx) error {
				return tx.InsertProcessKey(store.ProcessKey{InterchangeID: 4711, Level: "reply", Value: "x"})
			})
			wantError(t, "interchange must exist", err, store.ErrNotFound)
		}},
		{"control reference/never twice", testControlRefs},
		{"decision/list", testDecisions},
		{"partner/behaves like the model", testPartnerModel},
		{"clearing/requeue, hold, solve", testClearing},
		{"clearing/list", testWorkItems},
		{"transaction/Lock", testLock},
		{"payload/in a transaction", testInlinePayload},
		{"text/what not every engine keeps", func(t *testing.T, st store.Store) {
			var id int64
			update(t, st, func(tx store.Tx) (err error) {
				id, err = tx.InsertInterchange(store.Interchange{Direction: store.In, Sender: "a\x00b", ControlRef: "c\xffd", Recipient: "ä"})
				return err
			})
			x := view(t, st, func(tx store.Tx) (store.Interchange, error) { return tx.Interchange(id) })
			equal(t, "texts", []string{"a\uFFFDb", "c\uFFFDd", "ä"}, []string{x.Sender, x.ControlRef, x.Recipient})
		}},
	}
}

// testLedgerModel compares the ledger with a map.
func testLedgerModel(t *testing.T, st store.Store) {
	kinds := []store.LedgerKind{store.LedgerTransport, store.LedgerContrl, store.LedgerAperak, store.LedgerAnswer}
	states := []store.LedgerState{store.LedgerOpen, store.LedgerOpen, store.LedgerMet, store.LedgerLate, store.LedgerMissed, store.LedgerCancelled}
	type key struct {
		id   int64
		m, n int
		kind store.LedgerKind
	}
	keyOf := func(e store.LedgerEntry) key { return key{e.InterchangeID, e.MessageIndex, e.TransactionIndex, e.Kind} }
	model := map[key]store.LedgerEntry{} // of all runs: LedgerDue sees them all
	rapid.Check(t, func(rt *rapid.T) {
		ids := []int64{addInterchange(t, st), addInterchange(t, st)}
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			e := store.LedgerEntry{
				InterchangeID: rapid.SampledFrom(ids).Draw(rt, "interchange"), MessageIndex: rapid.IntRange(0, 1).Draw(rt, "message"),
				TransactionIndex: rapid.IntRange(0, 1).Draw(rt, "transaction"), Kind: rapid.SampledFrom(kinds).Draw(rt, "kind"),
				State: rapid.SampledFrom(states).Draw(rt, "state"),
			}
			if n := rapid.IntRange(0, 5).Draw(rt, "look"); n > 0 {
				e.DueAt, e.LookAt = at(n+1), at(n)
			}
			e.Step = rapid.SampledFrom([]string{"", "open"}).Draw(rt, "step")
			_, exists := model[keyOf(e)]
			insert := rapid.Bool().Draw(rt, "insert")
			var want error
			switch {
			case insert && exists:
				want = store.ErrDuplicate
			case !insert && !exists:
				want = store.ErrNotFound
			default:
				model[keyOf(e)] = e
			}
			err := st.Update(t.Context(), func(tx store.Tx) error {
				if insert {
					return tx.InsertLedger(e)
				}
				return tx.UpdateLedger(e)
			})
			if !errors.Is(err, want) {
				rt.Fatalf("insert %v %+v: got %v, want %v", insert, e, err, want)
			}
		}
		var all, due []store.LedgerEntry
		var next time.Time
		for _, e := range model {
			if e.InterchangeID == ids[0] {
				all = append(all, e)
			}
			if e.State != store.LedgerOpen || e.LookAt.IsZero() {
				continue
			}
			if e.LookAt.Before(at(4)) {
				due = append(due, e)
			}
			if next.IsZero() || e.LookAt.Before(next) {
				next = e.LookAt
			}
		}
		byKey := func(a, b store.LedgerEntry) int {
			return cmp.Or(cmp.Compare(a.InterchangeID, b.InterchangeID), cmp.Compare(a.MessageIndex, b.MessageIndex),
				cmp.Compare(a.TransactionIndex, b.TransactionIndex), cmp.Compare(a.Kind, b.Kind))
		}
		slices.SortFunc(all, byKey)
		slices.SortFunc(due, func(a, b store.LedgerEntry) int { return cmp.Or(a.LookAt.Compare(b.LookAt), byKey(a, b)) })
		due = due[:min(len(due), 7)]
		var gotAll, gotDue []store.LedgerEntry
		err := st.View(t.Context(), func(tx store.Tx) (err error) {
			if gotAll, err = tx.Ledger(ids[0]); err != nil {
				return err
			}
			if gotDue, err = tx.LedgerDue(at(4), 7); err != nil {
				return err
			}
			gotNext, err := tx.NextLook()
			if !gotNext.Equal(next) {
				rt.Fatalf("NextLook: got %v, want %v", gotNext, next)
			}
			return err
		})
		if diff := gocmp.Diff(all, gotAll); err != nil || diff != "" {
			rt.Fatalf("Ledger: %v (-want +got):\n%s", err, diff)
		}
		if diff := gocmp.Diff(due, gotDue); diff != "" {
			rt.Fatalf("LedgerDue (-want +got):\n%s", diff)
		}
	})
}

// testLedgerLock counts in an entry from several goroutines, in each of the ways to read it.
func testLedgerLock(t *testing.T, st store.Store) {
	const callers, each = 3, 20
	id := addInterchange(t, st)
	update(t, st, func(tx store.Tx) error {
		return tx.InsertLedger(store.LedgerEntry{InterchangeID: id, Kind: store.LedgerContrl, State: store.LedgerOpen, LookAt: at(1)})
	})
	read := []func(tx store.Tx) (store.LedgerEntry, error){
		func(tx store.Tx) (store.LedgerEntry, error) { return tx.LedgerEntry(id, 0, 0, store.LedgerContrl) },
		func(tx store.Tx) (store.LedgerEntry, error) {
			list, err := tx.Ledger(id)
			return list[0], err
		},
		func(tx store.Tx) (store.LedgerEntry, error) {
			list, err := tx.LedgerDue(at(2), 1)
			return list[0], err
		},
	}
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for range each {
				err := st.Update(t.Context(), func(tx store.Tx) error {
					e, err := read[c](tx)
					if err != nil {
						return err
					}
					e.Step += "x"
					return tx.UpdateLedger(e)
				})
				if err != nil {
					t.Errorf("Update: %v", err)
				}
			}
		})
	}
	wg.Wait()
	e := view(t, st, func(tx store.Tx) (store.LedgerEntry, error) { return tx.LedgerEntry(id, 0, 0, store.LedgerContrl) })
	equal(t, "changes", callers*each, len(e.Step))
	err := st.View(t.Context(), func(tx store.Tx) error {
		_, err := tx.LedgerEntry(id, 1, 0, store.LedgerContrl)
		return err
	})
	wantError(t, "LedgerEntry", err, store.ErrNotFound)
}

// testControlRefs asks from several goroutines, with transactions that are rolled back in between.
func testControlRefs(t *testing.T, st store.Store) {
	const callers, each = 4, 10
	var mu sync.Mutex
	seen := map[string]map[int64]bool{"9900000000001": {}, "9900000000002": {}}
	var wg sync.WaitGroup
	own := errors.New("own")
	for c := range callers {
		wg.Go(func() {
			for i := range each {
				mpID := fmt.Sprintf("990000000000%d", 1+(c+i)%2)
				var n int64
				lost := i%3 == 2
				err := st.Update(t.Context(), func(tx store.Tx) (err error) {
					if n, err = tx.NextControlRefs(mpID, 1+i%3); err == nil && lost {
						err = own
					}
					return err
				})
				if lost {
					if !errors.Is(err, own) {
						t.Errorf("Update: %v", err)
					}
					continue
				}
				if err != nil {
					t.Errorf("NextControlRefs: %v", err)
				}
				mu.Lock()
				for n, last := n, n+int64(i%3); n <= last; n++ {
					if seen[mpID][n] || n < 1 {
						t.Errorf("number %d of %s given out twice", n, mpID)
					}
					seen[mpID][n] = true
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
}

func testDecisions(t *testing.T, st store.Store) {
	id := addInterchange(t, st)
	all := []store.Decision{
		{DecidedAt: at(1), Actor: "Jördis", Action: "requeue", Subject: "work/1", Reason: "Partner war nicht erreichbar", InterchangeID: id},
		{DecidedAt: at(2), Actor: "b", Action: "solve", Subject: "work/2"},
		{DecidedAt: at(3), Actor: "b", Action: "hold", Subject: "work/1"},
	}
	update(t, st, func(tx store.Tx) (err error) {
		for i := range all {
			if all[i].ID, err = tx.InsertDecision(all[i]); err != nil {
				return err
			}
		}
		return nil
	})
	for _, c := range []struct {
		name string
		q    store.DecisionQuery
		want []store.Decision
	}{
		{"all", store.DecisionQuery{}, []store.Decision{all[2], all[1], all[0]}},
		{"before", store.DecisionQuery{Before: all[1].ID}, all[:1]},
		{"limit", store.DecisionQuery{Limit: 1}, all[2:]},
		{"subject", store.DecisionQuery{Subject: "work/1"}, []store.Decision{all[2], all[0]}},
		{"interchange", store.DecisionQuery{InterchangeID: id}, all[:1]},
		{"both", store.DecisionQuery{InterchangeID: id, Subject: "work/2"}, nil},
	} {
		equal(t, c.name, c.want, view(t, st, func(tx store.Tx) ([]store.Decision, error) { return tx.Decisions(c.q) }))
	}
	err := st.Update(t.Context(), func(tx store.Tx) error {
		_, err := tx.InsertDecision(store.Decision{InterchangeID: 4711})
		return err
	})
	wantError(t, "interchange must exist", err, store.ErrNotFound)
}

// testPartnerModel compares the values of partners with a map.
func testPartnerModel(t *testing.T, st store.Store) {
	model := map[[2]string]store.PartnerValue{}
	rapid.Check(t, func(rt *rapid.T) {
		for range rapid.IntRange(1, 8).Draw(rt, "steps") {
			v := store.PartnerValue{
				MPID: rapid.SampledFrom([]string{"1", "2"}).Draw(rt, "partner"), Name: rapid.SampledFrom([]string{"b", "a", "B", "ä"}).Draw(rt, "name"),
				Value: []byte(rapid.SampledFrom([]string{`{"x":1}`, `"ä"`}).Draw(rt, "value")), ChangedAt: at(rapid.IntRange(0, 9).Draw(rt, "at")),
			}
			k := [2]string{v.MPID, v.Name}
			remove := rapid.Bool().Draw(rt, "delete")
			err := st.Update(t.Context(), func(tx store.Tx) error {
				if remove {
					return tx.DeletePartnerValue(v.MPID, v.Name)
				}
				return tx.SetPartnerValue(v)
			})
			if _, exists := model[k]; remove && !exists {
				if !errors.Is(err, store.ErrNotFound) {
					rt.Fatalf("DeletePartnerValue: %v", err)
				}
				continue
			}
			if err != nil {
				rt.Fatal(err)
			}
			if delete(model, k); !remove {
				model[k] = v
			}
		}
		var want, got []store.PartnerValue
		for _, v := range model {
			if v.MPID == "1" {
				want = append(want, v)
			}
		}
		slices.SortFunc(want, func(a, b store.PartnerValue) int { return cmp.Compare(a.Name, b.Name) })
		err := st.View(t.Context(), func(tx store.Tx) (err error) { got, err = tx.PartnerValues("1"); return err })
		if diff := gocmp.Diff(want, got); err != nil || diff != "" {
			rt.Fatalf("PartnerValues: %v (-want +got):\n%s", err, diff)
		}
	})
}

func testClearing(t *testing.T, st store.Store) {
	id := addInterchange(t, st)
	w := addWork(t, st, store.Work{Kind: "send", Lane: "bulk", DueAt: at(1), InterchangeID: id})[0]
	leased := claim(t, st, "bulk", at(2), time.Hour, 1)[0]
	refused := func(name string, do func(tx store.Tx) error) {
		t.Helper()
		wantError(t, name, st.Update(t.Context(), do), store.ErrNotFound)
	}
	refused("RequeueWork of an item that is not parked", func(tx store.Tx) error { return tx.RequeueWork(w, at(3), "who", "why") })
	refused("SolveWork of an item that is not parked", func(tx store.Tx) error { return tx.SolveWork(w, "who", "why") })
	refused("HoldWork of nothing", func(tx store.Tx) error { return tx.HoldWork(4711, "who", "why") })

	update(t, st, func(tx store.Tx) error { return tx.HoldWork(w, "Jördis", "erst fragen") })
	wantLeaseLost(t, st, "held", leased)
	refused("HoldWork of a parked item", func(tx store.Tx) error { return tx.HoldWork(w, "who", "why") })
	parked := func() []store.Work {
		return view(t, st, func(tx store.Tx) ([]store.Work, error) { return tx.ParkedWork(0) })
	}
	want := store.Work{ID: w, Kind: "send", Lane: "bulk", InterchangeID: id, DueAt: at(1), Attempt: 1, Parked: true, Reason: "erst fragen"}
	equal(t, "parked", []store.Work{want}, parked())

	update(t, st, func(tx store.Tx) error { return tx.RequeueWork(w, at(9), "Jördis", "geklärt") })
	equal(t, "before it is due", 0, len(claim(t, st, "bulk", at(8), time.Minute, 1)))
	again := claim(t, st, "bulk", at(9), time.Minute, 1)
	if len(again) != 1 || again[0].Attempt != 1 || again[0].Reason != "geklärt" {
		t.Fatalf("claimed %+v", again)
	}
	update(t, st, func(tx store.Tx) error { return tx.ParkWork(again[0], "kaputt") })
	update(t, st, func(tx store.Tx) error { return tx.SolveWork(w, "b", "am Telefon erledigt") })
	equal(t, "pending", 0, view(t, st, store.Tx.PendingWork))
	equal(t, "parked at last", 0, len(parked()))

	var got []string
	for _, d := range view(t, st, func(tx store.Tx) ([]store.Decision, error) {
		return tx.Decisions(store.DecisionQuery{InterchangeID: id})
	}) {
		if d.Subject != fmt.Sprintf("work/%d", w) || d.DecidedAt.IsZero() {
			t.Errorf("decision %+v", d)
		}
		got = append(got, d.Actor+": "+d.Action+": "+d.Reason)
	}
	equal(t, "decisions", []string{"b: solve: am Telefon erledigt", "Jördis: requeue: geklärt", "Jördis: hold: erst fragen"}, got)
}

func testWorkItems(t *testing.T, st store.Store) {
	id := addInterchange(t, st)
	ids := addWork(t, st, store.Work{Kind: "a", Lane: "x", InterchangeID: id}, store.Work{Kind: "b", Lane: "x"},
		store.Work{Kind: "a", Lane: "y"}, store.Work{Kind: "a", Lane: "x", InterchangeID: id})
	update(t, st, func(tx store.Tx) error {
		return errors.Join(tx.HoldWork(ids[1], "w", ""), tx.HoldWork(ids[3], "w", ""))
	})
	for _, c := range []struct {
		name string
		q    store.WorkQuery
		want []int64
	}{
		{"all", store.WorkQuery{}, ids},
		{"after, limit", store.WorkQuery{After: ids[0], Limit: 2}, ids[1:3]},
		{"kind", store.WorkQuery{Kind: "b"}, ids[1:2]},
		{"lane", store.WorkQuery{Lane: "y"}, ids[2:3]},
		{"parked", store.WorkQuery{Parked: true}, []int64{ids[1], ids[3]}},
		{"parked, kind", store.WorkQuery{Parked: true, Kind: "a"}, ids[3:]},
		{"interchange", store.WorkQuery{InterchangeID: id}, []int64{ids[0], ids[3]}},
		{"interchange, parked", store.WorkQuery{InterchangeID: id, Parked: true}, ids[3:]},
	} {
		equal(t, c.name, c.want, idsOf(view(t, st, func(tx store.Tx) ([]store.Work, error) { return tx.WorkItems(c.q) })))
	}
}

// testLock decides by what is not there, in many transactions at the same time.
func testLock(t *testing.T, st store.Store) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			err := st.Update(t.Context(), func(tx store.Tx) error {
				if err := errors.Join(tx.Lock("a"), tx.Lock("b"), tx.Lock("a")); err != nil {
					return err
				}
				n, err := tx.PendingWork()
				if err != nil || n > 0 {
					return err
				}
				err = tx.AddWork(store.Work{Lane: "bulk"})
				return err
			})
			if err != nil {
				t.Errorf("Update: %v", err)
			}
		})
	}
	wg.Wait()
	equal(t, "work", 1, view(t, st, store.Tx.PendingWork))
}

func testInlinePayload(t *testing.T, st store.Store) {
	small, err := st.PutPayload(t.Context(), newBytes(1, 5000))
	if err != nil {
		t.Fatal(err)
	}
	content := readAll(t, st, small.Digest)
	other := append([]byte("x"), content...)
	var again, fresh store.Payload
	own := errors.New("own")
	err = st.Update(t.Context(), func(tx store.Tx) (err error) {
		if _, err = tx.PutPayload(other); err == nil {
			err = own
		}
		return err
	})
	wantError(t, "Update", err, own)
	wantAbsent(t, st, digestOf(other))
	update(t, st, func(tx store.Tx) (err error) {
		if again, err = tx.PutPayload(content); err != nil {
			return err
		}
		if fresh, err = tx.PutPayload(other); err != nil {
			return err
		}
		_, err = tx.InsertInterchange(store.Interchange{Direction: store.In, PayloadDigest: fresh.Digest})
		return err
	})
	equal(t, "the same bytes", small, again)
	checkBytes(t, st, fresh)
	for n, want := range map[int]bool{0: true, store.MaxInlinePayload: true, store.MaxInlinePayload + 1: false} {
		err := st.Update(t.Context(), func(tx store.Tx) error {
			_, err := tx.PutPayload(make([]byte, n))
			return err
		})
		if (err == nil) != want {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}
