package ahb_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/edifact/edifacttest"
	"github.com/marktbote/marktbote/fixtures"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/ahb"
	"github.com/marktbote/marktbote/formats/event"
	"github.com/marktbote/marktbote/formats/mig"
	"github.com/marktbote/marktbote/formats/rules"
)

// received is when the messages of these tests are received.
var received = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

// message reads the first message of an interchange and finds its pack.
func message(tb testing.TB, data []byte) (*edifact.Message, *rules.Pack) {
	tb.Helper()
	m := new(edifact.Message)
	if err := edifact.NewReader(bytes.NewReader(data), edifact.Options{}).NextMessage(m); err != nil {
		tb.Fatal(err)
	}
	unh := m.Segment(1)
	pack, err := rules.Find(unh.Text(3, 1), unh.Text(3, 5), "FV2610")
	if err != nil {
		tb.Fatal(err)
	}
	return m, pack
}

// inputs are the transactions of a placed message.
func inputs(tb testing.TB, m *edifact.Message, p *mig.Placement) (list []ahb.Input) {
	tb.Helper()
	for i, t := range event.Transactions(m) {
		use, err := p.Pack.UseCase(t.Pruefidentifikator.String())
		if err != nil || use == nil {
			tb.Fatalf("%s: %v", t.Pruefidentifikator, err)
		}
		list = append(list, ahb.Input{Pack: p.Pack, UseCase: use, Message: m, Placement: p, Head: i == 0, First: t.First, Last: t.Last,
			Whole: t.First == 1, Number: t.Number, ReceivedAt: received})
	}
	return list
}

// BenchmarkCheck checks a message that has been read: its structure and its transactions.
func BenchmarkCheck(b *testing.B) {
	utilmd, err := fixtures.Read("valid/utilmd-55001.edi")
	if err != nil {
		b.Fatal(err)
	}
	for name, data := range map[string][]byte{"55001": utilmd, "13025x2976": edifacttest.MSCONS(1, 2976)} {
		b.Run(name, func(b *testing.B) {
			m, pack := message(b, data)
			var structure mig.Checker
			var c ahb.Checker
			fail := func(f formats.Finding) { b.Fatal(f.Text) }
			list := inputs(b, m, structure.Check(pack, m, 1, fail))
			b.SetBytes(int64(m.Size()))
			b.ReportAllocs()
			for b.Loop() {
				structure.Check(pack, m, 1, fail)
				for i := range list {
					c.Check(list[i], fail)
				}
			}
		})
	}
}
