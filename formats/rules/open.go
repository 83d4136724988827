package rules

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/marktbote/marktbote/formats"
)

// Bounds of a directory of packs. One format version has 18 packs and 1.6 MB.
const (
	maxShelfFiles = 2000
	maxShelfBytes = 512 << 20
	maxShelfDepth = 3
	maxShelfFault = 20 // errors reported
)

// formatVersionForm is the form of the name of a format version: year and month. By it they have an order.
var formatVersionForm = regexp.MustCompile(`^FV[0-9]{2}(0[1-9]|1[0-2])$`)

// Open returns the embedded packs with those of a directory laid over them: a pack or file of lists replaces the
// embedded one of the same format version and name, others are added. The directory has
//
//	FV2704/MSCONS.pack    also below packs/
//	FV2704.lists          also below lists/
//
// and whatever else that is neither called .pack nor .lists; hidden folders are passed over. All files are read and checked at once: what they are,
// where they stand, their hash, their structure and all their use cases. Open fails if one of them is wrong; the error
// names every file with line, reason and remedy.
func Open(fsys fs.FS) (*Shelf, error) {
	s := embedded().clone()
	o := opening{fsys: fsys, shelf: s, seen: map[string]string{}}
	if err := fs.WalkDir(fsys, ".", o.visit); err != nil {
		return nil, fmt.Errorf("rules: %w", err)
	}
	if o.files == 0 {
		return nil, errors.New("rules: there are no packs; expected files such as FV2704/MSCONS.pack or packs/FV2704/MSCONS.pack")
	}
	s.sort()
	o.ambiguous()
	if len(o.errs) > 0 {
		return nil, errors.Join(o.errs...)
	}
	return s, nil
}

// clone returns a shelf that can be changed. Packs and lists that were made remain with the old one, because they know
// their shelf.
func (s *Shelf) clone() *Shelf {
	c := newShelf()
	c.infos = slices.Clone(s.infos)
	for key, l := range s.packs {
		c.packs[key] = &lazyPack{file: l.file, embedded: l.embedded, read: l.read}
	}
	for fv, l := range s.lists {
		c.lists[fv] = &lazyLists{file: l.file, read: l.read}
	}
	return c
}

// opening is a directory being read.
type opening struct {
	fsys  fs.FS
	shelf *Shelf
	seen  map[string]string // what a file is for -> the file
	files int
	bytes int
	errs  []error
}

// Remedies. A pack is never repaired by hand: its hash would not fit any more.
const (
	remedyMake = `make it again with "marktbote rules compile", or take it out of the directory`
	remedyMove = "move it there, or take it out of the directory"
)

// fault notes what is wrong with a file and what to do. Of many the first ones are enough.
func (o *opening) fault(file string, err error, remedy string) error {
	if pe, ok := errors.AsType[*ParseError](err); ok {
		err = fmt.Errorf("%w; %s", pe, remedy)
	} else {
		err = fmt.Errorf("%w; %s", &ParseError{File: file, Err: err}, remedy)
	}
	if o.errs = append(o.errs, err); len(o.errs) == maxShelfFault {
		o.errs = append(o.errs, errors.New("rules: further files were not looked at"))
		return fs.SkipAll
	}
	return nil
}

// visit takes one entry of the directory.
func (o *opening) visit(file string, d fs.DirEntry, err error) error {
	switch {
	case err != nil:
		return err
	case d.IsDir():
		if file != "." && (strings.Count(file, "/") >= maxShelfDepth || d.Name()[0] == '.') {
			return fs.SkipDir
		}
		return nil
	}
	ext := path.Ext(file)
	if ext != ".pack" && ext != ".lists" {
		return nil
	}
	if o.files++; o.files > maxShelfFiles {
		return fmt.Errorf("more than %d packs and lists in the directory", maxShelfFiles)
	}
	data, err := o.read(file)
	if err != nil {
		return o.fault(file, err, "see that it can be read and is a pack or list of rules")
	}
	if ext == ".lists" {
		return o.takeLists(file, data)
	}
	return o.takePack(file, data)
}

// read reads a file; a pack is the larger kind.
func (o *opening) read(file string) ([]byte, error) {
	f, err := o.fsys.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxPackBytes+1))
	switch {
	case err != nil:
		return nil, err
	case len(data) > maxPackBytes:
		return nil, fmt.Errorf("larger than %d bytes", maxPackBytes)
	}
	if o.bytes += len(data); o.bytes > maxShelfBytes {
		return nil, fmt.Errorf("the files of the directory are larger than %d bytes together", maxShelfBytes)
	}
	return data, nil
}

// takePack checks a pack and puts it on the shelf. The tables made here are thrown away: of many packs few are used.
func (o *opening) takePack(file string, data []byte) error {
	p, err := Parse(file, data)
	if err == nil {
		if err = p.Verify(); err == nil {
			err = checkFormatVersion(file, p.FormatVersion)
		}
	}
	if err != nil {
		return o.fault(file, err, remedyMake)
	}
	if err := placed(file, "packs", p.FormatVersion, p.Name+".pack"); err != nil {
		return o.fault(file, err, remedyMove)
	}
	if other := o.seen[shelfKey(p.FormatVersion, p.Name)]; other != "" {
		return o.fault(file, fmt.Errorf("%s is the same pack", other), "remove one of them")
	}
	o.seen[shelfKey(p.FormatVersion, p.Name)] = file
	o.shelf.put(p.Info, &lazyPack{file: file, read: func() ([]byte, error) { return data, nil }})
	return nil
}

func (o *opening) takeLists(file string, data []byte) error {
	l, err := ParseLists(file, data)
	if err == nil {
		err = checkFormatVersion(file, l.FormatVersion)
	}
	if err != nil {
		return o.fault(file, err, remedyMake)
	}
	if err := placed(file, "lists", l.FormatVersion, ".lists"); err != nil {
		return o.fault(file, err, remedyMove)
	}
	if other := o.seen[string(l.FormatVersion)]; other != "" {
		return o.fault(file, fmt.Errorf("%s has the lists of %s, too", other, l.FormatVersion), "remove one of them")
	}
	o.seen[string(l.FormatVersion)] = file
	o.shelf.lists[l.FormatVersion] = &lazyLists{file: file, read: func() ([]byte, error) { return data, nil }}
	return nil
}

// checkFormatVersion checks the name of a format version.
func checkFormatVersion(file string, fv formats.FormatVersion) error {
	if !formatVersionForm.MatchString(string(fv)) {
		return &ParseError{File: file, Err: fmt.Errorf("%q is no format version: they are called FV, year and month, such as FV2704", fv)}
	}
	return nil
}

// placed checks that a file stands where its header says: at the root or below a folder.
func placed(file, folder string, fv formats.FormatVersion, name string) error {
	want := string(fv) + name
	if folder == "packs" {
		want = path.Join(string(fv), name)
	}
	if file != want && file != path.Join(folder, want) {
		return &ParseError{File: file, Err: fmt.Errorf("by its header it is %s or %s", want, path.Join(folder, want))}
	}
	return nil
}

// ambiguous reports two packs of a format version for the same messages: which one counts could not be told.
func (o *opening) ambiguous() {
	type message struct {
		fv                   formats.FormatVersion
		messageType, version string
	}
	names := map[message]string{}
	for _, info := range o.shelf.infos {
		key := message{info.FormatVersion, info.Type, info.Version}
		if other := names[key]; other != "" {
			file := o.shelf.packs[shelfKey(info.FormatVersion, info.Name)].file
			_ = o.fault(file, fmt.Errorf("packs %s and %s of %s are both for %s %s", other, info.Name, info.FormatVersion, info.Type, info.Version),
				"keep one of them; a pack replaces the embedded one of the same name")
		}
		names[key] = info.Name
	}
}
