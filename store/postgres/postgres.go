// Package postgres is the store for production: one PostgreSQL database (13 or later), any number of gateway
// processes on it.
//
//	st, err := postgres.Open(ctx, "postgres://marktbote@db.example/marktbote?passfile=/etc/marktbote/pgpass")
//	if err != nil { ... }
//	defer st.Close()
//
// The tables live in the first schema of the search path. SQL and logic are those of package sqlstore.
//
// # Isolation
//
// Update runs READ COMMITTED, View REPEATABLE READ. SERIALIZABLE would make workers that replace the rows of
// neighbouring interchanges, and so touch the same index pages, repeat each other's transactions. What must not
// happen twice is guarded by unique keys, leases and Tx.Lock; who reads the ledger to change it holds its rows.
//
// # Order of events
//
// A transaction that records events holds a lock while it ends, so that numbers become visible in their order. Such
// transactions therefore reach the disk one after another; all others share a sync. Recording many events in one
// keeps this cheap.
//
// # Durability
//
// The server must run with fsync and synchronous_commit on, which are its defaults; Open refuses a database that
// does not.
package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/marktbote/marktbote/store"
	"github.com/marktbote/marktbote/store/sqlstore"
)

const (
	// maxWriters and maxReaders are the connections of one process for changes and for queries.
	maxWriters, maxReaders = 16, 8
	// connectTimeout is how long connecting may take if the data source name does not say.
	connectTimeout = 10 * time.Second
	// maxIdle is how long a connection is kept that nobody uses.
	maxIdle = 5 * time.Minute
	// abandonedAfter is the age at which an upload that is not complete counts as left behind by a crash. An upload
	// of another process may be running, so it is long; one that takes longer fails.
	abandonedAfter = 24 * time.Hour
	// idleInTransaction ends the transaction of a process that hangs or is gone without the network noticing.
	idleInTransaction = 5 * time.Minute
)

// Store is a store on PostgreSQL. Beside store.Store it tells when other processes add work.
type Store struct {
	*sqlstore.Store
	bell *bell
}

var (
	_ store.Store  = (*Store)(nil)
	_ store.Waiter = (*Store)(nil)
)

// Open connects to the database and brings its tables up to date; several processes may do so at the same time. The
// data source name is a URL (postgres://...) or a list of key=value, as for psql; what it does not say comes from
// the environment (PGHOST, PGPASSFILE ...). The store must be closed by the caller. No error has the password in it.
// Nothing is encrypted but what is already.
func Open(ctx context.Context, dsn string) (*Store, error) { return OpenWith(ctx, dsn, "") }

// OpenWith is Open with a master key that payloads, findings and events are encrypted with. Every process on the
// database needs the same file; it is created for a database without encrypted bytes.
func OpenWith(ctx context.Context, dsn, keyFile string) (*Store, error) {
	cfg, err := parse(dsn)
	if err != nil {
		return nil, fmt.Errorf("store: open: %w", err)
	}
	st, err := open(ctx, cfg, keyFile)
	if err != nil {
		return nil, fmt.Errorf("store: open %s: %w", describe(cfg), err)
	}
	return st, nil
}

// parse reads a data source name and sets what the store needs on every connection.
func parse(dsn string) (*pgx.ConnConfig, error) {
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, err // has no password in it
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = connectTimeout
	}
	for name, value := range map[string]string{
		"application_name":                    "marktbote",
		"idle_in_transaction_session_timeout": fmt.Sprint(idleInTransaction.Milliseconds()),
	} {
		if _, set := cfg.RuntimeParams[name]; !set {
			cfg.RuntimeParams[name] = value
		}
	}
	cfg.RuntimeParams["client_encoding"] = "UTF8"
	return cfg, nil
}

// Describe names the database of a data source name without its password, for people.
func Describe(dsn string) string {
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		return "postgres"
	}
	return describe(cfg)
}

func describe(cfg *pgx.ConnConfig) string {
	return fmt.Sprintf("postgres://%s@%s:%d/%s", cfg.User, cfg.Host, cfg.Port, cfg.Database)
}

func dialect() sqlstore.Dialect {
	return sqlstore.Dialect{
		MissingReference: func(err error) bool { return hasCode(err, "23503") },
		Conflict:         func(err error) bool { return hasCode(err, "40001", "40P01") }, // serialization, deadlock
		Unreachable:      unreachable,
		Arrays:           true,
		SkipLocked:       "FOR UPDATE SKIP LOCKED",
		LockRows:         " FOR UPDATE",
		InsertAudit: `INSERT INTO audit_entry (recorded_at, actor, reason, changes)
			SELECT $1::bigint, $2::text, $3::text, $4::text FROM (
				SELECT pg_advisory_xact_lock_shared(hashtextextended(current_schema() || '/audit', 0))) held`,
		AuditBarrier: "SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || '/audit', 0))",
		Lock:         "SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || '/lock/' || $1, 0))",
	}
}

func hasCode(err error, codes ...string) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && slices.Contains(codes, e.Code)
}

// unreachable reports whether err says that there is no server, or that it went away: connection exceptions (08),
// lack of connections (53300), operator intervention (57P: shutdown, crash, starting up; 25P03: was idle too long).
func unreachable(err error) bool {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code[:2] == "08" || e.Code[:3] == "57P" || e.Code == "53300" || e.Code == "25P03"
	}
	var netErr net.Error
	var connectErr *pgconn.ConnectError
	return errors.As(err, &connectErr) || errors.As(err, &netErr) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, io.EOF) || pgconn.SafeToRetry(err) || isConnClosed(err)
}

// isConnClosed knows the error of a connection that broke earlier in the same transaction; it has no type.
func isConnClosed(err error) bool {
	return errors.Is(err, sql.ErrConnDone) || errors.Is(err, driver.ErrBadConn) || err.Error() == "conn closed"
}

func open(ctx context.Context, cfg *pgx.ConnConfig, keyFile string) (_ *Store, err error) {
	before, version, err := migrateUp(ctx, cfg)
	if err != nil {
		return nil, err
	}
	e, err := newEngine(ctx, cfg)
	if err != nil {
		return nil, err
	}
	b := newBell(cfg)
	defer func() {
		if err != nil {
			_, _ = e.Close(), b.Close() // err says what is wrong
		}
	}()
	st, err := sqlstore.New(ctx, sqlstore.Config{
		Engine: e, Dialect: dialect(), KeyFile: keyFile, WorkAdded: b.ring, Before: before, Version: version, Release: b,
	})
	if err != nil {
		return nil, err
	}
	if err := st.RemoveAbandoned(ctx, time.Now().Add(-abandonedAfter)); err != nil {
		return nil, err
	}
	return &Store{Store: st, bell: b}, nil
}

// openPool prepares a pool of up to size connections for migrations; it does not connect yet.
func openPool(cfg *pgx.ConnConfig, size int) *sql.DB {
	db := stdlib.OpenDB(*cfg.Copy())
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	db.SetConnMaxIdleTime(maxIdle)
	return db
}
