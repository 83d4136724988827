// Package wss is the WS-Security of the BDEW AS4 profile: who has sent a message, and that nobody else can read its
// payload.
//
// A message is an envelope and parts beside it. Signing puts a wsse:Security into the header, with a signature over
// eb:Messaging, the empty Body and every part, and the certificates of the signer. Encrypting then encrypts every part
// to one certificate and says so in the same header. Both are undone in the opposite order:
//
//	env, err := wss.Locate(root)
//	parts, err = wss.Decrypt(&env, parts, keys)
//	verified, err := wss.Verify(&env, parts)
//	path, err := trust.Verify(verified.Leaf, verified.Path, smpki.Signature, now)
//
// What is accepted is a closed list: one envelope with one of each header at its place, one signature, references only
// to the very elements and parts that are processed afterwards, each with the one transform it may have, one algorithm
// for each purpose. Everything in it that products are known to write differently is accepted: prefixes and their
// lists, the order of attributes, line ends in base64, where the encrypted key stands and how it names its recipient.
//
// Errors about a message of a partner are *ebms.Fault: 0009 for a broken structure, 0101 for a missing or wrong
// signature, 0102 for what cannot be decrypted, 0103 for what the profile forbids. Whether the certificates can be
// trusted is not decided here.
//
// Spec: BDEW AS4-Profil 1.1 2.2.6.2
// Spec: WSS 1.1.1, SOAP Message Security, X.509 token profile, SwA profile
package wss

import (
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/marktbote/marktbote/gateway/as4/ebms"
	"github.com/marktbote/marktbote/gateway/as4/xmltree"
)

// Namespaces.
const (
	soapSpace   = "http://www.w3.org/2003/05/soap-envelope"
	ebSpace     = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/"
	wsseSpace   = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
	wsuSpace    = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
	wsse11Space = "http://docs.oasis-open.org/wss/oasis-wss-wssecurity-secext-1.1.xsd"
	dsSpace     = "http://www.w3.org/2000/09/xmldsig#"
	dsig11Space = "http://www.w3.org/2009/xmldsig11#"
	xencSpace   = "http://www.w3.org/2001/04/xmlenc#"
	xenc11Space = "http://www.w3.org/2009/xmlenc11#"
)

// Algorithms and types of the profile. Each is the only one accepted for its purpose.
const (
	exclusiveC14N   = "http://www.w3.org/2001/10/xml-exc-c14n#" // also the namespace of InclusiveNamespaces
	sha256Digest    = "http://www.w3.org/2001/04/xmlenc#sha256"
	ecdsaSHA256     = "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"
	attachmentSwA   = "http://docs.oasis-open.org/wss/oasis-wss-SwAProfile-1.1#"
	contentDigest   = attachmentSwA + "Attachment-Content-Signature-Transform"
	contentOnly     = attachmentSwA + "Attachment-Content-Only"
	ciphertext      = attachmentSwA + "Attachment-Ciphertext-Transform"
	tokenProfile    = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#" //nolint:gosec // no credentials
	pkiPath         = tokenProfile + "X509PKIPathv1"
	singleX509      = tokenProfile + "X509v3"
	keyIdentifier   = tokenProfile + "X509SubjectKeyIdentifier"
	messageSecurity = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#"
	base64Binary    = messageSecurity + "Base64Binary"
	message11       = "http://docs.oasis-open.org/wss/oasis-wss-soap-message-security-1.1#"
	encryptedKey    = message11 + "EncryptedKey"
	thumbprintSHA1  = message11 + "ThumbprintSHA1"
	aes128GCM       = "http://www.w3.org/2009/xmlenc11#aes128-gcm"
	aes128Wrap      = "http://www.w3.org/2001/04/xmlenc#kw-aes128"
	ecdhES          = "http://www.w3.org/2009/xmlenc11#ECDH-ES"
	concatKDF       = "http://www.w3.org/2009/xmlenc11#ConcatKDF"
	brainpoolP256r1 = "urn:oid:1.3.36.3.3.2.8.1.1.7"
)

// Limits on what a partner sends.
const (
	maxReferences = 20
	maxPrefixes   = 32       // in the list of one canonicalisation
	maxTokenBytes = 16 << 10 // of certificates
	maxKeys       = 3        // keys of ours that are tried for one encrypted key
)

// Part is a MIME part beside the envelope.
type Part struct {
	ID       string // Content-ID without angle brackets
	MimeType string
	Data     []byte // gzip before encryption and after decryption
}

// Signer signs with the key of a signature certificate: a key in memory or in a token.
type Signer interface {
	// SignRaw returns the signature of a SHA-256 digest: r and s, 32 bytes each.
	SignRaw(digest []byte) ([]byte, error)
}

// Agreer agrees with the key of an encryption certificate: a key in memory or in a token.
type Agreer interface {
	// ECDH returns the x coordinate of the shared point, 32 bytes.
	ECDH(peer *ecdsa.PublicKey) ([]byte, error)
}

// Identity is what a message is signed with.
type Identity struct {
	Path []*x509.Certificate // issuer first, signature certificate last; the root may be left out
	Key  Signer
}

// Reference is one thing that a signature covers.
type Reference struct {
	URI          string
	DigestMethod string
	Digest       []byte
	XML          *xmltree.Element // ds:Reference; a receipt repeats it
}

// faults of one kind.
func broken(format string, args ...any) error {
	return ebms.Faultf(ebms.InvalidHeader, format, args...)
}
func unproved(format string, args ...any) error {
	return ebms.Faultf(ebms.FailedAuthentication, format, args...)
}
func forbidden(format string, args ...any) error {
	return ebms.Faultf(ebms.PolicyNoncompliance, format, args...)
}

// content returns the text of an element without child elements.
func content(e *xmltree.Element) (string, error) {
	for c := range e.All() {
		return "", broken("%s inside %s", quote(c.Local), quote(e.Local))
	}
	return strings.Trim(e.Text(), " \t\r\n"), nil
}

// binaryContent returns the bytes of an element that holds base64. White space may stand anywhere in it, and nothing else
// beyond the alphabet.
func binaryContent(e *xmltree.Element) ([]byte, error) {
	text, err := content(e)
	if err != nil {
		return nil, err
	}
	if strings.ContainsAny(text, " \t\r\n") {
		text = strings.Map(func(r rune) rune {
			switch r {
			case ' ', '\t', '\r', '\n':
				return -1
			}
			return r
		}, text)
	}
	data, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, broken("%s is not base64", quote(e.Local))
	}
	return data, nil
}

// only returns the one child element with this name and refuses other children, except those in optional, which are of
// the same namespace or of XML Signature.
func only(e *xmltree.Element, space, local string, optional ...string) (*xmltree.Element, error) {
	var found *xmltree.Element
	for c := range e.All() {
		switch {
		case c.Is(space, local) && found == nil:
			found = c
		case c.Is(space, local):
			return nil, broken("%s twice in %s", quote(local), quote(e.Local))
		default:
			known := false
			for _, name := range optional {
				known = known || c.Local == name && (c.Space == space || c.Space == dsSpace)
			}
			if !known {
				return nil, forbidden("%s in %s is not part of the profile", quote(c.Local), quote(e.Local))
			}
		}
	}
	if found == nil {
		return nil, broken("no %s in %s", quote(local), quote(e.Local))
	}
	return found, nil
}

// one returns the only child element with this name among others.
func one(e *xmltree.Element, space, local string) (*xmltree.Element, error) {
	switch found := e.Elements(space, local); len(found) {
	case 0:
		return nil, broken("no %s in %s", quote(local), quote(e.Local))
	case 1:
		return found[0], nil
	}
	return nil, broken("%s twice in %s", quote(local), quote(e.Local))
}

// quote returns something that a partner has written in a form and length fit for a fault.
func quote(s string) string {
	const most = 120
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return strconv.Quote(s)
}
