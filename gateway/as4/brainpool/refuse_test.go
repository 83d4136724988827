package brainpool

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"math/big"
	"slices"
	"testing"
)

func TestParsePointRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range curves {
		g := MarshalPoint(&ecdsa.PublicKey{Curve: c, X: c.params.Gx, Y: c.params.Gy})
		length := c.p.bytes()
		change := func(f func(b []byte)) []byte {
			b := bytes.Clone(g)
			f(b)
			return b
		}
		for name, b := range map[string][]byte{
			"nothing":               nil,
			"infinity":              {0},
			"compressed":            append([]byte{2 | g[2*length]&1}, g[1:1+length]...),
			"hybrid":                change(func(b []byte) { b[0] = 6 | b[2*length]&1 }),
			"no prefix":             g[1:],
			"too short":             g[:2*length],
			"too long":              append(bytes.Clone(g), 0),
			"not on the curve":      change(func(b []byte) { b[2*length] ^= 1 }),
			"zeros":                 append([]byte{4}, make([]byte, 2*length)...),
			"x is p":                change(func(b []byte) { c.params.P.FillBytes(b[1 : 1+length]) }),
			"y is not reduced":      append([]byte{4}, bytes.Repeat([]byte{0xff}, 2*length)...),
			"point of another form": append([]byte{4}, g...),
		} {
			if pub, err := ParsePoint(c, b); err == nil {
				t.Errorf("%s, %s: accepted as %x", c.params.Name, name, pub.X)
			}
		}
	}
	g := MarshalPoint(&ecdsa.PublicKey{Curve: p256r1, X: p256r1.params.Gx, Y: p256r1.params.Gy})
	if _, err := ParsePoint(elliptic.P256(), g); err == nil {
		t.Error("a curve of another package accepted")
	}
	if _, err := ParsePoint(nil, g); err == nil {
		t.Error("no curve accepted")
	}
}

func TestPrivateKeyRefuses(t *testing.T) {
	t.Parallel()
	n := p256r1.params.N
	for name, scalar := range map[string][]byte{
		"nothing":        nil,
		"zero":           make([]byte, 32),
		"order":          n.Bytes(),
		"more than that": bytes.Repeat([]byte{0xff}, 32),
		"short":          make([]byte, 31),
		"long":           append([]byte{0}, new(big.Int).Sub(n, big.NewInt(1)).Bytes()...),
	} {
		if _, err := NewPrivateKey(scalar); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for name, scalar := range map[string]*big.Int{"one": big.NewInt(1), "order less 1": new(big.Int).Sub(n, big.NewInt(1))} {
		key, err := NewPrivateKey(scalar.FillBytes(make([]byte, 32)))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if key.public.X.Cmp(p256r1.params.Gx) != 0 || !bytes.Equal(key.Scalar(), scalar.FillBytes(make([]byte, 32))) {
			t.Errorf("%s: public key %x, scalar %x", name, key.public.X, key.Scalar())
		}
	}
}

func TestECDHRefuses(t *testing.T) {
	t.Parallel()
	key, err := GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	g := p256r1.params
	for name, peer := range map[string]*ecdsa.PublicKey{
		"nobody":             nil,
		"no coordinates":     {Curve: P256r1()},
		"no curve":           {X: g.Gx, Y: g.Gy},
		"infinity":           {Curve: P256r1(), X: new(big.Int), Y: new(big.Int)},
		"not on the curve":   {Curve: P256r1(), X: g.Gx, Y: g.Gx},
		"not reduced":        {Curve: P256r1(), X: new(big.Int).Add(g.Gx, g.P), Y: g.Gy},
		"negative":           {Curve: P256r1(), X: g.Gx, Y: new(big.Int).Sub(g.Gy, g.P)},
		"huge":               {Curve: P256r1(), X: new(big.Int).Lsh(g.Gx, 4096), Y: g.Gy},
		"brainpoolP384r1":    {Curve: P384r1(), X: p384r1.params.Gx, Y: p384r1.params.Gy},
		"P-256":              {Curve: elliptic.P256(), X: elliptic.P256().Params().Gx, Y: elliptic.P256().Params().Gy},
		"another P256r1":     {Curve: g, X: g.Gx, Y: g.Gy},
		"point of P384r1":    {Curve: P256r1(), X: p384r1.params.Gx, Y: p384r1.params.Gy},
		"point of a = -3":    {Curve: P256r1(), X: elliptic.P256().Params().Gx, Y: elliptic.P256().Params().Gy},
		"x beyond the prime": {Curve: P256r1(), X: g.P, Y: g.Gy},
	} {
		if secret, err := key.ECDH(peer); err == nil {
			t.Errorf("%s: accepted, %x", name, secret)
		}
	}
}

func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	key, err := GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	digest := bytes.Repeat([]byte{0x5a}, 32)
	// Both numbers with their highest bit set, so that their DER form is known byte by byte.
	var rs []byte
	for rs == nil || rs[0] < 0x80 || rs[32] < 0x80 {
		if rs, err = key.SignRaw(digest); err != nil {
			t.Fatal(err)
		}
	}
	r, s := rs[:32], rs[32:]
	der := slices.Concat([]byte{0x30, 70, 2, 33, 0}, r, []byte{2, 33, 0}, s)
	if !Verify(key.public, digest, der) || !VerifyRaw(key.public, digest, rs) {
		t.Fatal("the signature is refused")
	}
	n := p256r1.params.N.Bytes()
	zero := make([]byte, 32)
	for name, b := range map[string][]byte{
		"nothing":                  nil,
		"trailing byte":            append(bytes.Clone(der), 0),
		"trailing byte inside":     slices.Concat([]byte{0x30, 71}, der[2:], []byte{0}),
		"third number":             slices.Concat([]byte{0x30, 73}, der[2:], []byte{2, 1, 1}),
		"one number":               der[:37],
		"one number, right length": slices.Concat([]byte{0x30, 35}, der[2:37]),
		"cut":                      der[:len(der)-1],
		"long form of a length":    slices.Concat([]byte{0x30, 0x81, 70}, der[2:]),
		"indefinite length":        slices.Concat([]byte{0x30, 0x80}, der[2:], []byte{0, 0}),
		"set":                      slices.Concat([]byte{0x31}, der[1:]),
		"octet string":             slices.Concat(der[:2], []byte{4}, der[3:]),
		"needless zero":            slices.Concat([]byte{0x30, 71, 2, 34, 0, 0}, r, []byte{2, 33, 0}, s),
		"negative r":               slices.Concat([]byte{0x30, 69, 2, 32}, r, []byte{2, 33, 0}, s),
		"negative s":               slices.Concat([]byte{0x30, 69, 2, 33, 0}, r, []byte{2, 32}, s),
		"empty r":                  slices.Concat([]byte{0x30, 37, 2, 0, 2, 33, 0}, s),
		"r is 0":                   slices.Concat([]byte{0x30, 38, 2, 1, 0, 2, 33, 0}, s),
		"s is 0":                   slices.Concat([]byte{0x30, 38, 2, 33, 0}, r, []byte{2, 1, 0}),
		"s is the order":           slices.Concat([]byte{0x30, 70, 2, 33, 0}, r, []byte{2, 33, 0}, n),
		"r longer than the order":  slices.Concat([]byte{0x30, 70, 2, 33, 1}, r, []byte{2, 33, 0}, s),
		"raw":                      rs,
	} {
		if Verify(key.public, digest, b) {
			t.Errorf("DER, %s: accepted", name)
		}
	}
	for name, b := range map[string][]byte{
		"nothing":        nil,
		"zeros":          make([]byte, 64),
		"r is 0":         slices.Concat(zero, s),
		"s is 0":         slices.Concat(r, zero),
		"r is the order": slices.Concat(n, s),
		"s is the order": slices.Concat(r, n),
		"ones":           bytes.Repeat([]byte{0xff}, 64),
		"short":          rs[:62],
		"odd":            rs[:63],
		"long":           slices.Concat([]byte{0}, r, []byte{0}, s),
		"DER":            der,
	} {
		if VerifyRaw(key.public, digest, b) {
			t.Errorf("raw, %s: accepted", name)
		}
	}
	for _, length := range []int{0, 20, 28, 31, 33, 63, 65, 1000} {
		message := bytes.Repeat([]byte{0x5a}, length)
		if VerifyRaw(key.public, message, rs) || Verify(key.public, message, der) {
			t.Errorf("digest of %d bytes accepted", length)
		}
		if _, err := key.SignRaw(message); err == nil {
			t.Errorf("digest of %d bytes signed", length)
		}
		if _, err := key.Sign(nil, message, nil); err == nil {
			t.Errorf("digest of %d bytes signed", length)
		}
	}
	for name, pub := range map[string]*ecdsa.PublicKey{
		"nobody":           nil,
		"no coordinates":   {Curve: P256r1()},
		"infinity":         {Curve: P256r1(), X: new(big.Int), Y: new(big.Int)},
		"not on the curve": {Curve: P256r1(), X: key.public.X, Y: key.public.X},
		"foreign curve":    {Curve: elliptic.P256(), X: key.public.X, Y: key.public.Y},
		"other key":        {Curve: P256r1(), X: p256r1.params.Gx, Y: p256r1.params.Gy},
	} {
		if VerifyRaw(pub, digest, rs) || Verify(pub, digest, der) {
			t.Errorf("%s: accepted", name)
		}
	}
}

// A digest that is longer than the order counts with its leading bytes, one that is above the order is reduced.
func TestDigests(t *testing.T) {
	t.Parallel()
	key, err := GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	for _, digest := range [][]byte{
		make([]byte, 32), p256r1.params.N.Bytes(), bytes.Repeat([]byte{0xff}, 32), bytes.Repeat([]byte{0xff}, 64),
	} {
		rs, err := key.SignRaw(digest)
		if err != nil || !VerifyRaw(key.public, digest, rs) {
			t.Errorf("%x: %v", digest, err)
		}
		longer := append(bytes.Clone(digest[:32]), bytes.Repeat([]byte{7}, 16)...)
		if !VerifyRaw(key.public, longer, rs) {
			t.Errorf("%x: refused", longer)
		}
	}
}
