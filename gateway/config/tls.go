package config

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// TLS says how nginx stands between partners and the gateway. marktbote tls nginx writes its configuration from it.
type TLS struct {
	// Listen are the addresses at which nginx awaits partners, host:port or :port. Default: ":443".
	Listen []string `yaml:"listen"`
	// Dir has the configuration of nginx, the keys it needs and both sockets; nobody else may read it. Default: tls in
	// DataDir.
	Dir string `yaml:"dir"`
	// IngressSocket is the Unix socket at which the gateway takes what nginx hands on. Default: ingress.sock in Dir.
	IngressSocket string `yaml:"ingress_socket"`
	// EgressSocket is the Unix socket at which nginx takes what goes to partners. Default: egress.sock in Dir.
	EgressSocket string `yaml:"egress_socket"`
	// ServerNames are the host names at which partners reach an own MP-ID. Default: those of its TLS certificate.
	ServerNames map[string][]string `yaml:"server_names"`
	// Nginx is the program. Default: nginx.
	Nginx string `yaml:"nginx"`
	// OpenSSL is the program with which doctor looks at connections. Default: openssl.
	OpenSSL string `yaml:"openssl"`
	// Library lets the gateway do TLS itself with OpenSSL's library instead of nginx: it listens at Listen, and Dir, the sockets
	// and Nginx are not used. The program must be built with the tag libssl.
	Library bool `yaml:"library"`
	// PlainListen is an address at which the gateway takes AS4 messages without TLS, for tests or a TLS front end that is
	// not ours. Nobody's client certificate is known there. Default: none.
	PlainListen string `yaml:"plain_listen"`
	// PlainAnywhere allows PlainListen to be an address that other machines reach, and endpoints of partners to be
	// http URLs of other machines.
	PlainAnywhere bool `yaml:"plain_anywhere"`
}

// maxSocketPath is what a Unix socket's path may have in bytes (unix(7): 108 with the closing zero).
const maxSocketPath = 107

// WithDefaults returns the settings with everything filled in that is left to defaults; dataDir is DataDir.
func (t TLS) WithDefaults(dataDir string) TLS {
	if len(t.Listen) == 0 {
		t.Listen = []string{":443"}
	}
	for _, d := range []struct {
		value *string
		or    string
	}{
		{&t.Dir, filepath.Join(dataDir, "tls")}, {&t.Nginx, "nginx"}, {&t.OpenSSL, "openssl"},
	} {
		if *d.value == "" {
			*d.value = d.or
		}
	}
	if t.IngressSocket == "" {
		t.IngressSocket = filepath.Join(t.Dir, "ingress.sock")
	}
	if t.EgressSocket == "" {
		t.EgressSocket = filepath.Join(t.Dir, "egress.sock")
	}
	return t
}

// hostName is a DNS name as it may stand in a certificate, without wildcards.
var hostName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$`)

// absolute makes paths count from the folder of the configuration.
func (t *TLS) absolute(folder string) {
	for _, p := range []*string{&t.Dir, &t.IngressSocket, &t.EgressSocket} {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(folder, *p)
		}
	}
}

func (t *TLS) validate() error {
	var errs []error
	for _, address := range t.Listen {
		if _, _, err := net.SplitHostPort(address); err != nil {
			errs = append(errs, fmt.Errorf("as4: tls: listen: %w", err))
		}
	}
	for _, socket := range []string{t.IngressSocket, t.EgressSocket} {
		if len(socket) > maxSocketPath {
			errs = append(errs, fmt.Errorf("as4: tls: socket %s: a path of more than %d bytes", socket, maxSocketPath))
		}
	}
	if t.IngressSocket != "" && t.IngressSocket == t.EgressSocket {
		errs = append(errs, errors.New("as4: tls: ingress_socket and egress_socket are the same"))
	}
	owner := map[string]string{} // MP-ID by server name
	for mpID, names := range t.ServerNames {
		for _, name := range names {
			if !hostName.MatchString(name) {
				errs = append(errs, fmt.Errorf("as4: tls: server_names: %q of %s is no host name in small letters", name, mpID))
			}
			if other, taken := owner[name]; taken && other != mpID {
				ids := []string{mpID, other}
				slices.Sort(ids)
				errs = append(errs, fmt.Errorf("as4: tls: server_names: %s stands for %s; each MP-ID needs a name of its own", name, strings.Join(ids, " and ")))
			}
			owner[name] = mpID
		}
	}
	if t.PlainListen != "" {
		host, _, err := net.SplitHostPort(t.PlainListen)
		if err != nil {
			errs = append(errs, fmt.Errorf("as4: tls: plain_listen: %w", err))
		} else if ip := net.ParseIP(host); host != "localhost" && !t.PlainAnywhere && (ip == nil || !ip.IsLoopback()) {
			errs = append(errs, fmt.Errorf("as4: tls: plain_listen: %s can be reached from other machines without TLS; set plain_anywhere: true if something in front of it does TLS as the profile wants", t.PlainListen))
		}
	}
	return errors.Join(errs...)
}
