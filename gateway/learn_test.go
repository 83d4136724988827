package gateway

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/marktbote/marktbote/store"
)

// assignments describes what an own MP-ID knows.
func (r *rig) assignments(own string) (list []string) {
	r.t.Helper()
	err := r.st.View(context.Background(), func(tx store.Tx) error {
		found, err := tx.Assignments(store.AssignmentQuery{MPID: own})
		for _, a := range found {
			s := fmt.Sprintf("%s %s %s from %s", a.Object, a.Rolle, a.Partner, a.From.Format(time.DateTime))
			if !a.Until.IsZero() {
				s += " until " + a.Until.Format(time.DateTime)
			}
			list = append(list, s+" by "+a.Source)
		}
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return list
}

// TestLearn: the confirmation of an Anmeldung assigns NB and LF, for who sent it and for who received it; that of an
// Abmeldung ends the assignment. A test message teaches nothing.
func TestLearn(t *testing.T) {
	t.Parallel()
	const nb, lf = "9999200000020", "9999100000013"
	for _, direction := range []store.Direction{store.In, store.Out} {
		t.Run(string(direction), func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, r *rig) {
				begin := fixture(t, "valid/utilmd-55002.edi")
				request := replaced(t, fixture(t, "valid/utilmd-55004.edi"), "90000000043", "90000000019")
				end := fixture(t, "valid/utilmd-55005.edi") // names no object
				test := replaced(t, begin, "NM261103000201", "NM261103000200", "'UNH", "++++++1'UNH", "NBVG0000201", "NBVG0000200")
				for _, file := range [][]byte{test, begin, request, end} {
					if (direction == store.In) == (&file[0] != &request[0]) {
						r.receive("", file)
					} else if _, err := r.Submit(t.Context(), bytes.NewReader(file)); err != nil {
						t.Fatal(err)
					}
					r.run(time.Minute)
				}
				own, source := lf, [2]string{"interchange/3", "interchange/6"} // the answers lie between
				if direction == store.Out {
					own, source = nb, [2]string{"interchange/2", "interchange/5"}
				}
				want := []string{
					"malo/90000000019 LF 9999100000013 from 2026-11-04 23:00:00 until 2026-12-31 23:00:00 by " + source[1],
					"malo/90000000019 NB 9999200000020 from 2026-11-04 23:00:00 by " + source[0],
				}
				if diff := cmp.Diff(want, r.assignments(own)); diff != "" {
					t.Errorf("assignments (-want +got):\n%s", diff)
					for id := range int64(r.interchanges()) {
						x := r.rows(id + 1)
						t.Log(id+1, x.x.Verdict, x.codes())
					}
				}
			}, func(o *Options) { o.Channel = &partner{} })
		})
	}
}

func TestCovers(t *testing.T) {
	t.Parallel()
	day := func(n int) time.Time {
		if n == 0 {
			return time.Time{}
		}
		return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC)
	}
	list := []store.Assignment{ // in no order
		{Partner: "1", From: day(5), Until: day(9)}, {Partner: "1", From: day(2), Until: day(5)},
		{Partner: "1", From: day(12)}, {Partner: "2", From: day(1)}, {Partner: "3", From: day(1), Until: day(8)}, {Partner: "3", From: day(4), Until: day(6)},
	}
	for _, tt := range []struct {
		partner  string
		from, to int
		want     bool
	}{
		{"1", 2, 0, true}, {"1", 1, 0, false}, {"1", 5, 0, true}, {"1", 9, 0, false}, {"1", 12, 0, true},
		{"1", 2, 9, true}, {"1", 2, 10, false}, {"1", 1, 3, false}, {"1", 8, 13, false}, {"1", 13, 28, true},
		{"2", 1, 28, true}, {"3", 2, 8, true}, {"3", 2, 9, false}, {"4", 2, 3, false},
	} {
		if got := covers(list, Question{Partner: tt.partner, From: day(tt.from), To: day(tt.to)}); got != tt.want {
			t.Errorf("%s from %d to %d: %v", tt.partner, tt.from, tt.to, got)
		}
	}
}
