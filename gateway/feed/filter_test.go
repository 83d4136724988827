package feed

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/marktbote/marktbote/store"
)

func TestFilter(t *testing.T) {
	t.Parallel()
	e := cloudEvent("1", "de.marktbote.contract.supply-start.confirmed.v1", "malo/1", map[string]any{"malo_id": "51238696781", "n": 5, "list": []int{1, 2, 3}})
	destroyed := e
	destroyed.Data = nil
	for _, c := range []struct {
		expression string
		want, dead bool // dead: of the event whose data were destroyed
	}{
		{"", true, true},
		{"  ", true, true},
		{`type.startsWith("de.marktbote.contract.")`, true, true},
		{`type == "other"`, false, false},
		{`sparte == "strom" && pid in ["55001", "55002"]`, true, false},
		{`data.malo_id == "51238696781"`, true, false},
		{`data.n > 4`, true, false},
		{`data.missing == "x"`, false, false},
		{`has(data.missing)`, false, false},
		{`!has(data.missing)`, true, true},
		{`data.malo_id > 5`, false, false},
		{`2 in data.list`, true, false},
		{`data.list.exists(x, x == 3.0)`, true, false},
		{`!testindicator`, true, true},
		{`tombstone`, false, true},
		{`time > timestamp("2026-11-24T07:00:00Z")`, true, false},
		{`subject.matches("^malo/")`, true, true},
		{`senderrole == ""`, true, true},
		{`data`, false, false},
		{"true ||\n data.missing == 1", true, true},
	} {
		f, err := ParseFilter(c.expression)
		if err != nil {
			t.Errorf("%s: %v", c.expression, err)
			continue
		}
		for i, x := range []store.Event{e, destroyed} {
			got, err := f.Wants(x)
			if want := []bool{c.want, c.dead}[i]; got != want || err != nil {
				t.Errorf("%s, event %d: %v, %v", c.expression, i, got, err)
			}
		}
	}
}

func TestBadFilter(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]string{
		`type == "x" &&`:                       "filter: line 1, column 15: ",
		"type == \"x\" &&\n  unknown == 1":     "filter: line 2, column 3: undeclared reference to 'unknown'",
		`type`:                                 "filter: the result is string, not true or false",
		`1 + 1 == 2 && type + 1 == "x"`:        "filter: line 1, column 20: ",
		strings.Repeat("(", 2000):              "filter: ",
		strings.Repeat("a", maxFilter+1):       "filter: longer than 4096 characters",
		`type.matches("` + `(a{1000}){1000}")`: "filter: ",
	} {
		f, err := ParseFilter(expression)
		if _, ok := errors.AsType[*FilterError](err); !ok || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.40s: %v, %v", expression, f, err)
		}
	}
}

// TestFilterCost: an expression that grows with the event ends.
func TestFilterCost(t *testing.T) {
	t.Parallel()
	list := make([]int, 1000)
	e := cloudEvent("1", "t", "p", map[string]any{"list": list})
	f, err := ParseFilter(`data.list.all(a, data.list.all(b, data.list.all(c, a + b + c == 0.0)))`)
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	if got, err := f.Wants(e); got || !errors.Is(err, errFilterCost) {
		t.Errorf("%v, %v", got, err)
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("took %s", took)
	}
	if _, err := f.Wants(store.Event{ID: "2", Data: []byte(`{"data":`)}); err == nil || errors.Is(err, errFilterCost) {
		t.Errorf("no JSON: %v", err)
	}
}

func FuzzFilter(f *testing.F) {
	for _, s := range []string{`type == "x"`, `data.list.exists(x, x > 1)`, `((`, `type.matches("a+")`, `data.a[0].b`, "\x00", `timestamp("x") < time`} {
		f.Add(s)
	}
	e := cloudEvent("1", "t", "p", map[string]any{"list": []int{1, 2}, "a": []any{map[string]any{"b": nil}}})
	f.Fuzz(func(t *testing.T, expression string) {
		filter, err := ParseFilter(expression)
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without text")
			}
			return
		}
		if _, err := filter.Wants(e); err != nil && !errors.Is(err, errFilterCost) {
			t.Error(err)
		}
	})
}
