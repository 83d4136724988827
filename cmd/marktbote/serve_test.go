package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/marktbote/marktbote/fixtures"
)

// process is a command that runs in this process.
type process struct {
	t      *testing.T
	cancel context.CancelFunc
	code   chan int
	out    output
}

// output collects what a command prints.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{} // holds an element after every Write
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.more <- struct{}{}:
	default:
	}
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// start runs a command until the test ends or stop is called.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	p := &process{t: t, cancel: cancel, code: make(chan int, 1), out: output{more: make(chan struct{}, 1)}}
	go func() { p.code <- run(env{ctx, strings.NewReader(""), &p.out, &p.out}, args) }()
	t.Cleanup(cancel)
	return p
}

// await waits until the command has printed what the pattern describes and returns its groups.
func (p *process) await(pattern string) []string {
	p.t.Helper()
	re := regexp.MustCompile(pattern)
	deadline := time.After(30 * time.Second)
	for {
		if m := re.FindStringSubmatch(p.out.String()); m != nil {
			return m
		}
		select {
		case <-p.out.more:
		case code := <-p.code:
			p.t.Fatalf("exit code %d before %q: %s", code, pattern, p.out.String())
		case <-deadline:
			p.t.Fatalf("no %q: %s", pattern, p.out.String())
		}
	}
}

// stop ends the command as Ctrl-C does and checks the exit code.
func (p *process) stop() {
	p.t.Helper()
	p.cancel()
	select {
	case code := <-p.code:
		if code != exitOK {
			p.t.Errorf("exit code %d: %s", code, p.out.String())
		}
	case <-time.After(30 * time.Second):
		p.t.Fatal("does not stop")
	}
}

// client has connections of its own, so that none of a test before is left.
func client(t *testing.T) *http.Client {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 20 * time.Second}
}

// get returns the body of an answer with status 200.
func get(t *testing.T, c *http.Client, url string) string {
	t.Helper()
	res, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s, %v: %s", url, res.Status, err, body)
	}
	return string(body)
}

// eventually asks again until the answer contains the text.
func eventually(t *testing.T, c *http.Client, url, text string) string {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		body := get(t, c, url)
		if strings.Contains(body, text) {
			return body
		}
		if time.Now().After(deadline) {
			t.Fatalf("GET %s: no %q: %s", url, text, body)
		}
		time.Sleep(10 * time.Millisecond) // another process would have to poll as well
	}
}

// writeConfig writes a configuration file whose store stands beside it.
func writeConfig(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "marktbote.yml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestServe(t *testing.T) {
	t.Parallel()
	cfg := writeConfig(t, "listen: 127.0.0.1:0\naccept_tests: true\n")
	data, err := fixtures.Read("valid/utilmd-55001-test.edi")
	if err != nil {
		t.Fatal(err)
	}
	data = backdated(t, data)
	c := client(t)
	p := start(t, "serve", "--config", cfg)
	url := p.await(`Message log: (http://127\.0\.0\.1:\d+)/ `)[1]
	res, err := c.Post(url+"/interchanges", "application/edifact", bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil || res.StatusCode != http.StatusAccepted || res.Header.Get("Location") != "/interchanges/1" {
		t.Errorf("POST: %s, %v, %v", res.Status, res.Header, err)
	}
	eventually(t, c, url+"/interchanges/1", "Geprüft")
	eventually(t, c, url+"/", "angenommen")
	events := eventually(t, c, url+"/events", "de.marktbote.")
	var e struct {
		PID           string
		TestIndicator bool
	}
	if err := json.Unmarshal([]byte(events), &e); err != nil || e.PID != "55001" || !e.TestIndicator {
		t.Errorf("%v: %s", err, events)
	}
	if got := get(t, c, url+"/interchanges/1/raw"); got != string(data) {
		t.Error("other bytes were kept")
	}
	for _, metric := range []string{`gateway_interchanges_total{direction="in",verdict="accepted"} 1`, "gateway_events_total 1", "go_goroutines"} {
		if text := get(t, c, url+"/metrics"); !strings.Contains(text, metric) {
			t.Errorf("no metric %s", metric)
		}
	}
	p.stop()
	if r, err := c.Get(url); err == nil {
		_ = r.Body.Close()
		t.Error("somebody still listens")
	}

	// A second run has what the first one had.
	p = start(t, "serve", "--config", cfg)
	url = p.await(`Message log: (http://127\.0\.0\.1:\d+)/ `)[1]
	if again := get(t, c, url+"/events"); again != events {
		t.Errorf("events after the restart: %s", again)
	}
	p.stop()
}

// TestServeSystems: a system hands in interchanges over HTTP and by directory, another one gets what is received.
func TestServeSystems(t *testing.T) {
	t.Parallel()
	cfg := writeConfig(t, `listen: 127.0.0.1:0
pickup: [{dir: out, number: true}]
destinations: [{name: crm, directory: in}]
routes: [{pid: [55001], to: [crm]}]
`)
	dir := filepath.Dir(cfg)
	for _, name := range []string{"in", "out"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	data, err := fixtures.Read("valid/utilmd-55001.edi")
	if err != nil {
		t.Fatal(err)
	}
	data = backdated(t, data)
	if err := os.WriteFile(filepath.Join(dir, "out", "neu.edi"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	c := client(t)
	p := start(t, "serve", "--config", cfg)
	url := p.await(`Message log: (http://127\.0\.0\.1:\d+)/ `)[1]
	post := func(path string) string {
		t.Helper()
		res, err := c.Post(url+path, "application/edifact", bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if body, err := io.ReadAll(res.Body); err != nil || res.StatusCode != http.StatusAccepted {
			t.Fatalf("POST %s: %s, %v: %s", path, res.Status, err, body)
		}
		return res.Header.Get("Location")
	}
	handedIn := post("/v1/interchanges?number=true")
	eventually(t, c, url+handedIn, "no channel") // waits for a person until there is one
	post("/interchanges")
	for _, pattern := range []string{"in/*-UTILMD-*.edi", "in/*-UTILMD-*.edi.json", "out/accepted/neu.edi", "out/accepted/neu.edi.json"} {
		deadline := time.Now().Add(20 * time.Second)
		for {
			if list, err := filepath.Glob(filepath.Join(dir, pattern)); err != nil || len(list) == 1 {
				break
			} else if time.Now().After(deadline) {
				t.Fatalf("%s: %v", pattern, list)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	p.stop()
}

// backdated returns an interchange as if it was written on the first day of its format version. The gateway judges by
// the real clock, and a file may not come from the future.
func backdated(t *testing.T, data []byte) []byte {
	t.Helper()
	unb := regexp.MustCompile(`(?m)^(UNB\+UNOC:3\+[^+]*\+[^+]*\+)(\d{6}:\d{4})`)
	if !unb.Match(data) {
		t.Fatal("no UNB with date and time")
	}
	return unb.ReplaceAll(data, []byte("${1}261001:0000"))
}

// TestServeFails: what cannot work says so and ends with its exit code.
func TestServeFails(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() }) // after the parallel parts
	for name, c := range map[string]struct {
		config string
		args   []string
		want   string
	}{
		"address taken":      {"listen: " + taken.Addr().String() + "\n", nil, "address already in use"},
		"reachable":          {"", []string{"--listen", "0.0.0.0:0"}, "listen_anywhere"},
		"configuration":      {"lisen: x\n", nil, "lisen"},
		"no pickup":          {"pickup: [{dir: nowhere}]\n", []string{"--listen", "127.0.0.1:0"}, "nowhere"},
		"no place for store": {"data_dir: marktbote.yml\n", []string{"--listen", "127.0.0.1:0"}, "marktbote.yml"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			args := append([]string{"serve", "--config", writeConfig(t, c.config)}, c.args...)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // if it works against all expectation
			defer cancel()
			if code := run(env{ctx, strings.NewReader(""), &out, &out}, args); code != exitFailed || !strings.Contains(out.String(), c.want) {
				t.Errorf("exit code %d, %s; want %q", code, out.String(), c.want)
			}
		})
	}
}

// TestStalledPeer: a peer that stops sending is cut off, one that sends slowly is not.
func TestStalledPeer(t *testing.T) {
	t.Parallel()
	const patience = 3 * time.Second
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/unread" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusRequestTimeout)
			return
		}
		fmt.Fprintf(w, "%d bytes", n)
	})
	go func() { served <- serveHTTP(ctx, listener, handler, patience) }()
	exchange := func(path, body string, pauses int) string {
		conn, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Error(err)
			return ""
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Error(err)
		}
		connection := "close"
		if path == "/unread" {
			connection = "keep-alive" // for which the server reads what the handler left
		}
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nConnection: %s\r\nContent-Length: 6\r\n\r\n", path, connection)
		for i := range len(body) {
			if i < pauses {
				time.Sleep(patience / 5) // less than patience each, together more
			}
			fmt.Fprint(conn, body[i:i+1])
		}
		answer, err := io.ReadAll(conn)
		if err != nil {
			t.Errorf("%s: %v", path, err)
		}
		return string(answer)
	}
	var group sync.WaitGroup
	for _, c := range []struct {
		path, body, want string
		pauses           int
	}{
		{"/quick", "UNB+'\n", "6 bytes", 0},
		{"/slow", "UNB+'\n", "6 bytes", 6},
		{"/stalled", "UNB", "408 Request Timeout", 0},
		{"/unread", "UNB", "403 Forbidden", 0},
	} {
		group.Go(func() {
			if answer := exchange(c.path, c.body, c.pauses); !strings.Contains(answer, c.want) {
				t.Errorf("%s: %q, want %q", c.path, answer, c.want)
			}
		})
	}
	group.Wait()
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
}
