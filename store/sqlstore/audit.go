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
	"crypto/sha256"
	"encoding/hex"
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
	b := append(t.changes, verb, ' ')
	b = append(append(b, tb.name...), ' ')
	b = tb.appendKey(b, row)
	if verb != verbDelete {
		var sum [sha256.Size]byte
		sum, t.scratch = contentSum(t.scratch, row)
		b = hex.AppendEncode(append(b, ' '), sum[:])
	}
	t.changes = append(b, '\n')
}

// change runs a statement that is no insert, records the rows and returns them: all columns of those that were
// updated, those of the key of the others.
func (t *tx) change(op string, c change, args ...any) ([][]any, error) {
	if t.readOnly {
		return nil, t.fail(op, errReadOnly)
	}
	rows, err := list(t, op, c.text, scanRow, args...)
	for _, row := range rows {
		t.record(c.verb, c.tb, row)
	}
	return rows, err
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

// insert adds a row at once and returns the number that the engine made up. errNoRow if its key is in use.
func (t *tx) insert(op string, c change, args ...any) (id int64, err error) {
	if t.readOnly {
		return 0, t.fail(op, errReadOnly)
	}
	found := true
	err = t.run(op, t.inserting(c, cleaned(args), func(inserted bool, made int64) error {
		id, found = made, inserted
		return nil
	}))
	if err == nil && !found {
		err = errNoRow
	}
	return id, err
}

// scanRow reads a row as it is.
func scanRow(rows Rows) ([]any, error) {
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

// entry is a row of audit_entry.
type entry struct {
	id, recordedAt         int64
	actor, reason, changes string
}

func scanEntry(rows Rows) (e entry, err error) {
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
