package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/marktbote/marktbote/store/postgres"
	"github.com/marktbote/marktbote/store/sqlite"
)

// benchRaw is the bare loop: the rows of a message, durably, with the bare client.
type benchRaw struct {
	insert func(ctx context.Context, messages [][]byte) error // in one transaction
	close  func() error
}

const (
	benchEvents     = 3   // rows beside the one with the bytes
	benchEventBytes = 330 // in each
)

// round inserts for some time and returns the messages a second.
func (r *benchRaw) round(ctx context.Context, maker *benchMaker, senders, batch int, long time.Duration) (float64, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	begin := time.Now()
	var count atomic.Int64
	var wg sync.WaitGroup
	for range senders {
		wg.Go(func() {
			for time.Since(begin) < long && ctx.Err() == nil {
				messages := make([][]byte, batch)
				for i := range messages {
					messages[i] = maker.interchange(1)
				}
				if err := r.insert(ctx, messages); err != nil {
					cancel(err)
					return
				}
				count.Add(int64(batch))
			}
		})
	}
	wg.Wait()
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	return float64(count.Load()) / time.Since(begin).Seconds(), nil
}

func (c *benchPipelineCmd) openRaw(ctx context.Context, dir, driver string) (*benchRaw, error) {
	if driver == "postgres" {
		return rawPostgres(ctx, c.Postgres, c.Senders)
	}
	dir, err := os.MkdirTemp(dir, "bare-")
	if err != nil {
		return nil, err
	}
	return rawSQLite(ctx, filepath.Join(dir, "bare.db"))
}

// rawSQLite uses the settings of the store.
func rawSQLite(ctx context.Context, path string) (_ *benchRaw, err error) {
	db, err := sql.Open("sqlite", sqlite.DSN(path))
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = db.Close() // err says what is wrong
		}
	}()
	db.SetMaxOpenConns(1)
	for _, text := range []string{
		"CREATE TABLE bare (id INTEGER PRIMARY KEY, reference INTEGER NOT NULL UNIQUE, data BLOB NOT NULL) STRICT",
		"CREATE TABLE bare_event (id INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT",
	} {
		if _, err := db.ExecContext(ctx, text); err != nil {
			return nil, err
		}
	}
	insert, err := db.PrepareContext(ctx, "INSERT INTO bare (reference, data) VALUES ($1, $2)")
	if err != nil {
		return nil, err
	}
	insertEvent, err := db.PrepareContext(ctx, "INSERT INTO bare_event (data) VALUES ($1)")
	if err != nil {
		return nil, err
	}
	var next atomic.Int64
	return &benchRaw{close: db.Close, insert: func(ctx context.Context, messages [][]byte) error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }()                                        // nothing to do after Commit
		one, event := tx.StmtContext(ctx, insert), tx.StmtContext(ctx, insertEvent) //nolint:sqlclosecheck // tx closes them
		for _, m := range messages {
			if _, err := one.ExecContext(ctx, next.Add(1), m); err != nil {
				return err
			}
			for range benchEvents {
				if _, err := event.ExecContext(ctx, m[:benchEventBytes]); err != nil {
					return err
				}
			}
		}
		return tx.Commit()
	}}, nil
}

// rawPostgres sends the rows of a transaction together.
func rawPostgres(ctx context.Context, url string, connections int) (_ *benchRaw, err error) {
	url, drop, err := postgres.TemporarySchema(ctx, url, fmt.Sprintf("marktbote_bare_%d", time.Now().UnixNano()))
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, drop())
		}
	}()
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	cfg.MaxConns = int32(min(connections, 1000)) //nolint:gosec // small
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, err
	}
	for _, text := range []string{
		"CREATE TABLE bare (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, reference BIGINT NOT NULL UNIQUE, data BYTEA NOT NULL)",
		"ALTER TABLE bare ALTER COLUMN data SET STORAGE EXTERNAL",
		"CREATE TABLE bare_event (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, data BYTEA NOT NULL)",
	} {
		if _, err := pool.Exec(ctx, text); err != nil {
			pool.Close()
			return nil, err
		}
	}
	var next atomic.Int64
	insert := func(ctx context.Context, messages [][]byte) error {
		batch := &pgx.Batch{}
		for _, m := range messages {
			batch.Queue("INSERT INTO bare (reference, data) VALUES ($1, $2)", next.Add(1), m)
			for range benchEvents {
				batch.Queue("INSERT INTO bare_event (data) VALUES ($1)", m[:benchEventBytes])
			}
		}
		return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error { return tx.SendBatch(ctx, batch).Close() })
	}
	return &benchRaw{insert: insert, close: func() error { pool.Close(); return drop() }}, nil
}
