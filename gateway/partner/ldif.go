package partner

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// isLDIF reports whether a file looks like one of an LDAP directory.
func isLDIF(data []byte) bool {
	data = bytes.TrimPrefix(data, []byte("\xEF\xBB\xBF"))
	for line := range bytes.Lines(data) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		lower := bytes.ToLower(line[:min(len(line), 20)])
		return bytes.HasPrefix(lower, []byte("dn:")) || bytes.HasPrefix(lower, []byte("version:"))
	}
	return false
}

// parseLDIF reads certificates and revocation lists from a file that a directory was written to. Entries and other
// attributes do not matter. Values that are in other files are refused.
//
// Spec: RFC 2849
func parseLDIF(data []byte) (certificates, lists [][]byte, err error) {
	data = bytes.TrimPrefix(data, []byte("\xEF\xBB\xBF"))
	number := 0
	var logical []byte // a line with those that continue it
	start := 0
	end := func() error {
		if len(logical) == 0 {
			return nil
		}
		kind, value, err := ldifValue(logical)
		if err != nil {
			return fmt.Errorf("line %d: %w", start, err)
		}
		logical = logical[:0]
		switch kind {
		case "usercertificate", "cacertificate":
			certificates = append(certificates, value)
		case "certificaterevocationlist", "authorityrevocationlist":
			lists = append(lists, value)
		}
		if len(certificates)+len(lists) > maxImport {
			return fmt.Errorf("more than %d certificates and revocation lists", maxImport)
		}
		return nil
	}
	for line := range bytes.Lines(data) {
		number++
		line = bytes.TrimRight(line, "\r\n")
		if len(line) > 0 && line[0] == ' ' {
			logical = append(logical, line[1:]...)
			continue
		}
		if err := end(); err != nil {
			return nil, nil, err
		}
		logical, start = append(logical, line...), number
	}
	if err := end(); err != nil {
		return nil, nil, err
	}
	return certificates, lists, nil
}

// ldifValue reads a line. The name is in lower case and without options; for attributes that do not matter it is empty.
func ldifValue(line []byte) (name string, value []byte, err error) {
	if line[0] == '#' {
		return "", nil, nil
	}
	text, rest, ok := bytes.Cut(line, []byte(":"))
	if !ok {
		return "", nil, errors.New("neither NAME: VALUE nor a comment")
	}
	name, _, _ = strings.Cut(strings.ToLower(string(text)), ";")
	switch name {
	case "usercertificate", "cacertificate", "certificaterevocationlist", "authorityrevocationlist":
	default:
		return "", nil, nil
	}
	switch {
	case len(rest) > 0 && rest[0] == '<':
		return "", nil, errors.New("the value is in another file; write the directory with the values in it")
	case len(rest) == 0 || rest[0] != ':':
		return "", nil, fmt.Errorf("the value of %s is not in base64 (%s:: ...)", text, text)
	}
	value, err = base64.StdEncoding.DecodeString(string(bytes.TrimSpace(rest[1:])))
	if err != nil {
		return "", nil, fmt.Errorf("%s: %w", text, err)
	}
	return name, value, nil
}
