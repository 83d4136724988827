package wss

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"math/big"
	"testing"

	"github.com/marktbote/marktbote/gateway/as4/brainpool"
	"github.com/marktbote/marktbote/gateway/as4/xmltree"
)

func b64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

func sha1Of(b []byte) []byte {
	sum := sha1.Sum(b)
	return sum[:]
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The keys of RFC 7027 A.1, and what three other implementations derive and wrap with them.
func TestKeyAgreement(t *testing.T) {
	a, err := brainpool.NewPrivateKey(unhex(t, "81DB1EE100150FF2EA338D708271BE38300CB54241D79950F77B063039804F1D"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := brainpool.ParsePoint(brainpool.P256r1(), unhex(t, "04"+
		"8D2D688C6CF93E1160AD04CC4429117DC2C41825E1E9FCA0ADDD34E6F1B39F7B"+"990C57520812BE512641E47034832106BC7D3E8DD0E4C7F1136D7006547CEC6A"))
	if err != nil {
		t.Fatal(err)
	}
	z, err := a.ECDH(b)
	if err != nil {
		t.Fatal(err)
	}
	if want := "89afc39d41d3b327814b80940b042590f96556ec91e6ae7939bce31f3a18bf2b"; hex.EncodeToString(z) != want {
		t.Fatalf("Z = %x, want %s", z, want)
	}
	cek := unhex(t, "000102030405060708090a0b0c0d0e0f")
	for _, c := range []struct{ name, info, kek, wrapped string }{
		{"empty parameters", "", "d4cf4f32a917be9cc9d1c0728241a3ca", "5745a8ad1f206ab20fc2a9e3401867b69c34b8cf4fc8dcf8"},
		{"AlgorithmID 0000", "00", "a7ff4b00e31b35c88ce1cf20771629ca", "cd7a21169cc4fc2436b086a9cb9dc12258c531f0fd9cfb9c"},
	} {
		kek := deriveKey(z, unhex(t, c.info))
		if hex.EncodeToString(kek) != c.kek {
			t.Errorf("%s: key encryption key %x, want %s", c.name, kek, c.kek)
		}
		wrapped, err := wrapKey(kek, cek)
		if err != nil || hex.EncodeToString(wrapped) != c.wrapped {
			t.Errorf("%s: wrapped %x, %v, want %s", c.name, wrapped, err, c.wrapped)
		}
		if got, err := unwrapKey(kek, wrapped); err != nil || !bytes.Equal(got, cek) {
			t.Errorf("%s: unwrapped %x, %v", c.name, got, err)
		}
	}
}

// Spec: RFC 3394 4.1
func TestKeyWrapVector(t *testing.T) {
	kek := unhex(t, "000102030405060708090A0B0C0D0E0F")
	key := unhex(t, "00112233445566778899AABBCCDDEEFF")
	wrapped := unhex(t, "1FA68B0A8112B447AEF34BD8FB5A7B829D3E862371D2CFE5")
	if got, err := wrapKey(kek, key); err != nil || !bytes.Equal(got, wrapped) {
		t.Errorf("%X, %v", got, err)
	}
	if got, err := unwrapKey(kek, wrapped); err != nil || !bytes.Equal(got, key) {
		t.Errorf("%X, %v", got, err)
	}
	for i := range wrapped {
		damaged := bytes.Clone(wrapped)
		damaged[i] ^= 1
		if got, err := unwrapKey(kek, damaged); err == nil {
			t.Errorf("byte %d changed: unwrapped to %X", i, got)
		}
	}
	for _, n := range []int{0, 8, 16, 23, 25, 32} {
		if _, err := unwrapKey(kek, make([]byte, n)); err == nil {
			t.Errorf("%d bytes are unwrapped", n)
		}
	}
}

func TestHint(t *testing.T) {
	c := people().recipient.Encryption.Certificate
	other := people().stranger.Encryption.Certificate
	for _, x := range []struct {
		name, xml string
		matches   bool
	}{
		{"SKI", `<ds:X509Data><ds:X509SKI>` + b64(c.SubjectKeyId) + `</ds:X509SKI></ds:X509Data>`, true},
		{"issuer and serial number", `<wsse:SecurityTokenReference><ds:X509Data><ds:X509IssuerSerial><ds:X509IssuerName>CN=x</ds:X509IssuerName><ds:X509SerialNumber> ` + c.SerialNumber.String() + ` </ds:X509SerialNumber></ds:X509IssuerSerial></ds:X509Data></wsse:SecurityTokenReference>`, true},
		{"certificate", `<ds:X509Data><ds:X509Certificate>` + b64(c.Raw) + `</ds:X509Certificate></ds:X509Data>`, true},
		{"KeyIdentifier with SKI", `<wsse:SecurityTokenReference><wsse:KeyIdentifier ValueType="` + keyIdentifier + `">` + b64(c.SubjectKeyId) + `</wsse:KeyIdentifier></wsse:SecurityTokenReference>`, true},
		{"KeyIdentifier with certificate", `<wsse:SecurityTokenReference><wsse:KeyIdentifier ValueType="` + singleX509 + `">` + b64(c.Raw) + `</wsse:KeyIdentifier></wsse:SecurityTokenReference>`, true},
		{"KeyIdentifier with thumbprint", `<wsse:SecurityTokenReference><wsse:KeyIdentifier ValueType="` + thumbprintSHA1 + `">` + b64(sha1Of(c.Raw)) + `</wsse:KeyIdentifier></wsse:SecurityTokenReference>`, true},
		{"KeyIdentifier of another kind", `<wsse:SecurityTokenReference><wsse:KeyIdentifier ValueType="x">` + b64(c.SubjectKeyId) + `</wsse:KeyIdentifier></wsse:SecurityTokenReference>`, false},
		{"nothing", ``, false},
		{"key name", `<ds:KeyName>x</ds:KeyName>`, false},
		{"SKI that is no base64", `<ds:X509Data><ds:X509SKI>?</ds:X509SKI></ds:X509Data>`, false},
		{"serial number that is no number", `<ds:X509Data><ds:X509SerialNumber>0x12</ds:X509SerialNumber></ds:X509Data>`, false},
	} {
		t.Run(x.name, func(t *testing.T) {
			root, err := xmltree.Parse([]byte(`<xenc:RecipientKeyInfo xmlns:xenc="`+xencSpace+`" xmlns:ds="`+dsSpace+`" xmlns:wsse="`+wsseSpace+`">`+x.xml+`</xenc:RecipientKeyInfo>`), xmltree.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			h := hint(root)
			if got := h.Matches(c); got != x.matches {
				t.Errorf("matches its certificate: %v", got)
			}
			if h.Matches(other) {
				t.Error("matches another certificate")
			}
		})
	}
	if (RecipientHint{Serial: big.NewInt(1)}).Matches(other) {
		t.Error("another serial number matches")
	}
}
