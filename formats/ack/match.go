package ack

import "time"

// Sent is a file that we sent: what an answer to it can refer to.
type Sent struct {
	Sender, Receiver string    // MP-IDs of UNB
	ControlRef       string    // UNB 0020
	CreatedAt        time.Time // UNB S004
	Messages         []SentMessage
}

// SentMessage is a message of it.
type SentMessage struct {
	Reference    string   // UNH 0062
	Document     string   // BGM 1004
	Transactions []string // their numbers, see check.Transaction
}

// Answer is a *Contrl or an *Aperak.
type Answer interface {
	candidate(s *Sent) fit                           // whether it can be about the file
	places(s *Sent) (list []Place, unknown []string) // what it is about in the file
}

// fit says how well a file fits an answer.
type fit uint8

const (
	fitNot     fit = iota
	fitSwapped     // sender and receiver are turned round
	fitOtherTime
	fitWell
)

// Place is what an answer is about: indexes in Sent.Messages and SentMessage.Transactions, -1 for all.
type Place struct{ Message, Transaction int }

// Matched says what an answer is about.
type Matched struct {
	File    int     // index of the file, -1: nothing of what was sent fits
	Places  []Place // empty: the whole file
	Swapped bool    // sender and receiver were turned round
	// OtherTime says that the APERAK names another time of creation than the file has.
	OtherTime bool
	// Unknown are references that the file does not have: of a message, a document or a transaction.
	Unknown []string
}

// Match finds out which of the files an answer is about, and which messages and transactions of it. Of several files
// that fit equally the last one counts: a file that got lost is sent again with its reference. A reference that nobody
// knows is an outcome and no error.
//
// Spec: CONTRL MIG 2.0b, UCI; APERAK MIG 2.2, SG2 RFF+ACE, DTM+171
func Match(a Answer, sent []Sent) Matched {
	out := Matched{File: -1}
	best := fitNot
	for i := range sent {
		if f := a.candidate(&sent[i]); f != fitNot && f >= best {
			best, out.File = f, i
		}
	}
	if out.File < 0 {
		return out
	}
	out.Swapped, out.OtherTime = best == fitSwapped, best == fitOtherTime
	out.Places, out.Unknown = a.places(&sent[out.File])
	return out
}

// candidate accepts sender and receiver turned round, too: some take UCI for an address.
func (c *Contrl) candidate(s *Sent) fit {
	switch {
	case c.ControlRef != s.ControlRef:
		return fitNot
	case c.Sender.ID == s.Sender && c.Receiver.ID == s.Receiver:
		return fitWell
	case c.Sender.ID == s.Receiver && c.Receiver.ID == s.Sender:
		return fitSwapped
	}
	return fitNot
}

// places returns the messages that the CONTRL names; an Action of Rejected rejects the others as well.
func (c *Contrl) places(s *Sent) (list []Place, unknown []string) {
	byReference := map[string]int{}
	for i := range s.Messages {
		byReference[s.Messages[i].Reference] = i
	}
	for i := range c.Messages {
		if k, ok := byReference[c.Messages[i].Reference]; ok {
			list = append(list, Place{k, -1})
		} else {
			unknown = append(unknown, c.Messages[i].Reference)
		}
	}
	return list, unknown
}

func (a *Aperak) candidate(s *Sent) fit {
	switch {
	case a.ControlRef != s.ControlRef || a.ControlRef == "" || a.Sender.ID != s.Receiver || a.Receiver.ID != s.Sender:
		return fitNot
	case a.FileCreatedAt.IsZero() || s.CreatedAt.IsZero() || a.FileCreatedAt.Equal(s.CreatedAt.Truncate(time.Minute)):
		return fitWell
	}
	return fitOtherTime
}

// places returns the transactions that the APERAK and its errors name, or the message if they name none.
func (a *Aperak) places(s *Sent) (list []Place, unknown []string) {
	messages := a.messages(s)
	if a.Transaction == "" {
		switch {
		case len(messages) > 0:
			return []Place{{messages[0], -1}}, nil
		case a.Document != "":
			return nil, []string{a.Document}
		case a.Message != "":
			return nil, []string{a.Message}
		}
		return nil, nil
	}
	transactions := map[string]Place{}
	var whole *Place // a message without numbers is one transaction, whatever the answer calls it
	for _, i := range messages {
		for k, number := range s.Messages[i].Transactions {
			if _, twice := transactions[number]; !twice {
				transactions[number] = Place{i, k}
			}
		}
		if len(s.Messages[i].Transactions) == 0 && whole == nil {
			whole = &Place{i, -1}
		}
	}
	seen := map[string]bool{}
	find := func(number string) {
		if seen[number] || number == "" {
			return
		}
		seen[number] = true
		switch p, ok := transactions[number]; {
		case ok:
			list = append(list, p)
		case whole != nil:
			list, whole = append(list, *whole), nil
		default:
			unknown = append(unknown, number)
		}
	}
	find(a.Transaction)
	for i := range a.Errors {
		find(a.Errors[i].Transaction)
	}
	return list, unknown
}

// messages returns the messages that have the references of the APERAK; if none has all of them, those that have one.
func (a *Aperak) messages(s *Sent) (list []int) {
	if a.Transaction == "" && a.Document == "" && a.Message == "" {
		return nil
	}
	var some []int
	for i := range s.Messages {
		document, message := s.Messages[i].Document == a.Document, s.Messages[i].Reference == a.Message
		if (document || a.Document == "") && (message || a.Message == "") {
			list = append(list, i)
		} else if document && a.Document != "" || message && a.Message != "" {
			some = append(some, i)
		}
	}
	if len(list) == 0 {
		return some
	}
	return list
}
