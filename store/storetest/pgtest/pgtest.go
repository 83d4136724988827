// Package pgtest gives tests a real PostgreSQL server: the one STORE_PG_DSN names, or one started from the
// installed binaries in a temporary directory, with fsync on, reachable by a unix socket only.
//
//	func TestMain(m *testing.M) {
//		code := m.Run()
//		pgtest.Stop()
//		os.Exit(code)
//	}
//
//	func TestX(t *testing.T) { st, err := postgres.Open(ctx, pgtest.DSN(t)) ... }
//
// Without binaries the test is skipped, and fails where CI is set to true.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// startPatience is how long a server may need to start or to recover.
const startPatience = 60 * time.Second

// errNoServer: there is no PostgreSQL on this machine.
var errNoServer = errors.New("no PostgreSQL: install it (Debian: apt-get install postgresql) or set STORE_PG_DSN")

// shared is the server of the process, started by the first test that needs it.
var shared struct {
	once   sync.Once
	server *Server // nil if STORE_PG_DSN names another one
	dsn    string
	err    error

	mu      sync.Mutex
	schemas int
}

// DSN returns the data source name of an empty schema of its own for the test, which is dropped afterwards.
func DSN(tb testing.TB) string {
	tb.Helper()
	shared.once.Do(func() {
		if shared.dsn = os.Getenv("STORE_PG_DSN"); shared.dsn == "" {
			if shared.server, shared.err = start(); shared.err == nil {
				shared.dsn = shared.server.DSN()
			}
		}
	})
	require(tb, shared.err)
	shared.mu.Lock()
	shared.schemas++
	name := fmt.Sprintf("test_%d_%d", os.Getpid(), shared.schemas)
	shared.mu.Unlock()
	exec := func(text string) error {
		ctx, cancel := context.WithTimeout(context.Background(), startPatience)
		defer cancel()
		conn, err := pgx.Connect(ctx, shared.dsn)
		if err != nil {
			return err
		}
		_, err = conn.Exec(ctx, text)
		return errors.Join(err, conn.Close(ctx))
	}
	if err := exec("CREATE SCHEMA " + name); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := exec("DROP SCHEMA " + name + " CASCADE"); err != nil {
			tb.Error(err)
		}
	})
	return withSchema(shared.dsn, name)
}

func withSchema(dsn, schema string) string {
	u, err := url.Parse(dsn)
	if err != nil || u.Scheme == "" {
		return dsn + " search_path=" + schema
	}
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return u.String()
}

// require ends the test if there is no server: skipped, or failed where CI is set to true.
func require(tb testing.TB, err error) {
	tb.Helper()
	if errors.Is(err, errNoServer) && os.Getenv("CI") != "true" {
		tb.Skipf("SKIPPED, the PostgreSQL driver is NOT tested: %v", err)
	}
	if err != nil {
		tb.Fatal(err)
	}
}

// Stop ends the server of the process, if one was started.
func Stop() {
	if shared.server != nil {
		shared.server.Kill()
		_ = os.RemoveAll(shared.server.dir) // a temporary directory
	}
}

// Server is a PostgreSQL server for one test that wants to break it.
type Server struct {
	dir  string // socket; below it data
	bin  string
	cred *syscall.Credential // nil: that of the process
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
}

// Start starts a server of its own for a test, which is stopped afterwards.
func Start(tb testing.TB) *Server {
	tb.Helper()
	s, err := start()
	require(tb, err)
	tb.Cleanup(func() {
		s.Kill()
		_ = os.RemoveAll(s.dir) // a temporary directory
	})
	return s
}

// DSN is the data source name of the server's only database.
func (s *Server) DSN() string {
	return "postgres://postgres@/postgres?" + url.Values{"host": {s.dir}, "sslmode": {"disable"}}.Encode()
}

// Kill ends the server without a checkpoint and without letting anybody finish, like a crash does: what is not in
// the write-ahead log on disk is lost. It returns when the server has ended.
func (s *Server) Kill() {
	_ = s.cmd.Process.Signal(syscall.SIGQUIT) // it may have ended already
	<-s.done
}

func start() (_ *Server, err error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "pg")
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, bin: bin}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(dir)
		}
	}()
	if err := s.unprivileged(); err != nil {
		return nil, err
	}
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", filepath.Join(dir, "data"), "-U", "postgres", "-A", "trust", //nolint:gosec,noctx // our own arguments; ends by itself
		"-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions")
	initdb.Dir = dir
	initdb.SysProcAttr = attributes(s.cred)
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return s, s.Run()
}

// binaries returns the directory with initdb and postgres, the newest version of those installed.
func binaries() (string, error) {
	dirs, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return "", err
	}
	slices.SortFunc(dirs, func(a, b string) int { return version(a) - version(b) })
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		dirs = slices.Insert(dirs, 0, dir) // after Debian's places
	}
	for _, dir := range slices.Backward(dirs) {
		_, errInit := os.Stat(filepath.Join(dir, "initdb"))
		_, errServer := os.Stat(filepath.Join(dir, "postgres"))
		if errInit == nil && errServer == nil {
			return dir, nil
		}
	}
	return "", errNoServer
}

func version(dir string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(dir))) // 0 is the oldest
	return n
}

// unprivileged makes root run the server as user postgres, because the server refuses to run as root.
func (s *Server) unprivileged() error {
	if os.Geteuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return err
	}
	uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(err1, err2, os.Chown(s.dir, int(uid), int(gid))); err != nil {
		return err
	}
	s.cred = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return nil
}

// Run starts the server on its directory, also again after Kill, and returns when it answers.
func (s *Server) Run() error {
	// A file and not a pipe: children of a killed server would hold the pipe open.
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()                                                                      // the server has it
	s.cmd = exec.Command(filepath.Join(s.bin, "postgres"), "-D", filepath.Join(s.dir, "data"), "-k", s.dir, //nolint:gosec,noctx // our own arguments; Kill ends it
		"-c", "listen_addresses=", "-c", "max_connections=400", "-c", "shared_buffers=128MB", "-c", "fsync=on",
		"-c", "synchronous_commit=on", "-c", "logging_collector=off", "-c", "log_min_messages=fatal")
	s.cmd.Dir = s.dir
	s.cmd.Stderr = log
	s.cmd.SysProcAttr = attributes(s.cred)
	s.done = make(chan struct{})
	started := make(chan error, 1)
	go func() {
		// The signal that ends the server with the test process is bound to the thread that starts it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(s.done)
		err := s.cmd.Start()
		started <- err
		if err == nil {
			_ = s.cmd.Wait() // a killed server has no result
		}
	}()
	if err := <-started; err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), startPatience)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, s.DSN())
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-s.done:
			text, _ := os.ReadFile(log.Name()) // empty tells as much
			return fmt.Errorf("the server ended: %s", text)
		case <-ctx.Done():
			return fmt.Errorf("the server does not answer: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
