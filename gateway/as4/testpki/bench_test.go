package testpki

import (
	"crypto/x509"
	"math/big"
	"testing"
	"time"

	"github.com/marktbote/marktbote/gateway/as4/smpki"
)

// BenchmarkListOf100000 is the revocation list of a Sub-CA that serves many meters: reading it, checking it once, looking a
// certificate up in it.
func BenchmarkListOf100000(b *testing.B) {
	p, err := New()
	if err != nil {
		b.Fatal(err)
	}
	pair, err := p.Pair(smpki.Signature, "9900000000001", "one.example")
	if err != nil {
		b.Fatal(err)
	}
	l := p.crlDraft(p.SubCA, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
	for i := range 100_000 {
		l.revoked = append(l.revoked, x509.RevocationListEntry{
			SerialNumber: new(big.Int).Add(pair.Certificate.SerialNumber, big.NewInt(int64(i*7919%100_003+1))), RevocationTime: time.Now(), ReasonCode: 5,
		})
	}
	list, err := l.sign()
	if err != nil {
		b.Fatal(err)
	}
	b.Run("read", func(b *testing.B) {
		b.SetBytes(int64(len(list.Raw)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := smpki.ParseCRL(list.Raw); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("check", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := p.Trust().CheckCRL(list, p.SubCA, time.Now()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("verify", func(b *testing.B) {
		p.lists[p.SubCA] = list
		trust := p.Trust()
		for b.Loop() {
			if _, err := trust.Verify(pair.Certificate, nil, smpki.Signature, time.Now()); err != nil {
				b.Fatal(err)
			}
		}
	})
}
