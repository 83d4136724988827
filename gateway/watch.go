package gateway

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/marktbote/marktbote/formats/process"
	"github.com/marktbote/marktbote/store"
)

// Watching what is owed.
const (
	watchEvery = 10 * time.Second
	watchBatch = 200 // entries in one transaction
	// A warning comes when a quarter of the time is left, but not earlier than this before the deadline.
	longestWarning = 2 * time.Hour
	// An entry that cannot be looked at has its next turn after this.
	lookAgain = 10 * time.Minute
)

// warnAt is when somebody is warned of a deadline of ours.
func warnAt(received, due time.Time) time.Time {
	return due.Add(-min(longestWarning, due.Sub(received)/4))
}

// watch looks at what is due soon and marks what has not come in time, until ctx ends.
func (g *Gateway) watch(ctx context.Context) {
	for {
		if err := g.look(ctx); err != nil && ctx.Err() == nil {
			g.log.Error("deadlines cannot be watched", zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(watchEvery):
		}
	}
}

// look looks at every open entry of the ledger whose time has come.
func (g *Gateway) look(ctx context.Context) error {
	for {
		now := g.now()
		var list []store.LedgerEntry
		find := func(tx store.Tx) (err error) {
			list, err = tx.LedgerDue(now, watchBatch)
			return err
		}
		if err := g.store.View(ctx, find); err != nil || len(list) == 0 {
			return err
		}
		err := g.store.Update(ctx, func(tx store.Tx) error {
			// Another gateway may be here.
			if err := tx.Lock("watch"); err != nil {
				return err
			}
			if err := find(tx); err != nil {
				return err
			}
			for _, e := range list {
				if err := g.lookAt(tx, e, now); err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil {
			g.looked(list, now)
			continue
		}
		if err := g.lookAlone(ctx, list, now); err != nil {
			return err
		}
	}
}

// lookAlone looks at each entry in a transaction of its own, because one of them fails. That one is looked at later: it
// must not keep the others from being seen.
func (g *Gateway) lookAlone(ctx context.Context, list []store.LedgerEntry, now time.Time) error {
	for _, key := range list {
		e, due := key, false
		alone := func(look func(tx store.Tx) error) error {
			return g.store.Update(ctx, func(tx store.Tx) (err error) {
				if err := tx.Lock("watch"); err != nil {
					return err
				}
				e, err = tx.LedgerEntry(key.InterchangeID, key.MessageIndex, key.TransactionIndex, key.Kind)
				due = err == nil && e.State == store.LedgerOpen && !e.LookAt.IsZero() && e.LookAt.Before(now)
				if !due {
					return err
				}
				return look(tx)
			})
		}
		err := alone(func(tx store.Tx) error { return g.lookAt(tx, e, now) })
		if err == nil {
			if due {
				g.looked([]store.LedgerEntry{e}, now)
			}
			continue
		}
		g.log.Error("a deadline cannot be looked at", append(entryFields(key), zap.Error(err))...)
		err = alone(func(tx store.Tx) error {
			e.LookAt = now.Add(lookAgain)
			return tx.UpdateLedger(e)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// looked tells what was found.
func (g *Gateway) looked(list []store.LedgerEntry, now time.Time) {
	for _, e := range list {
		if !now.After(e.DueAt) {
			g.log.Warn("due soon", entryFields(e)...)
			continue
		}
		g.overdue.WithLabelValues(string(e.Kind)).Inc()
		g.log.Warn("deadline missed", entryFields(e)...)
	}
}

func entryFields(e store.LedgerEntry) []zap.Field {
	return []zap.Field{
		zap.Int64("interchange", e.InterchangeID), zap.Int("message", e.MessageIndex), zap.Int("transaction", e.TransactionIndex),
		zap.String("kind", string(e.Kind)), zap.String("step", e.Step), zap.Time("due", e.DueAt),
	}
}

// lookAt warns of a deadline that is near, and decides what its passing means.
func (g *Gateway) lookAt(tx store.Tx, e store.LedgerEntry, now time.Time) error {
	x, err := tx.Interchange(e.InterchangeID)
	if err != nil {
		return err
	}
	s := step{place: place{e.MessageIndex, e.TransactionIndex}, due: e.DueAt, at: now}
	if e.Kind == store.LedgerAnswer {
		s.pid, _, _ = stepOf(e)
	}
	if !now.After(e.DueAt) {
		e.LookAt = e.DueAt
		if err := tx.UpdateLedger(e); err != nil {
			return err
		}
		return g.report(tx, x, s, meansDueSoon)
	}
	if e.Kind == store.LedgerAnswer {
		_, err := g.advance(tx, x, e, process.Event{Kind: process.EventDeadline, At: now}, 0)
		return err
	}
	e.State, e.LookAt = store.LedgerMissed, time.Time{}
	if err := tx.UpdateLedger(e); err != nil {
		return err
	}
	return g.report(tx, x, s, process.MeansDeadlineMissed)
}

// Settle does in the calling goroutine everything that is due now, and returns when the next thing is due; zero if there
// is none. With a clock that jumps there it runs a gateway in simulated time. It is not to be mixed with Run.
func (g *Gateway) Settle(ctx context.Context) (next time.Time, err error) {
	if next, err = g.work.Drain(ctx); err != nil {
		return next, err
	}
	if err := g.look(ctx); err != nil {
		return next, err
	}
	var look time.Time
	err = g.store.View(ctx, func(tx store.Tx) error {
		look, err = tx.NextLook()
		return err
	})
	if !look.IsZero() {
		look = look.Add(time.Microsecond) // a deadline has passed when its instant has
		if next.IsZero() || look.Before(next) {
			next = look
		}
	}
	return next, err
}
