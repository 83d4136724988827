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
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/marktbote/marktbote/fixtures"
	"github.com/marktbote/marktbote/gateway/config"
	"github.com/marktbote/marktbote/store"
	"github.com/marktbote/marktbote/store/sqlite"
)

// crashChildEnv makes the test binary the gateway that TestCrash kills; its value is the path of the store.
const crashChildEnv = "MARKTBOTE_GATEWAY_CRASH_CHILD"

// The interchange that the child receives again and again, and what is different every time.
const (
	crashFixture   = "valid/utilmd-55004.edi" // two transactions, so two events
	eventsOfOne    = 2
	crashReference = "%s%012d" // UNB 0020
)

// crashChild is a gateway at work that receives for ever. It prints the ID of every interchange that it would
// confirm to its sender.
func crashChild(path string) int {
	ctx := context.Background()
	err := func() error {
		st, err := sqlite.Open(ctx, path)
		if err != nil {
			return err
		}
		g := New(Options{
			Store: st, Config: config.Default(), Log: zap.NewNop(), Metrics: prometheus.NewRegistry(), Channel: sink{},
			Now: func() time.Time { return received },
		})
		go g.Run(ctx)
		for {
			data, err := crashInterchange(rand.IntN(1e9))
			if err != nil {
				return err
			}
			id, err := g.Receive(ctx, "test", "", bytes.NewReader(data))
			if err != nil {
				return err
			}
			fmt.Println(id)
		}
	}()
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// sink is a Channel to a partner who takes everything.
type sink struct{}

func (sink) Send(_ context.Context, out Outgoing) error {
	_, err := io.Copy(io.Discard, out.Body)
	return err
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
	return bytes.ReplaceAll(data, []byte("IDE+24+"), fmt.Appendf(nil, "IDE+24+C%09d", number)), nil
}

// TestCrash kills a gateway at work and starts it again: whatever was confirmed reaches its end and is answered, once.
func TestCrash(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var promised []int64
	for range 5 {
		promised = append(promised, crash(t, exe, filepath.Join(dir, "store.db"))...)
	}
	unfinished := 0
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, dir, func(o *Options) { o.Channel = sink{} })
		err := r.st.View(t.Context(), func(tx store.Tx) (err error) {
			unfinished, err = tx.PendingWork()
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		r.run(time.Hour / 4) // leases of the dead have to run out
		r.wantQuiet(0)
		all := r.interchanges() / 2 // each with its answer
		for _, id := range promised {
			out := r.rows(id)
			if out.x.State != store.StatePublished || len(out.events) != eventsOfOne {
				t.Errorf("interchange %d: state %s, %v, %d events", id, out.x.State, out.codes(), len(out.events))
			}
			r.wantAnswered(id)
		}
		if events := len(r.eventIDs()); events != eventsOfOne*all {
			t.Errorf("%d events of %d interchanges", events, all)
		}
	})
	t.Logf("%d interchanges promised, %d steps were left undone", len(promised), unfinished)
}

// wantAnswered checks that one answer to an interchange was sent in time for both transactions.
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
			if e.State != store.LedgerMet || answer.State != store.StatePublished || answer.ReceivedID != answerID(id, 1) {
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

// crash runs a child, kills it at some moment after its first promise and returns the promises.
func crash(t *testing.T, exe, path string) (ids []int64) {
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
	killer := time.AfterFunc(time.Hour, func() { _ = cmd.Process.Kill() })
	defer killer.Stop()
	for scanner := bufio.NewScanner(stdout); scanner.Scan(); {
		if len(ids) == 0 {
			killer.Reset(rand.N(300 * time.Millisecond))
		}
		id, err := strconv.ParseInt(scanner.Text(), 10, 64)
		if err != nil {
			break // the last line may be cut off
		}
		ids = append(ids, id)
	}
	err = cmd.Wait()
	if stderr.Len() > 0 || err == nil || cmd.ProcessState.Exited() {
		t.Fatalf("the child was not killed: %v, %s", err, stderr.String())
	}
	return ids
}
