package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/marktbote/marktbote/gateway"
	"github.com/marktbote/marktbote/gateway/config"
	"github.com/marktbote/marktbote/store"
	"github.com/marktbote/marktbote/store/postgres"
)

// benchCmd has the measurements.
type benchCmd struct {
	Pipeline benchPipelineCmd `cmd:"" help:"Measure the gateway beside the least that the database has to do for the same messages."`
}

// benchPipelineCmd is "marktbote bench pipeline".
type benchPipelineCmd struct {
	Driver   string  `help:"The store to measure." enum:"sqlite,postgres,both" default:"sqlite"`
	Postgres string  `help:"PostgreSQL database to measure in, postgres://USER@HOST/DATABASE; schemas of its own are made and dropped." placeholder:"URL"`
	Dir      string  `help:"Folder on the disk to measure; a temporary one without it." type:"existingdir" placeholder:"DIR"`
	Message  string  `help:"utilmd: 55001, one Vorgang of 3 kB; bundle: 55001, six Vorgänge, 3 kB; mscons: load profile of a day, about 7.3 kB; both: utilmd and mscons." enum:"utilmd,bundle,mscons,both" default:"both"`
	Batch    []int   `help:"Messages in an interchange, and in a transaction of the bare loop." default:"1,100"`
	Senders  int     `help:"Who hands in interchanges, or inserts, at the same time." default:"16"`
	Seconds  float64 `help:"How long each side runs in each round." default:"3"`
	Rounds   int     `help:"Rounds; the medians count." default:"5"`
}

// Help explains the command.
func (benchPipelineCmd) Help() string {
	return `Measures how many messages a second the gateway takes through all its steps: received, kept durably, checked, answered,
its events in the outbox and the answer handed to a channel that throws it away. In turn with it, in the same process and
on the same disk, a bare loop inserts the same bytes durably, one row for each message and three rows of 330 bytes for
what could follow from it: the least that a gateway on this database has to write. The share is the median of the shares
of all rounds. A round of the gateway ends when nothing is left to do.

The messages are invented and valid, no two are the same.

Examples:
  marktbote bench pipeline
  marktbote bench pipeline --driver both --postgres postgres://localhost/test --message utilmd --seconds 10`
}

// benchCase is one line of the table.
type benchCase struct {
	driver  string
	message string
	batch   int
}

// Run measures and prints.
func (c *benchPipelineCmd) Run(e env) error {
	if c.Senders < 1 || c.Rounds < 1 || c.Seconds <= 0 || slices.ContainsFunc(c.Batch, func(n int) bool { return n < 1 || n > maxBenchBatch }) {
		return fmt.Errorf("--senders, --rounds and --seconds must be positive, --batch from 1 to %d", maxBenchBatch)
	}
	if c.Driver != "sqlite" && c.Postgres == "" {
		return errors.New("--driver postgres needs --postgres URL")
	}
	dir, err := os.MkdirTemp(c.Dir, "marktbote-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // what is left is in the folder that was named
	fmt.Fprintf(e.stdout, "%d processors, %s, %d senders, %d rounds of %v s; every commit waits for the disk\n\n",
		runtime.GOMAXPROCS(0), runtime.Version(), c.Senders, c.Rounds, c.Seconds)
	out := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(out, "store\tmessage\tbytes\tbatch\tbare loop/s\tgateway/s\tshare\trows a message\t")
	for _, driver := range pick(c.Driver, "sqlite", "postgres") {
		for _, message := range pick(c.Message, "utilmd", "mscons") {
			for _, batch := range c.Batch {
				if err := c.measure(e.ctx, out, dir, benchCase{driver, message, batch}); err != nil {
					return fmt.Errorf("%s, %s, %d: %w", driver, message, batch, err)
				}
			}
		}
	}
	return out.Flush()
}

// pick returns choice, or all if it is "both".
func pick(choice string, all ...string) []string {
	if choice == "both" {
		return all
	}
	return []string{choice}
}

// benchResult is one round.
type benchResult struct{ raw, gateway float64 } // messages a second

// measure runs the rounds of one case and prints its line.
func (c *benchPipelineCmd) measure(ctx context.Context, out io.Writer, dir string, k benchCase) (err error) {
	maker, err := newBenchMaker(k.message)
	if err != nil {
		return err
	}
	raw, err := c.openRaw(ctx, dir, k.driver)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, raw.close()) }()
	side, err := c.openGateway(ctx, dir, k.driver, maker, k.batch)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, side.close()) }()
	long := time.Duration(c.Seconds * float64(time.Second))
	warm := min(long, time.Second/2)
	if _, err = side.round(ctx, c.Senders, k.batch, warm); err == nil {
		_, err = raw.round(ctx, maker, c.Senders, k.batch, warm)
	}
	var results []benchResult
	for i := 0; i < c.Rounds && err == nil; i++ {
		var r benchResult
		if r.raw, err = raw.round(ctx, maker, c.Senders, k.batch, long); err == nil {
			r.gateway, err = side.round(ctx, c.Senders, k.batch, long)
		}
		results = append(results, r)
	}
	if err != nil {
		return err
	}
	rows, err := side.rowsPerMessage(ctx, k.batch)
	if err != nil {
		return err
	}
	median := func(of func(benchResult) float64) float64 {
		var list []float64
		for _, r := range results {
			list = append(list, of(r))
		}
		slices.Sort(list)
		return list[len(list)/2]
	}
	fmt.Fprintf(out, "%s\t%s\t%d\t%d\t%.0f\t%.0f\t%.0f %%\t%.0f\t\n", k.driver, maker.name, maker.bytes(), k.batch,
		median(func(r benchResult) float64 { return r.raw }),
		median(func(r benchResult) float64 { return r.gateway }),
		100*median(func(r benchResult) float64 { return r.gateway / r.raw }), rows)
	return nil
}

// benchSide is a running gateway. It is also its Channel.
type benchSide struct {
	maker    *benchMaker
	store    store.Store
	gateway  *gateway.Gateway
	stop     func()
	drop     func() error
	onItsWay chan struct{} // a place for each interchange that is not answered yet
	last     int64         // ID of an interchange
}

// benchOnItsWay is how many messages may be on their way at a time, so that the steps have enough to do together and a
// round does not leave much behind.
const benchOnItsWay = 512

// openGateway starts a gateway on an empty store.
func (c *benchPipelineCmd) openGateway(ctx context.Context, dir, driver string, maker *benchMaker, batch int) (*benchSide, error) {
	dir, err := os.MkdirTemp(dir, "gateway-")
	if err != nil {
		return nil, err
	}
	cfg := config.Default()
	cfg.DataDir, cfg.Own, cfg.Partners = dir, maker.own, maker.partners
	side := &benchSide{maker: maker, onItsWay: make(chan struct{}, max(4, benchOnItsWay/batch)), drop: func() error { return nil }}
	if driver == "postgres" {
		if cfg.Store, side.drop, err = postgres.TemporarySchema(ctx, c.Postgres, fmt.Sprintf("marktbote_bench_%d", time.Now().UnixNano())); err != nil {
			return nil, err
		}
	}
	if side.store, err = openStore(ctx, cfg); err != nil {
		return nil, errors.Join(err, side.drop())
	}
	clock := &demoClock{}
	clock.jump(maker.sent.Add(20 * time.Second))
	side.gateway = gateway.New(gateway.Options{
		Store: side.store, Config: cfg, Log: zap.NewNop(), Metrics: prometheus.NewRegistry(), Channel: side, Now: clock.now,
	})
	running, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { side.gateway.Run(running) })
	side.stop = func() { stop(); wg.Wait() }
	return side, nil
}

func (s *benchSide) close() error {
	s.stop()
	return errors.Join(s.store.Close(), s.drop())
}

// Send implements gateway.Channel: each interchange is answered by one file.
func (s *benchSide) Send(_ context.Context, out gateway.Outgoing) (time.Time, error) {
	_, err := io.Copy(io.Discard, out.Body)
	if err == nil {
		select {
		case <-s.onItsWay:
		default: // sent again
		}
	}
	return time.Time{}, err
}

// round hands in interchanges for some time, waits until all is done and returns the messages a second.
func (s *benchSide) round(ctx context.Context, senders, batch int, long time.Duration) (float64, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	begin := time.Now()
	var count atomic.Int64
	var wg sync.WaitGroup
	for range senders {
		wg.Go(func() {
			for time.Since(begin) < long {
				select {
				case s.onItsWay <- struct{}{}:
				case <-ctx.Done():
					return
				}
				id, err := s.gateway.Receive(ctx, "bench", "", bytes.NewReader(s.maker.interchange(batch)))
				if err != nil {
					cancel(err)
					return
				}
				atomic.StoreInt64(&s.last, id)
				count.Add(int64(batch))
			}
		})
	}
	wg.Wait()
	for ctx.Err() == nil {
		var left int
		err := s.store.View(ctx, func(tx store.Tx) (err error) {
			left, err = tx.PendingWork()
			return err
		})
		if err != nil {
			return 0, err
		}
		if left == 0 {
			break
		}
		select {
		case <-ctx.Done():
		case <-time.After(2 * time.Millisecond):
		}
	}
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	if n := len(s.onItsWay); n > 0 {
		return 0, fmt.Errorf("%d interchanges were not answered", n)
	}
	return float64(count.Load()) / time.Since(begin).Seconds(), nil
}

// rowsPerMessage counts the rows that stay of one interchange and its answer, for each of its messages. It fails if the
// gateway did not do what is measured.
func (s *benchSide) rowsPerMessage(ctx context.Context, batch int) (float64, error) {
	rows := 0
	err := s.store.View(ctx, func(tx store.Tx) error {
		list := []int64{s.last}
		events := 0
		for i := 0; i < len(list); i++ {
			x, err := tx.Interchange(list[i])
			if err != nil {
				return err
			}
			if x.State != store.StatePublished || x.FindingCount > 0 {
				return fmt.Errorf("interchange %d was not accepted without findings: %s, %s, %d", x.ID, x.State, x.Verdict, x.FindingCount)
			}
			messages, err := tx.Messages(x.ID)
			if err != nil {
				return err
			}
			transactions, err := tx.Transactions(x.ID)
			if err != nil {
				return err
			}
			ledger, err := tx.Ledger(x.ID)
			if err != nil {
				return err
			}
			found, err := tx.Events(0, x.ID, 1<<20)
			if err != nil {
				return err
			}
			events += len(found)
			rows += 2 + len(messages) + len(transactions) + len(ledger) + len(found) // and payload, interchange
			for _, entry := range ledger {
				if entry.AnsweredBy != 0 && !slices.Contains(list, entry.AnsweredBy) {
					list = append(list, entry.AnsweredBy)
				}
			}
		}
		if events < batch || len(list) < 2 {
			return fmt.Errorf("%d events and %d answers of %d messages", events, len(list)-1, batch)
		}
		return nil
	})
	return float64(rows) / float64(batch), err
}
