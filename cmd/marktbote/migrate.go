package main

import (
	"errors"
	"fmt"

	"github.com/marktbote/marktbote/store"
)

// migrateCmd is "marktbote migrate".
type migrateCmd struct {
	storeFlag
}

// Help is shown by "marktbote migrate --help".
func (c *migrateCmd) Help() string {
	return `Creates the tables of a store or brings them up to date, and prints the versions. serve does the same when it starts; this command is for an upgrade under supervision: stop the gateways, back up, migrate, start. Several processes may run it at the same time.

Examples:
  marktbote migrate --store marktbote-data/marktbote.db
  PGPASSFILE=/etc/marktbote/pgpass marktbote migrate --store postgres://marktbote@db.example/marktbote`
}

// Run migrates.
func (c *migrateCmd) Run(e env) (err error) {
	cfg, err := c.settings()
	if err != nil {
		return err
	}
	st, err := openStore(e.ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	warnOfKey(e.ctx, cfg, st, e.stderr)
	v, ok := st.(store.Versioner)
	if !ok {
		return fmt.Errorf("%s: the store has no versions", describeStore(cfg))
	}
	before, now := v.Versions()
	if before == now {
		fmt.Fprintf(e.stdout, "%s: version %d, up to date\n", describeStore(cfg), now)
	} else {
		fmt.Fprintf(e.stdout, "%s: version %d -> %d\n", describeStore(cfg), before, now)
	}
	return nil
}
