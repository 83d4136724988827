// Package nasty plays a Marktpartner who misbehaves: as a Server that receives and answers, and as a Client that sends.
// Tests, the partner command and people who commission a gateway use it to see what happens when a receipt is lost, a
// certificate has expired or a connection breaks.
//
//	pki, err := testpki.New()
//	partner, err := nasty.NewIdentity(pki, "9800000000002", "partner.example")
//	s := &nasty.Server{Identity: partner, Script: []nasty.Behaviour{nasty.DropAfterBody, nasty.Duplicate}}
//	http.Serve(listener, s)                    // the first message is taken without an answer, all later ones are "duplicates"
//
//	c := &nasty.Client{Identity: partner, URL: "http://127.0.0.1:8480/as4"}
//	answers, err := c.Send(ctx, nasty.Message{To: gateway, Certificate: encryption, Payload: file}, nasty.Tampered)
//
// Apart from the behaviour asked for, both keep all rules, so that a refusal has one cause only. They speak plain HTTP:
// TLS is in front of a gateway, and what goes wrong there is not played here.
package nasty

import (
	"fmt"
	"slices"
	"strings"

	"github.com/marktbote/marktbote/gateway/as4/ebms"
)

// Behaviour is what a partner does wrong, in the words of the command line. Beside the constants there is error-CODE,
// such as error-EBMS:0102: a server that refuses everything with this code.
type Behaviour string

// What a server or a client does.
const (
	Good          Behaviour = "good"
	Duplicate     Behaviour = "duplicate"
	WrongMPID     Behaviour = "wrong-mpid"
	ExpiredCert   Behaviour = "expired-cert"
	Unsigned      Behaviour = "unsigned"
	Reset         Behaviour = "reset"
	Slow          Behaviour = "slow"
	DropAfterBody Behaviour = "drop-after-body"
	NoReceipt     Behaviour = "no-receipt"
	LateReceipt   Behaviour = "late-receipt"
	Garbage       Behaviour = "garbage-receipt"
	WrongDigest   Behaviour = "wrong-digest-receipt"
	NoBodyDigest  Behaviour = "receipt-without-body"
	Multipart     Behaviour = "receipt-multipart"
	Unavailable   Behaviour = "503"
	Text400       Behaviour = "text-400"
	Unencrypted   Behaviour = "unencrypted"
	Tampered      Behaviour = "tampered"
	WrongKey      Behaviour = "wrong-key"
	NotGzip       Behaviour = "not-gzip"
	NotXML        Behaviour = "not-xml"
)

// Description explains a behaviour.
type Description struct {
	Behaviour Behaviour
	Server    string // what a server does, empty if it cannot
	Client    string // what a client does, empty if it cannot
}

const errorPrefix = "error-"

var descriptions = []Description{
	{Good, "a signed receipt", "a signed and encrypted message"},
	{Duplicate, "the error EBMS:4001, as if the message had come before", "the message twice, the same bytes"},
	{WrongMPID, "a receipt signed by another Marktpartner", "a message signed by another Marktpartner"},
	{ExpiredCert, "a receipt signed with a certificate that ended yesterday", "a message signed with a certificate that ended yesterday"},
	{Unsigned, "a receipt without signature", "a message without signature"},
	{Reset, "closes with a reset before the body is read", "closes with a reset in the middle of the body"},
	{Slow, "a receipt in small pieces", "a message in small pieces"},
	{DropAfterBody, "takes the message and closes without an answer", "sends the message and closes without reading the answer"},
	{NoReceipt, "200 with nothing in it", ""},
	{LateReceipt, "a receipt after a while", ""},
	{Garbage, "200 with half an envelope", ""},
	{WrongDigest, "a signed receipt with a digest of something else", ""},
	{NoBodyDigest, "a receipt that leaves out the SOAP Body (permitted)", ""},
	{Multipart, "a receipt as MIME package of one part (permitted)", ""},
	{Unavailable, "503 with a page of HTML", ""},
	{Text400, "400 with a line of text instead of an ebMS error", ""},
	{errorPrefix + "EBMS:0004", "the error with this code; any code will do", ""},
	{Unencrypted, "", "a message whose payload is signed and not encrypted"},
	{Tampered, "", "a message whose payload was changed after signing"},
	{WrongKey, "", "a message encrypted for somebody else"},
	{NotGzip, "", "a message whose payload is not compressed although it says so"},
	{NotXML, "", "a message whose envelope ends in the middle"},
}

// Descriptions returns all behaviours in the order in which they are explained.
func Descriptions() []Description { return slices.Clone(descriptions) }

// code returns the code of error-CODE.
func (b Behaviour) code() (ebms.Code, bool) {
	code, ok := strings.CutPrefix(string(b), errorPrefix)
	return ebms.Code(code), ok && code != ""
}

// ForServer parses a list such as "drop-after-body,good": the first message gets the first behaviour and so on, those
// that are left over the last.
func ForServer(list string) ([]Behaviour, error) {
	var script []Behaviour
	for name := range strings.SplitSeq(list, ",") {
		b := Behaviour(strings.TrimSpace(name))
		if _, ok := b.code(); !ok && !known(b, func(d Description) string { return d.Server }) {
			return nil, fmt.Errorf("nasty: a server cannot %q", b)
		}
		script = append(script, b)
	}
	return script, nil
}

// ForClient parses the behaviour of a client.
func ForClient(name string) (Behaviour, error) {
	b := Behaviour(name)
	if !known(b, func(d Description) string { return d.Client }) {
		return "", fmt.Errorf("nasty: a client cannot %q", b)
	}
	return b, nil
}

func known(b Behaviour, text func(Description) string) bool {
	return slices.ContainsFunc(descriptions, func(d Description) bool { return d.Behaviour == b && text(d) != "" })
}
