package event

import (
	"bytes"
	"errors"
	"strconv"
	"time"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats/calendar"
)

// NOTE: A load profile is three segments per value, and messages of thousands of values are the bulk of all
// traffic. The end of one interval is the start of the next in all but broken messages, so the start is compared as
// text and only the end is parsed. Invariants of a Series: Start + Values.Len() x step == End; the counts of Quality
// sum up to Values.Len(); the runs of StatusInfo ascend and do not overlap. A value that does not follow on the one
// before, or has another length, begins a new Series, so that no value ever stands for the wrong time.

// Series is a run of values of equal length without gap for one OBIS number.
type Series struct {
	Line          int           `json:"line"` // LIN 1082
	OBIS          string        `json:"obis"`
	OBISList      string        `json:"obisList"`
	Unit          string        `json:"unit,omitempty"`
	Start         time.Time     `json:"start"`
	End           time.Time     `json:"end"`        // excluded
	Resolution    string        `json:"resolution"` // ISO 8601 duration of one value, such as PT15M
	FirstDay      calendar.Date `json:"firstDay"`   // local day of the first value
	LastDay       calendar.Date `json:"lastDay"`    // local day of the last value
	Count         int           `json:"count"`
	ExpectedCount int           `json:"expectedCount"` // values that the transmission period has at this resolution
	Values        Decimals      `json:"values"`
	Quality       []QualityRun  `json:"quality"`
	StatusInfo    []StatusRun   `json:"statusInfo,omitempty"`

	step      time.Duration
	statusKey []byte // raw status segments of the last run
}

// QualityRun is a number of values in a row with the same status. The runs follow on each other.
type QualityRun struct {
	Code  string `json:"code"`
	Name  string `json:"name,omitempty"`
	Count int    `json:"count"`
}

// StatusRun is a number of values in a row with the same status segments, from value From on, counted from 0.
type StatusRun struct {
	From   int      `json:"from"`
	Count  int      `json:"count"`
	Status []Status `json:"status"`
}

var (
	errInterval = errors.New("the value has no interval")
	errUnit     = errors.New("the unit changes inside a position")
)

// profileParser walks over the positions of a load profile.
type profileParser struct {
	p      *parser
	period *Interval
	series []*Series
	cur    *Series // nil before the first value of a LIN

	line           int
	obis, obisList string

	qty      edifact.Segment // QTY waiting for its interval and status; Tag 0: none
	from, to edifact.Segment
	lastTo   []byte // raw value of the DTM+164 before
	statuses []int  // segment numbers
	key      []byte
}

// profile reads the positions of a load profile.
//
// Spec: MSCONS MIG 2.5, SG9 and SG10; MSCONS AHB 3.2 13018, 13025
func (p *parser) profile(first, last int, d *Meter) []*Series {
	w := &profileParser{p: p, period: d.Period}
	for n := first; n <= last && p.err == nil; n++ {
		switch p.m.Tag(n) {
		case tagLIN:
			w.flush()
			s := p.m.Segment(n)
			w.line, w.obis, w.obisList, w.cur = d.line(&s, n), "", "", nil
		case tagPIA:
			s := p.m.Segment(n)
			if w.obis != "" || !plainProduct(&s) {
				d.more(&s, n)
			}
			if w.obis == "" {
				w.obis, w.obisList = s.Text(3, 1), s.Text(3, 2)
			}
		case tagQTY:
			w.flush()
			w.qty = p.m.Segment(n)
			if !simple(&w.qty, 3) {
				d.more(&w.qty, n)
			}
		case tagDTM:
			s := p.m.Segment(n)
			switch q := s.RawComponent(2, 1); {
			case string(q) == "163" && w.from.Tag() == 0 && simple(&s, 3):
				w.from = s
			case string(q) == "164" && w.to.Tag() == 0 && simple(&s, 3):
				w.to = s
			default:
				d.more(&s, n)
			}
		case tagSTS:
			w.statuses = append(w.statuses, n)
			if s := p.m.Segment(n); !plainStatus(&s) {
				d.more(&s, n)
			}
		default:
			s := p.m.Segment(n)
			d.more(&s, n)
		}
	}
	w.flush()
	for _, s := range w.series {
		w.finish(s)
	}
	return w.series
}

// flush adds the value that is waiting.
func (w *profileParser) flush() {
	if w.qty.Tag() == 0 || w.p.err != nil {
		return
	}
	if w.from.Tag() == 0 || w.to.Tag() == 0 {
		w.p.fail(&w.qty, 2, 2, errInterval)
		return
	}
	end := w.end()
	if w.p.err != nil {
		return
	}
	// The interval fits if it starts where the last one ended and is as long.
	follows := w.cur != nil && bytes.Equal(w.from.RawComponent(2, 2), w.lastTo) && end.Sub(w.cur.End) == w.cur.step
	if !follows {
		start := w.p.instant(&w.from)
		if w.p.err == nil && !end.After(start) {
			w.p.fail(&w.to, 2, 2, errReversed)
		}
		if w.p.err != nil {
			return
		}
		if w.cur == nil || !start.Equal(w.cur.End) || end.Sub(start) != w.cur.step {
			w.cur = w.open(start, end.Sub(start))
		}
	}
	w.add(end)
	w.lastTo = w.to.RawComponent(2, 2)
	w.qty, w.from, w.to, w.statuses = edifact.Segment{}, edifact.Segment{}, edifact.Segment{}, w.statuses[:0]
}

// end parses the end of the waiting interval. Without UNA of its own a value reads 202611302300?+00, and taking the
// release character out of every one would cost more than all the rest.
func (w *profileParser) end() time.Time {
	raw := w.to.RawComponent(2, 2)
	var plain [15]byte
	if len(raw) == 16 && raw[12] == w.to.Service().Release && raw[13] == '+' && string(w.to.RawComponent(2, 3)) == "303" {
		copy(plain[:12], raw)
		copy(plain[12:], raw[13:])
		if t, err := calendar.ParseInstant("303", plain[:]); err == nil {
			return t
		}
	}
	return w.p.instant(&w.to)
}

// open begins a series.
func (w *profileParser) open(start time.Time, step time.Duration) *Series {
	s := &Series{
		Line: w.line, OBIS: w.obis, OBISList: w.obisList, Unit: unit(w.obis, w.qty.Text(2, 3)),
		Start: start, End: start, Resolution: duration(step), step: step,
	}
	w.series = append(w.series, s)
	return s
}

// add appends the waiting value to the current series.
func (w *profileParser) add(end time.Time) {
	s := w.cur
	if err := s.Values.add(w.qty.Value(2, 2), w.qty.Service().Decimal); err != nil {
		w.p.fail(&w.qty, 2, 2, err)
		return
	}
	if u := w.qty.RawComponent(2, 3); len(u) > 0 && unit(w.obis, string(u)) != s.Unit {
		w.p.fail(&w.qty, 2, 3, errUnit)
		return
	}
	s.End = end
	code := w.qty.Value(2, 1)
	if n := len(s.Quality); n > 0 && s.Quality[n-1].Code == string(code) {
		s.Quality[n-1].Count++
	} else {
		s.Quality = append(s.Quality, QualityRun{Code: string(code), Name: qualityNames[string(code)], Count: 1})
	}
	if len(w.statuses) > 0 {
		w.addStatus(s)
	}
}

// addStatus extends the last run of status segments or begins a new one.
func (w *profileParser) addStatus(s *Series) {
	w.key = w.key[:0]
	for _, n := range w.statuses {
		seg := w.p.m.Segment(n)
		w.key = append(append(w.key, seg.Raw()...), 0)
	}
	at := s.Values.Len() - 1
	if n := len(s.StatusInfo); n > 0 {
		if run := &s.StatusInfo[n-1]; run.From+run.Count == at && bytes.Equal(s.statusKey, w.key) {
			run.Count++
			return
		}
	}
	run := StatusRun{From: at, Count: 1}
	for _, n := range w.statuses {
		seg := w.p.m.Segment(n)
		run.Status = append(run.Status, status(&seg))
	}
	s.StatusInfo = append(s.StatusInfo, run)
	s.statusKey = append(s.statusKey[:0], w.key...)
}

// finish fills what follows from the values.
//
// Spec: MSCONS AHB 3.2 ch. 5.1, 7.1 (complete series)
func (w *profileParser) finish(s *Series) {
	sparte := w.p.env.Sparte
	s.FirstDay, s.LastDay = calendar.DayOf(sparte, s.Start), calendar.DayOf(sparte, s.End.Add(-time.Nanosecond))
	s.Count = s.Values.Len()
	s.ExpectedCount = s.Count
	if w.period != nil {
		s.ExpectedCount = calendar.Count(w.period.From, w.period.To, s.step)
	}
}

// duration formats d as ISO 8601 duration in hours and minutes; the intervals of the market have no seconds.
func duration(d time.Duration) string {
	h, m := int(d/time.Hour), int(d%time.Hour/time.Minute)
	switch {
	case m == 0:
		return "PT" + strconv.Itoa(h) + "H"
	case h == 0:
		return "PT" + strconv.Itoa(m) + "M"
	}
	return "PT" + strconv.Itoa(h) + "H" + strconv.Itoa(m) + "M"
}
