package gateway

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/marktbote/marktbote/formats/ident"
	"github.com/marktbote/marktbote/formats/process"
	"github.com/marktbote/marktbote/formats/rules"
	"github.com/marktbote/marktbote/formats/sample"
	"github.com/marktbote/marktbote/gateway/config"
	"github.com/marktbote/marktbote/store"
	"github.com/marktbote/marktbote/store/sqlite"
)

// fakeLookup answers the next questions as told, and then all with Yes.
type fakeLookup struct {
	mu      sync.Mutex
	errs    []error
	answers []Known
	short   bool // one answer is missing
	asked   []int
}

func (l *fakeLookup) Look(_ context.Context, questions []Question) ([]Known, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked = append(l.asked, len(questions))
	if len(l.errs) > 0 {
		err := l.errs[0]
		l.errs = l.errs[1:]
		return nil, err
	}
	out := make([]Known, len(questions))
	for i := range out {
		out[i] = Yes
	}
	l.answers = l.answers[copy(out, l.answers):]
	if l.short {
		out = out[1:]
	}
	return out, nil
}

// twice are the answers for a rejection, which is looked up again.
func twice(list ...Known) []Known { return append(list, list...) }

// TestLookup: what a Lookup of one's own may do. The steps are transaction, object, sender, receiver.
func TestLookup(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		lookup *fakeLookup
		want   []string
		parked int
	}{
		{"all known", &fakeLookup{}, []string{"CONTRL 7"}, 0},
		{"fails at first", &fakeLookup{errs: []error{errors.New("away")}}, []string{"CONTRL 7"}, 0},
		{"the first miss decides", &fakeLookup{answers: twice(Yes, No, No, No)}, []string{"313 Z10", "CONTRL 7"}, 0},
		{"what is unknown ends the check", &fakeLookup{answers: []Known{Unknown, No, No, No}}, []string{"CONTRL 7"}, 0},
		{"the last one", &fakeLookup{answers: twice(Yes, Yes, Yes, No)}, []string{"313 Z18", "CONTRL 7"}, 0},
		{"answers missing", &fakeLookup{short: true}, nil, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			file, at := sampleFile(t, "FV2610", "44005")
			p := &partner{}
			inBubble(t, func(t *testing.T, r *rig) {
				r.receive("", file)
				r.run(time.Minute)
				if got := p.short(t); len(got) != len(tt.want) || len(got) > 0 && got[0] != tt.want[0] {
					t.Errorf("got %v, want %v", got, tt.want)
				}
				r.wantQuiet(tt.parked)
			}, asIf(t, p, tt.lookup, at))
		})
	}
}

// asIf sets the gateway of a sample up.
func asIf(t *testing.T, p *partner, l Lookup, at time.Time) func(o *Options) {
	t.Helper()
	table, err := process.ParseAssignments("FV2610 44005 transaction object sender receiver")
	if err != nil {
		t.Fatal(err)
	}
	return func(o *Options) {
		begun := time.Now()
		o.Channel, o.Lookup, o.Assignments = p, l, table
		o.Now = func() time.Time { return at.Add(3 * time.Minute).Add(time.Since(begun)) }
	}
}

// TestLookupInParts: a file with many transactions is not asked about at once, and each gets its own answer.
func TestLookupInParts(t *testing.T) {
	t.Parallel()
	const messages = 700 // with four questions each
	pack, err := rules.Load("FV2610", "UTILMD_Gas")
	if err != nil {
		t.Fatal(err)
	}
	_, at := sampleFile(t, "FV2610", "44005")
	var b bytes.Buffer
	if err := sample.Generate(&b, pack, "44005", sample.Options{Variant: sample.Minimal, At: at, Messages: messages}); err != nil {
		t.Fatal(err)
	}
	l := &fakeLookup{}
	for i := range messages {
		object := Yes
		if i%100 == 3 {
			object = No
		}
		l.answers = append(l.answers, Yes, object, Yes, Yes)
	}
	l.answers = twice(l.answers...)
	p := &partner{}
	inBubble(t, func(t *testing.T, r *rig) {
		id := r.receive("", b.Bytes())
		r.run(time.Minute)
		for i, x := range r.rows(id).transactions {
			if rejected := x.Verdict != accepted; rejected != (i%100 == 3) {
				t.Errorf("transaction of message %d: %s", i+1, x.Verdict)
			}
		}
		total := 0
		for _, n := range l.asked {
			if total += n; n > maxQuestions {
				t.Errorf("%d questions at once", n)
			}
		}
		if total != 2*4*messages || len(l.asked) < 2*3 {
			t.Errorf("%d questions in %d parts", total, len(l.asked))
		}
	}, asIf(t, p, l, at))
}

// TestStoreLookup: what the store answers, and when it does not know.
func TestStoreLookup(t *testing.T) {
	t.Parallel()
	day := func(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	err = st.Update(t.Context(), func(tx store.Tx) error {
		out, err := tx.InsertInterchange(store.Interchange{Direction: store.Out, Verdict: accepted, Sender: "1"})
		if err != nil {
			return err
		}
		in, err := tx.InsertInterchange(store.Interchange{Direction: store.In, Sender: "1"})
		if err != nil {
			return err
		}
		return errors.Join(
			tx.InsertMessage(store.Message{InterchangeID: out, Index: 1, DocumentNo: "D1"}),
			tx.InsertTransaction(store.Transaction{InterchangeID: out, MessageIndex: 1, Index: 1, Number: "V1"}),
			tx.InsertMessage(store.Message{InterchangeID: in, Index: 1, DocumentNo: "D2"}),
			tx.InsertTransaction(store.Transaction{InterchangeID: in, MessageIndex: 1, Index: 1, Number: "V2"}),
			tx.SetAssignment(store.Assignment{MPID: "1", Object: "malo/a", Partner: "2", From: day(1), Until: day(20)}),
			tx.SetAssignment(store.Assignment{MPID: "1", Object: "melo/a", Partner: "2", From: day(1), Until: day(20)}),
			tx.SetCompleteness(store.Completeness{MPID: "1", Kind: "malo", From: day(5), TrustedUntil: day(10)}),
			tx.SetCompleteness(store.Completeness{MPID: "3", Kind: "melo", From: day(5), TrustedUntil: day(10)}),
		)
	})
	if err != nil {
		t.Fatal(err)
	}
	l := storeLookup{st, config.Config{Own: []config.Party{{MPID: "1", CompleteSince: "2025-01-02"}, {MPID: "3"}}}}
	key := func(level process.Level, sender ident.MarktpartnerID, value string) process.Key {
		return process.Key{Level: level, Sender: sender, Value: value}
	}
	tests := []struct {
		name string
		q    Question
		want Known
	}{
		{"object", Question{Own: "1", At: day(6), Object: "malo/a"}, Yes},
		{"object of somebody else", Question{Own: "3", At: day(6), Object: "malo/a"}, Unknown},
		{"no object", Question{Own: "1", At: day(6), Object: "malo/b"}, No},
		{"no object, list too old", Question{Own: "1", At: day(10), Object: "malo/b"}, Unknown},
		{"no object, list not yet complete", Question{Own: "1", At: day(4), Object: "malo/b"}, Unknown},
		{"no object, another kind", Question{Own: "1", At: day(6), Object: "melo/b"}, Unknown},
		{"search", Question{Own: "1", At: day(6), Object: "malo/a", Search: true}, Yes},
		{"search for what is not known", Question{Own: "1", At: day(6), Object: "malo/b", Search: true}, Unknown},
		{"assigned", Question{Own: "1", At: day(6), Object: "malo/a", Partner: "2", From: day(2), To: day(20)}, Yes},
		{"assigned for a part", Question{Own: "1", At: day(6), Object: "malo/a", Partner: "2", From: day(6), To: day(21)}, No},
		{"assigned for a part, before the list is complete", Question{Own: "1", At: day(6), Object: "malo/a", Partner: "2", From: day(4), To: day(21)}, Unknown},
		{"not assigned", Question{Own: "1", At: day(6), Object: "malo/a", Partner: "4", From: day(6)}, No},
		{"not assigned, another kind", Question{Own: "1", At: day(6), Object: "melo/a", Partner: "4", From: day(6)}, Unknown},
		{"sent", Question{Own: "1", At: day(6), Key: key(process.LevelTransaction, "1", "V1")}, Yes},
		{"received", Question{Own: "1", At: day(6), Key: key(process.LevelTransaction, "1", "V2")}, No},
		{"not sent, not complete for a year", Question{Own: "1", At: day(2), Key: key(process.LevelTransaction, "1", "V2")}, Unknown},
		{"not sent, never complete", Question{Own: "3", At: day(6), Key: key(process.LevelTransaction, "3", "V2")}, Unknown},
		{"document", Question{Own: "1", At: day(6), Key: key(process.LevelDocument, "1", "D1")}, Yes},
		{"no document", Question{Own: "1", At: day(6), Key: key(process.LevelDocument, "1", "V1")}, No},
		{"item", Question{Own: "1", At: day(6), Key: key(process.LevelItem, "1", "D1/V1")}, Yes},
		{"no item", Question{Own: "1", At: day(6), Key: key(process.LevelItem, "1", "D1/V2")}, No},
		{"item without a number", Question{Own: "1", At: day(6), Key: key(process.LevelItem, "1", "D1")}, Unknown},
		{"series", Question{Own: "1", At: day(6), Key: key(process.LevelSeries, "1", "V1")}, Unknown},
		{"sent by others", Question{Own: "1", At: day(6), Key: key(process.LevelTransaction, "", "V1")}, Unknown},
		{"empty", Question{Own: "1", At: day(6), Key: key(process.LevelTransaction, "1", "")}, Unknown},
	}
	var questions []Question
	for _, tt := range tests {
		questions = append(questions, tt.q)
	}
	got, err := l.Look(t.Context(), append(questions, questions...)) // each once more, out of memory
	if err != nil {
		t.Fatal(err)
	}
	for i, tt := range tests {
		if got[i] != tt.want || got[len(tests)+i] != tt.want {
			t.Errorf("%s: %d and %d, want %d", tt.name, got[i], got[len(tests)+i], tt.want)
		}
	}
}
