package ebms

import (
	"net/url"
	"strings"
)

// ContentID returns the Content-ID, without angle brackets, that a cid URL refers to. A payload that is referred to by
// any other URL is not in the message.
//
// Spec: RFC 2392, 2
func ContentID(href string) (string, error) {
	scheme, escaped, ok := strings.Cut(href, ":")
	switch {
	case href == "" || strings.HasPrefix(href, "#"):
		return "", Faultf(InvalidHeader, "a payload in the SOAP Body is not part of the profile")
	case !ok || !strings.EqualFold(scheme, "cid"):
		return "", Faultf(ExternalPayloadError, "a payload outside the message is not part of the profile")
	}
	id, err := url.PathUnescape(escaped)
	if err != nil || id == "" {
		return "", Faultf(InvalidHeader, "a cid URL cannot be read")
	}
	return id, nil
}

// CID returns the cid URL of a Content-ID.
func CID(id string) string { return "cid:" + url.PathEscape(id) }
