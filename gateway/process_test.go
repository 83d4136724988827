package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/ack"
	"github.com/marktbote/marktbote/formats/process"
	"github.com/marktbote/marktbote/store"
)

// steps describes the steps of the transactions of an interchange.
func (r *rig) steps(id int64) (list []string) {
	r.t.Helper()
	err := r.st.View(context.Background(), func(tx store.Tx) error {
		entries, err := tx.Ledger(id)
		for _, e := range entries {
			if e.Kind != store.LedgerAnswer {
				continue
			}
			s := fmt.Sprintf("%d.%d %s %s", e.MessageIndex, e.TransactionIndex, e.Step, e.State)
			if !e.DueAt.IsZero() {
				s += " due " + e.DueAt.In(formats.Berlin).Format("02.01. 15:04")
			}
			if e.AnsweredBy != 0 {
				s += " by " + fmt.Sprint(e.AnsweredBy)
			}
			list = append(list, s)
		}
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return list
}

func (r *rig) wantSteps(id int64, want ...string) {
	r.t.Helper()
	if diff := cmp.Diff(want, r.steps(id)); diff != "" {
		r.t.Errorf("steps of %d (-want +got):\n%s", id, diff)
	}
}

// processEvents returns the process events in the outbox, without what all have in common.
func (r *rig) processEvents() (list []string) {
	r.t.Helper()
	err := r.st.View(context.Background(), func(tx store.Tx) error {
		events, err := tx.Events(0, 0, 10_000)
		for _, e := range events {
			if name, ok := strings.CutPrefix(e.Type, "de.marktbote.process."); ok {
				list = append(list, strings.TrimSuffix(name, ".v1"))
			}
		}
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return list
}

// jumper is a rig in simulated time.
type jumper struct {
	*rig
	now time.Time
}

// inTime runs test with a gateway whose clock jumps from one due instant to the next. Its Channel takes everything.
func inTime(t *testing.T, test func(t *testing.T, r *jumper)) {
	t.Helper()
	j := &jumper{now: received}
	j.rig = newRig(t, t.TempDir(), func(o *Options) {
		o.Channel = &partner{}
		o.Now = func() time.Time { return j.now }
	})
	test(t, j)
}

// pass lets time pass.
func (r *jumper) pass(d time.Duration) {
	r.t.Helper()
	for end := r.now.Add(d); ; {
		next, err := r.Settle(context.Background())
		if err != nil {
			r.t.Fatal(err)
		}
		if next.IsZero() || next.After(end) {
			if r.now.Equal(end) {
				return
			}
			next = end
		}
		r.now = next
	}
}

func (r *jumper) submit(data []byte) int64 {
	r.t.Helper()
	id, err := r.Submit(context.Background(), bytes.NewReader(data))
	if err != nil {
		r.t.Fatal(err)
	}
	r.pass(time.Second)
	return id
}

// The supplier's registration and the answers of the grid operator to it.
const (
	registration = "valid/utilmd-55001.edi"
	confirmation = "valid/utilmd-55002.edi"
)

// refusal55003 refuses the registration.
func refusal55003(t *testing.T) []byte {
	return replaced(t, fixture(t, "valid/utilmd-55003.edi"), "RFF+TN:LFVG0000102", "RFF+TN:LFVG0000101")
}

// TestBusinessAnswer: what answers a transaction, in time or not, seen from both ends.
func TestBusinessAnswer(t *testing.T) {
	t.Parallel()
	const open = "1.1 55001 open open due 02.12. 11:00"
	type action struct {
		wait time.Duration
		do   func(r *jumper, t *testing.T)
		want string
	}
	receive := func(name string) func(r *jumper, t *testing.T) {
		return func(r *jumper, t *testing.T) { r.receive("", fixture(t, name)) }
	}
	for _, tt := range []struct {
		name    string
		actions []action
		events  []string
		parked  int
	}{
		{"confirmed", []action{
			{time.Hour, nil, open},
			{0, receive(confirmation), "1.1 55001 confirmed met due 02.12. 11:00 by 2"},
			{24 * time.Hour, nil, "1.1 55001 confirmed met due 02.12. 11:00 by 2"},
		}, []string{"deadline-missed"}, 0}, // that of APERAK
		{"refused", []action{{0, func(r *jumper, t *testing.T) { r.receive("", refusal55003(t)) }, "1.1 55001 refused met due 02.12. 11:00 by 2"}}, nil, 0},
		{"acknowledged, then confirmed", []action{
			{0, func(r *jumper, _ *testing.T) { r.receive("", r.aperak(1)) }, "1.1 55001 accepted open due 02.12. 11:00"},
			{time.Hour, receive(confirmation), "1.1 55001 confirmed met due 02.12. 11:00 by 3"},
		}, nil, 0},
		{"late", []action{
			{23 * time.Hour, nil, "1.1 55001 overdue missed due 02.12. 11:00"},
			{0, receive(confirmation), "1.1 55001 confirmed late due 02.12. 11:00 by 2"},
		}, []string{"deadline-missed", "deadline-missed", "answered-late"}, 0}, // the first one is that of APERAK
		{"a second answer that says something else", []action{
			{0, receive(confirmation), "1.1 55001 confirmed met due 02.12. 11:00 by 2"},
			{0, func(r *jumper, t *testing.T) { r.receive("", refusal55003(t)) }, "1.1 55001 clearing met due 02.12. 11:00 by 2"},
		}, nil, 1},
		{"rejected", []action{
			{0, func(r *jumper, _ *testing.T) { r.receive("", r.contrl4(1)) }, "1.1 55001 rejected/open cancelled due 02.12. 11:00"},
			{24 * time.Hour, nil, "1.1 55001 rejected/open cancelled due 02.12. 11:00"},
		}, nil, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			inTime(t, func(t *testing.T, r *jumper) {
				id := r.submit(fixture(t, registration))
				for i, a := range tt.actions {
					if a.do != nil {
						a.do(r, t)
					}
					r.pass(a.wait + 5*time.Second)
					if got := fmt.Sprint(r.steps(id)); got != "["+a.want+"]" {
						t.Errorf("action %d: %s, want %s", i+1, got, a.want)
					}
				}
				r.wantQuiet(tt.parked)
				if diff := cmp.Diff(tt.events, r.processEvents()); diff != "" {
					t.Errorf("process events (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// contrl4 returns the CONTRL with which a partner rejects an interchange.
func (r *rig) contrl4(id int64) []byte {
	r.t.Helper()
	x := r.rows(id).x
	sender, receiver := ack.Party{ID: x.Sender, Qualifier: "500"}, ack.Party{ID: x.Recipient, Qualifier: "500"}
	file, err := ack.WriteContrl(ack.Options{SentAt: r.now()}, ack.Envelope{Sender: receiver, Receiver: sender, ControlRef: "NB261201000002"},
		&ack.Contrl{Action: ack.Rejected, ControlRef: x.ControlRef, Sender: sender, Receiver: receiver, Fault: &ack.Fault{Code: "29", Segment: "UNZ"}})
	if err != nil {
		r.t.Fatal(err)
	}
	return file.Bytes
}

// TestOwnAnswer: what we owe, a warning before it is late, and an answer of ours that the partner rejects: we are warned again.
func TestOwnAnswer(t *testing.T) {
	t.Parallel()
	inTime(t, func(t *testing.T, r *jumper) {
		id := r.receive("", fixture(t, registration))
		r.pass(time.Minute)
		r.wantSteps(id, "1.1 55001 open open due 02.12. 11:00")
		r.pass(20 * time.Hour)
		if got := fmt.Sprint(r.processEvents()); got != "[deadline-approaching]" {
			t.Errorf("two hours before the deadline: %s", got)
		}
		answer := r.submit(fixture(t, confirmation))
		r.wantSteps(id, fmt.Sprintf("1.1 55001 confirmed met due 02.12. 11:00 by %d", answer))
		r.receive("", r.contrl4(answer))
		r.pass(5 * time.Second)
		r.wantSteps(id, "1.1 55001 open open due 02.12. 11:00")
		r.pass(3 * time.Hour)
		r.wantSteps(id, "1.1 55001 overdue missed due 02.12. 11:00")
		r.wantQuiet(0)
		if got := fmt.Sprint(r.processEvents()); got != "[deadline-approaching reopened deadline-approaching deadline-missed]" {
			t.Errorf("events: %s", got)
		}
	})
}

// TestLiftedRejection: a partner who rejected wrongly gets no more time.
func TestLiftedRejection(t *testing.T) {
	t.Parallel()
	inTime(t, func(t *testing.T, r *jumper) {
		id := r.submit(fixture(t, registration))
		if err := r.LiftRejection(t.Context(), id, "erika", "x"); !errors.Is(err, ErrNotRejected) {
			t.Errorf("before the rejection: %v", err)
		}
		r.receive("", r.contrl4(id))
		r.pass(time.Hour)
		r.wantSteps(id, "1.1 55001 rejected/open cancelled due 02.12. 11:00")
		if err := r.LiftRejection(t.Context(), id, "erika", "Partner hat den Fehler eingeräumt"); err != nil {
			t.Fatal(err)
		}
		r.wantSteps(id, "1.1 55001 open open due 02.12. 11:00")
		r.pass(22 * time.Hour)
		r.wantSteps(id, "1.1 55001 overdue missed due 02.12. 11:00")
		r.wantLedger(id, "0.0 contrl met by 2", "0.0 transport met", "1.1 aperak missed due 45m0s")
		err := r.st.View(t.Context(), func(tx store.Tx) error {
			list, err := tx.Decisions(store.DecisionQuery{InterchangeID: id})
			if len(list) != 1 || list[0].Actor != "erika" || list[0].Action != "lift-rejection" {
				t.Errorf("decisions: %+v", list)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// TestCancellation: a cancellation that the partner confirms ends the step of what it cancels.
func TestCancellation(t *testing.T) {
	t.Parallel()
	inTime(t, func(t *testing.T, r *jumper) {
		id := r.submit(fixture(t, registration))
		storno := r.submit(between("9999100000013", "9999200000020", "LBST0001", "IDE+24+LFVG0000901'STS+7++E05'RFF+Z13:55022'RFF+ACW:LFVG0000101'", 10))
		r.wantSteps(id, "1.1 55001 open open due 02.12. 11:00")
		r.wantSteps(storno, "1.1 55022 open open")
		r.receive("", between("9999200000020", "9999100000013", "NBST0001", "IDE+24+NBVG0000901'STS+7++E05'STS+E01++X:S_0086'RFF+Z13:55023'RFF+TN:LFVG0000901'", 11))
		r.pass(time.Minute)
		r.wantSteps(id, "1.1 55001 cancelled cancelled due 02.12. 11:00")
		r.wantQuiet(0)
	})
}

// between returns a UTILMD with one transaction.
func between(sender, receiver, ref, transaction string, segments int) []byte {
	return fmt.Appendf(nil, "UNB+UNOC:3+%s:500+%s:500+261201:1200+%s'UNH+1+UTILMD:D:11A:UN:S2.2'BGM+E01+D%s'DTM+137:202612011200?+00:303'"+
		"NAD+MS+%s::293'NAD+MR+%s::293'%sUNT+%d+1'UNZ+1+%s'", sender, receiver, ref, ref, sender, receiver, transaction, segments, ref)
}

// TestUnexpectedAnswer: an answer to what nobody sent is told, not parked.
func TestUnexpectedAnswer(t *testing.T) {
	t.Parallel()
	inTime(t, func(t *testing.T, r *jumper) {
		r.receive("", fixture(t, confirmation))
		r.pass(time.Minute)
		r.wantQuiet(0)
		if got := fmt.Sprint(r.processEvents()); got != "[answer-unexpected]" {
			t.Errorf("events: %s", got)
		}
	})
}

// TestSettle: simulated time goes from one due instant to the next.
func TestSettle(t *testing.T) {
	t.Parallel()
	inTime(t, func(t *testing.T, r *jumper) {
		id := r.submit(fixture(t, registration))
		var stops []string
		for {
			next, err := r.Settle(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if next.IsZero() {
				break
			}
			stops = append(stops, next.Sub(received).Truncate(time.Minute).String())
			r.now = next
		}
		if want := []string{"45m0s", "22h0m0s"}; !slices.Equal(stops, want) {
			t.Errorf("stops %v, want %v", stops, want)
		}
		r.wantSteps(id, "1.1 55001 overdue missed due 02.12. 11:00")
	})
}

// TestStepTexts: what is kept of a step brings it back.
func TestStepTexts(t *testing.T) {
	t.Parallel()
	for _, state := range process.States() {
		e := store.LedgerEntry{}
		keepStep(&e, "55001", process.Step{State: state, Due: received})
		pid, s, ok := stepOf(e)
		if !ok || pid != "55001" || s.State != state || !s.Due.Equal(received) {
			t.Errorf("%s: %s %+v %v from %q", state, pid, s, ok, e.Step)
		}
		if text := DescribeStep(e, formats.German); !strings.HasPrefix(text, "55001: ") || strings.HasSuffix(text, ": ") {
			t.Errorf("%s: %q", state, text)
		}
	}
	if _, _, ok := stepOf(store.LedgerEntry{Step: "99999 open"}); ok {
		t.Error("an unknown Prüfidentifikator has a step")
	}
}

// TestAnswerWithoutReference: what does not say what it answers answers the open request about its object.
func TestAnswerWithoutReference(t *testing.T) {
	t.Parallel()
	const point = "DE7409211011500000000000200718882"
	gas := func(sender, receiver, ref, application, message string, segments int) []byte {
		return fmt.Appendf(nil, "UNB+UNOC:3+%s:502+%s:502+261201:1200+%s%s'UNH+1+%sUNT+%d+1'UNZ+1+%s'", sender, receiver, ref, application, message, segments, ref)
	}
	const lf, nb = "9800001021901", "9800002869832"
	parties := func(from, to string) string { return fmt.Sprintf("NAD+MS+%s::332'NAD+MR+%s::332'", from, to) }
	inTime(t, func(t *testing.T, r *jumper) {
		// What was asked about the object before was answered, every day for months.
		err := r.st.Update(t.Context(), func(tx store.Tx) error {
			id, err := tx.InsertInterchange(store.Interchange{Direction: store.Out, Sender: lf, Recipient: nb})
			if err != nil {
				return err
			}
			if err := tx.InsertMessage(store.Message{InterchangeID: id, Index: 1}); err != nil {
				return err
			}
			for i := 1; i <= store.DefaultLimit; i++ {
				err := errors.Join(
					tx.InsertTransaction(store.Transaction{InterchangeID: id, MessageIndex: 1, Index: i, Pruefidentifikator: "17103"}),
					tx.InsertProcessKey(processKey(id, place{1, i}, levelObject, point)),
					tx.InsertLedger(store.LedgerEntry{
						InterchangeID: id, MessageIndex: 1, TransactionIndex: i, Kind: store.LedgerAnswer, State: store.LedgerMet, DoneAt: r.now,
						Step: "17103 answered",
					}))
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		asked := r.submit(gas(lf, nb, "LBGAS0001", "", "ORDERS:D:09B:UN:1.4c'BGM+7+LBG1'DTM+137:202612011200?+00:303'IMD++Z10'RFF+Z13:17103'"+parties(lf, nb)+
			"NAD+DP'LOC+172+"+point+"'LIN+1'DTM+163:202610020400?+00:303'DTM+164:202610030400?+00:303'UNS+S'", 14))
		if got := fmt.Sprint(r.steps(asked)); !strings.HasPrefix(got, "[1.0 17103 open open") && !strings.HasPrefix(got, "[1.1 17103 open open") {
			t.Fatalf("steps %s, %v", got, r.rows(asked).codes())
		}
		id := r.receive("", gas(nb, lf, "NBGAS0001", "++TL", "MSCONS:D:04B:UN:2.5'BGM+Z21+NBG1+9'DTM+137:202612011200?+00:303'RFF+Z13:13007'"+parties(nb, lf)+
			"UNS+D'NAD+DP'LOC+172+"+point+"'DTM+163:202609230400?+00:303'DTM+164:202609240400?+00:303'DTM+293:20261116050000?+00:304'"+
			"LIN+1'PIA+5+1-0?:1.8.0:SRW'QTY+220:0'DTM+163:202609230400?+00:303'DTM+164:202609240400?+00:303'", 18))
		r.pass(time.Second)
		if out := r.rows(id); out.x.Verdict != accepted {
			t.Fatalf("the answer is %s: %v", out.x.Verdict, out.codes())
		}
		if got := fmt.Sprint(r.steps(asked)); !strings.Contains(got, "17103 answered met") {
			t.Errorf("steps %s", got)
		}
	})
}

// TestAnswerBeforeNote: what a partner answers after the sending and before the note of it counts like any other answer.
func TestAnswerBeforeNote(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer        func(r *rig, id int64) []byte
		steps, ledger string
	}{
		"rejected": {
			(*rig).contrl4, "1.1 55001 rejected/open cancelled due 02.12. 11:00",
			"[0.0 contrl met by 2 0.0 transport met 1.1 aperak cancelled due 45m0s by 2]",
		},
		"acknowledged": {(*rig).aperak, "1.1 55001 accepted open due 02.12. 11:00", "[0.0 transport met 1.1 aperak met by 2]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inTime(t, func(t *testing.T, r *jumper) {
				id, err := r.Submit(t.Context(), bytes.NewReader(fixture(t, registration)))
				if err != nil {
					t.Fatal(err)
				}
				if err := r.step(r.claim()[0]); err != nil {
					t.Fatal(err)
				}
				item := r.claim()[0]
				note, err := r.dispatch(t.Context(), item)
				if err != nil {
					t.Fatal(err)
				}
				r.receive("", tt.answer(r.rig, id))
				if err := r.step(r.claim()[0]); err != nil {
					t.Fatal(err)
				}
				if err := r.store.Update(t.Context(), note.Do); err != nil {
					t.Fatal(err)
				}
				r.pass(time.Second)
				r.wantSteps(id, tt.steps)
				if got := fmt.Sprint(r.ledger(id)); got != tt.ledger {
					t.Errorf("ledger: %s, want %s", got, tt.ledger)
				}
				r.wantQuiet(0)
			})
		})
	}
}

// TestWatchGoesOn: an entry that nobody can read any more does not keep the deadlines of the others from being seen.
func TestWatchGoesOn(t *testing.T) {
	t.Parallel()
	inTime(t, func(t *testing.T, r *jumper) {
		broken := r.submit(fixture(t, registration))
		r.receive("", fixture(t, registration))
		r.pass(time.Minute)
		err := r.st.Update(t.Context(), func(tx store.Tx) error {
			e, err := tx.LedgerEntry(broken, 1, 1, store.LedgerAnswer)
			e.Step = "00000 open" // a Pruefidentifikator of the past
			return errors.Join(err, tx.UpdateLedger(e))
		})
		if err != nil {
			t.Fatal(err)
		}
		r.pass(24 * time.Hour)
		r.wantSteps(broken, "1.1 00000 open open due 02.12. 11:00")
		r.wantSteps(2, "1.1 55001 overdue missed due 02.12. 11:00")
	})
}

// TestDuplicateAfterResend: that the partner had it already rejects nothing.
func TestDuplicateAfterResend(t *testing.T) {
	t.Parallel()
	for _, resent := range []bool{true, false} {
		inTime(t, func(t *testing.T, r *jumper) {
			id := r.submit(fixture(t, registration))
			if resent {
				if err := r.Resend(t.Context(), id, "Eva", "Der Partner fragt danach"); err != nil {
					t.Fatal(err)
				}
				r.pass(time.Second)
			}
			x := r.rows(id).x
			sender, receiver := ack.Party{ID: x.Sender, Qualifier: "500"}, ack.Party{ID: x.Recipient, Qualifier: "500"}
			file, err := ack.WriteContrl(ack.Options{SentAt: r.now}, ack.Envelope{Sender: receiver, Receiver: sender, ControlRef: "NB261201000003"},
				&ack.Contrl{Action: ack.Rejected, ControlRef: x.ControlRef, Sender: sender, Receiver: receiver, Fault: &ack.Fault{Code: "26", Segment: "UNB"}})
			if err != nil {
				t.Fatal(err)
			}
			answer := r.receive("", file.Bytes)
			r.pass(time.Second)
			if out := r.rows(answer); out.x.Verdict != accepted {
				t.Fatalf("the CONTRL is %s: %v", out.x.Verdict, out.codes())
			}
			want := "1.1 55001 open open due 02.12. 11:00"
			if !resent {
				want = "1.1 55001 rejected/open cancelled due 02.12. 11:00"
			}
			r.wantSteps(id, want)
			r.wantQuiet(0)
		})
	}
}
