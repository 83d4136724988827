package swa

import (
	"errors"
	"fmt"
	"strings"
)

// mediaType is a Content-Type.
type mediaType struct {
	name   string            // type/subtype in lower case
	params map[string]string // names in lower case
}

// maxContentType bounds the bytes of a Content-Type.
const maxContentType = 4 << 10

// parseMediaType reads a Content-Type.
//
// A value without quotes ends at the semicolon, also if it has characters that ask for quotes, as in
// type=application/soap+xml or start=<root@host>; mime.ParseMediaType refuses those.
//
// Spec: RFC 2045, 5.1
func parseMediaType(s string) (mediaType, error) {
	if len(s) > maxContentType {
		return mediaType{}, errors.New("too long")
	}
	name, rest, _ := strings.Cut(s, ";")
	t := mediaType{name: strings.ToLower(strings.TrimSpace(name)), params: map[string]string{}}
	major, minor, ok := strings.Cut(t.name, "/")
	if !ok || !isToken(major) || !isToken(minor) {
		return mediaType{}, errors.New("no type/subtype")
	}
	for {
		rest = strings.TrimLeft(rest, " \t;")
		if rest == "" {
			return t, nil
		}
		key, after, ok := strings.Cut(rest, "=")
		key = strings.ToLower(strings.TrimSpace(key))
		if !ok || !isToken(key) {
			return mediaType{}, errors.New("a parameter without name or value")
		}
		value, after, err := parameterValue(strings.TrimLeft(after, " \t"))
		if err != nil {
			return mediaType{}, fmt.Errorf("parameter %q: %w", key, err)
		}
		if _, twice := t.params[key]; twice {
			return mediaType{}, fmt.Errorf("parameter %q occurs twice", key)
		}
		t.params[key] = value
		rest = after
	}
}

// parameterValue reads the value of a parameter and what follows it up to the next semicolon.
func parameterValue(s string) (value, rest string, err error) {
	if !strings.HasPrefix(s, `"`) {
		value, rest, _ = strings.Cut(s, ";")
		value = strings.TrimRight(value, " \t")
		if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f || r == '"' }) {
			return "", "", errors.New("unquoted value with quotes or control characters")
		}
		return value, rest, nil
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			rest = strings.TrimLeft(s[i+1:], " \t")
			if rest != "" && rest[0] != ';' {
				return "", "", errors.New("text behind the closing quote")
			}
			return b.String(), rest, nil
		case c == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case c < ' ' && c != '\t' || c == 0x7f:
			return "", "", errors.New("control character")
		default:
			b.WriteByte(c)
		}
	}
	return "", "", errors.New("closing quote missing")
}

// isToken reports whether s is a token of RFC 2045.
func isToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`()<>@,;:\"/[]?=`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

// trimID returns a Content-ID without its angle brackets.
func trimID(s string) string {
	s = strings.TrimSpace(s)
	if strings.HasPrefix(s, "<") && strings.HasSuffix(s, ">") && len(s) >= 2 {
		return s[1 : len(s)-1]
	}
	return s
}
