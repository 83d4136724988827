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

// decide changes one work item and records who wanted it. The parameters of c are the item, args and, if it keeps
// the reason, that.
func (t *tx) decide(action string, c change, id int64, who, reason string, args ...any) error {
	op := action + " work"
	args = append([]any{id}, args...)
	if c.verb != verbDelete {
		args = append(args, reason)
	}
	item, err := list(t, op, selectWork, scanWork, id)
	if err != nil {
		return err
	}
	_, err = t.changeOne(op, c, args...)
	if errors.Is(err, errNoRow) {
		return fmt.Errorf("store: %s %d: %w", op, id, store.ErrNotFound)
	}
	if err != nil {
		return err
	}
	d := store.Decision{DecidedAt: t.store.now(), Actor: who, Action: action, Subject: fmt.Sprintf("work/%d", id), Reason: reason}
	if len(item) == 1 {
		d.InterchangeID = item[0].InterchangeID
	}
	t.SetActor(who, reason)
	_, err = t.InsertDecision(d)
	return err
}
