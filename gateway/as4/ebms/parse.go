package ebms

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/marktbote/marktbote/gateway/as4/xmltree"
)

// maxValue is the longest text of a header in characters; the schema has 255 for most.
const maxValue = 1024

// ParseMessaging reads an element eb:Messaging and returns a *UserMessage, *Receipt or *ErrorSignal. It takes what the
// schema of ebMS allows, in any order, with surrounding white space removed from values; it refuses what could be
// understood in two ways, such as an element that occurs twice or text between elements. Errors are *Fault.
//
// Spec: OASIS ebMS 3.0 Core 5.2
func ParseMessaging(messaging *xmltree.Element) (Message, error) {
	if !messaging.Is(Namespace, "Messaging") {
		return nil, Faultf(InvalidHeader, "the header has no Messaging")
	}
	if err := onlyElements(messaging); err != nil {
		return nil, err
	}
	var found *xmltree.Element
	for c := range messaging.All() {
		if c.Space != Namespace {
			continue // an extension, as the schema has it
		}
		if found != nil {
			return nil, Faultf(InvalidHeader, "Messaging has more than one message")
		}
		found = c
	}
	switch {
	case found == nil:
		return nil, Faultf(InvalidHeader, "Messaging has no message")
	case found.Local == "UserMessage":
		return parseUserMessage(found)
	case found.Local == "SignalMessage":
		return parseSignal(found)
	}
	return nil, Faultf(InvalidHeader, "Messaging has an unknown element")
}

func parseUserMessage(e *xmltree.Element) (*UserMessage, error) {
	c, err := children(e, "MessageInfo", "PartyInfo", "CollaborationInfo", "MessageProperties?", "PayloadInfo?")
	if err != nil {
		return nil, err
	}
	m := &UserMessage{}
	m.MPC, _ = e.Attr("", "mpc")
	if m.Timestamp, m.MessageID, m.RefToMessageID, err = parseInfo(c.one("MessageInfo")); err != nil {
		return nil, err
	}
	parties, err := children(c.one("PartyInfo"), "From", "To")
	if err != nil {
		return nil, err
	}
	if m.From, err = parseParty(parties.one("From")); err != nil {
		return nil, err
	}
	if m.To, err = parseParty(parties.one("To")); err != nil {
		return nil, err
	}
	// ConversationId must be there by the schema and says nothing in the profile, so it is not missed.
	collaboration, err := children(c.one("CollaborationInfo"), "AgreementRef?", "Service", "Action", "ConversationId?")
	if err != nil {
		return nil, err
	}
	for _, v := range []struct {
		name  string
		value *string
	}{{"AgreementRef", &m.Agreement}, {"Service", &m.Service}, {"Action", &m.Action}, {"ConversationId", &m.ConversationID}} {
		if *v.value, err = text(collaboration.one(v.name)); err != nil {
			return nil, err
		}
	}
	if m.Properties, err = parseProperties(c.one("MessageProperties")); err != nil {
		return nil, err
	}
	m.Parts, err = parseParts(c.one("PayloadInfo"))
	return m, err
}

// parseInfo reads MessageInfo.
func parseInfo(e *xmltree.Element) (at time.Time, id, refTo string, err error) {
	c, err := children(e, "Timestamp", "MessageId", "RefToMessageId?")
	if err != nil {
		return at, "", "", err
	}
	written, err := text(c.one("Timestamp"))
	if err != nil {
		return at, "", "", err
	}
	if at, err = parseTime(written); err != nil {
		return at, "", "", err
	}
	if id, err = text(c.one("MessageId")); err != nil {
		return at, "", "", err
	}
	if err := CheckMessageID(id); err != nil {
		return at, "", "", err
	}
	refTo, err = text(c.one("RefToMessageId"))
	return at, id, refTo, err
}

// parseTime reads an xsd:dateTime. One without time zone is UTC, as ebMS asks for.
func parseTime(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05"} { // both take fractions of a second
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, Faultf(InvalidHeader, "the Timestamp is no time")
}

func parseParty(e *xmltree.Element) (p Party, err error) {
	c, err := children(e, "PartyId", "Role")
	if err != nil {
		return p, err
	}
	if p.ID, err = text(c.one("PartyId")); err != nil {
		return p, err
	}
	p.Type, _ = c.one("PartyId").Attr("", "type")
	p.Role, err = text(c.one("Role"))
	return p, err
}

func parseProperties(e *xmltree.Element) ([]Property, error) {
	if e == nil {
		return nil, nil
	}
	c, err := children(e, "Property*")
	if err != nil {
		return nil, err
	}
	var list []Property
	for _, property := range c["Property"] {
		var p Property
		p.Name, _ = property.Attr("", "name")
		p.Type, _ = property.Attr("", "type")
		if p.Value, err = text(property); err != nil {
			return nil, err
		}
		if p.Name == "" {
			return nil, Faultf(InvalidHeader, "a Property has no name")
		}
		list = append(list, p)
	}
	return list, nil
}

func parseParts(e *xmltree.Element) ([]PartInfo, error) {
	if e == nil {
		return nil, nil
	}
	c, err := children(e, "PartInfo*")
	if err != nil {
		return nil, err
	}
	var parts []PartInfo
	for _, info := range c["PartInfo"] {
		c, err := children(info, "Schema?", "Description*", "PartProperties?") // the first two say nothing to us
		if err != nil {
			return nil, err
		}
		var p PartInfo
		p.Href, _ = info.Attr("", "href")
		if p.Properties, err = parseProperties(c.one("PartProperties")); err != nil {
			return nil, err
		}
		seen := map[string]bool{}
		for _, q := range p.Properties {
			if seen[q.Name] { // and which of the two says how to read the payload?
				return nil, Faultf(InvalidHeader, "a Property of a payload occurs twice")
			}
			seen[q.Name] = true
		}
		parts = append(parts, p)
	}
	return parts, nil
}

func parseSignal(e *xmltree.Element) (Message, error) {
	c, err := children(e, "MessageInfo", "PullRequest?", "Receipt?", "Error*", "*")
	if err != nil {
		return nil, err
	}
	at, id, refTo, err := parseInfo(c.one("MessageInfo"))
	if err != nil {
		return nil, err
	}
	receipt, errs := c.one("Receipt"), c["Error"]
	switch {
	case c.one("PullRequest") != nil:
		return nil, Faultf(FeatureNotSupported, "messages are not pulled")
	case receipt != nil && len(errs) == 0:
		r := &Receipt{MessageID: id, RefToMessageID: refTo, Timestamp: at}
		r.References, err = parseReceipt(receipt)
		return r, err
	case receipt == nil && len(errs) > 0:
		s := &ErrorSignal{MessageID: id, RefToMessageID: refTo, Timestamp: at}
		for _, e := range errs {
			s.Errors = append(s.Errors, parseError(e))
		}
		return s, nil
	}
	return nil, Faultf(InvalidHeader, "SignalMessage is neither a receipt nor errors")
}

// elements are child elements by local name.
type elements map[string][]*xmltree.Element

// one returns the only element of a name, nil if there is none.
func (c elements) one(name string) *xmltree.Element {
	if list := c[name]; len(list) > 0 {
		return list[0]
	}
	return nil
}

// children returns the child elements of e, all in the namespace of ebMS. Names say what may be there: "Name" exactly
// once, "Name?" at most once, "Name*" any number, and "*" elements of other namespaces, which are left out.
func children(e *xmltree.Element, names ...string) (elements, error) {
	if err := onlyElements(e); err != nil {
		return nil, err
	}
	found := elements{}
	for c := range e.All() {
		known := c.Space == Namespace && (slices.Contains(names, c.Local) || slices.Contains(names, c.Local+"?") || slices.Contains(names, c.Local+"*"))
		switch {
		case known:
			found[c.Local] = append(found[c.Local], c)
		case c.Space == Namespace || !slices.Contains(names, "*"):
			return nil, Faultf(InvalidHeader, "%s has an element that is unknown or in a wrong namespace", e.Local)
		}
	}
	for _, name := range names {
		base := strings.TrimRight(name, "?*")
		n := len(found[base])
		if n > 1 && !strings.HasSuffix(name, "*") {
			return nil, Faultf(InvalidHeader, "%s has more than one %s", e.Local, base)
		}
		if n == 0 && name == base {
			return nil, Faultf(InvalidHeader, "%s has no %s", e.Local, base)
		}
	}
	return found, nil
}

// onlyElements checks that there is no text between the elements in e.
func onlyElements(e *xmltree.Element) error {
	if strings.Trim(e.Text(), whiteSpace) != "" {
		return Faultf(InvalidHeader, "%s has text between its elements", e.Local)
	}
	return nil
}

const whiteSpace = " \t\r\n"

// text returns the text of an element that holds nothing else, without surrounding white space; "" for nil.
func text(e *xmltree.Element) (string, error) {
	if e == nil {
		return "", nil
	}
	for range e.All() {
		return "", Faultf(InvalidHeader, "%s has elements in its text", e.Local)
	}
	s := strings.Trim(e.Text(), whiteSpace)
	if utf8.RuneCountInString(s) > maxValue {
		return "", Faultf(InvalidHeader, "%s is longer than %d characters", e.Local, maxValue)
	}
	return s, nil
}
