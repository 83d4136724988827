package sqlstore

// NOTE: leases.
//
// An item is free for a claim at now if it is not parked, due_at <= now and leased_until <= now. A claim writes
// a token nobody else has into lease. Completing, retrying and parking look for the row with this token, in the
// transaction of the effect they end: the row is there exactly if nobody claimed the item since, so the effect
// on the store happens once even if two workers ran the step. Items that are not leased have the empty token,
// which therefore never counts as one.

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/marktbote/marktbote/store"
)

var errBadLease = errors.New("the lease must be positive")

// ClaimWork implements store.Store.
func (s *Store) ClaimWork(ctx context.Context, c store.Claim) ([]store.Work, error) {
	const op = "claim work"
	if c.Lease <= 0 {
		return nil, s.fail(ctx, op, errBadLease)
	}
	if c.Limit <= 0 {
		return nil, nil
	}
	if err := s.enter(); err != nil {
		return nil, s.fail(ctx, op, err)
	}
	defer s.leave()
	token, err := uuid.NewRandom()
	if err != nil {
		return nil, s.fail(ctx, op, err)
	}
	var items []store.Work
	err = s.again(ctx, func() (err error) {
		items, err = s.claimOnce(ctx, token.String(), c)
		return err
	})
	if err != nil {
		return nil, s.fail(ctx, op, err)
	}
	return items, nil
}

func (s *Store) claimOnce(ctx context.Context, token string, c store.Claim) ([]store.Work, error) {
	without := ""
	if len(c.Without) > 0 {
		without = "<" + strings.Join(c.Without, "><") + ">"
	}
	if s.dialect.SkipLocked == "" { // who only looks does not wait for the one writer
		something := false
		err := s.alone(ctx, true, Statement{Text: anyWork, Args: []any{c.Lane, micros(c.Now), without}, Rows: func(rows Rows) error {
			something = rows.Next()
			return rows.Err()
		}})
		if err != nil || !something {
			return nil, err
		}
	}
	var items []store.Work
	err := s.alone(ctx, false, Statement{
		Text: s.claim, Args: []any{token, micros(c.Now.Add(c.Lease)), c.Lane, micros(c.Now), c.Limit, without},
		Rows: func(rows Rows) (err error) { items, err = collect(rows, scanWork); return err },
	})
	if err != nil {
		return nil, err
	}
	// RETURNING has no order.
	slices.SortFunc(items, func(a, b store.Work) int {
		return cmp.Or(a.DueAt.Compare(b.DueAt), cmp.Compare(a.ID, b.ID))
	})
	return items, nil
}

// RenewWork implements store.Store. Leases are not audited, so it needs no transaction of its own.
func (s *Store) RenewWork(ctx context.Context, w store.Work, until time.Time) error {
	const op = "renew work"
	if w.Lease == "" { // that of items nobody holds
		return fmt.Errorf("store: %s %d: %w", op, w.ID, store.ErrLeaseLost)
	}
	if err := s.enter(); err != nil {
		return s.fail(ctx, op, err)
	}
	defer s.leave()
	var n int64
	err := s.again(ctx, func() error {
		return s.alone(ctx, false, Statement{
			Text: renewWork, Args: []any{micros(until), w.ID, w.Lease},
			Done: func(changed, _ int64) error { n = changed; return nil },
		})
	})
	if err != nil {
		return s.fail(ctx, op, err)
	}
	if n == 0 {
		return fmt.Errorf("store: %s %d: %w", op, w.ID, store.ErrLeaseLost)
	}
	return nil
}

// AddWork implements store.Tx.
func (t *tx) AddWork(w store.Work) error {
	t.workAdded = true
	return t.insertLater("add work", insertWork, w.Kind, w.Lane, reference(w.InterchangeID), micros(w.DueAt), number(w.Parked), w.Reason, w.Target)
}

// CompleteWork implements store.Tx.
func (t *tx) CompleteWork(w store.Work) error {
	lost := func() error { return fmt.Errorf("store: complete work %d: %w", w.ID, store.ErrLeaseLost) }
	if w.Lease == "" {
		return lost()
	}
	return t.later(queued{op: "complete work", c: deleteWork, args: []any{w.ID, w.Lease}, none: lost})
}

// RetryWork implements store.Tx.
func (t *tx) RetryWork(w store.Work, dueAt time.Time, reason string) error {
	return t.endLease("retry work", w, retryWork, micros(dueAt), reason)
}

// ParkWork implements store.Tx.
func (t *tx) ParkWork(w store.Work, reason string) error {
	return t.endLease("park work", w, parkWork, reason)
}

// endLease runs a text whose first two parameters are the item and its lease.
func (t *tx) endLease(op string, w store.Work, c change, args ...any) error {
	var n int
	if w.Lease != "" {
		rows, err := t.change(op, c, append([]any{w.ID, w.Lease}, args...)...)
		if err != nil {
			return err
		}
		n = len(rows)
	}
	if n == 0 {
		return fmt.Errorf("store: %s %d: %w", op, w.ID, store.ErrLeaseLost)
	}
	return nil
}

// PendingWork implements store.Tx.
func (t *tx) PendingWork() (int, error) {
	n, err := t.id("pending work", countPending)
	return int(n), err
}

// NextWork implements store.Tx.
func (t *tx) NextWork() (time.Time, error) {
	at, err := t.id("next work", selectNextWork)
	return instant(at), err
}

// ParkedWork implements store.Tx.
func (t *tx) ParkedWork(limit int) ([]store.Work, error) {
	return list(t, "parked work", listParked, scanWork, limitOf(limit))
}

func scanWork(rows Rows) (store.Work, error) {
	var w store.Work
	var dueAt, leasedUntil int64
	var parked int
	err := rows.Scan(&w.ID, &w.Kind, &w.Lane, &w.InterchangeID, &dueAt, &w.Attempt, &w.Lease, &leasedUntil,
		&parked, &w.Reason, &w.Target)
	w.DueAt, w.LeasedUntil, w.Parked = instant(dueAt), instant(leasedUntil), parked != 0
	return w, err
}
