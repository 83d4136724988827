package nasty

import (
	"errors"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/marktbote/marktbote/gateway/as4/ebms"
	"github.com/marktbote/marktbote/gateway/as4/testpki"
)

const file = "UNA:+.? 'UNB+UNOC:3+9900000000001:500+9800000000002:502+261122:0837+REF1'UNZ+0+REF1'"

// pair is a client and a server who know each other.
type pair struct {
	client *Client
	server *Server
	to     Message
	got    chan Received
}

func newPair(t *testing.T, script ...Behaviour) pair {
	t.Helper()
	pki, err := testpki.New()
	if err != nil {
		t.Fatal(err)
	}
	sender, err := NewIdentity(pki, "9900000000001", "sender.example")
	if err != nil {
		t.Fatal(err)
	}
	recipient, err := NewIdentity(pki, "9800000000002", "recipient.example")
	if err != nil {
		t.Fatal(err)
	}
	p := pair{got: make(chan Received, 10)}
	p.server = &Server{Identity: recipient, Script: script, Trust: pki.Trust(), Delay: time.Millisecond, Received: func(r Received) { p.got <- r }}
	s := httptest.NewServer(p.server)
	t.Cleanup(s.Close)
	p.client = &Client{Identity: sender, URL: s.URL, Trust: pki.Trust(), Delay: time.Millisecond}
	p.to = Message{
		MessageID: "m-1@sender.example", To: ebms.Party{ID: recipient.MPID, Type: ebms.PartyTypeDVGW}, Certificate: recipient.Encryption.Certificate,
		Payload: []byte(file), Properties: []ebms.Property{{Name: ebms.PropertyDocumentNo, Value: "REF1"}},
	}
	return p
}

// What a sender makes of each behaviour of a server.
func TestServer(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		behaviour Behaviour
		want      ebms.Reaction
		code      ebms.Code
		text      string
	}{
		{Good, ebms.Delivered, "", ""},
		{LateReceipt, ebms.Delivered, "", ""},
		{Slow, ebms.Delivered, "", ""},
		{NoBodyDigest, ebms.Delivered, "", ""},
		{Multipart, ebms.Delivered, "", ""},
		{NoReceipt, ebms.Retry, ebms.MissingReceipt, "HTTP 200"},
		{Garbage, ebms.Retry, ebms.MissingReceipt, "HTTP 200"},
		{Unavailable, ebms.Retry, ebms.MissingReceipt, "503 Service"},
		{Text400, ebms.Retry, ebms.MissingReceipt, "bad request"},
		{Reset, ebms.Retry, ebms.ConnectionFailure, ""},
		{DropAfterBody, ebms.Retry, ebms.ConnectionFailure, ""},
		{Unsigned, ebms.Retry, ebms.InvalidReceipt, "not signed"},
		{WrongDigest, ebms.Retry, ebms.InvalidReceipt, "digest"},
		{WrongMPID, ebms.Retry, ebms.InvalidReceipt, "signed by 9977777777777"},
		{ExpiredCert, ebms.Retry, ebms.InvalidReceipt, "expired"},
		{Duplicate, ebms.Stop, "EBMS:4001", "Duplicate"},
		{"error-EBMS:0102", ebms.Renew, ebms.FailedDecryption, "on purpose"},
		{"error-EBMS:9999", ebms.Stop, "EBMS:9999", "on purpose"},
	} {
		t.Run(string(test.behaviour), func(t *testing.T) {
			t.Parallel()
			script, err := ForServer(string(test.behaviour))
			if err != nil {
				t.Fatal(err)
			}
			p := newPair(t, script...)
			answers, err := p.client.Send(t.Context(), p.to, Good)
			if err != nil {
				t.Fatal(err)
			}
			o := answers[0].Outcome()
			if o.Reaction != test.want || o.Code != test.code || !strings.Contains(o.Text, test.text) {
				t.Errorf("got %v %s %q, want %v %s %q", o.Reaction, o.Code, o.Text, test.want, test.code, test.text)
			}
			got := <-p.got
			if got.Err != nil || test.behaviour != Reset && (string(got.Payload) != file || got.Message.MessageID != p.to.MessageID) {
				t.Errorf("the server got %+v", got)
			}
		})
	}
}

// What a server that keeps the rules makes of each behaviour of a client.
func TestClient(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		behaviour Behaviour
		code      ebms.Code // of the error, "" for a receipt
	}{
		{Good, ""},
		{Slow, ""},
		{WrongMPID, ebms.FailedAuthentication},
		{ExpiredCert, ebms.FailedAuthentication},
		{Unsigned, ebms.FailedAuthentication},
		{Tampered, ebms.FailedAuthentication},
		{Unencrypted, ebms.PolicyNoncompliance},
		{WrongKey, ebms.FailedDecryption},
		{NotGzip, ebms.DecompressionFailure},
		{NotXML, ebms.InvalidHeader},
	} {
		t.Run(string(test.behaviour), func(t *testing.T) {
			t.Parallel()
			b, err := ForClient(string(test.behaviour))
			if err != nil {
				t.Fatal(err)
			}
			p := newPair(t)
			answers, err := p.client.Send(t.Context(), p.to, b)
			if err != nil || len(answers) != 1 {
				t.Fatal(answers, err)
			}
			if o := answers[0].Outcome(); o.Code != test.code {
				t.Errorf("got %v %s (%s), want %s", o.Reaction, o.Code, o.Text, test.code)
			}
			if got := <-p.got; test.code == "" && string(got.Payload) != file {
				t.Errorf("the server got %+v", got)
			}
		})
	}
}

func TestClientDuplicate(t *testing.T) {
	t.Parallel()
	p := newPair(t, Good, Duplicate)
	answers, err := p.client.Send(t.Context(), p.to, Duplicate)
	if err != nil || len(answers) != 2 {
		t.Fatal(answers, err)
	}
	if a, b := answers[0].Outcome().Reaction, answers[1].Outcome().Reaction; a != ebms.Delivered || b != ebms.Duplicate {
		t.Errorf("got %v and %v", a, b)
	}
	if a, b := <-p.got, <-p.got; a.Message.MessageID != b.Message.MessageID {
		t.Errorf("got %s and %s", a.Message.MessageID, b.Message.MessageID)
	}
}

func TestClientHangsUp(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	for _, b := range []Behaviour{DropAfterBody, Reset} {
		answers, err := p.client.Send(t.Context(), p.to, b)
		if err != nil || !errors.Is(answers[0].Err, ErrHungUp) {
			t.Errorf("%s: got %v, %v", b, answers, err)
		}
	}
	if got := <-p.got; got.Err != nil || string(got.Payload) != file {
		t.Errorf("behind the body: the server got %+v", got)
	}
	if got := <-p.got; got.Err == nil || got.Message != nil {
		t.Errorf("in the body: the server got %+v", got)
	}
}

func TestPathSwitch(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.to.Service, p.to.Action, p.to.Payload = ebms.ServicePathSwitch, ebms.ActionRequestSwitch, nil
	answers, err := p.client.Send(t.Context(), p.to, Good)
	if err != nil {
		t.Fatal(err)
	}
	if o := answers[0].Outcome(); o.Reaction != ebms.Delivered {
		t.Errorf("got %+v", o)
	}
	if got := <-p.got; got.Message.Purpose() != ebms.PathSwitch || got.Payload != nil {
		t.Errorf("the server got %+v", got)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for _, list := range []string{"", "nonsense", "unencrypted", "good,tampered", "error-"} {
		if s, err := ForServer(list); err == nil {
			t.Errorf("ForServer(%q) = %v", list, s)
		}
	}
	for _, name := range []string{"", "no-receipt", "error-EBMS:0004"} {
		if _, err := ForClient(name); err == nil {
			t.Errorf("a client can %q", name)
		}
	}
	for _, d := range Descriptions() {
		if d.Server != "" {
			if _, err := ForServer(string(d.Behaviour)); err != nil {
				t.Error(err)
			}
		}
		if d.Client != "" {
			if _, err := ForClient(string(d.Behaviour)); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestIdentityFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := WriteIdentities(dir, "partner.example", "9900000000001", "9800000000002"); err != nil {
		t.Fatal(err)
	}
	if err := WriteIdentities(dir, "partner.example", "9900000000001"); err == nil {
		t.Error("a folder with files was written to")
	}
	id, err := ReadIdentity(dir, "9800000000002")
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range []Behaviour{Good, ExpiredCert, WrongMPID} {
		if _, err := id.signer(b); err != nil {
			t.Error(err)
		}
	}
	if err := os.RemoveAll(dir + "/expired"); err != nil {
		t.Fatal(err)
	}
	if id, err = ReadIdentity(dir, "9800000000002"); err != nil {
		t.Fatal(err)
	}
	if _, err := id.signer(ExpiredCert); err == nil {
		t.Error("signed without a certificate")
	}
	if _, err := ReadIdentity(dir, "9911111111111"); !os.IsNotExist(err) {
		t.Errorf("got %v", err)
	}
}

// BenchmarkExchange: a payload from the file to the file, through compression, signature, encryption, HTTP and back. The
// payload is random, so that nothing is saved by compression.
func BenchmarkExchange(b *testing.B) {
	pki, err := testpki.New()
	if err != nil {
		b.Fatal(err)
	}
	id, err := NewIdentity(pki, "9900000000001", "host.example")
	if err != nil {
		b.Fatal(err)
	}
	s := httptest.NewServer(&Server{Identity: id})
	defer s.Close()
	client := &Client{Identity: id, URL: s.URL}
	payload := make([]byte, 50<<20)
	_, _ = rand.NewChaCha8([32]byte{}).Read(payload)
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		answers, err := client.Send(b.Context(), Message{To: ebms.Party{ID: id.MPID}, Certificate: id.Encryption.Certificate, Payload: payload}, Good)
		if err != nil || answers[0].Outcome().Reaction != ebms.Delivered {
			b.Fatal(answers, err)
		}
	}
}
