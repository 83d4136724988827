package gateway

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/ident"
	"github.com/marktbote/marktbote/formats/process"
)

// The year, in legal German time: one version of the formats and half of the next one.
var (
	yearBegin = time.Date(2026, 4, 1, 0, 0, 0, 0, formats.Berlin)
	yearEnd   = time.Date(2027, 4, 1, 0, 0, 0, 0, formats.Berlin)
)

// conduct is how a message is answered.
type conduct string

// The conducts.
const (
	onTime conduct = "in time"
	late   conduct = "late"
	silent conduct = "not at all"
)

// yearCase is a message of the year, how it is answered, and what must have become of it.
type yearCase struct {
	name            string
	before          []dated // what came before in the process
	request, answer *letter // answer is nil if there is none
	at, answeredAt  time.Time
	ours, theirs    time.Time // until when it must be answered, and until when that is waited for; zero: not established

	pid      ident.Pruefidentifikator
	how      conduct
	step     string   // where it ends
	ledger   string   // state of its entry
	meanings []string // what is reported, in order
}

// dated is a letter with the instant of its sending.
type dated struct {
	letter *letter
	at     time.Time
}

// planner makes the cases of a year.
type planner struct {
	t     *testing.T
	mint  *mint
	rng   *rand.Rand
	cases []*yearCase
	until time.Time // nothing begins later
}

// newPlan makes the cases of the time from the beginning of the year to an instant. The same seed gives the same ones.
func newPlan(t *testing.T, seed uint64, until time.Time) []*yearCase {
	t.Helper()
	p := &planner{t: t, mint: newMint(), rng: rand.New(rand.NewPCG(seed, 1)), until: until} //nolint:gosec // reproducible on purpose
	for _, e := range process.All() {
		rule, ok := ruleOf(e.Pruefidentifikator)
		answers := slices.DeleteFunc(slices.Clone(e.Answers), func(a process.Answer) bool { return !usable(e, a) })
		switch {
		case !ok && len(answers) == 0:
			p.add(e, nil, yearRule{}, silent)
		case !ok:
			p.add(e, &answers[p.rng.IntN(len(answers))], yearRule{}, onTime)
		default:
			for i := range answers {
				p.add(e, &answers[i], rule, onTime)
			}
			p.add(e, &answers[p.rng.IntN(len(answers))], rule, late)
			p.add(e, nil, rule, silent)
			if rule.from == fromToday { // that is the rule if it begins in the future
				past := rule
				past.from, past.days = fromReceipt, 1
				p.add(e, &answers[0], past, onTime)
				p.add(e, &answers[1], past, late)
				p.add(e, nil, past, silent)
			}
		}
	}
	slices.SortStableFunc(p.cases, func(a, b *yearCase) int { return a.at.Compare(b.at) })
	return p.cases
}

// usable reports whether an answer says what it answers, in the Sparte in which there is a rule.
func usable(e *process.Entry, a process.Answer) bool {
	_, ruled := ruleOf(e.Pruefidentifikator)
	other, _ := process.Lookup(a.Pruefidentifikator)
	switch {
	case slices.Contains(unreferenced, a.Pruefidentifikator):
		return false
	case e.Pruefidentifikator == "21005": // answered by the status of the series that it is about itself
		return false
	}
	return !ruled || slices.Contains(other.Sparten, e.Sparten[0])
}

// begin draws when a message is sent: at any time of any day, now and then in the last days of a format version.
func (p *planner) begin(e *process.Entry, rule yearRule) time.Time {
	from, to := yearBegin, yearEnd.AddDate(0, 0, -45)
	if rule.days > 20 {
		to = yearEnd.AddDate(0, 0, -110)
	}
	change := time.Date(2026, 10, 1, 0, 0, 0, 0, formats.Berlin)
	switch {
	case e.Until == "FV2604":
		to = change
	case e.Since == "FV2610":
		from = change
	case p.rng.IntN(15) == 0:
		from, to = change.AddDate(0, 0, -6), change
	}
	at := from.Add(time.Duration(p.rng.Int64N(int64(to.Sub(from))))).Truncate(time.Microsecond)
	if rule.from == fromToday { // in the morning, so that there is time left
		y, m, d := at.In(formats.Berlin).Date()
		at = time.Date(y, m, d, 9, p.rng.IntN(60), 0, 0, formats.Berlin)
	}
	return at.UTC()
}

// answeredAt draws when an answer is sent: in time up to the last microsecond, late from the first one on.
func (p *planner) answeredAt(how conduct, at, ours, theirs time.Time) time.Time {
	if how == onTime {
		left := ours.Sub(at)
		return []time.Time{ours, ours.Add(-time.Microsecond), at.Add(left / 2), at.Add(left * 9 / 10)}[p.rng.IntN(4)].Truncate(time.Microsecond).UTC()
	}
	return theirs.Add([]time.Duration{time.Microsecond, time.Minute, time.Hour, 50 * time.Hour}[p.rng.IntN(4)]).UTC()
}

// add adds a case. A message without a rule is answered some hours later, if at all.
func (p *planner) add(e *process.Entry, answer *process.Answer, rule yearRule, how conduct) {
	p.t.Helper()
	at := p.begin(e, rule)
	if at.After(p.until) {
		return
	}
	y, m, d := at.In(formats.Berlin).Date()
	day := time.Date(y, m, d, 0, 0, 0, 0, formats.Berlin)
	payment, execution := day.AddDate(0, 0, 25), day.AddDate(0, 0, 18)
	starts := day.AddDate(0, 0, 6)
	if rule.from == fromReceipt && rule.clock == "15:00" {
		starts = day.AddDate(0, 0, -6)
	}
	date := payment
	if rule.from == fromExecution {
		date = execution
	}
	c := &yearCase{pid: e.Pruefidentifikator, how: how, at: at, answeredAt: at.Add(time.Duration(1+p.rng.IntN(40)) * time.Hour)}
	if rule.pids != "" {
		c.ours, c.theirs = rule.due(at, date)
		c.answeredAt = p.answeredAt(how, at, c.ours, c.theirs)
	}

	edit := func(l *letter) bool {
		if rule.from == fromPayment {
			l.setDate("265", payment)
		}
		l.setDate("203", execution)
		if slices.Contains([]ident.Pruefidentifikator{"55013", "55607"}, l.pid) && !l.setDate("92", starts) || l.pid == "55010" && !l.setDate("154", day) {
			return false
		}
		if l.kind == "MSCONS" && rule.code != "" {
			l.first("BGM", "").set(1, 1, rule.code)
		}
		return l.hasCode(rule.code)
	}
	editAnswer := func(l *letter) bool {
		// A feedback is an answer by its code.
		if own, _ := process.Lookup(l.pid); own.Kind == process.Feedback && len(own.Answers) > 0 {
			return l.hasCode("E03")
		}
		return true
	}
	pid := ident.Pruefidentifikator("")
	if answer != nil {
		pid = answer.Pruefidentifikator
		if own, _ := process.Lookup(pid); !own.ValidIn(formats.VersionAt(c.answeredAt)) {
			return
		}
	}
	c.name = fmt.Sprintf("%s, answered %s by %s", e.Pruefidentifikator, how, pid)
	var err error
	switch e.Pruefidentifikator {
	case "33002", "33003", "33004", "29001":
		err = p.dispute(c, e, pid, edit, editAnswer)
	default:
		c.request, c.answer, err = p.mint.pair(e, pid, at, c.answeredAt, edit, editAnswer)
	}
	if err != nil {
		p.t.Errorf("%s: %v", c.name, err)
		return
	}
	c.expect(answer, rule, how)
	p.cases = append(p.cases, c)
}

// dispute makes a case about an invoice: the invoice before it, and for an objection the refusal as well.
func (p *planner) dispute(c *yearCase, e *process.Entry, answer ident.Pruefidentifikator, edit, editAnswer func(*letter) bool) error {
	forth := way{"NB", "LF", formats.Strom}
	other, _ := process.Lookup(answer)
	invoice, err := p.mint.write("31002", operator, forth, c.at.AddDate(0, 0, -2), edit)
	if err != nil {
		return err
	}
	c.before = []dated{{invoice, c.at.AddDate(0, 0, -2)}}
	last, w := invoice, forth.back()
	if e.Pruefidentifikator == "29001" {
		if last, err = p.mint.write("33004", supplier, w, c.at.AddDate(0, 0, -1), func(l *letter) bool { return l.answers(invoice) }); err != nil {
			return err
		}
		c.before = append(c.before, dated{last, c.at.AddDate(0, 0, -1)})
		w = forth
	}
	c.request, c.answer, err = p.mint.both(e, other, w, c.at, c.answeredAt, func(l *letter) bool { return edit(l) && l.answers(last) }, editAnswer)
	return err
}

// expect says what must become of a case.
func (c *yearCase) expect(answer *process.Answer, rule yearRule, how conduct) {
	ends := ""
	if answer != nil {
		ends = map[process.Effect]string{process.Confirms: "confirmed", process.Refuses: "refused", process.Informs: "answered"}[answer.Effect]
	}
	decides := rule.meaning() == "confirmed-by-silence" || rule.meaning() == "objection-waived"
	switch {
	case rule.pids == "" && answer == nil:
		if own, _ := process.Lookup(c.request.pid); own.Expects(process.Facts{Code: c.request.text("BGM", "", 1, 1)}) {
			c.step, c.ledger = "open", "open"
		}
	case how == onTime:
		c.step, c.ledger = ends, "met"
		if days, ok := ownLimits[answer.Pruefidentifikator]; ok && c.request.text("UNB", "", 3, 2) == "500" {
			limit, _ := yearRule{from: fromReceipt, days: days, clock: "24:00"}.due(c.at, c.at)
			if c.answeredAt.After(limit) {
				c.meanings = []string{"answered-late"}
			}
		}
	case how == late:
		c.step, c.ledger, c.meanings = ends, "late", []string{rule.meaning(), rule.late()}
		if decides {
			c.step = "silent"
		}
	default:
		c.step, c.ledger, c.meanings = "overdue", "missed", []string{rule.meaning()}
		if decides {
			c.step = "silent"
		}
	}
}
