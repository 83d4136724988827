package calendar

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/marktbote/marktbote/formats"
)

// instant parses an RFC 3339 time of a test.
func instant(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at.UTC()
}

func TestParseInstant(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ format, value, want string }{
		{"303", "202611302300+00", "2026-11-30T23:00:00Z"},
		{"303", "202402292359+00", "2024-02-29T23:59:00Z"},
		{"303", "202611302300+01", "2026-11-30T22:00:00Z"},
		{"303", "202611302300-01", "2026-12-01T00:00:00Z"},
		{"304", "20261130230059+00", "2026-11-30T23:00:59Z"},
		{"304", "20161231235960+00", "2017-01-01T00:00:00Z"},
	} {
		got, err := ParseInstant(tt.format, tt.value)
		if err != nil || !got.Equal(instant(t, tt.want)) || got.Location() != time.UTC {
			t.Errorf("%s %s: got %v, %v, want %s", tt.format, tt.value, got, err, tt.want)
		}
		if b, err := ParseInstant(tt.format, []byte(tt.value)); err != nil || !b.Equal(got) {
			t.Errorf("%s %s as bytes: got %v, %v", tt.format, tt.value, b, err)
		}
	}
	for _, tt := range []struct{ format, value, reason string }{
		{"303", "20261130230+00", "length"}, {"303", "", "length"}, {"304", "202611302300+00", "length"},
		{"303", "2026113023O0+00", "digits"}, {"303", "202611302300+0x", "digits"}, {"303", "202611302300000", "sign"},
		{"303", "202613302300+00", "month"}, {"303", "202611312300+00", "no such day"}, {"303", "202302292300+00", "no such day"},
		{"303", "202611002300+00", "no such day"}, {"303", "202611302400+00", "hour"}, {"303", "202611302360+00", "minute"},
		{"304", "20261130230061+00", "second"}, {"303", "202611302300+15", "zone"}, {"303", "000011302300+00", "year"},
		{"203", "202611302300", "not an instant"}, {"102", "20261130", "not an instant"},
	} {
		_, err := ParseInstant(tt.format, tt.value)
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(e.Reason, tt.reason) {
			t.Errorf("%s %s: got %v, want reason %q", tt.format, tt.value, err, tt.reason)
		}
	}
}

func TestParseInterchangeTime(t *testing.T) {
	t.Parallel()
	if got, err := ParseInterchangeTime("261117", "0812"); err != nil || !got.Equal(instant(t, "2026-11-17T08:12:00Z")) {
		t.Errorf("got %v, %v", got, err)
	}
	for _, s := range []string{"261317:0812", "261117:2460", "26111:0812", "2611170:812", ":"} {
		date, clock, _ := strings.Cut(s, ":")
		if got, err := ParseInterchangeTime(date, clock); err == nil {
			t.Errorf("%s: got %v, want an error", s, got)
		}
	}
}

func TestParseDateAndMonth(t *testing.T) {
	t.Parallel()
	if d, err := ParseDate("20261201"); err != nil || d.String() != "2026-12-01" {
		t.Errorf("got %v, %v", d, err)
	}
	if m, err := ParseMonth("202612"); err != nil || m.String() != "2026-12" {
		t.Errorf("got %v, %v", m, err)
	}
	for _, s := range []string{"", "2026120", "20261301", "20260229", "20261232", "2026120A", "00001201"} {
		if d, err := ParseDate(s); err == nil {
			t.Errorf("ParseDate(%q) = %v, want an error", s, d)
		}
	}
	for _, s := range []string{"", "20261", "202613", "202600", "20261A", "000012"} {
		if m, err := ParseMonth(s); err == nil {
			t.Errorf("ParseMonth(%q) = %v, want an error", s, m)
		}
	}
}

// TestDayStart holds the examples that the market publishes for the start of days.
func TestDayStart(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		sparte formats.Sparte
		day    Date
		want   string
	}{
		{formats.Strom, Date{2022, 10, 30}, "202210292200+00"},
		{formats.Strom, Date{2022, 10, 31}, "202210302300+00"},
		{formats.Gas, Date{2022, 10, 29}, "202210290400+00"},
		{formats.Gas, Date{2022, 10, 30}, "202210300500+00"},
		{formats.Strom, Date{2021, 2, 1}, "202101312300+00"},
		{formats.Strom, Date{2028, 10, 30}, "202810292300+00"}, // one printed table has 30 November
		{formats.Strom, Date{2026, 7, 15}, "202607142200+00"},
		{formats.Gas, Date{2026, 12, 1}, "202612010500+00"},
		{formats.Gas, Date{2021, 6, 1}, "202106010400+00"},
	} {
		want, err := ParseInstant("303", tt.want)
		if err != nil {
			t.Fatal(err)
		}
		from, _ := DayBounds(tt.sparte, tt.day)
		if !from.Equal(want) || !IsDayStart(tt.sparte, from) || DayOf(tt.sparte, from) != tt.day {
			t.Errorf("%s %s starts %v, want %v", tt.sparte, tt.day, from, want)
		}
		if before := from.Add(-time.Minute); IsDayStart(tt.sparte, before) || DayOf(tt.sparte, before) != tt.day.AddDays(-1) {
			t.Errorf("%s %s: the minute before is not the day before", tt.sparte, tt.day)
		}
	}
}

func TestClockChange(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		sparte formats.Sparte
		day    Date
		hours  int
	}{
		{formats.Strom, Date{2026, 3, 29}, 23}, {formats.Strom, Date{2026, 10, 25}, 25}, {formats.Strom, Date{2026, 10, 24}, 24},
		{formats.Strom, Date{2027, 3, 28}, 23}, {formats.Strom, Date{2027, 10, 31}, 25}, {formats.Strom, Date{2026, 11, 30}, 24},
		{formats.Gas, Date{2026, 3, 28}, 23}, {formats.Gas, Date{2026, 3, 29}, 24}, {formats.Gas, Date{2026, 10, 24}, 25},
		{formats.Gas, Date{2026, 10, 25}, 24}, {formats.Gas, Date{2026, 12, 31}, 24},
	} {
		if got := Hours(tt.sparte, tt.day); got != tt.hours {
			t.Errorf("%s %s has %d hours, want %d", tt.sparte, tt.day, got, tt.hours)
		}
		if got := QuarterHours(tt.sparte, tt.day); got != tt.hours*4 {
			t.Errorf("%s %s has %d quarter hours, want %d", tt.sparte, tt.day, got, tt.hours*4)
		}
	}
}

// TestDaysFollow checks over ten years that days meet without gap and that every quarter hour lies in its day.
func TestDaysFollow(t *testing.T) {
	t.Parallel()
	for _, sparte := range []formats.Sparte{formats.Strom, formats.Gas} {
		d := Date{2020, 1, 1}
		_, end := DayBounds(sparte, d.AddDays(-1))
		for range 3653 {
			from, to := DayBounds(sparte, d)
			if !from.Equal(end) || DayOf(sparte, from) != d || DayOf(sparte, to.Add(-time.Second)) != d {
				t.Fatalf("%s %s: from %v to %v after %v", sparte, d, from, to, end)
			}
			end, d = to, d.AddDays(1)
		}
	}
}

func TestMonthBounds(t *testing.T) {
	t.Parallel()
	for m, want := range map[Month]int{
		{2026, 2}: 2688, {2026, 3}: 2972, {2026, 4}: 2880, {2026, 7}: 2976, {2026, 10}: 2980, {2027, 3}: 2972, {2027, 10}: 2980, {2028, 2}: 2784,
	} {
		from, to := MonthBounds(formats.Strom, m)
		if n := Count(from, to, 15*time.Minute); n != want {
			t.Errorf("%s has %d quarter hours, want %d", m, n, want)
		}
	}
	from, to := MonthBounds(formats.Gas, Month{2026, 12})
	if !from.Equal(instant(t, "2026-12-01T05:00:00Z")) || !to.Equal(instant(t, "2027-01-01T05:00:00Z")) {
		t.Errorf("December 2026 in Gas: %v to %v", from, to)
	}
	if Count(to, from, time.Hour) != 0 || Count(from, to, 0) != 0 {
		t.Error("Count of nothing is not 0")
	}
}

// FuzzParse checks that no value makes a parser panic and that accepted ones are real.
func FuzzParse(f *testing.F) {
	f.Add("303", "202611302300+00")
	f.Add("304", "20261130230060+00")
	f.Add("102", "20261130")
	f.Add("610", "202611")
	f.Fuzz(func(t *testing.T, format, value string) {
		if at, err := ParseInstant(format, value); err == nil && value[len(value)-3:] == "+00" && format == "303" {
			if got := at.Format("200601021504") + "+00"; got != value {
				t.Errorf("%s became %s", value, got)
			}
		}
		if d, err := ParseDate(value); err == nil && strings.ReplaceAll(d.String(), "-", "") != value {
			t.Errorf("%s became %s", value, d)
		}
		if m, err := ParseMonth(value); err == nil && strings.ReplaceAll(m.String(), "-", "") != value {
			t.Errorf("%s became %s", value, m)
		}
	})
}
