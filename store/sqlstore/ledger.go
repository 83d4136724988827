package sqlstore

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/marktbote/marktbote/store"
)

// InsertLedger implements store.LedgerTx.
func (t *tx) InsertLedger(e store.LedgerEntry) error {
	delete(t.expected.ledgers, e.InterchangeID)
	return t.insertLater("insert ledger", insertLedger, ledgerRow(e)...)
}

// InsertLedgerOnce implements store.LedgerTx.
func (t *tx) InsertLedgerOnce(e store.LedgerEntry) error {
	delete(t.expected.ledgers, e.InterchangeID)
	return t.later(queued{op: "insert ledger", c: insertLedger, args: ledgerRow(e)})
}

// ledgerRow lists the columns of an entry.
func ledgerRow(e store.LedgerEntry) []any {
	return []any{
		e.InterchangeID, e.MessageIndex, e.TransactionIndex, string(e.Kind), string(e.State), micros(e.DueAt), micros(e.DoneAt),
		reference(e.AnsweredBy), micros(e.LookAt), e.Step,
	}
}

// UpdateLedger implements store.LedgerTx.
func (t *tx) UpdateLedger(e store.LedgerEntry) error {
	delete(t.expected.ledgers, e.InterchangeID)
	return t.later(queued{op: "update ledger", c: updateLedger, args: ledgerRow(e), none: func() error {
		return fmt.Errorf("store: update ledger %d/%d/%d/%s: %w", e.InterchangeID, e.MessageIndex, e.TransactionIndex, e.Kind, store.ErrNotFound)
	}})
}

// SettleLedger implements store.LedgerTx.
func (t *tx) SettleLedger(interchangeID, answeredBy int64, at time.Time) error {
	args := []any{interchangeID, answeredBy, micros(at), string(store.LedgerMet), string(store.LedgerLate)}
	delete(t.expected.ledgers, interchangeID)
	return t.later(queued{op: "settle ledger", c: settleLedger, args: args})
}

// Ledger implements store.LedgerTx.
func (t *tx) Ledger(interchangeID int64) ([]store.LedgerEntry, error) {
	if found, ok := t.expected.takeLedger(interchangeID); ok {
		return found, nil
	}
	return list(t, "ledger", t.locking(listLedger), scanLedger, interchangeID)
}

// LedgerEntry implements store.LedgerTx.
func (t *tx) LedgerEntry(interchangeID int64, message, transaction int, kind store.LedgerKind) (store.LedgerEntry, error) {
	found, err := list(t, "ledger entry", t.locking(selectLedger), scanLedger, interchangeID, message, transaction, string(kind))
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("store: ledger entry %d/%d/%d/%s: %w", interchangeID, message, transaction, kind, store.ErrNotFound)
	}
	if err != nil {
		return store.LedgerEntry{}, err
	}
	return found[0], nil
}

// locking returns a query whose rows belong to the transaction until it ends, if it can change them.
func (t *tx) locking(query string) string {
	if t.readOnly {
		return query
	}
	return query + t.store.dialect.LockRows
}

// LedgerDue implements store.LedgerTx.
func (t *tx) LedgerDue(before time.Time, limit int) ([]store.LedgerEntry, error) {
	return list(t, "ledger due", t.locking(listLedgerDue), scanLedger, micros(before), limitOf(limit))
}

func scanLedger(rows Rows) (store.LedgerEntry, error) {
	var e store.LedgerEntry
	var dueAt, doneAt, lookAt int64
	err := rows.Scan(&e.InterchangeID, &e.MessageIndex, &e.TransactionIndex, &e.Kind, &e.State, &dueAt, &doneAt, &e.AnsweredBy,
		&lookAt, &e.Step)
	e.DueAt, e.DoneAt, e.LookAt = instant(dueAt), instant(doneAt), instant(lookAt)
	return e, err
}

// NextLook implements store.LedgerTx.
func (t *tx) NextLook() (time.Time, error) {
	at, err := t.id("next look", selectNextLook)
	return instant(at), err
}

// InsertProcessKey implements store.LedgerTx.
func (t *tx) InsertProcessKey(k store.ProcessKey) error {
	args := []any{k.Level, k.Value, k.InterchangeID, k.MessageIndex, k.TransactionIndex}
	return t.later(queued{op: "insert process key", c: insertProcessKey, args: args})
}

// ProcessKeys implements store.LedgerTx.
func (t *tx) ProcessKeys(level, value string, limit int) ([]store.ProcessKey, error) {
	return list(t, "process keys", listProcessKeys, scanProcessKey, level, value, limitOf(limit))
}

// UnansweredKeys implements store.LedgerTx.
func (t *tx) UnansweredKeys(level, value string, limit int) ([]store.ProcessKey, error) {
	return list(t, "unanswered keys", listUnansweredKeys, scanProcessKey, level, value, limitOf(limit))
}

func scanProcessKey(rows Rows) (k store.ProcessKey, err error) {
	err = rows.Scan(&k.InterchangeID, &k.MessageIndex, &k.TransactionIndex, &k.Level, &k.Value)
	return k, err
}

// NextControlRefs implements store.LedgerTx.
func (t *tx) NextControlRefs(mpID string, n int) (first int64, err error) {
	row, err := t.changeOne("next control references", nextControlRef, mpID, n)
	if err != nil {
		return 0, err
	}
	return row[1].(int64) - int64(n) + 1, nil
}

// InsertDecision implements store.PeopleTx.
func (t *tx) InsertDecision(d store.Decision) (int64, error) {
	return t.insert("insert decision", insertDecision, micros(d.DecidedAt), d.Actor, d.Action, d.Subject, d.Reason,
		reference(d.InterchangeID))
}

// Decisions implements store.PeopleTx.
func (t *tx) Decisions(q store.DecisionQuery) ([]store.Decision, error) {
	before := q.Before
	if before <= 0 {
		before = math.MaxInt64
	}
	args := []any{before, limitOf(q.Limit)}
	text := listDecisions
	switch {
	case q.Subject != "":
		text, args = listDecisionsOfSubject, append(args, q.Subject, q.InterchangeID)
	case q.InterchangeID != 0:
		text, args = listDecisionsOfID, append(args, q.InterchangeID)
	}
	return list(t, "decisions", text, func(rows Rows) (d store.Decision, err error) {
		var at int64
		err = rows.Scan(&d.ID, &at, &d.Actor, &d.Action, &d.Subject, &d.Reason, &d.InterchangeID)
		d.DecidedAt = instant(at)
		return d, err
	}, args...)
}

// SetPartnerValue implements store.PeopleTx.
func (t *tx) SetPartnerValue(v store.PartnerValue) error {
	_, err := t.change("set partner value", setPartnerValue, v.MPID, v.Name, blob(v.Value), micros(v.ChangedAt))
	return err
}

// DeletePartnerValue implements store.PeopleTx.
func (t *tx) DeletePartnerValue(mpID, name string) error {
	_, err := t.changeOne("delete partner value", deletePartnerValue, mpID, name)
	if errors.Is(err, errNoRow) {
		err = fmt.Errorf("store: delete partner value %s of %s: %w", name, mpID, store.ErrNotFound)
	}
	return err
}

// PartnerValues implements store.PeopleTx.
func (t *tx) PartnerValues(mpID string) ([]store.PartnerValue, error) {
	return list(t, "partner values", listPartnerValues, func(rows Rows) (v store.PartnerValue, err error) {
		var at int64
		err = rows.Scan(&v.MPID, &v.Name, &v.Value, &at)
		v.Value, v.ChangedAt = bytesOf(v.Value), instant(at)
		return v, err
	}, mpID)
}
