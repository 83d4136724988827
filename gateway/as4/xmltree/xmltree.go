// Package xmltree reads, builds, canonicalises and writes the XML of AS4 messages.
//
// It exists because a signature is only worth something if everybody sees the same document. The reader therefore
// accepts exactly the well-formed XML 1.0 with namespaces that SOAP permits and nothing else: UTF-8, no document type,
// no processing instruction, no entity beyond the five of XML, every prefix declared, no attribute twice, within
// limits. Comments and CDATA sections are read and leave no trace: the text around them becomes one text. What is left
// is a tree in which elements and attributes know their namespace, and which has one canonical form.
//
//	root, err := xmltree.Parse(data, xmltree.Limits{})
//	header := root.Find(soap, "Header")
//	digest := sha256.Sum256(header.Canonical(nil))
//
// A tree may be read by several goroutines at once, and changed by one.
//
// Spec: XML 1.0, fifth edition
// Spec: Namespaces in XML 1.0, third edition
// Spec: Exclusive C14N 1.0
package xmltree

import (
	"iter"
	"strings"
)

// XMLSpace is the namespace of the prefix xml, which is bound without a declaration.
const XMLSpace = "http://www.w3.org/XML/1998/namespace"

// xmlnsSpace is the namespace of the prefix xmlns; no document may bind it.
const xmlnsSpace = "http://www.w3.org/2000/xmlns/"

// Element is an element with what is in it. Space is the namespace name, "" if there is none; Prefix is how it was
// written.
type Element struct {
	Prefix, Space, Local string

	Namespaces []Namespace // declarations at this element, in the order of the document
	Attrs      []Attr      // attributes other than declarations, in the order of the document
	Children   []Node
	Parent     *Element // nil at the root

	Offset int // of the start tag in the document read, in bytes; 0 in a tree that was built
}

// Namespace is a declaration: xmlns="URI" with Prefix "", xmlns:Prefix="URI" otherwise.
type Namespace struct {
	Prefix, URI string
}

// Attr is an attribute. One without prefix has no namespace, whatever the default namespace is.
type Attr struct {
	Prefix, Space, Local, Value string
}

// Node is a child of an element: Element if that is not nil, and otherwise Text, in which references are resolved.
type Node struct {
	Element *Element
	Text    string
}

// Is reports whether the element has this name.
func (e *Element) Is(space, local string) bool { return e.Local == local && e.Space == space }

// Find returns the first child element with this name, or nil.
func (e *Element) Find(space, local string) *Element {
	for i := range e.Children {
		if c := e.Children[i].Element; c != nil && c.Local == local && c.Space == space {
			return c
		}
	}
	return nil
}

// Elements returns the child elements with this name.
func (e *Element) Elements(space, local string) []*Element {
	var found []*Element
	for c := range e.All() {
		if c.Local == local && c.Space == space {
			found = append(found, c)
		}
	}
	return found
}

// All returns the child elements.
func (e *Element) All() iter.Seq[*Element] {
	return func(yield func(*Element) bool) {
		for i := range e.Children {
			if c := e.Children[i].Element; c != nil && !yield(c) {
				return
			}
		}
	}
}

// Descend returns the element itself and all elements below it, in the order of the document.
func (e *Element) Descend() iter.Seq[*Element] {
	return func(yield func(*Element) bool) { e.descend(yield) }
}

func (e *Element) descend(yield func(*Element) bool) bool {
	if !yield(e) {
		return false
	}
	for i := range e.Children {
		if c := e.Children[i].Element; c != nil && !c.descend(yield) {
			return false
		}
	}
	return true
}

// Attr returns the value of an attribute and whether there is one. Most attributes have no namespace: space is "".
func (e *Element) Attr(space, local string) (string, bool) {
	for i := range e.Attrs {
		if a := &e.Attrs[i]; a.Local == local && a.Space == space {
			return a.Value, true
		}
	}
	return "", false
}

// Text returns the text directly in the element, all of it: child elements are left out, and what stands behind one
// is not.
func (e *Element) Text() string {
	text, several := "", false
	for i := range e.Children {
		if e.Children[i].Element != nil {
			continue
		}
		if text != "" {
			several = true
			break
		}
		text = e.Children[i].Text
	}
	if !several {
		return text
	}
	var b strings.Builder
	for i := range e.Children {
		b.WriteString(e.Children[i].Text)
	}
	return b.String()
}

// Empty reports whether nothing is in the element but white space.
func (e *Element) Empty() bool {
	for i := range e.Children {
		if e.Children[i].Element != nil || strings.Trim(e.Children[i].Text, " \t\r\n") != "" {
			return false
		}
	}
	return true
}

// New returns an element for a tree that is built. AppendXML writes the declarations that are missing, so Declare is
// needed only to have them in one place.
func New(prefix, space, local string) *Element {
	return &Element{Prefix: prefix, Space: space, Local: local}
}

// Declare declares a namespace at the element and returns the element.
func (e *Element) Declare(prefix, uri string) *Element {
	e.Namespaces = append(e.Namespaces, Namespace{prefix, uri})
	return e
}

// Add makes an element, appends it as the last child, and returns it.
func (e *Element) Add(prefix, space, local string) *Element {
	c := New(prefix, space, local)
	e.Append(c)
	return c
}

// AddText appends an element that holds only text, and returns the new element.
func (e *Element) AddText(prefix, space, local, text string) *Element {
	return e.Add(prefix, space, local).SetText(text)
}

// Append appends elements as the last children and returns the element they are in now. An element is in one tree
// only: to have it in a second place append a Clone.
func (e *Element) Append(children ...*Element) *Element {
	for _, c := range children {
		c.Parent = e
		e.Children = append(e.Children, Node{Element: c})
	}
	return e
}

// SetText makes text the only child and returns the element. Characters that XML does not permit become U+FFFD.
func (e *Element) SetText(text string) *Element {
	e.Children = nil
	if text != "" {
		e.Children = []Node{{Text: permitted(text)}}
	}
	return e
}

// Set sets an attribute without namespace and returns the element. Characters that XML does not permit become U+FFFD.
func (e *Element) Set(local, value string) *Element { return e.SetNS("", "", local, value) }

// SetNS sets an attribute in a namespace and returns the element.
func (e *Element) SetNS(prefix, space, local, value string) *Element {
	value = permitted(value)
	for i := range e.Attrs {
		if a := &e.Attrs[i]; a.Local == local && a.Space == space {
			a.Prefix, a.Value = prefix, value
			return e
		}
	}
	e.Attrs = append(e.Attrs, Attr{prefix, space, local, value})
	return e
}

// Clone returns a copy of the element and all in it, for another place in this or another tree. It has no parent.
func (e *Element) Clone() *Element {
	c := *e
	c.Parent = nil
	c.Namespaces = append([]Namespace(nil), e.Namespaces...)
	c.Attrs = append([]Attr(nil), e.Attrs...)
	c.Children = append([]Node(nil), e.Children...)
	for i := range c.Children {
		if child := c.Children[i].Element; child != nil {
			child = child.Clone()
			child.Parent = &c
			c.Children[i].Element = child
		}
	}
	return &c
}

// lookup returns the namespace a prefix stands for at the element.
func (e *Element) lookup(prefix string) (uri string, declared bool) {
	for ; e != nil; e = e.Parent {
		for i := range e.Namespaces {
			if e.Namespaces[i].Prefix == prefix {
				return e.Namespaces[i].URI, true
			}
		}
	}
	return "", false
}
