package explain

import (
	"bytes"
	"strings"
	"testing"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/fixtures"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/event"
)

func TestDate(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		sparte                formats.Sparte
		format, value, de, en string
	}{
		{"", "303", "202611042300+00", "05.11.2026 00:00 Uhr (MEZ)", "2026-11-05 00:00 (CET)"},
		{"", "303", "202607042200+00", "05.07.2026 00:00 Uhr (MESZ)", "2026-07-05 00:00 (CEST)"},
		{"", "304", "20261104230030+00", "05.11.2026 00:00:30 Uhr (MEZ)", "2026-11-05 00:00:30 (CET)"},
		{formats.Gas, "303", "202611050500+00", "05.11.2026 06:00 Uhr (MEZ), Gastag 05.11.2026", "2026-11-05 06:00 (CET), gas day 2026-11-05"},
		{formats.Gas, "303", "202611050459+00", "05.11.2026 05:59 Uhr (MEZ), Gastag 04.11.2026", "2026-11-05 05:59 (CET), gas day 2026-11-04"},
		{"", "303", "202613042300+00", "", ""},
		{"", "102", "20261105", "05.11.2026", "2026-11-05"},
		{"", "102", "20261131", "", ""},
		{"", "610", "202611", "November 2026", "November 2026"},
		{"", "610", "202603", "März 2026", "March 2026"},
		{"", "203", "202611050030", "05.11.2026 00:30 Uhr, ohne Zeitzone", "2026-11-05 00:30, no time zone"},
		{"", "106", "0229", "29.02. jedes Jahres", "02-29 of every year"},
		{"", "602", "2026", "Jahr 2026", "year 2026"},
		{"", "501", "08002000", "08:00 bis 20:00 Uhr", "08:00 to 20:00"},
		{"", "401", "ÄÖ", "", ""},
		{"", "802", "3", "3 Monate", "3 months"},
		{"", "Z99", "1", "", ""},
	} {
		for _, w := range []words{{false}, {true}} {
			d := decoder{words: w, sparte: tt.sparte}
			if got, want := d.date(tt.format, tt.value), w.pick(tt.de, tt.en); got != want {
				t.Errorf("%s %s: got %q, want %q", tt.format, tt.value, got, want)
			}
		}
	}
}

func TestIdentifiers(t *testing.T) {
	t.Parallel()
	w := words{}
	for got, want := range map[string]string{
		w.location("51238696781"):                                 "MaLo-ID, Prüfziffer richtig",
		w.location("51238696782"):                                 "MaLo-ID, Prüfziffer falsch: richtig wäre 1",
		w.location("01234567890"):                                 "keine gültige MaLo-ID",
		w.location("E1234848431"):                                 "NeLo-ID, Prüfziffer richtig",
		w.location("DE0005626680200000000000000000123"):           "Zählpunktbezeichnung (MeLo-ID), Form richtig",
		w.location("AT0005626680200000000000000000123"):           "keine gültige Zählpunktbezeichnung",
		w.location("Wohnung 3"):                                   "",
		w.partner("9900123400007"):                                "MP-ID (BDEW), Prüfziffer richtig",
		w.partner("9800012300001"):                                "MP-ID (DVGW), Prüfziffer passt nicht",
		w.partner("99"):                                           "keine MP-ID: es sind nicht 13 Ziffern",
		w.eic("10YDE-EON------1"):                                 "EIC, Prüfziffer richtig",
		w.obis("1-0:1.29.0"):                                      "Wirkarbeit Bezug (+A), Lastgang (kWh)",
		w.obis("1-0:2.8.1"):                                       "Wirkarbeit Lieferung (−A), Zählerstand, Tarif 1 (kWh)",
		w.obis("1-0:1.6.0"):                                       "Wirkleistung Bezug (+A), Maximum (kW)",
		w.obis("7-0:3.0.0") + w.obis("x") + w.obis("1-0:99.99.9"): "",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestAmount(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ value, unit, de, en string }{
		{"0.012", "kWh", "0,012 kWh", "0.012 kWh"}, {"-1234567.50", "EUR", "−1.234.567,50 EUR", "−1,234,567.50 EUR"},
		{"100", "", "", ""}, {"1.5", "", "1,5", ""}, {"1,5", "kWh", "", ""}, {"", "kWh", "", ""}, {"1.", "kWh", "", ""},
	} {
		for _, w := range []words{{false}, {true}} {
			if got, want := w.amount(tt.value, tt.unit), w.pick(tt.de, tt.en); got != want {
				t.Errorf("%s %s: got %q, want %q", tt.value, tt.unit, got, want)
			}
		}
	}
}

// TestUnits compares the units of OBIS numbers with those that the events of the fixtures have.
func TestUnits(t *testing.T) {
	t.Parallel()
	compared := 0
	for _, name := range fixtures.List() {
		if !strings.HasPrefix(name, "valid/mscons-") {
			continue
		}
		data, err := fixtures.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		r := edifact.NewReader(bytes.NewReader(data), edifact.Options{})
		var m edifact.Message
		for r.NextMessage(&m) == nil {
			events, err := event.FromMessage(event.Envelope{Direction: event.In}, r.UNB(), &m)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for _, e := range events {
				meter, ok := e.Data.(*event.Meter)
				if !ok {
					continue
				}
				for _, s := range meter.Series {
					if got := obisUnit(s.OBIS); got != "" && got != s.Unit {
						t.Errorf("%s: %s has the unit %s, in the event %s", name, s.OBIS, got, s.Unit)
					} else if got != "" {
						compared++
					}
				}
			}
		}
	}
	if compared == 0 {
		t.Error("nothing was compared")
	}
}
