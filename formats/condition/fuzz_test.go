package condition_test

import (
	"errors"
	"testing"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/condition"
)

// maxWords bounds how much longer than a rule its words may be, per character of the rule.
const maxWords = 100

// FuzzParse: no text makes the parser panic; errors point into the text; what is a rule can be put into words, with names
// and without, in both languages, and the words are bounded.
func FuzzParse(f *testing.F) {
	list, _ := goldenRules(f)
	for _, text := range list {
		f.Add(text)
	}
	f.Add("if SG1[SG1[SG1[true and SEQ+{SEQ+{value}@1.1}] and true] and true]")
	f.Add("card 1..1 each SEQ@2.1 = BGM@1.1 where self:NAD+++*:-")
	f.Add(`if not self:NAD+:-:!*,1 and list(/, value) and format(-, 1) and value like "*"`)
	names := func(*condition.Selector, int, int) (name, number string) { return "Name", "1" }
	f.Fuzz(func(t *testing.T, text string) {
		r, err := condition.Parse(text)
		if err != nil {
			var at *condition.ParseError
			if !errors.As(err, &at) || at.Column < 1 || at.Column > len(text)+1 {
				t.Fatalf("%v", err)
			}
			return
		}
		for _, lang := range []formats.Lang{formats.German, formats.English} {
			for _, w := range []condition.Wording{{Lang: lang}, {Lang: lang, Name: names}} {
				words := w.Describe(r)
				if (words == "") != (r.Kind == condition.Hint) || len(words) > maxWords*(len(text)+1) {
					t.Fatalf("%d characters of words for %d of a rule: %.200s", len(words), len(text), words)
				}
			}
		}
	})
}
