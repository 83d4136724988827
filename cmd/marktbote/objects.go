package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/gateway/config"
	"github.com/marktbote/marktbote/gateway/objects"
	"github.com/marktbote/marktbote/store"
)

// objectsCmd is "marktbote objects".
type objectsCmd struct {
	Import objectsImportCmd `cmd:"" help:"Read a list of objects with the Marktpartner that are assigned to them."`
	List   objectsListCmd   `cmd:"" help:"Write what is known about objects, as a list."`
}

// objectsImportCmd is "marktbote objects import".
type objectsImportCmd struct {
	storeFlag
	File         string        `arg:"" help:"The list (CSV)." type:"existingfile" placeholder:"FILE"`
	Complete     bool          `help:"The list has all objects of every MP-ID and kind that occurs in it: others are unknown, and what earlier imports have left is removed."`
	CompleteFrom string        `help:"With --complete: the day (2026-10-01) from which the list has all assignments. Without it: today." placeholder:"DAY"`
	TrustedFor   time.Duration `help:"With --complete: how long the list can be trusted. Afterwards nothing is unknown any more, until the next import." default:"36h"`
	DryRun       bool          `help:"Check the list and change nothing."`
}

// Help is shown by "marktbote objects import --help".
func (c *objectsImportCmd) Help() string {
	return `The list is CSV (UTF-8, separated by ; or ,). The first line names the columns:

  MP-ID;Objekt;Marktpartner;Rolle;Von;Bis
  9999100000013;51238696781;9999100000013;LF;2026-01-01;
  9999100000013;51238696781;9999200000020;NB;2020-01-01;

MP-ID: the own one that knows this. Objekt: id of a MaLo, Tranche, MeLo, NeLo, SR or TR. Marktpartner: who is assigned in the Rolle, also oneself; empty: the object is known. Von, Bis: first and last day (German time; days of gas for an MP-ID of Gas), or instants in RFC 3339; empty: no limit.

A list with a wrong line changes nothing. Without --complete nothing becomes unknown. docs/operations.md tells what is rejected then.

Examples:
  marktbote objects import --config marktbote.yml --dry-run bestand.csv
  marktbote objects import --config marktbote.yml --complete --complete-from 2026-01-01 bestand.csv`
}

// Run imports the list.
func (c *objectsImportCmd) Run(e env) error { return c.run(e, time.Now()) }

func (c *objectsImportCmd) run(e env, now time.Time) (err error) {
	cfg, err := c.settings()
	if err != nil {
		return err
	}
	opts := objects.Options{
		IsOwn: cfg.IsOwn, Actor: currentUser(), DryRun: c.DryRun, Complete: c.Complete, TrustedUntil: now.Add(c.TrustedFor),
	}
	switch {
	case c.CompleteFrom != "" && !c.Complete:
		return errors.New("--complete-from says nothing without --complete")
	case c.CompleteFrom != "":
		if opts.From, err = time.ParseInLocation(time.DateOnly, c.CompleteFrom, formats.Berlin); err != nil {
			return fmt.Errorf("--complete-from: %q is no day such as 2026-10-01", c.CompleteFrom)
		}
	default:
		y, m, d := now.In(formats.Berlin).Date()
		opts.From = time.Date(y, m, d, 0, 0, 0, 0, formats.Berlin)
	}
	file, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer file.Close()
	return withStore(e, cfg, func(st store.Store) error {
		result, err := objects.Import(e.ctx, st, file, opts)
		if err != nil {
			return fmt.Errorf("%s: %w", c.File, err)
		}
		if c.DryRun {
			fmt.Fprintf(e.stdout, "%d assignments, nothing was changed\n", result.Lines)
			return nil
		}
		fmt.Fprintf(e.stdout, "%d assignments imported, %d of earlier imports removed\n", result.Lines, result.Removed)
		for _, k := range result.Complete {
			printComplete(e, k)
		}
		return nil
	})
}

// objectsListCmd is "marktbote objects list".
type objectsListCmd struct {
	storeFlag
	MPID   []string `name:"mp-id" help:"Own MP-ID. Without it: those of the configuration." placeholder:"MP-ID"`
	Object string   `help:"Only this object." placeholder:"ID"`

	Complete bool `help:"Write of which kinds everything is known, instead of the list."`
}

// Help is shown by "marktbote objects list --help".
func (c *objectsListCmd) Help() string {
	return `The list has the form that "objects import" reads, and where each assignment is known from: import, or the interchange whose message established it.`
}

// Run writes the list.
func (c *objectsListCmd) Run(e env) error {
	cfg, err := c.settings()
	if err != nil {
		return err
	}
	ids, err := ownIDs(cfg, c.MPID)
	if err != nil {
		return err
	}
	object := c.Object
	if object != "" {
		if object, err = objects.Key(object); err != nil {
			return err
		}
	}
	return withStore(e, cfg, func(st store.Store) error {
		if c.Complete {
			return listComplete(e, st, ids)
		}
		return objects.List(e.ctx, st, e.stdout, ids, object)
	})
}

// listComplete writes of which kinds everything is known.
func listComplete(e env, st store.Store, ids []string) error {
	return st.View(e.ctx, func(tx store.Tx) error {
		for _, id := range ids {
			list, err := tx.Completeness(id)
			if err != nil {
				return err
			}
			for _, k := range list {
				printComplete(e, k)
			}
		}
		return nil
	})
}

func printComplete(e env, k store.Completeness) {
	fmt.Fprintf(e.stdout, "complete: %s of %s from %s on, trusted until %s\n", k.Kind, k.MPID,
		k.From.In(formats.Berlin).Format(time.DateOnly), k.TrustedUntil.In(formats.Berlin).Format("2006-01-02 15:04"))
}

// ownIDs returns the MP-IDs asked for, else those of the configuration.
func ownIDs(cfg config.Config, asked []string) ([]string, error) {
	if len(asked) > 0 {
		return asked, nil
	}
	var ids []string
	for _, p := range cfg.Own {
		ids = append(ids, string(p.MPID))
	}
	if ids == nil {
		return nil, errors.New("no own MP-ID: name one with --mp-id, or the configuration with --config")
	}
	return ids, nil
}
