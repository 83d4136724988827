// Package libssl is TLS of the AS4 channel inside the gateway, by OpenSSL's library, for sites that want one process instead of
// nginx beside it. It is only there if the program is built with cgo and the tag libssl; without them [New] returns
// ErrNotBuilt.
//
//	ctx, err := libssl.New(libssl.Config{Identities: ids, Verify: verify})
//	listener := ctx.Listener(tcp)                       // for http.Server, with ConnContext: libssl.ConnContext
//	conn, err := ctx.Client(c, tcp, ownMPID, host)      // for http.Transport
//
// It has what nginx lacks: the certificates of both sides are judged in the handshake by Go, with revocation and its three
// days, and what they say decides whether it goes on. The settings are those of the profile, and the same as in package proxy.
//
// A Conn encrypts in memory and leaves sockets to Go: deadlines and the poller work as for any net.Conn.
//
// Spec: BSI TR-03116-3, Stand 2023 4.1 and 4.2
package libssl

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
)

// Identity is the TLS identity of one own MP-ID.
type Identity struct {
	MPID        string
	ServerNames []string            // host names at which partners reach it, in small letters
	Path        []*x509.Certificate // issuer first, leaf last, without the root
	KeyPEM      []byte              // SEC1 or PKCS#8, not encrypted
}

// Config is what a Context is made of.
type Config struct {
	Identities []Identity
	// Verify judges the certificates that the other side shows, the leaf first; usually with smpki.Trust.Verify for
	// smpki.TLS. An error ends the handshake. It is called with the deadline of the handshake running, and must be safe for
	// concurrent use.
	Verify func(leaf *x509.Certificate, others []*x509.Certificate) error
}

// ErrNotBuilt: the program was built without the tag libssl.
var ErrNotBuilt = errors.New("libssl: this program was built without OpenSSL's library (go build -tags libssl, with cgo)")

// Dial opens a connection, as net.Dialer.DialContext does.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// State is what was negotiated on a connection.
type State struct {
	Protocol             string              // TLSv1.2
	Cipher               string              // ECDHE-ECDSA-AES128-GCM-SHA256
	Group                string              // brainpoolP256r1
	ExtendedMasterSecret bool                // part of TLS 1.3
	Own                  string              // MP-ID whose certificate was shown
	Peer                 []*x509.Certificate // leaf first
}
