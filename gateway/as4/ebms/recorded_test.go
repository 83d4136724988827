package ebms_test

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/marktbote/marktbote/gateway/as4/ebms"
	"github.com/marktbote/marktbote/gateway/as4/swa"
	"github.com/marktbote/marktbote/gateway/as4/xmltree"
)

// answers is what a sender makes of the recorded answers that are no receipt, by the name of the file.
var answers = map[string]ebms.Reaction{
	"duplicate": ebms.Duplicate, "wrong-ou": ebms.Stop, "revoked": ebms.Renew, "expired": ebms.Renew, "token-v3": ebms.Renew,
}

// TestRecorded reads the packages and headers of foreign products.
func TestRecorded(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../interop/testdata/recorded/phase4-*/*.re*")
	if err != nil || len(files) == 0 {
		t.Fatal("no recorded messages", err)
	}
	for _, file := range files {
		name, kind, _ := strings.Cut(filepath.Base(file), ".")
		t.Run(name+"/"+kind, func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			r := bufio.NewReader(bytes.NewReader(data))
			if kind == "request" {
				req, err := http.ReadRequest(r)
				if err != nil {
					t.Fatal(err)
				}
				m, parts := header(t, req.Header, req.ContentLength, req.Body)
				user, ok := m.(*ebms.UserMessage)
				if !ok {
					t.Fatalf("got %T", m)
				}
				if err := user.Check(); err != nil {
					t.Error(err)
				}
				if _, err := parts.Payloads(user.Parts); err != nil {
					t.Error(err)
				}
				return
			}
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			m, _ := header(t, resp.Header, resp.ContentLength, resp.Body)
			a := ebms.Answer{Resent: true, Status: resp.StatusCode, Message: m}
			switch m := m.(type) {
			case *ebms.Receipt:
				if a.MessageID = m.RefToMessageID; len(m.References) == 0 {
					t.Error("the receipt has no references")
				}
			case *ebms.ErrorSignal:
				a.MessageID = m.RefToMessageID
			}
			if o := a.Outcome(); o.Reaction != answers[name] { // Delivered if it is not listed
				t.Errorf("got %v %s (%s), want %v", o.Reaction, o.Code, o.Text, answers[name])
			}
		})
	}
}

// header reads the message in an HTTP body.
func header(t *testing.T, h http.Header, length int64, body io.Reader) (ebms.Message, *swa.Message) {
	t.Helper()
	parts, err := swa.Read(h.Get("Content-Type"), length, body, swa.DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	root, err := xmltree.Parse(parts.Envelope, xmltree.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	m, err := ebms.ParseMessaging(root.Find(ebms.SOAPNamespace, "Header").Find(ebms.Namespace, "Messaging"))
	if err != nil {
		t.Fatal(err)
	}
	return m, parts
}
