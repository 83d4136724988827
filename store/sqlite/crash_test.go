package sqlite

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/marktbote/marktbote/store"
)

// crashChildEnv makes the test binary the writer that TestCrash kills; its value is the path of the store.
const crashChildEnv = "MARKTBOTE_STORE_CRASH_CHILD"

// crashChild receives for ever and prints what it was promised: the ID of each interchange after its
// transaction, the digest of each large payload after PutPayload.
func crashChild(path string) int {
	ctx := context.Background()
	st, err := Open(ctx, path)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	failed := make(chan error, 2)
	go func() {
		for {
			p, err := st.PutPayload(ctx, io.LimitReader(rand.NewChaCha8(seed()), 3<<20+17))
			if err != nil {
				failed <- err
				return
			}
			fmt.Printf("payload %s\n", p.Digest)
		}
	}()
	go func() {
		for {
			id, err := receive(ctx, st, io.LimitReader(rand.NewChaCha8(seed()), 3000))
			if err != nil {
				failed <- err
				return
			}
			fmt.Printf("interchange %d\n", id)
		}
	}()
	fmt.Fprintln(os.Stderr, <-failed)
	return 1
}

func seed() (s [32]byte) {
	for i := range s {
		s[i] = byte(rand.Uint32())
	}
	return s
}

// receive is what the gateway does with an interchange before it acknowledges it.
func receive(ctx context.Context, st store.Store, r io.Reader) (id int64, err error) {
	p, err := st.PutPayload(ctx, r)
	if err != nil {
		return 0, err
	}
	now := time.Now()
	err = st.Update(ctx, func(tx store.Tx) error {
		id, err = tx.InsertInterchange(store.Interchange{
			Direction: store.In, Channel: "file", ReceivedID: p.Digest, PayloadDigest: p.Digest, PayloadSize: p.Size,
			ReceivedAt: now, State: store.StateReceived,
		})
		if err != nil {
			return err
		}
		_, err = tx.AddWork(store.Work{Kind: "check", Lane: "bulk", InterchangeID: id, DueAt: now})
		return err
	})
	return id, err
}

func TestCrash(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "store.db")
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var promised []string
	for round := range 4 {
		lines := crash(t, exe, path)
		if len(lines) == 0 {
			t.Fatalf("round %d: nothing was written", round)
		}
		promised = append(promised, lines...)
		checkPromises(t, path, promised)
	}
	t.Logf("%d promises kept", len(promised))
}

// crash runs a child, kills it at some moment after its first promise and returns the promises.
func crash(t *testing.T, exe, path string) (lines []string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), crashChildEnv+"="+path)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var killer *time.Timer
	for scanner := bufio.NewScanner(stdout); scanner.Scan(); {
		if killer == nil {
			killer = time.AfterFunc(rand.N(300*time.Millisecond), func() { _ = cmd.Process.Kill() })
		}
		lines = append(lines, scanner.Text())
	}
	if killer != nil {
		killer.Stop()
	}
	err = cmd.Wait()
	if stderr.Len() > 0 || err == nil || cmd.ProcessState.Exited() {
		t.Fatalf("the child was not killed: %v, %s", err, stderr.String())
	}
	return lines
}

// checkPromises opens the store like a restarted gateway does and looks for everything that was promised.
func checkPromises(t *testing.T, path string, promised []string) {
	t.Helper()
	st := openTest(t, path)
	defer closeTest(t, st)
	work := map[int64]bool{}
	items, err := st.ClaimWork(t.Context(), "bulk", time.Now(), time.Microsecond, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range items {
		work[w.InterchangeID] = true
	}
	for _, line := range promised {
		var digest string
		var id int64
		if _, err := fmt.Sscanf(line, "interchange %d", &id); err == nil {
			if err := st.View(t.Context(), func(tx store.Tx) error {
				x, err := tx.Interchange(id)
				digest = x.PayloadDigest
				return err
			}); err != nil {
				t.Fatal(err)
			}
			if !work[id] {
				t.Errorf("interchange %d has no work item", id)
			}
		} else if _, err := fmt.Sscanf(line, "payload %s", &digest); err != nil {
			t.Fatalf("the child printed %q", line)
		}
		r, err := st.OpenPayload(t.Context(), digest)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, r); err != nil {
			t.Error(err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	db := rawDB(t, path)
	var integrity string
	if err := db.QueryRow("PRAGMA integrity_check").Scan(&integrity); err != nil || integrity != "ok" {
		t.Errorf("integrity_check: %s, %v", integrity, err)
	}
	var left int
	const abandoned = `SELECT count(*) FROM payload_upload WHERE id NOT IN (SELECT upload_id FROM payload WHERE upload_id > 0)`
	if err := db.QueryRow(abandoned).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d abandoned uploads left, %v", left, err)
	}
}
