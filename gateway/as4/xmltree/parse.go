package xmltree

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits bound what Parse accepts. A zero value stands for the default.
type Limits struct {
	Bytes      int // of the document; 2 MiB
	Depth      int // of elements in each other; 40
	Nodes      int // elements and texts; 20,000
	Attributes int // of one element, declarations included; 64
}

// maxScope bounds the declarations in force at one place, so that looking up a prefix stays cheap. Messages of known
// products have fewer than twenty.
const maxScope = 128

func (l Limits) withDefaults() Limits {
	set := func(v *int, value int) {
		if *v == 0 {
			*v = value
		}
	}
	set(&l.Bytes, 2<<20)
	set(&l.Depth, 40)
	set(&l.Nodes, 20_000)
	set(&l.Attributes, 64)
	return l
}

// Error says what is wrong with a document and where.
type Error struct {
	Offset int // in bytes, from 0
	Line   int // from 1
	Text   string
}

// Error returns all of it.
func (e *Error) Error() string {
	return fmt.Sprintf("XML: line %d, byte %d: %s", e.Line, e.Offset, e.Text)
}

// Parse reads a document and returns its root element. The tree does not refer to data. Errors are *Error.
func Parse(data []byte, limits Limits) (*Element, error) {
	p := parser{limits: limits.withDefaults()}
	if len(data) > p.limits.Bytes {
		return nil, &Error{Offset: p.limits.Bytes, Line: 1, Text: fmt.Sprintf("the document is longer than %d bytes", p.limits.Bytes)}
	}
	p.s = string(data)
	root := p.document()
	if p.err != nil {
		return nil, p.err
	}
	return root, nil
}

// parser goes over the document once, from left to right. Each method starts at s[pos] and leaves pos behind what it
// has read. The first error is kept in err, and everything that follows is left alone: methods return false or nil
// after an error.
//
// Names, values and texts are parts of s; only those with references or line ends to be replaced are copied. Slices
// of nodes and attributes are collected on a stack and moved to their place when their number is known.
type parser struct {
	s      string
	pos    int
	err    *Error
	limits Limits

	open  []*Element
	scope []Namespace // declarations in force, the innermost last
	nodes []Node      // children of all open elements
	count int         // nodes read
	attrs []Attr
	buf   []byte // a text that is put together

	elements    slab[Element]
	nodeSlab    slab[Node]
	attrSlab    slab[Attr]
	declareSlab slab[Namespace]
}

// slab hands out parts of larger pieces of memory. They live as long as the tree.
type slab[T any] struct{ free []T }

func (s *slab[T]) take(n int) []T {
	if n == 0 {
		return nil
	}
	if n > len(s.free) {
		s.free = make([]T, max(n, 64))
	}
	t := s.free[:n:n]
	s.free = s.free[n:]
	return t
}

func (p *parser) fail(at int, format string, args ...any) bool {
	if p.err == nil {
		at = min(at, len(p.s))
		p.err = &Error{Offset: at, Line: 1 + strings.Count(p.s[:at], "\n"), Text: fmt.Sprintf(format, args...)}
	}
	return false
}

// document reads [1] document.
func (p *parser) document() *Element {
	if !p.characters() {
		return nil
	}
	p.skip("\uFEFF")
	if rest := p.s[p.pos:]; strings.HasPrefix(rest, "<?xml") && len(rest) > 5 && isSpace(rest[5]) && !p.declaration() {
		return nil
	}
	if !p.misc() {
		return nil
	}
	if p.pos == len(p.s) {
		p.fail(p.pos, "no root element")
		return nil
	}
	root := p.tree()
	if root == nil || !p.misc() {
		return nil
	}
	if p.pos < len(p.s) {
		p.fail(p.pos, "something follows the root element")
		return nil
	}
	return root
}

// characters checks that the document is UTF-8 and holds only characters that XML permits.
func (p *parser) characters() bool {
	for i := 0; i < len(p.s); {
		c := p.s[i]
		switch {
		case c >= utf8.RuneSelf:
			r, n := utf8.DecodeRuneInString(p.s[i:])
			if r == utf8.RuneError && n == 1 {
				return p.fail(i, "not UTF-8")
			}
			if !isChar(r) {
				return p.fail(i, "character %U is not permitted", r)
			}
			i += n
			continue
		case c < ' ' && c != '\n' && c != '\t' && c != '\r':
			return p.fail(i, "character %U is not permitted", rune(c))
		}
		i++
	}
	return true
}

// skip goes over text if it stands here.
func (p *parser) skip(text string) bool {
	if strings.HasPrefix(p.s[p.pos:], text) {
		p.pos += len(text)
		return true
	}
	return false
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// space goes over white space and reports whether there was any.
func (p *parser) space() bool {
	start := p.pos
	for p.pos < len(p.s) && isSpace(p.s[p.pos]) {
		p.pos++
	}
	return p.pos > start
}

// declaration reads [23] XMLDecl.
func (p *parser) declaration() bool {
	start := p.pos
	p.pos += len("<?xml")
	last := 0
	for {
		space := p.space()
		if p.skip("?>") {
			break
		}
		at := p.pos
		rest := p.s[p.pos:]
		equals := strings.IndexByte(rest, '=')
		if !space || equals < 0 {
			return p.fail(at, "malformed XML declaration")
		}
		name := strings.TrimRight(rest[:equals], " \t\r\n")
		p.pos += equals + 1
		p.space()
		value, ok := p.quoted()
		if !ok {
			return p.fail(at, "malformed XML declaration")
		}
		rank := 0
		switch name {
		case "version":
			rank = 1
			if value != "1.0" {
				return p.fail(at, "XML version is not 1.0")
			}
		case "encoding":
			rank = 2
			if !strings.EqualFold(value, "UTF-8") {
				return p.fail(at, "encoding is not UTF-8")
			}
		case "standalone":
			rank = 3
			if value != "yes" && value != "no" {
				return p.fail(at, "malformed XML declaration")
			}
		}
		if rank <= last || last == 0 && rank != 1 {
			return p.fail(at, "malformed XML declaration")
		}
		last = rank
	}
	if last == 0 {
		return p.fail(start, "XML declaration without version")
	}
	return true
}

// quoted reads what stands in quotes, without looking at it.
func (p *parser) quoted() (string, bool) {
	if p.pos == len(p.s) {
		return "", false
	}
	quote := p.s[p.pos]
	if quote != '"' && quote != '\'' {
		return "", false
	}
	n := strings.IndexByte(p.s[p.pos+1:], quote)
	if n < 0 {
		return "", false
	}
	value := p.s[p.pos+1 : p.pos+1+n]
	p.pos += n + 2
	return value, true
}

// misc reads what may stand around the root element: [27] Misc without processing instructions.
func (p *parser) misc() bool {
	for {
		p.space()
		switch rest := p.s[p.pos:]; {
		case strings.HasPrefix(rest, "<!--"):
			if !p.comment() {
				return false
			}
		case strings.HasPrefix(rest, "<!DOCTYPE"):
			return p.fail(p.pos, "a document type is not permitted")
		case strings.HasPrefix(rest, "<?"):
			return p.fail(p.pos, "a processing instruction is not permitted")
		default:
			return true
		}
	}
}

// comment reads [15] Comment.
func (p *parser) comment() bool {
	start := p.pos
	p.pos += len("<!--")
	n := strings.Index(p.s[p.pos:], "--")
	if n < 0 {
		return p.fail(start, "comment without end")
	}
	p.pos += n + 2
	if !p.skip(">") {
		return p.fail(p.pos, "-- inside a comment")
	}
	return true
}

// tree reads an element with all in it.
func (p *parser) tree() *Element {
	type level struct{ nodes, scope int } // where the children and declarations of an open element begin
	var levels [64]level
	starts := levels[:0]
	for {
		// At a start tag.
		if len(p.open) == p.limits.Depth {
			p.fail(p.pos, "elements are nested deeper than %d", p.limits.Depth)
			return nil
		}
		scope := len(p.scope)
		e, closed := p.startTag()
		if e == nil {
			return nil
		}
		if len(p.open) > 0 {
			e.Parent = p.open[len(p.open)-1]
			p.nodes = append(p.nodes, Node{Element: e})
		}
		if closed {
			p.scope = p.scope[:scope]
			if e.Parent == nil {
				return e
			}
		} else {
			p.open = append(p.open, e)
			starts = append(starts, level{len(p.nodes), scope})
		}
		// In the content, until the next start tag.
		for {
			if !p.text() {
				return nil
			}
			if !strings.HasPrefix(p.s[p.pos:], "</") {
				break
			}
			e = p.open[len(p.open)-1]
			if !p.endTag(e) {
				return nil
			}
			top := starts[len(starts)-1]
			e.Children = p.nodeSlab.take(len(p.nodes) - top.nodes)
			copy(e.Children, p.nodes[top.nodes:])
			p.nodes, p.scope = p.nodes[:top.nodes], p.scope[:top.scope]
			p.open, starts = p.open[:len(p.open)-1], starts[:len(starts)-1]
			if len(p.open) == 0 {
				return e
			}
		}
	}
}

func (p *parser) node() bool {
	p.count++
	if p.count > p.limits.Nodes {
		return p.fail(p.pos, "more than %d elements and texts", p.limits.Nodes)
	}
	return true
}

// startTag reads [12] STag or [14] EmptyElemTag and resolves its prefixes.
func (p *parser) startTag() (e *Element, closed bool) {
	start := p.pos
	if !p.node() {
		return nil, false
	}
	if !p.skip("<") {
		p.fail(p.pos, "an element is expected")
		return nil, false
	}
	e = &p.elements.take(1)[0]
	e.Offset = start
	var ok bool
	if e.Prefix, e.Local, ok = p.qname(); !ok {
		return nil, false
	}
	p.attrs = p.attrs[:0]
	scope := len(p.scope)
	for {
		space := p.space()
		if p.skip(">") {
			break
		}
		if p.skip("/>") {
			closed = true
			break
		}
		if !space {
			p.fail(p.pos, "malformed start tag")
			return nil, false
		}
		if !p.attribute(scope) {
			return nil, false
		}
	}
	e.Namespaces = p.declareSlab.take(len(p.scope) - scope)
	copy(e.Namespaces, p.scope[scope:])
	if e.Space, ok = p.resolve(e.Prefix); !ok {
		p.fail(start, "prefix %q is not declared", e.Prefix)
		return nil, false
	}
	e.Attrs = p.attrSlab.take(len(p.attrs))
	copy(e.Attrs, p.attrs)
	for i := range e.Attrs {
		a := &e.Attrs[i]
		if a.Prefix == "" {
			continue // compared with the others when it was read
		}
		if a.Space, ok = p.resolve(a.Prefix); !ok {
			p.fail(start, "prefix %q is not declared", a.Prefix)
			return nil, false
		}
		for j := range e.Attrs[:i] {
			if b := &e.Attrs[j]; b.Local == a.Local && b.Space == a.Space {
				p.fail(start, "attribute %q is there twice", a.Local)
				return nil, false
			}
		}
	}
	return e, closed
}

// attribute reads [41] Attribute or a declaration.
func (p *parser) attribute(scope int) bool {
	start := p.pos
	prefix, local, ok := p.qname()
	if !ok {
		return false
	}
	p.space()
	if !p.skip("=") {
		return p.fail(p.pos, "attribute without value")
	}
	p.space()
	value, ok := p.value()
	if !ok {
		return false
	}
	if len(p.attrs)+len(p.scope)-scope >= p.limits.Attributes {
		return p.fail(start, "more than %d attributes", p.limits.Attributes)
	}
	if prefix == "xmlns" || prefix == "" && local == "xmlns" {
		if prefix == "" {
			local = ""
		}
		return p.declare(start, scope, local, value)
	}
	for i := range p.attrs {
		if a := &p.attrs[i]; a.Local == local && a.Prefix == prefix {
			return p.fail(start, "attribute %q is there twice", local)
		}
	}
	p.attrs = append(p.attrs, Attr{Prefix: prefix, Local: local, Value: value})
	return true
}

// declare puts a declaration into force.
//
// Spec: Namespaces in XML 1.0, 3 and 5
// Spec: Canonical XML 1.0, 1.3 (no relative namespace names)
func (p *parser) declare(at, scope int, prefix, uri string) bool {
	switch {
	case prefix == "xmlns", uri == xmlnsSpace, (prefix == "xml") != (uri == XMLSpace):
		return p.fail(at, "the prefixes xml and xmlns and their namespaces cannot be declared otherwise")
	case uri == "" && prefix != "":
		return p.fail(at, "prefix %q is declared without a namespace", prefix)
	case uri != "" && !absolute(uri):
		return p.fail(at, "a namespace name is no absolute URI")
	case len(p.scope) == maxScope:
		return p.fail(at, "more than %d namespace declarations in force", maxScope)
	}
	for _, d := range p.scope[scope:] {
		if d.Prefix == prefix {
			return p.fail(at, "prefix %q is declared twice", prefix)
		}
	}
	p.scope = append(p.scope, Namespace{prefix, uri})
	return true
}

// absolute reports whether a namespace name begins with a scheme (RFC 3986 3.1).
func absolute(uri string) bool {
	for i := 0; i < len(uri); i++ {
		switch c := uri[i]; {
		case c|0x20 >= 'a' && c|0x20 <= 'z':
		case i > 0 && (c >= '0' && c <= '9' || c == '+' || c == '-' || c == '.'):
		default:
			return c == ':' && i > 0
		}
	}
	return false
}

// resolve returns the namespace a prefix stands for here.
func (p *parser) resolve(prefix string) (string, bool) {
	for _, d := range slices.Backward(p.scope) {
		if d.Prefix == prefix {
			return d.URI, true
		}
	}
	if prefix == "xml" {
		return XMLSpace, true
	}
	return "", prefix == ""
}

// endTag reads [42] ETag.
func (p *parser) endTag(e *Element) bool {
	start := p.pos
	p.pos += len("</")
	ok := true
	if e.Prefix != "" {
		ok = p.skip(e.Prefix) && p.skip(":")
	}
	ok = ok && p.skip(e.Local)
	p.space()
	if !ok || !p.skip(">") {
		return p.fail(start, "the end tag does not fit <%s>", qualified(e.Prefix, e.Local))
	}
	return true
}

func qualified(prefix, local string) string {
	if prefix == "" {
		return local
	}
	return prefix + ":" + local
}

// text reads all text up to the next start or end tag and makes one node of it.
func (p *parser) text() bool {
	p.buf = p.buf[:0]
	whole := "" // the text, as long as it is one piece of the document
	for {
		n := strings.IndexByte(p.s[p.pos:], '<')
		if n < 0 {
			return p.fail(len(p.s), "<%s> is not closed", qualified(p.open[len(p.open)-1].Prefix, p.open[len(p.open)-1].Local))
		}
		if n > 0 {
			piece := p.s[p.pos : p.pos+n]
			if i := strings.Index(piece, "]]>"); i >= 0 {
				return p.fail(p.pos+i, "]]> in a text")
			}
			if !p.content(piece, &whole, true) {
				return false
			}
		}
		rest := p.s[p.pos:]
		if len(rest) < 2 || rest[1] != '!' && rest[1] != '?' {
			break
		}
		switch {
		case strings.HasPrefix(rest, "<!--"):
			if !p.comment() {
				return false
			}
		case strings.HasPrefix(rest, "<![CDATA["):
			n := strings.Index(rest, "]]>")
			if n < 0 {
				return p.fail(p.pos, "CDATA section without end")
			}
			start := len("<![CDATA[")
			p.pos += start
			if !p.content(rest[start:n], &whole, false) {
				return false
			}
			p.pos += len("]]>")
		case rest[1] == '?':
			return p.fail(p.pos, "a processing instruction is not permitted")
		default:
			return p.fail(p.pos, "malformed markup")
		}
	}
	if len(p.buf) > 0 {
		whole = string(p.buf)
	}
	if whole == "" {
		return true
	}
	p.nodes = append(p.nodes, Node{Text: whole})
	return p.node()
}

// content adds a piece of text that begins here and goes behind it. Line ends become LF; in CDATA sections there are
// no references.
//
// Spec: XML 1.0, 2.11
func (p *parser) content(piece string, whole *string, references bool) bool {
	special := strings.IndexByte(piece, '\r') >= 0 || references && strings.IndexByte(piece, '&') >= 0
	if len(p.buf) == 0 && !special && *whole == "" {
		*whole = piece
		p.pos += len(piece)
		return true
	}
	if len(p.buf) == 0 {
		p.buf = append(p.buf, *whole...)
	}
	if !special {
		p.buf = append(p.buf, piece...)
		p.pos += len(piece)
		return true
	}
	end := p.pos + len(piece)
	for p.pos < end {
		switch c := p.s[p.pos]; {
		case c == '\r':
			p.buf = append(p.buf, '\n')
			p.pos++
			p.skip("\n")
		case c == '&' && references:
			if !p.reference() {
				return false
			}
		default:
			p.buf = append(p.buf, c)
			p.pos++
		}
	}
	return true
}
