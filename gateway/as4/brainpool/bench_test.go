package brainpool

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha512"
	"testing"
)

func BenchmarkSign(b *testing.B)      { benchmark(b, signing(b)) }
func BenchmarkECDH(b *testing.B)      { benchmark(b, agreeing(b)) }
func BenchmarkVerify(b *testing.B)    { benchmark(b, verifying(b, P256r1())) }
func BenchmarkVerify384(b *testing.B) { benchmark(b, verifying(b, P384r1())) }
func BenchmarkVerify512(b *testing.B) { benchmark(b, verifying(b, P512r1())) }

func benchmark(b *testing.B, operation func()) {
	b.ReportAllocs()
	for b.Loop() {
		operation()
	}
}

func signing(b *testing.B) func() {
	key, err := GenerateKey()
	if err != nil {
		b.Fatal(err)
	}
	digest := sha512.Sum512_256(nil)
	return func() {
		if _, err := key.SignRaw(digest[:]); err != nil {
			b.Fatal(err)
		}
	}
}

func agreeing(b *testing.B) func() {
	key, err := GenerateKey()
	if err != nil {
		b.Fatal(err)
	}
	return func() {
		if _, err := key.ECDH(key.public); err != nil {
			b.Fatal(err)
		}
	}
}

func verifying(b *testing.B, c elliptic.Curve) func() {
	key, err := ecdsa.GenerateKey(c, rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	digest := sha512.Sum384(nil)
	der, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
	if err != nil {
		b.Fatal(err)
	}
	return func() {
		if !Verify(&key.PublicKey, digest[:], der) {
			b.Fatal("signature refused")
		}
	}
}
