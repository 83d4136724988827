// Package rules holds the rule packs: per format version and message type one text file with the structure that
// the message description (MIG) prescribes, compiled into flat tables when it is first used.
//
// Vocabulary: a Pack is the rules of one message type in one format version. A Shelf is a set of packs: the embedded
// ones, or those with packs of a directory laid over them. A Node is a segment or a segment group of the structure as
// the MIG prints it; the same segment printed several times with different qualifiers is several Nodes. An Element is
// a data element or composite of a segment, a Component what stands between component separators (a simple data
// element has one). Statuses are those of the BDEW column: M and R must be present, D, O and C may be, N must not.
//
//	p, err := rules.Find("MSCONS", "2.5", "FV2610")
//	for i, n := range p.Nodes { fmt.Println(i, n.Group, n.Tag, n.Nr, n.Name) }
//
// The text format is documented in format.go. Packs are made by package compile and never edited by hand.
//
// Spec: EDI@Energy MIGs per message type and version (header line "document" of every pack)
// Spec: Allgemeine Festlegungen 6.1 ch. 6 (status and repetition)
package rules

import (
	"embed"
	"errors"
	"io/fs"
	"path"
	"strings"
	"sync"

	"github.com/marktbote/marktbote/formats"
)

// ErrNotFound says that there is no pack for a message type and version.
var ErrNotFound = errors.New("rules: no pack")

//go:embed packs/*/*.pack lists/*.lists
var embeddedFiles embed.FS

// Info is the header of a pack.
type Info struct {
	FormatVersion formats.FormatVersion
	Name          string // file name without suffix: the message type, for UTILMD with the Sparte
	Type          string // UNH 0065
	Version       string // UNH 0057
	Directory     string // UNH 0052, 0054 and 0051, joined by colons
	Document      string // document the rules come from
	Date          string // of the document, CCYY-MM-DD
	Fidelity      string // xml: from the structured MIG; pdf-text: from its text; derived: from the version before and the known changes
	Hash          string // sha256 over the file without the hash line, in hex
}

var embedded = sync.OnceValue(func() *Shelf {
	s := newShelf()
	for _, pattern := range []string{"packs/*/*.pack", "lists/*.lists"} {
		files, err := fs.Glob(embeddedFiles, pattern)
		if err != nil {
			panic("rules: " + err.Error())
		}
		for _, file := range files {
			read := func() ([]byte, error) { return embeddedFiles.ReadFile(file) }
			if fv, ok := strings.CutSuffix(path.Base(file), ".lists"); ok {
				s.lists[formats.FormatVersion(fv)] = &lazyLists{file: file, read: read}
				continue
			}
			data, err := read()
			if err != nil {
				panic("rules: embedded file cannot be read: " + err.Error())
			}
			info, err := parseHeader(file, data)
			if err != nil {
				panic("rules: embedded file is broken: " + err.Error())
			}
			if want := path.Join("packs", string(info.FormatVersion), info.Name+".pack"); file != want {
				panic("rules: " + file + " should be " + want)
			}
			s.put(info, &lazyPack{file: file, embedded: true, read: read})
		}
	}
	s.sort()
	return s
})

// Embedded returns the shelf with the packs in the binary.
func Embedded() *Shelf { return embedded() }

// List is Shelf.List of the embedded packs.
func List() []Info { return embedded().List() }

// Load is Shelf.Load of the embedded packs.
func Load(fv formats.FormatVersion, name string) (*Pack, error) { return embedded().Load(fv, name) }

// Find is Shelf.Find of the embedded packs.
func Find(messageType, version string, at formats.FormatVersion) (*Pack, error) {
	return embedded().Find(messageType, version, at)
}

// LoadLists is Shelf.LoadLists of the embedded lists.
func LoadLists(fv formats.FormatVersion) (*Lists, error) { return embedded().LoadLists(fv) }
