package compile

import (
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// obisDocument is what is taken from the text of the Codeliste der OBIS-Kennzahlen.
type obisDocument struct {
	edition  string
	numbers  []obisNumber
	media    map[string][]string // media by Pruefidentifikator
	products map[string]*obisProduct
}

// obisNumber is an OBIS number; channel and tariff as in the text of the lists.
type obisNumber struct {
	medium, c, d     int
	channel, tariff  string
	tariffIsVariable bool
}

func (n obisNumber) String() string {
	return fmt.Sprintf("%d-%s:%d.%d.%s", n.medium, n.channel, n.c, n.d, n.tariff)
}

// obisProduct says in which chapters a product code stands.
type obisProduct struct {
	chapters []string
	tariffs  []string // chapters in which it stands with an assigned Zaehlzeit
	gateway  bool     // the values come from the Smart-Meter-Gateway
}

var (
	chapterLine = regexp.MustCompile(`^#+\s*(?:<[^>]*>|\*)*(\d+(?:\.\d+)*)\s`)
	obisForm    = regexp.MustCompile(`([17])-(bx?|\d+):(\d+)[.:](\d+)\.(ee|e1|e2|e|\d+)`)
	productForm = regexp.MustCompile(`9991 \d{5} \d{3} \d`)
	mediumForm  = regexp.MustCompile(`<td>([A-Z]{3})</td>\s*<td>(13\d{3}(?:<br/>13\d{3})*)</td>`)
)

// Ranges of the placeholders, as the notes below the tables give them.
var obisRanges = map[string]string{
	"1-b": "{0..65}", "1-bx": "{0..65}", "7-b": "{0..64}",
	"e": "{0..62}", "ee": "{16,20,22}", "e1": "{42,62,72}", "e2": "{43,63,73}",
}

// obisTables are the chapters whose tables define the numbers; the others repeat them.
var obisTables = []string{"3.1", "3.2", "4.1", "4.2", "4.3", "4.4", "4.5"}

// readOBIS reads the tables of the document row by row and then the flat list.
func (l *lists) readOBIS() (*obisDocument, error) {
	flat, err := l.read(obisFile)
	if err != nil {
		return nil, err
	}
	data, err := fs.ReadFile(l.src, "codelists/"+obisText)
	if err != nil {
		return nil, err
	}
	o := &obisDocument{edition: flat.Title + ", tables of the consultation edition of 2025-08-01", media: map[string][]string{},
		products: map[string]*obisProduct{}}
	chapter, row, assigned := "", "", false
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(line, "#") {
			if m := chapterLine.FindStringSubmatch(line); m != nil {
				chapter = m[1]
			}
			assigned = strings.Contains(line, "mit zugeordneter Zählzeit")
		}
		if row += line; !strings.Contains(line, "</tr>") {
			if !strings.Contains(row, "<tr") {
				row = ""
			}
			continue
		}
		if err := o.row(chapter, assigned, row); err != nil {
			return nil, err
		}
		row = ""
	}
	return o, o.merge(flat)
}

func (o *obisDocument) row(chapter string, assigned bool, row string) error {
	if slices.Contains(obisTables, chapter) {
		for _, m := range obisForm.FindAllStringSubmatch(row, -1) {
			if err := o.number(m); err != nil {
				return fmt.Errorf("%s: %s: %w", obisText, m[0], err)
			}
		}
	}
	if chapter == "5" {
		for _, m := range mediumForm.FindAllStringSubmatch(row, -1) {
			for pid := range strings.SplitSeq(m[2], "<br/>") {
				o.media[pid] = append(o.media[pid], m[1])
			}
		}
	}
	if !strings.HasPrefix(chapter, "3.3.") && !strings.HasPrefix(chapter, "4.6.") {
		return nil
	}
	for _, code := range productForm.FindAllString(row, -1) {
		code = strings.ReplaceAll(code, " ", "")
		p := o.products[code]
		if p == nil {
			p = &obisProduct{}
			o.products[code] = p
		}
		p.chapters = append(p.chapters, chapter)
		if assigned {
			p.tariffs = append(p.tariffs, chapter)
		}
		p.gateway = p.gateway || strings.Contains(row, "direkt aus dem SMGW")
	}
	return nil
}

func (o *obisDocument) number(m []string) error {
	n := obisNumber{channel: m[2], tariff: m[5], tariffIsVariable: m[5] == "e"}
	var err error
	for i, to := range map[int]*int{1: &n.medium, 3: &n.c, 4: &n.d} {
		if *to, err = strconv.Atoi(m[i]); err != nil {
			return err
		}
	}
	if r, ok := obisRanges[m[1]+"-"+m[2]]; ok {
		n.channel = r
	}
	if r, ok := obisRanges[m[5]]; ok {
		n.tariff = r
	}
	if !slices.Contains(o.numbers, n) {
		o.numbers = append(o.numbers, n)
	}
	return nil
}

// merge adds the numbers of the flat list: it follows the valid edition, the tables the one for consultation, and
// neither has all numbers of the other. A form such as 1-b:1.x.y from the running text is no number.
func (o *obisDocument) merge(flat *listFile) error {
	codes, err := flat.codes()
	if err != nil {
		return fmt.Errorf("%s: %w", obisFile, err)
	}
	for _, code := range codes {
		if strings.Contains(code, "x") {
			continue
		}
		m := obisForm.FindStringSubmatch(code)
		if m == nil || m[0] != code {
			return fmt.Errorf("%s: %q is no OBIS number", obisFile, code)
		}
		if err := o.number(m); err != nil {
			return err
		}
	}
	return nil
}

// membership of a number in a list of one kind.
type membership int

const (
	outside membership = iota
	inside
	unsure
)

// obisKinds are the lists of numbers by kind. The kinds of electrical numbers follow from C (Messgroesse) and D
// (Messart); of thermal numbers the tables name meter readings and one quantity of energy for certain.
//
// Spec: Codeliste der OBIS-Kennzahlen und Medien 2.5c, ch. 2.2, 2.3, 4.1, 4.3
var obisKinds = map[string]func(n obisNumber) membership{
	"strom":         func(n obisNumber) membership { return yes(n.medium == 1) },
	"gas":           func(n obisNumber) membership { return yes(n.medium == 7) },
	"maximum":       func(n obisNumber) membership { return electrical(n, n.d == 6) },
	"vorschub":      func(n obisNumber) membership { return electrical(n, n.d == 9) },
	"lastgang":      func(n obisNumber) membership { return electrical(n, n.d == 29) },
	"wirkleistung":  func(n obisNumber) membership { return quantity(n, 1, 2, n.d == 6) },
	"wirkarbeit":    func(n obisNumber) membership { return quantity(n, 1, 2, isWork(n)) },
	"blindleistung": func(n obisNumber) membership { return quantity(n, 3, 8, n.d == 6) },
	"blindarbeit":   func(n obisNumber) membership { return quantity(n, 3, 8, isWork(n)) },
	"zaehlerstand": func(n obisNumber) membership {
		switch {
		case n.medium == 1:
			return yes(n.d == 8)
		case isGasReading(n):
			return inside
		case n.c == 99 && (n.tariff == "0" || n.tariff == "2"):
			return unsure // readings as a profile
		}
		return outside
	},
	"energiemenge": func(n obisNumber) membership {
		switch {
		case n.medium == 1 && n.d == 9 && n.c <= 8, n.medium == 7 && n.c == 33 && n.d == 86:
			return inside
		case n.medium == 1 && (n.d == 6 || n.d == 8), n.medium == 7 && isGasReading(n):
			return outside
		}
		return unsure
	},
}

func yes(b bool) membership {
	if b {
		return inside
	}
	return outside
}

func isWork(n obisNumber) bool { return n.d == 8 || n.d == 9 || n.d == 29 }

func isGasReading(n obisNumber) bool {
	tens, ones := n.c/10, n.c%10
	return n.d <= 2 && n.tariff == "0" && ones >= 1 && ones <= 6 && (tens <= 1 || tens == 3 || tens == 6)
}

// electrical judges a thermal number as unsure unless it is a meter reading.
func electrical(n obisNumber, is bool) membership {
	if n.medium == 7 && !isGasReading(n) {
		return unsure
	}
	return yes(n.medium == 1 && is)
}

// quantity judges by C, from and to. Blindmehrarbeit and -leistung (13, 14), Blindleistung from work that is not
// measured by the quarter hour and the thermal numbers are not told by it.
func quantity(n obisNumber, from, to int, is bool) membership {
	if n.medium != 1 || n.c > 8 || !isWork(n) && n.d != 6 {
		return unsure
	}
	return yes(is && from <= n.c && n.c <= to)
}

// obis makes the lists of OBIS numbers and of media. A number that no table has may stand in another edition.
func (l *lists) obis(o *obisDocument) {
	open := []string{"1-*", "7-*"}
	all := &list{edition: o.edition, open: open}
	tariffs := &list{edition: o.edition, base: "obis", open: open}
	l.all["obis"], l.all["obis/zaehlzeit"] = all, tariffs
	for _, n := range o.numbers {
		all.codes = append(all.codes, n.String())
		if n.tariffIsVariable {
			n.tariff = "{1..62}"
			tariffs.codes = append(tariffs.codes, n.String())
		}
	}
	for kind, judge := range obisKinds {
		x := &list{edition: o.edition, base: "obis", open: open}
		for _, n := range o.numbers {
			switch judge(n) {
			case inside:
				x.codes = append(x.codes, n.String())
			case unsure:
				x.unknown = append(x.unknown, n.String())
			}
		}
		l.all["obis/"+kind] = x
	}
	media := &list{edition: o.edition, open: []string{"*"}}
	for _, codes := range o.media {
		media.codes = append(media.codes, codes...)
	}
	l.all["medien"] = media
	l.all["medien/pid"] = &list{edition: o.edition, base: "medien", open: []string{"*"}, pids: o.media}
}
