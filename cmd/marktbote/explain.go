package main

import (
	"bufio"
	"fmt"
	"time"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/explain"
)

// explainCmd is "marktbote explain".
type explainCmd struct {
	Format     string `help:"Output: text for the terminal, html for a browser (one file that needs nothing else)." enum:"text,html" default:"text"`
	Lang       string `help:"Language of the texts; names of segments, data elements and codes are German." enum:"de,en" default:"de"`
	Conditions bool   `help:"Text: put the conditions of the rules and the codes that are allowed into words as well. HTML always has them."`
	At         string `help:"Instant the file was received, RFC 3339 or CCYY-MM-DD (legal German time). Default: now." placeholder:"TIME"`
	FV         string `name:"fv" help:"Check by this format version whatever the dates say, such as FV2610." placeholder:"FV"`
	File       string `arg:"" name:"file" help:"Interchange; - is standard input."`
	rulesFlag
}

// Help is shown by "marktbote explain --help".
func (c *explainCmd) Help() string {
	return `Annotates an interchange segment by segment: the name of each segment, group and data element, what the value means (codes by name, times in legal German time, identifiers with their check digit), the rule of the Prüfidentifikator that applies (Muss, Soll, Kann, X with the conditions in brackets), and the findings of the check at the place they are about. What is missing is shown at the gap. The verdict and all findings are at the top.

Of a large file the first 5,000 segments of a message and 20,000 in all are explained. The check does not stop there: findings on what follows are listed. Nothing is masked: the output holds the personal data of the interchange.

Exit codes: 0 accepted, 1 rejected or unreadable (the output says why), 2 wrong usage or the file could not be read.

Examples:
  marktbote explain eingang/utilmd.edi | less
  marktbote explain --conditions eingang/utilmd.edi
  marktbote explain --format html eingang/utilmd.edi > utilmd.html`
}

// Run explains the file.
func (c *explainCmd) Run(e env) error {
	shelf, err := c.shelf()
	if err != nil {
		return err
	}
	opts := explain.Options{At: time.Now(), Lang: formats.Lang(c.Lang), Rules: shelf, File: c.File}
	if c.At != "" {
		if opts.At, err = parseTime(c.At); err != nil {
			return err
		}
	}
	if c.FV != "" {
		if opts.FormatVersion, err = parseFormatVersion(shelf, c.FV); err != nil {
			return err
		}
	}
	body, err := openInput(e, c.File)
	if err != nil {
		return err
	}
	defer body.Close()
	page, err := explain.File(contextReader{e.ctx, withProgress(e, c.File, body)}, opts)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	out := bufio.NewWriter(e.stdout)
	if c.Format == "html" {
		err = explain.WriteHTML(out, page)
	} else {
		err = explain.WriteText(out, page, explain.TextOptions{Conditions: c.Conditions})
	}
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		return err
	}
	if anyRejected(page.Result) {
		return errRejected
	}
	return nil
}
