package process

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write the golden files anew")

var (
	stepReceived = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	stepDue      = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
)

// TestStepMatrix writes every state with every event for every rule into a golden file that people can read.
func TestStepMatrix(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	rules := []struct {
		name string
		rule Rule
	}{
		{"breach", Rule{Answered: true, Silence: Breach}}, {"consent, late answers void", Rule{Answered: true, Silence: Consent, VoidLate: true}},
		{"no-deviation", Rule{Answered: true, Silence: NoDeviation}}, {"waived", Rule{Answered: true, Silence: Waived}},
		{"not established", Rule{Answered: true}}, {"no answer expected", Rule{}},
	}
	inTime, late := stepDue.Add(-time.Hour), stepDue.Add(time.Hour)
	events := []struct {
		name string
		e    Event
	}{
		{"sent", Event{Kind: EventSent}}, {"received", Event{Kind: EventReceived, At: stepReceived, Due: stepDue}},
		{"contrl-4", Event{Kind: EventContrl4}}, {"aperak-312", Event{Kind: EventAperak312}}, {"aperak-313", Event{Kind: EventAperak313}},
		{"lifted", Event{Kind: EventRejectionLifted}},
		{"answer confirm", Event{Kind: EventAnswer, Effect: Confirms, At: inTime}}, {"answer refuse", Event{Kind: EventAnswer, Effect: Refuses, At: inTime}},
		{"answer data", Event{Kind: EventAnswer, Effect: Informs, At: inTime}}, {"answer confirm, late", Event{Kind: EventAnswer, Effect: Confirms, At: late}},
		{"deadline", Event{Kind: EventDeadline, At: stepDue}}, {"deadline, too early", Event{Kind: EventDeadline, At: inTime}},
		{"cancelled", Event{Kind: EventCancelled}}, {"objected", Event{Kind: EventObjected, Due: late}},
	}
	for _, r := range rules {
		fmt.Fprintf(&out, "## %s\n\n", r.name)
		for _, state := range States() {
			for _, e := range events {
				s := Step{Rule: r.rule, State: state, Due: stepDue}
				switch state {
				case Rejected:
					s.before = Open
				case Confirmed:
					s.Answer = Confirms
				case Refused:
					s.Answer = Refuses
				case Answered:
					s.Answer = Informs
				case Draft, Sent:
					s.Due = time.Time{}
				}
				next, meaning := s.On(e.e)
				if next == s && meaning == MeansNothing {
					continue
				}
				name := func(s State) string {
					if s == Draft {
						return "draft"
					}
					return string(s)
				}
				fmt.Fprintf(&out, "%-10s + %-20s -> %-10s %s\n", name(state), e.name, name(next.State), meaning)
			}
		}
		out.WriteString("\n")
	}
	const file = "testdata/step.golden"
	if *update {
		if err := os.WriteFile(file, []byte(out.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), out.String()); diff != "" {
		t.Errorf("the matrix changed (-want +got):\n%s", diff)
	}
}

// TestStepStories plays what happens every day, and what should not.
func TestStepStories(t *testing.T) {
	t.Parallel()
	received := Event{Kind: EventReceived, At: stepReceived, Due: stepDue}
	answer := func(e Effect, after time.Duration) Event {
		return Event{Kind: EventAnswer, Effect: e, At: stepDue.Add(after)}
	}
	deadline := Event{Kind: EventDeadline, At: stepDue}
	breach, consent := Rule{Answered: true, Silence: Breach}, Rule{Answered: true, Silence: Consent, VoidLate: true}
	for _, tt := range []struct {
		name   string
		rule   Rule
		events []Event
		state  State
		want   []Meaning
	}{
		{"confirmed", breach, []Event{{Kind: EventSent}, received, {Kind: EventAperak312}, answer(Confirms, -time.Hour), deadline}, Confirmed,
			[]Meaning{MeansNothing, MeansStarted, MeansAccepted, MeansConfirmed, MeansNothing}},
		{"to the second", breach, []Event{received, answer(Confirms, 0)}, Confirmed, []Meaning{MeansStarted, MeansConfirmed}},
		{"late, the timer was first", breach, []Event{received, deadline, answer(Refuses, time.Hour)}, Refused, []Meaning{MeansStarted, MeansBreach, MeansAnsweredLate}},
		{"late, the answer was first", breach, []Event{received, answer(Refuses, time.Second)}, Refused, []Meaning{MeansStarted, MeansAnsweredLate}},
		{"in time, but processed behind the timer", breach, []Event{received, deadline, answer(Confirms, -time.Minute)}, Confirmed,
			[]Meaning{MeansStarted, MeansBreach, MeansInTimeAfterAll}},
		{"refused in time, but silence was taken for consent", consent, []Event{received, deadline, answer(Refuses, -time.Minute)}, NeedsClearing,
			[]Meaning{MeansStarted, MeansConfirmedBySilence, MeansInTimeAfterAll}},
		{"silence of the LFA", consent, []Event{received, deadline, answer(Refuses, time.Hour)}, Silent,
			[]Meaning{MeansStarted, MeansConfirmedBySilence, MeansLateAndVoid}},
		{"contradicting answers", breach, []Event{received, answer(Confirms, -2*time.Hour), answer(Refuses, -time.Hour)}, NeedsClearing,
			[]Meaning{MeansStarted, MeansConfirmed, MeansSecondAnswer}},
		{"the same answer twice", breach, []Event{received, answer(Confirms, -2*time.Hour), answer(Confirms, -time.Hour)}, NeedsClearing,
			[]Meaning{MeansStarted, MeansConfirmed, MeansSecondAnswer}},
		{"values in three messages", breach, []Event{received, answer(Informs, -3*time.Hour), answer(Informs, -2*time.Hour), answer(Informs, time.Hour)}, Answered,
			[]Meaning{MeansStarted, MeansAnswered, MeansAnswered, MeansAnswered}},
		{"rejected, no deadline", breach, []Event{received, {Kind: EventAperak313}, deadline}, Rejected, []Meaning{MeansStarted, MeansRejected, MeansNothing}},
		{"rejected by mistake, deadline passed meanwhile", breach,
			[]Event{received, {Kind: EventContrl4}, deadline, {Kind: EventRejectionLifted}, deadline}, Overdue,
			[]Meaning{MeansStarted, MeansRejected, MeansNothing, MeansRestored, MeansBreach}},
		{"312, then 313", breach, []Event{received, {Kind: EventAperak312}, {Kind: EventAperak313}}, NeedsClearing,
			[]Meaning{MeansStarted, MeansAccepted, MeansContradiction}},
		{"answered, then rejected", breach, []Event{received, answer(Confirms, -time.Hour), {Kind: EventAperak313}}, NeedsClearing,
			[]Meaning{MeansStarted, MeansConfirmed, MeansContradiction}},
		{"APERAK before the receipt", breach, []Event{{Kind: EventSent}, {Kind: EventAperak312}, received, deadline}, Overdue,
			[]Meaning{MeansNothing, MeansAccepted, MeansStarted, MeansBreach}},
		{"nothing was asked", Rule{}, []Event{received, answer(Confirms, -time.Hour)}, Done, []Meaning{MeansStarted, MeansUnexpected}},
		{"cancelled", breach, []Event{received, {Kind: EventCancelled}, deadline}, Cancelled, []Meaning{MeansStarted, MeansCancelled, MeansNothing}},
		{"invoice refused, objected, paid", breach, []Event{received, answer(Refuses, -2*time.Hour), {Kind: EventObjected, Due: stepDue.Add(48 * time.Hour)}, answer(Confirms, time.Hour)},
			Confirmed, []Meaning{MeansStarted, MeansRefused, MeansReopened, MeansConfirmed}},
		{"nobody objected", Rule{Answered: true, Silence: Waived}, []Event{received, deadline}, Silent, []Meaning{MeansStarted, MeansObjectionWaived}},
	} {
		s := Step{Rule: tt.rule}
		var got []Meaning
		for _, e := range tt.events {
			var m Meaning
			s, m = s.On(e)
			got = append(got, m)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" || s.State != tt.state {
			t.Errorf("%s ends %q, want %q:\n%s", tt.name, s.State, tt.state, diff)
		}
	}
}

// TestStepInvariants plays random histories.
func TestStepInvariants(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := Step{Rule: Rule{Answered: rapid.Bool().Draw(t, "answered"), Silence: rapid.SampledFrom(append([]Silence{SilenceUnknown}, silences...)).Draw(t, "silence"),
			VoidLate: rapid.Bool().Draw(t, "void")}}
		at := stepReceived
		wasReceived := false
		for range rapid.IntRange(1, 30).Draw(t, "events") {
			at = at.Add(time.Duration(rapid.IntRange(0, 600).Draw(t, "minutes")) * time.Minute)
			e := Event{Kind: rapid.SampledFrom(EventKinds()).Draw(t, "kind"), At: at, Effect: rapid.SampledFrom([]Effect{Confirms, Refuses, Informs}).Draw(t, "effect")}
			if rapid.Bool().Draw(t, "has due") {
				e.Due = at.Add(24 * time.Hour)
			}
			wasReceived = wasReceived || e.Kind == EventReceived || e.Kind == EventObjected // whoever objects has received
			next, meaning := s.On(e)
			due, running := next.Running()
			decided := s.State == Confirmed || s.State == Refused || s.State == Silent
			switch {
			case running && (due.IsZero() || next.State == Rejected || next.State == Draft):
				t.Fatalf("a deadline runs in %q", next.State)
			case running && !wasReceived:
				t.Fatalf("a deadline runs without a receipt in %q", next.State)
			case decided && next.State != s.State && meaning != MeansSecondAnswer && meaning != MeansContradiction && meaning != MeansCancelled && meaning != MeansReopened &&
				meaning != MeansInTimeAfterAll:
				t.Fatalf("%q became %q silently (%q)", s.State, next.State, meaning)
			case s.State == Confirmed && (next.State == Refused || next.State == Open), s.State == Refused && next.State == Confirmed, s.State == Silent && next.State == Refused:
				t.Fatalf("%q flipped to %q", s.State, next.State)
			case s.State == NeedsClearing && next.State != NeedsClearing:
				t.Fatalf("clearing ended by itself in %q", next.State)
			case next.State == Silent && s.State != Silent && e.Kind != EventDeadline && e.Kind != EventAnswer && e.Kind != EventRejectionLifted:
				t.Fatalf("silence decided by %s", e.Kind)
			case next.State != s.State && meaning == MeansNothing && e.Kind != EventSent:
				t.Fatalf("%q became %q and meant nothing", s.State, next.State)
			}
			s = next
		}
	})
}
