package storetest

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/marktbote/marktbote/store"
)

// testFindTransactions compares what is found with a walk through everything.
func testFindTransactions(t *testing.T, st store.Store) {
	type row struct {
		direction               store.Direction
		sender, control, number string
		message                 string
		found                   store.Found
	}
	var all []row
	numbers := []string{"", "1", "A", "a", "a ", "ä"}
	update(t, st, func(tx store.Tx) error {
		all = nil
		for i := range 60 {
			x := store.Interchange{
				Direction: []store.Direction{store.In, store.Out}[i%2], Sender: []string{"1", "2"}[i/2%2], Recipient: "3",
				ControlRef: numbers[i%5], ReceivedAt: at(60 - i), Verdict: "accepted", Test: i%7 == 0,
			}
			id, err := tx.InsertInterchange(x)
			if err != nil {
				return err
			}
			for n := 1; n <= i%4; n++ { // also none
				m := store.Message{InterchangeID: id, Index: n, Reference: fmt.Sprint((i + n) % 3), DocumentNo: numbers[(i+n)%6], Verdict: "m"}
				if err := tx.InsertMessage(m); err != nil {
					return err
				}
				r := row{direction: x.Direction, sender: x.Sender, control: x.ControlRef, message: m.Reference}
				r.found = store.Found{DocumentNo: m.DocumentNo, ReceivedAt: x.ReceivedAt, Recipient: "3", InterchangeVerdict: x.Verdict, Test: x.Test}
				for k := 1; k <= i/4%3; k++ {
					r.number = numbers[(i+k)%6]
					r.found.Transaction = store.Transaction{
						InterchangeID: id, MessageIndex: n, Index: k, Number: r.number, Pruefidentifikator: "55001",
						Subject: "malo/51238696781", Verdict: "t",
					}
					if err := tx.InsertTransaction(r.found.Transaction); err != nil {
						return err
					}
					all = append(all, r)
				}
				if i/4%3 == 0 {
					r.found.Transaction = store.Transaction{InterchangeID: id, MessageIndex: n, Verdict: "m"}
					all = append(all, r)
				}
			}
		}
		return nil
	})
	matches := func(q store.TransactionQuery, r row) bool {
		switch {
		case q.Direction != r.direction || q.Sender != r.sender:
			return false
		case q.Number != "":
			return q.Number == r.number && (q.DocumentNo == "" || q.DocumentNo == r.found.DocumentNo)
		case q.DocumentNo != "":
			return q.DocumentNo == r.found.DocumentNo
		}
		return q.ControlRef != "" && q.ControlRef == r.control && q.MessageReference == r.message
	}
	rapid.Check(t, func(rt *rapid.T) {
		number := rapid.SampledFrom(append([]string{"", "x"}, numbers...))
		q := store.TransactionQuery{
			Direction: rapid.SampledFrom([]store.Direction{store.In, store.Out}).Draw(rt, "direction"),
			Sender:    rapid.SampledFrom([]string{"1", "2", "3"}).Draw(rt, "sender"),
			Number:    number.Draw(rt, "number"), DocumentNo: number.Draw(rt, "document"), ControlRef: number.Draw(rt, "control reference"),
			MessageReference: rapid.SampledFrom([]string{"", "0", "1", "2", "3"}).Draw(rt, "message"),
			Limit:            rapid.IntRange(0, 3).Draw(rt, "limit"),
		}
		limit := q.Limit
		if limit == 0 {
			limit = store.DefaultLimit
		}
		var want []store.Found
		for _, r := range all {
			if matches(q, r) && len(want) < limit {
				want = append(want, r.found)
			}
		}
		got := view(t, st, func(tx store.Tx) ([]store.Found, error) { return tx.FindTransactions(q) })
		equal(t, fmt.Sprintf("%+v", q), want, got)
	})
}
