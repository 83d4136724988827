package check

import (
	"io"
	"sync"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/ahb"
	"github.com/marktbote/marktbote/formats/mig"
	"github.com/marktbote/marktbote/formats/rules"
)

// tools are what the check of a file works with. Their buffers grow to the largest message and are used again for the
// next file; nothing in a Result points into them.
type tools struct {
	reader    edifact.Reader
	msg       edifact.Message
	structure mig.Checker
	ahb       ahb.Checker

	// What has been looked up, because most files are of the same types as those before.
	edition      edition
	versions     map[string][]string // of the edition, by UNH 0065
	lastQuestion packQuestion
	lastPack     *rules.Pack
}

// edition is what rules are looked up in: those of a shelf, at the time of a format version.
type edition struct {
	shelf   *rules.Shelf
	inForce formats.FormatVersion
}

// packQuestion is what a rule pack depends on.
type packQuestion struct {
	edition
	messageType, version string // UNH 0065 and 0057
}

var toolbox = sync.Pool{New: func() any { return new(tools) }}

// maxKeptMessage is the size of a message up to which tools are kept; a load profile of a whole year has 3 MB.
const maxKeptMessage = 4 << 20

// takeTools returns tools that read src with the given options. They must be given back unless the check panics.
func takeTools(src io.Reader, opts Options) *tools {
	t := toolbox.Get().(*tools)
	t.reader.Reset(src, opts.Read)
	t.structure.Lang = opts.Lang
	t.ahb.Lang, t.ahb.Facts = opts.Lang, opts.Facts
	return t
}

// giveBack keeps the tools for another file, without what belongs to this one.
func (t *tools) giveBack() {
	if t.msg.Size() > maxKeptMessage {
		return
	}
	t.reader.Reset(nil, edifact.Options{})
	t.ahb.Facts = nil
	toolbox.Put(t)
}
