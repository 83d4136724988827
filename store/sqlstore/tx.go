package sqlstore

import (
	"context"
	"database/sql"
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

// tx implements store.Tx. Its methods are in the file of the row they are about.
type tx struct {
	ctx    context.Context // of Update or View; a tx does not outlive them
	store  *Store
	pool   *pool
	sql    *sql.Tx
	broken error // the first error of the engine; the transaction must not be committed after it

	workAdded bool // somebody may be waiting for it
	locked    []string

	actor, reason string          // see SetActor
	changes       strings.Builder // of the audit log

	class     store.Class         // see SetClass
	newKeys   map[string]*dataKey // made by this transaction, by class/period
	destroyed []int64             // keys
}

// Lock implements store.Tx.
func (t *tx) Lock(key string) error { return t.lock("lock", "key/"+key) }

// lock takes a lock until the end of the transaction, once.
func (t *tx) lock(op, key string) error {
	text := t.store.dialect.Lock
	if text == "" || slices.Contains(t.locked, key) {
		return nil
	}
	if _, err := t.statement(text).ExecContext(t.ctx, key); err != nil {
		return t.fail(op, err)
	}
	t.locked = append(t.locked, key)
	return nil
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

// exec runs a statement and returns how many rows it changed.
func (t *tx) exec(op, text string, args ...any) (int64, error) {
	res, err := t.statement(text).ExecContext(t.ctx, cleaned(args)...)
	if err != nil {
		return 0, t.fail(op, err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return 0, t.fail(op, err)
	}
	return n, nil
}

// id runs a statement that returns one number. errNoRow if it returns none.
func (t *tx) id(op, text string, args ...any) (int64, error) {
	var id int64
	err := t.statement(text).QueryRowContext(t.ctx, cleaned(args)...).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, errNoRow
	}
	if err != nil {
		return 0, t.fail(op, err)
	}
	return id, nil
}

// statement returns the prepared form of text, which must be one of those prepared by New.
func (t *tx) statement(text string) *sql.Stmt {
	return t.sql.StmtContext(t.ctx, t.pool.stmts[text])
}

// list runs a query and reads its rows with scan.
func list[T any](t *tx, op, text string, scan func(*sql.Rows) (T, error), args ...any) ([]T, error) {
	rows, err := t.statement(text).QueryContext(t.ctx, cleaned(args)...)
	if err != nil {
		return nil, t.fail(op, err)
	}
	out, err := collect(rows, scan)
	if err != nil {
		return nil, t.fail(op, err)
	}
	return out, nil
}

// collect reads and closes rows.
func collect[T any](rows *sql.Rows, scan func(*sql.Rows) (T, error)) (out []T, err error) {
	defer func() {
		if closeErr := rows.Close(); err == nil {
			err = closeErr
		}
	}()
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
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
		s, ok := arg.(string)
		if !ok {
			continue
		}
		if !utf8.ValidString(s) {
			s = strings.ToValidUTF8(s, "\uFFFD")
			args[i] = s
		}
		if strings.IndexByte(s, 0) >= 0 {
			args[i] = strings.ReplaceAll(s, "\x00", "\uFFFD")
		}
	}
	return args
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
