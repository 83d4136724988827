package sqlstore

import (
	"errors"
	"fmt"

	"github.com/marktbote/marktbote/store"
)

// SetAssignment implements store.ObjectTx.
func (t *tx) SetAssignment(a store.Assignment) error {
	_, err := t.change("set assignment", setAssignment, a.MPID, a.Object, a.Partner, micros(a.From), micros(a.Until), a.Rolle, a.Source)
	return err
}

// DeleteAssignment implements store.ObjectTx.
func (t *tx) DeleteAssignment(a store.Assignment) error {
	_, err := t.changeOne("delete assignment", deleteAssignment, a.MPID, a.Object, a.Partner, micros(a.From))
	if errors.Is(err, errNoRow) {
		err = fmt.Errorf("store: delete assignment of %s to %s: %w", a.Partner, a.Object, store.ErrNotFound)
	}
	return err
}

// Assignments implements store.ObjectTx.
func (t *tx) Assignments(q store.AssignmentQuery) ([]store.Assignment, error) {
	text, args := listAssignments, []any{q.MPID, q.After.Object, q.After.Partner, micros(q.After.From), limitOf(q.Limit)}
	if q.After == (store.Assignment{}) {
		args[3] = -1 << 62 // in front of every instant
	}
	if q.Object != "" {
		text, args = listAssignmentsOf, append(args, q.Object)
	}
	return list(t, "assignments", text, func(rows Rows) (a store.Assignment, err error) {
		var from, until int64
		err = rows.Scan(&a.MPID, &a.Object, &a.Partner, &from, &until, &a.Rolle, &a.Source)
		a.From, a.Until = instant(from), instant(until)
		return a, err
	}, args...)
}

// SetCompleteness implements store.ObjectTx.
func (t *tx) SetCompleteness(c store.Completeness) error {
	_, err := t.change("set completeness", setCompleteness, c.MPID, c.Kind, micros(c.From), micros(c.TrustedUntil))
	return err
}

// Completeness implements store.ObjectTx.
func (t *tx) Completeness(mpID string) ([]store.Completeness, error) {
	return list(t, "completeness", listCompleteness, func(rows Rows) (c store.Completeness, err error) {
		var from, until int64
		err = rows.Scan(&c.MPID, &c.Kind, &from, &until)
		c.From, c.TrustedUntil = instant(from), instant(until)
		return c, err
	}, mpID)
}
