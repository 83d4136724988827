package gateway

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/check"
	"github.com/marktbote/marktbote/formats/ident"
	"github.com/marktbote/marktbote/formats/process"
	"github.com/marktbote/marktbote/formats/rules"
	"github.com/marktbote/marktbote/formats/sample"
	"github.com/marktbote/marktbote/gateway/config"
)

// NOTE: The messages of the simulated year (year_test.go). They are made by package sample from the rule packs, and
// then made to fit: who sends whom, which numbers they have, what they refer to, which days they are about. The gateway
// checks them as it checks everything, so what does not fit is found.

// house is who lives behind a gateway of the year.
type house int

// The two houses: the supplier and the grid operator, each with the other roles that answer or ask it.
const (
	supplier house = 1
	operator house = 2
)

func (h house) other() house { return supplier + operator - h }

// yearRoles are the roles of both houses, by their place in the MP-ID.
var yearRoles = []string{"LF", "NB", "MSB", "UENB", "BKV", "BIKO", "MGV", "ESA", "BTR", "HKNR", "KN"}

// mpID returns the MP-ID of a role of a house in a Sparte. It has the right check digit.
func (h house) mpID(role string, sparte formats.Sparte) ident.MarktpartnerID {
	prefix := "99"
	if sparte == formats.Gas {
		prefix = "98"
	}
	for digit := range 10 {
		id := ident.MarktpartnerID(fmt.Sprintf("%s%03d%02d00000%d", prefix, h, slices.Index(yearRoles, role)+1, digit))
		if id.CheckDigitOK() {
			return id
		}
	}
	panic("no check digit fits")
}

// parties lists all MP-IDs of a house.
func (h house) parties() (list []config.Party) {
	for _, role := range yearRoles {
		for _, sparte := range []formats.Sparte{formats.Strom, formats.Gas} {
			list = append(list, config.Party{MPID: h.mpID(role, sparte), Rolle: role})
		}
	}
	return list
}

// roleOf maps the roles of ways to those that have an MP-ID: a state such as "new" has none of its own.
func roleOf(name string) string {
	name, _, _ = strings.Cut(name, "/")
	switch name {
	case "LF", "LFN", "LFA", "LFZ", "Melder", "-", "ursprünglicher Sender":
		return "LF"
	case "NB", "NBN", "NBA", "ANB", "aNB", "VNB", "ursprünglicher Empfänger":
		return "NB"
	case "MSB", "MSBN", "MSBA", "MSBZ", "gMSB", "wMSB":
		return "MSB"
	case "HKN-R":
		return "HKNR"
	case "TK":
		return "KN"
	}
	return name
}

// way is who sends to whom. The Sparte is set where the sample does not decide it.
type way struct {
	from, to string
	sparte   formats.Sparte
}

func (w way) back() way { return way{w.to, w.from, w.sparte} }

// waysOf returns the ways of a message, first those in which its answer, if it has one, goes back.
func waysOf(e, answer *process.Entry, sparte formats.Sparte) (list []way) {
	back := map[way]bool{}
	if answer != nil {
		for _, w := range answer.Ways {
			if from, to, ok := strings.Cut(w, ">"); ok {
				back[way{roleOf(to), roleOf(from), sparte}] = true
			}
		}
	}
	for _, w := range e.Ways {
		from, to, ok := strings.Cut(w, ">")
		if !ok {
			from, to = "LF", "NB"
		}
		list = append(list, way{roleOf(from), roleOf(to), sparte})
	}
	if len(list) == 0 {
		list = []way{{"LF", "NB", sparte}}
	}
	slices.SortStableFunc(list, func(a, b way) int {
		switch {
		case back[a] == back[b]:
			return 0
		case back[a]:
			return -1
		}
		return 1
	})
	return slices.Compact(list)
}

// sentBy returns the house that sends on a way: the supplier what an LF or its like sends and what an NB does not.
func (w way) sentBy() house {
	for _, side := range []string{"LF", "BKV", "ESA", "KN", "HKNR", "BTR"} {
		switch side {
		case w.from:
			return supplier
		case w.to:
			return operator
		}
	}
	if w.from == "NB" || w.from == "UENB" {
		return operator
	}
	return supplier
}

// segment is a segment as components of elements, the tag without.
type segment struct {
	tag    string
	values [][]string
}

func (s *segment) get(element, component int) string {
	if element-1 < len(s.values) && component-1 < len(s.values[element-1]) {
		return s.values[element-1][component-1]
	}
	return ""
}

func (s *segment) set(element, component int, value string) {
	for len(s.values) < element {
		s.values = append(s.values, nil)
	}
	for len(s.values[element-1]) < component {
		s.values[element-1] = append(s.values[element-1], "")
	}
	s.values[element-1][component-1] = value
}

// letter is an interchange of one message that can be changed.
type letter struct {
	pid      ident.Pruefidentifikator
	kind     string // UNH 0065
	segments []segment
}

// parseLetter takes an interchange apart.
func parseLetter(data []byte) (*letter, error) {
	l := &letter{}
	r := edifact.NewReader(bytes.NewReader(data), edifact.Options{})
	for {
		s, err := r.Next()
		if err == io.EOF {
			return l, nil
		}
		if err != nil {
			return nil, err
		}
		x := segment{tag: s.Tag().String()}
		for e := 2; e <= s.Elements(); e++ {
			var list []string
			for c := 1; c <= s.Components(e); c++ {
				list = append(list, s.Text(e, c))
			}
			x.values = append(x.values, list)
		}
		if x.tag == "UNH" {
			l.kind = x.get(2, 1)
		}
		l.segments = append(l.segments, x)
	}
}

// bytes writes the interchange.
func (l *letter) bytes() ([]byte, error) {
	var buf bytes.Buffer
	w := edifact.NewWriter(&buf, edifact.DefaultService)
	for _, s := range l.segments {
		var err error
		switch s.tag {
		case "UNH":
			err = w.BeginMessage(s.get(1, 1), s.values[1], s.values[2:]...)
		case "UNT":
			err = w.EndMessage()
		case "UNZ":
			err = w.EndInterchange()
		default:
			err = w.Segment(s.tag, s.values...)
		}
		if err != nil {
			return nil, err
		}
	}
	err := w.Flush()
	return buf.Bytes(), err
}

// first returns the first segment with a tag and a value in its first component; nil if there is none.
func (l *letter) first(tag, qualifier string) *segment {
	for i := range l.segments {
		if s := &l.segments[i]; s.tag == tag && (qualifier == "" || s.get(1, 1) == qualifier) {
			return s
		}
	}
	return nil
}

// text returns a component of the first such segment.
func (l *letter) text(tag, qualifier string, element, component int) string {
	if s := l.first(tag, qualifier); s != nil {
		return s.get(element, component)
	}
	return ""
}

// document is BGM 1004.
func (l *letter) document() string { return l.text("BGM", "", 2, 1) }

// number is what a transaction of the message is called, empty if the type has no such number.
//
// Spec: APERAK AHB 1.1 (transaction number by message type)
func (l *letter) number() string {
	switch l.kind {
	case "UTILMD", "UTILTS":
		return l.text("IDE", "", 2, 1)
	case "INSRPT":
		return l.text("DOC", "", 2, 1)
	case "IFTSTA":
		return l.text("CNI", "", 1, 1)
	}
	return ""
}

// hasCode reports whether BGM 1001 is one that is wanted; empty: any is.
func (l *letter) hasCode(code string) bool { return code == "" || l.text("BGM", "", 1, 1) == code }

// setDate moves every DTM with a qualifier to a day, as the beginning of it where it was one. It reports whether there
// was any.
func (l *letter) setDate(qualifier string, day time.Time) bool {
	found := false
	y, m, d := day.In(formats.Berlin).Date()
	for i := range l.segments {
		s := &l.segments[i]
		if s.tag != "DTM" || s.get(1, 1) != qualifier {
			continue
		}
		switch s.get(1, 3) {
		case "102":
			s.set(1, 2, fmt.Sprintf("%04d%02d%02d", y, m, d))
		case "303":
			hour := 0
			if old, err := time.Parse("200601021504-07", s.get(1, 2)); err == nil && old.In(formats.Berlin).Hour() == 6 {
				hour = 6
			}
			s.set(1, 2, time.Date(y, m, d, hour, 0, 0, 0, formats.Berlin).UTC().Format("200601021504")+"+00")
		default:
			continue
		}
		found = true
	}
	return found
}

// reply is how an answer names what it answers: segment and qualifier, and which number of it.
//
// Spec: EDI@Energy AHBs of the message types, the references
func reply(answer ident.Pruefidentifikator, kind, request string) (tag, qualifier, number string) {
	const transaction, document = "transaction", "document"
	switch kind {
	case "UTILTS":
		if request == "ORDERS" {
			return "RFF", "AGI", document
		}
		return "RFF", "TN", transaction
	case "UTILMD":
		if request == "ORDERS" {
			return "RFF", "AAV", document
		}
		return "RFF", "TN", transaction
	case "ORDRSP":
		if request == "ORDCHG" {
			return "RFF", "ACW", document
		}
		return "RFF", "ON", document
	case "ORDERS":
		return "RFF", "AAG", document
	case "QUOTES":
		return "RFF", "AAV", document
	case "MSCONS":
		return "RFF", "AGI", document
	case "INSRPT":
		return "RFF", "AAV", transaction
	case "REMADV", "COMDIS":
		return "DOC", "", document
	case "IFTSTA":
		switch answer {
		case "21047":
			return "RFF", "ACW", transaction
		case "21035", "21037", "21038":
			return "RFF", "ACW", document
		case "21032":
			return "RFF", "AAG", document
		case "21033":
			return "RFF", "AAV", document
		case "21043":
			return "RFF", "AGI", document
		case "21011", "21012", "21030", "21031":
			return "RFF", "ACW", "item"
		}
		return "RFF", "AUU", "series"
	}
	return "", "", ""
}

// answers makes the letter an answer to another one. It reports whether there was a place to say so.
func (l *letter) answers(request *letter) bool {
	tag, qualifier, number := reply(l.pid, l.kind, request.kind)
	s := l.first(tag, qualifier)
	if s == nil && number == "document" && tag == "RFF" { // it may be left out; its place is beside the Prüfidentifikator
		i := slices.IndexFunc(l.segments, func(s segment) bool { return s.tag == "RFF" && s.get(1, 1) == "Z13" })
		if i < 0 {
			return false
		}
		l.segments = slices.Insert(l.segments, i+1, segment{"RFF", [][]string{{qualifier, ""}}})
		s = &l.segments[i+1]
	}
	if s == nil {
		return false
	}
	switch {
	case tag == "DOC":
		value := request.document()
		switch request.kind { // what is about an invoice or a delivery note is answered by the number of that
		case "REMADV", "COMDIS":
			value = request.text("DOC", "", 2, 1)
		case "IFTSTA":
			value = request.text("RFF", "ACW", 1, 2)
		}
		s.set(2, 1, value)
	case number == "document":
		s.set(1, 2, request.document())
	case number == "transaction":
		s.set(1, 2, request.number())
	case number == "item":
		s.set(1, 2, request.document())
		if s = l.first("RFF", "ADY"); s == nil {
			return false
		}
		s.set(1, 2, request.number())
	case number == "series":
		version := request.text("DTM", "293", 1, 2)
		if version == "" {
			version = request.text("RFF", "AUU", 1, 2)
		}
		s.set(1, 2, version)
		for _, x := range []struct {
			tag, qualifier     string
			element, component int
		}{{"LOC", "172", 2, 1}, {"LOC", "Z15", 2, 1}, {"DTM", "492", 1, 2}} {
			if own := l.first(x.tag, x.qualifier); own != nil {
				if v := request.text(x.tag, x.qualifier, x.element, x.component); v != "" {
					own.set(x.element, x.component, v)
				}
			}
		}
	}
	return true
}

// mint makes letters. It remembers which sample of a Pruefidentifikator is good, so that it is looked for once.
type mint struct {
	count int // numbers given out
	good  map[string]sample.Options
}

func newMint() *mint { return &mint{good: map[string]sample.Options{}} }

// tries are the samples of a Pruefidentifikator that are looked at, until one is good.
func tries() []sample.Options {
	list := []sample.Options{{Variant: sample.Minimal}, {Variant: sample.Full}}
	for seed := range uint64(12) {
		list = append(list, sample.Options{Variant: sample.Random, Seed: seed}, sample.Options{Variant: sample.Minimal, Seed: seed + 1})
	}
	return list
}

// write makes a letter that both houses accept at an instant, changed by edit. The error says why there is none.
func (m *mint) write(pid ident.Pruefidentifikator, from house, w way, at time.Time, edit func(*letter) bool) (*letter, error) {
	pack, err := packOf(pid, formats.VersionAt(at))
	if err != nil {
		return nil, err
	}
	key := fmt.Sprintf("%s %s %v %d", pack.FormatVersion, pid, w, from)
	options := tries()
	if o, ok := m.good[key]; ok {
		options = append([]sample.Options{o}, options...)
	}
	why := "no sample"
	for _, o := range options {
		remembered := o
		o.At = at
		var buf bytes.Buffer
		if err := sample.Generate(&buf, pack, pid.String(), o); err != nil {
			why = err.Error()
			continue
		}
		l, err := m.fit(buf.Bytes(), pid, from, w)
		if err != nil {
			return nil, err
		}
		if why = l.settle(at, edit); why == "" {
			m.good[key] = remembered
			return l, nil
		}
	}
	return nil, fmt.Errorf("%s: %s", key, why)
}

// packOf returns the rules that a Pruefidentifikator belongs to in a format version.
func packOf(pid ident.Pruefidentifikator, fv formats.FormatVersion) (*rules.Pack, error) {
	for _, info := range rules.List() {
		if info.FormatVersion != fv {
			continue
		}
		pack, err := rules.Load(fv, info.Name)
		if err != nil {
			return nil, err
		}
		if use, err := pack.UseCase(pid.String()); err == nil && use != nil {
			return pack, nil
		}
	}
	return nil, fmt.Errorf("%s has no %s", fv, pid)
}

// fit gives a sample the partners and numbers of the year.
func (m *mint) fit(data []byte, pid ident.Pruefidentifikator, from house, w way) (*letter, error) {
	l, err := parseLetter(data)
	if err != nil {
		return nil, err
	}
	l.pid = pid
	unb := l.first("UNB", "")
	if w.sparte == formats.Gas {
		l.turnToGas()
	}
	made := map[string]string{}
	for i, q := range []string{"MS", "MR"} {
		at, role, h := i+2, w.from, from
		if q == "MR" {
			role, h = w.to, from.other()
		}
		agency := map[string]string{"500": "293", "502": "332"}[unb.get(at, 2)]
		if nad := l.first("NAD", q); nad != nil {
			agency = nad.get(2, 3)
		}
		sparte := formats.Strom
		if agency == "332" {
			sparte = formats.Gas
		}
		unb.set(at, 2, map[formats.Sparte]string{formats.Strom: "500", formats.Gas: "502"}[sparte])
		made[unb.get(at, 1)] = h.mpID(role, sparte).String()
	}
	m.count++
	unb.set(5, 1, fmt.Sprintf("J%d%09d", from, m.count))
	numbers := 0
	for i := range l.segments {
		s := &l.segments[i]
		for _, e := range s.values {
			for c := range e {
				if id, ok := made[e[c]]; ok {
					e[c] = id
				}
			}
		}
		switch {
		case s.tag == "DTM" && s.get(1, 1) == "293" && s.get(1, 3) == "304": // the version of a series
			if version, err := time.Parse("20060102150405-07", s.get(1, 2)); err == nil {
				s.set(1, 2, version.Add(-time.Duration(m.count)*time.Second).Format("20060102150405")+"+00")
			}
		case s.tag == "BGM":
			made[s.get(2, 1)] = fmt.Sprintf("D%d%08d", from, m.count)
			s.set(2, 1, made[s.get(2, 1)])
		case s.tag == "IDE", s.tag == "DOC" && l.kind == "INSRPT":
			numbers++
			made[s.get(2, 1)] = fmt.Sprintf("V%d%08d%02d", from, m.count, numbers)
			s.set(2, 1, made[s.get(2, 1)])
		}
	}
	return l, nil
}

// turnToGas makes a message that both Sparten have one of Gas: MP-IDs of the DVGW, and days that begin at six.
func (l *letter) turnToGas() {
	for i := range l.segments {
		switch s := &l.segments[i]; {
		case s.tag == "NAD" && s.get(2, 3) == "293":
			s.set(2, 3, "332")
		case s.tag == "DTM" && s.get(1, 3) == "303" && s.get(1, 1) != "137":
			if at, err := time.Parse("200601021504-07", s.get(1, 2)); err == nil && at.In(formats.Berlin).Hour() == 0 {
				s.set(1, 2, at.Add(6*time.Hour).UTC().Format("200601021504")+"+00")
			}
		}
	}
}

// settle edits and repairs until both agree. It returns why they do not, empty if they do.
func (l *letter) settle(at time.Time, edit func(*letter) bool) (why string) {
	for range 3 {
		if !edit(l) {
			return "no place for what is to be written"
		}
		wanted, err := l.bytes()
		if err != nil {
			return err.Error()
		}
		if why = l.repair(at); why != "" {
			return why
		}
		if right, err := l.bytes(); err == nil && bytes.Equal(wanted, right) {
			return ""
		}
	}
	return "what is to be written is not right"
}

// repair takes codes that the rules name as right for these partners, until the gateway has nothing against the letter:
// which codes are right can depend on roles, and those the samples do not know. It returns what is left, empty if
// nothing is.
func (l *letter) repair(at time.Time) string {
	for range 6 {
		findings, err := l.findings(at)
		if err != nil {
			return err.Error()
		}
		if len(findings) == 0 {
			return ""
		}
		f := findings[0]
		if code := l.expected(f); code != "" {
			l.inMessage(f.SegmentNumber).set(f.Element-1, f.Component, code)
			continue
		}
		var out strings.Builder
		for _, f := range findings {
			fmt.Fprintf(&out, "%s %s %s %v: %s; ", f.Code, f.Path, f.Rule, f.Conditions, f.Text)
		}
		return out.String()
	}
	return "codes that are not to be had"
}

// expected returns a code that a finding asks for and that is not there yet, empty if it asks for something else.
func (l *letter) expected(f formats.Finding) string {
	if f.SegmentNumber == 0 || f.Element == 0 || f.Component == 0 || f.Code != "E3003" && f.Code != "E3005" {
		return ""
	}
	code, _, _ := strings.Cut(f.Expected, ",")
	code, _, _ = strings.Cut(code, " ")
	if code == l.inMessage(f.SegmentNumber).get(f.Element-1, f.Component) {
		return ""
	}
	return code
}

// inMessage returns the segment with a number in the message; UNB stands before it.
func (l *letter) inMessage(number int) *segment {
	i := slices.IndexFunc(l.segments, func(s segment) bool { return s.tag == "UNH" })
	return &l.segments[i+number-1]
}

// findings are the errors that the gateway finds in a letter.
func (l *letter) findings(at time.Time) (list []formats.Finding, err error) {
	data, err := l.bytes()
	if err != nil {
		return nil, err
	}
	r, err := check.File(bytes.NewReader(data), check.Options{At: at, Facts: facts{yearConfig(supplier)}})
	if err != nil {
		return nil, err
	}
	list = slices.Clone(r.Findings)
	for _, m := range r.Messages {
		list = append(list, m.Findings...)
		for _, t := range m.Transactions {
			list = append(list, t.Findings...)
		}
	}
	return slices.DeleteFunc(list, func(f formats.Finding) bool { return f.Severity != formats.Error }), nil
}

// yearConfig is the configuration of a house.
func yearConfig(h house) config.Config {
	c := config.Default()
	c.Own, c.Partners = h.parties(), h.other().parties()
	return c
}

// pair makes a message and an answer to it. A message that nothing answers comes alone, with an empty answer.
func (m *mint) pair(e *process.Entry, answer ident.Pruefidentifikator, at, answeredAt time.Time, edit, editAnswer func(*letter) bool) (request, back *letter, err error) {
	other, answered := process.Lookup(answer)
	sparte := formats.Sparte("")
	if answered && len(other.Sparten) == 1 {
		sparte = other.Sparten[0]
	}
	for _, w := range waysOf(e, other, sparte) {
		var failed error
		request, back, failed = m.both(e, other, w, at, answeredAt, edit, editAnswer)
		if failed != nil && w.sparte == formats.Gas {
			w.sparte = ""
			request, back, failed = m.both(e, other, w, at, answeredAt, edit, editAnswer)
		}
		if failed == nil {
			return request, back, nil
		}
		err = cmp.Or(err, failed)
	}
	return nil, nil, err
}

// both makes a message and, if there is one, its answer on one way.
func (m *mint) both(e, answer *process.Entry, w way, at, answeredAt time.Time, edit, editAnswer func(*letter) bool) (request, back *letter, err error) {
	from := w.sentBy()
	request, err = m.write(e.Pruefidentifikator, from, w, at, edit)
	if err != nil || answer == nil {
		return request, nil, err
	}
	returns := w.back()
	if request.first("UNB", "").get(3, 2) == "502" {
		returns.sparte = formats.Gas
	}
	back, err = m.write(answer.Pruefidentifikator, from.other(), returns, answeredAt, func(l *letter) bool {
		return editAnswer(l) && l.answers(request)
	})
	return request, back, err
}

// unreferenced are answers that say nowhere what they answer.
var unreferenced = []ident.Pruefidentifikator{"13006", "13007", "13010", "13011"}

// TestYearTraffic: for every Pruefidentifikator and every answer to it there is a letter.
func TestYearTraffic(t *testing.T) {
	t.Parallel()
	m := newMint()
	same := func(*letter) bool { return true }
	for _, at := range []time.Time{time.Date(2026, 5, 6, 8, 0, 0, 0, time.UTC), time.Date(2026, 11, 4, 8, 0, 0, 0, time.UTC)} {
		fv := formats.VersionAt(at)
		for i, e := range process.All() {
			if !e.ValidIn(fv) || raceEnabled && i%10 != 0 {
				continue
			}
			if _, _, err := m.pair(e, "", at, at, same, same); err != nil {
				t.Error(err)
			}
			for _, a := range e.Answers {
				if other, _ := process.Lookup(a.Pruefidentifikator); !other.ValidIn(fv) || slices.Contains(unreferenced, a.Pruefidentifikator) {
					continue
				}
				if _, _, err := m.pair(e, a.Pruefidentifikator, at, at.Add(time.Hour), same, same); err != nil {
					t.Errorf("%s answered by %s: %v", e.Pruefidentifikator, a.Pruefidentifikator, err)
				}
			}
		}
	}
}
