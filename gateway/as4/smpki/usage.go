package smpki

import (
	"crypto/x509"
	"fmt"
	"slices"
)

// Usage is what a certificate of a triple is for.
type Usage int

// The three usages of a triple.
const (
	Signature  Usage = iota + 1 // signs messages and receipts
	Encryption                  // partners encrypt to it
	TLS                         // client and server of TLS
)

// String returns "signature", "encryption" or "tls".
func (u Usage) String() string {
	switch u {
	case Signature:
		return "signature"
	case Encryption:
		return "encryption"
	case TLS:
		return "tls"
	}
	return fmt.Sprintf("usage %d", int(u))
}

// UsageOf tells the certificates of a triple apart by key usage and extended key usage: digitalSignature alone is for
// signatures, with serverAuth and clientAuth for TLS; keyAgreement is for encryption. Two purposes in one certificate are
// refused, except that a TLS certificate may name more key usages. The error is an *Invalid with the reason WrongUsage.
func UsageOf(c *x509.Certificate) (Usage, error) {
	var (
		signs   = c.KeyUsage&x509.KeyUsageDigitalSignature != 0
		agrees  = c.KeyUsage&x509.KeyUsageKeyAgreement != 0
		server  = slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
		client  = slices.Contains(c.ExtKeyUsage, x509.ExtKeyUsageClientAuth)
		limited = len(c.ExtKeyUsage)+len(c.UnknownExtKeyUsage) > 0
	)
	switch {
	case c.KeyUsage == 0:
		return 0, invalid(WrongUsage, c, "it has no key usage; those of a triple say what they are for")
	case limited && !(server && client):
		return 0, invalid(WrongUsage, c, "its extended key usage is not serverAuth with clientAuth")
	case limited && signs:
		return TLS, nil
	case limited:
		return 0, invalid(WrongUsage, c, "it is meant for TLS but lacks the key usage digitalSignature")
	case signs && agrees:
		return 0, invalid(WrongUsage, c, "it is for signatures and for key agreement; a triple has a certificate for each")
	case signs:
		return Signature, nil
	case agrees:
		return Encryption, nil
	}
	return 0, invalid(WrongUsage, c, "its key usage has neither digitalSignature nor keyAgreement")
}

// checkUsage wants a certificate of one usage.
func checkUsage(c *x509.Certificate, want Usage) error {
	got, err := UsageOf(c)
	if err != nil {
		return err
	}
	if got != want {
		return invalid(WrongUsage, c, "it is the certificate for %s where the one for %s is needed", got, want)
	}
	return nil
}
