package condition_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/marktbote/marktbote/formats/condition"
)

type (
	rule     = condition.Rule
	test     = condition.Predicate
	operand  = condition.Operand
	selector = condition.Selector
	step     = condition.Step
	pattern  = condition.Pattern
	part     = condition.Component
	value    = condition.Alternative
)

// seg is the pattern of a tag and, for each element, its components.
func seg(tag string, elements ...[]part) *pattern { return &pattern{Tag: tag, Elements: elements} }

// one is an element with components.
func one(components ...part) []part { return components }

// is is a component with literal alternatives.
func is(texts ...string) part {
	var p part
	for _, t := range texts {
		p.Alts = append(p.Alts, value{Text: t})
	}
	return p
}

// find is a selector of segments in the transaction.
func find(p *pattern) *selector { return &selector{Steps: []step{{Segment: p}}} }

func at(s *selector, element, component int) *operand {
	return &operand{Kind: condition.Ref, Sel: s, Element: element, Component: component}
}

func of(kind condition.OperandKind, arg *operand) *operand { return &operand{Kind: kind, Arg: arg} }

func text(s string) *operand   { return &operand{Kind: condition.Text, Text: s} }
func number(s string) *operand { return &operand{Kind: condition.NumberOf, Text: s} }

func premise(p *test) *rule { return &rule{Kind: condition.If, Test: p} }

func exists(s *selector) *test { return &test{Op: condition.Exists, Sel: s} }

func compare(left *operand, cmp condition.Cmp, right *operand) *test {
	return &test{Op: condition.Compare, Left: left, Cmp: cmp, Right: right}
}

var own = &operand{Kind: condition.Value}

// TestParse has every construct of the language with what it means.
func TestParse(t *testing.T) {
	t.Parallel()
	bgm, seq := find(seg("BGM")), find(seg("SEQ"))
	wild, digit := string(rune(condition.Wild)), string(rune(condition.WildDigit))
	tests := []struct {
		text string
		want *rule
	}{
		// Kinds of rules.
		{"hint", &rule{Kind: condition.Hint}},
		{"open", &rule{Kind: condition.Open}},
		{"external datum-bekannt", &rule{Kind: condition.If, External: true, Key: "datum-bekannt"}},
		{"external must Z40 alle", &rule{Kind: condition.Must, Code: "Z40", External: true, Key: "alle"}},
		{"if true", premise(&test{Op: condition.True})},
		{"must Z21 false", &rule{Kind: condition.Must, Code: "Z21", Test: &test{Op: condition.False}}},
		{"card 1..2 per tx", &rule{Kind: condition.Card, Card: &condition.Cardinality{Min: 1, Max: 2, Scope: condition.ScopeTransaction}}},
		{"card 0..* per msg", &rule{Kind: condition.Card, Card: &condition.Cardinality{Max: -1, Scope: condition.ScopeMessage}}},
		{"card 3..3 per SG27", &rule{Kind: condition.Card, Card: &condition.Cardinality{Min: 3, Max: 3, Scope: condition.ScopeGroup, Group: "SG27"}}},
		{"card 1..1 each SEQ", &rule{Kind: condition.Card, Card: &condition.Cardinality{Min: 1, Max: 1, EachSel: seq}}},
		{"card 1..1 each SEQ@2.1 = BGM@1.1 where true", &rule{Kind: condition.Card, Card: &condition.Cardinality{Min: 1, Max: 1,
			Each: at(seq, 2, 1), Own: at(bgm, 1, 1), Where: &test{Op: condition.True}}}},
		// Junctions: and binds stronger than or, not strongest.
		{"if BGM and not SEQ or (SEQ or BGM)", premise(&test{Op: condition.Or, Args: []*test{
			{Op: condition.And, Args: []*test{exists(bgm), {Op: condition.Not, Args: []*test{exists(seq)}}}},
			{Op: condition.Or, Args: []*test{exists(seq), exists(bgm)}},
		}})},
		{"if not not BGM", premise(&test{Op: condition.Not, Args: []*test{{Op: condition.Not, Args: []*test{exists(bgm)}}}})},
		{"if BGM or SEQ or BGM", premise(&test{Op: condition.Or, Args: []*test{exists(bgm), exists(seq), exists(bgm)}})},
		// Predicates.
		{"if count(SEQ) >= 2", premise(&test{Op: condition.Count, Sel: seq, Cmp: condition.GreaterEqual, N: 2})},
		{`if BGM@1.1 <> "E01"`, premise(compare(at(bgm, 1, 1), condition.NotEqual, text("E01")))},
		{"if number(value) < -1.5", premise(compare(of(condition.NumberOf, own), condition.Less, number("-1.5")))},
		{"if decimals(value) <= 3", premise(compare(of(condition.Decimals, own), condition.LessEqual, number("3")))},
		{"if integers(value) > digits(value)", premise(compare(of(condition.Integers, own), condition.Greater, of(condition.Digits, own)))},
		{"if length(value)=16", premise(compare(of(condition.Length, own), condition.Equal, number("16")))},
		{`if value like "A#*"`, premise(&test{Op: condition.Like, Left: own, Text: "A" + digit + wild})},
		{"if same(BGM@1.1)", premise(&test{Op: condition.Same, Left: at(bgm, 1, 1)})},
		{"if unique(BGM@1.1)", premise(&test{Op: condition.Unique, Left: at(bgm, 1, 1)})},
		{"if summer(value) or winter(value)", premise(&test{Op: condition.Or, Args: []*test{{Op: condition.Summer, Left: own}, {Op: condition.Winter, Left: own}}})},
		{"if role(MS, LF, HKN-R)", premise(&test{Op: condition.Role, Text: "MS", Names: []string{"LF", "HKN-R"}})},
		{"if sparte(MR,gas)", premise(&test{Op: condition.Sparte, Text: "MR", Names: []string{"gas"}})},
		{"if list(konfigurationen/4.6.2, value)", premise(&test{Op: condition.List, Text: "konfigurationen/4.6.2", Left: own})},
		{`if cluster(ablehnung/kopf, value, "E_0624")`, premise(&test{Op: condition.Cluster, Text: "ablehnung/kopf", Left: own, Right: text("E_0624")})},
		{"if format(malo, value)", premise(&test{Op: condition.Format, Text: "malo", Left: own})},
		{"if external(aufteilung)", premise(&test{Op: condition.External, Text: "aufteilung"})},
		// Operands.
		{"if date(value) < now", premise(compare(of(condition.DateOf, own), condition.Less, &operand{Kind: condition.Now}))},
		{`if date(value) > date("2023-12-31T23:00Z")`, premise(compare(of(condition.DateOf, own), condition.Greater,
			&operand{Kind: condition.DateOf, Time: time.Date(2023, 12, 31, 23, 0, 0, 0, time.UTC)}))},
		{"if hours(value, 24) >= workdays(value, 10)", premise(compare(&operand{Kind: condition.Hours, Arg: own, N: 24}, condition.GreaterEqual,
			&operand{Kind: condition.Workdays, Arg: own, N: 10}))},
		{`if day(value) = year(value)`, premise(compare(of(condition.Day, own), condition.Equal, of(condition.Year, own)))},
		{`if clock(value) = "2300" and zone(value) = "+00" and berlin(value) = "0000"`, premise(&test{Op: condition.And, Args: []*test{
			compare(of(condition.Clock, own), condition.Equal, text("2300")),
			compare(of(condition.Zone, own), condition.Equal, text("+00")),
			compare(of(condition.Berlin, own), condition.Equal, text("0000")),
		}})},
		{`if clock(value) < "0600"`, premise(compare(of(condition.Clock, own), condition.Less, text("0600")))},
		{`if part(value, -2, 1) = ""`, premise(compare(&operand{Kind: condition.Part, Arg: own, N: -2, M: 1}, condition.Equal, text("")))},
		{`if before(value, "-") = after(value, "-")`, premise(compare(&operand{Kind: condition.Before, Arg: own, Text: "-"}, condition.Equal,
			&operand{Kind: condition.After, Arg: own, Text: "-"}))},
		{"if number(value) = seq(msg:SG27)", premise(compare(of(condition.NumberOf, own), condition.Equal,
			&operand{Kind: condition.Seq, Sel: &selector{Scope: condition.ScopeMessage, Steps: []step{{Group: "SG27"}}}}))},
		// Selectors.
		{"if self:BGM", premise(exists(&selector{Scope: condition.ScopeSelf, Steps: []step{{Segment: seg("BGM")}}}))},
		{"if tx:BGM", premise(exists(&selector{Scope: condition.ScopeTransaction, Steps: []step{{Segment: seg("BGM")}}}))},
		{"if msg:BGM", premise(exists(&selector{Scope: condition.ScopeMessage, Steps: []step{{Segment: seg("BGM")}}}))},
		{"if SG8:BGM", premise(exists(&selector{Scope: condition.ScopeGroup, Group: "SG8", Steps: []step{{Segment: seg("BGM")}}}))},
		{"if other SG8[BGM]/SG10/SEQ", premise(exists(&selector{Steps: []step{
			{Group: "SG8", Other: true, Where: exists(bgm)}, {Group: "SG10"}, {Segment: seg("SEQ")}}}))},
		{"if SG4:other SG8", premise(exists(&selector{Scope: condition.ScopeGroup, Group: "SG4", Steps: []step{{Group: "SG8", Other: true}}}))},
		// Patterns.
		{"if SEQ+Z01,Z02++:Z03", premise(exists(find(seg("SEQ", one(is("Z01", "Z02")), one(part{}), one(part{}, is("Z03"))))))},
		{"if SEQ+!Z01", premise(exists(find(seg("SEQ", one(part{Not: true, Alts: []value{{Text: "Z01"}}})))))},
		{"if SEQ+*:-", premise(exists(find(seg("SEQ", one(part{Alts: []value{{Any: true}}}, part{Alts: []value{{Empty: true}}})))))},
		{"if SEQ+1-*", premise(exists(find(seg("SEQ", one(part{Alts: []value{{Text: "1-" + wild, Glob: true}}})))))},
		{"if SEQ+7-0?:1?*?+??", premise(exists(find(seg("SEQ", one(is("7-0:1*+?"))))))},
		{"if SEQ+{value}", premise(exists(find(seg("SEQ", one(part{Alts: []value{{Ref: own}}})))))},
		{"if SEQ+Z01+{BGM@1.1},Z02", premise(exists(find(seg("SEQ", one(is("Z01")), one(part{Alts: []value{{Ref: at(bgm, 1, 1)}, {Text: "Z02"}}})))))},
		// Spaces.
		{"  if  count( SEQ )=1  ", premise(&test{Op: condition.Count, Sel: seq, N: 1})},
	}
	for _, tt := range tests {
		got, err := condition.Parse(tt.text)
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
		} else if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.text, diff)
		}
	}
}

// TestParseFails has what is no rule, with the column and words of the error.
func TestParseFails(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text   string
		column int
		want   string
	}{
		{"", 1, "expected if, must"},
		{"iff BGM", 1, `found "iff"`},
		{"hint x", 6, `unexpected "x"`},
		{"if BGM BGM", 8, `unexpected "BGM"`},
		{"if", 3, "expected an operand"},
		{"if foo(value) = 1", 4, `unknown operand "foo"`},
		{"if xy:SEQ", 4, `unknown operand "xy"`},
		{"must", 5, "no APERAK code"},
		{"must Z99 true", 6, `"Z99" is no APERAK code`},
		{"must Z35", 9, "expected an operand"},
		{"external", 9, "name of a fact"},
		{"external must Z35", 18, "name of a fact"},
		{"if external()", 13, "name of a fact"},
		{"card", 5, "expected a number"},
		{"card 1.2", 7, `expected ".."`},
		{"card 1..", 9, "expected a number"},
		{"card 2..1 per tx", 10, "less than the lower"},
		{"card 0..-1 per tx", 11, "less than the lower"},
		{"card -1..2 per tx", 11, "less than 0"},
		{"card 1..2", 10, "per or each"},
		{"card 1..2 per SEQ", 15, `found "SEQ"`},
		{"card 1..2 each", 15, "group or a segment"},
		{"card 1..2 each SEQ@1", 21, "@element.component"},
		{"card 1..2 each SG8@1.1", 23, "belongs to a segment"},
		{"card 1..1 each SEQ where", 25, "expected an operand"},
		{"if (true", 9, `expected ")"`},
		{"if true and", 12, "expected an operand"},
		{"if not", 7, "expected an operand"},
		{"if BGM@1.1", 11, "expected one of ="},
		{`if BGM@0.1 = "1"`, 11, "count from 1"},
		{`if BGM@1.1 = SEQ`, 17, "@element.component"},
		{"if SG8[", 8, "expected an operand"},
		{"if SG8[SEQ", 11, `expected "]"`},
		{"if SEQ+Z01/SG8", 12, "below a segment"},
		{"if SEQ+Z01,", 12, "expected a value"},
		{"if SEQ+!", 9, "expected a value"},
		{"if SEQ+{value", 14, `expected "}"`},
		{"if self:SG8", 12, "one segment"},
		{"if other SEQ", 10, `found "SEQ"`},
		{"if tx:", 7, "group or a segment"},
		{`if value < "x"`, 15, "only compared by"},
		{`if number(value) = "1"`, 23, "number can only be compared"},
		{"if date(value) = 1", 19, "instant can only be compared"},
		{`if date("2023") = now`, 15, "no instant"},
		{"if value like x", 15, "text in quotes"},
		{`if value like "x`, 16, "quote is not closed"},
		{"if 1.2.3 = 1", 4, `"1.2.3" is no number`},
		{"if count(SEQ) 1", 15, "expected one of ="},
		{"if count(SEQ) = 99999999999999999999", 17, "expected a number"},
		{"if list(, value)", 9, "list needs a name"},
		{"if list(a value)", 11, `expected ","`},
		{"if cluster(a, value)", 20, `expected ","`},
		{"if role(MS)", 11, "qualifier of NAD and names"},
		{"if sparte(MS, wasser)", 21, "strom or gas"},
		{`if part(value, 1) = "x"`, 17, `expected ","`},
		{`if workdays(value) = now`, 18, `expected ","`},
		{`if before(value, x) = "1"`, 18, "text in quotes"},
		{"if seq(SEQ = 1", 12, `expected ")"`},
	}
	for _, tt := range tests {
		_, err := condition.Parse(tt.text)
		var at *condition.ParseError
		if !errors.As(err, &at) {
			t.Errorf("%s: no error", tt.text)
			continue
		}
		if at.Column != tt.column || !strings.Contains(err.Error(), tt.want) || errors.Unwrap(err) != at.Err {
			t.Errorf("%s: %v, want column %d and %q", tt.text, err, tt.column, tt.want)
		}
	}
}

// TestParseDepth: whatever can be nested has a limit, so that a long rule does not take the stack.
func TestParseDepth(t *testing.T) {
	t.Parallel()
	const deep = 100_000
	for _, unit := range []string{"(", "not ", "SG8[", "SEQ+{SEQ+", "number(", "SEQ+{SG8[", "part("} {
		_, err := condition.Parse("if " + strings.Repeat(unit, deep))
		if err == nil || !strings.Contains(err.Error(), "nested too deeply") {
			t.Errorf("%q nested: %v", unit, err)
		}
	}
	if _, err := condition.Parse("if " + strings.Repeat("(", 30) + "true" + strings.Repeat(")", 30)); err != nil {
		t.Error(err)
	}
}
