package wss

import (
	"strings"

	"github.com/marktbote/marktbote/gateway/as4/xmltree"
)

// Envelope is a SOAP envelope with what the profile wants in it, each at the one place where it may stand.
type Envelope struct {
	Root, Header, Messaging, Body *xmltree.Element
	Security                      *xmltree.Element // nil in a message that is neither signed nor encrypted
	// ContentKey is the key of the encrypted parts, after Encrypt or Decrypt; of several, that of the first. With it the
	// parts of this one message can be opened for ever, so it is kept with the evidence, if at all.
	ContentKey []byte
}

// Locate finds the parts of an envelope. There is exactly one of each: eb:Messaging and wsse:Security are children of
// the Header, nothing of the same name is anywhere else, so that it does not matter which one somebody finds. It also
// refuses two elements with the same ID, and headers that the sender wants understood and that are not. The Body may
// hold something here, because a SOAP fault may come with an error; Verify refuses it.
//
// The error is an *ebms.Fault.
func Locate(root *xmltree.Element) (Envelope, error) {
	env := Envelope{Root: root}
	if !root.Is(soapSpace, "Envelope") {
		return env, broken("the root is no Envelope of SOAP 1.2")
	}
	for c := range root.All() {
		switch {
		case c.Is(soapSpace, "Header") && env.Header == nil && env.Body == nil:
			env.Header = c
		case c.Is(soapSpace, "Body") && env.Header != nil && env.Body == nil:
			env.Body = c
		default:
			return env, broken("%s at a wrong place in the envelope", quote(c.Local))
		}
	}
	if env.Body == nil {
		return env, broken("the envelope has no header and body")
	}
	if stray(root) || stray(env.Header) {
		return env, broken("text between the elements of the envelope")
	}
	for c := range env.Header.All() {
		switch {
		case c.Is(ebSpace, "Messaging") && env.Messaging == nil:
			env.Messaging = c
		case c.Is(wsseSpace, "Security") && env.Security == nil:
			env.Security = c
		case c.Is(ebSpace, "Messaging"), c.Is(wsseSpace, "Security"):
			return env, broken("%s is there twice", quote(c.Local))
		default:
			if must, _ := c.Attr(soapSpace, "mustUnderstand"); must == "true" || must == "1" {
				return env, broken("header %s is not understood", quote(c.Local))
			}
		}
	}
	if env.Messaging == nil {
		return env, broken("no eb:Messaging in the header")
	}
	for e := range root.Descend() {
		switch {
		case e.Is(ebSpace, "Messaging") && e != env.Messaging, e.Is(wsseSpace, "Security") && e != env.Security,
			e.Is(soapSpace, "Envelope") && e != root, e.Is(soapSpace, "Header") && e != env.Header,
			e.Is(soapSpace, "Body") && e != env.Body:
			return env, broken("%s is there twice", quote(e.Local))
		}
	}
	_, err := collectIDs(root)
	return env, err
}

// stray reports whether there is text in an element that should hold only elements.
func stray(e *xmltree.Element) bool {
	for _, c := range e.Children {
		if c.Element == nil && strings.Trim(c.Text, " \t\r\n") != "" {
			return true
		}
	}
	return false
}

// ids maps the IDs of a document to their elements.
type ids map[string]*xmltree.Element

// collectIDs reads all attributes that somebody might take for an ID: wsu:Id and xml:id, and without a namespace Id,
// id and ID. No two elements may share one.
func collectIDs(root *xmltree.Element) (ids, error) {
	found := ids{}
	for e := range root.Descend() {
		for i := range e.Attrs {
			a := &e.Attrs[i]
			if !isID(a) || a.Value == "" {
				continue
			}
			if other := found[a.Value]; other != nil && other != e {
				return nil, broken("the ID %s is there twice", quote(a.Value))
			}
			found[a.Value] = e
		}
	}
	return found, nil
}

func isID(a *xmltree.Attr) bool {
	switch a.Space {
	case wsuSpace:
		return a.Local == "Id"
	case xmltree.XMLSpace:
		return a.Local == "id"
	case "":
		return a.Local == "Id" || a.Local == "id" || a.Local == "ID"
	}
	return false
}

// same returns the element that a URI within the document refers to, and nil if there is none or the URI is another one.
func (m ids) same(uri string) *xmltree.Element {
	if id, ok := strings.CutPrefix(uri, "#"); ok && id != "" {
		return m[id]
	}
	return nil
}

// ensureID returns the ID of an element of ours and gives it one if it has none.
func ensureID(e *xmltree.Element, prefix string) string {
	for i := range e.Attrs {
		if isID(&e.Attrs[i]) && e.Attrs[i].Value != "" {
			return e.Attrs[i].Value
		}
	}
	id := newID(prefix)
	e.SetNS("wsu", wsuSpace, "Id", id)
	return id
}
