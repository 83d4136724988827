package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"text/tabwriter"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/ahb"
	"github.com/marktbote/marktbote/formats/rules"
)

// rulesCoverageCmd is "marktbote rules coverage".
type rulesCoverageCmd struct {
	FV     []string `name:"fv" help:"Format versions, such as FV2610. Default: all." placeholder:"FV"`
	Format string   `help:"Output: text for people, json for scripts." enum:"text,json" default:"text"`
	rulesFlag
}

// Help is shown by "marktbote rules coverage --help".
func (c *rulesCoverageCmd) Help() string {
	return `Counts, per format version and message type, what the check can do with the rows of the Anwendungshandbuch. Each code of a data element is a row, as in the document. A row is

  decided       its outcome follows from the message
  external      a condition may depend on something outside the message: a fact, a role, a code list that does not tell for every value
  not compiled  a condition is not translated, or the check does not look at all of the row

and counts as the worst that applies, so that decided, external and not compiled add up to all rows. WITH EXPR counts the rows with conditions or packages beside the status; SHARE is the percentage of these that are decided or external. Behind it the conditions: hints have nothing to evaluate.

Examples:
  marktbote rules coverage --fv FV2610
  marktbote rules coverage --format json | jq '.format_versions[] | {format_version, total}'`
}

// coverageReport is the JSON form; it is a contract with scripts.
type coverageReport struct {
	FormatVersions []coverageVersion `json:"format_versions"`
}

type coverageVersion struct {
	FormatVersion formats.FormatVersion `json:"format_version"`
	Types         []coverageFigures     `json:"types"`
	Total         coverageFigures       `json:"total"`
}

// coverageFigures is a message type, or without a type the total.
type coverageFigures struct {
	Type                 string             `json:"type,omitempty"`
	Pruefidentifikatoren int                `json:"pruefidentifikatoren"`
	Rows                 int                `json:"rows"`
	RowsWithExpression   int                `json:"rows_with_expression"`
	Decided              int                `json:"decided"`
	External             int                `json:"external"`
	NotCompiled          int                `json:"not_compiled"`
	WithExpression       coverageOutcomes   `json:"with_expression"`
	Conditions           coverageConditions `json:"conditions"`
	Share                float64            `json:"share"` // percent
}

// coverageOutcomes splits rows_with_expression; decided, external and not_compiled beside it split rows.
type coverageOutcomes struct {
	Decided     int `json:"decided"`
	External    int `json:"external"`
	NotCompiled int `json:"not_compiled"`
}

type coverageConditions struct {
	Total       int `json:"total"`
	Hints       int `json:"hints"`
	Compiled    int `json:"compiled"`
	External    int `json:"external"`
	NotCompiled int `json:"not_compiled"`
}

// Run counts and prints.
func (c *rulesCoverageCmd) Run(e env) error {
	shelf, err := c.shelf()
	if err != nil {
		return err
	}
	versions := shelf.FormatVersions()
	if len(c.FV) > 0 {
		versions = nil
		for _, name := range c.FV {
			fv, err := parseFormatVersion(shelf, name)
			if err != nil {
				return err
			}
			versions = append(versions, fv)
		}
	}
	report := coverageReport{FormatVersions: []coverageVersion{}}
	for _, fv := range versions {
		if e.ctx.Err() != nil {
			return e.ctx.Err()
		}
		v, err := coverageOf(shelf, fv)
		if err != nil {
			return err
		}
		report.FormatVersions = append(report.FormatVersions, v)
	}
	if c.Format == "json" {
		out := json.NewEncoder(e.stdout)
		out.SetIndent("", "  ")
		return out.Encode(report)
	}
	return printCoverage(e.stdout, report)
}

func coverageOf(shelf *rules.Shelf, fv formats.FormatVersion) (coverageVersion, error) {
	v := coverageVersion{FormatVersion: fv, Types: []coverageFigures{}}
	var total ahb.Figures
	for _, info := range shelf.List() {
		if info.FormatVersion != fv {
			continue
		}
		pack, err := shelf.Load(fv, info.Name)
		if err != nil {
			return v, err
		}
		f, err := ahb.FiguresOf(pack)
		if err != nil {
			return v, err
		}
		total.Add(f)
		v.Types = append(v.Types, coverageRow(info.Name, f))
	}
	v.Total = coverageRow("", total)
	return v, nil
}

func coverageRow(name string, f ahb.Figures) coverageFigures {
	return coverageFigures{
		Type: name, Pruefidentifikatoren: f.UseCases, Rows: f.All.Rows, RowsWithExpression: f.Expression.Rows,
		Decided: f.All.Decided, External: f.All.External, NotCompiled: f.All.NotCompiled,
		WithExpression: coverageOutcomes{f.Expression.Decided, f.Expression.External, f.Expression.NotCompiled},
		Conditions:     coverageConditions(f.Conditions),
		Share:          math.Floor(f.Share()*100) / 100, // never up to a hundred
	}
}

func printCoverage(out io.Writer, report coverageReport) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	for i, v := range report.FormatVersions {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "%-13s\t\t\t\t\tNOT\tWITH\t\tCONDI-\t\t\t\tNOT\t\n", v.FormatVersion)
		fmt.Fprintf(w, "%-13s\tPIDS\tROWS\tDECIDED\tEXTERNAL\tCOMPILED\tEXPR\tSHARE\tTIONS\tHINTS\tCOMPILED\tEXTERNAL\tCOMPILED\t\n", "TYPE")
		for _, f := range append(v.Types, v.Total) {
			c := f.Conditions
			fmt.Fprintf(w, "%-13s\t%d\t%d\t%d\t%d\t%d\t%d\t%.2f %%\t%d\t%d\t%d\t%d\t%d\t\n", cmp.Or(f.Type, "total"), f.Pruefidentifikatoren,
				f.Rows, f.Decided, f.External, f.NotCompiled, f.RowsWithExpression, f.Share,
				c.Total, c.Hints, c.Compiled, c.External, c.NotCompiled)
		}
	}
	return w.Flush()
}
