package wss

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"strings"

	"github.com/marktbote/marktbote/gateway/as4/brainpool"
	"github.com/marktbote/marktbote/gateway/as4/ebms"
	"github.com/marktbote/marktbote/gateway/as4/smpki"
	"github.com/marktbote/marktbote/gateway/as4/xmltree"
)

// Verified is a signature that fits. Whose it is depends on whether Leaf can be trusted.
type Verified struct {
	Path       []*x509.Certificate // as sent, the signature certificate last
	Leaf       *x509.Certificate
	References []Reference // in the order of the signature
	SignedBody bool
}

// Verify checks the signature of a message: that it covers this eb:Messaging and each of the parts, which are
// decrypted and still gzip, and nothing else but the Body, that the Body is empty, signed or not, and that the signature
// was made with the key of the certificate sent with it. It says nothing about that certificate.
//
// Cheap checks come first: the parts are hashed last, each once. The error is an *ebms.Fault.
//
// Spec: BDEW AS4-Profil 1.1 2.2.6.2.1
func Verify(env *Envelope, parts []Part) (*Verified, error) {
	if !env.Body.Empty() {
		return nil, forbidden("the SOAP Body is not empty")
	}
	if env.Security == nil {
		return nil, unproved("the message is not signed")
	}
	known, err := collectIDs(env.Root)
	if err != nil {
		return nil, err
	}
	signature, err := oneSignature(env)
	if err != nil {
		return nil, err
	}
	s, err := readSignature(signature)
	if err != nil {
		return nil, err
	}
	targets, err := s.resolve(env, known, parts)
	if err != nil {
		return nil, err
	}
	v := &Verified{}
	if v.Path, err = token(env, known, s.keyInfo); err != nil {
		return nil, err
	}
	v.Leaf = v.Path[len(v.Path)-1]
	key, ok := v.Leaf.PublicKey.(*ecdsa.PublicKey)
	if !ok || key.Curve != brainpool.P256r1() {
		return nil, unproved("the key of the signature certificate is not on brainpoolP256r1")
	}
	digest := sha256.Sum256(s.info.Canonical(nil, s.prefixes...))
	if len(s.value) != 64 || !brainpool.VerifyRaw(key, digest[:], s.value) {
		return nil, unproved("the signature does not fit")
	}
	for i, t := range targets {
		r := &s.references[i]
		if got := t.digest(r.prefixes); !bytes.Equal(got[:], r.Digest) {
			return nil, t.mismatch(r.URI)
		}
		v.References = append(v.References, r.Reference)
		v.SignedBody = v.SignedBody || t.element == env.Body
	}
	return v, nil
}

// oneSignature returns the only ds:Signature of the message, which is in its Security.
func oneSignature(env *Envelope) (*xmltree.Element, error) {
	var signature *xmltree.Element
	for e := range env.Root.Descend() {
		if !e.Is(dsSpace, "Signature") {
			continue
		}
		if signature != nil {
			return nil, broken("more than one signature")
		}
		signature = e
	}
	if signature == nil {
		return nil, unproved("the message is not signed")
	}
	if signature.Parent != env.Security {
		return nil, broken("the signature is not in the Security header")
	}
	return signature, nil
}

// signed is a ds:Signature as it is written.
type signed struct {
	info       *xmltree.Element
	prefixes   []string // of its canonical form
	references []reference
	value      []byte
	keyInfo    *xmltree.Element
}

type reference struct {
	Reference
	part     bool     // refers to a part, and otherwise to an element
	prefixes []string // of the canonical form of the element
}

func readSignature(e *xmltree.Element) (*signed, error) {
	s := &signed{}
	var err error
	if s.info, err = only(e, dsSpace, "SignedInfo", "SignatureValue", "KeyInfo"); err != nil {
		return nil, err
	}
	value, err := only(e, dsSpace, "SignatureValue", "SignedInfo", "KeyInfo")
	if err != nil {
		return nil, err
	}
	if s.value, err = binaryContent(value); err != nil {
		return nil, err
	}
	if s.keyInfo, err = only(e, dsSpace, "KeyInfo", "SignedInfo", "SignatureValue"); err != nil {
		return nil, unproved("the signature does not say whose it is")
	}
	c14n, err := only(s.info, dsSpace, "CanonicalizationMethod", "SignatureMethod", "Reference")
	if err != nil {
		return nil, err
	}
	if s.prefixes, err = exclusive(c14n); err != nil {
		return nil, err
	}
	method, err := only(s.info, dsSpace, "SignatureMethod", "CanonicalizationMethod", "Reference")
	if err != nil {
		return nil, err
	}
	if err := algorithm(method, ecdsaSHA256, "signature"); err != nil {
		return nil, err
	}
	if !method.Empty() {
		return nil, forbidden("parameters of the signature method")
	}
	for _, r := range s.info.Elements(dsSpace, "Reference") {
		if len(s.references) == maxReferences {
			return nil, forbidden("more than %d references", maxReferences)
		}
		read, err := readReference(r)
		if err != nil {
			return nil, err
		}
		s.references = append(s.references, read)
	}
	return s, nil
}

// algorithm checks the algorithm of a method against the only one that is permitted.
func algorithm(e *xmltree.Element, want, purpose string) error {
	if got, _ := e.Attr("", "Algorithm"); got != want {
		return forbidden("%s algorithm %s is not permitted, only %s", purpose, quote(got), want)
	}
	return nil
}

// exclusive reads a canonicalisation, which is the exclusive one without comments, and returns its list of prefixes.
func exclusive(e *xmltree.Element) ([]string, error) {
	if err := algorithm(e, exclusiveC14N, "canonicalisation"); err != nil {
		return nil, err
	}
	if e.Empty() {
		return nil, nil
	}
	inclusive, err := only(e, exclusiveC14N, "InclusiveNamespaces")
	if err != nil {
		return nil, err
	}
	list, _ := inclusive.Attr("", "PrefixList")
	prefixes := strings.Fields(list)
	if len(prefixes) > maxPrefixes {
		return nil, forbidden("more than %d prefixes in the list of a canonicalisation", maxPrefixes)
	}
	return prefixes, nil
}

func readReference(e *xmltree.Element) (r reference, err error) {
	r.XML = e
	uri, ok := e.Attr("", "URI")
	r.URI = uri
	switch {
	case !ok, uri == "":
		return r, forbidden("a reference without URI, or to the whole document")
	case strings.HasPrefix(uri, "#"):
	case len(uri) >= 4 && strings.EqualFold(uri[:4], "cid:"):
		r.part = true
	default:
		return r, forbidden("a reference to %s, outside of the message", quote(uri))
	}
	transforms, err := only(e, dsSpace, "Transforms", "DigestMethod", "DigestValue")
	if err != nil {
		return r, forbidden("the reference to %s needs exactly one list of transforms", quote(uri))
	}
	transform, err := only(transforms, dsSpace, "Transform")
	if err != nil {
		return r, forbidden("the reference to %s needs exactly one transform", quote(uri))
	}
	if r.part {
		if err := algorithm(transform, contentDigest, "transform"); err != nil {
			return r, err
		}
		if !transform.Empty() {
			return r, forbidden("parameters of a transform")
		}
	} else if r.prefixes, err = exclusive(transform); err != nil {
		return r, err
	}
	method, err := only(e, dsSpace, "DigestMethod", "Transforms", "DigestValue")
	if err != nil {
		return r, err
	}
	if err := algorithm(method, sha256Digest, "digest"); err != nil {
		return r, err
	}
	if !method.Empty() {
		return r, forbidden("parameters of the digest method")
	}
	r.DigestMethod = sha256Digest
	value, err := only(e, dsSpace, "DigestValue", "Transforms", "DigestMethod")
	if err != nil {
		return r, err
	}
	if r.Digest, err = binaryContent(value); err != nil {
		return r, err
	}
	if len(r.Digest) != sha256.Size {
		return r, unproved("the digest of %s has %d bytes", quote(uri), len(r.Digest))
	}
	return r, nil
}

// target is what a reference refers to: an element or a part.
type target struct {
	element *xmltree.Element
	part    *Part
}

// resolve finds what the references refer to and checks that it is eb:Messaging and each part, perhaps the Body, and
// nothing else, each once. Elements are compared by identity, so it is certain that what was signed is what is
// processed.
func (s *signed) resolve(env *Envelope, known ids, parts []Part) ([]target, error) {
	byID, err := index(parts)
	if err != nil {
		return nil, err
	}
	targets := make([]target, 0, len(s.references))
	covered := map[target]bool{}
	for i := range s.references {
		r := &s.references[i]
		var t target
		if r.part {
			id, err := ebms.ContentID(r.URI)
			if err != nil {
				return nil, err
			}
			if t.part = byID[id]; t.part == nil {
				return nil, unproved("the signature covers %s, which is not in the message", quote(r.URI))
			}
		} else {
			t.element = known.same(r.URI)
			switch {
			case t.element == nil:
				return nil, unproved("the signature covers %s, which is not in the message", quote(r.URI))
			case t.element != env.Messaging && t.element != env.Body:
				return nil, forbidden("the signature covers %s, which is neither eb:Messaging nor the Body", quote(r.URI))
			}
		}
		if covered[t] {
			return nil, forbidden("the signature covers %s twice", quote(r.URI))
		}
		covered[t] = true
		targets = append(targets, t)
	}
	if !covered[target{element: env.Messaging}] {
		return nil, forbidden("the signature does not cover eb:Messaging")
	}
	for i := range parts {
		if !covered[target{part: &parts[i]}] {
			return nil, forbidden("the signature does not cover the part %s", quote(parts[i].ID))
		}
	}
	return targets, nil
}

// index maps parts by their Content-ID.
func index(parts []Part) (map[string]*Part, error) {
	byID := make(map[string]*Part, len(parts))
	for i := range parts {
		if byID[parts[i].ID] != nil {
			return nil, ebms.Faultf(ebms.MimeInconsistency, "the Content-ID %s is there twice", quote(parts[i].ID))
		}
		byID[parts[i].ID] = &parts[i]
	}
	return byID, nil
}

func (t target) digest(prefixes []string) [sha256.Size]byte {
	if t.part != nil {
		return sha256.Sum256(t.part.Data)
	}
	return sha256.Sum256(t.element.Canonical(nil, prefixes...))
}

func (t target) mismatch(uri string) error {
	f := ebms.Faultf(ebms.FailedAuthentication, "the digest of %s does not fit", quote(uri))
	if t.part != nil {
		// Some products canonicalise parts of these types before they compute the digest. The profile sends bytes.
		if m := strings.ToLower(t.part.MimeType); strings.HasPrefix(m, "text/") || strings.Contains(m, "xml") {
			f.Err = fmt.Errorf("the part is declared as %s: its sender may have signed another form of it", quote(t.part.MimeType))
		}
	}
	return f
}

// token returns the certificates of the BinarySecurityToken that KeyInfo refers to. It is in the same Security header.
//
// Spec: WSS 1.1.1, X.509 token profile 3.1, 3.2
func token(env *Envelope, known ids, keyInfo *xmltree.Element) ([]*x509.Certificate, error) {
	str, err := only(keyInfo, wsseSpace, "SecurityTokenReference")
	if err != nil {
		return nil, unproved("the signature does not refer to a token in the message")
	}
	ref, err := only(str, wsseSpace, "Reference")
	if err != nil {
		return nil, unproved("the signature does not refer to a token in the message")
	}
	uri, _ := ref.Attr("", "URI")
	bst := known.same(uri)
	if bst == nil || bst.Parent != env.Security || !bst.Is(wsseSpace, "BinarySecurityToken") {
		return nil, unproved("the signature does not refer to a BinarySecurityToken in the Security header")
	}
	if encoding, ok := bst.Attr("", "EncodingType"); ok && encoding != base64Binary {
		return nil, forbidden("encoding %s of the token is not permitted, only %s", quote(encoding), base64Binary)
	}
	der, err := binaryContent(bst)
	if err != nil {
		return nil, err
	}
	if len(der) > maxTokenBytes {
		return nil, forbidden("the token has more than %d bytes", maxTokenBytes)
	}
	var path []*x509.Certificate
	switch kind, _ := bst.Attr("", "ValueType"); kind {
	case pkiPath:
		path, err = smpki.ParsePkiPath(der)
	case singleX509:
		var leaf *x509.Certificate
		leaf, err = smpki.ParseCertificate(der)
		path = []*x509.Certificate{leaf}
	default:
		return nil, forbidden("token type %s is not permitted, only %s and %s", quote(kind), pkiPath, singleX509)
	}
	if err != nil {
		return nil, &ebms.Fault{Code: ebms.FailedAuthentication, Text: "the certificates of the token cannot be read", Err: err}
	}
	return path, nil
}
