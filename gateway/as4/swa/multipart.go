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
//	a delimiter is newline "--" boundary [blanks] newline, the last one newline "--" boundary "--" [blanks] (CRLF | LF | end)
//	a line that begins with newline "--" boundary and is no delimiter is nowhere up to the last delimiter
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
	at, newline, err := firstDelimiter(body, boundary)
	if err != nil {
		return nil, err
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
		next, err := nextDelimiter(body, start-len(newline), mark, newline)
		if err != nil {
			return nil, err
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
func firstDelimiter(body []byte, boundary string) (at delimiter, newline string, err error) {
	mark := []byte("--" + boundary)
	for from := 0; ; {
		i := bytes.Index(body[from:], mark)
		if i < 0 {
			return delimiter{}, "", mimeFault("the package does not begin with its boundary")
		}
		start := from + i
		from = start + 1
		if start > 0 && body[start-1] != '\n' {
			continue
		}
		for _, newline := range []string{"\r\n", "\n"} {
			if at, ok := readDelimiter(body, start, start+len(mark), newline); ok {
				return at, newline, nil
			}
		}
		return delimiter{}, "", errAmbiguous
	}
}

// nextDelimiter finds the first delimiter from an offset on; mark is newline "--" boundary.
func nextDelimiter(body []byte, from int, mark []byte, newline string) (delimiter, error) {
	i := bytes.Index(body[from:], mark)
	if i < 0 {
		return delimiter{}, mimeFault("the package is cut off: its last boundary is missing")
	}
	at, ok := readDelimiter(body, from+i, from+i+len(mark), newline)
	if !ok {
		return delimiter{}, errAmbiguous
	}
	return at, nil
}

// errAmbiguous is about a line that begins like a delimiter and goes on otherwise. RFC 2046 takes it for one, most software
// takes it for content, and no sender who chooses a boundary with care makes one.
var errAmbiguous = mimeFault("a line of the package begins with the boundary and is none")

// readDelimiter reads the delimiter whose boundary ends at end.
func readDelimiter(body []byte, start, end int, newline string) (at delimiter, ok bool) {
	rest := body[end:]
	n := 0
	if at.last = bytes.HasPrefix(rest, []byte("--")); at.last {
		n = 2
	}
	for n < len(rest) && (rest[n] == ' ' || rest[n] == '\t') {
		n++
	}
	at.start, at.end = start, end+n+len(newline)
	if at.last { // how its line ends does not matter, nobody reads on
		return at, n == len(rest) || bytes.HasPrefix(rest[n:], []byte("\r\n")) || rest[n] == '\n'
	}
	return at, bytes.HasPrefix(rest[n:], []byte(newline))
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
