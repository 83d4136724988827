package main

import (
	"bytes"
	"crypto/x509"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/marktbote/marktbote/fixtures"
	"github.com/marktbote/marktbote/gateway/as4"
	"github.com/marktbote/marktbote/gateway/as4/libssl"
	"github.com/marktbote/marktbote/gateway/as4/testpki"
	"github.com/marktbote/marktbote/gateway/config"
)

// inside makes a participant do TLS in the gateway.
func (p *participant) inside() *participant {
	p.t.Helper()
	text, err := os.ReadFile(p.file)
	if err == nil {
		err = os.WriteFile(p.file, bytes.Replace(text, []byte("tls: {"), []byte("tls: {library: true, "), 1), 0o600)
	}
	if err == nil {
		p.cfg, err = config.Load(p.file)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	return p
}

// TestDoctorLibrary: with TLS in the gateway a UTILMD gets to the partner and a message to oneself back; a program that was built
// without the library says so.
func TestDoctorLibrary(t *testing.T) {
	t.Parallel()
	pki, err := testpki.New()
	if err != nil {
		t.Fatal(err)
	}
	lf, nb := join(t, pki, "9999100000013").inside(), join(t, pki, "9999200000020").inside()
	serving := start(t, "serve", "--config", nb.file)
	accept := func(*x509.Certificate, []*x509.Certificate) error { return nil }
	if _, err := libssl.New(libssl.Config{Verify: accept}); errors.Is(err, libssl.ErrNotBuilt) {
		if code := <-serving.code; code != exitFailed || !strings.Contains(serving.out.String(), "was built without OpenSSL's library") {
			t.Errorf("serve: %d %s", code, serving.out.String())
		}
		return
	}
	serving.await("AS4: with TLS at ")
	lf.knows(nb)
	code, out := nb.command("doctor")
	if code != exitOK || !strings.Contains(out, "a message of the test service was sent, received and receipted") {
		t.Errorf("doctor: %d\n%s", code, out)
	}
	st, err := openStore(t.Context(), lf.cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	channel, err := openAS4(t.Context(), lf.cfg, st, zap.NewNop(), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	file, err := fixtures.Read("valid/utilmd-55001.edi")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := channel.node.Send(t.Context(), as4.Message{
		Key: "1", From: lf.mpID, To: nb.mpID, DocumentType: "UTILMD", DocumentNo: "1", Created: time.Now(), Body: bytes.NewReader(file),
	}); err != nil {
		t.Error(err)
	}
}
