package process

import (
	"time"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats/calendar"
	"github.com/marktbote/marktbote/formats/event"
	"github.com/marktbote/marktbote/formats/ident"
)

var (
	tagAJT = edifact.MakeTag("AJT")
	tagCNI = edifact.MakeTag("CNI")
	tagDLI = edifact.MakeTag("DLI")
	tagDOC = edifact.MakeTag("DOC")
	tagDTM = edifact.MakeTag("DTM")
	tagEQD = edifact.MakeTag("EQD")
	tagIDE = edifact.MakeTag("IDE")
	tagNAD = edifact.MakeTag("NAD")
	tagRFF = edifact.MakeTag("RFF")
)

// Message is what identifies a message, and the message behind it, which must not be reused while this is.
type Message struct {
	Sender, Receiver ident.MarktpartnerID // NAD+MS, NAD+MR
	Interchange      string               // UNB 0020, empty without UNB
	Reference        string               // UNH 0062
	Type             string               // UNH 0065
	Document         string               // BGM 1004
	Code             string               // BGM 1001

	m    *edifact.Message
	head int // last segment before the first transaction; 0 if the message is one transaction
}

// Read takes what all transactions of a message share. unb is the UNB of its interchange and may be nil.
func Read(unb *edifact.Segment, m *edifact.Message) Message {
	msg := Message{Type: event.MessageType(m), Document: event.DocumentNumber(m), Code: event.DocumentCode(m), m: m}
	if unb != nil {
		msg.Interchange = unb.Text(6, 1)
	}
	if m.Len() > 0 {
		s := m.Segment(1)
		msg.Reference = s.Text(2, 1)
	}
	for n := 2; n <= m.Len(); n++ {
		switch tag := m.Tag(n); {
		case tag == tagNAD:
			s := m.Segment(n)
			switch {
			case s.Is(2, 1, "MS") && msg.Sender == "":
				msg.Sender = ident.MarktpartnerID(s.Text(3, 1))
			case s.Is(2, 1, "MR") && msg.Receiver == "":
				msg.Receiver = ident.MarktpartnerID(s.Text(3, 1))
			}
		case tag == tagIDE, tag == tagEQD, tag == tagCNI, tag == tagDOC && msg.Type == "INSRPT":
			msg.head = n - 1
			return msg
		}
	}
	return msg
}

// segments calls yield for the segments of the head and of a transaction, in their order.
func (msg *Message) segments(t *event.Transaction) func(yield func(n int) bool) {
	return func(yield func(n int) bool) {
		for n := 2; n <= min(msg.head, t.First-1); n++ {
			if !yield(n) {
				return
			}
		}
		for n := t.First; n <= min(t.Last, msg.m.Len()); n++ {
			if !yield(n) {
				return
			}
		}
	}
}

// Identifies returns what other messages can call a transaction by: its number, its document, and what the table adds.
// The object of the transaction is in t.
func (msg *Message) Identifies(t event.Transaction) []Key {
	keys := make([]Key, 0, 4)
	add := func(l Level, value string) {
		if value != "" {
			keys = append(keys, Key{l, msg.Sender, value})
		}
	}
	switch {
	case t.Number == "":
	case msg.Type == "IFTSTA":
		if msg.Document != "" {
			add(LevelItem, msg.Document+"/"+t.Number)
		}
	default:
		add(LevelTransaction, t.Number)
	}
	add(LevelDocument, msg.Document)
	if e, ok := Lookup(t.Pruefidentifikator); ok {
		for i := range e.keys {
			k := &e.keys[i]
			if k.level == LevelSeries {
				add(LevelSeries, msg.series(&t, ""))
				continue
			}
			msg.values(&t, k, func(value string) { add(k.level, value) })
		}
	}
	if msg.Interchange != "" && msg.Reference != "" {
		add(LevelMessage, msg.Interchange+"/"+msg.Reference)
	}
	return keys
}

// Refers returns what a transaction refers to, in the order of the table. Where it answers, at least one of the
// references with Answers must be known; the others can be about what does not exist, such as an objection that was
// never made.
func (msg *Message) Refers(t event.Transaction) []Reference {
	e, ok := Lookup(t.Pruefidentifikator)
	if !ok || len(e.refers) == 0 {
		return nil
	}
	refs := make([]Reference, 0, len(e.refers))
	facts := Facts{Code: msg.Code}
	for i := range e.refers {
		r := &e.refers[i]
		if r.only.hold(&facts) != yes {
			continue
		}
		msg.values(&t, r, func(value string) {
			refs = append(refs, Reference{r.relation, r.elements[0], Key{r.level, msg.sentBy(r.owner), value}})
		})
	}
	return refs
}

func (msg *Message) sentBy(o owner) ident.MarktpartnerID {
	switch o {
	case theirs:
		return msg.Receiver
	case own:
		return msg.Sender
	}
	return ""
}

// values calls found for every value that the elements of a reference have in the transaction.
//
// Spec: EDI@Energy AHBs, RFF and DOC of the Prüfidentifikatoren; IFTSTA MIG 2.0g, SG15 RFF+ACW and RFF+ADY
func (msg *Message) values(t *event.Transaction, r *reference, found func(value string)) {
	first, deep := "", false
	for n := range msg.segments(t) {
		var q, value string
		switch msg.m.Tag(n) {
		case tagDOC:
			deep = false
			s := msg.m.Segment(n)
			q, value = "DOC", s.Text(3, 1)
		case tagAJT, tagDLI: // in REMADV references to positions of the invoice follow
			deep = true
			continue
		case tagRFF:
			if deep && msg.Type == "REMADV" {
				continue
			}
			s := msg.m.Segment(n)
			q, value = s.Text(2, 1), s.Text(2, 2)
		}
		switch {
		case value == "":
		case len(r.elements) == 2 && q == r.elements[0]:
			first = value
		case len(r.elements) == 2 && q == r.elements[1] && first != "":
			found(first + "/" + value)
			return
		case len(r.elements) == 1 && q == r.elements[0]:
			if r.level == LevelSeries {
				value = msg.series(t, value)
			}
			if value != "" {
				found(value)
			}
			if q != "DOC" && msg.Type != "REMADV" && msg.Type != "INVOIC" { // these are about several
				return
			}
		}
	}
}

// series names a version of a time series: object, month and version; empty if one of them is missing. The version of
// a MSCONS is DTM+293.
//
// Spec: EDI@Energy MIGs, IFTSTA SG4 RFF+AUU, MSCONS SG6 DTM+293
func (msg *Message) series(t *event.Transaction, version string) string {
	month := ""
	for n := range msg.segments(t) {
		if msg.m.Tag(n) != tagDTM {
			continue
		}
		s := msg.m.Segment(n)
		switch {
		case month == "" && s.Is(2, 1, "492"):
			month = s.Text(2, 2)
		case version == "" && s.Is(2, 1, "293"):
			version = s.Text(2, 2)
		}
	}
	if t.Object == "" || month == "" || version == "" {
		return ""
	}
	return t.Object + "/" + month + "/" + version
}

// Facts returns what the message itself tells about deadlines. Dates of days count from their beginning in legal
// German time; of several with one qualifier the first one of the transaction counts.
func (msg *Message) Facts(t event.Transaction) Facts {
	f := Facts{Sparte: msg.Receiver.Sparte(), Code: msg.Code}
	for n := range msg.segments(&t) {
		if msg.m.Tag(n) != tagDTM {
			continue
		}
		s := msg.m.Segment(n)
		if at, ok := dateOf(&s); ok {
			q := s.Text(2, 1)
			if _, has := f.date(q); !has {
				f.Dates = append(f.Dates, Date{q, at})
			}
		}
	}
	return f
}

// dateOf reads a DTM that is an instant or a day.
func dateOf(s *edifact.Segment) (time.Time, bool) {
	if s.Is(2, 3, "102") {
		d, err := calendar.ParseDate(s.Value(2, 2))
		return d.At(0, 0), err == nil
	}
	at, err := calendar.ParseInstant(s.Text(2, 3), s.Value(2, 2))
	return at, err == nil
}
