// Package compile turns the data of a message description and its application handbook into the text of a rule pack.
//
// The source is one JSON document per message type: an object with fv, type, version, stand (day.month.year),
// fidelity and tree. tree is the ordered list of nodes: k ("S" segment, "G" group), tag, name, nr, ctr, lvl,
// st ([standard, BDEW]), max ([standard, BDEW]), for segments el, for groups ch. An element has id, pos (from 0),
// name, st, for composites el, for data elements fmt ([standard, BDEW]), codes (pairs of code and description) and
// open. Other keys are ignored; descriptions of codes, remarks and examples are never taken over.
//
// The same source gives the same bytes. Package rules describes the result.
package compile

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/marktbote/marktbote/formats/rules"
)

// maxSourceBytes bounds what Compile reads.
const maxSourceBytes = 64 << 20

// maxDepth bounds how deep groups may be nested; the deepest document has five levels.
const maxDepth = 20

type source struct {
	FV       string `json:"fv"`
	Type     string `json:"type"`
	Version  string `json:"version"`
	Stand    string `json:"stand"`
	Fidelity string `json:"fidelity"`
	Tree     []node `json:"tree"`
}

type node struct {
	Kind     string    `json:"k"`
	Tag      string    `json:"tag"`
	Name     string    `json:"name"`
	Nr       string    `json:"nr"`
	Counter  string    `json:"ctr"`
	Level    int       `json:"lvl"`
	Status   [2]string `json:"st"`
	Max      [2]int    `json:"max"`
	Elements []element `json:"el"`
	Children []node    `json:"ch"`
}

type element struct {
	ID     string      `json:"id"`
	Pos    int         `json:"pos"`
	Name   string      `json:"name"`
	Status [2]string   `json:"st"`
	Format [2]string   `json:"fmt"`
	Codes  [][2]string `json:"codes"`
	Open   bool        `json:"open"`
	Parts  []element   `json:"el"`
}

// Compile reads a source document and, if h is not nil, what the Anwendungshandbuch adds, and returns the text of the
// pack. The result has been loaded once, so that a pack that Compile returns is one that package rules accepts.
func Compile(src io.Reader, h *Handbook) ([]byte, *Report, error) {
	data, err := io.ReadAll(io.LimitReader(src, maxSourceBytes+1))
	if err != nil {
		return nil, nil, fmt.Errorf("compile: read source: %w", err)
	}
	if len(data) > maxSourceBytes {
		return nil, nil, fmt.Errorf("compile: source is larger than %d bytes", maxSourceBytes)
	}
	var s source
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, nil, fmt.Errorf("compile: source: %w", err)
	}
	text, report, err := s.compile(h)
	if err != nil {
		return nil, nil, fmt.Errorf("compile: %s %s: %w", s.FV, s.Type, err)
	}
	return text, report, nil
}

func (s *source) compile(h *Handbook) ([]byte, *Report, error) {
	if err := s.correct(); err != nil {
		return nil, nil, err
	}
	w := writer{}
	if err := w.pack(s); err != nil {
		return nil, nil, err
	}
	report := &Report{}
	structure, err := rules.Parse("structure", sealed(w.buf.Bytes()))
	if err != nil {
		return nil, nil, err
	}
	if h != nil {
		if report, err = w.handbook(s.Type, structure, h); err != nil {
			return nil, nil, err
		}
	}
	text := sealed(w.buf.Bytes())
	p, err := rules.Parse("result", text)
	if err != nil {
		return nil, nil, err
	}
	return text, report, p.Verify()
}

// sealed returns a pack with its hash filled in.
func sealed(text []byte) []byte {
	hash := "hash sha256:" + rules.ContentHash(text) + "\n"
	return bytes.Replace(text, []byte("hash -\n"), []byte(hash), 1)
}

type writer struct{ buf bytes.Buffer }

func (w *writer) line(depth int, format string, args ...any) {
	for range depth {
		w.buf.WriteByte(' ')
	}
	fmt.Fprintf(&w.buf, format+"\n", args...)
}

func (w *writer) pack(s *source) error {
	stand, err := time.Parse("02.01.2006", s.Stand)
	if err != nil {
		return fmt.Errorf("stand %q is no date", s.Stand)
	}
	messageType, sparte, _ := strings.Cut(s.Type, "_")
	directory, err := s.directory(messageType)
	if err != nil {
		return err
	}
	document := messageType + " MIG " + s.Version
	if sparte != "" {
		document = messageType + " MIG " + sparte + " " + s.Version
	}
	w.line(0, "%s", rules.Magic)
	for _, f := range [][2]string{{"name", s.Type}, {"type", messageType}, {"version", s.Version}, {"directory", directory},
		{"format-version", s.FV}, {"document", document}, {"date", stand.Format(time.DateOnly)}, {"fidelity", s.Fidelity}} {
		if value := oneLine(f[1]); value == "" || value != f[1] {
			return fmt.Errorf("%s is empty or has spaces at the ends", f[0])
		}
		w.line(0, "%s %s", f[0], f[1])
	}
	w.line(0, "hash -")
	return w.nodes(s.Tree, 0)
}

// directory reads UNH 0052, 0054 and 0051 and checks that UNH names this type and version.
func (s *source) directory(messageType string) (string, error) {
	i := slices.IndexFunc(s.Tree, func(n node) bool { return n.Tag == "UNH" })
	if i < 0 {
		return "", fmt.Errorf("tree has no UNH")
	}
	codes := map[string]string{}
	for _, e := range s.Tree[i].Elements {
		for _, part := range e.Parts {
			if len(part.Codes) == 1 {
				codes[part.ID] = part.Codes[0][0]
			}
		}
	}
	if codes["0065"] != messageType || codes["0057"] != s.Version {
		return "", fmt.Errorf("UNH names %s %s, the document %s %s", codes["0065"], codes["0057"], messageType, s.Version)
	}
	return codes["0052"] + ":" + codes["0054"] + ":" + codes["0051"], nil
}

func (w *writer) nodes(list []node, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("groups are nested deeper than %d", maxDepth)
	}
	// A message takes its segments by counter; a node out of order would never be found in time.
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b node) int { return cmp.Compare(a.Counter, b.Counter) })
	for i := range list {
		n := &list[i]
		if err := w.node(n, depth); err != nil {
			return fmt.Errorf("%s %s: %w", n.Tag, n.Nr, err)
		}
	}
	return nil
}

func (w *writer) node(n *node, depth int) error {
	status, times := n.Status[0]+"/"+n.Status[1], fmt.Sprintf("%d/%d", n.Max[0], n.Max[1])
	switch n.Kind {
	case "G":
		name := oneLine(n.Name)
		if len(n.Children) > 0 && isTagList(name) {
			name = oneLine(n.Children[0].Name)
		}
		w.line(depth, "group %s %s %d %s %s %s", n.Tag, n.Counter, n.Level, status, times, name)
		return w.nodes(n.Children, depth+1)
	case "S":
		w.line(depth, "segment %s %s %s %d %s %s %s", n.Tag, n.Nr, n.Counter, n.Level, status, times, oneLine(n.Name))
		return w.elements(n.Elements, depth+1, false)
	}
	return fmt.Errorf("kind %q is neither G nor S", n.Kind)
}

func (w *writer) elements(list []element, depth int, parts bool) error {
	for i := range list {
		e := &list[i]
		if e.Pos != i {
			return fmt.Errorf("element %s has pos %d, expected %d", e.ID, e.Pos, i)
		}
		status := e.Status[0] + "/" + e.Status[1]
		if len(e.Parts) > 0 {
			if parts {
				return fmt.Errorf("composite %s inside a composite", e.ID)
			}
			w.line(depth, "composite %s %s %s", e.ID, status, oneLine(e.Name))
			if err := w.elements(e.Parts, depth+1, true); err != nil {
				return err
			}
			continue
		}
		keyword, format := "simple", e.Format[0]
		if parts {
			keyword = "part"
		}
		if e.Format[1] != e.Format[0] {
			format += "/" + e.Format[1]
		}
		w.line(depth, "%s %s %s %s %s", keyword, e.ID, status, format, oneLine(e.Name))
		if err := w.codes(e, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// codes writes a list in lines of codes that differ in the last character only, so that a new code changes one
// short line.
func (w *writer) codes(e *element, depth int) error {
	var codes []string
	for _, c := range e.Codes {
		if c[0] == "" || strings.ContainsAny(c[0], " \n\r\t") {
			return fmt.Errorf("element %s has the code %q", e.ID, c[0])
		}
		codes = append(codes, c[0])
	}
	slices.Sort(codes)
	codes = slices.Compact(codes)
	keyword := "codes"
	if e.Open {
		keyword = "codes-open"
	}
	const short = 12
	for start := 0; start < len(codes); {
		end := start + 1
		for end < len(codes) && (len(codes) <= short || stem(codes[end]) == stem(codes[start])) {
			end++
		}
		w.line(depth, "%s %s", keyword, strings.Join(codes[start:end], " "))
		start = end
	}
	return nil
}

func stem(code string) string { return code[:len(code)-1] }

// oneLine makes any white space one space.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// isTagList recognizes group names that list the segments of the standard group and say nothing.
func isTagList(name string) bool {
	tags := strings.Split(name, "-")
	if len(tags) < 4 {
		return false
	}
	return !slices.ContainsFunc(tags, func(t string) bool {
		return len(t) < 3 || len(t) > 4 || strings.ToUpper(t) != t || strings.ContainsAny(t, " /")
	})
}
