package rules

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats/condition"
)

// UseCase is the column of one Pruefidentifikator in the Anwendungshandbuch: what of the message structure it uses,
// and under which conditions. APERAK and CONTRL have no Pruefidentifikator; their columns have names.
type UseCase struct {
	UseCaseInfo
	Rows      []Row
	Overrides map[int]*condition.Rule // conditions with another meaning in this use case

	once    sync.Once
	derived any
}

// Derive keeps what a checker makes of the use case: build is called once, its result returned always.
func (u *UseCase) Derive(build func() any) any {
	u.once.Do(func() { u.derived = build() })
	return u.derived
}

// UseCaseInfo is the head of a use case.
type UseCaseInfo struct {
	Pruefidentifikator string
	Version            string // of the Anwendungshandbuch
	Date               string // of the Anwendungshandbuch, CCYY-MM-DD
	Directions         string // such as LF>NB|NB>LF, empty if any
	Sparten            string // Strom, Gas or Strom|Gas
	Name               string
}

// RowKind says what a Row is about.
type RowKind uint8

// The kinds of rows.
const (
	RowGroup RowKind = iota
	RowSegment
	RowValue // a data element with any value
	RowCodes // codes of a data element with one expression
)

// Row is one line of a use case, or several codes of one data element that share their expression. Rows stand in the
// order of the document; the rows of a segment follow it, what stands in a group follows the group.
type Row struct {
	Kind               RowKind
	Node               int32 // of the group or segment
	Parent             int32 // row of the group around, -1 at message level
	Element, Component int   // of a value or codes: 1 is the first data element behind the tag
	Codes              []string
	Expr               *Expression
	Line               int // in the pack file
}

// useCase is a use case that is read when it is first asked for.
type useCase struct {
	info UseCaseInfo
	text string // its lines
	line int    // of the first one
	once sync.Once
	done *UseCase
	err  error
}

// UseCases returns the heads of all use cases, by Pruefidentifikator.
func (p *Pack) UseCases() []UseCaseInfo {
	list := make([]UseCaseInfo, 0, len(p.useCases))
	for _, u := range p.useCases {
		list = append(list, u.info)
	}
	return list
}

// UseCase returns a use case; nil if the pack has none of that name. It is shared and must not be changed; the
// method is safe for concurrent use. The error is a *ParseError.
func (p *Pack) UseCase(pruefidentifikator string) (*UseCase, error) {
	i, ok := slices.BinarySearchFunc(p.useCases, pruefidentifikator, func(u *useCase, want string) int {
		return strings.Compare(u.info.Pruefidentifikator, want)
	})
	if !ok {
		return nil, nil
	}
	u := p.useCases[i]
	u.once.Do(func() { u.done, u.err = p.parseUseCase(u) })
	return u.done, u.err
}

// Verify reads everything that is otherwise read when first used.
func (p *Pack) Verify() error {
	for _, u := range p.useCases {
		if _, err := p.UseCase(u.info.Pruefidentifikator); err != nil {
			return err
		}
	}
	return nil
}

// CodeName returns the short German name of a code of a data element, empty if the pack has none.
func (p *Pack) CodeName(de, code string) string { return p.codeNames[de+" "+code] }

// ahbRecord reads one line behind the structure: of conditions, packages, names and use cases.
func (p *parser) ahbRecord(keyword, rest string) error {
	switch keyword {
	case "condition":
		n, r, err := parseCondition(rest)
		if err != nil {
			return err
		}
		if p.pack.Rules[n] != nil {
			return fmt.Errorf("condition %d stands twice", n)
		}
		p.pack.Rules[n] = r
		return nil
	case "package":
		name, text, _ := strings.Cut(rest, " ")
		t, err := ParseTerm(text)
		if err != nil {
			return err
		}
		p.pack.Packages[name] = t
		return nil
	case "name":
		words, name, err := fields(rest, 2)
		if err != nil {
			return err
		}
		p.pack.codeNames[words[0]+" "+words[1]] = name
		return nil
	case "use":
		return p.useCaseHead(rest)
	}
	return fmt.Errorf("unknown record %q", keyword)
}

func parseCondition(rest string) (int, *condition.Rule, error) {
	number, text, _ := strings.Cut(rest, " ")
	n, err := strconv.Atoi(number)
	if err != nil {
		return 0, nil, fmt.Errorf("%q is no condition number", number)
	}
	r, err := condition.Parse(text)
	if err != nil {
		return 0, nil, fmt.Errorf("condition %d: %w", n, err)
	}
	return n, r, nil
}

// useCaseHead reads the head of a use case and passes over its lines.
func (p *parser) useCaseHead(rest string) error {
	words, name, err := fields(rest, 5)
	if err != nil {
		return err
	}
	u := &useCase{line: p.line + 1, info: UseCaseInfo{Pruefidentifikator: words[0], Version: words[1], Date: words[2],
		Directions: dash(words[3]), Sparten: dash(words[4]), Name: name}}
	text := p.rest
	for p.rest != "" && p.rest[0] == ' ' {
		_, p.rest, _ = strings.Cut(p.rest, "\n")
		p.line++
	}
	u.text = text[:len(text)-len(p.rest)]
	if n := len(p.pack.useCases); n > 0 && p.pack.useCases[n-1].info.Pruefidentifikator >= words[0] {
		return fmt.Errorf("use case %s stands behind %s", words[0], p.pack.useCases[n-1].info.Pruefidentifikator)
	}
	p.pack.useCases = append(p.pack.useCases, u)
	return nil
}

func dash(s string) string {
	if s == "-" {
		return ""
	}
	return s
}

// parseUseCase reads the lines of a use case.
func (p *Pack) parseUseCase(u *useCase) (*UseCase, error) {
	out := &UseCase{UseCaseInfo: u.info}
	exprs := map[string]*Expression{}
	line := u.line
	segment, open := int32(-1), []int32{}
	for text := range strings.Lines(u.text) {
		row, err := p.parseRow(strings.TrimSpace(text), out, exprs)
		if err == nil && row != nil {
			row.Line = line
			err = out.append(p, row, &segment, &open)
		}
		if err != nil {
			return nil, &ParseError{File: p.file, Line: line, Err: fmt.Errorf("use case %s: %w", u.info.Pruefidentifikator, err)}
		}
		line++
	}
	if len(out.Rows) == 0 {
		return nil, &ParseError{File: p.file, Line: u.line - 1, Err: fmt.Errorf("use case %s has no rows", u.info.Pruefidentifikator)}
	}
	return out, nil
}

// append adds a row and finds the group it stands in. open holds the rows of the groups that are open.
func (u *UseCase) append(p *Pack, row *Row, segment *int32, open *[]int32) error {
	if row.Kind >= RowValue {
		if *segment < 0 {
			return errors.New("data element outside a segment")
		}
		row.Node, row.Parent = *segment, u.Rows[len(u.Rows)-1].Parent
		n := &p.Nodes[row.Node]
		if row.Element > n.Elements.Len() ||
			row.Component > p.Elements[int(n.Elements.First)+row.Element-1].Components.Len() {
			return fmt.Errorf("segment %s has no component %d.%d", n.Nr, row.Element, row.Component)
		}
		u.Rows = append(u.Rows, *row)
		return nil
	}
	around := p.Nodes[row.Node].Parent
	for len(*open) > 0 && u.Rows[(*open)[len(*open)-1]].Node != around {
		*open = (*open)[:len(*open)-1]
	}
	row.Parent = -1
	if len(*open) > 0 {
		row.Parent = (*open)[len(*open)-1]
	} else if around > 0 {
		return fmt.Errorf("%s %s stands outside its group", p.Nodes[row.Node].Tag, p.Nodes[row.Node].Nr)
	}
	*segment = -1
	if row.Kind == RowGroup {
		*open = append(*open, int32(len(u.Rows)))
	} else {
		*segment = row.Node
	}
	u.Rows = append(u.Rows, *row)
	return nil
}

// parseRow reads one line: g or s with number and expression; d or c with place, expression and codes; or the
// meaning of a condition in this use case.
func (p *Pack) parseRow(text string, u *UseCase, exprs map[string]*Expression) (*Row, error) {
	keyword, rest, _ := strings.Cut(text, " ")
	if keyword == "condition" {
		n, r, err := parseCondition(rest)
		if err != nil {
			return nil, err
		}
		if u.Overrides == nil {
			u.Overrides = map[int]*condition.Rule{}
		}
		u.Overrides[n] = r
		return nil, nil
	}
	at, rest, _ := strings.Cut(rest, " ")
	expr, rest, _ := strings.Cut(rest, " ")
	e, known := exprs[expr]
	if !known {
		var err error
		if e, err = ParseExpression(expr); err != nil {
			return nil, err
		}
		exprs[expr] = e
	}
	row := &Row{Expr: e}
	switch keyword {
	case "g", "s":
		node, ok := p.byNr[at]
		if !ok {
			return nil, fmt.Errorf("no segment %s in the structure", at)
		}
		row.Kind, row.Node = RowSegment, node
		if keyword == "g" {
			row.Kind, row.Node = RowGroup, p.Nodes[node].Parent
			if p.Nodes[node].Parent != node-1 || row.Node <= 0 {
				return nil, fmt.Errorf("segment %s does not open a group", at)
			}
		}
		return row, nil
	case "d", "c":
		element, component, _ := strings.Cut(at, ".")
		var err1, err2 error
		row.Element, err1 = strconv.Atoi(element)
		row.Component, err2 = strconv.Atoi(component)
		if err1 != nil || err2 != nil || row.Element < 1 || row.Component < 1 {
			return nil, fmt.Errorf("%q is no place of a component", at)
		}
		row.Kind = RowValue
		if keyword == "c" {
			row.Kind, row.Codes = RowCodes, strings.Fields(rest)
			if len(row.Codes) == 0 {
				return nil, errors.New("codes are missing")
			}
		}
		return row, nil
	}
	return nil, fmt.Errorf("unknown row %q", keyword)
}

// numbers makes the index of segments by their number in the document.
func (p *Pack) numbers() error {
	p.byNr = make(map[string]int32, len(p.Nodes))
	for i := range p.Nodes {
		n := &p.Nodes[i]
		if n.IsGroup || n.Tag == edifact.UNA {
			continue
		}
		if _, twice := p.byNr[n.Nr]; twice {
			return fmt.Errorf("segment number %s stands twice", n.Nr)
		}
		p.byNr[n.Nr] = int32(i)
	}
	return nil
}

// NodeByNr returns the segment with that number in the document.
func (p *Pack) NodeByNr(nr string) (int32, bool) {
	i, ok := p.byNr[nr]
	return i, ok
}
