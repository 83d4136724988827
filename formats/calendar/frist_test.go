package calendar

import (
	"strings"
	"testing"
	"time"
)

// TestWerktage holds the weekdays of three years on which nobody works, written down by hand.
func TestWerktage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		year     int
		free     string
		werktage int
	}{
		{2026, "01-01 01-06 04-03 04-06 05-01 05-14 05-25 06-04 11-18 12-24 12-25 12-31", 249},
		{2027, "01-01 01-06 03-08 03-26 03-29 05-06 05-17 05-27 09-20 11-01 11-17 12-24 12-31", 248},
		{2028, "01-06 03-08 04-14 04-17 05-01 05-25 06-05 06-15 08-15 09-20 10-03 10-31 11-01 11-22 12-25 12-26", 244},
	} {
		var free []string
		werktage := 0
		for d := (Date{tt.year, 1, 1}); d.Year == tt.year; d = d.AddDays(1) {
			switch weekday := d.At(12, 0).Weekday(); {
			case d.IsWerktag():
				werktage++
			case weekday != time.Saturday && weekday != time.Sunday:
				free = append(free, d.String()[5:])
			}
		}
		if got := strings.Join(free, " "); got != tt.free || werktage != tt.werktage {
			t.Errorf("%d: %d Werktage, free %s\nwant %d, %s", tt.year, werktage, got, tt.werktage, tt.free)
		}
	}
	for day, want := range map[Date]bool{
		{2025, 6, 6}: false, {2026, 6, 5}: true, {2025, 5, 8}: false, {2026, 5, 8}: true, // once only
		{2025, 8, 8}:  true,                       // a holiday of one town
		{2026, 10, 3}: false, {2026, 10, 5}: true, // on a Saturday, and no other day instead
	} {
		if got := day.IsWerktag(); got != want {
			t.Errorf("%s: Werktag %v, want %v", day, got, want)
		}
	}
}

// TestAddWerktage begins with the example of the rules: received on Monday, 4 July 2016.
func TestAddWerktage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		from Date
		n    int
		want Date
	}{
		{Date{2016, 7, 4}, 6, Date{2016, 7, 12}},
		{Date{2016, 7, 4}, 7, Date{2016, 7, 13}},
		{Date{2016, 7, 4}, 10, Date{2016, 7, 18}},
		{Date{2016, 7, 4}, 0, Date{2016, 7, 4}},
		{Date{2016, 7, 4}, -1, Date{2016, 7, 4}},
		{Date{2026, 12, 23}, 1, Date{2026, 12, 28}},
		{Date{2026, 12, 24}, 1, Date{2026, 12, 28}}, // a day that is no Werktag itself
		{Date{2026, 12, 28}, 3, Date{2027, 1, 4}},
		{Date{2028, 2, 28}, 1, Date{2028, 2, 29}},
	} {
		if got := tt.from.AddWerktage(tt.n); got != tt.want {
			t.Errorf("%s + %d Werktage = %s, want %s", tt.from, tt.n, got, tt.want)
		}
	}
}

func TestClockOfDay(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		got  time.Time
		want string
	}{
		{Date{2026, 1, 15}.At(12, 0), "2026-01-15T11:00:00Z"},
		{Date{2026, 7, 15}.At(12, 0), "2026-07-15T10:00:00Z"},
		{Date{2026, 3, 29}.At(12, 0), "2026-03-29T10:00:00Z"},
		{Date{2026, 3, 29}.End(), "2026-03-29T22:00:00Z"},
		{Date{2026, 10, 25}.End(), "2026-10-25T23:00:00Z"},
		{Date{2026, 12, 31}.End(), "2026-12-31T23:00:00Z"},
	} {
		if want := instant(t, tt.want); !tt.got.Equal(want) || tt.got.Location() != time.UTC {
			t.Errorf("%v, want %v", tt.got, want)
		}
	}
}
