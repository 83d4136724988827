package partner

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/marktbote/marktbote/gateway/as4/brainpool"
	"github.com/marktbote/marktbote/gateway/as4/smpki"
	"github.com/marktbote/marktbote/store"
)

// Keys has our own private keys with their certificates. It is safe for concurrent use.
type Keys struct {
	d *Directory

	mu   sync.Mutex
	used map[string]PrivateKey // by fingerprint of the public key; guarded by mu
}

func newKeys(d *Directory) *Keys { return &Keys{d: d, used: map[string]PrivateKey{}} }

// Identity is a certificate of our own with its key.
type Identity struct {
	Path []*x509.Certificate // issuer first, leaf last, without the root: what is sent
	Key  PrivateKey
}

// Leaf returns the certificate itself.
func (i Identity) Leaf() *x509.Certificate { return i.Path[len(i.Path)-1] }

// Signing returns what an own MP-ID signs with at an instant: the newest certificate that is valid. The error is a
// *NoCertificate if there is none. New certificates may be used at once.
func (k *Keys) Signing(ctx context.Context, mpID string, at time.Time) (Identity, error) {
	return k.identity(ctx, mpID, smpki.Signature, at)
}

// TLS returns what an own MP-ID shows in TLS, as client and as server; else it is like Signing.
func (k *Keys) TLS(ctx context.Context, mpID string, at time.Time) (Identity, error) {
	return k.identity(ctx, mpID, smpki.TLS, at)
}

func (k *Keys) identity(ctx context.Context, mpID string, usage smpki.Usage, at time.Time) (Identity, error) {
	list, err := k.certificates(ctx, mpID)
	if err != nil {
		return Identity{}, err
	}
	c, path, err := k.d.best(list, mpID, usage, at, k.d.verifier(ctx))
	if none, ok := errors.AsType[*NoCertificate](err); ok {
		none.Own = true
	}
	if err != nil {
		return Identity{}, err
	}
	key, err := k.key(ctx, c.Certificate)
	if err != nil {
		return Identity{}, err
	}
	return Identity{Path: path[1:], Key: key}, nil
}

// DecryptionKey is a key that messages to us may be encrypted to.
type DecryptionKey struct {
	Certificate *x509.Certificate // its SubjectKeyId is how messages name the key
	Key         Agreer
}

// Decryption returns the keys that a message to an own MP-ID may be encrypted to, the newest first. Older ones are there too,
// also expired ones: while certificates change partners use the old one as well as the new one, and it is they who must not
// use one that has expired. What was retired before the instant is left out.
//
// Spec: Regelungen zum Übertragungsweg AS4 2.0, 5.3
func (k *Keys) Decryption(ctx context.Context, mpID string, at time.Time) ([]DecryptionKey, error) {
	list, err := k.certificates(ctx, mpID)
	if err != nil {
		return nil, err
	}
	var keys []DecryptionKey
	var missing error
	for _, c := range list {
		if c.Usage != smpki.Encryption || !c.Row.RetiredAt.IsZero() && !at.Before(c.Row.RetiredAt) {
			continue
		}
		key, err := k.key(ctx, c.Certificate)
		if errors.Is(err, errNoKey) { // the others can be used
			missing = err
			continue
		}
		if err != nil {
			return nil, err
		}
		keys = append(keys, DecryptionKey{c.Certificate, key})
	}
	if keys == nil && missing != nil {
		return nil, missing
	}
	if keys == nil {
		return nil, &NoCertificate{MPID: mpID, Usage: smpki.Encryption, Own: true}
	}
	return keys, nil
}

// certificates lists our own certificates of an MP-ID, or of all if it is empty, in the order of Directory.Certificates.
func (k *Keys) certificates(ctx context.Context, mpID string) ([]Certificate, error) {
	rows, err := k.d.rows(ctx, store.CertificateQuery{MPID: mpID, Own: true})
	if err != nil {
		return nil, err
	}
	return parseRows(rows)
}

// keyFingerprint names a private key: by its public half, which its certificate has too.
func keyFingerprint(subjectPublicKeyInfo []byte) string {
	sum := sha256.Sum256(subjectPublicKeyInfo)
	return hex.EncodeToString(sum[:])
}

// errNoKey: a certificate of our own has no key, as when a token lost it.
var errNoKey = errors.New("the private key is not here")

// key returns the private key of a certificate.
func (k *Keys) key(ctx context.Context, c *x509.Certificate) (PrivateKey, error) {
	name := keyFingerprint(c.RawSubjectPublicKeyInfo)
	k.mu.Lock()
	key := k.used[name]
	k.mu.Unlock()
	if key != nil {
		return key, nil
	}
	key, err := k.find(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("partner: %w of %s: import it (marktbote keys import)", errNoKey, smpki.Describe(c))
	}
	if err != nil {
		return nil, fmt.Errorf("partner: private key of %s: %w", smpki.Describe(c), err)
	}
	k.mu.Lock()
	k.used[name] = key
	k.mu.Unlock()
	return key, nil
}

// find looks for a key in the token and then in the store.
func (k *Keys) find(ctx context.Context, name string) (PrivateKey, error) {
	if k.d.opts.Token != nil {
		key, err := k.d.opts.Token.Key(ctx, name)
		if !errors.Is(err, store.ErrNotFound) {
			return key, err
		}
	}
	row, err := view(ctx, k.d.opts.Store, func(tx store.Tx) (store.PrivateKey, error) { return tx.PrivateKey(name) })
	if err != nil {
		return nil, err
	}
	return smpki.ParseKey(row.PKCS8, nil)
}

// OwnKey is a key of our own: with its certificate, or still waiting for it.
type OwnKey struct {
	Certificate *Certificate // nil: it was requested and has not been imported
	MPID        string
	Usage       string
	CreatedAt   time.Time // of the key; zero if it is not in the store
	Request     []byte    // DER of the certificate request, if it was made here
}

// List lists the keys of an own MP-ID, or of all if it is empty: those with certificates by MP-ID, usage and age, then those
// that wait for one.
func (k *Keys) List(ctx context.Context, mpID string) ([]OwnKey, error) {
	list, err := k.certificates(ctx, mpID)
	if err != nil {
		return nil, err
	}
	rows, err := view(ctx, k.d.opts.Store, func(tx store.Tx) ([]store.PrivateKey, error) { return tx.PrivateKeys(mpID) })
	if err != nil {
		return nil, err
	}
	var out []OwnKey
	for _, c := range list {
		own := OwnKey{Certificate: &c, MPID: c.Row.MPID, Usage: string(c.Row.Usage)}
		name := keyFingerprint(c.RawSubjectPublicKeyInfo)
		if i := slices.IndexFunc(rows, func(r store.PrivateKey) bool { return r.Fingerprint == name }); i >= 0 {
			own.CreatedAt, own.Request = rows[i].CreatedAt, rows[i].Request
			rows = slices.Delete(rows, i, i+1)
		}
		out = append(out, own)
	}
	slices.SortStableFunc(out, func(a, b OwnKey) int { return cmp.Compare(a.MPID, b.MPID) })
	slices.SortStableFunc(rows, func(a, b store.PrivateKey) int {
		return cmp.Or(cmp.Compare(a.MPID, b.MPID), a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.Usage, b.Usage))
	})
	for _, r := range rows {
		out = append(out, OwnKey{MPID: r.MPID, Usage: string(r.Usage), CreatedAt: r.CreatedAt, Request: r.Request})
	}
	return out, nil
}

// Request makes the three keys of a new triple, keeps them and returns the certificate requests (PKCS #10) as PEM. The
// certificates are imported when they are there; until then nothing changes.
func (k *Keys) Request(ctx context.Context, r smpki.Request, who string) (map[smpki.Usage][]byte, error) {
	requests := map[smpki.Usage][]byte{}
	var rows []store.PrivateKey
	for _, usage := range usages {
		key, err := brainpool.GenerateKey()
		if err != nil {
			return nil, fmt.Errorf("partner: %w", err)
		}
		der, err := r.PKCS10(usage, key)
		if err != nil {
			return nil, err
		}
		row, err := keyRow(key, r.MPID, usage, k.d.opts.Now())
		if err != nil {
			return nil, err
		}
		row.Request = der
		rows = append(rows, row)
		requests[usage] = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})
	}
	err := k.d.opts.Store.Update(ctx, func(tx store.Tx) error {
		tx.SetActor(who, "certificates requested")
		for _, row := range rows {
			if err := tx.InsertPrivateKey(row); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return requests, nil
}

// keyRow makes the row of a key.
func keyRow(key *brainpool.PrivateKey, mpID string, usage smpki.Usage, at time.Time) (store.PrivateKey, error) {
	text, err := smpki.MarshalKey(key, nil)
	if err != nil {
		return store.PrivateKey{}, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return store.PrivateKey{}, errors.New("partner: key without PEM")
	}
	return store.PrivateKey{
		Fingerprint: publicFingerprint(key), MPID: mpID, Usage: store.CertificateUsage(usage.String()), PKCS8: block.Bytes, CreatedAt: at,
	}, nil
}

// ErrLastKey is the error of Retire when nothing would be left.
var ErrLastKey = errors.New("no other valid certificate of this usage would be left")

// Retire takes an own certificate out of use from now on; fingerprint may be its beginning. The key stays, what was encrypted
// to it and is kept can be proved. Without force the last valid certificate of a usage is not retired: ErrLastKey.
func (k *Keys) Retire(ctx context.Context, fingerprint, who, reason string, force bool) (Certificate, error) {
	list, err := k.certificates(ctx, "")
	if err != nil {
		return Certificate{}, err
	}
	fingerprint = strings.ToLower(strings.ReplaceAll(fingerprint, ":", ""))
	fits := slices.DeleteFunc(slices.Clone(list), func(c Certificate) bool { return !strings.HasPrefix(c.Row.Fingerprint, fingerprint) })
	switch {
	case len(fingerprint) < 8:
		return Certificate{}, errors.New("a fingerprint has 64 digits, of which at least the first 8 are needed")
	case len(fits) == 0:
		return Certificate{}, fmt.Errorf("no own certificate has the fingerprint %s; marktbote keys list shows them", fingerprint)
	case len(fits) > 1:
		return Certificate{}, fmt.Errorf("%d own certificates have a fingerprint that begins with %s", len(fits), fingerprint)
	}
	c, now := fits[0], k.d.opts.Now()
	if !c.Row.RetiredAt.IsZero() {
		return c, fmt.Errorf("certificate %s was retired on %s already", smpki.Describe(c.Certificate), c.Row.RetiredAt.Format(time.DateOnly))
	}
	rest := slices.DeleteFunc(list, func(x Certificate) bool { return x.Row.Fingerprint == c.Row.Fingerprint || x.Row.MPID != c.Row.MPID })
	if _, _, err := k.d.best(rest, c.Row.MPID, c.Usage, now, k.d.offline); err != nil && !force {
		return c, fmt.Errorf("certificate %s: %w: import the successor first", smpki.Describe(c.Certificate), ErrLastKey)
	}
	c.Row.RetiredAt = now
	return c, k.d.opts.Store.Update(ctx, func(tx store.Tx) error {
		tx.SetActor(who, reason)
		return tx.SetCertificate(c.Row)
	})
}
