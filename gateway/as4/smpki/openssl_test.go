package smpki_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/marktbote/marktbote/gateway/as4/brainpool"
	"github.com/marktbote/marktbote/gateway/as4/smpki"
)

// shell runs commands in a folder of their own that has an openssl command.
type shell struct {
	t   *testing.T
	dir string
}

func newShell(t *testing.T) shell {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("no openssl command")
	}
	return shell{t, t.TempDir()}
}

// run runs a script; every line must succeed.
func (s shell) run(script string) string {
	s.t.Helper()
	out, err := s.try(script)
	if err != nil {
		s.t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return out
}

func (s shell) try(script string) (string, error) {
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-e", "-c", script)
	cmd.Dir = s.dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (s shell) read(name string) []byte {
	s.t.Helper()
	b, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

func (s shell) write(name string, data []byte) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), data, 0o600); err != nil {
		s.t.Fatal(err)
	}
}

const makeKey = "openssl ecparam -name brainpoolP256r1 -genkey -out key.pem; openssl ec -in key.pem -pubout -outform DER -out pub.der\n"

// spki returns the SubjectPublicKeyInfo of a private key.
func spki(t *testing.T, key *brainpool.PrivateKey) []byte {
	t.Helper()
	pub, ok := key.Public().(*ecdsa.PublicKey)
	if !ok {
		t.Fatalf("public key is a %T", key.Public())
	}
	return smpki.MarshalPublicKey(pub)
}

func TestParseKeyOfOpenSSL(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	s.run(makeKey)
	for name, tt := range map[string]struct{ command, password string }{
		"SEC 1 with parameters":   {"cp key.pem OUT", ""},
		"SEC 1":                   {"openssl ec -in key.pem -out OUT", ""},
		"SEC 1 DER":               {"openssl ec -in key.pem -outform DER -out OUT", ""},
		"SEC 1 no public key":     {"openssl ec -in key.pem -no_public -out OUT", ""},
		"SEC 1 compressed":        {"openssl ec -in key.pem -conv_form compressed -out OUT", ""},
		"PKCS 8":                  {"openssl pkcs8 -topk8 -nocrypt -in key.pem -out OUT", ""},
		"PKCS 8 DER":              {"openssl pkcs8 -topk8 -nocrypt -in key.pem -outform DER -out OUT", ""},
		"after a certificate":     {"openssl req -new -x509 -key key.pem -subj /CN=x > OUT; openssl pkey -in key.pem >> OUT", ""},
		"default":                 {"openssl pkcs8 -topk8 -in key.pem -passout pass:geheim -out OUT", "geheim"},
		"DER":                     {"openssl pkcs8 -topk8 -in key.pem -passout pass:geheim -outform DER -out OUT", "geheim"},
		"AES-128 HMAC-SHA-1":      {"openssl pkcs8 -topk8 -v2 aes-128-cbc -v2prf hmacWithSHA1 -in key.pem -passout pass:geheim -out OUT", "geheim"},
		"AES-192 HMAC-SHA-384":    {"openssl pkcs8 -topk8 -v2 aes-192-cbc -v2prf hmacWithSHA384 -in key.pem -passout pass:geheim -out OUT", "geheim"},
		"AES-256 HMAC-SHA-512":    {"openssl pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA512 -iter 100000 -in key.pem -passout pass:geheim -out OUT", "geheim"},
		"umlauts in the password": {"openssl pkcs8 -topk8 -in key.pem -passout pass:gehörnt -out OUT", "gehörnt"},
		"scrypt":                  {"openssl pkcs8 -topk8 -scrypt -in key.pem -passout pass:geheim -out OUT", "geheim"},
		"PKCS 12 scheme 3DES":     {"openssl pkcs8 -topk8 -v1 PBE-SHA1-3DES -in key.pem -passout pass:geheim -out OUT", "geheim"},
	} {
		t.Run(name, func(t *testing.T) {
			out := strings.ReplaceAll(name, " ", "_")
			s.run(strings.ReplaceAll(tt.command, "OUT", out))
			file := s.read(out)
			var password []byte
			if tt.password != "" {
				password = []byte(tt.password)
				for _, wrong := range [][]byte{nil, {}, []byte("falsch")} {
					if _, err := smpki.ParseKey(file, wrong); !errors.Is(err, smpki.ErrPassword) {
						t.Errorf("password %q: got %v, want ErrPassword", wrong, err)
					}
				}
			}
			key, err := smpki.ParseKey(file, password)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(spki(t, key), s.read("pub.der")) {
				t.Error("another key was read")
			}
		})
	}
}

func TestParseKeyRefuses(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	s.run(makeKey)
	for name, tt := range map[string]struct{ command, want string }{
		"P-256":             {"openssl ecparam -name prime256v1 -genkey -noout -out OUT", "NIST P-256"},
		"P-256 PKCS 8":      {"openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out OUT", "NIST P-256"},
		"P384r1":            {"openssl ecparam -name brainpoolP384r1 -genkey -noout -out OUT", "brainpoolP384r1"},
		"twisted curve":     {"openssl ecparam -name brainpoolP256t1 -genkey -noout -out OUT", "brainpoolP256t1"},
		"explicit curve":    {"openssl ec -in key.pem -param_enc explicit -out OUT", "named_curve"},
		"old encryption":    {"openssl ec -in key.pem -aes256 -passout pass:geheim -out OUT", "openssl pkcs8 -topk8"},
		"RSA":               {"openssl genrsa -traditional -out OUT 2048", "RSA PRIVATE KEY"},
		"RSA PKCS 8":        {"openssl genrsa -out OUT 2048", "brainpoolP256r1"},
		"Ed25519":           {"openssl genpkey -algorithm ed25519 -out OUT", "brainpoolP256r1"},
		"public key":        {"cp pub.der OUT", ""},
		"certificate":       {"openssl req -new -x509 -key key.pem -subj /CN=x -out OUT", "no private key"},
		"nothing":           {": > OUT", "no private key"},
		"too many rounds":   {"openssl pkcs8 -topk8 -iter 5000001 -in key.pem -passout pass:geheim -out OUT", "too many iterations"},
		"too much memory":   {"openssl pkcs8 -topk8 -scrypt -scrypt_N 1048576 -scrypt_r 1 -in key.pem -passout pass:geheim -out OUT", "too much memory"},
		"scheme of PKCS 5":  {"openssl pkcs8 -topk8 -v1 PBE-MD5-DES -provider legacy -provider default -in key.pem -passout pass:geheim -out OUT", "not known here"},
		"cipher not in use": {"openssl pkcs8 -topk8 -v2 camellia128 -in key.pem -passout pass:geheim -out OUT", "not known here"},
	} {
		t.Run(name, func(t *testing.T) {
			out := strings.ReplaceAll(name, " ", "_")
			if text, err := s.try(strings.ReplaceAll(tt.command, "OUT", out)); err != nil {
				t.Skipf("this openssl cannot make it: %s", text)
			}
			if _, err := smpki.ParseKey(s.read(out), []byte("geheim")); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestOpenSSLReadsKeys(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	key, err := brainpool.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	for name, password := range map[string][]byte{"clear": nil, "encrypted": []byte("geheim"), "empty": {}} {
		file, err := smpki.MarshalKey(key, password)
		if err != nil {
			t.Fatal(err)
		}
		s.write(name, file)
		if name != "empty" { // the command asks for more characters
			s.run("openssl pkey -in " + name + " -passin pass:geheim -check -noout; openssl pkey -in " + name + " -passin pass:geheim -pubout -outform DER -out pub.der")
			if !bytes.Equal(s.read("pub.der"), spki(t, key)) {
				t.Errorf("%s: openssl reads another key", name)
			}
		}
		got, err := smpki.ParseKey(file, password)
		if err != nil || !bytes.Equal(got.Scalar(), key.Scalar()) {
			t.Errorf("%s: read back: %v", name, err)
		}
	}
}

// makeTree makes a root, a Sub-CA, a leaf and the lists of both CAs; ROOT, SUB and their hashes are replaced.
const makeTree = `
cat > c.cnf <<'X'
[ca]
default_ca=d
[d]
database=index
crlnumber=number
default_crl_days=7
default_md=default
[root]
basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign,cRLSign
subjectKeyIdentifier=hash
[sub]
basicConstraints=critical,CA:TRUE,pathlen:0
keyUsage=critical,keyCertSign,cRLSign
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
[leaf]
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
subjectAltName=email:a@example.com,URI:https://mp.example:8443/as4
crlDistributionPoints=point
[point]
fullname=@names
[names]
URI.1=ldap://ldap.example/serialNumber=1,cn=Sub.CA,o=SM-Test-PKI-DE,c=DE?certificateRevocationList
URI.2=http://crl.example/sub.crl
X
: > index; echo 01 > number
openssl ecparam -name ROOT -genkey -noout -out root.key
openssl ecparam -name SUB -genkey -noout -out sub.key
openssl ecparam -name brainpoolP256r1 -genkey -noout -out leaf.key
openssl req -new -x509 -key root.key -subj '/C=DE/O=SM-Test-PKI-DE/CN=SM-Test-Root.CA/serialNumber=1' -days 30 -ROOTHASH -config c.cnf -extensions root -out root.pem
openssl req -new -key sub.key -subj '/C=DE/O=SM-Test-PKI-DE/CN=Sub.CA/serialNumber=1' -config c.cnf -out sub.csr
openssl x509 -req -in sub.csr -CA root.pem -CAkey root.key -CAcreateserial -days 20 -ROOTHASH -extfile c.cnf -extensions sub -out sub.pem
openssl req -new -key leaf.key -subj '/C=DE/O=SM-Test-PKI-DE/OU=9900000000001/CN=Netz.EMT.MAKLIEF/serialNumber=2' -config c.cnf -out leaf.csr
openssl x509 -req -in leaf.csr -CA sub.pem -CAkey sub.key -CAcreateserial -days 10 -SUBHASH -extfile c.cnf -extensions leaf -out leaf.pem
openssl ca -config c.cnf -gencrl -md ROOTHASH -cert root.pem -keyfile root.key -out root.crl
openssl ca -config c.cnf -gencrl -md SUBHASH -cert sub.pem -keyfile sub.key -out sub.crl
`

// lists are the revocation lists of CAs by CN.
type lists map[string]*x509.RevocationList

func (l lists) CRL(issuer *x509.Certificate) (*x509.RevocationList, error) {
	if list := l[issuer.Subject.CommonName]; list != nil {
		return list, nil
	}
	return nil, errors.New("no such list")
}

func TestCertificatesOfOpenSSL(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]*strings.Replacer{
		"today": strings.NewReplacer("ROOTHASH", "sha384", "SUBHASH", "sha256", "ROOT", "brainpoolP384r1", "SUB", "brainpoolP256r1"),
		"large": strings.NewReplacer("ROOTHASH", "sha512", "SUBHASH", "sha384", "ROOT", "brainpoolP512r1", "SUB", "brainpoolP384r1"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShell(t)
			s.run(r.Replace(makeTree))
			certificate := func(name string) *x509.Certificate {
				c, err := smpki.ParseCertificates(s.read(name))
				if err != nil || len(c) != 1 {
					t.Fatalf("%s: %d certificates, %v", name, len(c), err)
				}
				return c[0]
			}
			list := func(name string) *x509.RevocationList {
				l, err := smpki.ParseCRL(s.read(name))
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				return l
			}
			leaf, sub := certificate("leaf.pem"), certificate("sub.pem")
			trust := func() *smpki.Trust {
				return &smpki.Trust{
					Roots: []*x509.Certificate{certificate("root.pem")}, Environment: smpki.Test,
					CRLs: lists{"SM-Test-Root.CA": list("root.crl"), "Sub.CA": list("sub.crl")},
				}
			}
			if _, err := trust().Verify(leaf, []*x509.Certificate{sub}, smpki.Signature, time.Now()); err != nil {
				t.Error(err)
			}
			if got := smpki.CRLURLs(leaf); len(got) != 2 || !strings.HasPrefix(got[0], "ldap://ldap.example/serialNumber=1,cn=Sub.CA,") {
				t.Errorf("URLs of the list: %q", got)
			}
			key, err := smpki.ParseKey(s.read("leaf.key"), nil)
			if err != nil || !smpki.Holds(leaf, key) {
				t.Errorf("key of the certificate: %v", err)
			}
			s.run(r.Replace(`openssl ca -config c.cnf -md sha256 -revoke leaf.pem -crl_reason keyCompromise -cert sub.pem -keyfile sub.key
				openssl ca -config c.cnf -gencrl -md SUBHASH -cert sub.pem -keyfile sub.key -out sub.crl`))
			if _, err := trust().Verify(leaf, []*x509.Certificate{sub}, smpki.Signature, time.Now()); reasonOf(err) != smpki.Revoked {
				t.Errorf("revoked: got %v", err)
			}
		})
	}
}

func TestOpenSSLReadsRequests(t *testing.T) {
	t.Parallel()
	s := newShell(t)
	request := smpki.Request{
		Name: "Stadtwerke-Köln", MPID: mpID, Environment: smpki.Test, Counter: "3", Locality: "Köln", PostalCode: "50667",
		Email: "as4@example.com", Endpoint: "https://as4.example:8443/as4",
	}
	for _, usage := range usages {
		key, err := brainpool.GenerateKey()
		if err != nil {
			t.Fatal(err)
		}
		der, err := request.PKCS10(usage, key)
		if err != nil {
			t.Fatal(err)
		}
		s.write("request.der", der)
		text := s.run("openssl req -inform DER -in request.der -verify -noout -text -nameopt utf8,sep_comma_plus")
		want := []string{"OU=9900000000001", "CN=Stadtwerke-Köln.EMT.MAK", "O=SM-Test-PKI-DE", "L=Köln", "serialNumber=3",
			"email:as4@example.com", "URI:https://as4.example:8443/as4", "brainpoolP256r1", "ecdsa-with-SHA256"}
		switch usage {
		case smpki.Encryption:
			want = append(want, "Key Encipherment, Key Agreement")
		case smpki.TLS:
			want = append(want, "TLS Web Server Authentication, TLS Web Client Authentication", "DNS:as4.example")
			fallthrough
		case smpki.Signature:
			want = append(want, "Digital Signature")
		}
		for _, w := range want {
			if !strings.Contains(text, w) {
				t.Errorf("%s: no %q in\n%s", usage, w, text)
			}
		}
	}
}
