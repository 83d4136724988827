package smpki

import (
	"errors"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// maxDepth bounds the nesting of BER. PKCS #12 has about a dozen levels.
const maxDepth = 32

var errBER = errors.New("smpki: malformed BER")

// toDER rewrites BER as the DER that cryptobyte reads: lengths become definite and short, octet strings in pieces become one.
// Bouncy Castle writes PKCS #12 in this form. Values themselves, such as a BOOLEAN of 01, stay as they are.
//
// Spec: ITU-T X.690 8.1.3 (lengths), 8.7 (octet strings)
func toDER(ber []byte) ([]byte, error) {
	element, rest, err := readBER(ber, 0)
	switch {
	case err != nil:
		return nil, err
	case len(rest) > 0 || element == nil:
		return nil, errBER
	}
	return element, nil
}

// readBER reads one element and returns it as DER, nil for the end of contents.
func readBER(ber []byte, depth int) (element, rest []byte, err error) {
	if len(ber) < 2 || ber[0]&0x1f == 0x1f || depth > maxDepth { // tags of several octets occur in nothing that is read here
		return nil, nil, errBER
	}
	tag := ber[0]
	constructed := tag&0x20 != 0
	size, body, ok := lengthBER(ber[1:])
	switch {
	case !ok || size < 0 && !constructed:
		return nil, nil, errBER
	case tag == 0:
		if size != 0 {
			return nil, nil, errBER
		}
		return nil, body, nil
	case size >= 0:
		body, rest = body[:size], body[size:]
	}
	content := body
	if constructed {
		if content, body, err = contentBER(body, size < 0, tag&^0x20 == byte(casn1.OCTET_STRING), depth); err != nil {
			return nil, nil, err
		}
		if size < 0 {
			rest = body
		}
	}
	if tag == byte(casn1.OCTET_STRING)|0x20 {
		tag &^= 0x20
	}
	var b cryptobyte.Builder
	b.AddASN1(casn1.Tag(tag), func(b *cryptobyte.Builder) { b.AddBytes(content) })
	element, err = b.Bytes()
	return element, rest, err
}

// contentBER reads the elements inside a constructed one. Those of an octet string are joined.
func contentBER(body []byte, indefinite, octets bool, depth int) (content, rest []byte, err error) {
	for indefinite || len(body) > 0 {
		var child []byte
		if child, body, err = readBER(body, depth+1); err != nil {
			return nil, nil, err
		}
		switch {
		case child == nil && indefinite:
			return content, body, nil
		case child == nil:
			return nil, nil, errBER
		case octets:
			s := cryptobyte.String(child)
			var piece cryptobyte.String
			if !s.ReadASN1(&piece, casn1.OCTET_STRING) {
				return nil, nil, errBER
			}
			child = piece
		}
		content = append(content, child...)
	}
	return content, body, nil
}

// lengthBER reads a length, -1 for the indefinite one, and returns what follows; it is at least as long.
func lengthBER(s []byte) (size int, rest []byte, ok bool) {
	first := s[0]
	s = s[1:]
	switch {
	case first < 0x80:
		size = int(first)
	case first == 0x80:
		return -1, s, true
	default:
		n := int(first & 0x7f)
		if n > 4 || n > len(s) {
			return 0, nil, false
		}
		for _, b := range s[:n] {
			size = size<<8 | int(b)
		}
		s = s[n:]
	}
	return size, s, size >= 0 && size <= len(s)
}
