package smpki

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"slices"
	"strings"
)

// Environments, the O of every subject. A system trusts one of them, never both.
const (
	Production = "SM-PKI-DE"
	Test       = "SM-Test-PKI-DE"
)

var (
	oidCommonName         = asn1.ObjectIdentifier{2, 5, 4, 3}
	oidSerialNumber       = asn1.ObjectIdentifier{2, 5, 4, 5}
	oidCountry            = asn1.ObjectIdentifier{2, 5, 4, 6}
	oidLocality           = asn1.ObjectIdentifier{2, 5, 4, 7}
	oidState              = asn1.ObjectIdentifier{2, 5, 4, 8}
	oidStreet             = asn1.ObjectIdentifier{2, 5, 4, 9}
	oidOrganization       = asn1.ObjectIdentifier{2, 5, 4, 10}
	oidOrganizationalUnit = asn1.ObjectIdentifier{2, 5, 4, 11}
	oidPostalCode         = asn1.ObjectIdentifier{2, 5, 4, 17}
)

// attributes returns the values of one type in a name. It looks at all of them, in whatever RDN and of whatever ASN.1 type:
// a second OU in a place where nobody looks would be a second identity.
func attributes(name pkix.Name, oid asn1.ObjectIdentifier) []string {
	var values []string
	for _, a := range name.Names {
		if a.Type.Equal(oid) {
			s, _ := a.Value.(string)
			values = append(values, s)
		}
	}
	return values
}

// MPID returns the MP-ID that a certificate speaks for: the one OU of its subject, 13 digits. The error is an *Invalid with
// the reason BadMPID.
//
// Spec: Regelungen zum Übertragungsweg AS4 2.0, 5.2
// Spec: BDEW AS4-Profil 1.1, 2.3.4.4
func MPID(c *x509.Certificate) (string, error) {
	units := attributes(c.Subject, oidOrganizationalUnit)
	switch {
	case len(units) == 0:
		return "", invalid(BadMPID, c, "it names no MP-ID: its subject has no OU; it cannot be used for market communication")
	case len(units) > 1:
		return "", invalid(BadMPID, c, "its subject has %d OUs where the MP-ID must be the only one", len(units))
	case !isMPID(units[0]):
		return "", invalid(BadMPID, c, "the OU of its subject is %q and not an MP-ID of 13 digits", shorten(units[0]))
	}
	return units[0], nil
}

func isMPID(s string) bool {
	return len(s) == 13 && strings.Trim(s, "0123456789") == ""
}

// checkClass wants the certificate of an external market participant for market communication: the CN has the form
// <name>.EMT.MAK, where something may follow MAK.
func checkClass(c *x509.Certificate) error {
	names := attributes(c.Subject, oidCommonName)
	if len(names) != 1 {
		return invalid(WrongClass, c, "its subject has %d CNs instead of one", len(names))
	}
	parts := strings.Split(names[0], ".")
	if len(parts) < 3 || parts[0] == "" || parts[1] != "EMT" || !strings.HasPrefix(parts[2], "MAK") {
		return invalid(WrongClass, c, "its CN %q is not of the form <name>.EMT.MAK: it is not for market communication",
			shorten(names[0]))
	}
	return nil
}

// checkEnvironment compares the O of a subject with the environment that is trusted.
func checkEnvironment(c *x509.Certificate, environment string) error {
	names := attributes(c.Subject, oidOrganization)
	if len(names) == 1 && names[0] == environment && environment != "" {
		return nil
	}
	detail := fmt.Sprintf("its O is %q, this system works with %q", shorten(strings.Join(names, ", ")), environment)
	switch {
	case len(names) == 1 && names[0] == Test:
		detail += ": it is a certificate for tests"
	case len(names) == 1 && names[0] == Production:
		detail += ": it is a certificate for production"
	}
	return invalid(WrongEnvironment, c, "%s", detail)
}

// sameName compares two names in DER, as paths and lists need it: kind of string, case and white space do not matter. CAs
// write a name in one form as their subject and in another as an issuer; to miss a revocation for that would be wrong.
//
// Spec: RFC 5280 7.1
func sameName(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	var x, y pkix.RDNSequence
	if rest, err := asn1.Unmarshal(a, &x); err != nil || len(rest) > 0 {
		return false
	}
	if rest, err := asn1.Unmarshal(b, &y); err != nil || len(rest) > 0 {
		return false
	}
	return slices.EqualFunc(x, y, func(x, y pkix.RelativeDistinguishedNameSET) bool {
		return slices.EqualFunc(x, y, func(x, y pkix.AttributeTypeAndValue) bool {
			v, isText := x.Value.(string)
			w, isAlso := y.Value.(string)
			return x.Type.Equal(y.Type) && isText && isAlso && strings.EqualFold(collapse(v), collapse(w))
		})
	})
}

func collapse(s string) string { return strings.Join(strings.Fields(s), " ") }

// shorten keeps foreign text in messages short.
func shorten(s string) string {
	const maxBytes = 80
	if len(s) > maxBytes {
		return strings.ToValidUTF8(s[:maxBytes], "") + "…"
	}
	return s
}

// Describe names a certificate for people: CN, what it is for, MP-ID, serial number, issuer, last day.
func Describe(c *x509.Certificate) string {
	if c == nil {
		return "(none)"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%q (", shorten(c.Subject.CommonName))
	if !c.IsCA {
		if usage, err := UsageOf(c); err == nil {
			fmt.Fprintf(&b, "%s, ", usage)
		}
		if units := attributes(c.Subject, oidOrganizationalUnit); len(units) == 1 && isMPID(units[0]) {
			fmt.Fprintf(&b, "MP-ID %s, ", units[0])
		}
	}
	serial := "?"
	if c.SerialNumber != nil {
		serial = shorten(c.SerialNumber.Text(16))
	}
	fmt.Fprintf(&b, "serial %s, issued by %q, valid to %s)", serial, shorten(c.Issuer.CommonName), instant(c.NotAfter))
	return b.String()
}
