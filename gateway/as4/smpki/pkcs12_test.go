package smpki_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/marktbote/marktbote/gateway/as4/smpki"
)

func TestParsePKCS12OfOpenSSL(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	s.run(makeKey + "openssl req -new -x509 -key key.pem -subj /CN=x -out cert.pem; openssl req -new -x509 -key key.pem -subj /CN=y -out ca.pem")
	const export = "openssl pkcs12 -export -inkey key.pem -in cert.pem -certfile ca.pem -out OUT "
	for name, tt := range map[string]struct{ options, password string }{
		"default":        {"-passout pass:geheim", "geheim"},
		"umlauts":        {"-passout pass:gehörnt€", "gehörnt€"},
		"empty password": {"-passout pass:", ""},
		"legacy":         {"-legacy -passout pass:geheim", "geheim"},
		"legacy empty":   {"-legacy -passout pass:", ""},
		"3DES":           {"-keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1 -passout pass:geheim", "geheim"},
		"RC2-128":        {"-legacy -keypbe PBE-SHA1-2DES -certpbe PBE-SHA1-RC2-128 -passout pass:geheim", "geheim"},
		"AES mix":        {"-keypbe AES-192-CBC -certpbe AES-128-CBC -macalg sha512 -iter 50000 -passout pass:geheim", "geheim"},
		"SHA-384":        {"-macalg sha384 -passout pass:geheim", "geheim"},
		"no MAC":         {"-nomac -passout pass:geheim", "geheim"},
		"clear":          {"-keypbe NONE -certpbe NONE -passout pass:geheim", "geheim"},
		"PBMAC1":         {"-pbmac1_pbkdf2 -passout pass:geheim", "geheim"},
	} {
		t.Run(name, func(t *testing.T) {
			out := strings.ReplaceAll(name, " ", "_")
			if text, err := s.try(strings.ReplaceAll(export, "OUT", out) + tt.options); err != nil {
				t.Skipf("this openssl cannot make it: %s", text)
			}
			file := s.read(out)
			keys, certs, err := smpki.ParsePKCS12(file, []byte(tt.password))
			if err != nil {
				t.Fatal(err)
			}
			if len(keys) != 1 || len(certs) != 2 {
				t.Fatalf("got %d keys, %d certificates, want 1 and 2", len(keys), len(certs))
			}
			if !bytes.Equal(spki(t, keys[0]), s.read("pub.der")) || certs[0].Subject.CommonName != "x" || !smpki.Holds(certs[0], keys[0]) {
				t.Error("key or certificate is another one")
			}
			if _, _, err := smpki.ParsePKCS12(file, []byte("falsch")); !errors.Is(err, smpki.ErrPassword) {
				t.Errorf("wrong password: got %v", err)
			}
			if name != "clear" {
				return
			}
			file[bytes.Index(file, certs[0].Signature)] ^= 1 // without the MAC it would go unnoticed
			if _, _, err := smpki.ParsePKCS12(file, []byte(tt.password)); !errors.Is(err, smpki.ErrPassword) {
				t.Errorf("a changed file: got %v", err)
			}
		})
	}
}

func TestParsePKCS12OfKeytool(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	if _, err := exec.LookPath("keytool"); err != nil {
		t.Skip("no keytool command")
	}
	s.run(makeKey + `openssl req -new -x509 -key key.pem -subj /CN=x -out cert.pem
		openssl pkcs12 -export -inkey key.pem -in cert.pem -name as4 -passout pass:geheim -out in.p12`)
	if text, err := s.try("keytool -importkeystore -srckeystore in.p12 -srcstoretype PKCS12 -srcstorepass geheim -destkeystore out.p12 -deststoretype PKCS12 -deststorepass geheim"); err != nil {
		t.Skipf("this keytool cannot copy the key: %s", text)
	}
	keys, certs, err := smpki.ParsePKCS12(s.read("out.p12"), []byte("geheim"))
	if err != nil || len(keys) != 1 || len(certs) != 1 || !smpki.Holds(certs[0], keys[0]) {
		t.Fatalf("got %d keys, %d certificates, %v", len(keys), len(certs), err)
	}
}

// TestParsePKCS12OfOthers reads files that other software has written: Bouncy Castle 1.83 under the type of keystore in the
// name (BER, 3DES, RC2), the keystore of Java 17, and a file with PBMAC1 that OpenSSL 4 reads.
func TestParsePKCS12OfOthers(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.p12")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, name := range files {
		file, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		keys, certs, err := smpki.ParsePKCS12(file, []byte("geheim"))
		if err != nil || len(keys) != 1 || len(certs) != 1 || !smpki.Holds(certs[0], keys[0]) {
			t.Errorf("%s: %d keys, %d certificates, %v", name, len(keys), len(certs), err)
		}
		if _, _, err := smpki.ParsePKCS12(file, []byte("falsch")); !errors.Is(err, smpki.ErrPassword) {
			t.Errorf("%s with a wrong password: got %v", name, err)
		}
	}
}
