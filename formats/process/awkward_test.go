package process_test

import (
	"strings"
	"testing"
	"time"

	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/ack"
	"github.com/marktbote/marktbote/formats/ident"
	"github.com/marktbote/marktbote/formats/process"
)

// berlin reads a legal German time: day, clock, and CET or CEST where the clock change leaves it open.
func berlin(t *testing.T, s string) time.Time {
	t.Helper()
	zone := ""
	for name, offset := range map[string]string{" CEST": "+02:00", " CET": "+01:00"} {
		if cut, ok := strings.CutSuffix(s, name); ok {
			s, zone = cut, offset
		}
	}
	for _, layout := range []string{"2006-01-02 15:04:05.999999", "2006-01-02 15:04", "2006-01-02"} {
		if zone != "" {
			if at, err := time.Parse(layout+"Z07:00", s+zone); err == nil {
				return at
			}
			continue
		}
		if at, err := time.ParseInLocation(layout, s, formats.Berlin); err == nil {
			return at
		}
	}
	t.Fatalf("%q is no time", s)
	return time.Time{}
}

// awkward are instants of receipt that are easily got wrong. Times are legal German time. The five Werktage behind the
// receipt were counted by hand; what is due in Werktage and at a clock follows from them, see TestAwkwardReceipts.
var awkward = []struct {
	why      string
	received string
	werktage string // the first five, month and day
	contrl   string // CONTRL, six hours
	short    string // APERAK of Strom to UTILMD and ORDERS
}{
	// The week: the 45 minutes know Saturday only.
	{"last microsecond of a Friday: still 45 minutes", "2026-05-08 23:59:59.999999", "05-11 05-12 05-13 05-15 05-18", "2026-05-09 05:59:59.999999", "2026-05-09 00:44:59.999999"},
	{"Saturday begins", "2026-05-09 00:00", "05-11 05-12 05-13 05-15 05-18", "2026-05-09 06:00", "2026-05-10 12:00"},
	{"last microsecond of a Saturday", "2026-05-09 23:59:59.999999", "05-11 05-12 05-13 05-15 05-18", "2026-05-10 05:59:59.999999", "2026-05-10 12:00"},
	{"Sunday begins: 45 minutes again", "2026-05-10 00:00", "05-11 05-12 05-13 05-15 05-18", "2026-05-10 06:00", "2026-05-10 00:45"},
	{"Sunday, due before Saturday's", "2026-05-10 11:14", "05-11 05-12 05-13 05-15 05-18", "2026-05-10 17:14", "2026-05-10 11:59"},
	{"Sunday, due together with Saturday's", "2026-05-10 11:15", "05-11 05-12 05-13 05-15 05-18", "2026-05-10 17:15", "2026-05-10 12:00"},
	{"Sunday, Saturday's noon is no limit", "2026-05-10 11:16", "05-11 05-12 05-13 05-15 05-18", "2026-05-10 17:16", "2026-05-10 12:01"},
	{"Sunday noon itself", "2026-05-10 12:00", "05-11 05-12 05-13 05-15 05-18", "2026-05-10 18:00", "2026-05-10 12:45"},

	// Holidays that move.
	{"evening before Good Friday", "2026-04-02 23:59", "04-07 04-08 04-09 04-10 04-13", "2026-04-03 05:59", "2026-04-03 00:44"},
	{"Good Friday: a holiday has 45 minutes too", "2026-04-03 10:00", "04-07 04-08 04-09 04-10 04-13", "2026-04-03 16:00", "2026-04-03 10:45"},
	{"Saturday before Easter, due on Easter Sunday", "2026-04-04 08:00", "04-07 04-08 04-09 04-10 04-13", "2026-04-04 14:00", "2026-04-05 12:00"},
	{"Easter Monday ends", "2026-04-06 23:59", "04-07 04-08 04-09 04-10 04-13", "2026-04-07 05:59", "2026-04-07 00:44"},
	{"before Ascension, Friday is a Werktag", "2026-05-13 12:00", "05-15 05-18 05-19 05-20 05-21", "2026-05-13 18:00", "2026-05-13 12:45"},
	{"Friday before Whitsun", "2026-05-22 18:00", "05-26 05-27 05-28 05-29 06-01", "2026-05-23 00:00", "2026-05-22 18:45"},
	{"Whit Sunday, a holiday in Brandenburg alone", "2026-05-24 09:00", "05-26 05-27 05-28 05-29 06-01", "2026-05-24 15:00", "2026-05-24 09:45"},
	{"before Corpus Christi", "2026-06-03 23:00", "06-05 06-08 06-09 06-10 06-11", "2026-06-04 05:00", "2026-06-03 23:45"},
	{"on Corpus Christi, six Länder", "2026-06-04 07:00", "06-05 06-08 06-09 06-10 06-11", "2026-06-04 13:00", "2026-06-04 07:45"},
	{"before Buß- und Bettag, Saxony alone", "2026-11-17 23:00", "11-19 11-20 11-23 11-24 11-25", "2026-11-18 05:00", "2026-11-17 23:45"},

	// Holidays with a date, and what is none.
	{"1 May on a Friday", "2026-04-30 16:00", "05-04 05-05 05-06 05-07 05-08", "2026-04-30 22:00", "2026-04-30 16:45"},
	{"on 1 May, a Friday", "2026-05-01 08:00", "05-04 05-05 05-06 05-07 05-08", "2026-05-01 14:00", "2026-05-01 08:45"},
	{"before Epiphany, three Länder", "2027-01-05 18:00", "01-07 01-08 01-11 01-12 01-13", "2027-01-06 00:00", "2027-01-05 18:45"},
	{"before Women's Day, two Länder", "2027-03-05 16:00", "03-09 03-10 03-11 03-12 03-15", "2027-03-05 22:00", "2027-03-05 16:45"},
	{"before Assumption, two Länder", "2028-08-14 10:00", "08-16 08-17 08-18 08-21 08-22", "2028-08-14 16:00", "2028-08-14 10:45"},
	{"before Children's Day, Thuringia alone", "2027-09-17 12:00", "09-21 09-22 09-23 09-24 09-27", "2027-09-17 18:00", "2027-09-17 12:45"},
	{"before 8 August: a holiday of one town is none", "2025-08-07 09:00", "08-08 08-11 08-12 08-13 08-14", "2025-08-07 15:00", "2025-08-07 09:45"},
	{"3 October on a Saturday: no other day instead", "2026-10-02 20:00", "10-05 10-06 10-07 10-08 10-09", "2026-10-03 02:00", "2026-10-02 20:45"},
	{"Reformation Day on a Saturday", "2026-10-30 13:00", "11-02 11-03 11-04 11-05 11-06", "2026-10-30 19:00", "2026-10-30 13:45"},
	{"Reformation Day and All Saints in a row", "2028-10-30 09:00", "11-02 11-03 11-06 11-07 11-08", "2028-10-30 15:00", "2028-10-30 09:45"},
	{"before 8 May 2025, Berlin, once only", "2025-05-07 10:00", "05-09 05-12 05-13 05-14 05-15", "2025-05-07 16:00", "2025-05-07 10:45"},
	{"24 December is a holiday", "2026-12-23 10:00", "12-28 12-29 12-30 01-04 01-05", "2026-12-23 16:00", "2026-12-23 10:45"},
	{"24 December begins", "2026-12-24 00:00", "12-28 12-29 12-30 01-04 01-05", "2026-12-24 06:00", "2026-12-24 00:45"},
	{"Christmas on a weekend: Monday is a Werktag", "2027-12-23 12:00", "12-27 12-28 12-29 12-30 01-03", "2027-12-23 18:00", "2027-12-23 12:45"},
	{"the year ends", "2026-12-31 23:59:59.999999", "01-04 01-05 01-07 01-08 01-11", "2027-01-01 05:59:59.999999", "2027-01-01 00:44:59.999999"},
	{"the year begins, in UTC it does not", "2027-01-01 00:00", "01-04 01-05 01-07 01-08 01-11", "2027-01-01 06:00", "2027-01-01 00:45"},
	{"29 February follows", "2028-02-28 15:00", "02-29 03-01 03-02 03-03 03-06", "2028-02-28 21:00", "2028-02-28 15:45"},
	{"29 February", "2028-02-29 12:00", "03-01 03-02 03-03 03-06 03-07", "2028-02-29 18:00", "2028-02-29 12:45"},
	{"no 29 February in 2100", "2100-02-26 12:00", "03-01 03-02 03-03 03-04 03-05", "2100-02-26 18:00", "2100-02-26 12:45"},
	{"the calendar has no last year", "2099-12-23 12:00", "12-28 12-29 12-30 01-04 01-05", "2099-12-23 18:00", "2099-12-23 12:45"},

	// The clock change: hours run, clocks do not.
	{"02:30 for the first time", "2026-10-25 02:30 CEST", "10-26 10-27 10-28 10-29 10-30", "2026-10-25 07:30", "2026-10-25 02:15 CET"},
	{"02:30 for the second time", "2026-10-25 02:30 CET", "10-26 10-27 10-28 10-29 10-30", "2026-10-25 08:30", "2026-10-25 03:15"},
	{"before All Saints, 02:30 for the first time", "2027-10-31 02:30 CEST", "11-02 11-03 11-04 11-05 11-08", "2027-10-31 07:30", "2027-10-31 02:15 CET"},
	{"Saturday before the autumn change", "2026-10-24 23:00", "10-26 10-27 10-28 10-29 10-30", "2026-10-25 04:00", "2026-10-25 12:00"},
	{"last second before the spring change, Easter Sunday", "2027-03-28 01:59:59", "03-30 03-31 04-01 04-02 04-05", "2027-03-28 08:59:59", "2027-03-28 03:44:59"},
	{"02:30 by a clock that was not put forward", "2027-03-28 02:30 CET", "03-30 03-31 04-01 04-02 04-05", "2027-03-28 09:30", "2027-03-28 04:15"},
	{"Saturday before the spring change", "2026-03-28 23:30", "03-30 03-31 04-01 04-02 04-07", "2026-03-29 06:30", "2026-03-29 12:00"},

	// Clocks, midnights and the day of Gas.
	{"06:00, the clock of 55004, is a day too early", "2026-11-23 06:00", "11-24 11-25 11-26 11-27 11-30", "2026-11-23 12:00", "2026-11-23 06:45"},
	{"11:00, the clock of 55001", "2026-11-23 11:00", "11-24 11-25 11-26 11-27 11-30", "2026-11-23 17:00", "2026-11-23 11:45"},
	{"12:00, the clock of APERAK", "2026-11-23 12:00", "11-24 11-25 11-26 11-27 11-30", "2026-11-23 18:00", "2026-11-23 12:45"},
	{"last microsecond before midnight, summer", "2026-07-14 23:59:59.999999", "07-15 07-16 07-17 07-20 07-21", "2026-07-15 05:59:59.999999", "2026-07-15 00:44:59.999999"},
	{"midnight: 22:00 UTC of the day before", "2026-07-15 00:00", "07-16 07-17 07-20 07-21 07-22", "2026-07-15 06:00", "2026-07-15 00:45"},
	{"02:00: midnight UTC", "2026-07-15 02:00", "07-16 07-17 07-20 07-21 07-22", "2026-07-15 08:00", "2026-07-15 02:45"},
	{"Saturday by the German clock, Friday in UTC", "2026-07-18 00:30", "07-20 07-21 07-22 07-23 07-24", "2026-07-18 06:30", "2026-07-19 12:00"},
	{"Sunday by the German clock, Saturday in UTC", "2026-07-19 00:30", "07-20 07-21 07-22 07-23 07-24", "2026-07-19 06:30", "2026-07-19 01:15"},
	{"05:59, by the Gastag still Monday: the calendar day counts", "2026-11-24 05:59", "11-25 11-26 11-27 11-30 12-01", "2026-11-24 11:59", "2026-11-24 06:44"},
	{"06:00, the Gastag changes", "2026-11-24 06:00", "11-25 11-26 11-27 11-30 12-01", "2026-11-24 12:00", "2026-11-24 06:45"},

	// A new format version.
	{"CONTRL due a microsecond before the tolerance", "2026-03-31 11:59:59.999999", "04-01 04-02 04-07 04-08 04-09", "2026-03-31 17:59:59.999999", "2026-03-31 12:44:59.999999"},
	{"CONTRL due as the tolerance begins", "2026-03-31 12:00", "04-01 04-02 04-07 04-08 04-09", "2026-03-31 18:00", "2026-03-31 12:45"},
	{"45 minutes end with the old version", "2026-09-30 23:15", "10-01 10-02 10-05 10-06 10-07", "2026-10-01 05:15", "2026-10-01 00:00"},
	{"CONTRL due a minute before the tolerance ends", "2026-10-01 17:59", "10-02 10-05 10-06 10-07 10-08", "2026-10-01 23:59", "2026-10-01 18:44"},
	{"CONTRL due when the tolerance is over", "2026-10-01 18:00", "10-02 10-05 10-06 10-07 10-08", "2026-10-02 00:00", "2026-10-01 18:45"},
	{"a new version on 6 June 2025, which was no Werktag", "2025-06-05 17:15", "06-10 06-11 06-12 06-13 06-16", "2025-06-05 23:15", "2025-06-05 18:00"},
}

// tolerances are the windows in which CONTRL and APERAK may be late, by the documents.
var tolerances = [][2]string{
	{"2025-06-05 18:00", "2025-06-07 00:00"}, {"2025-09-30 18:00", "2025-10-02 00:00"}, {"2026-03-31 18:00", "2026-04-02 00:00"},
	{"2026-09-30 18:00", "2026-10-02 00:00"},
}

// ends: until when a deadline on a Werktag runs, as the number of the Werktag and the clock; 24:00 is the end of it.
var ends = []struct {
	pid     ident.Pruefidentifikator
	code    string // BGM 1001
	werktag int
	clock   string
}{
	{"55007", "E02", 1, "05:00"}, {"55004", "E02", 1, "06:00"}, {"55001", "E01", 1, "11:00"}, {"55077", "E01", 1, "11:00"},
	{"55016", "E35", 1, "24:00"}, {"55168", "Z14", 1, "24:00"}, {"17115", "Z51", 1, "24:00"}, {"17133", "Z74", 2, "24:00"},
	{"55218", "Z88", 2, "24:00"}, {"13019", "Z41", 2, "24:00"}, {"55039", "E35", 3, "24:00"}, {"17116", "Z53", 3, "24:00"},
	{"35001", "Z29", 4, "24:00"}, {"55042", "E01", 5, "24:00"}, {"25001", "Z36", 5, "24:00"},
	{"44013", "E01", 2, "24:00"}, {"44004", "E02", 3, "24:00"}, {"44007", "E02", 3, "24:00"}, {"44010", "E02", 3, "24:00"},
	{"44016", "E35", 3, "24:00"}, {"44001", "E01", 4, "24:00"},
}

// TestAwkwardReceipts compares every deadline of CONTRL and APERAK, and those of processes in both Sparten, with what
// was worked out by hand.
func TestAwkwardReceipts(t *testing.T) {
	t.Parallel()
	if len(awkward) < 40 {
		t.Fatalf("%d instants", len(awkward))
	}
	for _, tt := range awkward {
		received := berlin(t, tt.received)
		want := func(what string, got time.Time, at time.Time) {
			t.Helper()
			if !got.Equal(at) || got.Location() != time.UTC {
				t.Errorf("%s, received %s: %s due %v, want %v", tt.why, tt.received, what, got.In(formats.Berlin), at)
			}
		}
		werktage := strings.Fields(tt.werktage)
		on := func(n int, clock string) time.Time {
			year := tt.received[:4]
			if werktage[n-1] < tt.received[5:10] {
				year = berlin(t, tt.received[:4]+"-12-31").AddDate(0, 0, 1).Format("2006")
			}
			if clock == "24:00" {
				y, m, d := berlin(t, year+"-"+werktage[n-1]).Date()
				return time.Date(y, m, d+1, 0, 0, 0, 0, formats.Berlin)
			}
			return berlin(t, year+"-"+werktage[n-1]+" "+clock)
		}
		acknowledgement := func(what string, got ack.Deadline, at time.Time) {
			t.Helper()
			want(what, got.By, at)
			until := at
			for _, w := range tolerances {
				if from, to := berlin(t, w[0]), berlin(t, w[1]); !at.Before(from) && at.Before(to) {
					until = to
				}
			}
			want(what+", with the tolerance", got.Until, until)
		}

		acknowledgement("CONTRL", ack.ContrlDeadline(received, "UTILMD"), berlin(t, tt.contrl))
		for _, x := range []struct {
			sparte    formats.Sparte
			kind, pid string
			at        time.Time
		}{
			{formats.Strom, "UTILMD", "55001", berlin(t, tt.short)}, {formats.Strom, "ORDERS", "17004", berlin(t, tt.short)},
			{formats.Strom, "MSCONS", "13025", on(1, "12:00")}, {formats.Strom, "ORDRSP", "19001", on(1, "12:00")},
			{formats.Gas, "UTILMD", "44002", on(1, "12:00")}, {formats.Gas, "ORDERS", "17101", on(1, "12:00")},
			{formats.Gas, "UTILMD", "44001", on(3, "24:00")}, {formats.Gas, "UTILMD", "44042", on(3, "24:00")},
		} {
			acknowledgement("APERAK to "+string(x.sparte)+" "+x.kind+" "+x.pid, ack.AperakDeadline(received, x.sparte, x.kind, x.pid), x.at)
		}

		for _, x := range ends {
			e, ok := process.Lookup(x.pid)
			if !ok {
				t.Fatal(x.pid)
			}
			f := process.Facts{Sparte: e.Sparten[0], Code: x.code}
			got, ok := e.Due.Due(received, f)
			if !ok {
				t.Errorf("%s has no deadline", x.pid)
				continue
			}
			want(string(x.pid), got, on(x.werktag, x.clock))
		}

		// The old supplier's clock runs from the receipt of the Anmeldung, whenever he was asked.
		old, _ := process.Lookup("55010")
		got, _ := old.Due.Due(received.Add(20*time.Hour), process.Facts{Dates: []process.Date{{Qualifier: "154", At: received}}})
		want("55010", got, on(1, "09:00"))

		// Basic supply that is to begin: the same day at 15:00, though that may be over. In the past: the next Werktag.
		basic, _ := process.Lookup("55013")
		y, m, d := received.In(formats.Berlin).Date()
		for _, x := range []struct {
			begins time.Time
			at     time.Time
		}{
			{received.AddDate(0, 0, 7), time.Date(y, m, d, 15, 0, 0, 0, formats.Berlin)},
			{received.AddDate(0, 0, -7), on(1, "15:00")},
		} {
			got, _ := basic.Due.Due(received, process.Facts{Code: "E01", Dates: []process.Date{{Qualifier: "92", At: x.begins}}})
			want("55013", got, x.at)
		}
	}
}

// TestReceiversSparte: between the Sparten the rules of the receiver hold.
func TestReceiversSparte(t *testing.T) {
	t.Parallel()
	const strom, gas = ident.MarktpartnerID("9900001000005"), ident.MarktpartnerID("9800001000007")
	for _, tt := range []struct {
		why            string
		receiver       ident.MarktpartnerID
		kind, pid      string
		received, want string
	}{
		{"MSB of Gas asks an NB of Strom", strom, "ORDERS", "17104", "2026-05-08 10:00", "2026-05-08 10:45"},
		{"its answer", gas, "UTILMD", "55194", "2026-05-08 10:00", "2026-05-11 12:00"},
		{"on a Saturday, to Strom", strom, "ORDERS", "17104", "2026-05-09 10:00", "2026-05-10 12:00"},
		{"on a Saturday, to Gas", gas, "UTILMD", "55194", "2026-05-09 10:00", "2026-05-11 12:00"},
		{"fault report to Strom", strom, "INSRPT", "23001", "2026-12-23 10:00", "2026-12-28 12:00"},
		{"fault report to Gas", gas, "INSRPT", "23001", "2026-12-23 10:00", "2026-12-28 12:00"},
	} {
		got := ack.AperakDeadline(berlin(t, tt.received), tt.receiver.Sparte(), tt.kind, tt.pid)
		if !got.By.Equal(berlin(t, tt.want)) {
			t.Errorf("%s, received %s: due %v, want %s", tt.why, tt.received, got.By.In(formats.Berlin), tt.want)
		}
	}
	for pid, receiver := range map[ident.Pruefidentifikator]ident.MarktpartnerID{"17115": gas, "31002": gas, "23001": gas} {
		e, _ := process.Lookup(pid)
		f := process.Facts{Sparte: receiver.Sparte(), Metering: "iMS", Dates: []process.Date{{Qualifier: "265", At: berlin(t, "2026-06-01")}}}
		if got, ok := e.Due.Due(berlin(t, "2026-05-08 10:00"), f); ok {
			t.Errorf("%s to Gas is due %v, by a rule of Strom", pid, got)
		}
	}
}
