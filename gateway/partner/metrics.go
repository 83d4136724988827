package partner

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
)

const (
	// surveyEvery is how old the numbers of a scrape may be.
	surveyEvery = 5 * time.Minute
	// surveyTimeout bounds how long a scrape waits for them.
	surveyTimeout = 10 * time.Second
)

// metrics are the gauges of a Directory.
type metrics struct {
	d *Directory

	mu   sync.Mutex
	at   time.Time // of last; guarded by mu
	last *survey   // guarded by mu

	warnings, until, listAge, listNext *prometheus.Desc
}

// Collector returns the gauges of the directory:
//
//	marktbote_partner_warnings{kind,severity}                       what Radar tells, counted
//	marktbote_certificate_until_seconds{mp_id,usage,own}            end of the last valid certificate, seconds since 1970; 0: there is none
//	marktbote_crl_age_seconds{ca}                                   time since a revocation list was made
//	marktbote_crl_next_update_seconds{ca}                           when it is overdue, seconds since 1970
//
// The numbers of a scrape are five minutes old at most.
func (d *Directory) Collector() prometheus.Collector {
	return &metrics{
		d:        d,
		warnings: prometheus.NewDesc("marktbote_partner_warnings", "Warnings about partners, certificates and revocation lists.", []string{"kind", "severity"}, nil),
		until:    prometheus.NewDesc("marktbote_certificate_until_seconds", "End of the last valid certificate, seconds since 1970; 0: there is none.", []string{"mp_id", "usage", "own"}, nil),
		listAge:  prometheus.NewDesc("marktbote_crl_age_seconds", "Time since the revocation list of a CA was made.", []string{"ca"}, nil),
		listNext: prometheus.NewDesc("marktbote_crl_next_update_seconds", "When the revocation list of a CA is overdue, seconds since 1970.", []string{"ca"}, nil),
	}
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.warnings, m.until, m.listAge, m.listNext} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(out chan<- prometheus.Metric) {
	now := m.d.opts.Now()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	seen := map[string]bool{} // two CAs may have one name while the root changes
	for _, l := range m.d.crls.States(now) {
		ca := l.Issuer.Subject.CommonName
		if l.ThisUpdate.IsZero() || seen[ca] {
			continue
		}
		seen[ca] = true
		gauge(m.listAge, now.Sub(l.ThisUpdate).Seconds(), ca)
		gauge(m.listNext, float64(l.NextUpdate.Unix()), ca)
	}
	s := m.survey(now)
	if s == nil {
		return
	}
	counts := map[[2]string]int{}
	for _, w := range s.warnings {
		counts[[2]string{string(w.Kind), string(w.Severity)}]++
	}
	for labels, n := range counts {
		gauge(m.warnings, float64(n), labels[0], labels[1])
	}
	for _, v := range s.valid {
		until, own := 0.0, "false"
		if !v.until.IsZero() {
			until = float64(v.until.Unix())
		}
		if v.own {
			own = "true"
		}
		gauge(m.until, until, v.mpID, v.usage, own)
	}
}

// survey returns what is known, made again if it is too old.
func (m *metrics) survey(now time.Time) *survey {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.last != nil && now.Sub(m.at) < surveyEvery && !now.Before(m.at) {
		return m.last
	}
	ctx, cancel := context.WithTimeout(context.Background(), surveyTimeout)
	defer cancel()
	s, err := m.d.survey(ctx, now)
	if err != nil {
		m.d.opts.Log.Warn("survey of partners", zap.Error(err))
		return m.last
	}
	m.last, m.at = s, now
	return s
}
