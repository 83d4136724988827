package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/check"
	"github.com/marktbote/marktbote/gateway/config"
	"github.com/marktbote/marktbote/store"
)

// checkCmd is "marktbote check".
type checkCmd struct {
	Format string   `help:"Output: text for people, json for scripts (one object per line and file)." enum:"text,json" default:"text"`
	At     string   `help:"Instant the files were received, RFC 3339 or CCYY-MM-DD (legal German time). Default: now." placeholder:"TIME"`
	FV     string   `name:"fv" help:"Check by this format version whatever the dates say, such as FV2610." placeholder:"FV"`
	Lang   string   `help:"Language of the texts." enum:"de,en" default:"de"`
	Strict bool     `help:"Treat tolerated deviations as errors."`
	Config string   `help:"Judge as the gateway with this configuration: own and known MP-IDs, tests, duplicates in its store." type:"existingfile" placeholder:"FILE"`
	Files  []string `arg:"" name:"file" help:"Interchanges; - is standard input."`
	rulesFlag
}

// Help is shown by "marktbote check --help".
func (c *checkCmd) Help() string {
	return `Every file gets a verdict: accepted, rejected-syntax (CONTRL), rejected-processing (APERAK) or unreadable (nothing can be answered). Each finding names its place, the rule, what was expected and what was found.

Checked are the syntax, UNB and UNH, the structure by the rule pack of the version, and every transaction by the AHB column of its Prüfidentifikator; "coverage" in the JSON says how many of its rows were decided.

Examples:
  marktbote check eingang/*.edi
  marktbote check --format json --at 2026-11-03T08:00:00+01:00 datei.edi | jq .verdict`
}

// Run checks every file.
func (c *checkCmd) Run(e env) error {
	shelf, err := c.shelf()
	if err != nil {
		return err
	}
	opts := check.Options{At: time.Now(), Lang: formats.Lang(c.Lang), Strict: c.Strict, Rules: shelf}
	if c.At != "" {
		at, err := parseTime(c.At)
		if err != nil {
			return err
		}
		opts.At = at
	}
	if c.FV != "" {
		fv, err := parseFormatVersion(shelf, c.FV)
		if err != nil {
			return err
		}
		opts.FormatVersion = fv
	}
	if c.Config != "" {
		k, err := openKnowledge(e.ctx, c.Config)
		if err != nil {
			return err
		}
		defer k.close()
		opts.Knowledge = k
	}
	out := json.NewEncoder(e.stdout)
	out.SetEscapeHTML(false)
	rejected := false
	for _, name := range c.Files {
		if err := e.ctx.Err(); err != nil {
			return errors.New("interrupted")
		}
		result, err := checkFile(e, name, opts)
		if err != nil {
			return err
		}
		rejected = rejected || anyRejected(result)
		if c.Format == "json" {
			err = out.Encode(result)
		} else {
			err = printResult(e.stdout, result, opts.Lang)
		}
		if err != nil {
			return err
		}
	}
	if rejected {
		return errRejected
	}
	return nil
}

// checkFile checks one file; "-" is standard input.
func checkFile(e env, name string, opts check.Options) (*check.Result, error) {
	body, err := openInput(e, name)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	result, err := check.File(contextReader{e.ctx, withProgress(e, name, body)}, opts)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	result.File = name
	return result, nil
}

// openInput opens a file or standard input.
func openInput(e env, name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(e.stdin), nil
	}
	return os.Open(name) //nolint:gosec // the user names the file
}

// contextReader stops reading when the context ends.
type contextReader struct {
	ctx context.Context //nolint:containedctx // lives for one file
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, errors.New("interrupted")
	}
	return c.r.Read(p)
}

// anyRejected reports whether the file or anything in it is not accepted.
func anyRejected(r *check.Result) bool {
	if r.Verdict != check.Accepted {
		return true
	}
	for _, m := range r.Messages {
		if m.Verdict != check.Accepted {
			return true
		}
		for _, t := range m.Transactions {
			if t.Verdict != check.Accepted {
				return true
			}
		}
	}
	return false
}

// parseTime reads RFC 3339 or a day of legal German time.
func parseTime(s string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	if t, err := time.ParseInLocation("2006-01-02", s, formats.Berlin); err == nil {
		return t, nil
	}
	return time.Time{}, fmt.Errorf("%q is neither an instant such as 2026-11-03T08:00:00+01:00 nor a day such as 2026-11-03", s)
}

// printResult writes a judgement for people.
func printResult(w io.Writer, r *check.Result, lang formats.Lang) error {
	p := printer{w: w, german: lang != formats.English}
	p.line("%s: %s", r.File, p.verdict(r.Verdict))
	if r.Reference != "" {
		p.line("  %s %s, %s → %s, %s%s", p.text("Datei", "file"), r.Reference, r.Sender, r.Receiver, r.FormatVersion, p.sparte(r.Sparte))
	}
	p.findings("  ", r.Findings)
	for i, m := range r.Messages {
		bad := len(m.Findings) > 0
		for _, t := range m.Transactions {
			bad = bad || len(t.Findings) > 0
		}
		if i < 20 || bad {
			p.line("  %s %s: %s %s", p.text("Nachricht", "message"), m.Reference, m.Type, m.Version)
			p.findings("    ", m.Findings)
			for _, t := range m.Transactions {
				p.line("    %s %s, %s %s", p.text("Vorgang", "transaction"), t.Number, "Prüfidentifikator", orDash(t.Pruefidentifikator))
				p.findings("      ", t.Findings)
			}
		} else if i == 20 {
			p.line("  … %s", p.text("weitere Nachrichten ohne Befund sind nicht aufgeführt", "further messages without findings are not listed"))
		}
	}
	if r.Findings == nil || r.FindingCount > check.DefaultMaxFindings {
		p.line("  … %d %s", r.FindingCount, p.text("Befunde insgesamt", "findings in all"))
	}
	return p.err
}

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

// printer writes lines and keeps the first error.
type printer struct {
	w      io.Writer
	german bool
	err    error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

func (p *printer) text(de, en string) string {
	if p.german {
		return de
	}
	return en
}

func (p *printer) verdict(v check.Verdict) string {
	switch v {
	case check.Accepted:
		return p.text("angenommen", "accepted")
	case check.RejectedSyntax:
		return p.text("abgelehnt (Syntaxfehler, CONTRL)", "rejected (syntax, CONTRL)")
	case check.RejectedProcessing:
		return p.text("abgelehnt (nicht verarbeitbar, APERAK)", "rejected (processing, APERAK)")
	default:
		return p.text("nicht lesbar (keine Antwort mit EDIFACT möglich)", "unreadable (no answer with EDIFACT is possible)")
	}
}

func (p *printer) sparte(s formats.Sparte) string {
	if s == "" {
		return ""
	}
	return ", " + string(s)
}

func (p *printer) findings(indent string, list []formats.Finding) {
	for _, f := range list {
		kind := p.text("Fehler", "error")
		if f.Severity == formats.Warning {
			kind = p.text("Hinweis", "warning")
		}
		wire := ""
		if f.Wire != nil {
			wire = ", " + f.Wire.Kind + " " + f.Wire.Code
		}
		p.line("%s%s %s%s: %s", indent, kind, f.Code, wire, f.Text)
		place := fmt.Sprintf("Byte %d", f.Offset)
		if f.SegmentNumber > 0 {
			place += fmt.Sprintf(", Segment %d", f.SegmentNumber)
		}
		if f.Path != "" {
			place += " (" + f.Path + ")"
		}
		if f.Element > 0 {
			place += fmt.Sprintf(", %s %d", p.text("Datenelement", "element"), f.Element)
		}
		if f.Component > 0 {
			place += fmt.Sprintf(", %s %d", p.text("Bestandteil", "component"), f.Component)
		}
		if f.Rule != "" {
			place += "; " + p.text("Regel ", "rule ") + f.Rule
		}
		p.line("%s  %s", indent, place)
	}
}

// knowledge answers the check from a gateway's configuration and, if there is one, its store.
type knowledge struct {
	config.Config
	ctx   context.Context //nolint:containedctx // lives for one command
	store store.Store     // nil: the gateway has not run yet
}

func openKnowledge(ctx context.Context, path string) (*knowledge, error) {
	c, err := config.Load(path)
	if err != nil {
		return nil, err
	}
	k := &knowledge{Config: c, ctx: ctx}
	if file, isFile := c.StoreFile(); isFile {
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			return k, nil
		}
	}
	if k.store, err = openStore(ctx, c); err != nil {
		return nil, err
	}
	return k, nil
}

func (k *knowledge) close() {
	if k.store != nil {
		_ = k.store.Close()
	}
}

func (k *knowledge) AcceptsTests() bool { return k.AcceptTests }

func (k *knowledge) Seen(sender, controlRef string) (seen bool, err error) {
	if k.store == nil {
		return false, nil
	}
	err = k.store.View(k.ctx, func(tx store.Tx) error {
		list, err := tx.FindControlRef(store.In, sender, controlRef)
		seen = len(list) > 0
		return err
	})
	return seen, err
}
