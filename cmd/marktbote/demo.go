package main

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/marktbote/marktbote/cmd/marktbote-ledger/book"
	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/fixtures"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/gateway"
	"github.com/marktbote/marktbote/gateway/as4"
	"github.com/marktbote/marktbote/gateway/as4/testpki"
	"github.com/marktbote/marktbote/gateway/config"
	"github.com/marktbote/marktbote/gateway/web"
	"github.com/marktbote/marktbote/store"
)

// demoCmd is "marktbote demo".
type demoCmd struct {
	Once   bool   `help:"End after the exchange instead of serving the message log."`
	Listen string `help:"Address of the message log." default:"127.0.0.1:8470" placeholder:"HOST:PORT"`
}

// Help is shown by "marktbote demo --help".
func (c *demoCmd) Help() string {
	return `Starts two gateways in this process, one of a supplier and one of a grid operator, each with its own embedded store in a temporary folder that is removed at the end. They exchange a supply start and a day of load profile over AS4 on loopback, signed, encrypted and receipted with certificates of a test PKI made for the occasion; only TLS is left out. Every step is printed with the events that reach the systems behind the gateways, and in the end what a billing system can bill from the events alone. Afterwards the message log of both is served until Ctrl-C.`
}

// The parties of the demo, as in the fixtures.
var (
	demoSupplier = []config.Party{{MPID: "9999100000013", Rolle: "LF", Name: "Lichtbogen Energievertrieb"}}
	demoGrid     = []config.Party{
		{MPID: "9999200000020", Rolle: "NB", Name: "Netz Musterbach"},
		{MPID: "9999300000037", Rolle: "MSB", Name: "Messwerk Musterbach"},
	}
)

// demoStep is one interchange of the demo.
type demoStep struct {
	file     string
	toGrid   bool // from the supplier to the grid operator
	foreign  bool // handed to the receiver by a partner without Marktbote
	headline string
}

var demoSteps = []demoStep{
	{"valid/utilmd-55001.edi", true, false, "The supplier registers a new customer with the grid operator (55001)."},
	{"valid/utilmd-55002.edi", false, false, "The grid operator confirms the supply start (55002)."},
	{"valid/mscons-13025.edi", false, false, "The metering point operator sends the load profile of a day (13025)."},
	{"invalid/decimal-comma.edi", false, true, "Another program sends a meter reading with a decimal comma (13017)."},
}

// Run plays the demo.
func (c *demoCmd) Run(e env) error {
	dir, err := os.MkdirTemp("", "marktbote-demo-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // what is left is in the system's temporary folder
	ctx, cancel := context.WithCancel(e.ctx)
	defer cancel()
	pki, err := newDemoPKI()
	if err != nil {
		return err
	}
	d := &demo{out: e.stdout, clock: &demoClock{}, pki: pki, endpoints: map[string]string{}, certificates: map[string]*x509.Certificate{}}
	d.clock.jump(demoPKIFrom.AddDate(0, 6, 0))
	group, ctx := errgroup.WithContext(ctx)
	defer d.close() // after group.Wait, or before anything runs
	for _, p := range []struct {
		node       **demoNode
		name, path string
		own, other []config.Party
	}{
		{&d.supplier, "supplier", "lieferant", demoSupplier, demoGrid},
		{&d.grid, "grid operator", "netzbetreiber", demoGrid, demoSupplier},
	} {
		n, err := d.start(ctx, filepath.Join(dir, p.path), p.own, p.other)
		if err != nil {
			return err
		}
		n.name, n.path, n.title = p.name, p.path, p.own[0].Name
		*p.node = n
	}
	for n, others := range map[*demoNode][]config.Party{d.supplier: demoGrid, d.grid: demoSupplier} {
		if err := d.introduce(ctx, n, others); err != nil {
			return err
		}
	}
	for _, n := range []*demoNode{d.supplier, d.grid} {
		group.Go(func() error { n.gateway.Run(ctx); return nil })
		group.Go(func() error { return serveHTTP(ctx, n.as4, n.channel.node, as4Patience) })
	}
	err = d.play(ctx)
	if err == nil && !c.Once {
		err = d.serve(ctx, c.Listen)
	}
	if e.ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = nil // Ctrl-C
	}
	cancel()
	return errors.Join(err, group.Wait())
}

// demo is a running demo.
type demo struct {
	out            io.Writer
	clock          *demoClock
	pki            *testpki.PKI
	endpoints      map[string]string            // of AS4, by MP-ID
	certificates   map[string]*x509.Certificate // for encryption, by MP-ID
	supplier, grid *demoNode
}

// demoNode is one of the two gateways.
type demoNode struct {
	name, path string
	title      string // of the message log
	gateway    *gateway.Gateway
	channel    *as4Channel
	as4        net.Listener
	store      store.Store
	seen       int64 // events printed
}

// start opens the store of one gateway and makes it reachable for the other.
func (d *demo) start(ctx context.Context, dir string, own, partners []config.Party) (*demoNode, error) {
	cfg := config.Default()
	cfg.DataDir, cfg.Own, cfg.Partners = dir, own, partners
	st, err := openStore(ctx, cfg)
	if err != nil {
		return nil, err
	}
	channel, listener, err := d.openAS4(ctx, st, own)
	if err != nil {
		return nil, errors.Join(err, st.Close())
	}
	n := &demoNode{store: st, channel: channel, as4: listener, gateway: gateway.New(gateway.Options{
		Store: st, Config: cfg, Log: zap.NewNop(), Metrics: prometheus.NewRegistry(), Channel: channel, Now: d.clock.now,
	})}
	channel.gateway = n.gateway
	return n, nil
}

func (d *demo) close() {
	for _, n := range []*demoNode{d.supplier, d.grid} {
		if n != nil {
			_ = n.as4.Close() // mostly closed by who served it
			_ = n.store.Close()
		}
	}
}

// demoClock tells the time of the story, so that the demo shows the same on every day.
type demoClock struct {
	mu    sync.Mutex
	story time.Time // at set
	set   time.Time
}

func (c *demoClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.story.Add(time.Since(c.set))
}

func (c *demoClock) jump(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.story, c.set = t, time.Now()
}

// play exchanges the interchanges one after the other.
func (d *demo) play(ctx context.Context) error {
	fmt.Fprintf(d.out, "Two gateways are running: one of a supplier (%s) and one of a grid operator\n(%s, with its metering point operator %s). The time is that of the story.\n",
		demoSupplier[0].Name, demoGrid[0].Name, demoGrid[1].Name)
	for i, step := range demoSteps {
		if err := d.step(ctx, i+1, step); err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
	}
	return d.bill(ctx, len(demoSteps)+1)
}

// bill shows what a billing system makes of the events that the supplier's gateway has recorded, and of nothing else.
func (d *demo) bill(ctx context.Context, number int) error {
	b := book.New()
	if err := eachEvent(ctx, d.supplier.store, func(ev store.Event) error { return enter(b, ev) }); err != nil {
		return err
	}
	y, m, _ := d.clock.now().In(formats.Berlin).Date()
	fmt.Fprintf(d.out, "\n%d. A billing system has read the supplier's events and nothing else (as marktbote-ledger does). What it knows\n   for a bill of %s %d:\n", number, m, y)
	for _, s := range b.Statements(book.MonthOf(y, m), book.Filter{}) {
		for line := range strings.Lines(s.Text()) {
			if line != "\n" {
				line = "   " + line
			}
			fmt.Fprint(d.out, line)
		}
	}
	return nil
}

func (d *demo) step(ctx context.Context, number int, step demoStep) error {
	data, err := fixtures.Read(step.file)
	if err != nil {
		return err
	}
	sent, err := createdAt(data)
	if err != nil {
		return err
	}
	d.clock.jump(sent.Add(20 * time.Second))
	from, to := d.grid, d.supplier
	if step.toGrid {
		from, to = to, from
	}
	fmt.Fprintf(d.out, "\n%d. %s\n   %s\n", number, step.headline, sent.In(formats.Berlin).Format("Monday, 2 January 2006, 15:04 (legal German time)"))
	var in store.Interchange
	if step.foreign {
		if in, err = d.foreign(ctx, from, to, data); err != nil {
			return err
		}
	} else {
		if _, err := from.gateway.Submit(ctx, bytes.NewReader(data)); err != nil {
			return err
		}
		ref, err := controlRef(data)
		if err != nil {
			return err
		}
		out, err := from.wait(ctx, func(x store.Interchange) bool { return x.ControlRef == ref && x.State == store.StatePublished })
		if err != nil {
			return err
		}
		fmt.Fprintf(d.out, "   sent:     %s %s, %d bytes, kept and checked before it left: %s\n", out.MessageType, out.ControlRef, out.PayloadSize, out.Verdict)
		if err := d.transport(ctx, from, out.ID); err != nil {
			return err
		}
		if in, err = to.wait(ctx, func(x store.Interchange) bool { return x.ControlRef == ref && x.State == store.StatePublished }); err != nil {
			return err
		}
	}
	fmt.Fprintf(d.out, "   received: interchange %d, kept with SHA-256 %s…, checked by %s: %s\n", in.ID, in.PayloadDigest[:12], in.FormatVersion, in.Verdict)
	if err := d.findings(ctx, to, in.ID); err != nil {
		return err
	}
	if err := d.answers(ctx, to, in.ID); err != nil {
		return err
	}
	for _, n := range []*demoNode{from, to} {
		if err := d.events(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

// foreign sends what a gateway would not let out, as the software of another house would.
func (d *demo) foreign(ctx context.Context, from, to *demoNode, data []byte) (store.Interchange, error) {
	unb, err := unbOf(data)
	if err != nil {
		return store.Interchange{}, err
	}
	_, err = from.channel.node.Send(ctx, as4.Message{
		Key: "foreign", From: unb.Text(3, 1), To: unb.Text(4, 1), Body: bytes.NewReader(data),
	})
	if err != nil {
		return store.Interchange{}, err
	}
	ref := unb.Text(6, 1)
	return to.wait(ctx, func(x store.Interchange) bool { return x.ControlRef == ref && x.State != store.StateReceived })
}

// wait polls the store until an interchange satisfies done.
func (n *demoNode) wait(ctx context.Context, done func(store.Interchange) bool) (store.Interchange, error) {
	deadline := time.Now().Add(30 * time.Second)
	for {
		var hit *store.Interchange
		err := n.store.View(ctx, func(tx store.Tx) error {
			list, err := tx.Interchanges(store.InterchangeQuery{})
			for i := range list {
				if done(list[i]) {
					hit = &list[i]
				}
			}
			return err
		})
		if err != nil || hit != nil {
			if hit == nil {
				hit = &store.Interchange{}
			}
			return *hit, err
		}
		if time.Now().After(deadline) {
			return store.Interchange{}, fmt.Errorf("the %s did not finish within 30 seconds", n.name)
		}
		select {
		case <-ctx.Done():
			return store.Interchange{}, ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// findings prints what the check found.
func (d *demo) findings(ctx context.Context, n *demoNode, id int64) error {
	return n.store.View(ctx, func(tx store.Tx) error {
		list, err := tx.Findings(id)
		for _, row := range list {
			var f formats.Finding
			if err := json.Unmarshal(row.Data, &f); err != nil {
				return err
			}
			wire := ""
			if f.Wire != nil {
				wire = " (" + f.Wire.Kind + " " + f.Wire.Code + ")"
			}
			fmt.Fprintf(d.out, "   finding:  %s%s segment %d, byte %d\n             %s\n", f.Code, wire, f.SegmentNumber, f.Offset, f.Text)
		}
		return err
	})
}

// answers prints how the receiver acknowledged an interchange, as soon as all of it is on its way.
func (d *demo) answers(ctx context.Context, n *demoNode, id int64) error {
	var owed []store.LedgerEntry
	if _, err := n.wait(ctx, func(x store.Interchange) bool {
		if x.ID != id {
			return false
		}
		owed = nil
		err := n.store.View(ctx, func(tx store.Tx) (err error) {
			owed, err = tx.Ledger(id)
			return err
		})
		open := slices.ContainsFunc(owed, func(e store.LedgerEntry) bool { return e.DoneAt.IsZero() && e.Kind != store.LedgerAnswer })
		return err == nil && !open
	}); err != nil {
		return err
	}
	shown := map[int64]bool{}
	for _, e := range owed {
		if e.Kind == store.LedgerAnswer && e.DoneAt.IsZero() {
			fmt.Fprintf(d.out, "   expected: the answer of the process, due until %s\n", e.DueAt.In(formats.Berlin).Format("2 January, 15:04:05"))
		}
		if e.Kind == store.LedgerAnswer || shown[e.AnsweredBy] {
			continue
		}
		shown[e.AnsweredBy] = true
		answer, err := n.wait(ctx, func(x store.Interchange) bool { return x.ID == e.AnsweredBy })
		if err != nil {
			return err
		}
		fmt.Fprintf(d.out, "   answered: %s %s, sent %s, due until %s\n", answer.MessageType, answer.ControlRef,
			e.DoneAt.In(formats.Berlin).Format("15:04:05"), e.DueAt.In(formats.Berlin).Format("2 January, 15:04:05"))
	}
	return nil
}

// events prints the events that have come since the last call.
func (d *demo) events(ctx context.Context, n *demoNode) error {
	return n.store.View(ctx, func(tx store.Tx) error {
		list, err := tx.Events(n.seen, 0, 100)
		for _, ev := range list {
			n.seen = ev.Seq
			fmt.Fprintf(d.out, "   event for the %s:\n     %s  %s\n", n.name, ev.Type, ev.Subject)
			text, err := summary(ev.Data)
			if err != nil {
				return err
			}
			fmt.Fprintln(d.out, text)
		}
		return err
	})
}

// summary returns the data of an event without the message block, cut to a few lines.
func summary(event []byte) (string, error) {
	var e struct {
		Data json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(event, &e); err != nil {
		return "", err
	}
	dec := json.NewDecoder(bytes.NewReader(e.Data)) // keeps the order of the fields
	var text []byte
	for {
		token, err := dec.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			return "", err
		}
		key, ok := token.(string)
		if !ok {
			continue // the braces around the fields
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return "", err
		}
		if key != "message" {
			text = fmt.Appendf(text, "%q: %s, ", key, value)
		}
	}
	text = bytes.TrimSuffix(text, []byte(", "))
	const width, lines = 108, 4
	var out []string
	rest := []rune(string(text))
	for len(rest) > 0 && len(out) < lines {
		n := min(width, len(rest))
		out = append(out, "     "+string(rest[:n]))
		rest = rest[n:]
	}
	if len(rest) > 0 {
		out[len(out)-1] += "…"
	}
	return strings.Join(out, "\n"), nil
}

// unbOf returns the header of an interchange.
func unbOf(data []byte) (*edifact.Segment, error) {
	r := edifact.NewReader(bytes.NewReader(data), edifact.Options{})
	return r.Next()
}

func controlRef(data []byte) (string, error) {
	unb, err := unbOf(data)
	if err != nil {
		return "", err
	}
	return unb.Text(6, 1), nil
}

// createdAt returns the time in UNB.
func createdAt(data []byte) (time.Time, error) {
	unb, err := unbOf(data)
	if err != nil {
		return time.Time{}, err
	}
	return time.Parse("0601021504", unb.Text(5, 1)+unb.Text(5, 2))
}

// serve shows the message logs until ctx ends.
func (d *demo) serve(ctx context.Context, addr string) error {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		if listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return fmt.Errorf("listen: %w", err)
		}
	}
	mux := http.NewServeMux()
	for _, n := range []*demoNode{d.supplier, d.grid} {
		site := &web.Site{Name: "Marktbote – " + n.title, Store: n.store, Receiver: n.gateway, Clearing: n.gateway, Log: zap.NewNop(), Prefix: "/" + n.path}
		mux.Handle("/"+n.path+"/", http.StripPrefix("/"+n.path, site.Handler()))
	}
	mux.Handle("GET /{$}", http.RedirectHandler("/"+d.supplier.path+"/", http.StatusFound))
	fmt.Fprintf(d.out, "\nThe message logs are open until Ctrl-C:\n")
	for _, n := range []*demoNode{d.supplier, d.grid} {
		fmt.Fprintf(d.out, "   http://%s/%s/   %s\n", listener.Addr(), n.path, n.name)
	}
	return serveHTTP(ctx, listener, loopbackOnly(mux), readPatience)
}
