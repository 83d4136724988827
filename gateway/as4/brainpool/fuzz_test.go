package brainpool

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/asn1"
	"math/big"
	"testing"
)

func FuzzParsePoint(f *testing.F) {
	for _, c := range curves {
		f.Add(MarshalPoint(&ecdsa.PublicKey{Curve: c, X: c.params.Gx, Y: c.params.Gy}))
	}
	f.Add([]byte{4})
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, c := range curves {
			pub, err := ParsePoint(c, b)
			if err != nil {
				continue
			}
			// y² = x³ + ax + b, by other means.
			right := new(big.Int).Exp(pub.X, big.NewInt(3), nil)
			right.Add(right, new(big.Int).Mul(c.p.number(&c.a), pub.X))
			right.Add(right, c.params.B)
			left := new(big.Int).Mul(pub.Y, pub.Y)
			if left.Mod(left.Sub(left, right), c.params.P).Sign() != 0 {
				t.Errorf("%s: %x is not on the curve", c.params.Name, b)
			}
			if !bytes.Equal(MarshalPoint(pub), b) {
				t.Errorf("%s: %x written as %x", c.params.Name, b, MarshalPoint(pub))
			}
		}
	})
}

func FuzzVerify(f *testing.F) {
	digest := sha256.Sum256(nil)
	scalar := bytes.Repeat([]byte{0x11}, scalarBytes)
	key, err := NewPrivateKey(scalar)
	if err != nil {
		f.Fatal(err)
	}
	for range 4 {
		der, err := key.Sign(nil, digest[:], nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(der)
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		r, s, ok := parseSignature(der)
		if !ok {
			if Verify(key.public, digest[:], der) {
				t.Errorf("%x accepted", der)
			}
			return
		}
		// Whatever is read is the one DER form of what was read.
		again, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(r), new(big.Int).SetBytes(s)})
		if err != nil || !bytes.Equal(again, der) {
			t.Errorf("%x is not the DER form %x of its numbers", der, again)
		}
		raw := make([]byte, 2*scalarBytes)
		fits := len(r) <= scalarBytes && len(s) <= scalarBytes
		if fits {
			copy(raw[scalarBytes-len(r):], r)
			copy(raw[2*scalarBytes-len(s):], s)
			if written := marshalSignature(raw[:scalarBytes], raw[scalarBytes:]); !bytes.Equal(written, der) {
				t.Errorf("%x written as %x", der, written)
			}
		}
		valid := Verify(key.public, digest[:], der)
		if valid != ecdsa.VerifyASN1(key.public, digest[:], der) || valid != (fits && VerifyRaw(key.public, digest[:], raw)) {
			t.Errorf("%x: no agreement whether it is valid", der)
		}
	})
}

func FuzzModulus(f *testing.F) {
	f.Add([]byte{1}, []byte{2})
	f.Add(bytes.Repeat([]byte{0xff}, 64), p512r1.params.P.Bytes())
	all := moduli()
	f.Fuzz(func(t *testing.T, x, y []byte) {
		for _, m := range all {
			value := m.value()
			checkModulus(t, m, new(big.Int).Mod(new(big.Int).SetBytes(x), value), new(big.Int).Mod(new(big.Int).SetBytes(y), value))
		}
	})
}
