// Command marktbote is a gateway for German energy market communication: it checks, keeps and translates EDIFACT
// interchanges of EDI@Energy.
//
//	marktbote demo                 two gateways exchange a supply start and a load profile
//	marktbote check FILE...        judge files
//	marktbote explain FILE         annotate a file segment by segment
//	marktbote ack FILE             print the CONTRL and APERAK on a file
//	marktbote events FILE...       print the events of files; also fields and schema
//	marktbote serve                run the gateway
//	marktbote usage --month MONTH  count the contracts of a month
//	marktbote audit verify         find rows that were changed behind the gateway's back; also checkpoint
//	marktbote retention            destroy what was kept long enough; also hold, release and holds
//	marktbote objects import FILE  read a list of objects; also list
//	marktbote partners list        Marktpartner of the AS4 channel; also show, add, import, certificates, radar, test, switch
//	marktbote keys list            own certificates and keys; also import, request and retire
//	marktbote subscriptions list   list who gets the events; also show, pause, resume, replay, retry, skip and remove
//	marktbote migrate              bring the tables of the store up to date
//	marktbote tls nginx            set up nginx as TLS in front of the AS4 channel
//	marktbote doctor               examine the AS4 gateway on this machine
//	marktbote partner              play an AS4 partner who misbehaves
//	marktbote bench pipeline       measure the gateway beside its database
//	marktbote rules list           list the rule packs; also show, diff, coverage and compile
//
// Exit codes: 0 everything accepted or done, 1 at least one message rejected or one check failed, 2 wrong usage or
// the work could not be done.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"
)

// The exit codes.
const (
	exitOK       = 0
	exitRejected = 1
	exitFailed   = 2
)

// errRejected ends a command with exitRejected without a message: the output has said why.
var errRejected = errors.New("rejected")

// cli is the command line.
type cli struct {
	Check         checkCmd         `cmd:"" help:"Judge interchanges: syntax, service segments, structure, Anwendungshandbuch."`
	Explain       explainCmd       `cmd:"" help:"Annotate an interchange segment by segment, with names, meanings, rules and findings."`
	Ack           ackCmd           `cmd:"" help:"Print the CONTRL and APERAK that the rules demand for an interchange."`
	Events        eventsCmd        `cmd:"" help:"Print the events of interchanges, one CloudEvent per line, and their schemas."`
	Serve         serveCmd         `cmd:"" help:"Run the gateway."`
	Migrate       migrateCmd       `cmd:"" help:"Create the tables of a store or bring them up to date."`
	Audit         auditCmd         `cmd:"" help:"Verify the audit log and export signed checkpoints."`
	Retention     retentionCmd     `cmd:"" help:"Destroy what was kept long enough; set and release legal holds."`
	Objects       objectsCmd       `cmd:"" help:"Import and list objects and the Marktpartner that are assigned to them."`
	Subscriptions subscriptionsCmd `cmd:"" help:"Look after the systems that get the events: position, pause, replay, events set aside."`
	Partner       partnerCmd       `cmd:"" help:"Play an AS4 partner who misbehaves, for trials of a gateway."`
	Partners      partnersCmd      `cmd:"" help:"Look after the Marktpartner of the AS4 channel, their certificates and the revocation lists."`
	Keys          keysCmd          `cmd:"" help:"Look after our own certificates and keys."`
	TLS           tlsCmd           `cmd:"" name:"tls" help:"Set up nginx as TLS in front of the AS4 channel."`
	Doctor        doctorCmd        `cmd:"" help:"Examine the AS4 gateway on this machine and say what helps."`
	Demo          demoCmd          `cmd:"" help:"Let a supplier's and a grid operator's gateway exchange messages and show what happens."`
	Generate      generateCmd      `cmd:"" help:"Write valid messages of a Prüfidentifikator."`
	Bench         benchCmd         `cmd:"" help:"Measure on this machine."`
	Rules         rulesCmd         `cmd:"" help:"Look at, compare and make rule packs."`
	Usage         usageCmd         `cmd:"" help:"Count the contracts of a month, by own MP-ID."`

	Version kong.VersionFlag `help:"Print the version and exit."`
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
		kong.Name("marktbote"),
		kong.Description("Gateway for German energy market communication (EDI@Energy).\n\nExit codes: 0 everything accepted or done; 1 at least one message rejected or one check failed; 2 wrong usage or the work could not be done."),
		kong.Writers(e.stdout, e.stderr),
		kong.Exit(func(code int) { exited = code }),
		kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true}),
		kong.Vars{"version": version()},
	)
	if err != nil {
		fmt.Fprintln(e.stderr, "marktbote:", err)
		return exitFailed
	}
	k, err := parser.Parse(args)
	if exited >= 0 { // --help or --version
		return exited
	}
	if err != nil {
		fmt.Fprintf(e.stderr, "marktbote: %v\nTry \"marktbote --help\".\n", err)
		return exitFailed
	}
	switch err := k.Run(e); {
	case err == nil:
		return exitOK
	case errors.Is(err, errRejected):
		return exitRejected
	default:
		fmt.Fprintln(e.stderr, "marktbote:", err)
		return exitFailed
	}
}

// version returns the module's version, or the commit it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && (v == "" || v == "(devel)") {
			v = s.Value
		}
	}
	if v == "" {
		v = "(devel)"
	}
	return v
}
