package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Egress sends requests to partners through nginx. It is an http.RoundTripper that follows no redirect and keeps nothing
// between two requests. Safe for concurrent use.
//
// The gateway looks up the partner's host itself, IPv4 first, which every endpoint has to offer, and names nginx the
// address; if nothing answers there, the next one is tried.
type Egress struct {
	// Lookup returns the addresses of a host. Default: the resolver of the system.
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)
	// Verify, if set, is asked before every request of an own MP-ID whether the server that has the name host may be called at
	// address (IP:port): it is for what nginx does not check. Verifier.Verify is one.
	Verify func(ctx context.Context, mpID, host, address string) error

	log       string // of nginx, for reasons
	transport *http.Transport
}

// NewEgress returns an egress through the socket of nginx.
func NewEgress(socket string) *Egress {
	var dialer net.Dialer
	return &Egress{
		Lookup: func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		},
		log: filepath.Join(filepath.Dir(socket), "egress.log"),
		transport: &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return dialer.DialContext(ctx, "unix", socket)
			},
			DisableCompression: true,
			// A connection that nginx has just closed would fail a message that could be sent; a new one costs nothing.
			DisableKeepAlives: true,
			// Longer than all that nginx waits for: it has the better words.
			ResponseHeaderTimeout: 2*connectTimeout + responseTimeout + idleTimeout,
		},
	}
}

type sendAsKey struct{}

// SendAs returns a context whose requests an Egress sends with the TLS certificate of an own MP-ID.
func SendAs(ctx context.Context, mpID string) context.Context {
	return context.WithValue(ctx, sendAsKey{}, mpID)
}

// Unsent is the error of a request that did not get to the partner, or got no answer.
type Unsent struct {
	Host    string // host of the partner
	Address string // host:port that was called last; "" if the host has none
	Began   bool   // something may have arrived: the partner can have the message although it did not answer
	Reason  string // for the operator: what nginx says
	Err     error
}

// Error tells host, address and reason.
func (u *Unsent) Error() string {
	s := "as4: " + u.Host
	if u.Address != "" && !strings.HasPrefix(u.Address, u.Host) {
		s += " (" + u.Address + ")"
	}
	s += ": " + u.Reason
	if u.Err != nil {
		s += ": " + u.Err.Error()
	}
	return s
}

// Unwrap returns the cause, nil if there is only what nginx says.
func (u *Unsent) Unwrap() error { return u.Err }

// Temporary is true: partners come back, certificates are renewed, and nginx is started again.
func (u *Unsent) Temporary() bool { return true }

// RoundTrip implements http.RoundTripper. The URL must be https, and the context must come from SendAs. A response is one of
// the partner, whatever its status; everything else is an error, most of them *Unsent.
func (e *Egress) RoundTrip(req *http.Request) (*http.Response, error) {
	mpID, _ := req.Context().Value(sendAsKey{}).(string)
	host, port, err := endpoint(req.URL)
	if err == nil && !mpIDForm.MatchString(mpID) {
		err = errors.New("as4: egress: the request does not say which own MP-ID sends it")
	}
	if err != nil {
		closeBody(req)
		return nil, err
	}
	addresses, err := e.addresses(req.Context(), host)
	if err != nil {
		closeBody(req)
		return nil, &Unsent{Host: host, Reason: "no address", Err: err}
	}
	for i, address := range addresses {
		target := netip.AddrPortFrom(address, port).String()
		if e.Verify != nil {
			if err := e.Verify(req.Context(), mpID, host, target); err != nil {
				if _, closed := errors.AsType[*NotShaken](err); closed && i < len(addresses)-1 {
					continue
				}
				closeBody(req)
				return nil, &Unsent{Host: host, Address: target, Reason: "not called", Err: err}
			}
		}
		resp, err := e.send(req, mpID, host, target)
		var unsent *Unsent
		if !errors.As(err, &unsent) || unsent.Began || i == len(addresses)-1 {
			return resp, err
		}
		again, ok := rewind(req)
		if !ok {
			return nil, err
		}
		req = again
	}
	panic("unreachable: addresses returns at least one")
}

// endpoint returns host and port of an https URL.
func endpoint(u *url.URL) (host string, port uint16, err error) {
	host = strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if u.Scheme != "https" || host == "" || u.User != nil {
		return "", 0, fmt.Errorf("as4: egress: the endpoint %s is no https URL of a host", u.Redacted())
	}
	if u.Port() == "" {
		return host, 443, nil
	}
	p, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil || p == 0 {
		return "", 0, fmt.Errorf("as4: egress: the endpoint %s has no valid port", u.Redacted())
	}
	return host, uint16(p), nil
}

// maxAddresses bounds how many addresses of a host are tried.
const maxAddresses = 4

func (e *Egress) addresses(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a.Unmap().WithZone("")}, nil
	}
	list, err := e.Lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	for i := range list {
		list[i] = list[i].Unmap().WithZone("")
	}
	slices.SortStableFunc(list, func(a, b netip.Addr) int { return a.BitLen() - b.BitLen() })
	list = slices.Compact(list)
	if len(list) == 0 {
		return nil, errors.New("the name has no address")
	}
	return list[:min(len(list), maxAddresses)], nil
}

// send makes one attempt at one address.
func (e *Egress) send(req *http.Request, mpID, host, target string) (*http.Response, error) {
	out := req.Clone(req.Context())
	out.URL.Scheme, out.URL.Host, out.Host = "http", mpID, mpID
	out.Header.Set("Marktbote-Address", target)
	out.Header.Set("Marktbote-Name", host)
	out.Header.Set("Marktbote-Host", req.URL.Host)
	resp, err := e.transport.RoundTrip(out)
	if err != nil {
		// The socket is of this machine: without an answer the partner may have all of it or nothing.
		var op *net.OpError
		dial := errors.As(err, &op) && op.Op == "dial"
		reason := "nginx broke off"
		if dial {
			reason = "nginx cannot be reached"
		}
		return nil, &Unsent{Host: host, Address: target, Began: !dial, Reason: reason, Err: err}
	}
	failed := resp.Header.Get("Marktbote-Failed")
	if failed == "" {
		return resp, nil
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 4<<10)) // its own page
	_ = resp.Body.Close()
	connection, connected, _ := strings.Cut(failed, " ")
	return nil, &Unsent{Host: host, Address: target, Began: connected != "-" && connected != "", Reason: e.reason(connection)}
}

// maxLogTail is how much of nginx's log is searched for a reason, in bytes.
const maxLogTail = 64 << 10

// connectionForm is $connection.
var connectionForm = regexp.MustCompile(`^\d{1,20}$`)

// reason returns what nginx wrote about a connection. It writes before it answers.
func (e *Egress) reason(connection string) string {
	const unknown = "the proxy got no answer; egress.log of nginx may tell why"
	if !connectionForm.MatchString(connection) {
		return "the proxy does not send for this MP-ID"
	}
	file, err := os.Open(e.log)
	if err != nil {
		return unknown
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && info.Size() > maxLogTail {
		if _, err := file.Seek(-maxLogTail, io.SeekEnd); err != nil {
			return unknown
		}
	}
	tail, err := io.ReadAll(io.LimitReader(file, maxLogTail))
	if err != nil {
		return unknown
	}
	var words []string
	for line := range bytes.Lines(tail) {
		_, after, ok := bytes.Cut(line, []byte(": *"+connection+" "))
		if !ok {
			continue
		}
		text, _, _ := bytes.Cut(after, []byte(", client: "))
		text, _, _ = bytes.Cut(text, []byte(" while "))
		words = append(words, oneLine(string(text)))
	}
	if len(words) == 0 {
		return unknown
	}
	return strings.Join(words[:min(len(words), 3)], "; ")
}

// rewind returns the request with its body from the beginning, false if that is not possible.
func rewind(req *http.Request) (*http.Request, bool) {
	if req.Body == nil || req.Body == http.NoBody {
		return req, true
	}
	if req.GetBody == nil {
		return nil, false
	}
	body, err := req.GetBody()
	if err != nil {
		return nil, false
	}
	again := req.Clone(req.Context())
	again.Body = body
	return again, true
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close() // it was not read
	}
}
