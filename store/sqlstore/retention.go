package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/marktbote/marktbote/store"
)

// SetClass implements store.RetentionTx.
func (t *tx) SetClass(c store.Class) { t.class = c }

// InsertHold implements store.RetentionTx.
func (t *tx) InsertHold(h store.LegalHold) (int64, error) {
	if (h.InterchangeID == 0) == (h.MPID == "") {
		return 0, t.fail("insert hold", errors.New("a hold is about an interchange or about a partner"))
	}
	return t.insert("insert hold", insertHold, reference(h.InterchangeID), h.MPID, micros(h.SetAt), h.Actor, h.Reason, 0)
}

// ReleaseHold implements store.RetentionTx.
func (t *tx) ReleaseHold(id int64, at time.Time) error {
	_, err := t.changeOne("release hold", releaseHold, id, micros(at))
	if errors.Is(err, errNoRow) {
		err = fmt.Errorf("store: release hold %d: %w", id, store.ErrNotFound)
	}
	return err
}

// Holds implements store.RetentionTx.
func (t *tx) Holds() ([]store.LegalHold, error) {
	return list(t, "holds", listHolds, func(rows Rows) (h store.LegalHold, err error) {
		var setAt, releasedAt int64
		err = rows.Scan(&h.ID, &h.InterchangeID, &h.MPID, &setAt, &h.Actor, &h.Reason, &releasedAt)
		h.SetAt, h.ReleasedAt = instant(setAt), instant(releasedAt)
		return h, err
	})
}

// DataKeys implements store.RetentionTx.
func (t *tx) DataKeys() ([]store.DataKey, error) {
	held, err := list(t, "data keys", listHeldKeys, scanID)
	if err != nil {
		return nil, err
	}
	return list(t, "data keys", listKeys, func(rows Rows) (k store.DataKey, err error) {
		var destroyedAt int64
		err = rows.Scan(&k.ID, &k.Class, &k.Period, &destroyedAt)
		k.DestroyedAt, k.Held = instant(destroyedAt), slices.Contains(held, k.ID)
		return k, err
	})
}

// DestroyKey implements store.RetentionTx.
func (t *tx) DestroyKey(id int64) error {
	const op = "destroy key"
	held, err := list(t, op, listHeldKeys, scanID)
	if err != nil {
		return err
	}
	if slices.Contains(held, id) {
		return fmt.Errorf("store: %s %d: %w", op, id, store.ErrHeld)
	}
	_, err = t.changeOne(op, destroyKey, id, micros(t.store.now()))
	if errors.Is(err, errNoRow) {
		err = fmt.Errorf("store: %s %d: %w", op, id, store.ErrNotFound)
	}
	if err == nil {
		t.destroyed = append(t.destroyed, id)
		t.store.keys.forget(t.destroyed) // and again after the commit; the database decides meanwhile
	}
	return err
}

// forget drops keys that were destroyed.
func (r *keyring) forget(ids []int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, k := range r.live {
		if slices.Contains(ids, k.id) {
			delete(r.live, name)
		}
	}
	for _, id := range ids {
		delete(r.byID, id)
	}
}

// MasterKeyFile implements store.Encrypted.
func (s *Store) MasterKeyFile(context.Context) (path string, created bool) {
	return s.keys.file, s.keys.created
}
