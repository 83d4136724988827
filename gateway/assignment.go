package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/ack"
	"github.com/marktbote/marktbote/formats/check"
	"github.com/marktbote/marktbote/formats/event"
	"github.com/marktbote/marktbote/formats/ident"
	"github.com/marktbote/marktbote/formats/process"
	"github.com/marktbote/marktbote/store"
)

// ReadAssignments returns the table in the binary with the lines of a file in addition; without a name, the table alone.
func ReadAssignments(name string) (*process.Assignments, error) {
	if name == "" {
		return process.KnownAssignments(), nil
	}
	text, err := os.ReadFile(name) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, fmt.Errorf("assignment_file: %w", err)
	}
	table, err := process.ParseAssignments(string(text))
	if err != nil {
		return nil, fmt.Errorf("assignment_file: %s: %w", name, err)
	}
	return table, nil
}

// maxQuestions is how many questions a Lookup is asked at once.
const maxQuestions = 1000

// assign makes the assignment check of the transactions that the check of the file accepted, rejects in the result what
// fails, and returns what the APERAK say about it. It reads the file again only if it has a transaction that may be
// rejected at all. The steps are made in their order; the first that fails is reported, and the first whose outcome
// nobody knows lets the transaction pass.
//
// Spec: APERAK AHB 1.1 2.1.3 (assignment check)
func (g *Gateway) assign(ctx context.Context, x store.Interchange, result *check.Result) ([]ack.Outside, error) {
	if x.Direction != store.In || g.channel == nil || !g.mayReject(result) {
		return nil, nil // also who answers nobody rejects nothing
	}
	body, err := g.payload(ctx, x.PayloadDigest)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	a := assigner{g: g, ctx: ctx, result: result, at: x.ReceivedAt}
	r := edifact.NewReader(body, edifact.Options{MaxMessageBytes: g.config.MaxMessageBytes})
	var m edifact.Message
	for i := range result.Messages {
		if err := r.NextMessage(&m); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		if err := a.message(i, r.UNB(), &m); err != nil {
			return nil, err
		}
	}
	return a.found, a.flush()
}

// mayReject reports whether the assignment check is foreseen for a transaction of the file.
func (g *Gateway) mayReject(result *check.Result) bool {
	if result.Verdict != check.Accepted {
		return false
	}
	for i := range result.Messages {
		for _, t := range result.Messages[i].Transactions {
			if _, ok := g.assignments.Line(result.FormatVersion, ident.Pruefidentifikator(t.Pruefidentifikator)); ok {
				return true
			}
		}
	}
	return false
}

// assigner makes the assignment check of one file.
type assigner struct {
	g      *Gateway
	ctx    context.Context //nolint:containedctx // lives for one file
	result *check.Result
	at     time.Time // receipt

	questions []Question
	steps     []assignmentStep // whose questions have no answers yet
	found     []ack.Outside
}

// assignmentStep is one step of the check of one transaction, with its questions: the first of them and how many.
type assignmentStep struct {
	message, transaction int
	first, count         int
	code                 string // of APERAK; empty: it may not be reported
	content              ack.Content
	finding              formats.Finding
}

// message prepares the steps of all transactions of a message.
func (a *assigner) message(i int, unb *edifact.Segment, m *edifact.Message) error {
	var msg process.Message
	judged := a.result.Messages[i].Transactions
	for k, t := range event.Transactions(m) {
		if k >= len(judged) || judged[k].Verdict != check.Accepted {
			continue
		}
		line, ok := a.g.assignments.Line(a.result.FormatVersion, t.Pruefidentifikator)
		if !ok {
			continue
		}
		if msg.Type == "" {
			msg = process.Read(unb, m)
		}
		if len(a.questions) >= maxQuestions/2 {
			if err := a.flush(); err != nil {
				return err
			}
		}
		for _, c := range line.Checks {
			s := assignmentStep{
				message: i, transaction: k, first: len(a.questions),
				code: a.g.assignments.Code(c, msg.Receiver.Sparte(), msg.Type, msg.Code),
			}
			a.ask(&s, c, &msg, t, judged[k].Object)
			s.count = len(a.questions) - s.first
			a.steps = append(a.steps, s)
		}
	}
	return nil
}

// maxReferences bounds the references of one transaction that are looked up.
const maxReferences = 20

// ask adds the questions of a step, none if the transaction does not tell what to ask for.
func (a *assigner) ask(s *assignmentStep, c process.AssignmentCheck, msg *process.Message, t event.Transaction, object string) {
	q := Question{Own: a.result.Receiver, At: a.at}
	if c == process.CheckTransaction {
		s.finding = formats.Finding{Code: "E3030", Expected: q.Own}
		for _, ref := range msg.Refers(t) {
			if ref.Relation != process.Answers || len(a.questions)-s.first >= maxReferences {
				continue
			}
			q.Key = ref.Key
			a.questions = append(a.questions, q)
			if s.content.IDs == nil {
				s.content.IDs, s.finding.Found = tuple(ref.Key), ref.Key.Value
			}
		}
		return
	}
	if object == "" || t.Object == "" {
		return
	}
	q.Object = object
	s.finding.Found = t.Object
	s.content.IDs = []string{t.Object}
	when := periodOf(msg, t)
	switch c {
	case process.CheckObject:
		s.finding.Code, s.finding.Expected = "E3031", q.Own
	case process.CheckSearch:
		s.finding.Code, s.finding.Expected = "E3032", q.Own
		q.Search, s.content.IDs = true, nil
	case process.CheckSender:
		s.finding.Code, q.Partner = "E3033", a.result.Sender
	case process.CheckReceiver:
		s.finding.Code, q.Partner = "E3034", a.result.Receiver
	}
	if q.Partner != "" {
		if when.ask.From.IsZero() {
			return
		}
		s.finding.Expected = q.Partner
		q.From, q.To = when.ask.From, when.ask.To
		s.content.From, s.content.To = when.content.From, when.content.To
	}
	a.questions = append(a.questions, q)
}

// tuple returns the members of what a transaction refers to.
func tuple(k process.Key) []string {
	if k.Level == process.LevelItem {
		if i := strings.LastIndexByte(k.Value, '/'); i >= 0 {
			return []string{k.Value[:i], k.Value[i+1:]}
		}
	}
	return []string{k.Value}
}

// period is the time that an assignment is looked for, as it is asked and as the APERAK repeats it.
type period struct {
	ask     Question // From and To
	content ack.Content
}

// periods are the dates of a process, by DTM 2005: beginning and end.
var periods = [][2]string{{"163", "164"}, {"155", "156"}, {"92", "93"}, {"158", "159"}, {"157", ""}, {"137", ""}}

// periodOf returns the time a transaction is about. An end alone asks for the time right before it.
//
// Spec: APERAK AHB 1.1 2.1.3 (the date of the process; without one that of the document)
func periodOf(msg *process.Message, t event.Transaction) (p period) {
	dates := map[string]time.Time{}
	for _, d := range msg.Facts(t).Dates {
		dates[d.Qualifier] = d.At
	}
	for _, q := range periods {
		from, to := dates[q[0]], dates[q[1]]
		switch {
		case from.IsZero() && to.IsZero():
			continue
		case from.IsZero():
			p.ask.From, p.content.From = to.Add(-time.Microsecond), to
		case to.After(from):
			p.ask.From, p.ask.To = from, to
			p.content.From, p.content.To = from, to
		default:
			p.ask.From, p.content.From = from, from
		}
		break
	}
	return p
}

// flush asks the questions and rejects what fails.
func (a *assigner) flush() error {
	steps, questions := a.steps, a.questions
	a.steps, a.questions = a.steps[:0], a.questions[:0]
	if len(questions) == 0 {
		return nil
	}
	answers, err := a.g.lookup.Look(a.ctx, questions)
	if err != nil {
		return fmt.Errorf("look up: %w", err)
	}
	if len(answers) != len(questions) {
		return final{fmt.Errorf("look up: %d answers to %d questions", len(answers), len(questions))}
	}
	for i := range steps {
		s := &steps[i]
		if i > 0 && steps[i-1].message == s.message && steps[i-1].transaction == s.transaction && steps[i-1].count < 0 {
			s.count = -1 // the check of this transaction has ended
			continue
		}
		known := outcome(answers[s.first : s.first+s.count])
		if known == Yes {
			continue
		}
		s.count = -1
		if known == Unknown || s.code == "" {
			continue
		}
		a.result.Reject(s.message, s.transaction, s.finding)
		text := a.result.Messages[s.message].Transactions[s.transaction].Findings
		a.found = append(a.found, ack.Outside{
			Message: s.message, Transaction: s.transaction, Code: s.code, Content: s.content, Help: text[len(text)-1].Text,
		})
	}
	return nil
}

// outcome of several answers, of which one Yes is enough.
func outcome(answers []Known) Known {
	all := No
	for _, k := range answers {
		switch k {
		case Yes:
			return Yes
		case Unknown:
			all = Unknown
		}
	}
	if len(answers) == 0 {
		return Unknown
	}
	return all
}
