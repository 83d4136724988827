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
func (p *parser) meter(t Transaction, msg Message, kind family) *Meter {
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
	n := t.First
	var from, to edifact.Segment
	for ; n <= t.Last && p.m.Tag(n) != tagLIN; n++ {
		s := p.m.Segment(n)
		switch {
		case s.Tag() == tagRFF && s.Is(2, 1, "MG"):
			d.DeviceNumber = s.Text(2, 2)
		case s.Tag() == tagDTM && s.Is(2, 1, "293"):
			d.Version = p.instant(&s)
		case s.Tag() == tagDTM && s.Is(2, 1, "163"):
			from = s
		case s.Tag() == tagDTM && s.Is(2, 1, "164"):
			to = s
		}
	}
	if from.Tag() != 0 && to.Tag() != 0 {
		d.Period = p.interval(&from, &to)
	}
	switch kind {
	case readingFamily:
		d.Registers = p.values(n, t.Last)
	case energyFamily:
		d.Energies = p.values(n, t.Last)
	case profileFamily:
		d.Series = p.profile(n, t.Last, d.Period)
	default: // a reversal names the message and holds no values
	}
	return d
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
func (p *parser) values(first, last int) []Value {
	var list []Value
	var line Value // what the values of a LIN share
	var from edifact.Segment
	for n := first; n <= last; n++ {
		s := p.m.Segment(n)
		switch s.Tag() {
		case tagLIN:
			line = Value{Line: p.line(&s)}
			continue
		case tagPIA:
			line.OBIS, line.OBISList = s.Text(3, 1), s.Text(3, 2)
			continue
		case tagQTY:
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
			continue
		}
		v := &list[len(list)-1]
		switch s.Tag() {
		case tagSTS:
			v.StatusInfo = append(v.StatusInfo, status(&s))
		case tagDTM:
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
			}
		}
	}
	return list
}

// line reads LIN 1082.
func (p *parser) line(s *edifact.Segment) int {
	n, err := strconv.Atoi(s.Text(2, 1))
	if err != nil {
		p.fail(s, 2, 1, errors.New("it is no position number"))
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
