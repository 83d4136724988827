package ack

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/rules"
)

// newest returns the pack of a message type in the first of the format versions that has one, or had one before; nil
// if none has.
func newest(shelf *rules.Shelf, messageType string, versions ...formats.FormatVersion) *rules.Pack {
	for _, fv := range versions {
		var name string
		var from formats.FormatVersion
		for _, info := range shelf.List() { // by format version
			if info.Type == messageType && info.FormatVersion <= fv {
				name, from = info.Name, info.FormatVersion
			}
		}
		if name == "" {
			continue
		}
		if pack, err := shelf.Load(from, name); err == nil {
			return pack
		}
	}
	return nil
}

// errNoRules says that an answer cannot be written because nobody knows its form at that time.
var errNoRules = errors.New("there are no rules")

// answerPack returns the pack by which an answer is written.
func answerPack(shelf *rules.Shelf, messageType string, fv formats.FormatVersion) (*rules.Pack, error) {
	pack := newest(shelf, messageType, fv)
	if pack == nil {
		return nil, fmt.Errorf("ack: %s of format version %q: %w", messageType, fv, errNoRules)
	}
	return pack, nil
}

// identifierOf returns UNH S009 of the messages of a pack.
func identifierOf(pack *rules.Pack) []string {
	return append(append([]string{pack.Type}, strings.Split(pack.Directory, ":")...), pack.Version)
}

// namesMessage reports whether an APERAK names the message by UNH 0062 (RFF+ACW) and has the references of a 313
// behind every error, as up to 2.1i. From 2.2 on they stand in front.
//
// Spec: APERAK MIG 2.1i, SG5 RFF+ACW; APERAK MIG 2.2, SG2
func namesMessage(aperak *rules.Pack) bool {
	return slices.ContainsFunc(aperak.Components, func(c rules.Component) bool {
		return slices.Contains(aperak.Codes(c.Codes), "ACW")
	})
}
