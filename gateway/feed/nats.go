package feed

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/marktbote/marktbote/gateway/config"
)

const (
	natsWait      = 10 * time.Second // for the answer of the stream
	natsReconnect = time.Second
)

// natsSink publishes to a stream of JetStream. The stream tells duplicates by the header Nats-Msg-Id as long as its
// window is; who replays sooner gets nothing.
//
// Spec: CloudEvents 1.0.2 NATS binding 3
type natsSink struct {
	config config.NATS
	conn   *nats.Conn
	stream jetstream.JetStream
}

func openNATS(name string, c config.NATS) (*natsSink, error) {
	options := []nats.Option{
		nats.Name("marktbote " + name), nats.MaxReconnects(-1), nats.ReconnectWait(natsReconnect), nats.Timeout(dialWait),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}), // instead of lines on standard error; publishing reports them
		nats.ReconnectBufSize(-1), // what is not sent fails at once and is tried again from the outbox
	}
	if c.CredentialsFile != "" {
		options = append(options, nats.UserCredentials(c.CredentialsFile))
	}
	if c.CAFile != "" || strings.HasPrefix(c.URL, "tls:") {
		trust, err := tlsConfig(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("feed: ca_file: %w", err)
		}
		options = append(options, nats.Secure(trust))
	}
	conn, err := nats.Connect(c.URL, options...)
	if err != nil {
		return nil, fmt.Errorf("feed: %w", err)
	}
	stream, err := jetstream.New(conn)
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("feed: %w", err)
	}
	return &natsSink{config: c, conn: conn, stream: stream}, nil
}

// Close implements Sink.
func (s *natsSink) Close() { s.conn.Close() }

// Deliver implements Sink.
func (s *natsSink) Deliver(ctx context.Context, events []Message) (int, error) {
	for i := range events {
		if err := s.publish(ctx, &events[i]); err != nil {
			return i, err
		}
	}
	return len(events), nil
}

func (s *natsSink) publish(ctx context.Context, m *Message) error {
	ctx, cancel := context.WithTimeout(ctx, natsWait)
	defer cancel()
	msg := &nats.Msg{Header: nats.Header{"Content-Type": {typeEvent}}, Data: m.JSON}
	attributes, contentType, data, err := m.binary()
	if err != nil {
		return &refusal{err}
	}
	if s.config.Mode == config.ModeBinary {
		msg.Data = data
		delete(msg.Header, "Content-Type")
		if contentType != "" {
			msg.Header["Content-Type"] = []string{contentType}
		}
		for _, a := range attributes {
			msg.Header["ce-"+a.name] = []string{headerValue(a.value)}
		}
	}
	msg.Subject = natsSubject(s.config.Subject, attributes)
	// A retry of the library would hide that the stream is not there.
	_, err = s.stream.PublishMsg(ctx, msg, jetstream.WithMsgID(m.ID), jetstream.WithRetryAttempts(0))
	var answer *jetstream.APIError
	switch {
	case errors.Is(err, nats.ErrMaxPayload), errors.Is(err, nats.ErrBadSubject):
		return &refusal{err}
	case errors.As(err, &answer) && answer.Code >= http.StatusBadRequest && answer.Code < http.StatusInternalServerError:
		return &refusal{err}
	}
	return err
}

// natsSubject fills in a template. What an attribute has that a subject cannot have becomes _; so does an attribute that
// is empty.
func natsSubject(template string, attributes []attribute) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(template, "{")
		name, after, closed := strings.Cut(rest, "}")
		b.WriteString(before)
		if !found || !closed {
			return b.String()
		}
		value := "_"
		for _, a := range attributes {
			if a.name == name && a.value != "" {
				value = strings.Trim(strings.Map(subjectRune, a.value), ".")
			}
		}
		b.WriteString(value)
		template = after
	}
}

func subjectRune(c rune) rune {
	if c <= ' ' || c > '~' || c == '*' || c == '>' {
		return '_'
	}
	return c
}
