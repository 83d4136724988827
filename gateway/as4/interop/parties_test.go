package interop

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/marktbote/marktbote/gateway/as4/smpki"
	"github.com/marktbote/marktbote/gateway/as4/testpki"
)

// The two partners of the tests.
const (
	us   = "9900000000001" // Marktbote
	them = "9800000000002" // foreign software

	host = "localhost" // of both
)

// parties is the test PKI of a run: both partners, and those that must be refused in the name of either.
type parties struct {
	dir    string // as testdata/pki/make.sh writes it
	pki    *testpki.PKI
	triple map[string]testpki.Triple          // by MP-ID
	broken map[string]map[string]testpki.Pair // signature certificates by MP-ID and by what is wrong with them
}

// The certificates that must be refused, by their name in the directory without the MP-ID.
var flaws = map[string]testpki.Flaw{
	"revoked": testpki.Revoked, "expired": testpki.Expired, "wrong-class": testpki.WrongClass, "foreign-root": testpki.ForeignRoot,
}

// thePKI makes the PKI of today once, because a process of foreign software serves many tests.
var thePKI = sync.OnceValues(func() (*parties, error) { return newParties() })

func newParties(o ...testpki.Option) (*parties, error) {
	dir, err := os.MkdirTemp("", "interop-pki")
	if err != nil {
		return nil, err
	}
	// The JDK reads no indirect list of the root.
	pki, err := testpki.New(append(o, testpki.DirectRootList())...)
	if err != nil {
		return nil, err
	}
	p := &parties{dir: dir, pki: pki, triple: map[string]testpki.Triple{}, broken: map[string]map[string]testpki.Pair{}}
	for _, mpID := range []string{us, them} {
		t, err := pki.Triple(mpID, host)
		if err != nil {
			return nil, err
		}
		p.triple[mpID], p.broken[mpID] = t, map[string]testpki.Pair{}
		for name, flaw := range flaws {
			if p.broken[mpID][name], err = pki.Broken(flaw, smpki.Signature, mpID, host); err != nil {
				return nil, err
			}
		}
		if p.broken[mpID]["wrong-ou"], err = pki.Pair(smpki.Signature, "9900000000099", host); err != nil {
			return nil, err
		}
	}
	return p, p.write()
}

func partners(t *testing.T) *parties {
	t.Helper()
	p, err := thePKI()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// write writes the PKI for the foreign side.
func (p *parties) write() error {
	files := map[string][]byte{"root.pem": certificates(p.pki.Root)}
	for name, issuer := range map[string]*x509.Certificate{"root": p.pki.Root, "sub": p.pki.SubCA} {
		list, err := p.pki.CRL(issuer)
		if err != nil {
			return err
		}
		files["crl/"+name+".pem"] = pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: list.Raw})
	}
	pair := func(name string, pair testpki.Pair) error {
		key, err := smpki.MarshalKey(pair.Key, nil)
		if err != nil {
			return err
		}
		leafFirst := []*x509.Certificate{pair.Certificate}
		for i := len(pair.Path) - 2; i >= 0; i-- {
			leafFirst = append(leafFirst, pair.Path[i])
		}
		files[name+".pem"], files[name+".key"] = certificates(leafFirst...), key
		return nil
	}
	for mpID, t := range p.triple {
		if err := pair(mpID+"/signature", t.Signature); err != nil {
			return err
		}
		if err := pair(mpID+"/encryption", t.Encryption); err != nil {
			return err
		}
		if err := pair(mpID+"/tls", t.TLS); err != nil {
			return err
		}
		for name, b := range p.broken[mpID] {
			if err := pair(mpID+"-"+name+"/signature", b); err != nil {
				return err
			}
		}
	}
	for name, data := range files {
		file := filepath.Join(p.dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(file, data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func certificates(list ...*x509.Certificate) (b []byte) {
	for _, c := range list {
		b = append(b, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return b
}
