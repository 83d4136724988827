package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"

	"github.com/marktbote/marktbote/fixtures"
	"github.com/marktbote/marktbote/gateway/config"
)

// as4House is a gateway of the test: its configuration and, when it runs, its addresses.
type as4House struct {
	mpID, config, base, endpoint string
}

// marktbote runs a command that must succeed.
func marktbote(t *testing.T, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	if code := run(env{t.Context(), strings.NewReader(""), &out, &out}, args); code != exitOK {
		t.Fatalf("marktbote %s: exit code %d: %s", strings.Join(args, " "), code, out.String())
	}
	return out.String()
}

// TestServeAS4: two gateways, set up with commands as an operator does it, exchange an interchange and its
// acknowledgement over AS4.
func TestServeAS4(t *testing.T) {
	t.Parallel()
	pki := filepath.Join(t.TempDir(), "pki")
	if err := pkitoolRun(pki, []string{"9999100000013", "9999200000020"}); err != nil {
		t.Fatal(err)
	}
	houses := []*as4House{{mpID: "9999100000013"}, {mpID: "9999200000020"}}
	for i, h := range houses {
		h.config = writeConfig(t, fmt.Sprintf(`
listen: 127.0.0.1:0
own: [{mp_id: "%s", rolle: %s}]
partners: [{mp_id: "%s", rolle: %s}]
as4:
  trust:
    environment: SM-Test-PKI-DE
    roots: [%[5]s/root.pem]
    cas: [%[5]s/subca.pem, %[5]s/crlsigner.pem]
    crls: [{file: %[5]s/root.crl.pem}, {file: %[5]s/subca.crl.pem}]
  tls: {plain_listen: "127.0.0.1:0"}
`, h.mpID, []string{"LF", "NB"}[i], houses[1-i].mpID, []string{"NB", "LF"}[i], pki))
		marktbote(t, "migrate", "--config", h.config)
		keys := []string{"keys", "import", "--config", h.config}
		for _, usage := range []string{"signature", "encryption", "tls"} {
			keys = append(keys, filepath.Join(pki, h.mpID, usage+".pem"), filepath.Join(pki, h.mpID, usage+".key"))
		}
		marktbote(t, keys...)
		if host := as4HostOf(t, h.config); host != "as4.example" {
			t.Errorf("messages get identities of %q", host)
		}
		marktbote(t, "partners", "add", "9999300000037", "--config", h.config, "--endpoint", "https://msb.example/as4")
		p := start(t, "serve", "--config", h.config)
		h.endpoint = p.await(`AS4: without TLS at (http://127\.0\.0\.1:\d+/as4)`)[1]
		h.base = p.await(`Message log: (http://127\.0\.0\.1:\d+)/`)[1]
		t.Cleanup(p.stop)
	}
	for i, h := range houses {
		other := houses[1-i]
		marktbote(t, "partners", "add", other.mpID, "--config", h.config, "--endpoint", other.endpoint)
		marktbote(t, "partners", "import", "--config", h.config, filepath.Join(pki, other.mpID, "encryption.pem"))
	}
	data, err := fixtures.Read("valid/utilmd-55001.edi")
	if err != nil {
		t.Fatal(err)
	}
	c := client(t)
	res, err := c.Post(houses[0].base+"/v1/interchanges", "application/edifact", bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusCreated && res.StatusCode != http.StatusAccepted && res.StatusCode != http.StatusOK {
		t.Fatalf("handed in: %s", res.Status)
	}
	// The partner has it, and his acknowledgement came back.
	eventually(t, c, houses[1].base+"/", "LB261102000101")
	eventually(t, c, houses[0].base+"/", "APERAK")
	if metrics := get(t, c, houses[0].base+"/metrics"); !strings.Contains(metrics, `as4_sent_total{outcome="receipt",service="MP"} 1`) {
		t.Errorf("metrics: %s", metrics)
	}
	// A test message from the command line.
	if out := marktbote(t, "partners", "test", houses[1].mpID, "--config", houses[0].config); !strings.Contains(out, houses[1].mpID) {
		t.Errorf("partners test: %s", out)
	}
	// The radar speaks of the partner to whom nothing can be encrypted.
	eventually(t, c, houses[0].base+"/events", "de.marktbote.partner.warning")
	if _, err := os.Stat(filepath.Join(filepath.Dir(houses[0].config), "marktbote-data", "tls", "ingress.sock")); err != nil {
		t.Error(err)
	}
}

// as4HostOf returns the host in message identities of a configuration.
func as4HostOf(t *testing.T, file string) (host string) {
	t.Helper()
	cfg, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	st, err := openStore(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	directory, err := openDirectory(t.Context(), cfg, st, zap.NewNop(), nil)
	if err == nil {
		host, err = as4Host(t.Context(), cfg, directory)
	}
	if err := errors.Join(err, st.Close()); err != nil {
		t.Fatal(err)
	}
	return host
}
