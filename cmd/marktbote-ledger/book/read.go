package book

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The names of events, without prefix and version, that change what is known here.
const (
	startAsked      = "contract.supply-start.requested"
	endAsked        = "contract.supply-end.requested"
	supplyStarted   = "contract.supply-start.confirmed"
	basicAssigned   = "contract.basic-supply.assigned"
	basicRefused    = "contract.basic-supply.refused"
	feedInAssigned  = "contract.feed-in.assigned"
	supplyEnded     = "contract.supply-end.confirmed"
	supplyEndedGrid = "contract.supply-end.executed-by-grid"
	endAgreed       = "contract.supply-end.announcement-confirmed"
	assignmentEnded = "contract.assignment.ended"
	futureCancelled = "contract.assignment.future-cancelled"
	cancelAsked     = "contract.transaction-cancellation.requested"
	cancelAgreed    = "contract.transaction-cancellation.confirmed"

	readingReceived = "meter.reading.received"
	energyReceived  = "meter.energy.received"
	profileReceived = "meter.load-profile.received"
	valuesReversed  = "meter.values.reversed"
	noteReceived    = "billing.delivery-note.received"
	noteReversed    = "billing.delivery-note.reversed"
	balanceReceived = "balancing.allocation.received"
)

// effects are the events that matter, with their order among documents of the same minute: DTM+137 knows no seconds, and what
// ends a supply comes after what begins it. Requests change nothing; they tell which point an answer without one is about.
var effects = map[string]int{
	startAsked: 1, endAsked: 1, supplyStarted: 2, basicAssigned: 2, feedInAssigned: 2, basicRefused: 3,
	supplyEnded: 4, supplyEndedGrid: 4, endAgreed: 4, assignmentEnded: 4, futureCancelled: 5, cancelAsked: 6, cancelAgreed: 7,
	readingReceived: 1, energyReceived: 1, profileReceived: 1, noteReceived: 1, balanceReceived: 1, valuesReversed: 2, noteReversed: 2,
}

// The fixed parts of event types.
const (
	typePrefix = "de.marktbote."
	typeSuffix = ".v1"
)

// Document is what an event says, reduced to what a bill needs. Names and addresses of people are not kept.
type Document struct {
	Source   string    `json:"source"`
	ID       string    `json:"id"`
	Name     string    `json:"name"` // of the event, without prefix and version
	Own      string    `json:"own"`  // MP-ID of the mandator
	Sparte   string    `json:"sparte"`
	PID      string    `json:"pid"`
	Sender   string    `json:"sender"`
	Receiver string    `json:"receiver"`
	Time     time.Time `json:"time"`               // document time
	Version  time.Time `json:"version"`            // of values; else the document time
	Recorded time.Time `json:"recorded,omitzero"`  // commit in the gateway; zero: not said
	Disputed bool      `json:"disputed,omitempty"` // came again with other content

	Point      string `json:"point,omitempty"` // Marktlokation or Tranche, if the event says it
	Object     string `json:"object,omitempty"`
	ObjectKind string `json:"objectKind,omitempty"`

	Number      string `json:"number"`                // document number (BGM)
	Transaction string `json:"transaction,omitempty"` // number of the Vorgang
	Request     string `json:"request,omitempty"`     // number of the Vorgang that is answered
	Cancels     string `json:"cancels,omitempty"`     // number of what is cancelled

	Start  time.Time `json:"start,omitzero"`
	End    time.Time `json:"end,omitzero"` // excluded
	Reason string    `json:"reason,omitempty"`
	MeLos  []string  `json:"melos,omitempty"`

	Values []Value  `json:"values,omitempty"`
	Series []Series `json:"series,omitempty"`
}

// Value is one value of a register or a period.
type Value struct {
	OBIS    string    `json:"obis"`
	Amount  Amount    `json:"amount"`
	Unit    string    `json:"unit"`
	Quality string    `json:"quality"`          // MSCONS SG10 QTY DE 6063
	From    time.Time `json:"from,omitzero"`    // of a period
	To      time.Time `json:"to,omitzero"`      // excluded
	At      time.Time `json:"at,omitzero"`      // of a reading
	Power   string    `json:"power,omitempty"`  // month or day of a maximum
	Device  string    `json:"device,omitempty"` // of a reading
}

// Series is a run of values of equal length without gap.
type Series struct {
	OBIS    string        `json:"obis"`
	Unit    string        `json:"unit"`
	Start   time.Time     `json:"start"`
	Step    time.Duration `json:"step"`
	Amounts []Amount      `json:"amounts"`
	Quality []Run         `json:"quality"` // their counts sum up to len(Amounts)
}

// Run is a number of values in a row with the same status.
type Run struct {
	Code  string `json:"code"`
	Count int    `json:"count"`
}

// cloudEvent is the published form of an event, as far as it is read here.
type cloudEvent struct {
	SpecVersion  string    `json:"specversion"`
	ID           string    `json:"id"`
	Source       string    `json:"source"`
	Type         string    `json:"type"`
	Subject      string    `json:"subject"`
	PartitionKey string    `json:"partitionkey"`
	Time         time.Time `json:"time"`
	Recorded     time.Time `json:"recordedtime"`
	Sparte       string    `json:"sparte"`
	PID          string    `json:"pid"`
	Sender       string    `json:"sender"`
	SenderRole   string    `json:"senderrole"`
	Receiver     string    `json:"recipient"`
	ReceiverRole string    `json:"recipientrole"`
	Test         bool      `json:"testindicator"`
	DataRef      string    `json:"dataref"`
	Data         *data     `json:"data"`
}

// data are the fields of contract and meter events.
type data struct {
	Message struct {
		Document    string `json:"document"`
		Transaction string `json:"transaction"`
		References  []struct {
			Qualifier string `json:"qualifier"`
			Value     string `json:"value"`
		} `json:"references"`
	} `json:"message"`

	MaLoID     string    `json:"maloId"`
	TranchenID string    `json:"tranchenId"`
	MeLoIDs    []string  `json:"meloIds"`
	Start      time.Time `json:"start"`
	End        time.Time `json:"end"`
	Reason     *code     `json:"reason"`
	Request    string    `json:"requestTransaction"`

	// In gas the Messlokationen stand here, because LOC names one object only.
	Messlokation           json.RawMessage `json:"messlokation"`
	Zaehleinrichtungsdaten json.RawMessage `json:"zaehleinrichtungsdaten"`

	Object     string    `json:"object"`
	ObjectKind string    `json:"objectKind"`
	Device     string    `json:"deviceNumber"`
	Version    time.Time `json:"version"`
	Cancels    string    `json:"cancels"`
	Registers  []value   `json:"registers"`
	Energies   []value   `json:"energies"`
	Series     []struct {
		OBIS       string    `json:"obis"`
		Unit       string    `json:"unit"`
		Start      time.Time `json:"start"`
		End        time.Time `json:"end"`
		Resolution string    `json:"resolution"`
		Values     []Amount  `json:"values"`
		Quality    []Run     `json:"quality"`
	} `json:"series"`
}

type code struct {
	Code string `json:"code"`
}

type value struct {
	OBIS     string    `json:"obis"`
	Value    Amount    `json:"value"`
	Unit     string    `json:"unit"`
	Quality  *code     `json:"quality"`
	Usage    time.Time `json:"usageTime"`
	Power    string    `json:"powerPeriod"`
	Interval *struct {
		From time.Time `json:"from"`
		To   time.Time `json:"to"`
	} `json:"interval"`
}

// maxValues bounds the values of one event: a year of quarter hours of several registers, with room.
const maxValues = 1 << 20

// ErrByReference: the event points at its data instead of carrying them.
var ErrByReference = errors.New("book: the data of the event is elsewhere (dataref); ask the feed for whole events")

// Read reads one CloudEvent in JSON. It returns nil if the event does not matter here: another type, or a test. What
// matters and cannot be understood is an error, as is a version of a known type that is not known, because a bill without it
// would be wrong.
func Read(text []byte) (*Document, error) {
	var head struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return nil, fmt.Errorf("book: no event: %w", err)
	}
	name, known, err := eventName(head.Type)
	if err != nil || !known {
		return nil, err
	}
	var e cloudEvent
	if err := json.Unmarshal(text, &e); err != nil {
		return nil, fmt.Errorf("book: event of type %s: %w", head.Type, err)
	}
	if e.Test {
		return nil, nil //nolint:nilnil // no document is no failure
	}
	d, err := e.document(name)
	if err != nil {
		return nil, fmt.Errorf("book: event %s of type %s: %w", e.ID, e.Type, err)
	}
	return d, nil
}

// eventName returns the name in an event type, and whether it matters here.
func eventName(eventType string) (name string, known bool, err error) {
	rest, ours := strings.CutPrefix(eventType, typePrefix)
	if !ours {
		return "", false, nil
	}
	name, current := strings.CutSuffix(rest, typeSuffix)
	if current {
		_, known = effects[name]
		return name, known, nil
	}
	if i := strings.LastIndex(rest, ".v"); i > 0 && effects[rest[:i]] != 0 {
		return "", false, fmt.Errorf("book: version of %s is not known", eventType)
	}
	return "", false, nil
}

// document reduces the event.
func (e *cloudEvent) document(name string) (*Document, error) {
	switch {
	case e.SpecVersion != "1.0":
		return nil, fmt.Errorf("specversion %q is not known", e.SpecVersion)
	case e.ID == "" || e.Source == "":
		return nil, errors.New("it has no id or no source")
	case e.Time.IsZero():
		return nil, errors.New("it has no time")
	case e.Data == nil && e.DataRef != "":
		return nil, ErrByReference
	case e.Data == nil:
		return nil, errors.New("it has no data")
	}
	x := e.Data
	d := &Document{
		Source: e.Source, ID: e.ID, Name: name, Own: e.Source[strings.LastIndexByte(e.Source, ':')+1:], Sparte: e.Sparte, PID: e.PID,
		Sender: e.Sender, Receiver: e.Receiver, Time: e.Time.UTC(), Version: e.Time.UTC(), Recorded: e.Recorded.UTC(),
		Object: x.Object, ObjectKind: x.ObjectKind, Number: x.Message.Document, Transaction: x.Message.Transaction,
		Request: x.Request, Cancels: x.Cancels, MeLos: x.meters(),
	}
	if e.Recorded.IsZero() {
		d.Recorded = time.Time{}
	}
	d.Point = e.point()
	if strings.HasPrefix(name, "contract.") {
		return d, e.contract(d)
	}
	return d, e.meter(d)
}

// meters returns the Messlokationen that a contract event names, each once.
func (x *data) meters() []string {
	list := slices.Clone(x.MeLoIDs)
	for _, field := range []json.RawMessage{x.Messlokation, x.Zaehleinrichtungsdaten} {
		var rows []struct {
			MeLoID string `json:"messlokationId"`
		}
		if json.Unmarshal(field, &rows) != nil {
			continue // not there, or another field of this name in another use case
		}
		for _, r := range rows {
			if r.MeLoID != "" {
				list = append(list, r.MeLoID)
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// point returns the Marktlokation or Tranche of the event. The gateway may know the one behind a Messlokation and say so in the
// subject or the partition key.
func (e *cloudEvent) point() string {
	x := e.Data
	switch {
	case x.TranchenID != "":
		return x.TranchenID
	case x.MaLoID != "":
		return x.MaLoID
	case x.ObjectKind == "malo" || x.ObjectKind == "tranche":
		return x.Object
	}
	for _, s := range []string{e.Subject, e.PartitionKey} {
		if kind, id, ok := strings.Cut(s, "/"); ok && (kind == "malo" || kind == "tranche") {
			return id
		}
	}
	return ""
}

func (e *cloudEvent) contract(d *Document) error {
	x := e.Data
	d.Start, d.End = utc(x.Start), utc(x.End)
	if x.Reason != nil {
		d.Reason = x.Reason.Code
	}
	if d.Name == cancelAsked {
		for _, r := range x.Message.References {
			if r.Qualifier == "ACW" {
				d.Cancels = r.Value
			}
		}
	}
	if assignsSupply(d.Name) && d.Start.IsZero() {
		return errors.New("the supply has no start")
	}
	if endsSupply(d) && d.End.IsZero() && d.Start.IsZero() {
		return errors.New("the end of the supply has no date")
	}
	return nil
}

func (e *cloudEvent) meter(d *Document) error {
	x := e.Data
	if !x.Version.IsZero() {
		d.Version = utc(x.Version)
	}
	if (d.Name == valuesReversed || d.Name == noteReversed) && d.Cancels == "" {
		return errors.New("the cancellation names no document")
	}
	for _, v := range slices.Concat(x.Registers, x.Energies) {
		y := Value{OBIS: v.OBIS, Amount: v.Value, Unit: v.Unit, At: utc(v.Usage), Power: v.Power}
		if v.Quality != nil {
			y.Quality = v.Quality.Code
		}
		if v.Interval != nil {
			if y.From, y.To = utc(v.Interval.From), utc(v.Interval.To); !y.To.After(y.From) {
				return errors.New("an interval does not end after its start")
			}
		}
		if d.Name == readingReceived {
			y.Device = x.Device
		}
		d.Values = append(d.Values, y)
	}
	for i := range x.Series {
		s := &x.Series[i]
		step, err := parseStep(s.Resolution)
		if err != nil {
			return err
		}
		count := 0
		for _, r := range s.Quality {
			if r.Count <= 0 || r.Count > maxValues {
				return errors.New("the runs of status do not fit the values")
			}
			count += r.Count
		}
		n := len(s.Values)
		if n > maxValues || count != n || !s.End.Equal(s.Start.Add(time.Duration(n)*step)) {
			return fmt.Errorf("a series of %d values from %s to %s does not fit together", n, s.Start.Format(time.RFC3339), s.End.Format(time.RFC3339))
		}
		d.Series = append(d.Series, Series{OBIS: s.OBIS, Unit: s.Unit, Start: utc(s.Start), Step: step, Amounts: s.Values, Quality: s.Quality})
	}
	return nil
}

// utc keeps the zero time, so that documents compare by their JSON.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC()
}

// parseStep reads an ISO 8601 duration of hours and minutes such as PT15M.
func parseStep(text string) (time.Duration, error) {
	rest, ok := strings.CutPrefix(text, "PT")
	d, err := time.ParseDuration(strings.ToLower(rest))
	if !ok || err != nil || d < time.Minute || d > 24*time.Hour || d%time.Minute != 0 {
		return 0, fmt.Errorf("resolution %q is not known", text)
	}
	return d, nil
}
