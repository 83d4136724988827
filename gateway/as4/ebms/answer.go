package ebms

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Reaction is what the sender does about an answer.
type Reaction int

// The reactions, the gravest last.
const (
	Delivered Reaction = iota // a valid receipt
	Retry                     // the same bytes again later
	Renew                     // look for newer certificates of the partner and of ours; if there are any, a new message, else Stop
	Stop                      // a person must look at it
	Duplicate                 // the partner had it before and its receipt got lost: probably delivered, a person must prove it
)

// String returns the name of the reaction.
func (r Reaction) String() string {
	return [...]string{"delivered", "retry", "renew", "stop", "duplicate"}[r]
}

// Answer is what came back to a user message.
type Answer struct {
	MessageID string // of the user message
	Resent    bool   // it had been sent before

	Err     error   // why there is no whole response: connection, TLS, timeout; the rest is then empty
	Status  int     // of HTTP
	Message Message // what the body holds; nil if it is no ebMS message
	Body    []byte  // its beginning, if Message is nil
	Invalid error   // why Message does not count, if it is a *Receipt: signature, certificate, MatchReceipt
}

// Outcome is what an answer means.
type Outcome struct {
	Reaction Reaction
	Code     Code   // of the partner's error or of ours, empty if delivered
	Text     string // for the operator
}

// Outcome decides what an answer means for the sender. The status of HTTP decides only if there is no ebMS message in the
// body: products answer errors with 200 as well as with 400 and 500, and proxies in front of them with their own pages.
//
// Errors are believed unsigned. They lead to another attempt or to a person, and never undo a receipt.
func (a Answer) Outcome() Outcome {
	if a.Err != nil {
		return Outcome{Retry, ConnectionFailure, a.Err.Error()}
	}
	switch m := a.Message.(type) {
	case *Receipt:
		if a.Invalid != nil {
			return Outcome{Retry, InvalidReceipt, a.Invalid.Error()}
		}
		return Outcome{Reaction: Delivered}
	case *ErrorSignal:
		return a.refused(m)
	case nil:
		return a.noMessage()
	default:
		return Outcome{Retry, InvalidReceipt, "the answer is neither receipt nor error"}
	}
}

// refused returns the gravest reaction to the errors of a signal.
func (a Answer) refused(s *ErrorSignal) Outcome {
	worst := Outcome{Reaction: Stop, Text: "an error signal without errors"}
	if len(s.Errors) > 0 {
		worst.Reaction = Delivered // below all others
	}
	for _, e := range s.Errors {
		refTo := e.RefTo
		if refTo == "" {
			refTo = s.RefToMessageID
		}
		o := Outcome{Code: e.Code, Text: shorten(strings.Join([]string{e.Short, e.Description, e.Detail}, " "))}
		d, _ := e.Code.Definition()
		switch o.Reaction = d.reaction; {
		case refTo != "" && refTo != a.MessageID:
			o.Reaction, o.Code, o.Text = Retry, InvalidReceipt, "the error is about another message"
		case e.saysDuplicate() && a.Resent:
			o.Reaction = Duplicate
		case e.saysDuplicate():
			o.Reaction = Stop
		}
		if o.Reaction > worst.Reaction {
			worst = o
		}
	}
	return worst
}

// saysDuplicate reports whether the error says that the message arrived before. There is no code for it in the tables:
// phase4 has EBMS:4001, and others say it in words. The words count only where the code itself says nothing.
func (e Error) saysDuplicate() bool {
	_, known := e.Code.Definition()
	text := strings.ToLower(e.Short + " " + e.Description + " " + e.Detail)
	return e.Code == "EBMS:4001" ||
		(!known || e.Code == Other) && (strings.Contains(text, "duplicate") || strings.Contains(text, "duplikat"))
}

// noMessage decides by the status of HTTP. Nearly everything may be a passing state of something in front of the partner;
// a message that is too large stays so.
func (a Answer) noMessage() Outcome {
	o := Outcome{Retry, MissingReceipt, fmt.Sprintf("HTTP %d without an ebMS message", a.Status)}
	if a.Status == 413 {
		o.Reaction = Stop
	}
	if note := excerpt(a.Body); note != "" {
		o.Text += ": " + note
	}
	return o
}

// maxExcerpt bounds what is kept of a body that is no ebMS message, in characters.
const maxExcerpt = 200

// excerpt returns the beginning of a body as one line, empty if it is no text.
func excerpt(body []byte) string {
	body = body[:min(len(body), 4*maxExcerpt)]
	s := strings.Join(strings.Fields(strings.ToValidUTF8(string(body), "\uFFFD")), " ")
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return ""
	}
	if utf8.RuneCountInString(s) > maxExcerpt {
		s = string([]rune(s)[:maxExcerpt]) + "…"
	}
	return s
}
