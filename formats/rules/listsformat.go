package rules

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/marktbote/marktbote/formats"
)

// NOTE: The text format of lists. UTF-8, one record per line, indented by one space below its list, and by two below
// a Pruefidentifikator. Everything is sorted by its bytes: lists by name, codes within their list, and so on. Lines that
// begin with # are comments.
//
//	marktbote-lists 1                   format of this file; header lines follow
//	format-version FV2610
//	hash sha256:HEX                     over the file without this line
//	list obis                           a list; its records come in this order
//	 edition TEXT                       title and version of the document, and where membership comes from
//	 base konfigurationen/kapitel       codes of that list that are not in this one are no members
//	 open 9991#########                 the source may lack values of this form (# a digit, * any characters)
//	 codes 1-{0..65}:1.8.{0..62} ...    the members, in one or more lines; see NOTE in listsset.go for placeholders
//	 unknown 9991000000812 ...          codes that may or may not be members
//	 pid 13020                          a Pruefidentifikator with members of its own; a list has codes or pids
//	  codes AUA
//	ebd E_0210                          an EBD or code list of answers
//	 open *                             its codes may be incomplete
//	 codes A01 A02                      answer codes without a cluster
//	 cluster ablehnung/kopfebene A03    answer codes of a cluster, or of a part of it
//
// A value is judged by the first record that matches it, in the order codes, unknown, base, open; if none does, it is
// no member.

// ListsMagic is the first line of a file of lists.
const ListsMagic = "marktbote-lists 1"

// maxListsBytes bounds a file of lists; the largest today has 0.1 MB.
const maxListsBytes = 4 << 20

// ParseLists reads a file of lists. file is used in error messages only. The error is a *ParseError.
func ParseLists(file string, data []byte) (*Lists, error) {
	if len(data) > maxListsBytes {
		return nil, &ParseError{File: file, Err: fmt.Errorf("larger than %d bytes", maxListsBytes)}
	}
	p := listsParser{lines: parser{file: file, rest: strings.Clone(string(data))}}
	p.lists = &Lists{lists: map[string]*codeList{}, ebds: map[string]*codeList{}}
	if err := p.header(); err != nil {
		return nil, p.lines.fail(err)
	}
	if got := ContentHash(data); got != p.lists.Hash {
		return nil, p.lines.fail(fmt.Errorf("hash is %s, the content has %s", p.lists.Hash, got))
	}
	for p.lines.next() {
		if err := p.record(); err != nil {
			return nil, p.lines.fail(err)
		}
	}
	if err := p.closeList(); err != nil {
		return nil, p.lines.fail(err)
	}
	if err := p.finish(); err != nil {
		return nil, &ParseError{File: file, Err: err}
	}
	return p.lists, nil
}

// listsParser reads lists line by line. lines gives the lines; list is the one being read, name its name.
type listsParser struct {
	lines   parser
	lists   *Lists
	list    *codeList
	name    string
	ebd     bool
	pid     string
	order   int      // of the last record in the list, see listOrder
	codes   []string // of the record being read, over several lines
	members []string // codes of an EBD, with and without a cluster
	cluster string
}

// listOrder is the order of the records in a list.
var listOrder = map[string]int{"edition": 1, "base": 2, "open": 3, "codes": 4, "cluster": 5, "unknown": 6, "pid": 7}

func (p *listsParser) header() error {
	if !p.lines.next() || p.lines.text != ListsMagic || p.lines.depth != 0 {
		return fmt.Errorf("first line is not %q", ListsMagic)
	}
	for _, key := range []string{"format-version", "hash"} {
		value, ok := "", p.lines.next()
		if ok {
			value, ok = strings.CutPrefix(p.lines.text, key+" ")
		}
		if !ok || value == "" || p.lines.depth != 0 {
			return fmt.Errorf("expected header line %q with a value, found %q", key, p.lines.text)
		}
		if key == "format-version" {
			p.lists.FormatVersion = formats.FormatVersion(value)
			continue
		}
		if p.lists.Hash, ok = strings.CutPrefix(value, "sha256:"); !ok || len(p.lists.Hash) != 2*sha256.Size {
			return errors.New("hash is not sha256: and 64 hex digits")
		}
	}
	return nil
}

func (p *listsParser) record() error {
	keyword, rest, _ := strings.Cut(p.lines.text, " ")
	if rest == "" {
		return fmt.Errorf("record %q has no value", keyword)
	}
	switch {
	case p.lines.depth == 0 && (keyword == "list" || keyword == "ebd"):
		return p.openList(keyword == "ebd", rest)
	case p.list == nil:
		return fmt.Errorf("%q outside a list", keyword)
	case p.lines.depth == 1 && listOrder[keyword] > 0:
		return p.listRecord(keyword, rest)
	case p.lines.depth == 2 && keyword == "codes" && p.pid != "":
		return p.addCodes(rest)
	}
	return fmt.Errorf("unknown record %q", keyword)
}

func (p *listsParser) openList(ebd bool, name string) error {
	if err := p.closeList(); err != nil {
		return err
	}
	if err := checkCode(name); err != nil || strings.ContainsAny(name, "{,() ") {
		return fmt.Errorf("%q is no name of a list", name)
	}
	switch {
	case ebd && p.ebd && name <= p.name, !ebd && !p.ebd && name <= p.name:
		return fmt.Errorf("%s does not come after %s", name, p.name)
	case !ebd && p.ebd:
		return fmt.Errorf("list %s behind an ebd", name)
	case !ebd && strings.HasPrefix(name, "ebd/"):
		return fmt.Errorf("%s is a name of an ebd", name)
	}
	p.list, p.ebd, p.order = &codeList{}, ebd, 0
	p.name = name
	if ebd {
		p.list.clusters = map[string]string{}
		p.lists.ebds[name] = p.list
	} else {
		p.lists.lists[name] = p.list
	}
	return nil
}

func (p *listsParser) listRecord(keyword, rest string) error {
	order := listOrder[keyword]
	more := order == p.order && (keyword == "codes" || keyword == "unknown")
	if !more {
		if err := p.flush(); err != nil {
			return err
		}
	}
	repeats := more || keyword == "open" || keyword == "cluster" || keyword == "pid"
	if order < p.order || order == p.order && !repeats {
		return fmt.Errorf("record %q does not belong here", keyword)
	}
	if p.ebd != (keyword == "cluster") && (keyword == "cluster" || keyword != "open" && keyword != "codes") {
		return fmt.Errorf("record %q does not belong here", keyword)
	}
	p.order = order
	switch keyword {
	case "edition":
		p.list.edition = rest
	case "base":
		p.list.baseName = rest
	case "open":
		if n := len(p.list.open); n > 0 && rest <= p.list.open[n-1] || strings.ContainsAny(rest, " {}") {
			return fmt.Errorf("form %q is not in order or no form", rest)
		}
		p.list.open = append(p.list.open, rest)
	case "cluster":
		var codes string
		before := p.cluster
		p.cluster, codes, _ = strings.Cut(rest, " ")
		if p.cluster <= before {
			return fmt.Errorf("cluster %s does not come after %s", p.cluster, before)
		}
		return p.addCodes(codes)
	case "pid":
		if p.list.pids == nil {
			p.list.pids = map[string]*codeSet{}
		}
		if rest <= p.pid {
			return fmt.Errorf("%s does not come after %s", rest, p.pid)
		}
		p.pid = rest
	default:
		return p.addCodes(rest)
	}
	return nil
}

// addCodes adds a line of codes to the record being read.
func (p *listsParser) addCodes(line string) error {
	for code := range strings.SplitSeq(line, " ") {
		if err := checkCode(code); err != nil {
			return err
		}
		if n := len(p.codes); n > 0 && code <= p.codes[n-1] {
			return fmt.Errorf("code %s does not come after %s", code, p.codes[n-1])
		}
		p.codes = append(p.codes, code)
	}
	return nil
}

// flush puts away the codes of the record that ends here.
func (p *listsParser) flush() error {
	codes := p.codes
	p.codes = nil
	switch {
	case p.pid != "":
		if len(codes) == 0 {
			return fmt.Errorf("pid %s has no codes", p.pid)
		}
		set := newCodeSet(codes)
		p.list.pids[p.pid] = &set
	case p.ebd:
		for _, code := range codes {
			if slices.Contains(p.members, code) {
				return fmt.Errorf("code %s occurs twice", code)
			}
			p.members = append(p.members, code)
		}
		if p.order == listOrder["cluster"] {
			for _, code := range codes {
				p.list.clusters[code] = p.cluster
			}
		}
	case p.order == listOrder["codes"]:
		p.list.codes = newCodeSet(codes)
	case p.order == listOrder["unknown"]:
		p.list.unknown = newCodeSet(codes)
	}
	return nil
}

func (p *listsParser) closeList() error {
	if p.list == nil {
		return nil
	}
	if err := p.flush(); err != nil {
		return err
	}
	if p.ebd {
		p.list.codes = newCodeSet(p.members)
	}
	if len(p.list.codes.keys) == 0 && p.list.pids == nil {
		return fmt.Errorf("%s has no codes", p.name)
	}
	if len(p.list.codes.keys) > 0 && p.list.pids != nil {
		return fmt.Errorf("%s has codes and pids", p.name)
	}
	p.members, p.cluster, p.pid, p.list = nil, "", "", nil
	return nil
}

// finish resolves the bases.
func (p *listsParser) finish() error {
	for _, name := range slices.Sorted(maps.Keys(p.lists.lists)) {
		list := p.lists.lists[name]
		if list.baseName == "" {
			continue
		}
		if list.base = p.lists.lists[list.baseName]; list.base == nil || list.base.pids != nil || list.base == list {
			return fmt.Errorf("%s has the base %s, which is no list of codes", name, list.baseName)
		}
	}
	return nil
}
