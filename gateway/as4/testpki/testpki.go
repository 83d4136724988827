// Package testpki makes an SM-PKI for tests on the fly: a root, its signer of revocation lists, a Sub-CA, triples for any
// MP-ID, revocation lists, and certificates that are broken in exactly one way.
//
//	p, err := testpki.New()
//	lieferant, err := p.Triple("9900000000001", "lieferant.example")
//	path, err := p.Trust().Verify(lieferant.Signature.Certificate, nil, smpki.Signature, time.Now())
//
// The default is the PKI of today: root on brainpoolP384r1 with SHA-384, Sub-CA on brainpoolP256r1 with SHA-256. Large gives
// the one after the change of the root: brainpoolP512r1 with SHA-512 and brainpoolP384r1 with SHA-384. The O of all subjects
// is SM-Test-PKI-DE unless an option says otherwise, so that nothing made here is taken for real.
//
// Nothing outside the program is needed. WriteDir writes files for other software.
package testpki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"math/big"
	"sync"
	"time"

	"github.com/marktbote/marktbote/gateway/as4/brainpool"
	"github.com/marktbote/marktbote/gateway/as4/smpki"
)

// PKI is one root with what hangs on it. It is safe for concurrent use.
type PKI struct {
	Root      *x509.Certificate
	CRLSigner *x509.Certificate // has signed the revocation list of the root, which is an indirect one
	SubCA     *x509.Certificate

	options options
	rootKey, signerKey,
	subKey crypto.Signer

	mu      sync.Mutex
	serial  int64
	revoked map[*x509.Certificate][]x509.RevocationListEntry // by CA
	lists   map[*x509.Certificate]*x509.RevocationList
}

// Triple is the certificates of one MP-ID with their keys.
type Triple struct{ Signature, Encryption, TLS Pair }

// Pair is a certificate and its key.
type Pair struct {
	Certificate *x509.Certificate
	Key         *brainpool.PrivateKey
	Path        []*x509.Certificate // issuer first, leaf last, without the root: what is sent
	Foreign     crypto.Signer       // the key if it is not on brainpoolP256r1; Key is nil then
}

type options struct {
	large          bool
	direct         bool
	environment    string
	now            func() time.Time
	rootCRL, caCRL []string
	rootCN, caName string
}

// Option changes what New makes.
type Option func(*options)

// Large makes the PKI after the change of the root: root brainpoolP512r1/SHA-512, Sub-CA brainpoolP384r1/SHA-384.
func Large() Option { return func(o *options) { o.large = true } }

// Environment sets the O of all subjects instead of SM-Test-PKI-DE.
func Environment(o string) Option { return func(opt *options) { opt.environment = o } }

// Clock sets the clock by which validities and lists are dated, instead of time.Now.
func Clock(now func() time.Time) Option { return func(o *options) { o.now = now } }

// SubCAName sets the CN of the Sub-CA instead of Example.CA.
func SubCAName(cn string) Option { return func(o *options) { o.caName = cn } }

// DistributionPoints sets the URLs of the revocation lists, of the root's and of the Sub-CA's.
func DistributionPoints(root, subCA string) Option {
	return func(o *options) { o.rootCRL, o.caCRL = []string{root}, []string{subCA} }
}

// DirectRootList lets the root sign its list itself. Software that cannot read indirect lists needs it, nginx for one.
func DirectRootList() Option { return func(o *options) { o.direct = true } }

// New makes a PKI. It takes some ten milliseconds.
func New(opts ...Option) (*PKI, error) {
	o := options{environment: smpki.Test, now: time.Now, caName: "Example.CA"}
	for _, opt := range opts {
		opt(&o)
	}
	p := &PKI{
		options: o,
		revoked: map[*x509.Certificate][]x509.RevocationListEntry{},
		lists:   map[*x509.Certificate]*x509.RevocationList{},
	}
	rootName := o.rootCN
	switch {
	case rootName != "":
	case o.environment == smpki.Production:
		rootName = "SM-Root.CA"
	default:
		rootName = "SM-Test-Root.CA"
	}
	if o.rootCRL == nil {
		p.options.rootCRL = []string{"ldap://ldap.invalid/cn=" + rootName + ",o=" + o.environment + ",c=DE?certificateRevocationList"}
		p.options.caCRL = []string{"ldap://ldap.invalid/cn=" + o.caName + ",o=" + o.environment + ",c=DE?certificateRevocationList"}
	}
	curve, subCurve := brainpool.P384r1(), brainpool.P256r1()
	if o.large {
		curve, subCurve = brainpool.P512r1(), brainpool.P384r1()
	}
	var err error
	if p.rootKey, err = ecdsa.GenerateKey(curve, rand.Reader); err != nil {
		return nil, fmt.Errorf("testpki: %w", err)
	}
	if p.signerKey, err = ecdsa.GenerateKey(curve, rand.Reader); err != nil {
		return nil, fmt.Errorf("testpki: %w", err)
	}
	if o.large {
		p.subKey, err = ecdsa.GenerateKey(subCurve, rand.Reader)
	} else {
		p.subKey, err = brainpool.GenerateKey()
	}
	if err != nil {
		return nil, fmt.Errorf("testpki: %w", err)
	}
	now := o.now()
	root := draft{
		subject: caName(rootName, o.environment), key: p.rootKey.Public(), serial: p.nextSerial(),
		notBefore: now.AddDate(-1, 0, 0), notAfter: now.AddDate(9, 0, 0),
		extensions: caExtensions(-1),
	}
	if p.Root, err = root.selfSigned(p.rootKey); err != nil {
		return nil, err
	}
	point := distributionPoint{urls: p.options.rootCRL}
	if !o.direct {
		point.issuer = caName(rootName+".CRL-S", o.environment)
	}
	signer := draft{
		subject: caName(rootName+".CRL-S", o.environment), key: p.signerKey.Public(), serial: p.nextSerial(),
		notBefore: now.AddDate(-1, 0, 0), notAfter: now.AddDate(4, 0, 0),
		extensions: append(crlSignerExtensions(), point.extension()),
	}
	if p.CRLSigner, err = signer.signedBy(p.Root, p.rootKey); err != nil {
		return nil, err
	}
	sub := draft{
		subject: caName(o.caName, o.environment), key: p.subKey.Public(), serial: p.nextSerial(),
		notBefore: now.AddDate(0, -6, 0), notAfter: now.AddDate(5, 0, 0),
		extensions: append(caExtensions(0), point.extension()),
	}
	if p.SubCA, err = sub.signedBy(p.Root, p.rootKey); err != nil {
		return nil, err
	}
	return p, nil
}

// nextSerial returns an unused serial number of 16 octets, as CAs choose them: a random part and a counter.
func (p *PKI) nextSerial() *big.Int {
	p.mu.Lock()
	p.serial++
	n := p.serial
	p.mu.Unlock()
	b := make([]byte, 16)
	_, _ = rand.Read(b[:12]) // never fails
	b[0] = b[0]&0x3f | 0x40  // positive and of full length
	return new(big.Int).Add(new(big.Int).SetBytes(b), big.NewInt(n))
}

// Trust trusts the root; Sub-CA, signer and revocation lists are configured.
func (p *PKI) Trust() *smpki.Trust {
	return &smpki.Trust{
		Roots:       []*x509.Certificate{p.Root},
		CAs:         []*x509.Certificate{p.SubCA, p.CRLSigner},
		Environment: p.options.environment,
		CRLs:        p,
	}
}

// leaf is what is made for a participant.
type leaf struct {
	request             smpki.Request
	notBefore, notAfter time.Time
}

// LeafOption changes what a certificate of a participant says.
type LeafOption func(*leaf)

// Valid sets the validity instead of one hour ago to two years from now.
func Valid(notBefore, notAfter time.Time) LeafOption {
	return func(l *leaf) { l.notBefore, l.notAfter = notBefore, notAfter }
}

// Endpoint sets the URL for messages instead of https://<host>/as4. Its host is the DNS name of the TLS certificate.
func Endpoint(url string) LeafOption { return func(l *leaf) { l.request.Endpoint = url } }

// Name sets the first part of the CN instead of MP<MP-ID>.
func Name(name string) LeafOption { return func(l *leaf) { l.request.Name = name } }

// Counter sets the serialNumber in the subject, which a holder counts up with every new triple.
func Counter(n string) LeafOption { return func(l *leaf) { l.request.Counter = n } }

func (p *PKI) leaf(mpID, host string, opts []LeafOption) leaf {
	now := p.options.now()
	l := leaf{
		request: smpki.Request{
			Name: "MP" + mpID, MPID: mpID, Environment: p.options.environment,
			Email: "as4@example.com", Endpoint: "https://" + host + "/as4",
		},
		notBefore: now.Add(-time.Hour),
		notAfter:  now.AddDate(2, 0, 0),
	}
	for _, opt := range opts {
		opt(&l)
	}
	return l
}

// Triple issues a triple to an MP-ID of 13 digits. host is a DNS name, with or without a port. Each call makes new keys and
// certificates; those of an earlier call stay valid.
func (p *PKI) Triple(mpID, host string, opts ...LeafOption) (Triple, error) {
	var t Triple
	for usage, pair := range t.byUsage() {
		var err error
		if *pair, err = p.Pair(usage, mpID, host, opts...); err != nil {
			return Triple{}, err
		}
	}
	return t, nil
}

// byUsage yields the places of a triple.
func (t *Triple) byUsage() func(yield func(smpki.Usage, *Pair) bool) {
	return func(yield func(smpki.Usage, *Pair) bool) {
		_ = yield(smpki.Signature, &t.Signature) && yield(smpki.Encryption, &t.Encryption) && yield(smpki.TLS, &t.TLS)
	}
}

// Pair issues one certificate of a triple.
func (p *PKI) Pair(usage smpki.Usage, mpID, host string, opts ...LeafOption) (Pair, error) {
	key, err := brainpool.GenerateKey()
	if err != nil {
		return Pair{}, fmt.Errorf("testpki: %w", err)
	}
	d, err := p.draft(usage, key.Public(), p.leaf(mpID, host, opts))
	if err != nil {
		return Pair{}, err
	}
	c, err := d.signedBy(p.SubCA, p.subKey)
	if err != nil {
		return Pair{}, err
	}
	return Pair{Certificate: c, Key: key, Path: []*x509.Certificate{p.SubCA, c}}, nil
}

// draft makes the draft of a leaf certificate as the rules want it.
func (p *PKI) draft(usage smpki.Usage, key crypto.PublicKey, l leaf) (draft, error) {
	subject, err := l.request.Subject()
	if err != nil {
		return draft{}, err
	}
	extensions, err := l.request.Extensions(usage)
	if err != nil {
		return draft{}, err
	}
	point := distributionPoint{urls: p.options.caCRL}
	return draft{
		subject: subject, key: key, serial: p.nextSerial(), notBefore: l.notBefore, notAfter: l.notAfter,
		extensions: append(extensions, append(leafExtensions(p.options.environment), point.extension())...),
	}, nil
}
