package smpki

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/cryptobyte"
	casn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// NOTE. Who may sign the list of a CA:
//
//   - the CA itself, with the key usage cRLSign;
//   - a certificate that this CA has issued for nothing else: key usage cRLSign, no CA. The root of the SM-PKI does it so
//     (SM-Root.CA.CRL-S). That it is no CA matters: a Sub-CA signs lists too, and its list must not pass for the root's.
//
// A list of the second kind may be an indirect one, whose entries name the issuer of the certificate they are about. An
// entry without a name is taken to be about certificates of the CA whose list this is: to refuse too much is the safe side.

// CRLTolerance is how long an overdue list may still be used: three days after its nextUpdate. Then the CA and everything
// below it is distrusted.
//
// Spec: Regelungen zum Übertragungsweg AS4 2.0, 5.4
const CRLTolerance = 3 * 24 * time.Hour

// maxCRLBytes bounds a revocation list. A Sub-CA that serves a million meters has lists of some MiB.
const maxCRLBytes = 16 << 20

// CRLs has the revocation lists that were fetched. CRL returns the newest one kept for a CA, an error if there is none. It
// must return the same pointer as long as the list is the same, and the list must not be changed: what was checked about it
// is remembered by the pointer. It is called concurrently.
type CRLs interface {
	CRL(issuer *x509.Certificate) (*x509.RevocationList, error)
}

// CRLState is how far a revocation list can be relied on at an instant.
type CRLState int

// The states of a revocation list.
const (
	CRLFresh      CRLState = iota // before its nextUpdate
	CRLStale                      // overdue by at most three days: used, with an alarm
	CRLDistrusted                 // longer overdue, or without a date: the CA is distrusted
)

// String returns "ok", "stale" or "distrusted".
func (s CRLState) String() string {
	switch s {
	case CRLFresh:
		return "ok"
	case CRLStale:
		return "stale"
	}
	return "distrusted"
}

// StateOf returns the state of a list at an instant. It looks at the dates only. That the list is dated after the instant
// is no fault: it then knows more than one of that time.
func StateOf(list *x509.RevocationList, at time.Time) CRLState {
	switch {
	case list.NextUpdate.IsZero():
		return CRLDistrusted
	case !at.After(list.NextUpdate):
		return CRLFresh
	case !at.After(list.NextUpdate.Add(CRLTolerance)):
		return CRLStale
	}
	return CRLDistrusted
}

// ParseCRL reads a revocation list, in DER or PEM, of at most 16 MiB. Only its form is checked; CheckCRL checks the rest.
func ParseCRL(data []byte) (*x509.RevocationList, error) {
	if len(data) > maxCRLBytes {
		return nil, fmt.Errorf("smpki: revocation list of %d bytes, at most %d are read", len(data), maxCRLBytes)
	}
	if len(data) > 0 && data[0] != 0x30 {
		block, _ := pem.Decode(data)
		if block == nil || block.Type != "X509 CRL" {
			return nil, errors.New("smpki: no revocation list in PEM or DER")
		}
		data = block.Bytes
	}
	input := cryptobyte.String(data)
	var list cryptobyte.String
	if !input.ReadASN1(&list, casn1.SEQUENCE) || !input.Empty() || !list.SkipASN1(casn1.SEQUENCE) ||
		!list.SkipASN1(casn1.SEQUENCE) || !list.SkipASN1(casn1.BIT_STRING) || !list.Empty() {
		return nil, errors.New("smpki: malformed revocation list")
	}
	return x509.ParseRevocationList(bytes.Clone(data))
}

// CRLURLs returns where the revocation list that covers a certificate can be fetched: the http, https, ldap and ldaps URLs
// of its distribution points, as they are written there and in that order.
func CRLURLs(c *x509.Certificate) []string {
	var urls []string
	for _, s := range c.CRLDistributionPoints {
		scheme, _, _ := strings.Cut(s, ":")
		switch strings.ToLower(scheme) {
		case "http", "https", "ldap", "ldaps":
			urls = append(urls, s)
		}
	}
	return urls
}

// CheckCRL checks that a list is one of the given CA: who has signed it, and that it is complete. It does not look at the
// age of the list; StateOf does. A new list should pass it before it replaces an old one. The error is an *Invalid with the
// reason BadCRL.
func (t *Trust) CheckCRL(list *x509.RevocationList, issuer *x509.Certificate, at time.Time) error {
	_, err := t.checkedCRL(list, issuer, at)
	return err
}

// checkRevocation looks a certificate up in the list of its issuer.
func (t *Trust) checkRevocation(c, issuer *x509.Certificate, at time.Time) error {
	ca := shorten(issuer.Subject.CommonName)
	if t.CRLs == nil {
		return invalid(RevocationUnknown, c, "there are no revocation lists; fetch that of %q", ca)
	}
	list, err := t.CRLs.CRL(issuer)
	if err == nil && list == nil {
		err = errors.New("none is kept")
	}
	if err != nil {
		return invalid(RevocationUnknown, c, "there is no revocation list of %q: %v", ca, err)
	}
	checked, err := t.checkedCRL(list, issuer, at)
	if err != nil {
		return err
	}
	if StateOf(list, at) == CRLDistrusted {
		return invalid(RevocationTooOld, issuer, "its revocation list was to be replaced on %s and is more than three days overdue: "+
			"this CA and all its certificates are distrusted until a new list is fetched", instant(list.NextUpdate))
	}
	if why := checked.uncovered(c); why != "" {
		return invalid(RevocationUnknown, c, "the revocation list of %q does not cover it: %s", ca, why)
	}
	if entry := checked.entry(c); entry != nil {
		return invalid(Revoked, c, "it was revoked on %s (%s)", instant(entry.RevocationTime), reasonText(entry.ReasonCode))
	}
	return nil
}

// reasonText names the reason code of an entry.
//
// Spec: RFC 5280 5.3.1
func reasonText(code int) string {
	names := []string{"no reason given", "key compromise", "CA compromise", "affiliation changed", "superseded",
		"cessation of operation", "certificate hold", "", "remove from CRL", "privilege withdrawn", "AA compromise"}
	if code >= 0 && code < len(names) && names[code] != "" {
		return names[code]
	}
	return fmt.Sprintf("reason %d", code)
}

// crl is a list of which form and signature were checked, with an index.
type crl struct {
	list   *x509.RevocationList
	signer *x509.Certificate // who has signed it: the CA itself or its signer of lists
	scope  crlScope
	order  []int32  // the entries by serial number
	about  [][]byte // DER of the name of the CA that each entry is about; nil if none names one
}

// checkedCRL checks a list or remembers that it was checked. Of each CA the last list is remembered.
func (t *Trust) checkedCRL(list *x509.RevocationList, issuer *x509.Certificate, at time.Time) (*crl, error) {
	key := sha256.Sum256(issuer.Raw)
	t.memory.mu.Lock()
	known := t.memory.lists[key]
	t.memory.mu.Unlock()
	if known == nil || known.list != list {
		var err error
		if known, err = t.readCRL(list, issuer); err != nil {
			return nil, err
		}
		t.memory.mu.Lock()
		if t.memory.lists == nil || len(t.memory.lists) >= maxLists {
			t.memory.lists = map[[sha256.Size]byte]*crl{}
		}
		t.memory.lists[key] = known
		t.memory.mu.Unlock()
	}
	if known.signer != issuer {
		if err := t.checkAny(known.signer, at); err != nil {
			return nil, badCRL(issuer, "its signer cannot be used: %v", err)
		}
	}
	return known, nil
}

func badCRL(issuer *x509.Certificate, format string, args ...any) *Invalid {
	return invalid(BadCRL, issuer, "its revocation list cannot be used: "+format, args...)
}

func (t *Trust) readCRL(list *x509.RevocationList, issuer *x509.Certificate) (*crl, error) {
	signer, err := t.crlSigner(list, issuer)
	if err != nil {
		return nil, err
	}
	if list.NextUpdate.IsZero() {
		return nil, badCRL(issuer, "it does not say when the next one comes")
	}
	c := &crl{list: list, signer: signer}
	for _, e := range list.Extensions {
		switch {
		case e.Id.Equal(oidIssuingDistributionPoint):
			if c.scope, err = parseIssuingDistributionPoint(e.Value); err != nil {
				return nil, badCRL(issuer, "%v", err)
			}
		case e.Id.Equal(oidDeltaCRLIndicator):
			return nil, badCRL(issuer, "it is a delta list")
		case e.Critical:
			return nil, badCRL(issuer, "it has the critical extension %s, which is not known here", e.Id)
		}
	}
	switch {
	case c.scope.someReasons:
		return nil, badCRL(issuer, "it covers some reasons of revocation only")
	case c.scope.attributeCerts:
		return nil, badCRL(issuer, "it covers attribute certificates only")
	}
	entries := list.RevokedCertificateEntries
	c.order = make([]int32, len(entries))
	var about []byte // an entry is about the same CA as the entry before it unless it names one
	for i, e := range entries {
		c.order[i] = int32(i)
		for _, x := range e.Extensions {
			switch {
			case x.Id.Equal(oidCertificateIssuer):
				if about, err = directoryName(x.Value); err != nil {
					return nil, badCRL(issuer, "entry %d: %v", i+1, err)
				}
			case x.Critical && !x.Id.Equal(oidReasonCode):
				return nil, badCRL(issuer, "entry %d has the critical extension %s, which is not known here", i+1, x.Id)
			}
		}
		if about != nil && c.about == nil {
			c.about = make([][]byte, len(entries))
		}
		if about != nil {
			c.about[i] = about
		}
	}
	slices.SortFunc(c.order, func(a, b int32) int { return entries[a].SerialNumber.Cmp(entries[b].SerialNumber) })
	return c, nil
}

// crlSigner finds the certificate whose key has signed a list.
func (t *Trust) crlSigner(list *x509.RevocationList, issuer *x509.Certificate) (*x509.Certificate, error) {
	own := sameName(list.RawIssuer, issuer.RawSubject)
	var tried []string
	var last error
	for _, c := range append([]*x509.Certificate{issuer}, t.CAs...) {
		switch {
		case c == nil || c.KeyUsage&x509.KeyUsageCRLSign == 0 || !own && !sameName(list.RawIssuer, c.RawSubject):
			continue
		case len(list.AuthorityKeyId) > 0 && len(c.SubjectKeyId) > 0 && !bytes.Equal(list.AuthorityKeyId, c.SubjectKeyId):
			continue
		case c != issuer && (c.IsCA || !mayHaveIssued(issuer, c)):
			continue
		}
		if len(tried) == maxTries {
			break
		}
		tried = append(tried, shorten(c.Subject.CommonName))
		if c != issuer {
			if err := t.memory.verified(issuer, c); err != nil {
				last = fmt.Errorf("certificate of the signer: %w", err)
				continue
			}
		}
		if last = verify(c, list.SignatureAlgorithm, list.RawTBSRevocationList, list.Signature); last == nil {
			return c, nil
		}
	}
	if len(tried) == 0 {
		return nil, badCRL(issuer, "it is signed by %q, whose certificate is not configured or may not sign this list",
			shorten(list.Issuer.CommonName))
	}
	return nil, badCRL(issuer, "%v", last)
}

// entry returns the entry of a list about a certificate, nil if there is none. What is listed is revoked, whatever date the
// entry gives.
func (c *crl) entry(cert *x509.Certificate) *x509.RevocationListEntry {
	entries := c.list.RevokedCertificateEntries
	at, _ := slices.BinarySearchFunc(c.order, cert.SerialNumber, func(i int32, serial *big.Int) int { return entries[i].SerialNumber.Cmp(serial) })
	for _, i := range c.order[at:] {
		e := &entries[i]
		if e.SerialNumber.Cmp(cert.SerialNumber) != 0 {
			break
		}
		if c.about == nil || c.about[i] == nil || sameName(c.about[i], cert.RawIssuer) {
			return e
		}
	}
	return nil
}

// uncovered says why a list is not about a certificate, "" if it is.
func (c *crl) uncovered(cert *x509.Certificate) string {
	switch {
	case c.scope.userCerts && cert.IsCA:
		return "it is for certificates of participants only"
	case c.scope.caCerts && !cert.IsCA:
		return "it is for certificates of CAs only"
	case len(c.scope.names) == 0:
		return ""
	}
	points := distributionPointNames(cert)
	if len(points) == 0 || slices.ContainsFunc(points, func(p string) bool { return slices.Contains(c.scope.names, p) }) {
		return ""
	}
	return "the certificate names another distribution point"
}

var (
	oidCRLDistributionPoints    = asn1.ObjectIdentifier{2, 5, 29, 31}
	oidIssuingDistributionPoint = asn1.ObjectIdentifier{2, 5, 29, 28}
	oidDeltaCRLIndicator        = asn1.ObjectIdentifier{2, 5, 29, 27}
	oidCertificateIssuer        = asn1.ObjectIdentifier{2, 5, 29, 29}
	oidReasonCode               = asn1.ObjectIdentifier{2, 5, 29, 21}
)

// crlScope is what an issuing distribution point says: which certificates a list is about.
type crlScope struct {
	names                                           []string // DER of the GeneralNames of the distribution point
	userCerts, caCerts, attributeCerts, someReasons bool
}

// parseIssuingDistributionPoint reads the extension of a list.
//
// Spec: RFC 5280 5.2.5
func parseIssuingDistributionPoint(der []byte) (s crlScope, err error) {
	malformed := errors.New("malformed issuing distribution point")
	input := cryptobyte.String(der)
	var idp cryptobyte.String
	if !input.ReadASN1(&idp, casn1.SEQUENCE) || !input.Empty() {
		return s, malformed
	}
	for !idp.Empty() {
		var value cryptobyte.String
		var tag casn1.Tag
		if !idp.ReadAnyASN1(&value, &tag) {
			return s, malformed
		}
		set := len(value) == 1 && value[0] != 0
		switch tag {
		case casn1.Tag(0).Constructed().ContextSpecific():
			if s.names, err = distributionPointName(value); err != nil {
				return s, err
			}
		case casn1.Tag(1).ContextSpecific():
			s.userCerts = set
		case casn1.Tag(2).ContextSpecific():
			s.caCerts = set
		case casn1.Tag(3).ContextSpecific():
			s.someReasons = true
		case casn1.Tag(4).ContextSpecific(): // indirect: entries name the issuer
		case casn1.Tag(5).ContextSpecific():
			s.attributeCerts = set
		default:
			return s, malformed
		}
	}
	return s, nil
}

// distributionPointName returns the full names of a distribution point, each as DER. A name relative to the issuer of the
// list gives none.
func distributionPointName(name cryptobyte.String) ([]string, error) {
	if name.Empty() {
		return nil, nil
	}
	var full cryptobyte.String
	var present bool
	if !name.ReadOptionalASN1(&full, &present, casn1.Tag(0).Constructed().ContextSpecific()) {
		return nil, errors.New("malformed name of a distribution point")
	}
	var names []string
	for !full.Empty() {
		var n cryptobyte.String
		var tag casn1.Tag
		if !full.ReadAnyASN1Element(&n, &tag) {
			return nil, errors.New("malformed name of a distribution point")
		}
		names = append(names, string(n))
	}
	return names, nil
}

// distributionPointNames returns the names of all distribution points of a certificate, and those of their CRL issuers.
func distributionPointNames(c *x509.Certificate) []string {
	var names []string
	for _, e := range c.Extensions {
		if !e.Id.Equal(oidCRLDistributionPoints) {
			continue
		}
		input := cryptobyte.String(e.Value)
		var points, point, name cryptobyte.String
		var present bool
		if !input.ReadASN1(&points, casn1.SEQUENCE) {
			return names
		}
		for !points.Empty() {
			if !points.ReadASN1(&point, casn1.SEQUENCE) ||
				!point.ReadOptionalASN1(&name, &present, casn1.Tag(0).Constructed().ContextSpecific()) {
				return names
			}
			full, err := distributionPointName(name)
			if err != nil {
				return names
			}
			names = append(names, full...)
			var issuers, n cryptobyte.String
			var tag casn1.Tag
			if !point.SkipOptionalASN1(casn1.Tag(1).ContextSpecific()) || // reasons
				!point.ReadOptionalASN1(&issuers, &present, casn1.Tag(2).Constructed().ContextSpecific()) {
				return names
			}
			for issuers.ReadAnyASN1Element(&n, &tag) {
				names = append(names, string(n))
			}
		}
	}
	return names
}

// directoryName returns the DER of the one directory name in GeneralNames.
func directoryName(der []byte) ([]byte, error) {
	input := cryptobyte.String(der)
	var names, name, rdn cryptobyte.String
	var found []byte
	if !input.ReadASN1(&names, casn1.SEQUENCE) || !input.Empty() {
		return nil, errors.New("malformed certificate issuer")
	}
	for !names.Empty() {
		var tag casn1.Tag
		if !names.ReadAnyASN1(&name, &tag) {
			return nil, errors.New("malformed certificate issuer")
		}
		if tag == casn1.Tag(4).Constructed().ContextSpecific() && name.ReadASN1Element(&rdn, casn1.SEQUENCE) && name.Empty() {
			found = rdn
		}
	}
	if found == nil {
		return nil, errors.New("certificate issuer without a directory name")
	}
	return found, nil
}
