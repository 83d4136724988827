package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/marktbote/marktbote/store"
)

// errNoRow is what tx.row returns when the query has no result.
var errNoRow = errors.New("no row")

// tx implements store.Tx. Its methods are in the file of the row they are about, changes that wait to be sent in
// queue.go.
type tx struct {
	ctx      context.Context // of Update or View; a tx does not outlive them
	store    *Store
	session  Session
	readOnly bool
	ended    bool
	broken   error // the first error of the engine; the transaction must not be committed after it

	expected  expected // see Expect
	queue     []queued // changes that were not sent yet
	outbox    []queued // the events among them
	workAdded bool     // somebody may be waiting for it
	locked    []string

	actor, reason string // see SetActor
	changes       []byte // of the audit log
	scratch       []byte // reused by record

	class     store.Class         // see SetClass
	newKeys   map[string]*dataKey // made or read by this transaction, by class/period
	destroyed []int64             // keys
}

var (
	errEnded    = errors.New("the transaction has ended")
	errReadOnly = errors.New("a change in View")
)

// Lock implements store.Tx.
func (t *tx) Lock(key string) error { return t.lock("lock", "key/"+key) }

// lock takes a lock until the end of the transaction, once: before whatever is sent next.
func (t *tx) lock(op, key string) error {
	text := t.store.dialect.Lock
	if text == "" || slices.Contains(t.locked, key) {
		return nil
	}
	t.locked = append(t.locked, key)
	return t.later(queued{op: op, raw: &Statement{Text: text, Args: cleaned([]any{key}), Done: func(int64, int64) error { return nil }}})
}

// fail wraps an error of the engine and makes sure that the transaction is not committed: PostgreSQL would
// refuse, SQLite would keep what went well.
func (t *tx) fail(op string, err error) error {
	if t.store.dialect.MissingReference(err) {
		err = fmt.Errorf("%w: what it refers to (%v)", store.ErrNotFound, err)
	}
	if t.broken == nil {
		t.broken = err
	}
	return t.store.fail(t.ctx, op, err)
}

// run sends what waits and then the statements.
func (t *tx) run(op string, list ...Statement) error {
	switch {
	case t.ended:
		return t.fail(op, errEnded)
	case t.broken != nil: // the engine may have ended the transaction; what follows would be one of its own
		return t.store.fail(t.ctx, op, fmt.Errorf("after an error: %w", t.broken))
	}
	if err := t.ctx.Err(); err != nil {
		return t.fail(op, err)
	}
	return t.send(op, list)
}

// id runs a statement that returns one number. errNoRow if it returns none.
func (t *tx) id(op, text string, args ...any) (int64, error) {
	found, err := list(t, op, text, scanID, args...)
	if err == nil && len(found) == 0 {
		err = errNoRow
	}
	if err != nil {
		return 0, err
	}
	return found[0], nil
}

// list runs a query and reads its rows with scan.
func list[T any](t *tx, op, text string, scan func(Rows) (T, error), args ...any) (out []T, err error) {
	err = t.run(op, Statement{Text: text, Args: cleaned(args), Rows: func(rows Rows) (err error) {
		out, err = collect(rows, scan)
		return err
	}})
	return out, err
}

// collect reads rows.
func collect[T any](rows Rows, scan func(Rows) (T, error)) (out []T, err error) {
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

func scanID(rows Rows) (id int64, err error) {
	return id, rows.Scan(&id)
}

// limitOf is the length of a list for the limit asked for.
func limitOf(limit int) int {
	if limit <= 0 {
		return store.DefaultLimit
	}
	return limit
}

// cleaned replaces in texts what not every engine keeps, in place; see package store.
func cleaned(args []any) []any {
	for i, arg := range args {
		if s, ok := arg.(string); ok && (!utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0) {
			args[i] = cleanedText(s)
		}
	}
	return args
}

// cleanedText is cleaned for one text.
func cleanedText(s string) string {
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	return strings.ReplaceAll(s, "\x00", "\uFFFD")
}

// micros is how an instant is stored: microseconds since 1970 UTC, 0 for the zero time.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// instant is the reverse of micros.
func instant(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// number is how a truth value is stored.
func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

// reference is how a reference to another row is stored: NULL if it is empty.
func reference[T comparable](key T) any {
	var none T
	if key == none {
		return nil
	}
	return key
}

// blob is how bytes are stored: never NULL.
func blob(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// bytesOf is the reverse of blob: empty bytes are nil.
func bytesOf(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}
