package sqlstore

import (
	"database/sql"
	"errors"
	"fmt"

	"github.com/marktbote/marktbote/store"
)

// InsertEvent implements store.Tx.
func (t *tx) InsertEvent(e store.Event) (int64, error) {
	const op = "insert event"
	// With several writers a number is given before the order of the commits is known: the next transaction that
	// records events waits until this one has ended.
	if err := t.lock(op, "event"); err != nil {
		return 0, err
	}
	data, key, err := t.encrypt(op, blob(e.Data), "event/"+e.ID)
	if err != nil {
		return 0, err
	}
	seq, err := t.changeID(op, insertEvent, e.ID, e.Type, e.Subject, e.PartitionKey, reference(e.InterchangeID),
		micros(e.RecordedAt), data, key)
	if errors.Is(err, errNoRow) {
		return 0, fmt.Errorf("store: %s %s: %w", op, e.ID, store.ErrDuplicate)
	}
	return seq, err
}

// Events implements store.Tx.
func (t *tx) Events(after int64, interchangeID int64, limit int) ([]store.Event, error) {
	text, args := listEvents, []any{after, limitOf(limit)}
	if interchangeID != 0 {
		text, args = listEventsOfID, append(args, interchangeID)
	}
	return t.events("events", text, args...)
}

// Event implements store.Tx.
func (t *tx) Event(id string) (store.Event, error) {
	found, err := t.events("event", selectEvent, id)
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("store: event %s: %w", id, store.ErrNotFound)
	}
	if err != nil {
		return store.Event{}, err
	}
	return found[0], nil
}

func (t *tx) events(op, text string, args ...any) ([]store.Event, error) {
	var keys []int64
	found, err := list(t, op, text, func(rows *sql.Rows) (e store.Event, err error) {
		var recordedAt, key int64
		err = rows.Scan(&e.Seq, &e.ID, &e.Type, &e.Subject, &e.PartitionKey, &e.InterchangeID, &recordedAt, &e.Data, &key)
		e.RecordedAt = instant(recordedAt)
		keys = append(keys, key)
		return e, err
	}, args...)
	if err != nil {
		return nil, err
	}
	for i := range found {
		if found[i].Data, err = t.readable(op, found[i].Data, keys[i], "event/"+found[i].ID); err != nil {
			return nil, err
		}
	}
	return found, nil
}
