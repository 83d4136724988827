package process

import (
	"strings"
	"time"
)

// Step is the state of one message on its way to an answer, seen from either end. The zero value, with the Rule set, is
// a message that nobody has sent. A Step is a value: On returns the next one.
//
// What it lives by: only a receipt starts the clock, and a technical rejection stops it. Silence counts once, at the
// deadline. An answer that has been given stays: a second one is for people to look at, whatever it says.
//
// Spec: APERAK AHB 1.1, ch. 1 (a rejected transaction counts as not received); GPKE Teil 2
type Step struct {
	Rule   Rule
	State  State
	Due    time.Time // zero: no deadline is known
	Answer Effect    // the answer that counts; empty: none
	before State     // what a technical rejection interrupted
}

// Rule is what a Step needs from the Entry of its message.
type Rule struct {
	Answered bool // an answer is expected
	Silence  Silence
	VoidLate bool // an answer after the deadline has no effect
}

// Rule returns the rule of the message under these facts.
func (e *Entry) Rule(f Facts) Rule {
	return Rule{Answered: e.Expects(f), Silence: e.Silence, VoidLate: e.VoidLate}
}

// State is where a Step stands.
type State string

// The states.
const (
	Draft         State = ""
	Sent          State = "sent"      // on its way, no receipt
	Open          State = "open"      // received, the answer is awaited
	Accepted      State = "accepted"  // as Open, and acknowledged by APERAK 312
	Done          State = "done"      // received, no answer is expected
	Rejected      State = "rejected"  // by CONTRL or APERAK: counts as not received
	Confirmed     State = "confirmed" // by an answer
	Refused       State = "refused"   // by an answer
	Answered      State = "answered"  // by data or a status
	Silent        State = "silent"    // decided by silence
	Overdue       State = "overdue"   // the deadline has passed and silence decides nothing
	Cancelled     State = "cancelled" // by a cancellation that was confirmed
	NeedsClearing State = "clearing"  // contradictory; people must decide
)

// States returns all states.
func States() []State {
	return []State{Draft, Sent, Open, Accepted, Done, Rejected, Confirmed, Refused, Answered, Silent, Overdue, Cancelled, NeedsClearing}
}

// Text returns where the Step stands, to be kept with Due: its State, and behind a slash what a rejection interrupted.
func (s Step) Text() string {
	if s.before == Draft {
		return string(s.State)
	}
	return string(s.State) + "/" + string(s.before)
}

// Restore returns the Step that had this Text and this Due.
func (r Rule) Restore(text string, due time.Time) Step {
	state, before, _ := strings.Cut(text, "/")
	s := Step{Rule: r, State: State(state), Due: due, before: State(before)}
	switch s.State {
	case Confirmed:
		s.Answer = Confirms
	case Refused:
		s.Answer = Refuses
	case Answered:
		s.Answer = Informs
	}
	return s
}

// Event is what happens to a Step.
type Event struct {
	Kind   EventKind
	At     time.Time // of receipt, where there is one; else of what happened
	Due    time.Time // with EventReceived and EventObjected: the deadline that follows, zero if none is known
	Effect Effect    // with EventAnswer
}

// EventKind says what happens.
type EventKind string

// The events.
const (
	EventSent            EventKind = "sent"
	EventReceived        EventKind = "received"   // the receipt of the transport
	EventContrl4         EventKind = "contrl-4"   // the file is rejected
	EventAperak312       EventKind = "aperak-312" // the transaction is acknowledged; in Gas: the time for APERAK 313 is over
	EventAperak313       EventKind = "aperak-313" // the transaction is rejected
	EventRejectionLifted EventKind = "lifted"     // the rejection was wrong: the first receipt counts again
	EventAnswer          EventKind = "answer"
	EventDeadline        EventKind = "deadline"
	EventCancelled       EventKind = "cancelled" // a cancellation of the message was confirmed
	EventObjected        EventKind = "objected"  // to a refusal: the answer is open again
)

// EventKinds returns all kinds of events.
func EventKinds() []EventKind {
	return []EventKind{EventSent, EventReceived, EventContrl4, EventAperak312, EventAperak313, EventRejectionLifted, EventAnswer, EventDeadline, EventCancelled, EventObjected}
}

// Meaning says what an event meant for the process.
type Meaning string

// The meanings.
const (
	MeansNothing            Meaning = ""
	MeansStarted            Meaning = "started"  // the clock runs, if there is a deadline
	MeansAccepted           Meaning = "accepted" // for processing; the answer is still open
	MeansRejected           Meaning = "rejected" // no deadline runs any more
	MeansRestored           Meaning = "restored" // the deadline of the first receipt runs again
	MeansConfirmed          Meaning = "confirmed"
	MeansRefused            Meaning = "refused"
	MeansAnswered           Meaning = "answered"
	MeansConfirmedBySilence Meaning = "confirmed-by-silence"
	MeansObjectionWaived    Meaning = "objection-waived"
	MeansBreach             Meaning = "breach"          // the answer is still owed
	MeansDeadlineMissed     Meaning = "deadline-missed" // what that means is not established
	MeansAnsweredLate       Meaning = "answered-late"   // the answer counts if nothing was decided before
	MeansLateAndVoid        Meaning = "late-and-void"
	MeansInTimeAfterAll     Meaning = "in-time-after-all" // the timer fired before the answer was processed
	MeansUnexpected         Meaning = "answer-unexpected"
	MeansSecondAnswer       Meaning = "second-answer"
	MeansContradiction      Meaning = "contradiction" // of technical and business answers
	MeansCancelled          Meaning = "cancelled"
	MeansReopened           Meaning = "reopened"
)

// Running returns the deadline that is running; false if none is.
func (s Step) Running() (time.Time, bool) {
	return s.Due, (s.State == Open || s.State == Accepted) && !s.Due.IsZero()
}

// On returns the Step after an event and what the event meant. Events that change nothing mean nothing.
func (s Step) On(e Event) (Step, Meaning) {
	switch e.Kind {
	case EventSent:
		if s.State == Draft {
			s.State = Sent
		}
	case EventReceived:
		return s.received(e)
	case EventContrl4, EventAperak313:
		return s.rejected()
	case EventAperak312:
		return s.accepted()
	case EventRejectionLifted:
		if s.State == Rejected {
			s.State, s.before = s.before, Draft
			return s, MeansRestored
		}
	case EventAnswer:
		return s.answered(e)
	case EventDeadline:
		return s.passed(e.At)
	case EventCancelled:
		if s.State != Cancelled && s.State != NeedsClearing {
			s.State, s.before = Cancelled, Draft
			return s, MeansCancelled
		}
	case EventObjected:
		return s.objected(e)
	}
	return s, MeansNothing
}

func (s Step) received(e Event) (Step, Meaning) {
	switch {
	case s.State == Draft || s.State == Sent:
		s.State, s.Due = Open, e.Due
		if !s.Rule.Answered {
			s.State, s.Due = Done, time.Time{}
		}
	case s.State == Accepted && s.Due.IsZero(): // APERAK was faster than the receipt
		s.Due = e.Due
	default:
		return s, MeansNothing
	}
	return s, MeansStarted
}

func (s Step) rejected() (Step, Meaning) {
	switch s.State {
	case Sent, Open, Done, Overdue:
		s.State, s.before = Rejected, s.State
		return s, MeansRejected
	case Accepted, Confirmed, Refused, Answered, Silent:
		s.State = NeedsClearing
		return s, MeansContradiction
	}
	return s, MeansNothing
}

func (s Step) accepted() (Step, Meaning) {
	switch s.State {
	case Sent, Open:
		s.State = Accepted
		if !s.Rule.Answered {
			s.State = Done
		}
		return s, MeansAccepted
	case Done, Overdue:
		return s, MeansAccepted
	case Rejected:
		s.State = NeedsClearing
		return s, MeansContradiction
	}
	return s, MeansNothing
}

func (s Step) answered(e Event) (Step, Meaning) {
	if due, running := s.Running(); running && e.At.After(due) {
		s, _ = s.passed(e.At) // before its timer fired
	}
	switch s.State {
	case Draft, Done, Cancelled:
		return s, MeansUnexpected
	case Rejected:
		s.State = NeedsClearing
		return s, MeansContradiction
	case Silent:
		if !e.At.After(s.Due) { // what followed from silence may be done already: only agreement changes nothing
			if s.State = NeedsClearing; e.Effect == Confirms {
				s.State, s.Answer = Confirmed, Confirms
			}
			return s, MeansInTimeAfterAll
		}
		if s.Rule.VoidLate {
			return s, MeansLateAndVoid
		}
		return s, MeansAnsweredLate
	case Answered:
		if e.Effect == Informs { // data come in several messages
			return s, MeansAnswered
		}
		fallthrough
	case Confirmed, Refused, NeedsClearing:
		s.State = NeedsClearing
		return s, MeansSecondAnswer
	}
	overdue := s.State == Overdue
	meaning := MeansAnswered
	s.State, s.Answer = Answered, e.Effect
	switch e.Effect {
	case Confirms:
		s.State, meaning = Confirmed, MeansConfirmed
	case Refuses:
		s.State, meaning = Refused, MeansRefused
	}
	switch {
	case overdue && e.At.After(s.Due):
		meaning = MeansAnsweredLate
	case overdue:
		meaning = MeansInTimeAfterAll
	}
	return s, meaning
}

func (s Step) passed(at time.Time) (Step, Meaning) {
	due, running := s.Running()
	if !running || at.Before(due) {
		return s, MeansNothing
	}
	switch s.Rule.Silence {
	case Consent, NoDeviation, Approved, NBEnds, NBAssigns:
		s.State = Silent
		return s, MeansConfirmedBySilence
	case Waived:
		s.State = Silent
		return s, MeansObjectionWaived
	case Breach:
		s.State = Overdue
		return s, MeansBreach
	}
	s.State = Overdue
	return s, MeansDeadlineMissed
}

func (s Step) objected(e Event) (Step, Meaning) {
	switch s.State {
	case Refused:
		s.State, s.Due, s.Answer = Open, e.Due, ""
		return s, MeansReopened
	case Confirmed, Silent:
		s.State = NeedsClearing
		return s, MeansContradiction
	}
	return s, MeansNothing
}
