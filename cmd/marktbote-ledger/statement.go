package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/marktbote/marktbote/cmd/marktbote-ledger/book"
)

// statementCmd is "marktbote-ledger statement".
type statementCmd struct {
	Month   string `help:"The month, such as 2026-11." placeholder:"MONTH"`
	From    string `help:"Instead of a month: the first day." placeholder:"DAY"`
	To      string `help:"The last day." placeholder:"DAY"`
	MPID    string `name:"mp-id" help:"Only this mandator." placeholder:"MP-ID"`
	MaLo    string `name:"malo" help:"Only this Marktlokation or Tranche." placeholder:"ID"`
	KnownAt string `help:"What was known at an instant (RFC 3339), instead of what is known now." placeholder:"TIME"`
	Format  string `help:"text, or json: one statement per line." enum:"text,json" default:"text"`
}

// Help is shown by "marktbote-ledger statement --help".
func (c *statementCmd) Help() string {
	return `One statement per Marktlokation and supplier: the supply, the quantities and what they are good for (abrechenbar, vorläufig, zurückgezogen, unvollständig, zu klären), how they changed, and the sum. A quantity belongs to the month in which its time ends; load profiles are cut at the limits of month and supply.

Examples:
  marktbote-ledger statement --month 2026-11 --malo 51238696781
  marktbote-ledger statement --from 2025-10-01 --to 2026-09-30 --format json`
}

// Run prints the statements.
func (c *statementCmd) Run(e env, l *ledger) error {
	p, err := c.period()
	if err != nil {
		return err
	}
	var known time.Time
	if c.KnownAt != "" {
		if known, err = time.Parse(time.RFC3339, c.KnownAt); err != nil {
			return fmt.Errorf("--known-at: %q is no instant such as 2026-12-01T00:00:00Z", c.KnownAt)
		}
	}
	points, err := l.points(e.ctx, c.MPID, c.MaLo)
	if err != nil {
		return err
	}
	out := json.NewEncoder(e.stdout)
	out.SetEscapeHTML(false)
	first := true
	for _, at := range points {
		b, err := l.load(e.ctx, at)
		if err != nil {
			return err
		}
		if !known.IsZero() {
			b = b.KnownAt(known)
		}
		for _, s := range b.Statements(p, book.Filter{MPID: at.own, MaLoID: at.id}) {
			if c.Format == "json" {
				if err := out.Encode(s); err != nil {
					return err
				}
				continue
			}
			if !first {
				fmt.Fprintln(e.stdout)
			}
			first = false
			fmt.Fprint(e.stdout, s.Text())
		}
	}
	return nil
}

func (c *statementCmd) period() (book.Period, error) {
	switch {
	case c.Month != "" && c.From+c.To == "":
		return book.ParseMonth(c.Month)
	case c.Month == "" && c.From != "" && c.To != "":
		return book.ParsePeriod(c.From, c.To)
	}
	return book.Period{}, errors.New("name a month with --month, or days with --from and --to")
}
