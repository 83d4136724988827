//go:build libssl && cgo

package libssl

// #cgo pkg-config: libssl libcrypto
// #cgo CFLAGS: -O2 -Wall
// #include "binding.h"
import "C"

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"runtime"
	"runtime/cgo"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/marktbote/marktbote/gateway/as4/smpki"
)

// What may be negotiated, as OpenSSL names it; package proxy has the same for nginx. The second of each is for OpenSSL 3.2 and
// newer, where TLS 1.3 knows brainpool certificates.
const (
	ciphers      = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA384"
	ciphers13    = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_AES_128_CCM_SHA256"
	groups       = "brainpoolP256r1:brainpoolP384r1:brainpoolP512r1:prime256v1:secp384r1"
	groups13     = "brainpoolP256r1tls13:brainpoolP384r1tls13:brainpoolP512r1tls13:" + groups
	signatures   = "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512"
	signatures13 = "ecdsa_brainpoolP256r1_sha256:ecdsa_brainpoolP384r1_sha384:ecdsa_brainpoolP512r1_sha512:" + signatures
)

// Context has the own identities and makes connections. It is safe for concurrent use.
type Context struct {
	verify func(leaf *x509.Certificate, others []*x509.Certificate) error
	own    atomic.Pointer[identities]
}

// identities are settings of OpenSSL with keys. They are freed when no connection uses them any more: a connection has a
// reference of its own to what it was made from.
type identities struct {
	client, server map[string]*settings // by MP-ID, by server name
	any            *settings            // of a server, for a client that names no host; nil with several identities
}

// settings are an SSL_CTX.
type settings struct {
	mpID string
	ctx  *C.SSL_CTX
}

// making serializes what OpenSSL does once.
var making sync.Mutex

// New makes a Context.
func New(c Config) (*Context, error) {
	if c.Verify == nil {
		return nil, errors.New("libssl: no Verify: nobody would be refused")
	}
	x := &Context{verify: c.Verify}
	return x, x.Use(c.Identities)
}

// Use replaces the identities, for connections that begin after it. If one cannot be used, those of before stay.
func (x *Context) Use(list []Identity) error {
	next := &identities{client: map[string]*settings{}, server: map[string]*settings{}}
	for _, id := range list {
		client, err := newSettings(id, false)
		if err != nil {
			return err
		}
		server, err := newSettings(id, true)
		if err != nil {
			return err
		}
		if next.client[id.MPID] != nil {
			return fmt.Errorf("libssl: %s occurs twice", id.MPID)
		}
		next.client[id.MPID] = client
		for _, name := range id.ServerNames {
			if next.server[name] != nil {
				return fmt.Errorf("libssl: %s stands for two MP-IDs", name)
			}
			next.server[name] = server
		}
		next.any = server
	}
	if len(list) != 1 {
		next.any = nil
	}
	x.own.Store(next)
	return nil
}

func newSettings(id Identity, server bool) (*settings, error) {
	var chain bytes.Buffer
	for _, cert := range slices.Backward(id.Path) {
		_ = pem.Encode(&chain, &pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}) // a Buffer takes everything
	}
	if chain.Len() == 0 || len(id.KeyPEM) == 0 {
		return nil, fmt.Errorf("libssl: %s has no certificate or no key", id.MPID)
	}
	g, s := groups, signatures
	if C.mb_new_brainpool() != 0 {
		g, s = groups13, signatures13
	}
	text := func(s string) *C.char { return C.CString(s) }
	cc, c13, cg, cs := text(ciphers), text(ciphers13), text(g), text(s)
	defer func() {
		for _, p := range []*C.char{cc, c13, cg, cs} {
			C.mb_free(unsafe.Pointer(p))
		}
	}()
	making.Lock()
	defer making.Unlock()
	runtime.LockOSThread() // errors of OpenSSL belong to the thread
	defer runtime.UnlockOSThread()
	var what *C.char
	isServer := C.int(0)
	if server {
		isServer = 1
	}
	ctx := C.mb_ctx(isServer, cc, c13, cg, cs, &what)
	if ctx == nil {
		return nil, fmt.Errorf("libssl: %s: %s", C.GoString(what), oldestError())
	}
	out := &settings{mpID: id.MPID, ctx: ctx}
	runtime.SetFinalizer(out, func(s *settings) { C.SSL_CTX_free(s.ctx) }) // connections have references of their own
	key := id.KeyPEM
	if C.mb_use(ctx, unsafe.Pointer(&chain.Bytes()[0]), C.int(chain.Len()), unsafe.Pointer(&key[0]), C.int(len(key))) == 0 {
		return nil, fmt.Errorf("libssl: certificate and key of %s: %s", id.MPID, oldestError())
	}
	return out, nil
}

func oldestError() string {
	var buf [256]C.char
	if C.mb_error(&buf[0], C.int(len(buf))) == 0 {
		return "unknown reason"
	}
	return C.GoString(&buf[0])
}

// Client makes the handshake on a connection to a partner with the identity of an own MP-ID, and checks that the certificate is
// for host (a dNSName). On an error raw is closed.
func (x *Context) Client(ctx context.Context, raw net.Conn, mpID, host string) (*Conn, error) {
	s := x.own.Load().client[mpID]
	if s == nil {
		return nil, errors.Join(fmt.Errorf("libssl: there is no identity of %s", mpID), raw.Close())
	}
	c, err := x.newConn(raw, s, false, strings.ToLower(host))
	if err != nil {
		return nil, errors.Join(err, raw.Close())
	}
	c.state.Own = mpID
	if err := c.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// Listener returns a listener whose connections are *Conn. The handshake is made with the first Read or Write, so that a slow
// client holds up nobody else.
func (x *Context) Listener(l net.Listener) net.Listener { return &listener{l, x} }

type listener struct {
	net.Listener
	x *Context
}

// Accept waits for the next connection.
func (l *listener) Accept() (net.Conn, error) {
	raw, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	for _, s := range l.x.own.Load().server { // any: the host name decides in the handshake
		c, err := l.x.newConn(raw, s, true, "")
		if err != nil {
			return nil, errors.Join(err, raw.Close())
		}
		return c, nil
	}
	return &refused{raw}, nil
}

// refused is a connection for which there is no identity. It must not end the loop of a server.
type refused struct{ net.Conn }

// Read closes the connection.
func (r *refused) Read([]byte) (int, error) {
	return 0, errors.Join(errors.New("libssl: there is no identity"), r.Close())
}

//export mbVerify
func mbVerify(store *C.X509_STORE_CTX, handle C.uintptr_t) C.int {
	c := cgo.Handle(handle).Value().(*Conn) //nolint:errcheck,forcetypeassert // nothing else is stored
	var path []*x509.Certificate
	for i := range C.int(maxPath + 1) {
		var der *C.uchar
		n := C.mb_peer(store, i, &der)
		if n <= 0 {
			break
		}
		cert, err := smpki.ParseCertificate(C.GoBytes(unsafe.Pointer(der), n))
		C.mb_free_der(der)
		if err != nil {
			c.refusal = fmt.Errorf("libssl: certificate of the other side: %w", err)
			return C.X509_V_ERR_CERT_REJECTED
		}
		if i > 0 && cert.Equal(path[0]) {
			continue // OpenSSL counts the leaf among what was sent
		}
		path = append(path, cert)
	}
	if len(path) == 0 || len(path) > maxPath {
		c.refusal = fmt.Errorf("libssl: the other side has sent %d certificates", len(path))
		return C.X509_V_ERR_CERT_CHAIN_TOO_LONG
	}
	c.state.Peer = path
	if c.refusal = c.context.verify(path[0], path[1:]); c.refusal != nil {
		return verifyError(c.refusal)
	}
	if c.host != "" {
		if c.refusal = path[0].VerifyHostname(c.host); c.refusal != nil {
			return C.X509_V_ERR_HOSTNAME_MISMATCH
		}
	}
	return C.X509_V_OK
}

// verifyError chooses the alert.
func verifyError(err error) C.int {
	invalid, ok := errors.AsType[*smpki.Invalid](err)
	if !ok {
		return C.X509_V_ERR_CERT_REJECTED
	}
	switch invalid.Reason {
	case smpki.Expired:
		return C.X509_V_ERR_CERT_HAS_EXPIRED
	case smpki.NotYetValid:
		return C.X509_V_ERR_CERT_NOT_YET_VALID
	case smpki.Revoked:
		return C.X509_V_ERR_CERT_REVOKED
	case smpki.UnknownIssuer:
		return C.X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT
	}
	return C.X509_V_ERR_CERT_REJECTED
}

//export mbSelect
func mbSelect(ssl *C.SSL, handle C.uintptr_t, name *C.char) C.int {
	c := cgo.Handle(handle).Value().(*Conn) //nolint:errcheck,forcetypeassert // nothing else is stored
	own := c.context.own.Load()
	s := own.server[strings.ToLower(C.GoString(name))]
	if s == nil {
		s = own.any
	}
	if s == nil {
		c.refusal = fmt.Errorf("libssl: the client calls %q, which is none of the own names", C.GoString(name))
		return 0
	}
	c.settings, c.state.Own = s, s.mpID
	if C.SSL_set_SSL_CTX(ssl, s.ctx) == nil {
		return 0
	}
	return 1
}
