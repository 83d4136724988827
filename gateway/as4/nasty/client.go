package nasty

import (
	"bufio"
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/marktbote/marktbote/gateway/as4/ebms"
	"github.com/marktbote/marktbote/gateway/as4/smpki"
	"github.com/marktbote/marktbote/gateway/as4/swa"
	"github.com/marktbote/marktbote/gateway/as4/wss"
	"github.com/marktbote/marktbote/gateway/as4/xmltree"
)

// Client is a partner who sends. It is safe for concurrent use.
type Client struct {
	Identity Identity
	URL      string           // of the gateway, http only
	Delay    time.Duration    // of all of Slow; 10 s if 0
	Trust    *smpki.Trust     // for the certificates of receipts; nil trusts all
	Now      func() time.Time // time.Now if nil
}

// Message is what a client sends.
type Message struct {
	MessageID   string            // a new one if empty
	To          ebms.Party        // without Role; Type is PartyTypeBDEW if empty
	Certificate *x509.Certificate // encryption certificate of To
	Service     string            // ServiceMP if empty
	Action      string            // ActionDefault if empty
	Payload     []byte            // none if nil
	Properties  []ebms.Property   // of the payload, beside MimeType and CompressionType
}

// ErrHungUp is why there is no answer when the client itself has closed the connection.
var ErrHungUp = errors.New("nasty: hung up on purpose")

// maxAnswer bounds an answer in bytes.
const maxAnswer = 1 << 20

// Send sends a message in the way of a behaviour and returns what came back, once or for Duplicate twice. The error is
// not nil if nothing was sent.
func (c *Client) Send(ctx context.Context, m Message, b Behaviour) ([]ebms.Answer, error) {
	if m.MessageID == "" {
		m.MessageID = ebms.NewMessageID("nasty.invalid")
	}
	out, err := c.build(m, b)
	if err != nil {
		return nil, err
	}
	answers := []ebms.Answer{c.post(ctx, out, b)}
	if b == Duplicate {
		again := c.post(ctx, out, b)
		again.Resent = true
		answers = append(answers, again)
	}
	return answers, nil
}

// outgoing is a message that is ready to be sent.
type outgoing struct {
	id, to      string
	contentType string
	body        []byte
	signed      []ebms.Signed
}

// build makes the message.
func (c *Client) build(m Message, b Behaviour) (*outgoing, error) {
	user, parts, err := c.message(m, b)
	if err != nil {
		return nil, err
	}
	pair, err := c.Identity.signer(b)
	if err != nil {
		return nil, err
	}
	root := ebms.NewEnvelope(user)
	env, err := wss.Locate(root)
	if err != nil {
		return nil, err
	}
	refs, err := wss.Sign(&env, wss.Identity{Path: pair.Path, Key: pair.Key}, parts)
	if err != nil {
		return nil, err
	}
	out := &outgoing{id: m.MessageID, to: m.To.ID}
	for _, ref := range refs {
		out.signed = append(out.signed, ebms.Signed{URI: ref.URI, Digest: ref.Digest, Body: ref.URI == uriOf(env.Body)})
	}
	if b == Tampered && len(parts) > 0 {
		data := slices.Clone(parts[0].Data)
		data[len(data)-1] ^= 1
		parts[0].Data = data
	}
	if b != Unencrypted && len(parts) > 0 {
		to := m.Certificate
		if b == WrongKey {
			to = c.Identity.Encryption.Certificate
		}
		if parts, err = wss.Encrypt(&env, to, parts); err != nil {
			return nil, err
		}
	}
	if b == Unsigned {
		remove(env.Security, dsNamespace, "Signature")
	}
	envelope := root.AppendXML(nil)
	if b == NotXML {
		envelope = envelope[:len(envelope)/2]
	}
	files := make([]swa.Part, len(parts))
	for i, p := range parts {
		files[i] = swa.Part(p)
	}
	out.contentType, out.body, err = swa.Write(envelope, files)
	return out, err
}

// message makes the header and the payload before signature.
func (c *Client) message(m Message, b Behaviour) (*ebms.UserMessage, []wss.Part, error) {
	now := time.Now
	if c.Now != nil {
		now = c.Now
	}
	to := Identity{MPID: m.To.ID, Type: m.To.Type}
	user := &ebms.UserMessage{
		MessageID: m.MessageID, Timestamp: now(), From: c.Identity.party(ebms.RoleInitiator), To: to.party(ebms.RoleResponder),
		Agreement: ebms.Agreement, Service: m.Service, Action: m.Action,
	}
	if user.Service == "" {
		user.Service = ebms.ServiceMP
	}
	if user.Action == "" {
		user.Action = ebms.ActionDefault
	}
	if m.Payload == nil {
		return user, nil, nil
	}
	data := m.Payload
	if b != NotGzip {
		var err error
		if data, err = swa.Gzip(data); err != nil {
			return nil, nil, err
		}
	}
	id := ebms.NewMessageID("payload.nasty.invalid")
	user.Parts = []ebms.PartInfo{{Href: ebms.CID(id), Properties: append([]ebms.Property{
		{Name: ebms.PropertyMimeType, Value: "application/octet-stream"},
		{Name: ebms.PropertyCompressionType, Value: ebms.CompressionGzip},
	}, m.Properties...)}}
	return user, []wss.Part{{ID: id, MimeType: "application/octet-stream", Data: data}}, nil
}

// post sends a message once.
func (c *Client) post(ctx context.Context, out *outgoing, b Behaviour) ebms.Answer {
	var body io.Reader = bytes.NewReader(out.body)
	if b == Slow {
		body = &slowReader{ctx: ctx, data: out.body, pause: c.pieceDelay()}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL, body)
	if err != nil {
		return ebms.Answer{MessageID: out.id, Err: err}
	}
	req.ContentLength = int64(len(out.body))
	req.Header.Set("Content-Type", out.contentType)
	if b == Reset || b == DropAfterBody {
		if err = c.hangUp(ctx, req, out, b == Reset); err == nil {
			err = ErrHungUp
		}
		return ebms.Answer{MessageID: out.id, Err: err}
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return ebms.Answer{MessageID: out.id, Err: err}
	}
	defer resp.Body.Close()
	return c.read(resp, out)
}

// read reads an answer. Whatever is wrong with it is part of it.
func (c *Client) read(resp *http.Response, out *outgoing) ebms.Answer {
	a := ebms.Answer{MessageID: out.id, Status: resp.StatusCode}
	if a.Body, a.Err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer)); a.Err != nil {
		return a
	}
	m, err := swa.Read(resp.Header.Get("Content-Type"), -1, bytes.NewReader(a.Body), swa.DefaultLimits)
	if err != nil {
		return a
	}
	root, err := xmltree.Parse(m.Envelope, xmltree.Limits{})
	if err != nil {
		return a
	}
	env, err := wss.Locate(root)
	if err != nil {
		return a
	}
	message, err := ebms.ParseMessaging(env.Messaging)
	if err != nil {
		return a
	}
	a.Message = message
	if r, ok := message.(*ebms.Receipt); ok {
		a.Invalid = c.checkReceipt(&env, r, out)
	}
	return a
}

// checkReceipt checks who signed a receipt and what it is about.
func (c *Client) checkReceipt(env *wss.Envelope, r *ebms.Receipt, out *outgoing) error {
	signed, err := wss.Verify(env, nil)
	if err != nil {
		return err
	}
	if c.Trust != nil {
		now := time.Now
		if c.Now != nil {
			now = c.Now
		}
		if _, err := c.Trust.Verify(signed.Leaf, signed.Path, smpki.Signature, now()); err != nil {
			return err
		}
	}
	mpID, err := smpki.MPID(signed.Leaf)
	if err != nil {
		return err
	}
	if mpID != out.to {
		return fmt.Errorf("nasty: the receipt of %s is signed by %s", out.to, mpID)
	}
	return ebms.MatchReceipt(out.id, out.signed, r)
}

// hangUp sends a message over a connection of its own and closes it: with a reset in the middle of the body, or behind it.
func (c *Client) hangUp(ctx context.Context, req *http.Request, out *outgoing, reset bool) error {
	u, err := url.Parse(c.URL)
	if err != nil {
		return err
	}
	if u.Scheme != "http" {
		return errors.New("nasty: only plain HTTP can be hung up")
	}
	address := u.Host
	if u.Port() == "" {
		address = net.JoinHostPort(u.Hostname(), "80")
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() }) // ends a read that waits too long
	defer stop()
	var whole bytes.Buffer
	if err := req.Write(&whole); err != nil {
		return errors.Join(err, conn.Close())
	}
	data := whole.Bytes()
	if reset {
		data = data[:len(data)-len(out.body)/2]
	}
	if _, err := conn.Write(data); err != nil {
		return errors.Join(err, conn.Close())
	}
	if reset {
		return closeConn(conn, true)
	}
	// Only when the gateway has begun to answer it has had the message: the answer is thrown away.
	if _, err := bufio.NewReader(conn).ReadByte(); err != nil {
		return errors.Join(err, conn.Close())
	}
	return closeConn(conn, true)
}

func (c *Client) pieceDelay() time.Duration {
	if c.Delay == 0 {
		return defaultDelay / pieces
	}
	return c.Delay / pieces
}

// slowReader gives out its data in small pieces.
type slowReader struct {
	ctx   context.Context //nolint:containedctx // lives as long as the request
	data  []byte
	size  int
	pause time.Duration
}

// Read implements io.Reader.
func (s *slowReader) Read(p []byte) (int, error) {
	if len(s.data) == 0 {
		return 0, io.EOF
	}
	if s.size == 0 {
		s.size = len(s.data)/pieces + 1
	}
	if !pause(s.ctx, s.pause) {
		return 0, s.ctx.Err()
	}
	n := copy(p, s.data[:min(s.size, len(s.data))])
	s.data = s.data[n:]
	return n, nil
}

// uriOf returns the URI by which a signature refers to an element.
func uriOf(e *xmltree.Element) string {
	id, _ := e.Attr("http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd", "Id")
	return "#" + id
}

// remove takes the child elements with a name out of e.
func remove(e *xmltree.Element, space, local string) {
	e.Children = slices.DeleteFunc(e.Children, func(n xmltree.Node) bool { return n.Element != nil && n.Element.Is(space, local) })
}
