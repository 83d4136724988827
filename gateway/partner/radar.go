package partner

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/marktbote/marktbote/formats/calendar"
	"github.com/marktbote/marktbote/gateway/as4/smpki"
	"github.com/marktbote/marktbote/store"
)

// WarningKind says what a warning is about. The words are stable: they appear in metrics.
type WarningKind string

// The kinds of warnings.
const (
	OwnExpiring      WarningKind = "own-expiring"      // an own certificate ends, and no successor is there
	OwnMissing       WarningKind = "own-missing"       // an own MP-ID has no valid certificate of a usage
	PartnerExpiring  WarningKind = "partner-expiring"  // the last valid certificate of a partner ends
	PartnerMissing   WarningKind = "partner-missing"   // nothing can be encrypted to a partner
	PartnerRevoked   WarningKind = "partner-revoked"   // a certificate of a partner was revoked
	ListStale        WarningKind = "crl-stale"         // a revocation list is overdue, by three days at most
	ListDistrusted   WarningKind = "crl-distrusted"    // it is longer overdue, or was never there: nothing of this CA is valid
	EndpointFailing  WarningKind = "endpoint-failing"  // messages wait for their receipt
	SwitchUnanswered WarningKind = "switch-unanswered" // a path switch was requested and not confirmed
)

// Severity says how much a warning matters.
type Severity string

// The severities.
const (
	Info  Severity = "info"    // good to know
	Warn  Severity = "warning" // to be looked at in the next days
	Alarm Severity = "alarm"   // something does not work, or will not within 10 Werktage
)

// Warning is something that needs a person.
type Warning struct {
	Kind     WarningKind
	Severity Severity
	MPID     string    // of whom; empty with revocation lists
	Usage    string    // of the certificate: signature, encryption, tls
	CA       string    // name, with revocation lists
	Until    time.Time // end of the certificate, or until when the list can be used; zero: does not apply
	Werktage int       // the threshold that is passed: 60, 30, 15 or 10 Werktage before Until; 0: does not apply
	Text     string    // what is wrong and what helps
}

// thresholds are the Werktage before the end of a certificate at which a warning appears or gets another number. A successor
// must be there at least 10 Werktage before the end.
//
// Spec: Regelungen zum Übertragungsweg AS4 2.0, 5.3
var thresholds = []int{10, 15, 30, 60}

const (
	// failingAfter is how long a message may wait for its receipt without a warning.
	failingAfter = 30 * time.Minute
	// switchAfter is how many Werktage a path switch may be unanswered.
	switchAfter = 5
	// maxPending bounds how many waiting messages are looked at.
	maxPending = 1000
)

// threshold returns the smallest threshold that is passed at an instant; 0 if none is.
func threshold(until, at time.Time) int {
	end, today := calendar.StromDayOf(until), calendar.StromDayOf(at)
	for _, n := range thresholds {
		if end.End().Compare(today.AddWerktage(n).End()) <= 0 {
			return n
		}
	}
	return 0
}

// survey is what Radar looks at.
type survey struct {
	warnings []Warning
	valid    []validity
}

// validity is until when an MP-ID has valid certificates of a usage.
type validity struct {
	mpID, usage string
	own         bool
	until       time.Time // zero: it has none now
}

// Radar tells everything that needs a person, the worst first. It uses what is known and fetches nothing.
func (d *Directory) Radar(ctx context.Context, now time.Time) ([]Warning, error) {
	s, err := d.survey(ctx, now)
	if err != nil {
		return nil, fmt.Errorf("partner: radar: %w", err)
	}
	return s.warnings, nil
}

func (d *Directory) survey(ctx context.Context, now time.Time) (*survey, error) {
	s := &survey{}
	rows, err := d.rows(ctx, store.CertificateQuery{})
	if err != nil {
		return nil, err
	}
	all, err := parseRows(rows)
	if err != nil {
		return nil, err
	}
	own, others := map[string][]Certificate{}, map[string][]Certificate{}
	for _, id := range d.opts.Own {
		own[id] = nil
	}
	for _, c := range all {
		if c.Row.Own {
			own[c.Row.MPID] = append(own[c.Row.MPID], c)
		} else {
			others[c.Row.MPID] = append(others[c.Row.MPID], c)
		}
	}
	for id, list := range own {
		for _, usage := range usages {
			d.surveyOwn(s, id, usage, list, now)
		}
	}
	partners, err := d.Partners(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range partners {
		if _, isOwn := own[p.MPID]; isOwn {
			continue
		}
		if p.Endpoint != "" {
			d.surveyPartner(s, p, others[p.MPID], now)
		}
		for _, sw := range p.PathSwitches {
			if sw.State != SwitchRequested || sw.ByPartner || now.Before(calendar.StromDayOf(sw.RequestedAt).AddWerktage(switchAfter).End()) {
				continue
			}
			s.warn(Warning{Kind: SwitchUnanswered, Severity: Warn, MPID: p.MPID, Text: fmt.Sprintf(
				"the path switch to AS4 was requested by %s on %s and is not confirmed: request it again, or ask the partner", sw.Own, day(sw.RequestedAt))})
		}
	}
	for id, list := range others {
		d.surveyRevoked(s, id, list, now)
	}
	d.surveyLists(s, now)
	if err := d.surveyEndpoints(ctx, s, now); err != nil {
		return nil, err
	}
	rank := []Severity{Alarm, Warn, Info}
	slices.SortStableFunc(s.warnings, func(a, b Warning) int {
		return cmp.Or(cmp.Compare(slices.Index(rank, a.Severity), slices.Index(rank, b.Severity)), cmp.Compare(a.Kind, b.Kind),
			cmp.Compare(a.MPID, b.MPID), cmp.Compare(a.Usage, b.Usage), cmp.Compare(a.CA, b.CA))
	})
	return s, nil
}

func (s *survey) warn(w Warning) { s.warnings = append(s.warnings, w) }

// day writes a day for people.
func day(t time.Time) string { return calendar.StromDayOf(t).String() }

// validUntil returns until when there are valid certificates without a gap, also those that begin later.
func (d *Directory) validUntil(list []Certificate, mpID string, usage smpki.Usage, now time.Time) (until time.Time, err error) {
	c, _, err := d.best(list, mpID, usage, now, d.offline)
	if err != nil {
		return time.Time{}, err
	}
	until = c.NotAfter
	for _, next := range slices.Backward(list) { // another one that is valid longer, the successor, and that of it
		if next.Usage != usage || !next.Row.RetiredAt.IsZero() || !next.NotAfter.After(until) || next.NotBefore.After(until) {
			continue
		}
		begin := now
		if next.NotBefore.After(now) {
			begin = next.NotBefore
		}
		_, err := d.offline(next.Certificate, usage, begin)
		invalid, ok := errors.AsType[*smpki.Invalid](err)
		if err == nil || begin.After(now) && ok && isAboutList(invalid.Reason) { // nobody has a list of then
			until = next.NotAfter
		}
	}
	return until, nil
}

func (d *Directory) surveyOwn(s *survey, mpID string, usage smpki.Usage, list []Certificate, now time.Time) {
	until, err := d.validUntil(list, mpID, usage, now)
	s.valid = append(s.valid, validity{mpID, usage.String(), true, until})
	if none, ok := errors.AsType[*NoCertificate](err); ok {
		none.Own = true
	}
	if err != nil {
		s.warn(Warning{Kind: OwnMissing, Severity: Alarm, MPID: mpID, Usage: usage.String(), Text: err.Error() + "; until then the AS4 channel of this MP-ID does not work"})
		return
	}
	n := threshold(until, now)
	if n == 0 {
		return
	}
	severity := Warn
	if n <= 15 {
		severity = Alarm
	}
	s.warn(Warning{Kind: OwnExpiring, Severity: severity, MPID: mpID, Usage: usage.String(), Until: until, Werktage: n, Text: fmt.Sprintf(
		"our %s certificate ends on %s, less than %d Werktage from now, and no successor is here: partners must be able to get it 10 Werktage before; request a triple (marktbote keys request)",
		usage, day(until), n)})
}

func (d *Directory) surveyPartner(s *survey, p Partner, list []Certificate, now time.Time) {
	for _, usage := range usages {
		until, err := d.validUntil(list, p.MPID, usage, now)
		if usage != smpki.Encryption && err != nil {
			continue // they come with the next message
		}
		s.valid = append(s.valid, validity{p.MPID, usage.String(), false, until})
		if err != nil {
			s.warn(Warning{Kind: PartnerMissing, Severity: Alarm, MPID: p.MPID, Usage: usage.String(), Text: fmt.Sprintf(
				"%v; nothing can be sent to him: tell the partner by e-mail, once at least", err)})
			continue
		}
		n := threshold(until, now)
		if n == 0 {
			continue
		}
		severity, help := Info, "the successor comes with his messages"
		if usage == smpki.Encryption {
			severity, help = Warn, "look for the successor (marktbote partners certificates "+p.MPID+" --lookup) or ask for it"
			if n == thresholds[0] {
				severity = Alarm
			}
		}
		s.warn(Warning{Kind: PartnerExpiring, Severity: severity, MPID: p.MPID, Usage: usage.String(), Until: until, Werktage: n, Text: fmt.Sprintf(
			"the %s certificate of %s ends on %s, less than %d Werktage from now: %s", usage, p.MPID, day(until), n, help)})
	}
}

// surveyRevoked looks for certificates that were revoked before their end.
func (d *Directory) surveyRevoked(s *survey, mpID string, list []Certificate, now time.Time) {
	for _, c := range list {
		if !c.Row.RetiredAt.IsZero() || now.After(c.NotAfter) {
			continue
		}
		_, err := d.offline(c.Certificate, c.Usage, now)
		if invalid, ok := errors.AsType[*smpki.Invalid](err); ok && invalid.Reason == smpki.Revoked {
			s.warn(Warning{Kind: PartnerRevoked, Severity: Warn, MPID: mpID, Usage: c.Usage.String(), Until: c.NotAfter, Text: err.Error()})
		}
	}
}

func (d *Directory) surveyLists(s *survey, now time.Time) {
	for _, l := range d.crls.States(now) {
		name, until := l.Issuer.Subject.CommonName, time.Time{}
		why := l.Error
		if why == "" {
			why = "no newer one is where it comes from (" + l.Source + ")"
		}
		if !l.NextUpdate.IsZero() {
			until = l.NextUpdate.Add(smpki.CRLTolerance)
		}
		switch {
		case l.State == smpki.CRLStale:
			s.warn(Warning{Kind: ListStale, Severity: Alarm, CA: name, Until: until, Text: fmt.Sprintf(
				"the revocation list of %s is overdue; from %s on nothing of this CA is valid any more, in both directions: %s", name, until.UTC().Format("2006-01-02 15:04 UTC"), why)})
		case l.State == smpki.CRLDistrusted && l.ThisUpdate.IsZero():
			if l.Error == "" {
				why = "it was not tried"
			}
			s.warn(Warning{Kind: ListDistrusted, Severity: Alarm, CA: name, Text: fmt.Sprintf(
				"there is no revocation list of %s, so nothing of this CA is valid: %s", name, why)})
		case l.State == smpki.CRLDistrusted:
			s.warn(Warning{Kind: ListDistrusted, Severity: Alarm, CA: name, Until: until, Text: fmt.Sprintf(
				"the revocation list of %s is more than three days overdue, so nothing of this CA is valid, in both directions: %s", name, why)})
		}
	}
}

// surveyEndpoints looks for partners whose messages wait for receipts and who have given none since.
func (d *Directory) surveyEndpoints(ctx context.Context, s *survey, now time.Time) error {
	type waiting struct {
		first store.Transmission
		count int
	}
	byPartner := map[string]*waiting{}
	pending, err := view(ctx, d.opts.Store, func(tx store.Tx) ([]store.Transmission, error) {
		return tx.Transmissions(store.TransmissionQuery{Direction: store.Out, State: store.TransmissionPending, Limit: maxPending})
	})
	if err != nil {
		return err
	}
	for _, t := range pending { // newest first
		w := byPartner[t.Recipient]
		if w == nil {
			w = &waiting{}
			byPartner[t.Recipient] = w
		}
		w.first = t
		w.count++
	}
	for id, w := range byPartner {
		if now.Sub(w.first.CreatedAt) < failingAfter {
			continue
		}
		delivered, err := view(ctx, d.opts.Store, func(tx store.Tx) ([]store.Transmission, error) {
			return tx.Transmissions(store.TransmissionQuery{Direction: store.Out, Partner: id, State: store.TransmissionDelivered, Limit: 1})
		})
		if err != nil {
			return err
		}
		text := fmt.Sprintf("%d messages to %s wait for their receipt, the first since %s", w.count, id, w.first.CreatedAt.UTC().Format("2006-01-02 15:04 UTC"))
		severity := Alarm
		if len(delivered) > 0 && delivered[0].ReceiptAt.After(w.first.CreatedAt) {
			severity = Warn // others came through meanwhile
			text += "; others were receipted meanwhile"
		}
		if w.first.Fault != "" {
			text += "; last error: " + limitText(w.first.Fault)
		}
		s.warn(Warning{Kind: EndpointFailing, Severity: severity, MPID: id, Text: text + ": ask the partner"})
	}
	return nil
}
