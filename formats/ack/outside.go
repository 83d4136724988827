package ack

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Outside is an error that does not show in the message: who or what is named in it is not known here, or not assigned
// to each other. Whoever finds it out follows the order of the assignment check; of several the first one counts.
type Outside struct {
	Message, Transaction int    // indexes in check.Result; the transaction is 0 if the message has only one
	Code                 string // DE 9321
	Content              Content
	Successor            string // with Z16: MP-ID of the network operator that took over
	Help                 string // for people, German
}

// Content is what FTX+ABO repeats: an object or tuple, and the instant or interval for which it was looked for.
type Content struct {
	IDs      []string // one, or the members of a tuple
	From, To time.Time
}

// instant writes an instant with its format, as the free text of an APERAK holds it.
func instant(t time.Time) string { return dtm(t) + ":303" }

// dtm writes an instant in format 303.
func dtm(t time.Time) string { return t.UTC().Format("200601021504") + "+00" }

// text returns both components of FTX+ABO. A tuple that is too long for the first one goes on in the second if that
// is free.
//
// Spec: APERAK MIG 2.1i, SG4 FTX+ABO; APERAK MIG 2.2, SG4 FTX+ABO
func (c Content) text() [2]string {
	id := strings.Join(c.IDs, ", ")
	if len(c.IDs) > 1 {
		id = "(" + id + ")"
	}
	id = unoc(id, 2*maxText)
	switch {
	case !c.From.IsZero() && !c.To.IsZero():
		return [2]string{unoc(id, maxText), instant(c.From) + " " + instant(c.To)}
	case !c.From.IsZero():
		return [2]string{unoc(id, maxText), instant(c.From)}
	}
	first := unoc(id, maxText)
	return [2]string{first, strings.TrimPrefix(id, first)}
}

// class is the step of the check that finds an error.
type class uint8

// The steps, in their order. The first two find one error at most, the handbook all, the assignment the first one. The
// property of the object and the take-over of a reading come behind an object that was found.
const (
	classUnknown class = iota
	classRole
	classSender
	classHandbook
	classAssignment
	classProperty
)

// classes tells the step by the code.
//
// Spec: APERAK AHB 1.1 2.1.1 to 2.1.4 (order and depth of the checks), DE 9321
var classes = map[string]class{
	"Z31": classRole, "Z37": classSender,
	"Z21": classHandbook, "Z29": classHandbook, "Z30": classHandbook, "Z34": classHandbook, "Z35": classHandbook,
	"Z38": classHandbook, "Z39": classHandbook, "Z40": classHandbook, "Z41": classHandbook,
	"Z10": classAssignment, "Z14": classAssignment, "Z15": classAssignment, "Z16": classAssignment, "Z17": classAssignment,
	"Z18": classAssignment, "Z19": classAssignment, "Z20": classAssignment, "Z24": classAssignment, "Z25": classAssignment,
	"Z26": classAssignment, "Z33": classAssignment, "Z42": classAssignment,
	"Z27": classProperty, "Z43": classProperty, "Z44": classProperty,
}

// validate checks the outside findings of a decision.
func (d *decider) validate(list []Outside) error {
	for i := range list {
		x := &list[i]
		switch {
		case x.Message < 0 || x.Message >= len(d.result.Messages):
			return fmt.Errorf("ack: outside finding %d: there is no message %d", i, x.Message)
		case x.Transaction < 0 || x.Transaction >= max(1, len(d.result.Messages[x.Message].Transactions)):
			return fmt.Errorf("ack: outside finding %d: there is no transaction %d", i, x.Transaction)
		case classes[x.Code] == classUnknown:
			return fmt.Errorf("ack: outside finding %d: %q is no code of APERAK", i, x.Code)
		case x.Code == "Z16" && x.Successor == "":
			return fmt.Errorf("ack: outside finding %d: Z16 needs the network operator that took over", i)
		}
	}
	return nil
}

// outside returns the errors of the first step that found something, nil if none did. A finding of step 1 or 2 comes
// alone; only Z20 may be several, one for each OBIS number.
func outside(list []Outside, noHelp bool) (class, []ApplicationError) {
	if len(list) == 0 {
		return classUnknown, nil
	}
	first := slices.MinFunc(list, func(a, b Outside) int { return int(classes[a.Code]) - int(classes[b.Code]) })
	step := classes[first.Code]
	var out []ApplicationError
	for i := range list {
		x := &list[i]
		if classes[x.Code] != step || len(out) > 0 && step != classHandbook && (x.Code != "Z20" || first.Code != "Z20") {
			continue
		}
		e := ApplicationError{Code: x.Code, Content: x.Content.text(), Help: unoc(x.Help, maxText)}
		if x.Code == "Z16" {
			e.Successor = x.Successor
		}
		if noHelp {
			e.Help = ""
		}
		out = append(out, e)
	}
	return step, out
}
