package wss

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/marktbote/marktbote/gateway/as4/ebms"
	"github.com/marktbote/marktbote/gateway/as4/smpki"
	"github.com/marktbote/marktbote/gateway/as4/xmltree"
)

// Sign adds a wsse:Security with a signature over eb:Messaging, the Body and the parts, which are gzip and not yet
// encrypted, and sets env.Security. What is signed must not be changed afterwards. It returns what the signature
// covers; a receipt repeats it.
//
// Spec: BDEW AS4-Profil 1.1 2.2.6.2.1
// Spec: AS4 Profile 1.0 5.1.4, 5.1.5
func Sign(env *Envelope, id Identity, parts []Part) ([]Reference, error) {
	if env.Security != nil {
		return nil, errors.New("wss: the message is signed already")
	}
	if env.Header == nil || env.Messaging == nil || env.Body == nil {
		return nil, errors.New("wss: the envelope is not complete")
	}
	token, err := smpki.MarshalPkiPath(id.Path)
	if err != nil {
		return nil, fmt.Errorf("wss: %w", err)
	}

	messagingURI, bodyURI := "#"+ensureID(env.Messaging, "M-"), "#"+ensureID(env.Body, "B-")
	if _, err := collectIDs(env.Root); err != nil {
		return nil, fmt.Errorf("wss: %w", err)
	}
	if _, err := index(parts); err != nil {
		return nil, fmt.Errorf("wss: %w", err)
	}
	if n := 2 + len(parts); n > maxReferences {
		return nil, fmt.Errorf("wss: %d references, at most %d are permitted", n, maxReferences)
	}

	info := xmltree.New("ds", dsSpace, "SignedInfo")
	info.Add("ds", dsSpace, "CanonicalizationMethod").Set("Algorithm", exclusiveC14N)
	info.Add("ds", dsSpace, "SignatureMethod").Set("Algorithm", ecdsaSHA256)
	var references []Reference
	add := func(uri, transform string, digest [sha256.Size]byte) {
		r := info.Add("ds", dsSpace, "Reference").Set("URI", uri)
		r.Add("ds", dsSpace, "Transforms").Add("ds", dsSpace, "Transform").Set("Algorithm", transform)
		r.Add("ds", dsSpace, "DigestMethod").Set("Algorithm", sha256Digest)
		r.AddText("ds", dsSpace, "DigestValue", base64.StdEncoding.EncodeToString(digest[:]))
		references = append(references, Reference{URI: uri, DigestMethod: sha256Digest, Digest: digest[:], XML: r})
	}
	add(messagingURI, exclusiveC14N, sha256.Sum256(env.Messaging.Canonical(nil)))
	add(bodyURI, exclusiveC14N, sha256.Sum256(env.Body.Canonical(nil)))
	for i := range parts {
		add(ebms.CID(parts[i].ID), contentDigest, sha256.Sum256(parts[i].Data))
	}
	digest := sha256.Sum256(info.Canonical(nil))
	rs, err := id.Key.SignRaw(digest[:])
	if err != nil {
		return nil, fmt.Errorf("wss: %w", err)
	}

	security := xmltree.New("wsse", wsseSpace, "Security").Declare("wsse", wsseSpace).Declare("wsu", wsuSpace)
	soap := env.Root.Prefix
	if soap == "" { // an attribute in a namespace needs a prefix
		soap = "S12"
	}
	security.SetNS(soap, soapSpace, "mustUnderstand", "true")
	tokenID := newID("X509-")
	security.AddText("wsse", wsseSpace, "BinarySecurityToken", base64.StdEncoding.EncodeToString(token)).
		Set("EncodingType", base64Binary).Set("ValueType", pkiPath).SetNS("wsu", wsuSpace, "Id", tokenID)
	signature := security.Add("ds", dsSpace, "Signature").Declare("ds", dsSpace).Append(info)
	signature.AddText("ds", dsSpace, "SignatureValue", base64.StdEncoding.EncodeToString(rs))
	// WSS4J refuses a reference to a PKIPath without TokenType (Basic Security Profile 1.1 R5215).
	signature.Add("ds", dsSpace, "KeyInfo").
		Add("wsse", wsseSpace, "SecurityTokenReference").SetNS("wsse11", wsse11Space, "TokenType", pkiPath).
		Add("wsse", wsseSpace, "Reference").Set("URI", "#"+tokenID).Set("ValueType", pkiPath)
	env.Header.Append(security)
	env.Security = security
	return references, nil
}

// newID returns an ID that no document has yet.
func newID(prefix string) string { return prefix + rand.Text() }
