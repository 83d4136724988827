package smpki

import (
	"crypto/x509"

	"github.com/marktbote/marktbote/gateway/as4/brainpool"
)

// ParsePKCS12Within is ParsePKCS12 with a smaller budget, so that fuzzing is about the form of files and not about hashing.
func ParsePKCS12Within(file, password []byte, iterations int) ([]*brainpool.PrivateKey, []*x509.Certificate, error) {
	return parsePKCS12(file, password, budget(iterations))
}

// ToDER is toDER.
var ToDER = toDER

// SameName is sameName.
var SameName = sameName
