package as4

import (
	"bytes"
	"compress/gzip"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/marktbote/marktbote/gateway/as4/ebms"
	"github.com/marktbote/marktbote/gateway/as4/smpki"
	"github.com/marktbote/marktbote/gateway/as4/swa"
	"github.com/marktbote/marktbote/gateway/as4/testpki"
	"github.com/marktbote/marktbote/gateway/as4/wss"
	"github.com/marktbote/marktbote/gateway/as4/xmltree"
	"github.com/marktbote/marktbote/gateway/partner"
	"github.com/marktbote/marktbote/store"
)

// bomb is a gzip file of many zeros.
func bomb(t *testing.T, n int) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := io.CopyN(w, zeros{}, int64(n)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// replace changes the body as it goes over the wire.
func replace(old, with string) func([]byte) []byte {
	return func(b []byte) []byte { return bytes.Replace(b, []byte(old), []byte(with), 1) }
}

// TestAttacks: what is refused, with which error, and that it is logged, counted and kept. The catalogue of what can be
// done to a signature is in package wss; here is what reaches the whole node over HTTP.
func TestAttacks(t *testing.T) {
	t.Parallel()
	big := bomb(t, 60<<20)
	tests := []struct {
		name string
		make func(w *town) forged
		code ebms.Code
	}{
		{"nothing is wrong", func(*town) forged { return forged{} }, ""},
		{"not signed", func(*town) forged { return forged{bare: true} }, ebms.PolicyNoncompliance},
		{"not encrypted", func(*town) forged { return forged{plain: true} }, ebms.PolicyNoncompliance},
		{"signed by another party", func(w *town) forged { return forged{signer: w.triple(fremder).Signature} }, ebms.FailedAuthentication},
		{"signed with the TLS certificate", func(w *town) forged { return forged{signer: w.houses[lieferant].triple.TLS} }, ""},
		{"signed with the encryption certificate", func(w *town) forged { return forged{signer: w.houses[lieferant].triple.Encryption} }, ebms.FailedAuthentication},
		{"From changed after signing", func(*town) forged {
			return forged{signed: func(env *wss.Envelope, p []wss.Part) []wss.Part {
				find(env.Messaging, "PartyId").SetText(fremder)
				return p
			}}
		}, ebms.FailedAuthentication},
		{"payload of another message", func(*town) forged {
			return forged{signed: func(_ *wss.Envelope, p []wss.Part) []wss.Part {
				p[0].Data = append(bytes.Clone(p[0].Data[:len(p[0].Data)-1]), p[0].Data[len(p[0].Data)-1]^1)
				return p
			}}
		}, ebms.FailedAuthentication},
		{"ciphertext damaged", func(*town) forged {
			return forged{sealed: func(_ *wss.Envelope, p []wss.Part) []wss.Part { p[0].Data[20] ^= 1; return p }}
		}, ebms.FailedDecryption},
		{"part without PartInfo", func(*town) forged {
			return forged{sealed: func(_ *wss.Envelope, p []wss.Part) []wss.Part {
				return append(p, wss.Part{ID: "more@x", MimeType: "application/octet-stream", Data: []byte("x")})
			}}
		}, ebms.MimeInconsistency},
		{"PartInfo without part", func(*town) forged {
			return forged{sealed: func(_ *wss.Envelope, _ []wss.Part) []wss.Part { return nil }}
		}, ebms.MimeInconsistency},
		{"payload somewhere else", func(*town) forged {
			return forged{header: func(m *ebms.UserMessage) { m.Parts[0].Href = "http://example.org/x" }}
		}, ebms.ExternalPayloadError},
		{"Body with content", func(*town) forged {
			return forged{tree: func(root *xmltree.Element) { find(root, "Body").AddText("x", "urn:x", "x", "y") }}
		}, ebms.PolicyNoncompliance},
		{"Messaging twice", func(*town) forged {
			return forged{signed: func(env *wss.Envelope, p []wss.Part) []wss.Part { env.Header.Append(env.Messaging.Clone()); return p }}
		}, ebms.InvalidHeader},
		{"Messaging moved aside and forged", func(*town) forged {
			return forged{signed: func(env *wss.Envelope, p []wss.Part) []wss.Part {
				env.Header.Add("x", "urn:x", "wrapper").Append(env.Messaging.Clone())
				find(env.Messaging, "PartyId").SetText(fremder)
				return p
			}}
		}, ebms.InvalidHeader},
		{"bomb", func(*town) forged { return forged{payload: big} }, ebms.DecompressionFailure},
		{"no gzip", func(*town) forged { return forged{payload: []byte("UNB+...")} }, ebms.DecompressionFailure},
		{"gzip cut off", func(*town) forged { return forged{payload: bomb(t, 1000)[:20]} }, ebms.DecompressionFailure},
		{"DOCTYPE", func(*town) forged {
			return forged{bytes: replace("<S12:Envelope", `<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><S12:Envelope`)}
		}, ebms.InvalidHeader},
		{"very deep", func(*town) forged {
			return forged{bytes: replace("</S12:Header>", strings.Repeat("<x>", 1000)+strings.Repeat("</x>", 1000)+"</S12:Header>")}
		}, ebms.InvalidHeader},
		{"very many attributes", func(*town) forged {
			var b strings.Builder
			for i := range 5000 {
				b.WriteString(` a` + strings.Repeat("b", i%7) + string(rune('a'+i%26)) + strings.Repeat("c", i/26%200) + `="x"`)
			}
			return forged{bytes: replace("<S12:Header", "<S12:Header"+b.String())}
		}, ebms.InvalidHeader},
		{"for somebody else", func(*town) forged { return forged{header: func(m *ebms.UserMessage) { m.To.ID = fremder }} }, ebms.ValueInconsistent},
		{"unknown service", func(*town) forged { return forged{header: func(m *ebms.UserMessage) { m.Service = "urn:x" }} }, ebms.ValueNotRecognized},
		{"schedules", func(*town) forged { return forged{header: func(m *ebms.UserMessage) { m.Service = ebms.ServiceFP }} }, ebms.ValueNotRecognized},
		{"other agreement", func(*town) forged { return forged{header: func(m *ebms.UserMessage) { m.Agreement = "urn:x" }} }, ebms.ValueInconsistent},
		{"other channel", func(*town) forged { return forged{header: func(m *ebms.UserMessage) { m.MPC = "urn:x" }} }, ebms.ProcessingModeMismatch},
		{"answer to something", func(*town) forged { return forged{header: func(m *ebms.UserMessage) { m.RefToMessageID = "a@b" }} }, ebms.InvalidHeader},
		{"no payload", func(*town) forged {
			return forged{header: func(m *ebms.UserMessage) { m.Parts = nil }, empty: true}
		}, ebms.ProcessingModeMismatch},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.name == "signed with the TLS certificate" {
				// Only the extended key usage tells the two apart.
				tt.code = ebms.FailedAuthentication
			}
			core, logs := observer.New(zapcore.InfoLevel)
			metrics := prometheus.NewRegistry()
			w := newTown(t, func(mpID string, o *Options) {
				if mpID == netz {
					o.Log, o.Metrics = zap.New(core), metrics
				}
			})
			to := w.houses[netz]
			if code := w.post(to, tt.make(w)); code != tt.code {
				t.Fatalf("answered with %q, want %q", code, tt.code)
			}
			if tt.code == "" {
				return
			}
			if len(to.got()) != 0 {
				t.Error("it was handed on")
			}
			if logs.FilterMessage("message refused").FilterField(zap.String("code", string(tt.code))).Len() != 1 {
				t.Errorf("log: %v", logs.All())
			}
			if got := counted(t, metrics, "as4_received_total", string(tt.code)); got != 1 {
				t.Errorf("counted %v times", got)
			}
			var kept []store.Transmission
			err := to.st.View(t.Context(), func(tx store.Tx) (err error) {
				kept, err = tx.Transmissions(store.TransmissionQuery{State: store.TransmissionRefused})
				return err
			})
			if err != nil || len(kept) != 1 || !strings.Contains(kept[0].Fault, string(tt.code)) {
				t.Errorf("kept: %+v, %v", kept, err)
			}
		})
	}
}

// counted returns the sum of the counters of a name that have a label with a value.
func counted(t *testing.T, metrics *prometheus.Registry, name, label string) (sum float64) {
	t.Helper()
	families, err := metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if f.GetName() == name && l.GetValue() == label {
					sum += m.GetCounter().GetValue()
				}
			}
		}
	}
	return sum
}

// find returns the first element with a name.
func find(root *xmltree.Element, local string) *xmltree.Element {
	for e := range root.Descend() {
		if e.Local == local {
			return e
		}
	}
	return nil
}

// TestReplay: a message identity with other content is an attack or a fault, never a new message.
func TestReplay(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	to := w.houses[netz]
	same := func(m *ebms.UserMessage) { m.MessageID = "same@x" }
	if code := w.post(to, forged{header: same}); code != "" {
		t.Fatal(code)
	}
	other, err := swa.Gzip([]byte("other"))
	if err != nil {
		t.Fatal(err)
	}
	if code := w.post(to, forged{header: same, payload: other}); code != ebms.InvalidHeader {
		t.Errorf("other content: %q", code)
	}
	if len(to.got()) != 1 {
		t.Errorf("%d files", len(to.got()))
	}
}

// TestTLSIdentity: the TLS certificate is that of From, unless the partner may have another one.
func TestTLSIdentity(t *testing.T) {
	t.Parallel()
	var client *x509.Certificate
	w := newTown(t, func(mpID string, o *Options) {
		if mpID == netz {
			o.ClientCertificate = func(*http.Request) (*x509.Certificate, error) {
				if client == nil {
					return nil, errors.New("none")
				}
				return client, nil
			}
		}
	})
	to := w.houses[netz]
	expect := func(c *x509.Certificate, want ebms.Code) {
		t.Helper()
		client = c
		if code := w.post(to, forged{}); code != want {
			t.Errorf("answered with %q, want %q", code, want)
		}
	}
	expect(nil, ebms.FailedAuthentication)
	expect(w.houses[lieferant].triple.TLS.Certificate, "")
	expect(w.houses[lieferant].triple.Signature.Certificate, ebms.FailedAuthentication)
	expect(w.triple(fremder).TLS.Certificate, ebms.FailedAuthentication)
	err := to.Directory.Change(t.Context(), lieferant, "test", "test", func(p *partner.Partner) error { p.AnyTLSIdentity = true; return nil })
	if err != nil {
		t.Fatal(err)
	}
	expect(w.triple(fremder).TLS.Certificate, "")
	// One whose CA is not the one of his signature, and is not known either, is nobody.
	other, err := testpki.New()
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := other.Triple(lieferant, "x.example")
	if err != nil {
		t.Fatal(err)
	}
	expect(foreign.TLS.Certificate, ebms.FailedAuthentication)
	bad, err := w.pki.Broken("expired", smpki.TLS, lieferant, "x.example")
	if err != nil {
		t.Fatal(err)
	}
	expect(bad.Certificate, ebms.FailedAuthentication)
}

// TestHTTP: what is wrong below SOAP.
func TestHTTP(t *testing.T) {
	t.Parallel()
	w := newTown(t, func(_ string, o *Options) { o.Limits = Limits{Body: 64 << 10} })
	to := w.houses[netz]
	contentType, body := w.make(forged{})
	tests := []struct {
		name, contentType string
		body              []byte
		status            int
		code              ebms.Code
	}{
		{"good", contentType, body, 200, ""},
		{"too long", contentType, append(bytes.Clone(body), bytes.Repeat([]byte(" "), 64<<10)...), 200, ebms.ProcessingModeMismatch},
		{"no MIME", "text/plain", body, 200, ebms.MimeInconsistency},
		{"no boundary", "multipart/related", body, 200, ebms.MimeInconsistency},
		{"cut off", contentType, body[:len(body)/2], 200, ebms.MimeInconsistency},
		{"empty", contentType, nil, 200, ebms.MimeInconsistency},
		{"a receipt", "application/soap+xml", ebms.NewEnvelope(ebms.Receipt{MessageID: "a@b", RefToMessageID: "c@d", Timestamp: time.Now()}).AppendXML(nil), 200, ebms.FeatureNotSupported},
		{"no XML", "application/soap+xml", []byte("hello"), 200, ebms.InvalidHeader},
	}
	for _, tt := range tests {
		status, code := w.postBody(to, tt.contentType, tt.body)
		if status != tt.status || code != tt.code {
			t.Errorf("%s: %d %q, want %d %q", tt.name, status, code, tt.status, tt.code)
		}
	}
	for method, want := range map[string]int{"GET": 200, "HEAD": 200, "PUT": 405, "DELETE": 405} {
		rec := httptest.NewRecorder()
		to.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), method, "/as4", nil))
		if rec.Code != want {
			t.Errorf("%s: %d, want %d", method, rec.Code, want)
		}
	}
}

// TestCrowd: who sends too much at a time is told to come again.
func TestCrowd(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	to := w.houses[netz]
	for to.enter("") != nil { //nolint:revive // until it is full
	}
	contentType, body := w.make(forged{})
	if status, _ := w.postBody(to, contentType, body); status != http.StatusServiceUnavailable {
		t.Errorf("status %d", status)
	}
	to.leave("")
	if status, code := w.postBody(to, contentType, body); status != 200 || code != "" {
		t.Errorf("status %d, code %q", status, code)
	}
}

// TestRates: not more happens than there is room for.
func TestRates(t *testing.T) {
	t.Parallel()
	var r rates
	const burst = 100
	now := time.Now()
	done := 0
	for range 1000 {
		if r.allow("a", burst, now) {
			done++
		}
	}
	if done != burst || !r.allow("b", burst, now) {
		t.Errorf("%d at once", done)
	}
	for range 10 {
		now = now.Add(rateEvery)
		for range 5 {
			if r.allow("a", burst, now) {
				done++
			}
		}
	}
	if done != burst+10 {
		t.Errorf("%d", done)
	}
}

// TestManyTests: test messages are no way to fill the disk, and stop nothing else.
func TestManyTests(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	from, to := w.houses[lieferant], w.houses[netz]
	for to.rates.allow("test|"+lieferant, testBurst, time.Now()) { //nolint:revive // until it is full
	}
	_, err := from.Test(t.Context(), lieferant, netz)
	if failure, ok := errors.AsType[*SendError](err); !ok || failure.Final || !strings.Contains(err.Error(), "EBMS:0004") {
		t.Errorf("one more: %v", err)
	}
	if _, err := from.send(netz, "ref1", text); err != nil {
		t.Error(err)
	}
}

// TestAgreed: what a partner may do because it is agreed with him.
func TestAgreed(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	to := w.houses[netz]
	agree := func(change func(p *partner.Partner)) {
		t.Helper()
		err := to.Directory.Change(t.Context(), lieferant, "test", "test", func(p *partner.Partner) error { change(p); return nil })
		if err != nil {
			t.Fatal(err)
		}
	}
	alone := w.houses[lieferant].triple.Signature
	alone.Path = alone.Path[len(alone.Path)-1:]
	schedule := func(m *ebms.UserMessage) { m.Service = ebms.ServiceFP }
	for _, tt := range []struct {
		name   string
		f      forged
		before ebms.Code
		agree  func(p *partner.Partner)
		after  ebms.Code
	}{
		{"not encrypted", forged{plain: true}, ebms.PolicyNoncompliance, func(p *partner.Partner) { p.AcceptUnencrypted = true }, ""},
		{"not signed either", forged{bare: true}, ebms.FailedAuthentication, func(*partner.Partner) {}, ebms.FailedAuthentication},
		{"certificate alone", forged{signer: alone}, "", func(p *partner.Partner) { p.AcceptX509v3 = false }, ebms.FailedAuthentication},
		{"schedules", forged{header: schedule}, ebms.ValueNotRecognized, func(p *partner.Partner) { p.AnyService = true }, ""},
	} {
		if code := w.post(to, tt.f); code != tt.before {
			t.Errorf("%s: %q before it is agreed, want %q", tt.name, code, tt.before)
		}
		agree(tt.agree)
		if code := w.post(to, tt.f); code != tt.after {
			t.Errorf("%s: %q when it is agreed, want %q", tt.name, code, tt.after)
		}
	}
}
