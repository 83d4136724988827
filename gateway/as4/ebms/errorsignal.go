package ebms

import (
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/marktbote/marktbote/gateway/as4/xmltree"
)

// ErrorSignal refuses a user message.
//
// Spec: OASIS ebMS 3.0 Core 6.2 and 6.3
type ErrorSignal struct {
	MessageID      string
	RefToMessageID string // of the refused message, empty if it could not be read
	Timestamp      time.Time
	Errors         []Error
}

// Error is one error of an ErrorSignal.
type Error struct {
	Code        Code
	Severity    string // Failure or Warning
	Short       string // short description
	Category    string
	Origin      string
	RefTo       string // refToMessageInError
	Description string // for people
	Detail      string // for technicians of the other side
}

// NewErrorSignal returns the answer to a message that we refuse. If err is no *Fault the error is ours, and the partner
// learns that it may send the message again and no more.
func NewErrorSignal(messageID, refTo string, at time.Time, err error) *ErrorSignal {
	f, ok := errors.AsType[*Fault](err)
	if !ok {
		f = Faultf(Other, "internal error")
	}
	d, _ := f.Code.Definition()
	return &ErrorSignal{MessageID: messageID, RefToMessageID: refTo, Timestamp: at, Errors: []Error{{
		Code: f.Code, Severity: d.Severity, Short: d.Short, Category: d.Category, Origin: d.Origin, RefTo: refTo, Description: f.Text,
	}}}
}

func (s ErrorSignal) build() content {
	c := newContent("SignalMessage")
	c.info(s.Timestamp, s.MessageID, s.RefToMessageID)
	for _, e := range s.Errors {
		x := c.add("Error")
		for _, a := range [][2]string{
			{"origin", e.Origin}, {"category", e.Category}, {"errorCode", string(e.Code)}, {"severity", e.Severity},
			{"refToMessageInError", e.RefTo}, {"shortDescription", e.Short},
		} {
			if a[1] != "" {
				x.Set(a[0], a[1])
			}
		}
		if e.Description != "" {
			x.text("Description", e.Description).SetNS("xml", xmltree.XMLSpace, "lang", "en")
		}
		if e.Detail != "" {
			x.text("ErrorDetail", e.Detail)
		}
	}
	return c
}

// parseError reads eb:Error. Nothing is required of it: that the message was refused is all that matters, and other
// software puts stack traces into its texts.
func parseError(x *xmltree.Element) Error {
	attr := func(name string) string {
		value, _ := x.Attr("", name)
		return shorten(value)
	}
	e := Error{
		Code: Code(attr("errorCode")), Severity: strings.ToLower(attr("severity")), Short: attr("shortDescription"),
		Category: attr("category"), Origin: attr("origin"), RefTo: attr("refToMessageInError"),
	}
	if e.Severity != Warning {
		e.Severity = Failure
	}
	for _, d := range x.Elements(Namespace, "Description") {
		e.Description = shorten(strings.TrimSpace(e.Description + " " + d.Text()))
	}
	if d := x.Find(Namespace, "ErrorDetail"); d != nil {
		e.Detail = shorten(d.Text())
	}
	return e
}

// shorten returns the beginning of a text of a partner, without line breaks and surrounding white space.
func shorten(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if utf8.RuneCountInString(s) > maxValue {
		s = string([]rune(s)[:maxValue-1]) + "…"
	}
	return s
}
