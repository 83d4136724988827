package smpki

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"slices"
	"time"

	"github.com/marktbote/marktbote/gateway/as4/brainpool"
)

// maxTries bounds how many certificates are looked at as issuers while a path is built: a sender who fills a path with CAs
// of the same name gets no more work out of us.
const maxTries = 16

// Trust is what an operator trusts. It must not be changed after its first use; make a new one instead. It is safe for
// concurrent use, and remembers good signatures, so it should live as long as its contents stay the same.
type Trust struct {
	// Roots are the trust anchors, as the operator has installed them. A root that is only sent along is no anchor.
	Roots []*x509.Certificate
	// CAs are further certificates to build paths from: those of Sub-CAs, and those of the signers of the roots'
	// revocation lists (SM-Root.CA.CRL-S). They are not trusted but verified like those that are sent.
	CAs []*x509.Certificate
	// Environment is the O of every subject: Production or Test.
	Environment string
	// CRLs has the revocation lists. Without one nothing is valid.
	CRLs CRLs

	memory memory
}

// Verify judges a certificate that a partner has sent, or one of our own: what it is for, whose it is, its dates at the
// instant at, the path to a root, and the revocation of everything below the root. others are the certificates that came
// with it, in any order; an empty list will do where the Sub-CA is configured.
//
// It returns the path with the root in front and the leaf at the end. The error is an *Invalid; of several faults the one
// that is cheapest to find is reported. A revocation list that is overdue by less than three days passes (see StateOf).
func (t *Trust) Verify(leaf *x509.Certificate, others []*x509.Certificate, usage Usage, at time.Time) ([]*x509.Certificate, error) {
	if leaf == nil {
		return nil, errors.New("smpki: no certificate to verify")
	}
	if err := t.checkLeaf(leaf, usage, at); err != nil {
		return nil, err
	}
	search := search{trust: t, others: others, at: at}
	path, err := search.extend([]*x509.Certificate{leaf})
	if err != nil {
		return nil, err
	}
	slices.Reverse(path) // found from the leaf upwards
	for i, c := range path[1:] {
		if err := t.checkRevocation(c, path[i], at); err != nil {
			return nil, err
		}
	}
	return path, nil
}

// checkLeaf checks what can be seen on the certificate of a participant alone.
func (t *Trust) checkLeaf(c *x509.Certificate, usage Usage, at time.Time) error {
	if err := t.checkAny(c, at); err != nil {
		return err
	}
	if err := checkClass(c); err != nil {
		return err
	}
	if _, err := MPID(c); err != nil {
		return err
	}
	if c.IsCA {
		return invalid(BadExtension, c, "it is marked as the certificate of a CA")
	}
	if err := checkUsage(c, usage); err != nil {
		return err
	}
	if pub, ok := brainpoolKey(c); !ok || pub.Curve != brainpool.P256r1() {
		return invalid(BadAlgorithm, c, "its key is %s; only keys on brainpoolP256r1 are allowed", keyName(c))
	}
	return nil
}

// checkCA checks what can be seen on the certificate of a CA alone; below is the number of CAs under it in the path.
//
// Spec: RFC 5280 4.2.1.3, 4.2.1.9
func (t *Trust) checkCA(c *x509.Certificate, below int, at time.Time) error {
	if err := t.checkAny(c, at); err != nil {
		return err
	}
	switch {
	case !c.BasicConstraintsValid || !c.IsCA:
		return invalid(BadExtension, c, "it is used as a CA but is not the certificate of one (basic constraints)")
	case c.KeyUsage&x509.KeyUsageCertSign == 0:
		return invalid(WrongUsage, c, "it is used as a CA but may not sign certificates (key usage)")
	case (c.MaxPathLen > 0 || c.MaxPathLenZero) && c.MaxPathLen < below:
		return invalid(BadExtension, c, "it allows %d CAs below it, the path has %d", c.MaxPathLen, below)
	}
	if _, ok := brainpoolKey(c); !ok {
		return invalid(BadAlgorithm, c, "its key is %s; CAs have keys on brainpoolP256r1, P384r1 or P512r1", keyName(c))
	}
	return nil
}

// checkAny checks what every certificate of the SM-PKI has in common.
func (t *Trust) checkAny(c *x509.Certificate, at time.Time) error {
	if c.Version != 3 {
		return invalid(BadExtension, c, "it has version %d instead of 3", c.Version)
	}
	if err := checkEnvironment(c, t.Environment); err != nil {
		return err
	}
	if hashOf(c.SignatureAlgorithm) == 0 {
		return invalid(BadAlgorithm, c, "it is signed with %s; only ECDSA with SHA-256, SHA-384 or SHA-512 is allowed", c.SignatureAlgorithm)
	}
	for _, e := range c.Extensions {
		if e.Critical && !slices.ContainsFunc(knownExtensions, e.Id.Equal) {
			return invalid(BadExtension, c, "it has the critical extension %s, which is not known here", e.Id)
		}
	}
	return checkDates(c, at)
}

// knownExtensions are the extensions that may be critical: they are evaluated, or say nothing that matters here. Name
// constraints and policy constraints are not used in the SM-PKI and not evaluated.
var knownExtensions = []asn1.ObjectIdentifier{
	{2, 5, 29, 15}, // keyUsage
	{2, 5, 29, 16}, // privateKeyUsagePeriod: binds the holder
	{2, 5, 29, 17}, // subjectAltName
	{2, 5, 29, 18}, // issuerAltName
	{2, 5, 29, 19}, // basicConstraints
	{2, 5, 29, 31}, // cRLDistributionPoints
	{2, 5, 29, 32}, // certificatePolicies: any policy will do
	{2, 5, 29, 37}, // extKeyUsage
}

// checkDates checks the validity at an instant. Both ends belong to it.
//
// Spec: RFC 5280 4.1.2.5
func checkDates(c *x509.Certificate, at time.Time) error {
	if at.Before(c.NotBefore) {
		return invalid(NotYetValid, c, "it is valid from %s on; check the clock if that should be over", instant(c.NotBefore))
	}
	if at.After(c.NotAfter) {
		return invalid(Expired, c, "it has expired on %s; its holder must get a new one", instant(c.NotAfter))
	}
	return nil
}

// search builds one path, depth first.
type search struct {
	trust  *Trust
	others []*x509.Certificate
	at     time.Time
	tries  int
}

// extend continues a path, leaf first, up to a root. If none of the ways leads to one, the error is that of the first way
// that led anywhere.
func (s *search) extend(path []*x509.Certificate) ([]*x509.Certificate, error) {
	last := path[len(path)-1]
	if s.trust.isRoot(last) {
		return path, nil
	}
	if selfSigned(last) {
		return nil, invalid(UnknownIssuer, last, "it has issued itself and is no configured root")
	}
	if len(path) == maxPath {
		return nil, invalid(UnknownIssuer, last, "no root within %d certificates", maxPath)
	}
	var found error
	for _, candidates := range [][]*x509.Certificate{s.trust.Roots, s.trust.CAs, s.others} {
		for _, issuer := range candidates {
			if issuer == nil || !mayHaveIssued(issuer, last) || contains(path, issuer) {
				continue
			}
			if s.tries++; s.tries > maxTries {
				return nil, invalid(UnknownIssuer, last, "no path to a root found among the first %d candidates", maxTries)
			}
			way, err := s.step(path, issuer)
			if err == nil {
				return way, nil
			}
			if found == nil {
				found = err
			}
		}
	}
	if found != nil {
		return nil, found
	}
	return nil, invalid(UnknownIssuer, last, "the certificate of its issuer %q is neither configured nor sent along", shorten(last.Issuer.CommonName))
}

// step goes from the last certificate of a path to one that may have issued it.
func (s *search) step(path []*x509.Certificate, issuer *x509.Certificate) ([]*x509.Certificate, error) {
	last := path[len(path)-1]
	if err := s.trust.checkCA(issuer, len(path)-1, s.at); err != nil {
		return nil, err
	}
	if err := s.trust.memory.verified(issuer, last); err != nil {
		return nil, invalid(BadSignature, last, "%q has not signed it: %v", shorten(issuer.Subject.CommonName), err)
	}
	return s.extend(append(slices.Clip(path), issuer))
}

// selfSigned recognises a certificate that names itself as its issuer. One of the same name whose key identifiers differ
// leads from a new root to the old one.
func selfSigned(c *x509.Certificate) bool {
	return mayHaveIssued(c, c)
}

func (t *Trust) isRoot(c *x509.Certificate) bool { return contains(t.Roots, c) }

func contains(certs []*x509.Certificate, c *x509.Certificate) bool {
	return slices.ContainsFunc(certs, func(x *x509.Certificate) bool { return x != nil && bytes.Equal(x.Raw, c.Raw) })
}

// mayHaveIssued compares names and, where both have one, key identifiers.
//
// Spec: RFC 5280 4.2.1.1
func mayHaveIssued(issuer, c *x509.Certificate) bool {
	return sameName(issuer.RawSubject, c.RawIssuer) &&
		(len(c.AuthorityKeyId) == 0 || len(issuer.SubjectKeyId) == 0 || bytes.Equal(c.AuthorityKeyId, issuer.SubjectKeyId))
}
