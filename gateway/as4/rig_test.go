package as4

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/marktbote/marktbote/gateway/as4/ebms"
	"github.com/marktbote/marktbote/gateway/as4/smpki"
	"github.com/marktbote/marktbote/gateway/as4/swa"
	"github.com/marktbote/marktbote/gateway/as4/testpki"
	"github.com/marktbote/marktbote/gateway/as4/wss"
	"github.com/marktbote/marktbote/gateway/as4/xmltree"
	"github.com/marktbote/marktbote/gateway/partner"
	"github.com/marktbote/marktbote/store"
	"github.com/marktbote/marktbote/store/sqlite"
)

// The parties of the tests.
const (
	lieferant = "9900000000001"
	netz      = "9900000000002"
	fremder   = "9900000000003"
)

// house is a node with its own store, reachable over HTTP on loopback.
type house struct {
	*Node
	t      testing.TB
	mpID   string
	st     store.Store
	dir    string
	url    string
	triple testpki.Triple

	mu    sync.Mutex
	files map[string][]byte // by Delivery.ID
	calls int               // of Receive
}

// Receive implements Inbox.
func (h *house) Receive(ctx context.Context, d Delivery) error {
	body, err := io.ReadAll(d.Body)
	if err != nil {
		return err
	}
	p, err := h.st.PutPayload(ctx, bytes.NewReader(body))
	if err != nil {
		return err
	}
	err = h.st.Update(ctx, func(tx store.Tx) error {
		id, err := tx.InsertInterchange(store.Interchange{
			Direction: store.In, Channel: "as4", ReceivedID: d.ID, ReceivedAt: d.At, PayloadDigest: p.Digest, PayloadSize: p.Size,
			State: store.StateReceived,
		})
		if err != nil {
			return err
		}
		return d.Keep(tx, id)
	})
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls++
	if err == nil {
		h.files[d.ID] = body
	}
	return err
}

// got returns what was handed on, by Delivery.ID.
func (h *house) got() map[string][]byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	return maps.Clone(h.files)
}

// asked returns how often something was handed on, or tried to be.
func (h *house) asked() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.calls
}

// town is a test PKI with houses that know each other.
type town struct {
	t      testing.TB
	pki    *testpki.PKI
	houses map[string]*house
}

func newTown(t testing.TB, change ...func(mpID string, o *Options)) *town {
	t.Helper()
	pki, err := testpki.New()
	if err != nil {
		t.Fatal(err)
	}
	w := &town{t: t, pki: pki, houses: map[string]*house{}}
	for _, mpID := range []string{lieferant, netz} {
		w.houses[mpID] = w.open(mpID, change...)
	}
	for _, h := range w.houses {
		for _, other := range w.houses {
			if other != h {
				h.introduce(other.mpID, other.url, other.triple.Encryption.Certificate)
			}
		}
	}
	return w
}

// open starts a house.
func (w *town) open(mpID string, change ...func(mpID string, o *Options)) *house {
	t := w.t
	t.Helper()
	dir := t.TempDir()
	h, o, err := openHouse(t.Context(), dir, mpID, []*x509.Certificate{w.pki.Root}, []*x509.Certificate{w.pki.SubCA, w.pki.CRLSigner})
	if err != nil {
		t.Fatal(err)
	}
	h.t, h.dir = t, dir
	t.Cleanup(func() { _ = h.st.Close() })
	if h.triple, err = w.pki.Triple(mpID, mpID+".example"); err != nil {
		t.Fatal(err)
	}
	h.keys(o.Directory, w.pki, h.triple)
	for _, f := range change {
		f(mpID, &o)
	}
	h.Node = New(o)
	server := httptest.NewServer(h.Node)
	t.Cleanup(server.Close)
	h.url = server.URL + "/as4"
	return h
}

// openHouse opens the store of a house and returns what its node is made from.
func openHouse(ctx context.Context, dir, mpID string, roots, cas []*x509.Certificate) (*house, Options, error) {
	st, err := sqlite.Open(ctx, filepath.Join(dir, "store.db"))
	if err != nil {
		return nil, Options{}, err
	}
	h := &house{mpID: mpID, st: st, files: map[string][]byte{}}
	d, err := partner.Open(ctx, partner.Options{Store: st, Environment: smpki.Test, Roots: roots, CAs: cas})
	return h, Options{
		Store: st, Inbox: h, Directory: d, IsOwn: func(id string) bool { return id == mpID }, Host: mpID + ".example",
		Log: zap.NewNop(), Metrics: prometheus.NewRegistry(),
	}, err
}

// send sends a file.
func (h *house) send(to, key, text string) (time.Time, error) {
	return h.Send(h.t.Context(), Message{
		Key: key, From: h.mpID, To: to, DocumentType: "UTILMD", DocumentNo: key, Created: time.Now(), Body: bytes.NewReader([]byte(text)),
	})
}

func (h *house) transmission(direction store.Direction, key string) (row store.Transmission) {
	h.t.Helper()
	err := h.st.View(h.t.Context(), func(tx store.Tx) (err error) {
		row, err = tx.Transmission(direction, key)
		return err
	})
	if err != nil {
		h.t.Fatalf("transmission %s: %v", key, err)
	}
	return row
}

// keys gives a house its keys.
func (h *house) keys(d *partner.Directory, pki *testpki.PKI, triple testpki.Triple) {
	h.t.Helper()
	in := partner.KeyImport{Who: "test"}
	for _, p := range []testpki.Pair{triple.Signature, triple.Encryption, triple.TLS} {
		key, err := smpki.MarshalKey(p.Key, nil)
		if err != nil {
			h.t.Fatal(err)
		}
		in.Files = append(in.Files, partner.File{Name: "key", Data: key},
			partner.File{Name: "certificate", Data: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Certificate.Raw})})
	}
	h.lists(d, pki, time.Now().Add(-time.Hour))
	if _, err := d.Keys().Import(h.t.Context(), in); err != nil {
		h.t.Fatal(err)
	}
}

// lists gives a house the revocation lists of an instant.
func (h *house) lists(d *partner.Directory, pki *testpki.PKI, at time.Time) {
	h.t.Helper()
	for _, issuer := range []*x509.Certificate{pki.Root, pki.SubCA} {
		list, err := pki.CRLAt(issuer, at, at.Add(7*24*time.Hour))
		if err != nil {
			h.t.Fatal(err)
		}
		h.importFile(d, pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: list.Raw}))
	}
}

func (h *house) importFile(d *partner.Directory, data []byte) {
	h.t.Helper()
	list, err := d.Import(h.t.Context(), data, "test")
	if err != nil {
		h.t.Fatal(err)
	}
	for _, x := range list {
		if x.Problem != nil {
			h.t.Fatal(x.Problem)
		}
	}
}

// introduce makes a partner known.
func (h *house) introduce(mpID, url string, encryption *x509.Certificate) {
	h.t.Helper()
	p := partner.New(mpID)
	p.Endpoint = url
	if err := h.Directory.Put(h.t.Context(), p, "test", "test"); err != nil {
		h.t.Fatal(err)
	}
	h.importFile(h.Directory, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: encryption.Raw}))
}

// forged is a message that is made step by step, so that a test can spoil each; nil steps leave it as it should be.
type forged struct {
	signer  testpki.Pair // zero: a good one
	header  func(m *ebms.UserMessage)
	tree    func(root *xmltree.Element) // before it is signed
	signed  func(env *wss.Envelope, parts []wss.Part) []wss.Part
	sealed  func(env *wss.Envelope, parts []wss.Part) []wss.Part
	bytes   func(body []byte) []byte
	payload []byte // of the part as it is signed; nil: gzip of text
	plain   bool   // not encrypted
	bare    bool   // not signed
	empty   bool   // without parts
}

// make returns the body and its type. The message is from lieferant to netz.
func (w *town) make(f forged) (contentType string, body []byte) {
	t := w.t
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	if f.signer.Key == nil {
		f.signer = w.houses[lieferant].triple.Signature
	}
	if f.payload == nil {
		var err error
		f.payload, err = swa.Gzip([]byte(text))
		must(err)
	}
	parts := []wss.Part{{ID: "payload@x", MimeType: swa.GzipType, Data: f.payload}}
	if f.empty {
		parts = nil
	}
	m := ebms.UserMessage{
		MessageID: ebms.NewMessageID("x"), Timestamp: time.Now(),
		From:      ebms.Party{ID: lieferant, Type: ebms.PartyTypeBDEW, Role: ebms.RoleInitiator},
		To:        ebms.Party{ID: netz, Type: ebms.PartyTypeBDEW, Role: ebms.RoleResponder},
		Agreement: ebms.Agreement, Service: ebms.ServiceMP, Action: ebms.ActionDefault,
		Parts: []ebms.PartInfo{partInfo("payload@x", Message{DocumentType: "UTILMD", DocumentNo: "ref1", Created: time.Now()})},
	}
	if f.header != nil {
		f.header(&m)
	}
	root := ebms.NewEnvelope(m)
	if f.tree != nil {
		f.tree(root)
	}
	env, err := wss.Locate(root)
	must(err)
	if !f.bare {
		_, err = wss.Sign(&env, wss.Identity{Path: f.signer.Path, Key: f.signer.Key}, parts)
		must(err)
	}
	if f.signed != nil {
		parts = f.signed(&env, parts)
	}
	if !f.plain && !f.bare {
		parts, err = wss.Encrypt(&env, w.houses[netz].triple.Encryption.Certificate, parts)
		must(err)
	}
	if f.sealed != nil {
		parts = f.sealed(&env, parts)
	}
	contentType, body, err = swa.Write(root.AppendXML(nil), mimeParts(parts))
	must(err)
	if f.bytes != nil {
		body = f.bytes(body)
	}
	return contentType, body
}

// post sends a forged message and returns the code of the error, empty for a receipt.
func (w *town) post(to *house, f forged) ebms.Code {
	w.t.Helper()
	contentType, body := w.make(f)
	_, code := w.postBody(to, contentType, body)
	return code
}

// postBody returns the status and the code of the error.
func (w *town) postBody(to *house, contentType string, body []byte) (status int, code ebms.Code) {
	t := w.t
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, to.url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusOK {
		return resp.StatusCode, ""
	}
	root, err := xmltree.Parse(answer, xmltree.Limits{})
	if err != nil {
		t.Fatalf("%v\n%s", err, answer)
	}
	env, err := wss.Locate(root)
	if err != nil {
		t.Fatalf("%v\n%s", err, answer)
	}
	m, err := ebms.ParseMessaging(env.Messaging)
	if err != nil {
		t.Fatalf("%v\n%s", err, answer)
	}
	if s, ok := m.(*ebms.ErrorSignal); ok {
		t.Logf("refused: %s %s", s.Errors[0].Code, s.Errors[0].Description)
		return resp.StatusCode, s.Errors[0].Code
	}
	return resp.StatusCode, ""
}

// triple issues certificates to somebody who has no house.
func (w *town) triple(mpID string) testpki.Triple {
	w.t.Helper()
	triple, err := w.pki.Triple(mpID, mpID+".example")
	if err != nil {
		w.t.Fatal(err)
	}
	return triple
}
