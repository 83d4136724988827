package main

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/check"
	"github.com/marktbote/marktbote/formats/rules"
	"github.com/marktbote/marktbote/formats/sample"
)

// generateCmd is "marktbote generate".
type generateCmd struct {
	PID     string    `name:"pid" help:"Prüfidentifikator, such as 55001; for acknowledgements the name of the column, such as APERAK_Fehlermeldung (\"marktbote rules list\", \"rules show\")." required:"" placeholder:"PID"`
	FV      string    `name:"fv" help:"Format version, such as FV2610; without it the newest that has the Prüfidentifikator." placeholder:"FV"`
	Seed    uint64    `help:"Seed: the same seed writes the same bytes. With --variant random it decides what is in the message." default:"1"`
	Count   int       `help:"Messages in the interchange." default:"1"`
	Variant string    `help:"minimal: what must be there; full: everything that may be; random: a part of it." enum:"minimal,full,random" default:"minimal"`
	At      time.Time `help:"Instant of sending (RFC 3339 or a day); without it a day of the format version." placeholder:"TIME"`
}

// maxGenerated bounds the messages of one call.
const maxGenerated = 10_000

// Help explains the command.
func (generateCmd) Help() string {
	return `Writes an interchange with valid messages of a Prüfidentifikator to standard output, straight from the rule pack and
with all its conditions satisfied. What is written has passed "marktbote check"; if it cannot be made valid, the
findings are printed and the exit code is 1.

    marktbote generate --pid 55001
    marktbote generate --pid 13025 --variant random --seed 7 --count 10 > lastgang.edi

MP-IDs, locations and names are invented.`
}

// Run writes the interchange.
func (c *generateCmd) Run(e env) error {
	if c.Count < 1 || c.Count > maxGenerated {
		return fmt.Errorf("--count is from 1 to %d", maxGenerated)
	}
	pack, err := packOf(c.PID, formats.FormatVersion(c.FV))
	if err != nil {
		return err
	}
	var buf bytes.Buffer
	o := sample.Options{Variant: sample.Variant(c.Variant), Seed: c.Seed, Messages: c.Count, At: c.At}
	if err := sample.Generate(&buf, pack, c.PID, o); err != nil {
		return err
	}
	r, err := check.File(bytes.NewReader(buf.Bytes()), check.Options{FormatVersion: pack.FormatVersion})
	if err != nil {
		return err
	}
	if _, err := e.stdout.Write(buf.Bytes()); err != nil {
		return err
	}
	if list := allFindings(r); r.Verdict != check.Accepted || len(list) > 0 {
		fmt.Fprintln(e.stderr, "marktbote: the message could not be made valid:")
		for _, f := range list {
			fmt.Fprintf(e.stderr, "  %s %s: %s (%s)\n", f.Code, f.Path, f.Text, f.Rule)
		}
		return errRejected
	}
	return nil
}

// allFindings returns the findings of a file and of everything in it that reject something.
func allFindings(r *check.Result) []formats.Finding {
	list := r.Findings
	for _, m := range r.Messages {
		list = append(list, m.Findings...)
		for _, t := range m.Transactions {
			list = append(list, t.Findings...)
		}
	}
	var errs []formats.Finding
	for _, f := range list {
		if f.Severity == formats.Error {
			errs = append(errs, f)
		}
	}
	return errs
}

// packOf returns the newest rule pack that has a Pruefidentifikator, or that of a format version.
func packOf(pid string, fv formats.FormatVersion) (*rules.Pack, error) {
	list := rules.List()
	known := false
	for i := len(list) - 1; i >= 0; i-- {
		if fv != "" && list[i].FormatVersion != fv {
			continue
		}
		known = true
		pack, err := rules.Load(list[i].FormatVersion, list[i].Name)
		if err != nil {
			return nil, err
		}
		for _, u := range pack.UseCases() {
			if u.Pruefidentifikator == pid {
				return pack, nil
			}
		}
	}
	if !known {
		return nil, fmt.Errorf("there are no rules for %q; see \"marktbote rules list\"", fv)
	}
	return nil, errors.New("no rule pack has the Prüfidentifikator " + pid + "; see \"marktbote rules list\"")
}
