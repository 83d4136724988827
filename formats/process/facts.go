package process

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/ident"
)

// Facts are what a deadline can depend on beside the receipt. What is not known stays empty; a deadline that depends on
// it is then not certain.
type Facts struct {
	Sparte   formats.Sparte // of the receiver
	Code     string         // BGM 1001
	Role     string         // of the receiver, such as NB
	Metering string         // kME, mME, RLM or iMS
	Dates    []Date         // of the message; for a message about an invoice also those of the invoice
	Receipts []Receipt      // of other messages of the same process
	Cases    map[string]bool
}

// Date is a DTM of a message.
type Date struct {
	Qualifier string // DE 2005, such as 92
	At        time.Time
}

// Receipt is when another message was received.
type Receipt struct {
	Pruefidentifikator ident.Pruefidentifikator
	At                 time.Time
}

func (f *Facts) date(qualifier string) (time.Time, bool) {
	for _, d := range f.Dates {
		if d.Qualifier == qualifier {
			return d.At, true
		}
	}
	return time.Time{}, false
}

// Has reports whether all dates with these qualifiers are known.
func (f *Facts) Has(qualifiers ...string) bool {
	for _, q := range qualifiers {
		if _, ok := f.date(q); !ok {
			return false
		}
	}
	return true
}

func (f *Facts) receipt(of []ident.Pruefidentifikator) (time.Time, bool) {
	for _, r := range f.Receipts {
		if slices.Contains(of, r.Pruefidentifikator) {
			return r.At, true
		}
	}
	return time.Time{}, false
}

// truth is the outcome of a condition whose facts may be unknown.
type truth uint8

const (
	unknown truth = iota
	no
	yes
)

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

// condition is one condition of the table.
type condition struct {
	not   bool
	on    string // Strom, Gas, BGM, to, metering, case, ahead or past
	words []string
}

// conditions hold if all of them do.
type conditions []condition

// parseConditions reads what stands behind "if".
func parseConditions(words []string) (conditions, error) {
	var list conditions
	for len(words) > 0 {
		part := words
		if i := slices.Index(words, "and"); i >= 0 {
			part, words = words[:i], words[i+1:]
			if len(words) == 0 {
				return nil, fmt.Errorf("nothing stands behind \"and\"")
			}
		} else {
			words = nil
		}
		c, err := parseCondition(part)
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	if list == nil {
		return nil, fmt.Errorf("nothing stands behind \"if\"")
	}
	return list, nil
}

func parseCondition(words []string) (condition, error) {
	var c condition
	if len(words) > 0 && words[0] == "not" {
		c.not, words = true, words[1:]
	}
	switch {
	case len(words) == 1 && (words[0] == "Strom" || words[0] == "Gas"):
		c.on = words[0]
	case len(words) == 2 && (words[1] == "ahead" || words[1] == "past"):
		q, ok := strings.CutPrefix(words[0], "DTM+")
		if !ok {
			return c, fmt.Errorf("%q is no date", words[0])
		}
		c.on, c.words = words[1], []string{q}
	case len(words) == 2 && words[0] == "case", len(words) > 1 && (words[0] == "BGM" || words[0] == "to" || words[0] == "metering"):
		c.on, c.words = words[0], words[1:]
	default:
		return c, fmt.Errorf("%q is no condition", strings.Join(words, " "))
	}
	return c, nil
}

// hold evaluates the conditions without a receipt.
func (list conditions) hold(f *Facts) truth { return list.holdAt(f, time.Time{}) }

// holdAt evaluates the conditions for a message received at an instant.
func (list conditions) holdAt(f *Facts, received time.Time) truth {
	result := yes
	for i := range list {
		switch list[i].holdAt(f, received) {
		case no:
			return no
		case unknown:
			result = unknown
		}
	}
	return result
}

func (c *condition) holdAt(f *Facts, received time.Time) truth {
	t := c.value(f, received)
	if c.not && t != unknown {
		return truthOf(t == no)
	}
	return t
}

func (c *condition) value(f *Facts, received time.Time) truth {
	oneOf := func(s string) truth {
		if s == "" {
			return unknown
		}
		return truthOf(slices.Contains(c.words, s))
	}
	switch c.on {
	case "Strom", "Gas":
		if f.Sparte == "" {
			return unknown
		}
		return truthOf(strings.EqualFold(c.on, string(f.Sparte)))
	case "BGM":
		return oneOf(f.Code)
	case "to":
		return oneOf(f.Role)
	case "metering":
		return oneOf(f.Metering)
	case "case":
		if is, known := f.Cases[c.words[0]]; known {
			return truthOf(is)
		}
	case "ahead", "past":
		if at, known := f.date(c.words[0]); known && !received.IsZero() {
			return truthOf(at.After(received) == (c.on == "ahead"))
		}
	}
	return unknown
}
