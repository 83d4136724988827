package explain

import (
	_ "embed"
	"html/template"
	"io"
	"strings"
	"sync"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/check"
)

//go:embed page.tmpl
var pageText string

//go:embed style.css
var styleText string

// pages are the templates by language. They are the same but for the functions, which know the language.
var pages = sync.OnceValue(func() map[formats.Lang]*template.Template {
	list := map[formats.Lang]*template.Template{}
	for _, lang := range []formats.Lang{formats.German, formats.English} {
		t := template.New("page").Funcs(functions(words{lang == formats.English}))
		template.Must(t.New("style").Parse(styleText))
		list[lang] = template.Must(t.Parse(pageText))
	}
	return list
})

// WriteHTML writes the page as one file: no request leaves it and nothing in it needs a script.
func WriteHTML(w io.Writer, x *Interchange) error {
	t := pages()[x.Lang]
	if t == nil {
		t = pages()[formats.German]
	}
	return t.Execute(w, x)
}

func functions(w words) template.FuncMap {
	return template.FuncMap{
		"t":           w.pick,
		"verdict":     w.verdict,
		"short":       w.short,
		"mood":        mood,
		"outcome":     w.outcome,
		"accepted":    func(m *Message) bool { return m.Verdict == check.Accepted && m.Rejected == 0 },
		"state":       w.state,
		"title":       w.title,
		"cut":         w.cut,
		"rest":        w.rest,
		"skipped":     w.skipped,
		"unevaluated": w.unevaluated,
		"count":       w.count,
		"severity":    w.severity,
		"position":    w.position,
		"status":      w.ruleStatus,
		"explained":   func(r *Rule) bool { return r != nil && (r.SameAs != nil || len(r.Conditions)+len(r.Allowed) > 0) },
		"sparte":      func(s formats.Sparte) string { return strings.TrimPrefix(sparteText(s), ", ") },
		"messages":    w.messages,
		"visible":     func(s string) string { return visible(clip(s, maxValue)) },
		"gap":         func(f *Finding, s *Segment) gap { return gap{f, s} },
		"depth":       func(d int) int { return min(d, maxDepth) },
	}
}

// gap is a finding about something missing, with the segment in front of it.
type gap struct {
	Finding *Finding
	Before  *Segment
}

// maxDepth is the deepest indentation of the page.
const maxDepth = 6

// mood is the colour of a verdict.
func mood(v check.Verdict) string {
	if v == check.Accepted {
		return "good"
	}
	return "bad"
}
