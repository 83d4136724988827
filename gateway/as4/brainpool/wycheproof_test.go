package brainpool

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWycheproofECDSA(t *testing.T) {
	t.Parallel()
	for _, set := range []struct {
		file   string
		curve  elliptic.Curve
		hash   crypto.Hash
		verify func(pub *ecdsa.PublicKey, digest, signature []byte) bool
		cases  int
	}{
		{"ecdsa_brainpoolP256r1_sha256.txt", P256r1(), crypto.SHA256, Verify, 485},
		{"ecdsa_brainpoolP384r1_sha384.txt", P384r1(), crypto.SHA384, Verify, 516},
		{"ecdsa_brainpoolP512r1_sha512.txt", P512r1(), crypto.SHA512, Verify, 559},
		{"ecdsa_brainpoolP256r1_sha256_p1363.txt", P256r1(), crypto.SHA256, VerifyRaw, 261},
		{"ecdsa_brainpoolP384r1_sha384_p1363.txt", P384r1(), crypto.SHA384, VerifyRaw, 292},
		{"ecdsa_brainpoolP512r1_sha512_p1363.txt", P512r1(), crypto.SHA512, VerifyRaw, 337},
	} {
		t.Run(set.file, func(t *testing.T) {
			t.Parallel()
			var pub *ecdsa.PublicKey
			cases := 0
			for _, line := range wycheproof(t, set.file) {
				if line[0] == "key" {
					var err error
					if pub, err = ParsePoint(set.curve, vector(t, line[1])); err != nil {
						t.Fatal(err)
					}
					continue
				}
				hash := set.hash.New()
				hash.Write(vector(t, line[2]))
				want := line[1] == "valid"
				if got := set.verify(pub, hash.Sum(nil), vector(t, line[3])); got != want {
					t.Errorf("case %s: %v, want %v", line[0], got, want)
				}
				cases++
			}
			if cases != set.cases {
				t.Errorf("%d cases, want %d", cases, set.cases)
			}
		})
	}
}

func TestWycheproofECDH(t *testing.T) {
	t.Parallel()
	cases := 0
	for _, line := range wycheproof(t, "ecdh_brainpoolP256r1.txt") {
		cases++
		key, err := NewPrivateKey(vector(t, line[2]))
		if err != nil {
			t.Fatalf("case %s: %v", line[0], err)
		}
		peer, err := ParsePoint(P256r1(), vector(t, line[3]))
		if line[1] != "valid" {
			if err == nil {
				t.Errorf("case %s: point accepted", line[0])
			}
			continue
		}
		if err != nil {
			t.Errorf("case %s: %v", line[0], err)
			continue
		}
		if secret, err := key.ECDH(peer); err != nil || !bytes.Equal(secret, vector(t, line[4])) {
			t.Errorf("case %s: %x, %v, want %s", line[0], secret, err, line[4])
		}
	}
	if cases < 500 {
		t.Errorf("only %d cases", cases)
	}
}

// wycheproof returns the lines of a file of vectors, split into their fields.
func wycheproof(t *testing.T, file string) (lines [][]string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "wycheproof", file))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		lines = append(lines, strings.Fields(line))
	}
	return lines
}

func vector(t *testing.T, field string) []byte {
	t.Helper()
	if field == "-" {
		return nil
	}
	return unhex(t, field)
}
