//go:build !libssl || !cgo

package libssl

import (
	"context"
	"crypto/x509"
	"net"
	"net/http"
)

// Context has the own identities and makes connections; without the library there is none.
type Context struct{}

// New returns ErrNotBuilt.
func New(Config) (*Context, error) { return nil, ErrNotBuilt }

// Use replaces the identities.
func (*Context) Use([]Identity) error { return ErrNotBuilt }

// Listener returns a listener whose connections have TLS.
func (*Context) Listener(net.Listener) net.Listener { panic(ErrNotBuilt) }

// Transport returns an http.Transport that makes its connections with TLS.
func (*Context) Transport(func(context.Context) string, Dial) *http.Transport { panic(ErrNotBuilt) }

// ConnContext is for http.Server.ConnContext.
func ConnContext(ctx context.Context, _ net.Conn) context.Context { return ctx }

// ClientCertificate returns the certificate that the client of a request has shown.
func ClientCertificate(*http.Request) (*x509.Certificate, error) { return nil, ErrNotBuilt }
