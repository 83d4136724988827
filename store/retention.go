package store

import (
	"context"
	"errors"
	"time"
)

// Class is the data class of kept bytes: what is destroyed together has one. The names belong to the gateway.
type Class string

// ClassUnsorted is the class of bytes about which nothing else is known. It must be kept as long as the longest.
const ClassUnsorted Class = "unsorted"

var (
	// ErrShredded: the key of the bytes was destroyed; they cannot be read any more.
	ErrShredded = errors.New("destroyed by retention")
	// ErrHeld: a legal hold forbids to destroy the key.
	ErrHeld = errors.New("under legal hold")
)

// DataKey is a key that everything of one class and month is encrypted with, without the key itself.
type DataKey struct {
	ID          int64
	Class       Class
	Period      string    // month the bytes were kept in, such as "2026-11", UTC
	DestroyedAt time.Time // zero: it is there
	Held        bool      // a legal hold concerns something it protects
}

// LegalHold forbids to destroy what belongs to an interchange, or to all interchanges with a partner.
type LegalHold struct {
	ID            int64  // assigned by the store
	InterchangeID int64  // 0: a partner is held
	MPID          string // empty: an interchange is held
	SetAt         time.Time
	Actor         string
	Reason        string
	ReleasedAt    time.Time // zero: it holds
}

// RetentionTx are the methods of Tx for how long data is kept.
type RetentionTx interface {
	// SetClass says which class everything belongs to that this transaction keeps from now on: payloads, findings,
	// events, what proves a transmission. Without it that is ClassUnsorted.
	SetClass(c Class)
	// InsertHold sets a legal hold and returns its ID; h.ID and h.ReleasedAt are not looked at.
	InsertHold(h LegalHold) (int64, error)
	// ReleaseHold ends a hold. ErrNotFound if there is none that holds.
	ReleaseHold(id int64, at time.Time) error
	// Holds lists all holds, oldest first, also those released.
	Holds() ([]LegalHold, error)
	// DataKeys lists all keys by class and period.
	DataKeys() ([]DataKey, error)
	// DestroyKey destroys a key for ever. Findings and events under it have no Data from then on, transmissions no
	// References, Receipt and Evidence; reading a payload reports ErrShredded. ErrNotFound if there is none or it is
	// destroyed, ErrHeld if it is held. Other processes notice within a minute.
	DestroyKey(id int64) error
}

// Encrypted is a Store that may encrypt what it keeps. It is optional.
type Encrypted interface {
	// MasterKeyFile returns the file of the master key, empty if nothing is encrypted; created says that there was
	// none and Open has made it.
	MasterKeyFile(ctx context.Context) (path string, created bool)
}
