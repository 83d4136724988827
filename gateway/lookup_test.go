package gateway

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/marktbote/marktbote/formats/process"
	"github.com/marktbote/marktbote/formats/rules"
	"github.com/marktbote/marktbote/formats/sample"
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
		{"the first miss decides", &fakeLookup{answers: []Known{Yes, No, No, No}}, []string{"313 Z10", "CONTRL 7"}, 0},
		{"what is unknown ends the check", &fakeLookup{answers: []Known{Unknown, No, No, No}}, []string{"CONTRL 7"}, 0},
		{"the last one", &fakeLookup{answers: []Known{Yes, Yes, Yes, No}}, []string{"313 Z18", "CONTRL 7"}, 0},
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
		if total != 4*messages || len(l.asked) < 3 {
			t.Errorf("%d questions in %d parts", total, len(l.asked))
		}
	}, asIf(t, p, l, at))
}
