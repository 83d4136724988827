package brainpool

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha512"
	"encoding/asn1"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

var curveOIDs = map[elliptic.Curve]asn1.ObjectIdentifier{
	P256r1(): {1, 3, 36, 3, 3, 2, 8, 1, 1, 7},
	P384r1(): {1, 3, 36, 3, 3, 2, 8, 1, 1, 11},
	P512r1(): {1, 3, 36, 3, 3, 2, 8, 1, 1, 13},
}

// ecPrivateKey is the structure of RFC 5915.
type ecPrivateKey struct {
	Version int
	Scalar  []byte
	Curve   asn1.ObjectIdentifier `asn1:"optional,explicit,tag:0"`
	Public  asn1.BitString        `asn1:"optional,explicit,tag:1"`
}

type publicKeyInfo struct {
	Algorithm struct{ Algorithm, Curve asn1.ObjectIdentifier }
	Public    asn1.BitString
}

func TestOpenSSLReadsOurs(t *testing.T) {
	t.Parallel()
	o := newOpenSSL(t)
	for range 3 {
		key, err := GenerateKey()
		if err != nil {
			t.Fatal(err)
		}
		peer, err := GenerateKey()
		if err != nil {
			t.Fatal(err)
		}
		o.writePublic("public", key.public)
		o.writePublic("peer", peer.public)
		o.write("key", marshalASN1(t, ecPrivateKey{Version: 1, Scalar: key.Scalar(), Curve: curveOIDs[P256r1()]}))
		digest := sha512.Sum512(key.Scalar())
		for _, length := range []int{32, 48, 64} {
			der, err := key.Sign(nil, digest[:length], nil)
			if err != nil {
				t.Fatal(err)
			}
			o.write("signature", der)
			o.write("digest", digest[:length])
			o.run("pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", "public", "-sigfile", "signature", "-in", "digest")
			// And the other way.
			o.run("pkeyutl", "-sign", "-keyform", "DER", "-inkey", "key", "-in", "digest", "-out", "theirs")
			if theirs := o.read("theirs"); !Verify(key.public, digest[:length], theirs) {
				t.Errorf("signature of OpenSSL refused: %x", theirs)
			}
		}
		o.run("pkeyutl", "-derive", "-keyform", "DER", "-inkey", "key", "-peerform", "DER", "-peerkey", "peer", "-out", "secret")
		if secret, err := peer.ECDH(key.public); err != nil || !bytes.Equal(secret, o.read("secret")) {
			t.Errorf("ECDH: %x, %v, OpenSSL %x", secret, err, o.read("secret"))
		}
	}
}

func TestOpenSSLSigns(t *testing.T) {
	t.Parallel()
	o := newOpenSSL(t)
	for c, oid := range curveOIDs {
		o.run("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:"+c.Params().Name, "-outform", "DER", "-out", "key")
		o.run("pkey", "-inform", "DER", "-in", "key", "-pubout", "-outform", "DER", "-out", "public")
		var info publicKeyInfo
		if _, err := asn1.Unmarshal(o.read("public"), &info); err != nil || !info.Algorithm.Curve.Equal(oid) {
			t.Fatalf("public key of OpenSSL: %v, %v", info, err)
		}
		pub, err := ParsePoint(c, info.Public.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		digest := sha512.Sum512(info.Public.Bytes)
		for _, length := range []int{32, 48, 64} {
			o.write("digest", digest[:length])
			o.run("pkeyutl", "-sign", "-keyform", "DER", "-inkey", "key", "-in", "digest", "-out", "signature")
			if signature := o.read("signature"); !Verify(pub, digest[:length], signature) {
				t.Errorf("%s: signature refused: %x", c.Params().Name, signature)
			}
			digest[0] ^= 1
			if signature := o.read("signature"); Verify(pub, digest[:length], signature) {
				t.Errorf("%s: signature of another digest accepted", c.Params().Name)
			}
		}
	}
}

// openSSL runs the program of this name in a directory of its own.
type openSSL struct {
	t         testing.TB
	directory string
}

func newOpenSSL(t testing.TB) openSSL {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is not installed")
	}
	return openSSL{t, t.TempDir()}
}

func (o openSSL) run(arguments ...string) []byte {
	o.t.Helper()
	command := exec.CommandContext(o.t.Context(), "openssl", arguments...)
	command.Dir = o.directory
	output, err := command.CombinedOutput()
	if err != nil {
		o.t.Fatalf("openssl %v: %v\n%s", arguments, err, output)
	}
	return output
}

func (o openSSL) write(name string, content []byte) {
	o.t.Helper()
	if err := os.WriteFile(filepath.Join(o.directory, name), content, 0o600); err != nil {
		o.t.Fatal(err)
	}
}

func (o openSSL) read(name string) []byte {
	o.t.Helper()
	content, err := os.ReadFile(filepath.Join(o.directory, name))
	if err != nil {
		o.t.Fatal(err)
	}
	return content
}

func (o openSSL) writePublic(name string, pub *ecdsa.PublicKey) {
	o.t.Helper()
	var info publicKeyInfo
	info.Algorithm.Algorithm = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
	info.Algorithm.Curve = curveOIDs[pub.Curve]
	info.Public.Bytes = MarshalPoint(pub)
	info.Public.BitLength = 8 * len(info.Public.Bytes)
	o.write(name, marshalASN1(o.t, info))
}

func marshalASN1(t testing.TB, value any) []byte {
	t.Helper()
	der, err := asn1.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return der
}
