package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/marktbote/marktbote/formats/check"
	"github.com/marktbote/marktbote/store"
)

// The states of an interchange, as other systems need them.
const (
	stateReceived  = "received"  // kept, not checked yet
	stateRefused   = "refused"   // rejected; an outgoing one is not sent
	stateWaiting   = "waiting"   // accepted, and on its way
	stateSent      = "sent"      // the transport of the partner has confirmed it
	statePublished = "published" // received, and its events are in the outbox
)

// maxRows bounds the transactions, findings and ledger entries in one answer.
const maxRows = 10_000

// interchange is the JSON form of an interchange. The findings are those of "marktbote check --format json".
type interchange struct {
	ID            int64     `json:"id"`
	Direction     string    `json:"direction"` // in, out
	State         string    `json:"state"`
	Verdict       string    `json:"verdict,omitempty"`
	Sender        string    `json:"sender"`
	Receiver      string    `json:"receiver"`
	Reference     string    `json:"reference"` // UNB 0020
	Type          string    `json:"type"`      // UNH 0065 of the first message
	FormatVersion string    `json:"format_version"`
	Sparte        string    `json:"sparte"`
	Test          bool      `json:"test"`
	Channel       string    `json:"channel"`
	Size          int64     `json:"size"` // bytes
	SHA256        string    `json:"sha256"`
	ReceivedAt    time.Time `json:"received_at"`
	CheckedAt     time.Time `json:"checked_at,omitzero"`
	FindingCount  int       `json:"finding_count"`
	Truncated     bool      `json:"truncated,omitempty"` // there are more rows than an answer has room for

	Messages  []message         `json:"messages"`
	Findings  []json.RawMessage `json:"findings"` // of the interchange itself
	Ledger    []entry           `json:"ledger"`
	Clearing  []item            `json:"clearing"`
	Decisions []decided         `json:"decisions,omitempty"`
	Links     links             `json:"links"`
}

type links struct {
	Self string `json:"self"`
	Raw  string `json:"raw"` // its bytes
}

type message struct {
	Reference      string            `json:"reference"`
	Type           string            `json:"type"`
	Version        string            `json:"version"`
	DocumentNumber string            `json:"document_number"`
	Verdict        string            `json:"verdict"`
	Transactions   []transaction     `json:"transactions"`
	Findings       []json.RawMessage `json:"findings"`
}

type transaction struct {
	Number             string            `json:"number"`
	Pruefidentifikator string            `json:"pruefidentifikator"`
	Object             string            `json:"object"`
	Verdict            string            `json:"verdict"`
	Findings           []json.RawMessage `json:"findings"`
}

// entry is something that is owed: to us for an outgoing interchange, by us for a received one.
type entry struct {
	Message     int       `json:"message,omitempty"`     // from 1; none: the interchange itself
	Transaction int       `json:"transaction,omitempty"` // from 1; none: the message itself
	Kind        string    `json:"kind"`                  // transport, contrl, aperak, answer
	State       string    `json:"state"`                 // open, met, late, missed, cancelled
	Due         time.Time `json:"due,omitzero"`
	Done        time.Time `json:"done,omitzero"`
	AnsweredBy  string    `json:"answered_by,omitempty"` // path of the interchange it came with
}

// item is a work item that waits for a person.
type item struct {
	ID          int64     `json:"id"`
	Step        string    `json:"step"`
	Target      string    `json:"target,omitempty"`
	Interchange string    `json:"interchange,omitempty"` // path
	Due         time.Time `json:"due"`
	Attempts    int       `json:"attempts"`
	Parked      bool      `json:"parked"`
	Reason      string    `json:"reason"`
}

// decided is what a person decided.
type decided struct {
	At      time.Time `json:"at"`
	Who     string    `json:"who"`
	Action  string    `json:"action"`
	Subject string    `json:"subject"`
	Reason  string    `json:"reason"`
}

func pathOf(id int64) string {
	if id == 0 {
		return ""
	}
	return fmt.Sprintf("/v1/interchanges/%d", id)
}

func itemOf(w store.Work) item {
	return item{
		ID: w.ID, Step: w.Kind, Target: w.Target, Interchange: pathOf(w.InterchangeID), Due: w.DueAt.UTC(), Attempts: w.Attempt,
		Parked: w.Parked, Reason: w.Reason,
	}
}

// load reads an interchange.
func (a *API) load(ctx context.Context, id int64) (*interchange, error) {
	var out *interchange
	err := a.Store.View(ctx, func(tx store.Tx) error {
		x, err := tx.Interchange(id)
		if err != nil {
			return err
		}
		out = head(x)
		if err := out.result(tx); err != nil {
			return err
		}
		return out.course(tx, x)
	})
	return out, err
}

func head(x store.Interchange) *interchange {
	return &interchange{
		ID: x.ID, Direction: string(x.Direction), Verdict: x.Verdict, Sender: x.Sender, Receiver: x.Recipient,
		Reference: x.ControlRef, Type: x.MessageType, FormatVersion: x.FormatVersion, Sparte: x.Sparte, Test: x.Test,
		Channel: x.Channel, Size: x.PayloadSize, SHA256: x.PayloadDigest, ReceivedAt: x.ReceivedAt.UTC(), CheckedAt: x.CheckedAt,
		FindingCount: x.FindingCount, Messages: []message{}, Findings: []json.RawMessage{}, Ledger: []entry{}, Clearing: []item{},
		Links: links{Self: pathOf(x.ID), Raw: fmt.Sprintf("/interchanges/%d/raw", x.ID)},
	}
}

// cut shortens rows to what an answer has room for.
func cut[T any](out *interchange, rows []T) []T {
	if len(rows) > maxRows {
		out.Truncated = true
		return rows[:maxRows]
	}
	return rows
}

// result adds what the check found.
func (x *interchange) result(tx store.Tx) error {
	messages, err := tx.Messages(x.ID)
	if err != nil {
		return err
	}
	transactions, err := tx.Transactions(x.ID)
	if err != nil {
		return err
	}
	findings, err := tx.Findings(x.ID)
	if err != nil {
		return err
	}
	for _, m := range cut(x, messages) { // their Index counts from 1 without gaps
		x.Messages = append(x.Messages, message{
			Reference: m.Reference, Type: m.Type, Version: m.Version, DocumentNumber: m.DocumentNo, Verdict: m.Verdict,
			Transactions: []transaction{}, Findings: []json.RawMessage{},
		})
	}
	at := func(index int) *message {
		if index < 1 || index > len(x.Messages) {
			return nil
		}
		return &x.Messages[index-1]
	}
	for _, t := range cut(x, transactions) {
		if m := at(t.MessageIndex); m != nil {
			m.Transactions = append(m.Transactions, transaction{
				Number: t.Number, Pruefidentifikator: t.Pruefidentifikator, Object: t.Subject, Verdict: t.Verdict, Findings: []json.RawMessage{},
			})
		}
	}
	for _, f := range cut(x, findings) {
		data := json.RawMessage(f.Data)
		if len(data) == 0 { // destroyed by retention
			data, _ = json.Marshal(map[string]string{"code": f.Code, "severity": f.Severity})
		}
		list := &x.Findings
		if m := at(f.MessageIndex); m != nil {
			list = &m.Findings
			if f.TransactionIndex > 0 && f.TransactionIndex <= len(m.Transactions) {
				list = &m.Transactions[f.TransactionIndex-1].Findings
			}
		}
		*list = append(*list, data)
	}
	return nil
}

// course adds what has happened to the interchange since, and what is owed.
func (x *interchange) course(tx store.Tx, row store.Interchange) error {
	ledger, err := tx.Ledger(x.ID)
	if err != nil {
		return err
	}
	x.State = stateOf(row, ledger)
	for _, e := range cut(x, ledger) {
		x.Ledger = append(x.Ledger, entry{
			Message: e.MessageIndex, Transaction: e.TransactionIndex, Kind: string(e.Kind), State: string(e.State), Due: e.DueAt, Done: e.DoneAt,
			AnsweredBy: pathOf(e.AnsweredBy),
		})
	}
	work, err := tx.WorkItems(store.WorkQuery{InterchangeID: x.ID, Parked: true, Limit: maxList})
	if err != nil {
		return err
	}
	for _, w := range work {
		x.Clearing = append(x.Clearing, itemOf(w))
	}
	decisions, err := tx.Decisions(store.DecisionQuery{InterchangeID: x.ID, Limit: maxList})
	for _, d := range decisions {
		x.Decisions = append(x.Decisions, decided{d.DecidedAt.UTC(), d.Actor, d.Action, d.Subject, d.Reason})
	}
	return err
}

func stateOf(x store.Interchange, ledger []store.LedgerEntry) string {
	sent := func(e store.LedgerEntry) bool { return e.Kind == store.LedgerTransport && !e.DoneAt.IsZero() }
	switch {
	case x.State == store.StateReceived:
		return stateReceived
	case x.Verdict != string(check.Accepted):
		return stateRefused
	case x.Direction == store.Out && slices.ContainsFunc(ledger, sent):
		return stateSent
	case x.Direction == store.In && x.State == store.StatePublished:
		return statePublished
	}
	return stateWaiting
}

// clearing lists the work that waits for a person, or with ?parked=false all that is still to be done.
func (a *API) clearing(w http.ResponseWriter, r *http.Request) {
	q := store.WorkQuery{Parked: true, Limit: listLimit}
	for name, values := range r.URL.Query() {
		n, err := strconv.ParseInt(values[0], 10, 64)
		switch {
		case name == "after" && err == nil && n >= 0:
			q.After = n
		case name == "limit" && err == nil && n >= 1 && n <= maxList:
			q.Limit = int(n)
		case name == "interchange" && err == nil && n >= 1:
			q.InterchangeID = n
		case name == "parked" && (values[0] == "true" || values[0] == "false"):
			q.Parked = values[0] == "true"
		default:
			answer(w, problem{
				Status: http.StatusBadRequest, Type: "request", Title: "The request is wrong",
				Detail: fmt.Sprintf("The query knows after=ITEM, limit=1 to %d, interchange=NUMBER and parked=true or false.", maxList),
			})
			return
		}
	}
	out := struct {
		Items []item `json:"items"`
		Next  string `json:"next,omitempty"` // path of the items behind these
	}{Items: []item{}}
	err := a.Store.View(r.Context(), func(tx store.Tx) error {
		list, err := tx.WorkItems(q)
		out.Items = out.Items[:0]
		for _, w := range list {
			out.Items = append(out.Items, itemOf(w))
		}
		return err
	})
	if err != nil {
		a.fail(w, err)
		return
	}
	if len(out.Items) == q.Limit {
		out.Next = fmt.Sprintf("/v1/clearing?after=%d&limit=%d&parked=%t", out.Items[q.Limit-1].ID, q.Limit, q.Parked)
		if q.InterchangeID > 0 {
			out.Next += fmt.Sprintf("&interchange=%d", q.InterchangeID)
		}
	}
	writeJSON(w, http.StatusOK, "application/json", out)
}
