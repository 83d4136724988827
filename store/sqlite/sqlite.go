// Package sqlite is the embedded store: one SQLite file, no server, no C compiler.
//
//	st, err := sqlite.Open(ctx, "marktbote-data/marktbote.db")
//	if err != nil { ... }
//	defer st.Close()
//
// Changes go through one connection, those that come together in one transaction (engine.go), queries through a small
// pool; with the write-ahead log they do not wait for each other. A transaction is on disk when it is committed (synchronous=FULL), because an acknowledgement that
// was sent is a promise. Beside the file live its write-ahead log (-wal), the index of that (-shm), a lock file
// (.lock) and, unless OpenWith names another place, the master key (.key).
//
// # Several processes
//
// A second process may open the file while the first one uses it: changes of both wait for each other up to
// BusyTimeout and then fail with "database is locked". What only one process may do happens when no other has
// the file open: bringing tables up to date, and removing what interrupted uploads left behind. Opening a file
// that needs the former while another process holds it reports ErrInUse. On systems without flock (Windows,
// Solaris, AIX) processes do not see each other; there only one at a time may open the file.
//
// The tables are documented in the migrations. SQL and logic are those of package sqlstore.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/pressly/goose/v3"
	modernc "modernc.org/sqlite" // also registers the driver

	"github.com/marktbote/marktbote/store"
	"github.com/marktbote/marktbote/store/sqlstore"
)

// BusyTimeout is how long a change waits for one of another process, and Open for another process that is
// opening the same file.
const BusyTimeout = 10 * time.Second

// maxReaders is the number of connections for queries.
const maxReaders = 4

// ErrInUse: another process holds the database and Open would have to change its tables.
var ErrInUse = errors.New("another process uses the database")

// sqliteForeignKey is the result code SQLITE_CONSTRAINT_FOREIGNKEY.
const sqliteForeignKey = 787

//go:embed migrations/*.sql
var migrations embed.FS

// Open opens the database file at path and brings its tables up to date. The file is created (mode 0600) if it
// does not exist, and so is its directory (mode 0700). The store must be closed by the caller.
//
// What is kept is encrypted. The master key is in the file path.key, which is created with the database (mode 0600);
// see OpenWith for a better place.
func Open(ctx context.Context, path string) (store.Store, error) {
	return OpenWith(ctx, path, path+".key")
}

// OpenWith is Open with the master key in keyFile. It is created for a database without encrypted bytes. Without a
// name nothing is encrypted, and what is already cannot be read; the audit log can be verified.
func OpenWith(ctx context.Context, path, keyFile string) (store.Store, error) {
	st, err := open(ctx, path, keyFile, dialect())
	if err != nil {
		return nil, fmt.Errorf("store: open %s: %w", path, err)
	}
	return st, nil
}

func dialect() sqlstore.Dialect {
	return sqlstore.Dialect{
		MissingReference: func(err error) bool {
			var e *modernc.Error
			return errors.As(err, &e) && e.Code() == sqliteForeignKey
		},
		// Transactions take the write lock when they begin, so they wait instead of meeting each other.
		Conflict: func(error) bool { return false },
		InsertID: true,
	}
}

func open(ctx context.Context, path, keyFile string, d sqlstore.Dialect) (_ *sqlstore.Store, err error) {
	var undo []func() error
	defer func() {
		if err != nil {
			for _, f := range slices.Backward(undo) {
				_ = f() // err says what is wrong
			}
		}
	}()
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := createFile(abs); err != nil {
		return nil, err
	}
	lock, alone, err := acquireLock(ctx, abs+".lock", BusyTimeout)
	if err != nil {
		return nil, err
	}
	undo = append(undo, lock.Close)
	writer, err := openPool(abs, 1, writerPragmas())
	if err != nil {
		return nil, err
	}
	undo = append(undo, writer.Close)
	before, version, err := migrate(ctx, writer, alone)
	if err != nil {
		return nil, err
	}
	reader, err := openPool(abs, maxReaders, readerPragmas())
	if err != nil {
		return nil, err
	}
	undo = append(undo, reader.Close)
	e, err := newEngine(ctx, writer, reader)
	if err != nil {
		return nil, err
	}
	undo = []func() error{lock.Close, e.Close}
	st, err := sqlstore.New(ctx, sqlstore.Config{Engine: e, Dialect: d, KeyFile: keyFile, Before: before, Version: version, Release: lock})
	if err != nil {
		return nil, err
	}
	undo = []func() error{st.Close}
	if alone {
		if err := st.RemoveAbandoned(ctx, time.Now()); err != nil {
			return nil, err
		}
	}
	return st, lock.share()
}

// createFile makes sure that the file exists. A file that is there is not opened, because closing it would drop
// the locks SQLite holds on it for another store of this process.
func createFile(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// DSN is the data source name of the changes, for who measures what the store is compared with.
func DSN(path string) string { return dsn(path, writerPragmas()) }

func dsn(path string, params url.Values) string {
	return "file:" + (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath() + "?" + params.Encode()
}

func writerPragmas() url.Values {
	return url.Values{
		"_txlock": {"immediate"},
		"_pragma": {
			busyTimeoutPragma(),
			"journal_mode(WAL)",
			"synchronous(FULL)",
			"foreign_keys(1)",
			"cache_size(-65536)",           // 64 MiB; what the cache has not must be read again for every row
			"wal_autocheckpoint(4000)",     // pages; each checkpoint syncs twice
			"temp_store(MEMORY)",           // what a transaction of a group may have to take back is not written to a file
			"journal_size_limit(67108864)", // the write-ahead log gives space back after a large transaction
		},
	}
}

func readerPragmas() url.Values {
	return url.Values{"_pragma": {busyTimeoutPragma(), "query_only(1)"}}
}

func busyTimeoutPragma() string {
	return "busy_timeout(" + strconv.FormatInt(BusyTimeout.Milliseconds(), 10) + ")"
}

// openPool prepares a pool of up to size connections; it does not connect yet.
func openPool(path string, size int, params url.Values) (*sql.DB, error) {
	db, err := sql.Open("sqlite", dsn(path, params))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	return db, nil
}

// migrate brings the tables up to date, which only the process that is alone may do.
func migrate(ctx context.Context, db *sql.DB, alone bool) (before, now int64, err error) {
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return 0, 0, fmt.Errorf("migrate: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, dir,
		goose.WithLogger(goose.NopLogger()), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return 0, 0, fmt.Errorf("migrate: %w", err)
	}
	have, want, err := provider.GetVersions(ctx)
	switch {
	case err != nil:
		return 0, 0, fmt.Errorf("migrate: %w", err)
	case have > want:
		return 0, 0, fmt.Errorf("migrate: the database has version %d, this program knows only %d", have, want)
	case have < want && !alone:
		return 0, 0, fmt.Errorf("migrate from version %d to %d: %w", have, want, ErrInUse)
	}
	if _, err := provider.Up(ctx); err != nil {
		return 0, 0, fmt.Errorf("migrate: %w", err)
	}
	return have, want, nil
}
