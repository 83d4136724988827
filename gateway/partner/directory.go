package partner

import (
	"bytes"
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/marktbote/marktbote/gateway/as4/smpki"
	"github.com/marktbote/marktbote/gateway/config"
	"github.com/marktbote/marktbote/store"
)

// Options say what a Directory works with. Store, Environment and Roots must be set.
type Options struct {
	Store       store.Store
	Environment string                 // smpki.Production or smpki.Test
	Roots       []*x509.Certificate    // trust anchors
	CAs         []*x509.Certificate    // Sub-CAs and signers of root revocation lists
	CRLs        []config.CRLSource     // beside those that certificates name
	Directories []config.LDAPDirectory // where certificates are looked up
	Own         []string               // own MP-IDs; those with keys in the store need not be named
	Token       Token                  // keys outside the store; nil: there are none

	AllowHTTP bool             // endpoints without TLS on other machines, for tests
	HTTP      *http.Client     // nil: one with limits
	Dial      DialFunc         // connections to LDAP servers; nil: net.Dialer
	Now       func() time.Time // nil: time.Now
	Log       *zap.Logger      // nil: nothing is logged
}

// DialFunc opens a connection, as net.Dialer.DialContext does.
type DialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// Directory knows Marktpartner and certificates. It is safe for concurrent use.
type Directory struct {
	opts  Options
	crls  *Revocation
	keys  *Keys
	trust atomic.Pointer[smpki.Trust]

	mu       sync.Mutex
	known    map[string]bool // fingerprints of certificates that are in the store; guarded by mu
	reloaded time.Time       // by hasNewCAs; guarded by mu
}

// reloadEvery is how often the CAs in the store are read at most because a certificate has an unknown issuer.
const reloadEvery = 10 * time.Second

// maxKnown bounds the memory of known fingerprints.
const maxKnown = 100_000

// Open reads what the store knows. Fetching begins with Run.
func Open(ctx context.Context, opts Options) (*Directory, error) {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Log == nil {
		opts.Log = zap.NewNop()
	}
	if opts.HTTP == nil {
		opts.HTTP = newHTTPClient()
	}
	if opts.Dial == nil {
		opts.Dial = (&net.Dialer{Timeout: connectTimeout}).DialContext
	}
	for _, c := range append(slices.Clone(opts.Roots), opts.CAs...) {
		if !slices.Contains(c.Subject.Organization, opts.Environment) {
			return nil, fmt.Errorf("partner: %s is not of %s; a gateway never trusts two environments", smpki.Describe(c), opts.Environment)
		}
	}
	d := &Directory{opts: opts, known: map[string]bool{}}
	d.crls = newRevocation(d)
	d.keys = newKeys(d)
	d.trust.Store(d.newTrust(nil))
	if err := d.reload(ctx); err != nil {
		return nil, fmt.Errorf("partner: %w", err)
	}
	if err := d.crls.load(ctx); err != nil {
		return nil, fmt.Errorf("partner: %w", err)
	}
	return d, nil
}

// Keys returns our own keys.
func (d *Directory) Keys() *Keys { return d.keys }

// Revocation returns the revocation lists.
func (d *Directory) Revocation() *Revocation { return d.crls }

// Trust returns what certificates are verified against. It is another one when a CA has become known, so it is asked for
// each time.
func (d *Directory) Trust() *smpki.Trust { return d.trust.Load() }

func (d *Directory) newTrust(stored []*x509.Certificate) *smpki.Trust {
	return &smpki.Trust{
		Roots: d.opts.Roots, CAs: append(slices.Clone(d.opts.CAs), stored...), Environment: d.opts.Environment, CRLs: d.crls,
	}
}

// reload reads the CAs of the store, which another process may have added to.
func (d *Directory) reload(ctx context.Context) error {
	var stored []*x509.Certificate
	for _, usage := range []store.CertificateUsage{store.UsageCA, store.UsageCRLSigner} {
		rows, err := d.rows(ctx, store.CertificateQuery{Usage: usage})
		if err != nil {
			return err
		}
		for _, r := range rows {
			c, err := smpki.ParseCertificate(r.DER)
			if err != nil {
				return fmt.Errorf("certificate %s: %w", r.Fingerprint, err)
			}
			if r.RetiredAt.IsZero() && !containsCertificate(d.opts.CAs, c) {
				stored = append(stored, c)
			}
		}
	}
	old := d.Trust().CAs[len(d.opts.CAs):]
	if !slices.EqualFunc(old, stored, (*x509.Certificate).Equal) {
		d.trust.Store(d.newTrust(stored))
	}
	return nil
}

func containsCertificate(list []*x509.Certificate, c *x509.Certificate) bool {
	return slices.ContainsFunc(list, c.Equal)
}

// view runs fn in a transaction that only reads.
func view[T any](ctx context.Context, st store.Store, fn func(tx store.Tx) (T, error)) (out T, err error) {
	err = st.View(ctx, func(tx store.Tx) (err error) {
		out, err = fn(tx)
		return err
	})
	return out, err
}

// Partner returns what is known about a Marktpartner. The error is a store.ErrNotFound if that is nothing; New then returns
// what holds for him.
func (d *Directory) Partner(ctx context.Context, mpID string) (Partner, error) {
	row, err := view(ctx, d.opts.Store, func(tx store.Tx) (store.Partner, error) { return tx.Partner(mpID) })
	if err != nil {
		return Partner{}, err
	}
	return fromRow(row)
}

// Partners lists all Marktpartner by MP-ID.
func (d *Directory) Partners(ctx context.Context) (list []Partner, err error) {
	for after := ""; ; {
		rows, err := view(ctx, d.opts.Store, func(tx store.Tx) ([]store.Partner, error) { return tx.Partners(after, pageRows) })
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			p, err := fromRow(r)
			if err != nil {
				return nil, err
			}
			list = append(list, p)
			after = r.MPID
		}
		if len(rows) < pageRows {
			return list, nil
		}
	}
}

// pageRows is how many rows are read at once.
const pageRows = 500

// Put adds or replaces a Marktpartner. who and reason are for the audit log.
func (d *Directory) Put(ctx context.Context, p Partner, who, reason string) error {
	return d.Change(ctx, p.MPID, who, reason, func(old *Partner) error {
		*old = p
		return nil
	})
}

// Change lets fn change a Marktpartner; it gets New(mpID) if he is not known. Two changes come after each other. An error of
// fn changes nothing and is returned.
func (d *Directory) Change(ctx context.Context, mpID, who, reason string, fn func(p *Partner) error) error {
	return d.opts.Store.Update(ctx, func(tx store.Tx) error {
		tx.SetActor(who, reason)
		if err := tx.Lock("partner/" + mpID); err != nil {
			return err
		}
		p := New(mpID)
		row, err := tx.Partner(mpID)
		switch {
		case err == nil:
			if p, err = fromRow(row); err != nil {
				return err
			}
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
		if err := fn(&p); err != nil {
			return err
		}
		p.MPID = mpID
		if err := p.Validate(d.opts.AllowHTTP); err != nil {
			return err
		}
		if row, err = p.row(d.opts.Now()); err != nil {
			return err
		}
		return tx.SetPartner(row)
	})
}

// Certificate is a certificate of an MP-ID with what is known about it.
type Certificate struct {
	*x509.Certificate
	Row   store.Certificate
	Usage smpki.Usage
}

// rows reads all certificates of a query.
func (d *Directory) rows(ctx context.Context, q store.CertificateQuery) (rows []store.Certificate, err error) {
	q.Limit = pageRows
	for {
		page, err := view(ctx, d.opts.Store, func(tx store.Tx) ([]store.Certificate, error) { return tx.Certificates(q) })
		if err != nil {
			return nil, err
		}
		rows = append(rows, page...)
		if len(page) < pageRows {
			return rows, nil
		}
		q.After = page[len(page)-1].Fingerprint
	}
}

// usages are those of a triple.
var usages = []smpki.Usage{smpki.Signature, smpki.Encryption, smpki.TLS}

// Certificates lists the certificates of an MP-ID, by usage and then the newest first.
func (d *Directory) Certificates(ctx context.Context, mpID string) ([]Certificate, error) {
	rows, err := d.rows(ctx, store.CertificateQuery{MPID: mpID})
	if err != nil {
		return nil, err
	}
	return parseRows(rows)
}

// parseRows reads the certificates of a triple among rows.
func parseRows(rows []store.Certificate) ([]Certificate, error) {
	var list []Certificate
	for _, r := range rows {
		i := slices.IndexFunc(usages, func(u smpki.Usage) bool { return u.String() == string(r.Usage) })
		if i < 0 {
			continue
		}
		c, err := smpki.ParseCertificate(r.DER)
		if err != nil {
			return nil, fmt.Errorf("partner: certificate %s: %w", r.Fingerprint, err)
		}
		list = append(list, Certificate{c, r, usages[i]})
	}
	slices.SortStableFunc(list, func(a, b Certificate) int {
		return cmp.Or(cmp.Compare(a.Usage, b.Usage), b.NotBefore.Compare(a.NotBefore))
	})
	return list, nil
}

// NoCertificate says why no certificate of an MP-ID can be used.
type NoCertificate struct {
	MPID    string
	Usage   smpki.Usage
	Own     bool    // it is one of our own that is missing
	Reasons []error // for each that is known, the newest first; those of package smpki are *smpki.Invalid
}

// Error tells everything that was tried, and what helps if nothing was there.
func (e *NoCertificate) Error() string {
	if len(e.Reasons) == 0 && e.Own {
		return fmt.Sprintf("no %s certificate of our own %s is here: import it with its key (marktbote keys import), or request a triple (marktbote keys request)", e.Usage, e.MPID)
	}
	if len(e.Reasons) == 0 {
		return fmt.Sprintf("no %s certificate of %s is known: get it from the directory of its CA (marktbote partners certificates %s --lookup) or from the partner, and import it (marktbote partners import)", e.Usage, e.MPID, e.MPID)
	}
	texts := make([]string, len(e.Reasons))
	for i, r := range e.Reasons {
		texts[i] = r.Error()
	}
	return fmt.Sprintf("no %s certificate of %s can be used: %s", e.Usage, e.MPID, strings.Join(texts, "; "))
}

// Unwrap returns the reasons.
func (e *NoCertificate) Unwrap() []error { return e.Reasons }

// errRetired is the reason of a certificate that a person took out of use.
var errRetired = errors.New("retired")

// EncryptionCertificate returns the certificate that messages to an MP-ID are encrypted to: of those that are valid at the
// instant, the newest. The error is a *NoCertificate if there is none.
//
// Spec: Regelungen zum Übertragungsweg AS4 2.0, 5.3
func (d *Directory) EncryptionCertificate(ctx context.Context, mpID string, at time.Time) (*x509.Certificate, error) {
	list, err := d.Certificates(ctx, mpID)
	if err != nil {
		return nil, err
	}
	c, _, err := d.best(list, mpID, smpki.Encryption, at, d.verifier(ctx))
	if err != nil {
		return nil, err
	}
	return c.Certificate, nil
}

// verify is how certificates are judged.
type verify func(c *x509.Certificate, usage smpki.Usage, at time.Time) (path []*x509.Certificate, err error)

// verifier judges with the help of the network.
func (d *Directory) verifier(ctx context.Context) verify {
	return func(c *x509.Certificate, usage smpki.Usage, at time.Time) ([]*x509.Certificate, error) {
		return d.Verify(ctx, c, nil, usage, at)
	}
}

// offline judges by what is known.
func (d *Directory) offline(c *x509.Certificate, usage smpki.Usage, at time.Time) ([]*x509.Certificate, error) {
	return d.Trust().Verify(c, nil, usage, at)
}

// best chooses among the certificates of an MP-ID, which are in the order of Certificates, and returns the path, root first.
func (d *Directory) best(list []Certificate, mpID string, usage smpki.Usage, at time.Time, verify verify) (Certificate, []*x509.Certificate, error) {
	none := &NoCertificate{MPID: mpID, Usage: usage}
	for _, c := range list {
		if c.Usage != usage {
			continue
		}
		if !c.Row.RetiredAt.IsZero() && !at.Before(c.Row.RetiredAt) {
			none.Reasons = append(none.Reasons, fmt.Errorf("certificate %s: %w on %s", smpki.Describe(c.Certificate), errRetired, c.Row.RetiredAt.Format(time.DateOnly)))
			continue
		}
		path, err := verify(c.Certificate, usage, at)
		if got, idErr := smpki.MPID(c.Certificate); err == nil && (idErr != nil || got != mpID) {
			err = fmt.Errorf("certificate %s is of another MP-ID than %s", smpki.Describe(c.Certificate), mpID)
		}
		if err == nil {
			return c, path, nil
		}
		none.Reasons = append(none.Reasons, err)
	}
	return Certificate{}, nil, none
}

// Verify judges a certificate as smpki.Trust.Verify does. If only a revocation list is missing or too old, it fetches the
// list from where the certificate says, once a minute at most. That place is looked at only when the signatures of the path
// are good, so no stranger can send us anywhere.
func (d *Directory) Verify(ctx context.Context, leaf *x509.Certificate, others []*x509.Certificate, usage smpki.Usage, at time.Time) ([]*x509.Certificate, error) {
	for range 4 { // a list for each level, CAs of another process, and the last look
		path, err := d.Trust().Verify(leaf, others, usage, at)
		invalid, ok := errors.AsType[*smpki.Invalid](err)
		switch {
		case ok && isAboutList(invalid.Reason) && d.crls.fetchFor(ctx, invalid, leaf, others):
		case ok && invalid.Reason == smpki.UnknownIssuer && d.hasNewCAs(ctx):
		default:
			return path, err
		}
	}
	return d.Trust().Verify(leaf, others, usage, at)
}

// hasNewCAs looks whether another process has added CAs, every few seconds at most.
func (d *Directory) hasNewCAs(ctx context.Context) bool {
	now := d.opts.Now()
	d.mu.Lock()
	tooSoon := now.Sub(d.reloaded) < reloadEvery && !now.Before(d.reloaded)
	if !tooSoon {
		d.reloaded = now
	}
	d.mu.Unlock()
	if tooSoon {
		return false
	}
	before := d.Trust()
	if err := d.reload(ctx); err != nil {
		d.opts.Log.Warn("certificates of CAs", zap.Error(err))
	}
	return d.Trust() != before
}

// isAboutList reports whether a newer revocation list may change the judgement.
func isAboutList(r smpki.Reason) bool {
	return r == smpki.RevocationUnknown || r == smpki.RevocationTooOld
}

// Learn keeps the certificates of a path that Verify returned, unless they are known. The root is not kept. source says
// where they came from, for people.
func (d *Directory) Learn(ctx context.Context, path []*x509.Certificate, source string) error {
	var rows []store.Certificate
	for i, c := range path {
		if d.isKnown(c) || containsCertificate(d.opts.Roots, c) || containsCertificate(d.opts.CAs, c) || i == 0 && bytes.Equal(c.RawSubject, c.RawIssuer) {
			continue
		}
		row, err := d.describe(c)
		if err != nil {
			return fmt.Errorf("partner: learn: %w", err)
		}
		row.Source = source
		rows = append(rows, row)
	}
	_, err := d.keep(ctx, rows)
	return err
}

// describe makes the row of a certificate that is not our own.
func (d *Directory) describe(c *x509.Certificate) (store.Certificate, error) {
	row := store.Certificate{
		Fingerprint: smpki.Fingerprint(c), DER: c.Raw, NotBefore: c.NotBefore, NotAfter: c.NotAfter, AddedAt: d.opts.Now(),
	}
	switch {
	case c.IsCA:
		row.Usage = store.UsageCA
		return row, nil
	case c.KeyUsage == x509.KeyUsageCRLSign:
		row.Usage = store.UsageCRLSigner
		return row, nil
	}
	usage, err := smpki.UsageOf(c)
	if err != nil {
		return row, err
	}
	row.Usage = store.CertificateUsage(usage.String())
	row.MPID, err = smpki.MPID(c)
	return row, err
}

// keep adds certificates that are not there yet and returns how many that were. A certificate that is there stays as it is:
// it may be one of our own.
func (d *Directory) keep(ctx context.Context, rows []store.Certificate) (added int, err error) {
	if len(rows) == 0 {
		return 0, nil
	}
	err = d.opts.Store.Update(ctx, func(tx store.Tx) error {
		added = 0
		if err := tx.Lock("certificates"); err != nil {
			return err
		}
		for _, row := range rows {
			_, err := tx.Certificate(row.Fingerprint)
			if err == nil {
				continue
			}
			if !errors.Is(err, store.ErrNotFound) {
				return err
			}
			if err := tx.SetCertificate(row); err != nil {
				return err
			}
			added++
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("partner: keep certificates: %w", err)
	}
	cas := false
	d.mu.Lock()
	if len(d.known)+len(rows) > maxKnown {
		clear(d.known)
	}
	for _, row := range rows {
		d.known[row.Fingerprint] = true
		cas = cas || row.MPID == ""
	}
	d.mu.Unlock()
	if cas {
		err = d.reload(ctx)
	}
	return added, err
}

// isKnown reports whether a certificate is in the store for sure.
func (d *Directory) isKnown(c *x509.Certificate) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.known[smpki.Fingerprint(c)]
}
