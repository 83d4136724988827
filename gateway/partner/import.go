package partner

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/marktbote/marktbote/gateway/as4/smpki"
	"github.com/marktbote/marktbote/store"
)

// Imported is what became of one thing in a file or a directory.
type Imported struct {
	Certificate *x509.Certificate // nil: a revocation list
	What        string            // signature, encryption, tls, ca, crl-signer, root, revocation list
	MPID        string            // empty for those of CAs
	New         bool              // it was not known
	Problem     error             // why it was not kept; nil: it is there
	Note        string            // what a person should know although it was kept
}

var (
	errRootImported = errors.New("it is a root: roots are not imported but named in the configuration (as4.trust.roots), after comparing the fingerprint with the one that the BSI publishes")
	errNothingRead  = errors.New("neither certificates nor revocation lists in PEM, DER or LDIF")
)

// maxImport bounds how many things are read from one file.
const maxImport = 10_000

// Import keeps the certificates of partners and CAs, and the revocation lists, in a file: PEM, DER or LDIF. Each is verified
// up to a configured root, with the help of the CAs in the same file; what does not pass is not kept, and the reason is told.
// If only the revocation state cannot be found out, the certificate is kept: it is looked at again before each use.
func (d *Directory) Import(ctx context.Context, data []byte, source string) ([]Imported, error) {
	certificates, lists, err := readFileContent(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", source, err)
	}
	var out []Imported
	for _, der := range lists {
		_, err := d.crls.accept(ctx, der, d.crls.issuers(), source)
		out = append(out, Imported{What: "revocation list", Problem: err, New: err == nil})
	}
	imported, err := d.importCertificates(ctx, certificates, "", source)
	if err != nil {
		return out, err
	}
	return append(imported, out...), nil
}

// Lookup looks for the certificates of an MP-ID in the configured directories of CAs and keeps what it finds. The error
// tells of directories that do not answer; what others had is returned all the same.
//
// The schema of the directories is not published with the rules on the transport; where certificates are in userCertificate
// and the MP-ID in ou nothing needs to be configured.
func (d *Directory) Lookup(ctx context.Context, mpID string) ([]Imported, error) {
	if len(d.opts.Directories) == 0 {
		return nil, errors.New("no directory is configured (as4.trust.directories)")
	}
	var out []Imported
	var errs []error
	for _, dir := range d.opts.Directories {
		found, err := d.lookup(ctx, dir, mpID)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", dir.URL, err))
			continue
		}
		var certificates []*x509.Certificate
		for _, der := range found {
			c, err := smpki.ParseCertificate(der)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", dir.URL, err))
				continue
			}
			certificates = append(certificates, c)
		}
		imported, err := d.importCertificates(ctx, certificates, mpID, dir.URL)
		out = append(out, imported...)
		errs = append(errs, err)
	}
	return out, errors.Join(errs...)
}

// importCertificates keeps those that pass; with an MP-ID only those of it.
func (d *Directory) importCertificates(ctx context.Context, certificates []*x509.Certificate, mpID, source string) ([]Imported, error) {
	// CAs first: the others are verified with them.
	slices.SortStableFunc(certificates, func(a, b *x509.Certificate) int {
		switch {
		case a.IsCA && !b.IsCA:
			return -1
		case b.IsCA && !a.IsCA:
			return 1
		}
		return 0
	})
	out := make([]Imported, 0, len(certificates))
	for _, c := range certificates {
		x, row := d.judge(ctx, c, certificates, mpID)
		if x.Problem == nil && row.Fingerprint != "" {
			row.Source = source
			added, err := d.keep(ctx, []store.Certificate{row})
			if err != nil {
				return out, err
			}
			x.New = added > 0
		}
		out = append(out, x)
	}
	return out, nil
}

// judge decides whether a certificate is kept. The row is empty if there is nothing to keep.
func (d *Directory) judge(ctx context.Context, c *x509.Certificate, others []*x509.Certificate, mpID string) (x Imported, row store.Certificate) {
	x.Certificate = c
	if bytes.Equal(c.RawSubject, c.RawIssuer) {
		x.What = string(store.UsageRoot)
		if !containsCertificate(d.opts.Roots, c) {
			x.Problem = errRootImported
		}
		return x, row
	}
	row, err := d.describe(c)
	x.What, x.MPID = string(row.Usage), row.MPID
	switch {
	case err != nil:
		x.Problem = err
	case row.MPID == "":
		x.Problem = d.judgeCA(c)
	case mpID != "" && row.MPID != mpID:
		x.Problem = fmt.Errorf("certificate %s is not of %s", smpki.Describe(c), mpID)
	default:
		usage, _ := smpki.UsageOf(c)
		x.Note, x.Problem = d.judgeLeaf(ctx, c, others, usage)
	}
	return x, row
}

// judgeCA looks at the certificate of a CA, or of a signer of revocation lists. It is verified when it is used; here only
// what can never be used is left out.
func (d *Directory) judgeCA(c *x509.Certificate) error {
	now := d.opts.Now()
	switch {
	case !slices.Contains(c.Subject.Organization, d.opts.Environment):
		return fmt.Errorf("certificate %s is not of %s", smpki.Describe(c), d.opts.Environment)
	case now.After(c.NotAfter):
		return fmt.Errorf("certificate %s has expired on %s", smpki.Describe(c), c.NotAfter.Format(time.DateOnly))
	}
	return nil
}

// judgeLeaf verifies the certificate of a participant: now, or when it begins to be valid. A note says what is not known.
func (d *Directory) judgeLeaf(ctx context.Context, c *x509.Certificate, others []*x509.Certificate, usage smpki.Usage) (note string, problem error) {
	at := d.opts.Now()
	if at.Before(c.NotBefore) {
		at = c.NotBefore
		note = "it is valid from " + c.NotBefore.UTC().Format("2006-01-02 15:04 UTC") + " on"
	}
	_, err := d.Verify(ctx, c, others, usage, at)
	if invalid, ok := errors.AsType[*smpki.Invalid](err); ok && isAboutList(invalid.Reason) {
		if note == "" {
			note = "it is kept and cannot be used yet: " + invalid.Detail
		}
		err = nil
	}
	return note, err
}

// readFileContent reads what is in a file, whatever its form.
func readFileContent(data []byte) (certificates []*x509.Certificate, lists [][]byte, err error) {
	if len(data) > maxFetchBytes {
		return nil, nil, errTooLarge
	}
	var ders [][]byte
	switch {
	case isLDIF(data):
		if ders, lists, err = parseLDIF(data); err != nil {
			return nil, nil, err
		}
	case len(data) > 0 && data[0] == 0x30:
		if _, err := smpki.ParseCRL(data); err == nil {
			return nil, [][]byte{data}, nil
		}
		ders = [][]byte{data}
	default:
		for rest := data; len(ders)+len(lists) <= maxImport; {
			var block *pem.Block
			if block, rest = pem.Decode(rest); block == nil {
				break
			}
			switch block.Type {
			case "CERTIFICATE", "X509 CERTIFICATE":
				ders = append(ders, block.Bytes)
			case "X509 CRL":
				lists = append(lists, block.Bytes)
			}
		}
	}
	if len(ders)+len(lists) == 0 {
		return nil, nil, errNothingRead
	}
	if len(ders)+len(lists) > maxImport {
		return nil, nil, fmt.Errorf("more than %d certificates and revocation lists", maxImport)
	}
	for i, der := range ders {
		c, err := smpki.ParseCertificate(der)
		if err != nil {
			return nil, nil, fmt.Errorf("certificate %d: %w", i+1, err)
		}
		certificates = append(certificates, c)
	}
	return certificates, lists, nil
}
