package sqlstore

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/marktbote/marktbote/store"
)

// EventHead implements store.FeedTx.
func (t *tx) EventHead() (int64, error) {
	t.sendEvents()
	return t.id("event head", selectEventHead)
}

// InsertSubscription implements store.FeedTx.
func (t *tx) InsertSubscription(s store.Subscription) error {
	const op = "insert subscription"
	return t.later(queued{op: op, c: insertSubscription, args: []any{
		s.Name, blob(s.Definition), string(s.State), s.Reason, s.Position, s.Fault, micros(s.CreatedAt), micros(s.UpdatedAt), micros(s.MovedAt),
	}, none: func() error { return fmt.Errorf("store: %s %s: %w", op, s.Name, store.ErrDuplicate) }})
}

// UpdateSubscription implements store.FeedTx.
func (t *tx) UpdateSubscription(s store.Subscription) error {
	const op = "update subscription"
	return t.later(queued{op: op, c: updateSubscription, args: []any{
		s.Name, blob(s.Definition), string(s.State), s.Reason, s.Position, s.Fault, micros(s.UpdatedAt),
	}, none: func() error { return fmt.Errorf("store: %s %s: %w", op, s.Name, store.ErrNotFound) }})
}

// DeleteSubscription implements store.FeedTx.
func (t *tx) DeleteSubscription(name string) error {
	const op = "delete subscription"
	if err := t.ReleaseDeliveriesAfter(name, -1); err != nil {
		return err
	}
	return t.later(queued{op: op, c: deleteSubscription, args: []any{name}, none: func() error {
		return fmt.Errorf("store: %s %s: %w", op, name, store.ErrNotFound)
	}})
}

// Subscription implements store.FeedTx.
func (t *tx) Subscription(name string) (store.Subscription, error) {
	return one(t, "subscription", name, selectSubscription, scanSubscription)
}

// Subscriptions implements store.FeedTx.
func (t *tx) Subscriptions() ([]store.Subscription, error) {
	return list(t, "subscriptions", listSubscriptions, scanSubscription)
}

// ClaimSubscription implements store.FeedTx.
func (t *tx) ClaimSubscription(name string, now, until time.Time) (s store.Subscription, ok bool, err error) {
	const op = "claim subscription"
	if t.readOnly {
		return s, false, t.fail(op, errReadOnly)
	}
	token, err := uuid.NewRandom()
	if err != nil {
		return s, false, t.fail(op, err)
	}
	claimed, err := list(t, op, claimSubscription, scanSubscription, name, token.String(), micros(until), micros(now))
	if err != nil || len(claimed) == 0 {
		return s, false, err
	}
	return claimed[0], true, nil
}

// RenewSubscription implements store.FeedTx.
func (t *tx) RenewSubscription(s store.Subscription, until time.Time) error {
	const op = "renew subscription"
	if s.Lease == "" { // that of subscriptions nobody delivers for
		return leaseLost(op, s)()
	}
	lease := s.Lease
	if until.IsZero() {
		lease = ""
	}
	var n int64
	err := t.run(op, Statement{Text: renewSubscription, Args: cleaned([]any{s.Name, s.Lease, micros(until), lease}), Done: func(changed, _ int64) error {
		n = changed
		return nil
	}})
	if err == nil && n == 0 {
		err = leaseLost(op, s)()
	}
	return err
}

// AdvanceSubscription implements store.FeedTx.
func (t *tx) AdvanceSubscription(s store.Subscription) error {
	const op = "advance subscription"
	if s.Lease == "" {
		return leaseLost(op, s)()
	}
	return t.later(queued{op: op, c: advanceSubscription, args: []any{s.Name, s.Lease, s.Position, s.Fault, micros(s.MovedAt)}, none: leaseLost(op, s)})
}

func leaseLost(op string, s store.Subscription) func() error {
	return func() error { return fmt.Errorf("store: %s %s: %w", op, s.Name, store.ErrLeaseLost) }
}

// HoldDelivery implements store.FeedTx.
func (t *tx) HoldDelivery(d store.HeldDelivery) error {
	return t.later(queued{op: "hold delivery", c: holdDelivery, args: []any{
		d.Subscription, d.Seq, string(d.State), int64(d.Attempt), micros(d.DueAt), d.Reason, micros(d.HeldAt),
	}})
}

// ReleaseDelivery implements store.FeedTx.
func (t *tx) ReleaseDelivery(subscription string, seq int64) error {
	return t.later(queued{op: "release delivery", c: releaseDelivery, args: []any{subscription, seq}, none: func() error {
		return fmt.Errorf("store: release delivery %s/%d: %w", subscription, seq, store.ErrNotFound)
	}})
}

// ReleaseDeliveriesAfter implements store.FeedTx.
func (t *tx) ReleaseDeliveriesAfter(subscription string, seq int64) error {
	return t.later(queued{op: "release deliveries", c: releaseDeliveriesAfter, args: []any{subscription, seq}})
}

// HeldDeliveries implements store.FeedTx.
func (t *tx) HeldDeliveries(q store.HeldQuery) ([]store.HeldDelivery, error) {
	text, args := listHeldAll, []any{q.Subscription, q.After, limitOf(q.Limit)}
	if q.State != "" {
		text, args = listHeldState, append(args, string(q.State))
	}
	return list(t, "held deliveries", text, func(rows Rows) (d store.HeldDelivery, err error) {
		var dueAt, heldAt int64
		err = rows.Scan(&d.Subscription, &d.Seq, &d.State, &d.Attempt, &dueAt, &d.Reason, &heldAt, &d.EventID, &d.EventType, &d.PartitionKey)
		d.DueAt, d.HeldAt = instant(dueAt), instant(heldAt)
		return d, err
	}, args...)
}

// CountHeld implements store.FeedTx.
func (t *tx) CountHeld() ([]store.HeldCount, error) {
	return list(t, "count held deliveries", countHeld, func(rows Rows) (c store.HeldCount, err error) {
		return c, rows.Scan(&c.Subscription, &c.State, &c.Count)
	})
}

func scanSubscription(rows Rows) (s store.Subscription, err error) {
	var createdAt, updatedAt, movedAt, leasedUntil int64
	err = rows.Scan(&s.Name, &s.Definition, &s.State, &s.Reason, &s.Position, &s.Fault, &createdAt, &updatedAt, &movedAt, &s.Lease, &leasedUntil)
	s.Definition = bytesOf(s.Definition)
	s.CreatedAt, s.UpdatedAt, s.MovedAt, s.LeasedUntil = instant(createdAt), instant(updatedAt), instant(movedAt), instant(leasedUntil)
	return s, err
}
