package event

import (
	"strconv"
	"strings"
	"time"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats/calendar"
	"github.com/marktbote/marktbote/formats/ident"
)

// kind is how a value is read and what it is in JSON.
type kind struct {
	// read returns the value of a segment, nil if it is empty, and notes what it took.
	read func(f *filler, n int, s *edifact.Segment, x *field) any
	// extra returns the value of a second field, whose name is the argument of the kind.
	extra func(f *filler, v any) any
	// whole returns a value that no single segment has.
	whole func(f *filler, root *instance, s slots, o *object) any

	schema, extraSchema schema // in JSON Schema
}

// kinds are the kinds of fields.
var kinds = map[string]kind{
	"text":        {read: readText, schema: typeText},
	"id":          {read: readText, schema: typeText}, // that other fields have as well
	"malo":        {read: readLocation(ident.KindMaLo), schema: typeText},
	"melo":        {read: readLocation(ident.KindMeLo), schema: typeText},
	"code":        {read: readCode, schema: refTo("code")},
	"number":      {read: readNumber, schema: typeInteger},
	"decimal":     {read: readDecimal, schema: refTo("decimal")},
	"quantity":    {read: readQuantity, schema: refTo("quantity")},
	"instant":     {read: readInstant, schema: refTo("instant")},
	"time":        {read: readTime, schema: refTo("time")},
	"answer":      {read: readAnswer, schema: refTo("answer")},
	"party":       {read: readParty, schema: refTo("party")},
	"name":        {read: readName, schema: refTo("name")},
	"address":     {read: readAddress, schema: refTo("address")},
	"contact":     {read: readContact, schema: refTo("contact")},
	"parts":       {read: readParts, schema: listOf(typeText)},
	"product":     {read: readProduct, schema: refTo("product")},
	"note":        {read: readNote, schema: refTo("note")},
	"description": {read: readDescription, schema: refTo("description")},
	"status":      {read: readStatus, schema: refTo("status")},
	"joined":      {read: readJoined, schema: typeText},
	"start": {read: readInstant, schema: refTo("instant"), extraSchema: refTo("day"),
		extra: func(f *filler, v any) any { return calendar.DayOf(f.p.env.Sparte, v.(time.Time)) }},
	"end": {read: readInstant, schema: refTo("instant"), extraSchema: refTo("day"),
		extra: func(f *filler, v any) any {
			return calendar.DayOf(f.p.env.Sparte, v.(time.Time).Add(-time.Nanosecond))
		}},
	"location": {read: readText, schema: typeText, extraSchema: typeText,
		extra: func(_ *filler, v any) any {
			if k := ident.KindOf(v.(string)); k != ident.KindUnknown {
				return k
			}
			return nil
		}},
	"earliest":        {whole: earliest, schema: refTo("instant")},
	"productPackages": {whole: productPackages, schema: listOf(refTo("productPackage"))},
	"levyPrivilege":   {whole: levyPrivilege, schema: refTo("levyPrivilege")},
	"msbs":            {whole: assignedMSBs, schema: listOf(refTo("assignedMsb"))},
}

func readText(f *filler, n int, s *edifact.Segment, x *field) any {
	if s.Empty(x.e, x.c) {
		return nil
	}
	f.take(n, x.e, x.c)
	return s.Text(x.e, x.c)
}

// readLocation reads an id of one kind of location, whose form tells the kind.
func readLocation(kind ident.Kind) func(*filler, int, *edifact.Segment, *field) any {
	return func(f *filler, n int, s *edifact.Segment, x *field) any {
		if ident.KindOf(s.Text(x.e, x.c)) != kind {
			return nil
		}
		return readText(f, n, s, x)
	}
}

func readCode(f *filler, n int, s *edifact.Segment, x *field) any {
	if s.Empty(x.e, x.c) {
		return nil
	}
	f.take(n, x.e, x.c)
	code := s.Text(x.e, x.c)
	return &Code{Code: code, Name: x.names[code]}
}

func readNumber(f *filler, n int, s *edifact.Segment, x *field) any {
	v, err := strconv.Atoi(s.Text(x.e, x.c))
	if err != nil || strconv.Itoa(v) != s.Text(x.e, x.c) {
		return nil // text to the format: it stays in the rest
	}
	f.take(n, x.e, x.c)
	return v
}

func readDecimal(f *filler, n int, s *edifact.Segment, x *field) any {
	if s.Empty(x.e, x.c) {
		return nil
	}
	f.take(n, x.e, x.c)
	return f.p.decimal(s, x.e, x.c)
}

// Quantity is a number with its unit, as the message writes it.
type Quantity struct {
	Value string `json:"value"` // decimal
	Unit  string `json:"unit,omitempty"`
}

func readQuantity(f *filler, n int, s *edifact.Segment, x *field) any {
	if s.Empty(x.e, x.c) {
		return nil
	}
	f.take(n, x.e, x.c, x.c+1)
	q := Quantity{Value: f.p.decimal(s, x.e, x.c), Unit: s.Text(x.e, x.c+1)}
	if u := unitCodes[q.Unit]; u != "" {
		q.Unit = u
	}
	return q
}

func readInstant(f *filler, n int, s *edifact.Segment, x *field) any {
	if s.Empty(x.e, x.c) {
		return nil
	}
	f.take(n, x.e, x.c, x.c+1)
	return f.p.instant(s)
}

// Period is a date, time or span of time that is no instant, day or month of the calendar: a day of every year, a term.
type Period struct {
	Value  string `json:"value"`
	Format string `json:"format"` // DE 2379
}

// readTime reads a DTM of any precision.
func readTime(f *filler, n int, s *edifact.Segment, x *field) any {
	if s.Empty(x.e, x.c) {
		return nil
	}
	f.take(n, x.e, x.c, x.c+1)
	switch format := s.Text(x.e, x.c+1); format {
	case "102", "303", "610":
		return f.p.dateOrInstant(s)
	default:
		return Period{Value: s.Text(x.e, x.c), Format: format}
	}
}

func readAnswer(f *filler, n int, s *edifact.Segment, x *field) any {
	if s.Empty(x.e, x.c) {
		return nil
	}
	f.take(n, x.e, x.c, x.c+1, x.c+3)
	return &Answer{Code: s.Text(x.e, x.c), Table: s.Text(x.e, x.c+1), Text: s.Text(x.e, x.c+3)}
}

func readParty(f *filler, n int, s *edifact.Segment, _ *field) any {
	if s.Empty(3, 1) {
		return nil
	}
	f.take(n, 3, 1, 3)
	return &Party{ID: ident.MarktpartnerID(s.Text(3, 1)), CodeList: s.Text(3, 3)}
}

func readName(f *filler, n int, s *edifact.Segment, _ *field) any {
	v := name(s)
	if v == nil {
		return nil
	}
	f.take(n, 5, 1, 2, 3, 4, 5, 6)
	return v
}

func readAddress(f *filler, n int, s *edifact.Segment, _ *field) any {
	v := address(s)
	if v.Name == nil && v.Details == nil && v.Street == nil && v.City == "" && v.PostalCode == "" && v.Country == "" {
		return nil
	}
	f.take(n, 4, 1, 2, 3, 4, 5)
	f.take(n, 6, 1, 2, 3, 4)
	f.take(n, 7, 1)
	f.take(n, 9, 1)
	f.take(n, 10, 1)
	if v.Name != nil {
		f.take(n, 5, 1, 2, 3, 4, 5, 6)
	}
	return v
}

func readContact(f *filler, n int, s *edifact.Segment, _ *field) any {
	if s.Empty(2, 1) {
		return nil
	}
	f.take(n, 2, 1, 2)
	return Contact{Type: s.Text(2, 2), Value: s.Text(2, 1)}
}

// ProductID is a PIA: a product or OBIS number with its code list, and codes that say more about it.
type ProductID struct {
	Code    string  `json:"code,omitempty"` // DE 7140
	List    string  `json:"list,omitempty"` // DE 7143
	Details []*Code `json:"details,omitempty"`
}

func readProduct(f *filler, n int, s *edifact.Segment, _ *field) any {
	v := ProductID{Code: s.Text(3, 1), List: s.Text(3, 2)}
	f.take(n, 3, 1, 2)
	for e := 4; e <= s.Elements(); e++ {
		if s.Is(e, 3, "Z16") && !s.Empty(e, 2) {
			f.take(n, e, 2, 3)
			v.Details = append(v.Details, &Code{Code: s.Text(e, 2)})
		}
	}
	return v
}

// Note is a FTX that can be of several kinds.
type Note struct {
	Qualifier string `json:"qualifier"`      // DE 4451
	Code      string `json:"code,omitempty"` // DE 4441
	Text      string `json:"text,omitempty"`
}

func readNote(f *filler, n int, s *edifact.Segment, _ *field) any {
	f.take(n, 2, 1)
	f.take(n, 4, 1)
	v := Note{Qualifier: s.Text(2, 1), Code: s.Text(4, 1)}
	for c := 1; c <= s.Components(5); c++ {
		v.Text += s.Text(5, c)
		f.take(n, 5, c)
	}
	return v
}

// Description is an IMD: what is ordered, or a property of it.
type Description struct {
	Type     string   `json:"type,omitempty"`     // DE 7077
	Property string   `json:"property,omitempty"` // DE 7081
	Code     string   `json:"code,omitempty"`     // DE 7009
	Text     []string `json:"text,omitempty"`     // DE 7008
}

func readDescription(f *filler, n int, s *edifact.Segment, _ *field) any {
	f.take(n, 2, 1)
	f.take(n, 3, 1)
	f.take(n, 4, 1, 4, 5)
	return Description{Type: s.Text(2, 1), Property: s.Text(3, 1), Code: s.Text(4, 1), Text: parts(s, 4, 4, 5)}
}

// StatusCodes is a STS: what became of something, and why.
type StatusCodes struct {
	Category string   `json:"category"`         // DE 9015
	Status   string   `json:"status,omitempty"` // DE 4405
	Table    string   `json:"table,omitempty"`  // DE 1131 of the status
	Reasons  []Answer `json:"reasons,omitempty"`
}

func readStatus(f *filler, n int, s *edifact.Segment, _ *field) any {
	v := StatusCodes{Category: s.Text(2, 1), Status: s.Text(3, 1), Table: s.Text(3, 2)}
	f.take(n, 2, 1)
	f.take(n, 3, 1, 2)
	for e := 4; e <= s.Elements(); e++ {
		if !s.Empty(e, 1) {
			f.take(n, e, 1, 2, 4)
			v.Reasons = append(v.Reasons, Answer{Code: s.Text(e, 1), Table: s.Text(e, 2), Text: s.Text(e, 4)})
		}
	}
	return v
}

// readParts reads the components of an element as a list.
func readParts(f *filler, n int, s *edifact.Segment, x *field) any {
	v := parts(s, x.e, x.c, s.Components(x.e))
	if v == nil {
		return nil
	}
	for c := range v {
		f.take(n, x.e, x.c+c)
	}
	return v
}

// readJoined reads a text that is spread over the components of an element.
func readJoined(f *filler, n int, s *edifact.Segment, x *field) any {
	v, ok := readParts(f, n, s, x).([]string)
	if !ok {
		return nil
	}
	return strings.Join(v, "")
}

// earliest returns the first instant of the time slices: from then on they hold instead of what was said before.
func earliest(_ *filler, _ *instance, s slots, o *object) any {
	var first time.Time
	for i, x := range o.fields {
		list, _ := s[i].([]any)
		if x.name != "validity" {
			continue
		}
		for _, v := range list {
			if at, ok := v.(*Object).Get("from").(time.Time); ok && (first.IsZero() || at.Before(first)) {
				first = at
			}
		}
	}
	if first.IsZero() {
		return nil
	}
	return first
}
