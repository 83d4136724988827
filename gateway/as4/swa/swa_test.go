package swa

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/marktbote/marktbote/gateway/as4/ebms"
)

const envelope = "<S:Envelope/>"

// read reads a body with the default limits and a known length.
func read(contentType, body string) (*Message, error) {
	return Read(contentType, int64(len(body)), strings.NewReader(body), DefaultLimits)
}

// crlf writes line breaks as they are on the wire.
func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

const related = `multipart/related; type="application/soap+xml"; start="<r@h>"; boundary="b"`

// twoParts is a package with the root r@h and the payload p@h, whose header and content are given.
func twoParts(header, content string) string {
	return crlf("--b\nContent-ID: <r@h>\nContent-Type: application/soap+xml; charset=UTF-8\n\n"+envelope+"\n--b\n"+header) + "\r\n" + content + "\r\n--b--\r\n"
}

func TestRead(t *testing.T) {
	t.Parallel()
	const octets = "Content-ID: <p@h>\nContent-Type: application/octet-stream\n"
	payload := func(data string) *Message {
		return &Message{Envelope: []byte(envelope), Parts: []Part{{ID: "p@h", MimeType: "application/octet-stream", Data: []byte(data)}}}
	}
	alone := &Message{Envelope: []byte(envelope)}
	for _, test := range []struct {
		name, contentType, body string
		want                    *Message
	}{
		{"envelope alone", "application/soap+xml; charset=UTF-8", envelope, alone},
		{"envelope with action", `Application/SOAP+XML;action="urn:x"`, envelope, alone},
		{"empty envelope", "application/soap+xml", "", &Message{Envelope: []byte{}}},
		{"payload", related, twoParts(octets+"Content-Transfer-Encoding: binary\n", "\x00\r\n--\xff"), payload("\x00\r\n--\xff")},
		{"one part", related, crlf("--b\nContent-ID: <r@h>\nContent-Type: application/soap+xml\n\n" + envelope + "\n--b--"), alone},
		{"no start", `multipart/related; boundary=b; type="application/soap+xml"`, twoParts(octets, "x"), payload("x")},
		{"no type", `multipart/related; boundary=b`, twoParts(octets, "x"), payload("x")},
		{"unquoted", `multipart/related;start=<r@h> ; boundary=b;type=application/soap+xml`, twoParts(octets, "x"), payload("x")},
		{"start without brackets", `multipart/related; start="r@h"; boundary=b`, twoParts(octets, "x"), payload("x")},
		{"escaped quotes and capitals", `MULTIPART/Related; START="<r\@h>"; Boundary="\b"`, twoParts(octets, "x"), payload("x")},
		{"unknown parameters, stray semicolons", `multipart/related;; boundary=b; start-info="a;b"; `, twoParts(octets, "x"), payload("x")},
		{"root is not the first", `multipart/related; start="<p@h>"; boundary=b`, twoParts("Content-ID: <p@h>\nContent-Type: application/soap+xml\n", "E"),
			&Message{Envelope: []byte("E"), Parts: []Part{{ID: "r@h", MimeType: "application/soap+xml", Data: []byte(envelope)}}}},
		{"root without type", related, crlf("--b\nContent-ID: <r@h>\n\n" + envelope + "\n--b--\n"), alone},
		{"preamble and epilogue", related, "text\r\nfor people --b\r\n" + twoParts(octets, "x") + "--b\r\nmore", payload("x")},
		{"blanks behind the boundary", related, strings.ReplaceAll(twoParts(octets, "x"), "--b\r\n", "--b \t\r\n"), payload("x")},
		{"only line feeds", related, strings.ReplaceAll(twoParts(octets, "x"), "\r\n", "\n"), payload("x")},
		{"folded header", related, twoParts("Content-ID:\n <p@h>\nContent-Type: application/octet-stream;\n\tname=\"x\"\n", "x"), payload("x")},
		{"header names", related, twoParts("CONTENT-id : p@h\ncontent-type:Application/Octet-Stream\nX-Other: \xe4\n", "x"), payload("x")},
		{"empty part", related, twoParts(octets, ""), payload("")},
		{"empty part without its line", related, strings.Replace(twoParts(octets, ""), "\r\n\r\n\r\n--b--", "\r\n\r\n--b--", 1), payload("")},
		{"boundary within a line", related, twoParts(octets, "1--b\r\n -- b\r\n--\r\nb"), payload("1--b\r\n -- b\r\n--\r\nb")},
		{"line feed behind the end", related, strings.TrimSuffix(twoParts(octets, "x"), "\r\n") + "\n", payload("x")},
		{"content ends in line breaks", related, twoParts(octets, "x\r\n\r\n"), payload("x\r\n\r\n")},
		{"base64", related, twoParts(octets+"Content-Transfer-Encoding: BASE64\n", "AAH+\r\n /w==\t"), payload("\x00\x01\xfe\xff")},
		{"quoted-printable", related, twoParts(octets+"Content-Transfer-Encoding: quoted-printable\n", "a=3Db=\r\nc"), payload("a=bc")},
		{"8bit", related, twoParts(octets+"Content-Transfer-Encoding: 8bit\n", "\xe4"), payload("\xe4")},
		{"file name is not looked at", related, twoParts(octets+"Content-Disposition: attachment; filename=../x\n", "x"), payload("x")},
		{"part without anything", related, crlf("--b\nContent-ID: r@h\nContent-Type: application/soap+xml\n\n" + envelope + "\n--b\n\nx\n--b--\n"),
			&Message{Envelope: []byte(envelope), Parts: []Part{{Data: []byte("x")}}}},
		{"single part of any type is no payload", related, twoParts("Content-ID: <p@h>\n", "x"), &Message{Envelope: []byte(envelope), Parts: []Part{{ID: "p@h", Data: []byte("x")}}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := read(test.contentType, test.body)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got, nilParts); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

var nilParts = cmp.Transformer("parts", func(p []Part) []Part { return append([]Part{}, p...) })

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	const octets = "Content-ID: <p@h>\nContent-Type: application/octet-stream\n"
	good := twoParts(octets, "x")
	for _, test := range []struct {
		name, contentType, body string
		code                    ebms.Code
		is                      error
	}{
		{"no type", "", envelope, ebms.MimeInconsistency, ErrContentType},
		{"text", "text/plain", "oops", ebms.MimeInconsistency, ErrContentType},
		{"SOAP 1.1", "text/xml", envelope, ebms.MimeInconsistency, ErrContentType},
		{"form", "multipart/form-data; boundary=b", good, ebms.MimeInconsistency, ErrContentType},
		{"no slash", "multipart", good, ebms.MimeInconsistency, ErrContentType},
		{"quote open", `multipart/related; boundary="b`, good, ebms.MimeInconsistency, ErrContentType},
		{"text behind quote", `multipart/related; boundary="b"c`, good, ebms.MimeInconsistency, ErrContentType},
		{"parameter twice", `multipart/related; boundary=b; boundary=c`, good, ebms.MimeInconsistency, ErrContentType},
		{"parameter without value", `multipart/related; boundary`, good, ebms.MimeInconsistency, ErrContentType},
		{"long", "multipart/related; boundary=b; x=" + strings.Repeat("y", maxContentType), good, ebms.MimeInconsistency, ErrContentType},
		{"no boundary", "multipart/related", good, ebms.MimeInconsistency, nil},
		{"empty boundary", `multipart/related; boundary=""`, good, ebms.MimeInconsistency, nil},
		{"long boundary", "multipart/related; boundary=" + strings.Repeat("b", maxBoundary+1), good, ebms.MimeInconsistency, nil},
		{"other boundary", "multipart/related; boundary=c", good, ebms.MimeInconsistency, nil},
		{"nothing", related, "", ebms.MimeInconsistency, nil},
		{"no parts", related, "--b--\r\n", ebms.MimeInconsistency, nil},
		{"end missing", related, strings.TrimSuffix(good, "--b--\r\n"), ebms.MimeInconsistency, nil},
		{"end damaged", related, strings.TrimSuffix(good, "--\r\n") + "-\r\n", ebms.MimeInconsistency, nil},
		{"boundary begins a line of the content", related, twoParts(octets, "1\r\n--bx\r\n2"), ebms.MimeInconsistency, nil},
		{"last boundary begins a line of the content", related, twoParts(octets, "1\r\n--b--x\r\n2"), ebms.MimeInconsistency, nil},
		{"boundary begins a line of the preamble", related, "--bx\r\n" + good, ebms.MimeInconsistency, nil},
		{"mixed ends of lines", related, strings.Replace(good, "\r\n--b\r\n", "\r\n--b\n", 1), ebms.MimeInconsistency, nil},
		{"header cut off", related, "--b\r\nContent-ID: <r@h>\r\n", ebms.MimeInconsistency, nil},
		{"boundary not at line start", related, strings.ReplaceAll(good, "\r\n--b", "--b"), ebms.MimeInconsistency, nil},
		{"start names nothing", `multipart/related; start="<q@h>"; boundary=b`, good, ebms.MimeInconsistency, nil},
		{"start empty", `multipart/related; start="<>"; boundary=b`, crlf("--b\nContent-Type: application/soap+xml\n\nx\n--b--\n"), ebms.MimeInconsistency, nil},
		{"root is payload", `multipart/related; start="<p@h>"; boundary=b`, good, ebms.MimeInconsistency, ErrContentType},
		{"root without any type", `multipart/related; boundary=b`, crlf("--b\n\nx\n--b--\n"), ebms.MimeInconsistency, ErrContentType},
		{"Content-ID twice in the package", related, twoParts("Content-ID: r@h\n", "x"), ebms.MimeInconsistency, nil},
		{"Content-ID twice in a part", related, twoParts("Content-ID: <p@h>\nContent-ID: <q@h>\n", "x"), ebms.MimeInconsistency, nil},
		{"encoding twice", related, twoParts("Content-Transfer-Encoding: binary\nContent-Transfer-Encoding: base64\n", "eA=="), ebms.MimeInconsistency, nil},
		{"unknown encoding", related, twoParts("Content-Transfer-Encoding: x-gzip\n", "x"), ebms.MimeInconsistency, nil},
		{"bad base64", related, twoParts("Content-Transfer-Encoding: base64\n", "eA==x"), ebms.MimeInconsistency, nil},
		{"bad quoted-printable", related, twoParts("Content-Transfer-Encoding: quoted-printable\n", "a\x01"), ebms.MimeInconsistency, nil},
		{"line without name", related, twoParts("Content-ID <p@h>\n", "x"), ebms.MimeInconsistency, nil},
		{"name with blank", related, twoParts("Content ID: <p@h>\n", "x"), ebms.MimeInconsistency, nil},
		{"folded first line", related, twoParts(" x\n", "x"), ebms.MimeInconsistency, nil},
		{"control character", related, twoParts("Content-ID: <p\x00@h>\n", "x"), ebms.MimeInconsistency, nil},
		{"lone line feed in header", related, strings.Replace(good, "stream\r\n", "stream\n", 1), ebms.MimeInconsistency, nil},
		{"bad type of a part", related, twoParts("Content-Type: x; y\n", "x"), ebms.MimeInconsistency, nil},
		{"long header", related, twoParts("X: "+strings.Repeat("y", DefaultLimits.Header)+"\n", "x"), ebms.ProcessingModeMismatch, ErrTooLarge},
		{"many parts", related, "--b\r\n" + strings.Repeat("\r\nx\r\n--b\r\n", DefaultLimits.Parts+1) + "\r\nx\r\n--b--\r\n", ebms.ProcessingModeMismatch, ErrTooLarge},
		{"long envelope", "application/soap+xml", strings.Repeat(" ", DefaultLimits.Envelope+1), ebms.ProcessingModeMismatch, ErrTooLarge},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m, err := read(test.contentType, test.body)
			fault, ok := errors.AsType[*ebms.Fault](err)
			if !ok {
				t.Fatalf("got %v and %v, want a fault", m, err)
			}
			if fault.Code != test.code || test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("got %v, want %s and %v", err, test.code, test.is)
			}
		})
	}
}

func TestReadBody(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 3*firstBuffer)
	limits := Limits{Body: int64(len(long)), Envelope: 2 * len(long)}
	length := int64(len(long))
	isFault := func(err error) bool { _, ok := errors.AsType[*ebms.Fault](err); return ok }
	for _, test := range []struct {
		name   string
		length int64
		body   io.Reader
		fault  bool
		is     error
	}{
		{"length known", length, strings.NewReader(long), false, nil},
		{"length unknown", -1, strings.NewReader(long), false, nil},
		{"in single bytes", length, iotest.OneByteReader(strings.NewReader(long)), false, nil},
		{"end with the last bytes", length, iotest.DataErrReader(strings.NewReader(long)), false, nil},
		{"announced too long", length + 1, strings.NewReader(long), true, ErrTooLarge},
		{"too long", -1, io.MultiReader(strings.NewReader(long), strings.NewReader("y")), true, ErrTooLarge},
		{"shorter than announced", length, strings.NewReader(long[1:]), false, io.ErrUnexpectedEOF},
		{"connection fails", -1, io.MultiReader(strings.NewReader(long), iotest.ErrReader(io.ErrClosedPipe)), false, io.ErrClosedPipe},
		{"stuck", -1, stuck{}, false, io.ErrNoProgress},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m, err := Read("application/soap+xml", test.length, test.body, limits)
			if !errors.Is(err, test.is) || isFault(err) != test.fault {
				t.Fatalf("got %v, want %v", err, test.is)
			}
			if test.is == nil && string(m.Envelope) != long {
				t.Errorf("got %d bytes", len(m.Envelope))
			}
		})
	}
}

type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

// A length that is a lie takes no memory.
func TestReadLyingLength(t *testing.T) {
	var got error
	r := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			_, got = Read("application/soap+xml", 100<<20, strings.NewReader("x"), DefaultLimits)
		}
	})
	if !errors.Is(got, io.ErrUnexpectedEOF) {
		t.Errorf("got %v", got)
	}
	if r.AllocedBytesPerOp() > 2*firstBuffer {
		t.Errorf("%d bytes allocated", r.AllocedBytesPerOp())
	}
}

func TestPartsDoNotOverlap(t *testing.T) {
	t.Parallel()
	m, err := read(related, twoParts("Content-ID: p@h\n", "x"))
	if err != nil {
		t.Fatal(err)
	}
	_ = append(m.Parts[0].Data, "overwritten"...)
	if string(m.Envelope) != envelope || string(m.Parts[0].Data) != "x" || cap(m.Parts[0].Data) != 1 {
		t.Errorf("got %q", m)
	}
}

func TestPayloads(t *testing.T) {
	t.Parallel()
	m := &Message{Parts: []Part{{ID: "a@h"}, {ID: "b c@h"}}}
	got, err := m.Payloads([]ebms.PartInfo{{Href: "CID:b%20c@h"}, {Href: "cid:a%40h"}})
	if err != nil || len(got) != 2 || got[0].ID != "b c@h" || got[1].ID != "a@h" {
		t.Errorf("got %v, %v", got, err)
	}
	for _, test := range []struct {
		name  string
		parts []Part
		hrefs []string
		code  ebms.Code
	}{
		{"part not named", m.Parts, []string{"cid:a@h"}, ebms.MimeInconsistency},
		{"part named twice", m.Parts, []string{"cid:a@h", "cid:a@h"}, ebms.MimeInconsistency},
		{"part missing", m.Parts, []string{"cid:a@h", "cid:b%20c@h", "cid:c@h"}, ebms.MimeInconsistency},
		{"part without Content-ID", []Part{{}}, nil, ebms.MimeInconsistency},
		{"in the Body", nil, []string{""}, ebms.InvalidHeader},
		{"in the Body by ID", nil, []string{"#x"}, ebms.InvalidHeader},
		{"outside", nil, []string{"https://h/x"}, ebms.ExternalPayloadError},
		{"bad escape", nil, []string{"cid:%zz"}, ebms.InvalidHeader},
	} {
		var infos []ebms.PartInfo
		for _, href := range test.hrefs {
			infos = append(infos, ebms.PartInfo{Href: href})
		}
		_, err := (&Message{Parts: test.parts}).Payloads(infos)
		if fault, ok := errors.AsType[*ebms.Fault](err); !ok || fault.Code != test.code {
			t.Errorf("%s: got %v, want %s", test.name, err, test.code)
		}
	}
}

// messages draws an envelope and attachments with text that looks like delimiters.
func messages() *rapid.Generator[*Message] {
	content := rapid.SliceOfN(rapid.SampledFrom([]string{"\r\n", "\n", "--", "b", "--b", "\r\n--b--\r\n", "=", "x", "\x00", "\xff"}), 0, 12)
	return rapid.Custom(func(t *rapid.T) *Message {
		m := &Message{Envelope: []byte(strings.Join(content.Draw(t, "envelope"), ""))}
		for i := range rapid.IntRange(0, 3).Draw(t, "parts") {
			m.Parts = append(m.Parts, Part{ID: fmt.Sprintf("p%d@h", i), MimeType: "application/octet-stream", Data: []byte(strings.Join(content.Draw(t, "data"), ""))})
		}
		return m
	})
}

// What is written is read the same way, by us and by the standard library.
func TestWriteRead(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := messages().Draw(t, "message")
		contentType, body, err := Write(m.Envelope, m.Parts)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Read(contentType, int64(len(body)), iotest.HalfReader(bytes.NewReader(body)), DefaultLimits)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(m, got, nilParts); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		_, params, err := mime.ParseMediaType(contentType)
		if err != nil {
			t.Fatal(err)
		}
		theirs := multipart.NewReader(bytes.NewReader(body), params["boundary"])
		for i := range len(m.Parts) + 1 {
			p, err := theirs.NextRawPart()
			if err != nil {
				t.Fatal(err)
			}
			data, err := io.ReadAll(p)
			if err != nil {
				t.Fatal(err)
			}
			want := m.Envelope
			if i > 0 {
				want = m.Parts[i-1].Data
			} else if p.Header.Get("Content-ID") != params["start"] {
				t.Errorf("root has Content-ID %s, start is %s", p.Header.Get("Content-ID"), params["start"])
			}
			if !bytes.Equal(data, want) {
				t.Errorf("part %d: mime/multipart reads %q, want %q", i, data, want)
			}
		}
		if _, err := theirs.NextRawPart(); err != io.EOF {
			t.Errorf("got %v behind the last part", err)
		}
	})
}

// Any transfer encoding gives the same bytes.
func TestReadEncodings(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		data := rapid.SliceOf(rapid.Byte()).Draw(t, "data")
		coded := base64.StdEncoding.EncodeToString(data)
		var lines strings.Builder
		for len(coded) > 76 {
			lines.WriteString(coded[:76] + "\r\n")
			coded = coded[76:]
		}
		lines.WriteString(coded)
		m, err := read(related, twoParts("Content-ID: <p@h>\nContent-Transfer-Encoding: base64\n", lines.String()))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(m.Parts[0].Data, data) {
			t.Errorf("got %q, want %q", m.Parts[0].Data, data)
		}
	})
}

func TestWriteForm(t *testing.T) {
	t.Parallel()
	contentType, body, err := write("BOUNDARY", "root@as4", []byte(envelope), []Part{{ID: "p@h", Data: []byte("data")}})
	if err != nil {
		t.Fatal(err)
	}
	if want := `multipart/related; type="application/soap+xml"; start="<root@as4>"; boundary="BOUNDARY"`; contentType != want {
		t.Errorf("got %s, want %s", contentType, want)
	}
	want := crlf(`--BOUNDARY
Content-ID: <root@as4>
Content-Type: application/soap+xml; charset=UTF-8
Content-Transfer-Encoding: binary

<S:Envelope/>
--BOUNDARY
Content-ID: <p@h>
Content-Type: application/octet-stream
Content-Transfer-Encoding: binary

data
--BOUNDARY--
`)
	if diff := cmp.Diff(want, string(body)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if len(body) != cap(body) {
		t.Errorf("%d bytes in a slice of %d", len(body), cap(body))
	}
}

func TestWriteRefuses(t *testing.T) {
	t.Parallel()
	for _, parts := range [][]Part{
		{{ID: ""}},
		{{ID: "a b@h"}},
		{{ID: "a\r\nX: y"}},
		{{ID: "a%40h"}},
		{{ID: "a@h"}, {ID: "a@h"}},
		{{ID: "a@h", MimeType: "x"}},
		{{ID: "a@h", MimeType: "x/y\r\nX: y"}},
	} {
		if _, _, err := Write(nil, parts); err == nil {
			t.Errorf("%v was written", parts)
		}
	}
	if !occurs("bb", []byte("abba"), nil) || !occurs("bb", nil, []Part{{Data: []byte("abba")}}) || occurs("bb", []byte("abab"), nil) {
		t.Error("occurs does not find the boundary")
	}
}

func FuzzRead(f *testing.F) {
	f.Add("application/soap+xml", []byte(envelope))
	f.Add(related, []byte(twoParts("Content-ID: <p@h>\nContent-Transfer-Encoding: base64\n", "eA==")))
	f.Add(related, []byte(twoParts("Content-Transfer-Encoding: quoted-printable\n", "a=3D")))
	f.Add(`multipart/related; boundary=b`, []byte(strings.ReplaceAll(twoParts("", ""), "\r\n", "\n")))
	limits := Limits{Body: 1 << 16, Envelope: 1 << 12, Parts: 4, Header: 256}
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		m, err := Read(contentType, -1, bytes.NewReader(body), limits)
		if err != nil {
			if _, ok := errors.AsType[*ebms.Fault](err); !ok {
				t.Fatalf("%v is no fault", err)
			}
			return
		}
		total := len(m.Envelope)
		ids := map[string]bool{}
		for _, p := range m.Parts {
			total += len(p.Data)
			if p.ID != "" && ids[p.ID] {
				t.Errorf("Content-ID %q twice", p.ID)
			}
			ids[p.ID] = true
		}
		if total > len(body)+2*len(body)/100 || len(m.Envelope) > limits.Envelope || len(m.Parts) > limits.Parts {
			t.Errorf("%d bytes in %d parts out of %d bytes", total, len(m.Parts), len(body))
		}
	})
}

// Whatever we and the standard library both take apart, we take apart in the same way.
func FuzzSplit(f *testing.F) {
	f.Add([]byte(twoParts("Content-ID: <p@h>\n", "1\r\n--b--x\r\n2")))
	f.Add([]byte(twoParts("Content-Transfer-Encoding: binary\n", "\r\n\r\n")))
	f.Add([]byte(strings.ReplaceAll(twoParts("", ""), "\r\n", "\n")))
	f.Fuzz(func(t *testing.T, body []byte) {
		ours, err := split(body, "b", Limits{Parts: 10, Header: 4096})
		if err != nil {
			return
		}
		theirs := multipart.NewReader(bytes.NewReader(body), "b")
		for i := range ours {
			p, err := theirs.NextRawPart()
			if err != nil {
				return // stricter in headers
			}
			data, err := io.ReadAll(p)
			if err != nil {
				return
			}
			if e := strings.ToLower(p.Header.Get("Content-Transfer-Encoding")); e != "base64" && e != "quoted-printable" && !bytes.Equal(data, ours[i].Data) {
				t.Fatalf("part %d of %q: we read %q, mime/multipart %q", i, body, ours[i].Data, data)
			}
		}
		if _, err := theirs.NextRawPart(); err == nil {
			t.Fatalf("mime/multipart reads a part behind the end of %q", body)
		}
	})
}
