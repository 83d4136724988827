package wss

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"fmt"
	"testing"

	"github.com/marktbote/marktbote/gateway/as4/brainpool"
	"github.com/marktbote/marktbote/gateway/as4/smpki"
	"github.com/marktbote/marktbote/gateway/as4/xmltree"
)

var sizes = []struct {
	name  string
	bytes int
}{{"7kB", 7 << 10}, {"1MB", 1 << 20}}

// BenchmarkSend signs, encrypts and writes a message.
func BenchmarkSend(b *testing.B) {
	for _, size := range sizes {
		b.Run(size.name, func(b *testing.B) {
			part := payload("payload@as4.example.org", size.bytes)
			b.SetBytes(int64(len(part.Data)))
			b.ReportAllocs()
			for b.Loop() {
				send(b, part)
			}
		})
	}
}

// BenchmarkReceive reads, decrypts and verifies a message.
func BenchmarkReceive(b *testing.B) {
	for _, size := range sizes {
		b.Run(size.name, func(b *testing.B) {
			m := send(b, payload("payload@as4.example.org", size.bytes))
			keys := recipientKeys()
			ciphertext := bytes.Clone(m.parts[0].Data)
			b.SetBytes(int64(len(ciphertext)))
			b.ReportAllocs()
			for b.Loop() {
				copy(m.parts[0].Data, ciphertext)
				if _, _, err := receive(m, keys); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkPrimitives is what both are made of.
func BenchmarkPrimitives(b *testing.B) {
	p := people()
	key := p.recipient.Encryption.Key
	peer := p.sender.Encryption.Key.Public().(*ecdsa.PublicKey)
	m := send(b, payload("payload@as4.example.org", 7<<10))
	root, err := xmltree.Parse([]byte(m.xml), xmltree.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	env, err := Locate(root)
	if err != nil {
		b.Fatal(err)
	}
	digest := sha256.Sum256(nil)
	rs, err := key.SignRaw(digest[:])
	if err != nil {
		b.Fatal(err)
	}
	token, err := smpki.MarshalPkiPath(p.sender.Signature.Path)
	if err != nil {
		b.Fatal(err)
	}
	run := func(name string, bytes int, do func() error) {
		b.Run(name, func(b *testing.B) {
			if bytes > 0 {
				b.SetBytes(int64(bytes))
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := do(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	run("parse", len(m.xml), func() error { _, err := xmltree.Parse([]byte(m.xml), xmltree.Limits{}); return err })
	run("locate", 0, func() error { _, err := Locate(root); return err })
	run("canonical", 0, func() error { env.Root.Canonical(nil); return nil })
	run("write", 0, func() error { env.Root.AppendXML(nil); return nil })
	run("certificates", 0, func() error { _, err := smpki.ParsePkiPath(token); return err })
	run("sign", 0, func() error { _, err := key.SignRaw(digest[:]); return err })
	run("verify", 0, func() error {
		if !brainpool.VerifyRaw(key.Public().(*ecdsa.PublicKey), digest[:], rs) {
			return fmt.Errorf("the signature does not fit")
		}
		return nil
	})
	run("agree", 0, func() error { _, err := key.ECDH(peer); return err })
	run("generate", 0, func() error { _, err := brainpool.GenerateKey(); return err })
	for _, size := range sizes {
		data := make([]byte, size.bytes)
		run("SHA-256/"+size.name, size.bytes, func() error { sha256.Sum256(data); return nil })
		gcm, err := newGCM(make([]byte, keyBytes))
		if err != nil {
			b.Fatal(err)
		}
		sealed := gcm.Seal(make([]byte, 12, 12+len(data)+16), make([]byte, 12), data, nil)
		buf := make([]byte, 0, len(data))
		run("AES-GCM/"+size.name, size.bytes, func() error { _, err := gcm.Open(buf, sealed[:12], sealed[12:], nil); return err })
	}
}
