package explain

import (
	"strconv"
	"time"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/calendar"
)

// date puts a value of DTM into words; empty if it is no date of its format.
//
// Spec: DE 2379; Allgemeine Festlegungen 6.1 ch. 3 (values are UTC, people count in legal German time)
func (d *decoder) date(format, value string) string {
	w := d.words
	switch format {
	case "303", "304":
		t, err := calendar.ParseInstant(format, value)
		if err != nil {
			return ""
		}
		text := w.instant(t)
		if d.sparte == formats.Gas {
			text += ", " + w.pick("Gastag ", "gas day ") + w.day(calendar.GasDayOf(t))
		}
		return text
	case "102":
		if day, err := calendar.ParseDate(value); err == nil {
			return w.day(day)
		}
	case "610":
		if m, err := calendar.ParseMonth(value); err == nil {
			return w.month(m)
		}
	case "203":
		if t, err := time.Parse("200601021504", value); err == nil && len(value) == 12 {
			return w.local(t) + w.pick(", ohne Zeitzone", ", no time zone")
		}
	case "106":
		if t, err := time.Parse("20060102", "2000"+value); err == nil && len(value) == 4 {
			return t.Format(w.pick("02.01.", "01-02")) + w.pick(" jedes Jahres", " of every year")
		}
	case "602":
		if len(value) == 4 {
			return w.pick("Jahr ", "year ") + value
		}
	case "401", "501":
		return w.clocks(value)
	case "802", "803", "804":
		return w.period(format, value)
	}
	return ""
}

// instant writes a moment in legal German time.
func (w words) instant(t time.Time) string {
	local := t.In(formats.Berlin)
	zone, _ := local.Zone()
	if !w.en {
		zone = map[string]string{"CET": "MEZ", "CEST": "MESZ"}[zone]
	}
	return w.local(local) + " (" + zone + ")"
}

// local writes day and time, with seconds only if there are any.
func (w words) local(t time.Time) string {
	layout := w.pick("02.01.2006 15:04", "2006-01-02 15:04")
	if t.Second() != 0 {
		layout += ":05"
	}
	return t.Format(layout) + w.pick(" Uhr", "")
}

func (w words) day(d calendar.Date) string {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC).Format(w.pick("02.01.2006", "2006-01-02"))
}

var germanMonths = []string{
	"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember",
}

func (w words) month(m calendar.Month) string {
	return w.pick(germanMonths[m.Month-1], m.Month.String()) + " " + strconv.Itoa(m.Year)
}

// clocks writes one or two times of a day.
func (w words) clocks(v string) string {
	if _, err := strconv.ParseUint(v, 10, 32); err != nil || len(v) != 4 && len(v) != 8 {
		return ""
	}
	text := v[:2] + ":" + v[2:4]
	if len(v) == 8 {
		text += w.pick(" bis ", " to ") + v[4:6] + ":" + v[6:]
	}
	return text + w.pick(" Uhr", "")
}

// period writes a number of months, weeks or days.
//
// Spec: DE 2379, codes 802, 803 and 804
func (w words) period(format, v string) string {
	if _, err := strconv.Atoi(v); err != nil || len(v) > 3 {
		return ""
	}
	unit := map[string][2]string{"802": {"Monate", "months"}, "803": {"Wochen", "weeks"}, "804": {"Tage", "days"}}[format]
	return v + " " + w.pick(unit[0], unit[1])
}

// created explains the parts of UNB S004, which are UTC.
func (d *decoder) created(id, date, clock string) string {
	t, err := calendar.ParseInterchangeTime(date, clock)
	if err != nil {
		return ""
	}
	if id == "0017" {
		return t.Format(d.words.pick("02.01.2006", "2006-01-02"))
	}
	return t.Format("15:04") + " UTC, " + d.words.instant(t)
}
