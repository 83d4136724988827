package ebms

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
)

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

// Property returns the value of a property of the payload, and whether it is there.
func (p PartInfo) Property(name string) (string, bool) {
	for _, q := range p.Properties {
		if q.Name == name {
			return q.Value, true
		}
	}
	return "", false
}

// NewMessageID returns an ID that no message had before: a UUID and the name of the own host.
//
// Spec: BDEW AS4-Profil 1.1, 2.2.3.1
func NewMessageID(host string) string { return uuid.NewString() + "@" + host }

// maxMessageID is the longest MessageId in characters.
const maxMessageID = 255

// CheckMessageID checks the form of a MessageId and returns a *Fault. Foreign IDs need not be those of RFC 5322: they are
// compared and never taken apart.
func CheckMessageID(id string) error {
	switch {
	case id == "":
		return Faultf(InvalidHeader, "the MessageId is empty")
	case utf8.RuneCountInString(id) > maxMessageID:
		return Faultf(InvalidHeader, "the MessageId has more than %d characters", maxMessageID)
	case strings.ContainsFunc(id, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }):
		return Faultf(InvalidHeader, "the MessageId has spaces or control characters")
	}
	return nil
}
