package compile

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
)

// A correction changes one thing of a source document that contradicts the application handbook (AHB) of the same
// format version: where the MIG data demands what the AHB leaves out, or lacks what the AHB prints, a correct message
// would be rejected. Each has a reason and must fit the source; one that does not is an error, so that it cannot
// outlive its cause.
type correction struct {
	FV      string   `json:"fv"`
	Type    string   `json:"type"`
	Reason  string   `json:"reason"`
	Nr      string   `json:"nr"`      // segment meant, or the first segment of the group meant
	Group   bool     `json:"group"`   // the group is meant
	Element string   `json:"element"` // element or component of the segment meant, wherever it occurs in it
	Status  string   `json:"status"`  // new BDEW status
	Max     int      `json:"max"`     // new BDEW number of repetitions
	Add     []string `json:"add"`     // codes that the element lacks
	Drop    []string `json:"drop"`    // codes that do not belong to the element
	Insert  *node    `json:"insert"`  // node that the group lacks
}

//go:embed corrections.json
var correctionsJSON []byte

// correct applies the corrections for this document.
func (s *source) correct() error {
	var list []correction
	if err := json.Unmarshal(correctionsJSON, &list); err != nil {
		return fmt.Errorf("corrections.json: %w", err)
	}
	for _, c := range list {
		if c.FV != s.FV || c.Type != s.Type {
			continue
		}
		n := find(s.Tree, c.Nr, c.Group)
		if n == nil || !c.apply(n) {
			return fmt.Errorf("correction does not fit: %s %s (%s)", c.Nr, c.Element, c.Reason)
		}
	}
	return nil
}

// find returns the segment with a number, or the group that begins with it.
func find(list []node, nr string, group bool) *node {
	for i := range list {
		n := &list[i]
		switch {
		case n.Kind == "S" && !group && n.Nr == nr:
			return n
		case n.Kind == "G" && group && len(n.Children) > 0 && n.Children[0].Nr == nr:
			return n
		}
		if found := find(n.Children, nr, group); found != nil {
			return found
		}
	}
	return nil
}

// apply reports whether the correction changed anything.
func (c *correction) apply(n *node) bool {
	switch {
	case c.Insert != nil:
		n.Children = append(n.Children, *c.Insert)
		return c.Group
	case c.Element != "":
		return c.applyTo(n.Elements)
	case c.Max > 0 && n.Max[1] != c.Max:
		n.Max[1] = c.Max
		return true
	case c.Status != "" && n.Status[1] != c.Status:
		n.Status[1] = c.Status
		return true
	}
	return false
}

func (c *correction) applyTo(list []element) (done bool) {
	for i := range list {
		e := &list[i]
		if e.ID != c.Element {
			done = c.applyTo(e.Parts) || done
			continue
		}
		if c.Status != "" && e.Status[1] != c.Status {
			e.Status[1], done = c.Status, true
		}
		before := len(e.Codes)
		e.Codes = slices.DeleteFunc(e.Codes, func(code [2]string) bool { return slices.Contains(c.Drop, code[0]) })
		done = done || len(e.Codes) < before
		for _, code := range c.Add {
			e.Codes, done = append(e.Codes, [2]string{code, ""}), true
		}
	}
	return done
}
