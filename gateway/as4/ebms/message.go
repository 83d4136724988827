package ebms

import "time"

// UserMessage is a message that carries something from one Marktpartner to another.
//
// Spec: OASIS ebMS 3.0 Core 5.2.2
type UserMessage struct {
	MessageID      string
	RefToMessageID string    // not used by the profile
	Timestamp      time.Time // when it was made; written in UTC with milliseconds
	MPC            string    // message partition channel, empty for the default
	From, To       Party
	Agreement      string
	Service        string
	Action         string
	ConversationID string     // empty by the profile
	Properties     []Property // of the message; the profile has none
	Parts          []PartInfo
}

// Party is a sender or recipient.
type Party struct {
	ID   string // MP-ID, 13 digits
	Type string // code list of the ID, one of the PartyType constants
	Role string // RoleInitiator or RoleResponder
}

// PartInfo describes one payload.
type PartInfo struct {
	Href       string // cid URL of the payload
	Properties []Property
}

// Property is a name with its value.
type Property struct {
	Name  string
	Type  string // attribute type, mostly empty
	Value string
}

// Property returns the value of a property of the part, and whether it is there.
func (p PartInfo) Property(name string) (string, bool) {
	for _, q := range p.Properties {
		if q.Name == name {
			return q.Value, true
		}
	}
	return "", false
}
