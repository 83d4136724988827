package xmltree

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func mustParse(t testing.TB, doc string) *Element {
	t.Helper()
	root, err := Parse([]byte(doc), Limits{})
	if err != nil {
		t.Fatalf("%.200q: %v", doc, err)
	}
	return root
}

func TestParseAccepts(t *testing.T) {
	for _, c := range []struct{ name, doc, want string }{ // want: canonical form
		{"byte order mark and declaration", "\uFEFF<?xml version=\"1.0\" encoding='utf-8' standalone=\"yes\" ?>\r\n<a/>\n<!-- end -->\n", "<a></a>"},
		{"only a version", `<?xml version="1.0"?><a/>`, "<a></a>"},
		{"white space in tags", "<a\n x = '1'\t></a >", `<a x="1"></a>`},
		{"line ends", "<a>1\r\n2\r3\n4</a>", "<a>1\n2\n3\n4</a>"},
		{"line ends by reference", "<a>1&#13;&#10;2&#xd;</a>", "<a>1&#xD;\n2&#xD;</a>"},
		{"attribute normalisation", "<a x='1\r\n2\r3\n4\t5  6'/>", `<a x="1 2 3 4 5  6"></a>`},
		{"attribute by reference", "<a x='&#10;&#9;&#xD;&#32;&quot;&apos;&lt;&gt;&amp;'/>", `<a x="&#xA;&#x9;&#xD; &quot;'&lt;>&amp;"></a>`},
		{"references", "<a>&lt;&gt;&amp;&quot;&apos;&#x20AC;&#8364;&#x0000000000000000000000000000000000041;</a>", "<a>&lt;&gt;&amp;\"'€€A</a>"},
		{"CDATA", "<a>x<![CDATA[<b>&amp;\r\n]] >]]>y<![CDATA[]]></a>", "<a>x&lt;b&gt;&amp;amp;\n]] &gt;y</a>"},
		{"CDATA with two brackets before its end", "<a><![CDATA[]]]]><![CDATA[>]]></a>", "<a>]]&gt;</a>"},
		{"comments", "<!-- - --><a>12<!-- x -->34<!----></a>", "<a>1234</a>"},
		{"> in text", "<a>]]&gt; > ]] ></a>", "<a>]]&gt; &gt; ]] &gt;</a>"},
		{"namespaces", `<p:a xmlns:p="urn:1" p:x="1" x="2" xmlns="urn:2"><b/></p:a>`, `<p:a xmlns:p="urn:1" x="2" p:x="1"><b xmlns="urn:2"></b></p:a>`},
		{"default namespace taken back", `<a xmlns="urn:1"><b xmlns=""><c xmlns=""/></b></a>`, `<a xmlns="urn:1"><b xmlns=""><c></c></b></a>`},
		{"default namespace taken back without one", `<a xmlns=""/>`, `<a></a>`},
		{"prefix xml", `<a xml:lang="de" xmlns:xml="http://www.w3.org/XML/1998/namespace"/>`, `<a xml:lang="de"></a>`},
		{"element with prefix xml", `<xml:a/>`, `<xml:a></xml:a>`},
		{"declared behind its use", `<p:a p:x="1" xmlns:p="urn:1"/>`, `<p:a xmlns:p="urn:1" p:x="1"></p:a>`},
		{"names beyond ASCII", "<ä·.-1 ß='€'/>", "<ä·.-1 ß=\"€\"></ä·.-1>"},
		{"same local name in two namespaces", `<a xmlns:p="urn:1" xmlns:q="urn:2" p:x="" q:x="" x=""/>`, `<a xmlns:p="urn:1" xmlns:q="urn:2" x="" p:x="" q:x=""></a>`},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := mustParse(t, c.doc)
			if got := string(root.Canonical(nil)); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
			again := mustParse(t, string(root.AppendXML(nil)))
			if got := string(again.Canonical(nil)); got != c.want {
				t.Errorf("written and read again: got %q, want %q", got, c.want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct {
		name, doc, want string
		offset          int
	}{
		{"nothing", "", "no root", 0},
		{"only a comment", "<!-- -->", "no root", 8},
		{"text", "text", "element is expected", 0},
		{"text before the root", "x<a/>", "element is expected", 0},
		{"text behind the root", "<a/>x", "follows", 4},
		{"two roots", "<a/><b/>", "follows", 4},
		{"DOCTYPE", "<!DOCTYPE a><a/>", "document type", 0},
		{"DOCTYPE with entity", `<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>`, "document type", 0},
		{"DOCTYPE inside", "<a><!DOCTYPE a></a>", "malformed markup", 3},
		{"processing instruction before", "<?php x?><a/>", "processing instruction", 0},
		{"processing instruction inside", "<a>x<?pi?></a>", "processing instruction", 4},
		{"processing instruction behind", "<a/><?pi?>", "processing instruction", 4},
		{"XML declaration not first", " <?xml version='1.0'?><a/>", "processing instruction", 1},
		{"processing instruction xmlx", "<?xmlx version='1.0'?><a/>", "processing instruction", 0},
		{"XML 1.1", "<?xml version='1.1'?><a/>", "version", 6},
		{"Latin-1", "<?xml version='1.0' encoding='ISO-8859-1'?><a/>", "encoding", 20},
		{"UTF-16", "\xFF\xFE<\x00a\x00/\x00>\x00", "UTF-8", 0},
		{"encoding before version", "<?xml encoding='UTF-8' version='1.0'?><a/>", "malformed XML declaration", 6},
		{"no version", "<?xml ?><a/>", "without version", 0},
		{"declaration without space", "<?xml version='1.0'encoding='UTF-8'?><a/>", "malformed XML declaration", 19},
		{"declaration with more", "<?xml version='1.0' x='1'?><a/>", "malformed XML declaration", 20},
		{"standalone maybe", "<?xml version='1.0' standalone='maybe'?><a/>", "malformed XML declaration", 20},
		{"declaration without quotes", "<?xml version=11.01?><a/>", "malformed XML declaration", 6},
		{"declaration with a value without end", "<?xml version='1.0?><a/>", "malformed XML declaration", 6},
		{"declaration without end", "<?xml version='1.0'", "malformed XML declaration", 19},
		{"not UTF-8", "<a>\xFC</a>", "UTF-8", 3},
		{"overlong UTF-8", "<a>\xC0\x80</a>", "UTF-8", 3},
		{"surrogate", "<a>\xED\xA0\x80</a>", "UTF-8", 3},
		{"NUL", "<a>\x00</a>", "U+0000", 3},
		{"control character", "<a x='\x1B'/>", "U+001B", 6},
		{"U+FFFF", "<a>\uFFFF</a>", "U+FFFF", 3},
		{"U+FFFE by reference", "<a>&#xFFFE;</a>", "character reference", 3},
		{"NUL by reference", "<a>&#0;</a>", "character reference", 3},
		{"surrogate by reference", "<a>&#xD800;</a>", "character reference", 3},
		{"reference too large", "<a>&#x110000;</a>", "character reference", 3},
		{"reference that overflows", "<a>&#x100000041;</a>", "character reference", 3},
		{"reference with X", "<a>&#X41;</a>", "character reference", 3},
		{"reference without digits", "<a>&#;</a>", "character reference", 3},
		{"entity", "<a>&nbsp;</a>", "entity", 3},
		{"entity without end", "<a>&amp</a>", "&", 3},
		{"lone &", "<a>a & b</a>", "&", 5},
		{"empty entity", "<a>&;</a>", "&", 3},
		{"& in attribute", "<a x='a & b'/>", "&", 8},
		{"< in attribute", "<a x='<'/>", "< in an attribute", 6},
		{"]]> in text", "<a>x]]></a>", "]]>", 4},
		{"-- in comment", "<a><!-- -- --></a>", "--", 10},
		{"---> ends comment", "<a><!-- ---></a>", "--", 10},
		{"comment without end", "<a><!-- </a>", "comment without end", 3},
		{"CDATA without end", "<a><![CDATA[</a>", "CDATA", 3},
		{"CDATA outside", "<a/><![CDATA[x]]>", "follows", 4},
		{"element not closed", "<a><b></b>", "<a> is not closed", 10},
		{"tag not closed", "<a", "malformed start tag", 2},
		{"wrong end tag", "<a><b></a></b>", "does not fit <b>", 6},
		{"end tag with the start of the name", "<ab></a>", "does not fit", 4},
		{"end tag with more", "<a></ab>", "does not fit", 3},
		{"end tag with another prefix", `<p:a xmlns:p="urn:1" xmlns:q="urn:1"></q:a>`, "does not fit <p:a>", 37},
		{"end tag with attribute", "<a></a x='1'>", "does not fit", 3},
		{"space before a name", "< a/>", "malformed name", 1},
		{"name begins with a digit", "<1a/>", "malformed name", 1},
		{"name begins with a hyphen", "<-a/>", "malformed name", 1},
		{"name with two colons", `<p:a:b xmlns:p="urn:1"/>`, "malformed name", 1},
		{"name ends with a colon", `<p: xmlns:p="urn:1"/>`, "malformed name", 1},
		{"name begins with a colon", "<:a/>", "malformed name", 1},
		{"name with ×", "<×/>", "malformed name", 1},
		{"/ inside a tag", "<a / >", "malformed name", 3},
		{"attribute without value", "<a x/>", "without value", 4},
		{"attribute without quotes", "<a x=1/>", "without quotes", 5},
		{"attribute without end", "<a x='1/>", "without end", 5},
		{"attributes without space", "<a x='1'y='2'/>", "malformed start tag", 8},
		{"attribute twice", "<a x='1' x='2'/>", "twice", 9},
		{"attribute twice by namespace", `<a xmlns:p="urn:1" xmlns:q="urn:1" p:x="" q:x=""/>`, "twice", 0},
		{"declaration twice", `<a xmlns:p="urn:1" xmlns:p="urn:1"/>`, "declared twice", 19},
		{"default declaration twice", `<a xmlns="urn:1" xmlns="urn:1"/>`, "declared twice", 17},
		{"undeclared prefix", "<p:a/>", "not declared", 0},
		{"undeclared prefix of an attribute", "<a><b p:x=''/></a>", "not declared", 3},
		{"prefix out of scope", `<a><b xmlns:p="urn:1"/><p:c/></a>`, "not declared", 23},
		{"prefix out of scope behind an end tag", `<a><b xmlns:p="urn:1"></b><p:c/></a>`, "not declared", 26},
		{"prefix taken back", `<a xmlns:p=""/>`, "without a namespace", 3},
		{"prefix xmlns", "<xmlns:a/>", "not declared", 0},
		{"prefix xmlns declared", `<a xmlns:xmlns="urn:1"/>`, "xmlns", 3},
		{"namespace of xmlns", `<a xmlns:p="http://www.w3.org/2000/xmlns/"/>`, "xmlns", 3},
		{"prefix xml for something else", `<a xmlns:xml="urn:1"/>`, "xml", 3},
		{"another prefix for xml", `<a xmlns:p="http://www.w3.org/XML/1998/namespace"/>`, "xml", 3},
		{"xml as default", `<a xmlns="http://www.w3.org/XML/1998/namespace"/>`, "xml", 3},
		{"relative namespace", `<a xmlns="foo"/>`, "absolute", 3},
		{"relative namespace with a colon", `<a xmlns="./foo:bar"/>`, "absolute", 3},
		{"byte order mark twice", "\uFEFF\uFEFF<a/>", "element is expected", 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			root, err := Parse([]byte(c.doc), Limits{})
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("%q is accepted as %q", c.doc, root.Canonical(nil))
			}
			if !strings.Contains(e.Text, c.want) || e.Offset != c.offset {
				t.Errorf("%q: got %q at %d, want %q at %d", c.doc, e.Text, e.Offset, c.want, c.offset)
			}
		})
	}
}

func TestErrorSaysWhere(t *testing.T) {
	_, err := Parse([]byte("<a>\n<b>\n &x;</b></a>"), Limits{})
	want := &Error{Offset: 9, Line: 3, Text: "an entity other than the five of XML"}
	if diff := cmp.Diff(want, err); diff != "" {
		t.Error(diff)
	}
}

func TestLimits(t *testing.T) {
	nested := func(n int) string { return strings.Repeat("<a>", n) + strings.Repeat("</a>", n) }
	attributes := func(n int) string {
		var b strings.Builder
		b.WriteString("<a")
		for i := range n {
			if i%2 == 0 {
				fmt.Fprintf(&b, " x%d=''", i)
			} else {
				fmt.Fprintf(&b, " xmlns:x%d='urn:1'", i)
			}
		}
		return b.String() + "/>"
	}
	scope := func(n int) string { // in force at once, in elements in each other
		var b strings.Builder
		for i := range n {
			if i%32 == 0 {
				b.WriteString("<a")
			}
			fmt.Fprintf(&b, " xmlns:x%d='urn:1'", i)
			if i%32 == 31 || i == n-1 {
				b.WriteString(">")
			}
		}
		return b.String() + strings.Repeat("</a>", (n+31)/32)
	}
	for _, c := range []struct {
		name string
		doc  func(int) string
		most int
		want string
	}{
		{"depth", nested, 40, "deeper than 40"},
		{"depth of an empty element", func(n int) string { return strings.Repeat("<a>", n-1) + "<a/>" + strings.Repeat("</a>", n-1) }, 40, "deeper than 40"},
		{"elements", func(n int) string { return "<a>" + strings.Repeat("<b/>", n-1) + "</a>" }, 20_000, "more than 20000"},
		{"texts", func(n int) string {
			return "<a>" + strings.Repeat("<b/>t", (n-1)/2) + strings.Repeat("<b/>", (n-1)%2) + "</a>"
		}, 20_000, "more than 20000"},
		{"attributes", attributes, 64, "more than 64"},
		{"declarations in force", scope, maxScope, "more than 128"},
		{"bytes", func(n int) string { return "<a>" + strings.Repeat(" ", n-7) + "</a>" }, 2 << 20, "longer than 2097152"},
	} {
		t.Run(c.name, func(t *testing.T) {
			mustParse(t, c.doc(c.most))
			if _, err := Parse([]byte(c.doc(c.most+1)), Limits{}); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("one more: %v, want %q", err, c.want)
			}
		})
	}
	t.Run("of the caller", func(t *testing.T) {
		if _, err := Parse([]byte("<a><b/></a>"), Limits{Depth: 1}); err == nil {
			t.Error("deeper than 1 is accepted")
		}
	})
}

func TestAccess(t *testing.T) {
	root := mustParse(t, `<s:a xmlns:s="urn:s" xmlns:w="urn:w" w:Id="1" Id="2"><b>99<!-- -->00<c>x</c>11</b><s:b/>
		<b><![CDATA[ ]]></b></s:a>`)
	if !root.Is("urn:s", "a") || root.Prefix != "s" {
		t.Errorf("root is %s %s %s", root.Prefix, root.Space, root.Local)
	}
	b := root.Find("", "b")
	if got := b.Text(); got != "990011" {
		t.Errorf("text %q is not complete", got)
	}
	if b.Parent != root || b.Find("", "c").Parent != b {
		t.Error("parents are wrong")
	}
	if root.Find("urn:s", "b") == b || root.Find("urn:x", "b") != nil {
		t.Error("Find mixes namespaces")
	}
	if n := len(root.Elements("", "b")); n != 2 {
		t.Errorf("%d elements b, want 2", n)
	}
	if b.Empty() || !root.Find("urn:s", "b").Empty() || !root.Elements("", "b")[1].Empty() || root.Empty() {
		t.Error("Empty is wrong")
	}
	for space, want := range map[string]string{"": "2", "urn:w": "1", "urn:s": ""} {
		if got, ok := root.Attr(space, "Id"); got != want || ok != (want != "") {
			t.Errorf("Id in %q is %q, %v", space, got, ok)
		}
	}
	var order []string
	for e := range root.Descend() {
		order = append(order, qualified(e.Prefix, e.Local))
	}
	if diff := cmp.Diff([]string{"s:a", "b", "c", "s:b", "b"}, order); diff != "" {
		t.Error(diff)
	}
}

func TestBuild(t *testing.T) {
	const soap, eb = "http://www.w3.org/2003/05/soap-envelope", "urn:eb"
	root := New("s", soap, "Envelope").Declare("s", soap)
	m := root.Add("s", soap, "Header").Add("eb", eb, "Messaging").SetNS("s", soap, "mustUnderstand", "true")
	m.AddText("eb", eb, "Id", "a<b>&\r\n\"\x00\xFFü").Set("x", "1\n\t\"<>&\x01").Set("x", "2\n\t\"<>&\x01")
	m.Append(New("", "", "plain"), New("", "urn:d", "d").Append(New("", "urn:d", "in"), New("", "", "out")))
	want := `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Header>` +
		`<eb:Messaging xmlns:eb="urn:eb" s:mustUnderstand="true"><eb:Id x="2&#xA;&#x9;&quot;&lt;>&amp;�">a&lt;b&gt;&amp;&#xD;` + "\n" + `"��ü</eb:Id>` +
		`<plain/><d xmlns="urn:d"><in/><out xmlns=""/></d></eb:Messaging></s:Header></s:Envelope>`
	if diff := cmp.Diff(want, string(root.AppendXML(nil))); diff != "" {
		t.Error(diff)
	}
	read := mustParse(t, want)
	if diff := cmp.Diff(string(root.Canonical(nil)), string(read.Canonical(nil))); diff != "" {
		t.Errorf("the canonical form changes by writing and reading: %s", diff)
	}
	clone := m.Clone()
	m.Find(eb, "Id").SetText("changed").Set("x", "changed")
	if got := string(clone.Canonical(nil)); strings.Contains(got, "changed") || clone.Parent != nil || clone.Find(eb, "Id").Parent != clone {
		t.Errorf("the clone is not its own: %s", got)
	}
}

func TestTwoNamespacesForAPrefixPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	New("p", "urn:1", "a").SetNS("p", "urn:2", "x", "").AppendXML(nil)
}

// FuzzParse: no input panics, what is read keeps its canonical form when it is written and read again, and offsets are
// those of start tags.
func FuzzParse(f *testing.F) {
	for _, doc := range []string{message, `<a xmlns="urn:1" xmlns:p="urn:2"><p:b p:x="&#10;"><![CDATA[<]]>&amp;<!-- c --></p:b></a>`,
		"\uFEFF<?xml version='1.0'?><a x='1\r\n2'>\r</a>", "<a xml:lang='de'><b xmlns=''/></a>", "<!DOCTYPE a><a>&e;</a>"} {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		root, err := Parse(doc, Limits{})
		if err != nil {
			if e := new(Error); !errors.As(err, &e) || e.Offset < 0 || e.Offset > len(doc) || e.Line < 1 {
				t.Fatalf("error %#v", err)
			}
			return
		}
		for e := range root.Descend() {
			if !bytes.HasPrefix(doc[e.Offset:], []byte("<"+qualified(e.Prefix, e.Local))) {
				t.Fatalf("<%s> is not at %d", e.Local, e.Offset)
			}
		}
		canonical := root.Canonical(nil)
		for _, written := range [][]byte{root.AppendXML(nil), canonical} {
			again, err := Parse(written, Limits{Bytes: 1 << 30, Attributes: 1 << 10})
			if err != nil {
				t.Fatalf("%q cannot be read again: %v", written, err)
			}
			if got := again.Canonical(nil); !bytes.Equal(got, canonical) {
				t.Fatalf("canonical form changes:\n%q\n%q", canonical, got)
			}
		}
	})
}
