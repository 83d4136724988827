// Package sqlstore holds the SQL text and the logic that the store drivers share.
//
// It uses numbered parameters ($1, $2 ...) and keeps to what SQLite and PostgreSQL both understand: RETURNING, ON
// CONFLICT DO NOTHING, partial indexes, instants as integer microseconds, truth values as 0 and 1. What differs between
// the engines is a field of Dialect. A driver opens the database, brings its tables up to date and hands an Engine to
// New:
//
//	st, err := sqlstore.New(ctx, sqlstore.Config{Engine: e, Dialect: d})
//
// A file per concept: statements*.go have the SQL text, queue.go says which changes wait for others, payload.go how
// bytes are cut into chunks, work.go how leases work, audit.go how the audit log is made, keys.go how bytes are
// encrypted.
package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/marktbote/marktbote/store"
)

const (
	// maxUpdateAttempts is how often Update runs fn when the engine reports conflicts with other transactions.
	maxUpdateAttempts = 10
	// conflictPause is the longest pause before the second run; it doubles with every further one.
	conflictPause = 2 * time.Millisecond
)

// auditVersion is the version of the tables from which on there is an audit log.
const auditVersion = 3

// Dialect is what differs between database engines. Its functions must be safe for concurrent use.
type Dialect struct {
	// MissingReference reports whether err says that a row refers to another one that does not exist.
	MissingReference func(err error) bool
	// Conflict reports whether err says that the transaction met another one and may succeed if it runs again.
	Conflict func(err error) bool
	// Unreachable reports whether err says that the database is gone for the moment; nil if that cannot happen.
	Unreachable func(err error) bool
	// SkipLocked ends the query that selects the work to claim, so that two claims running at the same time do
	// not select the same rows: "FOR UPDATE SKIP LOCKED", or empty if the engine has one writer at a time.
	SkipLocked string
	// LockRows ends a query whose rows nobody else may change until the transaction ends: " FOR UPDATE", or empty if the
	// engine has one writer at a time.
	LockRows string
	// InsertAudit adds a row to audit_entry; parameters: instant, actor, reason, changes. With several writers it
	// keeps AuditBarrier waiting from before the row gets its number until the transaction ends.
	InsertAudit string
	// AuditBarrier is a statement that waits until every transaction that took a number of audit_entry has ended;
	// empty if the engine has one writer at a time.
	AuditBarrier string
	// InsertID says that the engine tells the number it gave to an inserted row without being asked; else inserts have
	// RETURNING.
	InsertID bool
	// Arrays says that unnest makes rows of parameters that are arrays, so that one statement inserts many.
	Arrays bool
	// Lock is a statement that makes transactions with the same key, its only parameter, wait for each other;
	// empty if the engine has one writer at a time.
	Lock string
}

// Config is what New needs; Engine and Dialect must be set.
type Config struct {
	Engine  Engine
	Dialect Dialect
	Now     func() time.Time // clock for the columns that say when something was stored; nil means time.Now
	// WorkAdded is called after a transaction that added work was committed; it must not block. nil: nobody cares.
	WorkAdded func()
	KeyFile   string    // file of the master key, created for an empty database; empty: nothing is encrypted
	Before    int64     // version of the tables that the driver found
	Version   int64     // version they have now
	Release   io.Closer // closed after the engine; nil if there is nothing to release
}

// Store implements store.Store over database/sql. It is safe for concurrent use.
type Store struct {
	engine  Engine
	dialect Dialect
	claim   string // text of the claim statement, see claimWork
	now     func() time.Time
	added   func() // see Config.WorkAdded
	release io.Closer
	before  int64 // see Config
	version int64

	keys *keyring

	insertEntry string                     // text that adds to the audit log
	sealing     atomic.Bool                // sealing is due
	sealTimer   atomic.Pointer[time.Timer] // when it happens

	encoder *zstd.Encoder
	decoder *zstd.Decoder
	buffers sync.Pool // of *buffers

	mu     sync.Mutex
	closed bool           // guarded by mu
	active sync.WaitGroup // calls between enter and leave; grows only under mu and before closed is set
}

// New prepares all statements and returns the store, which from then on owns the engine and cfg.Release. After
// an error they still belong to the caller.
func New(ctx context.Context, cfg Config) (*Store, error) {
	s := &Store{
		engine:  cfg.Engine,
		dialect: cfg.Dialect,
		claim:   fmt.Sprintf(claimWork, cfg.Dialect.SkipLocked),
		now:     cfg.Now,
		added:   cfg.WorkAdded,
		release: cfg.Release,
		before:  cfg.Before,
		version: cfg.Version,

		insertEntry: cfg.Dialect.InsertAudit,
	}
	if s.insertEntry == "" {
		s.insertEntry = insertEntry
	}
	if s.added == nil {
		s.added = func() {}
	}
	if s.now == nil {
		s.now = time.Now
	}
	if err := s.initCompression(); err != nil {
		return nil, fmt.Errorf("store: open: %w", err)
	}
	err := s.engine.Prepare(ctx, s.texts())
	if err != nil {
		return nil, fmt.Errorf("store: open: %w", err)
	}
	if s.keys, err = openKeyring(cfg.KeyFile, func() (bool, error) { return s.hasNoKeys(ctx) }); err == nil {
		err = s.checkKeys(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("store: open: %w", err)
	}
	if s.before > 0 && s.before < s.version {
		if err := s.adopt(ctx); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// texts lists what is prepared.
func (s *Store) texts() []string {
	more := []string{s.claim, s.insertEntry}
	if s.dialect.Lock != "" {
		more = append(more, s.dialect.Lock)
	}
	if rows := s.dialect.LockRows; rows != "" {
		more = append(more, listLedger+rows, selectLedger+rows, listLedgerDue+rows)
	}
	if s.dialect.AuditBarrier != "" {
		more = append(more, s.dialect.AuditBarrier)
	}
	return slices.Concat(queries(), s.dialect.changes(), more)
}

// hasNoKeys reports whether nothing in the database is encrypted yet.
func (s *Store) hasNoKeys(ctx context.Context) (none bool, err error) {
	err = s.transactView(ctx, "count keys", func(t *tx) error {
		n, err := t.id("count keys", countKeys)
		none = n == 0
		return err
	})
	return none, err
}

// checkKeys refuses a master key that is not the one of the database. Without one the audit log can still be
// verified; reading encrypted bytes reports an error.
func (s *Store) checkKeys(ctx context.Context) error {
	if s.keys.master == nil {
		return nil
	}
	return s.transactView(ctx, "check keys", func(t *tx) error {
		keys, err := list(t, "check keys", listKeys, func(rows Rows) (id int64, err error) {
			var class, period string
			var destroyedAt int64
			return id, rows.Scan(&id, &class, &period, &destroyedAt)
		})
		if err != nil || len(keys) == 0 {
			return err
		}
		_, err = t.keyByID("check keys", keys[len(keys)-1])
		return err
	})
}

// Close implements store.Store.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	s.active.Wait()
	s.sealLast()

	s.decoder.Close()
	err := s.engine.Close()
	if s.release != nil {
		err = errors.Join(err, s.release.Close())
	}
	if err != nil {
		return fmt.Errorf("store: close: %w", err)
	}
	return nil
}

// Versions implements store.Versioner.
func (s *Store) Versions() (before, now int64) { return s.before, s.version }

// enter counts a call that uses the database until leave, so that Close can wait for it. It must not be held
// while code of the caller runs that may block for long, except inside Update and View.
func (s *Store) enter() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return store.ErrClosed
	}
	s.active.Add(1)
	return nil
}

func (s *Store) leave() { s.active.Done() }

// Update implements store.Store.
func (s *Store) Update(ctx context.Context, fn func(tx store.Tx) error) error {
	return s.again(ctx, func() error { return s.update(ctx, "update", func(t *tx) error { return fn(t) }) })
}

// again runs do until it does not meet another transaction any more.
func (s *Store) again(ctx context.Context, do func() error) error {
	pause := conflictPause
	for attempt := 1; ; attempt++ {
		err := do()
		if err == nil || attempt == maxUpdateAttempts || ctx.Err() != nil || !s.dialect.Conflict(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(rand.N(pause)): //nolint:gosec // no secret: the two must not meet again
			pause *= 2
		}
	}
}

// View implements store.Store.
func (s *Store) View(ctx context.Context, fn func(tx store.Tx) error) error {
	return s.transactView(ctx, "view", func(t *tx) error { return fn(t) })
}

// Look implements store.Store.
func (s *Store) Look(ctx context.Context, fn func(tx store.Tx) error) error {
	const op = "look"
	if err := s.enter(); err != nil {
		return s.fail(ctx, op, err)
	}
	defer s.leave()
	session, err := s.engine.Single(ctx)
	if err != nil {
		return s.fail(ctx, op, err)
	}
	return s.inside(ctx, op, session, true, func(t *tx) error { return fn(t) })
}

// transactView runs fn in a transaction that changes nothing and sees one state.
func (s *Store) transactView(ctx context.Context, op string, fn func(t *tx) error) error {
	if err := s.enter(); err != nil {
		return s.fail(ctx, op, err)
	}
	defer s.leave()
	return s.transact(ctx, op, true, fn)
}

// update runs fn once in a transaction that changes something.
func (s *Store) update(ctx context.Context, op string, fn func(t *tx) error) error {
	if err := s.enter(); err != nil {
		return s.fail(ctx, op, err)
	}
	defer s.leave()
	return s.transact(ctx, op, false, fn)
}

// transact runs fn once in a transaction, between enter and leave.
func (s *Store) transact(ctx context.Context, op string, readOnly bool, fn func(t *tx) error) error {
	session, err := s.engine.Begin(ctx, readOnly)
	if err != nil {
		return s.fail(ctx, op, err)
	}
	return s.inside(ctx, op, session, readOnly, fn)
}

// inside runs fn once in a session and ends it.
func (s *Store) inside(ctx context.Context, op string, session Session, readOnly bool, fn func(t *tx) error) (err error) {
	t := &tx{ctx: ctx, store: s, session: session, readOnly: readOnly}
	ended := false
	defer func() {
		t.ended = true
		if !ended { // fn panicked or left with Goexit; there is nobody to tell about a failing rollback
			_ = session.Rollback()
		}
	}()
	err = fn(t)
	switch {
	case err != nil:
	case t.broken != nil:
		err = s.fail(ctx, op, fmt.Errorf("ignored error: %w", t.broken))
	default:
		ended, err = t.finish()
	}
	if err != nil {
		if ended {
			return err
		}
		ended = true
		if rollbackErr := session.Rollback(); rollbackErr != nil && !s.unreachable(err) {
			return fmt.Errorf("%w (rollback: %v)", err, rollbackErr)
		}
		return err
	}
	if len(t.changes) > 0 {
		s.sealSoon()
	}
	if len(t.newKeys)+len(t.destroyed) > 0 {
		s.keys.keepKeys(t.newKeys)
		s.keys.forget(t.destroyed)
	}
	if t.workAdded {
		s.added()
	}
	return nil
}

// alone runs one statement by itself, between enter and leave.
func (s *Store) alone(ctx context.Context, readOnly bool, st Statement) (err error) {
	var session Session
	if readOnly {
		session, err = s.engine.Single(ctx)
	} else {
		session, err = s.engine.Begin(ctx, false)
	}
	if err != nil {
		return err
	}
	return session.Commit(ctx, []Statement{st})
}

// fail says which operation of the store met err. When ctx has ended this is the reason, whatever the engine
// made of it.
func (s *Store) fail(ctx context.Context, op string, err error) error {
	if cause := ctx.Err(); cause != nil && !errors.Is(err, cause) {
		return fmt.Errorf("store: %s: %w (%v)", op, cause, err)
	}
	if s.unreachable(err) {
		err = temporary{err}
	}
	return fmt.Errorf("store: %s: %w", op, err)
}

func (s *Store) unreachable(err error) bool {
	return s.dialect.Unreachable != nil && s.dialect.Unreachable(err)
}

// temporary is an error that goes away by itself: the database is restarted, or another one takes over.
type temporary struct{ error }

func (e temporary) Unwrap() error { return e.error }

// Is makes it a store.ErrUnreachable.
func (temporary) Is(target error) bool { return target == store.ErrUnreachable }

// Temporary reports that trying again later makes sense.
func (temporary) Temporary() bool { return true }
