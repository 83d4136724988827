package partner

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/marktbote/marktbote/formats/ident"
)

// listColumns are the columns of a list of partners; the first must be there, the others may.
var listColumns = []string{"MP-ID", "Name", "Codeliste", "Endpunkt", "E-Mail", "Telefon"}

// maxListErrors is how many wrong lines are named.
const maxListErrors = 20

// IsList reports whether a file looks like a list of partners.
func IsList(data []byte) bool {
	line, _, _ := bytes.Cut(bytes.TrimPrefix(data, []byte("\xEF\xBB\xBF")), []byte("\n"))
	names := strings.FieldsFunc(string(line), func(r rune) bool { return r == ';' || r == ',' || r == '\r' })
	return slices.ContainsFunc(names, func(s string) bool { return strings.TrimSpace(s) == listColumns[0] })
}

// ImportList adds the partners of a list, and rewrites what the list knows of those that are there: CSV in UTF-8, separated
// by ; or , with the columns named in the first line in any order. Empty fields change nothing. A list with a wrong line
// changes nothing; the error names up to 20 of them.
//
//	MP-ID;Name;Codeliste;Endpunkt;E-Mail;Telefon
//	9900000000001;Netz Musterstadt;BDEW;https://as4.example/9900000000001;as4@netz.example;
func (d *Directory) ImportList(ctx context.Context, data []byte, who, reason string) (count int, err error) {
	if len(data) > maxFetchBytes {
		return 0, errTooLarge
	}
	lines, err := readList(data)
	if err != nil {
		return 0, err
	}
	var errs []error
	for i, l := range lines {
		p := New(l.mpID)
		l.apply(&p)
		if err := p.Validate(d.opts.AllowHTTP); err != nil && len(errs) < maxListErrors {
			errs = append(errs, fmt.Errorf("line %d: %w", l.number, err))
		}
		if j := slices.IndexFunc(lines[:i], func(o listLine) bool { return o.mpID == l.mpID }); j >= 0 && len(errs) < maxListErrors {
			errs = append(errs, fmt.Errorf("line %d: %s is in line %d already", l.number, l.mpID, lines[j].number))
		}
	}
	if len(errs) > 0 {
		return 0, errors.Join(errs...)
	}
	for _, l := range lines {
		if err := d.Change(ctx, l.mpID, who, reason, func(p *Partner) error { l.apply(p); return nil }); err != nil {
			return count, err
		}
		count++
	}
	return count, nil
}

// listLine is a line of a list.
type listLine struct {
	number int
	mpID   string
	fields [6]string // in the order of listColumns
}

// apply changes what the line knows.
func (l listLine) apply(p *Partner) {
	for i, to := range []*string{1: &p.Name, 3: &p.Endpoint, 4: &p.Email, 5: &p.Phone} {
		if to != nil && l.fields[i] != "" {
			*to = l.fields[i]
		}
	}
	if l.fields[2] != "" {
		p.CodeList = CodeList(strings.ToUpper(l.fields[2]))
	}
}

// readList reads the lines of a list.
func readList(data []byte) (lines []listLine, err error) {
	data = bytes.TrimPrefix(data, []byte("\xEF\xBB\xBF"))
	r := csv.NewReader(bytes.NewReader(data))
	r.ReuseRecord = true
	first, _, _ := bytes.Cut(data, []byte("\n"))
	if bytes.IndexByte(first, ';') >= 0 {
		r.Comma = ';'
	}
	names, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("line 1: it names the columns %s: %w", strings.Join(listColumns, ";"), err)
	}
	var places []int // of each column of the file in listColumns
	for _, name := range names {
		i := slices.Index(listColumns, strings.TrimSpace(name))
		if i < 0 || slices.Contains(places, i) {
			return nil, fmt.Errorf("line 1: column %q is unknown or there twice; the columns are %s", name, strings.Join(listColumns, ";"))
		}
		places = append(places, i)
	}
	if !slices.Contains(places, 0) {
		return nil, fmt.Errorf("line 1: there is no column %s", listColumns[0])
	}
	for {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return lines, nil
		}
		if err != nil {
			return nil, err
		}
		if len(lines) == maxImport {
			return nil, fmt.Errorf("more than %d partners", maxImport)
		}
		var l listLine
		l.number, _ = r.FieldPos(0)
		for i, value := range record {
			l.fields[places[i]] = strings.Clone(strings.TrimSpace(value))
		}
		l.mpID = l.fields[0]
		if _, err := ident.ParseMarktpartnerID(l.mpID); err != nil {
			return nil, fmt.Errorf("line %d: %w", l.number, err)
		}
		lines = append(lines, l)
	}
}
