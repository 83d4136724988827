package interop

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/marktbote/marktbote/gateway/as4/ebms"
	"github.com/marktbote/marktbote/gateway/as4/smpki"
	"github.com/marktbote/marktbote/gateway/as4/swa"
	"github.com/marktbote/marktbote/gateway/as4/testpki"
	"github.com/marktbote/marktbote/gateway/as4/wss"
	"github.com/marktbote/marktbote/gateway/as4/xmltree"
)

// draft is a message of ours to the foreign side, which a test can spoil; zero fields leave it as it should be.
type draft struct {
	service, action string
	file            []byte // nil: no part
	properties      []ebms.Property
	partyType       string       // of our PartyId
	signer          testpki.Pair // zero: our own
	unsigned        func(r wss.Reference) bool
	unencrypted     bool
	bare            bool // no security at all
	body            string
}

// outgoing is a message as it goes over the wire, with what its sender remembers.
type outgoing struct {
	id          string
	contentType string
	body        []byte
	sent        []ebms.Signed
}

// make builds the message. It does what as4.Node does on sending, without what can go wrong there.
func (p *parties) make(t *testing.T, d draft) outgoing {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	if d.service == "" {
		d.service, d.action = ebms.ServiceMP, ebms.ActionDefault
	}
	if d.partyType == "" {
		d.partyType = ebms.PartyTypeBDEW
	}
	if d.signer.Key == nil {
		d.signer = p.triple[us].Signature
	}
	m := ebms.UserMessage{
		MessageID: ebms.NewMessageID("us.example"), Timestamp: time.Now(),
		From:      ebms.Party{ID: us, Type: d.partyType, Role: ebms.RoleInitiator},
		To:        ebms.Party{ID: them, Type: ebms.PartyTypeBDEW, Role: ebms.RoleResponder},
		Agreement: ebms.Agreement, Service: d.service, Action: d.action,
	}
	var parts []wss.Part
	if d.file != nil {
		data, err := swa.Gzip(d.file)
		must(err)
		id := "payload-" + m.MessageID
		parts = []wss.Part{{ID: id, MimeType: swa.GzipType, Data: data}}
		m.Parts = []ebms.PartInfo{{Href: ebms.CID(id), Properties: append([]ebms.Property{
			{Name: ebms.PropertyMimeType, Value: "application/octet-stream"}, {Name: ebms.PropertyCompressionType, Value: ebms.CompressionGzip},
		}, d.properties...)}}
	}
	env, err := wss.Locate(ebms.NewEnvelope(&m))
	must(err)
	if d.body != "" {
		env.Body.Add("x", "urn:x", d.body)
	}
	out := outgoing{id: m.MessageID}
	if !d.bare {
		references, err := wss.Sign(&env, wss.Identity{Path: d.signer.Path, Key: d.signer.Key}, parts)
		must(err)
		if d.unsigned != nil {
			references = signLess(t, &env, d.signer, references, d.unsigned)
		}
		for _, r := range references {
			out.sent = append(out.sent, ebms.Signed{URI: r.URI, Digest: r.Digest})
		}
		if !d.unencrypted {
			parts, err = wss.Encrypt(&env, p.triple[them].Encryption.Certificate, parts)
			must(err)
		}
	}
	var mime []swa.Part
	for _, part := range parts {
		mime = append(mime, swa.Part{ID: part.ID, MimeType: part.MimeType, Data: part.Data})
	}
	out.contentType, out.body, err = swa.Write(env.Root.AppendXML(nil), mime)
	must(err)
	return out
}

const dsig = "http://www.w3.org/2000/09/xmldsig#"

// signLess leaves references out of a signature and signs anew.
func signLess(t *testing.T, env *wss.Envelope, signer testpki.Pair, references []wss.Reference, out func(wss.Reference) bool) []wss.Reference {
	t.Helper()
	signature := env.Security.Find(dsig, "Signature")
	info := signature.Find(dsig, "SignedInfo")
	kept := slices.DeleteFunc(slices.Clone(references), out)
	info.Children = slices.DeleteFunc(info.Children, func(n xmltree.Node) bool {
		return n.Element != nil && n.Element.Is(dsig, "Reference") && !slices.ContainsFunc(kept, func(r wss.Reference) bool { return r.XML == n.Element })
	})
	digest := sha256.Sum256(info.Canonical(nil))
	rs, err := signer.Key.SignRaw(digest[:])
	if err != nil {
		t.Fatal(err)
	}
	signature.Find(dsig, "SignatureValue").SetText(base64.StdEncoding.EncodeToString(rs))
	return kept
}

// request is the message as a recorded file.
func (o outgoing) request() []byte {
	head := fmt.Sprintf("POST /as4 HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", o.contentType, len(o.body))
	return append([]byte(head), o.body...)
}

// answer is what came back to a message of ours, read as as4.Node reads it.
type answer struct {
	status   int
	code     string // of the error, "receipt" for a receipt
	detail   string
	reaction ebms.Reaction
}

// judge reads an answer and checks everything in a receipt.
func (p *parties) judge(t *testing.T, o outgoing, status int, contentType string, body []byte) answer {
	t.Helper()
	fail := func(err error) answer {
		t.Helper()
		t.Fatalf("status %d, %v\n%s", status, err, body)
		return answer{}
	}
	m, err := swa.Read(contentType, int64(len(body)), bytes.NewReader(body), swa.DefaultLimits)
	if err != nil {
		return fail(err)
	}
	root, err := xmltree.Parse(m.Envelope, xmltree.Limits{})
	if err != nil {
		return fail(err)
	}
	env, err := wss.Locate(root)
	if err != nil {
		return fail(err)
	}
	signal, err := ebms.ParseMessaging(env.Messaging)
	if err != nil {
		return fail(err)
	}
	a := ebms.Answer{MessageID: o.id, Status: status, Message: signal}
	got := answer{status: status}
	switch s := signal.(type) {
	case *ebms.Receipt:
		v, err := wss.Verify(&env, nil)
		if err != nil {
			return fail(err)
		}
		if _, err := p.pki.Trust().Verify(v.Leaf, v.Path, smpki.Signature, time.Now()); err != nil {
			return fail(err)
		}
		if err := ebms.MatchReceipt(o.id, o.sent, s); err != nil {
			return fail(err)
		}
		got.code = "receipt"
	case *ebms.ErrorSignal:
		got.code = string(s.Errors[0].Code)
		got.detail = s.Errors[0].Detail
		a.Resent = true
	default:
		return fail(fmt.Errorf("a %T", signal))
	}
	got.reaction = a.Outcome().Reaction
	return got
}

// edifact is a small transfer file, different for each n.
func edifact(n int) []byte {
	return fmt.Appendf(nil, "UNA:+.? 'UNB+UNOC:3+%s:500+%s:500+261124:1200+REF%07d'UNH+1+UTILMD:D:11A:UN:S2.1'BGM+E01+DOK%d'UNT+3+1'UNZ+1+REF%07d'", us, them, n, n, n) //nolint:lll // one file
}

// documentProperties are the properties that go with edifact(n).
func documentProperties(n int) []ebms.Property {
	return []ebms.Property{
		{Name: ebms.PropertyDocumentType, Value: "UTILMD"},
		{Name: ebms.PropertyDocumentNo, Value: fmt.Sprintf("REF%07d", n)},
		{Name: ebms.PropertyDocumentDate, Value: time.Now().UTC().Format(time.DateOnly)},
	}
}

// big is a file of n bytes that cannot be compressed much.
func big(n int) []byte {
	b := make([]byte, 0, n+sha256.Size)
	for i := 0; len(b) < n; i++ {
		sum := sha256.Sum256(fmt.Append(nil, i))
		b = append(b, sum[:]...)
	}
	return b[:n]
}

func isBody(r wss.Reference) bool    { return strings.HasPrefix(r.URI, "#B-") }
func isPayload(r wss.Reference) bool { return strings.HasPrefix(r.URI, "cid:") }
