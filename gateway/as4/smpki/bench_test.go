package smpki_test

import (
	"crypto/x509"
	"sync"
	"testing"
	"time"

	"github.com/marktbote/marktbote/gateway/as4/smpki"
)

// TestVerifyConcurrently is for the race detector: one Trust judges certificates of many partners at once, while lists change.
func TestVerifyConcurrently(t *testing.T) {
	t.Parallel()
	p := newPKI(t)
	var pairs []*x509.Certificate
	for range 4 {
		pair, err := p.Pair(smpki.Signature, mpID, host)
		if err != nil {
			t.Fatal(err)
		}
		pairs = append(pairs, pair.Certificate)
	}
	trust := p.Trust()
	var wg sync.WaitGroup
	for _, c := range pairs {
		for range 2 {
			wg.Go(func() {
				for range 3 {
					if _, err := trust.Verify(c, nil, smpki.Signature, time.Now()); err != nil && reasonOf(err) != smpki.Revoked {
						t.Error(err)
					}
				}
			})
		}
		p.Revoke(c)
	}
	wg.Wait()
	for _, c := range pairs {
		if _, err := trust.Verify(c, nil, smpki.Signature, time.Now()); reasonOf(err) != smpki.Revoked {
			t.Errorf("after all were revoked: got %v", err)
		}
	}
}

func BenchmarkParseCertificate(b *testing.B) {
	p := newPKI(b)
	pair, err := p.Pair(smpki.Signature, mpID, host)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := smpki.ParseCertificate(pair.Certificate.Raw); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkVerify judges the certificate of a partner: the first time, and when it is known.
func BenchmarkVerify(b *testing.B) {
	p := newPKI(b)
	pair, err := p.Pair(smpki.Signature, mpID, host)
	if err != nil {
		b.Fatal(err)
	}
	for name, trust := range map[string]func() *smpki.Trust{
		"first": p.Trust,
		"known": sync.OnceValue(p.Trust),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := trust().Verify(pair.Certificate, nil, smpki.Signature, time.Now()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
