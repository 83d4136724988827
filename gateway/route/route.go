// Package route decides which systems of the company a received transaction goes to. It is a pure function of what is
// known about the transaction and of the rules in the configuration:
//
//	object_routes: umzug.txt                              # 51238696781 crm
//	routes:
//	  - {rolle: [NB], pid: ["55001", "5507*"], to: [crm]}
//	  - {type: [MSCONS], to: [billing, archive]}
//	  - {to: [archive]}
//
// An object that is listed by name goes where the list says. For everything else the rules are asked in their order,
// and the first one whose conditions all hold decides. A condition with several patterns holds if one of them fits; a
// pattern is a text, or the beginning of one followed by *.
package route

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// Facts is what a decision rests on. What is not known is empty, and only a condition that is not set, or *, fits it.
type Facts struct {
	Receiver string // UNB 0010, the own MP-ID
	Sender   string // UNB 0004
	Rolle    string // of the receiver
	Type     string // UNH 0065
	PID      string // Prüfidentifikator
	Object   string // what the transaction is about, such as malo/51238696781
}

// Rule sends what fits all its conditions to some destinations. A condition without patterns always holds.
type Rule struct {
	Receiver []string `yaml:"receiver"` // own MP-ID
	Sender   []string `yaml:"sender"`   // MP-ID of the partner
	Rolle    []string `yaml:"rolle"`    // own role
	Type     []string `yaml:"type"`     // message type
	PID      []string `yaml:"pid"`      // Prüfidentifikator
	Object   []string `yaml:"object"`   // malo/51238696781
	To       []string `yaml:"to"`       // names of destinations
}

// condition is one of a rule's conditions.
type condition struct {
	key      string
	patterns []string
	value    func(Facts) string
	form     *regexp.Regexp // of a pattern without *
	prefix   *regexp.Regexp // of the beginning in front of *
	example  string
}

var (
	mpIDForm, mpIDPrefix = regexp.MustCompile(`^[0-9]{13}$`), regexp.MustCompile(`^[0-9]{0,12}$`)
	nameForm, namePrefix = regexp.MustCompile(`^[A-Z]{2,6}$`), regexp.MustCompile(`^[A-Z]{0,5}$`)
	pidForm, pidPrefix   = regexp.MustCompile(`^[0-9]{5}$`), regexp.MustCompile(`^[0-9]{0,4}$`)
	objForm, objPrefix   = regexp.MustCompile(`^[a-z]+/[^*\s]+$`), regexp.MustCompile(`^[a-z]*(/[^*\s]*)?$`)
)

func (r *Rule) conditions() []condition {
	return []condition{
		{"receiver", r.Receiver, func(f Facts) string { return f.Receiver }, mpIDForm, mpIDPrefix, "9900123400007"},
		{"sender", r.Sender, func(f Facts) string { return f.Sender }, mpIDForm, mpIDPrefix, "9900123400007"},
		{"rolle", r.Rolle, func(f Facts) string { return f.Rolle }, nameForm, namePrefix, "NB"},
		{"type", r.Type, func(f Facts) string { return f.Type }, nameForm, namePrefix, "UTILMD"},
		{"pid", r.PID, func(f Facts) string { return f.PID }, pidForm, pidPrefix, "55001 or 5507*"},
		{"object", r.Object, func(f Facts) string { return f.Object }, objForm, objPrefix, "malo/51238696781"},
	}
}

// Table is all rules.
type Table struct {
	Objects map[string][]string // destinations of single objects by their identifier, such as 51238696781
	Rules   []Rule
}

// Empty reports whether there is nothing to decide by: then nothing is routed.
func (t *Table) Empty() bool { return len(t.Rules) == 0 && len(t.Objects) == 0 }

// Decide returns the destinations of a transaction, and which rule says so, counted from 1; 0 is the list of objects.
// Without destinations no rule fits.
func (t *Table) Decide(f Facts) (to []string, rule int) {
	if _, id, ok := strings.Cut(f.Object, "/"); ok {
		if to := t.Objects[id]; len(to) > 0 {
			return to, 0
		}
	}
	for i := range t.Rules {
		if t.Rules[i].Fits(f) {
			return t.Rules[i].To, i + 1
		}
	}
	return nil, 0
}

// Fits reports whether all conditions hold.
func (r *Rule) Fits(f Facts) bool {
	for _, c := range r.conditions() {
		value := c.value(f)
		if len(c.patterns) > 0 && !slices.ContainsFunc(c.patterns, func(p string) bool { return fits(p, value) }) {
			return false
		}
	}
	return true
}

func fits(pattern, value string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(value, prefix)
	}
	return value != "" && pattern == value
}

// Validate reports everything that is wrong with the rules; the texts begin with the key in the configuration, and
// rules are counted from 1. A rule that never decides, because a single rule before it fits whatever fits it, is wrong.
func (t *Table) Validate(destinations []string) error {
	var errs []error
	known := func(name string) bool { return slices.Contains(destinations, name) }
	for i := range t.Rules {
		r := &t.Rules[i]
		bad := func(format string, args ...any) {
			errs = append(errs, fmt.Errorf("routes: rule %d: "+format, append([]any{i + 1}, args...)...))
		}
		for _, c := range r.conditions() {
			for _, p := range c.patterns {
				prefix, open := strings.CutSuffix(p, "*")
				if open && !c.prefix.MatchString(prefix) || !open && !c.form.MatchString(p) {
					bad("%s: %q is no pattern for it, such as %s", c.key, p, c.example)
				}
			}
		}
		if len(r.To) == 0 {
			bad("to: names no destination")
		}
		for k, name := range r.To {
			switch {
			case !known(name):
				bad("to: there is no destination %q", name)
			case slices.Contains(r.To[:k], name):
				bad("to: %q occurs twice", name)
			}
		}
		for k := range t.Rules[:i] {
			if t.Rules[k].covers(r) {
				bad("never decides: rule %d fits whatever fits it", k+1)
				break
			}
		}
	}
	unknown := map[string]bool{}
	for _, to := range t.Objects {
		for _, name := range to {
			if !known(name) && !unknown[name] {
				unknown[name] = true
				errs = append(errs, fmt.Errorf("object_routes: there is no destination %q", name))
			}
		}
	}
	return errors.Join(errs...)
}

// covers reports whether everything that fits a later rule fits r.
func (r *Rule) covers(later *Rule) bool {
	theirs := later.conditions()
	for i, c := range r.conditions() {
		if len(c.patterns) == 0 {
			continue
		}
		if len(theirs[i].patterns) == 0 {
			if !slices.Contains(c.patterns, "*") {
				return false
			}
			continue
		}
		for _, p := range theirs[i].patterns {
			if !slices.ContainsFunc(c.patterns, func(wider string) bool { return p == wider || coversPattern(wider, p) }) {
				return false
			}
		}
	}
	return true
}

func coversPattern(wider, p string) bool {
	prefix, open := strings.CutSuffix(wider, "*")
	return open && strings.HasPrefix(p, prefix)
}

// Limits of a list of objects.
const (
	maxObjects    = 5_000_000
	maxObjectLine = 1 << 10
)

// ReadObjects reads a list of objects: on each line an identifier and the names of its destinations, separated by
// spaces, tabs, commas or semicolons. Empty lines and those that begin with # are passed over. Errors name the line.
func ReadObjects(r io.Reader) (map[string][]string, error) {
	objects := map[string][]string{}
	shared := map[string][]string{} // lists of destinations, which are few
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxObjectLine)
	n := 0
	for lines.Scan() {
		n++
		fields := strings.FieldsFunc(strings.TrimPrefix(lines.Text(), "\ufeff"), func(c rune) bool { return strings.ContainsRune(" \t,;\r", c) })
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		id := strings.Clone(fields[0])
		switch {
		case len(fields) < 2:
			return nil, fmt.Errorf("line %d: no destination", n)
		case objects[id] != nil:
			return nil, fmt.Errorf("line %d: %s occurs twice", n, id)
		case len(objects) == maxObjects:
			return nil, fmt.Errorf("line %d: more than %d objects", n, maxObjects)
		}
		key := strings.Join(fields[1:], " ")
		if shared[key] == nil {
			shared[key] = strings.Fields(key)
		}
		objects[id] = shared[key]
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("line %d: %w", n+1, err)
	}
	return objects, nil
}
