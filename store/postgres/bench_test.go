package postgres

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/marktbote/marktbote/store"
	"github.com/marktbote/marktbote/store/storetest"
	"github.com/marktbote/marktbote/store/storetest/pgtest"
)

// BenchmarkReceive is explained at storetest.BenchmarkReceive.
func BenchmarkReceive(b *testing.B) {
	storetest.BenchmarkReceive(b, func(b *testing.B) store.Store { return openTest(b, pgtest.DSN(b)) }, rawInsert)
}

// rawInsert inserts, with pgx and nothing else, what storetest.BenchmarkReceive asks for; the rows of a transaction
// travel together.
func rawInsert(b *testing.B) func(context.Context, [][]byte) error {
	pool, err := pgxpool.New(b.Context(), pgtest.DSN(b)+"&pool_max_conns=16")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(pool.Close)
	_, err = pool.Exec(b.Context(), `CREATE TABLE raw (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
			sender TEXT, reference TEXT, data BYTEA NOT NULL, UNIQUE (sender, reference));
		ALTER TABLE raw ALTER COLUMN data SET STORAGE EXTERNAL;
		CREATE TABLE raw_event (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, data BYTEA NOT NULL)`)
	if err != nil {
		b.Fatal(err)
	}
	return func(ctx context.Context, contents [][]byte) error {
		batch := &pgx.Batch{}
		for _, c := range contents {
			batch.Queue("INSERT INTO raw (sender, reference, data) VALUES ($1, $2, $3)", "9900000000001", fmt.Sprintf("%x", c[:8]), c)
			for range 3 {
				batch.Queue("INSERT INTO raw_event (data) VALUES ($1)", c[:330])
			}
		}
		return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error { return tx.SendBatch(ctx, batch).Close() })
	}
}

// BenchmarkStep is explained at storetest.BenchmarkStep.
func BenchmarkStep(b *testing.B) {
	storetest.BenchmarkStep(b, func(b *testing.B) store.Store { return openTest(b, pgtest.DSN(b)) })
}
