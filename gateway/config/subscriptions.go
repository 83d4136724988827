package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// Subscription is a system of the company that gets the events, in one of four ways.
type Subscription struct {
	Name string `yaml:"name"` // lower-case letters, digits, - and _
	// Filter is a CEL expression over the attributes of an event and its data; only events for which it is true are
	// delivered. Default: all.
	Filter string `yaml:"filter"`
	// Start is where a new subscription begins: beginning, now, a sequence number (behind it), or an instant such as
	// 2026-10-01T00:00:00+02:00. It has no effect on one that exists; see marktbote subscriptions replay. Default: beginning.
	Start string `yaml:"start"`
	// MaxAttempts is how often an event is tried that the receiver refuses, before a person must decide. Default: 20, which
	// takes an hour and a quarter.
	MaxAttempts int `yaml:"max_attempts"`
	// MaxEventBytes is the size from which on an event goes without its data and with a link to them (dataref). Default:
	// 262144; for files there is no such limit.
	MaxEventBytes int `yaml:"max_event_bytes"`

	Webhook *Webhook    `yaml:"webhook"`
	NATS    *NATS       `yaml:"nats"`
	Kafka   *Kafka      `yaml:"kafka"`
	Files   *EventFiles `yaml:"files"`
}

// Webhook gets events as HTTP POST, signed as Standard Webhooks says.
type Webhook struct {
	URL                string        `yaml:"url"`                  // https, or http on this machine
	SecretFile         string        `yaml:"secret_file"`          // whsec_ and 24 to 64 bytes in base64; read for each delivery
	PreviousSecretFile string        `yaml:"previous_secret_file"` // signs as well, while the receiver changes to the new one
	TokenFile          string        `yaml:"token_file"`           // its content is sent as bearer token; read for each delivery
	Mode               string        `yaml:"mode"`                 // structured (default) or binary, as CloudEvents calls them
	Timeout            time.Duration `yaml:"timeout"`              // for one delivery; default 30s
	CAFile             string        `yaml:"ca_file"`              // PEM; trusted beside those of the system
	Parallel           int           `yaml:"parallel"`             // partitions delivered at the same time; default 8
}

// NATS gets events through JetStream.
type NATS struct {
	URL             string `yaml:"url"`              // tls://HOST:PORT, or nats:// on this machine
	Subject         string `yaml:"subject"`          // may contain {type}, {sparte} and other attributes; default {type}
	CredentialsFile string `yaml:"credentials_file"` // user JWT and seed
	CAFile          string `yaml:"ca_file"`          // PEM; trusted beside those of the system
	Mode            string `yaml:"mode"`             // structured (default) or binary
	Plaintext       bool   `yaml:"plaintext"`        // allows nats:// to other machines
}

// Kafka gets events as records whose key is the partition key.
type Kafka struct {
	Brokers      []string `yaml:"brokers"` // HOST:PORT
	Topic        string   `yaml:"topic"`
	Mode         string   `yaml:"mode"`          // structured (default) or binary
	CAFile       string   `yaml:"ca_file"`       // PEM; trusted beside those of the system
	SASL         string   `yaml:"sasl"`          // plain, scram-sha-256 or scram-sha-512; default none
	User         string   `yaml:"user"`          // for SASL
	PasswordFile string   `yaml:"password_file"` // for SASL; read at the start
	Plaintext    bool     `yaml:"plaintext"`     // no TLS
}

// EventFiles gets events as lines of JSON in files, one a day (UTC).
type EventFiles struct {
	Directory string `yaml:"directory"` // must exist; relative to the folder of the configuration
	MaxBytes  int64  `yaml:"max_bytes"` // size from which on the next file of the day begins; default 1 GiB
}

// The defaults of subscriptions.
const (
	defaultMaxAttempts   = 20
	defaultMaxEventBytes = 256 << 10
	defaultWebhookWait   = 30 * time.Second
	defaultParallel      = 8
	defaultFileBytes     = 1 << 30
	maxWebhookParallel   = 256
)

// The places at which a subscription can start that are no number and no instant.
const (
	StartBeginning = "beginning"
	StartNow       = "now"
)

// Position is a place in the outbox: Beginning, Now, behind a sequence number, or at an instant.
type Position struct {
	Now bool
	Seq int64     // 0: the beginning
	At  time.Time // zero: none
}

// ParsePosition reads beginning, now, a sequence number or an instant as in RFC 3339.
func ParsePosition(s string) (Position, error) {
	switch s {
	case StartBeginning:
		return Position{}, nil
	case StartNow:
		return Position{Now: true}, nil
	}
	if seq, err := strconv.ParseInt(s, 10, 64); err == nil && seq >= 0 {
		return Position{Seq: seq}, nil
	}
	if at, err := time.Parse(time.RFC3339, s); err == nil && !at.IsZero() {
		return Position{At: at}, nil
	}
	return Position{}, fmt.Errorf("%.40q is neither beginning, now, a sequence number nor an instant such as 2026-10-01T00:00:00+02:00", s)
}

// setDefaults fills in what the file does not say.
func (s *Subscription) setDefaults() {
	orInt := func(n *int, value int) {
		if *n == 0 {
			*n = value
		}
	}
	orText := func(s *string, value string) {
		if *s == "" {
			*s = value
		}
	}
	orText(&s.Start, StartBeginning)
	orInt(&s.MaxAttempts, defaultMaxAttempts)
	if s.Files == nil {
		orInt(&s.MaxEventBytes, defaultMaxEventBytes)
	} else if s.Files.MaxBytes == 0 {
		s.Files.MaxBytes = defaultFileBytes
	}
	if w := s.Webhook; w != nil {
		orText(&w.Mode, ModeStructured)
		orInt(&w.Parallel, defaultParallel)
		if w.Timeout == 0 {
			w.Timeout = defaultWebhookWait
		}
	}
	if n := s.NATS; n != nil {
		orText(&n.Mode, ModeStructured)
		orText(&n.Subject, "{type}")
	}
	if k := s.Kafka; k != nil {
		orText(&k.Mode, ModeStructured)
	}
}

// The content modes of CloudEvents.
const (
	ModeStructured = "structured" // attributes and data in one JSON object
	ModeBinary     = "binary"     // attributes in headers, data as body
)

// loadSubscriptions makes paths absolute.
func (c *Config) loadSubscriptions(folder string) {
	for _, s := range c.Subscriptions {
		var paths []*string
		if w := s.Webhook; w != nil {
			paths = append(paths, &w.SecretFile, &w.PreviousSecretFile, &w.TokenFile, &w.CAFile)
		}
		if n := s.NATS; n != nil {
			paths = append(paths, &n.CredentialsFile, &n.CAFile)
		}
		if k := s.Kafka; k != nil {
			paths = append(paths, &k.CAFile, &k.PasswordFile)
		}
		if f := s.Files; f != nil {
			paths = append(paths, &f.Directory)
		}
		for _, p := range paths {
			if *p != "" && !filepath.IsAbs(*p) {
				*p = filepath.Join(folder, *p)
			}
		}
	}
}

func (c *Config) validateSubscriptions() error {
	var errs []error
	if c.PublicURL != "" {
		if u, err := url.Parse(c.PublicURL); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" {
			errs = append(errs, errors.New("public_url: not of the form https://HOST/PATH"))
		}
	}
	names, dirs := map[string]bool{}, map[string]bool{}
	for i := range c.Subscriptions {
		s := &c.Subscriptions[i]
		key := fmt.Sprintf("subscriptions: entry %d", i+1)
		if !destinationName.MatchString(s.Name) {
			errs = append(errs, fmt.Errorf("%s: name: %q is not made of lower-case letters, digits, - and _", key, s.Name))
		} else if names[s.Name] {
			errs = append(errs, fmt.Errorf("%s: name: %q occurs twice", key, s.Name))
		}
		names[s.Name] = true
		if f := s.Files; f != nil {
			if dir := filepath.Clean(f.Directory); dirs[dir] {
				errs = append(errs, fmt.Errorf("%s: files: another subscription writes to %s", key, dir))
			} else {
				dirs[dir] = true
			}
		}
		if err := s.validate(); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", key, err))
		}
	}
	return errors.Join(errs...)
}

// validate must not quote URLs: there may be a secret in them.
func (s *Subscription) validate() error {
	kinds := 0
	var errs []error
	add := func(given bool, kind string, check func() error) {
		if !given {
			return
		}
		kinds++
		if err := check(); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", kind, err))
		}
	}
	add(s.Webhook != nil, "webhook", func() error { return s.Webhook.validate() })
	add(s.NATS != nil, "nats", func() error { return s.NATS.validate() })
	add(s.Kafka != nil, "kafka", func() error { return s.Kafka.validate() })
	add(s.Files != nil, "files", func() error { return s.Files.validate() })
	if kinds != 1 {
		errs = append(errs, errors.New("must have exactly one of webhook, nats, kafka and files"))
	}
	if _, err := ParsePosition(s.Start); err != nil {
		errs = append(errs, fmt.Errorf("start: %w", err))
	}
	if s.MaxAttempts < 1 || s.MaxAttempts > 1000 {
		errs = append(errs, errors.New("max_attempts must be 1 to 1000"))
	}
	if s.MaxEventBytes != 0 && (s.MaxEventBytes < 1024 || s.MaxEventBytes > 64<<20) {
		errs = append(errs, errors.New("max_event_bytes must be 1024 to 67108864"))
	}
	return errors.Join(errs...)
}

func validateMode(mode string) error {
	if mode != ModeStructured && mode != ModeBinary {
		return fmt.Errorf("mode: %q is neither structured nor binary", mode)
	}
	return nil
}

func (w *Webhook) validate() error {
	var errs []error
	if w.URL == "" {
		errs = append(errs, errors.New("url is empty"))
	} else if err := validateURL(w.URL); err != nil {
		errs = append(errs, err)
	}
	if w.SecretFile == "" {
		errs = append(errs, errors.New("secret_file is empty; the receiver could not tell who sends"))
	}
	if w.Timeout < time.Second || w.Timeout > 5*time.Minute {
		errs = append(errs, errors.New("timeout must be 1s to 5m"))
	}
	if w.Parallel < 1 || w.Parallel > maxWebhookParallel {
		errs = append(errs, fmt.Errorf("parallel must be 1 to %d", maxWebhookParallel))
	}
	return errors.Join(append(errs, validateMode(w.Mode))...)
}

func (n *NATS) validate() error {
	var errs []error
	u, err := url.Parse(n.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "tls" && u.Scheme != "nats":
		errs = append(errs, errors.New("url: not of the form tls://HOST:PORT"))
	case u.User != nil:
		errs = append(errs, errors.New("url: must not contain a user or a password; use credentials_file"))
	case u.Scheme == "nats" && !n.Plaintext && !isLocal(u.Hostname()):
		errs = append(errs, errors.New("url: nats:// only to this machine; events hold personal data, use tls:// (or plaintext: true)"))
	}
	return errors.Join(append(errs, validateMode(n.Mode))...)
}

func (k *Kafka) validate() error {
	var errs []error
	if len(k.Brokers) == 0 {
		errs = append(errs, errors.New("brokers is empty"))
	}
	for _, b := range k.Brokers {
		if host, _, err := net.SplitHostPort(b); err != nil || host == "" {
			errs = append(errs, fmt.Errorf("brokers: %q is not of the form HOST:PORT", b))
		}
	}
	if k.Topic == "" {
		errs = append(errs, errors.New("topic is empty"))
	}
	if k.SASL != "" && !slices.Contains([]string{"plain", "scram-sha-256", "scram-sha-512"}, k.SASL) {
		errs = append(errs, fmt.Errorf("sasl: %q is none of plain, scram-sha-256, scram-sha-512", k.SASL))
	}
	if (k.SASL != "") != (k.User != "" && k.PasswordFile != "") {
		errs = append(errs, errors.New("sasl, user and password_file belong together"))
	}
	return errors.Join(append(errs, validateMode(k.Mode))...)
}

func (f *EventFiles) validate() error {
	if f.Directory == "" {
		return errors.New("directory is empty")
	}
	if f.MaxBytes < 1<<20 {
		return errors.New("max_bytes must be at least 1048576")
	}
	return nil
}

func isLocal(host string) bool { return host == "localhost" || net.ParseIP(host).IsLoopback() }
