package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/marktbote/marktbote/cmd/marktbote-ledger/book"
)

// Limits of reading.
const (
	maxEventBytes = 64 << 20  // of one event
	maxPageBytes  = 256 << 20 // of one answer of a feed
	maxBatch      = 1000      // events in one transaction
	pageLimit     = 1000      // events asked for at once
	longPoll      = 30 * time.Second
	pause         = 5 * time.Second // between two questions that found nothing, and after a failure
	patience      = 2 * time.Minute // for one answer
)

// readCmd is "marktbote-ledger read".
type readCmd struct {
	Files []string `arg:"" name:"file" help:"Events, one CloudEvent per line; - is standard input."`
}

// Help is shown by "marktbote-ledger read --help".
func (c *readCmd) Help() string {
	return `Events that were read before change nothing, and their order does not matter.

Example:
  marktbote events lastgang.edi | marktbote-ledger read -`
}

// Run reads the files.
func (c *readCmd) Run(e env, l *ledger) error {
	for _, name := range c.Files {
		if err := c.file(e, l, name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (c *readCmd) file(e env, l *ledger, name string) error {
	in := e.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	read, changed := 0, 0
	var batch []*book.Document
	write := func() error {
		n, err := l.add(e.ctx, "", 0, batch)
		changed += n
		batch = batch[:0]
		return err
	}
	err := lines(in, func(number int, text []byte) error {
		d, err := book.Read(text)
		if err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
		read++
		if d == nil {
			return nil
		}
		if batch = append(batch, d); len(batch) < maxBatch {
			return nil
		}
		return write()
	})
	if err := errors.Join(err, write()); err != nil { // what was read before the fault is kept
		return err
	}
	fmt.Fprintf(e.stdout, "%d events read, %d of them new or changed\n", read, changed)
	return nil
}

// lines calls f for every line that is not empty, counted from 1.
func lines(in io.Reader, f func(number int, text []byte) error) error {
	s := bufio.NewScanner(in)
	s.Buffer(nil, maxEventBytes)
	for n := 1; s.Scan(); n++ {
		if text := s.Bytes(); len(bytes.TrimSpace(text)) > 0 {
			if err := f(n, text); err != nil {
				return err
			}
		}
	}
	return s.Err()
}

// followCmd is "marktbote-ledger follow".
type followCmd struct {
	URL  string `arg:"" help:"The feed: /v1/events of a gateway, or /events of its message log." placeholder:"URL"`
	Once bool   `help:"End when everything that is there now was read."`
}

// Help is shown by "marktbote-ledger follow --help".
func (c *followCmd) Help() string {
	return `Asks the feed for what comes after the last event in the book, until Ctrl-C. How far it came is kept with the events in one transaction; it may be ended or killed at any time.`
}

// Run follows the feed.
func (c *followCmd) Run(e env, l *ledger) error {
	feed, err := url.Parse(c.URL)
	if err != nil || feed.Host == "" || feed.RawQuery != "" {
		return fmt.Errorf("%q is no address of a feed such as http://127.0.0.1:8470/v1/events", c.URL)
	}
	client := &http.Client{Timeout: patience}
	defer client.CloseIdleConnections()
	for {
		n, more, err := c.page(e, l, client, feed)
		if e.ctx.Err() != nil {
			return nil // Ctrl-C
		}
		if fault, ok := errors.AsType[*unreadable](err); ok {
			return fault // again would not help
		}
		if err != nil && c.Once {
			return err
		}
		if err != nil {
			fmt.Fprintln(e.stderr, "marktbote-ledger:", err)
		}
		if n > 0 {
			fmt.Fprintf(e.stdout, "%d events read\n", n)
		}
		switch {
		case err == nil && (more || n > 0):
		case c.Once:
			return nil
		default:
			select {
			case <-e.ctx.Done():
				return nil
			case <-time.After(pause):
			}
		}
	}
}

// unreadable says that an event cannot be understood. It stays where it is: a book that leaves out an event is wrong.
type unreadable struct {
	sequence int64
	err      error
}

func (u *unreadable) Error() string { return fmt.Sprintf("event %d: %v", u.sequence, u.err) }
func (u *unreadable) Unwrap() error { return u.err }

// page reads one answer of the feed and says how many events it had and whether there are more.
func (c *followCmd) page(e env, l *ledger, client *http.Client, feed *url.URL) (n int, more bool, err error) {
	after, err := l.position(e.ctx, c.URL)
	if err != nil {
		return 0, false, err
	}
	u, query := *feed, url.Values{"after": {strconv.FormatInt(after, 10)}}
	if strings.HasSuffix(u.Path, "/v1/events") {
		query.Set("limit", strconv.Itoa(pageLimit))
		if !c.Once {
			query.Set("wait", strconv.Itoa(int(longPoll/time.Second)))
		}
	}
	u.RawQuery = query.Encode()
	answer, err := get(e.ctx, client, u.String())
	if err != nil {
		return 0, false, err
	}
	defer answer.Body.Close()
	body := io.LimitReader(answer.Body, maxPageBytes)
	next := after
	var documents []*book.Document
	add := func(text []byte) error {
		var head struct {
			Sequence string `json:"sequence"`
		}
		if err := json.Unmarshal(text, &head); err != nil {
			return fmt.Errorf("the feed answered what is no event: %w", err)
		}
		sequence, err := strconv.ParseInt(head.Sequence, 10, 64)
		if err != nil || sequence <= next {
			return fmt.Errorf("the feed answered event %q after %d", head.Sequence, next)
		}
		d, err := book.Read(text)
		if err != nil {
			return &unreadable{sequence, err}
		}
		n, next = n+1, sequence
		if d != nil {
			documents = append(documents, d)
		}
		return nil
	}
	kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	var fault error
	if kind == "application/x-ndjson" {
		fault = lines(body, func(_ int, text []byte) error { return add(text) })
	} else {
		more, next, fault = jsonPage(body, add, func() int64 { return next })
	}
	if _, err := l.add(e.ctx, c.URL, next, documents); err != nil { // what came before the fault is kept
		return 0, false, err
	}
	return n, more, fault
}

// jsonPage reads an answer of /v1/events. The position behind it may lie beyond the last event.
func jsonPage(body io.Reader, add func([]byte) error, last func() int64) (more bool, next int64, err error) {
	var page struct {
		Events []json.RawMessage `json:"events"`
		Next   int64             `json:"next"`
		More   bool              `json:"more"`
	}
	if err := json.NewDecoder(body).Decode(&page); err != nil {
		return false, last(), fmt.Errorf("the feed did not answer as expected: %w", err)
	}
	for _, text := range page.Events {
		if err := add(text); err != nil {
			return false, last(), err
		}
	}
	return page.More, max(page.Next, last()), nil
}

func get(ctx context.Context, client *http.Client, address string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	answer, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		_ = answer.Body.Close()
		return nil, fmt.Errorf("%s: %s", address, answer.Status)
	}
	return answer, nil
}
