package as4

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/marktbote/marktbote/gateway/as4/ebms"
	"github.com/marktbote/marktbote/gateway/as4/smpki"
	"github.com/marktbote/marktbote/gateway/as4/testpki"
	"github.com/marktbote/marktbote/gateway/partner"
	"github.com/marktbote/marktbote/store"
)

// wire is a transport that a test looks into and breaks.
type wire struct {
	mu     sync.Mutex
	bodies [][]byte
	types  []string
	// instead, if not nil, answers in the partner's place; nil, nil: the partner does.
	instead func(n int, r *http.Request) (*http.Response, error)
	// after, if not nil, may spoil the partner's answer.
	after func(n int, r *http.Response) (*http.Response, error)
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	w.bodies = append(w.bodies, body)
	w.types = append(w.types, r.Header.Get("Content-Type"))
	n := len(w.bodies)
	w.mu.Unlock()
	if w.instead != nil {
		if resp, err := w.instead(n, r); resp != nil || err != nil {
			return resp, err
		}
	}
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(body))
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err == nil && w.after != nil {
		return w.after(n, resp)
	}
	return resp, err
}

// answerOf is a response without a partner.
func answerOf(status int, kind, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {kind}}, Body: io.NopCloser(strings.NewReader(body))}
}

// wired gives one house a transport.
func wired(mpID string, w *wire) func(string, *Options) {
	return func(id string, o *Options) {
		if id == mpID {
			o.Transport = w
		}
	}
}

const text = "UNA:+.? 'UNB+UNOC:3+9900000000001:500+9900000000002:500+261124:2000+ref1'UNZ+0+ref1'"

func TestExchange(t *testing.T) {
	t.Parallel()
	w := &wire{}
	town := newTown(t, wired(lieferant, w))
	from, to := town.houses[lieferant], town.houses[netz]
	arrived, err := from.send(netz, "ref1", text)
	if err != nil {
		t.Fatal(err)
	}
	sent := from.transmission(store.Out, "ref1")
	got := to.transmission(store.In, lieferant+"|"+sent.MessageID)
	if string(to.got()[lieferant+"|"+sent.MessageID]) != text {
		t.Errorf("arrived: %q", to.got())
	}
	if sent.State != store.TransmissionDelivered || !bytes.Equal(sent.Receipt, got.Receipt) || len(got.Receipt) == 0 {
		t.Errorf("state %s, receipts of %d and %d bytes", sent.State, len(sent.Receipt), len(got.Receipt))
	}
	if !arrived.Equal(sent.ReceiptAt) || got.InterchangeID == 0 || sent.Recipient != netz || got.Sender != lieferant {
		t.Errorf("arrived %s, sent %+v, got %+v", arrived, sent, got)
	}
	if sent.BodyDigest != got.BodyDigest || bytes.Contains(w.bodies[0], []byte("UNB")) {
		t.Error("both sides keep the encrypted body as it went over the wire")
	}
	var mine, theirs evidence
	if err := errors.Join(json.Unmarshal(sent.Evidence, &mine), json.Unmarshal(got.Evidence, &theirs)); err != nil {
		t.Fatal(err)
	}
	if len(mine.Key) != 16 || !bytes.Equal(mine.Key, theirs.Key) || len(mine.Receipt) == 0 || len(theirs.Signature) == 0 ||
		len(mine.Lists) != 2 || len(theirs.Lists) != 2 || theirs.Lists[1].CA == "" || theirs.Lists[1].ThisUpdate.IsZero() {
		t.Errorf("evidence: %+v and %+v", mine, theirs)
	}
	// The order was carried out: nothing is sent any more.
	if again, err := from.send(netz, "ref1", text); err != nil || !again.Equal(arrived) || len(w.bodies) != 1 {
		t.Errorf("again: %s, %v, %d requests", again, err, len(w.bodies))
	}
}

func TestExchangeLong(t *testing.T) {
	t.Parallel()
	town := newTown(t)
	from, to := town.houses[lieferant], town.houses[netz]
	var long strings.Builder
	for i := range 200_000 {
		fmt.Fprintf(&long, "QTY+220:%d.%03d'DTM+163:20261124%04d?+00:303'\n", i*7919%1009, i*31%1000, i%2400)
	}
	if _, err := from.send(netz, "long", long.String()); err != nil {
		t.Fatal(err)
	}
	sent := from.transmission(store.Out, "long")
	if got := string(to.got()[lieferant+"|"+sent.MessageID]); got != long.String() {
		t.Errorf("%d bytes arrived, want %d", len(got), long.Len())
	}
}

// TestRepeated: the receipt is lost, the same bytes come again, and the same receipt is the answer.
func TestRepeated(t *testing.T) {
	t.Parallel()
	lost := errors.New("the connection broke off")
	w := &wire{after: func(n int, r *http.Response) (*http.Response, error) {
		if n == 1 {
			return nil, lost
		}
		return r, nil
	}}
	town := newTown(t, wired(lieferant, w))
	from, to := town.houses[lieferant], town.houses[netz]
	_, err := from.send(netz, "ref1", text)
	failure, ok := errors.AsType[*SendError](err)
	if !ok || !failure.Temporary() || failure.RetryAfter() < 48*time.Second || failure.RetryAfter() > 72*time.Second {
		t.Fatalf("first attempt: %v", err)
	}
	if _, err := from.send(netz, "ref1", "other bytes that nobody looks at"); err != nil {
		t.Fatal(err)
	}
	sent := from.transmission(store.Out, "ref1")
	got := to.transmission(store.In, lieferant+"|"+sent.MessageID)
	if len(w.bodies) != 2 || !bytes.Equal(w.bodies[0], w.bodies[1]) || to.asked() != 1 || !bytes.Equal(sent.Receipt, got.Receipt) {
		t.Errorf("%d requests, %d files", len(w.bodies), to.asked())
	}
}

// TestSameTime: the same message many times at once gives one file and one receipt.
func TestSameTime(t *testing.T) {
	t.Parallel()
	w := &wire{}
	town := newTown(t, wired(lieferant, w))
	from, to := town.houses[lieferant], town.houses[netz]
	w.instead = func(int, *http.Request) (*http.Response, error) { return nil, errors.New("not yet") }
	if _, err := from.send(netz, "ref1", text); err == nil {
		t.Fatal("was sent")
	}
	receipts := make([][]byte, 8)
	var wg sync.WaitGroup
	for i := range receipts {
		wg.Go(func() {
			resp, err := http.Post(to.url, w.types[0], bytes.NewReader(w.bodies[0])) //nolint:noctx // loopback
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			receipts[i], _ = io.ReadAll(resp.Body)
		})
	}
	wg.Wait()
	for _, r := range receipts {
		if !bytes.Equal(r, receipts[0]) || !bytes.Contains(r, []byte("NonRepudiationInformation")) {
			t.Fatalf("receipts differ:\n%s\n%s", receipts[0], r)
		}
	}
	if len(to.got()) != 1 {
		t.Errorf("%d files", len(to.got()))
	}
}

// TestAnswers: what becomes of a message by what the partner answers.
func TestAnswers(t *testing.T) {
	t.Parallel()
	soapError := func(code string) string {
		e := ebms.ErrorSignal{MessageID: "e@x", Timestamp: time.Now(), Errors: []ebms.Error{{Code: ebms.Code(code), Severity: ebms.Failure, Short: "x"}}}
		return string(ebms.NewEnvelope(e).AppendXML(nil))
	}
	const soap = "application/soap+xml; charset=UTF-8"
	tests := []struct {
		name    string
		answer  func() (*http.Response, error)
		final   bool
		state   store.TransmissionState
		mention string
	}{
		{"refused connection", func() (*http.Response, error) { return nil, errors.New("connection refused") }, false, store.TransmissionPending, "connection refused"},
		{"503", func() (*http.Response, error) { return answerOf(503, "text/plain", "maintenance"), nil }, false, store.TransmissionPending, "503"},
		{"400 in words", func() (*http.Response, error) { return answerOf(400, "text/plain", "no"), nil }, false, store.TransmissionPending, "400"},
		{"200 without anything", func() (*http.Response, error) { return answerOf(200, "", ""), nil }, false, store.TransmissionPending, "200"},
		{"garbage", func() (*http.Response, error) { return answerOf(200, soap, "<a><b>"), nil }, false, store.TransmissionPending, "EBMS:0301"},
		{"overload", func() (*http.Response, error) { return answerOf(200, soap, soapError("EBMS:0004")), nil }, false, store.TransmissionPending, "EBMS:0004"},
		{"policy", func() (*http.Response, error) { return answerOf(500, soap, soapError("EBMS:0103")), nil }, true, store.TransmissionRefused, "EBMS:0103"},
		{"authentication", func() (*http.Response, error) { return answerOf(400, soap, soapError("EBMS:0101")), nil }, true, store.TransmissionRefused, "EBMS:0101"},
		{"unknown code", func() (*http.Response, error) { return answerOf(200, soap, soapError("EBMS:9999")), nil }, true, store.TransmissionRefused, "EBMS:9999"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := &wire{instead: func(int, *http.Request) (*http.Response, error) { return tt.answer() }}
			from := newTown(t, wired(lieferant, w)).houses[lieferant]
			_, err := from.send(netz, "ref1", text)
			failure, ok := errors.AsType[*SendError](err)
			if !ok || failure.Final != tt.final || !strings.Contains(err.Error(), tt.mention) {
				t.Errorf("%v, want final %t with %q", err, tt.final, tt.mention)
			}
			if row := from.transmission(store.Out, "ref1"); row.State != tt.state || !strings.Contains(row.Fault, tt.mention) {
				t.Errorf("kept: %s %q", row.State, row.Fault)
			}
		})
	}
}

// TestForeignReceipt: receipts that prove nothing.
func TestForeignReceipt(t *testing.T) {
	t.Parallel()
	w := &wire{}
	town := newTown(t, wired(lieferant, w))
	from := town.houses[lieferant]
	var first []byte
	w.after = func(n int, r *http.Response) (*http.Response, error) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		switch n {
		case 1: // that of this message, for later
			first = body
		case 2: // that of another message
			body = first
		case 3: // a bit of it is another one
			body = bytes.Replace(body, []byte("<ds:DigestValue>"), []byte("<ds:DigestValue>A"), 1)
		}
		return answerOf(200, r.Header.Get("Content-Type"), string(body)), nil
	}
	if _, err := from.send(netz, "ref1", text); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := from.send(netz, "ref2", text); err == nil || !strings.Contains(err.Error(), "EBMS:0302") {
			t.Errorf("accepted or other error: %v", err)
		}
		if row := from.transmission(store.Out, "ref2"); len(row.Receipt) == 0 || row.State != store.TransmissionPending {
			t.Errorf("%s, %d bytes of the answer kept", row.State, len(row.Receipt))
		}
	}
	if _, err := from.send(netz, "ref2", text); err != nil {
		t.Errorf("the true one: %v", err)
	}
}

// TestRenewed: the partner cannot decrypt because he has a new certificate; a new message is encrypted to that.
func TestRenewed(t *testing.T) {
	t.Parallel()
	w := &wire{}
	town := newTown(t, wired(lieferant, w))
	from, to := town.houses[lieferant], town.houses[netz]
	w.instead = func(n int, _ *http.Request) (*http.Response, error) {
		if n > 1 {
			return nil, nil
		}
		newer := testpki.Valid(time.Now().Add(-time.Minute), time.Now().Add(24*time.Hour))
		triple, err := town.pki.Triple(netz, netz+".example", newer)
		if err != nil {
			return nil, err
		}
		to.keys(to.Directory, town.pki, triple)
		from.introduce(netz, to.url, triple.Encryption.Certificate)
		e := ebms.NewErrorSignal("e@x", "", time.Now(), ebms.Faultf(ebms.FailedDecryption, "no"))
		return answerOf(200, "application/soap+xml", string(ebms.NewEnvelope(e).AppendXML(nil))), nil
	}
	_, err := from.send(netz, "ref1", text)
	if failure, ok := errors.AsType[*SendError](err); !ok || failure.Final || failure.Wait > 2*time.Second {
		t.Fatalf("first attempt: %v", err)
	}
	if _, err := from.send(netz, "ref1", text); err != nil {
		t.Fatal(err)
	}
	old, now := from.transmission(store.Out, "ref1"), from.transmission(store.Out, "ref1#2")
	if old.MessageID == now.MessageID || now.State != store.TransmissionDelivered || len(to.got()) != 1 || string(to.got()[lieferant+"|"+now.MessageID]) != text {
		t.Errorf("%s and %s, %s, %d files: %q", old.MessageID, now.MessageID, now.State, len(to.got()), to.got()[lieferant+"|"+now.MessageID])
	}
}

func TestGivenUp(t *testing.T) {
	t.Parallel()
	now := time.Now()
	w := &wire{instead: func(int, *http.Request) (*http.Response, error) { return nil, errors.New("no route to host") }}
	from := newTown(t, wired(lieferant, w), func(_ string, o *Options) { o.Now = func() time.Time { return now } }).houses[lieferant]
	var waits []time.Duration
	for len(waits) < 60 {
		_, err := from.send(netz, "ref1", text)
		failure, ok := errors.AsType[*SendError](err)
		if !ok {
			t.Fatal(err)
		}
		if failure.Final {
			break
		}
		waits = append(waits, failure.Wait)
		now = now.Add(failure.Wait)
	}
	if len(waits) < 22 || len(waits) > 40 || waits[0] > 72*time.Second || waits[len(waits)-1] < 48*time.Minute {
		t.Errorf("%d attempts: %v", len(waits), waits)
	}
	if row := from.transmission(store.Out, "ref1"); row.State != store.TransmissionRefused || !isUnanswered(row) {
		t.Errorf("state %s", row.State)
	}
}

func TestService(t *testing.T) {
	t.Parallel()
	town := newTown(t)
	from, to := town.houses[lieferant], town.houses[netz]
	if _, err := from.Test(t.Context(), lieferant, netz); err != nil {
		t.Fatal(err)
	}
	if to.asked() != 0 {
		t.Error("a test message was handed on")
	}
}

func TestPathSwitch(t *testing.T) {
	t.Parallel()
	town := newTown(t)
	from, to := town.houses[lieferant], town.houses[netz]
	state := func(h *house, of string) partner.PathSwitch {
		t.Helper()
		p, err := h.Directory.Partner(t.Context(), of)
		if err != nil {
			t.Fatal(err)
		}
		return p.Switch(h.mpID)
	}
	if err := from.RequestSwitch(t.Context(), lieferant, netz); err != nil {
		t.Fatal(err)
	}
	mine, theirs := state(from, netz), state(to, lieferant)
	if mine.State != partner.SwitchRequested || theirs.State != partner.SwitchRequested || !theirs.ByPartner || theirs.Own != netz {
		t.Errorf("requested: %+v and %+v", mine, theirs)
	}
	if err := to.confirm(t.Context()); err != nil {
		t.Fatal(err)
	}
	mine, theirs = state(from, netz), state(to, lieferant)
	if mine.State != partner.SwitchConfirmed || theirs.State != partner.SwitchConfirmed {
		t.Errorf("confirmed: %+v and %+v", mine, theirs)
	}
}

// TestBadCertificates: who signs with a certificate that is not valid is refused, whatever is wrong with it.
func TestBadCertificates(t *testing.T) {
	t.Parallel()
	for _, flaw := range testpki.Flaws() {
		t.Run(string(flaw), func(t *testing.T) {
			t.Parallel()
			town := newTown(t)
			to := town.houses[netz]
			bad, err := town.pki.Broken(flaw, smpki.Signature, lieferant, "x.example")
			if err != nil {
				t.Fatal(err)
			}
			if bad.Key == nil { // on a curve of which there are no keys here; that of another does as well
				bad.Key = town.houses[lieferant].triple.Signature.Key
			}
			to.lists(to.Directory, town.pki, time.Now())
			code := town.post(to, forged{signer: bad})
			if code != ebms.FailedAuthentication {
				t.Errorf("answered with %s", code)
			}
			if to.asked() != 0 {
				t.Error("it was handed on")
			}
		})
	}
}

// TestTLSCertificateKept: the certificate of the TLS client is part of the evidence, and it is not in the message.
func TestTLSCertificateKept(t *testing.T) {
	t.Parallel()
	var client *x509.Certificate
	town := newTown(t, func(mpID string, o *Options) {
		if mpID == netz {
			o.ClientCertificate = func(*http.Request) (*x509.Certificate, error) { return client, nil }
		}
	})
	from, to := town.houses[lieferant], town.houses[netz]
	client = from.triple.TLS.Certificate
	if _, err := from.send(netz, "ref1", text); err != nil {
		t.Fatal(err)
	}
	got := to.transmission(store.In, lieferant+"|"+from.transmission(store.Out, "ref1").MessageID)
	var e evidence
	if err := json.Unmarshal(got.Evidence, &e); err != nil || len(e.TLS) != 1 {
		t.Fatalf("%v, %v", e.TLS, err)
	}
	err := to.st.View(t.Context(), func(tx store.Tx) error {
		_, err := tx.Certificate(e.TLS[0])
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
