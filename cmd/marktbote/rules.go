package main

import (
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/rules"
)

// rulesCmd is "marktbote rules".
type rulesCmd struct {
	List     rulesListCmd     `cmd:"" help:"List the rule packs."`
	Show     rulesShowCmd     `cmd:"" help:"Show what a Prüfidentifikator demands, or the structure of a message type."`
	Diff     rulesDiffCmd     `cmd:"" help:"Tell what changes from one format version to another."`
	Coverage rulesCoverageCmd `cmd:"" help:"Count how much of the handbooks the check decides."`
	Compile  rulesCompileCmd  `cmd:"" help:"Make a rule pack from the source data of a message description."`
}

// rulesFlag is the flag of every command that works with rule packs.
type rulesFlag struct {
	Rules string `help:"Directory with rule packs (FV2704/MSCONS.pack, FV2704.lists) that are laid over those in the binary." type:"existingdir" env:"MARKTBOTE_RULES" placeholder:"DIR"`
}

// shelf returns the packs that the command works with.
func (f rulesFlag) shelf() (*rules.Shelf, error) {
	if f.Rules == "" {
		return rules.Embedded(), nil
	}
	shelf, err := rules.Open(os.DirFS(f.Rules))
	if err != nil {
		return nil, fmt.Errorf("--rules %s: %w", f.Rules, err)
	}
	return shelf, nil
}

// rulesListCmd is "marktbote rules list".
type rulesListCmd struct {
	rulesFlag
}

// Help is shown by "marktbote rules list --help".
func (c *rulesListCmd) Help() string {
	return `One line per format version and message type: the version of the message (UNH 0057), the document that the pack was made from and its date, how it was made (xml: from the structured document; pdf-text: from its text; derived: from the version before and the known changes), and whether it comes with the binary or from the directory of --rules.`
}

// Run prints a table of the packs.
func (c *rulesListCmd) Run(e env) error {
	shelf, err := c.shelf()
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "FORMAT VERSION\tPACK\tVERSION\tDOCUMENT\tDATE\tMADE FROM\tCOMES FROM")
	for _, i := range shelf.List() {
		from := shelf.File(i.FormatVersion, i.Name)
		if from == "" {
			from = "binary"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", i.FormatVersion, i.Name, i.Version, i.Document, i.Date, i.Fidelity, from)
	}
	return w.Flush()
}

// parseFormatVersion accepts the format versions that there are rule packs for.
func parseFormatVersion(shelf *rules.Shelf, s string) (formats.FormatVersion, error) {
	var known []string
	for _, fv := range shelf.FormatVersions() {
		if strings.EqualFold(string(fv), s) {
			return fv, nil
		}
		known = append(known, string(fv))
	}
	return "", fmt.Errorf("there are no rules for %q; known: %s", s, strings.Join(known, ", "))
}

// currentVersion returns the format version in force now, or the newest before it that the shelf has packs of.
func currentVersion(shelf *rules.Shelf, now time.Time) formats.FormatVersion {
	all := shelf.FormatVersions()
	best := all[0]
	for _, fv := range all {
		if fv <= formats.VersionAt(now) {
			best = fv
		}
	}
	return best
}
