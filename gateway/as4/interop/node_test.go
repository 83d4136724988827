package interop

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/marktbote/marktbote/gateway/as4"
	"github.com/marktbote/marktbote/gateway/as4/smpki"
	"github.com/marktbote/marktbote/gateway/partner"
	"github.com/marktbote/marktbote/store"
	"github.com/marktbote/marktbote/store/sqlite"
)

// node is Marktbote as a partner: an as4.Node with a store of its own, reachable over HTTP on loopback.
type node struct {
	*as4.Node
	st  store.Store
	url string

	mu       sync.Mutex
	files    map[string][]byte // what was handed on, by Delivery.ID
	requests [][]byte          // bodies as they came, except large ones
	kinds    []string          // their Content-Types
}

// open makes a node for one MP-ID from the directory of a test PKI, see testdata/pki/make.sh.
func open(t *testing.T, dir, mpID string, transport http.RoundTripper) *node {
	t.Helper()
	n := openNode(t, dir, mpID, func(o *as4.Options) { o.Transport = transport })
	server := httptest.NewServer(n.recorder())
	t.Cleanup(server.Close)
	n.url = server.URL + "/as4"
	return n
}

// openNode is open without an HTTP server.
func openNode(t *testing.T, dir, mpID string, change func(o *as4.Options)) *node {
	t.Helper()
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	// The chain of any certificate holds the Sub-CA.
	chain := readCertificates(t, filepath.Join(dir, mpID, "signature.pem"))
	d, err := partner.Open(t.Context(), partner.Options{
		Store: st, Environment: smpki.Test, Roots: readCertificates(t, filepath.Join(dir, "root.pem")), CAs: chain[1:],
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range []string{"root", "sub"} {
		importFile(t, d, readFile(t, filepath.Join(dir, "crl", list+".pem")))
	}
	in := partner.KeyImport{Who: "test"}
	for _, usage := range []string{"signature", "encryption", "tls"} {
		name := filepath.Join(dir, mpID, usage)
		in.Files = append(in.Files, partner.File{Name: usage + ".key", Data: readFile(t, name+".key")},
			partner.File{Name: usage + ".pem", Data: certificates(readCertificates(t, name+".pem")[0])})
	}
	if _, err := d.Keys().Import(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	n := &node{st: st, files: map[string][]byte{}}
	o := as4.Options{
		Store: st, Inbox: n, Directory: d, IsOwn: func(id string) bool { return id == mpID }, Host: "us.example",
		Log: zap.NewNop(), Metrics: prometheus.NewRegistry(),
	}
	change(&o)
	n.Node = as4.New(o)
	return n
}

// recorder keeps what comes in.
func (n *node) recorder() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var b bytes.Buffer
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.TeeReader(r.Body, &b), r.Body}
		n.ServeHTTP(w, r)
		n.mu.Lock()
		defer n.mu.Unlock()
		n.requests, n.kinds = append(n.requests, b.Bytes()), append(n.kinds, r.Header.Get("Content-Type"))
	})
}

// Receive implements as4.Inbox.
func (n *node) Receive(ctx context.Context, d as4.Delivery) error {
	body, err := io.ReadAll(d.Body)
	if err != nil {
		return err
	}
	p, err := n.st.PutPayload(ctx, bytes.NewReader(body))
	if err != nil {
		return err
	}
	err = n.st.Update(ctx, func(tx store.Tx) error {
		id, err := tx.InsertInterchange(store.Interchange{
			Direction: store.In, Channel: "as4", ReceivedID: d.ID, ReceivedAt: d.At, PayloadDigest: p.Digest, PayloadSize: p.Size,
			State: store.StateReceived,
		})
		if err != nil {
			return err
		}
		return d.Keep(tx, id)
	})
	if err == nil {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.files[d.ID] = body
	}
	return err
}

// take returns what was handed on since the last call.
func (n *node) take() map[string][]byte {
	n.mu.Lock()
	defer n.mu.Unlock()
	files := n.files
	n.files = map[string][]byte{}
	return files
}

// introduce makes a partner known.
func (n *node) introduce(t *testing.T, mpID, url string, encryption *x509.Certificate) {
	t.Helper()
	p := partner.New(mpID)
	p.Endpoint = url
	if err := n.Directory.Put(t.Context(), p, "test", "test"); err != nil {
		t.Fatal(err)
	}
	importFile(t, n.Directory, certificates(encryption))
}

func importFile(t *testing.T, d *partner.Directory, data []byte) {
	t.Helper()
	list, err := d.Import(t.Context(), data, "test")
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range list {
		if x.Problem != nil {
			t.Fatal(x.Problem)
		}
	}
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func readCertificates(t *testing.T, name string) (list []*x509.Certificate) {
	t.Helper()
	data := readFile(t, name)
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			return list
		}
		c, err := smpki.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, c)
	}
}
