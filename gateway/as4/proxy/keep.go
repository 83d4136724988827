package proxy

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// maxLog is the size in bytes from which on a log of nginx is set aside; one older part of each is kept.
const maxLog = 16 << 20

// Apply writes the configuration and makes a running nginx read it, if anything is new to it. running tells whether there is
// one; without one the files are ready for its start. Only one may apply at a time.
func (c Config) Apply(ctx context.Context, nginx string) (changed, running bool, err error) {
	changed, err = c.Write(ctx, nginx)
	if err != nil {
		return false, false, err
	}
	if _, err = PID(c.Dir); errors.Is(err, ErrNotRunning) {
		return changed, false, errors.Join(c.Clean(), RemoveStale(c.EgressSocket))
	}
	if err == nil {
		err = c.reload()
	}
	if err == nil {
		err = c.rotate()
	}
	return changed, err == nil, err
}

// reload makes nginx read the configuration unless it has. The file loaded says what it was last told to read, so that a crash
// between writing and telling loses nothing.
func (c Config) reload() error {
	text, err := os.ReadFile(ConfFile(c.Dir))
	if err != nil {
		return fmt.Errorf("proxy: %w", err)
	}
	sum := sha256.Sum256(text)
	mark := filepath.Join(c.Dir, "loaded")
	if have, err := os.ReadFile(mark); err == nil && string(have) == hex.EncodeToString(sum[:]) {
		return nil
	}
	if err := Reload(c.Dir); err != nil {
		return err
	}
	return errors.Join(writeFile(mark, []byte(hex.EncodeToString(sum[:]))), c.Clean())
}

// rotate sets logs aside that have become large, and lets nginx begin new ones.
func (c Config) rotate() error {
	var moved bool
	for _, name := range []string{"error.log", "ingress.log", "egress.log"} {
		path := filepath.Join(c.Dir, name)
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() < maxLog {
			continue
		}
		if err == nil {
			err = os.Rename(path, path+".1")
		}
		if err != nil {
			return fmt.Errorf("proxy: %w", err)
		}
		moved = true
	}
	if !moved {
		return nil
	}
	return signal(c.Dir, syscall.SIGUSR1)
}

// Keep applies what load returns at once and then every interval, until ctx ends: certificates that the gateway got are in
// use within that time. report hears about each change and each error; the next round tries again.
func Keep(ctx context.Context, nginx string, interval time.Duration, load func(context.Context) (Config, error), report func(changed, running bool, err error)) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		c, err := load(ctx)
		var changed, running bool
		if err == nil {
			changed, running, err = c.Apply(ctx, nginx)
		}
		if (changed || err != nil) && ctx.Err() == nil {
			report(changed, running, err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
