package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/marktbote/marktbote/edifact"
	"github.com/marktbote/marktbote/fixtures"
	"github.com/marktbote/marktbote/formats"
	"github.com/marktbote/marktbote/formats/event"
)

// storyFiles are messages of one Marktlokation: the supply start, two load profiles, a reading and its cancellation.
var storyFiles = []string{
	"valid/utilmd-55002.edi", "valid/mscons-13025.edi", "valid/mscons-13017.edi", "valid/mscons-13006.edi", "valid/mscons-13025-ersatzwerte.edi",
}

// story returns the events of the fixtures, numbered as by a gateway.
func story(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, name := range storyFiles {
		data, err := fixtures.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		r := edifact.NewReader(bytes.NewReader(data), edifact.Options{})
		var m edifact.Message
		for r.NextMessage(&m) == nil {
			list, err := event.FromMessage(event.Envelope{
				Direction: event.In, SenderRole: "MSB", RecipientRole: "LF", FormatVersion: "FV2610", Sparte: formats.Strom,
			}, r.UNB(), &m)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for _, e := range list {
				e.Sequence = int64(len(out) + 1)
				// The fixtures were written to several recipients; here they are all the supplier's.
				e.Source = "urn:mako:strom:lf:9999100000013"
				text, err := json.Marshal(e)
				if err != nil {
					t.Fatal(err)
				}
				out = append(out, string(text))
			}
		}
	}
	return out
}

// command runs the program and returns what it printed.
func command(t *testing.T, stdin string, want int, args ...string) string {
	t.Helper()
	var out, fault bytes.Buffer
	if code := run(env{t.Context(), strings.NewReader(stdin), &out, &fault}, args); code != want {
		t.Fatalf("%v: exit code %d: %s%s", args, code, out.String(), fault.String())
	}
	return out.String() + fault.String()
}

func statementOf(t *testing.T, file string) string {
	t.Helper()
	return command(t, "", 0, "statement", "--book", file, "--month", "2026-11")
}

// reference is the statement of the whole story, read from standard input.
func reference(t *testing.T, events []string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "book.db")
	if out := command(t, strings.Join(events, "\n"), 0, "read", "--book", file, "-"); !strings.HasPrefix(out, fmt.Sprintf("%d events read, %[1]d of them", len(events))) {
		t.Fatal(out)
	}
	return statementOf(t, file)
}

func TestReadFixtures(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, feed := filepath.Join(dir, "book.db"), filepath.Join(dir, "events.ndjson")
	events := story(t)
	if err := os.WriteFile(feed, []byte(strings.Join(events, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	command(t, "", 0, "read", "--book", file, feed)
	if out := command(t, "", 0, "read", "--book", file, feed); !strings.Contains(out, " 0 of them new or changed") {
		t.Errorf("the same again: %s", out)
	}
	text := statementOf(t, file)
	for _, want := range []string{
		"Marktlokation 90000000019 (Strom), 01.11.2026 bis 30.11.2026", "Belieferung 05.11.2026 bis 30.11.2026", "Beginn 05.11.2026, bestätigt mit NBVG0000201",
		"Lastgang", "ist storniert (MSB-2026-000440)", "Stand: unvollständig",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	var s struct {
		MaLoID string `json:"malo_id"`
		Totals []struct{ Billable string }
	}
	if err := json.Unmarshal([]byte(command(t, "", 0, "statement", "--book", file, "--month", "2026-11", "--format", "json")), &s); err != nil || s.MaLoID != "90000000019" || len(s.Totals) != 2 {
		t.Errorf("%+v, %v", s, err)
	}
	if out := command(t, "", 0, "statement", "--book", file, "--month", "2026-11", "--malo", "90000000027"); out != "" {
		t.Errorf("statement of another: %s", out)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "book.db")
	good := story(t)[0]
	for stdin, want := range map[string]string{
		good + "\nnonsense":                        "line 2: book: no event",
		strings.Replace(good, ".v1\"", ".v2\"", 1): "version of de.marktbote.contract.supply-start.confirmed.v2 is not known",
	} {
		if out := command(t, stdin, exitFailed, "read", "--book", file, "-"); !strings.Contains(out, want) {
			t.Errorf("%q not in %s", want, out)
		}
	}
	if text := statementOf(t, file); !strings.Contains(text, "NBVG0000201") { // the supply start
		t.Error("what came before the fault is lost")
	}
	for _, args := range [][]string{
		{"statement"}, {"statement", "--month", "11/2026"}, {"statement", "--month", "2026-11", "--from", "2026-11-01"},
		{"statement", "--month", "2026-11", "--known-at", "now"}, {"follow", "somewhere", "--once"}, {"read", "no-such-file"},
	} {
		command(t, "", exitFailed, append(args, "--book", file)...)
	}
}

// page answers one request for a feed.
type page func(w http.ResponseWriter, events []string, after int)

// feedServer serves events behind ?after=.
func feedServer(t *testing.T, path string, events []string, answer page) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
		after, err := strconv.Atoi(r.URL.Query().Get("after"))
		if err != nil || after < 0 || after > len(events) {
			http.Error(w, "after", http.StatusBadRequest)
			return
		}
		answer(w, events[after:], after)
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL + path
}

func ndjson(w http.ResponseWriter, events []string, _ int) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	for _, e := range events[:min(2, len(events))] {
		fmt.Fprintln(w, e)
	}
}

func paged(w http.ResponseWriter, events []string, after int) {
	w.Header().Set("Content-Type", "application/json")
	n := min(2, len(events))
	fmt.Fprintf(w, `{"events":[%s],"next":%d,"more":%t}`, strings.Join(events[:n], ","), after+n, n < len(events))
}

// TestFollow: both forms of the feed lead to the same book, in one go and when events come later.
func TestFollow(t *testing.T) {
	t.Parallel()
	events := story(t)
	want := reference(t, events)
	for path, answer := range map[string]page{"/events": ndjson, "/v1/events": paged} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "book.db")
			address := feedServer(t, path, events, answer)
			for range 2 {
				command(t, "", 0, "follow", "--once", address, "--book", file)
				if got := statementOf(t, file); got != want {
					t.Errorf("got\n%s\nwant\n%s", got, want)
				}
			}
		})
	}
}

// TestFollowThroughFailures: answers that break off anywhere and a consumer that starts anew each time lose nothing and count
// nothing twice.
func TestFollowThroughFailures(t *testing.T) {
	t.Parallel()
	events := story(t)
	want := reference(t, events)
	for _, tt := range []struct {
		path   string
		answer page
	}{{"/events", ndjson}, {"/v1/events", paged}} {
		t.Run(tt.path, func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(1, 2))
			file := filepath.Join(t.TempDir(), "book.db")
			address := feedServer(t, tt.path, events, func(w http.ResponseWriter, events []string, after int) {
				whole := httptest.NewRecorder()
				tt.answer(whole, events, after)
				w.Header().Set("Content-Type", whole.Header().Get("Content-Type"))
				w.Header().Set("Content-Length", strconv.Itoa(whole.Body.Len()))
				n := whole.Body.Len()
				if n > 0 && random.IntN(3) > 0 {
					n = random.IntN(n)
				}
				_, _ = w.Write(whole.Body.Bytes()[:n]) // the rest does not come
			})
			for tries := 0; ; tries++ {
				var out bytes.Buffer
				if run(env{t.Context(), strings.NewReader(""), &out, &out}, []string{"follow", "--once", address, "--book", file}) == 0 {
					break
				}
				if tries == 200 {
					t.Fatal(out.String())
				}
			}
			if got := statementOf(t, file); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// TestUnreadableEvent: an event that is not understood stops the consumer in front of it.
func TestUnreadableEvent(t *testing.T) {
	t.Parallel()
	events := story(t)
	events[1] = strings.Replace(events[1], ".v1\"", ".v2\"", 1)
	file := filepath.Join(t.TempDir(), "book.db")
	address := feedServer(t, "/events", events, ndjson)
	for range 2 {
		if out := command(t, "", exitFailed, "follow", "--once", address, "--book", file); !strings.Contains(out, "event 2: ") {
			t.Error(out)
		}
	}
}
