package interop

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// phase4 is a running process of testdata/phase4.
type phase4 struct {
	*parties
	url   string         // without TLS
	tls   string         // with TLS
	stdin io.WriteCloser // the process ends with it
	once  sync.Once      // for its versions
}

// exchanged is what phase4 says about a message that it has sent; testdata/phase4, Sender.
type exchanged struct {
	Result     string
	Receipt    bool
	Signed     bool
	Signer     string
	References string
	Errors     []string
	Findings   []string
	Exception  string
	RefTo      string `json:"refToMessageID"`
}

// arrived is what phase4 says about a message that it has received; testdata/phase4, Receiver.
type arrived struct {
	MessageID, From, To, Service, Action, Signer, TLS string
	Signed, Encrypted                                 bool
	Errors, Findings                                  []string
	WSS4J, Exception                                  string
	Parts                                             []struct {
		Size       int
		SHA256     string
		Properties map[string]string
	}
}

// thePhase4 serves all tests with the PKI of today.
var thePhase4 = sync.OnceValues(func() (*phase4, error) {
	p, err := thePKI()
	if err != nil {
		return nil, err
	}
	return startPhase4(p)
})

func startPhase4(p *parties) (*phase4, error) {
	dir := filepath.Join("../../../.bin/interop/phase4")
	//nolint:gosec // the path is ours
	cmd := exec.Command("java", "-Xmx1g", "-cp", filepath.Join(dir, "classes")+":"+filepath.Join(dir, "jars", "*"), "peer.Peer", p.dir, them)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(p.dir, "phase4.log"))
	if err != nil {
		return nil, err
	}
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("phase4 does not start: %w", err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	var port, tls int
	if _, scanErr := fmt.Sscanf(line, "listening %d %d", &port, &tls); err != nil || scanErr != nil {
		return nil, fmt.Errorf("phase4 says %q and ends, see %s", line, log.Name())
	}
	return &phase4{parties: p, url: fmt.Sprintf("http://127.0.0.1:%d", port), tls: fmt.Sprintf("https://%s:%d", host, tls), stdin: stdin}, nil
}

func runPhase4(t *testing.T) *phase4 {
	t.Helper()
	built(t, "phase4", "classes", "peer", "Peer.class")
	p, err := thePhase4()
	if err != nil {
		t.Fatal(err)
	}
	p.once.Do(func() { version("phase4", string(p.request(t, http.MethodGet, "/versions", nil))) })
	return p
}

// request calls the control interface.
func (p *phase4) request(t *testing.T, method, path string, body []byte) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, p.url+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: status %d, %v\n%s", path, resp.StatusCode, err, data)
	}
	return data
}

// send lets phase4 send a file to us; settings are the parameters of testdata/phase4, Sender.
func (p *phase4) send(t *testing.T, to string, file []byte, settings ...string) (x exchanged) {
	t.Helper()
	q := url.Values{"url": {to}, "from": {them}, "to": {us}}
	for _, s := range settings {
		name, value, _ := strings.Cut(s, "=")
		q.Set(name, value)
	}
	data := p.request(t, http.MethodPost, "/send?"+q.Encode(), file)
	if err := json.Unmarshal(data, &x); err != nil {
		t.Fatalf("%v\n%s", err, data)
	}
	if len(x.Findings) > 0 {
		t.Errorf("findings in the answer: %q", x.Findings)
	}
	return x
}

// outcome is what phase4 took from our answer: "receipt", or the code of the error.
func (x exchanged) outcome(t *testing.T) string {
	t.Helper()
	switch {
	case x.Result == "SUCCESS":
		if !x.Receipt || !x.Signed || x.References != "ok" || !strings.Contains(x.Signer, "OU="+us) {
			t.Errorf("phase4 does not like our receipt: %+v", x)
		}
		return "receipt"
	case x.Result == "AS4_ERROR_MESSAGE_RECEIVED" && len(x.Errors) > 0:
		code, _, _ := strings.Cut(x.Errors[0], " ")
		return code
	}
	t.Errorf("phase4 does not understand our answer: %+v", x)
	return ""
}

// received returns what phase4 has received since the last call.
func (p *phase4) received(t *testing.T) (list []arrived) {
	t.Helper()
	data := p.request(t, http.MethodGet, "/received", nil)
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatalf("%v\n%s", err, data)
	}
	return list
}

// post sends a message to phase4 and returns its answer and what it received.
func (p *phase4) post(t *testing.T, o outgoing) (answer, arrived) {
	t.Helper()
	p.received(t)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.url+"/as4/"+them, bytes.NewReader(o.body))
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
	list := p.received(t)
	if len(list) != 1 {
		t.Fatalf("phase4 has received %d messages: %+v", len(list), list)
	}
	return p.judge(t, o, resp.StatusCode, resp.Header.Get("Content-Type"), body), list[0]
}

// exchange is post with a look at what must have arrived after a receipt.
func (p *phase4) exchange(t *testing.T, d draft) answer {
	t.Helper()
	a, got := p.post(t, p.make(t, d))
	if a.code != "receipt" {
		t.Logf("%s: %q %q %s", a.code, got.Errors, got.Findings, got.WSS4J)
		return a
	}
	p.compare(t, d, got)
	return a
}

func (p *phase4) compare(t *testing.T, d draft, got arrived) {
	t.Helper()
	if len(got.Findings) > 0 || !got.Signed || got.From != us || got.Encrypted != (d.file != nil && !d.unencrypted) {
		t.Errorf("phase4 says %+v", got)
	}
	want := 0
	if d.file != nil {
		want = 1
	}
	if len(got.Parts) != want {
		t.Fatalf("%d parts", len(got.Parts))
	}
	if want == 1 && (got.Parts[0].Size != len(d.file) || got.Parts[0].SHA256 != sum(d.file)) {
		t.Errorf("phase4 has got another file: %+v", got.Parts)
	}
}

func sum(data []byte) string {
	h := sha256.Sum256(data)
	return hex.EncodeToString(h[:])
}
