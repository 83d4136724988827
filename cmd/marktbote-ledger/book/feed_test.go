package book_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/marktbote/marktbote/cmd/marktbote-ledger/book"
	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/event"
	"github.com/marktbote/marktbote/formats/ident"
)

// The parties of the tests, and their objects.
const (
	lfa, lfn, nb, msb = "9999100000013", "9999100000099", "9999200000020", "9999300000037"
	gasLF, gasNB      = "9800100000012", "9800200000029"
	malo, melo        = "90000000019", "DE00099999999MUSTERBACH0000000001"
	gasMaLo, gasMeLo  = "90000000027", "DE70099999999MUSTERBACH0000000002"
)

// standIns are Pruefidentifikatoren whose events have the same shape, for those that package event does not map.
var standIns = map[string]string{
	"13002": "13017", "13008": "13025", "13009": "13019", "44002": "55002", "55037": "55005", "44037": "55005", "55038": "55005",
	"55013": "55002", "55022": "55004", "55023": "55005",
}

// standInTypes are the types of their events.
var standInTypes = map[string]string{
	"55037": "contract.assignment.ended", "44037": "contract.assignment.ended", "55038": "contract.assignment.future-cancelled",
	"55013": "contract.basic-supply.assigned", "55022": "contract.transaction-cancellation.requested",
	"55023": "contract.transaction-cancellation.confirmed",
}

// message is one message of the market.
type message struct {
	pid, bgm, document string
	at                 string // local time of the document, 2026-11-05 09:00
	from, to           string
	body               string // from NAD on, without UNS and UNT
	own                string // whose gateway it is; empty: to
}

// events sends a message through the translation of the gateway and returns its events as JSON.
func (m message) events(t *testing.T) []string {
	t.Helper()
	sparte := formats.Strom
	if strings.HasPrefix(m.from, "98") || strings.HasPrefix(m.to, "98") {
		sparte = formats.Gas
	}
	direction := event.In
	if m.own == m.from && m.own != "" {
		direction = event.Out
	}
	translate := func(pid string) ([]event.Event, error) {
		r := edifact.NewReader(strings.NewReader(m.text(pid)), edifact.Options{})
		var msg edifact.Message
		if err := r.NextMessage(&msg); err != nil {
			t.Fatalf("%s: %v", m.text(pid), err)
		}
		return event.FromMessage(event.Envelope{
			Direction: direction, SenderRole: role(m.from), RecipientRole: role(m.to), FormatVersion: "FV2610", Sparte: sparte,
		}, r.UNB(), &msg)
	}
	list, err := translate(m.pid)
	if _, none := errors.AsType[*event.NoMapping](err); none && standIns[m.pid] != "" {
		list, err = translate(standIns[m.pid])
		for i := range list {
			list[i].Pruefidentifikator = ident.Pruefidentifikator(m.pid)
			if name := standInTypes[m.pid]; name != "" {
				list[i].Type = "de.marktbote." + name + ".v1"
			}
		}
	}
	if err != nil || len(list) == 0 {
		t.Fatalf("%s %s: %v", m.pid, m.document, err)
	}
	var out []string
	for _, e := range list {
		text, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(text))
	}
	return out
}

func role(id string) string {
	switch id {
	case nb, gasNB:
		return "NB"
	case msb:
		return "MSB"
	}
	return "LF"
}

// text writes the message as interchange.
func (m message) text(pid string) string {
	kind := "MSCONS:D:04B:UN:2.5"
	if !strings.HasPrefix(pid, "13") {
		kind = "UTILMD:D:11A:UN:S2.2"
	}
	head := fmt.Sprintf("UNB+UNOC:3+%s:500+%s:500+261101:0900+R1'UNH+1+%s'BGM+%s+%s'DTM+137:%s?+00:303'", m.from, m.to, kind, m.bgm, m.document, stamp(m.at))
	parties := fmt.Sprintf("NAD+MS+%s::293'NAD+MR+%s::293'", m.from, m.to)
	loc, meter := "LOC+Z16", "LOC+Z17+"+gasMeLo+"'"
	if strings.HasPrefix(pid, "44") {
		loc, meter = "LOC+172", "SEQ+Z18'RFF+Z19:"+gasMeLo+"'"
	}
	body := strings.NewReplacer("{pid}", pid, "{LOC}", loc, "{MELO}", meter).Replace(m.body)
	if strings.HasPrefix(pid, "13") {
		first, rest, _ := strings.Cut(body, "|") // RFF before NAD, the rest after UNS
		return head + "RFF+Z13:" + pid + "'" + first + parties + "UNS+D'" + rest + "UNT+1+1'UNZ+1+R1'"
	}
	return head + parties + body + "UNT+1+1'UNZ+1+R1'"
}

// local parses a local time such as 2026-11-05 09:00, or a day.
func local(text string) time.Time {
	if len(text) == len(time.DateOnly) {
		text += " 00:00"
	}
	t, err := time.ParseInLocation("2006-01-02 15:04", text, formats.Berlin)
	if err != nil {
		panic(err)
	}
	return t.UTC()
}

func stamp(text string) string { return local(text).Format("200601021504") }

// vorgang is a UTILMD message with one transaction. dates are segments such as DTM+92.
func vorgang(pid, bgm, number, at, from, to, point, request string, dates ...string) message {
	loc, rff := "", ""
	if point != "" {
		loc = "{LOC}+" + point + "'"
	}
	if request != "" {
		rff = "RFF+TN:" + request + "'"
	}
	body := "IDE+24+" + number + "'"
	for _, d := range dates {
		body += d
	}
	return message{pid: pid, bgm: bgm, document: "D-" + number, at: at, from: from, to: to, body: body + "STS+7++E03'" + loc + "RFF+Z13:{pid}'" + rff}
}

func begin(at string) string { return "DTM+92:" + stamp(at) + "?+00:303'" }
func ends(at string) string  { return "DTM+93:" + stamp(at) + "?+00:303'" }

// row is a value of MSCONS.
type row struct {
	obis, quality, value string
	from, to             string // of an energy
	at                   string // of a reading
	month                string // of a maximum
}

// values is a MSCONS message with single values.
func values(pid, bgm, document, at, from, to, object string, rows ...row) message {
	body := "|NAD+DP'LOC+172+" + object + "'"
	for i, r := range rows {
		body += fmt.Sprintf("LIN+%d'PIA+5+%s:SRW'QTY+%s:%s'", i+1, strings.ReplaceAll(r.obis, ":", "?:"), r.quality, r.value)
		switch {
		case r.from != "":
			body += "DTM+163:" + stamp(r.from) + "?+00:303'DTM+164:" + stamp(r.to) + "?+00:303'"
		case r.at != "":
			body += "DTM+7:" + stamp(r.at) + "?+00:303'"
		}
		if r.month != "" {
			body += "DTM+306:" + strings.ReplaceAll(r.month, "-", "") + ":610'"
		}
	}
	return message{pid: pid, bgm: bgm, document: document, at: at, from: from, to: to, body: body}
}

// cancel is a cancellation of MSCONS.
func cancel(document, at, from, to, object, cancels string) message {
	return message{
		pid: "13006", bgm: "7", document: document, at: at, from: from, to: to,
		body: "RFF+ACW:" + cancels + "'|NAD+DP'LOC+172+" + object + "'",
	}
}

// profile is a load profile; value returns value and status of interval i.
func profile(pid, document, at, from, to, object, obis, start, end string, step time.Duration, value func(i int) (string, string)) message {
	var b strings.Builder
	first, last := local(start), local(end)
	fmt.Fprintf(&b, "|NAD+DP'LOC+172+%s'DTM+163:%s?+00:303'DTM+164:%s?+00:303'LIN+1'PIA+5+%s:SRW'", object, first.Format("200601021504"),
		last.Format("200601021504"), strings.ReplaceAll(obis, ":", "?:"))
	for i := 0; first.Before(last); i++ {
		v, quality := value(i)
		next := first.Add(step)
		fmt.Fprintf(&b, "QTY+%s:%s'DTM+163:%s?+00:303'DTM+164:%s?+00:303'", quality, v, first.Format("200601021504"), next.Format("200601021504"))
		first = next
	}
	bgm := "Z48"
	if pid == "13008" {
		bgm = "7"
	}
	return message{pid: pid, bgm: bgm, document: document, at: at, from: from, to: to, body: b.String()}
}

// all returns a profile whose values are all the same and true.
func all(value string) func(int) (string, string) {
	return func(int) (string, string) { return value, "220" }
}

// feed sends messages through the translation.
func feed(t *testing.T, messages ...message) []string {
	t.Helper()
	var list []string
	for _, m := range messages {
		list = append(list, m.events(t)...)
	}
	return list
}

// bookOf reads a feed into a book.
func bookOf(t failing, events ...string) *book.Book {
	t.Helper()
	b := book.New()
	for _, d := range documents(t, events) {
		b.Add(d)
	}
	return b
}

// documents reads a feed.
func documents(t failing, events []string) []*book.Document {
	t.Helper()
	var list []*book.Document
	for _, e := range events {
		d, err := book.Read([]byte(e))
		if err != nil {
			t.Fatal(err)
		}
		if d == nil {
			t.Fatalf("the event does not matter: %.200s", e)
		}
		list = append(list, d)
	}
	return list
}

// texts joins the statements of a period.
func texts(b *book.Book, p book.Period) string {
	var out bytes.Buffer
	for i, s := range b.Statements(p, book.Filter{}) {
		if i > 0 {
			out.WriteString("\n")
		}
		out.WriteString(s.Text())
	}
	return out.String()
}

// failing is what testing.T and rapid.T have in common.
type failing interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}
