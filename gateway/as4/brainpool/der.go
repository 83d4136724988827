package brainpool

// Tags of the two elements of a signature.
const (
	tagInteger  = 0x02
	tagSequence = 0x30
)

// parseSignature returns r and s of a DER signature, big-endian without leading zeros. Only the one DER form is
// accepted: shortest lengths, shortest integers, no sign, nothing behind them.
func parseSignature(der []byte) (r, s []byte, ok bool) {
	body, rest, ok := splitElement(der, tagSequence)
	if !ok || len(rest) != 0 {
		return nil, nil, false
	}
	r, body, ok = natural(body)
	if !ok {
		return nil, nil, false
	}
	s, body, ok = natural(body)
	return r, s, ok && len(body) == 0
}

// splitElement splits off one element with the given tag and less than 256 bytes, which is enough for every signature here.
func splitElement(der []byte, tag byte) (content, rest []byte, ok bool) {
	if len(der) < 2 || der[0] != tag {
		return nil, nil, false
	}
	length, header := int(der[1]), 2
	if length >= 0x80 {
		if length != 0x81 || len(der) < 3 || der[2] < 0x80 {
			return nil, nil, false
		}
		length, header = int(der[2]), 3
	}
	if len(der)-header < length {
		return nil, nil, false
	}
	return der[header : header+length], der[header+length:], true
}

// natural splits off an integer that is not negative.
func natural(der []byte) (number, rest []byte, ok bool) {
	number, rest, ok = splitElement(der, tagInteger)
	if !ok || len(number) == 0 || number[0] >= 0x80 {
		return nil, nil, false
	}
	if number[0] == 0 && len(number) > 1 {
		number = number[1:]
		if number[0] < 0x80 {
			return nil, nil, false
		}
	}
	return number, rest, true
}

// marshalSignature writes r and s, both big-endian and of the same length of at most 60 bytes, as DER.
func marshalSignature(r, s []byte) []byte {
	body := appendNatural(appendNatural(make([]byte, 2, 8+2*len(r)), r), s)
	body[0], body[1] = tagSequence, byte(len(body)-2)
	return body
}

func appendNatural(der, number []byte) []byte {
	for len(number) > 1 && number[0] == 0 {
		number = number[1:]
	}
	if number[0] >= 0x80 {
		der = append(der, tagInteger, byte(len(number)+1), 0)
	} else {
		der = append(der, tagInteger, byte(len(number)))
	}
	return append(der, number...)
}
