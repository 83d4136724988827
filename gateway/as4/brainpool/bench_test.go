package brainpool

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha512"
	"testing"
)

func BenchmarkSign(b *testing.B) {
	key, digest := benchmarkKey(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := key.SignRaw(digest); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkECDH(b *testing.B) {
	key, _ := benchmarkKey(b)
	peer, _ := benchmarkKey(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := key.ECDH(peer.public); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	key, digest := benchmarkKey(b)
	rs, err := key.SignRaw(digest)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if !VerifyRaw(key.public, digest, rs) {
			b.Fatal("signature refused")
		}
	}
}

func BenchmarkVerify384(b *testing.B) { benchmarkVerify(b, P384r1()) }
func BenchmarkVerify512(b *testing.B) { benchmarkVerify(b, P512r1()) }

func benchmarkVerify(b *testing.B, c elliptic.Curve) {
	key, err := ecdsa.GenerateKey(c, rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	digest := sha512.Sum384(nil)
	der, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if !Verify(&key.PublicKey, digest[:], der) {
			b.Fatal("signature refused")
		}
	}
}

func benchmarkKey(b *testing.B) (*PrivateKey, []byte) {
	key, err := GenerateKey()
	if err != nil {
		b.Fatal(err)
	}
	digest := sha512.Sum512_256(nil)
	return key, digest[:]
}
