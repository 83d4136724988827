package ebms

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/marktbote/marktbote/gateway/as4/xmltree"
)

// sha256URI is the only digest of the profile.
const sha256URI = "http://www.w3.org/2001/04/xmlenc#sha256"

// Receipt says that a user message arrived and passed all checks of the AS4 layer. Its signature covers the digests of
// what arrived, so that neither side can deny it later.
//
// Spec: AS4 Profile 1.0, 5.1.8 and 3.4; BDEW AS4-Profil 1.1, 2.2.5
type Receipt struct {
	MessageID      string
	RefToMessageID string // of the user message
	Timestamp      time.Time

	// References are the ds:Reference elements of the signature of the user message. They stay in the tree they come
	// from; NewEnvelope copies them.
	References []*xmltree.Element
}

func (r Receipt) build() content {
	c := newContent("SignalMessage")
	c.info(r.Timestamp, r.MessageID, r.RefToMessageID)
	info := c.add("Receipt").Add("ebbp", ebbpNamespace, "NonRepudiationInformation").Declare("ebbp", ebbpNamespace)
	for _, ref := range r.References {
		// The copy brings its own names: prefixes that are declared outside of it are declared again when it is written.
		// Prefixes in the list of InclusiveNamespaces are about the signed element and need no declaration here.
		info.Add("ebbp", ebbpNamespace, "MessagePartNRInformation").Append(ref.Clone())
	}
	return c
}

// parseReceipt returns the references in eb:Receipt. Receipts of other kinds have none and match nothing.
func parseReceipt(e *xmltree.Element) ([]*xmltree.Element, error) {
	var refs []*xmltree.Element
	infos := e.Elements(ebbpNamespace, "NonRepudiationInformation")
	if len(infos) > 1 {
		return nil, Faultf(InvalidHeader, "Receipt has more than one NonRepudiationInformation")
	}
	for _, info := range infos {
		for _, part := range info.Elements(ebbpNamespace, "MessagePartNRInformation") {
			refs = append(refs, part.Elements(dsNamespace, "Reference")...)
		}
	}
	return refs, nil
}

// Signed is what a signature says about one signed thing of a message that we sent.
type Signed struct {
	URI    string // of the ds:Reference
	Digest []byte // SHA-256
	Body   bool   // the SOAP Body, which is empty; some products leave it out of their receipts
}

// MatchReceipt checks that a receipt is about a message that we sent: its ID, and the digests of everything that was
// signed, except perhaps the Body. Transforms may be spelt differently. What does not fit is a *Fault with InvalidReceipt.
// Who signed the receipt is not looked at here.
//
// Spec: AS4 Profile 1.0, 3.4 and 5.1.8
func MatchReceipt(messageID string, sent []Signed, r *Receipt) error {
	if r.RefToMessageID != messageID {
		return Faultf(InvalidReceipt, "the receipt is about another message")
	}
	if len(sent) == 0 {
		return Faultf(InvalidReceipt, "nothing was signed that the receipt could be about")
	}
	found := make([]bool, len(sent))
	for _, e := range r.References {
		uri, digest, err := readReference(e)
		if err != nil {
			return &Fault{Code: InvalidReceipt, Text: "a reference in the receipt cannot be read", Err: err}
		}
		matched := false
		for i, s := range sent {
			if sameURI(uri, s.URI) {
				if !bytes.Equal(digest, s.Digest) {
					return Faultf(InvalidReceipt, "a digest in the receipt is not that of what was sent")
				}
				found[i], matched = true, true
			}
		}
		if !matched {
			return Faultf(InvalidReceipt, "the receipt is about something that was not sent")
		}
	}
	for i, s := range sent {
		if !found[i] && !s.Body {
			return Faultf(InvalidReceipt, "the receipt leaves out something that was sent")
		}
	}
	return nil
}

// readReference reads what a ds:Reference says.
func readReference(e *xmltree.Element) (uri string, digest []byte, err error) {
	uri, _ = e.Attr("", "URI")
	methods, values := e.Elements(dsNamespace, "DigestMethod"), e.Elements(dsNamespace, "DigestValue")
	if len(methods) != 1 || len(values) != 1 {
		return "", nil, errors.New("ebms: reference without one digest")
	}
	if method, _ := methods[0].Attr("", "Algorithm"); method != sha256URI {
		return "", nil, fmt.Errorf("ebms: digest method %q", method)
	}
	coded := strings.Join(strings.FieldsFunc(values[0].Text(), func(r rune) bool { return strings.ContainsRune(whiteSpace, r) }), "")
	digest, err = base64.StdEncoding.DecodeString(coded)
	return uri, digest, err
}

// sameURI reports whether two references name the same thing. cid URLs may differ in what is escaped.
func sameURI(a, b string) bool {
	if a == b {
		return true
	}
	idA, errA := ContentID(a)
	idB, errB := ContentID(b)
	return errA == nil && errB == nil && idA == idB
}
