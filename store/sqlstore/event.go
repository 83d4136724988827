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
	seq, err := t.id(op, insertEvent, e.ID, e.Type, e.Subject, e.PartitionKey, reference(e.InterchangeID),
		micros(e.RecordedAt), blob(e.Data))
	if errors.Is(err, errNoRow) {
		return 0, fmt.Errorf("store: %s %s: %w", op, e.ID, store.ErrDuplicate)
	}
	return seq, err
}

// Events implements store.Tx.
func (t *tx) Events(after int64, interchangeID int64, limit int) ([]store.Event, error) {
	if interchangeID == 0 {
		return list(t, "events", listEvents, scanEvent, after, limitOf(limit))
	}
	return list(t, "events", listEventsOfID, scanEvent, after, limitOf(limit), interchangeID)
}

func scanEvent(rows *sql.Rows) (store.Event, error) {
	var e store.Event
	var recordedAt int64
	err := rows.Scan(&e.Seq, &e.ID, &e.Type, &e.Subject, &e.PartitionKey, &e.InterchangeID, &recordedAt, &e.Data)
	e.RecordedAt, e.Data = instant(recordedAt), bytesOf(e.Data)
	return e, err
}
