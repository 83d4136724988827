package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/marktbote/marktbote/store"
	"github.com/marktbote/marktbote/store/storetest"
	"github.com/marktbote/marktbote/store/storetest/pgtest"
)

// crashChildEnv makes the test binary the writer that TestCrash kills; its value is the data source name.
const crashChildEnv = "MARKTBOTE_STORE_CRASH_CHILD"

func TestMain(m *testing.M) {
	if dsn := os.Getenv(crashChildEnv); dsn != "" {
		ctx := context.Background()
		st, err := Open(ctx, dsn)
		if err == nil {
			err = storetest.CrashChild(ctx, st)
		}
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	pgtest.Stop()
	os.Exit(code)
}

// openTest opens the store of a data source name; who calls it closes it.
func openTest(t testing.TB, dsn string) *Store {
	t.Helper()
	st, err := Open(t.Context(), dsn)
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

// rawDB opens the database beside the store.
func rawDB(t testing.TB, dsn string) *sql.DB {
	t.Helper()
	cfg, err := parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	db := openPool(cfg, 1)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func TestConformance(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return openTest(t, pgtest.DSN(t)) })
}

func TestConformanceInside(t *testing.T) {
	storetest.RunInside(t, func(t *testing.T) storetest.Inside {
		dsn := pgtest.DSN(t)
		st := openTest(t, dsn)
		db := rawDB(t, dsn)
		return storetest.Inside{
			Store: st,
			PayloadRows: func() (n int, err error) {
				err = db.QueryRow(`SELECT (SELECT count(*) FROM payload) + (SELECT count(*) FROM payload_chunk)
					+ (SELECT count(*) FROM payload_upload)`).Scan(&n)
				return n, err
			},
			Damage: func(digest string) error { return damage(db, digest) },
			LoseChunk: func(digest string) error {
				_, err := db.Exec(`DELETE FROM payload_chunk c USING payload p
					WHERE c.upload_id = p.upload_id AND p.digest = $1 AND c.n = p.chunks - 1`, digest)
				return err
			},
			Senders: func() ([]string, error) {
				var all string
				err := db.QueryRow("SELECT string_agg(sender, '|' ORDER BY sender) FROM interchange").Scan(&all)
				return strings.Split(all, "|"), err
			},
		}
	})
}

func damage(db *sql.DB, digest string) error {
	var packed []byte
	var upload, n sql.NullInt64
	err := db.QueryRow(`SELECT COALESCE(p.data, c.data), c.upload_id, c.n FROM payload p
		LEFT JOIN payload_chunk c ON c.upload_id = p.upload_id WHERE p.digest = $1 ORDER BY c.n DESC LIMIT 1`, digest).Scan(&packed, &upload, &n)
	if err != nil {
		return err
	}
	decoder, err := zstd.NewReader(nil)
	if err != nil {
		return err
	}
	defer decoder.Close()
	plain, err := decoder.DecodeAll(packed, nil)
	if err != nil {
		return err
	}
	plain[len(plain)/2]++
	encoder, err := zstd.NewWriter(nil)
	if err != nil {
		return err
	}
	packed = encoder.EncodeAll(plain, nil)
	if upload.Valid {
		_, err = db.Exec("UPDATE payload_chunk SET data = $1 WHERE upload_id = $2 AND n = $3", packed, upload, n)
	} else {
		_, err = db.Exec("UPDATE payload SET data = $1 WHERE digest = $2", packed, digest)
	}
	return err
}

// TestSchema keeps the migrations of both drivers in step: same numbers, same tables, same columns in the same
// order, text that compares bytewise.
func TestSchema(t *testing.T) {
	own, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	other, err := filepath.Glob("../sqlite/migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for i := range other {
		other[i] = "migrations/" + filepath.Base(other[i])
	}
	if diff := cmp.Diff(other, own); diff != "" {
		t.Errorf("migrations (-sqlite +postgres):\n%s", diff)
	}
	want, err := sqliteColumns()
	if err != nil {
		t.Fatal(err)
	}
	dsn := pgtest.DSN(t)
	closeTest(t, openTest(t, dsn))
	var got []string
	rows, err := rawDB(t, dsn).Query(`SELECT c.table_name || '.' || c.column_name, data_type, COALESCE(collation_name, '')
		FROM information_schema.columns c WHERE table_schema = current_schema() AND table_name <> 'goose_db_version'
		ORDER BY c.table_name COLLATE "C", ordinal_position`)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var column, kind, collation string
		if err := rows.Scan(&column, &kind, &collation); err != nil {
			t.Fatal(err)
		}
		got = append(got, column)
		if (kind == "text") != (collation == "C") || kind != "text" && kind != "bigint" && kind != "bytea" {
			t.Errorf("column %s is %s with collation %q", column, kind, collation)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" || rows.Err() != nil {
		t.Errorf("columns, %v (-sqlite +postgres):\n%s", rows.Err(), diff)
	}
}

func TestOpenErrors(t *testing.T) {
	dsn := pgtest.DSN(t)
	newer := pgtest.DSN(t)
	closeTest(t, openTest(t, newer))
	if _, err := rawDB(t, newer).Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, true)"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ dsn, want string }{
		{"postgres://u:secret-word@127.0.0.1:1/d", "store: open postgres://u@127.0.0.1:1/d: "},
		{"postgres://u:secret-word@127.0.0.1:x/d", "store: open: cannot parse"},
		{dsn + "&synchronous_commit=off", "the server may lose what it has confirmed"},
		{dsn, "the search path names no schema"},
		{newer, "migrate: the database has version 999, this program knows only "},
	} {
		if strings.Contains(c.want, "search path") {
			c.dsn = strings.Replace(dsn, "search_path=test", "search_path=no_test", 1)
		}
		st, err := Open(t.Context(), c.dsn)
		if err == nil {
			closeTest(t, st)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret-word") {
			t.Errorf("got %v\nwant %s", err, c.want)
		}
	}
	if got, want := Describe("postgres://u:secret-word@h:5/d"), "postgres://u@h:5/d"; got != want {
		t.Errorf("Describe: %s, want %s", got, want)
	}
}

// TestPassfile: the password may be in a file that the data source name points at.
func TestPassfile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pass")
	if err := os.WriteFile(file, []byte("h:5:d:u:secret-word\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := parse("postgres://u@h:5/d?passfile=" + file)
	if err != nil || cfg.Password != "secret-word" {
		t.Errorf("password %q, %v", cfg.Password, err)
	}
}

// TestManyStart: several processes bring an empty database up to date at the same time.
func TestManyStart(t *testing.T) {
	t.Parallel()
	dsn := pgtest.DSN(t)
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			st, err := Open(t.Context(), dsn)
			if err != nil {
				t.Error(err)
				return
			}
			closeTest(t, st)
		})
	}
	wg.Wait()
}

func TestWaitWork(t *testing.T) {
	t.Parallel()
	dsn := pgtest.DSN(t)
	a, b := openTest(t, dsn), openTest(t, dsn)
	defer closeTest(t, b)
	defer closeTest(t, a)
	if err := a.WaitWork(t.Context()); err != nil { // the first returns at once
		t.Fatal(err)
	}
	add := func(st store.Store) {
		err := st.Update(t.Context(), func(tx store.Tx) error { _, err := tx.AddWork(store.Work{Lane: "bulk"}); return err })
		if err != nil {
			t.Error(err)
		}
	}
	woken := make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	go func() { woken <- a.WaitWork(ctx) }()
	add(a) // own work wakes nobody
	select {
	case err := <-woken:
		t.Fatalf("woken by the own process: %v", err)
	case <-time.After(200 * time.Millisecond):
	}
	add(b)
	if err := <-woken; err != nil {
		t.Error(err)
	}
	short, cancelShort := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancelShort()
	if err := a.WaitWork(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("nothing to do: %v", err)
	}
	go func() { woken <- a.WaitWork(ctx) }()
	add(b)
	if err := <-woken; err != nil {
		t.Errorf("after a wait that ended in vain: %v", err)
	}
}

func TestAbandonedUploadsGoAfterADay(t *testing.T) {
	dsn := pgtest.DSN(t)
	closeTest(t, openTest(t, dsn))
	db := rawDB(t, dsn)
	now := time.Now()
	for _, age := range []time.Duration{0, 23 * time.Hour, 25 * time.Hour} {
		_, err := db.Exec("INSERT INTO payload_upload (started_at) VALUES ($1)", now.Add(-age).UnixMicro())
		if err != nil {
			t.Fatal(err)
		}
	}
	closeTest(t, openTest(t, dsn))
	var n int
	if err := db.QueryRow("SELECT count(*) FROM payload_upload").Scan(&n); err != nil || n != 2 {
		t.Errorf("%d uploads left, want 2, %v", n, err)
	}
}

func TestCrash(t *testing.T) {
	t.Parallel()
	dsn := pgtest.DSN(t)
	open := func(t *testing.T) store.Store { return openTest(t, dsn) }
	storetest.Crash(t, crashChildEnv+"="+dsn, open, nil)
}

// TestServerCrash kills the database instead of the gateway: what was committed is there afterwards, what ran
// reports a temporary error, and the store goes on when the server is back.
func TestServerCrash(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	st := openTest(t, server.DSN())
	defer closeTest(t, st)
	for round := range 2 {
		var ids []int64
		var err error
		killed := make(chan struct{})
		time.AfterFunc(rand.N(200*time.Millisecond), func() { server.Kill(); close(killed) })
		for err == nil {
			var content [3000]byte
			_, _ = rand.NewChaCha8([32]byte{byte(round), byte(len(ids)), byte(len(ids) >> 8)}).Read(content[:])
			var id int64
			if id, err = storetest.Receive(t.Context(), st, content[:]); err == nil {
				ids = append(ids, id)
			}
		}
		<-killed
		var temporary interface{ Temporary() bool }
		if !errors.Is(err, store.ErrUnreachable) || !errors.As(err, &temporary) || !temporary.Temporary() {
			t.Errorf("round %d: not temporary: %v", round, err)
		}
		if _, err := st.ClaimWork(t.Context(), "bulk", time.Now(), time.Second, 1); !errors.Is(err, store.ErrUnreachable) {
			t.Errorf("claim without a server: %v", err)
		}
		if _, err := st.PutPayload(t.Context(), strings.NewReader("x")); !errors.Is(err, store.ErrUnreachable) {
			t.Errorf("payload without a server: %v", err)
		}
		if err := server.Run(); err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			var x store.Interchange
			look := func() error {
				return st.View(t.Context(), func(tx store.Tx) (err error) { x, err = tx.Interchange(id); return err })
			}
			err := look()
			for i := 0; errors.Is(err, store.ErrUnreachable) && i < 20; i++ { // connections of before
				err = look()
			}
			if err != nil {
				t.Fatalf("interchange %d of %v: %v", id, len(ids), err)
			}
			r, err := st.OpenPayload(t.Context(), x.PayloadDigest)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, r); err != nil {
				t.Error(err)
			}
			_ = r.Close()
		}
		t.Logf("round %d: %d receipts kept", round, len(ids))
	}
}
