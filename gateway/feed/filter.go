package feed

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/interpreter"

	"github.com/marktbote/marktbote/store"
)

// Limits of filters.
const (
	maxFilter     = 4 << 10 // characters of an expression
	maxNesting    = 50      // of its parts
	maxFilterCost = 100_000 // steps of one evaluation; a comparison is about one
)

// The attributes a filter can use; what an event does not have is empty.
var (
	textAttributes = []string{
		"specversion", "id", "source", "type", "subject", "datacontenttype", "dataschema", "partitionkey", "sequence", "correlationid",
		"causationid", "sparte", "direction", "pid", "formatversion", "sender", "senderrole", "recipient", "recipientrole",
	}
	timeAttributes = []string{"time", "recordedtime"}
	boolAttributes = []string{"testindicator", "tombstone"}
)

// Filter says which events are wanted: a CEL expression over the attributes of an event, each a variable with its name,
// and its data. It is safe for concurrent use. A nil Filter wants all.
type Filter struct {
	program cel.Program
	data    bool // it looks at the data
}

// FilterError says what is wrong with a filter.
type FilterError struct {
	Line, Column int // from 1; 0: the whole expression
	Text         string
}

// Error is for people.
func (e *FilterError) Error() string {
	if e.Line == 0 {
		return "filter: " + e.Text
	}
	return fmt.Sprintf("filter: line %d, column %d: %s", e.Line, e.Column, e.Text)
}

// ParseFilter compiles an expression; the empty one wants everything. Errors are *FilterError.
func ParseFilter(expression string) (*Filter, error) {
	if strings.TrimSpace(expression) == "" {
		return nil, nil
	}
	if len(expression) > maxFilter {
		return nil, &FilterError{Text: fmt.Sprintf("longer than %d characters", maxFilter)}
	}
	env, err := filterEnv()
	if err != nil {
		return nil, err
	}
	ast, issues := env.Compile(expression)
	if issues.Err() != nil {
		if all := issues.Errors(); len(all) > 0 {
			return nil, &FilterError{Line: all[0].Location.Line(), Column: all[0].Location.Column() + 1, Text: all[0].Message}
		}
		return nil, &FilterError{Text: issues.Err().Error()}
	}
	if t := ast.OutputType(); !t.IsExactType(cel.BoolType) && !t.IsExactType(cel.DynType) {
		return nil, &FilterError{Text: fmt.Sprintf("the result is %s, not true or false", t)}
	}
	f := &Filter{}
	for _, ref := range ast.NativeRep().ReferenceMap() {
		f.data = f.data || ref.Name == "data"
	}
	f.program, err = env.Program(ast, cel.CostLimit(maxFilterCost), cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, &FilterError{Text: err.Error()}
	}
	return f, nil
}

func filterEnv() (*cel.Env, error) {
	options := []cel.EnvOption{
		cel.ParserExpressionSizeLimit(maxFilter), cel.ParserRecursionLimit(maxNesting), cel.RegexProgramSizeLimit(1000), cel.Variable("data", cel.DynType),
	}
	for _, name := range textAttributes {
		options = append(options, cel.Variable(name, cel.StringType))
	}
	for _, name := range timeAttributes {
		options = append(options, cel.Variable(name, cel.TimestampType))
	}
	for _, name := range boolAttributes {
		options = append(options, cel.Variable(name, cel.BoolType))
	}
	return cel.NewEnv(options...)
}

// errFilterCost is the end of an evaluation that took too long.
var errFilterCost = errors.New("the filter takes too many steps for this event")

// Wants reports whether an event is wanted. One in which the filter meets a field that is missing or of another kind is
// not. The error is that the filter took too many steps, or that the stored event is no JSON.
func (f *Filter) Wants(e store.Event) (bool, error) {
	if f == nil {
		return true, nil
	}
	vars := map[string]any{"data": map[string]any{}}
	for _, name := range textAttributes {
		vars[name] = ""
	}
	for _, name := range timeAttributes {
		vars[name] = time.Unix(0, 0).UTC()
	}
	for _, name := range boolAttributes {
		vars[name] = false
	}
	var bad error
	err := members(eventJSON(e), func(name string, value json.RawMessage) {
		switch old := vars[name].(type) {
		case string:
			bad = errors.Join(bad, json.Unmarshal(value, &old))
			vars[name] = old
		case bool:
			bad = errors.Join(bad, json.Unmarshal(value, &old))
			vars[name] = old
		case time.Time:
			bad = errors.Join(bad, json.Unmarshal(value, &old))
			vars[name] = old
		case map[string]any:
			if f.data {
				var data any
				bad = errors.Join(bad, json.Unmarshal(value, &data))
				vars[name] = data
			}
		}
	})
	if err := errors.Join(err, bad); err != nil {
		return false, fmt.Errorf("feed: stored event %s: %w", e.ID, err)
	}
	out, _, err := f.program.Eval(vars)
	if err != nil {
		if _, ok := errors.AsType[interpreter.EvalCancelledError](err); ok {
			return false, errFilterCost
		}
		return false, nil
	}
	wanted, ok := out.Value().(bool)
	return ok && wanted, nil
}
