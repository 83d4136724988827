package interop

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/marktbote/marktbote/gateway/as4/ebms"
	"github.com/marktbote/marktbote/gateway/as4/smpki"
	"github.com/marktbote/marktbote/gateway/as4/swa"
	"github.com/marktbote/marktbote/gateway/as4/wss"
	"github.com/marktbote/marktbote/gateway/as4/xmltree"
)

const (
	santuario = "Santuario + Bouncy Castle"
	python    = "lxml + cryptography"
)

// tool runs a program of another kind and returns what it prints; ok is whether it found the message good.
func tool(t *testing.T, args ...string) (result map[string]any, ok bool) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).Output() //nolint:gosec // the programs are ours
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1 || len(out) == 0) {
		if exit != nil {
			t.Fatalf("%s: %v\n%s", args, err, exit.Stderr)
		}
		t.Fatalf("%s: %v", args, err)
	}
	if len(out) > 0 {
		if err := json.Unmarshal(out, &result); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	return result, err == nil
}

// santuarioCommand is the beginning of a command for testdata/santuario.
func santuarioCommand(t *testing.T, command string, p *parties) []string {
	built(t, "santuario", "Santuario.class")
	jars := []string{"../../../.bin/interop/santuario"}
	for _, name := range []string{"xmlsec", "bcprov", "bcpkix", "bcutil", "slf4j-api", "slf4j-nop", "commons-codec"} {
		jars = append(jars, "/usr/share/java/"+name+".jar")
	}
	return []string{"java", "-cp", strings.Join(jars, ":"), "Santuario", command, p.dir}
}

// pythonCommand is the same for testdata/python.
func pythonCommand(t *testing.T, command string, p *parties) []string {
	built(t)
	return []string{"/usr/bin/python3", "testdata/python/verify.py", command, p.dir}
}

// toolVersions asks the programs what they are.
func toolVersions(t *testing.T, p *parties) {
	t.Helper()
	for name, args := range map[string][]string{santuario: santuarioCommand(t, "versions", p), python: pythonCommand(t, "versions", p)} {
		out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).Output() //nolint:gosec // the programs are ours
		if err != nil {
			t.Fatalf("%s: %v", args, err)
		}
		version(name, string(out))
	}
}

// TestTools gives our messages to other software, and its messages to us.
func TestTools(t *testing.T) {
	built(t)
	p := partners(t)
	toolVersions(t, p)
	dir := t.TempDir()
	keep := func(name string, data []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	file := keep("payload", edifact(7))
	message := p.make(t, draft{file: edifact(7), properties: documentProperties(7)})
	request := keep("request", message.request())
	empty := keep("empty", p.make(t, draft{service: ebms.ServicePathSwitch, action: ebms.ActionRequestSwitch}).request())

	// The altered message has another sum of money in it: one bit of the encrypted file.
	altered := message.request()
	altered[len(altered)-80] ^= 1
	bad := keep("altered", altered)

	foreign := filepath.Join(dir, "foreign")
	if _, ok := tool(t, append(santuarioCommand(t, "user", p), them, us, file, foreign)...); !ok {
		t.Fatal("Santuario wrote no message")
	}
	receipt := keep("receipt", p.receipt(t, foreign))
	theirs := filepath.Join(dir, "theirs")
	if _, ok := tool(t, append(santuarioCommand(t, "receipt", p), them, request, theirs)...); !ok {
		t.Fatal("Santuario wrote no receipt")
	}

	good := func(args []string, want ...string) func(t *testing.T) string {
		return func(t *testing.T) string {
			result, ok := tool(t, args...)
			text, _ := json.Marshal(result) //nolint:errchkjson // it was JSON
			if !ok {
				t.Errorf("%s", text)
			}
			for _, w := range want {
				if !strings.Contains(string(text), w) {
					t.Errorf("no %s in %s", w, text)
				}
			}
			return "yes"
		}
	}
	refused := func(args []string) func(t *testing.T) string {
		return func(t *testing.T) string {
			if result, ok := tool(t, args...); ok {
				t.Errorf("taken: %v", result)
			}
			return "yes"
		}
	}
	withTools.cell(t, "reads our message", santuario, good(append(santuarioCommand(t, "verify", p), them, request), message.id, sum(edifact(7))))
	withTools.cell(t, "reads our message without payload", santuario, good(append(santuarioCommand(t, "verify", p), them, empty), us))
	withTools.cell(t, "reads our receipt", santuario, good(append(santuarioCommand(t, "verify", p), them, receipt), us))
	withTools.cell(t, "refuses our message altered", santuario, refused(append(santuarioCommand(t, "verify", p), them, bad)))
	withTools.cell(t, "reads our message", python, good(append(pythonCommand(t, "user", p), them, request), message.id, sum(edifact(7))))
	withTools.cell(t, "reads our message without payload", python, good(append(pythonCommand(t, "user", p), them, empty), us))
	withTools.cell(t, "reads our receipt", python, good(append(pythonCommand(t, "receipt", p), us, receipt, foreign), us))
	withTools.cell(t, "refuses our message altered", python, refused(append(pythonCommand(t, "user", p), them, bad)))
	withTools.none("we read its message", python, "it writes none")
	withTools.none("we read its receipt", python, "it writes none")
	withTools.cell(t, "we read its message", santuario, func(t *testing.T) string {
		_, parts := p.open(t, foreign)
		if len(parts) != 1 || sum(parts[0]) != sum(edifact(7)) {
			t.Errorf("%d parts", len(parts))
		}
		return "yes"
	})
	withTools.cell(t, "we read its receipt", santuario, func(t *testing.T) string {
		data, err := os.ReadFile(theirs)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(data)), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if a := p.judge(t, message, resp.StatusCode, resp.Header.Get("Content-Type"), body); a.code != "receipt" {
			t.Errorf("%+v", a)
		}
		return "yes"
	})
}

// open reads a message to us and returns its files.
func (p *parties) open(t *testing.T, file string) (*wss.Verified, [][]byte) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(file)
	must(err)
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(data)))
	must(err)
	m, err := swa.Read(r.Header.Get("Content-Type"), r.ContentLength, r.Body, swa.DefaultLimits)
	must(err)
	root, err := xmltree.Parse(m.Envelope, xmltree.Limits{})
	must(err)
	env, err := wss.Locate(root)
	must(err)
	message, err := ebms.ParseMessaging(env.Messaging)
	must(err)
	user, ok := message.(*ebms.UserMessage)
	if !ok {
		t.Fatalf("a %T", message)
	}
	must(user.Check())
	mime, err := m.Payloads(user.Parts)
	must(err)
	var parts []wss.Part
	for _, part := range mime {
		parts = append(parts, wss.Part{ID: part.ID, MimeType: part.MimeType, Data: part.Data})
	}
	parts, err = wss.Decrypt(&env, parts, func(wss.RecipientHint) []wss.Agreer { return []wss.Agreer{p.triple[us].Encryption.Key} })
	must(err)
	v, err := wss.Verify(&env, parts)
	must(err)
	_, err = p.pki.Trust().Verify(v.Leaf, v.Path, smpki.Signature, time.Now())
	must(err)
	var files [][]byte
	for _, part := range parts {
		content, err := io.ReadAll(swa.Gunzip(part.Data, swa.MaxPayload))
		must(err)
		files = append(files, content)
	}
	return v, files
}

// receipt is our receipt of a message, as a recorded file.
func (p *parties) receipt(t *testing.T, file string) []byte {
	t.Helper()
	v, _ := p.open(t, file)
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), "MessageId>")
	id, _, _ := strings.Cut(rest, "<")
	r := &ebms.Receipt{MessageID: ebms.NewMessageID("us.example"), RefToMessageID: id, Timestamp: time.Now()}
	for _, reference := range v.References {
		r.References = append(r.References, reference.XML)
	}
	env, err := wss.Locate(ebms.NewEnvelope(r))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := wss.Sign(&env, wss.Identity{Path: p.triple[us].Signature.Path, Key: p.triple[us].Signature.Key}, nil); err != nil {
		t.Fatal(err)
	}
	body := env.Root.AppendXML(nil)
	var b bytes.Buffer
	resp := http.Response{
		StatusCode: http.StatusOK, ProtoMajor: 1, ProtoMinor: 1, ContentLength: int64(len(body)),
		Header: http.Header{"Content-Type": {swa.SOAPType}}, Body: io.NopCloser(bytes.NewReader(body)),
	}
	if err := resp.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
