package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/marktbote/marktbote/gateway"
	"github.com/marktbote/marktbote/gateway/api"
	"github.com/marktbote/marktbote/gateway/as4/libssl"
	"github.com/marktbote/marktbote/gateway/config"
	"github.com/marktbote/marktbote/gateway/feed"
	"github.com/marktbote/marktbote/gateway/pickup"
	"github.com/marktbote/marktbote/gateway/web"
	"github.com/marktbote/marktbote/store"
)

// serveCmd is "marktbote serve".
type serveCmd struct {
	Config string `help:"Configuration file (YAML). Without it: SQLite in ./marktbote-data, loopback only." type:"existingfile" placeholder:"FILE"`
	Listen string `help:"Address of the message log, overrides the configuration." placeholder:"HOST:PORT"`
	rulesFlag
}

// Help is shown by "marktbote serve --help".
func (c *serveCmd) Help() string {
	return `Receives interchanges over HTTP (POST /interchanges), keeps them durably before it answers, checks them, and puts their events into the outbox (GET /events). The message log is a web page at /, metrics are at /metrics. Ctrl-C stops after the work in progress.

Interchanges that are to be sent come over POST /v1/interchanges (?number=true numbers them) or from directories (pickup in the configuration); what is received goes to systems by the rules in routes. docs/operations.md tells more.

Examples:
  marktbote serve &
  curl --data-binary @utilmd.edi http://127.0.0.1:8470/interchanges
  curl --data-binary @utilmd.edi 'http://127.0.0.1:8470/v1/interchanges?number=true'`
}

// Run serves until it is interrupted.
func (c *serveCmd) Run(e env) error {
	cfg := config.Default()
	if c.Config != "" {
		var err error
		if cfg, err = config.Load(c.Config); err != nil {
			return err
		}
	}
	if c.Listen != "" {
		cfg.Listen = c.Listen
		if err := cfg.Validate(); err != nil {
			return err
		}
	}
	shelf, err := c.shelf()
	if err != nil {
		return err
	}
	log, err := newLog(e)
	if err != nil {
		return err
	}
	st, err := openStore(e.ctx, cfg)
	if err != nil {
		return err
	}
	warnOfKey(e.ctx, cfg, st, e.stderr)
	metrics := newMetrics()
	assignments, err := gateway.ReadAssignments(cfg.AssignmentFile)
	if err != nil {
		return errors.Join(err, st.Close())
	}
	opts := gateway.Options{Store: st, Config: cfg, Log: log, Metrics: metrics, Rules: shelf, Assignments: assignments}
	var channel *as4Channel
	if cfg.AS4.Enabled() {
		if channel, err = openAS4(e.ctx, cfg, st, log, metrics); err != nil {
			return errors.Join(err, st.Close())
		}
		opts.Channel = channel
	}
	g := gateway.New(opts)
	watchers, err := openPickups(cfg, g, st, log)
	if err != nil {
		return errors.Join(err, st.Close())
	}
	defer closeAll(watchers)
	events, err := feed.Open(e.ctx, feed.Options{Store: st, Config: cfg, Log: log, Metrics: metrics})
	if err != nil {
		return errors.Join(err, st.Close())
	}
	site := &web.Site{Name: "Marktbote", Store: st, Receiver: g, Clearing: g, Log: log}
	mux := http.NewServeMux()
	mux.Handle("/", site.Handler())
	mux.Handle("/v1/", (&api.API{Gateway: g, Store: st, Events: events.Handler(), Log: log}).Handler())
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return errors.Join(fmt.Errorf("listen: %w", err), st.Close())
	}
	fmt.Fprintf(e.stderr, "Message log: http://%s/   data: %s   Ctrl-C stops.\n", listener.Addr(), describeStore(cfg))
	group, ctx := errgroup.WithContext(e.ctx)
	if channel != nil {
		channel.gateway = g
		if err := channel.serve(ctx, cfg, group, e.stderr); err != nil {
			return errors.Join(err, listener.Close(), st.Close())
		}
	}
	group.Go(func() error { g.Run(ctx); return nil })
	group.Go(func() error { return events.Run(ctx) })
	for _, w := range watchers {
		group.Go(func() error { w.Run(ctx); return nil })
	}
	var handler http.Handler = mux
	if !cfg.ListenAnywhere {
		handler = loopbackOnly(mux)
	}
	group.Go(func() error { return serveHTTP(ctx, listener, handler, readPatience) })
	return errors.Join(group.Wait(), st.Close())
}

// openPickups opens the directories from which interchanges are sent.
func openPickups(cfg config.Config, g *gateway.Gateway, st store.Store, log *zap.Logger) (list []*pickup.Watcher, err error) {
	for _, p := range cfg.Pickup {
		w, err := pickup.Open(p, g, st, log)
		if err != nil {
			closeAll(list)
			return nil, err
		}
		list = append(list, w)
	}
	return list, nil
}

func closeAll(list []*pickup.Watcher) {
	for _, w := range list {
		_ = w.Close() // nothing was written to it
	}
}

// newLog returns the log of the process: JSON lines on standard error.
func newLog(e env) (*zap.Logger, error) {
	if e.stderr != os.Stderr {
		return zap.NewNop(), nil // a test reads the output
	}
	cfg := zap.NewProductionConfig()
	cfg.DisableStacktrace = true
	return cfg.Build()
}

// newMetrics returns a registry with the figures of the process.
func newMetrics() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// readPatience is how long a peer may pause while it sends a request body.
const readPatience = 30 * time.Second

// serveHTTP serves until ctx ends and then waits for requests in progress, up to config.ShutdownTimeout. Reading a
// request has no deadline as a whole, because an interchange may be large; a peer that stops sending for longer than
// patience is cut off.
func serveHTTP(ctx context.Context, l net.Listener, h http.Handler, patience time.Duration) error {
	server := &http.Server{
		Handler: idleLimit(h, patience), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10, ConnContext: libssl.ConnContext, BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) },
	}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		ctx, cancel := context.WithTimeout(context.Background(), config.ShutdownTimeout)
		defer cancel()
		err := server.Shutdown(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			err = server.Close() // who is still there has had its time
		}
		stopped <- err
	}()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}

// idleLimit cuts off a peer that pauses in the middle of a request body, also of one that nobody reads.
func idleLimit(next http.Handler, patience time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body != nil && r.Body != http.NoBody {
			body := &patientBody{ReadCloser: r.Body, control: http.NewResponseController(w), patience: patience}
			if err := body.extend(); err != nil {
				http.Error(w, "internal error", http.StatusInternalServerError)
				return
			}
			r.Body = body
		}
		next.ServeHTTP(w, r)
	})
}

// patientBody extends the read deadline with every read.
type patientBody struct {
	io.ReadCloser
	control  *http.ResponseController
	patience time.Duration
}

func (b *patientBody) Read(p []byte) (int, error) {
	if err := b.extend(); err != nil {
		return 0, err
	}
	return b.ReadCloser.Read(p)
}

func (b *patientBody) extend() error {
	err := b.control.SetReadDeadline(time.Now().Add(b.patience))
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return err
}
