package main

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/check"
	"github.com/marktbote/marktbote/formats/rules"
	"github.com/marktbote/marktbote/formats/sample"
)

// generateCmd is "marktbote generate".
type generateCmd struct {
	PID     string `name:"pid" help:"Prüfidentifikator, such as 55001; for acknowledgements the name of the column, such as APERAK_Fehlermeldung." required:"" placeholder:"PID"`
	FV      string `name:"fv" help:"Format version, such as FV2610. Default: the newest that has the Prüfidentifikator." placeholder:"FV"`
	Seed    uint64 `help:"The same seed writes the same bytes. With --variant random it decides what is in the message." default:"1"`
	Count   int    `help:"Messages in the interchange." default:"1"`
	Variant string `help:"minimal: what must be there; full: everything that may be; random: a part of it." enum:"minimal,full,random" default:"minimal"`
	At      string `help:"Instant of sending, RFC 3339 or CCYY-MM-DD (legal German time). Default: a day of the format version." placeholder:"TIME"`
	rulesFlag
}

// maxGenerated bounds the messages of one call.
const maxGenerated = 10_000

// Help explains the command.
func (generateCmd) Help() string {
	return `Writes an interchange with valid messages of a Prüfidentifikator to standard output, straight from the rule pack and
with all its conditions satisfied. What is written has passed "marktbote check"; if it cannot be made valid, the findings
are printed and the exit code is 1. MP-IDs, locations and names are invented.

Examples:
  marktbote generate --pid 55001
  marktbote generate --pid 13025 --variant random --seed 7 --count 10 > lastgang.edi`
}

// Run writes the interchange.
func (c *generateCmd) Run(e env) error {
	if c.Count < 1 || c.Count > maxGenerated {
		return fmt.Errorf("--count is from 1 to %d", maxGenerated)
	}
	shelf, err := c.shelf()
	if err != nil {
		return err
	}
	pack, pid, err := c.find(shelf)
	if err != nil {
		return err
	}
	o := sample.Options{Variant: sample.Variant(c.Variant), Seed: c.Seed, Messages: c.Count}
	if c.At != "" {
		if o.At, err = parseTime(c.At); err != nil {
			return err
		}
	}
	var buf bytes.Buffer
	if err := sample.Generate(&buf, pack, pid, o); err != nil {
		return err
	}
	r, err := check.File(bytes.NewReader(buf.Bytes()), check.Options{FormatVersion: pack.FormatVersion, Rules: shelf})
	if err != nil {
		return err
	}
	if _, err := e.stdout.Write(buf.Bytes()); err != nil {
		return err
	}
	if list := allErrors(r); r.Verdict != check.Accepted || len(list) > 0 {
		fmt.Fprintln(e.stderr, "marktbote: the message could not be made valid:")
		for _, f := range list {
			fmt.Fprintf(e.stderr, "  %s %s: %s (%s)\n", f.Code, f.Path, f.Text, f.Rule)
		}
		return errRejected
	}
	return nil
}

// find returns the rule pack of the Pruefidentifikator and its name as the pack writes it.
func (c *generateCmd) find(shelf *rules.Shelf) (*rules.Pack, string, error) {
	versions := slices.Clone(shelf.FormatVersions())
	if c.FV != "" {
		fv, err := parseFormatVersion(shelf, c.FV)
		if err != nil {
			return nil, "", err
		}
		versions = []formats.FormatVersion{fv}
	}
	for _, fv := range slices.Backward(versions) {
		side, err := findUseCase(shelf, fv, c.PID)
		if err != nil {
			return nil, "", err
		}
		if side.UseCase != nil {
			return side.Pack, side.UseCase.Pruefidentifikator, nil
		}
	}
	return nil, "", unknownUseCase(shelf, c.PID, versions...)
}

// allErrors returns the findings that reject a file or something in it.
func allErrors(r *check.Result) []formats.Finding {
	list := slices.Clone(r.Findings)
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
