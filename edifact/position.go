package edifact

import "fmt"

// Tag is a segment tag of three upper-case letters, packed so that it can be compared and switched on without
// touching memory.
type Tag uint32

// The service segments of ISO 9735 syntax version 3.
const (
	UNA Tag = 'U'<<16 | 'N'<<8 | 'A'
	UNB Tag = 'U'<<16 | 'N'<<8 | 'B'
	UNG Tag = 'U'<<16 | 'N'<<8 | 'G'
	UNE Tag = 'U'<<16 | 'N'<<8 | 'E'
	UNH Tag = 'U'<<16 | 'N'<<8 | 'H'
	UNS Tag = 'U'<<16 | 'N'<<8 | 'S'
	UNT Tag = 'U'<<16 | 'N'<<8 | 'T'
	UNZ Tag = 'U'<<16 | 'N'<<8 | 'Z'
)

// MakeTag packs a tag; it returns 0 if s is not three upper-case letters A to Z.
func MakeTag(s string) Tag {
	if len(s) != 3 {
		return 0
	}
	return packTag(s[0], s[1], s[2])
}

func packTag(a, b, c byte) Tag {
	if a-'A' > 'Z'-'A' || b-'A' > 'Z'-'A' || c-'A' > 'Z'-'A' {
		return 0
	}
	return Tag(a)<<16 | Tag(b)<<8 | Tag(c)
}

// String returns the three letters, or "" for the zero Tag.
func (t Tag) String() string {
	if t == 0 {
		return ""
	}
	return string([]byte{byte(t >> 16), byte(t >> 8), byte(t)})
}

// Position says where something stands. Element and Component count as CONTRL does: the tag is element 1, each
// simple or composite data element adds one (DE 0098); components count from 1 within their composite (DE 0104).
// Zero means "not applicable".
//
// Spec: CONTRL MIG 2.0b, S011 (0098, 0104), UCS 0096
type Position struct {
	Offset    int64 // bytes from the start of the input to the first byte meant
	Length    int   // bytes meant; 0 for something that is missing
	Message   int   // message in the interchange, from 1; 0 outside messages
	Segment   int   // segment in the message, UNH = 1; 0 outside messages
	Tag       Tag   // tag of the segment; 0 if it has none
	Element   int   // DE 0098
	Component int   // DE 0104
}

// String formats the position for people: "byte 120, message 1, segment 7 (DTM), element 2, component 1".
func (p Position) String() string {
	s := fmt.Sprintf("byte %d", p.Offset)
	if p.Message > 0 {
		s += fmt.Sprintf(", message %d", p.Message)
	}
	if p.Segment > 0 {
		s += fmt.Sprintf(", segment %d", p.Segment)
	}
	if p.Tag != 0 {
		s += " (" + p.Tag.String() + ")"
	}
	if p.Element > 0 {
		s += fmt.Sprintf(", element %d", p.Element)
	}
	if p.Component > 0 {
		s += fmt.Sprintf(", component %d", p.Component)
	}
	return s
}
