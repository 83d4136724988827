package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/marktbote/marktbote/gateway/config"
	"github.com/marktbote/marktbote/store"
	"github.com/marktbote/marktbote/store/postgres"
	"github.com/marktbote/marktbote/store/sqlite"
)

// storeFlag names a store on the command line.
type storeFlag struct {
	Store  string `help:"The store: a path, sqlite:PATH or postgres://USER@HOST/DATABASE. Without it: that of the configuration." placeholder:"STORE"`
	Config string `help:"Configuration file (YAML) that names the store. Without it: SQLite in ./marktbote-data." type:"existingfile" placeholder:"FILE"`
}

// settings returns the configuration with the store of the command line.
func (f *storeFlag) settings() (config.Config, error) {
	cfg := config.Default()
	if f.Config != "" {
		var err error
		if cfg, err = config.Load(f.Config); err != nil {
			return cfg, err
		}
	}
	if f.Store != "" {
		cfg.Store = f.Store
	}
	return cfg, cfg.Validate()
}

// openStore opens the store a configuration names and brings its tables up to date.
func openStore(ctx context.Context, cfg config.Config) (store.Store, error) {
	return openWithKey(ctx, cfg, cfg.KeyFile())
}

func openWithKey(ctx context.Context, cfg config.Config, keyFile string) (store.Store, error) {
	path, isFile := cfg.StoreFile()
	if isFile {
		return sqlite.OpenWith(ctx, path, keyFile)
	}
	st, err := postgres.OpenWith(ctx, cfg.Store, keyFile)
	if err != nil {
		return nil, err // not st: a nil *postgres.Store in an interface is not nil
	}
	return st, nil
}

// openExisting is openStore for commands that look at what is there: they do not create a file. An auditor has no
// master key, so keyFile may be empty.
func openExisting(ctx context.Context, cfg config.Config, keyFile string) (store.Store, error) {
	if path, isFile := cfg.StoreFile(); isFile {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("there is no store at %s; make it with marktbote migrate, or name another with --store or --config", path)
		}
	}
	return openWithKey(ctx, cfg, keyFile)
}

// warnOfKey says that the key that protects the store lies beside it.
func warnOfKey(ctx context.Context, cfg config.Config, st store.Store, w io.Writer) {
	e, ok := st.(store.Encrypted)
	if !ok || cfg.MasterKeyFile != "" {
		return
	}
	if path, created := e.MasterKeyFile(ctx); created {
		fmt.Fprintf(w, "Warning: the master key was made at %s. Keep a copy elsewhere, without it nothing can be read; and move it off the disk of the store (master_key_file).\n", path)
	}
}

// describeStore names the store without a password, for people.
func describeStore(cfg config.Config) string {
	if path, isFile := cfg.StoreFile(); isFile {
		return path
	}
	return postgres.Describe(cfg.Store)
}
