package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats/condition"
)

// NOTE: The text format of a pack. UTF-8, one record per line, the keyword first; a name is the rest of its line.
// The depth in the structure is the number of leading spaces. Lines that begin with # are comments.
//
//	marktbote-pack 1                        format of this file; header lines follow, then the structure
//	name MSCONS                             also: type, version, directory, format-version, document, date, fidelity
//	hash sha256:HEX                         over the file without this line
//	group SG2 0080 1 C/R 99/1 NAME          counter, level, status standard/BDEW, repetitions standard/BDEW
//	segment NAD 00010 0090 1 M/M 1/1 NAME   number in the document, then as for groups
//	simple 3035 M/M an..3 NAME              data element: status, format standard/BDEW, one value if both are the same
//	composite C082 C/R NAME                 composite
//	part 3055 C/R an..3 NAME                component of a composite
//	codes 293 332 9                         the only values; codes of one list may take several lines
//	codes-open Z08 Z09                      values among others
//
// Behind the structure stands what the Anwendungshandbuch says, at depth 0; a pack without it has the structure only:
//
//	condition 494 must Z41 date(value) <= date(msg:DTM+137@1.2)    see package condition
//	package 4P [92]                         what a package, or one of UB1 to UB3, depends on; nothing if empty
//	name 9013 E03 NAME                      short name of a code of a data element
//	use 55001 2.2 2026-08-06 LF>NB Strom NAME     version and date of the document, directions and Sparten or -
//	 condition 257 if ...                   another meaning of a condition in this use case
//	 g 00082 Muss[2061]                     segment group, by the number of its first segment, and expression
//	 s 00082 Muss                           segment
//	 d 2.1 X[950]                           data element: element and component (1.1 is the first behind the tag)
//	 c 1.1 X Z16 Z22                        codes of a data element that share an expression

// Magic is the first line of a pack.
const Magic = "marktbote-pack 1"

// maxPackBytes bounds a pack file; the largest today has 0.4 MB.
const maxPackBytes = 16 << 20

// ParseError says what is wrong in a pack and where.
type ParseError struct {
	File string
	Line int // from 1; 0 if the file as a whole is meant
	Err  error
}

// Error names file, line and reason.
func (e *ParseError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("rules: %s: %v", e.File, e.Err)
	}
	return fmt.Sprintf("rules: %s:%d: %v", e.File, e.Line, e.Err)
}

// Unwrap returns the reason.
func (e *ParseError) Unwrap() error { return e.Err }

// ContentHash returns the hash of a pack, computed without its hash line.
func ContentHash(data []byte) string {
	h := sha256.New()
	for line := range strings.Lines(string(data)) {
		if !strings.HasPrefix(line, "hash ") {
			h.Write([]byte(line))
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// parseHeader reads the header lines of a pack and nothing else.
func parseHeader(file string, data []byte) (Info, error) {
	p := parser{file: file, rest: string(data)}
	err := p.header()
	return p.pack.Info, err
}

// Parse compiles the text of a pack. file is used in error messages only. The error is a *ParseError.
func Parse(file string, data []byte) (*Pack, error) {
	if len(data) > maxPackBytes {
		return nil, &ParseError{File: file, Err: fmt.Errorf("larger than %d bytes", maxPackBytes)}
	}
	p := parser{file: file, rest: string(data), lists: map[string]Range{}}
	p.pack.Rules, p.pack.Packages, p.pack.codeNames = map[int]*condition.Rule{}, map[string]*Term{}, map[string]string{}
	p.pack.file = file
	if err := p.header(); err != nil {
		return nil, err
	}
	if got := ContentHash(data); got != p.pack.Hash {
		return nil, &ParseError{File: file, Line: p.hashLine, Err: fmt.Errorf("hash is %s, the content has %s", p.pack.Hash, got)}
	}
	p.push(Node{IsGroup: true, Parent: -1, Status: 'M', StdStatus: 'M', Max: 1, StdMax: 1, Name: p.pack.Document})
	for p.next() {
		if err := p.record(); err != nil {
			return nil, p.fail(err)
		}
	}
	if err := p.finish(); err != nil {
		return nil, p.fail(err)
	}
	return &p.pack, nil
}

// parser reads a pack line by line. stack holds the open nodes by depth, the message at 0.
type parser struct {
	file, rest, text string
	line, hashLine   int
	depth            int
	pack             Pack
	stack            []int32
	segment          int32 // node that elements belong to, -1 outside segments
	composite        bool  // the last element is a composite
	lists            map[string]Range
	codes            []string // of the component being read
}

func (p *parser) fail(err error) error { return &ParseError{File: p.file, Line: p.line, Err: err} }

// next reads the next line that is not empty or a comment.
func (p *parser) next() bool {
	for p.rest != "" {
		var line string
		line, p.rest, _ = strings.Cut(p.rest, "\n")
		p.line++
		p.text = strings.TrimLeft(line, " ")
		p.depth = len(line) - len(p.text)
		if p.text != "" && p.text[0] != '#' {
			return true
		}
	}
	return false
}

// header reads up to and including the hash line.
func (p *parser) header() error {
	if !p.next() || p.text != Magic {
		return p.fail(fmt.Errorf("first line is not %q", Magic))
	}
	info := &p.pack.Info
	fields := []struct {
		key string
		to  *string
	}{
		{"name", &info.Name}, {"type", &info.Type}, {"version", &info.Version}, {"directory", &info.Directory},
		{"format-version", (*string)(&info.FormatVersion)}, {"document", &info.Document}, {"date", &info.Date},
		{"fidelity", &info.Fidelity}, {"hash", &info.Hash},
	}
	for _, f := range fields {
		if !p.next() {
			return p.fail(fmt.Errorf("header line %q is missing", f.key))
		}
		key, value, _ := strings.Cut(p.text, " ")
		if key != f.key || value == "" || p.depth != 0 {
			return p.fail(fmt.Errorf("expected header line %q with a value, found %q", f.key, p.text))
		}
		*f.to = strings.Clone(value)
	}
	p.hashLine = p.line
	hash, ok := strings.CutPrefix(info.Hash, "sha256:")
	if info.Hash = hash; !ok || len(hash) != 2*sha256.Size {
		return p.fail(errors.New("hash is not sha256: and 64 hex digits"))
	}
	return nil
}

// record reads one line of the structure.
func (p *parser) record() error {
	keyword, rest, _ := strings.Cut(p.text, " ")
	if keyword != "codes" && keyword != "codes-open" {
		p.flushCodes()
	}
	switch keyword {
	case "group", "segment":
		return p.node(keyword == "group", rest)
	case "simple", "composite", "part":
		return p.element(keyword, rest)
	case "codes", "codes-open":
		return p.codeLine(keyword == "codes-open", rest)
	}
	if p.depth > 0 {
		return fmt.Errorf("unknown record %q", keyword)
	}
	p.segment = -1
	return p.ahbRecord(keyword, rest)
}

// fields cuts the first n words off; what is left is the name.
func fields(s string, n int) (words []string, name string, err error) {
	for range n {
		word, rest, ok := strings.Cut(s, " ")
		if !ok || word == "" {
			return nil, "", fmt.Errorf("expected %d values and a name", n)
		}
		words, s = append(words, word), rest
	}
	if s == "" || s[0] == ' ' {
		return nil, "", errors.New("name is missing")
	}
	return words, s, nil
}

func (p *parser) push(n Node) {
	p.stack = append(p.stack, int32(len(p.pack.Nodes)))
	p.pack.Nodes = append(p.pack.Nodes, n)
}

// pop closes nodes until the stack has that depth.
func (p *parser) pop(depth int) {
	for len(p.stack) > depth {
		top := p.stack[len(p.stack)-1]
		p.pack.Nodes[top].End = int32(len(p.pack.Nodes))
		p.stack = p.stack[:len(p.stack)-1]
	}
}

func (p *parser) node(group bool, rest string) error {
	if p.depth > len(p.stack)-1 {
		return fmt.Errorf("indented by %d, the node above allows %d", p.depth, len(p.stack)-1)
	}
	p.pop(p.depth + 1)
	parent := p.stack[p.depth]
	if !p.pack.Nodes[parent].IsGroup {
		return errors.New("stands below a segment")
	}
	n := Node{IsGroup: group, Parent: parent}
	p.segment = -1
	if !group {
		p.segment = int32(len(p.pack.Nodes))
	}
	values := 6
	if group {
		values = 5
	}
	words, name, err := fields(rest, values)
	if err != nil {
		return err
	}
	n.Name = name
	if group {
		n.Group = words[0]
	} else {
		n.Group, n.Nr, n.Tag = p.pack.Nodes[parent].Group, words[1], edifact.MakeTag(words[0])
		if n.Tag == 0 {
			return fmt.Errorf("%q is no segment tag", words[0])
		}
		words = words[1:]
	}
	if n.Counter, err = number(words[1]); err != nil {
		return err
	}
	if n.Level, err = number(words[2]); err != nil {
		return err
	}
	if n.StdStatus, n.Status, err = statuses(words[3]); err != nil {
		return err
	}
	std, bdew, _ := strings.Cut(words[4], "/")
	if n.StdMax, err = number(std); err != nil {
		return err
	}
	if n.Max, err = number(bdew); err != nil {
		return err
	}
	n.Elements.First = int32(len(p.pack.Elements))
	n.Elements.End = n.Elements.First
	switch n.Tag {
	case edifact.UNA, edifact.UNB, edifact.UNZ:
		if p.depth > 0 {
			return fmt.Errorf("%s inside a group", n.Tag)
		}
		n.Parent = -1
		p.pack.Service = append(p.pack.Service, p.segment)
	}
	p.push(n)
	return nil
}

func number(s string) (int32, error) {
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%q is no number", s)
	}
	return int32(n), nil
}

// statuses reads the form M/R.
func statuses(s string) (std, bdew Status, err error) {
	if len(s) != 3 || s[1] != '/' || !strings.Contains("MC", s[:1]) || !strings.Contains("MRDOCN", s[2:]) {
		return 0, 0, fmt.Errorf("%q is no status", s)
	}
	return Status(s[0]), Status(s[2]), nil
}

func (p *parser) element(keyword, rest string) error {
	want := len(p.stack) - 1
	if keyword == "part" {
		want++
	}
	switch {
	case p.segment < 0:
		return fmt.Errorf("%s outside a segment", keyword)
	case p.depth != want:
		return fmt.Errorf("indented by %d, not %d", p.depth, want)
	case keyword == "part" && !p.composite:
		return errors.New("part outside a composite")
	}
	values := 3
	if keyword == "composite" {
		values = 2
	}
	words, name, err := fields(rest, values)
	if err != nil {
		return err
	}
	std, status, err := statuses(words[1])
	if err != nil {
		return err
	}
	first := int32(len(p.pack.Components))
	if keyword != "part" {
		p.composite = keyword == "composite"
		p.pack.Elements = append(p.pack.Elements, Element{ID: words[0], Name: name, StdStatus: std, Status: status,
			Composite: p.composite, Components: Range{first, first}})
		p.pack.Nodes[p.segment].Elements.End = int32(len(p.pack.Elements))
	}
	if keyword == "composite" {
		return nil
	}
	c := Component{ID: words[0], Name: name, StdStatus: std, Status: status}
	stdFormat, bdewFormat, two := strings.Cut(words[2], "/")
	if c.StdFormat, err = parseFormat(stdFormat); err != nil {
		return err
	}
	c.Format = c.StdFormat
	if two {
		if c.Format, err = parseFormat(bdewFormat); err != nil {
			return err
		}
	}
	p.pack.Components = append(p.pack.Components, c)
	p.pack.Elements[len(p.pack.Elements)-1].Components.End = first + 1
	return nil
}

func (p *parser) codeLine(open bool, rest string) error {
	if p.segment < 0 || len(p.pack.Components) == 0 || p.pack.Nodes[p.segment].Elements.Len() == 0 {
		return errors.New("codes without a data element")
	}
	c := &p.pack.Components[len(p.pack.Components)-1]
	if len(p.codes) > 0 && c.Open != open {
		return errors.New("codes and codes-open for the same data element")
	}
	c.Open = open
	for word := range strings.SplitSeq(rest, " ") {
		if word == "" {
			return errors.New("empty code")
		}
		p.codes = append(p.codes, word)
	}
	return nil
}

// flushCodes makes the list of the last component. Equal lists share their place in the table.
func (p *parser) flushCodes() {
	if len(p.codes) == 0 {
		return
	}
	slices.SortFunc(p.codes, compareCodes)
	p.codes = slices.Compact(p.codes)
	id := strings.Join(p.codes, " ")
	list, known := p.lists[id]
	if !known {
		list.First = int32(len(p.pack.codeKeys))
		for _, code := range p.codes {
			p.pack.codeKeys = append(p.pack.codeKeys, codeKey(code))
			p.pack.codeTexts = append(p.pack.codeTexts, code)
		}
		list.End = int32(len(p.pack.codeKeys))
		p.lists[id] = list
	}
	p.pack.Components[len(p.pack.Components)-1].Codes = list
	p.codes = p.codes[:0]
}

// codeKey is the Key of a code as it is sent, that is in ISO 8859-1.
func codeKey(code string) uint64 {
	latin1, err := edifact.AppendLatin1(nil, code)
	if err != nil {
		return Key([]byte(code))
	}
	return Key(latin1)
}

func compareCodes(a, b string) int {
	ka, kb := codeKey(a), codeKey(b)
	switch {
	case ka < kb:
		return -1
	case ka > kb:
		return 1
	}
	return 0
}

// finish closes what is open and checks what only the whole can show.
func (p *parser) finish() error {
	p.flushCodes()
	p.pop(0)
	for i := range p.pack.Nodes {
		n := &p.pack.Nodes[i]
		switch {
		case !n.IsGroup && n.Elements.Len() == 0:
			return fmt.Errorf("segment %s %s has no elements", n.Tag, n.Nr)
		case n.IsGroup && (i+1 >= len(p.pack.Nodes) || p.pack.Nodes[i+1].IsGroup || n.End == int32(i+1)):
			return fmt.Errorf("group %s %s does not begin with a segment", n.Group, n.Name)
		case n.Max < 1:
			return fmt.Errorf("%s %s %s may not occur at all", n.Group, n.Tag, n.Nr)
		}
		for j := n.Elements.First; j < n.Elements.End; j++ {
			if p.pack.Elements[j].Status.Required() {
				n.Needed = j - n.Elements.First + 1
			}
		}
		if n.IsGroup && i > 0 {
			n.Tag, n.Nr = p.pack.Nodes[i+1].Tag, p.pack.Nodes[i+1].Nr
		}
	}
	for i := range p.pack.Elements {
		if e := &p.pack.Elements[i]; e.Components.Len() == 0 {
			return fmt.Errorf("composite %s %s has no parts", e.ID, e.Name)
		}
	}
	p.pack.buildIndex()
	if err := p.pack.numbers(); err != nil {
		return err
	}
	if root := &p.pack.Nodes[0]; root.Children.Len() == 0 || p.pack.Nodes[p.pack.Children(root)[0]].Tag != edifact.UNH {
		return errors.New("message does not begin with UNH")
	}
	return nil
}
