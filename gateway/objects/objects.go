// Package objects brings lists of objects, with the Marktpartner that are assigned to them, into the store and out of
// it: what the assignment check of APERAK asks for beside the messages.
//
//	result, err := objects.Import(ctx, st, file, objects.Options{Complete: true, TrustedUntil: tomorrow})
//
// A list is CSV (RFC 4180, UTF-8, separated by ; or , as the first line is). The first line names the columns:
//
//	MP-ID;Objekt;Marktpartner;Rolle;Von;Bis
//	9999100000013;51238696781;9999100000013;LF;2026-01-01;
//	9999100000013;51238696781;9999200000020;NB;2020-01-01;
//
// MP-ID is the own one whose knowledge it is, Objekt the id of a MaLo, Tranche, MeLo, NeLo, SR or TR, Marktpartner who
// is assigned in the Rolle, himself included; empty, if only the object is known. Von and Bis are the first and the last
// day, in legal German time and for an MP-ID of Gas the day of gas, from 06:00 on; or instants in RFC 3339, Bis then
// the first one after. Both may be empty.
package objects

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/ident"
	"github.com/marktbote/marktbote/gateway/config"
	"github.com/marktbote/marktbote/store"
)

// columns are the names in the first line, in any order.
var columns = []string{"MP-ID", "Objekt", "Marktpartner", "Rolle", "Von", "Bis"}

const (
	mpID = iota
	objekt
	marktpartner
	rolle
	von
	bis
)

// maxLine bounds a line in bytes; a field in quotes could otherwise hold the whole file.
const maxLine = 4 << 10

// reader reads the lines of a list.
type reader struct {
	csv   *csv.Reader
	place [6]int // of each column in the line
	isOwn func(mpID string) bool
	lines *lineLimit
}

// newReader reads the first line.
func newReader(src io.Reader, isOwn func(string) bool) (*reader, error) {
	limit := &lineLimit{src: src}
	head := make([]byte, 512)
	n, err := io.ReadFull(limit, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	head = bytes.TrimPrefix(head[:n], []byte("\xEF\xBB\xBF"))
	r := &reader{csv: csv.NewReader(io.MultiReader(bytes.NewReader(head), limit)), isOwn: isOwn, lines: limit}
	r.csv.ReuseRecord = true
	first, _, _ := bytes.Cut(head, []byte("\n"))
	if bytes.IndexByte(first, ';') >= 0 {
		r.csv.Comma = ';'
	}
	names, err := r.csv.Read()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("line 1: the file is empty; the first line names the columns " + strings.Join(columns, ";"))
	}
	if err != nil {
		return nil, err
	}
	for i, c := range columns {
		if r.place[i] = slices.IndexFunc(names, func(s string) bool { return strings.EqualFold(strings.TrimSpace(s), c) }); r.place[i] < 0 {
			return nil, fmt.Errorf("line 1: the column %s is missing; the first line names the columns %s", c, strings.Join(columns, ";"))
		}
	}
	return r, nil
}

// next returns the next assignment and its line; io.EOF at the end. A *lineError is about this line alone.
func (r *reader) next() (a store.Assignment, line int, err error) {
	fields, err := r.csv.Read()
	var syntax *csv.ParseError
	switch {
	case errors.Is(err, csv.ErrFieldCount):
		line, _ = r.csv.FieldPos(0)
		return a, line, &lineError{line, fmt.Errorf("%d fields, the first line has %d", len(fields), r.csv.FieldsPerRecord)}
	case errors.As(err, &syntax):
		return a, syntax.Line, fmt.Errorf("line %d: %w", syntax.Line, syntax.Err)
	case err != nil:
		return a, 0, err
	}
	line, _ = r.csv.FieldPos(0)
	get := func(column int) string { return strings.TrimSpace(fields[r.place[column]]) }
	if a, err = r.assignment(get); err != nil {
		return a, line, &lineError{line, err}
	}
	return a, line, nil
}

// lineError says what is wrong with one line.
type lineError struct {
	line int
	err  error
}

func (e *lineError) Error() string { return fmt.Sprintf("line %d: %v", e.line, e.err) }
func (e *lineError) Unwrap() error { return e.err }

func (r *reader) assignment(get func(column int) string) (a store.Assignment, err error) {
	for i := range columns {
		if !utf8.ValidString(get(i)) {
			return a, fmt.Errorf("column %s: not UTF-8", columns[i])
		}
	}
	own, err := ident.ParseMarktpartnerID(get(mpID))
	if err != nil {
		return a, fmt.Errorf("column MP-ID: %w", err)
	}
	if !r.isOwn(string(own)) {
		return a, fmt.Errorf("column MP-ID: %s is none of the own ones in the configuration", own)
	}
	object, err := Key(get(objekt))
	if err != nil {
		return a, err
	}
	a = store.Assignment{MPID: string(own), Object: object, Partner: get(marktpartner), Rolle: get(rolle)}
	if a.Partner != "" {
		if _, err := ident.ParseMarktpartnerID(a.Partner); err != nil {
			return a, fmt.Errorf("column Marktpartner: %w", err)
		}
	}
	if a.Rolle != "" && !config.IsRolle(a.Rolle) {
		return a, fmt.Errorf("column Rolle: %q is no role such as LF, NB, MSB", a.Rolle)
	}
	if a.From, err = dayOf(get(von), own.Sparte(), 0); err != nil {
		return a, fmt.Errorf("column Von: %w", err)
	}
	if a.Until, err = dayOf(get(bis), own.Sparte(), 1); err != nil {
		return a, fmt.Errorf("column Bis: %w", err)
	}
	if !a.Until.IsZero() && !a.Until.After(a.From) {
		return a, errors.New("column Bis: before Von")
	}
	return a, nil
}

// Key returns how the store names an object: malo/51238696781. An id with a wrong check digit is an error.
func Key(id string) (string, error) {
	kind := ident.KindOf(id)
	var err error
	switch kind {
	case ident.KindMaLo:
		_, err = ident.ParseMaLoID(id)
	case ident.KindMeLo:
		_, err = ident.ParseMeLoID(id)
	case ident.KindNeLo:
		_, err = ident.ParseNeLoID(id)
	case ident.KindSR:
		_, err = ident.ParseSRID(id)
	case ident.KindTR:
		_, err = ident.ParseTRID(id)
	default:
		return "", fmt.Errorf("column Objekt: %q is no id of a MaLo, Tranche, MeLo, NeLo, SR or TR", id)
	}
	if err != nil {
		return "", fmt.Errorf("column Objekt: %w", err)
	}
	return string(kind) + "/" + id, nil
}

// dayOf reads a day, some days later, or an instant as it is.
func dayOf(s string, sparte formats.Sparte, later int) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if at, err := time.Parse(time.RFC3339, s); err == nil {
		return at.UTC(), nil
	}
	day, err := time.ParseInLocation(time.DateOnly, s, formats.Berlin)
	if err != nil {
		if day, err = time.ParseInLocation("02.01.2006", s, formats.Berlin); err != nil {
			return time.Time{}, fmt.Errorf("%q is neither a day such as 2026-10-01 nor an instant such as 2026-10-01T00:00:00+02:00", s)
		}
	}
	hour := 0
	if sparte == formats.Gas {
		hour = 6
	}
	y, m, d := day.Date()
	return time.Date(y, m, d+later, hour, 0, 0, 0, formats.Berlin).UTC(), nil
}

// lineLimit ends reading when a line is too long to be one of a list.
type lineLimit struct {
	src  io.Reader
	left int // of bytes in this line
	seen bool
}

func (l *lineLimit) Read(p []byte) (int, error) {
	if !l.seen {
		l.seen, l.left = true, maxLine
	}
	n, err := l.src.Read(p)
	for b := p[:n]; ; {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			l.left -= len(b)
			break
		}
		if i > l.left {
			l.left = -1
			break
		}
		l.left, b = maxLine, b[i+1:]
	}
	if l.left < 0 {
		return 0, fmt.Errorf("a line is longer than %d bytes", maxLine)
	}
	return n, err
}
