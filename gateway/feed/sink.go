package feed

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/marktbote/marktbote/gateway/config"
)

// Sink hands events to a receiver. Deliver may be called from several goroutines at the same time, never for two events
// of one partition.
type Sink interface {
	// Deliver is one attempt to hand over events of one partition in their order. It returns how many of them, from the
	// front, the receiver has confirmed; less than all with an error. An error that says nothing else means that the
	// receiver cannot be reached and that nothing is wrong with the event.
	Deliver(ctx context.Context, events []Message) (confirmed int, err error)
	// Close releases the connections.
	Close()
}

// kind is how a sink wants to be used.
type kind struct {
	name     string
	parallel int  // partitions at the same time
	run      int  // events of a partition at a time
	serial   bool // everything is one partition
	open     func() (Sink, error)
}

// refusal is an error that is about one event: the others are worth trying.
type refusal struct {
	err error
}

func (e *refusal) Error() string { return e.err.Error() }
func (e *refusal) Unwrap() error { return e.err }

// later is an error of a receiver that says when it wants to be asked again.
type later struct {
	err   error
	after time.Duration
}

func (e *later) Error() string { return e.err.Error() }
func (e *later) Unwrap() error { return e.err }

// errGone: the receiver wants no more events.
var errGone = errors.New("the receiver answered 410 Gone: it wants no more events")

// kindOf returns how the sink of a subscription is used and opened.
func kindOf(s config.Subscription) kind {
	switch {
	case s.Webhook != nil:
		return kind{name: "webhook", parallel: s.Webhook.Parallel, run: 1, open: func() (Sink, error) { return openWebhook(*s.Webhook) }}
	case s.NATS != nil:
		return kind{name: "nats", parallel: brokerParallel, run: 1, open: func() (Sink, error) { return openNATS(s.Name, *s.NATS) }}
	case s.Kafka != nil:
		return kind{name: "kafka", parallel: brokerParallel, run: 1, open: func() (Sink, error) { return openKafka(s.Name, *s.Kafka) }}
	default:
		return kind{name: "files", parallel: 1, run: fileRun, serial: true, open: func() (Sink, error) { return openFiles(s.Name, *s.Files) }}
	}
}

// brokerParallel is how many partition keys are on their way to a broker at the same time.
const brokerParallel = 256

// maxSecret bounds a file with a secret, in bytes.
const maxSecret = 16 << 10

// readSecret reads a file with one line. Errors do not quote it.
func readSecret(file string) (string, error) {
	f, err := os.Open(file) //nolint:gosec // the operator names the file
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return "", err
	}
	text := strings.TrimSpace(string(data))
	if text == "" || len(data) > maxSecret || strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c > '~' }) {
		return "", fmt.Errorf("%s does not hold one word", file)
	}
	return text, nil
}

// tlsConfig trusts the CAs of the system and those of a file.
func tlsConfig(caFile string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile == "" {
		return c, nil
	}
	pem, err := os.ReadFile(caFile) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, err
	}
	if c.RootCAs, err = x509.SystemCertPool(); err != nil {
		c.RootCAs = x509.NewCertPool()
	}
	if !c.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s has no certificate in PEM form", caFile)
	}
	return c, nil
}
