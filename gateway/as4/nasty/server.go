package nasty

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/marktbote/marktbote/gateway/as4/ebms"
	"github.com/marktbote/marktbote/gateway/as4/smpki"
	"github.com/marktbote/marktbote/gateway/as4/swa"
	"github.com/marktbote/marktbote/gateway/as4/wss"
	"github.com/marktbote/marktbote/gateway/as4/xmltree"
)

// Server is a partner who receives. It checks what arrives as strictly as the rules ask for before it misbehaves, so that
// a message that is wrong itself gets an ebMS error and not the behaviour of the script. It is safe for concurrent use;
// its fields are set before the first request.
type Server struct {
	Identity Identity
	Script   []Behaviour      // of the first message, the second, ...; the last goes on; empty is Good
	Delay    time.Duration    // of LateReceipt and of all of Slow; 10 s if 0
	Trust    *smpki.Trust     // for the certificates of senders; nil trusts all
	Now      func() time.Time // time.Now if nil
	Received func(Received)   // told after each request, if not nil

	requests atomic.Int64
}

// Received is what came with one request.
type Received struct {
	Behaviour Behaviour
	Message   *ebms.UserMessage // nil if it could not be read
	Payload   []byte            // of the first part, decompressed
	Err       error             // what is wrong with the message; the sender was told
}

// defaultDelay is longer than people wait and shorter than a gateway does.
const defaultDelay = 10 * time.Second

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "AS4 is sent with POST", http.StatusMethodNotAllowed)
		return
	}
	b := s.next()
	got := Received{Behaviour: b}
	defer func() {
		if s.Received != nil {
			s.Received(got)
		}
	}()
	if b == Reset {
		got.Err = hangUp(w, true)
		return
	}
	in, err := s.receive(r)
	if in != nil {
		got.Message, got.Payload = in.message, in.payload
	}
	if err != nil {
		got.Err = err
		refTo := ""
		if got.Message != nil {
			refTo = got.Message.MessageID
		}
		s.answer(r.Context(), w, b, ebms.NewErrorSignal(s.newID(), refTo, s.now(), err))
		return
	}
	s.misbehave(r.Context(), w, b, in)
}

// next returns the behaviour of this request.
func (s *Server) next() Behaviour {
	n := s.requests.Add(1) - 1
	if len(s.Script) == 0 {
		return Good
	}
	return s.Script[min(n, int64(len(s.Script)-1))]
}

func (s *Server) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}

func (s *Server) newID() string { return ebms.NewMessageID("nasty.invalid") }

func (s *Server) delay() time.Duration {
	if s.Delay == 0 {
		return defaultDelay
	}
	return s.Delay
}

// incoming is a message that was received.
type incoming struct {
	message    *ebms.UserMessage
	payload    []byte
	references []*xmltree.Element // of the signature
	bodyURI    string             // of the reference to the SOAP Body
}

// receive reads and checks a message. If it fails, what could be read is returned with the error.
func (s *Server) receive(r *http.Request) (*incoming, error) {
	m, err := swa.Read(r.Header.Get("Content-Type"), r.ContentLength, r.Body, swa.DefaultLimits)
	if err != nil {
		return nil, err
	}
	root, err := xmltree.Parse(m.Envelope, xmltree.Limits{})
	if err != nil {
		return nil, &ebms.Fault{Code: ebms.InvalidHeader, Text: "the envelope is no XML", Err: err}
	}
	env, err := wss.Locate(root)
	if err != nil {
		return nil, err
	}
	message, err := ebms.ParseMessaging(env.Messaging)
	if err != nil {
		return nil, err
	}
	user, ok := message.(*ebms.UserMessage)
	if !ok {
		return nil, ebms.Faultf(ebms.InvalidHeader, "a signal is no request")
	}
	in := &incoming{message: user, bodyURI: uriOf(env.Body)}
	files, err := m.Payloads(user.Parts)
	if err != nil {
		return in, err
	}
	parts := make([]wss.Part, len(files))
	for i, f := range files {
		parts[i] = wss.Part(f)
	}
	if len(parts) > 0 {
		parts, err = wss.Decrypt(&env, parts, func(wss.RecipientHint) []wss.Agreer { return []wss.Agreer{s.Identity.Encryption.Key} })
		if err != nil {
			return in, err
		}
	}
	signed, err := wss.Verify(&env, parts)
	if err != nil {
		return in, err
	}
	for _, ref := range signed.References {
		in.references = append(in.references, ref.XML)
	}
	if err := s.checkSender(user, signed); err != nil {
		return in, err
	}
	if err := user.Check(); err != nil {
		return in, err
	}
	if user.To.ID != s.Identity.MPID {
		return in, ebms.Faultf(ebms.ValueInconsistent, "the recipient is not served here")
	}
	if len(parts) > 0 && user.Purpose() != ebms.PathSwitch {
		in.payload, err = io.ReadAll(swa.Gunzip(parts[0].Data, swa.MaxPayload))
	}
	return in, err
}

// checkSender checks that the sender signed.
func (s *Server) checkSender(m *ebms.UserMessage, signed *wss.Verified) error {
	if s.Trust != nil {
		if _, err := s.Trust.Verify(signed.Leaf, signed.Path, smpki.Signature, s.now()); err != nil {
			return &ebms.Fault{Code: ebms.FailedAuthentication, Text: "the signature certificate is not valid", Err: err}
		}
	}
	if mpID, err := smpki.MPID(signed.Leaf); err != nil || mpID != m.From.ID {
		return &ebms.Fault{Code: ebms.FailedAuthentication, Text: "the signature is not by the sender", Err: err}
	}
	return nil
}

// misbehave answers a message that is right.
func (s *Server) misbehave(ctx context.Context, w http.ResponseWriter, b Behaviour, in *incoming) {
	code, refuse := b.code()
	switch {
	case b == Duplicate:
		signal := ebms.NewErrorSignal(s.newID(), in.message.MessageID, s.now(), ebms.Faultf("EBMS:4001", "the message was received before"))
		signal.Errors[0].Short = "Duplicate"
		s.answer(ctx, w, b, signal)
	case refuse:
		s.answer(ctx, w, b, ebms.NewErrorSignal(s.newID(), in.message.MessageID, s.now(), ebms.Faultf(code, "refused on purpose")))
	case b == DropAfterBody:
		_ = hangUp(w, false)
	case b == NoReceipt:
		w.WriteHeader(http.StatusOK)
	case b == Unavailable:
		http.Error(w, "<html><body><h1>503 Service Unavailable</h1></body></html>", http.StatusServiceUnavailable)
	case b == Text400:
		http.Error(w, "bad request on purpose", http.StatusBadRequest)
	default:
		s.receipt(ctx, w, b, in)
	}
}

// receipt answers with a receipt.
func (s *Server) receipt(ctx context.Context, w http.ResponseWriter, b Behaviour, in *incoming) {
	if b == LateReceipt && !pause(ctx, s.delay()) {
		return
	}
	r := &ebms.Receipt{MessageID: s.newID(), RefToMessageID: in.message.MessageID, Timestamp: s.now(), References: in.references}
	switch b {
	case WrongDigest:
		r.References = spoilDigest(r.References)
	case NoBodyDigest:
		r.References = withoutBody(in)
	}
	s.answer(ctx, w, b, r)
}

// answer sends a signal in the way of the behaviour.
func (s *Server) answer(ctx context.Context, w http.ResponseWriter, b Behaviour, m ebms.Message) {
	root := ebms.NewEnvelope(m)
	if b != Unsigned {
		if err := s.sign(b, root); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	}
	contentType, body := swa.SOAPType, root.AppendXML(nil)
	switch b {
	case Multipart:
		var err error
		if contentType, body, err = swa.Write(body, nil); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	case Garbage:
		body = body[:len(body)/2]
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if b == Slow {
		dribble(ctx, w, body, s.delay())
		return
	}
	_, _ = w.Write(body) //nolint:gosec // SOAP, not HTML; and nobody is left to be told of an error
}

func (s *Server) sign(b Behaviour, root *xmltree.Element) error {
	pair, err := s.Identity.signer(b)
	if err != nil {
		return err
	}
	env, err := wss.Locate(root)
	if err != nil {
		return err
	}
	_, err = wss.Sign(&env, wss.Identity{Path: pair.Path, Key: pair.Key}, nil)
	return err
}

const dsNamespace = "http://www.w3.org/2000/09/xmldsig#"

// spoilDigest returns copies of the references in which the last digest is that of something else.
func spoilDigest(refs []*xmltree.Element) []*xmltree.Element {
	var out []*xmltree.Element
	for _, ref := range refs {
		out = append(out, ref.Clone())
	}
	if len(out) > 0 {
		if d := out[len(out)-1].Find(dsNamespace, "DigestValue"); d != nil {
			d.SetText(base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0x5a}, 32)))
		}
	}
	return out
}

// withoutBody returns the references to payloads and Messaging.
func withoutBody(in *incoming) []*xmltree.Element {
	var out []*xmltree.Element
	for _, ref := range in.references {
		if uri, _ := ref.Attr("", "URI"); uri != in.bodyURI {
			out = append(out, ref)
		}
	}
	return out
}

// pieces is the number of pieces that Slow sends.
const pieces = 20

// dribble writes a body in pieces.
func dribble(ctx context.Context, w http.ResponseWriter, body []byte, all time.Duration) {
	size := len(body)/pieces + 1
	for len(body) > 0 {
		n := min(size, len(body))
		if _, err := w.Write(body[:n]); err != nil { //nolint:gosec // SOAP, not HTML
			return
		}
		_ = http.NewResponseController(w).Flush()
		if body = body[n:]; !pause(ctx, all/pieces) {
			return
		}
	}
}

// pause waits and reports whether the context lasted.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// hangUp closes the connection of a request without an answer, with a reset if asked for.
func hangUp(w http.ResponseWriter, reset bool) error {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return fmt.Errorf("nasty: %w", err)
	}
	return closeConn(conn, reset)
}

func closeConn(conn net.Conn, reset bool) error {
	if tcp, ok := conn.(*net.TCPConn); ok && reset {
		if err := tcp.SetLinger(0); err != nil {
			return errors.Join(err, conn.Close())
		}
	}
	return conn.Close()
}
