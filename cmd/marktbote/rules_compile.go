package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/marktbote/marktbote/formats/rules"
	"github.com/marktbote/marktbote/formats/rules/compile"
)

// rulesCompileCmd is "marktbote rules compile".
type rulesCompileCmd struct {
	Source  string `arg:"" help:"Source data of one message description: DIR/mig/FORMAT-VERSION/TYPE.json. The handbook is taken from DIR/ahb and DIR/conditions." type:"existingfile"`
	Output  string `short:"o" help:"File to write the pack to." required:"" placeholder:"PACK"`
	Verbose bool   `short:"v" help:"List every condition that is to review."`
}

// Run compiles the source and checks what came out by loading it.
func (c *rulesCompileCmd) Run(e env) error {
	src, err := os.Open(c.Source)
	if err != nil {
		return err
	}
	defer src.Close()
	h, done, err := handbook(c.Source)
	if err != nil {
		return err
	}
	defer done()
	pack, report, err := compile.Compile(src, h)
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
	fmt.Fprintf(e.stdout, "%s: %s %s %s, %d nodes, %d Prüfidentifikatoren, %d rows\n", c.Output, p.FormatVersion, p.Type, p.Version,
		len(p.Nodes)-1, report.UseCases, report.Rows)
	if h == nil {
		fmt.Fprintln(e.stdout, "no handbook beside the source: the pack has the structure only")
	}
	if len(report.ToReview) > 0 {
		fmt.Fprintf(e.stdout, "%d conditions have no translation and will not be evaluated\n", len(report.ToReview))
	}
	if c.Verbose {
		for _, line := range report.ToReview {
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
			f.Close()
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
