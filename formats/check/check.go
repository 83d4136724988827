// Package check is the one entry point for judging a file: it reads an interchange, finds everything that is wrong
// with it, and says what that means for the file, its messages and their transactions.
//
//	result, err := check.File(file, check.Options{At: time.Now()})
//	if err != nil {
//		return err // the file could not be read; nothing is said about its content
//	}
//	fmt.Println(result.Verdict, result.Findings)
//
// What is checked: the syntax (package edifact), the service segments UNB and UNH as the market uses them, the
// structure by the rule pack of the message's version (package mig), and every transaction by the column of its
// Pruefidentifikator in the Anwendungshandbuch (package ahb). A message with a syntax error, which is answered with
// CONTRL, is not checked further, and Coverage has no rows of it.
//
// Spec: CONTRL AHB 1.0; CONTRL MIG 2.0b; Allgemeine Festlegungen 6.1 ch. 2, 5
package check

import (
	"errors"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/ahb"
	"github.com/marktbote/marktbote/formats/event"
	"github.com/marktbote/marktbote/formats/mig"
	"github.com/marktbote/marktbote/formats/rules"
)

// Verdict says what becomes of a file, a message or a transaction.
type Verdict string

// The verdicts. A file with a syntax error is rejected as a whole, all its messages and transactions with it.
const (
	Accepted           Verdict = "accepted"
	RejectedSyntax     Verdict = "rejected-syntax"     // CONTRL
	RejectedProcessing Verdict = "rejected-processing" // APERAK
	Unreadable         Verdict = "unreadable"          // nothing can be answered with EDIFACT
)

// Default limits.
const (
	DefaultMaxFindings = 500     // findings kept for a file; further ones are counted
	DefaultMaxMessages = 200_000 // messages of a file; UNZ can count 999,999, files of the market hold thousands
)

// Options say how to check.
type Options struct {
	// At is the instant the file was received. A file cannot be from the future.
	At time.Time
	// FormatVersion, if set, is used whatever the dates say.
	FormatVersion formats.FormatVersion
	Lang          formats.Lang // of the texts; German if empty
	Strict        bool         // tolerated deviations are errors
	MaxFindings   int          // 0: DefaultMaxFindings
	MaxMessages   int          // 0: DefaultMaxMessages
	Knowledge     Knowledge    // nil: nothing is known about partners
	Outgoing      bool         // the file is to be sent: its sender must be an own one, its reference a fresh one
	Facts         ahb.Facts    // nil: nothing is known beside the message
	Rules         *rules.Shelf // nil: the embedded packs

	// OnMessage, if set, is called with every message right after its check, and with the places of its segments: nil if
	// there are no rules for it. Both may be used during the call only.
	OnMessage func(m *edifact.Message, p *mig.Placement)

	// Read bounds what is read; its Strict is set by Strict above.
	Read edifact.Options
}

// Knowledge is what only a configured gateway knows.
type Knowledge interface {
	// IsOwn reports whether the MP-ID is one of the gateway's own.
	IsOwn(mpID string) bool
	// IsPartner reports whether the MP-ID belongs to a known partner.
	IsPartner(mpID string) bool
	// AcceptsTests reports whether files with the test indicator are processed.
	AcceptsTests() bool
	// Seen reports whether another file with this sender and control reference (UNB 0004, 0020) was received, or was
	// sent if the file is to be sent.
	Seen(sender, controlRef string) (bool, error)
}

// Result is the judgement of one file. Its JSON form is a contract with scripts.
type Result struct {
	File          string                `json:"file"`
	Verdict       Verdict               `json:"verdict"`
	FormatVersion formats.FormatVersion `json:"format_version"`
	Sparte        formats.Sparte        `json:"sparte"`
	Sender        string                `json:"sender"`    // UNB 0004
	Receiver      string                `json:"receiver"`  // UNB 0010
	Reference     string                `json:"reference"` // UNB 0020
	Messages      []Message             `json:"messages"`
	Findings      []formats.Finding     `json:"findings"` // of the interchange
	Coverage      Coverage              `json:"coverage"`

	ApplicationRef string    `json:"-"` // UNB 0026
	CreatedAt      time.Time `json:"-"` // UNB S004; zero if it cannot be read
	Test           bool      `json:"-"` // UNB 0035 = 1
	Bytes          int64     `json:"-"` // size of the file
	FindingCount   int       `json:"-"` // all findings, those beyond the limit included
}

// Message is the judgement of one message.
type Message struct {
	Reference    string            `json:"reference"` // UNH 0062
	Type         string            `json:"type"`      // UNH 0065
	Version      string            `json:"version"`   // UNH 0057
	Verdict      Verdict           `json:"verdict"`
	Transactions []Transaction     `json:"transactions"`
	Findings     []formats.Finding `json:"findings"`

	DocumentCode   string `json:"-"` // BGM 1001
	DocumentNumber string `json:"-"` // BGM 1004
}

// Transaction is the judgement of one Geschaeftsvorfall.
type Transaction struct {
	Number             string            `json:"number"`
	Pruefidentifikator string            `json:"pruefidentifikator"`
	Verdict            Verdict           `json:"verdict"`
	Findings           []formats.Finding `json:"findings"`

	Object string `json:"-"` // such as malo/51238696781; empty if the transaction names none
}

// Coverage counts the AHB rows that concern the file: how many were decided, how many need knowledge from outside
// the message, and how many the checker cannot evaluate.
type Coverage struct {
	Rows        int `json:"rows"`
	Decided     int `json:"decided"`
	External    int `json:"external"`
	NotCompiled int `json:"not_compiled"`
}

// File checks one file. The error is not nil only if src or Knowledge fails; what is wrong with the content is in
// the Result. Memory is bounded by the largest message and the limits of Options.
func File(src io.Reader, opts Options) (*Result, error) {
	if opts.MaxFindings <= 0 {
		opts.MaxFindings = DefaultMaxFindings
	}
	if opts.MaxMessages <= 0 {
		opts.MaxMessages = DefaultMaxMessages
	}
	if opts.Lang == "" {
		opts.Lang = formats.German
	}
	if opts.Rules == nil {
		opts.Rules = rules.Embedded()
	}
	opts.Read.Strict = opts.Strict
	opts.Read.Concatenated = false
	f := &file{
		tools: takeTools(src, opts), opts: opts,
		result: &Result{Messages: []Message{}, Findings: []formats.Finding{}},
	}
	result, err := f.check()
	f.giveBack()
	return result, err
}

// file is a check in progress.
type file struct {
	*tools
	opts      Options
	result    *Result
	taken     int                   // faults of the reader dealt with
	early     []edifact.SyntaxError // faults found in the message after the current one
	headed    bool                  // UNB has been looked at
	spoilt    map[valuePlace]bool   // values of UNB with octets that do not belong there
	unbWrong  bool                  // UNB has an error
	inForce   formats.FormatVersion // at the sending time
	firstType string                // UNH 0065 of the first message
	senderQ   string                // UNB S002 0007
	recipQ    string                // UNB S003 0007
	utf8      bool                  // a warning about UTF-8 has been given
	kept      int                   // findings in the result
	warnings  int                   // found, kept or not
	gravest   Verdict               // of all findings that concern the whole file, those not kept included
}

func (f *file) check() (*Result, error) {
	m := &f.msg
	for {
		err := f.reader.NextMessage(m)
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if err := f.header(); err != nil {
			return nil, err
		}
		if now := (edition{f.opts.Rules, f.inForce}); f.edition != now {
			f.edition = now
			clear(f.versions)
		}
		if len(f.result.Messages) == f.opts.MaxMessages {
			f.add(nil, formats.Finding{Code: "E1041", Segment: "UNH", Expected: strconv.Itoa(f.opts.MaxMessages), Offset: messageOffset(m)})
			break
		}
		f.result.Messages = append(f.result.Messages, f.message(m))
	}
	if err := f.header(); err != nil {
		return nil, err
	}
	for _, fault := range f.faults(0) {
		f.add(&f.result.Findings, syntaxFinding(fault))
	}
	r := f.result
	r.Bytes = f.reader.Offset()
	r.FindingCount += f.reader.FaultCount() - len(f.reader.Faults())
	f.judge()
	return r, nil
}

func messageOffset(m *edifact.Message) int64 {
	s := m.Segment(1)
	return s.Offset()
}

// faults returns the reader's faults of message n not yet dealt with; for n = 0 all those outside messages and all
// that are left.
func (f *file) faults(n int) []edifact.SyntaxError {
	all := f.reader.Faults()
	fresh := append(f.early, all[f.taken:]...)
	f.taken = len(all)
	f.early = nil
	var list []edifact.SyntaxError
	for _, fault := range fresh {
		if n == 0 || fault.Pos.Message == n {
			list = append(list, fault)
		} else {
			f.early = append(f.early, fault)
		}
	}
	return list
}

// add completes a finding and appends it to the list, or to the file's findings if list is nil, as long as the
// limit allows.
func (f *file) add(list *[]formats.Finding, x formats.Finding) {
	if list == nil {
		list = &f.result.Findings
	}
	wire := x.Wire
	x.Complete(f.opts.Lang)
	if wire != nil && x.Wire != nil {
		x.Wire = wire // the code depends on the place, see syntaxFinding
	}
	if f.opts.Strict && x.Severity == formats.Warning && x.Wire != nil {
		x.Severity = formats.Error
	}
	f.result.FindingCount++
	if x.Severity == formats.Error && x.Wire == nil {
		f.gravest = Unreadable
	} else if x.Severity == formats.Error && x.Wire.Kind == "CONTRL" {
		f.gravest = graver(f.gravest, RejectedSyntax)
	}
	// What makes a file unreadable comes rarely and explains the verdict: it is kept in any case.
	// Warnings get a fifth of the room, so that they cannot push out what a file is rejected for.
	keep := f.kept < f.opts.MaxFindings
	if x.Severity == formats.Warning {
		f.warnings++
		keep = keep && f.warnings <= max(1, f.opts.MaxFindings/5)
	}
	if keep || x.Severity == formats.Error && x.Wire == nil {
		f.kept++
		*list = append(*list, x)
	}
}

// message checks one message.
func (f *file) message(m *edifact.Message) Message {
	unh := m.Segment(1)
	out := Message{
		Reference: unh.Text(2, 1), Type: unh.Text(3, 1), Version: unh.Text(3, 5),
		Findings:     []formats.Finding{},
		DocumentCode: event.DocumentCode(m), DocumentNumber: event.DocumentNumber(m),
	}
	cut := event.Transactions(m)
	out.Transactions = make([]Transaction, 0, len(cut))
	for _, t := range cut {
		x := Transaction{Number: t.Number, Pruefidentifikator: t.Pruefidentifikator.String(), Findings: []formats.Finding{}}
		if x.Number == "" {
			x.Number = out.DocumentNumber
		}
		if t.Object != "" {
			x.Object = string(t.ObjectKind) + "/" + t.Object
		}
		out.Transactions = append(out.Transactions, x)
	}
	put := func(x formats.Finding) {
		list := &out.Findings
		for i, t := range cut {
			if x.SegmentNumber >= t.First && x.SegmentNumber <= t.Last && x.Segment != "UNT" && len(cut) > 0 && t.First > 1 {
				list = &out.Transactions[i].Findings
			}
		}
		f.add(list, x)
	}
	faults := f.faults(m.Index())
	spoilt := spoiltValues(faults)
	var later []formats.Finding // what is wrong besides the syntax
	note := func(x formats.Finding) {
		if !spoilt[valuePlace{x.SegmentNumber, x.Element, max(x.Component, 1)}] {
			later = append(later, x)
		}
	}
	var placement *mig.Placement
	pack := f.identifier(m, note)
	if pack != nil {
		if f.result.FormatVersion == "" {
			f.result.FormatVersion = pack.FormatVersion
		}
		if f.result.Sparte == "" {
			f.result.Sparte = sparteOf(pack)
		}
		left := max(1, f.opts.MaxFindings-f.kept)
		whole := m.Tag(m.Len()) == edifact.UNT
		placement = f.structure.Check(pack, m, left, func(x formats.Finding) {
			if !whole && (x.Code == "E2003" || x.Code == "E2004") && x.SegmentNumber == m.Len() {
				return // the message breaks off here, which is reported; what would follow is not known
			}
			note(x)
		})
		if whole {
			f.identifiers(m, placement, cut, note)
		}
		f.parties(m, note)
	}
	for _, fault := range faults {
		x := syntaxFinding(fault)
		if simple(placement, x.SegmentNumber, x.Element) {
			x.Component = 0
		}
		put(x)
	}
	if placement != nil && placement.Complete && len(faults) == 0 && !slices.ContainsFunc(later, answeredByCONTRL) {
		f.handbook(m, placement, cut, note)
	}
	for _, x := range later {
		put(x)
	}
	f.charset(m, put)
	if f.opts.OnMessage != nil {
		f.opts.OnMessage(m, placement)
	}
	return out
}

// answeredByCONTRL reports whether a finding rejects the file.
func answeredByCONTRL(x formats.Finding) bool {
	info, _ := x.Code.Info()
	return info.Severity == formats.Error && info.Wire != "APERAK"
}

// sparteOf returns the Sparte that a pack's name tells, if it does.
func sparteOf(p *rules.Pack) formats.Sparte {
	switch p.Name {
	case "UTILMD_Strom":
		return formats.Strom
	case "UTILMD_Gas":
		return formats.Gas
	}
	return ""
}

// judge derives the verdicts from the findings. A file that is rejected or unreadable takes everything in it along.
//
// Spec: CONTRL AHB 1.0 (one syntax error rejects the whole file); APERAK AHB 1.1 1.5
func (f *file) judge() {
	r := f.result
	verdict := graver(Accepted, f.gravest)
	if f.reader.ErrorCount() > 0 {
		verdict = graver(verdict, RejectedSyntax)
	}
	if f.reader.UNB() == nil {
		verdict = Unreadable // CONTRL has nothing to refer to
	}
	accepted, rejected := 0, 0
	for i := range r.Messages {
		m := &r.Messages[i]
		m.Verdict = worst(m.Findings)
		for k := range m.Transactions {
			t := &m.Transactions[k]
			t.Verdict = worst(t.Findings)
			if m.Verdict == RejectedProcessing {
				t.Verdict = RejectedProcessing
			}
			if t.Verdict == RejectedSyntax {
				m.Verdict = RejectedSyntax
			}
			if t.Verdict == Accepted {
				accepted++
			} else {
				rejected++
			}
		}
	}
	if verdict == Accepted && rejected > 0 && accepted == 0 {
		verdict = RejectedProcessing
	}
	r.Verdict = verdict
	if verdict != RejectedSyntax && verdict != Unreadable {
		return
	}
	for i := range r.Messages {
		r.Messages[i].Verdict = verdict
		for k := range r.Messages[i].Transactions {
			r.Messages[i].Transactions[k].Verdict = verdict
		}
	}
}

// Reject adds a finding that rejects one transaction, by index, and what follows from it: for what is found out beside
// the message, after the check of an accepted file.
func (r *Result) Reject(message, transaction int, x formats.Finding) {
	x.Complete(formats.German)
	t := &r.Messages[message].Transactions[transaction]
	t.Findings = append(t.Findings, x)
	t.Verdict = graver(t.Verdict, worst(t.Findings))
	r.FindingCount++
	for i := range r.Messages {
		for k := range r.Messages[i].Transactions {
			if r.Messages[i].Transactions[k].Verdict == Accepted {
				return
			}
		}
	}
	r.Verdict = graver(r.Verdict, RejectedProcessing)
}

// worst returns the verdict that findings lead to.
func worst(list []formats.Finding) Verdict {
	verdict := Accepted
	for i := range list {
		x := &list[i]
		switch {
		case x.Severity != formats.Error:
		case x.Wire == nil:
			verdict = graver(verdict, Unreadable)
		case x.Wire.Kind == "CONTRL":
			verdict = graver(verdict, RejectedSyntax)
		default:
			verdict = graver(verdict, RejectedProcessing)
		}
	}
	return verdict
}

// rank orders verdicts by what they mean for the partner.
func (v Verdict) rank() int {
	switch v {
	case RejectedProcessing:
		return 1
	case RejectedSyntax:
		return 2
	case Unreadable:
		return 3
	}
	return 0
}

// graver returns the graver of two verdicts.
func graver(a, b Verdict) Verdict {
	if b.rank() > a.rank() {
		return b
	}
	return a
}

// pack returns the rule pack for a message type and version, nil if there is none.
func (f *file) pack(messageType, version string) (*rules.Pack, error) {
	question := packQuestion{f.edition, messageType, version}
	if f.lastPack != nil && f.lastQuestion == question {
		return f.lastPack, nil
	}
	p, err := f.opts.Rules.Find(messageType, version, f.inForce)
	if errors.Is(err, rules.ErrNotFound) {
		return nil, nil
	}
	if err == nil {
		f.lastQuestion, f.lastPack = question, p
	}
	return p, err
}
