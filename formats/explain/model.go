package explain

import (
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/check"
)

// Interchange is an explained file. All texts are ready to be shown: UTF-8 without control characters, but not escaped
// for HTML.
type Interchange struct {
	Result *check.Result
	Lang   formats.Lang

	Title    string // name of the file
	Created  string // UNB S004 in local time, empty if it cannot be read
	Sender   string // UNB 0004 with what the number tells
	Receiver string // UNB 0010, likewise
	Errors   int    // findings on this page
	Warnings int
	Unlisted int // findings beyond the limit of the check

	Findings     []*Finding    // of the file that have no segment on this page
	Start        []PreviewLine // first bytes of a file that is no interchange
	UNA          *Segment      // nil if there is none, as for UNB and UNZ
	UNB          *Segment
	Messages     []*Message
	UNZ          *Segment
	Transactions []*Transaction // of all messages, up to the limit
	MoreCount    int            // transactions beyond it
	Skipped      int            // messages that are not shown, because they have no finding and the page is full
}

// PreviewLine is one line of a dump.
type PreviewLine struct {
	Offset    int64
	Hex, Text string
}

// Message is an explained message.
type Message struct {
	ID        string // anchor on the page, as in all types
	Number    int    // in the file, from 1
	Reference string // UNH 0062
	Type      string // UNH 0065
	Version   string // UNH 0057
	Document  string // message description by which it was checked, empty if there is none
	Verdict   check.Verdict
	Sections  []*Section
	Segments  int        // in the message
	Shown     int        // explained
	Checked   bool       // the rules of the Pruefidentifikator were evaluated
	Findings  []*Finding // of the message as a whole
	Rest      []*Finding // of segments that are not explained

	Transactions, Rejected int // in the message, explained or not

	untouched int // first segment that the check of the structure has not looked at, 0: none
}

// Section is a part of a message: what stands in front of the transactions or behind them, or one transaction.
type Section struct {
	Transaction *Transaction // nil for the parts around
	Head        bool         // in front of the transactions
	Groups      []*Group
}

// Transaction is a Geschaeftsvorfall.
type Transaction struct {
	ID                 string
	Number             string
	Pruefidentifikator string
	Name               string // of the Pruefidentifikator
	Handbook           string // version of the Anwendungshandbuch
	Object             string // such as malo/51238696781
	Verdict            check.Verdict
	Message            *Message
}

// Group is a run of segments that stand in one group instance. What stands at message level has no path.
type Group struct {
	Path      string // SG4[2]/SG8[1]
	Name      string
	Depth     int
	Continued bool // the instance began further up
	Rule      *Rule
	Segments  []*Segment
}

// Segment is an explained segment.
type Segment struct {
	ID       string
	Number   int // UNH = 1; 0 outside messages
	Offset   int64
	Tag      string
	Path     string
	Name     string
	Raw      string
	Depth    int
	State    State
	Rule     *Rule
	Elements []Element // filled ones
	Omitted  int       // elements beyond the limit
	Findings []*Finding
	Gaps     []*Finding // what is missing behind the segment
}

// State says how far a segment is known.
type State string

// The states of a segment.
const (
	Placed    State = ""          // it has a place and the use case has it, or no use case is known
	Unused    State = "unused"    // the use case does not have it: it is not looked at
	Unplaced  State = "unplaced"  // the structure has no place for it
	Unchecked State = "unchecked" // the check ended before it, or there are no rules for the message
)

// Element is a filled data element.
type Element struct {
	Place   string // 2 or 2.1, counted as in CONTRL
	ID      string // DE number, empty if the structure has no such element
	Name    string
	Value   string
	Meaning string
	Status  string // by the use case, else by the message description; empty if neither says anything
	Wrong   bool   // a finding is about it

	element, component int
}

// Rule is what the use case says of a group instance or a segment.
type Rule struct {
	Status     string // expression of the column, such as Muss [10]; else the status of the message description
	Handbook   bool   // Status comes from the column of a Pruefidentifikator
	Conditions []Condition
	Allowed    []Allowed
	SameAs     *Place // the conditions have been explained there; then both lists are empty
}

// Place leads to another segment of the message.
type Place struct {
	ID     string
	Number int
}

// Condition is a condition of an expression in words.
type Condition struct {
	Number string // [10], [UB1]
	Words  string
}

// Allowed lists the codes of a data element that the use case knows.
type Allowed struct {
	Place, Name string
	Codes       []Code
	More        int // codes that are not listed
}

// Code is a code of a list.
type Code struct{ Value, Name, Status string }

// Finding is a finding with its place on the page.
type Finding struct {
	formats.Finding

	ID string
	At string // where it is, in short: message and segment
}
