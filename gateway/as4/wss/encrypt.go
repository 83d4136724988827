package wss

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/marktbote/marktbote/gateway/as4/brainpool"
	"github.com/marktbote/marktbote/gateway/as4/ebms"
	"github.com/marktbote/marktbote/gateway/as4/xmltree"
)

// ivBytes and tagBytes are what encryption adds to a part, before and behind it.
const (
	ivBytes  = 12
	tagBytes = 16
)

// gzipType is what a part is before encryption. A type of text or XML there would make some products canonicalise the
// part before they check its digest.
const gzipType = "application/gzip"

// Encrypt encrypts the parts of a signed message to an encryption certificate and adds what the recipient needs to the
// Security header. It returns the encrypted parts and leaves the given ones as they are. Without parts there is nothing
// to encrypt, and nothing is added.
//
// Spec: BDEW AS4-Profil 1.1 2.2.6.2.2
// Spec: XML Encryption 1.1 5.6.4
func Encrypt(env *Envelope, to *x509.Certificate, parts []Part) ([]Part, error) {
	if len(parts) == 0 {
		return nil, nil
	}
	if env.Security == nil {
		return nil, errors.New("wss: a message is signed before it is encrypted")
	}
	if len(to.SubjectKeyId) == 0 {
		return nil, errors.New("wss: the encryption certificate has no subject key identifier")
	}
	recipient, ok := to.PublicKey.(*ecdsa.PublicKey)
	if !ok {
		return nil, errors.New("wss: the encryption certificate has no elliptic curve key")
	}
	ephemeral, err := brainpool.GenerateKey()
	if err != nil {
		return nil, fmt.Errorf("wss: %w", err)
	}
	z, err := ephemeral.ECDH(recipient)
	if err != nil {
		return nil, fmt.Errorf("wss: %w", err)
	}
	kek := deriveKey(z, nil)
	cek := make([]byte, keyBytes)
	defer func() { clear(z); clear(kek); clear(cek) }()
	_, _ = rand.Read(cek) // does not fail
	env.ContentKey = bytes.Clone(cek)
	wrapped, err := wrapKey(kek, cek)
	if err != nil {
		return nil, fmt.Errorf("wss: %w", err)
	}
	gcm, err := newGCM(cek)
	if err != nil {
		return nil, fmt.Errorf("wss: %w", err)
	}

	keyID := newID("EK-")
	key := keyElement(keyID, ephemeral, to.SubjectKeyId, wrapped)
	list := key.Add("xenc", xencSpace, "ReferenceList")
	header := []xmltree.Node{{Element: key}}
	encrypted := make([]Part, len(parts))
	for i, p := range parts {
		dataID := newID("ED-")
		list.Add("xenc", xencSpace, "DataReference").Set("URI", "#"+dataID)
		header = append(header, xmltree.Node{Element: dataElement(dataID, keyID, p.ID)})
		data := make([]byte, ivBytes, ivBytes+len(p.Data)+tagBytes)
		_, _ = rand.Read(data)
		encrypted[i] = Part{ID: p.ID, MimeType: "application/octet-stream", Data: gcm.Seal(data, data, p.Data, nil)}
	}
	// What is to be undone first stands first.
	for _, n := range header {
		n.Element.Parent = env.Security
	}
	env.Security.Children = append(header, env.Security.Children...)
	return encrypted, nil
}

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func keyElement(id string, ephemeral *brainpool.PrivateKey, ski, wrapped []byte) *xmltree.Element {
	b64 := base64.StdEncoding.EncodeToString
	key := xmltree.New("xenc", xencSpace, "EncryptedKey").Declare("xenc", xencSpace).Set("Id", id)
	key.Add("xenc", xencSpace, "EncryptionMethod").Set("Algorithm", aes128Wrap)
	agreement := key.Add("ds", dsSpace, "KeyInfo").Add("xenc", xencSpace, "AgreementMethod").Set("Algorithm", ecdhES)
	agreement.Add("xenc11", xenc11Space, "KeyDerivationMethod").Set("Algorithm", concatKDF).
		Add("xenc11", xenc11Space, "ConcatKDFParams").Set("AlgorithmID", "").Set("PartyUInfo", "").Set("PartyVInfo", "").
		Add("ds", dsSpace, "DigestMethod").Set("Algorithm", sha256Digest)
	point := agreement.Add("xenc", xencSpace, "OriginatorKeyInfo").Add("ds", dsSpace, "KeyValue").Add("dsig11", dsig11Space, "ECKeyValue")
	point.Add("dsig11", dsig11Space, "NamedCurve").Set("URI", brainpoolP256r1)
	point.AddText("dsig11", dsig11Space, "PublicKey", b64(brainpool.MarshalPoint(ephemeral.Public().(*ecdsa.PublicKey))))
	agreement.Add("xenc", xencSpace, "RecipientKeyInfo").Add("ds", dsSpace, "X509Data").AddText("ds", dsSpace, "X509SKI", b64(ski))
	key.Add("xenc", xencSpace, "CipherData").AddText("xenc", xencSpace, "CipherValue", b64(wrapped))
	return key
}

func dataElement(id, keyID, contentID string) *xmltree.Element {
	data := xmltree.New("xenc", xencSpace, "EncryptedData").Declare("xenc", xencSpace).
		Set("Id", id).Set("MimeType", gzipType).Set("Type", contentOnly)
	data.Add("xenc", xencSpace, "EncryptionMethod").Set("Algorithm", aes128GCM)
	data.Add("ds", dsSpace, "KeyInfo").
		Add("wsse", wsseSpace, "SecurityTokenReference").SetNS("wsse11", wsse11Space, "TokenType", encryptedKey).
		Add("wsse", wsseSpace, "Reference").Set("URI", "#"+keyID)
	data.Add("xenc", xencSpace, "CipherData").Add("xenc", xencSpace, "CipherReference").Set("URI", ebms.CID(contentID)).
		Add("xenc", xencSpace, "Transforms").Add("ds", dsSpace, "Transform").Set("Algorithm", ciphertext)
	return data
}
