package xmltree

import (
	"slices"
	"strings"
)

// Canonical appends the exclusive canonical form of the element without comments to dst. The element stands where it
// is in its tree: namespaces declared above it are written where they are used. prefixList holds the prefixes that
// are treated as in inclusive canonicalisation (InclusiveNamespaces/@PrefixList), "#default" for the default namespace;
// for them the declarations count, so they mean nothing in a tree that was built without Declare.
//
// Spec: Exclusive C14N 1.0, 3
func (e *Element) Canonical(dst []byte, prefixList ...string) []byte {
	w := writer{dst: dst, inclusive: prefixList}
	w.element(e)
	return w.dst
}

// AppendXML appends the element as a document without XML declaration. What declares no namespace but uses one gets
// the declaration; a prefix that would have to stand for two namespaces at one element is a mistake of the caller and
// panics.
func (e *Element) AppendXML(dst []byte) []byte {
	w := writer{dst: dst, document: true}
	w.element(e)
	return w.dst
}

// writer writes both forms. They differ in the declarations and in the order of attributes.
type writer struct {
	dst       []byte
	document  bool
	inclusive []string
	written   []Namespace // declarations in force in what is written, the innermost last
	attrs     []Attr      // scratch
}

func (w *writer) element(e *Element) {
	outer := len(w.written)
	w.dst = append(w.dst, '<')
	w.name(e.Prefix, e.Local)
	if w.document {
		w.documentNamespaces(e)
	} else {
		w.canonicalNamespaces(e)
	}
	for _, d := range w.written[outer:] {
		w.dst = append(w.dst, " xmlns"...)
		if d.Prefix != "" {
			w.dst = append(w.dst, ':')
			w.dst = append(w.dst, d.Prefix...)
		}
		w.dst = append(w.dst, `="`...)
		w.dst = appendEscaped(w.dst, d.URI, &escapeInAttr)
		w.dst = append(w.dst, '"')
	}
	attrs := e.Attrs
	if !w.document && len(attrs) > 1 {
		w.attrs = append(w.attrs[:0], attrs...)
		attrs = w.attrs
		slices.SortFunc(attrs, func(a, b Attr) int {
			if c := strings.Compare(a.Space, b.Space); c != 0 {
				return c
			}
			return strings.Compare(a.Local, b.Local)
		})
	}
	for i := range attrs {
		w.dst = append(w.dst, ' ')
		w.name(attrs[i].Prefix, attrs[i].Local)
		w.dst = append(w.dst, `="`...)
		w.dst = appendEscaped(w.dst, attrs[i].Value, &escapeInAttr)
		w.dst = append(w.dst, '"')
	}
	if w.document && len(e.Children) == 0 {
		w.dst = append(w.dst, "/>"...)
	} else {
		w.dst = append(w.dst, '>')
		for i := range e.Children {
			if c := e.Children[i].Element; c != nil {
				w.element(c)
			} else {
				w.dst = appendEscaped(w.dst, e.Children[i].Text, &escapeInText)
			}
		}
		w.dst = append(w.dst, "</"...)
		w.name(e.Prefix, e.Local)
		w.dst = append(w.dst, '>')
	}
	w.written = w.written[:outer]
}

func (w *writer) name(prefix, local string) {
	if prefix != "" {
		w.dst = append(w.dst, prefix...)
		w.dst = append(w.dst, ':')
	}
	w.dst = append(w.dst, local...)
}

// inForce returns what a prefix stands for in what has been written.
func (w *writer) inForce(prefix string) string {
	for _, d := range slices.Backward(w.written) {
		if d.Prefix == prefix {
			return d.URI
		}
	}
	return ""
}

// need adds a declaration unless it is in force already.
func (w *writer) need(prefix, uri string) {
	if prefix != "xml" && w.inForce(prefix) != uri {
		w.written = append(w.written, Namespace{prefix, uri})
	}
}

// canonicalNamespaces adds the declarations of an element in exclusive canonical form: those of the prefixes that it
// and its attributes use, and those of the prefix list that are in force in the document.
func (w *writer) canonicalNamespaces(e *Element) {
	outer := len(w.written)
	w.need(e.Prefix, e.Space)
	for i := range e.Attrs {
		if a := &e.Attrs[i]; a.Prefix != "" {
			w.need(a.Prefix, a.Space)
		}
	}
	for _, prefix := range w.inclusive {
		if prefix == "#default" {
			prefix = ""
		}
		if uri, declared := e.lookup(prefix); declared {
			w.need(prefix, uri)
		}
	}
	if added := w.written[outer:]; len(added) > 1 {
		slices.SortFunc(added, func(a, b Namespace) int { return strings.Compare(a.Prefix, b.Prefix) })
	}
}

// documentNamespaces adds the declarations of an element as they are, and those that are missing.
func (w *writer) documentNamespaces(e *Element) {
	outer := len(w.written)
	w.written = append(w.written, e.Namespaces...)
	missing := func(prefix, uri string) {
		if prefix == "xml" || w.inForce(prefix) == uri {
			return
		}
		for _, d := range w.written[outer:] {
			if d.Prefix == prefix {
				panic("xmltree: prefix " + prefix + " stands for two namespaces at <" + e.Local + ">")
			}
		}
		w.written = append(w.written, Namespace{prefix, uri})
	}
	missing(e.Prefix, e.Space)
	for i := range e.Attrs {
		if a := &e.Attrs[i]; a.Prefix != "" {
			missing(a.Prefix, a.Space)
		}
	}
}

// What a character becomes in a text and in an attribute value.
//
// Spec: Canonical XML 1.0, 2.3
var (
	escapeInText = [256]string{'&': "&amp;", '<': "&lt;", '>': "&gt;", '\r': "&#xD;"}
	escapeInAttr = [256]string{'&': "&amp;", '<': "&lt;", '"': "&quot;", '\t': "&#x9;", '\n': "&#xA;", '\r': "&#xD;"}
)

func appendEscaped(dst []byte, s string, escape *[256]string) []byte {
	start := 0
	for i := 0; i < len(s); i++ {
		if e := escape[s[i]]; e != "" {
			dst = append(dst, s[start:i]...)
			dst = append(dst, e...)
			start = i + 1
		}
	}
	return append(dst, s[start:]...)
}
