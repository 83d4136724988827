package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/marktbote/marktbote/cmd/marktbote-ledger/book"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/gateway/config"
	"github.com/marktbote/marktbote/store"
)

// usageCmd is "marktbote usage".
type usageCmd struct {
	storeFlag
	Month  string `help:"The month, such as 2026-11." required:"" placeholder:"MONTH"`
	Format string `help:"text, or json." enum:"text,json" default:"text"`
}

// Help is shown by "marktbote usage --help".
func (c *usageCmd) Help() string {
	return `A contract is a Marktlokation or Tranche with a supply that a grid operator has confirmed or assigned and that is effective at any time of the month. It is counted once for each own MP-ID, from the contract events that the gateway recorded, received and sent. A registration without confirmation never counts, nor does what came as a test or was cancelled.

The count is repeatable: it rests on the events alone, and "marktbote events" or the event feed show everyone the same. What is recorded later about the month changes it.

Example:
  marktbote usage --month 2026-11 --config marktbote.yml`
}

// usageReport is what the command prints as JSON.
type usageReport struct {
	Month     string     `json:"month"`
	Mandators []usageRow `json:"mandators"`
	Destroyed int        `json:"destroyed_events"` // contract events that retention has destroyed
}

type usageRow struct {
	MPID      string         `json:"mp_id"`
	Name      string         `json:"name,omitempty"`
	Sparte    formats.Sparte `json:"sparte"`
	Contracts int            `json:"contracts"`
}

// Run counts.
func (c *usageCmd) Run(e env) error {
	month, err := book.ParseMonth(c.Month)
	if err != nil {
		return err
	}
	cfg, err := c.settings()
	if err != nil {
		return err
	}
	return withStore(e, cfg, func(st store.Store) error {
		b, destroyed, err := contractBook(e.ctx, st)
		if err != nil {
			return err
		}
		report := usageReport{Month: c.Month, Mandators: usageRows(cfg.Own, b.Usage(month)), Destroyed: destroyed}
		if c.Format == "json" {
			out := json.NewEncoder(e.stdout)
			out.SetEscapeHTML(false)
			return out.Encode(report)
		}
		w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "MP-ID\tSparte\tcontracts\tname")
		for _, r := range report.Mandators {
			fmt.Fprintf(w, "%s\t%s\t%d\t%s\n", r.MPID, r.Sparte, r.Contracts, r.Name)
		}
		if err := w.Flush(); err != nil {
			return err
		}
		if destroyed > 0 {
			fmt.Fprintf(e.stderr, "Warning: %d contract events were destroyed by retention; contracts that only they tell of are not counted.\n", destroyed)
		}
		return nil
	})
}

// usageRows joins the counts with the configured MP-IDs, so that those without contracts are named too.
func usageRows(own []config.Party, counts []book.Usage) []usageRow {
	var rows []usageRow
	for _, u := range counts {
		rows = append(rows, usageRow{MPID: u.MPID, Sparte: formats.Sparte(u.Sparte), Contracts: u.Contracts})
	}
	for _, p := range own {
		known := false
		for i := range rows {
			if rows[i].MPID == string(p.MPID) {
				rows[i].Name, known = p.Name, true
			}
		}
		if !known {
			rows = append(rows, usageRow{MPID: string(p.MPID), Name: p.Name, Sparte: p.MPID.Sparte()})
		}
	}
	slices.SortStableFunc(rows, func(a, b usageRow) int { return strings.Compare(a.MPID, b.MPID) })
	return rows
}

// contractEvents begins the type of the events that contracts are counted from.
const contractEvents = "de.marktbote.contract."

// contractBook reads the contract events of a store into a book, and counts those that retention has destroyed.
func contractBook(ctx context.Context, st store.Store) (b *book.Book, destroyed int, err error) {
	b = book.New()
	err = eachEvent(ctx, st, func(ev store.Event) error {
		switch {
		case !strings.HasPrefix(ev.Type, contractEvents):
			return nil
		case len(ev.Data) == 0:
			destroyed++
			return nil
		}
		return enter(b, ev)
	})
	return b, destroyed, err
}

// eachEvent calls f for all events of a store, in sequence order.
func eachEvent(ctx context.Context, st store.Store, f func(store.Event) error) error {
	const page = 1000
	for after := int64(0); ; {
		var list []store.Event
		err := st.View(ctx, func(tx store.Tx) (err error) {
			list, err = tx.Events(after, 0, page)
			return err
		})
		if err != nil {
			return err
		}
		for _, ev := range list {
			if err := f(ev); err != nil {
				return err
			}
			after = ev.Seq
		}
		if len(list) < page {
			return nil
		}
	}
}

// enter reads an event into a book.
func enter(b *book.Book, ev store.Event) error {
	d, err := book.Read(ev.Data)
	if err != nil {
		return fmt.Errorf("event %d: %w", ev.Seq, err)
	}
	if d != nil {
		b.Add(d)
	}
	return nil
}
