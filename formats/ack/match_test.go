package ack_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/marktbote/marktbote/formats/ack"
)

func TestMatch(t *testing.T) {
	t.Parallel()
	const us, them = "9900123400007", "9900987600009"
	at := time.Date(2026, 4, 5, 8, 15, 30, 0, time.UTC)
	sent := []ack.Sent{
		{Sender: us, Receiver: them, ControlRef: "R1", CreatedAt: at, Messages: []ack.SentMessage{
			{Reference: "1", Document: "D1", Transactions: []string{"V1", "V2"}},
		}},
		{Sender: us, Receiver: "9900000000000", ControlRef: "R2", CreatedAt: at},
		{Sender: us, Receiver: them, ControlRef: "R2", CreatedAt: at, Messages: []ack.SentMessage{
			{Reference: "1", Document: "D2"}, {Reference: "2", Document: "D3"},
		}},
		{Sender: us, Receiver: them, ControlRef: "R2", CreatedAt: at.Add(time.Hour), Messages: []ack.SentMessage{ // sent again
			{Reference: "1", Document: "D2"}, {Reference: "2", Document: "D3"},
		}},
	}
	contrl := func(ref, from, to string, messages ...string) *ack.Contrl {
		c := &ack.Contrl{ControlRef: ref, Sender: ack.Party{ID: from}, Receiver: ack.Party{ID: to}}
		for _, m := range messages {
			c.Messages = append(c.Messages, ack.ContrlMessage{Reference: m})
		}
		return c
	}
	aperak := func(ref, message, document, transaction string, times ...time.Time) *ack.Aperak {
		a := &ack.Aperak{ControlRef: ref, Sender: ack.Party{ID: them}, Receiver: ack.Party{ID: us}, Message: message, Document: document, Transaction: transaction}
		for _, t := range times {
			a.FileCreatedAt = t
		}
		return a
	}
	other := aperak("R1", "", "D1", "V1")
	other.Errors = []ack.ApplicationError{{}, {Transaction: "V2"}, {Transaction: "V9"}}
	strange := aperak("R1", "", "D1", "V1")
	strange.Sender.ID = "9900000000000"
	minute := at.Truncate(time.Minute)
	for _, tt := range []struct {
		name   string
		answer ack.Answer
		want   ack.Matched
	}{
		{"CONTRL on a file", contrl("R1", us, them), ack.Matched{File: 0}},
		{"turned round", contrl("R1", them, us), ack.Matched{File: 0, Swapped: true}},
		{"the last of equals", contrl("R2", us, them), ack.Matched{File: 3}},
		{"on messages", contrl("R2", us, them, "2", "7"), ack.Matched{File: 3, Places: []ack.Place{{Message: 1, Transaction: -1}}, Unknown: []string{"7"}}},
		{"unknown reference", contrl("R9", us, them), ack.Matched{File: -1}},
		{"another sender", contrl("R1", us, "9900000000000"), ack.Matched{File: -1}},

		{"APERAK on a transaction, form up to 2.1i", aperak("R1", "1", "D1", "V2", minute), ack.Matched{File: 0, Places: []ack.Place{{Message: 0, Transaction: 1}}}},
		{"form from 2.2", aperak("R1", "", "D1", "V2", minute), ack.Matched{File: 0, Places: []ack.Place{{Message: 0, Transaction: 1}}}},
		{"without time", aperak("R1", "", "D1", "V1"), ack.Matched{File: 0, Places: []ack.Place{{Message: 0, Transaction: 0}}}},
		{"on a message", aperak("R1", "", "D1", "", minute), ack.Matched{File: 0, Places: []ack.Place{{Message: 0, Transaction: -1}}}},
		{"on one of two messages", aperak("R2", "2", "D3", "", minute), ack.Matched{File: 2, Places: []ack.Place{{Message: 1, Transaction: -1}}}},
		{"the document is wrong, the message is not", aperak("R2", "2", "D9", "", minute), ack.Matched{File: 2, Places: []ack.Place{{Message: 1, Transaction: -1}}}},
		{"the time tells which of two files", aperak("R2", "", "D2", "", minute.Add(time.Hour)), ack.Matched{File: 3, Places: []ack.Place{{Message: 0, Transaction: -1}}}},
		{"a time that no file has", aperak("R1", "", "D1", "V1", minute.Add(time.Minute)), ack.Matched{File: 0, OtherTime: true, Places: []ack.Place{{Message: 0, Transaction: 0}}}},
		{"a number for a message that has none", aperak("R2", "", "D3", "X", minute), ack.Matched{File: 2, Places: []ack.Place{{Message: 1, Transaction: -1}}}},
		{"unknown transaction", aperak("R1", "", "D1", "V9", minute), ack.Matched{File: 0, Unknown: []string{"V9"}}},
		{"unknown document", aperak("R1", "", "D9", "", minute), ack.Matched{File: 0, Unknown: []string{"D9"}}},
		{"unknown message", aperak("R1", "9", "", "", minute), ack.Matched{File: 0, Unknown: []string{"9"}}},
		{"several transactions", other, ack.Matched{File: 0, Places: []ack.Place{{Message: 0, Transaction: 0}, {Message: 0, Transaction: 1}}, Unknown: []string{"V9"}}},
		{"unknown file", aperak("R9", "", "D1", "V1", minute), ack.Matched{File: -1}},
		{"from somebody else", strange, ack.Matched{File: -1}},
		{"no reference at all", aperak("", "", "D1", "V1"), ack.Matched{File: -1}},
	} {
		if diff := cmp.Diff(tt.want, ack.Match(tt.answer, sent)); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
	if got := ack.Match(contrl("R1", us, them), nil); got.File != -1 {
		t.Error(got)
	}
}

// TestOwnAnswersMatch sends a file, answers it as the partner would, and finds the transactions again.
func TestOwnAnswersMatch(t *testing.T) {
	t.Parallel()
	file := fixture(t, "valid/utilmd-55003-drei-vorgaenge.edi")
	a := answerFixture(t, file, ack.Options{Outside: []ack.Outside{{Transaction: 1, Code: "Z10"}}})
	r := a.result
	s := ack.Sent{Sender: r.Sender, Receiver: r.Receiver, ControlRef: r.Reference, CreatedAt: r.CreatedAt}
	for _, m := range r.Messages {
		x := ack.SentMessage{Reference: m.Reference, Document: m.DocumentNumber}
		for _, tr := range m.Transactions {
			x.Transactions = append(x.Transactions, tr.Number)
		}
		s.Messages = append(s.Messages, x)
	}
	for i, x := range read(t, string(a.files[0].Bytes)).Aperaks {
		want := ack.Matched{File: 0, Places: []ack.Place{{Message: 0, Transaction: i}}}
		if diff := cmp.Diff(want, ack.Match(&x, []ack.Sent{s})); diff != "" {
			t.Error(diff)
		}
	}
}
