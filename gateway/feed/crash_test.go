package feed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/marktbote/marktbote/gateway/config"
	"github.com/marktbote/marktbote/store"
	"github.com/marktbote/marktbote/store/postgres"
	"github.com/marktbote/marktbote/store/sqlite"
	"github.com/marktbote/marktbote/store/storetest"
	"github.com/marktbote/marktbote/store/storetest/pgtest"
)

const childEnv = "MARKTBOTE_FEED_CRASH_CHILD"

// crashJob is what a child does.
type crashJob struct {
	Place         string
	Subscriptions []config.Subscription
}

func openPlace(ctx context.Context, place string) (store.Store, error) {
	if config.IsPostgres(place) {
		st, err := postgres.Open(ctx, place)
		if err != nil {
			return nil, err
		}
		return st, nil
	}
	return sqlite.Open(ctx, place)
}

// crashChild is a gateway that delivers until it is killed, or its parent is.
func crashChild(text string) int {
	err := func() error {
		var job crashJob
		if err := json.Unmarshal([]byte(text), &job); err != nil {
			return err
		}
		ctx, cancel := context.WithCancel(context.Background())
		go func() { _, _ = io.Copy(io.Discard, os.Stdin); cancel() }()
		st, err := openPlace(ctx, job.Place)
		if err != nil {
			return err
		}
		f, err := Open(ctx, Options{Store: st, Config: config.Config{Subscriptions: job.Subscriptions}})
		if err != nil {
			return err
		}
		f.pace = quick
		f.pace.lease = time.Second
		return errors.Join(f.Run(ctx), st.Close())
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// child runs a gateway in a process of its own.
func child(t *testing.T, job crashJob) (kill func()) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(job)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe) //nolint:gosec // this test
	cmd.Env = append(os.Environ(), childEnv+"="+string(text))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() > 0 {
			t.Errorf("the child ended by itself: %v", err)
		}
		_ = stdin.Close()
	})
	t.Cleanup(kill)
	return kill
}

// mortal is a webhook that dies and comes again at its address.
type mortal struct {
	*receiver
	address string
	server  *http.Server
	served  chan struct{}
}

func (m *mortal) revive(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("tcp", m.address)
	if err != nil {
		t.Fatal(err)
	}
	m.address = listener.Addr().String()
	m.server, m.served = &http.Server{Handler: m.receiver, ReadHeaderTimeout: time.Second}, make(chan struct{}) //nolint:gosec // a test
	go func() { defer close(m.served); _ = m.server.Serve(listener) }()
}

// die cuts all connections, whatever is under way.
func (m *mortal) die() {
	_ = m.server.Close()
	<-m.served
}

const crashPartitions = 23

// TestCrash kills gateways and receivers at random: every event arrives at every receiver, what comes first of a
// partition is in order, and what comes again is told by its id.
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
	st, err := openPlace(t.Context(), place)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})

	hook := &mortal{receiver: &receiver{attempts: map[string]int{}, header: http.Header{}}, address: "127.0.0.1:0"}
	hook.set(func(string, int) int {
		switch rand.IntN(40) { //nolint:gosec // no secret
		case 0:
			return http.StatusInternalServerError
		case 1:
			return http.StatusServiceUnavailable
		case 2:
			panic(http.ErrAbortHandler)
		}
		return http.StatusOK
	})
	hook.revive(t)
	t.Cleanup(func() { hook.die() })
	natsDir := t.TempDir()
	bus := natsServer(t, natsDir, 0)
	busURL := bus.ClientURL()
	busPort, err := strconv.Atoi(busURL[strings.LastIndexByte(busURL, ':')+1:])
	if err != nil {
		t.Fatal(err)
	}
	stream := eventStream(t, busURL)
	lake := kafkaCluster(t)
	lake.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		lake.KeepControl()
		if rand.IntN(20) == 0 { //nolint:gosec // no secret
			return nil, errors.New("connection cut"), true
		}
		return nil, nil, false
	})
	dir := t.TempDir()
	job := crashJob{Place: place, Subscriptions: []config.Subscription{
		webhookTo(t, "hook", "http://"+hook.address), natsTo(busURL), kafkaTo(lake.ListenAddrs()), filesTo("archive", dir),
	}}
	for i := range job.Subscriptions {
		job.Subscriptions[i].MaxAttempts = 1000
	}
	job.Subscriptions[0].Webhook.Timeout = time.Second

	total := 0
	add := func(n int) {
		var list []store.Event
		for range n {
			list = append(list, cloudEvent(fmt.Sprintf("e-%d", total), "de.marktbote.test.v1", fmt.Sprintf("p%d", total%crashPartitions), map[string]any{"n": total}))
			total++
		}
		publish(t, st, list...)
	}
	kills := []func(){child(t, job), child(t, job)}
	for range storetest.CrashRounds() {
		for range 5 {
			add(rand.IntN(20))                                          //nolint:gosec // no secret
			time.Sleep(time.Duration(rand.IntN(60)) * time.Millisecond) //nolint:gosec // when it dies is what is tested
		}
		switch rand.IntN(4) { //nolint:gosec // no secret
		case 0:
			hook.die()
			hook.revive(t)
		case 1:
			bus.Shutdown()
			bus.WaitForShutdown()
			bus = natsServer(t, natsDir, busPort)
		}
		i := rand.IntN(2) //nolint:gosec // no secret
		kills[i]()
		kills[i] = child(t, job)
	}
	add(10)
	for _, s := range job.Subscriptions {
		settled(t, st, s.Name)
	}
	for _, kill := range kills {
		kill()
	}
	check := func(name string, ids []string) {
		t.Run(name, func(t *testing.T) {
			inOrder(t, ids, total, crashPartitions)
			t.Logf("%d arrivals of %d events", len(ids), total)
		})
	}
	check("webhook", hook.ids())
	check("files", linesOf(t, dir))
	var ids []string
	for _, m := range streamed(t, stream) {
		ids = append(ids, idOf(t, m.Data))
	}
	check("nats", ids)
	ids = nil
	for _, r := range consumed(t, lake.ListenAddrs(), total) {
		ids = append(ids, idOf(t, r.Value))
	}
	check("kafka", ids)
	if _, err := st.(store.Auditor).Verify(t.Context(), store.AuditHead{}, func(p store.AuditProblem) { t.Error(p) }); err != nil {
		t.Error(err)
	}
}
