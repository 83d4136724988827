//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// lockPoll is how often acquireLock tries again while another process opens the same file.
const lockPoll = 10 * time.Millisecond

// fileLock shows other processes that the database is open. It is held exclusively while the database is opened
// by the only process, shared afterwards. The operating system releases it when the process ends.
type fileLock struct{ file *os.File }

// acquireLock locks the file at path, which is created if necessary, and reports whether no other process does.
// If others do the lock is shared at once; as long as one of them is about to open the database alone,
// acquireLock waits up to patience.
func acquireLock(ctx context.Context, path string, patience time.Duration) (_ *fileLock, alone bool, err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, false, fmt.Errorf("lock: %w", err)
	}
	defer func() {
		if err != nil {
			_ = file.Close() // err says what is wrong
		}
	}()
	ctx, cancel := context.WithTimeoutCause(ctx, patience, ErrInUse)
	defer cancel()
	for {
		for _, mode := range []int{syscall.LOCK_EX, syscall.LOCK_SH} {
			err := flock(file, mode|syscall.LOCK_NB)
			if err == nil {
				return &fileLock{file}, mode == syscall.LOCK_EX, nil
			}
			if !errors.Is(err, syscall.EWOULDBLOCK) {
				return nil, false, fmt.Errorf("lock: %w", err)
			}
		}
		select {
		case <-ctx.Done():
			return nil, false, fmt.Errorf("lock: %w", context.Cause(ctx))
		case <-time.After(lockPoll):
		}
	}
}

// share lets other processes open the database from now on.
func (l *fileLock) share() error {
	if err := flock(l.file, syscall.LOCK_SH); err != nil {
		return fmt.Errorf("share lock: %w", err)
	}
	return nil
}

// Close releases the lock. The file stays: removing it could hide the lock of another process.
func (l *fileLock) Close() error { return l.file.Close() }

func flock(file *os.File, how int) error {
	for {
		if err := syscall.Flock(int(file.Fd()), how); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}
