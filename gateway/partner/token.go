package partner

import (
	"context"
	"crypto"
	"crypto/ecdsa"
)

// Signer makes the signature of an XML signature.
type Signer interface {
	// SignRaw signs a SHA-256 and returns r and s, 32 bytes each.
	SignRaw(digest []byte) ([]byte, error)
}

// Agreer makes the shared secret of a key agreement.
type Agreer interface {
	// ECDH returns the x coordinate of the shared point, 32 bytes. It refuses a point that is not on brainpoolP256r1.
	ECDH(peer *ecdsa.PublicKey) ([]byte, error)
}

// PrivateKey is a private key on brainpoolP256r1, in the program (*brainpool.PrivateKey) or in a token.
type PrivateKey interface {
	crypto.Signer // DER
	Signer
	Agreer
}

// Token is a place of private keys outside the program, such as a module that is reached through PKCS #11. The certificate
// policy may ask for one. Its keys never come into the store, their certificates do. It must be safe for concurrent use.
//
// There is none in this repository: it needs cgo and a module to test with. Who has one implements this interface in a
// command of his own and sets Options.Token.
type Token interface {
	// Key returns the key whose public half has a fingerprint: the SHA-256 of its SubjectPublicKeyInfo in lower-case hex.
	// The error is a store.ErrNotFound if it is not in the token.
	Key(ctx context.Context, fingerprint string) (PrivateKey, error)
}
