package event

import (
	"slices"
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

// block is the SG8 that the walk over a transaction is in.
type block struct {
	location string
	kind     ident.Kind
}

// productPackages reads the packages of products, one object per package id.
//
// Spec: UTILMD MIG Strom S2.2, SG8 SEQ+Z79, ZH0
func productPackages(f *filler, root *instance, _ slots, _ *object) any {
	var list []*ProductPackage
	eachSG8(root, func(in *instance) {
		s := f.p.m.Segment(in.segments[0])
		if q := s.Text(2, 1); q != "Z79" && q != "ZH0" {
			return
		}
		id := s.Text(3, 1)
		i := slices.IndexFunc(list, func(p *ProductPackage) bool { return p.ID == id })
		if i < 0 {
			i = len(list)
			list = append(list, &ProductPackage{ID: id})
		}
		f.take(in.segments[0], 2, 1)
		f.take(in.segments[0], 3, 1)
		f.productPackage(list[i], in)
	})
	if list == nil {
		return nil
	}
	return list
}

// eachSG8 visits the blocks of a transaction.
func eachSG8(in *instance, visit func(*instance)) {
	if in.group.name == "SG8" {
		visit(in)
		return
	}
	for _, sub := range in.below {
		eachSG8(sub, visit)
	}
}

// productPackage reads one block of a package.
//
// Spec: UTILMD MIG Strom S2.2, SG8 PIA+5, SG10 CCI+Z65, Z66, CAV+ZH9, ZV4, Z75 to Z79
func (f *filler) productPackage(p *ProductPackage, in *instance) {
	first := len(p.Products)
	for _, n := range in.segments[1:] {
		if s := f.p.m.Segment(n); s.Tag() == tagPIA && s.Is(3, 2, "Z11") {
			f.take(n, 2, 1)
			f.take(n, 3, 1, 2)
			p.Products = append(p.Products, Product{Code: s.Text(3, 1)})
		}
	}
	for _, sub := range in.below {
		n := sub.segments[0]
		s := f.p.m.Segment(n)
		if s.Tag() != tagCCI {
			continue
		}
		if s.Is(2, 1, "Z65") && p.Coverage == nil {
			p.Coverage = named(coverageNames, s.Text(5, 1))
			f.take(n, 2, 1)
			f.take(n, 5, 1)
		}
		for _, m := range sub.segments[1:] {
			c := f.p.m.Segment(m)
			code, value := c.Text(2, 1), c.Text(2, 4)
			switch {
			case priorities[code] > 0 && p.Priority == 0:
				p.Priority = priorities[code]
				f.take(m, 2, 1)
			case code == "ZH9" && len(p.Products) > first:
				last := &p.Products[len(p.Products)-1]
				last.Properties = append(last.Properties, value)
				f.take(m, 2, 1, 4)
			case code == "ZV4" && len(p.Products) > first:
				last := &p.Products[len(p.Products)-1]
				last.Values = append(last.Values, value)
				f.take(m, 2, 1, 4)
			default:
				continue
			}
			f.take(n, 2, 1)
			f.take(n, 4, 1)
		}
	}
}

// levyPrivilege reads whether the customer pays lower levies.
//
// Spec: UTILMD MIG Strom S2.2, SG8 SEQ+Z75, SG10 CCI+Z61
func levyPrivilege(f *filler, root *instance, _ slots, _ *object) any {
	var l *LevyPrivilege
	eachSG8(root, func(in *instance) {
		for _, sub := range in.below {
			s := f.p.m.Segment(sub.segments[0])
			if s.Tag() != tagCCI || !s.Is(2, 1, "Z61") || l != nil {
				continue
			}
			l = &LevyPrivilege{Basis: named(levyNames, s.Text(4, 1))}
			for _, n := range sub.segments[1:] {
				if c := f.p.m.Segment(n); !c.Empty(2, 1) {
					l.Reasons = append(l.Reasons, c.Text(2, 1))
				}
			}
		}
	})
	if l == nil {
		return nil
	}
	return l
}

// assignedMSBs reads the metering operators of the locations.
//
// Spec: UTILMD MIG Strom S2.2, SG8 RFF, SG10 CCI+++ZB3, CAV+Z91, ZF0
func assignedMSBs(f *filler, root *instance, _ slots, _ *object) any {
	var list []*AssignedMSB
	eachSG8(root, func(in *instance) {
		s := f.p.m.Segment(in.segments[0])
		b := block{}
		if q := s.Text(2, 1); q == "Z01" || q == "Z98" {
			b.kind, b.location = ident.KindMaLo, f.maloOf(root)
		}
		for _, n := range in.segments[1:] {
			if ref := f.p.m.Segment(n); ref.Tag() == tagRFF {
				b.location = ref.Text(2, 2)
				if k := locationKinds[ref.Text(2, 1)]; k != "" {
					b.kind = k
				}
			}
		}
		for _, sub := range in.below {
			c := f.p.m.Segment(sub.segments[0])
			if !c.Is(4, 1, "ZB3") {
				continue
			}
			var last *AssignedMSB
			for _, n := range sub.segments[1:] {
				v := f.p.m.Segment(n)
				switch id := ident.MarktpartnerID(v.Text(2, 2)); {
				case v.Is(2, 1, "Z91"):
					last = &AssignedMSB{
						Location: b.location, LocationKind: b.kind, ID: id,
						Role: named(msbRoleNames, v.Text(2, 4)), Basis: named(msbBasisNames, v.Text(2, 5)),
					}
					list = append(list, last)
					f.take(n, 2, 1, 2, 4, 5)
					f.take(sub.segments[0], 4, 1)
				case v.Is(2, 1, "ZF0") && last != nil && last.GMSB == "":
					last.GMSB = id
					f.take(n, 2, 1, 2)
				}
			}
		}
	})
	if list == nil {
		return nil
	}
	return list
}

// locationKinds are the kinds of locations by the reference that names one.
//
// Spec: UTILMD MIG Strom S2.2, SG8 RFF+Z18 to Z20, Z32, Z37, Z38
var locationKinds = map[string]ident.Kind{
	"Z18": ident.KindMaLo, "Z19": ident.KindMeLo, "Z20": KindTranche, "Z32": ident.KindNeLo, "Z37": ident.KindTR, "Z38": ident.KindSR,
}

// maloOf returns the MaLo of a transaction.
func (f *filler) maloOf(in *instance) string {
	for _, sub := range in.below {
		if s := f.p.m.Segment(sub.segments[0]); s.Tag() == tagLOC && s.Is(2, 1, "Z16") {
			return s.Text(3, 1)
		}
		if id := f.maloOf(sub); id != "" {
			return id
		}
	}
	return ""
}
