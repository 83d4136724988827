//go:build libssl && cgo

package libssl

// #include "binding.h"
import "C"

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime/cgo"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"
)

const (
	maxPath   = 4        // certificates of the other side
	maxRecord = 16 << 10 // bytes of one record of TLS
)

// Conn is a connection with TLS. One goroutine may read while another writes, as with any net.Conn.
//
// OpenSSL works on two buffers in memory. mu guards it and is never held while the socket is used. Two orders hold: what OpenSSL
// reads comes in the order of the socket (readMu), and what it writes goes there in the order in which it was made (writeMu,
// held from before it is taken out of the buffer until it is sent). writeMu is taken before mu; who reads never waits for it.
type Conn struct {
	raw      net.Conn
	context  *Context
	settings *settings
	host     string // of the server, in a client

	readMu, writeMu sync.Mutex
	readBuf         []byte // guarded by readMu
	writeBuf        []byte // guarded by writeMu

	mu      sync.Mutex
	ssl     *C.SSL // nil: closed
	in, out *C.BIO // belong to ssl
	handle  cgo.Handle
	refusal error // of the other side's certificates
	state   State

	shaken  atomic.Bool
	shakeMu sync.Mutex
	failure error // of the handshake; guarded by shakeMu
}

var errClosed = net.ErrClosed

func (x *Context) newConn(raw net.Conn, s *settings, server bool, host string) (*Conn, error) {
	c := &Conn{raw: raw, context: x, settings: s, host: host}
	c.handle = cgo.NewHandle(c)
	name := C.CString(host)
	defer C.mb_free(unsafe.Pointer(name))
	isServer := C.int(0)
	if server {
		isServer = 1
	}
	c.ssl = C.mb_new(s.ctx, C.uintptr_t(c.handle), isServer, name, &c.in, &c.out)
	if c.ssl == nil {
		c.handle.Delete()
		return nil, errors.New("libssl: no memory for a connection")
	}
	return c, nil
}

// steps of mb_do.
const (
	doHandshake = iota
	doRead
	doWrite
	doShutdown
)

// step makes one step of OpenSSL. again means that it needs more from the other side.
func (c *Conn) step(op C.int, b []byte) (n int, again bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ssl == nil {
		return 0, false, errClosed
	}
	var status, done C.int
	var reason [256]C.char
	if len(b) > 0 { // the address is taken here, so that cgo looks at these bytes and not at what they are part of
		done = C.mb_do(c.ssl, op, unsafe.Pointer(&b[0]), C.int(len(b)), &status, &reason[0], C.int(len(reason)))
	} else {
		done = C.mb_do(c.ssl, op, nil, 0, &status, &reason[0], C.int(len(reason)))
	}
	switch status {
	case C.SSL_ERROR_NONE:
		return int(done), false, nil
	case C.SSL_ERROR_WANT_READ:
		return 0, true, nil
	case C.SSL_ERROR_ZERO_RETURN:
		return 0, false, io.EOF
	}
	if c.refusal != nil {
		return 0, false, c.refusal
	}
	if text := C.GoString(&reason[0]); text != "" {
		return 0, false, errors.New("libssl: " + text)
	}
	return 0, false, fmt.Errorf("libssl: error %d", status)
}

// flush sends what OpenSSL has made, or leaves it to whoever is sending: he looks again when he is done. It never waits for
// him, because he may wait for the other side to read, and the other side for us.
func (c *Conn) flush() error {
	for c.pending() && c.writeMu.TryLock() {
		err := c.flushLocked()
		c.writeMu.Unlock()
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *Conn) pending() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ssl != nil && C.mb_pending(c.out) > 0
}

func (c *Conn) flushLocked() error {
	for {
		c.mu.Lock()
		if c.ssl == nil {
			c.mu.Unlock()
			return errClosed
		}
		n := C.mb_pending(c.out)
		if int(n) > len(c.writeBuf) {
			c.writeBuf = make([]byte, n)
		}
		if n > 0 {
			n = max(0, C.BIO_read(c.out, unsafe.Pointer(&c.writeBuf[0]), n))
		}
		b := c.writeBuf[:n]
		c.mu.Unlock()
		if len(b) == 0 {
			return nil
		}
		if _, err := c.raw.Write(b); err != nil {
			return err
		}
	}
}

// fill waits for bytes of the other side. readMu is held.
func (c *Conn) fill() error {
	if c.readBuf == nil {
		c.readBuf = make([]byte, maxRecord+512)
	}
	b := c.readBuf
	n, err := c.raw.Read(b)
	if n > 0 {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.ssl == nil {
			return errClosed
		}
		if C.BIO_write(c.in, unsafe.Pointer(&b[0]), C.int(n)) != C.int(n) {
			return errors.New("libssl: no memory")
		}
		return nil
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF // the other side has not said that this is the end
	}
	return err
}

// HandshakeContext makes the handshake unless it is made; Read and Write do so too. The first error stays.
func (c *Conn) HandshakeContext(ctx context.Context) error {
	if c.shaken.Load() {
		return nil
	}
	c.shakeMu.Lock()
	defer c.shakeMu.Unlock()
	if c.failure != nil || c.shaken.Load() {
		return c.failure
	}
	stop := context.AfterFunc(ctx, func() { _ = c.raw.SetDeadline(time.Unix(1, 0)) }) // wakes up whoever waits
	c.readMu.Lock()
	c.failure = c.shake()
	c.readMu.Unlock()
	if !stop() && c.failure == nil {
		c.failure = ctx.Err() // the deadline is spoilt
	}
	if c.failure != nil {
		if ctx.Err() != nil {
			c.failure = ctx.Err()
		}
		return c.failure
	}
	c.shaken.Store(true)
	return nil
}

func (c *Conn) shake() error {
	for {
		_, again, err := c.step(doHandshake, nil)
		if flushed := c.flush(); err == nil { // an alert as well
			err = flushed
		}
		if err != nil {
			return err
		}
		if !again {
			return nil
		}
		if err := c.fill(); err != nil {
			return err
		}
	}
}

// Read reads what the other side has sent.
func (c *Conn) Read(b []byte) (int, error) {
	if err := c.HandshakeContext(context.Background()); err != nil {
		return 0, err
	}
	if len(b) == 0 {
		return 0, nil
	}
	c.readMu.Lock()
	defer c.readMu.Unlock()
	for {
		n, again, err := c.step(doRead, b)
		if flushed := c.flush(); err == nil && n == 0 {
			err = flushed // answers of OpenSSL, such as a new key
		}
		if n > 0 || err != nil {
			return n, err
		}
		if again {
			if err := c.fill(); err != nil {
				return 0, err
			}
		}
	}
}

// Write sends b.
func (c *Conn) Write(b []byte) (sent int, err error) {
	if err := c.HandshakeContext(context.Background()); err != nil {
		return 0, err
	}
	sent, err = c.write(b)
	if flushed := c.flush(); err == nil { // what Read has left to us
		err = flushed
	}
	return sent, err
}

func (c *Conn) write(b []byte) (sent int, err error) {
	c.writeMu.Lock()
	defer c.writeMu.Unlock()
	for len(b) > 0 {
		n, again, err := c.step(doWrite, b[:min(len(b), maxRecord)])
		if again {
			err = errors.New("libssl: the other side wants to renegotiate")
		}
		if err == nil {
			err = c.flushLocked()
		}
		if err != nil {
			return sent, err
		}
		sent += n
		b = b[n:]
	}
	return sent, nil
}

// closePatience is how long Close tries to say goodbye.
const closePatience = 5 * time.Second

// Close says goodbye if the handshake was made, and closes. It may be called while others read and write, which ends them.
func (c *Conn) Close() error {
	if c.shaken.Load() && c.writeMu.TryLock() { // who writes has no time for goodbyes
		if err := c.raw.SetWriteDeadline(time.Now().Add(closePatience)); err == nil {
			_, _, _ = c.step(doShutdown, nil)
			_ = c.flushLocked()
		}
		c.writeMu.Unlock()
	}
	err := c.raw.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ssl == nil {
		return errClosed
	}
	C.SSL_free(c.ssl)
	c.ssl, c.in, c.out = nil, nil, nil
	c.handle.Delete()
	return err
}

// State returns what was negotiated; it is empty before the handshake and after Close.
func (c *Conn) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ssl == nil || !c.shaken.Load() {
		return State{}
	}
	s := c.state
	s.Protocol = C.GoString(C.SSL_get_version(c.ssl))
	s.Cipher = C.GoString(C.SSL_CIPHER_get_name(C.SSL_get_current_cipher(c.ssl)))
	s.Group = strings.TrimSuffix(C.GoString(C.mb_group(c.ssl)), "tls13")
	s.ExtendedMasterSecret = C.mb_ems(c.ssl) != 0
	return s
}

// LocalAddr returns the own address.
func (c *Conn) LocalAddr() net.Addr { return c.raw.LocalAddr() }

// RemoteAddr returns the address of the other side.
func (c *Conn) RemoteAddr() net.Addr { return c.raw.RemoteAddr() }

// SetDeadline bounds reading and writing, and the handshake that belongs to it.
func (c *Conn) SetDeadline(t time.Time) error { return c.raw.SetDeadline(t) }

// SetReadDeadline bounds reading.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.raw.SetReadDeadline(t) }

// SetWriteDeadline bounds writing.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.raw.SetWriteDeadline(t) }

// Transport returns an http.Transport that makes its connections with TLS; own tells whose identity a request is sent with from
// the request's context. dial opens connections; nil: net.Dialer. No connection is used twice, so that none is used for another
// MP-ID.
func (x *Context) Transport(own func(context.Context) string, dial Dial) *http.Transport {
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	return &http.Transport{
		DialTLSContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, dialPatience)
			defer cancel()
			host, _, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			raw, err := dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return x.Client(ctx, raw, own(ctx), host)
		},
		DisableCompression: true, DisableKeepAlives: true,
	}
}

// dialPatience bounds connection and handshake.
const dialPatience = 30 * time.Second

type connKey struct{}

// ConnContext is for http.Server.ConnContext: it lets ClientCertificate find the connection of a request.
func ConnContext(ctx context.Context, c net.Conn) context.Context {
	if conn, ok := c.(*Conn); ok {
		return context.WithValue(ctx, connKey{}, conn)
	}
	return ctx
}

// ClientCertificate returns the certificate that the client of a request has shown and that Verify has found good.
func ClientCertificate(r *http.Request) (*x509.Certificate, error) {
	c, _ := r.Context().Value(connKey{}).(*Conn)
	if c == nil {
		return nil, errors.New("libssl: the request did not come over a connection of this package")
	}
	peer := c.State().Peer
	if len(peer) == 0 {
		return nil, errors.New("libssl: the client has shown no certificate")
	}
	return peer[0], nil
}
