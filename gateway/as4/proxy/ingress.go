package proxy

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"

	"github.com/marktbote/marktbote/gateway/as4/smpki"
)

// Headers in which nginx tells about a connection. nginx sets all of them itself, so what a partner sends under these names
// does not get through.
const (
	headerCertificate = "Marktbote-Client-Certificate"
	headerOwn         = "Marktbote-Own"
	headerPeer        = "Marktbote-Peer"
	headerTLS         = "Marktbote-Tls"
)

// maxCertificate bounds a client certificate as nginx hands it on, in bytes.
const maxCertificate = 16 << 10

// Listen opens the ingress socket for the gateway. A socket that a gateway left behind is replaced, one that another
// gateway serves is not. The directory is made if it is missing and must be closed to other users.
func Listen(socket string) (net.Listener, error) {
	if err := makeDir(filepath.Dir(socket)); err != nil {
		return nil, err
	}
	if err := RemoveStale(socket); err != nil {
		return nil, err
	}
	l, err := new(net.ListenConfig).Listen(context.Background(), "unix", socket)
	if err != nil {
		return nil, fmt.Errorf("proxy: ingress: %w", err)
	}
	if err := os.Chmod(socket, 0o600); err != nil {
		return nil, fmt.Errorf("proxy: ingress: %w", errors.Join(err, l.Close()))
	}
	return l, nil
}

// Connection is what nginx tells about the connection on which a request came.
type Connection struct {
	Certificate *x509.Certificate // of the client; nginx has seen that its owner has the key and that it chains to a root
	Own         string            // MP-ID whose host name the client called
	Peer        string            // IP address of the client
	TLS         string            // protocol and suite, as OpenSSL names them
}

// Errors of ConnectionOf.
var (
	ErrNotProxied    = errors.New("proxy: the request did not come through the proxy")
	ErrNoCertificate = errors.New("proxy: the proxy handed on no client certificate")
)

// ConnectionOf returns what nginx told about the connection of a request. It looks at headers only if the request came over
// a Unix socket; otherwise anybody could have written them, and the error is ErrNotProxied. Whether the certificate is one
// of the SM-PKI, is for TLS and is not revoked, is for smpki.Trust to say.
func ConnectionOf(r *http.Request) (Connection, error) {
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if local == nil || local.Network() != "unix" {
		return Connection{}, ErrNotProxied
	}
	c := Connection{Own: r.Header.Get(headerOwn), Peer: r.Header.Get(headerPeer), TLS: r.Header.Get(headerTLS)}
	values := r.Header.Values(headerCertificate)
	if len(values) != 1 || values[0] == "" {
		return c, ErrNoCertificate
	}
	var err error
	c.Certificate, err = unescapeCertificate(values[0])
	return c, err
}

// ClientCertificate returns the client certificate of a request, as ConnectionOf does.
func ClientCertificate(r *http.Request) (*x509.Certificate, error) {
	c, err := ConnectionOf(r)
	return c.Certificate, err
}

// unescapeCertificate reads $ssl_client_escaped_cert: PEM, percent-encoded.
func unescapeCertificate(s string) (*x509.Certificate, error) {
	if len(s) > maxCertificate {
		return nil, fmt.Errorf("proxy: client certificate of more than %d bytes", maxCertificate)
	}
	text, err := url.PathUnescape(s)
	if err != nil {
		return nil, fmt.Errorf("proxy: client certificate: %w", err)
	}
	block, rest := pem.Decode([]byte(text))
	if block == nil || block.Type != "CERTIFICATE" || len(rest) > 0 {
		return nil, errors.New("proxy: client certificate: not one certificate in PEM")
	}
	cert, err := smpki.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("proxy: client certificate: %w", err)
	}
	return cert, nil
}
