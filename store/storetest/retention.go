package storetest

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/marktbote/marktbote/store"
)

func retentionTests() []test {
	return []test{
		{"retention/shredding", testShredding},
		{"retention/legal hold", testHold},
		{"retention/holds come back", func(t *testing.T, st store.Store) {
			id := addInterchange(t, st)
			want := []store.LegalHold{
				{InterchangeID: id, SetAt: at(1), Actor: "Jördis", Reason: "Klage"},
				{MPID: "9900000000001", SetAt: at(2)},
			}
			update(t, st, func(tx store.Tx) (err error) {
				for i := range want {
					if want[i].ID, err = tx.InsertHold(want[i]); err != nil {
						return err
					}
				}
				return tx.ReleaseHold(want[1].ID, at(3))
			})
			want[1].ReleasedAt = at(3)
			equal(t, "holds", want, view(t, st, store.Tx.Holds))
			for name, fn := range map[string]func(tx store.Tx) error{
				"released already": func(tx store.Tx) error { return tx.ReleaseHold(want[1].ID, at(4)) },
				"unknown":          func(tx store.Tx) error { return tx.ReleaseHold(4711, at(4)) },
				"no interchange": func(tx store.Tx) error {
					_, err := tx.InsertHold(store.LegalHold{InterchangeID: 4711})
					return err
				},
				"unknown key": func(tx store.Tx) error { return tx.DestroyKey(4711) },
			} {
				wantError(t, name, st.Update(t.Context(), fn), store.ErrNotFound)
			}
			for _, h := range []store.LegalHold{{}, {InterchangeID: id, MPID: "1"}} {
				err := st.Update(t.Context(), func(tx store.Tx) error { _, err := tx.InsertHold(h); return err })
				if err == nil {
					t.Errorf("hold %+v was accepted", h)
				}
			}
		}},
	}
}

const secret = "QTY+220:4711.5 is nobody's business"

// keepIn keeps an interchange with a payload, a finding and an event of a class.
func keepIn(t *testing.T, st store.Store, class store.Class, sender string) (id int64, p store.Payload) {
	t.Helper()
	update(t, st, func(tx store.Tx) (err error) {
		tx.SetClass(class)
		if p, err = tx.PutPayload([]byte(secret + sender)); err != nil {
			return err
		}
		if id, err = tx.InsertInterchange(store.Interchange{Direction: store.In, PayloadDigest: p.Digest, Sender: sender}); err != nil {
			return err
		}
		err = addEvent(tx, store.Event{ID: "event " + sender, InterchangeID: id, Data: []byte(secret)})
		return errors.Join(err, tx.InsertFinding(store.Finding{InterchangeID: id, Index: 1, Data: []byte(secret)}))
	})
	return id, p
}

// keyOf returns the key of a class; the test is skipped if the store does not encrypt.
func keyOf(t *testing.T, st store.Store, class store.Class) store.DataKey {
	t.Helper()
	for _, k := range view(t, st, store.Tx.DataKeys) {
		if k.Class == class {
			return k
		}
	}
	t.Fatalf("no key of class %s: the store of the test must encrypt", class)
	return store.DataKey{}
}

func testShredding(t *testing.T, st store.Store) {
	gone, goneBytes := keepIn(t, st, "meter", "1")
	stays, staysBytes := keepIn(t, st, "billing", "2")
	large := putBytes(t, st, 1, 2*mib+1) // unsorted
	data := func(id int64) (findings, events string) {
		t.Helper()
		f := view(t, st, func(tx store.Tx) ([]store.Finding, error) { return tx.Findings(id) })
		e := view(t, st, func(tx store.Tx) ([]store.Event, error) { return tx.Events(0, id, 0) })
		if len(f) != 1 || len(e) != 1 {
			t.Fatalf("%d findings, %d events", len(f), len(e))
		}
		return string(f[0].Data), string(e[0].Data)
	}
	open, err := st.OpenPayload(t.Context(), goneBytes.Digest)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = open.Close() }()

	key := keyOf(t, st, "meter")
	own := errors.New("own")
	wantError(t, "Update", st.Update(t.Context(), func(tx store.Tx) error { return errors.Join(tx.DestroyKey(key.ID), own) }), own)
	if f, e := data(gone); f != secret || e != secret {
		t.Errorf("a destruction that was rolled back: %q, %q", f, e)
	}
	head := verify(t, st, store.AuditHead{})
	update(t, st, func(tx store.Tx) error {
		return errors.Join(tx.DestroyKey(key.ID), tx.DestroyKey(keyOf(t, st, store.ClassUnsorted).ID))
	})
	verify(t, st, head)
	if f, e := data(gone); f != "" || e != "" {
		t.Errorf("after the destruction: %q, %q", f, e)
	}
	if f, e := data(stays); f != secret || e != secret {
		t.Errorf("what is to stay: %q, %q", f, e)
	}
	if got := readAll(t, st, staysBytes.Digest); !bytes.Equal(got, []byte(secret+"2")) {
		t.Errorf("payload that is to stay: %q", got)
	}
	_, err = io.ReadAll(open)
	wantError(t, "payload opened before", err, store.ErrShredded)
	for _, digest := range []string{goneBytes.Digest, large.Digest} {
		r, err := st.OpenPayload(t.Context(), digest)
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.ReadAll(r)
		wantError(t, "payload", err, store.ErrShredded)
		_ = r.Close()
	}
	if k := keyOf(t, st, "meter"); k.DestroyedAt.IsZero() {
		t.Errorf("key %+v", k)
	}
	wantError(t, "again", st.Update(t.Context(), func(tx store.Tx) error { return tx.DestroyKey(key.ID) }), store.ErrNotFound)
}

func testHold(t *testing.T, st store.Store) {
	a, _ := keepIn(t, st, "a", "1")
	keepIn(t, st, "b", "2")
	keepIn(t, st, "c", "3")
	var hold int64
	update(t, st, func(tx store.Tx) (err error) {
		if hold, err = tx.InsertHold(store.LegalHold{InterchangeID: a}); err != nil {
			return err
		}
		_, err = tx.InsertHold(store.LegalHold{MPID: "2"})
		return err
	})
	for class, want := range map[store.Class]bool{"a": true, "b": true, "c": false} {
		if k := keyOf(t, st, class); k.Held != want {
			t.Errorf("key of %s held: %v, want %v", class, k.Held, want)
		}
	}
	destroy := func(class store.Class) error {
		id := keyOf(t, st, class).ID
		return st.Update(t.Context(), func(tx store.Tx) error { return tx.DestroyKey(id) })
	}
	wantError(t, "held by interchange", destroy("a"), store.ErrHeld)
	wantError(t, "held by partner", destroy("b"), store.ErrHeld)
	update(t, st, func(tx store.Tx) error { return tx.ReleaseHold(hold, at(1)) })
	for _, class := range []store.Class{"a", "c"} {
		if err := destroy(class); err != nil {
			t.Error(err)
		}
	}
}

// testNotInClear looks for the bytes in the tables, and moves them to another row.
func testNotInClear(t *testing.T, in Inside) {
	keepIn(t, in.Store, "a", "1")
	keepIn(t, in.Store, "a", "2")
	for _, table := range []string{"payload", "finding", "event"} {
		rows, columns := firstRows(t, in.DB, table)
		for _, row := range rows {
			for i, v := range row {
				if b, ok := v.([]byte); ok && (len(b) == 0 || strings.Contains(string(b), "4711")) {
					t.Errorf("%s.%s: %q", table, columns[i], b)
				}
			}
		}
	}
	rawExec(t, in.DB, "UPDATE event SET data = (SELECT data FROM event WHERE id = 'event 1') WHERE id = 'event 2'")
	err := in.Store.View(t.Context(), func(tx store.Tx) error { _, err := tx.Events(0, 0, 0); return err })
	wantError(t, "bytes of another row", err, store.ErrCorrupt)
}
