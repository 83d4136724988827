package rules

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/marktbote/marktbote/formats"
)

// Shelf is a set of packs with the code lists of their format versions. Tables are made when first asked for. It is
// not changed after it was made and is safe for concurrent use; its packs and lists are shared and must not be changed.
type Shelf struct {
	infos []Info // by format version and name
	packs map[string]*lazyPack
	lists map[formats.FormatVersion]*lazyLists
}

// File returns the file of the directory that a pack comes from; empty if it is an embedded one.
func (s *Shelf) File(fv formats.FormatVersion, name string) string {
	if l := s.packs[shelfKey(fv, name)]; l != nil && !l.embedded {
		return l.file
	}
	return ""
}

// lazyPack is a pack that is parsed when it is first asked for.
type lazyPack struct {
	file     string // in error messages
	embedded bool
	read     func() ([]byte, error)
	once     sync.Once
	pack     *Pack
	err      error
}

// lazyLists is the same for lists.
type lazyLists struct {
	file  string
	read  func() ([]byte, error)
	once  sync.Once
	lists *Lists
	err   error
}

func newShelf() *Shelf {
	return &Shelf{packs: map[string]*lazyPack{}, lists: map[formats.FormatVersion]*lazyLists{}}
}

func shelfKey(fv formats.FormatVersion, name string) string { return string(fv) + "/" + name }

// put adds a pack, or replaces the one of that format version and name. The list must be sorted afterwards.
func (s *Shelf) put(info Info, l *lazyPack) {
	key := shelfKey(info.FormatVersion, info.Name)
	if _, known := s.packs[key]; known {
		s.infos = slices.DeleteFunc(s.infos, func(i Info) bool { return i.FormatVersion == info.FormatVersion && i.Name == info.Name })
	}
	s.infos = append(s.infos, info)
	s.packs[key] = l
}

func (s *Shelf) sort() {
	slices.SortFunc(s.infos, func(a, b Info) int {
		return strings.Compare(string(a.FormatVersion)+" "+a.Name, string(b.FormatVersion)+" "+b.Name)
	})
}

// List returns the headers of all packs, by format version and name.
func (s *Shelf) List() []Info { return slices.Clone(s.infos) }

// FormatVersions returns the format versions that have packs, oldest first.
func (s *Shelf) FormatVersions() []formats.FormatVersion {
	var list []formats.FormatVersion
	for _, info := range s.infos {
		list = append(list, info.FormatVersion)
	}
	return slices.Compact(list)
}

// Load returns the pack of that name, such as MSCONS or UTILMD_Strom. The error is ErrNotFound if there is none.
func (s *Shelf) Load(fv formats.FormatVersion, name string) (*Pack, error) {
	l, ok := s.packs[shelfKey(fv, name)]
	if !ok {
		return nil, fmt.Errorf("%w for %s %s", ErrNotFound, fv, name)
	}
	l.once.Do(func() {
		var data []byte
		if data, l.err = l.read(); l.err != nil {
			return
		}
		if l.pack, l.err = Parse(l.file, data); l.err == nil {
			l.pack.shelf = s
		}
	})
	return l.pack, l.err
}

// Find returns the pack for a message by UNH 0065 and 0057. A version that several format versions have is taken
// from the one asked for, else from the newest before it, else from the oldest after it. The error is ErrNotFound
// if no format version knows the message type in that version.
//
// Spec: Allgemeine Festlegungen 6.1 2.3 (version numbers; S and G are the Sparten of UTILMD)
func (s *Shelf) Find(messageType, version string, at formats.FormatVersion) (*Pack, error) {
	var best *Info
	for i, info := range s.infos {
		if info.Type != messageType || info.Version != version {
			continue
		}
		if best == nil || info.FormatVersion <= at { // the list is sorted by format version
			best = &s.infos[i]
		}
	}
	if best == nil {
		return nil, fmt.Errorf("%w for %s %s", ErrNotFound, messageType, version)
	}
	return s.Load(best.FormatVersion, best.Name)
}

// Versions returns the versions (UNH 0057) in which a format version has a message type. A format version of which
// the shelf lacks that type goes on with the newest one before it; one that the shelf does not have at all gives the
// versions of all.
func (s *Shelf) Versions(messageType string, fv formats.FormatVersion) []string {
	have, from := false, formats.FormatVersion("")
	for _, info := range s.infos {
		have = have || info.FormatVersion == fv
		if info.Type == messageType && info.FormatVersion <= fv {
			from = info.FormatVersion
		}
	}
	var names []string
	for _, info := range s.infos {
		if info.Type == messageType && (!have || from == "" || info.FormatVersion == from) && !slices.Contains(names, info.Version) {
			names = append(names, info.Version)
		}
	}
	return names
}

// LoadLists returns the lists of a format version. The error is ErrNotFound if there are none: lists of another format
// version would say more than is known.
func (s *Shelf) LoadLists(fv formats.FormatVersion) (*Lists, error) {
	l, ok := s.lists[fv]
	if !ok {
		return nil, fmt.Errorf("%w: no lists for %s", ErrNotFound, fv)
	}
	l.once.Do(func() {
		var data []byte
		if data, l.err = l.read(); l.err != nil {
			return
		}
		if l.lists, l.err = ParseLists(l.file, data); l.err == nil && l.lists.FormatVersion != fv {
			l.lists, l.err = nil, &ParseError{File: l.file, Line: 2, Err: fmt.Errorf("format version is %s", l.lists.FormatVersion)}
		}
	})
	return l.lists, l.err
}

// Lists returns the code lists of the pack's format version, from the shelf that the pack stands on. A pack that was
// parsed by itself uses the embedded ones. The error is ErrNotFound if there are none.
func (p *Pack) Lists() (*Lists, error) {
	if p.shelf == nil {
		return LoadLists(p.FormatVersion)
	}
	return p.shelf.LoadLists(p.FormatVersion)
}
