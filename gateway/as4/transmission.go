package as4

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"slices"
	"time"

	"github.com/marktbote/marktbote/gateway/as4/ebms"
	"github.com/marktbote/marktbote/gateway/as4/smpki"
	"github.com/marktbote/marktbote/gateway/as4/wss"
	"github.com/marktbote/marktbote/store"
)

// wsu is the namespace of the Id that signatures refer to.
const wsu = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"

// classEvidence is the data class of what proves a transmission.
const classEvidence store.Class = "evidence"

// evidence is what a transmission row keeps beside the bytes.
type evidence struct {
	// Key opens the encrypted payload of the kept body, so that years later it can be shown what was signed. It is used
	// for one message only.
	Key       []byte   `json:"key,omitempty"`
	Signature []string `json:"signature,omitempty"` // fingerprints of the path of the signature, issuer first
	TLS       []string `json:"tls,omitempty"`       // fingerprint of the TLS client's certificate
	Recipient string   `json:"recipient,omitempty"` // fingerprint of the certificate that was encrypted to
	Receipt   []string `json:"receipt,omitempty"`   // fingerprints of the path of the receipt's signature
	// Lists are the revocation lists that the signature, or that of the receipt, was judged with.
	Lists []revocationList `json:"lists,omitempty"`
	// Unanswered: what is refused was not refused by the partner, there was no answer from him.
	Unanswered bool `json:"unanswered,omitempty"`
}

// revocationList is a list as evidence tells of it.
type revocationList struct {
	CA         string    `json:"ca"`
	ThisUpdate time.Time `json:"this_update"`
	NextUpdate time.Time `json:"next_update"`
}

// listsOf names the revocation lists that a path, root first, was judged with.
func (n *Node) listsOf(path []*x509.Certificate, at time.Time) (lists []revocationList) {
	for _, issuer := range path[:max(0, len(path)-1)] {
		s := n.Directory.Revocation().State(issuer, at)
		lists = append(lists, revocationList{issuer.Subject.CommonName, s.ThisUpdate.UTC(), s.NextUpdate.UTC()})
	}
	return lists
}

// reference is a signed reference as it is kept: what a receipt must repeat.
type reference struct {
	URI    string `json:"uri"`
	Digest []byte `json:"digest"` // SHA-256
	Body   bool   `json:"body,omitempty"`
}

func marshalReferences(env *wss.Envelope, list []wss.Reference) ([]byte, error) {
	body, _ := env.Body.Attr(wsu, "Id")
	kept := make([]reference, len(list))
	for i, r := range list {
		kept[i] = reference{r.URI, r.Digest, body != "" && r.URI == "#"+body}
	}
	return json.Marshal(kept)
}

// signedOf returns what a receipt must repeat.
func signedOf(references []byte) ([]ebms.Signed, error) {
	var kept []reference
	if err := json.Unmarshal(references, &kept); err != nil {
		return nil, err
	}
	list := make([]ebms.Signed, len(kept))
	for i, r := range kept {
		list[i] = ebms.Signed(r)
	}
	return list, nil
}

// sameReferences reports whether a message is the one that was kept: the same content, whatever it is called.
func sameReferences(kept []byte, list []wss.Reference) bool {
	var was []reference
	if err := json.Unmarshal(kept, &was); err != nil || len(was) != len(list) {
		return false
	}
	for _, r := range list {
		if !slices.ContainsFunc(was, func(k reference) bool { return k.URI == r.URI && bytes.Equal(k.Digest, r.Digest) }) {
			return false
		}
	}
	return true
}

// keepBody keeps the complete bytes of a message; long ones are kept already.
func keepBody(tx store.Tx, body []byte) (digest string, err error) {
	if len(body) > store.MaxInlinePayload {
		sum := sha256.Sum256(body)
		return hex.EncodeToString(sum[:]), nil
	}
	tx.SetClass(classEvidence)
	p, err := tx.PutPayload(body)
	return p.Digest, err
}

func fingerprints(path []*x509.Certificate) []string {
	var list []string
	for _, c := range path {
		if c != nil {
			list = append(list, smpki.Fingerprint(c))
		}
	}
	return list
}
