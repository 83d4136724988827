package sqlite

// NOTE: group commit.
//
// All changes go through one connection. A transaction whose first statement comes while another one runs waits for its turn; it then
// joins the open transaction of the engine inside a savepoint of its own, and who finds nobody waiting, or the group
// large or old enough, commits for all. So the sync is shared, and so are the pages that all of them write. A member
// that fails rolls back to its savepoint only, and waits for the commit all the same: what it saw, and may tell its caller
// of, is there then. Until the commit nobody but the members sees anything.

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/marktbote/marktbote/store/sqlstore"
)

const (
	// maxGroup is the number of members with which a group is committed although others wait.
	maxGroup = 64
	// minGroupAge and maxGroupAge bound the age at which it is: twice what the last commit took, so that a slow disk is
	// not synced more often than it can be.
	minGroupAge, maxGroupAge = 2 * time.Millisecond, 50 * time.Millisecond
)

// engine implements sqlstore.Engine.
type engine struct {
	reader  *sql.DB
	queries map[string]*sql.Stmt // of reader, by text; does not change after Prepare

	writer     *sql.DB
	conn       *sql.Conn            // the only one of writer
	statements map[string]*sql.Stmt // of conn

	mu    sync.Mutex
	busy  bool // somebody has his turn; everything below belongs to him
	queue []chan struct{}
	group *group        // nil: no transaction is open
	sync  time.Duration // what the last commit took
}

// group are transactions that are committed together.
type group struct {
	began   time.Time
	members int           // that want to be committed
	done    chan struct{} // closed when err is known
	err     error
}

// newEngine takes over both pools unless it fails.
func newEngine(ctx context.Context, writer, reader *sql.DB) (*engine, error) {
	conn, err := writer.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &engine{reader: reader, writer: writer, conn: conn}, nil
}

// Prepare implements sqlstore.Engine.
func (e *engine) Prepare(ctx context.Context, texts []string) error {
	e.queries, e.statements = map[string]*sql.Stmt{}, map[string]*sql.Stmt{}
	for _, text := range append(texts, begin, commit, rollback, savepoint, release, rollbackTo) {
		st, err := e.conn.PrepareContext(ctx, text) //nolint:sqlclosecheck // lives as long as the connection
		if err != nil {
			return fmt.Errorf("prepare %q: %w", text, err)
		}
		e.statements[text] = st
		if st, err = e.reader.PrepareContext(ctx, text); err != nil { //nolint:sqlclosecheck // likewise
			return fmt.Errorf("prepare %q: %w", text, err)
		}
		e.queries[text] = st
	}
	return nil
}

// Close implements sqlstore.Engine.
func (e *engine) Close() error {
	// The writer comes last, because the last connection tidies up the files.
	return errors.Join(e.reader.Close(), e.conn.Close(), e.writer.Close())
}

const (
	begin      = "BEGIN IMMEDIATE"
	commit     = "COMMIT"
	rollback   = "ROLLBACK"
	savepoint  = "SAVEPOINT member"
	release    = "RELEASE member"
	rollbackTo = "ROLLBACK TO member"
)

// Begin implements sqlstore.Engine.
func (e *engine) Begin(ctx context.Context, readOnly bool) (sqlstore.Session, error) {
	if readOnly {
		tx, err := e.reader.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
		if err != nil {
			return nil, err
		}
		return &view{e, tx}, nil
	}
	return &member{engine: e}, ctx.Err()
}

// Single implements sqlstore.Engine.
func (e *engine) Single(ctx context.Context) (sqlstore.Session, error) { return single{e}, ctx.Err() }

// turn waits until the caller may use the connection.
func (e *engine) turn(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	e.mu.Lock()
	if !e.busy {
		e.busy = true
		e.mu.Unlock()
		return nil
	}
	mine := make(chan struct{})
	e.queue = append(e.queue, mine)
	e.mu.Unlock()
	select {
	case <-mine:
	case <-ctx.Done():
		if e.leave(mine) {
			return ctx.Err()
		}
		<-mine // it is my turn already
	}
	if err := ctx.Err(); err != nil {
		e.settle()
		return err
	}
	return nil
}

// leave takes a waiter out of the queue; false if it is not there any more.
func (e *engine) leave(mine chan struct{}) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i, c := range e.queue {
		if c == mine {
			e.queue = append(e.queue[:i], e.queue[i+1:]...)
			return true
		}
	}
	return false
}

// handOver gives the turn of the caller to the first who waits; false if nobody does, and the caller keeps it.
func (e *engine) handOver() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.queue) == 0 {
		return false
	}
	close(e.queue[0])
	e.queue = e.queue[1:]
	return true
}

// next ends the turn of the caller.
func (e *engine) next() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.queue) == 0 {
		e.busy = false
		return
	}
	close(e.queue[0])
	e.queue = e.queue[1:]
}

// settle commits the group unless others join it, and ends the turn of the caller. Whether somebody waits and that it is
// his turn then are one step: if he left in between, nobody would commit.
func (e *engine) settle() {
	if g := e.group; g != nil {
		young := g.members < maxGroup && time.Since(g.began) < min(max(2*e.sync, minGroupAge), maxGroupAge)
		switch {
		case g.members == 0:
			_ = e.control(rollback) // nobody wants anything of it
			close(g.done)
			e.group = nil
		case young && e.handOver():
			return
		default:
			begin := time.Now()
			if err := e.control(commit); err != nil {
				e.fail(err)
				break
			}
			e.sync = time.Since(begin)
			close(g.done)
			e.group = nil
		}
	}
	e.next()
}

// fail ends a group whose transaction cannot be committed any more.
func (e *engine) fail(err error) {
	_ = e.control(rollback) // the engine may have done it
	e.group.err = err
	close(e.group.done)
	e.group = nil
}

// control runs a statement of the transaction itself, which the end of no caller's context stops.
func (e *engine) control(text string) error {
	_, err := e.statements[text].ExecContext(context.Background())
	return err
}

// member is a transaction that may be part of a group. It implements sqlstore.Session.
type member struct {
	engine *engine
	begun  bool // it has its turn
	inside bool // it has a savepoint
	ended  bool
}

// begin waits for the turn, when the first statement comes: what the caller computes before it, compressed and encrypted
// bytes for example, holds up nobody.
func (m *member) begin(ctx context.Context) error {
	e := m.engine
	if err := e.turn(ctx); err != nil {
		return err
	}
	if e.group == nil {
		if _, err := e.statements[begin].ExecContext(ctx); err != nil {
			e.next()
			return err
		}
		e.group = &group{began: time.Now(), done: make(chan struct{})}
		m.begun = true
		return nil
	}
	if err := e.control(savepoint); err != nil {
		e.fail(err)
		e.next()
		return err
	}
	m.begun, m.inside = true, true
	return nil
}

// Run implements sqlstore.Session. No statement is interrupted when ctx ends, because the engine would then undo the
// transaction of all.
func (m *member) Run(ctx context.Context, list []sqlstore.Statement) error {
	if !m.begun {
		if err := m.begin(ctx); err != nil {
			return err
		}
	}
	ctx = context.WithoutCancel(ctx)
	for _, s := range list {
		st := m.engine.statements[s.Text]
		if st == nil { // Verify and what is run once
			var err error
			if st, err = m.engine.conn.PrepareContext(ctx, s.Text); err != nil {
				return err
			}
			err = runOne(ctx, st, s)
			if err = errors.Join(err, st.Close()); err != nil { //nolint:sqlclosecheck // in a loop
				return err
			}
			continue
		}
		if err := runOne(ctx, st, s); err != nil {
			return err
		}
	}
	return nil
}

// Commit implements sqlstore.Session.
func (m *member) Commit(ctx context.Context, last []sqlstore.Statement) error {
	err := ctx.Err()
	if err == nil && (m.begun || len(last) > 0) {
		err = m.Run(ctx, last)
	}
	if err == nil && !m.begun {
		m.ended = true
		return nil // nothing was asked and nothing changed
	}
	if err == nil && m.inside {
		err = m.engine.control(release)
	}
	if err != nil {
		return errors.Join(err, m.Rollback())
	}
	m.ended = true
	g := m.engine.group
	g.members++
	m.engine.settle()
	<-g.done // also if ctx ends: whether it is committed is not the caller's to decide any more
	return g.err
}

// Rollback implements sqlstore.Session.
func (m *member) Rollback() error {
	if m.ended {
		return nil
	}
	m.ended = true
	if !m.begun {
		return nil
	}
	if !m.inside {
		e := m.engine
		err := e.control(rollback)
		e.group = nil
		e.next()
		if err != nil && strings.Contains(err.Error(), "no transaction is active") {
			return nil // the engine has done it
		}
		return err
	}
	err := m.engine.control(rollbackTo)
	if err == nil {
		err = m.engine.control(release)
	}
	if err != nil {
		m.engine.fail(err)
		m.engine.next()
		return err
	}
	g := m.engine.group
	m.engine.settle()
	<-g.done
	return g.err
}

// view is a read-only transaction. It implements sqlstore.Session.
type view struct {
	engine *engine
	tx     *sql.Tx
}

// Run implements sqlstore.Session.
func (v *view) Run(ctx context.Context, list []sqlstore.Statement) error {
	for _, s := range list {
		st := v.engine.queries[s.Text]
		if st == nil {
			rows, err := v.tx.QueryContext(ctx, s.Text, s.Args...)
			if err == nil {
				err = read(rows, s)
			}
			if err != nil {
				return err
			}
			continue
		}
		if err := runOne(ctx, v.tx.StmtContext(ctx, st), s); err != nil {
			return err
		}
	}
	return nil
}

// Commit implements sqlstore.Session.
func (v *view) Commit(ctx context.Context, last []sqlstore.Statement) error {
	if err := v.Run(ctx, last); err != nil {
		return errors.Join(err, v.Rollback())
	}
	return v.tx.Commit()
}

// Rollback implements sqlstore.Session.
func (v *view) Rollback() error {
	if err := v.tx.Rollback(); !errors.Is(err, sql.ErrTxDone) {
		return err
	}
	return nil
}

// single asks without a transaction. It implements sqlstore.Session.
type single struct{ engine *engine }

// Run implements sqlstore.Session.
func (s single) Run(ctx context.Context, list []sqlstore.Statement) error {
	for _, st := range list {
		query := s.engine.queries[st.Text]
		if query == nil {
			return fmt.Errorf("not prepared: %q", st.Text)
		}
		if err := runOne(ctx, query, st); err != nil {
			return err
		}
	}
	return nil
}

// Commit implements sqlstore.Session.
func (s single) Commit(ctx context.Context, last []sqlstore.Statement) error { return s.Run(ctx, last) }

// Rollback implements sqlstore.Session.
func (single) Rollback() error { return nil }

// runOne runs a statement and hands out its result.
func runOne(ctx context.Context, st *sql.Stmt, s sqlstore.Statement) error {
	if s.Rows != nil {
		rows, err := st.QueryContext(ctx, s.Args...)
		if err != nil {
			return err
		}
		return read(rows, s)
	}
	result, err := st.ExecContext(ctx, s.Args...)
	if err != nil || s.Done == nil {
		return err
	}
	changed, err := result.RowsAffected()
	if err != nil {
		return err
	}
	id, err := result.LastInsertId()
	if err != nil {
		return err
	}
	return s.Done(changed, id)
}

func read(rows *sql.Rows, s sqlstore.Statement) error {
	err := s.Rows(rows)
	return errors.Join(err, rows.Close())
}
