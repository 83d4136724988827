package sqlite

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/marktbote/marktbote/store/sqlstore"
)

// commits counts the commits in the write-ahead log of a database, which must not have been checkpointed.
func commits(t *testing.T, path string) (n int) {
	t.Helper()
	wal, err := os.ReadFile(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	const header, frameHeader, page = 32, 24, 4096
	for at := header; at+frameHeader+page <= len(wal); at += frameHeader + page {
		if string(wal[at+8:at+16]) != string(wal[16:24]) { // of another round
			break
		}
		if binary.BigEndian.Uint32(wal[at+4:]) != 0 {
			n++
		}
	}
	return n
}

// openEngine opens a database with a table t, whose numbers n are unique.
func openEngine(t *testing.T, texts ...string) (e *engine, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "store.db")
	writer, err := openPool(path, 1, writerPragmas())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := writer.Exec("CREATE TABLE t (n INTEGER NOT NULL UNIQUE) STRICT"); err != nil {
		t.Fatal(err)
	}
	reader, err := openPool(path, maxReaders, readerPragmas())
	if err != nil {
		t.Fatal(err)
	}
	if e, err = newEngine(t.Context(), writer, reader); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := e.Prepare(t.Context(), texts); err != nil {
		t.Fatal(err)
	}
	return e, path
}

// insert runs text, which adds a number, in a transaction of its own.
func insert(ctx context.Context, e *engine, text string, n int) error {
	s, err := e.Begin(ctx, false)
	if err != nil {
		return err
	}
	if err := s.Run(ctx, []sqlstore.Statement{{Text: text, Args: []any{n}}}); err != nil {
		return errors.Join(err, s.Rollback())
	}
	return s.Commit(ctx, nil)
}

// awaitQueue waits until so many transactions wait for their turn.
func awaitQueue(e *engine, n int) {
	for {
		e.mu.Lock()
		waiting := len(e.queue)
		e.mu.Unlock()
		if waiting == n {
			return
		}
		runtime.Gosched()
	}
}

func numbers(t *testing.T, e *engine) (n int) {
	t.Helper()
	if err := e.reader.QueryRow("SELECT count(*) FROM t").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

const add = "INSERT INTO t (n) VALUES ($1)"

// TestGroupCommit: transactions that wait for another one are committed with it, and who fails among them takes nobody
// with him.
func TestGroupCommit(t *testing.T) {
	t.Parallel()
	e, path := openEngine(t, add)
	before := commits(t, path)
	first, err := e.Begin(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Run(t.Context(), []sqlstore.Statement{{Text: add, Args: []any{0}}}); err != nil {
		t.Fatal(err)
	}
	const others = 20
	var wg sync.WaitGroup
	results := make([]error, others)
	leaving, cancel := context.WithCancel(t.Context())
	for i := range others {
		ctx, n := t.Context(), 1+i
		switch i % 4 {
		case 0:
			ctx = leaving
		case 1:
			n = 0 // is there
		}
		wg.Go(func() { results[i] = insert(ctx, e, add, n) })
		awaitQueue(e, 1+i)
	}
	cancel() // every fourth leaves the queue
	awaitQueue(e, others*3/4)
	if err := first.Commit(t.Context(), nil); err != nil {
		t.Errorf("first: %v", err)
	}
	wg.Wait()
	for i, err := range results {
		switch i % 4 {
		case 0:
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%d left: %v", i, err)
			}
		case 1:
			if err == nil {
				t.Errorf("%d was not refused", i)
			}
		default:
			if err != nil {
				t.Errorf("%d: %v", i, err)
			}
		}
	}
	if n := numbers(t, e); n != 1+others/2 {
		t.Errorf("%d rows, want %d", n, 1+others/2)
	}
	// Two: the group is old by the time the first one ends. More on a machine that is slow.
	if got := commits(t, path) - before; got > others/4 {
		t.Errorf("%d commits for %d transactions", got, 1+others/2)
	}
}

// TestGroupBreaks: when the engine undoes the transaction of a group, as it does when the disk is full, nobody in it is
// told that it was committed.
func TestGroupBreaks(t *testing.T) {
	t.Parallel()
	const breaks = "INSERT OR ROLLBACK INTO t (n) VALUES ($1)"
	e, _ := openEngine(t, add, breaks)
	first, err := e.Begin(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Run(t.Context(), []sqlstore.Statement{{Text: add, Args: []any{0}}}); err != nil {
		t.Fatal(err)
	}
	e.group.began = time.Now().Add(time.Hour) // it does not get old
	var wg sync.WaitGroup
	results := make([]error, 4)
	for i, text := range []string{add, breaks, add} {
		wg.Go(func() { results[1+i] = insert(t.Context(), e, text, i*i-i) }) // 0 for the first two
		awaitQueue(e, 1+i)
	}
	results[0] = first.Commit(t.Context(), nil)
	wg.Wait()
	for i, err := range results {
		if (err == nil) != (i == 3) {
			t.Errorf("%d: %v", i, err)
		}
	}
	if n := numbers(t, e); n != 1 {
		t.Errorf("%d rows, want that of the one after the break", n)
	}
}
