// Command marktbote-ledger is a reference consumer of the event feed of Marktbote, and no part of it: it keeps contracts and
// values in one SQLite file, from events alone, and prints what a monthly bill is made of.
//
//	marktbote-ledger read events.ndjson                      events from files or standard input
//	marktbote-ledger follow http://127.0.0.1:8470/v1/events  events of a gateway, from where it stopped last
//	marktbote-ledger statement --month 2026-11               what the bills of a month are made of
//
// Exit codes: 0 done, 2 wrong usage or the work could not be done.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

const exitFailed = 2

// cli is the command line.
type cli struct {
	Book      string       `help:"The SQLite file with everything that was read." default:"marktbote-ledger.db" placeholder:"FILE"`
	Read      readCmd      `cmd:"" help:"Read events from files, one CloudEvent per line."`
	Follow    followCmd    `cmd:"" help:"Read the events of a gateway, from where it stopped last."`
	Statement statementCmd `cmd:"" help:"Print what the bills of a month are made of."`
}

// env is what a command works with besides its flags.
type env struct {
	ctx    context.Context //nolint:containedctx // lives as long as the command
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(env{ctx, os.Stdin, os.Stdout, os.Stderr}, os.Args[1:])
	stop()
	os.Exit(code)
}

// run parses the command line, runs the command and returns the exit code.
func run(e env, args []string) int {
	var c cli
	exited := -1
	parser, err := kong.New(&c,
		kong.Name("marktbote-ledger"),
		kong.Description("Reference consumer of the event feed of Marktbote."),
		kong.Writers(e.stdout, e.stderr),
		kong.Exit(func(code int) { exited = code }),
		kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true}),
	)
	if err != nil {
		fmt.Fprintln(e.stderr, "marktbote-ledger:", err)
		return exitFailed
	}
	k, err := parser.Parse(args)
	if exited >= 0 { // --help
		return exited
	}
	if err == nil {
		err = c.withLedger(e, func(l *ledger) error { return k.Run(e, l) })
	}
	if err != nil {
		fmt.Fprintln(e.stderr, "marktbote-ledger:", err)
		return exitFailed
	}
	return 0
}

// withLedger opens the book for f.
func (c *cli) withLedger(e env, f func(*ledger) error) (err error) {
	l, err := openLedger(e.ctx, c.Book)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Book, err)
	}
	defer func() { err = errors.Join(err, l.close()) }()
	return f(l)
}
