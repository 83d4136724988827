package partner

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/singleflight"

	"github.com/marktbote/marktbote/gateway/as4/smpki"
	"github.com/marktbote/marktbote/store"
)

const (
	// refreshEvery is the time between two attempts to get newer lists, on the average; retryEvery after a failed one.
	refreshEvery = 5 * time.Hour
	retryEvery   = 15 * time.Minute
	// onDemandEvery is how often a list is fetched at most because a certificate needs it.
	onDemandEvery = time.Minute
	// maxPlaces bounds how many places named in certificates are tried for one list.
	maxPlaces = 4
)

// errNoList is what CRL returns for a CA whose list was never there.
var errNoList = errors.New("none was fetched yet; see marktbote partners radar for the reason")

// Revocation has the newest revocation list of each CA. It implements smpki.CRLs and is safe for concurrent use.
type Revocation struct {
	d *Directory

	mu    sync.RWMutex
	lists map[string]*keptList // by issuerID; guarded by mu
	tried map[string]time.Time // by places, last fetch on demand; guarded by mu

	flights singleflight.Group // fetches on demand
}

// keptList is a list as it is kept and as it is used.
type keptList struct {
	row  store.CRL            // without DER
	list *x509.RevocationList // nil: there was never one
}

func newRevocation(d *Directory) *Revocation {
	return &Revocation{d: d, lists: map[string]*keptList{}, tried: map[string]time.Time{}}
}

// issuerID names the issuer of certificates: by its key, which a CA keeps when its certificate is renewed, and its name.
func issuerID(c *x509.Certificate) string {
	h := sha256.New()
	h.Write(c.RawSubjectPublicKeyInfo)
	h.Write(c.RawSubject)
	return hex.EncodeToString(h.Sum(nil))
}

// CRL implements smpki.CRLs.
func (r *Revocation) CRL(issuer *x509.Certificate) (*x509.RevocationList, error) {
	r.mu.RLock()
	k := r.lists[issuerID(issuer)]
	r.mu.RUnlock()
	switch {
	case k == nil || k.list == nil && k.row.Error == "":
		return nil, errNoList
	case k.list == nil:
		return nil, errors.New(k.row.Error)
	}
	return k.list, nil
}

// load reads what the store has. A list that is the same stays the same pointer.
func (r *Revocation) load(ctx context.Context) error {
	rows, err := view(ctx, r.d.opts.Store, store.Tx.CRLs)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := r.keep(row); err != nil {
			return err
		}
	}
	return nil
}

// keep makes a row what is used.
func (r *Revocation) keep(row store.CRL) error {
	r.mu.RLock()
	old := r.lists[row.Issuer]
	r.mu.RUnlock()
	k := &keptList{row: row}
	switch {
	case len(row.DER) == 0:
	case old != nil && old.list != nil && bytes.Equal(old.list.Raw, row.DER):
		k.list = old.list
	default:
		list, err := smpki.ParseCRL(row.DER)
		if err != nil {
			return fmt.Errorf("revocation list %s: %w", row.Issuer, err)
		}
		k.list = list
	}
	k.row.DER = nil
	r.mu.Lock()
	r.lists[row.Issuer] = k
	r.mu.Unlock()
	return nil
}

// issuers are the CAs whose lists are needed.
func (r *Revocation) issuers() []*x509.Certificate {
	t := r.d.Trust()
	var list []*x509.Certificate
	for _, c := range append(slices.Clone(t.Roots), t.CAs...) {
		if c.IsCA && !slices.ContainsFunc(list, func(x *x509.Certificate) bool { return issuerID(x) == issuerID(c) }) {
			list = append(list, c)
		}
	}
	return list
}

// Refresh fetches the lists of all CAs, but for those that were fetched lately, also by another process. With force it
// fetches all. The error names each CA whose list could not be had, and why; what is kept goes on being used.
func (r *Revocation) Refresh(ctx context.Context, force bool) error {
	if err := r.d.reload(ctx); err != nil {
		return err
	}
	if err := r.load(ctx); err != nil {
		return err
	}
	issuers := r.issuers()
	places, err := r.places(ctx, issuers)
	if err != nil {
		return err
	}
	had, failed := r.fetchConfigured(ctx, issuers)
	var errs []error
	for _, issuer := range issuers {
		if had[issuer] || !force && r.isRecent(issuer) {
			continue
		}
		if err := r.fetchFrom(ctx, issuer, places[issuerID(issuer)], failed); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// isRecent reports whether a list needs no attempt now.
func (r *Revocation) isRecent(issuer *x509.Certificate) bool {
	r.mu.RLock()
	k := r.lists[issuerID(issuer)]
	r.mu.RUnlock()
	now := r.d.opts.Now()
	return k != nil && k.list != nil && k.row.Error == "" && now.Sub(k.row.FetchedAt) < refreshEvery/2 && smpki.StateOf(k.list, now) == smpki.CRLFresh
}

// places lists for each issuer where the certificates that it has issued say its list is.
func (r *Revocation) places(ctx context.Context, issuers []*x509.Certificate) (map[string][]string, error) {
	places := map[string][]string{}
	add := func(c *x509.Certificate) {
		for _, issuer := range issuers {
			id := issuerID(issuer)
			if !bytes.Equal(issuer.RawSubject, c.RawIssuer) || c.Equal(issuer) ||
				len(c.AuthorityKeyId) > 0 && len(issuer.SubjectKeyId) > 0 && !bytes.Equal(c.AuthorityKeyId, issuer.SubjectKeyId) {
				continue
			}
			for _, place := range smpki.CRLURLs(c) {
				if len(places[id]) < maxPlaces && !slices.Contains(places[id], place) {
					places[id] = append(places[id], place)
				}
			}
		}
	}
	t := r.d.Trust()
	for _, c := range append(slices.Clone(t.Roots), t.CAs...) {
		add(c)
	}
	rows, err := r.d.rows(ctx, store.CertificateQuery{})
	if err != nil {
		return nil, err
	}
	list, err := parseRows(rows)
	if err != nil {
		return nil, err
	}
	for _, c := range list { // their paths were verified when they were kept
		add(c.Certificate)
	}
	return places, nil
}

// fetchConfigured fetches the lists of the configuration, which do not say whose they are until they are read. It returns
// the issuers whose lists are up to date now, and what failed.
func (r *Revocation) fetchConfigured(ctx context.Context, issuers []*x509.Certificate) (had map[*x509.Certificate]bool, failed []string) {
	had = map[*x509.Certificate]bool{}
	for _, source := range r.d.opts.CRLs {
		place := source.URL
		var data []byte
		var err error
		if source.File != "" {
			place = source.File
			data, err = readFile(source.File)
		} else {
			data, err = r.d.fetch(ctx, source.URL)
		}
		var issuer *x509.Certificate
		if err == nil {
			issuer, err = r.accept(ctx, data, issuers, place)
		}
		if err != nil {
			failed = append(failed, fmt.Sprintf("%s: %v", place, err))
			continue
		}
		had[issuer] = r.isFresh(issuer)
	}
	return had, failed
}

// isFresh reports whether the list of an issuer is not overdue.
func (r *Revocation) isFresh(issuer *x509.Certificate) bool {
	list, err := r.CRL(issuer)
	return err == nil && smpki.StateOf(list, r.d.opts.Now()) == smpki.CRLFresh
}

// readFile reads a small file.
func readFile(path string) ([]byte, error) {
	file, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	return readBounded(file)
}

// accept keeps a list if it is one of the issuers and newer than what is there, and returns whose it is. The same or an older
// list changes nothing but when it was fetched.
func (r *Revocation) accept(ctx context.Context, data []byte, issuers []*x509.Certificate, source string) (*x509.Certificate, error) {
	list, err := smpki.ParseCRL(data)
	if err != nil {
		return nil, err
	}
	now := r.d.opts.Now()
	var last error
	for _, issuer := range issuers {
		if err := r.d.Trust().CheckCRL(list, issuer, now); err != nil {
			if last == nil || bytes.Equal(list.RawIssuer, issuer.RawSubject) {
				last = err
			}
			continue
		}
		return issuer, r.store(ctx, issuer, list, source, now)
	}
	if last == nil {
		last = errors.New("no CA is known whose list it could be")
	}
	return nil, last
}

// store keeps a list that was checked.
func (r *Revocation) store(ctx context.Context, issuer *x509.Certificate, list *x509.RevocationList, source string, now time.Time) error {
	var row store.CRL
	err := r.change(ctx, issuer, func(old *store.CRL) {
		if len(old.DER) == 0 || !list.ThisUpdate.Before(old.ThisUpdate) {
			old.DER, old.ThisUpdate, old.NextUpdate = list.Raw, list.ThisUpdate, list.NextUpdate
		}
		old.FetchedAt, old.TriedAt, old.Source, old.Error = now, now, source, ""
		row = *old
	})
	if err != nil {
		return err
	}
	return r.keep(row)
}

// change rewrites the row of an issuer.
func (r *Revocation) change(ctx context.Context, issuer *x509.Certificate, fn func(row *store.CRL)) error {
	id := issuerID(issuer)
	return r.d.opts.Store.Update(ctx, func(tx store.Tx) error {
		if err := tx.Lock("crl/" + id); err != nil {
			return err
		}
		row, err := tx.CRL(id)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		row.Issuer = id
		fn(&row)
		return tx.SetCRL(row)
	})
}

// fetchFrom tries the places of a list until one has a list that is not overdue. The error, which is kept too, says what
// failed everywhere, and what to do.
func (r *Revocation) fetchFrom(ctx context.Context, issuer *x509.Certificate, places, failed []string) error {
	r.mu.RLock()
	k := r.lists[issuerID(issuer)]
	r.mu.RUnlock()
	if k != nil && isURL(k.row.Source) && !slices.Contains(places, k.row.Source) {
		places = append(slices.Clone(places), k.row.Source)
	}
	name := issuer.Subject.CommonName
	failed = slices.Clone(failed)
	for _, place := range places {
		data, err := r.d.fetch(ctx, place)
		if err == nil {
			_, err = r.accept(ctx, data, []*x509.Certificate{issuer}, place)
		}
		if err == nil {
			if r.isFresh(issuer) {
				return nil
			}
			err = errors.New("the list there is overdue itself")
		}
		failed = append(failed, fmt.Sprintf("%s: %v", place, err))
	}
	text := "the certificates that " + name + " has issued and that are known name no place of it; fetch it by hand and name the file in as4.trust.crls"
	if len(failed) > 0 {
		text = strings.Join(failed, "; ") + "; look whether the network lets us there (LDAP is port 389), or fetch it by hand and name the file in as4.trust.crls"
	}
	text = limitText(text)
	var row store.CRL
	err := r.change(ctx, issuer, func(old *store.CRL) {
		old.TriedAt, old.Error = r.d.opts.Now(), text
		row = *old
	})
	if err == nil {
		err = r.keep(row)
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("revocation list of %s: %s", name, text)
}

// limitText keeps what servers say short.
func limitText(s string) string {
	const limit = 1000
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "") + "…"
	}
	return s
}

// fetchFor fetches the list that a judgement lacks, and reports whether the judgement may be another one now. The certificate
// that names the place has a good path; which of the CAs in sight has issued it, the signature of the list tells.
func (r *Revocation) fetchFor(ctx context.Context, invalid *smpki.Invalid, leaf *x509.Certificate, others []*x509.Certificate) bool {
	t := r.d.Trust()
	about := invalid.Certificate // with RevocationTooOld it is the CA
	if invalid.Reason == smpki.RevocationTooOld {
		for _, c := range slices.Concat([]*x509.Certificate{leaf}, t.CAs, others) {
			if c != nil && bytes.Equal(c.RawIssuer, invalid.Certificate.RawSubject) && !c.Equal(invalid.Certificate) {
				about = c
				break
			}
		}
	}
	var issuers []*x509.Certificate
	for _, c := range slices.Concat(t.CAs, t.Roots, others) {
		if c != nil && c.IsCA && bytes.Equal(c.RawSubject, about.RawIssuer) && len(issuers) < maxIssuers {
			issuers = append(issuers, c)
		}
	}
	places := smpki.CRLURLs(about)
	return len(issuers) > 0 && len(places) > 0 && r.onDemand(ctx, issuers, places[:min(len(places), maxPlaces)])
}

// maxIssuers bounds how many CAs of one name a list is tried with.
const maxIssuers = 16

// onDemand fetches a list that somebody waits for, unless that was tried a moment ago. Those who want the same list wait
// for one attempt. What fails is logged only: it is Refresh that keeps errors, of the CAs that are known.
func (r *Revocation) onDemand(ctx context.Context, issuers []*x509.Certificate, places []string) bool {
	key := strings.Join(places, " ")
	had, _, _ := r.flights.Do(key, func() (any, error) {
		if !r.mayTry(key) {
			return slices.ContainsFunc(issuers, r.isFresh), nil
		}
		if err := r.load(ctx); err == nil && slices.ContainsFunc(issuers, r.isFresh) { // another process has fetched it
			return true, nil
		}
		for _, place := range places {
			// Who came first may go; the others still want it.
			data, err := r.d.fetch(context.WithoutCancel(ctx), place)
			var issuer *x509.Certificate
			if err == nil {
				issuer, err = r.accept(context.WithoutCancel(ctx), data, issuers, place)
			}
			if err == nil && r.isFresh(issuer) {
				return true, nil
			}
			r.d.opts.Log.Warn("revocation list on demand", zap.String("place", place), zap.Error(err))
		}
		return false, nil
	})
	return had.(bool)
}

// mayTry reports whether there may be an attempt on demand now, and notes that there is one.
func (r *Revocation) mayTry(key string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.d.opts.Now()
	if last, ok := r.tried[key]; ok && now.Sub(last) < onDemandEvery && !now.Before(last) {
		return false
	}
	if len(r.tried) >= maxKnown {
		clear(r.tried)
	}
	r.tried[key] = now
	return true
}

// ListState says how a revocation list stands.
type ListState struct {
	Issuer     *x509.Certificate
	State      smpki.CRLState
	ThisUpdate time.Time // zero: there was never one
	NextUpdate time.Time
	FetchedAt  time.Time
	Source     string
	Error      string // of the last attempt; empty: it was successful
}

// States tells how the lists of all CAs stand at an instant. A list that was never there is distrusted.
func (r *Revocation) States(at time.Time) []ListState {
	var out []ListState
	for _, issuer := range r.issuers() {
		out = append(out, r.State(issuer, at))
	}
	return out
}

// State tells how the list of a CA stands at an instant.
func (r *Revocation) State(issuer *x509.Certificate, at time.Time) ListState {
	s := ListState{Issuer: issuer, State: smpki.CRLDistrusted}
	r.mu.RLock()
	defer r.mu.RUnlock()
	if k := r.lists[issuerID(issuer)]; k != nil {
		s.FetchedAt, s.Source, s.Error = k.row.FetchedAt, k.row.Source, k.row.Error
		if k.list != nil {
			s.State, s.ThisUpdate, s.NextUpdate = smpki.StateOf(k.list, at), k.list.ThisUpdate, k.list.NextUpdate
		}
	}
	return s
}
