package proxy

import (
	"crypto/x509"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestText compares the configuration of nginx with golden files.
func TestText(t *testing.T) {
	t.Parallel()
	const dir = "/var/lib/marktbote/tls"
	at := func(mpID string, names ...string) site {
		base := dir + "/keys/" + mpID + "-0123456789abcdef"
		return site{mpID, names, base + ".crt", base + ".key"}
	}
	for _, x := range []struct {
		golden string
		config Config
		sites  []site
		ipv6   bool
	}{
		{"one.conf", Config{Listen: []string{":443"}, Build: Build{OpenSSL: Version{3, 0, 22}}, User: "marktbote", Group: "marktbote"}, []site{at(lf, lfHost)}, true},
		{"two-openssl35.conf", Config{
			Listen: []string{"192.0.2.1:8443", "[2001:db8::1]:443"}, MaxBodyBytes: 5 << 20,
			Build: Build{OpenSSL: Version{3, 5, 9}, Without: []string{"uwsgi", "scgi", "fastcgi"}},
		}, []site{at(lf, lfHost, "as4.example"), at(nb, nbHost)}, true},
		{"none.conf", Config{Listen: []string{":443"}, Build: Build{OpenSSL: Version{3, 0, 22}}}, nil, false},
	} {
		x.config.Dir, x.config.IngressSocket, x.config.EgressSocket = dir, dir+"/ingress.sock", dir+"/egress.sock"
		got, err := x.config.text(x.sites, dir+"/keys/trusted-0123456789abcdef.pem", x.ipv6)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("testdata", x.golden)
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s (-want +got, -update rewrites):\n%s", x.golden, diff)
		}
	}
}

// TestCheck: nothing gets into the configuration that nginx would read as something else.
func TestCheck(t *testing.T) {
	t.Parallel()
	good := func() Config {
		return Config{
			Dir: "/d", IngressSocket: "/d/i", EgressSocket: "/d/e", Listen: []string{":443"}, Roots: []*x509.Certificate{{}},
			Identities: []Identity{{MPID: lf, ServerNames: []string{lfHost}, Path: []*x509.Certificate{{}}, KeyPEM: []byte("k")}},
		}
	}
	c := good()
	if err := c.check(); err != nil {
		t.Fatal(err)
	}
	second := func(c *Config, mpID, name string) {
		id := c.Identities[0]
		id.MPID, id.ServerNames = mpID, []string{name}
		c.Identities = append(c.Identities, id)
	}
	for want, edit := range map[string]func(*Config){
		`path "d" is not absolute`:              func(c *Config) { c.Dir = "d" },
		`path "/d/$x" is not absolute or`:       func(c *Config) { c.IngressSocket = "/d/$x" },
		`path "/d/\"; x" is not`:                func(c *Config) { c.EgressSocket = `/d/"; x` },
		"no root certificate":                   func(c *Config) { c.Roots = nil },
		"listen: port":                          func(c *Config) { c.Listen = []string{":443 ssl; x"} },
		"is no address of this machine":         func(c *Config) { c.Listen = []string{"as4.example:443"} },
		`user or group "root; x"`:               func(c *Config) { c.User = "root; x" },
		`MP-ID "99991" is no MP-ID`:             func(c *Config) { c.Identities[0].MPID = "99991" },
		`MP-ID "` + lf + `" is no MP-ID or occ`: func(c *Config) { second(c, lf, nbHost) },
		"has no server name":                    func(c *Config) { c.Identities[0].ServerNames = nil },
		`server name "a b"`:                     func(c *Config) { c.Identities[0].ServerNames = []string{"a b"} },
		`server name "~^.*"`:                    func(c *Config) { c.Identities[0].ServerNames = []string{"~^.*"} },
		`server name ""`:                        func(c *Config) { c.Identities[0].ServerNames = []string{""} },
		"stands for " + lf + " and " + nb:       func(c *Config) { second(c, nb, lfHost) },
		"has no TLS certificate or no key":      func(c *Config) { c.Identities[0].KeyPEM = nil },
	} {
		c := good()
		edit(&c)
		if err := c.check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", want, err)
		}
	}
}
