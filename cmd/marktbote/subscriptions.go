package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/gateway/config"
	"github.com/marktbote/marktbote/gateway/feed"
	"github.com/marktbote/marktbote/store"
)

// subscriptionsCmd is "marktbote subscriptions".
type subscriptionsCmd struct {
	List   subscriptionsListCmd   `cmd:"" default:"withargs" help:"List the systems that get the events, and how far they have come."`
	Show   subscriptionsShowCmd   `cmd:"" help:"Show one, with the events that are held back."`
	Pause  subscriptionsPauseCmd  `cmd:"" help:"Stop the delivery."`
	Resume subscriptionsResumeCmd `cmd:"" help:"Go on with the delivery; also: try a receiver at once that was out of order."`
	Replay subscriptionsReplayCmd `cmd:"" help:"Deliver everything from a place on, again."`
	Retry  subscriptionsRetryCmd  `cmd:"" help:"Try events that were set aside again."`
	Skip   subscriptionsSkipCmd   `cmd:"" help:"Give an event up that was set aside, so that those behind it in its partition go on."`
	Remove subscriptionsRemoveCmd `cmd:"" help:"Forget a subscription that is not in the configuration any more."`
}

// Help is shown by "marktbote subscriptions --help".
func (c *subscriptionsCmd) Help() string {
	return `Subscriptions are declared in the configuration; what they have got is in the store, for all gateways on it. Whoever delivers notices a decision within a second. Every decision needs a reason and is kept with the name of who took it.

Examples:
  marktbote subscriptions --config marktbote.yml
  marktbote subscriptions show billing --config marktbote.yml
  marktbote subscriptions replay billing --from 2026-10-01T00:00:00+02:00 --reason "Rücksicherung des Abrechnungssystems"
  marktbote subscriptions retry billing --reason "Feld ergänzt"
  marktbote subscriptions skip billing 4711 --reason "Vorgang von Hand erfasst"`
}

// subscriptionsListCmd is "marktbote subscriptions list".
type subscriptionsListCmd struct {
	storeFlag
}

// Run lists the subscriptions.
func (c *subscriptionsListCmd) Run(e env) error {
	return c.with(e, func(st store.Store) error {
		var rows []store.Subscription
		var counts []store.HeldCount
		var head int64
		err := st.View(e.ctx, func(tx store.Tx) (err error) {
			if rows, err = tx.Subscriptions(); err != nil {
				return err
			}
			if counts, err = tx.CountHeld(); err != nil {
				return err
			}
			head, err = tx.EventHead()
			return err
		})
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "name\tto\tstate\tposition\tbehind\twaiting\tdead\tfault")
		for _, s := range rows {
			held := map[store.HeldState]int64{}
			for _, n := range counts {
				if n.Subscription == s.Name {
					held[n.State] = n.Count
				}
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\t%d\t%s\n", s.Name, definitionOf(s).Sink, s.State, s.Position, max(head-s.Position, 0),
				held[store.HeldWaiting], held[store.HeldDead], visibleText(s.Reason+s.Fault))
		}
		return w.Flush()
	})
}

// with opens the store that is there.
func (f *storeFlag) with(e env, do func(st store.Store) error) error {
	cfg, err := f.settings()
	if err != nil {
		return err
	}
	return withStore(e, cfg, do)
}

// definitionOf reads the definition of a subscription; one of a later version has what this one knows.
func definitionOf(s store.Subscription) (d feed.Definition) {
	_ = json.Unmarshal(s.Definition, &d)
	return d
}

// visibleText keeps what a receiver said on one line.
func visibleText(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

// subscriptionsShowCmd is "marktbote subscriptions show".
type subscriptionsShowCmd struct {
	storeFlag
	Name  string `arg:"" help:"The subscription."`
	Limit int    `help:"Held events to show at most." default:"50"`
}

// Run shows a subscription.
func (c *subscriptionsShowCmd) Run(e env) error {
	return c.with(e, func(st store.Store) error {
		var s store.Subscription
		var held []store.HeldDelivery
		err := st.View(e.ctx, func(tx store.Tx) (err error) {
			if s, err = tx.Subscription(c.Name); err != nil {
				return err
			}
			held, err = tx.HeldDeliveries(store.HeldQuery{Subscription: c.Name, After: -1, Limit: c.Limit})
			return err
		})
		if err != nil {
			return noSubscription(c.Name, err)
		}
		return showSubscription(e.stdout, s, held)
	})
}

func showSubscription(out io.Writer, s store.Subscription, held []store.HeldDelivery) error {
	d := definitionOf(s)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(name string, value any) {
		if text := fmt.Sprint(value); text != "" {
			fmt.Fprintf(w, "%s\t%s\n", name, visibleText(text))
		}
	}
	line("name", s.Name)
	line("to", d.Sink+" "+d.Target)
	line("filter", d.Filter)
	line("state", s.State)
	line("reason", s.Reason)
	line("fault", s.Fault)
	line("position", s.Position)
	line("last moved", localTime(s.MovedAt))
	line("since", localTime(s.CreatedAt))
	if len(held) > 0 {
		fmt.Fprintln(w, "\nseq\tstate\tattempts\tnext\tpartition\ttype\tevent\treason")
	}
	for _, h := range held {
		fmt.Fprintf(w, "%d\t%s\t%d\t%s\t%s\t%s\t%s\t%s\n", h.Seq, h.State, h.Attempt, localTime(h.DueAt), visibleText(h.PartitionKey), h.EventType, h.EventID,
			visibleText(h.Reason))
	}
	return w.Flush()
}

func localTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(formats.Berlin).Format(time.DateTime)
}

// noSubscription says what was not found.
func noSubscription(name string, err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("subscription %s: there is nothing of this kind; see marktbote subscriptions show", name)
	}
	return err
}

// decisionFlags are what every decision needs.
type decisionFlags struct {
	storeFlag
	Name   string `arg:"" help:"The subscription."`
	Reason string `help:"Why; kept together with who." required:"" placeholder:"TEXT"`
}

// decide carries out a decision.
func (f *decisionFlags) decide(e env, do func(m *feed.Manager) error) error {
	return f.with(e, func(st store.Store) error { return noSubscription(f.Name, do(&feed.Manager{Store: st})) })
}

// subscriptionsPauseCmd is "marktbote subscriptions pause".
type subscriptionsPauseCmd struct{ decisionFlags }

// Run pauses a subscription.
func (c *subscriptionsPauseCmd) Run(e env) error {
	return c.decide(e, func(m *feed.Manager) error { return m.Pause(e.ctx, c.Name, currentUser(), c.Reason) })
}

// subscriptionsResumeCmd is "marktbote subscriptions resume".
type subscriptionsResumeCmd struct{ decisionFlags }

// Run resumes a subscription.
func (c *subscriptionsResumeCmd) Run(e env) error {
	return c.decide(e, func(m *feed.Manager) error { return m.Resume(e.ctx, c.Name, currentUser(), c.Reason) })
}

// subscriptionsReplayCmd is "marktbote subscriptions replay".
type subscriptionsReplayCmd struct {
	decisionFlags
	From string `help:"beginning, now, a sequence number (behind it), or an instant such as 2026-10-01T00:00:00+02:00." required:"" placeholder:"PLACE"`
}

// Run replays a subscription.
func (c *subscriptionsReplayCmd) Run(e env) error {
	from, err := config.ParsePosition(c.From)
	if err != nil {
		return fmt.Errorf("--from: %w", err)
	}
	return c.decide(e, func(m *feed.Manager) error { return m.Replay(e.ctx, c.Name, from, currentUser(), c.Reason) })
}

// subscriptionsRetryCmd is "marktbote subscriptions retry".
type subscriptionsRetryCmd struct {
	decisionFlags
	Seq int64 `arg:"" optional:"" help:"Sequence number of a held event. Without it: all that are dead."`
}

// Run retries held events.
func (c *subscriptionsRetryCmd) Run(e env) error {
	return c.decide(e, func(m *feed.Manager) error {
		n, err := m.Retry(e.ctx, c.Name, c.Seq, currentUser(), c.Reason)
		if err == nil {
			fmt.Fprintf(e.stdout, "%d events are tried again\n", n)
		}
		return err
	})
}

// subscriptionsSkipCmd is "marktbote subscriptions skip".
type subscriptionsSkipCmd struct {
	decisionFlags
	Seq int64 `arg:"" help:"Sequence number of the held event."`
}

// Run skips a held event.
func (c *subscriptionsSkipCmd) Run(e env) error {
	return c.decide(e, func(m *feed.Manager) error { return m.Skip(e.ctx, c.Name, c.Seq, currentUser(), c.Reason) })
}

// subscriptionsRemoveCmd is "marktbote subscriptions remove".
type subscriptionsRemoveCmd struct{ decisionFlags }

// Run removes a subscription.
func (c *subscriptionsRemoveCmd) Run(e env) error {
	return c.decide(e, func(m *feed.Manager) error { return m.Remove(e.ctx, c.Name, currentUser(), c.Reason) })
}
