package sqlstore

import (
	"errors"
	"fmt"
	"time"

	"github.com/marktbote/marktbote/store"
)

// WorkItems implements store.ClearingTx.
func (t *tx) WorkItems(q store.WorkQuery) ([]store.Work, error) {
	args := []any{q.After, limitOf(q.Limit), q.Kind, q.Lane}
	switch {
	case q.InterchangeID != 0:
		return list(t, "work items", listWorkOfID, scanWork, append(args, number(q.Parked), q.InterchangeID)...)
	case q.Parked:
		return list(t, "work items", listWorkParked, scanWork, args...)
	default:
		return list(t, "work items", listWork, scanWork, args...)
	}
}

// RequeueWork implements store.ClearingTx.
func (t *tx) RequeueWork(id int64, dueAt time.Time, who, reason string) error {
	t.workAdded = true
	return t.decide("requeue", requeueWork, id, who, reason, micros(dueAt))
}

// HoldWork implements store.ClearingTx.
func (t *tx) HoldWork(id int64, who, reason string) error {
	return t.decide("hold", holdWork, id, who, reason)
}

// SolveWork implements store.ClearingTx.
func (t *tx) SolveWork(id int64, who, reason string) error {
	return t.decide("solve", solveWork, id, who, reason)
}

// decide changes one work item and records who wanted it. text returns the interchange of the item, 0 if none; its
// parameters are the item, args and, if it keeps the reason, that.
func (t *tx) decide(action, text string, id int64, who, reason string, args ...any) error {
	args = append([]any{id}, args...)
	if text != solveWork {
		args = append(args, reason)
	}
	interchange, err := t.id(action+" work", text, args...)
	if errors.Is(err, errNoRow) {
		return fmt.Errorf("store: %s work %d: %w", action, id, store.ErrNotFound)
	}
	if err != nil {
		return err
	}
	_, err = t.InsertDecision(store.Decision{
		DecidedAt: t.store.now(), Actor: who, Action: action, Subject: fmt.Sprintf("work/%d", id), Reason: reason,
		InterchangeID: interchange,
	})
	return err
}
