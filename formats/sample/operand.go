package sample

import (
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/calendar"
	"github.com/marktbote/marktbote/formats/condition"
)

// val is a value of an operand: a text, a number or an instant. bad says that the text is none.
type val struct {
	text string
	num  *big.Rat
	at   time.Time
	bad  bool
}

// compares reports whether a comparison holds for a sign.
func compares(c condition.Cmp, sign int) bool {
	return [...]bool{sign == 0, sign != 0, sign < 0, sign <= 0, sign > 0, sign >= 0}[c]
}

func (v val) compare(w val) int {
	switch {
	case v.num != nil && w.num != nil:
		return v.num.Cmp(w.num)
	case !v.at.IsZero() && !w.at.IsZero():
		return v.at.Compare(w.at)
	}
	return strings.Compare(v.text, w.text)
}

// values returns the values of an operand.
func (g *generator) values(o *condition.Operand, s scene) []val {
	switch o.Kind {
	case condition.Value:
		if s.value == "" {
			return nil
		}
		return []val{{text: s.value}}
	case condition.Ref:
		var list []val
		for _, it := range g.find(o.Sel, s) {
			if v := it.get(o.Element, o.Component); v != "" {
				list = append(list, val{text: v})
			}
		}
		return list
	case condition.Text:
		return []val{{text: o.Text}}
	case condition.Now:
		return []val{{at: g.opts.At}}
	case condition.Seq:
		for i, it := range g.find(o.Sel, s) {
			if it == s.self || g.info(it).IsGroup && inside(s.inst, it) {
				return []val{{num: big.NewRat(int64(i+1), 1)}}
			}
		}
		return nil
	}
	if o.Arg == nil {
		if o.Kind == condition.DateOf {
			return []val{{at: o.Time}}
		}
		n, _ := new(big.Rat).SetString(o.Text)
		return []val{{num: n, bad: n == nil}}
	}
	list := g.values(o.Arg, s)
	for i := range list {
		if !list[i].bad {
			list[i] = apply(o, list[i])
		}
	}
	return list
}

func inside(it, of *item) bool {
	for ; it != nil; it = it.up {
		if it == of {
			return true
		}
	}
	return false
}

// apply applies a function of the language to a value.
func apply(o *condition.Operand, v val) val {
	cut := func(from, to int) val {
		if from < 0 || to > len(v.text) || from > to {
			return val{bad: true}
		}
		return val{text: v.text[from:to]}
	}
	count := func(n int) val { return val{num: big.NewRat(int64(n), 1)} }
	at := v.at
	if at.IsZero() {
		at, _ = instant(v.text)
	}
	whole, fraction, _ := strings.Cut(strings.TrimPrefix(v.text, "-"), ".")
	switch o.Kind {
	case condition.NumberOf:
		n, ok := new(big.Rat).SetString(v.text)
		return val{num: n, bad: !ok || strings.ContainsAny(v.text, "/eExX_")}
	case condition.Decimals:
		return count(len(fraction))
	case condition.Integers:
		return count(len(whole))
	case condition.Digits:
		return count(len(whole) + len(fraction))
	case condition.Length:
		return count(len([]rune(v.text)))
	case condition.DateOf:
		return val{at: at, bad: at.IsZero()}
	case condition.Hours:
		return val{at: at.Add(time.Duration(o.N) * time.Hour), bad: at.IsZero()}
	case condition.Workdays:
		return val{at: afterWorkdays(at, o.N), bad: at.IsZero()}
	case condition.Day:
		return cut(0, 8)
	case condition.Year:
		return cut(0, 4)
	case condition.Clock:
		return cut(8, 12)
	case condition.Zone:
		return cut(max(0, len(v.text)-3), len(v.text))
	case condition.Part:
		from := o.N - 1
		if o.N < 0 {
			from = len(v.text) + o.N
		}
		return cut(from, from+o.M)
	case condition.Before:
		if i := strings.Index(v.text, o.Text); i >= 0 {
			return cut(0, i)
		}
	case condition.After:
		if i := strings.LastIndex(v.text, o.Text); i >= 0 {
			return cut(i+len(o.Text), len(v.text))
		}
	case condition.Berlin:
		return val{text: inBerlin(at).Format("1504"), bad: at.IsZero()}
	}
	return v
}

// instant reads a DTM value by its length.
func instant(text string) (time.Time, bool) {
	forms := map[int]string{17: "20060102150405-07", 15: "200601021504-07", 12: "200601021504", 8: "20060102", 6: "200601", 4: "2006"}
	zone := time.UTC
	if len(text) <= 8 {
		zone = formats.Berlin
	}
	t, err := time.ParseInLocation(forms[len(text)], text, zone)
	return t, err == nil && forms[len(text)] != ""
}

func inBerlin(t time.Time) time.Time { return t.In(formats.Berlin) }

// afterWorkdays returns the start of the n-th Werktag after an instant.
func afterWorkdays(t time.Time, n int) time.Time {
	y, m, d := inBerlin(t).Date()
	for n > 0 {
		d++
		day := time.Date(y, m, d, 0, 0, 0, 0, formats.Berlin)
		if calendar.StromDayOf(day).IsWerktag() {
			n--
		}
	}
	return time.Date(y, m, d, 0, 0, 0, 0, formats.Berlin)
}

// printed returns a number as the market writes it.
func printed(n *big.Rat, decimals int) string {
	s := n.FloatString(decimals)
	if decimals == 0 && !n.IsInt() {
		s = strings.TrimRight(n.FloatString(6), "0")
	}
	return s
}

func itoa(n int) string { return strconv.Itoa(n) }
