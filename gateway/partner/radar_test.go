package partner

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/marktbote/marktbote/formats/calendar"
	"github.com/marktbote/marktbote/gateway/as4/testpki"
	"github.com/marktbote/marktbote/store"
)

func TestThreshold(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC) // a Tuesday
	today := calendar.StromDayOf(at)
	for _, n := range thresholds {
		last := today.AddWerktage(n)
		if got := threshold(last.At(23, 59), at); got != n {
			t.Errorf("end on the %d. Werktag: %d", n, got)
		}
		want := 0
		for _, m := range thresholds {
			if m > n {
				want = m
				break
			}
		}
		if got := threshold(last.AddWerktage(1).At(0, 1), at); got != want {
			t.Errorf("end after the %d. Werktag: %d, want %d", n, got, want)
		}
	}
	if got := threshold(at, at); got != 10 {
		t.Errorf("end now: %d", got)
	}
}

// kinds lists what Radar says about an MP-ID, as kind/usage/severity/Werktage.
func (r *rig) kinds(t *testing.T) (out []string) {
	t.Helper()
	warnings, err := r.Radar(t.Context(), r.clock())
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range warnings {
		s := strings.Join([]string{string(w.Kind), w.MPID + w.CA, w.Usage, string(w.Severity)}, " ")
		if w.Text == "" {
			t.Errorf("%s without text", s)
		}
		out = append(out, s)
	}
	return out
}

func wantKinds(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s: got\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestRadarCertificates moves the clock towards the end of certificates.
func TestRadarCertificates(t *testing.T) {
	t.Parallel()
	r := fetched(t)
	now := r.clock()
	ctx := t.Context()
	until := testpki.Valid(now.AddDate(-1, 0, 0), now.AddDate(0, 6, 0))
	r.importTriple(t, r.triple(t, lieferant, until))
	partner := r.triple(t, netz, until)
	p := New(netz)
	p.Endpoint = "https://as4.example/"
	if err := r.Put(ctx, p, "", ""); err != nil {
		t.Fatal(err)
	}
	wantKinds(t, "partner without certificates", r.kinds(t), "partner-missing 9900000000002 encryption alarm")
	r.learn(t, partner.Signature, partner.Encryption)
	wantKinds(t, "half a year", r.kinds(t))

	at := func(before int) { // some calendar days before the end
		r.mu.Lock()
		r.now = now.AddDate(0, 6, -before)
		r.mu.Unlock()
		r.publish(t, time.Hour)
		if err := r.Revocation().Refresh(ctx, true); err != nil {
			t.Fatal(err)
		}
	}
	at(80)
	wantKinds(t, "80 days", r.kinds(t),
		"own-expiring 9900000000001 encryption warning", "own-expiring 9900000000001 signature warning", "own-expiring 9900000000001 tls warning",
		"partner-expiring 9900000000002 encryption warning", "partner-expiring 9900000000002 signature info")
	at(10)
	wantKinds(t, "10 days", r.kinds(t),
		"own-expiring 9900000000001 encryption alarm", "own-expiring 9900000000001 signature alarm", "own-expiring 9900000000001 tls alarm",
		"partner-expiring 9900000000002 encryption alarm", "partner-expiring 9900000000002 signature info")
	// Successors, also those that are not valid yet, end it.
	later := testpki.Valid(r.clock().AddDate(0, 0, 5), r.clock().AddDate(2, 0, 0))
	r.importTriple(t, r.triple(t, lieferant, later))
	successor := r.triple(t, netz, later)
	if _, err := r.Import(ctx, pemOf(successor.Encryption.Certificate, successor.Signature.Certificate), "test"); err != nil {
		t.Fatal(err)
	}
	wantKinds(t, "with successors", r.kinds(t))
	at(-1)
	r.pki.Revoke(successor.Encryption.Certificate)
	at(-1)
	wantKinds(t, "successor revoked", r.kinds(t),
		"partner-missing 9900000000002 encryption alarm", "partner-revoked 9900000000002 encryption warning")
}

// TestRadarOthers: own MP-ID without keys, endpoints that do not answer, path switches, and all of it as metrics.
func TestRadarOthers(t *testing.T) {
	t.Parallel()
	r := fetched(t, func(_ *rig, o *Options) { o.Own = []string{lieferant} })
	ctx := t.Context()
	p := New(netz)
	p.SetSwitch(PathSwitch{State: SwitchRequested, Own: lieferant, RequestedAt: r.clock()})
	if err := r.Put(ctx, p, "", ""); err != nil {
		t.Fatal(err)
	}
	missing := []string{
		"own-missing 9900000000001 encryption alarm", "own-missing 9900000000001 signature alarm", "own-missing 9900000000001 tls alarm",
	}
	wantKinds(t, "own MP-ID without keys", r.kinds(t), missing...)
	insert := func(key string, state store.TransmissionState, receipt time.Time) {
		t.Helper()
		err := r.store.Update(ctx, func(tx store.Tx) error {
			_, err := tx.InsertTransmission(store.Transmission{
				Direction: store.Out, Key: key, Recipient: netz, State: state, CreatedAt: r.clock(), ReceiptAt: receipt, Fault: "connection refused",
			})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	insert("a", store.TransmissionPending, time.Time{})
	wantKinds(t, "just sent", r.kinds(t), missing...)
	r.pass(31 * time.Minute)
	wantKinds(t, "half an hour later", r.kinds(t), append([]string{"endpoint-failing 9900000000002  alarm"}, missing...)...)
	insert("b", store.TransmissionDelivered, r.clock())
	wantKinds(t, "another one came through", r.kinds(t), append(missing[:3:3], "endpoint-failing 9900000000002  warning")...)

	registry := prometheus.NewRegistry()
	registry.MustRegister(r.Collector())
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, f := range families {
		for _, m := range f.GetMetric() {
			text.WriteString(f.GetName() + " " + m.String() + "\n")
		}
	}
	for _, want := range []string{
		`marktbote_crl_age_seconds label:{name:"ca" value:"Example.CA"} gauge:{value:5460}`, "marktbote_crl_next_update_seconds",
		`marktbote_partner_warnings label:{name:"kind" value:"own-missing"} label:{name:"severity" value:"alarm"} gauge:{value:3}`,
	} {
		if !strings.Contains(strings.ReplaceAll(text.String(), "  ", " "), want) {
			t.Errorf("no %s in\n%s", want, text.String())
		}
	}
	r.pass(8 * 24 * time.Hour)
	if got := strings.Join(r.kinds(t), "\n"); !strings.Contains(got, "crl-stale Example.CA  alarm") {
		t.Errorf("eight days later:\n%s", got)
	}
	r.pass(20 * 24 * time.Hour)
	if got := strings.Join(r.kinds(t), "\n"); !strings.Contains(got, "switch-unanswered 9900000000002  warning") {
		t.Errorf("four weeks later:\n%s", got)
	}
}
