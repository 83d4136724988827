package book_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/marktbote/marktbote/cmd/marktbote-ledger/book"
)

var update = flag.Bool("update", false, "write the golden statements anew")

const viertelstunde = 15 * time.Minute

// golden compares text with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// total checks the first total of the first statement, worked out by hand where the test is.
func total(t *testing.T, b *book.Book, p book.Period, own, billable, provisional string, state book.State) {
	t.Helper()
	list := b.Statements(p, book.Filter{MPID: own})
	if len(list) == 0 || len(list[0].Totals) == 0 {
		t.Fatalf("no total for %s", own)
	}
	x := list[0].Totals[0]
	if x.Billable.String() != billable || x.Provisional.String() != provisional || list[0].State != state {
		t.Errorf("%s: billable %s, provisional %s, %s; want %s, %s, %s", own, x.Billable, x.Provisional, list[0].State, billable, provisional, state)
	}
}

func month(text string) book.Period {
	p, err := book.ParseMonth(text)
	if err != nil {
		panic(err)
	}
	return p
}

// TestSLPYear: the supplier changes in the middle of the year. The metering point operator cuts the energy at New Year and
// at the change.
//
//	old supplier   1.10.2025 to 31.12.2025    612.400 kWh
//	               1.1.2026  to 4.11.2026    2911.250 kWh (sent as 2911.25)
//	                                         -----------
//	                                         3523.650 kWh
//	new supplier   5.11.2026 to 31.12.2026    480.1 kWh, a substitute value: billable
func TestSLPYear(t *testing.T) {
	t.Parallel()
	b := bookOf(t, feed(t,
		vorgang("55002", "E01", "NB1", "2025-09-20 09:00", nb, lfa, malo, "LF1", begin("2025-10-01")),
		values("13019", "7", "M1", "2026-01-09 09:00", msb, lfa, malo, row{obis: "1-0:1.9.0", quality: "220", value: "612.400", from: "2025-10-01", to: "2026-01-01"}),
		vorgang("55002", "E01", "NB2", "2026-11-03 09:04", nb, lfn, malo, "LF2", begin("2026-11-05")),
		vorgang("55037", "E02", "NB3", "2026-11-03 09:04", nb, lfa, malo, "", ends("2026-11-05")),
		values("13019", "7", "M2", "2026-11-09 09:15", msb, lfa, malo, row{obis: "1-0:1.9.0", quality: "220", value: "2911.25", from: "2026-01-01", to: "2026-11-05"}),
		values("13019", "7", "M3", "2027-01-12 09:15", msb, lfn, malo, row{obis: "1-0:1.9.0", quality: "67", value: "480.1", from: "2026-11-05", to: "2027-01-01"}),
	)...)
	total(t, b, year, lfa, "3523.650", "0", book.Billable)
	total(t, b, year, lfn, "480.1", "0", book.Billable)
	golden(t, "slp-year", texts(b, year))

	// What falls due in a month is what ends in it: nothing of the old supplier in October, all of 2026 in November.
	if s := b.Statements(month("2026-10"), book.Filter{MPID: lfa})[0]; s.State != "" || len(s.Totals) != 0 {
		t.Errorf("October: %s", s.Text())
	}
	total(t, b, month("2026-11"), lfa, "2911.25", "0", book.Billable)
}

// TestRLMMonth: a month of quarter hours, with values that were preliminary, then substituted, then one of them read out.
//
//	November has 30 x 96 = 2880 quarter hours of 10.000 kWh           28800.000
//	on the 10th four of them, 12:00 to 13:00, are preliminary 8.000     -40.000 billable, 32.000 provisional
//	    on 1 December                                                 28760.000 billable, 32.000 provisional
//	5 December: the four are substituted by 9.500                     28760.000 + 38.000 = 28798.000
//	7 December: the first of them is 10.000 in truth                  28798.000 -  9.500 + 10.000 = 28798.500
//	Energy of the month: 28792.000 preliminary, 28798.500 in the end; maximum 40 kW (10.000 kWh in a quarter of an hour).
func TestRLMMonth(t *testing.T) {
	t.Parallel()
	four := func(document, at string, first, rest string, qFirst, qRest string) message {
		return profile("13025", document, at, msb, lfn, malo, "1-0:1.29.0", "2026-11-10", "2026-11-11", viertelstunde, func(i int) (string, string) {
			switch i {
			case 48:
				return first, qFirst
			case 49, 50, 51:
				return rest, qRest
			}
			return "10.000", "220"
		})
	}
	messages := []message{vorgang("55002", "E01", "NB1", "2026-10-20 09:00", nb, lfn, malo, "LF1", begin("2026-11-01"))}
	for day := 1; day <= 30; day++ {
		from := time.Date(2026, 11, day, 0, 0, 0, 0, time.UTC)
		to := from.AddDate(0, 0, 1)
		if day != 10 {
			messages = append(messages, profile("13025", "P"+from.Format("0102"), to.Format(time.DateOnly)+" 08:00", msb, lfn, malo, "1-0:1.29.0",
				from.Format(time.DateOnly), to.Format(time.DateOnly), viertelstunde, all("10.000")))
		}
	}
	energy := func(document, at, value, quality string) message {
		return values("13016", "Z28", document, at, msb, lfn, malo,
			row{obis: "1-0:1.9.0", quality: quality, value: value, from: "2026-11-01", to: "2026-12-01"},
			row{obis: "1-0:1.6.0", quality: quality, value: "40.000", month: "2026-11"})
	}
	messages = append(messages, four("P1110", "2026-11-11 08:00", "8.000", "8.000", "Z18", "Z18"), energy("E1", "2026-12-01 10:00", "28792.000", "Z18"))
	b := bookOf(t, feed(t, messages...)...)
	golden(t, "rlm-month-preliminary", texts(b, month("2026-11")))

	messages = append(messages,
		four("P1110-2", "2026-12-05 08:00", "9.500", "9.500", "67", "67"),
		four("P1110-3", "2026-12-07 08:00", "10.000", "9.500", "220", "67"),
		cancel("S1", "2026-12-07 10:00", msb, lfn, malo, "E1"), energy("E2", "2026-12-07 10:05", "28798.500", "67"))
	b = bookOf(t, feed(t, messages...)...)
	total(t, b, month("2026-11"), lfn, "28798.500", "0", book.Billable)
	golden(t, "rlm-month-final", texts(b, month("2026-11")))
}

// TestProfileAlone: the totals of the RLM month without the monthly energy, from the profile.
func TestProfileAlone(t *testing.T) {
	t.Parallel()
	b := bookOf(t, feed(t,
		vorgang("55002", "E01", "NB1", "2026-10-20 09:00", nb, lfn, malo, "LF1", begin("2026-11-01")),
		profile("13025", "P1", "2026-12-01 08:00", msb, lfn, malo, "1-0:1.29.0", "2026-11-01", "2026-12-01", viertelstunde, func(i int) (string, string) {
			if i >= 912 && i < 916 { // 9 days of 96 and 48 quarter hours
				return "8.000", "Z18"
			}
			return "10.000", "220"
		}),
	)...)
	total(t, b, month("2026-11"), lfn, "28760.000", "32.000", book.Preliminary)
}

// TestTariffRegisters: an iMS with two tariffs and feed-in.
//
//	high 312.500 + low 188.250 = 500.750 kWh from the grid, 41.000 kWh into it
func TestTariffRegisters(t *testing.T) {
	t.Parallel()
	b := bookOf(t, feed(t,
		vorgang("55002", "E01", "NB1", "2026-10-20 09:00", nb, lfn, malo, "LF1", begin("2026-11-01")),
		values("13019", "7", "M1", "2026-12-04 09:00", msb, lfn, malo,
			row{obis: "1-0:1.9.1", quality: "220", value: "312.500", from: "2026-11-01", to: "2026-12-01"},
			row{obis: "1-0:1.9.2", quality: "67", value: "188.250", from: "2026-11-01", to: "2026-12-01"},
			row{obis: "1-0:2.9.0", quality: "220", value: "41.000", from: "2026-11-01", to: "2026-12-01"}),
	)...)
	total(t, b, month("2026-11"), lfn, "500.750", "0", book.Billable)
	golden(t, "ims-tariffs", texts(b, month("2026-11")))

	// With the total register beside the tariffs nothing counts twice.
	b = bookOf(t, feed(t,
		vorgang("55002", "E01", "NB1", "2026-10-20 09:00", nb, lfn, malo, "LF1", begin("2026-11-01")),
		values("13019", "7", "M1", "2026-12-04 09:00", msb, lfn, malo,
			row{obis: "1-0:1.9.0", quality: "220", value: "500.750", from: "2026-11-01", to: "2026-12-01"},
			row{obis: "1-0:1.9.1", quality: "220", value: "312.500", from: "2026-11-01", to: "2026-12-01"},
			row{obis: "1-0:1.9.2", quality: "220", value: "188.250", from: "2026-11-01", to: "2026-12-01"}),
	)...)
	total(t, b, month("2026-11"), lfn, "500.750", "0", book.Billable)
}

// TestGasSLP: two readings, Zustandszahl and calorific value explain the energy.
//
//	volume  6234.00 - 5000.00 = 1234.00 m3
//	1234 x 0.9512 = 1173.7808
//	1173.7808 x 11.413 = 1173.7808 x 11 + 1173.7808 x 0.413 = 12911.5888 + 484.7714704 = 13396.3602704
//	rounded to whole kWh: 13396
func TestGasSLP(t *testing.T) {
	t.Parallel()
	const from, to = "2025-10-01 06:00", "2026-10-01 06:00"
	start := vorgang("44002", "E01", "NB1", "2025-09-20 09:00", gasNB, gasLF, gasMaLo, "LF1", begin(from))
	start.body += "{MELO}"
	b := bookOf(t, feed(t, start,
		values("13002", "7", "Z1", "2025-10-08 09:00", gasNB, gasLF, gasMeLo, row{obis: "7-0:3.0.0", quality: "220", value: "5000.00", at: from}),
		values("13002", "7", "Z2", "2026-10-08 09:00", gasNB, gasLF, gasMeLo,
			row{obis: "7-0:3.0.0", quality: "220", value: "6234.00", at: to},
			row{obis: "7-0:52.0.22", quality: "220", value: "0.9512", from: from, to: to},
			row{obis: "7-0:54.0.22", quality: "220", value: "11.413", from: from, to: to}),
		values("13009", "7", "E1", "2026-10-08 09:01", gasNB, gasLF, gasMaLo, row{obis: "7-0:33.86.0", quality: "220", value: "13396", from: from, to: to}),
	)...)
	p, err := book.ParsePeriod("2025-10-01", "2026-09-30")
	if err != nil {
		t.Fatal(err)
	}
	total(t, b, p, gasLF, "13396", "0", book.Billable)
	text := texts(b, p)
	golden(t, "gas-slp", text)
	if !strings.Contains(text, "stimmt") {
		t.Error("the readings do not explain the energy")
	}
}

// TestGasRLM: March 2026 has 31 gas days; the one that begins on Saturday, 28 March, has 23 hours:
//
//	30 x 24 + 23 = 743 hours
//	channel 10, preliminary calorific value: 743 x 99  = 73557 kWh
//	channel 20, billing calorific value:     743 x 100 = 74300 kWh
func TestGasRLM(t *testing.T) {
	t.Parallel()
	const from, to = "2026-03-01 06:00", "2026-04-01 06:00"
	channel := func(document, at, obis, value string) message {
		return profile("13008", document, at, gasNB, gasLF, gasMaLo, obis, from, to, time.Hour, all(value))
	}
	messages := []message{
		vorgang("44002", "E01", "NB1", "2026-02-10 09:00", gasNB, gasLF, gasMaLo, "LF1", begin("2026-03-01 06:00")),
		channel("P10", "2026-04-01 09:00", "7-10:99.33.17", "99"),
	}
	b := bookOf(t, feed(t, messages...)...)
	total(t, b, month("2026-03"), gasLF, "0", "73557", book.Preliminary)
	golden(t, "gas-rlm-preliminary", texts(b, month("2026-03")))
	b = bookOf(t, feed(t, append(messages, channel("P20", "2026-04-12 09:00", "7-20:99.33.17", "100"))...)...)
	total(t, b, month("2026-03"), gasLF, "74300", "0", book.Billable)
	golden(t, "gas-rlm", texts(b, month("2026-03")))
}

// TestClockChange: every quarter hour has 0.250 kWh.
//
//	March 2026:   31 x 96 - 4 = 2972 quarter hours   743.000 kWh
//	October 2026: 31 x 96 + 4 = 2980 quarter hours   745.000 kWh
//
// and gas of 10 kWh in every hour; the long gas day is the one of Saturday, 24 October 2026:
//
//	October 2026: 30 x 24 + 25 = 745 hours          7450 kWh
func TestClockChange(t *testing.T) {
	t.Parallel()
	b := bookOf(t, feed(t,
		vorgang("55002", "E01", "NB1", "2026-02-10 09:00", nb, lfn, malo, "LF1", begin("2026-03-01")),
		profile("13025", "P03", "2026-04-01 08:00", msb, lfn, malo, "1-0:1.29.0", "2026-03-01", "2026-04-01", viertelstunde, all("0.250")),
		profile("13025", "P10", "2026-11-01 08:00", msb, lfn, malo, "1-0:1.29.0", "2026-10-01", "2026-11-01", viertelstunde, all("0.250")),
		vorgang("44002", "E01", "NB1", "2026-02-10 09:00", gasNB, gasLF, gasMaLo, "LF1", begin("2026-03-01 06:00")),
		profile("13008", "G10", "2026-11-02 08:00", gasNB, gasLF, gasMaLo, "7-20:99.33.17", "2026-10-01 06:00", "2026-11-01 06:00", time.Hour, all("10")),
	)...)
	total(t, b, month("2026-03"), lfn, "743.000", "0", book.Billable)
	total(t, b, month("2026-10"), lfn, "745.000", "0", book.Billable)
	total(t, b, month("2026-10"), gasLF, "7450", "0", book.Billable)
	golden(t, "clock-change", texts(b, month("2026-03"))+"\n"+texts(b, month("2026-10")))

	// The days of the change, quarter hours and hours: 92, 100 and 25.
	for _, x := range []struct {
		own, day string
		count    int
		energy   string
	}{{lfn, "2026-03-29", 92, "23.000"}, {lfn, "2026-10-25", 100, "25.000"}, {gasLF, "2026-10-24", 25, "250"}, {gasLF, "2026-10-25", 24, "240"}} {
		p, err := book.ParsePeriod(x.day, x.day)
		if err != nil {
			t.Fatal(err)
		}
		s := b.Statements(p, book.Filter{MPID: x.own})[0]
		if n := s.Lines[0].Values; n.Expected != x.count || n.True != x.count || s.Totals[0].Billable.String() != x.energy {
			t.Errorf("%s: %+v, %s kWh; want %d values, %s kWh", x.day, n, s.Totals[0].Billable, x.count, x.energy)
		}
	}
}

// TestCancellationGap: between cancellation and replacement there is no value. 2911.25 kWh are withdrawn; 2890.75 kWh come
// instead, 20.50 kWh less.
func TestCancellationGap(t *testing.T) {
	t.Parallel()
	messages := []message{
		vorgang("55002", "E01", "NB1", "2025-09-20 09:00", nb, lfa, malo, "LF1", begin("2026-01-01")),
		vorgang("55037", "E02", "NB3", "2026-11-03 09:04", nb, lfa, malo, "", ends("2026-11-05")),
		values("13019", "7", "M2", "2026-11-09 09:15", msb, lfa, malo, row{obis: "1-0:1.9.0", quality: "220", value: "2911.25", from: "2026-01-01", to: "2026-11-05"}),
		cancel("S2", "2026-11-12 08:00", msb, lfa, malo, "M2"),
	}
	b := bookOf(t, feed(t, messages...)...)
	total(t, b, month("2026-11"), lfa, "0", "0", book.Withdrawn)
	golden(t, "gap", texts(b, month("2026-11")))
	b = bookOf(t, feed(t, append(messages, values("13019", "7", "M4", "2026-11-13 08:00", msb, lfa, malo,
		row{obis: "1-0:1.9.0", quality: "220", value: "2890.75", from: "2026-01-01", to: "2026-11-05"}))...)...)
	total(t, b, month("2026-11"), lfa, "2890.75", "0", book.Billable)
	golden(t, "gap-closed", texts(b, month("2026-11")))
}

// supplied tells the supplies of a period as days.
func supplied(b *book.Book, own string) (out []string) {
	for _, s := range b.Statements(year, book.Filter{MPID: own}) {
		for _, x := range s.Supplies {
			out = append(out, x.FirstDay.String()+" "+x.LastDay.String()+" "+string(x.Kind))
		}
	}
	return out
}

// TestSupplies: what the stories leave of the supplies.
func TestSupplies(t *testing.T) {
	t.Parallel()
	all := stories(t)
	for _, tt := range []struct {
		story, own string
		want       []string
		months     map[string]int // contracts by month
	}{
		// The first confirmation was cancelled; the second holds from 1 November 2025 until the later of two ends,
		// which names no point, as 55005 does: 1 September 2026.
		{"contract", lfn, []string{"2025-11-01 2026-08-31 contract"}, map[string]int{"2025-10": 0, "2025-11": 1, "2026-08": 1, "2026-09": 0}},
		{"never begun", lfn, []string{"2025-10-01 2026-08-31 contract"}, map[string]int{"2026-08": 1, "2026-09": 0, "2026-10": 0}},
		// The future assignment of 1 October was overtaken by another supplier; basic supply until then.
		{"overtaken", lfa, []string{"2026-09-16 2026-09-27 basic"}, map[string]int{"2026-08": 0, "2026-09": 1, "2026-10": 0}},
		{"overtaken", lfn, []string{"2026-09-28 2026-12-31 contract"}, map[string]int{"2026-09": 1, "2026-10": 1}},
	} {
		b := bookOf(t, feed(t, withOwn(all[tt.story])...)...)
		if diff := cmp.Diff(tt.want, supplied(b, tt.own)); diff != "" {
			t.Errorf("%s, %s (-want +got):\n%s", tt.story, tt.own, diff)
		}
		for m, want := range tt.months {
			got := 0
			for _, u := range b.Usage(month(m)) {
				if u.MPID == tt.own {
					got = u.Contracts
				}
			}
			if got != want {
				t.Errorf("%s, %s: %d contracts in %s, want %d", tt.story, tt.own, got, m, want)
			}
		}
	}
}

// TestRequestAlone: what was asked for and not confirmed is no supply, even if values come.
func TestRequestAlone(t *testing.T) {
	t.Parallel()
	asked := vorgang("55001", "E01", "LF1", "2026-10-20 09:00", lfn, nb, malo, "", begin("2026-11-01"))
	asked.own = lfn
	b := bookOf(t, feed(t, asked,
		values("13019", "7", "M1", "2026-12-04 09:00", msb, lfn, malo, row{obis: "1-0:1.9.0", quality: "220", value: "1.5", from: "2026-11-01", to: "2026-12-01"}))...)
	total(t, b, month("2026-11"), lfn, "0", "0", book.Outside)
	if u := b.Usage(month("2026-11")); len(u) != 0 {
		t.Errorf("contracts: %+v", u)
	}
}

// TestNewestVersionHolds: the document time decides, neither the number nor the order of arrival. 96 x 2.0 = 192.0 kWh, and the
// supply ends with the later document.
func TestNewestVersionHolds(t *testing.T) {
	t.Parallel()
	day := func(document, at, value string) message {
		return profile("13025", document, at, msb, lfn, malo, "1-0:1.29.0", "2026-11-30", "2026-12-01", viertelstunde, all(value))
	}
	b := bookOf(t, feed(t,
		day("A", "2026-12-05 08:00", "2.0"), day("Z", "2026-12-02 08:00", "1.0"),
		vorgang("55037", "E02", "A1", "2026-12-09 09:00", nb, lfn, malo, "", ends("2026-12-20")),
		vorgang("55002", "E01", "Z1", "2026-10-20 09:00", nb, lfn, malo, "LF1", begin("2026-11-30")),
	)...)
	total(t, b, month("2026-11"), lfn, "192.0", "0", book.Billable)
	if diff := cmp.Diff([]string{"2026-11-30 2026-12-19 contract"}, supplied(b, lfn)); diff != "" {
		t.Error(diff)
	}
}
