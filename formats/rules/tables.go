package rules

import (
	"fmt"
	"strconv"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats/condition"
)

// Pack is the compiled form of one rule pack. All tables are flat and refer to each other by index, so that a check
// walks through a few cache lines; nothing may be changed after loading.
//
// Nodes[0] is the message itself, a group without a tag. The nodes below a node follow it directly, up to its End.
type Pack struct {
	Info
	Nodes      []Node
	Elements   []Element
	Components []Component
	Service    []int32 // nodes of UNA, UNB and UNZ, where the document prints them; not below Nodes[0]

	children   []int32
	required   []int32
	codeKeys   []uint64 // sorted per list
	codeTexts  []string // parallel to codeKeys
	dispatches []Dispatch
	dispTags   []edifact.Tag // parallel to dispatches
	dispKeys   []uint64      // sorted per Dispatch
	dispNodes  []int32       // parallel to dispKeys
	wild       []int32
	tests      []Test

	// Of the Anwendungshandbuch; empty in a pack that has the structure only.
	Rules    map[int]*condition.Rule // conditions by number
	Packages map[string]*Term        // 4P, UB1: what they depend on, nil if on nothing

	useCases  []*useCase // by Pruefidentifikator
	codeNames map[string]string
	byNr      map[string]int32
	file      string // for error messages
	shelf     *Shelf // nil if the pack was parsed by itself
}

// Status says whether something must, may or must not be present: the letters M, R, D, O, C and N.
type Status byte

// Required reports whether the status is M or R.
func (s Status) Required() bool { return s == 'M' || s == 'R' }

// Range is a part of a table: from First up to, not including, End.
type Range struct{ First, End int32 }

// Len returns the number of entries.
func (r Range) Len() int { return int(r.End - r.First) }

// Node is a segment or a segment group.
type Node struct {
	Name      string      // German name
	Group     string      // SG4 for a group; for a segment the group it stands in, empty at message level
	Nr        string      // number in the document; for a group that of its first segment
	Tag       edifact.Tag // of the segment; for a group that of its first segment, the trigger
	IsGroup   bool
	StdStatus Status
	Status    Status // BDEW
	Counter   int32  // place in the standard message; nodes with the same counter may come in any order
	Level     int32
	StdMax    int32
	Max       int32 // BDEW
	Parent    int32 // -1 for the message and for service segments
	Index     int32 // place among the children of Parent
	End       int32 // first node that is not below this one
	Elements  Range // of a segment
	Children  Range // of a group, see Pack.Children
	Required  Range // of a group, see Pack.Required
	Dispatch  Range // of a group, see Pack.Dispatch
	Tests     Range // what tells the node from its siblings, see Pack.Tests
	Plain     bool  // the key of the Dispatch is all that tells the node from its siblings
	Needed    int32 // elements of a segment up to the last one that must be present
}

// Element is a simple data element or a composite.
type Element struct {
	ID         string // 2005, C507
	Name       string
	StdStatus  Status
	Status     Status // BDEW
	Composite  bool
	Components Range
}

// Component is a data element: a component of a composite, or the only one of a simple data element.
type Component struct {
	ID        string
	Name      string
	StdStatus Status
	Status    Status // BDEW
	StdFormat Format
	Format    Format // BDEW
	Open      bool   // the codes are not the only values
	Codes     Range  // empty if any value is possible
}

// Format is kind and length of a data element, such as an..35.
type Format struct {
	Kind     byte // a letters, n numbers, x both
	Min, Max int32
}

// String returns the format as documents write it.
func (f Format) String() string {
	kind, dots := string(f.Kind), ""
	if f.Kind == 'x' {
		kind = "an"
	}
	if f.Min != f.Max {
		dots = ".."
	}
	return kind + dots + strconv.Itoa(int(f.Max))
}

// parseFormat reads a form like an..35 or n5.
func parseFormat(s string) (Format, error) {
	var f Format
	rest := s
	switch {
	case len(rest) > 2 && rest[:2] == "an":
		f.Kind, rest = 'x', rest[2:]
	case len(rest) > 1 && (rest[0] == 'a' || rest[0] == 'n'):
		f.Kind, rest = rest[0], rest[1:]
	default:
		return f, fmt.Errorf("%q is no format", s)
	}
	upTo := len(rest) > 2 && rest[:2] == ".."
	if upTo {
		rest = rest[2:]
	}
	n, err := strconv.Atoi(rest)
	if err != nil || n < 1 || n > 99999 {
		return f, fmt.Errorf("%q is no format", s)
	}
	f.Min, f.Max = int32(n), int32(n)
	if upTo {
		f.Min = 1
	}
	return f, nil
}

// Key packs a value so that codes can be compared as numbers: up to eight octets as they are, longer ones as a hash
// with the top bit set. The key of an empty value is 0.
func Key(value []byte) uint64 {
	if len(value) > 8 {
		h := uint64(14695981039346656037)
		for _, c := range value {
			h = (h ^ uint64(c)) * 1099511628211
		}
		return h | 1<<63
	}
	var k uint64
	for _, c := range value {
		k = k<<8 | uint64(c)
	}
	return k
}

// RawKey is Key for a component as sent, if it is short and has no spaces and release characters, as nearly all codes;
// ok is false for others.
func RawKey(raw []byte, release byte) (key uint64, ok bool) {
	if len(raw) > 8 {
		return 0, false
	}
	for _, b := range raw {
		if b == release || b == ' ' {
			return 0, false
		}
		key = key<<8 | uint64(b)
	}
	return key, true
}

// HasCode reports whether value, with that Key, is in a list of codes.
func (p *Pack) HasCode(codes Range, key uint64, value []byte) bool {
	list := p.codeKeys[codes.First:codes.End]
	if len(list) <= 8 {
		for i, k := range list {
			if k == key {
				return len(value) <= 8 || p.codeTexts[int(codes.First)+i] == string(value)
			}
		}
		return false
	}
	lo, hi := 0, len(list)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if list[mid] < key {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo < len(list) && list[lo] == key && (len(value) <= 8 || p.codeTexts[int(codes.First)+lo] == string(value))
}

// Codes returns the codes of a list, in the order of their keys. The slice must not be changed.
func (p *Pack) Codes(codes Range) []string { return p.codeTexts[codes.First:codes.End] }

// Children returns the nodes directly below a group, in the order of the document.
func (p *Pack) Children(n *Node) []int32 { return p.children[n.Children.First:n.Children.End] }

// Required returns the children that must be present in every instance of the group, by counter.
func (p *Pack) Required(n *Node) []int32 { return p.required[n.Required.First:n.Required.End] }

// Tests returns what tells the node from its siblings with the same tag. The first one is on the qualifier.
func (p *Pack) Tests(n *Node) []Test { return p.tests[n.Tests.First:n.Tests.End] }

// ServiceSegment returns the node of UNA, UNB or UNZ if the document prints it.
func (p *Pack) ServiceSegment(tag edifact.Tag) (*Node, bool) {
	for _, i := range p.Service {
		if p.Nodes[i].Tag == tag {
			return &p.Nodes[i], true
		}
	}
	return nil, false
}

// GroupPath returns the groups that a node stands in, from the message down, such as SG4/SG8; for a group with the
// group itself.
func (p *Pack) GroupPath(node int32) string {
	n := &p.Nodes[node]
	if !n.IsGroup {
		if n.Parent <= 0 {
			return ""
		}
		return p.GroupPath(n.Parent)
	}
	if n.Parent <= 0 {
		return n.Group
	}
	return p.GroupPath(n.Parent) + "/" + n.Group
}
