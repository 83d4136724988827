package smpki

import (
	"crypto/x509"
	"fmt"
	"time"
)

// Reason says in one word why a certificate cannot be used. The words are stable: they appear in metrics and in events.
type Reason string

// Why a certificate, or the path to it, is refused.
const (
	Expired           Reason = "expired"             // its last instant is over
	NotYetValid       Reason = "not-yet-valid"       // its first instant is to come
	Revoked           Reason = "revoked"             // it is on the revocation list of its issuer
	RevocationUnknown Reason = "revocation-unknown"  // there is no revocation list that covers it
	RevocationTooOld  Reason = "revocation-too-old"  // the list is more than three days overdue: the CA is distrusted
	BadCRL            Reason = "bad-revocation-list" // there is a list, but it proves nothing
	UnknownIssuer     Reason = "unknown-issuer"      // no path to a configured root
	BadSignature      Reason = "bad-signature"       // the issuer has not signed it
	WrongEnvironment  Reason = "wrong-environment"   // test certificate in production, or the reverse
	WrongClass        Reason = "wrong-class"         // not EMT.MAK
	WrongUsage        Reason = "wrong-usage"         // key usage does not fit the purpose
	BadMPID           Reason = "bad-mp-id"           // not exactly one OU of 13 digits
	BadAlgorithm      Reason = "bad-algorithm"       // curve or signature algorithm outside the list
	BadExtension      Reason = "bad-extension"       // version, basic constraints or an unknown critical extension
)

// Invalid is the error of a certificate that is not to be trusted. Certificate is the one at fault, which may be a CA above
// the one that was asked about. Detail is for the operator; it holds names from certificates and nothing secret.
type Invalid struct {
	Reason      Reason
	Certificate *x509.Certificate
	Detail      string
}

// Error names the certificate and says what is wrong with it.
func (e *Invalid) Error() string {
	return fmt.Sprintf("certificate %s: %s", Describe(e.Certificate), e.Detail)
}

func invalid(reason Reason, c *x509.Certificate, format string, args ...any) *Invalid {
	return &Invalid{Reason: reason, Certificate: c, Detail: fmt.Sprintf(format, args...)}
}

// instant writes an instant for messages.
func instant(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
