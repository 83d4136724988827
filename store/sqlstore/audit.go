package sqlstore

// NOTE: the audit log.
//
// A transaction collects a line for each row it changes and writes them as one audit_entry at its end. The entry is
// a leaf of a Merkle tree whose hashes the sealer computes later, so that writers do not wait for each other:
//
//	line  = verb SP table SP key [SP hash]     verb: + inserted, ~ changed, - removed (without hash)
//	leaf  = id LF instant LF actor LF reason LF lines
//
// The tree follows the ids. Before the sealer reads up to an id, everybody who has taken a lower one must have
// ended: writers hold Dialect.AuditShared from before they take the id until the commit, the sealer takes
// Dialect.AuditBarrier for a moment. What is sealed is never sealed again; one sealer works at a time.

import (
	"database/sql"
	"fmt"
	"strings"
)

const (
	verbInsert = '+'
	verbUpdate = '~'
	verbDelete = '-'
)

// SetActor implements store.AuditTx.
func (t *tx) SetActor(actor, reason string) { t.actor, t.reason = actor, reason }

// record notes a changed row; row has all columns, or those of the key if it was removed.
func (t *tx) record(verb byte, tb *table, row []any) {
	t.changes.WriteByte(verb)
	t.changes.WriteByte(' ')
	t.changes.WriteString(tb.name)
	t.changes.WriteByte(' ')
	t.changes.WriteString(tb.keyOf(row))
	if verb != verbDelete {
		t.changes.WriteByte(' ')
		t.changes.WriteString(contentHash(row))
	}
	t.changes.WriteByte('\n')
}

// change runs a statement, records the rows and returns them: all columns of those that were updated, those of the
// key of the others.
func (t *tx) change(op string, c change, args ...any) ([][]any, error) {
	rows, err := list(t, op, c.text, scanRow, args...)
	for _, row := range rows {
		if c.verb == verbInsert {
			row = c.tb.inserted(row, args)
		}
		t.record(c.verb, c.tb, row)
	}
	return rows, err
}

// inserted is the row that an insert made of args, which are all columns in their order, or all but the first if the
// engine made that up.
func (tb *table) inserted(key, args []any) []any {
	if len(args) == len(tb.columns) {
		return args
	}
	return append([]any{key[0]}, args...)
}

// changeOne is change for a statement that meets one row or none, for which it returns errNoRow.
func (t *tx) changeOne(op string, c change, args ...any) ([]any, error) {
	rows, err := t.change(op, c, args...)
	if err == nil && len(rows) == 0 {
		err = errNoRow
	}
	if err != nil {
		return nil, err
	}
	return rows[0], nil
}

// changeID is changeOne for a table whose key is a number, which it returns.
func (t *tx) changeID(op string, c change, args ...any) (int64, error) {
	row, err := t.changeOne(op, c, args...)
	if err != nil {
		return 0, err
	}
	return row[0].(int64), nil
}

// scanRow reads a row as it is.
func scanRow(rows *sql.Rows) ([]any, error) {
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	row, pointers := make([]any, len(columns)), make([]any, len(columns))
	for i := range row {
		pointers[i] = &row[i]
	}
	return row, rows.Scan(pointers...)
}

// finish writes the entry of the transaction.
func (t *tx) finish() error {
	if t.changes.Len() == 0 {
		return nil
	}
	_, err := t.exec("audit", t.store.insertEntry, micros(t.store.now()), t.actor, t.reason, t.changes.String())
	return err
}

// entry is a row of audit_entry.
type entry struct {
	id, recordedAt         int64
	actor, reason, changes string
}

func scanEntry(rows *sql.Rows) (e entry, err error) {
	return e, rows.Scan(&e.id, &e.recordedAt, &e.actor, &e.reason, &e.changes)
}

// leaf is what the tree has of an entry. Actor and reason are quoted, so that their ends are clear.
func (e entry) leaf() []byte {
	return fmt.Appendf(nil, "%d\n%d\n%q\n%q\n%s", e.id, e.recordedAt, e.actor, e.reason, e.changes)
}

// change of a row as the log tells it.
type rowChange struct {
	verb             byte
	table, key, hash string
}

// lines calls do for each change of an entry; a line that is none is passed on as a change without verb.
func (e entry) lines(do func(rowChange)) {
	for line := range strings.Lines(e.changes) {
		line = strings.TrimSuffix(line, "\n")
		var c rowChange
		head, rest, ok := strings.Cut(line, " ")
		c.table, rest, ok = cut(rest, ok)
		if strings.HasPrefix(rest, `"`) {
			if end := strings.LastIndexByte(rest, '"'); end > 0 {
				c.key, c.hash = rest[:end+1], strings.TrimPrefix(rest[end+1:], " ")
			}
		} else {
			c.key, c.hash, _ = strings.Cut(rest, " ")
		}
		if ok && len(head) == 1 {
			c.verb = head[0]
		}
		do(c)
	}
}

func cut(s string, ok bool) (before, after string, found bool) {
	before, after, found = strings.Cut(s, " ")
	return before, after, ok && found
}
