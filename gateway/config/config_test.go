package config

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.yaml.in/yaml/v3"

	"github.com/marktbote/marktbote/gateway/route"
)

// read returns the test files that match.
func read(t testing.TB, pattern string) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(names) == 0 {
		t.Fatalf("%s: %v, %v", pattern, names, err)
	}
	files := map[string][]byte{}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = data
	}
	return files
}

func TestGood(t *testing.T) {
	t.Parallel()
	for name := range read(t, "*.good.yml") {
		if _, err := Load(name); err != nil {
			t.Error(err)
		}
	}
}

// TestBad compares the error with line 1 of the file, which is a comment.
func TestBad(t *testing.T) {
	t.Parallel()
	for name, data := range read(t, "*.bad.yml") {
		line, _, _ := bytes.Cut(data, []byte("\n"))
		want, ok := strings.CutPrefix(string(line), "# ")
		if !ok {
			t.Errorf("%s: line 1 is not the expected message", name)
			continue
		}
		_, err := Load(name)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "config: "+name+": ") {
			t.Errorf("%s:\n got %v\nwant %s", name, err, want)
		}
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	got, err := Parse(nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Default(), got); diff != "" {
		t.Errorf("an empty file (-default +got):\n%s", diff)
	}
}

func TestValues(t *testing.T) {
	t.Parallel()
	got, err := Load(filepath.Join("testdata", "full.good.yml"))
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		DataDir: "/var/lib/marktbote", Listen: "127.0.0.1:9000", AcceptTests: true, MaxInterchangeBytes: 1 << 20, MaxMessageBytes: 1 << 16,
		AssignmentFile: filepath.Join("testdata", "uebersicht.txt"),
		Own: []Party{
			{MPID: "9999100000013", Rolle: "LF", Name: "Lichtbogen Energievertrieb", CompleteSince: "2026-10-01"},
			{MPID: "9899100000015", Rolle: "LF", Name: "Lichtbogen Gas"},
		},
		Partners: []Party{{MPID: "9999200000020", Rolle: "NB", Name: "Netz Musterbach"}},
		AS4:      AS4{Trust: Trust{Environment: "SM-PKI-DE"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	number, err := Load(filepath.Join("testdata", "number.good.yml"))
	if err != nil || number.Own[0].MPID != "0399100000013" {
		t.Errorf("MP-ID without quotation marks: %+v, %v", number.Own, err)
	}
}

func TestCompleteSince(t *testing.T) {
	t.Parallel()
	c, err := Load(filepath.Join("testdata", "full.good.yml"))
	if err != nil {
		t.Fatal(err)
	}
	if since, ok := c.CompleteSince("9999100000013"); !ok || !since.Equal(time.Date(2026, 9, 30, 22, 0, 0, 0, time.UTC)) {
		t.Errorf("%v, %v", since, ok)
	}
	for _, id := range []string{"9899100000015", "9999200000020", "9999300000037"} {
		if since, ok := c.CompleteSince(id); ok {
			t.Errorf("%s: %v", id, since)
		}
	}
}

func TestParties(t *testing.T) {
	t.Parallel()
	c, err := Load(filepath.Join("testdata", "full.good.yml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		id           string
		own, partner bool
		rolle        string
	}{
		{"9999100000013", true, true, "LF"},
		{"9999200000020", false, true, "NB"},
		{"9999300000037", false, false, ""},
		{"", false, false, ""},
	} {
		if c.IsOwn(x.id) != x.own || c.IsPartner(x.id) != x.partner || c.Rolle(x.id) != x.rolle {
			t.Errorf("%q: own %v, partner %v, role %q", x.id, c.IsOwn(x.id), c.IsPartner(x.id), c.Rolle(x.id))
		}
	}
	open := Default()
	if !open.IsOwn("9999300000037") || !open.IsPartner("9999300000037") {
		t.Error("without lists everybody is known")
	}
}

// TestSystems: paths count from the folder of the file, and the list of objects is read.
func TestSystems(t *testing.T) {
	t.Parallel()
	c, err := Load(filepath.Join("testdata", "systems.good.yml"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Pickup{{Dir: filepath.Join("testdata", "ausgang"), Number: true}, {Dir: "/srv/ausgang"}}
	if diff := cmp.Diff(want, c.Pickup); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if d := c.Destinations; d[0].TokenFile != filepath.Join("testdata", "crm.token") || d[2].Directory != filepath.Join("testdata", "archiv") {
		t.Errorf("destinations %+v", d)
	}
	table := c.Table()
	if to, rule := table.Decide(route.Facts{Rolle: "LF", PID: "55013"}); rule != 1 || strings.Join(to, " ") != "crm archive" {
		t.Errorf("%v by rule %d", to, rule)
	}
	if to, _ := table.Decide(route.Facts{Object: "malo/90000000027"}); strings.Join(to, " ") != "crm archive" {
		t.Errorf("object to %v", to)
	}
}

// TestTrust: a relative path counts from the folder of the file.
func TestTrust(t *testing.T) {
	t.Parallel()
	c, err := Load(filepath.Join("testdata", "as4.good.yml"))
	if err != nil {
		t.Fatal(err)
	}
	want := Trust{
		Environment: "SM-Test-PKI-DE", Roots: []string{"testdata/root.pem", "/etc/marktbote/root2.pem"}, CAs: []string{"testdata/sub.pem"},
		CRLs: []CRLSource{{File: "testdata/sub.crl"}, {URL: "ldap://ldap.example/cn=Beispiel.CA,o=SM-Test-PKI-DE,c=DE?certificateRevocationList"}},

		Directories: []LDAPDirectory{{URL: "ldaps://ldap.example", Base: "o=SM-Test-PKI-DE,c=DE"}},
	}
	if diff := cmp.Diff(want, c.AS4.Trust); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestDataDir: a relative path counts from the folder of the file.
func TestDataDir(t *testing.T) {
	t.Parallel()
	c, err := Load(filepath.Join("testdata", "empty.good.yml"))
	if want := filepath.Join("testdata", "marktbote-data"); err != nil || c.DataDir != want {
		t.Errorf("data_dir %s, %v, want %s", c.DataDir, err, want)
	}
}

// TestStore: the place of the store, a file counts from the folder of the configuration.
func TestStore(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"empty.good.yml": "testdata/marktbote-data/marktbote.db", "storefile.good.yml": "testdata/kept/store.db", "store.good.yml": "",
	} {
		c, err := Load(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		if file, isFile := c.StoreFile(); filepath.ToSlash(file) != want || isFile != (want != "") {
			t.Errorf("%s: store in %q, %v, want %q", name, file, isFile, want)
		}
	}
}

func TestFile(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "large.yml")
	if _, err := Load(name); err == nil || !strings.Contains(err.Error(), name) {
		t.Errorf("no file: %v", err)
	}
	if err := os.WriteFile(name, bytes.Repeat([]byte("# much\n"), maxFile/7+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(name); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("large file: %v", err)
	}
}

// FuzzParse: no input panics, and what is accepted holds what Validate promises and survives being written.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"*.good.yml", "*.bad.yml"} {
		for _, data := range read(f, pattern) {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse(data)
		if err != nil {
			return
		}
		if err := c.Validate(); err != nil {
			t.Errorf("accepted, but: %v", err)
		}
		if c.DataDir == "" || c.MaxInterchangeBytes < 1 || c.MaxMessageBytes < 1 {
			t.Errorf("accepted: %+v", c)
		}
		text, err := yaml.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(text)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if diff := cmp.Diff(c, again, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("written and read (-want +got):\n%s", diff)
		}
	})
}

func TestTLS(t *testing.T) {
	t.Parallel()
	c, err := Load(filepath.Join("testdata", "tls.good.yml"))
	if err != nil {
		t.Fatal(err)
	}
	got := c.AS4.TLS.WithDefaults(c.DataDir)
	want := TLS{
		Listen: []string{":443", "[::1]:8443"}, Dir: filepath.Join("testdata", "tls"),
		IngressSocket: filepath.Join("testdata", "tls", "ingress.sock"), EgressSocket: filepath.Join("testdata", "tls", "egress.sock"),
		ServerNames: map[string][]string{"9999100000013": {"as4-9999100000013.example", "as4.example"}},
		Nginx:       "nginx", OpenSSL: "openssl", PlainListen: "127.0.0.1:8471",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if d := (TLS{}).WithDefaults("/var/lib/marktbote"); d.Dir != "/var/lib/marktbote/tls" || d.Listen[0] != ":443" {
		t.Errorf("defaults %+v", d)
	}
}
