package storetest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/marktbote/marktbote/store"
)

// fullInterchange has a value in every field but ID; the payload must be in the store.
func fullInterchange(t *testing.T, st store.Store) store.Interchange {
	t.Helper()
	p, err := st.PutPayload(t.Context(), strings.NewReader("UNB+UNOC:3+9900000000001:500"))
	if err != nil {
		t.Fatalf("PutPayload: %v", err)
	}
	return store.Interchange{
		Direction: store.In, Channel: "as4", ReceivedID: "id-1@example.org",
		PayloadDigest: p.Digest, PayloadSize: p.Size, ReceivedAt: at(1),
		State: store.StateReceived, Verdict: "accepted", FormatVersion: "FV2610", Sparte: "strom",
		Sender: "9900000000001", Recipient: "9900000000002", ControlRef: "REF'ä€", ApplicationRef: "EM",
		MessageType: "UTILMD", Test: true, MessageCount: 3, FindingCount: 70000, CheckedAt: at(2),
	}
}

func interchangeTests() []test {
	return []test{
		{"interchange/every field comes back", func(t *testing.T, st store.Store) {
			want := fullInterchange(t, st)
			update(t, st, func(tx store.Tx) (err error) {
				want.ID, err = tx.InsertInterchange(want)
				return err
			})
			got := view(t, st, func(tx store.Tx) (store.Interchange, error) { return tx.Interchange(want.ID) })
			equal(t, "interchange", want, got)
		}},
		{"interchange/zero values come back", func(t *testing.T, st store.Store) {
			want := store.Interchange{Direction: store.Out}
			update(t, st, func(tx store.Tx) (err error) {
				want.ID, err = tx.InsertInterchange(want)
				return err
			})
			got := view(t, st, func(tx store.Tx) (store.Interchange, error) { return tx.Interchange(want.ID) })
			equal(t, "interchange", want, got)
		}},
		{"interchange/instants are UTC microseconds", func(t *testing.T, st store.Store) {
			berlin := time.FixedZone("CEST", 7200)
			in := store.Interchange{Direction: store.In, ReceivedAt: time.Date(2026, 10, 1, 8, 0, 0, 1999, berlin)}
			var got store.Interchange
			update(t, st, func(tx store.Tx) error {
				id, err := tx.InsertInterchange(in)
				if err != nil {
					return err
				}
				got, err = tx.Interchange(id)
				return err
			})
			want := time.Date(2026, 10, 1, 6, 0, 0, 1000, time.UTC)
			if got.ReceivedAt != want { // not Equal: the location counts here
				t.Fatalf("ReceivedAt: got %#v, want %#v", got.ReceivedAt, want)
			}
		}},
		{"interchange/update rewrites what the check found", func(t *testing.T, st store.Store) {
			before := fullInterchange(t, st)
			after := before
			after.State, after.Verdict, after.FormatVersion, after.Sparte = store.StateChecked, "v", "f", "gas"
			after.Sender, after.Recipient, after.ControlRef, after.ApplicationRef = "s", "r", "c", "a"
			after.MessageType, after.Test, after.MessageCount, after.FindingCount = "MSCONS", false, 7, 8
			after.CheckedAt = at(9)
			var other store.Interchange
			update(t, st, func(tx store.Tx) (err error) {
				if before.ID, err = tx.InsertInterchange(before); err != nil {
					return err
				}
				other = store.Interchange{Direction: store.In, Verdict: "other"}
				other.ID, err = tx.InsertInterchange(other)
				return err
			})
			after.ID = before.ID
			change := after // what describes the receipt is not rewritten
			change.Direction, change.Channel, change.ReceivedID, change.ReceivedAt = store.Out, "x", "y", at(5)
			change.PayloadDigest, change.PayloadSize = "z", 5
			update(t, st, func(tx store.Tx) error { return tx.UpdateInterchange(change) })
			got := view(t, st, func(tx store.Tx) ([]store.Interchange, error) {
				return tx.Interchanges(store.InterchangeQuery{})
			})
			equal(t, "interchanges", []store.Interchange{other, after}, got)
		}},
		{"interchange/state", func(t *testing.T, st store.Store) {
			x := fullInterchange(t, st)
			update(t, st, func(tx store.Tx) (err error) {
				if x.ID, err = tx.InsertInterchange(x); err != nil {
					return err
				}
				return tx.SetState(x.ID, store.StatePublished)
			})
			x.State = store.StatePublished
			equal(t, "interchange", x, view(t, st, func(tx store.Tx) (store.Interchange, error) { return tx.Interchange(x.ID) }))
			err := st.Update(t.Context(), func(tx store.Tx) error { return tx.SetState(4711, store.StateChecked) })
			wantError(t, "SetState", err, store.ErrNotFound)
		}},
		{"interchange/unknown", func(t *testing.T, st store.Store) {
			err := st.View(t.Context(), func(tx store.Tx) error {
				_, err := tx.Interchange(4711)
				return err
			})
			wantError(t, "Interchange", err, store.ErrNotFound)
			err = st.Update(t.Context(), func(tx store.Tx) error {
				return tx.UpdateInterchange(store.Interchange{ID: 4711})
			})
			wantError(t, "UpdateInterchange", err, store.ErrNotFound)
		}},
		{"interchange/payload must exist", func(t *testing.T, st store.Store) {
			err := st.Update(t.Context(), func(tx store.Tx) error {
				_, err := tx.InsertInterchange(store.Interchange{Direction: store.In, PayloadDigest: "00ff"})
				return err
			})
			wantError(t, "InsertInterchange", err, store.ErrNotFound)
		}},
		{"interchange/received twice", testReceivedTwice},
		{"interchange/list", testInterchangeList},
		{"interchange/control reference", testControlRef},
		{"interchange/IDs grow", func(t *testing.T, st store.Store) {
			first := addInterchange(t, st)
			lost := errors.New("lost")
			var rolledBack int64
			err := st.Update(t.Context(), func(tx store.Tx) (err error) {
				if rolledBack, err = tx.InsertInterchange(store.Interchange{Direction: store.In}); err != nil {
					return err
				}
				return lost
			})
			wantError(t, "Update", err, lost)
			second := addInterchange(t, st)
			if first <= 0 || second <= first || rolledBack <= first {
				t.Fatalf("IDs %d, %d (rolled back), %d do not grow", first, rolledBack, second)
			}
		}},
	}
}

func testReceivedTwice(t *testing.T, st store.Store) {
	insert := func(d store.Direction, receivedID string) (id int64, err error) {
		err = st.Update(t.Context(), func(tx store.Tx) error {
			var insertErr error
			id, insertErr = tx.InsertInterchange(store.Interchange{Direction: d, ReceivedID: receivedID})
			if errors.Is(insertErr, store.ErrDuplicate) {
				// The transaction can go on after a duplicate.
				if _, err := tx.Interchange(id); err != nil {
					t.Errorf("the row in the way: %v", err)
				}
			}
			return insertErr
		})
		return id, err
	}
	first, err := insert(store.In, "a")
	if err != nil {
		t.Fatal(err)
	}
	again, err := insert(store.In, "a")
	wantError(t, "same pair", err, store.ErrDuplicate)
	equal(t, "ID of the row in the way", first, again)
	for _, c := range []struct {
		d  store.Direction
		id string
	}{{store.Out, "a"}, {store.In, "A"}, {store.In, "a "}, {store.In, "ä"}, {store.In, "a\u0308"}, {store.In, ""}, {store.In, ""}} {
		if _, err := insert(c.d, c.id); err != nil {
			t.Errorf("%s/%q: %v", c.d, c.id, err)
		}
	}
}

func testInterchangeList(t *testing.T, st store.Store) {
	var ids []int64
	update(t, st, func(tx store.Tx) error {
		for i := range store.DefaultLimit + 3 {
			x := store.Interchange{Direction: store.In, Verdict: "accepted"}
			if i%2 == 1 {
				x.Direction = store.Out
			}
			if i%3 == 0 {
				x.Verdict = "rejected"
			}
			id, err := tx.InsertInterchange(x)
			if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		return nil
	})
	newest := len(ids) - 1
	for _, c := range []struct {
		name string
		q    store.InterchangeQuery
		want func(i int) bool // i: place in ids
		n    int
	}{
		{"default limit", store.InterchangeQuery{}, func(int) bool { return true }, store.DefaultLimit},
		{"limit", store.InterchangeQuery{Limit: 2}, func(int) bool { return true }, 2},
		{"large limit", store.InterchangeQuery{Limit: 1000}, func(int) bool { return true }, len(ids)},
		{"before", store.InterchangeQuery{Before: ids[3]}, func(i int) bool { return i < 3 }, 3},
		{"direction", store.InterchangeQuery{Direction: store.Out, Limit: 5}, func(i int) bool { return i%2 == 1 }, 5},
		{"verdict", store.InterchangeQuery{Verdict: "rejected", Limit: 5}, func(i int) bool { return i%3 == 0 }, 5},
		{"all", store.InterchangeQuery{Verdict: "rejected", Direction: store.In, Before: ids[12], Limit: 5},
			func(i int) bool { return i%6 == 0 && i < 12 }, 2},
		{"nothing", store.InterchangeQuery{Verdict: "Rejected"}, func(int) bool { return false }, 0},
	} {
		var want, got []int64
		for i := newest; i >= 0 && len(want) < c.n; i-- {
			if c.want(i) {
				want = append(want, ids[i])
			}
		}
		for _, x := range view(t, st, func(tx store.Tx) ([]store.Interchange, error) { return tx.Interchanges(c.q) }) {
			got = append(got, x.ID)
		}
		equal(t, c.name, want, got)
	}
}

func testControlRef(t *testing.T, st store.Store) {
	var ids []int64
	update(t, st, func(tx store.Tx) error {
		for _, x := range []store.Interchange{
			{Direction: store.In, Sender: "1", ControlRef: "A"},
			{Direction: store.In, Sender: "1", ControlRef: "a"},
			{Direction: store.Out, Sender: "1", ControlRef: "A"},
			{Direction: store.In, Sender: "2", ControlRef: "A"},
			{Direction: store.In, Sender: "1", ControlRef: "A"},
		} {
			id, err := tx.InsertInterchange(x)
			if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		return nil
	})
	var got []int64
	for _, x := range view(t, st, func(tx store.Tx) ([]store.Interchange, error) {
		return tx.FindControlRef(store.In, "1", "A")
	}) {
		got = append(got, x.ID)
	}
	equal(t, "FindControlRef", []int64{ids[0], ids[4]}, got)
}

func messageTests() []test {
	return []test{
		{"message/every field comes back in order", testMessageRoundTrip},
		{"message/replace", func(t *testing.T, st store.Store) {
			a, b := addInterchange(t, st), addInterchange(t, st)
			fill := func(tx store.Tx, id int64, verdict string) error {
				if err := tx.InsertMessage(store.Message{InterchangeID: id, Index: 1, Verdict: verdict}); err != nil {
					return err
				}
				err := tx.InsertTransaction(store.Transaction{InterchangeID: id, MessageIndex: 1, Index: 1, Verdict: verdict})
				if err != nil {
					return err
				}
				return tx.InsertFinding(store.Finding{InterchangeID: id, Index: 1, Code: verdict})
			}
			update(t, st, func(tx store.Tx) error { return errors.Join(fill(tx, a, "first"), fill(tx, b, "b")) })
			update(t, st, func(tx store.Tx) error {
				return errors.Join(tx.ReplaceMessages(a), fill(tx, a, "second"), tx.ReplaceMessages(4711))
			})
			var got []string
			for _, id := range []int64{a, b} {
				for _, m := range view(t, st, func(tx store.Tx) ([]store.Message, error) { return tx.Messages(id) }) {
					got = append(got, m.Verdict)
				}
				for _, x := range view(t, st, func(tx store.Tx) ([]store.Transaction, error) { return tx.Transactions(id) }) {
					got = append(got, x.Verdict)
				}
				for _, f := range view(t, st, func(tx store.Tx) ([]store.Finding, error) { return tx.Findings(id) }) {
					got = append(got, f.Code)
				}
			}
			equal(t, "verdicts", []string{"second", "second", "second", "b", "b", "b"}, got)
		}},
		{"message/duplicate keys", func(t *testing.T, st store.Store) {
			id := addInterchange(t, st)
			m := store.Message{InterchangeID: id, Index: 1}
			x := store.Transaction{InterchangeID: id, MessageIndex: 1, Index: 1}
			f := store.Finding{InterchangeID: id, Index: 1}
			update(t, st, func(tx store.Tx) error {
				return errors.Join(tx.InsertMessage(m), tx.InsertTransaction(x), tx.InsertFinding(f))
			})
			for name, again := range map[string]func(tx store.Tx) error{
				"InsertMessage":     func(tx store.Tx) error { return tx.InsertMessage(m) },
				"InsertTransaction": func(tx store.Tx) error { return tx.InsertTransaction(x) },
				"InsertFinding":     func(tx store.Tx) error { return tx.InsertFinding(f) },
			} {
				wantRefused(t, st, name, id, again, store.ErrDuplicate)
			}
		}},
		{"message/found by its numbers", testFindTransactions},
		{"message/what it refers to must exist", func(t *testing.T, st store.Store) {
			id := addInterchange(t, st)
			for name, fn := range map[string]func(tx store.Tx) error{
				"message": func(tx store.Tx) error { return tx.InsertMessage(store.Message{InterchangeID: 4711, Index: 1}) },
				"transaction": func(tx store.Tx) error {
					return tx.InsertTransaction(store.Transaction{InterchangeID: id, MessageIndex: 1, Index: 1})
				},
				"finding": func(tx store.Tx) error { return tx.InsertFinding(store.Finding{InterchangeID: 4711, Index: 1}) },
				"event": func(tx store.Tx) error {
					return addEvent(tx, store.Event{ID: "e", InterchangeID: 4711})
				},
				"work": func(tx store.Tx) error {
					return tx.AddWork(store.Work{InterchangeID: 4711})
				},
			} {
				wantError(t, name, st.Update(t.Context(), fn), store.ErrNotFound)
				// Ignoring the error does not help: the transaction is not committed.
				if err := st.Update(t.Context(), func(tx store.Tx) error {
					if err := tx.AddWork(store.Work{Lane: "bulk"}); err != nil {
						return err
					}
					_ = fn(tx)
					return nil
				}); err == nil {
					t.Errorf("%s: the error was ignored and the transaction committed", name)
				}
			}
			equal(t, "work left", 0, view(t, st, store.Tx.PendingWork))
		}},
	}
}

// wantRefused fails the test unless a change is refused, also among others and if the error is ignored, and nothing of its
// transaction is there afterwards.
func wantRefused(t *testing.T, st store.Store, name string, id int64, change func(tx store.Tx) error, want error) {
	t.Helper()
	before := view(t, st, func(tx store.Tx) ([]store.Message, error) { return tx.Messages(id) })
	fresh := 1000
	add := func(tx store.Tx) error {
		fresh++
		return tx.InsertMessage(store.Message{InterchangeID: id, Index: fresh})
	}
	wantError(t, name, st.Update(t.Context(), change), want)
	wantError(t, name+" among others", st.Update(t.Context(), func(tx store.Tx) error {
		return errors.Join(add(tx), change(tx), add(tx))
	}), want)
	wantError(t, name+", ignored", st.Update(t.Context(), func(tx store.Tx) error { _ = change(tx); return add(tx) }), want)
	wantError(t, name+", seen by a query", st.Update(t.Context(), func(tx store.Tx) error {
		if err := errors.Join(change(tx), add(tx)); err != nil {
			return err
		}
		_, err := tx.Messages(id)
		return err
	}), want)
	equal(t, "messages after "+name, before, view(t, st, func(tx store.Tx) ([]store.Message, error) { return tx.Messages(id) }))
}

func testMessageRoundTrip(t *testing.T, st store.Store) {
	id, other := addInterchange(t, st), addInterchange(t, st)
	messages := []store.Message{
		{InterchangeID: id, Index: 2, Reference: "M2", Type: "UTILMD", Version: "S2.1", DocumentCode: "E01", DocumentNo: "D2", Verdict: "ok"},
		{InterchangeID: id, Index: 1, Reference: "M1", Type: "MSCONS", Version: "2.4c", DocumentCode: "7", DocumentNo: "D1", Verdict: "bad"},
		{InterchangeID: id, Index: 10},
		{InterchangeID: other, Index: 1},
	}
	transactions := []store.Transaction{
		{InterchangeID: id, MessageIndex: 2, Index: 1, Number: "V3", Pruefidentifikator: "55001", Subject: "malo/51238696781", Verdict: "ok"},
		{InterchangeID: id, MessageIndex: 1, Index: 2, Number: "V2"},
		{InterchangeID: id, MessageIndex: 1, Index: 1, Number: "V1"},
		{InterchangeID: other, MessageIndex: 1, Index: 1},
	}
	findings := []store.Finding{
		{InterchangeID: id, MessageIndex: 2, TransactionIndex: 1, Index: 2, Code: "E1203", Severity: "error", Data: []byte(`{"a":"ä"}`)},
		{InterchangeID: id, Index: 1, Code: "E0001", Severity: "warning", Data: []byte("\x00\xff")},
		{InterchangeID: id, Index: 3},
		{InterchangeID: other, Index: 1},
	}
	update(t, st, func(tx store.Tx) error {
		var errs []error
		for _, m := range messages {
			errs = append(errs, tx.InsertMessage(m))
		}
		for _, x := range transactions {
			errs = append(errs, tx.InsertTransaction(x))
		}
		for _, f := range findings {
			errs = append(errs, tx.InsertFinding(f))
		}
		return errors.Join(errs...)
	})
	equal(t, "messages", []store.Message{messages[1], messages[0], messages[2]},
		view(t, st, func(tx store.Tx) ([]store.Message, error) { return tx.Messages(id) }))
	equal(t, "transactions", []store.Transaction{transactions[2], transactions[1], transactions[0]},
		view(t, st, func(tx store.Tx) ([]store.Transaction, error) { return tx.Transactions(id) }))
	for _, want := range transactions {
		equal(t, "transaction", want, view(t, st, func(tx store.Tx) (store.Transaction, error) {
			return tx.Transaction(want.InterchangeID, want.MessageIndex, want.Index)
		}))
	}
	err := st.View(t.Context(), func(tx store.Tx) error {
		_, err := tx.Transaction(id, 1, 4711)
		return err
	})
	wantError(t, "Transaction", err, store.ErrNotFound)
	equal(t, "findings", []store.Finding{findings[1], findings[0], findings[2]},
		view(t, st, func(tx store.Tx) ([]store.Finding, error) { return tx.Findings(id) }))
}
