package postgres

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrationLock makes processes that start at the same time bring the tables up to date one after another.
const migrationLock = "SELECT pg_advisory_lock(hashtextextended(current_schema() || '/migrate', 0))"

var (
	errNoSchema = errors.New("the search path names no schema that exists")
	errUnsafe   = errors.New("the server may lose what it has confirmed")
)

// migrateUp brings the tables up to date.
func migrateUp(ctx context.Context, cfg *pgx.ConnConfig) (before, now int64, err error) {
	db := openPool(cfg, 2) // one holds the lock, the other works
	defer func() { err = errors.Join(err, db.Close()) }()
	conn, err := db.Conn(ctx)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if err := checkServer(ctx, conn); err != nil {
		return 0, 0, err
	}
	if _, err := conn.ExecContext(ctx, migrationLock); err != nil {
		return 0, 0, fmt.Errorf("migrate: lock: %w", err)
	}
	// The lock goes with the connection, which db.Close ends.
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return 0, 0, fmt.Errorf("migrate: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, dir,
		goose.WithLogger(goose.NopLogger()), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return 0, 0, fmt.Errorf("migrate: %w", err)
	}
	have, want, err := provider.GetVersions(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("migrate: %w", err)
	}
	if have > want {
		return 0, 0, fmt.Errorf("migrate: the database has version %d, this program knows only %d", have, want)
	}
	if _, err := provider.Up(ctx); err != nil {
		return 0, 0, fmt.Errorf("migrate: %w", err)
	}
	return have, want, nil
}

// checkServer refuses a database on which the promises of the store cannot be kept.
func checkServer(ctx context.Context, conn *sql.Conn) error {
	var schema sql.NullString
	var fsync, commit string
	const query = "SELECT current_schema(), current_setting('fsync'), current_setting('synchronous_commit')"
	if err := conn.QueryRowContext(ctx, query).Scan(&schema, &fsync, &commit); err != nil {
		return err
	}
	if !schema.Valid {
		return errNoSchema
	}
	if fsync == "off" || commit == "off" {
		return fmt.Errorf("%w: fsync is %s, synchronous_commit is %s; both must be on", errUnsafe, fsync, commit)
	}
	return nil
}
