package interop

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/marktbote/marktbote/gateway/as4/ebms"
)

const fromPhase4 = "phase4 -> us"

// TestFromPhase4 lets phase4 send messages to a node of ours.
func TestFromPhase4(t *testing.T) {
	p := runPhase4(t)
	n := open(t, p.dir, us, nil)
	n.introduce(t, them, p.url+"/as4/"+them, p.triple[them].Encryption.Certificate)

	// sent lets phase4 send and checks what was handed on: the file after a receipt, if the message is for processes.
	sent := func(t *testing.T, want string, handedOn bool, file []byte, settings ...string) exchanged {
		t.Helper()
		n.take()
		x := p.send(t, n.url, file, settings...)
		if got := x.outcome(t); got != want {
			t.Errorf("%s instead of %s: %+v", got, want, x)
		}
		files := n.take()
		switch {
		case !handedOn && len(files) > 0:
			t.Errorf("%d files were handed on", len(files))
		case handedOn && (len(files) != 1 || !bytes.Equal(files[them+"|"+x.RefTo], file)):
			t.Errorf("handed on: %d files, not the one sent", len(files))
		}
		return x
	}
	file := edifact(1)
	taken := func(file []byte, settings ...string) func(t *testing.T) string {
		return func(t *testing.T) string { sent(t, "receipt", true, file, settings...); return "receipt" }
	}
	refused := func(code string, settings ...string) func(t *testing.T) string {
		return func(t *testing.T) string { sent(t, code, false, file, settings...); return code }
	}
	properties := []string{"property.BDEWDocumentType=UTILMD", "property.BDEWDocumentNo=REF0000001", "property.BDEWDocumentDate=2026-11-24"}
	cells := []struct {
		row string
		run func(t *testing.T) string
	}{
		{"market message", taken(file, properties...)},
		{"test service", func(t *testing.T) string {
			sent(t, "receipt", false, []byte("test"), "kind=test")
			return "receipt, not handed on"
		}},
		{"path switch request", func(t *testing.T) string {
			sent(t, "receipt", false, nil, "kind=request")
			return "receipt"
		}},
		{"path switch confirm", func(t *testing.T) string {
			sent(t, "receipt", false, nil, "kind=confirm")
			return "receipt"
		}},
		{"duplicate", func(t *testing.T) string {
			x := sent(t, "receipt", true, file, "id=duplicate@them.example")
			n.mu.Lock()
			last := outgoing{contentType: n.kinds[len(n.kinds)-1], body: n.requests[len(n.requests)-1]}
			n.mu.Unlock()
			first, second := last.post(t, n.url), last.post(t, n.url)
			if !bytes.Equal(first, second) || !bytes.Contains(first, []byte(x.RefTo)) || len(n.take()) > 0 {
				t.Errorf("another receipt to the same bytes: %s\n%s", first, second)
			}
			// The same ID for another message: phase4 does so when the application sends again.
			sent(t, string(ebms.InvalidHeader), false, edifact(2), "id=duplicate@them.example")
			return "receipt again"
		}},
		{"50 MB file", taken(big(50 << 20))},
		{"wrong OU", refused("EBMS:0101", "identity="+them+"-wrong-ou")},
		{"revoked certificate", refused("EBMS:0101", "identity="+them+"-revoked")},
		{"expired certificate", refused("EBMS:0101", "identity="+them+"-expired")},
		{"not of class MAK", refused("EBMS:0101", "identity="+them+"-wrong-class")},
		{"foreign root", refused("EBMS:0101", "identity="+them+"-foreign-root")},
		{"payload not signed", refused("EBMS:0103", "unsigned=payload")},
		{"nothing signed", refused("EBMS:0101", "unsigned=all")},
		{"not encrypted", refused("EBMS:0103", "encrypt=no")},
		{"Body not empty", refused("EBMS:0103", "body=rider")},
		{"Body not signed", taken(file, "unsigned=Body")},
		{"X509v3 token", taken(file, "token=v3")},
		{"recipient by key identifier", taken(file, "recipient=keyid")},
		{"recipient by serial number", taken(file, "recipient=serial")},
		{"KDF of WSS4J", taken(file, "kdf=wss4j")},
		{"100 messages, no finding", func(t *testing.T) string {
			for i := range 100 {
				sent(t, "receipt", true, append(big(i*i), edifact(i)...), fmt.Sprintf("property.BDEWDocumentNo=REF%07d", i),
					"mime="+[]string{"application/octet-stream", "text/plain", "application/xml", "application/EDIFACT"}[i%4])
			}
			return "100 receipts"
		}},
	}
	for _, c := range cells {
		withPhase4.cell(t, c.row, fromPhase4, c.run)
	}
}

// post sends the message and returns the answer.
func (o outgoing) post(t *testing.T, url string) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(o.body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", o.contentType)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return body
}
