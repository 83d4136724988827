package event

import (
	"errors"
	"strconv"
	"time"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats/calendar"
	"github.com/marktbote/marktbote/formats/ident"
)

// Meter is the data of the events meter.* and billing.delivery-note.*: the values of one MSCONS message, or what a
// reversal takes back. Which of Registers, Energies and Series is filled follows from the event type.
type Meter struct {
	Message Message `json:"message"`

	Object         string     `json:"object"` // id of the Meldepunkt, or the Konfigurations-ID of an iMS
	ObjectKind     ident.Kind `json:"objectKind"`
	DeviceNumber   string     `json:"deviceNumber,omitempty"`
	Version        time.Time  `json:"version"` // of two messages about the same values the later version holds
	OrderRef       string     `json:"orderRef,omitempty"`
	BaseMessageRef string     `json:"baseMessageRef,omitempty"`
	Cancels        string     `json:"cancels,omitempty"` // document number of the message that is void from now on
	Voids          []string   `json:"voids,omitempty"`   // ids of the events that became void; filled by the gateway
	Period         *Interval  `json:"period,omitempty"`  // transmission period

	Registers []Value   `json:"registers,omitempty"`
	Energies  []Value   `json:"energies,omitempty"`
	Series    []*Series `json:"series,omitempty"`

	Details  *Object   `json:"details,omitempty"`  // fields of the mapping file
	Personal *Object   `json:"personal,omitempty"` // contacts
	More     []Segment `json:"more,omitempty"`     // what no field takes
}

// Interval is a half open interval of time with the local days it begins and ends on.
type Interval struct {
	From     time.Time     `json:"from"`
	To       time.Time     `json:"to"`
	FirstDay calendar.Date `json:"firstDay"`
	LastDay  calendar.Date `json:"lastDay"` // included
}

// Value is one value of a register or of a period.
type Value struct {
	Line          int           `json:"line"` // LIN 1082
	OBIS          string        `json:"obis"`
	OBISList      string        `json:"obisList"` // PIA 7143
	Value         string        `json:"value"`    // decimal
	Unit          string        `json:"unit,omitempty"`
	Quality       *Code         `json:"quality"`
	UsageTime     time.Time     `json:"usageTime,omitzero"` // instant for which the reading counts
	UsageDay      calendar.Date `json:"usageDay,omitzero"`  // the local day that begins or runs at UsageTime
	ReadingDate   string        `json:"readingDate,omitempty"`
	ExecutionTime time.Time     `json:"executionTime,omitzero"`
	Interval      *Interval     `json:"interval,omitempty"`
	PowerPeriod   string        `json:"powerPeriod,omitempty"` // month (2026-11) or day (2026-11-16) of a maximum
	StatusInfo    []Status      `json:"statusInfo,omitempty"`
}

// Status is a status segment of a value.
type Status struct {
	Category string `json:"category"`
	Name     string `json:"name,omitempty"`
	Code     string `json:"code"`
}

var errReversed = errors.New("the interval does not end after its start")

// meter reads a MSCONS message.
//
// Spec: MSCONS MIG 2.5, SG1 to SG10
func (p *parser) meter(t Transaction, msg Message, row *mapping) *Meter {
	d := &Meter{Message: msg, Object: t.Object, ObjectKind: t.ObjectKind, Version: msg.DocumentTime}
	for _, r := range msg.References {
		switch {
		case r.Qualifier == "ACW":
			d.Cancels = r.Value
		case r.Qualifier == "Z30", r.Qualifier == "AGI" && correction(t):
			d.BaseMessageRef = r.Value
		case r.Qualifier == "AGI":
			d.OrderRef = r.Value
		}
	}
	last := t.Last
	if p.m.Tag(last) == edifact.UNT {
		last--
	}
	n := t.First
	for n <= last && p.m.Tag(n) != tagLIN {
		n++
	}
	p.meterHead(d, t, row, n-1)
	switch row.family {
	case readingFamily:
		d.Registers = p.values(n, last, d)
	case energyFamily:
		d.Energies = p.values(n, last, d)
	case profileFamily:
		d.Series = p.profile(n, last, d)
	case mixedFamily:
		switch intervals, readings := p.mixture(n, last); {
		case intervals:
			d.Series = p.profile(n, last, d)
		case readings:
			d.Registers = p.values(n, last, d)
		default:
			d.Energies = p.values(n, last, d)
		}
	default: // a reversal names the message and holds no values
		for ; n <= last; n++ {
			s := p.m.Segment(n)
			d.more(&s, n)
		}
	}
	return d
}

// meterHead reads what stands before the values.
//
// Spec: MSCONS MIG 2.5, SG5 to SG8
func (p *parser) meterHead(d *Meter, t Transaction, row *mapping, last int) {
	root := row.table.tree(p.m, span{1, last})
	f := &filler{p: p, taken: map[int][]edifact.Place{}}
	f.message(root, t)
	var from, to edifact.Segment
	for n := 1; n <= last; n++ {
		s := p.m.Segment(n)
		switch q := s.Text(2, 1); {
		case s.Tag() == tagNAD && q == "DP" && s.Empty(3, 1):
			f.take(n, 2, 1)
		case s.Tag() == tagLOC && q == "172" && (s.Is(3, 1, d.Object) || s.Empty(3, 1)),
			s.Tag() == tagRFF && q == "AGK" && s.Is(2, 2, d.Object):
			f.take(n, 2, 1, 2)
			f.take(n, 3, 1)
		case s.Tag() == tagRFF && q == "MG" && d.DeviceNumber == "":
			d.DeviceNumber = s.Text(2, 2)
			f.take(n, 2, 1, 2)
		case s.Tag() == tagDTM && q == "293":
			d.Version = p.instant(&s)
			f.take(n, 2, 1, 2, 3)
		case s.Tag() == tagDTM && q == "163" && from.Tag() == 0:
			from = s
			f.take(n, 2, 1, 2, 3)
		case s.Tag() == tagDTM && q == "164" && to.Tag() == 0:
			to = s
			f.take(n, 2, 1, 2, 3)
		}
	}
	if from.Tag() != 0 && to.Tag() != 0 {
		d.Period = p.interval(&from, &to)
	}
	o := row.table.object
	s := make(slots, len(o.fields))
	f.fill(o, s, root)
	details, personal := f.object(o, s)
	if details.Len() > 0 {
		d.Details = details
	}
	more, people := f.rest(root)
	if d.More = more; len(people) > 0 {
		personal.set("more", people)
	}
	if personal.Len() > 0 {
		d.Personal = personal
	}
}

// mixture reports whether every value of a message has an interval of its own, and whether one is a reading.
func (p *parser) mixture(first, last int) (intervals, readings bool) {
	open := false
	intervals = true
	for n := first; n <= last; n++ {
		switch p.m.Tag(n) {
		case tagQTY:
			intervals = intervals && !open
			open = true
		case tagDTM:
			s := p.m.Segment(n)
			if s.Is(2, 1, "164") {
				open = false
			}
			readings = readings || s.Is(2, 1, "7")
		}
	}
	return intervals && !open, readings
}

// more keeps a segment that the values do not have completely.
func (d *Meter) more(s *edifact.Segment, n int) {
	d.More = append(d.More, segmentOf(s, n, positionGroup(s.Tag())))
}

// positionGroup names the group that a segment of the values stands in.
func positionGroup(tag edifact.Tag) *group {
	switch tag {
	case tagLIN, tagPIA:
		return &group{name: "SG9"}
	case tagQTY, tagDTM, tagSTS:
		return &group{name: "SG10"}
	}
	return &group{}
}

// simple reports whether a segment has one data element of at most so many components.
func simple(s *edifact.Segment, components int) bool {
	return s.Elements() == 2 && s.Components(2) <= components
}

// plainProduct reports whether a PIA has the OBIS number and its list and nothing else.
func plainProduct(s *edifact.Segment) bool {
	return s.Elements() == 3 && s.Components(3) <= 2 && s.Is(2, 1, "5") && s.Components(2) == 1
}

// plainStatus reports whether a Status has everything of a STS.
func plainStatus(s *edifact.Segment) bool {
	n := s.Elements()
	return n == 3 && s.Components(3) == 1 && s.Components(2) == 1 ||
		n == 4 && s.Empty(3, 1) && s.Components(3) == 1 && s.Components(4) == 1 && s.Components(2) == 1
}

// correction reports whether the message brings correction energy, whose reference points at the reading instead of
// an order.
//
// Spec: MSCONS AHB 3.2 13019, SG1 RFF+AGI
func correction(t Transaction) bool {
	return t.Pruefidentifikator == "13019" && (t.ObjectKind == ident.KindMeLo || t.ObjectKind == KindConfiguration)
}

// interval reads two DTM segments.
func (p *parser) interval(from, to *edifact.Segment) *Interval {
	start, end := p.instant(from), p.instant(to)
	if p.err == nil && !end.After(start) {
		p.fail(to, 2, 2, errReversed)
	}
	return &Interval{
		From: start, To: end, FirstDay: calendar.DayOf(p.env.Sparte, start),
		LastDay: calendar.DayOf(p.env.Sparte, end.Add(-time.Nanosecond)),
	}
}

// values reads the positions of a message, one Value per QTY.
//
// Spec: MSCONS MIG 2.5, SG9 and SG10
func (p *parser) values(first, last int, d *Meter) []Value {
	var list []Value
	var line Value // what the values of a LIN share
	var from edifact.Segment
	for n := first; n <= last; n++ {
		s := p.m.Segment(n)
		switch s.Tag() {
		case tagLIN:
			line = Value{Line: d.line(&s, n)}
			continue
		case tagPIA:
			if line.OBIS != "" || !plainProduct(&s) {
				d.more(&s, n)
			}
			if line.OBIS == "" {
				line.OBIS, line.OBISList = s.Text(3, 1), s.Text(3, 2)
			}
			continue
		case tagQTY:
			if !simple(&s, 3) {
				d.more(&s, n)
			}
			v := line
			v.Quality, v.Value = named(qualityNames, s.Text(2, 1)), p.decimal(&s, 2, 2)
			v.Unit = unit(v.OBIS, s.Text(2, 3))
			if v.Quality == nil {
				p.fail(&s, 2, 1, errMissing)
			}
			list = append(list, v)
			continue
		}
		if len(list) == 0 {
			d.more(&s, n)
			continue
		}
		v := &list[len(list)-1]
		switch s.Tag() {
		case tagSTS:
			v.StatusInfo = append(v.StatusInfo, status(&s))
			if !plainStatus(&s) {
				d.more(&s, n)
			}
		case tagDTM:
			if !simple(&s, 3) {
				d.more(&s, n)
			}
			switch s.Text(2, 1) {
			case "163":
				from = s
			case "164":
				if from.Tag() != 0 {
					v.Interval = p.interval(&from, &s)
					from = edifact.Segment{}
				}
			case "7":
				v.UsageTime = p.instant(&s)
				v.UsageDay = calendar.DayOf(p.env.Sparte, v.UsageTime)
			case "9":
				v.ReadingDate = p.dateOrInstant(&s)
			case "60":
				v.ExecutionTime = p.instant(&s)
			case "306":
				v.PowerPeriod = p.dateOrInstant(&s)
			default:
				d.more(&s, n)
			}
		default:
			d.more(&s, n)
		}
	}
	return list
}

// line reads LIN 1082, which is text to the format: what is no number is 0, and the segment in the rest.
func (d *Meter) line(s *edifact.Segment, number int) int {
	n, err := strconv.Atoi(s.Text(2, 1))
	if err != nil || !simple(s, 1) || strconv.Itoa(n) != s.Text(2, 1) {
		d.more(s, number)
	}
	return n
}

// dateOrInstant reads a DTM whose precision must be kept: a month, a day or an instant.
//
// Spec: MSCONS MIG 2.5, SG10 DTM+9, DTM+306; DE 2379 codes 102, 303, 610
func (p *parser) dateOrInstant(s *edifact.Segment) string {
	switch s.Text(2, 3) {
	case "102":
		d, err := calendar.ParseDate(s.Value(2, 2))
		if err != nil {
			p.fail(s, 2, 2, err)
		}
		return d.String()
	case "610":
		m, err := calendar.ParseMonth(s.Value(2, 2))
		if err != nil {
			p.fail(s, 2, 2, err)
		}
		return m.String()
	}
	return p.instant(s).Format(time.RFC3339)
}

// status reads an STS of a value. The basis of an energy stands in DE 4405, all other codes in DE 9013.
//
// Spec: MSCONS MIG 2.5, SG10 STS
func status(s *edifact.Segment) Status {
	st := Status{Category: s.Text(2, 1), Code: s.Text(4, 1)}
	st.Name = statusNames[st.Category]
	if st.Code == "" {
		st.Code = s.Text(3, 1)
	}
	return st
}
