package feed

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/marktbote/marktbote/gateway/config"
	"github.com/marktbote/marktbote/store"
)

// ErrDecision: a decision needs the name of who decides, and why.
var ErrDecision = errors.New("a decision needs who and reason")

// Manager carries out what people decide about subscriptions. Each decision is recorded, and whoever delivers starts
// again from what was decided within a second.
type Manager struct {
	Store store.Store
	Now   func() time.Time // nil: time.Now
}

// Pause stops the delivery. ErrNotFound, as of all others, if there is no such subscription.
func (m *Manager) Pause(ctx context.Context, name, who, reason string) error {
	return m.decide(ctx, "pause", name, who, reason, func(_ store.Tx, row *store.Subscription) (string, error) {
		row.State, row.Reason = store.SubscriptionPaused, who+": "+reason
		return "", nil
	})
}

// Resume goes on where the delivery stopped.
func (m *Manager) Resume(ctx context.Context, name, who, reason string) error {
	return m.decide(ctx, "resume", name, who, reason, func(_ store.Tx, row *store.Subscription) (string, error) {
		row.State, row.Reason, row.Fault = store.SubscriptionActive, "", ""
		return "", nil
	})
}

// Replay delivers everything behind a position, again or, if the position lies ahead, what comes after it. What is held
// behind it is dropped: it is delivered in its turn.
func (m *Manager) Replay(ctx context.Context, name string, from config.Position, who, reason string) error {
	return m.decide(ctx, "replay", name, who, reason, func(tx store.Tx, row *store.Subscription) (string, error) {
		position, err := find(tx, from)
		if err != nil {
			return "", err
		}
		detail := fmt.Sprintf("position %d, was %d", position, row.Position)
		row.Position, row.Fault = position, ""
		return detail, tx.ReleaseDeliveriesAfter(name, position)
	})
}

// Retry tries a held event at once, with all its attempts; 0 stands for all that are dead. ErrNotFound if there is none.
func (m *Manager) Retry(ctx context.Context, name string, seq int64, who, reason string) (n int, err error) {
	err = m.decide(ctx, "retry", name, who, reason, func(tx store.Tx, _ *store.Subscription) (string, error) {
		n = 0
		q := store.HeldQuery{Subscription: name, State: store.HeldDead, After: -1, Limit: maxHeld + maxWindow}
		if seq != 0 {
			q.State, q.After, q.Limit = "", seq-1, 1
		}
		held, err := tx.HeldDeliveries(q)
		if err != nil {
			return "", err
		}
		for _, d := range held {
			if seq != 0 && d.Seq != seq {
				continue
			}
			d.State, d.Attempt, d.DueAt = store.HeldWaiting, 0, time.Time{}
			if err := tx.HoldDelivery(d); err != nil {
				return "", err
			}
			n++
		}
		if n == 0 {
			return "", fmt.Errorf("subscription %s: held event: %w", name, store.ErrNotFound)
		}
		return fmt.Sprintf("%d events", n), nil
	})
	return n, err
}

// Skip drops a held event: the receiver never gets it, and those behind it in its partition go on.
func (m *Manager) Skip(ctx context.Context, name string, seq int64, who, reason string) error {
	return m.decide(ctx, "skip", name, who, reason, func(tx store.Tx, _ *store.Subscription) (string, error) {
		return fmt.Sprintf("event %d", seq), tx.ReleaseDelivery(name, seq)
	})
}

// Remove forgets a subscription that is not in the configuration any more.
func (m *Manager) Remove(ctx context.Context, name, who, reason string) error {
	if who == "" || reason == "" {
		return ErrDecision
	}
	return m.Store.Update(ctx, func(tx store.Tx) error {
		if err := tx.Lock("subscription/" + name); err != nil {
			return err
		}
		tx.SetActor(who, reason)
		if err := tx.DeleteSubscription(name); err != nil {
			return err
		}
		return m.record(tx, "remove", name, who, reason)
	})
}

func (m *Manager) now() time.Time {
	if m.Now == nil {
		return time.Now()
	}
	return m.Now()
}

func (m *Manager) record(tx store.Tx, action, name, who, reason string) error {
	_, err := tx.InsertDecision(store.Decision{DecidedAt: m.now(), Actor: who, Action: action, Subject: "subscription/" + name, Reason: reason})
	return err
}

// decide changes a subscription and records who wanted it. What fn returns is added to the reason.
func (m *Manager) decide(ctx context.Context, action, name, who, reason string, fn func(tx store.Tx, row *store.Subscription) (string, error)) error {
	if who == "" || reason == "" {
		return ErrDecision
	}
	return m.Store.Update(ctx, func(tx store.Tx) error {
		tx.SetActor(who, reason)
		detail := ""
		err := change(tx, name, m.now(), func(tx store.Tx, row *store.Subscription) (err error) {
			detail, err = fn(tx, row)
			return err
		})
		if err != nil {
			return err
		}
		if detail != "" {
			reason := reason + " (" + detail + ")"
			return m.record(tx, action, name, who, reason)
		}
		return m.record(tx, action, name, who, reason)
	})
}

// recordLag is the longest that an event is recorded before others whose numbers are lower: the time of a transaction.
const recordLag = time.Minute

// find returns the number behind which a position begins.
func find(tx store.Tx, p config.Position) (int64, error) {
	head, err := tx.EventHead()
	if err != nil || p.Now {
		return head, err
	}
	if p.At.IsZero() {
		return min(p.Seq, head), nil
	}
	// Numbers grow with time but for the length of a transaction: first roughly, then one after another.
	low, high := int64(0), head // everything up to low was recorded too early; so was nothing behind high
	for low < high {
		middle := low + (high-low)/2
		e, err := tx.Events(middle, 0, 1)
		if err != nil {
			return 0, err
		}
		if len(e) == 0 || e[0].Seq > high || !e[0].RecordedAt.Before(p.At.Add(-recordLag)) {
			high = middle
		} else {
			low = e[0].Seq
		}
	}
	for {
		page, err := tx.Events(low, 0, readPage)
		if err != nil {
			return 0, err
		}
		for _, e := range page {
			if !e.RecordedAt.Before(p.At) {
				return e.Seq - 1, nil
			}
			low = e.Seq
		}
		if len(page) == 0 {
			return max(low, head), nil
		}
	}
}

// withoutQuery is a URL without what may be secret.
func withoutQuery(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host + u.Path
}
