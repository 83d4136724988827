package feed

import (
	"bytes"
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

// Limits of webhooks.
const (
	maxAnswer  = 64 << 10  // bytes of an answer that are read, so that the connection can be used again
	maxPause   = time.Hour // that a receiver may ask for with Retry-After
	dialWait   = 10 * time.Second
	idleUnused = 90 * time.Second
)

// webhook delivers with HTTP POST.
//
// Spec: CloudEvents 1.0.2 HTTP binding 3; Standard Webhooks 1.0.0
type webhook struct {
	config config.Webhook
	client *http.Client
	now    func() time.Time
}

func openWebhook(c config.Webhook) (*webhook, error) {
	trust, err := tlsConfig(c.CAFile)
	if err != nil {
		return nil, fmt.Errorf("feed: ca_file: %w", err)
	}
	w := &webhook{config: c, now: time.Now, client: &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, TLSClientConfig: trust, ForceAttemptHTTP2: true,
			DialContext: (&net.Dialer{Timeout: dialWait}).DialContext, TLSHandshakeTimeout: dialWait,
			IdleConnTimeout: idleUnused, MaxIdleConnsPerHost: c.Parallel, MaxResponseHeaderBytes: maxAnswer,
		},
		// Events go where the configuration says and nowhere else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	if _, err := w.secrets(); err != nil {
		return nil, err
	}
	return w, nil
}

// Close implements Sink.
func (w *webhook) Close() { w.client.CloseIdleConnections() }

// secrets reads the keys for each delivery, so that they can be changed while the gateway runs.
func (w *webhook) secrets() (keys [][]byte, err error) {
	for _, file := range []string{w.config.SecretFile, w.config.PreviousSecretFile} {
		if file == "" {
			continue
		}
		text, err := readSecret(file)
		if file == w.config.PreviousSecretFile && errors.Is(err, os.ErrNotExist) {
			continue // the change of keys is over
		}
		if err != nil {
			return nil, fmt.Errorf("feed: webhook secret: %w", err)
		}
		key, err := parseSecret(text)
		if err != nil {
			return nil, fmt.Errorf("feed: webhook secret: %s: %w", file, err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// Deliver implements Sink.
func (w *webhook) Deliver(ctx context.Context, events []Message) (int, error) {
	for i := range events {
		if err := w.post(ctx, &events[i]); err != nil {
			return i, err
		}
	}
	return len(events), nil
}

func (w *webhook) post(ctx context.Context, m *Message) error {
	post, cancel := context.WithTimeout(ctx, w.config.Timeout)
	defer cancel()
	req, err := w.request(post, m)
	if err != nil {
		return err
	}
	res, err := w.client.Do(req)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err // without the URL, whose query may hold a secret
		}
		if post.Err() != nil && ctx.Err() == nil { // it took the request and does not answer: that may be this event's fault
			return &refusal{fmt.Errorf("no answer within %s", w.config.Timeout)}
		}
		return err
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, maxAnswer)) // the status has said everything
	return answered(res, w.now())
}

// request makes one attempt.
func (w *webhook) request(ctx context.Context, m *Message) (*http.Request, error) {
	keys, err := w.secrets()
	if err != nil {
		return nil, err
	}
	body, header := m.JSON, http.Header{}
	header.Set("Content-Type", typeEvent)
	if w.config.Mode == config.ModeBinary {
		attributes, contentType, data, err := m.binary()
		if err != nil {
			return nil, &refusal{err}
		}
		body = data
		header.Del("Content-Type")
		if len(data) > 0 && contentType != "" {
			header.Set("Content-Type", contentType)
		}
		for _, a := range attributes {
			header["Ce-"+a.name] = []string{headerValue(a.value)}
		}
	}
	if w.config.TokenFile != "" {
		token, err := readSecret(w.config.TokenFile)
		if err != nil {
			return nil, fmt.Errorf("feed: webhook token: %w", err)
		}
		header.Set("Authorization", "Bearer "+token)
	}
	at := w.now()
	header.Set("Webhook-Id", m.ID)
	header.Set("Webhook-Timestamp", strconv.FormatInt(at.Unix(), 10))
	header.Set("Webhook-Signature", sign(keys, m.ID, at, body))
	header.Set("User-Agent", "marktbote")
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.config.URL, bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("feed: the request cannot be made") // the error would quote the URL
	}
	req.Header = header
	return req, nil
}

// headerValue encodes an attribute for a header.
//
// Spec: CloudEvents 1.0.2 HTTP binding 3.1.3.2
func headerValue(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) { // bytes of UTF-8
		if c := s[i]; c <= ' ' || c > '~' || c == '"' || c == '%' {
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// answered says what an answer means. It does not repeat its body: there may be personal data in it.
func answered(res *http.Response, now time.Time) error {
	err := fmt.Errorf("the receiver answered %d %s", res.StatusCode, http.StatusText(res.StatusCode))
	switch code := res.StatusCode; {
	case code >= 200 && code < 300:
		return nil
	case code == http.StatusGone:
		return errGone
	case code == http.StatusTooManyRequests, code == http.StatusServiceUnavailable:
		return &later{err, retryAfter(res.Header.Get("Retry-After"), now)}
	case code < 400, code == http.StatusUnauthorized, code == http.StatusForbidden, code == http.StatusNotFound,
		code == http.StatusProxyAuthRequired, code == http.StatusMisdirectedRequest,
		code == http.StatusBadGateway, code == http.StatusGatewayTimeout:
		return err // a token that has run out or a system that is being exchanged, which is nothing about this event
	}
	return &refusal{err}
}

// retryAfter reads seconds or an instant; 0 if there is none.
//
// Spec: RFC 9110 10.2.3
func retryAfter(s string, now time.Time) time.Duration {
	var after time.Duration
	if seconds, err := strconv.ParseInt(s, 10, 32); err == nil {
		after = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(s); err == nil {
		after = at.Sub(now)
	}
	return min(max(after, 0), maxPause)
}
