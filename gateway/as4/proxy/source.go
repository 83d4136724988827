package proxy

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/marktbote/marktbote/gateway/as4/brainpool"
	"github.com/marktbote/marktbote/gateway/as4/smpki"
	"github.com/marktbote/marktbote/gateway/config"
	"github.com/marktbote/marktbote/gateway/partner"
)

// From makes the configuration from that of the gateway, what is trusted and the own keys. An own MP-ID that has no TLS
// certificate for nginx is left out, so that it does not stop the others; missing tells why. The error is of the store. It is
// for [Keep] to call every minute or so.
func From(ctx context.Context, build Build, cfg *config.Config, d *partner.Directory, at time.Time) (c Config, missing []error, err error) {
	settings, trust := cfg.AS4.TLS.WithDefaults(cfg.DataDir), d.Trust()
	var own []string
	for _, p := range cfg.Own {
		own = append(own, string(p.MPID))
	}
	c = Config{
		// The gateway's limit comes first: its answer tells the partner what is wrong.
		MaxBodyBytes: 2 * cfg.AS4.MaxBodyBytes,
		Dir:          absolute(settings.Dir), Listen: settings.Listen,
		IngressSocket: absolute(settings.IngressSocket), EgressSocket: absolute(settings.EgressSocket),
		Roots: trust.Roots, CAs: slices.Clone(trust.CAs), Build: build,
	}
	// A fixed order: the same certificates make the same files.
	slices.SortFunc(c.CAs, func(a, b *x509.Certificate) int { return bytes.Compare(a.Raw, b.Raw) })
	c.Identities, missing, err = Identities(ctx, settings, own, d, at, func(mpID string) (Identity, bool) { return fromFiles(c.Dir, mpID) })
	return c, missing, err
}

// Identities returns the TLS identities of own MP-IDs at an instant, in their order, and why some are missing. held returns what
// is in use of an MP-ID: that goes on being used if a certificate is refused only because a revocation list is missing or
// overdue. Partners have lists of their own: that we cannot get one is no reason to be off the net.
func Identities(ctx context.Context, settings config.TLS, own []string, d *partner.Directory, at time.Time, held func(mpID string) (Identity, bool)) (list []Identity, missing []error, err error) {
	for _, mpID := range slices.Compact(slices.Sorted(slices.Values(own))) {
		id, reason, err := identity(ctx, settings, mpID, d, at, held)
		switch {
		case err != nil:
			return nil, nil, err
		case reason != nil:
			missing = append(missing, reason)
		default:
			list = append(list, id)
		}
	}
	return list, missing, nil
}

// identity returns that of an own MP-ID, or the reason for which it has none.
func identity(ctx context.Context, settings config.TLS, mpID string, d *partner.Directory, at time.Time, held func(mpID string) (Identity, bool)) (id Identity, reason, err error) {
	own, err := d.Keys().TLS(ctx, mpID, at)
	if none, ok := errors.AsType[*partner.NoCertificate](err); ok {
		if id, ok = held(mpID); !ok || !onlyUnknown(id.Path, none) {
			return Identity{}, none, nil
		}
	} else if err != nil {
		return Identity{}, nil, err
	} else {
		key, ok := own.Key.(*brainpool.PrivateKey)
		if !ok {
			return Identity{}, fmt.Errorf("proxy: the key of %s cannot leave its token, and nginx needs it in a file", smpki.Describe(own.Leaf())), nil
		}
		id = Identity{MPID: mpID, Path: own.Path}
		if id.KeyPEM, err = smpki.MarshalKey(key, nil); err != nil {
			return Identity{}, nil, fmt.Errorf("proxy: %w", err)
		}
	}
	leaf := id.Path[len(id.Path)-1]
	id.ServerNames = settings.ServerNames[mpID]
	if len(id.ServerNames) == 0 {
		for _, name := range leaf.DNSNames {
			id.ServerNames = append(id.ServerNames, strings.ToLower(name))
		}
	}
	if len(id.ServerNames) == 0 {
		return Identity{}, fmt.Errorf("proxy: %s has no dNSName, and as4.tls.server_names names no host for %s", smpki.Describe(leaf), mpID), nil
	}
	return id, nil, nil
}

// fromFiles returns what nginx has of an MP-ID.
func fromFiles(dir, mpID string) (Identity, bool) {
	certificate, key, err := KeyFiles(dir, mpID)
	if err != nil {
		return Identity{}, false
	}
	chain, err := os.ReadFile(certificate)
	if err != nil {
		return Identity{}, false
	}
	path, err := smpki.ParseCertificates(chain)
	if err != nil || len(path) == 0 {
		return Identity{}, false
	}
	id := Identity{MPID: mpID, Path: path}
	slices.Reverse(id.Path)
	id.KeyPEM, err = os.ReadFile(key)
	return id, err == nil
}

// onlyUnknown reports whether a certificate is refused only for want of a revocation list.
func onlyUnknown(path []*x509.Certificate, none *partner.NoCertificate) bool {
	return slices.ContainsFunc(none.Reasons, func(reason error) bool {
		invalid, ok := errors.AsType[*smpki.Invalid](reason)
		if !ok || invalid.Reason != smpki.RevocationUnknown && invalid.Reason != smpki.RevocationTooOld {
			return false
		}
		// The reason may be about the Sub-CA; then it holds for every certificate below it.
		return slices.ContainsFunc(path, invalid.Certificate.Equal)
	})
}

// absolute makes a path independent of the working directory, which nginx changes.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}
