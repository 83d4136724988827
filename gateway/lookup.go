package gateway

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/marktbote/marktbote/formats/check"
	"github.com/marktbote/marktbote/formats/process"
	"github.com/marktbote/marktbote/gateway/config"
	"github.com/marktbote/marktbote/store"
)

// Lookup answers what no message tells: whether an object is known, who is assigned to it, whether an earlier
// transaction was sent from here.
type Lookup interface {
	// Look answers questions in their order, at most maxQuestions of them. What is not certain is Unknown; so is, for
	// an implementation that asks another system, what that cannot answer at the moment. An error repeats the check of
	// the file, whose acknowledgement is due within the hour. Look is called concurrently.
	Look(ctx context.Context, questions []Question) ([]Known, error)
}

// Known is the answer to a Question.
type Known uint8

// The answers.
const (
	Unknown Known = iota // rejects nothing
	Yes
	No
)

// Question is one thing a Lookup is asked.
type Question struct {
	Own string    // own MP-ID that received the transaction
	At  time.Time // receipt

	// Object is asked for if it is not empty: kind and id, such as malo/51238696781.
	Object string
	Search bool // whether it can be found with all the data of the transaction, not only by its id
	// Partner, if not empty, is asked for: whether it is assigned to the object all the time between From and To, or at
	// the instant From if To is zero.
	Partner  string
	From, To time.Time

	// Key is asked for without an Object: whether Own sent what is called so.
	Key process.Key
}

// storeLookup answers from what the messages and imports have left in the store.
type storeLookup struct {
	store  store.Store
	config config.Config
}

var _ Lookup = storeLookup{}

// Look implements Lookup.
func (l storeLookup) Look(ctx context.Context, questions []Question) ([]Known, error) {
	answers := make([]Known, len(questions))
	err := l.store.View(ctx, func(tx store.Tx) error {
		v := lookupView{storeLookup: l, tx: tx, asked: map[Question]Known{}, complete: map[string][]store.Completeness{}}
		for i, q := range questions {
			var err error
			if answers[i], err = v.answer(q); err != nil {
				return err
			}
		}
		return nil
	})
	return answers, err
}

// lookupView answers from one state of the store.
type lookupView struct {
	storeLookup
	tx       store.Tx
	asked    map[Question]Known
	complete map[string][]store.Completeness // by own MP-ID
}

func (v *lookupView) answer(q Question) (known Known, err error) {
	if known, ok := v.asked[q]; ok {
		return known, nil
	}
	if q.Object == "" {
		known, err = v.sent(q)
	} else {
		known, err = v.object(q)
	}
	v.asked[q] = known
	return known, err
}

// maxAssignments is how many assignments of one object are looked at.
const maxAssignments = 1000

func (v *lookupView) object(q Question) (Known, error) {
	list, err := v.tx.Assignments(store.AssignmentQuery{MPID: q.Own, Object: q.Object, Limit: maxAssignments})
	if err != nil {
		return Unknown, err
	}
	switch {
	case q.Partner == "" && len(list) > 0, q.Partner != "" && covers(list, q):
		return Yes, nil
	case q.Search, len(list) == maxAssignments:
		return Unknown, nil
	}
	complete, ok := v.complete[q.Own]
	if !ok {
		if complete, err = v.tx.Completeness(q.Own); err != nil {
			return Unknown, err
		}
		v.complete[q.Own] = complete
	}
	kind, _, _ := strings.Cut(q.Object, "/")
	for _, c := range complete {
		// Whether an object is known at all is asked for the moment of the receipt.
		at := q.From
		if q.Partner == "" {
			at = q.At
		}
		if c.Kind == kind && q.At.Before(c.TrustedUntil) && !at.Before(c.From) {
			return No, nil
		}
	}
	return Unknown, nil
}

// covers reports whether the assignments of the partner, one after the other, cover the time asked for.
func covers(list []store.Assignment, q Question) bool {
	list = slices.DeleteFunc(slices.Clone(list), func(a store.Assignment) bool { return a.Partner != q.Partner })
	slices.SortFunc(list, func(a, b store.Assignment) int { return a.From.Compare(b.From) })
	at := q.From
	for _, a := range list {
		switch {
		case a.From.After(at):
			return false
		case a.Until.IsZero():
			return true
		case a.Until.After(at):
			if at = a.Until; q.To.IsZero() || !at.Before(q.To) {
				return true
			}
		}
	}
	return false
}

// answersAfter is the longest time after which a message is still answered: a year, while the longest deadline of the
// processes is 61 Werktage.
const answersAfter = 366 * 24 * time.Hour

// sent looks for what we sent. That it was not sent is certain only if everything that can be answered today went
// through here.
func (v *lookupView) sent(q Question) (Known, error) {
	t := store.TransactionQuery{Direction: store.Out, Sender: q.Own, Limit: 1}
	switch q.Key.Level {
	case process.LevelTransaction:
		t.Number = q.Key.Value
	case process.LevelDocument:
		t.DocumentNo = q.Key.Value
	case process.LevelItem:
		i := strings.LastIndexByte(q.Key.Value, '/')
		if i < 0 {
			return Unknown, nil
		}
		t.DocumentNo, t.Number = q.Key.Value[:i], q.Key.Value[i+1:]
	default:
		return Unknown, nil
	}
	if q.Key.Value == "" || string(q.Key.Sender) != q.Own {
		return Unknown, nil
	}
	found, err := v.tx.FindTransactions(t)
	found = slices.DeleteFunc(found, func(f store.Found) bool { return f.InterchangeVerdict != string(check.Accepted) }) // never left
	if err != nil || len(found) > 0 {
		return Yes, err
	}
	since, ok := v.config.CompleteSince(q.Own)
	if !ok || q.At.Before(since.Add(answersAfter)) {
		return Unknown, nil
	}
	return No, nil
}
