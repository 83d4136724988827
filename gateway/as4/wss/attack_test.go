package wss

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/marktbote/marktbote/gateway/as4/brainpool"
	"github.com/marktbote/marktbote/gateway/as4/ebms"
	"github.com/marktbote/marktbote/gateway/as4/xmltree"
)

// forged returns a Messaging of the attacker.
func (f *forgery) forged(id string) *xmltree.Element {
	e := f.env.Messaging.Clone()
	find(e, "PartyId").SetText("9900000000099")
	e.Attrs = nil
	if id != "" {
		e.SetNS("wsu", wsuSpace, "Id", id)
	}
	return e
}

// displace puts a forged Messaging in the place of the genuine one, which goes into another element.
func (f *forgery) displace(into *xmltree.Element, id string) {
	genuine := f.env.Messaging
	replace(genuine, f.forged(id))
	into.Append(genuine)
}

// addReference adds a fitting reference to an element or a part.
func (f *forgery) addReference(uri string, e *xmltree.Element, part []byte) *xmltree.Element {
	r := f.get("Reference", 0).Clone().Set("URI", uri)
	sum := sha256.Sum256(part)
	if e != nil {
		sum = sha256.Sum256(e.Canonical(nil))
	} else {
		find(r, "Transform").Set("Algorithm", contentDigest)
	}
	find(r, "DigestValue").SetText(b64(sum[:]))
	f.get("SignedInfo", 0).Append(r)
	return r
}

func TestAttacks(t *testing.T) {
	const (
		header    = ebms.InvalidHeader
		unproved  = ebms.FailedAuthentication
		decrypt   = ebms.FailedDecryption
		policy    = ebms.PolicyNoncompliance
		mismatch  = ebms.MimeInconsistency
		nodecrypt = "the payload cannot be decrypted"
	)
	unknown := func(f *forgery) *xmltree.Element { return f.env.Header.Add("x", "urn:x", "Unknown") }
	// duplicate puts an element with an ID of the genuine Messaging into the header.
	duplicate := func(prefix, space, local string) change {
		return change{signed: func(f *forgery) { unknown(f).SetNS(prefix, space, local, "M-1") }}
	}
	keyInfo := func(children ...*xmltree.Element) change {
		return change{signed: func(f *forgery) {
			e := find(f.get("Signature", 0), "KeyInfo")
			e.Children = nil
			e.Append(children...)
		}}
	}
	el := xmltree.New
	point := func(p []byte) change {
		return change{encrypted: func(f *forgery) { f.get("PublicKey", 0).SetText(b64(p)) }}
	}
	payloadBytes := func(do func([]byte) []byte) change {
		return change{encrypted: func(f *forgery) { f.parts[0].Data = do(f.parts[0].Data) }}
	}
	flip := func(i int) change {
		return payloadBytes(func(b []byte) []byte { b[(i+len(b))%len(b)] ^= 1; return b })
	}
	wrapped := func(do func([]byte) []byte) change {
		return change{encrypted: func(f *forgery) {
			e := f.get("CipherValue", 0)
			b, err := base64.StdEncoding.DecodeString(e.Text())
			if err != nil {
				f.t.Fatal(err)
			}
			e.SetText(b64(do(b)))
		}}
	}
	transforms := func(n int, algorithms ...string) change {
		return change{sealing: func(f *forgery) {
			e := f.get("Transforms", n)
			e.Children = nil
			for _, a := range algorithms {
				e.Add("ds", dsSpace, "Transform").Set("Algorithm", a)
			}
		}}
	}
	const (
		enveloped = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
		xpath     = "http://www.w3.org/TR/1999/REC-xpath-19991116"
		xslt      = "http://www.w3.org/TR/1999/REC-xslt-19991116"
		inclusive = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
	)
	uri := func(to string) change {
		return change{sealing: func(f *forgery) { f.get("Reference", 0).Set("URI", to) }}
	}
	digestValue := func(do func([]byte) []byte) change {
		return change{sealing: func(f *forgery) {
			e := f.get("DigestValue", 0)
			b, err := base64.StdEncoding.DecodeString(e.Text())
			if err != nil {
				f.t.Fatal(err)
			}
			e.SetText(b64(do(b)))
		}}
	}
	signatureValue := func(do func([]byte) []byte) change {
		return change{signed: func(f *forgery) {
			e := f.get("SignatureValue", 0)
			b, err := base64.StdEncoding.DecodeString(e.Text())
			if err != nil {
				f.t.Fatal(err)
			}
			e.SetText(b64(do(b)))
		}}
	}
	bst := func(do func(e *xmltree.Element)) change {
		return change{signed: func(f *forgery) { do(f.get("BinarySecurityToken", 0)) }}
	}
	twoParts := []string{"a@x", "b@x"}

	for _, c := range []struct {
		name string
		change
		code ebms.Code
		text string
	}{
		// The envelope.
		{"second Messaging", change{signed: func(f *forgery) { f.env.Header.Append(f.forged("M-2")) }}, header, `"Messaging" is there twice`},
		{"second Messaging before the genuine one", change{signed: func(f *forgery) {
			f.env.Header.Append(f.forged("M-2"))
			slices.Reverse(f.env.Header.Children)
		}}, header, `"Messaging" is there twice`},
		{"Messaging moved into an unknown header", change{signed: func(f *forgery) { f.displace(unknown(f), "M-2") }}, header, `"Messaging" is there twice`},
		{"the same with the same ID", change{signed: func(f *forgery) { f.displace(unknown(f), "M-1") }}, header, `"Messaging" is there twice`},
		{"the same without an ID", change{signed: func(f *forgery) { f.displace(unknown(f), "") }}, header, `"Messaging" is there twice`},
		{"Messaging moved into Security", change{signed: func(f *forgery) { f.displace(f.env.Security, "M-2") }}, header, `"Messaging" is there twice`},
		{"Messaging moved into a ds:Object", change{signed: func(f *forgery) { f.displace(f.get("Signature", 0).Add("ds", dsSpace, "Object"), "M-2") }}, header, `"Messaging" is there twice`},
		{"Messaging moved into the Body", change{signed: func(f *forgery) { f.displace(f.env.Body, "M-2") }}, header, `"Messaging" is there twice`},
		{"Messaging moved into the forged one", change{signed: func(f *forgery) {
			genuine := f.env.Messaging
			forged := f.forged("M-2")
			replace(genuine, forged)
			forged.Append(genuine)
		}}, header, `"Messaging" is there twice`},
		{"Messaging only in an unknown header", change{signed: func(f *forgery) { unknown(f).Append(remove(f.env.Messaging)) }}, header, "no eb:Messaging"},
		{"Messaging of another namespace in place", change{signed: func(f *forgery) {
			e := f.forged("M-1")
			e.Prefix, e.Space = "x", "urn:x"
			replace(f.env.Messaging, e)
		}}, header, "no eb:Messaging"},
		{"second Security", change{signed: func(f *forgery) { f.env.Header.Add("wsse", wsseSpace, "Security") }}, header, `"Security" is there twice`},
		{"second Security for another role", change{signed: func(f *forgery) {
			f.env.Header.Add("wsse", wsseSpace, "Security").SetNS("S12", soapSpace, "role", "urn:x")
		}}, header, `"Security" is there twice`},
		{"Security in an unknown header", change{signed: func(f *forgery) { unknown(f).Append(f.env.Security.Clone()) }}, header, "is there twice"},
		{"no Body", change{signed: func(f *forgery) { remove(f.env.Body) }}, header, "no header and body"},
		{"no Header", change{signed: func(f *forgery) { remove(f.env.Header) }}, header, `"Body" at a wrong place`},
		{"empty Envelope", change{signed: func(f *forgery) { f.env.Root.Children = nil }}, header, "no header and body"},
		{"second Header", change{signed: func(f *forgery) { f.env.Root.Append(f.env.Header.Clone()) }}, header, `"Header" at a wrong place`},
		{"second Body", change{signed: func(f *forgery) { f.env.Root.Add("S12", soapSpace, "Body") }}, header, `"Body" at a wrong place`},
		{"Body before the Header", change{signed: func(f *forgery) { slices.Reverse(f.env.Root.Children) }}, header, `"Body" at a wrong place`},
		{"Body in an unknown header", change{signed: func(f *forgery) {
			b := f.env.Body
			replace(b, el("S12", soapSpace, "Body").Append(el("x", "urn:x", "y")))
			unknown(f).Append(b)
		}}, header, `"Body" is there twice`},
		{"something behind the Body", change{signed: func(f *forgery) { f.env.Root.Add("x", "urn:x", "y") }}, header, "wrong place"},
		{"text in the Header", change{text: replacer("<S12:Header>", "<S12:Header>x")}, header, "text between"},
		{"header that must be understood", change{signed: func(f *forgery) { unknown(f).SetNS("S12", soapSpace, "mustUnderstand", "1") }}, header, "not understood"},
		{"SOAP 1.1", change{text: func(s string) string {
			return strings.ReplaceAll(s, soapSpace, "http://schemas.xmlsoap.org/soap/envelope/")
		}}, header, "SOAP 1.2"},
		{"content in the Body", change{signed: func(f *forgery) { f.env.Body.Add("x", "urn:x", "y") }}, policy, "Body is not empty"},
		{"signed content in the Body", change{signing: func(f *forgery) { f.env.Body.Add("x", "urn:x", "y") }}, policy, "Body is not empty"},
		{"text in the Body", change{signing: func(f *forgery) { f.env.Body.SetText("x") }}, policy, "Body is not empty"},

		// IDs.
		{"duplicate wsu:Id", duplicate("wsu", wsuSpace, "Id"), header, `the ID "M-1" is there twice`},
		{"duplicate Id", duplicate("", "", "Id"), header, `the ID "M-1" is there twice`},
		{"duplicate id", duplicate("", "", "id"), header, `the ID "M-1" is there twice`},
		{"duplicate ID", duplicate("", "", "ID"), header, `the ID "M-1" is there twice`},
		{"duplicate xml:id", duplicate("xml", xmltree.XMLSpace, "id"), header, `the ID "M-1" is there twice`},
		{"ID of the Body on a part of Security", change{encrypted: func(f *forgery) { f.get("EncryptedKey", 0).Set("Id", "B-1") }}, header, `the ID "B-1" is there twice`},
		{"ID in another namespace", change{signed: func(f *forgery) {
			e := f.forged("")
			e.SetNS("x", "urn:x", "Id", "M-1")
			replace(f.env.Messaging, e)
		}}, unproved, `"#M-1", which is not in the message`},
		{"ID in a namespace like wsu", change{text: func(s string) string {
			return strings.ReplaceAll(s, `"`+wsuSpace+`"`, `"`+wsuSpace+`/"`)
		}}, unproved, `"#M-1", which is not in the message`},
		{"genuine Messaging under another name", change{signed: func(f *forgery) {
			e := f.env.Messaging.Clone()
			e.Local = "Messages"
			replace(f.env.Messaging, f.forged("M-2"))
			unknown(f).Append(e)
		}}, policy, `"#M-1", which is neither`},

		// What is signed.
		{"PartyId changed", change{text: replacer("9900000000001", "9900000000099")}, unproved, `the digest of "#M-1"`},
		{"property added", change{signed: func(f *forgery) { f.get("UserMessage", 0).Add("eb", ebSpace, "MessageProperties") }}, unproved, `the digest of "#M-1"`},
		{"Body attribute added", change{signed: func(f *forgery) { f.env.Body.Set("x", "y") }}, unproved, `the digest of "#B-1"`},
		{"parts swapped", change{ids: twoParts, encrypted: func(f *forgery) { f.parts[0].Data, f.parts[1].Data = f.parts[1].Data, f.parts[0].Data }}, unproved, `the digest of "cid:a@x"`},
		{"parts named like each other", change{ids: twoParts, encrypted: func(f *forgery) { f.parts[0].ID, f.parts[1].ID = f.parts[1].ID, f.parts[0].ID }}, unproved, `the digest of "cid:a@x"`},
		{"cid swapped in the signature", change{ids: twoParts, signed: func(f *forgery) {
			f.get("Reference", 2).Set("URI", "cid:b@x")
			f.get("Reference", 3).Set("URI", "cid:a@x")
		}}, unproved, "the signature does not fit"},
		{"cid swapped in Messaging", change{ids: twoParts, signed: func(f *forgery) {
			f.get("PartInfo", 0).Set("href", "cid:b@x")
			f.get("PartInfo", 1).Set("href", "cid:a@x")
		}}, unproved, `the digest of "#M-1"`},
		{"cid swapped in the encryption", change{ids: twoParts, encrypted: func(f *forgery) {
			f.get("CipherReference", 0).Set("URI", "cid:b@x")
			f.get("CipherReference", 1).Set("URI", "cid:a@x")
		}}, "", ""}, // not signed and without effect: each part is decrypted with the same key
		{"payload exchanged and encrypted", change{signed: func(f *forgery) { f.parts[0] = payload(f.parts[0].ID, 500) }}, unproved, `the digest of "cid:`},
		{"unsigned part, encrypted", change{signed: func(f *forgery) { f.parts = append(f.parts, payload("extra@x", 10)) }}, policy, `does not cover the part "extra@x"`},
		{"unsigned part, in clear", change{encrypted: func(f *forgery) { f.parts = append(f.parts, payload("extra@x", 10)) }}, policy, `"extra@x" is not encrypted`},
		{"part with the same Content-ID", change{encrypted: func(f *forgery) { f.parts = append(f.parts, f.parts[0]) }}, mismatch, "is there twice"},
		{"part missing", change{encrypted: func(f *forgery) { f.parts = nil }}, mismatch, "not in the message"},
		{"part and its encryption missing", change{encrypted: func(f *forgery) { f.parts = nil; remove(f.get("EncryptedData", 0)) }}, unproved, "not in the message"},
		{"Messaging not signed", change{sealing: func(f *forgery) { remove(f.get("Reference", 0)) }}, policy, "does not cover eb:Messaging"},
		{"part not signed", change{sealing: func(f *forgery) { remove(f.get("Reference", 2)) }}, policy, "does not cover the part"},
		{"nothing signed", change{sealing: func(f *forgery) {
			for range 3 {
				remove(f.get("Reference", 0))
			}
		}}, policy, "does not cover eb:Messaging"},
		{"only a part of Messaging signed", change{sealing: func(f *forgery) {
			e := f.get("UserMessage", 0).SetNS("wsu", wsuSpace, "Id", "U-1")
			remove(f.get("Reference", 0))
			f.addReference("#U-1", e, nil)
		}}, policy, `"#U-1", which is neither`},
		{"KeyInfo signed", change{sealing: func(f *forgery) {
			f.addReference("#K-1", f.get("KeyInfo", 0).Set("Id", "K-1"), nil)
		}}, policy, `"#K-1", which is neither`},
		{"token signed", change{sealing: func(f *forgery) {
			e := f.get("BinarySecurityToken", 0)
			id, _ := e.Attr(wsuSpace, "Id")
			f.addReference("#"+id, e, nil)
		}}, policy, "which is neither"},
		{"whole header signed", change{sealing: func(f *forgery) {
			f.addReference("#H-1", f.env.Header.SetNS("wsu", wsuSpace, "Id", "H-1"), nil)
		}}, policy, `"#H-1", which is neither`},
		{"Messaging signed twice", change{sealing: func(f *forgery) { f.addReference("#M-1", f.env.Messaging, nil) }}, policy, `"#M-1" twice`},
		{"part signed twice, spelt otherwise", change{ids: []string{"a@x"}, sealing: func(f *forgery) { f.addReference("cid:%61@x", nil, f.parts[0].Data) }}, policy, "twice"},
		{"signature over the part of another message", change{sealing: func(f *forgery) { f.addReference("cid:other@x", nil, []byte("x")) }}, unproved, "not in the message"},
		{"signature of another message", change{ids: twoParts, signed: func(f *forgery) {
			other := envelope(f.t, f.parts[0])
			if _, err := Sign(&other, identity(people().sender.Signature), f.parts[:1]); err != nil {
				f.t.Fatal(err)
			}
			replace(f.env.Security, other.Security)
			f.env.Security = other.Security
		}}, policy, `does not cover the part "b@x"`},
		{"too many references", change{sealing: func(f *forgery) {
			for i := range 18 {
				f.addReference("cid:"+strconv.Itoa(i)+"@x", nil, nil)
			}
		}}, policy, "more than 20 references"},

		// References.
		{"empty URI", uri(""), policy, "without URI"},
		{"no URI", change{sealing: func(f *forgery) { f.get("Reference", 0).Attrs = nil }}, policy, "without URI"},
		{"external URI", uri("https://example.org/message.xml"), policy, "outside of the message"},
		{"file", uri("file:///etc/passwd"), policy, "outside of the message"},
		{"only #", uri("#"), unproved, "not in the message"},
		{"XPointer", uri("#xpointer(/)"), unproved, "not in the message"},
		{"XPointer to an ID", uri("#xpointer(id('M-1'))"), unproved, "not in the message"},
		{"cid without ID", change{sealing: func(f *forgery) { f.get("Reference", 2).Set("URI", "cid:") }}, header, "cid"},
		{"transform of a part for an element", transforms(0, contentDigest), policy, "canonicalisation algorithm"},
		{"transform of an element for a part", transforms(2, exclusiveC14N), policy, "transform algorithm"},
		{"complete attachment", transforms(2, attachmentSwA+"Attachment-Complete-Signature-Transform"), policy, "transform algorithm"},
		{"XSLT", transforms(0, xslt), policy, "canonicalisation algorithm"},
		{"XPath", transforms(0, xpath), policy, "canonicalisation algorithm"},
		{"enveloped signature", transforms(0, enveloped), policy, "canonicalisation algorithm"},
		{"XPath and canonicalisation", transforms(0, xpath, exclusiveC14N), policy, "exactly one transform"},
		{"canonicalisation twice", transforms(0, exclusiveC14N, exclusiveC14N), policy, "exactly one transform"},
		{"base64 and part", transforms(2, "http://www.w3.org/2000/09/xmldsig#base64", contentDigest), policy, "exactly one transform"},
		{"inclusive canonicalisation", transforms(0, inclusive), policy, "canonicalisation algorithm"},
		{"canonicalisation with comments", transforms(0, exclusiveC14N+"WithComments"), policy, "canonicalisation algorithm"},
		{"no transform", transforms(0), policy, "exactly one transform"},
		{"no transforms", change{sealing: func(f *forgery) { remove(f.get("Transforms", 0)) }}, policy, "exactly one list"},
		{"transform with parameters", change{sealing: func(f *forgery) { f.get("Transform", 0).Add("x", xpath, "XPath").SetText("1") }}, policy, "XPath"},
		{"transform of a part with parameters", change{sealing: func(f *forgery) { f.get("Transform", 2).Add("x", xpath, "XPath") }}, policy, "parameters"},
		{"prefix list of another namespace", change{sealing: func(f *forgery) { f.get("Transform", 0).Add("x", "urn:x", "InclusiveNamespaces") }}, policy, `"InclusiveNamespaces" in "Transform"`},
		{"two prefix lists", change{sealing: func(f *forgery) {
			f.get("Transform", 0).Add("ec", exclusiveC14N, "InclusiveNamespaces")
			f.get("Transform", 0).Add("ec", exclusiveC14N, "InclusiveNamespaces")
		}}, header, "twice"},
		{"prefix list added to a transform", change{signed: func(f *forgery) {
			f.get("Transform", 0).Add("ec", exclusiveC14N, "InclusiveNamespaces").Set("PrefixList", "wsu")
		}}, unproved, "the signature does not fit"},
		{"prefix list added to the canonicalisation", change{signed: func(f *forgery) {
			f.get("CanonicalizationMethod", 0).Add("ec", exclusiveC14N, "InclusiveNamespaces").Set("PrefixList", "wsu")
		}}, unproved, "the signature does not fit"},
		{"prefix of a list declared otherwise", change{
			sealing: func(f *forgery) {
				f.get("Transform", 0).Add("ec", exclusiveC14N, "InclusiveNamespaces").Set("PrefixList", "x")
				f.digests()
			},
			signed: func(f *forgery) { f.env.Root.Declare("x", "urn:x") },
		}, unproved, `the digest of "#M-1"`},
		{"endless prefix list", change{sealing: func(f *forgery) {
			f.get("Transform", 0).Add("ec", exclusiveC14N, "InclusiveNamespaces").Set("PrefixList", strings.Repeat("x ", 33))
		}}, policy, "more than 32 prefixes"},

		// Algorithms of the signature.
		{"SHA-1 digest", change{sealing: algorithmOf("DigestMethod", 0, "http://www.w3.org/2000/09/xmldsig#sha1")}, policy, "digest algorithm"},
		{"SHA-512 digest", change{sealing: algorithmOf("DigestMethod", 0, "http://www.w3.org/2001/04/xmlenc#sha512")}, policy, "digest algorithm"},
		{"no digest algorithm", change{sealing: func(f *forgery) { f.get("DigestMethod", 0).Attrs = nil }}, policy, "digest algorithm"},
		{"truncated digest", digestValue(func(b []byte) []byte { return b[:20] }), unproved, "has 20 bytes"},
		{"empty digest", digestValue(func([]byte) []byte { return nil }), unproved, "has 0 bytes"},
		{"digest with more", digestValue(func(b []byte) []byte { return append(b, 0) }), unproved, "has 33 bytes"},
		{"wrong digest", digestValue(func(b []byte) []byte { b[31] ^= 1; return b }), unproved, `the digest of "#M-1"`},
		{"two digests", change{sealing: func(f *forgery) { r := f.get("Reference", 0); r.Append(f.get("DigestValue", 0).Clone()) }}, header, "twice"},
		{"element inside a digest", change{sealing: func(f *forgery) { f.get("DigestValue", 0).Add("x", "urn:x", "y") }}, header, "inside"},
		{"digest that is no base64", change{sealing: func(f *forgery) { f.get("DigestValue", 0).SetText("?") }}, header, "base64"},
		{"base64 without padding", change{sealing: func(f *forgery) { e := f.get("DigestValue", 0); e.SetText(strings.TrimRight(e.Text(), "=")) }}, header, "base64"},
		{"base64 of URLs", change{sealing: func(f *forgery) { f.get("DigestValue", 0).SetText(strings.Repeat("-", 43) + "=") }}, header, "base64"},
		{"base64 with bits left over", change{sealing: func(f *forgery) { f.get("DigestValue", 0).SetText(strings.Repeat("A", 42) + "B=") }}, header, "base64"},
		{"RSA", change{sealing: algorithmOf("SignatureMethod", 0, "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256")}, policy, "signature algorithm"},
		{"HMAC", change{sealing: algorithmOf("SignatureMethod", 0, "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256")}, policy, "signature algorithm"},
		{"ECDSA with SHA-1", change{sealing: algorithmOf("SignatureMethod", 0, "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha1")}, policy, "signature algorithm"},
		{"truncated HMAC", change{sealing: func(f *forgery) { f.get("SignatureMethod", 0).AddText("ds", dsSpace, "HMACOutputLength", "0") }}, policy, "parameters"},
		{"inclusive canonicalisation of SignedInfo", change{sealing: algorithmOf("CanonicalizationMethod", 0, inclusive)}, policy, "canonicalisation algorithm"},

		// The signature.
		{"not signed", change{signed: func(f *forgery) { remove(f.get("Signature", 0)) }}, unproved, "not signed"},
		{"second signature", change{signed: func(f *forgery) { f.env.Security.Append(f.get("Signature", 0).Clone()) }}, header, "more than one signature"},
		{"second signature in an unknown header", change{signed: func(f *forgery) { unknown(f).Append(f.get("Signature", 0).Clone()) }}, header, "more than one signature"},
		{"signature in an unknown header", change{signed: func(f *forgery) { unknown(f).Append(remove(f.get("Signature", 0))) }}, header, "not in the Security header"},
		{"two SignedInfo", change{signed: func(f *forgery) { f.get("Signature", 0).Append(f.get("SignedInfo", 0).Clone()) }}, header, `"SignedInfo" twice`},
		{"two SignatureValue", change{signed: func(f *forgery) { f.get("Signature", 0).Append(f.get("SignatureValue", 0).Clone()) }}, header, `"SignatureValue" twice`},
		{"no SignatureValue", change{signed: func(f *forgery) { remove(f.get("SignatureValue", 0)) }}, header, `no "SignatureValue"`},
		{"Object", change{signed: func(f *forgery) { f.get("Signature", 0).Add("ds", dsSpace, "Object") }}, policy, `"Object"`},
		{"Manifest in SignedInfo", change{sealing: func(f *forgery) { f.get("SignedInfo", 0).Add("ds", dsSpace, "Manifest") }}, policy, `"Manifest"`},
		{"SignedInfo changed", change{signed: func(f *forgery) { f.get("SignedInfo", 0).Set("Id", "x") }}, unproved, "the signature does not fit"},
		{"signature that is no base64", change{signed: func(f *forgery) { f.get("SignatureValue", 0).SetText("?") }}, header, "base64"},
		{"no SignedInfo", change{signed: func(f *forgery) { remove(f.get("SignedInfo", 0)) }}, header, `no "SignedInfo"`},
		{"no canonicalisation", change{signed: func(f *forgery) { remove(f.get("CanonicalizationMethod", 0)) }}, header, `no "CanonicalizationMethod"`},
		{"two canonicalisations", change{sealing: func(f *forgery) {
			f.get("SignedInfo", 0).Append(f.get("CanonicalizationMethod", 0).Clone())
		}}, header, `"CanonicalizationMethod" twice`},
		{"no signature method", change{sealing: func(f *forgery) { remove(f.get("SignatureMethod", 0)) }}, header, `no "SignatureMethod"`},
		{"no digest method", change{sealing: func(f *forgery) { remove(f.get("DigestMethod", 0)) }}, header, `no "DigestMethod"`},
		{"digest method with parameters", change{sealing: func(f *forgery) { f.get("DigestMethod", 0).Add("x", "urn:x", "y") }}, policy, "parameters of the digest"},
		{"no digest value", change{sealing: func(f *forgery) { remove(f.get("DigestValue", 0)) }}, header, `no "DigestValue"`},
		{"token that is no base64", bst(func(e *xmltree.Element) { e.SetText("?") }), header, "base64"},
		{"element inside the token", bst(func(e *xmltree.Element) { e.Add("x", "urn:x", "y") }), header, "inside"},
		{"signature changed", signatureValue(func(b []byte) []byte { b[63] ^= 1; return b }), unproved, "the signature does not fit"},
		{"signature of zeros", signatureValue(func([]byte) []byte { return make([]byte, 64) }), unproved, "the signature does not fit"},
		{"signature in DER", signatureValue(func(b []byte) []byte {
			return append([]byte{0x30, 68, 2, 32}, append(append(b[:32:32], 2, 32), b[32:]...)...)
		}), unproved, "the signature does not fit"},
		{"signature too long", signatureValue(func(b []byte) []byte { return append(b, 0) }), unproved, "the signature does not fit"},
		{"signature too short", signatureValue(func(b []byte) []byte { return b[:63] }), unproved, "the signature does not fit"},
		{"empty signature", signatureValue(func([]byte) []byte { return nil }), unproved, "the signature does not fit"},

		// Whose it is.
		{"no KeyInfo", change{signed: func(f *forgery) { remove(f.get("KeyInfo", 0)) }}, unproved, "whose"},
		{"KeyName", keyInfo(el("ds", dsSpace, "KeyName").SetText("x")), unproved, "does not refer to a token"},
		{"KeyValue", keyInfo(el("ds", dsSpace, "KeyValue")), unproved, "does not refer to a token"},
		{"RetrievalMethod", keyInfo(el("ds", dsSpace, "RetrievalMethod").Set("URI", "http://example.org/")), unproved, "does not refer to a token"},
		{"certificate in KeyInfo", keyInfo(el("ds", dsSpace, "X509Data").AddText("ds", dsSpace, "X509Certificate", b64(people().sender.Signature.Certificate.Raw)).Parent), unproved, "does not refer to a token"},
		{"key identifier", keyInfo(el("wsse", wsseSpace, "SecurityTokenReference").AddText("wsse", wsseSpace, "KeyIdentifier", "AAAA").Parent), unproved, "does not refer to a token"},
		{"token embedded", keyInfo(el("wsse", wsseSpace, "SecurityTokenReference").Append(el("wsse", wsseSpace, "Embedded"))), unproved, "does not refer to a token"},
		{"token outside", change{signed: func(f *forgery) {
			find(f.get("SecurityTokenReference", 0), "Reference").Set("URI", "http://example.org/")
		}}, unproved, "BinarySecurityToken in the Security header"},
		{"token in an unknown header", change{signed: func(f *forgery) { unknown(f).Append(remove(f.get("BinarySecurityToken", 0))) }}, unproved, "BinarySecurityToken in the Security header"},
		{"token in Messaging", change{signing: func(f *forgery) {
			f.env.Messaging.Add("wsse", wsseSpace, "BinarySecurityToken").SetNS("wsu", wsuSpace, "Id", "T-1")
		}, signed: func(f *forgery) {
			find(f.get("SecurityTokenReference", 0), "Reference").Set("URI", "#T-1")
		}}, unproved, "BinarySecurityToken in the Security header"},
		{"reference to something else", change{signed: func(f *forgery) { find(f.get("SecurityTokenReference", 0), "Reference").Set("URI", "#M-1") }}, unproved, "BinarySecurityToken in the Security header"},
		{"no token", change{signed: func(f *forgery) { remove(f.get("BinarySecurityToken", 0)) }}, unproved, "BinarySecurityToken in the Security header"},
		{"certificate of somebody else", bst(func(e *xmltree.Element) {
			e.Set("ValueType", singleX509).SetText(b64(people().stranger.Signature.Certificate.Raw))
		}), unproved, "the signature does not fit"},
		{"certificate of the TLS key", bst(func(e *xmltree.Element) {
			e.Set("ValueType", singleX509).SetText(b64(people().sender.TLS.Certificate.Raw))
		}), unproved, "the signature does not fit"},
		{"certificate on another curve", bst(func(e *xmltree.Element) {
			e.Set("ValueType", singleX509).SetText(b64(people().pki.Root.Raw))
		}), unproved, "not on brainpoolP256r1"},
		{"token of another type", bst(func(e *xmltree.Element) { e.Set("ValueType", tokenProfile+"PKCS7") }), policy, "token type"},
		{"token without type", bst(func(e *xmltree.Element) {
			e.Attrs = slices.DeleteFunc(e.Attrs, func(a xmltree.Attr) bool { return a.Local == "ValueType" })
		}), policy, "token type"},
		{"token in hexadecimal", bst(func(e *xmltree.Element) { e.Set("EncodingType", messageSecurity+"HexBinary") }), policy, "encoding"},
		{"token that is none", bst(func(e *xmltree.Element) { e.SetText("AAAA") }), unproved, "cannot be read"},
		{"empty token", bst(func(e *xmltree.Element) { e.SetText("") }), unproved, "cannot be read"},
		{"path as a single certificate", bst(func(e *xmltree.Element) { e.Set("ValueType", singleX509) }), unproved, "cannot be read"},
		{"endless token", bst(func(e *xmltree.Element) { e.SetText(b64(make([]byte, 16<<10+1))) }), policy, "more than 16384 bytes"},

		// Encryption.
		{"not encrypted", change{encrypted: func(f *forgery) { remove(f.get("EncryptedData", 0)); remove(f.get("EncryptedKey", 0)) }}, policy, "is not encrypted"},
		{"not protected at all", change{encrypted: func(f *forgery) { remove(f.env.Security) }}, policy, "is not encrypted"},
		{"one of two not encrypted", change{ids: twoParts, encrypted: func(f *forgery) { remove(f.get("EncryptedData", 1)) }}, policy, `"b@x" is not encrypted`},
		{"part encrypted twice", change{encrypted: func(f *forgery) {
			f.env.Security.Append(f.get("EncryptedData", 0).Clone().Set("Id", "ED-2"))
		}}, header, "encrypted twice"},
		{"other part encrypted", change{encrypted: func(f *forgery) { f.get("CipherReference", 0).Set("URI", "cid:other@x") }}, mismatch, "not in the message"},
		{"external ciphertext", change{encrypted: func(f *forgery) { f.get("CipherReference", 0).Set("URI", "http://example.org/") }}, ebms.ExternalPayloadError, ""},
		{"ciphertext in the header", change{encrypted: func(f *forgery) {
			replace(f.get("CipherReference", 0), el("xenc", xencSpace, "CipherValue").SetText("AAAA"))
		}}, policy, "does not refer to a payload"},
		{"header encrypted", change{signing: func(f *forgery) { f.get("UserMessage", 0).Add("xenc", xencSpace, "EncryptedData") }}, policy, "other than a payload"},
		{"Attachment-Complete", change{encrypted: func(f *forgery) { f.get("EncryptedData", 0).Set("Type", attachmentSwA+"Attachment-Complete") }}, policy, "encryption of type"},
		{"type Element", change{encrypted: func(f *forgery) { f.get("EncryptedData", 0).Set("Type", xencSpace+"Element") }}, policy, "encryption of type"},
		{"other transform of the ciphertext", change{encrypted: func(f *forgery) { find(f.get("EncryptedData", 0), "Transform").Set("Algorithm", xslt) }}, policy, "transform algorithm"},
		{"two transforms of the ciphertext", change{encrypted: func(f *forgery) {
			e := find(f.get("EncryptedData", 0), "Transforms")
			e.Append(find(e, "Transform").Clone())
		}}, policy, "exactly one transform"},
		{"no transform of the ciphertext", change{encrypted: func(f *forgery) { remove(find(f.get("EncryptedData", 0), "Transforms")) }}, policy, "exactly one transform"},
		{"parameters of the transform of the ciphertext", change{encrypted: func(f *forgery) {
			find(f.get("EncryptedData", 0), "Transform").Add("x", "urn:x", "y")
		}}, policy, "parameters"},
		{"EncryptedData with more", change{encrypted: func(f *forgery) { f.get("EncryptedData", 0).Add("x", "urn:x", "y") }}, policy, "not part of the profile"},
		{"EncryptedKey with more", change{encrypted: func(f *forgery) { f.get("EncryptedKey", 0).Add("x", "urn:x", "y") }}, policy, "not part of the profile"},
		{"key without encryption method", change{encrypted: func(f *forgery) { remove(find(f.get("EncryptedKey", 0), "EncryptionMethod")) }}, header, `no "EncryptionMethod"`},
		{"key without KeyInfo", change{encrypted: func(f *forgery) { remove(find(f.get("EncryptedKey", 0), "KeyInfo")) }}, header, `no "KeyInfo"`},
		{"key without cipher", change{encrypted: func(f *forgery) { remove(find(f.get("EncryptedKey", 0), "CipherData")) }}, header, `no "CipherData"`},
		{"key without cipher value", change{encrypted: func(f *forgery) { remove(f.get("CipherValue", 0)) }}, header, `no "CipherValue"`},
		{"cipher value that is no base64", change{encrypted: func(f *forgery) { f.get("CipherValue", 0).SetText("?") }}, header, "base64"},
		{"point that is no base64", change{encrypted: func(f *forgery) { f.get("PublicKey", 0).SetText("?") }}, header, "base64"},
		{"no curve", change{encrypted: func(f *forgery) { remove(f.get("NamedCurve", 0)) }}, header, `no "NamedCurve"`},
		{"no point", change{encrypted: func(f *forgery) { remove(f.get("PublicKey", 0)) }}, header, `no "PublicKey"`},
		{"no parameters of the key derivation", change{encrypted: func(f *forgery) { remove(f.get("ConcatKDFParams", 0)) }}, header, `no "ConcatKDFParams"`},
		{"no digest in the key derivation", change{encrypted: func(f *forgery) { remove(find(f.get("ConcatKDFParams", 0), "DigestMethod")) }}, header, `no "DigestMethod"`},
		{"aes256-gcm", change{encrypted: func(f *forgery) {
			find(f.get("EncryptedData", 0), "EncryptionMethod").Set("Algorithm", "http://www.w3.org/2009/xmlenc11#aes256-gcm")
		}}, policy, "content encryption algorithm"},
		{"aes128-cbc", change{encrypted: func(f *forgery) {
			find(f.get("EncryptedData", 0), "EncryptionMethod").Set("Algorithm", "http://www.w3.org/2001/04/xmlenc#aes128-cbc")
		}}, policy, "content encryption algorithm"},
		{"no content encryption", change{encrypted: func(f *forgery) { remove(find(f.get("EncryptedData", 0), "EncryptionMethod")) }}, header, `no "EncryptionMethod"`},
		{"RSA-OAEP", change{encrypted: func(f *forgery) {
			find(f.get("EncryptedKey", 0), "EncryptionMethod").Set("Algorithm", "http://www.w3.org/2009/xmlenc11#rsa-oaep")
		}}, decrypt, "another profile"},
		{"RSA-OAEP of 1.0", change{encrypted: func(f *forgery) {
			find(f.get("EncryptedKey", 0), "EncryptionMethod").Set("Algorithm", "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p")
		}}, decrypt, "another profile"},
		{"kw-aes256", change{encrypted: func(f *forgery) {
			find(f.get("EncryptedKey", 0), "EncryptionMethod").Set("Algorithm", "http://www.w3.org/2001/04/xmlenc#kw-aes256")
		}}, policy, "key wrap algorithm"},
		{"X25519", change{encrypted: algorithmOf("AgreementMethod", 0, "http://www.w3.org/2021/04/xmldsig-more#x25519")}, decrypt, "another profile"},
		{"static Diffie-Hellman", change{encrypted: algorithmOf("AgreementMethod", 0, "http://www.w3.org/2001/04/xmlenc#dh")}, policy, "key agreement algorithm"},
		{"HKDF", change{encrypted: algorithmOf("KeyDerivationMethod", 0, "http://www.w3.org/2021/04/xmldsig-more#hkdf")}, decrypt, "another profile"},
		{"PBKDF2", change{encrypted: algorithmOf("KeyDerivationMethod", 0, "http://www.w3.org/2009/xmlenc11#pbkdf2")}, policy, "key derivation algorithm"},
		{"no key derivation", change{encrypted: func(f *forgery) { remove(f.get("KeyDerivationMethod", 0)) }}, header, `no "KeyDerivationMethod"`},
		{"SHA-1 in the key derivation", change{encrypted: func(f *forgery) {
			find(f.get("ConcatKDFParams", 0), "DigestMethod").Set("Algorithm", "http://www.w3.org/2000/09/xmldsig#sha1")
		}}, policy, "key derivation digest"},
		{"parameters that are no octets", change{encrypted: func(f *forgery) { f.get("ConcatKDFParams", 0).Set("AlgorithmID", "0410") }}, policy, "whole octets"},
		{"parameters that are no numbers", change{encrypted: func(f *forgery) { f.get("ConcatKDFParams", 0).Set("AlgorithmID", "0x") }}, header, "hexadecimal"},
		{"other parameters than those used", change{encrypted: func(f *forgery) { f.get("ConcatKDFParams", 0).Set("PartyUInfo", "0000") }}, decrypt, nodecrypt},
		{"NIST curve", change{encrypted: func(f *forgery) { f.get("NamedCurve", 0).Set("URI", "urn:oid:1.2.840.10045.3.1.7") }}, policy, "only brainpoolP256r1"},
		{"key of the sender by name", change{encrypted: func(f *forgery) {
			e := f.get("OriginatorKeyInfo", 0)
			e.Children = nil
			e.AddText("ds", dsSpace, "KeyName", "x")
		}}, header, `no "KeyValue"`},
		{"two public keys", change{encrypted: func(f *forgery) { e := f.get("PublicKey", 0); e.Parent.Append(e.Clone()) }}, header, "twice"},
		{"two key derivations", change{encrypted: func(f *forgery) { e := f.get("KeyDerivationMethod", 0); e.Parent.Append(e.Clone()) }}, header, "twice"},
		{"two KeyInfo", change{encrypted: func(f *forgery) {
			e := find(f.get("EncryptedData", 0), "KeyInfo")
			e.Parent.Append(e.Clone())
		}}, header, "twice"},
		{"a key for each part", change{ids: twoParts, encrypted: func(f *forgery) {
			for i := range 2 {
				e := find(f.get("EncryptedData", i), "KeyInfo")
				e.Children = nil
				e.Append(f.get("EncryptedKey", 0).Clone().Set("Id", "EK-"+strconv.Itoa(i)))
			}
			remove(f.get("EncryptedKey", 0))
		}}, "", ""},
		{"reference of another namespace", change{sealing: func(f *forgery) { f.get("SignedInfo", 0).Add("x", "urn:x", "Reference") }}, policy, `"Reference" in "SignedInfo"`},
		{"no key agreement", change{encrypted: func(f *forgery) {
			replace(f.get("AgreementMethod", 0), el("ds", dsSpace, "KeyName").SetText("x"))
		}}, policy, "without key agreement"},
		{"RetrievalMethod in EncryptedData", change{encrypted: func(f *forgery) {
			e := find(f.get("EncryptedData", 0), "KeyInfo")
			e.Children = nil
			e.Add("ds", dsSpace, "RetrievalMethod").Set("URI", "#"+"x")
		}}, policy, "EncryptedKey in the message"},
		{"EncryptedData refers to something else", change{encrypted: func(f *forgery) {
			find(f.get("EncryptedData", 0), "Reference").Set("URI", "#M-1")
		}}, header, "EncryptedKey in the Security header"},
		{"key in an unknown header", change{encrypted: func(f *forgery) { unknown(f).Append(remove(f.get("EncryptedKey", 0))) }}, header, "EncryptedKey in the Security header"},
		{"EncryptedData without key", change{encrypted: func(f *forgery) {
			remove(find(f.get("EncryptedData", 0), "KeyInfo"))
			remove(f.get("EncryptedKey", 0))
		}}, header, "without key"},

		// What cannot be decrypted: one code and one text.
		{"IV changed", flip(0), decrypt, nodecrypt},
		{"ciphertext changed", flip(12), decrypt, nodecrypt},
		{"tag changed", flip(-1), decrypt, nodecrypt},
		{"payload cut", payloadBytes(func(b []byte) []byte { return b[:len(b)-1] }), decrypt, nodecrypt},
		{"payload longer", payloadBytes(func(b []byte) []byte { return append(b, 0) }), decrypt, nodecrypt},
		{"shorter than IV and tag", payloadBytes(func(b []byte) []byte { return b[:27] }), decrypt, nodecrypt},
		{"only IV and tag", payloadBytes(func(b []byte) []byte { return b[:28] }), decrypt, nodecrypt},
		{"empty payload", payloadBytes(func([]byte) []byte { return nil }), decrypt, nodecrypt},
		{"wrapped key changed", wrapped(func(b []byte) []byte { b[0] ^= 1; return b }), decrypt, nodecrypt},
		{"wrapped key changed at its end", wrapped(func(b []byte) []byte { b[23] ^= 1; return b }), decrypt, nodecrypt},
		{"wrapped key shorter", wrapped(func(b []byte) []byte { return b[:16] }), decrypt, nodecrypt},
		{"wrapped key longer", wrapped(func(b []byte) []byte { return append(b, make([]byte, 8)...) }), decrypt, nodecrypt},
		{"no wrapped key", wrapped(func([]byte) []byte { return nil }), decrypt, nodecrypt},
		{"another content key", change{encrypted: func(f *forgery) { f.rewrap(nil, func([]byte) []byte { return make([]byte, 16) }) }}, decrypt, nodecrypt},
		{"content key of 32 bytes", change{encrypted: func(f *forgery) { f.rewrap(nil, func(k []byte) []byte { return append(k, k...) }) }}, decrypt, nodecrypt},
		{"point off the curve", point(append([]byte{4}, bytes.Repeat([]byte{1}, 64)...)), decrypt, nodecrypt},
		{"point of P-256", point(nistPoint(t)), decrypt, nodecrypt},
		{"compressed point", point(append([]byte{2}, bytes.Repeat([]byte{1}, 32)...)), decrypt, nodecrypt},
		{"point at infinity", point([]byte{0}), decrypt, nodecrypt},
		{"zeros for a point", point(append([]byte{4}, make([]byte, 64)...)), decrypt, nodecrypt},
		{"empty point", point(nil), decrypt, nodecrypt},
		{"SubjectPublicKeyInfo for a point", point(people().sender.Signature.Certificate.RawSubjectPublicKeyInfo), decrypt, nodecrypt},
		{"another point", point(brainpool.MarshalPoint(people().stranger.TLS.Key.Public().(*ecdsa.PublicKey))), decrypt, nodecrypt},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := c.make(t)
			_, _, err := receive(m, recipientKeys())
			if c.code == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantFault(t, err, c.code, c.text)
		})
	}
}

func nistPoint(t *testing.T) []byte {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p, err := k.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A comment inside a value is no part of the canonical form, so an attacker may put one there. It must not cut the value.
func TestCommentInsideValue(t *testing.T) {
	m := change{text: replacer(">9900000000001<", ">99000000<!-- -->00001<")}.make(t)
	if _, _, err := receive(m.clone(), recipientKeys()); err != nil {
		t.Fatal(err)
	}
	root, err := xmltree.Parse([]byte(m.xml), xmltree.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if got := find(root, "PartyId").Text(); got != "9900000000001" {
		t.Errorf("the value is %q", got)
	}
}

// What a sender learns from an undecryptable payload does not depend on what is wrong with it, whoever it is for.
func TestDecryptionFailuresAreAlike(t *testing.T) {
	m := change{}.make(t)
	_, _, foreign := receive(m.clone(), keysOf(people().stranger.Encryption))
	_, _, none := receive(m.clone(), func(RecipientHint) []Agreer { return nil })
	_, _, broken := receive(m.clone(), func(RecipientHint) []Agreer { return []Agreer{failing{}} })
	damaged := m.clone()
	damaged.parts[0].Data[20] ^= 1
	_, _, tag := receive(damaged, recipientKeys())
	var first *ebms.Fault
	for name, err := range map[string]error{"foreign key": foreign, "no key": none, "failing key": broken, "tag": tag} {
		var f *ebms.Fault
		if !errors.As(err, &f) {
			t.Fatalf("%s: %v", name, err)
		}
		if first == nil {
			first = f
		}
		if f.Code != first.Code || f.Text != first.Text {
			t.Errorf("%s: %s %q, want %s %q", name, f.Code, f.Text, first.Code, first.Text)
		}
		if f.Err == nil {
			t.Errorf("%s: nothing is told to the operator", name)
		}
	}
}

type failing struct{}

func (failing) SignRaw([]byte) ([]byte, error) { return nil, errors.New("the token does not answer") }
func (failing) ECDH(*ecdsa.PublicKey) ([]byte, error) {
	return nil, errors.New("the token does not answer")
}

// Whatever stands in a document, nothing panics, and every error is a fault.
func FuzzReceive(f *testing.F) {
	m := change{ids: []string{"a@x", "b@x"}}.make(f)
	f.Add([]byte(m.xml))
	f.Fuzz(func(t *testing.T, doc []byte) {
		root, err := xmltree.Parse(doc, xmltree.Limits{})
		if err != nil {
			return
		}
		fault := func(err error) {
			var fault *ebms.Fault
			if err != nil && !errors.As(err, &fault) {
				t.Errorf("%T %v", err, err)
			}
		}
		env, err := Locate(root)
		fault(err)
		if err != nil {
			return
		}
		env.Encrypted()
		parts, err := Decrypt(&env, m.clone().parts, recipientKeys())
		fault(err)
		if err != nil {
			parts = m.parts
		}
		_, err = Verify(&env, parts)
		fault(err)
	})
}
