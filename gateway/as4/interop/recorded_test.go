package interop

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/marktbote/marktbote/gateway/as4/ebms"
	"github.com/marktbote/marktbote/gateway/as4/swa"
	"github.com/marktbote/marktbote/gateway/as4/wss"
	"github.com/marktbote/marktbote/gateway/as4/xmltree"
)

const recorded = "testdata/recorded"

// TestRecordedRequests gives recorded messages of foreign software to a node.
func TestRecordedRequests(t *testing.T) {
	t.Parallel()
	// All others are answered with a receipt.
	refused := map[string]ebms.Code{
		"wrong-ou": ebms.FailedAuthentication, "revoked": ebms.FailedAuthentication, "expired": ebms.FailedAuthentication,
		"unencrypted": ebms.PolicyNoncompliance,
		"duplicate":   ebms.InvalidHeader, // another message with the MessageId of mp
	}
	noFile := []string{"test", "path-switch-request", "path-switch-confirm"}
	payload := readFile(t, filepath.Join(recorded, "payload.edi"))
	products, err := filepath.Glob(filepath.Join(recorded, "*", "mp.request"))
	if err != nil || len(products) < 2 {
		t.Fatal(products, err)
	}
	for _, product := range products {
		dir := filepath.Dir(product)
		n := open(t, filepath.Join(recorded, "pki"), them, nil)
		files, err := filepath.Glob(filepath.Join(dir, "*.request"))
		if err != nil {
			t.Fatal(err)
		}
		// A duplicate comes after the first.
		slices.SortFunc(files, func(a, b string) int { return strings.Compare(repeated(a)+a, repeated(b)+b) })
		for _, file := range files {
			name := strings.TrimSuffix(filepath.Base(file), ".request")
			t.Run(filepath.Base(dir)+"/"+name, func(t *testing.T) {
				r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(readFile(t, file))))
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(r.Body)
				if err != nil {
					t.Fatal(err)
				}
				n.take()
				answer := outgoing{contentType: r.Header.Get("Content-Type"), body: body}.post(t, n.url)
				switch m := messageOf(t, answer).(type) {
				case *ebms.Receipt:
					if refused[name] != "" {
						t.Errorf("a receipt, want %s", refused[name])
					}
				case *ebms.ErrorSignal:
					if m.Errors[0].Code != refused[name] {
						t.Errorf("%s %s, want %q", m.Errors[0].Code, m.Errors[0].Description, refused[name])
					}
				}
				want := 1
				if refused[name] != "" || slices.Contains(noFile, name) {
					want = 0
				}
				got := n.take()
				for id, file := range got {
					if !bytes.Equal(file, payload) {
						t.Errorf("%s: %q", id, file)
					}
				}
				if len(got) != want {
					t.Errorf("%d files were handed on, want %d", len(got), want)
				}
			})
		}
	}
}

func repeated(file string) string {
	if strings.HasSuffix(file, "duplicate.request") {
		return "2"
	}
	return "1"
}

// TestRecordedReceipts compares recorded receipts with the messages that they are for.
func TestRecordedReceipts(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(recorded, "*", "*.response"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	receipts := 0
	for _, file := range files {
		resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(readFile(t, file))), nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		receipt, ok := messageOf(t, body).(*ebms.Receipt)
		if !ok {
			continue
		}
		receipts++
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(readFile(t, strings.TrimSuffix(file, ".response")+".request"))))
		if err != nil {
			t.Fatal(err)
		}
		m, err := swa.Read(r.Header.Get("Content-Type"), r.ContentLength, r.Body, swa.DefaultLimits)
		if err != nil {
			t.Fatal(err)
		}
		env := envelopeOf(t, m.Envelope)
		message, err := ebms.ParseMessaging(env.Messaging)
		if err != nil {
			t.Fatal(err)
		}
		var sent []ebms.Signed
		for _, reference := range env.Security.Find(dsig, "Signature").Find(dsig, "SignedInfo").Elements(dsig, "Reference") {
			digest, err := base64.StdEncoding.DecodeString(reference.Find(dsig, "DigestValue").Text())
			if err != nil {
				t.Fatal(err)
			}
			uri, _ := reference.Attr("", "URI")
			sent = append(sent, ebms.Signed{URI: uri, Digest: digest})
		}
		if err := ebms.MatchReceipt(message.ID(), sent, receipt); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
	if receipts < 10 {
		t.Errorf("%d receipts", receipts)
	}
}

func envelopeOf(t *testing.T, xml []byte) wss.Envelope {
	t.Helper()
	root, err := xmltree.Parse(xml, xmltree.Limits{})
	if err != nil {
		t.Fatalf("%v\n%s", err, xml)
	}
	env, err := wss.Locate(root)
	if err != nil {
		t.Fatalf("%v\n%s", err, xml)
	}
	return env
}

// messageOf reads a message without parts.
func messageOf(t *testing.T, xml []byte) ebms.Message {
	t.Helper()
	env := envelopeOf(t, xml)
	m, err := ebms.ParseMessaging(env.Messaging)
	if err != nil {
		t.Fatalf("%v\n%s", err, xml)
	}
	return m
}
