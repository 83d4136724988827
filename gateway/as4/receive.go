package as4

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"go.uber.org/zap"

	"github.com/marktbote/marktbote/gateway/as4/ebms"
	"github.com/marktbote/marktbote/gateway/as4/smpki"
	"github.com/marktbote/marktbote/gateway/as4/swa"
	"github.com/marktbote/marktbote/gateway/as4/wss"
	"github.com/marktbote/marktbote/gateway/as4/xmltree"
	"github.com/marktbote/marktbote/gateway/partner"
	"github.com/marktbote/marktbote/store"
)

// ServeHTTP answers a request of a partner: a user message with its receipt or an ebMS error.
func (n *Node) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.serve(w, r, n.ClientCertificate)
}

// Plain returns a handler that asks for no client certificate, for loopback and for a TLS front end that is not ours.
func (n *Node) Plain() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { n.serve(w, r, nil) })
}

func (n *Node) serve(w http.ResponseWriter, r *http.Request, clientCertificate func(*http.Request) (*x509.Certificate, error)) {
	switch r.Method {
	case http.MethodPost:
	case http.MethodGet, http.MethodHead:
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, "AS4 endpoint. Messages are sent here with POST.\n") // who asks is gone otherwise
		return
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		http.Error(w, "AS4 messages are sent with POST", http.StatusMethodNotAllowed)
		return
	}
	begin := time.Now()
	in := &incoming{n: n, at: n.Now().UTC().Truncate(time.Millisecond)}
	answer, err := in.receive(r, clientCertificate)
	if err != nil {
		answer = in.refuse(r.Context(), err)
	}
	n.seconds.WithLabelValues("in").Observe(time.Since(begin).Seconds())
	if answer == nil { // not for the partner's handler, but for its HTTP client: it is to come again
		w.Header().Set("Retry-After", "60")
		http.Error(w, "temporarily unavailable", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", swa.SOAPType)
	w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
	_, _ = w.Write(answer) //nolint:gosec // XML of ours; a partner that is gone asks again
}

// incoming is one request on its way.
type incoming struct {
	n   *Node
	at  time.Time // of the receipt
	tls *x509.Certificate
	// tlsLater: the path of tls is still to be verified.
	tlsLater bool

	body        []byte // as it came
	contentType string
	env         *wss.Envelope
	message     *ebms.UserMessage
	from        *partner.Partner // entry of From; see partner
	verified    *wss.Verified
	path        []*x509.Certificate // root first
}

// receive goes through the checks in their order; the first one that fails decides.
//
// Spec: BDEW AS4-Profil 1.1 2.2, 2.3
func (in *incoming) receive(r *http.Request, clientCertificate func(*http.Request) (*x509.Certificate, error)) ([]byte, error) {
	n, ctx := in.n, r.Context()
	from, err := in.client(r, clientCertificate)
	if err != nil {
		return nil, err
	}
	p := n.enter(from)
	if p == nil {
		return nil, errBusy
	}
	defer n.leave(from)
	in.contentType = r.Header.Get("Content-Type")
	body, release, err := n.readBody(r, p)
	if err != nil {
		return nil, err
	}
	defer release()
	in.body = body
	in.at = n.Now().UTC().Truncate(time.Millisecond) // it is here now
	n.step("read")
	// What is decrypted in place is a copy; in.body stays as it came.
	limits := swa.DefaultLimits
	limits.Body = n.Limits.Body
	mime, err := swa.Read(in.contentType, int64(len(in.body)), bytes.NewReader(in.body), limits)
	if err != nil {
		return nil, err
	}
	root, err := xmltree.Parse(mime.Envelope, xmltree.Limits{})
	if err != nil {
		return nil, &ebms.Fault{Code: ebms.InvalidHeader, Text: "the SOAP envelope is no well-formed XML of the profile", Err: err}
	}
	env, err := wss.Locate(root)
	if err != nil {
		return nil, err
	}
	in.env = &env
	if in.message, err = userMessage(in.env); err != nil {
		return nil, err
	}
	m := in.message
	if !n.IsOwn(m.To.ID) {
		return nil, ebms.Faultf(ebms.ValueInconsistent, "the MP-ID %q in To is not served here", m.To.ID)
	}
	parts, err := mime.Payloads(m.Parts)
	if err != nil {
		return nil, err
	}
	payloads, err := in.open(ctx, parts)
	if err != nil {
		return nil, err
	}
	if err := in.authenticate(ctx); err != nil {
		return nil, err
	}
	if err := m.Check(); err != nil {
		return nil, err
	}
	if err := in.allowed(ctx); err != nil {
		return nil, err
	}
	n.step("checked")
	return in.take(ctx, payloads)
}

// client identifies the TLS client: its MP-ID, empty without TLS.
func (in *incoming) client(r *http.Request, certificate func(*http.Request) (*x509.Certificate, error)) (string, error) {
	if certificate == nil {
		return "", nil
	}
	cert, err := certificate(r)
	if err != nil {
		return "", &ebms.Fault{Code: ebms.FailedAuthentication, Text: "the TLS client certificate cannot be read", Err: err}
	}
	in.tls = cert
	_, err = in.n.Directory.Verify(r.Context(), cert, nil, smpki.TLS, in.at)
	if invalid, ok := errors.AsType[*smpki.Invalid](err); ok && invalid.Reason == smpki.UnknownIssuer {
		in.tlsLater = true // his message brings the CA along, if he is of one that is not known here
	} else if err != nil {
		return "", refusal("the TLS client certificate is not valid", err)
	}
	mpID, err := smpki.MPID(cert)
	if err != nil {
		return "", refusal("the TLS client certificate names no MP-ID", err)
	}
	return mpID, nil
}

// refusal says that a certificate is not valid. That its revocation state cannot be found out is our fault: he may come
// again.
func refusal(text string, err error) *ebms.Fault {
	if invalid, ok := errors.AsType[*smpki.Invalid](err); ok && invalid.Reason == smpki.RevocationUnknown {
		return &ebms.Fault{Code: ebms.Other, Text: "temporarily unavailable", Err: err}
	}
	return &ebms.Fault{Code: ebms.FailedAuthentication, Text: text, Err: err}
}

// userMessage reads the header of a user message; signals come in answers only.
func userMessage(env *wss.Envelope) (*ebms.UserMessage, error) {
	m, err := ebms.ParseMessaging(env.Messaging)
	if err != nil {
		return nil, err
	}
	user, ok := m.(*ebms.UserMessage)
	if !ok {
		return nil, ebms.Faultf(ebms.FeatureNotSupported, "only user messages are taken here; receipts and errors come in the HTTP response")
	}
	return user, nil
}

// open decrypts the parts and verifies the signature over them.
func (in *incoming) open(ctx context.Context, parts []swa.Part) ([]wss.Part, error) {
	n, m, env := in.n, in.message, in.env
	payloads := make([]wss.Part, len(parts))
	for i, p := range parts {
		payloads[i] = wss.Part(p)
	}
	plain := false
	if len(payloads) > 0 && !env.Encrypted() {
		p, err := in.partner(ctx)
		if err != nil {
			return nil, err
		}
		plain = p.AcceptUnencrypted // whether it is from him is still to be seen
	}
	if len(payloads) > 0 && !plain {
		keys, err := n.agreers(ctx, m.To.ID, in.at)
		if err != nil {
			return nil, err
		}
		if payloads, err = wss.Decrypt(env, payloads, keys); err != nil {
			return nil, err
		}
	}
	var err error
	in.verified, err = wss.Verify(env, payloads)
	return payloads, err
}

// authenticate finds out whose signature it is, and that he may.
//
// Spec: BDEW AS4-Profil 1.1 2.3.4.4; Regelungen zum Übertragungsweg AS4 2.0 5.2
func (in *incoming) authenticate(ctx context.Context) error {
	n, m := in.n, in.message
	leaf := in.verified.Leaf
	path, err := n.Directory.Verify(ctx, leaf, in.verified.Path, smpki.Signature, in.at)
	if err != nil {
		return refusal("the signature certificate is not valid", err)
	}
	mpID, err := smpki.MPID(leaf)
	if err != nil {
		return refusal("the signature certificate names no MP-ID", err)
	}
	if mpID != m.From.ID {
		return ebms.Faultf(ebms.FailedAuthentication, "From is %s, but the signature certificate is of %s", m.From.ID, mpID)
	}
	in.path = path
	p, err := in.partner(ctx)
	if err != nil {
		return err
	}
	if len(in.verified.Path) == 1 && !p.AcceptX509v3 {
		return ebms.Faultf(ebms.FailedAuthentication, "the signature certificate comes without its issuer; a PKIPath is agreed")
	}
	if in.tls == nil {
		return nil
	}
	if in.tlsLater {
		if _, err := n.Directory.Verify(ctx, in.tls, in.verified.Path, smpki.TLS, in.at); err != nil {
			return refusal("the TLS client certificate is not valid", err)
		}
	}
	if tls, err := smpki.MPID(in.tls); (err != nil || tls != m.From.ID) && !p.AnyTLSIdentity {
		return ebms.Faultf(ebms.FailedAuthentication, "From is %s, but the TLS certificate is of %s", m.From.ID, tls)
	}
	return nil
}

// partner returns what is known about the sender, with the defaults for one who is not in the directory.
func (in *incoming) partner(ctx context.Context) (*partner.Partner, error) {
	if in.from == nil {
		p, err := in.n.Directory.Partner(ctx, in.message.From.ID)
		if errors.Is(err, store.ErrNotFound) {
			p, err = partner.New(in.message.From.ID), nil
		}
		if err != nil {
			return nil, fmt.Errorf("as4: partner %s: %w", in.message.From.ID, err)
		}
		in.from = &p
	}
	return in.from, nil
}

// allowed reports whether files of this kind are taken.
//
// Spec: BDEW AS4-Profil 1.1 2.3.1.2, 2.3.6, 2.3.7; Regelungen zum Übertragungsweg AS4 2.0 7.3
func (in *incoming) allowed(ctx context.Context) error {
	m := in.message
	if m.Purpose() != ebms.Business || m.Service == ebms.ServiceMP || slices.Contains(in.n.Services, serviceName(m.Service)) {
		return nil
	}
	p, err := in.partner(ctx)
	if err != nil {
		return err
	}
	if !p.AnyService {
		return ebms.Faultf(ebms.ValueNotRecognized, "the Service %s is not used here", serviceName(m.Service))
	}
	return nil
}

// testBurst is how many messages of the test service and the path switch are taken of a partner at once; see rates.
const testBurst = 60

// take keeps the message with its receipt, unless it came before, and returns the receipt.
//
// Spec: AS4 Profile 1.0 3.2, 5.1.8
func (in *incoming) take(ctx context.Context, parts []wss.Part) ([]byte, error) {
	if answer, err := in.repeated(ctx); answer != nil || err != nil {
		return answer, err
	}
	m := in.message
	if m.Purpose() != ebms.Business && !in.n.rates.allow("test|"+m.From.ID, testBurst, in.at) {
		return nil, ebms.Faultf(ebms.Other, "too many messages of the test service and the path switch, come again later")
	}
	receipt, err := in.receipt(ctx)
	if err != nil {
		return nil, err
	}
	if len(in.body) > store.MaxInlinePayload { // too long for the transaction
		if _, err := in.n.Store.PutPayload(ctx, bytes.NewReader(in.body)); err != nil {
			return nil, err
		}
	}
	in.n.step("receipt")
	kept := 0 // times, because the transaction may run again
	keep := func(tx store.Tx, interchange int64) error {
		kept++
		t, err := in.transmission(tx, interchange)
		if err != nil {
			return err
		}
		t.State, t.Receipt, t.ReceiptType, t.ReceiptAt = store.TransmissionDelivered, receipt, swa.SOAPType, in.at
		_, err = tx.InsertTransmission(t)
		return err
	}
	switch m.Purpose() {
	case ebms.PathSwitch:
		err = in.pathSwitch(ctx, keep)
	case ebms.Test:
		err = in.n.Store.Update(ctx, func(tx store.Tx) error { return keep(tx, 0) })
	default:
		err = in.file(ctx, parts[0], keep)
	}
	if errors.Is(err, store.ErrDuplicate) || err == nil && kept != 1 { // the same message twice at a time, perhaps
		if answer, err := in.repeated(ctx); answer != nil || err != nil {
			return answer, err
		}
	}
	if err != nil {
		return nil, err
	}
	in.n.step("taken")
	certificates := in.path
	if in.tls != nil { // it is nowhere in the message
		certificates = append(slices.Clip(certificates), in.tls)
	}
	in.n.learn(ctx, certificates, m.MessageID)
	in.strange()
	in.n.received.WithLabelValues(serviceName(m.Service), "receipt").Inc()
	in.n.Log.Info("message received", zap.String("message", m.MessageID), zap.String("from", m.From.ID), zap.String("to", m.To.ID),
		zap.String("service", serviceName(m.Service)), zap.Int("bytes", len(in.body)))
	return receipt, nil
}

// maxSkew is how far the clock of a partner may be from ours without a note.
const maxSkew = 5 * time.Minute

// strange logs what is accepted of a partner although it is not as it should be.
func (in *incoming) strange() {
	m := in.message
	if skew := in.at.Sub(m.Timestamp); skew.Abs() > maxSkew {
		in.n.Log.Warn("the clocks of the partner and of this machine differ, or the message was long on its way",
			zap.String("message", m.MessageID), zap.String("from", m.From.ID), zap.Duration("age", skew))
	}
	if len(in.verified.Path) == 1 {
		in.n.Log.Warn("the signature certificate came without its issuer; the profile wants a PKIPath",
			zap.String("message", m.MessageID), zap.String("from", m.From.ID))
	}
}

// file hands a file on while it is decompressed.
func (in *incoming) file(ctx context.Context, part wss.Part, keep func(store.Tx, int64) error) error {
	m := in.message
	var body io.Reader = bytes.NewReader(part.Data)
	if kind, _ := m.Parts[0].Property(ebms.PropertyCompressionType); kind != "" {
		body = swa.Gunzip(part.Data, in.n.Limits.Payload)
	}
	document, _ := m.Parts[0].Property(ebms.PropertyDocumentNo)
	return in.n.Inbox.Receive(ctx, Delivery{
		ID: in.transmissionKey(), Sender: m.From.ID, Recipient: m.To.ID, Document: document, At: in.at, Body: body, Keep: keep,
	})
}

// repeated returns the receipt of a message that came before.
func (in *incoming) repeated(ctx context.Context) (receipt []byte, err error) {
	n, m := in.n, in.message
	var t store.Transmission
	err = n.Store.View(ctx, func(tx store.Tx) (err error) {
		t, err = tx.Transmission(store.In, in.transmissionKey())
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !sameReferences(t.References, in.verified.References) {
		n.Log.Error("a known message identity came with other content", zap.String("message", m.MessageID), zap.String("from", m.From.ID))
		return nil, ebms.Faultf(ebms.InvalidHeader, "the message identity was used before for another message")
	}
	n.received.WithLabelValues(serviceName(m.Service), "duplicate").Inc()
	n.Log.Info("message received again, receipt repeated", zap.String("message", m.MessageID), zap.String("from", m.From.ID))
	return t.Receipt, nil
}

// receipt makes the signed receipt.
//
// Spec: BDEW AS4-Profil 1.1 2.2.5; AS4 Profile 1.0 5.1.8
func (in *incoming) receipt(ctx context.Context) ([]byte, error) {
	r := ebms.Receipt{
		MessageID: in.n.newMessageID(), RefToMessageID: in.message.MessageID, Timestamp: in.at,
	}
	for _, ref := range in.verified.References {
		r.References = append(r.References, ref.XML)
	}
	return in.n.sign(ctx, ebms.NewEnvelope(r), in.message.To.ID, in.at)
}

// sign signs a signal of ours.
func (n *Node) sign(ctx context.Context, root *xmltree.Element, mpID string, at time.Time) ([]byte, error) {
	id, err := n.signer(ctx, mpID, at)
	if err != nil {
		return nil, err
	}
	env, err := wss.Locate(root)
	if err != nil {
		return nil, err
	}
	if _, err := wss.Sign(&env, id, nil); err != nil {
		return nil, err
	}
	return root.AppendXML(nil), nil
}

// transmissionKey is the identity of a received message: nobody can use up that of another partner.
func (in *incoming) transmissionKey() string { return in.message.From.ID + "|" + in.message.MessageID }

// transmission returns the row of the message, whose bytes it keeps in tx.
func (in *incoming) transmission(tx store.Tx, interchange int64) (store.Transmission, error) {
	m := in.message
	t := store.Transmission{
		Direction: store.In, Key: in.transmissionKey(), MessageID: m.MessageID, InterchangeID: interchange,
		Service: m.Service, Action: m.Action, Sender: m.From.ID, Recipient: m.To.ID, ContentType: in.contentType,
		CreatedAt: in.at, UpdatedAt: in.at,
	}
	var err error
	if t.BodyDigest, err = keepBody(tx, in.body); err != nil {
		return t, err
	}
	if t.References, err = marshalReferences(in.env, in.verified.References); err != nil {
		return t, err
	}
	t.Evidence, err = json.Marshal(evidence{
		Key: in.env.ContentKey, Signature: fingerprints(in.path), TLS: fingerprints([]*x509.Certificate{in.tls}), Lists: in.n.listsOf(in.path, in.at),
	})
	return t, err
}
