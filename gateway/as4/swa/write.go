package swa

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"
)

// Write packs an envelope and its attachments and returns the Content-Type and the body for HTTP. The body is one slice
// of known length, to be kept before it is sent and to be sent again as it is.
//
// A message without attachments becomes a package with one part, which is what partners expect of a path switch;
// receipts and errors travel as the bare envelope with SOAPType.
//
// Spec: BDEW AS4-Profil 1.1, 2.2.3.2; OASIS ebMS 3.0 Core 5.1; RFC 2387
func Write(envelope []byte, parts []Part) (contentType string, body []byte, err error) {
	for {
		boundary := random()
		if occurs(boundary, envelope, parts) {
			continue
		}
		return write(boundary, "root-"+random()+"@as4", envelope, parts)
	}
}

// occurs reports whether the boundary is in what it is to separate.
func occurs(boundary string, envelope []byte, parts []Part) bool {
	found := bytes.Contains(envelope, []byte(boundary))
	for _, p := range parts {
		found = found || bytes.Contains(p.Data, []byte(boundary))
	}
	return found
}

func write(boundary, rootID string, envelope []byte, parts []Part) (string, []byte, error) {
	heads := make([]string, len(parts)+1)
	heads[0] = partHead(boundary, rootID, SOAPType)
	size := len(heads[0]) + len(envelope)
	seen := map[string]bool{rootID: true}
	for i, p := range parts {
		if !plainID(p.ID) || seen[p.ID] {
			return "", nil, fmt.Errorf("swa: write: Content-ID %q occurs twice or needs escaping", p.ID)
		}
		seen[p.ID] = true
		mimeType := p.MimeType
		if mimeType == "" {
			mimeType = "application/octet-stream"
		}
		if _, err := parseMediaType(mimeType); err != nil || strings.ContainsAny(mimeType, "\r\n") {
			return "", nil, fmt.Errorf("swa: write: MIME type %q", mimeType)
		}
		heads[i+1] = "\r\n" + partHead(boundary, p.ID, mimeType)
		size += len(heads[i+1]) + len(p.Data)
	}
	tail := "\r\n--" + boundary + "--\r\n"
	body := make([]byte, 0, size+len(tail))
	body = append(body, heads[0]...)
	body = append(body, envelope...)
	for i, p := range parts {
		body = append(body, heads[i+1]...)
		body = append(body, p.Data...)
	}
	body = append(body, tail...)
	contentType := fmt.Sprintf(`%s; type="%s"; start="<%s>"; boundary="%s"`, relatedMediaType, soapMediaType, rootID, boundary)
	return contentType, body, nil
}

func partHead(boundary, id, mimeType string) string {
	return "--" + boundary + "\r\nContent-ID: <" + id + ">\r\nContent-Type: " + mimeType + "\r\nContent-Transfer-Encoding: binary\r\n\r\n"
}

// plainID reports whether a Content-ID is the same in the header of a part and in a cid URL.
func plainID(id string) bool {
	for i := range len(id) {
		c := id[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && strings.IndexByte("-._@", c) < 0 {
			return false
		}
	}
	return id != ""
}

// random returns 128 bits as 32 letters and digits.
func random() string {
	var b [16]byte
	rand.Read(b[:]) //nolint:errcheck // it never fails
	return hex.EncodeToString(b[:])
}
