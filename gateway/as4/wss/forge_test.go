package wss

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"slices"
	"strings"
	"testing"

	"github.com/marktbote/marktbote/gateway/as4/brainpool"
	"github.com/marktbote/marktbote/gateway/as4/smpki"
	"github.com/marktbote/marktbote/gateway/as4/testpki"
	"github.com/marktbote/marktbote/gateway/as4/xmltree"
)

// forgery is a message on its way, in the hands of somebody who changes it. What is changed before it is sealed is
// signed again with the key of the sender: so does a partner with other software, or one with bad intentions.
type forgery struct {
	t     testing.TB
	env   Envelope
	parts []Part // in clear before it is encrypted
}

// change says what is done to a message and when. Each step may be nil.
type change struct {
	ids       []string            // of the parts; one if empty
	signing   func(f *forgery)    // before it is signed
	sealing   func(f *forgery)    // after that; the signature value is made anew
	signed    func(f *forgery)    // after that
	encrypted func(f *forgery)    // at last, as XML
	text      func(string) string // and as text
}

// make makes the message.
func (c change) make(t testing.TB) message {
	t.Helper()
	ids := c.ids
	if ids == nil {
		ids = []string{"payload@as4.example.org"}
	}
	f := &forgery{t: t}
	for _, id := range ids {
		f.parts = append(f.parts, payload(id, 200+len(id)))
	}
	f.env = envelope(t, f.parts...)
	step := func(do func(*forgery)) {
		if do != nil {
			do(f)
		}
	}
	step(c.signing)
	if _, err := Sign(&f.env, identity(people().sender.Signature), f.parts); err != nil {
		t.Fatal(err)
	}
	if c.sealing != nil {
		c.sealing(f)
		f.seal()
	}
	step(c.signed)
	if len(f.parts) > 0 && f.env.Security != nil {
		var err error
		if f.parts, err = Encrypt(&f.env, people().recipient.Encryption.Certificate, f.parts); err != nil {
			t.Fatal(err)
		}
	}
	step(c.encrypted)
	text := string(f.env.Root.AppendXML(nil))
	if c.text != nil {
		changed := c.text(text)
		if changed == text {
			t.Fatal("nothing has been changed")
		}
		text = changed
	}
	return message{text, f.parts}
}

// get returns the n-th element with a local name, counted from 0.
func (f *forgery) get(local string, n int) *xmltree.Element {
	f.t.Helper()
	for e := range f.env.Root.Descend() {
		if e.Local == local {
			if n == 0 {
				return e
			}
			n--
		}
	}
	f.t.Fatalf("no %s", local)
	return nil
}

// seal computes the signature value anew.
func (f *forgery) seal() {
	f.t.Helper()
	var prefixes []string
	if c14n := f.get("CanonicalizationMethod", 0); len(c14n.Children) > 0 {
		list, _ := c14n.Children[0].Element.Attr("", "PrefixList")
		prefixes = strings.Fields(list)
	}
	digest := sha256.Sum256(f.get("SignedInfo", 0).Canonical(nil, prefixes...))
	rs, err := people().sender.Signature.Key.SignRaw(digest[:])
	if err != nil {
		f.t.Fatal(err)
	}
	f.get("SignatureValue", 0).SetText(b64(rs))
}

// digests computes the digests of the first two references anew, with the prefix lists that are there.
func (f *forgery) digests() {
	for i, e := range []*xmltree.Element{f.env.Messaging, f.env.Body} {
		r := f.get("Reference", i)
		var prefixes []string
		if list := find(r, "InclusiveNamespaces"); list != nil {
			text, _ := list.Attr("", "PrefixList")
			prefixes = strings.Fields(text)
		}
		sum := sha256.Sum256(e.Canonical(nil, prefixes...))
		find(r, "DigestValue").SetText(b64(sum[:]))
	}
}

func find(e *xmltree.Element, local string) *xmltree.Element {
	for c := range e.Descend() {
		if c.Local == local {
			return c
		}
	}
	return nil
}

// rewrap wraps the content key with another derivation of its key.
func (f *forgery) rewrap(otherInfo []byte, wrap func([]byte) []byte) {
	f.t.Helper()
	key := people().recipient.Encryption.Key
	r := keyReader{env: &f.env, read: map[*xmltree.Element]*wrappedKey{}}
	k, err := r.key(f.get("EncryptedKey", 0))
	if err != nil {
		f.t.Fatal(err)
	}
	cek, err := k.unwrap(func(RecipientHint) []Agreer { return []Agreer{key} })
	if err != nil {
		f.t.Fatal(err)
	}
	peer, err := brainpool.ParsePoint(brainpool.P256r1(), k.point)
	if err != nil {
		f.t.Fatal(err)
	}
	z, err := key.ECDH(peer)
	if err != nil {
		f.t.Fatal(err)
	}
	if wrap != nil {
		cek = wrap(cek)
	}
	wrapped, err := wrapKey(deriveKey(z, otherInfo), cek)
	if err != nil {
		f.t.Fatal(err)
	}
	find(f.get("EncryptedKey", 0), "CipherValue").SetText(b64(wrapped))
}

// remove takes an element out of its tree.
func remove(e *xmltree.Element) *xmltree.Element {
	p := e.Parent
	p.Children = slices.DeleteFunc(p.Children, func(n xmltree.Node) bool { return n.Element == e })
	e.Parent = nil
	return e
}

// replace puts one element in the place of another.
func replace(old, e *xmltree.Element) {
	for i := range old.Parent.Children {
		if old.Parent.Children[i].Element == old {
			old.Parent.Children[i].Element = e
		}
	}
	e.Parent, old.Parent = old.Parent, nil
}

// replacer is a step that changes the text.
func replacer(old, with string) func(string) string {
	return func(s string) string { return strings.Replace(s, old, with, 1) }
}

// algorithmOf is a step that sets the algorithm of the n-th element with a name.
func algorithmOf(local string, n int, to string) func(*forgery) {
	return func(f *forgery) { f.get(local, n).Set("Algorithm", to) }
}

// TestVariants: what products write differently and is accepted.
func TestVariants(t *testing.T) {
	prefixList := func(e *xmltree.Element, list string) {
		e.Add("ec", exclusiveC14N, "InclusiveNamespaces").Set("PrefixList", list)
	}
	wrapLines := func(e *xmltree.Element) {
		text, out := e.Text(), ""
		for len(text) > 76 {
			out, text = out+text[:76]+"\r\n \t", text[76:]
		}
		e.SetText("\n" + out + text + " \t\n")
	}
	recipient := func(info ...*xmltree.Element) func(*forgery) {
		return func(f *forgery) {
			e := f.get("RecipientKeyInfo", 0)
			e.Children = nil
			e.Append(info...)
		}
	}
	x509Data := func(local string, value []byte) *xmltree.Element {
		d := xmltree.New("ds", dsSpace, "X509Data")
		d.AddText("ds", dsSpace, local, b64(value))
		return d
	}
	str := func(children ...*xmltree.Element) *xmltree.Element {
		return xmltree.New("wsse", wsseSpace, "SecurityTokenReference").Append(children...)
	}
	cert := people().recipient.Encryption.Certificate
	serial := xmltree.New("ds", dsSpace, "X509Data")
	issuer := serial.Add("ds", dsSpace, "X509IssuerSerial")
	issuer.AddText("ds", dsSpace, "X509IssuerName", "CN=Example.CA,O=SM-Test-PKI-DE,C=DE")
	issuer.AddText("ds", dsSpace, "X509SerialNumber", cert.SerialNumber.String())
	ski := xmltree.New("wsse", wsseSpace, "KeyIdentifier").SetText(b64(cert.SubjectKeyId)).Set("ValueType", keyIdentifier)

	for _, c := range []struct {
		name string
		change
	}{
		{"as we write it", change{}},
		{"prefix lists", change{sealing: func(f *forgery) {
			prefixList(f.get("CanonicalizationMethod", 0), "S12 eb wsse")
			prefixList(f.get("Transform", 0), " S12\twsu\n#default unknown ")
			prefixList(f.get("Transform", 1), "")
			f.digests()
		}}},
		{"lines in base64", change{
			sealing: func(f *forgery) { wrapLines(f.get("DigestValue", 0)) },
			signed:  func(f *forgery) { wrapLines(f.get("SignatureValue", 0)); wrapLines(f.get("BinarySecurityToken", 0)) },
			encrypted: func(f *forgery) {
				wrapLines(f.get("PublicKey", 0))
				wrapLines(f.get("CipherValue", 0))
				wrapLines(f.get("X509SKI", 0))
			},
		}},
		{"attributes in another order", change{signed: func(f *forgery) { slices.Reverse(f.get("BinarySecurityToken", 0).Attrs) }}},
		{"token type and no value type", change{signed: func(f *forgery) {
			e := f.get("SecurityTokenReference", 0)
			e.SetNS("wsse11", wsse11Space, "TokenType", pkiPath)
			e.Find(wsseSpace, "Reference").Attrs = e.Find(wsseSpace, "Reference").Attrs[:1]
		}}},
		{"token without encoding type", change{signed: func(f *forgery) {
			e := f.get("BinarySecurityToken", 0)
			e.Attrs = slices.DeleteFunc(e.Attrs, func(a xmltree.Attr) bool { return a.Local == "EncodingType" })
		}}},
		{"token behind the signature", change{signed: func(f *forgery) { f.env.Security.Append(remove(f.get("BinarySecurityToken", 0))) }}},
		{"single certificate", change{signed: func(f *forgery) {
			f.get("BinarySecurityToken", 0).Set("ValueType", singleX509).SetText(b64(people().sender.Signature.Certificate.Raw))
		}}},
		{"path with root", change{signed: func(f *forgery) {
			path := append([]*x509.Certificate{people().pki.Root}, people().sender.Signature.Path...)
			der, err := smpki.MarshalPkiPath(path)
			if err != nil {
				f.t.Fatal(err)
			}
			f.get("BinarySecurityToken", 0).SetText(b64(der))
		}}},
		{"Body not signed", change{sealing: func(f *forgery) { remove(f.get("Reference", 1)) }}},
		{"Body without ID", change{sealing: func(f *forgery) { remove(f.get("Reference", 1)); f.env.Body.Attrs = nil }}},
		{"references in another order", change{sealing: func(f *forgery) { f.get("SignedInfo", 0).Append(remove(f.get("Reference", 0))) }}},
		{"id on Messaging", change{signing: func(f *forgery) { f.env.Messaging.Attrs = nil; f.env.Messaging.Set("id", "M-2") }}},
		{"two attributes with the same ID on one element", change{signing: func(f *forgery) { f.env.Messaging.Set("id", "M-1") }}},
		{"timestamp in the header", change{signed: func(f *forgery) {
			ts := f.env.Security.Add("wsu", wsuSpace, "Timestamp").SetNS("wsu", wsuSpace, "Id", "TS-1")
			ts.AddText("wsu", wsuSpace, "Expires", "2001-01-01T00:00:00Z")
		}}},
		{"unknown header that need not be understood", change{signed: func(f *forgery) {
			f.env.Header.Add("x", "urn:x", "Trace").SetNS("S12", soapSpace, "mustUnderstand", "false")
		}}},
		{"Security before Messaging", change{signed: func(f *forgery) { slices.Reverse(f.env.Header.Children) }}},
		{"ID of the signature", change{signed: func(f *forgery) { f.get("Signature", 0).Set("Id", "SIG-1") }}},
		{"white space in Body", change{text: replacer(`<S12:Body wsu:Id="B-1"/>`, "<S12:Body wsu:Id=\"B-1\">\n <!-- --> </S12:Body>"),
			sealing: func(f *forgery) { remove(f.get("Reference", 1)) }}},
		{"prefixes of the partner", change{text: func(s string) string {
			// Only outside of what is signed.
			return strings.NewReplacer("xenc:", "e:", "xmlns:xenc=", "xmlns:e=", "xenc11:", "f:", "xmlns:xenc11=", "xmlns:f=").Replace(s)
		}}},
		{"XML declaration and byte order mark", change{text: func(s string) string {
			return "\uFEFF<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>\n" + s
		}}},
		{"cid with escapes", change{ids: []string{"a b%@x"}, encrypted: func(f *forgery) {
			f.get("CipherReference", 0).Set("URI", "CID:%61%20b%25@x")
		}}},

		{"recipient by issuer and serial number", change{encrypted: recipient(serial)}},
		{"recipient by issuer and serial number in a reference", change{encrypted: recipient(str(serial.Clone()))}},
		{"recipient by certificate", change{encrypted: recipient(x509Data("X509Certificate", cert.Raw))}},
		{"recipient by key identifier", change{encrypted: recipient(str(ski))}},
		{"recipient unknown", change{encrypted: recipient(x509Data("X509SKI", []byte("somebody else")))}},
		{"recipient not named", change{encrypted: recipient()}},
		{"recipient missing", change{encrypted: func(f *forgery) { remove(f.get("RecipientKeyInfo", 0)) }}},
		{"key derivation with one zero octet", change{encrypted: func(f *forgery) {
			f.rewrap([]byte{0}, nil)
			f.get("ConcatKDFParams", 0).Set("AlgorithmID", "0000")
		}}},
		{"key derivation with all parameters", change{encrypted: func(f *forgery) {
			f.rewrap([]byte{1, 2, 0xAB, 3, 4, 5}, nil)
			f.get("ConcatKDFParams", 0).Set("AlgorithmID", "000102").Set("PartyUInfo", "00aB").Set("PartyVInfo", "0003").
				Set("SuppPubInfo", "0004").Set("SuppPrivInfo", "0005")
		}}},
		{"key derivation without attributes", change{encrypted: func(f *forgery) { f.get("ConcatKDFParams", 0).Attrs = nil }}},
		{"key inside EncryptedData", change{encrypted: func(f *forgery) {
			info := find(f.get("EncryptedData", 0), "KeyInfo")
			info.Children = nil
			info.Append(remove(f.get("EncryptedKey", 0)))
		}}},
		{"key behind EncryptedData", change{encrypted: func(f *forgery) { f.env.Security.Append(remove(f.get("EncryptedKey", 0))) }}},
		{"key found by its list", change{encrypted: func(f *forgery) { remove(f.get("EncryptedData", 0).Find(dsSpace, "KeyInfo")) }}},
		{"key without list", change{encrypted: func(f *forgery) { remove(f.get("ReferenceList", 0)) }}},
		{"no token type", change{encrypted: func(f *forgery) { f.get("SecurityTokenReference", 0).Attrs = nil }}},
		{"several payloads", change{ids: []string{"a@x", "b@x", "c@x"}}},
		{"several payloads, one key inside the first", change{ids: []string{"a@x", "b@x"}, encrypted: func(f *forgery) {
			info := find(f.get("EncryptedData", 0), "KeyInfo")
			info.Children = nil
			info.Append(remove(f.get("EncryptedKey", 0)))
		}}},
		{"encrypted data in another order", change{ids: []string{"a@x", "b@x"}, encrypted: func(f *forgery) {
			f.env.Security.Append(remove(f.get("EncryptedData", 0)))
		}}},
		{"other MIME types", change{encrypted: func(f *forgery) { f.get("EncryptedData", 0).Set("MimeType", "text/plain") }}},
		{"no MIME type", change{encrypted: func(f *forgery) {
			e := f.get("EncryptedData", 0)
			e.Attrs = slices.DeleteFunc(e.Attrs, func(a xmltree.Attr) bool { return a.Local == "MimeType" })
		}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := c.make(t)
			want := c.ids
			if want == nil {
				want = []string{"payload@as4.example.org"}
			}
			keys := keysOf(people().stranger.Encryption, people().recipient.Encryption)
			v, parts, err := receive(m, keys)
			if err != nil {
				t.Fatalf("%v\n%s", err, m.xml)
			}
			if !v.Leaf.Equal(people().sender.Signature.Certificate) {
				t.Errorf("signed by %s", v.Leaf.Subject)
			}
			for i, id := range want {
				if parts[i].ID != id || !bytes.Equal(parts[i].Data, payload(id, 200+len(id)).Data) {
					t.Errorf("part %d has changed", i)
				}
			}
		})
	}
}

// At most three keys are tried, and those in the order given.
func TestKeysTried(t *testing.T) {
	p := people()
	m := change{}.make(t)
	in := func(pairs ...testpki.Pair) func(RecipientHint) []Agreer {
		return func(RecipientHint) []Agreer {
			var all []Agreer
			for _, p := range pairs {
				all = append(all, p.Key)
			}
			return all
		}
	}
	other, right := p.stranger.Encryption, p.recipient.Encryption
	if _, _, err := receive(m.clone(), in(other, other, right)); err != nil {
		t.Error(err)
	}
	if _, _, err := receive(m.clone(), in(other, other, other, right)); err == nil {
		t.Error("more than three keys are tried")
	}
}
