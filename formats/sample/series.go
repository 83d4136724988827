package sample

import (
	"time"

	"github.com/marktbote/marktbote/formats"
)

// begins names the qualifier of DTM that begins the interval which another one ends.
//
// Spec: APERAK AHB 1.1 (Z34: an interval ends after it begins)
var begins = map[string]string{"164": "163", "156": "155", "Z43": "Z42", "93": "92", "159": "158", "472": "469", "Z26": "Z25"}

// begin returns the beginning of the interval that a DTM ends.
func (g *generator) begin(it *item) (time.Time, bool) {
	qualifier, ok := begins[it.get(1, 1)]
	if !ok {
		return time.Time{}, false
	}
	for _, k := range it.up.kids {
		if g.info(k).Tag == tagDTM && k.get(1, 1) == qualifier {
			return instant(k.get(1, 2))
		}
	}
	return time.Time{}, false
}

// seriesSteps has the Pruefidentifikatoren of MSCONS whose values must fill the period of the transmission, with the
// length of each value; 0 if the document does not name one.
//
// Spec: APERAK AHB 1.1 (Z30); MSCONS AHB 3.2 5.1, 7.1
var seriesSteps = map[string]time.Duration{
	"13003": 0, "13005": 0, "13007": 0, "13008": 0, "13010": 0, "13012": 0, "13020": 0, "13021": 0, "13022": 0, "13023": 0,
	"13026": 0, "13018": 15 * time.Minute, "13025": 15 * time.Minute,
}

// series lets the values of every time series fill its period: a day in quarter hours, or as many days as there are
// values.
func (g *generator) series() {
	step, ok := seriesSteps[g.use.Pruefidentifikator]
	if !ok || g.pack.Type != "MSCONS" {
		return
	}
	g.root.below(func(it *item) {
		if g.info(it).IsGroup && g.info(it).Group == "SG6" {
			g.fillPeriod(it, step)
		}
	})
}

// fillPeriod gives the values of one object their intervals.
func (g *generator) fillPeriod(object *item, step time.Duration) {
	var positions [][]*item
	days := 1
	object.below(func(it *item) {
		if n := g.info(it); !n.IsGroup || n.Group != "SG9" {
			return
		}
		var values []*item
		for _, k := range it.kids {
			if g.info(k).IsGroup && g.interval(k, "163") != nil && g.interval(k, "164") != nil {
				values = append(values, k)
			}
		}
		if len(values) > 0 {
			positions = append(positions, values)
			days = max(days, len(values))
		}
	})
	if len(positions) == 0 {
		return
	}
	hour := 0
	if g.agency == "332" {
		hour = 6
	}
	y, m, d := inBerlin(g.opts.At).Date()
	at := func(day int) time.Time { return time.Date(y, m, d-40+day, hour, 0, 0, 0, formats.Berlin) }
	count := days
	if g.interval(object, "492") != nil { // a month
		at = func(day int) time.Time {
			if day == days {
				return time.Date(y, m-1, 1, hour, 0, 0, 0, formats.Berlin)
			}
			return time.Date(y, m-2, 1+day, hour, 0, 0, 0, formats.Berlin)
		}
	}
	if step > 0 {
		days = 1
		count = int(at(1).Sub(at(0)) / step)
	}
	for _, values := range positions {
		for len(values) < count {
			values = append(values, g.add(values[0].up, values[0].node))
		}
		for i, v := range values {
			from, to := at(i), at(i+1)
			if step > 0 {
				from = at(0).Add(time.Duration(i) * step)
				to = from.Add(step)
			}
			g.pinInterval(v, from, to)
		}
	}
	g.pinInterval(object, at(0), at(days))
	if month := g.interval(object, "492"); month != nil {
		g.pin(month, 1, 2, g.date(month, at(0)))
	}
}

// interval returns the DTM with a qualifier that stands directly in a group instance.
func (g *generator) interval(in *item, qualifier string) *item {
	for _, k := range in.kids {
		if g.info(k).Tag == tagDTM && !g.info(k).IsGroup && k.get(1, 1) == qualifier {
			return k
		}
	}
	return nil
}

func (g *generator) pinInterval(in *item, from, to time.Time) {
	for qualifier, t := range map[string]time.Time{"163": from, "164": to} {
		if dtm := g.interval(in, qualifier); dtm != nil {
			if v := g.date(dtm, t); v != "" {
				g.pin(dtm, 1, 2, v)
			}
		}
	}
}
