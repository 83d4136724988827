package formats

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
)

// Severity says what a finding means for the message.
type Severity string

// An error leads to a rejection, a warning is for people only.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Wire is how a finding is answered on the wire: kind CONTRL with DE 0085, or kind APERAK with DE 9321.
type Wire struct {
	Kind string `json:"kind"`
	Code string `json:"code"`
}

// Finding says that something in a file is wrong: where, against which rule, and how it is answered. It is data
// and not a Go error.
//
// SegmentNumber counts in the message, UNH = 1; for a missing segment it is the number of the segment before the
// gap, as CONTRL wants it. Element and Component count as in CONTRL (the tag is element 1). Offset and Length
// are bytes in the file.
type Finding struct {
	Code          Code     `json:"code"`
	Severity      Severity `json:"severity"`
	Wire          *Wire    `json:"wire"` // nil: nothing is answered
	Path          string   `json:"path"` // SG4[1]/DTM[2]
	Segment       string   `json:"segment"`
	SegmentNumber int      `json:"segment_number"` // 0: not in a message
	Element       int      `json:"element"`        // 0: the whole segment
	Component     int      `json:"component"`      // 0: the whole element
	Offset        int64    `json:"offset"`
	Length        int      `json:"length"`
	Rule          string   `json:"rule"`
	Conditions    []string `json:"conditions"`
	Name          string   `json:"name,omitempty"` // German name of the segment or element
	// Pruefidentifikator is that of the rule, Reason says why the rule applies: the conditions that hold, in words.
	Pruefidentifikator string `json:"pruefidentifikator,omitempty"`
	Reason             string `json:"reason,omitempty"`
	Expected           string `json:"expected"`
	Found              string `json:"found"`
	Text               string `json:"text"`
}

// Code is a stable number of ours for one kind of finding: E or W and four digits. Codes are never reused.
type Code string

// CodeInfo is a row of codes.json.
type CodeInfo struct {
	Code     Code     `json:"code"`
	Severity Severity `json:"severity"`
	Wire     string   `json:"wire"`  // CONTRL, APERAK or empty
	Value    string   `json:"value"` // DE 0085 or DE 9321
	DE       string   `json:"de"`    // text with {placeholders}, see Finding.render
	EN       string   `json:"en"`
}

//go:embed codes.json
var codesJSON []byte

var codeTable = sync.OnceValue(func() map[Code]CodeInfo {
	var list []CodeInfo
	if err := json.Unmarshal(codesJSON, &list); err != nil {
		panic("formats: codes.json: " + err.Error())
	}
	table := make(map[Code]CodeInfo, len(list))
	for _, c := range list {
		if _, twice := table[c.Code]; twice {
			panic("formats: codes.json: " + string(c.Code) + " occurs twice")
		}
		table[c.Code] = c
	}
	return table
})

// Info returns the table row of the code.
func (c Code) Info() (CodeInfo, bool) {
	info, ok := codeTable()[c]
	return info, ok
}

// Codes returns all rows of the code table, unordered.
func Codes() []CodeInfo {
	var list []CodeInfo
	for _, c := range codeTable() {
		list = append(list, c)
	}
	return list
}

// Lang is a language of finding texts.
type Lang string

// The languages of finding texts.
const (
	German  Lang = "de"
	English Lang = "en"
)

// Complete fills severity and wire code from the table and writes the text. A code that is not in the table is
// a programming error and panics.
func (f *Finding) Complete(lang Lang) {
	info, ok := f.Code.Info()
	if !ok {
		panic(fmt.Sprintf("formats: finding code %s is not in codes.json", f.Code))
	}
	f.Severity, f.Wire = info.Severity, nil
	if f.Conditions == nil {
		f.Conditions = []string{} // in JSON a list, not null
	}
	if info.Wire != "" {
		f.Wire = &Wire{Kind: info.Wire, Code: info.Value}
	}
	f.Text = f.render(info, lang)
}

// render fills the placeholders of the text.
func (f *Finding) render(info CodeInfo, lang Lang) string {
	text := info.DE
	if lang == English {
		text = info.EN
	}
	name := f.Name
	if name == "" {
		name = f.Segment
	}
	reason := ""
	if f.Reason != "" {
		reason = " Bedingung: " + f.Reason + "."
		if lang == English {
			reason = " Condition: " + f.Reason + "."
		}
	}
	return strings.NewReplacer("{pid}", f.Pruefidentifikator, "{reason}", reason, "{conditions}", strings.Join(f.Conditions, ", "), "{segment}", f.Segment, "{name}", name, "{expected}", f.Expected,
		"{found}", f.Found, "{element}", fmt.Sprint(f.Element), "{component}", fmt.Sprint(f.Component)).Replace(text)
}
