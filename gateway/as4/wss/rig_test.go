package wss

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/marktbote/marktbote/gateway/as4/ebms"
	"github.com/marktbote/marktbote/gateway/as4/testpki"
	"github.com/marktbote/marktbote/gateway/as4/xmltree"
)

// people is a PKI with a sender, a recipient and a stranger; made once, because keys cost time.
var people = sync.OnceValue(func() (p struct {
	pki                         *testpki.PKI
	sender, recipient, stranger testpki.Triple
}) {
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	var err error
	p.pki, err = testpki.New()
	must(err)
	p.sender, err = p.pki.Triple("9900000000001", "sender.example")
	must(err)
	p.recipient, err = p.pki.Triple("9900000000002", "recipient.example")
	must(err)
	p.stranger, err = p.pki.Triple("9900000000003", "stranger.example")
	must(err)
	return p
})

func identity(p testpki.Pair) Identity { return Identity{Path: p.Path, Key: p.Key} }

// keysOf returns the lookup of a recipient with these certificates: the one that is named, and all otherwise.
func keysOf(pairs ...testpki.Pair) func(RecipientHint) []Agreer {
	return func(h RecipientHint) []Agreer {
		var all []Agreer
		for _, p := range pairs {
			if h.Matches(p.Certificate) {
				return []Agreer{p.Key}
			}
			all = append(all, p.Key)
		}
		return all
	}
}

// envelope is a message before it is signed.
func envelope(t testing.TB, parts ...Part) Envelope {
	t.Helper()
	root := xmltree.New("S12", soapSpace, "Envelope").Declare("S12", soapSpace).Declare("eb", ebSpace).Declare("wsu", wsuSpace)
	messaging := root.Add("S12", soapSpace, "Header").Add("eb", ebSpace, "Messaging").
		SetNS("S12", soapSpace, "mustUnderstand", "true").SetNS("wsu", wsuSpace, "Id", "M-1")
	user := messaging.Add("eb", ebSpace, "UserMessage")
	info := user.Add("eb", ebSpace, "MessageInfo")
	info.AddText("eb", ebSpace, "Timestamp", "2026-11-22T08:37:54.295Z")
	info.AddText("eb", ebSpace, "MessageId", "5c9be0a4-58f9-4a9a-8b38-7f6a1c1f3e01@as4.example.org")
	from := user.Add("eb", ebSpace, "PartyInfo").Add("eb", ebSpace, "From")
	from.AddText("eb", ebSpace, "PartyId", "9900000000001").Set("type", "urn:oasis:names:tc:ebcore:partyid-type:unregistered:BDEW")
	payload := user.Add("eb", ebSpace, "PayloadInfo")
	for _, p := range parts {
		payload.Add("eb", ebSpace, "PartInfo").Set("href", ebms.CID(p.ID)).Add("eb", ebSpace, "PartProperties").
			AddText("eb", ebSpace, "Property", gzipType).Set("name", "CompressionType")
	}
	root.Add("S12", soapSpace, "Body").SetNS("wsu", wsuSpace, "Id", "B-1")
	env, err := Locate(root)
	if err != nil {
		t.Fatal(err)
	}
	return env
}

// payload returns a part with a compressed file of about n bytes.
func payload(id string, n int) Part {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(w, "UNH+%d+UTILMD:D:11A:UN:S2.2'%s%x'", i, id, i*i*i*7919)
		if i%16 == 0 {
			if err := w.Flush(); err != nil {
				panic(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return Part{ID: id, MimeType: gzipType, Data: b.Bytes()}
}

// message is what travels.
type message struct {
	xml   string
	parts []Part
}

func (m message) clone() message {
	parts := slices.Clone(m.parts)
	for i := range parts {
		parts[i].Data = bytes.Clone(parts[i].Data)
	}
	return message{m.xml, parts}
}

// send signs and encrypts.
func send(t testing.TB, parts ...Part) message {
	t.Helper()
	env := envelope(t, parts...)
	if _, err := Sign(&env, identity(people().sender.Signature), parts); err != nil {
		t.Fatal(err)
	}
	encrypted, err := Encrypt(&env, people().recipient.Encryption.Certificate, parts)
	if err != nil {
		t.Fatal(err)
	}
	return message{string(env.Root.AppendXML(nil)), encrypted}
}

// receive does what a receiver does with the bytes.
func receive(m message, keys func(RecipientHint) []Agreer) (*Verified, []Part, error) {
	root, err := xmltree.Parse([]byte(m.xml), xmltree.Limits{})
	if err != nil {
		return nil, nil, err
	}
	env, err := Locate(root)
	if err != nil {
		return nil, nil, err
	}
	parts, err := Decrypt(&env, m.parts, keys)
	if err != nil {
		return nil, nil, err
	}
	v, err := Verify(&env, parts)
	return v, parts, err
}

func recipientKeys() func(RecipientHint) []Agreer { return keysOf(people().recipient.Encryption) }

// wantFault checks the code and a piece of the text of a fault.
func wantFault(t testing.TB, err error, code ebms.Code, text string) {
	t.Helper()
	var f *ebms.Fault
	if !errors.As(err, &f) {
		t.Fatalf("got %v, want a fault %s", err, code)
	}
	if f.Code != code || !strings.Contains(f.Text, text) {
		t.Errorf("got %s %q, want %s %q", f.Code, f.Text, code, text)
	}
}
