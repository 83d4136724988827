package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/rules"
	"github.com/marktbote/marktbote/formats/rules/prose"
)

// rulesDiffCmd is "marktbote rules diff".
type rulesDiffCmd struct {
	Lang string `help:"Language of the texts." enum:"de,en" default:"de"`
	Old  string `arg:"" name:"FV1" help:"Format version to start from, such as FV2604."`
	New  string `arg:"" name:"FV2" help:"Format version to go to, such as FV2610."`
	What string `arg:"" optional:"" name:"PID" help:"Prüfidentifikator such as 55001, or message type such as MSCONS. Without: all message types."`
	rulesFlag
}

// Help is shown by "marktbote rules diff --help".
func (c *rulesDiffCmd) Help() string {
	return `Reads like release notes. For a Prüfidentifikator: groups, segments, data elements and codes that are gone or new, and what changes of status and conditions, in words. For a message type, or all of them: the editions of the documents, Prüfidentifikatoren that are new, gone or changed with the number of their rows, and changes of the structure.

Places are matched by what they are, not by the numbers of segments, which shift between editions. Hints have no text in the packs and are compared by their numbers; conditions that are not translated cannot be compared and are listed.

Examples:
  marktbote rules diff FV2604 FV2610 55001
  marktbote rules diff --lang en FV2604 FV2610 UTILMD_Strom`
}

// Run compares and prints.
func (c *rulesDiffCmd) Run(e env) error {
	shelf, err := c.shelf()
	if err != nil {
		return err
	}
	from, err := parseFormatVersion(shelf, c.Old)
	if err != nil {
		return err
	}
	to, err := parseFormatVersion(shelf, c.New)
	if err != nil {
		return err
	}
	lang := formats.Lang(c.Lang)
	if c.What == "" {
		return diffAll(e, shelf, from, to, lang)
	}
	if name, ok := packName(shelf, c.What); ok {
		return diffPack(e, shelf, from, to, name, lang)
	}
	return diffUseCase(e, shelf, from, to, c.What, lang)
}

// diffAll compares all message types.
func diffAll(e env, shelf *rules.Shelf, from, to formats.FormatVersion, lang formats.Lang) error {
	for i, name := range packNames(shelf, from, to) {
		if e.ctx.Err() != nil {
			return e.ctx.Err()
		}
		if i > 0 {
			fmt.Fprintln(e.stdout)
		}
		if err := diffPack(e, shelf, from, to, name, lang); err != nil {
			return err
		}
	}
	return nil
}

// diffPack compares one message type, which one of the versions may not have.
func diffPack(e env, shelf *rules.Shelf, from, to formats.FormatVersion, name string, lang formats.Lang) error {
	old, err := loadOptional(shelf, from, name)
	if err != nil {
		return err
	}
	now, err := loadOptional(shelf, to, name)
	if err != nil {
		return err
	}
	p := printer{w: e.stdout, german: lang != formats.English}
	switch {
	case old == nil && now == nil:
		return fmt.Errorf("neither %s nor %s has %s", from, to, name)
	case old == nil:
		p.line("%s\n  %s", name, p.text("neu in "+string(to), "new in "+string(to)))
		return p.err
	case now == nil:
		p.line("%s\n  %s", name, p.text("gibt es in "+string(to)+" nicht mehr", "not in "+string(to)+" any more"))
		return p.err
	}
	d, err := prose.ComparePacks(old, now)
	if err != nil {
		return err
	}
	return d.Write(e.stdout, lang)
}

// diffUseCase compares one Pruefidentifikator, which one of the versions may not have.
func diffUseCase(e env, shelf *rules.Shelf, from, to formats.FormatVersion, pid string, lang formats.Lang) error {
	old, err := findUseCase(shelf, from, pid)
	if err != nil {
		return err
	}
	now, err := findUseCase(shelf, to, pid)
	if err != nil {
		return err
	}
	p := printer{w: e.stdout, german: lang != formats.English}
	switch {
	case old.UseCase == nil && now.UseCase == nil:
		return unknownUseCase(shelf, pid, from, to)
	case old.UseCase == nil:
		p.line("%s %s: %s", pid, now.UseCase.Name, p.text(fmt.Sprintf("neu in %s, in %s gibt es ihn nicht", to, from), fmt.Sprintf("new in %s, not in %s", to, from)))
		return p.err
	case now.UseCase == nil:
		p.line("%s %s: %s", pid, old.UseCase.Name, p.text(fmt.Sprintf("entfällt, in %s gibt es ihn nicht mehr", to), fmt.Sprintf("gone, not in %s any more", to)))
		return p.err
	}
	d := prose.Compare(old, now)
	return errors.Join(d.WriteHead(e.stdout, lang), d.Write(e.stdout, lang))
}

// loadOptional loads a pack; nil if there is none.
func loadOptional(shelf *rules.Shelf, fv formats.FormatVersion, name string) (*rules.Pack, error) {
	p, err := shelf.Load(fv, name)
	if errors.Is(err, rules.ErrNotFound) {
		return nil, nil
	}
	return p, err
}

// packName accepts the name of a pack of any format version, in any case.
func packName(shelf *rules.Shelf, s string) (string, bool) {
	for _, info := range shelf.List() {
		if strings.EqualFold(info.Name, s) {
			return info.Name, true
		}
	}
	return "", false
}
