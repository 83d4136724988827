package nasty

import (
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/marktbote/marktbote/gateway/as4/ebms"
	"github.com/marktbote/marktbote/gateway/as4/smpki"
	"github.com/marktbote/marktbote/gateway/as4/testpki"
)

// Identity is who the partner is, and what it needs for misbehaving.
type Identity struct {
	MPID string // 13 digits
	Type string // of the PartyId; PartyTypeBDEW if empty

	Signature  testpki.Pair
	Encryption testpki.Pair
	Expired    testpki.Pair // signature certificate of yesterday, for ExpiredCert
	Stranger   testpki.Pair // signature certificate of another MP-ID, for WrongMPID
}

// strangerMPID is the MP-ID of the certificate Stranger.
const strangerMPID = "9977777777777"

// NewIdentity makes a partner in a test PKI. host is a DNS name.
func NewIdentity(pki *testpki.PKI, mpID, host string) (Identity, error) {
	t, err := pki.Triple(mpID, host)
	if err != nil {
		return Identity{}, err
	}
	id := Identity{MPID: mpID, Signature: t.Signature, Encryption: t.Encryption}
	if id.Expired, err = pki.Broken(testpki.Expired, smpki.Signature, mpID, host); err != nil {
		return Identity{}, err
	}
	id.Stranger, err = pki.Pair(smpki.Signature, strangerMPID, host)
	return id, err
}

// party returns the identity as sender or recipient.
func (id Identity) party(role string) ebms.Party {
	p := ebms.Party{ID: id.MPID, Type: id.Type, Role: role}
	if p.Type == "" {
		p.Type = ebms.PartyTypeBDEW
	}
	return p
}

// signer returns the pair that a behaviour signs with.
func (id Identity) signer(b Behaviour) (testpki.Pair, error) {
	pair := id.Signature
	switch b {
	case ExpiredCert:
		pair = id.Expired
	case WrongMPID:
		pair = id.Stranger
	}
	if pair.Certificate == nil || pair.Key == nil {
		return pair, fmt.Errorf("nasty: no certificate for %s", b)
	}
	return pair, nil
}

// The folders below one that WriteIdentities writes.
const expiredFolder = "expired"

// WriteIdentities makes a test PKI and writes it to a folder with triples of the MP-IDs, the certificates that
// ReadIdentity needs for misbehaving, and what testpki.WriteDir says. The folder must not exist or be empty.
func WriteIdentities(dir string, host string, mpIDs ...string) error {
	entries, err := os.ReadDir(dir)
	if err == nil && len(entries) > 0 {
		return fmt.Errorf("nasty: %s is not empty", dir)
	}
	pki, err := testpki.New()
	if err != nil {
		return err
	}
	var triples, expired []testpki.Triple
	for _, mpID := range append(slices.Clone(mpIDs), strangerMPID) {
		t, err := pki.Triple(mpID, host)
		if err != nil {
			return err
		}
		triples = append(triples, t)
		if t.Signature, err = pki.Broken(testpki.Expired, smpki.Signature, mpID, host); err != nil {
			return err
		}
		expired = append(expired, t)
	}
	if err := pki.WriteDir(filepath.Join(dir, expiredFolder), expired...); err != nil {
		return err
	}
	return pki.WriteDir(dir, triples...)
}

// ReadIdentity reads the identity of an MP-ID from the files of a folder:
//
//	<MP-ID>/signature.chain.pem, <MP-ID>/signature.key, <MP-ID>/encryption.chain.pem, <MP-ID>/encryption.key
//	expired/<MP-ID>/signature.chain.pem and .key    for expired-cert, may be missing
//	9977777777777/signature.chain.pem and .key      for wrong-mpid, may be missing
//
// A chain is the certificate followed by that of its CA; keys are PEM, SEC 1 or PKCS #8 without a password.
func ReadIdentity(dir, mpID string) (Identity, error) {
	id := Identity{MPID: mpID}
	for _, f := range []struct {
		pair     *testpki.Pair
		name     string
		optional bool
	}{
		{&id.Signature, filepath.Join(mpID, "signature"), false},
		{&id.Encryption, filepath.Join(mpID, "encryption"), false},
		{&id.Expired, filepath.Join(expiredFolder, mpID, "signature"), true},
		{&id.Stranger, filepath.Join(strangerMPID, "signature"), true},
	} {
		pair, err := readPair(filepath.Join(dir, f.name))
		if err != nil && !(f.optional && os.IsNotExist(err)) {
			return Identity{}, err
		}
		*f.pair = pair
	}
	return id, nil
}

func readPair(base string) (testpki.Pair, error) {
	chain, err := os.ReadFile(base + ".chain.pem")
	if err != nil {
		return testpki.Pair{}, err
	}
	path, err := smpki.ParseCertificates(chain)
	if err != nil || len(path) == 0 {
		return testpki.Pair{}, fmt.Errorf("nasty: %s.chain.pem: %w", base, err)
	}
	file, err := os.ReadFile(base + ".key")
	if err != nil {
		return testpki.Pair{}, err
	}
	key, err := smpki.ParseKey(file, nil)
	if err != nil {
		return testpki.Pair{}, fmt.Errorf("nasty: %s.key: %w", base, err)
	}
	leaf := path[0]
	slices.Reverse(path)
	return testpki.Pair{Certificate: leaf, Key: key, Path: path}, nil
}

// ReadCertificate reads the first certificate of a PEM or DER file.
func ReadCertificate(name string) (*x509.Certificate, error) {
	file, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	certs, err := smpki.ParseCertificates(file)
	if err != nil || len(certs) == 0 {
		return nil, fmt.Errorf("nasty: %s: %w", name, err)
	}
	return certs[0], nil
}
