// Package ebms is the ebMS 3.0 header of AS4 as the BDEW profile uses it: user messages, receipts and errors.
//
// A SOAP message carries one of three things in the element eb:Messaging of its header, and nothing in its Body:
//
//	*UserMessage   from one Marktpartner to another, with references to its payloads
//	*Receipt       "we have it": the digests of what arrived; it is the time of delivery before the law
//	*ErrorSignal   "we refuse it": one or more errors from the table of ebMS and AS4
//
// NewEnvelope writes them and ParseMessaging reads them. What a header may say is in the rules of UserMessage.Check,
// whether a receipt is about what was sent in MatchReceipt, and what the sender does about an answer in Answer.Outcome.
// Everything that is wrong with a message of a partner is a *Fault, which becomes an ErrorSignal with NewErrorSignal.
//
// Signature and encryption are not looked at here, and neither are MIME parts.
package ebms

// Namespaces of the header.
const (
	Namespace     = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/"
	SOAPNamespace = "http://www.w3.org/2003/05/soap-envelope"
	wsuNamespace  = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
	ebbpNamespace = "http://docs.oasis-open.org/ebxml-bp/ebbp-signals-2.0"
	dsNamespace   = "http://www.w3.org/2000/09/xmldsig#"
)

// Message is a *UserMessage, *Receipt or *ErrorSignal.
type Message interface {
	// ID returns the message's own ID.
	ID() string
	build() content
}

// ID implements Message.
func (m UserMessage) ID() string { return m.MessageID }

// ID implements Message.
func (r Receipt) ID() string { return r.MessageID }

// ID implements Message.
func (s ErrorSignal) ID() string { return s.MessageID }
