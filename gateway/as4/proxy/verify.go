package proxy

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Verifier checks the certificates of partners' servers for what nginx does not see: revocation, the curve of the key, the
// rules of the SM-PKI. It looks at each server with a handshake of its own and remembers what it found. Safe for concurrent
// use; the fields must not change after the first.
type Verifier struct {
	Dir     string        // that of Config
	OpenSSL string        // program; default openssl
	Every   time.Duration // how long a good server is not looked at again; default 6 hours
	// Check judges what a server has sent; usually with smpki.Trust.Verify for smpki.TLS.
	Check func(ctx context.Context, leaf *x509.Certificate, others []*x509.Certificate) error
	Now   func() time.Time // default time.Now

	mu      sync.Mutex
	servers map[string]*verdict // by name and address
}

// verdict is what is known about one server. Its lock is held while it is looked at, so that messages which come at the same
// time wait for one look.
type verdict struct {
	mu    sync.Mutex
	until time.Time
	err   error
}

const (
	verifyEvery = 6 * time.Hour
	// verifyAgain is how long a bad result stands: a queue of messages makes one look, not one each.
	verifyAgain = time.Minute
	// maxVerdicts bounds what is remembered; the market has some thousand endpoints.
	maxVerdicts = 20_000
)

// Verify is for Egress.Verify. The error is *NotShaken if the server showed no certificate, else that of Check.
func (v *Verifier) Verify(ctx context.Context, mpID, host, address string) error {
	now := time.Now
	if v.Now != nil {
		now = v.Now
	}
	known := v.verdict(host + " " + address)
	known.mu.Lock()
	defer known.mu.Unlock()
	if now().Before(known.until) {
		return known.err
	}
	err := v.look(ctx, mpID, host, address)
	if ctx.Err() != nil {
		return ctx.Err() // says nothing about the server
	}
	known.err, known.until = err, now().Add(verifyAgain)
	if err == nil {
		known.until = now().Add(cmp.Or(v.Every, verifyEvery))
	}
	return err
}

// Forget makes Verify look at every server again: after revocation lists have come.
func (v *Verifier) Forget() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.servers = nil
}

func (v *Verifier) verdict(key string) *verdict {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.servers == nil || len(v.servers) >= maxVerdicts {
		v.servers = map[string]*verdict{}
	}
	if v.servers[key] == nil {
		v.servers[key] = &verdict{}
	}
	return v.servers[key]
}

func (v *Verifier) look(ctx context.Context, mpID, host, address string) error {
	p := Probe{OpenSSL: v.OpenSSL, Address: address, Name: host}
	var err error
	if p.Certificate, p.Key, err = KeyFiles(v.Dir, mpID); err != nil {
		return err
	}
	h, err := p.Run(ctx)
	if len(h.Path) == 0 {
		if err == nil {
			err = &NotShaken{address, "the server has shown no certificate"}
		}
		return err
	}
	// A handshake that failed later has shown what this is about; whether it fails again is seen by who sends.
	return v.Check(ctx, h.Path[0], h.Path[1:])
}

// KeyFiles returns the files with the TLS identity of an own MP-ID that nginx uses: chain and key in PEM.
func KeyFiles(dir, mpID string) (certificate, key string, err error) {
	if !mpIDForm.MatchString(mpID) {
		return "", "", fmt.Errorf("proxy: MP-ID %q", mpID)
	}
	found, err := filepath.Glob(filepath.Join(dir, "keys", mpID+"-*.key"))
	if err != nil {
		return "", "", fmt.Errorf("proxy: %w", err)
	}
	var newest time.Time
	for _, path := range found {
		info, err := os.Stat(path)
		if err == nil && info.ModTime().After(newest) {
			newest, key = info.ModTime(), path
		}
	}
	if key == "" {
		return "", "", errors.New("proxy: nginx has no key of " + mpID)
	}
	return key[:len(key)-len(".key")] + ".crt", key, nil
}
