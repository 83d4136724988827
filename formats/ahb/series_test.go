package ahb_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/marktbote/marktbote/fixtures"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/ahb"
	"github.com/marktbote/marktbote/formats/mig"
)

// judge checks the first message of an interchange against its columns and returns the findings as "CODE segment text
// at the place".
func judge(t *testing.T, data []byte) (list []string) {
	t.Helper()
	m, pack := message(t, data)
	var structure mig.Checker
	placement := structure.Check(pack, m, 10, func(f formats.Finding) { t.Errorf("structure: %s %s", f.Segment, f.Text) })
	c := ahb.Checker{Lang: formats.English}
	for _, in := range inputs(t, m, placement) {
		c.Check(in, func(f formats.Finding) {
			if !strings.HasPrefix(string(f.Code), "E3012") && !strings.HasPrefix(string(f.Code), "E3013") {
				list = append(list, string(f.Code))
				return
			}
			list = append(list, fmt.Sprintf("%s %s@%s", f.Wire.Code, f.Text, data[f.Offset:f.Offset+12]))
		})
	}
	return list
}

// series writes interchanges with a load profile.
type series struct {
	pid, period string
	positions   []string // OBIS number and intervals
}

// position writes LIN with values from to to in steps; edit may change the list of intervals.
func position(obis string, from, to time.Time, step time.Duration, edit func([][2]time.Time) [][2]time.Time) string {
	var list [][2]time.Time
	for ; from.Before(to); from = from.Add(step) {
		list = append(list, [2]time.Time{from, from.Add(step)})
	}
	if edit != nil {
		list = edit(list)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "PIA+5+%s:SRW'", obis)
	for _, x := range list {
		fmt.Fprintf(&b, "QTY+220:1'%s", interval(x[0], x[1]))
	}
	return b.String()
}

func interval(from, to time.Time) string {
	return fmt.Sprintf("DTM+163:%s?+00:303'DTM+164:%s?+00:303'", from.Format("200601021504"), to.Format("200601021504"))
}

func (s series) bytes(bgm, object string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "UNB+UNOC:3+9999300000037:500+9999100000013:500+261130:0630+REF++TL'UNH+1+MSCONS:D:04B:UN:2.5'BGM+%s+DOC+9'"+
		"DTM+137:202611300630?+00:303'RFF+Z13:%s'NAD+MS+9999300000037::293'NAD+MR+9999100000013::293'UNS+D'NAD+%s'%s", bgm, s.pid, object, s.period)
	for i, p := range s.positions {
		fmt.Fprintf(&b, "LIN+%d'%s", i+1, p)
	}
	text := b.String()
	return fmt.Appendf(nil, "%sUNT+%d+1'UNZ+1+REF'", text, strings.Count(text, "'"))
}

const obis = "1-0?:1.29.0"

var (
	from = time.Date(2026, 11, 15, 23, 0, 0, 0, time.UTC)
	to   = from.AddDate(0, 0, 1)
)

// day is a load profile of a day in November, edited.
func day(edit func([][2]time.Time) [][2]time.Time) []byte {
	return profile(from, to, position(obis, from, to, 15*time.Minute, edit))
}

func profile(from, to time.Time, positions ...string) []byte {
	return series{"13025", "LOC+172+90000000019'" + interval(from, to), positions}.bytes("Z48", "DP")
}

// TestIntervals has series and intervals of all kinds: those without a fault, and the one finding for each that has one.
func TestIntervals(t *testing.T) {
	t.Parallel()
	type slots = [][2]time.Time
	utc := func(v string) time.Time {
		at, err := time.Parse("200601021504", v)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	replace := func(data []byte, old, repl string) []byte {
		if !strings.Contains(string(data), old) {
			t.Fatalf("%q does not occur", old)
		}
		return []byte(strings.Replace(string(data), old, repl, 1))
	}
	fixture := func(name string) []byte {
		data, err := fixtures.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	spring, autumn := utc("202603282300"), utc("202610242200")
	november := series{"13023", "LOC+172+DE00099999999MUSTERBACH0000000001'DTM+492:202611:610'DTM+293:20261201063000?+00:304'", nil}
	month := func(from, to string) []byte {
		s := november
		p := position("AUA", utc(from), utc(to), 15*time.Minute, nil)
		p = strings.ReplaceAll(strings.Replace(p, "AUA:SRW", "AUA:Z08", 1), "QTY+220:1'", "QTY+79:1:KWH'")
		s.positions = []string{p}
		return replace(s.bytes("Z46", "DP"), "DTM+137:202611300630", "DTM+137:202612010630")
	}
	gas := func(positions ...string) []byte {
		data := series{"13008", "LOC+172+DE00099999999MUSTERBACH0000000001'" + interval(utc("202611150500"), utc("202611160500")), positions}.bytes("7", "DP")
		return []byte(strings.NewReplacer("9999300000037:500", "9899300000035:502", "9999100000013:500", "9899100000015:502",
			"9999300000037::293", "9899300000035::332", "9999100000013::293", "9899100000015::332").Replace(string(data)))
	}
	hour := func(obis, from, to string) string { return position(obis, utc(from), utc(to), time.Hour, nil) }

	tests := []struct {
		name string
		data []byte
		want []string
	}{
		{"day", day(nil), nil},
		{"day of 23 hours", profile(spring, utc("202603292200"), position(obis, spring, utc("202603292200"), 15*time.Minute, nil)), nil},
		{"day of 25 hours", profile(autumn, utc("202610252300"), position(obis, autumn, utc("202610252300"), 15*time.Minute, nil)), nil},
		{"two OBIS numbers", profile(from, to, position(obis, from, to, 15*time.Minute, nil), position("1-0?:2.29.0", from, to, 15*time.Minute, nil)), nil},
		{"goes on in the next LIN", profile(from, to, position(obis, from, from.Add(time.Hour), 15*time.Minute, nil), position(obis, from.Add(time.Hour), to, 15*time.Minute, nil)), nil},
		{"in another order", day(func(s slots) slots { s[3], s[40] = s[40], s[3]; return s }), nil},
		{"gap", day(func(s slots) slots { return slices.Delete(s, 8, 10) }),
			[]string{"Z30 The time series is not complete. Demanded: the values from 2026-11-16 02:00 CET to 2026-11-16 02:30 CET. Found: none.@202611160130"}},
		{"begins late", day(func(s slots) slots { return s[1:] }),
			[]string{"Z30 The time series is not complete. Demanded: the values from 2026-11-16 00:00 CET to 2026-11-16 00:15 CET. Found: none.@202611152315"}},
		{"ends early", day(func(s slots) slots { return s[:92] }),
			[]string{"Z30 The time series is not complete. Demanded: the values from 2026-11-16 23:00 CET to 2026-11-17 00:00 CET. Found: none.@202611162200"}},
		{"value twice", day(func(s slots) slots { return slices.Insert(s, 4, s[4]) }),
			[]string{"Z30 The time series is not complete. Demanded: a single value from 2026-11-16 01:00 CET to 2026-11-16 01:15 CET. Found: several.@202611160000"}},
		{"value of an hour", day(func(s slots) slots { s[4][1] = s[7][1]; return slices.Delete(s, 5, 8) }),
			[]string{"Z30 The time series is not complete. Demanded: a value for each quarter hour. Found: a value from 2026-11-16 01:00 CET to 2026-11-16 02:00 CET.@202611160000"}},
		{"beyond the period", profile(from, to, position(obis, from, to.Add(time.Hour), 15*time.Minute, nil)),
			[]string{"Z30 The time series is not complete. Demanded: values from 2026-11-16 00:00 CET to 2026-11-17 00:00 CET only. Found: a value from 2026-11-17 00:00 CET to 2026-11-17 00:15 CET.@202611162300"}},
		{"two OBIS numbers, the second with a gap", profile(from, to, position(obis, from, to, 15*time.Minute, nil),
			position("1-0?:2.29.0", from, to, 15*time.Minute, func(s slots) slots { return slices.Delete(s, 1, 2) })),
			[]string{"Z30 The time series is not complete. Demanded: the values from 2026-11-16 00:15 CET to 2026-11-16 00:30 CET. Found: none.@202611152330"}},
		{"end of a value missing", replace(day(nil), "DTM+164:202611160015?+00:303'", ""), []string{"E3001"}},
		{"reversed value", day(func(s slots) slots { s[4][0], s[4][1] = s[4][1], s[4][0]; return s }),
			[]string{"Z34 The interval that ends with \"Ende Messperiode\" is negative or zero: 202611160015+00 (2026-11-16 01:15 CET) to 202611160000+00 (2026-11-16 01:00 CET). Demanded: the end after the beginning.@202611160000"}},
		{"value of no time", day(func(s slots) slots { s[4][1] = s[4][0]; return s }),
			[]string{"Z34 The interval that ends with \"Ende Messperiode\" is negative or zero: 202611160000+00 (2026-11-16 01:00 CET) to 202611160000+00 (2026-11-16 01:00 CET). Demanded: the end after the beginning.@202611160000"}},
		{"reversed period", profile(to, from, position(obis, from, to, 15*time.Minute, nil)),
			[]string{"Z34 The interval that ends with \"Ende Messperiode Übertragungszeitraum\" is negative or zero: 202611162300+00 (2026-11-17 00:00 CET) to 202611152300+00 (2026-11-16 00:00 CET). Demanded: the end after the beginning.@202611152300"}},
		{"month", month("202610312300", "202611302300"), nil},
		{"month without its last day", month("202610312300", "202611292300"),
			[]string{"Z30 The time series is not complete. Demanded: the values from 2026-11-30 00:00 CET to 2026-12-01 00:00 CET. Found: none.@202611292300"}},
		{"gas day with a mean value of the month", gas(hour("7-20?:99.33.17", "202611150500", "202611160500"),
			position("7-0?:54.0.22", utc("202610310500"), utc("202611300500"), 30*24*time.Hour, nil)), nil},
		{"gas day that ends early", gas(hour("7-20?:99.33.17", "202611150500", "202611160400")),
			[]string{"Z30 The time series is not complete. Demanded: the values from 2026-11-16 05:00 CET to 2026-11-16 06:00 CET. Found: none.@202611160400"}},
		{"values need not be complete", replace(day(func(s slots) slots { return s[:92] }), "LOC+172+90000000019'"+interval(from, to), "LOC+172+90000000019'"), nil},
		{"supply that ends before it begins", replace(fixture("valid/utilmd-55001-umlaute-befristet.edi"), "DTM+93:2027", "DTM+93:2026"),
			[]string{"Z34 The interval that ends with \"Ende zum\" is negative or zero: 202611042300+00 (2026-11-05 00:00 CET) to 202603312200+00 (2026-04-01 00:00 CEST). Demanded: the end after the beginning.@202603312200"}},
	}
	for _, tt := range tests {
		if tt.name == "values need not be complete" { // 13027 is not in the list of series
			tt.data = replace(replace(tt.data, "RFF+Z13:13025", "RFF+AGI:ORDERS1'RFF+Z13:13027"), "BGM+Z48", "BGM+Z83")
		}
		if diff := cmp.Diff(tt.want, judge(t, tt.data)); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

// TestIntervalsDoNotAllocate: whatever the number of values, following a series takes no memory.
func TestIntervalsDoNotAllocate(t *testing.T) {
	count := func(values int) float64 {
		end := from.Add(time.Duration(values) * 15 * time.Minute)
		m, pack := message(t, profile(from, end, position(obis, from, end, 15*time.Minute, nil)))
		var structure mig.Checker
		var c ahb.Checker
		list := inputs(t, m, structure.Check(pack, m, 1, func(formats.Finding) {}))
		check := func() { c.Check(list[0], func(formats.Finding) {}) }
		check()
		return testing.AllocsPerRun(10, check)
	}
	if few, many := count(96), count(960); many > few {
		t.Errorf("%v allocations with 96 values, %v with 960", few, many)
	}
}
