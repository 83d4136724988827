package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/marktbote/marktbote/store"
	"github.com/marktbote/marktbote/store/storetest"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(crashChildEnv); path != "" {
		os.Exit(crashChild(path))
	}
	goleak.VerifyTestMain(m)
}

// openTest opens the store at path; who calls it closes it.
func openTest(t testing.TB, path string) store.Store {
	t.Helper()
	st, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	return st
}

func closeTest(t testing.TB, st store.Store) {
	t.Helper()
	if err := st.Close(); err != nil {
		t.Error(err)
	}
}

// rawDB opens the file beside the store.
func rawDB(t testing.TB, path string) *sql.DB {
	t.Helper()
	db, err := openPool(path, 1, url.Values{"_pragma": {busyTimeoutPragma(), "foreign_keys(0)"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store {
		return openTest(t, filepath.Join(t.TempDir(), "store.db"))
	})
}

func TestConformanceInside(t *testing.T) {
	storetest.RunInside(t, func(t *testing.T) storetest.Inside {
		path := filepath.Join(t.TempDir(), "store.db")
		st := openTest(t, path)
		db := rawDB(t, path)
		return storetest.Inside{
			Store:       st,
			DB:          db,
			PayloadRows: func() (int, error) { return payloadRows(db) },
			Damage:      func(digest string) error { return damage(db, digest) },
			LoseChunk: func(digest string) error {
				_, err := db.Exec(`DELETE FROM payload_chunk WHERE rowid = (SELECT max(c.rowid) FROM payload_chunk c
					JOIN payload p ON p.upload_id = c.upload_id WHERE p.digest = $1)`, digest)
				return err
			},
			Senders: func() (senders []string, err error) {
				rows, err := db.Query("SELECT sender FROM interchange ORDER BY sender")
				if err != nil {
					return nil, err
				}
				defer func() { err = errors.Join(err, rows.Close()) }()
				for rows.Next() {
					var s string
					if err := rows.Scan(&s); err != nil {
						return nil, err
					}
					senders = append(senders, s)
				}
				return senders, rows.Err()
			},
		}
	})
}

func payloadRows(db *sql.DB) (n int, err error) {
	err = db.QueryRow(`SELECT (SELECT count(*) FROM payload) + (SELECT count(*) FROM payload_chunk)
		+ (SELECT count(*) FROM payload_upload)`).Scan(&n)
	return n, err
}

func damage(db *sql.DB, digest string) error {
	const find = `SELECT COALESCE(p.data, c.data), COALESCE(c.rowid, 0) FROM payload p
		LEFT JOIN payload_chunk c ON c.upload_id = p.upload_id WHERE p.digest = $1 ORDER BY c.n DESC LIMIT 1`
	var packed []byte
	var chunk int64
	if err := db.QueryRow(find, digest).Scan(&packed, &chunk); err != nil {
		return err
	}
	packed[len(packed)/2] ^= 1
	var err error
	if chunk == 0 {
		_, err = db.Exec("UPDATE payload SET data = $1 WHERE digest = $2", packed, digest)
	} else {
		_, err = db.Exec("UPDATE payload_chunk SET data = $1 WHERE rowid = $2", packed, chunk)
	}
	return err
}

func TestOpenCreates(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b c?#%41ä")
	path := filepath.Join(dir, "store.db")
	st := openTest(t, path)
	defer closeTest(t, st)
	if _, err := st.PutPayload(t.Context(), strings.NewReader("x")); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]fs.FileMode{
		dir: fs.ModeDir | 0o700, path: 0o600, path + "-wal": 0o600, path + "-shm": 0o600, path + ".lock": 0o600,
	} {
		info, err := os.Stat(name)
		if err != nil {
			t.Error(err)
		} else if info.Mode() != want {
			t.Errorf("%s has mode %v, want %v", name, info.Mode(), want)
		}
	}
}

func TestConnections(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	closeTest(t, openTest(t, path))
	for name, pool := range map[string]struct {
		params url.Values
		want   string
	}{
		"writer": {writerPragmas(), "wal 2 1 10000 0"},
		"reader": {readerPragmas(), "wal 2 0 10000 1"},
	} {
		db, err := openPool(path, 1, pool.params)
		if err != nil {
			t.Fatal(err)
		}
		var values []string
		for _, pragma := range []string{"journal_mode", "synchronous", "foreign_keys", "busy_timeout", "query_only"} {
			var v any
			if err := db.QueryRow("PRAGMA " + pragma).Scan(&v); err != nil {
				t.Fatal(err)
			}
			values = append(values, fmt.Sprint(v))
		}
		if got := strings.Join(values, " "); got != pool.want {
			t.Errorf("%s: got %q, want %q", name, got, pool.want)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	noDatabase := filepath.Join(dir, "text.db")
	if err := os.WriteFile(noDatabase, []byte(strings.Repeat("no database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	newer := filepath.Join(dir, "newer.db")
	closeTest(t, openTest(t, newer))
	if _, err := rawDB(t, newer).Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1)"); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		dir:                                 "unable to open database file",
		filepath.Join(noDatabase, "x", "y"): "not a directory",
		noDatabase:                          "file is not a database",
		newer:                               "migrate: the database has version 999, this program knows only ",
	} {
		st, err := Open(t.Context(), path)
		if err == nil {
			closeTest(t, st)
		}
		if prefix := "store: open " + path + ": "; err == nil || !strings.HasPrefix(err.Error(), prefix) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v\nwant %s... %s", err, prefix, want)
		}
	}
}

// TestSchema keeps every table strict, every table and column explained, and numbers that others remember unique
// for ever.
func TestSchema(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	closeTest(t, openTest(t, path))
	var text []byte
	files, err := fs.Glob(migrations, "migrations/*.sql")
	for _, file := range files {
		part, readErr := fs.ReadFile(migrations, file)
		text, err = append(text, part...), errors.Join(err, readErr)
	}
	if err != nil {
		t.Fatal(err)
	}
	db := rawDB(t, path)
	var growing int
	if err := db.QueryRow(`SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND sql LIKE '%PRIMARY KEY AUTOINCREMENT%'
		AND name IN ('interchange', 'event', 'work', 'payload_upload')`).Scan(&growing); err != nil || growing != 4 {
		t.Errorf("%d tables of 4 never use a number again, %v", growing, err)
	}
	rows, err := db.Query(`SELECT t.name, t.strict, c.name FROM pragma_table_list t
		JOIN pragma_table_info(t.name) c WHERE t.schema = 'main' AND t.name NOT LIKE 'sqlite_%' AND t.name <> 'goose_db_version'`)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	n := 0
	for ; rows.Next(); n++ {
		var table, column string
		var strict bool
		if err := rows.Scan(&table, &strict, &column); err != nil {
			t.Fatal(err)
		}
		if !strict {
			t.Errorf("table %s is not STRICT", table)
		}
		_, body, found := strings.Cut(string(text), "\n-- "+table+": ")
		_, body, created := strings.Cut(body, "\nCREATE TABLE "+table+" (\n")
		if !found || !created {
			t.Errorf("table %s has no comment before it", table)
			continue
		}
		body, _, _ = strings.Cut(body, "\n)")
		for line := range strings.Lines(body) {
			if strings.HasPrefix(strings.TrimSpace(line), column+" ") && !strings.Contains(line, " -- ") {
				t.Errorf("column %s.%s has no comment", table, column)
			}
		}
	}
	if err := rows.Err(); err != nil || n < 50 {
		t.Errorf("%d columns, %v", n, err)
	}
}

func TestAbandonedUploadsGoAtOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	st := openTest(t, path)
	kept, err := st.PutPayload(t.Context(), io.LimitReader(rand.NewChaCha8([32]byte{1}), 3<<20))
	if err != nil {
		t.Fatal(err)
	}
	db := rawDB(t, path)
	want, err := payloadRows(db)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`INSERT INTO payload_upload (id, started_at) VALUES (70, 1), (71, 1)`); err != nil {
		t.Fatal(err)
	}
	for n := range 40 {
		if _, err := db.Exec("INSERT INTO payload_chunk (upload_id, n, data) VALUES (70, $1, x'00')", n); err != nil {
			t.Fatal(err)
		}
	}
	// As long as somebody else has the file open it may be his upload.
	closeTest(t, openTest(t, path))
	if got, err := payloadRows(db); err != nil || got != want+42 {
		t.Errorf("rows with another store open: got %d (%v), want %d", got, err, want+42)
	}
	closeTest(t, st)
	st = openTest(t, path)
	defer closeTest(t, st)
	if got, err := payloadRows(db); err != nil || got != want {
		t.Errorf("rows after opening alone: got %d (%v), want %d", got, err, want)
	}
	r, err := st.OpenPayload(t.Context(), kept.Digest)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	if n, err := io.Copy(io.Discard, r); n != kept.Size || err != nil {
		t.Errorf("the complete payload: %d bytes, %v", n, err)
	}
}

// TestUploadRobbed removes the chunks of a running upload, which must not become a payload.
func TestUploadRobbed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	st := openTest(t, path)
	defer closeTest(t, st)
	db := rawDB(t, path)
	pr, pw := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		_, err := st.PutPayload(context.Background(), pr)
		ended <- err
	}()
	if _, err := io.CopyN(pw, rand.NewChaCha8([32]byte{2}), 2<<20+1); err != nil {
		t.Fatal(err)
	}
	// The first chunk was written before the last byte of the second one was read.
	if _, err := db.Exec("DELETE FROM payload_chunk WHERE n = 0"); err != nil {
		t.Fatal(err)
	}
	if err := pw.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "chunks disappeared") {
		t.Errorf("PutPayload: %v", err)
	}
	if n, err := payloadRows(db); n != 0 || err != nil {
		t.Errorf("%d rows left, %v", n, err)
	}
}

func TestSecondStoreOnTheSameFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "store.db")
	first := openTest(t, path)
	defer closeTest(t, first)
	second := openTest(t, path)
	defer closeTest(t, second)
	const each = 50
	ended := make(chan error, 2)
	for _, st := range []store.Store{first, second} {
		go func() {
			ended <- func() error {
				for i := range each {
					if _, err := st.PutPayload(context.Background(), strings.NewReader(fmt.Sprint(i))); err != nil {
						return err
					}
					err := st.Update(context.Background(), func(tx store.Tx) error {
						n, err := tx.PendingWork() // a read before the write must not lead to a conflict
						if err != nil {
							return err
						}
						err = tx.AddWork(store.Work{Lane: "bulk", Reason: fmt.Sprint(n)})
						return err
					})
					if err != nil {
						return err
					}
				}
				return nil
			}()
		}()
	}
	for range 2 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	items, err := first.ClaimWork(t.Context(), store.Claim{Lane: "bulk", Now: time.Now(), Lease: time.Minute, Limit: 1000})
	if err != nil || len(items) != 2*each {
		t.Fatalf("claimed %d items, %v", len(items), err)
	}
	for i, w := range items {
		if w.Reason != fmt.Sprint(i) {
			t.Fatalf("item %d was added when there were %s", i, w.Reason)
		}
	}
}

func TestOpenWhileAnotherMustMigrate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	// Another process has the lock, but the tables are older than this program.
	lock, alone, err := acquireLock(t.Context(), path+".lock", time.Second)
	if err != nil || !alone {
		t.Fatalf("lock: alone %v, %v", alone, err)
	}
	if _, _, err := acquireLock(t.Context(), path+".lock", 20*time.Millisecond); !errors.Is(err, ErrInUse) {
		t.Errorf("second lock while the first is exclusive: %v", err)
	}
	if err := lock.share(); err != nil {
		t.Fatal(err)
	}
	if st, err := Open(t.Context(), path); !errors.Is(err, ErrInUse) {
		t.Errorf("Open returned %v, %v", st, err)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	closeTest(t, openTest(t, path))
}

// TestConflictRunsAgain gives the shared logic an engine that reports conflicts.
func TestConflictRunsAgain(t *testing.T) {
	conflict := errors.New("conflict")
	d := dialect()
	d.Conflict = func(err error) bool { return errors.Is(err, conflict) }
	d.Lock = "INSERT INTO payload_upload (started_at) VALUES (length($1))" // stands for a lock, and can be counted
	path := filepath.Join(t.TempDir(), "store.db")
	st, err := open(t.Context(), path, "", d)
	if err != nil {
		t.Fatal(err)
	}
	defer closeTest(t, st)
	calls := 0
	err = st.Update(t.Context(), func(tx store.Tx) error {
		if calls++; calls < 3 {
			err := tx.AddWork(store.Work{})
			return errors.Join(err, conflict)
		}
		n, err := tx.PendingWork()
		if n != 0 {
			t.Errorf("%d items of the runs before", n)
		}
		_, eventErr := tx.InsertEvents(store.Event{ID: "1"})
		return errors.Join(err, eventErr, tx.Lock("event"), tx.Lock("event"))
	})
	if err != nil || calls != 3 {
		t.Errorf("Update: %v after %d calls", err, calls)
	}
	if n, err := payloadRows(rawDB(t, path)); n != 2 || err != nil {
		t.Errorf("Lock ran %d times, %v", n, err)
	}
	calls = 0
	err = st.Update(t.Context(), func(store.Tx) error { calls++; return conflict })
	if !errors.Is(err, conflict) || calls != 10 {
		t.Errorf("Update: %v after %d calls", err, calls)
	}
}

// TestPutPayloadMemory is not parallel because it counts allocations of the whole process.
func TestPutPayloadMemory(t *testing.T) {
	st := openTest(t, filepath.Join(t.TempDir(), "store.db"))
	defer closeTest(t, st)
	const size, limit = 32 << 20, 12 << 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := st.PutPayload(t.Context(), io.LimitReader(rand.NewChaCha8([32]byte{3}), size)); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > limit {
		t.Errorf("%d bytes allocated for a payload of %d, want at most %d", got, size, limit)
	}
}

// TestMasterKey: the key is made with the database and never again, and another one is refused.
func TestMasterKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	st := openTest(t, path)
	file, created := st.(store.Encrypted).MasterKeyFile(t.Context())
	if file != path+".key" || !created {
		t.Errorf("key file %s, created %v", file, created)
	}
	if info, err := os.Stat(file); err != nil || info.Mode() != 0o600 {
		t.Errorf("key file: %v, %v", info, err)
	}
	p, err := st.PutPayload(t.Context(), strings.NewReader("bytes"))
	if err != nil {
		t.Fatal(err)
	}
	closeTest(t, st)
	read := func(keyFile string) error {
		st, err := OpenWith(t.Context(), path, keyFile)
		if err != nil {
			return err
		}
		defer closeTest(t, st)
		r, err := st.OpenPayload(t.Context(), p.Digest)
		if err != nil {
			return err
		}
		defer func() { _ = r.Close() }()
		_, err = io.Copy(io.Discard, r)
		return err
	}
	if err := read(file); err != nil {
		t.Errorf("opened again: %v", err)
	}
	other := filepath.Join(t.TempDir(), "other.key")
	for name, text := range map[string]string{"does not belong to the master key": strings.Repeat("ab", 32), "not a master key": "geheim"} {
		if err := os.WriteFile(other, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := read(other); err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, keyFile := range []string{"", filepath.Join(t.TempDir(), "missing.key")} {
		if err := read(keyFile); err == nil || !strings.Contains(err.Error(), "master key") {
			t.Errorf("without the key: %v", err)
		}
	}
}
