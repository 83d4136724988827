// Package swa is the outside of an AS4 message: a SOAP envelope and its attachments in a MIME package, and the gzip
// compression of the attachments.
//
// Read takes the body of an HTTP request or response apart, whatever form its Content-Type announces: multipart/related
// with the envelope as root and any number of payloads, or the envelope alone. It is tolerant where foreign software
// differs in form (order and quoting of parameters, missing start, transfer encodings, preamble, epilogue) and strict
// where two readers could understand different things (duplicate headers, duplicate Content-IDs, missing end).
//
//	m, err := swa.Read(r.Header.Get("Content-Type"), r.ContentLength, r.Body, swa.DefaultLimits)
//	m.Envelope                          // bytes of the SOAP envelope
//	parts, err := m.Payloads(user.Parts) // in the order of eb:PartInfo, each exactly once
//	clear := swa.Gunzip(parts[0].Data, swa.MaxPayload)
//
// The whole body is kept in memory, because no byte of AES-GCM may be used before the last one was seen; parts are views
// into it and are decrypted in place. Write makes the counterpart as one slice, because what is sent is kept first.
//
// What is wrong with the message is an *ebms.Fault; any other error means that the body could not be read.
package swa

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/marktbote/marktbote/gateway/as4/ebms"
)

// Part is an attachment of the envelope.
type Part struct {
	ID       string // Content-ID without angle brackets, empty if the part has none
	MimeType string // of the part as it is on the wire, in lower case and without parameters; empty if not said
	Data     []byte // after transfer decoding
}

// Message is a SOAP message with its attachments.
type Message struct {
	Envelope []byte // the SOAP envelope
	Parts    []Part // the others, in the order of the package
}

// Limits bound what Read accepts. They are ours; what exceeds them fails with ErrTooLarge.
type Limits struct {
	Body     int64 // bytes of the HTTP body
	Envelope int   // bytes of the SOAP envelope
	Parts    int   // attachments
	Header   int   // bytes of the header of a part
}

// DefaultLimits are far above what the market sends.
var DefaultLimits = Limits{Body: 100 << 20, Envelope: 2 << 20, Parts: 16, Header: 8 << 10}

// Causes of a Fault that HTTP has a status of its own for.
var (
	ErrTooLarge    = errors.New("swa: over the limit")         // 413
	ErrContentType = errors.New("swa: not a SOAP 1.2 message") // 415
)

// SOAPType is the Content-Type of an envelope without attachments.
const SOAPType = soapMediaType + "; charset=UTF-8"

const (
	soapMediaType    = "application/soap+xml"
	relatedMediaType = "multipart/related"
)

// firstBuffer is allocated for a body because its sender announces that much; more only when it has arrived.
const firstBuffer = 1 << 20

// Read reads the body of an HTTP message with the given Content-Type. length is its Content-Length, -1 if unknown.
//
// The parts are views into one buffer that belongs to the caller; they do not overlap.
//
// Spec: BDEW AS4-Profil 1.1, 2.2.3; OASIS ebMS 3.0 Core 5.1; RFC 2387 (multipart/related); RFC 2046 5.1.1
func Read(contentType string, length int64, body io.Reader, limits Limits) (*Message, error) {
	t, err := parseMediaType(contentType)
	if err != nil {
		return nil, &ebms.Fault{Code: ebms.MimeInconsistency, Text: "the Content-Type cannot be read", Err: fmt.Errorf("%w: %v", ErrContentType, err)}
	}
	if t.name != soapMediaType && t.name != relatedMediaType {
		return nil, &ebms.Fault{Code: ebms.MimeInconsistency, Text: "the Content-Type is neither multipart/related nor application/soap+xml", Err: ErrContentType}
	}
	data, err := readAll(body, length, limits.Body)
	if err != nil {
		return nil, err
	}
	if t.name == soapMediaType {
		return checked(&Message{Envelope: data}, limits)
	}
	parts, err := split(data, t.params["boundary"], limits)
	if err != nil {
		return nil, err
	}
	root, err := findRoot(parts, t)
	if err != nil {
		return nil, err
	}
	m := &Message{Envelope: parts[root].Data}
	m.Parts = append(parts[:root:root], parts[root+1:]...)
	return checked(m, limits)
}

// checked returns the message if its envelope keeps the limit.
func checked(m *Message, limits Limits) (*Message, error) {
	if len(m.Envelope) > limits.Envelope {
		return nil, tooLarge("the SOAP envelope has more than %d bytes", limits.Envelope)
	}
	return m, nil
}

// findRoot returns the index of the part with the envelope: the one that start names, else the first.
func findRoot(parts []Part, t mediaType) (int, error) {
	root := 0
	if start, ok := t.params["start"]; ok {
		id := trimID(start)
		root = -1
		for i := range parts {
			if parts[i].ID == id {
				root = i
			}
		}
		if root < 0 || id == "" {
			return 0, mimeFault("the start parameter names no part")
		}
	}
	switch typ := parts[root].MimeType; {
	case typ == soapMediaType:
	case typ == "" && strings.EqualFold(t.params["type"], soapMediaType): // the package says what the part does not
	default:
		return 0, &ebms.Fault{Code: ebms.MimeInconsistency, Text: "the root part is not application/soap+xml", Err: ErrContentType}
	}
	return root, nil
}

// Payloads returns the attachments in the order of the eb:PartInfo elements that name them. Every attachment must be
// named exactly once, and everything that is named must be there.
//
// Spec: OASIS ebMS 3.0 Core 5.2.2.12 and 5.1.2
func (m *Message) Payloads(infos []ebms.PartInfo) ([]Part, error) {
	left := make(map[string]Part, len(m.Parts))
	for _, p := range m.Parts {
		if p.ID == "" {
			return nil, mimeFault("a part of the package has no Content-ID")
		}
		left[p.ID] = p
	}
	parts := make([]Part, 0, len(infos))
	for _, info := range infos {
		id, err := ebms.ContentID(info.Href)
		if err != nil {
			return nil, err
		}
		p, ok := left[id]
		if !ok {
			return nil, mimeFault("PartInfo names a part that is not in the package, or is named before")
		}
		delete(left, id)
		parts = append(parts, p)
	}
	if len(left) > 0 {
		return nil, mimeFault("a part of the package has no PartInfo")
	}
	return parts, nil
}

// readAll reads the body. Memory grows with what has arrived, not with what is announced.
func readAll(r io.Reader, length, limit int64) ([]byte, error) {
	if length > limit {
		return nil, tooLarge("the message has more than %d bytes", limit)
	}
	last := limit // the most there can be
	if length >= 0 {
		last = length
	}
	buf := make([]byte, 0, min(last, firstBuffer)+1) // one more, to see the end without growing
	for idle := 0; ; {
		if len(buf) == cap(buf) {
			grown := make([]byte, len(buf), min(last+1, 4*int64(cap(buf))))
			copy(grown, buf)
			buf = grown
		}
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if int64(len(buf)) > last {
			if length >= 0 {
				return nil, errors.New("swa: the body is longer than its Content-Length")
			}
			return nil, tooLarge("the message has more than %d bytes", limit)
		}
		switch {
		case err == io.EOF && length >= 0 && int64(len(buf)) < length:
			return nil, fmt.Errorf("swa: body: %w", io.ErrUnexpectedEOF)
		case err == io.EOF:
			return buf, nil
		case err != nil:
			return nil, fmt.Errorf("swa: body: %w", err)
		case n > 0:
			idle = 0
		default:
			if idle++; idle > 100 {
				return nil, fmt.Errorf("swa: body: %w", io.ErrNoProgress)
			}
		}
	}
}

func mimeFault(format string, args ...any) error {
	return ebms.Faultf(ebms.MimeInconsistency, format, args...)
}

// tooLarge is a fault about one of our limits. The size of a message is part of what two partners agree on
// (PayloadProfile.maxSize of the processing mode), so exceeding it is a mismatch of that.
func tooLarge(format string, args ...any) error {
	return &ebms.Fault{Code: ebms.ProcessingModeMismatch, Text: fmt.Sprintf(format, args...), Err: ErrTooLarge}
}
