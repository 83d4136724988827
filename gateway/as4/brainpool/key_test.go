package brainpool

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"testing"
)

func TestSignAndVerify(t *testing.T) {
	t.Parallel()
	key, err := GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	pub := key.Public().(*ecdsa.PublicKey)
	long := sha512.Sum512([]byte("Marktkommunikation"))
	for _, digest := range [][]byte{long[:32], long[:48], long[:]} {
		raw, err := key.SignRaw(digest)
		if err != nil || !VerifyRaw(pub, digest, raw) {
			t.Fatalf("own signature of %d bytes refused: %x, %v", len(digest), raw, err)
		}
		der, err := key.Sign(nil, digest, nil)
		if err != nil || !Verify(pub, digest, der) || !ecdsa.VerifyASN1(pub, digest, der) {
			t.Fatalf("own DER signature of %d bytes refused: %x, %v", len(digest), der, err)
		}
		other := sha256.Sum256(digest)
		if VerifyRaw(pub, other[:], raw) || Verify(pub, other[:], der) {
			t.Error("signature of another digest accepted")
		}
	}
}

// Keys of certification authorities of test PKIs are made by crypto/ecdsa.
func TestStandardLibraryKeys(t *testing.T) {
	t.Parallel()
	for _, c := range []elliptic.Curve{P256r1(), P384r1(), P512r1()} {
		key, err := ecdsa.GenerateKey(c, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		digest := sha512.Sum384([]byte(c.Params().Name))
		der, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
		if err != nil || !Verify(&key.PublicKey, digest[:], der) {
			t.Errorf("%s: signature refused: %x, %v", c.Params().Name, der, err)
		}
		again, err := ParsePoint(c, MarshalPoint(&key.PublicKey))
		if err != nil || !again.Equal(&key.PublicKey) {
			t.Errorf("%s: %v, %v", c.Params().Name, again, err)
		}
	}
}
