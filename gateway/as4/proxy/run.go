package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Command returns the command that runs nginx in the foreground with the configuration in dir; its standard error has what
// it says before its own log is open.
func Command(ctx context.Context, nginx, dir string) *exec.Cmd {
	return exec.CommandContext(ctx, nginx, "-e", "stderr", "-p", dir, "-c", ConfFile(dir)) //nolint:gosec // the operator names the program
}

// test lets nginx read a configuration without using it.
func test(ctx context.Context, nginx, dir, conf string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, nginx, "-t", "-q", "-e", "stderr", "-p", dir, "-c", conf) //nolint:gosec // the operator names the program
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("proxy: nginx refuses the configuration: %s: %w", oneLine(out.String()), err)
	}
	return nil
}

// ErrNotRunning is returned by Reload if no nginx runs with the configuration in dir.
var ErrNotRunning = errors.New("proxy: no nginx runs with this configuration")

// PID returns the process of the nginx that runs with the configuration in dir; ErrNotRunning if none does.
func PID(dir string) (int, error) {
	data, err := os.ReadFile(filepath.Join(dir, "nginx.pid"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, ErrNotRunning
	}
	if err != nil {
		return 0, fmt.Errorf("proxy: %w", err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil || pid < 2 {
		return 0, ErrNotRunning // the file is there before its content is
	}
	// After a crash the number may belong to another program.
	cmdline, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
	if errors.Is(err, fs.ErrNotExist) || err == nil && !bytes.Contains(cmdline, []byte("nginx")) {
		return 0, ErrNotRunning
	}
	if err := syscall.Kill(pid, 0); errors.Is(err, syscall.ESRCH) {
		return 0, ErrNotRunning
	}
	return pid, nil
}

// Reload makes a running nginx read its configuration: new connections get new workers, what is on its way ends with the old
// ones.
func Reload(dir string) error {
	return signal(dir, syscall.SIGHUP)
}

func signal(dir string, s syscall.Signal) error {
	pid, err := PID(dir)
	if err != nil {
		return err
	}
	if err := syscall.Kill(pid, s); err != nil {
		return fmt.Errorf("proxy: nginx has process %d, which takes no signal from this user (%w): run both as the same user", pid, err)
	}
	return nil
}

// RemoveStale removes the egress socket that an nginx left which did not end orderly; it would not start again otherwise.
func RemoveStale(socket string) error {
	conn, err := net.DialTimeout("unix", socket, time.Second) //nolint:noctx // it has a timeout
	if err == nil {
		return conn.Close()
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return nil // there is none, or somebody is there
	}
	if err := os.Remove(socket); err != nil {
		return fmt.Errorf("proxy: %w", err)
	}
	return nil
}

// Signalled reports whether this user may signal the nginx that runs with the configuration in dir; the error says why not.
func Signalled(dir string) error { return signal(dir, 0) }
