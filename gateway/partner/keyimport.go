package partner

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/marktbote/marktbote/gateway/as4/brainpool"
	"github.com/marktbote/marktbote/gateway/as4/smpki"
	"github.com/marktbote/marktbote/store"
)

// File is a file that own keys or certificates are imported from.
type File struct {
	Name string // for messages
	Data []byte // PEM, DER or PKCS #12
}

// KeyImport says how own keys are imported.
type KeyImport struct {
	Files    []File
	Password []byte                 // of encrypted keys and of PKCS #12; nil: there is none
	IsOwn    func(mpID string) bool // nil: every MP-ID may be our own
	Who      string                 // for the audit log
	DryRun   bool                   // look, and keep nothing
}

// Import keeps certificates of our own with their keys. What a certificate is for it says itself, and which key belongs to it
// follows from the keys; a key may also be there already because the certificate was requested from here, or be in the token.
// Everything in the files must belong together: one MP-ID, at most one certificate for each usage, each with a key of its own,
// each valid now or later up to a configured root. If something does not fit, nothing is kept and the error is a *Refused.
func (k *Keys) Import(ctx context.Context, in KeyImport) ([]Imported, error) {
	var b bundle
	for _, f := range in.Files {
		if err := b.read(f, in.Password); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	leaves := slices.DeleteFunc(slices.Clone(b.certificates), func(c *x509.Certificate) bool {
		return c.IsCA || c.KeyUsage == x509.KeyUsageCRLSign
	})
	if len(leaves) == 0 {
		return nil, &Refused{[]error{errors.New("no certificate of a participant in the files; a key alone says nothing")}}
	}
	var out []Imported
	var rows []store.Certificate
	var keys []store.PrivateKey
	problems := b.problems(leaves)
	for _, c := range leaves {
		x, row, key, err := k.judge(ctx, c, &b, in)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		out, rows = append(out, x), append(rows, row)
		if key != nil {
			keys = append(keys, *key)
		}
	}
	if problems = slices.DeleteFunc(problems, func(err error) bool { return err == nil }); len(problems) > 0 {
		return nil, &Refused{problems}
	}
	if in.DryRun {
		return out, nil
	}
	return out, k.store(ctx, &b, rows, keys, out, in.Who)
}

// Refused says why own keys were not imported.
type Refused struct {
	Reasons []error
}

// Error tells all reasons.
func (e *Refused) Error() string { return errors.Join(e.Reasons...).Error() }

// Unwrap returns the reasons.
func (e *Refused) Unwrap() []error { return e.Reasons }

// bundle is what is in files.
type bundle struct {
	certificates []*x509.Certificate
	keys         []*brainpool.PrivateKey
}

// read adds what is in a file.
func (b *bundle) read(f File, password []byte) error {
	if len(f.Data) > maxFetchBytes {
		return errTooLarge
	}
	if len(f.Data) > 0 && f.Data[0] == 0x30 {
		return b.readDER(f.Data, password)
	}
	found := false
	for rest := f.Data; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		switch {
		case block.Type == "CERTIFICATE" || block.Type == "X509 CERTIFICATE":
			c, err := smpki.ParseCertificate(block.Bytes)
			if err != nil {
				return err
			}
			b.add(c)
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			key, err := smpki.ParseKey(pem.EncodeToMemory(block), password)
			if err != nil {
				return err
			}
			b.keys = append(b.keys, key)
		default:
			continue
		}
		found = true
		if len(b.certificates)+len(b.keys) > maxBundle {
			return fmt.Errorf("more than %d certificates and keys", maxBundle)
		}
	}
	if !found {
		return errors.New("neither certificates nor private keys in PEM, DER or PKCS #12")
	}
	return nil
}

// maxBundle bounds how many certificates and keys are imported together.
const maxBundle = 100

// readDER reads one certificate, one key, or a PKCS #12.
func (b *bundle) readDER(der, password []byte) error {
	if c, err := smpki.ParseCertificate(der); err == nil {
		b.add(c)
		return nil
	}
	if key, err := smpki.ParseKey(der, password); err == nil {
		b.keys = append(b.keys, key)
		return nil
	} else if errors.Is(err, smpki.ErrPassword) {
		return err
	}
	keys, certificates, err := smpki.ParsePKCS12(der, password)
	if err != nil {
		return err
	}
	b.keys = append(b.keys, keys...)
	for _, c := range certificates {
		b.add(c)
	}
	return nil
}

// add adds a certificate once.
func (b *bundle) add(c *x509.Certificate) {
	if !containsCertificate(b.certificates, c) {
		b.certificates = append(b.certificates, c)
	}
}

// keyOf returns the key of a certificate, nil if it is not in the files.
func (b *bundle) keyOf(c *x509.Certificate) *brainpool.PrivateKey {
	i := slices.IndexFunc(b.keys, func(key *brainpool.PrivateKey) bool { return smpki.Holds(c, key) })
	if i < 0 {
		return nil
	}
	return b.keys[i]
}

// problems tells what in the files does not fit together.
func (b *bundle) problems(leaves []*x509.Certificate) (errs []error) {
	for i, c := range leaves {
		for _, other := range leaves[:i] {
			a, errA := smpki.MPID(other)
			id, errB := smpki.MPID(c)
			if errA == nil && errB == nil && a != id {
				errs = append(errs, fmt.Errorf("certificates of two MP-IDs in the files: %s and %s; import one after the other", a, id))
			}
			usageA, errA := smpki.UsageOf(other)
			usage, errB := smpki.UsageOf(c)
			if errA == nil && errB == nil && usageA == usage {
				errs = append(errs, fmt.Errorf("two certificates for %s in the files: %s and %s; import the older one first", usage, smpki.Describe(other), smpki.Describe(c)))
			}
			if bytes.Equal(c.RawSubjectPublicKeyInfo, other.RawSubjectPublicKeyInfo) && usageA != usage {
				errs = append(errs, fmt.Errorf("certificates %s and %s have the same key; each of a triple must have its own", smpki.Describe(other), smpki.Describe(c)))
			}
		}
	}
	for _, key := range b.keys {
		if !slices.ContainsFunc(leaves, func(c *x509.Certificate) bool { return smpki.Holds(c, key) }) {
			errs = append(errs, fmt.Errorf("the private key with the public key %s… belongs to none of the certificates in the files", publicFingerprint(key)[:16]))
		}
	}
	return errs
}

// publicFingerprint is the name of a key.
func publicFingerprint(key *brainpool.PrivateKey) string {
	pub, _ := key.Public().(*ecdsa.PublicKey)
	return keyFingerprint(smpki.MarshalPublicKey(pub))
}

// judge looks at one certificate of a participant. key is nil if its key is there already.
func (k *Keys) judge(ctx context.Context, c *x509.Certificate, b *bundle, in KeyImport) (x Imported, row store.Certificate, key *store.PrivateKey, err error) {
	row, err = k.d.describe(c)
	if err != nil {
		return x, row, nil, err
	}
	row.Own, row.Source = true, "import"
	if in.IsOwn != nil && !in.IsOwn(row.MPID) {
		return x, row, nil, fmt.Errorf("certificate %s: %s is not one of our own MP-IDs (own in the configuration)", smpki.Describe(c), row.MPID)
	}
	old, err := view(ctx, k.d.opts.Store, func(tx store.Tx) (store.Certificate, error) { return tx.Certificate(row.Fingerprint) })
	if err == nil && old.Own && !old.RetiredAt.IsZero() {
		return x, row, nil, fmt.Errorf("certificate %s: %w on %s", smpki.Describe(c), errRetired, old.RetiredAt.Format(time.DateOnly))
	}
	usage, err := smpki.UsageOf(c)
	if err != nil {
		return x, row, nil, err
	}
	x = Imported{Certificate: c, What: usage.String(), MPID: row.MPID}
	if x.Note, err = k.d.judgeLeaf(ctx, c, b.certificates, usage); err != nil {
		return x, row, nil, err
	}
	if own := b.keyOf(c); own != nil {
		made, err := keyRow(own, row.MPID, usage, k.d.opts.Now())
		return x, row, &made, err
	}
	if _, err := k.find(ctx, keyFingerprint(c.RawSubjectPublicKeyInfo)); err != nil {
		if errors.Is(err, store.ErrNotFound) {
			err = errors.New("its private key is neither in the files nor was it made here (marktbote keys request)")
		}
		return x, row, nil, fmt.Errorf("certificate %s: %w", smpki.Describe(c), err)
	}
	return x, row, nil, nil
}

// store keeps what was judged, and the CAs that came with it.
func (k *Keys) store(ctx context.Context, b *bundle, rows []store.Certificate, keys []store.PrivateKey, out []Imported, who string) error {
	err := k.d.opts.Store.Update(ctx, func(tx store.Tx) error {
		tx.SetActor(who, "own keys imported")
		if err := tx.Lock("certificates"); err != nil {
			return err
		}
		for _, key := range keys {
			switch _, err := tx.PrivateKey(key.Fingerprint); {
			case err == nil:
			case !errors.Is(err, store.ErrNotFound):
				return err
			default:
				if err := tx.InsertPrivateKey(key); err != nil {
					return err
				}
			}
		}
		for i, row := range rows {
			old, err := tx.Certificate(row.Fingerprint)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			out[i].New = err != nil || !old.Own
			if err := tx.SetCertificate(row); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("partner: import: %w", err)
	}
	var cas []*x509.Certificate
	for _, c := range b.certificates {
		if (c.IsCA || c.KeyUsage == x509.KeyUsageCRLSign) && !bytes.Equal(c.RawSubject, c.RawIssuer) && k.d.judgeCA(c) == nil {
			cas = append(cas, c)
		}
	}
	return k.d.Learn(ctx, cas, "import")
}
