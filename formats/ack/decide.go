package ack

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/check"
	"github.com/marktbote/marktbote/formats/rules"
)

// Decision says how a file is acknowledged, and why.
type Decision struct {
	Sender, Receiver Party // of the answers
	Test             bool  // the file is a test, and so are its answers
	ReceivedAt       time.Time

	Contrl       *Contrl // nil: none
	ContrlReason Reason
	ContrlDue    Deadline // zero without a Contrl

	Aperaks      []Reply
	AperakReason Reason
}

// Reply is the APERAK on one transaction.
type Reply struct {
	Aperak
	// MessageIndex and TransactionIndex are those of check.Result; the transaction is -1 if the whole message is meant.
	MessageIndex, TransactionIndex int
	Due                            Deadline
}

// decider makes one decision.
type decider struct {
	*Original
	Options
	result    *check.Result
	shelf     *rules.Shelf
	version   formats.FormatVersion // of the answers
	codes     contrlCodes
	sparte    formats.Sparte
	fileType  string
	byMessage map[[2]int][]Outside
	decision  *Decision
}

// Decide decides how a file is acknowledged: with one CONTRL at most, and with one APERAK at most for every transaction.
// The error is ErrIncomplete, or says which option is wrong, or that there are no rules for the answer.
//
// Spec: CONTRL AHB 1.0; APERAK AHB 1.1 ch. 1, 2
func Decide(o *Original, opts Options) (*Decision, error) {
	d := &decider{
		Original: o, Options: opts, result: o.Result, shelf: opts.shelf(), version: opts.version(),
		decision: &Decision{Sender: o.Receiver, Receiver: o.Sender, Test: o.Result.Test, ReceivedAt: opts.ReceivedAt},
	}
	if opts.Own.ID != "" {
		d.decision.Sender = opts.Own
	}
	if len(o.Result.Messages) > 0 {
		d.fileType = o.Result.Messages[0].Type
	}
	d.sparte = d.receiverSparte()
	if err := d.validate(opts.Outside); err != nil {
		return nil, err
	}
	return d.decision, d.decide()
}

// decide goes from what forbids an answer to what demands one.
func (d *decider) decide() error {
	switch {
	case d.result.Verdict == check.Unreadable || d.Sender.ID == "" || d.Receiver.ID == "":
		d.nothing(Unreadable)
	case d.fileType == "CONTRL":
		d.nothing(ToContrl)
	case d.result.Verdict == check.RejectedSyntax:
		return d.rejected()
	case d.lost:
		return ErrIncomplete
	default:
		return d.accepted()
	}
	return nil
}

func (d *decider) nothing(r Reason) { d.decision.ContrlReason, d.decision.AperakReason = r, r }

// rejected answers a file with a syntax error: with CONTRL alone.
func (d *decider) rejected() error {
	pack, err := answerPack(d.shelf, "CONTRL", d.version)
	if err != nil {
		return err
	}
	d.codes = contrlForm(pack)
	c := d.rejectFile()
	switch {
	case c != nil:
		d.send(c, SyntaxError)
	case d.lost:
		return ErrIncomplete
	default:
		d.decision.ContrlReason = NotReportable
	}
	d.decision.AperakReason = AfterRejection
	return nil
}

// accepted answers a file without a syntax error.
func (d *decider) accepted() error {
	switch d.sparte {
	case formats.Gas:
		d.send(d.contrl(Received), ReceiptInGas)
	case formats.Strom:
		d.decision.ContrlReason = NoReceiptInStrom
	default:
		d.decision.ContrlReason = SparteUnknown
	}
	if d.fileType == "APERAK" {
		d.decision.AperakReason = ToAperak
		return nil
	}
	for i := range d.result.Messages {
		if err := d.message(i); err != nil {
			return err
		}
	}
	switch {
	case slices.ContainsFunc(d.decision.Aperaks, func(r Reply) bool { return r.Code == NotAccepted }):
		d.decision.AperakReason = ProcessingError
	case d.sparte == formats.Strom:
		d.decision.AperakReason = RecognizedInStrom
	case d.sparte == formats.Gas:
		d.decision.AperakReason = SilenceInGas
	default:
		d.decision.AperakReason = SparteUnknown
	}
	return nil
}

func (d *decider) send(c *Contrl, why Reason) {
	d.decision.Contrl, d.decision.ContrlReason = c, why
	d.decision.ContrlDue = ContrlDeadline(d.ReceivedAt, d.fileType)
}

// contrl begins a CONTRL. It repeats what UNB says, not turned round.
func (d *decider) contrl(a Action) *Contrl {
	return &Contrl{Action: a, ControlRef: repeated(d.result.Reference, 14), Sender: d.Sender, Receiver: d.Receiver}
}

// receiverSparte returns the Sparte whose rules apply: that of the receiver. A GLN does not tell it; then it is what
// the caller knows, else what the sender or the Pruefidentifikator tells.
//
// Spec: APERAK AHB 1.1 2.6 (the Sparte of the receiver)
func (d *decider) receiverSparte() formats.Sparte {
	switch d.Receiver.Qualifier {
	case "500":
		return formats.Strom
	case "502":
		return formats.Gas
	}
	if s := cmp.Or(d.Sparte, d.result.Sparte); s != "" {
		return s
	}
	for i := range d.result.Messages {
		m := &d.result.Messages[i]
		pack, err := d.shelf.Find(m.Type, m.Version, d.result.FormatVersion)
		if err != nil {
			continue
		}
		for _, t := range m.Transactions {
			if use, err := pack.UseCase(t.Pruefidentifikator); err == nil && use != nil {
				switch use.Sparten {
				case "Strom":
					return formats.Strom
				case "Gas":
					return formats.Gas
				}
			}
		}
	}
	return ""
}

// message answers the transactions of a message, or the message if an error stands in front of them.
//
// Spec: APERAK AHB 1.1 2.1.2 (an error above the transactions rejects the message with one APERAK)
func (d *decider) message(i int) error {
	m := &d.result.Messages[i]
	own := make([]*formats.Finding, 0, len(m.Findings))
	for k := range m.Findings {
		own = append(own, &m.Findings[k])
	}
	own = errorsFor("APERAK", own)
	switch {
	case !transactional[m.Type] || len(m.Transactions) == 0:
		for t := range m.Transactions { // one, the message itself
			own = append(own, d.findingsOf(i, t)...)
		}
		return d.reply(i, -1, own, d.outsideOf(i, 0, max(1, len(m.Transactions))))
	case len(own) > 0:
		return d.reply(i, -1, own, nil)
	}
	for t := 0; t < len(m.Transactions); {
		end := t + 1
		for m.Type == "IFTSTA" && end < len(m.Transactions) && m.Transactions[end].Number == m.Transactions[t].Number {
			end++ // the statuses of one transaction
		}
		var list []*formats.Finding
		for k := t; k < end; k++ {
			list = append(list, d.findingsOf(i, k)...)
		}
		if err := d.reply(i, t, list, d.outsideOf(i, t, end)); err != nil {
			return err
		}
		t = end
	}
	return nil
}

// findingsOf returns what is wrong with a transaction.
func (d *decider) findingsOf(message, transaction int) []*formats.Finding {
	t := &d.result.Messages[message].Transactions[transaction]
	list := make([]*formats.Finding, 0, len(t.Findings))
	for i := range t.Findings {
		list = append(list, &t.Findings[i])
	}
	return errorsFor("APERAK", list)
}

// outsideOf returns what was found out about transactions beside the message.
func (d *decider) outsideOf(message, first, end int) []Outside {
	if d.byMessage == nil {
		d.byMessage = map[[2]int][]Outside{}
		for _, x := range d.Outside {
			key := [2]int{x.Message, x.Transaction}
			d.byMessage[key] = append(d.byMessage[key], x)
		}
	}
	var list []Outside
	for t := first; t < end; t++ {
		list = append(list, d.byMessage[[2]int{message, t}]...)
	}
	return list
}

// reply answers one transaction, or a whole message if t is -1.
func (d *decider) reply(i, t int, list []*formats.Finding, beside []Outside) error {
	m := &d.result.Messages[i]
	a := Aperak{
		Sender: d.decision.Sender, Receiver: d.decision.Receiver, CreatedAt: d.SentAt.UTC().Truncate(time.Minute), Code: Recognized,
		ControlRef: d.result.Reference, FileCreatedAt: d.result.CreatedAt, Document: m.DocumentNumber,
	}
	pid := ""
	if k := max(t, 0); k < len(m.Transactions) {
		pid = m.Transactions[k].Pruefidentifikator
	}
	if t >= 0 {
		a.Transaction = m.Transactions[t].Number
	}
	if a.Errors = d.errors(list, beside); len(a.Errors) > 0 {
		a.Code, a.Message = NotAccepted, m.Reference
	} else if d.sparte != formats.Strom {
		return nil
	}
	if d.Numbers == nil {
		return errNoNumbers
	}
	number, err := d.Numbers.DocumentNumber()
	if err != nil {
		return fmt.Errorf("ack: document number: %w", err)
	}
	a.Number = number
	d.decision.Aperaks = append(d.decision.Aperaks, Reply{
		Aperak: a, MessageIndex: i, TransactionIndex: t, Due: AperakDeadline(d.ReceivedAt, d.sparte, m.Type, pid),
	})
	return nil
}

// errors returns what an APERAK reports: of the first step that found something what that step reports.
//
// Spec: APERAK AHB 1.1 2.1.1 to 2.1.4 (Z31 and Z37 alone, all errors of the handbook, else the first of the assignment)
func (d *decider) errors(list []*formats.Finding, beside []Outside) []ApplicationError {
	step, found := outside(beside, d.NoHelp)
	if step == classRole || step == classSender && !hasClass(list, classRole) {
		return found
	}
	for _, alone := range []class{classRole, classSender} {
		for _, x := range list {
			if classes[x.Wire.Code] == alone {
				return []ApplicationError{d.applicationError(x)}
			}
		}
	}
	var out []ApplicationError
	seen := map[ApplicationError]bool{}
	for _, x := range list {
		if classes[x.Wire.Code] >= classAssignment {
			continue // those of Options.Outside say what they are about
		}
		if e := d.applicationError(x); len(out) < maxERC && !seen[e] {
			seen[e] = true
			out = append(out, e)
		}
	}
	if len(out) == 0 || step == classHandbook {
		out = append(out, found...)
	}
	return out[:min(len(out), maxERC)]
}

func hasClass(list []*formats.Finding, c class) bool {
	return slices.ContainsFunc(list, func(x *formats.Finding) bool { return classes[x.Wire.Code] == c })
}

// applicationError reports a finding of the check.
func (d *decider) applicationError(x *formats.Finding) ApplicationError {
	e := ApplicationError{Code: x.Wire.Code, Content: d.intervals[x], Place: d.places[x]}
	if !d.NoHelp {
		german := *x
		german.Complete(formats.German)
		e.Help = unoc(german.Text, maxText)
	}
	return e
}
