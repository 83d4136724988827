package smpki

import (
	"crypto/ecdsa"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/marktbote/marktbote/gateway/as4/brainpool"
)

// maxKeyFileBytes bounds a file with a key.
const maxKeyFileBytes = 1 << 20

// ParseKey reads a private key on brainpoolP256r1 from a file: SEC 1 or PKCS #8, in DER or PEM, the latter also encrypted
// (PBES2 with PBKDF2 or scrypt and AES-CBC). In PEM it takes the first block that is a private key. password is for
// encrypted files only and ignored otherwise; the error is ErrPassword if it does not fit. A public key that is in the file
// must be that of the private one.
//
// Spec: RFC 5915 3, RFC 5958 2
func ParseKey(file, password []byte) (*brainpool.PrivateKey, error) {
	if len(file) > maxKeyFileBytes {
		return nil, fmt.Errorf("smpki: key file of %d bytes, at most %d are read", len(file), maxKeyFileBytes)
	}
	if len(file) > 0 && file[0] == 0x30 {
		return parseAnyKey(file, password)
	}
	for rest := file; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return nil, errors.New("smpki: no private key in PEM or DER found")
		}
		switch block.Type {
		case "EC PRIVATE KEY":
			if block.Headers["DEK-Info"] != "" {
				return nil, errors.New("smpki: the key is encrypted in the old form of OpenSSL; " +
					"convert it with: openssl pkcs8 -topk8 -in old.pem -out new.pem")
			}
			return parseAnyKey(block.Bytes, password)
		case "PRIVATE KEY", "ENCRYPTED PRIVATE KEY":
			return parseAnyKey(block.Bytes, password)
		case "RSA PRIVATE KEY", "DSA PRIVATE KEY", "OPENSSH PRIVATE KEY":
			return nil, fmt.Errorf("smpki: the file holds an %s; keys of the SM-PKI are on brainpoolP256r1", block.Type)
		}
	}
}

// parseAnyKey tells the three forms apart by what comes first in them.
func parseAnyKey(der, password []byte) (*brainpool.PrivateKey, error) {
	input := cryptobyte.String(der)
	var body cryptobyte.String
	if !input.ReadASN1(&body, casn1.SEQUENCE) || !input.Empty() {
		return nil, errors.New("smpki: malformed private key")
	}
	if body.PeekASN1Tag(casn1.SEQUENCE) {
		if password == nil {
			return nil, ErrPassword
		}
		file := pkcs12{password: password, left: maxIterations}
		return openPKCS8(der, file.decrypt)
	}
	var version int
	if !body.ReadASN1Integer(&version) {
		return nil, errors.New("smpki: malformed private key")
	}
	if body.PeekASN1Tag(casn1.SEQUENCE) {
		return parsePKCS8(der)
	}
	return parseSEC1(der, nil)
}

// decrypter decrypts by a scheme that is based on a password.
type decrypter func(scheme asn1.ObjectIdentifier, parameters cryptobyte.String, ciphertext []byte) ([]byte, error)

// openPKCS8 reads an EncryptedPrivateKeyInfo.
//
// Spec: RFC 5958 3
func openPKCS8(der []byte, decrypt decrypter) (*brainpool.PrivateKey, error) {
	input := cryptobyte.String(der)
	var body cryptobyte.String
	if !input.ReadASN1(&body, casn1.SEQUENCE) || !input.Empty() {
		return nil, errors.New("smpki: malformed encrypted key")
	}
	scheme, parameters, ok := readAlgorithm(&body)
	var ciphertext []byte
	if !ok || !body.ReadASN1Bytes(&ciphertext, casn1.OCTET_STRING) {
		return nil, errors.New("smpki: malformed encrypted key")
	}
	plain, err := decrypt(scheme, parameters, ciphertext)
	if err != nil {
		return nil, err
	}
	key, err := parsePKCS8(plain)
	if errors.Is(err, errPKCS8) { // the padding of a wrong password is right once in 256 times
		return nil, ErrPassword
	}
	return key, err
}

var errPKCS8 = errors.New("smpki: malformed PKCS #8 key")

// parsePKCS8 reads a PrivateKeyInfo. Attributes and the public key behind it (version 2) are skipped.
func parsePKCS8(der []byte) (*brainpool.PrivateKey, error) {
	input := cryptobyte.String(der)
	var body cryptobyte.String
	var version int
	if !input.ReadASN1(&body, casn1.SEQUENCE) || !input.Empty() || !body.ReadASN1Integer(&version) || version < 0 || version > 1 {
		return nil, errPKCS8
	}
	algorithm, parameters, ok := readAlgorithm(&body)
	if !ok {
		return nil, errPKCS8
	}
	if !algorithm.Equal(oidECPublicKey) {
		return nil, fmt.Errorf("smpki: a key of the kind %s; keys of the SM-PKI are on brainpoolP256r1", algorithm)
	}
	var inner []byte
	if !body.ReadASN1Bytes(&inner, casn1.OCTET_STRING) {
		return nil, errPKCS8
	}
	return parseSEC1(inner, parameters)
}

// parseSEC1 reads an ECPrivateKey. outer are the parameters from around it, if there is something around it; one of both
// places must name the curve.
func parseSEC1(der []byte, outer cryptobyte.String) (*brainpool.PrivateKey, error) {
	malformed := errors.New("smpki: malformed EC key")
	input := cryptobyte.String(der)
	var body, parameters, public cryptobyte.String
	var hasParameters, hasPublic bool
	var version int
	var scalar []byte
	if !input.ReadASN1(&body, casn1.SEQUENCE) || !input.Empty() ||
		!body.ReadASN1Integer(&version) || version != 1 || !body.ReadASN1Bytes(&scalar, casn1.OCTET_STRING) ||
		!body.ReadOptionalASN1(&parameters, &hasParameters, casn1.Tag(0).Constructed().ContextSpecific()) ||
		!body.ReadOptionalASN1(&public, &hasPublic, casn1.Tag(1).Constructed().ContextSpecific()) || !body.Empty() {
		return nil, malformed
	}
	if !hasParameters && outer.Empty() {
		return nil, errors.New("smpki: the key does not name its curve")
	}
	for _, p := range []cryptobyte.String{outer, parameters} {
		if p.Empty() {
			continue
		}
		var curve asn1.ObjectIdentifier
		switch {
		case p.PeekASN1Tag(casn1.SEQUENCE):
			return nil, errors.New("smpki: the key spells its curve out instead of naming it; " +
				"convert it with: openssl ec -param_enc named_curve -in old.pem -out new.pem")
		case !p.ReadASN1ObjectIdentifier(&curve):
			return nil, malformed
		case !curve.Equal(oidP256r1):
			return nil, fmt.Errorf("smpki: the key is on the curve %s; keys of the SM-PKI are on brainpoolP256r1", curveName(curve))
		}
	}
	const size = 32
	for len(scalar) > size && scalar[0] == 0 { // some software writes the sign octet of an INTEGER
		scalar = scalar[1:]
	}
	if len(scalar) > size {
		return nil, malformed
	}
	padded := make([]byte, size)
	copy(padded[size-len(scalar):], scalar)
	key, err := brainpool.NewPrivateKey(padded)
	if err != nil {
		return nil, fmt.Errorf("smpki: %w", err)
	}
	if hasPublic {
		var point []byte
		own, ok := key.Public().(*ecdsa.PublicKey)
		if !ok || !public.ReadASN1BitStringAsBytes(&point) {
			return nil, malformed
		}
		if len(point) > 0 && point[0] == 4 && !slices.Equal(point, brainpool.MarshalPoint(own)) {
			return nil, errors.New("smpki: the public key in the file is not that of the private key")
		}
	}
	return key, nil
}

// curveName names the curves that keys are on by mistake.
func curveName(oid asn1.ObjectIdentifier) string {
	switch {
	case oid.Equal(asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7}):
		return "NIST P-256"
	case oid.Equal(asn1.ObjectIdentifier{1, 3, 132, 0, 34}):
		return "NIST P-384"
	case oid.Equal(asn1.ObjectIdentifier{1, 3, 132, 0, 10}):
		return "secp256k1"
	case oid.Equal(oidP384r1):
		return "brainpoolP384r1"
	case oid.Equal(oidP512r1):
		return "brainpoolP512r1"
	case oid.Equal(asn1.ObjectIdentifier{1, 3, 36, 3, 3, 2, 8, 1, 1, 8}):
		return "brainpoolP256t1"
	}
	return oid.String()
}

// MarshalKey returns a key as PEM: PKCS #8, with a password encrypted (PBES2: PBKDF2 with HMAC-SHA-256, AES-256-CBC), with
// nil in the clear. OpenSSL, nginx and Java read both.
func MarshalKey(key *brainpool.PrivateKey, password []byte) ([]byte, error) {
	public, ok := key.Public().(*ecdsa.PublicKey)
	if !ok {
		return nil, errors.New("smpki: key without a public key")
	}
	var b cryptobyte.Builder
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(0)
		b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(oidECPublicKey)
			b.AddASN1ObjectIdentifier(oidP256r1)
		})
		b.AddASN1(casn1.OCTET_STRING, func(b *cryptobyte.Builder) {
			b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1Int64(1)
				b.AddASN1OctetString(key.Scalar())
				b.AddASN1(casn1.Tag(1).Constructed().ContextSpecific(), func(b *cryptobyte.Builder) {
					b.AddASN1BitString(brainpool.MarshalPoint(public))
				})
			})
		})
	})
	der, err := b.Bytes()
	if err != nil {
		return nil, fmt.Errorf("smpki: %w", err)
	}
	block := &pem.Block{Type: "PRIVATE KEY", Bytes: der}
	if password != nil {
		block.Type = "ENCRYPTED PRIVATE KEY"
		if block.Bytes, err = sealPBES2(der, password); err != nil {
			return nil, err
		}
	}
	return pem.EncodeToMemory(block), nil
}
