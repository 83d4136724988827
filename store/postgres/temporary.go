package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// dropTimeout bounds dropping a temporary schema.
const dropTimeout = time.Minute

// TemporarySchema makes an empty schema and returns a data source name whose tables are in it, and what drops it with
// everything in it. No error has the password in it.
func TemporarySchema(ctx context.Context, dsn, schema string) (withSchema string, drop func() error, err error) {
	cfg, err := parse(dsn)
	if err != nil {
		return "", nil, fmt.Errorf("store: temporary schema: %w", err)
	}
	run := func(ctx context.Context, before, after string) error {
		conn, err := pgx.ConnectConfig(ctx, cfg.Copy())
		if err != nil {
			return err
		}
		_, err = conn.Exec(ctx, before+pgx.Identifier{schema}.Sanitize()+after)
		if err = errors.Join(err, conn.Close(ctx)); err != nil {
			return fmt.Errorf("store: temporary schema %s: %w", schema, err)
		}
		return nil
	}
	if err := run(ctx, "CREATE SCHEMA ", ""); err != nil {
		return "", nil, err
	}
	drop = func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dropTimeout)
		defer cancel()
		return run(ctx, "DROP SCHEMA ", " CASCADE")
	}
	return withSearchPath(dsn, schema), drop, nil
}

// withSearchPath adds a search path to a URL or a list of key=value; the last one counts.
func withSearchPath(dsn, schema string) string {
	if !strings.Contains(dsn, "://") {
		return dsn + " search_path=" + schema
	}
	separator := "?"
	if strings.Contains(dsn, "?") {
		separator = "&"
	}
	return dsn + separator + "search_path=" + schema
}
