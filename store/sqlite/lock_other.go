//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package sqlite

import (
	"context"
	"time"
)

// fileLock stands for the lock that systems with flock have; see the package comment.
type fileLock struct{}

func acquireLock(context.Context, string, time.Duration) (_ *fileLock, alone bool, err error) {
	return &fileLock{}, true, nil
}

func (*fileLock) share() error { return nil }

// Close implements io.Closer.
func (*fileLock) Close() error { return nil }
