package prose

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/rules"
)

// Columns of a table: the number of the segment, what it is, and behind that its status.
const (
	numberWidth = 7
	nameWidth   = 86
)

// row writes one line of a table. A name that is too long pushes the status to the right.
func (p *page) row(number string, indent int, name, status string) {
	text := pad(number, numberWidth) + strings.Repeat("  ", indent) + name
	if status != "" {
		text = pad(text, nameWidth-2) + "  " + status
	}
	p.line(0, text)
}

// UseCase prints the column of a Pruefidentifikator: head, rows in the order of the document, and what the conditions
// and packages mean.
func UseCase(w io.Writer, pack *rules.Pack, use *rules.UseCase, lang formats.Lang) error {
	s := Side{pack, use}
	p := &page{w: w, lang: lang}
	p.line(0, pidAndName(use.UseCaseInfo))
	p.line(0, fmt.Sprintf("%s %s, %s MIG %s, %s", handbookName(pack), p.edition(use.Version, use.Date), pack.Type, pack.Version, pack.FormatVersion))
	if use.Directions != "" {
		p.text(0, p.pick("Richtung: ", "direction: ")+directions(use.Directions))
	}
	if use.Sparten != "" {
		p.line(0, "Sparte: "+sparten(use.Sparten))
	}
	p.line(0, "")
	p.row(p.pick("NR", "NO"), 0, p.pick("GRUPPE, SEGMENT, DATENELEMENT, CODE", "GROUP, SEGMENT, DATA ELEMENT, CODE"), p.pick("STATUS UND BEDINGUNG", "STATUS AND CONDITION"))
	for _, x := range s.tree().parts {
		s.show(p, 0, x)
	}
	numbers, packages := s.used()
	s.showConditions(p, numbers)
	if len(packages) > 0 {
		p.heading("Pakete", "Packages")
		for _, name := range packages {
			text := s.Pack.Packages[name].String()
			if text == "" {
				text = p.pick("ohne Bedingung", "without condition")
			}
			p.text(1, pad("["+name+"]", 8)+text)
		}
	}
	return p.err
}

// show prints a part and all in it.
func (s Side) show(p *page, indent int, x *part) {
	n := &s.Pack.Nodes[x.node]
	name := n.Tag.String()
	if n.IsGroup {
		name = n.Group
	}
	p.row(n.Nr, indent, name+" "+n.Name, x.expr.String())
	for _, v := range x.values {
		_, c := s.component(v)
		if len(v.entries) == 1 && v.entries[0].code == "" {
			p.row("", indent+1, c.ID+" "+c.Name, v.entries[0].expr.String())
			continue
		}
		p.row("", indent+1, c.ID+" "+c.Name, "")
		for _, e := range v.entries {
			name := strings.TrimSpace(e.code + " " + s.Pack.CodeName(c.ID, e.code))
			if e.code == "" {
				name = p.pick("(jeder Wert)", "(any value)")
			}
			p.row("", indent+2, name, e.expr.String())
		}
	}
	for _, child := range x.parts {
		s.show(p, indent+1, child)
	}
}

// kindWidth is the width of the kinds of conditions, in either language.
const kindWidth = 24

func (s Side) showConditions(p *page, numbers []int) {
	if len(numbers) == 0 {
		return
	}
	p.heading("Bedingungen", "Conditions")
	for _, number := range numbers {
		r := s.rule(number)
		p.text(1, pad("["+strconv.Itoa(number)+"]", 8)+pad(p.kind(r), kindWidth)+p.meaning(r))
	}
}

// Structure prints the structure of a message type and the Pruefidentifikatoren that the pack has.
func Structure(w io.Writer, pack *rules.Pack, lang formats.Lang) error {
	s := Side{Pack: pack}
	p := &page{w: w, lang: lang}
	p.line(0, pack.Name)
	p.line(0, fmt.Sprintf("%s (%s), %s", pack.Document, p.date(pack.Date), pack.FormatVersion))
	if list := pack.UseCases(); len(list) > 0 {
		p.heading(fmt.Sprintf("Prüfidentifikatoren (%d)", len(list)), fmt.Sprintf("Prüfidentifikatoren (%d)", len(list)))
		for _, info := range list {
			p.line(1, pad(pidAndName(info), 70)+" "+directions(info.Directions))
		}
	}
	p.line(0, "")
	p.row(p.pick("NR", "NO"), 0, p.pick("GRUPPE, SEGMENT, DATENELEMENT", "GROUP, SEGMENT, DATA ELEMENT"), p.pick("STATUS, ANZAHL ODER FORMAT", "STATUS, NUMBER OR FORMAT"))
	for _, x := range s.tree().parts {
		s.showStructure(p, 0, x)
	}
	return p.err
}

func (s Side) showStructure(p *page, indent int, x *part) {
	n := &s.Pack.Nodes[x.node]
	name := n.Tag.String()
	if n.IsGroup {
		name = n.Group
	}
	p.row(n.Nr, indent, name+" "+n.Name, fmt.Sprintf("%c  %d", n.Status, n.Max))
	for _, v := range x.values {
		_, c := s.component(v)
		p.row("", indent+1, c.ID+" "+c.Name, fmt.Sprintf("%c  %s", c.Status, c.Format))
		var codes []string
		for _, e := range v.entries {
			if e.code != "" {
				codes = append(codes, e.code)
			}
		}
		s.showCodes(p, indent+2, codes, c.Open)
	}
	for _, child := range x.parts {
		s.showStructure(p, indent+1, child)
	}
}

// showCodes prints codes in as many lines as they take.
func (s Side) showCodes(p *page, indent int, codes []string, open bool) {
	if len(codes) == 0 {
		return
	}
	if open {
		codes = append(codes, p.pick("und andere", "and others"))
	}
	line := ""
	for _, code := range codes {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(code) > nameWidth-numberWidth-2*indent {
			p.row("", indent, line, "")
			line = ""
		}
		line = strings.TrimSpace(line + " " + code)
	}
	p.row("", indent, line, "")
}
