package main

import (
	"fmt"
	"os"
	"text/tabwriter"

	"github.com/marktbote/marktbote/formats/rules"
	"github.com/marktbote/marktbote/formats/rules/compile"
)

// rulesCmd is "marktbote rules".
type rulesCmd struct {
	List    rulesListCmd    `cmd:"" help:"List the rule packs in the binary."`
	Compile rulesCompileCmd `cmd:"" help:"Make a rule pack from the source data of a message description."`
}

// rulesListCmd is "marktbote rules list".
type rulesListCmd struct{}

// Run prints a table of the packs.
func (*rulesListCmd) Run(e env) error {
	w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "FORMAT VERSION\tPACK\tVERSION\tDOCUMENT\tDATE\tSOURCE")
	for _, i := range rules.List() {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", i.FormatVersion, i.Name, i.Version, i.Document, i.Date, i.Fidelity)
	}
	return w.Flush()
}

// rulesCompileCmd is "marktbote rules compile".
type rulesCompileCmd struct {
	Source string `arg:"" help:"Source data of one message description (JSON)." type:"existingfile"`
	Output string `short:"o" help:"File to write the pack to." required:"" placeholder:"PACK"`
}

// Run compiles the source and checks what came out by loading it.
func (c *rulesCompileCmd) Run(e env) error {
	src, err := os.Open(c.Source)
	if err != nil {
		return err
	}
	defer src.Close()
	pack, err := compile.Compile(src)
	if err != nil {
		return fmt.Errorf("%s: %w", c.Source, err)
	}
	p, err := rules.Parse(c.Output, pack)
	if err != nil {
		return err
	}
	if err := os.WriteFile(c.Output, pack, 0o600); err != nil {
		return err
	}
	_, err = fmt.Fprintf(e.stdout, "%s: %s %s %s, %d nodes\n", c.Output, p.FormatVersion, p.Type, p.Version, len(p.Nodes)-1)
	return err
}
