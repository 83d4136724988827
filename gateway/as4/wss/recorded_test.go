package wss

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/marktbote/marktbote/gateway/as4/smpki"
	"github.com/marktbote/marktbote/gateway/as4/testpki"
)

const recorded = "../interop/testdata/recorded/"

// TestRecorded reads what foreign products have sent, and what they answer.
func TestRecorded(t *testing.T) {
	files, err := filepath.Glob(recorded + "*/*.re*")
	if err != nil || len(files) == 0 {
		t.Fatal("no recorded messages", err)
	}
	keys := keysOf(pairOf(t, recorded+"pki/9800000000002/encryption"))
	want, err := os.ReadFile(recorded + "payload.edi")
	if err != nil {
		t.Fatal(err)
	}
	// What else than a fitting signature, and an encrypted transfer file in a request.
	special := map[string]string{
		"unencrypted.request": "is not encrypted",
	}
	for _, file := range files {
		t.Run(strings.TrimPrefix(file, recorded), func(t *testing.T) {
			m := readHTTP(t, file)
			v, parts, err := receive(m, keys)
			if text := special[filepath.Base(file)]; text != "" {
				if err == nil || !strings.Contains(err.Error(), text) {
					t.Errorf("%v, want %q", err, text)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if unsigned := strings.HasSuffix(file, "body-unsigned.request"); v.SignedBody == unsigned {
				t.Errorf("the Body is signed: %v", v.SignedBody)
			}
			for _, p := range parts {
				r, err := gzip.NewReader(bytes.NewReader(p.Data))
				if err != nil {
					t.Fatal(err)
				}
				if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, want) {
					t.Errorf("the payload is %q, %v", got, err)
				}
			}
		})
	}
}

func pairOf(t *testing.T, name string) testpki.Pair {
	t.Helper()
	read := func(file string) []byte {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	certs, err := smpki.ParseCertificates(read(name + ".pem"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := smpki.ParseKey(read(name+".key"), nil)
	if err != nil {
		t.Fatal(err)
	}
	return testpki.Pair{Certificate: certs[0], Key: key}
}

// readHTTP takes a recorded request or response apart.
func readHTTP(t *testing.T, file string) message {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var header http.Header
	var body io.Reader
	in := bufio.NewReader(bytes.NewReader(data))
	if strings.HasSuffix(file, ".request") {
		r, err := http.ReadRequest(in)
		if err != nil {
			t.Fatal(err)
		}
		header, body = r.Header, r.Body
	} else {
		r, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		header, body = r.Header, r.Body
	}
	kind, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	if kind != "multipart/related" {
		xml, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		return message{xml: string(xml)}
	}
	var m message
	r := multipart.NewReader(body, params["boundary"])
	for {
		p, err := r.NextRawPart()
		if err == io.EOF {
			return m
		}
		if err != nil {
			t.Fatal(err)
		}
		var content io.Reader = p
		if p.Header.Get("Content-Transfer-Encoding") == "base64" {
			content = base64.NewDecoder(base64.StdEncoding, p)
		}
		data, err := io.ReadAll(content)
		if err != nil {
			t.Fatal(err)
		}
		if m.xml == "" {
			m.xml = string(data)
			continue
		}
		m.parts = append(m.parts, Part{ID: strings.Trim(p.Header.Get("Content-ID"), "<>"), MimeType: p.Header.Get("Content-Type"), Data: data})
	}
}
