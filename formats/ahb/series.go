package ahb

import (
	"bytes"
	"slices"
	"time"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/calendar"
	"github.com/marktbote/marktbote/formats/rules"
)

// NOTE: Intervals and series.
//
// That an interval must not end before it begins, and that a series must be complete, no row of a column says: it is
// said once for all of them. One pass over the segments of a transaction sees both. It follows each series by the end
// of its last value: as long as every value begins where the last one ended there is nothing to remember. Only when
// that fails are the values of the series collected and put in order (seriesfault.go).
//
// A value whose interval is missing or impossible has its own finding; its series is then not judged.

// pair is the qualifiers of DTM for start and end of one interval.
type pair struct {
	start, end string
	only       string // message type; empty: all
}

// pairs are what the documents call beginning and end of something. DTM+469 and 472 are an interval in IFTSTA only;
// elsewhere they may name one instant.
var pairs = [...]pair{
	{"163", "164", ""}, {"155", "156", ""}, {"Z42", "Z43", ""}, {"92", "93", ""}, {"158", "159", ""}, {"469", "472", "IFTSTA"},
}

// seriesRule says when the series of a Pruefidentifikator are complete.
type seriesRule struct {
	covers bool          // they fill the period of the transmission, which is a month if the message names one
	only   string        // if set, what the OBIS numbers contain that covers is asked of
	step   time.Duration // length of every interval, if the document names it
}

// seriesRules has the Pruefidentifikatoren whose series must be complete. Gas qualities (13007) and profiles (13010, 13012)
// have no period that all their values fill; between their values there must be no gap all the same. In a load profile of
// Gas (13008) only the profile itself (OBIS group C is 99) fills it, there are mean values of days and months beside it.
// The values of a family of profiles (13011) have no intervals.
//
// Spec: APERAK AHB 1.1 (Z30: list of Pruefidentifikatoren); MSCONS AHB 3.2 5.1, 7.1 (one value for each quarter hour)
var seriesRules = map[string]seriesRule{
	"13003": {covers: true}, "13005": {covers: true}, "13007": {}, "13008": {covers: true, only: ":99."}, "13010": {}, "13012": {},
	"13018": {covers: true, step: 15 * time.Minute}, "13020": {covers: true}, "13021": {covers: true}, "13022": {covers: true},
	"13023": {covers: true}, "13025": {covers: true, step: 15 * time.Minute}, "13026": {covers: true},
}

// timeKind is what a segment has to do with intervals and series.
type timeKind uint8

const (
	timeNone     timeKind = iota
	timeSpan              // DTM, start or end of some interval
	timePeriod            // DTM, start or end of the transmission
	timeMonth             // DTM, month of the transmission
	timeValue             // DTM, start or end of a value of a series
	timeObject            // LOC: series of another object begin
	timePosition          // LIN
	timeProduct           // PIA
	timeQuantity          // QTY
)

// timed is the timeKind of a node, for DTM with its pair and whether it is the end.
type timed struct {
	kind timeKind
	pair uint8
	end  uint8 // 0 or 1
}

// timesOf works out the timed of every node of the column; nil if none has to do with time.
func (c *compiler) timesOf() []timed {
	list := make([]timed, len(c.pack.Nodes))
	_, series := seriesRules[c.use.Pruefidentifikator]
	series = series && c.pack.Type == "MSCONS"
	found := false
	for i := range c.rows {
		r := &c.rows[i]
		n := &c.pack.Nodes[r.node]
		if i == 0 || r.group {
			continue
		}
		list[r.node] = timedOf(c.pack, n, series)
		found = found || list[r.node].kind >= timeSpan && n.Tag == tagDTM
	}
	if !found {
		return nil
	}
	return list
}

var (
	tagDTM = edifact.MakeTag("DTM")
	tagLOC = edifact.MakeTag("LOC")
	tagLIN = edifact.MakeTag("LIN")
	tagPIA = edifact.MakeTag("PIA")
	tagQTY = edifact.MakeTag("QTY")
)

// timedOf says what a segment has to do with time; series is set if it is one of a use case with series.
//
// Spec: MSCONS MIG 2.5, SG6, SG9, SG10
func timedOf(p *rules.Pack, n *rules.Node, series bool) timed {
	if n.Tag == tagDTM {
		first := p.Elements[n.Elements.First].Components.First
		codes := p.Codes(p.Components[first].Codes)
		for k := range pairs {
			x := &pairs[k]
			if len(codes) != 1 || x.only != "" && x.only != p.Type || codes[0] != x.start && codes[0] != x.end {
				continue
			}
			t := timed{kind: timeSpan, pair: uint8(k)}
			if codes[0] == x.end {
				t.end = 1
			}
			switch {
			case series && n.Group == "SG6":
				t.kind = timePeriod
			case series && n.Group == "SG10":
				t.kind = timeValue
			}
			return t
		}
		if series && n.Group == "SG6" && slices.Equal(codes, []string{"492"}) {
			return timed{kind: timeMonth}
		}
		return timed{}
	}
	if series {
		switch {
		case n.Tag == tagLOC && n.Group == "SG6":
			return timed{kind: timeObject}
		case n.Tag == tagLIN:
			return timed{kind: timePosition}
		case n.Tag == tagPIA && n.Group == "SG9":
			return timed{kind: timeProduct}
		case n.Tag == tagQTY && n.Group == "SG10":
			return timed{kind: timeQuantity}
		}
	}
	return timed{}
}

// span is an interval, as far as it has been read. Days are compared as days: both belong to it.
type span struct {
	inst    int32 // group instance it stands in, plus 1
	has     [2]bool
	day     [2]bool
	unix    [2]int64
	segment [2]int32
}

// chain is a series so far: the values of one OBIS number of an object. It may go on in another LIN.
type chain struct {
	product  []byte // DE 7140, with release characters
	start    int64
	end      int64 // of the last value
	last     int32 // segment of that end
	values   int
	unjudged bool // a value has no usable interval
	suspect  bool // some value does not follow on the one before, or has another length
}

// clock reads instants and sees intervals and series.
type clock struct {
	spans   [len(pairs)]span
	day     [8]byte // of the instant read last, CCYYMMDD
	dayUnix int64   // its start

	rule    seriesRule
	first   int32 // segment of the object
	period  span
	chains  []chain
	current int  // of chains, -1 if there is none
	waiting bool // a quantity has no interval yet
}

// intervals checks intervals and series of the transaction, and of the head if that is asked for.
//
// Spec: APERAK AHB 1.1 (Z30, Z34); MSCONS AHB 3.2 5.1, 7.1
func (c *Checker) intervals() {
	kinds := c.prog.times
	if kinds == nil {
		return
	}
	k := &c.clock
	*k = clock{rule: seriesRules[c.in.UseCase.Pruefidentifikator], chains: k.chains[:0], current: -1}
	n := int32(c.in.First)
	if c.in.Whole || c.in.Head {
		n = 1
	}
	k.first = n
	for ; n <= int32(c.in.Last); n++ {
		node := c.p.Nodes[n-1]
		if node < 0 {
			continue
		}
		switch t := kinds[node]; t.kind {
		case timeNone:
		case timeSpan, timePeriod, timeValue:
			c.endpoint(n, t)
		case timeMonth:
			c.month(n)
		case timeObject:
			c.finishSeries(n)
			k.first = n
		case timePosition:
			c.drop()
			k.current = -1
		case timeProduct:
			s := c.in.Message.Segment(int(n))
			k.current = c.chain(s.RawComponent(3, 1))
		case timeQuantity:
			c.drop()
			k.waiting = true
		}
	}
	c.finishSeries(int32(c.in.Last) + 1)
}

// endpoint takes the start or end of an interval.
func (c *Checker) endpoint(n int32, t timed) {
	s := &c.clock.spans[t.pair]
	if inst := c.p.Instance[n-1] + 1; s.inst != inst {
		*s = span{inst: inst}
	}
	unix, day, ok := c.readTime(n)
	if !ok {
		return
	}
	s.has[t.end], s.day[t.end], s.unix[t.end], s.segment[t.end] = true, day, unix, n
	if !s.has[1-t.end] || s.day[0] != s.day[1] {
		return
	}
	good := s.unix[0] < s.unix[1] || day && s.unix[0] == s.unix[1]
	if !good {
		c.reversed(s)
	}
	switch {
	case t.kind == timePeriod && good:
		c.clock.period = *s
	case t.kind == timeValue && good:
		c.addValue(s)
	}
}

// addValue adds an interval to the current series.
func (c *Checker) addValue(s *span) {
	k := &c.clock
	k.waiting = false
	if k.current < 0 {
		return
	}
	x := &k.chains[k.current]
	switch {
	case x.values == 0:
		x.start = s.unix[0]
	case s.unix[0] != x.end:
		x.suspect = true
	}
	if step := int64(k.rule.step / time.Second); step > 0 && s.unix[1]-s.unix[0] != step {
		x.suspect = true
	}
	x.end, x.last = s.unix[1], s.segment[1]
	x.values++
}

// drop gives up the series of a quantity without a usable interval.
func (c *Checker) drop() {
	if k := &c.clock; k.waiting {
		if k.waiting = false; k.current >= 0 {
			k.chains[k.current].unjudged = true
		}
	}
}

// chain returns the series of a product; -1 if it is not known whose values follow.
func (c *Checker) chain(product []byte) int {
	k := &c.clock
	if len(product) == 0 {
		return -1
	}
	if c.work -= len(k.chains); c.work < 0 {
		return -1
	}
	for i := range k.chains {
		if string(k.chains[i].product) == string(product) {
			return i
		}
	}
	k.chains = append(k.chains, chain{product: product})
	return len(k.chains) - 1
}

// month takes a month for the period. Only series of Strom have one.
//
// Spec: DE 2379 code 610
func (c *Checker) month(n int32) {
	s := c.in.Message.Segment(int(n))
	m, err := calendar.ParseMonth(s.Value(2, 2))
	if err != nil {
		return
	}
	from, to := calendar.MonthBounds(formats.Strom, m)
	c.clock.period = span{has: [2]bool{true, true}, unix: [2]int64{from.Unix(), to.Unix()}}
}

// finishSeries judges the series of the object that ends in front of segment n.
func (c *Checker) finishSeries(n int32) {
	c.drop()
	k := &c.clock
	for i := range k.chains {
		x := &k.chains[i]
		covers := k.rule.covers && k.period.has[0] && c.concerns(x)
		if x.values == 0 || x.unjudged || !x.suspect && (!covers || x.start == k.period.unix[0] && x.end == k.period.unix[1]) {
			continue
		}
		c.incomplete(x, n, covers)
	}
	k.chains, k.current, k.period = k.chains[:0], -1, span{}
}

// concerns reports whether the rule asks for all values of a series.
func (c *Checker) concerns(x *chain) bool {
	return bytes.Contains(c.unescape(x.product), []byte(c.clock.rule.only))
}
