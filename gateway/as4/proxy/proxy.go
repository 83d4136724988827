// Package proxy is the TLS of the AS4 channel. Go's crypto/tls knows no brainpool curves, so nginx with OpenSSL stands
// between partners and the gateway, in both directions:
//
//	partner --TLS--> nginx --Unix socket--> gateway     ingress: one host name and certificate for each own MP-ID
//	gateway --Unix socket--> nginx --TLS--> partner     egress: with the certificate of the MP-ID that sends
//
// [Config] is what nginx has to know; [Config.Write] turns it into files, tests them and makes a running nginx read
// them. On the side of the gateway, [Listen] and [ClientCertificate] belong to the ingress, [Egress] is an
// http.RoundTripper for the egress. [Probe] looks at what a server negotiates.
//
//	e := proxy.NewEgress("/var/lib/marktbote/tls/egress.sock")
//	req, err := http.NewRequestWithContext(proxy.SendAs(ctx, "9999100000013"), http.MethodPost, partner.Endpoint, body)
//	resp, err := e.RoundTrip(req)
//
// Both sockets trust whoever can open them: they lie in a directory that only the gateway's user may enter.
//
// nginx checks the chain to the roots, the dates and the host name. It does not check revocation: it takes a list that is
// missing or a day late for a reason to refuse everybody, where the market tolerates three days, and it cannot use the
// list of the SM-PKI root, which another key signs. The gateway does it: for partners that come from the certificate
// that the ingress hands on, for partners it calls with [Egress.Verify]. nginx neither tells a certificate on NIST P-256
// from one on brainpoolP256r1, because P-256 must be allowed for the key exchange; the same two places do.
package proxy

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Config is what the configuration of nginx is made of.
type Config struct {
	Dir           string              // everything of nginx's; absolute
	Listen        []string            // addresses of the ingress, host:port or :port
	IngressSocket string              // the gateway listens here; absolute
	EgressSocket  string              // nginx listens here; absolute
	Identities    []Identity          // own MP-IDs; without any, nothing is let in or out
	Roots         []*x509.Certificate // trust anchors
	CAs           []*x509.Certificate // known Sub-CAs, for partners that do not send theirs
	MaxBodyBytes  int64               // of a received message as it is on the wire; default 200 MiB
	Build         Build               // of the nginx that is to read it
	User, Group   string              // of nginx's workers if its master is root; default: who owns Dir
}

// Identity is the TLS identity of one own MP-ID.
type Identity struct {
	MPID        string
	ServerNames []string            // host names at which partners reach it
	Path        []*x509.Certificate // issuer first, leaf last, without the root
	KeyPEM      []byte              // SEC1 or PKCS#8, not encrypted
}

// DefaultMaxBody is the default of Config.MaxBodyBytes: twice what the gateway takes by default.
const DefaultMaxBody = 200 << 20

// Timeouts of nginx. Those of the gateway for a whole message are shorter than what nginx would wait.
const (
	connectTimeout   = 30 * time.Second  // TCP, and once more for the TLS handshake
	responseTimeout  = 120 * time.Second // of a partner, after the last byte of the message
	idleTimeout      = 60 * time.Second  // between two reads or writes, and of a connection without requests
	handshakeTimeout = 30 * time.Second  // until a client has sent its header
	sessionTimeout   = 12 * time.Hour    // TR-03116-3 4.1.2 permits 48 hours
)

var (
	mpIDForm = regexp.MustCompile(`^\d{13}$`)
	nameForm = regexp.MustCompile(`^[a-z0-9*]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`)
	pathForm = regexp.MustCompile(`^[^\x00-\x1f\x7f"'\\${};]*$`)
	userForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]*$`)
)

// check refuses what would not be the value it is meant to be in the language of nginx, and what contradicts itself.
func (c *Config) check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	for _, p := range []string{c.Dir, c.IngressSocket, c.EgressSocket} {
		if !filepath.IsAbs(p) || !pathForm.MatchString(p) {
			bad("path %q is not absolute or has a character that nginx would interpret", p)
		}
	}
	for _, s := range []string{c.User, c.Group} {
		if s != "" && !userForm.MatchString(s) {
			bad("user or group %q", s)
		}
	}
	if len(c.Roots) == 0 {
		bad("no root certificate: nobody could be trusted")
	}
	for _, address := range c.Listen {
		if err := checkAddress(address); err != nil {
			errs = append(errs, err)
		}
	}
	ids, names := map[string]bool{}, map[string]string{}
	for _, id := range c.Identities {
		if !mpIDForm.MatchString(id.MPID) || ids[id.MPID] {
			bad("MP-ID %q is no MP-ID or occurs twice", id.MPID)
		}
		ids[id.MPID] = true
		if len(id.ServerNames) == 0 {
			bad("%s has no server name: its TLS certificate has no dNSName, and none is configured", id.MPID)
		}
		if len(id.Path) == 0 || len(id.KeyPEM) == 0 {
			bad("%s has no TLS certificate or no key", id.MPID)
		}
		for _, name := range id.ServerNames {
			if !nameForm.MatchString(name) || len(name) > 253 {
				bad("server name %q of %s", name, id.MPID)
			}
			if other, taken := names[name]; taken {
				bad("server name %s stands for %s and %s: each MP-ID needs a name of its own", name, other, id.MPID)
			}
			names[name] = id.MPID
		}
	}
	return errors.Join(errs...)
}

func checkAddress(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if host != "" && host != "*" && net.ParseIP(host) == nil {
		return fmt.Errorf("listen: %s is no address of this machine: write the IP address, or only the port", address)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("listen: port %q", port)
	}
	return nil
}

// listenAddresses returns the addresses in the form of nginx; a port alone means all addresses of IPv4 and, if the machine
// has it, IPv6.
func listenAddresses(list []string, ipv6 bool) (out []string) {
	for _, address := range list {
		host, port, _ := net.SplitHostPort(address) // check has seen it
		switch {
		case host == "" || host == "*":
			out = append(out, "0.0.0.0:"+port)
			if ipv6 {
				out = append(out, "[::]:"+port)
			}
		case strings.Contains(host, ":"):
			out = append(out, "["+host+"]:"+port)
		default:
			out = append(out, host+":"+port)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
