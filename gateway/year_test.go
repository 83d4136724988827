package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/event"
	"github.com/marktbote/marktbote/store"
	"github.com/marktbote/marktbote/store/sqlite"
)

// NOTE: A year of a supplier and a grid operator in simulated time. Two gateways, each with a store of its own, are
// joined by a line. They share one clock, which jumps to the next instant at which anything is due: a letter of the plan
// (yearplan_test.go), work of a gateway, a deadline. What came of every letter is compared with the rules of the
// documents (yearrules_test.go), and all that the gateways reported is counted in a golden file.

// world is both houses and the clock.
type world struct {
	t         *testing.T
	now       time.Time
	houses    map[house]*inhabitant
	agenda    []appointment
	delivered int
	faults    map[string]fault // on the line, by UNB 0020
}

// inhabitant is a gateway of the world.
type inhabitant struct {
	*Gateway
	st store.Store
}

// appointment is something that happens at an instant.
type appointment struct {
	at time.Time
	do func()
}

// fault changes a file on its way; nil instead of the file: it is lost.
type fault func([]byte) []byte

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, now: yearBegin.UTC(), houses: map[house]*inhabitant{}, faults: map[string]fault{}}
	for _, h := range []house{supplier, operator} {
		st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "store.db"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := st.Close(); err != nil {
				t.Error(err)
			}
		})
		w.houses[h] = &inhabitant{st: st, Gateway: New(Options{
			Store: st, Config: yearConfig(h), Log: zap.NewNop(), Metrics: prometheus.NewRegistry(), Channel: yearLine{w, h},
			Now: func() time.Time { return w.now },
		})}
	}
	return w
}

// yearLine is the Channel of a house to the other one.
type yearLine struct {
	w  *world
	by house
}

func (l yearLine) Send(ctx context.Context, out Outgoing) (time.Time, error) {
	data, err := io.ReadAll(out.Body)
	if err != nil {
		return time.Time{}, err
	}
	if f, ok := l.w.faults[referenceOf(data)]; ok {
		if data = f(data); data == nil {
			return time.Time{}, nil
		}
	}
	l.w.delivered++
	_, err = l.w.houses[l.by.other()].Receive(ctx, "line", out.MessageID, bytes.NewReader(data))
	return time.Time{}, err
}

// referenceOf returns UNB 0020.
func referenceOf(data []byte) string {
	fields := strings.SplitN(string(data), "+", 7)
	if len(fields) < 6 {
		return ""
	}
	ref, _, _ := strings.Cut(fields[5], "'")
	return ref
}

// at puts something on the agenda.
func (w *world) at(at time.Time, do func()) { w.agenda = append(w.agenda, appointment{at, do}) }

// send puts a letter on the agenda.
func (w *world) send(by house, l *letter, at time.Time) {
	data, err := l.bytes()
	if err != nil {
		w.t.Fatal(err)
	}
	w.at(at, func() {
		if _, err := w.houses[by].Submit(w.t.Context(), bytes.NewReader(data)); err != nil {
			w.t.Fatal(err)
		}
	})
}

// run lets time pass until an instant.
func (w *world) run(until time.Time) {
	w.t.Helper()
	slices.SortStableFunc(w.agenda, func(a, b appointment) int { return a.at.Compare(b.at) })
	next := w.now
	for !next.After(until) {
		w.now = next
		for len(w.agenda) > 0 && !w.agenda[0].at.After(w.now) {
			w.agenda[0].do()
			w.agenda = w.agenda[1:]
		}
		next = w.settle()
		if len(w.agenda) > 0 && w.agenda[0].at.Before(next) {
			next = w.agenda[0].at
		}
	}
	w.now = until
}

// settle lets both houses do what is due, and returns when the next thing is.
func (w *world) settle() time.Time {
	w.t.Helper()
	for range 100 {
		before := w.delivered
		next := yearEnd.AddDate(1, 0, 0)
		for _, h := range []house{supplier, operator} {
			due, err := w.houses[h].Settle(w.t.Context())
			if err != nil {
				w.t.Fatal(err)
			}
			if !due.IsZero() && due.Before(next) {
				next = due
			}
		}
		if w.delivered == before && next.After(w.now) {
			return next
		}
	}
	w.t.Fatalf("at %v nothing comes to rest", w.now)
	return time.Time{}
}

// TestYear is the year.
func TestYear(t *testing.T) {
	until := yearEnd
	switch {
	case raceEnabled: // which makes it ten times slower; the gateways work in one goroutine here anyway
		until = yearBegin.AddDate(0, 0, 10)
	case testing.Short():
		until = yearBegin.AddDate(0, 1, 0)
	}
	w := newWorld(t)
	cases := newPlan(t, 1, until)
	for _, c := range cases {
		for _, d := range c.before {
			w.send(d.letter.by(), d.letter, d.at)
		}
		w.send(c.request.by(), c.request, c.at)
		if c.answer != nil {
			w.send(c.answer.by(), c.answer, c.answeredAt)
		}
	}
	stories := &teller{t: t, w: w, mint: newMint()}
	stories.mint.count = 500_000 // behind those of the plan
	stories.tell()
	w.run(yearEnd)
	stories.end()
	for _, c := range cases {
		w.compare(c)
	}
	w.closed()
	w.audit()
	if until.Equal(yearEnd) {
		everyRule(t, cases)
		w.golden("testdata/year.golden")
	}
}

// everyRule checks that the year had every rule in it: answered in time, late, and not at all.
func everyRule(t *testing.T, cases []*yearCase) {
	t.Helper()
	had := map[string]bool{}
	for _, c := range cases {
		had[c.pid.String()+" "+string(c.how)] = true
	}
	for _, r := range yearRules {
		for pid := range strings.FieldsSeq(r.pids) {
			for _, how := range []conduct{onTime, late, silent} {
				if !had[pid+" "+string(how)] {
					t.Errorf("%s was never answered %s", pid, how)
				}
			}
		}
	}
}

// by is the house that sends a letter.
func (l *letter) by() house { return house(l.first("UNB", "").get(2, 1)[4] - '0') }

// compare looks at what came of a case in both houses.
func (w *world) compare(c *yearCase) {
	w.t.Helper()
	for _, h := range []house{supplier, operator} {
		direction := store.In
		if h == c.request.by() {
			direction = store.Out
		}
		got, due, err := w.became(h, direction, c.request)
		if err != nil {
			w.t.Errorf("%s, %s of house %d: %v", c.name, direction, h, err)
			continue
		}
		if err := w.acknowledged(h, direction, c); err != nil {
			w.t.Errorf("%s, %s of house %d, sent %v: %v", c.name, direction, h, c.at.In(formats.Berlin), err)
		}
		want, wantDue := fmt.Sprintf("%s, %s, %v", c.step, c.ledger, c.meanings), c.theirs
		if direction == store.In {
			wantDue = c.ours
		}
		if !due.Equal(wantDue) {
			w.t.Errorf("%s, %s of house %d, sent %v: due %v, want %v", c.name, direction, h, c.at.In(formats.Berlin), due.In(formats.Berlin), wantDue)
		}
		for _, m := range uncompared {
			got = strings.NewReplacer(" "+m, "", m+" ", "", m, "").Replace(got)
		}
		if got != want {
			w.t.Errorf("%s, %s of house %d, sent %v, answered %v:\n got %s\nwant %s", c.name, direction, h, c.at.In(formats.Berlin),
				c.answeredAt.In(formats.Berlin), got, want)
		}
	}
}

// acknowledged compares how a request was acknowledged: in Strom every transaction with APERAK, in Gas the file with CONTRL.
func (w *world) acknowledged(h house, direction store.Direction, c *yearCase) error {
	unb := c.request.first("UNB", "")
	sparte, kind := formats.Strom, store.LedgerAperak
	if unb.get(3, 2) == "502" {
		sparte, kind = formats.Gas, store.LedgerContrl
	}
	want, theirs := acknowledgedBy(sparte, c.request.kind, c.at)
	if direction == store.Out {
		want = theirs
	}
	return w.houses[h].st.View(w.t.Context(), func(tx store.Tx) error {
		list, err := tx.FindControlRef(direction, unb.get(2, 1), unb.get(5, 1))
		if err != nil || len(list) != 1 {
			return fmt.Errorf("%d interchanges, %w", len(list), err)
		}
		entries, err := tx.Ledger(list[0].ID)
		found := 0
		for _, e := range entries {
			if e.Kind != store.LedgerContrl && e.Kind != store.LedgerAperak {
				continue
			}
			if found++; e.Kind != kind || e.State != store.LedgerMet || !e.DueAt.Equal(want) {
				return fmt.Errorf("%s is %s, due %v; want %s, due %v", e.Kind, e.State, e.DueAt.In(formats.Berlin), kind, want.In(formats.Berlin))
			}
		}
		if err == nil && found == 0 {
			return errors.New("nothing acknowledges it")
		}
		return err
	})
}

// uncompared are meanings that depend on more than the case.
var uncompared = []string{"due-soon", "answer-unexpected"}

// processMeanings lists what was reported about the first transaction of an interchange.
func processMeanings(tx store.Tx, id int64) (list []string, err error) {
	events, err := tx.Events(0, id, 1000)
	for _, e := range events {
		if p, ok := stepEvent(e); ok && p.Transaction <= 1 {
			list = append(list, p.Meaning)
		}
	}
	return list, err
}

// stepEvent reads an event about a step; false if it is another one.
func stepEvent(e store.Event) (event.Process, bool) {
	if !strings.Contains(e.Type, ".process.") {
		return event.Process{}, false
	}
	var body struct {
		Data event.Process `json:"data"`
	}
	if err := json.Unmarshal(e.Data, &body); err != nil {
		return event.Process{Meaning: err.Error()}, true
	}
	return body.Data, true
}

// closed checks that nothing is left over: no work, and no open entry in a ledger but those without a deadline.
func (w *world) closed() {
	w.t.Helper()
	for h, in := range w.houses {
		err := in.st.View(w.t.Context(), func(tx store.Tx) error {
			if pending, err := tx.PendingWork(); err != nil || pending != 0 {
				w.t.Errorf("house %d: %d items pending, %v", h, pending, err)
			}
			return w.entries(tx, func(x store.Interchange, e store.LedgerEntry) {
				if e.State == store.LedgerOpen && (!e.DueAt.IsZero() || e.Kind != store.LedgerAnswer) {
					w.t.Errorf("house %d: %s %s of interchange %d is open, due %v", h, e.Kind, e.Step, x.ID, e.DueAt)
				}
			})
		})
		if err != nil {
			w.t.Error(err)
		}
	}
}

// entries calls yield for every entry of a ledger.
func (w *world) entries(tx store.Tx, yield func(store.Interchange, store.LedgerEntry)) error {
	for before := int64(0); ; {
		list, err := tx.Interchanges(store.InterchangeQuery{Before: before, Limit: 1000})
		if err != nil || len(list) == 0 {
			return err
		}
		for _, x := range list {
			entries, err := tx.Ledger(x.ID)
			if err != nil {
				return err
			}
			for _, e := range entries {
				yield(x, e)
			}
			before = x.ID
		}
	}
}

// audit lets both stores prove that nothing was changed behind the gateways' backs.
func (w *world) audit() {
	w.t.Helper()
	for h, in := range w.houses {
		_, err := in.st.(store.Auditor).Verify(w.t.Context(), store.AuditHead{}, func(p store.AuditProblem) { w.t.Errorf("house %d: %v", h, p) })
		if err != nil {
			w.t.Errorf("house %d: %v", h, err)
		}
	}
}

// golden counts what the year brought, for people.
func (w *world) golden(path string) {
	w.t.Helper()
	var out strings.Builder
	for _, h := range []house{supplier, operator} {
		counts := map[string]int{}
		err := w.houses[h].st.View(w.t.Context(), func(tx store.Tx) error {
			for after := int64(0); ; {
				list, err := tx.Events(after, 0, 1000)
				if err != nil {
					return err
				}
				if len(list) == 0 {
					break
				}
				for _, e := range list {
					after = e.Seq
					if p, ok := stepEvent(e); ok {
						counts["reported "+p.Meaning]++
					} else {
						counts["events of messages"]++
					}
				}
			}
			parked, err := tx.ParkedWork(0)
			for _, item := range parked {
				counts["set aside: "+item.Kind]++
			}
			if err != nil {
				return err
			}
			return w.entries(tx, func(x store.Interchange, e store.LedgerEntry) {
				counts[fmt.Sprintf("ledger %s %s %s", x.Direction, e.Kind, e.State)]++
				if e.State == store.LedgerOpen && e.DueAt.IsZero() {
					counts[fmt.Sprintf("ledger %s %s open, no deadline is established", x.Direction, e.Kind)]++
				}
			})
		})
		if err != nil {
			w.t.Fatal(err)
		}
		fmt.Fprintf(&out, "## %s\n\n", map[house]string{supplier: "supplier", operator: "grid operator"}[h])
		for _, what := range slices.Sorted(maps.Keys(counts)) {
			fmt.Fprintf(&out, "%5d %s\n", counts[what], what)
		}
		out.WriteString("\n")
	}
	if *update {
		if err := os.WriteFile(path, []byte(out.String()), 0o644); err != nil { //nolint:gosec // as the other files there
			w.t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		w.t.Fatal(err)
	}
	if diff := gocmp.Diff(string(want), out.String()); diff != "" {
		w.t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}
