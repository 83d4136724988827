package process

import (
	"embed"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/ident"
)

//go:embed assignment/table.txt
var assignmentFile embed.FS

// AssignmentCheck is one step of the assignment check.
type AssignmentCheck string

// The steps.
const (
	CheckTransaction AssignmentCheck = "transaction" // we sent what the transaction answers
	CheckObject      AssignmentCheck = "object"      // the object is known
	CheckSearch      AssignmentCheck = "search"      // the object can be found with the data given
	CheckSender      AssignmentCheck = "sender"      // the sender is assigned to the object
	CheckReceiver    AssignmentCheck = "receiver"    // the receiver is assigned to the object
)

// assignmentCodes are the codes of the steps.
//
// Spec: APERAK AHB 1.1 2.1.3 (DE 9321 of the assignment check, objects that one ID names)
var assignmentCodes = map[AssignmentCheck]string{
	CheckTransaction: "Z33", CheckObject: "Z10", CheckSearch: "Z14", CheckSender: "Z17", CheckReceiver: "Z18",
}

// Assignments says which transactions the assignment check may reject: assignment/legend.txt tells what is in it.
type Assignments struct {
	lines map[assignmentKey]AssignmentLine
	never []never
}

type assignmentKey struct {
	version formats.FormatVersion
	pid     ident.Pruefidentifikator
}

// AssignmentLine is what the table says about one Pruefidentifikator in one format version.
type AssignmentLine struct {
	Checks []AssignmentCheck // in their order
	Source string
	Sure   Sure
}

// never says what codes are not used for.
type never struct {
	codes     []string
	sparte    formats.Sparte // empty: both
	message   string         // UNH 0065
	documents []string       // BGM 1001; empty: all
}

// KnownAssignments returns the table in the binary.
var KnownAssignments = sync.OnceValue(func() *Assignments {
	text, err := assignmentFile.ReadFile("assignment/table.txt")
	if err != nil {
		panic("process: " + err.Error())
	}
	a := &Assignments{}
	if err := a.read(string(text)); err != nil {
		panic("process: assignment/table.txt: " + err.Error())
	}
	return a
})

// ParseAssignments returns the table in the binary with the lines of text in addition, which replace those for the same
// Pruefidentifikator and version. Errors name the line.
func ParseAssignments(text string) (*Assignments, error) {
	added := &Assignments{}
	if err := added.read(text); err != nil {
		return nil, err
	}
	known := KnownAssignments()
	all := &Assignments{lines: map[assignmentKey]AssignmentLine{}, never: slices.Concat(known.never, added.never)}
	for _, lines := range []map[assignmentKey]AssignmentLine{known.lines, added.lines} {
		maps.Copy(all.lines, lines)
	}
	return all, nil
}

// Line returns what the table says; false if the transaction may not be rejected.
func (a *Assignments) Line(v formats.FormatVersion, pid ident.Pruefidentifikator) (AssignmentLine, bool) {
	line, ok := a.lines[assignmentKey{v, pid}]
	return line, ok
}

// Code returns what a step that failed is reported with, empty if it must not be: by the Sparte of the receiver, UNH
// 0065 and BGM 1001.
func (a *Assignments) Code(c AssignmentCheck, sparte formats.Sparte, message, document string) string {
	code := assignmentCodes[c]
	for _, n := range a.never {
		if n.message == message && slices.Contains(n.codes, code) && (n.sparte == "" || sparte == "" || n.sparte == sparte) &&
			(n.documents == nil || slices.Contains(n.documents, document)) {
			return ""
		}
	}
	return code
}

var (
	versionWord = regexp.MustCompile(`^FV[0-9]{4}$`)
	messageWord = regexp.MustCompile(`^[A-Z]{6}$`)
	codeWord    = regexp.MustCompile(`^Z[0-9]{2}$`)
)

// read takes the lines of a file.
func (a *Assignments) read(text string) error {
	a.lines = map[assignmentKey]AssignmentLine{}
	var source AssignmentLine
	number := 0
	for line := range strings.Lines(text) {
		number++
		words := strings.Fields(line)
		if len(words) == 0 || words[0][0] == '#' {
			continue
		}
		var err error
		switch {
		case words[0] == "source":
			document, sure, _ := strings.Cut(strings.TrimSuffix(strings.Join(words[1:], " "), ")"), " (")
			source = AssignmentLine{Source: document, Sure: Sure(sure)}
			if !slices.Contains([]Sure{High, Medium, Low}, source.Sure) {
				err = fmt.Errorf("the line does not end with how sure it is")
			}
		case words[0] == "never":
			err = a.readNever(words[1:])
		case versionWord.MatchString(words[0]):
			err = a.readLine(formats.FormatVersion(words[0]), words[1:], source)
		default:
			err = fmt.Errorf("%q is neither a format version nor source nor never", words[0])
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
	}
	return nil
}

func (a *Assignments) readLine(v formats.FormatVersion, words []string, line AssignmentLine) error {
	var pids []ident.Pruefidentifikator
	for _, w := range words {
		c := AssignmentCheck(w)
		switch pid, err := ident.ParsePruefidentifikator(w); {
		case assignmentCodes[c] != "":
			if slices.Contains(line.Checks, c) {
				return fmt.Errorf("%s stands twice", w)
			}
			line.Checks = append(line.Checks, c)
		case err != nil:
			return fmt.Errorf("%q is neither a Prüfidentifikator nor a check", w)
		case line.Checks != nil:
			return fmt.Errorf("%s stands behind a check", w)
		default:
			pids = append(pids, pid)
		}
	}
	if pids == nil || line.Checks == nil {
		return errors.New("the line needs Prüfidentifikatoren and checks")
	}
	for _, pid := range pids {
		if _, twice := a.lines[assignmentKey{v, pid}]; twice {
			return fmt.Errorf("%s stands twice", pid)
		}
		a.lines[assignmentKey{v, pid}] = line
	}
	return nil
}

func (a *Assignments) readNever(words []string) error {
	var n never
	for len(words) > 0 && codeWord.MatchString(words[0]) {
		n.codes, words = append(n.codes, words[0]), words[1:]
	}
	if len(words) > 0 {
		if s := formats.Sparte(strings.ToLower(words[0])); s == formats.Strom || s == formats.Gas {
			n.sparte, words = s, words[1:]
		}
	}
	if n.codes == nil || len(words) == 0 || !messageWord.MatchString(words[0]) {
		return errors.New("never needs codes and a message type")
	}
	n.message, n.documents = words[0], words[1:]
	if len(n.documents) == 0 {
		n.documents = nil
	}
	a.never = append(a.never, n)
	return nil
}
