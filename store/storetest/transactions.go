package storetest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/marktbote/marktbote/store"
)

func transactionTests() []test {
	count := func(t *testing.T, st store.Store) int {
		t.Helper()
		return view(t, st, store.Tx.PendingWork)
	}
	add := func(tx store.Tx) error {
		return tx.AddWork(store.Work{Kind: "check", Lane: "bulk"})
	}
	return []test{
		{"transaction/an error rolls back and is returned", func(t *testing.T, st store.Store) {
			own := errors.New("own")
			err := st.Update(t.Context(), func(tx store.Tx) error { return errors.Join(add(tx), own) })
			wantError(t, "Update", err, own)
			equal(t, "work", 0, count(t, st))
			update(t, st, add)
			equal(t, "work", 1, count(t, st))
		}},
		{"transaction/a panic rolls back and goes on", func(t *testing.T, st store.Store) {
			for name, call := range map[string]func(context.Context, func(store.Tx) error) error{
				"Update": st.Update, "View": st.View,
			} {
				got := func() (got any) {
					defer func() { got = recover() }()
					return call(t.Context(), func(tx store.Tx) error {
						if name == "Update" {
							if err := add(tx); err != nil {
								return err
							}
						}
						panic("boom")
					})
				}()
				equal(t, name, any("boom"), got)
			}
			equal(t, "work", 0, count(t, st))
			update(t, st, add)
			equal(t, "work", 1, count(t, st))
		}},
		{"transaction/View changes nothing", func(t *testing.T, st store.Store) {
			id := addInterchange(t, st)
			for name, fn := range map[string]func(tx store.Tx) error{
				"AddWork":           add,
				"UpdateInterchange": func(tx store.Tx) error { return tx.UpdateInterchange(store.Interchange{ID: id, Verdict: "x"}) },
				"SetState":          func(tx store.Tx) error { return tx.SetState(id, store.StateChecked) },
				"SettleLedger":      func(tx store.Tx) error { return tx.SettleLedger(id, id, at(1)) },
				"ReplaceMessages":   func(tx store.Tx) error { return tx.ReplaceMessages(id) },
			} {
				if err := st.View(t.Context(), fn); err == nil {
					t.Errorf("%s in View: no error", name)
				}
				if err := st.View(t.Context(), func(tx store.Tx) error { _ = fn(tx); return nil }); err == nil {
					t.Errorf("%s in View, error ignored: no error", name)
				}
			}
			equal(t, "work", 0, count(t, st))
			got := view(t, st, func(tx store.Tx) (store.Interchange, error) { return tx.Interchange(id) })
			equal(t, "verdict", "", got.Verdict)
		}},
		{"transaction/Look", func(t *testing.T, st store.Store) {
			id := addInterchange(t, st)
			update(t, st, func(tx store.Tx) error { return tx.SetState(id, store.StateChecked) })
			for range 20 { // more than there are connections
				err := st.Look(t.Context(), func(tx store.Tx) error {
					x, err := tx.Interchange(id)
					equal(t, "state", store.StateChecked, x.State)
					return err
				})
				wantError(t, "Look", err, nil)
				wantError(t, "Look", st.Look(t.Context(), func(store.Tx) error { return nil }), nil)
				err = st.Look(t.Context(), func(tx store.Tx) error {
					_, err := tx.Interchange(4711)
					return err
				})
				wantError(t, "Look", err, store.ErrNotFound)
				err = st.Look(t.Context(), func(tx store.Tx) error { return tx.SetState(id, store.StatePublished) })
				if err == nil {
					t.Error("a change in Look: no error")
				}
				over, cancel := context.WithCancel(t.Context())
				cancel()
				err = st.Look(over, func(tx store.Tx) error {
					_, err := tx.Interchange(id)
					return err
				})
				wantError(t, "Look", err, context.Canceled)
			}
			got := view(t, st, func(tx store.Tx) (store.Interchange, error) { return tx.Interchange(id) })
			equal(t, "state", store.StateChecked, got.State)
		}},
		{"transaction/View sees one state", func(t *testing.T, st store.Store) {
			update(t, st, add)
			err := st.View(t.Context(), func(tx store.Tx) error {
				before, err := tx.PendingWork()
				if err != nil {
					return err
				}
				update(t, st, add)
				after, err := tx.PendingWork()
				equal(t, "work during View", before, after)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "work after View", 2, count(t, st))
		}},
		{"transaction/changes are seen inside, not outside", func(t *testing.T, st store.Store) {
			update(t, st, func(tx store.Tx) error {
				if err := add(tx); err != nil {
					return err
				}
				n, err := tx.PendingWork()
				equal(t, "inside", 1, n)
				equal(t, "outside", 0, count(t, st))
				return err
			})
		}},
		{"transaction/not valid afterwards", func(t *testing.T, st store.Store) {
			var kept store.Tx
			update(t, st, func(tx store.Tx) error { kept = tx; return nil })
			if err := add(kept); err == nil {
				t.Error("AddWork after Update: no error")
			}
			equal(t, "work", 0, count(t, st))
		}},
		{"transaction/cancelled", func(t *testing.T, st store.Store) {
			ctx, cancel := context.WithCancel(t.Context())
			err := st.Update(ctx, func(tx store.Tx) error {
				if err := add(tx); err != nil {
					return err
				}
				cancel()
				return nil
			})
			wantError(t, "Update, cancelled inside", err, context.Canceled)
			wantError(t, "Update, cancelled before", st.Update(ctx, add), context.Canceled)
			wantError(t, "View, cancelled before", st.View(ctx, func(store.Tx) error { return nil }), context.Canceled)
			_, err = st.ClaimWork(ctx, store.Claim{Lane: "bulk", Now: at(0), Lease: 1, Limit: 1})
			wantError(t, "ClaimWork, cancelled before", err, context.Canceled)
			equal(t, "work", 0, count(t, st))
			update(t, st, add)
		}},
		{"transaction/many at once, some fail", testManyAtOnce},
		{"transaction/what is in the way is there", testInTheWay},
		{"transaction/after Close", testAfterClose},
	}
}

// testManyAtOnce lets transactions that fail in every way run among others: each has its own effect or none.
func testManyAtOnce(t *testing.T, st store.Store) {
	own := errors.New("own")
	id := addInterchange(t, st)
	const each, workers = 30, 8
	fail := []func(tx store.Tx, cancel func()) error{
		func(store.Tx, func()) error { return nil },
		func(store.Tx, func()) error { return own },
		func(store.Tx, func()) error { panic("boom") },
		func(_ store.Tx, cancel func()) error { cancel(); return nil },
		func(tx store.Tx, _ func()) error {
			return tx.InsertMessage(store.Message{InterchangeID: 4711, Index: 1})
		},
		func(tx store.Tx, _ func()) error { // refused when it is sent, at the end
			return errors.Join(tx.InsertFinding(store.Finding{InterchangeID: id, Index: 1 << 20}), tx.InsertFinding(store.Finding{InterchangeID: id, Index: 1 << 20}))
		},
		func(tx store.Tx, _ func()) error { _, err := tx.PendingWork(); return err },
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	want := map[int]bool{}
	for w := range workers {
		wg.Go(func() {
			for i := range each {
				index := 1 + w*each + i
				ctx, cancel := context.WithCancel(t.Context())
				err := func() (err error) {
					defer func() {
						if p := recover(); p != nil {
							err = own
						}
					}()
					return st.Update(ctx, func(tx store.Tx) error {
						return errors.Join(tx.InsertMessage(store.Message{InterchangeID: id, Index: index}), fail[index%len(fail)](tx, cancel))
					})
				}()
				cancel()
				if succeeds := index%len(fail) == 0 || index%len(fail) == len(fail)-1; succeeds != (err == nil) {
					t.Errorf("Update %d: %v", index, err)
				}
				if err == nil {
					mu.Lock()
					want[index] = true
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	got := map[int]bool{}
	for _, m := range view(t, st, func(tx store.Tx) ([]store.Message, error) { return tx.Messages(id) }) {
		got[m.Index] = true
	}
	equal(t, "messages", want, got)
	verify(t, st, store.AuditHead{})
}

// testInTheWay: who hears of a row that is in the way can read it.
func testInTheWay(t *testing.T, st store.Store) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 30 {
				x := store.Interchange{Direction: store.In, ReceivedID: strings.Repeat("x", i+1), State: store.StateReceived}
				var id int64
				err := st.Update(t.Context(), func(tx store.Tx) (err error) {
					id, err = tx.InsertInterchange(x)
					return err
				})
				if err != nil && !errors.Is(err, store.ErrDuplicate) {
					t.Error(err)
					return
				}
				if err := st.View(t.Context(), func(tx store.Tx) error { _, err := tx.Interchange(id); return err }); err != nil {
					t.Errorf("%d of %d: %v", id, i, err)
				}
			}
		})
	}
	wg.Wait()
}

func testAfterClose(t *testing.T, st store.Store) {
	p, err := st.PutPayload(t.Context(), strings.NewReader("bytes"))
	if err != nil {
		t.Fatal(err)
	}
	open, err := st.OpenPayload(t.Context(), p.Digest)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = open.Close() }()
	running, release, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- st.Update(t.Context(), func(tx store.Tx) error {
			close(running)
			<-release
			return tx.AddWork(store.Work{Lane: "bulk"})
		})
	}()
	<-running
	closed := make(chan error, 1)
	go func() { closed <- st.Close() }()
	// Close is on its way when a new call is refused; it must wait for the one that runs.
	nothing := func(store.Tx) error { return nil }
	for err = nil; err == nil; {
		err = st.View(t.Context(), nothing)
	}
	wantError(t, "View", err, store.ErrClosed)
	select {
	case err := <-closed:
		t.Errorf("Close did not wait for Update: %v", err)
	default:
	}
	close(release)
	if err := <-ended; err != nil {
		t.Errorf("Update running during Close: %v", err)
	}
	if err := <-closed; err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := st.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	wantError(t, "Update", st.Update(t.Context(), nothing), store.ErrClosed)
	_, err = st.PutPayload(t.Context(), strings.NewReader("x"))
	wantError(t, "PutPayload", err, store.ErrClosed)
	_, err = st.PutPayload(t.Context(), newBytes(1, 3*mib))
	wantError(t, "PutPayload, large", err, store.ErrClosed)
	_, err = st.OpenPayload(t.Context(), p.Digest)
	wantError(t, "OpenPayload", err, store.ErrClosed)
	_, err = open.Read(make([]byte, 1))
	wantError(t, "Read", err, store.ErrClosed)
	_, err = st.ClaimWork(t.Context(), store.Claim{Lane: "bulk", Now: at(0), Lease: 1, Limit: 1})
	wantError(t, "ClaimWork", err, store.ErrClosed)
}
