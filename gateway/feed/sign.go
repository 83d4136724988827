package feed

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"
)

// secretPrefix begins a secret of Standard Webhooks.
const secretPrefix = "whsec_"

// Lengths of a secret in bytes.
const (
	minSecretBytes = 24
	maxSecretBytes = 64
)

var errSecret = errors.New("not of the form whsec_ and 24 to 64 bytes in base64")

// parseSecret reads a secret.
//
// Spec: Standard Webhooks 1.0.0, Signature scheme
func parseSecret(s string) ([]byte, error) {
	text, ok := strings.CutPrefix(s, secretPrefix)
	key, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil || len(key) < minSecretBytes || len(key) > maxSecretBytes {
		return nil, errSecret
	}
	return key, nil
}

// sign returns the signatures with each key, the newest first, as the header webhook-signature has them.
//
// Spec: Standard Webhooks 1.0.0, Signature scheme (v1)
func sign(keys [][]byte, id string, at time.Time, body []byte) string {
	list := make([]string, len(keys))
	for i, key := range keys {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
		mac.Write(body)
		list[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	return strings.Join(list, " ")
}
