package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/ack"
	"github.com/marktbote/marktbote/formats/check"
)

// ackCmd is "marktbote ack".
type ackCmd struct {
	Received string `help:"Instant the file was received, RFC 3339 or CCYY-MM-DD (legal German time); the answers are dated with it. Default: now." placeholder:"TIME"`
	FV       string `name:"fv" help:"Check and answer by this format version whatever the dates say, such as FV2610." placeholder:"FV"`
	Lang     string `help:"Language of the explanation; the answers are German." enum:"de,en" default:"de"`
	File     string `arg:"" name:"file" help:"Interchange; - is standard input."`
	rulesFlag
}

// Help is shown by "marktbote ack --help".
func (c *ackCmd) Help() string {
	return `Prints the CONTRL and the APERAK that the rules demand for an interchange, each on a line of its own, and nothing if they demand none. Standard error says why in words, until when each is due, or why nothing is answered.

The Sparte of the receiver decides: Gas confirms every file with CONTRL and accepts by silence; Strom answers only files with syntax errors with CONTRL and every transaction with APERAK, 312 or 313.

Nothing is sent and nothing is remembered: the references are made from the file, so that the same file gives the same answers, and duplicates, partners and objects are not known.

Exit codes: 0 also if the file is rejected, 2 wrong usage or the file could not be read.

Examples:
  marktbote ack eingang/utilmd.edi > antwort.edi
  marktbote ack --received 2026-11-03T08:00:00+01:00 --lang en eingang/utilmd.edi`
}

// maxAckFindings is how many findings are kept, so that no transaction is answered without its own.
const maxAckFindings = 100_000

// Run prints the answers.
func (c *ackCmd) Run(e env) error {
	shelf, err := c.shelf()
	if err != nil {
		return err
	}
	checks := check.Options{At: time.Now(), Lang: formats.German, Rules: shelf, MaxFindings: maxAckFindings}
	if c.Received != "" {
		if checks.At, err = parseTime(c.Received); err != nil {
			return err
		}
	}
	if c.FV != "" {
		if checks.FormatVersion, err = parseFormatVersion(shelf, c.FV); err != nil {
			return err
		}
	}
	file, err := c.read(e)
	if err != nil {
		return err
	}
	result, err := check.File(bytes.NewReader(file), checks)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	original, err := ack.Inspect(bytes.NewReader(file), result, checks)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	opts := ack.Options{
		ReceivedAt: checks.At, SentAt: checks.At, FormatVersion: checks.FormatVersion, Rules: shelf, Numbers: &hashNumbers{file: sha256.Sum256(file)},
	}
	decision, err := ack.Decide(original, opts)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	answers, err := ack.Write(opts, decision)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	for _, a := range answers {
		if _, err := fmt.Fprintf(e.stdout, "%s\n", a.Bytes); err != nil {
			return err
		}
	}
	if c.Lang != string(formats.German) { // the answers need the German texts
		checks.Lang = formats.Lang(c.Lang)
		if result, err = check.File(bytes.NewReader(file), checks); err != nil {
			return fmt.Errorf("%s: %w", c.File, err)
		}
	}
	return c.explain(e.stderr, result, decision)
}

// read returns the whole file, which is read twice.
func (c *ackCmd) read(e env) ([]byte, error) {
	body, err := openInput(e, c.File)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	file, err := io.ReadAll(io.LimitReader(contextReader{e.ctx, body}, maxStdin+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.File, err)
	}
	if len(file) > maxStdin {
		return nil, fmt.Errorf("%s is larger than %d bytes", c.File, maxStdin)
	}
	return file, nil
}

// explain says why the file is answered like this.
func (c *ackCmd) explain(w io.Writer, result *check.Result, d *ack.Decision) error {
	p := &printer{w: w, german: c.Lang != string(formats.English)}
	lang := formats.Lang(c.Lang)
	p.line("CONTRL: %s %s", c.contrl(p, d), d.ContrlReason.Text(lang))
	if d.Contrl != nil {
		p.line("  %s", c.due(p, d.ContrlDue))
	}
	p.line("APERAK: %s %s", c.aperaks(p, d), d.AperakReason.Text(lang))
	for _, due := range c.deadlines(result, d) {
		p.line("  %s", c.due(p, due))
	}
	for i := range d.Aperaks {
		if x := &d.Aperaks[i]; x.Code == ack.NotAccepted {
			p.line("  313 %s %s", c.about(p, x), strings.Join(errorCodes(x), ", "))
		}
	}
	p.findings("  ", result.Findings)
	for i := range result.Messages {
		p.findings("  ", result.Messages[i].Findings)
		for _, t := range result.Messages[i].Transactions {
			p.findings("  ", t.Findings)
		}
	}
	return p.err
}

// deadlines returns until when the transactions are answered, or accepted by silence.
func (c *ackCmd) deadlines(result *check.Result, d *ack.Decision) []ack.Deadline {
	var list []ack.Deadline
	add := func(due ack.Deadline) {
		if !slices.Contains(list, due) {
			list = append(list, due)
		}
	}
	for i := range d.Aperaks {
		add(d.Aperaks[i].Due)
	}
	if d.AperakReason == ack.SilenceInGas {
		for _, m := range result.Messages {
			for _, t := range m.Transactions {
				add(ack.AperakDeadline(d.ReceivedAt, formats.Gas, m.Type, t.Pruefidentifikator))
			}
		}
	}
	return list
}

func (c *ackCmd) contrl(p *printer, d *ack.Decision) string {
	switch {
	case d.Contrl == nil:
		return p.text("keine.", "none.")
	case d.Contrl.Action == ack.Received:
		return p.text("Empfangsbestätigung (7).", "receipt (7).")
	}
	return p.text("Ablehnung (4).", "rejection (4).")
}

func (c *ackCmd) aperaks(p *printer, d *ack.Decision) string {
	if len(d.Aperaks) == 0 {
		return p.text("keine.", "none.")
	}
	count := map[ack.AperakCode]int{}
	for i := range d.Aperaks {
		count[d.Aperaks[i].Code]++
	}
	var parts []string
	if n := count[ack.Recognized]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d × 312", n))
	}
	if n := count[ack.NotAccepted]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d × 313", n))
	}
	return strings.Join(parts, ", ") + "."
}

// about names what an APERAK is about.
func (c *ackCmd) about(p *printer, x *ack.Reply) string {
	if x.Transaction != "" {
		return p.text("Vorgang ", "transaction ") + x.Transaction + ":"
	}
	return p.text("Nachricht ", "message ") + x.Document + ":"
}

// errorCodes lists the codes of an APERAK.
func errorCodes(x *ack.Reply) []string {
	var list []string
	for _, e := range x.Errors {
		list = append(list, e.Code)
	}
	return list
}

// due tells a deadline in legal German time.
func (c *ackCmd) due(p *printer, d ack.Deadline) string {
	lang := formats.Lang(c.Lang)
	s := p.text("spätestens ", "at the latest ") + formats.LocalTime(d.By, lang) + " (" + d.Rule.Text(lang) + ")"
	if !d.Until.Equal(d.By) {
		s += p.text("; wegen des Formatwechsels hinzunehmen bis ", "; because of the new format version to be accepted until ") + formats.LocalTime(d.Until, lang)
	}
	return s + "."
}

// hashNumbers makes the references of answers from the file that they answer.
type hashNumbers struct {
	file [sha256.Size]byte
	used int
}

// ControlRef returns twelve digits of a hash behind two letters.
func (h *hashNumbers) ControlRef() (string, error) { return "AB" + h.next()[:12], nil }

// DocumentNumber returns twenty digits of a hash behind the beginning of a name.
func (h *hashNumbers) DocumentNumber() (string, error) { return "AP-" + h.next()[:20], nil }

func (h *hashNumbers) next() string {
	h.used++
	sum := sha256.Sum256(fmt.Appendf(h.file[:], "%d", h.used))
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}
