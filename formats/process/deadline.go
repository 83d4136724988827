package process

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/marktbote/marktbote/formats/ident"
)

// Deadline is an expression that says until when something must have happened, such as "wt 1 11:00". Its language is
// described in table/legend.txt. The zero value is a deadline that is not established.
type Deadline struct {
	text         string
	alternatives []alternative
}

// alternative is one of the parts that "else" joins.
type alternative struct {
	of   []ident.Pruefidentifikator // the clock runs from the receipt of one of these
	from string                     // the clock runs from this date of the message
	term term
	only conditions
}

// term computes an instant.
type term struct {
	form  form
	n     int
	date  string // DE 2005
	clock clock
}

type form uint8

const (
	werktag form = iota
	day
	hours
	minutes
	before
	after
	on
	lead
	monthWerktag
	monthDay
)

// clock is a time of the day in legal German time; end is its end.
type clock struct {
	end          bool
	hour, minute int
}

// maxCount is the largest number of days, hours or minutes in an expression.
const maxCount = 400

// ParseDeadline reads an expression; "unknown" gives a deadline that is not established.
func ParseDeadline(s string) (Deadline, error) {
	d := Deadline{text: strings.Join(strings.Fields(s), " ")}
	if d.text == "unknown" {
		return Deadline{}, nil
	}
	for part := range strings.SplitSeq(d.text, " else ") {
		a, err := parseAlternative(strings.Fields(part))
		if err != nil {
			return Deadline{}, fmt.Errorf("process: deadline %q: %w", s, err)
		}
		d.alternatives = append(d.alternatives, a)
	}
	return d, nil
}

// Known reports whether there is a deadline at all.
func (d Deadline) Known() bool { return len(d.alternatives) > 0 }

// String returns the expression, "unknown" if there is none.
func (d Deadline) String() string {
	if !d.Known() {
		return "unknown"
	}
	return d.text
}

func parseAlternative(words []string) (alternative, error) {
	var a alternative
	var err error
	if i := slices.Index(words, "if"); i >= 0 {
		if a.only, err = parseConditions(words[i+1:]); err != nil {
			return a, err
		}
		words = words[:i]
	}
	switch {
	case len(words) > 1 && words[0] == "from":
		if a.from, err = parseDate(words[1]); err != nil {
			return a, err
		}
		words = words[2:]
	case len(words) > 0 && words[0] == "of":
		for words = words[1:]; len(words) > 0; words = words[1:] {
			pid, err := ident.ParsePruefidentifikator(words[0])
			if err != nil {
				break
			}
			a.of = append(a.of, pid)
		}
		if a.of == nil {
			return a, fmt.Errorf("no Prüfidentifikator stands behind \"of\"")
		}
	}
	a.term, err = parseTerm(words)
	return a, err
}

// shapes are the forms of terms: words that stand as they are, N for the number, D for the date, C for the clock.
var shapes = []struct {
	form  form
	words string
}{
	{werktag, "wt N C"}, {day, "day N C"}, {hours, "hours N"}, {minutes, "minutes N"}, {before, "before N wt D C"},
	{after, "after N wt D C"}, {on, "on D C"}, {lead, "lead N wt D"}, {monthWerktag, "month wt N D C"}, {monthDay, "month day N D C"},
}

func parseTerm(words []string) (term, error) {
	for _, s := range shapes {
		shape := strings.Fields(s.words)
		if len(shape) != len(words) || shape[0] != words[0] || s.form == monthDay && words[1] != shape[1] || s.form == monthWerktag && words[1] != shape[1] {
			continue
		}
		t := term{form: s.form}
		for i, w := range words {
			var err error
			switch shape[i] {
			case "N":
				t.n, err = strconv.Atoi(w)
				if err == nil && (t.n < 0 || t.n > maxCount || t.n == 0 && s.form != werktag && s.form != day) {
					err = fmt.Errorf("%d is no number of days", t.n)
				}
			case "D":
				t.date, err = parseDate(w)
			case "C":
				t.clock, err = parseClock(w)
			default:
				if w != shape[i] {
					err = fmt.Errorf("%q should be %q", w, shape[i])
				}
			}
			if err != nil {
				return t, err
			}
		}
		return t, nil
	}
	return term{}, fmt.Errorf("%q is none of its forms", strings.Join(words, " "))
}

func parseDate(w string) (string, error) {
	q, ok := strings.CutPrefix(w, "DTM+")
	if !ok || q == "" {
		return "", fmt.Errorf("%q is no date", w)
	}
	return q, nil
}

func parseClock(w string) (clock, error) {
	if w == "end" {
		return clock{end: true}, nil
	}
	h, m, ok := strings.Cut(w, ":")
	hour, err1 := strconv.Atoi(h)
	minute, err2 := strconv.Atoi(m)
	if !ok || len(w) != 5 || err1 != nil || err2 != nil || hour < 0 || hour > 23 || minute < 0 || minute > 59 {
		return clock{}, fmt.Errorf("%q is no time of the day", w)
	}
	return clock{hour: hour, minute: minute}, nil
}
