package sqlite

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/marktbote/marktbote/store"
	"github.com/marktbote/marktbote/store/storetest"
)

// BenchmarkReceive is explained at storetest.BenchmarkReceive.
func BenchmarkReceive(b *testing.B) {
	storetest.BenchmarkReceive(b, func(b *testing.B) store.Store {
		return openTest(b, filepath.Join(b.TempDir(), "store.db"))
	}, rawInsert)
}

// rawInsert inserts, with the settings of the store and nothing else, what storetest.BenchmarkReceive asks for.
func rawInsert(b *testing.B) func(context.Context, [][]byte) error {
	db, err := openPool(filepath.Join(b.TempDir(), "raw.db"), 1, writerPragmas())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	if _, err := db.Exec(`CREATE TABLE raw (id INTEGER PRIMARY KEY, sender TEXT, reference TEXT, data BLOB NOT NULL,
			UNIQUE (sender, reference)) STRICT;
		CREATE TABLE raw_event (id INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT`); err != nil {
		b.Fatal(err)
	}
	insert, err := db.Prepare("INSERT INTO raw (sender, reference, data) VALUES ($1, $2, $3)")
	if err != nil {
		b.Fatal(err)
	}
	insertEvent, err := db.Prepare("INSERT INTO raw_event (data) VALUES ($1)")
	if err != nil {
		b.Fatal(err)
	}
	return func(ctx context.Context, contents [][]byte) error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }() // nothing to do after Commit
		for _, c := range contents {
			if _, err := tx.StmtContext(ctx, insert).ExecContext( //nolint:sqlclosecheck // tx closes it
				ctx, "9900000000001", fmt.Sprintf("%x", c[:8]), c); err != nil {
				return err
			}
			for range 3 {
				if _, err := tx.StmtContext(ctx, insertEvent).ExecContext( //nolint:sqlclosecheck // tx closes it
					ctx, c[:330]); err != nil {
					return err
				}
			}
		}
		return tx.Commit()
	}
}

// BenchmarkStep is explained at storetest.BenchmarkStep.
func BenchmarkStep(b *testing.B) {
	storetest.BenchmarkStep(b, func(b *testing.B) store.Store { return openTest(b, filepath.Join(b.TempDir(), "store.db")) })
}
