package smpki

import (
	"encoding/asn1"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
)

// decrypt decrypts with a password by any of the schemes that are read.
func decrypt(scheme asn1.ObjectIdentifier, parameters cryptobyte.String, password, ciphertext []byte, left *budget) ([]byte, error) {
	if password == nil {
		return nil, ErrPassword
	}
	if scheme.Equal(oidPBES2) {
		return openPBES2(parameters, password, ciphertext, left)
	}
	return nil, fmt.Errorf("smpki: encrypted by the scheme %s, which is not known here", scheme)
}
