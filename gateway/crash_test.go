package gateway

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/marktbote/marktbote/fixtures"
	"github.com/marktbote/marktbote/gateway/config"
	"github.com/marktbote/marktbote/store"
	"github.com/marktbote/marktbote/store/postgres"
	"github.com/marktbote/marktbote/store/sqlite"
	"github.com/marktbote/marktbote/store/storetest"
	"github.com/marktbote/marktbote/store/storetest/pgtest"
)

// The environment makes the test binary a gateway that a test kills: the place of its store, and when its clock began to
// run, as a Unix time in seconds at which it showed received.
const (
	crashChildEnv = "MARKTBOTE_GATEWAY_CRASH_CHILD"
	crashClockEnv = "MARKTBOTE_GATEWAY_CRASH_CLOCK"
)

// The interchange that the child receives and sends again and again, and what is different every time.
const (
	crashFixture   = "valid/utilmd-55004.edi" // two transactions, so two events
	eventsOfOne    = 2
	crashReference = "%s%012d" // UNB 0020
)

// crashClock returns a clock that showed received at a Unix time.
func crashClock(begun int64) func() time.Time {
	return func() time.Time { return received.Add(time.Since(time.Unix(begun, 0))) }
}

// openCrashed opens the store of a crash test.
func openCrashed(ctx context.Context, place string) (store.Store, error) {
	if config.IsPostgres(place) {
		return postgres.Open(ctx, place)
	}
	return sqlite.Open(ctx, place)
}

// crashChild is a gateway at work that receives, and accepts for sending, for ever. It prints the number of every
// interchange before it tries, and again with the ID when it would confirm it.
func crashChild(place string) int {
	ctx := context.Background()
	err := func() error {
		st, err := openCrashed(ctx, place)
		if err != nil {
			return err
		}
		begun, err := strconv.ParseInt(os.Getenv(crashClockEnv), 10, 64)
		if err != nil {
			return err
		}
		g := New(Options{
			Store: st, Config: config.Default(), Log: zap.NewNop(), Metrics: prometheus.NewRegistry(), Channel: sink{},
			Now: crashClock(begun),
		})
		failed := make(chan error)
		for way, keep := range map[string]func(number int, data []byte) (int64, error){
			"in": func(number int, data []byte) (int64, error) {
				return g.Receive(ctx, "test", fmt.Sprint(number), bytes.NewReader(data))
			},
			"out": func(_ int, data []byte) (int64, error) { return g.Submit(ctx, bytes.NewReader(data)) },
		} {
			go func() {
				for {
					number := rand.IntN(1e12)
					fmt.Println("try", way, number)
					data, err := crashInterchange(number)
					if err == nil {
						var id int64
						if id, err = keep(number, data); err == nil {
							fmt.Println("kept", number, id)
						}
					}
					if err != nil {
						failed <- err
						return
					}
				}
			}()
		}
		go g.Run(ctx)
		return <-failed
	}()
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// sink is a Channel to a partner who takes everything.
type sink struct{}

func (sink) Send(_ context.Context, out Outgoing) (time.Time, error) {
	_, err := io.Copy(io.Discard, out.Body)
	return time.Time{}, err
}

// crashInterchange returns a copy of crashFixture with references and transaction numbers of its own.
func crashInterchange(number int) ([]byte, error) {
	data, err := fixtures.Read(crashFixture)
	if err != nil {
		return nil, err
	}
	end := data[bytes.LastIndex(data, []byte("UNZ+1+"))+len("UNZ+1+"):]
	ref := string(end[:bytes.IndexByte(end, '\'')])
	data = bytes.ReplaceAll(data, []byte(ref), fmt.Appendf(nil, crashReference, "CR", number))
	return bytes.ReplaceAll(data, []byte("IDE+24+"), fmt.Appendf(nil, "IDE+24+C%012d", number)), nil
}

// TestCrash kills a gateway at work and starts it again: whatever was confirmed reaches its end and is answered, once;
// what was not can be sent again; and the audit log holds.
func TestCrash(t *testing.T) {
	t.Parallel()
	for name, place := range map[string]func(t *testing.T) string{
		"sqlite":   func(t *testing.T) string { return filepath.Join(t.TempDir(), "store.db") },
		"postgres": func(t *testing.T) string { return pgtest.DSN(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testCrash(t, place(t))
		})
	}
}

func testCrash(t *testing.T, place string) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	rounds := storetest.CrashRounds()
	begun := time.Now().Unix()
	kept, tried := map[int]int64{}, map[int]bool{}
	for range rounds {
		crash(t, exe, place, begun, kept, tried)
		begun -= int64(21) // the leases of the dead have run out when the next one starts
	}
	st, err := openCrashed(t.Context(), place)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	r := &jumper{now: crashClock(begun)()}
	r.rig = &rig{t: t, st: st, Gateway: New(Options{
		Store: st, Config: config.Default(), Log: zap.NewNop(), Metrics: prometheus.NewRegistry(), Channel: sink{},
		Now: func() time.Time { return r.now },
	})}
	unfinished := 0
	err = st.View(t.Context(), func(tx store.Tx) (err error) {
		unfinished, err = tx.PendingWork()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	again := 0
	for number := range tried { // what was received, but nobody was told: the partner sends again
		if kept[number] != 0 {
			continue
		}
		data, err := crashInterchange(number)
		if err != nil {
			t.Fatal(err)
		}
		kept[number] = r.receive(fmt.Sprint(number), data)
		again++
	}
	r.pass(time.Hour / 4)
	r.wantQuiet(0)
	r.wantCrashed(kept)
	audit, err := st.(store.Auditor).Verify(t.Context(), store.AuditHead{}, func(p store.AuditProblem) { t.Errorf("audit: %s", p) })
	if err != nil || audit.Size == 0 {
		t.Errorf("audit: %d entries, %v", audit.Size, err)
	}
	t.Logf("%d times killed, %d interchanges kept, %d of them sent again, %d steps left undone in the end, %d audit entries",
		rounds, len(kept), again, unfinished, audit.Size)
}

// wantCrashed looks at everything that is in a store that was crashed.
func (r *rig) wantCrashed(kept map[int]int64) {
	r.t.Helper()
	events, refs := 0, map[string]int64{}
	for before := int64(0); ; {
		var list []store.Interchange
		err := r.st.View(r.t.Context(), func(tx store.Tx) (err error) {
			list, err = tx.Interchanges(store.InterchangeQuery{Before: before, Limit: 1000})
			return err
		})
		if err != nil {
			r.t.Fatal(err)
		}
		if len(list) == 0 {
			break
		}
		for _, x := range list {
			before = x.ID
			if x.State != store.StatePublished {
				r.t.Errorf("interchange %d: state %s, verdict %s", x.ID, x.State, x.Verdict)
			}
			if other, twice := refs[x.Sender+x.ControlRef]; twice {
				r.t.Errorf("interchanges %d and %d are both %s", x.ID, other, x.ControlRef)
			}
			refs[x.Sender+x.ControlRef] = x.ID
			if !acknowledges(x) {
				events += eventsOfOne
			}
			if x.Direction == store.In {
				r.wantAnswered(x.ID)
			}
		}
	}
	for number, id := range kept {
		if got := refs["9999100000013"+fmt.Sprintf(crashReference, "CR", number)]; got != id {
			r.t.Errorf("interchange %d was promised as %d and is %d", number, id, got)
		}
	}
	seen := 0
	for after := int64(0); ; {
		n := 0
		err := r.st.View(r.t.Context(), func(tx store.Tx) error {
			list, err := tx.Events(after, 0, 1000)
			for _, e := range list {
				n++
				after = e.Seq
				if !strings.Contains(e.Type, ".process.") {
					seen++
				}
			}
			return err
		})
		if err != nil {
			r.t.Fatal(err)
		}
		if n == 0 {
			break
		}
	}
	if seen != events {
		r.t.Errorf("%d events, want %d", seen, events)
	}
}

// wantAnswered checks that one answer to an interchange was sent for both transactions.
func (r *rig) wantAnswered(id int64) {
	r.t.Helper()
	err := r.st.View(r.t.Context(), func(tx store.Tx) error {
		list, err := tx.Ledger(id)
		if err != nil {
			return err
		}
		for _, e := range list {
			if e.Kind == store.LedgerAnswer {
				continue // that of the process is not ours to write
			}
			answer, err := tx.Interchange(e.AnsweredBy)
			if err != nil {
				return err
			}
			if e.State != store.LedgerMet && e.State != store.LedgerLate || answer.State != store.StatePublished || answer.ReceivedID != answerID(id, 1) {
				r.t.Errorf("interchange %d: %+v, answer %+v", id, e, answer)
			}
		}
		if len(list) != 2*eventsOfOne {
			r.t.Errorf("interchange %d: %d entries in the ledger", id, len(list))
		}
		return nil
	})
	if err != nil {
		r.t.Error(err)
	}
}

// crash runs a child and kills it at some moment after its first promise. It adds to what the child kept and tried.
func crash(t *testing.T, exe, place string, begun int64, kept map[int]int64, tried map[int]bool) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), crashChildEnv+"="+place, fmt.Sprintf("%s=%d", crashClockEnv, begun))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	killer := time.AfterFunc(time.Hour, func() { _ = cmd.Process.Kill() })
	defer killer.Stop()
	first := true
	for scanner := bufio.NewScanner(stdout); scanner.Scan(); {
		var number int
		var id int64
		if n, _ := fmt.Sscanf(scanner.Text(), "kept %d %d", &number, &id); n == 2 {
			kept[number] = id
			if first {
				killer.Reset(rand.N(300 * time.Millisecond))
				first = false
			}
		} else if n, _ := fmt.Sscanf(scanner.Text(), "try in %d", &number); n == 1 {
			tried[number] = true
		}
	}
	err = cmd.Wait()
	if stderr.Len() > 0 || err == nil || cmd.ProcessState.Exited() {
		t.Fatalf("the child was not killed: %v, %s", err, stderr.String())
	}
}
