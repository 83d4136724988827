package wss

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/marktbote/marktbote/gateway/as4/ebms"
	"github.com/marktbote/marktbote/gateway/as4/smpki"
	"github.com/marktbote/marktbote/gateway/as4/xmltree"
)

func TestRoundTrip(t *testing.T) {
	for _, c := range []struct {
		name  string
		parts []Part
	}{
		{"one part", []Part{payload("payload@as4.example.org", 7000)}},
		{"no part", nil},
		{"empty part", []Part{{ID: "payload@as4.example.org", Data: []byte{}}}},
		{"several parts", []Part{payload("a@as4.example.org", 10), payload("b c%<>@as4.example.org", 20), payload("ü@as4.example.org", 100_000)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := send(t, c.parts...)
			for i, p := range m.parts {
				if len(c.parts[i].Data) > 16 && bytes.Contains(p.Data, c.parts[i].Data[:16]) {
					t.Error("the part is not encrypted")
				}
			}
			if len(c.parts) == 0 && strings.Contains(m.xml, "Encrypted") {
				t.Error("nothing is encrypted, and the header says something is")
			}
			v, parts, err := receive(m, func(h RecipientHint) []Agreer {
				if !bytes.Equal(h.SKI, people().recipient.Encryption.Certificate.SubjectKeyId) {
					t.Errorf("the recipient is not named: %+v", h)
				}
				return recipientKeys()(h)
			})
			if err != nil {
				t.Fatal(err)
			}
			if len(parts) != len(c.parts) {
				t.Fatalf("%d parts, want %d", len(parts), len(c.parts))
			}
			for i := range parts {
				if !bytes.Equal(parts[i].Data, c.parts[i].Data) || parts[i].MimeType != gzipType || parts[i].ID != c.parts[i].ID {
					t.Errorf("part %d has changed", i)
				}
			}
			sender := people().sender.Signature
			if !v.Leaf.Equal(sender.Certificate) || len(v.Path) != 2 || !v.SignedBody || len(v.References) != 2+len(parts) {
				t.Errorf("leaf %v, path of %d, body %v, %d references", v.Leaf.Subject, len(v.Path), v.SignedBody, len(v.References))
			}
			if _, err := people().pki.Trust().Verify(v.Leaf, v.Path, smpki.Signature, time.Now()); err != nil {
				t.Error(err)
			}
			for _, r := range v.References {
				if r.URI == "" || r.DigestMethod != sha256Digest || len(r.Digest) != 32 || !r.XML.Is(dsSpace, "Reference") {
					t.Errorf("reference %+v", r)
				}
			}
		})
	}
}

// A receipt is signed and has no parts.
func TestSignReturnsWhatVerifyFinds(t *testing.T) {
	p := payload("payload@as4.example.org", 100)
	env := envelope(t, p)
	sent, err := Sign(&env, identity(people().sender.Signature), []Part{p})
	if err != nil {
		t.Fatal(err)
	}
	v, err := Verify(&env, []Part{p})
	if err != nil {
		t.Fatal(err)
	}
	_, err = Verify(&env, []Part{p, p})
	wantFault(t, err, ebms.MimeInconsistency, "is there twice")
	if len(sent) != 3 || len(v.References) != 3 {
		t.Fatalf("%d and %d references, want 3", len(sent), len(v.References))
	}
	for i := range sent {
		if sent[i].URI != v.References[i].URI || !bytes.Equal(sent[i].Digest, v.References[i].Digest) || sent[i].DigestMethod != v.References[i].DigestMethod {
			t.Errorf("reference %d: %+v and %+v", i, sent[i], v.References[i])
		}
	}
}

func TestSignAndEncryptRefuse(t *testing.T) {
	p := payload("payload@as4.example.org", 100)
	id := identity(people().sender.Signature)
	to := people().recipient.Encryption.Certificate
	env := envelope(t, p)
	if _, err := Sign(&Envelope{Root: env.Root}, id, nil); err == nil {
		t.Error("signed an envelope that is not complete")
	}
	if _, err := Encrypt(&env, to, []Part{p}); err == nil {
		t.Error("encrypted before it was signed")
	}
	if _, err := Sign(&env, Identity{Key: id.Key}, []Part{p}); err == nil {
		t.Error("signed without a certificate")
	}
	var many []Part
	for i := range maxReferences - 1 {
		many = append(many, Part{ID: fmt.Sprint(i, "@x")})
	}
	if _, err := Sign(&env, id, many); err == nil {
		t.Error("signed with too many references")
	}
	if _, err := Sign(&env, id, []Part{p, p}); err == nil {
		t.Error("signed with two parts of the same name")
	}
	twice := envelope(t, p)
	twice.Body.SetNS("wsu", wsuSpace, "Id", "M-1")
	if _, err := Sign(&twice, id, []Part{p}); err == nil {
		t.Error("signed with an ID that is there twice")
	}
	if _, err := Sign(&env, Identity{Path: id.Path, Key: failing{}}, []Part{p}); err == nil {
		t.Error("signed without a key")
	}
	if env.Security != nil {
		t.Fatal("a failure left something in the header")
	}
	if _, err := Sign(&env, id, []Part{p}); err != nil {
		t.Fatal(err)
	}
	if _, err := Sign(&env, id, []Part{p}); err == nil {
		t.Error("signed twice")
	}
	if _, err := Encrypt(&env, &x509.Certificate{PublicKey: to.PublicKey}, []Part{p}); err == nil {
		t.Error("encrypted to a certificate without subject key identifier")
	}
	if _, err := Encrypt(&env, &x509.Certificate{SubjectKeyId: []byte{1}}, []Part{p}); err == nil {
		t.Error("encrypted to a certificate without key")
	}
	if _, err := Encrypt(&env, people().pki.Root, []Part{p}); err == nil {
		t.Error("encrypted to a key on another curve")
	}
}

// TestTokenType: products built on WSS4J refuse a reference to a PKIPath or an EncryptedKey that does not say what it
// refers to.
func TestTokenType(t *testing.T) {
	xml := send(t, payload("a@x", 100)).xml
	for _, want := range []string{pkiPath, encryptedKey} {
		if !strings.Contains(xml, `wsse11:TokenType="`+want+`"`) {
			t.Errorf("no TokenType %s", want)
		}
	}
}

// A payload of the largest size is in memory once.
func TestDecryptInPlace(t *testing.T) {
	p := payload("payload@as4.example.org", 1000)
	m := send(t, p)
	before := &m.parts[0].Data[ivBytes]
	_, parts, err := receive(m, recipientKeys())
	if err != nil {
		t.Fatal(err)
	}
	if &parts[0].Data[0] != before {
		t.Error("the payload has been copied")
	}
}

// What is not named gets a name.
func TestSignGivesIDs(t *testing.T) {
	env := envelope(t)
	env.Messaging.Attrs, env.Body.Attrs = nil, nil
	if _, err := Sign(&env, identity(people().sender.Signature), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(&env, nil); err != nil {
		t.Error(err)
	}
}

func TestEncrypted(t *testing.T) {
	for _, c := range []struct {
		name string
		change
		want bool
	}{
		{"encrypted", change{}, true},
		{"only a key", change{encrypted: func(f *forgery) { remove(f.get("EncryptedData", 0)) }}, true},
		{"only data", change{encrypted: func(f *forgery) { remove(f.get("EncryptedKey", 0)) }}, true},
		{"neither", change{encrypted: func(f *forgery) { remove(f.get("EncryptedData", 0)); remove(f.get("EncryptedKey", 0)) }}, false},
		{"data in Messaging", change{encrypted: func(f *forgery) {
			f.env.Messaging.Append(remove(f.get("EncryptedData", 0)))
			remove(f.get("EncryptedKey", 0))
		}}, true},
	} {
		root, err := xmltree.Parse([]byte(c.make(t).xml), xmltree.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		env, err := Locate(root)
		if err != nil {
			t.Fatal(err)
		}
		if got := env.Encrypted(); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// Somebody may have made the envelope without Locate.
func TestDuplicateIDsWithoutLocate(t *testing.T) {
	m := change{signed: func(f *forgery) { f.env.Header.Add("x", "urn:x", "y").Set("Id", "M-1") }}.make(t)
	root, err := xmltree.Parse([]byte(m.xml), xmltree.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	header := root.Find(soapSpace, "Header")
	env := Envelope{
		Root: root, Header: header, Messaging: header.Find(ebSpace, "Messaging"),
		Body: root.Find(soapSpace, "Body"), Security: header.Find(wsseSpace, "Security"),
	}
	_, err = Decrypt(&env, m.parts, recipientKeys())
	wantFault(t, err, ebms.InvalidHeader, "is there twice")
	_, err = Verify(&env, nil)
	wantFault(t, err, ebms.InvalidHeader, "is there twice")
}

// The content key opens the parts without the key of the recipient, for both sides.
func TestContentKey(t *testing.T) {
	p := payload("payload@as4.example.org", 100)
	env := envelope(t, p)
	if _, err := Sign(&env, identity(people().sender.Signature), []Part{p}); err != nil {
		t.Fatal(err)
	}
	encrypted, err := Encrypt(&env, people().recipient.Encryption.Certificate, []Part{p})
	if err != nil {
		t.Fatal(err)
	}
	sent := bytes.Clone(encrypted[0].Data)
	if got, err := open(env.ContentKey, bytes.Clone(sent)); err != nil || !bytes.Equal(got, p.Data) {
		t.Errorf("the key of the sender does not open the part: %v", err)
	}
	env.ContentKey = nil
	if _, err := Decrypt(&env, encrypted, recipientKeys()); err != nil {
		t.Fatal(err)
	}
	if got, err := open(env.ContentKey, sent); err != nil || !bytes.Equal(got, p.Data) {
		t.Errorf("the key of the recipient does not open the part: %v", err)
	}
}

func TestVerifyUnsigned(t *testing.T) {
	env := envelope(t)
	_, err := Verify(&env, nil)
	wantFault(t, err, ebms.FailedAuthentication, "not signed")
}

// An operator is told when a product may have signed something other than bytes.
func TestMismatchOfText(t *testing.T) {
	for kind, want := range map[string]bool{
		"text/plain": true, "Application/XML": true, "application/foo+xml": true, "application/gzip": false, "": false,
	} {
		p := payload("payload@as4.example.org", 10)
		p.MimeType = kind
		env := envelope(t, p)
		if _, err := Sign(&env, identity(people().sender.Signature), []Part{p}); err != nil {
			t.Fatal(err)
		}
		p.Data = []byte("changed")
		_, err := Verify(&env, []Part{p})
		wantFault(t, err, ebms.FailedAuthentication, "the digest of")
		if got := strings.Contains(err.Error(), "another form"); got != want {
			t.Errorf("%q: %v", kind, err)
		}
	}
}

// What a partner has written is repeated in a fault, but not at any length and not as it is.
func TestQuote(t *testing.T) {
	if got := quote("a\n\"b"); got != `"a\n\"b"` {
		t.Error(got)
	}
	long := strings.Repeat("ä", 1000)
	if got := quote(long); len(got) > 130 || !strings.HasSuffix(got, `…"`) {
		t.Errorf("%d bytes: %s", len(got), got)
	}
	if got := quote("x" + long); strings.ContainsRune(got, '\uFFFD') {
		t.Errorf("cut inside a character: %s", got)
	}
}
