package swa

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"mime/quotedprintable"
	"slices"
	"strings"

	"github.com/marktbote/marktbote/gateway/as4/ebms"
)

// NOTE: the reader of multipart bodies.
//
// mime/multipart copies every part through a small buffer and gives no view of it. Here the body is in memory, a part is a
// slice of it, and the search for the delimiter runs with the vector instructions of bytes.Index. Invariants:
//
//	a delimiter is newline "--" boundary [blanks] newline, the last one newline "--" boundary "--" [blanks] (newline | end)
//	newline is CRLF; it is LF everywhere if the first delimiter ends in LF
//	the newline in front of a delimiter belongs to it; it may be the same as the empty line of a header without content

// maxBoundary is the longest boundary of RFC 2046, 5.1.1.
const maxBoundary = 70

// delimiter is the place of a delimiter line in the body.
type delimiter struct {
	start, end int  // with the newlines before and behind it
	last       bool // ends the package
}

// split returns the parts of a multipart body.
func split(body []byte, boundary string, limits Limits) ([]Part, error) {
	if boundary == "" || len(boundary) > maxBoundary {
		return nil, mimeFault("the boundary is missing or has more than %d characters", maxBoundary)
	}
	at, newline, ok := firstDelimiter(body, boundary)
	if !ok {
		return nil, mimeFault("the package does not begin with its boundary")
	}
	if at.last {
		return nil, mimeFault("the package has no parts")
	}
	mark := []byte(newline + "--" + boundary)
	seen := map[string]bool{}
	var parts []Part
	for !at.last {
		if len(parts) > limits.Parts { // the root is not counted
			return nil, tooLarge("the package has more than %d attachments", limits.Parts)
		}
		h, start, err := readHeader(body, at.end, newline, limits.Header)
		if err != nil {
			return nil, err
		}
		next, ok := nextDelimiter(body, start-len(newline), mark, newline)
		if !ok {
			return nil, mimeFault("the package is cut off: its last boundary is missing")
		}
		p := Part{ID: trimID(h.id)}
		if p.Data, err = decode(h.encoding, body[start:max(start, next.start)]); err != nil {
			return nil, err
		}
		if h.contentType != "" {
			t, err := parseMediaType(h.contentType)
			if err != nil {
				return nil, &ebms.Fault{Code: ebms.MimeInconsistency, Text: "the Content-Type of a part cannot be read", Err: err}
			}
			p.MimeType = t.name
		}
		if p.ID != "" && seen[p.ID] {
			return nil, mimeFault("two parts have the same Content-ID")
		}
		seen[p.ID] = true
		parts = append(parts, p)
		at = next
	}
	return parts, nil
}

// firstDelimiter finds the delimiter behind the preamble, and which newline the package uses.
func firstDelimiter(body []byte, boundary string) (at delimiter, newline string, ok bool) {
	mark := []byte("--" + boundary)
	for from := 0; ; {
		i := bytes.Index(body[from:], mark)
		if i < 0 {
			return delimiter{}, "", false
		}
		start := from + i
		from = start + 1
		if start > 0 && body[start-1] != '\n' {
			continue
		}
		rest := body[start+len(mark):]
		for _, newline := range []string{"\r\n", "\n"} {
			if n, last, ok := delimiterEnd(rest, newline); ok {
				return delimiter{start: start, end: start + len(mark) + n, last: last}, newline, true
			}
		}
	}
}

// nextDelimiter finds the first delimiter from an offset on; mark is newline "--" boundary.
func nextDelimiter(body []byte, from int, mark []byte, newline string) (delimiter, bool) {
	for {
		i := bytes.Index(body[from:], mark)
		if i < 0 {
			return delimiter{}, false
		}
		start := from + i
		end := start + len(mark)
		if n, last, ok := delimiterEnd(body[end:], newline); ok {
			return delimiter{start: start, end: end + n, last: last}, true
		}
		from = end // a longer boundary or text that looks like one: it belongs to the part
	}
}

// delimiterEnd reports whether a delimiter line can go on with rest, and how many bytes of it are part of the line.
func delimiterEnd(rest []byte, newline string) (n int, last, ok bool) {
	if bytes.HasPrefix(rest, []byte("--")) {
		n, last = 2, true
	}
	for n < len(rest) && (rest[n] == ' ' || rest[n] == '\t') {
		n++
	}
	if bytes.HasPrefix(rest[n:], []byte(newline)) {
		return n + len(newline), last, true
	}
	return n, last, last && n == len(rest)
}

// partHeader holds the lines of a part's header that matter.
type partHeader struct{ contentType, encoding, id string }

// readHeader reads the header that begins at an offset and returns where the content begins.
//
// Spec: RFC 2045, 3
func readHeader(body []byte, at int, newline string, limit int) (h partHeader, content int, err error) {
	var line string
	window := body[at:min(len(body), at+limit+len(newline))]
	for {
		n := bytes.Index(window, []byte(newline))
		switch {
		case n < 0 && len(window) < len(body)-at:
			return h, 0, tooLarge("the header of a part has more than %d bytes", limit)
		case n < 0:
			return h, 0, mimeFault("the header of a part is cut off")
		}
		next := string(window[:n])
		window, at = window[n+len(newline):], at+n+len(newline)
		if next != "" && (next[0] == ' ' || next[0] == '\t') && line != "" {
			line += " " + strings.Trim(next, " \t")
			continue
		}
		if line != "" {
			if err := h.add(line); err != nil {
				return h, 0, err
			}
		}
		if line = next; line == "" {
			return h, at, nil
		}
	}
}

// add takes a header line, unfolded.
func (h *partHeader) add(line string) error {
	name, value, ok := strings.Cut(line, ":")
	if name = strings.TrimRight(name, " \t"); !ok || !isToken(name) {
		return mimeFault("a line in the header of a part has no name")
	}
	if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
		return mimeFault("the header of a part has control characters")
	}
	var field *string
	switch strings.ToLower(name) {
	case "content-type":
		field = &h.contentType
	case "content-transfer-encoding":
		field = &h.encoding
	case "content-id":
		field = &h.id
	default: // Content-Disposition may bring a file name, which is nothing we could trust
		return nil
	}
	if *field != "" {
		return mimeFault("%s occurs twice in the header of a part", name)
	}
	*field = strings.Trim(value, " \t")
	return nil
}

// decode undoes a Content-Transfer-Encoding. What needs no decoding is not copied.
//
// Spec: RFC 2045, 6
func decode(encoding string, data []byte) ([]byte, error) {
	switch strings.ToLower(encoding) {
	case "", "binary", "8bit", "7bit":
		return slices.Clip(data), nil // not beyond the part
	case "base64":
		compact := make([]byte, 0, len(data))
		for _, c := range data {
			if c != '\r' && c != '\n' && c != ' ' && c != '\t' {
				compact = append(compact, c)
			}
		}
		out := make([]byte, base64.StdEncoding.DecodedLen(len(compact)))
		n, err := base64.StdEncoding.Decode(out, compact)
		if err != nil {
			return nil, &ebms.Fault{Code: ebms.MimeInconsistency, Text: "a part is not valid base64", Err: err}
		}
		return out[:n], nil
	case "quoted-printable":
		out, err := io.ReadAll(quotedprintable.NewReader(bytes.NewReader(data)))
		if err != nil {
			return nil, &ebms.Fault{Code: ebms.MimeInconsistency, Text: "a part is not valid quoted-printable", Err: err}
		}
		return out, nil
	default:
		return nil, &ebms.Fault{Code: ebms.MimeInconsistency, Text: "a part has an unknown Content-Transfer-Encoding", Err: fmt.Errorf("swa: %q", encoding)}
	}
}
