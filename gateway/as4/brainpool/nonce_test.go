package brainpool

import (
	"bytes"
	"crypto/sha256"
	"testing"
)

// RFC 6979 A.2.5, SHA-256: the order of that curve is another one, but the first candidate is below both.
func TestNonces(t *testing.T) {
	t.Parallel()
	scalar := unhex(t, "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721")
	for message, want := range map[string]string{
		"sample": "A6E3C57DD01ABE90086538398355DD4C3B17AA873382B0F24D6129493D8AAD60",
		"test":   "D16B6AE827F17175E040871A1C7EC3500192C4C92677336EC2537ACAEE0008E0",
	} {
		digest := sha256.Sum256([]byte(message))
		first := newNonces(scalar, digest[:], nil).next()
		if !bytes.Equal(first, unhex(t, want)) {
			t.Errorf("%s: %X, want %s", message, first, want)
		}
		hedged := newNonces(scalar, digest[:], make([]byte, 32))
		if one, two := bytes.Clone(hedged.next()), hedged.next(); bytes.Equal(one, first) || bytes.Equal(one, two) {
			t.Errorf("%s: candidates are repeated", message)
		}
	}
}

// Two signatures of one digest differ: the system's randomness is in the nonce.
func TestSignaturesDiffer(t *testing.T) {
	t.Parallel()
	key, err := GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(nil)
	seen := map[string]bool{}
	for range 20 {
		rs, err := key.SignRaw(digest[:])
		if err != nil {
			t.Fatal(err)
		}
		if r := string(rs[:32]); seen[r] {
			t.Fatal("a nonce was used twice")
		} else {
			seen[r] = true
		}
	}
}
