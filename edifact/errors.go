package edifact

import "fmt"

// Kind says what is wrong with the syntax. Kinds are facts about the file; Code and Level say how CONTRL names
// them.
type Kind uint8

// The kinds of syntax errors that can be found without knowing the message type.
const (
	_ Kind = iota

	// The start of the input. Without a readable UNB nothing can be answered.
	KindEmpty          // the input has no bytes, or only line breaks and spaces
	KindNotEDIFACT     // the input does not begin with UNA or UNB
	KindWideCharacters // the input is UTF-16 or UTF-32
	KindByteOrderMark  // the input begins with a UTF-8 byte order mark; reading goes on behind it
	KindLeadingSpace   // line breaks or spaces before UNA or UNB; tolerated

	// The interchange: UNA, UNB, UNZ.
	KindServiceChars      // UNA names characters that cannot serve, or is cut off
	KindSyntaxIdentifier  // UNB 0001 is not UNOC
	KindSyntaxVersion     // UNB 0002 is not 3
	KindMissingUNZ        // the input ends, or the next UNB comes, before UNZ
	KindInterchangeCount  // UNZ 0036 is not the number of messages
	KindInterchangeRef    // UNZ 0020 differs from UNB 0020
	KindNoMessage         // no UNH between UNB and UNZ
	KindFunctionalGroup   // UNG or UNE
	KindOutsideMessage    // a segment that is neither in a message nor UNB or UNZ
	KindTrailingData      // something other than line breaks and spaces after UNZ
	KindSecondInterchange // another UNB in an input that may hold one interchange

	// The message: UNH, UNT.
	KindDuplicateMessage // UNH 0062 occurred before in the interchange
	KindMissingUNT       // UNH or UNZ comes, or the input ends, before UNT
	KindSegmentCount     // UNT 0074 is not the number of segments
	KindMessageRef       // UNT 0062 differs from UNH 0062

	// Any service segment.
	KindMissingElement    // a reference or counter is empty
	KindCounter           // a counter is not a number
	KindTooLong           // a counter has too many digits
	KindTooManyElements   // more elements than the service segment has
	KindTooManyComponents // more components than the composite of the service segment has

	// Any segment.
	KindTag            // the tag is not three upper-case letters
	KindEmptySegment   // terminator follows terminator
	KindOctet          // an octet outside the repertoire of UNOC
	KindStrayRelease   // a release character before an ordinary character; tolerated unless Options.Strict
	KindRelease        // a release character before an octet outside the repertoire
	KindUnterminated   // the input ends inside a segment
	KindMessageTooLong // a message is larger than Options.MaxMessageBytes; the rest of the input is skipped
	KindSegmentTooLong // a segment is larger than Options.MaxSegmentBytes; the rest of the input is skipped

	kindCount
)

// Level is the segment of CONTRL that reports an error.
type Level uint8

// The levels of CONTRL, from the file down to the element. LevelNone cannot be reported with CONTRL.
const (
	LevelNone        Level = iota
	LevelInterchange       // UCI, with the segment UNA, UNB or UNZ
	LevelMessage           // UCM, with the segment UNH or UNT
	LevelSegment           // UCS
	LevelElement           // UCD
)

// kinds tells name and code of every kind.
//
// Spec: CONTRL MIG 2.0b, DE 0085; CONTRL AHB 1.0
var kinds = [kindCount]struct {
	text string
	code int // DE 0085; 0: not reportable
}{
	KindEmpty:             {"the file is empty", 0},
	KindNotEDIFACT:        {"the file does not begin with UNA or UNB", 0},
	KindWideCharacters:    {"the file is UTF-16 or UTF-32, not UNOC (ISO 8859-1)", 0},
	KindByteOrderMark:     {"the file begins with a byte order mark, which is not in the repertoire of UNOC", 21},
	KindLeadingSpace:      {"line breaks or spaces before UNA or UNB", 0},
	KindServiceChars:      {"UNA names characters that cannot be service characters", 20},
	KindSyntaxIdentifier:  {"syntax identifier is not UNOC", 2},
	KindSyntaxVersion:     {"syntax version is not 3", 2},
	KindMissingUNZ:        {"UNZ is missing", 13},
	KindInterchangeCount:  {"UNZ does not count the messages of the interchange", 29},
	KindInterchangeRef:    {"references in UNB and UNZ differ", 28},
	KindNoMessage:         {"the interchange holds no message", 32},
	KindFunctionalGroup:   {"functional groups (UNG, UNE) are not used", 16},
	KindOutsideMessage:    {"segment outside a message", 16},
	KindTrailingData:      {"data after UNZ", 16},
	KindSecondInterchange: {"a second interchange in the file", 16},
	KindDuplicateMessage:  {"message reference number occurs twice", 26},
	KindMissingUNT:        {"UNT is missing", 13},
	KindSegmentCount:      {"UNT does not count the segments of the message", 29},
	KindMessageRef:        {"references in UNH and UNT differ", 28},
	KindMissingElement:    {"mandatory reference or counter is missing", 13},
	KindCounter:           {"counter is not a number", 12},
	KindTooLong:           {"counter is too long", 39},
	KindTooManyElements:   {"too many elements in the service segment", 16},
	KindTooManyComponents: {"too many components in the composite", 16},
	KindTag:               {"segment tag is not three upper-case letters", 15},
	KindEmptySegment:      {"empty segment", 15},
	KindOctet:             {"character outside the repertoire of UNOC", 21},
	KindStrayRelease:      {"release character before an ordinary character", 22},
	KindRelease:           {"release character without a character to release", 22},
	KindUnterminated:      {"the file ends inside a segment", 22},
	KindMessageTooLong:    {"message is larger than the limit", 0},
	KindSegmentTooLong:    {"segment is larger than the limit", 0},
}

// SyntaxError is one departure from the syntax, with its place. It is a fact about the input and not a failure
// of the Reader.
type SyntaxError struct {
	Kind  Kind
	Pos   Position
	Found string // what is there, as UTF-8 and cut to a few characters; may be empty
	Want  string // what should be there; may be empty

	// Tolerated says that a reader of the market accepts the file all the same.
	Tolerated bool
}

// Error names the error, its place and the CONTRL code.
func (e *SyntaxError) Error() string {
	s := fmt.Sprintf("edifact: %s: %s", e.Pos, kinds[e.Kind].text)
	if e.Found != "" {
		s += fmt.Sprintf(", found %q", e.Found)
	}
	if e.Want != "" {
		s += fmt.Sprintf(", want %q", e.Want)
	}
	if c := e.Code(); c != 0 {
		s += fmt.Sprintf(" (CONTRL 0085 = %d)", c)
	}
	return s
}

// Level returns the segment of CONTRL that carries the error.
//
// Spec: CONTRL AHB 1.0: UNA, UNB, UNZ are reported by UCI, UNH and UNT by UCM, all others by UCS and UCD
func (e *SyntaxError) Level() Level {
	switch {
	case kinds[e.Kind].code == 0:
		return LevelNone
	case e.Kind == KindTag || e.Kind == KindEmptySegment:
		return LevelSegment
	case e.Pos.Message == 0:
		return LevelInterchange
	case e.Pos.Tag == UNH || e.Pos.Tag == UNT:
		return LevelMessage
	case e.Pos.Element == 0:
		return LevelSegment
	}
	return LevelElement
}

// Code returns DE 0085 of CONTRL, 0 if no code exists. UCI has neither code 22 nor 39: a bad release character in UNB is
// an invalid character (21) there, an unterminated UNB or UNZ is incomplete (13), a long counter an invalid value (12).
func (e *SyntaxError) Code() int {
	if e.Level() == LevelInterchange {
		switch e.Kind {
		case KindRelease, KindStrayRelease:
			return 21
		case KindUnterminated:
			return 13
		case KindTooLong:
			return 12
		default:
		}
	}
	return kinds[e.Kind].code
}

// String returns what is wrong in a few English words.
func (k Kind) String() string {
	if k >= kindCount {
		return fmt.Sprintf("Kind(%d)", uint8(k))
	}
	return kinds[k].text
}
