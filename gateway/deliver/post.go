package deliver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/marktbote/marktbote/gateway/config"
)

// Limits of a POST.
const (
	maxToken      = 16 << 10         // bytes of the file with the token
	maxHeader     = 1 << 10          // characters of a list in a header; a longer one is left out
	maxAnswer     = 64 << 10         // bytes of an answer that are read, so that the connection can be used again
	answerTimeout = 60 * time.Second // from the last byte sent to the head of the answer
	slowest       = 64 << 10         // bytes a second that a destination must at least take
)

// post delivers with HTTP.
type post struct {
	url       string
	tokenFile string
	client    *http.Client
}

func newPost(c config.Destination) *post {
	return &post{url: c.URL, tokenFile: c.TokenFile, client: &http.Client{
		Transport: &http.Transport{
			Proxy:       http.ProxyFromEnvironment,
			DialContext: (&net.Dialer{Timeout: 10 * time.Second}).DialContext, TLSHandshakeTimeout: 10 * time.Second,
			ResponseHeaderTimeout: answerTimeout, IdleConnTimeout: 30 * time.Second, MaxIdleConnsPerHost: 4, MaxResponseHeaderBytes: 64 << 10,
			ForceAttemptHTTP2: true,
		},
		// Interchanges go where the configuration says and nowhere else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Close implements Destination.
func (p *post) Close() { p.client.CloseIdleConnections() }

// answerError is an answer other than 2xx.
type answerError int

// Error does not repeat the body of the answer: there may be personal data in it.
func (e answerError) Error() string {
	return fmt.Sprintf("deliver: the destination answered %d %s", int(e), http.StatusText(int(e)))
}

// Temporary reports whether another attempt makes sense: what the destination finds wrong with the request stays wrong.
func (e answerError) Temporary() bool {
	switch int(e) {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests,
		// A token that has run out, or a system that is being exchanged, must not set every delivery aside.
		http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
		return true
	}
	return e < 400 || e >= 500
}

// Deliver posts the bytes, with the facts of the notice in headers. 2xx is a success; a 4xx is final, but for 401, 403, 404,
// 408, 425 and 429; everything else is worth another attempt.
func (p *post) Deliver(ctx context.Context, n *Notice, body io.Reader) error {
	ctx, cancel := context.WithTimeout(ctx, 2*answerTimeout+time.Duration(n.Size/slowest)*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, io.NopCloser(body))
	if err != nil {
		return errors.New("deliver: the request cannot be made") // the error would quote the URL
	}
	req.ContentLength = n.Size
	if n.Size == 0 {
		req.Body = http.NoBody
	}
	n.header(req.Header)
	if p.tokenFile != "" {
		token, err := readToken(p.tokenFile)
		if err != nil {
			return err
		}
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := p.client.Do(req)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err // without the URL, whose query may hold a secret
		}
		return fmt.Errorf("deliver: %w", err)
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, maxAnswer)) // the status has said everything
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return answerError(res.StatusCode)
	}
	return nil
}

// header sets the facts. Which transactions are meant is left out if there are many; the link leads to all.
func (n *Notice) header(h http.Header) {
	set := func(name, value string) {
		if value != "" && len(value) <= maxHeader {
			h.Set(name, value)
		}
	}
	h.Set("Content-Type", "application/EDIFACT")
	h.Set("Idempotency-Key", n.Key())
	set("Marktbote-Interchange", strconv.FormatInt(n.ID, 10))
	set("Marktbote-Sender", visible(n.Sender))
	set("Marktbote-Receiver", visible(n.Receiver))
	set("Marktbote-Reference", visible(n.Reference))
	set("Marktbote-Type", visible(n.Type))
	set("Marktbote-Format-Version", n.FormatVersion)
	set("Marktbote-Sparte", n.Sparte)
	if n.Test {
		set("Marktbote-Test", "1")
	}
	set("Marktbote-Received-At", n.ReceivedAt.UTC().Format(time.RFC3339))
	set("Marktbote-SHA256", n.SHA256)
	set("Marktbote-Pruefidentifikatoren", visible(strings.Join(n.Pruefidentifikatoren, ", ")))
	var places strings.Builder
	for _, t := range n.Transactions {
		if t.Deliver && places.Len() <= maxHeader {
			fmt.Fprintf(&places, ", %d.%d", t.Message, t.Transaction)
		}
	}
	set("Marktbote-Transactions", strings.TrimPrefix(places.String(), ", "))
	set("Link", fmt.Sprintf("<%s>; rel=\"describedby\", <%s>; rel=\"original\"", n.Links.Interchange, n.Links.Raw))
}

// visible replaces what a header cannot carry.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}

// readToken reads the token for each delivery, so that it can be changed while the gateway runs.
func readToken(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", fmt.Errorf("deliver: token: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxToken+1))
	if err != nil {
		return "", fmt.Errorf("deliver: token: %w", err)
	}
	token := strings.TrimSpace(string(data))
	if token == "" || len(data) > maxToken || token != visible(token) || strings.Contains(token, " ") {
		return "", fmt.Errorf("deliver: token: %s does not hold one word", name)
	}
	return token, nil
}
