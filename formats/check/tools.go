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

	lastQuestion packQuestion // the pack found last; most messages are of the same type as the one before
	lastPack     *rules.Pack
}

// packQuestion is what a rule pack depends on.
type packQuestion struct {
	shelf                *rules.Shelf
	inForce              formats.FormatVersion
	messageType, version string
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
