package sample

import (
	"fmt"
	"strings"
	"time"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/rules"
)

// usual returns values that are usual for a data element.
func (g *generator) usual(it *item, comp *rules.Component, e, c int) []string {
	n := g.info(it)
	if n.Tag == tagDTM && e == 1 && c == 2 {
		return g.dates(it)
	}
	var list []string
	add := func(values ...string) { list = append(list, values...) }
	switch comp.ID {
	case "1004":
		add(fmt.Sprintf("DOK%06d", g.number()), fmt.Sprintf("DOK-%06d-%04d", g.rng.IntN(1e6), g.number()))
	case "7402", "1490":
		add(fmt.Sprintf("VG%09d", g.number()), itoa(g.number()))
	case "3039":
		add(g.partnerID())
	case "3207":
		add("DE")
	case "3251":
		add("10115", "20095")
	case "3036", "3164", "3042", "3124":
		add("Musterstadt", "Muster")
	case "3148":
		add("+4930123456", "info@example.org")
	case "6060", "6314", "5118", "5004", "5482":
		add("12.5", "100", "1", "0", "-1")
	case "7140":
		add("1-0:1.8.0", "9990001000798", "9991000000044-01", "9991000000044-02", "9991000000044-03")
	case "4440":
		add("Hinweis")
	case "3225", "1154", "7110", "7111":
		for _, name := range []string{"malo", "melo"} {
			g.identifiers(name, n.Tag == tagLOC, func(v string) { add(v) })
		}
		add(fmt.Sprintf("REF%06d", g.number()))
	}
	return append(list, g.any(comp.Format)...)
}

// any returns values that have a format and say nothing.
func (g *generator) any(f rules.Format) []string {
	length := int(f.Min)
	if f.Min == 1 {
		length = min(int(f.Max), 1+g.rng.IntN(4))
	}
	if f.Kind == 'n' {
		return []string{"1", strings.Repeat("1", length), "0", "2", "10", "100", "0.5", "12.5", "-1"}
	}
	return []string{strings.Repeat("X", length), strings.Repeat("1", max(int(f.Min), min(int(f.Max), 13))), "A1", "X"}
}

// partnerID makes an MP-ID.
func (g *generator) partnerID() string {
	return fmt.Sprintf("%s00003%06d", g.sender[:2], g.rng.IntN(1e6))
}

// identifiers proposes identifiers of a form: those that a LOC of the message has, and a new one.
func (g *generator) identifiers(form string, fresh bool, add func(string)) {
	known := func() {
		for _, loc := range g.segments("LOC") {
			if v := loc.get(2, 1); shaped(form, v) == isTrue {
				add(v)
			}
		}
	}
	if !fresh {
		known()
	}
	switch form {
	case "malo", "tranche":
		g.checked(fmt.Sprintf("%d%09d", 1+g.rng.IntN(9), g.rng.IntN(1e9)), form, add)
	case "melo", "zaehlpunkt":
		add(fmt.Sprintf("DE%06d%05d%020d", g.rng.IntN(1e6), 10115, g.rng.IntN(1e9)))
	case "nelo":
		g.checked(fmt.Sprintf("E%09d", g.rng.IntN(1e9)), form, add)
	case "sr":
		g.checked(fmt.Sprintf("C%09d", g.rng.IntN(1e9)), form, add)
	case "tr":
		g.checked(fmt.Sprintf("D%09d", g.rng.IntN(1e9)), form, add)
	case "geraet":
		add(fmt.Sprintf("1ABC00%08d", g.rng.IntN(1e8)))
	case "mpid":
		add(g.partnerID())
	case "telefon":
		add("+4930123456")
	case "artikel":
		add("9990001000798")
	case "grossbuchstaben":
		add("ABC1")
	case "eic":
		g.checked(fmt.Sprintf("11X%09d---", g.rng.IntN(1e9)), form, add)
	}
}

// checked adds the check digit or character that makes an identifier right.
func (g *generator) checked(id, form string, add func(string)) {
	for _, digit := range "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ" {
		if v := id + string(digit); shaped(form, v) == isTrue {
			add(v)
			return
		}
	}
}

// dates proposes values of a DTM. Days begin at midnight in legal German time, in Gas at six; what ends comes later than
// what begins, and what reports comes before the message.
func (g *generator) dates(it *item) []string {
	var list []string
	switch it.get(1, 3) {
	case "802", "803", "804":
		return []string{"12", "14", "1", "2"}
	case "Z01":
		return []string{"04TM", "30TT", "03MQ", "06WM", "04WT", "03MM", "01MM"}
	case "501":
		return []string{"00002400", "06000600"}
	case "104":
		return []string{"01020304"}
	}
	add := func(t time.Time) {
		if v := g.date(it, t); v != "" {
			list = append(list, v)
		}
	}
	if from, ok := g.begin(it); ok {
		add(inBerlin(from).AddDate(0, 0, 1))
		add(inBerlin(from).AddDate(0, 1, 0))
		add(inBerlin(from).AddDate(1, 0, 0))
	}
	y, m, d := inBerlin(g.opts.At).Date()
	hours := []int{0, 6}
	if g.agency == "332" {
		hours = []int{6, 0}
	}
	days := []int{14, 30, 1, 44} // something to come
	switch it.get(1, 1) {
	case "137":
		add(g.opts.At)
	case "163", "155", "7", "9", "60", "Z25", "157": // something that was
		days = []int{-31, -62, -45, -92}
	case "164", "156", "Z26":
		days = []int{-30, -1, -14, -61}
	case "93", "159", "158":
		days = []int{44, 60, 75}
	}
	if g.shuffles() {
		g.rng.Shuffle(len(days), func(i, j int) { days[i], days[j] = days[j], days[i] })
	}
	days = append(days, 0, -1, 1, 14, 30, -30)
	for _, h := range hours {
		for _, offset := range days {
			add(time.Date(y, m, d+offset, h, 0, 0, 0, formats.Berlin))
		}
		for k := -2; k <= 3; k++ {
			add(time.Date(y, m+time.Month(k), 1, h, 0, 0, 0, formats.Berlin))
		}
		for k := -1; k <= 2; k++ {
			add(time.Date(y+k, 1, 1, h, 0, 0, 0, formats.Berlin))
		}
	}
	add(g.opts.At)
	add(g.opts.At.Add(-time.Hour))
	return list
}
