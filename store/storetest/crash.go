package storetest

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/marktbote/marktbote/store"
)

// crashRoundsEnv sets how often Crash kills; without it a few times.
const crashRoundsEnv = "MARKTBOTE_CRASH_ROUNDS"

const defaultCrashRounds = 4

// wholeEvery is after how many rounds Crash looks at everything it was ever promised. In between it looks at what the
// last child was promised: what a kill can harm is what was not on disk yet, and looking at everything each time would
// take longer with every round.
const wholeEvery = 20

// CrashRounds is how often a crash test kills.
func CrashRounds() int {
	if n, err := strconv.Atoi(os.Getenv(crashRoundsEnv)); err == nil && n > 0 {
		return n
	}
	return defaultCrashRounds
}

// Crash kills a process in the middle of its load, again and again, and looks after every time for everything it
// was promised. The test binary must call CrashChild when it finds env (NAME=value) in its environment. open opens
// the store like a restarted gateway does; the suite closes it. after, if not nil, looks at the store from outside.
func Crash(t *testing.T, env string, open Open, after func(t *testing.T)) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var promised []string
	rounds := CrashRounds()
	for round := range rounds {
		lines := crash(t, exe, env)
		if len(lines) == 0 {
			t.Fatalf("round %d: nothing was written", round)
		}
		promised = append(promised, lines...)
		whole := rounds <= defaultCrashRounds || round%wholeEvery == wholeEvery-1 || round == rounds-1
		if whole {
			lines = promised
		}
		checkPromises(t, open, lines, whole)
		if after != nil && whole {
			after(t)
		}
	}
	t.Logf("%d promises kept", len(promised))
}

// CrashChild receives and works for ever and prints what it was promised: the ID of each interchange after its
// transaction, the digest of each large payload after PutPayload, the event of each item that was done. It returns
// when the store fails.
func CrashChild(ctx context.Context, st store.Store) error {
	failed := make(chan error, 3)
	forever := func(do func() error) {
		for {
			if err := do(); err != nil {
				failed <- err
				return
			}
		}
	}
	go forever(func() error {
		p, err := st.PutPayload(ctx, io.LimitReader(rand.NewChaCha8(randomSeed()), 3<<20+17))
		if err == nil {
			fmt.Printf("payload %s\n", p.Digest)
		}
		return err
	})
	go forever(func() error {
		var content [3000]byte
		_, _ = rand.NewChaCha8(randomSeed()).Read(content[:]) // never fails
		id, err := Receive(ctx, st, content[:])
		if err == nil {
			fmt.Printf("interchange %d\n", id)
		}
		return err
	})
	go forever(func() error { return workOnce(ctx, st) })
	return <-failed
}

// workOnce does half of the items that are due: an event and the end of the item in one transaction.
func workOnce(ctx context.Context, st store.Store) error {
	items, err := st.ClaimWork(ctx, store.Claim{Lane: "bulk", Now: time.Now(), Lease: time.Second, Limit: 2})
	if err != nil || len(items) == 0 {
		time.Sleep(time.Millisecond)
		return err
	}
	w := items[0]
	err = st.Update(ctx, func(tx store.Tx) error {
		if err := tx.CompleteWork(w); err != nil {
			return err
		}
		return addEvent(tx, store.Event{ID: fmt.Sprint(w.InterchangeID), InterchangeID: w.InterchangeID, Data: []byte("done")})
	})
	if errors.Is(err, store.ErrLeaseLost) {
		return nil
	}
	if err == nil {
		fmt.Printf("done %d\n", w.InterchangeID)
	}
	return err
}

func randomSeed() (s [32]byte) {
	for i := range s {
		s[i] = byte(rand.Uint32())
	}
	return s
}

// Receive is what the gateway does with an interchange before it acknowledges it, in one transaction.
func Receive(ctx context.Context, st store.Store, content []byte) (id int64, err error) {
	now := time.Now()
	err = st.Update(ctx, func(tx store.Tx) error {
		id, err = receive(tx, content, now)
		return err
	})
	return id, err
}

func receive(tx store.Tx, content []byte, now time.Time) (int64, error) {
	p, err := tx.PutPayload(content)
	if err != nil {
		return 0, err
	}
	id, err := tx.InsertInterchange(store.Interchange{
		Direction: store.In, Channel: "file", ReceivedID: p.Digest, PayloadDigest: p.Digest, PayloadSize: p.Size,
		ReceivedAt: now, State: store.StateReceived,
	})
	if err != nil {
		return 0, err
	}
	err = tx.AddWork(store.Work{Kind: "check", Lane: "bulk", InterchangeID: id, DueAt: now})
	return id, err
}

// crash runs a child, kills it at some moment after its first promise and returns the promises.
func crash(t *testing.T, exe, env string) (lines []string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), env)
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

// checkPromises looks for everything that was promised, and that nothing was done twice or half; if it is to look at the
// whole store, also that no item is lost for the workers, and at the audit log.
func checkPromises(t *testing.T, open Open, promised []string, whole bool) {
	t.Helper()
	st := open(t)
	defer func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	}()
	// Both in one state: a server may still be committing what the child sent last.
	waiting := map[int64]bool{}
	var items []store.Work
	events := view(t, st, func(tx store.Tx) (list []store.Event, err error) {
		if items, err = tx.WorkItems(store.WorkQuery{Limit: 1 << 20}); err != nil {
			return nil, err
		}
		return tx.Events(0, 0, 1<<20)
	})
	for _, w := range items {
		waiting[w.InterchangeID] = true
	}
	if whole {
		verify(t, st, store.AuditHead{})
		checkClaims(t, st, len(items))
	}
	done := map[int64]bool{}
	for _, e := range events {
		done[e.InterchangeID] = true
		if waiting[e.InterchangeID] {
			t.Errorf("interchange %d is done and still waits", e.InterchangeID)
		}
	}
	for _, line := range promised {
		kind, value, _ := strings.Cut(line, " ")
		id, _ := strconv.ParseInt(value, 10, 64) // a payload has no number
		switch kind {
		case "payload":
			readAll(t, st, value)
		case "done":
			if !done[id] {
				t.Errorf("interchange %d was done and is not any more", id)
			}
		case "interchange":
			x := view(t, st, func(tx store.Tx) (store.Interchange, error) { return tx.Interchange(id) })
			if waiting[id] == done[id] {
				t.Errorf("interchange %d: waiting %v, done %v", id, waiting[id], done[id])
			}
			readAll(t, st, x.PayloadDigest)
		default:
			t.Fatalf("the child printed %q", line)
		}
	}
}

// checkClaims claims everything that waits and gives it back.
func checkClaims(t *testing.T, st store.Store, waiting int) {
	t.Helper()
	// The lease of a claim the kill interrupted has run out by then.
	items, err := st.ClaimWork(t.Context(), store.Claim{Lane: "bulk", Now: time.Now().Add(time.Hour), Lease: time.Microsecond, Limit: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "claimed", waiting, len(items))
	update(t, st, func(tx store.Tx) error { // now is again what the child takes for it
		for _, w := range items {
			if err := tx.RetryWork(w, w.DueAt, ""); err != nil {
				return err
			}
		}
		return nil
	})
}

func readAll(t *testing.T, st store.Store, digest string) []byte {
	t.Helper()
	r, err := st.OpenPayload(t.Context(), digest)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	var b bytes.Buffer
	if _, err := io.Copy(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
