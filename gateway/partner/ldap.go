package partner

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"github.com/marktbote/marktbote/gateway/config"
)

// NOTE. Answers of LDAP servers are bounded twice: a connection gives maxFetchBytes at most, and the reader of BER, which
// would take a server's word for how much memory it needs, refuses elements that are longer. It has one limit for the whole
// program; nothing else here reads BER.

// maxEntries bounds how many entries a search returns.
const maxEntries = 200

// place is where something is in an LDAP directory.
//
// Spec: RFC 4516 2
type place struct {
	scheme, address string // host:port
	host            string
	dn              string
	attributes      []string
	scope           int
	filter          string
}

// parsePlace reads an LDAP URL. Without a scope it is the entry itself.
func parsePlace(text string) (p place, err error) {
	scheme, rest, ok := strings.Cut(text, "://")
	p.scheme = strings.ToLower(scheme)
	if !ok || p.scheme != "ldap" && p.scheme != "ldaps" {
		return p, errors.New("not a URL of ldap or ldaps")
	}
	authority, rest, _ := strings.Cut(rest, "/")
	u, err := url.Parse(p.scheme + "://" + authority)
	if err != nil || u.Hostname() == "" || u.User != nil {
		return p, errors.New("URL without a host")
	}
	p.host = u.Hostname()
	port := u.Port()
	if port == "" {
		port = map[string]string{"ldap": "389", "ldaps": "636"}[p.scheme]
	}
	p.address = net.JoinHostPort(p.host, port)
	parts := strings.Split(rest, "?")
	for i, part := range parts {
		if unescaped, err := url.PathUnescape(part); err == nil { // else somebody did not know that % must be escaped
			parts[i] = unescaped
		}
	}
	parts = append(parts, "", "", "", "")
	p.dn, p.filter = parts[0], parts[3]
	if parts[1] != "" {
		p.attributes = strings.Split(parts[1], ",")
	}
	switch strings.ToLower(parts[2]) {
	case "", "base":
		p.scope = ldap.ScopeBaseObject
	case "one":
		p.scope = ldap.ScopeSingleLevel
	case "sub":
		p.scope = ldap.ScopeWholeSubtree
	default:
		return p, fmt.Errorf("scope %q is none of base, one, sub", parts[2])
	}
	if p.filter == "" {
		p.filter = "(objectClass=*)"
	}
	return p, nil
}

// fetchLDAP gets the one value at an LDAP URL, a revocation list.
func (d *Directory) fetchLDAP(ctx context.Context, text string) ([]byte, error) {
	p, err := parsePlace(text)
	if err != nil {
		return nil, err
	}
	if len(p.attributes) == 0 {
		p.attributes = []string{"certificateRevocationList"}
	}
	values, err := d.search(ctx, p)
	if err != nil {
		return nil, err
	}
	if len(values) == 0 {
		return nil, fmt.Errorf("the server knows the entry, but without %s", strings.Join(p.attributes, ", "))
	}
	return values[0], nil
}

// lookup gets the certificates of an MP-ID from a directory of a CA.
func (d *Directory) lookup(ctx context.Context, dir config.LDAPDirectory, mpID string) ([][]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	p, err := parsePlace(dir.URL)
	if err != nil {
		return nil, err
	}
	filter := dir.Filter
	if filter == "" {
		filter = "(ou={mp_id})"
	}
	p.dn, p.scope = dir.Base, ldap.ScopeWholeSubtree
	p.filter = strings.ReplaceAll(filter, "{mp_id}", ldap.EscapeFilter(mpID))
	p.attributes = []string{"userCertificate"}
	return d.search(ctx, p)
}

// search asks an LDAP server for binary values, without logging in.
func (d *Directory) search(ctx context.Context, p place) ([][]byte, error) {
	limitBER()
	raw, err := d.opts.Dial(ctx, "tcp", p.address)
	if err != nil {
		return nil, err
	}
	defer func() { _ = raw.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = raw.Close() })
	defer stop()
	var conn net.Conn = &boundedConn{Conn: raw, left: maxFetchBytes}
	if p.scheme == "ldaps" {
		secure := tls.Client(conn, &tls.Config{ServerName: p.host, MinVersion: tls.VersionTLS12})
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, err
		}
		conn = secure
	}
	c := ldap.NewConn(conn, p.scheme == "ldaps")
	c.Start()
	defer func() { _ = c.Close() }()
	// Some servers give binary values only under the name with ;binary.
	attributes := slices.Clone(p.attributes)
	for _, a := range p.attributes {
		if !strings.Contains(a, ";") {
			attributes = append(attributes, a+";binary")
		}
	}
	result, err := c.Search(&ldap.SearchRequest{
		BaseDN: p.dn, Scope: p.scope, DerefAliases: ldap.DerefAlways, SizeLimit: maxEntries, TimeLimit: int(fetchTimeout / time.Second),
		Filter: p.filter, Attributes: attributes, EnforceSizeLimit: true,
	})
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("no answer in time: %w", ctx.Err())
	case ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject):
		return nil, fmt.Errorf("the server does not know the entry %q", p.dn)
	case err != nil:
		return nil, fmt.Errorf("LDAP: %w", err)
	}
	var values [][]byte
	for _, entry := range result.Entries {
		for _, a := range entry.Attributes {
			name, _, _ := strings.Cut(a.Name, ";")
			if slices.ContainsFunc(p.attributes, func(want string) bool {
				want, _, _ = strings.Cut(want, ";")
				return strings.EqualFold(want, name)
			}) {
				values = append(values, a.ByteValues...)
			}
		}
	}
	return values, nil
}

// limitBER sets the limit of the reader of BER.
var limitBER = sync.OnceFunc(func() { ber.MaxPacketLengthBytes = maxFetchBytes })

// boundedConn is a connection that gives so many bytes at most.
type boundedConn struct {
	net.Conn
	left int
}

// Read implements net.Conn.
func (c *boundedConn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errTooLarge
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}
