package doctor

import (
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"github.com/marktbote/marktbote/gateway/as4/smpki"
	"github.com/marktbote/marktbote/gateway/partner"
)

// caEnding is how long before the end of a CA's certificate something is said.
const caEnding = 180 * 24 * time.Hour

// roots looks at what is trusted.
func (d *Doctor) roots() {
	trust, now := d.Directory.Trust(), d.Now()
	if len(trust.Roots) == 0 {
		d.fault(CheckRoots, "", "no root certificate is configured, so no certificate is valid",
			"get the root certificates from the BSI, compare their fingerprints with those it publishes, and name the files in as4.trust.roots")
	}
	for i, c := range append(slices.Clone(trust.Roots), trust.CAs...) {
		what := "root"
		if i >= len(trust.Roots) {
			what = "Sub-CA"
		}
		if what == "Sub-CA" && !c.IsCA {
			what = "signer of revocation lists"
		}
		switch name := c.Subject.CommonName; {
		case now.Before(c.NotBefore):
			d.fault(CheckRoots, name, fmt.Sprintf("%s, valid from %s on only", what, date(c.NotBefore)), "look at the clock, or remove the certificate until then")
		case now.After(c.NotAfter):
			d.fault(CheckRoots, name, fmt.Sprintf("%s, expired at %s", what, date(c.NotAfter)), "get the successor from the BSI or the CA, and remove this one")
		case c.NotAfter.Sub(now) < caEnding:
			d.warn(CheckRoots, name, fmt.Sprintf("%s, ends at %s", what, date(c.NotAfter)), "get the successor from the BSI or the CA")
		default:
			d.ok(CheckRoots, name, "%s, valid until %s, SHA-256 %s", what, date(c.NotAfter), smpki.Fingerprint(c))
		}
	}
}

// ownCertificates looks for a complete triple of every own MP-ID, with a successor in time.
func (d *Doctor) ownCertificates(ctx context.Context) {
	keys, err := d.Directory.Keys().List(ctx, "")
	if err != nil {
		d.fault(CheckOwn, "", err.Error(), "look at the check of the store")
		return
	}
	warnings, err := d.Directory.Radar(ctx, d.Now())
	if err != nil {
		d.fault(CheckOwn, "", err.Error(), "look at the check of the store")
		return
	}
	d.own = nil
	for _, p := range d.Config.Own {
		d.own = append(d.own, string(p.MPID))
	}
	if len(d.own) == 0 {
		d.fault(CheckOwn, "", "there is no own MP-ID", "name the own MP-IDs in the configuration (own) and request their certificates: "+d.command("keys request MP-ID"))
	}
	unnamed := map[string]bool{}
	for _, k := range keys {
		if k.Certificate != nil && !slices.Contains(d.own, k.MPID) && !unnamed[k.MPID] {
			unnamed[k.MPID] = true
			d.warn(CheckOwn, k.MPID, "it has own certificates in the store but is not configured as an own MP-ID, so nothing is received for it", "name it in the configuration (own)")
		}
	}
	for _, mpID := range d.own {
		for _, usage := range []smpki.Usage{smpki.Signature, smpki.Encryption, smpki.TLS} {
			i := slices.IndexFunc(warnings, func(w partner.Warning) bool {
				return w.MPID == mpID && w.Usage == usage.String() && (w.Kind == partner.OwnMissing || w.Kind == partner.OwnExpiring)
			})
			switch {
			case i < 0:
				d.ok(CheckOwn, mpID, "%s: valid until %s", usage, date(until(keys, mpID, usage)))
			case warnings[i].Kind == partner.OwnMissing:
				d.fault(CheckOwn, mpID, usage.String()+": "+d.why(ctx, mpID, usage, warnings[i].Text),
					"request a triple at the CA ("+d.command("keys request "+mpID)+") and import it ("+d.command("keys import FILE...")+")")
			default:
				d.warn(CheckOwn, mpID, usage.String()+": "+warnings[i].Text, "request the next triple: "+d.command("keys request "+mpID))
			}
		}
	}
}

// why returns the reason for which an own MP-ID has no certificate, without what a radar adds for people.
func (d *Doctor) why(ctx context.Context, mpID string, usage smpki.Usage, text string) string {
	var err error
	switch usage {
	case smpki.Signature:
		_, err = d.Directory.Keys().Signing(ctx, mpID, d.Now())
	case smpki.TLS:
		_, err = d.Directory.Keys().TLS(ctx, mpID, d.Now())
	}
	if err != nil {
		return err.Error()
	}
	return text
}

// until returns the end of the last certificate.
func until(keys []partner.OwnKey, mpID string, usage smpki.Usage) (end time.Time) {
	for _, k := range keys {
		if k.Certificate != nil && k.MPID == mpID && k.Usage == usage.String() && k.Certificate.NotAfter.After(end) {
			end = k.Certificate.NotAfter
		}
	}
	return end
}

// revocationLists looks at the list of every CA.
//
// Spec: Regelungen zum Übertragungsweg AS4 2.0, 5.4 (three days)
func (d *Doctor) revocationLists() {
	now := d.Now()
	for _, l := range d.Directory.Revocation().States(now) {
		name := l.Issuer.Subject.CommonName
		remedy := d.command("partners radar --fetch") + " tries at once; look whether its place can be reached from here"
		if l.Source != "" {
			remedy += " (" + l.Source + ")"
		}
		remedy += ", name another one in as4.trust.crls, or import a file: " + d.command("partners import FILE")
		if l.Error != "" {
			remedy = "last attempt: " + l.Error + "; " + remedy
		}
		switch {
		case l.ThisUpdate.IsZero():
			d.fault(CheckCRL, name, "there was never a revocation list, so nothing that this CA has issued is valid", remedy)
		case l.State == smpki.CRLDistrusted:
			d.fault(CheckCRL, name, fmt.Sprintf("its revocation list was to be renewed at %s, more than three days ago: the CA and all its certificates are distrusted", date(l.NextUpdate)), remedy)
		case l.State == smpki.CRLStale:
			d.warn(CheckCRL, name, fmt.Sprintf("its revocation list was to be renewed at %s; it is used until %s, then the CA is distrusted", date(l.NextUpdate), date(l.NextUpdate.Add(smpki.CRLTolerance))), remedy)
		default:
			d.ok(CheckCRL, name, "%d hours old, to be renewed by %s", int(now.Sub(l.ThisUpdate).Hours()), date(l.NextUpdate))
		}
	}
}

// verify judges a certificate for TLS by what is known.
func (d *Doctor) verify(leaf *x509.Certificate, others []*x509.Certificate) error {
	_, err := d.Directory.Trust().Verify(leaf, others, smpki.TLS, d.Now())
	return err
}
