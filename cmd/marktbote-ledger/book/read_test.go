package book_test

import (
	"encoding/json"
	"math/big"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/marktbote/marktbote/cmd/marktbote-ledger/book"
)

// FuzzRead: whatever a feed sends, reading and computing end without panic, and a document survives being written down.
func FuzzRead(f *testing.F) {
	for _, e := range []string{
		`{"specversion":"1.0","id":"1","source":"urn:mako:strom:lf:1","type":"de.marktbote.meter.energy.received.v1","time":"2026-11-09T09:15:00Z","sparte":"strom","data":{"object":"90000000019","objectKind":"malo","energies":[{"obis":"1-0:1.9.0","value":"612.400","unit":"kWh","quality":{"code":"220"},"interval":{"from":"2026-10-31T23:00:00Z","to":"2026-11-05T23:00:00Z"}}]}}`,
		`{"specversion":"1.0","id":"2","source":"urn:mako:strom:lf:1","type":"de.marktbote.meter.load-profile.received.v1","time":"2026-11-09T09:15:00Z","sparte":"strom","data":{"object":"90000000019","objectKind":"malo","series":[{"obis":"1-0:1.29.0","unit":"kWh","start":"2026-11-01T23:00:00Z","end":"2026-11-01T23:30:00Z","resolution":"PT15M","values":["1","-2.50"],"quality":[{"code":"220","count":2}]}]}}`,
		`{"specversion":"1.0","id":"3","source":"urn:mako:strom:lf:1","type":"de.marktbote.contract.supply-start.confirmed.v1","time":"2026-11-03T09:04:00Z","sparte":"strom","recipient":"1","data":{"maloId":"90000000019","start":"2026-11-04T23:00:00Z","meloIds":["DE"]}}`,
		`{"specversion":"1.0","id":"4","source":"s","type":"de.marktbote.meter.values.reversed.v1","time":"2026-11-03T09:04:00Z","data":{"cancels":"M1"}}`,
	} {
		f.Add([]byte(e))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := book.Read(text)
		if err != nil || d == nil {
			return
		}
		written, err := json.Marshal(d)
		if err != nil {
			t.Skip() // a time beyond the year 9999
		}
		again := new(book.Document)
		if err := json.Unmarshal(written, again); err != nil {
			t.Fatal(err)
		}
		if _, changed := book.Merge(d, again); changed {
			t.Errorf("%s is not what was read", written)
		}
		b := book.New()
		b.Add(d)
		for _, s := range b.Statements(year, book.Filter{}) {
			_ = s.Text()
		}
		b.Usage(year)
	})
}

// TestRefused: what matters and cannot be understood is an error; what does not matter is nothing.
func TestRefused(t *testing.T) {
	t.Parallel()
	good := feed(t, profile("13025", "P1", "2026-12-01 08:00", msb, lfn, malo, "1-0:1.29.0", "2026-11-01", "2026-11-02", viertelstunde, all("1.0")))[0]
	for _, tt := range []struct{ old, new, want string }{
		{`"value`, `"value`, ""},
		{`"testindicator":false`, `"testindicator":true`, "nothing"},
		{`de.marktbote.meter.load-profile.received.v1`, `de.marktbote.message.duplicate.v1`, "nothing"},
		{`de.marktbote.meter`, `com.example.meter`, "nothing"},
		{`received.v1"`, `received.v2"`, "is not known"},
		{`"count":96,"expectedCount"`, `"count":96,"expectedCount"`, ""},
		{`"resolution":"PT15M"`, `"resolution":"PT30M"`, "does not fit together"},
		{`"resolution":"PT15M"`, `"resolution":"P1D"`, "resolution"},
		{`"1.0","1.0"`, `"1.0"`, "does not fit together"},
		{`"1.0","1.0"`, `"1,0","1.0"`, "no decimal"},
		{`"1.0","1.0"`, `1.5,"1.0"`, "cannot unmarshal"},
		{`"specversion":"1.0"`, `"specversion":"2.0"`, "specversion"},
		{`"id":"`, `"x":"`, "no id"},
		{`"data":`, `"dataref":"https://gateway.example/1","x":`, "dataref"},
	} {
		d, err := book.Read([]byte(strings.Replace(good, tt.old, tt.new, 1)))
		switch {
		case tt.want == "" && (err != nil || d == nil), tt.want == "nothing" && (err != nil || d != nil):
			t.Errorf("%s: %v, %v", tt.new, d, err)
		case tt.want != "" && tt.want != "nothing" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: %v, want %q", tt.new, err, tt.want)
		}
	}
}

// TestAmounts compares the arithmetic with that of math/big, and the digits of sums with those of the summands.
func TestAmounts(t *testing.T) {
	t.Parallel()
	number := rapid.StringMatching(`-?[0-9]{1,15}(\.[0-9]{1,6})?`)
	rapid.Check(t, func(t *rapid.T) {
		x, y := number.Draw(t, "x"), number.Draw(t, "y")
		a, errA := book.ParseAmount(x)
		b, errB := book.ParseAmount(y)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		p, _ := new(big.Rat).SetString(x)
		q, _ := new(big.Rat).SetString(y)
		for _, r := range []struct {
			got  book.Amount
			want *big.Rat
		}{{a.Add(b), new(big.Rat).Add(p, q)}, {a.Sub(b), new(big.Rat).Sub(p, q)}, {a.Mul(b), new(big.Rat).Mul(p, q)}} {
			if got, ok := new(big.Rat).SetString(r.got.String()); !ok || got.Cmp(r.want) != 0 {
				t.Errorf("%s, %s: %s, want %s", x, y, r.got, r.want)
			}
		}
		if got := a.Round().String(); got != p.FloatString(0) && got != "0" { // -0
			t.Errorf("%s rounded: %s, want %s", x, got, p.FloatString(0))
		}
		if (p.Cmp(q) == 0) != a.Equal(b) {
			t.Errorf("%s = %s?", x, y)
		}
	})
	for text, want := range map[string]string{"1.50": "1.50", "0.05": "0.05", "-0.5": "-0.5", "007": "7", "": "", ".5": "", "5.": "", "1e5": "", "+1": "", "--1": "", "1,5": ""} {
		a, err := book.ParseAmount(text)
		if (err != nil) != (want == "") || err == nil && a.String() != want {
			t.Errorf("%q: %s, %v", text, a, err)
		}
	}
}

// TestKnownAt: the statement of then, although more is known now.
func TestKnownAt(t *testing.T) {
	t.Parallel()
	recorded := func(at string, m message) string {
		return strings.Replace(feed(t, m)[0], `"sparte"`, `"recordedtime":"`+at+`","sparte"`, 1)
	}
	e := row{obis: "1-0:1.9.0", quality: "220", value: "100.0", from: "2026-11-01", to: "2026-12-01"}
	corrected := e
	corrected.value = "90.0"
	b := bookOf(t,
		recorded("2026-10-20T08:00:00Z", vorgang("55002", "E01", "NB1", "2026-10-20 09:00", nb, lfn, malo, "LF1", begin("2026-11-01"))),
		recorded("2026-12-04T08:00:00Z", values("13019", "7", "M1", "2026-12-04 09:00", msb, lfn, malo, e)),
		recorded("2026-12-10T08:00:00Z", cancel("S1", "2026-12-10 09:00", msb, lfn, malo, "M1")),
		recorded("2026-12-11T08:00:00Z", values("13019", "7", "M2", "2026-12-11 09:00", msb, lfn, malo, corrected)),
	)
	for _, tt := range []struct {
		at, billable string
		state        book.State
	}{{"2026-12-05", "100.0", book.Billable}, {"2026-12-10 12:00", "0", book.Withdrawn}, {"2026-12-12", "90.0", book.Billable}} {
		total(t, b.KnownAt(local(tt.at)), month("2026-11"), lfn, tt.billable, "0", tt.state)
	}
	if n := b.KnownAt(time.Time{}).Len(); n != 0 {
		t.Errorf("%d documents were always known", n)
	}
}

// TestMonthsSumUp: every quantity is in one month, so twelve months are the year. 2026 of quarter hours of 0.125 kWh has
// 365 x 96 = 35040 of them: 4380.000 kWh.
func TestMonthsSumUp(t *testing.T) {
	t.Parallel()
	messages := []message{vorgang("55002", "E01", "NB1", "2025-12-20 09:00", nb, lfn, malo, "LF1", begin("2026-01-01"))}
	for m := 1; m <= 12; m++ {
		from := time.Date(2026, time.Month(m), 1, 0, 0, 0, 0, time.UTC)
		to := from.AddDate(0, 1, 0)
		messages = append(messages, profile("13025", "P"+from.Format("01"), to.Format(time.DateOnly)+" 08:00", msb, lfn, malo, "1-0:1.29.0",
			from.Format(time.DateOnly), to.Format(time.DateOnly), viertelstunde, all("0.125")))
	}
	b := bookOf(t, feed(t, messages...)...)
	var sum book.Amount
	for m := 1; m <= 12; m++ {
		sum = sum.Add(b.Statements(book.MonthOf(2026, time.Month(m)), book.Filter{})[0].Totals[0].Billable)
	}
	if sum.String() != "4380.000" {
		t.Errorf("the months sum up to %s", sum)
	}
	total(t, b, book.Period{First: book.Day{Year: 2026, Month: 1, Day: 1}, Last: book.Day{Year: 2026, Month: 12, Day: 31}}, lfn, "4380.000", "0", book.Billable)
}

// TestBalancedQuantities: a new one stands beside the old one, and neither is added to anything.
func TestBalancedQuantities(t *testing.T) {
	t.Parallel()
	balance := func(id, document, value string) string {
		return `{"specversion":"1.0","id":"` + id + `","source":"urn:mako:strom:lf:` + lfn + `","type":"de.marktbote.balancing.allocation.received.v1",` +
			`"time":"2026-12-09T09:15:00Z","sparte":"strom","sender":"` + nb + `","recipient":"` + lfn + `","pid":"13014","data":{"message":{"document":"` + document +
			`"},"object":"` + malo + `","objectKind":"malo","energies":[{"obis":"1-1:1.98.0","value":"` + value +
			`","unit":"kWh","quality":{"code":"79"},"interval":{"from":"2026-10-31T23:00:00Z","to":"2026-11-30T23:00:00Z"}}]}}`
	}
	s := bookOf(t, balance("1", "B1", "100"), balance("2", "B2", "110")).Statements(month("2026-11"), book.Filter{})[0]
	if len(s.Lines) != 2 || s.Lines[0].Document.Document != "B1" || s.Lines[1].Document.Document != "B2" || len(s.Totals) != 0 {
		t.Errorf("%s", s.Text())
	}
}
