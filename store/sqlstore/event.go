package sqlstore

import (
	"errors"
	"fmt"

	"github.com/marktbote/marktbote/store"
)

// InsertEvents implements store.Tx.
func (t *tx) InsertEvents(events ...store.Event) (known []int, err error) {
	const op = "insert event"
	there := map[string]bool{} // IDs in the outbox
	if t.store.dialect.Arrays {
		there, err = t.knownEvents(op, events)
	} else {
		err = t.lock(op, "event")
	}
	if err != nil {
		return nil, err
	}
	for i, e := range events {
		data, key, err := t.encrypt(op, blob(e.Data), "event/"+e.ID)
		if err != nil {
			return nil, err
		}
		args := cleaned([]any{e.ID, e.Type, e.Subject, e.PartitionKey, reference(e.InterchangeID), micros(e.RecordedAt), data, key})
		id := args[0].(string)
		switch {
		case there[id]:
			known = append(known, i)
		case t.store.dialect.Arrays:
			there[id] = true
			if t.expected.there != nil {
				t.expected.there[id] = true
			}
			err = t.insertLater(op, insertEvent, args...)
		default:
			if _, err = t.insert(op, insertEvent, args...); errors.Is(err, errNoRow) {
				known, err = append(known, i), nil
			}
		}
		if err != nil {
			return nil, err
		}
	}
	return known, nil
}

// knownEvents returns which IDs are in the outbox or on their way there.
func (t *tx) knownEvents(op string, events []store.Event) (map[string]bool, error) {
	if there, ok := t.expected.events(events); ok {
		return there, nil
	}
	there := map[string]bool{}
	for _, q := range t.outbox {
		there[q.args[0].(string)] = true
	}
	ids := make([]any, len(events))
	for i := range events {
		ids[i] = events[i].ID
	}
	if len(ids) == 0 {
		return there, nil
	}
	found, err := list(t, op, selectKnownEvents, scanText, cleaned(ids))
	for _, id := range found {
		there[id] = true
	}
	return there, err
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
	t.sendEvents()
	var keys []int64
	found, err := list(t, op, text, func(rows Rows) (e store.Event, err error) {
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
