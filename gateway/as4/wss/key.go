package wss

import (
	"crypto/aes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
)

// keyBytes is the length of all AES keys of the profile.
const keyBytes = 16

// deriveKey is ConcatKDF with SHA-256 for a key of 16 bytes, which needs one round: the leftmost bytes of
// SHA-256(00000001 || Z || OtherInfo). The profile has no OtherInfo.
//
// Spec: XML Encryption 1.1 5.4.1
// Spec: BDEW AS4-Profil 1.1 2.2.6.2.2
func deriveKey(z, otherInfo []byte) []byte {
	h := sha256.New()
	h.Write([]byte{0, 0, 0, 1})
	h.Write(z)
	h.Write(otherInfo)
	return h.Sum(nil)[:keyBytes]
}

var errUnwrap = errors.New("the wrapped key does not fit")

// wrapIV is the initial value of the AES key wrap.
//
// Spec: RFC 3394 2.2.3.1
const wrapIV = 0xA6A6A6A6A6A6A6A6

// wrapKey wraps a key, whose length is a multiple of 8 bytes, with kw-aes128.
//
// Spec: RFC 3394 2.2.1
func wrapKey(kek, key []byte) ([]byte, error) {
	block, err := aes.NewCipher(kek)
	if err != nil {
		return nil, err
	}
	n := len(key) / 8
	out := make([]byte, 8+len(key))
	copy(out[8:], key)
	var buf [16]byte
	a := uint64(wrapIV)
	for j := range 6 {
		for i := 1; i <= n; i++ {
			binary.BigEndian.PutUint64(buf[:8], a)
			copy(buf[8:], out[8*i:])
			block.Encrypt(buf[:], buf[:])
			a = binary.BigEndian.Uint64(buf[:8]) ^ uint64(n*j+i)
			copy(out[8*i:8*i+8], buf[8:])
		}
	}
	binary.BigEndian.PutUint64(out, a)
	clear(buf[:])
	return out, nil
}

// unwrapKey undoes wrapKey for a key of 16 bytes. It fails if the key was wrapped with another kek or was changed.
//
// Spec: RFC 3394 2.2.2
func unwrapKey(kek, wrapped []byte) ([]byte, error) {
	if len(wrapped) != keyBytes+8 {
		return nil, errUnwrap
	}
	block, err := aes.NewCipher(kek)
	if err != nil {
		return nil, err
	}
	const n = keyBytes / 8
	key := make([]byte, keyBytes)
	copy(key, wrapped[8:])
	var buf [16]byte
	a := binary.BigEndian.Uint64(wrapped)
	for j := 5; j >= 0; j-- {
		for i := n; i >= 1; i-- {
			binary.BigEndian.PutUint64(buf[:8], a^uint64(n*j+i))
			copy(buf[8:], key[8*(i-1):])
			block.Decrypt(buf[:], buf[:])
			a = binary.BigEndian.Uint64(buf[:8])
			copy(key[8*(i-1):8*i], buf[8:])
		}
	}
	clear(buf[:])
	var got, want [8]byte
	binary.BigEndian.PutUint64(got[:], a)
	binary.BigEndian.PutUint64(want[:], wrapIV)
	if subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
		return nil, errUnwrap
	}
	return key, nil
}
