// Package storetest is the meaning of store.Store: a suite that every driver must pass. A behaviour without a
// case here does not exist.
//
//	func TestConformance(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) store.Store { ... })
//	}
//
// Run needs nothing but the interface. RunInside looks at what a driver keeps behind it: what failed uploads
// leave, what happens to damaged bytes, how the engine orders text.
package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/marktbote/marktbote/store"
)

// Open opens an empty store of its own for a test, which the suite closes. It is called once per test and may be
// called by several tests at the same time.
type Open func(t *testing.T) store.Store

// Run runs the suite.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	run(t, open, interchangeTests(), messageTests(), eventTests(), transactionTests(), payloadTests(), workTests(), ledgerTests(), objectTests(), transportTests(), expectTests(), feedTests(),
		auditTests(), retentionTests())
}

// test is one case; it gets a store of its own.
type test struct {
	name string
	run  func(t *testing.T, st store.Store)
}

func run(t *testing.T, open Open, groups ...[]test) {
	for _, group := range groups {
		for _, c := range group {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				st := open(t)
				t.Cleanup(func() {
					if err := st.Close(); err != nil {
						t.Errorf("Close: %v", err)
					}
				})
				c.run(t, st)
			})
		}
	}
}

// at is an instant for rows: second n of a day, with microseconds.
func at(n int) time.Time {
	return time.Date(2026, 10, 1, 6, 0, n, 123456000, time.UTC)
}

// update runs fn in Update, which must succeed.
func update(t *testing.T, st store.Store, fn func(tx store.Tx) error) {
	t.Helper()
	if err := st.Update(t.Context(), fn); err != nil {
		t.Fatalf("Update: %v", err)
	}
}

// view returns what fn finds in View, which must succeed.
func view[T any](t *testing.T, st store.Store, fn func(tx store.Tx) (T, error)) T {
	t.Helper()
	var out T
	err := st.View(t.Context(), func(tx store.Tx) (err error) {
		out, err = fn(tx)
		return err
	})
	if err != nil {
		t.Fatalf("View: %v", err)
	}
	return out
}

// equal fails the test if got is not want.
func equal(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

// wantError fails the test if err is not target.
func wantError(t *testing.T, what string, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Fatalf("%s: got error %v, want %v", what, err, target)
	}
}

// addInterchange adds an interchange without payload and returns its ID.
func addInterchange(t *testing.T, st store.Store) int64 {
	t.Helper()
	var id int64
	update(t, st, func(tx store.Tx) (err error) {
		id, err = tx.InsertInterchange(store.Interchange{Direction: store.In, ReceivedAt: at(0)})
		return err
	})
	return id
}

// within gives a step that must not hang a limit.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}
