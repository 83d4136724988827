package ack_test

import (
	"strings"
	"testing"
	"time"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/ack"
)

// TestDeadlines holds awkward instants of receipt, each worked out by hand. Times are legal German time; CET or CEST
// is written where the clock change makes a difference. "until" is the end of the tolerance around a new format version.
func TestDeadlines(t *testing.T) {
	t.Parallel()
	const (
		contrl = "CONTRL"
		strom  = "strom "
		gas    = "gas "
	)
	for _, tt := range []struct{ what, received, due, until string }{
		// CONTRL: six hours that run through nights, holidays and changes of the clock.
		{contrl, "2026-10-24 23:00 CEST", "2026-10-25 04:00 CET", ""},
		{contrl, "2027-03-27 23:00 CET", "2027-03-28 06:00 CEST", ""},
		{contrl, "2026-10-25 01:59 CEST", "2026-10-25 06:59 CET", ""},
		{contrl, "2026-10-25 02:30 CEST", "2026-10-25 07:30 CET", ""},
		{contrl, "2026-10-25 02:30 CET", "2026-10-25 08:30 CET", ""},
		{contrl, "2026-03-29 01:59 CET", "2026-03-29 08:59 CEST", ""},
		{contrl, "2026-12-31 23:59 CET", "2027-01-01 05:59 CET", ""},
		{contrl, "2026-12-24 20:00 CET", "2026-12-25 02:00 CET", ""},
		{contrl, "2028-02-28 22:00 CET", "2028-02-29 04:00 CET", ""},
		{"CONTRL ALOCAT", "2026-12-31 23:30 CET", "2027-01-01 00:15 CET", ""},

		// Strom, UTILMD and ORDERS: 45 minutes, but Saturday's until Sunday noon.
		{strom + "UTILMD", "2026-05-08 23:50 CEST", "2026-05-09 00:35 CEST", ""},
		{strom + "UTILMD", "2026-05-08 23:59 CEST", "2026-05-09 00:44 CEST", ""},
		{strom + "UTILMD", "2026-05-09 00:00 CEST", "2026-05-10 12:00 CEST", ""},
		{strom + "UTILMD", "2026-05-09 08:00 CEST", "2026-05-10 12:00 CEST", ""},
		{strom + "UTILMD", "2026-05-09 23:59 CEST", "2026-05-10 12:00 CEST", ""},
		{strom + "UTILMD", "2026-05-10 00:00 CEST", "2026-05-10 00:45 CEST", ""},
		{strom + "UTILMD", "2026-05-10 14:00 CEST", "2026-05-10 14:45 CEST", ""},
		{strom + "UTILMD", "2026-10-24 23:59 CEST", "2026-10-25 12:00 CET", ""},
		{strom + "ORDERS", "2027-03-27 12:00 CET", "2027-03-28 12:00 CEST", ""},
		{strom + "UTILMD", "2026-10-25 02:30 CEST", "2026-10-25 02:15 CET", ""},
		{strom + "UTILMD", "2026-03-29 01:30 CET", "2026-03-29 03:15 CEST", ""},
		{strom + "UTILMD", "2026-12-24 23:30 CET", "2026-12-25 00:15 CET", ""},
		{strom + "UTILMD", "2026-12-26 10:00 CET", "2026-12-27 12:00 CET", ""},
		{strom + "ORDERS", "2027-01-02 08:00 CET", "2027-01-03 12:00 CET", ""},
		{strom + "UTILMD", "2026-04-03 09:00 CEST", "2026-04-03 09:45 CEST", ""},
		{strom + "UTILMD", "2026-12-31 23:30 CET", "2027-01-01 00:15 CET", ""},

		// Strom, all other types: noon of the next Werktag.
		{strom + "MSCONS", "2026-04-02 17:10 CEST", "2026-04-07 12:00 CEST", ""},
		{strom + "MSCONS", "2026-12-23 23:59 CET", "2026-12-28 12:00 CET", ""},
		{strom + "INVOIC", "2026-12-24 00:00 CET", "2026-12-28 12:00 CET", ""},
		{strom + "IFTSTA", "2026-12-30 10:00 CET", "2027-01-04 12:00 CET", ""},
		{strom + "MSCONS", "2027-01-05 18:00 CET", "2027-01-07 12:00 CET", ""},
		{strom + "MSCONS", "2026-10-23 13:00 CEST", "2026-10-26 12:00 CET", ""},
		{strom + "ORDRSP", "2026-10-30 13:00 CET", "2026-11-02 12:00 CET", ""},
		{strom + "MSCONS", "2026-11-17 09:00 CET", "2026-11-19 12:00 CET", ""},
		{strom + "MSCONS", "2026-06-03 09:00 CEST", "2026-06-05 12:00 CEST", ""},
		{strom + "MSCONS", "2026-05-13 09:00 CEST", "2026-05-15 12:00 CEST", ""},
		{strom + "MSCONS", "2026-05-22 23:59 CEST", "2026-05-26 12:00 CEST", ""},
		{strom + "MSCONS", "2027-03-07 09:00 CET", "2027-03-09 12:00 CET", ""},
		{strom + "MSCONS", "2027-09-19 09:00 CEST", "2027-09-21 12:00 CEST", ""},
		{strom + "MSCONS", "2025-06-05 10:00 CEST", "2025-06-10 12:00 CEST", ""},
		{strom + "MSCONS", "2025-05-07 10:00 CEST", "2025-05-09 12:00 CEST", ""},
		{strom + "MSCONS", "2028-08-14 10:00 CEST", "2028-08-16 12:00 CEST", ""},
		{strom + "MSCONS", "2027-03-27 10:00 CET", "2027-03-30 12:00 CEST", ""},
		{strom + "MSCONS", "2028-02-28 15:00 CET", "2028-02-29 12:00 CET", ""},

		// Gas.
		{gas + "UTILMD 44002", "2026-12-23 10:00 CET", "2026-12-28 12:00 CET", ""},
		{gas + "UTILMD 44002", "2026-05-09 10:00 CEST", "2026-05-11 12:00 CEST", ""},
		{gas + "ORDERS 17001", "2026-05-10 23:59 CEST", "2026-05-11 12:00 CEST", ""},
		{gas + "UTILMD 44001", "2026-12-28 09:00 CET", "2027-01-05 00:00 CET", ""},
		{gas + "UTILMD 44016", "2026-04-02 10:00 CEST", "2026-04-10 00:00 CEST", ""},
		{gas + "UTILMD 44039", "2026-12-23 10:00 CET", "2026-12-31 00:00 CET", ""},
		{gas + "UTILMD 44042", "2026-10-23 10:00 CEST", "2026-10-29 00:00 CET", ""},

		// Around a new format version.
		{gas + "UTILMD 44001", "2026-03-28 10:00 CET", "2026-04-02 00:00 CEST", ""},
		{contrl, "2026-03-31 11:59 CEST", "2026-03-31 17:59 CEST", ""},
		{contrl, "2026-03-31 12:00 CEST", "2026-03-31 18:00 CEST", "2026-04-02 00:00 CEST"},
		{strom + "MSCONS", "2026-03-31 08:00 CEST", "2026-04-01 12:00 CEST", "2026-04-02 00:00 CEST"},
		{contrl, "2026-04-01 17:59 CEST", "2026-04-01 23:59 CEST", "2026-04-02 00:00 CEST"},
		{contrl, "2026-04-01 18:00 CEST", "2026-04-02 00:00 CEST", ""},
		{strom + "UTILMD", "2026-09-30 23:30 CEST", "2026-10-01 00:15 CEST", "2026-10-02 00:00 CEST"},
		{strom + "UTILMD", "2025-06-05 17:30 CEST", "2025-06-05 18:15 CEST", "2025-06-07 00:00 CEST"},

		// The Sparte is not known: the earlier one.
		{"? UTILMD 44001", "2026-05-08 10:00 CEST", "2026-05-08 10:45 CEST", ""},
		{"? MSCONS", "2026-05-08 10:00 CEST", "2026-05-11 12:00 CEST", ""},
	} {
		what := append(strings.Fields(tt.what), "", "")
		var got ack.Deadline
		switch received := german(t, tt.received); what[0] {
		case contrl:
			got = ack.ContrlDeadline(received, what[1])
		case "?":
			got = ack.AperakDeadline(received, "", what[1], what[2])
		default:
			got = ack.AperakDeadline(received, formats.Sparte(what[0]), what[1], what[2])
		}
		want, until := german(t, tt.due), german(t, tt.due)
		if tt.until != "" {
			until = german(t, tt.until)
		}
		if !got.By.Equal(want) || !got.Until.Equal(until) || got.By.Location() != time.UTC {
			t.Errorf("%s received %s: due %v (%s), until %v; want %v, %v", tt.what, tt.received, got.By, got.Rule, got.Until, want, until)
		}
		for _, lang := range []formats.Lang{formats.German, formats.English} {
			if got.Rule.Text(lang) == "" {
				t.Errorf("%s has no text", got.Rule)
			}
		}
	}
}

// german reads a legal German time with its zone.
func german(t *testing.T, s string) time.Time {
	t.Helper()
	zone := map[string]string{"CET": "+01:00", "CEST": "+02:00"}
	date, name := s[:16], s[17:]
	at, err := time.Parse("2006-01-02 15:04Z07:00", date+zone[name])
	if err != nil {
		t.Fatal(err)
	}
	if got := at.In(formats.Berlin).Format("2006-01-02 15:04 MST"); got != s {
		t.Fatalf("%s is %s in Berlin", s, got)
	}
	return at
}
