// Package rules holds the rule packs: per format version and message type one text file with the structure that
// the message description (MIG) prescribes, compiled into flat tables when it is first used.
//
// Vocabulary: a Pack is the rules of one message type in one format version. A Node is a segment or a segment
// group of the structure as the MIG prints it; the same segment printed several times with different qualifiers is
// several Nodes. An Element is a data element or composite of a segment, a Component what stands between component
// separators (a simple data element has one). Statuses are those of the BDEW column: M and R must be present,
// D, O and C may be, N must not.
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
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/marktbote/marktbote/formats"
)

// ErrNotFound says that there is no pack for a message type and version.
var ErrNotFound = errors.New("rules: no pack")

//go:embed packs/*/*.pack
var packFiles embed.FS

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

// shelf is the list of embedded packs with their headers; tables are made when first asked for.
type shelf struct {
	infos []Info
	packs map[string]*lazyPack // by format version and name, joined by a slash
}

type lazyPack struct {
	file string
	once sync.Once
	pack *Pack
	err  error
}

var embedded = sync.OnceValue(func() *shelf {
	s := &shelf{packs: map[string]*lazyPack{}}
	files, err := fs.Glob(packFiles, "packs/*/*.pack")
	if err != nil {
		panic("rules: " + err.Error())
	}
	for _, file := range files {
		data, err := packFiles.ReadFile(file)
		if err != nil {
			panic("rules: embedded file cannot be read: " + err.Error())
		}
		info, err := parseHeader(file, data)
		if err != nil {
			panic("rules: embedded file is broken: " + err.Error())
		}
		s.infos = append(s.infos, info)
		s.packs[string(info.FormatVersion)+"/"+info.Name] = &lazyPack{file: file}
		if want := path.Join("packs", string(info.FormatVersion), info.Name+".pack"); file != want {
			panic("rules: " + file + " should be " + want)
		}
	}
	slices.SortFunc(s.infos, func(a, b Info) int {
		return strings.Compare(string(a.FormatVersion)+" "+a.Name, string(b.FormatVersion)+" "+b.Name)
	})
	return s
})

// List returns the headers of all packs, by format version and name.
func List() []Info { return slices.Clone(embedded().infos) }

// Load returns the pack of that name, such as MSCONS or UTILMD_Strom. The pack is shared and must not be changed;
// it is safe for concurrent use. The error is ErrNotFound if there is none.
func Load(fv formats.FormatVersion, name string) (*Pack, error) {
	l, ok := embedded().packs[string(fv)+"/"+name]
	if !ok {
		return nil, fmt.Errorf("%w for %s %s", ErrNotFound, fv, name)
	}
	l.once.Do(func() {
		var data []byte
		if data, l.err = packFiles.ReadFile(l.file); l.err == nil {
			l.pack, l.err = Parse(l.file, data)
		}
	})
	return l.pack, l.err
}

// Find returns the pack for a message by UNH 0065 and 0057. A version that several format versions have is taken
// from the one asked for, else from the newest before it, else from the oldest after it. The error is ErrNotFound
// if no format version knows the message type in that version.
//
// Spec: Allgemeine Festlegungen 6.1 2.3 (version numbers; S and G are the Sparten of UTILMD)
func Find(messageType, version string, at formats.FormatVersion) (*Pack, error) {
	var best *Info
	for i, info := range embedded().infos {
		if info.Type != messageType || info.Version != version {
			continue
		}
		if best == nil || info.FormatVersion <= at { // the list is sorted by format version
			best = &embedded().infos[i]
		}
	}
	if best == nil {
		return nil, fmt.Errorf("%w for %s %s", ErrNotFound, messageType, version)
	}
	return Load(best.FormatVersion, best.Name)
}
