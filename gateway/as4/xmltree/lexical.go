package xmltree

import (
	"strings"
	"unicode/utf8"
)

// value reads [10] AttValue and normalises it.
//
// Spec: XML 1.0, 3.3.3
func (p *parser) value() (string, bool) {
	start := p.pos
	if p.pos == len(p.s) || p.s[p.pos] != '"' && p.s[p.pos] != '\'' {
		return "", p.fail(start, "attribute value without quotes")
	}
	quote := p.s[p.pos]
	p.pos++
	plain := true
	n := p.pos
	for ; n < len(p.s) && p.s[n] != quote; n++ {
		switch c := p.s[n]; {
		case c == '<':
			return "", p.fail(n, "< in an attribute value")
		case c == '&' || c < ' ':
			plain = false
		}
	}
	if n == len(p.s) {
		return "", p.fail(start, "attribute value without end")
	}
	if plain {
		value := p.s[p.pos:n]
		p.pos = n + 1
		return value, true
	}
	p.buf = p.buf[:0]
	for p.pos < n {
		switch c := p.s[p.pos]; c {
		case '&':
			if !p.reference() {
				return "", false
			}
			continue
		case '\r':
			if p.s[p.pos+1] == '\n' {
				p.pos++
			}
			p.buf = append(p.buf, ' ')
		case '\n', '\t':
			p.buf = append(p.buf, ' ')
		default:
			p.buf = append(p.buf, c)
		}
		p.pos++
	}
	p.pos = n + 1
	return string(p.buf), true
}

// reference reads [67] Reference and appends what it stands for to buf.
func (p *parser) reference() bool {
	start := p.pos
	n := strings.IndexByte(p.s[p.pos:], ';')
	if n < 2 {
		return p.fail(start, "& without a reference")
	}
	name := p.s[p.pos+1 : p.pos+n]
	p.pos += n + 1
	switch name {
	case "lt":
		p.buf = append(p.buf, '<')
		return true
	case "gt":
		p.buf = append(p.buf, '>')
		return true
	case "amp":
		p.buf = append(p.buf, '&')
		return true
	case "quot":
		p.buf = append(p.buf, '"')
		return true
	case "apos":
		p.buf = append(p.buf, '\'')
		return true
	}
	if name[0] != '#' {
		return p.fail(start, "an entity other than the five of XML")
	}
	r, ok := charRef(name[1:])
	if !ok {
		return p.fail(start, "malformed character reference")
	}
	p.buf = utf8.AppendRune(p.buf, r)
	return true
}

// charRef returns the character of [66] CharRef between "&#" and ";".
func charRef(digits string) (rune, bool) {
	base := rune(10)
	if digits != "" && digits[0] == 'x' {
		base, digits = 16, digits[1:]
	}
	var r rune
	for i := 0; i < len(digits); i++ {
		c := rune(digits[i])
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case base == 16 && c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		if r = r*base + c; r > utf8.MaxRune {
			return 0, false
		}
	}
	return r, digits != "" && isChar(r)
}

// qname reads [7] QName.
func (p *parser) qname() (prefix, local string, ok bool) {
	start := p.pos
	local, ok = p.ncname()
	if ok && p.skip(":") {
		prefix = local
		local, ok = p.ncname()
	}
	if !ok || p.pos < len(p.s) && p.s[p.pos] == ':' {
		return "", "", p.fail(start, "malformed name")
	}
	return prefix, local, true
}

// ncname reads [4] NCName.
func (p *parser) ncname() (string, bool) {
	start := p.pos
	for p.pos < len(p.s) {
		c := p.s[p.pos]
		if c < utf8.RuneSelf {
			if !(c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || p.pos > start && (c >= '0' && c <= '9' || c == '-' || c == '.')) {
				break
			}
			p.pos++
			continue
		}
		r, n := utf8.DecodeRuneInString(p.s[p.pos:])
		if !isNameStart(r) && !(p.pos > start && isNameFurther(r)) {
			break
		}
		p.pos += n
	}
	return p.s[start:p.pos], p.pos > start
}

// isNameStart is [4] NameStartChar beyond ASCII, isNameFurther what [4a] NameChar adds to it.
func isNameStart(r rune) bool {
	switch {
	case r < 0xC0, r == 0xD7, r == 0xF7, r >= 0x300 && r <= 0x36F, r == 0x37E, r >= 0xF0000:
		return false
	case r <= 0x1FFF, r == 0x200C, r == 0x200D, r >= 0x2070 && r <= 0x218F, r >= 0x2C00 && r <= 0x2FEF,
		r >= 0x3001 && r <= 0xD7FF, r >= 0xF900 && r <= 0xFDCF, r >= 0xFDF0 && r <= 0xFFFD, r >= 0x10000:
		return true
	}
	return false
}

func isNameFurther(r rune) bool {
	return r == 0xB7 || r >= 0x300 && r <= 0x36F || r == 0x203F || r == 0x2040
}

// permitted returns s with every character that XML does not permit replaced.
func permitted(s string) string {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c >= utf8.RuneSelf || c < ' ' {
			s = strings.ToValidUTF8(s, "\uFFFD")
			return strings.Map(func(r rune) rune {
				if isChar(r) {
					return r
				}
				return utf8.RuneError
			}, s)
		}
	}
	return s
}

// isChar reports whether XML permits a character.
//
// Spec: XML 1.0, [2] Char
func isChar(r rune) bool {
	return r >= ' ' && r <= 0xD7FF || r == '\t' || r == '\n' || r == '\r' || r >= 0xE000 && r <= 0xFFFD || r >= 0x10000 && r <= utf8.MaxRune
}
