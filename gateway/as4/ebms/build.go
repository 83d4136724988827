package ebms

import (
	"strings"
	"time"

	"github.com/marktbote/marktbote/gateway/as4/xmltree"
)

// NewEnvelope returns the SOAP envelope of a message: a header with eb:Messaging, to which wss adds its own, and an empty
// Body. Both have a wsu:Id for the signature, made from the MessageId.
//
// Spec: BDEW AS4-Profil 1.1, 2.2.3; OASIS ebMS 3.0 Core 5.2
func NewEnvelope(m Message) *xmltree.Element {
	root := xmltree.New("S12", SOAPNamespace, "Envelope").
		Declare("S12", SOAPNamespace).Declare("eb", Namespace).Declare("wsu", wsuNamespace)
	messaging := root.Add("S12", SOAPNamespace, "Header").Add("eb", Namespace, "Messaging")
	messaging.SetNS("S12", SOAPNamespace, "mustUnderstand", "true")
	id := xmlID(m.ID())
	messaging.SetNS("wsu", wsuNamespace, "Id", "M-"+id)
	root.Add("S12", SOAPNamespace, "Body").SetNS("wsu", wsuNamespace, "Id", "B-"+id)
	messaging.Append(m.build().Element)
	return root
}

// xmlID returns the first part of a MessageId with all characters that an xsd:ID may have behind its first.
func xmlID(messageID string) string {
	local, _, _ := strings.Cut(messageID, "@")
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '.' {
			return r
		}
		return '_'
	}, local)
}

// content is an element of the header that is being written.
type content struct{ *xmltree.Element }

func newContent(name string) content { return content{xmltree.New("eb", Namespace, name)} }

func (c content) add(name string) content { return content{c.Add("eb", Namespace, name)} }

func (c content) text(name, value string) content {
	return content{c.AddText("eb", Namespace, name, value)}
}

// info writes MessageInfo.
func (c content) info(at time.Time, id, refTo string) {
	info := c.add("MessageInfo")
	info.text("Timestamp", at.UTC().Format("2006-01-02T15:04:05.000Z"))
	info.text("MessageId", id)
	if refTo != "" {
		info.text("RefToMessageId", refTo)
	}
}

func (c content) party(name string, p Party) {
	party := c.add(name)
	id := party.text("PartyId", p.ID)
	if p.Type != "" {
		id.Set("type", p.Type)
	}
	party.text("Role", p.Role)
}

func (c content) properties(name string, list []Property) {
	if len(list) == 0 {
		return
	}
	c = c.add(name)
	for _, p := range list {
		property := c.text("Property", p.Value).Set("name", p.Name)
		if p.Type != "" {
			property.Set("type", p.Type)
		}
	}
}

func (m UserMessage) build() content {
	c := newContent("UserMessage")
	if m.MPC != "" {
		c.Set("mpc", m.MPC)
	}
	c.info(m.Timestamp, m.MessageID, m.RefToMessageID)
	parties := c.add("PartyInfo")
	parties.party("From", m.From)
	parties.party("To", m.To)
	collaboration := c.add("CollaborationInfo")
	if m.Agreement != "" {
		collaboration.text("AgreementRef", m.Agreement)
	}
	collaboration.text("Service", m.Service)
	collaboration.text("Action", m.Action)
	collaboration.text("ConversationId", m.ConversationID)
	c.properties("MessageProperties", m.Properties)
	if len(m.Parts) > 0 {
		payloads := c.add("PayloadInfo")
		for _, p := range m.Parts {
			info := payloads.add("PartInfo")
			if p.Href != "" {
				info.Set("href", p.Href)
			}
			info.properties("PartProperties", p.Properties)
		}
	}
	return c
}
