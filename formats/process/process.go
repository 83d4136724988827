// Package process knows what a message is in its market process: which Pruefidentifikator answers which, what an
// answer refers to, until when it is due and what silence means.
//
//	e, ok := process.Lookup("55001")
//	due, ok := e.Due.Due(receivedAt, facts)  // 11:00 on the first Werktag after the receipt
//	msg := process.Read(unb, m)
//	for _, t := range event.Transactions(m) {
//		keys := msg.Identifies(t)  // what answers to it will name
//		refs := msg.Refers(t)      // what it names itself: equal to keys of earlier messages
//	}
//	step, meaning := step.On(process.Event{Kind: process.EventDeadline, At: now})
//
// All facts are rows of a table, readable by people who know the market: table/legend.txt says how. Where no deadline is
// established the table says so, and none is computed.
//
// The receipt is the one that the transport confirmed (Uebertragungstag and -zeit), never a time from inside a message.
// All functions are pure and safe for concurrent use; results must not be changed.
//
// Spec: Anwendungsübersicht der Prüfidentifikatoren 4.0
package process

import (
	"slices"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/ident"
)

// Entry is what the table says about one Pruefidentifikator.
type Entry struct {
	Pruefidentifikator ident.Pruefidentifikator
	Kind               Kind
	Sparten            []formats.Sparte
	Processes          []string // such as GPKE-2; empty if not laid down
	Ways               []string // who sends to whom, such as LFN>NB; empty if not laid down
	Name               string   // short, German
	Since              formats.FormatVersion
	Until              formats.FormatVersion // last version; empty: still in use

	Answers   []Answer // what answers it; empty: nothing does
	Due       Deadline // until when the receiver must answer
	Silence   Silence
	VoidLate  bool     // an answer after the deadline has no effect
	Send      Deadline // until when it must have reached the receiver
	Source    string   // document behind the deadlines
	Sure      Sure
	refers    []reference
	keys      []reference
	answering []ident.Pruefidentifikator
}

// Kind says what a message is for.
type Kind string

// The kinds.
const (
	Request      Kind = "request"
	Announcement Kind = "announcement"
	Assignment   Kind = "assignment" // the NB assigns a supplier, or ends that
	Activation   Kind = "activation" // of a balancing object
	Cancellation Kind = "cancellation"
	Complaint    Kind = "complaint"
	Offer        Kind = "offer"
	Invoice      Kind = "invoice"
	MasterData   Kind = "master-data"
	List         Kind = "list"
	Correction   Kind = "correction" // of a list
	Data         Kind = "data"
	Publication  Kind = "publication"
	Notice       Kind = "notice"
	Status       Kind = "status"
	Result       Kind = "result"
	Feedback     Kind = "feedback" // on master data; with BGM Z88 a question of its own
	Reply        Kind = "answer"   // its content says whether it agrees
	Confirmation Kind = "confirmation"
	Refusal      Kind = "refusal"
)

var kinds = []Kind{Request, Announcement, Assignment, Activation, Cancellation, Complaint, Offer, Invoice, MasterData, List,
	Correction, Data, Publication, Notice, Status, Result, Feedback, Reply, Confirmation, Refusal}

// Effect says what an answer does to what it answers.
type Effect string

// The effects.
const (
	Confirms Effect = "confirm"
	Refuses  Effect = "refuse"
	Informs  Effect = "answer" // by its content; may come in several messages
)

// Answer is a Pruefidentifikator that answers another one.
type Answer struct {
	Pruefidentifikator ident.Pruefidentifikator
	Effect             Effect
	By                 Deadline // of this answer alone; unknown if it has none
	only               conditions
}

// Silence says what holds when no answer has come by the deadline.
type Silence string

// The meanings of silence.
//
// Spec: GPKE Teil 2; WiM Strom Teil 2
const (
	SilenceUnknown Silence = ""             // not established
	Breach         Silence = "breach"       // nothing; the answer is owed as before
	Consent        Silence = "consent"      // the receiver agrees
	NoDeviation    Silence = "no-deviation" // the data are accepted as sent
	Approved       Silence = "approved"     // the delivery note is approved
	NBEnds         Silence = "nb-ends"      // the NB ends the assignment
	NBAssigns      Silence = "nb-assigns"   // the NB assigns
	Waived         Silence = "waived"       // nothing was owed; the receiver did not object
)

var silences = []Silence{Breach, Consent, NoDeviation, Approved, NBEnds, NBAssigns, Waived}

// Sure says how well a deadline is established.
type Sure string

// The degrees.
const (
	High   Sure = "high"   // read in the document
	Medium Sure = "medium" // read second hand
	Low    Sure = "low"    // unverified
)

// Lookup returns the entry of a Pruefidentifikator.
func Lookup(pid ident.Pruefidentifikator) (*Entry, bool) {
	e, ok := load().byPID[pid]
	return e, ok
}

// All returns the entries of all Pruefidentifikatoren, sorted.
func All() []*Entry { return slices.Clone(load().entries) }

// AnswersTo returns the Pruefidentifikatoren that this one answers, sorted.
func (e *Entry) AnswersTo() []ident.Pruefidentifikator { return slices.Clone(e.answering) }

// NamesRequest reports whether the message, as an answer, refers to what it answers. Where it does not, what it answers is
// the open request about the same object.
func (e *Entry) NamesRequest() bool {
	return slices.ContainsFunc(e.refers, func(r reference) bool { return r.relation == Answers })
}

// AnswerBy returns what an answer with a Pruefidentifikator means for this message; false if it is none, or none under
// these facts.
func (e *Entry) AnswerBy(pid ident.Pruefidentifikator, f Facts) (Answer, bool) {
	for _, a := range e.Answers {
		if a.Pruefidentifikator == pid && a.only.hold(&f) != no {
			return a, true
		}
	}
	return Answer{}, false
}

// Expects reports whether the message is answered at all, under these facts.
func (e *Entry) Expects(f Facts) bool {
	return slices.ContainsFunc(e.Answers, func(a Answer) bool { return a.only.hold(&f) != no })
}

// ValidIn reports whether a format version has the Pruefidentifikator.
func (e *Entry) ValidIn(v formats.FormatVersion) bool {
	return v >= e.Since && (e.Until == "" || v <= e.Until)
}
