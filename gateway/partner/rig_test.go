package partner

import (
	"context"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"go.uber.org/goleak"

	"github.com/marktbote/marktbote/gateway/as4/smpki"
	"github.com/marktbote/marktbote/gateway/as4/testpki"
	"github.com/marktbote/marktbote/gateway/config"
	"github.com/marktbote/marktbote/store"
	"github.com/marktbote/marktbote/store/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	lieferant = "9900000000001"
	netz      = "9900000000002"
)

// rig is a directory with a PKI whose lists are on real servers.
type rig struct {
	*Directory
	pki   *testpki.PKI
	store store.Store
	http  *httpServer
	ldap  *ldapServer

	mu  sync.Mutex
	now time.Time
}

// newRig makes one. The list of the Sub-CA is on an HTTP server, that of the root on an LDAP server.
func newRig(t *testing.T, change ...func(*rig, *Options)) *rig {
	t.Helper()
	r := &rig{now: time.Now().Truncate(time.Second), http: newHTTPServer(t), ldap: newLDAPServer(t)}
	const rootDN = "cn=SM-Test-Root.CA,o=SM-Test-PKI-DE,c=DE"
	var err error
	r.pki, err = testpki.New(testpki.DistributionPoints("ldap://"+r.ldap.address+"/"+rootDN+"?certificateRevocationList", r.http.url+"/sub.crl"),
		testpki.Clock(r.clock))
	if err != nil {
		t.Fatal(err)
	}
	r.publish(t, time.Hour)
	r.store, err = sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.store.Close(); err != nil {
			t.Error(err)
		}
	})
	opts := Options{
		Store: r.store, Environment: smpki.Test, Roots: []*x509.Certificate{r.pki.Root},
		CAs: []*x509.Certificate{r.pki.SubCA, r.pki.CRLSigner}, Now: r.clock,
	}
	for _, c := range change {
		c(r, &opts)
	}
	r.Directory, err = Open(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// fetched is newRig after the first refresh.
func fetched(t *testing.T, change ...func(*rig, *Options)) *rig {
	t.Helper()
	r := newRig(t, append(change, func(r *rig, o *Options) { o.CRLs = []config.CRLSource{{URL: r.http.url + "/sub.crl"}} })...)
	if err := r.Revocation().Refresh(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *rig) clock() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.now
}

func (r *rig) pass(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = r.now.Add(d)
}

// publish puts lists on the servers that were made some time ago and are to be renewed a week later.
func (r *rig) publish(t *testing.T, age time.Duration) {
	t.Helper()
	made := r.clock().Add(-age)
	sub, err := r.pki.CRLAt(r.pki.SubCA, made, made.AddDate(0, 0, 7))
	if err != nil {
		t.Fatal(err)
	}
	root, err := r.pki.CRLAt(r.pki.Root, made, made.AddDate(0, 0, 7))
	if err != nil {
		t.Fatal(err)
	}
	r.http.set("/sub.crl", sub.Raw)
	r.ldap.set("cn=SM-Test-Root.CA,o=SM-Test-PKI-DE,c=DE", map[string][][]byte{"certificateRevocationList;binary": {root.Raw}})
}

// triple issues a triple.
func (r *rig) triple(t *testing.T, mpID string, opts ...testpki.LeafOption) testpki.Triple {
	t.Helper()
	tr, err := r.pki.Triple(mpID, "as4.example", opts...)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// learn keeps the certificates as if a message had brought them.
func (r *rig) learn(t *testing.T, pairs ...testpki.Pair) {
	t.Helper()
	for _, p := range pairs {
		if err := r.Learn(t.Context(), p.Path, "test"); err != nil {
			t.Fatal(err)
		}
	}
}

// httpServer serves a few bytes under each path.
type httpServer struct {
	url string

	mu     sync.Mutex
	files  map[string][]byte
	asked  map[string]int
	handle http.HandlerFunc // instead of files
}

func newHTTPServer(t *testing.T) *httpServer {
	s := &httpServer{files: map[string][]byte{}, asked: map[string]int{}}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	s.url = srv.URL
	return s
}

func (s *httpServer) set(path string, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files[path] = data
}

func (s *httpServer) count(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[path]
}

// ServeHTTP implements http.Handler.
func (s *httpServer) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	s.mu.Lock()
	data, ok := s.files[req.URL.Path]
	s.asked[req.URL.Path]++
	handle := s.handle
	s.mu.Unlock()
	switch {
	case handle != nil:
		handle(w, req)
	case !ok:
		http.NotFound(w, req)
	default:
		_, _ = w.Write(data)
	}
}

// ldapServer answers searches: entries by DN, or by the value that the filter is for.
type ldapServer struct {
	address string

	mu      sync.Mutex
	entries map[string]map[string][][]byte
	filters []string // of the searches that came
	garbage []byte   // sent instead of an answer
}

func newLDAPServer(t *testing.T) *ldapServer {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &ldapServer{address: l.Addr().String(), entries: map[string]map[string][][]byte{}}
	ctx, cancel := context.WithCancel(t.Context())
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conns.Go(func() {
				defer func() { _ = conn.Close() }()
				stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
				defer stop()
				s.serve(conn)
			})
		}
	})
	t.Cleanup(func() {
		cancel()
		_ = l.Close()
		conns.Wait()
	})
	return s
}

func (s *ldapServer) set(dn string, attributes map[string][][]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries[dn] = attributes
}

func (s *ldapServer) serve(conn net.Conn) {
	for {
		req, err := ber.ReadPacket(conn)
		if err != nil || len(req.Children) < 2 {
			return
		}
		id, _ := req.Children[0].Value.(int64)
		op := req.Children[1]
		if op.Tag != 3 { // search
			return
		}
		dn, _ := op.Children[0].Value.(string)
		scope, _ := op.Children[1].Value.(int64)
		s.mu.Lock()
		garbage := s.garbage
		filter := ""
		if f := op.Children[6]; f.Tag == 3 { // equalityMatch
			filter = f.Children[0].Data.String() + "=" + f.Children[1].Data.String()
		}
		s.filters = append(s.filters, filter)
		found := map[string]map[string][][]byte{}
		for name, attributes := range s.entries {
			if name == dn && scope == 0 || scope == 2 && filter != "" && strings.Contains(name, filter) && strings.HasSuffix(name, dn) {
				found[name] = attributes
			}
		}
		s.mu.Unlock()
		if garbage != nil {
			_, _ = conn.Write(garbage)
			continue
		}
		for name, attributes := range found {
			entry := ber.Encode(ber.ClassApplication, ber.TypeConstructed, 4, nil, "")
			entry.AppendChild(octets([]byte(name)))
			list := ber.NewSequence("")
			for attribute, values := range attributes {
				a := ber.NewSequence("")
				a.AppendChild(octets([]byte(attribute)))
				set := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "")
				for _, v := range values {
					set.AppendChild(octets(v))
				}
				a.AppendChild(set)
				list.AppendChild(a)
			}
			entry.AppendChild(list)
			answer(conn, id, entry)
		}
		code := int64(0)
		if scope == 0 && len(found) == 0 {
			code = 32
		}
		done := ber.Encode(ber.ClassApplication, ber.TypeConstructed, 5, nil, "")
		done.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, code, ""))
		done.AppendChild(octets(nil))
		done.AppendChild(octets(nil))
		answer(conn, id, done)
	}
}

func octets(b []byte) *ber.Packet {
	return ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, string(b), "")
}

func answer(w io.Writer, id int64, op *ber.Packet) {
	p := ber.NewSequence("")
	p.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, id, ""))
	p.AppendChild(op)
	_, _ = w.Write(p.Bytes())
}
