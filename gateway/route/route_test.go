package route

import (
	"slices"
	"strings"
	"testing"
)

var table = Table{
	Objects: map[string][]string{"90000000027": {"old"}, "DE0001": {"old", "crm"}},
	Rules: []Rule{
		{Rolle: []string{"NB"}, PID: []string{"55001", "5507*"}, To: []string{"crm"}},
		{Sender: []string{"9999200000020"}, Type: []string{"UTILMD"}, To: []string{"grid"}},
		{Type: []string{"MSCONS"}, Object: []string{"malo/9*"}, To: []string{"billing", "archive"}},
		{Receiver: []string{"9999100000013", "9999300000037"}, Rolle: []string{"*"}, To: []string{"archive"}},
	},
}

func TestDecide(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		facts Facts
		to    string
		rule  int
	}{
		{"first rule", Facts{Rolle: "NB", PID: "55001", Type: "UTILMD"}, "crm", 1},
		{"beginning of a Prüfidentifikator", Facts{Rolle: "NB", PID: "55077"}, "crm", 1},
		{"all conditions must hold", Facts{Rolle: "LF", PID: "55077"}, "", 0},
		{"first match decides", Facts{Rolle: "NB", PID: "55077", Sender: "9999200000020", Type: "UTILMD"}, "crm", 1},
		{"second rule", Facts{Rolle: "NB", PID: "55003", Sender: "9999200000020", Type: "UTILMD"}, "grid", 2},
		{"several destinations", Facts{Type: "MSCONS", Object: "malo/90000000019"}, "billing archive", 3},
		{"what is not known does not fit", Facts{Type: "MSCONS"}, "", 0},
		{"star fits everything", Facts{Receiver: "9999300000037"}, "archive", 4},
		{"object first", Facts{Rolle: "NB", PID: "55001", Object: "malo/90000000027"}, "old", 0},
		{"object of another kind", Facts{Object: "melo/DE0001"}, "old crm", 0},
		{"object not listed", Facts{Object: "malo/90000000028"}, "", 0},
		{"nothing known", Facts{}, "", 0},
	} {
		to, rule := table.Decide(c.facts)
		if strings.Join(to, " ") != c.to || rule != c.rule {
			t.Errorf("%s: %v by rule %d, want %q by %d", c.name, to, rule, c.to, c.rule)
		}
	}
	if table.Empty() || !new(Table).Empty() || (&Table{Objects: table.Objects}).Empty() {
		t.Error("Empty is wrong")
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	to := []string{"crm"}
	for _, c := range []struct {
		name  string
		table Table
		want  string // each line must be in the error; empty: no error
	}{
		{"fine", table, ""},
		{"unknown destination", Table{Rules: []Rule{{To: []string{"crmm"}}}}, `routes: rule 1: to: there is no destination "crmm"`},
		{"no destination", Table{Rules: []Rule{{}}}, `routes: rule 1: to: names no destination`},
		{"destination twice", Table{Rules: []Rule{{To: []string{"crm", "crm"}}}}, `routes: rule 1: to: "crm" occurs twice`},
		{"unknown destination of an object", Table{Objects: map[string][]string{"1": {"x"}, "2": {"x"}}}, `object_routes: there is no destination "x"`},
		{"bad patterns", Table{Rules: []Rule{{
			PID: []string{"5500", "*1", "55001*", "55*1"}, Type: []string{"utilmd"}, Rolle: []string{""}, Receiver: []string{"99"}, Object: []string{"9*9", "51238696781"}, To: to,
		}}}, strings.Join([]string{
			`routes: rule 1: pid: "5500" is no`, `pid: "*1" is no`, `pid: "55001*" is no`, `pid: "55*1" is no`, `type: "utilmd" is no`, `rolle: "" is no`,
			`receiver: "99" is no`, `object: "9*9" is no`, `object: "51238696781" is no`,
		}, "\n")},
		{"behind a rule for all", Table{Rules: []Rule{{To: to}, {PID: []string{"55001"}, To: to}}}, `routes: rule 2: never decides: rule 1 fits whatever fits it`},
		{"behind a wider one", Table{Rules: []Rule{
			{PID: []string{"55*", "44001"}, To: to}, {Rolle: []string{"NB"}, PID: []string{"5501*", "55001", "44001"}, To: to},
		}}, `routes: rule 2: never decides`},
		{"behind a star", Table{Rules: []Rule{{PID: []string{"*"}, To: to}, {To: to}}}, `routes: rule 2: never decides`},
		{"not behind a narrower one", Table{Rules: []Rule{{PID: []string{"5501*"}, To: to}, {PID: []string{"55*"}, To: to}, {To: to}}}, ""},
		{"not behind one of another kind", Table{Rules: []Rule{{PID: []string{"55*"}, To: to}, {Type: []string{"UTILMD"}, To: to}}}, ""},
		{"not behind one that fits a part", Table{Rules: []Rule{{PID: []string{"55*"}, To: to}, {PID: []string{"55001", "44001"}, To: to}}}, ""},
	} {
		err := c.table.Validate([]string{"crm", "old", "grid", "billing", "archive"})
		if c.want == "" && err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		for line := range strings.SplitSeq(c.want, "\n") {
			if c.want != "" && (err == nil || !strings.Contains(err.Error(), line)) {
				t.Errorf("%s: %v\nlacks %s", c.name, err, line)
			}
		}
		if n := strings.Count(c.want, "\n"); c.want != "" && err != nil && strings.Count(err.Error(), "\n") != n {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestReadObjects(t *testing.T) {
	t.Parallel()
	got, err := ReadObjects(strings.NewReader("\ufeff# moved\r\n90000000019 crm\r\n\r\n90000000027;crm,billing\r\nDE0001\told\n"))
	if err != nil || len(got) != 3 || !slices.Equal(got["90000000027"], []string{"crm", "billing"}) || !slices.Equal(got["90000000019"], []string{"crm"}) {
		t.Errorf("%v, %v", got, err)
	}
	for in, want := range map[string]string{
		"1 crm\n2\n": "line 2: no destination", "1 crm\n1 old": "line 2: 1 occurs twice", "1 crm\n" + strings.Repeat("x", 2000): "line 2: ",
	} {
		if _, err := ReadObjects(strings.NewReader(in)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v, want %s", in, err, want)
		}
	}
}
