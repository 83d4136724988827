package gateway

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/ident"
	"github.com/marktbote/marktbote/formats/process"
	"github.com/marktbote/marktbote/store"
)

// story is something of the year that does not go as it should: a message, and what must have become of it in the end in
// the house that sent it and in the one that got it. Each says step, entry of the ledger, and what was reported.
type story struct {
	name    string
	letter  *letter
	out, in string
}

// teller tells the stories of a year, all in one week.
type teller struct {
	t    *testing.T
	w    *world
	mint *mint
	list []story
}

// The week of the stories: Monday, 13 April 2026, and the days behind it; no holiday is near.
func storyAt(day, hour, minute int) time.Time {
	return time.Date(2026, 4, 13+day, hour, minute, 0, 0, formats.Berlin).UTC()
}

var (
	toOperator = way{"LF", "NB", formats.Strom}
	toSupplier = way{"NB", "LF", formats.Strom}
)

// write makes a letter and sends it. edit may be nil.
func (s *teller) write(pid ident.Pruefidentifikator, at time.Time, edit func(*letter) bool) *letter {
	s.t.Helper()
	by, w := supplier, toOperator
	if e, _ := process.Lookup(pid); slices.Contains([]string{"NB>LF", "NB>LFN"}, e.Ways[0]) {
		by, w = operator, toSupplier
	}
	return s.writeOn(by, w, pid, at, edit)
}

func (s *teller) writeOn(by house, w way, pid ident.Pruefidentifikator, at time.Time, edit func(*letter) bool) *letter {
	s.t.Helper()
	if edit == nil {
		edit = func(*letter) bool { return true }
	}
	l, err := s.mint.write(pid, by, w, at, edit)
	if err != nil {
		s.t.Fatal(err)
	}
	s.w.send(by, l, at)
	return l
}

// replyTo is the edit of an answer.
func replyTo(request *letter) func(*letter) bool {
	return func(l *letter) bool { return l.answers(request) }
}

// cancels is the edit of a cancellation.
func cancels(request *letter) func(*letter) bool {
	return func(l *letter) bool {
		rff := l.first("RFF", "ACW")
		if rff != nil {
			rff.set(1, 2, request.number())
		}
		return rff != nil
	}
}

// without loses a segment of a letter on its way, so that the handbook is violated.
func (s *teller) without(l *letter, tag, qualifier string) {
	s.w.faults[l.text("UNB", "", 5, 1)] = func(data []byte) []byte {
		damaged, err := parseLetter(data)
		if err != nil {
			s.t.Error(err)
			return data
		}
		n := len(damaged.segments)
		damaged.segments = slices.DeleteFunc(damaged.segments, func(x segment) bool { return x.tag == tag && x.get(1, 1) == qualifier })
		if len(damaged.segments) == n {
			s.t.Errorf("%s has no %s+%s", l.pid, tag, qualifier)
		}
		if data, err = damaged.bytes(); err != nil {
			s.t.Error(err)
		}
		return data
	}
}

// miscounted makes the number of segments of a letter wrong on its way.
func (s *teller) miscounted(l *letter) {
	s.w.faults[l.text("UNB", "", 5, 1)] = func(data []byte) []byte { return bytes.Replace(data, []byte("UNT+"), []byte("UNT+9"), 1) }
}

// lost loses a letter on its way.
func (s *teller) lost(l *letter) {
	s.w.faults[l.text("UNB", "", 5, 1)] = func([]byte) []byte { return nil }
}

// becomes says what must have become of a letter.
func (s *teller) becomes(name string, l *letter, out, in string) {
	s.list = append(s.list, story{name: name, letter: l, out: out, in: in})
}

// tell puts all stories on the agenda.
func (s *teller) tell() {
	toMSB := way{"LF", "MSB", formats.Strom}
	nine, late := storyAt(0, 9, 0), storyAt(2, 9, 0)

	l := s.write("55001", nine, nil)
	s.without(l, "DTM", "92")
	s.becomes("APERAK 313 ends the wait", l, "rejected/open, cancelled, []", ", , []")

	l = s.write("55004", nine, nil)
	s.miscounted(l)
	s.becomes("CONTRL 4 ends the wait", l, "rejected/open, cancelled, []", ", , []")

	l = s.write("55001", nine, nil)
	s.without(l, "DTM", "92")
	s.lift(l, storyAt(0, 12, 0))
	s.becomes("a lifted rejection: the first receipt counts, and nothing comes", l, "overdue, missed, [restored breach]", ", , []")

	l = s.write("55001", nine, nil)
	s.without(l, "DTM", "92")
	s.lift(l, storyAt(0, 12, 0))
	s.write("55002", storyAt(0, 15, 0), replyTo(l))
	s.becomes("a lifted rejection, answered in time", l, "confirmed, met, [restored]", ", , []")

	l = s.write("55001", nine, nil)
	s.without(l, "DTM", "92")
	s.lift(l, late)
	s.becomes("a rejection lifted when the deadline is over", l, "overdue, missed, [restored breach]", ", , []")

	l = s.write("55001", nine, nil)
	s.lost(l)
	s.becomes("a partner who got nothing: neither APERAK nor answer", l, "overdue, missed, [deadline-missed breach]", "")

	l = s.writeOn(supplier, way{from: "LF", to: "NB"}, "44001", nine, nil)
	s.lost(l)
	s.becomes("the same in Gas: no CONTRL after six hours", l, "overdue, missed, [deadline-missed breach]", "")

	l = s.write("55002", nine, nil)
	s.becomes("an answer to nothing", l, ", , [answer-unexpected]", ", , [answer-unexpected]")

	l = s.write("55001", nine, nil)
	s.write("55002", storyAt(0, 10, 0), replyTo(l))
	s.write("55003", storyAt(0, 11, 0), replyTo(l))
	s.becomes("two answers that contradict each other", l, "clearing, met, []", "clearing, met, []")

	l = s.write("55001", nine, nil)
	s.write("55002", storyAt(0, 10, 0), replyTo(l))
	s.write("55002", late, replyTo(l))
	s.becomes("the same answer again", l, "clearing, met, []", "clearing, met, []")

	l = s.writeOn(supplier, toMSB, "17113", nine, nil)
	for hour := range 3 {
		s.writeOn(operator, toMSB.back(), "13019", storyAt(0, 10+hour, 0), replyTo(l))
	}
	s.becomes("data that come in several messages", l, "answered, met, []", "answered, met, []")

	l = s.writeOn(supplier, toMSB, "17004", nine, nil)
	s.writeOn(operator, toMSB.back(), "19007", storyAt(2, 23, 59), replyTo(l))
	s.becomes("a refusal within its own deadline", l, "refused, met, []", "refused, met, []")

	l = s.writeOn(supplier, toMSB, "17004", nine, nil)
	s.writeOn(operator, toMSB.back(), "19007", storyAt(3, 0, 1), replyTo(l))
	s.becomes("a refusal behind its own deadline", l, "refused, met, [answered-late]", "refused, met, [answered-late]")

	l = s.write("55001", nine, nil)
	x := s.write("55022", storyAt(0, 10, 0), cancels(l))
	s.writeOn(operator, toSupplier, "55023", storyAt(0, 11, 0), replyTo(x))
	s.becomes("cancelled", l, "cancelled, cancelled, [cancelled]", "cancelled, cancelled, [cancelled]")
	s.becomes("the cancellation", x, "confirmed, met, []", "confirmed, met, []")

	l = s.write("55001", nine, nil)
	x = s.write("55022", storyAt(0, 10, 0), cancels(l))
	s.writeOn(operator, toSupplier, "55024", storyAt(0, 11, 0), replyTo(x))
	s.becomes("not cancelled, and the answer is owed as before", l, "overdue, missed, [breach]", "overdue, missed, [due-soon breach]")
	s.becomes("the refused cancellation", x, "refused, met, []", "refused, met, []")

	l = s.write("55001", nine, nil)
	x = s.write("55002", storyAt(0, 10, 0), replyTo(l))
	s.without(x, "STS", "E01")
	s.becomes("an answer that is rejected counts as not received", l, "overdue, missed, [breach]", "overdue, missed, [reopened due-soon breach]")

	l = s.write("55001", nine, nil)
	x = s.write("55002", storyAt(0, 10, 0), replyTo(l))
	s.without(x, "STS", "E01")
	s.write("55002", storyAt(0, 14, 0), replyTo(l))
	s.becomes("an answer that is rejected, and comes again", l, "confirmed, met, []", "confirmed, met, [reopened]")

	l = s.writeOn(operator, toSupplier, "31002", nine, nil)
	x = s.writeOn(supplier, toOperator, "33004", storyAt(0, 10, 0), replyTo(l))
	o := s.writeOn(operator, toSupplier, "29001", storyAt(0, 11, 0), replyTo(x))
	s.writeOn(supplier, toOperator, "33001", storyAt(0, 12, 0), replyTo(o))
	s.becomes("an invoice that was refused, and paid after an objection", l, "confirmed, met, [reopened]", "confirmed, met, [reopened]")
	s.becomes("the refusal", x, "refused, met, []", "refused, met, []")
	s.becomes("the objection", o, "confirmed, met, []", "confirmed, met, []")

	if !testing.Short() {
		s.change()
	}
}

// change is the night in which the format version changes: asked in the old one, answered in the new one.
func (s *teller) change() {
	evening := time.Date(2026, 9, 30, 23, 50, 0, 0, formats.Berlin).UTC()
	l := s.write("55001", evening, nil)
	x := s.write("55002", evening.Add(11*time.Hour), replyTo(l))
	if asked, answered := l.text("UNH", "", 2, 5), x.text("UNH", "", 2, 5); asked != "S2.1" || answered != "S2.2" {
		s.t.Errorf("asked in %s, answered in %s", asked, answered)
	}
	s.becomes("asked in the old format version, answered in the new one", l, "confirmed, met, []", "confirmed, met, [due-soon]")
}

// lift says at an instant that the rejection of a letter was wrong.
func (s *teller) lift(l *letter, at time.Time) {
	s.w.at(at, func() {
		h := s.w.houses[l.by()]
		var id int64
		err := h.st.View(s.t.Context(), func(tx store.Tx) error {
			list, err := tx.FindControlRef(store.Out, l.text("UNB", "", 2, 1), l.text("UNB", "", 5, 1))
			if len(list) == 1 {
				id = list[0].ID
			}
			return err
		})
		if err == nil {
			err = h.LiftRejection(s.t.Context(), id, "Erika Muster", "der Partner hat sich geirrt")
		}
		if err != nil {
			s.t.Error(err)
		}
	})
}

// end compares what became of the stories.
func (s *teller) end() {
	s.t.Helper()
	for _, x := range s.list {
		for _, h := range []house{supplier, operator} {
			want, direction := x.in, store.In
			if h == x.letter.by() {
				want, direction = x.out, store.Out
			}
			got, _, err := s.w.became(h, direction, x.letter)
			if err != nil && want != "" {
				s.t.Errorf("%s, %s of house %d: %v", x.name, direction, h, err)
				continue
			}
			if got != want {
				s.t.Errorf("%s, %s of house %d:\n got %s\nwant %s", x.name, direction, h, got, want)
			}
		}
	}
}

// became says what became of a letter in a house: step, entry of the ledger, what was reported; and until when it had to
// be answered. Empty, with an error: the house does not have it.
func (w *world) became(h house, direction store.Direction, l *letter) (what string, due time.Time, err error) {
	var step, state string
	var meanings []string
	err = w.houses[h].st.View(w.t.Context(), func(tx store.Tx) error {
		list, err := tx.FindControlRef(direction, l.text("UNB", "", 2, 1), l.text("UNB", "", 5, 1))
		if err != nil {
			return err
		}
		if len(list) != 1 {
			return fmt.Errorf("%d interchanges", len(list))
		}
		entries, err := tx.Ledger(list[0].ID)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if e.Kind == store.LedgerAnswer && e.TransactionIndex <= 1 {
				_, step, _ = strings.Cut(e.Step, " ")
				step, state = strings.Replace(step, "accepted", "open", 1), string(e.State)
				due = e.DueAt
			}
		}
		meanings, err = processMeanings(tx, list[0].ID)
		return err
	})
	if err != nil {
		return "", due, err
	}
	return fmt.Sprintf("%s, %s, %v", step, state, meanings), due, nil
}
