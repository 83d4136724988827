package edifact

import "fmt"

// Kind says what is wrong with the syntax. Kinds are facts about the file; Code and Level say how CONTRL names
// them.
type Kind uint8

// The kinds of syntax errors that can be found without knowing the message type.
const (
	_ Kind = iota

	// Without a readable UNB nothing can be answered.
	KindEmpty          // the input has no bytes, or only line breaks and spaces
	KindByteOrderMark  // the input begins with a UTF-8 byte order mark; reading goes on behind it
	KindNotEDIFACT     // the input does not begin with UNA or UNB
	KindWideCharacters // the input is UTF-16 or UTF-32

	// The interchange: UNA, UNB, UNZ.
	KindServiceChars          // UNA names characters that cannot serve, or is cut off
	KindSyntaxIdentifier      // UNB 0001 is not UNOC
	KindSyntaxVersion         // UNB 0002 is not 3
	KindMissingControlRef     // UNB 0020 is empty
	KindMissingUNZ            // the input ends, or the next UNB comes, before UNZ
	KindInterchangeCount      // UNZ 0036 is not the number of messages
	KindInterchangeRef        // UNZ 0020 differs from UNB 0020
	KindNoMessage             // no UNH between UNB and UNZ
	KindFunctionalGroup       // UNG or UNE; not used in this market
	KindOutsideMessage        // a segment between UNB, UNT, UNH and UNZ
	KindTrailingData          // something other than line breaks and spaces after UNZ
	KindSecondInterchange     // another UNB in an input that may hold one interchange
	KindUnterminatedUNZ       // the input ends before the terminator of UNB or UNZ
	KindInterchangeCountValue // UNZ 0036 is not a number

	// The message: UNH, UNT.
	KindMissingMessageRef // UNH 0062 is empty
	KindDuplicateMessage  // UNH 0062 occurred before in the interchange
	KindMissingUNT        // UNH or UNZ comes, or the input ends, before UNT
	KindSegmentCount      // UNT 0074 is not the number of segments
	KindSegmentCountValue // UNT 0074 is not a number
	KindMessageRef        // UNT 0062 differs from UNH 0062
	KindMixedTypes        // UNH 0065 differs from that of the first message

	// Segments and elements.
	KindTag            // the tag is not three upper-case letters
	KindEmptySegment   // terminator follows terminator
	KindOctet          // an octet outside the repertoire of UNOC
	KindStrayRelease   // a release character before an ordinary character; tolerated unless Options.Strict
	KindRelease        // a release character before a character outside the repertoire or at the end of the input
	KindUnterminated   // the input ends inside a segment
	KindWrongCharset   // the bytes are UTF-8 although UNB says UNOC; legal octets, broken text; a warning
	KindLeadingSpace   // line breaks or spaces before UNA or UNB; tolerated
	KindMessageTooLong // a message is larger than Limits.MaxMessageBytes; the rest of the input is skipped
	KindSegmentTooLong // a segment is larger than Limits.MaxSegmentBytes; the rest of the input is skipped
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
	KindEmpty:                 {"the file is empty", 0},
	KindByteOrderMark:         {"the file begins with a byte order mark, which is not in the repertoire of UNOC", 21},
	KindNotEDIFACT:            {"the file does not begin with UNA or UNB", 0},
	KindWideCharacters:        {"the file is UTF-16 or UTF-32, not UNOC (ISO 8859-1)", 0},
	KindServiceChars:          {"UNA names characters that cannot be service characters", 20},
	KindSyntaxIdentifier:      {"syntax identifier is not UNOC", 2},
	KindSyntaxVersion:         {"syntax version is not 3", 2},
	KindMissingControlRef:     {"interchange control reference is missing", 13},
	KindMissingUNZ:            {"UNZ is missing", 13},
	KindInterchangeCount:      {"UNZ does not count the messages of the interchange", 29},
	KindInterchangeRef:        {"references in UNB and UNZ differ", 28},
	KindNoMessage:             {"the interchange holds no message", 32},
	KindFunctionalGroup:       {"functional groups (UNG, UNE) are not used", 16},
	KindOutsideMessage:        {"segment outside a message", 16},
	KindTrailingData:          {"data after UNZ", 16},
	KindSecondInterchange:     {"a second interchange in the file", 16},
	KindUnterminatedUNZ:       {"the file ends before the segment terminator", 13},
	KindInterchangeCountValue: {"message count in UNZ is missing or no number", 29},
	KindMissingMessageRef:     {"message reference number is missing", 13},
	KindDuplicateMessage:      {"message reference number occurs twice", 26},
	KindMissingUNT:            {"UNT is missing", 13},
	KindSegmentCount:          {"UNT does not count the segments of the message", 29},
	KindSegmentCountValue:     {"segment count in UNT is missing or no number", 29},
	KindMessageRef:            {"references in UNH and UNT differ", 28},
	KindMixedTypes:            {"message type differs from the first message", 12},
	KindTag:                   {"segment tag is not three upper-case letters", 15},
	KindEmptySegment:          {"empty segment", 15},
	KindOctet:                 {"character outside the repertoire of UNOC", 21},
	KindStrayRelease:          {"release character before an ordinary character", 22},
	KindRelease:               {"release character without a character to release", 22},
	KindUnterminated:          {"the file ends inside a segment", 22},
	KindWrongCharset:          {"text looks like UTF-8 although UNB says UNOC", 0},
	KindLeadingSpace:          {"line breaks or spaces before UNA or UNB", 0},
	KindMessageTooLong:        {"message is larger than the limit", 0},
	KindSegmentTooLong:        {"segment is larger than the limit", 0},
}

// SyntaxError is one departure from the syntax, with its place. It is a fact about the input and not a failure
// of the Reader.
type SyntaxError struct {
	Kind  Kind
	Pos   Position
	Found string // what is there, as UTF-8 and cut to a few characters; may be empty
	Want  string // what should be there; may be empty
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

// Tolerated reports whether a reader of the market accepts the file all the same.
func (e *SyntaxError) Tolerated() bool {
	switch e.Kind {
	case KindStrayRelease, KindWrongCharset, KindLeadingSpace:
		return true
	}
	return false
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

// Code returns DE 0085 of CONTRL, 0 if no code exists. UCI has no code 22, so a bad release character in UNB or
// UNZ is an invalid character (21) there.
func (e *SyntaxError) Code() int {
	code := kinds[e.Kind].code
	if code == 22 && e.Level() == LevelInterchange {
		return 21
	}
	return code
}
