package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/rules"
	"github.com/marktbote/marktbote/formats/rules/compile"
)

// rulesCompileCmd is "marktbote rules compile".
type rulesCompileCmd struct {
	Source     string `arg:"" help:"Source data of one message description, DIR/mig/FORMAT-VERSION/TYPE.json, or DIR itself for all of it." type:"path"`
	Output     string `short:"o" help:"File to write the pack to; for all of DIR a directory." required:"" placeholder:"PACK"`
	Conditions string `help:"Directory with further rules for conditions, in files TYPE.txt of lines HASH NUMBER RULE. They go before those in the binary." type:"existingdir" placeholder:"DIR"`
	FV         string `name:"fv" help:"Of DIR only this format version." placeholder:"FV"`
	Verbose    bool   `short:"v" help:"List every condition that has no rule, with the hash of its text, and every row whose place had to be found."`
}

// Help explains the command.
func (rulesCompileCmd) Help() string {
	return `Makes rule packs, so that the next format version can be loaded before there is a new release. What is made has been
loaded and checked once; "--rules" of the other commands takes the directory.

    marktbote rules compile source/mig/FV2704/MSCONS.json -o MSCONS.pack
    marktbote rules compile source -o rules --fv FV2704 -v
    marktbote check --rules rules --fv FV2704 FILE

Beside the structure in mig, DIR has the rows of the handbooks in ahb/FV/TYPE.csv and ahb/FV/_pids.csv, the conditions in
conditions/FV.csv, FV_packages.csv and FV_pid_overrides.csv, and the code lists in codelists and ebd. Without rows a pack
has the structure only.

A condition is known by its text: one that was translated before keeps its meaning under any number, and one with a new
text is "open" until somebody translates it. With -v the command prints these; a line "HASH NUMBER RULE" in a file of
--conditions gives one a meaning. The language is documented in the package formats/condition.`
}

// Run compiles the source and checks what came out by loading it.
func (c *rulesCompileCmd) Run(e env) error {
	info, err := os.Stat(c.Source)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return c.pack(e, c.Source, c.Output)
	}
	files, err := filepath.Glob(filepath.Join(c.Source, "mig", cmp.Or(c.FV, "FV*"), "*.json"))
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("%s: there is no mig/%s/TYPE.json", c.Source, cmp.Or(c.FV, "FORMAT-VERSION"))
	}
	var versions []string
	for _, file := range files {
		if err := e.ctx.Err(); err != nil {
			return err
		}
		fv := filepath.Base(filepath.Dir(file))
		if !slices.Contains(versions, fv) {
			versions = append(versions, fv)
		}
		dir := filepath.Join(c.Output, fv)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		if err := c.pack(e, file, filepath.Join(dir, strings.TrimSuffix(filepath.Base(file), ".json")+".pack")); err != nil {
			return err
		}
	}
	for _, fv := range versions {
		if err := c.lists(e, fv); err != nil {
			return err
		}
	}
	return nil
}

// lists writes the code lists of a format version, if the source has any.
func (c *rulesCompileCmd) lists(e env, fv string) error {
	if _, err := os.Stat(filepath.Join(c.Source, "codelists")); errors.Is(err, os.ErrNotExist) {
		fmt.Fprintf(e.stdout, "no code lists in %s: conditions that need one will be unknown\n", c.Source)
		return nil
	}
	text, err := compile.Lists(os.DirFS(c.Source), formats.FormatVersion(fv))
	if err != nil {
		return err
	}
	file := filepath.Join(c.Output, fv+".lists")
	fmt.Fprintf(e.stdout, "%s: code lists and answer codes of %s\n", file, fv)
	return os.WriteFile(file, text, 0o600)
}

// pack compiles one message description.
func (c *rulesCompileCmd) pack(e env, source, output string) error {
	src, err := os.Open(source)
	if err != nil {
		return err
	}
	defer src.Close()
	h, done, err := handbook(source)
	if err != nil {
		return err
	}
	defer done()
	if h != nil && c.Conditions != "" {
		h.Translations = os.DirFS(c.Conditions)
	}
	pack, report, err := compile.Compile(src, h)
	if err != nil {
		return fmt.Errorf("%s: %w", source, err)
	}
	p, err := rules.Parse(output, pack)
	if err != nil {
		return err
	}
	if err := os.WriteFile(output, pack, 0o600); err != nil {
		return err
	}
	fmt.Fprintf(e.stdout, "%s: %s %s %s, %d nodes, %d Prüfidentifikatoren, %d rows\n", output, p.FormatVersion, p.Type, p.Version,
		len(p.Nodes)-1, report.UseCases, report.Rows)
	if h == nil {
		fmt.Fprintln(e.stdout, "no handbook beside the source: the pack has the structure only")
	}
	if len(report.ToReview) > 0 {
		fmt.Fprintf(e.stdout, "%d conditions have no rule and will not be evaluated\n", len(report.ToReview))
	}
	if c.Verbose {
		for _, line := range slices.Concat(report.ToReview, report.Ambiguous) {
			fmt.Fprintln(e.stdout, "  "+line)
		}
	}
	return nil
}

// handbook opens the files of the handbook that belong to a source file; nil if there are none.
func handbook(source string) (h *compile.Handbook, done func(), err error) {
	var files []*os.File
	done = func() {
		for _, f := range files {
			_ = f.Close() // only read
		}
	}
	fvDir := filepath.Dir(source)
	root, fv := filepath.Dir(filepath.Dir(fvDir)), filepath.Base(fvDir)
	name := strings.TrimSuffix(filepath.Base(source), filepath.Ext(source))
	open := func(optional bool, parts ...string) io.Reader {
		f, openErr := os.Open(filepath.Join(append([]string{root}, parts...)...))
		if openErr != nil {
			if !optional || !errors.Is(openErr, os.ErrNotExist) {
				err = cmp.Or(err, openErr)
			}
			return nil
		}
		files = append(files, f)
		return f
	}
	rows := open(true, "ahb", fv, name+".csv")
	if rows == nil || err != nil {
		return nil, done, err
	}
	h = &compile.Handbook{Rows: rows, Heads: open(false, "ahb", fv, "_pids.csv"), Conditions: open(false, "conditions", fv+".csv"),
		Packages: open(false, "conditions", fv+"_packages.csv"), Overrides: open(true, "conditions", fv+"_pid_overrides.csv")}
	return h, done, err
}
