package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/check"
	"github.com/marktbote/marktbote/formats/event"
	"github.com/marktbote/marktbote/formats/ident"
)

// eventsCmd is "marktbote events".
type eventsCmd struct {
	Print  eventsPrintCmd  `cmd:"" default:"withargs" help:"Print the events of interchanges; this is also what \"events\" alone does."`
	Fields eventsFieldsCmd `cmd:"" help:"Print the events of a Prüfidentifikator and where their fields stand in the message."`
	Schema eventsSchemaCmd `cmd:"" help:"Print the JSON Schema of the events of a type, or the list of types."`
}

// eventsSchemaCmd is "marktbote events schema".
type eventsSchemaCmd struct {
	Types []string `arg:"" optional:"" name:"type" help:"Types such as contract.supply-start.requested.v1; none lists all."`
}

// Help is shown by "marktbote events schema --help".
func (c *eventsSchemaCmd) Help() string {
	return `Prints the JSON Schema (draft 2020-12) that the events of a type satisfy. Its id is the dataschema of the events.

Example:
  marktbote events schema meter.load-profile.received.v1 > schema.json`
}

// Run prints schemas or types.
func (c *eventsSchemaCmd) Run(e env) error {
	if len(c.Types) == 0 {
		for _, name := range event.Types() {
			if _, err := fmt.Fprintln(e.stdout, name); err != nil {
				return err
			}
		}
		return nil
	}
	for _, name := range c.Types {
		text, ok := event.Schema(name)
		if !ok {
			return fmt.Errorf("no message gives events of type %q; \"marktbote events schema\" lists the types", name)
		}
		if _, err := fmt.Fprintf(e.stdout, "%s\n", text); err != nil {
			return err
		}
	}
	return nil
}

// eventsFieldsCmd is "marktbote events fields".
type eventsFieldsCmd struct {
	Pruefidentifikator string `arg:"" name:"pruefidentifikator" help:"Such as 55001."`
}

// Help is shown by "marktbote events fields --help".
func (c *eventsFieldsCmd) Help() string {
	return `Prints the names of the events of a Prüfidentifikator, then one line per field: name, kind and place, as the mapping files of the program have them. What no field takes is in data.more of the event.`
}

// Run prints events and fields.
func (c *eventsFieldsCmd) Run(e env) error {
	pid, err := ident.ParsePruefidentifikator(c.Pruefidentifikator)
	if err != nil {
		return err
	}
	names := event.EventsOf(pid)
	if len(names) == 0 {
		return fmt.Errorf("the Prüfidentifikator %s has no event", pid)
	}
	for _, name := range names {
		if _, err := fmt.Fprintln(e.stdout, name); err != nil {
			return err
		}
	}
	return printFields(e.stdout, event.FieldsOf(pid), "  ")
}

func printFields(w io.Writer, fields []event.Field, indent string) error {
	for _, f := range fields {
		name := f.Name
		if f.List {
			name += "[]"
		}
		if f.Personal {
			name = "personal." + name
		}
		if _, err := fmt.Fprintf(w, "%s%s %s %s\n", indent, name, f.Kind, f.Place()); err != nil {
			return err
		}
		if err := printFields(w, f.Fields, indent+"  "); err != nil {
			return err
		}
	}
	return nil
}

// eventsPrintCmd is "marktbote events print".
type eventsPrintCmd struct {
	Pretty bool     `help:"Indent the JSON."`
	Out    bool     `help:"The files were sent, not received."`
	At     string   `help:"Instant the files were received, RFC 3339 or CCYY-MM-DD (legal German time). Default: now." placeholder:"TIME"`
	Files  []string `arg:"" name:"file" help:"Interchanges; - is standard input."`
	rulesFlag
}

// Help is shown by "marktbote events print --help".
func (c *eventsPrintCmd) Help() string {
	return `Prints what the gateway would put into its outbox: one CloudEvent 1.0 in JSON per business transaction. A file that the check rejects gives no events; its findings go to standard error and the exit code is 1. A message whose Prüfidentifikator has no event yet is named on standard error.

Example:
  marktbote events lastgang.edi | jq .data.series`
}

// maxStdin bounds what is kept of standard input, which has to be read twice.
const maxStdin = 1 << 30

// Run prints the events of every file.
func (c *eventsPrintCmd) Run(e env) error {
	shelf, err := c.shelf()
	if err != nil {
		return err
	}
	opts := check.Options{At: time.Now(), Rules: shelf}
	if c.At != "" {
		at, err := parseTime(c.At)
		if err != nil {
			return err
		}
		opts.At = at
	}
	rejected := false
	for _, name := range c.Files {
		accepted, err := c.file(e, name, opts)
		if err != nil {
			return err
		}
		rejected = rejected || !accepted
	}
	if rejected {
		return errRejected
	}
	return nil
}

// file checks one file and prints its events; it returns false if the check rejects the file.
func (c *eventsPrintCmd) file(e env, name string, opts check.Options) (bool, error) {
	if name == "-" {
		data, err := io.ReadAll(io.LimitReader(contextReader{e.ctx, e.stdin}, maxStdin+1))
		if err != nil {
			return false, err
		}
		if len(data) > maxStdin {
			return false, fmt.Errorf("standard input is larger than %d bytes; give a file", maxStdin)
		}
		e.stdin = bytes.NewReader(data)
		defer func() { e.stdin = nil }()
		result, err := checkFile(e, name, opts)
		if err != nil {
			return false, err
		}
		return c.print(e, name, result, bytes.NewReader(data))
	}
	result, err := checkFile(e, name, opts)
	if err != nil {
		return false, err
	}
	body, err := openInput(e, name)
	if err != nil {
		return false, err
	}
	defer body.Close()
	return c.print(e, name, result, contextReader{e.ctx, body})
}

func (c *eventsPrintCmd) print(e env, name string, result *check.Result, body io.Reader) (bool, error) {
	if result.Verdict != check.Accepted {
		return false, printResult(e.stderr, result, formats.German)
	}
	env := event.Envelope{Direction: event.In, FormatVersion: result.FormatVersion, Sparte: result.Sparte, Test: result.Test}
	if c.Out {
		env.Direction = event.Out
	}
	out := json.NewEncoder(e.stdout)
	out.SetEscapeHTML(false)
	if c.Pretty {
		out.SetIndent("", "  ")
	}
	r := edifact.NewReader(body, edifact.Options{})
	var m edifact.Message
	for {
		err := r.NextMessage(&m)
		if err == io.EOF {
			return true, nil
		}
		if err != nil {
			return false, fmt.Errorf("%s: %w", name, err)
		}
		events, err := event.FromMessage(env, r.UNB(), &m)
		if none, ok := errors.AsType[*event.NoMapping](err); ok {
			fmt.Fprintf(e.stderr, "%s: message %d: %v\n", name, m.Index(), none)
		} else if err != nil {
			return false, fmt.Errorf("%s: message %d: %w", name, m.Index(), err)
		}
		for _, ev := range events {
			if err := out.Encode(ev); err != nil {
				return false, err
			}
		}
	}
}
