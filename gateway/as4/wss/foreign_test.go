package wss

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/marktbote/marktbote/gateway/as4/smpki"
	"github.com/marktbote/marktbote/gateway/as4/testpki"
)

const python = "/usr/bin/python3" // the one of the distribution, which has its packages

// needPython skips a test loudly where the distribution's Python or a package is missing.
func needPython(t *testing.T) {
	t.Helper()
	if out, err := exec.Command(python, "-c", "import lxml.etree, cryptography").CombinedOutput(); err != nil {
		t.Skipf("SKIPPED: nothing is compared with libxml2 and OpenSSL, because %s lacks lxml or cryptography (Debian packages python3-lxml, python3-cryptography): %v %s", python, err, out)
	}
}

// TestPythonReads lets Python verify and decrypt a whole message.
func TestPythonReads(t *testing.T) {
	needPython(t)
	p := people()
	const own = "9900000000002"
	dir := writeFiles(t, map[string][]byte{
		"root.pem":              certPEM(p.pki.Root.Raw),
		own + "/encryption.pem": certPEM(p.recipient.Encryption.Certificate.Raw),
		own + "/encryption.key": keyPEM(t, p.recipient.Encryption),
		"message":               asHTTP(send(t, payload("payload@as4.example.org", 50_000))),
		"changed/message":       asHTTP(damaged(send(t, payload("payload@as4.example.org", 100)))),
		"several/message":       asHTTP(send(t, payload("a b%@x", 100), payload("b@x", 100))),
		"without/message":       asHTTP(send(t)),
	})
	for _, c := range []struct{ name, file, want string }{
		{"one part", "message", `"messageID"`},
		{"several parts", "several/message", `"messageID"`},
		{"no part", "without/message", `"messageID"`},
		{"changed", "changed/message", `"error": "Bad: digest of #M-1"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := exec.Command(python, "../interop/testdata/python/verify.py", "user", dir, own, filepath.Join(dir, c.file)).CombinedOutput()
			if (err == nil) == strings.HasPrefix(c.want, `"error"`) || !strings.Contains(string(out), c.want) {
				t.Errorf("%v %s, want %s", err, out, c.want)
			}
		})
	}
}

// TestPythonWrites reads what Python writes, as the profile says and as other products do.
func TestPythonWrites(t *testing.T) {
	needPython(t)
	p := people()
	type part struct {
		ID   string `json:"id"`
		Data []byte `json:"data"`
	}
	for _, style := range []string{"plain", "wss4j"} {
		for n := range 3 {
			t.Run(fmt.Sprint(style, n), func(t *testing.T) {
				var parts []part
				for i := range n {
					id := fmt.Sprintf("part %d%%@example.org", i)
					parts = append(parts, part{id, payload(id, 1000).Data})
				}
				var path [][]byte
				for _, c := range p.sender.Signature.Path {
					path = append(path, c.Raw)
				}
				order, err := json.Marshal(map[string]any{
					"key": string(keyPEM(t, p.sender.Signature)), "path": path, "recipient": p.recipient.Encryption.Certificate.Raw,
					"parts": append([]part{}, parts...), "style": style,
				})
				if err != nil {
					t.Fatal(err)
				}
				cmd := exec.Command(python, "testdata/make.py")
				cmd.Stdin = bytes.NewReader(order)
				var problem strings.Builder
				cmd.Stderr = &problem
				out, err := cmd.Output()
				if err != nil {
					t.Fatal(err, problem.String())
				}
				var made struct {
					XML   []byte `json:"xml"`
					Parts []part `json:"parts"`
				}
				if err := json.Unmarshal(out, &made); err != nil {
					t.Fatal(err)
				}
				m := message{xml: string(made.XML)}
				for _, p := range made.Parts {
					m.parts = append(m.parts, Part{ID: p.ID, Data: p.Data})
				}
				v, got, err := receive(m, recipientKeys())
				if err != nil {
					t.Fatalf("%v\n%s", err, made.XML)
				}
				if !v.Leaf.Equal(p.sender.Signature.Certificate) || !v.SignedBody {
					t.Errorf("signed by %s, body %v", v.Leaf.Subject, v.SignedBody)
				}
				for i := range parts {
					if !bytes.Equal(got[i].Data, parts[i].Data) {
						t.Errorf("part %d has changed", i)
					}
				}
			})
		}
	}
}

// TestXmlsec lets xmlsec1 verify what is signed like a receipt, without parts.
func TestXmlsec(t *testing.T) {
	xmlsec, err := exec.LookPath("xmlsec1")
	if err != nil {
		t.Skip("SKIPPED: no comparison with xmlsec1, because it is not installed (Debian package xmlsec1)")
	}
	m := send(t)
	dir := writeFiles(t, map[string][]byte{
		"receipt.xml": []byte(m.xml),
		"changed.xml": []byte(strings.Replace(m.xml, "9900000000001", "9900000000099", 1)),
		"sign.pem":    certPEM(people().sender.Signature.Certificate.Raw),
	})
	verify := func(file string) (string, error) {
		out, err := exec.Command(xmlsec, "--verify", "--pubkey-cert-pem", filepath.Join(dir, "sign.pem"),
			"--id-attr:Id", ebSpace+":Messaging", "--id-attr:Id", soapSpace+":Body", filepath.Join(dir, file)).CombinedOutput()
		return string(out), err
	}
	if out, err := verify("receipt.xml"); err != nil || !strings.Contains(out, "SignedInfo References (ok/all): 2/2") {
		t.Errorf("%v %s", err, out)
	}
	if out, err := verify("changed.xml"); err == nil {
		t.Errorf("a changed receipt is accepted: %s", out)
	}
}

func damaged(m message) message {
	m.xml = strings.Replace(m.xml, "2026-11-22T08", "2026-11-22T09", 1)
	return m
}

func certPEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func keyPEM(t *testing.T, p testpki.Pair) []byte {
	t.Helper()
	key, err := smpki.MarshalKey(p.Key, nil)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func writeFiles(t *testing.T, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// asHTTP returns a message as it goes over the wire.
func asHTTP(m message) []byte {
	var b bytes.Buffer
	const boundary = "=-boundary"
	part := func(id, kind string, data []byte) {
		fmt.Fprintf(&b, "--%s\r\nContent-ID: <%s>\r\nContent-Type: %s\r\nContent-Transfer-Encoding: binary\r\n\r\n%s\r\n", boundary, id, kind, data)
	}
	part("root@x", "application/soap+xml; charset=UTF-8", []byte(m.xml))
	for _, p := range m.parts {
		part(p.ID, p.MimeType, p.Data)
	}
	fmt.Fprintf(&b, "--%s--\r\n", boundary)
	return fmt.Appendf(nil, "POST /as4 HTTP/1.1\r\nContent-Type: multipart/related; type=\"application/soap+xml\"; start=\"<root@x>\"; boundary=%q\r\nContent-Length: %d\r\n\r\n%s", boundary, b.Len(), b.Bytes())
}
