package proxy

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/marktbote/marktbote/gateway/as4/smpki"
	"github.com/marktbote/marktbote/gateway/config"
	"github.com/marktbote/marktbote/gateway/partner"
	"github.com/marktbote/marktbote/store/sqlite"
)

// directory opens one that has the revocation lists of these CAs and one own identity.
func (p pki) directory(id Identity, lists ...*x509.Certificate) *partner.Directory {
	t := p.t
	t.Helper()
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	d, err := partner.Open(t.Context(), partner.Options{
		Store: st, Environment: smpki.Test, Roots: []*x509.Certificate{p.Root}, CAs: []*x509.Certificate{p.SubCA, p.CRLSigner},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, issuer := range lists {
		list, err := p.CRL(issuer)
		if err != nil {
			t.Fatal(err)
		}
		if out, err := d.Import(t.Context(), list.Raw, "test"); err != nil || out[0].Problem != nil {
			t.Fatal(err, out)
		}
	}
	in := partner.KeyImport{Who: "test", Files: []partner.File{{Name: "key", Data: id.KeyPEM}}}
	for _, c := range id.Path {
		in.Files = append(in.Files, partner.File{Name: "certificate", Data: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})})
	}
	if _, err := d.Keys().Import(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestFrom: an own MP-ID is in the configuration as long as its certificate may be used, and also when we lack a revocation
// list; a store that cannot be read does not take anybody off the net.
func TestFrom(t *testing.T) {
	t.Parallel()
	p := newPKI(t)
	id := p.identity(lf, lfHost)
	dir := filepath.Join(t.TempDir(), "tls")
	cfg := config.Config{Own: []config.Party{{MPID: lf}}, AS4: config.AS4{TLS: config.TLS{Dir: dir}, MaxBodyBytes: 7}}
	build, err := ReadBuild(t.Context(), nginxProgram(t))
	if err != nil {
		t.Fatal(err)
	}
	healthy, blind := p.directory(id, p.Root, p.SubCA), p.directory(id, p.Root)
	now := time.Now()

	c, missing, err := From(t.Context(), build, &cfg, blind, now)
	if err != nil || len(c.Identities) != 0 || len(missing) != 1 {
		t.Errorf("without a list, and nginx has nothing: %+v, %v, %v", c.Identities, missing, err)
	}
	both := cfg
	both.Own = []config.Party{{MPID: nb}, {MPID: lf}}
	c, missing, err = From(t.Context(), build, &both, healthy, now)
	if err != nil || len(c.Identities) != 1 || c.Identities[0].MPID != lf || c.MaxBodyBytes != 14 || c.Identities[0].ServerNames[0] != lfHost || len(missing) != 1 || !strings.Contains(missing[0].Error(), nb) {
		t.Fatalf("%+v, %v, %v", c, missing, err)
	}
	if _, err := c.Write(t.Context(), nginxProgram(t)); err != nil {
		t.Fatal(err)
	}
	again, _, err := From(t.Context(), build, &cfg, blind, now)
	if wrong, err2 := again.InSync(); err != nil || err2 != nil || len(wrong) > 0 || len(again.Identities) != 1 {
		t.Errorf("without a list: %v, %v, %v", wrong, err, err2)
	}
	c, missing, err = From(t.Context(), build, &cfg, healthy, now.AddDate(3, 0, 0))
	if err != nil || len(c.Identities) != 0 || len(missing) != 1 || !strings.Contains(missing[0].Error(), "expired") {
		t.Errorf("expired: %+v, %v, %v", c.Identities, missing, err)
	}
	p.Revoke(id.Path[1])
	c, missing, err = From(t.Context(), build, &cfg, p.directory(p.identity(lf, "new.example"), p.Root, p.SubCA), now)
	if err != nil || len(c.Identities) != 1 || c.Identities[0].ServerNames[0] != "new.example" {
		t.Errorf("successor: %+v, %v, %v", c.Identities, missing, err)
	}
	closed := p.directory(p.identity(lf, lfHost), p.Root, p.SubCA)
	cfg.AS4.TLS.ServerNames = map[string][]string{lf: {"configured.example"}}
	if c, _, err = From(t.Context(), build, &cfg, closed, now); err != nil || c.Identities[0].ServerNames[0] != "configured.example" {
		t.Errorf("configured name: %+v, %v", c.Identities, err)
	}
	if c, missing, err := From(cancelled(t), build, &cfg, closed, now); err == nil {
		t.Errorf("without the store: %+v, %v", c.Identities, missing)
	}
}

func cancelled(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
