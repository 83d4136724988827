package main

import (
	"errors"
	"fmt"
	"os/user"
	"text/tabwriter"
	"time"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/gateway/config"
	"github.com/marktbote/marktbote/store"
)

// retentionCmd is "marktbote retention".
type retentionCmd struct {
	Run     retentionRunCmd  `cmd:"" default:"withargs" help:"Destroy the keys of what was kept long enough."`
	Hold    holdCmd          `cmd:"" help:"Forbid the destruction of an interchange, or of everything with a partner."`
	Release releaseCmd       `cmd:"" help:"End a legal hold."`
	Holds   retentionListCmd `cmd:"" help:"List the legal holds."`
}

// retentionRunCmd is "marktbote retention [run]".
type retentionRunCmd struct {
	storeFlag
	DryRun bool `help:"Show what would be destroyed and change nothing."`
}

// Help is shown by "marktbote retention --help".
func (c *retentionRunCmd) Help() string {
	return `Payloads, findings and events are encrypted, with one key for each data class and month. When the time of a class is over, counted from the end of the calendar year, its keys are destroyed: what they protected cannot be read any more, here and in every copy whose key table is gone too. The rows stay, and so the audit log still verifies.

The schedule is in docs/operations.md; retention_years in the configuration changes it. A key that protects something under legal hold is not destroyed.

Examples:
  marktbote retention --dry-run --config marktbote.yml
  marktbote retention hold --interchange 4711 --reason "Klage Az. 3 O 12/26"`
}

// Run destroys what is due.
func (c *retentionRunCmd) Run(e env) error { return c.run(e, time.Now()) }

func (c *retentionRunCmd) run(e env, now time.Time) error {
	cfg, err := c.settings()
	if err != nil {
		return err
	}
	return withStore(e, cfg, func(st store.Store) error {
		var keys []store.DataKey
		err := st.View(e.ctx, func(tx store.Tx) (err error) { keys, err = tx.DataKeys(); return err })
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "class\tmonth\tuntil\tstate")
		for _, k := range keys {
			end, err := keptUntil(cfg, k)
			if err != nil {
				return err
			}
			state := retentionState(k, end, now)
			if state == stateDue && !c.DryRun {
				if err := destroy(e, st, k, now); err != nil {
					return errors.Join(err, w.Flush())
				}
				state = stateDestroyed
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", k.Class, k.Period, end.Format(time.DateOnly), state)
		}
		return w.Flush()
	})
}

// The states of a key in the output.
const (
	stateKept      = "kept"
	stateHeld      = "held"
	stateDue       = "due"
	stateDestroyed = "destroyed"
)

func retentionState(k store.DataKey, end, now time.Time) string {
	switch {
	case !k.DestroyedAt.IsZero():
		return stateDestroyed
	case now.Before(end):
		return stateKept
	case k.Held:
		return stateHeld
	default:
		return stateDue
	}
}

// keptUntil is the first instant at which a key may be destroyed: some full calendar years (German time) after the
// one its month is in, as § 147 (4) AO and § 257 (5) HGB count.
func keptUntil(cfg config.Config, k store.DataKey) (time.Time, error) {
	month, err := time.Parse("2006-01", k.Period)
	if err != nil {
		return time.Time{}, fmt.Errorf("data key %d: %w", k.ID, err)
	}
	return time.Date(month.Year()+1+cfg.KeepYears(string(k.Class)), 1, 1, 0, 0, 0, 0, formats.Berlin), nil
}

// destroy destroys a key and records the decision.
func destroy(e env, st store.Store, k store.DataKey, now time.Time) error {
	err := st.Update(e.ctx, func(tx store.Tx) error {
		reason := fmt.Sprintf("class %s, month %s: time is over", k.Class, k.Period)
		tx.SetActor(currentUser(), reason)
		if err := tx.DestroyKey(k.ID); err != nil {
			return err
		}
		_, err := tx.InsertDecision(store.Decision{
			DecidedAt: now, Actor: currentUser(), Action: "destroy", Subject: fmt.Sprintf("data_key/%d", k.ID), Reason: reason,
		})
		return err
	})
	if errors.Is(err, store.ErrHeld) {
		return nil // a hold came in between
	}
	return err
}

// holdCmd is "marktbote retention hold".
type holdCmd struct {
	storeFlag
	Interchange int64  `help:"Number of the interchange." placeholder:"ID" xor:"what" required:""`
	Partner     string `help:"MP-ID of the partner." placeholder:"MP-ID" xor:"what" required:""`
	Reason      string `help:"Why; kept with the hold." required:"" placeholder:"TEXT"`
}

// Run sets the hold.
func (c *holdCmd) Run(e env) error {
	cfg, err := c.settings()
	if err != nil {
		return err
	}
	return withStore(e, cfg, func(st store.Store) error {
		var id int64
		err := st.Update(e.ctx, func(tx store.Tx) (err error) {
			tx.SetActor(currentUser(), c.Reason)
			id, err = tx.InsertHold(store.LegalHold{
				InterchangeID: c.Interchange, MPID: c.Partner, SetAt: time.Now(), Actor: currentUser(), Reason: c.Reason,
			})
			return err
		})
		if err == nil {
			fmt.Fprintf(e.stdout, "hold %d\n", id)
		}
		return err
	})
}

// releaseCmd is "marktbote retention release".
type releaseCmd struct {
	storeFlag
	Hold   int64  `arg:"" help:"Number of the hold."`
	Reason string `help:"Why; kept in the audit log." required:"" placeholder:"TEXT"`
}

// Run ends the hold.
func (c *releaseCmd) Run(e env) error {
	cfg, err := c.settings()
	if err != nil {
		return err
	}
	return withStore(e, cfg, func(st store.Store) error {
		return st.Update(e.ctx, func(tx store.Tx) error {
			tx.SetActor(currentUser(), c.Reason)
			return tx.ReleaseHold(c.Hold, time.Now())
		})
	})
}

// retentionListCmd is "marktbote retention holds".
type retentionListCmd struct {
	storeFlag
}

// Run lists the holds.
func (c *retentionListCmd) Run(e env) error {
	cfg, err := c.settings()
	if err != nil {
		return err
	}
	return withStore(e, cfg, func(st store.Store) error {
		var holds []store.LegalHold
		err := st.View(e.ctx, func(tx store.Tx) (err error) { holds, err = tx.Holds(); return err })
		if err != nil {
			return err
		}
		for _, h := range holds {
			what, state := "partner "+h.MPID, "holds"
			if h.InterchangeID != 0 {
				what = fmt.Sprintf("interchange %d", h.InterchangeID)
			}
			if !h.ReleasedAt.IsZero() {
				state = "released " + h.ReleasedAt.Format(time.DateOnly)
			}
			fmt.Fprintf(e.stdout, "hold %d, %s: %s, since %s by %s: %s\n", h.ID, what, state, h.SetAt.Format(time.DateOnly), h.Actor, h.Reason)
		}
		return nil
	})
}

// withStore opens the store that is there for a command.
func withStore(e env, cfg config.Config, do func(st store.Store) error) (err error) {
	st, err := openExisting(e.ctx, cfg, cfg.KeyFile())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	return do(st)
}

// currentUser names the person at the command line, as well as the system knows.
func currentUser() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "unknown"
}
