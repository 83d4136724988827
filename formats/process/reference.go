package process

import (
	"fmt"
	"slices"
	"strings"

	"github.com/marktbote/marktbote/formats/ident"
)

// Relation says why a message refers to another one.
type Relation string

// The relations.
const (
	Answers  Relation = "answers"  // it answers it
	Cancels  Relation = "cancels"  // it wants it cancelled
	Disputes Relation = "disputes" // it objects to it, or to the answer to it
	Replaces Relation = "replaces" // it is the next version of it
	Follows  Relation = "follows"  // both belong to one process
)

var relations = []Relation{Answers, Cancels, Disputes, Replaces, Follows}

// Level says which number a Key holds.
type Level string

// The levels.
const (
	LevelTransaction Level = "transaction" // IDE 7402; in INSRPT DOC 1004
	LevelDocument    Level = "document"    // BGM 1004
	LevelItem        Level = "item"        // BGM 1004 and CNI 1490 of an IFTSTA, as 4711/1
	LevelSeries      Level = "series"      // object, month and version of a series, joined by /
	LevelReply       Level = "reply"       // a reply, by the number of the document that it is about
	LevelMessage     Level = "message"     // UNB 0020 and UNH 0062, joined by /; for CONTRL and APERAK
)

var levels = []Level{LevelTransaction, LevelDocument, LevelItem, LevelSeries, LevelReply}

// Key names a message or transaction as others refer to it. Two Keys are about the same one if they are equal.
type Key struct {
	Level Level
	// Sender is who sent it. In a Reference it is empty if it was somebody else than the two partners of the message;
	// then Level and Value are to be compared alone.
	Sender ident.MarktpartnerID
	Value  string
}

// Reference is what a transaction refers to.
type Reference struct {
	Relation  Relation
	Qualifier string // DE 1153 as RFF has it, such as TN; DOC for that segment
	Key       Key
}

// owner says who sent what a reference is about.
type owner uint8

const (
	theirs owner = iota // the receiver of the message
	own                 // its sender
	others
)

// reference is a reference as the table describes it.
type reference struct {
	relation Relation
	elements []string // qualifiers of RFF, or DOC; the second one is the number inside the first
	level    Level
	owner    owner
	only     conditions
}

// parseReference reads elements, level and owner.
func parseReference(relation Relation, words []string) (reference, error) {
	r := reference{relation: relation}
	var err error
	if i := slices.Index(words, "if"); i >= 0 {
		if r.only, err = parseConditions(words[i+1:]); err != nil {
			return r, err
		}
		words = words[:i]
	}
	for ; len(words) > 0; words = words[1:] {
		q, isRFF := strings.CutPrefix(words[0], "RFF+")
		if !isRFF && q != "DOC" {
			break
		}
		r.elements = append(r.elements, q)
	}
	if len(words) > 0 {
		r.level, words = Level(words[0]), words[1:]
	}
	if len(words) > 0 {
		switch words[0] {
		case "own":
			r.owner, words = own, words[1:]
		case "other":
			r.owner, words = others, words[1:]
		}
	}
	pair := len(r.elements) == 2
	switch {
	case len(words) > 0:
		return r, fmt.Errorf("%q is too much", strings.Join(words, " "))
	case !slices.Contains(levels, r.level):
		return r, fmt.Errorf("%q is no level", r.level)
	case len(r.elements) > 2, pair != (r.level == LevelItem), len(r.elements) == 0 && (relation != "" || r.level != LevelSeries):
		return r, fmt.Errorf("the elements do not fit the level %s", r.level)
	}
	return r, nil
}
