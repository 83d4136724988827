package smpki

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // PBKDF2 and PKCS #12 with HMAC-SHA-1 are what older software writes
	"crypto/sha256"
	"crypto/sha512"
	"encoding/asn1"
	"errors"
	"fmt"
	"hash"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"
	"golang.org/x/crypto/scrypt"
)

// ErrPassword is the error of an encrypted file that the password does not open, or that needs one.
var ErrPassword = errors.New("wrong or missing password")

// maxIterations bounds the iterations of all key derivations of one file together: OpenSSL writes 2048 each, careful people
// some hundred thousand. More would keep a processor busy for seconds.
const maxIterations = 5_000_000

// maxScryptBytes bounds the memory of scrypt; OpenSSL's default takes 16 MiB.
const maxScryptBytes = 64 << 20

// writtenIterations is what MarshalKey uses.
const writtenIterations = 200_000

// budget is what is left of the work that a file may cause.
type budget int

// spend takes iterations from the budget.
func (b *budget) spend(iterations int) error {
	if iterations < 1 || iterations > int(*b) {
		return fmt.Errorf("smpki: key derivation with too many iterations; at most %d in one file", maxIterations)
	}
	*b -= budget(iterations)
	return nil
}

var (
	oidPBES2      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBKDF2     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}
	oidScrypt     = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11591, 4, 11}
	oidHMACSHA1   = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 7}
	oidHMACSHA256 = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 9}
	oidHMACSHA384 = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 10}
	oidHMACSHA512 = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 11}
	oidAES128CBC  = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 2}
	oidAES192CBC  = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 22}
	oidAES256CBC  = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}
)

// hmacOf returns the hash of a pseudo-random function.
func hmacOf(oid asn1.ObjectIdentifier) (func() hash.Hash, error) {
	switch {
	case oid.Equal(oidHMACSHA1):
		return sha1.New, nil
	case oid.Equal(oidHMACSHA256):
		return sha256.New, nil
	case oid.Equal(oidHMACSHA384):
		return sha512.New384, nil
	case oid.Equal(oidHMACSHA512):
		return sha512.New, nil
	}
	return nil, fmt.Errorf("smpki: key derivation with the function %s, which is not known here", oid)
}

// aesKeyBytes returns the length of the key of a cipher.
func aesKeyBytes(oid asn1.ObjectIdentifier) (int, error) {
	switch {
	case oid.Equal(oidAES128CBC):
		return 16, nil
	case oid.Equal(oidAES192CBC):
		return 24, nil
	case oid.Equal(oidAES256CBC):
		return 32, nil
	}
	return 0, fmt.Errorf("smpki: encrypted with the cipher %s, which is not known here; AES-CBC is", oid)
}

// readAlgorithm reads an AlgorithmIdentifier; parameters are what follows the OID.
func readAlgorithm(s *cryptobyte.String) (oid asn1.ObjectIdentifier, parameters cryptobyte.String, ok bool) {
	var algorithm cryptobyte.String
	if !s.ReadASN1(&algorithm, casn1.SEQUENCE) || !algorithm.ReadASN1ObjectIdentifier(&oid) {
		return nil, nil, false
	}
	return oid, algorithm, true
}

var errPBES2 = errors.New("smpki: malformed parameters of the encryption")

// openPBES2 decrypts with the parameters of PBES2: a key derivation and AES-CBC.
//
// Spec: RFC 8018 6.2, A.4
func openPBES2(parameters cryptobyte.String, password, ciphertext []byte, left *budget) ([]byte, error) {
	var body cryptobyte.String
	if !parameters.ReadASN1(&body, casn1.SEQUENCE) {
		return nil, errPBES2
	}
	kdf, kdfParameters, ok := readAlgorithm(&body)
	if !ok {
		return nil, errPBES2
	}
	scheme, schemeParameters, ok := readAlgorithm(&body)
	if !ok {
		return nil, errPBES2
	}
	size, err := aesKeyBytes(scheme)
	if err != nil {
		return nil, err
	}
	var iv []byte
	if !schemeParameters.ReadASN1Bytes(&iv, casn1.OCTET_STRING) || len(iv) != aes.BlockSize {
		return nil, errPBES2
	}
	key, err := deriveKey(kdf, kdfParameters, password, size, left)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("smpki: %w", err)
	}
	return openCBC(block, iv, ciphertext)
}

// deriveKey runs PBKDF2 or scrypt.
//
// Spec: RFC 8018 A.2; RFC 7914 7
func deriveKey(kdf asn1.ObjectIdentifier, parameters cryptobyte.String, password []byte, size int, left *budget) ([]byte, error) {
	var body cryptobyte.String
	var salt []byte
	if !parameters.ReadASN1(&body, casn1.SEQUENCE) || !body.ReadASN1Bytes(&salt, casn1.OCTET_STRING) {
		return nil, errPBES2
	}
	switch {
	case kdf.Equal(oidPBKDF2):
		var iterations, length int
		if !body.ReadASN1Integer(&iterations) || body.PeekASN1Tag(casn1.INTEGER) && (!body.ReadASN1Integer(&length) || length != size) {
			return nil, errPBES2
		}
		prf := oidHMACSHA1
		if !body.Empty() {
			var ok bool
			if prf, _, ok = readAlgorithm(&body); !ok {
				return nil, errPBES2
			}
		}
		h, err := hmacOf(prf)
		if err != nil {
			return nil, err
		}
		if err := left.spend(iterations); err != nil {
			return nil, err
		}
		return pbkdf2.Key(h, string(password), salt, iterations, size)
	case kdf.Equal(oidScrypt):
		var n, r, p int
		if !body.ReadASN1Integer(&n) || !body.ReadASN1Integer(&r) || !body.ReadASN1Integer(&p) {
			return nil, errPBES2
		}
		const maxFactor = 1 << 20
		if n < 2 || r < 1 || p < 1 || n > maxFactor || r > maxFactor || p > 64 || 128*n*r > maxScryptBytes {
			return nil, errors.New("smpki: key derivation by scrypt with too much memory or work")
		}
		if err := left.spend(128 * n * r / 256 * p); err != nil { // one iteration of PBKDF2 takes as long as some hundred bytes
			return nil, err
		}
		return scrypt.Key(password, salt, n, r, p, size)
	}
	return nil, fmt.Errorf("smpki: key derivation %s, which is not known here; PBKDF2 and scrypt are", kdf)
}

// openCBC decrypts and takes the padding off. What a wrong password gives is ErrPassword.
func openCBC(block cipher.Block, iv, ciphertext []byte) ([]byte, error) {
	size := block.BlockSize()
	if len(ciphertext) == 0 || len(ciphertext)%size != 0 {
		return nil, errors.New("smpki: encrypted data of a wrong length")
	}
	plain := make([]byte, len(ciphertext))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, ciphertext)
	pad := int(plain[len(plain)-1])
	if pad == 0 || pad > size {
		return nil, ErrPassword
	}
	for _, b := range plain[len(plain)-pad:] {
		if int(b) != pad {
			return nil, ErrPassword
		}
	}
	return plain[:len(plain)-pad], nil
}

// sealPBES2 encrypts with PBKDF2-HMAC-SHA-256 and AES-256-CBC, and returns an EncryptedPrivateKeyInfo.
func sealPBES2(plain, password []byte) ([]byte, error) {
	salt, iv := make([]byte, 16), make([]byte, aes.BlockSize)
	_, _ = rand.Read(salt) // never fails
	_, _ = rand.Read(iv)
	key, err := pbkdf2.Key(sha256.New, string(password), salt, writtenIterations, 32)
	if err != nil {
		return nil, fmt.Errorf("smpki: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("smpki: %w", err)
	}
	pad := aes.BlockSize - len(plain)%aes.BlockSize
	padded := append([]byte(nil), plain...)
	for range pad {
		padded = append(padded, byte(pad))
	}
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(padded, padded)

	var b cryptobyte.Builder
	b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(oidPBES2)
			b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1ObjectIdentifier(oidPBKDF2)
					b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
						b.AddASN1OctetString(salt)
						b.AddASN1Int64(writtenIterations)
						b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
							b.AddASN1ObjectIdentifier(oidHMACSHA256)
							b.AddASN1NULL()
						})
					})
				})
				b.AddASN1(casn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1ObjectIdentifier(oidAES256CBC)
					b.AddASN1OctetString(iv)
				})
			})
		})
		b.AddASN1OctetString(padded)
	})
	return b.Bytes()
}
