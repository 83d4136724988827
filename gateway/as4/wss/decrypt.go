package wss

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // the thumbprint of X.509 tokens is a SHA-1
	"crypto/x509"
	"encoding/hex"
	"errors"
	"math/big"
	"strings"

	"github.com/marktbote/marktbote/gateway/as4/brainpool"
	"github.com/marktbote/marktbote/gateway/as4/ebms"
	"github.com/marktbote/marktbote/gateway/as4/xmltree"
)

// RecipientHint is how an encrypted key names the certificate it was made for. All fields are empty if it does not.
type RecipientHint struct {
	SKI         []byte   // subject key identifier
	Serial      *big.Int // serial number; the issuer beside it is written in too many ways to be compared
	Certificate []byte   // DER
	Thumbprint  []byte   // SHA-1 of the DER
}

// Matches reports whether a certificate is the one that is named.
func (h RecipientHint) Matches(c *x509.Certificate) bool {
	switch {
	case h.SKI != nil:
		return bytes.Equal(h.SKI, c.SubjectKeyId)
	case h.Certificate != nil:
		return bytes.Equal(h.Certificate, c.Raw)
	case h.Thumbprint != nil:
		sum := sha1.Sum(c.Raw) //nolint:gosec // a name, not a proof
		return bytes.Equal(h.Thumbprint, sum[:])
	case h.Serial != nil:
		return c.SerialNumber != nil && h.Serial.Cmp(c.SerialNumber) == 0
	}
	return false
}

// Encrypted reports whether the message says that something in it is encrypted. One that does not can be accepted by
// leaving Decrypt out, if a partner may send without encryption.
func (env *Envelope) Encrypted() bool {
	for e := range env.Root.Descend() {
		if e.Is(xencSpace, "EncryptedData") || e.Is(xencSpace, "EncryptedKey") {
			return true
		}
	}
	return false
}

// Decrypt decrypts the parts of a message, each of which must be encrypted, and returns them. It does so in place: the
// data of the given parts is overwritten, on failure too. keys returns the keys that come into question for a hint,
// the best first; if nothing is known by the hint, all current ones. At most three are tried.
//
// The error is an *ebms.Fault. What is wrong with the form of a message is told to its sender; whatever else prevents
// decryption has one code and one text, and takes the same steps, so that nobody learns anything about keys by trying.
//
// Spec: BDEW AS4-Profil 1.1 2.2.6.2.2
// Spec: WSS 1.1.1, SwA profile 5.5
func Decrypt(env *Envelope, parts []Part, keys func(RecipientHint) []Agreer) ([]Part, error) {
	known, err := collectIDs(env.Root)
	if err != nil {
		return nil, err
	}
	datas, err := encryptedDatas(env, known, parts)
	if err != nil {
		return nil, err
	}
	out := make([]Part, len(parts))
	copy(out, parts)
	contentKeys := map[*xmltree.Element][]byte{}
	defer func() {
		for _, cek := range contentKeys {
			clear(cek)
		}
	}()
	var failure error
	for _, d := range datas {
		cek, tried := contentKeys[d.key.xml]
		if !tried {
			if cek, err = d.key.unwrap(keys); err != nil {
				failure = errors.Join(failure, err)
				// Go on with a key that fits nothing.
				cek = make([]byte, keyBytes)
				_, _ = rand.Read(cek)
			}
			contentKeys[d.key.xml] = cek
		}
		p := &out[d.part]
		if p.Data, err = open(cek, p.Data); err != nil {
			failure = errors.Join(failure, err)
		}
		if d.mimeType != "" {
			p.MimeType = d.mimeType
		}
	}
	if failure != nil {
		return nil, &ebms.Fault{Code: ebms.FailedDecryption, Text: "the payload cannot be decrypted", Err: failure}
	}
	if len(datas) > 0 {
		env.ContentKey = bytes.Clone(contentKeys[datas[0].key.xml])
	}
	return out, nil
}

// open decrypts IV, ciphertext and tag in place.
func open(key, data []byte) ([]byte, error) {
	gcm, err := newGCM(key)
	if err != nil {
		return nil, err
	}
	if len(data) < ivBytes+tagBytes {
		return nil, errors.New("the payload is shorter than IV and tag")
	}
	return gcm.Open(data[ivBytes:ivBytes], data[:ivBytes], data[ivBytes:], nil)
}

// encrypted is an EncryptedData: which part it is about and with which key.
type encrypted struct {
	part     int
	mimeType string
	key      *wrappedKey
}

// encryptedDatas reads the EncryptedData elements of the Security header, one for each part.
func encryptedDatas(env *Envelope, known ids, parts []Part) ([]encrypted, error) {
	r := keyReader{env: env, known: known, read: map[*xmltree.Element]*wrappedKey{}}
	for e := range env.Root.Descend() {
		if e.Is(xencSpace, "EncryptedData") && e.Parent != env.Security {
			return nil, forbidden("something other than a payload is encrypted")
		}
	}
	if _, err := index(parts); err != nil {
		return nil, err
	}
	var found []encrypted
	covered := make([]bool, len(parts))
	if env.Security != nil {
		for _, e := range env.Security.Elements(xencSpace, "EncryptedData") {
			d, err := r.data(e, parts)
			if err != nil {
				return nil, err
			}
			if covered[d.part] {
				return nil, broken("the part %s is encrypted twice", quote(parts[d.part].ID))
			}
			covered[d.part] = true
			found = append(found, d)
		}
	}
	for i, done := range covered {
		if !done {
			return nil, forbidden("the payload %s is not encrypted", quote(parts[i].ID))
		}
	}
	return found, nil
}

// keyReader reads EncryptedData elements and the keys they refer to, each key once.
type keyReader struct {
	env   *Envelope
	known ids
	read  map[*xmltree.Element]*wrappedKey
}

func (r *keyReader) data(e *xmltree.Element, parts []Part) (d encrypted, err error) {
	if kind, _ := e.Attr("", "Type"); kind != contentOnly {
		return d, forbidden("encryption of type %s is not permitted, only %s", quote(kind), contentOnly)
	}
	d.mimeType, _ = e.Attr("", "MimeType")
	method, err := one(e, xencSpace, "EncryptionMethod")
	if err != nil {
		return d, err
	}
	if err := algorithm(method, aes128GCM, "content encryption"); err != nil {
		return d, err
	}
	cipherData, err := only(e, xencSpace, "CipherData", "EncryptionMethod", "KeyInfo", "EncryptionProperties")
	if err != nil {
		return d, err
	}
	ref, err := only(cipherData, xencSpace, "CipherReference")
	if err != nil {
		return d, forbidden("EncryptedData does not refer to a payload")
	}
	uri, _ := ref.Attr("", "URI")
	id, err := ebms.ContentID(uri)
	if err != nil {
		return d, err
	}
	d.part = -1
	for i := range parts {
		if parts[i].ID == id {
			d.part = i
		}
	}
	if d.part < 0 {
		return d, ebms.Faultf(ebms.MimeInconsistency, "EncryptedData refers to %s, which is not in the message", quote(uri))
	}
	transforms, err := only(ref, xencSpace, "Transforms")
	if err != nil {
		return d, forbidden("the reference to %s needs exactly one transform", quote(uri))
	}
	transform, err := only(transforms, dsSpace, "Transform")
	if err != nil {
		return d, forbidden("the reference to %s needs exactly one transform", quote(uri))
	}
	if err := algorithm(transform, ciphertext, "transform"); err != nil {
		return d, err
	}
	if !transform.Empty() {
		return d, forbidden("parameters of a transform")
	}
	key, err := r.keyOf(e)
	if err != nil {
		return d, err
	}
	d.key, err = r.key(key)
	return d, err
}

// keyOf finds the EncryptedKey of an EncryptedData: inside it, by a reference to the Security header, or, if it says
// nothing, the one that lists it.
func (r *keyReader) keyOf(data *xmltree.Element) (*xmltree.Element, error) {
	if data.Find(dsSpace, "KeyInfo") == nil {
		id, _ := data.Attr("", "Id")
		for _, key := range r.env.Security.Elements(xencSpace, "EncryptedKey") {
			if list := key.Find(xencSpace, "ReferenceList"); list != nil && id != "" {
				for _, ref := range list.Elements(xencSpace, "DataReference") {
					if uri, _ := ref.Attr("", "URI"); uri == "#"+id {
						return key, nil
					}
				}
			}
		}
		return nil, broken("EncryptedData without key")
	}
	info, err := one(data, dsSpace, "KeyInfo")
	if err != nil {
		return nil, err
	}
	if key, err := only(info, xencSpace, "EncryptedKey"); err == nil {
		return key, nil
	}
	str, err := only(info, wsseSpace, "SecurityTokenReference")
	if err != nil {
		return nil, forbidden("EncryptedData does not refer to an EncryptedKey in the message")
	}
	ref, err := only(str, wsseSpace, "Reference")
	if err != nil {
		return nil, forbidden("EncryptedData does not refer to an EncryptedKey in the message")
	}
	uri, _ := ref.Attr("", "URI")
	key := r.known.same(uri)
	if key == nil || !key.Is(xencSpace, "EncryptedKey") || !inside(key, r.env.Security) {
		return nil, broken("EncryptedData does not refer to an EncryptedKey in the Security header")
	}
	return key, nil
}

func inside(e, outer *xmltree.Element) bool {
	for e != nil && e != outer {
		e = e.Parent
	}
	return e != nil
}

// wrappedKey is an EncryptedKey.
type wrappedKey struct {
	xml       *xmltree.Element
	point     []byte // ephemeral key of the sender
	otherInfo []byte // of the key derivation
	hint      RecipientHint
	wrapped   []byte
}

// unwrap returns the content key. It fails with the same steps whatever is wrong.
func (k *wrappedKey) unwrap(keys func(RecipientHint) []Agreer) ([]byte, error) {
	peer, err := brainpool.ParsePoint(brainpool.P256r1(), k.point)
	if err != nil {
		return nil, err
	}
	candidates := keys(k.hint)
	failure := errors.New("no key of ours comes into question")
	for _, key := range candidates[:min(len(candidates), maxKeys)] {
		cek, err := agreeAndUnwrap(key, peer, k)
		if err == nil {
			return cek, nil
		}
		failure = err
	}
	return nil, failure
}

func agreeAndUnwrap(key Agreer, peer *ecdsa.PublicKey, k *wrappedKey) ([]byte, error) {
	z, err := key.ECDH(peer)
	if err != nil {
		return nil, err
	}
	kek := deriveKey(z, k.otherInfo)
	defer func() { clear(z); clear(kek) }()
	return unwrapKey(kek, k.wrapped)
}

// What other profiles use, to tell a partner who is set up for one of them.
const otherProfile = "that is another profile (eDelivery 2.0, ENTSOG 4), not the one of BDEW"

func undecryptable(format string, args ...any) error {
	return ebms.Faultf(ebms.FailedDecryption, format, args...)
}

// key reads an EncryptedKey.
func (r *keyReader) key(e *xmltree.Element) (*wrappedKey, error) {
	if k := r.read[e]; k != nil {
		return k, nil
	}
	k := &wrappedKey{xml: e}
	r.read[e] = k
	method, err := one(e, xencSpace, "EncryptionMethod")
	if err != nil {
		return nil, err
	}
	if wrap, _ := method.Attr("", "Algorithm"); strings.Contains(wrap, "#rsa-") {
		return nil, undecryptable("key transport %s: %s", quote(wrap), otherProfile)
	}
	if err := algorithm(method, aes128Wrap, "key wrap"); err != nil {
		return nil, err
	}
	cipherData, err := only(e, xencSpace, "CipherData", "EncryptionMethod", "KeyInfo", "ReferenceList", "CarriedKeyName", "EncryptionProperties")
	if err != nil {
		return nil, err
	}
	value, err := only(cipherData, xencSpace, "CipherValue")
	if err != nil {
		return nil, err
	}
	if k.wrapped, err = binaryContent(value); err != nil {
		return nil, err
	}
	info, err := one(e, dsSpace, "KeyInfo")
	if err != nil {
		return nil, err
	}
	agreement, err := only(info, xencSpace, "AgreementMethod")
	if err != nil {
		return nil, forbidden("an encrypted key without key agreement is not permitted, only with %s", ecdhES)
	}
	if got, _ := agreement.Attr("", "Algorithm"); strings.Contains(got, "#x25519") || strings.Contains(got, "#x448") {
		return nil, undecryptable("key agreement %s: %s", quote(got), otherProfile)
	}
	if err := algorithm(agreement, ecdhES, "key agreement"); err != nil {
		return nil, err
	}
	if k.otherInfo, err = derivation(agreement); err != nil {
		return nil, err
	}
	if k.point, err = originator(agreement); err != nil {
		return nil, err
	}
	if recipient := agreement.Find(xencSpace, "RecipientKeyInfo"); recipient != nil {
		k.hint = hint(recipient)
	}
	return k, nil
}

// derivation reads the key derivation and returns its OtherInfo: five bit strings in hexadecimal, each with the number
// of bits that do not count in its first octet. The profile has them empty; "0000", which is one zero octet, is what
// some software sends unless it is told otherwise.
//
// Spec: XML Encryption 1.1 5.4.1
func derivation(agreement *xmltree.Element) ([]byte, error) {
	method, err := one(agreement, xenc11Space, "KeyDerivationMethod")
	if err != nil {
		return nil, err
	}
	if got, _ := method.Attr("", "Algorithm"); strings.HasSuffix(got, "#hkdf") {
		return nil, undecryptable("key derivation %s: %s", quote(got), otherProfile)
	}
	if err := algorithm(method, concatKDF, "key derivation"); err != nil {
		return nil, err
	}
	params, err := only(method, xenc11Space, "ConcatKDFParams")
	if err != nil {
		return nil, err
	}
	digest, err := only(params, dsSpace, "DigestMethod")
	if err != nil {
		return nil, err
	}
	if err := algorithm(digest, sha256Digest, "key derivation digest"); err != nil {
		return nil, err
	}
	var info []byte
	for _, name := range []string{"AlgorithmID", "PartyUInfo", "PartyVInfo", "SuppPubInfo", "SuppPrivInfo"} {
		text, _ := params.Attr("", name)
		if text == "" {
			continue
		}
		bits, err := hex.DecodeString(text)
		if err != nil {
			return nil, broken("%s is not hexadecimal", name)
		}
		if bits[0] != 0 {
			return nil, forbidden("%s is not made of whole octets", name)
		}
		info = append(info, bits[1:]...)
	}
	return info, nil
}

// originator returns the public key of the sender.
//
// Spec: XML Signature 1.1 4.5.2.3 (ECKeyValue)
func originator(agreement *xmltree.Element) ([]byte, error) {
	e := agreement
	for _, step := range []struct{ space, local string }{
		{xencSpace, "OriginatorKeyInfo"}, {dsSpace, "KeyValue"}, {dsig11Space, "ECKeyValue"},
	} {
		var err error
		if e, err = one(e, step.space, step.local); err != nil {
			return nil, err
		}
	}
	curve, err := one(e, dsig11Space, "NamedCurve")
	if err != nil {
		return nil, err
	}
	point, err := one(e, dsig11Space, "PublicKey")
	if err != nil {
		return nil, err
	}
	if uri, _ := curve.Attr("", "URI"); uri != brainpoolP256r1 {
		return nil, forbidden("curve %s is not permitted, only brainpoolP256r1", quote(uri))
	}
	return binaryContent(point)
}

// hint reads how a RecipientKeyInfo names its certificate. What cannot be read names none.
func hint(recipient *xmltree.Element) (h RecipientHint) {
	for e := range recipient.Descend() {
		switch {
		case e.Is(dsSpace, "X509SKI"):
			h.SKI = bytesOf(e)
		case e.Is(dsSpace, "X509Certificate"):
			h.Certificate = bytesOf(e)
		case e.Is(dsSpace, "X509SerialNumber"):
			if text := strings.TrimSpace(e.Text()); len(text) < 100 {
				h.Serial, _ = new(big.Int).SetString(text, 10)
			}
		case e.Is(wsseSpace, "KeyIdentifier"):
			switch kind, _ := e.Attr("", "ValueType"); kind {
			case keyIdentifier:
				h.SKI = bytesOf(e)
			case thumbprintSHA1:
				h.Thumbprint = bytesOf(e)
			case singleX509:
				h.Certificate = bytesOf(e)
			}
		}
	}
	return h
}

func bytesOf(e *xmltree.Element) []byte {
	data, _ := binaryContent(e)
	return data
}
