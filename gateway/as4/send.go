package as4

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
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

// Message is what is sent: one file to one partner.
type Message struct {
	Key         string // identity of the order to send; an order that was carried out is not carried out again
	Interchange int64  // of the store; 0: none
	From, To    string // MP-IDs

	Service, Action string // empty: MP

	DocumentType   string    // UNH 0065
	DocumentNo     string    // UNB 0020
	ApplicationRef string    // UNB 0026
	Created        time.Time // of the file
	Body           io.Reader // nil: no payload

	once bool // nobody will try again
}

// SendError is why a message was not delivered.
type SendError struct {
	Err   error
	Final bool          // another attempt is in vain, a person is needed
	Wait  time.Duration // until the next attempt
}

// Error returns the reason.
func (e *SendError) Error() string { return "as4: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *SendError) Unwrap() error { return e.Err }

// Temporary reports whether another attempt makes sense.
func (e *SendError) Temporary() bool { return !e.Final }

// RetryAfter returns the wait until it does.
func (e *SendError) RetryAfter() time.Duration { return e.Wait }

func final(format string, args ...any) error {
	return &SendError{Err: fmt.Errorf(format, args...), Final: true}
}

// Send makes one attempt to deliver a message and returns when the partner had it. The first attempt of a Key builds the
// message and keeps it; all others send the same bytes, and none is made once there is a receipt. When the partner has
// refused a message, the next call makes a new one: certificates have changed, or a person wants it. Errors: *SendError,
// those of ctx and of the store.
//
// Spec: BDEW AS4-Profil 1.1 2.2.5; AS4 Profile 1.0 3.2
func (n *Node) Send(ctx context.Context, m Message) (arrived time.Time, err error) {
	if m.Service == "" {
		m.Service, m.Action = ebms.ServiceMP, ebms.ActionDefault
	}
	begin := time.Now()
	defer func() { n.seconds.WithLabelValues("out").Observe(time.Since(begin).Seconds()) }()
	p, err := n.partner(ctx, m.To)
	if err != nil {
		return time.Time{}, err
	}
	free, err := n.place(ctx, p)
	if err != nil {
		return time.Time{}, err
	}
	defer free()
	n.step("begin")
	t, built, err := n.prepared(ctx, m, p)
	if err != nil {
		return time.Time{}, err
	}
	if isThrough(t) {
		return t.ReceiptAt, nil // only the note of it was lost
	}
	n.step("kept")
	r, err := n.attempt(ctx, t, p, !built)
	if err != nil {
		return time.Time{}, err
	}
	n.step("answered")
	at, err := n.settle(ctx, m, t, r)
	n.step("settled")
	return at, err
}

// partner returns the entry of a partner that can be sent to.
func (n *Node) partner(ctx context.Context, mpID string) (partner.Partner, error) {
	p, err := n.Directory.Partner(ctx, mpID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return p, final("the partner %s is not in the directory; add it with: marktbote partners add %s --endpoint URL", mpID, mpID)
	case err != nil:
		return p, err
	case p.Endpoint == "":
		return p, final("no AS4 address of the partner %s is known; set it with: marktbote partners add %s --endpoint URL", mpID, mpID)
	}
	return p, nil
}

// place waits for one of the connections to a partner.
func (n *Node) place(ctx context.Context, p partner.Partner) (free func(), err error) {
	n.mu.Lock()
	c := n.sending[p.MPID]
	if c == nil || cap(c) != p.Connections() { // those on their way keep the old places
		c = make(chan struct{}, p.Connections())
		n.sending[p.MPID] = c
	}
	n.mu.Unlock()
	select {
	case c <- struct{}{}:
		return func() { <-c }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// isThrough reports whether nothing is left to do for a message.
func isThrough(t store.Transmission) bool {
	return t.State == store.TransmissionDelivered || t.State == store.TransmissionProbable
}

// keyOf returns the key of the nth message for an order to send.
func keyOf(order string, nth int) string {
	if nth == 1 {
		return order
	}
	return fmt.Sprintf("%s#%d", order, nth)
}

// isUnanswered reports whether a message was given up because there was no answer to it. Perhaps the partner has it.
func isUnanswered(t store.Transmission) bool {
	var e evidence
	return json.Unmarshal(t.Evidence, &e) == nil && e.Unanswered
}

// prepared returns the row of the last message for the order. If there is none, or the partner has refused it, it builds
// and keeps one.
func (n *Node) prepared(ctx context.Context, m Message, p partner.Partner) (t store.Transmission, built bool, err error) {
	nth := 0
	find := func() error {
		return n.Store.View(ctx, func(tx store.Tx) error {
			for nth = 0; ; nth++ {
				next, err := tx.Transmission(store.Out, keyOf(m.Key, nth+1))
				if errors.Is(err, store.ErrNotFound) {
					return nil
				}
				if err != nil {
					return err
				}
				t = next
			}
		})
	}
	if err := find(); err != nil {
		return t, false, err
	}
	if nth > 0 && (t.State != store.TransmissionRefused || isUnanswered(t)) {
		return t, false, nil
	}
	row, err := n.build(ctx, m, p, keyOf(m.Key, nth+1))
	if errors.Is(err, store.ErrDuplicate) { // another node was quicker
		return t, false, find()
	}
	return row, true, err
}

// build makes the complete message and keeps it, before anything of it is sent.
//
// Spec: BDEW AS4-Profil 1.1 2.2.3, 2.2.6, 2.3; AS4 Profile 1.0 3.1
func (n *Node) build(ctx context.Context, m Message, p partner.Partner, key string) (t store.Transmission, err error) {
	now := n.Now().UTC().Truncate(time.Millisecond)
	id, err := n.signer(ctx, m.From, now)
	if err != nil {
		return t, noCertificate(err)
	}
	user := ebms.UserMessage{
		MessageID: n.newMessageID(), Timestamp: now,
		From:      ebms.Party{ID: m.From, Type: n.ownPartyType(m.From), Role: ebms.RoleInitiator},
		To:        ebms.Party{ID: m.To, Type: partyType(p.CodeList), Role: ebms.RoleResponder},
		Agreement: ebms.Agreement, Service: m.Service, Action: m.Action,
	}
	var parts []wss.Part
	if m.Body != nil {
		file, err := io.ReadAll(io.LimitReader(m.Body, n.Limits.Payload+1))
		if err != nil {
			return t, err
		}
		if int64(len(file)) > n.Limits.Payload {
			return t, final("the file is longer than the %d bytes that are allowed", n.Limits.Payload)
		}
		data, err := swa.Gzip(file)
		if err != nil {
			return t, err
		}
		part := wss.Part{ID: n.newMessageID(), MimeType: swa.GzipType, Data: data}
		parts = append(parts, part)
		user.Parts = append(user.Parts, partInfo(part.ID, m))
	}
	root := ebms.NewEnvelope(user)
	env, err := wss.Locate(root)
	if err != nil {
		return t, err
	}
	refs, err := wss.Sign(&env, id, parts)
	if err != nil {
		return t, err
	}
	e := evidence{Signature: fingerprints(id.Path)}
	if len(parts) > 0 {
		cert, err := n.Directory.EncryptionCertificate(ctx, m.To, now)
		if err != nil {
			return t, noCertificate(err)
		}
		if parts, err = wss.Encrypt(&env, cert, parts); err != nil {
			return t, err
		}
		e.Key, e.Recipient = env.ContentKey, smpki.Fingerprint(cert)
	}
	contentType, body, err := swa.Write(root.AppendXML(nil), mimeParts(parts))
	if err != nil {
		return t, err
	}
	if int64(len(body)) > n.Limits.Body {
		return t, final("the message is %d bytes long, more than the %d that are allowed", len(body), n.Limits.Body)
	}
	t = store.Transmission{
		Direction: store.Out, Key: key, MessageID: user.MessageID, InterchangeID: m.Interchange,
		Service: m.Service, Action: m.Action, Sender: m.From, Recipient: m.To, ContentType: contentType,
		State: store.TransmissionPending, CreatedAt: now, UpdatedAt: now,
	}
	if t.References, err = marshalReferences(&env, refs); err != nil {
		return t, err
	}
	if t.Evidence, err = json.Marshal(e); err != nil {
		return t, err
	}
	if len(body) > store.MaxInlinePayload {
		if _, err := n.Store.PutPayload(ctx, bytes.NewReader(body)); err != nil {
			return t, err
		}
	}
	n.step("built")
	var built store.Transmission
	err = n.Store.Update(ctx, func(tx store.Tx) (err error) {
		row := t
		if row.BodyDigest, err = keepBody(tx, body); err != nil {
			return err
		}
		row.ID, err = tx.InsertTransmission(row)
		built = row
		return err
	})
	return built, err
}

// noCertificate makes the lack of a certificate final, unless it is over when there is a newer revocation list.
func noCertificate(err error) error {
	none, ok := errors.AsType[*partner.NoCertificate](err)
	if !ok { // of the store or of ctx
		return err
	}
	return &SendError{Err: err, Final: !slices.ContainsFunc(none.Reasons, func(reason error) bool {
		invalid, ok := errors.AsType[*smpki.Invalid](reason)
		return ok && (invalid.Reason == smpki.RevocationUnknown || invalid.Reason == smpki.RevocationTooOld)
	})}
}

// partInfo describes the payload.
//
// Spec: BDEW AS4-Profil 1.1 2.2.3.3; Regelungen zum Übertragungsweg AS4 2.0 6
func partInfo(id string, m Message) ebms.PartInfo {
	info := ebms.PartInfo{Href: "cid:" + id}
	set := func(name, value string) {
		if value != "" {
			info.Properties = append(info.Properties, ebms.Property{Name: name, Value: value})
		}
	}
	set(ebms.PropertyMimeType, "application/octet-stream")
	set(ebms.PropertyCompressionType, swa.GzipType)
	set(ebms.PropertyDocumentType, m.DocumentType)
	set(ebms.PropertyDocumentNo, m.DocumentNo)
	if m.DocumentNo != "" && !m.Created.IsZero() {
		set(ebms.PropertyDocumentDate, m.Created.UTC().Format(time.DateOnly))
	}
	set(ebms.PropertyApplicationReference, m.ApplicationRef)
	return info
}

// reply is what came of an attempt.
type reply struct {
	ebms.Outcome
	body []byte              // as it came
	kind string              // its content type
	path []*x509.Certificate // of the signature of a valid receipt
	at   time.Time
}

// maxAnswer bounds an answer in bytes; receipts are a few kilobytes long.
const maxAnswer = 2 << 20

// attempt sends the kept bytes once.
func (n *Node) attempt(ctx context.Context, t store.Transmission, p partner.Partner, resent bool) (reply, error) {
	kept, err := n.Store.OpenPayload(ctx, t.BodyDigest)
	if err != nil {
		return reply{}, err
	}
	body, err := io.ReadAll(kept)
	_ = kept.Close() // it was read to its end
	if err != nil {
		return reply{}, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, n.Limits.Patience+time.Duration(len(body)/transferFloor)*time.Second, errPatience)
	defer cancel()
	req, err := http.NewRequestWithContext(context.WithValue(ctx, ownKey{}, t.Sender), http.MethodPost, p.Endpoint, bytes.NewReader(body))
	if err != nil {
		return reply{}, final("the address of the partner %s cannot be used: %w", p.MPID, err)
	}
	req.Header.Set("Content-Type", t.ContentType)
	req.Header.Set("User-Agent", "") // no version for the partner
	resp, err := n.Transport.RoundTrip(req)
	if err != nil {
		if ctx.Err() != nil && errors.Is(context.Cause(ctx), errPatience) {
			err = errPatience
		} else if ctx.Err() != nil {
			return reply{}, ctx.Err() // we are being stopped
		}
		return reply{Outcome: ebms.Answer{Err: err}.Outcome(), at: n.Now()}, nil
	}
	defer resp.Body.Close()
	r := reply{kind: resp.Header.Get("Content-Type"), at: n.Now().UTC().Truncate(time.Millisecond)}
	a := ebms.Answer{MessageID: t.MessageID, Resent: resent, Status: resp.StatusCode}
	r.body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		a.Err = fmt.Errorf("the answer broke off: %w", err)
	case len(r.body) > maxAnswer:
		a.Err = fmt.Errorf("the answer is longer than %d bytes", maxAnswer)
	default:
		n.read(ctx, t, &a, &r)
	}
	r.Outcome = a.Outcome()
	return r, nil
}

var errPatience = errors.New("the partner did not answer in time")

// transferFloor is the rate in bytes a second below which a partner is too slow.
const transferFloor = 64 << 10

// read finds out what a response holds. A receipt counts if the partner signed it and it repeats what was sent.
//
// Spec: AS4 Profile 1.0 5.1.8; BDEW AS4-Profil 1.1 2.2.5
func (n *Node) read(ctx context.Context, t store.Transmission, a *ebms.Answer, r *reply) {
	mime, err := swa.Read(r.kind, int64(len(r.body)), bytes.NewReader(r.body), swa.DefaultLimits)
	var root *xmltree.Element
	if err == nil {
		root, err = xmltree.Parse(mime.Envelope, xmltree.Limits{})
	}
	var env wss.Envelope
	if err == nil {
		env, err = wss.Locate(root)
	}
	if err == nil {
		a.Message, err = ebms.ParseMessaging(env.Messaging)
	}
	if err != nil { // what HTTP says decides
		a.Message, a.Body = nil, r.body
		return
	}
	if receipt, ok := a.Message.(*ebms.Receipt); ok {
		r.path, a.Invalid = n.verifyReceipt(ctx, t, &env, receipt, r.at)
	}
}

// verifyReceipt returns the path of the certificate that signed a valid receipt.
func (n *Node) verifyReceipt(ctx context.Context, t store.Transmission, env *wss.Envelope, r *ebms.Receipt, at time.Time) ([]*x509.Certificate, error) {
	verified, err := wss.Verify(env, nil)
	if err != nil {
		return nil, err
	}
	path, err := n.Directory.Verify(ctx, verified.Leaf, verified.Path, smpki.Signature, at)
	if err != nil {
		return nil, err
	}
	mpID, err := smpki.MPID(verified.Leaf)
	if err != nil {
		return nil, err
	}
	if mpID != t.Recipient {
		return nil, fmt.Errorf("the receipt is signed by %s, not by %s", mpID, t.Recipient)
	}
	signed, err := signedOf(t.References)
	if err != nil {
		return nil, err
	}
	return path, ebms.MatchReceipt(t.MessageID, signed, r)
}

// settle keeps what came of an attempt.
//
// Spec: Regelungen zum Übertragungsweg AS4 2.0 7, 9
func (n *Node) settle(ctx context.Context, m Message, t store.Transmission, r reply) (time.Time, error) {
	service := serviceName(t.Service)
	fields := []zap.Field{zap.String("message", t.MessageID), zap.String("from", t.Sender), zap.String("to", t.Recipient), zap.String("service", service)}
	t.UpdatedAt = r.at
	switch r.Reaction {
	case ebms.Delivered:
		t.State, t.Receipt, t.ReceiptType, t.ReceiptAt, t.Fault = store.TransmissionDelivered, r.body, r.kind, r.at, ""
		var e evidence
		if err := json.Unmarshal(t.Evidence, &e); err != nil {
			return time.Time{}, err
		}
		e.Receipt, e.Lists, e.Unanswered = fingerprints(r.path), n.listsOf(r.path, r.at), false
		var err error
		if t.Evidence, err = json.Marshal(e); err != nil {
			return time.Time{}, err
		}
	case ebms.Duplicate:
		// He has it from an attempt whose receipt was lost, and does not send the receipt again.
		t.State, t.ReceiptAt, t.Fault = store.TransmissionProbable, t.CreatedAt, string(r.Code)+": "+r.Text
	default:
		return n.unsettled(ctx, m, t, r, fields)
	}
	if before, err := n.update(ctx, t); err != nil || !before.IsZero() {
		return before, err
	}
	if t.State == store.TransmissionProbable {
		n.sent.WithLabelValues(service, "probable").Inc()
		n.Log.Error("delivered, but the receipt was lost and the partner does not repeat it: ask him to confirm it in writing",
			append(fields, zap.String("answer", t.Fault))...)
		return t.ReceiptAt, nil
	}
	n.sent.WithLabelValues(service, "receipt").Inc()
	n.Log.Info("message sent", fields...)
	n.learn(ctx, r.path, t.MessageID)
	return t.ReceiptAt, nil
}

// unsettled keeps why an attempt was in vain and says how it goes on, unless another node has a receipt.
func (n *Node) unsettled(ctx context.Context, m Message, t store.Transmission, r reply, fields []zap.Field) (time.Time, error) {
	t.Fault = string(r.Code) + ": " + r.Text
	if r.Code == ebms.InvalidReceipt && len(r.body) <= refusedBody {
		t.Receipt, t.ReceiptType = r.body, r.kind // to look at with the partner
	}
	failure := &SendError{Err: errors.New(t.Fault), Wait: nextAttempt(t.CreatedAt, r.at)}
	outcome := "retry"
	switch {
	case r.Reaction != ebms.Retry:
		outcome, failure.Final, t.State = "refused", true, store.TransmissionRefused
		if r.Reaction == ebms.Renew && t.Key == m.Key {
			// He does not accept a certificate, or cannot decrypt: perhaps he has a new one. The next call of Send, which has
			// the file again, makes a new message, once without a person.
			changed, err := n.renewed(ctx, t)
			if err != nil {
				return time.Time{}, err
			}
			if changed {
				failure.Final, failure.Wait = false, time.Second
			}
		}
	case m.once, r.at.Sub(t.CreatedAt) >= n.Limits.GiveUp: // perhaps he has it: what a person requeues is the same message
		outcome, t.State = "given up", store.TransmissionRefused
		var e evidence
		if err := json.Unmarshal(t.Evidence, &e); err != nil {
			return time.Time{}, err
		}
		e.Unanswered = true
		var err error
		if t.Evidence, err = json.Marshal(e); err != nil {
			return time.Time{}, err
		}
		if !m.once {
			failure.Final = true
			failure.Err = fmt.Errorf("%s: no receipt since %s, given up: %w", ebms.MissingReceipt, t.CreatedAt.Format(time.RFC3339), failure.Err)
		}
	}
	if before, err := n.update(ctx, t); err != nil || !before.IsZero() {
		return before, err
	}
	n.sent.WithLabelValues(serviceName(t.Service), outcome).Inc()
	n.Log.Warn("message not delivered", append(fields, zap.String("outcome", outcome), zap.Error(failure.Err))...)
	return time.Time{}, failure
}

// renewed reports whether a message would be built with other certificates today.
func (n *Node) renewed(ctx context.Context, t store.Transmission) (bool, error) {
	var e evidence
	if err := json.Unmarshal(t.Evidence, &e); err != nil {
		return false, err
	}
	if _, err := n.Directory.Lookup(ctx, t.Recipient); err != nil {
		n.Log.Warn("certificates of a partner cannot be looked up", zap.String("partner", t.Recipient), zap.Error(err))
	}
	if err := n.Directory.Revocation().Refresh(ctx, true); err != nil {
		n.Log.Warn("revocation lists cannot be fetched", zap.Error(err))
	}
	if e.Recipient != "" {
		cert, err := n.Directory.EncryptionCertificate(ctx, t.Recipient, n.Now())
		if err == nil && smpki.Fingerprint(cert) != e.Recipient {
			return true, nil
		}
	}
	id, err := n.signer(ctx, t.Sender, n.Now())
	if err != nil || len(id.Path) == 0 || len(e.Signature) == 0 {
		return false, nil // what it was is all there is
	}
	return smpki.Fingerprint(id.Path[len(id.Path)-1]) != e.Signature[len(e.Signature)-1], nil
}

// update keeps what came of an attempt. If another node has sent the message at the same time and settled it, that stays,
// and it returns when the partner had it.
func (n *Node) update(ctx context.Context, t store.Transmission) (before time.Time, err error) {
	err = n.Store.Update(context.WithoutCancel(ctx), func(tx store.Tx) error {
		before = time.Time{}
		if err := tx.Lock("as4/" + t.Key); err != nil {
			return err
		}
		now, err := tx.Transmission(store.Out, t.Key)
		if err != nil {
			return err
		}
		if isThrough(now) && t.State != store.TransmissionDelivered || now.State == store.TransmissionDelivered {
			before = now.ReceiptAt
			return nil
		}
		if now.State == store.TransmissionRefused && t.State == store.TransmissionPending {
			return nil
		}
		tx.SetClass(classEvidence)
		return tx.UpdateTransmission(t)
	})
	return before, err
}

// retries are the instants of the next attempts, counted from the first; after them there is one each hour.
var retries = []time.Duration{
	1 * time.Minute, 3 * time.Minute, 8 * time.Minute, 18 * time.Minute, 38 * time.Minute, 68 * time.Minute, 128 * time.Minute,
}

// nextAttempt returns the wait until the next attempt for a message whose first one was at an instant. It varies by a
// fifth, so that many that failed together do not come back together.
func nextAttempt(first, now time.Time) time.Duration {
	wait := time.Hour
	for i, at := range retries {
		if now.Sub(first) < at {
			wait = at
			if i > 0 {
				wait -= retries[i-1]
			}
			break
		}
	}
	return wait - wait/5 + time.Duration(rand.Int64N(int64(2*wait/5)+1)) //nolint:gosec // no secret
}

func mimeParts(parts []wss.Part) []swa.Part {
	list := make([]swa.Part, len(parts))
	for i, p := range parts {
		list[i] = swa.Part(p)
	}
	return list
}
