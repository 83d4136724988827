package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/marktbote/marktbote/store/sqlstore"
)

const (
	beginUpdate = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
	beginView   = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
	// rollbackTimeout bounds a rollback that nobody waits for.
	rollbackTimeout = 5 * time.Second
)

// engine implements sqlstore.Engine. What is sent together travels together: a transaction begins with its first
// statement and ends with its last.
type engine struct{ writer, reader *pgxpool.Pool }

// newEngine prepares two pools; it does not connect yet.
func newEngine(ctx context.Context, cfg *pgx.ConnConfig) (*engine, error) {
	writer, err := newPool(ctx, cfg, maxWriters)
	if err != nil {
		return nil, err
	}
	reader, err := newPool(ctx, cfg, maxReaders)
	if err != nil {
		writer.Close()
		return nil, err
	}
	return &engine{writer, reader}, nil
}

func newPool(ctx context.Context, cfg *pgx.ConnConfig, size int32) (*pgxpool.Pool, error) {
	pool, err := pgxpool.ParseConfig("")
	if err != nil {
		return nil, err
	}
	pool.ConnConfig = cfg.Copy()
	pool.MinConns, pool.MaxConns, pool.MaxConnIdleTime = 0, size, maxIdle
	return pgxpool.NewWithConfig(ctx, pool)
}

// Prepare implements sqlstore.Engine. Each connection prepares by itself what it runs; this is to see that it can.
func (e *engine) Prepare(ctx context.Context, texts []string) error {
	return e.writer.AcquireFunc(ctx, func(c *pgxpool.Conn) error {
		for _, text := range texts {
			if _, err := c.Conn().Prepare(ctx, "", text); err != nil {
				return fmt.Errorf("prepare %q: %w", text, err)
			}
		}
		return nil
	})
}

// Close implements sqlstore.Engine.
func (e *engine) Close() error {
	e.writer.Close()
	e.reader.Close()
	return nil
}

// Begin implements sqlstore.Engine.
func (e *engine) Begin(ctx context.Context, readOnly bool) (sqlstore.Session, error) {
	pool, begin := e.writer, beginUpdate
	if readOnly {
		pool, begin = e.reader, beginView
	}
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	return &session{conn: conn, begin: begin}, nil
}

// session is one transaction. It implements sqlstore.Session.
type session struct {
	conn  *pgxpool.Conn // nil: ended
	begin string        // what begins the transaction; empty: sent
	plain bool          // there is none
}

// Single implements sqlstore.Engine.
func (e *engine) Single(ctx context.Context) (sqlstore.Session, error) {
	conn, err := e.reader.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	return &session{conn: conn, plain: true}, nil
}

var errEnded = errors.New("the session has ended")

// Run implements sqlstore.Session.
func (s *session) Run(ctx context.Context, list []sqlstore.Statement) error {
	if len(list) == 0 {
		return nil
	}
	return s.send(ctx, list, "")
}

// Commit implements sqlstore.Session.
func (s *session) Commit(ctx context.Context, last []sqlstore.Statement) error {
	if s.conn == nil {
		return errEnded
	}
	err := ctx.Err()
	switch {
	case err != nil:
	case s.plain && len(last) > 0:
		err = s.send(ctx, last, "")
	case !s.plain && (s.begin == "" || len(last) > 0):
		err = s.send(ctx, last, "COMMIT")
	}
	if err != nil {
		return errors.Join(err, s.Rollback())
	}
	s.conn.Release()
	s.conn = nil
	return nil
}

// Rollback implements sqlstore.Session. A connection whose transaction cannot be ended is not used again.
func (s *session) Rollback() error {
	if s.conn == nil {
		return nil
	}
	if s.begin == "" && !s.plain && !s.conn.Conn().IsClosed() && s.conn.Conn().PgConn().TxStatus() != 'I' {
		ctx, cancel := context.WithTimeout(context.Background(), rollbackTimeout)
		defer cancel()
		_, _ = s.conn.Exec(ctx, "ROLLBACK") // the pool closes a connection that is still inside
	}
	s.conn.Release()
	s.conn = nil
	return nil
}

// send sends everything at once and hands out the results.
func (s *session) send(ctx context.Context, list []sqlstore.Statement, end string) (err error) {
	if s.conn == nil {
		return errEnded
	}
	batch := &pgx.Batch{}
	begun := s.begin != ""
	if begun {
		batch.Queue(s.begin)
		s.begin = ""
	}
	for _, st := range list {
		batch.Queue(st.Text, st.Args...)
	}
	if end != "" {
		batch.Queue(end)
	}
	results := s.conn.SendBatch(ctx, batch)
	defer func() {
		if closeErr := results.Close(); err == nil {
			err = closeErr
		}
	}()
	if begun {
		if _, err := results.Exec(); err != nil {
			return err
		}
	}
	for _, st := range list {
		if err := take(results, st); err != nil {
			return err
		}
	}
	if end != "" {
		tag, err := results.Exec()
		if err == nil && tag.String() != end {
			err = pgx.ErrTxCommitRollback
		}
		return err
	}
	return nil
}

// take hands out one result.
func take(results pgx.BatchResults, st sqlstore.Statement) error {
	if st.Rows == nil {
		tag, err := results.Exec()
		if err != nil || st.Done == nil {
			return err
		}
		return st.Done(tag.RowsAffected(), 0)
	}
	found, err := results.Query()
	if err != nil {
		return err
	}
	defer found.Close()
	if err := st.Rows(rows{found}); err != nil {
		return err
	}
	found.Close()
	return found.Err()
}

// rows implements sqlstore.Rows.
type rows struct{ pgx.Rows }

// Columns implements sqlstore.Rows.
func (r rows) Columns() ([]string, error) {
	var names []string
	for _, f := range r.FieldDescriptions() {
		names = append(names, f.Name)
	}
	return names, nil
}
