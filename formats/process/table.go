package process

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/ident"
)

//go:embed table/*.txt
var tableFiles embed.FS

// table is all entries.
type table struct {
	entries []*Entry // by Pruefidentifikator
	byPID   map[ident.Pruefidentifikator]*Entry
}

var load = sync.OnceValue(func() *table {
	t := &table{byPID: map[ident.Pruefidentifikator]*Entry{}}
	files, err := fs.Glob(tableFiles, "table/*.txt")
	if err != nil {
		panic("process: " + err.Error())
	}
	for _, file := range files {
		data, err := tableFiles.ReadFile(file)
		if err != nil {
			panic("process: " + err.Error())
		}
		if err := t.read(string(data)); err != nil {
			panic("process: " + file + ": " + err.Error())
		}
	}
	if err := t.finish(); err != nil {
		panic("process: " + err.Error())
	}
	return t
})

// read takes the entries of one file.
func (t *table) read(text string) error {
	var e *Entry
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimRight(line, "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		var err error
		if line[0] == ' ' {
			if e == nil {
				err = errors.New("the line belongs to no entry")
			} else {
				err = e.line(strings.Fields(line))
			}
		} else {
			last := e
			if e, err = parseHead(line); err == nil {
				switch {
				case last != nil && last.Pruefidentifikator >= e.Pruefidentifikator:
					err = fmt.Errorf("%s stands behind %s", e.Pruefidentifikator, last.Pruefidentifikator)
				case t.byPID[e.Pruefidentifikator] != nil:
					err = fmt.Errorf("%s stands twice", e.Pruefidentifikator)
				default:
					t.byPID[e.Pruefidentifikator] = e
					t.entries = append(t.entries, e)
				}
			}
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
	}
	return nil
}

// finish checks what no line can tell alone and notes the answers in both directions.
func (t *table) finish() error {
	slices.SortFunc(t.entries, func(a, b *Entry) int {
		return strings.Compare(string(a.Pruefidentifikator), string(b.Pruefidentifikator))
	})
	for _, e := range t.entries {
		if e.Due.Known() && len(e.Answers) == 0 || e.Silence != "" && !e.Due.Known() && e.Silence != Waived {
			return fmt.Errorf("%s has a deadline without an answer, or silence without a deadline", e.Pruefidentifikator)
		}
		for _, a := range e.Answers {
			other := t.byPID[a.Pruefidentifikator]
			if other == nil {
				return fmt.Errorf("%s is answered by %s, which has no entry", e.Pruefidentifikator, a.Pruefidentifikator)
			}
			if !slices.Contains(other.answering, e.Pruefidentifikator) {
				other.answering = append(other.answering, e.Pruefidentifikator)
			}
		}
	}
	return nil
}

// parseHead reads the first line of an entry.
func parseHead(line string) (*Entry, error) {
	words := strings.SplitN(line, " ", 6)
	if len(words) < 6 {
		return nil, fmt.Errorf("%q has less than six words", line)
	}
	pid, err := ident.ParsePruefidentifikator(words[0])
	if err != nil {
		return nil, err
	}
	e := &Entry{Pruefidentifikator: pid, Kind: Kind(words[1]), Processes: list(words[3]), Ways: list(words[4]), Name: words[5]}
	if !slices.Contains(kinds, e.Kind) {
		return nil, fmt.Errorf("%s is no kind", words[1])
	}
	for _, s := range list(words[2]) {
		sparte := formats.Sparte(strings.ToLower(s))
		if sparte != formats.Strom && sparte != formats.Gas {
			return nil, fmt.Errorf("%s is no Sparte", s)
		}
		e.Sparten = append(e.Sparten, sparte)
	}
	return e, nil
}

func list(s string) []string {
	if s == "-" {
		return nil
	}
	return strings.Split(s, "|")
}

// line reads one of the other lines of an entry.
func (e *Entry) line(words []string) error {
	keyword, rest := words[0], words[1:]
	text := strings.Join(rest, " ")
	if len(rest) == 0 {
		return fmt.Errorf("nothing stands behind %s", keyword)
	}
	var err error
	switch keyword {
	case "until":
		e.Until = formats.FormatVersion(text)
	case "since":
		e.Since = formats.FormatVersion(text)
	case string(Confirms), string(Refuses), string(Informs):
		err = e.answerLine(Effect(keyword), rest)
	case "due":
		e.Due, err = ParseDeadline(text)
	case "send":
		e.Send, err = ParseDeadline(text)
	case "silence":
		text, e.VoidLate = strings.CutSuffix(text, ", late answers void")
		if e.Silence = Silence(text); !slices.Contains(silences, e.Silence) {
			err = fmt.Errorf("%s is no meaning of silence", text)
		}
	case "source":
		source, sure, ok := strings.Cut(strings.TrimSuffix(text, ")"), " (")
		e.Source, e.Sure = source, Sure(sure)
		if !ok || e.Sure != High && e.Sure != Medium && e.Sure != Low {
			err = fmt.Errorf("%q does not end with how sure it is", text)
		}
	case "key":
		var r reference
		r, err = parseReference("", rest)
		e.keys = append(e.keys, r)
	default:
		if !slices.Contains(relations, Relation(keyword)) {
			return fmt.Errorf("unknown word %q", keyword)
		}
		var r reference
		r, err = parseReference(Relation(keyword), rest)
		e.refers = append(e.refers, r)
	}
	return err
}

// answerLine reads the Pruefidentifikatoren of answers, with a deadline or a condition.
func (e *Entry) answerLine(effect Effect, words []string) error {
	var by Deadline
	var only conditions
	var err error
	if i := slices.IndexFunc(words, func(w string) bool { return w == "by" || w == "if" }); i >= 0 {
		if words[i] == "by" {
			by, err = ParseDeadline(strings.Join(words[i+1:], " "))
		} else {
			only, err = parseConditions(words[i+1:])
		}
		words = words[:i]
	}
	if err != nil {
		return err
	}
	for _, w := range words {
		pid, err := ident.ParsePruefidentifikator(w)
		if err != nil {
			return err
		}
		e.Answers = append(e.Answers, Answer{pid, effect, by, only})
	}
	return nil
}
