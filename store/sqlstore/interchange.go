package sqlstore

import (
	"errors"
	"fmt"
	"math"

	"github.com/marktbote/marktbote/store"
)

// InsertInterchange implements store.Tx.
func (t *tx) InsertInterchange(x store.Interchange) (int64, error) {
	const op = "insert interchange"
	t.expected.forgetInterchange(0, x.Sender, x.ControlRef)
	row := []any{
		string(x.Direction), x.Channel, x.ReceivedID, reference(x.PayloadDigest), x.PayloadSize,
		micros(x.ReceivedAt), string(x.State), x.Verdict, x.FormatVersion, x.Sparte, x.Sender, x.Recipient,
		x.ControlRef, x.ApplicationRef, x.MessageType, number(x.Test), x.MessageCount, x.FindingCount,
		micros(x.CheckedAt),
	}
	if id, ok := t.expected.takeID(); ok {
		return id, t.insertLater(op, insertInterchangeAs, append([]any{id}, row...)...)
	}
	id, err := t.insert(op, insertInterchange, row...)
	if !errors.Is(err, errNoRow) {
		return id, err
	}
	if id, err = t.id(op, selectReceived, string(x.Direction), x.ReceivedID); err != nil {
		return 0, fmt.Errorf("store: %s: the row in the way: %w", op, err)
	}
	return id, fmt.Errorf("store: %s %s/%s: %w", op, x.Direction, x.ReceivedID, store.ErrDuplicate)
}

// UpdateInterchange implements store.Tx.
func (t *tx) UpdateInterchange(x store.Interchange) error {
	t.expected.forgetInterchange(x.ID, x.Sender, x.ControlRef)
	args := []any{
		x.ID, string(x.State), x.Verdict, x.FormatVersion, x.Sparte, x.Sender, x.Recipient, x.ControlRef, x.ApplicationRef,
		x.MessageType, number(x.Test), x.MessageCount, x.FindingCount, micros(x.CheckedAt),
	}
	return t.later(queued{op: "update interchange", c: updateInterchange, args: args, none: func() error {
		return fmt.Errorf("store: update interchange %d: %w", x.ID, store.ErrNotFound)
	}})
}

// SetState implements store.Tx.
func (t *tx) SetState(id int64, s store.State) error {
	t.expected.forgetInterchange(id, "", "")
	return t.later(queued{op: "set state", c: setState, args: []any{id, string(s)}, none: func() error {
		return fmt.Errorf("store: set state of interchange %d: %w", id, store.ErrNotFound)
	}})
}

// Interchange implements store.Tx.
func (t *tx) Interchange(id int64) (store.Interchange, error) {
	found, err := list(t, "interchange", selectInterchange, scanInterchange, id)
	if err != nil {
		return store.Interchange{}, err
	}
	if len(found) == 0 {
		return store.Interchange{}, fmt.Errorf("store: interchange %d: %w", id, store.ErrNotFound)
	}
	return found[0], nil
}

// Interchanges implements store.Tx.
func (t *tx) Interchanges(q store.InterchangeQuery) ([]store.Interchange, error) {
	before := q.Before
	if before <= 0 {
		before = math.MaxInt64
	}
	if q.Verdict == "" {
		return list(t, "interchanges", listInterchanges, scanInterchange,
			before, string(q.Direction), limitOf(q.Limit))
	}
	return list(t, "interchanges", listInterchangesByVerdict, scanInterchange,
		before, string(q.Direction), limitOf(q.Limit), q.Verdict)
}

// FindControlRef implements store.Tx.
func (t *tx) FindControlRef(direction store.Direction, sender, controlRef string) ([]store.Interchange, error) {
	if found, ok := t.expected.takeRef(store.ControlRef{Direction: direction, Sender: sender, ControlRef: controlRef}); ok {
		return found, nil
	}
	return list(t, "find control reference", listControlRef, scanInterchange, string(direction), sender, controlRef)
}

func scanInterchange(rows Rows) (store.Interchange, error) {
	var x store.Interchange
	var receivedAt, checkedAt int64
	var test int
	err := rows.Scan(&x.ID, &x.Direction, &x.Channel, &x.ReceivedID, &x.PayloadDigest, &x.PayloadSize,
		&receivedAt, &x.State, &x.Verdict, &x.FormatVersion, &x.Sparte, &x.Sender, &x.Recipient, &x.ControlRef,
		&x.ApplicationRef, &x.MessageType, &test, &x.MessageCount, &x.FindingCount, &checkedAt)
	x.ReceivedAt, x.CheckedAt, x.Test = instant(receivedAt), instant(checkedAt), test != 0
	return x, err
}
