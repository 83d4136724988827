package main

import (
	"fmt"
	"time"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/rules/prose"
)

// rulesShowCmd is "marktbote rules show".
type rulesShowCmd struct {
	FV   string `name:"fv" help:"Format version, such as FV2610. Default: the one in force now." placeholder:"FV"`
	Lang string `help:"Language of the texts." enum:"de,en" default:"de"`
	What string `arg:"" name:"PID" help:"Prüfidentifikator such as 55001, column without one such as APERAK_Fehlermeldung, or message type such as UTILMD_Strom."`
	rulesFlag
}

// Help is shown by "marktbote rules show --help".
func (c *rulesShowCmd) Help() string {
	return `For a Prüfidentifikator: its head, the rows of the Anwendungshandbuch with status and conditions, and what the conditions ask for, in our own words. Kinds of conditions: Voraussetzung (the status holds only if it is met), Forderung (the value must meet it, else the APERAK code named), Wiederholbarkeit (how often something may occur), Hinweis (nothing to evaluate); extern means that the message cannot tell, nicht übersetzt that the check does not know the condition yet.

For a message type: its Prüfidentifikatoren and the structure of the message description, with the BDEW status, the repetitions and the formats.

Examples:
  marktbote rules show 55001
  marktbote rules show --fv FV2604 MSCONS`
}

// Run prints what was asked for.
func (c *rulesShowCmd) Run(e env) error {
	shelf, err := c.shelf()
	if err != nil {
		return err
	}
	fv := currentVersion(shelf, time.Now())
	if c.FV != "" {
		if fv, err = parseFormatVersion(shelf, c.FV); err != nil {
			return err
		}
	}
	lang := formats.Lang(c.Lang)
	if name, ok := packName(shelf, c.What); ok {
		pack, err := loadOptional(shelf, fv, name)
		if err != nil {
			return err
		}
		if pack == nil {
			return fmt.Errorf("%s has no %s; choose another format version with --fv, see marktbote rules list", fv, name)
		}
		return prose.Structure(e.stdout, pack, lang)
	}
	side, err := findUseCase(shelf, fv, c.What)
	if err != nil {
		return err
	}
	if side.UseCase == nil {
		return unknownUseCase(shelf, c.What, fv)
	}
	return prose.UseCase(e.stdout, side.Pack, side.UseCase, lang)
}
