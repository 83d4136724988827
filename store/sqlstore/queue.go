package sqlstore

// NOTE: changes that wait.
//
// A change whose result the caller does not need waits in a queue and goes to the database together with the next
// query, or before the commit: with a server the way there and back costs more than the change. Changes of one table
// keep their order, but for inserts into those whose rows have new numbers (rank); among tables inserts come in the order of tableRanks, so that what is referred to is there. A change
// that removes rows changes its place with none. Events wait until the end, because they take a lock. Several inserts in a row into one table become one statement if the
// engine takes arrays.

import (
	"errors"
	"fmt"
	"slices"

	"github.com/marktbote/marktbote/store"
)

// maxQueued bounds the memory of the queue.
const maxQueued = 1000

// queued is a change that waits.
type queued struct {
	op   string
	c    change
	args []any
	raw  *Statement // instead of c and args: it changes no row that is audited, and keeps its place
	// none returns the error if the change meets no row, or if an insert finds its key in use; nil: that is fine.
	none func() error
}

// later queues a change.
func (t *tx) later(q queued) error {
	switch {
	case t.ended:
		return t.fail(q.op, errEnded)
	case t.broken != nil:
		return t.store.fail(t.ctx, q.op, fmt.Errorf("after an error: %w", t.broken))
	case t.readOnly:
		return t.fail(q.op, errReadOnly)
	}
	cleaned(q.args)
	if q.raw == nil && q.c.tb == tableEvent {
		t.outbox = append(t.outbox, q)
	} else {
		t.queue = append(t.queue, q)
	}
	if len(t.queue)+len(t.outbox) >= maxQueued {
		t.sendEvents()
		return t.run(q.op)
	}
	return nil
}

// sendEvents lets the events of the transaction go with what is sent next.
func (t *tx) sendEvents() {
	t.queue, t.outbox = append(t.queue, t.outbox...), nil
}

// insertLater queues an insert that must not find its key in use.
func (t *tx) insertLater(op string, c change, args ...any) error {
	return t.later(queued{op: op, c: c, args: args, none: func() error { return fmt.Errorf("store: %s: %w", op, store.ErrDuplicate) }})
}

// refused is an error that says what the caller did wrong, in full.
type refused struct{ error }

func (r refused) Unwrap() error { return r.error }

// send sends the queue and then more statements.
func (t *tx) send(op string, more []Statement) error {
	waiting := t.waiting()
	if len(waiting.list)+len(more) == 0 {
		return nil
	}
	err := t.session.Run(t.ctx, append(waiting.list, more...))
	if err == nil {
		return nil
	}
	if waiting.done < len(waiting.ops) {
		op = waiting.ops[waiting.done]
	}
	if r, ok := errors.AsType[refused](err); ok {
		if t.broken == nil {
			t.broken = r.error
		}
		return r.error
	}
	return t.fail(op, err)
}

// statements are what the queue became.
type statements struct {
	list []Statement
	ops  []string // of each
	done int      // those whose result has come
}

// keepsPlace reports whether nothing may overtake q or be overtaken. Nothing refers to a work item.
func (q queued) keepsPlace() bool {
	return q.raw != nil || q.c.verb == verbDelete && q.c.tb != tableWork
}

// rank is the place of a change among others. Rows that the engine or Expect numbers are new, so that nothing before them
// is about them: their inserts come together.
func (q queued) rank() int {
	rank := 2 * tableRanks[q.c.tb]
	if q.c.verb != verbInsert && (q.c.tb == tableWork || q.c.tb == tableInterchange) {
		rank++
	}
	return rank
}

// waiting empties the queue.
func (t *tx) waiting() *statements {
	queue := t.queue
	t.queue = nil
	out := &statements{}
	for len(queue) > 0 {
		n := slices.IndexFunc(queue, queued.keepsPlace)
		switch {
		case n < 0:
			n = len(queue)
		case n == 0:
			out.add(queue[0].op, t.single(queue[0]))
			queue = queue[1:]
			continue
		}
		part := queue[:n]
		queue = queue[n:]
		slices.SortStableFunc(part, func(a, b queued) int { return a.rank() - b.rank() })
		for len(part) > 0 {
			if part[0].c.tb == tableEvent {
				t.lockEvents(out)
			}
			same := 1
			for t.store.dialect.Arrays && part[0].c.verb == verbInsert && same < len(part) && part[same].c.joins(part[0].c) {
				same++
			}
			if same == 1 {
				out.add(part[0].op, t.single(part[0]))
			} else {
				out.add(part[0].op, t.many(part[:same]))
			}
			part = part[same:]
		}
	}
	return out
}

// lockEvents makes the next transaction that records events wait until this one has ended: a number is given before
// the order of the commits is known.
func (t *tx) lockEvents(out *statements) {
	text, key := t.store.dialect.Lock, "event"
	if text == "" || slices.Contains(t.locked, key) {
		return
	}
	t.locked = append(t.locked, key)
	out.add("lock events", Statement{Text: text, Args: []any{key}, Done: func(int64, int64) error { return nil }})
}

// add appends a statement and notes when its result has come.
func (s *statements) add(op string, st Statement) {
	if rows := st.Rows; rows != nil {
		st.Rows = func(r Rows) error { err := rows(r); s.count(err); return err }
	}
	if done := st.Done; done != nil {
		st.Done = func(changed, id int64) error { err := done(changed, id); s.count(err); return err }
	}
	s.list, s.ops = append(s.list, st), append(s.ops, op)
}

func (s *statements) count(err error) {
	if err == nil {
		s.done++
	}
}

// missed is the result of a change that met no row.
func (q queued) missed() error {
	if q.none == nil {
		return nil
	}
	if err := q.none(); err != nil {
		return refused{err}
	}
	return nil
}

// single makes the statement of one change.
func (t *tx) single(q queued) Statement {
	if q.raw != nil {
		return *q.raw
	}
	if q.c.verb == verbInsert {
		return t.inserting(q.c, q.args, func(inserted bool, _ int64) error {
			if !inserted {
				return q.missed()
			}
			return nil
		})
	}
	return Statement{Text: q.c.text, Args: q.args, Rows: func(rows Rows) error {
		changed, err := collect(rows, scanRow)
		if err != nil {
			return err
		}
		for _, row := range changed {
			t.record(q.c.verb, q.c.tb, row)
		}
		if len(changed) == 0 {
			return q.missed()
		}
		return nil
	}}
}

// inserting makes the statement of one insert, which is recorded before done is called.
func (t *tx) inserting(c change, args []any, done func(inserted bool, id int64) error) Statement {
	result := func(inserted bool, id int64) error {
		if inserted {
			t.record(verbInsert, c.tb, c.tb.row(args, id))
		}
		return done(inserted, id)
	}
	if c.tb.generated < 0 || t.store.dialect.InsertID {
		return Statement{Text: c.text, Args: args, Done: func(changed, id int64) error { return result(changed > 0, id) }}
	}
	return Statement{Text: c.text + c.tb.returningGenerated(), Args: args, Rows: func(rows Rows) error {
		ids, err := collect(rows, scanID)
		switch {
		case err != nil:
			return err
		case len(ids) == 0:
			return result(false, 0)
		}
		return result(true, ids[0])
	}}
}

// many makes one statement of several inserts into the same table.
func (t *tx) many(same []queued) Statement {
	c := same[0].c
	args := arrays(c.tb, same)
	if c.tb.generated >= 0 && c.tb.unique < 0 { // nothing is in their way
		return Statement{Text: c.manyReturning(), Args: args, Rows: func(rows Rows) error {
			inserted, err := collect(rows, scanRow)
			for _, row := range inserted {
				t.record(verbInsert, c.tb, row)
			}
			return err
		}}
	}
	return Statement{Text: c.manyReturning(), Args: args, Rows: func(rows Rows) error {
		returned, err := collect(rows, scanRow)
		if err != nil {
			return err
		}
		ids := make(map[string]int64, len(returned)) // by what tells the rows apart
		for _, row := range returned {
			if c.tb.generated >= 0 {
				ids[row[1].(string)] = row[0].(int64)
			} else {
				ids[c.tb.keyOf(row)] = 0
			}
		}
		for _, q := range same {
			name := ""
			if c.tb.generated >= 0 {
				name = q.args[c.tb.uniqueArg()].(string)
			} else {
				name = c.tb.keyOf(q.args)
			}
			id, inserted := ids[name]
			if !inserted {
				if err := q.missed(); err != nil {
					return err
				}
				continue
			}
			delete(ids, name) // a second row with this key was not inserted
			t.record(verbInsert, c.tb, c.tb.row(q.args, id))
		}
		return nil
	}}
}

// arrays turns rows into an array for each column.
func arrays(tb *table, rows []queued) []any {
	var out []any
	column := 0
	for i, kind := range tb.types {
		if i == tb.generated {
			continue
		}
		out = append(out, array(kind, rows, column))
		column++
	}
	return out
}

func array(kind byte, rows []queued, column int) any {
	switch {
	case slices.ContainsFunc(rows, func(q queued) bool { return q.args[column] == nil }):
		values := make([]any, len(rows))
		for i, q := range rows {
			values[i] = q.args[column]
			if n, ok := values[i].(int); ok {
				values[i] = int64(n)
			}
		}
		return values
	case kind == 'i':
		values := make([]int64, len(rows))
		for i, q := range rows {
			values[i] = normal(q.args[column]).(int64)
		}
		return values
	case kind == 'b':
		values := make([][]byte, len(rows))
		for i, q := range rows {
			values[i] = q.args[column].([]byte)
		}
		return values
	default:
		values := make([]string, len(rows))
		for i, q := range rows {
			values[i] = q.args[column].(string)
		}
		return values
	}
}

// finish sends what waits and commits together with the entry of the audit log. The session has ended afterwards,
// unless it returns an error before the commit.
func (t *tx) finish() (ended bool, err error) {
	t.sendEvents()
	if err := t.run("update"); err != nil {
		return false, err
	}
	var last []Statement
	if len(t.changes) > 0 {
		last = append(last, Statement{Text: t.store.insertEntry, Args: cleaned([]any{
			micros(t.store.now()), t.actor, t.reason, string(t.changes),
		})})
	}
	if err := t.session.Commit(t.ctx, last); err != nil {
		return true, t.store.fail(t.ctx, "commit", err)
	}
	return true, nil
}
