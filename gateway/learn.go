package gateway

import (
	"fmt"
	"strings"
	"time"

	"github.com/marktbote/marktbote/formats/check"
	"github.com/marktbote/marktbote/formats/event"
	"github.com/marktbote/marktbote/store"
)

// lesson is what a message establishes about the assignment of an LF to an object, when it was received or sent.
type lesson struct {
	bgm    string // only with this BGM 1001; empty: always
	begins bool   // the receiver is assigned from Start on; else its assignment ends at End
}

// lessons are the messages of the NB to the LF that leave nothing open. Others say what somebody wants, or what holds
// only if something else happens.
//
// Spec: GPKE Teil 2 (Lieferbeginn, Lieferende, Neuanlage, EoG); GeLi Gas (Lieferbeginn, Lieferende)
var lessons = map[string]lesson{
	"55002": {begins: true}, "55078": {begins: true}, "44002": {begins: true}, // Anmeldung confirmed
	"55602": {begins: true}, "55603": {begins: true}, // Anmeldung of a new MaLo confirmed
	"55013": {begins: true, bgm: "Z89"}, "55607": {begins: true, bgm: "Z89"}, // assigned by the NB
	"55005": {}, "44005": {}, // Abmeldung confirmed
	"55037": {}, "44037": {}, // assignment of the LFA ended
}

// learn keeps what an event establishes, for the own MP-ID that received or sent it.
func learn(tx store.Tx, x store.Interchange, e event.Event) error {
	c, ok := e.Data.(*event.Record)
	if !ok || x.Test {
		return nil
	}
	l, ok := lessons[string(c.Message.Pruefidentifikator)]
	if !ok || l.bgm != "" && l.bgm != c.Message.DocumentCode {
		return nil
	}
	own, nb, lf, other := x.Recipient, x.Sender, x.Recipient, store.Out
	if x.Direction == store.Out {
		own, other = x.Sender, store.In
	}
	object := e.Subject
	if strings.HasPrefix(object, "transaction/") { // it names none: it is that of the request
		object = ""
		found, err := tx.FindTransactions(store.TransactionQuery{Direction: other, Sender: lf, Number: c.Text("requestTransaction")})
		if err != nil {
			return err
		}
		for _, f := range found {
			if object == "" && f.InterchangeVerdict == string(check.Accepted) {
				object = f.Subject
			}
		}
	}
	if object == "" {
		return nil
	}
	if err := tx.Lock("object/" + own + "/" + object); err != nil {
		return err
	}
	source := fmt.Sprintf("interchange/%d", x.ID)
	if !l.begins {
		return endAssignment(tx, own, object, lf, c.Instant("end"), source)
	}
	start, end := c.Instant("start"), c.Instant("end")
	if start.IsZero() {
		return nil
	}
	for _, a := range []store.Assignment{
		{Partner: lf, Rolle: "LF", From: start, Until: end},
		{Partner: nb, Rolle: "NB", From: start},
	} {
		a.MPID, a.Object, a.Source = own, object, source
		known, err := tx.Assignments(store.AssignmentQuery{MPID: own, Object: object, Limit: maxAssignments})
		if err != nil {
			return err
		}
		if covers(known, Question{Partner: a.Partner, From: a.From, To: a.Until}) && (a.Rolle == "NB" || !a.Until.IsZero()) {
			continue // the grid does not change with the supplier
		}
		if err := tx.SetAssignment(a); err != nil {
			return err
		}
	}
	return nil
}

// endAssignment ends the assignment of a partner that lasts beyond an instant. One that is not known is not ended.
func endAssignment(tx store.Tx, own, object, partner string, end time.Time, source string) error {
	if end.IsZero() {
		return nil
	}
	known, err := tx.Assignments(store.AssignmentQuery{MPID: own, Object: object, Limit: maxAssignments})
	if err != nil {
		return err
	}
	for _, a := range known {
		if a.Partner != partner || !a.From.Before(end) || !a.Until.IsZero() && !a.Until.After(end) {
			continue
		}
		a.Until, a.Source = end, source
		if err := tx.SetAssignment(a); err != nil {
			return err
		}
	}
	return nil
}
